#include "pool/audit/chain_stream.h"

#include "share/event.h"
#include "share/journal_verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct reading {
    struct chain_check check;
    uint64_t last;
    enum kz_err err; /* the first */
    char *why;
};

static void take_link(struct reading *r, const struct journal_record *record)
{
    json_t *body = json_loadb((const char *)record->body.p, record->body.len, 0, NULL);
    const json_t *link = json_object_get(body, "audit");
    if (link != NULL)
        r->err = chain_check_feed(&r->check, r->why, link);
    else if (r->check.events > 0)
        r->err = audit_refuse(r->why,
                              "record %" PRIu64 " of the journal: no event tells of it",
                              record->seq);
    json_decref(body);
}

static void on_record(void *ctx, uint32_t stream, const struct journal_record *record,
                      const struct share_record *share)
{
    struct reading *r = ctx;
    (void)share;
    if (stream != JOURNAL_EVENTS)
        return;
    r->last = record->seq;
    if (r->err == KZ_OK && (record->kind == EVENT_MINER || record->kind == EVENT_AUDIT))
        take_link(r, record);
}

static void on_damage(void *ctx, const struct journal_damage *d)
{
    struct reading *r = ctx;
    if (r->err != KZ_OK)
        return;
    audit_refuse(r->why,
                 "the event stream is damaged in segment %" PRIu32
                 ", behind record %" PRIu64 ": %s",
                 d->segment, d->last_seq, d->why);
    r->err = KZ_PARSE;
}

enum kz_err chain_stream_read(struct chain_stream *out, char why[AUDIT_WHY_SIZE],
                              const char *dir, const struct chain_head *expect)
{
    struct journal_verify_report report;
    struct reading r = {.err = KZ_OK, .why = why};
    const struct journal_verify_options o = {
        .dir = dir, .on_record = on_record, .on_damage = on_damage, .ctx = &r};
    chain_check_init(&r.check, NULL, expect);
    enum kz_err err = journal_verify(&report, &o);
    if (err != KZ_OK) {
        audit_refuse(why, err == KZ_EMPTY ? "there is no journal"
                                          : "the journal cannot be read");
        return err;
    }
    if (r.err == KZ_OK)
        r.err = chain_check_finish(&r.check, why);
    if (r.err != KZ_OK && r.err != KZ_EMPTY) /* without an event there is no chain */
        return r.err;
    *out = (struct chain_stream){.head = r.check.head, .last = r.last};
    snprintf(out->id, sizeof(out->id), "%s", report.id);
    return KZ_OK;
}
