#include "stratum/session.h"

#include "conf/log.h"
#include "conf/mem.h"
#include "stratum/line.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define FLUSH_AT    32768 /* of collected replies: do not let them grow further */
#define DRAIN_MS    2000  /* for a peer to read our last words */
#define IDLE_MAX_S  172800.0
#define SLOWEST_RIG 50000.0 /* hashes a second: while a rig's rate is not known */
#define IDLE_SHARES 20.0    /* so many expected shares may be missing */

static struct session *session_of(struct conn *c)
{
    return (struct session *)c; /* its first member */
}

/* --- opening and ending --------------------------------------------------------------
 */

static bool is_proxy_peer(const struct conf_listener *l, const struct netaddr *peer)
{
    if (!l->proxy_protocol)
        return false;
    for (size_t i = 0; i < l->proxy_peer_count; i++) {
        if (netaddr_in_block(peer, l->proxy_peers[i]))
            return true;
    }
    return false;
}

static SSL *session_ssl(struct front *f, const struct conf_listener *l, int fd)
{
    SSL *ssl = l->tls ? SSL_new(f->tls) : NULL;
    if (ssl != NULL && SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        return NULL;
    }
    return ssl;
}

void session_open(struct front *f, size_t listener, int fd, const struct netaddr *peer)
{
    const struct conf_listener *l = &f->conf.listen[listener];
    stats_add(&f->stats, STAT(connects), 1);
    if (guard_enter(f->shared->guard, &f->conf.limits, peer,
                    (uint32_t)(f->now.ns / 1000000000)) != KZ_OK) {
        stats_count_close(&f->stats, CLOSE_LIMIT);
        close(fd);
        return;
    }
    SSL *ssl = session_ssl(f, l, fd);
    if (l->tls && ssl == NULL) {
        guard_leave(f->shared->guard, peer);
        stats_count_close(&f->stats, CLOSE_TLS_FAILED);
        close(fd);
        return;
    }
    struct session *s = mem_new(sizeof(*s));
    s->front = f;
    s->id = (uint64_t)f->index << 48 | ++f->next_session;
    s->listener = (uint8_t)listener;
    s->is_counted = true;
    s->connected = s->heard = f->now;
    s->connected_ms = f->utc_ms;
    front_keep_session(f, s);
    if (l->tls)
        stats_add(&f->stats, STAT(tls_sessions), 1);
    session_start_difficulty(s);
    if (ssl != NULL)
        SSL_set_accept_state(ssl);
    conn_start(&s->conn, &f->host, fd, ssl, is_proxy_peer(l, peer), peer);
}

static void keep_for_resume(struct session *s)
{
    struct front *f = s->front;
    struct resume_entry e = {.extranonce = s->extranonce,
                             .secret = s->secret,
                             .ended = f->now,
                             .difficulty = s->difficulty,
                             .offered = offers_summary(&s->offers),
                             .classes = s->classes};
    resume_put(f->resume, &e);
}

void session_free(struct session *s, bool keep)
{
    struct front *f = s->front;
    if (s->is_subscribed && keep)
        keep_for_resume(s);
    else if (s->is_subscribed)
        extranonces_give_back(f->extranonces, s->extranonce);
    session_drop_logins(s);
    if (s->is_counted)
        guard_leave(f->shared->guard, &s->conn.peer);
    conn_end(&s->conn);
    for (size_t i = 0; s->info != NULL && i < SESSION_INFO; i++)
        mem_free(s->info[i]);
    mem_free(s->info);
    mem_free(s->agent);
    mem_free(s);
}

/* False: shares of this turn could not be kept, so no reply may say that they were. */
static bool are_shares_kept(struct session *s)
{
    const struct stratum_hooks *hooks = &s->front->shared->hooks;
    bool has = s->has_shares;
    s->has_shares = false;
    return !has || hooks->shares_sync == NULL ||
           hooks->shares_sync(hooks->ctx, s->front->index) == KZ_OK;
}

void session_flush(struct session *s)
{
    struct out *o = &s->front->out;
    struct bytes b = {(const uint8_t *)o->p, o->len};
    o->len = 0;
    if (are_shares_kept(s))
        conn_send(&s->conn, b);
    else
        conn_close(&s->conn, CLOSE_NOT_KEPT);
}

/* What was answered before goes out first. */
void session_close(struct session *s, enum close_reason why)
{
    session_flush(s);
    conn_close(&s->conn, why);
}

