/* What an entry should be: the one that payout/postings.h makes of the same event and the
 * entries before it. So there is one description of what each event moves, not two. */
#include "payout/book_parts.h"

#include "conf/mem.h"

#include <string.h>

struct amount book_pool_amount(const struct entry *e, enum account_name name)
{
    struct account account = account_pool(name);
    return entry_amount(e, &account);
}

/* Where the carry of an accept lies, and who is held: answered from the entry itself,
 * so that the one it is compared with makes the same choices. That the money is really
 * there is checked by I2. */
static struct amount taken_here(const void *ctx, const struct account *account)
{
    return entry_turned(entry_amount(ctx, account));
}

static bool is_held_here(const void *ctx, const struct miner_id *miner)
{
    struct account held = account_miner(ACCOUNT_HELD, miner);
    return !amount_is_zero(entry_amount(ctx, &held));
}

static struct postings_now now_of(const struct entry *e)
{
    return (struct postings_now){taken_here, is_held_here, e};
}

static struct amount miner_amount(const struct entry *e, enum account_name name,
                                  const struct miner_id *miner)
{
    struct account account = account_miner(name, miner);
    return entry_amount(e, &account);
}

/* False: outside the range of money, so nothing that could have been built. */
static bool part_of(struct postings_part *part, const struct entry *e,
                    const struct posting *p)
{
    static const enum account_name carries[] = {ACCOUNT_MATURE, ACCOUNT_HELD,
                                                ACCOUNT_RECEIVABLE};
    const struct miner_id *miner = &p->account.miner;
    const struct entry_output *output = entry_output_of(e, miner);
    part->miner = *miner;
    part->net = entry_turned(p->amount);
    for (size_t i = 0; i < sizeof(carries) / sizeof(carries[0]); i++)
        if (!amount_sub(&part->net, part->net, miner_amount(e, carries[i], miner)))
            return false;
    part->direct = output != NULL ? output->value : amount_zero();
    part->vout = output != NULL ? output->vout : 0;
    return true;
}

static enum kz_err expect_accept(struct entry *made, const struct entry *e)
{
    struct postings_part *parts = mem_array(e->posting_count, sizeof(*parts));
    struct postings_now now = now_of(e);
    struct postings_block b = {
        .block = e->key.object,
        .time_ms = e->time_ms,
        .pool_outputs = book_pool_amount(e, ACCOUNT_COINS_IMMATURE),
        .fee = entry_turned(book_pool_amount(e, ACCOUNT_FEE_IMMATURE)),
        .own = entry_turned(book_pool_amount(e, ACCOUNT_BLOCK_IMMATURE)),
        .parts = parts,
    };
    bool fits = true;
    for (size_t i = 0; i < e->posting_count; i++)
        if (e->postings[i].account.name == ACCOUNT_IMMATURE)
            fits = part_of(&parts[b.part_count++], e, &e->postings[i]) && fits;
    enum kz_err err = fits ? postings_block_accept(made, &b, &now) : KZ_RANGE;
    mem_free(parts);
    return err;
}

static enum kz_err expect_block(struct entry *made, const struct entry *e,
                                const struct block_state *block)
{
    struct postings_now now = now_of(e);
    switch ((int)e->key.kind) {
    case ENTRY_BLOCK_ORPHANED:
        return postings_block_orphan(made, &block->standing, e->key.n, e->time_ms);
    case ENTRY_BLOCK_REVIVED:
        return postings_block_revive(made, &block->standing, e->key.n, e->time_ms,
                                     &now);
    case ENTRY_BLOCK_MATURED:
        return postings_block_mature(made, &block->standing, e->time_ms, &now);
    default:
        return expect_accept(made, e);
    }
}

static enum kz_err expect_reserve(struct entry *made, const struct entry *e)
{
    struct postings_due *due = mem_array(e->posting_count, sizeof(*due));
    struct payout_id id;
    size_t count = 0;
    for (size_t i = 0; i < e->posting_count; i++)
        if (e->postings[i].account.name == ACCOUNT_RESERVED)
            due[count++] = (struct postings_due){e->postings[i].account.miner,
                                                 entry_turned(e->postings[i].amount)};
    enum kz_err err = payout_id_parse(&id, e->key.object, strlen(e->key.object));
    if (err == KZ_OK)
        err = postings_reserve(made, &id, due, count, e->time_ms);
    mem_free(due);
    return err;
}

static enum kz_err expect_confirm(struct entry *made, const struct entry *e,
                                  const struct entry *reserve)
{
    struct postings_settled s = {
        .txid = e->reference,
        .outputs = e->outputs,
        .output_count = e->output_count,
        .fee = entry_turned(book_pool_amount(e, ACCOUNT_COINS_MATURE)),
        .n = e->key.n,
        .time_ms = e->time_ms};
    for (size_t i = 0; i < e->output_count; i++)
        if (!amount_sub(&s.fee, s.fee, e->outputs[i].value))
            return KZ_RANGE;
    /* The fee is not posted by itself, so only its sign can be wrong. */
    return amount_is_negative(s.fee) ? KZ_RANGE : postings_confirm(made, reserve, &s);
}

