#include "stratum/listener.h"

#include "conf/log.h"
#include "stratum/front.h"
#include "stratum/netaddr.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ACCEPTS_PER_EVENT 64
#define BACKLOG           4096 /* a farm that comes back at once; the kernel may cap it */
#define KEEPALIVE_SECONDS 60
#define UNACKED_MS        180000

/* "host:port" or "[v6]:port" into its two parts. */
static bool split(const char *text, char *host, size_t host_size, const char **port)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL)
        return false;
    size_t len = (size_t)(colon - text);
    if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    if (len >= host_size)
        return false;
    memcpy(host, text, len);
    host[len] = '\0';
    *port = colon + 1;
    return true;
}

static void set_option(int fd, int level, int name, int value)
{
    if (setsockopt(fd, level, name, &value, sizeof(value)) != 0)
        log_warn("socket_option_failed", kv_i64("option", name), kv_errno(errno));
}

static void set_options(int fd, int family)
{
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_SECONDS);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_SECONDS / 4);
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, UNACKED_MS);
    if (family == AF_INET6) /* so that 0.0.0.0 and [::] can stand side by side */
        set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
}

static int open_socket(const struct addrinfo *a)
{
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    set_options(fd, a->ai_family);
    if (bind(fd, a->ai_addr, a->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        int why = errno;
        close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

static int open_address(const char *text)
{
    char host[CONF_TEXT_MAX + 1];
    const char *port;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    if (!split(text, host, sizeof(host), &port)) {
        log_error("listener_address_malformed", kv_str("address", text));
        return -1;
    }
    int r = getaddrinfo(host[0] != '\0' ? host : NULL, port, &hints, &found);
    if (r != 0) {
        log_error("listener_address_unknown", kv_str("address", text),
                  kv_str("error", gai_strerror(r)));
        return -1;
    }
    int fd = open_socket(found);
    if (fd < 0)
        log_error("listener_open_failed", kv_str("address", text), kv_errno(errno));
    freeaddrinfo(found);
    return fd;
}

/* Once each for a pause: not a line for every connection that cannot be had. */
static void listener_pause(struct listener *l)
{
    log_warn("listener_paused", kv_u64("front", l->front->index), kv_errno(errno));
    event_del(l->readable);
    l->is_paused = true;
}

static void on_acceptable(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct listener *l = arg;
    struct front *f = l->front;
    front_wake(f);
    for (int i = 0; i < ACCEPTS_PER_EVENT; i++) {
        struct sockaddr_storage peer;
        socklen_t len = sizeof(peer);
        int conn =
            accept4(fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (conn >= 0) {
            front_accept(f, l->index, conn, (struct sockaddr *)&peer);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            listener_pause(l);
        if (errno != ECONNABORTED && errno != EINTR)
            break;
    }
    front_rest(f);
}

void listener_unpause(struct listener *l)
{
    if (!l->is_paused)
        return;
    l->is_paused = false;
    event_add(l->readable, NULL);
}

static void format_bound(char bound[CONF_TEXT_MAX + 1], int fd)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);
    struct netaddr a = {0};
    if (getsockname(fd, (struct sockaddr *)&sa, &len) == 0)
        netaddr_from_sockaddr(&a, (struct sockaddr *)&sa);
    char text[NETADDR_TEXT_SIZE];
    netaddr_format(text, &a, true);
    snprintf(bound, CONF_TEXT_MAX + 1, "%s", text);
}

enum kz_err listener_open(struct listener *l, struct front *front, size_t index,
                          const char *address, char bound[CONF_TEXT_MAX + 1])
{
    l->front = front;
    l->index = index;
    l->fd = open_address(bound[0] != '\0' ? bound : address);
    if (l->fd < 0)
        return KZ_IO;
    if (bound[0] == '\0')
        format_bound(bound, l->fd);
    l->readable = event_new(front->base, l->fd, EV_READ | EV_PERSIST, on_acceptable, l);
    if (l->readable == NULL || event_add(l->readable, NULL) != 0) {
        log_error("listener_event_failed", kv_str("address", address));
        listener_close(l);
        return KZ_IO;
    }
    return KZ_OK;
}

void listener_close(struct listener *l)
{
    if (l->readable != NULL)
        event_free(l->readable);
    if (l->fd >= 0)
        close(l->fd);
    l->readable = NULL;
    l->fd = -1;
}
