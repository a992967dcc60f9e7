/* share/store_query.h - how the store's questions go: many commands, one answer. What
 * store_query.c and store_figures.c share; included by nobody else.
 *
 * A query counts itself as waiting while it asks, so that a lost connection cannot end
 * it under its own feet: query_begin(), query_ask() and so on, query_go().
 *
 * Ownership  a query owns what it found and its request; query_end() frees both.
 * Thread     the store thread. */
#ifndef SHARE_STORE_QUERY_H
#define SHARE_STORE_QUERY_H

#include "share/store_internal.h"
#include "share/summary.h"

/* Summaries by name, found by a JSON object name -> index. */
struct sums {
    size_t count, room;
    struct summary *all;
};

/* A query asks several keys and answers when all have answered. */
struct query {
    struct store *store;
    struct store_request *request;
    size_t waiting;
    bool failed;
    json_t *found; /* what is answered, or filled on the way to it */
    struct sums *sums;
    char miner[MINER_ID_MAX + 1]; /* whose workers are being asked */
    json_t *left;                 /* miners still to be asked */
};

struct answer {
    struct query *query;
    void (*on_reply)(struct query *q, const redisReply *r, const char *note);
    void (*on_all)(struct query *q);
    char note[80];
};

/* NULL: Redis is away, and the request was told so. */
struct query *query_new(struct store_request *r);
/* Answers with `found`. */
void query_end(struct query *q);
/* `model` says whom to tell of the answer. */
void query_ask_many(struct query *q, const struct answer *model, size_t argc,
                    const char **argv);
/* The last is NULL; at most 8. */
void query_ask(struct query *q, const struct answer *model, const char *const *argv);
void query_begin(struct query *q);
/* `on_all` when all has been answered, or nothing was asked. */
void query_go(struct query *q, void (*on_all)(struct query *q));

#endif
