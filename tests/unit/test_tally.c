/* Adding up in memory, cutting into batches, the cursor's judgement, records for
 * people. */
#include "share/batch.h"
#include "share/keys.h"
#include "share/summary.h"
#include "share/tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define T0 INT64_C(1795341590000) /* 2026-11-22T09:59:50Z */

static struct share_record share(const char *miner, const char *worker, int64_t time_ms,
                                 uint64_t work)
{
    struct share_record r = {
        .time_ms = time_ms, .work = work, .difficulty = (double)work};
    assert_int_equal(miner_id_parse(&r.miner, miner, strlen(miner)), KZ_OK);
    worker_name_set(&r.worker, worker, strlen(worker));
    return r;
}

static void add(struct tally *t, const char *miner, const char *worker, int64_t time_ms,
                uint64_t work)
{
    struct share_record r = share(miner, worker, time_ms, work);
    assert_int_equal(tally_add(t, &r), KZ_OK);
}

static void shares_of_one_worker_and_minute_are_one_entry(void **state)
{
    (void)state;
    struct tally *t = tally_new(100, 7);
    size_t n;
    add(t, "aaa", "rig", T0, 5);
    add(t, "aaa", "rig", T0 + 9000, 7);
    add(t, "aaa", "rig", T0 + 10000, 1); /* the next minute */
    add(t, "aaa", "Rig", T0, 2);
    const struct tally_entry *e = tally_entries(t, &n);
    assert_int_equal(n, 3);
    assert_int_equal(e[0].work, 12);
    assert_int_equal(e[0].accepted, 2);
    assert_int_equal(e[0].last_ms, T0 + 9000);
    assert_true(e[0].best > 6.9 && e[0].best < 7.1);
    assert_int_equal(e[1].minute, e[0].minute + 1);
    tally_free(t);
}

static void a_refused_share_counts_and_credits_nothing(void **state)
{
    (void)state;
    struct tally *t = tally_new(100, 7);
    size_t n;
    struct share_record r = share("aaa", "rig", T0, 5);
    r.verdict = SHARE_STALE;
    assert_int_equal(tally_add(t, &r), KZ_OK);
    assert_int_equal(tally_add(t, &r), KZ_OK);
    const struct tally_entry *e = tally_entries(t, &n);
    assert_int_equal(n, 1);
    assert_int_equal(e[0].work, 0);
    assert_int_equal(e[0].refused, 2);
    const struct tally_refusal *f = tally_refusals(t, &n);
    assert_int_equal(n, 1);
    assert_int_equal(f[0].count, 2);
    assert_string_equal(f[0].reason, "stale");
    tally_free(t);
}

static void a_full_tally_refuses_new_keys_and_still_adds_to_old_ones(void **state)
{
    (void)state;
    char worker[16];
    struct tally *t = tally_new(1000, 7);
    size_t n;
    for (int i = 0; i < 1000; i++) {
        snprintf(worker, sizeof(worker), "w%d", i);
        add(t, "aaa", worker, T0, 1);
    }
    struct share_record r = share("aaa", "one more", T0, 1);
    assert_int_equal(tally_add(t, &r), KZ_BUSY);
    add(t, "aaa", "w999", T0, 1);
    const struct tally_entry *e = tally_entries(t, &n);
    assert_int_equal(n, 1000);
    assert_int_equal(e[999].work, 2);
    tally_clear(t);
    assert_true(tally_is_empty(t));
    assert_int_equal(tally_add(t, &r), KZ_OK);
    tally_free(t);
}

static void an_entry_never_passes_the_scripts_digits(void **state)
{
    (void)state;
    struct tally *t = tally_new(10, 7);
    add(t, "aaa", "rig", T0, TALLY_WORK_MAX - 1);
    struct share_record r = share("aaa", "rig", T0, 2);
    assert_int_equal(tally_add(t, &r), KZ_BUSY);
    add(t, "aaa", "rig", T0, 1);
    tally_free(t);
}

/* --- batches ---------------------------------------------------------------------- */

/* The value that a batch adds to `field` of `key`, summed over its operations. */
static uint64_t added(const struct batch *b, const char *key, const char *field)
{
    uint64_t sum = 0;
    for (size_t i = 2 * b->key_count - 1; i + 3 < b->text_count; i += 4) {
        size_t k = strtoull(b->texts[i + 1], NULL, 10) - 1; /* allowed: a test */
        assert_true(k > 0 && k < b->key_count);
        if (b->texts[i][0] == 'i' && strcmp(b->texts[k], key) == 0 &&
            strcmp(b->texts[i + 2], field) == 0)
            sum += strtoull(b->texts[i + 3], NULL, 10); /* allowed: a test */
    }
    return sum;
}

