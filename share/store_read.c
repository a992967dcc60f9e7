#include "share/store_read.h"

#include "share/bytes.h"
#include "share/store_read_parts.h"

#include "conf/log.h"
#include "conf/mem.h"
#include "share/crc32c.h"
#include "share/keys.h"
#include "share/scripts_events.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- asking and waiting ----------------------------------------------------------- */

/* Two threads and one answer; freed by whoever is last. `fill` runs on the store thread. */
struct question {
    pthread_mutex_t lock;
    pthread_cond_t is_answered;
    bool done;
    enum kz_err err;
    enum kz_err (*fill)(void *out, const redisReply *r);
    void *out;
};

static void question_init(struct question *q,
                          enum kz_err (*fill)(void *out, const redisReply *r),
                          void *out)
{
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->is_answered, NULL);
    q->done = false;
    q->err = KZ_IO;
    q->fill = fill;
    q->out = out;
}

static void answer(struct question *q, enum kz_err err)
{
    pthread_mutex_lock(&q->lock);
    q->err = err;
    q->done = true;
    pthread_cond_signal(&q->is_answered);
    pthread_mutex_unlock(&q->lock);
}

static enum kz_err wait_for_answer(struct question *q)
{
    pthread_mutex_lock(&q->lock);
    while (!q->done)
        pthread_cond_wait(&q->is_answered, &q->lock);
    enum kz_err err = q->err;
    pthread_mutex_unlock(&q->lock);
    pthread_mutex_destroy(&q->lock);
    pthread_cond_destroy(&q->is_answered);
    return err;
}

/* A command on its way to the store thread. The texts are the asker's, who waits. */
struct posted_question {
    struct question *question;
    const char *const *argv;
};

static void on_reply(void *ctx, const redisReply *r)
{
    struct question *q = ctx;
    if (r == NULL || r->type == REDIS_REPLY_ERROR) {
        if (r != NULL)
            log_warn("redis_refused", kv_str("error", r->str));
        answer(q, KZ_IO);
        return;
    }
    answer(q, q->fill(q->out, r));
}

static void run_question(void *owner, void *arg)
{
    struct store *s = owner;
    struct posted_question *p = arg;
    struct question *q = p->question;
    if (!ship_is_up(s) || redis_link_ask(s->link, on_reply, q, p->argv) != KZ_OK)
        answer(q, KZ_IO);
    mem_free(p);
}

static void drop_question(void *arg)
{
    struct posted_question *p = arg;
    answer(p->question, KZ_IO);
    mem_free(p);
}

enum kz_err store_ask(struct store *s, store_fill_fn *fill, void *out,
                      const char *const *argv)
{
    struct question q;
    struct posted_question *p = mem_new(sizeof(*p));
    question_init(&q, fill, out);
    *p = (struct posted_question){&q, argv};
    if (mailbox_post(s->mailbox,
                     (struct mailbox_call){run_question, drop_question, p}) != KZ_OK)
        drop_question(p);
    return wait_for_answer(&q);
}

/* --- what answers are made of ----------------------------------------------------- */

static json_t *text_of(const redisReply *r)
{
    json_t *text = r->type == REDIS_REPLY_STRING ? json_stringn(r->str, r->len) : NULL;
    return text != NULL ? text : json_string("");
}

static enum kz_err fill_texts(void *out, const redisReply *r)
{
    json_t *list = json_array();
    for (size_t i = 0; r->type == REDIS_REPLY_ARRAY && i < r->elements; i++)
        json_array_append_new(list, text_of(r->element[i]));
    *(json_t **)out = list;
    return KZ_OK;
}

static enum kz_err fill_hash(void *out, const redisReply *r)
{
    json_t *object = json_object();
    for (size_t i = 0; r->type == REDIS_REPLY_ARRAY && i + 1 < r->elements; i += 2)
        json_object_set_new(object, r->element[i]->str, text_of(r->element[i + 1]));
    *(json_t **)out = object;
    return KZ_OK;
}