static enum kz_err expect_payout(struct entry *made, const struct entry *e,
                                 const struct payout_state *payout)
{
    switch ((int)e->key.kind) {
    case ENTRY_PAYOUT_CONFIRMED:
        return expect_confirm(made, e, &payout->reserve);
    case ENTRY_PAYOUT_UNCONFIRMED:
        return postings_unconfirm(made, &payout->confirm, e->key.n, e->time_ms);
    case ENTRY_PAYOUT_ABANDONED:
        return postings_abandon(made, &payout->reserve, e->time_ms);
    default:
        return expect_reserve(made, e);
    }
}

/* `state` is there when a back is asked for: the order says so. */
static enum kz_err expect_fee(struct entry *made, const struct entry *e,
                              const struct fee_state *state)
{
    struct payout_id id;
    struct amount fee = book_pool_amount(e, ACCOUNT_NETWORK_FEE);
    if (e->key.kind == ENTRY_PAYOUT_FEE_BACK)
        return postings_payout_fee_back(made, &state->fee, e->key.n, e->time_ms);
    enum kz_err err = payout_id_parse(&id, e->key.object, strlen(e->key.object));
    return err == KZ_OK
               ? postings_payout_fee(made, &id, fee, e->reference, e->key.n, e->time_ms)
               : err;
}

/* `held` is the account's posting of a hold, turned of a release. */
static enum kz_err expect_hold(struct entry *made, const struct entry *e)
{
    bool is_hold = e->key.kind == ENTRY_HOLD;
    struct amount held = miner_amount(e, ACCOUNT_HELD, &e->key.miner);
    struct postings_hold h = {.miner = e->key.miner,
                              .n = e->key.n,
                              .amount = is_hold ? entry_turned(held) : held,
                              .document = e->reference,
                              .basis = &e->basis,
                              .time_ms = e->time_ms};
    return is_hold ? postings_hold(made, &h) : postings_release(made, &h);
}

static enum kz_err expect_pps(struct entry *made, const struct entry *e)
{
    struct postings_pps p = {.period = e->key.object,
                             .miner = e->key.miner,
                             .work = e->key.n,
                             .credit = book_pool_amount(e, ACCOUNT_PPS_COST),
                             .is_held = is_held_here(e, &e->key.miner),
                             .time_ms = e->time_ms};
    return postings_pps_accrual(made, &p);
}

/* Corrections are free in what they move, but what waits for a block, or lies in a
 * payout, moves with that alone: so I3 and I6 survive any correction. */
static bool is_correctable(const struct entry *e)
{
    for (size_t i = 0; i < e->posting_count; i++) {
        enum account_name name = e->postings[i].account.name;
        if (account_is_pending(name) || name == ACCOUNT_RESERVED)
            return false;
    }
    return true;
}

/* The miner an overpayment is about. */
static const struct posting *receivable_of(const struct entry *e)
{
    for (size_t i = 0; i < e->posting_count; i++)
        if (e->postings[i].account.name == ACCOUNT_RECEIVABLE)
            return &e->postings[i];
    return NULL;
}

static enum kz_err expect_manual(struct entry *made, const struct entry *e)
{
    struct postings_manual m = {
        .id = e->key.object, .n = e->key.n, .basis = &e->basis, .time_ms = e->time_ms};
    struct amount coins = book_pool_amount(e, ACCOUNT_COINS_MATURE);
    const struct posting *owed = receivable_of(e);
    switch ((int)e->key.kind) {
    case ENTRY_CAPITAL_IN:
        return postings_capital_in(made, coins, &m);
    case ENTRY_CAPITAL_OUT:
        return postings_capital_out(made, entry_turned(coins), &m);
    case ENTRY_CORRECTION:
        return is_correctable(e)
                   ? postings_correction(made, e->postings, e->posting_count, &m)
                   : KZ_RANGE;
    case ENTRY_OVERPAYMENT_FOUND:
        return owed != NULL
                   ? postings_overpayment(made, &owed->account.miner, owed->amount, &m)
                   : KZ_RANGE;
    default:
        return owed != NULL ? postings_set_off(made, &owed->account.miner,
                                               entry_turned(owed->amount), &m)
                            : KZ_RANGE;
    }
}

enum kz_err book_expect(struct entry *made, const struct book *b, const struct entry *e)
{
    switch (book_about(e->key.kind)) {
    case BOOK_ABOUT_BLOCK:
        return expect_block(made, e, textmap_get(b->blocks, e->key.object));
    case BOOK_ABOUT_PAYOUT:
        return expect_payout(made, e, textmap_get(b->payouts, e->key.object));
    case BOOK_ABOUT_FEE:
        return expect_fee(made, e, textmap_get(b->fees, e->key.object));
    case BOOK_ABOUT_PPS:
        return expect_pps(made, e);
    case BOOK_ABOUT_HOLD:
        return expect_hold(made, e);
    case BOOK_ABOUT_NOTHING:
        break;
    }
    return expect_manual(made, e);
}