static struct batch *build(const struct tally *t, size_t from, size_t *used)
{
    size_t n, f, refusals;
    const struct tally_entry *e = tally_entries(t, &n);
    struct batch_source s = {
        .instance = "one", .entries = e + from, .entry_count = n - from};
    s.refusals = tally_refusals(t, &f);
    s.refusal_count = from == 0 ? f : 0;
    return batch_build(&s, used, &refusals);
}

static void
a_batch_adds_each_entry_to_minute_hour_and_day_of_miner_and_pool(void **state)
{
    (void)state;
    struct tally *t = tally_new(100, 7);
    size_t used;
    add(t, "aaa", "rig-1", T0, 5);
    add(t, "aaa", "rig-2", T0, 6);
    add(t, "bbb", "rig-1", T0 + 10000, 8); /* 10:00:00 */
    struct batch *b = build(t, 0, &used);
    assert_int_equal(used, 3);
    assert_string_equal(b->texts[0], "applied:{one}:0");
    assert_int_equal(added(b, "tally:{one}:m:aaa:2026112209", "59"), 11);
    assert_int_equal(added(b, "tally:{one}:m:bbb:2026112210", "00"), 8);
    assert_int_equal(added(b, "tally:{one}:h:aaa:20261122", "09w"), 11);
    assert_int_equal(added(b, "tally:{one}:h:aaa:20261122", "09a"), 2);
    assert_int_equal(added(b, "tally:{one}:d:bbb:202611", "22w"), 8);
    assert_int_equal(added(b, "pool:{one}:d:202611", "22w"), 19);
    assert_int_equal(added(b, "pool:{one}:m:2026112209", "59"), 11);
    assert_int_equal(b->work, 19);
    assert_int_equal(b->shares, 3);
    batch_free(b);
    tally_free(t);
}

static void many_entries_are_cut_into_batches_that_sum_to_the_whole(void **state)
{
    (void)state;
    struct tally *t = tally_new(5000, 7);
    char miner[16], worker[16];
    size_t n, at = 0, used;
    uint64_t sum = 0, want = 0, counted = 0;
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(miner, sizeof(miner), "m%03u", i % 900);
        snprintf(worker, sizeof(worker), "w%u", i / 900);
        add(t, miner, worker, T0 + (i % 3) * 60000, i + 1);
        want += i + 1;
    }
    tally_entries(t, &n);
    while (at < n) {
        struct batch *b = build(t, at, &used);
        assert_true(used > 0 && b->ops <= BATCH_OPS_MAX);
        sum += b->work;
        for (unsigned hour = 9; hour <= 10; hour++) {
            char field[8];
            snprintf(field, sizeof(field), "%02uw", hour);
            counted += added(b, "pool:{one}:h:20261122", field);
        }
        at += used;
        batch_free(b);
    }
    assert_int_equal(sum, want);
    assert_int_equal(counted, want);
    tally_free(t);
}

static void a_batchs_work_stays_within_the_scripts_headroom(void **state)
{
    (void)state;
    struct tally *t = tally_new(10, 7);
    size_t used;
    add(t, "aaa", "rig-1", T0, TALLY_WORK_MAX);
    add(t, "aaa", "rig-2", T0, 1);
    struct batch *b = build(t, 0, &used);
    assert_int_equal(used, 1);
    batch_free(b);
    tally_free(t);
}

/* --- keys ------------------------------------------------------------------------- */

static void rows_expire_after_their_own_period_has_ended(void **state)
{
    (void)state;
    const int64_t s = T0 / 1000;
    const int64_t day = 86400, midnight = s / day * day;
    assert_int_equal(key_tally_expires(KEY_MINUTES, s), s + 10 + 3 * 3600);
    assert_int_equal(key_tally_expires(KEY_HOURS, s), midnight + 33 * day);
    assert_true(key_tally_expires(KEY_DAYS, s) >= midnight + 9 * day + 395 * day);
}

/* --- cursor ----------------------------------------------------------------------- */

#define ID "00112233445566778899aabbccddeeff"

