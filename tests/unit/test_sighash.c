#include "payout/sighash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "payout/script.h"
#include "tests/unit/tx_fixture.h"

static void assert_digest(const struct hash256 *h, const char *hex)
{
    assert_hex((struct bytes){h->b, sizeof(h->b)}, hex);
}

static void assert_double_of(const char *preimage, const char *digest)
{
    struct hash256 h;
    struct tx_bytes b = unhex(preimage);
    hash256_double(&h, b.p, b.len);
    assert_digest(&h, digest);
    mem_free(b.p);
}

static void check_legacy(const json_t *row)
{
    struct tx t;
    struct hash256 h;
    struct tx_bytes script = unhex(json_string_value(json_array_get(row, 1)));
    size_t input = (size_t)json_integer_value(json_array_get(row, 2));
    uint32_t type = (uint32_t)json_integer_value(json_array_get(row, 3));
    assert_int_equal(tx_of_hex(&t, json_string_value(json_array_get(row, 0))), KZ_OK);
    sighash_legacy(&h, &t, input, tx_view(&script), type);
    assert_display(&h, json_string_value(json_array_get(row, 4)));
    tx_clear(&t);
    mem_free(script.p);
}

static void legacy_digests_of_the_reference_node_come_out(void **state)
{
    (void)state;
    json_t *file = vectors_json("core/sighash.json");
    assert_int_equal(json_array_size(file), 501);
    for (size_t i = 1; i < json_array_size(file); i++)
        check_legacy(json_array_get(file, i));
    json_decref(file);
}

static void legacy_single_without_its_output_is_the_number_one(void **state)
{
    (void)state;
    struct tx t;
    struct hash256 h;
    struct tx_outpoint from = {.vout = 0};
    tx_init(&t, 2, 0);
    tx_add_input(&t, &from, 0);
    sighash_legacy(&h, &t, 0, (struct bytes){NULL, 0}, SIGHASH_SINGLE);
    assert_display(&h,
                   "0000000000000000000000000000000000000000000000000000000000000001");
    tx_add_output(&t, (struct amount){1}, (struct bytes){NULL, 0});
    sighash_legacy(&h, &t, 0, (struct bytes){NULL, 0}, SIGHASH_SINGLE);
    assert_int_not_equal(h.b[1], 0);
    tx_clear(&t);
}

/* Are two scripts signed as one and the same? */
static bool is_same_code(const char *one, const char *other)
{
    struct tx t;
    struct tx_outpoint from = {.vout = 0};
    struct tx_bytes a = unhex(one), b = unhex(other);
    struct hash256 ha, hb;
    tx_init(&t, 2, 0);
    tx_add_input(&t, &from, 0);
    sighash_legacy(&ha, &t, 0, tx_view(&a), SIGHASH_ALL);
    sighash_legacy(&hb, &t, 0, tx_view(&b), SIGHASH_ALL);
    mem_free(a.p);
    mem_free(b.p);
    tx_clear(&t);
    return hash256_equal(&ha, &hb);
}

static void separators_go_and_pushed_bytes_stay(void **state)
{
    (void)state;
    assert_true(is_same_code("ab51abac", "51ac"));
    assert_true(is_same_code("abab", ""));
    assert_true(is_same_code("4c01abab", "4c01ab"));
    assert_true(is_same_code("4d0100abab", "4d0100ab"));
    assert_true(is_same_code("4e01000000abab", "4e01000000ab"));
    assert_false(is_same_code("01ab", "01"));
    assert_false(is_same_code("4c01ab", "4c01"));
    /* Cut short: the rest is no operation, so nothing in it is taken out. */
    assert_true(is_same_code("ab02ab", "02ab"));
    assert_false(is_same_code("02ab", "02"));
    assert_false(is_same_code("4cffab", "4cff"));
    assert_true(is_same_code("ab4e010000", "4e010000"));
    assert_false(is_same_code("4effffffffab", "4effffffff"));
}

static void check_bip143(const json_t *step)
{
    struct tx t;
    struct hash256 h;
    struct amount value;
    struct tx_bytes code = unhex(text_at(step, "script_code"));
    assert_true(amount_from_sat(&value, number_at(step, "amount_sat")));
    assert_int_equal(tx_of_hex(&t, text_at(step, "unsigned_tx")), KZ_OK);
    sighash_witness_v0(&h, &t, (size_t)number_at(step, "input_index"), tx_view(&code),
                       value, (uint32_t)number_at(step, "hash_type"));
    assert_digest(&h, text_at(step, "sighash"));
    assert_double_of(text_at(step, "preimage"), text_at(step, "sighash"));
    tx_clear(&t);
    mem_free(code.p);
}

