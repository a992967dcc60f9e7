#include "payout/plan.h"

#include "conf/mem.h"
#include "payout/split.h"

#include <assert.h>
#include <stdlib.h>

typedef unsigned __int128 u128;

/* A due and what became of it. */
struct row {
    const struct plan_due *due;
    enum plan_reason reason;
};

/* A chunk while it grows: rows, and the first of the coins that are left to it. */
struct group {
    size_t *rows;
    size_t row_count;
    size_t first_coin;
    struct coins_need need;
    struct coins_choice choice;
};

struct draft {
    const struct plan_terms *terms;
    struct row *rows; /* by miner id */
    size_t row_count;
    struct coin *coins; /* candidates, largest first */
    size_t coin_count;
    struct group *groups;
    size_t group_count;
};

const char *plan_reason_name(enum plan_reason reason)
{
    static const char *const names[PLAN_REASONS] = {
        [PLAN_FREE] = "free",
        [PLAN_HELD] = "held",
        [PLAN_NO_ADDRESS] = "no_address",
        [PLAN_ADDRESS_WAITING] = "address_waiting",
        [PLAN_SCREENED] = "screened",
        [PLAN_BELOW_MINIMUM] = "below_minimum",
        [PLAN_DUST] = "dust",
        [PLAN_FEE_SHARE] = "fee_share",
        [PLAN_NO_COINS] = "no_coins",
        [PLAN_SMALL_COINS] = "small_coins",
    };
    assert((size_t)reason < PLAN_REASONS);
    return names[reason];
}

const char *plan_reason_text(enum plan_reason reason)
{
    static const char *const texts[PLAN_REASONS] = {
        [PLAN_FREE] = "nothing is in the way",
        [PLAN_HELD] = "held until a person releases it",
        [PLAN_NO_ADDRESS] = "there is no address that may be paid",
        [PLAN_ADDRESS_WAITING] = "the new address is not in force yet",
        [PLAN_SCREENED] = "the screening did not clear it",
        [PLAN_BELOW_MINIMUM] = "less than the least that is paid out",
        [PLAN_DUST] = "so little that no node would relay it",
        [PLAN_FEE_SHARE] = "too large a part of it would be fee",
        [PLAN_NO_COINS] = "the free coins do not suffice",
        [PLAN_SMALL_COINS] = "it would take too many small coins",
    };
    assert((size_t)reason < PLAN_REASONS);
    return texts[reason];
}

/* What plan_make() has checked as a whole cannot overflow in part. */
static struct amount plus(struct amount a, struct amount b)
{
    struct amount sum = amount_zero();
    bool fits = amount_add(&sum, a, b);
    assert(fits);
    (void)fits;
    return sum;
}

static struct amount minus(struct amount a, struct amount b)
{
    struct amount difference = amount_zero();
    bool fits = amount_sub(&difference, a, b);
    assert(fits);
    (void)fits;
    return difference;
}

static bool is_above(struct amount a, struct amount b)
{
    return amount_compare(a, b) > 0;
}

static struct bytes script_of(const struct address *a)
{
    return (struct bytes){a->script, a->script_len};
}

/* --- who may be paid at all ------------------------------------------------------- */

static int by_miner(const void *left, const void *right)
{
    const struct row *a = left, *b = right;
    return split_miner_compare(&a->due->miner, &b->due->miner);
}

static enum plan_reason judge(const struct plan_due *due,
                              const struct plan_terms *terms)
{
    assert(due->blocked <= PLAN_SCREENED);
    if (due->blocked != PLAN_FREE)
        return due->blocked;
    assert(due->to.script_len > 0);
    if (is_above(due->minimum, due->amount) || is_above(terms->minimum, due->amount))
        return PLAN_BELOW_MINIMUM;
    if (is_above(fee_dust(script_of(&due->to), terms->coins.dust_rate), due->amount))
        return PLAN_DUST;
    return PLAN_FREE;
}

static void draft_rows(struct draft *d, const struct plan_input *in)
{
    d->rows = mem_array(in->due_count + 1, sizeof(*d->rows));
    for (size_t i = 0; i < in->due_count; i++) {
        const struct plan_due *due = &in->dues[i];
        if (is_above(due->amount, amount_zero()))
            d->rows[d->row_count++] = (struct row){due, judge(due, d->terms)};
    }
    qsort(d->rows, d->row_count, sizeof(*d->rows), by_miner);
    for (size_t i = 1; i < d->row_count; i++)
        assert(by_miner(&d->rows[i - 1], &d->rows[i]) < 0);
}

