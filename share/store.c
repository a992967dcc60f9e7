#include "share/store_internal.h"

#include "conf/log.h"
#include "conf/mem.h"
#include "share/network.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

/* --- the thread ------------------------------------------------------------------- */

static void format_address(const struct store *s, char *out, size_t size)
{
    switch (s->conf.redis_mode) {
    case CONF_REDIS_EMBEDDED:
        snprintf(out, size, "embedded");
        break;
    case CONF_REDIS_UNIX:
        snprintf(out, size, "unix://%s", s->conf.redis_path);
        break;
    case CONF_REDIS_TCP:
        snprintf(out, size, "redis://%s:%u/%u", s->conf.redis_host, s->conf.redis_port,
                 s->conf.redis_db);
        break;
    case CONF_REDIS_SENTINEL:
        if (s->sentinel != NULL)
            redis_sentinel_format(s->sentinel, out, size);
        else /* stopping */
            snprintf(out, size, "sentinel://%s", s->conf.redis_master);
        break;
    }
}

static void publish_status(struct store *s)
{
    struct redis_server_stats server = {0};
    struct journal_stream_stats journal;
    if (s->server != NULL)
        redis_server_stats(s->server, &server);
    if (s->is_reader)
        journal = (struct journal_stream_stats){0};
    else
        journal_stats(&journal, s->journal);
    pthread_mutex_lock(&s->lock);
    struct store_shared *h = &s->shared;
    bool moved = h->batches_applied != s->batches_applied ||
                 h->events_applied != s->events_applied || h->slices != s->slices ||
                 h->phase != s->phase;
    h->phase = s->phase;
    h->batches_applied = s->batches_applied;
    h->shares_applied = s->shares_applied;
    h->events_applied = s->events_applied;
    h->last_applied_ms = s->last_applied_ms;
    h->pending_records = s->is_reader ? 0 : ship_pending(s);
    h->replay_total = s->replay_total;
    h->slices = s->slices;
    h->open_work = s->is_reader ? 0 : slice_open_total(s->slice);
    h->segments_released = s->segments_released;
    h->server = server;
    h->journal = journal;
    h->is_drained = ship_is_done(s);
    h->has_all_events = ship_has_all_events(s);
    h->sliced_until_ms = feeds_sliced_until(s);
    h->applied_until_ms = feeds_applied_until(s);
    h->generation = atomic_load(&s->generation);
    memcpy(h->version, s->version, sizeof(h->version));
    memcpy(h->error, s->error, sizeof(h->error));
    memcpy(h->alarm, s->alarm, sizeof(h->alarm));
    memcpy(h->journal_alarm, s->journal_alarm, sizeof(h->journal_alarm));
    format_address(s, h->address, sizeof(h->address));
    pthread_mutex_unlock(&s->lock);
    if (moved && s->hooks.on_progress != NULL)
        s->hooks.on_progress(s->hooks.ctx);
}

static void begin_stop(struct store *s)
{
    s->stopping = true;
    s->stop_by = monotime_add_ms(clock_now(), (int64_t)atomic_load(&s->stop_flush_ms));
}

static void write_tick(struct store *s)
{
    struct monotime now = clock_now();
    if (s->stopping ||
        monotime_ms_between(s->noted_at, now) >= (int64_t)s->conf.flush_ms) {
        notes_write(s);
        s->noted_at = now;
    }
    keep_tick(s);
    ship_tick(s);
    registry_tick(s);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct store *s = arg;
    if (atomic_load(&s->stop) && !s->stopping)
        begin_stop(s);
    if (s->is_reader)
        ship_connect(s);
    else
        write_tick(s);
    publish_status(s);
    if (s->stopping &&
        (ship_is_done(s) || monotime_ms_between(s->stop_by, clock_now()) >= 0))
        event_base_loopexit(s->base, NULL);
}

static void *run_thread(void *arg)
{
    struct store *s = arg;
    /* A server that dies while we write to it is an error of write(), not our end. */
    sigset_t pipe_signal;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, NULL);
    ship_start(s);
    event_base_dispatch(s->base);
    if (!s->is_reader && ship_pending(s) > 0)
        log_warn(
            "store_stopped_before_redis_had_all", kv_u64("records", ship_pending(s)),
            kv_str("means", "they are in the journal and applied at the next start"));
    ship_stop(s);
    events_drop_waits(s);
    return NULL;
}

