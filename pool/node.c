#include "pool/node.h"

#include "conf/log.h"
#include "conf/mem.h"
#include "pool/node_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- how high the tips are ---------------------------------------------------- */

static bool is_in_order(const struct node *n)
{
    return n->reached && !n->in_download &&
           strcmp(n->chain, n->all->network->chain) == 0;
}

uint32_t nodes_best_height(const struct nodes *all)
{
    uint32_t best = 0;
    for (size_t i = 0; i < all->count; i++) {
        const struct node *n = &all->node[i];
        if (is_in_order(n) && n->blocks > best)
            best = n->blocks;
    }
    return best;
}

/* Our work's own tip counts as known for a while after the node that gave it left. */
static uint32_t height_to_reach(const struct nodes *all)
{
    uint32_t best = nodes_best_height(all);
    if (all->in_force == NULL ||
        monotime_ms_between(all->up_to_date_at, clock_now()) >= NODE_HOLD_MS)
        return best;
    uint32_t ours = all->in_force->height - 1;
    return ours > best ? ours : best;
}

/* --- judging ------------------------------------------------------------------ */

static int64_t behind_ms(struct node *n, uint32_t best)
{
    bool is_behind = n->reached && n->blocks + n->all->conf->node_behind_blocks <= best;
    if (!is_behind) {
        n->behind_at.ns = 0;
        return -1;
    }
    if (n->behind_at.ns == 0)
        n->behind_at = clock_now();
    return monotime_ms_between(n->behind_at, clock_now());
}

static int64_t age_max_ms(const struct node *n)
{
    const struct conf *c = n->all->conf;
    return 3000 * (int64_t)c->template_refresh_seconds * NODE_SPARE_FACTOR +
           2000 * (int64_t)c->node_timeout_seconds;
}

static struct node_facts gather(struct node *n, uint32_t best)
{
    const struct nodes *all = n->all;
    return (struct node_facts){
        .reached = n->reached,
        .fault = n->fault,
        .chain = n->chain,
        .want_chain = all->network->chain,
        .in_download = n->in_download,
        .blocks = n->blocks,
        .headers = n->headers,
        .behind_ms = behind_ms(n, best),
        .behind_blocks = all->conf->node_behind_blocks,
        .refusal_code = n->refusal_code,
        .template_fault = n->template_fault,
        .bad_templates = n->bad_templates,
        .has_template = n->held != NULL,
        .template_age_ms =
            n->held != NULL ? monotime_ms_between(n->held_at, clock_now()) : 0,
        .template_age_max_ms = age_max_ms(n),
    };
}

static void change_state(struct node *n, enum node_state state)
{
    enum log_level level = state == NODE_HEALTHY ? LOG_INFO : LOG_WARN;
    /* Before its first template a node is only on its way. */
    if (state == NODE_STALLED && n->template_fault[0] == '\0')
        level = LOG_DEBUG;
    LOG_LINE(level, "node_state_changed", kv_str("node", n->conf->url),
             kv_str("from", node_state_name(n->state)),
             kv_str("to", node_state_name(state)), kv_str("why", n->why));
    n->was_away = n->was_away || n->state == NODE_HEALTHY;
    n->state = state;
    n->state_at = clock_now();
}

static void judge(struct node *n, uint32_t best)
{
    char before[NODE_WHY_SIZE];
    memcpy(before, n->why, sizeof(before));
    struct node_facts facts = gather(n, best);
    enum node_state state = node_judge(&facts, n->why);
    bool is_news = state == NODE_UNREACHABLE && strcmp(before, n->why) != 0;
    if (state != n->state || is_news)
        change_state(n, state);
}

/* --- choosing ----------------------------------------------------------------- */

static bool is_usable(const struct node *n)
{
    return n->state == NODE_HEALTHY && n->held != NULL;
}

static void look_up_to_date(struct nodes *all)
{
    for (size_t i = 0; i < all->count; i++) {
        const struct node *n = &all->node[i];
        if (all->in_force != NULL && is_usable(n) &&
            n->held->height >= all->in_force->height)
            all->up_to_date_at = clock_now();
    }
}

/* May work on an older tip replace what is in force? Only when the very node that gave
 * the newer one has gone back itself, without having been away, or when nobody has
 * known the newer one for long. */
static bool is_believed(const struct nodes *all, const struct template *t)
{
    if (all->in_force == NULL || t->height >= all->in_force->height)
        return true;
    const struct node *used = &all->node[all->in_use];
    if (is_usable(used) && used->run == all->in_use_run)
        return true;
    return monotime_ms_between(all->up_to_date_at, clock_now()) >= NODE_HOLD_MS;
}

