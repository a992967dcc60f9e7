/* The store against a real redis-server: what fronts had accepted is in Redis once,
 * whatever died meanwhile. */
#include "share/batch.h"
#include "share/keys.h"
#include "share/scripts.h"
#include "tests/unit/redis_fixture.h"

#include <sys/prctl.h>

/* Sends `count` shares of two miners; what is not taken is not counted. */
static uint64_t load(struct fixture *f, unsigned count, uint64_t work)
{
    uint64_t sum = 0;
    char worker[16];
    for (unsigned i = 0; i < count; i++) {
        snprintf(worker, sizeof(worker), "rig-%u", i % 7);
        if (send_share(f, i % 3 == 0 ? "miner-a" : "miner-b", worker, work + i))
            sum += work + i;
    }
    return sum;
}

static void expect_rows(struct fixture *f, uint64_t sum)
{
    redisContext *c = redis_of(f);
    assert_non_null(c);
    assert_int_equal(sum_of_keys(c, "tally:{front-1}:m:*", 0), sum);
    assert_int_equal(sum_of_keys(c, "tally:{front-1}:h:*", 'w'), sum);
    assert_int_equal(sum_of_keys(c, "tally:{front-1}:d:*", 'w'), sum);
    assert_int_equal(sum_of_keys(c, "pool:{front-1}:m:*", 0), sum);
    assert_int_equal(sum_of_keys(c, "pool:{front-1}:h:*", 'w'), sum);
    assert_int_equal(sum_of_keys(c, "pool:{front-1}:d:*", 'w'), sum);
    redisFree(c);
}

static json_int_t refused_today(struct fixture *f, const char *miner,
                                const char *reason)
{
    struct reply r = {.err = KZ_OK};
    store_reasons(f->store, miner, on_reply, &r);
    wait_until(atomic_load(&r.done) > 0);
    json_int_t count = json_integer_value(json_object_get(r.value, reason));
    json_decref(r.value);
    return count;
}

static void shares_come_out_as_sums_by_miner_worker_and_time(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_start(&f);
    uint64_t sum = load(&f, 300, 1000);
    struct share_record refused = make_share("miner-a", "rig-0", 0);
    refused.verdict = SHARE_STALE;
    uint64_t seq;
    assert_int_equal(journal_writer_put(f.writer, &seq, &refused, NULL), KZ_OK);
    wait_until(pool_work(&f) == sum);
    wait_until(status_number(&f, "shares_applied") == 300);
    json_t *t = tally_of(&f);
    const json_t *miners = json_object_get(t, "miners");
    assert_int_equal(json_object_size(miners), 2);
    const json_t *a = json_object_get(miners, "miner-a");
    assert_int_equal(json_integer_value(json_object_get(a, "accepted")), 100);
    assert_true(json_number_value(json_object_get(a, "best_difficulty")) >= 1297.0 / 4);
    assert_true(
        json_number_value(json_object_get(json_object_get(a, "hashrate"), "1m")) > 0);
    assert_int_equal(work_in(a) + work_in(json_object_get(miners, "miner-b")), sum);
    json_decref(t);
    struct reply some = {.err = KZ_OK};
    store_tally_of(f.store, json_pack("[s, s]", "miner-x", "miner-b"), on_reply, &some);
    wait_until(atomic_load(&some.done) > 0);
    miners = json_object_get(some.value, "miners");
    assert_int_equal(json_object_size(miners), 1);
    assert_int_equal(work_in(json_object_get(some.value, "pool")), sum);
    assert_true(work_in(json_object_get(miners, "miner-b")) > 0);
    json_decref(some.value);
    struct reply r = {.err = KZ_OK};
    store_workers(f.store, "miner-b", on_reply, &r);
    wait_until(atomic_load(&r.done) > 0);
    assert_int_equal(json_array_size(r.value), 7);
    json_decref(r.value);
    wait_until(refused_today(&f, "miner-a", "stale") == 1);
    assert_int_equal(refused_today(&f, "miner-b", "stale"), 0);
    struct reply all = {.err = KZ_OK};
    store_workers(f.store, "", on_reply, &all);
    wait_until(atomic_load(&all.done) > 0);
    assert_int_equal(json_array_size(all.value), 14);
    json_decref(all.value);
    expect_rows(&f, sum);
    fixture_clear(&f);
}

