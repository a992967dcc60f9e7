#include "share/journal_stream.h"

#include "conf/log.h"
#include "conf/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CACHE_LINE 64

struct journal_stream {
    struct journal_place place;
    size_t segment_bytes;

    /* the writer's */
    struct journal_segment *current;
    size_t at;
    uint64_t last_seq;
    uint64_t last_of[JOURNAL_TARGETS];
    atomic_uint_fast64_t refused;
    bool waits; /* a segment is synced before the next is begun */
    bool wait_failed;
    atomic_bool is_failing; /* the keeper's word: what is written may not last */
    char pad[CACHE_LINE];

    /* the keeper's */
    struct journal_segment **segments; /* owned, oldest first */
    size_t count, room;
    size_t reading; /* index of the segment that `scan` is in */
    bool has_entered;
    struct journal_scan scan;
    uint64_t skip_to; /* records up to this are passed over */
    bool is_damaged;
    struct journal_damage damage;
    uint64_t synced_bytes;
    bool no_space;
};

/* --- the writer --------------------------------------------------------------------- */

/* Everything of the record is written before its length word, and that before the
 * offset by which the keeper may read it. */
static void put_record(struct journal_stream *s, struct journal_record *r)
{
    struct journal_segment *g = s->current;
    r->seq = s->last_seq + 1;
    r->prev = s->last_of[r->target];
    uint32_t length = journal_record_write(g->map + s->at, r);
    journal_record_commit(g->map + s->at, length);
    s->last_seq = r->seq;
    if (r->target != JOURNAL_NONE)
        s->last_of[r->target] = r->seq;
    s->at += journal_record_size(r->body.len);
    atomic_store_explicit(&g->committed, s->at, memory_order_release);
}

static void put_start(struct journal_stream *s, int64_t time_ms)
{
    uint8_t body[JOURNAL_START_BODY];
    journal_start_write(body, s->last_of);
    struct journal_record start = {
        .time_ms = time_ms, .kind = JOURNAL_START, .body = {body, sizeof(body)}};
    put_record(s, &start);
}

enum kz_err journal_stream_room(struct journal_stream *s, uint32_t *segment,
                                size_t bytes)
{
    struct journal_segment *g = s->current;
    if (atomic_load_explicit(&s->is_failing, memory_order_relaxed)) {
        atomic_fetch_add_explicit(&s->refused, 1, memory_order_relaxed);
        return KZ_BUSY;
    }
    size_t begun = s->at == JOURNAL_HEAD_SIZE ? JOURNAL_START_SIZE : 0;
    if (bytes + begun <= g->size - s->at) {
        *segment = g->number;
        return KZ_OK;
    }
    struct journal_segment *next = atomic_load_explicit(&g->next, memory_order_acquire);
    size_t size = next != NULL ? next->size : s->segment_bytes;
    /* Never leave a segment empty: after a kill it would look like a lost one. */
    if (begun > 0 || bytes > size - JOURNAL_HEAD_SIZE - JOURNAL_START_SIZE)
        return KZ_RANGE;
    if (next == NULL) {
        atomic_fetch_add_explicit(&s->refused, 1, memory_order_relaxed);
        return KZ_BUSY;
    }
    if (s->waits && fdatasync(g->fd) != 0)
        s->wait_failed = true; /* said when it is waited for */
    s->current = next;
    s->at = JOURNAL_HEAD_SIZE;
    atomic_store_explicit(&g->is_closed, true, memory_order_release);
    *segment = next->number;
    return KZ_OK;
}

enum kz_err journal_stream_append(struct journal_stream *s, struct journal_record *r)
{
    uint32_t segment;
    if (r->body.len > JOURNAL_BODY_MAX)
        return KZ_RANGE;
    enum kz_err err =
        journal_stream_room(s, &segment, journal_record_size(r->body.len));
    if (err != KZ_OK)
        return err;
    if (s->at == JOURNAL_HEAD_SIZE)
        put_start(s, r->time_ms);
    put_record(s, r);
    return KZ_OK;
}

void journal_stream_set_waits(struct journal_stream *s)
{
    s->waits = true;
}

enum kz_err journal_stream_wait(struct journal_stream *s)
{
    /* The keeper never unmaps the segment that is written to. */
    if (!s->wait_failed && fdatasync(s->current->fd) == 0)
        return KZ_OK;
    if (!s->wait_failed)
        log_error("journal_failed", kv_str("step", "fdatasync"),
                  kv_str("segment", s->current->name), kv_errno(errno));
    s->wait_failed = true;
    return KZ_IO;
}

