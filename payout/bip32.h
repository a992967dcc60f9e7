/* payout/bip32.h - extended keys (BIP32): a key, and the tree of keys below it.
 *
 * A child with an index of BIP32_HARDENED and above needs the private parent; the others
 * can be made from the public one, and come out the same. Text is base58 with a version
 * in front that says main or test network, private or public: xprv, xpub, tprv, tpub.
 * The versions that name an address type as well (zpub and its kind, SLIP132) are refused:
 * a descriptor says that.
 *
 * Ownership  values in the caller's storage. A private one belongs in locked memory
 *            (conf/locked.h); the caller wipes it with bip32_wipe(). Nothing here
 *            keeps a copy.
 * Errors     KZ_PARSE: text of no extended key. KZ_RANGE: one that is not to be used,
 *            or a derivation that does not exist. `why` is then a line for people.
 * Thread     any. Pure. */
#ifndef PAYOUT_BIP32_H
#define PAYOUT_BIP32_H

#include "payout/sign.h"

#define BIP32_HARDENED         UINT32_C(0x80000000)
#define BIP32_SEED_MIN         16
#define BIP32_SEED_MAX         64
#define BIP32_FINGERPRINT_SIZE 4
#define BIP32_TEXT_SIZE        113 /* of 78 bytes and their checksum */

struct bip32_key {
    bool is_test; /* of any network but main */
    bool is_private;
    uint8_t depth;
    uint8_t parent[BIP32_FINGERPRINT_SIZE];
    uint32_t child; /* its index below the parent */
    uint8_t chain_code[32];
    uint8_t key[33]; /* public: compressed; private: a zero byte and the key */
};

/* `seed` of 16 to 64 bytes. KZ_RANGE: another length, or (one in 2^127) no key. */
KZ_MUST_USE enum kz_err bip32_from_seed(struct bip32_key *out, bool is_test,
                                        struct bytes seed);

/* KZ_RANGE: hardened below a public key, deeper than 255, or (one in 2^127) no key. `out`
 * may be `parent`. */
KZ_MUST_USE enum kz_err bip32_child(struct bip32_key *out, const struct sign_context *c,
                                    const struct bip32_key *parent, uint32_t index);
/* Child of child, along `path`; the key itself where `count` is 0. */
KZ_MUST_USE enum kz_err bip32_descend(struct bip32_key *out,
                                      const struct sign_context *c,
                                      const struct bip32_key *from,
                                      const uint32_t *path, size_t count);

/* The public key of it, or of its private key. */
void bip32_public_key(uint8_t out[PUBKEY_SIZE], const struct sign_context *c,
                      const struct bip32_key *k);
/* The extended public key. `out` may be `k`. */
void bip32_neuter(struct bip32_key *out, const struct sign_context *c,
                  const struct bip32_key *k);
void bip32_fingerprint(uint8_t out[BIP32_FINGERPRINT_SIZE],
                       const struct sign_context *c, const struct bip32_key *k);

KZ_MUST_USE enum kz_err bip32_parse(struct bip32_key *out, const char **why,
                                    const char *text, size_t len);
void bip32_format(char out[BIP32_TEXT_SIZE], const struct bip32_key *k);

void bip32_wipe(struct bip32_key *k);

#endif
