/* share/redis_server.h - the embedded redis-server: our own, private, supervised.
 *
 * Lives in data_dir/redis (mode 0700): configuration written anew before each start,
 * Unix socket, append-only file, log. Before each start the append-only file is healed
 * with `redis-check-aof --fix`: a server of version 7.0 that lost power inside a
 * transaction would else apply later ones wrongly (accounting spec section 8). When the
 * server dies it is started again, at once and then ever more slowly; its data stays.
 *
 * Never two servers on one directory: karizd holds a lock on `karizd.lock`, and the
 * server itself holds one on `server.lock` through a descriptor that it inherits, so
 * that lock lives exactly as long as the server (and its saving child) does. The server
 * is told to end when we die (PR_SET_PDEATHSIG); one that still runs (it may be
 * finishing) is found by its lock, asked to end, and killed after REDIS_SERVER_KILL_MS.
 * It is identified by having our lock file open, so no other process is ever signalled.
 *
 * No SIGCHLD: a timer of the loop asks. All paths are relative to the directory, which
 * is the server's working directory, so a long data_dir does not overrun a socket's
 * name.
 *
 * Thread  the loop's; start and stop too (the server dies with the thread that forked).
 */
#ifndef SHARE_REDIS_SERVER_H
#define SHARE_REDIS_SERVER_H

#include "conf/conf.h"

#include <event2/event.h>
#include <sys/types.h>

#define REDIS_SERVER_KILL_MS 10000
#define REDIS_SERVER_WHY     200

enum redis_server_state {
    REDIS_SERVER_LOCKED,   /* another karizd, or a server of a former one, has it */
    REDIS_SERVER_CHECKING, /* redis-check-aof runs */
    REDIS_SERVER_RUNNING,  /* started; it may still be loading */
    REDIS_SERVER_WAITING,  /* died or could not be started; will be, soon */
};

struct redis_server;

struct redis_server_stats {
    enum redis_server_state state;
    pid_t pid;         /* 0: does not run */
    uint64_t restarts; /* starts after the first */
    bool healed;       /* the append-only file was checked before the present start */
    char why[REDIS_SERVER_WHY]; /* the last thing that went wrong; "" */
};

/* Never waits. KZ_IO: the directory cannot be made or opened; logged. That the program
 * is missing is no failure here but the state's `why`, and is tried again. */
KZ_MUST_USE enum kz_err redis_server_start(struct redis_server **out,
                                           struct event_base *base,
                                           const struct conf *conf);
/* Ends the server with its data synced; waits for it. NULL accepted. */
void redis_server_stop(struct redis_server *s);

/* The socket to connect to, whatever the length of data_dir. */
const char *redis_server_socket(const struct redis_server *s);
void redis_server_stats(const struct redis_server *s, struct redis_server_stats *out);
const char *redis_server_state_name(enum redis_server_state state);

#endif
