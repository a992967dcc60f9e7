/* conf/private_file.h - small files that nobody but their owner may read or write.
 *
 * Such a file is regular, the process's own user's or root's, and closed to group and
 * others. It is made with mode 0600, and is there after a power cut once it was made: the
 * file is synced, and so is its folder.
 *
 * Errors  `why` gets the end of a sentence ("is another user's: ..."), before which the
 *         caller says which file. KZ_EMPTY: no such file. KZ_RANGE: one that we do not
 *         take, or (create) one that exists. KZ_IO: the system said no. Outputs are
 *         untouched unless KZ_OK.
 * Thread  any; does file I/O. */
#ifndef CONF_PRIVATE_FILE_H
#define CONF_PRIVATE_FILE_H

#include "conf/err.h"

#include <stddef.h>

#define PRIVATE_FILE_WHY_SIZE 192

struct private_file {
    int dir;          /* a folder's descriptor, or AT_FDCWD */
    const char *name; /* the path from there */
};

/* The whole of it; `out` has `max` bytes. */
KZ_MUST_USE enum kz_err private_file_read(void *out, size_t *len,
                                          char why[PRIVATE_FILE_WHY_SIZE],
                                          const struct private_file *f, size_t max);

/* A new file; what was written of it is removed unless KZ_OK. */
KZ_MUST_USE enum kz_err private_file_create(const struct private_file *f,
                                            char why[PRIVATE_FILE_WHY_SIZE],
                                            const void *p, size_t len);

/* Writes zeros over an open file's content, in place. How much that destroys is the
 * disk's affair: flash memory and journaling or copying file systems keep old blocks. */
KZ_MUST_USE enum kz_err private_file_wipe(int fd, char why[PRIVATE_FILE_WHY_SIZE]);

/* Wipes it, removes it, and syncs both. KZ_OK where there is none, too. */
KZ_MUST_USE enum kz_err private_file_destroy(const struct private_file *f,
                                             char why[PRIVATE_FILE_WHY_SIZE]);

/* An open folder: its owner's alone to enter, read or write. */
KZ_MUST_USE enum kz_err private_folder_check(int fd, char why[PRIVATE_FILE_WHY_SIZE]);

/* So that names in the file's folder are there, or gone, after a power cut. */
KZ_MUST_USE enum kz_err private_file_sync_folder(const struct private_file *f,
                                                 char why[PRIVATE_FILE_WHY_SIZE]);

#endif
