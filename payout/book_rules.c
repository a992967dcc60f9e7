/* Which event may follow which. What it must post is compared with book_expect(). */
#include "payout/book_parts.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void pps_name(char out[ENTRY_KEY_SIZE], const struct entry_key *k)
{
    snprintf(out, ENTRY_KEY_SIZE, "%s:%s", k->object, k->miner.text);
}

enum book_about book_about(enum entry_kind kind)
{
    switch (kind) {
    case ENTRY_BLOCK_ACCEPTED:
    case ENTRY_BLOCK_ORPHANED:
    case ENTRY_BLOCK_REVIVED:
    case ENTRY_BLOCK_MATURED:
        return BOOK_ABOUT_BLOCK;
    case ENTRY_PAYOUT_RESERVED:
    case ENTRY_PAYOUT_CONFIRMED:
    case ENTRY_PAYOUT_UNCONFIRMED:
    case ENTRY_PAYOUT_ABANDONED:
        return BOOK_ABOUT_PAYOUT;
    case ENTRY_PAYOUT_FEE:
    case ENTRY_PAYOUT_FEE_BACK:
        return BOOK_ABOUT_FEE;
    case ENTRY_PPS_ACCRUAL:
        return BOOK_ABOUT_PPS;
    case ENTRY_HOLD:
    case ENTRY_RELEASE:
        return BOOK_ABOUT_HOLD;
    case ENTRY_CAPITAL_IN:
    case ENTRY_CAPITAL_OUT:
    case ENTRY_CORRECTION:
    case ENTRY_OVERPAYMENT_FOUND:
    case ENTRY_OVERPAYMENT_NETTED:
    case ENTRY_KINDS:
        break;
    }
    return BOOK_ABOUT_NOTHING;
}

static enum kz_err refuse_order(struct book_problem *why, const struct entry *e,
                                const char *what)
{
    char key[ENTRY_KEY_SIZE] = "";
    enum kz_err err = entry_key_format(key, &e->key);
    return book_refuse(why, BOOK_ORDER, "%s cannot follow: %s",
                       err == KZ_OK ? key : "an entry", what);
}

static enum kz_err check_block_order(const struct book *b, struct book_problem *why,
                                     const struct entry *e)
{
    static const char *const stages[] = {"the block stands", "the block is orphaned",
                                         "the block is mature"};
    const struct block_state *block = textmap_get(b->blocks, e->key.object);
    bool is_accept = e->key.kind == ENTRY_BLOCK_ACCEPTED;
    if (block == NULL)
        return is_accept ? KZ_OK : refuse_order(why, e, "the block is not known");
    enum book_block_stage wanted =
        e->key.kind == ENTRY_BLOCK_REVIVED ? BOOK_BLOCK_ORPHANED : BOOK_BLOCK_ACCEPTED;
    if (is_accept || block->seen.stage != wanted)
        return refuse_order(why, e, stages[block->seen.stage]);
    if (e->key.kind != ENTRY_BLOCK_MATURED && e->key.n != block->seen.n + 1)
        return refuse_order(why, e, "its number is not one above the last");
    return KZ_OK;
}

/* An id that joined coins is spent: money is not reserved under it afterwards. */
static enum kz_err check_unjoined(const struct book *b, struct book_problem *why,
                                  const struct entry *reserve)
{
    return textmap_get(b->fees, reserve->key.object) == NULL
               ? KZ_OK
               : refuse_order(why, reserve, "under its id coins were joined");
}

static enum kz_err check_payout_order(const struct book *b, struct book_problem *why,
                                      const struct entry *e)
{
    static const char *const stages[] = {
        "the payout is open", "the payout is confirmed", "the payout is closed"};
    const struct payout_state *payout = textmap_get(b->payouts, e->key.object);
    bool is_reserve = e->key.kind == ENTRY_PAYOUT_RESERVED;
    if (payout == NULL)
        return is_reserve ? check_unjoined(b, why, e)
                          : refuse_order(why, e, "the payout is not known");
    enum book_payout_stage wanted = e->key.kind == ENTRY_PAYOUT_UNCONFIRMED
                                        ? BOOK_PAYOUT_CONFIRMED
                                        : BOOK_PAYOUT_OPEN;
    if (is_reserve || payout->seen.stage != wanted)
        return refuse_order(why, e, stages[payout->seen.stage]);
    bool has_confirm = payout->confirm.posting_count > 0;
    uint64_t next = has_confirm ? payout->seen.n + 1 : 0;
    if (e->key.kind != ENTRY_PAYOUT_ABANDONED && e->key.n != next)
        return refuse_order(why, e, "its number is not the next");
    return KZ_OK;
}

