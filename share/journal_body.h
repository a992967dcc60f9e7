/* share/journal_body.h - the bodies of share, login and job records, in bytes.
 *
 * Varints are those of share/pack.h.
 *
 *   share  verdict (bit 7: is_block) u8, extranonce lengths (1 low, 2 high half) u8,
 *          login, session, job, height, work varints, ntime nonce version u32,
 *          difficulty of the hash (bits of a double) u64, extranonces 1 and 2
 *   login  slot varint, miner number varint, lengths u8 u8, miner, worker
 *   job    id, height, snapshot varints, version nbits ntime mintime u32, previous hash [32],
 *          branch count u8, branch, length varint and bytes of coinb1, of coinb2
 *
 * The time is the record's own. A share's hash is not kept: job and share give it, and
 * its difficulty, kept to the last bit, says whether it is the one that was judged
 * (share/journal_check.h). So a share takes about 100 bytes with its record.
 *
 * Errors  KZ_PARSE: not such a body; the outputs are untouched.
 * Pure: no I/O, lock, clock or allocation; any thread. */
#ifndef SHARE_JOURNAL_BODY_H
#define SHARE_JOURNAL_BODY_H

#include "share/journal_record.h"
#include "share/record.h"

#define JOURNAL_SHARE_MAX 96
#define JOURNAL_LOGIN_MAX (2 * 10 + 2 + MINER_ID_MAX + WORKER_NAME_MAX)

struct journal_login {
    uint32_t slot; /* what shares of this segment call it */
    uint32_t miner_number;
    struct miner_id miner;
    struct worker_name worker;
};

struct journal_job {
    struct job_id id;
    uint64_t snapshot_id; /* whom its coinbase may pay; 0: the pool alone */
    uint32_t height, version, nbits, ntime, mintime;
    struct hash256 prev_hash;
    size_t branch_count;
    struct hash256 branch[TEMPLATE_BRANCH_MAX];
    struct bytes coinb1, coinb2; /* borrowed */
};

/* Each returns how many bytes it wrote. */
size_t journal_share_write(uint8_t out[JOURNAL_SHARE_MAX], const struct share_record *r,
                           uint32_t login_slot);
size_t journal_login_write(uint8_t out[JOURNAL_LOGIN_MAX],
                           const struct journal_login *l);
size_t journal_job_room(const struct job *job); /* an upper bound */
size_t journal_job_write(uint8_t *out, const struct job *job);

/* All of `r` but the hash and who it is credited to. */
KZ_MUST_USE enum kz_err journal_share_read(struct share_record *r, uint32_t *login_slot,
                                           const struct journal_record *from);
KZ_MUST_USE enum kz_err journal_login_read(struct journal_login *l, struct bytes body);
KZ_MUST_USE enum kz_err journal_job_read(struct journal_job *j, struct bytes body);

#endif
