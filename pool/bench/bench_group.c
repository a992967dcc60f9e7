/* pool/bench/bench_group.c - what the links of one pool share: URL, addresses, TLS. */
#include "conf/mem.h"
#include "pool/bench/bench_link.h"

#include <netdb.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *prefix;
    bool tls;
} schemes[] = {
    {"stratum+tcp://", false}, {"stratum+ssl://", true}, {"stratum+tls://", true}};

static bool is_port(const char *text)
{
    size_t len = strlen(text);
    unsigned port = 0;
    if (len == 0 || len > 5 || strspn(text, "0123456789") != len)
        return false;
    for (size_t i = 0; i < len; i++)
        port = port * 10 + (unsigned)(text[i] - '0');
    return port > 0 && port <= 65535;
}

enum kz_err link_url_parse(struct link_url *u, const char *text)
{
    struct link_url found = {.tls = false};
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t len = strlen(schemes[i].prefix);
        if (strncasecmp(text, schemes[i].prefix, len) != 0)
            continue;
        found.tls = schemes[i].tls;
        text += len;
        break;
    }
    size_t len = strlen(text);
    if (len > 0 && text[len - 1] == '/')
        len--;
    const char *colon = memrchr(text, ':', len);
    if (colon == NULL)
        return KZ_PARSE;
    size_t host_len = (size_t)(colon - text);
    size_t port_len = len - host_len - 1;
    if (host_len > 2 && text[0] == '[' && text[host_len - 1] == ']') {
        text++;
        host_len -= 2;
    } else if (memchr(text, ':', host_len) != NULL) {
        return KZ_PARSE;
    }
    if (host_len == 0 || host_len >= sizeof(found.host) ||
        memchr(text, '/', host_len) || port_len >= sizeof(found.port))
        return KZ_PARSE;
    memcpy(found.host, text, host_len);
    memcpy(found.port, colon + 1, port_len);
    if (!is_port(found.port))
        return KZ_PARSE;
    *u = found;
    return KZ_OK;
}

static enum kz_err group_init_tls(struct link_group *g, char why[LINK_WHY_SIZE])
{
    const struct link_settings *s = g->settings;
    g->tls = SSL_CTX_new(TLS_client_method());
    if (g->tls == NULL) {
        snprintf(why, LINK_WHY_SIZE, "TLS cannot be set up");
        return KZ_IO;
    }
    SSL_CTX_set_min_proto_version(g->tls, TLS1_2_VERSION);
    /* Unsent bytes are kept in another place than the one first tried. */
    SSL_CTX_set_mode(g->tls, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                 SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                 SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(g->tls, s->insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    if (s->insecure)
        return KZ_OK;
    int ok = s->ca_file != NULL ? SSL_CTX_load_verify_file(g->tls, s->ca_file)
                                : SSL_CTX_set_default_verify_paths(g->tls);
    if (ok == 1)
        return KZ_OK;
    ERR_clear_error();
    snprintf(why, LINK_WHY_SIZE, "no certificates can be read from %.100s",
             s->ca_file != NULL ? s->ca_file : "the system's store");
    return KZ_IO;
}

enum kz_err link_group_init(struct link_group *g, char why[LINK_WHY_SIZE],
                            struct event_base *base,
                            const struct link_settings *settings,
                            const struct link_hooks *hooks)
{
    g->base = base;
    g->settings = settings;
    g->hooks = hooks;
    g->tls = NULL;
    g->address_count = 0;
    g->opened = 0;
    return settings->url.tls ? group_init_tls(g, why) : KZ_OK;
}

void link_group_clear(struct link_group *g)
{
    SSL_CTX_free(g->tls);
    g->tls = NULL;
}

enum kz_err link_group_resolve(struct link_group *g, char why[LINK_WHY_SIZE])
{
    const struct link_url *u = &g->settings->url;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    int failed = getaddrinfo(u->host, u->port, &hints, &list);
    if (failed != 0) {
        snprintf(why, LINK_WHY_SIZE, "%.80s: %.60s", u->host, gai_strerror(failed));
        return KZ_IO;
    }
    size_t n = 0;
    for (struct addrinfo *a = list; a != NULL && n < LINK_ADDRESSES; a = a->ai_next) {
        if (a->ai_addrlen > sizeof(g->addresses[n].addr))
            continue;
        memcpy(&g->addresses[n].addr, a->ai_addr, a->ai_addrlen);
        g->addresses[n++].len = a->ai_addrlen;
    }
    freeaddrinfo(list);
    g->address_count = n;
    return KZ_OK;
}

static bool is_loopback(const struct sockaddr_storage *addr)
{
    if (addr->ss_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, addr, sizeof(in));
        return (ntohl(in.sin_addr.s_addr) >> 24) == 127;
    }
    struct sockaddr_in6 in6;
    memcpy(&in6, addr, sizeof(in6));
    return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr) ||
           (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr) && in6.sin6_addr.s6_addr[12] == 127);
}

bool link_group_is_loopback(const struct link_group *g)
{
    for (size_t i = 0; i < g->address_count; i++)
        if (!is_loopback(&g->addresses[i].addr))
            return false;
    return g->address_count > 0;
}
