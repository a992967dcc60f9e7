#include "pool/bench/bench_load.h"

#include "conf/clock.h"
#include "conf/log.h"
#include "conf/mem.h"
#include "pool/bench/bench_args.h"
#include "pool/bench/bench_load_parts.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define HANDSHAKES_MAX    512
#define RAMP_TICK_US      1000
#define RAMP_GRACE_S      30 /* for the last answers of the handshakes */
#define DRAIN_S           2  /* for the last replies to shares */
#define AGAIN_TICK_MS     20 /* --reconnect */
#define AGAIN_MIN_MS      20
#define AGAIN_MAX_MS      500
#define DESCRIPTORS_SPARE 64

void load_problem(struct load *l, const char *text)
{
    size_t i = 0;
    while (i < l->problem_count && strcmp(l->problems[i].text, text) != 0)
        i++;
    if (i == LOAD_PROBLEMS)
        i--; /* the last row takes what no longer fits */
    else if (i == l->problem_count)
        snprintf(l->problems[l->problem_count++].text, LINK_WHY_SIZE, "%s", text);
    l->problems[i].count++;
}

void load_fail(struct load *l, const char *why)
{
    if (l->failure[0] == '\0')
        snprintf(l->failure, sizeof(l->failure), "%s", why);
    event_base_loopbreak(l->base);
}

/* --- phases ----------------------------------------------------------------------- */

static void set_timer(struct event *e, int64_t us)
{
    struct timeval tv = {.tv_sec = us / 1000000, .tv_usec = us % 1000000};
    event_add(e, &tv);
}

static void load_measure(struct load *l)
{
    char why[NODE_WHY_SIZE];
    if (l->ready == 0 || (l->ready == l->over && !l->options.reconnect)) {
        load_fail(l, "no connection got as far as a job");
        return;
    }
    l->phase = LOAD_MEASURE;
    event_del(l->ramp);
    getrusage(RUSAGE_SELF, &l->usage_before);
    l->measure_ns = clock_now().ns;
    tips_begin(l->tips);
    if (l->options.node.cookie_file != NULL &&
        node_caller_start(&l->node, why, &l->options.node) != KZ_OK) {
        load_fail(l, why);
        return;
    }
    set_timer(l->phase_end, (int64_t)l->options.seconds * 1000000);
    load_share_begin(l);
    if (l->options.rate > 0)
        load_share_due(l);
}

static void load_drain(struct load *l)
{
    l->phase = LOAD_DRAIN;
    l->measured_ns = clock_now().ns;
    getrusage(RUSAGE_SELF, &l->usage_behind);
    if (l->under_way == 0)
        event_base_loopbreak(l->base);
    else
        set_timer(l->phase_end, DRAIN_S * 1000000);
}

static void on_phase_end(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct load *l = arg;
    if (l->phase == LOAD_RAMP)
        load_measure(l);
    else if (l->phase == LOAD_MEASURE)
        load_drain(l);
    else
        event_base_loopbreak(l->base);
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
    (void)number, (void)what;
    struct load *l = arg;
    if (l->phase == LOAD_RAMP)
        load_fail(l, "interrupted before the measured time began");
    else if (l->phase == LOAD_MEASURE)
        load_drain(l);
    else
        event_base_loopbreak(l->base);
}

static void on_rate(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    load_share_due(arg);
}

/* --- connections ------------------------------------------------------------------ */

/* All opened, and each of them became ready or ended. */
static void ramp_check(struct load *l)
{
    if (l->phase == LOAD_RAMP && l->opened == l->options.connections &&
        l->ready + l->over_unready == l->opened)
        load_measure(l);
}

/* Sooner at first: a pool that is only started anew is back in a moment. */
static void conn_again(struct load_conn *conn)
{
    if (conn->again_ms < AGAIN_MIN_MS)
        conn->again_ms = AGAIN_MIN_MS;
    conn->again_ns = clock_now().ns + conn->again_ms * 1000000;
    conn->again_ms *= 2;
    if (conn->again_ms > AGAIN_MAX_MS)
        conn->again_ms = AGAIN_MAX_MS;
}

static void conn_over(struct load_conn *conn, const char *why)
{
    struct load *l = conn->load;
    if (conn->is_over)
        return;
    conn->is_over = true;
    load_problem(l, why);
    load_share_lost(conn);
    if (conn->is_ready)
        l->over++;
    else if (!l->options.reconnect)
        l->over_unready++;
    conn->is_ready = false;
    conn_again(conn);
    if (l->ready > 0 && l->over == l->ready && l->phase == LOAD_MEASURE &&
        !l->options.reconnect)
        load_fail(l, "all connections were lost");
    if (l->phase == LOAD_DRAIN && l->under_way == 0)
        event_base_loopbreak(l->base);
    ramp_check(l);
}

