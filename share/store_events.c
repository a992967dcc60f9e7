/* The event stream: written and synced here, applied from what was written.
 *
 * There is one way into Redis for an event, whether it was made a moment ago or by a
 * daemon that has died since: it is read from the journal and applied behind its slot's
 * cursor. Who wants to know waits for its number. */
#include "share/store_internal.h"

#include "conf/fault.h"
#include "conf/log.h"
#include "conf/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define JOURNALED "journaled" /* as share/store.h has it */

/* An event under way. */
struct event_call {
    struct store *store;
    uint64_t seq;
    enum journal_target target;
};

/* --- writing ---------------------------------------------------------------------- */

static void wait_for(struct event_feed *e, const struct journal_record *r,
                     void (*on_done)(void *ctx, enum kz_err err, const char *text),
                     void *ctx)
{
    if (on_done == NULL)
        return;
    struct event_wait *w = mem_new(sizeof(*w));
    *w = (struct event_wait){
        .seq = r->seq, .target = r->target, .on_done = on_done, .ctx = ctx};
    *e->end = w;
    e->end = &w->next;
}

static void say_no_space(struct store *s, enum kz_err err)
{
    if (!s->cannot_write)
        log_error("event_not_written", kv_str("why", kz_err_text(err)));
    s->cannot_write = true;
}

enum kz_err event_append(struct store *s, enum event_kind kind, struct bytes body,
                         void (*on_done)(void *ctx, enum kz_err err, const char *text),
                         void *ctx)
{
    struct event_feed *e = &s->events;
    struct journal_record r = {
        .time_ms = clock_utc_ms(), .kind = (uint8_t)kind, .body = body};
    enum kz_err err = event_target(&r.target, r.kind);
    if (err == KZ_OK)
        err = journal_stream_append(e->stream, &r);
    /* The keeper is here: the next segment can be made at once. */
    if (err == KZ_BUSY && journal_stream_prepare(e->stream) == KZ_OK)
        err = journal_stream_append(e->stream, &r);
    if (err != KZ_OK) {
        say_no_space(s, err);
        return err;
    }
    s->cannot_write = false;
    e->last = r.seq;
    FAULT_POINT("event_appended");
    /* A record that is written but not synced is applied when it is; who asked is told
     * that nothing is sure, and asks what became of it. */
    if (journal_stream_sync(e->stream) != KZ_OK)
        return KZ_IO;
    FAULT_POINT("event_synced");
    wait_for(e, &r, on_done, ctx);
    return KZ_OK;
}

/* --- answers ---------------------------------------------------------------------- */

/* All that wait for records up to `seq` of `target`; others' are further behind. */
static void tell(struct store *s, uint64_t seq, enum kz_err err, const char *text)
{
    struct event_feed *e = &s->events;
    for (struct event_wait **at = &e->first; *at != NULL;) {
        struct event_wait *w = *at;
        if (w->seq != seq) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        if (*at == NULL)
            e->end = at;
        w->on_done(w->ctx, err, text);
        mem_free(w);
        return;
    }
}

bool store_has_journaled(enum kz_err err, const char *text)
{
    return err == KZ_OK ||
           (text != NULL && strncmp(text, JOURNALED, strlen(JOURNALED)) == 0);
}

void events_drop_waits(struct store *s)
{
    while (s->events.first != NULL)
        tell(s, s->events.first->seq, KZ_IO,
             JOURNALED "; it is applied when Redis is back");
}

static void advance(struct store *s, const struct event_call *c)
{
    s->events.applied[c->target] = c->seq;
    cursor_format(s->events.have[c->target], journal_id(s->journal), c->seq);
    s->events_applied++;
    s->last_applied_ms = clock_utc_ms();
}

static void on_applied(void *ctx, const redisReply *r)
{
    struct event_call *c = ctx;
    struct store *s = c->store;
    s->events.in_flight--;
    if (r == NULL || s->phase != SHIP_READY) {
        mem_free(c);
        return;
    }
    char text[STORE_TEXT];
    FAULT_POINT("event_answered");
    if (ship_is_word(r, "OK")) {
        advance(s, c);
        /* The registry's version, of a record of it. */
        tell(s, c->seq, KZ_OK, r->elements > 3 ? reply_text(r->element[3]) : "");
    } else if (ship_is_word(r, "REFUSED")) {
        advance(s, c);
        snprintf(text, sizeof(text), "%.40s %.120s %.40s",
                 r->elements > 1 ? reply_text(r->element[1]) : "",
                 r->elements > 2 ? reply_text(r->element[2]) : "",
                 r->elements > 3 ? reply_text(r->element[3]) : "");
        tell(s, c->seq, KZ_RANGE, text);
    } else if (ship_is_word(r, "BAD") || ship_is_word(r, "BIG")) {
        snprintf(text, sizeof(text), "event %" PRIu64 " was refused: %s %.64s %.64s",
                 c->seq, reply_text(r->element[0]),
                 r->elements > 1 ? reply_text(r->element[1]) : "",
                 r->elements > 2 ? reply_text(r->element[2]) : "");
        ship_stop_writing(s, s->events.tail[c->target], text);
    } else {
        snprintf(text, sizeof(text), "event not applied: %.180s",
                 r->type == REDIS_REPLY_ERROR ? r->str : "the cursor is another");
        if (r->type == REDIS_REPLY_ERROR)
            s->retry_ms = 1000;
        ship_retry(s, text);
    }
    mem_free(c);
}

/* --- applying --------------------------------------------------------------------- */

