/* share/ids.h - who is credited, as values that cannot change places in a call.
 *
 * A miner is registered and paid; its id is [a-z0-9-]{3,32}, never reused, and its
 * number is the registration's counter, never reused either. A worker is one named rig
 * of a miner: up to 64 printable ASCII characters, the rest of the login after its
 * first dot (DESIGN section 5). Pure; any thread. */
#ifndef SHARE_IDS_H
#define SHARE_IDS_H

#include "conf/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MINER_ID_MAX    32
#define WORKER_NAME_MAX 64

struct miner_id {
    char text[MINER_ID_MAX + 1];
};

struct worker_name {
    char text[WORKER_NAME_MAX + 1];
};

KZ_MUST_USE enum kz_err miner_id_parse(struct miner_id *id, const char *text,
                                       size_t len);
bool miner_id_equal(const struct miner_id *a, const struct miner_id *b);

/* Bytes outside printable ASCII become '?', what is too long is cut, an empty name
 * becomes "default": a worker's name is a label and never a reason to refuse work. */
void worker_name_set(struct worker_name *name, const char *text, size_t len);

#endif
