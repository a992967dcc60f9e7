/* R7 and R8 of logins: what the journal has of them, and how long it is told. */
#include "pool/report/denials.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "conf/mem.h"
#include "tests/unit/report_scene.h"

/* --- R7 -------------------------------------------------------------------------------- */

static void a_refusal_has_all_that_its_row_says(void **state)
{
    struct scene *s = *state;
    int64_t at = ms("2026-10-03T09:10");
    struct denied_row r = history_denied(at, "unregistered", "", 2, 5, 3);
    r.key.login_is = DENIED_HASHED;
    memset(r.key.login_hash, 0xa5, sizeof(r.key.login_hash));
    history_deny(&s->h, 1, &r);
    r = history_denied(at, "network", "bulut", 7, 2, 1);
    history_deny(&s->h, 1, &r);
    history_refuse(&s->h, at, "unregistered", 5);
    history_refuse(&s->h, at, "network", 2);
    struct report *made_of = made(s, source_refusals);
    assert_int_equal(report_row_count(made_of), 2);
    cell_is(made_of, 0, "hour", "2026-10-03T09:00:00.000Z");
    cell_is(made_of, 0, "listener", "0.0.0.0:3333");
    cell_is(made_of, 0, "reason", "network");
    cell_is(made_of, 0, "attempts", "2");
    cell_is(made_of, 0, "distinct_sources", "1");
    cell_is(made_of, 0, "login", "bulut");
    cell_is(made_of, 0, "login_hash", NULL);
    cell_is(made_of, 0, "network", "192.0.7.0/24");
    cell_is(made_of, 0, "rig_software", "cgminer/4.11");
    cell_is(made_of, 1, "login", NULL);
    cell_is(made_of, 1, "login_hash",
            "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5");
    report_free(made_of);
}

static void the_newest_of_each_run_counts_and_runs_are_added_up(void **state)
{
    struct scene *s = *state;
    int64_t at = ms("2026-10-03T09:10");
    struct denied_row r = history_denied(at, "unregistered", "", 2, 5, 3);
    history_deny(&s->h, 9, &r);
    r.attempts = 7;
    r.sources = 4;
    history_deny(&s->h, 9, &r);
    history_deny(&s->h, 9, &r); /* a copy does no harm */
    history_refuse(&s->h, at, "unregistered", 7);
    struct report *made_of = made(s, source_refusals);
    assert_int_equal(report_row_count(made_of), 1);
    cell_is(made_of, 0, "attempts", "7");
    cell_is(made_of, 0, "distinct_sources", "4");
    report_free(made_of);
    r.attempts = 2;
    history_deny(&s->h, 3, &r);
    history_refuse(&s->h, at, "unregistered", 2);
    made_of = made(s, source_refusals);
    assert_int_equal(report_row_count(made_of), 1);
    cell_is(made_of, 0, "attempts", "9");
    cell_is(made_of, 0, "distinct_sources", NULL); /* those of both may be the same */
    report_free(made_of);
}

/* Rows that are written again and again fill no memory, and none is mixed up. */
static void of_many_rows_that_are_written_often_each_is_right(void **state)
{
    (void)state;
    enum { ROWS = 200, TIMES = 50 };
    struct denials d = {.count = 0};
    struct tally_refusal totals[ROWS];
    size_t count;
    for (uint64_t t = 1; t <= TIMES; t++)
        for (uint64_t i = 0; i < ROWS; i++) {
            struct denied_row r = history_denied((int64_t)i * 3600000, "network",
                                                 "bulut", (uint8_t)i, t * (i + 1), 1);
            denials_add(&d, 1, &r);
        }
    assert_true(d.room < 8 * ROWS);
    for (size_t i = 0; i < ROWS; i++)
        totals[i] = (struct tally_refusal){"network", (int64_t)(ROWS - 1 - i),
                                           TIMES * (ROWS - i) + 3};
    struct denied_row *rows = denials_settle(&count, &d, totals, ROWS, false);
    assert_int_equal(count, 2 * ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        assert_int_equal(rows[2 * i].attempts, 3);
        assert_string_equal(rows[2 * i].key.listener, "");
        assert_int_equal(rows[2 * i + 1].attempts, TIMES * (i + 1));
        assert_int_equal(rows[2 * i + 1].key.network[2], i);
    }
    mem_free(rows);
    denials_clear(&d);
}

