#include "payout/psbt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/psbt_vectors.h"

#define KEY "02dab61ff49a14db6a7d02b0cd1fbb78fc4b18312b5b4e54dae4dba2fbfef536d7"
/* One input and one output without scripts, as an unsigned transaction. */
#define TX                                                                             \
    "0200000001000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"       \
    "0100000000fdffffff01e80300000000000001"                                           \
    "6a00000000"
#define HEAD "70736274ff01003d" TX

static const struct bytes none = {NULL, 0};

static enum kz_err parse_hex(struct psbt *p, struct psbt_problem *problem,
                             const char *hex)
{
    static uint8_t bytes[8192];
    size_t len = 0;
    assert_int_equal(hex_decode_some(bytes, &len, sizeof(bytes), hex, strlen(hex)),
                     KZ_OK);
    return psbt_parse(p, problem, (struct bytes){bytes, len});
}

static void assert_taken(const char *hex)
{
    struct psbt p;
    struct psbt_problem problem;
    char why[200];
    if (parse_hex(&p, &problem, hex) == KZ_OK) {
        psbt_clear(&p);
        return;
    }
    psbt_problem_format(why, sizeof(why), &problem);
    fail_msg("%s: %s", why, hex);
}

static void assert_refused(const char *hex, const char *why)
{
    struct psbt p;
    struct psbt_problem problem = {PSBT_WHOLE, 0, NULL, "nothing"};
    memset(&p, 0x5a, sizeof(p));
    if (parse_hex(&p, &problem, hex) == KZ_OK)
        fail_msg("%s was taken, expected: %s", hex, why);
    psbt_assert_problem(&problem, why);
    for (size_t i = 0; i < sizeof(p); i++)
        assert_int_equal(((const uint8_t *)&p)[i], 0x5a);
}

/* With one record in the input's map, or the output's. */
static void input_refused(const char *record, const char *why)
{
    char hex[2000];
    snprintf(hex, sizeof(hex), HEAD "00%s0000", record);
    assert_refused(hex, why);
}

static void output_refused(const char *record, const char *why)
{
    char hex[2000];
    snprintf(hex, sizeof(hex), HEAD "0000%s00", record);
    assert_refused(hex, why);
}

static void input_taken(const char *record)
{
    char hex[2000];
    snprintf(hex, sizeof(hex), HEAD "00%s0000", record);
    assert_taken(hex);
}

static void output_taken(const char *record)
{
    char hex[2000];
    snprintf(hex, sizeof(hex), HEAD "0000%s00", record);
    assert_taken(hex);
}

static void a_psbt_in_order_comes_back_byte_for_byte(const char *text)
{
    struct psbt p;
    psbt_must_parse(&p, text);
    psbt_assert_text(&p, text);
    psbt_clear(&p);
}

static bool is_v2(const char *text)
{
    return strncmp(text, "cHNidP8BAgQ", 11) == 0;
}

/* What was version 2 is version 0 from then on, and that comes back. */
static void a_psbt_of_version_2_is_written_as_version_0(const char *text)
{
    struct psbt p, again;
    psbt_must_parse(&p, text);
    char *written = psbt_format_base64(&p);
    assert_false(is_v2(written));
    psbt_must_parse(&again, written);
    psbt_assert_text(&again, written);
    mem_free(written);
    psbt_clear(&again);
    psbt_clear(&p);
}

static void check_valid(const char *text)
{
    if (is_v2(text))
        a_psbt_of_version_2_is_written_as_version_0(text);
    else
        a_psbt_in_order_comes_back_byte_for_byte(text);
}

static void check_invalid(const char *text)
{
    struct psbt p;
    struct psbt_problem problem = {PSBT_WHOLE, 0, NULL, NULL};
    if (psbt_parse_base64(&p, &problem, text, strlen(text)) == KZ_OK)
        fail_msg("%.60s... was taken", text);
    assert_non_null(problem.what);
}

