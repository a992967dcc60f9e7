/* payout/fee.h - fee rates, what they cost, and when an output is dust.
 *
 * A rate is a struct so that it cannot be taken for a fee or for satoshi per byte. The
 * node writes rates as decimal bitcoin; they are read digit by digit, never through a
 * binary fraction, and what is finer than a unit counts as a whole one.
 *
 * Units      satoshi per 1,000 virtual bytes; fees in struct amount, rounded up.
 * Bounds     with rates up to FEERATE_MAX and sizes up to a whole block, every fee here
 *            is inside the range of money: no sum can overflow.
 * Errors     as stated; outputs are untouched unless KZ_OK.
 * Thread     any. Pure. Source: accounting section 10. */
#ifndef PAYOUT_FEE_H
#define PAYOUT_FEE_H

#include "payout/amount.h"
#include "share/bytes.h"

struct feerate {
    int64_t sat_per_kvb; /* 0 to FEERATE_MAX */
};

#define FEERATE_MAX          INT64_C(10000000000) /* 100 bitcoin a kvB: nobody means it */
#define FEERATE_DUST         INT64_C(3000) /* the node's -dustrelayfee, unless set */
#define FEE_VSIZE_MAX        4000000
#define FEERATE_TEXT_LONGEST 64

KZ_MUST_USE bool feerate_from(struct feerate *r, int64_t sat_per_kvb);
int feerate_compare(struct feerate a, struct feerate b); /* -1, 0, 1 */

/* A JSON number of bitcoin per kvB as nodes print it: "0.00012345", "1e-05", "2.5E-4".
 * A fraction of a satoshi counts as one. KZ_PARSE: no JSON number, or longer than
 * FEERATE_TEXT_LONGEST. KZ_RANGE: below 0 or above FEERATE_MAX. */
KZ_MUST_USE enum kz_err feerate_parse(struct feerate *r, const char *text, size_t len);

/* What a run is paid at. */
struct feerate_terms {
    bool has_estimate;
    struct feerate estimate;    /* estimatesmartfee */
    struct feerate fallback;    /* in its place */
    struct feerate mempool_min; /* getmempoolinfo, read each time */
    struct feerate relay_min;   /* getmempoolinfo, read each time */
    struct feerate floor, ceiling;
};

/* The estimate, or the fallback, raised to the highest of the minima.
 *   KZ_BUSY  that is above the ceiling: the run waits */
KZ_MUST_USE enum kz_err feerate_choose(struct feerate *r,
                                       const struct feerate_terms *terms);

/* Rate times size, rounded up. `vsize` <= FEE_VSIZE_MAX. */
struct amount fee_of(struct feerate rate, size_t vsize);
/* The rate that `fee` is for `vsize` (> 0), rounded down, as nodes compare: at most
 * FEERATE_MAX. `fee` >= 0. */
struct feerate fee_rate_of(struct amount fee, size_t vsize);

/* An output to `script` of less than this is not relayed: what it costs to have it and
 * to spend it (67 bytes for witness programs, else 148) at the dust rate. 0 where
 * nothing could ever spend it. */
struct amount fee_dust(struct bytes script, struct feerate dust_rate);
/* The same for a script that can be spent and is not there yet. */
struct amount fee_dust_sized(size_t script_len, bool is_program,
                             struct feerate dust_rate);

#endif