static enum kz_err fill_text(void *out, const redisReply *r)
{
    if (r->type != REDIS_REPLY_STRING)
        return KZ_EMPTY;
    *(json_t **)out = text_of(r);
    return KZ_OK;
}

/* --- slices ----------------------------------------------------------------------- */

void slice_list_clear(struct slice_list *l)
{
    for (size_t i = 0; i < l->count; i++)
        slice_record_clear(&l->slices[i]);
    mem_free(l->slices);
    *l = (struct slice_list){0};
}

static enum kz_err fill_slice(void *out, const redisReply *r)
{
    if (r->type != REDIS_REPLY_STRING)
        return KZ_EMPTY;
    const uint8_t *p = (const uint8_t *)r->str;
    if (r->len < 4 || read_le32(p + r->len - 4) != crc32c_of(p, r->len - 4))
        return KZ_PARSE;
    return slice_record_read(out, (struct bytes){p, r->len - 4});
}

static enum kz_err add_slice(struct slice_list *l, struct store *s,
                             const char *instance, uint64_t id)
{
    char key[KEY_SIZE];
    struct slice_record slice;
    key_slice(key, instance, id);
    enum kz_err err = STORE_ASK(s, fill_slice, &slice, "GET", key);
    if (err == KZ_EMPTY || err == KZ_PARSE) {
        log_error("slice_damaged", kv_str("key", key));
        return KZ_PARSE;
    }
    if (err != KZ_OK)
        return err;
    l->slices = mem_resize(l->slices, (l->count + 1) * sizeof(*l->slices));
    l->slices[l->count++] = slice;
    return KZ_OK;
}

static int newest_first(const void *a, const void *b)
{
    const struct slice_record *x = a, *y = b;
    return x->id > y->id ? -1 : x->id < y->id;
}

/* One instance's; `*oldest` grows to the least id of a full page. */
static enum kz_err add_page(struct slice_list *l, uint64_t *oldest, struct store *s,
                            const char *instance, uint64_t newest, size_t max)
{
    char key[KEY_SIZE], from[24] = "+inf", count[24];
    json_t *ids = NULL;
    key_slices(key, instance);
    if (newest < UINT64_C(1) << 53)
        snprintf(from, sizeof(from), "%" PRIu64, newest);
    snprintf(count, sizeof(count), "%zu", max);
    enum kz_err err = STORE_ASK(s, fill_texts, &ids, "ZREVRANGEBYSCORE", key, from,
                                "-inf", "LIMIT", "0", count);
    for (size_t i = 0; err == KZ_OK && i < json_array_size(ids); i++)
        err = add_slice(l, s, instance,
                        decimal_of(json_string_value(json_array_get(ids, i))));
    if (err == KZ_OK && json_array_size(ids) == max &&
        l->slices[l->count - 1].id > *oldest)
        *oldest = l->slices[l->count - 1].id;
    json_decref(ids);
    return err;
}

enum kz_err store_read_slices(struct slice_list *out, uint64_t *oldest, struct store *s,
                              uint64_t newest, size_t max)
{
    json_t *instances = NULL, *instance;
    struct slice_list l = {0};
    uint64_t least = 0;
    size_t i;
    enum kz_err err = STORE_ASK(s, fill_texts, &instances, "SMEMBERS", KEY_INSTANCES);
    json_array_foreach(instances, i, instance) if (err == KZ_OK) err =
        add_page(&l, &least, s, json_string_value(instance), newest, max);
    json_decref(instances);
    if (err != KZ_OK) {
        slice_list_clear(&l);
        return err;
    }
    if (l.count > 0)
        qsort(l.slices, l.count, sizeof(*l.slices), newest_first);
    /* Below the end of a full page another instance's may be missing: not told of yet. */
    while (l.count > 0 && l.slices[l.count - 1].id < least)
        slice_record_clear(&l.slices[--l.count]);
    *out = l;
    *oldest = least;
    return KZ_OK;
}

