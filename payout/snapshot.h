/* payout/snapshot.h - who would be paid by a block, frozen.
 *
 * What the accounts say at one moment, before any template is known: the work that
 * counts, the fees, and for each miner who may be paid by a coinbase the address, carry,
 * threshold and hold. Entitlements are computed from it for the value of a template
 * (payout/coinbase.h). It also lists the pool's own blocks that were accounted for when
 * it was made: carry may be paid by a job only if every own block below that job is
 * among them. Accounting section 5.
 *
 * The scheme's finder is not in it, since a job is made before it is found: under SOLO
 * nobody can be paid by a coinbase.
 *
 * Ownership  immutable and counted: snapshot_ref/unref, NULL accepted. What is given to
 *            snapshot_new() is copied.
 * Thread     any. Pure. */
#ifndef PAYOUT_SNAPSHOT_H
#define PAYOUT_SNAPSHOT_H

#include "payout/direct.h"
#include "share/hash256.h"

struct snapshot_payee {
    struct miner_id miner;
    struct address address; /* script_len 0: none that may be paid now */
    struct amount carry;    /* `mature` of a miner in direct mode, else 0 */
    struct amount minimum;  /* own threshold, or 0 */
    enum direct_hold hold;
};

struct snapshot_fields {
    uint64_t id; /* > 0; 0 says "none" wherever an id is kept */
    enum scheme scheme;
    const struct works *counted; /* of a block found now */
    const struct scheme_fees *fees;
    /* By miner id ascending, one each. Who has work and is not among them has no
     * address and no carry. */
    const struct snapshot_payee *payees;
    size_t payee_count;
    const struct hash256 *accounted; /* own blocks, in any order */
    size_t accounted_count;
};

struct snapshot {
    uint64_t id;
    enum scheme scheme;
    struct works counted;
    struct scheme_fees fees; /* its list is owned as well */
    struct snapshot_payee *payees;
    size_t payee_count;
    struct hash256 *accounted; /* ascending by bytes */
    size_t accounted_count;
};

/* KZ_RANGE: an id of 0, payees or fees out of order, a rate above 1000000, an amount
 * below 0; *out untouched. */
KZ_MUST_USE enum kz_err snapshot_new(const struct snapshot **out,
                                     const struct snapshot_fields *fields);
const struct snapshot *snapshot_ref(const struct snapshot *s);
void snapshot_unref(const struct snapshot *s);

bool snapshot_has_accounted(const struct snapshot *s, const struct hash256 *block);

#endif
