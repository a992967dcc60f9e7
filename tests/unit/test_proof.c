#include "payout/proof.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "payout/base64.h"
#include "payout/sighash.h"
#include "tests/unit/tx_fixture.h"

static int start(void **state)
{
    *state = sign_context_new();
    return 0;
}

static int stop(void **state)
{
    sign_context_free(*state);
    return 0;
}

static struct bytes text_bytes(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

static enum kz_err find(struct address *a, enum conf_network network, const char *text)
{
    struct address_problem problem;
    return address_parse(a, &problem, network_of(network), text, strlen(text));
}

static struct proof_answer ask(const struct sign_context *c, struct bytes script,
                               const char *message, const char *proof)
{
    const struct proof_claim claim = {script, text_bytes(message), proof,
                                      strlen(proof)};
    struct proof_answer answer = proof_check(c, &claim);
    assert_true(strlen(answer.reason) > 0);
    return answer;
}

static struct proof_answer ask_address(const struct sign_context *c,
                                       const char *address, const char *message,
                                       const char *proof)
{
    struct address a;
    assert_int_equal(find(&a, CONF_MAIN, address), KZ_OK);
    return ask(c, (struct bytes){a.script, a.script_len}, message, proof);
}

static void assert_answer(const struct sign_context *c, const char *address,
                          const char *message, const char *proof,
                          enum proof_verdict expected)
{
    struct proof_answer answer = ask_address(c, address, message, proof);
    if (answer.verdict != expected)
        fail_msg("%s, '%s', %s: %s", address, message, proof, answer.reason);
}

static void hashes_of_the_vectors_come_out(void **state)
{
    (void)state;
    json_t *file = vectors_json("bips/bip322_basic.json");
    const json_t *rows = json_object_get(file, "tx_hashes");
    assert_int_equal(json_array_size(rows), 3);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        struct address a;
        struct hash256 hash;
        struct tx t;
        struct bytes message = text_bytes(text_at(row, "message"));
        assert_int_equal(find(&a, CONF_MAIN, text_at(row, "address")), KZ_OK);
        hash_tagged(&hash, "BIP0322-signed-message", message, (struct bytes){NULL, 0});
        assert_hex((struct bytes){hash.b, 32}, text_at(row, "message_hash"));
        proof_to_sign(&t, (struct bytes){a.script, a.script_len}, message);
        assert_display(&t.inputs[0].from.txid, text_at(row, "to_spend_tx_hash"));
        tx_id(&hash, &t);
        assert_display(&hash, text_at(row, "to_sign_tx_hash"));
        tx_clear(&t);
    }
    json_decref(file);
}

/* Types with a time lock need an interpreter of scripts. */
static enum proof_verdict expected_of(const char *group, const json_t *row)
{
    if (strcmp(group, "proof_of_funds") == 0 ||
        strstr(text_at(row, "type"), "time-lock") != NULL)
        return PROOF_INCONCLUSIVE;
    return PROOF_VALID;
}

static size_t check_group(const struct sign_context *c, const json_t *file,
                          const char *group)
{
    const json_t *rows = json_object_get(file, group);
    size_t seen = 0;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const json_t *proofs = json_object_get(row, "bip322_signatures");
        for (size_t k = 0; k < json_array_size(proofs); k++, seen++)
            assert_answer(c, text_at(row, "address"), text_at(row, "message"),
                          json_string_value(json_array_get(proofs, k)),
                          expected_of(group, row));
    }
    return seen;
}

static size_t check_errors(const struct sign_context *c, const json_t *file)
{
    const json_t *rows = json_object_get(file, "error");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        assert_answer(c, text_at(row, "address"), text_at(row, "message"),
                      text_at(row, "signature"), PROOF_INVALID);
    }
    return json_array_size(rows);
}

