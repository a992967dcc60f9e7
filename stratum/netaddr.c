#include "stratum/netaddr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

void netaddr_from_ipv4(struct netaddr *a, const uint8_t ip[4], uint16_t port)
{
    memcpy(a->ip, mapped_prefix, sizeof(mapped_prefix));
    memcpy(a->ip + 12, ip, 4);
    a->port = port;
}

void netaddr_from_sockaddr(struct netaddr *a, const struct sockaddr *sa)
{
    memset(a, 0, sizeof(*a));
    if (sa->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, sa, sizeof(in));
        uint8_t ip[4];
        memcpy(ip, &in.sin_addr, sizeof(ip));
        netaddr_from_ipv4(a, ip, ntohs(in.sin_port));
    } else if (sa->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, sa, sizeof(in6));
        memcpy(a->ip, &in6.sin6_addr, sizeof(a->ip));
        a->port = ntohs(in6.sin6_port);
    }
}

enum kz_err netaddr_parse(struct netaddr *a, const char *text, size_t len)
{
    char copy[INET6_ADDRSTRLEN];
    if (len == 0 || len >= sizeof(copy) || memchr(text, '\0', len) != NULL)
        return KZ_PARSE;
    memcpy(copy, text, len);
    copy[len] = '\0';
    uint8_t ip[16];
    if (inet_pton(AF_INET, copy, ip) == 1) {
        netaddr_from_ipv4(a, ip, 0);
        return KZ_OK;
    }
    if (inet_pton(AF_INET6, copy, ip) == 1) {
        memcpy(a->ip, ip, sizeof(ip));
        a->port = 0;
        return KZ_OK;
    }
    return KZ_PARSE;
}

static bool netaddr_is_ipv4(const struct netaddr *a)
{
    return memcmp(a->ip, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

void netaddr_format(char out[NETADDR_TEXT_SIZE], const struct netaddr *a,
                    bool with_port)
{
    char ip[INET6_ADDRSTRLEN] = "?";
    bool v4 = netaddr_is_ipv4(a);
    inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? a->ip + 12 : a->ip, ip, sizeof(ip));
    if (!with_port)
        snprintf(out, NETADDR_TEXT_SIZE, "%s", ip);
    else
        snprintf(out, NETADDR_TEXT_SIZE, v4 ? "%s:%u" : "[%s]:%u", ip, a->port);
}

size_t netaddr_network(uint8_t out[NETADDR_NETWORK_MAX], const struct netaddr *a)
{
    bool v4 = netaddr_is_ipv4(a);
    size_t len = v4 ? 3 : 6;
    memcpy(out, v4 ? a->ip + 12 : a->ip, len);
    return len;
}

void netaddr_format_network(char out[NETADDR_TEXT_SIZE], const uint8_t *network,
                            size_t len)
{
    struct netaddr a = {.port = 0};
    char ip[INET6_ADDRSTRLEN] = "?";
    memcpy(a.ip, network, len);
    inet_ntop(len == 3 ? AF_INET : AF_INET6, a.ip, ip, sizeof(ip));
    snprintf(out, NETADDR_TEXT_SIZE, "%s/%u", ip, len == 3 ? 24u : 48u);
}

static uint64_t mix(uint64_t h)
{
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93u;
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93u;
    return h ^ (h >> 32);
}

uint64_t netaddr_hash(const struct netaddr *a, uint64_t seed)
{
    uint64_t high, low;
    memcpy(&high, a->ip, 8);
    memcpy(&low, a->ip + 8, 8);
    return mix(mix(high ^ seed) + mix(low + (seed >> 7)));
}

/* Decimal, at most 3 digits; false for anything else. */
static bool parse_bits(unsigned *bits, const char *text)
{
    unsigned v = 0;
    size_t n = 0;
    for (; text[n] >= '0' && text[n] <= '9' && n < 4; n++)
        v = v * 10 + (unsigned)(text[n] - '0');
    *bits = v;
    return n > 0 && n < 4 && text[n] == '\0';
}

bool netaddr_in_block(const struct netaddr *a, const char *block)
{
    const char *slash = strchr(block, '/');
    size_t len = slash != NULL ? (size_t)(slash - block) : strlen(block);
    struct netaddr base;
    if (netaddr_parse(&base, block, len) != KZ_OK)
        return false;
    unsigned bits = 128;
    if (slash != NULL) {
        unsigned offset = memchr(block, ':', len) == NULL ? 96 : 0;
        if (!parse_bits(&bits, slash + 1) || bits > 128 - offset)
            return false;
        bits += offset;
    }
    size_t whole = bits / 8;
    if (memcmp(a->ip, base.ip, whole) != 0)
        return false;
    if (bits % 8 == 0)
        return true;
    unsigned mask = 0xff00u >> (bits % 8);
    return ((a->ip[whole] ^ base.ip[whole]) & mask & 0xff) == 0;
}
