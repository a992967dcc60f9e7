#include "pool/http.h"

#include "conf/clock.h"
#include "conf/mem.h"
#include "pool/http_limit.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <openssl/rand.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum counter {
    CONNECTS,
    REFUSED_CONNECTS, /* too many at once */
    REQUESTS,
    ANSWERED,
    NOT_FOUND,
    BUSY,
    MALFORMED,
    TOO_LARGE,
    OTHER_METHODS,
    LIMITED,
    TIMED_OUT,
    COUNTERS
};

static const char *const counter_names[COUNTERS] = {
    [CONNECTS] = "connects",           [REFUSED_CONNECTS] = "connects_refused",
    [REQUESTS] = "requests",           [ANSWERED] = "answered",
    [NOT_FOUND] = "not_found",         [BUSY] = "busy",
    [MALFORMED] = "malformed",         [TOO_LARGE] = "too_large",
    [OTHER_METHODS] = "other_methods", [LIMITED] = "limited",
    [TIMED_OUT] = "timed_out",
};

struct conn {
    struct http *http;
    struct conn *next;
    struct bufferevent *bev;
    struct event *deadline;
    struct http_call *call; /* under way, or NULL */
    struct netaddr peer;
    struct netaddr who; /* the same, or whom the proxy names */
    bool is_proxy;
    bool is_head;
    bool is_answered;
};

/* Outlives its connection when the client leaves before the answer. */
struct http_call {
    struct conn *conn; /* NULL once the peer is gone */
};

struct http {
    struct event_base *base;
    struct evconnlistener *listener;
    struct event *again; /* when there were no descriptors */
    const struct conf *conf;
    http_handler *on_request;
    void *ctx;
    struct http_limit *limit;
    struct conn *conns;
    size_t conn_count;
    uint64_t counters[COUNTERS];
    char listen[NETADDR_TEXT_SIZE];
};

static void conn_free(struct conn *c)
{
    struct http *h = c->http;
    for (struct conn **at = &h->conns; *at != NULL; at = &(*at)->next) {
        if (*at == c) {
            *at = c->next;
            break;
        }
    }
    h->conn_count--;
    if (c->call != NULL)
        c->call->conn = NULL;
    event_free(c->deadline);
    bufferevent_free(c->bev);
    mem_free(c);
}

static void set_deadline(struct conn *c, int seconds)
{
    struct timeval in = {.tv_sec = seconds};
    event_add(c->deadline, &in);
}

/* --- answers ---------------------------------------------------------------------------- */

