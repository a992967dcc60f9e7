/* What is owed, by how long it has been payable, against the coins that are there. */
#include "pool/pay/show.h"

#include "conf/clock.h"
#include "conf/mem.h"
#include "payout/book.h"
#include "payout/lots.h"
#include "payout/textmap.h"
#include "pool/ctl_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE   500
#define DAY_MS INT64_C(86400000)

/* Up to so many days; the last is everything older. */
static const int64_t ages[] = {1, 7, 30, 90, INT64_MAX / DAY_MS};
#define AGES (sizeof(ages) / sizeof(ages[0]))

/* What the entry does to each miner's payable money, once for all its postings. */
static enum kz_err take_entry(struct textmap *all, const struct entry *e)
{
    struct textmap *changes = textmap_new(sizeof(struct amount));
    bool fits = true;
    for (size_t i = 0; i < e->posting_count && fits; i++) {
        const struct posting *p = &e->postings[i];
        if (!lots_is_payable(&p->account))
            continue;
        struct amount *change = textmap_put(changes, p->account.miner.text);
        fits = amount_sub(change, *change, p->amount);
    }
    for (size_t i = 0; i < textmap_count(changes) && fits; i++) {
        const char *miner = textmap_text(changes, i);
        struct amount *change = textmap_get(changes, miner);
        lots_apply(textmap_put(all, miner), e, *change);
    }
    textmap_free(changes);
    return fits ? KZ_OK : KZ_RANGE;
}

/* All entries, in order, into the book and the lots. */
static enum kz_err walk(struct book *book, struct textmap *all, struct payer *p)
{
    uint64_t after = 0;
    json_t *page = NULL, *one;
    size_t i;
    enum kz_err err;
    while ((err = store_read_entries(&page, &after, p->store, KEY_ENTRIES, PAGE)) ==
           KZ_OK) {
        json_array_foreach(page, i, one)
        {
            struct entry e;
            struct book_problem why;
            char *text = json_dumps(one, JSON_COMPACT | JSON_SORT_KEYS);
            enum kz_err read =
                text != NULL ? entry_parse(&e, text, strlen(text)) : KZ_PARSE;
            free(text); /* allowed: jansson's */
            if (read == KZ_OK) {
                read = book_apply(book, &why, &e);
                if (read == KZ_OK)
                    read = take_entry(all, &e);
                entry_clear(&e);
            }
            if (read != KZ_OK) {
                json_decref(page);
                return pay_fail(
                    p, KZ_RANGE,
                    "the ledger cannot be read: karizctl ledger verify says "
                    "where");
            }
        }
        json_decref(page);
    }
    return err == KZ_EMPTY ? KZ_OK : pay_fail(p, err, "Redis is away");
}

static size_t age_of(int64_t time_ms, int64_t now_ms)
{
    size_t k = 0;
    while (k + 1 < AGES && now_ms - time_ms > ages[k] * DAY_MS)
        k++;
    return k;
}

/* Clears the lots. */
static json_t *by_age(struct textmap *all)
{
    struct amount sums[AGES];
    int64_t now = clock_utc_ms();
    json_t *list = json_array();
    for (size_t k = 0; k < AGES; k++)
        sums[k] = amount_zero();
    for (size_t i = 0; i < textmap_count(all); i++) {
        struct lots *l = textmap_get(all, textmap_text(all, i));
        size_t count;
        const struct lot *rows = lots_left(l, &count);
        for (size_t n = 0; n < count; n++) {
            struct amount *sum = &sums[age_of(rows[n].time_ms, now)];
            if (!amount_add(sum, *sum, rows[n].sat))
                break;
        }
        lots_clear(l);
    }
    for (size_t k = 0; k < AGES; k++) {
        char label[32] = "older";
        if (k + 1 < AGES)
            snprintf(label, sizeof(label), "up to %" PRId64 " day%s", ages[k],
                     ages[k] == 1 ? "" : "s");
        json_array_append_new(list, json_pack("{s:s, s:I}", "age", label, "sat",
                                              (json_int_t)amount_to_sat(sums[k])));
    }
    return list;
}

/* What miners' accounts of one name come to, positive: owed. */
static struct amount owed(const struct book *book, enum account_name name)
{
    size_t count;
    struct posting *balances = book_balances(book, &count);
    struct amount sum = amount_zero();
    for (size_t i = 0; i < count; i++)
        if (balances[i].account.name == name &&
            !amount_sub(&sum, sum, balances[i].amount))
            break;
    mem_free(balances);
    return sum;
}

