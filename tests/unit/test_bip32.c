#include "payout/bip32.h"

#include "payout/address.h"
#include "payout/base58.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/vectors.h"

static int make_context(void **state)
{
    *state = sign_context_new();
    return 0;
}

static int free_context(void **state)
{
    sign_context_free(*state);
    return 0;
}

static void master_of(struct bip32_key *k, const char *seed_hex)
{
    uint8_t seed[BIP32_SEED_MAX];
    size_t len = 0;
    assert_int_equal(
        hex_decode_some(seed, &len, sizeof(seed), seed_hex, strlen(seed_hex)), KZ_OK);
    assert_int_equal(bip32_from_seed(k, false, (struct bytes){seed, len}), KZ_OK);
}

/* "m/0h/1" */
static size_t read_path(uint32_t *path, const char *text)
{
    size_t count = 0;
    for (text++; *text == '/'; count++) {
        text++;
        path[count] = (uint32_t)decimal_take(&text);
        if (*text == 'h') {
            path[count] += BIP32_HARDENED;
            text++;
        }
    }
    assert_int_equal(*text, '\0');
    return count;
}

static void assert_formats(const struct bip32_key *k, const char *want)
{
    char text[BIP32_TEXT_SIZE];
    bip32_format(text, k);
    assert_string_equal(text, want);
}

/* xprv, xpub and what they read as. */
static void check_chain(const struct sign_context *c, const struct bip32_key *master,
                        const char *path_text, const char *xprv, const char *xpub)
{
    uint32_t path[16];
    size_t count = read_path(path, path_text);
    struct bip32_key k, public_k, back;
    const char *why = NULL;
    assert_int_equal(bip32_descend(&k, c, master, path, count), KZ_OK);
    assert_formats(&k, xprv);
    bip32_neuter(&public_k, c, &k);
    assert_formats(&public_k, xpub);
    assert_int_equal(bip32_parse(&back, &why, xprv, strlen(xprv)), KZ_OK);
    assert_formats(&back, xprv);
    assert_int_equal(bip32_parse(&back, &why, xpub, strlen(xpub)), KZ_OK);
    assert_formats(&back, xpub);
    if (count == 0 || path[count - 1] >= BIP32_HARDENED)
        return;
    /* The public parent has the same public child. */
    assert_int_equal(bip32_descend(&k, c, master, path, count - 1), KZ_OK);
    bip32_neuter(&k, c, &k);
    assert_int_equal(bip32_child(&k, c, &k, path[count - 1]), KZ_OK);
    assert_formats(&k, xpub);
}

static void chains_of_the_bip_come_out(void **state)
{
    json_t *file = vectors_json("bips/bip32.json");
    const json_t *list = json_object_get(file, "vectors");
    assert_int_equal(json_array_size(list), 4);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const json_t *chains = json_object_get(one, "chains");
        struct bip32_key master;
        master_of(&master, text_at(one, "seed"));
        for (size_t k = 0; k < json_array_size(chains); k++) {
            const json_t *chain = json_array_get(chains, k);
            check_chain(*state, &master, text_at(chain, "path"), text_at(chain, "xprv"),
                        text_at(chain, "xpub"));
        }
    }
    json_decref(file);
}

static void extended_keys_that_the_bip_calls_invalid_are_refused(void **state)
{
    (void)state;
    json_t *file = vectors_json("bips/bip32.json");
    const json_t *list = json_object_get(file, "invalid_extended_keys");
    assert_int_equal(json_array_size(list), 14);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = text_at(json_array_get(list, i), "key");
        struct bip32_key k = {.depth = 99};
        const char *why = NULL;
        assert_int_equal(bip32_parse(&k, &why, text, strlen(text)), KZ_PARSE);
        assert_non_null(why);
        assert_int_equal(k.depth, 99);
    }
    json_decref(file);
}

static const char *text_of(const json_t *one, const char *name, const char *other)
{
    return text_at(one, json_object_get(one, name) != NULL ? name : other);
}