static void draft_coins(struct draft *d, const struct plan_input *in)
{
    d->coins = mem_array(in->coin_count + 1, sizeof(*d->coins));
    d->coin_count =
        coins_candidates(d->coins, in->coins, in->coin_count, &d->terms->coins);
    for (size_t i = 1; i < d->coin_count; i++)
        assert(!tx_outpoint_equal(&d->coins[i - 1].from, &d->coins[i].from));
}

/* --- one round: chunks of whoever is free ----------------------------------------- */

static void drop_groups(struct draft *d)
{
    for (size_t i = 0; i < d->group_count; i++)
        mem_free(d->groups[i].rows);
    mem_free(d->groups);
    d->groups = NULL;
    d->group_count = 0;
}

static void open_group(struct draft *d)
{
    size_t first = 0;
    if (d->group_count > 0) {
        const struct group *last = &d->groups[d->group_count - 1];
        first = last->first_coin + last->choice.count;
    }
    d->groups = mem_resize(d->groups, (d->group_count + 1) * sizeof(*d->groups));
    struct group *g = &d->groups[d->group_count++];
    *g = (struct group){.first_coin = first};
    g->rows = mem_array(d->terms->outputs_max, sizeof(*g->rows));
    g->need.target = amount_zero();
    g->need.fee_inside_target = d->terms->payer == PLAN_PAYEES_PAY;
}

static enum kz_err choose(struct coins_choice *choice, const struct draft *d,
                          const struct group *g, const struct coins_need *need)
{
    return coins_select(choice, d->coins + g->first_coin, d->coin_count - g->first_coin,
                        need, &d->terms->coins);
}

/* KZ_RANGE: the chunk would be too large. KZ_EMPTY: too few coins. */
static enum kz_err grow(struct draft *d, struct group *g, size_t row)
{
    const struct plan_due *due = d->rows[row].due;
    struct coins_need need = g->need;
    struct coins_choice choice;
    need.target = plus(need.target, due->amount);
    txsize_add_output(&need.outputs, due->to.script_len);
    if (need.outputs.outputs >= d->terms->outputs_max)
        return KZ_RANGE;
    enum kz_err err = choose(&choice, d, g, &need);
    if (err != KZ_OK)
        return err;
    g->need = need;
    g->choice = choice;
    g->rows[g->row_count++] = row;
    return KZ_OK;
}

/* Who does not fit in the last chunk begins the next; who does not fit in one of their
 * own never will. Coins that do not suffice here would suffice even less in the next. */
static void place(struct draft *d, size_t row)
{
    if (d->group_count == 0)
        open_group(d);
    enum kz_err err = grow(d, &d->groups[d->group_count - 1], row);
    if (err == KZ_RANGE && d->groups[d->group_count - 1].row_count > 0) {
        open_group(d);
        err = grow(d, &d->groups[d->group_count - 1], row);
    }
    if (err != KZ_OK)
        d->rows[row].reason = err == KZ_EMPTY ? PLAN_NO_COINS : PLAN_SMALL_COINS;
}

static void draft_groups(struct draft *d)
{
    drop_groups(d);
    for (size_t i = 0; i < d->row_count; i++) {
        struct row *r = &d->rows[i];
        /* Coins may have become free since the last round. */
        if (r->reason == PLAN_NO_COINS || r->reason == PLAN_SMALL_COINS)
            r->reason = PLAN_FREE;
        if (r->reason == PLAN_FREE)
            place(d, i);
    }
    if (d->group_count > 0 && d->groups[d->group_count - 1].row_count == 0)
        mem_free(d->groups[--d->group_count].rows);
}

/* --- the payees' fee -------------------------------------------------------------- */

/* What recipients pay of the fee; all that the coins above target and change do not. */
static struct amount payees_part(const struct coins_need *need,
                                 const struct coins_choice *choice)
{
    if (!need->fee_inside_target)
        return amount_zero();
    struct amount spare = minus(minus(choice->value, need->target), choice->change);
    return minus(choice->fee, spare);
}

static bool is_too_much(struct amount part, struct amount of, uint64_t max_ppm)
{
    return (u128)amount_to_sat(part) * PLAN_PPM > (u128)amount_to_sat(of) * max_ppm;
}

/* The fee by recipient, in the order of the group's rows. The caller's to mem_free(). */
static struct amount *split_fee(const struct draft *d, const struct group *g)
{
    struct split_weight *weights = mem_array(g->row_count, sizeof(*weights));
    struct amount *parts = mem_array(g->row_count, sizeof(*parts));
    for (size_t i = 0; i < g->row_count; i++) {
        const struct plan_due *due = d->rows[g->rows[i]].due;
        weights[i] =
            (struct split_weight){due->miner, (uint64_t)amount_to_sat(due->amount)};
    }
    enum kz_err err =
        split_amount(parts, payees_part(&g->need, &g->choice), weights, g->row_count);
    assert(err == KZ_OK); /* each is due something */
    (void)err;
    mem_free(weights);
    return parts;
}

