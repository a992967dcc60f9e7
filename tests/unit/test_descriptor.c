#include "payout/descriptor.h"

#include "payout/address.h"
#include "payout/descriptor_checksum.h"
#include "payout/wif.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/vectors.h"

#define KEY_A "02ff12471208c14bd580709cb2358d98975247d8765f92bc25eab3b2763ed605f8"
#define KEY_B "02fe6f0a5a297eb38c391581c4413e084773ea23954d93f7753db7dc0adc188b2f"
#define XPUB                                                                           \
    "xpub6ERApfZwUNrhLCkDtcHTcxd75RbzS1ed54G1LkBUHQVHQKqhMkhgbmJbZRkrgZw4koxb5"        \
    "JaHWkY4ALHY2grBGRjaDMzQLcgJvLJuZZvRcEL"
#define XPRV                                                                           \
    "xprvA1RpRA33e1JQ7ifknakTFpgNXPmW2YvmhqLQYMmrj4xJXXWYpDPS3xz7iAxn8L39njGVy"        \
    "uoseXzU6rcxFLJ8HFsTjSyQbLYnMpCqE2VbFWc"
#define WIF "L4rK1yDtCWekvXuE6oXD9jCYfFNV2cWRpVuPLBcCU2z8TrisoyY1"

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

static enum kz_err parse_on(struct descriptor *d, struct descriptor_problem *p,
                            enum conf_network network, const char *text)
{
    *p = (struct descriptor_problem){0};
    enum kz_err err = descriptor_parse(d, p, network_of(network), text, strlen(text));
    assert_int_equal(err != KZ_OK, p->why != NULL);
    if (err != KZ_OK)
        assert_true(p->position <= strlen(text));
    return err;
}

static enum kz_err parse(struct descriptor *d, struct descriptor_problem *p,
                         const char *text)
{
    return parse_on(d, p, CONF_MAIN, text);
}

static void must_parse(struct descriptor *d, enum conf_network network,
                       const char *text)
{
    struct descriptor_problem p;
    if (parse_on(d, &p, network, text) != KZ_OK)
        fail_msg("%s: %s, at %zu", text, p.why, p.position);
}

static void assert_hex(const void *bytes, size_t len, const char *want)
{
    char hex[2 * sizeof(((struct script *)NULL)->b) + 1];
    hex_encode(hex, bytes, len);
    assert_string_equal(hex, want);
}

static void checksums_of_the_bip_are_judged(void **state)
{
    (void)state;
    json_t *file = vectors_json("bips/descriptors.json");
    const json_t *list = json_object_get(file, "checksum");
    assert_int_equal(json_array_size(list), 8);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const char *text = text_at(one, "text"), *what = text_at(one, "description");
        struct descriptor_problem p = {0};
        size_t body = 99;
        bool valid =
            strcmp(what, "Valid checksum") == 0 || strcmp(what, "No checksum") == 0;
        enum kz_err err = descriptor_check(&body, &p, text, strlen(text));
        if (err != (valid ? KZ_OK : KZ_PARSE))
            fail_msg("%s: %s", what, text);
        assert_int_equal(body, valid ? 13 : 99);
    }
    json_decref(file);
}

static void a_checksum_is_made_and_covers_every_character(void **state)
{
    (void)state;
    char out[DESCRIPTOR_CHECKSUM_SIZE], other[DESCRIPTOR_CHECKSUM_SIZE];
    char text[] = "raw(deadbeef)";
    size_t bad_at = 99;
    assert_int_equal(descriptor_checksum(out, &bad_at, text, strlen(text)), KZ_OK);
    assert_string_equal(out, "89f8spxm");
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        char was = text[i];
        text[i] = 'x';
        assert_int_equal(descriptor_checksum(other, &bad_at, text, strlen(text)),
                         KZ_OK);
        assert_string_not_equal(other, out);
        text[i] = was;
    }
    text[5] = '\n';
    assert_int_equal(descriptor_checksum(out, &bad_at, text, strlen(text)), KZ_PARSE);
    assert_int_equal(bad_at, 5);
}

/* Valid in the BIP's eyes; some of it is not for here, which is said as a range. */
static bool is_for_here(const char *what)
{
    return strstr(what, "ncompressed") == NULL &&
           !(strstr(what, "hardened") != NULL &&
             strstr(what, "Extended public") == what);
}

