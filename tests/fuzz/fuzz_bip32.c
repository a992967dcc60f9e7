/* tests/fuzz/fuzz_bip32.c - extended keys and WIF, as a person gives them.
 *
 * What reads is written the same again, and has the same children private and public. */
#include "payout/bip32.h"
#include "payout/wif.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_children(const struct sign_context *c, const struct bip32_key *k)
{
    struct bip32_key a, b;
    char left[BIP32_TEXT_SIZE], right[BIP32_TEXT_SIZE];
    enum kz_err err = bip32_child(&a, c, k, k->child & 0xffff);
    bip32_neuter(&b, c, k);
    assert(bip32_child(&b, c, &b, k->child & 0xffff) == err);
    if (err != KZ_OK)
        return;
    bip32_neuter(&a, c, &a);
    bip32_format(left, &a);
    bip32_format(right, &b);
    assert(strcmp(left, right) == 0);
}

static void try_extended(const char *text, size_t len)
{
    struct bip32_key k;
    const char *why = NULL;
    char written[BIP32_TEXT_SIZE];
    enum kz_err err = bip32_parse(&k, &why, text, len);
    assert((err == KZ_OK) == (why == NULL));
    if (err != KZ_OK)
        return;
    bip32_format(written, &k);
    assert(strlen(written) == len && memcmp(written, text, len) == 0);
    struct sign_context *c = sign_context_new();
    try_children(c, &k);
    sign_context_free(c);
}

static void try_wif(const struct network *network, const char *text, size_t len)
{
    uint8_t key[PRIVATE_KEY_SIZE];
    bool compressed = false;
    const char *why = NULL;
    char written[WIF_TEXT_SIZE];
    enum kz_err err = wif_parse(key, &compressed, &why, network, text, len);
    assert((err == KZ_OK) == (why == NULL));
    if (err != KZ_OK)
        return;
    wif_format(written, network, key, compressed);
    assert(strlen(written) == len && memcmp(written, text, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_extended((const char *)data, size);
    try_wif(network_of(CONF_MAIN), (const char *)data, size);
    try_wif(network_of(CONF_REGTEST), (const char *)data, size);
    return 0;
}
