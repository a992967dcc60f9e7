#include "pool/bench/bench_hist.h"

#define HIST_SUB ((uint64_t)1 << HIST_SUB_BITS)

/* Values below 2 * HIST_SUB are their own bucket. Above, the highest HIST_SUB_BITS + 1
 * bits choose it: `shift` doublings, and a place within the last. */
static unsigned bucket_of(uint64_t v)
{
    if (v < 2 * HIST_SUB)
        return (unsigned)v;
    unsigned shift = 63u - (unsigned)__builtin_clzll(v) - HIST_SUB_BITS;
    return (unsigned)((uint64_t)shift * HIST_SUB + (v >> shift));
}

/* The largest value that falls into bucket `i`. */
static uint64_t bucket_top(unsigned i)
{
    if (i < 2 * HIST_SUB)
        return i;
    unsigned shift = (unsigned)(i / HIST_SUB) - 1;
    uint64_t high = i - (uint64_t)shift * HIST_SUB;
    return ((high + 1) << shift) - 1;
}

void hist_add(struct hist *h, int64_t ns)
{
    uint64_t v = ns > 0 ? (uint64_t)ns : 0;
    h->buckets[bucket_of(v)]++;
    if (h->count == 0 || v < h->min)
        h->min = v;
    if (v > h->max)
        h->max = v;
    h->count++;
    h->sum += v;
}

uint64_t hist_at(const struct hist *h, unsigned per_mille)
{
    if (h->count == 0)
        return 0;
    uint64_t wanted =
        h->count / 1000 * per_mille + (h->count % 1000 * per_mille + 999) / 1000;
    uint64_t seen = 0;
    for (unsigned i = 0; i < HIST_BUCKETS; i++) {
        seen += h->buckets[i];
        if (seen < wanted || seen == 0)
            continue;
        uint64_t top = bucket_top(i);
        return top < h->max ? top : h->max;
    }
    return h->max;
}

uint64_t hist_mean(const struct hist *h)
{
    return h->count > 0 ? h->sum / h->count : 0;
}
