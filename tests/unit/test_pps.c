#include "payout/pps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/payout_fixture.h"

#define SEED  UINT64_C(0x5851f42d4c957f2d)
#define MAIN  (UINT64_C(1) << 22)
#define SHARE 8388736 /* units of difficulty 8192 */

static const struct pps_terms mainnet = {
    .nbits = 0x17030ecd, .fee_ppm = 20000, .day = 20000, .subsidy = {312500000}};

static int64_t owed(const struct pps_terms *terms, int64_t base, uint64_t work,
                    uint64_t unit)
{
    struct amount a;
    assert_int_equal(pps_entitlement(&a, terms, sat(base), work, unit), KZ_OK);
    return amount_to_sat(a);
}

static void the_examples_of_the_specification_come_out(void **state)
{
    (void)state;
    assert_true(owed(&mainnet, 312500000, SHARE, MAIN) == 0);
    assert_true(owed(&mainnet, 312500000, 100 * (uint64_t)SHARE, MAIN) == 2);
    assert_true(owed(&mainnet, 312500000, 20599365234375000, MAIN) == 66927017);
    struct pps_terms fpps = mainnet;
    fpps.fee_ppm = 25000;
    assert_true(owed(&fpps, 312500000 + 5026183, 20599365234375000, MAIN) == 67656500);
}

static void a_whole_fee_leaves_nothing(void **state)
{
    (void)state;
    struct pps_terms terms = mainnet;
    terms.fee_ppm = 1000000;
    assert_true(owed(&terms, 312500000, INT64_MAX, MAIN) == 0);
    terms.fee_ppm = 0;
    assert_true(owed(&terms, 312500000, 0, MAIN) == 0);
    assert_true(owed(&terms, 0, INT64_MAX, MAIN) == 0);
}

static void what_no_period_can_owe_is_refused(void **state)
{
    (void)state;
    struct pps_terms terms = mainnet;
    struct amount a = sat(7);
    terms.fee_ppm = 1000001;
    assert_int_equal(pps_entitlement(&a, &terms, sat(1), 1, MAIN), KZ_RANGE);
    terms = mainnet;
    assert_int_equal(pps_entitlement(&a, &terms, sat(-1), 1, MAIN), KZ_RANGE);
    assert_int_equal(pps_entitlement(&a, &terms, sat(1), (uint64_t)INT64_MAX + 1, MAIN),
                     KZ_RANGE);
    /* More than all the money there will be, and more than 63 bits of it. */
    assert_int_equal(pps_entitlement(&a, &terms, sat(AMOUNT_MAX_SAT), INT64_MAX, MAIN),
                     KZ_RANGE);
    terms.nbits = 0x207fffff;
    assert_int_equal(pps_entitlement(&a, &terms, sat(AMOUNT_MAX_SAT), INT64_MAX, MAIN),
                     KZ_RANGE);
    terms.nbits = 0;
    assert_int_equal(pps_entitlement(&a, &terms, sat(1), 1, MAIN), KZ_RANGE);
    assert_true(amount_to_sat(a) == 7);
}

static void shares_too_small_for_a_satoshi_add_up(void **state)
{
    (void)state;
    struct pps_account account = {0};
    struct amount credit, sum = amount_zero();
    for (int i = 0; i < 100; i++) {
        assert_int_equal(pps_accrue(&credit, &account, &mainnet, SHARE, MAIN), KZ_OK);
        assert_true(amount_add(&sum, sum, credit));
    }
    assert_true(amount_to_sat(sum) == 2);
    assert_true(account.work == 100 * (uint64_t)SHARE);
    assert_int_equal(amount_compare(account.credited, sum), 0);
}

static void any_cut_of_the_work_credits_the_same(void **state)
{
    (void)state;
    uint64_t seed = SEED;
    for (int round = 0; round < 200; round++) {
        struct pps_account account = {0};
        struct amount credit, sum = amount_zero();
        uint64_t work = 0;
        for (int i = 0; i < 20; i++) {
            uint64_t part = random_below(&seed, UINT64_C(1) << 50);
            work += part;
            assert_int_equal(pps_accrue(&credit, &account, &mainnet, part, MAIN),
                             KZ_OK);
            assert_false(amount_is_negative(credit));
            assert_true(amount_add(&sum, sum, credit));
        }
        assert_true(amount_to_sat(sum) == owed(&mainnet, 312500000, work, MAIN));
    }
}