static void what_no_row_tells_of_is_counted_all_the_same(void **state)
{
    struct scene *s = *state;
    int64_t at = ms("2026-10-03T09:10");
    struct denied_row r = history_denied(at, "unregistered", "", 2, 5, 3);
    history_deny(&s->h, 1, &r);
    history_refuse(&s->h, at, "unregistered", 11);
    history_refuse(&s->h, at, "malformed_login", 1);
    history_refuse(&s->h, at + 3600000, "unregistered", 4);
    struct report *made_of = made(s, source_refusals);
    assert_int_equal(report_row_count(made_of), 4);
    cell_is(made_of, 0, "reason", "malformed_login");
    cell_is(made_of, 0, "listener", NULL);
    cell_is(made_of, 1, "attempts", "6");
    cell_is(made_of, 1, "listener", NULL);
    cell_is(made_of, 2, "attempts", "5");
    cell_is(made_of, 2, "listener", "0.0.0.0:3333");
    cell_is(made_of, 3, "attempts", "4");
    report_free(made_of);
}

static void write_two_networks(struct scene *s)
{
    int64_t at = ms("2026-10-03T09:10");
    struct denied_row r = history_denied(at, "network", "bulut", 2, 5, 3);
    history_deny(&s->h, 1, &r);
    r = history_denied(at, "network", "bulut", 7, 2, 1);
    history_deny(&s->h, 1, &r);
    history_refuse(&s->h, at, "network", 8);
}

static void details_are_kept_for_so_many_days_behind_the_period(void **state)
{
    struct scene *s = *state;
    write_two_networks(s);
    int64_t end = s->source.header.period.to_ms + 90 * INT64_C(86400000);
    s->source.header.generated_ms = end - 1;
    struct report *made_of = made(s, source_refusals);
    assert_int_equal(report_row_count(made_of), 3);
    report_free(made_of);
    s->source.header.generated_ms = end;
    made_of = made(s, source_refusals);
    assert_int_equal(report_row_count(made_of), 2);
    cell_is(made_of, 0, "attempts", "1");
    cell_is(made_of, 1, "attempts", "7");
    cell_is(made_of, 1, "listener", "0.0.0.0:3333");
    for (size_t i = 0; i < 2; i++) {
        cell_is(made_of, i, "login", NULL);
        cell_is(made_of, i, "network", NULL);
        cell_is(made_of, i, "rig_software", NULL);
        cell_is(made_of, i, "distinct_sources", NULL);
    }
    char *text = bytes_of(made_of);
    assert_null(strstr(text, "192.0."));
    assert_null(strstr(text, "bulut"));
    free(text);
    report_free(made_of);
}

/* --- R8 -------------------------------------------------------------------------------- */

static void a_foreign_network_is_an_alert_of_its_miner(void **state)
{
    struct scene *s = *state;
    history_put(&s->h, ms("2026-10-02T08:00"), AUDIT_ACTIVATED,
                record_of(s, "bulut", RECORD_RL, "active"));
    write_two_networks(s);
    struct report *found = made(s, source_alerts);
    assert_int_equal(report_row_count(found), 2);
    assert_true(has_alert(found, "network_not_allowed", "bulut",
                          "7: 192.0.2.0/24, 192.0.7.0/24"));
    assert_true(has_alert(found, "network_not_allowed", "", "1"));
    report_free(found);
    s->source.header.generated_ms =
        s->source.header.period.to_ms + 90 * INT64_C(86400000);
    found = made(s, source_alerts);
    assert_int_equal(report_row_count(found), 1);
    cell_is(found, 0, "measure", "8");
    report_free(found);
}

