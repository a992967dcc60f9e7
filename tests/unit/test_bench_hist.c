#include "pool/bench/bench_hist.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void nothing_recorded_gives_zeroes(void **state)
{
    (void)state;
    struct hist h = {.count = 0};
    assert_int_equal(hist_at(&h, 500), 0);
    assert_int_equal(hist_mean(&h), 0);
}

static void small_values_are_exact(void **state)
{
    (void)state;
    struct hist h = {.count = 0};
    for (int64_t i = 1; i <= 100; i++)
        hist_add(&h, i);
    assert_int_equal(hist_at(&h, 500), 50);
    assert_int_equal(hist_at(&h, 900), 90);
    assert_int_equal(hist_at(&h, 990), 99);
    assert_int_equal(hist_at(&h, 999), 100);
    assert_int_equal(hist_at(&h, 1000), 100);
    assert_int_equal(h.min, 1);
    assert_int_equal(h.max, 100);
    assert_int_equal(hist_mean(&h), 50);
}

/* With the median on one value only, a percentile shows where its bucket ends. */
static void any_value_is_found_within_a_sixty_fourth_above(void **state)
{
    (void)state;
    for (unsigned shift = 0; shift < 63; shift++) {
        int64_t values[] = {(int64_t)1 << shift, ((int64_t)1 << shift) + 1,
                            (((int64_t)1 << shift) - 1) * 2 + 1};
        for (size_t i = 0; i < 3; i++) {
            struct hist h = {.count = 0};
            hist_add(&h, values[i]);
            hist_add(&h, values[i]);
            hist_add(&h, INT64_MAX);
            uint64_t at = hist_at(&h, 500), v = (uint64_t)values[i];
            assert_true(at >= v);
            assert_true(at - v <= v / 64);
        }
    }
}

static void one_slow_reply_in_a_thousand_is_the_last_per_mille(void **state)
{
    (void)state;
    struct hist h = {.count = 0};
    for (int i = 0; i < 9990; i++)
        hist_add(&h, 100);
    for (int i = 0; i < 10; i++)
        hist_add(&h, 5000000);
    assert_int_equal(hist_at(&h, 999), 100);
    assert_int_equal(hist_at(&h, 1000), 5000000);
}

static void a_clock_that_went_back_counts_as_no_time(void **state)
{
    (void)state;
    struct hist h = {.count = 0};
    hist_add(&h, -5);
    assert_int_equal(h.count, 1);
    assert_int_equal(hist_at(&h, 1000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_recorded_gives_zeroes),
        cmocka_unit_test(small_values_are_exact),
        cmocka_unit_test(any_value_is_found_within_a_sixty_fourth_above),
        cmocka_unit_test(one_slow_reply_in_a_thousand_is_the_last_per_mille),
        cmocka_unit_test(a_clock_that_went_back_counts_as_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
