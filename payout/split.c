#include "payout/split.h"

#include "conf/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned __int128 u128;

/* What rounding down took from one miner. */
struct remainder {
    u128 rest;
    const struct miner_id *miner;
    size_t at; /* in the caller's lists */
};

int split_miner_compare(const struct miner_id *a, const struct miner_id *b)
{
    return strcmp(a->text, b->text);
}

static int larger_first(const void *left, const void *right)
{
    const struct remainder *a = left, *b = right;
    if (a->rest != b->rest)
        return a->rest > b->rest ? -1 : 1;
    return split_miner_compare(a->miner, b->miner);
}

static u128 sum_of(const struct split_weight *weights, size_t count)
{
    u128 sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += weights[i].weight;
    return sum;
}

enum kz_err split_units(uint64_t *parts, uint64_t total,
                        const struct split_weight *weights, size_t count)
{
    u128 sum = sum_of(weights, count);
    if (sum == 0)
        return KZ_EMPTY;
    struct remainder *rests = mem_array(count, sizeof(*rests));
    uint64_t left = total;
    for (size_t i = 0; i < count; i++) {
        u128 product = (u128)total * weights[i].weight;
        parts[i] = (uint64_t)(product / sum);
        left -= parts[i];
        rests[i] = (struct remainder){product % sum, &weights[i].miner, i};
    }
    /* The remainders sum to left * A and each is below A, so more than `left` of them
     * are above 0: whoever has no weight is never reached. */
    assert(left < count);
    if (left > 0)
        qsort(rests, count, sizeof(*rests), larger_first);
    for (size_t i = 0; i < left; i++)
        parts[rests[i].at]++;
    mem_free(rests);
    return KZ_OK;
}

enum kz_err split_amount(struct amount *parts, struct amount total,
                         const struct split_weight *weights, size_t count)
{
    if (amount_is_negative(total))
        return KZ_RANGE;
    if (count == 0)
        return KZ_EMPTY;
    uint64_t *units = mem_array(count, sizeof(*units));
    enum kz_err err =
        split_units(units, (uint64_t)amount_to_sat(total), weights, count);
    for (size_t i = 0; err == KZ_OK && i < count; i++) {
        bool fits = amount_from_sat(&parts[i], (int64_t)units[i]);
        assert(fits); /* a part is at most the whole */
        (void)fits;
    }
    mem_free(units);
    return err;
}
