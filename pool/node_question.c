/* Questions about one block or coin: asked of node after node until one knows. */
#include "pool/node_parts.h"

#include "conf/mem.h"

#include <stdio.h>
#include <string.h>

/* Goes from node to node until one knows the block. */
struct question {
    struct nodes *all;
    char params[HASH256_HEX_SIZE + 16];
    bool asked[CONF_NODES_MAX];
    bool somebody_has_not;
    void (*on_answer)(void *ctx, enum kz_err err, int64_t confirmations);
    void *ctx;
};

static void question_next(struct question *q);

/* Some programs have one code for everything, and say it in words. */
static bool has_no_block(const struct rpc_answer *a)
{
    return a->outcome == RPC_ERROR && (a->code == RPC_CODE_NOT_FOUND ||
                                       strcmp(a->message, "Block not found") == 0);
}

static void on_header(void *ctx, const struct rpc_answer *a)
{
    struct question *q = ctx;
    if (q->all->stopping) {
        mem_free(q);
        return;
    }
    const json_t *count = json_object_get(a->result, "confirmations");
    if (a->outcome == RPC_RESULT && json_is_integer(count)) {
        q->on_answer(q->ctx, KZ_OK, json_integer_value(count));
        mem_free(q);
        return;
    }
    if (has_no_block(a))
        q->somebody_has_not = true;
    question_next(q);
}

static bool question_ask(struct question *q, struct node *n)
{
    struct rpc_request r = {.method = "getblockheader",
                            .head = q->params,
                            .timeout_ms = q->all->conf->node_timeout_seconds * 1000,
                            .on_answer = on_header,
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
    q->on_answer(q->ctx, q->somebody_has_not ? KZ_EMPTY : KZ_IO, 0);
    mem_free(q);
}

void nodes_confirmations(struct nodes *n, const struct hash256 *hash,
                         void (*on_answer)(void *ctx, enum kz_err err,
                                           int64_t confirmations),
                         void *ctx)
{
    char text[HASH256_HEX_SIZE];
    struct question *q = mem_new(sizeof(*q));
    hash256_format_display(text, hash);
    snprintf(q->params, sizeof(q->params), "[\"%s\",true]", text);
    q->all = n;
    q->on_answer = on_answer;
    q->ctx = ctx;
    question_next(q);
}
