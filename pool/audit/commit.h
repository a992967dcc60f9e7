/* pool/audit/commit.h - a personal value in the open record, without being told.
 *
 * The record and the audit chain hold H = tagged hash "Kariz/commit/1" of salt || value,
 * where the value is in canonical form and the salt is 32 random bytes of its own. Who
 * has both can show that this was the value; who has the hash alone learns nothing, not
 * even by trying all birth dates, as the salt cannot be tried. When the salt is destroyed
 * with the vault's key, the hash stays and says nothing any more.
 *
 * H does not say whose and which field it is: its place in the record does, and the record
 * is hashed as a whole.
 *
 * Errors  KZ_RANGE: the value has no canonical form (pool/canon.h).
 * Thread  any. Pure: no I/O, lock or clock; salts are made by pool/audit/vault.h. Source:
 *         registry spec section 4, audit chain. */
#ifndef POOL_COMMIT_H
#define POOL_COMMIT_H

#include "share/hash256.h"

#include <jansson.h>

#define COMMIT_SALT_SIZE 32
#define COMMIT_TAG       "Kariz/commit/1"

KZ_MUST_USE enum kz_err commit_make(struct hash256 *out,
                                    const uint8_t salt[COMMIT_SALT_SIZE],
                                    const json_t *value);

/* Takes as long whatever differs. */
bool commit_opens(const struct hash256 *commitment,
                  const uint8_t salt[COMMIT_SALT_SIZE], const json_t *value);

#endif
