#include "payout/psbt_roles.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/psbt_bed.h"

/* What an outsider might send back. */

static void changed_transactions_are_refused(void **state)
{
    (void)state;
    struct bed b;
    struct payout_case k;
    open_case(&b, &k, 0, "psbt_signed");
    must(&b, psbt_check_against(&b.p, &b.problem, &k.tx, NULL));
    k.tx.outputs[1].value.sat++;
    assert_int_equal(psbt_check_against(&b.p, &b.problem, &k.tx, NULL), KZ_RANGE);
    psbt_assert_problem(&b.problem, "output 1: the output was changed");
    assert_int_equal(psbt_combine(&b.p, &b.problem, &(struct psbt){.tx = k.tx}),
                     KZ_RANGE);
    k.tx.outputs[1].value.sat--;
    k.tx.outputs[0].script.p[5] ^= 1;
    assert_int_equal(psbt_check_against(&b.p, &b.problem, &k.tx, NULL), KZ_RANGE);
    psbt_assert_problem(&b.problem, "output 0: the output was changed");
    k.tx.outputs[0].script.p[5] ^= 1;
    k.tx.inputs[0].sequence++;
    assert_int_equal(psbt_check_against(&b.p, &b.problem, &k.tx, NULL), KZ_RANGE);
    psbt_assert_problem(&b.problem, "input 0: the input was changed");
    k.tx.inputs[0].sequence--;
    k.tx.locktime++;
    assert_int_equal(psbt_check_against(&b.p, &b.problem, &k.tx, NULL), KZ_RANGE);
    psbt_assert_problem(&b.problem, "psbt: its version or lock time was changed");
    k.tx.locktime--;
    tx_add_output(&k.tx, amount_zero(), none);
    assert_int_equal(psbt_check_against(&b.p, &b.problem, &k.tx, NULL), KZ_RANGE);
    psbt_assert_problem(&b.problem, "psbt: it has another number of outputs");
    close_case(&b, &k);
}

static void other_spent_outputs_than_ours_are_refused(void **state)
{
    (void)state;
    struct bed b;
    struct payout_case k;
    open_case(&b, &k, 1, "psbt_signed");
    record_of(&b.p.inputs[0], PSBT_IN_WITNESS_UTXO)->p[1] ^= 1; /* its value */
    assert_int_equal(psbt_check_against(&b.p, &b.problem, &k.tx, k.spent), KZ_RANGE);
    psbt_assert_problem(&b.problem, "input 0: the output that is spent was changed");
    close_case(&b, &k);
    open_case(&b, &k, 0, "psbt_signed");
    record_of(&b.p.inputs[0], PSBT_IN_WITNESS_UTXO)->p[1] ^= 1;
    assert_int_equal(psbt_check_signatures(&b.p, &b.problem, b.c), KZ_RANGE);
    psbt_assert_problem(&b.problem, "input 0, witness_utxo: is another output than the "
                                    "previous transaction has");
    assert_int_equal(psbt_check_against(&b.p, &b.problem, &k.tx, k.spent), KZ_RANGE);
    close_case(&b, &k);
}

static void wrong_signatures_are_never_finalised(void **state)
{
    (void)state;
    for (size_t n = 0; n < PAYOUT_CASES; n++) {
        struct bed b;
        struct payout_case k;
        open_case(&b, &k, n, "psbt_signed");
        struct psbt_map *map = &b.p.inputs[0];
        bool taproot = psbt_has(map, PSBT_IN_TAP_KEY_SIG);
        struct psbt_record *r =
            record_of(map, taproot ? PSBT_IN_TAP_KEY_SIG : PSBT_IN_PARTIAL_SIG);
        r->p[r->key_len + 20] ^= 1;
        assert_int_equal(psbt_finalise(&b.p, &b.problem, b.c), KZ_RANGE);
        psbt_assert_problem(&b.problem,
                            taproot ? "input 0, tap_key_sig: a signature that does not "
                                      "hold"
                                    : "input 0, partial_sig: a signature that does not "
                                      "hold");
        close_case(&b, &k);
        open_case(&b, &k, n, "psbt_finalized");
        struct tx t;
        map = &b.p.inputs[0];
        r = &map->records[map->count - 1];
        r->p[r->key_len + r->value_len / 2] ^= 1;
        assert_int_equal(psbt_extract(&t, &b.problem, &b.p, b.c), KZ_RANGE);
        close_case(&b, &k);
    }
}

