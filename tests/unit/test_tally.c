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
    assert_int_equal(e[0].by_verdict[SHARE_STALE], 2);
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

static uint64_t number(const char **p)
{
    char *end;
    uint64_t v = strtoull(*p, &end, 10); /* allowed: a test */
    *p = end;
    return v;
}

/* What a batch adds to `field` of `key`, summed over its operations: counters, or of
 * rows the part: 'w'ork, 'a'ccepted, 'r'efused. */
static uint64_t added_part(const struct batch *b, const char *key, const char *field,
                           char part)
{
    uint64_t sum = 0;
    for (size_t i = 2 * b->key_count - 1; i + 3 < b->text_count; i += 4) {
        const char *at = b->texts[i + 1], *value = b->texts[i + 3];
        size_t k = number(&at) - 1;
        assert_true(k > 0 && k < b->key_count);
        if (strcmp(b->texts[k], key) != 0 || strcmp(b->texts[i + 2], field) != 0)
            continue;
        uint64_t first = number(&value);
        assert_true(b->texts[i][0] == (part == 0 ? 'i' : 'p'));
        if (part == 0) {
            sum += first;
            continue;
        }
        uint64_t work = first | number(&value) << 32;
        uint64_t accepted = number(&value), refused = number(&value);
        sum += part == 'w' ? work : part == 'a' ? accepted : refused;
    }
    return sum;
}

static uint64_t added(const struct batch *b, const char *key, const char *field)
{
    return added_part(b, key, field, 0);
}

static const struct key_retention keep = {3, 32, 13, 30};

static struct batch *build(const struct tally *t, size_t from, size_t *used)
{
    size_t n, f, refusals;
    const struct tally_entry *e = tally_entries(t, &n);
    struct batch_source s = {
        .instance = "one", .keep = keep, .entries = e + from, .entry_count = n - from};
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
    assert_int_equal(added(b, "tally:{one}:m:bbb:2026112210", "0"), 8);
    assert_int_equal(added_part(b, "tally:{one}:h:aaa:20261122", "9", 'w'), 11);
    assert_int_equal(added_part(b, "tally:{one}:h:aaa:20261122", "9", 'a'), 2);
    assert_int_equal(added_part(b, "tally:{one}:d:bbb:202611", "22", 'w'), 8);
    assert_int_equal(added_part(b, "pool:{one}:d:202611", "22", 'w'), 19);
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
            snprintf(field, sizeof(field), "%u", hour);
            counted += added_part(b, "pool:{one}:h:20261122", field, 'w');
        }
        at += used;
        batch_free(b);
    }
    assert_int_equal(sum, want);
    assert_int_equal(counted, want);
    tally_free(t);
}

static void why_shares_were_refused_is_counted_a_miner_and_day(void **state)
{
    (void)state;
    struct tally *t = tally_new(100, 7);
    size_t used;
    for (int v = SHARE_MALFORMED; v < SHARE_VERDICTS; v++)
        for (int i = 0; i < v; i++) {
            struct share_record r = share("aaa", i % 2 ? "x" : "y", T0 + 61000 * i, 0);
            r.verdict = (enum share_verdict)v;
            assert_int_equal(tally_add(t, &r), KZ_OK);
        }
    add(t, "bbb", "rig", T0, 5);
    struct batch *b = build(t, 0, &used);
    for (int v = SHARE_MALFORMED; v < SHARE_VERDICTS; v++) {
        char field[KEY_REASON_SIZE];
        key_reason_field(field, share_verdict_name((enum share_verdict)v));
        assert_int_equal(added(b, "tally:{one}:h:aaa:20261122", field), v);
        assert_int_equal(added(b, "tally:{one}:h:bbb:20261122", field), 0);
    }
    /* Their sum is what was refused: no share is counted under two reasons or none. */
    assert_int_equal(added_part(b, "tally:{one}:d:aaa:202611", "22", 'r'),
                     SHARE_VERDICTS * (SHARE_VERDICTS - 1) / 2);
    batch_free(b);
    tally_free(t);
}

