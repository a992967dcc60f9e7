/* Figures for people: read from known keys and indexes, never by scanning. */
#include "share/store_internal.h"

#include "conf/log.h"
#include "conf/mem.h"
#include "share/keys.h"
#include "share/scripts.h"
#include "share/summary.h"

#include <stdio.h>
#include <string.h>

/* Summaries by name, found by a JSON object name -> index. */
struct sums {
    size_t count, room;
    struct summary *all;
};

/* A query asks several keys and answers when all have answered. */
struct query {
    struct store *store;
    struct store_request *request;
    size_t waiting;
    bool failed;
    json_t *found; /* what is answered, or filled on the way to it */
    struct sums *sums;
    char miner[MINER_ID_MAX + 1]; /* whose workers are being asked */
    json_t *left;                 /* miners still to be asked */
};

struct answer {
    struct query *query;
    void (*on_reply)(struct query *q, const redisReply *r, const char *note);
    void (*on_all)(struct query *q);
    char note[80];
};

static void sums_free(struct sums *u)
{
    if (u != NULL)
        mem_free(u->all);
    mem_free(u);
}

static struct query *query_new(struct store_request *r)
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

static void query_end(struct query *q)
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

/* `model` says whom to tell. A query counts itself as waiting while it asks, so that a
 * lost connection cannot end it under its own feet: begin_asking(), end_asking(). */
static void ask(struct query *q, const struct answer *model, const char *const *argv)
{
    struct answer *a = mem_copy(model, sizeof(*model));
    a->query = q;
    q->waiting++;
    if (redis_link_ask(q->store->link, on_answer, a, argv) == KZ_OK)
        return;
    q->waiting--;
    q->failed = true;
    mem_free(a);
}

static void begin_asking(struct query *q)
{
    q->waiting++;
}

static void end_asking(struct query *q, void (*on_all)(struct query *q))
{
    if (--q->waiting > 0)
        return;
    if (q->failed)
        query_fail(q);
    else
        on_all(q);
}

/* --- figures ---------------------------------------------------------------------- */

static struct summary *sum_of(struct query *q, json_t *index, const char *name)
{
    struct sums *u = q->sums;
    const json_t *at = json_object_get(index, name);
    if (at != NULL)
        return &u->all[json_integer_value(at)];
    if (u->count == u->room) {
        u->room = u->room == 0 ? 64 : 2 * u->room;
        u->all = mem_resize(u->all, u->room * sizeof(*u->all));
    }
    json_object_set_new(index, name, json_integer((json_int_t)u->count));
    struct summary *s = &u->all[u->count++];
    memset(s, 0, sizeof(*s));
    return s;
}

static json_t *figures(const struct store *s, const struct summary *m)
{
    char work[SUMMARY_TEXT_SIZE];
    int64_t now = clock_utc_ms();
    summary_format_work(work, m);
    return json_pack("{s:s, s:I, s:I, s:f, s:I, s:{s:f, s:f, s:f, s:f}}", "work", work,
                     "accepted", (json_int_t)m->accepted, "refused",
                     (json_int_t)m->refused, "best_difficulty", m->best,
                     "last_share_ms", (json_int_t)m->last_ms, "hashrate", "1m",
                     summary_rate(m, SUMMARY_1M, s->unit, now), "10m",
                     summary_rate(m, SUMMARY_10M, s->unit, now), "1h",
                     summary_rate(m, SUMMARY_1H, s->unit, now), "24h",
                     summary_rate(m, SUMMARY_24H, s->unit, now));
}

/* HGETALL of records into `index` of q->sums. */
static void add_records(struct query *q, const redisReply *r, json_t *index)
{
    for (size_t i = 0; r->type == REDIS_REPLY_ARRAY && i + 1 < r->elements; i += 2) {
        const redisReply *name = r->element[i], *text = r->element[i + 1];
        struct summary one;
        if (name->type != REDIS_REPLY_STRING || text->type != REDIS_REPLY_STRING)
            continue;
        if (summary_read(&one, text->str, text->len) != KZ_OK)
            log_warn("redis_record_damaged", kv_str("name", name->str));
        else
            summary_add(sum_of(q, index, name->str), &one);
    }
}

/* --- tally ------------------------------------------------------------------------ */