static void refusals_are_counted_by_hour_and_reason(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_start(&f);
    int64_t now = clock_utc_ms();
    char key[KEY_SIZE];
    for (int i = 0; i < 5; i++)
        assert_int_equal(store_count_refusal(f.store, "unregistered", now), KZ_OK);
    assert_int_equal(store_count_refusal(f.store, "not_active", now), KZ_OK);
    wait_until(status_number(&f, "events_applied") > 0);
    redisContext *c = redis_of(&f);
    key_refused(key, "front-1", now / 1000);
    wait_until(sum_of_hash(c, key, 0) == 6);
    redisReply *r = redisCommand(c, "HGET %s unregistered", key);
    assert_string_equal(r->str, "5");
    freeReplyObject(r);
    r = redisCommand(c, "TTL %s", key);
    assert_true(r->integer > 89 * 86400);
    freeReplyObject(r);
    redisFree(c);
    fixture_clear(&f);
}

static void what_was_not_flushed_at_the_stop_is_in_redis_at_the_next_start(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    f.conf.flush_ms = 60000;
    fixture_start(&f);
    wait_until(status_is(&f, "state", "ready"));
    uint64_t sum = load(&f, 500, 7);
    fixture_stop(&f);
    fixture_start(&f);
    wait_until(pool_work(&f) == sum);
    f.conf.flush_ms = 50;
    fixture_clear(&f);
}

static void a_killed_redis_comes_back_and_no_sum_is_wrong(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_start(&f);
    uint64_t sum = 0;
    for (int round = 0; round < 5; round++) {
        wait_until(status_is(&f, "state", "ready"));
        for (int i = 0; i < 20; i++) {
            sum += load(&f, 50, 100);
            json_int_t batches = status_number(&f, "batches");
            if (i == 10 + round)
                assert_int_equal(kill((pid_t)status_number(&f, "pid"), SIGKILL), 0);
            else if (i < 10)
                wait_until(status_number(&f, "batches") > batches);
        }
    }
    wait_until(pool_work(&f) == sum);
    assert_int_equal(status_number(&f, "restarts"), 5);
    assert_true(status_is(&f, "alarm", ""));
    expect_rows(&f, sum);
    fixture_clear(&f);
}

static void a_frozen_redis_costs_nothing_when_it_thaws(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_start(&f);
    wait_until(status_is(&f, "state", "ready"));
    pid_t pid = (pid_t)status_number(&f, "pid");
    uint64_t sum = load(&f, 200, 5);
    wait_until(pool_work(&f) == sum);
    assert_int_equal(kill(pid, SIGSTOP), 0);
    for (int i = 0; i < 20; i++)
        sum += load(&f, 100, 5);
    /* Batches are under way on a connection that is given up after 5 s; on the next one
     * the cursor is read while those commands may still lie in the old socket. */
    wait_until(status_has(&f, "error", "does not answer"));
    sum += load(&f, 100, 5);
    assert_int_equal(kill(pid, SIGCONT), 0);
    wait_until(pool_work(&f) == sum);
    assert_int_equal(status_number(&f, "restarts"), 0);
    expect_rows(&f, sum);
    fixture_clear(&f);
}

static json_int_t journal_number(struct fixture *f, const char *key)
{
    json_t *s = store_journal_status(f->store);
    json_int_t v = json_integer_value(json_object_get(s, key));
    json_decref(s);
    return v;
}

/* --- a Redis that is not ours ----------------------------------------------------- */

static void start_external(struct fixture *f, const char *aof)
{
    char dir[100];
    snprintf(dir, sizeof(dir), "%s/external", f->dir);
    mkdir(dir, 0700);
    f->conf.redis_mode = CONF_REDIS_UNIX;
    snprintf(f->conf.redis_path, sizeof(f->conf.redis_path), "%s/external/r.sock",
             f->dir);
    f->server = fork();
    if (f->server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (freopen("/dev/null", "w", stdout) == NULL)
            _exit(127);
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", "r.sock",
               "--dir", dir, "--save", "", "--appendonly", aof, (char *)NULL);
        _exit(127);
    }
    redisContext *c = NULL;
    wait_until((c = redis_of(f)) != NULL);
    redisFree(c);
}

