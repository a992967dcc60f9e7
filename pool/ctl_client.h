/* pool/ctl_client.h - karizctl's side of the control socket: one request, one answer.
 *
 * Blocks, with a time limit: it belongs to a command line, not to the daemon. */
#ifndef POOL_CTL_CLIENT_H
#define POOL_CTL_CLIENT_H

#include "conf/err.h"

#include <jansson.h>

#define CTL_WHY_SIZE        600
#define CTL_PATIENCE_S      30
#define CTL_LONG_PATIENCE_S 7200 /* for what reads all of the ledger */

/* KZ_IO: the daemon cannot be reached or did not answer; KZ_RANGE: it refused. Both fill
 * `why`. Takes `arguments` (may be NULL). *result is the caller's. An answer is waited for
 * `patience_s`. */
KZ_MUST_USE enum kz_err ctl_call(json_t **result, char why[CTL_WHY_SIZE],
                                 const char *socket_path, const char *command,
                                 json_t *arguments, int patience_s);

#endif