/* --- the keeper: segments ----------------------------------------------------------- */

static void keep(struct journal_stream *s, struct journal_segment *g)
{
    if (s->count == s->room) {
        s->room = s->room > 0 ? 2 * s->room : 16;
        s->segments = mem_resize(s->segments, s->room * sizeof(*s->segments));
    }
    s->segments[s->count++] = g;
}

static bool is_closed(const struct journal_segment *g)
{
    return atomic_load_explicit(&g->is_closed, memory_order_acquire);
}

static size_t committed_of(const struct journal_segment *g)
{
    return atomic_load_explicit(&g->committed, memory_order_acquire);
}

static enum kz_err add_segment(struct journal_stream *s)
{
    struct journal_segment *g;
    uint32_t number = s->count > 0 ? s->segments[s->count - 1]->number + 1 : 1;
    enum kz_err err =
        journal_segment_create(&g, &s->place, number, s->segment_bytes, !s->no_space);
    if (err != KZ_OK) {
        if (!s->no_space)
            log_error("journal_has_no_space", kv_u64("stream", s->place.stream),
                      kv_u64("next_segment_bytes", s->segment_bytes));
        s->no_space = true;
        return err;
    }
    if (s->no_space)
        log_info("journal_has_space_again", kv_u64("stream", s->place.stream));
    s->no_space = false;
    keep(s, g);
    if (s->count > 1)
        atomic_store_explicit(&s->segments[s->count - 2]->next, g,
                              memory_order_release);
    return KZ_OK;
}

enum kz_err journal_stream_prepare(struct journal_stream *s)
{
    /* The last one is the writer's when the one before it is closed. */
    if (s->count > 1 && !is_closed(s->segments[s->count - 2]))
        return KZ_OK;
    return add_segment(s);
}

static void note_first(struct journal_segment *g)
{
    struct journal_record r;
    if (g->first_seq != 0 || g->map == NULL || committed_of(g) == JOURNAL_HEAD_SIZE)
        return;
    struct bytes in = {g->map + JOURNAL_HEAD_SIZE, JOURNAL_START_SIZE};
    if (journal_record_read(&r, in) != KZ_OK)
        return; /* damaged since: the reader will say so */
    g->first_seq = r.seq;
    g->first_time_ms = r.time_ms;
}

enum kz_err journal_stream_sync(struct journal_stream *s)
{
    enum kz_err result = KZ_OK;
    /* Oldest first, and none behind one that failed: what is synced is a prefix. */
    for (size_t i = 0; i < s->count && result == KZ_OK; i++) {
        struct journal_segment *g = s->segments[i];
        if (g->is_sealed)
            continue;
        size_t before = g->synced;
        result = journal_segment_sync(g);
        s->synced_bytes += g->synced - before;
        note_first(g);
        if (g->is_sealed && i < s->reading)
            journal_segment_unmap(g);
        if (!g->is_sealed) /* its end may have been written since */
            break;
    }
    if (result != KZ_OK)
        atomic_store_explicit(&s->is_failing, true, memory_order_relaxed);
    return result;
}

/* Whether segment `i` may go. The next one's start says the last number and when it was;
 * it must be on the disk itself, or after a power cut nothing would say how far the
 * numbers had come. */
static bool is_releasable(struct journal_stream *s, size_t i, uint64_t seq,
                          int64_t before_ms)
{
    if (i + 1 >= s->count || i >= s->reading)
        return false;
    struct journal_segment *next = s->segments[i + 1];
    note_first(next);
    return s->segments[i]->is_sealed && next->synced != JOURNAL_HEAD_SIZE &&
           next->first_seq != 0 && next->first_seq - 1 <= seq &&
           next->first_time_ms <= before_ms;
}

bool journal_stream_can_release(struct journal_stream *s, uint64_t seq,
                                int64_t before_ms)
{
    return is_releasable(s, 0, seq, before_ms);
}

size_t journal_stream_release(struct journal_stream *s, uint64_t seq, int64_t before_ms)
{
    size_t gone = 0;
    while (is_releasable(s, gone, seq, before_ms) &&
           journal_segment_remove(s->segments[gone]) == KZ_OK)
        journal_segment_free(s->segments[gone++]);
    if (gone == 0)
        return 0;
    s->count -= gone;
    s->reading -= gone;
    memmove(s->segments, s->segments + gone, s->count * sizeof(*s->segments));
    return gone;
}

/* --- the keeper: reading ------------------------------------------------------------ */

