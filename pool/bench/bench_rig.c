#include "pool/bench/bench_rig.h"

#include "conf/clock.h"
#include "conf/log.h"
#include "conf/mem.h"
#include "pool/bench/bench_args.h"
#include "pool/bench/bench_grind.h"
#include "pool/bench/bench_rig_options.h"

#include <event2/util.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define REASONS_MAX       16
#define STATUS_SECONDS    10
#define HANDSHAKE_SECONDS 30
/* A pool has something to say at least every 30 to 60 s: one silent for so long is
 * gone, whatever TCP thinks. */
#define SILENCE_SECONDS   300
#define BACKOFF_MAX_MS    60000
#define REDIRECT_WAIT_MAX 600

struct reason {
    int code;
    char text[64];
    uint64_t count;
};

struct rig {
    struct rig_options options;
    struct event_base *base;
    struct event *tick, *again, *on_int, *on_term;
    struct client_group group;
    struct client client;
    struct grind *grind;
    struct grind_task task; /* what is hashed now, or will be once authorised */
    struct link_url home;   /* before any client.reconnect */
    bool had_session;       /* authorised at least once */
    bool is_redirected;
    uint64_t backoff_ms;
    struct monotime started, heard, reported;
    uint64_t reported_hashes;
    uint64_t submitted, accepted, rejected, reconnects;
    double best;
    struct reason reasons[REASONS_MAX];
    size_t reason_count;
    char last_down[LINK_WHY_SIZE];
    bool ended;
    char failure[LINK_WHY_SIZE]; /* "": ended as asked */
};

static void rig_end(struct rig *r, const char *failure)
{
    if (r->ended)
        return;
    r->ended = true;
    snprintf(r->failure, sizeof(r->failure), "%s", failure);
    event_base_loopbreak(r->base);
}

/* --- connecting ------------------------------------------------------------------- */

static void rig_connect(struct rig *r)
{
    char why[LINK_WHY_SIZE];
    r->heard = clock_now();
    if (link_group_resolve(&r->group.links, why) != KZ_OK)
        log_warn("name_not_resolved", kv_str("why", why));
    client_open(&r->client);
}

/* Twice as long each time, plus or minus a quarter: rigs that lost one pool together
 * do not come back together. */
static int64_t rig_next_backoff(struct rig *r)
{
    uint16_t dice;
    evutil_secure_rng_get_bytes(&dice, sizeof(dice));
    int64_t base = (int64_t)r->backoff_ms;
    r->backoff_ms =
        r->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : r->backoff_ms * 2;
    return base * 3 / 4 + base / 2 * dice / 65536;
}

static void rig_connect_in(struct rig *r, int64_t ms)
{
    struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    event_add(r->again, &tv);
}

static void rig_forget_session(struct rig *r)
{
    grind_set_task(r->grind, NULL);
    work_clear(&r->task.work);
    r->task.session++;
}

static void on_down(struct client *c, const char *why)
{
    struct rig *r = c->owner;
    rig_forget_session(r);
    snprintf(r->last_down, sizeof(r->last_down), "%s", why);
    if (r->is_redirected && !c->authorized) {
        r->options.link.url = r->home;
        r->is_redirected = false;
    }
    int64_t wait_ms = rig_next_backoff(r);
    r->reconnects++;
    log_warn("connection_lost", kv_str("why", why), kv_i64("again_in_ms", wait_ms));
    rig_connect_in(r, wait_ms);
}

static void rig_drop(struct rig *r, const char *why)
{
    client_close(&r->client);
    on_down(&r->client, why);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    rig_connect(arg);
}

/* --- the session ------------------------------------------------------------------ */

static void rig_hash(struct rig *r)
{
    if (r->client.authorized && r->task.work.job != NULL)
        grind_set_task(r->grind, &r->task);
}

static void on_step(struct client *c, enum client_step step, int64_t now_ns)
{
    (void)now_ns;
    struct rig *r = c->owner;
    r->heard = clock_now();
    if (step == CLIENT_CONNECTED)
        log_info("connected", kv_str("host", r->options.link.url.host),
                 kv_str("port", r->options.link.url.port),
                 kv_bool("tls", r->options.link.url.tls));
    if (step != CLIENT_AUTHORIZED)
        return;
    r->had_session = true;
    r->backoff_ms = 1000;
    log_info("authorized", kv_hex("extranonce1", c->extranonce1, c->extranonce1_len),
             kv_u64("extranonce2_size", c->extranonce2_size),
             kv_u64("version_mask", c->version_mask));
    rig_hash(r);
}

