/* payout/postings.h - one function an event: what the ledger books for it.
 *
 * Each takes final amounts, never a formula, and makes a sealed entry with its
 * idempotency key (accounting section 7). What undoes or finishes an earlier entry is
 * made from that entry, so it cannot differ from it: keep the entry of a block until it
 * is mature, and those of a payout until it is final.
 *
 * Two things depend on where money lies at the moment of booking, and are asked
 * through `struct postings_now`: a carry that a coinbase has paid is debited where it
 * lies (mature, else held; what is nowhere becomes receivable), and what matures goes
 * to held where the registration says so.
 *
 * Units      amounts are positive numbers of satoshi; the signs are made here.
 * Ownership  `e` needs no init; after KZ_OK it is the caller's to entry_clear().
 * Errors     KZ_RANGE: amounts that do not make a balanced entry, a negative one, an
 *            entry given that is not of the kind needed. KZ_PARSE: an id or text that
 *            cannot be. KZ_EMPTY: there is nothing to book. `e` is untouched then.
 * Thread     any. Pure. */
#ifndef PAYOUT_POSTINGS_H
#define PAYOUT_POSTINGS_H

#include "payout/entry.h"

/* `balance` is signed as postings are: what is owed is negative. */
struct postings_now {
    struct amount (*balance)(const void *ctx, const struct account *account);
    bool (*is_held)(const void *ctx, const struct miner_id *miner);
    const void *ctx;
};

/* What a block brings a miner: `net` of the split, `direct` (0: none) paid by output
 * `vout` of the coinbase. Up to `net` that is this block's part; what is above is carry.
 * What a coinbase pays below `net` leaves the rest to the ledger. */
struct postings_part {
    struct miner_id miner;
    struct amount net;
    struct amount direct;
    uint32_t vout;
};

/* I3: the parts' net, `fee` and `own` sum to what the coinbase pays, which is the
 * pool's own outputs and the parts' direct ones. `own` is the pool's in PPS kinds: all
 * of the block in PPS and FPPS, the subsidy in PPS+. A miner stands in one part. */
struct postings_block {
    const char *block; /* hash, display order */
    int64_t time_ms;
    struct amount pool_outputs;
    struct amount fee;
    struct amount own;
    const struct postings_part *parts;
    size_t part_count;
};

KZ_MUST_USE enum kz_err postings_block_accept(struct entry *e,
                                              const struct postings_block *b,
                                              const struct postings_now *now);
/* The block belongs to the pool alone. */
KZ_MUST_USE enum kz_err postings_block_pps(struct entry *e, const char *block,
                                           struct amount value, int64_t time_ms);

/* `standing` is the entry in force: the accept (0), or the last revive. The orphan's `n`
 * is one above its number, a revive's two. */
KZ_MUST_USE enum kz_err postings_block_orphan(struct entry *e,
                                              const struct entry *standing, uint64_t n,
                                              int64_t time_ms);
/* An exact repeat of the entry the orphan reversed, but for carry that has moved since
 * then (a hold between the two): debited where it lies now, or I2 would break. */
KZ_MUST_USE enum kz_err postings_block_revive(struct entry *e,
                                              const struct entry *standing, uint64_t n,
                                              int64_t time_ms,
                                              const struct postings_now *now);
KZ_MUST_USE enum kz_err postings_block_mature(struct entry *e,
                                              const struct entry *standing,
                                              int64_t time_ms,
                                              const struct postings_now *now);

/* `credit` is owed now for the work of `period` up to `work`, above what earlier
 * accruals credited. KZ_EMPTY: no whole satoshi yet. */
struct postings_pps {
    const char *period;
    struct miner_id miner;
    uint64_t work;
    struct amount credit;
    bool is_held;
    int64_t time_ms;
};
KZ_MUST_USE enum kz_err postings_pps_accrual(struct entry *e,
                                             const struct postings_pps *p);

