/* share/seen.h - the shares of one job that were judged already.
 *
 * A share is known by its hash: extranonces, ntime, nonce and version all go into it,
 * so two normalised submits are equal exactly when their hashes are. 8 bytes of the
 * hash (the low, evenly spread ones) are the key.
 *
 * The set is dropped with its job and holds at most `limit` keys; at the limit
 * seen_add() answers KZ_BUSY and the share is refused as overloaded, never unchecked.
 * Memory: 8 bytes a slot, three slots a key at most (16 slots when empty); doubles when
 * three quarters are taken.
 * Thread: its owner. Pure. */
#ifndef SHARE_SEEN_H
#define SHARE_SEEN_H

#include "share/hash256.h"

struct seen;

struct seen *seen_new(size_t limit);
void seen_free(struct seen *s);

/* KZ_OK: new, now remembered. KZ_RANGE: was there. KZ_BUSY: full, nothing changed. */
KZ_MUST_USE enum kz_err seen_add(struct seen *s, const struct hash256 *h);
size_t seen_count(const struct seen *s);

#endif