void session_on_close(struct conn *c)
{
    struct session *s = session_of(c);
    struct front *f = s->front;
    stats_count_close(&f->stats, (enum close_reason)c->closing);
    if (c->ssl != NULL)
        stats_add(&f->stats, STAT(tls_sessions), -1);
    if (s->move_to != 0)
        front_cancel_move(f, s);
    front_drop_session(f, s);
    s->next = f->ended;
    f->ended = s;
    if (log_is_on(LOG_DEBUG)) {
        char address[NETADDR_TEXT_SIZE];
        netaddr_format(address, &c->peer, true);
        log_debug("session_ended", kv_u64("session", s->id), kv_str("address", address),
                  kv_str("reason", close_reason_name((enum close_reason)c->closing)),
                  kv_u64("shares", s->shares));
    }
}

bool session_is_proxy(const struct conn *c)
{
    const struct session *s = (const struct session *)(const void *)c; /* its first */
    return is_proxy_peer(&s->front->conf.listen[s->listener], &c->peer);
}

bool session_peer(struct conn *c, const struct netaddr *from)
{
    struct session *s = session_of(c);
    struct front *f = s->front;
    if (guard_rename(f->shared->guard, &f->conf.limits, &c->peer, from,
                     (uint32_t)(f->now.ns / 1000000000)) != KZ_OK) {
        conn_close(c, CLOSE_LIMIT);
        return false;
    }
    c->peer = *from;
    return true;
}

/* --- waiting -------------------------------------------------------------------------
 */

bool session_is_ready(struct session *s, bool is_there)
{
    if (is_there || s->wait_is_over)
        return true;
    s->is_waiting = true;
    s->since = s->front->now;
    conn_pause(&s->conn);
    return false;
}

void session_wake(struct session *s)
{
    if (!s->is_waiting || s->conn.closing != CLOSE_NONE)
        return;
    s->is_waiting = false;
    conn_resume(&s->conn);
}

void session_arrive(struct session *s, struct front *f)
{
    s->front = f;
    s->move_to = 0;
    s->has_moved = true;
    s->conn.paused = false;
    front_keep_session(f, s);
    if (s->conn.ssl != NULL)
        stats_add(&f->stats, STAT(tls_sessions), 1);
    if (s->active_count > 0)
        stats_add(&f->stats, STAT(authorized_sessions), 1);
    conn_attach(&s->conn, &f->host);
    if (s->login_count > 0 && s->active_count == 0 &&
        !f->has_revoked) { /* on its way here */
        f->has_revoked = true;
        f->revoked = f->now;
    }
    if (f->roster != NULL) /* it may be another one here */
        session_check_roster(s);
    conn_resume(&s->conn);
}

/* --- lines ---------------------------------------------------------------------------
 */

/* Enough that was no Stratum: gone, and the pairs of address and login stay out. */
static void ban(struct session *s)
{
    struct front *f = s->front;
    for (size_t i = 0; i < s->login_count; i++)
        ban_add(&f->bans, &s->conn.peer, s->logins[i]->text, s->logins[i]->text_len,
                f->now, f->conf.limits.ban_seconds);
    session_close(s, CLOSE_BANNED);
}

static void on_malformed(struct session *s)
{
    static const struct bytes null_id = {(const uint8_t *)"null", 4};
    reply_error(&s->front->out, null_id, "null", REPLY_CODE_OTHER,
                "Malformed: not a JSON-RPC request");
    s->score++;
    if (s->score >= s->front->conf.limits.ban_score)
        ban(s);
}

static void submit_request(struct session *s, const struct request *r)
{
    struct submit_line line;
    if (!s->is_subscribed)
        reply_error(&s->front->out, r->id, "null", REPLY_CODE_NOT_SUBSCRIBED,
                    "Not subscribed");
    else if (submit_from_request(&line, r) == KZ_OK)
        session_submit(s, &line);
    else {
        stats_add(&s->front->stats, STAT(shares) + SHARE_MALFORMED, 1);
        reply_error(&s->front->out, r->id, "null", REPLY_CODE_OTHER,
                    "Malformed submit");
    }
}

