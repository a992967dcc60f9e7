#include "payout/wif.h"

#include "payout/base58.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <secp256k1.h>
#include <string.h>

#define VERSION_MAIN 0x80
#define VERSION_TEST 0xef
#define BYTES_MAX    (1 + PRIVATE_KEY_SIZE + 1)

static uint8_t version_of(const struct network *network)
{
    return network == network_of(CONF_MAIN) ? VERSION_MAIN : VERSION_TEST;
}

static enum kz_err read_key(uint8_t key[PRIVATE_KEY_SIZE], bool *compressed,
                            const char **why, const struct network *network,
                            const uint8_t *bytes, size_t count)
{
    bool has_flag = count == BYTES_MAX && bytes[BYTES_MAX - 1] == 1;
    if ((!has_flag && count != BYTES_MAX - 1) ||
        (bytes[0] != VERSION_MAIN && bytes[0] != VERSION_TEST)) {
        *why = "no private key in WIF";
        return KZ_PARSE;
    }
    if (bytes[0] != version_of(network)) {
        *why = "a private key of another network";
        return KZ_RANGE;
    }
    if (secp256k1_ec_seckey_verify(secp256k1_context_static, bytes + 1) != 1) {
        *why = "a private key outside the curve's order";
        return KZ_RANGE;
    }
    memcpy(key, bytes + 1, PRIVATE_KEY_SIZE);
    *compressed = has_flag;
    return KZ_OK;
}

enum kz_err wif_parse(uint8_t key[PRIVATE_KEY_SIZE], bool *compressed, const char **why,
                      const struct network *network, const char *text, size_t len)
{
    uint8_t bytes[BYTES_MAX];
    size_t count = 0, bad_at = 0;
    enum kz_err err = KZ_PARSE;
    if (len >= WIF_TEXT_SIZE ||
        base58_decode_check(bytes, &count, &bad_at, sizeof(bytes), text, len) != KZ_OK)
        *why = "no private key in WIF: mistyped or cut";
    else
        err = read_key(key, compressed, why, network, bytes, count);
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return err;
}

void wif_format(char out[WIF_TEXT_SIZE], const struct network *network,
                const uint8_t key[PRIVATE_KEY_SIZE], bool compressed)
{
    uint8_t bytes[BYTES_MAX] = {version_of(network)};
    char text[BASE58_TEXT_SIZE];
    memcpy(bytes + 1, key, PRIVATE_KEY_SIZE);
    bytes[BYTES_MAX - 1] = 1;
    base58_encode_check(text, bytes, compressed ? BYTES_MAX : BYTES_MAX - 1);
    size_t len = strlen(text);
    assert(len < WIF_TEXT_SIZE);
    memcpy(out, text, len + 1);
    OPENSSL_cleanse(bytes, sizeof(bytes));
    OPENSSL_cleanse(text, sizeof(text));
}
