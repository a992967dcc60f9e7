#include "payout/tx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "share/merkle.h"
#include "tests/unit/raw_block.h"
#include "tests/unit/tx_fixture.h"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

/* One input, one output, no witness; and the same with one item of one byte. */
#define START   "02000000"
#define INPUTS  "01" ZEROS "0700000001aafdffffff"
#define OUTPUTS "01e8030000000000000151"
#define PLAIN   START INPUTS OUTPUTS "2a000000"
#define WITNESS START "0001" INPUTS OUTPUTS "01010b2a000000"

static void assert_refused(const char *hex, enum kz_err expected)
{
    struct tx t = {.version = 77};
    enum kz_err err = tx_of_hex(&t, hex);
    if (err != expected)
        fail_msg("%s: %s", hex, kz_err_text(err));
    assert_int_equal(t.version, 77);
    assert_null(t.inputs);
}

static void a_transaction_is_read_part_by_part(void **state)
{
    (void)state;
    struct tx t;
    assert_int_equal(tx_of_hex(&t, WITNESS), KZ_OK);
    assert_int_equal(t.version, 2);
    assert_int_equal(t.locktime, 42);
    assert_int_equal(t.input_count, 1);
    assert_int_equal(t.inputs[0].from.vout, 7);
    assert_true(hash256_is_zero(&t.inputs[0].from.txid));
    assert_int_equal(t.inputs[0].sequence, TX_SEQUENCE_RBF);
    assert_hex(tx_view(&t.inputs[0].script), "aa");
    assert_int_equal(t.inputs[0].witness_count, 1);
    assert_hex(tx_view(&t.inputs[0].witness[0]), "0b");
    assert_int_equal(t.output_count, 1);
    assert_int_equal(t.outputs[0].value.sat, 1000);
    assert_hex(tx_view(&t.outputs[0].script), "51");
    assert_true(tx_has_witness(&t));
    assert_tx_hex(&t, false, WITNESS);
    assert_tx_hex(&t, true, PLAIN);
    tx_clear(&t);
    tx_clear(&t);
}

static void a_transaction_is_built_part_by_part(void **state)
{
    (void)state;
    struct tx t, copy;
    struct amount value = {1000};
    struct tx_outpoint from = {.vout = 7};
    const uint8_t opcode = 0x51, script = 0xaa, item = 0x0b;
    const struct bytes items[] = {{&item, 1}, {NULL, 0}};
    tx_init(&t, 2, 42);
    tx_add_input(&t, &from, TX_SEQUENCE_RBF);
    tx_add_output(&t, value, (struct bytes){&opcode, 1});
    tx_set_script(&t, 0, (struct bytes){&script, 1});
    assert_false(tx_has_witness(&t));
    assert_tx_hex(&t, false, PLAIN);

    tx_set_witness(&t, 0, items, 2);
    assert_int_equal(t.inputs[0].witness_count, 2);
    assert_null(t.inputs[0].witness[1].p);
    tx_set_witness(&t, 0, items, 1);
    assert_tx_hex(&t, false, WITNESS);

    tx_copy(&copy, &t);
    tx_set_witness(&t, 0, NULL, 0);
    tx_set_script(&t, 0, (struct bytes){NULL, 0});
    assert_tx_hex(&t, false,
                  START "01" ZEROS "0700000000fdffffff"
                        "01e80300000000000001512a000000");
    tx_clear(&t);
    assert_tx_hex(&copy, false, WITNESS);
    tx_clear(&copy);
}

static void what_is_set_may_come_from_the_transaction_itself(void **state)
{
    (void)state;
    struct tx t;
    assert_int_equal(tx_of_hex(&t, WITNESS), KZ_OK);
    tx_set_script(&t, 0, tx_view(&t.inputs[0].script));
    struct bytes item = tx_view(&t.inputs[0].witness[0]);
    tx_set_witness(&t, 0, &item, 1);
    assert_tx_hex(&t, false, WITNESS);
    tx_clear(&t);
}

