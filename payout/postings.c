#include "payout/postings.h"

#include <string.h>

/* An entry being built. The first thing that is wrong stays, so a builder is a plain
 * list of what it posts and is asked once, at the end. */
struct draft {
    struct entry e;
    enum kz_err err;
};

static void draft_fail(struct draft *d, enum kz_err err)
{
    if (d->err == KZ_OK)
        d->err = err;
}

static void draft_text(struct draft *d, char *out, size_t size, const char *text)
{
    size_t len = strlen(text);
    if (len >= size)
        draft_fail(d, KZ_PARSE);
    else
        memcpy(out, text, len + 1);
}

static struct draft draft_new(enum entry_kind kind, const char *object, uint64_t n,
                              int64_t time_ms)
{
    struct draft d = {.err = KZ_OK};
    entry_init(&d.e, kind, time_ms);
    draft_text(&d, d.e.key.object, sizeof(d.e.key.object), object);
    d.e.key.n = n;
    return d;
}

static void draft_reference(struct draft *d, const char *text)
{
    draft_text(d, d->e.reference, sizeof(d->e.reference), text);
}

static enum kz_err draft_end(struct entry *e, struct draft *d)
{
    if (d->err == KZ_OK)
        d->err = entry_seal(&d->e);
    if (d->err == KZ_OK)
        *e = d->e;
    else
        entry_clear(&d->e);
    return d->err;
}

static void debit(struct draft *d, struct account account, struct amount amount)
{
    if (amount_is_negative(amount))
        draft_fail(d, KZ_RANGE);
    else
        entry_post(&d->e, &account, amount);
}

static void credit(struct draft *d, struct account account, struct amount amount)
{
    if (amount_is_negative(amount))
        draft_fail(d, KZ_RANGE);
    else
        entry_post(&d->e, &account, entry_turned(amount));
}

static struct amount draft_sum(struct draft *d, struct amount a, struct amount b)
{
    struct amount sum = amount_zero();
    if (!amount_add(&sum, a, b))
        draft_fail(d, KZ_RANGE);
    return sum;
}

static struct amount draft_less(struct draft *d, struct amount a, struct amount b)
{
    struct amount rest = amount_zero();
    if (!amount_sub(&rest, a, b))
        draft_fail(d, KZ_RANGE);
    return rest;
}

/* a - b, at least 0. */
static struct amount above(struct draft *d, struct amount a, struct amount b)
{
    return amount_compare(a, b) > 0 ? draft_less(d, a, b) : amount_zero();
}

static struct amount smaller(struct amount a, struct amount b)
{
    return amount_compare(a, b) < 0 ? a : b;
}

/* Takes from what `account` owes, as far as it goes; returns what is still missing. */
static struct amount take_owed(struct draft *d, struct account account,
                               struct amount wanted, const struct postings_now *now)
{
    struct amount owed = entry_turned(now->balance(now->ctx, &account));
    if (amount_is_negative(owed))
        return wanted;
    struct amount taken = smaller(owed, wanted);
    debit(d, account, taken);
    return draft_less(d, wanted, taken);
}

/* Carry that a coinbase pays becomes part of what waits for the block. */
static void post_carry(struct draft *d, const struct miner_id *miner,
                       struct amount carry, const struct postings_now *now)
{
    if (amount_is_zero(carry))
        return;
    struct amount left = take_owed(d, account_miner(ACCOUNT_MATURE, miner), carry, now);
    left = take_owed(d, account_miner(ACCOUNT_HELD, miner), left, now);
    debit(d, account_miner(ACCOUNT_RECEIVABLE, miner), left);
    credit(d, account_miner(ACCOUNT_IMMATURE, miner), carry);
}

static void post_part(struct draft *d, const struct postings_part *part,
                      const struct postings_now *now)
{
    credit(d, account_miner(ACCOUNT_IMMATURE, &part->miner), part->net);
    debit(d, account_pool(ACCOUNT_COINS_DIRECT), part->direct);
    post_carry(d, &part->miner, above(d, part->direct, part->net), now);
    if (!amount_is_zero(part->direct)) {
        struct entry_output output = {part->miner, part->vout, part->direct};
        entry_pay(&d->e, &output);
    }
}

