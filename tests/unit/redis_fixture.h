/* tests/unit/redis_fixture.h - a data directory, settings, a journal, a store, and
 * waiting for a condition with a deadline. For tests with a real redis-server. */
#ifndef TESTS_UNIT_REDIS_FIXTURE_H
#define TESTS_UNIT_REDIS_FIXTURE_H

#include "conf/clock.h"
#include "conf/log.h"
#include "conf/mem.h"
#include "pool/audit/chain.h"
#include "share/journal_writer.h"
#include "share/keys.h"
#include "share/store.h"

#include <ftw.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT_S 60

/* Waits until `condition` holds; fails after WAIT_S. Looks again every 5 ms. */
#define wait_until(condition)                                                          \
    do {                                                                               \
        struct monotime began_ = clock_now();                                          \
        while (!(condition)) {                                                         \
            if (monotime_ms_between(began_, clock_now()) > WAIT_S * 1000)              \
                fail_msg("not within %d s: %s", WAIT_S, #condition);                   \
            nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);                   \
        }                                                                              \
    } while (0)

struct fixture {
    char dir[64];
    struct conf conf;
    char journal_dir[96];
    struct journal *journal;
    struct journal_writer *writer;
    struct store *store;
    pid_t server; /* of our own, for external ones; 0: none */
};

