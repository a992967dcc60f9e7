#include "payout/sign.h"

#include "conf/mem.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <secp256k1.h>
#include <secp256k1_extrakeys.h>
#include <secp256k1_recovery.h>
#include <secp256k1_schnorrsig.h>
#include <string.h>

#define UNCOMPRESSED_SIZE 65

struct sign_context {
    secp256k1_context *curve;
};

struct sign_context *sign_context_new(void)
{
    uint8_t seed[32];
    struct sign_context *c = mem_new(sizeof(*c));
    c->curve = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    int ok = RAND_bytes(seed, sizeof(seed)); /* allowed: no result shows them */
    assert(ok == 1);
    ok = secp256k1_context_randomize(c->curve, seed);
    assert(ok == 1);
    OPENSSL_cleanse(seed, sizeof(seed));
    return c;
}

void sign_context_free(struct sign_context *c)
{
    if (c == NULL)
        return;
    secp256k1_context_destroy(c->curve);
    mem_free(c);
}

enum kz_err sign_public_key(uint8_t out[PUBKEY_SIZE], const struct sign_context *c,
                            const uint8_t key[PRIVATE_KEY_SIZE])
{
    secp256k1_pubkey point;
    size_t len = PUBKEY_SIZE;
    if (secp256k1_ec_pubkey_create(c->curve, &point, key) != 1)
        return KZ_RANGE;
    secp256k1_ec_pubkey_serialize(c->curve, out, &len, &point, SECP256K1_EC_COMPRESSED);
    return KZ_OK;
}

/* R comes first, its top bit in the first byte: set, its DER form needs a zero byte. */
static bool has_low_r(const struct sign_context *c,
                      const secp256k1_ecdsa_signature *signature)
{
    uint8_t compact[64];
    secp256k1_ecdsa_signature_serialize_compact(c->curve, compact, signature);
    return (compact[0] & 0x80) == 0;
}

enum kz_err sign_ecdsa(uint8_t *out, size_t *len, const struct sign_context *c,
                       const struct hash256 *digest,
                       const uint8_t key[PRIVATE_KEY_SIZE])
{
    secp256k1_ecdsa_signature signature;
    uint8_t extra[32] = {0};
    uint32_t counter = 0;
    if (secp256k1_ec_seckey_verify(c->curve, key) != 1)
        return KZ_RANGE;
    /* Each try has one chance in two. The first is plain RFC 6979: no extra entropy,
     * which is not the same as 32 zeros of it. */
    do {
        write_le32(extra, counter);
        int ok = secp256k1_ecdsa_sign(c->curve, &signature, digest->b, key,
                                      secp256k1_nonce_function_rfc6979,
                                      counter == 0 ? NULL : extra);
        assert(ok == 1);
        counter++;
    } while (!has_low_r(c, &signature));
    size_t size = ECDSA_DER_MAX;
    int fits =
        secp256k1_ecdsa_signature_serialize_der(c->curve, out, &size, &signature);
    assert(fits == 1);
    *len = size;
    return KZ_OK;
}

/* The library also takes the hybrid form (06, 07), which no script may use. */
static bool parse_point(secp256k1_pubkey *point, const struct sign_context *c,
                        struct bytes pubkey)
{
    if (pubkey.len != PUBKEY_SIZE &&
        (pubkey.len != UNCOMPRESSED_SIZE || pubkey.p[0] != 4))
        return false;
    return secp256k1_ec_pubkey_parse(c->curve, point, pubkey.p, pubkey.len) == 1;
}

bool sign_ecdsa_verify(const struct sign_context *c, struct bytes der,
                       const struct hash256 *digest, struct bytes pubkey)
{
    secp256k1_ecdsa_signature signature;
    secp256k1_pubkey point;
    /* The library's parser is BIP66's: minimal lengths and integers, nothing behind. A
     * negative or too large integer it reads as 0, and verifying then fails. It also
     * refuses a high S when verifying. */
    return der.len <= ECDSA_DER_MAX &&
           secp256k1_ecdsa_signature_parse_der(c->curve, &signature, der.p, der.len) ==
               1 &&
           parse_point(&point, c, pubkey) &&
           secp256k1_ecdsa_verify(c->curve, &signature, digest->b, &point) == 1;
}

