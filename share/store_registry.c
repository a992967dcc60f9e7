/* Writes that are journaled before they are answered: registry records and the ledger.
 *
 * A registry record is judged by Redis first (who holds a certificate or an address is
 * known there, and may have been changed by another daemon), then journaled, then
 * applied. One at a time: the next is judged when the one before is in Redis. */
#include "share/store_internal.h"

#include "conf/log.h"
#include "conf/mem.h"
#include "share/bytes.h"
#include "share/keys.h"
#include "share/scripts.h"
#include "share/scripts_events.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PUT_WAIT_MS 2000

static const char *element(const redisReply *r, size_t i)
{
    return r->type == REDIS_REPLY_ARRAY && i < r->elements &&
                   r->element[i]->type == REDIS_REPLY_STRING
               ? r->element[i]->str
               : "";
}

static const char *text_at(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text != NULL ? text : "";
}

enum kz_err append_json(struct store *s, enum event_kind kind, const json_t *body,
                        void (*on_done)(void *ctx, enum kz_err err, const char *text),
                        void *ctx)
{
    char *text = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS);
    if (text == NULL)
        return KZ_RANGE;
    enum kz_err err = event_append(
        s, kind, (struct bytes){(const uint8_t *)text, strlen(text)}, on_done, ctx);
    free(text); /* allowed: jansson's */
    return err;
}

/* Why nothing was written, or that nobody knows. */
void describe_unwritten(char why[STORE_TEXT], enum kz_err err)
{
    snprintf(why, STORE_TEXT, "%s",
             err == KZ_BUSY    ? "the journal has no space; nothing was changed"
             : err == KZ_RANGE ? "too large for the journal; nothing was changed"
                               : "the journal's disk failed; look before you repeat");
}

/* --- registry --------------------------------------------------------------------- */

static void next_put(struct store *s);

static void end_put(struct store_request *r, enum kz_err err, json_t *value,
                    const char *text)
{
    struct store *s = r->store;
    request_end(r, err, value, text);
    s->put_is_busy = false;
    next_put(s);
}

/* What the script refused, in words. */
static void describe_refusal(char text[STORE_TEXT], const struct store_request *r,
                             const char *what, const char *detail, const char *whose)
{
    if (strcmp(what, "revision") == 0 && r->number == 0)
        snprintf(text, STORE_TEXT, "id: \"%.32s\" was used before", r->text);
    else if (strcmp(what, "revision") == 0)
        snprintf(text, STORE_TEXT,
                 "the record was changed meanwhile: it is at revision %.20s", detail);
    else if (strchr(detail, ':') != NULL) /* "tax_id:TM:123" */
        snprintf(text, STORE_TEXT, "%.*s: \"%.100s\" is held by %.32s",
                 (int)strcspn(detail, ":"), detail, strchr(detail, ':') + 1, whose);
    else
        snprintf(text, STORE_TEXT, "%.20s: \"%.100s\" is held by %.32s", what, detail,
                 whose);
}

static void on_put_applied(void *ctx, enum kz_err err, const char *text)
{
    struct store_request *r = ctx;
    char why[STORE_TEXT];
    if (err == KZ_OK) {
        json_t *record = r->value; /* handed on whole: it goes to another thread */
        r->value = NULL;
        end_put(r, KZ_OK, record, text);
        return;
    }
    snprintf(why, sizeof(why),
             err == KZ_RANGE ? "another daemon was faster: %.200s" : "%.220s", text);
    end_put(r, err, NULL, why);
}

static void on_checked(void *ctx, const redisReply *reply)
{
    struct store_request *r = ctx;
    char why[STORE_TEXT];
    if (reply == NULL || reply->type == REDIS_REPLY_ERROR) {
        snprintf(why, sizeof(why), "Redis: %.200s; nothing was changed",
                 reply != NULL ? reply->str : "the connection was lost");
        end_put(r, KZ_IO, NULL, why);
        return;
    }
    if (strcmp(element(reply, 0), "OK") != 0) {
        describe_refusal(why, r, element(reply, 1), element(reply, 2),
                         element(reply, 3));
        end_put(r, KZ_RANGE, NULL, why);
        return;
    }
    json_int_t number = (json_int_t)decimal_of(element(reply, 1));
    json_int_t revision = (json_int_t)decimal_of(element(reply, 2));
    json_t *body = json_pack("{s:I, s:I, s:O}", "number", number, "revision", revision,
                             "record", r->value);
    enum kz_err err = audit_append(r, EVENT_MINER, body, on_put_applied, why);
    json_decref(body);
    if (err != KZ_OK) {
        end_put(r, KZ_IO, NULL, why);
        return;
    }
    json_object_set_new(r->value, "number", json_integer(number));
    json_object_set_new(r->value, "revision", json_integer(revision));
    events_pump(r->store);
}

