#include "pool/report/history_logins.h"

#include "conf/mem.h"
#include "share/event.h"
#include "share/rigs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define HOUR_MS INT64_C(3600000)
#define DAY_MS  (24 * HOUR_MS)

static enum kz_err refuse_record(char why[HISTORY_WHY_SIZE],
                                 const struct journal_record *r)
{
    snprintf(why, HISTORY_WHY_SIZE, "record %" PRIu64 " of the journal: not understood",
             r->seq);
    return KZ_RANGE;
}

/* --- counts ------------------------------------------------------------------------- */

/* A count is there each time it was written down: one hour's are added up where they follow
 * each other, so that a flood does not fill the memory. */
static void keep_refusal(struct history *h, const struct tally_refusal *r)
{
    for (size_t i = h->refusal_count; i > 0 && h->refusals[i - 1].hour >= r->hour; i--)
        if (h->refusals[i - 1].hour == r->hour &&
            strcmp(h->refusals[i - 1].reason, r->reason) == 0) {
            h->refusals[i - 1].count += r->count;
            return;
        }
    if (h->refusal_count == h->refusal_room) {
        h->refusal_room = h->refusal_room > 0 ? 2 * h->refusal_room : 256;
        h->refusals = mem_resize(h->refusals, h->refusal_room * sizeof(*h->refusals));
    }
    h->refusals[h->refusal_count++] = *r;
}

static enum kz_err take_refusals(struct history *h, char why[HISTORY_WHY_SIZE],
                                 const struct history_ask *ask,
                                 const struct journal_record *r)
{
    struct tally_refusal *refusals =
        mem_array(TALLY_REFUSALS_MAX, sizeof(struct tally_refusal));
    size_t count = 0;
    enum kz_err err = event_refusals_read(refusals, &count, r->body);
    for (size_t i = 0; i < count; i++)
        if (history_is_in_time(ask, refusals[i].hour * HOUR_MS))
            keep_refusal(h, &refusals[i]);
    mem_free(refusals);
    return err == KZ_OK ? KZ_OK : refuse_record(why, r);
}

/* --- details ------------------------------------------------------------------------ */

/* KZ_EMPTY: it is gone, or another's. */
static enum kz_err find_key(const struct denied_seal_key **out,
                            char why[HISTORY_WHY_SIZE], struct refusal_keys *keys,
                            const struct denied_seal *s)
{
    char text[REFUSAL_KEYS_WHY_SIZE];
    const struct denied_seal_key *key;
    enum kz_err err = refusal_keys_find(&key, keys, text, s->day);
    if (err == KZ_OK && !denied_seal_is_under(s, key))
        err = KZ_EMPTY;
    if (err == KZ_OK)
        *out = key;
    else if (err != KZ_EMPTY)
        snprintf(why, HISTORY_WHY_SIZE, "%s", text);
    return err;
}

static enum kz_err refuse_sealed(char why[HISTORY_WHY_SIZE], enum kz_err err,
                                 const struct journal_record *r, int64_t day)
{
    char name[REFUSAL_KEYS_NAME_SIZE];
    refusal_keys_name(name, day);
    snprintf(why, HISTORY_WHY_SIZE,
             "record %" PRIu64
             " of the journal does not open under its key " REFUSAL_KEYS_FOLDER "/%s",
             r->seq, name);
    return err == KZ_IO ? KZ_IO : KZ_RANGE;
}

static enum kz_err open_sealed(struct history *h, const struct history_ask *ask,
                               const struct denied_seal *s,
                               const struct denied_seal_key *key)
{
    struct denied_row *rows = mem_array(DENIED_EVENT_ROWS, sizeof(*rows));
    size_t count = 0;
    uint64_t run = 0;
    enum kz_err err = denied_seal_open(rows, &count, &run, s, key);
    for (size_t i = 0; i < count; i++)
        if (history_is_in_time(ask, rows[i].hour * HOUR_MS))
            denials_add(&h->denials, run, &rows[i]);
    mem_free(rows);
    return err;
}

static enum kz_err take_denied(struct history *h, char why[HISTORY_WHY_SIZE],
                               const struct history_ask *ask, struct refusal_keys *keys,
                               const struct journal_record *r)
{
    struct denied_seal s;
    const struct denied_seal_key *key;
    if (denied_seal_read(&s, r->body) != KZ_OK)
        return refuse_record(why, r);
    if (s.day * DAY_MS >= ask->until_ms || (s.day + 1) * DAY_MS <= ask->from_ms)
        return KZ_OK;
    enum kz_err err = find_key(&key, why, keys, &s);
    if (err != KZ_OK)
        return err == KZ_EMPTY ? KZ_OK : err;
    err = open_sealed(h, ask, &s, key);
    return err == KZ_OK ? KZ_OK : refuse_sealed(why, err, r, s.day);
}

/* --- rigs --------------------------------------------------------------------------- */

static void keep_rig(struct history *h, const struct rigs_row *row)
{
    json_t *names = json_object_get(h->rigs, row->miner.text);
    if (names == NULL) {
        names = json_object();
        json_object_set_new(h->rigs, row->miner.text, names);
    }
    json_object_set_new(names, row->software, json_true());
}

static enum kz_err take_rigs(struct history *h, char why[HISTORY_WHY_SIZE],
                             const struct history_ask *ask,
                             const struct journal_record *r)
{
    struct rigs_row rows[RIGS_EVENT_ROWS];
    size_t count = 0;
    if (rigs_event_read(rows, &count, r->body) != KZ_OK)
        return refuse_record(why, r);
    for (size_t i = 0; i < count; i++)
        if (history_is_in_time(ask, rows[i].time_ms))
            keep_rig(h, &rows[i]);
    return KZ_OK;
}

enum kz_err history_take_login(struct history *h, char why[HISTORY_WHY_SIZE],
                               const struct history_ask *ask, struct refusal_keys *keys,
                               const struct journal_record *r)
{
    if (r->kind == EVENT_REFUSALS)
        return take_refusals(h, why, ask, r);
    if (r->kind == EVENT_DENIED)
        return take_denied(h, why, ask, keys, r);
    if (r->kind == EVENT_RIGS)
        return take_rigs(h, why, ask, r);
    return KZ_OK;
}
