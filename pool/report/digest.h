/* pool/report/digest.h - the SHA-256 of a file, and how many bytes it has.
 *
 * Read in pieces, so that no size is too large. Only regular files; a link is none.
 *
 * Errors  KZ_IO: cannot be opened or read, errno says why; KZ_RANGE: no regular file.
 * Thread  any; does file I/O. */
#ifndef POOL_REPORT_DIGEST_H
#define POOL_REPORT_DIGEST_H

#include "share/hash256.h"

KZ_MUST_USE enum kz_err digest_file(struct hash256 *sha256, uint64_t *bytes,
                                    const char *path);

#endif
