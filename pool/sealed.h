/* pool/sealed.h - a secret encrypted by a passphrase, for files that keep keys.
 *
 * AES-256-GCM under a key that scrypt makes of the passphrase. A header, the text of all
 * that is readable beside the secret, is authenticated with it: after opening none of it
 * can have been changed. As JSON members:
 *
 *   "kdf":"scrypt","n":131072,"r":8,"p":1,"salt":"<64 hex>","cipher":"aes-256-gcm",
 *   "nonce":"<24 hex>","ciphertext":"<hex>","tag":"<32 hex>"
 *
 * Units      scrypt's n and r: 128 * n * r bytes of memory while a key is derived.
 * Ownership  an opened secret is in locked memory, the caller's to locked_free().
 * Errors     KZ_RANGE: a wrong passphrase, or values outside the bounds; KZ_PARSE: another
 *            form; KZ_IO: the system said no. `problem` has a line for people.
 * Thread     any. No I/O but random bytes; deriving a key takes a second or so. */
#ifndef POOL_SEALED_H
#define POOL_SEALED_H

#include "conf/locked.h"
#include "pool/passphrase.h"
#include "share/bytes.h"

#include <jansson.h>

#define SEALED_SECRET_MAX 129
#define SEALED_N_DEFAULT  (UINT32_C(1) << 17)
#define SEALED_N_MIN      (UINT32_C(1) << 14)
#define SEALED_N_MAX      (UINT32_C(1) << 20)
#define SEALED_SALT_SIZE  32
#define SEALED_NONCE_SIZE 12
#define SEALED_TAG_SIZE   16

struct sealed {
    uint32_t n, r, p;
    uint8_t salt[SEALED_SALT_SIZE];
    uint8_t nonce[SEALED_NONCE_SIZE];
    uint8_t ciphertext[SEALED_SECRET_MAX];
    size_t len;
    uint8_t tag[SEALED_TAG_SIZE];
};

/* Fresh salt and nonce, which belong into the header. `scrypt_n` 0: the default; lower
 * ones are for tests. */
KZ_MUST_USE enum kz_err sealed_begin(struct sealed *s, struct key_problem *problem,
                                     uint32_t scrypt_n);
KZ_MUST_USE enum kz_err sealed_close(struct sealed *s, struct key_problem *problem,
                                     const char *header, struct bytes secret,
                                     struct bytes passphrase);
KZ_MUST_USE enum kz_err sealed_open(struct locked **secret, struct key_problem *problem,
                                    const struct sealed *s, const char *header,
                                    struct bytes passphrase);

/* The members above as a JSON text has them; texts are borrowed. */
struct sealed_members {
    json_int_t n, r, p;
    const char *kdf, *salt, *cipher, *nonce, *ciphertext, *tag;
};

KZ_MUST_USE enum kz_err sealed_read(struct sealed *s, struct key_problem *problem,
                                    const struct sealed_members *m);
/* Into an object: what belongs to the header; the rest. */
void sealed_put_header(json_t *to, const struct sealed *s);
void sealed_put_body(json_t *to, const struct sealed *s);
/* As text, the caller's to mem_free(); takes the object. */
char *sealed_dump_header(json_t *header); /* in one form only */
char *sealed_dump(json_t *whole);

#endif
