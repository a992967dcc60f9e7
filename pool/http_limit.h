/* pool/http_limit.h - how much one address, and all together, may ask of our pages.
 *
 * Each address has a purse that fills with time; a request costs one, a guess at an
 * address that is not there costs HTTP_LIMIT_GUESS. So somebody who looks is never in the
 * way of this, and somebody who guesses tokens has a few guesses a minute. IPv6 is counted
 * by its /64, since whoever has one address of it has all.
 *
 * The table has a fixed size. An address that finds its places taken takes the fullest
 * purse's: whoever asked least is forgotten first.
 *
 * Thread  one at a time. Pure: no I/O, lock or clock; `now_ms` never falls. */
#ifndef POOL_HTTP_LIMIT_H
#define POOL_HTTP_LIMIT_H

#include "stratum/netaddr.h"

#define HTTP_LIMIT_PURSE      60 /* requests at once */
#define HTTP_LIMIT_PER_SECOND 3
#define HTTP_LIMIT_GUESS      20  /* beside the request itself */
#define HTTP_LIMIT_ALL        300 /* of all addresses at once */
#define HTTP_LIMIT_ALL_SECOND 100

struct http_limit;

/* `seed` is secret (stratum/netaddr.h). Release with http_limit_free(), NULL accepted. */
struct http_limit *http_limit_new(uint64_t seed);
void http_limit_free(struct http_limit *l);

/* A request came. False: too many; nothing was taken. */
KZ_MUST_USE bool http_limit_take(struct http_limit *l, const struct netaddr *a,
                                 int64_t now_ms);
/* The request that was taken last was a guess; the purse may owe for it. */
void http_limit_guessed(struct http_limit *l, const struct netaddr *a, int64_t now_ms);

#endif
