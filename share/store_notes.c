/* What fronts note of logins, on its way into the journal: refused ones as counts by hour
 * and reason, which go on to Redis, and with details for reports, which do not, sealed under
 * a key of their day; and the rig software of those that were accepted. Keys of days that
 * are over are destroyed here.
 *
 * Fronts leave it in memory under a lock that nobody holds for long; the store's thread
 * takes it out and writes. */
#include "share/store_internal.h"

#include "conf/log.h"
#include "conf/mem.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static uint64_t random_number(void)
{
    uint64_t n;
    bool has = getrandom(&n, sizeof(n), 0) == (ssize_t)sizeof(n);
    assert(has); /* so few bytes never fail once the system is up */
    return n;
}

void notes_open(struct store *s)
{
    pthread_mutex_init(&s->notes.lock, NULL);
    s->notes.run = random_number();
    s->notes.key_told_hour = s->notes.swept_hour = -1;
}

void notes_close(struct store *s)
{
    denied_free(s->notes.denied);
    rigs_free(s->notes.rigs);
    refusal_keys_free(s->notes.keys);
    pthread_mutex_destroy(&s->notes.lock);
}

/* --- from the fronts -------------------------------------------------------------- */

enum kz_err store_count_refusal(struct store *s, const char *reason, int64_t time_ms)
{
    int64_t hour = time_ms / 3600000;
    pthread_mutex_lock(&s->lock);
    struct store_shared *h = &s->shared;
    size_t i = 0;
    while (i < h->refusal_count &&
           (h->refusals[i].hour != hour ||
            strncmp(h->refusals[i].reason, reason, TALLY_REASON_MAX) != 0))
        i++;
    enum kz_err err = i < TALLY_REFUSALS_MAX ? KZ_OK : KZ_BUSY;
    if (err != KZ_OK)
        h->refusals_dropped++;
    else if (i < h->refusal_count)
        h->refusals[i].count++;
    else {
        struct tally_refusal *f = &h->refusals[h->refusal_count++];
        snprintf(f->reason, sizeof(f->reason), "%s", reason);
        f->hour = hour;
        f->count = 1;
    }
    pthread_mutex_unlock(&s->lock);
    return err;
}

void store_note_refusal(struct store *s, const struct denied_key *key, uint64_t source,
                        int64_t time_ms)
{
    struct store_notes *n = &s->notes;
    pthread_mutex_lock(&n->lock);
    if (n->denied == NULL)
        n->denied = denied_new(random_number());
    denied_add(n->denied, key, source, time_ms);
    pthread_mutex_unlock(&n->lock);
}

void store_note_rig(struct store *s, const struct miner_id *miner, const char *agent,
                    int64_t time_ms)
{
    struct store_notes *n = &s->notes;
    pthread_mutex_lock(&n->lock);
    if (n->rigs == NULL)
        n->rigs = rigs_new(random_number());
    rigs_add(n->rigs, miner, agent, time_ms);
    pthread_mutex_unlock(&n->lock);
}

/* --- into the journal ------------------------------------------------------------- */

/* What was refused since the last turn becomes one record; without space for it, it is
 * dropped and counted. */
static void write_counts(struct store *s)
{
    uint8_t body[EVENT_REFUSALS_MAX];
    uint64_t attempts = 0;
    pthread_mutex_lock(&s->lock);
    size_t count = s->shared.refusal_count;
    for (size_t i = 0; i < count; i++)
        attempts += s->shared.refusals[i].count;
    size_t len = event_refusals_write(body, s->shared.refusals, count);
    s->shared.refusal_count = 0;
    pthread_mutex_unlock(&s->lock);
    if (count == 0)
        return;
    enum kz_err err =
        event_append(s, EVENT_REFUSALS, (struct bytes){body, len}, NULL, NULL);
    if (err == KZ_BUSY || err == KZ_RANGE) {
        pthread_mutex_lock(&s->lock);
        s->shared.refusals_dropped += attempts;
        pthread_mutex_unlock(&s->lock);
    }
}