static void a_list_of_networks_is_cut_and_says_so(void **state)
{
    struct scene *s = *state;
    history_put(&s->h, ms("2026-10-02T08:00"), AUDIT_ACTIVATED,
                record_of(s, "bulut", RECORD_RL, "active"));
    for (uint8_t i = 0; i < 60; i++) {
        struct denied_row r =
            history_denied(ms("2026-10-03T09:10"), "network", "bulut", i, 1, 1);
        history_deny(&s->h, 1, &r);
    }
    struct report *found = made(s, source_alerts);
    assert_int_equal(report_row_count(found), 1);
    assert_true(has_alert(found, "network_not_allowed", "bulut", "60: "));
    assert_true(has_alert(found, "network_not_allowed", "bulut", " more"));
    cell_is(found, 0, "threshold", "0");
    report_free(found);
}

/* Each fixture has one model. */
static void more_kinds_of_rigs_than_declared_are_an_alert(void **state)
{
    struct scene *s = *state;
    static const char *const kinds[] = {"bmminer", "cgminer", "vnish", "whatsminer"};
    history_put(&s->h, ms("2026-10-02T08:00"), AUDIT_ACTIVATED,
                record_of(s, "bulut", RECORD_RL, "active"));
    json_t *bare = record_of(s, "aral", RECORD_NL, "active");
    json_object_del(bare, "equipment");
    json_object_del(bare, "payout_addresses"); /* the other has the same */
    history_put(&s->h, ms("2026-10-02T08:00"), AUDIT_ACTIVATED, bare);
    for (size_t i = 0; i < 3; i++)
        history_rig(&s->h, ms("2026-10-03T08:00"), "bulut", kinds[i]);
    for (size_t i = 0; i < 4; i++)
        history_rig(&s->h, ms("2026-10-03T08:00"), "aral", kinds[i]);
    history_rig(&s->h, ms("2026-10-05T08:00"), "bulut", kinds[0]);
    history_rig(&s->h, ms("2026-10-31T19:00"), "bulut", kinds[3]); /* November */
    struct report *found = made(s, source_alerts);
    assert_int_equal(report_row_count(found), 0);
    report_free(found);
    history_rig(&s->h, ms("2026-10-31T18:59"), "bulut", kinds[3]);
    found = made(s, source_alerts);
    assert_int_equal(report_row_count(found), 1);
    cell_is(found, 0, "rule", "rig_kinds");
    cell_is(found, 0, "miner_id", "bulut");
    cell_is(found, 0, "measure", "4: bmminer, cgminer, vnish, whatsminer");
    cell_is(found, 0, "threshold", "1 + 2");
    report_free(found);
}

/* A package that is made again counts what was written when it was made. */
static void what_was_journaled_later_counts_for_nothing(void **state)
{
    struct scene *s = *state;
    struct history h;
    int64_t at = ms("2026-10-03T09:00");
    struct denied_row r = history_denied(at, "network", "bulut", 2, 5, 3);
    history_deny(&s->h, 1, &r); /* written at its hour's begin */
    history_rig(&s->h, at, "bulut", "cgminer");
    history_sync(&s->h);
    struct history_ask ask = {.dir = s->bed->journal,
                              .from_ms = ms("2026-10-01"),
                              .until_ms = ms("2026-11-01"),
                              .written_before_ms = at};
    assert_int_equal(history_read(&h, s->why, &ask), KZ_OK);
    assert_int_equal(h.denials.count + json_object_size(h.rigs), 0);
    history_clear(&h);
    ask.written_before_ms = at + 1;
    assert_int_equal(history_read(&h, s->why, &ask), KZ_OK);
    assert_int_equal(h.denials.count, 1);
    assert_int_equal(json_object_size(h.rigs), 1);
    history_clear(&h);
}

/* --- keys of days --------------------------------------------------------------------- */

