#include "share/store_tallies.h"

#include "share/bytes.h"
#include "share/keys.h"
#include "share/store_read_parts.h"

#include <string.h>

/* --- names ------------------------------------------------------------------------ */

static enum kz_err fill_names(void *out, const redisReply *r)
{
    json_t *list = json_array();
    for (size_t i = 0; r->type == REDIS_REPLY_ARRAY && i < r->elements; i++) {
        json_t *name = r->element[i]->type == REDIS_REPLY_STRING
                           ? json_string(r->element[i]->str)
                           : NULL;
        if (name != NULL)
            json_array_append_new(list, name);
    }
    *(json_t **)out = list;
    return KZ_OK;
}

enum kz_err store_read_instances(json_t **out, struct store *s)
{
    return STORE_ASK(s, fill_names, out, "SMEMBERS", KEY_INSTANCES);
}

enum kz_err store_read_tallied(json_t **out, struct store *s, const char *instance)
{
    char key[KEY_SIZE];
    key_miners(key, instance);
    return STORE_ASK(s, fill_names, out, "HKEYS", key);
}

/* --- rows ------------------------------------------------------------------------- */

struct rows {
    struct tally_row rows[TALLY_DAYS]; /* the larger of the two */
    size_t count;
};

static uint64_t read_le40(const uint8_t *p)
{
    return read_le32(p) | (uint64_t)p[4] << 32;
}

/* A day's hours also hold counts of verdicts, whose fields are no numbers. */
static enum kz_err fill_rows(void *out, const redisReply *r)
{
    struct rows made = {.count = ((struct rows *)out)->count};
    for (size_t i = 0; r->type == REDIS_REPLY_ARRAY && i + 1 < r->elements; i += 2) {
        const redisReply *value = r->element[i + 1];
        const uint8_t *p = (const uint8_t *)value->str;
        uint64_t at;
        if (!decimal_read(&at, r->element[i]->str, made.count - 1))
            continue;
        if (value->type != REDIS_REPLY_STRING || value->len != KEY_ROW_SIZE)
            return KZ_PARSE;
        made.rows[at] =
            (struct tally_row){read_le64(p), read_le40(p + 8), read_le40(p + 13)};
    }
    *(struct rows *)out = made;
    return KZ_OK;
}

static enum kz_err read_rows(struct tally_row *rows, size_t count, struct store *s,
                             const char *key)
{
    struct rows made = {.count = count};
    enum kz_err err = STORE_ASK(s, fill_rows, &made, "HGETALL", key);
    if (err == KZ_OK)
        memcpy(rows, made.rows, count * sizeof(*rows));
    return err;
}

enum kz_err store_read_hours(struct tally_row rows[TALLY_HOURS], struct store *s,
                             const char *instance, const struct miner_id *miner,
                             int64_t utc_s)
{
    char key[KEY_SIZE];
    key_tally(key, instance, KEY_HOURS, miner, utc_s);
    return read_rows(rows, TALLY_HOURS, s, key);
}

enum kz_err store_read_days(struct tally_row rows[TALLY_DAYS], struct store *s,
                            const char *instance, const struct miner_id *miner,
                            int64_t utc_s)
{
    char key[KEY_SIZE];
    key_tally(key, instance, KEY_DAYS, miner, utc_s);
    return read_rows(rows, TALLY_DAYS, s, key);
}