/* Fee and back take turns, whatever becomes of the payout itself. */
static enum kz_err check_fee_order(const struct book *b, struct book_problem *why,
                                   const struct entry *e)
{
    const struct fee_state *state = textmap_get(b->fees, e->key.object);
    bool is_standing = state != NULL && state->fee.posting_count > 0;
    if (is_standing && e->key.kind == ENTRY_PAYOUT_FEE)
        return refuse_order(why, e, "a fee is booked");
    if (!is_standing && e->key.kind == ENTRY_PAYOUT_FEE_BACK)
        return refuse_order(why, e, "no fee is booked");
    if (e->key.n != (state != NULL ? state->n : 0) + 1)
        return refuse_order(why, e, "its number is not the next");
    return KZ_OK;
}

/* Work of a period only grows: an accrual to less was part of a later one. */
static enum kz_err check_pps_order(const struct book *b, struct book_problem *why,
                                   const struct entry *e)
{
    char name[ENTRY_KEY_SIZE];
    pps_name(name, &e->key);
    const struct pps_state *period = textmap_get(b->pps, name);
    if (period != NULL && e->key.n <= period->work)
        return refuse_order(why, e, "that work of the period is credited");
    return KZ_OK;
}

static enum kz_err check_order(const struct book *b, struct book_problem *why,
                               const struct entry *e)
{
    switch (book_about(e->key.kind)) {
    case BOOK_ABOUT_BLOCK:
        return check_block_order(b, why, e);
    case BOOK_ABOUT_PAYOUT:
        return check_payout_order(b, why, e);
    case BOOK_ABOUT_FEE:
        return check_fee_order(b, why, e);
    case BOOK_ABOUT_PPS:
        return check_pps_order(b, why, e);
    case BOOK_ABOUT_HOLD:
    case BOOK_ABOUT_NOTHING:
        break;
    }
    return KZ_OK;
}

/* Both sorted alike: the first account on which they differ. */
static enum kz_err compare_postings(struct book_problem *why, const struct entry *e,
                                    const struct entry *made)
{
    char account[ACCOUNT_TEXT_SIZE];
    size_t i = 0;
    while (i < e->posting_count && i < made->posting_count &&
           account_compare(&e->postings[i].account, &made->postings[i].account) == 0 &&
           amount_compare(e->postings[i].amount, made->postings[i].amount) == 0)
        i++;
    if (i == e->posting_count && i == made->posting_count)
        return KZ_OK;
    const struct account *at = i < e->posting_count ? &e->postings[i].account : NULL;
    if (i < made->posting_count &&
        (at == NULL || account_compare(&made->postings[i].account, at) < 0))
        at = &made->postings[i].account;
    account_format(account, at);
    return book_refuse(why, BOOK_FORM, "a %s posts %" PRId64 " to %s, not %" PRId64,
                       entry_kind_name(e->key.kind),
                       amount_to_sat(entry_amount(made, at)), account,
                       amount_to_sat(entry_amount(e, at)));
}

static enum kz_err compare_outputs(struct book_problem *why, const struct entry *e,
                                   const struct entry *made)
{
    bool is_same = e->output_count == made->output_count;
    for (size_t i = 0; is_same && i < e->output_count; i++) {
        const struct entry_output *a = &e->outputs[i], *b = &made->outputs[i];
        is_same = a->vout == b->vout && miner_id_equal(&a->miner, &b->miner) &&
                  amount_compare(a->value, b->value) == 0;
    }
    return is_same ? KZ_OK
                   : book_refuse(why, BOOK_FORM, "a %s of %s has other outputs",
                                 entry_kind_name(e->key.kind), e->key.object);
}

static bool add(struct amount *sum, struct amount a)
{
    return amount_add(sum, *sum, a);
}

/* A block's numbers for people and for I3. False: a sum outside the range of money. */
static bool describe_block(struct book_block *seen, const struct entry *e)
{
    struct book_block made = {.stage = BOOK_BLOCK_ACCEPTED};
    made.fee = entry_turned(book_pool_amount(e, ACCOUNT_FEE_IMMATURE));
    made.own = entry_turned(book_pool_amount(e, ACCOUNT_BLOCK_IMMATURE));
    if (!add(&made.coins, book_pool_amount(e, ACCOUNT_COINS_IMMATURE)) ||
        !add(&made.coins, book_pool_amount(e, ACCOUNT_COINS_DIRECT)))
        return false;
    for (size_t i = 0; i < e->posting_count; i++)
        if (account_has_miner(e->postings[i].account.name) &&
            !add(&made.net, entry_turned(e->postings[i].amount)))
            return false;
    *seen = made;
    return true;
}

