/* pool/registry/registry_parts.h - what the files of the registry share: registry.c (cache,
 * answers, the timer), registry_change.c (changes and what time makes due), registry_look.c
 * (what is shown). Included by nobody else. Thread: control, but for `missed`. */
#ifndef POOL_REGISTRY_PARTS_H
#define POOL_REGISTRY_PARTS_H

#include "conf/clock.h"
#include "pool/registry/registry.h"

#include <pthread.h>

enum ask_kind { ASK_LOAD, ASK_VERSION, ASK_PUT, ASK_NOTE };

/* A question to the store, and on its way back the answer. */
struct ask {
    struct registry *registry;
    enum ask_kind kind;
    registry_done_fn *on_done; /* ASK_PUT, ASK_NOTE */
    void *ctx;
    enum kz_err err;
    json_t *value;
    json_t *facts; /* ASK_NOTE; NULL: none */
    char text[RECORD_WHY_SIZE];
    bool settles_vault; /* ASK_PUT: its personal values are others than before,
                         * or are to be erased */
    char miner[MINER_ID_MAX + 1]; /* of such a one */
    struct ask *next;   /* of missed */
};

struct registry {
    const struct conf *conf;
    const struct profile *profile;
    struct mailbox *mailbox;
    struct store *store;
    struct vault *vault;
    struct registry_hooks hooks;
    struct event *timer;
    bool is_loaded;
    bool is_asking; /* a load or a version is under way */
    bool must_load; /* a change's fate is unknown */
    bool went_back; /* Redis' registry is older than ours */
    bool said_away;
    json_int_t version;
    json_t *miners;          /* id -> record */
    json_t *facts;           /* what holds for all: stop_orders, ... */
    bool facts_are_changing; /* one event with facts is under way */
    struct monotime due_at;
    bool is_stopped; /* a stop order was in force when the roster was made */
    struct roster *roster;
    bool holds_vault;
    json_t *unsettled; /* ids changed while it does */
    unsigned changes;
    pthread_mutex_t lock; /* guards missed: answers that found the mailbox full */
    struct ask *missed;
};

/* registry.c: a question; its answer comes by registry_on_reply(), a store_reply_fn, whose
 * ctx it is. */
struct ask *registry_ask(struct registry *r, enum ask_kind kind);
void registry_on_reply(void *ctx, enum kz_err err, json_t *value, const char *text);
/* The roster anew, from the records as they are now. */
void registry_publish(struct registry *r);
bool registry_is_stopped(const struct registry *r);

/* registry_change.c */
void registry_look_what_is_due(struct registry *r);

#endif
