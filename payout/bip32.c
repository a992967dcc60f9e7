#include "payout/bip32.h"

#include "payout/base58.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <secp256k1.h>
#include <string.h>

#define SERIALIZED_SIZE 78 /* version, depth, parent, index, chain code, key */
#define DEPTH_MAX       255

static const struct {
    uint32_t version;
    bool is_test, is_private;
} versions[] = {
    {0x0488b21e, false, false}, /* xpub */
    {0x0488ade4, false, true},  /* xprv */
    {0x043587cf, true, false},  /* tpub */
    {0x04358394, true, true},   /* tprv */
};

/* SLIP132: y, Y, z, Z, u, U, v and V, public and private. */
static const uint32_t versions_of_types[] = {
    0x049d7cb2, 0x049d7878, 0x0295b43f, 0x0295b005, 0x04b24746, 0x04b2430c,
    0x02aa7ed3, 0x02aa7a99, 0x044a5262, 0x044a4e28, 0x024289ef, 0x024285b5,
    0x045f1cf6, 0x045f18bc, 0x02575483, 0x02575048,
};

/* Extended keys are the one thing here that is written most significant byte first. */
static uint32_t read_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void write_be32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void hmac_sha512(uint8_t out[64], const void *key, size_t key_len,
                        const uint8_t *p, size_t len)
{
    unsigned size = 64;
    const uint8_t *done = HMAC(EVP_sha512(), key, (int)key_len, p, len, out, &size);
    assert(done != NULL && size == 64);
}

static bool is_private_key(const uint8_t key[PRIVATE_KEY_SIZE])
{
    return secp256k1_ec_seckey_verify(secp256k1_context_static, key) == 1;
}

enum kz_err bip32_from_seed(struct bip32_key *out, bool is_test, struct bytes seed)
{
    static const char hmac_key[] = "Bitcoin seed";
    uint8_t both[64];
    if (seed.len < BIP32_SEED_MIN || seed.len > BIP32_SEED_MAX)
        return KZ_RANGE;
    hmac_sha512(both, hmac_key, sizeof(hmac_key) - 1, seed.p, seed.len);
    bool ok = is_private_key(both);
    if (ok) {
        *out = (struct bip32_key){.is_test = is_test, .is_private = true};
        memcpy(out->key + 1, both, PRIVATE_KEY_SIZE);
        memcpy(out->chain_code, both + 32, sizeof(out->chain_code));
    }
    OPENSSL_cleanse(both, sizeof(both));
    return ok ? KZ_OK : KZ_RANGE;
}

void bip32_public_key(uint8_t out[PUBKEY_SIZE], const struct sign_context *c,
                      const struct bip32_key *k)
{
    if (!k->is_private) {
        memcpy(out, k->key, PUBKEY_SIZE);
        return;
    }
    enum kz_err err = sign_public_key(out, c, k->key + 1);
    assert(err == KZ_OK);
}

void bip32_neuter(struct bip32_key *out, const struct sign_context *c,
                  const struct bip32_key *k)
{
    uint8_t pubkey[PUBKEY_SIZE];
    bip32_public_key(pubkey, c, k);
    *out = *k;
    out->is_private = false;
    memcpy(out->key, pubkey, sizeof(pubkey));
}

static void fingerprint_of(uint8_t out[BIP32_FINGERPRINT_SIZE],
                           const uint8_t pubkey[PUBKEY_SIZE])
{
    uint8_t hash[20];
    hash160(hash, (struct bytes){pubkey, PUBKEY_SIZE});
    memcpy(out, hash, BIP32_FINGERPRINT_SIZE);
}

void bip32_fingerprint(uint8_t out[BIP32_FINGERPRINT_SIZE],
                       const struct sign_context *c, const struct bip32_key *k)
{
    uint8_t pubkey[PUBKEY_SIZE];
    bip32_public_key(pubkey, c, k);
    fingerprint_of(out, pubkey);
}

/* `key`, a public or private one, plus `tweak`. */
static bool add_tweak(uint8_t key[33], bool is_private, const uint8_t tweak[32])
{
    const secp256k1_context *c = secp256k1_context_static;
    secp256k1_pubkey point;
    size_t len = PUBKEY_SIZE;
    if (is_private)
        return secp256k1_ec_seckey_tweak_add(c, key + 1, tweak) == 1;
    if (secp256k1_ec_pubkey_parse(c, &point, key, PUBKEY_SIZE) != 1 ||
        secp256k1_ec_pubkey_tweak_add(c, &point, tweak) != 1)
        return false;
    secp256k1_ec_pubkey_serialize(c, key, &len, &point, SECP256K1_EC_COMPRESSED);
    return true;
}