/* q->found is {"pool": index, "miners": index} until the end. */
static void on_miners(struct query *q, const redisReply *r, const char *note)
{
    add_records(q, r, json_object_get(q->found, note));
}

static json_t *with_figures(struct query *q, json_t *index)
{
    const char *name;
    json_t *at, *out = json_object();
    json_object_foreach(index, name, at) json_object_set_new(
        out, name, figures(q->store, &q->sums->all[json_integer_value(at)]));
    return out;
}

static void tally_done(struct query *q)
{
    static const struct summary none = {0};
    json_t *pool = with_figures(q, json_object_get(q->found, "pool"));
    json_t *all = json_incref(json_object_get(pool, KEY_POOL_FIELD));
    json_t *miners = with_figures(q, json_object_get(q->found, "miners"));
    json_decref(pool);
    json_decref(q->found);
    if (all == NULL)
        all = figures(q->store, &none);
    q->found = json_pack("{s:o, s:o}", "pool", all, "miners", miners);
    query_end(q);
}

static void tally_ask(struct query *q, const redisReply *r, const char *note)
{
    (void)note;
    struct answer pool = {.on_reply = on_miners, .on_all = tally_done, .note = "pool"};
    struct answer miners = {
        .on_reply = on_miners, .on_all = tally_done, .note = "miners"};
    for (size_t i = 0; r->type == REDIS_REPLY_ARRAY && i < r->elements; i++) {
        char key[KEY_SIZE];
        if (r->element[i]->type != REDIS_REPLY_STRING)
            continue;
        key_pool(key, r->element[i]->str);
        ask(q, &pool, (const char *const[]){"HGETALL", key, NULL});
        key_miners(key, r->element[i]->str);
        ask(q, &miners, (const char *const[]){"HGETALL", key, NULL});
    }
}

static void run_tally(struct store_request *r)
{
    struct query *q = query_new(r);
    if (q == NULL)
        return;
    struct answer a = {.on_reply = tally_ask, .on_all = tally_done};
    q->sums = mem_new(sizeof(*q->sums));
    q->found = json_pack("{s:{}, s:{}}", "pool", "miners");
    begin_asking(q);
    ask(q, &a, (const char *const[]){"SMEMBERS", KEY_INSTANCES, NULL});
    end_asking(q, tally_done);
}

void store_tally(struct store *s, store_reply_fn *on_reply, void *ctx)
{
    const struct store_request r = {.on_reply = on_reply, .ctx = ctx};
    request_post(s, &r, run_tally);
}

/* --- workers ---------------------------------------------------------------------- */

/* One miner after the other, so that the answers of 10,000 miners are never in memory
 * at once but as figures, and batches come in between. q->left: {"miners": [...],
 * "instances": [...], "index": {worker: at}}. */
static void ask_next_miner(struct query *q);

static void on_workers(struct query *q, const redisReply *r, const char *note)
{
    (void)note;
    add_records(q, r, json_object_get(q->left, "index"));
}

static void miner_done(struct query *q)
{
    const char *name;
    json_t *at;
    json_object_foreach(json_object_get(q->left, "index"), name, at)
    {
        json_t *o = figures(q->store, &q->sums->all[json_integer_value(at)]);
        json_object_set_new(o, "miner", json_string(q->miner));
        json_object_set_new(o, "worker", json_string(name));
        json_array_append_new(q->found, o);
    }
    json_object_clear(json_object_get(q->left, "index"));
    q->sums->count = 0;
    ask_next_miner(q);
}

static void ask_next_miner(struct query *q)
{
    json_t *miners = json_object_get(q->left, "miners");
    size_t count = json_array_size(miners), i;
    json_t *instance;
    struct miner_id id;
    struct answer a = {.on_reply = on_workers, .on_all = miner_done};
    const char *next =
        count > 0 ? json_string_value(json_array_get(miners, count - 1)) : NULL;
    if (next == NULL || miner_id_parse(&id, next, strlen(next)) != KZ_OK) {
        query_end(q);
        return;
    }
    memcpy(q->miner, id.text, sizeof(q->miner));
    json_array_remove(miners, count - 1);
    begin_asking(q);
    json_array_foreach(json_object_get(q->left, "instances"), i, instance)
    {
        for (unsigned bucket = 0; bucket < KEY_WORKER_BUCKETS; bucket++) {
            char key[KEY_SIZE];
            key_workers(key, json_string_value(instance), &id, bucket);
            ask(q, &a, (const char *const[]){"HGETALL", key, NULL});
        }
    }
    end_asking(q, miner_done);
}

