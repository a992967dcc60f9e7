/* Reports that do not agree with each other are not signed. */
#include "pool/report/crosscheck.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "report_fixture.h"

#define DAYS 12

struct heard {
    size_t count;
    struct crosscheck_failure last;
};

static void hear(void *ctx, const struct crosscheck_failure *failure)
{
    struct heard *h = ctx;
    h->count++;
    h->last = *failure;
}

/* R4 with R5 and R6, either of which may be NULL; frees all. */
static struct heard checked(struct report *r4, struct report *r5, struct report *r6,
                            const struct crosscheck_spans *spans)
{
    const struct report *reports[] = {r4, r5, r6};
    struct heard h = {0};
    size_t count = 1;
    if (r5 != NULL)
        reports[count++] = r5;
    if (r6 != NULL)
        reports[count++] = r6;
    size_t failures = crosscheck(reports, count, spans, hear, &h);
    assert_int_equal(failures, h.count);
    report_free(r4);
    report_free(r5);
    report_free(r6);
    return h;
}

static void is_one(const struct heard *h, const char *rule, const char *miner,
                   int64_t difference)
{
    if (h->count != 1)
        fail_msg("%zu failures, the last: %s", h->count, h->last.text);
    assert_string_equal(h->last.rule, rule);
    assert_string_equal(h->last.miner, miner);
    assert_int_equal(h->last.difference_sat, difference);
    assert_non_null(strstr(h->last.text, miner));
}

static void reports_that_agree_pass(void **state)
{
    (void)state;
    for (int days = 0; days <= 31; days++) {
        struct heard h = checked(fixture_r4(DISCLOSURE_REGULATOR, days),
                                 fixture_r5(DISCLOSURE_REGULATOR, days),
                                 fixture_r6(DISCLOSURE_REGULATOR, days), NULL);
        if (h.count != 0)
            fail_msg("%d days: %s", days, h.last.text);
    }
}

/* One more day of R4, with what is wrong with it. */
struct day {
    int64_t start, credited, paid, reversed, adjusted, end;
};

static struct report *r4_of_days(const struct day *days, size_t count)
{
    struct report *r = fixture_report(REPORT_R4, DISCLOSURE_REGULATOR);
    for (size_t i = 0; i < count; i++) {
        char date[16];
        snprintf(date, sizeof(date), "2026-10-%02zu", i + 1);
        report_row_begin(r);
        put_miner(r, 1);
        put_text(r, "day", date);
        put_sat(r, "balance_start", days[i].start);
        put_sat(r, "credited", days[i].credited);
        put_sat(r, "paid", days[i].paid);
        put_sat(r, "reversed", days[i].reversed);
        put_sat(r, "adjusted", days[i].adjusted);
        put_sat(r, "balance_end", days[i].end);
    }
    return r;
}

static void each_term_moves_the_balance_its_way(void **state)
{
    (void)state;
    static const struct day fine[] = {{10, 100, 20, 3, 0, 87}, {87, 0, 0, 0, -7, 80}};
    struct heard h = checked(r4_of_days(fine, 2), NULL, NULL, NULL);
    assert_int_equal(h.count, 0);
    for (int term = 0; term < 4; term++) {
        struct day bad = fine[0];
        int64_t *terms[] = {&bad.credited, &bad.paid, &bad.reversed, &bad.adjusted};
        static const int64_t difference[] = {-1, 1, 1, -1};
        *terms[term] += 1;
        h = checked(r4_of_days(&bad, 1), NULL, NULL, NULL);
        is_one(&h, "balance", "ivanov-1", difference[term]);
        assert_non_null(strstr(h.last.text, "2026-10-01"));
    }
}

static void a_day_starts_with_what_the_one_before_ended_with(void **state)
{
    (void)state;
    static const struct day gap[] = {{0, 5, 0, 0, 0, 5}, {9, 0, 0, 0, 0, 9}};
    struct heard h = checked(r4_of_days(gap, 2), NULL, NULL, NULL);
    is_one(&h, "continuity", "ivanov-1", 4);
}

