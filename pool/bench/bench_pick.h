/* pool/bench/bench_pick.h - shares of the kind that a load test asks for.
 *
 * A share that is to be refused for its difficulty must miss the target, and neither
 * kind may be a block by accident: on an easy network (regtest: every other hash is
 * one) the pool would send blocks to its node instead of judging shares. So hashes are
 * tried until one is of the kind. Where a random hash is all but sure to be right (both
 * targets below 2^-20) nothing is hashed and no job is taken apart.
 *
 * All sessions of most pools get the same line; the last one that was taken apart is
 * kept and its job is shared.
 *
 * Ownership  a picker holds the job of its session; pick_clear() releases it.
 * Errors     KZ_RANGE: no such share is to be found; KZ_EMPTY: no job yet.
 * Thread     the loop's. Pure: no I/O, lock or clock. */
#ifndef POOL_BENCH_PICK_H
#define POOL_BENCH_PICK_H

#include "pool/bench/bench_client.h"

struct pick_rules {
    bool valid;     /* shares that meet their target; else ones that miss it */
    bool blocks_ok; /* valid ones may meet the network's target */
};

struct pick_cache {
    uint8_t *params; /* owned; the notify that `work` came from */
    size_t len;
    struct work work;
};

struct picker {
    struct work work; /* job NULL: nothing has to be hashed */
    struct work_header header;
    uint64_t extranonce2;
    uint32_t ntime, nonce;
    bool has_job, has_header, must_hash;
    struct target easiest, hardest; /* in force since the job came */
};

KZ_MUST_USE enum kz_err pick_job(struct picker *p, struct pick_cache *cache,
                                 const struct pick_rules *rules, const struct client *c,
                                 const struct scan_notify *n, struct bytes params);

/* The session's difficulty changed: pools differ in what they do with the job they sent
 * before it, so a share has to be of its kind by every target since. */
void pick_terms(struct picker *p, const struct client *c);

/* Fills `s`, which borrows from the picker and from `extranonce2`. */
KZ_MUST_USE enum kz_err pick_share(struct client_share *s,
                                   uint8_t extranonce2[WORK_EXTRANONCE2_MAX],
                                   struct picker *p, const struct pick_rules *rules,
                                   const struct client *c);

void pick_clear(struct picker *p);
void pick_cache_clear(struct pick_cache *cache);

#endif
