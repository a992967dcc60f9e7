#include "pool/audit/commit.h"
#include "pool/audit/vault_parts.h"
#include "pool/canon.h"

#include <openssl/rand.h>
#include <string.h>

/* --- one version of a field: {"salt","value"}, or null ----------------------------- */

static bool read_salt(uint8_t salt[COMMIT_SALT_SIZE], const json_t *version)
{
    const char *hex = json_string_value(json_object_get(version, "salt"));
    return hex != NULL && hex_decode(salt, COMMIT_SALT_SIZE, hex, strlen(hex)) == KZ_OK;
}

static bool is_version(const json_t *version)
{
    uint8_t salt[COMMIT_SALT_SIZE];
    return json_is_null(version) ||
           (json_object_size(version) == 2 && read_salt(salt, version) &&
            json_object_get(version, "value") != NULL);
}

static enum kz_err new_version(json_t **out, char why[VAULT_WHY_SIZE],
                               const char *field, const json_t *value)
{
    uint8_t salt[COMMIT_SALT_SIZE];
    char hex[2 * COMMIT_SALT_SIZE + 1];
    if (RAND_bytes(salt, sizeof(salt)) != 1)
        return vault_fail(why, KZ_IO, "%s: no random bytes for a salt", field);
    hex_encode(hex, salt, sizeof(salt));
    *out = json_pack("{s:s, s:o}", "salt", hex, "value", json_deep_copy(value));
    return KZ_OK;
}

static enum kz_err add_commitment(json_t *commitments, char why[VAULT_WHY_SIZE],
                                  const char *field, const json_t *version)
{
    uint8_t salt[COMMIT_SALT_SIZE];
    char hex[HASH256_HEX_SIZE];
    struct hash256 h;
    if (!read_salt(salt, version) ||
        commit_make(&h, salt, json_object_get(version, "value")) != KZ_OK)
        return vault_fail(why, KZ_RANGE, "%s: has no canonical form (RFC 8785)", field);
    hex_encode(hex, h.b, sizeof(h.b));
    json_object_set_new(commitments, field, json_string(hex));
    return KZ_OK;
}

static bool opens(const json_t *version, const struct hash256 *commitment)
{
    uint8_t salt[COMMIT_SALT_SIZE];
    return read_salt(salt, version) &&
           commit_opens(commitment, salt, json_object_get(version, "value"));
}

/* --- what is kept ----------------------------------------------------------------- */

