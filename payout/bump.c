#include "payout/bump.h"

#include "conf/mem.h"
#include "payout/plan.h"

#include <assert.h>
#include <stdlib.h>

const char *bump_verdict_text(enum bump_verdict verdict)
{
    static const char *const texts[BUMP_VERDICTS] = {
        [BUMP_GO] = "it can be made",
        [BUMP_STOP_COINS] = "too little change is left, and no free coin helps",
        [BUMP_STOP_CEILING] = "the node would ask more than the ceiling allows",
        [BUMP_STOP_CONFLICTS] = "too many transactions would be evicted",
        [BUMP_STOP_SIZE] = "it would be too large",
    };
    assert((size_t)verdict < BUMP_VERDICTS);
    return texts[verdict];
}

static struct amount larger(struct amount a, struct amount b)
{
    return amount_compare(a, b) > 0 ? a : b;
}

/* The least fee whose rate, rounded down as nodes do, is above `old`. */
static struct amount fee_above(struct feerate old, size_t vsize)
{
    assert(old.sat_per_kvb < FEERATE_MAX);
    return fee_of((struct feerate){old.sat_per_kvb + 1}, vsize);
}

bool bump_fee(struct amount *fee, size_t vsize, const struct bump_rules *rules)
{
    struct feerate old = fee_rate_of(rules->old_fee, rules->old_vsize);
    struct amount least, most = fee_of(rules->ceiling, vsize);
    if (feerate_compare(old, rules->ceiling) >= 0 ||
        feerate_compare(rules->coins.rate, rules->ceiling) > 0 ||
        !amount_add(&least, rules->evicted_fee, fee_of(rules->incremental, vsize)))
        return false;
    least = larger(least, fee_above(old, vsize));
    least = larger(least, fee_of(rules->coins.rate, vsize));
    if (amount_compare(least, most) > 0)
        return false;
    *fee = least;
    return true;
}

/* `in` less what it must pay, if that is worth an output. */
static enum bump_verdict pay_from(struct bump *out, struct amount in,
                                  const struct txsize *size,
                                  const struct bump_rules *rules)
{
    struct bump b = {.vsize = txsize_vsize(size)};
    if (b.vsize > rules->coins.vsize_max)
        return BUMP_STOP_SIZE;
    if (!bump_fee(&b.fee, b.vsize, rules))
        return BUMP_STOP_CEILING;
    if (!amount_sub(&b.change, in, b.fee) ||
        amount_compare(b.change, coins_min_change(&rules->coins)) < 0)
        return BUMP_STOP_COINS;
    b.rate = fee_rate_of(b.fee, b.vsize);
    *out = b;
    return BUMP_GO;
}

/* Adds one coin after the other until what they hold pays, beginning with `from`. */
static enum bump_verdict pay_adding(struct bump *out, struct amount in,
                                    struct txsize size, const struct bump_rules *rules,
                                    const struct coin *coins, size_t count, size_t from)
{
    struct bump b;
    if (rules->evicted_count > BUMP_CONFLICTS_MAX)
        return BUMP_STOP_CONFLICTS;
    for (size_t i = 0; i <= count; i++) {
        enum bump_verdict verdict =
            i < from ? BUMP_STOP_COINS : pay_from(&b, in, &size, rules);
        if (verdict == BUMP_GO) {
            b.added = i;
            *out = b;
        }
        if (verdict != BUMP_STOP_COINS)
            return verdict;
        if (i == count || !amount_add(&in, in, coins[i].value))
            break;
        txsize_add_input(&size, coins[i].form, rules->coins.any_r);
    }
    return BUMP_STOP_COINS;
}

enum bump_verdict bump_replace(struct bump *out, const struct bump_old *old,
                               const struct bump_rules *rules,
                               const struct coin *free_coins, size_t count)
{
    struct txsize size = old->size;
    struct amount in;
    if (!amount_add(&in, old->change, rules->old_fee))
        return BUMP_STOP_COINS;
    if (!old->has_change)
        txsize_add_output(&size, txsize_script_len(rules->coins.change));
    return pay_adding(out, in, size, rules, free_coins, count, old->has_change ? 0 : 1);
}

enum bump_verdict bump_cancel(struct bump *out, const struct bump_rules *rules,
                              const struct coin *coins, size_t count)
{
    struct txsize size = {0};
    struct bump_rules any_rate = *rules;
    assert(count > 0);
    any_rate.ceiling = (struct feerate){FEERATE_MAX};
    txsize_add_output(&size, txsize_script_len(rules->coins.change));
    return pay_adding(out, amount_zero(), size, &any_rate, coins, count, 1);
}

static int by_outpoint(const void *left, const void *right)
{
    return tx_outpoint_compare(left, right);
}

static void add_sorted(struct tx *t, struct tx_outpoint *from, size_t count)
{
    qsort(from, count, sizeof(*from), by_outpoint);
    for (size_t i = 0; i < count; i++)
        tx_add_input(t, &from[i], TX_SEQUENCE_RBF);
}

void bump_build_tx(struct tx *t, const struct tx *old, const struct bump *b,
                   const struct coin *free_coins, size_t change_at,
                   const struct bytes *change_script)
{
    size_t count = old->input_count + b->added;
    struct tx_outpoint *from = mem_array(count, sizeof(*from));
    assert(change_at < old->output_count + (change_script != NULL));
    for (size_t i = 0; i < old->input_count; i++)
        from[i] = old->inputs[i].from;
    for (size_t i = 0; i < b->added; i++)
        from[old->input_count + i] = free_coins[i].from;
    tx_init(t, old->version, old->locktime);
    add_sorted(t, from, count);
    for (size_t i = 0; i <= old->output_count; i++) {
        if (change_script != NULL && i == change_at)
            tx_add_output(t, b->change, *change_script);
        if (i == old->output_count)
            break;
        const struct tx_output *o = &old->outputs[i];
        bool is_change = change_script == NULL && i == change_at;
        tx_add_output(t, is_change ? b->change : o->value,
                      (struct bytes){o->script.p, o->script.len});
    }
    mem_free(from);
}

void bump_build_cancel(struct tx *t, const struct bump *b, const struct coin *coins,
                       struct bytes pool_script, uint32_t locktime)
{
    struct tx_outpoint *from = mem_array(b->added, sizeof(*from));
    for (size_t i = 0; i < b->added; i++)
        from[i] = coins[i].from;
    tx_init(t, PLAN_TX_VERSION, locktime);
    add_sorted(t, from, b->added);
    tx_add_output(t, b->change, pool_script);
    mem_free(from);
}

enum bump_verdict bump_child(struct bump_child *out, const struct bump_parent *parent,
                             struct feerate relay_min, const struct coins_terms *terms)
{
    struct txsize size = {0};
    struct bump_child c = {0};
    txsize_add_input(&size, terms->change, terms->any_r);
    txsize_add_output(&size, txsize_script_len(terms->change));
    c.vsize = txsize_vsize(&size);
    size_t both = parent->vsize + c.vsize;
    if (both > BUMP_CLUSTER_MAX)
        return BUMP_STOP_SIZE;
    if (!amount_sub(&c.fee, fee_of(terms->rate, both), parent->fee))
        return BUMP_STOP_COINS;
    c.fee = larger(c.fee, fee_of(relay_min, c.vsize));
    if (!amount_sub(&c.value, parent->change, c.fee) ||
        amount_compare(c.value, coins_min_change(terms)) < 0)
        return BUMP_STOP_COINS;
    *out = c;
    return BUMP_GO;
}
