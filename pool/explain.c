#include "pool/explain.h"

#include "conf/mem.h"
#include "share/bytes.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 1000000

/* --- reading ------------------------------------------------------------------------ */

static bool read_units(uint64_t *out, const json_t *value)
{
    const char *text = json_string_value(value);
    return text != NULL && decimal_read(out, text, INT64_MAX);
}

static bool read_amount(struct amount *a, const json_t *value)
{
    return json_is_integer(value) && amount_from_sat(a, json_integer_value(value));
}

static bool read_ppm(uint32_t *out, const json_t *value)
{
    json_int_t v = json_integer_value(value);
    if (!json_is_integer(value) || v < 0 || v > SCHEME_PPM)
        return false;
    *out = (uint32_t)v;
    return true;
}

static bool read_part(struct scheme_part *p, const json_t *row)
{
    const json_t *id = json_array_get(row, 0);
    return json_array_size(row) == 6 && json_is_string(id) &&
           miner_id_parse(&p->miner, json_string_value(id), json_string_length(id)) ==
               KZ_OK &&
           read_units(&p->work, json_array_get(row, 1)) &&
           read_ppm(&p->fee_ppm, json_array_get(row, 2)) &&
           read_amount(&p->gross, json_array_get(row, 3)) &&
           read_amount(&p->fee, json_array_get(row, 4)) &&
           read_amount(&p->net, json_array_get(row, 5));
}

static int by_miner(const void *a, const void *b)
{
    const struct scheme_part *x = a, *y = b;
    return split_miner_compare(&x->miner, &y->miner);
}

static bool read_parts(struct explain *e, const json_t *parts)
{
    size_t count = json_array_size(parts);
    if (!json_is_array(parts) || count > ROWS_MAX)
        return false;
    e->parts = mem_array(count + 1, sizeof(*e->parts));
    e->part_count = count;
    for (size_t i = 0; i < count; i++)
        if (!read_part(&e->parts[i], json_array_get(parts, i)))
            return false;
    qsort(e->parts, count, sizeof(*e->parts), by_miner);
    for (size_t i = 1; i < count; i++)
        if (by_miner(&e->parts[i - 1], &e->parts[i]) == 0)
            return false;
    return true;
}

static bool read_slices(struct explain *e, const json_t *ids)
{
    size_t count = json_array_size(ids);
    if (!json_is_array(ids) || count > ROWS_MAX)
        return false;
    e->slices = mem_array(count + 1, sizeof(*e->slices));
    e->slice_count = count;
    for (size_t i = 0; i < count; i++) {
        json_int_t id = json_integer_value(json_array_get(ids, i));
        if (id <= 0)
            return false;
        e->slices[i] = (uint64_t)id;
        if (i > 0 && e->slices[i] >= e->slices[i - 1])
            return false;
    }
    return true;
}

static bool read_all(struct explain *e, const json_t *split)
{
    const json_t *scheme = json_object_get(split, "scheme");
    json_int_t milli = json_integer_value(json_object_get(split, "window_milli"));
    if (!json_is_string(scheme) || milli < 0 || milli > UINT32_MAX ||
        scheme_parse(&e->scheme, json_string_value(scheme),
                     json_string_length(scheme)) != KZ_OK)
        return false;
    e->window_milli = (uint32_t)milli;
    return read_units(&e->span, json_object_get(split, "span")) &&
           read_amount(&e->reward, json_object_get(split, "reward")) &&
           read_amount(&e->subsidy, json_object_get(split, "subsidy")) &&
           read_ppm(&e->pool_fee_ppm, json_object_get(split, "pool_fee_ppm")) &&
           read_slices(e, json_object_get(split, "slices")) &&
           read_units(&e->cut, json_object_get(split, "cut")) &&
           read_units(&e->counted_total, json_object_get(split, "counted_total")) &&
           read_parts(e, json_object_get(split, "parts")) &&
           read_amount(&e->pool_fee, json_object_get(split, "pool_fee")) &&
           read_amount(&e->retained, json_object_get(split, "retained"));
}

