#include "payout/fee.h"
#include "payout/txsize.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/payout_fixture.h"
#include "tests/unit/payout_forms.h"

static struct feerate rate_of(int64_t sat_per_kvb)
{
    struct feerate r;
    assert_true(feerate_from(&r, sat_per_kvb));
    return r;
}

static void assert_rate(const char *text, int64_t expected)
{
    struct feerate r = {-1};
    if (feerate_parse(&r, text, strlen(text)) != KZ_OK)
        fail_msg("%s is refused", text);
    if (r.sat_per_kvb != expected)
        fail_msg("%s is %lld", text, (long long)r.sat_per_kvb);
}

static void assert_no_rate(const char *text, enum kz_err err)
{
    struct feerate r = {-1};
    if (feerate_parse(&r, text, strlen(text)) != err)
        fail_msg("%s is judged wrongly", text);
    assert_int_equal(r.sat_per_kvb, -1);
}

static void rates_of_the_node_are_read_to_the_last_satoshi(void **state)
{
    (void)state;
    assert_rate("0.00012345", 12345);
    assert_rate("0.00001000", 1000);
    assert_rate("0.00000100", 100);
    assert_rate("1e-05", 1000);
    assert_rate("1E-5", 1000);
    assert_rate("1.2345e-4", 12345);
    assert_rate("12.345e-05", 12345);
    assert_rate("0", 0);
    assert_rate("-0.0", 0);
    assert_rate("1", 100000000);
    assert_rate("1e+0", 100000000);
    assert_rate("100", FEERATE_MAX);
    assert_rate("1e2", FEERATE_MAX);
    assert_rate("0.0000000100000000000000000000000000000e10", 1000000000 * 10LL);
    /* No binary fraction is any of these. */
    assert_rate("0.07", 7000000);
    assert_rate("0.29", 29000000);
    assert_rate("1.1", 110000000);
}

static void a_fraction_of_a_satoshi_counts_as_one(void **state)
{
    (void)state;
    assert_rate("0.000000001", 1);
    assert_rate("0.00000100000000000000000000000000000001", 101);
    assert_rate("1e-1000000", 1);
    assert_rate("0.000012340", 1234);
    assert_rate("0.000012345", 1235);
    assert_rate("123456789012345678901234567890e-33", 12346);
    assert_rate("100000000000000000000000000000e-33", 10000);
    assert_rate("100000000000000000000000000001e-33", 10001);
}

