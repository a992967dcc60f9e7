/* conf/locked.h - memory for secrets: never swapped, never dumped, wiped when done.
 *
 * Whole pages of its own, locked into memory (mlock), left out of core dumps, and zeros
 * in a child after fork(). Small: a limit of a few pages (RLIMIT_MEMLOCK, 64 KiB and
 * more by default) is enough for what the pool keeps so.
 *
 * Ownership  locked_new() allocates; locked_free() wipes and releases, accepts NULL.
 * Errors     KZ_IO: the system refused; logged here, with what to raise.
 * Thread     any. */
#ifndef CONF_LOCKED_H
#define CONF_LOCKED_H

#include "conf/err.h"

#include <stddef.h>

#define LOCKED_MAX ((size_t)1 << 20)

struct locked;

/* Zeroed. `size` of 1 to LOCKED_MAX. */
KZ_MUST_USE enum kz_err locked_new(struct locked **out, size_t size);
void locked_free(struct locked *l);

void *locked_data(struct locked *l);
const void *locked_bytes(const struct locked *l);
size_t locked_size(const struct locked *l); /* as asked for */

#endif
