#include "share/store_internal.h"

#include "conf/log.h"
#include "conf/mem.h"
#include "share/network.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/* --- adding up -------------------------------------------------------------------- */

static bool take_records(struct store *s)
{
    for (size_t i = 0; i < s->queue_count; i++) {
        size_t q = (s->next_queue + i) % s->queue_count;
        s->record_count = record_queue_take(s->queues[q], s->records, STORE_TAKE_MAX);
        s->record_at = 0;
        if (s->record_count > 0) {
            s->next_queue = (q + 1) % s->queue_count;
            return true;
        }
    }
    return false;
}

static size_t entries_waiting(const struct store *s)
{
    size_t open, closed;
    tally_entries(s->open, &open);
    tally_entries(s->closed, &closed);
    return open + (closed - s->closed_at);
}

/* False when memory's bound is reached: the rest stays where it is, the queues fill,
 * and shares are refused as overloaded. */
static bool add_records(struct store *s)
{
    while (s->record_at < s->record_count) {
        if (entries_waiting(s) >= STORE_ENTRIES_MAX ||
            tally_add(s->open, &s->records[s->record_at]) != KZ_OK)
            return false;
        s->record_at++;
    }
    return true;
}

static void drain_queues(struct store *s)
{
    /* Bounded by what the queues can hold, so that a fast writer cannot keep us here.
     */
    for (size_t turns = 0; turns < 4096; turns++) {
        if (!add_records(s) || !take_records(s))
            return;
    }
}

static void drain_refusals(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    size_t i = 0;
    while (i < s->shared.refusal_count &&
           tally_refuse(s->open, s->shared.refusals[i].reason,
                        s->shared.refusals[i].hour * 3600000,
                        s->shared.refusals[i].count) == KZ_OK)
        i++;
    s->shared.refusal_count -= i;
    memmove(s->shared.refusals, s->shared.refusals + i,
            s->shared.refusal_count * sizeof(s->shared.refusals[0]));
    pthread_mutex_unlock(&s->lock);
}

static void publish_status(struct store *s)
{
    struct redis_server_stats server = {0};
    uint64_t waiting = 0, queued = s->record_count - s->record_at;
    if (s->server != NULL)
        redis_server_stats(s->server, &server);
    for (const struct batch *b = s->first; b != NULL; b = b->next)
        waiting += !b->is_acked;
    for (size_t i = 0; i < s->queue_count; i++)
        queued += record_queue_count(s->queues[i]);
    pthread_mutex_lock(&s->lock);
    struct store_shared *h = &s->shared;
    h->phase = s->phase;
    h->batches_applied = s->batches_applied;
    h->shares_applied = s->shares_applied;
    h->healed_batches = s->healed_batches;
    h->last_applied_ms = s->last_applied_ms;
    h->batches_waiting = waiting;
    h->entries_waiting = entries_waiting(s);
    h->queued = queued;
    h->server = server;
    memcpy(h->version, s->version, sizeof(h->version));
    memcpy(h->error, s->error, sizeof(h->error));
    memcpy(h->alarm, s->alarm, sizeof(h->alarm));
    pthread_mutex_unlock(&s->lock);
}

/* --- the thread ------------------------------------------------------------------- */

static void begin_stop(struct store *s)
{
    s->stopping = true;
    s->stop_by = monotime_add_ms(clock_now(), (int64_t)atomic_load(&s->stop_flush_ms));
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct store *s = arg;
    if (atomic_load(&s->stop) && !s->stopping)
        begin_stop(s);
    drain_queues(s);
    drain_refusals(s);
    ship_tick(s);
    publish_status(s);
    if (s->stopping &&
        (ship_is_done(s) || monotime_ms_between(s->stop_by, clock_now()) >= 0))
        event_base_loopexit(s->base, NULL);
}

static void log_leftovers(const struct store *s)
{
    uint64_t shares = 0, batches = 0, work = 0;
    size_t count;
    for (const struct batch *b = s->first; b != NULL; b = b->next) {
        if (b->is_acked)
            continue;
        batches++;
        shares += b->shares;
        work += b->work;
    }
    const struct tally *const tallies[] = {s->open, s->closed};
    for (size_t t = 0; t < 2; t++) {
        const struct tally_entry *e = tally_entries(tallies[t], &count);
        for (size_t i = t == 1 ? s->closed_at : 0; i < count; i++) {
            shares += e[i].accepted;
            work += e[i].work;
        }
    }
    if (shares > 0)
        log_error("store_stopped_with_work_not_stored", kv_u64("shares", shares),
                  kv_u64("work", work), kv_u64("batches", batches));
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
    log_leftovers(s);
    ship_stop(s);
    return NULL;
}

