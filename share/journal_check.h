/* share/journal_check.h - a share of the journal, computed again: does it earn its
 * credit?
 *
 * From the job's coinbase parts and branch and the share's extranonces, ntime, nonce and
 * version the header is made anew, and its hash. Work W was earned when the hash, taken
 * as a target, is itself worth W or more: floor(2^256 / ((hash + 1) * U)) >= W. That
 * holds for every hash that meets a target worth W, and for no hash above the easiest
 * such target, so the target need not be kept beside the work.
 *
 * Pure: no I/O, lock, clock or allocation; any thread. */
#ifndef SHARE_JOURNAL_CHECK_H
#define SHARE_JOURNAL_CHECK_H

#include "share/journal_body.h"

enum journal_fault {
    JOURNAL_GOOD,
    JOURNAL_NO_JOB,     /* its job was not written: cannot be computed */
    JOURNAL_OTHER_JOB,  /* the job is another's, or of another height */
    JOURNAL_OTHER_HASH, /* not the hash that was judged */
    JOURNAL_NOT_EARNED, /* the hash is worth less than was credited */
    JOURNAL_NO_CREDIT,  /* accepted, and nothing credited */
    JOURNAL_CREDIT,     /* refused, and yet something credited */
    JOURNAL_TIME,       /* accepted outside the window for ntime */
    JOURNAL_BLOCK,      /* marked as a block and is none, or the other way round */
    JOURNAL_FAULTS      /* how many there are */
};

/* A short lower-case word. */
const char *journal_fault_name(enum journal_fault f);

struct journal_check {
    uint8_t header[80];
    struct hash256 hash;
    uint64_t worth; /* of the hash, in work units; UINT64_MAX above 63 bits */
};

/* The txid of the coinbase that the share was made from. */
void journal_coinbase_id(struct hash256 *txid, const struct share_record *share,
                         const struct journal_job *job);

/* The first fault, in the order above. `unit` is the network's work unit. `out` is
 * filled but for the first two. `job` may be NULL. */
enum journal_fault journal_check(struct journal_check *out,
                                 const struct share_record *share,
                                 const struct journal_job *job, uint64_t unit);

#endif