/* Sealing merges postings of one account: fewer than parts that bring something means
 * that a miner stood in two, and a carry would have been taken twice. */
static bool has_each_once(const struct entry *e, const struct postings_block *b)
{
    size_t wanted = 0, found = 0;
    for (size_t i = 0; i < b->part_count; i++)
        wanted +=
            !amount_is_zero(b->parts[i].net) || !amount_is_zero(b->parts[i].direct);
    for (size_t i = 0; i < e->posting_count; i++)
        found += e->postings[i].account.name == ACCOUNT_IMMATURE;
    return wanted == found;
}

enum kz_err postings_block_accept(struct entry *e, const struct postings_block *b,
                                  const struct postings_now *now)
{
    struct draft d = draft_new(ENTRY_BLOCK_ACCEPTED, b->block, 0, b->time_ms);
    draft_reference(&d, b->block);
    debit(&d, account_pool(ACCOUNT_COINS_IMMATURE), b->pool_outputs);
    credit(&d, account_pool(ACCOUNT_FEE_IMMATURE), b->fee);
    credit(&d, account_pool(ACCOUNT_BLOCK_IMMATURE), b->own);
    for (size_t i = 0; i < b->part_count; i++)
        post_part(&d, &b->parts[i], now);
    struct entry made;
    enum kz_err err = draft_end(&made, &d);
    if (err == KZ_OK && !has_each_once(&made, b)) {
        entry_clear(&made);
        err = KZ_RANGE;
    }
    if (err == KZ_OK)
        *e = made;
    return err;
}

enum kz_err postings_block_pps(struct entry *e, const char *block, struct amount value,
                               int64_t time_ms)
{
    struct postings_block b = {
        .block = block, .time_ms = time_ms, .pool_outputs = value, .own = value};
    return postings_block_accept(e, &b, NULL);
}

static bool is_standing(const struct entry *e)
{
    return e->key.kind == ENTRY_BLOCK_ACCEPTED || e->key.kind == ENTRY_BLOCK_REVIVED;
}

/* The next entry about the object of `from`. */
static struct draft draft_next(enum entry_kind kind, const struct entry *from,
                               uint64_t n, int64_t time_ms)
{
    struct draft d = draft_new(kind, from->key.object, n, time_ms);
    draft_reference(&d, from->reference);
    return d;
}

static void post_reversal(struct draft *d, const struct entry *of)
{
    for (size_t i = 0; i < of->posting_count; i++)
        entry_post(&d->e, &of->postings[i].account,
                   entry_turned(of->postings[i].amount));
}

static void pay_again(struct draft *d, const struct entry *of)
{
    for (size_t i = 0; i < of->output_count; i++)
        entry_pay(&d->e, &of->outputs[i]);
}

enum kz_err postings_block_orphan(struct entry *e, const struct entry *standing,
                                  uint64_t n, int64_t time_ms)
{
    struct draft d = draft_next(ENTRY_BLOCK_ORPHANED, standing, n, time_ms);
    if (!is_standing(standing) || n != standing->key.n + 1)
        draft_fail(&d, KZ_RANGE);
    post_reversal(&d, standing);
    return draft_end(e, &d);
}

/* Its carry: all that the entry took from the miner's other accounts. */
static struct amount carry_of(struct draft *d, const struct entry *standing,
                              const struct miner_id *miner)
{
    static const enum account_name from[] = {ACCOUNT_MATURE, ACCOUNT_HELD,
                                             ACCOUNT_RECEIVABLE};
    struct amount carry = amount_zero();
    for (size_t i = 0; i < sizeof(from) / sizeof(from[0]); i++) {
        struct account account = account_miner(from[i], miner);
        carry = draft_sum(d, carry, entry_amount(standing, &account));
    }
    return carry;
}