static void on_step(struct client *c, enum client_step step, int64_t now_ns)
{
    struct load_conn *conn = c->owner;
    struct load *l = conn->load;
    if (conn->was_ready)
        return; /* the ramp's figures are of first connections */
    if (step == CLIENT_CONNECTED)
        hist_add(&l->connect, clock_now().ns - conn->opened_ns);
    else if (step == CLIENT_SUBSCRIBED)
        hist_add(&l->subscribe, now_ns - conn->opened_ns);
    else
        hist_add(&l->authorize, now_ns - conn->opened_ns);
}

static void conn_ready(struct load_conn *conn, int64_t now_ns)
{
    struct load *l = conn->load;
    conn->is_ready = true;
    conn->again_ms = 0;
    if (conn->was_ready) {
        l->over--;
        return;
    }
    conn->was_ready = true;
    l->ready++;
    l->ready_ns = now_ns;
    hist_add(&l->first_job, now_ns - conn->opened_ns);
    ramp_check(l);
}

static void on_notify(struct client *c, const struct scan_notify *n,
                      struct bytes params, int64_t now_ns)
{
    struct load_conn *conn = c->owner;
    struct load *l = conn->load;
    tips_job(l->tips, &conn->tips, n, now_ns);
    if (!c->subscribed)
        return;
    bool shares = l->options.saturate || l->options.rate > 0;
    if (shares && pick_job(&conn->picker, &l->cache, &l->rules, c, n, params) != KZ_OK)
        load_problem(l, "a job that cannot be understood");
    load_level_job(conn);
    if (!conn->is_ready && c->authorized)
        conn_ready(conn, now_ns);
    load_share_job(conn);
}

static void on_terms(struct client *c)
{
    struct load_conn *conn = c->owner;
    pick_terms(&conn->picker, c);
}

static void on_reply(struct client *c, const struct client_reply *r, int64_t now_ns)
{
    struct load_conn *conn = c->owner;
    load_share_reply(conn, r, now_ns);
    if (conn->load->phase == LOAD_DRAIN && conn->load->under_way == 0)
        event_base_loopbreak(conn->load->base);
}

static void on_refused(struct client *c, const struct client_reply *r)
{
    char text[64], why[LINK_WHY_SIZE];
    client_text(text, sizeof(text), r->text);
    snprintf(why, sizeof(why), "login refused: %d %s", r->code, text);
    client_close(c);
    conn_over(c->owner, why);
}

static void on_down(struct client *c, const char *why)
{
    conn_over(c->owner, why);
}

static const struct client_hooks load_hooks = {.on_step = on_step,
                                               .on_notify = on_notify,
                                               .on_reply = on_reply,
                                               .on_refused = on_refused,
                                               .on_down = on_down,
                                               .on_terms = on_terms};

static void open_next(struct load *l)
{
    struct load_conn *conn = &l->conns[l->opened];
    conn->load = l;
    conn->opened_ns = clock_now().ns;
    client_init(&conn->client, &l->group, (uint32_t)l->opened, conn);
    l->opened++;
    client_open(&conn->client);
}

static void on_ramp(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct load *l = arg;
    uint64_t due = l->options.connections;
    if (l->options.ramp > 0) {
        uint64_t elapsed_us = (uint64_t)(clock_now().ns - l->begin_ns) / 1000;
        due = elapsed_us * l->options.ramp / 1000000 + 1;
    }
    if (due > l->options.connections)
        due = l->options.connections;
    while (l->opened < due && l->opened - l->ready - l->over_unready < HANDSHAKES_MAX)
        open_next(l);
    if (l->opened < l->options.connections)
        set_timer(l->ramp, RAMP_TICK_US);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct load *l = arg;
    int64_t now = clock_now().ns;
    if (l->phase == LOAD_DRAIN)
        return;
    for (uint64_t i = 0; i < l->opened; i++) {
        struct load_conn *conn = &l->conns[i];
        if (!conn->is_over || conn->again_ns > now)
            continue;
        conn->is_over = false;
        conn->opened_ns = now;
        l->reconnects++;
        client_open(&conn->client);
    }
}

/* --- start and end ---------------------------------------------------------------- */

static enum kz_err raise_descriptors(const struct load *l, char why[LINK_WHY_SIZE])
{
    struct rlimit limit;
    uint64_t wanted = l->options.connections + DESCRIPTORS_SPARE;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return KZ_IO;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max >= wanted)
        return KZ_OK;
    snprintf(why, LINK_WHY_SIZE,
             "%llu connections need %llu open files and the hard limit is %llu "
             "(ulimit -Hn)",
             (unsigned long long)l->options.connections, (unsigned long long)wanted,
             (unsigned long long)limit.rlim_max);
    return KZ_RANGE;
}

