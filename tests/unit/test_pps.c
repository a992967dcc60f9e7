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

/* nbits of mainnet's size, any fee, subsidy and day's average. */
static struct pps_terms random_terms(uint64_t *seed)
{
    return (struct pps_terms){
        .nbits = 0x17000000 | (uint32_t)(0x10000 + random_next(seed) % 0x6f0000),
        .fee_ppm = (uint32_t)(random_next(seed) % 1000001),
        .subsidy = sat((int64_t)random_below(seed, UINT64_C(5000000000)))};
}

static int64_t credited_in_order(const struct pps_terms *terms, const uint64_t *parts,
                                 size_t count, int64_t fee)
{
    struct pps_account account = {0};
    struct amount credit, sum = amount_zero();
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(pps_accrue(&credit, &account, terms, parts[i], MAIN), KZ_OK);
        assert_false(amount_is_negative(credit));
        assert_true(amount_add(&sum, sum, credit));
    }
    assert_int_equal(pps_close_day(&credit, &account, terms, sat(fee), MAIN), KZ_OK);
    assert_false(amount_is_negative(credit));
    assert_true(amount_add(&sum, sum, credit));
    assert_int_equal(amount_compare(sum, account.credited), 0);
    return amount_to_sat(sum);
}

/* PPS (no average fee), FPPS, and the subsidy part of PPS+. */
static void
whatever_the_terms_order_is_nothing_and_more_work_is_never_less(void **state)
{
    (void)state;
    uint64_t seed = SEED ^ 1;
    for (int round = 0; round < 1000; round++) {
        struct pps_terms terms = random_terms(&seed);
        uint64_t parts[12], mixed[12], total = 0;
        int64_t fee = round % 2 == 0 ? 0 : (int64_t)random_below(&seed, 100000000);
        for (size_t i = 0; i < 12; i++) {
            parts[i] = random_below(&seed, UINT64_C(1) << 52);
            mixed[(i * 5 + 3) % 12] = parts[i];
            total += parts[i];
        }
        int64_t whole = credited_in_order(&terms, parts, 12, fee);
        assert_true(whole == credited_in_order(&terms, mixed, 12, fee));
        assert_true(whole ==
                    owed(&terms, amount_to_sat(terms.subsidy) + fee, total, MAIN));
        parts[random_next(&seed) % 12] += 1 + random_below(&seed, UINT64_C(1) << 50);
        assert_true(credited_in_order(&terms, parts, 12, fee) >= whole);
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

/* Late work can leave what was credited a satoshi above: then it waits. */
static void work_that_comes_after_the_close_is_credited_its_difference(void **state)
{
    (void)state;
    struct pps_terms terms = mainnet;
    uint64_t seed = SEED;
    size_t above = 0;
    for (int run = 0; run < 300; run++) {
        struct pps_account account = {0};
        struct amount credit, fee = sat((int64_t)(random_next(&seed) % 5000000));
        int64_t sum = 0;
        for (int i = 0; i < 20; i++) {
            uint64_t work = random_next(&seed) % (200 * (uint64_t)SHARE);
            assert_int_equal(pps_accrue(&credit, &account, &terms, work, MAIN), KZ_OK);
            sum += amount_to_sat(credit);
            /* As the ledger does: the subsidy part alone stays the accrual's. */
            struct pps_account both = account;
            int64_t before = sum;
            both.credited = sat(sum);
            assert_int_equal(pps_close_day(&credit, &both, &terms, fee, MAIN), KZ_OK);
            sum += amount_to_sat(credit);
            int64_t whole =
                owed(&terms, 312500000 + amount_to_sat(fee), account.work, MAIN);
            assert_true(sum == whole || (sum == whole + 1 && sum == before));
            above += sum > whole;
        }
    }
    assert_true(above > 0);
}

static void a_periods_name_says_its_terms_and_is_read_back(void **state)
{
    (void)state;
    struct pps_terms t = mainnet, back;
    enum pps_part part;
    uint32_t by;
    char name[PPS_PERIOD_SIZE];
    t.day = 20484;
    pps_period_format(name, &t, PPS_SUBSIDY, 0);
    assert_string_equal(name, "17030ecd:312500000:20000:2026-01-31");
    pps_period_format(name, &t, PPS_FPPS_SUBSIDY, 0);
    assert_string_equal(name, "17030ecd:312500000:20000:2026-01-31:fpps");
    pps_period_format(name, &t, PPS_FPPS_FEES, 7);
    assert_string_equal(name, "17030ecd:312500000:20000:2026-01-31:fees.7");
    assert_int_equal(pps_period_parse(&back, &part, &by, name), KZ_OK);
    assert_true(pps_terms_equal(&back, &t) && part == PPS_FPPS_FEES && by == 7);
    t = (struct pps_terms){UINT32_MAX, 1000000, PPS_DAYS - 1, {AMOUNT_MAX_SAT}};
    pps_period_format(name, &t, PPS_FPPS_SUBSIDY, UINT32_MAX);
    assert_int_equal(pps_period_parse(&back, &part, &by, name), KZ_OK);
    assert_true(pps_terms_equal(&back, &t) && by == UINT32_MAX);
    static const char *const bad[] = {"",
                                      "17030ecd",
                                      "17030ecd:312500000:20000",
                                      "17030ecd:312500000:20000:",
                                      "17030ecd:312500000:20000:2026-1-31",
                                      "17030ecd:312500000:20000:2026-02-29",
                                      "17030ecd:312500000:20000:2026-01-31:fee",
                                      "17030ECD:312500000:20000:2026-01-31",
                                      "17030ecd:312500000:20000:2026-01-31.0",
                                      "17030ecd:312500000:20000:2026-01-31.",
                                      "17030ecd:0312500000:20000:2026-01-31",
                                      "17030ecd:312500000:1000001:2026-01-31",
                                      "17030ecd:312500000:20000:2026-01-31:fpps:fees",
                                      "17030ecd:1:1:2026-01-31 ",
                                      "17030ecd:9999999999999999999999:1:2026-01-31",
                                      "17030ecd:1:1:1969-12-31",
                                      "17030ecd:1:1:2026-13-01",
                                      "17030ecd:1:1:2026-00-01",
                                      "17030ecd:1:1:2026-01-00"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(pps_period_parse(&back, &part, &by, bad[i]), KZ_PARSE);
}

static void every_day_has_a_date_of_its_own(void **state)
{
    (void)state;
    char text[PPS_DATE_SIZE], last[PPS_DATE_SIZE] = "";
    uint32_t back;
    for (uint32_t day = 0; day < 200 * 366; day++) {
        pps_date_format(text, day);
        assert_true(strcmp(text, last) > 0);
        memcpy(last, text, sizeof(last));
        assert_int_equal(pps_date_parse(&back, text, strlen(text)), KZ_OK);
        assert_int_equal(back, day);
    }
    pps_date_format(text, 20783);
    assert_string_equal(text, "2026-11-26");
    pps_date_format(text, 11016);
    assert_string_equal(text, "2000-02-29");
    pps_date_format(text, PPS_DAYS - 1);
    assert_string_equal(text, "9999-12-31");
    assert_int_equal(pps_date_parse(&back, "2026-11-26x", 11), KZ_PARSE);
    assert_int_equal(pps_date_parse(&back, "2100-02-29", 10), KZ_PARSE);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_specification_come_out),
        cmocka_unit_test(a_whole_fee_leaves_nothing),
        cmocka_unit_test(what_no_period_can_owe_is_refused),
        cmocka_unit_test(shares_too_small_for_a_satoshi_add_up),
        cmocka_unit_test(any_cut_of_the_work_credits_the_same),
        cmocka_unit_test(
            whatever_the_terms_order_is_nothing_and_more_work_is_never_less),
        cmocka_unit_test(closing_a_day_credits_the_fee_part_once),
        cmocka_unit_test(an_account_of_another_period_is_refused),
        cmocka_unit_test(work_that_comes_after_the_close_is_credited_its_difference),
        cmocka_unit_test(a_periods_name_says_its_terms_and_is_read_back),
        cmocka_unit_test(every_day_has_a_date_of_its_own),
        cmocka_unit_test(a_period_ends_when_any_of_its_terms_changes),
        cmocka_unit_test(an_average_may_drop_outliers_at_either_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
