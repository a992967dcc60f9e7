/* stratum/server.h - the front of the house: listeners and threads that serve rigs.
 *
 * stratum_start() opens the listeners and starts the front threads; each has an event
 * loop, SO_REUSEPORT sockets and the sessions that arrived on them. What they need from
 * above comes as jobs and rosters (published, immutable, counted) and as the hooks
 * below. This folder knows nothing of Redis, HTTP or the node.
 *
 * A job comes in the forms that rigs' firmware takes (job_set.h); each session is sent
 * the one of its agent's class, or of its listener's setting.
 *
 * Ownership  conf is copied; jobs and rosters are referenced.
 * Thread     every function here: the control thread. Hooks: the front thread that is
 *            named, so they must not wait (but where one says so), and must be safe to
 *            call from several. */
#ifndef STRATUM_SERVER_H
#define STRATUM_SERVER_H

#include "conf/conf.h"
#include "share/record.h"
#include "stratum/job_set.h"
#include "stratum/roster.h"

#include <jansson.h>

/* Why a login or connection was refused, for the refusals report. */
enum refusal {
    REFUSED_UNREGISTERED,
    REFUSED_NOT_ACTIVE,
    REFUSED_NETWORK, /* not one of those that the registration names */
    REFUSED_MALFORMED_LOGIN,
    REFUSED_MINER_LIMIT,
    REFUSED_NOT_READY,
    REFUSALS
};
const char *refusal_name(enum refusal r);

struct login_refusal {
    int64_t time_ms;
    enum refusal why;
    const char *login; /* as sent, cut at 128 bytes; borrowed */
    size_t login_len;
    const struct roster_miner *miner; /* whose login it is; borrowed, NULL: nobody's */
    const struct netaddr *peer;       /* borrowed */
    const char *agent;                /* borrowed, may be "" */
    const char *listener;
};

struct login_accepted {
    int64_t time_ms;
    const struct miner_id *miner; /* borrowed */
    const char *agent;            /* borrowed, may be "" */
};

struct found_block {
    const struct job *job; /* the form found; borrowed, take a reference to keep it */
    uint8_t header[80];
    uint8_t extranonce[JOB_EXTRANONCE_SIZE]; /* 1 and 2, as hashed */
    struct hash256 hash;
    struct miner_id miner; /* "" when the login was not authorised */
    struct worker_name worker;
};

struct stratum_hooks {
    void *ctx;
    /* The block leaves before anything else is done with its share. */
    void (*block_found)(void *ctx, unsigned front, const struct found_block *b);
    /* Accepted and refused shares of authorised logins, before the reply, with the job
     * that they were made from. KZ_BUSY: not taken; the share is refused as overloaded. */
    KZ_MUST_USE enum kz_err (*share_judged)(void *ctx, unsigned front,
                                            const struct share_record *r,
                                            const struct job *job);
    /* Before the replies of a turn leave that had shares in it; NULL: nothing is waited
     * for. This one may wait for the disk. KZ_IO: the replies must not leave. */
    KZ_MUST_USE enum kz_err (*shares_sync)(void *ctx, unsigned front);
    void (*login_refused)(void *ctx, unsigned front, const struct login_refusal *r);
    /* Each time a login is authorised, and on each UTC day that it is still there; NULL:
     * nobody asks. */
    void (*login_accepted)(void *ctx, unsigned front, const struct login_accepted *a);
};

struct stratum_server;

/* Counted since start, over all front threads. Gauges say so. */
struct stratum_stats {
    uint64_t sessions;            /* gauge */
    uint64_t authorized_sessions; /* gauge */
    uint64_t tls_sessions;        /* gauge */
    uint64_t connects;
    uint64_t logins;
    uint64_t logins_refused[REFUSALS];
    uint64_t shares[SHARE_VERDICTS];
    uint64_t blocks_found;
    uint64_t lines;
    uint64_t jobs_sent;
    uint64_t closed_by_peer;
    uint64_t closed_slow_reader;
    uint64_t closed_line_too_long;
    uint64_t closed_no_request; /* first valid request or authorise came too late */
    uint64_t closed_idle;
    uint64_t closed_banned;
    uint64_t closed_not_active; /* the miner's registration changed */
    uint64_t closed_limit;      /* sessions, per address, per second */
    uint64_t closed_http;
    uint64_t closed_tls_on_plain;
    uint64_t closed_proxy_header;
    uint64_t closed_tls_failed;
    uint64_t closed_not_kept; /* the journal's disk failed */
};

/* KZ_IO: a listener cannot be opened or the certificate not read; logged there. Until
 * the first job and roster are published, replies that need them wait up to 5 s. */
KZ_MUST_USE enum kz_err stratum_start(struct stratum_server **out,
                                      const struct conf *conf, /* stratum, network */
                                      const struct stratum_hooks *hooks);
/* Closes listeners and sessions, joins the threads. NULL accepted. */
void stratum_stop(struct stratum_server *s);

unsigned stratum_front_count(const struct stratum_server *s);
/* How many fronts a start makes of the setting: 0 is one a core. For whoever sizes
 * something by it before there is a server. */
unsigned stratum_fronts_for(uint32_t threads);

/* `clean_jobs`: its previous block is new, so all earlier jobs are stale. */
void stratum_publish_job(struct stratum_server *s, const struct job_set *job,
                         bool clean_jobs);
void stratum_publish_roster(struct stratum_server *s, const struct roster *roster);

/* Live options of the new conf (difficulties, limits, vardiff, mask) take effect for
 * sessions from now on; certificates are read again. KZ_IO: the certificate could not
 * be read, the old one stays. */
KZ_MUST_USE enum kz_err stratum_reload(struct stratum_server *s,
                                       const struct conf *conf);

void stratum_stats(const struct stratum_server *s, struct stratum_stats *out);
/* "0.0.0.0:3333" of listener `i` as bound (port 0 in the settings takes a free one). */
const char *stratum_listener_address(const struct stratum_server *s, size_t i);

/* Asks each front for its live sessions of `miner` ("" for all, at most `max` a front)
 * and calls `on_done` on a FRONT thread, once, with a JSON array the callee owns. Each
 * element: miner, worker, address, agent, coinbase (the class), difficulty, hashrate,
 * connected_ms, shares, tls, listener, info.* as the rig told them. */
void stratum_list_sessions(struct stratum_server *s, const char *miner, size_t max,
                           void (*on_done)(void *ctx, json_t *sessions), void *ctx);

#endif
