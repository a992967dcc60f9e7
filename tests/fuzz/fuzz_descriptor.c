/* tests/fuzz/fuzz_descriptor.c - descriptors, as a person or another wallet gives them.
 *
 * What reads has outputs, and private keys belong to the public ones. */
#include "payout/descriptor.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_key(const struct sign_context *c, const struct descriptor *d,
                    const struct descriptor_output *o, size_t which)
{
    uint8_t key[PRIVATE_KEY_SIZE], pubkey[PUBKEY_SIZE];
    assert(o->keys[which].origin.count <= KEY_ORIGIN_MAX);
    enum kz_err err = descriptor_private_key(key, d, c, which, 7);
    assert(err == (d->keys[which].key.is_private ? KZ_OK : KZ_EMPTY));
    if (err != KZ_OK)
        return;
    err = sign_public_key(pubkey, c, key);
    assert(err == KZ_OK);
    assert(memcmp(pubkey, o->keys[which].pubkey, PUBKEY_SIZE) == 0);
}

static void try_network(const struct sign_context *c, const struct network *network,
                        const char *text, size_t len)
{
    struct descriptor d;
    struct descriptor_problem problem = {NULL, 0};
    struct descriptor_output o;
    if (descriptor_parse(&d, &problem, network, text, len) != KZ_OK) {
        assert(problem.why != NULL && problem.position <= len);
        return;
    }
    assert(d.key_count >= 1 && d.key_count <= DESCRIPTOR_KEYS_MAX);
    assert(d.required >= 1 && d.required <= d.key_count);
    /* Deeper than 255 there is nothing to expand. */
    if (descriptor_expand(&o, &d, c, 7) != KZ_OK)
        return;
    assert(script_type_of(script_bytes(&o.script)) <= SCRIPT_P2TR);
    for (size_t i = 0; i < d.key_count; i++)
        try_key(c, &d, &o, i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sign_context *c = sign_context_new();
    try_network(c, network_of(CONF_MAIN), (const char *)data, size);
    try_network(c, network_of(CONF_REGTEST), (const char *)data, size);
    sign_context_free(c);
    return 0;
}