/* False: the session waits or moves, and this request has to come again. */
static bool handle_request(struct session *s, const struct request *r)
{
    struct out *o = &s->front->out;
    switch (r->method) {
    case METHOD_SUBSCRIBE:
        return session_subscribe(s, r);
    case METHOD_AUTHORIZE:
        return session_authorize(s, r);
    case METHOD_CONFIGURE:
        session_configure(s, r);
        break;
    case METHOD_SUGGEST_DIFFICULTY:
        session_suggest_difficulty(s, r);
        break;
    case METHOD_SUGGEST_TARGET:
        session_suggest_target(s, r);
        break;
    case METHOD_EXTRANONCE_SUBSCRIBE:
        s->takes_extranonce = true;
        reply_result(o, r->id, "true");
        break;
    case METHOD_SUBMIT:
        submit_request(s, r);
        break;
    case METHOD_PING:
        reply_result(o, r->id, "\"pong\"");
        break;
    case METHOD_IGNORED:
        reply_result(o, r->id, "true");
        break;
    case METHOD_GET_TRANSACTIONS:
        reply_error(o, r->id, "null", REPLY_CODE_OTHER, "Unsupported method");
        break;
    case METHOD_OURS:
        reply_error(o, r->id, "null", REPLY_CODE_OTHER, "Unsupported method");
        break;
    case METHOD_UNKNOWN:
        reply_error(o, r->id, "null", REPLY_CODE_NO_METHOD, "Method not found");
        break;
    }
    return true;
}

/* All objects of a line; returns how much of it is done with. */
static size_t handle_objects(struct session *s, char *text, size_t len)
{
    size_t at = 0;
    while (at < len && s->conn.closing == CLOSE_NONE) {
        struct request r;
        size_t used;
        bool is_done = true;
        switch (request_parse(&r, &used, text + at, len - at)) {
        case REQUEST_CALL:
            is_done = handle_request(s, &r);
            s->has_requested = true;
            request_clear(&r);
            break;
        case REQUEST_RESPONSE:
            break;
        case REQUEST_MALFORMED:
            on_malformed(s);
            break;
        }
        if (!is_done)
            return at;
        at += used;
    }
    return len;
}

static size_t handle_line(struct session *s, char *text, size_t len)
{
    struct submit_line submit;
    stats_add(&s->front->stats, STAT(lines), 1);
    s->heard = s->front->now;
    if (!submit_fast_parse(&submit, (const uint8_t *)text, len))
        return handle_objects(s, text, len);
    s->has_requested = true;
    session_submit(s, &submit);
    return len;
}

/* The name the client used for us, where it can be seen and is harmless to repeat. */
static struct bytes http_host(const uint8_t *p, size_t len)
{
    static const char header[] = "\nhost:";
    for (size_t i = 0; i + sizeof(header) <= len; i++) {
        if (strncasecmp((const char *)p + i, header, sizeof(header) - 1) != 0)
            continue;
        size_t from = i + sizeof(header) - 1;
        while (from < len && p[from] == ' ')
            from++;
        size_t to = from;
        while (to < len && (isalnum(p[to]) || p[to] == '.' || p[to] == '-'))
            to++;
        return (struct bytes){p + from, to - from};
    }
    return (struct bytes){NULL, 0};
}

/* Browsers, health checks, scanners; and getwork rigs, which follow X-Stratum. */
static void answer_http(struct session *s, const uint8_t *p, size_t len)
{
    static const char body[] = "This is a Stratum mining port.\n";
    struct out *o = &s->front->out;
    struct sockaddr_storage sa;
    socklen_t sa_len = sizeof(sa);
    struct netaddr here = {0};
    char text[NETADDR_TEXT_SIZE], port[16];
    if (getsockname(s->conn.fd, (struct sockaddr *)&sa, &sa_len) == 0)
        netaddr_from_sockaddr(&here, (struct sockaddr *)&sa);
    netaddr_format(text, &here, true);
    snprintf(port, sizeof(port), ":%u", here.port);
    struct bytes host = http_host(p, len);
    out_text(o, "HTTP/1.1 426 Upgrade Required\r\nX-Stratum: ");
    out_text(o, s->conn.ssl != NULL ? "stratum+ssl://" : "stratum+tcp://");
    out_add(o, host.p, host.len);
    out_text(o, host.len > 0 ? port : text);
    out_text(o, "\r\nUpgrade: stratum\r\nConnection: close\r\n"
                "Content-Type: text/plain\r\nContent-Length: ");
    out_u64(o, sizeof(body) - 1);
    out_text(o, "\r\n\r\n");
    out_text(o, body);
    session_flush(s);
    s->since = s->front->now;
    conn_drain(&s->conn, CLOSE_HTTP);
}

