/* share/store_internal.h - what the files of the store share: store.c (thread, status),
 * store_greet.c (connection), store_ship.c (cursors), store_feed.c (shares to slices and
 * batches), store_events.c (the event stream), store_keep.c (syncing, space, releasing),
 * store_notes.c (logins), store_registry.c (registry and blocks), store_query.c (figures),
 * store_read.c (what the accounts read). Included by nobody else.
 *
 * Thread  everything but `lock`, `stop` and what `lock` guards: the store thread. */
#ifndef SHARE_STORE_INTERNAL_H
#define SHARE_STORE_INTERNAL_H

#include "conf/clock.h"
#include "conf/mailbox.h"
#include "share/batch.h"
#include "share/denied.h"
#include "share/event.h"
#include "share/journal_reader.h"
#include "share/redis_link.h"
#include "share/redis_sentinel.h"
#include "share/redis_server.h"
#include "share/refusal_keys.h"
#include "share/rigs.h"
#include "share/store.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define STORE_TICK_MS      50
#define STORE_TIMEOUT_MS   5000 /* no answer for so long: the connection is given up */
#define STORE_PING_MS      1000
#define STORE_RETRY_MIN_MS 50
#define STORE_RETRY_MAX_MS 2000
#define STORE_WINDOW       16    /* batches and events under way at once, each */
#define STORE_TURN_RECORDS 20000 /* read of one stream before others have their turn */
#define STORE_REQUESTS_MAX 4096
#define STORE_TEXT         STORE_WHY_SIZE

/* Redis is 'away' in all phases but the last two. */
enum ship_phase {
    SHIP_DOWN,     /* no connection; the next attempt is at `retry_at` */
    SHIP_GREETING, /* connecting, AUTH, INFO, scripts, cursors */
    SHIP_HEALING,  /* waiting for the append-only file's rewrite */
    SHIP_STOPPED,  /* connected, but applying records would be wrong: an alarm */
    SHIP_READY,
};

/* One share stream on its way. Numbers are those of tally records. */
struct feed {
    struct store *store;
    uint32_t index; /* of the stream */
    struct journal_stream *stream;
    struct journal_reader *reader;
    uint64_t sliced; /* up to here counted into slices */
    uint64_t
        sliced_border; /* the same at the last border: what is behind may be needed */
    uint64_t read;     /* up to here in `tally` or a batch */
    uint64_t applied;  /* up to here in Redis */
    char have[CURSOR_SIZE]; /* its cursor in Redis, by the last answer */
    char tail[CURSOR_SIZE]; /* the cursor that the next batch goes onto */
    struct tally *tally;    /* read, not cut yet */
    uint64_t tally_records, tally_work;
    struct monotime tally_since;
    struct share_record waiting; /* read and not behind us: no space to count it, or */
    uint64_t waiting_seq; /* it found a block and its slice is yet to be closed */
    bool is_waiting, has_block;
    bool is_damaged;
    bool is_caught_up;  /* all that is on the disk was read */
    int64_t sliced_ms;  /* of the last record that was counted into a slice */
    int64_t applied_ms; /* of the last minute in Redis */
};

/* What waits for an event to be applied. */
struct event_wait {
    struct event_wait *next;
    uint64_t seq;
    enum journal_target target;
    void (*on_done)(void *ctx, enum kz_err err, const char *text);
    void *ctx;
};

struct event_feed {
    struct journal_stream *stream;
    uint64_t last;                           /* number of the newest record */
    uint64_t applied[JOURNAL_TARGETS];       /* in Redis, by target */
    char have[JOURNAL_TARGETS][CURSOR_SIZE]; /* as in a feed */
    char tail[JOURNAL_TARGETS][CURSOR_SIZE];
    uint64_t sent; /* the last read and sent, whatever its target */
    size_t in_flight;
    struct event_wait *first, **end; /* by number, ascending */
    bool is_damaged;
    char undecided[STORE_PAYOUT_SIZE]; /* the reserve that is the last ledger record */
};

/* A journal whose records Redis has for good is found by a save point; see store_keep.c. */
struct save_point {
    bool is_asked;  /* INFO is under way */
    bool has_begun; /* a save point was asked for on this connection */
    int64_t before; /* what counts those complete, at that time */
    struct monotime looked_at, asked_at;
    uint64_t *applied; /* of each feed, at that time; owned */
};

/* Guarded by store.lock: what other threads see or leave. */
struct store_shared {
    enum ship_phase phase;
    char version[32];
    char error[STORE_TEXT];
    char alarm[STORE_TEXT];
    char address[2 * CONF_TEXT_MAX];
    uint64_t batches_applied, shares_applied, events_applied, refusals_dropped;
    uint64_t refusals_folded, refusals_unsealed, rigs_dropped;
    uint64_t pending_records, replay_total;
    int64_t last_applied_ms;
    uint64_t slices;
    uint64_t open_work;
    struct redis_server_stats server;
    struct journal_stream_stats journal;
    char journal_alarm[STORE_TEXT];
    uint64_t segments_released;
    bool is_drained, has_all_events;
    int64_t sliced_until_ms, applied_until_ms;
    uint64_t generation;
    struct tally_refusal refusals[TALLY_REFUSALS_MAX];
    size_t refusal_count;
};

