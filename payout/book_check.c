/* The invariants, proved from the balances as they are: nothing here trusts that they
 * were made by book_apply(). */
#include "payout/book_parts.h"

#include "conf/mem.h"

#include <inttypes.h>
#include <stdio.h>

/* Any number of amounts fits, whatever they are. */
typedef __int128 wide;

static wide wide_of(struct amount a)
{
    return amount_to_sat(a);
}

static bool narrow(struct amount *a, wide sum)
{
    return sum >= INT64_MIN && sum <= INT64_MAX && amount_from_sat(a, (int64_t)sum);
}

static const struct book_account *account_at(const struct book *b, size_t i)
{
    return textmap_value(b->accounts, i);
}

/* A sum that may be far outside the range, for people. */
static const char *wide_format(char out[48], wide sum)
{
    if (sum >= INT64_MIN && sum <= INT64_MAX)
        snprintf(out, 48, "%" PRId64, (int64_t)sum);
    else
        snprintf(out, 48, "outside 63 bits");
    return out;
}

static enum kz_err check_zero_and_signs(const struct book *b, struct book_problem *why)
{
    char text[48];
    wide sum = 0;
    for (size_t i = 0; i < textmap_count(b->accounts); i++) {
        const struct book_account *a = account_at(b, i);
        enum kz_err err = book_check_sign(why, &a->account, a->amount);
        if (err != KZ_OK)
            return err;
        sum += wide_of(a->amount);
    }
    return sum == 0 ? KZ_OK
                    : book_refuse(why, BOOK_I1, "I1: all accounts sum to %s, not 0",
                                  wide_format(text, sum));
}

/* Sums of amounts by account, to be compared with the balances. */
struct wide_sum {
    wide sum;
};

static void sum_entry(struct textmap *sums, const struct entry *e,
                      bool (*is_counted)(enum account_name))
{
    char text[ACCOUNT_TEXT_SIZE];
    for (size_t i = 0; i < e->posting_count; i++) {
        if (!is_counted(e->postings[i].account.name))
            continue;
        account_format(text, &e->postings[i].account);
        struct wide_sum *sum = textmap_put(sums, text);
        sum->sum += wide_of(e->postings[i].amount);
    }
}

/* Accounts for which `is_counted` says so hold `sums`, and nothing else. */
static enum kz_err compare_sums(const struct book *b, struct book_problem *why,
                                const struct textmap *sums, enum book_rule rule,
                                const char *what, bool (*is_counted)(enum account_name))
{
    char text[ACCOUNT_TEXT_SIZE], wanted[48];
    for (size_t i = 0; i < textmap_count(b->accounts); i++) {
        const struct book_account *a = account_at(b, i);
        account_format(text, &a->account);
        const struct wide_sum *sum = textmap_get(sums, text);
        wide value = sum != NULL ? sum->sum : 0;
        if (is_counted(a->account.name) && value != wide_of(a->amount))
            return book_refuse(why, rule, "%s: %s is %" PRId64 ", but %s %s",
                               rule == BOOK_I3 ? "I3" : "I6", text,
                               amount_to_sat(a->amount), what,
                               wide_format(wanted, value));
    }
    for (size_t i = 0; i < textmap_count(sums); i++) {
        const struct wide_sum *sum = textmap_value(sums, i);
        const char *name = textmap_text(sums, i);
        if (sum->sum != 0 && textmap_get(b->accounts, name) == NULL)
            return book_refuse(why, rule, "%s: %s is 0, but %s %s",
                               rule == BOOK_I3 ? "I3" : "I6", name, what,
                               wide_format(wanted, sum->sum));
    }
    return KZ_OK;
}

/* I3 as the blocks' own numbers say it. */
static enum kz_err check_block_sums(struct book_problem *why, const char *hash,
                                    const struct book_block *seen)
{
    wide parts = wide_of(seen->net) + wide_of(seen->fee) + wide_of(seen->own);
    char text[48];
    return parts == wide_of(seen->coins)
               ? KZ_OK
               : book_refuse(why, BOOK_I3,
                             "I3: block %s pays %" PRId64 ", its parts %s", hash,
                             amount_to_sat(seen->coins), wide_format(text, parts));
}

static enum kz_err check_blocks(const struct book *b, struct book_problem *why)
{
    struct textmap *sums = textmap_new(sizeof(struct wide_sum));
    enum kz_err err = KZ_OK;
    for (size_t i = 0; i < textmap_count(b->blocks) && err == KZ_OK; i++) {
        const struct block_state *block = textmap_value(b->blocks, i);
        err = check_block_sums(why, textmap_text(b->blocks, i), &block->seen);
        if (block->seen.stage == BOOK_BLOCK_ACCEPTED)
            sum_entry(sums, &block->standing, account_is_pending);
    }
    if (err == KZ_OK)
        err = compare_sums(b, why, sums, BOOK_I3, "the accepted blocks brought",
                           account_is_pending);
    textmap_free(sums);
    return err;
}

static enum kz_err check_reserved(const struct book *b, struct book_problem *why)
{
    struct textmap *sums = textmap_new(sizeof(struct wide_sum));
    for (size_t i = 0; i < textmap_count(b->payouts); i++) {
        const struct payout_state *payout = textmap_value(b->payouts, i);
        if (payout->seen.stage == BOOK_PAYOUT_OPEN)
            sum_entry(sums, &payout->reserve, account_has_payout);
    }
    enum kz_err err = compare_sums(b, why, sums, BOOK_I6, "open payouts reserved",
                                   account_has_payout);
    textmap_free(sums);
    return err;
}

