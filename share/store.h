/* share/store.h - the store thread: keeper of the journal, owner of Redis.
 *
 * It syncs the journal that the front threads write (share/journal_stream.h), reads
 * behind them, counts shares into slices (share/slice.h), adds them up per (miner,
 * worker, minute) and applies all of it to Redis, each record exactly once: one Lua script
 * a batch compares the stream's cursor with the batch's predecessor first (accounting spec
 * section 8). On start and on every reconnect it asks Redis for its cursors and reads the
 * journal again from there. So a Redis that is down costs disk space, one that lost its
 * last second or all of its data is healed, and a killed daemon loses nothing that was
 * acknowledged. Redis is given synced records only: after a power cut of this machine its
 * cursors are never ahead of the journal.
 *
 * The store thread is also the only writer of the event stream (share/event.h): slices,
 * registry, ledger. Those are on the disk before anybody is told of them.
 *
 * All key names are in share/keys.h. Requests are answered by callbacks ON THE STORE
 * THREAD; callers post them on to their own. (Two exceptions, both refusals: a full
 * mailbox answers KZ_BUSY on the caller's thread, and what had not begun when the store
 * stopped is answered KZ_IO inside store_stop().)
 *
 * Thread  start/stop: control. Requests: any. */
#ifndef SHARE_STORE_H
#define SHARE_STORE_H

#include "conf/conf.h"
#include "share/denied.h"
#include "share/event.h"
#include "share/journal.h"
#include "share/slice.h"

#include <jansson.h>

struct store;

#define STORE_WHY_SIZE 256

/* Called on the store thread; must not wait. Each may be NULL. */
struct store_hooks {
    void *ctx;
    /* Records were applied, or a slice was closed: whoever waits may look again. */
    void (*on_progress)(void *ctx);
    /* Ties an audit event to the newest link of this instance's chain (NULL: it is the
     * first). Returns the new link, the caller's; NULL with `why`[STORE_WHY_SIZE]: it cannot
     * be, and what it tells of is not written. Without this no audit event is taken. */
    json_t *(*link)(const json_t *newest, const json_t *event, char *why);
    /* Whether details of logins refused on that UTC day (since 1970) have had their time: then
     * its key is destroyed (share/refusal_keys.h), at the start or within the hour. Without
     * this none ever is. */
    bool (*is_refusal_over)(void *ctx, int64_t day, int64_t now_ms);
};

/* `journal` is borrowed until store_stop(), which must come after its writers have ended.
 * Reads what the journal has behind the last slice's border; then returns once the thread
 * runs; whether Redis is there shows in store_status(). `terms` are in force from now on;
 * a subsidy of 0: as before. KZ_PARSE: the journal is damaged, logged. */
KZ_MUST_USE enum kz_err store_start(struct store **out, const struct conf *conf,
                                    struct journal *journal,
                                    const struct slice_terms *terms,
                                    const struct store_hooks *hooks);
/* One that only reads: no journal, no cursor, no script that writes. What writes is refused
 * with KZ_RANGE. */
KZ_MUST_USE enum kz_err store_start_reader(struct store **out, const struct conf *conf);
/* Applies what is journaled, waits at most `flush_ms` for it, stops. NULL accepted. */
void store_stop(struct store *s, uint32_t flush_ms);

/* A refused login, journaled and counted into refused:{i}:<hour>. KZ_BUSY: dropped and
 * counted. */
KZ_MUST_USE enum kz_err store_count_refusal(struct store *s, const char *reason,
                                            int64_t time_ms);

/* The same refusal with its details, for reports (share/denied.h): bounded, journaled as it
 * becomes due, sealed under a key of its day; without that key dropped and counted. The
 * caller sees to it that no whole address and no login of others is in it. */
void store_note_refusal(struct store *s, const struct denied_key *key, uint64_t source,
                        int64_t time_ms);
/* The rig software of an authorised login (share/rigs.h). */
void store_note_rig(struct store *s, const struct miner_id *miner, const char *agent,
                    int64_t time_ms);

/* What the open slice is compared with from now on. `span` and `nbits` 0: not known. */
void store_set_slices(struct store *s, const struct slice_terms *terms, uint64_t span,
                      uint32_t nbits);

/* Requests. `on_reply` is called exactly once, on the store thread: KZ_OK with a JSON
 * value it owns (may be NULL for writes), else the reason: KZ_IO Redis is away,
 * KZ_EMPTY no such thing, KZ_RANGE refused by the script (conflict), with `text` to
 * show. */
typedef void store_reply_fn(void *ctx, enum kz_err err, json_t *value,
                            const char *text);

/* Whole registry at one instant: {"version": n, "miners": [record, ...], "facts": {name:
 * value}, "audit": {instance: newest link of its chain}}. */
