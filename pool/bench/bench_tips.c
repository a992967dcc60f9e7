#include "pool/bench/bench_tips.h"

#include "conf/mem.h"

#include <stdlib.h>
#include <string.h>

struct arrivals {
    int64_t *ns; /* owned; in the order they came, so the first is the least */
    size_t count;
};

struct tip {
    char prevhash[HASH256_HEX_SIZE];
    struct arrivals any, full;
};

struct tips {
    size_t sessions, count;
    bool counting;
    uint64_t uncounted;
    struct tip tip[TIPS_MAX];
};

struct tips *tips_new(size_t sessions)
{
    struct tips *t = mem_new(sizeof(*t));
    t->sessions = sessions;
    return t;
}

void tips_free(struct tips *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < t->count; i++) {
        mem_free(t->tip[i].any.ns);
        mem_free(t->tip[i].full.ns);
    }
    mem_free(t);
}

void tips_begin(struct tips *t)
{
    t->counting = true;
}

static bool is_tip(const struct tip *tip, struct bytes prevhash)
{
    return prevhash.len == HASH256_HEX_SIZE - 1 &&
           memcmp(tip->prevhash, prevhash.p, prevhash.len) == 0;
}

/* Index + 1 of the tip, made when it is new; 0 when there is no room. Newest first:
 * that is the one that everybody asks for. */
static uint8_t tip_find(struct tips *t, struct bytes prevhash)
{
    for (size_t i = t->count; i > 0; i--)
        if (is_tip(&t->tip[i - 1], prevhash))
            return (uint8_t)i;
    if (t->count == TIPS_MAX || prevhash.len != HASH256_HEX_SIZE - 1)
        return 0;
    struct tip *tip = &t->tip[t->count++];
    memcpy(tip->prevhash, prevhash.p, prevhash.len);
    tip->any.ns = mem_array(t->sessions, sizeof(int64_t));
    tip->full.ns = mem_array(t->sessions, sizeof(int64_t));
    return (uint8_t)t->count;
}

static void arrive(struct arrivals *a, size_t max, int64_t now_ns)
{
    if (a->count < max)
        a->ns[a->count++] = now_ns;
}

void tips_job(struct tips *t, struct tips_session *s, const struct scan_notify *n,
              int64_t now_ns)
{
    if (s->tip == 0 || !is_tip(&t->tip[s->tip - 1], n->prevhash)) {
        bool is_first = s->tip == 0;
        uint8_t tip = tip_find(t, n->prevhash);
        if (tip == 0) {
            t->uncounted++;
            return;
        }
        *s = (struct tips_session){.tip = tip,
                                   .counted = is_first || !t->counting,
                                   .full_counted = is_first || !t->counting};
    }
    if (!s->counted)
        arrive(&t->tip[s->tip - 1].any, t->sessions, now_ns);
    s->counted = true;
    if (!s->full_counted && n->has_branch) {
        arrive(&t->tip[s->tip - 1].full, t->sessions, now_ns);
        s->full_counted = true;
    }
}

/* --- report ----------------------------------------------------------------------- */

static int compare_ns(const void *a, const void *b)
{
    int64_t x, y;
    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return x < y ? -1 : x > y;
}

static json_t *milliseconds(int64_t ns)
{
    return json_real((double)(ns / 1000) / 1000.0);
}

/* p50, p99, most of times[0 .. count), which are sorted here. */
static json_t *summary(int64_t *times, size_t count)
{
    json_t *o = json_object();
    json_object_set_new(o, "count", json_integer((json_int_t)count));
    if (count == 0)
        return o;
    qsort(times, count, sizeof(times[0]), compare_ns);
    json_object_set_new(o, "p50_ms", milliseconds(times[(count - 1) / 2]));
    json_object_set_new(o, "p99_ms", milliseconds(times[(count * 99 + 99) / 100 - 1]));
    json_object_set_new(o, "max_ms", milliseconds(times[count - 1]));
    return o;
}

static const struct node_block *block_of(const struct tip *tip,
                                         const struct node_blocks *blocks)
{
    for (size_t i = 0; blocks != NULL && i < blocks->count; i++)
        if (strcmp(blocks->block[i].prevhash, tip->prevhash) == 0)
            return &blocks->block[i];
    return NULL;
}

struct pick {
    bool full;
    enum { FROM_FIRST, FROM_CALL, FROM_RETURN } from;
};

/* Times of all tips, as `pick` says. With FROM_FIRST: one a tip, first to last. */
static json_t *collect(const struct tips *t, const struct node_blocks *blocks,
                       struct pick pick)
{
    int64_t *times = mem_array(t->sessions * t->count, sizeof(int64_t));
    size_t n = 0;
    for (size_t i = 0; i < t->count; i++) {
        const struct tip *tip = &t->tip[i];
        const struct arrivals *a = pick.full ? &tip->full : &tip->any;
        const struct node_block *b = block_of(tip, blocks);
        if (a->count == 0)
            continue;
        if (pick.from == FROM_FIRST) {
            times[n++] = a->ns[a->count - 1] - a->ns[0];
            continue;
        }
        if (b == NULL)
            continue;
        int64_t begin = pick.from == FROM_CALL ? b->called_ns : b->returned_ns;
        for (size_t k = 0; k < a->count; k++)
            times[n++] = a->ns[k] - begin;
    }
    json_t *o = summary(times, n);
    mem_free(times);
    return o;
}

static size_t tips_counted(const struct tips *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->count; i++)
        n += t->tip[i].any.count > 0;
    return n;
}

json_t *tips_report(const struct tips *t, const struct node_blocks *blocks)
{
    json_t *o = json_object();
    json_object_set_new(o, "seen", json_integer((json_int_t)tips_counted(t)));
    json_object_set_new(o, "jobs_not_counted", json_integer((json_int_t)t->uncounted));
    json_object_set_new(o, "spread",
                        collect(t, blocks, (struct pick){false, FROM_FIRST}));
    json_object_set_new(o, "spread_full",
                        collect(t, blocks, (struct pick){true, FROM_FIRST}));
    if (blocks == NULL)
        return o;
    json_object_set_new(o, "made", json_integer((json_int_t)blocks->count));
    json_object_set_new(o, "node_error", json_string(blocks->why));
    json_object_set_new(o, "call_to_job",
                        collect(t, blocks, (struct pick){false, FROM_CALL}));
    json_object_set_new(o, "return_to_job",
                        collect(t, blocks, (struct pick){false, FROM_RETURN}));
    json_object_set_new(o, "call_to_full_job",
                        collect(t, blocks, (struct pick){true, FROM_CALL}));
    json_object_set_new(o, "return_to_full_job",
                        collect(t, blocks, (struct pick){true, FROM_RETURN}));
    return o;
}
