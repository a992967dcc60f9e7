/* pool/bench/bench_link.h - the generator's end of many connections: bytes and lines.
 *
 * A link is one socket, plain or TLS, non-blocking, on one libevent loop. It uses the
 * loop for readiness only and reads and writes by itself: with one small line each way
 * a share, buffer chains would cost more than the pool's own work, and the generator
 * must not be what is measured. All links of a group read into one scratch buffer; a
 * link keeps memory of its own only for a line that came in pieces or could not be
 * sent.
 *
 * Ownership  a group borrows its base, settings and hooks and owns the TLS context; a
 *            link lives in its owner's struct and borrows the group.
 * Errors     a connection that failed or ended is told once through on_down, never for
 *            link_close(). A line above LINK_LINE_MAX and more than LINK_OUT_MAX unsent
 *            bytes end the link.
 * Thread     the loop's. Resolving names waits: it is done before the loop runs, and by
 *            a rig that has no connection to serve. */
#ifndef POOL_BENCH_LINK_H
#define POOL_BENCH_LINK_H

#include "conf/err.h"
#include "share/bytes.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#define LINK_LINE_MAX  131072
#define LINK_OUT_MAX   65536
#define LINK_ADDRESSES 8
#define LINK_WHY_SIZE  160

struct link_url {
    char host[256];
    char port[6];
    bool tls;
};

/* stratum+tcp://, stratum+ssl://, stratum+tls:// or nothing before host:port; an IPv6
 * host stands in brackets. */
KZ_MUST_USE enum kz_err link_url_parse(struct link_url *u, const char *text);

struct link_settings {
    struct link_url url;
    const char *ca_file; /* NULL: the system's certificates */
    bool insecure;       /* TLS without looking at the certificate */
    bool spread_sources; /* loopback: a new source address each 20,000 links */
};

struct link_hooks {
    void (*on_up)(void *owner); /* connected, TLS agreed */
    /* One line without its end. `read_ns` is the monotonic clock behind the read. */
    void (*on_line)(void *owner, struct bytes line, int64_t read_ns);
    void (*on_down)(void *owner, const char *why);
};

struct link_address {
    struct sockaddr_storage addr;
    socklen_t len;
};

struct link_group {
    struct event_base *base;
    const struct link_settings *settings;
    const struct link_hooks *hooks;
    SSL_CTX *tls; /* owned; NULL: plain */
    struct link_address addresses[LINK_ADDRESSES];
    size_t address_count;
    uint64_t opened; /* links so far, to spread source addresses */
    uint8_t scratch[LINK_LINE_MAX];
};

/* Fills `g` (caller's storage) and makes the TLS context; does not resolve yet. KZ_IO:
 * the CA file cannot be read; `why` says so. */
KZ_MUST_USE enum kz_err link_group_init(struct link_group *g, char why[LINK_WHY_SIZE],
                                        struct event_base *base,
                                        const struct link_settings *settings,
                                        const struct link_hooks *hooks);
void link_group_clear(struct link_group *g);
KZ_MUST_USE enum kz_err link_group_resolve(struct link_group *g,
                                           char why[LINK_WHY_SIZE]);
bool link_group_is_loopback(const struct link_group *g);

enum link_state { LINK_CLOSED, LINK_CONNECTING, LINK_TLS, LINK_UP };

struct link {
    struct link_group *group;
    void *owner;
    SSL *ssl;
    uint8_t *in, *out; /* owned; an unfinished line, unsent bytes */
    uint32_t in_len, out_len;
    int fd;
    enum link_state state;
    uint32_t address; /* index of the one being tried */
    struct event readable, writable;
};

/* `l` is zeroed storage. */
void link_init(struct link *l, struct link_group *g, void *owner);
/* Tries the group's addresses in turn; on_up or on_down follows, on_down possibly
 * before this returns. The link is closed. Not from within this link's own hooks. */
void link_open(struct link *l);
void link_close(struct link *l);
/* Whole lines, with their ends. Nothing happens unless the link is up. */
void link_send(struct link *l, const void *p, size_t len);

#endif
