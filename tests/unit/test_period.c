/* Periods: their edges in a zone, their names, what comes before and behind. */
#include "pool/report/period.h"

#include "conf/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define ASHGABAT 300

static struct period must_parse(const char *text, int offset)
{
    struct period p = {0};
    assert_int_equal(period_parse(&p, text, offset), KZ_OK);
    return p;
}

static void is_instant(int64_t ms, const char *expected)
{
    char text[CLOCK_TEXT_SIZE];
    clock_utc_format(text, ms);
    assert_string_equal(text, expected);
}

static void has_edges(const char *name, int offset, const char *from, const char *to)
{
    struct period p = must_parse(name, offset);
    char text[PERIOD_TEXT_SIZE];
    is_instant(p.from_ms, from);
    is_instant(p.to_ms, to);
    period_format(text, &p);
    assert_string_equal(text, name);
}

static void edges_are_midnights_of_the_zone(void **state)
{
    (void)state;
    has_edges("2026-10-31", ASHGABAT, "2026-10-30T19:00:00.000Z",
              "2026-10-31T19:00:00.000Z");
    has_edges("2026-10", ASHGABAT, "2026-09-30T19:00:00.000Z",
              "2026-10-31T19:00:00.000Z");
    has_edges("2026-Q4", ASHGABAT, "2026-09-30T19:00:00.000Z",
              "2026-12-31T19:00:00.000Z");
    has_edges("2026", ASHGABAT, "2025-12-31T19:00:00.000Z", "2026-12-31T19:00:00.000Z");
    has_edges("2026-10-01..2026-10-16", ASHGABAT, "2026-09-30T19:00:00.000Z",
              "2026-10-15T19:00:00.000Z");
    has_edges("2026-10", 0, "2026-10-01T00:00:00.000Z", "2026-11-01T00:00:00.000Z");
    has_edges("2026-10", -210, "2026-10-01T03:30:00.000Z", "2026-11-01T03:30:00.000Z");
}

static void februaries_and_year_ends_are_the_calendars(void **state)
{
    (void)state;
    has_edges("2028-02", 0, "2028-02-01T00:00:00.000Z", "2028-03-01T00:00:00.000Z");
    has_edges("2028-02-29", 0, "2028-02-29T00:00:00.000Z", "2028-03-01T00:00:00.000Z");
    has_edges("2026-12", 0, "2026-12-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z");
    has_edges("2026-Q1", 0, "2026-01-01T00:00:00.000Z", "2026-04-01T00:00:00.000Z");
}

static void what_is_no_period_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum kz_err err;
    } rows[] = {
        {"", KZ_PARSE},           {"2026-1", KZ_PARSE},
        {"2026-10-1", KZ_PARSE},  {"october", KZ_PARSE},
        {"2026-10 ", KZ_PARSE},   {"2026-q4", KZ_PARSE},
        {"2026-Q0", KZ_RANGE},    {"2026-Q5", KZ_RANGE},
        {"2026-00", KZ_RANGE},    {"2026-13", KZ_RANGE},
        {"2026-02-29", KZ_RANGE}, {"2026-04-31", KZ_RANGE},
        {"1969-10", KZ_RANGE},    {"9999-10", KZ_RANGE},
        {"0000", KZ_RANGE},       {"2026-10-02..2026-10-02", KZ_RANGE},
        {"2026-10", KZ_OK},       {"2026-10-02..2026-10-01", KZ_RANGE},
        {"9998", KZ_OK},          {"2026-10-02..2026-13-01", KZ_RANGE},
        {"-2026", KZ_PARSE},      {"2026-10-02...026-10-03", KZ_PARSE},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct period p = {.from_ms = 7};
        enum kz_err err = period_parse(&p, rows[i].text, 0);
        if (err != rows[i].err)
            fail_msg("%s: %s", rows[i].text, kz_err_text(err));
        if (err != KZ_OK)
            assert_int_equal(p.from_ms, 7);
    }
    struct period p;
    assert_int_equal(period_parse(&p, "2026-10", PERIOD_OFFSET_MAX + 1), KZ_RANGE);
}

