/* pool/commands_address.h - commands about a miner's payout addresses
 * (pool/registry/registry_address.h). `ctx` is struct pool. Thread: control. */
#ifndef POOL_COMMANDS_ADDRESS_H
#define POOL_COMMANDS_ADDRESS_H

#include "pool/control.h"

control_handler commands_address_add, commands_address_end, commands_address_challenge,
    commands_address_prove;

#endif
