#include "pool/node_parts.h"

#include "conf/log.h"
#include "conf/mem.h"

#include <stdio.h>
#include <string.h>

#define AGAIN_FIRST_MS 250
#define AGAIN_MOST_MS  30000

/* A block's way to one node. */
struct way {
    bool busy;  /* a call is under way */
    bool over;  /* taken, or refused for good */
    bool known; /* the node has it: not sent again, but its place is asked for */
    bool told;  /* the hook knows that it is not on the node's best chain */
    unsigned tries;
    struct monotime due;
};

struct sent_block {
    struct sent_block *next;
    struct hash256 hash;
    uint32_t height;
    struct rpc_blob *hex;
    char place_params[HASH256_HEX_SIZE + 16]; /* for getblockheader */
    bool is_final; /* said to on_block_final; goes when nothing is busy */
    bool is_accepted;
    struct way to[CONF_NODES_MAX];
};

/* One call under way. */
struct sending {
    struct sent_block *block;
    struct node *node;
};

/* --- the end of a block ------------------------------------------------------- */

static bool is_busy(const struct nodes *all, const struct sent_block *b)
{
    for (size_t i = 0; i < all->count; i++) {
        if (b->to[i].busy)
            return true;
    }
    return false;
}

static bool is_over(const struct nodes *all, const struct sent_block *b)
{
    for (size_t i = 0; i < all->count; i++) {
        if (!b->to[i].over)
            return false;
    }
    return true;
}

static void block_free(struct sent_block *b)
{
    rpc_blob_unref(b->hex);
    mem_free(b);
}

static void remove_done(struct nodes *all)
{
    struct sent_block **at = &all->blocks;
    while (*at != NULL) {
        struct sent_block *b = *at;
        if (!b->is_final || is_busy(all, b)) {
            at = &b->next;
            continue;
        }
        *at = b->next;
        all->block_count--;
        all->block_bytes -= rpc_blob_len(b->hex);
        block_free(b);
    }
}

static void finish(struct nodes *all, struct sent_block *b, bool accepted,
                   const char *why)
{
    char hash[HASH256_HEX_SIZE];
    if (b->is_final)
        return;
    b->is_final = true;
    b->is_accepted = accepted;
    hash256_format_display(hash, &b->hash);
    if (accepted)
        log_info("block_accepted", kv_str("hash", hash), kv_u64("height", b->height));
    else
        log_error("block_given_up", kv_str("hash", hash), kv_u64("height", b->height),
                  kv_str("why", why));
    if (all->hooks.on_block_final != NULL)
        all->hooks.on_block_final(all->hooks.ctx, &b->hash, accepted);
}

/* A parent this deep under other blocks does not come back; and until then a block that
 * lost its race may still win it. */
static bool is_stale(const struct nodes *all, const struct sent_block *b)
{
    return nodes_best_height(all) >= b->height + NODE_STALE_DEPTH;
}

/* --- sending ------------------------------------------------------------------ */

static void again_in(struct way *w, int64_t ms)
{
    w->due = monotime_add_ms(clock_now(), ms);
}

static int64_t pause_ms(unsigned tries)
{
    int64_t ms = AGAIN_FIRST_MS;
    while (tries-- > 1 && ms < AGAIN_MOST_MS)
        ms *= 2;
    return ms < AGAIN_MOST_MS ? ms : AGAIN_MOST_MS;
}

static void log_answer(const struct node *n, const struct sent_block *b,
                       enum node_block_verdict verdict, const char *text,
                       const struct rpc_answer *a)
{
    char hash[HASH256_HEX_SIZE];
    hash256_format_display(hash, &b->hash);
    enum log_level level = verdict == BLOCK_REFUSED ? LOG_ERROR
                           : verdict == BLOCK_AGAIN ? LOG_WARN
                                                    : LOG_INFO;
    LOG_LINE(level, "block_answered", kv_str("node", n->conf->url),
             kv_str("hash", hash), kv_u64("height", b->height), kv_str("answer", text),
             kv_str("outcome", rpc_outcome_name(a->outcome)), kv_i64("code", a->code),
             kv_i64("elapsed_ms", a->elapsed_ms));
}

static void tell(struct node *n, const struct sent_block *b, bool accepted,
                 const char *text)
{
    const struct node_hooks *h = &n->all->hooks;
    if (h->on_block_answer != NULL)
        h->on_block_answer(h->ctx, &b->hash, n->index, accepted, text);
}

static void taken(struct node *n, struct sent_block *b, const char *text)
{
    b->to[n->index].over = true;
    tell(n, b, true, text);
    finish(n->all, b, true, "");
}

