/* Connections, the choice of a node, one call. */
#include "pool/pay/chain_parts.h"

#include "conf/log.h"
#include "conf/mem.h"
#include "share/network.h"

#include <stdio.h>
#include <string.h>

/* --- one call --------------------------------------------------------------------- */

struct waiting {
    struct rpc_answer *answer;
    bool done;
    struct event_base *base;
};

static void on_answer(void *ctx, const struct rpc_answer *a)
{
    struct waiting *w = ctx;
    *w->answer = *a;
    /* The text is parsed for this callback only; what is kept has a reference. */
    w->answer->root = json_incref(a->root);
    w->done = true;
    event_base_loopbreak(w->base);
}

void chain_call_node(struct rpc_answer *a, struct chain *c, size_t node,
                     const char *method, const char *params)
{
    struct waiting w = {.answer = a, .base = c->base};
    const struct rpc_request q = {.method = method,
                                  .head = params,
                                  .timeout_ms = c->conf->node_timeout_seconds * 1000,
                                  .on_answer = on_answer,
                                  .ctx = &w};
    memset(a, 0, sizeof(*a));
    if (rpc_call(c->nodes[node].rpc, &q) != KZ_OK) {
        rpc_answer_fail(a, RPC_BUSY, "too many calls wait");
        return;
    }
    while (!w.done && event_base_dispatch(c->base) >= 0)
        continue;
}

enum kz_err chain_call(struct rpc_answer *a, struct chain *c, const char *method,
                       const char *params)
{
    memset(a, 0, sizeof(*a)); /* cleared by the caller, however this ends */
    if (c->in_use == c->count) {
        rpc_answer_fail(a, RPC_LOST, "no node is in good order");
        return KZ_IO;
    }
    chain_call_node(a, c, c->in_use, method, params);
    if (a->outcome == RPC_RESULT)
        return KZ_OK;
    if (a->outcome == RPC_ERROR)
        return KZ_EMPTY;
    log_warn("node_did_not_answer", kv_str("method", method),
             kv_str("node", c->conf->nodes[c->in_use].url), kv_str("why", a->message));
    return KZ_IO;
}

/* --- the choice ------------------------------------------------------------------- */

/* What is wrong with a node; NULL: it is in good order. */
static const char *fault_of(struct chain_tip *tip, const struct chain *c,
                            const struct rpc_answer *a)
{
    const json_t *info = a->result;
    const char *chain = json_string_value(json_object_get(info, "chain"));
    const char *best = json_string_value(json_object_get(info, "bestblockhash"));
    json_int_t blocks = json_integer_value(json_object_get(info, "blocks"));
    if (a->outcome != RPC_RESULT)
        return a->message;
    if (chain == NULL || strcmp(chain, network_of(c->conf->network)->chain) != 0)
        return "it is on another network";
    if (json_is_true(json_object_get(info, "initialblockdownload")))
        return "it is in initial block download";
    if (blocks < 0 || blocks > INT32_MAX ||
        blocks < json_integer_value(json_object_get(info, "headers")))
        return "it lacks blocks whose headers it knows";
    if (best == NULL || hash256_parse_display(&tip->hash, best, strlen(best)) != KZ_OK)
        return "its answer names no best block";
    tip->height = (uint32_t)blocks;
    return NULL;
}

/* Of those in good order the one with the most blocks, of these the first. */
enum kz_err chain_refresh(struct chain *c)
{
    c->in_use = c->count;
    c->why[0] = '\0';
    for (size_t i = 0; i < c->count; i++) {
        struct rpc_answer a;
        struct chain_tip tip = {.height = 0};
        chain_call_node(&a, c, i, "getblockchaininfo", "[]");
        const char *fault = fault_of(&tip, c, &a);
        size_t used = strlen(c->why);
        if (fault != NULL) {
            snprintf(c->why + used, sizeof(c->why) - used, "%snode %s: %s",
                     used > 0 ? "; " : "", c->conf->nodes[i].url, fault);
        } else if (c->in_use == c->count || tip.height > c->tip.height) {
            c->in_use = i;
            c->tip = tip;
        }
        rpc_answer_clear(&a);
    }
    return c->in_use < c->count ? KZ_OK : KZ_RANGE;
}

const char *chain_why(const struct chain *c)
{
    return c->why;
}

struct chain_tip chain_tip(const struct chain *c)
{
    return c->tip;
}

/* --- opening ---------------------------------------------------------------------- */

static bool has_name(const struct conf *conf)
{
    for (size_t i = 0; i < conf->node_count; i++)
        if (rpc_url_has_name(conf->nodes[i].url))
            return true;
    return false;
}

static enum kz_err open_node(struct chain *c, size_t i)
{
    const struct conf_node *n = &c->conf->nodes[i];
    const char *why = "";
    struct chain_node *node = &c->nodes[i];
    node->auth = rpc_auth_new(n->cookie_file, n->user, n->password_file);
    c->count = i + 1;
    enum kz_err err = rpc_new(&node->rpc, &why, c->base, c->dns, n->url, node->auth);
    /* Not the url itself: a refused one may hold a password. */
    if (err != KZ_OK)
        log_error("node_url_refused", kv_u64("nodes", i), kv_str("why", why));
    return err;
}

enum kz_err chain_open(struct chain **out, const struct conf *conf)
{
    struct chain *c = mem_new(sizeof(*c));
    enum kz_err err = KZ_IO;
    c->conf = conf;
    c->base = event_base_new();
    if (c->base != NULL && has_name(conf))
        c->dns = evdns_base_new(c->base, EVDNS_BASE_INITIALIZE_NAMESERVERS |
                                             EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    if (c->base != NULL)
        err = KZ_OK;
    for (size_t i = 0; i < conf->node_count && err == KZ_OK; i++)
        err = open_node(c, i);
    c->in_use = c->count;
    if (err != KZ_OK) {
        chain_close(c);
        return err;
    }
    *out = c;
    return KZ_OK;
}

void chain_close(struct chain *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->count; i++) {
        rpc_free(c->nodes[i].rpc);
        rpc_auth_free(c->nodes[i].auth);
    }
    if (c->dns != NULL)
        evdns_base_free(c->dns, 0);
    if (c->base != NULL)
        event_base_free(c->base);
    mem_free(c);
}
