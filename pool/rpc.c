#include "pool/rpc.h"

#include "conf/clock.h"
#include "conf/log.h"
#include "conf/mem.h"
#include "pool/rpc_place.h"

#include <assert.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* Our own timers decide; libevent's must only never come first. */
#define HTTP_TIMEOUT_SECONDS 86400
#define HEADERS_MAX          65536
/* A peer that went away without a word is noticed by TCP itself, also while a long
 * poll waits and while a connection is made. */
#define TCP_GONE_MS       20000
#define KEEPALIVE_IDLE_S  10
#define KEEPALIVE_EVERY_S 5
#define KEEPALIVE_PROBES  2

struct rpc_blob {
    size_t refs;
    size_t len;
    char *text;
};

struct call {
    struct call *next;
    uint64_t id;
    struct rpc_request q; /* head and tail are our copies */
    bool repeated;        /* sent again after a broken connection */
    bool reauthed;        /* sent again after new credentials     */
    uint32_t auth_generation;
    struct monotime asked;
};

/* What one attempt brought, until on_turn() looks at it. */
struct attempt {
    bool over;
    bool answered; /* an HTTP answer is in status and body */
    int status;
    enum rpc_outcome failure;
    const char *why;
    struct evbuffer *body;
};

struct rpc {
    struct event_base *base;
    struct rpc_place *place;
    struct rpc_auth *auth;
    struct call *first; /* the one on the wire while `busy` */
    struct call **last;
    size_t count;
    bool busy;
    bool in_answer;
    uint64_t next_id;
    struct evhttp_connection *conn;
    struct evhttp_request *request; /* owned by conn while it is there */
    bool served;                    /* conn has carried an answer: it may be stale */
    bool reused;                    /* ... when the attempt began */
    struct attempt attempt;
    enum evhttp_request_error http_error;
    bool http_error_set;
    struct event *turn;  /* an attempt is over: judged outside libevent's callbacks */
    struct event *timer; /* of the attempt */
};

/* --- blobs -------------------------------------------------------------------- */

struct rpc_blob *rpc_blob_new(const char *text, size_t len)
{
    struct rpc_blob *b = mem_new(sizeof(*b));
    b->refs = 1;
    b->len = len;
    b->text = mem_copy(text, len);
    return b;
}

struct rpc_blob *rpc_blob_ref(struct rpc_blob *b)
{
    b->refs++;
    return b;
}

void rpc_blob_unref(struct rpc_blob *b)
{
    if (b == NULL || --b->refs > 0)
        return;
    mem_free(b->text);
    mem_free(b);
}

size_t rpc_blob_len(const struct rpc_blob *b)
{
    return b->len;
}

static void on_blob_sent(const void *data, size_t len, void *arg)
{
    (void)data;
    (void)len;
    rpc_blob_unref(arg);
}

/* --- the queue ---------------------------------------------------------------- */

static struct call *call_new(const struct rpc_request *q, uint64_t id)
{
    struct call *c = mem_new(sizeof(*c));
    c->id = id;
    c->q = *q;
    c->q.head = mem_text(q->head);
    c->q.tail = q->tail != NULL ? mem_text(q->tail) : NULL;
    if (q->blob != NULL)
        rpc_blob_ref(q->blob);
    return c;
}

static void call_free(struct call *c)
{
    mem_free((char *)(uintptr_t)c->q.head); /* our copy: const only for callers */
    mem_free((char *)(uintptr_t)c->q.tail);
    rpc_blob_unref(c->q.blob);
    mem_free(c);
}

static struct call *take_first(struct rpc *r)
{
    struct call *c = r->first;
    r->first = c->next;
    if (r->first == NULL)
        r->last = &r->first;
    r->count--;
    return c;
}

/* --- one attempt -------------------------------------------------------------- */

static void attempt_over(struct rpc *r)
{
    r->attempt.over = true;
    event_active(r->turn, EV_TIMEOUT, 0);
}

