/* stratum/netaddr.h - where a peer is: an IP address and port, and blocks of addresses.
 *
 * IPv4 is kept in its IPv6-mapped form (::ffff:a.b.c.d), so one comparison serves both.
 * Pure: no I/O, lock, clock or allocation; any thread. */
#ifndef STRATUM_NETADDR_H
#define STRATUM_NETADDR_H

#include "conf/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define NETADDR_TEXT_SIZE 56 /* "[...]:65535" */

struct netaddr {
    uint8_t ip[16];
    uint16_t port;
};

/* Another family than IPv4 and IPv6 becomes "::". */
void netaddr_from_sockaddr(struct netaddr *a, const struct sockaddr *sa);
void netaddr_from_ipv4(struct netaddr *a, const uint8_t ip[4], uint16_t port);

/* KZ_PARSE: no numeric address. The port is left 0. */
KZ_MUST_USE enum kz_err netaddr_parse(struct netaddr *a, const char *text, size_t len);

/* "192.0.2.1" or "2001:db8::1"; `with_port` adds ":3333" or "[...]:3333". */
void netaddr_format(char out[NETADDR_TEXT_SIZE], const struct netaddr *a,
                    bool with_port);
/* Of the IP alone; `seed` is secret, so nobody can choose addresses that collide. */
uint64_t netaddr_hash(const struct netaddr *a, uint64_t seed);

/* The network it is in as far as it may be kept: /24 of IPv4, /48 of IPv6. Returns how many
 * bytes that is, 3 or 6. */
#define NETADDR_NETWORK_MAX 6
size_t netaddr_network(uint8_t out[NETADDR_NETWORK_MAX], const struct netaddr *a);
/* "192.0.2.0/24", "2001:db8:1::/48", of those bytes. */
void netaddr_format_network(char out[NETADDR_TEXT_SIZE], const uint8_t *network,
                            size_t len);

/* `block`: an address or CIDR ("10.0.0.0/8", "2001:db8::/32"). Malformed: no match. */
bool netaddr_in_block(const struct netaddr *a, const char *block);

#endif
