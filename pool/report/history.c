#include "pool/report/history.h"

#include "conf/mem.h"
#include "share/event.h"
#include "share/journal_verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reading {
    const struct history_ask *ask;
    struct history h;
    struct chain_check check;
    enum kz_err err;
    char *why; /* HISTORY_WHY_SIZE */
};

static enum kz_err KZ_PRINTF(3, 4)
    refuse(char why[HISTORY_WHY_SIZE], enum kz_err err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, HISTORY_WHY_SIZE, format, args);
    va_end(args);
    return err;
}

static const char *text_of(const json_t *o, const char *name)
{
    return json_string_value(json_object_get(o, name));
}

/* --- one record of the journal -------------------------------------------------------- */

static int64_t time_of(const json_t *event, const struct journal_record *r)
{
    return event != NULL ? audit_event_time_ms(event) : r->time_ms;
}

/* False: the chain is broken, and said so. */
static bool feed_chain(struct reading *g, const json_t *entry, uint64_t seq)
{
    char why[AUDIT_WHY_SIZE];
    if (chain_check_feed(&g->check, why, entry) == KZ_OK)
        return true;
    g->err = refuse(g->why, KZ_RANGE, "the audit chain: %.400s (record %" PRIu64 ")",
                    why, seq);
    return false;
}

/* A record that was overtaken has the revision of the one that overtook it, or less. */
static bool is_newer(const struct reading *g, const char *miner, json_int_t revision)
{
    const json_t *known = json_object_get(g->h.revisions, miner);
    return known == NULL || revision > json_integer_value(known);
}

static void keep_record(struct reading *g, const json_t *body, const char *miner)
{
    json_t *record = json_object_get(body, "record");
    json_int_t revision = json_integer_value(json_object_get(body, "revision"));
    if (!is_newer(g, miner, revision))
        return;
    json_object_set(g->h.miners, miner, record);
    json_object_set_new(g->h.revisions, miner, json_integer(revision));
}

static void note_number(struct reading *g, uint64_t seq, int64_t at)
{
    if (at < g->ask->from_ms)
        return;
    if (g->h.first == 0)
        g->h.first = seq;
    g->h.last = seq;
}

static void note_head(struct reading *g)
{
    g->h.head = g->check.head;
    memcpy(g->h.instance, g->check.instance, sizeof(g->h.instance));
}

static void take_change(struct reading *g, const json_t *body,
                        const struct journal_record *r)
{
    const json_t *entry = json_object_get(body, "audit");
    const json_t *event = json_object_get(entry, "event");
    struct history_event e = {.event = event, .previous = g->check.head.hash};
    if (entry != NULL && !feed_chain(g, entry, r->seq))
        return;
    e.time_ms = time_of(event, r);
    if (e.time_ms >= g->ask->until_ms)
        return;
    e.miner = text_of(json_object_get(body, "record"), "miner_id");
    if (e.miner == NULL)
        e.miner = text_of(event, "miner");
    e.hash = text_of(entry, "hash");
    e.before = e.miner != NULL ? json_object_get(g->h.miners, e.miner) : NULL;
    json_t *before = json_incref((json_t *)e.before);
    if (e.miner != NULL && r->kind == EVENT_MINER)
        keep_record(g, body, e.miner);
    e.record = e.miner != NULL ? json_object_get(g->h.miners, e.miner) : NULL;
    note_number(g, r->seq, e.time_ms);
    if (entry != NULL)
        note_head(g);
    if (g->ask->on_event != NULL)
        g->ask->on_event(g->ask->ctx, &e);
    json_decref(before);
}

static void take_refusals(struct reading *g, const struct journal_record *r)
{
    struct tally_refusal *refusals =
        mem_array(TALLY_REFUSALS_MAX, sizeof(struct tally_refusal));
    size_t count;
    if (event_refusals_read(refusals, &count, r->body) == KZ_OK)
        g->ask->on_refusals(g->ask->ctx, refusals, count);
    else
        g->err = refuse(g->why, KZ_RANGE,
                        "record %" PRIu64 " of the journal: refusals not understood",
                        r->seq);
    mem_free(refusals);
}

static void on_record(void *ctx, uint32_t stream, const struct journal_record *r,
                      const struct share_record *share)
{
    struct reading *g = ctx;
    (void)share;
    if (stream != JOURNAL_EVENTS || g->err != KZ_OK)
        return;
    if (r->kind == EVENT_REFUSALS && g->ask->on_refusals != NULL)
        take_refusals(g, r);
    if (r->kind != EVENT_MINER && r->kind != EVENT_AUDIT)
        return;
    json_t *body = json_loadb((const char *)r->body.p, r->body.len, 0, NULL);
    if (json_is_object(body))
        take_change(g, body, r);
    else
        g->err = refuse(g->why, KZ_RANGE,
                        "record %" PRIu64 " of the journal: not understood", r->seq);
    json_decref(body);
}

static void on_damage(void *ctx, const struct journal_damage *d)
{
    struct reading *g = ctx;
    if (d->stream == JOURNAL_EVENTS && g->err == KZ_OK)
        g->err = refuse(g->why, KZ_RANGE,
                        "the journal is damaged in segment %" PRIu32
                        ", behind record %" PRIu64 ": %.200s",
                        d->segment, d->last_seq, d->why);
}

/* --- all of it ------------------------------------------------------------------------ */

enum kz_err history_read(struct history *out, char why[HISTORY_WHY_SIZE],
                         const struct history_ask *ask)
{
    struct journal_verify_report report;
    struct reading g = {.ask = ask, .why = why};
    const struct journal_verify_options o = {
        .dir = ask->dir, .on_record = on_record, .on_damage = on_damage, .ctx = &g};
    g.h.miners = json_object();
    g.h.revisions = json_object();
    chain_check_init(&g.check, NULL, NULL);
    enum kz_err err = journal_verify(&report, &o);
    if (err != KZ_OK)
        err = refuse(why, KZ_IO, "%.300s: %s", ask->dir,
                     err == KZ_EMPTY ? "there is no journal" : "cannot be read");
    else
        err = g.err;
    if (err == KZ_OK)
        *out = g.h;
    else
        history_clear(&g.h);
    return err;
}

void history_clear(struct history *h)
{
    json_decref(h->miners);
    json_decref(h->revisions);
    *h = (struct history){.first = 0};
}

static int by_text(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

const char **history_ids(size_t *count, const struct history *h)
{
    const char *id;
    json_t *record;
    size_t n = 0;
    const char **ids = mem_array(json_object_size(h->miners) + 1, sizeof(const char *));
    json_object_foreach(h->miners, id, record) ids[n++] = id;
    qsort(ids, n, sizeof(*ids), by_text);
    *count = n;
    return ids;
}

enum kz_err history_fits(char why[HISTORY_WHY_SIZE], const struct history *h,
                         const json_t *registry)
{
    size_t i;
    json_t *record;
    json_array_foreach(json_object_get(registry, "miners"), i, record)
    {
        const char *id = text_of(record, "miner_id");
        const json_t *known = id != NULL ? json_object_get(h->revisions, id) : NULL;
        json_int_t revision = json_integer_value(json_object_get(record, "revision"));
        if (known == NULL || json_integer_value(known) < revision)
            return refuse(why, KZ_RANGE,
                          "miner %.32s was changed by another daemon: reports are made "
                          "where the registry is kept",
                          id != NULL ? id : "?");
    }
    return KZ_OK;
}