static enum kz_err fill_count(void *out, const redisReply *r)
{
    if (r->type != REDIS_REPLY_INTEGER)
        return KZ_PARSE;
    *(size_t *)out = (size_t)r->integer;
    return KZ_OK;
}

enum kz_err store_forget_slices(size_t *count, struct store *s, const char *instance,
                                uint64_t id)
{
    char key[KEY_SIZE], prefix[KEY_SIZE], below[32];
    key_slices(key, instance);
    key_slice(prefix, instance, 0);
    prefix[strlen(prefix) - 1] = '\0'; /* the id is put behind it */
    snprintf(below, sizeof(below), "(%" PRIu64, id);
    return STORE_ASK(s, fill_count, count, "EVAL", SCRIPT_FORGET_SLICES, "1", key,
                     prefix, below);
}

enum kz_err store_read_block_slice(uint64_t *id, struct store *s, const char *instance,
                                   const char *hash)
{
    char key[KEY_SIZE];
    json_t *text;
    key_block_slices(key, instance);
    enum kz_err err = store_read_field(&text, s, key, hash);
    if (err != KZ_OK)
        return err;
    *id = decimal_of(json_string_value(text));
    json_decref(text);
    return KZ_OK;
}

/* --- blocks, hashes --------------------------------------------------------------- */

static enum kz_err fill_block(void *out, const redisReply *r)
{
    if (r->type != REDIS_REPLY_ARRAY || r->elements < 2)
        return KZ_EMPTY;
    json_t *block = json_object();
    for (size_t i = 0; i + 1 < r->elements; i += 2) {
        const redisReply *text = r->element[i + 1];
        json_t *value = json_loadb(text->str, text->len, JSON_DECODE_ANY, NULL);
        if (value != NULL)
            json_object_set_new(block, r->element[i]->str, value);
    }
    *(json_t **)out = block;
    return KZ_OK;
}

enum kz_err store_read_block(json_t **out, struct store *s, const char *hash)
{
    char key[KEY_SIZE];
    key_block(key, hash);
    return STORE_ASK(s, fill_block, out, "HGETALL", key);
}

static enum kz_err fill_state(void *out, const redisReply *r)
{
    static const char *const names[] = {"height", "state"};
    json_t *block = json_object();
    for (size_t i = 0; r->type == REDIS_REPLY_ARRAY && i < r->elements && i < 2; i++) {
        const redisReply *text = r->element[i];
        if (text->type != REDIS_REPLY_STRING)
            continue;
        json_object_set_new(block, names[i],
                            json_loadb(text->str, text->len, JSON_DECODE_ANY, NULL));
    }
    if (json_object_size(block) == 2) {
        *(json_t **)out = block;
        return KZ_OK;
    }
    json_decref(block);
    return KZ_EMPTY;
}

enum kz_err store_read_block_state(json_t **out, struct store *s, const char *hash)
{
    char key[KEY_SIZE];
    key_block(key, hash);
    return STORE_ASK(s, fill_state, out, "HMGET", key, "height", "state");
}

enum kz_err store_read_block_hashes(json_t **out, struct store *s, bool only_open)
{
    return only_open ? STORE_ASK(s, fill_texts, out, "SMEMBERS", KEY_BLOCKS_OPEN)
                     : STORE_ASK(s, fill_texts, out, "ZRANGE", KEY_BLOCKS, "0", "-1");
}

enum kz_err store_read_hash(json_t **out, struct store *s, const char *key)
{
    return STORE_ASK(s, fill_hash, out, "HGETALL", key);
}

enum kz_err store_read_field(json_t **out, struct store *s, const char *key,
                             const char *field)
{
    return STORE_ASK(s, fill_text, out, "HGET", key, field);
}

