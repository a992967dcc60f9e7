/* Shipping: cursor and batches.
 *
 * Whatever goes wrong on a connection has one answer: give it up, connect again, read
 * the cursor, go on from there. The guard in the script makes that right in every case,
 * also when commands of the old connection are still executed after the new one read
 * the cursor: one of the two writers then finds another cursor than it expects, and
 * reads it again. */
#include "share/store_internal.h"

#include "conf/log.h"
#include "conf/mem.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void raise_alarm(struct store *s, const char *event, const char *text)
{
    if (strcmp(s->alarm, text) != 0)
        log_error(event, kv_str("alarm", text));
    store_set_text(s->alarm, text);
}

/* --- the cursor ------------------------------------------------------------------- */

/* Marks what Redis has and what it has not (any more). */
static void mark_from(struct store *s, uint64_t seq)
{
    uint64_t again = 0, shares = 0;
    struct monotime now = clock_now();
    for (struct batch *b = s->first; b != NULL; b = b->next) {
        b->is_sent = false;
        if (b->seq <= seq && !b->is_acked) {
            b->is_acked = true;
            b->acked_ns = now.ns;
            s->batches_applied++;
            s->shares_applied += b->shares;
        } else if (b->seq > seq && b->is_acked) {
            b->is_acked = false;
            s->batches_applied--;
            s->shares_applied -= b->shares;
            shares += b->shares;
            again++;
        }
    }
    if (seq > s->reached)
        s->reached = seq;
    s->healed_batches += again;
    if (again > 0)
        log_warn("redis_lost_its_tail", kv_u64("batches_applied_again", again),
                 kv_u64("shares", shares));
}

static void stop_writing(struct store *s, const char *have, const char *text)
{
    char alarm[STORE_TEXT];
    snprintf(alarm, sizeof(alarm), "%.140s (cursor \"%.70s\"): no share is stored",
             text, have);
    raise_alarm(s, "store_stopped", alarm);
    s->phase = SHIP_STOPPED; /* the cursor is read again now and then: see watch() */
}

/* The oldest batch that we keep, or the next one made, goes onto cursor `have`. */
static void go_on_from(struct store *s, const char *have)
{
    char *expected = s->first != NULL ? s->first->expected : s->tail;
    snprintf(expected, CURSOR_SIZE, "%s", have);
}

/* Batches between Redis' cursor and the oldest that we keep are gone for good. */
static void adopt_gap(struct store *s, const char *have, struct cursor_answer a)
{
    char alarm[STORE_TEXT];
    uint64_t lost_from = a.seq + 1, lost_to = s->first_kept - 1;
    if (lost_to >= lost_from)
        snprintf(alarm, sizeof(alarm),
                 "Redis lost data: batches %" PRIu64 " to %" PRIu64
                 " of this start%s are not in it and no longer in memory",
                 lost_from, lost_to,
                 a.what == CURSOR_LOST ? " and all of earlier starts" : "");
    else
        snprintf(alarm, sizeof(alarm),
                 "Redis lost the data of earlier starts; this start's is whole");
    raise_alarm(s, "redis_lost_data", alarm);
    mark_from(s, a.seq);
    go_on_from(s, have);
    if (a.what == CURSOR_LOST)
        snprintf(s->base_cursor, sizeof(s->base_cursor), "%s", have);
}

static void take_over(struct store *s, const char *have)
{
    if (strcmp(have, s->base_cursor) != 0 || !s->has_base)
        log_info("store_cursor_taken_over", kv_str("was", have), kv_str("id", s->id));
    snprintf(s->base_cursor, sizeof(s->base_cursor), "%s", have);
    s->has_base = true;
    go_on_from(s, have);
    mark_from(s, 0);
}