static void taproot_keys_of_bip86_come_out(void **state)
{
    const struct sign_context *c = *state;
    json_t *file = vectors_json("bips/bip84_bip86.json");
    const json_t *list = json_object_get(file, "bip86");
    struct bip32_key master;
    master_of(&master, text_at(file, "seed"));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const char *path = json_string_value(json_object_get(one, "path"));
        check_chain(c, &master, path != NULL ? path : "m",
                    text_of(one, "xprv", "rootpriv"), text_of(one, "xpub", "rootpub"));
        if (json_object_get(one, "internal_key") == NULL)
            continue;
        uint32_t steps[16];
        struct bip32_key k;
        uint8_t pubkey[PUBKEY_SIZE], output[XONLY_SIZE];
        char hex[2 * PUBKEY_SIZE + 1];
        assert_int_equal(bip32_descend(&k, c, &master, steps, read_path(steps, path)),
                         KZ_OK);
        bip32_public_key(pubkey, c, &k);
        hex_encode(hex, pubkey + 1, XONLY_SIZE);
        assert_string_equal(hex, text_at(one, "internal_key"));
        assert_int_equal(sign_taproot_output_key(output, c, pubkey + 1, NULL), KZ_OK);
        hex_encode(hex, output, XONLY_SIZE);
        assert_string_equal(hex, text_at(one, "output_key"));
    }
    json_decref(file);
}

/* The same key with the version of the plain kind. */
static void with_version(char out[BASE58_TEXT_SIZE], const char *text, bool is_private)
{
    uint8_t bytes[BASE58_BYTES_MAX];
    size_t len = 0, bad_at = 0;
    assert_int_equal(
        base58_decode_check(bytes, &len, &bad_at, sizeof(bytes), text, strlen(text)),
        KZ_OK);
    memcpy(bytes, is_private ? "\x04\x88\xad\xe4" : "\x04\x88\xb2\x1e", 4);
    base58_encode_check(out, bytes, len);
}

static void check_zprv(const struct sign_context *c, const struct bip32_key *master,
                       const char *path, const char *zprv, const char *zpub)
{
    char xprv[BASE58_TEXT_SIZE], xpub[BASE58_TEXT_SIZE];
    struct bip32_key k;
    const char *why = NULL;
    assert_int_equal(bip32_parse(&k, &why, zprv, strlen(zprv)), KZ_RANGE);
    assert_non_null(strstr(why, "SLIP132"));
    assert_int_equal(bip32_parse(&k, &why, zpub, strlen(zpub)), KZ_RANGE);
    with_version(xprv, zprv, true);
    with_version(xpub, zpub, false);
    check_chain(c, master, path, xprv, xpub);
}

static void check_bip84_key(const struct sign_context *c,
                            const struct bip32_key *master, const json_t *one)
{
    uint32_t steps[16];
    struct bip32_key k;
    uint8_t pubkey[PUBKEY_SIZE], hash[20];
    char text[ADDRESS_TEXT_SIZE];
    struct script script;
    assert_int_equal(
        bip32_descend(&k, c, master, steps, read_path(steps, text_at(one, "path"))),
        KZ_OK);
    bip32_public_key(pubkey, c, &k);
    hex_encode(text, pubkey, PUBKEY_SIZE);
    assert_string_equal(text, text_of(one, "pubkey", "public_key"));
    hash160(hash, (struct bytes){pubkey, PUBKEY_SIZE});
    script_p2wpkh(&script, hash);
    assert_int_equal(address_format(text, network_of(CONF_MAIN), script_bytes(&script)),
                     KZ_OK);
    assert_string_equal(text, text_at(one, "address"));
}

static void keys_of_bip84_come_out_and_its_versions_are_refused(void **state)
{
    json_t *file = vectors_json("bips/bip84_bip86.json");
    const json_t *list = json_object_get(file, "bip84");
    struct bip32_key master;
    size_t addresses = 0;
    master_of(&master, text_at(file, "seed"));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const char *path = json_string_value(json_object_get(one, "path"));
        if (json_object_get(one, "address") != NULL) {
            check_bip84_key(*state, &master, one);
            addresses++;
        } else {
            check_zprv(*state, &master, path != NULL ? path : "m",
                       text_of(one, "xpriv", "rootpriv"),
                       text_of(one, "xpub", "rootpub"));
        }
    }
    assert_int_equal(addresses, 3);
    json_decref(file);
}

