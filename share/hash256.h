/* share/hash256.h - a SHA-256d hash, its three spellings, and the hashing itself.
 *
 * Internal order is how SHA-256 wrote the bytes and how headers carry them; display
 * order (people, RPC, logs) is reversed. The genesis block: internal 6fe28c0a...,
 * display 000000000019d668... Order changes only in the functions named for it.
 *
 * SHA-256 is OpenSSL's. Its one-shot calls look the algorithm up each time and cost
 * four times a reused state, so states are plain structs here, copied by assignment:
 * a job keeps the state behind its coinbase's first blocks (the midstate) and each
 * share starts from a copy of it.
 *
 * Pure: no I/O, lock, clock or allocation; any thread. */
#ifndef SHARE_HASH256_H
#define SHARE_HASH256_H

#include "share/bytes.h"

/* The low-level calls are marked deprecated in OpenSSL 3; they are the only ones whose
 * state can be copied without an allocation. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

struct hash256 {
    uint8_t b[32];
};

#define HASH256_HEX_SIZE 65

struct sha256_state {
    SHA256_CTX ctx;
};

void sha256_begin(struct sha256_state *s);
void sha256_add(struct sha256_state *s, const void *p, size_t len);
/* SHA-256 of SHA-256 of what was added. `s` is used up. */
void sha256_end_double(struct hash256 *out, struct sha256_state *s);

void hash256_double(struct hash256 *out, const void *p, size_t len); /* SHA-256d  */
void hash256_single(struct hash256 *out, const void *p, size_t len); /* SHA-256   */
void hash256_pair(struct hash256 *out, const struct hash256 *left,
                  const struct hash256 *right); /* SHA-256d of both: a merkle node */

bool hash256_equal(const struct hash256 *a, const struct hash256 *b);
bool hash256_is_zero(const struct hash256 *h);

void hash256_format_display(char out[HASH256_HEX_SIZE], const struct hash256 *h);
KZ_MUST_USE enum kz_err hash256_parse_display(struct hash256 *h, const char *text,
                                              size_t len);
/* mining.notify's prevhash: the bytes of each 4-byte word swapped. */
void hash256_format_stratum(char out[HASH256_HEX_SIZE], const struct hash256 *h);
KZ_MUST_USE enum kz_err hash256_parse_stratum(struct hash256 *h, const char *text,
                                              size_t len);

#endif
