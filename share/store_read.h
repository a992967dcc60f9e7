/* share/store_read.h - what the accounts read of Redis, by threads that may wait.
 *
 * Each function asks the store thread and waits for its answer. Never called on the
 * store's own thread, nor on control's or a front's: those must not wait.
 *
 * Units      slices as in share/slice.h; entries as JSON text (payout/entry.h).
 * Ownership  results are the caller's: json_decref(), slice_list_clear().
 * Errors     KZ_IO Redis is away or the store stops; KZ_EMPTY there is no such thing;
 *            KZ_PARSE what lies there is damaged (logged). Outputs untouched then.
 * Thread     any but those. */
#ifndef SHARE_STORE_READ_H
#define SHARE_STORE_READ_H

#include "share/store.h"

struct slice_list {
    struct slice_record *slices; /* newest first: by id descending */
    size_t count;
};
void slice_list_clear(struct slice_list *l);

/* Of all instances: those with ids up to `newest` (UINT64_MAX: all), at least the `max`
 * newest of them where there are so many. `*oldest`: every slice from here up to `newest`
 * is in the list; go on with one less; 0: there are no older ones. */
KZ_MUST_USE enum kz_err store_read_slices(struct slice_list *out, uint64_t *oldest,
                                          struct store *s, uint64_t newest, size_t max);
/* Forgets slices of `instance` below `id`, some hundred at most; `*count` is how many. */
KZ_MUST_USE enum kz_err store_forget_slices(size_t *count, struct store *s,
                                            const char *instance, uint64_t id);
/* The slice that a share of this block closed. */
KZ_MUST_USE enum kz_err store_read_block_slice(uint64_t *id, struct store *s,
                                               const char *instance, const char *hash);
/* The open slice of this instance: {miner: work as text}, as of now. */
KZ_MUST_USE enum kz_err store_read_open_slice(json_t **out, struct store *s);

/* A block's record; its members are JSON values. */
KZ_MUST_USE enum kz_err store_read_block(json_t **out, struct store *s,
                                         const char *hash);
/* Where it stands, without what it was split by: "height" and "state" of its record. */
KZ_MUST_USE enum kz_err store_read_block_state(json_t **out, struct store *s,
                                               const char *hash);
/* Hashes of blocks: of all (by height ascending), or of those still watched. */
KZ_MUST_USE enum kz_err store_read_block_hashes(json_t **out, struct store *s,
                                                bool only_open);

/* A hash as {field: text}; an empty object where there is none. Names in share/keys.h. */
KZ_MUST_USE enum kz_err store_read_hash(json_t **out, struct store *s, const char *key);
/* One field's text. */
KZ_MUST_USE enum kz_err store_read_field(json_t **out, struct store *s, const char *key,
                                         const char *field);

/* The text under a key. */
KZ_MUST_USE enum kz_err store_read_text(json_t **out, struct store *s, const char *key);

/* Entries behind number `*after`, at most `max`: an array of JSON objects; `*after` is
 * the number of the last then. KZ_EMPTY: there are no more. `key` is KEY_ENTRIES, or a
 * miner's statement: then each is that miner's part of the entry. */
KZ_MUST_USE enum kz_err store_read_entries(json_t **out, uint64_t *after,
                                           struct store *s, const char *key,
                                           size_t max);

/* The same, each as the text that was written, for who reads it once. */
KZ_MUST_USE enum kz_err store_read_entry_texts(json_t **out, uint64_t *after,
                                               struct store *s, const char *key,
                                               size_t max);

/* Every instance that ever wrote, but those whose names have a dot (kariz-payout's), has said
 * that this server, since it runs, has all events of its journal. KZ_BUSY: one has not, and
 * `instance` is its name; "" when there is none at all. */
KZ_MUST_USE enum kz_err store_all_are_ready(char instance[33], struct store *s);

/* store_registry_load() and waiting for its end. */
KZ_MUST_USE enum kz_err store_read_registry(json_t **out, struct store *s);

/* store_ledger_put() and waiting for its end; `text` as there. Takes `event`. */
KZ_MUST_USE enum kz_err store_ledger_write(char text[256], struct store *s,
                                           enum event_kind kind, json_t *event);

/* The payout whose reserve is the last ledger record of our stream: what became of it is
 * to be written (EVENT_DECIDED, or any other) before anything else. "": none. KZ_IO:
 * Redis does not have every event, so that it is not known. */
KZ_MUST_USE enum kz_err store_undecided(char out[STORE_PAYOUT_SIZE], struct store *s);

/* Redis is there, and every event that was journaled is in it. Any thread. `generation` is
 * another one whenever it was away, and may have come back with less: what was read since
 * is of one state while store_is_generation() holds. */
bool store_has_all_events(struct store *s, uint64_t *generation);
bool store_is_generation(struct store *s, uint64_t generation);

#endif
