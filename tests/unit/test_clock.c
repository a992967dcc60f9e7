/* Dates as people write them. */
#include "conf/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static enum kz_err parse(int64_t *ms, const char *text)
{
    return clock_utc_parse(ms, text, strlen(text));
}

static void each_form_of_a_date_is_read_as_utc(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } dates[] = {
        {"1970-01-01", 0},
        {"2026-01-31", 1769817600000},
        {"2026-01-31Z", 1769817600000},
        {"2026-01-31T23:59", 1769903940000},
        {"2026-01-31 23:59:59", 1769903999000},
        {"2026-01-31T23:59:59.123Z", 1769903999123},
        {"2024-02-29T00:00:00Z", 1709164800000},
        {"2000-02-29", 951782400000},
        {"2100-03-01", 4107542400000},
        {"9999-12-31T23:59:59.999Z", 253402300799999},
    };
    for (size_t i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
        int64_t ms = -1;
        assert_int_equal(parse(&ms, dates[i].text), KZ_OK);
        assert_int_equal(ms, dates[i].ms);
    }
}

static void what_is_printed_is_read_back(void **state)
{
    (void)state;
    char text[CLOCK_TEXT_SIZE];
    int64_t ms;
    for (int64_t t = 0; t < INT64_C(6000000000000); t += INT64_C(123456789012)) {
        clock_utc_format(text, t);
        assert_int_equal(parse(&ms, text), KZ_OK);
        assert_int_equal(ms, t);
    }
}

static void what_is_no_date_is_refused_and_the_output_untouched(void **state)
{
    (void)state;
    static const char *const others[] = {
        "",
        "2026",
        "2026-1-31",
        "2026-01-31T",
        "2026-01-31T2359",
        "2026-01-31T23:59:",
        "2026-01-31T23:59:59.1",
        "2026-01-31T23:59+05",
        "2026/01/31",
        "today",
        "2026-01-31ZZ",
        "-026-01-31",
    };
    static const char *const days[] = {
        "2026-02-29", "2026-13-01",       "2026-00-01",         "2026-01-00",
        "2026-01-32", "2026-04-31",       "2026-01-31T24:00",   "1969-12-31",
        "2100-02-29", "2026-01-31T23:60", "2026-01-31T23:59:60"};
    int64_t ms = 77;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_int_equal(parse(&ms, others[i]), KZ_PARSE);
    for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++)
        assert_int_equal(parse(&ms, days[i]), KZ_RANGE);
    assert_int_equal(ms, 77);
    assert_int_equal(clock_utc_parse(&ms, "2026-01-31", 9), KZ_PARSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_of_a_date_is_read_as_utc),
        cmocka_unit_test(what_is_printed_is_read_back),
        cmocka_unit_test(what_is_no_date_is_refused_and_the_output_untouched),
    };
    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