static void all_signing_steps_of_bip143_come_out(void **state)
{
    (void)state;
    json_t *file = vectors_json("bips/bip143.json");
    const json_t *steps = json_object_get(file, "signing_steps");
    assert_int_equal(json_array_size(steps), 13);
    for (size_t i = 0; i < json_array_size(steps); i++)
        check_bip143(json_array_get(steps, i));
    json_decref(file);
}

/* The outputs that vectors say are spent; the caller's to free_spent(). */
static struct tx_output *spent_of(const json_t *list, const char *value,
                                  const char *script)
{
    struct tx_output *spent = mem_array(json_array_size(list), sizeof(*spent));
    for (size_t i = 0; i < json_array_size(list); i++)
        spent[i] = output_of(json_array_get(list, i), value, script);
    return spent;
}

static void free_spent(struct tx_output *spent, size_t count)
{
    for (size_t i = 0; i < count; i++)
        mem_free(spent[i].script.p);
    mem_free(spent);
}

static void check_tagged_message(const json_t *between, const char *digest)
{
    struct hash256 h;
    struct tx_bytes message = unhex(text_at(between, "sigMsg"));
    struct bytes start = {message.p, 10}, rest = {message.p + 10, message.len - 10};
    hash_tagged(&h, "TapSighash", start, rest);
    assert_digest(&h, digest);
    mem_free(message.p);
}

static void key_path_digests_of_bip341_come_out(void **state)
{
    (void)state;
    json_t *file = vectors_json("bips/bip341_wallet_vectors.json");
    const json_t *spending =
        json_array_get(json_object_get(file, "keyPathSpending"), 0);
    const json_t *given = json_object_get(spending, "given");
    const json_t *list = json_object_get(given, "utxosSpent");
    const json_t *inputs = json_object_get(spending, "inputSpending");
    struct tx_output *spent = spent_of(list, "amountSats", "scriptPubKey");
    struct tx t;
    assert_int_equal(tx_of_hex(&t, text_at(given, "rawUnsignedTx")), KZ_OK);
    assert_int_equal(json_array_size(inputs), 7);
    for (size_t i = 0; i < json_array_size(inputs); i++) {
        const json_t *in = json_object_get(json_array_get(inputs, i), "given");
        const json_t *between =
            json_object_get(json_array_get(inputs, i), "intermediary");
        struct hash256 h;
        assert_int_equal(sighash_taproot(&h, &t, (size_t)number_at(in, "txinIndex"),
                                         spent, (uint8_t)number_at(in, "hashType")),
                         KZ_OK);
        assert_digest(&h, text_at(between, "sigHash"));
        check_tagged_message(between, text_at(between, "sigHash"));
    }
    free_spent(spent, json_array_size(list));
    tx_clear(&t);
    json_decref(file);
}

static void taproot_knows_seven_hash_types(void **state)
{
    (void)state;
    struct tx t;
    struct tx_output spent = {.value = {1}};
    struct tx_outpoint from = {.vout = 0};
    tx_init(&t, 2, 0);
    tx_add_input(&t, &from, 0);
    tx_add_output(&t, (struct amount){1}, (struct bytes){NULL, 0});
    for (unsigned type = 0; type <= 0xff; type++) {
        struct hash256 h = {{7}};
        bool known = type <= 3 || (type >= 0x81 && type <= 0x83);
        enum kz_err err = sighash_taproot(&h, &t, 0, &spent, (uint8_t)type);
        assert_int_equal(err, known ? KZ_OK : KZ_RANGE);
        assert_true(known || h.b[0] == 7);
    }
    tx_clear(&t);
}

