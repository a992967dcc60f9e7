/* payout/scheme.h - reward schemes: what a found block owes, and to whom.
 *
 * With R what the coinbase really pays: gross = largest remainder of R over the work
 * that counts, fee = floor(gross * fee_ppm / 1000000) by each miner's own rate, net =
 * gross - fee. Always: sum of net + pool_fee + retained = R. Accounting section 3.
 *
 *     scheme     work that counts                      of R it shares    slices of
 *     PPLNS      window that ends with the winner's    all               SPLIT
 *     TIDES      the same, as it was when the job      all               SPLIT
 *                was made, over 8 block-works
 *     PROP       since the pool's previous block       all               SPLIT
 *     SOLO       the finder's                          all               SPLIT
 *     PPS, FPPS  none: paid already, see pps.h         nothing           PPS
 *     PPS_PLUS   window; see pps.h for the subsidy     what is above     PPS_PLUS
 *                                                      the subsidy
 *
 * Changing the scheme closes the open slice, nothing else. After PPS_PLUS -> PPLNS the
 * PPS_PLUS slices are passed over, as their subsidy is paid; after PPLNS -> PPS_PLUS the
 * older SPLIT slices still get their parts of the fees.
 *
 * Ownership  the caller's storage, parts owned: scheme_split_clear().
 * Errors     outputs untouched unless KZ_OK.
 * Thread     any. Pure. */
#ifndef PAYOUT_SCHEME_H
#define PAYOUT_SCHEME_H

#include "payout/window.h"

#define SCHEME_PPM 1000000

enum scheme {
    SCHEME_PPLNS,
    SCHEME_TIDES,
    SCHEME_PROP,
    SCHEME_PPS,
    SCHEME_FPPS,
    SCHEME_PPS_PLUS,
    SCHEME_SOLO,
};

const char *scheme_name(enum scheme s); /* "pplns", ... "pps_plus": as in settings */
/* KZ_PARSE: no such scheme. */
KZ_MUST_USE enum kz_err scheme_parse(enum scheme *s, const char *text, size_t len);

/* What slices are marked with while the scheme is in force. */
enum slice_regime scheme_regime(enum scheme s);
/* Does it owe for each accepted share (pps.h)? */
bool scheme_pays_shares(enum scheme s);
/* Which slices a block of it walks over. */
enum window_kind scheme_window_kind(enum scheme s);
/* Thousandths of a block's work: 8000 for TIDES, 4000 for the others. */
uint32_t scheme_window_milli(enum scheme s);

struct scheme_fee {
    struct miner_id miner;
    uint32_t fee_ppm; /* may be above the pool's: a donation */
};

struct scheme_fees {
    uint32_t pool_ppm;            /* whoever has none of their own */
    const struct scheme_fee *own; /* borrowed; by miner id ascending, one each */
    size_t own_count;
};

/* KZ_RANGE: a rate above 1000000, or `own` out of order. */
KZ_MUST_USE enum kz_err scheme_fees_check(const struct scheme_fees *fees);
uint32_t scheme_fee_ppm(const struct scheme_fees *fees, const struct miner_id *miner);

/* The inputs of a split: stored with the block, so that it can be made again. */
struct scheme_block {
    enum scheme scheme;
    struct amount reward;           /* R */
    struct amount subsidy;          /* of the block's height; PPS_PLUS only */
    const struct works *counted;    /* borrowed; NULL for SOLO, PPS, FPPS */
    struct miner_id finder;         /* SOLO only */
    const struct scheme_fees *fees; /* borrowed */
};

struct scheme_part {
    struct miner_id miner;
    uint64_t work; /* counted; 1 for SOLO */
    uint32_t fee_ppm;
    struct amount gross, fee, net;
};

struct scheme_split {
    struct scheme_part *parts; /* by miner id, ascending */
    size_t count;
    struct amount pool_fee;
    struct amount retained; /* the pool's because it paid for the shares already */
};

/* KZ_EMPTY: there is something to share and no work counts: not to be guessed at, the
 * caller gives it to the pool until somebody has looked. KZ_RANGE: a reward below 0 or
 * fees as above. */
KZ_MUST_USE enum kz_err scheme_split_block(struct scheme_split *out,
                                           const struct scheme_block *block);
void scheme_split_clear(struct scheme_split *split);

#endif
