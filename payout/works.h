/* payout/works.h - how much work each miner did: a table sorted by miner id.
 *
 * One row a miner, none of weight 0. The total stays below 2^63, as every counter of
 * work does (accounting section 1), so a row's does too.
 *
 * Units      work in the network's units.
 * Ownership  the caller's storage; the rows are owned by the table: works_clear().
 *            A zeroed struct is an empty table.
 * Errors     KZ_RANGE: the total would reach 2^63; the table is untouched.
 * Thread     one at a time. Pure. */
#ifndef PAYOUT_WORKS_H
#define PAYOUT_WORKS_H

#include "payout/split.h"

struct works {
    struct split_weight *rows; /* by miner id, ascending */
    size_t count;
    uint64_t total;
};

/* Adds rows in any order; a miner that occurs twice, or is in the table, adds up. Costs
 * one pass over both lists (and a sort unless they come sorted): add many at once. */
KZ_MUST_USE enum kz_err works_add(struct works *w, const struct split_weight *rows,
                                  size_t count);

/* 0 for a miner without a row. */
uint64_t works_of(const struct works *w, const struct miner_id *miner);

/* Leaves an empty table. */
void works_clear(struct works *w);

#endif
