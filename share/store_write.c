/* Writes that are on the disk before they are answered: registry records and blocks.
 *
 * The embedded server syncs its append-only file once a second. For such a write it is
 * told to sync always, the script runs, and when its answer is here the old rule is set
 * again: with `always` Redis syncs before it sends the answers of a turn of its loop,
 * so an answer means a synced write, whatever its version. (Waiting for the next
 * everysec sync would take up to two seconds and has no sure sign before 7.2.) A server
 * that is not ours is asked with WAITAOF where it has that (7.2); an older one is not
 * asked, and the log says once what that means. */
#include "share/store_internal.h"

#include "conf/log.h"
#include "conf/mem.h"
#include "share/keys.h"
#include "share/scripts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MS                                                                        \
    "4000" /* below STORE_TIMEOUT_MS, while which nothing else is answered */

struct write {
    struct store *store;
    struct store_request *request;
    void (*on_answer)(struct write *w, const redisReply *r); /* w->err, value, text */
    bool waits_for_aof; /* WAITAOF is under way behind the script */
    bool not_synced;
    enum kz_err err;
    json_t *value;
    char text[STORE_TEXT];
};

static void finish(struct write *w)
{
    struct store_request *r = w->request;
    if (w->err == KZ_OK && w->not_synced) {
        w->err = KZ_IO;
        snprintf(w->text, sizeof(w->text),
                 "written, but Redis did not confirm that it is on the disk");
    }
    if (w->err != KZ_OK) {
        json_decref(w->value);
        w->value = NULL;
    }
    request_end(r, w->err, w->value, w->text);
    mem_free(w);
}

static void on_sync_set(void *ctx, const redisReply *r)
{
    struct store *s = ctx;
    s->sync_failed = r == NULL || r->type == REDIS_REPLY_ERROR;
}

static void on_sync_reset(void *ctx, const redisReply *r)
{
    (void)ctx;
    if (r != NULL && r->type == REDIS_REPLY_ERROR)
        log_warn("redis_sync_not_reset", kv_str("error", r->str));
}

static void set_sync(struct store *s, redis_link_fn *on_set, const char *rule)
{
    const char *const argv[] = {"CONFIG", "SET", "appendfsync", rule, NULL};
    if (redis_link_ask(s->link, on_set, s, argv) != KZ_OK)
        s->sync_failed = true;
}

static void on_waited(void *ctx, const redisReply *r)
{
    struct write *w = ctx;
    bool is_synced = r != NULL && r->type == REDIS_REPLY_ARRAY && r->elements > 0 &&
                     r->element[0]->type == REDIS_REPLY_INTEGER &&
                     r->element[0]->integer >= 1;
    if (r != NULL && r->type == REDIS_REPLY_ERROR) {
        log_warn("redis_write_not_synced", kv_str("error", r->str));
        is_synced = true; /* it has no append-only file: the operator's choice */
    }
    w->not_synced = !is_synced;
    finish(w);
}

static void on_script(void *ctx, const redisReply *r)
{
    struct write *w = ctx;
    struct store *s = w->store;
    w->not_synced = s->server != NULL && s->sync_failed;
    if (s->server != NULL && s->sync_writes > 0 && --s->sync_writes == 0 && r != NULL)
        set_sync(s, on_sync_reset, "everysec");
    if (r == NULL) {
        w->err = KZ_IO;
        snprintf(w->text, sizeof(w->text),
                 "the connection to Redis was lost; it may or may not be written");
    } else if (r->type == REDIS_REPLY_ERROR) {
        w->err = KZ_IO;
        snprintf(w->text, sizeof(w->text), "Redis: %.200s", r->str);
    } else {
        w->on_answer(w, r);
    }
    if (!w->waits_for_aof)
        finish(w);
}

/* EVAL with the whole text: these writes are rare, and so NOSCRIPT cannot happen. */
static void send_write(struct write *w, size_t argc, const char **argv)
{
    struct store *s = w->store;
    size_t *lens = mem_array(argc, sizeof(*lens));
    for (size_t i = 0; i < argc; i++)
        lens[i] = strlen(argv[i]);
    if (s->server != NULL && s->sync_writes++ == 0)
        set_sync(s, on_sync_set, "always");
    enum kz_err err = redis_link_send(s->link, on_script, w, argc, argv, lens);
    mem_free(lens);
    if (err != KZ_OK) {
        on_script(w, NULL);
        return;
    }
    if (s->server != NULL)
        return;
    const char *const wait[] = {"WAITAOF", "1", "0", WAIT_MS, NULL};
    w->waits_for_aof = s->aof_on && ship_version_at_least(s, 7, 2) &&
                       redis_link_ask(s->link, on_waited, w, wait) == KZ_OK;
    if (!w->waits_for_aof)
        log_debug("redis_write_not_synced", kv_str("version", s->version));
}

static struct write *write_new(struct store_request *r,
                               void (*on_answer)(struct write *, const redisReply *))
{
    if (!ship_is_up(r->store)) {
        request_end(r, KZ_IO, NULL, "Redis is away; nothing was changed");
        return NULL;
    }
    struct write *w = mem_new(sizeof(*w));
    w->store = r->store;
    w->request = r;
    w->on_answer = on_answer;
    return w;
}

static const char *element(const redisReply *r, size_t i)
{
    return r->type == REDIS_REPLY_ARRAY && i < r->elements &&
                   r->element[i]->type == REDIS_REPLY_STRING
               ? r->element[i]->str
               : "";
}

/* Decimal text of our own scripts. */
static json_int_t number_of(const char *text)
{
    json_int_t v = 0;
    for (const char *p = text; *p >= '0' && *p <= '9' && v < INT64_MAX / 20; p++)
        v = v * 10 + (*p - '0');
    return v;
}