static void each_instant_lies_in_the_period_it_is_of(void **state)
{
    (void)state;
    for (int64_t at = INT64_C(1700000000000); at < INT64_C(1900000000000);
         at += INT64_C(7777777777)) {
        for (int k = PERIOD_DAY; k < PERIOD_ON_DEMAND; k++) {
            struct period p, again;
            char name[PERIOD_TEXT_SIZE];
            assert_int_equal(period_of(&p, (enum period_kind)k, at, ASHGABAT), KZ_OK);
            assert_true(period_has(&p, at));
            period_format(name, &p);
            again = must_parse(name, ASHGABAT);
            assert_memory_equal(&again, &p, sizeof(p));
            assert_int_equal(period_day_start(p.from_ms, ASHGABAT), p.from_ms);
        }
    }
}

/* Neighbours meet: nothing is between them and nothing is in both. */
static void a_period_begins_where_the_one_before_it_ends(void **state)
{
    (void)state;
    static const char *const names[] = {"2026-10-31", "2026-01", "2026-Q1", "2026",
                                        "2026-10-01..2026-10-16"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct period p = must_parse(names[i], ASHGABAT), before, behind, back;
        assert_int_equal(period_previous(&before, &p), KZ_OK);
        assert_int_equal(period_next(&behind, &p), KZ_OK);
        assert_int_equal(before.to_ms, p.from_ms);
        assert_int_equal(behind.from_ms, p.to_ms);
        assert_int_equal(period_previous(&back, &behind), KZ_OK);
        assert_memory_equal(&back, &p, sizeof(p));
    }
}

static void nothing_comes_before_1970_or_behind_9998(void **state)
{
    (void)state;
    struct period p = must_parse("1970", 0), out;
    assert_int_equal(period_previous(&out, &p), KZ_RANGE);
    assert_int_equal(period_parse(&p, "1970", ASHGABAT), KZ_RANGE);
    assert_int_equal(period_parse(&p, "1970-01-01..1970-01-02", ASHGABAT), KZ_RANGE);
    p = must_parse("9998-12", 0);
    assert_int_equal(period_next(&out, &p), KZ_RANGE);
}

static void is_due(const char *name, int day, const char *late)
{
    struct period p = must_parse(name, ASHGABAT);
    int64_t ms = 0;
    assert_int_equal(period_due(&ms, &p, day), KZ_OK);
    is_instant(ms, late);
}

static void a_report_is_late_after_the_due_day_of_the_month_behind(void **state)
{
    (void)state;
    is_due("2026-10", 20, "2026-11-20T19:00:00.000Z");
    is_due("2026-12", 20, "2027-01-20T19:00:00.000Z");
    is_due("2026-Q4", 20, "2027-01-20T19:00:00.000Z");
    is_due("2026-10-31", 1, "2026-11-01T19:00:00.000Z");
    is_due("2026-10-31..2026-11-02", 20, "2026-12-20T19:00:00.000Z");
    is_due("2026-10", 31, "2026-11-30T19:00:00.000Z"); /* no 31st of November */
    is_due("2027-01", 30, "2027-02-28T19:00:00.000Z");
}

static void the_date_is_the_zones(void **state)
{
    (void)state;
    char text[PERIOD_DATE_SIZE];
    int64_t ms = 0;
    assert_int_equal(clock_utc_parse(&ms, "2026-10-31T19:00", 16), KZ_OK);
    period_date(text, ms, ASHGABAT);
    assert_string_equal(text, "2026-11-01");
    period_date(text, ms - 1, ASHGABAT);
    assert_string_equal(text, "2026-10-31");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edges_are_midnights_of_the_zone),
        cmocka_unit_test(februaries_and_year_ends_are_the_calendars),
        cmocka_unit_test(what_is_no_period_is_refused_and_changes_nothing),
        cmocka_unit_test(each_instant_lies_in_the_period_it_is_of),
        cmocka_unit_test(a_period_begins_where_the_one_before_it_ends),
        cmocka_unit_test(nothing_comes_before_1970_or_behind_9998),
        cmocka_unit_test(a_report_is_late_after_the_due_day_of_the_month_behind),
        cmocka_unit_test(the_date_is_the_zones),
    };
    return cmocka_run_group_tests_name("period", tests, NULL, NULL);
}
