/* SCRIPT_BATCH in a real Redis, by batches of batch_build(): what it keeps of workers,
 * miners and the pool, how exactly, and for how long. */
#include "share/keys.h"
#include "share/summary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "private_redis.h"

#include <cmocka.h>

#define HOUR INT64_C(60) /* in minutes */
#define DAY  (24 * HOUR)

/* A whole hour about now, so that nothing is written that Redis lets go at once. */
static int64_t this_hour(void)
{
    return (int64_t)time(NULL) / 3600 * HOUR;
}

static struct tally_entry entry(const char *miner, const char *worker, int64_t minute,
                                uint64_t work)
{
    struct tally_entry e = {.minute = minute,
                            .work = work,
                            .accepted = 1,
                            .best = (double)work,
                            .last_ms = minute * 60000 + 5};
    assert_int_equal(miner_id_parse(&e.miner, miner, strlen(miner)), KZ_OK);
    worker_name_set(&e.worker, worker, strlen(worker));
    return e;
}

static const struct key_retention keep = {3, 32, 13, 30};

/* All of them, in as many batches as it takes. */
static void apply_keeping(const struct key_retention *k, struct private_redis *r,
                          const struct tally_entry *e, size_t count)
{
    for (size_t at = 0, used, refusals; at < count; at += used) {
        struct batch_source from = {.instance = "one",
                                    .keep = *k,
                                    .entries = e + at,
                                    .entry_count = count - at};
        struct batch *b = batch_build(&from, &used, &refusals);
        char word[16];
        private_redis_apply(r, word, b);
        assert_string_equal(word, "OK");
        batch_free(b);
    }
}

static void apply(struct private_redis *r, const struct tally_entry *e, size_t count)
{
    apply_keeping(&keep, r, e, count);
}

static void apply_one(struct private_redis *r, struct tally_entry e)
{
    apply(r, &e, 1);
}

static bool find_record(struct private_redis *r, struct summary *s, const char *key,
                        const char *field)
{
    redisReply *reply = redisCommand(r->c, "HGET %s %s", key, field);
    assert_non_null(reply);
    bool found = reply->type == REDIS_REPLY_STRING;
    if (found)
        assert_int_equal(summary_read(s, reply->str, reply->len), KZ_OK);
    freeReplyObject(reply);
    return found;
}

static void workers_key(char key[KEY_SIZE], const char *miner, const char *worker)
{
    struct tally_entry e = entry(miner, worker, 0, 0);
    key_workers(key, "one", &e.miner, key_worker_bucket(&e.worker));
}

static bool find_worker(struct private_redis *r, struct summary *s, const char *miner,
                        const char *worker)
{
    char key[KEY_SIZE];
    workers_key(key, miner, worker);
    return find_record(r, s, key, worker);
}

static int64_t integer_of(struct private_redis *r, const char *command, const char *key)
{
    redisReply *reply = redisCommand(r->c, "%s %s", command, key);
    assert_non_null(reply);
    assert_int_equal(reply->type, REDIS_REPLY_INTEGER);
    int64_t v = reply->integer;
    freeReplyObject(reply);
    return v;
}

/* Of `key`: 'w'ork, 'a'ccepted, 'r'efused of its rows, or '#', what counts reasons. */
static uint64_t sum_of(struct private_redis *r, const char *key, char part)
{
    redisReply *reply = redisCommand(r->c, "HGETALL %s", key);
    uint64_t sum = 0;
    assert_non_null(reply);
    for (size_t i = 0; i + 1 < reply->elements; i += 2) {
        const redisReply *field = reply->element[i], *value = reply->element[i + 1];
        const uint8_t *p = (const uint8_t *)value->str;
        bool is_reason = field->str[field->len - 1] == '#';
        assert_int_equal(value->len == KEY_ROW_SIZE, !is_reason);
        if (part == '#' && is_reason)
            sum += strtoull(value->str, NULL, 10);
        else if (part == 'w' && !is_reason)
            sum += read_le64(p);
        else if (part != '#' && !is_reason)
            sum += part == 'a' ? read_le32(p + 8) + ((uint64_t)p[12] << 32)
                               : read_le32(p + 13) + ((uint64_t)p[17] << 32);
    }
    freeReplyObject(reply);
    return sum;
}

