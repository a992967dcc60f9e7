/* Shipping: connection, greeting, cursor, batches.
 *
 * Whatever goes wrong on a connection has one answer: give it up, connect again, read
 * the cursor, go on from there. The guard in the script makes that right in every case,
 * also when commands of the old connection are still executed after the new one read
 * the cursor: one of the two writers then finds another cursor than it expects, and
 * reads it again. */
#include "share/store_internal.h"

#include "conf/log.h"
#include "conf/mem.h"
#include "conf/secret.h"
#include "share/keys.h"
#include "share/scripts.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void set_text(char out[STORE_TEXT], const char *text)
{
    snprintf(out, STORE_TEXT, "%s", text);
}

static void raise_alarm(struct store *s, const char *event, const char *text)
{
    if (strcmp(s->alarm, text) != 0)
        log_error(event, kv_str("alarm", text));
    set_text(s->alarm, text);
}

bool ship_is_up(const struct store *s)
{
    return s->phase == SHIP_READY || s->phase == SHIP_STOPPED;
}

bool ship_version_at_least(const struct store *s, unsigned major, unsigned minor)
{
    unsigned have[2] = {0, 0};
    const char *p = s->version;
    for (size_t i = 0; i < 2; i++) {
        for (; *p >= '0' && *p <= '9' && have[i] < 100000; p++)
            have[i] = have[i] * 10 + (unsigned)(*p - '0');
        p += *p == '.';
    }
    return have[0] > major || (have[0] == major && have[1] >= minor);
}

/* --- giving up and trying again ------------------------------------------------------- */

void ship_retry(struct store *s, const char *why)
{
    set_text(s->error, why);
    redis_link_close(s->link, why);
}

static void on_down(void *ctx, const char *why)
{
    struct store *s = ctx;
    if (s->phase == SHIP_READY || s->phase == SHIP_STOPPED)
        log_warn("redis_connection_lost", kv_str("why", why));
    else if (strcmp(s->error, why) != 0 && !s->loading && s->server == NULL)
        log_warn("redis_not_reached", kv_str("why", why));
    set_text(s->error, why);
    s->phase = SHIP_DOWN;
    s->in_flight = 0;
    s->sync_writes = 0;
    for (struct batch *b = s->first; b != NULL; b = b->next)
        b->is_sent = false;
    s->retry_at = monotime_add_ms(clock_now(), s->retry_ms);
    s->retry_ms = 2 * s->retry_ms < STORE_RETRY_MAX_MS ? 2 * s->retry_ms
                                                       : STORE_RETRY_MAX_MS;
}

static void ask(struct store *s, redis_link_fn *fn, const char *const *argv)
{
    s->asked_at = clock_now();
    if (redis_link_ask(s->link, fn, s, argv) != KZ_OK)
        ship_retry(s, "a command could not be sent");
}
#define ASK(s, fn, ...) ask(s, fn, (const char *const[]){__VA_ARGS__, NULL})

/* Whether the greeting ends here. An error is shown once, not at every attempt. */
static bool is_refused(struct store *s, const redisReply *r, const char *what)
{
    if (r == NULL)
        return true; /* on_down has been told */
    if (r->type != REDIS_REPLY_ERROR)
        return false;
    char why[STORE_TEXT];
    snprintf(why, sizeof(why), "%s: %.180s", what, r->str);
    s->loading = strncmp(r->str, "LOADING", 7) == 0;
    if (!s->loading && strcmp(s->error, why) != 0)
        log_warn("redis_refused", kv_str("command", what), kv_str("error", r->str));
    if (s->loading)
        s->retry_ms = STORE_RETRY_MIN_MS;
    ship_retry(s, why);
    return true;
}

static const char *text_of(const redisReply *r)
{
    return r->type == REDIS_REPLY_STRING || r->type == REDIS_REPLY_STATUS ? r->str : "";
}

/* --- the cursor ----------------------------------------------------------------------- */

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
    snprintf(alarm, sizeof(alarm), "%s (cursor \"%.70s\"): no share is stored", text,
             have);
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

static void judge_cursor(struct store *s, const char *have)
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

static void on_cursor(void *ctx, const redisReply *r)
{
    struct store *s = ctx;
    if (!is_refused(s, r, "GET"))
        judge_cursor(s, text_of(r));
}

static void read_cursor(struct store *s)
{
    char key[KEY_SIZE];
    key_cursor(key, s->conf.instance);
    ASK(s, on_cursor, "GET", key);
}

