/* Shipping: what Redis has, by its own word, and going on from there.
 *
 * Whatever goes wrong on a connection has one answer: give it up, connect again, read
 * the cursors, read the journal again from there. The guard in the scripts makes that
 * right in every case, also when commands of the old connection are still executed after
 * the new one read the cursors: one of the two writers then finds another cursor than it
 * expects, and reads it again. */
#include "share/store_internal.h"

#include "conf/log.h"
#include "conf/mem.h"
#include "share/keys.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void ship_raise_alarm(struct store *s, const char *event, const char *text)
{
    if (strcmp(s->alarm, text) != 0)
        log_error(event, kv_str("alarm", text));
    store_set_text(s->alarm, text);
}

bool ship_is_word(const redisReply *r, const char *word)
{
    return r->type == REDIS_REPLY_ARRAY && r->elements > 0 &&
           strcmp(reply_text(r->element[0]), word) == 0;
}

void ship_stop_writing(struct store *s, const char *have, const char *text)
{
    char alarm[STORE_TEXT];
    snprintf(alarm, sizeof(alarm), "%.160s (cursor \"%.70s\"): nothing is applied",
             text, have);
    ship_raise_alarm(s, "store_stopped", alarm);
    s->is_stopped = true;
    s->phase = SHIP_STOPPED; /* cursors are read again now and then: greet_watch() */
}

/* --- the cursors ------------------------------------------------------------------ */

/* A cursor of one stream in one slot, asked for. */
struct cursor_call {
    struct store *store;
    struct feed *feed; /* NULL: of the event stream */
    enum journal_target target;
    char key[KEY_SIZE];
};

static void tell_gap(struct store *s, const struct cursor_call *c, uint64_t from,
                     uint64_t to)
{
    char alarm[STORE_TEXT];
    snprintf(alarm, sizeof(alarm),
             "Redis lost data that the journal keeps no more: records %" PRIu64
             " to %" PRIu64 " of %.60s; restore a backup, or go on without",
             from, to, c->key);
    ship_raise_alarm(s, "redis_lost_data", alarm);
}

/* Before a cursor is judged: what that finds is another alarm. */
static void forget_stop(struct store *s)
{
    if (s->is_stopped)
        s->alarm[0] = '\0';
    s->is_stopped = false;
}

static bool judge(struct cursor_call *c, const char *have)
{
    struct store *s = c->store;
    struct journal_stream *stream =
        c->feed != NULL ? c->feed->stream : s->events.stream;
    struct cursor_facts facts = {.id = journal_id(s->journal),
                                 .first = journal_stream_first(stream),
                                 .last = UINT64_MAX}; /* seeking knows better */
    struct cursor_answer a = cursor_judge(have, &facts);
    if (strlen(have) >= CURSOR_SIZE || a.what == CURSOR_FOREIGN) {
        ship_stop_writing(s, have,
                          "another journal wrote to this Redis under this "
                          "instance's name; see \"karizctl journal adopt\"");
        return false;
    }
    if (a.what == CURSOR_GAP && c->target == JOURNAL_TALLY)
        tell_gap(s, c, a.seq + 1, facts.first);
    enum kz_err err = KZ_OK;
    if (c->feed != NULL)
        err = feed_resume(c->feed, have, a.seq);
    else
        events_resume(s, c->target, have, a.seq);
    if (err == KZ_EMPTY)
        ship_stop_writing(s, have,
                          "Redis is ahead of this journal, which may be an old "
                          "copy; see \"karizctl journal adopt\"");
    else if (err == KZ_PARSE)
        c->feed->is_damaged = true;
    else if (err != KZ_OK)
        ship_retry(s, "the journal cannot be read");
    return err == KZ_OK || err == KZ_PARSE;
}

void ship_is_ready(struct store *s)
{
    s->phase = SHIP_READY;
    atomic_fetch_add(&s->generation, 1);
    s->retry_ms = STORE_RETRY_MIN_MS;
    s->error[0] = '\0';
    s->loading = false;
}

static void cursors_are_read(struct store *s)
{
    if (s->cursors_bad) {
        s->phase = SHIP_STOPPED;
        return;
    }
    enum kz_err err = events_seek(s);
    if (err == KZ_EMPTY) {
        ship_stop_writing(s, s->events.tail[JOURNAL_TALLY],
                          "Redis is ahead of this journal's events");
        return;
    }
    ship_is_ready(s);
    s->events.is_damaged = err != KZ_OK;
    s->replay_total = ship_pending(s);
    log_info("redis_ready", kv_str("version", s->version),
             kv_u64("records_to_apply", s->replay_total));
}

