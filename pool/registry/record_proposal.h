/* pool/registry/record_proposal.h - what one person proposes and another one confirms.
 *
 * A record has at most one open proposal: `proposal` {what, from, to, of, address, by, role,
 * at, expires, reason, basis}, members only where `what` needs them. Whether it may be
 * done is checked when it is proposed and again when it is confirmed, by somebody with
 * another name than `by`; the change then carries the proposal's reason and basis, and
 * both names. After RECORD_PROPOSAL_DAYS it can no more be confirmed, and a new one takes
 * its place. One to make a miner active is for the record as it was (`of`, a hash of it):
 * what was changed since, the first person has not seen.
 *
 *   state        an arrow of pool/registry/record_state.h that needs two officers
 *   unfreeze     two officers
 *   release      of what a revoked miner had earned: two officers; the reason says whether
 *                it goes to the miner (release_to_owner) or where an order says
 *                (release_to_order, which needs the order in the basis). `release`
 *                {to, at, by, second, basis} is then in the record
 *   address_add, address_end
 *                proposed by the applicant, an operator or an officer, confirmed by an
 *                operator or an officer. The waiting time of
 *                pool/registry/registry_address.h begins with the confirmation
 *   erase        of what the vault has, two officers: of a draft, or of a record at its end,
 *                when the profile's retention_years have passed since (retention_over), or
 *                on a written request whose number is in the basis (erasure_requested).
 *                `erased` {at, by, second, reason} is then in the record; the commitments
 *                stay, and say nothing any more
 *
 * Ownership, errors, thread: pool/registry/record_act.h. Source: registry spec section 3,
 * "four eyes". */
#ifndef POOL_RECORD_PROPOSAL_H
#define POOL_RECORD_PROPOSAL_H

#include "pool/registry/record_state.h"

#define RECORD_PROPOSAL_DAYS 7

enum record_proposed {
    RECORD_PROPOSE_STATE,
    RECORD_PROPOSE_UNFREEZE,
    RECORD_PROPOSE_RELEASE,
    RECORD_PROPOSE_ADDRESS_ADD,
    RECORD_PROPOSE_ADDRESS_END,
    RECORD_PROPOSE_ERASE,
    RECORD_PROPOSED
};

struct record_proposal {
    enum record_proposed what;
    enum miner_state to; /* of _STATE */
    const char *address; /* of _ADDRESS_* */
};

/* "state", "unfreeze", ... */
const char *record_proposed_name(enum record_proposed what);

/* What the record's proposal is for, borrowed of it; NULL: none is open (any more). */
const char *record_open_proposal(const json_t *record, int64_t now_ms);

KZ_MUST_USE enum kz_err record_propose(json_t **out, struct record_happened *happened,
                                       char why[RECORD_WHY_SIZE], const json_t *record,
                                       const struct record_proposal *p,
                                       const struct record_act *act);

/* Of `act` by, role, profile, conf and now_ms. */
KZ_MUST_USE enum kz_err record_confirm(json_t **out, struct record_happened *happened,
                                       char why[RECORD_WHY_SIZE], const json_t *record,
                                       const struct record_act *act);

/* By who proposed it, or by any officer; also a damaged one, and one that has expired. Of
 * `act` by, role and now_ms. */
KZ_MUST_USE enum kz_err record_withdraw(json_t **out, struct record_happened *happened,
                                        char why[RECORD_WHY_SIZE], const json_t *record,
                                        const struct record_act *act);

#endif