static size_t check_cases(const char *name)
{
    json_t *file = vectors_json(name);
    const json_t *cases = json_object_get(file, "cases");
    size_t ran = 0;
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *one = json_array_get(cases, i);
        if (strcmp(text_at(one, "kind"), "timelock") == 0)
            continue;
        if (strcmp(text_at(one, "kind"), "invalid") == 0)
            check_invalid(text_at(one, "base64"));
        else
            check_valid(text_at(one, "base64"));
        ran++;
    }
    json_decref(file);
    return ran;
}

static void cases_of_the_bips_are_judged(void **state)
{
    (void)state;
    assert_int_equal(check_cases("psbt/bip174.json"), 34);
    assert_int_equal(check_cases("psbt/bip370.json"), 38);
    assert_int_equal(check_cases("psbt/bip371.json"), 17);
}

static void cases_of_the_reference_node_are_judged(void **state)
{
    (void)state;
    json_t *file = vectors_json("psbt/core_rpc_psbt.json");
    const json_t *list = json_object_get(file, "valid");
    assert_int_equal(json_array_size(list), 48);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        /* Its version comes before its transaction. */
        if (strncmp(text, "cHNidP8B+w", 10) != 0)
            check_valid(text);
    }
    list = json_object_get(file, "invalid");
    assert_int_equal(json_array_size(list), 63);
    for (size_t i = 0; i < json_array_size(list); i++)
        check_invalid(json_string_value(json_array_get(list, i)));
    list = json_object_get(file, "invalid_with_msg");
    assert_int_equal(json_array_size(list), 23);
    for (size_t i = 0; i < json_array_size(list); i++)
        check_invalid(json_string_value(json_array_get(json_array_get(list, i), 0)));
    json_decref(file);
}

/* A sample; the texts of the others are read, not compared. */
static void a_refusal_says_what_and_where(void **state)
{
    (void)state;
    static const struct {
        const char *list;
        size_t at;
        const char *why;
    } samples[] = {
        {"invalid", 0, "psbt: does not begin as one"},
        {"invalid", 1, "output 0: the map is missing, or has no end"},
        {"invalid", 2, "global, unsigned_tx: has a script in an input"},
        {"invalid", 3, "global, unsigned_tx: is missing"},
        {"invalid", 4, "input 0: the same key twice"},
        {"invalid", 13,
         "input 1, final_scriptwitness: a key of another length or form"},
        {"invalid", 18, "psbt: is not base64"},
        {"invalid", 19, "global, version: is neither 0 nor 2"},
        {"invalid", 39,
         "input 0, non_witness_utxo: is not the transaction that the input spends"},
        {"invalid", 40,
         "input 0, non_witness_utxo: has no output of the number that the input "
         "spends"},
        {"invalid", 42, "global, unsigned_tx: a field that version 2 does not have"},
        {"invalid", 48, "input 0, previous_txid: a field that version 0 does not have"},
        {"invalid", 57, "input 0, previous_txid: is missing"},
        {"invalid", 62,
         "input 0, required_height_locktime: a value of another length or form"},
    };
    json_t *file = vectors_json("psbt/core_rpc_psbt.json");
    for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++) {
        struct psbt p;
        struct psbt_problem problem;
        const char *text = json_string_value(
            json_array_get(json_object_get(file, samples[i].list), samples[i].at));
        assert_int_not_equal(psbt_parse_base64(&p, &problem, text, strlen(text)),
                             KZ_OK);
        psbt_assert_problem(&problem, samples[i].why);
    }
    json_decref(file);
}

static void lock_times_of_version_2_are_chosen(void **state)
{
    (void)state;
    json_t *file = vectors_json("psbt/bip370.json");
    const json_t *cases = json_object_get(file, "cases");
    size_t ran = 0;
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *one = json_array_get(cases, i);
        const char *text = text_at(one, "base64");
        struct psbt p;
        struct psbt_problem problem;
        if (strcmp(text_at(one, "kind"), "timelock") != 0)
            continue;
        ran++;
        if (json_is_null(json_object_get(one, "expected_locktime"))) {
            assert_int_equal(psbt_parse_base64(&p, &problem, text, strlen(text)),
                             KZ_RANGE);
            psbt_assert_problem(
                &problem,
                "psbt: one input needs a height and another a time as lock time");
            continue;
        }
        psbt_must_parse(&p, text);
        assert_int_equal(p.tx.locktime, number_at(one, "expected_locktime"));
        psbt_clear(&p);
    }
    assert_int_equal(ran, 10);
    json_decref(file);
}

