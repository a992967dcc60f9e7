#include "pool/node_parts.h"

#include "conf/log.h"
#include "conf/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_due(struct monotime at)
{
    return clock_now().ns >= at.ns;
}

static struct monotime in_ms(int64_t ms)
{
    return monotime_add_ms(clock_now(), ms);
}

static uint32_t timeout_ms(const struct node *n)
{
    return n->all->conf->node_timeout_seconds * 1000;
}

static bool is_in_use(const struct node *n)
{
    return n->all->in_use == n->index;
}

static int64_t refresh_ms(const struct node *n)
{
    int64_t ms = (int64_t)n->all->conf->template_refresh_seconds * 1000;
    return is_in_use(n) ? ms : ms * NODE_SPARE_FACTOR;
}

/* --- losing it ---------------------------------------------------------------- */

/* What it gave before it went may be of an older tip, or of another chain. */
void node_ask_lost(struct node *n, const char *fault)
{
    if (n->reached)
        n->run++;
    n->reached = false;
    n->refusal_code = 0;
    n->bad_templates = 0;
    n->template_fault[0] = '\0';
    snprintf(n->fault, sizeof(n->fault), "%s", fault);
    template_unref(n->held);
    n->held = NULL;
    n->info_due = in_ms(NODE_AWAY_MS);
}

/* --- health ------------------------------------------------------------------- */

static uint32_t read_count(const json_t *info, const char *name)
{
    json_int_t v = json_integer_value(json_object_get(info, name));
    return v >= 0 && v <= INT32_MAX ? (uint32_t)v : 0;
}

/* A regtest node says it is in initial download until somebody mines a block. Other
 * programs than Core do not say at all: then blocks and headers have to do. */
static void read_info(struct node *n, const json_t *info)
{
    const json_t *tip = json_object_get(info, "bestblockhash");
    rpc_text_copy(n->chain, sizeof(n->chain),
                  json_string_value(json_object_get(info, "chain")));
    n->in_download = n->all->conf->network != CONF_REGTEST &&
                     json_is_true(json_object_get(info, "initialblockdownload"));
    n->blocks = read_count(info, "blocks");
    n->headers = read_count(info, "headers");
    if (!json_is_string(tip) || hash256_parse_display(&n->tip, json_string_value(tip),
                                                      json_string_length(tip)) != KZ_OK)
        n->tip = (struct hash256){{0}};
}

/* Its tip is not the one we hold a template for: the long poll may be on its way with
 * it, but must not be relied on. */
static void notice_tip(struct node *n)
{
    if (n->held == NULL || hash256_is_zero(&n->tip) ||
        hash256_equal(&n->tip, &n->held->prev_hash))
        return;
    struct monotime soon = in_ms(NODE_SEEN_TIP_MS);
    if (n->template_due.ns > soon.ns)
        n->template_due = soon;
}

static void found_again(struct node *n)
{
    n->reached = true;
    n->fault[0] = '\0';
    n->template_due = clock_now();
    n->version[0] = '\0';
    node_send_hurry(n);
}

static void info_result(struct node *n, const struct rpc_answer *a)
{
    if (!json_is_object(a->result)) {
        node_ask_lost(n, "getblockchaininfo: no object");
        return;
    }
    n->latency_ms = a->elapsed_ms;
    n->heard_at = clock_now();
    bool is_new = !n->reached || n->refusal_code == RPC_CODE_WARMING_UP;
    if (n->refusal_code == RPC_CODE_WARMING_UP)
        n->refusal_code = 0;
    read_info(n, a->result);
    if (is_new)
        found_again(n);
    notice_tip(n);
}

/* The node is there but not ready; it says so to every call. */
static void warming_up(struct node *n, const struct rpc_answer *a)
{
    n->reached = true;
    n->refusal_code = RPC_CODE_WARMING_UP;
    snprintf(n->template_fault, sizeof(n->template_fault), "%s", a->message);
    n->info_due = in_ms(NODE_AWAY_MS);
    n->template_due = n->info_due;
}

static void fault_text(char out[NODE_TEXT_SIZE], const char *method,
                       const struct rpc_answer *a)
{
    if (a->outcome == RPC_ERROR)
        snprintf(out, NODE_TEXT_SIZE, "%s: error %lld: %.100s", method,
                 (long long)a->code, a->message);
    else
        snprintf(out, NODE_TEXT_SIZE, "%s: %.120s", method, a->message);
}

