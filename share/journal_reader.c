#include "share/journal_reader.h"

#include "conf/log.h"
#include "conf/mem.h"
#include "share/journal_writer.h"

#include <string.h>

struct kept_job {
    struct journal_job job;
    uint8_t *bytes; /* owned; what job's parts point into */
};

struct journal_reader {
    struct journal_stream *stream;
    bool is_bad;
    bool has_login[JOURNAL_LOGINS];
    struct journal_login logins[JOURNAL_LOGINS];
    struct kept_job jobs[JOURNAL_JOBS];
    struct job_id last_job;
};

struct journal_reader *journal_reader_new(struct journal_stream *stream)
{
    struct journal_reader *r = mem_new(sizeof(*r));
    r->stream = stream;
    return r;
}

static void forget(struct journal_reader *r)
{
    memset(r->has_login, 0, sizeof(r->has_login));
    for (size_t i = 0; i < JOURNAL_JOBS; i++) {
        mem_free(r->jobs[i].bytes);
        r->jobs[i].bytes = NULL;
    }
}

void journal_reader_free(struct journal_reader *r)
{
    if (r == NULL)
        return;
    forget(r);
    mem_free(r);
}

static enum kz_err keep_login(struct journal_reader *r, struct bytes body)
{
    struct journal_login l;
    if (journal_login_read(&l, body) != KZ_OK || l.slot >= JOURNAL_LOGINS)
        return KZ_PARSE;
    r->logins[l.slot] = l;
    r->has_login[l.slot] = true;
    return KZ_OK;
}

static enum kz_err keep_job(struct journal_reader *r, struct bytes body)
{
    struct journal_job job;
    uint8_t *bytes = mem_copy(body.p, body.len);
    if (journal_job_read(&job, (struct bytes){bytes, body.len}) != KZ_OK) {
        mem_free(bytes);
        return KZ_PARSE;
    }
    struct kept_job *k = &r->jobs[job.id.serial % JOURNAL_JOBS];
    mem_free(k->bytes);
    k->job = job;
    k->bytes = bytes;
    return KZ_OK;
}

static enum kz_err read_share(struct journal_reader *r, struct share_record *share,
                              const struct journal_record *from)
{
    struct share_record s;
    uint32_t slot;
    if (journal_share_read(&s, &slot, from) != KZ_OK || slot >= JOURNAL_LOGINS ||
        !r->has_login[slot])
        return KZ_PARSE;
    const struct journal_login *l = &r->logins[slot];
    s.miner_number = l->miner_number;
    s.miner = l->miner;
    s.worker = l->worker;
    r->last_job = s.job;
    *share = s;
    return KZ_OK;
}

enum kz_err journal_reader_take(struct journal_reader *r, struct share_record *share,
                                const struct journal_record *from)
{
    enum kz_err err = KZ_PARSE;
    switch (from->kind) {
    case JOURNAL_START:
        forget(r);
        return KZ_EMPTY;
    case JOURNAL_LOGIN:
        err = keep_login(r, from->body);
        break;
    case JOURNAL_JOB:
        err = keep_job(r, from->body);
        break;
    case JOURNAL_SHARE:
        return read_share(r, share, from);
    default:
        break;
    }
    return err == KZ_OK ? KZ_EMPTY : err;
}

enum kz_err journal_reader_next(struct journal_reader *r, struct share_record *share,
                                uint64_t *seq, uint64_t *prev, bool synced_only)
{
    struct journal_record from;
    enum kz_err err = KZ_EMPTY;
    while (err == KZ_EMPTY && !r->is_bad) {
        err = journal_stream_read(r->stream, &from, synced_only);
        if (err != KZ_OK)
            return err;
        err = journal_reader_take(r, share, &from);
    }
    if (err == KZ_OK) {
        *seq = from.seq;
        *prev = from.prev;
        return KZ_OK;
    }
    if (!r->is_bad)
        log_error("journal_record_not_understood",
                  kv_u64("stream", journal_stream_number(r->stream)),
                  kv_u64("seq", from.seq), kv_u64("kind", from.kind));
    r->is_bad = true;
    return KZ_PARSE;
}

const struct journal_job *journal_reader_job(const struct journal_reader *r)
{
    const struct kept_job *k = &r->jobs[r->last_job.serial % JOURNAL_JOBS];
    return k->bytes != NULL && k->job.id.serial == r->last_job.serial ? &k->job : NULL;
}