static void refused(struct node *n, struct sent_block *b, const char *text)
{
    b->to[n->index].over = true;
    tell(n, b, false, text);
    if (is_over(n->all, b))
        finish(n->all, b, false, text);
}

/* Of two blocks of a height found in one breath a node keeps both and follows one. */
static void not_on_best_chain(struct node *n, struct sent_block *b)
{
    struct way *w = &b->to[n->index];
    if (!w->told)
        tell(n, b, false, "inconclusive");
    w->told = true;
    again_in(w, pause_ms(w->tries));
}

/* Where the node has it will be asked, unless the block's fate is known by now. */
static void is_known(struct node *n, struct sent_block *b, const char *text)
{
    struct way *w = &b->to[n->index];
    w->known = true;
    w->due = clock_now();
    if (b->is_final)
        tell(n, b, b->is_accepted, text);
}

static void on_submit(struct node *n, struct sent_block *b, const struct rpc_answer *a)
{
    struct way *w = &b->to[n->index];
    const char *text;
    enum node_block_verdict verdict = node_block_verdict(&text, a);
    log_answer(n, b, verdict, text, a);
    switch (verdict) {
    case BLOCK_TAKEN:
        taken(n, b, text);
        break;
    case BLOCK_REFUSED:
        refused(n, b, text);
        break;
    case BLOCK_KNOWN:
        is_known(n, b, text);
        break;
    case BLOCK_AGAIN:
        tell(n, b, false, text);
        again_in(w, pause_ms(w->tries));
        break;
    }
}

static void on_place(struct node *n, struct sent_block *b, const struct rpc_answer *a)
{
    struct way *w = &b->to[n->index];
    json_int_t count = json_integer_value(json_object_get(a->result, "confirmations"));
    w->known = a->outcome != RPC_ERROR; /* it does not know the block after all */
    if (a->outcome == RPC_RESULT && count > 0)
        taken(n, b, "duplicate");
    else if (a->outcome == RPC_RESULT)
        not_on_best_chain(n, b);
    else
        again_in(w, pause_ms(w->tries));
}

static void send_due(struct nodes *all, struct sent_block *b);

static void on_answer(void *ctx, const struct rpc_answer *a)
{
    struct sending *s = ctx;
    struct node *n = s->node;
    struct sent_block *b = s->block;
    mem_free(s);
    struct way *w = &b->to[n->index];
    w->busy = false;
    if (n->all->stopping)
        return;
    if (w->known)
        on_place(n, b, a);
    else
        on_submit(n, b, a);
    if (!b->is_final)
        send_due(n->all, b);
    remove_done(n->all);
}

static void send_one(struct nodes *all, struct sent_block *b, size_t i)
{
    struct way *w = &b->to[i];
    struct sending *s = mem_new(sizeof(*s));
    *s = (struct sending){b, &all->node[i]};
    struct rpc_request submit = {.method = "submitblock",
                                 .head = "[\"",
                                 .blob = b->hex,
                                 .tail = "\"]",
                                 .timeout_ms = NODE_BLOCK_TIMEOUT_MS,
                                 .on_answer = on_answer,
                                 .ctx = s};
    struct rpc_request place = {.method = "getblockheader",
                                .head = b->place_params,
                                .timeout_ms = NODE_BLOCK_TIMEOUT_MS,
                                .on_answer = on_answer,
                                .ctx = s};
    w->busy = rpc_call(all->node[i].sends, w->known ? &place : &submit) == KZ_OK;
    if (w->busy)
        w->tries++;
    else
        mem_free(s); /* its queue is full: the next tick tries again */
}

static void send_due(struct nodes *all, struct sent_block *b)
{
    int64_t now = clock_now().ns;
    for (size_t i = 0; i < all->count; i++) {
        struct way *w = &b->to[i];
        if (!w->busy && !w->over && w->due.ns <= now)
            send_one(all, b, i);
    }
}

void node_send_due(struct nodes *all)
{
    for (struct sent_block *b = all->blocks; b != NULL; b = b->next) {
        if (!b->is_final && is_stale(all, b))
            finish(all, b, false, "stale: nobody took it in time");
        if (!b->is_final)
            send_due(all, b);
    }
    remove_done(all);
}

void node_send_hurry(struct node *n)
{
    for (struct sent_block *b = n->all->blocks; b != NULL; b = b->next)
        b->to[n->index].due = clock_now();
}

void node_send_clear(struct nodes *all)
{
    while (all->blocks != NULL) {
        struct sent_block *b = all->blocks;
        all->blocks = b->next;
        block_free(b);
    }
}

/* --- blocks of ours ----------------------------------------------------------- */