static void a_satoshi_that_r5_lacks_or_has_too_much_is_found(void **state)
{
    (void)state;
    struct report *r5 = fixture_r5(DISCLOSURE_REGULATOR, DAYS);
    put_entry(r5, 0, 5, "credit", 1);
    struct heard h = checked(fixture_r4(DISCLOSURE_REGULATOR, DAYS), r5, NULL, NULL);
    is_one(&h, "credits", "alty-derya", -1);
    r5 = fixture_r5(DISCLOSURE_REGULATOR, DAYS);
    put_entry(r5, 1, 5, "payment", -2);
    h = checked(fixture_r4(DISCLOSURE_REGULATOR, DAYS), r5, NULL, NULL);
    is_one(&h, "payments", "ivanov-1", 2);
}

static void a_miner_that_is_in_r5_alone_is_found(void **state)
{
    (void)state;
    static const struct day nothing = {0};
    struct report *r5 = fixture_report(REPORT_R5, DISCLOSURE_REGULATOR);
    put_entry(r5, 0, 1, "credit", 77);
    struct heard h = checked(r4_of_days(&nothing, 1), r5, NULL, NULL);
    is_one(&h, "credits", "alty-derya", -77);
}

static void fees_and_reversals_of_r5_are_no_credits(void **state)
{
    (void)state;
    struct report *r5 = fixture_r5(DISCLOSURE_REGULATOR, DAYS);
    put_entry(r5, 0, 5, "fee", 123);
    put_entry(r5, 0, 5, "reversal", 456);
    struct heard h = checked(fixture_r4(DISCLOSURE_REGULATOR, DAYS), r5, NULL, NULL);
    assert_int_equal(h.count, 0);
}

static void the_summary_sums_to_the_production_by_every_group(void **state)
{
    (void)state;
    static const char *const groups[] = {"all", "residency", "country"};
    for (size_t i = 0; i < 3; i++) {
        struct report *r6 = fixture_r6(DISCLOSURE_REGULATOR, DAYS);
        report_row_begin(r6);
        put_text(r6, "group_by", groups[i]);
        put_sat(r6, "fee", 3);
        struct heard h =
            checked(fixture_r4(DISCLOSURE_REGULATOR, DAYS), NULL, r6, NULL);
        is_one(&h, "summary", "", 3);
        assert_non_null(strstr(h.last.text, groups[i]));
    }
}

static void shares_of_the_summary_are_the_productions(void **state)
{
    (void)state;
    struct report *r6 = fixture_r6(DISCLOSURE_REGULATOR, DAYS);
    report_row_begin(r6);
    put_text(r6, "group_by", "country");
    put_number(r6, "accepted_shares", 1);
    struct heard h = checked(fixture_r4(DISCLOSURE_REGULATOR, DAYS), NULL, r6, NULL);
    is_one(&h, "shares", "", 0);
}

static void a_summary_without_all_is_none(void **state)
{
    (void)state;
    struct report *r6 = fixture_report(REPORT_R6, DISCLOSURE_REGULATOR);
    struct heard h = checked(fixture_r4(DISCLOSURE_REGULATOR, DAYS), NULL, r6, NULL);
    is_one(&h, "summary", "", 0);
}

static void the_fee_inside_a_payment_is_a_part_of_it(void **state)
{
    (void)state;
    struct report *r5 = fixture_r5(DISCLOSURE_REGULATOR, DAYS);
    put_entry(r5, 0, DAYS, "network_fee", 7);
    struct heard h = checked(fixture_r4(DISCLOSURE_REGULATOR, DAYS), r5, NULL, NULL);
    is_one(&h, "payments", fixture_miners[0].id, -7);
}

/* Each of the two ends with 5000, and a million a day less what day 10 paid. */
static struct heard with_liabilities(int64_t owed)
{
    struct report *r9 = fixture_report(REPORT_R9, DISCLOSURE_REGULATOR);
    report_row_begin(r9);
    put_sat(r9, "liabilities", owed);
    return checked(fixture_r4(DISCLOSURE_REGULATOR, DAYS), NULL, r9, NULL);
}

