/* pool/tracker.h - what becomes of our blocks: nodes are asked, the accounts are told.
 *
 * The accounts say which blocks are not final (accounts.h). Each is looked up on the best
 * healthy node on every new tip, and every few seconds besides, since a node's answer may
 * be missed and a reorganisation needs no new template. Nothing is concluded here: a
 * time-out, an RPC error or a node in initial download gives no answer, and no answer
 * changes nothing (accounting section 6).
 *
 * Ownership  nodes and accounts are borrowed and outlive it.
 * Thread     control, all of it. */
#ifndef POOL_TRACKER_H
#define POOL_TRACKER_H

#include "pool/accounts.h"
#include "pool/node.h"

struct tracker;

KZ_MUST_USE enum kz_err tracker_start(struct tracker **out, struct event_base *base,
                                      struct nodes *nodes, struct accounts *accounts);
void tracker_stop(struct tracker *t); /* after nodes_stop(); NULL accepted */

/* accounts_hooks.on_watch's array; takes it. */
void tracker_watch(struct tracker *t, json_t *blocks);
/* A new tip of `height`. */
void tracker_on_tip(struct tracker *t, uint32_t height);

/* For jobs that pay carry: is each of our own blocks that stands, or may, in `s`? False
 * also while nothing is known yet, and for a moment behind each new tip. */
bool tracker_has_accounted(const struct tracker *t, const struct snapshot *s);

/* {watched, asked, answered}; the caller owns. */
json_t *tracker_status(const struct tracker *t);

#endif
