/* The shared accounting vectors, and that a wrong number in them is noticed. */
#include "payout/cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/vectors.h"

struct failures {
    size_t count;
    char first[600];
};

static void note(void *ctx, const char *name, const char *why)
{
    struct failures *f = ctx;
    if (f->count++ == 0)
        snprintf(f->first, sizeof(f->first), "%s: %s", name, why);
}

static void all_pass(const char *path, size_t count)
{
    json_t *file = vectors_json(path);
    struct failures f = {.count = 0};
    struct payout_cases c = {.on_failed = note, .ctx = &f};
    assert_int_equal(payout_cases_run(&c, file), KZ_OK);
    if (c.failed > 0)
        fail_msg("%zu failed: %s", c.failed, f.first);
    assert_int_equal(c.passed, count);
    assert_int_equal(f.count, 0);
    json_decref(file);
}

static void largest_remainders_of_the_vectors_come_out(void **state)
{
    (void)state;
    all_pass("accounting/largest_remainder.json", 23);
}

static void work_units_of_the_vectors_come_out(void **state)
{
    (void)state;
    all_pass("accounting/work_units.json", 11);
}

static void schemes_of_the_vectors_come_out(void **state)
{
    (void)state;
    all_pass("accounting/schemes.json", 26);
}

static void coinbases_of_the_vectors_come_out(void **state)
{
    (void)state;
    all_pass("accounting/coinbase_direct.json", 10);
}

static void the_ledger_trace_of_the_vectors_comes_out(void **state)
{
    (void)state;
    all_pass("accounting/ledger_trace.json", 23);
}

static void what_is_no_file_of_cases_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"{}",
                                        "[]",
                                        "{\"cases\":[]}",
                                        "{\"cases\":[{\"name\":\"x\"}]}",
                                        "{\"steps\":[]}",
                                        "{\"steps\":[{\"step\":1}]}"};
    struct failures f = {.count = 0};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        json_t *file = json_loads(texts[i], 0, NULL);
        struct payout_cases c = {.on_failed = note, .ctx = &f};
        assert_int_equal(payout_cases_run(&c, file), KZ_PARSE);
        assert_int_equal(c.passed + c.failed, 0);
        json_decref(file);
    }
    json_t *file = vectors_json("accounting/crash_matrix.json");
    struct payout_cases c = {.on_failed = note, .ctx = &f};
    assert_int_equal(payout_cases_run(&c, file), KZ_PARSE);
    json_decref(file);
}

/* --- a wrong file is noticed ------------------------------------------------------- */

static bool passes(const json_t *file)
{
    struct failures f = {.count = 0};
    struct payout_cases c = {.on_failed = note, .ctx = &f};
    assert_int_equal(payout_cases_run(&c, file), KZ_OK);
    assert_int_equal(f.count, c.failed);
    return c.failed == 0;
}

/* Each number below `of`, one more: the file may not pass then. Returns how many. */
static size_t shake(const json_t *file, json_t *of, const char *where)
{
    const char *key;
    json_t *value;
    size_t i, shaken = 0;
    if (json_is_integer(of)) {
        json_integer_set(of, json_integer_value(of) + 1);
        if (passes(file))
            fail_msg("one more in %s and all pass", where);
        json_integer_set(of, json_integer_value(of) - 1);
        return 1;
    }
    json_object_foreach(of, key, value) shaken += shake(file, value, key);
    json_array_foreach(of, i, value) shaken += shake(file, value, where);
    return shaken;
}

static void each_number_is_checked(const char *path, const char *list,
                                   const char *const *results, size_t at_least)
{
    json_t *file = vectors_json(path), *one;
    size_t i, shaken = 0;
    json_array_foreach(json_object_get(file, list), i, one)
    {
        for (const char *const *name = results; *name != NULL; name++)
            shaken += shake(file, json_object_get(one, *name), *name);
    }
    assert_true(shaken >= at_least);
    assert_true(passes(file));
    json_decref(file);
}