/* --- registry --------------------------------------------------------------------- */

static void on_put(struct write *w, const redisReply *r)
{
    if (strcmp(element(r, 0), "OK") == 0) {
        w->value = w->request->value; /* handed on whole: it goes to another thread */
        w->request->value = NULL;
        json_object_set_new(w->value, "number", json_integer(number_of(element(r, 1))));
        json_object_set_new(w->value, "revision",
                            json_integer(number_of(element(r, 2))));
        return;
    }
    const char *what = element(r, 1);
    w->err = KZ_RANGE;
    if (strcmp(what, "revision") == 0 && w->request->number == 0)
        snprintf(w->text, sizeof(w->text), "id: \"%.32s\" was used before",
                 w->request->text);
    else if (strcmp(what, "revision") == 0)
        snprintf(w->text, sizeof(w->text),
                 "the record was changed meanwhile: it is at revision %.20s",
                 element(r, 2));
    else
        snprintf(w->text, sizeof(w->text), "%.20s: \"%.100s\" is held by %.32s", what,
                 element(r, 2), element(r, 3));
}

static bool holds_nothing(const json_t *record)
{
    const char *state = json_string_value(json_object_get(record, "state"));
    return state != NULL &&
           (strcmp(state, "revoked") == 0 || strcmp(state, "closed") == 0 ||
            strcmp(state, "rejected") == 0);
}

static const char *text_at(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text != NULL ? text : "";
}

static void send_put(struct write *w, const char *json)
{
    const json_t *record = w->request->value;
    const json_t *addresses = json_object_get(record, "payout_addresses");
    size_t count = holds_nothing(record) ? 0 : json_array_size(addresses);
    char revision[24];
    const char **argv = mem_array(13 + count, sizeof(*argv));
    snprintf(revision, sizeof(revision), "%" PRIu64, w->request->number);
    const char *const head[] = {
        "EVAL",
        SCRIPT_REGISTRY_PUT,
        "6",
        KEY_REG_MINERS,
        KEY_REG_LIVE,
        KEY_REG_CERTS,
        KEY_REG_ADDRESSES,
        KEY_REG_SEQ,
        KEY_REG_VERSION,
        w->request->text,
        revision,
        json,
        holds_nothing(record)
            ? ""
            : text_at(json_object_get(record, "certificate"), "number")};
    size_t argc = sizeof(head) / sizeof(head[0]);
    memcpy(argv, head, sizeof(head));
    for (size_t i = 0; i < count; i++) {
        const json_t *a = json_array_get(addresses, i);
        if (json_is_null(json_object_get(a, "to")) || json_object_get(a, "to") == NULL)
            argv[argc++] = text_at(a, "address");
    }
    send_write(w, argc, argv);
    mem_free(argv);
}

static void run_put(struct store_request *r)
{
    struct write *w = write_new(r, on_put);
    if (w == NULL)
        return;
    json_object_del(r->value, "number");
    json_object_del(r->value, "revision");
    snprintf(r->text, sizeof(r->text), "%.150s", text_at(r->value, "miner_id"));
    char *json = json_dumps(r->value, JSON_COMPACT | JSON_SORT_KEYS);
    send_put(w, json != NULL ? json : "{}");
    free(json); /* allowed: jansson's */
}

void store_registry_put(struct store *s, json_t *record, uint64_t expect_revision,
                        store_reply_fn *on_reply, void *ctx)
{
    const struct store_request r = {
        .on_reply = on_reply, .ctx = ctx, .value = record, .number = expect_revision};
    request_post(s, &r, run_put);
}

/* --- blocks ----------------------------------------------------------------------- */

static void on_block(struct write *w, const redisReply *r)
{
    if (strcmp(element(r, 0), "OK") == 0)
        return;
    w->err = KZ_RANGE;
    snprintf(w->text, sizeof(w->text), "block refused: %.40s", element(r, 1));
}

/* A field a member, its value as JSON text, so that a later put can change one. */
static void send_block(struct write *w, const json_t *block, const char *hash)
{
    char key[KEY_SIZE], height[24];
    size_t members = json_object_size(block), argc = 0;
    const char **argv = mem_array(7 + 2 * members, sizeof(*argv));
    char **texts = mem_array(members, sizeof(*texts));
    const char *name;
    json_t *value;
    key_block(key, hash);
    snprintf(height, sizeof(height), "%" JSON_INTEGER_FORMAT,
             json_integer_value(json_object_get(block, "height")));
    const char *const head[] = {"EVAL", SCRIPT_BLOCK_PUT, "2", key, KEY_BLOCKS, hash,
                                height};
    memcpy(argv, head, sizeof(head));
    argc = sizeof(head) / sizeof(head[0]);
    size_t i = 0;
    json_object_foreach ((json_t *)block, name, value) {
        texts[i] = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        argv[argc++] = name;
        argv[argc++] = texts[i] != NULL ? texts[i] : "null";
        i++;
    }
    send_write(w, argc, argv);
    while (i > 0)
        free(texts[--i]); /* allowed: jansson's */
    mem_free(texts);
    mem_free(argv);
}

static void run_block(struct store_request *r)
{
    const char *hash = text_at(r->value, "hash");
    if (strlen(hash) != 64) {
        request_end(r, KZ_RANGE, NULL, "hash: 64 hex digits expected");
        return;
    }
    struct write *w = write_new(r, on_block);
    if (w != NULL)
        send_block(w, r->value, hash);
}

void store_block_put(struct store *s, json_t *block, store_reply_fn *on_reply,
                     void *ctx)
{
    const struct store_request r = {.on_reply = on_reply, .ctx = ctx, .value = block};
    request_post(s, &r, run_block);
}
