/* tests/bench/year.h - a year of a pool's life: its clock, its lot, its Redis and journal.
 *
 * The life is written in the shapes that karizd writes: records by the registry's own
 * functions, one change an act (year_records.h, year_registry.h); tallies by batch_build()
 * and the batch script (year_work.h); entries by payout/postings.h (year_ledger.h,
 * year_money.h). What fails ends the program.
 *
 * The year is 2039, so that nothing of it expires by Redis's clock: whenever a day is over,
 * what would have expired by then is deleted (year_expire()). So what was kept for hours or
 * days is gone when a report is made, as in life. The same seed gives the same year.
 *
 * Units   UTC milliseconds; days of the zone, from 0. */
#ifndef TESTS_BENCH_YEAR_H
#define TESTS_BENCH_YEAR_H

#include "conf/clock.h"
#include "payout/book.h"
#include "payout/pps.h"
#include "pool/audit/audit_event.h"
#include "pool/audit/chain.h"
#include "pool/pay/record.h"
#include "pool/registry/profile.h"
#include "pool/report/period.h"
#include "share/bytes.h"
#include "share/journal.h"
#include "share/store_read.h"
#include "tests/unit/private_redis.h"

#include <stdatomic.h>

#define FIRST_MONTH "2039-01"
#define RIGS        "rigs" /* the instance that took the shares */
#define BOOKS       "front-1"
#define OFFSET      300
#define DAY_MS      INT64_C(86400000)
#define HOUR_MS     INT64_C(3600000)
#define MINUTE_MS   INT64_C(60000)
#define IN_FLIGHT   8 /* batches without an answer */

struct miner {
    struct miner_id id;
    json_t *record; /* NULL: not registered yet */
    json_int_t revision;
    int comes_on; /* the day on which it applies; less than 0: before the year */
    int back_on;  /* the day on which a measure against it ends; 0: none is on */
    unsigned addresses, machines, sites, certificates, reviews; /* it ever had */
    uint64_t holds, releases;
    int64_t from_ms, to_ms; /* when it may mine on the day at hand */
    uint64_t hour_work;     /* of the slice at hand */
    struct pps_account pps; /* of the UTC day at hand */
};

struct year {
    struct private_redis redis;
    redisContext *batches; /* tallies' own connection, so that their answers may wait */
    size_t in_flight;
    struct conf conf;
    struct profile *profile;
    char dir[64], journal_dir[96];
    struct journal *journal;
    struct store *store;
    struct book *book;
    struct miner *miners;
    size_t count, rigs;
    uint64_t random;
    int64_t start_ms; /* midnight of the first day */
    int days;
    json_t *basis; /* of every act */
    json_t *stop_orders;
    size_t *at_work, at_work_count; /* numbers of the miners of the day at hand */
    struct tally_entry entries[BATCH_ENTRIES_MAX];
    size_t entry_count;
    uint64_t tallied;      /* entries */
    int minute_days;       /* of so many days one is tallied by the minute */
    atomic_size_t waiting; /* writes without an answer */
    char standing[2][HASH256_HEX_SIZE]; /* blocks to be settled; "": none */
    uint32_t pps_day;                   /* UTC day whose shares are paid for; 0: none */
    struct payout payout;
};

/* What fails here ends the program: there is no measurement without it. */
static inline void must(enum kz_err err, const char *what)
{
    if (err == KZ_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, kz_err_text(err));
    abort();
}

static inline uint64_t next_random(struct year *y)
{
    y->random ^= y->random << 13;
    y->random ^= y->random >> 7;
    y->random ^= y->random << 17;
    return y->random;
}

static inline int64_t ms_of(const struct year *y, int day)
{
    return y->start_ms + day * DAY_MS;
}

/* A moment of a day of the zone. */
static inline int64_t at_time(const struct year *y, int day, int hour, int minute)
{
    return ms_of(y, day) + hour * HOUR_MS + minute * MINUTE_MS;
}

static inline struct amount sat(int64_t n)
{
    struct amount a = amount_zero();
    must(amount_from_sat(&a, n) ? KZ_OK : KZ_RANGE, "an amount");
    return a;
}

/* --- writes ----------------------------------------------------------------------- */

static inline void wait_for_writes(struct year *y, size_t most)
{
    while (atomic_load(&y->waiting) > most)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL); /* allowed: a bench */
}

static inline void begin_write(struct year *y)
{
    wait_for_writes(y, 200);
    atomic_fetch_add(&y->waiting, 1);
}

