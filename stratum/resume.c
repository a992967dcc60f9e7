#include "stratum/resume.h"

#include "conf/mem.h"

#define NONE UINT32_MAX

/* A ring in the order of ending, and chains through it by extranonce value. */
struct resume_slot {
    struct resume_entry entry;
    uint32_t next; /* in its chain */
    bool used;
};

struct resume_table {
    struct extranonces *pool;
    struct resume_slot *ring; /* pages of it are touched as it fills */
    size_t room;
    size_t first, span; /* ring[first .. first + span) was used, in part still is */
    size_t count;
    uint32_t *chain;
    size_t chains; /* a power of two */
};

struct resume_table *resume_new(struct extranonces *pool, size_t capacity)
{
    struct resume_table *t = mem_new(sizeof(*t));
    t->pool = pool;
    t->chains = 64;
    while (t->chains < capacity)
        t->chains *= 2;
    t->ring = mem_array(capacity, sizeof(*t->ring));
    t->room = capacity;
    t->chain = mem_array(t->chains, sizeof(*t->chain));
    for (size_t i = 0; i < t->chains; i++)
        t->chain[i] = NONE;
    return t;
}

void resume_free(struct resume_table *t)
{
    if (t == NULL)
        return;
    mem_free(t->ring);
    mem_free(t->chain);
    mem_free(t);
}

static uint32_t *chain_of(struct resume_table *t, uint32_t extranonce)
{
    return &t->chain[(extranonce * 0x9e3779b1u >> 7) & (t->chains - 1)];
}

static void unlink_slot(struct resume_table *t, uint32_t at)
{
    uint32_t *link = chain_of(t, t->ring[at].entry.extranonce);
    while (*link != at)
        link = &t->ring[*link].next;
    *link = t->ring[at].next;
    t->ring[at].used = false;
    t->count--;
}

/* The ring's oldest slots that are no longer used become free. */
static void trim(struct resume_table *t)
{
    while (t->span > 0 && !t->ring[t->first].used) {
        t->first = (t->first + 1) % t->room;
        t->span--;
    }
}

bool resume_drop_oldest(struct resume_table *t)
{
    trim(t);
    if (t->span == 0)
        return false;
    uint32_t at = (uint32_t)t->first;
    unlink_slot(t, at);
    extranonces_give_back(t->pool, t->ring[at].entry.extranonce);
    trim(t);
    return true;
}

void resume_put(struct resume_table *t, const struct resume_entry *e)
{
    if (t->span == t->room)
        resume_drop_oldest(t);
    uint32_t at = (uint32_t)((t->first + t->span) % t->room);
    uint32_t *link = chain_of(t, e->extranonce);
    t->ring[at] = (struct resume_slot){*e, *link, true};
    *link = at;
    t->span++;
    t->count++;
}

enum kz_err resume_take(struct resume_table *t, struct resume_entry *out,
                        uint32_t extranonce, const uint64_t *secret)
{
    uint32_t at = *chain_of(t, extranonce);
    while (at != NONE && t->ring[at].entry.extranonce != extranonce)
        at = t->ring[at].next;
    if (at == NONE || (secret != NULL && *secret != t->ring[at].entry.secret))
        return KZ_EMPTY;
    *out = t->ring[at].entry;
    unlink_slot(t, at);
    trim(t);
    return KZ_OK;
}

void resume_expire(struct resume_table *t, struct monotime limit)
{
    trim(t);
    while (t->span > 0 && t->ring[t->first].entry.ended.ns < limit.ns)
        resume_drop_oldest(t);
}

size_t resume_count(const struct resume_table *t)
{
    return t->count;
}
