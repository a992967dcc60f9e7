/* tests/bench/year_work.h - the work of a year: a tally a rig and minute, and refused logins.
 *
 * Each day so many rigs are at work, one a miner: five of six are always the same miners',
 * the others change daily. A rig's rate is near what is declared, one of twenty is far above
 * it. Batches have as many entries as the daemon's may have.
 *
 * Minutes are gone after hours, and no report reads them: so days may be tallied by the hour
 * instead, with the sums of the same minutes, and the reports are the same to the byte. */
#ifndef TESTS_BENCH_YEAR_WORK_H
#define TESTS_BENCH_YEAR_WORK_H

#include "share/network.h"
#include "year_registry.h"

#define SHARES_A_MINUTE 12

/* --- batches ---------------------------------------------------------------------- */

static inline void take_answer(struct year *y)
{
    void *answer = NULL;
    int got = redisGetReply(y->batches, &answer);
    redisReply *r = answer;
    assert(got == REDIS_OK && r->type == REDIS_REPLY_ARRAY);
    assert(strcmp(r->element[0]->str, "OK") == 0);
    freeReplyObject(r);
    y->in_flight--;
}

static inline void take_answers(struct year *y)
{
    while (y->in_flight > 0)
        take_answer(y);
}

/* Cursors follow each other, so that the next batch need not wait for the answer. */
static inline void send_batch(struct year *y, const struct batch *b)
{
    char next[CURSOR_SIZE];
    snprintf(next, sizeof(next), "test:%" PRIu64, ++y->redis.seq);
    if (y->in_flight == IN_FLIGHT)
        take_answer(y);
    private_redis_send(&y->redis, y->batches, b, next);
    memcpy(y->redis.cursor, next, sizeof(next));
    int is_sent = 0;
    while (is_sent == 0)
        if (redisBufferWrite(y->batches, &is_sent) != REDIS_OK)
            must(KZ_IO, "Redis");
    y->in_flight++;
}

static inline void flush(struct year *y)
{
    size_t used, refusals;
    const struct conf_tally *k = &y->conf.tally;
    struct batch_source from = {
        .instance = RIGS,
        .keep = {k->minutes_hours, k->hours_days, k->days_months, k->workers_days},
        .entries = y->entries,
        .entry_count = y->entry_count};
    if (y->entry_count == 0)
        return;
    struct batch *batch = batch_build(&from, &used, &refusals);
    assert(used == y->entry_count);
    send_batch(y, batch);
    batch_free(batch);
    y->tallied += y->entry_count;
    y->entry_count = 0;
}

/* --- shares ----------------------------------------------------------------------- */

/* In units of work. */
static inline uint64_t minute_work(struct year *y, size_t n)
{
    uint64_t ghs = (uint64_t)nominal_ths(n) * 1000;
    uint64_t parts = 970 + next_random(y) % 60; /* thousandths of what is declared */
    if (n % 20 == 11)
        parts += 250;
    return ghs * 1000000 * parts * 60 / network_of(CONF_MAIN)->work_unit;
}

/* Of a miner's refused shares, so many, all of one reason. */
static inline void refuse_shares(struct tally_entry *e, uint64_t random)
{
    static const enum share_verdict reasons[] = {SHARE_STALE, SHARE_DUPLICATE,
                                                 SHARE_LOW_DIFFICULTY};
    e->refused = random % 16 == 0;
    e->by_verdict[reasons[random / 16 % 3]] = (uint32_t)e->refused;
}

static inline struct tally_entry minute_of(struct year *y, size_t n, int64_t at_ms)
{
    struct tally_entry e = {.miner = y->miners[n].id,
                            .minute = at_ms / MINUTE_MS,
                            .work = minute_work(y, n),
                            .accepted = SHARES_A_MINUTE,
                            .best = 1e9,
                            .last_ms = at_ms + 59000};
    refuse_shares(&e, next_random(y));
    worker_name_set(&e.worker, "rig-1", 5);
    return e;
}

/* The hour keeps its first minute's name. */
static inline void add_minute(struct tally_entry *to, const struct tally_entry *e)
{
    if (to->accepted == 0) {
        *to = *e;
        return;
    }
    to->work += e->work;
    to->accepted += e->accepted;
    to->refused += e->refused;
    to->last_ms = e->last_ms;
    for (int v = 0; v < SHARE_VERDICTS; v++)
        to->by_verdict[v] += e->by_verdict[v];
}

static inline void tally(struct year *y, const struct tally_entry *e)
{
    y->entries[y->entry_count++] = *e;
    if (y->entry_count == BATCH_ENTRIES_MAX)
        flush(y);
}

static inline void send_to_work(struct year *y, size_t n)
{
    struct miner *m = &y->miners[n];
    if (y->at_work_count < y->rigs && m->to_ms > m->from_ms)
        y->at_work[y->at_work_count++] = n;
}

/* Those of every day, then the others, beginning elsewhere each day. */
static inline void choose_workers(struct year *y, int day)
{
    size_t steady = y->rigs * 5 / 6 < y->count ? y->rigs * 5 / 6 : y->count;
    size_t others = y->count - steady, step = y->rigs - steady;
    y->at_work_count = 0;
    for (size_t n = 0; n < steady; n++)
        send_to_work(y, n);
    for (size_t i = 0; i < others; i++)
        send_to_work(y, steady + ((size_t)day * step + i) % others);
}

static inline void work_minute(struct year *y, struct tally_entry *hour, int64_t at_ms,
                               bool is_by_minute)
{
    for (size_t i = 0; i < y->at_work_count; i++) {
        struct miner *m = &y->miners[y->at_work[i]];
        if (at_ms < m->from_ms || at_ms >= m->to_ms)
            continue;
        const struct tally_entry e = minute_of(y, y->at_work[i], at_ms);
        m->hour_work += e.work;
        if (is_by_minute)
            tally(y, &e);
        else
            add_minute(&hour[i], &e);
    }
}

static inline void work_hour(struct year *y, int day, int64_t hour_ms)
{
    bool is_by_minute = day % y->minute_days == 0;
    struct tally_entry *hour = mem_array(y->at_work_count + 1, sizeof(*hour));
    for (int64_t at_ms = hour_ms; at_ms < hour_ms + HOUR_MS; at_ms += MINUTE_MS)
        work_minute(y, hour, at_ms, is_by_minute);
    for (size_t i = 0; i < y->at_work_count; i++)
        if (hour[i].accepted > 0)
            tally(y, &hour[i]);
    mem_free(hour);
}

/* --- refused logins --------------------------------------------------------------- */

static inline void refuse_logins(struct year *y, int day)
{
    static const char *const reasons[] = {"unregistered", "not_active", "network",
                                          "malformed_login", "miner_limit"};
    for (int i = 0; i < 40; i++) {
        int64_t at_ms = ms_of(y, day) + (int64_t)(next_random(y) % (uint64_t)DAY_MS);
        const char *reason = reasons[next_random(y) % 5];
        while (store_count_refusal(y->store, reason, at_ms) == KZ_BUSY)
            nanosleep(&(struct timespec){.tv_nsec = 1000000},
                      NULL); /* allowed: a bench */
    }
}

#endif
