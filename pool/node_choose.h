/* pool/node_choose.h - the decisions about nodes, apart from all that moves.
 *
 * node_judge() turns what is known of one node into its state and the reason for it.
 * node_choose() picks the node whose template is to be in force:
 *   - the newest tip wins: a usable node whose template is higher than the others' is
 *     used whatever its place, since work on an older tip earns nothing;
 *   - among equals the order of the settings decides, but a node that was away must
 *     have been well for NODE_RETURN_MS before it is taken back;
 *   - between two tips of one height the node in use is kept: changing sides in a fork
 *     race costs all rigs their work and wins nothing.
 *
 * node_block_verdict() says what a node's answer to submitblock means.
 *
 * Errors  none. Thread: any; pure, `now`-like values are handed in. */
#ifndef POOL_NODE_CHOOSE_H
#define POOL_NODE_CHOOSE_H

#include "pool/node.h"
#include "pool/rpc_reply.h"

#define NODE_RETURN_MS 5000
#define NODE_BEHIND_MS 5000 /* blocks reach nodes at different moments */
#define NODE_BAD_MAX   3    /* templates refused in a row: stalled      */
#define NODE_NONE      SIZE_MAX
#define NODE_WHY_SIZE  256

struct node_facts {
    bool reached;      /* the last call that says so was answered */
    const char *fault; /* why not */
    const char *chain; /* "" unknown */
    const char *want_chain;
    bool in_download;
    uint32_t blocks, headers;
    int64_t behind_ms;          /* this long below the best known height; < 0: is not */
    uint32_t behind_blocks;     /* the setting */
    int64_t refusal_code;       /* RPC error of the last template call; 0: none */
    const char *template_fault; /* "" or why the last template was not usable */
    unsigned bad_templates;     /* in a row */
    bool has_template;
    int64_t template_age_ms, template_age_max_ms;
};

enum node_state node_judge(const struct node_facts *f, char why[NODE_WHY_SIZE]);

struct node_view {
    bool is_usable; /* healthy and with a template */
    uint32_t height;
    struct hash256 prev_hash;
    bool was_away;      /* has been unusable since the start */
    int64_t healthy_ms; /* without a break */
};

enum node_block_verdict {
    BLOCK_TAKEN,   /* it has the block, on its best chain */
    BLOCK_KNOWN,   /* it has the block, on which chain has to be asked */
    BLOCK_REFUSED, /* for good: invalid */
    BLOCK_AGAIN,   /* not asked, or not able to say: send it again */
};

/* `text` is what to log: "accepted", the node's word, or what went wrong. */
enum node_block_verdict node_block_verdict(const char **text,
                                           const struct rpc_answer *a);

/* NODE_NONE: no node is usable. `in_use` may be NODE_NONE. */
size_t node_choose(const struct node_view *views, size_t count, size_t in_use);

#endif
