#include "payout/amount.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct amount sat(int64_t n)
{
    struct amount a;
    assert_true(amount_from_sat(&a, n));
    return a;
}

static void sums_outside_all_money_are_refused(void **state)
{
    (void)state;
    struct amount sum = sat(7);
    assert_true(amount_add(&sum, sat(AMOUNT_MAX_SAT), sat(0)));
    assert_false(amount_add(&sum, sat(AMOUNT_MAX_SAT), sat(1)));
    assert_true(amount_to_sat(sum) == AMOUNT_MAX_SAT);
    assert_false(amount_sub(&sum, sat(-AMOUNT_MAX_SAT), sat(1)));
    assert_true(amount_sub(&sum, sat(3), sat(5)));
    assert_true(amount_to_sat(sum) == -2);
    assert_false(amount_from_sat(&sum, INT64_MAX));
    assert_false(amount_from_sat(&sum, INT64_MIN));
}

static void a_share_is_rounded_down_and_exact_at_the_largest(void **state)
{
    (void)state;
    assert_true(amount_to_sat(amount_share(sat(100), 1, 3)) == 33);
    assert_true(amount_to_sat(amount_share(sat(100), 2, 3)) == 66);
    assert_true(amount_to_sat(amount_share(sat(100), 3, 3)) == 100);
    assert_true(amount_to_sat(amount_share(sat(100), 0, 3)) == 0);
    assert_true(amount_to_sat(amount_share(sat(AMOUNT_MAX_SAT), UINT64_MAX,
                                           UINT64_MAX)) == AMOUNT_MAX_SAT);
    assert_true(amount_to_sat(amount_share(sat(AMOUNT_MAX_SAT), UINT64_MAX - 1,
                                           UINT64_MAX)) == AMOUNT_MAX_SAT - 1);
    /* The spec's example: 1 % of 146,484,375. */
    assert_true(amount_to_sat(amount_share(sat(146484375), 10000, 1000000)) == 1464843);
}

static void shares_of_one_whole_never_sum_to_more_than_it(void **state)
{
    (void)state;
    uint64_t seed = 88172645463325252;
    for (int round = 0; round < 2000; round++) {
        uint64_t part[5], of = 0;
        for (size_t i = 0; i < 5; i++) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            part[i] = seed >> 3;
            of += part[i] / 5;
            part[i] /= 5;
        }
        struct amount whole = sat((int64_t)(seed % AMOUNT_MAX_SAT)), sum = sat(0);
        for (size_t i = 0; i < 5; i++)
            assert_true(amount_add(&sum, sum, amount_share(whole, part[i], of)));
        struct amount rest;
        assert_true(amount_sub(&rest, whole, sum));
        assert_false(amount_is_negative(rest));
        assert_true(amount_to_sat(rest) < 5);
    }
}

static void amounts_are_written_with_eight_places(void **state)
{
    (void)state;
    char text[AMOUNT_TEXT_SIZE];
    amount_format(text, sat(0));
    assert_string_equal(text, "0.00000000");
    amount_format(text, sat(-150000000));
    assert_string_equal(text, "-1.50000000");
    amount_format(text, sat(-1));
    assert_string_equal(text, "-0.00000001");
    amount_format(text, sat(AMOUNT_MAX_SAT));
    assert_string_equal(text, "21000000.00000000");
}

static void amounts_are_read_to_the_satoshi(void **state)
{
    (void)state;
    const struct {
        const char *text;
        int64_t sat;
    } cases[] = {{"0", 0},
                 {"1", 100000000},
                 {"1.5", 150000000},
                 {"0.00000001", 1},
                 {"-0.1", -10000000},
                 {"21000000", AMOUNT_MAX_SAT},
                 {"3.00000000", 300000000}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct amount a;
        assert_int_equal(amount_parse(&a, cases[i].text, strlen(cases[i].text)), KZ_OK);
        assert_true(amount_to_sat(a) == cases[i].sat);
    }
}

static void what_is_no_amount_is_refused(void **state)
{
    (void)state;
    struct amount a = sat(7);
    const char *const not [] = {"",   "-",   ".",   "1.", ".5",  "1e8",  " 1",
                                "1 ", "1,5", "0x1", "+1", "--1", "1.2.3"};
    for (size_t i = 0; i < sizeof(not ) / sizeof(not [0]); i++)
        assert_int_equal(amount_parse(&a, not [i], strlen(not [i])), KZ_PARSE);
    const char *const out[] = {"0.000000001", "21000000.00000001", "100000000",
                               "99999999999999999999", "0.123456789"};
    for (size_t i = 0; i < sizeof(out) / sizeof(out[0]); i++)
        assert_int_equal(amount_parse(&a, out[i], strlen(out[i])), KZ_RANGE);
    assert_true(amount_to_sat(a) == 7);
}

static void amounts_compare(void **state)
{
    (void)state;
    assert_int_equal(amount_compare(sat(-1), sat(1)), -1);
    assert_int_equal(amount_compare(sat(1), sat(1)), 0);
    assert_int_equal(amount_compare(sat(2), sat(1)), 1);
    assert_true(amount_is_zero(amount_zero()));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_outside_all_money_are_refused),
        cmocka_unit_test(a_share_is_rounded_down_and_exact_at_the_largest),
        cmocka_unit_test(shares_of_one_whole_never_sum_to_more_than_it),
        cmocka_unit_test(amounts_are_written_with_eight_places),
        cmocka_unit_test(amounts_are_read_to_the_satoshi),
        cmocka_unit_test(what_is_no_amount_is_refused),
        cmocka_unit_test(amounts_compare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