static void on_refused(struct client *c, const struct client_reply *reply)
{
    struct rig *r = c->owner;
    char text[64], why[LINK_WHY_SIZE];
    client_text(text, sizeof(text), reply->text);
    snprintf(why, sizeof(why), "the login was refused: %d %s", reply->code, text);
    if (r->options.keep_trying)
        rig_drop(r, why);
    else
        rig_end(r, why);
}

static void on_notify(struct client *c, const struct scan_notify *n,
                      struct bytes params, int64_t now_ns)
{
    (void)now_ns;
    struct rig *r = c->owner;
    struct work work;
    r->heard = clock_now();
    if (!c->subscribed)
        return; /* no extranonce yet: nothing that could be hashed */
    if (work_from_notify(&work, params) != KZ_OK) {
        log_warn("job_not_understood", kv_text("job", n->job_id.p, n->job_id.len));
        return;
    }
    work_clear(&r->task.work);
    r->task.work = work;
    r->task.target = c->target;
    r->task.version_mask = c->version_mask;
    memcpy(r->task.extranonce1, c->extranonce1, c->extranonce1_len);
    r->task.extranonce1_len = c->extranonce1_len;
    r->task.extranonce2_size = c->extranonce2_size;
    log_info("job_received", kv_str("job", work.job_id),
             kv_bool("clean_jobs", n->clean_jobs),
             kv_real("difficulty", difficulty_to_double(c->difficulty)));
    rig_hash(r);
}

/* Lower difficulty and another mask hold at once, the rest from the next job on. */
static void on_terms(struct client *c)
{
    struct rig *r = c->owner;
    bool easier = target_compare(&c->target, &r->task.target) > 0;
    if (!easier && c->version_mask == r->task.version_mask)
        return;
    if (easier)
        r->task.target = c->target;
    r->task.version_mask = c->version_mask;
    rig_hash(r);
}

static void on_message(struct client *c, struct bytes text)
{
    (void)c;
    log_warn("message_from_pool", kv_text("text", text.p, text.len));
}

/* Whoever sits between a rig and its pool could send it elsewhere; so only within the
 * host, or the domain (all behind the first dot), that the user named. */
static bool is_same_domain(const char *home, const char *host)
{
    if (host[0] == '\0' || strcasecmp(home, host) == 0)
        return true;
    const char *a = strchr(home, '.');
    const char *b = strchr(host, '.');
    bool is_name = home[strspn(home, "0123456789.:abcdefABCDEF")] != '\0';
    return is_name && a != NULL && b != NULL && strchr(a + 1, '.') != NULL &&
           strcasecmp(a, b) == 0;
}

static bool rig_redirect(struct rig *r, const struct client_redirect *to)
{
    struct link_url url = r->options.link.url;
    char text[300];
    if (!is_same_domain(r->home.host, to->host))
        return false;
    snprintf(text, sizeof(text), "[%s]:%s", to->host[0] != '\0' ? to->host : url.host,
             to->port[0] != '\0' && strcmp(to->port, "0") != 0 ? to->port : url.port);
    struct link_url found;
    if (link_url_parse(&found, text) != KZ_OK)
        return false;
    found.tls = url.tls;
    r->options.link.url = found;
    return true;
}

static void on_redirect(struct client *c, const struct client_redirect *to)
{
    struct rig *r = c->owner;
    bool follow = rig_redirect(r, to);
    log_warn("reconnect_asked", kv_str("host", to->host), kv_str("port", to->port),
             kv_i64("wait_seconds", to->wait_seconds), kv_bool("followed", follow));
    if (!follow)
        return;
    int64_t wait = to->wait_seconds < 0 ? 0 : to->wait_seconds;
    r->is_redirected = true;
    r->reconnects++;
    client_close(c);
    rig_forget_session(r);
    rig_connect_in(r, (wait > REDIRECT_WAIT_MAX ? REDIRECT_WAIT_MAX : wait) * 1000);
}

/* --- shares ----------------------------------------------------------------------- */

static void on_found(void *owner, const struct grind_found *f)
{
    struct rig *r = owner;
    if (r->ended || f->session != r->task.session || !r->client.authorized)
        return; /* of a connection that is gone */
    double difficulty = hash256_difficulty(&f->hash);
    if (difficulty > r->best)
        r->best = difficulty;
    struct client_share share = {
        .job_id = {(const uint8_t *)f->work.job_id, strlen(f->work.job_id)},
        .extranonce2 = {f->extranonce2, f->extranonce2_size},
        .ntime = f->ntime,
        .nonce = f->nonce,
        .version_bits = f->version_bits,
        .has_version_bits = f->has_version_bits};
    r->submitted++;
    client_submit(&r->client, &share);
}

