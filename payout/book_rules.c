/* Which event may follow which, and what it must post. An entry is compared with the
 * one that payout/postings.h makes of the same event and the entries before it: so
 * there is one description of what each event moves, not two. */
#include "payout/book_parts.h"

#include "conf/mem.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void pps_name(char out[ENTRY_KEY_SIZE], const struct entry_key *k)
{
    snprintf(out, ENTRY_KEY_SIZE, "%s:%s", k->object, k->miner.text);
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

static struct amount pool_amount(const struct entry *e, enum account_name name)
{
    struct account account = account_pool(name);
    return entry_amount(e, &account);
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
        .pool_outputs = pool_amount(e, ACCOUNT_COINS_IMMATURE),
        .fee = entry_turned(pool_amount(e, ACCOUNT_FEE_IMMATURE)),
        .own = entry_turned(pool_amount(e, ACCOUNT_BLOCK_IMMATURE)),
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
    struct postings_settled s = {.txid = e->reference,
                                 .outputs = e->outputs,
                                 .output_count = e->output_count,
                                 .fee =
                                     entry_turned(pool_amount(e, ACCOUNT_COINS_MATURE)),
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
                             .credit = pool_amount(e, ACCOUNT_PPS_COST),
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
    struct amount coins = pool_amount(e, ACCOUNT_COINS_MATURE);
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

static bool is_about_block(enum entry_kind kind)
{
    return kind <= ENTRY_BLOCK_MATURED;
}

static bool is_about_payout(enum entry_kind kind)
{
    return kind >= ENTRY_PAYOUT_RESERVED && kind <= ENTRY_PAYOUT_ABANDONED;
}

static enum kz_err expect(struct entry *made, const struct book *b,
                          const struct entry *e)
{
    enum entry_kind kind = e->key.kind;
    if (is_about_block(kind))
        return expect_block(made, e, textmap_get(b->blocks, e->key.object));
    if (is_about_payout(kind))
        return expect_payout(made, e, textmap_get(b->payouts, e->key.object));
    if (kind == ENTRY_PPS_ACCRUAL)
        return expect_pps(made, e);
    if (kind == ENTRY_HOLD || kind == ENTRY_RELEASE)
        return expect_hold(made, e);
    return expect_manual(made, e);
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

static enum kz_err check_payout_order(const struct book *b, struct book_problem *why,
                                      const struct entry *e)
{
    static const char *const stages[] = {
        "the payout is open", "the payout is confirmed", "the payout is closed"};
    const struct payout_state *payout = textmap_get(b->payouts, e->key.object);
    bool is_reserve = e->key.kind == ENTRY_PAYOUT_RESERVED;
    if (payout == NULL)
        return is_reserve ? KZ_OK : refuse_order(why, e, "the payout is not known");
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
    if (is_about_block(e->key.kind))
        return check_block_order(b, why, e);
    if (is_about_payout(e->key.kind))
        return check_payout_order(b, why, e);
    return e->key.kind == ENTRY_PPS_ACCRUAL ? check_pps_order(b, why, e) : KZ_OK;
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
    made.fee = entry_turned(pool_amount(e, ACCOUNT_FEE_IMMATURE));
    made.own = entry_turned(pool_amount(e, ACCOUNT_BLOCK_IMMATURE));
    if (!add(&made.coins, pool_amount(e, ACCOUNT_COINS_IMMATURE)) ||
        !add(&made.coins, pool_amount(e, ACCOUNT_COINS_DIRECT)))
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
    if (expect(&made, b, e) != KZ_OK)
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

void book_rules_commit(struct book *b, const struct entry *e)
{
    if (is_about_block(e->key.kind)) {
        commit_block(b, e);
    } else if (is_about_payout(e->key.kind)) {
        commit_payout(b, e);
    } else if (e->key.kind == ENTRY_PPS_ACCRUAL) {
        char name[ENTRY_KEY_SIZE];
        pps_name(name, &e->key);
        struct pps_state *period = textmap_put(b->pps, name);
        period->work = e->key.n;
    }
}