static void log_node_in_use(const struct nodes *all, size_t i)
{
    const struct node *to = &all->node[i];
    if (all->in_use == NODE_NONE) {
        log_info("node_in_use", kv_str("node", to->conf->url));
        return;
    }
    const struct node *from = &all->node[all->in_use];
    /* With the other well it was only first with a tip, or has been taken back. */
    enum log_level level = is_usable(from) ? LOG_DEBUG : LOG_WARN;
    if (is_usable(from) && to->was_away)
        level = LOG_INFO;
    LOG_LINE(level, "node_in_use_changed", kv_str("from", from->conf->url),
             kv_str("from_state", node_state_name(from->state)),
             kv_str("to", to->conf->url), kv_str("why", from->why));
}

static void put_in_force(struct nodes *all, size_t i)
{
    struct node *n = &all->node[i];
    struct template *t = n->held;
    bool new_tip = all->in_force == NULL ||
                   !hash256_equal(&t->prev_hash, &all->in_force->prev_hash);
    if (all->in_force != NULL && t->height < all->in_force->height)
        log_warn("tip_went_back", kv_str("node", n->conf->url),
                 kv_u64("from_height", all->in_force->height - 1),
                 kv_u64("to_height", t->height - 1));
    if (all->in_use != i) {
        log_node_in_use(all, i);
        /* Until now its refresh was a spare's. */
        n->template_due = monotime_add_ms(
            n->held_at, (int64_t)all->conf->template_refresh_seconds * 1000);
    }
    template_unref(all->in_force);
    all->in_force = template_ref(t);
    all->in_use = i;
    all->in_use_run = n->run;
    all->in_force_at = all->up_to_date_at = clock_now();
    all->hold_said = false;
    all->hooks.on_template(all->hooks.ctx, all->in_force, new_tip, i);
}

/* The node in use is well and as high: going back to a preferred one can wait until its
 * work would be refreshed anyway, and need not cost all rigs a job of its own. */
static bool can_wait(const struct nodes *all, size_t i)
{
    if (all->in_use == NODE_NONE || all->in_use == i ||
        !is_usable(&all->node[all->in_use]) ||
        !hash256_equal(&all->node[i].held->prev_hash, &all->in_force->prev_hash))
        return false;
    return monotime_ms_between(all->in_force_at, clock_now()) <
           (int64_t)all->conf->template_refresh_seconds * 1000;
}

/* At the start all are asked at once, and a spare may answer first by a millisecond. */
static bool must_wait_for_preferred(const struct nodes *all, size_t i)
{
    if (all->in_use != NODE_NONE ||
        monotime_ms_between(all->started_at, clock_now()) >= NODE_START_MS)
        return false;
    for (size_t k = 0; k < i; k++) {
        const struct node *n = &all->node[k];
        bool is_on_its_way =
            n->state == NODE_STALLED && n->held == NULL && n->template_fault[0] == '\0';
        if (!n->heard || is_on_its_way)
            return true;
    }
    return false;
}

static void hold_back(struct nodes *all, size_t i)
{
    if (all->hold_said)
        return;
    all->hold_said = true;
    log_warn("template_held_back", kv_str("node", all->node[i].conf->url),
             kv_u64("its_height", all->node[i].held->height),
             kv_u64("ours", all->in_force->height),
             kv_str("why", "its tip is older than that of the work in force"));
}

static void choose(struct nodes *all)
{
    struct node_view views[CONF_NODES_MAX];
    for (size_t i = 0; i < all->count; i++) {
        const struct node *n = &all->node[i];
        views[i] =
            (struct node_view){.is_usable = is_usable(n), .was_away = n->was_away};
        views[i].healthy_ms = monotime_ms_between(n->state_at, clock_now());
        if (n->held != NULL) {
            views[i].height = n->held->height;
            views[i].prev_hash = n->held->prev_hash;
        }
    }
    size_t i = node_choose(views, all->count, all->in_use);
    if (i == NODE_NONE || all->node[i].held == all->in_force || can_wait(all, i) ||
        must_wait_for_preferred(all, i))
        return;
    if (is_believed(all, all->node[i].held))
        put_in_force(all, i);
    else
        hold_back(all, i);
}

void nodes_review(struct nodes *all)
{
    uint32_t best = height_to_reach(all);
    for (size_t i = 0; i < all->count; i++)
        judge(&all->node[i], best);
    look_up_to_date(all);
    choose(all);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct nodes *all = arg;
    nodes_review(all);
    for (size_t i = 0; i < all->count; i++)
        node_ask_due(&all->node[i]);
    node_send_due(all);
}

/* --- start and stop ----------------------------------------------------------- */

/* Of its own, so that only names need it; without /etc/resolv.conf names come from
 * /etc/hosts alone. */
