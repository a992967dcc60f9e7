/* stratum/request.h - one line of JSON-RPC from a rig to a request, and the replies.
 *
 * Tolerant where rigs differ (specs/stratum-v1.md, Q13 to Q20): any `id`, parameters
 * that are missing, null, an object or a bare scalar, parameters inside the method's
 * name, several objects on one line, bytes that are no UTF-8. jansson stays in
 * request.c and the handlers that read `params`.
 *
 * Replies always carry id, result and error, in that order.
 *
 * Ownership  a request owns its JSON until request_clear(); `id` borrows from the input.
 * Thread     the session's. Pure. */
#ifndef STRATUM_REQUEST_H
#define STRATUM_REQUEST_H

#include "stratum/out.h"

#include <jansson.h>

enum request_method {
    METHOD_SUBSCRIBE,
    METHOD_AUTHORIZE,
    METHOD_CONFIGURE,
    METHOD_SUGGEST_DIFFICULTY,
    METHOD_SUGGEST_TARGET,
    METHOD_EXTRANONCE_SUBSCRIBE,
    METHOD_SUBMIT,
    METHOD_GET_TRANSACTIONS,
    METHOD_PING,
    METHOD_IGNORED, /* known, answered, without effect: multi_version and the like */
    METHOD_OURS,    /* kariz.*: a name of our own that this version does not have */
    METHOD_UNKNOWN,
};

enum request_kind {
    REQUEST_CALL,
    REQUEST_RESPONSE, /* a reply to something: ignored */
    REQUEST_MALFORMED,
};

struct request {
    struct bytes id; /* JSON text as sent, "null" when missing */
    enum request_method method;
    json_t *params; /* owned; always an array */
    char *id_text;  /* owned: what `id` borrows from where it is not the input */
};

#define REPLY_CODE_OTHER          20
#define REPLY_CODE_UNAUTHORIZED   24
#define REPLY_CODE_NOT_SUBSCRIBED 25
#define REPLY_CODE_NO_METHOD      (-3)

/* Reads the first object of `text`; *used is where the next may begin (== len: none).
 * Bytes that are no UTF-8 are replaced in place. Only REQUEST_CALL fills *r. */
enum request_kind request_parse(struct request *r, size_t *used, char *text,
                                size_t len);
void request_clear(struct request *r);

/* Parameter `i` as text (borrowed from the request), or an empty one. */
struct bytes request_param_text(const struct request *r, size_t i);

/* `result` is JSON text. */
void reply_result(struct out *o, struct bytes id, const char *result);
/* `result` is "null" but for authorize, where it is "false". Text: short ASCII. */
void reply_error(struct out *o, struct bytes id, const char *result, int code,
                 const char *text);

#endif