static void a_satoshi_more_or_less_in_a_result_fails(void **state)
{
    (void)state;
    static const char *const split[] = {"result", NULL};
    static const char *const scheme[] = {
        "gross",   "fee",           "net",   "pool_fee_sat",
        "counted", "counted_total", "count", "entitlement_sat",
        NULL};
    static const char *const direct[] = {
        "entitlement_net", "pool_fee_sat", "outputs", "pool_output_sat",
        "carry_after",     "held_after",   NULL};
    static const char *const trace[] = {"postings",     "balances_after",
                                        "total_assets", "total_liabilities",
                                        "sum_of_all",   NULL};
    static const char *const units[] = {"work_u4194304", NULL};
    each_number_is_checked("accounting/largest_remainder.json", "cases", split, 100);
    each_number_is_checked("accounting/work_units.json", "cases", units, 11);
    each_number_is_checked("accounting/schemes.json", "cases", scheme, 150);
    each_number_is_checked("accounting/coinbase_direct.json", "cases", direct, 60);
    each_number_is_checked("accounting/ledger_trace.json", "steps", trace, 200);
}

/* Numbers that are a result in one case and given in another. */
static void sums_and_averages_are_checked_where_they_are_results(void **state)
{
    (void)state;
    json_t *file = vectors_json("accounting/schemes.json"), *one, *step;
    size_t i, k, shaken = 0;
    json_array_foreach(json_object_get(file, "cases"), i, one)
    {
        if (json_object_get(one, "block_fees_sat") != NULL)
            shaken += shake(file, json_object_get(one, "average_fee_sat"), "average");
        json_array_foreach(json_object_get(one, "steps"), k, step)
        {
            shaken += shake(file, json_object_get(step, "credit_now"), "credit");
            shaken +=
                shake(file, json_object_get(step, "cumulative_entitlement"), "sum");
            shaken += shake(file, json_object_get(step, "cumulative_work"), "work");
        }
    }
    assert_true(shaken > 30);
    json_decref(file);
}

static void a_result_that_is_left_out_fails(void **state)
{
    (void)state;
    json_t *file = vectors_json("accounting/coinbase_direct.json"), *one;
    size_t i;
    json_array_foreach(json_object_get(file, "cases"), i, one)
    {
        static const char *const names[] = {"outputs", "pool_output_sat", "thresholds",
                                            "counted_work", "output_types"};
        for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
            json_t *value = json_incref(json_object_get(one, names[k]));
            bool is_empty = json_is_array(value) && json_array_size(value) == 0;
            json_object_del(one, names[k]);
            if (!is_empty)
                assert_false(passes(file));
            json_object_set_new(one, names[k], value);
        }
    }
    assert_true(passes(file));
    json_decref(file);
}

static void steps_behind_a_wrong_one_are_not_run(void **state)
{
    (void)state;
    json_t *file = vectors_json("accounting/ledger_trace.json");
    json_t *step = json_array_get(json_object_get(file, "steps"), 3);
    struct failures f = {.count = 0};
    struct payout_cases c = {.on_failed = note, .ctx = &f};
    json_object_set_new(step, "total_assets", json_integer(1));
    assert_int_equal(payout_cases_run(&c, file), KZ_OK);
    assert_int_equal(c.passed, 3);
    assert_int_equal(c.failed, 20);
    assert_string_equal(
        f.first, "step 4 blk:B2:accept: total_assets: expected 1, got 636260750");
    json_decref(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(largest_remainders_of_the_vectors_come_out),
        cmocka_unit_test(work_units_of_the_vectors_come_out),
        cmocka_unit_test(schemes_of_the_vectors_come_out),
        cmocka_unit_test(coinbases_of_the_vectors_come_out),
        cmocka_unit_test(the_ledger_trace_of_the_vectors_comes_out),
        cmocka_unit_test(what_is_no_file_of_cases_is_refused),
        cmocka_unit_test(a_satoshi_more_or_less_in_a_result_fails),
        cmocka_unit_test(sums_and_averages_are_checked_where_they_are_results),
        cmocka_unit_test(a_result_that_is_left_out_fails),
        cmocka_unit_test(steps_behind_a_wrong_one_are_not_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
