#include "pool/registry/record_split.h"

#include "pool/audit/commit.h"
#include "share/bytes.h"

#include <openssl/crypto.h>
#include <string.h>

void record_split(json_t **public_part, json_t **personal, const json_t *full)
{
    json_t *rest = json_deep_copy(full), *taken = json_object();
    for (const struct record_field *f = record_fields(); f->name != NULL; f++) {
        json_t *value = json_object_get(rest, f->name);
        if (value == NULL || !record_field_is_personal(f, full))
            continue;
        if (!json_is_null(value))
            json_object_set(taken, f->name, value);
        json_object_del(rest, f->name);
    }
    *public_part = rest;
    *personal = taken;
}

static bool read_hex32(uint8_t out[32], const json_t *text)
{
    return json_is_string(text) && hex_decode(out, 32, json_string_value(text),
                                              json_string_length(text)) == KZ_OK;
}

enum kz_err record_commit(json_t **out, char why[RECORD_WHY_SIZE],
                          const json_t *public_part, const json_t *personal,
                          const json_t *commitments)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)personal, name, value)
    {
        uint8_t hash[32];
        if (!read_hex32(hash, json_object_get(commitments, name)))
            return record_refuse(why, "personal.%s: its commitment is missing", name);
    }
    if (json_object_size(commitments) != json_object_size(personal))
        return record_refuse(why,
                             "personal: a commitment of a field that is not there");
    *out = json_deep_copy(public_part);
    if (json_object_size(commitments) > 0)
        json_object_set_new(*out, "personal", json_deep_copy(commitments));
    return KZ_OK;
}

/* --- merging -------------------------------------------------------------------------- */

static bool opens(const json_t *commitment, const json_t *kept)
{
    struct hash256 hash;
    uint8_t salt[COMMIT_SALT_SIZE];
    const json_t *value = json_object_get(kept, "value");
    bool is_open = value != NULL && read_hex32(hash.b, commitment) &&
                   read_hex32(salt, json_object_get(kept, "salt")) &&
                   commit_opens(&hash, salt, value);
    OPENSSL_cleanse(salt, sizeof(salt));
    return is_open;
}

static bool is_personal_name(const char *name)
{
    const struct record_field *f = record_field_find(record_fields(), name);
    return f != NULL && f->personal != RECORD_PUBLIC;
}

static enum kz_err merge_into(json_t *full, char why[RECORD_WHY_SIZE],
                              const json_t *commitments, const json_t *vault)
{
    const char *name;
    json_t *kept;
    json_object_foreach((json_t *)vault, name, kept)
    {
        if (!is_personal_name(name))
            return record_refuse(why, "personal: the vault has a field that is none");
        if (json_object_get(commitments, name) == NULL)
            return record_refuse(why, "personal.%s: the record has no commitment",
                                 name);
        if (!opens(json_object_get(commitments, name), kept))
            return record_refuse(why,
                                 "personal.%s: the vault's value is not the one "
                                 "that was committed to",
                                 name);
        json_object_set_new(full, name, json_deep_copy(json_object_get(kept, "value")));
    }
    return KZ_OK;
}

enum kz_err record_merge(json_t **out, char why[RECORD_WHY_SIZE], const json_t *stored,
                         const json_t *vault)
{
    json_t *full = json_deep_copy(stored);
    json_object_del(full, "personal");
    enum kz_err err = merge_into(full, why, json_object_get(stored, "personal"), vault);
    if (err == KZ_OK)
        *out = full;
    else
        json_decref(full);
    return err;
}
