/* share/record.h - one judged share, and the queue it leaves its front thread by.
 *
 * A record carries what the tally needs and what a later reader needs to compute the
 * header again (job, extranonces, ntime, nonce, version). The queue is a bounded ring
 * with one writer (a front thread) and one reader (the store thread): no lock, no
 * system call, no wake-up; the reader looks at it on a timer.
 *
 * Full: record_queue_put() answers KZ_BUSY and the share is refused as overloaded
 * before any reply, so a reply never lies. Thread: put: the writer alone; take: the
 * reader alone. */
#ifndef SHARE_RECORD_H
#define SHARE_RECORD_H

#include "share/check.h"
#include "share/ids.h"

struct share_record {
    int64_t time_ms; /* UTC */
    uint64_t session;
    struct job_id job;
    uint32_t height;
    enum share_verdict verdict;
    bool is_block;
    uint64_t work;     /* credited: 0 unless accepted */
    double difficulty; /* of the hash; for "best share" only */
    struct hash256 hash;
    uint8_t extranonce1[9], extranonce2[8]; /* 1: behind the generation, as hashed */
    uint8_t extranonce1_len, extranonce2_len;
    uint32_t ntime, nonce, version;
    uint32_t miner_number;
    struct miner_id miner;
    struct worker_name worker;
};

struct record_queue;

/* `capacity` is rounded up to a power of two. */
struct record_queue *record_queue_new(size_t capacity);
void record_queue_free(struct record_queue *q);
KZ_MUST_USE enum kz_err record_queue_put(struct record_queue *q,
                                         const struct share_record *r);
/* Up to `max`, oldest first; returns how many. */
size_t record_queue_take(struct record_queue *q, struct share_record *out, size_t max);
size_t
record_queue_count(const struct record_queue *q); /* any thread; a moment's view */

#endif