static void proofs_of_bip322_are_judged(void **state)
{
    json_t *basic = vectors_json("bips/bip322_basic.json");
    json_t *made = vectors_json("bips/bip322_generated.json");
    assert_int_equal(check_group(*state, basic, "simple"), 6);
    assert_int_equal(check_group(*state, made, "simple"), 4);
    assert_int_equal(check_group(*state, made, "full"), 10);
    assert_int_equal(check_group(*state, made, "proof_of_funds"), 3);
    assert_int_equal(check_errors(*state, basic), 8);
    assert_int_equal(check_errors(*state, made), 28);
    json_decref(basic);
    json_decref(made);
}

/* Told the first proof of each generated row. */
typedef void look_at_proof(const struct sign_context *c, const char *address,
                           const char *message, const char *proof, bool is_simple);

static void each_generated(const struct sign_context *c, look_at_proof *look)
{
    json_t *made = vectors_json("bips/bip322_generated.json");
    const char *const groups[] = {"simple", "full"};
    for (size_t g = 0; g < 2; g++) {
        const json_t *rows = json_object_get(made, groups[g]);
        for (size_t i = 0; i < json_array_size(rows); i++) {
            const json_t *row = json_array_get(rows, i);
            const json_t *proofs = json_object_get(row, "bip322_signatures");
            look(c, text_at(row, "address"), text_at(row, "message"),
                 json_string_value(json_array_get(proofs, 0)), g == 0);
        }
    }
    json_decref(made);
}

static void assert_letters_count(const struct sign_context *c, const char *address,
                                 const char *message, const char *proof, bool is_simple)
{
    assert_answer(c, address, message, proof + 3,
                  is_simple ? PROOF_VALID : PROOF_INVALID);
}

/* Simple ones without their letters; others need them. */
static void letters_may_lack_where_only_a_witness_is_given(void **state)
{
    each_generated(*state, assert_letters_count);
}

/* Every byte of a proof counts. */
static void assert_all_bytes_count(const struct sign_context *c, const char *address,
                                   const char *message, const char *proof,
                                   bool is_simple)
{
    (void)is_simple;
    uint8_t *bytes = NULL;
    size_t len = 0;
    char text[4096];
    assert_int_equal(base64_decode(&bytes, &len, proof + 3, strlen(proof) - 3, 3000),
                     KZ_OK);
    for (size_t i = 0; i < len; i++) {
        bytes[i] ^= 1;
        char *again = base64_encode(bytes, len);
        snprintf(text, sizeof(text), "%.3s%s", proof, again);
        if (ask_address(c, address, message, text).verdict == PROOF_VALID)
            fail_msg("%s: byte %zu makes no difference", proof, i);
        mem_free(again);
        bytes[i] ^= 1;
    }
    for (size_t cut = 0; cut < len; cut++) {
        char *again = base64_encode(bytes, cut);
        snprintf(text, sizeof(text), "%.3s%s", proof, again);
        assert_int_equal(ask_address(c, address, message, text).verdict, PROOF_INVALID);
        mem_free(again);
    }
    mem_free(bytes);
}

static void spoiled_and_cut_proofs_are_not_valid(void **state)
{
    each_generated(*state, assert_all_bytes_count);
}

static const uint8_t secret[PRIVATE_KEY_SIZE] = {9, 9, 9};

/* The script of a key's address, and its hash. */
static void script_of(struct script *out, uint8_t key[PUBKEY_SIZE], uint8_t hash[20],
                      const struct sign_context *c, bool nested)
{
    assert_int_equal(sign_public_key(key, c, secret), KZ_OK);
    hash160(hash, (struct bytes){key, PUBKEY_SIZE});
    script_p2wpkh(out, hash);
    if (nested)
        script_p2sh(out, script_bytes(out));
}

/* to_sign as changed by the test, signed for a P2WPKH or nested address; what `smp` or
 * `ful` then say. The caller's to mem_free(). */
