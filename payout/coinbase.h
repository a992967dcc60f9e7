/* payout/coinbase.h - who a job's coinbase pays, and what a block of that job books.
 *
 * Without a snapshot the pool's own output takes all. With one (payout/snapshot.h) the
 * miners' entitlements are computed once for a template's value, then cut to the room of
 * each firmware class in use: one coinbase a class, with the same e and c. Accounting
 * section 5.
 *
 * A coinbase that pays miners stays with its job until nobody can find a block of it
 * (share/job.h keeps it unseen; coinbase_of_job() gives it back). It keeps its inputs,
 * not the result: what the block books is computed again from them, to the satoshi the
 * same, only when there is a block.
 *
 * Ownership  a coinbase is owned by its job, or by who made it until there is one.
 * Errors     outputs untouched unless KZ_OK.
 * Thread     any; a coinbase is immutable. Pure. */
#ifndef PAYOUT_COINBASE_H
#define PAYOUT_COINBASE_H

#include "payout/postings.h"
#include "payout/snapshot.h"

#define COINBASE_DUST_RATE 3000 /* satoshi per 1000 bytes: every node's default */

/* All to the pool's output, also when that is nothing: a transaction must have one.
 * KZ_RANGE: a value below 0. The script is borrowed from `pool`. */
KZ_MUST_USE enum kz_err coinbase_to_pool(struct job_output *output, struct amount value,
                                         const struct address *pool);

/* What a block of `height` creates, without transaction fees. */
struct amount coinbase_subsidy(uint32_t height, const struct network *network);

/* What the snapshot may pay, see direct_mode_of(). */
enum direct_mode coinbase_mode(const struct snapshot *s, bool accounted, bool doubt);

/* Entitlements of one template under one snapshot: what all forms of a job share. */
struct coinbase_split;

/* `mode` not DIRECT_NOTHING. References `s`. KZ_EMPTY: no work counts. KZ_RANGE: the
 * value is below 0, or some miner's entitlement and carry pass all money. */
KZ_MUST_USE enum kz_err coinbase_split_new(struct coinbase_split **out,
                                           const struct snapshot *s,
                                           struct amount value, enum direct_mode mode);
void coinbase_split_free(struct coinbase_split *split); /* NULL accepted */

struct coinbase_terms {
    struct address pool; /* takes what is left */
    struct amount minimum;
    size_t outputs; /* payees at most; 0: as many as there is room for */
    size_t tag_len; /* of the job's tag */
};

struct coinbase;

/* The split cut to the room that `class` and the template leave; the split is scratch
 * for the time of the call. KZ_RANGE: the split's value is not the template's. */
KZ_MUST_USE enum kz_err coinbase_new(struct coinbase **out,
                                     struct coinbase_split *split,
                                     const struct template *t, enum direct_class class,
                                     const struct coinbase_terms *terms);
void coinbase_free(struct coinbase *c); /* NULL accepted */

/* For job_spec: the payees, largest debt first, then the pool if it gets something.
 * Borrowed from `c`. */
const struct job_output *coinbase_outputs(const struct coinbase *c, size_t *count);
/* Payees among them; 0: it pays nobody but the pool. */
size_t coinbase_payees(const struct coinbase *c);
bool coinbase_is_same(const struct coinbase *a, const struct coinbase *b);

const struct snapshot *coinbase_snapshot(const struct coinbase *c); /* borrowed */

/* Gives `c` to the job that is made from `spec`: it has the coinbase's outputs then, and
 * frees it in the end. On a failed job_new() it is still the caller's. */
void coinbase_put(struct job_spec *spec, const struct coinbase *c);
/* Borrowed from the job; NULL when it was made without a snapshot: all goes to the pool,
 * and what a block of it owes is for the scheme to say when the block is found. */
const struct coinbase *coinbase_of_job(const struct job *job);

/* What the ledger books for a block of it: nothing but what the coinbase says. */
struct coinbase_booking {
    uint64_t snapshot_id;
    enum scheme scheme;
    enum direct_mode mode;
    struct amount value;        /* R = pool_outputs + sum of direct */
    struct amount pool_outputs; /* 0: there is none */
    struct amount fee;          /* R = fee + own + sum of net */
    struct amount own;
    struct postings_part *parts; /* owned; by miner id ascending; net = e */
    size_t part_count;
};

void coinbase_book(struct coinbase_booking *b, const struct coinbase *c);
void coinbase_booking_clear(struct coinbase_booking *b);

#endif
