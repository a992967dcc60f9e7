/* pool/unpaid.h - what is payable to miners and not paid, by how long it has been so.
 *
 * Fed with the ledger's entries in their order (pool/ledger_read.h). What leaves takes from
 * the oldest credits first (payout/lots.h); what lies in open payouts, or waits for a
 * block's maturity, is not in it.
 *
 * Units      days of 24 hours; satoshi.
 * Ownership  unpaid_free() accepts NULL.
 * Thread     one at a time. Pure. */
#ifndef POOL_UNPAID_H
#define POOL_UNPAID_H

#include "pool/ledger_read.h"

#define UNPAID_NO_END (INT64_MAX / 86400000)

struct unpaid;

struct unpaid *unpaid_new(void);
void unpaid_free(struct unpaid *u);

void unpaid_take(struct unpaid *u, const struct entry *e,
                 const struct ledger_changes *changes);

/* sums[k]: what is at most days[k] old, and older than days[k - 1]; days[count - 1] is
 * UNPAID_NO_END. KZ_RANGE: a sum outside the range of money. */
KZ_MUST_USE enum kz_err unpaid_by_age(struct amount *sums, const int64_t *days,
                                      size_t count, const struct unpaid *u,
                                      int64_t now_ms);

#endif
