/* share/redis_sentinel.h - which of several servers is the master, as sentinels say it.
 *
 * The sentinels of the settings are asked in turn (SENTINEL get-master-addr-by-name, then
 * SENTINEL MASTER for the epoch of its configuration); the first that gives an address is
 * believed, unless it knows an older epoch than another has told: then it has slept
 * through a fail-over. One that cannot be reached, is silent for
 * REDIS_SENTINEL_TIMEOUT_MS, does not know the name or answers something else is passed
 * over. The one that was believed stays connected and is asked again every
 * REDIS_SENTINEL_POLL_MS, so a fail-over is known while the old master still holds its
 * connection, or holds it and no longer answers.
 *
 * A sentinel's word is half of it: whoever connects has to ask the server itself (ROLE),
 * and says redis_sentinel_doubt() where it is no master, so that the next round begins
 * with another sentinel.
 *
 * Ownership  the settings are borrowed.
 * Thread     the loop's. Nothing waits; names of sentinels are resolved as redis_link
 *            does, so addresses are better. */
#ifndef SHARE_REDIS_SENTINEL_H
#define SHARE_REDIS_SENTINEL_H

#include "conf/conf.h"

#include <event2/event.h>
#include <stdbool.h>

#define REDIS_SENTINEL_TIMEOUT_MS 1000
#define REDIS_SENTINEL_POLL_MS    1000

struct redis_sentinel;

struct redis_sentinel_hooks {
    void *ctx;
    /* Exactly one of the two for each redis_sentinel_find(), never inside it. */
    void (*on_master)(void *ctx, const struct conf_host *master);
    void (*on_none)(void *ctx, const char *why); /* no sentinel could tell */
    /* The master is another than the one found; nothing is asked any more. */
    void (*on_moved)(void *ctx, const struct conf_host *master);
};

struct redis_sentinel *redis_sentinel_new(struct event_base *base,
                                          const struct conf *conf,
                                          const struct redis_sentinel_hooks *hooks);
/* No hook is called. NULL accepted. */
void redis_sentinel_free(struct redis_sentinel *s);

/* Begins a round; one that is under way is forgotten. */
void redis_sentinel_find(struct redis_sentinel *s);
bool redis_sentinel_is_finding(const struct redis_sentinel *s);
/* The server it named is no master. */
void redis_sentinel_doubt(struct redis_sentinel *s);

/* "sentinel://name -> host:port" with the last address found, else the name alone. */
void redis_sentinel_format(const struct redis_sentinel *s, char *out, size_t size);

#endif
