/* payout/coinbase.h - who a job's coinbase pays.
 *
 * A snapshot, frozen when the job is made, goes in; the list of outputs comes out. The
 * split belongs to the job whose hash wins, so whatever is paid later is computed from
 * the same snapshot. At present the pool's own output takes all; payees in the coinbase
 * (accounting section 5) are further fields of the snapshot and further outputs, in
 * front of the pool's.
 *
 * Ownership  outputs borrow their scripts from the snapshot.
 * Thread     any. Pure. */
#ifndef PAYOUT_COINBASE_H
#define PAYOUT_COINBASE_H

#include "payout/address.h"
#include "payout/amount.h"
#include "share/job.h"

struct coinbase_snapshot {
    struct amount value; /* the template's coinbasevalue */
    struct address pool; /* takes what is left */
};

#define COINBASE_OUTPUTS_MAX 1

/* KZ_OK: outputs[0 .. *count) sum to snapshot->value. KZ_RANGE: more than `max` (at
 * least 1), or the value is negative. */
KZ_MUST_USE enum kz_err coinbase_outputs(struct job_output *outputs, size_t max,
                                         size_t *count,
                                         const struct coinbase_snapshot *snapshot);

/* What a block of `height` creates, without transaction fees. */
struct amount coinbase_subsidy(uint32_t height, const struct network *network);

#endif