static uint64_t total(const struct summary *s)
{
    return s->work_hi * SUMMARY_LO + s->work_lo;
}

static bool is_near(double a, double b)
{
    return a >= b * 0.99999 && a <= b * 1.00001;
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* --- exactness -------------------------------------------------------------------- */

#define MINERS  3
#define WORKERS 5
#define SHARES  4000

/* Minutes go back and forth over 30 hours, as streams that are applied one behind the
 * other make them; work has up to 51 bits. */
static void random_shares(struct tally_entry *e, int64_t now)
{
    uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = 0; i < SHARES; i++) {
        char miner[8], worker[8];
        snprintf(miner, sizeof(miner), "m%03u",
                 (unsigned)(next_random(&seed) % MINERS));
        snprintf(worker, sizeof(worker), "w%u",
                 (unsigned)(next_random(&seed) % WORKERS));
        int64_t minute = now - (int64_t)(next_random(&seed) % (30 * 60));
        uint64_t work = next_random(&seed) >> (13 + next_random(&seed) % 45);
        e[i] = entry(miner, worker, minute, work);
        if (next_random(&seed) % 5 == 0) {
            e[i].work = e[i].accepted = 0;
            e[i].last_ms = 0;
            e[i].refused = e[i].by_verdict[SHARE_STALE] = 2;
        }
    }
}

/* What the shares of a miner (NULL: all) and worker (NULL: all) come to. */
static struct summary plain(const struct tally_entry *e, const char *miner,
                            const char *worker)
{
    struct summary s = {0};
    unsigned __int128 work = 0;
    for (size_t i = 0; i < SHARES; i++) {
        if ((miner != NULL && strcmp(e[i].miner.text, miner) != 0) ||
            (worker != NULL && strcmp(e[i].worker.text, worker) != 0))
            continue;
        work += e[i].work;
        s.accepted += e[i].accepted;
        s.refused += e[i].refused;
        s.minute = e[i].minute > s.minute ? e[i].minute : s.minute;
        s.last_ms = e[i].last_ms > s.last_ms ? e[i].last_ms : s.last_ms;
        s.best = e[i].best > s.best ? e[i].best : s.best;
    }
    s.work_hi = (uint64_t)(work / SUMMARY_LO);
    s.work_lo = (uint64_t)(work % SUMMARY_LO);
    return s;
}

static double plain_slot(const struct tally_entry *e, const char *miner,
                         const char *worker, int64_t slot, int64_t length)
{
    double work = 0;
    for (size_t i = 0; i < SHARES; i++)
        if ((miner == NULL || strcmp(e[i].miner.text, miner) == 0) &&
            (worker == NULL || strcmp(e[i].worker.text, worker) == 0) &&
            e[i].minute / length == slot)
            work += (double)e[i].work;
    return work;
}

static void assert_record(const struct summary *got, const struct tally_entry *e,
                          const char *miner, const char *worker)
{
    struct summary want = plain(e, miner, worker);
    assert_int_equal(got->work_hi, want.work_hi);
    assert_int_equal(got->work_lo, want.work_lo);
    assert_int_equal(got->accepted, want.accepted);
    assert_int_equal(got->refused, want.refused);
    assert_int_equal(got->last_ms, want.last_ms);
    assert_int_equal(got->minute, want.minute);
    assert_true(is_near(got->best, want.best));
    for (int i = 0; i < SUMMARY_MINUTES; i++)
        assert_true(
            is_near(got->minutes[i], plain_slot(e, miner, worker, want.minute - i, 1)));
    for (int i = 0; i < SUMMARY_TENS; i++)
        assert_true(is_near(got->tens[i],
                            plain_slot(e, miner, worker, want.minute / 10 - i, 10)));
    for (int i = 0; i < SUMMARY_FOURS; i++)
        assert_true(is_near(got->fours[i],
                            plain_slot(e, miner, worker, want.minute / 240 - i, 240)));
}