enum kz_err explain_read(struct explain *out, const json_t *split)
{
    struct explain e = {0};
    if (!read_all(&e, split)) {
        explain_clear(&e);
        return KZ_PARSE;
    }
    *out = e;
    return KZ_OK;
}

void explain_clear(struct explain *e)
{
    mem_free(e->slices);
    mem_free(e->parts);
    *e = (struct explain){0};
}

/* --- the window --------------------------------------------------------------------- */

bool explain_has_window(const struct explain *e)
{
    return e->slice_count > 0 && e->scheme != SCHEME_SOLO &&
           scheme_regime(e->scheme) != SLICE_PPS;
}

void explain_begin(struct window *w, const struct explain *e)
{
    bool is_round = e->scheme == SCHEME_PROP || e->span == 0;
    window_init(w, is_round ? WINDOW_ROUND : e->span, scheme_window_kind(e->scheme));
}

static enum kz_err take(struct window *w, const struct slice_record *from)
{
    struct slice s = {.id = from->id, .regime = from->terms.regime};
    struct split_weight *rows = mem_array(from->count + 1, sizeof(*rows));
    for (size_t i = 0; i < from->count; i++)
        rows[i] = (struct split_weight){from->rows[i].miner, from->rows[i].work};
    enum kz_err err = works_add(&s.works, rows, from->count);
    if (err == KZ_OK)
        err = window_take(w, &s);
    slice_clear(&s);
    mem_free(rows);
    return err;
}

/* The walk goes over every slice there is between the first and the last that are said to
 * have counted: so one that was left out is seen. */
bool explain_take(struct window *w, const struct explain *e,
                  const struct slice_record *slice)
{
    uint64_t newest = e->slices[0], oldest = e->slices[e->slice_count - 1];
    if (slice->id > newest)
        return true;
    if (slice->id < oldest || window_is_full(w) || take(w, slice) != KZ_OK)
        return false;
    return slice->id > oldest && !window_is_full(w);
}

bool explain_is_whole(const struct window *w, const struct explain *e)
{
    return window_is_full(w) ||
           (w->has_last && w->last_id == e->slices[e->slice_count - 1]);
}

/* --- what differs ------------------------------------------------------------------- */

#define DIFFERENCES_MAX 50

static void KZ_PRINTF(2, 3) differ(json_t *list, const char *format, ...)
{
    char line[300];
    va_list args;
    if (json_array_size(list) >= DIFFERENCES_MAX)
        return;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    json_array_append_new(list, json_string(line));
}

static void compare_amount(json_t *list, const char *whose, const char *what,
                           struct amount stored, struct amount made)
{
    if (amount_compare(stored, made) != 0)
        differ(list, "%s: %s is recorded as %" PRId64 ", and comes to %" PRId64, whose,
               what, amount_to_sat(stored), amount_to_sat(made));
}

static void compare_window(json_t *list, const struct explain *e,
                           const struct window *w)
{
    size_t least = w->id_count < e->slice_count ? w->id_count : e->slice_count;
    for (size_t i = 0; i < least; i++)
        if (w->ids[i] != e->slices[i]) {
            differ(list, "slice %" PRIu64 " counts where %" PRIu64 " is recorded",
                   w->ids[i], e->slices[i]);
            break;
        }
    if (w->id_count != e->slice_count)
        differ(list, "%zu slices are recorded, %zu count", e->slice_count, w->id_count);
    if (w->cut != e->cut)
        differ(list,
               "the oldest slice is recorded as cut to %" PRIu64 ", and is to %" PRIu64,
               e->cut, w->cut);
    if (w->counted.total != e->counted_total)
        differ(list, "work %" PRIu64 " is recorded, %" PRIu64 " counts",
               e->counted_total, w->counted.total);
}

static const struct scheme_part *part_of(const struct explain *e,
                                         const struct miner_id *miner)
{
    struct scheme_part key = {.miner = *miner};
    return bsearch(&key, e->parts, e->part_count, sizeof(key), by_miner);
}

