#include "pool/bench/bench_link.h"

#include "conf/clock.h"
#include "conf/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Below the number of ephemeral ports that one source address has by default. */
#define LINKS_PER_SOURCE 20000

static void link_down(struct link *l, const char *why)
{
    char text[LINK_WHY_SIZE]; /* `why` may live in the SSL that goes now */
    snprintf(text, sizeof(text), "%s", why);
    link_close(l);
    l->group->hooks->on_down(l->owner, text);
}

static void link_down_errno(struct link *l, int number)
{
    link_down(l, strerrordesc_np(number));
}

static void link_down_tls(struct link *l)
{
    char text[LINK_WHY_SIZE];
    long verify = SSL_get_verify_result(l->ssl);
    unsigned long code = ERR_get_error();
    const char *reason = ERR_reason_error_string(code);
    if (verify != X509_V_OK && !l->group->settings->insecure)
        snprintf(text, sizeof(text), "TLS certificate not accepted: %s",
                 X509_verify_cert_error_string(verify));
    else
        snprintf(text, sizeof(text), "TLS failed: %s",
                 reason != NULL ? reason : "connection ended");
    ERR_clear_error();
    link_down(l, text);
}

/* --- reading and writing, plain and TLS alike ------------------------------------- */

enum io { IO_DONE, IO_WAIT, IO_WAIT_WRITE, IO_END, IO_FAILED };

static enum io tls_outcome(struct link *l, int returned)
{
    switch (SSL_get_error(l->ssl, returned)) {
    case SSL_ERROR_WANT_READ:
        return IO_WAIT;
    case SSL_ERROR_WANT_WRITE:
        return IO_WAIT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return IO_END;
    default:
        return IO_FAILED;
    }
}

static enum io link_read_some(struct link *l, size_t *got, uint8_t *p, size_t room)
{
    if (l->ssl != NULL) {
        ERR_clear_error();
        int n = SSL_read_ex(l->ssl, p, room, got);
        return n == 1 ? IO_DONE : tls_outcome(l, n);
    }
    ssize_t n = recv(l->fd, p, room, 0);
    if (n > 0)
        *got = (size_t)n;
    if (n >= 0)
        return n > 0 ? IO_DONE : IO_END;
    return errno == EAGAIN || errno == EINTR ? IO_WAIT : IO_FAILED;
}

static enum io link_write_some(struct link *l, size_t *sent, const uint8_t *p,
                               size_t len)
{
    if (l->ssl != NULL) {
        ERR_clear_error();
        int n = SSL_write_ex(l->ssl, p, len, sent);
        return n == 1 ? IO_DONE : tls_outcome(l, n);
    }
    ssize_t n = send(l->fd, p, len, MSG_NOSIGNAL);
    if (n >= 0) {
        *sent = (size_t)n;
        return IO_DONE;
    }
    return errno == EAGAIN || errno == EINTR ? IO_WAIT_WRITE : IO_FAILED;
}

static void link_io_failed(struct link *l, enum io outcome)
{
    if (outcome == IO_END)
        link_down(l, "closed by the pool");
    else if (l->ssl != NULL)
        link_down_tls(l);
    else
        link_down_errno(l, errno);
}

/* --- lines ------------------------------------------------------------------------ */

/* Hands out the whole lines of scratch[0 .. len) and keeps what is left over. */
static void link_deliver(struct link *l, size_t len, int64_t now_ns)
{
    const uint8_t *p = l->group->scratch;
    const uint8_t *end = p + len;
    const uint8_t *newline;
    while ((newline = memchr(p, '\n', (size_t)(end - p))) != NULL) {
        size_t line_len = (size_t)(newline - p);
        if (line_len > 0 && p[line_len - 1] == '\r')
            line_len--;
        if (line_len > 0)
            l->group->hooks->on_line(l->owner, (struct bytes){p, line_len}, now_ns);
        if (l->state != LINK_UP)
            return;
        p = newline + 1;
    }
    mem_free(l->in);
    l->in_len = (uint32_t)(end - p);
    l->in = l->in_len > 0 ? mem_copy(p, l->in_len) : NULL;
}

static void link_read(struct link *l)
{
    do {
        uint8_t *scratch = l->group->scratch;
        size_t len = l->in_len;
        if (len > 0)
            memcpy(scratch, l->in, len);
        if (len == LINK_LINE_MAX) {
            link_down(l, "the pool sent a line above 128 KiB");
            return;
        }
        size_t got = 0;
        enum io outcome = link_read_some(l, &got, scratch + len, LINK_LINE_MAX - len);
        if (outcome == IO_WAIT || outcome == IO_WAIT_WRITE)
            return;
        if (outcome != IO_DONE) {
            link_io_failed(l, outcome);
            return;
        }
        link_deliver(l, len + got, clock_now().ns);
    } while (l->state == LINK_UP && l->ssl != NULL && SSL_pending(l->ssl) > 0);
}

static void link_keep_unsent(struct link *l, const uint8_t *p, size_t len)
{
    if (l->out_len + len > LINK_OUT_MAX) {
        link_down(l, "the pool does not read");
        return;
    }
    l->out = mem_resize(l->out, l->out_len + len);
    memcpy(l->out + l->out_len, p, len);
    l->out_len += (uint32_t)len;
    event_add(&l->writable, NULL);
}