static void end_external(struct fixture *f, int signal_number)
{
    kill(f->server, signal_number);
    waitpid(f->server, NULL, 0);
    f->server = 0;
    unlink(f->conf.redis_path);
}

static void do_command(struct fixture *f, const char *format, const char *arg)
{
    redisContext *c = redis_of(f);
    assert_non_null(c);
    redisReply *r = redisCommand(c, format, arg);
    assert_non_null(r);
    if (r->type == REDIS_REPLY_ERROR)
        fail_msg("%s: %s", format, r->str);
    freeReplyObject(r);
    redisFree(c);
}

static void a_redis_that_lost_its_last_seconds_is_healed_from_the_journal(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    start_external(&f, "no");
    fixture_start(&f);
    uint64_t sum = load(&f, 100, 50);
    wait_until(pool_work(&f) == sum);
    do_command(&f, "SAVE", NULL);
    sum += load(&f, 100, 60);
    wait_until(pool_work(&f) == sum);
    end_external(&f, SIGKILL); /* what came after SAVE is lost */
    start_external(&f, "no");
    wait_until(pool_work(&f) == sum);
    assert_true(status_is(&f, "alarm", ""));
    expect_rows(&f, sum);
    fixture_clear(&f);
}

static void shares_of_a_killed_daemon_are_applied_by_the_next_one(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    start_external(&f, "no");
    fixture_start(&f);
    uint64_t sum = load(&f, 100, 50);
    wait_until(pool_work(&f) == sum);
    f.conf.flush_ms = 60000; /* nothing leaves any more but by the journal */
    fixture_stop(&f);
    fixture_start(&f);
    sum += load(&f, 100, 60);
    fixture_stop_within(&f, 0);
    f.conf.flush_ms = 50;
    fixture_start(&f);
    wait_until(pool_work(&f) == sum);
    assert_true(status_is(&f, "alarm", ""));
    expect_rows(&f, sum);
    fixture_clear(&f);
}

static void a_batch_that_was_applied_already_is_not_applied_again(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    start_external(&f, "no");
    fixture_start(&f);
    uint64_t sum = load(&f, 100, 50);
    wait_until(pool_work(&f) == sum);
    /* Connections die right when batches are under way: answers are lost, not batches.
     */
    for (int i = 0; i < 50; i++) {
        sum += load(&f, 40, 3);
        do_command(&f, "CLIENT KILL TYPE normal SKIPME yes", NULL);
    }
    wait_until(pool_work(&f) == sum);
    expect_rows(&f, sum);
    fixture_clear(&f);
}

static void scripts_that_redis_forgot_are_loaded_again(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    start_external(&f, "no");
    fixture_start(&f);
    uint64_t sum = load(&f, 10, 50);
    wait_until(pool_work(&f) == sum);
    do_command(&f, "SCRIPT FLUSH", NULL);
    sum += load(&f, 10, 50);
    wait_until(pool_work(&f) == sum);
    assert_true(status_is(&f, "alarm", ""));
    fixture_clear(&f);
}

static void an_emptied_redis_is_filled_again_from_the_journal(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    start_external(&f, "no");
    fixture_start(&f);
    uint64_t sum = load(&f, 100, 50);
    wait_until(pool_work(&f) == sum);
    fixture_stop(&f); /* also what earlier starts wrote */
    fixture_start(&f);
    sum += load(&f, 100, 50);
    wait_until(pool_work(&f) == sum);
    do_command(&f, "FLUSHALL", NULL);
    sum += load(&f, 100, 50);
    wait_until(pool_work(&f) == sum);
    assert_true(status_is(&f, "alarm", ""));
    expect_rows(&f, sum);
    fixture_clear(&f);
}

