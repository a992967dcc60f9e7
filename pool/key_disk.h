/* pool/key_disk.h - files with keys in them: made once, closed to others.
 *
 * A file must be regular, the process's own user's or root's, and closed to group and
 * others. It is made with mode 0600, synced with its folder, and never written over.
 *
 * Errors  KZ_IO: the system said no. KZ_RANGE: a file that is not taken; there is one
 *         already. KZ_EMPTY: there is none. `problem` has a line for people.
 * Thread  any; does file I/O. */
#ifndef POOL_KEY_DISK_H
#define POOL_KEY_DISK_H

#include "pool/passphrase.h"

#define KEY_DISK_MAX 32768

KZ_MUST_USE enum kz_err key_disk_create(const char *path, struct key_problem *problem,
                                        const char *text);
/* *text is the caller's to mem_free(); not NUL-terminated. */
KZ_MUST_USE enum kz_err key_disk_read(char **text, size_t *len,
                                      struct key_problem *problem, const char *path);

#endif