static struct sent_block *find_block(struct nodes *all, const struct hash256 *hash)
{
    struct sent_block *b = all->blocks;
    while (b != NULL && !hash256_equal(&b->hash, hash))
        b = b->next;
    return b;
}

/* Only a test network finds blocks this fast, most of them lost races that a node has
 * stored already. The list is newest first: the last one that rests goes. */
static void make_room(struct nodes *all, size_t len)
{
    while (all->block_count >= NODE_BLOCKS_MAX ||
           all->block_bytes + len > NODE_BLOCK_BYTES_MAX) {
        struct sent_block *oldest = NULL;
        for (struct sent_block *b = all->blocks; b != NULL; b = b->next) {
            if (!b->is_final && !is_busy(all, b))
                oldest = b;
        }
        if (oldest == NULL)
            return;
        finish(all, oldest, false, "too many blocks wait for a node");
        remove_done(all);
    }
}

static void add_block(struct nodes *all, struct sent_block *b)
{
    char hash[HASH256_HEX_SIZE];
    hash256_format_display(hash, &b->hash);
    snprintf(b->place_params, sizeof(b->place_params), "[\"%s\",true]", hash);
    b->next = all->blocks;
    all->blocks = b;
    all->block_count++;
    all->block_bytes += rpc_blob_len(b->hex);
}

void nodes_submit_block(struct nodes *n, const struct hash256 *hash, const char *hex,
                        size_t hex_len, uint32_t height)
{
    struct sent_block *b = find_block(n, hash);
    if (b == NULL) {
        make_room(n, hex_len);
        b = mem_new(sizeof(*b));
        b->hash = *hash;
        b->height = height;
        b->hex = rpc_blob_new(hex, hex_len);
        add_block(n, b);
    }
    for (size_t i = 0; i < n->count; i++)
        b->to[i].due = clock_now();
    if (!b->is_final)
        send_due(n, b);
}

/* --- proposals ---------------------------------------------------------------- */

/* Another block may have come while the node looked at ours: that says nothing. (The second
 * word is bcoin's for it: our previous block is the tip of the template it gave.) */
static bool is_rejection(const struct rpc_answer *a)
{
    const char *word = json_string_value(a->result);
    return a->outcome == RPC_RESULT && !json_is_null(a->result) &&
           (word == NULL || (strcmp(word, "inconclusive-not-best-prevblk") != 0 &&
                             strcmp(word, "bad-prevblk") != 0));
}

static void on_proposal(void *ctx, const struct rpc_answer *a)
{
    struct node *n = ctx;
    struct nodes *all = n->all;
    all->proposal_asked = false;
    if (all->stopping)
        return;
    if (is_rejection(a)) {
        const char *word = json_string_value(a->result);
        snprintf(all->proposal_answer, sizeof(all->proposal_answer), "%s",
                 word != NULL ? word : "an answer that is no string");
        if (all->hooks.on_proposal != NULL)
            all->hooks.on_proposal(all->hooks.ctx, n->index, all->proposal_answer);
    } else if (a->outcome == RPC_RESULT && json_is_null(a->result)) {
        all->proposal_answer[0] = '\0';
        log_debug("proposal_accepted", kv_str("node", n->conf->url),
                  kv_i64("elapsed_ms", a->elapsed_ms));
        if (all->hooks.on_proposal != NULL)
            all->hooks.on_proposal(all->hooks.ctx, n->index, "");
    } else {
        log_debug("proposal_undecided", kv_str("node", n->conf->url),
                  kv_str("why", a->outcome == RPC_RESULT ? json_string_value(a->result)
                                                         : a->message));
    }
}

void nodes_propose(struct nodes *n, const char *block_hex, size_t hex_len)
{
    if (n->in_force == NULL || !n->in_force->has_proposal || n->proposal_asked ||
        n->node[n->in_use].state != NODE_HEALTHY)
        return;
    struct rpc_blob *hex = rpc_blob_new(block_hex, hex_len);
    struct node *node = &n->node[n->in_use];
    struct rpc_request q = {.method = "getblocktemplate",
                            .head = n->network->signet
                                        ? "[{\"rules\":[\"segwit\",\"signet\"],"
                                          "\"mode\":\"proposal\",\"data\":\""
                                        : "[{\"rules\":[\"segwit\"],"
                                          "\"mode\":\"proposal\",\"data\":\"",
                            .blob = hex,
                            .tail = "\"}]",
                            .timeout_ms = NODE_BLOCK_TIMEOUT_MS,
                            .on_answer = on_proposal,
                            .ctx = node};
    n->proposal_asked = rpc_call(node->proposals, &q) == KZ_OK;
    rpc_blob_unref(hex);
}