static enum kz_err start_loop(struct store *s)
{
    struct timeval every = {.tv_usec = STORE_TICK_MS * 1000};
    s->base = event_base_new();
    if (s->base == NULL)
        return KZ_IO;
    s->mailbox = mailbox_new(s->base, STORE_REQUESTS_MAX, s);
    s->tick = event_new(s->base, -1, EV_PERSIST, on_tick, s);
    if (s->mailbox == NULL || s->tick == NULL || event_add(s->tick, &every) != 0)
        return KZ_IO;
    return KZ_OK;
}

/* `terms` NULL: a reader. */
static enum kz_err start(struct store *s, const struct slice_terms *terms)
{
    enum kz_err err = s->is_reader ? KZ_OK : feeds_open(s);
    if (err == KZ_OK && !s->is_reader)
        err = feeds_catch_up(s, terms);
    if (err == KZ_OK)
        err = start_loop(s);
    if (err != KZ_OK)
        return err;
    publish_status(s);
    if (pthread_create(&s->thread, NULL, run_thread, s) != 0)
        return KZ_IO;
    s->has_thread = true;
    return KZ_OK;
}

static struct store *store_new(const struct conf *conf)
{
    struct store *s = mem_new(sizeof(*s));
    pthread_mutex_init(&s->lock, NULL);
    notes_open(s);
    s->conf = *conf;
    s->unit = network_of(conf->network)->work_unit;
    s->puts_end = &s->puts;
    s->events.end = &s->events.first;
    return s;
}

static enum kz_err start_or_free(struct store **out, struct store *s,
                                 const struct slice_terms *terms)
{
    enum kz_err err = start(s, terms);
    if (err != KZ_OK) {
        log_error("store_not_started", kv_str("why", kz_err_text(err)));
        store_stop(s, 0);
        return err;
    }
    *out = s;
    return KZ_OK;
}

enum kz_err store_start(struct store **out, const struct conf *conf,
                        struct journal *journal, const struct slice_terms *terms,
                        const struct store_hooks *hooks)
{
    struct store *s = store_new(conf);
    if (hooks != NULL)
        s->hooks = *hooks;
    s->journal = journal;
    return start_or_free(out, s, terms);
}

enum kz_err store_start_reader(struct store **out, const struct conf *conf)
{
    struct store *s = store_new(conf);
    s->is_reader = true;
    return start_or_free(out, s, NULL);
}

void store_stop(struct store *s, uint32_t flush_ms)
{
    if (s == NULL)
        return;
    if (s->has_thread) {
        atomic_store(&s->stop_flush_ms, flush_ms);
        atomic_store(&s->stop, true);
        pthread_join(s->thread, NULL);
    }
    mailbox_free(s->mailbox); /* those not begun are answered by drop_posted() */
    registry_drop_puts(s);
    if (s->tick != NULL)
        event_free(s->tick);
    if (s->base != NULL)
        event_base_free(s->base);
    feeds_close(s);
    keep_disconnected(s);
    notes_close(s);
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
}

/* --- from other threads ----------------------------------------------------------- */

void store_hold_journal(struct store *s, bool is_on)
{
    atomic_store(&s->holds_journal, is_on);
}

void request_end(struct store_request *r, enum kz_err err, json_t *value,
                 const char *text)
{
    /* Before the answer: who asked may hold parts of it, and is not to meet us at them. */
    json_decref(r->value);
    json_decref(r->event);
    r->on_reply(r->ctx, err, value, text);
    mem_free(r);
}

struct posted {
    struct store_request *request;
    void (*run)(struct store_request *r);
};

static void run_posted(void *owner, void *arg)
{
    (void)owner;
    struct posted *p = arg;
    p->run(p->request);
    mem_free(p);
}

static void drop_posted(void *arg)
{
    struct posted *p = arg;
    request_end(p->request, KZ_IO, NULL, "the store is stopping");
    mem_free(p);
}

void request_post(struct store *s, const struct store_request *r,
                  void (*run)(struct store_request *r))
{
    struct posted *p = mem_new(sizeof(*p));
    p->request = mem_copy(r, sizeof(*r));
    p->request->store = s;
    p->run = run;
    struct mailbox_call call = {.run = run_posted, .drop = drop_posted, .arg = p};
    if (mailbox_post(s->mailbox, call) == KZ_OK)
        return;
    request_end(p->request, KZ_BUSY, NULL, "too many requests to the store");
    mem_free(p);
}

