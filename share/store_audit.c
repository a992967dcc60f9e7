/* The audit chain's place in the event stream: each link is part of the record that does
 * what it tells of. What a link is made of, the assembly knows (struct store_hooks). */
#include "share/store_internal.h"

/* Other threads look at it, too. Takes `link`. */
static void set_newest(struct store *s, json_t *link)
{
    pthread_mutex_lock(&s->lock);
    json_decref(s->newest_link);
    s->newest_link = link;
    pthread_mutex_unlock(&s->lock);
}

json_t *store_newest_link(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    json_t *copy = json_deep_copy(s->newest_link);
    pthread_mutex_unlock(&s->lock);
    return copy;
}

/* Of the newest record about the registry; each of them has one, but for those written
 * before there was a chain. */
enum kz_err audit_open(struct store *s)
{
    struct journal_stream *stream = s->events.stream;
    struct journal_record r = {.seq = 0};
    uint64_t last = journal_stream_last(stream, JOURNAL_REGISTRY);
    if (last == 0)
        return KZ_OK;
    enum kz_err err = journal_stream_seek(stream, last - 1);
    while (err == KZ_OK && r.seq < last)
        err = journal_stream_read(stream, &r, false);
    if (err != KZ_OK)
        return KZ_PARSE;
    json_t *body = json_loadb((const char *)r.body.p, r.body.len, 0, NULL);
    json_t *link = json_object_get(body, "audit");
    set_newest(s, json_is_object(link) ? json_incref(link) : NULL);
    json_decref(body);
    return KZ_OK;
}

enum kz_err audit_append(struct store_request *r, enum event_kind kind, json_t *body,
                         void (*on_done)(void *ctx, enum kz_err err, const char *text),
                         char why[STORE_TEXT])
{
    struct store *s = r->store;
    json_t *link = NULL;
    if (r->event != NULL && s->hooks.link == NULL) {
        snprintf(why, STORE_TEXT, "this program keeps no audit chain");
        return KZ_RANGE;
    }
    if (r->event != NULL) {
        link = s->hooks.link(s->newest_link, r->event, why);
        if (link == NULL)
            return KZ_RANGE;
        json_object_set(body, "audit", link);
    }
    uint64_t before = s->events.last;
    enum kz_err err = append_json(s, kind, body, on_done, r);
    /* Also one whose sync failed is in the stream, and may be found there. */
    if (link != NULL && s->events.last != before)
        set_newest(s, json_deep_copy(link)); /* the other goes its way */
    json_decref(link);
    if (err != KZ_OK)
        describe_unwritten(why, err);
    return err;
}

static void on_audit_applied(void *ctx, enum kz_err err, const char *text)
{
    request_end(ctx, err, NULL, text);
}

static void run_audit(struct store_request *r)
{
    char why[STORE_TEXT];
    if (is_refused_to_reader(r))
        return;
    json_t *body = json_pack("{s:O}", "facts", r->value);
    enum kz_err err = audit_append(r, EVENT_AUDIT, body, on_audit_applied, why);
    json_decref(body);
    if (err != KZ_OK)
        request_end(r, err == KZ_RANGE ? KZ_RANGE : KZ_IO, NULL, why);
    else
        events_pump(r->store);
}

void store_audit_put(struct store *s, json_t *event, json_t *facts,
                     store_reply_fn *on_reply, void *ctx)
{
    const struct store_request r = {.on_reply = on_reply,
                                    .ctx = ctx,
                                    .value = facts != NULL ? facts : json_object(),
                                    .event = event};
    request_post(s, &r, run_audit);
}

static void run_known(struct store_request *r)
{
    struct store *s = r->store;
    if (s->newest_link == NULL)
        set_newest(s, json_deep_copy(r->value));
    request_end(r, KZ_OK, NULL, NULL);
}

static void nobody_asked(void *ctx, enum kz_err err, json_t *value, const char *text)
{
    (void)ctx;
    (void)err;
    (void)text;
    json_decref(value);
}

void store_audit_known(struct store *s, json_t *link)
{
    const struct store_request r = {.on_reply = nobody_asked, .value = link};
    request_post(s, &r, run_known);
}