static void valid_key_expressions_of_the_bip_are_read(void **state)
{
    (void)state;
    json_t *file = vectors_json("bips/descriptors.json");
    const json_t *list = json_object_get(file, "key_expressions_valid");
    size_t read = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const char *what = text_at(one, "description");
        char text[512];
        struct descriptor d;
        struct descriptor_problem p;
        snprintf(text, sizeof(text), "pkh(%s)", text_at(one, "text"));
        enum kz_err err = parse(&d, &p, text);
        bool here = is_for_here(what);
        if (err != (here ? KZ_OK : KZ_RANGE))
            fail_msg("%s: %s, %s", what, text, p.why != NULL ? p.why : "was taken");
        read += here;
    }
    assert_int_equal(json_array_size(list), 21);
    assert_int_equal(read, 16);
    json_decref(file);
}

static void invalid_key_expressions_of_the_bip_are_refused(void **state)
{
    (void)state;
    json_t *file = vectors_json("bips/descriptors.json");
    const json_t *list = json_object_get(file, "key_expressions_invalid");
    assert_int_equal(json_array_size(list), 16);
    for (size_t i = 0; i < json_array_size(list); i++) {
        char text[512];
        struct descriptor d = {.key_count = 99};
        struct descriptor_problem p;
        snprintf(text, sizeof(text), "pkh(%s)",
                 text_at(json_array_get(list, i), "text"));
        if (parse(&d, &p, text) != KZ_PARSE)
            fail_msg("%s was taken", text);
        assert_int_equal(d.key_count, 99);
    }
    json_decref(file);
}

static void assert_address(const struct descriptor_output *o, enum conf_network network,
                           const char *want)
{
    char text[ADDRESS_TEXT_SIZE];
    assert_int_equal(
        address_format(text, network_of(network), script_bytes(&o->script)), KZ_OK);
    assert_string_equal(text, want);
}

/* "m/84h/1h/0h", and then 0 and the index. */
static void assert_origin(const struct key_origin *o, const char *path, uint32_t index)
{
    size_t at = 0;
    assert_hex(o->fingerprint, sizeof(o->fingerprint), "5453efb5");
    for (path++; *path == '/'; at++) {
        path++;
        uint32_t step = (uint32_t)decimal_take(&path);
        step += *path == 'h' ? BIP32_HARDENED : 0;
        path += *path == 'h' ? 1 : 0;
        assert_int_equal(o->path[at], step);
    }
    assert_int_equal(o->count, at + 2);
    assert_int_equal(o->path[at], 0);
    assert_int_equal(o->path[at + 1], index);
}

static void check_derived(const struct sign_context *c, const struct descriptor *d,
                          const struct descriptor *private_d, const json_t *range,
                          const json_t *one)
{
    struct descriptor_output o, same;
    uint8_t key[PRIVATE_KEY_SIZE];
    uint32_t index = (uint32_t)number_at(one, "index");
    assert_int_equal(descriptor_expand(&o, d, c, index), KZ_OK);
    assert_hex(o.script.b, o.script.len, text_at(one, "script_pubkey"));
    assert_hex(o.keys[0].pubkey, PUBKEY_SIZE, text_at(one, "public_key"));
    assert_origin(&o.keys[0].origin, text_at(range, "origin_path"), index);
    assert_address(&o, CONF_TEST, text_at(one, "test"));
    assert_address(&o, CONF_REGTEST, text_at(one, "regtest"));
    assert_int_equal(descriptor_private_key(key, d, c, 0, index), KZ_EMPTY);

    assert_int_equal(descriptor_expand(&same, private_d, c, index), KZ_OK);
    assert_memory_equal(same.script.b, o.script.b, o.script.len);
    assert_int_equal(descriptor_private_key(key, private_d, c, 0, index), KZ_OK);
    assert_hex(key, sizeof(key), text_at(one, "private_key"));
}

/* The same with the account's private key, as a wallet that signs has it. */
static void private_text(char out[512], const struct descriptor *d, const json_t *range)
{
    const char *name = descriptor_type_name(d->type);
    if (d->type == DESCRIPTOR_SH_WPKH)
        snprintf(out, 512, "sh(wpkh(%s/0/*))", text_at(range, "account_xprv"));
    else
        snprintf(out, 512, "%s(%s/0/*)", name, text_at(range, "account_xprv"));
}