static void assert_rows(struct private_redis *r, const struct tally_entry *e,
                        const char *miner, int64_t now)
{
    struct summary want = plain(e, miner, NULL);
    uint64_t hours = 0, stale = 0, accepted = 0, refused = 0;
    struct miner_id id;
    char key[KEY_SIZE];
    assert_int_equal(miner_id_parse(&id, miner, strlen(miner)), KZ_OK);
    for (int64_t minute = now / DAY * DAY - 2 * DAY; minute <= now; minute += DAY) {
        key_tally(key, "one", KEY_HOURS, &id, minute * 60);
        hours += sum_of(r, key, 'w');
        accepted += sum_of(r, key, 'a');
        refused += sum_of(r, key, 'r');
        stale += sum_of(r, key, '#');
    }
    assert_true(hours == total(&want));
    assert_int_equal(accepted, want.accepted);
    assert_int_equal(refused, want.refused);
    assert_int_equal(stale, want.refused);
}

static void records_of_random_shares_are_plain_sums_in_any_order(void **state)
{
    (void)state;
    struct private_redis r;
    int64_t now = this_hour();
    struct tally_entry *e = mem_array(SHARES, sizeof(*e));
    struct summary s;
    private_redis_start(&r, "no");
    random_shares(e, now);
    apply(&r, e, SHARES);
    assert_true(find_record(&r, &s, "pool:{one}", KEY_POOL_FIELD));
    assert_true(total(&s) > UINT64_C(1) << 56); /* far beyond what a double holds */
    assert_record(&s, e, NULL, NULL);
    for (unsigned m = 0; m < MINERS; m++) {
        char miner[8], worker[8];
        snprintf(miner, sizeof(miner), "m%03u", m);
        assert_true(find_record(&r, &s, "miners:{one}", miner));
        assert_record(&s, e, miner, NULL);
        assert_rows(&r, e, miner, now);
        for (unsigned w = 0; w < WORKERS; w++) {
            snprintf(worker, sizeof(worker), "w%u", w);
            assert_true(find_worker(&r, &s, miner, worker));
            assert_record(&s, e, miner, worker);
        }
    }
    mem_free(e);
    private_redis_stop(&r);
}

static void expect_big(struct private_redis *r, struct tally_entry e)
{
    struct batch_source from = {
        .instance = "one", .keep = keep, .entries = &e, .entry_count = 1};
    size_t used, refusals;
    char word[16];
    struct batch *b = batch_build(&from, &used, &refusals);
    private_redis_apply(r, word, b);
    assert_string_equal(word, "BIG");
    batch_free(b);
}

/* A day's row has 40 bits of shares, a record 48: nothing is written beyond either. */
static void what_would_pass_its_field_stops_the_batch(void **state)
{
    (void)state;
    struct private_redis r;
    int64_t now = this_hour();
    const uint64_t most = (UINT64_C(1) << 40) - 1;
    struct tally_entry e = entry("aaa", "rig", now, 1);
    struct summary s;
    private_redis_start(&r, "no");
    e.accepted = most;
    apply_one(&r, e);
    e.accepted = 1;
    expect_big(&r, e);
    for (int day = 1; day < 256; day++) {
        e = entry("aaa", "rig", now - day * DAY, 1);
        e.accepted = most;
        apply_one(&r, e);
    }
    e = entry("aaa", "rig", now - 300 * DAY, 1);
    e.accepted = 255;
    apply_one(&r, e);
    e.accepted = 1;
    expect_big(&r, e);
    assert_true(find_worker(&r, &s, "aaa", "rig"));
    assert_true(s.accepted == (UINT64_C(1) << 48) - 1);
    assert_int_equal(total(&s), 257);
    /* Work of a minute: as decimal text, up to 8 * 10^18. */
    e = entry("bbb", "rig", now, TALLY_WORK_MAX);
    e.accepted = 0;
    for (int i = 0; i < 9; i++)
        apply_one(&r, e);
    expect_big(&r, e);
    private_redis_stop(&r);
}

/* --- how long --------------------------------------------------------------------- */

