/* payout/bump.h - a payout's transaction made again: at a higher fee, as a cancellation,
 * or helped by a child.
 *
 * Recipients and what they get never change; only change pays. A replacement has all the
 * inputs of what it replaces, among them the anchor, so only one of them can ever
 * confirm; where change has too little left it takes free, confirmed coins as well,
 * largest first. What the node asks of a replacement (BIP125 rules 3 and 4 and the
 * node's own since): a fee of at least all it evicts plus the incremental relay fee for
 * its own size, a rate strictly above the old one, no more than BUMP_CONFLICTS_MAX
 * evicted.
 *
 * A verdict is not an error: each BUMP_STOP says why no further version can be made now,
 * which a person or the next block may change.
 *
 * Units      satoshi, virtual bytes, rates per 1,000 of them, rounded down as nodes do.
 * Ownership  all plain values but the transactions, which the caller clears.
 * Errors     outputs are untouched unless BUMP_GO.
 * Thread     any. Pure. Source: accounting sections 9 and 10. */
#ifndef PAYOUT_BUMP_H
#define PAYOUT_BUMP_H

#include "payout/coins.h"

#define BUMP_CONFLICTS_MAX 100
#define BUMP_CLUSTER_MAX   101000 /* virtual bytes of unconfirmed relatives */

enum bump_verdict {
    BUMP_GO,
    BUMP_STOP_COINS,     /* change has too little left, and no free coin helps */
    BUMP_STOP_CEILING,   /* the least the node would take is above the ceiling */
    BUMP_STOP_CONFLICTS, /* too many would be evicted */
    BUMP_STOP_SIZE,      /* larger than it may be */
    BUMP_VERDICTS
};
const char *bump_verdict_text(enum bump_verdict verdict); /* never NULL */

/* What a version must pay to take the place of those in the mempool. Where none was ever
 * sent, the fees are 0 and old_vsize is 1. */
struct bump_rules {
    struct coins_terms
        coins; /* `rate` is the one wanted; of change, and of new coins */
    struct feerate incremental; /* getmempoolinfo incrementalrelayfee */
    struct feerate ceiling;     /* the operator's, on the rate */
    struct amount old_fee;      /* of the version that is replaced */
    size_t old_vsize;           /* as signed, above 0 */
    /* Fees of all that it would evict, the old version's among them, and how many they
     * are: children that spend its outputs go with it. */
    struct amount evicted_fee;
    size_t evicted_count;
};

struct bump_old {
    struct txsize size; /* of the old version, its change included */
    bool has_change;
    struct amount change; /* 0 without */
};

struct bump {
    struct amount fee, change;
    size_t added; /* the first of the coins offered */
    size_t vsize;
    struct feerate rate; /* that the fee comes to */
};

/* The fee for a replacement of `vsize`: what the wanted rate asks, or more where the
 * rules do. False: above the ceiling. */
KZ_MUST_USE bool bump_fee(struct amount *fee, size_t vsize,
                          const struct bump_rules *rules);

/* `free_coins` are coins_candidates() at the wanted rate. Without change in the old
 * version the new one gets one, from an added coin. */
KZ_MUST_USE enum bump_verdict bump_replace(struct bump *out, const struct bump_old *old,
                                           const struct bump_rules *rules,
                                           const struct coin *free_coins, size_t count);

/* The unsigned replacement: `old`'s inputs and those of `b->added` coins, sorted; its
 * outputs, with b->change at `change_at`, where it stands already or (old.has_change
 * false) is put in with `change_script`. */
void bump_build_tx(struct tx *t, const struct tx *old, const struct bump *b,
                   const struct coin *free_coins, size_t change_at,
                   const struct bytes *change_script);

/* The payout called off: the anchor, coins[0], back to the pool, and as many of the
 * payout's other coins as it takes to pay the fee. One output; `change` is its value,
 * `added` counts the coins, the anchor among them. The ceiling is not looked at: a small
 * transaction that evicts a large one pays all of its fee, at whatever rate that is. */
KZ_MUST_USE enum bump_verdict bump_cancel(struct bump *out,
                                          const struct bump_rules *rules,
                                          const struct coin *coins, size_t count);
void bump_build_cancel(struct tx *t, const struct bump *b, const struct coin *coins,
                       struct bytes pool_script, uint32_t locktime);

/* Child pays for parent, where nobody can sign the parent again. */
struct bump_parent {
    struct amount fee;
    size_t vsize;
    struct amount change; /* its output to the pool, which the child spends */
};
struct bump_child {
    struct amount fee, value; /* value: of its only output, to the pool again */
    size_t vsize;
};

/* The child's fee brings both together to `terms->rate`, and is never below
 * `relay_min` for the child alone. BUMP_STOP_COINS: change cannot pay that. */
KZ_MUST_USE enum bump_verdict bump_child(struct bump_child *out,
                                         const struct bump_parent *parent,
                                         struct feerate relay_min,
                                         const struct coins_terms *terms);

#endif
