/* The ledger as it lies in Redis: balances of one instant, entries page by page. */
#include "pool/inquiry_parts.h"

#include "conf/mem.h"
#include "payout/statement.h"
#include "share/bytes.h"
#include "share/keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUIET_TRIES 40
#define QUIET_MS    25

bool inquiry_read_sat(struct amount *a, const char *text)
{
    bool is_negative = *text == '-';
    uint64_t v = 0;
    return decimal_read(&v, text + is_negative, (uint64_t)AMOUNT_MAX_SAT) &&
           amount_from_sat(a, is_negative ? -(int64_t)v : (int64_t)v);
}

enum kz_err ledger_last_entry(uint64_t *n, struct inquiry *i)
{
    json_t *text = NULL;
    enum kz_err err = store_read_text(&text, i->parts.store, KEY_ENTRY_SEQ);
    if (err != KZ_OK && err != KZ_EMPTY)
        return err;
    *n = err == KZ_OK ? decimal_of(json_string_value(text)) : 0;
    json_decref(text);
    return KZ_OK;
}

/* --- balances -------------------------------------------------------------------- */

void ledger_view_clear(struct ledger_view *v)
{
    mem_free(v->balances);
    *v = (struct ledger_view){0};
}

/* The four hashes; those that hold one kind of account have its miners as fields. */
static const struct hash {
    const char *key;
    enum account_name name; /* ACCOUNT_NAMES: the field says */
} hashes[] = {
    {KEY_IMMATURE, ACCOUNT_IMMATURE},
    {KEY_MATURE, ACCOUNT_MATURE},
    {KEY_HELD, ACCOUNT_HELD},
    {KEY_ACCOUNTS, ACCOUNT_NAMES},
};

static bool read_balance(struct posting *p, const struct hash *h, const char *field,
                         const char *text)
{
    struct miner_id miner;
    if (!inquiry_read_sat(&p->amount, text))
        return false;
    if (h->name == ACCOUNT_NAMES)
        return account_parse(&p->account, field, strlen(field)) == KZ_OK;
    if (miner_id_parse(&miner, field, strlen(field)) != KZ_OK)
        return false;
    p->account = account_miner(h->name, &miner);
    p->amount = entry_turned(p->amount); /* kept as what is owed */
    return true;
}

static enum kz_err add_balances(struct ledger_view *v, char text[INQUIRY_TEXT_SIZE],
                                const struct hash *h, json_t *fields)
{
    const char *field;
    json_t *value;
    v->balances = mem_resize(v->balances, (v->count + json_object_size(fields) + 1) *
                                              sizeof(*v->balances));
    json_object_foreach(fields, field, value)
    {
        struct posting p;
        if (!read_balance(&p, h, field, json_string_value(value)))
            return inquiry_say(text, KZ_PARSE, "%s has %.80s = %.40s: no balance",
                               h->key, field, json_string_value(value));
        if (!amount_is_zero(p.amount))
            v->balances[v->count++] = p;
    }
    return KZ_OK;
}

static enum kz_err read_balances(struct ledger_view *v, char text[INQUIRY_TEXT_SIZE],
                                 struct inquiry *i)
{
    enum kz_err err = KZ_OK;
    for (size_t k = 0; k < sizeof(hashes) / sizeof(hashes[0]) && err == KZ_OK; k++) {
        json_t *fields = NULL;
        err = store_read_hash(&fields, i->parts.store, hashes[k].key);
        if (err == KZ_OK)
            err = add_balances(v, text, &hashes[k], fields);
        json_decref(fields);
    }
    return err;
}

/* One script moves the number and the balances, so what was read between two equal
 * numbers is of one instant. */
enum kz_err ledger_view_take(struct ledger_view *v, char text[INQUIRY_TEXT_SIZE],
                             struct inquiry *i)
{
    for (int tries = 0; tries < QUIET_TRIES; tries++) {
        struct ledger_view made = {0};
        uint64_t after = 0;
        enum kz_err err = ledger_last_entry(&made.entries, i);
        if (err == KZ_OK)
            err = read_balances(&made, text, i);
        if (err == KZ_OK || err == KZ_PARSE) {
            enum kz_err again = ledger_last_entry(&after, i);
            err = again != KZ_OK ? again : err;
        }
        if (err != KZ_OK && err != KZ_PARSE) {
            ledger_view_clear(&made);
            return inquiry_say(text, KZ_IO, "Redis is away");
        }
        if (after == made.entries) {
            *v = made;
            return err;
        }
        ledger_view_clear(&made);
        if (!inquiry_pause(i, QUIET_MS))
            return inquiry_say(text, KZ_BUSY, "stopping");
    }
    return inquiry_say(
        text, KZ_BUSY,
        "entries are being written all the time: no quiet moment to read "
        "the balances in; ask again");
}

/* --- entries --------------------------------------------------------------------- */

static enum kz_err take_entry(char text[INQUIRY_TEXT_SIZE],
                              const struct entry_walk *walk, uint64_t n,
                              const json_t *value)
{
    struct entry e;
    char *made = json_dumps(value, JSON_COMPACT);
    size_t len = made != NULL ? strlen(made) : 0;
    enum kz_err err =
        walk->is_part ? entry_parse_part(&e, made, len) : entry_parse(&e, made, len);
    free(made); /* allowed: jansson's */
    if (err != KZ_OK)
        return inquiry_say(
            text, KZ_PARSE, "entry %" PRIu64 " of %s is damaged: %.200s", n, walk->key,
            err == KZ_RANGE ? "it does not sum to 0, or leaves the range "
                              "of money"
                            : "no entry's form");
    err = walk->take(walk->ctx, n, &e);
    entry_clear(&e);
    return err;
}

