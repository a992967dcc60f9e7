/* pool/pay/recover.h - payouts read from the chain, when a backup is all that is left.
 *
 * For an operator who has restored a backup: before anything else is paid. Each step is
 * an ordinary one, so it may be begun again after a crash.
 *
 * Errors  KZ_EMPTY: nothing was spent that the ledger does not know. KZ_RANGE: something
 *         that a person has to look at; what came before it is booked.
 * Thread  one. */
#ifndef POOL_PAY_RECOVER_H
#define POOL_PAY_RECOVER_H

#include "pool/pay/run.h"

/* `*count` payouts were found and reserved. */
KZ_MUST_USE enum kz_err recover_run(struct payer *p, size_t *count);

#endif
