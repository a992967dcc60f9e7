#include "share/journal_check.h"

#include "share/merkle.h"

#include <string.h>

static const char *const fault_names[JOURNAL_FAULTS] = {
    [JOURNAL_GOOD] = "good",
    [JOURNAL_NO_JOB] = "no_job",
    [JOURNAL_OTHER_JOB] = "other_job",
    [JOURNAL_OTHER_HASH] = "other_hash",
    [JOURNAL_NOT_EARNED] = "not_earned",
    [JOURNAL_NO_CREDIT] = "no_credit",
    [JOURNAL_CREDIT] = "credit",
    [JOURNAL_TIME] = "time",
    [JOURNAL_BLOCK] = "block",
};

const char *journal_fault_name(enum journal_fault f)
{
    return fault_names[f];
}

void journal_coinbase_id(struct hash256 *txid, const struct share_record *s,
                         const struct journal_job *job)
{
    struct sha256_state state;
    sha256_begin(&state);
    sha256_add(&state, job->coinb1.p, job->coinb1.len);
    sha256_add(&state, s->extranonce1, s->extranonce1_len);
    sha256_add(&state, s->extranonce2, s->extranonce2_len);
    sha256_add(&state, job->coinb2.p, job->coinb2.len);
    sha256_end_double(txid, &state);
}

static void build_header(uint8_t header[80], const struct journal_job *job,
                         const struct share_record *s)
{
    struct hash256 root;
    journal_coinbase_id(&root, s, job);
    merkle_fold(&root, &root, job->branch, job->branch_count);
    write_le32(header, s->version);
    memcpy(header + 4, job->prev_hash.b, 32);
    memcpy(header + 36, root.b, 32);
    write_le32(header + 68, s->ntime);
    write_le32(header + 72, job->nbits);
    write_le32(header + 76, s->nonce);
}

static uint64_t worth_of(const struct hash256 *hash, uint64_t unit)
{
    struct target t;
    uint64_t work;
    for (size_t i = 0; i < 4; i++)
        t.limb[i] = read_le64(hash->b + 8 * i);
    return target_work(&work, &t, unit) ? work : UINT64_MAX;
}

/* The same function on the same hash; but a compiler may round its last step otherwise
 * than the one that built the daemon of that day. */
static bool is_same_difficulty(double a, double b)
{
    double apart = a > b ? a - b : b - a;
    return apart <= b * 1e-12;
}

static enum journal_fault check_credit(const struct share_record *s,
                                       const struct journal_job *job, uint64_t worth)
{
    if (s->verdict != SHARE_ACCEPTED)
        return s->work > 0 ? JOURNAL_CREDIT : JOURNAL_GOOD;
    if (s->work == 0)
        return JOURNAL_NO_CREDIT;
    if (worth < s->work)
        return JOURNAL_NOT_EARNED;
    if (s->ntime < job->mintime ||
        (int64_t)s->ntime > s->time_ms / 1000 + JOB_NTIME_MAX_AHEAD)
        return JOURNAL_TIME;
    return JOURNAL_GOOD;
}

enum journal_fault journal_check(struct journal_check *out,
                                 const struct share_record *share,
                                 const struct journal_job *job, uint64_t unit)
{
    struct target network;
    if (job == NULL)
        return JOURNAL_NO_JOB;
    if (job->id.serial != share->job.serial || job->height != share->height ||
        target_from_nbits(&network, job->nbits) != KZ_OK)
        return JOURNAL_OTHER_JOB;
    build_header(out->header, job, share);
    hash256_double(&out->hash, out->header, sizeof(out->header));
    out->worth = worth_of(&out->hash, unit);
    if (!is_same_difficulty(share->difficulty, hash256_difficulty(&out->hash)))
        return JOURNAL_OTHER_HASH;
    enum journal_fault fault = check_credit(share, job, out->worth);
    if (fault == JOURNAL_GOOD && share->is_block != target_is_met(&network, &out->hash))
        return JOURNAL_BLOCK;
    return fault;
}