static void count_reason(struct rig *r, const struct client_reply *reply)
{
    char text[64];
    client_text(text, sizeof(text), reply->text);
    size_t i = 0;
    while (i < r->reason_count &&
           (r->reasons[i].code != reply->code || strcmp(r->reasons[i].text, text) != 0))
        i++;
    if (i == r->reason_count && i == REASONS_MAX)
        i--; /* the last row takes what no longer fits */
    else if (i == r->reason_count)
        r->reason_count++;
    r->reasons[i].code = reply->code;
    memcpy(r->reasons[i].text, text, sizeof(text));
    r->reasons[i].count++;
}

static void on_reply(struct client *c, const struct client_reply *reply, int64_t now_ns)
{
    (void)now_ns;
    struct rig *r = c->owner;
    r->heard = clock_now();
    if (reply->accepted) {
        r->accepted++;
        log_info("share_accepted", kv_u64("accepted", r->accepted),
                 kv_u64("rejected", r->rejected));
    } else {
        r->rejected++;
        count_reason(r, reply);
        log_info("share_rejected", kv_i64("code", reply->code),
                 kv_text("reason", reply->text.p, reply->text.len),
                 kv_u64("rejected", r->rejected));
    }
    if (r->options.shares > 0 && r->accepted >= r->options.shares)
        rig_end(r, "");
}

static const struct client_hooks rig_hooks = {.on_step = on_step,
                                              .on_notify = on_notify,
                                              .on_reply = on_reply,
                                              .on_refused = on_refused,
                                              .on_down = on_down,
                                              .on_terms = on_terms,
                                              .on_message = on_message,
                                              .on_redirect = on_redirect};

/* --- once a second ---------------------------------------------------------------- */

static void rig_watch_connection(struct rig *r, struct monotime now)
{
    if (r->client.link.state == LINK_CLOSED)
        return;
    int64_t silent = monotime_ms_between(r->heard, now) / 1000;
    if (!r->client.authorized && silent >= HANDSHAKE_SECONDS)
        rig_drop(r, "no answer from the pool");
    else if (silent >= SILENCE_SECONDS)
        rig_drop(r, "the pool fell silent");
}

static double rate_between(uint64_t hashes, struct monotime from, struct monotime to)
{
    double seconds = (double)(to.ns - from.ns) / 1e9;
    return seconds > 0 ? (double)hashes / seconds : 0;
}

static void rig_report(struct rig *r, struct monotime now)
{
    if (monotime_ms_between(r->reported, now) < STATUS_SECONDS * 1000)
        return;
    uint64_t hashes = grind_hashes(r->grind);
    log_info("status",
             kv_real("hashes_per_second",
                     rate_between(hashes - r->reported_hashes, r->reported, now)),
             kv_u64("accepted", r->accepted), kv_u64("rejected", r->rejected),
             kv_real("difficulty", difficulty_to_double(r->client.difficulty)),
             kv_real("best", r->best));
    r->reported = now;
    r->reported_hashes = hashes;
}

static void rig_time_is_up(struct rig *r)
{
    char why[LINK_WHY_SIZE];
    if (!r->had_session)
        snprintf(why, sizeof(why), "no session in %llu s; last: %.100s",
                 (unsigned long long)r->options.seconds, r->last_down);
    else if (r->options.shares > 0)
        snprintf(why, sizeof(why), "the time is up with %llu of %llu shares accepted",
                 (unsigned long long)r->accepted,
                 (unsigned long long)r->options.shares);
    else
        why[0] = '\0';
    rig_end(r, why);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct rig *r = arg;
    struct monotime now = clock_now();
    rig_watch_connection(r, now);
    rig_report(r, now);
    if (r->options.seconds > 0 &&
        monotime_ms_between(r->started, now) >= (int64_t)r->options.seconds * 1000)
        rig_time_is_up(r);
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
    (void)number, (void)what;
    rig_end(arg, "");
}

/* --- start, end ------------------------------------------------------------------- */

static void print_json(const struct rig *r, double rate, double seconds)
{
    json_t *reasons = json_array();
    for (size_t i = 0; i < r->reason_count; i++)
        json_array_append_new(reasons,
                              json_pack("{s:i,s:s,s:I}", "code", r->reasons[i].code,
                                        "text", r->reasons[i].text, "count",
                                        (json_int_t)r->reasons[i].count));
    json_t *all =
        json_pack("{s:I,s:I,s:I,s:o,s:I,s:f,s:f,s:f,s:s}", "submitted",
                  (json_int_t)r->submitted, "accepted", (json_int_t)r->accepted,
                  "rejected", (json_int_t)r->rejected, "reasons", reasons, "reconnects",
                  (json_int_t)r->reconnects, "hashes_per_second", rate, "seconds",
                  seconds, "best_difficulty", r->best, "failure", r->failure);
    json_dumpf(all, stdout, JSON_COMPACT);
    fputc('\n', stdout);
    json_decref(all);
}