/* --- status ----------------------------------------------------------------------- */

static const char *phase_name(const struct store *s, const struct store_shared *h)
{
    switch (h->phase) {
    case SHIP_READY:
        return h->alarm[0] != '\0' ? "alarm" : "ready";
    case SHIP_STOPPED:
        return "stopped";
    case SHIP_HEALING:
        return "healing";
    case SHIP_GREETING:
    case SHIP_DOWN:
        break;
    }
    return s->conf.redis_mode == CONF_REDIS_EMBEDDED &&
                   h->server.state != REDIS_SERVER_RUNNING
               ? redis_server_state_name(h->server.state)
               : "connecting";
}

static void set_u64(json_t *o, const char *key, uint64_t v)
{
    json_object_set_new(o, key, json_integer((json_int_t)v));
}

static struct store_shared *snapshot(struct store *s)
{
    struct store_shared *h = mem_new(sizeof(*h));
    pthread_mutex_lock(&s->lock);
    *h = s->shared;
    pthread_mutex_unlock(&s->lock);
    return h;
}

json_t *store_status(struct store *s)
{
    struct store_shared *h = snapshot(s);
    json_t *o = json_object();
    json_object_set_new(o, "state", json_string(phase_name(s, h)));
    json_object_set_new(o, "address", json_string(h->address));
    json_object_set_new(o, "version", json_string(h->version));
    json_object_set_new(o, "error",
                        json_string(h->error[0] != '\0' ? h->error : h->server.why));
    json_object_set_new(o, "alarm", json_string(h->alarm));
    set_u64(o, "batches", h->batches_applied);
    set_u64(o, "shares_applied", h->shares_applied);
    set_u64(o, "events_applied", h->events_applied);
    set_u64(o, "refusals_dropped", h->refusals_dropped);
    set_u64(o, "refusals_folded", h->refusals_folded);
    set_u64(o, "refusals_unsealed", h->refusals_unsealed);
    set_u64(o, "rigs_dropped", h->rigs_dropped);
    set_u64(o, "last_applied_ms", (uint64_t)h->last_applied_ms);
    set_u64(o, "pid", (uint64_t)h->server.pid);
    set_u64(o, "restarts", h->server.restarts);
    json_t *replay = json_object();
    uint64_t total = h->replay_total, pending = h->pending_records;
    set_u64(replay, "pending_records", pending);
    set_u64(replay, "total", total);
    set_u64(replay, "applied", total > pending ? total - pending : 0);
    json_object_set_new(o, "replay", replay);
    mem_free(h);
    return o;
}

json_t *store_journal_status(struct store *s)
{
    struct store_shared *h = snapshot(s);
    const struct journal_stream_stats *j = &h->journal;
    json_t *o = json_object();
    json_object_set_new(o, "state",
                        json_string(h->journal_alarm[0] == '\0' ? "ready"
                                    : j->no_space               ? "no_space"
                                                                : "failed"));
    json_object_set_new(o, "id", json_string(journal_id(s->journal)));
    json_object_set_new(o, "alarm", json_string(h->journal_alarm));
    set_u64(o, "streams", journal_stream_count(s->journal));
    set_u64(o, "segments", j->segments);
    set_u64(o, "disk_bytes", j->disk_bytes);
    set_u64(o, "unsynced_bytes", j->unsynced_bytes);
    set_u64(o, "unread_bytes", j->unread_bytes);
    set_u64(o, "refused", j->refused);
    json_object_set_new(o, "no_space", json_boolean(j->no_space));
    json_object_set_new(o, "sync_failed", json_boolean(j->sync_failed));
    set_u64(o, "released", h->segments_released);
    set_u64(o, "slices", h->slices);
    set_u64(o, "open_work", h->open_work);
    mem_free(h);
    return o;
}

bool store_is_drained(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    bool is = s->shared.is_drained;
    pthread_mutex_unlock(&s->lock);
    return is;
}

static int64_t shared_ms(struct store *s, const int64_t *of)
{
    pthread_mutex_lock(&s->lock);
    int64_t ms = *of;
    pthread_mutex_unlock(&s->lock);
    return ms;
}

int64_t store_sliced_until(struct store *s)
{
    return shared_ms(s, &s->shared.sliced_until_ms);
}

int64_t store_applied_until(struct store *s)
{
    return shared_ms(s, &s->shared.applied_until_ms);
}
