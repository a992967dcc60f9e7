/* share/redis_link.h - one connection to Redis on an event loop, with a watch on it.
 *
 * A thin coat over hiredis' asynchronous client (0.14 and later): it tells exactly once
 * when the connection is up and exactly once when it is gone, and it knows how long the
 * oldest command has been waiting, which hiredis 0.14 does not. A closed link can be
 * opened again. Each command's callback is called exactly once, in the order of asking,
 * with a NULL reply when the connection went away: whether Redis did it is then
 * unknown.
 *
 * Ownership  replies are borrowed for the callback.
 * Thread     the loop's. */
#ifndef SHARE_REDIS_LINK_H
#define SHARE_REDIS_LINK_H

#include "conf/err.h"

#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct redis_link;

struct redis_link_hooks {
    void *ctx;
    void (*on_up)(void *ctx);
    void (*on_down)(void *ctx, const char *why); /* also when it never came up */
};

/* `reply` NULL: the connection is gone. */
typedef void redis_link_fn(void *ctx, const redisReply *reply);

struct redis_link *redis_link_new(struct event_base *base,
                                  const struct redis_link_hooks *hooks);
/* No hook is called; callbacks of commands under way are, with NULL. NULL accepted. */
void redis_link_free(struct redis_link *l);

/* KZ_IO: it failed at once; no hook is called. The link must be closed. */
KZ_MUST_USE enum kz_err redis_link_open_unix(struct redis_link *l, const char *path);
KZ_MUST_USE enum kz_err redis_link_open_tcp(struct redis_link *l, const char *host,
                                            uint16_t port);
/* Callbacks under way get NULL, then on_down with `why`. Nothing when it is closed. */
void redis_link_close(struct redis_link *l, const char *why);

/* `argc` texts of `lens` bytes. KZ_IO: no connection; `fn` is not called. */
KZ_MUST_USE enum kz_err redis_link_send(struct redis_link *l, redis_link_fn *fn,
                                        void *ctx, size_t argc, const char **argv,
                                        const size_t *lens);
/* The same of NUL-terminated texts; the last is NULL. */
KZ_MUST_USE enum kz_err redis_link_ask(struct redis_link *l, redis_link_fn *fn,
                                       void *ctx, const char *const *argv);

bool redis_link_is_open(const struct redis_link *l);   /* up, or on its way */
size_t redis_link_waiting(const struct redis_link *l); /* commands without an answer */
/* How long nothing has been heard although something was asked, 0: nothing is. */
int64_t redis_link_silent_ms(const struct redis_link *l);

#endif