static void set_sat(json_t *o, const char *key, struct amount a)
{
    json_object_set_new(o, key, json_integer(amount_to_sat(a)));
}

static struct amount sum_of_purse(const struct purse *u, bool held)
{
    struct amount sum = amount_zero();
    for (size_t i = 0; i < u->count; i++)
        if (!u->coins[i].is_spent && !u->coins[i].is_void &&
            u->coins[i].is_held == held &&
            !amount_add(&sum, sum, u->coins[i].coin.value))
            break;
    return sum;
}

static bool is_short(struct amount have, struct amount need)
{
    return amount_compare(have, need) < 0;
}

/* Two ways to be short: of all that is owed, and of what is payable now. */
static void judge(json_t *out, const struct book_totals *t, const struct purse *u,
                  struct amount payable)
{
    struct amount have = t->coins, now = sum_of_purse(u, false),
                  held = sum_of_purse(u, true);
    bool fits = amount_add(&have, have, t->receivables) && amount_add(&now, now, held);
    bool all_short = !fits || is_short(have, t->liabilities);
    bool now_short = !fits || is_short(now, payable);
    set_sat(out, "free", sum_of_purse(u, false));
    set_sat(out, "under_way", held);
    json_object_set_new(out, "ok", json_boolean(!all_short && !now_short));
    json_object_set_new(
        out, "verdict",
        json_string(all_short   ? "SHORT: the coins do not cover what is owed"
                    : now_short ? "SHORT: mature coins do not cover what is payable now"
                                : "covered"));
}

static enum kz_err fill(json_t *out, const struct book *book, struct payer *p)
{
    struct book_totals t;
    struct purse u = {.count = 0};
    struct amount mature = owed(book, ACCOUNT_MATURE), held = owed(book, ACCOUNT_HELD),
                  reserved = owed(book, ACCOUNT_RESERVED), payable = mature;
    struct account immature_coins = account_pool(ACCOUNT_COINS_IMMATURE);
    if (book_totals(book, &t) != KZ_OK || !amount_add(&payable, payable, held) ||
        !amount_add(&payable, payable, reserved))
        return pay_fail(p, KZ_RANGE, "amount overflow: the ledger's totals");
    enum kz_err err = purse_read(&u, p);
    if (err == KZ_OK)
        err = purse_check(&u, p);
    if (err != KZ_OK) {
        purse_clear(&u);
        return err;
    }
    set_sat(out, "payable", mature);
    set_sat(out, "held", held);
    set_sat(out, "reserved", reserved);
    set_sat(out, "immature", owed(book, ACCOUNT_IMMATURE));
    set_sat(out, "liabilities", t.liabilities);
    set_sat(out, "coins_immature", book_balance(book, &immature_coins));
    set_sat(out, "coins", t.coins);
    set_sat(out, "receivables", t.receivables);
    judge(out, &t, &u, payable);
    purse_clear(&u);
    return KZ_OK;
}

enum kz_err reserves_json(json_t **out, struct payer *p)
{
    struct book *book = book_new();
    struct textmap *all = textmap_new(sizeof(struct lots));
    json_t *made = json_object();
    enum kz_err err = walk(book, all, p);
    if (err == KZ_OK)
        err = fill(made, book, p);
    json_object_set_new(made, "by_age", by_age(all));
    textmap_free(all);
    book_free(book);
    if (err != KZ_OK) {
        json_decref(made);
        return err;
    }
    *out = made;
    return KZ_OK;
}

static void line(const char *what, const json_t *o, const char *key)
{
    char cell[AMOUNT_TEXT_SIZE];
    struct amount a;
    if (amount_from_sat(&a, ctl_number(o, key)))
        amount_format(cell, a);
    else
        snprintf(cell, sizeof(cell), "?");
    printf("  %-34s %20s\n", what, cell);
}

void show_reserves(const json_t *r)
{
    size_t i;
    json_t *one;
    puts("Owed");
    json_array_foreach(json_object_get(r, "by_age"), i, one)
    {
        char what[64];
        snprintf(what, sizeof(what), "payable or held, %s", ctl_text(one, "age"));
        line(what, one, "sat");
    }
    line("of these held for registrations", r, "held");
    line("inside open payouts", r, "reserved");
    line("of blocks not yet mature", r, "immature");
    line("all", r, "liabilities");
    puts("There is");
    line("free coins", r, "free");
    line("coins that open payouts spend", r, "under_way");
    line("coins of blocks not yet mature", r, "coins_immature");
    line("receivable from miners", r, "receivables");
    line("all coins, direct ones included", r, "coins");
    printf("%s\n", ctl_text(r, "verdict"));
}
