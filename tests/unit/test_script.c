#include "payout/script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "payout/address.h"
#include "tests/unit/tx_fixture.h"

static void assert_script(const struct script *s, const char *hex)
{
    assert_hex(script_bytes(s), hex);
}

static void assert_type(const char *hex, enum script_type expected)
{
    struct tx_bytes b = unhex(hex);
    enum script_type type = script_type_of(tx_view(&b));
    if (type != expected)
        fail_msg("%s is %s", hex, script_type_name(type));
    mem_free(b.p);
}

static void key_of_hex(uint8_t key[PUBKEY_SIZE], const char *hex)
{
    assert_int_equal(hex_decode(key, PUBKEY_SIZE, hex, strlen(hex)), KZ_OK);
}

#define H20 "000102030405060708090a0b0c0d0e0f10111213"
#define H32 H20 "1415161718191a1b1c1d1e1f"
#define K02 "02" H32
#define K03 "03" H32

static void each_type_is_known_by_its_form(void **state)
{
    (void)state;
    assert_type("76a914" H20 "88ac", SCRIPT_P2PKH);
    assert_type("a914" H20 "87", SCRIPT_P2SH);
    assert_type("0014" H20, SCRIPT_P2WPKH);
    assert_type("0020" H32, SCRIPT_P2WSH);
    assert_type("5120" H32, SCRIPT_P2TR);
    assert_type("51024e73", SCRIPT_P2A);
    assert_type("5121" K02 "51ae", SCRIPT_MULTISIG);
}

