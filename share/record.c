#include "share/record.h"

#include "conf/mem.h"

#include <stdatomic.h>

#define CACHE_LINE 64

/* Each side's counters on a cache line of its own, so that the two threads do not pull
 * one line back and forth. Each also keeps what it last saw of the other's counter and
 * looks again only when that is not enough. The counters never wrap in practice and
 * may: only their difference is used. */
struct record_queue {
    struct share_record *slots;
    size_t mask; /* capacity - 1 */
    char pad_put[CACHE_LINE];
    atomic_size_t put; /* written by the writer */
    size_t taken_seen; /* the writer's view of `taken` */
    char pad_take[CACHE_LINE];
    atomic_size_t taken; /* written by the reader */
    char pad_end[CACHE_LINE];
};

struct record_queue *record_queue_new(size_t capacity)
{
    size_t size = 1;
    while (size < capacity)
        size *= 2;
    struct record_queue *q = mem_new(sizeof(*q));
    q->slots = mem_array(size, sizeof(*q->slots));
    q->mask = size - 1;
    atomic_init(&q->put, 0);
    atomic_init(&q->taken, 0);
    return q;
}

void record_queue_free(struct record_queue *q)
{
    if (q == NULL)
        return;
    mem_free(q->slots);
    mem_free(q);
}

enum kz_err record_queue_put(struct record_queue *q, const struct share_record *r)
{
    size_t put = atomic_load_explicit(&q->put, memory_order_relaxed);
    if (put - q->taken_seen > q->mask) {
        q->taken_seen = atomic_load_explicit(&q->taken, memory_order_acquire);
        if (put - q->taken_seen > q->mask)
            return KZ_BUSY;
    }
    q->slots[put & q->mask] = *r;
    atomic_store_explicit(&q->put, put + 1, memory_order_release);
    return KZ_OK;
}

size_t record_queue_take(struct record_queue *q, struct share_record *out, size_t max)
{
    size_t taken = atomic_load_explicit(&q->taken, memory_order_relaxed);
    size_t count = atomic_load_explicit(&q->put, memory_order_acquire) - taken;
    if (count > max)
        count = max;
    for (size_t i = 0; i < count; i++)
        out[i] = q->slots[(taken + i) & q->mask];
    atomic_store_explicit(&q->taken, taken + count, memory_order_release);
    return count;
}

size_t record_queue_count(const struct record_queue *q)
{
    /* Taken first: read the other way round it could have passed `put`. */
    size_t taken = atomic_load_explicit(&q->taken, memory_order_acquire);
    return atomic_load_explicit(&q->put, memory_order_acquire) - taken;
}
