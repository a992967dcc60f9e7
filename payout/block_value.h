/* payout/block_value.h - what a block's coinbase pays, from the block as a node gives it.
 *
 * Only the header and the first transaction are looked at, so a block of megabytes costs
 * no more than its beginning. The id is made from the header: who asked for a block by
 * its hash compares it, and needs to believe nobody.
 *
 * Errors  KZ_PARSE: not the beginning of a block; outputs untouched.
 * Thread  any. Pure. */
#ifndef PAYOUT_BLOCK_VALUE_H
#define PAYOUT_BLOCK_VALUE_H

#include "payout/amount.h"
#include "share/hash256.h"

struct block_value {
    struct hash256 id, prev;
    struct amount outputs; /* of the coinbase, all together */
};

/* `hex` is the block, or as much of it as holds its coinbase. */
KZ_MUST_USE enum kz_err block_value_read(struct block_value *out, const char *hex,
                                         size_t len);

/* What `outputs` holds of transaction fees: above the subsidy of its height. A coinbase
 * may claim less than it might, even less than the subsidy: then there are none. */
struct amount block_value_fees(struct amount outputs, struct amount subsidy);

#endif
