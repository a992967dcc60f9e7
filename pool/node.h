/* pool/node.h - the Bitcoin nodes: templates from the best, blocks to all.
 *
 * One JSON-RPC client a configured node (libevent's HTTP client, keep-alive; cookie
 * file read again after a 401, or user and password file). For each: health, a long
 * poll always in flight, a refresh every template_refresh_seconds. Templates come from
 * the first node in the order of the settings that is healthy: answering, on the right
 * chain, out of initial download, not behind the best known height. Each template is
 * parsed and checked (share/template); a bad one is refused with a log line and the
 * previous stays in force. Fail-over and fail-back need no restart.
 *
 * Blocks: node_submit_block() sends to all nodes at once and logs each answer. While no
 * node has it, it is sent again until it is stale.
 *
 * Ownership  conf is borrowed; the template given to on_template is the callee's to
 *            reference.
 * Thread     control, all of it; callbacks come from its loop. */
#ifndef POOL_NODE_H
#define POOL_NODE_H

#include "conf/conf.h"
#include "share/template.h"

#include <event2/event.h>
#include <jansson.h>

enum node_state {
    NODE_UNREACHABLE, /* no answer, or an HTTP or RPC error (auth among them) */
    NODE_WRONG_CHAIN, /* another network than the settings' */
    NODE_SYNCING,     /* initial block download, or blocks < headers */
    NODE_BEHIND,      /* below the best height that a healthy node knows */
    NODE_STALLED,     /* answers, but gives no usable template */
    NODE_HEALTHY,
};
const char *node_state_name(enum node_state s);

struct node_hooks {
    void *ctx;
    /* A checked template in force now: a new tip, each refresh, a change of node.
     * `new_tip`: its previous block differs from the last one's. `node` is the index in
     * the settings. */
    void (*on_template)(void *ctx, struct template *t, bool new_tip, size_t node);
    /* One node's answer to one submitblock: `accepted` (null, or "duplicate" and on its
     * best chain) or the node's word for why not ("inconclusive": it has the block, but
     * not on its best chain; "bad-..."; an RPC error). */
    void (*on_block_answer)(void *ctx, const struct hash256 *hash, size_t node,
                            bool accepted, const char *answer);
    /* Nobody could take it and its height is passed, or a node refused it for good. */
    void (*on_block_final)(void *ctx, const struct hash256 *hash, bool accepted);
    /* A background proposal's answer ("" = fine). The callee logs it; it is in
     * nodes_status() too. Not called when another block came in the meantime. */
    void (*on_proposal)(void *ctx, size_t node, const char *answer);
};

struct nodes;

KZ_MUST_USE enum kz_err nodes_start(struct nodes **out, struct event_base *base,
                                    const struct conf *conf,
                                    const struct node_hooks *hooks);
void nodes_stop(struct nodes *n); /* NULL accepted */

/* `hex` (NUL-terminated block) is copied once for all nodes. `height` and `prev_hash`
 * say when it is stale. A block already under way is not sent twice to one node at a
 * time. */
void nodes_submit_block(struct nodes *n, const struct hash256 *hash, const char *hex,
                        size_t hex_len, uint32_t height);
/* Where the node in use takes mode "proposal"; else nothing happens. Copies. */
void nodes_propose(struct nodes *n, const char *block_hex, size_t hex_len);

/* blocknotify through the control socket: ask for a template now. */
void nodes_nudge(struct nodes *n);

/* getblockheader's confirmations of `hash`, from the best healthy node: on_answer gets
 * KZ_OK and the number (-1: not on the best chain), KZ_EMPTY (no node has it) or KZ_IO;
 * at once where no node is healthy, never after nodes_stop(). */
void nodes_confirmations(struct nodes *n, const struct hash256 *hash,
                         void (*on_answer)(void *ctx, enum kz_err err,
                                           int64_t confirmations),
                         void *ctx);

/* A coin as the chain has it, unconfirmed transactions left out. */
struct node_txout {
    bool is_unspent; /* false: spent, or of no transaction on the best chain */
    int64_t value_sat;
    const char *script_hex; /* borrowed; "" where the node does not say */
};
/* gettxout from the best healthy node; as above, but that KZ_EMPTY does not occur: a coin
 * that is not there is KZ_OK and not unspent. */
void nodes_txout(struct nodes *n, const struct hash256 *txid, uint32_t vout,
                 void (*on_txout)(void *ctx, enum kz_err err,
                                  const struct node_txout *out),
                 void *ctx);

/* What follows is asked of the best healthy node, and of the next where it has no answer;
 * each is told as with nodes_confirmations(), KZ_EMPTY where no such block is known. */

/* getblockhash: the best chain's block at `height`; KZ_IO above the tip. */
void nodes_block_hash(struct nodes *n, uint32_t height,
                      void (*on_hash)(void *ctx, enum kz_err err,
                                      const struct hash256 *hash),
                      void *ctx);

struct node_header {
    int64_t confirmations; /* -1: not on the best chain */
    uint32_t height;
    int64_t median_time; /* of the eleven blocks that end with it, Unix seconds */
    struct hash256 prev; /* zero for the first block */
};
/* getblockheader. */
void nodes_header(struct nodes *n, const struct hash256 *hash,
                  void (*on_header)(void *ctx, enum kz_err err,
                                    const struct node_header *header),
                  void *ctx);

/* getblock: the whole block in hex, borrowed. */
void nodes_block(struct nodes *n, const struct hash256 *hash,
                 void (*on_block)(void *ctx, enum kz_err err, const char *hex,
                                  size_t len),
                 void *ctx);

/* For status: an array, an object a node: url (without secrets), state, why, blocks,
 * headers, version, template_age_ms (-1: none), preferred, in_use, latency_ms, proposal
 * (why the last one was rejected, ""). The caller owns. */
json_t *nodes_status(const struct nodes *n);

#endif