static void check_put(struct store_request *r)
{
    struct script_args a = {0};
    char revision[24];
    snprintf(revision, sizeof(revision), "%" PRIu64, r->number);
    script_add(&a, "EVAL");
    script_add(&a, SCRIPT_REGISTRY_CHECK);
    script_add(&a, "6");
    registry_add_keys(&a);
    script_add(&a, r->text);
    script_add(&a, revision);
    script_add(&a, registry_certificate(r->value));
    registry_add_holdings(&a, r->value);
    enum kz_err err =
        redis_link_send(r->store->link, on_checked, r, a.argc, a.argv, a.lens);
    script_args_clear(&a);
    if (err != KZ_OK)
        on_checked(r, NULL);
}

static void next_put(struct store *s)
{
    struct store_request *r = s->puts;
    if (r == NULL || s->put_is_busy || s->phase != SHIP_READY)
        return;
    s->puts = r->next;
    if (s->puts == NULL)
        s->puts_end = &s->puts;
    s->put_is_busy = true;
    json_object_del(r->value, "number");
    json_object_del(r->value, "revision");
    snprintf(r->text, sizeof(r->text), "%.150s", text_at(r->value, "miner_id"));
    check_put(r);
}

/* A moment without Redis, as at the start, is waited for; not more. */
void registry_tick(struct store *s)
{
    next_put(s);
    while (s->puts != NULL && s->phase != SHIP_READY &&
           monotime_ms_between(s->puts->since, clock_now()) > PUT_WAIT_MS) {
        struct store_request *r = s->puts;
        s->puts = r->next;
        if (s->puts == NULL)
            s->puts_end = &s->puts;
        request_end(r, KZ_IO, NULL, "Redis is away; nothing was changed");
    }
}

bool is_refused_to_reader(struct store_request *r)
{
    bool is = r->store->is_reader;
    if (is)
        request_end(r, KZ_RANGE, NULL, "this program only reads");
    return is;
}

static void run_put(struct store_request *r)
{
    struct store *s = r->store;
    if (is_refused_to_reader(r))
        return;
    r->next = NULL;
    r->since = clock_now();
    *s->puts_end = r;
    s->puts_end = &r->next;
    next_put(s);
}

void registry_drop_puts(struct store *s)
{
    s->puts_end = &s->puts;
    while (s->puts != NULL) {
        struct store_request *r = s->puts;
        s->puts = r->next;
        request_end(r, KZ_IO, NULL, "the store is stopping");
    }
}

void store_registry_put(struct store *s, json_t *record, uint64_t expect_revision,
                        json_t *event, store_reply_fn *on_reply, void *ctx)
{
    const struct store_request r = {.on_reply = on_reply,
                                    .ctx = ctx,
                                    .value = record,
                                    .event = event,
                                    .number = expect_revision};
    request_post(s, &r, run_put);
}

/* --- the ledger ------------------------------------------------------------------- */

static void on_event_applied(void *ctx, enum kz_err err, const char *text)
{
    request_end(ctx, err, NULL, text);
}

static void run_ledger(struct store_request *r)
{
    struct store *s = r->store;
    if (is_refused_to_reader(r))
        return;
    if (s->phase != SHIP_READY) {
        request_end(r, KZ_IO, NULL, "Redis is away; nothing was written");
        return;
    }
    char why[STORE_TEXT];
    enum kz_err err =
        append_json(s, (enum event_kind)r->number, r->value, on_event_applied, r);
    if (err == KZ_OK) {
        events_pump(s);
        return;
    }
    describe_unwritten(why, err);
    request_end(r, KZ_IO, NULL, why);
}

void store_ledger_put(struct store *s, enum event_kind kind, json_t *event,
                      store_reply_fn *on_reply, void *ctx)
{
    const struct store_request r = {
        .on_reply = on_reply, .ctx = ctx, .value = event, .number = kind};
    request_post(s, &r, run_ledger);
}

/* --- what nodes say of a block ---------------------------------------------------- */

static void on_note(void *ctx, const redisReply *reply)
{
    struct store_request *r = ctx;
    bool ok = reply != NULL && strcmp(element(reply, 0), "OK") == 0;
    request_end(r, ok ? KZ_OK : KZ_IO, NULL,
                ok              ? NULL
                : reply == NULL ? "the connection to Redis was lost"
                                : "Redis refused the block's note");
}

/* A field a member, its value as JSON text. */
static void run_note(struct store_request *r)
{
    struct script_args a = {0};
    char key[KEY_SIZE];
    const char *name;
    json_t *value;
    if (!ship_is_up(r->store)) {
        request_end(r, KZ_IO, NULL, "Redis is away");
        return;
    }
    key_block(key, text_at(r->value, "hash"));
    const char *const head[] = {"EVAL", SCRIPT_BLOCK_NOTE, "1", key};
    for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
        script_add(&a, head[i]);
    json_object_foreach(r->value, name, value)
    {
        char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        script_add(&a, name);
        script_add_copy(&a, text != NULL ? text : "null");
        free(text); /* allowed: jansson's */
    }
    enum kz_err err =
        redis_link_send(r->store->link, on_note, r, a.argc, a.argv, a.lens);
    script_args_clear(&a);
    if (err != KZ_OK)
        on_note(r, NULL);
}

void store_block_note(struct store *s, json_t *members, store_reply_fn *on_reply,
                      void *ctx)
{
    const struct store_request r = {.on_reply = on_reply, .ctx = ctx, .value = members};
    request_post(s, &r, run_note);
}