#define DAY_MS INT64_C(86400000)

static void key_path(char out[128], const struct scene *s, const char *name)
{
    snprintf(out, 128, "%s/" REFUSAL_KEYS_FOLDER "/%s", s->bed->dir, name);
}

/* Two days of one month, two refusals each. */
static void refuse_on_two_days(struct scene *s)
{
    for (int day = 3; day <= 4; day++) {
        int64_t at = ms("2026-10-01T09:10") + (day - 1) * DAY_MS;
        struct denied_row r =
            history_denied(at, "network", "bulut", (uint8_t)day, 2, 1);
        history_deny(&s->h, 1, &r);
        history_refuse(&s->h, at, "network", 2);
    }
}

static void of_a_day_whose_key_is_gone_there_are_counts_alone(void **state)
{
    struct scene *s = *state;
    char path[128];
    refuse_on_two_days(s);
    key_path(path, s, "2026-10-03");
    assert_int_equal(unlink(path), 0);
    struct report *r = made(s, source_refusals);
    assert_int_equal(report_row_count(r), 2);
    cell_is(r, 0, "hour", "2026-10-03T09:00:00.000Z");
    cell_is(r, 0, "attempts", "2");
    cell_is(r, 0, "listener", NULL);
    cell_is(r, 0, "login", NULL);
    cell_is(r, 0, "network", NULL);
    cell_is(r, 0, "rig_software", NULL);
    cell_is(r, 1, "attempts", "2");
    cell_is(r, 1, "login", "bulut");
    cell_is(r, 1, "network", "192.0.4.0/24");
    report_free(r);
}

/* A clock that ran ahead destroyed it, and the day went on. */
static void a_key_made_anew_opens_what_came_after_it(void **state)
{
    struct scene *s = *state;
    char path[128];
    int64_t at = ms("2026-10-03T11:10");
    refuse_on_two_days(s);
    key_path(path, s, "2026-10-03");
    assert_int_equal(unlink(path), 0);
    struct denied_row later = history_denied(at, "network", "bulut", 9, 1, 1);
    history_deny(&s->h, 1, &later);
    history_refuse(&s->h, at, "network", 1);
    struct report *r = made(s, source_refusals);
    assert_int_equal(report_row_count(r), 3);
    cell_is(r, 0, "network", NULL);
    cell_is(r, 1, "network", "192.0.9.0/24");
    cell_is(r, 2, "network", "192.0.4.0/24");
    report_free(r);
}

static void write_key_file(const struct scene *s, const char *name, const void *p,
                           size_t len)
{
    char path[128];
    key_path(path, s, name);
    int fd = open(path, O_WRONLY | O_TRUNC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, p, len), len);
    close(fd);
}

static void a_damaged_key_stops_reports_of_its_day_and_no_other(void **state)
{
    struct scene *s = *state;
    struct history h;
    static const uint8_t zeros[64], other[40] = {1};
    const struct {
        const void *p;
        size_t len;
        enum kz_err err;
    } rows[] = {
        {"", 0, KZ_RANGE},     {"short", 5, KZ_RANGE}, {other, 40, KZ_RANGE},
        {other, 39, KZ_RANGE}, {zeros, 40, KZ_OK}, /* destroyed, but for its name */
        {zeros, 64, KZ_RANGE},
    };
    refuse_on_two_days(s);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        write_key_file(s, "2026-10-03", rows[i].p, rows[i].len);
        about(s, "2026-10");
        enum kz_err err = read_history(s, &h);
        if (err != rows[i].err)
            fail_msg("row %zu: %d", i, (int)err);
        if (err == KZ_OK)
            history_clear(&h);
        else
            assert_non_null(strstr(s->why, REFUSAL_KEYS_FOLDER "/2026-10-03 is "));
        about(s, "2026-10-05"); /* begins on the 4th, in UTC */
        assert_int_equal(read_history(s, &h), KZ_OK);
        history_clear(&h);
    }
}