/* Whether what a reply answers is durable: Redis has it, or it is journaled. */
bool store_has_journaled(enum kz_err err, const char *text);

void store_registry_load(struct store *s, store_reply_fn *on_reply, void *ctx);
/* An integer that grows with every change of the registry, by whichever daemon. */
void store_registry_version(struct store *s, store_reply_fn *on_reply, void *ctx);
/* Creates (`expect_revision` 0) or replaces a miner's record: KZ_RANGE when its
 * revision is not the expected, the id was used before, or an address or the
 * certificate's number is held by another miner. `text` then begins with the field's
 * name. What a record holds, unless its "state" is a final one: "certificate"."number",
 * "payout_addresses" and serials of "equipment" without "to", "tax_id" and
 * "registration_id" of a country. KZ_IO: whether it is
 * written is unknown; load again. In the journal and on the disk before the reply, which
 * is the record as stored, with `number` and `revision`, and as `text` the registry's
 * version that it made, where that is known. `event` (or NULL) is what the
 * audit chain is told; it is in the journal together with the record. Where another daemon
 * was faster the link stays in the chain although nothing came of it. Takes `record` and
 * `event`. */
void store_registry_put(struct store *s, json_t *record, uint64_t expect_revision,
                        json_t *event, store_reply_fn *on_reply, void *ctx);
/* The newest link of this instance's chain, a copy, the caller's; NULL: there is none. Any
 * thread. */
json_t *store_newest_link(struct store *s);
/* The newest link that Redis has of this instance's chain. Taken where the journal has none:
 * a journal that was lost is then seen in the chain for ever. Takes `link`. */
void store_audit_known(struct store *s, json_t *link);
/* An audit event without a record, with facts that hold for all miners (name -> value, null:
 * gone; or NULL). Journaled and synced before the reply, which comes when Redis has it. KZ_IO
 * with "journaled" in front of `text`: it will be applied. KZ_OK: `text` is the registry's
 * version that new facts made. Takes both. */
void store_audit_put(struct store *s, json_t *event, json_t *facts,
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
/* An event of the ledger (share/event.h, EVENT_LEDGER, _RESERVE or _DECIDED): journaled,
 * synced, applied. The reply comes when Redis has it. KZ_IO with "journaled" in front of
 * `text`: it will be applied, but is not yet. KZ_RANGE: of a reserve, that Redis refused
 * it; `text` is the key, the field and what is there. Any other error: nothing was
 * written. Takes `event`. */
void store_ledger_put(struct store *s, enum event_kind kind, json_t *event,
                      store_reply_fn *on_reply, void *ctx);
#define STORE_PAYOUT_SIZE 33 /* a payout's id */

/* What a node said of a block, found by its "hash": written into its record, not
 * journaled. The block is listed from its own event on. Takes `members`. */
void store_block_note(struct store *s, json_t *members, store_reply_fn *on_reply,
                      void *ctx);
/* Blocks' records, newest first. */
void store_blocks(struct store *s, size_t max, store_reply_fn *on_reply, void *ctx);

/* While it is on no file of the journal is deleted: one is copying them. Any thread. */
void store_hold_journal(struct store *s, bool is_on);

/* Takes over a Redis that another journal wrote to: its cursors become ours. For an
 * operator who knows that the other journal is gone for good. */
void store_adopt(struct store *s, store_reply_fn *on_reply, void *ctx);

/* For status: state (ready | alarm | stopped | healing | connecting, or what the
 * embedded server does instead), address, version, error (last), alarm ("" or what is
 * wrong until somebody looks), batches, shares_applied, events_applied, last_applied_ms,
 * refusals_dropped (in no report), refusals_folded (there without all their details),
 * refusals_unsealed (rows of details that were not written, for want of their day's key),
 * rigs_dropped, replay {pending_records, total, applied}, pid and restarts of the
 * embedded server. The caller owns. Any thread. */
json_t *store_status(struct store *s);
/* The journal: state (ready | no_space | failed), id, alarm, unsynced_bytes, unread_bytes,
 * disk_bytes, segments, streams, refused, no_space, sync_failed, released, slices,
 * open_work. As above. */
json_t *store_journal_status(struct store *s);
/* Everything journaled is on the disk and in Redis. Any thread; a moment's view. */
bool store_is_drained(struct store *s);
/* UTC ms: each share that was journaled here before then is counted into a slice (its border
 * is journaled if it found a block); and is in Redis's tallies. Not of streams that are damaged,
 * which an alarm names. 0 until it is known. Any thread. */
int64_t store_sliced_until(struct store *s);
int64_t store_applied_until(struct store *s);

#endif