static inline void on_written(void *ctx, enum kz_err err, json_t *value,
                              const char *text)
{
    struct year *y = ctx;
    if (err != KZ_OK)
        fprintf(stderr, "%s\n", text);
    must(err, "a write");
    json_decref(value);
    atomic_fetch_sub(&y->waiting, 1);
}

static inline json_t *link_event(const json_t *newest, const json_t *event, char *why)
{
    char text[AUDIT_WHY_SIZE];
    json_t *link = chain_link(newest, event, text);
    if (link == NULL)
        snprintf(why, STORE_WHY_SIZE, "%.200s", text);
    return link;
}

/* --- beginning and end ------------------------------------------------------------ */

/* What Redis would have let go of by then. */
static inline void year_expire(struct year *y, int64_t now_ms)
{
    static const char script[] =
        "local c = '0' repeat local r = redis.call('SCAN', c, 'COUNT', 1000) c = r[1] "
        "for _, k in ipairs(r[2]) do local t = redis.call('EXPIRETIME', k) "
        "if t > 0 and t <= tonumber(ARGV[1]) then redis.call('DEL', k) end end "
        "until c == '0'";
    redisReply *r =
        redisCommand(y->redis.c, "EVAL %s 0 %" PRId64, script, now_ms / 1000);
    assert(r != NULL && r->type != REDIS_REPLY_ERROR);
    freeReplyObject(r);
}

static inline void fill_conf(struct conf *c, const struct year *y)
{
    c->redis_mode = CONF_REDIS_UNIX;
    c->network = CONF_MAIN;
    snprintf(c->instance, sizeof(c->instance), BOOKS);
    snprintf(c->operator_name, sizeof(c->operator_name), "Käriz Howuz");
    snprintf(c->data_dir, sizeof(c->data_dir), "%s", y->dir);
    snprintf(c->redis_path, sizeof(c->redis_path), "%s/r.sock", y->redis.dir);
    c->flush_ms = 50;
    c->journal_sync_ms = 20;
    c->journal_keep_hours = 1;
    c->address_wait_hours = 24;
    c->tally = (struct conf_tally){3, 62, 13, 30}; /* as the settings have them */
}

static inline void open_all(struct year *y)
{
    const struct slice_terms terms = {.regime = SLICE_SPLIT};
    struct journal_damage damage;
    struct period p;
    const struct store_hooks hooks = {.link = link_event};
    char why[PROFILE_WHY_SIZE] = "";
    must(profile_load(&y->profile, why, "conf/jurisdictions/tm.json"), why);
    must(period_parse(&p, FIRST_MONTH, OFFSET), "the first month");
    y->start_ms = p.from_ms;
    private_redis_start(&y->redis, "no");
    snprintf(y->dir, sizeof(y->dir), "/tmp/kariz-year-XXXXXX");
    char *made = mkdtemp(y->dir);
    assert(made != NULL);
    snprintf(y->journal_dir, sizeof(y->journal_dir), "%s/journal", y->dir);
    fill_conf(&y->conf, y);
    y->batches = redisConnectUnix(y->conf.redis_path);
    assert(y->batches != NULL && y->batches->err == 0);
    const struct journal_options options = {.dir = y->journal_dir,
                                            .shares = 1,
                                            .segment_bytes = 4 << 20,
                                            .events_bytes = 16 << 20};
    must(journal_open(&y->journal, &damage, &options), "the journal");
    must(store_start(&y->store, &y->conf, y->journal, &terms, &hooks), "the store");
    freeReplyObject(redisCommand(y->redis.c, "SADD instances " RIGS));
    y->book = book_new();
    y->miners = mem_array(y->count, sizeof(*y->miners));
    y->at_work = mem_array(y->count, sizeof(*y->at_work));
    y->stop_orders = json_array();
    y->basis = json_pack("{s:s, s:s, s:s, s:s, s:s}", "code", "decision", "authority",
                         "Türkmenistanyň Merkezi banky", "document", "01-17/204",
                         "date", "2038-12-01", "note", "a year of synthetic life");
}

static inline void close_all(struct year *y)
{
    store_stop(y->store, 20000);
    journal_close(y->journal);
    book_free(y->book);
    for (size_t n = 0; n < y->count; n++)
        json_decref(y->miners[n].record);
    mem_free(y->miners);
    mem_free(y->at_work);
    json_decref(y->stop_orders);
    json_decref(y->basis);
    profile_free(y->profile);
    redisFree(y->batches);
    private_redis_stop(&y->redis);
    nftw(y->dir, private_redis_remove, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