enum kz_err postings_block_revive(struct entry *e, const struct entry *standing,
                                  uint64_t n, int64_t time_ms,
                                  const struct postings_now *now)
{
    struct draft d = draft_next(ENTRY_BLOCK_REVIVED, standing, n, time_ms);
    if (!is_standing(standing) || n != standing->key.n + 2)
        draft_fail(&d, KZ_RANGE);
    for (size_t i = 0; i < standing->posting_count; i++)
        if (account_is_pending(standing->postings[i].account.name))
            entry_post(&d.e, &standing->postings[i].account,
                       standing->postings[i].amount);
    /* The carry's credit is in the pending part already: undone, then posted anew. */
    for (size_t i = 0; i < standing->output_count; i++) {
        const struct miner_id *miner = &standing->outputs[i].miner;
        struct amount carry = carry_of(&d, standing, miner);
        debit(&d, account_miner(ACCOUNT_IMMATURE, miner), carry);
        post_carry(&d, miner, carry, now);
    }
    pay_again(&d, standing);
    return draft_end(e, &d);
}

/* A debt that waited: paid by the coinbase's own output, the rest payable from now. */
static void post_matured_debt(struct draft *d, const struct entry *standing,
                              const struct posting *p, const struct postings_now *now)
{
    const struct miner_id *miner = &p->account.miner;
    const struct entry_output *output = entry_output_of(standing, miner);
    struct amount owed = entry_turned(p->amount);
    struct amount direct = output != NULL ? output->value : amount_zero();
    bool is_held = now->is_held(now->ctx, miner);
    debit(d, p->account, owed);
    credit(d, account_pool(ACCOUNT_COINS_DIRECT), direct);
    credit(d, account_miner(is_held ? ACCOUNT_HELD : ACCOUNT_MATURE, miner),
           draft_less(d, owed, direct));
}

static void post_matured(struct draft *d, const struct entry *standing,
                         const struct posting *p, const struct postings_now *now)
{
    struct amount turned = entry_turned(p->amount);
    switch ((int)p->account.name) {
    case ACCOUNT_COINS_IMMATURE:
        credit(d, p->account, p->amount);
        debit(d, account_pool(ACCOUNT_COINS_MATURE), p->amount);
        break;
    case ACCOUNT_FEE_IMMATURE:
        debit(d, p->account, turned);
        credit(d, account_pool(ACCOUNT_FEE), turned);
        break;
    case ACCOUNT_BLOCK_IMMATURE:
        debit(d, p->account, turned);
        credit(d, account_pool(ACCOUNT_BLOCK), turned);
        break;
    case ACCOUNT_IMMATURE:
        post_matured_debt(d, standing, p, now);
        break;
    default: /* coins.direct goes debt by debt; the carry has been taken */
        break;
    }
}

enum kz_err postings_block_mature(struct entry *e, const struct entry *standing,
                                  int64_t time_ms, const struct postings_now *now)
{
    struct draft d = draft_next(ENTRY_BLOCK_MATURED, standing, 0, time_ms);
    if (!is_standing(standing))
        draft_fail(&d, KZ_RANGE);
    for (size_t i = 0; i < standing->posting_count; i++)
        post_matured(&d, standing, &standing->postings[i], now);
    pay_again(&d, standing);
    return draft_end(e, &d);
}

enum kz_err postings_pps_accrual(struct entry *e, const struct postings_pps *p)
{
    if (amount_is_zero(p->credit))
        return KZ_EMPTY;
    struct draft d = draft_new(ENTRY_PPS_ACCRUAL, p->period, p->work, p->time_ms);
    d.e.key.miner = p->miner;
    debit(&d, account_pool(ACCOUNT_PPS_COST), p->credit);
    credit(&d, account_miner(p->is_held ? ACCOUNT_HELD : ACCOUNT_MATURE, &p->miner),
           p->credit);
    return draft_end(e, &d);
}

static enum kz_err move_held(struct entry *e, const struct postings_hold *h,
                             enum entry_kind kind)
{
    struct draft d = draft_new(kind, "", h->n, h->time_ms);
    bool is_hold = kind == ENTRY_HOLD;
    d.e.key.miner = h->miner;
    d.e.basis = *h->basis;
    draft_reference(&d, h->document);
    if (!is_hold && h->basis->reason[0] == '\0')
        draft_fail(&d, KZ_RANGE);
    debit(&d, account_miner(is_hold ? ACCOUNT_MATURE : ACCOUNT_HELD, &h->miner),
          h->amount);
    credit(&d, account_miner(is_hold ? ACCOUNT_HELD : ACCOUNT_MATURE, &h->miner),
           h->amount);
    return draft_end(e, &d);
}

