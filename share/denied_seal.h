/* share/denied_seal.h - the details of refused logins, sealed under the key of their day.
 *
 * The event stream is never cut, so what may be told for a time only is in it as something
 * that a destroyed key makes unreadable for good (share/refusal_keys.h). The body of
 * EVENT_DENIED is
 *
 *   day u32        since 1970, UTC: whose key it is, and of which all its rows are
 *   key's id       8 bytes
 *   nonce, tag     of AES-256-GCM over what follows, with day and id authenticated
 *   the rest       a body of share/denied.h, sealed whole, its run too
 *
 * The id tells a key that is another's, or was made anew when the first was gone, from a
 * damaged event: rows under a key that nobody has any more are no error, they are gone.
 *
 * Nonces are 12 random bytes: a day has some ten thousand events at most, and random ones
 * are safe for billions under one key, also across restarts.
 *
 * Thread  any. Pure: no I/O, lock or clock. Source: registry spec section 4, retention. */
#ifndef SHARE_DENIED_SEAL_H
#define SHARE_DENIED_SEAL_H

#include "share/denied.h"
#include "share/gcm.h"

#define DENIED_SEAL_ID_SIZE 8
#define DENIED_SEAL_MAX                                                                \
    (4 + DENIED_SEAL_ID_SIZE + GCM_NONCE_SIZE + GCM_TAG_SIZE + DENIED_EVENT_MAX)

struct denied_seal_key {
    int64_t day;                     /* since 1970, UTC; 0 to UINT32_MAX */
    uint8_t id[DENIED_SEAL_ID_SIZE]; /* the first bytes of the SHA-256 of `key` */
    uint8_t key[GCM_KEY_SIZE];
};

void denied_seal_set_id(struct denied_seal_key *k);

/* `body` is of denied_event_write(); its rows are all of the key's day. KZ_IO: OpenSSL
 * failed. */
KZ_MUST_USE enum kz_err denied_seal_write(uint8_t out[DENIED_SEAL_MAX], size_t *len,
                                          const struct denied_seal_key *k,
                                          const uint8_t nonce[GCM_NONCE_SIZE],
                                          struct bytes body);

/* What can be read without the key; borrowed from the event. */
struct denied_seal {
    int64_t day;
    struct bytes open_text; /* day and id */
    const uint8_t *id, *nonce, *tag;
    struct bytes sealed;
};

/* KZ_PARSE: not such an event. */
KZ_MUST_USE enum kz_err denied_seal_read(struct denied_seal *out, struct bytes event);
bool denied_seal_is_under(const struct denied_seal *s, const struct denied_seal_key *k);

/* `k` is the one that it is under. KZ_RANGE: it does not open, or has rows of another day.
 * KZ_PARSE: what was sealed is no such body. KZ_IO: OpenSSL failed. */
KZ_MUST_USE enum kz_err denied_seal_open(struct denied_row rows[DENIED_EVENT_ROWS],
                                         size_t *count, uint64_t *run,
                                         const struct denied_seal *s,
                                         const struct denied_seal_key *k);

#endif