/* Other minutes, hours, days, miners; each way to be refused; all hours of refusals. */
static void a_tally_of_the_most_entries_is_one_batch_whatever_they_are(void **state)
{
    (void)state;
    struct tally *t = tally_new(BATCH_ENTRIES_MAX, 7);
    for (int i = 0; i < BATCH_ENTRIES_MAX; i++) {
        char name[16];
        snprintf(name, sizeof(name), "m%03d", i);
        for (int v = SHARE_ACCEPTED; v < SHARE_VERDICTS; v++) {
            struct share_record r = share(name, name, T0 + i * INT64_C(3000000000), 1);
            r.verdict = (enum share_verdict)v;
            if (tally_add(t, &r) != KZ_OK) /* too many refusals (reason, hour) */
                assert_true(i > TALLY_REFUSALS_MAX / SHARE_VERDICTS - 1);
        }
    }
    size_t n, f, used, refusals_used;
    struct batch_source s = {.instance = "one", .keep = keep};
    s.entries = tally_entries(t, &n);
    s.refusals = tally_refusals(t, &f);
    s.entry_count = n;
    s.refusal_count = f;
    assert_int_equal(f, TALLY_REFUSALS_MAX);
    struct tally_entry *all = malloc(n * sizeof(*all));
    assert_non_null(all);
    memcpy(all, s.entries, n * sizeof(*all));
    for (size_t i = 0; i < n; i++) {
        all[i].refused = SHARE_VERDICTS - 1;
        for (size_t v = SHARE_MALFORMED; v < SHARE_VERDICTS; v++)
            all[i].by_verdict[v] = 1;
    }
    s.entries = all;
    assert_int_equal(n, BATCH_ENTRIES_MAX);
    struct batch *b = batch_build(&s, &used, &refusals_used);
    assert_int_equal(used, BATCH_ENTRIES_MAX);
    assert_int_equal(refusals_used, TALLY_REFUSALS_MAX);
    assert_true(b->ops > BATCH_ENTRIES_MAX * 18 && b->ops <= BATCH_OPS_MAX);
    batch_free(b);
    free(all);
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
    assert_int_equal(key_tally_expires(&keep, KEY_MINUTES, s), s + 10 + 3 * 3600);
    assert_int_equal(key_tally_expires(&keep, KEY_HOURS, s), midnight + 33 * day);
    assert_true(key_tally_expires(&keep, KEY_DAYS, s) >= midnight + 9 * day + 395 * day);
    const struct key_retention other = {24, 90, 2, 7};
    assert_int_equal(key_tally_expires(&other, KEY_MINUTES, s), s + 10 + 24 * 3600);
    assert_int_equal(key_tally_expires(&other, KEY_HOURS, s), midnight + 91 * day);
    assert_int_equal(key_workers_expire(&other, s), s + 10 + 7 * day);
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

static void put(uint8_t *p, size_t len, uint64_t v)
{
    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

static void put_float(uint8_t *p, float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof(bits));
    put(p, 4, bits);
}

/* A record of `work` in the newest slots, written by hand as summary.h says. */
static void record(uint8_t out[SUMMARY_SIZE], uint64_t hi, uint64_t lo, int64_t minute,
                   float work)
{
    double best = 12.5;
    uint64_t bits;
    memset(out, 0, SUMMARY_SIZE);
    memcpy(&bits, &best, sizeof(bits));
    out[0] = 2;
    put(out + 1, 4, hi);
    put(out + 5, 5, lo);
    put(out + 10, 6, 5);
    put(out + 16, 6, 1);
    put(out + 22, 8, bits);
    put(out + 30, 6, (uint64_t)minute * 60000);
    put(out + 36, 4, (uint64_t)minute);
    put_float(out + 40, work);
    put_float(out + 80, 2 * work);
    put_float(out + 104, 4 * work);
}

static bool is_near(double a, double b)
{
    return a > b * 0.9999 && a < b * 1.0001;
}

static void a_record_is_read_and_two_instances_are_added(void **state)
{
    (void)state;
    uint8_t first[SUMMARY_SIZE], later[SUMMARY_SIZE];
    struct summary a, b;
    char work[SUMMARY_TEXT_SIZE];
    record(first, 2, 999999999999, 29922359, 600);
    record(later, 0, 1, 29922360, 30); /* 10:00, another 10 minutes */
    assert_int_equal(summary_read(&a, first, sizeof(first)), KZ_OK);
    assert_int_equal(summary_read(&b, later, sizeof(later)), KZ_OK);
    summary_format_work(work, &a);
    assert_string_equal(work, "2999999999999");
    assert_int_equal(a.accepted, 5);
    assert_int_equal(a.refused, 1);
    assert_true(is_near(a.best, 12.5));
    summary_add(&a, &b);
    summary_format_work(work, &a);
    assert_string_equal(work, "3000000000000");
    assert_int_equal(a.accepted, 10);
    assert_int_equal(a.minute, 29922360);
    assert_true(is_near(a.minutes[0], 30) && is_near(a.minutes[1], 600));
    assert_true(is_near(a.tens[0], 60) && is_near(a.tens[1], 1200));
    assert_true(is_near(a.fours[0], 4 * 630)); /* both since 08:00 */
    assert_int_equal(a.last_ms, INT64_C(29922360) * 60000);
}

static void hash_rates_cover_what_their_slots_cover(void **state)
{
    (void)state;
    uint8_t bytes[SUMMARY_SIZE];
    struct summary s;
    const int64_t now = INT64_C(29922360) * 60000 + 30000; /* 10:00:30 */
    record(bytes, 0, 1, 29922360, 30);
    put_float(bytes + 44, 600);  /* 09:59 */
    put_float(bytes + 84, 1200); /* 09:50 */
    put_float(bytes + 124, 900); /* 12:00 to 16:00 the day before */
    assert_int_equal(summary_read(&s, bytes, sizeof(bytes)), KZ_OK);
    assert_true(is_near(summary_rate(&s, SUMMARY_1M, 4, now), 630 * 4.0 / 90));
    assert_true(is_near(summary_rate(&s, SUMMARY_10M, 4, now), 630 * 4.0 / 570));
    assert_true(is_near(summary_rate(&s, SUMMARY_1H, 4, now), 1260 * 4.0 / 3030));
    /* 20 whole hours, and 08:00 to 10:00:30 */
    assert_true(is_near(summary_rate(&s, SUMMARY_24H, 4, now),
                        1020 * 4.0 / (20 * 3600 + 2 * 3600 + 30)));
    /* Two hours later nothing is left of an hour, and the oldest four hours are gone. */
    assert_true(summary_rate(&s, SUMMARY_1H, 4, now + 7200000) < 0.001);
    assert_true(is_near(summary_rate(&s, SUMMARY_24H, 4, now + 7200000),
                        120 * 4.0 / (20 * 3600 + 30)));
    assert_true(summary_rate(&s, SUMMARY_24H, 4, now + 2 * 86400000) < 0.001);
}

static void a_damaged_record_is_refused(void **state)
{
    (void)state;
    uint8_t good[SUMMARY_SIZE], bad[SUMMARY_SIZE + 1] = {0};
    struct summary s;
    record(good, 1, 2, 3, 4);
    assert_int_equal(summary_read(&s, good, sizeof(good)), KZ_OK);
    memcpy(bad, good, sizeof(good));
    assert_int_equal(summary_read(&s, bad, 0), KZ_PARSE);
    assert_int_equal(summary_read(&s, bad, sizeof(good) - 1), KZ_PARSE);
    assert_int_equal(summary_read(&s, bad, sizeof(bad)), KZ_PARSE);
    bad[0] = 1;
    assert_int_equal(summary_read(&s, bad, sizeof(good)), KZ_PARSE);
    bad[0] = 2;
    put(bad + 5, 5, SUMMARY_LO);
    assert_int_equal(summary_read(&s, bad, sizeof(good)), KZ_PARSE);
    put(bad + 5, 5, SUMMARY_LO - 1);
    assert_int_equal(summary_read(&s, bad, sizeof(good)), KZ_OK);
    const uint32_t floats[] = {0x7fc00000, 0x7f800000, 0xbf800000}; /* nan, inf, -1 */
    for (size_t i = 0; i < 3; i++) {
        put(bad + 124, 4, floats[i]);
        assert_int_equal(summary_read(&s, bad, sizeof(good)), KZ_PARSE);
    }
    put(bad + 124, 4, 0);
    put(bad + 22, 8, UINT64_C(0x7ff8000000000000));
    assert_int_equal(summary_read(&s, bad, sizeof(good)), KZ_PARSE);
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
        cmocka_unit_test(why_shares_were_refused_is_counted_a_miner_and_day),
        cmocka_unit_test(a_tally_of_the_most_entries_is_one_batch_whatever_they_are),
        cmocka_unit_test(a_batchs_work_stays_within_the_scripts_headroom),
        cmocka_unit_test(rows_expire_after_their_own_period_has_ended),
        cmocka_unit_test(the_cursor_tells_resume_from_gap_from_stranger),
        cmocka_unit_test(a_record_is_read_and_two_instances_are_added),
        cmocka_unit_test(hash_rates_cover_what_their_slots_cover),
        cmocka_unit_test(a_damaged_record_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