static void ranged_descriptors_of_the_vectors_derive_what_a_node_derives(void **state)
{
    json_t *file = vectors_json("bips/descriptors.json");
    const json_t *list = json_object_get(file, "ranged");
    assert_int_equal(json_array_size(list), 4);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *range = json_array_get(list, i);
        const json_t *derived = json_object_get(range, "derived");
        struct descriptor d, private_d;
        char text[512];
        must_parse(&d, CONF_REGTEST, text_at(range, "descriptor"));
        assert_true(descriptor_is_ranged(&d));
        assert_false(descriptor_has_private(&d));
        private_text(text, &d, range);
        must_parse(&private_d, CONF_SIGNET, text);
        assert_true(descriptor_has_private(&private_d));
        assert_int_equal(json_array_size(derived), 5);
        for (size_t k = 0; k < json_array_size(derived); k++)
            check_derived(*state, &d, &private_d, range, json_array_get(derived, k));
    }
    json_decref(file);
}

static void an_accounts_descriptor_is_made_from_the_seed(void **state)
{
    json_t *file = vectors_json("bips/descriptors.json");
    const json_t *list = json_object_get(file, "ranged");
    const char *name = text_at(file, "master_seed_sha256_of");
    const enum descriptor_type types[] = {DESCRIPTOR_WPKH, DESCRIPTOR_TR,
                                          DESCRIPTOR_PKH, DESCRIPTOR_SH_WPKH};
    struct hash256 seed;
    struct bip32_key master;
    hash256_single(&seed, name, strlen(name));
    assert_int_equal(bip32_from_seed(&master, true, (struct bytes){seed.b, 32}), KZ_OK);
    for (size_t i = 0; i < json_array_size(list); i++) {
        char text[DESCRIPTOR_TEXT_MAX + 1];
        struct descriptor d;
        assert_int_equal(descriptor_of_account(text, *state, &master, types[i], 0, 0),
                         KZ_OK);
        assert_string_equal(text, text_at(json_array_get(list, i), "descriptor"));
        assert_int_equal(descriptor_of_account(text, *state, &master, types[i], 7, 1),
                         KZ_OK);
        must_parse(&d, CONF_TEST, text);
        assert_int_equal(d.type, types[i]);
        assert_int_equal(d.keys[0].origin.path[2], 7 + BIP32_HARDENED);
        assert_int_equal(d.keys[0].path[0], 1);
    }
    json_decref(file);
}

/* A descriptor's key in hex, WIF and as taproot writes it. */
static void single_keys_give_the_same_scripts_in_each_form(void **state)
{
    struct descriptor d;
    struct descriptor_output o, wif;
    uint8_t key[PRIVATE_KEY_SIZE], want[PRIVATE_KEY_SIZE], pubkey[PUBKEY_SIZE];
    char hex[2 * PUBKEY_SIZE + 1], text[128];
    bool compressed = false;
    const char *why = NULL;
    assert_int_equal(
        wif_parse(want, &compressed, &why, network_of(CONF_MAIN), WIF, strlen(WIF)),
        KZ_OK);
    assert_int_equal(sign_public_key(pubkey, *state, want), KZ_OK);
    hex_encode(hex, pubkey, sizeof(pubkey));

    must_parse(&d, CONF_MAIN, "tr(" WIF ")");
    assert_true(descriptor_has_private(&d));
    assert_int_equal(descriptor_expand(&wif, &d, *state, 5), KZ_OK);
    assert_int_equal(descriptor_private_key(key, &d, *state, 0, 5), KZ_OK);
    assert_memory_equal(key, want, sizeof(key));
    snprintf(text, sizeof(text), "tr(%s)", hex);
    must_parse(&d, CONF_MAIN, text);
    assert_int_equal(descriptor_expand(&o, &d, *state, 0), KZ_OK);
    assert_memory_equal(o.script.b, wif.script.b, 34);
    snprintf(text, sizeof(text), "tr([5453efb5/1h]%s)", hex + 2);
    must_parse(&d, CONF_MAIN, text);
    assert_int_equal(descriptor_expand(&o, &d, *state, 0), KZ_OK);
    assert_memory_equal(o.script.b, wif.script.b, 34);
    assert_hex(o.keys[0].origin.fingerprint, 4, "5453efb5");
    assert_int_equal(o.keys[0].origin.count, 1);
}

