#include "pool/borders.h"

#include "conf/mem.h"
#include "payout/textmap.h"
#include "share/event.h"
#include "share/journal.h"
#include "share/slice.h"

#include <assert.h>
#include <string.h>

struct row {
    uint32_t miner; /* index into the names */
    uint64_t recorded, counted;
};

struct border {
    uint64_t id;
    struct slice_position *positions; /* owned */
    size_t position_count;
    struct row *rows; /* owned; those the border has, by miner id, then others */
    size_t sorted, count, room;
};

/* What is kept of a stream: without a gap from `first` to `last`. */
struct kept {
    uint64_t first, last;
    size_t at; /* the border that the next share belongs to */
};

struct borders {
    struct textmap *names; /* uint32_t, the index */
    struct border *all;
    size_t count, room;
    bool has_events, is_from_start; /* the event stream's first record is there */
    struct kept streams[JOURNAL_STREAMS_MAX];
};

struct borders *borders_new(void)
{
    struct borders *b = mem_new(sizeof(*b));
    b->names = textmap_new(sizeof(uint32_t));
    return b;
}

void borders_free(struct borders *b)
{
    if (b == NULL)
        return;
    for (size_t i = 0; i < b->count; i++) {
        mem_free(b->all[i].positions);
        mem_free(b->all[i].rows);
    }
    mem_free(b->all);
    textmap_free(b->names);
    mem_free(b);
}

/* Index + 1 is kept, so that a fresh value is known. */
static uint32_t name_index(struct borders *b, const char *miner)
{
    uint32_t *at = textmap_put(b->names, miner);
    if (*at == 0)
        *at = (uint32_t)textmap_count(b->names);
    return *at - 1;
}

static struct row *add_row(struct border *k, uint32_t miner)
{
    if (k->count == k->room) {
        k->room = k->room > 0 ? 2 * k->room : 4;
        k->rows = mem_resize(k->rows, k->room * sizeof(*k->rows));
    }
    k->rows[k->count] = (struct row){.miner = miner};
    return &k->rows[k->count++];
}

static struct row *row_of(struct borders *b, struct border *k, uint32_t miner)
{
    const char *wanted = textmap_text(b->names, miner);
    size_t low = 0, high = k->sorted;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(textmap_text(b->names, k->rows[middle].miner), wanted);
        if (order == 0)
            return &k->rows[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = k->sorted; i < k->count; i++)
        if (k->rows[i].miner == miner)
            return &k->rows[i];
    return add_row(k, miner);
}

enum kz_err borders_add_event(struct borders *b, const struct journal_record *r)
{
    struct slice_record s = {0};
    if (!b->has_events)
        b->is_from_start = r->seq == 1;
    b->has_events = true;
    if (r->kind != EVENT_SLICE)
        return KZ_OK;
    if (slice_record_read(&s, r->body) != KZ_OK)
        return KZ_PARSE;
    if (b->count == b->room) {
        b->room = b->room > 0 ? 2 * b->room : 64;
        b->all = mem_resize(b->all, b->room * sizeof(*b->all));
    }
    struct border *k = &b->all[b->count++];
    *k = (struct border){
        .id = s.id, .positions = s.positions, .position_count = s.position_count};
    s.positions = NULL;
    k->room = s.count;
    k->rows = mem_array(s.count + 1, sizeof(*k->rows));
    for (size_t i = 0; i < s.count; i++)
        add_row(k, name_index(b, s.rows[i].miner.text))->recorded = s.rows[i].work;
    k->sorted = k->count;
    slice_record_clear(&s);
    return KZ_OK;
}

static uint64_t position_of(const struct border *k, uint32_t stream)
{
    for (size_t i = 0; i < k->position_count; i++)
        if (k->positions[i].stream == stream)
            return k->positions[i].seq;
    return 0;
}

void borders_add_record(struct borders *b, uint32_t stream, uint64_t seq,
                        const struct share_record *share)
{
    assert(stream < JOURNAL_STREAMS_MAX);
    struct kept *s = &b->streams[stream];
    if (s->last == 0 || seq != s->last + 1)
        s->first = seq;
    s->last = seq;
    if (share == NULL || share->work == 0)
        return;
    while (s->at < b->count && position_of(&b->all[s->at], stream) < seq)
        s->at++;
    if (s->at < b->count) /* else it is in the open slice */
        row_of(b, &b->all[s->at], name_index(b, share->miner.text))->counted +=
            share->work;
}

/* Everything between the border before and this one is kept. */
static bool is_checkable(const struct borders *b, size_t i)
{
    const struct border *k = &b->all[i];
    if (i == 0 && !b->is_from_start)
        return false;
    for (size_t p = 0; p < k->position_count; p++) {
        uint32_t stream = k->positions[p].stream;
        uint64_t from = i > 0 ? position_of(&b->all[i - 1], stream) : 0,
                 to = k->positions[p].seq;
        if (stream >= JOURNAL_STREAMS_MAX)
            return false;
        const struct kept *s = &b->streams[stream];
        if (to > from && (s->last < to || s->first == 0 || s->first > from + 1))
            return false;
    }
    return true;
}

static bool compare(const struct borders *b, const struct border *k,
                    const struct borders_report *report)
{
    bool fits = true;
    for (size_t i = 0; i < k->count; i++) {
        const struct row *r = &k->rows[i];
        if (r->recorded == r->counted)
            continue;
        fits = false;
        if (report->on_wrong != NULL)
            report->on_wrong(report->ctx, k->id, textmap_text(b->names, r->miner),
                             r->recorded, r->counted);
    }
    return fits;
}

void borders_finish(const struct borders *b, struct borders_report *report)
{
    report->borders = b->count;
    report->checked = report->uncheckable = report->wrong = 0;
    for (size_t i = 0; i < b->count; i++) {
        if (!is_checkable(b, i))
            report->uncheckable++;
        else if (compare(b, &b->all[i], report))
            report->checked++;
        else
            report->wrong++;
    }
    report->checked += report->wrong;
}
