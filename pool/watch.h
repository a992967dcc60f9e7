/* pool/watch.h - watchers' pages: who asks, what is gathered for it, and the answer.
 *
 *   /watch/TOKEN        a page, in the language of ?lang=tk|ru|en or the browser's
 *   /watch/TOKEN.json   the same as data (pool/watch_view.h)
 *
 * Everything else, and each token that is unknown, revoked or over, is the same 404. A view
 * is gathered (registry, fronts, tally, ledger) once in WATCH_FRESH_S seconds for a token,
 * however many look; WATCH_GATHERS_MAX at once, since the inquiry's queue is people's too.
 * Where one cannot be had (Redis is away, or silent for WATCH_PATIENCE_S seconds): 503.
 *
 * Tokens are in no log. What is logged of a look, as debug, is the watcher's id.
 *
 * Thread  control. */
#ifndef POOL_WATCH_H
#define POOL_WATCH_H

#include "pool/http.h"

#define WATCH_FRESH_S     10
#define WATCH_GATHERS_MAX 4
#define WATCH_PATIENCE_S  8
#define WATCH_SHOWN_MAX   64 /* views kept */

struct pool;
struct watch;

struct watch *watch_new(struct pool *p);
/* No more is gathered; who waits is let go, at the latest when the mailbox is freed. */
void watch_stop(struct watch *w);
/* After the mailbox and the inquiry were freed. NULL accepted, there and here. */
void watch_free(struct watch *w);

/* An http_handler; `ctx` is struct watch. */
http_handler watch_request;

#endif
