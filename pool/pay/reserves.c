/* What is owed, by how long it has been payable, against the coins that are there. */
#include "pool/pay/show.h"

#include "conf/clock.h"
#include "conf/mem.h"
#include "payout/book.h"
#include "pool/ctl_table.h"
#include "pool/unpaid.h"

#include <inttypes.h>
#include <stdio.h>

/* Up to so many days; the last is everything older. */
static const int64_t ages[] = {1, 7, 30, 90, UNPAID_NO_END};
#define AGES (sizeof(ages) / sizeof(ages[0]))

struct reading {
    struct book *book;
    struct unpaid *unpaid;
};

static enum kz_err take(void *ctx, const struct entry *e,
                        const struct ledger_changes *changes)
{
    struct reading *r = ctx;
    struct book_problem why;
    enum kz_err err = book_apply(r->book, &why, e);
    if (err == KZ_OK)
        unpaid_take(r->unpaid, e, changes);
    return err == KZ_OK ? KZ_OK : KZ_RANGE;
}

/* All entries, in order, into the book and the lots. */
static enum kz_err walk(struct reading *r, struct payer *p)
{
    enum kz_err err = ledger_read(p->store, take, r);
    return err == KZ_OK      ? KZ_OK
           : err == KZ_RANGE ? pay_fail(p, err,
                                        "the ledger cannot be read: karizctl ledger "
                                        "verify says where")
                             : pay_fail(p, err, "Redis is away");
}

static enum kz_err by_age(json_t *list, const struct unpaid *u, struct payer *p)
{
    struct amount sums[AGES];
    if (unpaid_by_age(sums, ages, AGES, u, clock_utc_ms()) != KZ_OK)
        return pay_fail(p, KZ_RANGE, "amount overflow: what is unpaid");
    for (size_t k = 0; k < AGES; k++) {
        char label[32] = "older";
        if (k + 1 < AGES)
            snprintf(label, sizeof(label), "up to %" PRId64 " day%s", ages[k],
                     ages[k] == 1 ? "" : "s");
        json_array_append_new(list, json_pack("{s:s, s:I}", "age", label, "sat",
                                              (json_int_t)amount_to_sat(sums[k])));
    }
    return KZ_OK;
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
    struct reading r = {book_new(), unpaid_new()};
    json_t *made = json_object(), *list = json_array();
    enum kz_err err = walk(&r, p);
    if (err == KZ_OK)
        err = fill(made, r.book, p);
    if (err == KZ_OK)
        err = by_age(list, r.unpaid, p);
    json_object_set_new(made, "by_age", list);
    unpaid_free(r.unpaid);
    book_free(r.book);
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
