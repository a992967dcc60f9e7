/* pool/rpc_reply.h - what became of one JSON-RPC call.
 *
 * rpc_reply_parse() judges an HTTP answer: nodes answer errors with status 200
 * (JSON-RPC 2.0) or with 500 and 404 and the same body (JSON-RPC 1), refuse credentials
 * with 401, and say 503 in plain text when their work queue is full.
 *
 * Ownership  `result` is borrowed from the answer; rpc_answer_clear() releases it.
 * Thread     any. Pure. */
#ifndef POOL_RPC_REPLY_H
#define POOL_RPC_REPLY_H

#include "conf/clock.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rpc_outcome {
    RPC_RESULT,    /* `result` is there, though it may be JSON's null      */
    RPC_ERROR,     /* the node said no: `code` and `message`               */
    RPC_REFUSED,   /* HTTP 401 or 403: our credentials, or our address     */
    RPC_BUSY,      /* HTTP 503: its work queue is full; ask again later    */
    RPC_MALFORMED, /* the answer is no JSON-RPC reply, or it is too large  */
    RPC_TIMEOUT,   /* nothing in the time allowed                          */
    RPC_LOST,      /* no connection, or it broke                           */
    RPC_DROPPED,   /* the client was freed with the call in it             */
};
const char *rpc_outcome_name(enum rpc_outcome o);

#define RPC_MESSAGE_SIZE 160

struct rpc_answer {
    enum rpc_outcome outcome;
    const json_t *result; /* only with RPC_RESULT */
    int64_t code;         /* only with RPC_ERROR  */
    /* What to log unless RPC_RESULT: the node's message, or what went wrong. */
    char message[RPC_MESSAGE_SIZE];
    struct monotime asked; /* when it was sent */
    int64_t elapsed_ms;
    json_t *root; /* owns `result` */
};

/* Codes a node in good order answers with for a while. */
#define RPC_CODE_NOT_FOUND     (-5)
#define RPC_CODE_NOT_CONNECTED (-9)
#define RPC_CODE_IN_DOWNLOAD   (-10)
#define RPC_CODE_DESERIALIZE   (-22)
#define RPC_CODE_WARMING_UP    (-28)

/* Fills outcome, result, code, message and root. `id` is the call's. */
void rpc_reply_parse(struct rpc_answer *a, int http_status, const char *body,
                     size_t len, uint64_t id);
void rpc_answer_fail(struct rpc_answer *a, enum rpc_outcome outcome,
                     const char *message);
/* A node's text for logs and status: what is not printable ASCII becomes '?', what is
 * too long is cut. `in` NULL counts as "". */
void rpc_text_copy(char *out, size_t size, const char *in);
void rpc_answer_clear(struct rpc_answer *a);

/* Satoshis of a value in bitcoin, exactly. Nodes print 8 places; below 2^53 satoshis the
 * nearest double gives each of them back. False: no number that could be a coin. */
bool rpc_read_coins(int64_t *sat, const json_t *value);

#endif
