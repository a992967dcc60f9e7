/* pool/bench/bench_grind.h - threads that look for shares.
 *
 * Each thread has a range of nonces of its own and takes it in pieces of GRIND_PIECE:
 * one piece for each version that the mask allows (at most 16), then the next
 * extranonce2, then, should those run out, the next piece of its range. The place in
 * that order only ever moves on, over all jobs, so work that a pool sends twice is not
 * hashed twice.
 *
 * Ownership  grind_set_task() copies; the found share handed to on_found is borrowed.
 * Errors     grind_start(): KZ_IO when no thread can be made.
 * Thread     set_task, hashes, stop: the owner's. on_found runs on the owner's loop,
 *            through its mailbox; threads wait while GRIND_UNTOLD shares are untold. */
#ifndef POOL_BENCH_GRIND_H
#define POOL_BENCH_GRIND_H

#include "conf/mailbox.h"
#include "pool/bench/bench_work.h"

#define GRIND_THREADS_MAX 256
#define GRIND_PIECE       65536
#define GRIND_UNTOLD      256

struct grind_task {
    struct work work;
    uint8_t extranonce1[WORK_EXTRANONCE1_MAX];
    uint8_t extranonce1_len, extranonce2_size;
    uint32_t version_mask;
    struct target target;
    uint64_t session; /* the owner's count of connections, given back with a share */
};

struct grind_found {
    struct work work;
    uint8_t extranonce2[WORK_EXTRANONCE2_MAX];
    uint8_t extranonce2_size;
    bool has_version_bits;
    uint32_t ntime, nonce, version_bits;
    uint64_t session;
    struct hash256 hash;
};

struct grind;

struct grind_settings {
    unsigned threads;
    uint64_t hashes_per_second; /* of all threads; 0: as fast as they can */
    struct event_base *base;
    void (*on_found)(void *owner, const struct grind_found *f);
    void *owner;
};

KZ_MUST_USE enum kz_err grind_start(struct grind **out, const struct grind_settings *s);
void grind_set_task(struct grind *g, const struct grind_task *t); /* NULL: rest */
uint64_t grind_hashes(const struct grind *g);                     /* since the start */
/* Joins the threads; shares not told yet are dropped. NULL accepted. */
void grind_stop(struct grind *g);

#endif
