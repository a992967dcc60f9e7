#include "pool/report/history.h"

#include "conf/mem.h"
#include "pool/report/history_logins.h"
#include "share/event.h"
#include "share/journal_verify.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DECISION_KEY_SIZE 72

/* A record of the registry that waits for those of other journals. */
struct waiting {
    int64_t
        order_ms; /* its time, but never before the one ahead of it in its journal */
    size_t journal;
    struct journal_record record; /* its body is owned */
};

struct reading {
    const struct history_ask *ask;
    struct history h;
    size_t at;                 /* the journal that is read, or that the record is of */
    struct refusal_keys *keys; /* of the journal that is read */
    struct chain_check checks[HISTORY_JOURNALS_MAX];
    struct waiting *waiting; /* of several journals alone: a single one is not kept */
    size_t waiting_count, waiting_room;
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

static void refuse_record(struct reading *g, const struct journal_record *r)
{
    g->err = refuse(g->why, KZ_RANGE,
                    "record %" PRIu64 " of the journal: not understood", r->seq);
}

static int64_t time_of(const json_t *event, const struct journal_record *r)
{
    return event != NULL ? audit_event_time_ms(event) : r->time_ms;
}

/* False: the chain is broken, and said so. */
static bool feed_chain(struct reading *g, const json_t *entry, uint64_t seq)
{
    char why[AUDIT_WHY_SIZE];
    if (chain_check_feed(&g->checks[g->at], why, entry) == KZ_OK)
        return true;
    g->err = refuse(g->why, KZ_RANGE, "the audit chain: %.400s (record %" PRIu64 ")",
                    why, seq);
    return false;
}

/* One that was overtaken, or that Redis did not take, has the revision of the one that it
 * took, or less. */
static void keep_rival(struct reading *g, const json_t *body, const char *miner,
                       bool is_earlier)
{
    const json_t *event = json_object_get(json_object_get(body, "audit"), "event");
    json_object_set_new(
        g->h.rivals, miner,
        json_pack("{s:O, s:O?, s:b}", "record", json_object_get(body, "record"),
                  "after", json_object_get(event, "after"), "is_earlier", is_earlier));
}

static void take_rival(struct history *h, const char *miner)
{
    json_t *rival = json_object_get(h->rivals, miner);
    if (json_is_true(json_object_get(rival, "is_earlier")))
        json_object_set(h->miners, miner, json_object_get(rival, "record"));
    json_object_del(h->rivals, miner);
}

/* The next change says which record it was made from. */
static void settle_rival(struct reading *g, const json_t *event, const char *miner,
                         json_int_t revision)
{
    const json_t *rival = json_object_get(g->h.rivals, miner);
    const char *after = text_of(rival, "after"), *before = text_of(event, "before");
    if (rival == NULL ||
        revision <= json_integer_value(json_object_get(g->h.revisions, miner)))
        return;
    if (after != NULL && before != NULL && strcmp(after, before) == 0)
        take_rival(&g->h, miner);
    else
        json_object_del(g->h.rivals, miner);
}

/* One of after the time is known by its revision alone. */
static void keep_record(struct reading *g, const json_t *body, const char *miner,
                        bool is_earlier)
{
    json_int_t revision = json_integer_value(json_object_get(body, "revision"));
    const json_t *known = json_object_get(g->h.revisions, miner);
    if (known != NULL && revision == json_integer_value(known))
        keep_rival(g, body, miner, is_earlier);
    if (known != NULL && revision <= json_integer_value(known))
        return;
    if (is_earlier)
        json_object_set(g->h.miners, miner, json_object_get(body, "record"));
    json_object_set_new(g->h.revisions, miner, json_integer(revision));
}

static void note_number(struct reading *g, uint64_t seq)
{
    struct history_journal *j = &g->h.journals[g->at];
    if (j->first == 0)
        j->first = seq;
    j->last = seq;
}

/* `link` and the records are what the event points to. */
static void keep_event(struct history *h, const struct history_event *e, json_t *link)
{
    if (h->event_count == h->event_room) {
        h->event_room = h->event_room > 0 ? 2 * h->event_room : 256;
        h->events = mem_resize(h->events, h->event_room * sizeof(*h->events));
    }
    h->events[h->event_count++] = *e;
    json_array_append(h->kept, link);
    json_array_append(h->kept, (json_t *)e->before);
    json_array_append(h->kept, (json_t *)e->record);
}

static const char *decision_key(char key[DECISION_KEY_SIZE], const char *rule,
                                const char *miner)
{
    snprintf(key, DECISION_KEY_SIZE, "%.31s %.32s", rule, miner != NULL ? miner : "");
    return key;
}

static void note_decision(struct reading *g, const struct history_event *e)
{
    char key[DECISION_KEY_SIZE];
    const char *word = text_of(e->event, "event");
    const char *rule = text_of(json_object_get(e->event, "detail"), "rule");
    if (word != NULL && rule != NULL &&
        strcmp(word, audit_word_name(AUDIT_ALERT_DECIDED)) == 0)
        json_object_set(g->h.decisions, decision_key(key, rule, e->miner),
                        (json_t *)e->event);
}

static void note_head(struct reading *g)
{
    struct history_journal *j = &g->h.journals[g->at];
    const struct chain_check *check = &g->checks[g->at];
    j->head = check->head;
    memcpy(j->instance, check->instance, sizeof(j->instance));
}

static const json_t *record_of(const struct reading *g, const char *miner)
{
    return miner != NULL ? json_object_get(g->h.miners, miner) : NULL;
}

static void tell(struct reading *g, const struct history_event *e, json_t *link,
                 uint64_t seq)
{
    bool is_of_period = history_is_in_time(g->ask, e->time_ms);
    if (link != NULL)
        note_head(g);
    if (is_of_period)
        note_number(g, seq);
    if (is_of_period && link != NULL)
        keep_event(&g->h, e, link);
    note_decision(g, e);
    if (g->ask->on_event != NULL)
        g->ask->on_event(g->ask->ctx, e);
}

static void take_change(struct reading *g, const json_t *body,
                        const struct journal_record *r)
{
    json_t *entry = json_object_get(body, "audit");
    const json_t *event = json_object_get(entry, "event");
    struct history_event e = {.event = event, .previous = g->checks[g->at].head.hash};
    if (entry != NULL && !feed_chain(g, entry, r->seq))
        return;
    e.time_ms = time_of(event, r);
    e.miner = text_of(event, "miner");
    if (e.miner == NULL)
        e.miner = text_of(json_object_get(body, "record"), "miner_id");
    e.hash = text_of(entry, "hash");
    if (e.miner != NULL && r->kind == EVENT_MINER)
        settle_rival(g, event, e.miner,
                     json_integer_value(json_object_get(body, "revision")));
    e.before = record_of(g, e.miner);
    json_t *before = json_incref((json_t *)e.before);
    bool is_earlier =
        e.time_ms < g->ask->until_ms && r->time_ms < g->ask->written_before_ms;
    if (e.miner != NULL && r->kind == EVENT_MINER)
        keep_record(g, body, e.miner, is_earlier);
    e.record = record_of(g, e.miner);
    if (is_earlier)
        tell(g, &e, entry, r->seq);
    json_decref(before);
}

static void take_registry(struct reading *g, const struct journal_record *r)
{
    json_t *body = json_loadb((const char *)r->body.p, r->body.len, 0, NULL);
    if (json_is_object(body))
        take_change(g, body, r);
    else
        refuse_record(g, r);
    json_decref(body);
}

/* --- several journals ------------------------------------------------------------------ */

static void keep_waiting(struct reading *g, const struct journal_record *r)
{
    if (g->waiting_count == g->waiting_room) {
        g->waiting_room = g->waiting_room > 0 ? 2 * g->waiting_room : 256;
        g->waiting = mem_resize(g->waiting, g->waiting_room * sizeof(*g->waiting));
    }
    struct waiting *w = &g->waiting[g->waiting_count];
    const struct waiting *ahead =
        g->waiting_count > 0 && w[-1].journal == g->at ? &w[-1] : NULL;
    uint8_t *body = mem_array(r->body.len + 1, 1);
    memcpy(body, r->body.p, r->body.len);
    *w = (struct waiting){r->time_ms, g->at, *r};
    w->record.body.p = body;
    if (ahead != NULL && ahead->order_ms > w->order_ms)
        w->order_ms = ahead->order_ms;
    g->waiting_count++;
}

static int by_time(const void *a, const void *b)
{
    const struct waiting *x = a, *y = b;
    if (x->order_ms != y->order_ms)
        return x->order_ms < y->order_ms ? -1 : 1;
    if (x->journal != y->journal)
        return x->journal < y->journal ? -1 : 1;
    return x->record.seq < y->record.seq ? -1 : x->record.seq > y->record.seq;
}

static void take_waiting(struct reading *g)
{
    if (g->waiting_count > 0)
        qsort(g->waiting, g->waiting_count, sizeof(*g->waiting), by_time);
    for (size_t i = 0; i < g->waiting_count; i++) {
        const struct waiting *w = &g->waiting[i];
        g->at = w->journal;
        if (g->err == KZ_OK)
            take_registry(g, &w->record);
        mem_free((uint8_t *)w->record.body.p);
    }
    mem_free(g->waiting);
}

static void on_record(void *ctx, uint32_t stream, const struct journal_record *r,
                      const struct share_record *share)
{
    struct reading *g = ctx;
    (void)share;
    if (stream != JOURNAL_EVENTS || g->err != KZ_OK)
        return;
    if (r->time_ms < g->ask->written_before_ms)
        g->err = history_take_login(&g->h, g->why, g->ask, g->keys, r);
    if (g->err != KZ_OK)
        return;
    if (r->kind != EVENT_MINER && r->kind != EVENT_AUDIT)
        return;
    if (g->ask->other_count > 0)
        keep_waiting(g, r);
    else
        take_registry(g, r);
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

static enum kz_err read_journal(struct reading *g, const char *dir)
{
    struct journal_verify_report report;
    const struct journal_verify_options o = {
        .dir = dir, .on_record = on_record, .on_damage = on_damage, .ctx = g};
    chain_check_init(&g->checks[g->at], NULL, NULL);
    g->keys = refusal_keys_new(dir);
    enum kz_err err = journal_verify(&report, &o);
    refusal_keys_free(g->keys);
    if (err != KZ_OK)
        return refuse(g->why, KZ_IO, "%.300s: %s", dir,
                      err == KZ_EMPTY ? "there is no journal" : "cannot be read");
    return g->err;
}

/* Another name of a journal that was read: each of its events would count twice. */
static bool is_read_already(const struct history_ask *ask, size_t other)
{
    struct stat mine, st;
    if (stat(ask->others[other], &mine) != 0)
        return false; /* reading it says so */
    for (size_t i = 0; i <= other; i++) {
        const char *dir = i == 0 ? ask->dir : ask->others[i - 1];
        if (stat(dir, &st) == 0 && st.st_dev == mine.st_dev && st.st_ino == mine.st_ino)
            return true;
    }
    return false;
}

static enum kz_err read_other(struct reading *g, size_t i)
{
    const char *dir = g->ask->others[i];
    if (is_read_already(g->ask, i))
        return refuse(g->why, KZ_RANGE,
                      "%.300s: is the daemon's own journal, or named twice "
                      "(report.journals)",
                      dir);
    g->at = i + 1;
    return read_journal(g, dir);
}

enum kz_err history_read(struct history *out, char why[HISTORY_WHY_SIZE],
                         const struct history_ask *ask)
{
    struct reading *g = mem_new(sizeof(*g)); /* large: a chain a journal */
    *g = (struct reading){.ask = ask, .why = why};
    assert(ask->other_count <= CONF_JOURNALS_MAX);
    g->h.miners = json_object();
    g->h.revisions = json_object();
    g->h.rivals = json_object();
    g->h.decisions = json_object();
    g->h.kept = json_array();
    g->h.rigs = json_object();
    g->h.journal_count = 1 + ask->other_count;
    enum kz_err err = read_journal(g, ask->dir);
    for (size_t i = 0; i < ask->other_count && err == KZ_OK; i++)
        err = read_other(g, i);
    g->err = err;
    take_waiting(g);
    err = g->err;
    if (err == KZ_OK)
        *out = g->h;
    else
        history_clear(&g->h);
    mem_free(g);
    return err;
}

void history_clear(struct history *h)
{
    json_decref(h->miners);
    json_decref(h->revisions);
    json_decref(h->rivals);
    json_decref(h->decisions);
    json_decref(h->kept);
    json_decref(h->rigs);
    denials_clear(&h->denials);
    mem_free(h->events);
    mem_free(h->refusals);
    *h = (struct history){.event_count = 0};
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

const json_t *history_decision(const struct history *h, const char *rule,
                               const char *miner)
{
    char key[DECISION_KEY_SIZE];
    return json_object_get(h->decisions, decision_key(key, rule, miner));
}

/* As it is in the registry, it is the one that Redis took. */
static void settle_by_registry(struct history *h, const char *id, const json_t *record)
{
    const json_t *rival = json_object_get(h->rivals, id);
    json_t *bare = json_copy((json_t *)record);
    json_object_del(bare, "number");
    json_object_del(bare, "revision");
    if (rival != NULL && json_equal(bare, json_object_get(rival, "record")))
        take_rival(h, id);
    json_decref(bare);
}

enum kz_err history_fits(char why[HISTORY_WHY_SIZE], struct history *h,
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
                          "miner %.32s was changed by another daemon: its journal's "
                          "directory belongs into report.journals",
                          id != NULL ? id : "?");
        if (json_integer_value(known) == revision)
            settle_by_registry(h, id, record);
    }
    return KZ_OK;
}
