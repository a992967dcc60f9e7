/* payout/coins.h - which of the pool's coins a payout spends.
 *
 * Coins are outputs to the pool's own scripts. A candidate is one that is free (the
 * caller offers no other), buried deep enough (coinbases `maturity` blocks, change one:
 * a parent that is replaced would kill its child) and worth more than it costs to spend.
 *
 * Largest first: candidates stand by value descending, txid as displayed, vout; one
 * after the other is added until they pay for the outputs, the fee and a change that is
 * worth having, or for outputs and fee without change, the rest being fee. So every
 * choice is the head of one list, and what is left for the next payout is its tail. A
 * pool has few, large, equal coins; a search for sums without change would rarely find
 * one and save 43 bytes.
 *
 * Units      satoshi in struct amount, rates per 1,000 virtual bytes.
 * Ownership  the caller's arrays; coins are copied.
 * Errors     as stated; outputs are untouched unless KZ_OK.
 * Thread     any. Pure. Source: accounting section 10. */
#ifndef PAYOUT_COINS_H
#define PAYOUT_COINS_H

#include "payout/fee.h"
#include "payout/tx.h"
#include "payout/txsize.h"

/* What it will cost to spend change one day is not known; it is taken as this. */
#define COINS_LONG_TERM_RATE INT64_C(10000)

struct coin {
    struct tx_outpoint from;
    struct amount value;
    struct input_form form; /* of its descriptor */
    uint32_t confirmations; /* 0: in the mempool */
    bool is_coinbase;
};

struct coins_terms {
    struct feerate rate, dust_rate;
    uint32_t maturity;        /* confirmations that a coinbase needs */
    bool any_r;               /* who signs does not make R low: payout/txsize.h */
    struct input_form change; /* how change will be spent */
    size_t vsize_max;         /* of the transaction, at most FEE_VSIZE_MAX / 2 */
};

struct coins_need {
    struct amount target;   /* sum of the outputs, above 0 */
    struct txsize outputs;  /* them, and no input */
    bool fee_inside_target; /* the payees pay it: outputs shrink by the fee */
};

struct coins_choice {
    size_t count;        /* coins taken */
    struct amount value; /* their sum */
    struct amount fee;   /* without change all that is above the target, if more */
    bool has_change;
    struct amount change; /* 0 without */
    size_t weight;        /* bound of the signed transaction */
};

/* Less is not worth an output: dust, or less than what spending it will cost. */
struct amount coins_min_change(const struct coins_terms *terms);

bool coins_is_candidate(const struct coin *coin, const struct coins_terms *terms);
/* Fills `out` (room for `count`) with the candidates, largest first, and returns how
 * many. The order of `coins` changes nothing. */
size_t coins_candidates(struct coin *out, const struct coin *coins, size_t count,
                        const struct coins_terms *terms);

/* Takes the first coins of `candidates`, which are in coins_candidates()' order.
 *   KZ_EMPTY  all of them are too little
 *   KZ_RANGE  it would be larger than `vsize_max`, or they sum to more than there is */
KZ_MUST_USE enum kz_err coins_select(struct coins_choice *out,
                                     const struct coin *candidates, size_t count,
                                     const struct coins_need *need,
                                     const struct coins_terms *terms);

/* A payment of the pool to itself, so that at most `keep` coins (> 0) are left: takes the
 * last of `candidates`, the smallest, as many as fit in `vsize_max`; all but the fee is
 * change. Worth it while fees are low, which is the caller's to judge.
 *   KZ_EMPTY  there are no more than `keep`, or they do not make a change worth having
 *   KZ_RANGE  they sum to more than there is */
KZ_MUST_USE enum kz_err coins_consolidate(struct coins_choice *out,
                                          const struct coin *candidates, size_t count,
                                          size_t keep, const struct coins_terms *terms);

#endif
