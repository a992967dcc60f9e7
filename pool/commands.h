/* pool/commands.h - what the control socket answers: one row a command, each a function
 * that reads its arguments, asks the parts and replies. `ctx` is struct pool.
 * Thread: control. */
#ifndef POOL_COMMANDS_H
#define POOL_COMMANDS_H

#include "pool/control.h"

extern const struct control_command commands_table[];

#endif