enum kz_err postings_hold(struct entry *e, const struct postings_hold *h)
{
    return move_held(e, h, ENTRY_HOLD);
}

enum kz_err postings_release(struct entry *e, const struct postings_hold *h)
{
    return move_held(e, h, ENTRY_RELEASE);
}

enum kz_err postings_reserve(struct entry *e, const struct payout_id *id,
                             const struct postings_due *due, size_t count,
                             int64_t time_ms)
{
    if (count == 0)
        return KZ_EMPTY;
    struct draft d = draft_new(ENTRY_PAYOUT_RESERVED, id->text, 0, time_ms);
    draft_reference(&d, id->text);
    for (size_t i = 0; i < count; i++) {
        if (amount_is_zero(due[i].amount))
            draft_fail(&d, KZ_RANGE);
        debit(&d, account_miner(ACCOUNT_MATURE, &due[i].miner), due[i].amount);
        credit(&d, account_reserved(id, &due[i].miner), due[i].amount);
    }
    struct entry made;
    enum kz_err err = draft_end(&made, &d);
    /* A miner who stood twice has had the two merged. */
    if (err == KZ_OK && made.posting_count != 2 * count) {
        entry_clear(&made);
        err = KZ_RANGE;
    }
    if (err == KZ_OK)
        *e = made;
    return err;
}

/* Each recipient's debt is closed whole, whatever part of the fee was theirs. */
static struct amount close_debts(struct draft *d, const struct entry *reserve)
{
    struct amount sum = amount_zero();
    for (size_t i = 0; i < reserve->posting_count; i++) {
        const struct posting *p = &reserve->postings[i];
        if (p->account.name != ACCOUNT_RESERVED)
            continue;
        struct amount owed = entry_turned(p->amount);
        const struct entry_output *output = entry_output_of(&d->e, &p->account.miner);
        if (output == NULL || amount_compare(output->value, owed) > 0)
            draft_fail(d, KZ_RANGE);
        debit(d, p->account, owed);
        sum = draft_sum(d, sum, owed);
    }
    return sum;
}

enum kz_err postings_confirm(struct entry *e, const struct entry *reserve,
                             const struct postings_settled *s)
{
    struct draft d =
        draft_new(ENTRY_PAYOUT_CONFIRMED, reserve->key.object, s->n, s->time_ms);
    draft_reference(&d, s->txid);
    if (reserve->key.kind != ENTRY_PAYOUT_RESERVED ||
        2 * s->output_count != reserve->posting_count)
        draft_fail(&d, KZ_RANGE);
    struct amount spent = s->fee;
    for (size_t i = 0; i < s->output_count; i++) {
        entry_pay(&d.e, &s->outputs[i]);
        spent = draft_sum(&d, spent, s->outputs[i].value);
    }
    struct amount closed = close_debts(&d, reserve);
    struct account network_fee = account_pool(ACCOUNT_NETWORK_FEE);
    credit(&d, account_pool(ACCOUNT_COINS_MATURE), spent);
    /* Negative, an income, where the payees' parts were planned above the real fee. */
    entry_post(&d.e, &network_fee, draft_less(&d, spent, closed));
    return draft_end(e, &d);
}

enum kz_err postings_unconfirm(struct entry *e, const struct entry *confirm, uint64_t n,
                               int64_t time_ms)
{
    struct draft d = draft_next(ENTRY_PAYOUT_UNCONFIRMED, confirm, n, time_ms);
    if (confirm->key.kind != ENTRY_PAYOUT_CONFIRMED || n != confirm->key.n + 1)
        draft_fail(&d, KZ_RANGE);
    post_reversal(&d, confirm);
    pay_again(&d, confirm);
    return draft_end(e, &d);
}

enum kz_err postings_abandon(struct entry *e, const struct entry *reserve,
                             int64_t time_ms)
{
    struct draft d = draft_next(ENTRY_PAYOUT_ABANDONED, reserve, 0, time_ms);
    if (reserve->key.kind != ENTRY_PAYOUT_RESERVED)
        draft_fail(&d, KZ_RANGE);
    post_reversal(&d, reserve);
    return draft_end(e, &d);
}

