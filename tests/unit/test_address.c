#include "payout/address.h"

#include "payout/base58.h"
#include "payout/bech32.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/vectors.h"

static const struct network *network_named(const char *name)
{
    for (int n = CONF_MAIN; n <= CONF_REGTEST; n++)
        if (strcmp(network_of((enum conf_network)n)->name, name) == 0)
            return network_of((enum conf_network)n);
    fail_msg("no network '%s'", name);
    return NULL;
}

static enum kz_err parse(struct address *a, struct address_problem *p,
                         const char *network, const char *text)
{
    return address_parse(a, p, network_named(network), text, strlen(text));
}

static void assert_pays(const char *network, const char *text, const char *script)
{
    struct address a;
    struct address_problem p;
    char hex[2 * ADDRESS_SCRIPT_MAX + 1];
    if (parse(&a, &p, network, text) != KZ_OK)
        fail_msg("%s on %s: %s", text, network, address_fault_text(p.fault));
    hex_encode(hex, a.script, a.script_len);
    assert_string_equal(hex, script);
}

/* `text` as it is written when it is all in the usual case. */
static void assert_formats(const char *network, const char *text, const char *script)
{
    uint8_t bytes[ADDRESS_SCRIPT_MAX];
    size_t len = 0;
    char out[ADDRESS_TEXT_SIZE], usual[ADDRESS_TEXT_SIZE];
    assert_int_equal(
        hex_decode_some(bytes, &len, sizeof(bytes), script, strlen(script)), KZ_OK);
    assert_int_equal(
        address_format(out, network_named(network), (struct bytes){bytes, len}), KZ_OK);
    assert_int_equal(address_normalise(usual, text, strlen(text)), KZ_OK);
    assert_string_equal(out, usual);
}

static void assert_pays_and_formats(const char *network, const char *text,
                                    const char *script)
{
    assert_pays(network, text, script);
    assert_formats(network, text, script);
}

static void assert_fault(const char *network, const char *text,
                         enum address_fault fault)
{
    struct address a;
    struct address_problem p = {ADDRESS_FINE, 0};
    if (parse(&a, &p, network, text) == KZ_OK)
        fail_msg("%s on %s was taken", text, network);
    if (p.fault != fault)
        fail_msg("%s: expected '%s', found '%s'", text, address_fault_text(fault),
                 address_fault_text(p.fault));
}

static void well_known_addresses_give_their_scripts(void **state)
{
    (void)state;
    assert_pays("main", "1BoatSLRHtKNngkdXEeobR76b53LETtpyT",
                "76a9147680adec8eabcabac676be9e83854ade0bd22cdb88ac");
    assert_pays("main", "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
                "a914b472a266d0bd89c13706a4132ccfb16f7c3b9fcb87");
    assert_pays("main", "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
                "0014751e76e8199196d454941c45d1b3a323f1433bd6");
    assert_pays("main",
                "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
                "512079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798");
}

static void each_fault_is_named(void **state)
{
    (void)state;
    const char *const p2wpkh = "bc1q7kpyn5kf2han546yrycq0525vy0dp23ydn355n";
    assert_fault("main", "", ADDRESS_IS_EMPTY);
    assert_fault("main", "bc1q7KPYN5KF2HAN546YRYCQ0525VY0DP23YDN355N",
                 ADDRESS_MIXED_CASE);
    assert_fault("main", "bc1q7kpyn5kf2han546yrycq0525vy0dp23ydn355q",
                 ADDRESS_MISTYPED);
    assert_fault("main", "bc1q7kpyn5kf2han546yrycq0525vy0dp23ydn35qq",
                 ADDRESS_BAD_CHECKSUM);
    assert_fault("main", "1BoatSLRHtKNngkdXEeobR76b53LETtpyU", ADDRESS_BAD_CHECKSUM);
    assert_fault("test", p2wpkh, ADDRESS_OTHER_NETWORK);
    assert_fault("regtest", "1BoatSLRHtKNngkdXEeobR76b53LETtpyT",
                 ADDRESS_OTHER_NETWORK);
    assert_fault("main", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh",
                 ADDRESS_WRONG_CHECKSUM_KIND);
    assert_fault("main",
                 "BC130XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ7ZWS8R",
                 ADDRESS_BAD_VERSION);
    assert_fault("main", "bc1pw5dgrnzv", ADDRESS_BAD_PROGRAM);
    assert_fault("main", "bc1gmk9yu", ADDRESS_BAD_PROGRAM);
    assert_fault("main", "user@example.com", ADDRESS_BAD_CHARACTER);
}