static bool is_field(const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len <= VAULT_FIELD_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

enum kz_err values_check(char why[VAULT_WHY_SIZE], const json_t *kept)
{
    const char *field;
    json_t *versions;
    if (!json_is_object(kept))
        return vault_fail(why, KZ_RANGE, "holds no object");
    json_object_foreach((json_t *)kept, field, versions)
    {
        size_t count = json_array_size(versions);
        bool is_right = is_field(field) && count > 0 && count <= VAULT_VERSIONS_MAX;
        for (size_t i = 0; i < count && is_right; i++)
            is_right = is_version(json_array_get(versions, i));
        if (!is_right)
            return vault_fail(why, KZ_RANGE, "holds a field of another form");
    }
    return KZ_OK;
}

json_t *values_newest(const json_t *kept)
{
    const char *field;
    json_t *versions, *out = json_object();
    json_object_foreach((json_t *)kept, field, versions)
    {
        const json_t *first = json_array_get(versions, 0);
        if (!json_is_null(first))
            json_object_set_new(out, field, json_deep_copy(first));
    }
    return out;
}

/* --- putting ---------------------------------------------------------------------- */

/* A value put again while it is still there keeps its salt, and so its commitment: after
 * an interrupted change the same one can be tried again. */
static enum kz_err put_first(json_t *versions, char why[VAULT_WHY_SIZE],
                             const char *field, const json_t *value)
{
    json_t *version = NULL;
    for (size_t i = 0; i < json_array_size(versions) && version == NULL; i++) {
        json_t *old = json_array_get(versions, i);
        bool is_same = value == NULL ? json_is_null(old)
                                     : json_equal(json_object_get(old, "value"), value);
        if (!is_same)
            continue;
        version = json_incref(old);
        json_array_remove(versions, i);
    }
    if (version == NULL && json_array_size(versions) == VAULT_VERSIONS_MAX)
        return vault_fail(why, KZ_BUSY, "%s: was changed %d times and never settled",
                          field, VAULT_VERSIONS_MAX);
    if (version == NULL && value == NULL)
        version = json_null();
    if (version == NULL && new_version(&version, why, field, value) != KZ_OK)
        return KZ_IO;
    json_array_insert_new(versions, 0, version);
    return KZ_OK;
}

static enum kz_err put_fields(json_t *kept, json_t *commitments,
                              char why[VAULT_WHY_SIZE], const json_t *values)
{
    const char *field;
    json_t *value;
    json_object_foreach((json_t *)values, field, value)
    {
        if (!is_field(field))
            return vault_fail(why, KZ_RANGE,
                              "a field's name is not 1 to %d of a-z, "
                              "0-9 and _",
                              VAULT_FIELD_MAX);
        if (json_is_null(value))
            return vault_fail(why, KZ_RANGE, "%s: null is no value to keep", field);
        json_t *versions = json_object_get(kept, field);
        if (versions == NULL) {
            versions = json_array();
            json_object_set_new(kept, field, versions);
        }
        enum kz_err err = put_first(versions, why, field, value);
        if (err == KZ_OK)
            err = add_commitment(commitments, why, field, json_array_get(versions, 0));
        if (err != KZ_OK)
            return err;
    }
    return KZ_OK;
}

static enum kz_err drop_others(json_t *kept, char why[VAULT_WHY_SIZE],
                               const json_t *values)
{
    const char *field;
    json_t *versions;
    json_object_foreach(kept, field, versions)
    {
        enum kz_err err = json_object_get(values, field) != NULL
                              ? KZ_OK
                              : put_first(versions, why, field, NULL);
        if (err != KZ_OK)
            return err;
    }
    return KZ_OK;
}

enum kz_err values_put(json_t **out, json_t **commitments, char why[VAULT_WHY_SIZE],
                       const json_t *kept, const json_t *values)
{
    if (!json_is_object(values))
        return vault_fail(why, KZ_RANGE, "values: must be an object");
    json_t *made = json_deep_copy(kept), *hashes = json_object();
    enum kz_err err = put_fields(made, hashes, why, values);
    if (err == KZ_OK)
        err = drop_others(made, why, values);
    if (err == KZ_OK) {
        *out = made;
        *commitments = hashes;
    } else {
        json_decref(made);
        json_decref(hashes);
    }
    return err;
}

/* --- settling --------------------------------------------------------------------- */

static enum kz_err choose(json_t *made, char why[VAULT_WHY_SIZE], const json_t *kept,
                          const char *field, const json_t *commitment)
{
    struct hash256 h;
    const json_t *versions = json_object_get(kept, field);
    const char *hex = json_string_value(commitment);
    if (hex == NULL || hex_decode(h.b, sizeof(h.b), hex, strlen(hex)) != KZ_OK)
        return vault_fail(why, KZ_RANGE, "%.64s: no commitment of 64 hex digits",
                          field);
    for (size_t i = 0; i < json_array_size(versions); i++) {
        json_t *version = json_array_get(versions, i);
        if (!opens(version, &h))
            continue;
        json_object_set_new(made, field, json_pack("[O]", version));
        return KZ_OK;
    }
    return vault_fail(why, KZ_RANGE, "%.64s: nothing kept opens its commitment", field);
}

enum kz_err values_settle(json_t **out, char why[VAULT_WHY_SIZE], const json_t *kept,
                          const json_t *commitments)
{
    const char *field;
    json_t *commitment, *made = json_object();
    enum kz_err err = KZ_OK;
    json_object_foreach((json_t *)commitments, field, commitment)
    {
        if (err == KZ_OK)
            err = choose(made, why, kept, field, commitment);
    }
    if (err == KZ_OK)
        *out = made;
    else
        json_decref(made);
    return err;
}
