#include "pool/registry/day.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct day day(const char *text)
{
    struct day d = {0};
    if (day_parse(&d, text) != KZ_OK)
        fail_msg("%s", text);
    return d;
}

static void expect_day(struct day d, const char *text)
{
    char found[DAY_TEXT_SIZE];
    day_format(found, d);
    assert_string_equal(found, text);
}

static void every_day_of_two_centuries_comes_back_as_it_was(void **state)
{
    (void)state;
    struct day d = day("1900-01-01");
    assert_int_equal(d.n, -25567);
    assert_int_equal(day("1970-01-01").n, 0);
    assert_int_equal(day("2026-01-01").n, 20454);
    for (; d.n <= day("2100-12-31").n; d.n++) {
        char text[DAY_TEXT_SIZE];
        day_format(text, d);
        assert_int_equal(day(text).n, d.n);
    }
    expect_day(day("9999-12-31"), "9999-12-31");
}

static void the_calendar_is_the_real_one(void **state)
{
    (void)state;
    static const char *const none[] = {
        "2026-02-29", "1900-02-29", "2100-02-29", "2026-04-31", "2026-00-01",
        "2026-13-01", "2026-01-00", "2026-01-32", "1899-12-31", "0000-01-01"};
    struct day d = {77};
    for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
        assert_int_equal(day_parse(&d, none[i]), KZ_RANGE);
    assert_int_equal(d.n, 77);
    assert_int_equal(day("2024-02-29").n + 1, day("2024-03-01").n);
    assert_int_equal(day("2000-02-29").n + 1, day("2000-03-01").n);
}

static void another_form_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",           "2026",        "2026-1-01",
                                      "2026/01/01", "01.01.2026",  "2026-01-01T00:00",
                                      "2026-01-0x", " 2026-01-01", "+026-01-01"};
    struct day d = {77};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_int_equal(day_parse(&d, bad[i]), KZ_PARSE);
    assert_int_equal(d.n, 77);
}

/* Ashgabat is five hours ahead: its day begins at 19:00 UTC of the day before. */
static void a_day_begins_in_its_own_zone(void **state)
{
    (void)state;
    struct day d = day("2026-01-01");
    int64_t start = day_start_ms(d, 300);
    assert_int_equal(start, INT64_C(1767225600000) - 5 * 3600000);
    expect_day(day_of_ms(start, 300), "2026-01-01");
    expect_day(day_of_ms(start - 1, 300), "2025-12-31");
    expect_day(day_of_ms(start, 0), "2025-12-31");
    expect_day(day_of_ms(-1, 0), "1969-12-31");
    expect_day(day_of_ms(0, -1), "1969-12-31");
}

static void a_term_of_months_ends_on_the_same_day_or_the_months_last(void **state)
{
    (void)state;
    expect_day(day_add_months(day("2026-11-22"), 36), "2029-11-22");
    expect_day(day_add_months(day("2024-02-29"), 12), "2025-02-28");
    expect_day(day_add_months(day("2024-02-29"), 48), "2028-02-29");
    expect_day(day_add_months(day("2026-01-31"), 1), "2026-02-28");
    expect_day(day_add_months(day("2026-12-31"), 0), "2026-12-31");
    expect_day(day_add_months(day("9999-02-01"), 36), "9999-12-31");
}

static void a_person_is_of_age_on_the_birthday_and_not_before(void **state)
{
    (void)state;
    struct day born = day("2008-11-26");
    assert_int_equal(day_years_between(born, day("2026-11-25")), 17);
    assert_int_equal(day_years_between(born, day("2026-11-26")), 18);
    assert_int_equal(day_years_between(day("2008-02-29"), day("2026-02-28")), 17);
    assert_int_equal(day_years_between(day("2008-02-29"), day("2026-03-01")), 18);
    assert_int_equal(day_years_between(born, born), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_day_of_two_centuries_comes_back_as_it_was),
        cmocka_unit_test(the_calendar_is_the_real_one),
        cmocka_unit_test(another_form_is_refused),
        cmocka_unit_test(a_day_begins_in_its_own_zone),
        cmocka_unit_test(a_term_of_months_ends_on_the_same_day_or_the_months_last),
        cmocka_unit_test(a_person_is_of_age_on_the_birthday_and_not_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