static void many_inputs_and_outputs_grow(void **state)
{
    (void)state;
    struct tx t, again;
    size_t len = 0;
    const uint8_t script[300] = {0};
    tx_init(&t, 2, 0);
    for (uint32_t i = 0; i < 300; i++) {
        struct tx_outpoint from = {.vout = i};
        tx_add_input(&t, &from, i);
        tx_add_output(&t, (struct amount){i}, (struct bytes){script, i});
    }
    uint8_t *p = tx_format(&len, &t, false);
    assert_int_equal(tx_parse(&again, (struct bytes){p, len}), KZ_OK);
    assert_int_equal(again.input_count, 300);
    assert_int_equal(again.inputs[299].from.vout, 299);
    assert_int_equal(again.outputs[299].value.sat, 299);
    assert_int_equal(again.outputs[299].script.len, 299);
    mem_free(p);
    tx_clear(&again);
    tx_clear(&t);
}

static void every_cut_and_every_byte_behind_is_refused(void **state)
{
    (void)state;
    const char *const whole[] = {PLAIN, WITNESS};
    for (size_t i = 0; i < 2; i++) {
        struct tx_bytes b = unhex(whole[i]);
        struct tx t;
        for (size_t len = 0; len < b.len; len++) {
            uint8_t *cut = mem_copy(b.p, len);
            assert_int_equal(tx_parse(&t, (struct bytes){cut, len}), KZ_PARSE);
            mem_free(cut);
        }
        mem_free(b.p);
    }
    assert_refused(PLAIN "00", KZ_PARSE);
    assert_refused(WITNESS "00", KZ_PARSE);
}

static void the_form_is_strict(void **state)
{
    (void)state;
    /* no witness behind the marker; an unknown flag; no inputs; no inputs in it */
    assert_refused(START "0001" INPUTS OUTPUTS "002a000000", KZ_PARSE);
    assert_refused(START "0002" INPUTS OUTPUTS "01010b2a000000", KZ_PARSE);
    assert_refused(START "00002a000000", KZ_PARSE);
    assert_refused(START "000100002a000000", KZ_PARSE);
    assert_refused(START "00" OUTPUTS "2a000000", KZ_PARSE);
    /* counts and lengths in more bytes than needed */
    assert_refused(START "fd0100" ZEROS "0700000001aafdffffff"
                         "01e80300000000000001512a000000",
                   KZ_PARSE);
    assert_refused(START "01" ZEROS "07000000fd0100aafdffffff"
                         "01e80300000000000001512a000000",
                   KZ_PARSE);
    assert_refused(START INPUTS "01e803000000000000fe01000000512a000000", KZ_PARSE);
    /* counts that promise more than is there, up to all there can be */
    assert_refused(START "ffffffffffffffffff" ZEROS, KZ_PARSE);
    assert_refused(START "fe00000001" ZEROS, KZ_PARSE);
    assert_refused(START INPUTS "ffffffffffffffffff", KZ_PARSE);
    assert_refused(START "0001" INPUTS "01e8030000000000000151"
                         "ffffffffffffffffff0b2a000000",
                   KZ_PARSE);
    assert_refused(START "0001" INPUTS "01e8030000000000000151"
                         "01ffffffffffffffffff0b2a000000",
                   KZ_PARSE);
}

static void values_stay_inside_the_range_of_money(void **state)
{
    (void)state;
    struct tx t;
    struct amount sum = {5};
    assert_int_equal(tx_of_hex(&t, START INPUTS "01"
                                                "0040075af0750700"
                                                "0000000000"),
                     KZ_OK);
    assert_int_equal(t.outputs[0].value.sat, AMOUNT_MAX_SAT);
    assert_true(tx_output_sum(&sum, &t));
    assert_int_equal(sum.sat, AMOUNT_MAX_SAT);
    tx_add_output(&t, (struct amount){1}, (struct bytes){NULL, 0});
    sum.sat = 5;
    assert_false(tx_output_sum(&sum, &t));
    assert_int_equal(sum.sat, 5);
    tx_clear(&t);

    assert_refused(START INPUTS "01"
                                "0140075af0750700"
                                "0000000000",
                   KZ_RANGE);
    assert_refused(START INPUTS "01"
                                "ffffffffffffffff"
                                "0000000000",
                   KZ_RANGE);
    /* The form comes first. */
    assert_refused(START INPUTS "01"
                                "ffffffffffffffff"
                                "00000000",
                   KZ_PARSE);
}