static void what_is_no_rate_is_refused(void **state)
{
    (void)state;
    const char *const bad[] = {"",      " ",    "-",     ".5",    "5.",  "1e",  "1e-",
                               "01",    "00.1", "1.2.3", "0x10",  "1 ",  " 1",  "+1",
                               "1e5.0", "--1",  "1e--5", "null",  "1,5", "nan", "inf",
                               "1e+",   "-.5",  "e5",    "0.1e5x"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_no_rate(bad[i], KZ_PARSE);
    assert_no_rate("-1", KZ_RANGE);
    assert_no_rate("-1e-999", KZ_RANGE);
    assert_no_rate("100.00000001", KZ_RANGE);
    assert_no_rate("100.000000000000000000000001", KZ_RANGE);
    assert_no_rate("1e3", KZ_RANGE);
    assert_no_rate("1e99999999999999999999", KZ_RANGE);
    assert_no_rate("99999999999999999999999999999999999", KZ_RANGE);

    char longest[FEERATE_TEXT_LONGEST + 2] = "0.";
    memset(longest + 2, '0', FEERATE_TEXT_LONGEST - 1);
    assert_no_rate(longest, KZ_PARSE);
    longest[FEERATE_TEXT_LONGEST] = '\0';
    assert_rate(longest, 0);
}

static void every_rate_survives_being_written(void **state)
{
    (void)state;
    uint64_t seed = UINT64_C(0x2545f4914f6cdd1d);
    for (int i = 0; i < 5000; i++) {
        int64_t n = (int64_t)random_below(&seed, (uint64_t)FEERATE_MAX + 1);
        char text[64];
        amount_format(text, sat(n));
        assert_rate(text, n);
        snprintf(text, sizeof(text), "%llde-8", (long long)n);
        assert_rate(text, n);
    }
}

static struct feerate_terms plain_terms(void)
{
    return (struct feerate_terms){.has_estimate = true,
                                  .estimate = rate_of(5000),
                                  .fallback = rate_of(2000),
                                  .mempool_min = rate_of(1000),
                                  .relay_min = rate_of(100),
                                  .floor = rate_of(500),
                                  .ceiling = rate_of(9000)};
}

static void a_rate_is_raised_to_the_highest_minimum(void **state)
{
    (void)state;
    struct feerate r = {0};
    struct feerate_terms t = plain_terms();
    assert_int_equal(feerate_choose(&r, &t), KZ_OK);
    assert_int_equal(r.sat_per_kvb, 5000);
    t.has_estimate = false;
    assert_int_equal(feerate_choose(&r, &t), KZ_OK);
    assert_int_equal(r.sat_per_kvb, 2000);
    struct feerate *minima[] = {&t.mempool_min, &t.relay_min, &t.floor};
    for (int64_t i = 0; i < 3; i++) {
        *minima[i] = rate_of(3000 + i);
        assert_int_equal(feerate_choose(&r, &t), KZ_OK);
        assert_int_equal(r.sat_per_kvb, 3000 + i);
    }
}

static void above_the_ceiling_a_run_waits(void **state)
{
    (void)state;
    struct feerate r = {7};
    struct feerate_terms t = plain_terms();
    t.estimate = rate_of(9000);
    assert_int_equal(feerate_choose(&r, &t), KZ_OK);
    t.estimate = rate_of(9001);
    r.sat_per_kvb = 7;
    assert_int_equal(feerate_choose(&r, &t), KZ_BUSY);
    assert_int_equal(r.sat_per_kvb, 7);
    t.estimate = rate_of(1);
    t.mempool_min = rate_of(9001);
    assert_int_equal(feerate_choose(&r, &t), KZ_BUSY);
}

static void fees_are_rounded_up_and_never_overflow(void **state)
{
    (void)state;
    assert_int_equal(fee_of(rate_of(2000), 266).sat, 532);
    assert_int_equal(fee_of(rate_of(1001), 141).sat, 142);
    assert_int_equal(fee_of(rate_of(1), 1).sat, 1);
    assert_int_equal(fee_of(rate_of(0), 1000).sat, 0);
    assert_int_equal(fee_of(rate_of(1000), 0).sat, 0);
    assert_int_equal(fee_of(rate_of(FEERATE_MAX), FEE_VSIZE_MAX).sat,
                     INT64_C(40000000000000));
    assert_int_equal(fee_rate_of(sat(532), 266).sat_per_kvb, 2000);
    assert_int_equal(fee_rate_of(sat(142), 141).sat_per_kvb, 1007);
    assert_int_equal(fee_rate_of(sat(AMOUNT_MAX_SAT), 1).sat_per_kvb, FEERATE_MAX);
    struct feerate r;
    assert_false(feerate_from(&r, -1));
    assert_false(feerate_from(&r, FEERATE_MAX + 1));
}

static void dust_of_the_vectors_comes_out(void **state)
{
    (void)state;
    json_t *file = vectors_json("payout/dust.json");
    const json_t *types = json_object_get(file, "types");
    assert_true(json_array_size(types) >= 8);
    for (size_t i = 0; i < json_array_size(types); i++) {
        const json_t *one = json_array_get(types, i);
        uint8_t script[64];
        size_t len = 0;
        const char *hex = text_at(one, "script_pubkey");
        assert_int_equal(
            hex_decode_some(script, &len, sizeof(script), hex, strlen(hex)), KZ_OK);
        struct bytes s = {script, len};
        assert_int_equal(txsize_output_bytes(len), number_at(one, "output_size"));
        assert_int_equal(fee_dust(s, rate_of(1000)).sat,
                         number_at(one, "dust_at_1000"));
        assert_int_equal(fee_dust(s, rate_of(FEERATE_DUST)).sat,
                         number_at(one, "dust_at_3000"));
        assert_int_equal(fee_dust(s, rate_of(10000)).sat,
                         number_at(one, "dust_at_10000"));
    }
    json_decref(file);
}

static void what_only_resembles_a_witness_program_costs_more_to_spend(void **state)
{
    (void)state;
    const uint8_t program[42] = {0x60, 40};
    const uint8_t wrong_length[22] = {0x00, 0x15};
    const uint8_t wrong_version[22] = {0x61, 0x14};
    struct feerate unit = rate_of(1000);
    assert_int_equal(fee_dust((struct bytes){program, 42}, unit).sat, 51 + 67);
    assert_int_equal(fee_dust((struct bytes){wrong_length, 22}, unit).sat, 31 + 148);
    assert_int_equal(fee_dust((struct bytes){wrong_version, 22}, unit).sat, 31 + 148);
    assert_int_equal(fee_dust((struct bytes){NULL, 0}, unit).sat, 9 + 148);
    /* Rounded up: 98 bytes at 1 sat/kvB. */
    assert_int_equal(fee_dust((struct bytes){program, 42}, rate_of(1)).sat, 1);
    /* Too large ever to run. */
    uint8_t *huge = calloc(1, 10001);
    assert_int_equal(fee_dust((struct bytes){huge, 10001}, unit).sat, 0);
    assert_int_not_equal(fee_dust((struct bytes){huge, 10000}, unit).sat, 0);
    free(huge);
}

static void input_weights_of_the_vectors_come_out(void **state)
{
    (void)state;
    json_t *file = vectors_json("payout/txsize.json");
    const char *name;
    json_t *weight;
    json_object_foreach(json_object_get(file, "input_weight"), name, weight)
        assert_int_equal(txsize_input_weight(form_named(name), false),
                         json_integer_value(weight));
    json_object_foreach(json_object_get(file, "input_weight_high_r_worst"), name,
                        weight)
        assert_int_equal(txsize_input_weight(form_named(name), true),
                         json_integer_value(weight));
    json_object_foreach(json_object_get(file, "output_bytes"), name, weight)
        assert_int_equal(txsize_output_bytes(script_len_named(name)),
                         json_integer_value(weight));
    json_decref(file);
}

static void multisig_follows_its_formula(void **state)
{
    (void)state;
    for (uint8_t n = 1; n <= 16; n++)
        for (uint8_t m = 1; m <= n; m++) {
            size_t script = 3 + 34U * n;
            struct input_form form = {INPUT_P2WSH_MULTISIG, m, n};
            assert_int_equal(txsize_input_weight(form, false),
                             164 + 2 + 72U * m + (script < 253 ? 1 : 3) + script);
        }
    /* 15 of 15 in P2SH: 36 + 3 + (1 + 15 * 72 + 3 + 513) + 4 bytes. */
    assert_int_equal(
        txsize_input_weight((struct input_form){INPUT_P2SH_MULTISIG, 15, 15}, false),
        4 * (36 + 3 + 1 + 15 * 72 + 3 + 513 + 4));
    /* 1 of 1: a script of 37 bytes is pushed by one byte. */
    assert_int_equal(
        txsize_input_weight((struct input_form){INPUT_P2SH_MULTISIG, 1, 1}, false),
        4 * (36 + 1 + 1 + 72 + 1 + 37 + 4));
}

static void transactions_of_the_vectors_are_as_large(void **state)
{
    (void)state;
    json_t *file = vectors_json("payout/txsize.json");
    const json_t *list = json_object_get(file, "estimates");
    assert_true(json_array_size(list) >= 13);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        struct txsize size = {0};
        const char *name;
        json_t *count;
        json_object_foreach(json_object_get(one, "inputs"), name,
                            count) for (int64_t k = 0; k < json_integer_value(count);
                                        k++)
            txsize_add_input(&size, form_named(name), false);
        json_object_foreach(json_object_get(one, "outputs"), name,
                            count) for (int64_t k = 0; k < json_integer_value(count);
                                        k++)
            txsize_add_output(&size, script_len_named(name));
        assert_int_equal(txsize_weight(&size), number_at(one, "weight"));
        assert_int_equal(txsize_vsize(&size), number_at(one, "vsize"));
    }
    json_decref(file);
}

