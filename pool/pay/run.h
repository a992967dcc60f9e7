/* pool/pay/run.h - a run: who would be paid by what, and paying them.
 *
 * A draft reads everything once (coins, dues, rates) and plans; it changes nothing and is
 * what `plan` prints. A run passes the gate, drafts, reserves every chunk, waits until
 * that cannot vanish, then signs and sends (accounting section 9).
 *
 * Ownership  run_draft() fills; run_clear() releases, accepts a zeroed one.
 * Errors     p->why. KZ_EMPTY: nothing to pay, or nobody can be. KZ_BUSY: an operator's
 *            word is needed, or fees are above the ceiling.
 * Thread     one. */
#ifndef POOL_PAY_RUN_H
#define POOL_PAY_RUN_H

#include "pool/pay/dues.h"

struct run {
    struct purse purse;
    struct dues dues;
    struct screen *screen;
    struct coin *free_coins;
    size_t *places; /* of them in the purse */
    size_t free_count;
    struct chain_rates rates;
    struct feerate rate; /* chosen */
    bool has_estimate;
    struct plan_terms terms;
    struct plan plan;
    struct amount paid_today;
};

void run_clear(struct run *r);
KZ_MUST_USE enum kz_err run_draft(struct run *r, struct payer *p);

/* What an operator should know though it stops nothing: coming coinbases will not pay this
 * wallet. NULL: there is nothing. */
const char *run_warning(const struct payer *p);

struct run_order {
    bool is_confirmed; /* an operator has seen that caps are exceeded */
    bool is_offline;   /* reserve and export, do not sign */
    const char *psbt_dir;
    const struct passphrase_source *passphrase;
    /* Told how far it is: signed and sent of all; NULL: nobody asks. */
    void (*on_progress)(void *ctx, size_t done, size_t all);
    void *ctx;
    size_t paid;           /* out: payouts made */
    size_t short_of_coins; /* out: payees for whom the free coins did not suffice */
};

/* The whole of it, gate and all. */
KZ_MUST_USE enum kz_err run_pay(struct payer *p, struct run_order *order);
/* Joins small coins while fees are low; KZ_EMPTY: there is no reason to. */
KZ_MUST_USE enum kz_err run_join(struct payer *p, struct run_order *order);
/* A child of an unconfirmed payout, spending its change at a fee for both. */
KZ_MUST_USE enum kz_err run_child(struct payer *p, struct run_order *order,
                                  const struct payout *o);
/* What earlier runs reserved and did not sign: signed, or given up. KZ_BUSY: some was
 * given up; it is owed again, and another run can pay the others. */
KZ_MUST_USE enum kz_err run_finish(struct payer *p, struct run_order *order);

/* Reserves `o`, which is whole but for its place in Redis, and writes down how that ended.
 * KZ_RANGE: refused, and that is written down. */
KZ_MUST_USE enum kz_err run_reserve(struct payout *o, struct payer *p);
/* Takes the coins from `first` on for a payout that has others. Errors as above. */
KZ_MUST_USE enum kz_err run_take_coins(struct payout *o, struct payer *p, size_t first);

/* What every payout begins with: name, time, height, whose. */
void run_begin(struct payout *o, const struct payer *p, size_t number);
/* The entry that takes the recipients' money. */
KZ_MUST_USE enum kz_err run_make_reserve(struct payout *o, struct payer *p);
/* The index of the next change address. */
KZ_MUST_USE enum kz_err run_next_change(uint32_t *out, struct payer *p);
KZ_MUST_USE enum kz_err run_set_next_change(struct payer *p, uint32_t next);

/* A payment of the pool to itself. */
struct run_self {
    const struct coin *coins; /* in the purse of the draft */
    size_t count;
    struct amount change, fee;
};
KZ_MUST_USE enum kz_err run_reserve_self(const struct run *r, struct payer *p,
                                         const struct run_self *self);
/* The key, unless the order is to sign elsewhere. */
KZ_MUST_USE enum kz_err run_unlock(struct payer *p, const struct run_order *order);

#endif