static inline void fixture_init(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    snprintf(f->dir, sizeof(f->dir), "/tmp/kariz-store-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->conf.instance, sizeof(f->conf.instance), "front-1");
    snprintf(f->conf.data_dir, sizeof(f->conf.data_dir), "%s/data", f->dir);
    snprintf(f->conf.redis_server, sizeof(f->conf.redis_server), "redis-server");
    snprintf(f->conf.jurisdiction, sizeof(f->conf.jurisdiction), "tm");
    f->conf.network = CONF_REGTEST;
    f->conf.redis_mode = CONF_REDIS_EMBEDDED;
    f->conf.flush_ms = 50;
    f->conf.journal_sync_ms = 20;
    f->conf.journal_keep_hours = 168;
    f->conf.tally = (struct conf_tally){3, 32, 13, 30};
    snprintf(f->journal_dir, sizeof(f->journal_dir), "%s/journal", f->dir);
    log_setup(getenv("KARIZ_TEST_LOG") != NULL ? LOG_DEBUG : LOG_ERROR, false);
}

static inline json_t *fixture_link(const json_t *newest, const json_t *event, char *why)
{
    char text[AUDIT_WHY_SIZE];
    json_t *link = chain_link(newest, event, text);
    if (link == NULL)
        snprintf(why, STORE_WHY_SIZE, "%s", text);
    return link;
}

static inline void fixture_start(struct fixture *f)
{
    const struct slice_terms terms = {.regime = SLICE_SPLIT};
    struct journal_damage damage;
    const struct journal_options options = {
        .dir = f->journal_dir, .shares = 1, .segment_bytes = 1 << 18};
    assert_int_equal(journal_open(&f->journal, &damage, &options), KZ_OK);
    f->writer = journal_writer_new(journal_stream(f->journal, JOURNAL_SHARES));
    const struct store_hooks hooks = {.link = fixture_link};
    assert_int_equal(store_start(&f->store, &f->conf, f->journal, &terms, &hooks),
                     KZ_OK);
}

/* Waits at most `ms` for Redis to have everything. */
static inline void fixture_stop_within(struct fixture *f, uint32_t ms)
{
    store_stop(f->store, ms);
    f->store = NULL;
    journal_writer_free(f->writer);
    f->writer = NULL;
    journal_close(f->journal);
    f->journal = NULL;
}

static inline void fixture_stop(struct fixture *f)
{
    fixture_stop_within(f, 20000);
}

static inline int remove_one(const char *path, const struct stat *st, int kind,
                             struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    remove(path);
    return 0;
}

static inline void fixture_clear(struct fixture *f)
{
    fixture_stop(f);
    if (f->server > 0) {
        kill(f->server, SIGKILL);
        waitpid(f->server, NULL, 0);
    }
    nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* --- shares ----------------------------------------------------------------------- */

static inline struct share_record make_share(const char *miner, const char *worker,
                                             uint64_t work)
{
    struct share_record r = {.time_ms = clock_utc_ms(),
                             .verdict = SHARE_ACCEPTED,
                             .work = work,
                             .difficulty = (double)work / 4};
    assert_int_equal(miner_id_parse(&r.miner, miner, strlen(miner)), KZ_OK);
    worker_name_set(&r.worker, worker, strlen(worker));
    return r;
}

/* True when it was taken, as a front thread would answer "accepted". */
static inline bool send_share(struct fixture *f, const char *miner, const char *worker,
                              uint64_t work)
{
    struct share_record r = make_share(miner, worker, work);
    uint64_t seq;
    return journal_writer_put(f->writer, &seq, &r, NULL) == KZ_OK;
}

/* --- requests --------------------------------------------------------------------- */

struct reply {
    atomic_int done;
    enum kz_err err;
    json_t *value;
    char text[256];
};

static inline void on_reply(void *ctx, enum kz_err err, json_t *value, const char *text)
{
    struct reply *r = ctx;
    r->err = err;
    r->value = value;
    snprintf(r->text, sizeof(r->text), "%s", text != NULL ? text : "");
    atomic_fetch_add(&r->done, 1);
}

static inline json_t *tally_of(struct fixture *f)
{
    struct reply r = {.err = KZ_OK};
    store_tally(f->store, on_reply, &r);
    wait_until(atomic_load(&r.done) > 0);
    return r.value; /* NULL: Redis is away */
}

static inline uint64_t work_in(const json_t *figures)
{
    const char *text = json_string_value(json_object_get(figures, "work"));
    return text != NULL ? strtoull(text, NULL, 10) : 0; /* allowed: a test */
}

/* The pool's work as the store tells it; 0 while Redis is away. */
static inline uint64_t pool_work(struct fixture *f)
{
    json_t *t = tally_of(f);
    uint64_t work = work_in(json_object_get(t, "pool"));
    json_decref(t);
    return work;
}

static inline json_int_t status_number(struct fixture *f, const char *key)
{
    json_t *s = store_status(f->store);
    json_int_t v = json_integer_value(json_object_get(s, key));
    json_decref(s);
    return v;
}

static inline bool status_is(struct fixture *f, const char *key, const char *text)
{
    json_t *s = store_status(f->store);
    const char *have = json_string_value(json_object_get(s, key));
    bool is = have != NULL && strcmp(have, text) == 0;
    json_decref(s);
    return is;
}

static inline bool status_has(struct fixture *f, const char *key, const char *part)
{
    json_t *s = store_status(f->store);
    const char *have = json_string_value(json_object_get(s, key));
    bool has = have != NULL && strstr(have, part) != NULL;
    json_decref(s);
    return has;
}

/* --- Redis seen from outside ------------------------------------------------------ */

static inline redisContext *redis_at(const char *path)
{
    struct timeval most = {.tv_sec = WAIT_S};
    redisContext *c = redisConnectUnix(path);
    assert_non_null(c);
    if (c->err != 0) {
        redisFree(c);
        return NULL;
    }
    redisSetTimeout(c, most);
    return c;
}

static inline redisContext *redis_of(struct fixture *f)
{
    char path[400];
    if (f->conf.redis_mode == CONF_REDIS_UNIX)
        snprintf(path, sizeof(path), "%s", f->conf.redis_path);
    else
        snprintf(path, sizeof(path), "%s/redis/redis.sock", f->conf.data_dir);
    return redis_at(path);
}

/* The sum of a hash's values: 'w' the work of its rows (share/keys.h), 0 all numbers. */
static inline uint64_t sum_of_hash(redisContext *c, const char *key, char kind)
{
    redisReply *r = redisCommand(c, "HGETALL %s", key);
    uint64_t sum = 0;
    assert_non_null(r);
    for (size_t i = 1; i < r->elements; i += 2) {
        const redisReply *value = r->element[i];
        if (kind == 0)
            sum += strtoull(value->str, NULL, 10); /* allowed: a test */
        else if (value->len == KEY_ROW_SIZE)
            sum += read_le64((const uint8_t *)value->str);
    }
    freeReplyObject(r);
    return sum;
}

/* All keys of a pattern: a test may scan. */
static inline uint64_t sum_of_keys(redisContext *c, const char *pattern, char kind)
{
    redisReply *r = redisCommand(c, "KEYS %s", pattern);
    uint64_t sum = 0;
    assert_non_null(r);
    for (size_t i = 0; i < r->elements; i++)
        sum += sum_of_hash(c, r->element[i]->str, kind);
    freeReplyObject(r);
    return sum;
}

#endif