enum kz_err postings_payout_fee(struct entry *e, const struct payout_id *id,
                                struct amount fee, const char *txid, uint64_t n,
                                int64_t time_ms)
{
    if (amount_is_zero(fee))
        return KZ_EMPTY;
    struct draft d = draft_new(ENTRY_PAYOUT_FEE, id->text, n, time_ms);
    draft_reference(&d, txid);
    if (txid[0] == '\0')
        draft_fail(&d, KZ_PARSE);
    /* Fee and back take turns from 1 on: even numbers are backs'. */
    if (n % 2 == 0)
        draft_fail(&d, KZ_RANGE);
    debit(&d, account_pool(ACCOUNT_NETWORK_FEE), fee);
    credit(&d, account_pool(ACCOUNT_COINS_MATURE), fee);
    return draft_end(e, &d);
}

enum kz_err postings_payout_fee_back(struct entry *e, const struct entry *fee,
                                     uint64_t n, int64_t time_ms)
{
    struct draft d = draft_next(ENTRY_PAYOUT_FEE_BACK, fee, n, time_ms);
    if (fee->key.kind != ENTRY_PAYOUT_FEE || n != fee->key.n + 1)
        draft_fail(&d, KZ_RANGE);
    post_reversal(&d, fee);
    return draft_end(e, &d);
}

static struct draft draft_manual(enum entry_kind kind, const struct postings_manual *m)
{
    bool has_number = kind == ENTRY_CAPITAL_IN || kind == ENTRY_CAPITAL_OUT;
    struct draft d =
        draft_new(kind, has_number ? "" : m->id, has_number ? m->n : 0, m->time_ms);
    d.e.basis = *m->basis;
    if (kind == ENTRY_OVERPAYMENT_NETTED ? m->basis->reason[0] == '\0'
                                         : !entry_basis_is_double(m->basis))
        draft_fail(&d, KZ_RANGE);
    return d;
}

enum kz_err postings_capital_in(struct entry *e, struct amount amount,
                                const struct postings_manual *m)
{
    struct draft d = draft_manual(ENTRY_CAPITAL_IN, m);
    debit(&d, account_pool(ACCOUNT_COINS_MATURE), amount);
    credit(&d, account_pool(ACCOUNT_CAPITAL), amount);
    return draft_end(e, &d);
}

enum kz_err postings_capital_out(struct entry *e, struct amount amount,
                                 const struct postings_manual *m)
{
    struct draft d = draft_manual(ENTRY_CAPITAL_OUT, m);
    debit(&d, account_pool(ACCOUNT_CAPITAL), amount);
    credit(&d, account_pool(ACCOUNT_COINS_MATURE), amount);
    return draft_end(e, &d);
}

enum kz_err postings_correction(struct entry *e, const struct posting *postings,
                                size_t count, const struct postings_manual *m)
{
    struct draft d = draft_manual(ENTRY_CORRECTION, m);
    for (size_t i = 0; i < count; i++)
        entry_post(&d.e, &postings[i].account, postings[i].amount);
    return draft_end(e, &d);
}

enum kz_err postings_overpayment(struct entry *e, const struct miner_id *miner,
                                 struct amount amount, const struct postings_manual *m)
{
    struct draft d = draft_manual(ENTRY_OVERPAYMENT_FOUND, m);
    debit(&d, account_miner(ACCOUNT_RECEIVABLE, miner), amount);
    credit(&d, account_pool(ACCOUNT_COINS_MATURE), amount);
    return draft_end(e, &d);
}

enum kz_err postings_set_off(struct entry *e, const struct miner_id *miner,
                             struct amount amount, const struct postings_manual *m)
{
    struct draft d = draft_manual(ENTRY_OVERPAYMENT_NETTED, m);
    debit(&d, account_miner(ACCOUNT_MATURE, miner), amount);
    credit(&d, account_miner(ACCOUNT_RECEIVABLE, miner), amount);
    return draft_end(e, &d);
}
