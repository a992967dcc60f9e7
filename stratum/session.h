/* stratum/session.h - the protocol state spoken over a connection.
 *
 *   session.c            its life: opening, lines, timers, ending, resuming later
 *   session_subscribe.c  subscribe, resuming
 *   session_login.c      authorize, and registrations that change
 *   session_configure.c  configure, suggested difficulties
 *   session_submit.c     a share, from its line to its reply
 *   session_work.c       difficulty and jobs: what is announced, and when
 *   session_list.c       what operators see
 *
 * A turn is one callback of the thread: lines are answered into the thread's output
 * buffer; then session_settle() adds a due set_difficulty and notify behind the
 * replies, so the order of the spec holds however a rig orders or packs its requests;
 * then all leaves in one write.
 *
 * Waiting: a request that needs a job or a roster that is not there yet stays in the
 * connection's kept input, with all behind it, for up to SESSION_WAIT_MS.
 *
 * Ownership  a session belongs to its front (front.h), embeds its connection.
 * Thread     the front's. */
#ifndef STRATUM_SESSION_H
#define STRATUM_SESSION_H

#include "stratum/conn.h"
#include "stratum/front.h"
#include "stratum/login.h"
#include "stratum/submit_fast.h"
#include "stratum/vardiff.h"

#define SESSION_WAIT_MS  5000
#define SESSION_TEXT_MAX 128 /* kept of an agent or an info value */
#define SESSION_INFO     4

/* A login that was authorised on this connection. */
struct session_login {
    struct miner_id miner;
    uint32_t miner_number;
    bool is_active;   /* false: revoked since, answered 24 */
    int64_t until_ms; /* the roster's */
    struct worker_name worker;
    uint16_t text_len;
    char text[]; /* as sent, trimmed */
};

struct session {
    struct conn conn; /* first */
    struct front *front;
    struct session *next; /* in the front's list of ended or moving ones */
    uint32_t index;       /* in the front's array */
    uint32_t move_to;     /* front + 1; 0: stays */
    uint64_t id;
    uint8_t listener;
    bool is_counted;    /* by the guard */
    bool has_greeted;   /* the first line was looked at */
    bool has_requested; /* a valid request came */
    bool is_subscribed;
    bool has_moved;
    bool is_waiting, wait_is_over;
    bool takes_extranonce; /* may be sent mining.set_extranonce */
    bool has_mask;         /* version rolling was negotiated */
    bool is_fixed;         /* fd=: no vardiff */
    bool is_suggested;
    bool due_difficulty, due_job; /* at the end of this turn */
    bool has_shares;              /* recorded in this turn */
    /* Which form of each job it is sent: fixed by the agent at its first subscribe. */
    enum direct_class class;
    uint8_t classes; /* bits: the class, and what it was before a resume */
    uint32_t asked_mask;
    uint32_t extranonce; /* 24 bits */
    uint32_t tip;        /* of the last job sent; 0: none yet */
    uint32_t score;      /* malformed lines */
    uint32_t told_day;   /* UTC day on which its logins were last told as accepted */
    uint64_t secret;     /* of the sid */
    struct monotime connected, heard, job_sent, since; /* since: waiting, draining */
    int64_t connected_ms;
    struct difficulty difficulty; /* announced, or to be at the end of the turn */
    struct difficulty suggested;
    struct monotime suggested_at;
    double minimum; /* asked for by the rig; 0: none */
    struct offers offers;
    struct vardiff vardiff;
    struct session_login **logins; /* owned, each */
    uint32_t login_count;
    uint32_t active_count;
    uint64_t shares; /* accepted */
    char *agent;     /* owned; NULL: not told */
    char **info;     /* owned; NULL, or SESSION_INFO texts of session_info_names */
};

extern const char *const session_info_names[SESSION_INFO];

/* session.c */
void session_open(struct front *f, size_t listener, int fd, const struct netaddr *peer);
/* Frees it; its extranonce1 stays resumable when `keep`. */
void session_free(struct session *s, bool keep);
void session_close(struct session *s, enum close_reason why);
/* Once a second or so. */
void session_tick(struct session *s);
/* A job or roster came: what waited goes on. */
void session_wake(struct session *s);
/* Takes up a session that came from another front. */
void session_arrive(struct session *s, struct front *f);
/* False: the session waits, and the line comes again. */
bool session_is_ready(struct session *s, bool is_there);
void session_flush(struct session *s);
/* The connection's callbacks (conn.h). */
size_t session_input(struct conn *c, uint8_t *p, size_t len);
bool session_peer(struct conn *c, const struct netaddr *from);
bool session_is_proxy(const struct conn *c);
void session_on_close(struct conn *c);

/* session_subscribe.c. False: it waits, or moves. */
bool session_subscribe(struct session *s, const struct request *r);

/* session_login.c */
/* False: it waits. */
bool session_authorize(struct session *s, const struct request *r);
/* Where the agent is known to read it. */
void session_show_message(struct session *s, const char *text);
/* Once a UTC day, that its logins are still there: a rig stays for months. */
void session_tell_logins(struct session *s);
/* Whether a share of this login counts now. */
bool session_is_allowed(const struct session *s, const struct session_login *l);
/* Once a second or so: a login whose time is over is revoked. */
void session_check_time(struct session *s);
/* A new roster: revokes what may not mine any longer. */
void session_check_roster(struct session *s);
/* The login as sent, or NULL. */
struct session_login *session_find_login(struct session *s, struct bytes text);
void session_drop_logins(struct session *s);

/* session_configure.c */
void session_configure(struct session *s, const struct request *r);
void session_suggest_difficulty(struct session *s, const struct request *r);
void session_suggest_target(struct session *s, const struct request *r);
/* The mask in force: what was negotiated, or ours. */
uint32_t session_mask(const struct session *s);
/* New settings: tells a changed mask. */
void session_check_mask(struct session *s);
/* What a rig says about itself: printable ASCII, cut at SESSION_TEXT_MAX. */
void session_set_text(char **text, struct bytes from);

/* session_submit.c */
void session_submit(struct session *s, struct submit_line *line);

/* session_work.c */
/* Clamped to what listener, rig and network allow; announced at the end of the turn. */
void session_set_difficulty(struct session *s, struct difficulty d);
void session_start_difficulty(struct session *s);
void session_adjust(struct session *s);
void session_settle(struct session *s);
struct vardiff_rules session_rules(const struct session *s);
/* Exact where it is a whole number, else rounded to what rigs take. */
struct difficulty session_difficulty_of(double d);

#endif