static void version_2_describes_its_transaction(void **state)
{
    (void)state;
    struct psbt p;
    /* version 2, fallback 7, one input without sequence, one output */
    assert_int_equal(
        parse_hex(
            &p, &(struct psbt_problem){0},
            "70736274ff"
            "010204020000000103040700000001040101010501010106010301fb040200000000"
            "010e20000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
            "010f040100000000"
            "010308e8030000000000000104016a00"),
        KZ_OK);
    assert_int_equal(p.tx.version, 2);
    assert_int_equal(p.tx.locktime, 7);
    assert_int_equal(p.tx.inputs[0].sequence, TX_SEQUENCE_FINAL);
    assert_int_equal(p.tx.inputs[0].from.vout, 1);
    assert_int_equal(p.tx.inputs[0].from.txid.b[31], 0x1f);
    assert_int_equal(p.tx.outputs[0].value.sat, 1000);
    assert_int_equal(p.global.count + p.inputs[0].count + p.outputs[0].count, 0);
    psbt_clear(&p);
    assert_refused("70736274ff"
                   "01020402000000010401000105010101fb040200000000"
                   "010308ffffffffffffffff0104016a00",
                   "output 0: an amount outside the range of money");
    assert_refused("70736274ff"
                   "01020402000000010405feffffff7f0105010001fb040200000000",
                   "global, input_count: is more than there can be");
    assert_refused("70736274ff"
                   "01020402000000010405feffff00000105010001fb040200000000",
                   "global, input_count: a value of another length or form");
}

static void every_cut_of_a_psbt_is_refused(void **state)
{
    (void)state;
    json_t *file = vectors_json("psbt/bip174.json");
    const char *hex =
        text_at(json_array_get(json_object_get(file, "cases"), 25), "hex");
    static uint8_t bytes[8192];
    size_t len = 0;
    struct psbt p;
    struct psbt_problem problem;
    assert_int_equal(hex_decode_some(bytes, &len, sizeof(bytes), hex, strlen(hex)),
                     KZ_OK);
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(psbt_parse(&p, &problem, (struct bytes){bytes, cut}),
                         KZ_PARSE);
    bytes[len] = 0;
    assert_int_equal(psbt_parse(&p, &problem, (struct bytes){bytes, len + 1}),
                     KZ_PARSE);
    psbt_assert_problem(&problem, "psbt: something follows its end");
    json_decref(file);
}

static void forms_of_input_fields_are_kept(void **state)
{
    (void)state;
    assert_taken(HEAD "000000");
    input_taken("0101"
                "09"
                "e80300000000000000");
    input_refused("0101"
                  "09"
                  "e80300000000000001",
                  "input 0, witness_utxo: a value of another length or form");
    input_refused("0101"
                  "09"
                  "ffffffffffffffff00",
                  "input 0, witness_utxo: a value of another length or form");
    input_taken("2206" KEY "08"
                "d90c6a4f00000080");
    input_refused("2206" KEY "07"
                  "d90c6a4f000000",
                  "input 0, bip32_derivation: a value of another length or form");
    input_refused("2206"
                  "02000000000000000000000000000000000000000000000000000000000000"
                  "0005"
                  "08"
                  "d90c6a4f00000080",
                  "input 0, bip32_derivation: a key of another length or form");
    input_refused("2202" KEY "08"
                  "3006020101020101",
                  "input 0, partial_sig: a value of another length or form");
    input_taken("0108"
                "04"
                "02010100");
    input_refused("0108"
                  "03"
                  "020101",
                  "input 0, final_scriptwitness: a value of another length or form");
    input_refused("0108"
                  "05"
                  "0201010000",
                  "input 0, final_scriptwitness: a value of another length or form");
    input_refused("0103"
                  "03"
                  "010000",
                  "input 0, sighash_type: a value of another length or form");
    input_refused("0118"
                  "01"
                  "00",
                  "input 0, tap_merkle_root: a value of another length or form");
    input_refused("0100"
                  "01"
                  "00",
                  "input 0, non_witness_utxo: is no transaction");
}

