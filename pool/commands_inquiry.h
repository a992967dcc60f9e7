/* pool/commands_inquiry.h - commands that are long questions: each is handed to the
 * inquiry thread and answered when it is. `ctx` is struct pool. Thread: control. */
#ifndef POOL_COMMANDS_INQUIRY_H
#define POOL_COMMANDS_INQUIRY_H

#include "pool/control.h"

control_handler commands_balance, commands_statement, commands_ledger_verify,
    commands_block_explain, commands_payout_list, commands_payout_show;

#endif