static void info_failed(struct node *n, const struct rpc_answer *a)
{
    char fault[NODE_TEXT_SIZE];
    /* A full work queue is a node at work: no reason to leave it, unless it lasts. */
    if (a->outcome == RPC_BUSY && n->reached &&
        monotime_ms_between(n->heard_at, clock_now()) < (int64_t)timeout_ms(n))
        return;
    if (a->outcome == RPC_ERROR && a->code == RPC_CODE_WARMING_UP) {
        warming_up(n, a);
        return;
    }
    fault_text(fault, "getblockchaininfo", a);
    node_ask_lost(n, fault);
}

static void on_info(void *ctx, const struct rpc_answer *a)
{
    struct node *n = ctx;
    n->info_asked = false;
    if (n->all->stopping)
        return;
    n->heard = true;
    n->info_due = in_ms(NODE_HEALTH_MS);
    if (a->outcome == RPC_RESULT)
        info_result(n, a);
    else
        info_failed(n, a);
    nodes_review(n->all);
    node_ask_due(n);
}

/* Who the node is, for status. Nothing depends on it. */
static void on_version(void *ctx, const struct rpc_answer *a)
{
    struct node *n = ctx;
    n->version_asked = false;
    const char *text = json_string_value(json_object_get(a->result, "subversion"));
    rpc_text_copy(n->version, sizeof(n->version), text != NULL ? text : "?");
}

/* --- templates ---------------------------------------------------------------- */

/* One line for each new reason, not one for each refresh. */
static void template_bad(struct node *n, const char *why)
{
    if (strcmp(n->template_fault, why) != 0)
        log_warn("template_refused", kv_str("node", n->conf->url), kv_str("why", why));
    snprintf(n->template_fault, sizeof(n->template_fault), "%s", why);
    n->bad_templates++;
    n->template_due = in_ms(NODE_HEALTH_MS);
}

/* Two connections: an answer that was asked for before the one we hold came may be
 * older than it, and would look like a node that went back. */
static bool is_overtaken(const struct node *n, const struct template *t,
                         const struct rpc_answer *a)
{
    return n->held != NULL && a->asked.ns < n->held_at.ns &&
           t->height <= n->held->height &&
           !hash256_equal(&t->prev_hash, &n->held->prev_hash);
}

static void template_good(struct node *n, struct template *t)
{
    template_unref(n->held);
    n->held = t;
    n->held_at = n->heard_at = clock_now();
    n->template_due = in_ms(refresh_ms(n));
    n->refusal_code = 0;
    n->bad_templates = 0;
    if (n->template_fault[0] != '\0')
        log_info("template_accepted_again", kv_str("node", n->conf->url));
    n->template_fault[0] = '\0';
    n->tip = t->prev_hash;
    n->blocks = t->height - 1;
    if (n->headers < n->blocks)
        n->headers = n->blocks;
}

static void template_result(struct node *n, const struct rpc_answer *a)
{
    char why[TEMPLATE_WHY_SIZE];
    struct template *t;
    struct template_rules rules = {.signet = n->all->network->signet};
    if (template_parse(&t, why, a->result, &rules) != KZ_OK) {
        char text[TEMPLATE_WHY_SIZE];
        rpc_text_copy(text, sizeof(text), why);
        template_bad(n, text);
    } else if (is_overtaken(n, t, a)) {
        log_debug("template_overtaken", kv_str("node", n->conf->url));
        template_unref(t);
    } else {
        template_good(n, t);
    }
}

static void template_error(struct node *n, const struct rpc_answer *a)
{
    char fault[NODE_TEXT_SIZE];
    fault_text(fault, "getblocktemplate", a);
    n->refusal_code = a->code;
    template_bad(n, fault);
}

static void template_failed(struct node *n, const struct rpc_answer *a)
{
    char fault[NODE_TEXT_SIZE];
    fault_text(fault, "getblocktemplate", a);
    switch (a->outcome) {
    case RPC_ERROR:
        template_error(n, a);
        break;
    case RPC_BUSY:
        n->template_due = in_ms(NODE_AWAY_MS);
        break;
    case RPC_TIMEOUT: /* the other calls say whether the node is gone */
        template_bad(n, fault);
        n->bad_templates = NODE_BAD_MAX;
        n->info_due = clock_now();
        break;
    case RPC_MALFORMED:
        template_bad(n, fault);
        break;
    case RPC_REFUSED:
    case RPC_LOST:
        node_ask_lost(n, fault);
        n->info_due = clock_now();
        break;
    case RPC_RESULT:
    case RPC_DROPPED:
        break;
    }
}