enum kz_err store_read_text(json_t **out, struct store *s, const char *key)
{
    return STORE_ASK(s, fill_text, out, "GET", key);
}

/* --- entries ---------------------------------------------------------------------- */

struct entries {
    bool as_texts;
    json_t *list;
    uint64_t last;
};

/* Each element: [id, [field, text, ...]]. */
static enum kz_err fill_entries(void *out, const redisReply *r)
{
    struct entries *e = out;
    if (r->type != REDIS_REPLY_ARRAY || r->elements == 0)
        return KZ_EMPTY;
    e->list = json_array();
    for (size_t i = 0; i < r->elements; i++) {
        const redisReply *one = r->element[i];
        if (one->type != REDIS_REPLY_ARRAY || one->elements != 2 ||
            one->element[1]->type != REDIS_REPLY_ARRAY || one->element[1]->elements < 2)
            break;
        const redisReply *text = one->element[1]->element[1];
        json_t *entry = e->as_texts ? json_stringn(text->str, text->len)
                                    : json_loadb(text->str, text->len, 0, NULL);
        if (entry == NULL)
            break;
        json_array_append_new(e->list, entry);
        e->last = decimal_of(one->element[0]->str);
    }
    if (json_array_size(e->list) == r->elements)
        return KZ_OK;
    json_decref(e->list);
    return KZ_PARSE;
}

static enum kz_err read_entries(json_t **out, uint64_t *after, struct store *s,
                                const char *key, size_t max, bool as_texts)
{
    struct entries e = {.as_texts = as_texts};
    char from[32], count[24];
    snprintf(from, sizeof(from), "(%" PRIu64 "-0", *after);
    snprintf(count, sizeof(count), "%zu", max);
    enum kz_err err =
        STORE_ASK(s, fill_entries, &e, "XRANGE", key, from, "+", "COUNT", count);
    if (err != KZ_OK)
        return err;
    *out = e.list;
    *after = e.last;
    return KZ_OK;
}

enum kz_err store_read_entries(json_t **out, uint64_t *after, struct store *s,
                               const char *key, size_t max)
{
    return read_entries(out, after, s, key, max, false);
}

enum kz_err store_read_entry_texts(json_t **out, uint64_t *after, struct store *s,
                                   const char *key, size_t max)
{
    return read_entries(out, after, s, key, max, true);
}

/* --- writing, and the open slice -------------------------------------------------- */

struct written {
    struct question question;
    char *text;
};

static void on_written(void *ctx, enum kz_err err, json_t *value, const char *text)
{
    struct written *w = ctx;
    json_decref(value);
    snprintf(w->text, 256, "%s", text != NULL ? text : "");
    answer(&w->question, err);
}

enum kz_err store_ledger_write(char text[256], struct store *s, enum event_kind kind,
                               json_t *event)
{
    struct written w = {.text = text};
    question_init(&w.question, NULL, NULL);
    store_ledger_put(s, kind, event, on_written, &w);
    return wait_for_answer(&w.question);
}

struct loaded {
    struct question question;
    json_t *value;
};

static void on_loaded(void *ctx, enum kz_err err, json_t *value, const char *text)
{
    struct loaded *l = ctx;
    (void)text;
    l->value = value;
    answer(&l->question, err);
}

enum kz_err store_read_registry(json_t **out, struct store *s)
{
    struct loaded l = {.value = NULL};
    question_init(&l.question, NULL, NULL);
    store_registry_load(s, on_loaded, &l);
    enum kz_err err = wait_for_answer(&l.question);
    if (err == KZ_OK)
        *out = l.value;
    return err;
}

static enum kz_err fill_run_id(void *out, const redisReply *r)
{
    const char *at = r->type == REDIS_REPLY_STRING ? strstr(r->str, "run_id:") : NULL;
    if (at == NULL)
        return KZ_PARSE;
    at += strlen("run_id:");
    *(json_t **)out = json_stringn(at, strcspn(at, "\r\n"));
    return KZ_OK;
}

