#include "payout/entry.h"

#include "conf/mem.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* Canonical as RFC 8785 has it: every text is free of control characters, and every
 * number is an integer well below 2^53, so sorting and leaving out blanks is all. */
#define CANONICAL (JSON_COMPACT | JSON_SORT_KEYS)

#define TIME_MAX_MS INT64_C(9007199254740991)

static void set(json_t *object, const char *name, json_t *value)
{
    int failed = json_object_set_new(object, name, value);
    assert(failed == 0);
    (void)failed;
}

static json_t *postings_json(const struct entry *e)
{
    json_t *postings = json_object();
    char text[ACCOUNT_TEXT_SIZE];
    for (size_t i = 0; i < e->posting_count; i++) {
        account_format(text, &e->postings[i].account);
        set(postings, text, json_integer(amount_to_sat(e->postings[i].amount)));
    }
    return postings;
}

static json_t *outputs_json(const struct entry *e)
{
    json_t *outputs = json_array();
    for (size_t i = 0; i < e->output_count; i++) {
        const struct entry_output *o = &e->outputs[i];
        json_t *row = json_array();
        json_array_append_new(row, json_string(o->miner.text));
        json_array_append_new(row, json_integer(o->vout));
        json_array_append_new(row, json_integer(amount_to_sat(o->value)));
        json_array_append_new(outputs, row);
    }
    return outputs;
}

/* One person stands alone, two in their order. */
static json_t *persons_json(const struct entry_basis *basis)
{
    json_t *persons = json_array();
    for (size_t i = 0; i < 2; i++)
        if (basis->by[i][0] != '\0')
            json_array_append_new(persons, json_string(basis->by[i]));
    return persons;
}

char *entry_format(const struct entry *e)
{
    char key[ENTRY_KEY_SIZE];
    json_t *root = json_object();
    enum kz_err err = entry_key_format(key, &e->key);
    assert(err == KZ_OK);
    (void)err;
    set(root, "key", json_string(key));
    set(root, "kind", json_string(entry_kind_name(e->key.kind)));
    set(root, "time_ms", json_integer(e->time_ms));
    set(root, "postings", postings_json(e));
    if (e->reference[0] != '\0')
        set(root, "reference", json_string(e->reference));
    if (e->output_count > 0)
        set(root, "outputs", outputs_json(e));
    if (e->basis.reason[0] != '\0')
        set(root, "reason", json_string(e->basis.reason));
    if (e->basis.by[0][0] != '\0' || e->basis.by[1][0] != '\0')
        set(root, "by", persons_json(&e->basis));
    char *made = json_dumps(root, CANONICAL);
    json_decref(root);
    assert(made != NULL);
    char *text = mem_text(made);
    free(made); /* allowed: jansson's */
    return text;
}

static bool read_amount(struct amount *a, const json_t *value)
{
    return json_is_integer(value) && amount_from_sat(a, json_integer_value(value));
}

static bool read_text(char *out, size_t size, const json_t *value)
{
    size_t len = json_string_length(value);
    if (!json_is_string(value) || len == 0 || len >= size)
        return false;
    memcpy(out, json_string_value(value), len + 1);
    return true;
}

static bool read_postings(struct entry *e, json_t *postings)
{
    const char *name;
    json_t *value;
    if (!json_is_object(postings) || json_object_size(postings) > ENTRY_PARTS_MAX)
        return false;
    json_object_foreach(postings, name, value)
    {
        struct account account;
        struct amount amount;
        if (account_parse(&account, name, strlen(name)) != KZ_OK ||
            !read_amount(&amount, value) || amount_is_zero(amount))
            return false;
        entry_post(e, &account, amount);
    }
    return true;
}

static bool read_output(struct entry_output *o, const json_t *row)
{
    const json_t *miner = json_array_get(row, 0), *vout = json_array_get(row, 1);
    json_int_t n = json_integer_value(vout);
    if (json_array_size(row) != 3 || !json_is_string(miner) || !json_is_integer(vout))
        return false;
    if (n < 0 || n > UINT32_MAX || !read_amount(&o->value, json_array_get(row, 2)))
        return false;
    o->vout = (uint32_t)n;
    return miner_id_parse(&o->miner, json_string_value(miner),
                          json_string_length(miner)) == KZ_OK;
}

static bool read_outputs(struct entry *e, const json_t *outputs)
{
    size_t count = json_array_size(outputs);
    if (!json_is_array(outputs) || count == 0 || count > ENTRY_PARTS_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct entry_output o;
        if (!read_output(&o, json_array_get(outputs, i)))
            return false;
        entry_pay(e, &o);
    }
    return true;
}

static bool read_persons(struct entry_basis *basis, const json_t *persons)
{
    size_t count = json_array_size(persons);
    if (!json_is_array(persons) || count < 1 || count > 2)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!read_text(basis->by[i], sizeof(basis->by[i]), json_array_get(persons, i)))
            return false;
    return true;
}

static bool read_key(struct entry *e, const json_t *root)
{
    const json_t *kind = json_object_get(root, "kind");
    const json_t *key = json_object_get(root, "key");
    enum entry_kind k;
    return json_is_string(kind) && json_is_string(key) &&
           entry_kind_parse(&k, json_string_value(kind), json_string_length(kind)) ==
               KZ_OK &&
           entry_key_parse(&e->key, k, json_string_value(key),
                           json_string_length(key)) == KZ_OK;
}

/* A member that is not there reads as NULL; each that is counts, so what is left over
 * is a member we do not know. */
static bool read_root(struct entry *e, json_t *root)
{
    json_t *reference = json_object_get(root, "reference");
    json_t *reason = json_object_get(root, "reason");
    json_t *by = json_object_get(root, "by"),
           *outputs = json_object_get(root, "outputs");
    json_t *time = json_object_get(root, "time_ms");
    size_t known = 4 + (size_t)(reference != NULL) + (size_t)(reason != NULL) +
                   (size_t)(by != NULL) + (size_t)(outputs != NULL);
    if (json_object_size(root) != known || !json_is_integer(time) || !read_key(e, root))
        return false;
    e->time_ms = json_integer_value(time);
    if (e->time_ms < 0 || e->time_ms > TIME_MAX_MS)
        return false;
    if (reference != NULL && !read_text(e->reference, sizeof(e->reference), reference))
        return false;
    if (reason != NULL && !read_text(e->basis.reason, sizeof(e->basis.reason), reason))
        return false;
    return (by == NULL || read_persons(&e->basis, by)) &&
           (outputs == NULL || read_outputs(e, outputs)) &&
           read_postings(e, json_object_get(root, "postings"));
}

static enum kz_err parse(struct entry *e, const char *text, size_t len,
                         enum kz_err (*seal)(struct entry *e))
{
    struct entry made;
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    entry_init(&made, ENTRY_BLOCK_ACCEPTED, 0);
    enum kz_err err = KZ_PARSE;
    if (json_is_object(root) && read_root(&made, root))
        err = seal(&made);
    json_decref(root);
    if (err == KZ_OK)
        *e = made;
    else
        entry_clear(&made);
    return err;
}

enum kz_err entry_parse(struct entry *e, const char *text, size_t len)
{
    return parse(e, text, len, entry_seal);
}

enum kz_err entry_parse_part(struct entry *e, const char *text, size_t len)
{
    return parse(e, text, len, entry_seal_part);
}