static void on_template(void *ctx, const struct rpc_answer *a)
{
    struct node *n = ctx;
    n->template_asked = false;
    if (n->all->stopping)
        return;
    n->template_due = in_ms(refresh_ms(n));
    /* A node lost since is judged by its health first: it may be another by now. */
    if (n->reached && a->outcome == RPC_RESULT)
        template_result(n, a);
    else if (n->reached)
        template_failed(n, a);
    if (n->template_wanted)
        n->template_due = clock_now();
    n->template_wanted = false;
    nodes_review(n->all);
    node_ask_due(n);
}

/* --- the long poll ------------------------------------------------------------ */

static void on_poll(void *ctx, const struct rpc_answer *a)
{
    struct node *n = ctx;
    n->poll_asked = false;
    if (n->all->stopping)
        return;
    struct hash256 before =
        n->held != NULL ? n->held->prev_hash : (struct hash256){{0}};
    if (n->reached && a->outcome == RPC_RESULT)
        template_result(n, a);
    else if (n->reached && a->outcome == RPC_ERROR)
        template_error(n, a); /* "shutting down", "not connected" */
    bool has_news = n->held != NULL && !hash256_equal(&before, &n->held->prev_hash);
    /* A node that answers at once every time must not keep us spinning. */
    if (a->outcome != RPC_RESULT || (!has_news && a->elapsed_ms < NODE_POLL_QUICK_MS))
        n->poll_due = in_ms(NODE_POLL_PAUSE_MS);
    /* A long poll that broke may be the first sign of a node that went away, and one
     * that was answered is a good moment to compare heights. */
    n->info_due = clock_now();
    nodes_review(n->all);
    node_ask_due(n);
}

/* Through jansson: the id is the node's and may hold anything. */
static char *template_params(const struct node *n, const char *longpoll_id)
{
    json_t *rules = n->all->network->signet ? json_pack("[s,s]", "segwit", "signet")
                                            : json_pack("[s]", "segwit");
    json_t *params = longpoll_id[0] != '\0' ? json_pack("[{s:o,s:s}]", "rules", rules,
                                                        "longpollid", longpoll_id)
                                            : json_pack("[{s:o}]", "rules", rules);
    char *text = json_dumps(params, JSON_COMPACT);
    json_decref(params);
    return text;
}

/* --- sending ------------------------------------------------------------------ */

static bool ask(struct rpc *r, struct node *n, const char *method, const char *params,
                uint32_t limit_ms, void (*on_answer)(void *, const struct rpc_answer *))
{
    struct rpc_request q = {.method = method,
                            .head = params,
                            .timeout_ms = limit_ms,
                            .once = r == n->polls,
                            .on_answer = on_answer,
                            .ctx = n};
    return rpc_call(r, &q) == KZ_OK;
}

static bool ask_template(struct rpc *r, struct node *n, const char *longpoll_id,
                         uint32_t limit_ms,
                         void (*on_answer)(void *, const struct rpc_answer *))
{
    char *params = template_params(n, longpoll_id);
    bool ok =
        params != NULL && ask(r, n, "getblocktemplate", params, limit_ms, on_answer);
    free(params); /* allowed: jansson allocated it */
    return ok;
}

static bool may_ask_template(const struct node *n)
{
    return n->reached && !n->in_download &&
           strcmp(n->chain, n->all->network->chain) == 0;
}

void node_ask_due(struct node *n)
{
    if (!n->info_asked && is_due(n->info_due))
        n->info_asked =
            ask(n->calls, n, "getblockchaininfo", "[]", timeout_ms(n), on_info);
    if (!may_ask_template(n))
        return;
    if (!n->template_asked && is_due(n->template_due))
        n->template_asked = ask_template(n->calls, n, "", timeout_ms(n), on_template);
    if (!n->poll_asked && is_due(n->poll_due) && n->held != NULL &&
        n->held->longpoll_id[0] != '\0')
        n->poll_asked = ask_template(n->polls, n, n->held->longpoll_id,
                                     NODE_POLL_TIMEOUT_MS, on_poll);
    if (!n->version_asked && n->version[0] == '\0')
        n->version_asked =
            ask(n->calls, n, "getnetworkinfo", "[]", timeout_ms(n), on_version);
}

void node_ask_template(struct node *n)
{
    n->template_wanted = n->template_asked;
    n->template_due = clock_now();
    node_ask_due(n);
}