static char *sign_proof(const struct sign_context *c, struct tx *t, const char *letters,
                        bool nested)
{
    struct script script, code, redeem;
    uint8_t key[PUBKEY_SIZE], hash[20], der[ECDSA_DER_MAX + 1], push[64];
    struct hash256 digest;
    size_t der_len = 0, push_len = 0, len = 0;
    script_of(&script, key, hash, c, nested);
    script_p2pkh(&code, hash);
    sighash_witness_v0(&digest, t, 0, script_bytes(&code), (struct amount){0},
                       SIGHASH_ALL);
    assert_int_equal(sign_ecdsa(der, &der_len, c, &digest, secret), KZ_OK);
    der[der_len] = SIGHASH_ALL;
    const struct bytes items[] = {{der, der_len + 1}, {key, PUBKEY_SIZE}};
    tx_set_witness(t, 0, items, 2);
    if (nested && strcmp(letters, "ful") == 0) {
        script_p2wpkh(&redeem, hash);
        script_push(push, &push_len, script_bytes(&redeem));
        tx_set_script(t, 0, (struct bytes){push, push_len});
    }
    uint8_t *bytes = tx_format(&len, t, false);
    /* Behind the marker, an input without script and the output are 53 bytes. */
    bool whole = strcmp(letters, "ful") == 0;
    char *base64 = whole ? base64_encode(bytes, len)
                         : base64_encode(bytes + 6 + 53, len - 6 - 53 - 4);
    char *text = mem_new(strlen(base64) + 4);
    snprintf(text, strlen(base64) + 4, "%s%s", letters, base64);
    mem_free(base64);
    mem_free(bytes);
    return text;
}

/* Signs to_sign of "hello" with what `change` made of it, and asks. */
typedef void change_tx(struct tx *t);

static enum proof_verdict verdict_of_changed(const struct sign_context *c,
                                             const char *letters, bool nested,
                                             change_tx *change)
{
    struct script script;
    uint8_t key[PUBKEY_SIZE], hash[20];
    struct tx t;
    script_of(&script, key, hash, c, nested);
    proof_to_sign(&t, script_bytes(&script), text_bytes("hello"));
    if (change != NULL)
        change(&t);
    char *proof = sign_proof(c, &t, letters, nested);
    enum proof_verdict v = ask(c, script_bytes(&script), "hello", proof).verdict;
    assert_int_equal(ask(c, script_bytes(&script), "hello ", proof).verdict,
                     PROOF_INVALID);
    mem_free(proof);
    tx_clear(&t);
    return v;
}

static void nested_addresses_are_proved_in_both_forms(void **state)
{
    assert_int_equal(verdict_of_changed(*state, "smp", false, NULL), PROOF_VALID);
    assert_int_equal(verdict_of_changed(*state, "smp", true, NULL), PROOF_VALID);
    assert_int_equal(verdict_of_changed(*state, "", true, NULL), PROOF_VALID);
    assert_int_equal(verdict_of_changed(*state, "ful", true, NULL), PROOF_VALID);
}

static void make_version_2(struct tx *t)
{
    t->version = 2;
}
static void make_version_1(struct tx *t)
{
    t->version = 1;
}
static void lock_in_time(struct tx *t)
{
    t->locktime = 800000;
    t->inputs[0].sequence = 7;
}
static void pay_something(struct tx *t)
{
    t->outputs[0].value.sat = 1;
}
static void pay_somebody(struct tx *t)
{
    t->outputs[0].script.p[0] = 0x51;
}
static void pay_twice(struct tx *t)
{
    tx_add_output(t, (struct amount){0}, tx_view(&t->outputs[0].script));
}
static void spend_more(struct tx *t)
{
    struct tx_outpoint from = {.vout = 3};
    tx_add_input(t, &from, 0);
}
static void spend_another_output(struct tx *t)
{
    t->inputs[0].from.vout = 1;
}

