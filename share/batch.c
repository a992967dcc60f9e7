#include "share/batch.h"

#include "conf/mem.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* 3 records, 3 rows of the miner, 3 of the pool, one for each way to be refused. */
#define OPS_AN_ENTRY_MAX (9 + SHARE_VERDICTS - 1)
#define TABLE_SIZE       8192 /* > 2 x the most keys or operations */
#define VALUE_SIZE       128

_Static_assert(BATCH_ENTRIES_MAX *OPS_AN_ENTRY_MAX + TALLY_REFUSALS_MAX <=
                   BATCH_OPS_MAX,
               "a tally of BATCH_ENTRIES_MAX entries does not fit a batch");
_Static_assert(TABLE_SIZE > 2 * (BATCH_OPS_MAX + 16), "the tables are too full");

struct op {
    char kind; /* of SCRIPT_BATCH */
    uint32_t key;
    char field[WORKER_NAME_MAX + 1];
    int64_t minute; /* records only */
    uint64_t work;  /* or what a counter grows by */
    uint64_t accepted, refused;
    double best;
    int64_t last_ms;
};

struct key {
    char text[KEY_SIZE];
    int64_t expires; /* Unix seconds, 0: never */
};

struct builder {
    const char *instance;
    const struct key_retention *keep;
    struct key *keys; /* from [1] on: [0] is the cursor */
    size_t key_count;
    struct op *ops;
    size_t op_count;
    uint32_t key_slot[TABLE_SIZE]; /* index + 1, linear probing */
    uint32_t op_slot[TABLE_SIZE];
};

static uint64_t hash_text(uint64_t h, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++)
        h = (h ^ *p) * UINT64_C(0x100000001b3);
    return h ^ (h >> 31);
}

static uint32_t key_index(struct builder *b, const char *text, int64_t expires)
{
    size_t at = (size_t)(hash_text(1, text) % TABLE_SIZE);
    for (; b->key_slot[at] != 0; at = (at + 1) % TABLE_SIZE) {
        struct key *k = &b->keys[b->key_slot[at] - 1];
        if (strcmp(k->text, text) == 0) {
            if (expires > k->expires)
                k->expires = expires;
            return b->key_slot[at] - 1;
        }
    }
    struct key *k = &b->keys[b->key_count++];
    snprintf(k->text, sizeof(k->text), "%s", text);
    k->expires = expires;
    b->key_slot[at] = (uint32_t)b->key_count;
    return (uint32_t)(b->key_count - 1);
}

static struct op *op_at(struct builder *b, char kind, uint32_t key, const char *field,
                        int64_t minute)
{
    uint64_t h =
        hash_text((uint64_t)key * 31 + (uint64_t)minute * 0x9e3779b97f4a7c15u, field);
    size_t at = (size_t)(h % TABLE_SIZE);
    for (; b->op_slot[at] != 0; at = (at + 1) % TABLE_SIZE) {
        struct op *o = &b->ops[b->op_slot[at] - 1];
        if (o->key == key && o->minute == minute && strcmp(o->field, field) == 0)
            return o;
    }
    struct op *o = &b->ops[b->op_count++];
    o->kind = kind;
    o->key = key;
    o->minute = minute;
    snprintf(o->field, sizeof(o->field), "%s", field);
    b->op_slot[at] = (uint32_t)b->op_count;
    return o;
}

static void count(struct builder *b, uint32_t key, const char *field, uint64_t by)
{
    if (by > 0)
        op_at(b, 'i', key, field, 0)->work += by;
}

/* Rows of one miner, or of the pool (NULL), in all three spans. */
static void add_rows(struct builder *b, const struct tally_entry *e,
                     const struct miner_id *miner)
{
    int64_t utc_s = e->minute * 60;
    for (enum key_span span = KEY_MINUTES; span <= KEY_DAYS; span++) {
        char text[KEY_SIZE], field[KEY_FIELD_SIZE];
        if (span == KEY_MINUTES && e->work == 0)
            continue;
        key_tally(text, b->instance, span, miner, utc_s);
        uint32_t key = key_index(b, text, key_tally_expires(b->keep, span, utc_s));
        key_tally_field(field, span, utc_s);
        if (span == KEY_MINUTES) {
            count(b, key, field, e->work);
            continue;
        }
        struct op *o = op_at(b, 'p', key, field, 0);
        o->work += e->work;
        o->accepted += e->accepted;
        o->refused += e->refused;
    }
}

/* Why the miner's shares were refused, a count a UTC day beside the day's hours. */
static void add_reasons(struct builder *b, const struct tally_entry *e)
{
    char text[KEY_SIZE], field[KEY_REASON_SIZE];
    if (e->refused == 0)
        return;
    key_tally(text, b->instance, KEY_HOURS, &e->miner, e->minute * 60);
    uint32_t key =
        key_index(b, text, key_tally_expires(b->keep, KEY_HOURS, e->minute * 60));
    for (int v = SHARE_ACCEPTED + 1; v < SHARE_VERDICTS; v++) {
        key_reason_field(field, share_verdict_name((enum share_verdict)v));
        count(b, key, field, e->by_verdict[v]);
    }
}

static void add_record(struct builder *b, char kind, uint32_t key, const char *field,
                       const struct tally_entry *e)
{
    struct op *o = op_at(b, kind, key, field, e->minute);
    o->work += e->work;
    o->accepted += e->accepted;
    o->refused += e->refused;
    if (e->best > o->best)
        o->best = e->best;
    if (e->last_ms > o->last_ms)
        o->last_ms = e->last_ms;
}