/* HKEYS of each instance's miners: a set of names, kept as an object's keys. */
static void on_names(struct query *q, const redisReply *r, const char *note)
{
    (void)note;
    json_t *names = json_object_get(q->left, "names");
    for (size_t i = 0; r->type == REDIS_REPLY_ARRAY && i < r->elements; i++)
        if (r->element[i]->type == REDIS_REPLY_STRING)
            json_object_set_new(names, r->element[i]->str, json_true());
}

static void names_done(struct query *q)
{
    const char *name;
    json_t *value, *miners = json_object_get(q->left, "miners");
    json_object_foreach(json_object_get(q->left, "names"), name, value)
        json_array_append_new(miners, json_string(name));
    ask_next_miner(q);
}

static void workers_instances(struct query *q, const redisReply *r, const char *note)
{
    (void)note;
    json_t *instances = json_object_get(q->left, "instances");
    struct answer a = {.on_reply = on_names, .on_all = names_done};
    for (size_t i = 0; r->type == REDIS_REPLY_ARRAY && i < r->elements; i++) {
        char key[KEY_SIZE];
        if (r->element[i]->type != REDIS_REPLY_STRING)
            continue;
        json_array_append_new(instances, json_string(r->element[i]->str));
        key_miners(key, r->element[i]->str);
        if (q->request->text[0] == '\0')
            ask(q, &a, (const char *const[]){"HKEYS", key, NULL});
    }
}

static void run_workers(struct store_request *r)
{
    struct query *q = query_new(r);
    if (q == NULL)
        return;
    struct answer a = {.on_reply = workers_instances, .on_all = names_done};
    q->sums = mem_new(sizeof(*q->sums));
    q->found = json_array();
    q->left =
        json_pack("{s:[], s:[], s:{}, s:{}}", "miners", "instances", "index", "names");
    if (r->text[0] != '\0')
        json_object_set_new(json_object_get(q->left, "names"), r->text, json_true());
    begin_asking(q);
    ask(q, &a, (const char *const[]){"SMEMBERS", KEY_INSTANCES, NULL});
    end_asking(q, names_done);
}

void store_workers(struct store *s, const char *miner, store_reply_fn *on_reply,
                   void *ctx)
{
    struct store_request r = {.on_reply = on_reply, .ctx = ctx};
    snprintf(r.text, sizeof(r.text), "%.100s", miner);
    request_post(s, &r, run_workers);
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
        ask(q, &a, (const char *const[]){"HGETALL", key, NULL});
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
    begin_asking(q);
    ask(q, &a, (const char *const[]){"ZREVRANGE", KEY_BLOCKS, "0", last, NULL});
    end_asking(q, query_end);
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
    json_int_t v = 0;
    for (; **p >= '0' && **p <= '9' && v < INT64_MAX / 20; (*p)++)
        v = v * 10 + (**p - '0');
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

static void on_registry(struct query *q, const redisReply *r, const char *note)
{
    (void)note;
    if (r->type != REDIS_REPLY_ARRAY || r->elements != 2 ||
        r->element[1]->type != REDIS_REPLY_ARRAY) {
        q->failed = true;
        return;
    }
    const char *version =
        r->element[0]->type == REDIS_REPLY_STRING ? r->element[0]->str : "0";
    const redisReply *all = r->element[1];
    json_t *miners = json_object_get(q->found, "miners");
    json_object_set_new(q->found, "version", json_integer(leading_number(&version)));
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
    begin_asking(q);
    ask(q, &a,
        (const char *const[]){"EVAL", SCRIPT_REGISTRY_LOAD, "2", KEY_REG_MINERS,
                              KEY_REG_VERSION, NULL});
    end_asking(q, query_end);
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
    begin_asking(q);
    ask(q, &a, (const char *const[]){"GET", KEY_REG_VERSION, NULL});
    end_asking(q, query_end);
}

void store_registry_version(struct store *s, store_reply_fn *on_reply, void *ctx)
{
    const struct store_request r = {.on_reply = on_reply, .ctx = ctx};
    request_post(s, &r, run_version);
}