static void attempt_fail(struct rpc *r, enum rpc_outcome failure, const char *why)
{
    r->attempt.failure = failure;
    r->attempt.why = why;
    attempt_over(r);
}

static void fail_by_http(struct rpc *r)
{
    bool too_long = r->http_error_set && r->http_error == EVREQ_HTTP_DATA_TOO_LONG;
    bool bad = r->http_error_set && r->http_error == EVREQ_HTTP_INVALID_HEADER;
    if (too_long)
        attempt_fail(r, RPC_MALFORMED, "the answer is too large");
    else if (bad)
        attempt_fail(r, RPC_MALFORMED, "the answer is no HTTP");
    else if (r->http_error_set)
        attempt_fail(r, RPC_LOST, "the connection broke");
    else
        attempt_fail(r, RPC_LOST, "no connection");
}

static void on_http_error(enum evhttp_request_error error, void *arg)
{
    struct rpc *r = arg;
    r->http_error = error;
    r->http_error_set = true;
}

static void on_http(struct evhttp_request *req, void *arg)
{
    struct rpc *r = arg;
    r->request = NULL;
    int status = req != NULL ? evhttp_request_get_response_code(req) : 0;
    if (status == 0) {
        fail_by_http(r);
        return;
    }
    /* Moves the bytes: a template has millions. */
    evbuffer_add_buffer(r->attempt.body, evhttp_request_get_input_buffer(req));
    r->attempt.status = status;
    r->attempt.answered = true;
    attempt_over(r);
}

static void add_body(struct evbuffer *out, const struct call *c)
{
    evbuffer_add_printf(
        out, "{\"jsonrpc\":\"1.0\",\"id\":%llu,\"method\":\"%s\",\"params\":%s",
        (unsigned long long)c->id, c->q.method, c->q.head);
    if (c->q.blob != NULL) {
        struct rpc_blob *b = rpc_blob_ref(c->q.blob);
        if (evbuffer_add_reference(out, b->text, b->len, on_blob_sent, b) != 0)
            rpc_blob_unref(b);
    }
    if (c->q.tail != NULL)
        evbuffer_add(out, c->q.tail, strlen(c->q.tail));
    evbuffer_add(out, "}", 1);
}

/* libevent keeps a copy of the header until the request is done and does not wipe it;
 * ours is wiped here. */
static void add_auth(struct evkeyvalq *headers, struct rpc *r, struct call *c)
{
    char value[RPC_AUTH_HEADER_SIZE];
    if (rpc_auth_header(r->auth, value) == KZ_OK)
        evhttp_add_header(headers, "Authorization", value);
    explicit_bzero(value, sizeof(value));
    c->auth_generation = rpc_auth_generation(r->auth);
}

static struct evhttp_request *request_new(struct rpc *r, struct call *c)
{
    struct evhttp_request *req = evhttp_request_new(on_http, r);
    if (req == NULL)
        return NULL;
    evhttp_request_set_error_cb(req, on_http_error);
    struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
    evhttp_add_header(headers, "Host", rpc_place_host_header(r->place));
    evhttp_add_header(headers, "Content-Type", "application/json");
    evhttp_add_header(headers, "Connection", "keep-alive");
    add_auth(headers, r, c);
    add_body(evhttp_request_get_output_buffer(req), c);
    return req;
}

static void set_option(int fd, int level, int name, int value)
{
    /* Each only shortens a wait: without it things still work. */
    if (setsockopt(fd, level, name, &value, sizeof(value)) != 0)
        log_debug("node_socket_option_failed", kv_i64("option", name));
}

static void tune_socket(struct rpc *r)
{
    int fd = bufferevent_getfd(evhttp_connection_get_bufferevent(r->conn));
    if (fd < 0)
        return;
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_EVERY_S);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, TCP_GONE_MS);
}