static enum kz_err damaged(struct journal_stream *s, const char *why)
{
    s->is_damaged = true;
    s->damage.stream = s->place.stream;
    enum kz_err err =
        journal_damage_set(&s->damage, s->segments[s->reading], &s->scan, why);
    log_error("journal_damaged", kv_u64("stream", s->damage.stream),
              kv_str("segment", s->segments[s->reading]->name),
              kv_u64("offset", s->damage.offset),
              kv_u64("last_seq", s->damage.last_seq), kv_str("why", why));
    return err;
}

static enum kz_err enter(struct journal_stream *s)
{
    struct journal_segment *g = s->segments[s->reading];
    enum kz_err err = journal_segment_map(g);
    if (err == KZ_PARSE)
        return damaged(s, "the file's size is another");
    if (err != KZ_OK)
        return err;
    journal_scan_enter(&s->scan, (struct bytes){g->map, JOURNAL_HEAD_SIZE});
    s->has_entered = true;
    return KZ_OK;
}

/* The reader has done with a segment that nobody writes to. */
static void leave(struct journal_stream *s)
{
    struct journal_segment *g = s->segments[s->reading];
    note_first(g);
    if (g->is_sealed)
        journal_segment_unmap(g);
    s->has_entered = false;
    s->reading++;
}

/* One record of the current segment. KZ_EMPTY: none that may be read now. */
static enum kz_err read_here(struct journal_stream *s, struct journal_record *r,
                             bool synced_only)
{
    struct journal_segment *g = s->segments[s->reading];
    const char *why = "a hole where records were";
    s->scan.in.len = synced_only ? g->synced : committed_of(g);
    if (s->scan.at >= s->scan.in.len)
        return KZ_EMPTY;
    return journal_scan_next(&s->scan, r, &why) == KZ_OK ? KZ_OK : damaged(s, why);
}

enum kz_err journal_stream_read(struct journal_stream *s, struct journal_record *r,
                                bool synced_only)
{
    while (!s->is_damaged) {
        if (!s->has_entered) {
            enum kz_err err = enter(s);
            if (err != KZ_OK)
                return err;
        }
        /* Closed first: nothing is committed after that was seen. */
        bool closed = is_closed(s->segments[s->reading]);
        enum kz_err err = read_here(s, r, synced_only);
        if (err == KZ_OK && r->target != JOURNAL_NONE && r->seq <= s->skip_to)
            continue;
        if (err != KZ_EMPTY)
            return err;
        if (!closed || s->scan.at != committed_of(s->segments[s->reading]) ||
            s->reading + 1 == s->count)
            return KZ_EMPTY;
        leave(s);
    }
    return KZ_PARSE;
}

uint64_t journal_stream_first(const struct journal_stream *s)
{
    uint64_t first = s->segments[0]->first_seq;
    return first > 0 ? first - 1 : 0;
}

uint64_t journal_stream_last(const struct journal_stream *s, enum journal_target target)
{
    return target == JOURNAL_NONE ? s->last_seq : s->last_of[target];
}

/* Whether `seq` is in the segment being read, which is the last with records. One that
 * is damaged before it says yes: reading will find that. */
static bool is_written(const struct journal_stream *s, uint64_t seq)
{
    struct journal_scan scan = {0};
    struct journal_record r;
    const char *why;
    const struct journal_segment *g = s->segments[s->reading];
    enum kz_err err = KZ_OK;
    if (seq == 0 || seq + 1 == g->first_seq)
        return true;
    journal_scan_enter(&scan, (struct bytes){g->map, committed_of(g)});
    while (err == KZ_OK && scan.last_seq < seq)
        err = journal_scan_next(&scan, &r, &why);
    return err != KZ_EMPTY;
}

enum kz_err journal_stream_seek(struct journal_stream *s, uint64_t seq)
{
    if (s->is_damaged)
        return KZ_PARSE;
    for (size_t i = 0; i < s->count; i++)
        note_first(s->segments[i]);
    if (seq < journal_stream_first(s))
        return KZ_RANGE;
    size_t i = 0;
    while (i + 1 < s->count && s->segments[i + 1]->first_seq != 0 &&
           s->segments[i + 1]->first_seq <= seq + 1)
        i++;
    if (s->segments[s->reading]->is_sealed)
        journal_segment_unmap(s->segments[s->reading]);
    s->reading = i;
    s->skip_to = seq;
    memset(&s->scan, 0, sizeof(s->scan));
    enum kz_err err = enter(s);
    if (err != KZ_OK)
        return err;
    bool is_last = i + 1 == s->count || s->segments[i + 1]->first_seq == 0;
    return !is_last || is_written(s, seq) ? KZ_OK : KZ_EMPTY;
}