static void a_wrong_character_is_located(void **state)
{
    (void)state;
    struct address a;
    struct address_problem p;
    assert_int_equal(
        parse(&a, &p, "main", "bc1q7kpyn5kb2han546yrycq0525vy0dp23ydn355n"), KZ_PARSE);
    assert_int_equal(p.fault, ADDRESS_BAD_CHARACTER);
    assert_int_equal(p.position, 11);
    assert_int_equal(parse(&a, &p, "main", "1BoatSLRHtKNn0kdXEeobR76b53LETtpyT"),
                     KZ_PARSE);
    assert_int_equal(p.position, 13);
}

static void an_address_of_another_network_is_a_different_kind_of_no(void **state)
{
    (void)state;
    struct address a = {.script_len = 7};
    struct address_problem p;
    assert_int_equal(
        parse(&a, &p, "main", "tb1q7kpyn5kf2han546yrycq0525vy0dp23y84280q"), KZ_RANGE);
    assert_int_equal(
        parse(&a, &p, "main", "tb1q7kpyn5kf2han546yrycq0525vy0dp23y84280p"), KZ_PARSE);
    assert_int_equal(a.script_len, 7);
}

static void what_could_be_spent_by_anybody_or_nobody_is_not_paid(void **state)
{
    (void)state;
    const struct {
        const char *text;
        enum address_fault fault;
    } cases[] = {
        {"bc1q7kpyn5kf2han546yrycq0525vy0dp23ydn355n", ADDRESS_FINE},
        {"1BoatSLRHtKNngkdXEeobR76b53LETtpyT", ADDRESS_FINE},
        {"bc1pjhkrqx79054jr8djgdwhaf7egh8nqxfyz37he5xectddtccgd20sknalz0",
         ADDRESS_FINE},
        {"bc1pfeessrawgf", ADDRESS_NOT_PAYABLE},
        {"bc1zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3qputwwj",
         ADDRESS_NOT_PAYABLE},
        {"bc1syg3qeghy27", ADDRESS_NOT_PAYABLE},
        {"bc1pyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg26cuv2",
         ADDRESS_NOT_PAYABLE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct address a;
        struct address_problem p = {ADDRESS_FINE, 0};
        assert_int_equal(parse(&a, &p, "main", cases[i].text), KZ_OK);
        enum kz_err err = address_check_payable(&a, &p);
        assert_int_equal(err, cases[i].fault == ADDRESS_FINE ? KZ_OK : KZ_RANGE);
        if (err != KZ_OK)
            assert_int_equal(p.fault, cases[i].fault);
    }
}

static void a_taproot_key_off_the_curve_is_not_paid(void **state)
{
    (void)state;
    struct address a = {.type = ADDRESS_P2TR, .script_len = 34};
    struct address_problem p;
    /* x = 5 has no point; x = 1 has one. */
    a.script[0] = 0x51;
    a.script[1] = 0x20;
    a.script[33] = 5;
    assert_int_equal(address_check_payable(&a, &p), KZ_RANGE);
    assert_int_equal(p.fault, ADDRESS_NO_SUCH_KEY);
    a.script[33] = 1;
    assert_int_equal(address_check_payable(&a, &p), KZ_OK);
    memset(a.script + 2, 0xff, 32); /* above the field's size */
    assert_int_equal(address_check_payable(&a, &p), KZ_RANGE);
}

static void logins_are_normalised_to_how_addresses_are_kept(void **state)
{
    (void)state;
    char out[ADDRESS_TEXT_SIZE];
    const struct {
        const char *in, *out;
    } cases[] = {
        {" BC1Q7KPYN5KF2HAN546YRYCQ0525VY0DP23YDN355N\r\n",
         "bc1q7kpyn5kf2han546yrycq0525vy0dp23ydn355n"},
        {"BCRT1QABC", "bcrt1qabc"},
        {"1BoatSLRHtKNngkdXEeobR76b53LETtpyT", "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"},
        {"1ABC", "1ABC"},
        {"Bc1qabc", "Bc1qabc"},
        {"\tTB1", "tb1"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(address_normalise(out, cases[i].in, strlen(cases[i].in)),
                         KZ_OK);
        assert_string_equal(out, cases[i].out);
    }
    const char *const bad[] = {"", "   ", "bc1q.rig", "bc1q abc", "a:b"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(address_normalise(out, bad[i], strlen(bad[i])), KZ_PARSE);
    char longest[ADDRESS_TEXT_SIZE];
    memset(longest, 'a', sizeof(longest));
    assert_int_equal(address_normalise(out, longest, ADDRESS_TEXT_SIZE - 1), KZ_OK);
    assert_int_equal(address_normalise(out, longest, ADDRESS_TEXT_SIZE), KZ_PARSE);
}

static void generated_addresses_of_the_vectors_give_their_scripts(void **state)
{
    (void)state;
    json_t *file = vectors_json("addresses/generated.json");
    const json_t *keys = json_object_get(file, "keys");
    for (size_t k = 0; k < json_array_size(keys); k++) {
        const json_t *outputs = json_object_get(json_array_get(keys, k), "outputs");
        for (size_t i = 0; i < json_array_size(outputs); i++) {
            const json_t *o = json_array_get(outputs, i);
            const char *script = text_at(o, "script_pubkey");
            struct address a;
            struct address_problem p;
            assert_pays_and_formats("main", text_at(o, "main"), script);
            assert_pays_and_formats("test", text_at(o, "test"), script);
            assert_pays_and_formats("testnet4", text_at(o, "test"), script);
            assert_pays_and_formats("signet", text_at(o, "test"), script);
            assert_pays_and_formats("regtest", text_at(o, "regtest"), script);
            assert_int_equal(parse(&a, &p, "main", text_at(o, "main")), KZ_OK);
            assert_string_equal(address_type_name(a.type), text_at(o, "type"));
            assert_int_equal(address_check_payable(&a, &p), KZ_OK);
        }
    }
    json_decref(file);
}

static void strings_people_type_of_the_vectors_are_judged(void **state)
{
    (void)state;
    json_t *file = vectors_json("addresses/generated.json");
    const json_t *forms = json_object_get(file, "forms");
    for (size_t i = 0; i < json_array_size(forms); i++) {
        const json_t *f = json_array_get(forms, i);
        struct address a;
        struct address_problem p;
        bool valid = json_is_true(json_object_get(f, "valid"));
        enum kz_err err = parse(&a, &p, text_at(f, "network"), text_at(f, "input"));
        if ((err == KZ_OK) != valid)
            fail_msg("%s: %s", text_at(f, "input"), text_at(f, "note"));
        if (valid)
            assert_pays_and_formats(text_at(f, "network"), text_at(f, "input"),
                                    text_at(f, "script_pubkey"));
    }
    json_decref(file);
}

static void addresses_of_the_reference_node_are_judged(void **state)
{
    (void)state;
    json_t *file = vectors_json("addresses/key_io_valid.json");
    size_t ran = 0;
    for (size_t i = 0; i < json_array_size(file); i++) {
        const json_t *one = json_array_get(file, i);
        const json_t *how = json_array_get(one, 2);
        struct address a;
        struct address_problem p;
        const char *text = json_string_value(json_array_get(one, 0));
        const char *chain = text_at(how, "chain");
        if (json_is_true(json_object_get(how, "isPrivkey"))) {
            assert_int_not_equal(parse(&a, &p, chain, text), KZ_OK);
            continue;
        }
        assert_pays_and_formats(chain, text, json_string_value(json_array_get(one, 1)));
        ran++;
    }
    assert_true(ran > 40);
    json_decref(file);
}

static void invalid_addresses_of_the_reference_node_are_refused(void **state)
{
    (void)state;
    json_t *file = vectors_json("addresses/key_io_invalid.json");
    for (size_t i = 0; i < json_array_size(file); i++) {
        const char *text =
            json_string_value(json_array_get(json_array_get(file, i), 0));
        for (int n = CONF_MAIN; n <= CONF_REGTEST; n++) {
            struct address a;
            struct address_problem p;
            enum kz_err err = address_parse(&a, &p, network_of((enum conf_network)n),
                                            text, strlen(text));
            if (err == KZ_OK)
                fail_msg("%s was taken", text);
        }
    }
    json_decref(file);
}

/* xorshift: the same typos in each run. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static const char bech32_alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/* Another character of the alphabet at a place behind `hrp` and '1'. */
static size_t mistype(char *text, const char *hrp, uint64_t *random)
{
    size_t first = strlen(hrp) + 1;
    size_t at = first + next_random(random) % (strlen(text) - first);
    char was = text[at];
    while (text[at] == was)
        text[at] = bech32_alphabet[next_random(random) % 32];
    return at;
}

/* A random v0 or taproot script, and its address. */
static void random_address(char text[ADDRESS_TEXT_SIZE], const struct network *network,
                           uint64_t *random)
{
    uint8_t script[34];
    size_t program = next_random(random) % 2 == 0 ? 20 : 32;
    for (size_t i = 0; i < sizeof(script); i++)
        script[i] = (uint8_t)(next_random(random) >> 20);
    script[0] = program == 32 && next_random(random) % 2 == 0 ? 0x51 : 0;
    script[1] = (uint8_t)program;
    assert_int_equal(address_format(text, network, (struct bytes){script, 2 + program}),
                     KZ_OK);
}

static void one_mistyped_character_of_bech32_is_located(void **state)
{
    (void)state;
    uint64_t random = 88172645463325252;
    const char *const names[] = {"main", "test", "regtest"};
    for (size_t i = 0; i < 1000; i++) {
        const struct network *network = network_named(names[i % 3]);
        char text[ADDRESS_TEXT_SIZE];
        struct address a;
        struct address_problem p = {ADDRESS_FINE, 0};
        random_address(text, network, &random);
        assert_int_equal(parse(&a, &p, names[i % 3], text), KZ_OK);
        size_t at = mistype(text, network->bech32_hrp, &random);
        assert_int_equal(parse(&a, &p, names[i % 3], text), KZ_PARSE);
        assert_int_equal(p.fault, ADDRESS_MISTYPED);
        assert_int_equal(p.position, at);
    }
}

static void two_mistyped_characters_are_not_taken_for_one(void **state)
{
    (void)state;
    uint64_t random = 88172645463325252;
    const struct network *network = network_named("main");
    for (size_t i = 0; i < 1000; i++) {
        char text[ADDRESS_TEXT_SIZE];
        struct address a;
        struct address_problem p = {ADDRESS_FINE, 0};
        random_address(text, network, &random);
        size_t first = mistype(text, "bc", &random), second = first;
        while (second == first) {
            char again[ADDRESS_TEXT_SIZE];
            memcpy(again, text, sizeof(again));
            second = mistype(again, "bc", &random);
            if (second != first)
                memcpy(text, again, sizeof(text));
        }
        assert_int_equal(parse(&a, &p, "main", text), KZ_PARSE);
        assert_int_equal(p.fault, ADDRESS_BAD_CHECKSUM);
        assert_int_equal(p.position, ADDRESS_NO_POSITION);
    }
}

static void a_correction_that_gives_no_address_is_not_told(void **state)
{
    (void)state;
    /* Of version 0 with a program of 16 bytes: right but for one character, and then
     * still no address. */
    const uint8_t groups[27] = {0};
    char text[BECH32_TEXT_MAX + 1];
    bech32_encode(text, BECH32_PLAIN, "bc", groups, sizeof(groups));
    assert_fault("main", text, ADDRESS_BAD_PROGRAM);
    text[10] = 'p';
    assert_fault("main", text, ADDRESS_BAD_CHECKSUM);
}

static void scripts_without_an_address_have_none(void **state)
{
    (void)state;
    const char *const scripts[] = {
        "",
        "00",
        "6a",
        "51",
        "6a0568656c6c6f",
        "0015751e76e8199196d454941c45d1b3a323f1433bd6aa",     /* 21 bytes, v0 */
        "0014751e76e8199196d454941c45d1b3a323f1433b",         /* cut short */
        "76a914751e76e8199196d454941c45d1b3a323f1433bd688ad", /* another end */
        "a914751e76e8199196d454941c45d1b3a323f1433bd688",     /* another end */
        "6114751e76e8199196d454941c45d1b3a323f1433bd6",       /* no version */
        "5014751e76e8199196d454941c45d1b3a323f1433bd6",       /* OP_RESERVED */
        "5101aa",                                             /* program of 1 */
        "2102c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac"
        "09b95c709ee5ac", /* to a key */
        "51290000000000000000000000000000000000000000000000000000"
        "000000000000000000000000000000", /* program of 41 */
    };
    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        uint8_t bytes[64] = {0};
        size_t len = 0;
        char out[ADDRESS_TEXT_SIZE] = "as it was";
        assert_int_equal(
            hex_decode_some(bytes, &len, sizeof(bytes), scripts[i], strlen(scripts[i])),
            KZ_OK);
        if (address_format(out, network_named("main"), (struct bytes){bytes, len}) !=
            KZ_EMPTY)
            fail_msg("%s has the address %s", scripts[i], out);
        assert_string_equal(out, "as it was");
    }
    assert_formats("main", "bc1pfeessrawgf", "51024e73");
}

static void base58_of_the_vectors_decodes(void **state)
{
    (void)state;
    json_t *file = vectors_json("addresses/base58_encode_decode.json");
    for (size_t i = 0; i < json_array_size(file); i++) {
        const json_t *one = json_array_get(file, i);
        const char *text = json_string_value(json_array_get(one, 1));
        uint8_t out[BASE58_BYTES_MAX];
        size_t len = 0, bad_at = 0;
        if (strlen(json_string_value(json_array_get(one, 0))) > 2 * sizeof(out)) {
            assert_int_equal(
                base58_decode(out, &len, &bad_at, sizeof(out), text, strlen(text)),
                KZ_RANGE);
            continue;
        }
        assert_int_equal(
            base58_decode(out, &len, &bad_at, sizeof(out), text, strlen(text)), KZ_OK);
        const char *hex = json_string_value(json_array_get(one, 0));
        uint8_t want[BASE58_BYTES_MAX];
        assert_int_equal(hex_decode(want, len, hex, strlen(hex)), KZ_OK);
        assert_memory_equal(out, want, len);
    }
    json_decref(file);
}

static void base58_with_a_checksum_comes_back(void **state)
{
    (void)state;
    uint64_t random = 88172645463325252;
    for (size_t i = 0; i < 1000; i++) {
        uint8_t in[BASE58_BYTES_MAX - 4] = {0}, out[BASE58_BYTES_MAX];
        char text[BASE58_TEXT_SIZE];
        size_t len = i % (sizeof(in) + 1), zeros = next_random(&random) % 8;
        size_t got = 0, bad_at = 0;
        for (size_t k = zeros; k < len; k++)
            in[k] = i % 5 == 0 ? 0xff : (uint8_t)next_random(&random);
        base58_encode_check(text, in, len);
        assert_int_equal(
            base58_decode_check(out, &got, &bad_at, sizeof(out), text, strlen(text)),
            KZ_OK);
        assert_int_equal(got, len);
        assert_memory_equal(out, in, len);
        text[i % strlen(text)] = text[i % strlen(text)] == 'z' ? 'y' : 'z';
        assert_int_not_equal(
            base58_decode_check(out, &got, &bad_at, sizeof(out), text, strlen(text)),
            KZ_OK);
    }
}

static enum bech32_fault decode_case(const json_t *one, struct bech32 *b)
{
    const char *hex = text_at(one, "hex");
    uint8_t text[256];
    size_t len = 0, bad_at = 0;
    assert_int_equal(hex_decode_some(text, &len, sizeof(text), hex, strlen(hex)),
                     KZ_OK);
    return bech32_decode(b, &bad_at, (const char *)text, len);
}

static void check_bech32_file(const char *name, const char *valid, const char *invalid,
                              enum bech32_kind kind)
{
    json_t *file = vectors_json(name);
    const json_t *list = json_object_get(file, valid);
    struct bech32 b;
    for (size_t i = 0; i < json_array_size(list); i++) {
        assert_int_equal(decode_case(json_array_get(list, i), &b), BECH32_OK);
        assert_int_equal(b.kind, kind);
        char text[BECH32_TEXT_MAX + 1];
        struct bech32 again;
        size_t bad_at = 0;
        bech32_encode(text, kind, b.hrp, b.groups, b.group_count);
        assert_int_equal(bech32_decode(&again, &bad_at, text, strlen(text)), BECH32_OK);
        assert_memory_equal(&again, &b, sizeof(b));
    }
    list = json_object_get(file, invalid);
    for (size_t i = 0; i < json_array_size(list); i++) {
        enum bech32_fault fault = decode_case(json_array_get(list, i), &b);
        assert_true(fault != BECH32_OK || b.kind != kind);
    }
    json_decref(file);
}

static void bech32_strings_of_the_vectors_are_judged(void **state)
{
    (void)state;
    check_bech32_file("addresses/bip173_bech32.json", "valid_bech32", "invalid_bech32",
                      BECH32_PLAIN);
    check_bech32_file("addresses/bip350_bech32m.json", "valid_bech32m",
                      "invalid_bech32m", BECH32_M);
}

static bool is_superseded(const json_t *file, const char *address)
{
    const json_t *list = json_object_get(file, "superseded_addresses");
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(json_string_value(json_array_get(list, i)), address) == 0)
            return true;
    return false;
}

static void check_segwit_file(const char *name)
{
    json_t *file = vectors_json(name);
    const json_t *list = json_object_get(file, "segwit_addresses");
    struct address a;
    struct address_problem p;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const char *text = text_at(one, "address");
        const char *network = text[0] == 't' || text[0] == 'T' ? "test" : "main";
        if (is_superseded(file, text))
            assert_fault(network, text, ADDRESS_WRONG_CHECKSUM_KIND);
        else
            assert_pays_and_formats(network, text, text_at(one, "script_pubkey"));
    }
    list = json_object_get(file, "invalid_segwit_addresses");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = text_at(json_array_get(list, i), "address");
        assert_int_not_equal(parse(&a, &p, "main", text), KZ_OK);
        assert_int_not_equal(parse(&a, &p, "test", text), KZ_OK);
    }
    json_decref(file);
}