static void on_noted(void *ctx, const redisReply *r)
{
    if (r != NULL && r->type == REDIS_REPLY_ERROR)
        log_warn("redis_refused", kv_str("error", r->str));
    (void)ctx;
}

static void on_script(void *ctx, const redisReply *r)
{
    struct store *s = ctx;
    if (is_refused(s, r, "SCRIPT LOAD"))
        return;
    snprintf(s->sha, sizeof(s->sha), "%s", text_of(r));
    ASK(s, on_noted, "SADD", KEY_INSTANCES, s->conf.instance);
    if (s->server != NULL) /* see store_write.c; a lost connection may have left it on */
        ASK(s, on_noted, "CONFIG", "SET", "appendfsync", "everysec");
    read_cursor(s);
}

static void load_script(struct store *s)
{
    s->phase = SHIP_GREETING;
    ASK(s, on_script, "SCRIPT", "LOAD", SCRIPT_BATCH);
}

/* --- healing a server that is not ours -------------------------------------------------- */

/* The value of `field` in INFO's text. */
static void info_text(char *out, size_t size, const char *info, const char *field)
{
    size_t len = strlen(field);
    out[0] = '\0';
    for (const char *p = info; p != NULL && *p != '\0';) {
        if (strncmp(p, field, len) == 0 && p[len] == ':') {
            snprintf(out, size, "%.*s", (int)strcspn(p + len + 1, "\r\n"), p + len + 1);
            return;
        }
        p = strchr(p, '\n');
        p = p != NULL ? p + 1 : NULL;
    }
}

static bool info_is(const char *info, const char *field, const char *value)
{
    char text[32];
    info_text(text, sizeof(text), info, field);
    return strcmp(text, value) == 0;
}

static void on_rewrite_asked(void *ctx, const redisReply *r)
{
    struct store *s = ctx;
    if (r == NULL)
        return;
    /* One that runs already may have begun before the damage was read: wait, ask again. */
    s->heal_asked = r->type != REDIS_REPLY_ERROR;
    if (!s->heal_asked && strstr(r->str, "in progress") == NULL)
        is_refused(s, r, "BGREWRITEAOF");
}

static void on_heal_info(void *ctx, const redisReply *r)
{
    struct store *s = ctx;
    char key[KEY_SIZE];
    if (is_refused(s, r, "INFO") || s->phase != SHIP_HEALING)
        return;
    const char *info = text_of(r);
    if (info_is(info, "aof_rewrite_in_progress", "1") ||
        info_is(info, "aof_rewrite_scheduled", "1"))
        return; /* asked again by the tick */
    if (!s->heal_asked) {
        ASK(s, on_rewrite_asked, "BGREWRITEAOF");
        return;
    }
    if (!info_is(info, "aof_last_bgrewrite_status", "ok")) {
        ship_retry(s, "the append-only file's rewrite failed");
        return;
    }
    log_info("redis_healed", kv_str("run_id", s->run_id));
    key_healed(key, s->conf.instance);
    ASK(s, on_noted, "SET", key, s->run_id);
    load_script(s);
}

static void on_healed_key(void *ctx, const redisReply *r)
{
    struct store *s = ctx;
    if (is_refused(s, r, "GET"))
        return;
    if (strcmp(text_of(r), s->run_id) == 0) {
        load_script(s);
        return;
    }
    s->phase = SHIP_HEALING;
    s->heal_asked = false;
    ASK(s, on_heal_info, "INFO", "persistence");
}

/* --- greeting --------------------------------------------------------------------------- */

static bool needs_healing(const struct store *s)
{
    struct redis_server_stats server = {0};
    if (s->server != NULL)
        redis_server_stats(s->server, &server);
    return s->aof_on && !server.healed;
}

static void on_info(void *ctx, const redisReply *r)
{
    struct store *s = ctx;
    char key[KEY_SIZE];
    if (is_refused(s, r, "INFO"))
        return;
    const char *info = text_of(r);
    if (info_is(info, "loading", "1")) {
        s->loading = true;
        s->retry_ms = STORE_RETRY_MIN_MS;
        ship_retry(s, "Redis is loading its data");
        return;
    }
    info_text(s->run_id, sizeof(s->run_id), info, "run_id");
    info_text(s->version, sizeof(s->version), info, "redis_version");
    s->aof_on = info_is(info, "aof_enabled", "1");
    if (s->server == NULL && !s->aof_on)
        log_warn("redis_without_append_only_file",
                 kv_str("means", "what it loses when it dies comes back only as far as "
                                 "memory reaches"));
    if (!needs_healing(s)) {
        load_script(s);
        return;
    }
    key_healed(key, s->conf.instance);
    ASK(s, on_healed_key, "GET", key);
}