static void full_proofs_keep_the_form_of_to_sign(void **state)
{
    const struct {
        change_tx *change;
        enum proof_verdict verdict;
    } cases[] = {
        {make_version_2, PROOF_VALID},    {make_version_1, PROOF_INCONCLUSIVE},
        {lock_in_time, PROOF_VALID},      {pay_something, PROOF_INVALID},
        {pay_somebody, PROOF_INVALID},    {pay_twice, PROOF_INVALID},
        {spend_more, PROOF_INCONCLUSIVE}, {spend_another_output, PROOF_INVALID},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (verdict_of_changed(*state, "ful", false, cases[i].change) !=
            cases[i].verdict)
            fail_msg("case %zu", i);
    /* With the witness alone nothing else can be told, so what was signed must be it. */
    assert_int_equal(verdict_of_changed(*state, "smp", false, make_version_2),
                     PROOF_INVALID);
}

static void what_is_no_base64_or_too_long_is_invalid(void **state)
{
    static char text[4 * PROOF_BYTES_MAX];
    const char *const address = "bc1q9vza2e8x573nczrlzms0wvx3gsqjx7vavgkx0l";
    const char *const bad[] = {
        "",     "smp",     "ful",       "smp====", "smpA",
        "AA==", "smpAB==", "smpAA==\n", " AA==",   "ful\xc3\xa9"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_answer(*state, address, "", bad[i], PROOF_INVALID);
    memset(text, 'A', sizeof(text) - 1);
    assert_answer(*state, address, "", text, PROOF_INVALID);
    assert_answer(*state, address, "", "pof", PROOF_INCONCLUSIVE);
}

static void addresses_of_rules_to_come_are_for_a_person(void **state)
{
    assert_answer(*state, "bc1pfeessrawgf", "", "smpAQEA", PROOF_INCONCLUSIVE);
    assert_answer(*state,
                  "bc1zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3qputwwj", "",
                  "smpAQEA", PROOF_INCONCLUSIVE);
}

static void legacy_results_of_the_reference_node_come_out(void **state)
{
    json_t *file = vectors_json("messages/legacy_signed_message.json");
    const json_t *rows = json_object_get(file, "core");
    assert_int_equal(json_array_size(rows), 8);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const char *expect = text_at(row, "expect");
        bool test = json_is_string(json_object_get(row, "network"));
        struct address a;
        enum kz_err err =
            find(&a, test ? CONF_TEST : CONF_MAIN, text_at(row, "address"));
        assert_int_equal(err == KZ_OK, strcmp(expect, "invalid_address") != 0);
        if (err != KZ_OK)
            continue;
        struct proof_answer answer =
            ask(*state, (struct bytes){a.script, a.script_len}, text_at(row, "message"),
                text_at(row, "signature"));
        assert_int_equal(answer.verdict,
                         strcmp(expect, "ok") == 0 ? PROOF_VALID : PROOF_INVALID);
    }
    json_decref(file);
}

static const char *const forms[] = {"p2pkh_uncompressed", "p2pkh", "p2sh_p2wpkh",
                                    "p2wpkh"};

/* May the signature of form `by` be for the address of form `of`? A compressed P2PKH one
 * is what many wallets make for all of a key's addresses. */
static bool fits(size_t by, size_t of)
{
    return by == of || (by == 1 && of > 1);
}

static void check_forms(const struct sign_context *c, const json_t *row)
{
    const json_t *all = json_object_get(row, "forms");
    const char *message = text_at(row, "message");
    struct hash256 hash;
    proof_legacy_hash(&hash, text_bytes(message));
    assert_hex((struct bytes){hash.b, 32}, text_at(row, "message_hash"));
    for (size_t by = 0; by < 4; by++) {
        const char *proof = text_at(json_object_get(all, forms[by]), "signature");
        for (size_t of = 0; of < 4; of++) {
            const char *address = text_at(json_object_get(all, forms[of]), "address");
            assert_answer(c, address, message, proof,
                          fits(by, of) ? PROOF_VALID : PROOF_INVALID);
            assert_answer(c, address, "another message", proof, PROOF_INVALID);
        }
    }
}

static void signed_messages_of_all_headers_are_judged(void **state)
{
    json_t *file = vectors_json("messages/legacy_signed_message.json");
    const json_t *rows = json_object_get(file, "generated");
    assert_int_equal(json_array_size(rows), 8);
    for (size_t i = 0; i < json_array_size(rows); i++)
        check_forms(*state, json_array_get(rows, i));
    json_decref(file);
}

static void headers_outside_the_sixteen_are_invalid(void **state)
{
    uint8_t *bytes = NULL;
    size_t len = 0, good = 0;
    const char *const proof = "IPojfrX2dfPnH26UegfbGQQLrdK844DlHq5157/"
                              "P6h57WyuS/Qsl+h/WSVGDF4MUi4rWSswW38oimDYfNNUBUOk=";
    assert_int_equal(base64_decode(&bytes, &len, proof, strlen(proof), 65), KZ_OK);
    for (unsigned header = 0; header <= 0xff; header++) {
        bytes[0] = (uint8_t)header;
        char *text = base64_encode(bytes, len);
        good += ask_address(*state, "15CRxFdyRpGZLW9w8HnHvVduizdL5jKNbs",
                            "Trust no one", text)
                    .verdict == PROOF_VALID;
        mem_free(text);
    }
    assert_int_equal(good, 1);
    mem_free(bytes);
}

static void a_message_is_bound_to_its_use(void **state)
{
    (void)state;
    char out[PROOF_MESSAGE_SIZE], address[ADDRESS_TEXT_SIZE],
        nonce[PROOF_NONCE_MAX + 1];
    struct proof_binding b = {
        .network = network_of(CONF_MAIN),
        .miner = {"acme-7"},
        .address = "bc1q9vza2e8x573nczrlzms0wvx3gsqjx7vavgkx0l",
        .nonce = "7f3a",
        .expires_s = 1735689600,
    };
    proof_message(out, &b);
    assert_string_equal(out, "kariz main acme-7 "
                             "bc1q9vza2e8x573nczrlzms0wvx3gsqjx7vavgkx0l 7f3a "
                             "2025-01-01T00:00:00Z");
    b.expires_s = 1709251199; /* a leap day's last second */
    proof_message(out, &b);
    assert_non_null(strstr(out, " 2024-02-29T23:59:59Z"));

    memset(address, 'a', sizeof(address));
    memset(nonce, 'n', sizeof(nonce));
    memset(b.miner.text, 'm', MINER_ID_MAX);
    address[ADDRESS_TEXT_SIZE - 1] = nonce[PROOF_NONCE_MAX] = '\0';
    b.address = address;
    b.nonce = nonce;
    b.network = network_of(CONF_TESTNET4);
    b.expires_s = INT64_C(253402300799);
    proof_message(out, &b);
    assert_non_null(strstr(out, "nnn 9999-12-31T23:59:59Z"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_of_the_vectors_come_out),
        cmocka_unit_test(proofs_of_bip322_are_judged),
        cmocka_unit_test(letters_may_lack_where_only_a_witness_is_given),
        cmocka_unit_test(spoiled_and_cut_proofs_are_not_valid),
        cmocka_unit_test(nested_addresses_are_proved_in_both_forms),
        cmocka_unit_test(full_proofs_keep_the_form_of_to_sign),
        cmocka_unit_test(what_is_no_base64_or_too_long_is_invalid),
        cmocka_unit_test(addresses_of_rules_to_come_are_for_a_person),
        cmocka_unit_test(legacy_results_of_the_reference_node_come_out),
        cmocka_unit_test(signed_messages_of_all_headers_are_judged),
        cmocka_unit_test(headers_outside_the_sixteen_are_invalid),
        cmocka_unit_test(a_message_is_bound_to_its_use),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