static void segwit_addresses_of_the_vectors_are_judged(void **state)
{
    (void)state;
    check_segwit_file("addresses/bip173_bech32.json");
    check_segwit_file("addresses/bip350_bech32m.json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(well_known_addresses_give_their_scripts),
        cmocka_unit_test(each_fault_is_named),
        cmocka_unit_test(a_wrong_character_is_located),
        cmocka_unit_test(an_address_of_another_network_is_a_different_kind_of_no),
        cmocka_unit_test(what_could_be_spent_by_anybody_or_nobody_is_not_paid),
        cmocka_unit_test(a_taproot_key_off_the_curve_is_not_paid),
        cmocka_unit_test(logins_are_normalised_to_how_addresses_are_kept),
        cmocka_unit_test(generated_addresses_of_the_vectors_give_their_scripts),
        cmocka_unit_test(strings_people_type_of_the_vectors_are_judged),
        cmocka_unit_test(addresses_of_the_reference_node_are_judged),
        cmocka_unit_test(invalid_addresses_of_the_reference_node_are_refused),
        cmocka_unit_test(one_mistyped_character_of_bech32_is_located),
        cmocka_unit_test(two_mistyped_characters_are_not_taken_for_one),
        cmocka_unit_test(a_correction_that_gives_no_address_is_not_told),
        cmocka_unit_test(scripts_without_an_address_have_none),
        cmocka_unit_test(base58_of_the_vectors_decodes),
        cmocka_unit_test(base58_with_a_checksum_comes_back),
        cmocka_unit_test(bech32_strings_of_the_vectors_are_judged),
        cmocka_unit_test(segwit_addresses_of_the_vectors_are_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
