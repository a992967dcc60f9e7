/* pool/watcher.h - watchers: who may look at one miner's figures, for some days (R10).
 *
 * A watcher is a secret web address. Its 32 random bytes are shown once, to whoever made
 * it; what is kept is their SHA-256, as a fact of the registry. So every daemon knows it,
 * a restart changes nothing, and no file, log or back-up lets anybody look.
 *
 *   token   "1a2b3c4d-" and 64 hex digits: which watcher, and the secret
 *   fact    "watcher:1a2b3c4d": {miner, sha256, from, until, by}
 *
 * Units   UTC milliseconds; a day has 24 hours.
 * Thread  any. Pure: no I/O, lock or clock. Source: registry spec section 4. */
#ifndef POOL_WATCHER_H
#define POOL_WATCHER_H

#include "share/ids.h"

#include <jansson.h>

#define WATCHER_DAYS_MAX     366
#define WATCHER_LIVE_MAX     16 /* of one miner */
#define WATCHER_SECRET_BYTES 32
#define WATCHER_ID_BYTES     4
#define WATCHER_RANDOM_BYTES (WATCHER_ID_BYTES + WATCHER_SECRET_BYTES)
#define WATCHER_ID_SIZE      (2 * WATCHER_ID_BYTES + 1)
#define WATCHER_TOKEN_SIZE   (WATCHER_ID_SIZE + 2 * WATCHER_SECRET_BYTES + 1)
#define WATCHER_FACT_SIZE    (8 + WATCHER_ID_SIZE)

struct watcher {
    char id[WATCHER_ID_SIZE];
    struct miner_id miner;
    uint8_t sha256[32]; /* of the secret */
    int64_t from_ms, until_ms;
    char by[65]; /* who made it */
};

/* From random bytes, without miner, times and maker: those are the caller's to fill in. */
void watcher_make(struct watcher *out, char token[WATCHER_TOKEN_SIZE],
                  const uint8_t random[WATCHER_RANDOM_BYTES]);

void watcher_fact_name(char out[WATCHER_FACT_SIZE], const char *id);
json_t *watcher_fact(const struct watcher *w);
/* False: the fact is no watcher's, or damaged. */
bool watcher_read(struct watcher *out, const char *name, const json_t *fact);

bool watcher_is_live(const struct watcher *w, int64_t now_ms);

/* Whose token it is, among `facts`. KZ_EMPTY for every kind of no (another form, unknown,
 * revoked, expired, another secret), in much the same time. */
KZ_MUST_USE enum kz_err watcher_find(struct watcher *out, const json_t *facts,
                                     const char *token, size_t len, int64_t now_ms);

size_t watcher_count_live(const json_t *facts, const struct miner_id *miner,
                          int64_t now_ms);
/* Into `changes`, name -> null: those that have expired, at most `max`. */
void watcher_drop_expired(json_t *changes, const json_t *facts, int64_t now_ms,
                          size_t max);
/* For people, of `miner` (NULL: all), by their end: [{id, miner, from, until, by, live}]. */
json_t *watcher_list(const json_t *facts, const struct miner_id *miner, int64_t now_ms);

#endif
