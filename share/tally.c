#include "share/tally.h"

#include "conf/mem.h"
#include "share/mix.h"

#include <stdio.h>
#include <string.h>

#define TALLY_START 256

struct tally {
    size_t max;
    uint64_t seed;
    struct tally_entry *entries;
    size_t count;
    size_t room; /* of entries */
    uint32_t
        *slot; /* index + 1 into entries, 0: free; 2 * room slots, linear probing */
    struct tally_refusal refusals[TALLY_REFUSALS_MAX];
    size_t refusal_count;
};

static size_t home_of(const struct tally *t, const struct miner_id *miner,
                      const struct worker_name *worker, int64_t minute)
{
    uint64_t h = t->seed ^ ((uint64_t)minute * UINT64_C(0x9e3779b97f4a7c15));
    h = mix_text(mix_text(h, miner->text), worker->text);
    return (size_t)((h ^ (h >> 32)) % (2 * t->room));
}

static void make_room(struct tally *t, size_t room)
{
    t->room = room;
    t->entries = mem_resize(t->entries, room * sizeof(*t->entries));
    mem_free(t->slot);
    t->slot = mem_array(2 * room, sizeof(*t->slot));
    for (size_t i = 0; i < t->count; i++) {
        const struct tally_entry *e = &t->entries[i];
        size_t at = home_of(t, &e->miner, &e->worker, e->minute);
        while (t->slot[at] != 0)
            at = (at + 1) % (2 * t->room);
        t->slot[at] = (uint32_t)(i + 1);
    }
}

struct tally *tally_new(size_t max_entries, uint64_t seed)
{
    struct tally *t = mem_new(sizeof(*t));
    t->max = max_entries;
    t->seed = seed;
    make_room(t, max_entries < TALLY_START ? max_entries : TALLY_START);
    return t;
}

void tally_free(struct tally *t)
{
    if (t == NULL)
        return;
    mem_free(t->entries);
    mem_free(t->slot);
    mem_free(t);
}

/* NULL: new and no room for it. A new entry is only counted in once the caller has
 * filled it (see tally_add). */
static struct tally_entry *find_or_add(struct tally *t, const struct share_record *r)
{
    int64_t minute = r->time_ms / 60000;
    if (t->count == t->room && t->room < t->max)
        make_room(t, 2 * t->room < t->max ? 2 * t->room : t->max);
    size_t at = home_of(t, &r->miner, &r->worker, minute);
    for (; t->slot[at] != 0; at = (at + 1) % (2 * t->room)) {
        struct tally_entry *e = &t->entries[t->slot[at] - 1];
        if (e->minute == minute && miner_id_equal(&e->miner, &r->miner) &&
            strcmp(e->worker.text, r->worker.text) == 0)
            return e;
    }
    if (t->count == t->max)
        return NULL;
    struct tally_entry *e = &t->entries[t->count++];
    t->slot[at] = (uint32_t)t->count;
    *e = (struct tally_entry){.miner = r->miner, .worker = r->worker, .minute = minute};
    return e;
}

enum kz_err tally_refuse(struct tally *t, const char *reason, int64_t time_ms,
                         uint64_t count)
{
    int64_t hour = time_ms / 3600000;
    for (size_t i = 0; i < t->refusal_count; i++) {
        struct tally_refusal *f = &t->refusals[i];
        if (f->hour == hour && strncmp(f->reason, reason, TALLY_REASON_MAX) == 0) {
            f->count += count;
            return KZ_OK;
        }
    }
    if (t->refusal_count == TALLY_REFUSALS_MAX)
        return KZ_BUSY;
    struct tally_refusal *f = &t->refusals[t->refusal_count++];
    snprintf(f->reason, sizeof(f->reason), "%s", reason);
    f->hour = hour;
    f->count = count;
    return KZ_OK;
}

enum kz_err tally_add(struct tally *t, const struct share_record *r)
{
    bool accepted = r->verdict == SHARE_ACCEPTED;
    if (!accepted && t->refusal_count == TALLY_REFUSALS_MAX)
        return KZ_BUSY;
    if (accepted && r->work > TALLY_WORK_MAX)
        return KZ_BUSY;
    struct tally_entry *e = find_or_add(t, r);
    if (e == NULL || (accepted && r->work > TALLY_WORK_MAX - e->work))
        return KZ_BUSY;
    if (!accepted) {
        if (e->by_verdict[r->verdict] == UINT32_MAX)
            return KZ_BUSY;
        e->refused++;
        e->by_verdict[r->verdict]++;
        return tally_refuse(t, share_verdict_name(r->verdict), r->time_ms, 1);
    }
    e->work += r->work;
    e->accepted++;
    if (r->difficulty > e->best)
        e->best = r->difficulty;
    if (r->time_ms > e->last_ms)
        e->last_ms = r->time_ms;
    return KZ_OK;
}

bool tally_is_empty(const struct tally *t)
{
    return t->count == 0 && t->refusal_count == 0;
}

const struct tally_entry *tally_entries(const struct tally *t, size_t *count)
{
    *count = t->count;
    return t->entries;
}

const struct tally_refusal *tally_refusals(const struct tally *t, size_t *count)
{
    *count = t->refusal_count;
    return t->refusals;
}

void tally_clear(struct tally *t)
{
    t->count = 0;
    t->refusal_count = 0;
    if (t->room > 64 * TALLY_START)
        make_room(t, TALLY_START);
    else
        memset(t->slot, 0, 2 * t->room * sizeof(*t->slot));
}