static void single_without_its_output_is_no_taproot_digest(void **state)
{
    (void)state;
    struct tx t;
    struct hash256 h, other;
    struct tx_output spent[2] = {{.value = {1}}, {.value = {2}}};
    struct tx_outpoint from = {.vout = 0};
    tx_init(&t, 2, 0);
    tx_add_input(&t, &from, 0);
    tx_add_input(&t, &from, 0);
    tx_add_output(&t, (struct amount){1}, (struct bytes){NULL, 0});
    assert_int_equal(sighash_taproot(&h, &t, 0, spent, SIGHASH_SINGLE), KZ_OK);
    assert_int_equal(sighash_taproot(&h, &t, 1, spent, SIGHASH_SINGLE), KZ_RANGE);
    assert_int_equal(sighash_taproot(&h, &t, 1, spent, 0x83), KZ_RANGE);
    /* What any input spends is signed; alone, only its own. */
    assert_int_equal(sighash_taproot(&h, &t, 0, spent, SIGHASH_ALL), KZ_OK);
    spent[1].value.sat = 3;
    assert_int_equal(sighash_taproot(&other, &t, 0, spent, SIGHASH_ALL), KZ_OK);
    assert_false(hash256_equal(&h, &other));
    assert_int_equal(sighash_taproot(&h, &t, 0, spent, 0x81), KZ_OK);
    spent[1].value.sat = 4;
    assert_int_equal(sighash_taproot(&other, &t, 0, spent, 0x81), KZ_OK);
    assert_true(hash256_equal(&h, &other));
    tx_clear(&t);
}

/* Script code of an input, as its spending form has it. */
static void code_of(struct script *code, const json_t *in, const struct tx_input *final)
{
    const char *inner =
        json_string_value(json_object_get(in, "witness_or_redeem_script"));
    struct tx_bytes script =
        unhex(inner != NULL ? inner : text_at(in, "script_pubkey"));
    uint8_t hash[20];
    if (strcmp(text_at(in, "type"), "p2wpkh") == 0 ||
        strcmp(text_at(in, "type"), "p2sh_p2wpkh") == 0) {
        hash160(hash, tx_view(&final->witness[1]));
        script_p2pkh(code, hash);
    } else {
        memcpy(code->b, script.p, script.len);
        code->len = script.len;
    }
    mem_free(script.p);
}

static void check_signing(const json_t *step, const struct tx *t, const json_t *inputs,
                          const struct tx_output *spent)
{
    struct hash256 h;
    struct script code;
    size_t i = (size_t)number_at(step, "input_index");
    const char *algorithm = text_at(step, "algorithm");
    code_of(&code, json_array_get(inputs, i), &t->inputs[i]);
    if (strncmp(algorithm, "BIP341", 6) == 0)
        assert_int_equal(sighash_taproot(&h, t, i, spent, SIGHASH_DEFAULT), KZ_OK);
    else if (strncmp(algorithm, "BIP143", 6) == 0)
        sighash_witness_v0(&h, t, i, script_bytes(&code), spent[i].value, SIGHASH_ALL);
    else
        sighash_legacy(&h, t, i, script_bytes(&code), SIGHASH_ALL);
    assert_digest(&h, text_at(step, "sighash"));
    if (json_is_string(json_object_get(step, "preimage")))
        assert_double_of(text_at(step, "preimage"), text_at(step, "sighash"));
}

static void digests_of_the_payout_vectors_come_out(void **state)
{
    (void)state;
    json_t *file = vectors_json("payout/payout_tx.json");
    const json_t *cases = json_object_get(file, "cases");
    size_t steps = 0, expected = 0;
    for (size_t c = 0; c < json_array_size(cases); c++) {
        const json_t *one = json_array_get(cases, c);
        const json_t *inputs = json_object_get(one, "inputs");
        const json_t *signing = json_object_get(one, "signing");
        struct tx_output *spent = spent_of(inputs, "value_sat", "script_pubkey");
        struct tx t;
        assert_int_equal(tx_of_hex(&t, text_at(one, "signed_tx")), KZ_OK);
        for (size_t i = 0; i < json_array_size(signing); i++)
            check_signing(json_array_get(signing, i), &t, inputs, spent);
        steps += json_array_size(signing);
        expected += t.input_count;
        tx_clear(&t);
        free_spent(spent, json_array_size(inputs));
    }
    assert_int_equal(steps, expected);
    json_decref(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(legacy_digests_of_the_reference_node_come_out),
        cmocka_unit_test(legacy_single_without_its_output_is_the_number_one),
        cmocka_unit_test(separators_go_and_pushed_bytes_stay),
        cmocka_unit_test(all_signing_steps_of_bip143_come_out),
        cmocka_unit_test(key_path_digests_of_bip341_come_out),
        cmocka_unit_test(taproot_knows_seven_hash_types),
        cmocka_unit_test(single_without_its_output_is_no_taproot_digest),
        cmocka_unit_test(digests_of_the_payout_vectors_come_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