static void what_the_proof_owes_is_the_sum_of_the_last_balances(void **state)
{
    (void)state;
    const int64_t owed = 2 * (5000 + DAYS * INT64_C(1000000) - 500000);
    struct heard h = with_liabilities(owed);
    assert_int_equal(h.count, 0);
    h = with_liabilities(owed - 1);
    is_one(&h, "liabilities", "", -1);
}

/* --- who was allowed to --------------------------------------------------------------- */

static int64_t day_ms(int day)
{
    struct period p;
    char name[16];
    snprintf(name, sizeof(name), "2026-10-%02d", day);
    assert_int_equal(period_parse(&p, name, 300), KZ_OK);
    return p.from_ms;
}

/* The second miner's days with work were 1 to DAYS. */
static struct heard with_spans(struct crosscheck_span mining,
                               struct crosscheck_span certified)
{
    const struct crosscheck_span allowed[] = {{"alty-derya", 0, INT64_MAX}, mining};
    const struct crosscheck_span valid[] = {{"alty-derya", 0, INT64_MAX}, certified};
    const struct crosscheck_spans spans = {allowed, valid, 2, 2};
    return checked(fixture_r4(DISCLOSURE_REGULATOR, DAYS), NULL, NULL, &spans);
}

static void work_needs_a_state_that_may_mine_and_a_certificate(void **state)
{
    (void)state;
    const struct crosscheck_span always = {"ivanov-1", 0, INT64_MAX};
    /* Until noon of the last day: that day's shares may be from the morning. */
    const struct crosscheck_span enough = {"ivanov-1", day_ms(1),
                                           day_ms(DAYS) + 43200000};
    /* Suspended a minute before midnight, when all rigs had long been told; or within it. */
    const struct crosscheck_span short_by_one = {"ivanov-1", day_ms(1),
                                                 day_ms(DAYS) - 60000};
    const struct crosscheck_span just_told = {"ivanov-1", day_ms(1),
                                              day_ms(DAYS) - 59999};
    const struct crosscheck_span late = {"ivanov-1", day_ms(2), INT64_MAX};
    struct heard h = with_spans(always, always);
    assert_int_equal(h.count, 0);
    h = with_spans(enough, enough);
    assert_int_equal(h.count, 0);
    h = with_spans(short_by_one, always);
    is_one(&h, "work", "ivanov-1", 0);
    assert_non_null(strstr(h.last.text, "2026-10-12"));
    h = with_spans(just_told, always);
    assert_int_equal(h.count, 0);
    h = with_spans(always, short_by_one);
    is_one(&h, "certificate", "ivanov-1", 0);
    h = with_spans(always, late);
    is_one(&h, "certificate", "ivanov-1", 0);
    assert_non_null(strstr(h.last.text, "2026-10-01"));
}

static void a_day_without_work_needs_nothing(void **state)
{
    (void)state;
    static const struct day idle = {5, 0, 0, 0, 0, 5};
    const struct crosscheck_spans none = {NULL, NULL, 0, 0};
    struct heard h = checked(r4_of_days(&idle, 1), NULL, NULL, &none);
    assert_int_equal(h.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_that_agree_pass),
        cmocka_unit_test(each_term_moves_the_balance_its_way),
        cmocka_unit_test(a_day_starts_with_what_the_one_before_ended_with),
        cmocka_unit_test(a_satoshi_that_r5_lacks_or_has_too_much_is_found),
        cmocka_unit_test(a_miner_that_is_in_r5_alone_is_found),
        cmocka_unit_test(fees_and_reversals_of_r5_are_no_credits),
        cmocka_unit_test(the_summary_sums_to_the_production_by_every_group),
        cmocka_unit_test(shares_of_the_summary_are_the_productions),
        cmocka_unit_test(a_summary_without_all_is_none),
        cmocka_unit_test(the_fee_inside_a_payment_is_a_part_of_it),
        cmocka_unit_test(what_the_proof_owes_is_the_sum_of_the_last_balances),
        cmocka_unit_test(work_needs_a_state_that_may_mine_and_a_certificate),
        cmocka_unit_test(a_day_without_work_needs_nothing),
    };
    return cmocka_run_group_tests_name("crosscheck", tests, NULL, NULL);
}