static void rows_go_when_the_specification_says(void **state)
{
    (void)state;
    struct private_redis r;
    int64_t now = this_hour(), s = now * 60;
    struct tally_entry e = entry("aaa", "rig", now, 7);
    char key[KEY_SIZE];
    private_redis_start(&r, "no");
    e.refused = e.by_verdict[SHARE_STALE] = 1;
    apply_one(&r, e);
    for (enum key_span span = KEY_MINUTES; span <= KEY_DAYS; span++)
        for (int k = 0; k < 2; k++) {
            key_tally(key, "one", span, k == 0 ? &e.miner : NULL, s);
            assert_int_equal(integer_of(&r, "EXPIRETIME", key),
                             key_tally_expires(&keep, span, s));
        }
    workers_key(key, "aaa", "rig");
    assert_int_equal(integer_of(&r, "EXPIRETIME", key), s + 3600 + 30 * 86400);
    assert_int_equal(integer_of(&r, "EXPIRETIME", "miners:{one}"), -1);
    assert_int_equal(integer_of(&r, "EXPIRETIME", "pool:{one}"), -1);
    /* What is older than all that is kept is not kept, and still counts in the sums. */
    struct summary m;
    apply_one(&r, entry("bbb", "rig", now - 500 * DAY, 7));
    assert_true(find_record(&r, &m, "miners:{one}", "bbb"));
    workers_key(key, "bbb", "rig");
    assert_int_equal(integer_of(&r, "EXISTS", key), 0);
    e = entry("bbb", "rig", 0, 0);
    key_tally(key, "one", KEY_DAYS, &e.miner, (now - 500 * DAY) * 60);
    assert_int_equal(integer_of(&r, "EXISTS", key), 0);
    private_redis_stop(&r);
}

/* A stream of a front thread that was away for long is applied behind newer ones. */
static void a_late_batch_lets_no_worker_go_earlier(void **state)
{
    (void)state;
    struct private_redis r;
    int64_t now = this_hour();
    char key[KEY_SIZE], other[KEY_SIZE], name[16];
    struct summary s;
    private_redis_start(&r, "no");
    apply_one(&r, entry("aaa", "rig", now, 7));
    workers_key(key, "aaa", "rig");
    int64_t goes = integer_of(&r, "EXPIRETIME", key);
    apply_one(&r, entry("aaa", "rig", now - 29 * DAY, 7)); /* the same, and another */
    for (int i = 0;; i++) {
        snprintf(name, sizeof(name), "w%d", i);
        workers_key(other, "aaa", name);
        if (strcmp(other, key) == 0)
            break;
    }
    apply_one(&r, entry("aaa", name, now - 45 * DAY, 7));
    assert_int_equal(integer_of(&r, "EXPIRETIME", key), goes);
    assert_true(find_worker(&r, &s, "aaa", "rig"));
    assert_int_equal(total(&s), 14);
    assert_int_equal(s.minute, now);
    apply_one(&r, entry("aaa", name, now + HOUR, 7));
    assert_int_equal(integer_of(&r, "EXPIRETIME", key), goes + 3600);
    private_redis_stop(&r);
}

/* Three names of one bucket. */
static void same_bucket(char names[3][16])
{
    char first[KEY_SIZE], key[KEY_SIZE];
    workers_key(first, "aaa", "w0");
    for (int i = 0, n = 0; n < 3; i++) {
        snprintf(names[n], 16, "w%d", i);
        workers_key(key, "aaa", names[n]);
        n += strcmp(first, key) == 0;
    }
}

static void silent_workers_are_dropped_from_a_bucket_that_others_keep(void **state)
{
    (void)state;
    struct private_redis r;
    int64_t now = this_hour();
    char names[3][16];
    struct summary s;
    private_redis_start(&r, "no");
    same_bucket(names);
    struct tally_entry busy = entry("aaa", names[0], now - 10 * DAY, 7);
    apply_one(&r, busy);
    apply_one(&r, entry("aaa", names[1], now - 30 * DAY - 1, 7));
    apply_one(&r, entry("aaa", names[2], now - 30 * DAY, 7));
    /* Shares up to the 1023rd look at nobody else; nor does one of another day. */
    busy.minute = now;
    busy.accepted = 1022;
    apply_one(&r, busy);
    assert_true(find_worker(&r, &s, "aaa", names[1]));
    busy.accepted = 1;
    apply_one(&r, busy);
    assert_false(find_worker(&r, &s, "aaa", names[1]));
    assert_true(find_worker(&r, &s, "aaa", names[2])); /* 30 days to the minute */
    assert_true(find_worker(&r, &s, "aaa", names[0]));
    assert_int_equal(s.accepted, 1024);
    /* The miner's sums keep what the worker did. */
    assert_true(find_record(&r, &s, "miners:{one}", "aaa"));
    assert_int_equal(total(&s), 35);
    private_redis_stop(&r);
}

