/* One million workers' tallies in a private redis-server with the embedded one's
 * settings, through batch_build() and SCRIPT_BATCH: memory by kind against the plan of
 * the accounting spec (section 13), and how long the figures of `karizctl status` and
 * `karizctl workers MINER` take then, through the store.
 *
 *     build/release/bench/bench_tally [miners [workers a miner]]     10000 100
 *
 * Takes 45 seconds and 0.3 GB. Nothing here passes or fails. */
#include "conf/clock.h"
#include "conf/log.h"
#include "share/keys.h"
#include "share/store.h"
#include "share/summary.h"
#include "tests/unit/private_redis.h"

#include <stdatomic.h>

#define INSTANCE "one"
#define HISTORY  100 /* miners with all of the rows that are kept; the rest is scaled */
#define LARGE    20000
#define SHOWN    1000 /* by karizctl status */

/* 10 PH/s in 100 rigs: what a minute of a miner comes to. */
#define MINUTE_WORK   UINT64_C(143051147461)
#define MINUTE_SHARES 1000

struct bench {
    struct private_redis redis;
    size_t miners, workers;
    int64_t now; /* Unix minutes, a whole hour */
    struct tally_entry entries[BATCH_ENTRIES_MAX];
    size_t count;
    uint64_t batches, ops;
    int64_t slowest_us;
};

static int64_t us_since(struct monotime t)
{
    return (clock_now().ns - t.ns) / 1000;
}

static struct miner_id miner_n(size_t n)
{
    char text[24];
    struct miner_id id;
    snprintf(text, sizeof(text), "m%06zu", n % 1000000);
    enum kz_err err = miner_id_parse(&id, text, strlen(text));
    assert(err == KZ_OK);
    return id;
}

/* --- filling ---------------------------------------------------------------------- */

static void flush(struct bench *b)
{
    size_t used, refusals;
    char word[16];
    struct batch_source from = {.instance = INSTANCE,
                                .keep = {3, 32, 13, 30},
                                .entries = b->entries,
                                .entry_count = b->count};
    if (b->count == 0)
        return;
    struct batch *batch = batch_build(&from, &used, &refusals);
    assert(used == b->count);
    struct monotime began = clock_now();
    private_redis_apply(&b->redis, word, batch);
    assert(strcmp(word, "OK") == 0);
    if (us_since(began) > b->slowest_us)
        b->slowest_us = us_since(began);
    b->batches++;
    b->ops += batch->ops;
    b->count = 0;
    batch_free(batch);
}

static void push(struct bench *b, struct miner_id miner, const char *worker,
                 int64_t minute, uint64_t minutes)
{
    struct tally_entry e = {.miner = miner,
                            .minute = minute,
                            .work = MINUTE_WORK * minutes,
                            .accepted = MINUTE_SHARES * minutes,
                            .refused = 5,
                            .best = 123456789.0,
                            .last_ms = minute * 60000 + 777};
    e.by_verdict[SHARE_STALE] = 3;
    e.by_verdict[SHARE_LOW_DIFFICULTY] = 2;
    worker_name_set(&e.worker, worker, strlen(worker));
    b->entries[b->count++] = e;
    if (b->count == BATCH_ENTRIES_MAX)
        flush(b);
}

static void worker_text(char out[24], size_t n)
{
    snprintf(out, 24, "rig-%04zu", n);
}

/* 13 months of days, 32 days of hours, 3 hours of minutes. */
static void fill_history(struct bench *b, struct miner_id miner)
{
    for (int64_t day = 395; day > 32; day--)
        push(b, miner, "rig-0000", b->now - day * 1440, 1440);
    for (int64_t hour = 32 * 24; hour > 3; hour--)
        push(b, miner, "rig-0000", b->now - hour * 60, 60);
    for (int64_t minute = 179; minute >= 0; minute--)
        push(b, miner, "rig-0000", b->now - minute, 1);
}

static void fill_workers(struct bench *b, struct miner_id miner, size_t workers)
{
    char worker[24];
    for (size_t w = 0; w < workers; w++) {
        worker_text(worker, w);
        push(b, miner, worker, b->now, 1);
    }
}

/* --- memory ----------------------------------------------------------------------- */

static int64_t info(struct bench *b, const char *name)
{
    redisReply *r = redisCommand(b->redis.c, "INFO memory");
    assert(r != NULL && r->type == REDIS_REPLY_STRING);
    const char *at = strstr(r->str, name);
    assert(at != NULL && at[strlen(name)] == ':');
    int64_t v = strtoll(at + strlen(name) + 1, NULL, 10);
    freeReplyObject(r);
    return v;
}

