/* pool/bench/bench_hist.h - a histogram of times that keeps its tail.
 *
 * Buckets are log-linear: exact below 128 ns, then 64 to each doubling, so a percentile
 * is at most 1.6 % above the value that was recorded and p99.9 of a hundred million
 * replies is as good as the median. Least, most and sum are exact. Integers only.
 *
 * Units   nanoseconds; what is below 0 counts as 0.
 * Thread  its owner's. Pure: no I/O, lock, clock or allocation. */
#ifndef POOL_BENCH_HIST_H
#define POOL_BENCH_HIST_H

#include <stdint.h>

#define HIST_SUB_BITS 6
#define HIST_BUCKETS  ((64 - HIST_SUB_BITS + 1) << HIST_SUB_BITS)

struct hist {
    uint64_t count, sum;
    uint64_t min, max; /* meaningful when count > 0 */
    uint64_t buckets[HIST_BUCKETS];
};

void hist_add(struct hist *h, int64_t ns);

/* The least value that at least per_mille/1000 of those recorded do not exceed: 500 is
 * the median, 999 is p99.9, 1000 the most. 0 when nothing was recorded. */
uint64_t hist_at(const struct hist *h, unsigned per_mille);
uint64_t hist_mean(const struct hist *h);

#endif