static void on_cursor(void *ctx, const redisReply *r)
{
    struct cursor_call *c = ctx;
    struct store *s = c->store;
    s->cursors_waiting--;
    if (r == NULL || r->type == REDIS_REPLY_ERROR)
        s->cursors_bad = true;
    if (r != NULL && r->type == REDIS_REPLY_ERROR)
        ship_retry(s, r->str);
    else if (r != NULL && !s->cursors_bad && !judge(c, reply_text(r)))
        s->cursors_bad = true;
    mem_free(c);
    if (r != NULL && s->cursors_waiting == 0 && s->phase != SHIP_DOWN)
        cursors_are_read(s);
}

static void cursor_key(char key[KEY_SIZE], const struct store *s,
                       const struct feed *feed, enum journal_target target)
{
    if (target == JOURNAL_LEDGER)
        key_cursor_ledger(key, s->conf.instance);
    else if (target == JOURNAL_REGISTRY)
        key_cursor_registry(key, s->conf.instance);
    else
        key_cursor(key, s->conf.instance, feed != NULL ? feed->index : JOURNAL_EVENTS);
}

static bool ask_cursor(struct store *s, redis_link_fn *fn, struct feed *feed,
                       enum journal_target target)
{
    struct cursor_call *c = mem_new(sizeof(*c));
    *c = (struct cursor_call){.store = s, .feed = feed, .target = target};
    cursor_key(c->key, s, feed, target);
    const char *const argv[] = {"GET", c->key, NULL};
    if (redis_link_ask(s->link, fn, c, argv) == KZ_OK)
        return true;
    mem_free(c);
    ship_retry(s, "a command could not be sent");
    return false;
}

void ship_read_cursors(struct store *s)
{
    if (s->cursors_waiting > 0)
        return;
    s->cursors_bad = false;
    s->asked_at = clock_now();
    forget_stop(s);
    for (size_t i = 0; i < s->feed_count && s->phase != SHIP_DOWN; i++)
        s->cursors_waiting += ask_cursor(s, on_cursor, &s->feeds[i], JOURNAL_TALLY);
    for (int t = JOURNAL_TALLY; t < JOURNAL_TARGETS && s->phase != SHIP_DOWN; t++)
        s->cursors_waiting += ask_cursor(s, on_cursor, NULL, (enum journal_target)t);
}

/* Everything sent before was answered before: so by now `have` is what it must be. */
static void on_heartbeat(void *ctx, const redisReply *r)
{
    struct cursor_call *c = ctx;
    struct store *s = c->store;
    const char *have = c->feed != NULL ? c->feed->have : s->events.have[c->target];
    if (r != NULL && s->phase == SHIP_READY && strcmp(reply_text(r), have) != 0) {
        log_warn("redis_changed_behind_our_back", kv_str("key", c->key),
                 kv_str("has", reply_text(r)), kv_str("had", have));
        ship_retry(s, "a cursor in Redis is another than was written");
    }
    mem_free(c);
}

static void on_pong(void *ctx, const redisReply *r)
{
    (void)ctx; /* silence is what is looked for, and by the link */
    (void)r;
}

void ship_heartbeat(struct store *s)
{
    const char *const ping[] = {"PING", NULL};
    if (s->is_reader) {
        s->asked_at = clock_now();
        if (redis_link_ask(s->link, on_pong, s, ping) != KZ_OK)
            ship_retry(s, "a command could not be sent");
        return;
    }
    size_t n = s->heartbeats++ % (s->feed_count + JOURNAL_TARGETS - 1);
    s->asked_at = clock_now();
    if (n < s->feed_count)
        ask_cursor(s, on_heartbeat, &s->feeds[n], JOURNAL_TALLY);
    else
        ask_cursor(s, on_heartbeat, NULL,
                   (enum journal_target)(n - s->feed_count + JOURNAL_TALLY));
}

/* --- adopting --------------------------------------------------------------------- */

static void on_adopted(void *ctx, const redisReply *r)
{
    struct store_request *req = ctx;
    struct store *s = req->store;
    if (--req->number > 0)
        return;
    if (r == NULL || r->type == REDIS_REPLY_ERROR) {
        request_end(req, KZ_IO, NULL, "Redis did not answer; look at the status");
        return;
    }
    log_warn("redis_adopted", kv_str("journal", journal_id(s->journal)));
    ship_retry(s, "cursors were set");
    request_end(req, KZ_OK,
                json_pack("{s:s}", "note",
                          "adopted: Redis goes on with this "
                          "journal's next records"),
                NULL);
}

/* Every cursor becomes the newest record here: nothing that is in the journal by now is
 * applied to a Redis that is another's history. */