static void print_summary(const struct rig *r)
{
    struct monotime now = clock_now();
    double rate = rate_between(grind_hashes(r->grind), r->started, now);
    double seconds = (double)(now.ns - r->started.ns) / 1e9;
    if (r->options.json) {
        print_json(r, rate, seconds);
        return;
    }
    printf("%llu accepted, %llu rejected, %.0f hashes/s over %.1f s, best difficulty "
           "%.6g\n",
           (unsigned long long)r->accepted, (unsigned long long)r->rejected, rate,
           seconds, r->best);
    for (size_t i = 0; i < r->reason_count; i++)
        printf("  rejected %llu times: %d %s\n",
               (unsigned long long)r->reasons[i].count, r->reasons[i].code,
               r->reasons[i].text);
}

static struct event *rig_event(struct rig *r, evutil_socket_t fd, short what,
                               event_callback_fn callback)
{
    struct event *e = event_new(r->base, fd, what, callback, r);
    return e;
}

static enum kz_err rig_start(struct rig *r, char why[LINK_WHY_SIZE])
{
    snprintf(why, LINK_WHY_SIZE, "no descriptors or threads left");
    r->home = r->options.link.url;
    r->backoff_ms = 1000;
    r->started = r->reported = clock_now();
    r->base = event_base_new();
    if (r->base == NULL)
        return KZ_IO;
    r->tick = rig_event(r, -1, EV_PERSIST, on_tick);
    r->again = rig_event(r, -1, 0, on_again);
    r->on_int = rig_event(r, SIGINT, EV_SIGNAL | EV_PERSIST, on_signal);
    r->on_term = rig_event(r, SIGTERM, EV_SIGNAL | EV_PERSIST, on_signal);
    struct timeval second = {.tv_sec = 1};
    if (r->tick == NULL || r->again == NULL || r->on_int == NULL ||
        r->on_term == NULL || event_add(r->tick, &second) != 0 ||
        event_add(r->on_int, NULL) != 0 || event_add(r->on_term, NULL) != 0)
        return KZ_IO;
    enum kz_err err = client_group_init(&r->group, why, r->base, &r->options.link,
                                        &r->options.client, &rig_hooks);
    if (err != KZ_OK)
        return err;
    struct grind_settings grind = {.threads = (unsigned)r->options.threads,
                                   .hashes_per_second = r->options.hash_rate,
                                   .base = r->base,
                                   .on_found = on_found,
                                   .owner = r};
    client_init(&r->client, &r->group, 0, r);
    return grind_start(&r->grind, &grind);
}

static void free_event(struct event *e)
{
    if (e != NULL)
        event_free(e);
}

static void rig_stop(struct rig *r)
{
    if (r->client.group != NULL)
        client_close(&r->client);
    grind_stop(r->grind);
    work_clear(&r->task.work);
    client_group_clear(&r->group);
    free_event(r->tick);
    free_event(r->again);
    free_event(r->on_int);
    free_event(r->on_term);
    if (r->base != NULL)
        event_base_free(r->base);
    mem_free(r);
}

static int rig_run(struct rig *r)
{
    rig_connect(r);
    if (!r->ended)
        event_base_dispatch(r->base);
    grind_set_task(r->grind, NULL);
    print_summary(r);
    if (r->failure[0] == '\0')
        return BENCH_OK;
    log_error("rig_failed", kv_str("why", r->failure));
    return BENCH_FAILED;
}

int bench_rig(int argc, char **argv)
{
    struct rig *r = mem_new(sizeof(*r)); /* holds a read buffer: not for the stack */
    char why[LINK_WHY_SIZE];
    int code = BENCH_USAGE;
    enum rig_asked asked = rig_options_parse(&r->options, argc, argv);
    if (asked == RIG_RUN) {
        log_setup(r->options.quiet ? LOG_WARN : LOG_INFO, r->options.json);
        if (rig_start(r, why) == KZ_OK) {
            code = rig_run(r);
        } else {
            fprintf(stderr, "rig: %s\n", why);
            code = BENCH_FAILED;
        }
    }
    rig_stop(r);
    return asked == RIG_HELP ? BENCH_OK : code;
}
