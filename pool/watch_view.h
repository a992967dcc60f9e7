/* pool/watch_view.h - what a watcher sees of one miner, as data (schema "kariz-watch/1").
 *
 *   pool, network, zone {name, utc_offset_minutes}, made_at, until
 *   miner, certificate (its number, or null), state: registering, active, attention,
 *                      paused or ended; why is between the miner and the pool
 *   hashrate           {1m, 10m, 1h, 24h} in hashes a second
 *   shares             {accepted, refused, work, last}; work in units, as text
 *   workers            [{name, software, live, accepted, refused, work, hashrate, last}] by
 *                      name, at most WATCH_WORKERS_MAX of worker_count
 *   balance            {immature, mature, held, reserved, receivable, total}
 *   period             {from, credited, paid, reversed, adjusted}: the last WATCH_DAYS days
 *   credits            [{time, kind, amount, block}] newest first; kind: credit, reversal,
 *                      adjustment
 *   payments           [{time, amount, reference, vout}] newest first; a transaction, or
 *                      the block whose coinbase paid
 *
 * Amounts are {sat, btc}: an integer and text of 8 decimals. Times are UTC texts.
 *
 * No personal data: nothing of a record is taken but what is named here. Nothing of other
 * miners: rows that name another one are left out, wherever they came from.
 *
 * Thread  any. Pure: no I/O, lock or clock. Source: registry spec section 4, R10. */
#ifndef POOL_WATCH_VIEW_H
#define POOL_WATCH_VIEW_H

#include "pool/registry/record_may.h"

#define WATCH_SCHEMA      "kariz-watch/1"
#define WATCH_WORKERS_MAX 300
#define WATCH_LINES_MAX   30 /* credits, and payments */
#define WATCH_DAYS        31

/* All borrowed. */
struct watch_sources {
    const char *pool, *network;
    const json_t *record;    /* of the registry */
    struct record_view view; /* the profile, stop orders, and now */
    int64_t until_ms;        /* the token's end */
    const json_t *figures;   /* of store_tally_of(); NULL: no share yet */
    const json_t *workers;   /* of store_workers() */
    const json_t *sessions;  /* of stratum_list_sessions() */
    const json_t *statement; /* of INQUIRY_STATEMENT */
};

/* The caller's. */
json_t *watch_view(const struct watch_sources *s);

#endif
