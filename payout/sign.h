/* payout/sign.h - signatures: ECDSA (BIP66, low S, low R) and Schnorr (BIP340).
 *
 * Signing is deterministic where it can be: ECDSA by RFC 6979, ground until R's top bit
 * is clear with a counter as extra entropy (the reference node's rule), so that signing
 * again gives the same bytes; BIP340 takes 32 bytes of aux from the caller, fresh ones
 * outside tests. libsecp256k1 does all curve arithmetic.
 *
 * Private keys come as 32 borrowed bytes, which the caller keeps in locked memory
 * (conf/locked.h) and wipes; nothing here keeps a copy.
 *
 * Ownership  a sign_context is made once and shared; sign_context_free() accepts NULL.
 *            It is blinded with random bytes when made (side channels).
 * Errors     KZ_RANGE: no private key (zero, or not below the order), no point of the
 *            curve. Verifying answers a bool.
 * Thread     any; a context is not changed once made. No I/O but random bytes. */
#ifndef PAYOUT_SIGN_H
#define PAYOUT_SIGN_H

#include "payout/script.h"
#include "share/hash256.h"

#define PRIVATE_KEY_SIZE 32
#define SCHNORR_SIZE     64
#define ECDSA_DER_MAX    72 /* without the hash type's byte; ours have 70 or 71 */
#define RECOVERABLE_SIZE 65 /* header, R, S: as signed messages carry it */

struct sign_context;
struct sign_context *sign_context_new(void);
void sign_context_free(struct sign_context *c);

KZ_MUST_USE enum kz_err sign_public_key(uint8_t out[PUBKEY_SIZE],
                                        const struct sign_context *c,
                                        const uint8_t key[PRIVATE_KEY_SIZE]);

/* Low R, low S. `out` has ECDSA_DER_MAX bytes. */
KZ_MUST_USE enum kz_err sign_ecdsa(uint8_t *out, size_t *len,
                                   const struct sign_context *c,
                                   const struct hash256 *digest,
                                   const uint8_t key[PRIVATE_KEY_SIZE]);
/* Strict DER (BIP66), low S (BIP146); `pubkey` of 33 or 65 bytes. */
bool sign_ecdsa_verify(const struct sign_context *c, struct bytes der,
                       const struct hash256 *digest, struct bytes pubkey);

KZ_MUST_USE enum kz_err sign_schnorr(uint8_t out[SCHNORR_SIZE],
                                     const struct sign_context *c,
                                     const struct hash256 *digest,
                                     const uint8_t key[PRIVATE_KEY_SIZE],
                                     const uint8_t aux[32]);
bool sign_schnorr_verify(const struct sign_context *c,
                         const uint8_t signature[SCHNORR_SIZE],
                         const struct hash256 *digest, const uint8_t xonly[XONLY_SIZE]);

/* BIP341 key path: the output key is the internal key plus H_TapTweak(internal key and,
 * where there is a script tree, its root). `root` may be NULL (BIP86). */
KZ_MUST_USE enum kz_err sign_taproot_output_key(uint8_t out[XONLY_SIZE],
                                                const struct sign_context *c,
                                                const uint8_t internal[XONLY_SIZE],
                                                const struct hash256 *root);
/* The private key of that output key. */
KZ_MUST_USE enum kz_err sign_taproot_private_key(uint8_t out[PRIVATE_KEY_SIZE],
                                                 const struct sign_context *c,
                                                 const uint8_t key[PRIVATE_KEY_SIZE],
                                                 const struct hash256 *root);

/* The public key that made a compact recoverable signature (R, S; `recid` 0 to 3);
 * `out` has 65 bytes, `*len` becomes 33 or 65. KZ_RANGE: there is none. */
KZ_MUST_USE enum kz_err sign_recover(uint8_t *out, size_t *len,
                                     const struct sign_context *c,
                                     const uint8_t compact[64], int recid,
                                     bool compressed, const struct hash256 *digest);

#endif