static void forms_of_taproot_fields_are_kept(void **state)
{
    (void)state;
#define XONLY "dab61ff49a14db6a7d02b0cd1fbb78fc4b18312b5b4e54dae4dba2fbfef536d7"
    input_taken("2116" XONLY "05"
                "00"
                "d90c6a4f");
    input_taken("2116" XONLY "25"
                "01" XONLY "d90c6a4f");
    input_refused("2116" XONLY "05"
                  "01"
                  "d90c6a4f",
                  "input 0, tap_bip32_derivation: a value of another length or form");
    input_refused("2116" XONLY "01"
                  "00",
                  "input 0, tap_bip32_derivation: a value of another length or form");
    input_refused("2215"
                  "c0" XONLY "00",
                  "input 0, tap_leaf_script: a value of another length or form");
    /* One leaf; two; two below the right branch; then trees that are none. */
    output_taken("0106"
                 "04"
                 "00c00151");
    output_taken("0106"
                 "08"
                 "01c0015101c00151");
    output_taken("0106"
                 "0c"
                 "01c0015102c0015102c00151");
    output_taken("0106"
                 "0c"
                 "02c0015102c0015101c00151");
    output_refused("0106"
                   "04"
                   "01c00151",
                   "output 0, tap_tree: a value of another length or form");
    output_refused("0106"
                   "08"
                   "00c0015100c00151",
                   "output 0, tap_tree: a value of another length or form");
    output_refused("0106"
                   "0c"
                   "02c0015101c0015102c00151",
                   "output 0, tap_tree: a value of another length or form");
    output_refused("0106"
                   "04"
                   "00c10151",
                   "output 0, tap_tree: a value of another length or form");
    output_refused("0106"
                   "04"
                   "81c00151",
                   "output 0, tap_tree: a value of another length or form");
    output_refused("0105"
                   "21"
                   "02" XONLY,
                   "output 0, tap_internal_key: a value of another length or form");
}

static void keys_and_lengths_are_minimal(void **state)
{
    (void)state;
    input_refused("fd0100"
                  "03"
                  "04"
                  "01000000",
                  "input 0: a key is longer than what is there");
    input_refused("03"
                  "fd0300"
                  "04"
                  "01000000",
                  "input 0: a key without a proper type");
    input_refused("0103"
                  "fd0400"
                  "01000000",
                  "input 0: a value is longer than what is there");
    /* A type of two bytes is unknown, and kept. */
    input_taken("03"
                "fdff00"
                "01"
                "00");
    input_refused("01fc"
                  "00",
                  "input 0, proprietary: a key of another length or form");
    input_taken("06fc"
                "036b7a7000"
                "00");
}

static void unknown_fields_are_kept_in_order(void **state)
{
    (void)state;
    /* Types f1, f0, f0, 03: sorted by type, and the two f0 as they came. */
    static const char in[] = HEAD "00"
                                  "02f101"
                                  "01aa"
                                  "02f009"
                                  "01bb"
                                  "02f008"
                                  "01cc"
                                  "0103"
                                  "0401000000"
                                  "00"
                                  "00";
    static const char out[] = HEAD "00"
                                   "0103"
                                   "0401000000"
                                   "02f009"
                                   "01bb"
                                   "02f008"
                                   "01cc"
                                   "02f101"
                                   "01aa"
                                   "00"
                                   "00";
    struct psbt p;
    size_t len = 0;
    char hex[1000];
    assert_int_equal(parse_hex(&p, &(struct psbt_problem){0}, in), KZ_OK);
    uint8_t *bytes = psbt_format(&len, &p);
    hex_encode(hex, bytes, len);
    assert_string_equal(hex, out);
    mem_free(bytes);
    psbt_clear(&p);
}

