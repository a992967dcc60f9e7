/* pool/report/package_verify.h - is a directory what its manifest says, and signed?
 *
 * No daemon, no network. In this order, and the first that is wrong is said, with the
 * name of the file and what differs:
 *
 *   manifest.json  canonical, and has every member in its form
 *   the key        is the one that was asked for
 *   manifest.sig   is a signature of manifest.json by that key
 *   the directory  has every file of the list and no other, no links, no folders
 *   each file      has its size and its SHA-256
 *   each report    has as many rows in JSON, CSV, XML and HTML as the manifest says, and
 *                  its JSON is canonical
 *
 * Ownership  *out is the caller's to manifest_free().
 * Errors     KZ_IO: cannot be read; KZ_PARSE, KZ_RANGE: is not what it should be. `why`.
 * Thread     any; does file I/O. Source: registry spec section 4. */
#ifndef POOL_REPORT_PACKAGE_VERIFY_H
#define POOL_REPORT_PACKAGE_VERIFY_H

#include "pool/report/manifest.h"
#include "pool/report/package.h"

/* `key` may be NULL: then whoever asks compares the manifest's own with the one on paper. */
KZ_MUST_USE enum kz_err package_verify(struct manifest **out,
                                       char why[PACKAGE_WHY_SIZE], const char *dir,
                                       const struct sign_context *c,
                                       const uint8_t *key);

#endif
