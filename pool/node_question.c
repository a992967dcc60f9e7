/* Questions about one block or coin: asked of node after node until one knows. */
#include "pool/node_parts.h"

#include "conf/mem.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define PARAMS_SIZE (HASH256_HEX_SIZE + 32)

enum told {
    TOLD_NOT, /* the next node is asked */
    TOLD,
    TOLD_LATER, /* this one was asked something more */
};

struct question {
    struct nodes *all;
    const char *method;
    char params[PARAMS_SIZE];
    bool asked[CONF_NODES_MAX];
    bool somebody_has_not;
    struct node *at; /* who is being asked */
    /* Tells who asked, when the answer is one; or asks the same node on. */
    enum told (*tell)(struct question *q, const struct rpc_answer *a);
    char hash[HASH256_HEX_SIZE]; /* of a block: its count is the header's */
    int64_t count;
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
    enum told told = q->all->stopping ? TOLD : q->tell(q, a);
    if (told == TOLD)
        mem_free(q);
    if (told != TOLD_NOT)
        return;
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
    q->at = n;
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

static void ask_header(struct question *q);

static enum told tell_place(struct question *q, const struct rpc_answer *a)
{
    bool is_ours = json_is_string(a->result) &&
                   strcmp(json_string_value(a->result), q->hash) == 0;
    ask_header(q); /* what the next node is asked, if it comes to that */
    if (a->outcome != RPC_RESULT)
        return TOLD_NOT;
    q->on_count(q->ctx, KZ_OK, is_ours ? q->count : -1);
    return TOLD;
}

/* A positive count is believed only where the best chain has the block at that height:
 * some nodes (bcoin) count for blocks that lost against another as well. */
static enum told tell_count(struct question *q, const struct rpc_answer *a)
{
    const json_t *count = json_object_get(a->result, "confirmations");
    const json_t *height = json_object_get(a->result, "height");
    if (a->outcome != RPC_RESULT || !json_is_integer(count))
        return TOLD_NOT;
    q->count = json_integer_value(count);
    if (q->count > 0 && json_is_integer(height)) {
        snprintf(q->params, sizeof(q->params), "[%lld]",
                 (long long)json_integer_value(height));
        q->method = "getblockhash";
        q->tell = tell_place;
        if (question_ask(q, q->at))
            return TOLD_LATER;
        ask_header(q);
        return TOLD_NOT;
    }
    q->on_count(q->ctx, KZ_OK, q->count);
    return TOLD;
}

static void ask_header(struct question *q)
{
    snprintf(q->params, sizeof(q->params), "[\"%s\",true]", q->hash);
    q->method = "getblockheader";
    q->tell = tell_count;
}

void nodes_confirmations(struct nodes *n, const struct hash256 *hash,
                         void (*on_count)(void *ctx, enum kz_err err,
                                          int64_t confirmations),
                         void *ctx)
{
    struct question *q = mem_new(sizeof(*q));
    hash256_format_display(q->hash, hash);
    ask_header(q);
    q->all = n;
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

static enum told tell_txout(struct question *q, const struct rpc_answer *a)
{
    struct node_txout out = {.is_unspent = json_is_object(a->result)};
    const json_t *script = json_object_get(a->result, "scriptPubKey");
    const char *hex = json_string_value(json_object_get(script, "hex"));
    if (a->outcome != RPC_RESULT || !(out.is_unspent || json_is_null(a->result)))
        return TOLD_NOT;
    if (out.is_unspent &&
        !read_value(&out.value_sat, json_object_get(a->result, "value")))
        return TOLD_NOT;
    out.script_hex = hex != NULL ? hex : "";
    q->on_txout(q->ctx, KZ_OK, &out);
    return TOLD;
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
