/* pool/bench/bench_work.h - from a mining.notify to bytes that can be hashed.
 *
 * A job of any pool, with the session's extranonces and a version, makes a header; only
 * the nonce is left open. SHA-256 over its first 64 bytes is done once per header, so a
 * try costs two compressions.
 *
 * Ownership  struct work holds a reference to its job; copy with work_ref(), release
 *            with work_clear(). Jobs are immutable, so threads may share one.
 * Errors     KZ_PARSE: a field of the notify is malformed. KZ_RANGE: a longer job id or
 *            branch than any pool has.
 * Thread     any. Pure: no I/O, lock or clock. */
#ifndef POOL_BENCH_WORK_H
#define POOL_BENCH_WORK_H

#include "pool/bench/bench_scan.h"
#include "share/job.h"

#define WORK_JOB_ID_MAX      64
#define WORK_EXTRANONCE1_MAX 32
#define WORK_EXTRANONCE2_MAX 16
#define WORK_EXTRANONCE_MAX  (WORK_EXTRANONCE1_MAX + WORK_EXTRANONCE2_MAX)

struct work {
    struct job *job;                  /* NULL: none yet */
    char job_id[WORK_JOB_ID_MAX + 1]; /* the pool's, JSON escapes untouched */
};

KZ_MUST_USE enum kz_err work_from_notify(struct work *w, struct bytes params);
struct work work_ref(const struct work *w);
void work_clear(struct work *w);

struct work_header {
    struct sha256_state first_block;
    uint8_t tail[16]; /* bytes 64 to 80; the last four are the nonce */
};

/* `extranonce` is extranonce1 and extranonce2. */
void work_header_make(struct work_header *h, const struct job *job,
                      const uint8_t *extranonce, size_t extranonce_len,
                      uint32_t version);
void work_header_hash(struct hash256 *out, const struct work_header *h, uint32_t nonce);

/* The low bits of `index` laid into the one bits of `mask`, lowest first. */
uint32_t work_version_bits(uint32_t mask, uint32_t index);
/* (version AND NOT mask) OR bits, BIP310. */
uint32_t work_version(uint32_t version, uint32_t mask, uint32_t bits);

/* `value` in the last bytes of `out`, big-endian, cut to `size`. */
void work_extranonce2(uint8_t *out, size_t size, uint64_t value);

#endif