static void closing_a_day_credits_the_fee_part_once(void **state)
{
    (void)state;
    struct pps_terms terms = mainnet;
    struct pps_account account = {0};
    struct amount credit;
    terms.fee_ppm = 25000;
    assert_int_equal(pps_accrue(&credit, &account, &terms, 20599365234375000, MAIN),
                     KZ_OK);
    int64_t subsidy_part = amount_to_sat(credit);
    assert_int_equal(pps_close_day(&credit, &account, &terms, sat(5026183), MAIN),
                     KZ_OK);
    assert_true(subsidy_part + amount_to_sat(credit) == 67656500);
    assert_int_equal(pps_close_day(&credit, &account, &terms, sat(5026183), MAIN),
                     KZ_OK);
    assert_true(amount_is_zero(credit));
    assert_true(amount_to_sat(account.credited) == 67656500);
}

static void an_account_of_another_period_is_refused(void **state)
{
    (void)state;
    struct pps_account account = {.work = 10, .credited = sat(1000)};
    struct amount credit = sat(7);
    assert_int_equal(pps_accrue(&credit, &account, &mainnet, 1, MAIN), KZ_RANGE);
    account.work = UINT64_MAX;
    assert_int_equal(pps_accrue(&credit, &account, &mainnet, 1, MAIN), KZ_RANGE);
    assert_int_equal(pps_close_day(&credit, &account, &mainnet, sat(-1), MAIN),
                     KZ_RANGE);
    assert_int_equal(
        pps_close_day(&credit, &account, &mainnet, sat(AMOUNT_MAX_SAT), MAIN),
        KZ_RANGE);
    assert_true(account.work == UINT64_MAX && amount_to_sat(credit) == 7);
}

static void a_period_ends_when_any_of_its_terms_changes(void **state)
{
    (void)state;
    struct pps_terms other = mainnet;
    assert_true(pps_terms_equal(&mainnet, &other));
    other.day++;
    assert_false(pps_terms_equal(&mainnet, &other));
    other = mainnet;
    other.nbits++;
    assert_false(pps_terms_equal(&mainnet, &other));
    other = mainnet;
    other.fee_ppm++;
    assert_false(pps_terms_equal(&mainnet, &other));
    other = mainnet;
    other.subsidy = sat(156250000);
    assert_false(pps_terms_equal(&mainnet, &other));
}

static int64_t average(const int64_t *fees, size_t count, uint32_t trim_ppm)
{
    struct amount list[32], a;
    for (size_t i = 0; i < count; i++)
        list[i] = sat(fees[i]);
    assert_int_equal(pps_average_fee(&a, list, count, trim_ppm), KZ_OK);
    return amount_to_sat(a);
}

static void an_average_may_drop_outliers_at_either_end(void **state)
{
    (void)state;
    const int64_t fees[] = {500, 3, 7, 1000000, 5};
    assert_true(average(fees, 5, 0) == 200103);
    assert_true(average(fees, 5, 200000) == 170); /* of 5, 7, 500 */
    assert_true(average(fees, 5, 199999) == 200103);
    assert_true(average(fees, 5, 499999) == 7);
    const int64_t largest[] = {AMOUNT_MAX_SAT, AMOUNT_MAX_SAT, AMOUNT_MAX_SAT};
    assert_true(average(largest, 3, 0) == AMOUNT_MAX_SAT);
    struct amount a = sat(7), negative = sat(-1);
    assert_int_equal(pps_average_fee(&a, NULL, 0, 0), KZ_EMPTY);
    assert_int_equal(pps_average_fee(&a, &negative, 1, 0), KZ_RANGE);
    assert_int_equal(pps_average_fee(&a, &a, 1, 500000), KZ_RANGE);
    assert_true(amount_to_sat(a) == 7);
}

