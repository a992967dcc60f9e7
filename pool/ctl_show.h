/* pool/ctl_show.h - the daemon's answers as people read them, on standard output.
 *
 * Text that miners chose (worker names, agents) is printed with everything outside
 * printable ASCII replaced: a terminal obeys control characters. */
#ifndef POOL_CTL_SHOW_H
#define POOL_CTL_SHOW_H

#include <jansson.h>

typedef void ctl_show_fn(const json_t *result);

ctl_show_fn show_status, show_miner, show_workers, show_blocks, show_nodes,
    show_note, show_challenge, show_application, show_vault;

#endif