static void signatures_cover_the_whole_transaction(void **state)
{
    (void)state;
    struct bed b;
    struct payout_case k;
    static const uint8_t single[4] = {SIGHASH_SINGLE};
    open_case(&b, &k, 0, "psbt_signed");
    struct psbt_record *r = record_of(&b.p.inputs[0], PSBT_IN_PARTIAL_SIG);
    r->p[r->key_len + r->value_len - 1] = SIGHASH_NONE;
    assert_int_equal(psbt_finalise(&b.p, &b.problem, b.c), KZ_RANGE);
    psbt_assert_problem(&b.problem, "input 0, partial_sig: a signature that does not "
                                    "cover the whole transaction");
    r->p[r->key_len + r->value_len - 1] = SIGHASH_ALL;
    psbt_put(&b.p.inputs[0], PSBT_IN_SIGHASH_TYPE, none, (struct bytes){single, 4});
    assert_int_equal(psbt_finalise(&b.p, &b.problem, b.c), KZ_RANGE);
    psbt_assert_problem(&b.problem,
                        "input 0, sighash_type: asks for signatures that do "
                        "not cover the whole transaction");
    close_case(&b, &k);
    /* In taproot a byte DEFAULT is none, and other types are refused. */
    open_case(&b, &k, 1, "psbt_signed");
    uint8_t signature[65] = {0};
    r = record_of(&b.p.inputs[0], PSBT_IN_TAP_KEY_SIG);
    memcpy(signature, r->p + r->key_len, 64);
    for (unsigned type = 0; type < 4; type++) {
        signature[64] = (uint8_t)type;
        psbt_put(&b.p.inputs[0], PSBT_IN_TAP_KEY_SIG, none,
                 (struct bytes){signature, 65});
        assert_int_equal(psbt_finalise(&b.p, &b.problem, b.c), KZ_RANGE);
        psbt_assert_problem(&b.problem,
                            type == SIGHASH_ALL
                                ? "input 0, tap_key_sig: a signature that does not hold"
                                : "input 0, tap_key_sig: a signature that does not "
                                  "cover the whole transaction");
    }
    close_case(&b, &k);
}

/* BIP341: ALL said by a byte is signed differently from ALL by default, and is as good. */
static void a_taproot_signature_may_say_all(void **state)
{
    (void)state;
    struct bed b;
    struct payout_case k;
    struct hash256 digest;
    struct tx t;
    uint8_t key[PRIVATE_KEY_SIZE], signature[65];
    open_case(&b, &k, 1, "psbt_updated");
    assert_int_equal(sighash_taproot(&digest, &k.tx, 0, k.spent, SIGHASH_ALL), KZ_OK);
    assert_int_equal(sign_taproot_private_key(key, b.c, k.keys[0][0], NULL), KZ_OK);
    assert_int_equal(sign_schnorr(signature, b.c, &digest, key, aux), KZ_OK);
    signature[64] = SIGHASH_ALL;
    psbt_put(&b.p.inputs[0], PSBT_IN_TAP_KEY_SIG, none, (struct bytes){signature, 65});
    must(&b, psbt_finalise(&b.p, &b.problem, b.c));
    must(&b, psbt_extract(&t, &b.problem, &b.p, b.c));
    assert_int_equal(t.inputs[0].witness[0].len, 65);
    tx_clear(&t);
    close_case(&b, &k);
}

