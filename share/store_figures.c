/* Figures of the pool, of miners and their workers: records of all instances, added. */
#include "share/store_query.h"

#include "conf/log.h"
#include "conf/mem.h"
#include "share/bytes.h"
#include "share/keys.h"

#include <stdio.h>
#include <string.h>

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

static void add_record(struct query *q, json_t *index, const char *name,
                       const redisReply *bytes)
{
    struct summary one;
    if (bytes->type != REDIS_REPLY_STRING)
        return;
    if (summary_read(&one, bytes->str, bytes->len) != KZ_OK)
        log_warn("redis_record_damaged", kv_str("name", name));
    else
        summary_add(sum_of(q, index, name), &one);
}

/* HGETALL of records into `index` of q->sums. */
static void add_records(struct query *q, const redisReply *r, json_t *index)
{
    for (size_t i = 0; r->type == REDIS_REPLY_ARRAY && i + 1 < r->elements; i += 2)
        if (r->element[i]->type == REDIS_REPLY_STRING)
            add_record(q, index, r->element[i]->str, r->element[i + 1]);
}

/* --- tally ------------------------------------------------------------------------ */

/* q->found is {"pool": index, "miners": index} until the end. */
static void on_miners(struct query *q, const redisReply *r, const char *note)
{
    add_records(q, r, json_object_get(q->found, note));
}

/* HMGET of those the request names, in their order. */
static void on_some_miners(struct query *q, const redisReply *r, const char *note)
{
    json_t *index = json_object_get(q->found, note), *name;
    size_t i;
    json_array_foreach(q->request->value, i, name)
    {
        if (r->type == REDIS_REPLY_ARRAY && i < r->elements && json_is_string(name))
            add_record(q, index, json_string_value(name), r->element[i]);
    }
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

static void ask_some_miners(struct query *q, const char *key)
{
    struct answer a = {
        .on_reply = on_some_miners, .on_all = tally_done, .note = "miners"};
    const json_t *miners = q->request->value;
    size_t count = json_array_size(miners);
    if (count == 0)
        return;
    const char **argv = mem_array(count + 2, sizeof(*argv));
    argv[0] = "HMGET";
    argv[1] = key;
    for (size_t i = 0; i < count; i++) {
        const char *name = json_string_value(json_array_get(miners, i));
        argv[2 + i] = name != NULL ? name : "";
    }
    query_ask_many(q, &a, count + 2, argv);
    mem_free(argv);
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
        query_ask(q, &pool, (const char *const[]){"HGETALL", key, NULL});
        key_miners(key, r->element[i]->str);
        if (q->request->value != NULL)
            ask_some_miners(q, key);
        else
            query_ask(q, &miners, (const char *const[]){"HGETALL", key, NULL});
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
    query_begin(q);
    query_ask(q, &a, (const char *const[]){"SMEMBERS", KEY_INSTANCES, NULL});
    query_go(q, tally_done);
}

void store_tally(struct store *s, store_reply_fn *on_reply, void *ctx)
{
    const struct store_request r = {.on_reply = on_reply, .ctx = ctx};
    request_post(s, &r, run_tally);
}

void store_tally_of(struct store *s, json_t *miners, store_reply_fn *on_reply,
                    void *ctx)
{
    const struct store_request r = {.on_reply = on_reply, .ctx = ctx, .value = miners};
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
    query_begin(q);
    json_array_foreach(json_object_get(q->left, "instances"), i, instance)
    {
        for (unsigned bucket = 0; bucket < KEY_WORKER_BUCKETS; bucket++) {
            char key[KEY_SIZE];
            key_workers(key, json_string_value(instance), &id, bucket);
            query_ask(q, &a, (const char *const[]){"HGETALL", key, NULL});
        }
    }
    query_go(q, miner_done);
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
            query_ask(q, &a, (const char *const[]){"HKEYS", key, NULL});
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
    query_begin(q);
    query_ask(q, &a, (const char *const[]){"SMEMBERS", KEY_INSTANCES, NULL});
    query_go(q, names_done);
}

void store_workers(struct store *s, const char *miner, store_reply_fn *on_reply,
                   void *ctx)
{
    struct store_request r = {.on_reply = on_reply, .ctx = ctx};
    snprintf(r.text, sizeof(r.text), "%.100s", miner);
    request_post(s, &r, run_workers);
}

/* --- reasons ---------------------------------------------------------------------- */

/* HGETALL of a day's hours: the fields that end with '#'. */
static void on_reasons(struct query *q, const redisReply *r, const char *note)
{
    (void)note;
    for (size_t i = 0; r->type == REDIS_REPLY_ARRAY && i + 1 < r->elements; i += 2) {
        const char *count = r->element[i + 1]->str;
        char reason[KEY_REASON_SIZE];
        if (!key_reason_parse(reason, r->element[i]->str))
            continue;
        json_int_t n = (json_int_t)decimal_of(count);
        json_int_t before = json_integer_value(json_object_get(q->found, reason));
        json_object_set_new(q->found, reason, json_integer(before + n));
    }
}

static void reasons_instances(struct query *q, const redisReply *r, const char *note)
{
    (void)note;
    struct answer a = {.on_reply = on_reasons, .on_all = query_end};
    struct miner_id id;
    const char *miner = q->request->text;
    if (miner_id_parse(&id, miner, strlen(miner)) != KZ_OK)
        return;
    for (size_t i = 0; r->type == REDIS_REPLY_ARRAY && i < r->elements; i++) {
        char key[KEY_SIZE];
        if (r->element[i]->type != REDIS_REPLY_STRING)
            continue;
        key_tally(key, r->element[i]->str, KEY_HOURS, &id, clock_utc_ms() / 1000);
        query_ask(q, &a, (const char *const[]){"HGETALL", key, NULL});
    }
}

static void run_reasons(struct store_request *r)
{
    struct query *q = query_new(r);
    if (q == NULL)
        return;
    struct answer a = {.on_reply = reasons_instances, .on_all = query_end};
    q->found = json_object();
    query_begin(q);
    query_ask(q, &a, (const char *const[]){"SMEMBERS", KEY_INSTANCES, NULL});
    query_go(q, query_end);
}

void store_reasons(struct store *s, const char *miner, store_reply_fn *on_reply,
                   void *ctx)
{
    struct store_request r = {.on_reply = on_reply, .ctx = ctx};
    snprintf(r.text, sizeof(r.text), "%.100s", miner);
    request_post(s, &r, run_reasons);
}