static void nothing_larger_than_a_block_is_read(void **state)
{
    (void)state;
    struct tx t;
    uint8_t *p = mem_new(TX_BYTES_MAX + 1);
    assert_int_equal(tx_parse(&t, (struct bytes){p, TX_BYTES_MAX + 1}), KZ_RANGE);
    assert_int_equal(tx_parse(&t, (struct bytes){p, TX_BYTES_MAX}), KZ_PARSE);
    mem_free(p);
}

static void the_bare_form_has_no_marker(void **state)
{
    (void)state;
    struct tx t;
    assert_int_equal(tx_of_bare_hex(&t, PLAIN), KZ_OK);
    tx_clear(&t);
    assert_int_equal(tx_of_bare_hex(&t, WITNESS), KZ_PARSE);
    assert_int_equal(tx_of_bare_hex(&t, START "00002a000000"), KZ_OK);
    assert_int_equal(t.input_count, 0);
    assert_tx_hex(&t, true, START "00002a000000");
    tx_clear(&t);
    assert_int_equal(tx_of_bare_hex(&t, START "0001e80300000000000001512a000000"),
                     KZ_OK);
    assert_int_equal(t.output_count, 1);
    assert_tx_hex(&t, true, START "0001e80300000000000001512a000000");
    tx_clear(&t);
}

static void outpoints_are_ordered_as_people_see_them(void **state)
{
    (void)state;
    struct tx_outpoint a = {.vout = 9}, b = {.vout = 1};
    a.txid.b[0] = 2; /* the last digits shown */
    b.txid.b[31] = 1;
    assert_int_equal(tx_outpoint_compare(&a, &b), -1);
    assert_int_equal(tx_outpoint_compare(&b, &a), 1);
    assert_false(tx_outpoint_equal(&a, &b));
    b.txid = a.txid;
    assert_int_equal(tx_outpoint_compare(&a, &b), 1);
    assert_int_equal(tx_outpoint_compare(&b, &a), -1);
    assert_false(tx_outpoint_equal(&a, &b));
    b.vout = 9;
    assert_int_equal(tx_outpoint_compare(&a, &b), 0);
    assert_true(tx_outpoint_equal(&a, &b));
}

static void an_outpoint_has_one_text(void **state)
{
    (void)state;
    const char *const txid =
        "bc29b60cc0bf89b3325422dc3dd992f369d400357c10d6f271f8458fa0618f98";
    const char *const fine[] = {"0", "1", "10", "4294967295"};
    const char *const bad[] = {"",   "00", "01", "4294967296", "99999999999", "-1",
                               "+1", " 1", "1 ", "1x",         "0x1",         ":1"};
    char text[128], again[TX_OUTPOINT_TEXT_SIZE];
    struct tx_outpoint o = {.vout = 77};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(text, sizeof(text), "%s:%s", txid, bad[i]);
        assert_int_equal(tx_outpoint_parse(&o, text, strlen(text)), KZ_PARSE);
    }
    snprintf(text, sizeof(text), "%s.1", txid);
    assert_int_equal(tx_outpoint_parse(&o, text, strlen(text)), KZ_PARSE);
    snprintf(text, sizeof(text), "%s:1", txid);
    text[5] = 'g';
    assert_int_equal(tx_outpoint_parse(&o, text, strlen(text)), KZ_PARSE);
    assert_int_equal(tx_outpoint_parse(&o, text, 64), KZ_PARSE);
    assert_int_equal(tx_outpoint_parse(&o, text, 0), KZ_PARSE);
    snprintf(text, sizeof(text), "%s:1", txid);
    text[66] = '\0'; /* a zero byte is no digit, either */
    assert_int_equal(tx_outpoint_parse(&o, text, 67), KZ_PARSE);
    assert_int_equal(o.vout, 77);
    for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
        snprintf(text, sizeof(text), "%s:%s", txid, fine[i]);
        assert_int_equal(tx_outpoint_parse(&o, text, strlen(text)), KZ_OK);
        assert_int_equal(o.txid.b[0], 0x98);
        tx_outpoint_format(again, &o);
        assert_string_equal(again, text);
    }
}