static void what_only_looks_like_one_is_other(void **state)
{
    (void)state;
    const char *const others[] = {
        "",
        "00",
        "6a",
        "76a914" H20 "88ad",
        "76a914" H20 "87ac",
        "76a913" H20 "88ac",
        "76a914" H20 "88ac00",
        "76a914" H20 "88",
        "a914" H20 "88",
        "a914" H20 "8700",
        "0014" H20 "00",
        "0014" H32,
        "0120" H32,
        "5220" H32,
        "5114" H20,
        "51024e74",
        "51024e7300",
        "00024e73",
        "21" K02 "ac",
        /* no keys, m above n, n not the keys there, m of 0, keys of other forms */
        "5150ae",
        "5150",
        "5221" K02 "51ae",
        "5121" K02 "52ae",
        "5021" K02 "51ae",
        "5121" K02 "51af",
        "5121" K02 "51ae00",
        "512104" H32 "51ae",
        "5120" H32 "0051ae",
        "5121" K02 "21" K03 "51ae",
        "5121" K02 "20" K03 "52ae",
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_type(others[i], SCRIPT_OTHER);
}

static void types_have_names(void **state)
{
    (void)state;
    const char *const names[] = {"p2pkh", "p2sh", "p2wpkh",   "p2wsh",
                                 "p2tr",  "p2a",  "multisig", "other"};
    for (int t = SCRIPT_P2PKH; t <= SCRIPT_OTHER; t++)
        assert_string_equal(script_type_name((enum script_type)t), names[t]);
}

/* RIPEMD-160 and SHA-256 of the empty text have well-known results. */
static void hash160_is_ripemd_of_sha(void **state)
{
    (void)state;
    uint8_t out[20];
    hash160(out, (struct bytes){NULL, 0});
    assert_hex((struct bytes){out, 20}, "b472a266d0bd89c13706a4132ccfb16f7c3b9fcb");
}

static void multisig_of_all_sizes_is_read_back(void **state)
{
    (void)state;
    uint8_t keys[16][PUBKEY_SIZE];
    for (size_t i = 0; i < 16; i++) {
        memset(keys[i], (int)i, PUBKEY_SIZE);
        keys[i][0] = (uint8_t)(2 + i % 2);
    }
    for (size_t n = 1; n <= 16; n++) {
        for (size_t m = 1; m <= n; m++) {
            struct script s;
            struct bytes found[16];
            size_t m_read = 0, n_read = 0;
            script_multisig(&s, m, (const uint8_t(*)[PUBKEY_SIZE])keys, n);
            assert_int_equal(s.len, 3 + 34 * n);
            assert_int_equal(script_type_of(script_bytes(&s)), SCRIPT_MULTISIG);
            assert_true(
                script_read_multisig(&m_read, &n_read, found, script_bytes(&s)));
            assert_int_equal(m_read, m);
            assert_int_equal(n_read, n);
            for (size_t i = 0; i < n; i++) {
                assert_int_equal(found[i].len, PUBKEY_SIZE);
                assert_memory_equal(found[i].p, keys[i], PUBKEY_SIZE);
            }
        }
    }
}

static void what_is_no_multisig_leaves_the_outputs(void **state)
{
    (void)state;
    size_t m = 7, n = 8;
    struct bytes keys[16] = {{NULL, 9}};
    struct tx_bytes b = unhex("5221" K02 "2104" H32 "52ae");
    assert_false(script_read_multisig(&m, &n, keys, tx_view(&b)));
    assert_int_equal(m, 7);
    assert_int_equal(n, 8);
    assert_int_equal(keys[0].len, 9);
    mem_free(b.p);
}

/* BIP67's first example. */
static void keys_sort_by_their_bytes(void **state)
{
    (void)state;
    uint8_t keys[2][PUBKEY_SIZE];
    struct script s;
    struct address a;
    struct address_problem problem;
    const char *const expected = "39bgKC7RFbpoCRbtD5KEdkYKtNyhpsNa3Z";
    key_of_hex(keys[0],
               "02ff12471208c14bd580709cb2358d98975247d8765f92bc25eab3b2763ed605f8");
    key_of_hex(keys[1],
               "02fe6f0a5a297eb38c391581c4413e084773ea23954d93f7753db7dc0adc188b2f");
    script_sort_keys(keys, 2);
    assert_int_equal(keys[0][1], 0xfe);
    script_multisig(&s, 2, (const uint8_t(*)[PUBKEY_SIZE])keys, 2);
    script_p2sh(&s, script_bytes(&s));
    assert_int_equal(
        address_parse(&a, &problem, network_of(CONF_MAIN), expected, strlen(expected)),
        KZ_OK);
    assert_int_equal(s.len, a.script_len);
    assert_memory_equal(s.b, a.script, s.len);
    script_sort_keys(keys, 0);
}

static void sorting_does_not_depend_on_the_order_given(void **state)
{
    (void)state;
    uint8_t sorted[5][PUBKEY_SIZE] = {{0}};
    for (size_t i = 0; i < 5; i++) {
        sorted[i][0] = 2;
        sorted[i][32] = (uint8_t)(50 * i); /* some above 127 */
    }
    for (size_t order = 0; order < 120; order++) {
        uint8_t keys[5][PUBKEY_SIZE];
        size_t left[5] = {0, 1, 2, 3, 4}, code = order;
        for (size_t i = 0; i < 5; i++) {
            size_t pick = code % (5 - i);
            code /= 5 - i;
            memcpy(keys[i], sorted[left[pick]], PUBKEY_SIZE);
            memmove(left + pick, left + pick + 1, (4 - pick) * sizeof(left[0]));
        }
        script_sort_keys(keys, 5);
        assert_memory_equal(keys, sorted, sizeof(keys));
    }
}

static void assert_push(const char *data, const char *expected)
{
    uint8_t out[600] = {0xee};
    size_t len = 1;
    struct tx_bytes in = unhex(data);
    script_push(out, &len, tx_view(&in));
    assert_int_equal(out[0], 0xee);
    assert_hex((struct bytes){out + 1, len - 1}, expected);
    mem_free(in.p);
}

static void pushes_take_their_least_form(void **state)
{
    (void)state;
    uint8_t out[600];
    const uint8_t data[520] = {0};
    assert_push("", "00");
    assert_push("00", "0100");
    assert_push("01", "51");
    assert_push("10", "60");
    assert_push("11", "0111");
    assert_push("80", "0180");
    assert_push("81", "4f");
    assert_push("0102", "020102");
    const struct {
        size_t in, prefix;
        const char *start;
    } cases[] = {{75, 1, "4b"},
                 {76, 2, "4c4c"},
                 {255, 2, "4cff"},
                 {256, 3, "4d0001"},
                 {520, 3, "4d0802"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t len = 0;
        script_push(out, &len, (struct bytes){data, cases[i].in});
        assert_int_equal(len, cases[i].prefix + cases[i].in);
        assert_hex((struct bytes){out, cases[i].prefix}, cases[i].start);
    }
}

static const char *script_of_kind(const json_t *key, const char *kind)
{
    const json_t *outputs = json_object_get(key, "outputs");
    for (size_t i = 0; i < json_array_size(outputs); i++)
        if (strcmp(text_at(json_array_get(outputs, i), "kind"), kind) == 0)
            return text_at(json_array_get(outputs, i), "script_pubkey");
    fail_msg("no output of kind %s", kind);
    return NULL;
}

static void check_key(const json_t *key)
{
    struct script s, wsh;
    uint8_t hash[20], pubkey[PUBKEY_SIZE], xonly[XONLY_SIZE];
    struct tx_bytes witness_script = unhex(text_at(key, "witness_script_1of2"));
    const char *output_key = text_at(key, "taproot_output_key");
    key_of_hex(pubkey, text_at(key, "public_key"));
    hash160(hash, (struct bytes){pubkey, PUBKEY_SIZE});
    script_p2pkh(&s, hash);
    assert_script(&s, script_of_kind(key, "p2pkh"));
    script_p2wpkh(&s, hash);
    assert_script(&s, script_of_kind(key, "p2wpkh"));
    script_p2sh(&s, script_bytes(&s));
    assert_script(&s, script_of_kind(key, "p2sh_p2wpkh"));
    assert_int_equal(script_type_of(tx_view(&witness_script)), SCRIPT_MULTISIG);
    script_p2wsh(&wsh, tx_view(&witness_script));
    assert_script(&wsh, script_of_kind(key, "p2wsh_1of2"));
    script_p2sh(&s, script_bytes(&wsh));
    assert_script(&s, script_of_kind(key, "p2sh_p2wsh_1of2"));
    assert_int_equal(hex_decode(xonly, XONLY_SIZE, output_key, strlen(output_key)),
                     KZ_OK);
    script_p2tr(&s, xonly);
    assert_script(&s, script_of_kind(key, "p2tr_bip86"));
    mem_free(witness_script.p);
}

static void scripts_of_the_vectors_are_made_and_known(void **state)
{
    (void)state;
    json_t *file = vectors_json("addresses/generated.json");
    const json_t *keys = json_object_get(file, "keys");
    assert_int_equal(json_array_size(keys), 8);
    for (size_t k = 0; k < json_array_size(keys); k++) {
        const json_t *outputs = json_object_get(json_array_get(keys, k), "outputs");
        check_key(json_array_get(keys, k));
        for (size_t i = 0; i < json_array_size(outputs); i++) {
            const json_t *o = json_array_get(outputs, i);
            struct tx_bytes b = unhex(text_at(o, "script_pubkey"));
            assert_string_equal(script_type_name(script_type_of(tx_view(&b))),
                                text_at(o, "type"));
            mem_free(b.p);
        }
    }
    json_decref(file);
}

/* "p2wsh_2of3" begins with the name of its type; "p2sh_p2wpkh" does too. */
static void assert_named(const char *hex, const char *kind)
{
    struct tx_bytes b = unhex(hex);
    const char *name = script_type_name(script_type_of(tx_view(&b)));
    assert_int_equal(strncmp(kind, name, strlen(name)), 0);
    mem_free(b.p);
}

static void check_locked_script(const json_t *in)
{
    struct script s;
    uint8_t keys[16][PUBKEY_SIZE];
    struct bytes found[16];
    size_t m = 0, n = 0;
    const char *inner =
        json_string_value(json_object_get(in, "witness_or_redeem_script"));
    if (inner == NULL)
        return;
    struct tx_bytes b = unhex(inner);
    assert_true(script_read_multisig(&m, &n, found, tx_view(&b)));
    assert_int_equal(m, 2);
    assert_int_equal(n, 3);
    for (size_t i = 0; i < n; i++)
        memcpy(keys[i], found[i].p, PUBKEY_SIZE);
    script_multisig(&s, m, (const uint8_t(*)[PUBKEY_SIZE])keys, n);
    assert_script(&s, inner);
    if (strcmp(text_at(in, "type"), "p2wsh_2of3") == 0)
        script_p2wsh(&s, tx_view(&b));
    else
        script_p2sh(&s, tx_view(&b));
    assert_script(&s, text_at(in, "script_pubkey"));
    mem_free(b.p);
}

static void payouts_of_the_vectors_spend_and_pay_known_scripts(void **state)
{
    (void)state;
    json_t *file = vectors_json("payout/payout_tx.json");
    const json_t *cases = json_object_get(file, "cases");
    size_t multisig = 0;
    for (size_t c = 0; c < json_array_size(cases); c++) {
        const json_t *inputs = json_object_get(json_array_get(cases, c), "inputs");
        const json_t *outputs = json_object_get(json_array_get(cases, c), "outputs");
        for (size_t i = 0; i < json_array_size(inputs); i++) {
            const json_t *in = json_array_get(inputs, i);
            assert_named(text_at(in, "script_pubkey"), text_at(in, "type"));
            check_locked_script(in);
            multisig += json_is_string(json_object_get(in, "witness_or_redeem_script"));
        }
        for (size_t i = 0; i < json_array_size(outputs); i++) {
            const json_t *o = json_array_get(outputs, i);
            assert_named(text_at(o, "script_pubkey"), text_at(o, "type"));
        }
    }
    assert_int_equal(multisig, 2);
    json_decref(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_type_is_known_by_its_form),
        cmocka_unit_test(what_only_looks_like_one_is_other),
        cmocka_unit_test(types_have_names),
        cmocka_unit_test(hash160_is_ripemd_of_sha),
        cmocka_unit_test(multisig_of_all_sizes_is_read_back),
        cmocka_unit_test(what_is_no_multisig_leaves_the_outputs),
        cmocka_unit_test(keys_sort_by_their_bytes),
        cmocka_unit_test(sorting_does_not_depend_on_the_order_given),
        cmocka_unit_test(pushes_take_their_least_form),
        cmocka_unit_test(scripts_of_the_vectors_are_made_and_known),
        cmocka_unit_test(payouts_of_the_vectors_spend_and_pay_known_scripts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
