#include "payout/txsign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/payout_cases.h"

struct bed {
    struct sign_context *c;
    json_t *file;
    struct payout_case k;
    struct txsign_problem problem;
};

static void bed_open(struct bed *b, size_t at)
{
    b->file = vectors_json("payout/payout_tx.json");
    b->c = sign_context_new();
    payout_case_open(&b->k, b->file, b->c, at);
}

static void bed_close(struct bed *b)
{
    payout_case_close(&b->k);
    sign_context_free(b->c);
    json_decref(b->file);
}

static enum kz_err sign_all(struct bed *b)
{
    return txsign_all(&b->k.tx, &b->problem, b->c, b->k.coins);
}

/* Refused, said why, and nothing signed. */
static void assert_refused(struct bed *b, enum kz_err want, size_t input,
                           const char *what)
{
    enum kz_err err = sign_all(b);
    assert_int_equal(err, want);
    assert_int_equal(b->problem.input, input);
    assert_string_equal(b->problem.what, what);
    payout_assert_tx(&b->k.tx, text_at(b->k.json, "unsigned_tx"));
}

/* P2WPKH, P2TR, P2PKH, nested, P2WSH and P2SH multisig, mixed ones, 260 outputs. */
static void payouts_of_the_vectors_are_signed_byte_for_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < PAYOUT_CASES; i++) {
        struct bed b;
        char id[HASH256_HEX_SIZE];
        struct hash256 h;
        bed_open(&b, i);
        assert_int_equal(json_array_size(json_object_get(b.file, "cases")),
                         PAYOUT_CASES);
        if (sign_all(&b) != KZ_OK)
            fail_msg("%s: input %zu: %s", text_at(b.k.json, "name"), b.problem.input,
                     b.problem.what);
        payout_assert_tx(&b.k.tx, text_at(b.k.json, "signed_tx"));
        tx_witness_id(&h, &b.k.tx);
        hash256_format_display(id, &h);
        assert_string_equal(id, text_at(b.k.json, "wtxid"));
        assert_int_equal(txsign_check(&b.problem, b.c, &b.k.tx, b.k.spent), KZ_OK);
        bed_close(&b);
    }
}

static void keys_of_multisig_may_come_in_any_order(void **state)
{
    (void)state;
    for (size_t i = 5; i <= 6; i++) {
        struct bed b;
        uint8_t first[PRIVATE_KEY_SIZE];
        bed_open(&b, i);
        assert_int_equal(b.k.coins[0].key_count, 2);
        memcpy(first, b.k.keys[0][0], sizeof(first));
        memcpy(b.k.keys[0][0], b.k.keys[0][1], sizeof(first));
        memcpy(b.k.keys[0][1], first, sizeof(first));
        assert_int_equal(sign_all(&b), KZ_OK);
        payout_assert_tx(&b.k.tx, text_at(b.k.json, "signed_tx"));
        bed_close(&b);
    }
}

static void too_few_keys_of_multisig_are_refused(void **state)
{
    (void)state;
    struct bed b;
    bed_open(&b, 5);
    b.k.coins[0].key_count = 1;
    assert_refused(&b, KZ_EMPTY, 0, "fewer keys than signatures are needed");
    /* The same key twice is one. */
    b.k.coins[0].key_count = 2;
    memcpy(b.k.keys[0][1], b.k.keys[0][0], PRIVATE_KEY_SIZE);
    assert_refused(&b, KZ_EMPTY, 0, "fewer keys than signatures are needed");
    bed_close(&b);
}

static void a_foreign_key_signs_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < PAYOUT_CASES; i++) {
        struct bed b;
        bed_open(&b, i);
        size_t last = b.k.count - 1;
        memset(b.k.keys[last][0], 0x11, PRIVATE_KEY_SIZE);
        assert_refused(&b, KZ_RANGE, last, "a key that is not the output's");
        memset(b.k.keys[last][0], 0, PRIVATE_KEY_SIZE);
        assert_refused(&b, KZ_RANGE, last, "no private key");
        bed_close(&b);
    }
}

static void scripts_have_to_be_those_committed_to(void **state)
{
    (void)state;
    struct bed b;
    struct script other;
    script_p2wpkh(&other, (const uint8_t *)"another twenty bytes");
    bed_open(&b, 4); /* nested first, then P2WPKH, P2PKH, P2TR */
    b.k.coins[0].redeem = (struct bytes){NULL, 0};
    assert_refused(&b, KZ_RANGE, 0, "its redeem script is missing");
    b.k.coins[0].redeem = script_bytes(&other);
    assert_refused(&b, KZ_RANGE, 0,
                   "its redeem script is not the one that is committed to");
    b.k.coins[0].redeem = script_bytes(&b.k.redeem[0]);
    b.k.coins[1].redeem = script_bytes(&other);
    assert_refused(&b, KZ_RANGE, 1, "a redeem script where none applies");
    b.k.coins[1].redeem = (struct bytes){NULL, 0};
    b.k.coins[3].witness_script = script_bytes(&other);
    assert_refused(&b, KZ_RANGE, 3, "a witness script where none applies");
    bed_close(&b);
    bed_open(&b, 5);
    b.k.coins[0].witness_script = (struct bytes){NULL, 0};
    assert_refused(&b, KZ_RANGE, 0, "its witness script is missing");
    b.k.coins[0].witness_script = script_bytes(&other);
    assert_refused(&b, KZ_RANGE, 0,
                   "its witness script is not the one that is committed to");
    bed_close(&b);
}