static void a_public_key_has_no_hardened_child(void **state)
{
    struct bip32_key k, child = {.depth = 99};
    master_of(&k, "000102030405060708090a0b0c0d0e0f");
    bip32_neuter(&k, *state, &k);
    assert_int_equal(bip32_child(&child, *state, &k, BIP32_HARDENED), KZ_RANGE);
    assert_int_equal(bip32_child(&child, *state, &k, UINT32_MAX), KZ_RANGE);
    assert_int_equal(child.depth, 99);
    assert_int_equal(bip32_child(&child, *state, &k, BIP32_HARDENED - 1), KZ_OK);
}

static void no_key_is_deeper_than_255(void **state)
{
    struct bip32_key k;
    master_of(&k, "000102030405060708090a0b0c0d0e0f");
    for (int i = 0; i < 255; i++)
        assert_int_equal(bip32_child(&k, *state, &k, 0), KZ_OK);
    assert_int_equal(k.depth, 255);
    assert_int_equal(bip32_child(&k, *state, &k, 0), KZ_RANGE);
    assert_int_equal(k.depth, 255);
}

static void seeds_have_16_to_64_bytes(void **state)
{
    (void)state;
    const uint8_t seed[65] = {1};
    struct bip32_key k = {.depth = 99};
    assert_int_equal(bip32_from_seed(&k, true, (struct bytes){seed, 15}), KZ_RANGE);
    assert_int_equal(bip32_from_seed(&k, true, (struct bytes){seed, 65}), KZ_RANGE);
    assert_int_equal(k.depth, 99);
    assert_int_equal(bip32_from_seed(&k, true, (struct bytes){seed, 16}), KZ_OK);
    assert_int_equal(bip32_from_seed(&k, true, (struct bytes){seed, 64}), KZ_OK);
}

static void a_key_of_a_test_network_says_so(void **state)
{
    const uint8_t seed[32] = {1};
    struct bip32_key k, back;
    char text[BIP32_TEXT_SIZE];
    const char *why = NULL;
    assert_int_equal(bip32_from_seed(&k, true, (struct bytes){seed, 32}), KZ_OK);
    bip32_format(text, &k);
    assert_memory_equal(text, "tprv", 4);
    assert_int_equal(bip32_parse(&back, &why, text, strlen(text)), KZ_OK);
    assert_formats(&back, text);
    assert_true(back.is_test && back.is_private);
    bip32_neuter(&k, *state, &k);
    bip32_format(text, &k);
    assert_memory_equal(text, "tpub", 4);
    text[20] = text[20] == 'a' ? 'b' : 'a';
    assert_int_equal(bip32_parse(&back, &why, text, strlen(text)), KZ_PARSE);
}

static void a_wiped_key_is_zeros(void **state)
{
    (void)state;
    const struct bip32_key zero = {0};
    struct bip32_key k;
    master_of(&k, "000102030405060708090a0b0c0d0e0f");
    bip32_wipe(&k);
    assert_memory_equal(&k, &zero, sizeof(k));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains_of_the_bip_come_out),
        cmocka_unit_test(extended_keys_that_the_bip_calls_invalid_are_refused),
        cmocka_unit_test(taproot_keys_of_bip86_come_out),
        cmocka_unit_test(keys_of_bip84_come_out_and_its_versions_are_refused),
        cmocka_unit_test(a_public_key_has_no_hardened_child),
        cmocka_unit_test(no_key_is_deeper_than_255),
        cmocka_unit_test(seeds_have_16_to_64_bytes),
        cmocka_unit_test(a_key_of_a_test_network_says_so),
        cmocka_unit_test(a_wiped_key_is_zeros),
    };
    return cmocka_run_group_tests(tests, make_context, free_context);
}