enum kz_err bip32_child(struct bip32_key *out, const struct sign_context *c,
                        const struct bip32_key *parent, uint32_t index)
{
    uint8_t pubkey[PUBKEY_SIZE], data[33 + 4], both[64];
    bool hardened = index >= BIP32_HARDENED;
    if (parent->depth == DEPTH_MAX || (hardened && !parent->is_private))
        return KZ_RANGE;
    bip32_public_key(pubkey, c, parent);
    memcpy(data, hardened ? parent->key : pubkey, 33);
    write_be32(data + 33, index);
    hmac_sha512(both, parent->chain_code, sizeof(parent->chain_code), data,
                sizeof(data));

    struct bip32_key k = *parent;
    bool ok = add_tweak(k.key, k.is_private, both);
    if (ok) {
        k.depth++;
        k.child = index;
        fingerprint_of(k.parent, pubkey);
        memcpy(k.chain_code, both + 32, sizeof(k.chain_code));
        *out = k;
    }
    bip32_wipe(&k);
    OPENSSL_cleanse(data, sizeof(data));
    OPENSSL_cleanse(both, sizeof(both));
    return ok ? KZ_OK : KZ_RANGE;
}

enum kz_err bip32_descend(struct bip32_key *out, const struct sign_context *c,
                          const struct bip32_key *from, const uint32_t *path,
                          size_t count)
{
    struct bip32_key k = *from;
    enum kz_err err = KZ_OK;
    for (size_t i = 0; err == KZ_OK && i < count; i++)
        err = bip32_child(&k, c, &k, path[i]);
    if (err == KZ_OK)
        *out = k;
    bip32_wipe(&k);
    return err;
}

/* Behind the version. NULL, or what is wrong with it. */
static const char *check_key(const struct bip32_key *k)
{
    static const uint8_t no_parent[BIP32_FINGERPRINT_SIZE];
    secp256k1_pubkey point;
    if (k->depth == 0 && memcmp(k->parent, no_parent, sizeof(no_parent)) != 0)
        return "an extended key of depth 0 that names a parent";
    if (k->depth == 0 && k->child != 0)
        return "an extended key of depth 0 that has an index";
    if (k->is_private && (k->key[0] != 0 || !is_private_key(k->key + 1)))
        return "an extended private key without a valid private key";
    if (!k->is_private && secp256k1_ec_pubkey_parse(secp256k1_context_static, &point,
                                                    k->key, PUBKEY_SIZE) != 1)
        return "an extended public key without a valid public key";
    return NULL;
}

static bool find_version(struct bip32_key *k, uint32_t version)
{
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        if (versions[i].version != version)
            continue;
        k->is_test = versions[i].is_test;
        k->is_private = versions[i].is_private;
        return true;
    }
    return false;
}

static enum kz_err refuse_version(const char **why, uint32_t version)
{
    size_t count = sizeof(versions_of_types) / sizeof(versions_of_types[0]);
    for (size_t i = 0; i < count; i++) {
        if (versions_of_types[i] != version)
            continue;
        *why = "a key of the ypub or zpub kind (SLIP132): give the xpub or tpub";
        return KZ_RANGE;
    }
    *why = "no extended key of a version known here";
    return KZ_PARSE;
}

static enum kz_err read_key(struct bip32_key *out, const char **why,
                            const uint8_t bytes[SERIALIZED_SIZE])
{
    struct bip32_key k = {.depth = bytes[4], .child = read_be32(bytes + 9)};
    if (!find_version(&k, read_be32(bytes)))
        return refuse_version(why, read_be32(bytes));
    memcpy(k.parent, bytes + 5, sizeof(k.parent));
    memcpy(k.chain_code, bytes + 13, sizeof(k.chain_code));
    memcpy(k.key, bytes + 45, sizeof(k.key));
    const char *wrong = check_key(&k);
    if (wrong == NULL)
        *out = k;
    else
        *why = wrong;
    bip32_wipe(&k);
    return wrong == NULL ? KZ_OK : KZ_PARSE;
}

enum kz_err bip32_parse(struct bip32_key *out, const char **why, const char *text,
                        size_t len)
{
    uint8_t bytes[SERIALIZED_SIZE];
    size_t count = 0, bad_at = 0;
    enum kz_err err = KZ_PARSE;
    if (len >= BIP32_TEXT_SIZE)
        *why = "too long for an extended key";
    else if (base58_decode_check(bytes, &count, &bad_at, sizeof(bytes), text, len) !=
                 KZ_OK ||
             count != sizeof(bytes))
        *why = "no extended key: mistyped or cut";
    else
        err = read_key(out, why, bytes);
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return err;
}

static uint32_t version_of(const struct bip32_key *k)
{
    size_t i = 0;
    while (versions[i].is_test != k->is_test || versions[i].is_private != k->is_private)
        i++;
    return versions[i].version;
}

void bip32_format(char out[BIP32_TEXT_SIZE], const struct bip32_key *k)
{
    uint8_t bytes[SERIALIZED_SIZE];
    char text[BASE58_TEXT_SIZE];
    write_be32(bytes, version_of(k));
    bytes[4] = k->depth;
    memcpy(bytes + 5, k->parent, sizeof(k->parent));
    write_be32(bytes + 9, k->child);
    memcpy(bytes + 13, k->chain_code, sizeof(k->chain_code));
    memcpy(bytes + 45, k->key, sizeof(k->key));
    base58_encode_check(text, bytes, sizeof(bytes));
    size_t len = strlen(text);
    assert(len < BIP32_TEXT_SIZE);
    memcpy(out, text, len + 1);
    OPENSSL_cleanse(bytes, sizeof(bytes));
    OPENSSL_cleanse(text, sizeof(text));
}

void bip32_wipe(struct bip32_key *k)
{
    OPENSSL_cleanse(k, sizeof(*k));
}