/* False: there is no space, so the rest waits. What was lost is in the counts still, as a
 * row without details. */
static bool append(struct store *s, enum event_kind kind, const uint8_t *body,
                   size_t len)
{
    enum kz_err err = event_append(s, kind, (struct bytes){body, len}, NULL, NULL);
    return err == KZ_OK;
}

static size_t take_denied(struct store *s, struct denied_row *rows, int64_t now_ms)
{
    struct store_notes *n = &s->notes;
    size_t count = 0;
    pthread_mutex_lock(&n->lock);
    if (n->denied != NULL)
        count = denied_take(n->denied, rows, DENIED_EVENT_ROWS, now_ms, s->stopping);
    pthread_mutex_unlock(&n->lock);
    return count;
}

static struct refusal_keys *keys_of(struct store *s)
{
    char dir[CONF_TEXT_MAX + 16];
    snprintf(dir, sizeof(dir), "%s/journal", s->conf.data_dir);
    if (s->notes.keys == NULL)
        s->notes.keys = refusal_keys_new(dir);
    return s->notes.keys;
}

/* Once an hour; status counts it all the time. */
static void tell_unsealed(struct store *s, size_t rows, const char *why, int64_t now_ms)
{
    int64_t hour = now_ms / 3600000;
    pthread_mutex_lock(&s->lock);
    s->shared.refusals_unsealed += rows;
    pthread_mutex_unlock(&s->lock);
    if (s->notes.key_told_hour == hour)
        return;
    s->notes.key_told_hour = hour;
    log_error("refusal_key_failed", kv_str("why", why),
              kv_str("means", "details of refused logins are not written; they are "
                              "counted"));
}

static enum kz_err seal(struct store *s, uint8_t out[DENIED_SEAL_MAX], size_t *len,
                        char why[REFUSAL_KEYS_WHY_SIZE], const struct denied_row *rows,
                        size_t count)
{
    const struct denied_seal_key *key;
    uint8_t nonce[GCM_NONCE_SIZE];
    enum kz_err err = refusal_keys_need(&key, keys_of(s), why, rows[0].hour / 24);
    if (err != KZ_OK)
        return err;
    uint8_t *body = mem_array(DENIED_EVENT_MAX, 1);
    size_t size = denied_event_write(body, s->notes.run, rows, count);
    err = RAND_bytes(nonce, sizeof(nonce)) == 1 ? KZ_OK : KZ_IO;
    if (err == KZ_OK)
        err = denied_seal_write(out, len, key, nonce, (struct bytes){body, size});
    if (err != KZ_OK)
        snprintf(why, REFUSAL_KEYS_WHY_SIZE, "OpenSSL failed");
    OPENSSL_cleanse(body, size);
    mem_free(body);
    return err;
}

/* Rows of one day. False: there is no space for them in the journal. */
static bool write_sealed(struct store *s, const struct denied_row *rows, size_t count,
                         int64_t now_ms)
{
    char why[REFUSAL_KEYS_WHY_SIZE];
    size_t len = 0;
    bool has_space = true;
    uint8_t *event = mem_array(DENIED_SEAL_MAX, 1);
    if (seal(s, event, &len, why, rows, count) == KZ_OK)
        has_space = append(s, EVENT_DENIED, event, len);
    else
        tell_unsealed(s, count, why, now_ms);
    mem_free(event);
    return has_space;
}

static int by_hour(const void *a, const void *b)
{
    const struct denied_row *x = a, *y = b;
    return (x->hour > y->hour) - (x->hour < y->hour);
}

/* An event for each day that is among them: around midnight there are two. */
static bool write_by_days(struct store *s, struct denied_row *rows, size_t count,
                          int64_t now_ms)
{
    bool has_space = true;
    qsort(rows, count, sizeof(*rows), by_hour);
    for (size_t i = 0, end; has_space && i < count; i = end) {
        for (end = i + 1; end < count && rows[end].hour / 24 == rows[i].hour / 24;)
            end++;
        has_space = write_sealed(s, rows + i, end - i, now_ms);
    }
    return has_space;
}

