/* payout/direct.h - paying miners by outputs of the coinbase itself.
 *
 * Of a coinbase worth R each miner is entitled to e (the scheme's net part) and may be
 * owed carry c besides. Candidates go by e + c descending, lower id first. One becomes
 * an output of value e + c when it is not held or frozen, reaches its threshold, and
 * there is room in count, bytes, weight, sigops and in what is left of R; when only the
 * value is short, it is paid what is left, if that reaches the threshold. The rest of R
 * goes to the pool's output. Accounting section 5.
 *
 * A plan is a snapshot: the job that carries it names it, and the ledger books what that
 * coinbase says, nothing else. A job has a plan for each firmware class in use: the same
 * e and c, another cut.
 *
 * Units      bytes are of the coinbase without witness, as rigs hash it.
 * Ownership  payees are the caller's array, filled in place; the plan owns its list:
 *            direct_plan_clear(). Addresses are borrowed until the outputs are made.
 * Errors     on anything but KZ_OK payees and plan are untouched.
 * Thread     any. Pure. */
#ifndef PAYOUT_DIRECT_H
#define PAYOUT_DIRECT_H

#include "conf/conf.h"
#include "payout/address.h"
#include "payout/scheme.h"
#include "share/job.h"

#define DIRECT_MINIMUM_SAT 1048576 /* the pool's threshold unless it sets another */

/* How large a coinbase a rig's firmware takes. */
enum direct_class {
    DIRECT_SMALL,    /* unknown agents, rental markets, small rigs */
    DIRECT_ANTMINER, /* older stock firmware */
    DIRECT_S21,      /* Antminer S21, Braiins */
    DIRECT_LARGE,    /* Whatsminer, known open firmware */
    DIRECT_LARGEST,  /* by setting only */
    DIRECT_CLASSES
};

/* "small", "antminer", "s21", "large", "largest": as in settings. */
const char *direct_class_name(enum direct_class class);
/* Of a setting that names a class: not CONF_FORM_AUTO. */
enum direct_class direct_class_of_form(enum conf_form form);
/* By the start of what mining.subscribe says, in either case; SMALL when not known. */
enum direct_class direct_class_of_agent(const char *agent);

/* The room that the class, the block and the settings leave to the coinbase. */
struct direct_room {
    size_t outputs;        /* payees at most; without limit unless set */
    size_t payee_bytes;    /* of their outputs together; without limit unless set */
    size_t coinbase_bytes; /* whole */
    size_t part_bytes;     /* behind the extranonces: coinb2 */
    uint64_t weight;       /* whole, with witness */
    uint64_t sigops;
    size_t script_len; /* coinbase script */
    size_t tail_len;   /* of it behind the extranonces: the tag */
    bool has_commitment;
};

/* From the template's own sums; `tag_len` as job_new() will have it. */
void direct_room_init(struct direct_room *room, const struct template *t,
                      enum direct_class class, size_t tag_len);

/* What a snapshot may pay. It must have accounted for every own block on the chain up to
 * the block the job builds on; else carry already spent there would be paid twice. */
enum direct_mode {
    DIRECT_FULL,     /* entitlements and carry */
    DIRECT_NO_CARRY, /* entitlements only, of the last good split */
    DIRECT_NOTHING,  /* all to the pool's output */
};

/* `accounted`: as above. `doubt`: anything else that is not known for certain. */
enum direct_mode direct_mode_of(enum scheme scheme, bool accounted, bool doubt);

enum direct_hold {
    DIRECT_OPEN,
    DIRECT_HELD,   /* credits go to `held` */
    DIRECT_FROZEN, /* credits stay in `mature`, nothing is paid */
};

enum direct_outcome {
    DIRECT_PAID,
    DIRECT_IS_HELD,
    DIRECT_IS_FROZEN,
    DIRECT_NO_ADDRESS,
    DIRECT_BELOW_THRESHOLD,
    DIRECT_OUTPUT_LIMIT,
    DIRECT_BYTE_LIMIT,
    DIRECT_WEIGHT_LIMIT,
    DIRECT_SIGOP_LIMIT,
    DIRECT_VALUE_EXHAUSTED,
    DIRECT_NOT_NOW, /* the mode pays nobody */
};

/* "paid", "held", "below_threshold", ... */
const char *direct_outcome_text(enum direct_outcome outcome);

struct direct_payee {
    /* Frozen inputs. */
    struct miner_id miner;
    const struct address *address; /* NULL: none that may be paid now */
    struct amount entitlement;     /* e */
    struct amount carry;           /* c: `mature` of a miner in direct mode, else 0 */
    struct amount minimum;         /* own threshold, or 0 */
    enum direct_hold hold;
    /* Filled. paid + carry_after + held_after = e + c. */
    enum direct_outcome outcome;
    struct amount paid;
    struct amount carry_after;
    struct amount held_after; /* what of e + c lies in `held` from now on */
};

struct direct_terms {
    struct amount value;        /* R */
    struct amount minimum;      /* the pool's threshold */
    const struct address *pool; /* borrowed */
    uint64_t dust_rate;         /* satoshi per 1000 bytes: the node's */
    enum direct_mode mode;
    struct direct_room room;
};

struct direct_plan {
    size_t *paid; /* indexes of payees, in the order of the outputs */
    size_t paid_count;
    struct amount pool; /* what is left of R; 0: no pool output */
};

/* KZ_RANGE: an amount below 0, or entitlements above the value. */
KZ_MUST_USE enum kz_err direct_plan(struct direct_plan *plan,
                                    struct direct_payee *payees, size_t count,
                                    const struct direct_terms *terms);
void direct_plan_clear(struct direct_plan *plan);

/* For job_spec: the payees, then the pool if it gets something (or nobody else does: a
 * transaction must have an output). Scripts are borrowed from the addresses. KZ_RANGE:
 * more than `max`; paid_count + 1 always suffice. */
KZ_MUST_USE enum kz_err direct_outputs(struct job_output *outputs, size_t max,
                                       size_t *count, const struct direct_plan *plan,
                                       const struct direct_payee *payees,
                                       const struct address *pool);

/* Below it an output costs more to spend than it holds. */
struct amount direct_dust(const struct address *address, uint64_t rate);

#endif
