#include "payout/window.h"

#include "conf/mem.h"
#include "payout/wide.h"

#include <assert.h>

void slice_clear(struct slice *s)
{
    works_clear(&s->works);
}

enum kz_err window_span(uint64_t *span, const struct target *t, uint32_t window_milli,
                        uint64_t unit)
{
    assert(unit > 0 && unit <= UINT32_MAX);
    /* floor(floor(a / b) / c) = floor(a / (b * c)) */
    struct wide block = wide_from_target(t);
    struct wide w = wide_times_2_256(wide_from_u64(window_milli));
    w = wide_divide(wide_divide_wide(w, &block), 1000 * unit);
    uint64_t units;
    if (!wide_to_u63(&units, &w) || units > WINDOW_SPAN_MAX)
        return KZ_RANGE;
    if (units == 0)
        return KZ_EMPTY;
    *span = units;
    return KZ_OK;
}

void window_init(struct window *w, uint64_t span, enum window_kind kind)
{
    assert(span > 0 && span <= INT64_MAX);
    *w = (struct window){.span = span, .kind = kind};
}

void window_clear(struct window *w)
{
    works_clear(&w->counted);
    mem_free(w->ids);
    *w = (struct window){0};
}

bool window_is_full(const struct window *w)
{
    return w->counted.total == w->span;
}

static bool counts(const struct window *w, const struct slice *s)
{
    if (s->works.total == 0)
        return false;
    switch (s->regime) {
    case SLICE_SPLIT:
        return true;
    case SLICE_PPS_PLUS:
        return w->kind == WINDOW_FEES;
    case SLICE_PPS:
    case SLICE_REGIMES:
        break;
    }
    return false;
}

/* `missing` units, shared out over the slice's works. */
static enum kz_err take_part(struct works *counted, const struct works *from,
                             uint64_t missing)
{
    uint64_t *parts = mem_array(from->count, sizeof(*parts));
    struct split_weight *rows = mem_copy(from->rows, from->count * sizeof(*rows));
    enum kz_err err = split_units(parts, missing, from->rows, from->count);
    for (size_t i = 0; err == KZ_OK && i < from->count; i++)
        rows[i].weight = parts[i];
    if (err == KZ_OK)
        err = works_add(counted, rows, from->count);
    mem_free(rows);
    mem_free(parts);
    return err;
}

static void remember(struct window *w, uint64_t id)
{
    if (w->id_count == w->id_room) {
        w->id_room = w->id_room > 0 ? 2 * w->id_room : 64;
        w->ids = mem_resize(w->ids, w->id_room * sizeof(*w->ids));
    }
    w->ids[w->id_count++] = id;
}

enum kz_err window_take(struct window *w, const struct slice *s)
{
    if (w->has_last && s->id >= w->last_id)
        return KZ_RANGE;
    uint64_t missing = w->span - w->counted.total;
    if (missing > 0 && counts(w, s)) {
        bool whole = s->works.total <= missing;
        enum kz_err err = whole ? works_add(&w->counted, s->works.rows, s->works.count)
                                : take_part(&w->counted, &s->works, missing);
        if (err != KZ_OK)
            return err;
        w->cut = whole ? 0 : missing;
        remember(w, s->id);
    }
    w->last_id = s->id;
    w->has_last = true;
    return KZ_OK;
}