void link_send(struct link *l, const void *p, size_t len)
{
    if (l->state != LINK_UP)
        return;
    size_t sent = 0;
    if (l->out_len == 0) {
        enum io outcome = link_write_some(l, &sent, p, len);
        if (outcome == IO_END || outcome == IO_FAILED) {
            link_io_failed(l, outcome);
            return;
        }
    }
    if (sent < len)
        link_keep_unsent(l, (const uint8_t *)p + sent, len - sent);
}

static void link_flush(struct link *l)
{
    size_t sent = 0;
    enum io outcome = link_write_some(l, &sent, l->out, l->out_len);
    if (outcome == IO_END || outcome == IO_FAILED) {
        link_io_failed(l, outcome);
        return;
    }
    memmove(l->out, l->out + sent, l->out_len - sent);
    l->out_len -= (uint32_t)sent;
    if (l->out_len > 0) {
        event_add(&l->writable, NULL);
        return;
    }
    mem_free(l->out);
    l->out = NULL;
}

/* --- opening ---------------------------------------------------------------------- */

static void link_is_up(struct link *l)
{
    l->state = LINK_UP;
    l->group->hooks->on_up(l->owner);
}

static void link_handshake(struct link *l)
{
    ERR_clear_error();
    int n = SSL_connect(l->ssl);
    if (n == 1) {
        link_is_up(l);
        return;
    }
    enum io outcome = tls_outcome(l, n);
    if (outcome == IO_WAIT_WRITE)
        event_add(&l->writable, NULL);
    else if (outcome != IO_WAIT)
        link_down_tls(l);
}

static bool is_address(const char *host)
{
    struct in6_addr any;
    return inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1;
}

static void link_begin_tls(struct link *l)
{
    const char *host = l->group->settings->url.host;
    l->ssl = SSL_new(l->group->tls);
    if (l->ssl == NULL || SSL_set_fd(l->ssl, l->fd) != 1) {
        link_down(l, "TLS: no memory");
        return;
    }
    if (is_address(host))
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(l->ssl), host);
    else if (SSL_set_tlsext_host_name(l->ssl, host) != 1 ||
             SSL_set1_host(l->ssl, host) != 1) {
        link_down(l, "TLS: not a host name");
        return;
    }
    l->state = LINK_TLS;
    event_add(&l->readable, NULL);
    link_handshake(l);
}

static void link_begin_connect(struct link *l);

static void link_connect_failed(struct link *l, int number)
{
    link_close(l);
    if (++l->address < l->group->address_count)
        link_begin_connect(l);
    else
        link_down_errno(l, number);
}

static void link_connected(struct link *l)
{
    int number = 0;
    socklen_t len = sizeof(number);
    if (getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &number, &len) != 0)
        number = errno;
    if (number != 0) {
        link_connect_failed(l, number);
    } else if (l->group->tls != NULL) {
        link_begin_tls(l);
    } else {
        event_add(&l->readable, NULL);
        link_is_up(l);
    }
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct link *l = arg;
    if (l->state == LINK_TLS)
        link_handshake(l);
    else if (l->state == LINK_UP)
        link_read(l);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct link *l = arg;
    if (l->state == LINK_CONNECTING)
        link_connected(l);
    else if (l->state == LINK_TLS)
        link_handshake(l);
    else if (l->state == LINK_UP && l->out_len > 0)
        link_flush(l);
}

/* A source address has some 28,000 ports towards one listener; loopback has 2^24
 * addresses. */
static void spread_source(struct link *l)
{
    uint64_t source = l->group->opened++ / LINKS_PER_SOURCE;
    if (!l->group->settings->spread_sources || source == 0 || source > 200)
        return;
    struct sockaddr_in from = {.sin_family = AF_INET};
    from.sin_addr.s_addr = htonl((uint32_t)(INADDR_LOOPBACK + source));
    int on = 1;
    setsockopt(l->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    /* Where it fails the default address serves until its ports are used up. */
    (void)!bind(l->fd, (const struct sockaddr *)&from, sizeof(from));
}

static void link_begin_connect(struct link *l)
{
    const struct link_address *to = &l->group->addresses[l->address];
    l->fd = socket(to->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (l->fd < 0) {
        link_down_errno(l, errno);
        return;
    }
    int on = 1;
    setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (to->addr.ss_family == AF_INET)
        spread_source(l);
    l->state = LINK_CONNECTING;
    event_assign(&l->readable, l->group->base, l->fd, EV_READ | EV_PERSIST, on_readable,
                 l);
    event_assign(&l->writable, l->group->base, l->fd, EV_WRITE, on_writable, l);
    if (connect(l->fd, (const struct sockaddr *)&to->addr, to->len) != 0 &&
        errno != EINPROGRESS)
        link_connect_failed(l, errno);
    else
        event_add(&l->writable, NULL);
}

void link_init(struct link *l, struct link_group *g, void *owner)
{
    l->group = g;
    l->owner = owner;
    l->fd = -1;
}

void link_open(struct link *l)
{
    l->address = 0;
    if (l->group->address_count == 0)
        link_down(l, "the pool's name does not resolve");
    else
        link_begin_connect(l);
}

void link_close(struct link *l)
{
    if (l->fd >= 0) {
        event_del(&l->readable);
        event_del(&l->writable);
        close(l->fd);
    }
    SSL_free(l->ssl);
    mem_free(l->in);
    mem_free(l->out);
    l->fd = -1;
    l->ssl = NULL;
    l->in = l->out = NULL;
    l->in_len = l->out_len = 0;
    l->state = LINK_CLOSED;
}
