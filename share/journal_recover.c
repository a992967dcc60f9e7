#include "share/journal_recover.h"

#include <stdio.h>
#include <string.h>

enum kz_err journal_damage_set(struct journal_damage *damage,
                               const struct journal_segment *segment,
                               const struct journal_scan *scan, const char *why)
{
    damage->segment = segment->number;
    damage->offset = scan->at;
    damage->last_seq = scan->last_seq;
    snprintf(damage->why, sizeof(damage->why), "%s", why);
    return KZ_PARSE;
}

static struct bytes bytes_of(const struct journal_segment *s)
{
    return (struct bytes){s->map, s->size};
}

/* Index behind the last segment of which anything was synced. */
static size_t synced_end(struct journal_segment *const *segments, size_t count)
{
    while (count > 0 && segments[count - 1]->synced == JOURNAL_HEAD_SIZE)
        count--;
    return count;
}

/* The last sealed one is read as well: it says which numbers follow. */
static size_t first_to_read(struct journal_segment *const *segments, size_t count)
{
    size_t i = 0;
    while (i < count && segments[i]->is_sealed)
        i++;
    return i > 0 ? i - 1 : 0;
}

static void note_first(struct journal_segment *s, const struct journal_record *r)
{
    if (r->kind == JOURNAL_START) {
        s->first_seq = r->seq;
        s->first_time_ms = r->time_ms;
    }
}

static enum kz_err look_at_sealed(struct journal_damage *damage,
                                  struct journal_segment *s)
{
    struct journal_scan scan = {0};
    struct journal_record r;
    const char *why = "a sealed segment without records";
    journal_scan_enter(&scan, bytes_of(s));
    if (journal_scan_next(&scan, &r, &why) != KZ_OK)
        return journal_damage_set(damage, s, &scan, why);
    note_first(s, &r);
    return KZ_OK;
}

/* Records of one segment up to the first that is not whole. `*why` is NULL where zeros
 * follow, else it says what is wrong there. */
static void read_segment(struct journal_segment *s, struct journal_scan *scan,
                         const char **why)
{
    struct journal_record r;
    *why = NULL;
    journal_scan_enter(scan, bytes_of(s));
    while (journal_scan_next(scan, &r, why) == KZ_OK)
        note_first(s, &r);
    atomic_store_explicit(&s->committed, scan->at, memory_order_relaxed);
}

static const char *damage_in(const struct journal_segment *s,
                             const struct journal_scan *scan, const char *why,
                             bool later_is_synced)
{
    if (why != NULL && (later_is_synced || scan->at < s->synced))
        return why;
    if (scan->at < s->synced)
        return "a hole before the synced offset";
    if (s->is_sealed && scan->at != s->synced)
        return "records behind the end of a sealed segment";
    if (later_is_synced && scan->at == JOURNAL_HEAD_SIZE)
        return "a segment without records before one with";
    return NULL;
}

static enum kz_err wipe_behind(struct journal_tail *tail,
                               struct journal_segment *const *segments, size_t count)
{
    size_t cut;
    for (size_t i = tail->current; i < count; i++) {
        size_t from = i == tail->current ? tail->offset : JOURNAL_HEAD_SIZE;
        enum kz_err err = journal_segment_wipe(segments[i], &cut, from);
        if (err != KZ_OK)
            return err;
        tail->cut += cut;
        atomic_store_explicit(&segments[i]->committed, from, memory_order_relaxed);
        if (from == JOURNAL_HEAD_SIZE)
            segments[i]->first_seq = 0;
    }
    for (size_t i = 0; i < tail->current; i++)
        atomic_store_explicit(&segments[i]->is_closed, true, memory_order_relaxed);
    return KZ_OK;
}

enum kz_err journal_recover(struct journal_tail *tail, struct journal_damage *damage,
                            struct journal_segment *const *segments, size_t count)
{
    struct journal_scan scan = {0};
    size_t must = synced_end(segments, count), first = first_to_read(segments, count);
    struct journal_tail t = {.current = first, .offset = JOURNAL_HEAD_SIZE};
    for (size_t i = 0; i < first; i++) {
        atomic_store_explicit(&segments[i]->committed, segments[i]->synced,
                              memory_order_relaxed);
        if (look_at_sealed(damage, segments[i]) != KZ_OK)
            return KZ_PARSE;
    }
    for (size_t i = first; i < count; i++) {
        const char *why;
        read_segment(segments[i], &scan, &why);
        const char *bad = damage_in(segments[i], &scan, why, i + 1 < must);
        if (bad != NULL)
            return journal_damage_set(damage, segments[i], &scan, bad);
        if (scan.at == JOURNAL_HEAD_SIZE)
            break; /* nothing yet, or torn at its start: the one before goes on */
        t.current = i;
        t.offset = scan.at;
        if (why != NULL)
            break;
    }
    if (count > 0 && segments[t.current]->is_sealed) {
        t.current++;
        t.offset = JOURNAL_HEAD_SIZE;
    }
    t.last_seq = scan.last_seq;
    memcpy(t.last_of, scan.last_of, sizeof(t.last_of));
    enum kz_err err = wipe_behind(&t, segments, count);
    if (err == KZ_OK)
        *tail = t;
    return err;
}