/* The first bytes: false when they are not for the line parser. */
static bool greet(struct session *s, const uint8_t *p, size_t len)
{
    struct bytes line;
    enum line_guess guess = line_guess(p, len);
    if (guess == LINE_TLS && s->conn.ssl == NULL) {
        if (len > 1)
            session_close(s, CLOSE_TLS_ON_PLAIN);
        return false;
    }
    if (guess == LINE_HTTP) {
        answer_http(s, p, len);
        return false;
    }
    /* From a peer that may not say so: served, it would look like somebody else. */
    if (len > 6 && memcmp(p, "PROXY ", 6) == 0) {
        session_close(s, CLOSE_PROXY_HEADER);
        return false;
    }
    s->has_greeted = line_take(&line, p, len) > 0;
    return true;
}

static bool is_open(const struct session *s)
{
    return s->conn.closing == CLOSE_NONE && !s->conn.paused &&
           s->conn.phase == CONN_OPEN;
}

size_t session_input(struct conn *c, uint8_t *p, size_t len)
{
    struct session *s = session_of(c);
    size_t at = 0;
    if (!s->has_greeted && !greet(s, p, len))
        return 0;
    while (is_open(s)) {
        struct bytes line;
        size_t used = line_take(&line, p + at, len - at);
        if (used == 0 || line.len > s->front->conf.limits.line_bytes)
            break;
        size_t start = (size_t)(line.p - p);
        size_t done = line.len;
        if (line.len > 0)
            done = handle_line(s, (char *)p + start, line.len);
        at = done < line.len ? start + done : at + used;
        if (s->front->out.len > FLUSH_AT)
            session_flush(s);
    }
    if (is_open(s) && len - at > s->front->conf.limits.line_bytes)
        session_close(s, CLOSE_LINE_TOO_LONG);
    session_settle(s);
    session_flush(s);
    return at;
}

/* --- timers --------------------------------------------------------------------------
 */

/* How long it may say nothing: a slow rig at a high difficulty is not a dead one. */
static int64_t idle_limit_ms(const struct session *s)
{
    double rate = vardiff_hashrate(&s->vardiff);
    if (rate <= 0.0)
        rate = SLOWEST_RIG;
    double expected = difficulty_to_double(s->difficulty) * 4294967296.0 / rate;
    double seconds = fmin(IDLE_SHARES * expected, IDLE_MAX_S);
    return (int64_t)(fmax(seconds, s->front->conf.limits.idle_seconds) * 1000.0);
}

/* The first request, and the first login, are due; true when it was closed. */
static bool is_late(struct session *s)
{
    const struct conf_limits *limits = &s->front->conf.limits;
    int64_t age = monotime_ms_between(s->connected, s->front->now);
    bool late =
        (!s->has_requested && age > (int64_t)limits->first_request_seconds * 1000) ||
        (s->login_count == 0 && age > (int64_t)limits->authorize_seconds * 1000);
    if (!late)
        return false;
    session_close(s, s->conn.phase == CONN_HANDSHAKE ? CLOSE_TLS_FAILED
                                                     : CLOSE_NO_REQUEST);
    return true;
}

static void tick_waiting(struct session *s)
{
    if (monotime_ms_between(s->since, s->front->now) < SESSION_WAIT_MS)
        return;
    s->wait_is_over = true;
    session_wake(s);
}

void session_tick(struct session *s)
{
    struct front *f = s->front;
    if (s->conn.closing != CLOSE_NONE || s->move_to != 0)
        return;
    if (s->conn.phase == CONN_DRAINING) {
        if (monotime_ms_between(s->since, f->now) > DRAIN_MS)
            conn_close(&s->conn, CLOSE_HTTP);
        return;
    }
    if (s->is_waiting) {
        tick_waiting(s);
        return;
    }
    session_check_time(s);
    if (s->login_count == 0 || !s->has_requested) {
        if (is_late(s))
            return;
    } else if (s->active_count == 0) {
        return; /* revoked: the front closes it (front.c) */
    } else if (monotime_ms_between(s->heard, f->now) > idle_limit_ms(s)) {
        session_close(s, CLOSE_IDLE);
        return;
    } else {
        session_tell_logins(s);
        if (s->tip != 0)
            session_adjust(s);
    }
    if (s->tip != 0 && monotime_ms_between(s->job_sent, f->now) >=
                           (int64_t)f->conf.resend_seconds * 1000)
        s->due_job = true;
    session_settle(s);
    session_flush(s);
}