/* Deletes what a pattern finds; what used_memory fell by. */
static int64_t drop(struct bench *b, const char *pattern, size_t *keys)
{
    int64_t before = info(b, "used_memory");
    redisReply *r = redisCommand(b->redis.c, "KEYS %s", pattern);
    assert(r != NULL && r->type == REDIS_REPLY_ARRAY);
    *keys = r->elements;
    for (size_t i = 0; i < r->elements; i++)
        freeReplyObject(redisCommand(b->redis.c, "DEL %s", r->element[i]->str));
    freeReplyObject(r);
    return before - info(b, "used_memory");
}

static void row(const char *what, double value, const char *unit, const char *plan)
{
    printf("%-58s %10.1f %-6s plan %s\n", what, value, unit, plan);
    fflush(stdout);
}

static void history_memory(struct bench *b, const char *pattern, const char *what,
                           double per, const char *plan)
{
    size_t keys;
    char text[80];
    double bytes = (double)drop(b, pattern, &keys);
    snprintf(text, sizeof(text), "%s: bytes a key (%zu keys)", what, keys);
    row(text, bytes / (double)keys, "B", per > 0 ? plan : "-");
    snprintf(text, sizeof(text), "%s: all, for %zu miners", what, b->miners);
    row(text, bytes / HISTORY * (double)b->miners / 1e6, "MB", plan);
}

static void measure_history(struct bench *b)
{
    for (size_t m = 0; m < HISTORY; m++)
        fill_history(b, miner_n(m));
    flush(b);
    history_memory(b, "tally:{" INSTANCE "}:m:*", "miner-hours, 3 h of minutes", 1,
                   "26 MB, 859 B a key");
    history_memory(b, "tally:{" INSTANCE "}:h:*", "miner-days, 32 days, with reasons",
                   1, "131 MB, 411 B a key");
    history_memory(b, "tally:{" INSTANCE "}:d:*", "miner-months, 13 months", 1,
                   "62 MB, 475 B a key");
    freeReplyObject(redisCommand(b->redis.c, "FLUSHALL"));
    b->redis.cursor[0] = '\0';
}

static void fill_all(struct bench *b)
{
    int64_t before = info(b, "used_memory");
    double workers = (double)(b->miners * b->workers);
    struct monotime began = clock_now();
    b->batches = b->ops = 0;
    b->slowest_us = 0;
    for (size_t m = 0; m < b->miners; m++)
        fill_workers(b, miner_n(m), b->workers);
    flush(b);
    double us = (double)us_since(began);
    printf("%zu miners x %zu workers: %" PRIu64 " batches, %" PRIu64
           " operations in %.1f s; slowest batch %.1f ms\n",
           b->miners, b->workers, b->batches, b->ops, us / 1e6,
           (double)b->slowest_us / 1e3);
    row("a worker's entry, built and applied", us / workers, "us", "-");
    row("used_memory, workers with a row of each span",
        (double)(info(b, "used_memory") - before) / 1e6, "MB", "-");
    freeReplyObject(redisCommand(b->redis.c, "SADD instances " INSTANCE));
}

static void measure_workers(struct bench *b)
{
    size_t keys;
    char text[80];
    double workers = (double)(b->miners * b->workers);
    double bytes = (double)drop(b, "tally:*", &keys);
    row("first row of a miner in each span", bytes / (double)keys, "B", "-");
    bytes = (double)drop(b, "miners:{" INSTANCE "}", &keys);
    row("miner record", bytes / (double)b->miners, "B", "-");
    bytes = (double)drop(b, "worker:*", &keys);
    row("worker record", bytes / workers, "B", "144 B");
    snprintf(text, sizeof(text), "worker records, all (%zu buckets)", keys);
    row(text, bytes / 1e6, "MB", "144 MB");
}

static void measure_large(struct bench *b)
{
    size_t keys;
    struct miner_id large = miner_n(b->miners);
    fill_workers(b, large, LARGE);
    flush(b);
    row("worker record of one miner with 20000",
        (double)drop(b, "worker:*", &keys) / LARGE, "B", "-");
}

/* --- queries ---------------------------------------------------------------------- */

struct answer {
    atomic_int done;
    json_t *value;
};

static void on_answer(void *ctx, enum kz_err err, json_t *value, const char *text)
{
    struct answer *a = ctx;
    if (err != KZ_OK)
        printf("no answer: %s\n", text != NULL ? text : "");
    a->value = value;
    atomic_store(&a->done, 1);
}

static json_t *wait_for(struct answer *a)
{
    while (!atomic_load(&a->done))
        nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
    return a->value;
}

