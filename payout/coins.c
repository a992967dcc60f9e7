#include "payout/coins.h"

#include <assert.h>
#include <stdlib.h>

/* Coins taken so far, and the transaction that spends them, without change. */
struct taken {
    size_t count;
    struct amount value;
    struct txsize size;
};

static struct amount larger(struct amount a, struct amount b)
{
    return amount_compare(a, b) > 0 ? a : b;
}

static size_t vbytes_to_spend(struct input_form form, bool any_r)
{
    return txsize_vsize_of(txsize_input_weight(form, any_r));
}

struct amount coins_min_change(const struct coins_terms *terms)
{
    struct feerate later = {COINS_LONG_TERM_RATE};
    struct amount spend = fee_of(later, vbytes_to_spend(terms->change, terms->any_r));
    struct amount dust =
        fee_dust_sized(txsize_script_len(terms->change),
                       txsize_is_program(terms->change), terms->dust_rate);
    return larger(dust, spend);
}

bool coins_is_candidate(const struct coin *coin, const struct coins_terms *terms)
{
    uint32_t deep = coin->is_coinbase ? terms->maturity : 1;
    if (coin->confirmations < deep)
        return false;
    struct amount cost = fee_of(terms->rate, vbytes_to_spend(coin->form, terms->any_r));
    return amount_compare(coin->value, cost) > 0;
}

static int largest_first(const void *left, const void *right)
{
    const struct coin *a = left, *b = right;
    int by_value = amount_compare(b->value, a->value);
    return by_value != 0 ? by_value : tx_outpoint_compare(&a->from, &b->from);
}

size_t coins_candidates(struct coin *out, const struct coin *coins, size_t count,
                        const struct coins_terms *terms)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (coins_is_candidate(&coins[i], terms))
            out[n++] = coins[i];
    if (n > 0)
        qsort(out, n, sizeof(*out), largest_first);
    return n;
}

static bool take(struct taken *t, const struct coin *coin, bool any_r)
{
    if (!amount_add(&t->value, t->value, coin->value))
        return false;
    txsize_add_input(&t->size, coin->form, any_r);
    t->count++;
    return true;
}

/* What `t` has above target, fee and `spare`; false when that is less than nothing. */
static bool rest_of(struct amount *rest, const struct taken *t,
                    const struct coins_need *need, struct amount fee,
                    struct amount spare)
{
    struct amount r;
    if (!amount_sub(&r, t->value, need->target) ||
        (!need->fee_inside_target && !amount_sub(&r, r, fee)) ||
        !amount_sub(&r, r, spare) || amount_is_negative(r))
        return false;
    *rest = r;
    return true;
}

static bool try_with_change(struct coins_choice *out, const struct taken *t,
                            const struct coins_need *need,
                            const struct coins_terms *terms)
{
    struct txsize size = t->size;
    struct amount spare = coins_min_change(terms), change;
    txsize_add_output(&size, txsize_script_len(terms->change));
    size_t weight = txsize_weight(&size);
    struct amount fee = fee_of(terms->rate, txsize_vsize_of(weight));
    if (!rest_of(&change, t, need, fee, spare) || !amount_add(&change, change, spare))
        return false;
    *out = (struct coins_choice){t->count, t->value, fee, true, change, weight};
    return true;
}

static bool try_without(struct coins_choice *out, const struct taken *t,
                        const struct coins_need *need, const struct coins_terms *terms)
{
    size_t weight = txsize_weight(&t->size);
    struct amount fee = fee_of(terms->rate, txsize_vsize_of(weight)), rest, above;
    if (!rest_of(&rest, t, need, fee, amount_zero()) ||
        !amount_sub(&above, t->value, need->target))
        return false;
    *out = (struct coins_choice){t->count, t->value,      larger(fee, above),
                                 false,    amount_zero(), weight};
    return true;
}

enum kz_err coins_select(struct coins_choice *out, const struct coin *candidates,
                         size_t count, const struct coins_need *need,
                         const struct coins_terms *terms)
{
    struct taken t = {0, amount_zero(), need->outputs};
    assert(terms->vsize_max <= FEE_VSIZE_MAX / 2 && need->outputs.inputs == 0);
    assert(amount_compare(need->target, amount_zero()) > 0);
    for (size_t i = 0; i < count; i++) {
        struct coins_choice choice;
        if (!take(&t, &candidates[i], terms->any_r) ||
            txsize_vsize(&t.size) > terms->vsize_max)
            return KZ_RANGE;
        if (!try_with_change(&choice, &t, need, terms) &&
            !try_without(&choice, &t, need, terms))
            continue;
        /* When it is the change that has no room, giving it up would make it fee. */
        if (txsize_vsize_of(choice.weight) > terms->vsize_max)
            return KZ_RANGE;
        *out = choice;
        return KZ_OK;
    }
    return KZ_EMPTY;
}

enum kz_err coins_consolidate(struct coins_choice *out, const struct coin *candidates,
                              size_t count, size_t keep,
                              const struct coins_terms *terms)
{
    struct taken t = {0};
    struct amount change;
    assert(keep > 0 && terms->vsize_max <= FEE_VSIZE_MAX / 2);
    txsize_add_output(&t.size, txsize_script_len(terms->change));
    /* What comes back is a coin again, so one more goes than is to go. */
    while (count > keep && t.count < count - keep + 1) {
        struct taken more = t;
        if (!take(&more, &candidates[count - 1 - t.count], terms->any_r))
            return KZ_RANGE;
        if (txsize_vsize(&more.size) > terms->vsize_max)
            break;
        t = more;
    }
    size_t weight = txsize_weight(&t.size);
    struct amount fee = fee_of(terms->rate, txsize_vsize_of(weight));
    if (t.count < 2 || !amount_sub(&change, t.value, fee) ||
        amount_compare(change, coins_min_change(terms)) < 0)
        return KZ_EMPTY;
    *out = (struct coins_choice){t.count, t.value, fee, true, change, weight};
    return KZ_OK;
}
