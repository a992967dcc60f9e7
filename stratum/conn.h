/* stratum/conn.h - a socket with its buffers.
 *
 * Plain read() and write(), or SSL_read() and SSL_write() on the same non-blocking
 * descriptor, over libevent's events and not its bufferevents. Reasons: an idle session
 * has to fit 4 KiB (24 with TLS) and a bufferevent pair keeps chains of its own; a
 * share has to cost under 10 us, and one read into a buffer of the thread and one write
 * from another is the least that is possible; mining.notify is sent from one rendering.
 *
 * Input is read into the thread's buffer; the owner takes whole lines there, and only
 * an unfinished rest is kept with the connection. Output goes straight to the socket;
 * only what that does not take is kept, up to limits.output_bytes: a reader slower than
 * that is closed. Both are freed when empty.
 *
 * conn_close() marks and tells the owner; conn_end() releases, called by the owner when
 * no callback of this connection is on the stack.
 *
 * Ownership  the conn is embedded in the owner's struct; the host is borrowed.
 * Thread     the host's; conn_detach()/conn_attach() move one to another thread. */
#ifndef STRATUM_CONN_H
#define STRATUM_CONN_H

#include "share/bytes.h"
#include "stratum/netaddr.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <openssl/ssl.h>

enum close_reason {
    CLOSE_NONE,
    CLOSE_BY_PEER,
    CLOSE_SLOW_READER,
    CLOSE_LINE_TOO_LONG,
    CLOSE_NO_REQUEST,
    CLOSE_IDLE,
    CLOSE_BANNED,
    CLOSE_NOT_ACTIVE,
    CLOSE_LIMIT,
    CLOSE_HTTP,
    CLOSE_TLS_ON_PLAIN,
    CLOSE_PROXY_HEADER,
    CLOSE_TLS_FAILED,
    CLOSE_NOT_KEPT, /* its shares could not be synced before their replies */
    CLOSE_STOPPED,
    CLOSE_REASONS
};
/* A short lower-case word for logs. */
const char *close_reason_name(enum close_reason r);

struct conn;

/* What the connections of one thread share. */
struct conn_host {
    struct event_base *base;
    uint8_t *in; /* in_size bytes, one read event's input */
    size_t in_size;
    uint32_t output_bytes; /* limit of a backlog */
    void *owner;
    /* A read or write event begins; it has ended (marked connections may go now). */
    void (*on_wake)(void *owner);
    void (*on_rest)(void *owner);
    /* Bytes: returns how many were used up; the rest comes again with more behind it.
     */
    size_t (*on_input)(struct conn *c, uint8_t *p, size_t len);
    /* A proxy header named `from` as the peer. False: refused, and closed already. */
    bool (*on_peer)(struct conn *c, const struct netaddr *from);
    /* Whether the peer is a proxy itself, whose word about another one is taken. */
    bool (*is_proxy)(const struct conn *c);
    void (*on_close)(struct conn *c);
};

enum conn_phase { CONN_PROXY, CONN_HANDSHAKE, CONN_OPEN, CONN_DRAINING };

struct conn {
    struct conn_host *host;
    int fd;
    uint8_t phase;   /* enum conn_phase */
    uint8_t closing; /* enum close_reason; CLOSE_NONE: it lives */
    uint8_t drained; /* why it drains */
    uint8_t headers; /* of proxies, read */
    bool paused;
    SSL *ssl; /* NULL: plain */
    struct netaddr peer;
    uint8_t *tail; /* unfinished input */
    uint32_t tail_len;
    uint8_t *backlog; /* output the socket did not take yet */
    uint32_t backlog_at, backlog_len, backlog_room;
    struct event readable, writable;
};

/* Takes `fd` (non-blocking) and `ssl` (NULL: plain). `proxied`: a header may come
 * first. */
void conn_start(struct conn *c, struct conn_host *host, int fd, SSL *ssl, bool proxied,
                const struct netaddr *peer);
/* Sends now, or keeps what the socket does not take. After a close: nothing. */
void conn_send(struct conn *c, struct bytes b);
void conn_close(struct conn *c, enum close_reason why);
/* Output so far is sent; then the peer's input is ignored until it closes, which counts
 * as `why`. Closing at once would throw away what it did not read yet. Whoever asked
 * for it sets a time limit. */
void conn_drain(struct conn *c, enum close_reason why);
/* No input is read while paused. */
void conn_pause(struct conn *c);
/* Reads again, the kept rest first. */
void conn_resume(struct conn *c);

/* Takes the connection off its thread, with all it holds, and on to another's. */
void conn_detach(struct conn *c);
void conn_attach(struct conn *c, struct conn_host *host);

/* Closes the socket and releases what the connection holds. */
void conn_end(struct conn *c);

#endif