struct tally {
    size_t fine, range, parse, bare;
};

static void judge_core(struct tally *tally, const char *name)
{
    json_t *file = vectors_json(name);
    for (size_t i = 0; i < json_array_size(file); i++) {
        const json_t *row = json_array_get(file, i);
        struct tx t;
        if (json_array_size(row) < 2)
            continue; /* a comment */
        const char *hex = json_string_value(json_array_get(row, 1));
        enum kz_err err = tx_of_hex(&t, hex);
        tally->fine += err == KZ_OK;
        tally->range += err == KZ_RANGE;
        tally->parse += err == KZ_PARSE;
        if (err == KZ_OK) {
            assert_tx_hex(&t, false, hex);
            tx_clear(&t);
        }
        if (tx_of_bare_hex(&t, hex) == KZ_OK) {
            tally->bare++;
            assert_tx_hex(&t, true, hex);
            tx_clear(&t);
        }
    }
    json_decref(file);
}

static void transactions_of_the_reference_node_keep_their_bytes(void **state)
{
    (void)state;
    struct tally valid = {0}, invalid = {0};
    judge_core(&valid, "core/tx_valid.json");
    judge_core(&invalid, "core/tx_invalid.json");
    assert_int_equal(valid.fine, 121);
    assert_int_equal(valid.bare, 93);
    assert_int_equal(valid.range + valid.parse, 0);
    assert_int_equal(invalid.fine, 91);
    assert_int_equal(invalid.bare, 78);
    assert_int_equal(invalid.range, 2); /* negative, and more than there is */
    assert_int_equal(invalid.parse, 0);
}

static void check_payout(const json_t *c)
{
    struct tx t;
    struct hash256 id;
    const char *const raw = text_at(c, "signed_tx");
    assert_int_equal(tx_of_hex(&t, raw), KZ_OK);
    assert_tx_hex(&t, false, raw);
    assert_int_equal(strlen(raw) / 2, number_at(c, "size"));
    tx_id(&id, &t);
    assert_display(&id, text_at(c, "txid"));
    tx_witness_id(&id, &t);
    assert_display(&id, text_at(c, "wtxid"));
    assert_int_equal(tx_weight(&t), number_at(c, "weight"));
    assert_int_equal(tx_vsize(&t), number_at(c, "vsize"));
    size_t stripped = 0;
    mem_free(tx_format(&stripped, &t, true));
    assert_int_equal(stripped, number_at(c, "stripped_size"));

    for (size_t i = 0; i < t.input_count; i++) {
        tx_set_script(&t, i, (struct bytes){NULL, 0});
        tx_set_witness(&t, i, NULL, 0);
    }
    assert_tx_hex(&t, false, text_at(c, "unsigned_tx"));
    tx_id(&id, &t);
    assert_display(&id, text_at(c, "unsigned_txid"));
    tx_clear(&t);
}

/* From the parts that the vector names, up to the unsigned bytes. */
static void build_payout(const json_t *c)
{
    struct tx t;
    const json_t *inputs = json_object_get(c, "inputs");
    const json_t *outputs = json_object_get(c, "outputs");
    struct amount spent = {0}, sum;
    tx_init(&t, (uint32_t)number_at(c, "version"), (uint32_t)number_at(c, "locktime"));
    for (size_t i = 0; i < json_array_size(inputs); i++) {
        const json_t *in = json_array_get(inputs, i);
        struct tx_outpoint from = {.vout = (uint32_t)number_at(in, "vout")};
        const char *txid = text_at(in, "txid");
        assert_int_equal(hash256_parse_display(&from.txid, txid, strlen(txid)), KZ_OK);
        tx_add_input(&t, &from, TX_SEQUENCE_RBF);
        spent.sat += number_at(in, "value_sat");
    }
    for (size_t i = 0; i < json_array_size(outputs); i++) {
        struct tx_output o =
            output_of(json_array_get(outputs, i), "value_sat", "script_pubkey");
        tx_add_output(&t, o.value, tx_view(&o.script));
        mem_free(o.script.p);
    }
    assert_tx_hex(&t, false, text_at(c, "unsigned_tx"));
    assert_true(tx_output_sum(&sum, &t));
    assert_int_equal(spent.sat - sum.sat, number_at(c, "fee_sat"));
    tx_clear(&t);
}

