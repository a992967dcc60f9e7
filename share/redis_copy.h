/* share/redis_copy.h - all that Redis holds, as it hands it to a new replica: for a backup.
 *
 * The server that the settings name is asked for a snapshot (SYNC), as redis-cli --rdb does
 * it: one instant of all databases in Redis' own RDB format, sent straight to us while the
 * server goes on serving. It is the same for the embedded server, a socket, a host and
 * what sentinels name, and it needs no file of the server's. It costs the server a fork;
 * one whose access rules forbid SYNC, as some rented servers do, cannot be copied so.
 *
 * The cursors of our journals are in it, so it says itself how much of each it has: a
 * journal copied afterwards has all that it lacks (accounting spec section 8).
 *
 * Errors  KZ_IO: it cannot be reached, refuses, or broke off; `why` says it. What the sink
 *         returns is returned; `why` is the sink's to fill then.
 * Thread  any that may wait. Source: Redis' replication protocol. */
#ifndef SHARE_REDIS_COPY_H
#define SHARE_REDIS_COPY_H

#include "conf/conf.h"

#define REDIS_COPY_WHY          200
#define REDIS_COPY_VERSION_SIZE 32

/* Gets the bytes in order; anything but KZ_OK ends it. */
struct redis_copy_sink {
    void *ctx;
    enum kz_err (*write)(void *ctx, const void *p, size_t len);
};

KZ_MUST_USE enum kz_err redis_copy(char version[REDIS_COPY_VERSION_SIZE],
                                   char why[REDIS_COPY_WHY], const struct conf *conf,
                                   const struct redis_copy_sink *to);

#endif
