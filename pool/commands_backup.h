/* pool/commands_backup.h - backup_make on the control socket. `ctx` is struct pool.
 * Thread: control. */
#ifndef POOL_COMMANDS_BACKUP_H
#define POOL_COMMANDS_BACKUP_H

#include "pool/control.h"

/* dir (absolute; left out: backup.dir), with_master_key. */
control_handler commands_backup_make;

#endif