/* Guarded by a lock of its own: fronts are here, and must not wait for status. */
struct store_notes {
    pthread_mutex_t lock;
    uint64_t run;          /* random, of this start */
    struct denied *denied; /* both NULL until there is something to note */
    struct rigs *rigs;
    int64_t told_hour; /* in which it was said that not all has its details */
    /* The store thread's alone. */
    struct refusal_keys *keys; /* NULL until one is needed */
    int64_t key_told_hour;     /* in which it was said that there is no key */
    int64_t swept_hour;        /* in which no key was left to destroy */
};

struct store {
    bool is_reader;                /* it has no journal and writes nothing */
    unsigned long long said_ready; /* the generation for which KEY_READY was written */
    atomic_bool holds_journal;
    atomic_ullong generation; /* counts the times Redis became ready */
    struct conf conf;         /* our own: settings may be swapped while we run */
    struct store_hooks hooks;
    uint64_t unit;
    struct journal *journal; /* borrowed */
    json_t *newest_link;     /* of the audit chain, as the journal has it; NULL: none */
    pthread_t thread;
    bool has_thread;
    struct event_base *base;
    struct mailbox *mailbox;
    struct event *tick;
    atomic_bool stop;
    atomic_uint stop_flush_ms;
    pthread_mutex_t lock; /* guards shared */
    struct store_shared shared;
    struct store_notes notes;
    bool stopping;
    struct monotime stop_by;

    /* keeping */
    struct monotime synced_at, prepared_at, noted_at;
    struct save_point save;
    uint64_t segments_released;
    bool cannot_write; /* an event found no space: said once */

    /* slices */
    struct slice_open *slice;
    struct slice_terms terms;
    uint64_t span;
    uint32_t nbits;
    uint64_t last_slice_id;
    uint64_t slices;

    /* shipping */
    struct feed *feeds;
    size_t feed_count;
    struct event_feed events;
    size_t in_flight;      /* batches */
    uint64_t replay_total; /* records that were missing when Redis was last greeted */
    size_t cursors_waiting;
    bool cursors_bad;
    bool is_stopped; /* the alarm says why */
    size_t heartbeats;

    /* connection */
    struct redis_server *server;     /* NULL: external */
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
    char error[STORE_TEXT], alarm[STORE_TEXT], journal_alarm[STORE_TEXT];
    uint64_t batches_applied, shares_applied, events_applied;
    int64_t last_applied_ms;