static void records_are_got_put_and_replaced(void **state)
{
    (void)state;
    struct psbt p, copy;
    struct bytes value;
    const uint8_t a[] = {1, 2}, b[] = {3};
    assert_int_equal(parse_hex(&p, &(struct psbt_problem){0}, HEAD "000000"), KZ_OK);
    struct psbt_map *map = &p.inputs[0];
    assert_false(psbt_get(&value, map, 4, none));
    psbt_put(map, 0xf0, (struct bytes){a, 2}, (struct bytes){b, 1});
    psbt_put(map, 4, none, (struct bytes){a, 2});
    psbt_put(map, 0xf0, (struct bytes){b, 1}, none);
    psbt_put(map, 0xf0, (struct bytes){a, 2}, (struct bytes){a, 2});
    assert_int_equal(map->count, 3);
    assert_int_equal(map->records[0].type, 4);
    assert_true(psbt_has(map, 0xf0));
    assert_false(psbt_has(map, 0xf1));
    assert_true(psbt_get(&value, map, 0xf0, (struct bytes){a, 2}));
    assert_int_equal(value.len, 2);
    assert_true(psbt_get(&value, map, 0xf0, (struct bytes){b, 1}));
    assert_int_equal(value.len, 0);
    psbt_copy(&copy, &p);
    char *text = psbt_format_base64(&p);
    psbt_clear(&p);
    psbt_assert_text(&copy, text);
    mem_free(text);
    psbt_clear(&copy);
}

static void records_of_a_map_are_bounded(void **state)
{
    (void)state;
    static uint8_t bytes[200 + 7 * (PSBT_RECORDS_MAX + 1)];
    struct psbt p;
    struct psbt_problem problem;
    size_t len = 0;
    assert_int_equal(hex_decode_some(bytes, &len, sizeof(bytes), HEAD, strlen(HEAD)),
                     KZ_OK);
    for (uint32_t i = 0; i <= PSBT_RECORDS_MAX; i++) {
        uint8_t *record = bytes + len + 7 * (size_t)i;
        record[0] = 5;
        record[1] = (uint8_t)(0xf0 - i % 64);
        write_le32(record + 2, i);
    }
    /* The unsigned transaction is one of them. */
    size_t end = len + 7 * (size_t)(PSBT_RECORDS_MAX - 1);
    memset(bytes + end, 0, 3);
    assert_int_equal(psbt_parse(&p, &problem, (struct bytes){bytes, end + 3}), KZ_OK);
    assert_int_equal(p.global.count, PSBT_RECORDS_MAX - 1);
    for (size_t i = 1; i < p.global.count; i++)
        assert_true(p.global.records[i - 1].type <= p.global.records[i].type);
    psbt_clear(&p);
    memcpy(bytes + end - 7, bytes + len, 7);
    assert_int_equal(psbt_parse(&p, &problem, (struct bytes){bytes, end + 3}),
                     KZ_PARSE);
    psbt_assert_problem(&problem, "global: the same key twice");
    memcpy(bytes + end, bytes + len, 7);
    assert_int_equal(psbt_parse(&p, &problem, (struct bytes){bytes, end + 10}),
                     KZ_PARSE);
    psbt_assert_problem(&problem, "global: more records than are taken");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_of_the_bips_are_judged),
        cmocka_unit_test(cases_of_the_reference_node_are_judged),
        cmocka_unit_test(a_refusal_says_what_and_where),
        cmocka_unit_test(lock_times_of_version_2_are_chosen),
        cmocka_unit_test(version_2_describes_its_transaction),
        cmocka_unit_test(every_cut_of_a_psbt_is_refused),
        cmocka_unit_test(forms_of_input_fields_are_kept),
        cmocka_unit_test(forms_of_taproot_fields_are_kept),
        cmocka_unit_test(keys_and_lengths_are_minimal),
        cmocka_unit_test(unknown_fields_are_kept_in_order),
        cmocka_unit_test(records_are_got_put_and_replaced),
        cmocka_unit_test(records_of_a_map_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
