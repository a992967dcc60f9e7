/* payout/split.h - sharing a number out by weights, to the last unit.
 *
 * Largest remainder (accounting section 1): with A the sum of weights, each gets
 * floor(total * w / A); the units still left go one each to the largest remainders
 * total * w mod A, ties to the lower miner id. Parts sum to the total exactly, the
 * order of input changes nothing, a weight of 0 never receives. One more unit of total
 * can move a unit from one miner to another: the rule's nature, not an error.
 *
 * Units   `units` are whatever the caller shares out: satoshis, or work of a slice.
 *         Weights may use all 64 bits and their sum may pass them.
 * Errors  KZ_EMPTY: no weight above 0. KZ_RANGE: an amount below 0. Outputs are then
 *         untouched.
 * Thread  any. Pure. */
#ifndef PAYOUT_SPLIT_H
#define PAYOUT_SPLIT_H

#include "payout/amount.h"
#include "share/ids.h"

/* In one list each miner stands once; else a tie could not be broken. */
struct split_weight {
    struct miner_id miner;
    uint64_t weight;
};

/* Byte order of ids: below 0, 0, above 0, as strcmp(). */
int split_miner_compare(const struct miner_id *a, const struct miner_id *b);

/* parts[i] belongs to weights[i]. */
KZ_MUST_USE enum kz_err split_units(uint64_t *parts, uint64_t total,
                                    const struct split_weight *weights, size_t count);
KZ_MUST_USE enum kz_err split_amount(struct amount *parts, struct amount total,
                                     const struct split_weight *weights, size_t count);

#endif