    struct store_request *puts; /* registry records, one after the other */
    struct store_request **puts_end;
    bool put_is_busy;
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
/* Asks for one cursor after the other: a sign of life, and whether Redis still has what it
 * said it has. */
void ship_heartbeat(struct store *s);
/* Reads the cursors; the phase is SHIP_READY or SHIP_STOPPED afterwards. */
void ship_read_cursors(struct store *s);
void ship_start(struct store *s);
void ship_stop(struct store *s);
/* On each tick: connect and watch; with what follows: read streams, send what came. */
void ship_connect(struct store *s);
void ship_tick(struct store *s);
/* Redis can be asked, and given what it lacks. */
void ship_is_ready(struct store *s);
/* Whether all that was journaled has been applied. */
bool ship_is_done(const struct store *s);
/* Whether the events are; shares may still be on their way. */
bool ship_has_all_events(const struct store *s);
/* Says so in Redis, once a connection: who pays waits for it. */
void ship_say_ready(struct store *s);
/* Whether Redis can be asked anything. */
bool ship_is_up(const struct store *s);
/* Gives up the connection; it is made again. */
void ship_retry(struct store *s, const char *why);
/* Nothing is applied any more until the cursors say otherwise. */
void ship_stop_writing(struct store *s, const char *have, const char *text);
void ship_raise_alarm(struct store *s, const char *event, const char *text);
/* Of a script's answer: its first word is `word`. */
bool ship_is_word(const redisReply *r, const char *word);
/* Records that are journaled and not applied. */
uint64_t ship_pending(const struct store *s);

/* --- store_feed.c ----------------------------------------------------------------- */
/* The streams, and the open slice as the journal has it. KZ_PARSE: damage, logged. */
KZ_MUST_USE enum kz_err feeds_open(struct store *s);
/* What is behind the last border, into the open slice; then the terms. */
KZ_MUST_USE enum kz_err feeds_catch_up(struct store *s,
                                       const struct slice_terms *terms);
void feeds_close(struct store *s);
void feeds_read(struct store *s);
int64_t feeds_sliced_until(const struct store *s);
int64_t feeds_applied_until(const struct store *s);
/* On a new connection: go on behind what Redis has, whose cursor is `have`. KZ_EMPTY: the
 * journal never had that record. */
KZ_MUST_USE enum kz_err feed_resume(struct feed *f, const char *have, uint64_t seq);
/* Closes the open slice when that is due. */
void slices_tick(struct store *s);

/* --- store_events.c --------------------------------------------------------------- */
/* Journaled and on the disk when it returns. KZ_BUSY: no space. KZ_RANGE: too large.
 * KZ_IO: the disk failed. `on_done` (may be NULL) is called once it is applied or refused
 * (KZ_RANGE with a text), or the store stops (KZ_IO); not when this failed. */
KZ_MUST_USE enum kz_err
event_append(struct store *s, enum event_kind kind, struct bytes body,
             void (*on_done)(void *ctx, enum kz_err err, const char *text), void *ctx);
/* Reads behind what was sent, and sends. */
void events_pump(struct store *s);
void events_resume(struct store *s, enum journal_target target, const char *have,
                   uint64_t seq);
/* All targets are resumed: read on behind the least of them. Errors as feed_resume(). */
KZ_MUST_USE enum kz_err events_seek(struct store *s);
void events_drop_waits(struct store *s);

/* The settings' retention, as batches take it (store_feed.c). */
struct key_retention store_retention(const struct conf *conf);

/* --- store_ledger.c --------------------------------------------------------------- */
/* The arguments of the script that applies an event; see there. */
struct script_args {
    const char **argv;
    size_t *lens;
    size_t argc, room;
    char **owned; /* texts to free */
    size_t owned_count, owned_room;
};
void script_args_clear(struct script_args *a);
void script_add(struct script_args *a, const char *text);                /* borrowed */
void script_add_bytes(struct script_args *a, const void *p, size_t len); /* borrowed */
void script_add_copy(struct script_args *a, const char *text);
/* What a miner's record says in the scripts: keys, certificate held, addresses held. */
void registry_add_keys(struct script_args *a);
const char *registry_certificate(const json_t *record);
void registry_add_holdings(struct script_args *a, const json_t *record);
/* How a reserve ended, by the ledger record behind it; other events are APPLIED. */
enum event_fate { EVENT_IS_APPLIED, EVENT_IS_VOID, EVENT_IS_OPEN };
/* KZ_PARSE: not an event of its kind. */
KZ_MUST_USE enum kz_err event_script(struct script_args *a, const struct store *s,
                                     const struct journal_record *r,
                                     const char *expected, const char *cursor,
                                     enum event_fate fate);

/* --- store_notes.c ---------------------------------------------------------------- */
void notes_open(struct store *s);
void notes_close(struct store *s);
/* What was noted since the last time, into the journal. */
void notes_write(struct store *s);

/* --- store_registry.c ------------------------------------------------------------- */
void registry_tick(struct store *s);
void registry_drop_puts(struct store *s);

/* --- store_keep.c ----------------------------------------------------------------- */
void keep_tick(struct store *s);
void keep_disconnected(struct store *s);

/* --- store_registry.c, store_query.c, store_read.c: on the store thread ----------- */
struct store_request {
    struct store *store;
    struct store_request *next;
    struct monotime since; /* it waits */
    store_reply_fn *on_reply;
    void *ctx;
    json_t *value;  /* owned; what is written */
    json_t *event;  /* owned; what the audit chain is told of it, or NULL */
    char text[160]; /* miner, or other argument */
    uint64_t number;
};

/* store_registry.c, for store_audit.c */
bool is_refused_to_reader(struct store_request *r);
enum kz_err append_json(struct store *s, enum event_kind kind, const json_t *body,
                        void (*on_done)(void *ctx, enum kz_err err, const char *text),
                        void *ctx);
void describe_unwritten(char why[STORE_TEXT], enum kz_err err);

/* store_audit.c: the newest link, as the journal has it. */
enum kz_err audit_open(struct store *s);
/* Journals `body` with the link of r->event, if there is one; on_done gets `r`. Errors:
 * KZ_RANGE there is no such link, else as event_append(); with `why`. */
enum kz_err audit_append(struct store_request *r, enum event_kind kind, json_t *body,
                         void (*on_done)(void *ctx, enum kz_err err, const char *text),
                         char why[STORE_TEXT]);

/* Frees the request and answers. Takes `value`. */
void request_end(struct store_request *r, enum kz_err err, json_t *value,
                 const char *text);
/* Posts run(request) to the store thread, or answers KZ_BUSY at once. */
void request_post(struct store *s, const struct store_request *r,
                  void (*run)(struct store_request *r));

#endif
