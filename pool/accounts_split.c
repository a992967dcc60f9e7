/* Whom a block belongs to: its window, walked back over the slices of all instances. */
#include "pool/accounts_parts.h"

#include "conf/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PAGE 64

/* As payout/ has it. KZ_RANGE: more work than a slice can hold. */
static enum kz_err slice_of(struct slice *out, const struct slice_record *from)
{
    struct split_weight *rows = mem_array(from->count, sizeof(*rows));
    *out = (struct slice){.id = from->id, .regime = from->terms.regime};
    for (size_t i = 0; i < from->count; i++)
        rows[i] = (struct split_weight){from->rows[i].miner, from->rows[i].work};
    enum kz_err err = works_add(&out->works, rows, from->count);
    mem_free(rows);
    return err;
}

static enum kz_err take(struct window *w, const struct slice_record *from)
{
    struct slice s;
    enum kz_err err = slice_of(&s, from);
    if (err == KZ_OK)
        err = window_take(w, &s);
    slice_clear(&s);
    return err == KZ_OK ? KZ_OK : KZ_PARSE;
}

static uint64_t span_of(struct accounts *a, const struct split_terms *terms)
{
    struct target t;
    uint64_t span;
    if (terms->scheme == SCHEME_PROP)
        return WINDOW_ROUND;
    if (target_from_nbits(&t, terms->nbits) != KZ_OK)
        return 1; /* no job was made of it */
    switch (window_span(&span, &t, terms->window_milli, a->network->work_unit)) {
    case KZ_OK:
        return span;
    case KZ_RANGE:
        accounts_raise(a, "window_too_large",
                       "payout.window: more work than can be counted at this "
                       "difficulty; less counts");
        return WINDOW_SPAN_MAX;
    case KZ_EMPTY: /* below one unit: the last one counts */
    case KZ_PARSE:
    case KZ_BUSY:
    case KZ_IO:
        break;
    }
    return 1;
}

enum kz_err split_window(struct window *w, struct accounts *a,
                         const struct split_terms *terms)
{
    uint64_t at = terms->newest, oldest = 1;
    bool is_over = false;
    enum kz_err err = KZ_OK;
    window_init(w, span_of(a, terms), scheme_window_kind(terms->scheme));
    while (err == KZ_OK && oldest > 0 && !is_over) {
        struct slice_list page = {0};
        err = store_read_slices(&page, &oldest, a->store, at, PAGE);
        for (size_t i = 0; i < page.count && err == KZ_OK && !is_over; i++) {
            is_over = window_is_full(w) || page.slices[i].id <= terms->previous;
            if (!is_over)
                err = take(w, &page.slices[i]);
        }
        slice_list_clear(&page);
        at = oldest > 0 ? oldest - 1 : 0;
    }
    if (err != KZ_OK)
        window_clear(w);
    return err;
}

static json_t *number_text(uint64_t v)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRIu64, v);
    return json_string(text);
}

static json_t *amount_json(struct amount amount)
{
    return json_integer((json_int_t)amount_to_sat(amount));
}

/* Everything that the split was made from, and its parts:
 *   {"scheme", "window_milli", "span" (text), "reward", "subsidy", "pool_fee_ppm",
 *    "slices": [id, ...] newest first, "cut" (text), "counted_total" (text),
 *    "parts": [[miner, work (text), fee_ppm, gross, fee, net], ...], "pool_fee",
 *    "retained"}; money in satoshi. */
json_t *split_describe(const struct split_terms *terms, const struct window *w,
                       const struct scheme_block *block,
                       const struct scheme_split *split)
{
    json_t *ids = json_array(), *parts = json_array(), *o = json_object();
    for (size_t i = 0; w != NULL && i < w->id_count; i++)
        json_array_append_new(ids, json_integer((json_int_t)w->ids[i]));
    for (size_t i = 0; i < split->count; i++) {
        const struct scheme_part *p = &split->parts[i];
        json_array_append_new(
            parts, json_pack("[s, o, I, o, o, o]", p->miner.text, number_text(p->work),
                             (json_int_t)p->fee_ppm, amount_json(p->gross),
                             amount_json(p->fee), amount_json(p->net)));
    }
    json_object_set_new(o, "scheme", json_string(scheme_name(terms->scheme)));
    json_object_set_new(o, "window_milli", json_integer(terms->window_milli));
    json_object_set_new(o, "span", number_text(w != NULL ? w->span : 0));
    json_object_set_new(o, "reward", amount_json(block->reward));
    json_object_set_new(o, "subsidy", amount_json(block->subsidy));
    json_object_set_new(o, "pool_fee_ppm", json_integer(terms->pool_ppm));
    json_object_set_new(o, "slices", ids);
    json_object_set_new(o, "cut", number_text(w != NULL ? w->cut : 0));
    json_object_set_new(o, "counted_total",
                        number_text(w != NULL ? w->counted.total : 0));
    json_object_set_new(o, "parts", parts);
    json_object_set_new(o, "pool_fee", amount_json(split->pool_fee));
    json_object_set_new(o, "retained", amount_json(split->retained));
    return o;
}