static void signed_transactions_of_the_vectors_are_as_large(void **state)
{
    (void)state;
    json_t *file = vectors_json("payout/payout_tx.json");
    const json_t *cases = json_object_get(file, "cases");
    size_t i, k;
    json_t *one, *part;
    json_array_foreach(cases, i, one)
    {
        struct txsize size = {0};
        json_array_foreach(json_object_get(one, "inputs"), k, part)
            txsize_add_input(&size, form_named(text_at(part, "type")), false);
        json_array_foreach(json_object_get(one, "outputs"), k, part)
            txsize_add_output(&size, strlen(text_at(part, "script_pubkey")) / 2);
        /* A short R or S makes one less now and then: the estimate is the bound. */
        size_t real = (size_t)number_at(one, "weight");
        assert_in_range(real, txsize_weight(&size) - 8, txsize_weight(&size));
        assert_int_equal(
            fee_of(rate_of(number_at(one, "feerate_sat_per_kvb")), txsize_vsize(&size))
                .sat,
            number_at(one, "fee_sat"));
    }
    json_decref(file);
}

static void a_part_dropped_leaves_the_size_as_it_was(void **state)
{
    (void)state;
    struct txsize size = {0};
    txsize_add_input(&size, form_named("p2tr"), false);
    for (int i = 0; i < 252; i++)
        txsize_add_output(&size, 22);
    size_t before = txsize_weight(&size);
    txsize_add_output(&size, 34);
    assert_int_equal(txsize_weight(&size), before + 4 * (43 + 2));
    txsize_drop_output(&size, 34);
    assert_int_equal(txsize_weight(&size), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_of_the_node_are_read_to_the_last_satoshi),
        cmocka_unit_test(a_fraction_of_a_satoshi_counts_as_one),
        cmocka_unit_test(what_is_no_rate_is_refused),
        cmocka_unit_test(every_rate_survives_being_written),
        cmocka_unit_test(a_rate_is_raised_to_the_highest_minimum),
        cmocka_unit_test(above_the_ceiling_a_run_waits),
        cmocka_unit_test(fees_are_rounded_up_and_never_overflow),
        cmocka_unit_test(dust_of_the_vectors_comes_out),
        cmocka_unit_test(what_only_resembles_a_witness_program_costs_more_to_spend),
        cmocka_unit_test(input_weights_of_the_vectors_come_out),
        cmocka_unit_test(multisig_follows_its_formula),
        cmocka_unit_test(transactions_of_the_vectors_are_as_large),
        cmocka_unit_test(signed_transactions_of_the_vectors_are_as_large),
        cmocka_unit_test(a_part_dropped_leaves_the_size_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
