/* Whom coinbases may pay: the accounts of a moment, frozen, and kept by its id before any
 * job has it, so that a block can be booked by whoever is alive when it is found.
 *
 * A new one is made when a slice closed, a block was booked, or the registry or a balance
 * changed; at most every SNAPSHOT_MS but for the latter three. It counts closed slices
 * and the open one of this instance. */
#include "pool/accounts_parts.h"

#include "conf/clock.h"
#include "conf/mem.h"
#include "pool/registry/registry_address.h"
#include "share/bytes.h"
#include "share/keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SNAPSHOT_MS 30000

/* --- as text ---------------------------------------------------------------------- */

static json_t *works_json(const struct works *w)
{
    json_t *list = json_array();
    for (size_t i = 0; i < w->count; i++) {
        char text[24];
        snprintf(text, sizeof(text), "%" PRIu64, w->rows[i].weight);
        json_array_append_new(list, json_pack("[s, s]", w->rows[i].miner.text, text));
    }
    return list;
}

static json_t *payees_json(const struct snapshot *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->payee_count; i++) {
        const struct snapshot_payee *p = &s->payees[i];
        char hex[2 * ADDRESS_SCRIPT_MAX + 1];
        hex_encode(hex, p->address.script, p->address.script_len);
        json_array_append_new(list, json_pack("[s, s, I, I, i, i]", p->miner.text, hex,
                                              (json_int_t)amount_to_sat(p->carry),
                                              (json_int_t)amount_to_sat(p->minimum),
                                              (int)p->hold, (int)p->address.type));
    }
    return list;
}

static json_t *snapshot_json(const struct snapshot *s)
{
    json_t *own = json_array(), *blocks = json_array();
    for (size_t i = 0; i < s->fees.own_count; i++)
        json_array_append_new(own, json_pack("[s, I]", s->fees.own[i].miner.text,
                                             (json_int_t)s->fees.own[i].fee_ppm));
    for (size_t i = 0; i < s->accounted_count; i++) {
        char hash[HASH256_HEX_SIZE];
        hash256_format_display(hash, &s->accounted[i]);
        json_array_append_new(blocks, json_string(hash));
    }
    return json_pack("{s:I, s:s, s:o, s:I, s:o, s:o, s:o}", "id", (json_int_t)s->id,
                     "scheme", scheme_name(s->scheme), "counted",
                     works_json(&s->counted), "fee_ppm", (json_int_t)s->fees.pool_ppm,
                     "own_fees", own, "payees", payees_json(s), "accounted", blocks);
}

static bool read_miner(struct miner_id *id, const json_t *text)
{
    const char *p = json_string_value(text);
    return p != NULL && miner_id_parse(id, p, strlen(p)) == KZ_OK;
}

static bool read_works(struct works *w, const json_t *list)
{
    size_t i;
    json_t *row;
    struct split_weight *rows = mem_array(json_array_size(list), sizeof(*rows));
    bool ok = true;
    json_array_foreach(list, i, row)
    {
        ok = ok && read_miner(&rows[i].miner, json_array_get(row, 0));
        rows[i].weight = decimal_of(json_string_value(json_array_get(row, 1)));
    }
    ok = ok && works_add(w, rows, json_array_size(list)) == KZ_OK;
    mem_free(rows);
    return ok;
}

static bool read_payee(struct snapshot_payee *p, const json_t *row)
{
    const char *hex = json_string_value(json_array_get(row, 1));
    int64_t hold = json_integer_value(json_array_get(row, 4));
    p->hold = (enum direct_hold)hold;
    p->address.type = (enum address_type)json_integer_value(json_array_get(row, 5));
    return hex != NULL && hold >= DIRECT_OPEN && hold <= DIRECT_FROZEN &&
           read_miner(&p->miner, json_array_get(row, 0)) &&
           hex_decode_some(p->address.script, &p->address.script_len,
                           ADDRESS_SCRIPT_MAX, hex, strlen(hex)) == KZ_OK &&
           amount_from_sat(&p->carry, json_integer_value(json_array_get(row, 2))) &&
           amount_from_sat(&p->minimum, json_integer_value(json_array_get(row, 3)));
}

static bool read_parts(struct snapshot_fields *f, const json_t *o,
                       struct works *counted, struct scheme_fees *fees,
                       struct scheme_fee *own, struct snapshot_payee *payees)
{
    const char *scheme = json_string_value(json_object_get(o, "scheme"));
    size_t i;
    json_t *row;
    bool ok = scheme != NULL &&
              scheme_parse(&f->scheme, scheme, strlen(scheme)) == KZ_OK &&
              read_works(counted, json_object_get(o, "counted"));
    json_array_foreach(json_object_get(o, "payees"), i, row) ok =
        ok && read_payee(&payees[i], row);
    f->payee_count = i;
    json_array_foreach(json_object_get(o, "own_fees"), i, row)
    {
        ok = ok && read_miner(&own[i].miner, json_array_get(row, 0));
        own[i].fee_ppm = (uint32_t)json_integer_value(json_array_get(row, 1));
    }
    *fees = (struct scheme_fees){
        (uint32_t)json_integer_value(json_object_get(o, "fee_ppm")), own, i};
    return ok;
}

