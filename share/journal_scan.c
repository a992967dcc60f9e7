#include "share/journal_scan.h"

#include <string.h>

void journal_scan_enter(struct journal_scan *s, struct bytes segment)
{
    s->in = segment;
    s->at = JOURNAL_HEAD_SIZE;
}

void journal_start_write(uint8_t body[JOURNAL_START_BODY],
                         const uint64_t last_of[JOURNAL_TARGETS])
{
    for (size_t t = 1; t < JOURNAL_TARGETS; t++)
        write_le64(body + 8 * (t - 1), last_of[t]);
}

/* What is wrong with a segment's first record; NULL: nothing. */
static const char *check_start(struct journal_scan *s, const struct journal_record *r)
{
    uint64_t last_of[JOURNAL_TARGETS] = {0};
    if (r->kind != JOURNAL_START || r->target != JOURNAL_NONE ||
        r->body.len != JOURNAL_START_BODY || r->seq == 0)
        return "the segment does not begin with its start record";
    for (size_t t = 1; t < JOURNAL_TARGETS; t++)
        last_of[t] = read_le64(r->body.p + 8 * (t - 1));
    if (s->is_known && r->seq != s->last_seq + 1)
        return "records between two segments are missing";
    if (s->is_known && memcmp(last_of, s->last_of, sizeof(last_of)) != 0)
        return "the segment's start does not fit the one before";
    memcpy(s->last_of, last_of, sizeof(last_of));
    return NULL;
}

static const char *check_place(struct journal_scan *s, const struct journal_record *r)
{
    if (s->at == JOURNAL_HEAD_SIZE)
        return check_start(s, r);
    if (r->seq != s->last_seq + 1)
        return "the record's number does not follow";
    if (r->kind == JOURNAL_START)
        return "a start record within a segment";
    if (r->prev != s->last_of[r->target])
        return "the record's predecessor is another";
    return NULL;
}

enum kz_err journal_scan_next(struct journal_scan *s, struct journal_record *r,
                              const char **why)
{
    struct journal_record found;
    if (s->at >= s->in.len)
        return KZ_EMPTY;
    struct bytes rest = {s->in.p + s->at, s->in.len - s->at};
    enum kz_err err = journal_record_read(&found, rest);
    if (err == KZ_EMPTY)
        return err;
    *why = err == KZ_OK ? check_place(s, &found) : "the record's bytes are not whole";
    if (*why != NULL)
        return KZ_PARSE;
    s->at += journal_record_size(found.body.len);
    s->is_known = true;
    s->last_seq = found.seq;
    if (found.target != JOURNAL_NONE)
        s->last_of[found.target] = found.seq;
    *r = found;
    return KZ_OK;
}