static const char *status_text(unsigned status)
{
    static const struct {
        unsigned status;
        const char *text;
    } texts[] = {
        {200, "OK"},
        {400, "Bad Request"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {414, "URI Too Long"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {503, "Service Unavailable"},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (texts[i].status == status)
            return texts[i].text;
    assert(false); /* each status that is answered with has a text */
    return "";
}

static void add_date(struct evbuffer *out)
{
    char text[64];
    struct tm tm;
    time_t now = (time_t)(clock_utc_ms() / 1000);
    gmtime_r(&now, &tm);
    strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
    evbuffer_add_printf(out, "Date: %s\r\n", text);
}

/* A page of ours is for one pair of eyes: no cache, no index, no frame, and its address
 * goes to nobody else. */
static void add_head(struct evbuffer *out, const struct http_answer *a)
{
    evbuffer_add_printf(out, "HTTP/1.1 %u %s\r\n", a->status, status_text(a->status));
    add_date(out);
    evbuffer_add_printf(out, "Content-Type: %s\r\nContent-Length: %zu\r\n", a->type,
                        a->body.len);
    if (a->language != NULL)
        evbuffer_add_printf(out, "Content-Language: %s\r\nVary: Accept-Language\r\n",
                            a->language);
    if (a->status == 405)
        evbuffer_add_printf(out, "Allow: GET, HEAD\r\n");
    if (a->status == 429 || a->status == 503)
        evbuffer_add_printf(out, "Retry-After: %d\r\n", HTTP_RETRY_S);
    evbuffer_add_printf(out, "Content-Security-Policy: default-src 'none'; ");
    if (a->style_hash != NULL)
        evbuffer_add_printf(out, "style-src 'sha256-%s'; ", a->style_hash);
    evbuffer_add_printf(out, "base-uri 'none'; form-action 'none'; "
                             "frame-ancestors 'none'\r\n"
                             "Cache-Control: no-store\r\n"
                             "Referrer-Policy: no-referrer\r\n"
                             "X-Content-Type-Options: nosniff\r\n"
                             "X-Frame-Options: DENY\r\n"
                             "X-Robots-Tag: noindex, nofollow\r\n"
                             "Cross-Origin-Resource-Policy: same-origin\r\n"
                             "Connection: close\r\n\r\n");
}

static void discard(struct bufferevent *bev, void *arg)
{
    (void)arg;
    struct evbuffer *in = bufferevent_get_input(bev);
    evbuffer_drain(in, evbuffer_get_length(in));
}

static void on_conn_event(struct bufferevent *bev, short what, void *arg)
{
    (void)bev;
    (void)what;
    conn_free(arg);
}

/* Closing at once would take the answer back from a peer that still sends: we stop
 * sending, and read what comes, for a moment. */
static void on_written(struct bufferevent *bev, void *arg)
{
    struct conn *c = arg;
    c->is_answered = true;
    shutdown(bufferevent_getfd(bev), SHUT_WR);
    bufferevent_setcb(bev, discard, NULL, on_conn_event, c);
    discard(bev, c);
    bufferevent_enable(bev, EV_READ);
    set_deadline(c, HTTP_LINGER_S);
}

static void answer(struct conn *c, const struct http_answer *a)
{
    struct evbuffer *out = bufferevent_get_output(c->bev);
    add_head(out, a);
    if (!c->is_head)
        evbuffer_add(out, a->body.p, a->body.len);
    bufferevent_setcb(c->bev, NULL, on_written, on_conn_event, c);
    set_deadline(c, HTTP_ANSWER_S);
}

static void refuse(struct conn *c, unsigned status, enum counter why)
{
    char body[64];
    int len = snprintf(body, sizeof(body), "%s\n", status_text(status));
    c->http->counters[why]++;
    bufferevent_disable(c->bev, EV_READ);
    answer(c, &(struct http_answer){.status = status,
                                    .type = "text/plain; charset=utf-8",
                                    .body = {(const uint8_t *)body, (size_t)len}});
}

void http_reply(struct http_call *call, const struct http_answer *a)
{
    struct conn *c = call->conn;
    mem_free(call);
    if (c == NULL)
        return;
    c->call = NULL;
    c->http->counters[a->status == 200   ? ANSWERED
                      : a->status == 404 ? NOT_FOUND
                                         : BUSY]++;
    answer(c, a);
}

void http_guessed(struct http_call *call)
{
    struct conn *c = call->conn;
    if (c != NULL)
        http_limit_guessed(c->http->limit, &c->who, clock_now().ns / 1000000);
}

/* --- requests --------------------------------------------------------------------------- */

static void run(struct conn *c, const struct http_request *r)
{
    struct http *h = c->http;
    h->counters[REQUESTS]++;
    c->is_head = r->method == HTTP_HEAD;
    if (c->is_proxy && r->forwarded[0] != '\0' &&
        netaddr_parse(&c->who, r->forwarded, strlen(r->forwarded)) != KZ_OK)
        c->who = c->peer;
    if (!http_limit_take(h->limit, &c->who, clock_now().ns / 1000000)) {
        refuse(c, 429, LIMITED);
        return;
    }
    if (r->method == HTTP_OTHER) {
        refuse(c, 405, OTHER_METHODS);
        return;
    }
    bufferevent_disable(c->bev, EV_READ);
    set_deadline(c, HTTP_ANSWER_S);
    c->call = mem_new(sizeof(*c->call));
    c->call->conn = c;
    h->on_request(h->ctx, c->call, r);
}

static void on_read(struct bufferevent *bev, void *arg)
{
    struct conn *c = arg;
    struct http_request r;
    struct evbuffer *in = bufferevent_get_input(bev);
    size_t have = evbuffer_get_length(in);
    const struct bytes all = {evbuffer_pullup(in, -1), have};
    size_t len = http_head_len(all);
    if (len == 0 && have >= HTTP_HEAD_MAX)
        refuse(c, 431, TOO_LARGE);
    if (len == 0)
        return;
    enum kz_err err = http_request_parse(&r, (struct bytes){all.p, len});
    evbuffer_drain(in, have);
    if (err == KZ_OK)
        run(c, &r);
    else
        refuse(c, err == KZ_RANGE ? 414 : 400, err == KZ_RANGE ? TOO_LARGE : MALFORMED);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct conn *c = arg;
    if (!c->is_answered)
        c->http->counters[TIMED_OUT]++;
    conn_free(c);
}

/* --- connections ------------------------------------------------------------------------ */

static bool is_proxy(const struct http *h, const struct netaddr *a)
{
    for (size_t i = 0; i < h->conf->http_proxy_count; i++)
        if (netaddr_in_block(a, h->conf->http_proxies[i]))
            return true;
    return false;
}

static size_t count_of(const struct http *h, const struct netaddr *a)
{
    size_t count = 0;
    for (const struct conn *c = h->conns; c != NULL; c = c->next)
        count += memcmp(c->peer.ip, a->ip, sizeof(a->ip)) == 0;
    return count;
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd,
                      struct sockaddr *address, int len, void *arg)
{
    (void)listener;
    (void)len;
    struct http *h = arg;
    struct netaddr peer;
    netaddr_from_sockaddr(&peer, address);
    bool comes_from_proxy = is_proxy(h, &peer);
    h->counters[CONNECTS]++;
    if (h->conn_count >= HTTP_CONNS_MAX ||
        (!comes_from_proxy && count_of(h, &peer) >= HTTP_CONNS_PER_ADDRESS)) {
        h->counters[REFUSED_CONNECTS]++;
        close(fd);
        return;
    }
    struct conn *c = mem_new(sizeof(*c));
    c->http = h;
    c->peer = c->who = peer;
    c->is_proxy = comes_from_proxy;
    c->bev = bufferevent_socket_new(h->base, fd, BEV_OPT_CLOSE_ON_FREE);
    c->deadline = evtimer_new(h->base, on_deadline, c);
    assert(c->bev != NULL && c->deadline != NULL); /* out of memory, as conf/mem.h */
    c->next = h->conns;
    h->conns = c;
    h->conn_count++;
    bufferevent_setcb(c->bev, on_read, NULL, on_conn_event, c);
    bufferevent_setwatermark(c->bev, EV_READ, 0, HTTP_HEAD_MAX);
    bufferevent_enable(c->bev, EV_READ | EV_WRITE);
    set_deadline(c, HTTP_HEAD_S);
}

/* Out of descriptors: not asked again at once, which would be asking all the time. */
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
    struct http *h = arg;
    struct timeval soon = {.tv_sec = 1};
    log_warn("http_accept_failed", kv_errno(errno));
    evconnlistener_disable(listener);
    event_add(h->again, &soon);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct http *h = arg;
    evconnlistener_enable(h->listener);
}

/* --- start, stop ------------------------------------------------------------------------ */

/* "127.0.0.1:8080" or "[::1]:8080"; the length, or 0: no such address. */
static socklen_t read_address(struct sockaddr_storage *out, struct netaddr *a,
                              const char *text)
{
    const char *colon = strrchr(text, ':');
    uint64_t port;
    if (colon == NULL || !decimal_read(&port, colon + 1, 65535))
        return 0;
    size_t len = (size_t)(colon - text);
    bool has_brackets = len >= 2 && text[0] == '[' && colon[-1] == ']';
    if (netaddr_parse(a, text + has_brackets, len - 2 * has_brackets) != KZ_OK)
        return 0;
    memset(out, 0, sizeof(*out));
    if (has_brackets) {
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
                                   .sin6_port = htons((uint16_t)port)};
        memcpy(&in6.sin6_addr, a->ip, sizeof(a->ip));
        memcpy(out, &in6, sizeof(in6));
        return sizeof(in6);
    }
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    memcpy(&in.sin_addr, a->ip + 12, 4);
    memcpy(out, &in, sizeof(in));
    return sizeof(in);
}

static void format_bound(char out[NETADDR_TEXT_SIZE], int fd)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);
    struct netaddr a = {0};
    if (getsockname(fd, (struct sockaddr *)&sa, &len) == 0)
        netaddr_from_sockaddr(&a, (struct sockaddr *)&sa);
    netaddr_format(out, &a, true);
}