static void make_id(struct store *s)
{
    uint8_t random[16];
    uint64_t seed = 0;
    bool has_random = getrandom(random, sizeof(random), 0) == (ssize_t)sizeof(random) &&
                      getrandom(&seed, sizeof(seed), 0) == (ssize_t)sizeof(seed);
    assert(has_random); /* so few bytes never fail once the system is up */
    hex_encode(s->id, random, sizeof(random));
    s->open = tally_new(STORE_ENTRIES_MAX, seed);
    s->closed = tally_new(STORE_ENTRIES_MAX, seed);
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

enum kz_err store_start(struct store **out, const struct conf *conf,
                        struct record_queue **queues, size_t queue_count)
{
    struct store *s = mem_new(sizeof(*s));
    pthread_mutex_init(&s->lock, NULL);
    s->conf = *conf;
    s->unit = network_of(conf->network)->work_unit;
    s->queue_count = queue_count;
    s->queues = mem_array(queue_count, sizeof(*s->queues));
    if (queue_count > 0)
        memcpy(s->queues, queues, queue_count * sizeof(*queues));
    s->records = mem_array(STORE_TAKE_MAX, sizeof(*s->records));
    s->first_kept = 1;
    make_id(s);
    if (start_loop(s) != KZ_OK ||
        pthread_create(&s->thread, NULL, run_thread, s) != 0) {
        log_error("store_not_started");
        store_stop(s, 0);
        return KZ_IO;
    }
    s->has_thread = true;
    *out = s;
    return KZ_OK;
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
    if (s->tick != NULL)
        event_free(s->tick);
    if (s->base != NULL)
        event_base_free(s->base);
    while (s->first != NULL) {
        struct batch *b = s->first;
        s->first = b->next;
        batch_free(b);
    }
    tally_free(s->open);
    tally_free(s->closed);
    mem_free(s->records);
    mem_free(s->queues);
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
}

/* --- from other threads ----------------------------------------------------------- */

enum kz_err store_count_refusal(struct store *s, const char *reason, int64_t time_ms)
{
    int64_t hour = time_ms / 3600000;
    pthread_mutex_lock(&s->lock);
    struct store_shared *h = &s->shared;
    size_t i = 0;
    while (i < h->refusal_count &&
           (h->refusals[i].hour != hour ||
            strncmp(h->refusals[i].reason, reason, TALLY_REASON_MAX) != 0))
        i++;
    enum kz_err err = i < TALLY_REFUSALS_MAX ? KZ_OK : KZ_BUSY;
    if (err != KZ_OK)
        h->refusals_dropped++;
    else if (i < h->refusal_count)
        h->refusals[i].count++;
    else {
        struct tally_refusal *f = &h->refusals[h->refusal_count++];
        snprintf(f->reason, sizeof(f->reason), "%s", reason);
        f->hour = hour;
        f->count = 1;
    }
    pthread_mutex_unlock(&s->lock);
    return err;
}

void request_end(struct store_request *r, enum kz_err err, json_t *value,
                 const char *text)
{
    r->on_reply(r->ctx, err, value, text);
    json_decref(r->value);
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
        snprintf(out, size, "sentinel://%s", s->conf.redis_master);
        break;
    }
}

static void set_u64(json_t *o, const char *key, uint64_t v)
{
    json_object_set_new(o, key, json_integer((json_int_t)v));
}

json_t *store_status(struct store *s)
{
    struct store_shared *h = mem_new(sizeof(*h));
    pthread_mutex_lock(&s->lock);
    *h = s->shared;
    pthread_mutex_unlock(&s->lock);
    char address[2 * CONF_TEXT_MAX];
    format_address(s, address, sizeof(address));
    json_t *o = json_object();
    json_object_set_new(o, "state", json_string(phase_name(s, h)));
    json_object_set_new(o, "address", json_string(address));
    json_object_set_new(o, "version", json_string(h->version));
    json_object_set_new(o, "error",
                        json_string(h->error[0] != '\0' ? h->error : h->server.why));
    json_object_set_new(o, "alarm", json_string(h->alarm));
    set_u64(o, "batches", h->batches_applied);
    set_u64(o, "batches_waiting", h->batches_waiting);
    set_u64(o, "batches_healed", h->healed_batches);
    set_u64(o, "shares_applied", h->shares_applied);
    set_u64(o, "entries_waiting", h->entries_waiting);
    set_u64(o, "queued", h->queued);
    set_u64(o, "refusals_dropped", h->refusals_dropped);
    set_u64(o, "last_applied_ms", (uint64_t)h->last_applied_ms);
    set_u64(o, "pid", (uint64_t)h->server.pid);
    set_u64(o, "restarts", h->server.restarts);
    mem_free(h);
    return o;
}