/* Without the blocks it had accounted for: those matter to jobs, not to a booking. */
static enum kz_err parse(const struct snapshot **out, const json_t *o)
{
    struct works counted = {0};
    struct scheme_fees fees;
    size_t payees = json_array_size(json_object_get(o, "payees"));
    size_t own = json_array_size(json_object_get(o, "own_fees"));
    struct snapshot_payee *rows = mem_array(payees, sizeof(*rows));
    struct scheme_fee *rates = mem_array(own, sizeof(*rates));
    struct snapshot_fields f = {.counted = &counted, .fees = &fees, .payees = rows};
    f.id = (uint64_t)json_integer_value(json_object_get(o, "id"));
    enum kz_err err = read_parts(&f, o, &counted, &fees, rates, rows)
                          ? snapshot_new(out, &f)
                          : KZ_PARSE;
    works_clear(&counted);
    mem_free(rows);
    mem_free(rates);
    return err == KZ_OK ? KZ_OK : KZ_PARSE;
}

enum kz_err snapshot_read(const struct snapshot **out, struct accounts *a, uint64_t id)
{
    char name[32], key[KEY_SIZE];
    json_t *text;
    snprintf(name, sizeof(name), "snap:%" PRIu64, id);
    key_mark(key, name);
    enum kz_err err = store_read_field(&text, a->store, key, "s");
    if (err != KZ_OK)
        return err == KZ_EMPTY ? KZ_PARSE : err;
    json_t *o = json_loads(json_string_value(text), 0, NULL);
    err = parse(out, o);
    json_decref(o);
    json_decref(text);
    return err;
}

/* --- making one ------------------------------------------------------------------- */

static bool add_open(struct works *w, struct accounts *a)
{
    json_t *open, *text;
    const char *id;
    size_t n = 0;
    if (store_read_open_slice(&open, a->store) != KZ_OK)
        return false;
    struct split_weight *rows = mem_array(json_object_size(open), sizeof(*rows));
    json_object_foreach(
        open, id, text) if (miner_id_parse(&rows[n].miner, id, strlen(id)) == KZ_OK)
        rows[n++]
            .weight = decimal_of(json_string_value(text));
    bool ok = works_add(w, rows, n) == KZ_OK;
    mem_free(rows);
    json_decref(open);
    return ok;
}

/* The window as if a block were found now: the open slice is its newest part. */
static enum kz_err count_now(struct works *out, uint64_t *newest, struct accounts *a)
{
    struct slice_terms now = accounts_terms(&a->conf);
    struct split_terms terms = {.scheme = (enum scheme)now.scheme,
                                .window_milli = now.window_milli,
                                .nbits = atomic_load(&a->nbits),
                                .newest = UINT64_MAX};
    struct slice_list page = {0};
    struct window w;
    uint64_t oldest;
    enum kz_err err = store_read_slices(&page, &oldest, a->store, UINT64_MAX, 1);
    *newest = page.count > 0 ? page.slices[0].id : 0;
    slice_list_clear(&page);
    if (err == KZ_OK)
        err = split_window(&w, a, &terms);
    if (err != KZ_OK)
        return err;
    if (scheme_regime(terms.scheme) == SLICE_SPLIT && !add_open(&w.counted, a))
        err = KZ_IO;
    if (err == KZ_OK)
        err = works_add(out, w.counted.rows, w.counted.count);
    window_clear(&w);
    return err;
}

/* The one that a payment would go to; none while it waits. */
static void read_address(struct snapshot_payee *p, const struct accounts *a,
                         const json_t *record)
{
    struct address_problem problem;
    const json_t *one = record_newest_address(record);
    const char *text = record_text(one, "address");
    if (text == NULL || record_address_waits(one, clock_utc_ms()) ||
        address_parse(&p->address, &problem, a->network, text, strlen(text)) != KZ_OK)
        p->address.script_len = 0;
}

static int by_payee(const void *a, const void *b)
{
    const struct snapshot_payee *x = a, *y = b;
    return split_miner_compare(&x->miner, &y->miner);
}

