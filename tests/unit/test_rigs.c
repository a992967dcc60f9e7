/* Rig software of miners' logins: names without versions, once a day. */
#include "share/rigs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define DAY INT64_C(86400000)
#define T0  (INT64_C(20000) * DAY)

static void add(struct rigs *r, const char *miner, const char *agent, int64_t at)
{
    struct miner_id id;
    assert_int_equal(miner_id_parse(&id, miner, strlen(miner)), KZ_OK);
    rigs_add(r, &id, agent, at);
}

static void a_name_has_no_version(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"cgminer/4.11.1", "cgminer"},
        {"Antminer S19j Pro/110/2.0", "antminer s19j pro"},
        {"bmminer/2.0.0/Antminer S21", "bmminer"},
        {"braiins os 22.08.1", "braiins os"},
        {"bzminer v9.1", "bzminer"},
        {"xminer-1.2.7", "xminer"},
        {"whatsminer-btminer", "whatsminer-btminer"},
        {"S21 pro", "s21 pro"},
        {"  NiceHash/1.0.0", "nicehash"},
        {"4.11", "4.11"},
        {"/4.11", ""},
        {"", ""},
        {"   ", ""},
        {"a\x01\xff", "a??"},
        {"cgminer ", "cgminer"},
        {"0123456789012345678901234567890123456789",
         "01234567890123456789012345678901"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char name[RIGS_SOFTWARE_MAX + 1];
        rigs_software(name, cases[i][0]);
        assert_string_equal(name, cases[i][1]);
    }
}

static void each_kind_of_a_miner_is_given_out_once_a_day(void **state)
{
    (void)state;
    struct rigs *r = rigs_new(7);
    struct rigs_row rows[8];
    assert_int_equal(rigs_take(r, rows, 8, T0), 0);
    add(r, "bulut", "cgminer/4.11", T0 + 1);
    add(r, "bulut", "cgminer/4.12", T0 + 2);
    add(r, "bulut", "", T0 + 2);
    add(r, "bulut", "bmminer/2", T0 + 3);
    add(r, "aral", "bmminer/2", T0 + 4);
    assert_int_equal(rigs_take(r, rows, 8, T0 + 5), 3);
    assert_string_equal(rows[0].miner.text, "bulut");
    assert_string_equal(rows[0].software, "cgminer");
    assert_int_equal(rows[0].time_ms, T0 + 1);
    assert_string_equal(rows[2].miner.text, "aral");
    add(r, "aral", "BMMiner", T0 + 6);
    assert_int_equal(rigs_take(r, rows, 8, T0 + 7), 0);
    assert_int_equal(rigs_take(r, rows, 8, T0 + DAY), 0);
    add(r, "aral", "bmminer", T0 + DAY + 1);
    assert_int_equal(rigs_take(r, rows, 8, T0 + DAY + 2), 1);
    rigs_free(r);
}

/* Two fronts and the journal's writer do not see midnight at once. */
static void a_rig_that_stays_over_midnight_is_of_both_days(void **state)
{
    (void)state;
    const int64_t midnight = (T0 / DAY + 1) * DAY;
    struct rigs *r = rigs_new(7);
    struct rigs_row rows[8];
    add(r, "bulut", "cgminer", midnight - 9);
    assert_int_equal(rigs_take(r, rows, 8, midnight - 8), 1);
    add(r, "bulut", "bmminer", midnight - 2);
    add(r, "bulut", "cgminer", midnight + 1);
    add(r, "bulut", "bmminer", midnight - 1);
    add(r, "bulut", "bmminer", midnight + 2);
    assert_int_equal(rigs_take(r, rows, 1, midnight - 1), 1);
    assert_string_equal(rows[0].software, "bmminer");
    assert_int_equal(rows[0].time_ms, midnight - 2);
    assert_int_equal(rigs_take(r, rows, 8, midnight + 3), 2);
    assert_string_equal(rows[0].software, "cgminer");
    assert_int_equal(rows[0].time_ms, midnight + 1);
    assert_string_equal(rows[1].software, "bmminer");
    assert_int_equal(rows[1].time_ms, midnight);
    add(r, "bulut", "cgminer", midnight + 4);
    assert_int_equal(rigs_take(r, rows, 8, midnight + 5), 0);
    rigs_free(r);
}

static void a_miners_kinds_and_all_of_them_are_bounded(void **state)
{
    (void)state;
    struct rigs *r = rigs_new(7);
    struct rigs_row rows[RIGS_EVENT_ROWS];
    size_t count = 0, n;
    assert_int_equal(rigs_take(r, rows, 1, T0), 0);
    for (int i = 0; i < 1000; i++) {
        char agent[16];
        snprintf(agent, sizeof(agent), "miner%d", i);
        add(r, "bulut", agent, T0);
    }
    assert_int_equal(rigs_dropped(r), 1000 - RIGS_KINDS_MAX);
    for (int i = 0; i < RIGS_ROWS_MAX; i++) {
        char miner[16];
        snprintf(miner, sizeof(miner), "m-%d", i);
        add(r, miner, "cgminer", T0);
    }
    assert_int_equal(rigs_dropped(r), 1000);
    do {
        n = rigs_take(r, rows, RIGS_EVENT_ROWS, T0);
        count += n;
    } while (n == RIGS_EVENT_ROWS);
    assert_int_equal(count, RIGS_ROWS_MAX);
    rigs_free(r);
}

static void an_event_says_what_was_written(void **state)
{
    (void)state;
    struct rigs_row rows[RIGS_EVENT_ROWS], back[RIGS_EVENT_ROWS];
    uint8_t body[RIGS_EVENT_MAX + 1];
    size_t count;
    for (size_t i = 0; i < RIGS_EVENT_ROWS; i++) {
        rows[i] = (struct rigs_row){.time_ms = INT64_MAX};
        memset(rows[i].miner.text, 'm', MINER_ID_MAX);
        memset(rows[i].software, 's', RIGS_SOFTWARE_MAX);
    }
    size_t len = rigs_event_write(body, rows, RIGS_EVENT_ROWS);
    assert_true(len <= RIGS_EVENT_MAX);
    assert_int_equal(rigs_event_read(back, &count, (struct bytes){body, len}), KZ_OK);
    assert_int_equal(count, RIGS_EVENT_ROWS);
    assert_memory_equal(rows, back, sizeof(rows));
    len = rigs_event_write(body, rows, 1);
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(rigs_event_read(back, &count, (struct bytes){body, cut}),
                         KZ_PARSE);
    body[len] = 0;
    assert_int_equal(rigs_event_read(back, &count, (struct bytes){body, len + 1}),
                     KZ_PARSE);
    body[len - 1] = 10; /* a line feed in a name */
    assert_int_equal(rigs_event_read(back, &count, (struct bytes){body, len}),
                     KZ_PARSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_has_no_version),
        cmocka_unit_test(each_kind_of_a_miner_is_given_out_once_a_day),
        cmocka_unit_test(a_rig_that_stays_over_midnight_is_of_both_days),
        cmocka_unit_test(a_miners_kinds_and_all_of_them_are_bounded),
        cmocka_unit_test(an_event_says_what_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
