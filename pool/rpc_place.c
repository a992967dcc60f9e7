#include "pool/rpc_place.h"

#include "conf/mem.h"

#include <arpa/inet.h>
#include <event2/http.h>
#include <event2/util.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#define ADDRESSES_MAX 8

/* Lives until evdns answers, which may be after the place is gone. */
struct lookup {
    struct rpc_place *place; /* NULL: nobody waits any more */
    void (*on_found)(void *ctx, bool ok);
    void *ctx;
};

struct rpc_place {
    struct evdns_base *dns;
    char host[256];
    char host_header[300];
    char path[256];
    uint16_t port;
    bool literal;
    char address[ADDRESSES_MAX][RPC_PLACE_ADDRESS_SIZE];
    size_t count;
    size_t next;
    struct lookup *lookup;
    struct evdns_getaddrinfo_request *request;
};

static bool is_literal(const char *host)
{
    struct in6_addr any; /* room for either family */
    return inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1;
}

/* evhttp gives an IPv6 literal with its brackets. */
static bool host_set(struct rpc_place *p, const char *host)
{
    size_t len = strlen(host);
    if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
        host++;
        len -= 2;
    }
    if (len == 0 || len >= sizeof(p->host))
        return false;
    memcpy(p->host, host, len);
    p->host[len] = '\0';
    p->literal = is_literal(p->host);
    return true;
}

static enum kz_err refuse(const char **why, enum kz_err err, const char *text)
{
    *why = text;
    return err;
}

static enum kz_err place_fill(struct rpc_place *p, const char **why,
                              const struct evhttp_uri *uri)
{
    const char *scheme = evhttp_uri_get_scheme(uri);
    const char *host = evhttp_uri_get_host(uri);
    const char *path = evhttp_uri_get_path(uri);
    int port = evhttp_uri_get_port(uri);
    if (scheme == NULL || strcmp(scheme, "http") != 0)
        return refuse(why, KZ_RANGE, "must begin with http://");
    if (evhttp_uri_get_userinfo(uri) != NULL)
        return refuse(why, KZ_RANGE, "must hold no user or password");
    if (host == NULL || !host_set(p, host))
        return refuse(why, KZ_RANGE, "names no host");
    if (port < 1 || port > 65535)
        return refuse(why, KZ_RANGE, "needs a port of 1 to 65535");
    if (path != NULL && strlen(path) >= sizeof(p->path))
        return refuse(why, KZ_RANGE, "path is too long");
    p->port = (uint16_t)port;
    snprintf(p->path, sizeof(p->path), "%s",
             path != NULL && path[0] != '\0' ? path : "/");
    snprintf(p->host_header, sizeof(p->host_header),
             strchr(p->host, ':') != NULL ? "[%s]:%d" : "%s:%d", p->host, port);
    return KZ_OK;
}

enum kz_err rpc_place_new(struct rpc_place **out, const char **why, const char *url,
                          struct evdns_base *dns)
{
    struct evhttp_uri *uri = evhttp_uri_parse(url);
    if (uri == NULL)
        return refuse(why, KZ_PARSE, "is no url");
    struct rpc_place *p = mem_new(sizeof(*p));
    enum kz_err err = place_fill(p, why, uri);
    evhttp_uri_free(uri);
    if (err != KZ_OK) {
        rpc_place_free(p);
        return err;
    }
    p->dns = dns;
    if (p->literal && strlen(p->host) < RPC_PLACE_ADDRESS_SIZE) {
        snprintf(p->address[0], sizeof(p->address[0]), "%.63s", p->host);
        p->count = 1;
    }
    *out = p;
    return KZ_OK;
}

void rpc_place_cancel(struct rpc_place *p)
{
    if (p->lookup == NULL)
        return;
    p->lookup->place = NULL; /* evdns still answers, and the answer frees it */
    p->lookup = NULL;
    struct evdns_getaddrinfo_request *request = p->request;
    p->request = NULL;
    if (request != NULL)
        evdns_getaddrinfo_cancel(request);
}

void rpc_place_free(struct rpc_place *p)
{
    if (p == NULL)
        return;
    rpc_place_cancel(p);
    mem_free(p);
}

const char *rpc_place_address(const struct rpc_place *p)
{
    return p->next < p->count ? p->address[p->next] : NULL;
}

void rpc_place_failed(struct rpc_place *p)
{
    p->next++;
    if (p->next >= p->count && p->literal)
        p->next = 0;
}

static void keep_addresses(struct rpc_place *p, const struct evutil_addrinfo *list)
{
    p->count = 0;
    p->next = 0;
    for (; list != NULL && p->count < ADDRESSES_MAX; list = list->ai_next) {
        if (getnameinfo(list->ai_addr, (socklen_t)list->ai_addrlen,
                        p->address[p->count], RPC_PLACE_ADDRESS_SIZE, NULL, 0,
                        NI_NUMERICHOST) == 0)
            p->count++;
    }
}

static void on_addresses(int error, struct evutil_addrinfo *list, void *arg)
{
    struct lookup *l = arg;
    struct rpc_place *p = l->place;
    if (p != NULL) {
        if (error == 0)
            keep_addresses(p, list);
        p->lookup = NULL;
        p->request = NULL;
        l->on_found(l->ctx, error == 0 && p->count > 0);
    }
    if (list != NULL)
        evutil_freeaddrinfo(list);
    mem_free(l);
}

void rpc_place_lookup(struct rpc_place *p, void (*on_found)(void *ctx, bool ok),
                      void *ctx)
{
    if (p->dns == NULL) {
        on_found(ctx, false);
        return;
    }
    struct lookup *l = mem_new(sizeof(*l));
    *l = (struct lookup){p, on_found, ctx};
    struct evutil_addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP};
    p->lookup = l;
    struct evdns_getaddrinfo_request *request =
        evdns_getaddrinfo(p->dns, p->host, NULL, &hints, on_addresses, l);
    /* NULL: it has answered already, and `l` is gone. */
    if (request != NULL)
        p->request = request;
}

uint16_t rpc_place_port(const struct rpc_place *p)
{
    return p->port;
}

const char *rpc_place_path(const struct rpc_place *p)
{
    return p->path;
}

const char *rpc_place_host_header(const struct rpc_place *p)
{
    return p->host_header;
}

bool rpc_place_has_name(const struct rpc_place *p)
{
    return !p->literal;
}