static void query(struct bench *b, struct store *s, struct answer *a, const char *what)
{
    if (strcmp(what, "all") == 0) {
        store_tally(s, on_answer, a);
        return;
    }
    if (strcmp(what, "shown") != 0) {
        store_workers(s, what, on_answer, a);
        return;
    }
    json_t *ids = json_array();
    for (size_t m = 0; m < b->miners && m < SHOWN; m++)
        json_array_append_new(ids, json_string(miner_n(m).text));
    store_tally_of(s, ids, on_answer, a);
}

/* Microseconds of the median of 21; `what`: all, shown, or a miner whose workers. */
static double median_us(struct bench *b, struct store *s, const char *what,
                        size_t *rows)
{
    int64_t times[21];
    for (size_t i = 0; i < 21; i++) {
        struct answer a = {.value = NULL};
        struct monotime began = clock_now();
        query(b, s, &a, what);
        json_t *value = wait_for(&a);
        int64_t us = us_since(began);
        const json_t *miners = json_object_get(value, "miners");
        *rows =
            json_is_array(value) ? json_array_size(value) : json_object_size(miners);
        json_decref(value);
        size_t at = i;
        for (; at > 0 && times[at - 1] > us; at--)
            times[at] = times[at - 1];
        times[at] = us;
    }
    return (double)times[10];
}

static double command_us(struct bench *b, const char *command)
{
    int64_t least = INT64_MAX;
    for (int i = 0; i < 21; i++) {
        struct monotime began = clock_now();
        freeReplyObject(redisCommand(b->redis.c, command));
        if (us_since(began) < least)
            least = us_since(began);
    }
    return (double)least;
}

/* A store on another instance's name, with a journal of its own that stays empty. */
struct reader {
    struct journal *journal;
    struct store *store;
};

static bool is_ready(struct store *s)
{
    json_t *status = store_status(s);
    const char *state = json_string_value(json_object_get(status, "state"));
    bool ready = state != NULL && strcmp(state, "ready") == 0;
    json_decref(status);
    return ready;
}

static void reader_start(struct bench *b, struct reader *r)
{
    struct conf conf = {.network = CONF_REGTEST,
                        .redis_mode = CONF_REDIS_UNIX,
                        .flush_ms = 1000,
                        .journal_sync_ms = 1000,
                        .journal_keep_hours = 1};
    const struct slice_terms terms = {.regime = SLICE_SPLIT};
    struct journal_damage damage;
    char dir[100];
    struct journal_options options = {
        .dir = dir, .shares = 1, .segment_bytes = 1 << 18};
    snprintf(dir, sizeof(dir), "%s/journal", b->redis.dir);
    snprintf(conf.instance, sizeof(conf.instance), "reader");
    snprintf(conf.data_dir, sizeof(conf.data_dir), "%s/data", b->redis.dir);
    snprintf(conf.redis_path, sizeof(conf.redis_path), "%s/r.sock", b->redis.dir);
    snprintf(conf.jurisdiction, sizeof(conf.jurisdiction), "tm");
    enum kz_err err = journal_open(&r->journal, &damage, &options);
    assert(err == KZ_OK);
    err = store_start(&r->store, &conf, r->journal, &terms, NULL);
    assert(err == KZ_OK);
    for (int i = 0; i < 6000 && !is_ready(r->store); i++)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    assert(is_ready(r->store));
}

static void measure_queries(struct bench *b)
{
    struct reader r;
    size_t rows;
    char text[80];
    reader_start(b, &r);
    row("HGETALL of all miners, at best",
        command_us(b, "HGETALL miners:{" INSTANCE "}"), "us", "-");
    double us = median_us(b, r.store, "all", &rows);
    snprintf(text, sizeof(text), "figures of all miners (%zu), median", rows);
    row(text, us, "us", "-");
    us = median_us(b, r.store, "shown", &rows);
    snprintf(text, sizeof(text), "figures of status (%zu miners), median", rows);
    row(text, us, "us", "milliseconds");
    us = median_us(b, r.store, miner_n(b->miners / 2).text, &rows);
    snprintf(text, sizeof(text), "figures of a miner's workers (%zu), median", rows);
    row(text, us, "us", "milliseconds");
    store_stop(r.store, 1000);
    journal_close(r.journal);
}

int main(int argc, char **argv)
{
    struct bench *b = mem_new(sizeof(*b));
    b->miners = argc > 1 ? strtoul(argv[1], NULL, 10) : 10000;
    b->workers = argc > 2 ? strtoul(argv[2], NULL, 10) : 100;
    b->now = clock_utc_ms() / 3600000 * 60;
    log_setup(LOG_WARN, false);
    private_redis_start(&b->redis, "yes");
    measure_history(b);
    fill_all(b);
    measure_queries(b);
    measure_workers(b);
    measure_large(b);
    private_redis_stop(&b->redis);
    mem_free(b);
    return 0;
}
