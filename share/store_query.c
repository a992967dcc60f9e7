/* What people ask: read from known keys and indexes, never by scanning. Here how
 * questions go, blocks and the registry; figures are in store_figures.c. */
#include "share/store_query.h"

#include "conf/log.h"
#include "conf/mem.h"
#include "share/bytes.h"
#include "share/keys.h"
#include "share/scripts.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define ASK_MAX 8

static void sums_free(struct sums *u)
{
    if (u != NULL)
        mem_free(u->all);
    mem_free(u);
}

struct query *query_new(struct store_request *r)
{
    if (!ship_is_up(r->store)) {
        request_end(r, KZ_IO, NULL, "Redis is away");
        return NULL;
    }
    struct query *q = mem_new(sizeof(*q));
    q->store = r->store;
    q->request = r;
    return q;
}

static void query_fail(struct query *q)
{
    json_decref(q->found);
    json_decref(q->left);
    sums_free(q->sums);
    request_end(q->request, KZ_IO, NULL, "Redis did not answer");
    mem_free(q);
}

void query_end(struct query *q)
{
    json_decref(q->left);
    sums_free(q->sums);
    request_end(q->request, KZ_OK, q->found, NULL);
    mem_free(q);
}

static void on_answer(void *ctx, const redisReply *r)
{
    struct answer *a = ctx;
    struct query *q = a->query;
    if (r == NULL || r->type == REDIS_REPLY_ERROR) {
        if (r != NULL && !q->failed)
            log_warn("redis_refused", kv_str("error", r->str));
        q->failed = true;
    } else {
        a->on_reply(q, r, a->note);
    }
    if (--q->waiting == 0) {
        if (q->failed)
            query_fail(q);
        else
            a->on_all(q);
    }
    mem_free(a);
}

void query_ask_many(struct query *q, const struct answer *model, size_t argc,
                    const char **argv)
{
    struct answer *a = mem_copy(model, sizeof(*model));
    size_t *lens = mem_array(argc, sizeof(*lens));
    for (size_t i = 0; i < argc; i++)
        lens[i] = strlen(argv[i]);
    a->query = q;
    q->waiting++;
    enum kz_err err = redis_link_send(q->store->link, on_answer, a, argc, argv, lens);
    mem_free(lens);
    if (err == KZ_OK)
        return;
    q->waiting--;
    q->failed = true;
    mem_free(a);
}

void query_ask(struct query *q, const struct answer *model, const char *const *argv)
{
    const char *copy[ASK_MAX];
    size_t argc = 0;
    for (; argv[argc] != NULL; argc++) {
        assert(argc < ASK_MAX);
        copy[argc] = argv[argc];
    }
    query_ask_many(q, model, argc, copy);
}

void query_begin(struct query *q)
{
    q->waiting++;
}

void query_go(struct query *q, void (*on_all)(struct query *q))
{
    if (--q->waiting > 0)
        return;
    if (q->failed)
        query_fail(q);
    else
        on_all(q);
}

/* --- blocks ----------------------------------------------------------------------- */

static void on_block(struct query *q, const redisReply *r, const char *note)
{
    (void)note;
    if (r->type != REDIS_REPLY_ARRAY || r->elements < 2)
        return;
    json_t *block = json_object();
    for (size_t i = 0; i + 1 < r->elements; i += 2) {
        const redisReply *text = r->element[i + 1];
        json_t *value = json_loadb(text->str, text->len, JSON_DECODE_ANY, NULL);
        if (value != NULL)
            json_object_set_new(block, r->element[i]->str, value);
    }
    json_array_append_new(q->found, block);
}

static void on_hashes(struct query *q, const redisReply *r, const char *note)
{
    (void)note;
    struct answer a = {.on_reply = on_block, .on_all = query_end};
    for (size_t i = 0; r->type == REDIS_REPLY_ARRAY && i < r->elements; i++) {
        char key[KEY_SIZE];
        if (r->element[i]->type != REDIS_REPLY_STRING)
            continue;
        key_block(key, r->element[i]->str);
        query_ask(q, &a, (const char *const[]){"HGETALL", key, NULL});
    }
}

