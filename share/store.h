/* share/store.h - everything that touches Redis: the store thread.
 *
 * It owns the only Redis connection (hiredis with its libevent adapter, or a loop of
 * its own), takes judged shares out of the fronts' queues, adds them up per (miner,
 * worker, minute) and applies them in batches by one Lua script that first compares the
 * cursor applied:{instance} with the batch's predecessor, so a batch is applied once,
 * whatever dies in between (accounting spec section 8). Batches stay in memory until
 * Redis answered and a further while (STORE_KEEP_MS), so a Redis that lost its last
 * second is healed from them on reconnect.
 *
 * Without a journal the cursor is numbered by a random id of this process's start,
 * which takes over whatever cursor it finds. Lost are then: what is in memory when the
 * process is killed, and what a Redis rolled back by more than STORE_KEEP_MS no longer
 * has (an alarm says which). While Redis is away adding up goes on, up to
 * STORE_ENTRIES_MAX distinct (miner, worker, minute); then the queues fill and shares
 * are refused.
 *
 * All key names are in share/keys.h. Registry records and queries come as requests and
 * are answered by callbacks ON THE STORE THREAD; callers post them on to their own.
 * (Two exceptions, both refusals: a full mailbox answers KZ_BUSY on the caller's
 * thread, and what had not begun when the store stopped is answered KZ_IO inside
 * store_stop().)
 *
 * Thread  start/stop: control. Requests: any. */
#ifndef SHARE_STORE_H
#define SHARE_STORE_H

#include "conf/conf.h"
#include "share/record.h"

#include <jansson.h>

struct store;

/* The queues are borrowed until store_stop(). Returns once the thread runs; whether
 * Redis is there shows in store_status(). */
KZ_MUST_USE enum kz_err store_start(struct store **out, const struct conf *conf,
                                    struct record_queue **queues, size_t queue_count);
/* Flushes what is queued, waits at most `flush_ms`, stops. NULL accepted. */
void store_stop(struct store *s, uint32_t flush_ms);

/* A refused login, counted into refused:{i}:<hour>. KZ_BUSY: dropped and counted. */
KZ_MUST_USE enum kz_err store_count_refusal(struct store *s, const char *reason,
                                            int64_t time_ms);

/* Requests. `on_reply` is called exactly once, on the store thread: KZ_OK with a JSON
 * value it owns (may be NULL for writes), else the reason: KZ_IO Redis is away,
 * KZ_EMPTY no such thing, KZ_RANGE refused by the script (conflict), with `text` to
 * show. */
typedef void store_reply_fn(void *ctx, enum kz_err err, json_t *value,
                            const char *text);

/* Whole registry at one instant: {"version": n, "miners": [record, ...]}. */
void store_registry_load(struct store *s, store_reply_fn *on_reply, void *ctx);
/* An integer that grows with every change of the registry, by whichever daemon. */
void store_registry_version(struct store *s, store_reply_fn *on_reply, void *ctx);
/* Creates (`expect_revision` 0) or replaces a miner's record: KZ_RANGE when its
 * revision is not the expected, the id was used before, or an address or the
 * certificate's number is held by another miner. `text` then begins with the field's
 * name. What a record holds: "payout_addresses" without "to", and
 * "certificate"."number", unless its "state" is a final one. KZ_IO: whether it is
 * written is unknown; load again. Synced by Redis before the reply where it is ours
 * (fsync; WAITAOF where known). The reply is the record as stored, with `number` and
 * `revision`. Takes `record`. */
void store_registry_put(struct store *s, json_t *record, uint64_t expect_revision,
                        store_reply_fn *on_reply, void *ctx);

/* {"pool": figures, "miners": {id: figures}}, added up over all instances. Figures:
 * work (decimal text), accepted, refused, best_difficulty, last_share_ms, hashrate {1m,
 * 10m, 1h, 24h} in hashes a second. */
void store_tally(struct store *s, store_reply_fn *on_reply, void *ctx);
/* The same of these miners only, so that what a person looks at does not cost what all
 * miners cost. Takes `miners`, an array of ids. */
void store_tally_of(struct store *s, json_t *miners, store_reply_fn *on_reply,
                    void *ctx);
/* Array of workers of `miner` ("" for all): figures, with "miner" and "worker". */
void store_workers(struct store *s, const char *miner, store_reply_fn *on_reply,
                   void *ctx);
/* Why shares of `miner` were refused this UTC day: {"stale": n, ...}. */
void store_reasons(struct store *s, const char *miner, store_reply_fn *on_reply,
                   void *ctx);
/* A block's record, found by its "hash": the members given are written, others stay. The
 * list is newest first. */
void store_block_put(struct store *s, json_t *block, store_reply_fn *on_reply,
                     void *ctx);
void store_blocks(struct store *s, size_t max, store_reply_fn *on_reply, void *ctx);

/* For status: state (ready | alarm | stopped | healing | connecting, or what the
 * embedded server does instead), address, version, error (last), alarm ("" or what is
 * wrong until somebody looks), batches, batches_waiting, batches_healed,
 * shares_applied, entries_waiting, queued, last_applied_ms, refusals_dropped, pid and
 * restarts of the embedded server. The caller owns. Any thread. */
json_t *store_status(struct store *s);

#endif
