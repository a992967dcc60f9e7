/* stratum/front.h - one front thread: its event loop, listeners, jobs and sessions.
 *
 * Everything in struct front belongs to its thread once that runs; others post calls to
 * the mailbox. What the fronts share is in struct front_shared: constant after start,
 * or atomic. Bounds: the settings' limits; what is counted where one is hit stands in
 * struct stratum_stats.
 *
 * A session may move to another front, once, when it asks to resume an extranonce1
 * that the other one's table holds (resume.h says why it has to). SO_REUSEPORT spreads
 * connections at random, so with N fronts that is the rule and not the exception.
 *
 * Thread  front_new/start/stop/free: control. The rest: the front's own. */
#ifndef STRATUM_FRONT_H
#define STRATUM_FRONT_H

#include "conf/mailbox.h"
#include "share/network.h"
#include "stratum/ban.h"
#include "stratum/guard.h"
#include "stratum/jobs.h"
#include "stratum/listener.h"
#include "stratum/resume.h"
#include "stratum/stats.h"
#include "stratum/target_cache.h"

#include <pthread.h>

struct session;
struct front;

struct front_shared {
    struct stratum_hooks hooks;
    struct guard *guard;
    uint32_t instance; /* of the settings */
    uint64_t work_unit;
    unsigned count; /* fronts */
    struct front **fronts;
    char listener_text[CONF_LISTENERS_MAX][CONF_TEXT_MAX + 1]; /* as bound */
};

struct front {
    struct front_shared *shared;
    unsigned index;
    pthread_t thread;
    bool is_started;
    atomic_bool stopping;
    atomic_uint arrivals; /* sessions posted to us and not yet taken */
    struct event_base *base;
    struct mailbox *mail;
    struct event *tick;
    struct listener listeners[CONF_LISTENERS_MAX];
    size_t listener_count;

    struct conf_stratum conf; /* a copy, replaced on reload */
    SSL_CTX *tls;             /* NULL: no TLS listener */
    struct roster *roster;    /* NULL until the first */
    struct jobs *jobs;
    struct extranonces *extranonces;
    struct resume_table *resume;
    struct target_cache *targets;
    struct ban_table bans;
    struct front_stats stats;

    struct conn_host host;
    struct out out; /* of the session whose turn it is */
    struct monotime now;
    int64_t utc_ms;

    struct session **sessions; /* in no order */
    size_t count, room;
    size_t sweep_at; /* next to be looked at by the tick */
    uint64_t next_session;
    struct session *ended;   /* to be freed when the callback is over */
    struct session *moving;  /* to be posted to another front then */
    bool has_revoked;        /* some sessions lost their last login... */
    struct monotime revoked; /* ...then, and are closed soon */
};

/* Listeners are opened here. KZ_IO: logged. */
KZ_MUST_USE enum kz_err front_new(struct front **out, struct front_shared *shared,
                                  unsigned index, const struct conf_stratum *conf,
                                  SSL_CTX *tls);
KZ_MUST_USE enum kz_err front_start(struct front *f);
/* Joins the thread. */
void front_stop(struct front *f);
/* Drops what is in the mailbox, for good. Before any front is freed. */
void front_drop_mail(struct front *f);
void front_free(struct front *f); /* NULL accepted; stopped */

/* Every callback on the front's thread begins and ends with these: clocks are read once
 * a turn; ended sessions are freed and moving ones leave when nothing uses them. */
void front_wake(struct front *f);
void front_rest(struct front *f);

/* A connection came to listener `i`. */
void front_accept(struct front *f, size_t i, int fd, const struct sockaddr *peer);

void front_keep_session(struct front *f, struct session *s);
void front_drop_session(struct front *f, struct session *s);
void front_cancel_move(struct front *f, struct session *s);

/* Asked by others, through the mailbox; each takes its argument over. */
enum front_news { FRONT_JOB, FRONT_ROSTER, FRONT_CONF, FRONT_LIST };
struct front_message {
    enum front_news news;
    struct front *front;
    struct job_set job; /* referenced */
    bool clean_jobs;
    struct roster *roster;     /* referenced */
    struct conf_stratum *conf; /* owned */
    SSL_CTX *tls;              /* referenced */
    struct gather *gather;     /* session_list.h */
};
/* False: the mailbox is full; logged, and the message was dropped. */
bool front_tell(struct front *f, const struct front_message *m);

#endif