static void run_blocks(struct store_request *r)
{
    struct query *q = query_new(r);
    if (q == NULL)
        return;
    char last[24];
    struct answer a = {.on_reply = on_hashes, .on_all = query_end};
    snprintf(last, sizeof(last), "%llu", (unsigned long long)r->number - 1);
    q->found = json_array();
    query_begin(q);
    query_ask(q, &a, (const char *const[]){"ZREVRANGE", KEY_BLOCKS, "0", last, NULL});
    query_go(q, query_end);
}

void store_blocks(struct store *s, size_t max, store_reply_fn *on_reply, void *ctx)
{
    const struct store_request r = {
        .on_reply = on_reply, .ctx = ctx, .number = max > 0 && max < 100000 ? max : 1};
    request_post(s, &r, run_blocks);
}

/* --- registry --------------------------------------------------------------------- */

static json_int_t leading_number(const char **p)
{
    json_int_t v = (json_int_t)decimal_take(p);
    *p += **p == ' ';
    return v;
}

static json_t *miner_record(const redisReply *text)
{
    const char *p = text->str;
    json_int_t number = leading_number(&p), revision = leading_number(&p);
    json_t *record = json_loads(p, 0, NULL);
    if (json_is_object(record)) {
        json_object_set_new(record, "number", json_integer(number));
        json_object_set_new(record, "revision", json_integer(revision));
    }
    return record;
}

/* A hash's fields, whose values are JSON. */
static json_t *object_of(const redisReply *r)
{
    json_t *object = json_object();
    for (size_t i = 0; r->type == REDIS_REPLY_ARRAY && i + 1 < r->elements; i += 2) {
        const redisReply *text = r->element[i + 1];
        json_object_set_new(object, r->element[i]->str,
                            json_loadb(text->str, text->len, JSON_DECODE_ANY, NULL));
    }
    return object;
}

static void on_registry(struct query *q, const redisReply *r, const char *note)
{
    (void)note;
    if (r->type != REDIS_REPLY_ARRAY || r->elements != 4 ||
        r->element[1]->type != REDIS_REPLY_ARRAY) {
        q->failed = true;
        return;
    }
    const char *version =
        r->element[0]->type == REDIS_REPLY_STRING ? r->element[0]->str : "0";
    const redisReply *all = r->element[1];
    json_t *miners = json_object_get(q->found, "miners");
    json_object_set_new(q->found, "version", json_integer(leading_number(&version)));
    json_object_set_new(q->found, "facts", object_of(r->element[2]));
    json_object_set_new(q->found, "audit", object_of(r->element[3]));
    for (size_t i = 0; i + 1 < all->elements; i += 2) {
        json_t *record = all->element[i + 1]->type == REDIS_REPLY_STRING
                             ? miner_record(all->element[i + 1])
                             : NULL;
        if (json_is_object(record))
            json_array_append_new(miners, record);
        else
            log_error("registry_record_damaged", kv_str("id", all->element[i]->str));
    }
}

static void run_registry(struct store_request *r)
{
    struct query *q = query_new(r);
    if (q == NULL)
        return;
    struct answer a = {.on_reply = on_registry, .on_all = query_end};
    q->found = json_pack("{s:[]}", "miners");
    query_begin(q);
    query_ask(q, &a,
              (const char *const[]){"EVAL", SCRIPT_REGISTRY_LOAD, "4", KEY_REG_MINERS,
                                    KEY_REG_VERSION, KEY_REG_FACTS, KEY_REG_AUDIT,
                                    NULL});
    query_go(q, query_end);
}

void store_registry_load(struct store *s, store_reply_fn *on_reply, void *ctx)
{
    const struct store_request r = {.on_reply = on_reply, .ctx = ctx};
    request_post(s, &r, run_registry);
}

static void on_version(struct query *q, const redisReply *r, const char *note)
{
    (void)note;
    const char *text = r->type == REDIS_REPLY_STRING ? r->str : "0";
    q->found = json_integer(leading_number(&text));
}

static void run_version(struct store_request *r)
{
    struct query *q = query_new(r);
    if (q == NULL)
        return;
    struct answer a = {.on_reply = on_version, .on_all = query_end};
    query_begin(q);
    query_ask(q, &a, (const char *const[]){"GET", KEY_REG_VERSION, NULL});
    query_go(q, query_end);
}

void store_registry_version(struct store *s, store_reply_fn *on_reply, void *ctx)
{
    const struct store_request r = {.on_reply = on_reply, .ctx = ctx};
    request_post(s, &r, run_version);
}