static enum kz_err listen_on(struct http *h, const char *text)
{
    struct sockaddr_storage sa;
    struct netaddr a;
    socklen_t len = read_address(&sa, &a, text);
    if (len == 0) {
        log_error("http_address_malformed", kv_str("address", text));
        return KZ_IO;
    }
    h->listener = evconnlistener_new_bind(h->base, on_accept, h,
                                          LEV_OPT_CLOSE_ON_FREE |
                                              LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE,
                                          64, (const struct sockaddr *)&sa, (int)len);
    if (h->listener == NULL) {
        log_error("http_listen_failed", kv_str("address", text), kv_errno(errno));
        return KZ_IO;
    }
    evconnlistener_set_error_cb(h->listener, on_accept_error);
    format_bound(h->listen, evconnlistener_get_fd(h->listener));
    if (!netaddr_in_block(&a, "127.0.0.0/8") && !netaddr_in_block(&a, "::1"))
        log_warn(
            "http_is_plain", kv_str("listen", h->listen),
            kv_str("means", "no TLS here: who can listen on the way can look too"));
    log_info("http_ready", kv_str("listen", h->listen));
    return KZ_OK;
}

enum kz_err http_start(struct http **out, struct event_base *base,
                       const struct conf *conf, http_handler *on_request, void *ctx)
{
    uint64_t seed;
    *out = NULL;
    if (conf->http_listen[0] == '\0')
        return KZ_OK;
    if (RAND_bytes((unsigned char *)&seed, sizeof(seed)) != 1)
        return KZ_IO;
    struct http *h = mem_new(sizeof(*h));
    h->base = base;
    h->conf = conf;
    h->on_request = on_request;
    h->ctx = ctx;
    h->limit = http_limit_new(seed);
    h->again = evtimer_new(base, on_again, h);
    enum kz_err err = h->again != NULL ? listen_on(h, conf->http_listen) : KZ_IO;
    if (err == KZ_OK)
        *out = h;
    else
        http_stop(h);
    return err;
}

void http_stop(struct http *h)
{
    if (h == NULL)
        return;
    if (h->listener != NULL)
        evconnlistener_free(h->listener);
    while (h->conns != NULL)
        conn_free(h->conns);
    if (h->again != NULL)
        event_free(h->again);
    http_limit_free(h->limit);
    mem_free(h);
}

json_t *http_status(const struct http *h)
{
    json_t *o = json_pack("{s:s}", "listen", h != NULL ? h->listen : "");
    if (h == NULL)
        return o;
    json_object_set_new(o, "connections", json_integer((json_int_t)h->conn_count));
    for (size_t i = 0; i < COUNTERS; i++)
        json_object_set_new(o, counter_names[i],
                            json_integer((json_int_t)h->counters[i]));
    return o;
}
