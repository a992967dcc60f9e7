/* pool/node_parts.h - what the files pool/node*.c share; nobody else includes it.
 *
 *   node.c          start, stop, status; which template is in force
 *   node_ask.c      asking one node: health, templates, long poll
 *   node_question.c the chain, block by block; coins
 *   node_send.c     blocks to all nodes, proposals
 *   node_choose.c   the decisions, pure
 *
 * Each node has four connections, so that none waits for another: ordinary calls, the
 * long poll, blocks, and proposals, which take a node as long as a whole block.
 *
 * Time is a tick of NODE_TICK_MS that looks what is due; answers look as well, so the
 * tick is never what anything urgent waits for.
 * Thread: control. */
#ifndef POOL_NODE_PARTS_H
#define POOL_NODE_PARTS_H

#include "conf/clock.h"
#include "pool/node.h"
#include "pool/node_choose.h"
#include "pool/rpc.h"
#include "share/network.h"

#define NODE_TICK_MS      250
#define NODE_HEALTH_MS    2000
#define NODE_AWAY_MS      1000 /* a node that is away is asked this often */
#define NODE_SPARE_FACTOR 4    /* a node not in use is refreshed this much less often */
#define NODE_START_MS     1000 /* a preferred node may take so long to answer first */
#define NODE_SEEN_TIP_MS  250  /* the long poll may bring a tip seen by a health call */
/* A node that came back with an older tip than our work's is not believed for this
 * long: it is most likely catching up. After that we follow it, or an operator could
 * never lead the pool off a branch. */
#define NODE_HOLD_MS 60000
/* Core keeps a thread busy for a long poll whose client went away until the tip
 * changes, and has few: never give one up lightly. A peer that is gone is noticed by
 * TCP keep-alive, a node that hangs by the ordinary calls. */
#define NODE_POLL_TIMEOUT_MS  (6 * 3600 * 1000)
#define NODE_POLL_QUICK_MS    500  /* answered sooner with nothing new: ... */
#define NODE_POLL_PAUSE_MS    1000 /* ... wait before asking again */
#define NODE_BLOCK_TIMEOUT_MS 60000
#define NODE_STALE_DEPTH      6 /* blocks on top of another at the height: give up */
#define NODE_BLOCKS_MAX       256
#define NODE_BLOCK_BYTES_MAX  (256 * 1024 * 1024)
#define NODE_TEXT_SIZE        160

struct node {
    struct nodes *all;
    size_t index;
    const struct conf_node *conf;
    struct rpc_auth *auth;
    struct rpc *calls, *polls, *sends, *proposals;

    /* health: getblockchaininfo */
    bool reached;
    char fault[NODE_TEXT_SIZE];
    char chain[32];
    bool in_download;
    uint32_t blocks, headers;
    struct hash256 tip;
    char version[64];
    int64_t latency_ms;
    struct monotime heard_at;  /* the last good answer */
    struct monotime behind_at; /* since when below the best; 0: is not */
    uint64_t run;              /* counts the times it was lost */

    /* templates */
    struct template *held;
    struct monotime held_at;
    int64_t refusal_code;
    char template_fault[TEMPLATE_WHY_SIZE];
    unsigned bad_templates;

    /* what is under way, and when it is due again */
    bool heard; /* the first health call is over */
    bool info_asked, template_asked, poll_asked, version_asked;
    bool template_wanted; /* once more behind the one under way */
    struct monotime info_due, template_due, poll_due;

    enum node_state state;
    char why[NODE_WHY_SIZE];
    struct monotime state_at;
    bool was_away;
};

struct sent_block;

struct nodes {
    struct event_base *base;
    struct evdns_base *dns;
    const struct conf *conf;
    const struct network *network;
    struct node_hooks hooks;
    struct event *tick;
    bool stopping;
    struct monotime started_at;

    struct node node[CONF_NODES_MAX];
    size_t count;

    struct template *in_force;
    size_t in_use;       /* NODE_NONE before the first template */
    uint64_t in_use_run; /* its node's run when it was put in force */
    struct monotime in_force_at;
    struct monotime up_to_date_at; /* when a usable node last was as high as it */
    bool hold_said;

    struct sent_block *blocks;
    size_t block_count, block_bytes;
    bool proposal_asked;
    char proposal_answer[NODE_TEXT_SIZE]; /* the last rejection; "" none */
};

/* node.c: judge all nodes anew, choose, put in force. */
void nodes_review(struct nodes *all);
/* The best tip's height that a node in good order knows; 0: none. */
uint32_t nodes_best_height(const struct nodes *all);

/* node_ask.c */
void node_ask_due(struct node *n);      /* sends what is due */
void node_ask_template(struct node *n); /* now, or behind the one under way */
void node_ask_lost(struct node *n, const char *fault);

/* node_send.c */
void node_send_due(struct nodes *all);
void node_send_hurry(struct node *n); /* it is there again: do not wait any longer */
void node_send_clear(struct nodes *all);

#endif