static void a_key_that_others_may_read_is_refused(void **state)
{
    struct scene *s = *state;
    struct history h;
    char path[128];
    refuse_on_two_days(s);
    key_path(path, s, "2026-10-04");
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(read_history(s, &h), KZ_RANGE);
    assert_non_null(strstr(s->why, "chmod 600"));
}

/* To the millisecond when a report of the longest asked period stops showing it. */
static void a_day_is_over_when_no_asked_report_shows_it(void **state)
{
    (void)state;
    const struct {
        enum profile_period r7, r8;
        enum period_kind longest;
        const char *day, *over; /* over: the date in Ashgabat that then begins */
    } rows[] = {
        {PROFILE_MONTH, PROFILE_MONTH, PERIOD_MONTH, "2026-10-01", "2027-01-30"},
        {PROFILE_MONTH, PROFILE_MONTH, PERIOD_MONTH, "2026-10-30", "2027-01-30"},
        /* 31 October in UTC ends in Ashgabat's November. */
        {PROFILE_MONTH, PROFILE_MONTH, PERIOD_MONTH, "2026-10-31", "2027-03-01"},
        {PROFILE_DAY, PROFILE_DAY, PERIOD_DAY, "2026-10-01", "2027-01-01"},
        {PROFILE_QUARTER, PROFILE_MONTH, PERIOD_QUARTER, "2026-10-01", "2027-04-01"},
        {PROFILE_MONTH, PROFILE_QUARTER, PERIOD_QUARTER, "2026-10-01", "2027-04-01"},
        {PROFILE_YEAR, PROFILE_MONTH, PERIOD_YEAR, "2026-02-01", "2027-04-01"},
        {PROFILE_ON_DEMAND, PROFILE_ON_DEMAND, PERIOD_MONTH, "2026-10-01",
         "2027-01-30"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct profile p = {.utc_offset_minutes = 300, .refusals_keep_days = 90};
        struct report_header h = {.generated_ms = 0};
        int64_t day = ms(rows[i].day) / DAY_MS;
        int64_t over = ms(rows[i].over) - 5 * 3600000;
        p.reports[PROFILE_R7_REFUSALS] = rows[i].r7;
        p.reports[PROFILE_R8_ALERTS] = rows[i].r8;
        assert_int_equal(
            period_of(&h.period, rows[i].longest, (day + 1) * DAY_MS - 1, 300), KZ_OK);
        for (int64_t now = over - DAY_MS; now <= over + DAY_MS; now += DAY_MS / 2 - 1) {
            h.generated_ms = now;
            if (denials_day_is_over(&p, day, now) != (now >= over) ||
                denials_are_aged(&h, 90) != (now >= over))
                fail_msg("row %zu, %lld ms from its end", i, (long long)(now - over));
        }
        if (denials_day_is_over(&p, day, over - 1) ||
            !denials_day_is_over(&p, day, over))
            fail_msg("row %zu", i);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_set_up, scene_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_refusal_has_all_that_its_row_says),
        TEST(the_newest_of_each_run_counts_and_runs_are_added_up),
        cmocka_unit_test(of_many_rows_that_are_written_often_each_is_right),
        TEST(what_no_row_tells_of_is_counted_all_the_same),
        TEST(details_are_kept_for_so_many_days_behind_the_period),
        TEST(a_foreign_network_is_an_alert_of_its_miner),
        TEST(a_list_of_networks_is_cut_and_says_so),
        TEST(more_kinds_of_rigs_than_declared_are_an_alert),
        TEST(what_was_journaled_later_counts_for_nothing),
        TEST(of_a_day_whose_key_is_gone_there_are_counts_alone),
        TEST(a_key_made_anew_opens_what_came_after_it),
        TEST(a_damaged_key_stops_reports_of_its_day_and_no_other),
        TEST(a_key_that_others_may_read_is_refused),
        cmocka_unit_test(a_day_is_over_when_no_asked_report_shows_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