static void scripts_of_others_are_not_spent(void **state)
{
    (void)state;
    struct bed b;
    uint8_t anchor[] = {0x51, 0x02, 0x4e, 0x73};
    bed_open(&b, 0);
    b.k.coins[0].spent.script = (struct tx_bytes){anchor, sizeof(anchor)};
    assert_refused(&b, KZ_RANGE, 0,
                   "it spends a kind of script that the pool does not");
    bed_close(&b);
}

/* Every byte of every script and witness of a signed transaction matters. */
static void a_changed_signed_transaction_is_seen(void **state)
{
    (void)state;
    for (size_t i = 0; i < PAYOUT_CASES; i++) {
        struct bed b;
        bed_open(&b, i);
        assert_int_equal(sign_all(&b), KZ_OK);
        struct tx_input *in = &b.k.tx.inputs[b.k.count - 1];
        for (size_t n = 0; n < in->script.len; n++) {
            in->script.p[n] ^= 1;
            assert_int_equal(txsign_check(&b.problem, b.c, &b.k.tx, b.k.spent),
                             KZ_RANGE);
            in->script.p[n] ^= 1;
        }
        for (size_t w = 0; w < in->witness_count; w++) {
            for (size_t n = 0; n < in->witness[w].len; n++) {
                in->witness[w].p[n] ^= 1;
                assert_int_equal(txsign_check(&b.problem, b.c, &b.k.tx, b.k.spent),
                                 KZ_RANGE);
                in->witness[w].p[n] ^= 1;
            }
        }
        assert_int_equal(txsign_check(&b.problem, b.c, &b.k.tx, b.k.spent), KZ_OK);
        b.k.tx.outputs[0].value.sat--;
        assert_int_equal(txsign_check(&b.problem, b.c, &b.k.tx, b.k.spent), KZ_RANGE);
        assert_string_equal(b.problem.what, "a signature that does not hold");
        bed_close(&b);
    }
}

/* BIP143 and BIP341 digests cover it; the legacy one does not. */
static void a_false_value_of_a_coin_is_seen_where_digests_cover_it(void **state)
{
    (void)state;
    struct bed b;
    for (size_t i = 0; i < 2; i++) {
        bed_open(&b, i);
        assert_int_equal(sign_all(&b), KZ_OK);
        b.k.spent[0].value.sat++;
        assert_int_equal(txsign_check(&b.problem, b.c, &b.k.tx, b.k.spent), KZ_RANGE);
        bed_close(&b);
    }
}

static void an_unsigned_transaction_is_not_taken_for_signed(void **state)
{
    (void)state;
    for (size_t i = 0; i < PAYOUT_CASES; i++) {
        struct bed b;
        bed_open(&b, i);
        assert_int_equal(txsign_check(&b.problem, b.c, &b.k.tx, b.k.spent), KZ_RANGE);
        assert_int_equal(b.problem.input, 0);
        bed_close(&b);
    }
}

/* Something more in a witness would change the wtxid and nothing else. */
static void padded_witnesses_are_refused(void **state)
{
    (void)state;
    struct bed b;
    static const uint8_t byte[1] = {7};
    bed_open(&b, 0);
    assert_int_equal(sign_all(&b), KZ_OK);
    const struct tx_input *in = &b.k.tx.inputs[0];
    uint8_t signature[80], pubkey[PUBKEY_SIZE];
    size_t len = in->witness[0].len;
    memcpy(signature, in->witness[0].p, len);
    memcpy(pubkey, in->witness[1].p, sizeof(pubkey));
    const struct bytes three[] = {
        {byte, 1}, {signature, len}, {pubkey, sizeof(pubkey)}};
    tx_set_witness(&b.k.tx, 0, three, 3);
    assert_int_equal(txsign_check(&b.problem, b.c, &b.k.tx, b.k.spent), KZ_RANGE);
    tx_set_witness(&b.k.tx, 0, three + 1, 2);
    assert_int_equal(txsign_check(&b.problem, b.c, &b.k.tx, b.k.spent), KZ_OK);
    tx_set_script(&b.k.tx, 0, (struct bytes){byte, 1});
    assert_int_equal(txsign_check(&b.problem, b.c, &b.k.tx, b.k.spent), KZ_RANGE);
    bed_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(payouts_of_the_vectors_are_signed_byte_for_byte),
        cmocka_unit_test(keys_of_multisig_may_come_in_any_order),
        cmocka_unit_test(too_few_keys_of_multisig_are_refused),
        cmocka_unit_test(a_foreign_key_signs_nothing),
        cmocka_unit_test(scripts_have_to_be_those_committed_to),
        cmocka_unit_test(scripts_of_others_are_not_spent),
        cmocka_unit_test(a_changed_signed_transaction_is_seen),
        cmocka_unit_test(a_false_value_of_a_coin_is_seen_where_digests_cover_it),
        cmocka_unit_test(an_unsigned_transaction_is_not_taken_for_signed),
        cmocka_unit_test(padded_witnesses_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
