#include "pool/bench/bench_scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct bytes text(const char *s)
{
    return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static struct scan scanned(const char *line)
{
    struct scan s;
    assert_int_equal(scan_line(&s, text(line)), KZ_OK);
    return s;
}

static void an_accepted_reply_has_its_id_and_true(void **state)
{
    (void)state;
    struct scan s = scanned("{\"id\":17,\"result\":true,\"error\":null}");
    assert_true(s.has_id);
    assert_int_equal(s.id, 17);
    assert_true(scan_is(s.result, "true"));
    assert_true(scan_is(s.error, "null"));
    assert_null(s.method.p);
}

static void keys_come_in_any_order_and_with_spaces(void **state)
{
    (void)state;
    struct scan s = scanned(" { \"error\" : null ,\t\"result\":[ {\"id\":5}, \"]\" ] , "
                            "\"jsonrpc\":\"2.0\", \"id\" : 9 } ");
    assert_int_equal(s.id, 9);
    assert_true(scan_is(s.result, "[ {\"id\":5}, \"]\" ]"));
}

static void brackets_and_escaped_quotes_in_strings_end_nothing(void **state)
{
    (void)state;
    struct scan s = scanned(
        "{\"method\":\"client.show_message\",\"params\":[\"a\\\\\\\"}]\\\\\"]}");
    struct scan_array a = scan_array(s.params);
    struct bytes value;
    assert_int_equal(scan_next(&value, &a), KZ_OK);
    assert_int_equal(scan_string(&value, value), KZ_OK);
    assert_true(scan_is(value, "a\\\\\\\"}]\\\\"));
    assert_int_equal(scan_next(&value, &a), KZ_EMPTY);
}

static void lines_that_are_no_whole_object_are_refused(void **state)
{
    (void)state;
    const char *bad[] = {"",
                         "x",
                         "[]",
                         "{",
                         "{\"id\":1",
                         "{\"id\"}",
                         "{\"id\":}",
                         "{\"id\":1,}",
                         "{\"id\":1}}",
                         "{\"id\":\"1}",
                         "{\"id\":1}{\"id\":2}",
                         "{\"a\":\"\\\"}"};
    struct scan s;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(scan_line(&s, text(bad[i])), KZ_PARSE);
}

static void ids_that_are_no_counting_numbers_are_not_taken(void **state)
{
    (void)state;
    const char *lines[] = {"{\"id\":null}",
                           "{\"id\":\"4\"}",
                           "{\"id\":-1}",
                           "{\"id\":1.5}",
                           "{\"id\":99999999999999999999}",
                           "{}"};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        assert_false(scanned(lines[i]).has_id);
}

static void error_codes_are_found_in_both_shapes(void **state)
{
    (void)state;
    struct bytes words;
    assert_int_equal(scan_error(&words, text("[21,\"Job not found\",null]")), 21);
    assert_true(scan_is(words, "Job not found"));
    assert_int_equal(scan_error(&words, text("{\"message\":\"low\",\"code\":-3}")), -3);
    assert_int_equal(scan_error(&words, text("{\"code\":23,\"message\":\"low\"}")), 23);
    assert_true(scan_is(words, "low"));
    assert_int_equal(scan_error(&words, text("\"just words\"")), 0);
    assert_int_equal(scan_error(&words, text("[\"23\"]")), 0);
    assert_int_equal(scan_error(&words, text("[999999999]")), 0);
    assert_int_equal(scan_error(&words, (struct bytes){NULL, 0}), 0);
}

static void members_of_an_object_are_found_by_name(void **state)
{
    (void)state;
    struct bytes v, o = text("{\"version-rolling\":true,"
                             "\"version-rolling.mask\":\"1fffe000\"}");
    assert_int_equal(scan_member(&v, o, "version-rolling.mask"), KZ_OK);
    assert_true(scan_is(v, "\"1fffe000\""));
    assert_int_equal(scan_member(&v, o, "version"), KZ_EMPTY);
    assert_int_equal(scan_member(&v, text("{}"), "a"), KZ_EMPTY);
    assert_int_equal(scan_member(&v, text("null"), "a"), KZ_PARSE);
    assert_int_equal(scan_member(&v, text("{\"a\" 1}"), "a"), KZ_PARSE);
}

#define NOTIFY_HEAD "[\"1f\",\"00aa\",\"01\",\"02\","
#define NOTIFY_TAIL ",\"20000000\",\"170ed0eb\",\"6155a473\","

static void notify_gives_its_nine_fields(void **state)
{
    (void)state;
    struct scan_notify n;
    assert_int_equal(
        scan_notify(&n, text(NOTIFY_HEAD "[\"ab\",\"cd\"]" NOTIFY_TAIL "true]")),
        KZ_OK);
    assert_true(scan_is(n.job_id, "1f"));
    assert_true(scan_is(n.prevhash, "00aa"));
    assert_true(scan_is(n.coinb2, "02"));
    assert_true(scan_is(n.branch, "[\"ab\",\"cd\"]"));
    assert_true(scan_is(n.ntime, "6155a473"));
    assert_true(n.clean_jobs);
    assert_true(n.has_branch);
    assert_int_equal(scan_notify(&n, text(NOTIFY_HEAD "[ ]" NOTIFY_TAIL "false]")),
                     KZ_OK);
    assert_false(n.clean_jobs);
    assert_false(n.has_branch);
}

static void notify_with_a_field_too_few_is_refused(void **state)
{
    (void)state;
    struct scan_notify n;
    const char *bad[] = {"[]",
                         "null",
                         NOTIFY_HEAD "[]]",
                         NOTIFY_HEAD "7" NOTIFY_TAIL "true]",
                         "[1,\"00aa\",\"01\",\"02\",[]" NOTIFY_TAIL "true]",
                         NOTIFY_HEAD "[]" NOTIFY_TAIL "]"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(scan_notify(&n, text(bad[i])), KZ_PARSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_accepted_reply_has_its_id_and_true),
        cmocka_unit_test(keys_come_in_any_order_and_with_spaces),
        cmocka_unit_test(brackets_and_escaped_quotes_in_strings_end_nothing),
        cmocka_unit_test(lines_that_are_no_whole_object_are_refused),
        cmocka_unit_test(ids_that_are_no_counting_numbers_are_not_taken),
        cmocka_unit_test(error_codes_are_found_in_both_shapes),
        cmocka_unit_test(members_of_an_object_are_found_by_name),
        cmocka_unit_test(notify_gives_its_nine_fields),
        cmocka_unit_test(notify_with_a_field_too_few_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