void ship_judge_cursor(struct store *s, const char *have)
{
    const struct cursor_facts facts = {.id = s->id,
                                       .base = s->has_base ? s->base_cursor : NULL,
                                       .reached = s->reached,
                                       .first_kept = s->first_kept,
                                       .last = s->last_seq};
    struct cursor_answer a = cursor_judge(have, &facts);
    bool was_stopped = s->phase == SHIP_STOPPED;
    if (strlen(have) >= CURSOR_SIZE) {
        stop_writing(s, have, "the cursor in Redis has no known form");
        return;
    }
    s->phase = SHIP_READY;
    switch (a.what) {
    case CURSOR_TAKE_OVER:
        take_over(s, have);
        break;
    case CURSOR_RESUME:
        mark_from(s, a.seq);
        break;
    case CURSOR_GAP:
    case CURSOR_LOST:
        adopt_gap(s, have, a);
        break;
    case CURSOR_FOREIGN:
        stop_writing(s, have, "another daemon writes under this instance's name");
        return;
    case CURSOR_AHEAD:
        stop_writing(s, have, "Redis is ahead of this daemon");
        return;
    }
    if (was_stopped) {
        s->alarm[0] = '\0';
        s->in_flight = 0;
    }
    s->retry_ms = STORE_RETRY_MIN_MS;
    s->error[0] = '\0';
    s->loading = false;
    log_info("redis_ready", kv_str("version", s->version),
             kv_str("cursor", cursor_case_name(a.what)));
}

/* --- batches ---------------------------------------------------------------------- */

/* The first word of a script's answer. */
static bool is_word(const redisReply *r, const char *word)
{
    return r->type == REDIS_REPLY_ARRAY && r->elements > 0 &&
           strcmp(reply_text(r->element[0]), word) == 0;
}

static void on_applied(void *ctx, const redisReply *r)
{
    /* A batch under way is never freed: only acknowledged ones are. */
    struct batch *b = ctx;
    struct store *s = b->store;
    if (b->seq > s->reached && (r == NULL || is_word(r, "OK")))
        s->reached = b->seq; /* without an answer: maybe */
    if (r == NULL)
        return;
    s->in_flight -= s->in_flight > 0;
    b->is_sent = false;
    if (s->phase == SHIP_STOPPED)
        return;
    if (is_word(r, "OK")) {
        b->is_acked = true;
        b->acked_ns = clock_now().ns;
        s->batches_applied++;
        s->shares_applied += b->shares;
        s->last_applied_ms = clock_utc_ms();
        return;
    }
    if (is_word(r, "BAD") || is_word(r, "BIG")) {
        char text[STORE_TEXT];
        snprintf(text, sizeof(text), "batch %" PRIu64 " was refused: %s %.80s %.64s",
                 b->seq, reply_text(r->element[0]),
                 r->elements > 1 ? reply_text(r->element[1]) : "",
                 r->elements > 2 ? reply_text(r->element[2]) : "");
        stop_writing(s, b->expected, text);
        return;
    }
    /* NO: the cursor is elsewhere. Errors: NOSCRIPT, OOM, READONLY, MISCONF, ... */
    char why[STORE_TEXT];
    snprintf(why, sizeof(why), "batch not applied: %.180s",
             r->type == REDIS_REPLY_ERROR ? r->str : "the cursor is another");
    if (r->type == REDIS_REPLY_ERROR && strncmp(r->str, "NOSCRIPT", 8) != 0)
        s->retry_ms = 1000;
    ship_retry(s, why);
}

static void send_batch(struct store *s, struct batch *b)
{
    char count[24];
    size_t argc = 0, total = b->text_count + 5;
    const char **argv = mem_array(total, sizeof(*argv));
    size_t *lens = mem_array(total, sizeof(*lens));
    snprintf(count, sizeof(count), "%zu", b->key_count);
    const char *const head[] = {"EVALSHA", s->sha, count};
    for (; argc < 3; argc++)
        argv[argc] = head[argc];
    for (size_t i = 0; i < b->key_count; i++)
        argv[argc++] = b->texts[i];
    argv[argc++] = b->expected;
    argv[argc++] = b->cursor;
    for (size_t i = b->key_count; i < b->text_count; i++)
        argv[argc++] = b->texts[i];
    assert(argc == total);
    for (size_t i = 0; i < argc; i++)
        lens[i] = strlen(argv[i]);
    b->store = s;
    b->is_sent = true;
    s->in_flight++;
    enum kz_err err = redis_link_send(s->link, on_applied, b, argc, argv, lens);
    mem_free(argv);
    mem_free(lens);
    if (err != KZ_OK)
        ship_retry(s, "a batch could not be sent");
}