static void attempt_send(struct rpc *r)
{
    struct evhttp_request *req = request_new(r, r->first);
    if (req == NULL) {
        attempt_fail(r, RPC_LOST, "no memory for a request");
        return;
    }
    r->request = req; /* before the call: it may answer from within */
    if (evhttp_make_request(r->conn, req, EVHTTP_REQ_POST, rpc_place_path(r->place)) !=
        0) {
        /* Not queued, so not owned by the connection. */
        r->request = NULL;
        evhttp_request_free(req);
        attempt_fail(r, RPC_LOST, "no connection");
        return;
    }
    if (r->request != NULL)
        tune_socket(r);
}

static void conn_drop(struct rpc *r)
{
    if (r->conn != NULL)
        evhttp_connection_free(r->conn);
    r->conn = NULL;
    r->served = false;
}

/* An address that is a literal, so that libevent has no name to wait for. */
static void conn_open(struct rpc *r)
{
    r->conn = evhttp_connection_base_new(r->base, NULL, rpc_place_address(r->place),
                                         rpc_place_port(r->place));
    if (r->conn == NULL) {
        attempt_fail(r, RPC_LOST, "no memory for a connection");
        return;
    }
    evhttp_connection_set_timeout(r->conn, HTTP_TIMEOUT_SECONDS);
    evhttp_connection_set_max_body_size(r->conn, RPC_ANSWER_MAX);
    evhttp_connection_set_max_headers_size(r->conn, HEADERS_MAX);
    attempt_send(r);
}

static void on_found(void *ctx, bool ok)
{
    struct rpc *r = ctx;
    if (ok)
        conn_open(r);
    else
        attempt_fail(r, RPC_LOST, "the host's name was not resolved");
}

static void attempt_begin(struct rpc *r)
{
    struct call *c = r->first;
    evbuffer_drain(r->attempt.body, evbuffer_get_length(r->attempt.body));
    r->attempt = (struct attempt){.body = r->attempt.body};
    r->http_error_set = false;
    r->busy = true;
    r->reused = r->conn != NULL && r->served;
    c->asked = clock_now();
    struct timeval limit = {(time_t)(c->q.timeout_ms / 1000),
                            (suseconds_t)(c->q.timeout_ms % 1000 * 1000)};
    event_add(r->timer, &limit);
    if (r->conn != NULL)
        attempt_send(r);
    else if (rpc_place_address(r->place) != NULL)
        conn_open(r);
    else
        rpc_place_lookup(r->place, on_found, r);
}

/* Stops what is under way; on_http() does not come any more. */
static void attempt_cancel(struct rpc *r)
{
    rpc_place_cancel(r->place);
    struct evhttp_request *req = r->request;
    r->request = NULL;
    if (req != NULL)
        evhttp_cancel_request(req);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct rpc *r = arg;
    if (!r->busy || r->attempt.over)
        return;
    attempt_cancel(r);
    attempt_fail(r, RPC_TIMEOUT, "no answer in time");
}

/* --- judging it --------------------------------------------------------------- */

static void answer_read(struct rpc_answer *a, struct rpc *r, const struct call *c)
{
    struct evbuffer *body = r->attempt.body;
    size_t len = evbuffer_get_length(body);
    const char *text = len > 0 ? (const char *)evbuffer_pullup(body, -1) : "";
    rpc_reply_parse(a, r->attempt.status, text, len, c->id);
    evbuffer_drain(body, len);
}

/* A reused connection that the node closed while the call was on its way. */
static bool is_worth_repeating(const struct rpc *r, const struct call *c)
{
    return !r->attempt.answered && r->attempt.failure == RPC_LOST && r->reused &&
           !c->repeated && !c->q.once;
}

static bool has_new_secret(struct rpc *r, const struct rpc_answer *a, struct call *c)
{
    if (a->outcome != RPC_REFUSED || c->reauthed)
        return false;
    /* Another of the node's connections may have read the new file already. */
    return rpc_auth_reload(r->auth) ||
           c->auth_generation != rpc_auth_generation(r->auth);
}