static enum kz_err take_page(uint64_t *after, char text[INQUIRY_TEXT_SIZE],
                             const struct entry_walk *walk, uint64_t last,
                             const json_t *page)
{
    size_t count = json_array_size(page);
    enum kz_err err = KZ_OK;
    if (walk->is_whole && last != *after + count)
        return inquiry_say(text, KZ_PARSE,
                           "%s has %zu entries behind number %" PRIu64
                           ", and the last is "
                           "%" PRIu64 ": some are missing",
                           walk->key, count, *after, last);
    for (size_t k = 0; k < count && err == KZ_OK; k++)
        err = take_entry(text, walk, walk->is_whole ? *after + k + 1 : last,
                         json_array_get(page, k));
    if (err == KZ_OK)
        *after = last;
    return err;
}

enum kz_err ledger_walk(uint64_t *after, char text[INQUIRY_TEXT_SIZE],
                        struct inquiry *i, const struct entry_walk *walk, uint64_t max)
{
    while (max > 0) {
        json_t *page = NULL;
        uint64_t last = *after;
        if (inquiry_is_stopping(i))
            return inquiry_say(text, KZ_BUSY, "stopping");
        enum kz_err err =
            store_read_entries(&page, &last, i->parts.store, walk->key,
                               max < INQUIRY_PAGE ? (size_t)max : INQUIRY_PAGE);
        if (err == KZ_EMPTY)
            return KZ_EMPTY;
        if (err != KZ_OK)
            return inquiry_say(text, err, "%s",
                               err == KZ_PARSE ? "an entry is damaged: no JSON"
                                               : "Redis is away");
        max -= json_array_size(page);
        err = take_page(after, text, walk, last, page);
        json_decref(page);
        if (err != KZ_OK)
            return err;
    }
    return KZ_OK;
}

/* --- the question ---------------------------------------------------------------- */

/* Any five amounts fit 63 bits. */
static json_t *holdings_json(const struct statement_holdings *h)
{
    int64_t immature = amount_to_sat(h->immature), mature = amount_to_sat(h->mature),
            held = amount_to_sat(h->held), reserved = amount_to_sat(h->reserved),
            receivable = amount_to_sat(h->receivable);
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "immature", (json_int_t)immature,
                     "mature", (json_int_t)mature, "held", (json_int_t)held, "reserved",
                     (json_int_t)reserved, "receivable", (json_int_t)receivable,
                     "total",
                     (json_int_t)(immature + mature + held + reserved - receivable));
}

static int by_text(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

/* Rows by miner id. False: a total outside the range of money. */
static bool miners_json(json_t *rows, struct statement_holdings *totals,
                        const struct textmap *miners)
{
    size_t count = textmap_count(miners);
    const char **ids = mem_array(count + 1, sizeof(*ids));
    bool fits = true;
    for (size_t k = 0; k < count; k++)
        ids[k] = textmap_text(miners, k);
    qsort(ids, count, sizeof(*ids), by_text);
    for (size_t k = 0; k < count && fits; k++) {
        const struct statement_holdings *h = textmap_get(miners, ids[k]);
        json_t *row = holdings_json(h);
        json_object_set_new(row, "miner", json_string(ids[k]));
        json_array_append_new(rows, row);
        fits = holdings_add(totals, h);
    }
    mem_free(ids);
    return fits;
}

static bool sort_balances(struct textmap *miners, json_t *pool,
                          const struct ledger_view *view, const char *only)
{
    for (size_t k = 0; k < view->count; k++) {
        const struct posting *p = &view->balances[k];
        char name[ACCOUNT_TEXT_SIZE];
        if (!account_has_miner(p->account.name)) {
            account_format(name, &p->account);
            json_object_set_new(pool, name, json_integer(amount_to_sat(p->amount)));
        } else if (only == NULL || strcmp(only, p->account.miner.text) == 0) {
            if (!holdings_post(textmap_put(miners, p->account.miner.text), p))
                return false;
        }
    }
    return true;
}

enum kz_err inquiry_balance(json_t **value, char text[INQUIRY_TEXT_SIZE],
                            struct inquiry *i, const json_t *arguments)
{
    const char *only = json_string_value(json_object_get(arguments, "miner"));
    struct ledger_view view = {0};
    struct statement_holdings totals = {0};
    enum kz_err err = ledger_view_take(&view, text, i);
    if (err != KZ_OK) {
        ledger_view_clear(&view);
        return err;
    }
    struct textmap *miners = textmap_new(sizeof(struct statement_holdings));
    json_t *rows = json_array(), *pool = json_object();
    if (only != NULL && json_is_true(json_object_get(arguments, "registered")))
        textmap_put(miners, only);
    if (!sort_balances(miners, pool, &view, only) ||
        !miners_json(rows, &totals, miners))
        err = inquiry_say(text, KZ_RANGE, "balances outside the range of money");
    else if (only != NULL && textmap_count(miners) == 0)
        err = inquiry_say(text, KZ_EMPTY, "no miner \"%.64s\"", only);
    else
        *value = json_pack("{s:I, s:O, s:o}", "entries", (json_int_t)view.entries,
                           "miners", rows, "totals", holdings_json(&totals));
    if (err == KZ_OK && only == NULL)
        json_object_set(*value, "pool", pool);
    json_decref(rows);
    json_decref(pool);
    textmap_free(miners);
    ledger_view_clear(&view);
    return err;
}