static void append_batch(struct store *s, struct batch *b)
{
    b->seq = ++s->last_seq;
    cursor_format(b->cursor, s->id, b->seq);
    memcpy(b->expected, s->tail, sizeof(b->expected));
    memcpy(s->tail, b->cursor, sizeof(s->tail));
    if (s->last != NULL)
        s->last->next = b;
    else
        s->first = b;
    s->last = b;
}

static bool cut_batch(struct store *s)
{
    size_t entries, refusals, used, refusals_used;
    const struct tally_entry *e = tally_entries(s->closed, &entries);
    const struct tally_refusal *f = tally_refusals(s->closed, &refusals);
    if (s->closed_at == entries && s->closed_refusals_at == refusals)
        return false;
    const struct batch_source from = {
        .instance = s->conf.instance,
        .entries = e + s->closed_at,
        .entry_count = entries - s->closed_at,
        .refusals = f + s->closed_refusals_at,
        .refusal_count = refusals - s->closed_refusals_at,
    };
    append_batch(s, batch_build(&from, &used, &refusals_used));
    s->closed_at += used;
    s->closed_refusals_at += refusals_used;
    if (s->closed_at == entries && s->closed_refusals_at == refusals) {
        tally_clear(s->closed);
        s->closed_at = s->closed_refusals_at = 0;
    }
    return true;
}

/* What was gathered becomes batches, at least every flush_ms; never while some of the
 * last flush waits, so that a slow Redis gets fewer and fuller batches. */
static void flush(struct store *s)
{
    struct monotime now = clock_now();
    size_t entries, refusals;
    tally_entries(s->closed, &entries);
    tally_refusals(s->closed, &refusals);
    bool due = s->stopping ||
               monotime_ms_between(s->last_flush, now) >= (int64_t)s->conf.flush_ms;
    if (entries > 0 || refusals > 0 || !due || tally_is_empty(s->open))
        return;
    struct tally *t = s->closed;
    s->closed = s->open;
    s->open = t;
    s->last_flush = now;
}

static void send_waiting(struct store *s)
{
    struct batch *b = s->first;
    while (s->phase == SHIP_READY && s->in_flight < STORE_WINDOW) {
        while (b != NULL && (b->is_acked || b->is_sent))
            b = b->next;
        if (b == NULL && !cut_batch(s))
            return;
        if (b == NULL)
            b = s->last;
        send_batch(s, b);
    }
}

/* Forgets what Redis acknowledged long ago, measured up to its last sign of life: a
 * server that has been away since may come back without its last seconds. */
static void forget_old(struct store *s)
{
    struct monotime now = clock_now();
    int64_t alive_ns = now.ns - redis_link_silent_ms(s->link) * 1000000;
    while (s->first != NULL && s->first->is_acked &&
           alive_ns - s->first->acked_ns > STORE_KEEP_MS * INT64_C(1000000)) {
        struct batch *b = s->first;
        s->first = b->next;
        s->first_kept = b->seq + 1;
        batch_free(b);
    }
    if (s->first == NULL)
        s->last = NULL;
}

/* --- the tick --------------------------------------------------------------------- */

void ship_tick(struct store *s)
{
    struct monotime now = clock_now();
    if (s->phase == SHIP_DOWN) {
        if (monotime_ms_between(s->retry_at, now) >= 0)
            greet_connect(s);
        return;
    }
    greet_watch(s);
    if (s->phase != SHIP_READY)
        return;
    forget_old(s);
    flush(s);
    send_waiting(s);
}

bool ship_is_done(const struct store *s)
{
    size_t closed, refusals;
    tally_entries(s->closed, &closed);
    tally_refusals(s->closed, &refusals);
    if (!tally_is_empty(s->open) || closed > 0 || refusals > 0 ||
        s->record_at < s->record_count || s->sync_writes > 0)
        return false;
    for (const struct batch *b = s->first; b != NULL; b = b->next)
        if (!b->is_acked)
            return false;
    return true;
}

void ship_start(struct store *s)
{
    greet_start(s);
    s->last_flush = clock_now();
    if (s->conf.redis_mode == CONF_REDIS_EMBEDDED &&
        redis_server_start(&s->server, s->base, &s->conf) != KZ_OK)
        raise_alarm(s, "redis_server_not_possible",
                    "data_dir cannot be used for Redis");
}

void ship_stop(struct store *s)
{
    greet_stop(s);
    redis_server_stop(s->server);
    s->server = NULL;
}