static void add_entry(struct builder *b, const struct tally_entry *e)
{
    char text[KEY_SIZE];
    add_rows(b, e, &e->miner);
    add_rows(b, e, NULL);
    add_reasons(b, e);
    key_miners(text, b->instance);
    add_record(b, 'r', key_index(b, text, 0), e->miner.text, e);
    key_pool(text, b->instance);
    add_record(b, 'r', key_index(b, text, 0), KEY_POOL_FIELD, e);
    key_workers(text, b->instance, &e->miner, key_worker_bucket(&e->worker));
    uint32_t key = key_index(b, text, key_workers_expire(b->keep, e->minute * 60));
    add_record(b, 'w', key, e->worker.text, e);
}

static void add_refusal(struct builder *b, const struct tally_refusal *f)
{
    char text[KEY_SIZE];
    key_refused(text, b->instance, f->hour * 3600);
    uint32_t key = key_index(b, text, key_refused_expires(f->hour * 3600));
    count(b, key, f->reason, f->count);
}

static void note_entry(struct batch *out, const struct tally_entry *e)
{
    out->work += e->work;
    out->shares += e->accepted;
    if (out->from_minute == 0 || e->minute < out->from_minute)
        out->from_minute = e->minute;
    if (e->minute > out->to_minute)
        out->to_minute = e->minute;
}

/* --- rendering -------------------------------------------------------------------- */

static void put(struct batch *out, size_t *used, const char *text)
{
    size_t len = strlen(text);
    memcpy(out->bytes + *used, text, len + 1);
    out->texts[out->text_count] = out->bytes + *used;
    out->lens[out->text_count++] = len;
    *used += len + 1;
}

static void format_value(char value[VALUE_SIZE], const struct op *o)
{
    if (o->kind == 'i')
        snprintf(value, VALUE_SIZE, "%" PRIu64, o->work);
    else if (o->kind == 'p')
        snprintf(value, VALUE_SIZE, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64,
                 o->work & UINT32_MAX, o->work >> 32, o->accepted, o->refused);
    else
        snprintf(value, VALUE_SIZE,
                 "%" PRId64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
                 " %.15g %" PRId64,
                 o->minute, o->work / UINT64_C(1000000000000),
                 o->work % UINT64_C(1000000000000), o->accepted, o->refused, o->best,
                 o->last_ms);
}

static size_t bytes_bound(const struct builder *b)
{
    size_t n = b->key_count * (KEY_SIZE + 24);
    return n + b->op_count * (2 + 12 + sizeof(b->ops[0].field) + VALUE_SIZE);
}

static void render(struct batch *out, const struct builder *b)
{
    char text[VALUE_SIZE];
    size_t used = 0;
    out->ops = b->op_count;
    out->key_count = b->key_count;
    out->bytes = mem_array(bytes_bound(b), 1);
    out->texts = mem_array(2 * b->key_count + 4 * b->op_count, sizeof(*out->texts));
    out->lens = mem_array(2 * b->key_count + 4 * b->op_count, sizeof(*out->lens));
    for (size_t i = 0; i < b->key_count; i++)
        put(out, &used, b->keys[i].text);
    for (size_t i = 1; i < b->key_count; i++) {
        snprintf(text, sizeof(text), "%" PRId64, b->keys[i].expires);
        put(out, &used, text);
    }
    for (size_t i = 0; i < b->op_count; i++) {
        const struct op *o = &b->ops[i];
        put(out, &used, (const char[2]){o->kind, '\0'});
        snprintf(text, sizeof(text), "%" PRIu32, o->key + 1); /* Lua counts from 1 */
        put(out, &used, text);
        put(out, &used, o->field);
        format_value(text, o);
        put(out, &used, text);
    }
    out->bytes = mem_resize(out->bytes, used);
}

/* The texts point into bytes, which may have moved when it was cut to size. */
static void point_texts(struct batch *out)
{
    size_t at = 0;
    for (size_t i = 0; i < out->text_count; i++) {
        out->texts[i] = out->bytes + at;
        at += out->lens[i] + 1;
    }
}

struct batch *batch_build(const struct batch_source *from, size_t *entries_used,
                          size_t *refusals_used)
{
    struct builder *b = mem_new(sizeof(*b));
    struct batch *out = mem_new(sizeof(*out));
    char cursor[KEY_SIZE];
    b->instance = from->instance;
    b->keep = &from->keep;
    b->keys = mem_array(BATCH_OPS_MAX + 16, sizeof(*b->keys));
    b->ops = mem_array(BATCH_OPS_MAX + 16, sizeof(*b->ops));
    key_cursor(cursor, from->instance, from->stream);
    key_index(b, cursor, 0);
    size_t n = 0, i = 0;
    for (; i < from->refusal_count && b->op_count < BATCH_OPS_MAX; i++)
        add_refusal(b, &from->refusals[i]);
    /* One batch's work stays below the headroom that the script leaves (8 to 9.2e18).
     */
    while (n < from->entry_count && b->op_count + OPS_AN_ENTRY_MAX <= BATCH_OPS_MAX &&
           from->entries[n].work <= TALLY_WORK_MAX - out->work) {
        note_entry(out, &from->entries[n]);
        add_entry(b, &from->entries[n++]);
    }
    assert(b->op_count <= BATCH_OPS_MAX && b->key_count <= BATCH_OPS_MAX + 1);
    render(out, b);
    point_texts(out);
    mem_free(b->keys);
    mem_free(b->ops);
    mem_free(b);
    *entries_used = n;
    *refusals_used = i;
    return out;
}

void batch_free(struct batch *b)
{
    if (b == NULL)
        return;
    mem_free(b->texts);
    mem_free(b->lens);
    mem_free(b->bytes);
    mem_free(b);
}