static struct event_base *precise_base(void)
{
    struct event_config *config = event_config_new();
    if (config == NULL)
        return NULL;
    /* Else timers are good to a millisecond, which is longer than a reply takes. */
    event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

static enum kz_err load_start_loop(struct load *l)
{
    l->base = precise_base();
    if (l->base == NULL)
        return KZ_IO;
    l->ramp = event_new(l->base, -1, 0, on_ramp, l);
    l->rate = event_new(l->base, -1, 0, on_rate, l);
    l->phase_end = event_new(l->base, -1, 0, on_phase_end, l);
    l->on_int = event_new(l->base, SIGINT, EV_SIGNAL | EV_PERSIST, on_signal, l);
    l->on_term = event_new(l->base, SIGTERM, EV_SIGNAL | EV_PERSIST, on_signal, l);
    l->again = event_new(l->base, -1, EV_PERSIST, on_again, l);
    if (l->ramp == NULL || l->rate == NULL || l->phase_end == NULL ||
        l->on_int == NULL || l->on_term == NULL || l->again == NULL ||
        event_add(l->on_int, NULL) != 0 || event_add(l->on_term, NULL) != 0)
        return KZ_IO;
    return KZ_OK;
}

static enum kz_err load_start(struct load *l, char why[LINK_WHY_SIZE])
{
    struct load_options *o = &l->options;
    snprintf(why, LINK_WHY_SIZE, "no descriptors left");
    enum kz_err err = raise_descriptors(l, why);
    if (err == KZ_OK)
        err = load_start_loop(l);
    if (err == KZ_OK)
        err = client_group_init(&l->group, why, l->base, &o->link, &o->client,
                                &load_hooks);
    if (err == KZ_OK)
        err = link_group_resolve(&l->group.links, why);
    if (err != KZ_OK)
        return err;
    if (!o->remote_ok && !link_group_is_loopback(&l->group.links)) {
        snprintf(why, LINK_WHY_SIZE,
                 "%.60s is not this computer; a load test of another's needs "
                 "--remote-ok, and its owner's word",
                 o->link.url.host);
        return KZ_RANGE;
    }
    o->node.seconds = o->seconds;
    l->rules = (struct pick_rules){o->mode == LOAD_VALID, o->blocks_ok};
    l->tips = tips_new(o->connections);
    l->conns = mem_array(o->connections, sizeof(l->conns[0]));
    return KZ_OK;
}

static void free_event(struct event *e)
{
    if (e != NULL)
        event_free(e);
}

static void load_stop(struct load *l)
{
    for (uint64_t i = 0; i < l->opened; i++) {
        client_close(&l->conns[i].client);
        pick_clear(&l->conns[i].picker);
        mem_free(l->conns[i].levels);
    }
    node_caller_stop(l->node, NULL);
    mem_free(l->conns);
    tips_free(l->tips);
    pick_cache_clear(&l->cache);
    client_group_clear(&l->group);
    free_event(l->ramp);
    free_event(l->rate);
    free_event(l->phase_end);
    free_event(l->again);
    free_event(l->on_int);
    free_event(l->on_term);
    if (l->base != NULL)
        event_base_free(l->base);
    mem_free(l);
}

static int load_run(struct load *l)
{
    const struct load_options *o = &l->options;
    l->begin_ns = l->ready_ns = clock_now().ns;
    int64_t ramp_s = o->ramp > 0 ? (int64_t)(o->connections / o->ramp) : 0;
    set_timer(l->phase_end, (ramp_s + RAMP_GRACE_S) * 1000000);
    on_ramp(-1, 0, l);
    if (o->reconnect) {
        struct timeval tick = {.tv_usec = AGAIN_TICK_MS * 1000};
        event_add(l->again, &tick);
    }
    event_base_dispatch(l->base);
    if (l->phase == LOAD_MEASURE) { /* interrupted, or failed: what there is */
        l->measured_ns = clock_now().ns;
        getrusage(RUSAGE_SELF, &l->usage_behind);
    }
    for (uint64_t i = 0; i < l->opened; i++)
        load_share_lost(&l->conns[i]);
    node_caller_stop(l->node, &l->blocks);
    l->node = NULL;
    if (l->failure[0] == '\0' && l->blocks.why[0] != '\0')
        load_fail(l, l->blocks.why);
    load_print_report(l);
    if (l->failure[0] == '\0')
        return BENCH_OK;
    fprintf(stderr, "load: %s\n", l->failure);
    return BENCH_FAILED;
}

int bench_load(int argc, char **argv)
{
    struct load *l = mem_new(sizeof(*l)); /* holds a read buffer: not for the stack */
    char why[LINK_WHY_SIZE];
    int code = BENCH_USAGE;
    enum load_asked asked = load_options_parse(&l->options, argc, argv);
    if (asked == LOAD_RUN) {
        enum kz_err err = load_start(l, why);
        code = err == KZ_OK ? load_run(l) : BENCH_FAILED;
        if (err != KZ_OK)
            fprintf(stderr, "load: %s\n", why);
    }
    load_stop(l);
    return asked == LOAD_HELP ? BENCH_OK : code;
}
