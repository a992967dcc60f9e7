/* conf/settle.h - what one row of the table cannot say: defaults that depend on other
 * options, and combinations that cannot work.
 *
 * Private to conf/. On an error the problem's key and text are filled, not its line. */
#ifndef CONF_SETTLE_H
#define CONF_SETTLE_H

#include "conf/conf.h"

KZ_MUST_USE enum kz_err settle(struct conf *c, struct conf_problem *problem);

/* "embedded", "unix:///path" or "redis://host:port/db" into the fields of `c`; "": there
 * was none, which is right with sentinels and else means embedded. */
KZ_MUST_USE enum kz_err settle_redis_url(struct conf *c, const char *url,
                                         struct conf_problem *problem);

/* "host:port" or "[IPv6]:port"; false for anything else, or port 0. */
bool settle_host(struct conf_host *out, const char *text);

#endif