static void dns_start(struct nodes *all)
{
    bool has_name = false;
    for (size_t i = 0; i < all->conf->node_count; i++)
        has_name = has_name || rpc_url_has_name(all->conf->nodes[i].url);
    if (!has_name)
        return;
    all->dns = evdns_base_new(all->base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    if (all->dns == NULL)
        return;
    if (evdns_base_resolv_conf_parse(all->dns, DNS_OPTIONS_ALL, "/etc/resolv.conf") !=
        0)
        log_warn("resolv_conf_not_read", kv_str("path", "/etc/resolv.conf"));
}

static enum kz_err conn_start(struct rpc **out, struct node *n)
{
    const char *why = "";
    enum kz_err err =
        rpc_new(out, &why, n->all->base, n->all->dns, n->conf->url, n->auth);
    /* Not the url itself: a refused one may hold a password. */
    if (err != KZ_OK)
        log_error("node_url_refused", kv_u64("nodes", n->index), kv_str("why", why));
    return err;
}

static enum kz_err node_start(struct nodes *all, size_t i)
{
    struct node *n = &all->node[i];
    n->all = all;
    n->index = i;
    n->conf = &all->conf->nodes[i];
    n->auth = rpc_auth_new(n->conf->cookie_file, n->conf->user, n->conf->password_file);
    snprintf(n->fault, sizeof(n->fault), "not asked yet");
    snprintf(n->why, sizeof(n->why), "not asked yet");
    n->state = NODE_UNREACHABLE;
    n->state_at = clock_now();
    all->count = i + 1;
    enum kz_err err;
    if ((err = conn_start(&n->calls, n)) != KZ_OK ||
        (err = conn_start(&n->polls, n)) != KZ_OK ||
        (err = conn_start(&n->sends, n)) != KZ_OK)
        return err;
    return conn_start(&n->proposals, n);
}

static enum kz_err all_start(struct nodes *all)
{
    struct timeval tick = {0, NODE_TICK_MS * 1000};
    dns_start(all);
    for (size_t i = 0; i < all->conf->node_count; i++) {
        enum kz_err err = node_start(all, i);
        if (err != KZ_OK)
            return err;
    }
    all->tick = event_new(all->base, -1, EV_PERSIST, on_tick, all);
    if (all->tick == NULL || event_add(all->tick, &tick) != 0)
        return KZ_IO;
    event_active(all->tick, EV_TIMEOUT, 0);
    return KZ_OK;
}

enum kz_err nodes_start(struct nodes **out, struct event_base *base,
                        const struct conf *conf, const struct node_hooks *hooks)
{
    struct nodes *all = mem_new(sizeof(*all));
    all->base = base;
    all->conf = conf;
    all->network = network_of(conf->network);
    all->hooks = *hooks;
    all->in_use = NODE_NONE;
    all->started_at = clock_now();
    enum kz_err err = all_start(all);
    if (err == KZ_OK)
        *out = all;
    else
        nodes_stop(all);
    return err;
}

static void node_stop(struct node *n)
{
    rpc_free(n->calls);
    rpc_free(n->polls);
    rpc_free(n->sends);
    rpc_free(n->proposals);
    rpc_auth_free(n->auth);
    template_unref(n->held);
}

void nodes_stop(struct nodes *n)
{
    if (n == NULL)
        return;
    n->stopping = true;
    if (n->tick != NULL)
        event_free(n->tick);
    for (size_t i = 0; i < n->count; i++)
        node_stop(&n->node[i]);
    node_send_clear(n);
    if (n->dns != NULL)
        evdns_base_free(n->dns, 1);
    template_unref(n->in_force);
    mem_free(n);
}

void nodes_nudge(struct nodes *n)
{
    for (size_t i = 0; i < n->count; i++)
        node_ask_template(&n->node[i]);
}

/* --- status ------------------------------------------------------------------- */

static json_t *node_status(const struct nodes *all, const struct node *n)
{
    json_int_t age =
        n->held != NULL ? monotime_ms_between(n->held_at, clock_now()) : -1;
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:s, s:I, s:b, s:b, s:I, s:s}", "url",
                     n->conf->url, "state", node_state_name(n->state), "why", n->why,
                     "blocks", (json_int_t)n->blocks, "headers", (json_int_t)n->headers,
                     "version", n->version, "template_age_ms", age, "preferred",
                     n->index == 0, "in_use", n->index == all->in_use, "latency_ms",
                     (json_int_t)n->latency_ms, "proposal",
                     n->index == all->in_use ? all->proposal_answer : "");
}

json_t *nodes_status(const struct nodes *n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n->count; i++) {
        json_t *one = node_status(n, &n->node[i]);
        if (one != NULL) /* NULL: a node's text was no UTF-8 */
            json_array_append_new(list, one);
    }
    return list;
}
