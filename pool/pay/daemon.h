/* pool/pay/daemon.h - kariz-payout as a daemon: follows payouts all the time, and pays when
 * the settings say so.
 *
 * One turn every few seconds: the lease, what a crash left, every open payout one step
 * on; then a run if the clock or the height asks for one. When it last ran is kept in
 * Redis (fence:{ledger}, by ledger events), so a restart does not pay twice a day what
 * was not due twice. A run that waits (fees, caps, another payer) is tried again later.
 *
 * Returns when TERM or INT comes. Thread: one. */
#ifndef POOL_PAY_DAEMON_H
#define POOL_PAY_DAEMON_H

#include "pool/pay/run.h"

/* Before any thread is started: the signals that stop it are then read, not caught. */
KZ_MUST_USE enum kz_err daemon_block_signals(struct payer *p);
KZ_MUST_USE enum kz_err daemon_run(struct payer *p,
                                   const struct passphrase_source *passphrase);

#endif
