/* pool/pool.h - the daemon, put together: who starts after whom, and what goes where.
 *
 * Start: spool, store (with its Redis), registry, blocks, refresh, nodes, stratum, control
 * socket. Stop, in an order that loses nothing: no more rigs, then blocks under way, then
 * shares still queued, then the rest. pool_stop() also suits a pool that only half
 * started.
 *
 * Signals: TERM and INT stop, HUP reloads. Thread: control, which is the caller's. */
#ifndef POOL_POOL_H
#define POOL_POOL_H

#include "conf/conf.h"

struct pool;

/* Takes `conf`; `commit` as conf/build.h says it. Logs what failed. On an error *out is set
 * all the same where something was started: call pool_stop(). */
KZ_MUST_USE enum kz_err pool_start(struct pool **out, struct conf *conf,
                                   const char *commit);

/* Until a signal or the control socket says stop. */
KZ_MUST_USE enum kz_err pool_run(struct pool *p);

void pool_stop(struct pool *p); /* NULL accepted */

#endif
