/* pool/rpc_place.h - where a node is: its url, and the addresses behind the name.
 *
 * A place hands out one literal address after the other. While it has none it looks
 * the name up (evdns, without waiting), which is also how a node that moved is found
 * again: each round through the addresses ends with a new look-up.
 *
 * Ownership  url is copied; dns is borrowed and outlives it.
 * Thread     control. */
#ifndef POOL_RPC_PLACE_H
#define POOL_RPC_PLACE_H

#include "conf/err.h"

#include <event2/dns.h>
#include <stdbool.h>
#include <stdint.h>

#define RPC_PLACE_ADDRESS_SIZE 64

struct rpc_place;

/* KZ_PARSE, KZ_RANGE with `why`. */
KZ_MUST_USE enum kz_err rpc_place_new(struct rpc_place **out, const char **why,
                                      const char *url, struct evdns_base *dns);
void rpc_place_free(struct rpc_place *p); /* NULL accepted; drops a look-up */

/* The address to try now; NULL: look it up first. */
const char *rpc_place_address(const struct rpc_place *p);
/* Calls on_found(ctx, ok) once; maybe before it returns. One look-up at a time. */
void rpc_place_lookup(struct rpc_place *p, void (*on_found)(void *ctx, bool ok),
                      void *ctx);
/* on_found will not come any more. */
void rpc_place_cancel(struct rpc_place *p);
/* The address in use failed: go on to the next. */
void rpc_place_failed(struct rpc_place *p);

uint16_t rpc_place_port(const struct rpc_place *p);
const char *rpc_place_path(const struct rpc_place *p);        /* "/"               */
const char *rpc_place_host_header(const struct rpc_place *p); /* "name:8332"       */
bool rpc_place_has_name(const struct rpc_place *p);           /* not a literal     */

#endif
