/* pool/audit/vault_box.h - a sealed file of the vault, for the vault alone.
 *
 * Canonical JSON, whose members but nonce, ciphertext and tag are authenticated with what
 * is sealed, so that a file of one miner, kind or version cannot stand for another:
 *
 *   {"ciphertext":"<hex>","kariz_vault":1,"kind":"data","miner":"alice",
 *    "nonce":"<24 hex>","tag":"<32 hex>","under":"<16 hex>","version":3}
 *
 * `under` says which key opens it: the first 8 bytes of the tagged hash
 * "Kariz/vault-key/1" of that key, which tell nothing of it.
 *
 * Ownership  a box owns its ciphertext: box_clear(), which accepts zeros.
 * Errors     KZ_PARSE: no such file. KZ_RANGE: not sealed with this key and these open
 *            members. KZ_IO: no random bytes, or OpenSSL failed.
 * Thread     any; no I/O but random bytes. */
#ifndef POOL_VAULT_BOX_H
#define POOL_VAULT_BOX_H

#include "share/gcm.h"
#include "share/ids.h"

#define BOX_KEY_ID_SIZE 8

enum box_kind {
    BOX_KEY,  /* a miner's data key, under the master key */
    BOX_DATA, /* its values, under the data key */
};

struct box {
    enum box_kind kind;
    struct miner_id miner;
    uint64_t version;
    uint8_t under[BOX_KEY_ID_SIZE];
    uint8_t nonce[GCM_NONCE_SIZE], tag[GCM_TAG_SIZE];
    uint8_t *ciphertext;
    size_t len; /* of what is sealed, too */
};

void box_clear(struct box *b);

void box_key_id(uint8_t out[BOX_KEY_ID_SIZE], const uint8_t key[GCM_KEY_SIZE]);

/* Fills all but kind, miner and version, which are the caller's; `plain` is not empty. */
KZ_MUST_USE enum kz_err box_seal(struct box *b, const uint8_t key[GCM_KEY_SIZE],
                                 struct bytes plain);
/* `out` has b->len bytes; the caller wipes it, whatever is returned. */
KZ_MUST_USE enum kz_err box_open(uint8_t *out, const struct box *b,
                                 const uint8_t key[GCM_KEY_SIZE]);

/* The text is the caller's to mem_free(). */
char *box_format(const struct box *b, size_t *len);
KZ_MUST_USE enum kz_err box_parse(struct box *b, struct bytes text);

#endif