static void payouts_of_the_vectors_have_their_bytes_ids_and_weights(void **state)
{
    (void)state;
    json_t *file = vectors_json("payout/payout_tx.json");
    const json_t *cases = json_object_get(file, "cases");
    assert_int_equal(json_array_size(cases), 9);
    for (size_t i = 0; i < json_array_size(cases); i++) {
        check_payout(json_array_get(cases, i));
        build_payout(json_array_get(cases, i));
    }
    json_decref(file);
}

static void check_block_tx(struct hash256 *id, const struct raw_tx *raw)
{
    struct tx t;
    struct hash256 witness_id;
    size_t len = 0;
    assert_int_equal(tx_parse(&t, (struct bytes){raw->p, raw->len}), KZ_OK);
    uint8_t *p = tx_format(&len, &t, false);
    assert_int_equal(len, raw->len);
    assert_memory_equal(p, raw->p, len);
    mem_free(p);
    tx_id(id, &t);
    tx_witness_id(&witness_id, &t);
    assert_true(hash256_equal(id, &raw->txid));
    assert_true(hash256_equal(&witness_id, &raw->wtxid));
    assert_int_equal(tx_weight(&t), 3 * raw->stripped + raw->len);
    assert_int_equal(tx_has_witness(&t), raw->has_witness);
    tx_clear(&t);
}

static size_t check_block(const json_t *entry)
{
    char name[256], path[4096];
    size_t len = 0, count = 0;
    struct hash256 branch[32], root, first;
    snprintf(name, sizeof(name), "blocks/%s", text_at(entry, "file"));
    vectors_path(path, sizeof(path), name);
    uint8_t *block = vectors_bytes(path, &len);
    struct raw_tx *raw = raw_block_read(&count, block, len);
    struct hash256 *ids = mem_array(count, sizeof(*ids));
    assert_int_equal(count, number_at(entry, "tx_count"));
    for (size_t i = 0; i < count; i++)
        check_block_tx(&ids[i], &raw[i]);
    first = ids[0];
    assert_display(&first, text_at(json_object_get(entry, "coinbase"), "txid"));
    size_t depth = merkle_branch(branch, 32, ids, count);
    merkle_fold(&root, &first, branch, depth);
    assert_display(&root, text_at(entry, "merkle_root"));
    assert_memory_equal(root.b, block + 36, 32);
    mem_free(ids);
    free(raw);
    free(block);
    return count;
}

static void every_transaction_of_the_real_blocks_keeps_its_bytes(void **state)
{
    (void)state;
    json_t *file = vectors_json("blocks/manifest.json");
    const json_t *blocks = json_object_get(file, "blocks");
    size_t seen = 0;
    for (size_t i = 0; i < json_array_size(blocks); i++) {
        const json_t *entry = json_array_get(blocks, i);
        if (strstr(text_at(entry, "file"), ".raw") != NULL)
            seen += check_block(entry);
    }
    assert_true(seen > 5000);
    json_decref(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transaction_is_read_part_by_part),
        cmocka_unit_test(a_transaction_is_built_part_by_part),
        cmocka_unit_test(what_is_set_may_come_from_the_transaction_itself),
        cmocka_unit_test(many_inputs_and_outputs_grow),
        cmocka_unit_test(every_cut_and_every_byte_behind_is_refused),
        cmocka_unit_test(the_form_is_strict),
        cmocka_unit_test(values_stay_inside_the_range_of_money),
        cmocka_unit_test(nothing_larger_than_a_block_is_read),
        cmocka_unit_test(the_bare_form_has_no_marker),
        cmocka_unit_test(outpoints_are_ordered_as_people_see_them),
        cmocka_unit_test(an_outpoint_has_one_text),
        cmocka_unit_test(transactions_of_the_reference_node_keep_their_bytes),
        cmocka_unit_test(payouts_of_the_vectors_have_their_bytes_ids_and_weights),
        cmocka_unit_test(every_transaction_of_the_real_blocks_keeps_its_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
