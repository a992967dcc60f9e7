/* pool/pay/chain_parts.h - what chain.c and chain_ask.c share; nobody else includes it. */
#ifndef POOL_PAY_CHAIN_PARTS_H
#define POOL_PAY_CHAIN_PARTS_H

#include "pool/pay/chain.h"
#include "pool/rpc.h"

#define CHAIN_WHY_SIZE 320

struct chain_node {
    struct rpc *rpc;
    struct rpc_auth *auth;
};

struct chain {
    const struct conf *conf;
    struct event_base *base;
    struct evdns_base *dns; /* NULL: no url has a name */
    struct chain_node nodes[CONF_NODES_MAX];
    size_t count;
    size_t in_use; /* count: none */
    struct chain_tip tip;
    char why[CHAIN_WHY_SIZE];
    bool lacks_spender_call; /* gettxspendingprevout is newer than the node */
};

/* Asks one node and waits; `a` is the caller's to rpc_answer_clear(). `params` is a JSON
 * array. */
void chain_call_node(struct rpc_answer *a, struct chain *c, size_t node,
                     const char *method, const char *params);
/* Asks the node in use. KZ_OK: there is a result. KZ_EMPTY: an RPC error, in `a`. KZ_IO:
 * no answer; logged. */
KZ_MUST_USE enum kz_err chain_call(struct rpc_answer *a, struct chain *c,
                                   const char *method, const char *params);

#endif