static size_t gather_payees(struct snapshot_payee *rows, struct accounts *a,
                            const json_t *mature)
{
    const char *id;
    json_t *record;
    size_t count = 0;
    json_object_foreach(a->miners, id, record)
    {
        struct snapshot_payee *p = &rows[count];
        *p = (struct snapshot_payee){.hold = DIRECT_OPEN};
        if (miner_id_parse(&p->miner, id, strlen(id)) != KZ_OK)
            continue;
        int64_t carry = accounts_number(mature, id);
        if (carry > 0 && !amount_from_sat(&p->carry, carry))
            continue;
        if (accounts_is_held(a, &p->miner))
            p->hold = DIRECT_HELD;
        int64_t minimum = json_integer_value(json_object_get(record, "minimum_sat"));
        if (!amount_from_sat(&p->minimum, minimum > 0 ? minimum : 0))
            continue;
        read_address(p, a, record);
        count++;
    }
    if (count > 0)
        qsort(rows, count, sizeof(*rows), by_payee);
    return count;
}

/* Our own blocks that are booked: they have no place in the carry of the next ones. */
static enum kz_err gather_blocks(struct hash256 **out, size_t *count,
                                 struct accounts *a)
{
    json_t *hashes, *hash;
    size_t i, n = 0;
    enum kz_err err = store_read_block_hashes(&hashes, a->store, true);
    if (err != KZ_OK)
        return err;
    *out = mem_array(json_array_size(hashes), sizeof(**out));
    json_array_foreach(hashes, i, hash)
    {
        json_t *block = NULL;
        const char *text = json_string_value(hash);
        if (store_read_block_state(&block, a->store, text) == KZ_OK) {
            const char *state = json_string_value(json_object_get(block, "state"));
            bool booked = state != NULL && (strcmp(state, "accepted") == 0 ||
                                            strcmp(state, "mature") == 0);
            if (booked &&
                hash256_parse_display(&(*out)[n], text, strlen(text)) == KZ_OK)
                n++;
        }
        json_decref(block);
    }
    json_decref(hashes);
    *count = n;
    return KZ_OK;
}

static enum kz_err make(const struct snapshot **out, uint64_t *newest,
                        struct accounts *a)
{
    struct works counted = {0};
    struct scheme_fee *own = NULL;
    struct hash256 *blocks = NULL;
    json_t *mature = NULL;
    struct snapshot_payee *payees =
        mem_array(json_object_size(a->miners), sizeof(*payees));
    struct slice_terms now = accounts_terms(&a->conf);
    struct scheme_fees fees = accounts_fees(a, now.fee_ppm, &own);
    struct snapshot_fields f = {.scheme = (enum scheme)now.scheme,
                                .counted = &counted,
                                .fees = &fees,
                                .payees = payees};
    enum kz_err err = count_now(&counted, newest, a);
    if (err == KZ_OK)
        err = store_read_hash(&mature, a->store, KEY_MATURE);
    if (err == KZ_OK)
        err = gather_blocks(&blocks, &f.accounted_count, a);
    if (err == KZ_OK) {
        uint64_t id = (uint64_t)clock_utc_ms() * 256 + a->conf.instance_number;
        f.id = id > a->last_snapshot ? id : a->last_snapshot + 256;
        f.payee_count = gather_payees(payees, a, mature);
        f.accounted = blocks;
        err = snapshot_new(out, &f);
    }
    works_clear(&counted);
    mem_free(payees);
    mem_free(own);
    mem_free(blocks);
    json_decref(mature);
    return err;
}

static bool keep(struct accounts *a, const struct snapshot *s)
{
    char name[32];
    json_t *o = snapshot_json(s);
    char *text = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(o);
    snprintf(name, sizeof(name), "snap:%" PRIu64, s->id);
    bool done =
        accounts_write(a, json_pack("{s:[[s, s, s]]}", "marks", name, "s", text));
    free(text); /* allowed: jansson's */
    return done;
}

static bool is_due(struct accounts *a)
{
    struct slice_list page = {0};
    uint64_t oldest;
    if (a->last_snapshot == 0 || a->accounts_changed)
        return true;
    if (monotime_ms_between(a->snapshot_at, clock_now()) < SNAPSHOT_MS)
        return false;
    bool is_new = store_read_slices(&page, &oldest, a->store, UINT64_MAX, 1) == KZ_OK &&
                  page.count > 0 && page.slices[0].id != a->snapshot_slice;
    slice_list_clear(&page);
    return is_new;
}

void snapshot_step(struct accounts *a)
{
    const struct snapshot *s;
    if (!a->conf.payout.direct || atomic_load(&a->nbits) == 0 || !is_due(a))
        return;
    enum kz_err err = make(&s, &a->snapshot_slice, a);
    if (err != KZ_OK)
        return; /* Redis is away, or there is nothing yet: the next turn */
    if (keep(a, s)) {
        bool now = a->accounts_changed;
        a->last_snapshot = s->id;
        a->snapshot_at = clock_now();
        a->accounts_changed = false;
        pthread_mutex_lock(&a->lock);
        a->snapshot_id = s->id;
        pthread_mutex_unlock(&a->lock);
        if (a->hooks.on_snapshot != NULL)
            a->hooks.on_snapshot(a->hooks.ctx, snapshot_ref(s), now);
    }
    snapshot_unref(s);
}