/* A hold or release, the n-th of its kind for this miner. `amount` may be 0: the event
 * itself is then what is recorded. A release says its basis. An orphan or an abandon
 * returns money to where it came from, also to `mature` of a miner who is on hold since:
 * it is followed by another hold, of what came back. */
struct postings_hold {
    struct miner_id miner;
    uint64_t n;
    struct amount amount;
    const char *document; /* "" or what the registry calls it */
    const struct entry_basis *basis;
    int64_t time_ms;
};
KZ_MUST_USE enum kz_err postings_hold(struct entry *e, const struct postings_hold *h);
KZ_MUST_USE enum kz_err postings_release(struct entry *e,
                                         const struct postings_hold *h);

struct postings_due {
    struct miner_id miner;
    struct amount amount; /* > 0 */
};
/* Each miner at most once. KZ_EMPTY: nobody. */
KZ_MUST_USE enum kz_err postings_reserve(struct entry *e, const struct payout_id *id,
                                         const struct postings_due *due, size_t count,
                                         int64_t time_ms);

/* What the chain holds. Outputs: one a recipient, at most what was reserved for them;
 * what lies between is their part of the network fee, the rest of `fee` is the pool's.
 * `n`: 0 at first, else one above the unconfirm before. */
struct postings_settled {
    const char *txid; /* of the version that confirmed */
    const struct entry_output *outputs;
    size_t output_count;
    struct amount fee; /* really paid: inputs less outputs */
    uint64_t n;
    int64_t time_ms;
};
KZ_MUST_USE enum kz_err postings_confirm(struct entry *e, const struct entry *reserve,
                                         const struct postings_settled *s);
KZ_MUST_USE enum kz_err postings_unconfirm(struct entry *e, const struct entry *confirm,
                                           uint64_t n, int64_t time_ms);
/* Only where the anchor rule allows it (accounting section 9): the caller's to know. */
KZ_MUST_USE enum kz_err postings_abandon(struct entry *e, const struct entry *reserve,
                                         int64_t time_ms);

/* The network fee of a transaction that pays nobody: coins joined, a cancellation, a
 * child that helps a payout into a block. Nothing but the fee leaves the pool's coins.
 * `n`: 1 at first, else one above the back before. A fee of 0: KZ_EMPTY. */
KZ_MUST_USE enum kz_err postings_payout_fee(struct entry *e, const struct payout_id *id,
                                            struct amount fee, const char *txid,
                                            uint64_t n, int64_t time_ms);
/* `fee` is the entry that booked it; `n` one above its number. */
KZ_MUST_USE enum kz_err postings_payout_fee_back(struct entry *e,
                                                 const struct entry *fee, uint64_t n,
                                                 int64_t time_ms);

/* Entries of two persons. */
struct postings_manual {
    const char *id; /* of an adj: key */
    uint64_t n;     /* of a cap: key */
    const struct entry_basis *basis;
    int64_t time_ms;
};
KZ_MUST_USE enum kz_err postings_capital_in(struct entry *e, struct amount amount,
                                            const struct postings_manual *m);
KZ_MUST_USE enum kz_err postings_capital_out(struct entry *e, struct amount amount,
                                             const struct postings_manual *m);
KZ_MUST_USE enum kz_err postings_correction(struct entry *e,
                                            const struct posting *postings,
                                            size_t count,
                                            const struct postings_manual *m);
/* `amount` left the pool's coins for `miner` above what was owed ... */
KZ_MUST_USE enum kz_err postings_overpayment(struct entry *e,
                                             const struct miner_id *miner,
                                             struct amount amount,
                                             const struct postings_manual *m);
/* ... and is set off against what is owed. A rule does this, so a reason is enough. */
KZ_MUST_USE enum kz_err postings_set_off(struct entry *e, const struct miner_id *miner,
                                         struct amount amount,
                                         const struct postings_manual *m);

#endif
