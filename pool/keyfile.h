/* pool/keyfile.h - the wallet's key on disk: encrypted, with its public half readable.
 *
 * One JSON object. The key to AES-256-GCM comes from the passphrase through scrypt; all
 * other members are authenticated with the ciphertext, so that after opening none of
 * them can have been changed:
 *
 *   {"kariz_key":1,"kdf":"scrypt","n":131072,"r":8,"p":1,"salt":"<64 hex>",
 *    "cipher":"aes-256-gcm","nonce":"<24 hex>","network":"main",
 *    "descriptors":{"receive":"wpkh(...)#...","change":"wpkh(...)#..."},
 *    "created_ms":1767225600000,"ciphertext":"<hex>","tag":"<32 hex>"}
 *
 * What is encrypted: one byte of kind, then the secret itself. Whoever only watches the
 * wallet reads the public half and needs no passphrase; but whoever can write the file
 * can change it there, and is found out only when it is opened.
 *
 * The file is as pool/key_disk.h says, the encryption as pool/sealed.h.
 *
 * Units      scrypt's n and r: 128 * n * r bytes of memory while a key is derived.
 * Ownership  a secret is in locked memory, the caller's to locked_free().
 * Errors     KZ_IO: the system said no. KZ_PARSE: no such file of ours. KZ_RANGE: one we
 *            do not take, a wrong passphrase too. KZ_EMPTY: there is no file. `problem`
 *            then has a line for people; outputs are untouched.
 * Thread     any; does file I/O, and deriving a key takes a second or so. */
#ifndef POOL_KEYFILE_H
#define POOL_KEYFILE_H

#include "payout/descriptor.h"
#include "pool/sealed.h"

#define KEYFILE_SECRET_MAX 128
#define KEYFILE_N_DEFAULT  SEALED_N_DEFAULT
#define KEYFILE_N_MIN      SEALED_N_MIN
#define KEYFILE_N_MAX      SEALED_N_MAX

enum keyfile_kind {
    KEYFILE_SEED = 1, /* of BIP32, 16 to 64 bytes */
    KEYFILE_WIF = 2,  /* text */
    KEYFILE_XPRV = 3, /* text */
};

struct keyfile_public {
    const struct network *network;
    char receive[DESCRIPTOR_TEXT_MAX + 1]; /* public descriptors */
    char change[DESCRIPTOR_TEXT_MAX + 1];
    int64_t created_ms; /* UTC */
};

struct keyfile_secret {
    enum keyfile_kind kind;
    struct locked *data; /* exactly the secret, no zero behind text */
};

struct keyfile_plan {
    const struct keyfile_public *about;
    enum keyfile_kind kind;
    struct bytes secret;
    struct bytes passphrase;
    uint32_t scrypt_n; /* 0: the default; lower ones are for tests */
};

/* Mode 0600. KZ_RANGE also: `path` exists already, a descriptor has a private key or is
 * none of the network, the secret is none of its kind, the passphrase is empty. */
KZ_MUST_USE enum kz_err keyfile_create(const char *path, struct key_problem *problem,
                                       const struct keyfile_plan *plan);

KZ_MUST_USE enum kz_err keyfile_read_public(struct keyfile_public *about,
                                            struct key_problem *problem,
                                            const char *path);

KZ_MUST_USE enum kz_err keyfile_open(struct keyfile_public *about,
                                     struct keyfile_secret *secret,
                                     struct key_problem *problem, const char *path,
                                     struct bytes passphrase);

#endif