/* Rounding may put one above the limit where the chunk as a whole is not. */
static size_t drop_single(struct draft *d, const struct group *g)
{
    size_t dropped = 0;
    struct amount *parts = split_fee(d, g);
    for (size_t i = 0; i < g->row_count; i++) {
        struct row *r = &d->rows[g->rows[i]];
        struct amount paid = minus(r->due->amount, parts[i]);
        if (is_too_much(parts[i], r->due->amount, d->terms->max_fee_share_ppm))
            r->reason = PLAN_FEE_SHARE;
        else if (is_above(fee_dust(script_of(&r->due->to), d->terms->coins.dust_rate),
                          paid))
            r->reason = PLAN_DUST;
        dropped += r->reason != PLAN_FREE;
    }
    mem_free(parts);
    return dropped;
}

/* Smallest first; of equal ones the higher miner id. */
static int by_amount(const void *left, const void *right)
{
    const struct row *const *a = left, *const *b = right;
    int order = amount_compare((*a)->due->amount, (*b)->due->amount);
    return order != 0 ? order
                      : split_miner_compare(&(*b)->due->miner, &(*a)->due->miner);
}

/* All pay the same part, and a small due costs as many bytes as a large one: without the
 * smallest the part of the others falls. */
static size_t drop_smallest(struct draft *d, const struct group *g)
{
    struct row **rows = mem_array(g->row_count, sizeof(struct row *));
    struct coins_need need = g->need;
    struct coins_choice choice;
    size_t dropped = 0;
    for (size_t i = 0; i < g->row_count; i++)
        rows[i] = &d->rows[g->rows[i]];
    qsort(rows, g->row_count, sizeof(struct row *), by_amount);
    do {
        const struct plan_due *due = rows[dropped]->due;
        rows[dropped++]->reason = PLAN_FEE_SHARE;
        need.target = minus(need.target, due->amount);
        txsize_drop_output(&need.outputs, due->to.script_len);
    } while (dropped < g->row_count &&
             (choose(&choice, d, g, &need) != KZ_OK ||
              is_too_much(payees_part(&need, &choice), need.target,
                          d->terms->max_fee_share_ppm)));
    mem_free(rows);
    return dropped;
}

/* How many rows stopped being free. */
static size_t settle_fee(struct draft *d)
{
    size_t dropped = 0;
    for (size_t i = 0; i < d->group_count; i++) {
        const struct group *g = &d->groups[i];
        if (is_too_much(payees_part(&g->need, &g->choice), g->need.target,
                        d->terms->max_fee_share_ppm))
            dropped += drop_smallest(d, g);
        else
            dropped += drop_single(d, g);
    }
    return dropped;
}

/* --- the result ------------------------------------------------------------------- */

static int by_outpoint(const void *left, const void *right)
{
    const struct coin *a = left, *b = right;
    return tx_outpoint_compare(&a->from, &b->from);
}

static void fill_recipients(struct plan_chunk *c, const struct draft *d,
                            const struct group *g)
{
    struct amount *parts = split_fee(d, g);
    c->recipients = mem_array(g->row_count, sizeof(*c->recipients));
    c->recipient_count = g->row_count;
    for (size_t i = 0; i < g->row_count; i++) {
        const struct plan_due *due = d->rows[g->rows[i]].due;
        struct amount paid = minus(due->amount, parts[i]);
        c->recipients[i] =
            (struct plan_recipient){due->miner, due->amount, parts[i], paid, due->to};
        c->paid = plus(c->paid, paid);
    }
    mem_free(parts);
}

static void fill_chunk(struct plan_chunk *c, const struct draft *d,
                       const struct group *g)
{
    *c = (struct plan_chunk){
        .debit = g->need.target,
        .fee = g->choice.fee,
        .payees_fee = payees_part(&g->need, &g->choice),
        .has_change = g->choice.has_change,
        .change = g->choice.change,
        .vsize = txsize_vsize_of(g->choice.weight),
        .is_over_cap = is_above(g->need.target, d->terms->caps.payout),
    };
    fill_recipients(c, d, g);
    c->coin_count = g->choice.count;
    c->coins = mem_copy(d->coins + g->first_coin, c->coin_count * sizeof(*c->coins));
    qsort(c->coins, c->coin_count, sizeof(*c->coins), by_outpoint);
    assert(amount_compare(minus(c->debit, c->paid), c->payees_fee) == 0);
    assert(amount_compare(g->choice.value, plus(plus(c->paid, c->change), c->fee)) ==
           0);
}

