/* pool/ctl_ledger.h - balances, statements, proofs and splits as people read them: money
 * in bitcoin with 8 places. In CSV it is whole satoshis. On standard output. */
#ifndef POOL_CTL_LEDGER_H
#define POOL_CTL_LEDGER_H

#include "pool/ctl_show.h"

ctl_show_fn show_balance, show_statement, csv_statement, show_ledger_verify,
    show_block_explain;

#endif