static void terms_of_case(struct pps_terms *terms, const json_t *one)
{
    *terms = (struct pps_terms){.nbits = hex_at(one, "nbits"),
                                .fee_ppm = (uint32_t)number_at(one, "fee_ppm"),
                                .subsidy = sat(number_at(one, "subsidy_sat"))};
}

static void run_entitlement(const json_t *one)
{
    struct pps_terms terms;
    struct pps_account account = {0};
    struct amount first, second;
    uint64_t work = u64_at(one, "work_units");
    uint64_t unit = (uint64_t)number_at(one, "hashes_per_unit");
    int64_t fee = number_at(one, "average_fee_sat");
    terms_of_case(&terms, one);
    if (owed(&terms, amount_to_sat(terms.subsidy) + fee, work, unit) !=
        number_at(one, "entitlement_sat"))
        fail_msg("%s", text_at(one, "name"));
    /* And in two steps, as a day goes. */
    assert_int_equal(pps_accrue(&first, &account, &terms, work, unit), KZ_OK);
    assert_int_equal(pps_close_day(&second, &account, &terms, sat(fee), unit), KZ_OK);
    assert_true(amount_to_sat(first) + amount_to_sat(second) ==
                number_at(one, "entitlement_sat"));
}

static void run_average(const json_t *one)
{
    const json_t *fees = json_object_get(one, "block_fees_sat");
    size_t count = json_array_size(fees);
    assert_int_equal(count, number_at(one, "count"));
    struct amount *list = calloc(count, sizeof(*list)), a;
    for (size_t i = 0; i < count; i++)
        list[i] = sat(json_integer_value(json_array_get(fees, i)));
    assert_int_equal(pps_average_fee(&a, list, count, 0), KZ_OK);
    assert_true(amount_to_sat(a) == number_at(one, "average_fee_sat"));
    free(list);
}

static void run_cumulative(const json_t *one)
{
    const json_t *steps = json_object_get(one, "steps");
    struct pps_terms terms;
    struct pps_account account = {0};
    struct amount credit;
    uint64_t unit = (uint64_t)number_at(one, "hashes_per_unit");
    terms_of_case(&terms, one);
    assert_true(json_array_size(steps) > 10);
    for (size_t i = 0; i < json_array_size(steps); i++) {
        const json_t *step = json_array_get(steps, i);
        assert_int_equal(pps_accrue(&credit, &account, &terms,
                                    (uint64_t)number_at(step, "work"), unit),
                         KZ_OK);
        if (account.work != (uint64_t)number_at(step, "cumulative_work") ||
            amount_to_sat(credit) != number_at(step, "credit_now") ||
            amount_to_sat(account.credited) !=
                number_at(step, "cumulative_entitlement"))
            fail_msg("%s: step %zu", text_at(one, "name"), i);
    }
}

static void every_case_of_the_vectors_comes_out(void **state)
{
    (void)state;
    json_t *file = vectors_json("accounting/schemes.json");
    const json_t *cases = json_object_get(file, "cases");
    size_t ran = 0;
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *one = json_array_get(cases, i);
        const char *scheme = text_at(one, "scheme");
        ran++;
        if (strcmp(scheme, "pps") == 0 || strcmp(scheme, "fpps") == 0)
            run_entitlement(one);
        else if (strcmp(scheme, "fpps_average") == 0)
            run_average(one);
        else if (strcmp(scheme, "pps_cumulative") == 0)
            run_cumulative(one);
        else
            ran--; /* a block's: test_scheme.c */
    }
    assert_int_equal(ran, 9);
    json_decref(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_specification_come_out),
        cmocka_unit_test(a_whole_fee_leaves_nothing),
        cmocka_unit_test(what_no_period_can_owe_is_refused),
        cmocka_unit_test(shares_too_small_for_a_satoshi_add_up),
        cmocka_unit_test(any_cut_of_the_work_credits_the_same),
        cmocka_unit_test(closing_a_day_credits_the_fee_part_once),
        cmocka_unit_test(an_account_of_another_period_is_refused),
        cmocka_unit_test(a_period_ends_when_any_of_its_terms_changes),
        cmocka_unit_test(an_average_may_drop_outliers_at_either_end),
        cmocka_unit_test(every_case_of_the_vectors_comes_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
