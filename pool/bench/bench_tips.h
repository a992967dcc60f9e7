/* pool/bench/bench_tips.h - when each session got its job upon each new block.
 *
 * A session's first job says nothing about speed and is not counted; each later one
 * with another previous block is an arrival. Pools may send an empty job first and the
 * one with transactions behind it, so the first job with a merkle branch counts as
 * well.
 *
 * Units   nanoseconds of the monotonic clock; the report is in milliseconds.
 * Bounds  TIPS_MAX blocks; jobs upon later ones are not counted, and the report says so.
 * Thread  the loop's. */
#ifndef POOL_BENCH_TIPS_H
#define POOL_BENCH_TIPS_H

#include "pool/bench/bench_node.h"
#include "pool/bench/bench_scan.h"

#include <jansson.h>

#define TIPS_MAX 128

struct tips;

/* What a session remembers; begins zeroed. */
struct tips_session {
    uint8_t tip; /* index + 1; 0: no job yet */
    bool counted, full_counted;
};

struct tips *tips_new(size_t sessions);
void tips_free(struct tips *t);

/* From here on arrivals are counted: the ramp is over. */
void tips_begin(struct tips *t);
void tips_job(struct tips *t, struct tips_session *s, const struct scan_notify *n,
              int64_t now_ns);

/* `blocks` tells when the node made which; NULL when it was not asked. */
json_t *tips_report(const struct tips *t, const struct node_blocks *blocks);

#endif