static void sorted_multisig_is_what_bip67_makes(void **state)
{
    const char *const script = "5221" KEY_B "21" KEY_A "52ae";
    struct descriptor d;
    struct descriptor_output o;
    must_parse(&d, CONF_MAIN, "sh(sortedmulti(2," KEY_A "," KEY_B "))");
    assert_int_equal(descriptor_expand(&o, &d, *state, 0), KZ_OK);
    assert_int_equal(o.type, DESCRIPTOR_SH_MULTI);
    assert_int_equal(o.required, 2);
    assert_int_equal(o.key_count, 2);
    assert_hex(o.redeem.b, o.redeem.len, script);
    assert_int_equal(o.witness.len, 0);
    assert_hex(o.keys[0].pubkey, PUBKEY_SIZE, KEY_A); /* as the descriptor has them */
    assert_address(&o, CONF_MAIN, "39bgKC7RFbpoCRbtD5KEdkYKtNyhpsNa3Z");

    must_parse(&d, CONF_MAIN, "wsh(sortedmulti(2," KEY_A "," KEY_B "))");
    assert_int_equal(descriptor_expand(&o, &d, *state, 0), KZ_OK);
    assert_hex(o.witness.b, o.witness.len, script);
    assert_int_equal(o.redeem.len, 0);
    assert_int_equal(script_type_of(script_bytes(&o.script)), SCRIPT_P2WSH);
}

static void keys_of_multisig_have_ranges_and_private_keys_of_their_own(void **state)
{
    struct descriptor d;
    struct descriptor_output o;
    uint8_t key[PRIVATE_KEY_SIZE], pubkey[PUBKEY_SIZE];
    must_parse(&d, CONF_MAIN,
               "wsh(sortedmulti(1,[deadbeef/48h]" XPUB "/1/*," XPRV "/2h/*h," KEY_A
               "))");
    assert_true(descriptor_is_ranged(&d));
    assert_false(descriptor_has_private(&d));
    assert_int_equal(descriptor_expand(&o, &d, *state, 9), KZ_OK);
    assert_int_equal(o.keys[0].origin.count, 3);
    assert_int_equal(o.keys[0].origin.path[2], 9);
    assert_int_equal(o.keys[1].origin.count, 2);
    assert_int_equal(o.keys[1].origin.path[0], 2 + BIP32_HARDENED);
    assert_int_equal(o.keys[1].origin.path[1], 9 + BIP32_HARDENED);
    assert_int_equal(o.keys[2].origin.count, 0);
    assert_int_equal(descriptor_private_key(key, &d, *state, 0, 9), KZ_EMPTY);
    assert_int_equal(descriptor_private_key(key, &d, *state, 1, 9), KZ_OK);
    assert_int_equal(sign_public_key(pubkey, *state, key), KZ_OK);
    assert_memory_equal(pubkey, o.keys[1].pubkey, sizeof(pubkey));
    assert_int_equal(descriptor_expand(&o, &d, *state, BIP32_HARDENED), KZ_RANGE);
}