enum kz_err store_all_are_ready(char instance[33], struct store *s)
{
    json_t *instances = NULL, *ready = NULL, *run_id = NULL, *one;
    size_t i, seen = 0;
    instance[0] = '\0';
    enum kz_err err = STORE_ASK(s, fill_texts, &instances, "SMEMBERS", KEY_INSTANCES);
    if (err == KZ_OK)
        err = STORE_ASK(s, fill_hash, &ready, "HGETALL", KEY_READY);
    if (err == KZ_OK)
        err = STORE_ASK(s, fill_run_id, &run_id, "INFO", "server");
    json_array_foreach(instances, i, one)
    {
        const char *name = json_string_value(one);
        if (err != KZ_OK || strchr(name, '.') != NULL)
            continue;
        seen++;
        if (!json_equal(json_object_get(ready, name), run_id)) {
            snprintf(instance, 33, "%s", name);
            err = KZ_BUSY;
        }
    }
    json_decref(run_id);
    json_decref(ready);
    json_decref(instances);
    return err == KZ_OK && seen == 0 ? KZ_BUSY : err;
}

struct open_question {
    struct question question;
    json_t *rows;
};

static void run_open_slice(void *owner, void *arg)
{
    struct store *s = owner;
    struct open_question *o = arg;
    struct slice_record r = {0};
    slice_open_describe(s->slice, &r);
    o->rows = json_object();
    for (size_t i = 0; i < r.count; i++) {
        char work[24];
        snprintf(work, sizeof(work), "%" PRIu64, r.rows[i].work);
        json_object_set_new(o->rows, r.rows[i].miner.text, json_string(work));
    }
    slice_record_clear(&r);
    answer(&o->question, KZ_OK);
}

static void drop_open_slice(void *arg)
{
    struct open_question *o = arg;
    answer(&o->question, KZ_IO);
}

enum kz_err store_read_open_slice(json_t **out, struct store *s)
{
    struct open_question o = {.rows = NULL};
    question_init(&o.question, NULL, NULL);
    if (mailbox_post(s->mailbox, (struct mailbox_call){run_open_slice, drop_open_slice,
                                                       &o}) != KZ_OK)
        drop_open_slice(&o);
    enum kz_err err = wait_for_answer(&o.question);
    if (err == KZ_OK)
        *out = o.rows;
    return err;
}

struct undecided_question {
    struct question question;
    char id[STORE_PAYOUT_SIZE];
};

static void run_undecided(void *owner, void *arg)
{
    struct store *s = owner;
    struct undecided_question *u = arg;
    memcpy(u->id, s->events.undecided, sizeof(u->id));
    answer(&u->question, ship_has_all_events(s) ? KZ_OK : KZ_IO);
}

static void drop_undecided(void *arg)
{
    struct undecided_question *u = arg;
    answer(&u->question, KZ_IO);
}

/* Asked of the store's thread: what it publishes now and then may be of before. */
enum kz_err store_undecided(char out[STORE_PAYOUT_SIZE], struct store *s)
{
    struct undecided_question u = {.id = ""};
    question_init(&u.question, NULL, NULL);
    if (mailbox_post(s->mailbox,
                     (struct mailbox_call){run_undecided, drop_undecided, &u}) != KZ_OK)
        drop_undecided(&u);
    enum kz_err err = wait_for_answer(&u.question);
    if (err == KZ_OK)
        memcpy(out, u.id, sizeof(u.id));
    return err;
}

bool store_has_all_events(struct store *s, uint64_t *generation)
{
    pthread_mutex_lock(&s->lock);
    bool has = s->shared.has_all_events;
    *generation = s->shared.generation;
    pthread_mutex_unlock(&s->lock);
    return has;
}

bool store_is_generation(struct store *s, uint64_t generation)
{
    return atomic_load(&s->generation) == generation;
}
