#include "stratum/conn.h"

#include "conf/mem.h"
#include "stratum/proxy_header.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PROXY_HEADERS_MAX 4 /* of proxies behind each other */
#define READS_PER_EVENT   4 /* of a TLS connection with more records in its buffer */

const char *close_reason_name(enum close_reason r)
{
    static const char *const names[CLOSE_REASONS] = {
        "",           "by_peer",  "slow_reader",  "line_too_long",
        "no_request", "idle",     "banned",       "not_active",
        "limit",      "http",     "tls_on_plain", "proxy_header",
        "tls_failed", "not_kept", "stopped"};
    return names[r];
}

void conn_close(struct conn *c, enum close_reason why)
{
    if (c->closing != CLOSE_NONE)
        return;
    c->closing = (uint8_t)why;
    event_del(&c->readable);
    event_del(&c->writable);
    c->host->on_close(c);
}

/* --- output --------------------------------------------------------------------------
 */

/* How much the socket took; -1: the connection is lost. */
static ssize_t raw_write(struct conn *c, const uint8_t *p, size_t len)
{
    if (c->ssl == NULL) {
        ssize_t n = send(c->fd, p, len, MSG_NOSIGNAL);
        if (n >= 0)
            return n;
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    }
    size_t n = 0;
    ERR_clear_error();
    int r = SSL_write_ex(c->ssl, p, len, &n);
    if (r == 1)
        return (ssize_t)n;
    int why = SSL_get_error(c->ssl, r);
    return why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ ? 0 : -1;
}

/* TLS writes one record at a time, so until nothing more is taken. */
static ssize_t write_some(struct conn *c, const uint8_t *p, size_t len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = raw_write(c, p + done, len - done);
        if (n < 0)
            return -1;
        done += (size_t)n;
        if (n == 0 || c->ssl == NULL)
            break;
    }
    return (ssize_t)done;
}

static void backlog_add(struct conn *c, const uint8_t *p, size_t len)
{
    if (c->backlog_len + len > c->host->output_bytes) {
        conn_close(c, CLOSE_SLOW_READER);
        return;
    }
    if (c->backlog_at > 0) {
        memmove(c->backlog, c->backlog + c->backlog_at, c->backlog_len);
        c->backlog_at = 0;
    }
    size_t need = c->backlog_len + len;
    if (need > c->backlog_room) {
        c->backlog_room = (uint32_t)(need + need / 2);
        c->backlog = mem_resize(c->backlog, c->backlog_room);
    }
    memcpy(c->backlog + c->backlog_len, p, len);
    c->backlog_len = (uint32_t)need;
    event_add(&c->writable, NULL);
}

void conn_send(struct conn *c, struct bytes b)
{
    if (c->closing != CLOSE_NONE || c->phase == CONN_DRAINING || b.len == 0)
        return;
    ssize_t n = 0;
    if (c->backlog_len == 0)
        n = write_some(c, b.p, b.len);
    if (n < 0)
        conn_close(c, CLOSE_BY_PEER);
    else if ((size_t)n < b.len)
        backlog_add(c, b.p + n, b.len - (size_t)n);
}

static void conn_write_backlog(struct conn *c)
{
    ssize_t n = write_some(c, c->backlog + c->backlog_at, c->backlog_len);
    if (n < 0) {
        conn_close(c, CLOSE_BY_PEER);
        return;
    }
    c->backlog_at += (uint32_t)n;
    c->backlog_len -= (uint32_t)n;
    if (c->backlog_len > 0)
        return;
    mem_free(c->backlog);
    c->backlog = NULL;
    c->backlog_at = c->backlog_room = 0;
    event_del(&c->writable);
    if (c->phase == CONN_DRAINING)
        shutdown(c->fd, SHUT_WR);
}

void conn_drain(struct conn *c, enum close_reason why)
{
    c->phase = CONN_DRAINING;
    c->drained = (uint8_t)why;
    mem_free(c->tail);
    c->tail = NULL;
    c->tail_len = 0;
    if (c->backlog_len == 0)
        shutdown(c->fd, SHUT_WR);
}

/* --- input ---------------------------------------------------------------------------
 */

/* `p` of `len` bytes come before everything else at conn_resume(). */
static void conn_keep(struct conn *c, const uint8_t *p, size_t len)
{
    uint8_t *copy = len > 0 ? mem_copy(p, len) : NULL;
    mem_free(c->tail);
    c->tail = copy;
    c->tail_len = (uint32_t)len;
}

