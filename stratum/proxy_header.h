/* stratum/proxy_header.h - the PROXY protocol, versions 1 and 2: who really connected.
 *
 * A load balancer puts it before everything else, TLS included. Headers may be nested
 * (a chain of balancers): the caller parses again until KZ_RANGE, and the innermost
 * address counts. Source: the PROXY protocol specification, sections 2.1 and 2.2.
 * Pure; any thread. */
#ifndef STRATUM_PROXY_HEADER_H
#define STRATUM_PROXY_HEADER_H

#include "share/bytes.h"
#include "stratum/netaddr.h"

#define PROXY_HEADER_MAX 4096 /* of one header; version 2 may carry options */

struct proxy_header {
    bool has_address; /* false: UNKNOWN, LOCAL or another family: keep the peer's */
    struct netaddr source;
    size_t len; /* bytes the header takes */
};

/* True when a connection that begins with this byte may begin with a header. */
bool proxy_header_may_begin(uint8_t first);

/* KZ_OK: *h filled. KZ_EMPTY: it goes on; at least *need more bytes belong to it, so
 * a caller that reads no more than that never reads past the header. KZ_RANGE: these
 * bytes are no header at all. KZ_PARSE: one, but malformed. */
KZ_MUST_USE enum kz_err proxy_header_parse(struct proxy_header *h, size_t *need,
                                           const uint8_t *p, size_t len);

#endif