static void on_select(void *ctx, const redisReply *r)
{
    struct store *s = ctx;
    if (!is_refused(s, r, "SELECT"))
        ASK(s, on_info, "INFO");
}

static void select_db(struct store *s)
{
    char db[16];
    snprintf(db, sizeof(db), "%" PRIu32, s->conf.redis_db);
    if (s->server != NULL || s->conf.redis_db == 0)
        ASK(s, on_info, "INFO");
    else
        ASK(s, on_select, "SELECT", db);
}

static void on_auth(void *ctx, const redisReply *r)
{
    if (!is_refused(ctx, r, "AUTH"))
        select_db(ctx);
}

static void on_up(void *ctx)
{
    struct store *s = ctx;
    if (s->server != NULL || s->conf.redis_password_file[0] == '\0') {
        select_db(s);
        return;
    }
    struct secret *password = NULL;
    if (secret_read(&password, s->conf.redis_password_file) != KZ_OK)
        ship_retry(s, "the password file of Redis cannot be used");
    else
        ASK(s, on_auth, "AUTH", secret_reveal(password));
    secret_free(password);
}

static void connect_now(struct store *s)
{
    struct redis_server_stats server;
    enum kz_err err = KZ_IO;
    if (s->server != NULL) {
        redis_server_stats(s->server, &server);
        if (server.state != REDIS_SERVER_RUNNING)
            return;
        err = redis_link_open_unix(s->link, redis_server_socket(s->server));
    } else if (s->conf.redis_mode == CONF_REDIS_UNIX) {
        err = redis_link_open_unix(s->link, s->conf.redis_path);
    } else {
        err = redis_link_open_tcp(s->link, s->conf.redis_host, s->conf.redis_port);
    }
    if (err == KZ_OK)
        s->phase = SHIP_GREETING;
    else
        on_down(s, "cannot connect");
    if (s->server != NULL) /* it is on this machine, and we know that it runs */
        s->retry_ms = STORE_RETRY_MIN_MS;
}

/* --- batches ---------------------------------------------------------------------------- */

/* The first word of a script's answer. */
static bool is_word(const redisReply *r, const char *word)
{
    return r->type == REDIS_REPLY_ARRAY && r->elements > 0 &&
           strcmp(text_of(r->element[0]), word) == 0;
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
                 b->seq, text_of(r->element[0]), r->elements > 1 ? text_of(r->element[1]) : "",
                 r->elements > 2 ? text_of(r->element[2]) : "");
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

/* --- the tick --------------------------------------------------------------------------- */

static void on_pong(void *ctx, const redisReply *r)
{
    (void)ctx;
    (void)r; /* being answered is all that matters */
}

static void watch(struct store *s)
{
    int64_t since = monotime_ms_between(s->asked_at, clock_now());
    if (redis_link_silent_ms(s->link) > STORE_TIMEOUT_MS) {
        ship_retry(s, "Redis does not answer");
        return;
    }
    if (s->phase == SHIP_HEALING && since >= 100 && redis_link_waiting(s->link) == 0)
        ASK(s, on_heal_info, "INFO", "persistence");
    else if (s->phase == SHIP_STOPPED && since >= STORE_TIMEOUT_MS)
        read_cursor(s);
    else if (s->phase == SHIP_READY && since >= STORE_PING_MS && redis_link_waiting(s->link) == 0)
        ASK(s, on_pong, "PING");
}

void ship_tick(struct store *s)
{
    struct monotime now = clock_now();
    if (s->phase == SHIP_DOWN) {
        if (monotime_ms_between(s->retry_at, now) >= 0)
            connect_now(s);
        return;
    }
    watch(s);
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
    const struct redis_link_hooks hooks = {.ctx = s, .on_up = on_up, .on_down = on_down};
    s->link = redis_link_new(s->base, &hooks);
    s->phase = SHIP_DOWN;
    s->retry_ms = STORE_RETRY_MIN_MS;
    s->retry_at = s->last_flush = s->asked_at = clock_now();
    if (s->conf.redis_mode == CONF_REDIS_EMBEDDED &&
        redis_server_start(&s->server, s->base, &s->conf) != KZ_OK)
        raise_alarm(s, "redis_server_not_possible", "data_dir cannot be used for Redis");
}

void ship_stop(struct store *s)
{
    redis_link_free(s->link);
    s->link = NULL;
    redis_server_stop(s->server);
    s->server = NULL;
}