static void what_the_journal_keeps_no_more_is_named_when_redis_lost_it(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    f.conf.journal_keep_hours = 0;
    start_external(&f, "yes");
    fixture_start(&f);
    const struct slice_terms terms = {.regime = SLICE_SPLIT};
    store_set_slices(f.store, &terms, 512, 0); /* a border often */
    uint64_t sum = 0;
    for (int i = 0; i < 80; i++) { /* several segments */
        sum += load(&f, 100, 5);
        wait_until(pool_work(&f) == sum);
    }
    wait_until(journal_number(&f, "released") > 0);
    do_command(&f, "FLUSHALL", NULL);
    wait_until(
        status_has(&f, "alarm", "Redis lost data that the journal keeps no more"));
    uint64_t more = load(&f, 10, 50);
    wait_until(pool_work(&f) >= more && store_is_drained(f.store));
    assert_true(pool_work(&f) < sum + more);
    assert_true(status_is(&f, "state", "alarm"));
    fixture_clear(&f);
}

static void another_journal_never_writes_until_it_is_told_to(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    start_external(&f, "no");
    fixture_start(&f);
    uint64_t sum = load(&f, 100, 50);
    wait_until(pool_work(&f) == sum);
    struct fixture g = f;
    g.server = 0;
    snprintf(g.journal_dir, sizeof(g.journal_dir), "%s/other", f.dir);
    fixture_start(&g);
    load(&g, 100, 50);
    wait_until(status_is(&g, "state", "stopped"));
    assert_true(status_has(&g, "alarm", "another journal"));
    assert_int_equal(pool_work(&f), sum);
    /* The operator says that the first is gone; it was not, and is stopped in turn. */
    struct reply adopted = {.err = KZ_OK};
    store_adopt(g.store, on_reply, &adopted);
    wait_until(atomic_load(&adopted.done) > 0);
    assert_int_equal(adopted.err, KZ_OK);
    json_decref(adopted.value);
    wait_until(status_is(&g, "state", "ready"));
    sum += load(&g, 100, 50);
    wait_until(pool_work(&g) == sum);
    load(&f, 100, 50);
    wait_until(status_is(&f, "state", "stopped"));
    assert_int_equal(pool_work(&g), sum);
    fixture_stop(&g);
    fixture_stop_within(&f, 0);
    if (f.server > 0)
        end_external(&f, SIGKILL);
    nftw(f.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void a_journal_older_than_redis_stops_with_an_alarm(void **state)
{
    (void)state;
    struct fixture f;
    char cursor[CURSOR_SIZE];
    fixture_init(&f);
    start_external(&f, "no");
    fixture_start(&f);
    uint64_t sum = load(&f, 10, 50);
    wait_until(pool_work(&f) == sum);
    cursor_format(cursor, journal_id(f.journal), 1000000);
    fixture_stop(&f);
    do_command(&f, "SET applied:{front-1}:1 %s", cursor);
    fixture_start(&f);
    load(&f, 10, 50);
    wait_until(status_is(&f, "state", "stopped"));
    assert_true(status_has(&f, "alarm", "ahead of this journal"));
    assert_int_equal(pool_work(&f), sum);
    fixture_stop_within(&f, 0);
    end_external(&f, SIGKILL);
    nftw(f.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void a_transaction_cut_by_a_power_loss_is_not_counted_twice(void **state)
{
    (void)state;
    struct fixture f;
    char file[200];
    struct stat st;
    fixture_init(&f);
    start_external(&f, "yes");
    fixture_start(&f);
    wait_until(status_is(&f, "state", "ready"));
    uint64_t sum = load(&f, 1, 100);
    wait_until(pool_work(&f) == sum);
    wait_until(store_is_drained(f.store));
    /* Its own doing goes on only once the file is without the dangling MULTI. */
    end_external(&f, SIGKILL);
    redisContext *none = redis_of(&f);
    assert_null(none);
    for (int seq = 1; seq < 9; seq++) { /* the newest incremental file */
        char name[200];
        snprintf(name, sizeof(name),
                 "%s/external/appendonlydir/appendonly.aof.%d.incr.aof", f.dir, seq);
        if (stat(name, &st) == 0)
            memcpy(file, name, sizeof(file));
    }
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(truncate(file, st.st_size - 3), 0);
    start_external(&f, "yes");
    sum += load(&f, 1, 100);
    wait_until(pool_work(&f) == sum);
    end_external(&f, SIGKILL);
    start_external(&f, "yes");
    wait_until(pool_work(&f) == sum);
    wait_until(status_is(&f, "state", "ready"));
    expect_rows(&f, sum);
    fixture_clear(&f);
}

/* --- the script itself ------------------------------------------------------------ */

/* The first word of the script's answer. */
static void apply(char word[16], redisContext *c, const struct batch *b,
                  const char *expected, const char *cursor)
{
    size_t argc = 0;
    char count[24];
    const char **argv = mem_array(b->text_count + 5, sizeof(*argv));
    snprintf(count, sizeof(count), "%zu", b->key_count);
    argv[argc++] = "EVAL";
    argv[argc++] = SCRIPT_BATCH;
    argv[argc++] = count;
    for (size_t i = 0; i < b->key_count; i++)
        argv[argc++] = b->texts[i];
    argv[argc++] = expected;
    argv[argc++] = cursor;
    for (size_t i = b->key_count; i < b->text_count; i++)
        argv[argc++] = b->texts[i];
    redisReply *r = redisCommandArgv(c, (int)argc, argv, NULL);
    assert_non_null(r);
    snprintf(word, 16, "%.15s",
             r->type == REDIS_REPLY_ARRAY ? r->element[0]->str : r->str);
    freeReplyObject(r);
    mem_free(argv);
}

#define expect_word(c, b, expected, cursor, word)                                      \
    do {                                                                               \
        char word_[16];                                                                \
        apply(word_, c, b, expected, cursor);                                          \
        assert_string_equal(word_, word);                                              \
    } while (0)

static void
the_script_writes_all_of_a_batch_onto_its_predecessor_or_nothing(void **state)
{
    (void)state;
    struct fixture f;
    char key[KEY_SIZE], field[KEY_FIELD_SIZE];
    size_t entries, refusals;
    fixture_init(&f);
    start_external(&f, "no");
    redisContext *c = redis_of(&f);
    struct tally *t = tally_new(10, 1);
    struct share_record r = make_share("miner-a", "rig", 100);
    assert_int_equal(tally_add(t, &r), KZ_OK);
    struct batch_source from = {.instance = "front-1",
                                .keep = {3, 32, 13, 30}};
    from.entries = tally_entries(t, &from.entry_count);
    struct batch *b = batch_build(&from, &entries, &refusals);
    expect_word(c, b, "x:4", "x:5", "NO"); /* a gap */
    expect_word(c, b, "", "x:1", "OK");
    expect_word(c, b, "", "x:1", "NO"); /* a repeat */
    expect_word(c, b, "x:1", "x:2", "OK");
    assert_int_equal(sum_of_keys(c, "tally:{front-1}:m:*", 0), 200);
    /* What cannot be added to stops the batch before its first write. */
    key_tally(key, "front-1", KEY_MINUTES, NULL, r.time_ms / 1000);
    key_tally_field(field, KEY_MINUTES, r.time_ms / 1000);
    freeReplyObject(redisCommand(c, "HSET %s %s 8999999999999999999", key, field));
    expect_word(c, b, "x:2", "x:3", "BIG");
    freeReplyObject(redisCommand(c, "HSET %s %s many", key, field));
    expect_word(c, b, "x:2", "x:3", "BAD");
    freeReplyObject(redisCommand(c, "SET %s text", key));
    expect_word(c, b, "x:2", "x:3", "WRONGTYPE Opera");
    freeReplyObject(redisCommand(c, "DEL %s", key));
    freeReplyObject(redisCommand(c, "HSET miners:{front-1} miner-a damaged"));
    expect_word(c, b, "x:2", "x:3", "BAD");
    assert_int_equal(sum_of_keys(c, "tally:{front-1}:m:*", 0), 200);
    freeReplyObject(redisCommand(c, "DEL miners:{front-1}"));
    expect_word(c, b, "x:2", "x:3", "OK");
    assert_int_equal(sum_of_keys(c, "tally:{front-1}:m:*", 0), 300);
    batch_free(b);
    tally_free(t);
    redisFree(c);
    fixture_clear(&f);
}

static void a_total_beyond_what_a_double_holds_stays_exact(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_start(&f);
    /* Each far past 2^53; in all close to what a day's row may hold. */
    for (int i = 0; i < 20; i++)
        assert_true(send_share(&f, "miner-a", "rig", UINT64_C(400000000000000001)));
    wait_until(status_number(&f, "shares_applied") == 20);
    json_t *t = tally_of(&f);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(t, "pool"), "work")),
        "8000000000000000020");
    json_decref(t);
    fixture_clear(&f);
}

/* --- requests --------------------------------------------------------------------- */

static void requests_are_refused_at_once_while_redis_is_away(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    snprintf(f.conf.redis_server, sizeof(f.conf.redis_server), "no-such-program");
    fixture_start(&f);
    struct reply r = {.err = KZ_OK};
    store_tally(f.store, on_reply, &r);
    wait_until(atomic_load(&r.done) > 0);
    assert_int_equal(r.err, KZ_IO);
    wait_until(status_has(&f, "error", "no-such-program"));
    struct reply w = {.err = KZ_OK};
    store_registry_put(f.store, json_pack("{s:s}", "miner_id", "miner-a"), 0, NULL,
                       on_reply, &w);
    wait_until(atomic_load(&w.done) > 0);
    assert_int_equal(w.err, KZ_IO);
    fixture_clear(&f);
}

static void blocks_are_kept_and_listed_newest_first(void **state)
{
    (void)state;
    struct fixture f;
    char hash[65];
    fixture_init(&f);
    fixture_start(&f);
    wait_until(status_is(&f, "state", "ready"));
    for (int h = 1; h <= 3; h++) {
        struct reply r = {.err = KZ_OK};
        snprintf(hash, sizeof(hash), "%064d", h);
        store_ledger_put(f.store, EVENT_LEDGER,
                         json_pack("{s:{s:s, s:i, s:b, s:b, s:{s:s, s:i, s:s}}}",
                                   "block", "hash", hash, "height", h, "fresh", 1,
                                   "open", 1, "set", "hash", hash, "height", h,
                                   "state", "submitted"),
                         on_reply, &r);
        wait_until(atomic_load(&r.done) > 0);
        assert_int_equal(r.err, KZ_OK);
    }
    assert_int_equal(kill((pid_t)status_number(&f, "pid"), SIGKILL), 0);
    wait_until(status_number(&f, "restarts") == 1);
    wait_until(status_is(&f, "state", "ready"));
    struct reply r = {.err = KZ_OK};
    store_blocks(f.store, 2, on_reply, &r);
    wait_until(atomic_load(&r.done) > 0);
    assert_int_equal(r.err, KZ_OK);
    assert_int_equal(json_array_size(r.value), 2);
    assert_int_equal(
        json_integer_value(json_object_get(json_array_get(r.value, 0), "height")), 3);
    json_decref(r.value);
    fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_come_out_as_sums_by_miner_worker_and_time),
        cmocka_unit_test(refusals_are_counted_by_hour_and_reason),
        cmocka_unit_test(
            what_was_not_flushed_at_the_stop_is_in_redis_at_the_next_start),
        cmocka_unit_test(a_killed_redis_comes_back_and_no_sum_is_wrong),
        cmocka_unit_test(a_frozen_redis_costs_nothing_when_it_thaws),
        cmocka_unit_test(a_redis_that_lost_its_last_seconds_is_healed_from_the_journal),
        cmocka_unit_test(shares_of_a_killed_daemon_are_applied_by_the_next_one),
        cmocka_unit_test(a_batch_that_was_applied_already_is_not_applied_again),
        cmocka_unit_test(scripts_that_redis_forgot_are_loaded_again),
        cmocka_unit_test(an_emptied_redis_is_filled_again_from_the_journal),
        cmocka_unit_test(what_the_journal_keeps_no_more_is_named_when_redis_lost_it),
        cmocka_unit_test(another_journal_never_writes_until_it_is_told_to),
        cmocka_unit_test(a_journal_older_than_redis_stops_with_an_alarm),
        cmocka_unit_test(a_transaction_cut_by_a_power_loss_is_not_counted_twice),
        cmocka_unit_test(
            the_script_writes_all_of_a_batch_onto_its_predecessor_or_nothing),
        cmocka_unit_test(a_total_beyond_what_a_double_holds_stays_exact),
        cmocka_unit_test(requests_are_refused_at_once_while_redis_is_away),
        cmocka_unit_test(blocks_are_kept_and_listed_newest_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
