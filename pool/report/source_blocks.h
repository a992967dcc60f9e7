/* pool/report/source_blocks.h - the pool's blocks, for reports: records, splits, states.
 *
 * A block's record is read once and kept. Its state here is the one that the ledger's
 * entries gave it before the period's end, so that a report made later says the same:
 *
 *   submitted   nothing is booked yet (or never: its split waits for a person)
 *   immature    accepted          matured    deep enough to be paid
 *   orphaned    off the best chain
 *   rejected    the nodes refused it
 *
 * Of an orphan that was never booked and a rejected one the ledger has no entry: it is what
 * the record says, where it said so by then.
 *
 * Units      satoshi; times in UTC milliseconds.
 * Ownership  what is returned is borrowed. source_blocks_free() accepts NULL.
 * Errors     as pool/report/source.h.
 * Thread     as pool/report/source.h. */
#ifndef POOL_REPORT_SOURCE_BLOCKS_H
#define POOL_REPORT_SOURCE_BLOCKS_H

#include "payout/entry.h"
#include "pool/report/source.h"

#include <jansson.h>

struct source_block {
    char hash[HASH256_HEX_SIZE];
    int64_t height, found_ms;
    const char *finder;    /* the miner; "" where it was found by hand */
    struct amount value;   /* of the coinbase's outputs */
    struct amount shared;  /* of it by the split; 0: none is recorded */
    const char *state;     /* as above */
    const char *coinbase;  /* txid; "" where it is not known */
    const json_t *outputs; /* of the coinbase: [[satoshi, script hex], ...] */
};

struct source_blocks;

struct source_blocks *source_blocks_new(const struct report_source *s);
void source_blocks_free(struct source_blocks *b);

/* What an entry says of a block's state; those of the period's end or later are to be left
 * out by the caller. Before any of the functions below. */
void source_blocks_take(struct source_blocks *b, const struct entry *e);

/* KZ_EMPTY: it has no record, and `why` says so. */
KZ_MUST_USE enum kz_err source_block(const struct source_block **out,
                                     char why[SOURCE_WHY_SIZE], struct source_blocks *b,
                                     const char *hash);

/* Those found in the period up to the report's instant, by height. The array is the caller's
 * to mem_free(). */
KZ_MUST_USE enum kz_err source_blocks_found(const struct source_block ***out,
                                            size_t *count, char why[SOURCE_WHY_SIZE],
                                            struct source_blocks *b);

/* What the split gave a miner before and for the pool's fee; false: no part of it. */
struct source_part {
    struct amount gross, fee;
};
bool source_block_part(struct source_part *out, const struct source_block *block,
                       const char *miner);

/* What the pool kept of what `e` credits `miner` with: the fee of the split; of shares what
 * their period's rate takes of `credit`, rounded down. Less than 0 where an orphan takes
 * the credit back. */
KZ_MUST_USE enum kz_err source_fee(struct amount *fee, char why[SOURCE_WHY_SIZE],
                                   struct source_blocks *b, const struct entry *e,
                                   const char *miner, struct amount credit);

#endif