static void raise_damage(struct store *s, uint64_t seq, const char *why)
{
    char text[STORE_TEXT];
    s->events.is_damaged = true;
    snprintf(text, sizeof(text),
             "the event stream is damaged behind record %" PRIu64
             ": %.80s; nothing behind it is applied",
             seq, why);
    log_error("journal_alarm", kv_str("alarm", text));
    store_set_text(s->journal_alarm, text);
}

/* Looks at the ledger record behind a reserve. The stream stands behind the reserve again
 * afterwards, unless it is damaged there (KZ_PARSE) or cannot be read now (KZ_IO). */
static enum kz_err find_fate(enum event_fate *fate, struct store *s, uint64_t seq)
{
    struct journal_stream *stream = s->events.stream;
    struct journal_record next;
    enum kz_err err = KZ_OK;
    *fate = EVENT_IS_OPEN;
    while (*fate == EVENT_IS_OPEN &&
           (err = journal_stream_read(stream, &next, true)) == KZ_OK)
        if (next.target == JOURNAL_LEDGER)
            *fate = next.kind == EVENT_DECIDED ? EVENT_IS_APPLIED : EVENT_IS_VOID;
    return err == KZ_OK || err == KZ_EMPTY ? journal_stream_seek(stream, seq) : err;
}

static void damage_found(struct store *s)
{
    const struct journal_damage *d = journal_stream_damage(s->events.stream);
    raise_damage(s, d != NULL ? d->last_seq : s->events.sent, d != NULL ? d->why : "");
}

static void note_undecided(struct event_feed *e, const struct journal_record *r,
                           enum event_fate fate)
{
    e->undecided[0] = '\0';
    if (fate != EVENT_IS_OPEN)
        return;
    json_t *event = json_loadb((const char *)r->body.p, r->body.len, 0, NULL);
    const char *id = json_string_value(json_object_get(event, "payout"));
    snprintf(e->undecided, sizeof(e->undecided), "%s", id != NULL ? id : "");
    json_decref(event);
}

static void send_event(struct store *s, const struct journal_record *r,
                       enum event_fate fate)
{
    struct event_feed *e = &s->events;
    struct script_args a = {0};
    char cursor[CURSOR_SIZE];
    cursor_format(cursor, journal_id(s->journal), r->seq);
    if (event_script(&a, s, r, e->tail[r->target], cursor, fate) != KZ_OK) {
        script_args_clear(&a);
        raise_damage(s, r->seq - 1, "a record that is not understood");
        return;
    }
    struct event_call *c = mem_new(sizeof(*c));
    *c = (struct event_call){s, r->seq, r->target};
    memcpy(e->tail[r->target], cursor, sizeof(cursor));
    e->in_flight++;
    enum kz_err err = redis_link_send(s->link, on_applied, c, a.argc, a.argv, a.lens);
    script_args_clear(&a);
    FAULT_POINT("event_sent");
    if (err != KZ_OK) {
        e->in_flight--;
        mem_free(c);
        ship_retry(s, "an event could not be sent");
    }
}

/* A record that Redis has already is looked at, too: it may be the reserve that nobody
 * decided. */
static void pass_on(struct store *s, const struct journal_record *r)
{
    struct event_feed *e = &s->events;
    struct journal_record own = *r;
    enum event_fate fate = EVENT_IS_APPLIED;
    uint8_t *body = NULL;
    enum kz_err err = KZ_OK;
    if (r->kind == EVENT_RESERVE) { /* looking behind it takes its bytes away */
        body = mem_copy(r->body.p, r->body.len);
        own.body.p = body;
        err = find_fate(&fate, s, r->seq);
    }
    if (err != KZ_OK) {
        mem_free(body);
        if (err == KZ_PARSE)
            damage_found(s);
        else
            ship_retry(s, "the event stream cannot be read");
        return;
    }
    if (r->target == JOURNAL_LEDGER)
        note_undecided(e, &own, fate);
    if (r->seq > e->applied[r->target])
        send_event(s, &own, fate);
    mem_free(body);
}

void events_pump(struct store *s)
{
    struct event_feed *e = &s->events;
    struct journal_record r;
    while (s->phase == SHIP_READY && !e->is_damaged && e->in_flight < STORE_WINDOW) {
        enum kz_err err = journal_stream_read(e->stream, &r, true);
        if (err == KZ_PARSE)
            damage_found(s);
        if (err != KZ_OK)
            return;
        e->sent = r.seq;
        if (r.target != JOURNAL_NONE)
            pass_on(s, &r);
    }
}

void events_resume(struct store *s, enum journal_target target, const char *have,
                   uint64_t seq)
{
    snprintf(s->events.tail[target], CURSOR_SIZE, "%s", have);
    snprintf(s->events.have[target], CURSOR_SIZE, "%s", have);
    s->events.applied[target] = seq;
}

enum kz_err events_seek(struct store *s)
{
    struct event_feed *e = &s->events;
    uint64_t first = journal_stream_first(e->stream), least = UINT64_MAX;
    for (int t = JOURNAL_NONE + 1; t < JOURNAL_TARGETS; t++) {
        /* What was applied while we were away from Redis and not told of it. */
        struct event_wait *w = e->first;
        while (w != NULL) {
            struct event_wait *next = w->next;
            if (w->target == (enum journal_target)t && w->seq <= e->applied[t])
                tell(s, w->seq, KZ_OK, "");
            w = next;
        }
        if (e->applied[t] < least)
            least = e->applied[t];
    }
    e->sent = least;
    return journal_stream_seek(e->stream, least > first ? least : first);
}
