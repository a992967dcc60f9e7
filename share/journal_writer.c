#include "share/journal_writer.h"

#include "conf/mem.h"
#include "share/crc32c.h"

#include <string.h>

/* Segment numbers begin at 1, so what is zero was never written. */
struct login_slot {
    uint32_t segment;
    uint32_t miner_number;
    struct miner_id miner;
    struct worker_name worker;
};

struct job_slot {
    uint32_t segment;
    struct job_id id;
};

struct journal_writer {
    struct journal_stream *stream;
    struct login_slot logins[JOURNAL_LOGINS];
    struct job_slot jobs[JOURNAL_JOBS];
    uint8_t *bytes; /* for a job's body */
    size_t room;
};

struct journal_writer *journal_writer_new(struct journal_stream *stream)
{
    struct journal_writer *w = mem_new(sizeof(*w));
    w->stream = stream;
    return w;
}

void journal_writer_free(struct journal_writer *w)
{
    if (w == NULL)
        return;
    mem_free(w->bytes);
    mem_free(w);
}

static uint32_t slot_of(const struct share_record *r)
{
    uint32_t crc = crc32c_of(r->miner.text, strlen(r->miner.text) + 1);
    return crc32c_add(crc, r->worker.text, strlen(r->worker.text)) % JOURNAL_LOGINS;
}

static bool has_login(const struct journal_writer *w, uint32_t segment, uint32_t slot,
                      const struct share_record *r)
{
    const struct login_slot *l = &w->logins[slot];
    return l->segment == segment && l->miner_number == r->miner_number &&
           strcmp(l->worker.text, r->worker.text) == 0 &&
           strcmp(l->miner.text, r->miner.text) == 0;
}

static bool has_job(const struct journal_writer *w, uint32_t segment,
                    const struct job *job)
{
    if (job == NULL)
        return true;
    const struct job_slot *j = &w->jobs[job->id.serial % JOURNAL_JOBS];
    return j->segment == segment && j->id.serial == job->id.serial;
}

static enum kz_err append(struct journal_writer *w, uint64_t *seq,
                          struct journal_record *r)
{
    enum kz_err err = journal_stream_append(w->stream, r);
    if (err == KZ_OK)
        *seq = r->seq;
    return err;
}

static enum kz_err put_job(struct journal_writer *w, uint32_t segment, int64_t time_ms,
                           const struct job *job)
{
    uint64_t seq;
    size_t room = journal_job_room(job);
    if (room > w->room) {
        w->bytes = mem_resize(w->bytes, room);
        w->room = room;
    }
    struct journal_record r = {.time_ms = time_ms, .kind = JOURNAL_JOB};
    r.body = (struct bytes){w->bytes, journal_job_write(w->bytes, job)};
    enum kz_err err = append(w, &seq, &r);
    if (err == KZ_OK)
        w->jobs[job->id.serial % JOURNAL_JOBS] =
            (struct job_slot){.segment = segment, .id = job->id};
    return err;
}

static enum kz_err put_login(struct journal_writer *w, uint32_t segment, uint32_t slot,
                             const struct share_record *share)
{
    uint8_t body[JOURNAL_LOGIN_MAX];
    uint64_t seq;
    const struct journal_login l = {.slot = slot,
                                    .miner_number = share->miner_number,
                                    .miner = share->miner,
                                    .worker = share->worker};
    struct journal_record r = {.time_ms = share->time_ms, .kind = JOURNAL_LOGIN};
    r.body = (struct bytes){body, journal_login_write(body, &l)};
    enum kz_err err = append(w, &seq, &r);
    if (err == KZ_OK)
        w->logins[slot] = (struct login_slot){.segment = segment,
                                              .miner_number = l.miner_number,
                                              .miner = l.miner,
                                              .worker = l.worker};
    return err;
}

/* Room for the share and for all it may refer to, in one segment: which one it is must
 * be known before it is asked what of that is there. */
static enum kz_err find_room(struct journal_writer *w, uint32_t *segment,
                             bool *needs_job, const struct job *job)
{
    size_t share =
        journal_record_size(JOURNAL_SHARE_MAX) + journal_record_size(JOURNAL_LOGIN_MAX);
    *needs_job = false;
    enum kz_err err = journal_stream_room(w->stream, segment, share);
    if (err != KZ_OK || has_job(w, *segment, job))
        return err;
    *needs_job = true;
    if (journal_job_room(job) > JOURNAL_BODY_MAX)
        return KZ_RANGE;
    size_t with_job = share + journal_record_size(journal_job_room(job));
    return journal_stream_room(w->stream, segment, with_job);
}

enum kz_err journal_writer_put(struct journal_writer *w, uint64_t *seq,
                               const struct share_record *r, const struct job *job)
{
    uint8_t body[JOURNAL_SHARE_MAX];
    uint32_t segment, slot = slot_of(r);
    bool needs_job;
    enum kz_err err = find_room(w, &segment, &needs_job, job);
    if (err == KZ_OK && needs_job)
        err = put_job(w, segment, r->time_ms, job);
    if (err == KZ_OK && !has_login(w, segment, slot, r))
        err = put_login(w, segment, slot, r);
    if (err != KZ_OK)
        return err;
    struct journal_record share = {
        .time_ms = r->time_ms, .target = JOURNAL_TALLY, .kind = JOURNAL_SHARE};
    share.body = (struct bytes){body, journal_share_write(body, r, slot)};
    return append(w, seq, &share);
}
