/* Questions about one block or coin: asked of node after node until one knows. */
#include "pool/node_parts.h"

#include "conf/mem.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define PARAMS_SIZE (HASH256_HEX_SIZE + 32)

struct question {
    struct nodes *all;
    const char *method;
    char params[PARAMS_SIZE];
    bool asked[CONF_NODES_MAX];
    bool somebody_has_not;
    /* Tells who asked, and is true, when the answer is one. */
    bool (*tell)(const struct question *q, const struct rpc_answer *a);
    void (*on_count)(void *ctx, enum kz_err err, int64_t confirmations);
    void (*on_txout)(void *ctx, enum kz_err err, const struct node_txout *out);
    void *ctx;
};

static void question_next(struct question *q);

/* Some programs have one code for everything, and say it in words. */
static bool has_no_block(const struct rpc_answer *a)
{
    return a->outcome == RPC_ERROR && (a->code == RPC_CODE_NOT_FOUND ||
                                       strcmp(a->message, "Block not found") == 0);
}

static void on_answer(void *ctx, const struct rpc_answer *a)
{
    struct question *q = ctx;
    if (q->all->stopping || q->tell(q, a)) {
        mem_free(q);
        return;
    }
    if (has_no_block(a))
        q->somebody_has_not = true;
    question_next(q);
}

static bool question_ask(struct question *q, struct node *n)
{
    struct rpc_request r = {.method = q->method,
                            .head = q->params,
                            .timeout_ms = q->all->conf->node_timeout_seconds * 1000,
                            .on_answer = on_answer,
                            .ctx = q};
    q->asked[n->index] = true;
    return rpc_call(n->calls, &r) == KZ_OK;
}

/* The node in use first, then the healthy ones in order. */
static struct node *question_node(const struct question *q)
{
    struct nodes *all = q->all;
    if (all->in_use != NODE_NONE && !q->asked[all->in_use] &&
        all->node[all->in_use].state == NODE_HEALTHY)
        return &all->node[all->in_use];
    for (size_t i = 0; i < all->count; i++) {
        if (!q->asked[i] && all->node[i].state == NODE_HEALTHY)
            return &all->node[i];
    }
    return NULL;
}

static void question_next(struct question *q)
{
    struct node *n;
    while ((n = question_node(q)) != NULL) {
        if (question_ask(q, n))
            return;
    }
    enum kz_err err = q->somebody_has_not ? KZ_EMPTY : KZ_IO;
    if (q->on_count != NULL)
        q->on_count(q->ctx, err, 0);
    else
        q->on_txout(q->ctx, err, NULL);
    mem_free(q);
}

/* --- confirmations of a block -------------------------------------------------------- */

static bool tell_count(const struct question *q, const struct rpc_answer *a)
{
    const json_t *count = json_object_get(a->result, "confirmations");
    if (a->outcome != RPC_RESULT || !json_is_integer(count))
        return false;
    q->on_count(q->ctx, KZ_OK, json_integer_value(count));
    return true;
}

void nodes_confirmations(struct nodes *n, const struct hash256 *hash,
                         void (*on_count)(void *ctx, enum kz_err err,
                                          int64_t confirmations),
                         void *ctx)
{
    char text[HASH256_HEX_SIZE];
    struct question *q = mem_new(sizeof(*q));
    hash256_format_display(text, hash);
    snprintf(q->params, sizeof(q->params), "[\"%s\",true]", text);
    q->method = "getblockheader";
    q->all = n;
    q->tell = tell_count;
    q->on_count = on_count;
    q->ctx = ctx;
    question_next(q);
}

/* --- a coin ------------------------------------------------------------------------- */

/* Nodes print coins with 8 places; below 2^53 satoshis the nearest double gives each of
 * them back. False: no number that could be a coin. */
static bool read_value(int64_t *sat, const json_t *value)
{
    double coins = json_number_value(value);
    if (!json_is_number(value) || !(coins >= 0 && coins <= 21e6))
        return false;
    *sat = (int64_t)llround(coins * 1e8);
    return true;
}

static bool tell_txout(const struct question *q, const struct rpc_answer *a)
{
    struct node_txout out = {.is_unspent = json_is_object(a->result)};
    const json_t *script = json_object_get(a->result, "scriptPubKey");
    const char *hex = json_string_value(json_object_get(script, "hex"));
    if (a->outcome != RPC_RESULT || !(out.is_unspent || json_is_null(a->result)))
        return false;
    if (out.is_unspent &&
        !read_value(&out.value_sat, json_object_get(a->result, "value")))
        return false;
    out.script_hex = hex != NULL ? hex : "";
    q->on_txout(q->ctx, KZ_OK, &out);
    return true;
}

void nodes_txout(struct nodes *n, const struct hash256 *txid, uint32_t vout,
                 void (*on_txout)(void *ctx, enum kz_err err,
                                  const struct node_txout *out),
                 void *ctx)
{
    char text[HASH256_HEX_SIZE];
    struct question *q = mem_new(sizeof(*q));
    hash256_format_display(text, txid);
    snprintf(q->params, sizeof(q->params), "[\"%s\",%u,false]", text, (unsigned)vout);
    q->method = "gettxout";
    q->all = n;
    q->tell = tell_txout;
    q->on_txout = on_txout;
    q->ctx = ctx;
    question_next(q);
}
