/* pool/report/package_look.h - what a package says of itself, without reading its files.
 *
 * For lists, and for a package that follows, corrects or calls off another one: then its
 * manifest's hash is what counts. Whether its files are as the manifest says,
 * package_verify() finds out.
 *
 * Ownership  package_look_clear() frees.
 * Errors     KZ_IO: no manifest there, or it cannot be read. KZ_PARSE: it is none. `why`.
 * Thread     any; reads files. */
#ifndef POOL_REPORT_PACKAGE_LOOK_H
#define POOL_REPORT_PACKAGE_LOOK_H

#include "pool/report/package.h"

struct package_look {
    struct manifest *manifest;
    struct hash256 hash;
    bool is_signed; /* by the key that it names itself */
};

KZ_MUST_USE enum kz_err package_look(struct package_look *out,
                                     char why[PACKAGE_WHY_SIZE], const char *dir,
                                     const struct sign_context *c);
void package_look_clear(struct package_look *l);

/* The hash of the package in that directory that was made last and is signed: what the next
 * one's `previous` holds, so that one that is left out is missed. False: there is none. */
bool package_look_newest(struct hash256 *hash, const char *dir,
                         const struct sign_context *c);

#endif
