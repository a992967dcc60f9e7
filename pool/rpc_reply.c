#include "pool/rpc_reply.h"

#include "pool/json_fast.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *rpc_outcome_name(enum rpc_outcome o)
{
    switch (o) {
    case RPC_RESULT:
        return "result";
    case RPC_ERROR:
        return "error";
    case RPC_REFUSED:
        return "refused";
    case RPC_BUSY:
        return "busy";
    case RPC_MALFORMED:
        return "malformed";
    case RPC_TIMEOUT:
        return "timeout";
    case RPC_LOST:
        return "lost";
    case RPC_DROPPED:
        return "dropped";
    }
    return "unknown";
}

void rpc_text_copy(char *out, size_t size, const char *in)
{
    size_t i = 0;
    for (; in != NULL && in[i] != '\0' && i + 1 < size; i++)
        out[i] = in[i] >= ' ' && in[i] <= '~' ? in[i] : '?';
    out[i] = '\0';
}

void rpc_answer_fail(struct rpc_answer *a, enum rpc_outcome outcome,
                     const char *message)
{
    a->outcome = outcome;
    rpc_text_copy(a->message, sizeof(a->message), message);
}

void rpc_answer_clear(struct rpc_answer *a)
{
    json_decref(a->root);
    a->root = NULL;
    a->result = NULL;
}

/* "HTTP 502", with the start of a body that is no JSON but may be the reason. */
static void fail_status(struct rpc_answer *a, enum rpc_outcome outcome, int status,
                        const char *body, size_t len)
{
    char text[RPC_MESSAGE_SIZE];
    size_t shown = 0;
    while (shown < len && shown < 60 && body[shown] >= ' ' && body[shown] != '<')
        shown++;
    snprintf(text, sizeof(text), "HTTP %d%s%.*s", status, shown > 0 ? ": " : "",
             (int)shown, body);
    rpc_answer_fail(a, outcome, text);
}

static void read_error(struct rpc_answer *a, const json_t *error)
{
    const json_t *code = json_object_get(error, "code");
    const char *message = json_string_value(json_object_get(error, "message"));
    a->code = json_integer_value(code);
    rpc_answer_fail(a, RPC_ERROR, message != NULL ? message : "no message");
    if (!json_is_integer(code))
        rpc_answer_fail(a, RPC_MALFORMED, "an error without a code");
}

static void read_object(struct rpc_answer *a, const json_t *root, uint64_t id)
{
    const json_t *error = json_object_get(root, "error");
    const json_t *result = json_object_get(root, "result");
    const json_t *echo = json_object_get(root, "id");
    if (json_is_integer(echo) && (uint64_t)json_integer_value(echo) != id) {
        rpc_answer_fail(a, RPC_MALFORMED, "the answer to another call");
    } else if (error != NULL && !json_is_null(error)) {
        read_error(a, error);
    } else if (result == NULL) {
        rpc_answer_fail(a, RPC_MALFORMED, "neither result nor error");
    } else {
        a->outcome = RPC_RESULT;
        a->result = result;
    }
}

void rpc_reply_parse(struct rpc_answer *a, int http_status, const char *body,
                     size_t len, uint64_t id)
{
    if (http_status == 401) {
        rpc_answer_fail(a, RPC_REFUSED, "HTTP 401: user, password or cookie refused");
        return;
    }
    if (http_status == 403) {
        rpc_answer_fail(a, RPC_REFUSED, "HTTP 403: our address is not allowed there");
        return;
    }
    json_error_t where;
    a->root = json_fast(body, len);
    if (a->root == NULL)
        a->root = json_loadb(body, len, 0, &where);
    if (json_is_object(a->root))
        read_object(a, a->root, id);
    else if (http_status == 503)
        fail_status(a, RPC_BUSY, http_status, body, len);
    else if (http_status != 200 || len == 0)
        fail_status(a, RPC_MALFORMED, http_status, body, len);
    else
        rpc_answer_fail(a, RPC_MALFORMED,
                        a->root == NULL ? where.text : "JSON, but no object");
    if (a->outcome == RPC_RESULT && http_status != 200) {
        fail_status(a, RPC_MALFORMED, http_status, "", 0);
        a->result = NULL;
    }
}

bool rpc_read_coins(int64_t *sat, const json_t *value)
{
    double coins = json_number_value(value);
    if (!json_is_number(value) || !(coins >= 0 && coins <= 21e6))
        return false;
    *sat = (int64_t)llround(coins * 1e8);
    return true;
}
