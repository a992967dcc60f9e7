/* tests/unit/fake_rpc.h - an HTTP server in the test's own event loop that does as
 * told: answers, answers wrongly, waits, or hangs up. Raw sockets, so that no library
 * corrects what must be wrong.
 *
 * Thread: the test's. */
#ifndef TESTS_FAKE_RPC_H
#define TESTS_FAKE_RPC_H

#include "conf/clock.h"
#include "conf/mem.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAKE_CONNS 64

struct fake_rpc;

struct fake_request {
    struct fake_rpc *fake;
    struct bufferevent *bev;
    const char *method;
    json_t *params;
    long long id;
    char auth[256]; /* value of the Authorization header */
    size_t serial;  /* how many the fake got before it */
};

struct fake_rpc {
    struct event_base *base;
    struct evconnlistener *listener;
    struct bufferevent *conns[FAKE_CONNS];
    uint16_t port;
    size_t accepted;
    size_t requests;
    void (*on_request)(void *ctx, const struct fake_request *r);
    void *ctx;
};

static inline void fake_hang_up(struct fake_rpc *f, struct bufferevent *bev)
{
    for (size_t i = 0; i < FAKE_CONNS; i++) {
        if (f->conns[i] == bev)
            f->conns[i] = NULL;
    }
    bufferevent_free(bev);
}

static inline void fake_send(const struct fake_request *r, int status, const char *body,
                             size_t len)
{
    evbuffer_add_printf(bufferevent_get_output(r->bev),
                        "HTTP/1.1 %d Some Reason\r\nContent-Type: application/json\r\n"
                        "Content-Length: %zu\r\n\r\n",
                        status, len);
    bufferevent_write(r->bev, body, len);
}

static inline void fake_text(const struct fake_request *r, int status, const char *body)
{
    fake_send(r, status, body, strlen(body));
}

/* Takes `result`. */
static inline void fake_result(const struct fake_request *r, json_t *result)
{
    json_t *reply = json_pack("{s:o, s:n, s:I}", "result", result, "error", "id",
                              (json_int_t)r->id);
    char *text = json_dumps(reply, JSON_COMPACT);
    fake_text(r, 200, text);
    free(text);
    json_decref(reply);
}

static inline void fake_error(const struct fake_request *r, int code,
                              const char *message)
{
    json_t *reply = json_pack("{s:n, s:{s:i, s:s}, s:I}", "result", "error", "code",
                              code, "message", message, "id", (json_int_t)r->id);
    char *text = json_dumps(reply, JSON_COMPACT);
    fake_text(r, 500, text);
    free(text);
    json_decref(reply);
}

static inline void fake_header(char *out, size_t size, const char *head,
                               const char *name)
{
    const char *at = strstr(head, name);
    out[0] = '\0';
    if (at == NULL)
        return;
    at += strlen(name);
    size_t len = strcspn(at, "\r\n");
    snprintf(out, size, "%.*s", (int)len, at);
}

static inline void fake_on_read(struct bufferevent *bev, void *arg)
{
    struct fake_rpc *f = arg;
    struct evbuffer *in = bufferevent_get_input(bev);
    struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
    if (end.pos < 0)
        return;
    char head[4096] = "", length[32], auth[256];
    size_t head_len = (size_t)end.pos + 4;
    evbuffer_copyout(in, head, head_len < sizeof(head) ? head_len : sizeof(head) - 1);
    fake_header(length, sizeof(length), head, "Content-Length: ");
    fake_header(auth, sizeof(auth), head, "Authorization: ");
    size_t body_len = (size_t)strtol(length, NULL, 10);
    if (evbuffer_get_length(in) < head_len + body_len)
        return;
    evbuffer_drain(in, head_len);
    json_t *body = json_loadb((const char *)evbuffer_pullup(in, (ssize_t)body_len),
                              body_len, 0, NULL);
    evbuffer_drain(in, body_len);
    struct fake_request r = {.fake = f, .bev = bev, .serial = f->requests++};
    r.method = json_string_value(json_object_get(body, "method"));
    r.params = json_object_get(body, "params");
    r.id = json_integer_value(json_object_get(body, "id"));
    memcpy(r.auth, auth, sizeof(auth));
    f->on_request(f->ctx, &r);
    json_decref(body);
}

static inline void fake_on_event(struct bufferevent *bev, short what, void *arg)
{
    (void)what;
    fake_hang_up(arg, bev);
}

static inline void fake_on_accept(struct evconnlistener *l, evutil_socket_t fd,
                                  struct sockaddr *address, int len, void *arg)
{
    (void)l;
    (void)address;
    (void)len;
    struct fake_rpc *f = arg;
    f->accepted++;
    struct bufferevent *bev =
        bufferevent_socket_new(f->base, fd, BEV_OPT_CLOSE_ON_FREE);
    for (size_t i = 0; i < FAKE_CONNS; i++) {
        if (f->conns[i] == NULL) {
            f->conns[i] = bev;
            break;
        }
    }
    bufferevent_setcb(bev, fake_on_read, NULL, fake_on_event, f);
    bufferevent_enable(bev, EV_READ | EV_WRITE);
}

/* Port 0: a free one. */
static inline bool fake_start(struct fake_rpc *f, struct event_base *base,
                              uint16_t port,
                              void (*on_request)(void *, const struct fake_request *),
                              void *ctx)
{
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, "127.0.0.1", &sin.sin_addr);
    memset(f, 0, sizeof(*f));
    f->base = base;
    f->on_request = on_request;
    f->ctx = ctx;
    f->listener = evconnlistener_new_bind(base, fake_on_accept, f,
                                          LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE |
                                              LEV_OPT_CLOSE_ON_EXEC,
                                          16, (struct sockaddr *)&sin, sizeof(sin));
    if (f->listener == NULL)
        return false;
    socklen_t len = sizeof(sin);
    getsockname(evconnlistener_get_fd(f->listener), (struct sockaddr *)&sin, &len);
    f->port = ntohs(sin.sin_port);
    return true;
}

/* As a killed process: the port refuses, connections break. */
static inline void fake_stop(struct fake_rpc *f)
{
    if (f->listener != NULL)
        evconnlistener_free(f->listener);
    f->listener = NULL;
    for (size_t i = 0; i < FAKE_CONNS; i++) {
        if (f->conns[i] != NULL)
            fake_hang_up(f, f->conns[i]);
    }
}

static inline void run_once(struct event_base *base)
{
    struct timeval step = {0, 20000};
    event_base_loopexit(base, &step); /* or a quiet loop would never look again */
    event_base_loop(base, EVLOOP_ONCE);
}

/* Runs the loop until the condition holds; it fails the test when `ms` have passed. */
#define RUN_UNTIL(base, condition, ms)                                                 \
    do {                                                                               \
        struct monotime run_end_ = monotime_add_ms(clock_now(), (ms));                 \
        while (!(condition) && clock_now().ns < run_end_.ns)                           \
            run_once(base);                                                            \
        assert_true(condition);                                                        \
    } while (0)

#endif