/* Hands `len` bytes of the thread's buffer to the owner, keeps what it leaves. */
static void conn_feed(struct conn *c, size_t len)
{
    uint8_t *in = c->host->in;
    size_t used = c->host->on_input(c, in, len);
    if (c->closing != CLOSE_NONE || c->phase == CONN_DRAINING)
        return;
    assert(used <= len);
    conn_keep(c, in + used, len - used);
}

/* Bytes read, 0 for none now, -1 for the end. */
static ssize_t raw_read(struct conn *c, uint8_t *p, size_t len)
{
    if (c->ssl == NULL) {
        ssize_t n = recv(c->fd, p, len, 0);
        if (n > 0)
            return n;
        return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
    }
    size_t n = 0;
    ERR_clear_error();
    int r = SSL_read_ex(c->ssl, p, len, &n);
    if (r == 1)
        return (ssize_t)n;
    int why = SSL_get_error(c->ssl, r);
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

/* One read into the thread's buffer, behind the kept rest; false when nothing came. */
static bool conn_read_once(struct conn *c)
{
    size_t kept = c->tail_len;
    assert(kept < c->host->in_size);
    ssize_t n = raw_read(c, c->host->in + kept, c->host->in_size - kept);
    if (n < 0)
        conn_close(c, c->phase == CONN_DRAINING ? c->drained : CLOSE_BY_PEER);
    if (n <= 0)
        return false;
    if (c->phase == CONN_DRAINING)
        return true;
    if (kept > 0)
        memcpy(c->host->in, c->tail, kept);
    conn_feed(c, kept + (size_t)n);
    return true;
}

static void conn_read(struct conn *c)
{
    for (int i = 0; i < READS_PER_EVENT; i++) {
        if (!conn_read_once(c) || c->closing != CLOSE_NONE || c->paused)
            return;
        if (c->ssl == NULL || !SSL_has_pending(c->ssl))
            return;
    }
    /* The kernel does not know of records that OpenSSL holds already. */
    event_active(&c->readable, EV_READ, 0);
}

static void conn_handshake(struct conn *c)
{
    ERR_clear_error();
    int r = SSL_accept(c->ssl);
    if (r == 1) {
        c->phase = CONN_OPEN;
        event_del(&c->writable);
        conn_read(c);
        return;
    }
    int why = SSL_get_error(c->ssl, r);
    if (why == SSL_ERROR_WANT_WRITE)
        event_add(&c->writable, NULL);
    else if (why != SSL_ERROR_WANT_READ)
        conn_close(c, CLOSE_TLS_FAILED);
}

static void conn_go_on(struct conn *c)
{
    c->phase = c->ssl != NULL ? CONN_HANDSHAKE : CONN_OPEN;
    if (c->ssl != NULL)
        conn_handshake(c);
    else
        conn_read(c);
}

/* Reads `need` bytes more of a header, not one further: what follows may be TLS. */
static bool proxy_read(struct conn *c, size_t need)
{
    uint8_t piece[PROXY_HEADER_MAX];
    if (need > sizeof(piece))
        need = sizeof(piece);
    ssize_t n = recv(c->fd, piece, need, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        conn_close(c, CLOSE_BY_PEER);
    if (n <= 0)
        return false;
    c->tail = mem_resize(c->tail, c->tail_len + (size_t)n);
    memcpy(c->tail + c->tail_len, piece, (size_t)n);
    c->tail_len += (uint32_t)n;
    return true;
}

/* True when the first byte waiting may begin a (further) header. */
static bool proxy_may_follow(struct conn *c, bool *is_known)
{
    uint8_t first;
    ssize_t n = recv(c->fd, &first, 1, MSG_PEEK);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        conn_close(c, CLOSE_BY_PEER);
    *is_known = n > 0;
    return n > 0 && proxy_header_may_begin(first);
}

/* The bytes in the tail were no header ("POST ..."): they belong to what follows. */
static void proxy_give_up(struct conn *c)
{
    if (c->ssl != NULL) {
        conn_close(c, CLOSE_PROXY_HEADER);
        return;
    }
    c->phase = CONN_OPEN;
    conn_read(c);
}

/* What follows is a header only where the one before names a proxy, too: else it is the
 * client's own, and it would say of itself what it likes. False: no more of them. */
static bool take_header(struct conn *c, const struct proxy_header *h)
{
    if (++c->headers > PROXY_HEADERS_MAX) {
        conn_close(c, CLOSE_PROXY_HEADER);
        return false;
    }
    if (h->has_address && !c->host->on_peer(c, &h->source))
        return false;
    if (h->has_address && c->host->is_proxy(c))
        return true;
    conn_go_on(c);
    return false;
}

static void conn_read_proxy(struct conn *c)
{
    while (c->closing == CLOSE_NONE && c->phase == CONN_PROXY) {
        bool is_known;
        if (c->tail_len == 0 && !proxy_may_follow(c, &is_known)) {
            if (is_known)
                conn_go_on(c);
            return;
        }
        struct proxy_header h;
        size_t need = 1;
        enum kz_err err = KZ_EMPTY;
        if (c->tail_len > 0)
            err = proxy_header_parse(&h, &need, c->tail, c->tail_len);
        if (err == KZ_EMPTY) {
            if (!proxy_read(c, need))
                return;
        } else if (err == KZ_RANGE) {
            proxy_give_up(c);
        } else if (err != KZ_OK) {
            conn_close(c, CLOSE_PROXY_HEADER);
        } else {
            conn_keep(c, NULL, 0); /* never reads further than the header's end */
            if (!take_header(c, &h))
                return;
        }
    }
}

/* --- events --------------------------------------------------------------------------
 */

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct conn *c = arg;
    struct conn_host *host = c->host;
    host->on_wake(host->owner);
    switch ((enum conn_phase)c->phase) {
    case CONN_PROXY:
        conn_read_proxy(c);
        break;
    case CONN_HANDSHAKE:
        conn_handshake(c);
        break;
    case CONN_OPEN:
    case CONN_DRAINING:
        conn_read(c);
        break;
    }
    host->on_rest(host->owner);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct conn *c = arg;
    struct conn_host *host = c->host;
    host->on_wake(host->owner);
    if (c->phase == CONN_HANDSHAKE)
        conn_handshake(c);
    else
        conn_write_backlog(c);
    host->on_rest(host->owner);
}

void conn_pause(struct conn *c)
{
    c->paused = true;
    event_del(&c->readable);
}

void conn_resume(struct conn *c)
{
    c->paused = false;
    event_add(&c->readable, NULL);
    size_t len = c->tail_len;
    if (len > 0) {
        memcpy(c->host->in, c->tail, len);
        conn_feed(c, len);
    }
    if (c->closing == CLOSE_NONE && !c->paused && c->ssl != NULL &&
        SSL_has_pending(c->ssl))
        event_active(&c->readable, EV_READ, 0);
}

void conn_attach(struct conn *c, struct conn_host *host)
{
    c->host = host;
    event_assign(&c->readable, host->base, c->fd, EV_READ | EV_PERSIST, on_readable, c);
    event_assign(&c->writable, host->base, c->fd, EV_WRITE | EV_PERSIST, on_writable,
                 c);
    if (!c->paused)
        event_add(&c->readable, NULL);
    if (c->backlog_len > 0)
        event_add(&c->writable, NULL);
}

void conn_detach(struct conn *c)
{
    event_del(&c->readable);
    event_del(&c->writable);
    c->host = NULL;
}

void conn_start(struct conn *c, struct conn_host *host, int fd, SSL *ssl, bool proxied,
                const struct netaddr *peer)
{
    c->fd = fd;
    c->ssl = ssl;
    c->peer = *peer;
    c->phase = (uint8_t)(ssl != NULL ? CONN_HANDSHAKE : CONN_OPEN);
    if (proxied)
        c->phase = CONN_PROXY;
    conn_attach(c, host);
}

void conn_end(struct conn *c)
{
    if (c->host != NULL)
        conn_detach(c);
    if (c->ssl != NULL) {
        if (c->phase == CONN_OPEN || c->phase == CONN_DRAINING) {
            ERR_clear_error();
            SSL_shutdown(c->ssl); /* the alert, if the socket takes it; no waiting */
        }
        SSL_free(c->ssl);
        c->ssl = NULL;
    }
    close(c->fd);
    mem_free(c->tail);
    mem_free(c->backlog);
    c->tail = c->backlog = NULL;
}
