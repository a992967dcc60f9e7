/* pool/rpc.h - JSON-RPC over one keep-alive HTTP connection to one node.
 *
 * Calls wait in a short queue and go out one at a time, in order: who must not wait for
 * a slow call has a struct rpc of its own (a node has one for long polls, one for
 * ordinary calls, one for blocks). The connection is made when first needed and made
 * again when it broke. Nodes close an idle connection after half a minute, and that may
 * cross a call on its way: such a call is sent once more on a new connection, so only
 * calls that may be made twice belong here. After a 401 the credentials are read again
 * and, if they are new, the call is sent once more.
 *
 * Host names are resolved without waiting (evdns); of several addresses the next is
 * taken after each failure. Answers are bounded by RPC_ANSWER_MAX.
 *
 * Ownership  url and texts are copied; base, dns and auth are borrowed and outlive it.
 *            A blob is counted: each call holds a reference.
 * Errors     each call accepted is answered exactly once, never from within rpc_call().
 * Thread     control: that of `base`. on_answer must not free the rpc it came from. */
#ifndef POOL_RPC_H
#define POOL_RPC_H

#include "conf/err.h"
#include "pool/rpc_auth.h"
#include "pool/rpc_reply.h"

#include <event2/dns.h>
#include <event2/event.h>

#define RPC_ANSWER_MAX (64 * 1024 * 1024)
#define RPC_QUEUE_MAX  64

struct rpc;
struct rpc_blob;

/* A large text that goes to several nodes without being copied for each. */
struct rpc_blob *rpc_blob_new(const char *text, size_t len);
struct rpc_blob *rpc_blob_ref(struct rpc_blob *b);
void rpc_blob_unref(struct rpc_blob *b); /* NULL accepted */
size_t rpc_blob_len(const struct rpc_blob *b);

/* KZ_PARSE, KZ_RANGE: `url` is not http://host:port; `why` says what it lacks. A url
 * with a user or password in it is refused: it would show in logs and status. */
KZ_MUST_USE enum kz_err rpc_new(struct rpc **out, const char **why,
                                struct event_base *base, struct evdns_base *dns,
                                const char *url, struct rpc_auth *auth);
/* Calls in it are answered with RPC_DROPPED. NULL accepted. */
void rpc_free(struct rpc *r);

struct rpc_request {
    const char *method;
    /* The parameters are head, blob, tail put together: one JSON array. */
    const char *head;
    struct rpc_blob *blob; /* NULL: none */
    const char *tail;      /* NULL: none */
    uint32_t timeout_ms;
    bool once; /* never send again by itself when a reused connection broke */
    void (*on_answer)(void *ctx, const struct rpc_answer *a);
    void *ctx;
};

/* KZ_BUSY: the queue is full; on_answer will not come. */
KZ_MUST_USE enum kz_err rpc_call(struct rpc *r, const struct rpc_request *q);

/* True when `url`'s host is a name, which needs evdns. */
bool rpc_url_has_name(const char *url);

#endif
