/* pool/explain.h - a block's split as its record keeps it, and made again from the slices.
 *
 * A split is read (explain_read()), the slices of its window are taken again from newest to
 * oldest (explain_take()), and explain_compare() says what differs, to the satoshi. Where
 * slices are gone, the works of the stored parts stand in for them.
 *
 * What cannot be made again from slices is believed: each miner's fee, the subsidy, the
 * reward that the coinbase paid, and with which slice the window ends.
 *
 * Units      work in the network's units, money in satoshis.
 * Ownership  init by explain_read(); explain_clear() accepts a zeroed one.
 * Errors     KZ_PARSE: not such a split; outputs untouched.
 * Thread     one at a time. No I/O, lock or clock. */
#ifndef POOL_EXPLAIN_H
#define POOL_EXPLAIN_H

#include "payout/scheme.h"

#include <jansson.h>

struct explain {
    enum scheme scheme;
    uint32_t window_milli, pool_fee_ppm;
    uint64_t span;
    struct amount reward, subsidy;
    uint64_t *slices; /* newest first */
    size_t slice_count;
    uint64_t cut, counted_total;
    struct scheme_part *parts; /* by miner id */
    size_t part_count;
    struct amount pool_fee, retained;
};

/* `split`: {"scheme", "window_milli", "span", "reward", "subsidy", "pool_fee_ppm",
 * "slices": [id, ...], "cut", "counted_total", "parts": [[miner, work, fee_ppm, gross, fee,
 * net], ...], "pool_fee", "retained"}; work and spans as text. */
KZ_MUST_USE enum kz_err explain_read(struct explain *out, const json_t *split);
void explain_clear(struct explain *e);

/* False: PPS, SOLO, or nothing counted: there is nothing to walk over. */
bool explain_has_window(const struct explain *e);

/* The walk's own storage: window_clear() ends it. */
void explain_begin(struct window *w, const struct explain *e);
/* The next older slice. False: it was the last that can count, or it lies outside. */
bool explain_take(struct window *w, const struct explain *e,
                  const struct slice_record *slice);
/* The walk came as far as the split says. */
bool explain_is_whole(const struct window *w, const struct explain *e);

/* Adds a line to `differences` (an array) for each; `w` NULL: from the parts' own works. */
void explain_compare(const struct explain *e, const struct window *w,
                     json_t *differences);

/* Whether output `vout` of a block's coinbase is a miner's, by the block's record; else it
 * is the pool's, whatever address the settings had then. */
bool explain_is_payees(const json_t *record, size_t vout);

#endif