static void what_is_wrong_is_named_and_placed(void **state)
{
    (void)state;
    const struct {
        const char *text;
        enum kz_err err;
        size_t position;
        const char *says;
    } cases[] = {
        {"", KZ_PARSE, 0, "none of"},
        {"wpkh", KZ_PARSE, 0, "none of"},
        {"wpkh(" KEY_A, KZ_PARSE, 0, "none of"},
        {"multi(1," KEY_A ")", KZ_PARSE, 0, "none of"},
        {"wpkh()", KZ_PARSE, 5, "missing"},
        {"wpkh(" KEY_A "," KEY_A ")", KZ_PARSE, 71, "one key"},
        {"tr(" KEY_A ",pk(" KEY_A "))", KZ_RANGE, 69, "script trees"},
        {"wpkh([deadbeef/0" KEY_A ")", KZ_PARSE, 6, "not closed"},
        {"wpkh([deadbee/0]" KEY_A ")", KZ_PARSE, 6, "fingerprint"},
        {"wpkh([deadbeef/0/x]" KEY_A ")", KZ_PARSE, 17, "step"},
        {"wpkh([deadbeef/2147483648]" KEY_A ")", KZ_PARSE, 15, "step"},
        {"wpkh(" KEY_A "/0)", KZ_PARSE, 71, "only extended"},
        {"wpkh(" XPUB "/0h/*)", KZ_RANGE, 116, "hardened"},
        {"wpkh(" XPUB "/*/0)", KZ_PARSE, 117, "step"},
        {"wpkh(" XPUB "/)", KZ_PARSE, 117, "step"},
        {"wpkh(" XPUB "//1)", KZ_PARSE, 117, "step"},
        {"wpkh(" XPUB "/<0;1>/*)", KZ_PARSE, 117, "step"},
        {"wpkh(" XPUB "/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0)", KZ_RANGE, 149, "16 steps"},
        {"wpkh(05" KEY_A ")", KZ_PARSE, 5, "extended"},
        {"wpkh(05ff12471208c14bd580709cb2358d98975247d8765f92bc25eab3b2763ed605f8)",
         KZ_PARSE, 5, "public key"},
        {"wpkh(ff12471208c14bd580709cb2358d98975247d8765f92bc25eab3b2763ed605f8)",
         KZ_PARSE, 5, "tr() only"},
        {"tr(0000000000000000000000000000000000000000000000000000000000000005)",
         KZ_PARSE, 3, "public key"},
        {"pkh(5KYZdUEo39z3FPrtuX2QbbwGnNP5zTd7yyr2SC1j299sBCnWjss)", KZ_RANGE, 4,
         "uncompressed"},
        {"sh(sortedmulti(0," KEY_A "))", KZ_PARSE, 15, "1 to 16"},
        {"sh(sortedmulti(x," KEY_A "))", KZ_PARSE, 15, "1 to 16"},
        {"sh(sortedmulti(2," KEY_A "))", KZ_PARSE, 15, "more signatures"},
        {"sh(sortedmulti(1))", KZ_PARSE, 15, "more signatures"},
        {"sh(sortedmulti(1,))", KZ_PARSE, 17, "missing"},
        {"wpkh(" KEY_A ")#abcdefgh", KZ_PARSE, 72, "mistyped"},
        {"wpkh(" KEY_A ")#abc", KZ_PARSE, 72, "8 characters"},
        {"wpkh(\xc3\x9c)", KZ_PARSE, 5, "character"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct descriptor d;
        struct descriptor_problem p;
        enum kz_err err = parse(&d, &p, cases[i].text);
        if (err != cases[i].err || p.position != cases[i].position ||
            strstr(p.why, cases[i].says) == NULL)
            fail_msg("%s: %d, '%s' at %zu", cases[i].text, (int)err, p.why, p.position);
    }
}

static void keys_of_another_network_are_refused(void **state)
{
    (void)state;
    struct descriptor d;
    struct descriptor_problem p;
    assert_int_equal(parse_on(&d, &p, CONF_TEST, "wpkh(" XPUB "/*)"), KZ_RANGE);
    assert_non_null(strstr(p.why, "another network"));
    assert_int_equal(parse_on(&d, &p, CONF_TEST, "wpkh(" WIF ")"), KZ_RANGE);
    assert_int_equal(parse_on(&d, &p, CONF_MAIN, "wpkh(" WIF ")"), KZ_OK);
}

static size_t write_multi(char *out, size_t size, const char *outer, size_t keys)
{
    size_t len = (size_t)snprintf(out, size, "%s(sortedmulti(%zu", outer, keys);
    for (size_t i = 0; i < keys; i++)
        len += (size_t)snprintf(out + len, size - len, "," KEY_A);
    return len + (size_t)snprintf(out + len, size - len, "))");
}

static void multisig_has_as_many_keys_as_its_script_can(void **state)
{
    char text[2048];
    struct descriptor d;
    struct descriptor_output o;
    struct descriptor_problem p;
    write_multi(text, sizeof(text), "wsh", 16);
    must_parse(&d, CONF_MAIN, text);
    assert_int_equal(descriptor_expand(&o, &d, *state, 0), KZ_OK);
    assert_int_equal(o.witness.len, 3 + 34 * 16);
    write_multi(text, sizeof(text), "wsh", 17);
    assert_int_equal(parse(&d, &p, text), KZ_PARSE); /* 17 signatures */
    write_multi(text, sizeof(text), "sh", 15);
    must_parse(&d, CONF_MAIN, text);
    write_multi(text, sizeof(text), "sh", 16);
    assert_int_equal(parse(&d, &p, text), KZ_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checksums_of_the_bip_are_judged),
        cmocka_unit_test(a_checksum_is_made_and_covers_every_character),
        cmocka_unit_test(valid_key_expressions_of_the_bip_are_read),
        cmocka_unit_test(invalid_key_expressions_of_the_bip_are_refused),
        cmocka_unit_test(ranged_descriptors_of_the_vectors_derive_what_a_node_derives),
        cmocka_unit_test(an_accounts_descriptor_is_made_from_the_seed),
        cmocka_unit_test(single_keys_give_the_same_scripts_in_each_form),
        cmocka_unit_test(sorted_multisig_is_what_bip67_makes),
        cmocka_unit_test(keys_of_multisig_have_ranges_and_private_keys_of_their_own),
        cmocka_unit_test(what_is_wrong_is_named_and_placed),
        cmocka_unit_test(keys_of_another_network_are_refused),
        cmocka_unit_test(multisig_has_as_many_keys_as_its_script_can),
    };
    return cmocka_run_group_tests(tests, make_context, free_context);
}