static void write_denied(struct store *s, int64_t now_ms)
{
    struct denied_row *rows = mem_array(DENIED_EVENT_ROWS, sizeof(*rows));
    size_t count;
    bool goes_on;
    do {
        count = take_denied(s, rows, now_ms);
        goes_on = count > 0 && write_by_days(s, rows, count, now_ms);
    } while (goes_on && count == DENIED_EVENT_ROWS);
    mem_free(rows);
}

static bool is_over(void *ctx, int64_t day)
{
    const struct store *s = ctx;
    return s->hooks.is_refusal_over(s->hooks.ctx, day, clock_utc_ms());
}

/* Those that are due at the start, then each hour; one a turn, since each waits for the
 * disk and shares wait for us. */
static void destroy_keys(struct store *s, int64_t now_ms)
{
    char why[REFUSAL_KEYS_WHY_SIZE], name[REFUSAL_KEYS_NAME_SIZE];
    int64_t day, hour = now_ms / 3600000;
    if (s->hooks.is_refusal_over == NULL || s->stopping || s->notes.swept_hour == hour)
        return;
    enum kz_err err = refusal_keys_destroy_one(keys_of(s), &day, why, is_over, s);
    if (err == KZ_OK) {
        refusal_keys_name(name, day);
        log_info("refusal_key_destroyed", kv_str("day", name));
        return;
    }
    s->notes.swept_hour = hour;
    if (err != KZ_EMPTY)
        log_error("refusal_key_not_destroyed", kv_str("why", why));
}

static size_t take_rigs(struct store *s, struct rigs_row *rows, int64_t now_ms)
{
    struct store_notes *n = &s->notes;
    size_t count = 0;
    pthread_mutex_lock(&n->lock);
    if (n->rigs != NULL)
        count = rigs_take(n->rigs, rows, RIGS_EVENT_ROWS, now_ms);
    pthread_mutex_unlock(&n->lock);
    return count;
}

static void write_rigs(struct store *s, int64_t now_ms)
{
    struct rigs_row rows[RIGS_EVENT_ROWS];
    uint8_t body[RIGS_EVENT_MAX];
    size_t count;
    bool goes_on;
    do {
        count = take_rigs(s, rows, now_ms);
        goes_on = count > 0 &&
                  append(s, EVENT_RIGS, body, rigs_event_write(body, rows, count));
    } while (goes_on && count == RIGS_EVENT_ROWS);
}

/* Once an hour; status counts it all the time. (Nobody else writes that figure.) */
static void tell_bounds(struct store *s, uint64_t folded, int64_t now_ms)
{
    int64_t hour = now_ms / 3600000;
    if (folded == s->shared.refusals_folded || s->notes.told_hour == hour)
        return;
    s->notes.told_hour = hour;
    log_warn("refusals_without_details", kv_u64("attempts", folded),
             kv_str("means", "more different logins or networks were refused than an "
                             "hour keeps; the attempts are counted"));
}

static void count_bounds(struct store *s, int64_t now_ms)
{
    struct store_notes *n = &s->notes;
    pthread_mutex_lock(&n->lock);
    uint64_t folded =
        n->denied != NULL ? denied_folded(n->denied) + denied_lost(n->denied) : 0;
    uint64_t dropped = n->rigs != NULL ? rigs_dropped(n->rigs) : 0;
    pthread_mutex_unlock(&n->lock);
    tell_bounds(s, folded, now_ms);
    pthread_mutex_lock(&s->lock);
    s->shared.refusals_folded = folded;
    s->shared.rigs_dropped = dropped;
    pthread_mutex_unlock(&s->lock);
}

void notes_write(struct store *s)
{
    int64_t now_ms = clock_utc_ms();
    write_counts(s);
    write_denied(s, now_ms);
    write_rigs(s, now_ms);
    count_bounds(s, now_ms);
    destroy_keys(s, now_ms);
}