static void run_adopt(struct store_request *r)
{
    struct store *s = r->store;
    char key[KEY_SIZE], cursor[CURSOR_SIZE];
    if (s->phase != SHIP_STOPPED || s->is_reader) {
        request_end(r, KZ_RANGE, NULL,
                    "there is nothing to adopt: the store is not "
                    "stopped by a foreign cursor");
        return;
    }
    r->number = s->feed_count + JOURNAL_TARGETS - 1;
    for (size_t i = 0; i < s->feed_count; i++) {
        struct feed *f = &s->feeds[i];
        key_cursor(key, s->conf.instance, f->index);
        cursor_format(cursor, journal_id(s->journal), f->sliced);
        const char *const argv[] = {"SET", key, cursor, NULL};
        if (redis_link_ask(s->link, on_adopted, r, argv) != KZ_OK)
            on_adopted(r, NULL);
    }
    for (int t = JOURNAL_TALLY; t < JOURNAL_TARGETS; t++) {
        if (t == JOURNAL_TALLY)
            key_cursor(key, s->conf.instance, JOURNAL_EVENTS);
        else if (t == JOURNAL_LEDGER)
            key_cursor_ledger(key, s->conf.instance);
        else
            key_cursor_registry(key, s->conf.instance);
        cursor_format(cursor, journal_id(s->journal), s->events.last);
        const char *const argv[] = {"SET", key, cursor, NULL};
        if (redis_link_ask(s->link, on_adopted, r, argv) != KZ_OK)
            on_adopted(r, NULL);
    }
}

void store_adopt(struct store *s, store_reply_fn *on_reply, void *ctx)
{
    const struct store_request r = {.on_reply = on_reply, .ctx = ctx};
    request_post(s, &r, run_adopt);
}

/* --- the tick --------------------------------------------------------------------- */

static uint64_t events_pending(const struct store *s)
{
    uint64_t pending = 0;
    for (int t = JOURNAL_TALLY; t < JOURNAL_TARGETS; t++) {
        uint64_t last = journal_stream_last(s->events.stream, (enum journal_target)t);
        pending += last > s->events.applied[t] ? last - s->events.applied[t] : 0;
    }
    return pending;
}

bool ship_has_all_events(const struct store *s)
{
    if (s->is_reader)
        return s->phase == SHIP_READY;
    return s->phase == SHIP_READY && !s->events.is_damaged && events_pending(s) == 0;
}

static void on_said_ready(void *ctx, const redisReply *r)
{
    struct store *s = ctx;
    if (r != NULL && r->type == REDIS_REPLY_ERROR)
        s->said_ready = 0; /* again with the next tick */
}

void ship_say_ready(struct store *s)
{
    unsigned long long generation = atomic_load(&s->generation);
    const char *const argv[] = {"HSET", KEY_READY, s->conf.instance, s->run_id, NULL};
    if (s->said_ready == generation || !ship_has_all_events(s))
        return;
    s->said_ready = generation;
    if (redis_link_ask(s->link, on_said_ready, s, argv) != KZ_OK)
        s->said_ready = 0;
}

uint64_t ship_pending(const struct store *s)
{
    uint64_t pending = 0;
    for (size_t i = 0; i < s->feed_count; i++) {
        const struct feed *f = &s->feeds[i];
        uint64_t newest = f->sliced > f->read ? f->sliced : f->read;
        pending += newest > f->applied ? newest - f->applied : 0;
    }
    return pending + events_pending(s);
}

void ship_connect(struct store *s)
{
    struct monotime now = clock_now();
    if (s->phase == SHIP_DOWN) {
        if (monotime_ms_between(s->retry_at, now) >= 0)
            greet_connect(s);
    } else {
        greet_watch(s);
    }
}

void ship_tick(struct store *s)
{
    ship_connect(s);
    feeds_read(s);
    slices_tick(s);
    events_pump(s);
    ship_say_ready(s);
}

bool ship_is_done(const struct store *s)
{
    struct journal_stream_stats stats;
    if (s->is_reader)
        return true;
    journal_stats(&stats, s->journal);
    if (s->phase != SHIP_READY || stats.unsynced_bytes > 0)
        return false;
    for (size_t i = 0; i < s->feed_count; i++)
        if (s->feeds[i].tally_records > 0 || s->feeds[i].is_waiting)
            return false;
    return s->in_flight == 0 && s->events.in_flight == 0 && ship_pending(s) == 0 &&
           stats.unread_bytes == 0;
}

void ship_start(struct store *s)
{
    greet_start(s);
    if (s->conf.redis_mode == CONF_REDIS_EMBEDDED &&
        redis_server_start(&s->server, s->base, &s->conf) != KZ_OK)
        ship_raise_alarm(s, "redis_server_not_possible",
                         "data_dir cannot be used for Redis");
}

void ship_stop(struct store *s)
{
    s->phase = SHIP_DOWN;
    greet_stop(s);
    redis_server_stop(s->server);
    s->server = NULL;
}
