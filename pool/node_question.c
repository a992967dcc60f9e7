/* Questions about a block or coin: asked of node after node until one knows. */
#include "pool/node_parts.h"

#include "conf/mem.h"

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
    /* Tells that nobody had an answer. */
    void (*fail)(const struct question *q, enum kz_err err);
    char hash[HASH256_HEX_SIZE]; /* of a block: its count is the header's */
    int64_t count;
    union {
        void (*on_count)(void *ctx, enum kz_err err, int64_t confirmations);
        void (*on_txout)(void *ctx, enum kz_err err, const struct node_txout *out);
        void (*on_hash)(void *ctx, enum kz_err err, const struct hash256 *hash);
        void (*on_header)(void *ctx, enum kz_err err, const struct node_header *header);
        void (*on_block)(void *ctx, enum kz_err err, const char *hex, size_t len);
    };
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
    q->fail(q, q->somebody_has_not ? KZ_EMPTY : KZ_IO);
    mem_free(q);
}

/* The caller fills in who is told. */
static struct question *question_new(struct nodes *n, const char *method, void *ctx)
{
    struct question *q = mem_new(sizeof(*q));
    q->all = n;
    q->method = method;
    q->ctx = ctx;
    return q;
}

/* ["<hash>"<more>] */
static void set_hash(struct question *q, const struct hash256 *hash, const char *more)
{
    char text[HASH256_HEX_SIZE];
    hash256_format_display(text, hash);
    snprintf(q->params, sizeof(q->params), "[\"%s\"%s]", text, more);
}

/* --- confirmations of a block -------------------------------------------------------- */

static void ask_header(struct question *q);

static enum told tell_place(struct question *q, const struct rpc_answer *a)
{
    bool is_ours =
        json_is_string(a->result) && strcmp(json_string_value(a->result), q->hash) == 0;
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

static void fail_count(const struct question *q, enum kz_err err)
{
    q->on_count(q->ctx, err, 0);
}

void nodes_confirmations(struct nodes *n, const struct hash256 *hash,
                         void (*on_count)(void *ctx, enum kz_err err,
                                          int64_t confirmations),
                         void *ctx)
{
    struct question *q = question_new(n, "", ctx);
    hash256_format_display(q->hash, hash);
    ask_header(q);
    q->fail = fail_count;
    q->on_count = on_count;
    question_next(q);
}

/* --- a coin ------------------------------------------------------------------------- */

static enum told tell_txout(struct question *q, const struct rpc_answer *a)
{
    struct node_txout out = {.is_unspent = json_is_object(a->result)};
    const json_t *script = json_object_get(a->result, "scriptPubKey");
    const char *hex = json_string_value(json_object_get(script, "hex"));
    if (a->outcome != RPC_RESULT || !(out.is_unspent || json_is_null(a->result)))
        return TOLD_NOT;
    if (out.is_unspent &&
        !rpc_read_coins(&out.value_sat, json_object_get(a->result, "value")))
        return TOLD_NOT;
    out.script_hex = hex != NULL ? hex : "";
    q->on_txout(q->ctx, KZ_OK, &out);
    return TOLD;
}

static void fail_txout(const struct question *q, enum kz_err err)
{
    q->on_txout(q->ctx, err, NULL);
}

void nodes_txout(struct nodes *n, const struct hash256 *txid, uint32_t vout,
                 void (*on_txout)(void *ctx, enum kz_err err,
                                  const struct node_txout *out),
                 void *ctx)
{
    char more[24];
    struct question *q = question_new(n, "gettxout", ctx);
    snprintf(more, sizeof(more), ",%u,false", (unsigned)vout);
    set_hash(q, txid, more);
    q->tell = tell_txout;
    q->fail = fail_txout;
    q->on_txout = on_txout;
    question_next(q);
}

/* --- the chain, block by block ------------------------------------------------------- */

static bool read_hash(struct hash256 *hash, const json_t *value)
{
    const char *text = json_string_value(value);
    return text != NULL && hash256_parse_display(hash, text, strlen(text)) == KZ_OK;
}

static enum told tell_hash(struct question *q, const struct rpc_answer *a)
{
    struct hash256 hash;
    if (a->outcome != RPC_RESULT || !read_hash(&hash, a->result))
        return TOLD_NOT;
    q->on_hash(q->ctx, KZ_OK, &hash);
    return TOLD;
}

static void fail_hash(const struct question *q, enum kz_err err)
{
    q->on_hash(q->ctx, err, NULL);
}

void nodes_block_hash(struct nodes *n, uint32_t height,
                      void (*on_hash)(void *ctx, enum kz_err err,
                                      const struct hash256 *hash),
                      void *ctx)
{
    struct question *q = question_new(n, "getblockhash", ctx);
    snprintf(q->params, sizeof(q->params), "[%u]", (unsigned)height);
    q->tell = tell_hash;
    q->fail = fail_hash;
    q->on_hash = on_hash;
    question_next(q);
}

static enum told tell_header(struct question *q, const struct rpc_answer *a)
{
    struct node_header h = {.confirmations = 0};
    const json_t *count = json_object_get(a->result, "confirmations"),
                 *height = json_object_get(a->result, "height"),
                 *median = json_object_get(a->result, "mediantime"),
                 *prev = json_object_get(a->result, "previousblockhash");
    if (a->outcome != RPC_RESULT || !json_is_integer(count) ||
        !json_is_integer(height) || !json_is_integer(median) ||
        json_integer_value(height) < 0 || json_integer_value(height) > INT32_MAX)
        return TOLD_NOT;
    bool has_prev = json_is_string(prev);
    if (has_prev ? !read_hash(&h.prev, prev) : json_integer_value(height) > 0)
        return TOLD_NOT;
    h.confirmations = json_integer_value(count);
    h.height = (uint32_t)json_integer_value(height);
    h.median_time = json_integer_value(median);
    q->on_header(q->ctx, KZ_OK, &h);
    return TOLD;
}

static void fail_header(const struct question *q, enum kz_err err)
{
    q->on_header(q->ctx, err, NULL);
}

void nodes_header(struct nodes *n, const struct hash256 *hash,
                  void (*on_header)(void *ctx, enum kz_err err,
                                    const struct node_header *header),
                  void *ctx)
{
    struct question *q = question_new(n, "getblockheader", ctx);
    set_hash(q, hash, ",true");
    q->tell = tell_header;
    q->fail = fail_header;
    q->on_header = on_header;
    question_next(q);
}

static enum told tell_block(struct question *q, const struct rpc_answer *a)
{
    if (a->outcome != RPC_RESULT || !json_is_string(a->result))
        return TOLD_NOT;
    q->on_block(q->ctx, KZ_OK, json_string_value(a->result),
                json_string_length(a->result));
    return TOLD;
}

static void fail_block(const struct question *q, enum kz_err err)
{
    q->on_block(q->ctx, err, NULL, 0);
}

void nodes_block(struct nodes *n, const struct hash256 *hash,
                 void (*on_block)(void *ctx, enum kz_err err, const char *hex,
                                  size_t len),
                 void *ctx)
{
    struct question *q = question_new(n, "getblock", ctx);
    set_hash(q, hash, ",0");
    q->tell = tell_block;
    q->fail = fail_block;
    q->on_block = on_block;
    question_next(q);
}
