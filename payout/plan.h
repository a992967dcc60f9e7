/* payout/plan.h - a payout run, thought through before anything is moved.
 *
 * In: who is due how much and may be paid, the free coins, the rate and the limits. Out:
 * chunks, each of them one transaction with coins of its own, and the list of who waits
 * and why. Nothing is reserved, and the order of the input changes nothing.
 *
 * Miners come in order of id. A chunk takes one after the other until the next would
 * make it too large; then a new one begins. Coins go largest first, the head of one list
 * to each chunk in turn. Where they do not suffice, whoever they do not suffice for waits
 * and smaller dues behind are still paid; change of an earlier chunk is no coin yet.
 *
 * Fee: the pool's; or the payees', shared by largest remainder over what they are due, so
 * all of a chunk pay the same part of it. When that part is above the limit, the smallest
 * dues, which cost as much as large ones to pay, are left to carry until it is not;
 * whoever would get dust carries too; then all is planned again, until nothing changes.
 * Where a rest too small for change is left over, it pays fee before the payees do.
 *
 *   sum of debits = sum of paid + payees' part of the fees
 *   sum of coins  = sum of paid + change + fee                 (each chunk)
 *
 * Above a cap the plan is complete, says which cap it is, and is not to be carried out
 * until a person has confirmed it.
 *
 * Units      satoshi in struct amount; virtual bytes.
 * Ownership  a plan owns its arrays: plan_make(), then plan_clear(), which accepts a
 *            zeroed one. Dues and coins are copied; a due's note is borrowed and must
 *            outlive the plan.
 * Errors     KZ_RANGE: dues or coins that sum to more money than there is; `problem`
 *            names the miner at which they do. The plan is untouched.
 * Thread     any. Pure. Source: accounting sections 9 and 10. */
#ifndef PAYOUT_PLAN_H
#define PAYOUT_PLAN_H

#include "payout/address.h"
#include "payout/coins.h"
#include "share/ids.h"

#define PLAN_VSIZE_MAX  90000 /* standard is 100,000, and a child must fit */
#define PLAN_TX_VERSION 2
#define PLAN_PPM        1000000

enum plan_reason {
    PLAN_FREE, /* nothing is in the way */
    /* The caller's, in struct plan_due: */
    PLAN_HELD,            /* by a person, or by a dispute */
    PLAN_NO_ADDRESS,      /* none, or none that may be paid */
    PLAN_ADDRESS_WAITING, /* a new one is not in force yet */
    PLAN_SCREENED,        /* on a list, or a screen gave no answer */
    /* The plan's: */
    PLAN_BELOW_MINIMUM, /* the miner's, or the pool's */
    PLAN_DUST,          /* the node would not relay the output */
    PLAN_FEE_SHARE,     /* too much of it would be fee */
    PLAN_NO_COINS,      /* the free coins do not suffice */
    PLAN_SMALL_COINS,   /* they do, but too many for one transaction: consolidate */
    PLAN_REASONS
};

/* "below_minimum", for records; and a sentence's worth for people. Never NULL. */
const char *plan_reason_name(enum plan_reason reason);
const char *plan_reason_text(enum plan_reason reason);

struct plan_due {
    struct miner_id miner; /* each once */
    struct amount amount;  /* mature balance; at 0 and below there is nothing to plan */
    struct amount minimum; /* the miner's own, or 0 */
    enum plan_reason blocked; /* PLAN_FREE to PLAN_SCREENED */
    const char *note;         /* what blocks it, for people, or NULL; borrowed */
    struct address to;        /* not looked at when blocked */
};

enum plan_payer { PLAN_POOL_PAYS, PLAN_PAYEES_PAY };

/* Bounds on debits. AMOUNT_MAX_SAT where there is none. */
struct plan_caps {
    struct amount payout, run, day_left;
};
enum plan_cap { PLAN_CAP_PAYOUT = 1, PLAN_CAP_RUN = 2, PLAN_CAP_DAY = 4 };

struct plan_terms {
    struct coins_terms coins; /* rates, maturity, change, vsize_max of a chunk */
    enum plan_payer payer;
    uint64_t max_fee_share_ppm; /* of a due; 0 to PLAN_PPM; only when payees pay */
    struct amount minimum;      /* of every payment */
    size_t outputs_max;         /* of a chunk, its change included; 2 at least */
    struct plan_caps caps;
};

struct plan_input {
    const struct plan_due *dues;
    size_t due_count;
    const struct coin *coins; /* the free ones, each once; of any depth */
    size_t coin_count;
};

struct plan_recipient {
    struct miner_id miner;
    struct amount debit;    /* of the balance: all that was due */
    struct amount fee_part; /* 0 when the pool pays */
    struct amount paid;     /* debit - fee_part, the value of the output */
    struct address to;
};

struct plan_chunk {
    struct plan_recipient *recipients; /* by miner id */
    size_t recipient_count;
    struct coin
        *coins; /* as the inputs: txid as displayed, vout. The first: the anchor */
    size_t coin_count;
    struct amount debit, paid;
    struct amount fee, payees_fee; /* all of it; what recipients pay of it */
    bool has_change;
    struct amount change; /* 0 without */
    size_t vsize;         /* bound of the signed transaction */
    bool is_over_cap;     /* of one payout */
};

struct plan_wait {
    struct miner_id miner;
    struct amount amount;
    enum plan_reason reason;
    const char *note; /* of the due; borrowed */
};

struct plan {
    struct plan_chunk *chunks;
    size_t chunk_count;
    struct plan_wait *waits; /* by miner id */
    size_t wait_count;
    struct feerate rate;
    struct amount debit, paid, fee, payees_fee; /* of all chunks */
    struct amount waiting;
    unsigned caps_exceeded; /* enum plan_cap, or'ed; 0: may go without a person */
};

struct plan_problem {
    struct miner_id miner; /* empty: it is the coins */
    const char *text;
};

KZ_MUST_USE enum kz_err plan_make(struct plan *plan, struct plan_problem *problem,
                                  const struct plan_input *in,
                                  const struct plan_terms *terms);
void plan_clear(struct plan *plan);

/* Where change stands among the outputs, from a random number. To be recorded: every
 * later version has it in the same place. 0 without change. */
size_t plan_change_position(const struct plan_chunk *chunk, uint64_t random);

/* The unsigned transaction: recipients by miner id, change at `change_at`, replaceable.
 * `change_script` is not looked at without change. `t` is cleared by the caller. */
void plan_build_tx(struct tx *t, const struct plan_chunk *chunk,
                   struct bytes change_script, size_t change_at, uint32_t locktime);

#endif