static void another_retention_is_followed_by_rows_and_workers(void **state)
{
    (void)state;
    static const struct key_retention other = {1, 2, 1, 5};
    struct private_redis r;
    int64_t now = this_hour(), s = now * 60;
    char names[3][16], key[KEY_SIZE];
    struct summary m;
    private_redis_start(&r, "no");
    same_bucket(names);
    struct tally_entry busy = entry("aaa", names[0], now, 7);
    struct tally_entry gone = entry("aaa", names[1], now - 5 * DAY - 1, 7);
    struct tally_entry there = entry("aaa", names[2], now - 5 * DAY, 7);
    busy.accepted = 1024;
    apply_keeping(&keep, &r, &gone, 1);
    apply_keeping(&keep, &r, &there, 1);
    apply_keeping(&other, &r, &busy, 1);
    assert_false(find_worker(&r, &m, "aaa", names[1]));
    assert_true(find_worker(&r, &m, "aaa", names[2]));
    key_tally(key, "one", KEY_MINUTES, &busy.miner, s);
    assert_int_equal(integer_of(&r, "EXPIRETIME", key), s + 3600 + 3600);
    key_tally(key, "one", KEY_HOURS, &busy.miner, s);
    assert_int_equal(integer_of(&r, "EXPIRETIME", key),
                     (s / 86400 + 1) * 86400 + 2 * 86400);
    private_redis_stop(&r);
}

static void a_late_batch_drops_nobody_who_was_there_at_its_time(void **state)
{
    (void)state;
    struct private_redis r;
    int64_t now = this_hour();
    char names[3][16];
    struct summary s;
    private_redis_start(&r, "no");
    same_bucket(names);
    apply_one(&r, entry("aaa", names[0], now, 7));
    apply_one(&r, entry("aaa", names[1], now - 40 * DAY, 7));
    struct tally_entry late = entry("aaa", names[2], now - 20 * DAY, 7);
    late.accepted = 2000;
    apply_one(&r, late);
    assert_true(find_worker(&r, &s, "aaa", names[0]));
    assert_true(find_worker(&r, &s, "aaa", names[1])); /* silent for 20 days by then */
    private_redis_stop(&r);
}

/* --- memory ----------------------------------------------------------------------- */

static void buckets_and_days_stay_in_the_compact_form(void **state)
{
    (void)state;
    struct private_redis r;
    int64_t day = this_hour() / DAY * DAY;
    char key[KEY_SIZE];
    private_redis_start(&r, "no");
    for (int i = 0; i < 100 * KEY_WORKER_BUCKETS; i++) {
        char worker[24];
        snprintf(worker, sizeof(worker), "container-7.rig%04d", i);
        struct tally_entry e = entry("aaa", worker, day + i * 7 % DAY, 7);
        e.refused = SHARE_VERDICTS - 1;
        for (size_t v = SHARE_MALFORMED; v < SHARE_VERDICTS; v++)
            e.by_verdict[v] = 1;
        apply_one(&r, e);
    }
    struct tally_entry e = entry("aaa", "x", 0, 0);
    key_tally(key, "one", KEY_HOURS, &e.miner, day * 60);
    assert_int_equal(integer_of(&r, "HLEN", key), 24 + SHARE_VERDICTS - 1);
    redisReply *reply = redisCommand(r.c, "OBJECT ENCODING %s", key);
    assert_string_equal(reply->str, "listpack");
    freeReplyObject(reply);
    for (unsigned bucket = 0; bucket < KEY_WORKER_BUCKETS; bucket++) {
        key_workers(key, "one", &e.miner, bucket);
        reply = redisCommand(r.c, "OBJECT ENCODING %s", key);
        assert_string_equal(reply->str, "listpack");
        freeReplyObject(reply);
    }
    private_redis_stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_of_random_shares_are_plain_sums_in_any_order),
        cmocka_unit_test(what_would_pass_its_field_stops_the_batch),
        cmocka_unit_test(rows_go_when_the_specification_says),
        cmocka_unit_test(a_late_batch_lets_no_worker_go_earlier),
        cmocka_unit_test(silent_workers_are_dropped_from_a_bucket_that_others_keep),
        cmocka_unit_test(another_retention_is_followed_by_rows_and_workers),
        cmocka_unit_test(a_late_batch_drops_nobody_who_was_there_at_its_time),
        cmocka_unit_test(buckets_and_days_stay_in_the_compact_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
