/* payout/lots.h - which credits a payment pays: the oldest first.
 *
 * What becomes payable to a miner is a lot: so much, since then, of that block (or for
 * shares of that day's period). Whatever leaves takes from the oldest lots. What a payout
 * reserved is remembered with it until it is booked or given up, so that a statement can
 * say which blocks a transaction pays for, and debts have an age. A hold and its release
 * move nothing out: mature and held are one heap here.
 *
 * Units      satoshi; times of the entries, UTC milliseconds.
 * Ownership  a zeroed struct lots is empty; lots_clear() releases. Rows that are returned
 *            are borrowed until the next lots_follow().
 * Errors     KZ_RANGE: a sum outside the range of money; nothing was changed.
 * Thread     one at a time. Pure. */
#ifndef PAYOUT_LOTS_H
#define PAYOUT_LOTS_H

#include "payout/entry.h"

struct lot {
    int64_t time_ms;
    char reference[ENTRY_REFERENCE_SIZE]; /* the block's hash; of shares the period */
    struct amount sat;
};

struct lot_list {
    struct lot *rows;
    size_t count, room;
};

struct lots {
    struct lot_list left; /* from `first` on; oldest first */
    size_t first;
    struct lot_claim *claims; /* of payouts that are not given up */
    size_t claim_count, claim_room;
};

void lots_clear(struct lots *l);

/* Entries (or the miner's parts of them) in their order. */
KZ_MUST_USE enum kz_err lots_follow(struct lots *l, const struct miner_id *miner,
                                    const struct entry *e);

/* The same for who walks through entries of many miners: `change` is what the entry's
 * postings to the miner's payable accounts come to, positive: owed. */
void lots_apply(struct lots *l, const struct entry *e, struct amount change);
bool lots_is_payable(const struct account *a);

/* What is payable and not paid. */
const struct lot *lots_left(const struct lots *l, size_t *count);
/* What a payout's reserve took; NULL and 0: no such payout. */
const struct lot *lots_of_payout(const struct lots *l, const char *payout,
                                 size_t *count);

#endif