static void compare_parts(json_t *list, const struct explain *e,
                          const struct scheme_split *made)
{
    for (size_t i = 0; i < made->count; i++) {
        const struct scheme_part *m = &made->parts[i], *s = part_of(e, &m->miner);
        const char *who = m->miner.text;
        if (s == NULL) {
            differ(list, "%s: not recorded, and is due %" PRId64, who,
                   amount_to_sat(m->net));
            continue;
        }
        if (s->work != m->work)
            differ(list, "%s: work %" PRIu64 " is recorded, %" PRIu64 " counts", who,
                   s->work, m->work);
        compare_amount(list, who, "gross", s->gross, m->gross);
        compare_amount(list, who, "fee", s->fee, m->fee);
        compare_amount(list, who, "net", s->net, m->net);
    }
    if (e->part_count > made->count)
        differ(list, "%zu parts are recorded, %zu come out", e->part_count,
               made->count);
}

static struct scheme_fee *fees_of(const struct explain *e)
{
    struct scheme_fee *own = mem_array(e->part_count + 1, sizeof(*own));
    for (size_t i = 0; i < e->part_count; i++)
        own[i] = (struct scheme_fee){e->parts[i].miner, e->parts[i].fee_ppm};
    return own;
}

static bool works_of_parts(struct works *w, const struct explain *e)
{
    struct split_weight *rows = mem_array(e->part_count + 1, sizeof(*rows));
    for (size_t i = 0; i < e->part_count; i++)
        rows[i] = (struct split_weight){e->parts[i].miner, e->parts[i].work};
    bool fits = works_add(w, rows, e->part_count) == KZ_OK;
    mem_free(rows);
    return fits;
}

/* Where nobody's work counts the pool keeps all of it until somebody has looked. */
static enum kz_err split_again(struct scheme_split *made, const struct explain *e,
                               const struct works *counted)
{
    struct scheme_fee *own = fees_of(e);
    struct scheme_fees fees = {e->pool_fee_ppm, own, e->part_count};
    struct scheme_block block = {.scheme = e->scheme,
                                 .reward = e->reward,
                                 .subsidy = e->subsidy,
                                 .counted = counted,
                                 .fees = &fees};
    if (e->scheme == SCHEME_SOLO && e->part_count == 1)
        block.finder = e->parts[0].miner;
    enum kz_err err = scheme_split_block(made, &block);
    if (err == KZ_EMPTY) {
        *made = (struct scheme_split){.retained = e->reward};
        err = KZ_OK;
    }
    mem_free(own);
    return err;
}

void explain_compare(const struct explain *e, const struct window *w,
                     json_t *differences)
{
    struct works works = {0};
    struct scheme_split made;
    const struct works *counted = w != NULL ? &w->counted : &works;
    if (w != NULL)
        compare_window(differences, e, w);
    if (!works_of_parts(&works, e) || split_again(&made, e, counted) != KZ_OK) {
        differ(differences, "the recorded numbers are outside their ranges");
    } else {
        compare_parts(differences, e, &made);
        compare_amount(differences, "the pool", "its fee", e->pool_fee, made.pool_fee);
        compare_amount(differences, "the pool", "what it retains", e->retained,
                       made.retained);
        scheme_split_clear(&made);
    }
    works_clear(&works);
}

/* Until it is mature the entry in force has its outputs, then the record their numbers. */
bool explain_is_payees(const json_t *record, size_t vout)
{
    const json_t *outputs =
        json_object_get(json_object_get(record, "entry"), "outputs");
    size_t i;
    json_t *one;
    json_array_foreach(outputs, i, one)
    {
        if (json_integer_value(json_array_get(one, 1)) == (json_int_t)vout)
            return true;
    }
    json_array_foreach(json_object_get(record, "payees"), i, one)
    {
        if (json_integer_value(one) == (json_int_t)vout)
            return true;
    }
    return false;
}
