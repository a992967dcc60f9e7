/* share/store_internal.h - what the files of the store share: store.c (thread, status),
 * store_greet.c (connection), store_ship.c (cursor, batches), store_write.c (synced
 * writes), store_query.c (figures). Included by nobody else.
 *
 * Thread  everything but `lock`, `stop` and what `lock` guards: the store thread. */
#ifndef SHARE_STORE_INTERNAL_H
#define SHARE_STORE_INTERNAL_H

#include "conf/clock.h"
#include "conf/mailbox.h"
#include "share/batch.h"
#include "share/redis_link.h"
#include "share/redis_sentinel.h"
#include "share/redis_server.h"
#include "share/store.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define STORE_TICK_MS      50
#define STORE_KEEP_MS      10000
#define STORE_TIMEOUT_MS   5000 /* no answer for so long: the connection is given up */
#define STORE_PING_MS      1000
#define STORE_RETRY_MIN_MS 50
#define STORE_RETRY_MAX_MS 2000
#define STORE_WINDOW       8      /* batches under way at once */
#define STORE_ENTRIES_MAX  262144 /* distinct (miner, worker, minute) in memory */
#define STORE_TAKE_MAX     512    /* records taken from a queue at once */
#define STORE_REQUESTS_MAX 1024
#define STORE_TEXT         256

/* Redis is 'away' in all phases but the last two. */
enum ship_phase {
    SHIP_DOWN,     /* no connection; the next attempt is at `retry_at` */
    SHIP_GREETING, /* connecting, AUTH, INFO, scripts, cursor */
    SHIP_HEALING,  /* waiting for the append-only file's rewrite */
    SHIP_STOPPED,  /* connected, but writing batches would be wrong: an alarm */
    SHIP_READY,
};

/* Guarded by store.lock: what other threads see or leave. */
struct store_shared {
    enum ship_phase phase;
    char version[32];
    char error[STORE_TEXT];
    char alarm[STORE_TEXT];
    uint64_t batches_applied, batches_waiting, entries_waiting, queued;
    uint64_t shares_applied, restarts, healed_batches, refusals_dropped;
    int64_t last_applied_ms;
    struct redis_server_stats server;
    struct tally_refusal refusals[TALLY_REFUSALS_MAX];
    size_t refusal_count;
};

struct store {
    struct conf conf; /* our own: settings may be swapped while we run */
    uint64_t unit;
    struct record_queue **queues; /* owned array of borrowed queues */
    size_t queue_count;
    pthread_t thread;
    bool has_thread;
    struct event_base *base;
    struct mailbox *mailbox;
    struct event *tick;
    atomic_bool stop;
    atomic_uint stop_flush_ms;
    pthread_mutex_t lock; /* guards shared */
    struct store_shared shared;

    /* adding up */
    struct share_record
        *records; /* taken and not yet added: [record_at, record_count) */
    size_t record_at, record_count;
    size_t next_queue;
    struct tally *open;   /* grows */
    struct tally *closed; /* is cut into batches from closed_at on */
    size_t closed_at, closed_refusals_at;
    struct monotime last_flush;
    bool stopping;
    struct monotime stop_by;

    /* batches, oldest first; taken off when Redis has had them for STORE_KEEP_MS */
    struct batch *first, *last;
    uint64_t first_kept, last_seq;
    uint64_t
        reached; /* the highest that may have been applied: answered OK or not at all */
    char tail[CURSOR_SIZE]; /* the cursor that the next batch goes onto */
    size_t in_flight;
    char id[CURSOR_ID_SIZE];
    char base_cursor[CURSOR_SIZE]; /* somebody else's, taken over */
    bool has_base;

    /* connection */
    struct redis_server *server; /* NULL: external */
    struct redis_sentinel *sentinel; /* NULL: the address is in the settings */
    struct redis_link *link;
    enum ship_phase phase;
    struct monotime retry_at, asked_at; /* asked_at: last heartbeat or poll */
    int64_t retry_ms;
    char run_id[64];
    char version[32];
    bool aof_on, heal_asked;
    bool loading;
    char sha[48];
    char error[STORE_TEXT], alarm[STORE_TEXT];
    uint64_t batches_applied, shares_applied, healed_batches;
    int64_t last_applied_ms;

    unsigned sync_writes; /* under way with appendfsync always */
    bool sync_failed;     /* that rule was not taken */
};

static inline void store_set_text(char out[STORE_TEXT], const char *text)
{
    snprintf(out, STORE_TEXT, "%s", text);
}

/* A string's or status's text, "" for anything else. */
static inline const char *reply_text(const redisReply *r)
{
    return r->type == REDIS_REPLY_STRING || r->type == REDIS_REPLY_STATUS ? r->str : "";
}

/* --- store_greet.c ---------------------------------------------------------------- */
void greet_start(struct store *s);
void greet_stop(struct store *s);
void greet_connect(struct store *s); /* when it is time to */
/* Gives up a connection without answers; asks for a sign of life, or what is waited
 * for. */
void greet_watch(struct store *s);

/* --- store_ship.c ----------------------------------------------------------------- */
/* What the cursor in Redis means; the phase is SHIP_READY or SHIP_STOPPED afterwards.
 */
void ship_judge_cursor(struct store *s, const char *have);
void ship_start(struct store *s);
void ship_stop(struct store *s);
/* On each tick: connect, watch, cut and send batches, forget old ones. */
void ship_tick(struct store *s);
/* Whether all that was added up has been applied. */
bool ship_is_done(const struct store *s);
/* Whether requests other than batches may be sent. */
bool ship_is_up(const struct store *s);
bool ship_version_at_least(const struct store *s, unsigned major, unsigned minor);
/* Also used by requests when the answer shows that the connection is no good. */
void ship_retry(struct store *s, const char *why);

/* --- store_write.c, store_query.c: run on the store thread from the mailbox ------- */
struct store_request {
    struct store *store;
    store_reply_fn *on_reply;
    void *ctx;
    json_t *value;  /* owned; what is written */
    char text[160]; /* miner, or other argument */
    uint64_t number;
};

/* Frees the request and answers. Takes `value`. */
void request_end(struct store_request *r, enum kz_err err, json_t *value,
                 const char *text);
/* Posts run(request) to the store thread, or answers KZ_BUSY at once. */
void request_post(struct store *s, const struct store_request *r,
                  void (*run)(struct store_request *r));

#endif