/* --- opening ------------------------------------------------------------------------ */

static enum kz_err take_up(struct journal_stream *s)
{
    struct journal_tail tail;
    enum kz_err err = journal_recover(&tail, &s->damage, s->segments, s->count);
    if (err != KZ_OK)
        return err;
    if (tail.cut > 0)
        log_warn("journal_tail_cut", kv_u64("stream", s->place.stream),
                 kv_u64("bytes", tail.cut), kv_u64("last_seq", tail.last_seq));
    while (err == KZ_OK && (s->count <= tail.current || s->count < 2))
        err = add_segment(s);
    if (err != KZ_OK && s->count <= tail.current)
        return err;
    for (size_t i = 0; i + 1 < s->count; i++)
        atomic_store_explicit(&s->segments[i]->next, s->segments[i + 1],
                              memory_order_relaxed);
    s->current = s->segments[tail.current];
    s->at = tail.offset;
    s->last_seq = tail.last_seq;
    memcpy(s->last_of, tail.last_of, sizeof(s->last_of));
    for (size_t i = 0; i < tail.current; i++)
        if (s->segments[i]->is_sealed)
            journal_segment_unmap(s->segments[i]);
    return KZ_OK;
}

static int by_number(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static enum kz_err open_files(struct journal_stream *s, uint32_t *numbers, size_t count)
{
    struct journal_scan nowhere = {0};
    struct journal_segment lost = {0};
    if (count > 1)
        qsort(numbers, count, sizeof(*numbers), by_number);
    for (size_t i = 0; i < count; i++) {
        struct journal_segment *g = NULL;
        lost.number = numbers[i];
        if (i > 0 && numbers[i] != numbers[i - 1] + 1)
            return journal_damage_set(&s->damage, &lost, &nowhere,
                                      "the segment before is missing");
        enum kz_err err = journal_segment_open(&g, &s->place, numbers[i]);
        if (err == KZ_PARSE)
            return journal_damage_set(&s->damage, &lost, &nowhere,
                                      "not a segment of this journal");
        if (err != KZ_OK)
            return err;
        keep(s, g);
    }
    return KZ_OK;
}

enum kz_err journal_stream_open(struct journal_stream **out,
                                struct journal_damage *damage,
                                const struct journal_place *place, size_t segment_bytes,
                                uint32_t *numbers, size_t count)
{
    struct journal_stream *s = mem_new(sizeof(*s));
    s->place = *place;
    s->segment_bytes = segment_bytes;
    atomic_init(&s->refused, 0);
    atomic_init(&s->is_failing, false);
    enum kz_err err = open_files(s, numbers, count);
    if (err == KZ_OK)
        err = take_up(s);
    if (err != KZ_OK) {
        s->damage.stream = place->stream;
        *damage = s->damage;
        journal_stream_close(s);
        return err;
    }
    *out = s;
    return KZ_OK;
}

void journal_stream_close(struct journal_stream *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->count; i++)
        journal_segment_free(s->segments[i]);
    mem_free(s->segments);
    mem_free(s);
}

/* --- figures ------------------------------------------------------------------------ */

void journal_stream_stats(struct journal_stream_stats *out,
                          const struct journal_stream *s)
{
    *out = (struct journal_stream_stats){
        .read_seq = s->scan.last_seq,
        .synced_bytes = s->synced_bytes,
        .refused = atomic_load_explicit(&s->refused, memory_order_relaxed),
        .segments = s->count,
        .no_space = s->no_space};
    for (size_t i = 0; i < s->count; i++) {
        const struct journal_segment *g = s->segments[i];
        size_t read = i < s->reading   ? committed_of(g)
                      : i > s->reading ? JOURNAL_HEAD_SIZE
                      : s->has_entered ? s->scan.at
                                       : JOURNAL_HEAD_SIZE;
        out->unsynced_bytes += committed_of(g) - g->synced;
        out->unread_bytes += committed_of(g) - read;
        out->disk_bytes += g->size;
        out->sync_failed |= g->sync_failed;
    }
}

const struct journal_damage *journal_stream_damage(const struct journal_stream *s)
{
    return s->is_damaged ? &s->damage : NULL;
}

uint32_t journal_stream_number(const struct journal_stream *s)
{
    return s->place.stream;
}