static enum kz_err check_miner(struct book_problem *why, const char *id,
                               const struct book_miner *m, wide end)
{
    char text[48];
    wide said = wide_of(m->start) + wide_of(m->credited) - wide_of(m->paid) -
                wide_of(m->reversed) + wide_of(m->adjusted);
    if (wide_of(m->paid) != wide_of(m->outputs) + wide_of(m->fee_part) ||
        amount_is_negative(m->fee_part))
        return book_refuse(why, BOOK_I7,
                           "I7: %s was debited %" PRId64 ", outputs paid %" PRId64
                           " and fees took %" PRId64,
                           id, amount_to_sat(m->paid), amount_to_sat(m->outputs),
                           amount_to_sat(m->fee_part));
    if (said != end)
        return book_refuse(why, BOOK_I8,
                           "I8: the accounts of %s sum to %s, not %" PRId64, id,
                           wide_format(text, end), (int64_t)said);
    return KZ_OK;
}

static enum kz_err check_miners(const struct book *b, struct book_problem *why)
{
    struct textmap *ends = textmap_new(sizeof(struct wide_sum));
    enum kz_err err = KZ_OK;
    for (size_t i = 0; i < textmap_count(b->accounts); i++) {
        const struct book_account *a = account_at(b, i);
        if (!account_has_miner(a->account.name))
            continue;
        struct wide_sum *end = textmap_put(ends, a->account.miner.text);
        end->sum -= wide_of(a->amount);
    }
    for (size_t i = 0; i < textmap_count(ends) && err == KZ_OK; i++) {
        static const struct book_miner nothing;
        const char *id = textmap_text(ends, i);
        const struct book_miner *m = textmap_get(b->miners, id);
        const struct wide_sum *end = textmap_value(ends, i);
        err = check_miner(why, id, m != NULL ? m : &nothing, end->sum);
    }
    textmap_free(ends);
    return err;
}

enum kz_err book_check(const struct book *b, struct book_problem *why)
{
    enum kz_err err = check_zero_and_signs(b, why);
    if (err == KZ_OK)
        err = check_blocks(b, why);
    if (err == KZ_OK)
        err = check_reserved(b, why);
    return err == KZ_OK ? check_miners(b, why) : err;
}

static enum kz_err refuse_balance(struct book_problem *why, const struct account *a,
                                  struct amount there, struct amount here)
{
    char text[ACCOUNT_TEXT_SIZE];
    account_format(text, a);
    return book_refuse(why, BOOK_BALANCE,
                       "%s is kept as %" PRId64 ", but its entries sum to %" PRId64,
                       text, amount_to_sat(there), amount_to_sat(here));
}

static enum kz_err compare_kept(const struct book *b, struct book_problem *why,
                                const struct posting *balances, size_t count,
                                struct textmap *kept)
{
    char text[ACCOUNT_TEXT_SIZE];
    for (size_t i = 0; i < count; i++) {
        struct amount here = book_balance(b, &balances[i].account);
        if (amount_compare(here, balances[i].amount) != 0)
            return refuse_balance(why, &balances[i].account, balances[i].amount, here);
        account_format(text, &balances[i].account);
        textmap_put(kept, text);
    }
    for (size_t i = 0; i < textmap_count(b->accounts); i++) {
        const struct book_account *a = account_at(b, i);
        if (!amount_is_zero(a->amount) &&
            textmap_get(kept, textmap_text(b->accounts, i)) == NULL)
            return refuse_balance(why, &a->account, amount_zero(), a->amount);
    }
    return KZ_OK;
}

enum kz_err book_compare(const struct book *b, struct book_problem *why,
                         const struct posting *balances, size_t count)
{
    struct textmap *kept = textmap_new(1);
    enum kz_err err = compare_kept(b, why, balances, count, kept);
    textmap_free(kept);
    return err;
}

enum kz_err book_totals(const struct book *b, struct book_totals *t)
{
    wide by_kind[ACCOUNT_IS_EQUITY + 1] = {0}, receivables = 0;
    struct book_totals made;
    for (size_t i = 0; i < textmap_count(b->accounts); i++) {
        const struct book_account *a = account_at(b, i);
        bool is_receivable = a->account.name == ACCOUNT_RECEIVABLE;
        by_kind[account_kind(&a->account)] += is_receivable ? 0 : wide_of(a->amount);
        receivables += is_receivable ? wide_of(a->amount) : 0;
    }
    if (!narrow(&made.coins, by_kind[ACCOUNT_IS_ASSET]) ||
        !narrow(&made.receivables, receivables) ||
        !narrow(&made.liabilities, -by_kind[ACCOUNT_IS_LIABILITY]) ||
        !narrow(&made.income, -by_kind[ACCOUNT_IS_INCOME]) ||
        !narrow(&made.expenses, by_kind[ACCOUNT_IS_EXPENSE]) ||
        !narrow(&made.equity, -by_kind[ACCOUNT_IS_EQUITY]))
        return KZ_RANGE;
    *t = made;
    return KZ_OK;
}