static bool describe_payout(struct book_payout *seen, const struct entry *e)
{
    struct book_payout made = {.stage = BOOK_PAYOUT_OPEN};
    for (size_t i = 0; i < e->posting_count; i++)
        if (e->postings[i].account.name == ACCOUNT_RESERVED &&
            !add(&made.reserved, entry_turned(e->postings[i].amount)))
            return false;
    *seen = made;
    return true;
}

static enum kz_err check_sums(struct book_problem *why, const struct entry *e)
{
    struct book_block block;
    struct book_payout payout;
    bool fits = true;
    if (e->key.kind == ENTRY_BLOCK_ACCEPTED)
        fits = describe_block(&block, e);
    else if (e->key.kind == ENTRY_PAYOUT_RESERVED)
        fits = describe_payout(&payout, e);
    return fits ? KZ_OK
                : book_refuse(why, BOOK_RANGE, "%s sums to more than all money",
                              e->key.object);
}

enum kz_err book_rules_allow(const struct book *b, struct book_problem *why,
                             const struct entry *e)
{
    struct entry made;
    enum kz_err err = check_order(b, why, e);
    if (err != KZ_OK)
        return err;
    if (book_expect(&made, b, e) != KZ_OK)
        return book_refuse(why, BOOK_FORM,
                           "no %s has such postings, outputs, reason and persons",
                           entry_kind_name(e->key.kind));
    err = compare_postings(why, e, &made);
    if (err == KZ_OK)
        err = compare_outputs(why, e, &made);
    if (err == KZ_OK)
        err = check_sums(why, e);
    entry_clear(&made);
    return err;
}

static void commit_block(struct book *b, const struct entry *e)
{
    struct block_state *block = textmap_put(b->blocks, e->key.object);
    bool fits = true;
    switch ((int)e->key.kind) {
    case ENTRY_BLOCK_ORPHANED:
        block->seen.stage = BOOK_BLOCK_ORPHANED;
        block->seen.n = e->key.n;
        break;
    case ENTRY_BLOCK_MATURED:
        block->seen.stage = BOOK_BLOCK_MATURE;
        entry_clear(&block->standing);
        break;
    default: /* an accept or a revive */
        if (e->key.kind == ENTRY_BLOCK_ACCEPTED)
            fits = describe_block(&block->seen, e);
        assert(fits); /* book_rules_allow() has seen it */
        (void)fits;
        block->seen.stage = BOOK_BLOCK_ACCEPTED;
        block->seen.n = e->key.n;
        entry_clear(&block->standing);
        entry_copy(&block->standing, e);
    }
}

static void commit_payout(struct book *b, const struct entry *e)
{
    struct payout_state *payout = textmap_put(b->payouts, e->key.object);
    bool fits;
    switch ((int)e->key.kind) {
    case ENTRY_PAYOUT_CONFIRMED:
        payout->seen.stage = BOOK_PAYOUT_CONFIRMED;
        payout->seen.n = e->key.n;
        entry_clear(&payout->confirm);
        entry_copy(&payout->confirm, e);
        break;
    case ENTRY_PAYOUT_UNCONFIRMED:
        payout->seen.stage = BOOK_PAYOUT_OPEN;
        payout->seen.n = e->key.n;
        break;
    case ENTRY_PAYOUT_ABANDONED:
        payout->seen.stage = BOOK_PAYOUT_CLOSED;
        entry_clear(&payout->reserve);
        entry_clear(&payout->confirm);
        break;
    default: /* a reserve */
        fits = describe_payout(&payout->seen, e);
        assert(fits); /* book_rules_allow() has seen it */
        (void)fits;
        entry_copy(&payout->reserve, e);
    }
}

static void commit_fee(struct book *b, const struct entry *e)
{
    struct fee_state *state = textmap_put(b->fees, e->key.object);
    state->n = e->key.n;
    if (e->key.kind == ENTRY_PAYOUT_FEE)
        entry_copy(&state->fee, e);
    else
        entry_clear(&state->fee);
}

static void commit_pps(struct book *b, const struct entry *e)
{
    char name[ENTRY_KEY_SIZE];
    pps_name(name, &e->key);
    struct pps_state *period = textmap_put(b->pps, name);
    period->work = e->key.n;
}

void book_rules_commit(struct book *b, const struct entry *e)
{
    switch (book_about(e->key.kind)) {
    case BOOK_ABOUT_BLOCK:
        commit_block(b, e);
        break;
    case BOOK_ABOUT_PAYOUT:
        commit_payout(b, e);
        break;
    case BOOK_ABOUT_FEE:
        commit_fee(b, e);
        break;
    case BOOK_ABOUT_PPS:
        commit_pps(b, e);
        break;
    case BOOK_ABOUT_HOLD:
    case BOOK_ABOUT_NOTHING:
        break;
    }
}