static void fill_chunks(struct plan *p, const struct draft *d)
{
    p->chunks = mem_array(d->group_count + 1, sizeof(*p->chunks));
    p->chunk_count = d->group_count;
    for (size_t i = 0; i < d->group_count; i++) {
        struct plan_chunk *c = &p->chunks[i];
        fill_chunk(c, d, &d->groups[i]);
        p->debit = plus(p->debit, c->debit);
        p->paid = plus(p->paid, c->paid);
        p->fee = plus(p->fee, c->fee);
        p->payees_fee = plus(p->payees_fee, c->payees_fee);
        p->caps_exceeded |= c->is_over_cap ? PLAN_CAP_PAYOUT : 0U;
    }
    if (is_above(p->debit, d->terms->caps.run))
        p->caps_exceeded |= PLAN_CAP_RUN;
    if (is_above(p->debit, d->terms->caps.day_left))
        p->caps_exceeded |= PLAN_CAP_DAY;
}

static void fill_waits(struct plan *p, const struct draft *d)
{
    p->waits = mem_array(d->row_count + 1, sizeof(*p->waits));
    for (size_t i = 0; i < d->row_count; i++) {
        const struct row *r = &d->rows[i];
        if (r->reason == PLAN_FREE)
            continue;
        p->waits[p->wait_count++] =
            (struct plan_wait){r->due->miner, r->due->amount, r->reason, r->due->note};
        p->waiting = plus(p->waiting, r->due->amount);
    }
}

/* --- the whole -------------------------------------------------------------------- */

static enum kz_err check_dues(const struct draft *d, struct plan_problem *problem)
{
    struct amount sum = amount_zero();
    for (size_t i = 0; i < d->row_count; i++)
        if (!amount_add(&sum, sum, d->rows[i].due->amount)) {
            *problem = (struct plan_problem){d->rows[i].due->miner, "amount overflow"};
            return KZ_RANGE;
        }
    return KZ_OK;
}

static enum kz_err check_coins(const struct draft *d, struct plan_problem *problem)
{
    struct amount sum = amount_zero();
    for (size_t i = 0; i < d->coin_count; i++)
        if (!amount_add(&sum, sum, d->coins[i].value)) {
            *problem = (struct plan_problem){{""}, "amount overflow of coins"};
            return KZ_RANGE;
        }
    return KZ_OK;
}

enum kz_err plan_make(struct plan *plan, struct plan_problem *problem,
                      const struct plan_input *in, const struct plan_terms *terms)
{
    struct draft d = {.terms = terms};
    assert(terms->outputs_max >= 2 && terms->max_fee_share_ppm <= PLAN_PPM);
    draft_rows(&d, in);
    draft_coins(&d, in);
    enum kz_err err = check_dues(&d, problem);
    if (err == KZ_OK)
        err = check_coins(&d, problem);
    if (err == KZ_OK) {
        do
            draft_groups(&d);
        while (terms->payer == PLAN_PAYEES_PAY && settle_fee(&d) > 0);
        *plan = (struct plan){.rate = terms->coins.rate};
        fill_chunks(plan, &d);
        fill_waits(plan, &d);
    }
    drop_groups(&d);
    mem_free(d.rows);
    mem_free(d.coins);
    return err;
}

void plan_clear(struct plan *plan)
{
    for (size_t i = 0; i < plan->chunk_count; i++) {
        mem_free(plan->chunks[i].recipients);
        mem_free(plan->chunks[i].coins);
    }
    mem_free(plan->chunks);
    mem_free(plan->waits);
    *plan = (struct plan){0};
}

size_t plan_change_position(const struct plan_chunk *chunk, uint64_t random)
{
    return chunk->has_change ? (size_t)(random % (chunk->recipient_count + 1)) : 0;
}

void plan_build_tx(struct tx *t, const struct plan_chunk *chunk,
                   struct bytes change_script, size_t change_at, uint32_t locktime)
{
    assert(!chunk->has_change || change_at <= chunk->recipient_count);
    tx_init(t, PLAN_TX_VERSION, locktime);
    for (size_t i = 0; i < chunk->coin_count; i++)
        tx_add_input(t, &chunk->coins[i].from, TX_SEQUENCE_RBF);
    for (size_t i = 0; i <= chunk->recipient_count; i++) {
        if (chunk->has_change && i == change_at)
            tx_add_output(t, chunk->change, change_script);
        if (i < chunk->recipient_count)
            tx_add_output(t, chunk->recipients[i].paid,
                          script_of(&chunk->recipients[i].to));
    }
}
