/* share/gcm.h - AES-256-GCM over bytes in memory, by OpenSSL.
 *
 * What is authenticated but not hidden (`open_text`) must be the same on opening, as must
 * key and nonce. A nonce is used once under a key: whoever seals makes a new one, random
 * ones are safe for billions of messages.
 *
 * Ownership  nothing is kept; OpenSSL wipes the key's schedule.
 * Errors     KZ_RANGE: on opening, something is not as it was sealed; `out` then holds
 *            nothing of use, and must be wiped as if it did. KZ_IO: OpenSSL failed.
 * Thread     any; no I/O. */
#ifndef SHARE_GCM_H
#define SHARE_GCM_H

#include "share/bytes.h"

#define GCM_KEY_SIZE   32
#define GCM_NONCE_SIZE 12
#define GCM_TAG_SIZE   16

struct gcm {
    const uint8_t *key;   /* GCM_KEY_SIZE, borrowed */
    const uint8_t *nonce; /* GCM_NONCE_SIZE, borrowed */
    struct bytes open_text;
};

/* `out` has `in.len` bytes. */
KZ_MUST_USE enum kz_err gcm_seal(uint8_t *out, uint8_t tag[GCM_TAG_SIZE],
                                 const struct gcm *g, struct bytes in);
KZ_MUST_USE enum kz_err gcm_open(uint8_t *out, const struct gcm *g, struct bytes in,
                                 const uint8_t tag[GCM_TAG_SIZE]);

#endif