enum kz_err sign_schnorr(uint8_t out[SCHNORR_SIZE], const struct sign_context *c,
                         const struct hash256 *digest,
                         const uint8_t key[PRIVATE_KEY_SIZE], const uint8_t aux[32])
{
    secp256k1_keypair pair;
    if (secp256k1_keypair_create(c->curve, &pair, key) != 1)
        return KZ_RANGE;
    int ok = secp256k1_schnorrsig_sign32(c->curve, out, digest->b, &pair, aux);
    OPENSSL_cleanse(&pair, sizeof(pair));
    assert(ok == 1);
    return KZ_OK;
}

bool sign_schnorr_verify(const struct sign_context *c,
                         const uint8_t signature[SCHNORR_SIZE],
                         const struct hash256 *digest, const uint8_t xonly[XONLY_SIZE])
{
    secp256k1_xonly_pubkey point;
    return secp256k1_xonly_pubkey_parse(c->curve, &point, xonly) == 1 &&
           secp256k1_schnorrsig_verify(c->curve, signature, digest->b,
                                       sizeof(digest->b), &point) == 1;
}

static void taproot_tweak(uint8_t tweak[32], const struct sign_context *c,
                          const uint8_t internal[XONLY_SIZE],
                          const struct hash256 *root)
{
    static const uint8_t tag[] = {'T', 'a', 'p', 'T', 'w', 'e', 'a', 'k'};
    uint8_t both[XONLY_SIZE + 32];
    size_t len = XONLY_SIZE;
    memcpy(both, internal, XONLY_SIZE);
    if (root != NULL) {
        memcpy(both + len, root->b, sizeof(root->b));
        len += sizeof(root->b);
    }
    int ok = secp256k1_tagged_sha256(c->curve, tweak, tag, sizeof(tag), both, len);
    assert(ok == 1);
}

enum kz_err sign_taproot_output_key(uint8_t out[XONLY_SIZE],
                                    const struct sign_context *c,
                                    const uint8_t internal[XONLY_SIZE],
                                    const struct hash256 *root)
{
    secp256k1_xonly_pubkey key;
    secp256k1_pubkey tweaked;
    uint8_t tweak[32];
    taproot_tweak(tweak, c, internal, root);
    if (secp256k1_xonly_pubkey_parse(c->curve, &key, internal) != 1 ||
        secp256k1_xonly_pubkey_tweak_add(c->curve, &tweaked, &key, tweak) != 1 ||
        secp256k1_xonly_pubkey_from_pubkey(c->curve, &key, NULL, &tweaked) != 1)
        return KZ_RANGE;
    secp256k1_xonly_pubkey_serialize(c->curve, out, &key);
    return KZ_OK;
}

enum kz_err sign_taproot_private_key(uint8_t out[PRIVATE_KEY_SIZE],
                                     const struct sign_context *c,
                                     const uint8_t key[PRIVATE_KEY_SIZE],
                                     const struct hash256 *root)
{
    secp256k1_keypair pair;
    secp256k1_xonly_pubkey point;
    uint8_t internal[XONLY_SIZE], tweak[32];
    if (secp256k1_keypair_create(c->curve, &pair, key) != 1)
        return KZ_RANGE;
    int ok = secp256k1_keypair_xonly_pub(c->curve, &point, NULL, &pair);
    assert(ok == 1);
    secp256k1_xonly_pubkey_serialize(c->curve, internal, &point);
    taproot_tweak(tweak, c, internal, root);
    ok = secp256k1_keypair_xonly_tweak_add(c->curve, &pair, tweak);
    if (ok == 1)
        ok = secp256k1_keypair_sec(c->curve, out, &pair);
    OPENSSL_cleanse(&pair, sizeof(pair));
    return ok == 1 ? KZ_OK : KZ_RANGE;
}

enum kz_err sign_recover(uint8_t *out, size_t *len, const struct sign_context *c,
                         const uint8_t compact[64], int recid, bool compressed,
                         const struct hash256 *digest)
{
    secp256k1_ecdsa_recoverable_signature signature;
    secp256k1_pubkey point;
    assert(recid >= 0 && recid <= 3);
    if (secp256k1_ecdsa_recoverable_signature_parse_compact(c->curve, &signature,
                                                            compact, recid) != 1 ||
        secp256k1_ecdsa_recover(c->curve, &point, &signature, digest->b) != 1)
        return KZ_RANGE;
    size_t size = compressed ? PUBKEY_SIZE : UNCOMPRESSED_SIZE;
    secp256k1_ec_pubkey_serialize(c->curve, out, &size, &point,
                                  compressed ? SECP256K1_EC_COMPRESSED
                                             : SECP256K1_EC_UNCOMPRESSED);
    *len = size;
    return KZ_OK;
}