static void the_cursor_tells_resume_from_gap_from_stranger(void **state)
{
    (void)state;
    const struct {
        const char *have;
        uint64_t first, last;
        enum cursor_case what;
        uint64_t seq;
    } cases[] = {
        {"", 0, 0, CURSOR_RESUME, 0}, /* all is new */
        {"", 0, 9, CURSOR_RESUME, 0}, /* Redis lost all, the journal nothing */
        {"", 4, 9, CURSOR_GAP, 0},
        {ID ":3", 0, 9, CURSOR_RESUME, 3},
        {ID ":3", 3, 9, CURSOR_RESUME, 3},
        {ID ":3", 4, 9, CURSOR_GAP, 3},
        {ID ":9", 0, 9, CURSOR_RESUME, 9},
        {ID ":10", 0, 9, CURSOR_AHEAD, 0},
        {"other:8", 0, 9, CURSOR_FOREIGN, 0},
        {ID ":x", 0, 9, CURSOR_FOREIGN, 0},
        {ID ":", 0, 9, CURSOR_FOREIGN, 0},
        {ID, 0, 9, CURSOR_FOREIGN, 0},
        {ID ":99999999999999999999999", 0, 9, CURSOR_FOREIGN, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct cursor_facts f = {
            .id = ID, .first = cases[i].first, .last = cases[i].last};
        struct cursor_answer a = cursor_judge(cases[i].have, &f);
        if (a.what != cases[i].what || a.seq != cases[i].seq)
            fail_msg("case %zu: %s", i, cursor_case_name(a.what));
    }
}

/* --- records ---------------------------------------------------------------------- */

static void a_record_is_read_and_two_instances_are_added(void **state)
{
    (void)state;
    static const char text[] = "1 2 999999999999 5 1 12.5 1795341590000 29922359 "
                               "600 0 0 0 0 0 0 0 0 60 2992235 1200 0 0 0 0 0";
    static const char later[] = "1 0 1 1 0 3 1795341600000 29922360 "
                                "30 0 0 0 0 0 0 0 0 0 2992236 30 0 0 0 0 0";
    struct summary a, b;
    char work[SUMMARY_TEXT_SIZE];
    assert_int_equal(summary_parse(&a, text, strlen(text)), KZ_OK);
    assert_int_equal(summary_parse(&b, later, strlen(later)), KZ_OK);
    summary_format_work(work, &a);
    assert_string_equal(work, "2999999999999");
    summary_add(&a, &b);
    summary_format_work(work, &a);
    assert_string_equal(work, "3000000000000");
    assert_int_equal(a.minute, 29922360);
    assert_true(a.minutes[0] > 29 && a.minutes[0] < 31);
    assert_true(a.minutes[1] > 599 && a.minutes[1] < 601);
    assert_true(a.tens[1] > 1199 && a.tens[1] < 1201);
    assert_int_equal(a.last_ms, 1795341600000);
    /* at 10:00:30: 630 units in this minute's 30 s and the last whole minute */
    double rate = summary_rate(&a, SUMMARY_1M, 4, INT64_C(29922360) * 60000 + 30000);
    assert_true(rate > 27.99 && rate < 28.01);
    /* an hour and more later nothing of it is left */
    assert_true(summary_rate(&a, SUMMARY_1H, 4, T0 + 7200000) < 0.001);
}

static void a_damaged_record_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "1",
        "2 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0",
        "1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0",
        "1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0",
        "1 -1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0",
        "1 nan 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0",
        "1 1e300 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0",
    };
    struct summary s;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(summary_parse(&s, bad[i], strlen(bad[i])), KZ_PARSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_of_one_worker_and_minute_are_one_entry),
        cmocka_unit_test(a_refused_share_counts_and_credits_nothing),
        cmocka_unit_test(a_full_tally_refuses_new_keys_and_still_adds_to_old_ones),
        cmocka_unit_test(an_entry_never_passes_the_scripts_digits),
        cmocka_unit_test(
            a_batch_adds_each_entry_to_minute_hour_and_day_of_miner_and_pool),
        cmocka_unit_test(many_entries_are_cut_into_batches_that_sum_to_the_whole),
        cmocka_unit_test(a_batchs_work_stays_within_the_scripts_headroom),
        cmocka_unit_test(rows_expire_after_their_own_period_has_ended),
        cmocka_unit_test(the_cursor_tells_resume_from_gap_from_stranger),
        cmocka_unit_test(a_record_is_read_and_two_instances_are_added),
        cmocka_unit_test(a_damaged_record_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
