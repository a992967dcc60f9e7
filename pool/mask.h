/* pool/mask.h - what of a refused login may be kept, and in which form.
 *
 * Whoever connects may send anything as a login, a password too. In clear stays the id of a
 * miner in the registry (also where it logged in by an address of its) and an address of
 * this network; of anything else the HMAC-SHA-256 of what stands before the worker, under a
 * salt of this data directory. So a regulator sees that it is the same login again, and
 * nobody who has the report can try names against it. Of the peer's address the /24 or /48
 * stays; to count different sources it is hashed under a key of this start, which is kept
 * nowhere. Listener and software become printable ASCII, cut.
 *
 * The salt is `data_dir/login.salt`, 32 random bytes, mode 0600, made at the first start. It is
 * no part of a backup: whoever had both could try names. Another data directory has another
 * salt, so hashes of two daemons, or of before and after a restore, cannot be compared.
 *
 * Errors  KZ_IO, KZ_RANGE: the salt cannot be made or is not taken; logged.
 * Thread  open and close: control. The others: any, on one mask at once.
 * Source: registry spec section 4, R7. */
#ifndef POOL_MASK_H
#define POOL_MASK_H

#include "share/denied.h"
#include "share/network.h"
#include "stratum/server.h"

#define MASK_SALT_FILE "login.salt"

struct mask;

KZ_MUST_USE enum kz_err mask_open(struct mask **out, const char *data_dir,
                                  const struct network *network);
void mask_close(struct mask *m); /* wipes; NULL accepted */

void mask_refusal(struct denied_key *key, const struct mask *m,
                  const struct login_refusal *r);
uint64_t mask_source(const struct mask *m, const struct netaddr *peer);

#endif