/* True when the first call is under way again. */
static bool try_again(struct rpc *r, const struct rpc_answer *a)
{
    struct call *c = r->first;
    if (is_worth_repeating(r, c)) {
        c->repeated = true;
    } else if (has_new_secret(r, a, c)) {
        c->reauthed = true;
    } else {
        return false;
    }
    attempt_begin(r);
    return true;
}

static void judge(struct rpc *r, struct rpc_answer *a)
{
    struct call *c = r->first;
    *a = (struct rpc_answer){.asked = c->asked};
    a->elapsed_ms = monotime_ms_between(c->asked, clock_now());
    if (r->attempt.answered) {
        answer_read(a, r, c);
        r->served = true;
        return;
    }
    rpc_answer_fail(a, r->attempt.failure, r->attempt.why);
    /* Not after a reused connection broke: its address was good a moment ago. */
    if (!r->reused)
        rpc_place_failed(r->place);
    conn_drop(r);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct rpc *r = arg;
    if (!r->attempt.over)
        return;
    r->attempt.over = false;
    event_del(r->timer);
    struct rpc_answer a;
    judge(r, &a);
    if (try_again(r, &a)) {
        rpc_answer_clear(&a);
        return;
    }
    struct call *c = take_first(r);
    r->busy = false;
    if (r->first != NULL)
        attempt_begin(r); /* on its way while this answer is digested */
    r->in_answer = true;
    c->q.on_answer(c->q.ctx, &a);
    r->in_answer = false;
    rpc_answer_clear(&a);
    call_free(c);
}

/* --- the interface ------------------------------------------------------------ */

enum kz_err rpc_new(struct rpc **out, const char **why, struct event_base *base,
                    struct evdns_base *dns, const char *url, struct rpc_auth *auth)
{
    struct rpc_place *place;
    enum kz_err err = rpc_place_new(&place, why, url, dns);
    if (err != KZ_OK)
        return err;
    struct rpc *r = mem_new(sizeof(*r));
    r->base = base;
    r->auth = auth;
    r->place = place;
    r->last = &r->first;
    r->attempt.body = evbuffer_new();
    r->turn = event_new(base, -1, 0, on_turn, r);
    r->timer = event_new(base, -1, 0, on_timer, r);
    if (r->attempt.body == NULL || r->turn == NULL || r->timer == NULL) {
        *why = "no memory";
        rpc_free(r);
        return KZ_IO;
    }
    *out = r;
    return KZ_OK;
}

void rpc_free(struct rpc *r)
{
    if (r == NULL)
        return;
    assert(!r->in_answer);
    attempt_cancel(r);
    conn_drop(r);
    while (r->first != NULL) {
        struct call *c = take_first(r);
        struct rpc_answer a = {.asked = c->asked};
        rpc_answer_fail(&a, RPC_DROPPED, "stopping");
        c->q.on_answer(c->q.ctx, &a);
        call_free(c);
    }
    if (r->turn != NULL)
        event_free(r->turn);
    if (r->timer != NULL)
        event_free(r->timer);
    if (r->attempt.body != NULL)
        evbuffer_free(r->attempt.body);
    rpc_place_free(r->place);
    mem_free(r);
}

enum kz_err rpc_call(struct rpc *r, const struct rpc_request *q)
{
    if (r->count >= RPC_QUEUE_MAX)
        return KZ_BUSY;
    struct call *c = call_new(q, ++r->next_id);
    *r->last = c;
    r->last = &c->next;
    r->count++;
    if (!r->busy)
        attempt_begin(r);
    return KZ_OK;
}

bool rpc_url_has_name(const char *url)
{
    struct rpc_place *p;
    const char *why;
    if (rpc_place_new(&p, &why, url, NULL) != KZ_OK)
        return false;
    bool has = rpc_place_has_name(p);
    rpc_place_free(p);
    return has;
}
