/* R9: what is owed to miners and which coins are there, as the ledger had it at the
 * period's end, or now where that is still to come.
 *
 *   liabilities      what all miners are owed, less what they owe: the sum of R4's balances;
 *                    the parts by age, what is immature and what is in open payouts add up
 *                    to it, but for what they owe
 *   hot_wallet       coins that payouts may spend, and those that they are spending
 *   coins_immature   of blocks that are not deep enough yet, outputs to miners included
 *
 * That the chain has these coins is what `karizctl ledger verify` and `kariz-payout
 * reserves` ask a node about. */
#include "conf/mem.h"
#include "pool/report/ledger_source.h"
#include "pool/report/source_common.h"
#include "pool/unpaid.h"

static const int64_t ages[] = {30, 90, 365, UNPAID_NO_END};
static const char *const age_names[] = {"unpaid_to_30_days", "unpaid_31_to_90_days",
                                        "unpaid_91_to_365_days",
                                        "unpaid_over_365_days"};
#define AGES (sizeof(ages) / sizeof(ages[0]))

struct making {
    const struct report_source *s;
    char *why;
    struct unpaid *unpaid;
    struct amount accounts[ACCOUNT_NAMES]; /* signed as postings are */
    struct fill fill;
};

static enum kz_err take_entry(void *ctx, const struct entry *e,
                              const struct ledger_changes *changes)
{
    struct making *m = ctx;
    unpaid_take(m->unpaid, e, changes);
    for (size_t i = 0; i < e->posting_count; i++) {
        const struct posting *p = &e->postings[i];
        struct amount *sum = &m->accounts[p->account.name];
        if (!amount_add(sum, *sum, p->amount))
            return KZ_RANGE;
    }
    return KZ_OK;
}

/* False: out of the range of money. */
static bool sum_liabilities(struct amount *owed, const struct making *m)
{
    static const enum account_name names[] = {ACCOUNT_IMMATURE, ACCOUNT_MATURE,
                                              ACCOUNT_HELD, ACCOUNT_RESERVED,
                                              ACCOUNT_RECEIVABLE};
    *owed = amount_zero();
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!amount_sub(owed, *owed, m->accounts[names[i]]))
            return false;
    return true;
}

static enum kz_err add_row(struct making *m)
{
    struct amount owed, immature, sums[AGES];
    const struct amount *a = m->accounts;
    struct report *r = m->fill.report;
    int64_t as_of_ms = fill_instant(m->s);
    if (!sum_liabilities(&owed, m) ||
        !amount_add(&immature, a[ACCOUNT_COINS_IMMATURE], a[ACCOUNT_COINS_DIRECT]) ||
        unpaid_by_age(sums, ages, AGES, m->unpaid, as_of_ms) != KZ_OK)
        return source_fail(m->why, KZ_RANGE, "a sum outside the range of money");
    fill_row(&m->fill);
    fill_number(&m->fill, "as_of", as_of_ms);
    report_set_amount(r, "liabilities", owed);
    report_set_amount(r, "hot_wallet", a[ACCOUNT_COINS_MATURE]);
    report_set_amount(r, "coins_immature", immature);
    report_set_amount(r, "owed_immature", entry_turned(a[ACCOUNT_IMMATURE]));
    report_set_amount(r, "owed_in_payouts", entry_turned(a[ACCOUNT_RESERVED]));
    for (size_t i = 0; i < AGES; i++)
        report_set_amount(r, age_names[i], sums[i]);
    return m->fill.err;
}

static enum kz_err begin(void **making, char why[SOURCE_WHY_SIZE],
                         const struct report_source *s)
{
    struct making *m = mem_new(sizeof(*m));
    *m = (struct making){.s = s, .why = why, .unpaid = unpaid_new()};
    *making = m;
    return KZ_OK;
}

static enum kz_err make(struct report **out, void *making)
{
    struct making *m = making;
    enum kz_err err = fill_begin(&m->fill, m->why, REPORT_R9, m->s);
    if (err != KZ_OK)
        return err;
    m->fill.err = add_row(m);
    return fill_end(out, &m->fill);
}

static void end(void *making)
{
    struct making *m = making;
    unpaid_free(m->unpaid);
    mem_free(m);
}

const struct ledger_source ledger_proof = {begin, take_entry, make, end};