static void a_signature_of_a_foreign_key_is_refused(void **state)
{
    (void)state;
    struct bed b;
    struct payout_case k;
    uint8_t pubkey[PUBKEY_SIZE];
    struct bytes signature;
    open_case(&b, &k, 5, "psbt_signed");
    assert_int_equal(
        sign_public_key(pubkey, b.c,
                        (const uint8_t *)"\x01\x02\x03\x04\x05"
                                         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        KZ_OK);
    signature = psbt_value(record_of(&b.p.inputs[0], PSBT_IN_PARTIAL_SIG));
    uint8_t copy[80];
    memcpy(copy, signature.p, signature.len);
    psbt_put(&b.p.inputs[0], PSBT_IN_PARTIAL_SIG, (struct bytes){pubkey, PUBKEY_SIZE},
             (struct bytes){copy, signature.len});
    assert_int_equal(psbt_finalise(&b.p, &b.problem, b.c), KZ_RANGE);
    psbt_assert_problem(&b.problem,
                        "input 0, partial_sig: a signature of a key that is "
                        "not in the script");
    close_case(&b, &k);
}

/* Where both have a record, what went out stands. */
static void conflicting_records_keep_ours(void **state)
{
    (void)state;
    struct bed b;
    struct payout_case k;
    struct psbt theirs;
    struct bytes value;
    static const uint8_t a[] = {1}, other[] = {2}, key[] = {9};
    open_case(&b, &k, 0, "psbt_updated");
    psbt_must_parse(&theirs, text_at(k.json, "psbt_signed"));
    psbt_put(&b.p.inputs[0], PSBT_PROPRIETARY, (struct bytes){key, 1},
             (struct bytes){a, 1});
    psbt_put(&theirs.inputs[0], PSBT_PROPRIETARY, (struct bytes){key, 1},
             (struct bytes){other, 1});
    record_of(&theirs.inputs[0], PSBT_IN_WITNESS_UTXO)->p[1] ^= 1;
    must(&b, psbt_combine(&b.p, &b.problem, &theirs));
    assert_true(
        psbt_get(&value, &b.p.inputs[0], PSBT_PROPRIETARY, (struct bytes){key, 1}));
    assert_int_equal(value.p[0], 1);
    must(&b, psbt_finalise(&b.p, &b.problem, b.c));
    assert_true(psbt_has(&b.p.inputs[0], PSBT_PROPRIETARY));
    psbt_clear(&theirs);
    close_case(&b, &k);
}

static void coins_are_described_only_as_they_are(void **state)
{
    (void)state;
    struct bed b;
    struct payout_case k;
    bed_open(&b, "payout/payout_tx.json");
    payout_case_open(&k, b.file, b.c, 0);
    psbt_init(&b.p, &k.tx);
    char *before = psbt_format_base64(&b.p);
    struct psbt_coin coin = {.spent = k.spent[0]};
    assert_refused(&b, psbt_describe_input(&b.p, &b.problem, 0, &coin), KZ_RANGE,
                   "input 0, non_witness_utxo: is missing, or no transaction", before);
    coin.previous_tx = k.previous[0];
    coin.spent.value.sat--;
    assert_refused(
        &b, psbt_describe_input(&b.p, &b.problem, 0, &coin), KZ_RANGE,
        "input 0, non_witness_utxo: has another output there than the coin is", before);
    coin.spent.value.sat++;
    coin.scripts.redeem = k.previous[0];
    assert_refused(&b, psbt_describe_input(&b.p, &b.problem, 0, &coin), KZ_RANGE,
                   "input 0: a redeem script where none applies", before);
    coin.scripts.redeem = none;
    b.p.tx.inputs[0].from.txid.b[0] ^= 1;
    assert_int_equal(psbt_describe_input(&b.p, &b.problem, 0, &coin), KZ_RANGE);
    psbt_assert_problem(&b.problem, "input 0, non_witness_utxo: is not the transaction "
                                    "that the input spends");
    mem_free(before);
    close_case(&b, &k);
}

/* What is written can be read by the same strict parser. */
static void origins_of_both_kinds_are_written_as_they_are_read(void **state)
{
    (void)state;
    struct bed b;
    struct payout_case k;
    struct psbt again;
    struct bytes value;
    uint8_t pubkey[PUBKEY_SIZE];
    static const uint32_t path[] = {0x80000056, 0x80000000, 0x80000000, 1, 7};
    open_case(&b, &k, 1, "psbt_updated");
    assert_int_equal(sign_public_key(pubkey, b.c, k.keys[0][0]), KZ_OK);
    const struct psbt_origin origins[] = {
        {{1, 2, 3, 4}, path, 5, {pubkey + 1, XONLY_SIZE}},
        {{1, 2, 3, 4}, path, 0, {pubkey, PUBKEY_SIZE}},
    };
    struct psbt_scripts scripts = {.internal_key = {pubkey + 1, XONLY_SIZE},
                                   .origins = origins,
                                   .origin_count = 2};
    psbt_describe_output(&b.p, 2, &scripts);
    char *text = psbt_format_base64(&b.p);
    psbt_must_parse(&again, text);
    assert_true(psbt_get(&value, &again.outputs[2], PSBT_OUT_TAP_BIP32_DERIVATION,
                         (struct bytes){pubkey + 1, XONLY_SIZE}));
    assert_int_equal(value.len, 1 + 4 + 20);
    assert_memory_equal(value.p, "\x00\x01\x02\x03\x04\x56\x00\x00\x80", 9);
    assert_true(psbt_get(&value, &again.outputs[2], PSBT_OUT_BIP32_DERIVATION,
                         (struct bytes){pubkey, PUBKEY_SIZE}));
    assert_int_equal(value.len, 4);
    assert_true(psbt_has(&again.outputs[2], PSBT_OUT_TAP_INTERNAL_KEY));
    mem_free(text);
    psbt_clear(&again);
    close_case(&b, &k);
}

static void a_psbt_without_inputs_or_amounts_is_no_payment(void **state)
{
    (void)state;
    struct bed b;
    struct tx t;
    bed_open(&b, "psbt/bip174.json");
    const json_t *flow = json_object_get(b.file, "role_flow");
    const json_t *creator = json_object_get(json_object_get(flow, "steps"), "creator");
    tx_init(&t, 2, 0);
    psbt_init(&b.p, &t);
    assert_int_equal(psbt_finalise(&b.p, &b.problem, b.c), KZ_RANGE);
    psbt_assert_problem(&b.problem, "psbt: it has no inputs");
    psbt_clear(&b.p);
    psbt_must_parse(&b.p, text_at(creator, "base64"));
    assert_int_equal(psbt_finalise(&b.p, &b.problem, b.c), KZ_RANGE);
    psbt_assert_problem(&b.problem, "input 0: the output that is spent is not given");
    bed_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changed_transactions_are_refused),
        cmocka_unit_test(other_spent_outputs_than_ours_are_refused),
        cmocka_unit_test(wrong_signatures_are_never_finalised),
        cmocka_unit_test(signatures_cover_the_whole_transaction),
        cmocka_unit_test(a_taproot_signature_may_say_all),
        cmocka_unit_test(a_signature_of_a_foreign_key_is_refused),
        cmocka_unit_test(conflicting_records_keep_ours),
        cmocka_unit_test(coins_are_described_only_as_they_are),
        cmocka_unit_test(origins_of_both_kinds_are_written_as_they_are_read),
        cmocka_unit_test(a_psbt_without_inputs_or_amounts_is_no_payment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
