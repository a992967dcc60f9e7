/* The connection: made, greeted, healed where the server is not ours, watched, given
 * up.
 *
 * Greeting: AUTH, ROLE (a server that sentinels named), SELECT, INFO; heal; SCRIPT LOAD;
 * the cursors. Each step's answer sends the next; whatever goes wrong ends in
 * ship_retry(). */
#include "share/store_internal.h"

#include "conf/log.h"
#include "conf/mem.h"
#include "conf/secret.h"
#include "share/keys.h"
#include "share/scripts.h"

#include <inttypes.h>
#include <string.h>

bool ship_is_up(const struct store *s)
{
    return s->phase == SHIP_READY || s->phase == SHIP_STOPPED;
}

/* --- giving up and trying again --------------------------------------------------- */

void ship_retry(struct store *s, const char *why)
{
    store_set_text(s->error, why);
    redis_link_close(s->link, why);
}

static void on_down(void *ctx, const char *why)
{
    struct store *s = ctx;
    if (s->phase == SHIP_READY || s->phase == SHIP_STOPPED)
        log_warn("redis_connection_lost", kv_str("why", why));
    else if (strcmp(s->error, why) != 0 && !s->loading && s->server == NULL)
        log_warn("redis_not_reached", kv_str("why", why));
    store_set_text(s->error, why);
    s->phase = SHIP_DOWN;
    keep_disconnected(s);
    events_drop_waits(s); /* nobody waits for a Redis that may be away for hours */
    s->retry_at = monotime_add_ms(clock_now(), s->retry_ms);
    s->retry_ms =
        2 * s->retry_ms < STORE_RETRY_MAX_MS ? 2 * s->retry_ms : STORE_RETRY_MAX_MS;
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

/* --- scripts and cursors ---------------------------------------------------------- */

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
    snprintf(s->sha, sizeof(s->sha), "%s", reply_text(r));
    ASK(s, on_noted, "SADD", KEY_INSTANCES, s->conf.instance);
    ship_read_cursors(s);
}

static void load_script(struct store *s)
{
    s->phase = SHIP_GREETING;
    if (s->is_reader) {
        ship_is_ready(s);
        return;
    }
    ASK(s, on_script, "SCRIPT", "LOAD", SCRIPT_BATCH);
}

/* --- healing a server that is not ours -------------------------------------------- */

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
    /* One that runs already may have begun before the damage was read: wait, ask again.
     */
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
    const char *info = reply_text(r);
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
    if (strcmp(reply_text(r), s->run_id) == 0) {
        load_script(s);
        return;
    }
    s->phase = SHIP_HEALING;
    s->heal_asked = false;
    ASK(s, on_heal_info, "INFO", "persistence");
}

/* --- greeting --------------------------------------------------------------------- */

static bool needs_healing(const struct store *s)
{
    struct redis_server_stats server = {0};
    if (s->server != NULL)
        redis_server_stats(s->server, &server);
    return s->aof_on && !server.healed && !s->is_reader;
}

static void on_info(void *ctx, const redisReply *r)
{
    struct store *s = ctx;
    char key[KEY_SIZE];
    if (is_refused(s, r, "INFO"))
        return;
    const char *info = reply_text(r);
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
                 kv_str("means", "what it loses when it dies is applied again from the "
                                 "journal"));
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

/* A sentinel's word alone is not enough: one may be behind, and a server that was the
 * master and comes back believes for a while that it still is. */
static void on_role(void *ctx, const redisReply *r)
{
    struct store *s = ctx;
    char why[STORE_TEXT];
    if (is_refused(s, r, "ROLE"))
        return;
    const char *role = r->type == REDIS_REPLY_ARRAY && r->elements > 0
                           ? reply_text(r->element[0])
                           : "";
    if (strcmp(role, "master") == 0) {
        ASK(s, on_info, "INFO");
        return;
    }
    snprintf(why, sizeof(why),
             "the server that the sentinel named is no master (%.20s)", role);
    redis_sentinel_doubt(s->sentinel);
    ship_retry(s, why);
}

static void select_db(struct store *s)
{
    char db[16];
    snprintf(db, sizeof(db), "%" PRIu32, s->conf.redis_db);
    if (s->sentinel != NULL)
        ASK(s, on_role, "ROLE");
    else if (s->server != NULL || s->conf.redis_db == 0)
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

/* --- sentinels -------------------------------------------------------------------- */

static void on_master(void *ctx, const struct conf_host *master)
{
    struct store *s = ctx;
    s->asked_at = clock_now();
    if (redis_link_open_tcp(s->link, master->host, master->port) != KZ_OK)
        on_down(s, "cannot connect");
}

static void on_no_master(void *ctx, const char *why)
{
    on_down(ctx, why);
}

static void on_moved(void *ctx, const struct conf_host *master)
{
    struct store *s = ctx;
    log_warn("redis_master_moved", kv_str("host", master->host),
             kv_u64("port", master->port));
    ship_retry(s, "the sentinels name another master");
}

/* --- connecting ------------------------------------------------------------------- */

void greet_connect(struct store *s)
{
    struct redis_server_stats server;
    enum kz_err err = KZ_IO;
    if (s->sentinel != NULL) {
        s->phase = SHIP_GREETING;
        redis_sentinel_find(s->sentinel);
        return;
    }
    s->asked_at = clock_now();
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

/* --- watching --------------------------------------------------------------------- */

/* A host that is switched off does not even refuse: connecting then takes minutes. */
static bool is_connecting(const struct store *s)
{
    return s->phase == SHIP_GREETING && redis_link_is_open(s->link) &&
           redis_link_waiting(s->link) == 0;
}

void greet_watch(struct store *s)
{
    int64_t since = monotime_ms_between(s->asked_at, clock_now());
    if (redis_link_silent_ms(s->link) > STORE_TIMEOUT_MS ||
        (is_connecting(s) && since > STORE_TIMEOUT_MS)) {
        ship_retry(s, "Redis does not answer");
        return;
    }
    if (s->phase == SHIP_HEALING && since >= 100 && redis_link_waiting(s->link) == 0)
        ASK(s, on_heal_info, "INFO", "persistence");
    else if (s->phase == SHIP_STOPPED && since >= STORE_TIMEOUT_MS)
        ship_read_cursors(s);
    else if (s->phase == SHIP_READY && since >= STORE_PING_MS &&
             redis_link_waiting(s->link) == 0)
        ship_heartbeat(s);
}

void greet_start(struct store *s)
{
    const struct redis_link_hooks hooks = {
        .ctx = s, .on_up = on_up, .on_down = on_down};
    const struct redis_sentinel_hooks sentinel_hooks = {.ctx = s,
                                                        .on_master = on_master,
                                                        .on_none = on_no_master,
                                                        .on_moved = on_moved};
    s->link = redis_link_new(s->base, &hooks);
    if (s->conf.redis_mode == CONF_REDIS_SENTINEL)
        s->sentinel = redis_sentinel_new(s->base, &s->conf, &sentinel_hooks);
    s->phase = SHIP_DOWN;
    s->retry_ms = STORE_RETRY_MIN_MS;
    s->retry_at = s->asked_at = clock_now();
}

void greet_stop(struct store *s)
{
    redis_sentinel_free(s->sentinel);
    s->sentinel = NULL;
    redis_link_free(s->link);
    s->link = NULL;
}
