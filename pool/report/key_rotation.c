#include "pool/report/report_key.h"

#include "conf/clock.h"
#include "conf/mem.h"
#include "pool/canon.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#define SCHEMA "kariz-report-key/1"
#define TAG    "Kariz/report-key/1"

static enum kz_err fail(struct key_problem *problem, enum kz_err err, const char *text)
{
    snprintf(problem->text, sizeof(problem->text), "%s", text);
    return err;
}

static enum kz_err digest_of(struct hash256 *out, const json_t *statement)
{
    return canon_sha256_tagged(out, TAG, (struct bytes){NULL, 0}, statement);
}

/* --- making one ----------------------------------------------------------------------- */

static enum kz_err put_key(json_t *to, const char *name, uint8_t key[XONLY_SIZE],
                           const struct sign_context *c,
                           const uint8_t secret[PRIVATE_KEY_SIZE])
{
    uint8_t point[PUBKEY_SIZE];
    char hex[2 * XONLY_SIZE + 1];
    enum kz_err err = sign_public_key(point, c, secret);
    if (err != KZ_OK)
        return err;
    memcpy(key, point + 1, XONLY_SIZE);
    hex_encode(hex, key, XONLY_SIZE);
    json_object_set_new(to, name, json_string(hex));
    return KZ_OK;
}

static enum kz_err put_signature(json_t *to, const char *name, const json_t *statement,
                                 const struct sign_context *c,
                                 const uint8_t secret[PRIVATE_KEY_SIZE])
{
    struct hash256 digest;
    uint8_t aux[32], signature[SCHNORR_SIZE];
    char hex[2 * SCHNORR_SIZE + 1];
    if (RAND_bytes(aux, sizeof(aux)) != 1)
        return KZ_IO;
    enum kz_err err = digest_of(&digest, statement);
    if (err == KZ_OK)
        err = sign_schnorr(signature, c, &digest, secret, aux);
    if (err != KZ_OK)
        return err;
    hex_encode(hex, signature, sizeof(signature));
    json_object_set_new(to, name, json_string(hex));
    return KZ_OK;
}

static enum kz_err make_statement(json_t *statement, const struct sign_context *c,
                                  const uint8_t old_secret[PRIVATE_KEY_SIZE],
                                  const uint8_t new_secret[PRIVATE_KEY_SIZE],
                                  int64_t from_ms, const char *reason)
{
    char from[CLOCK_TEXT_SIZE];
    uint8_t old_key[XONLY_SIZE], new_key[XONLY_SIZE];
    json_t *text = json_string(reason); /* NULL: no UTF-8 */
    if (text == NULL || strlen(reason) >= REPORT_KEY_REASON_SIZE) {
        json_decref(text);
        return KZ_RANGE;
    }
    clock_utc_format(from, from_ms);
    json_object_set_new(statement, "schema", json_string(SCHEMA));
    json_object_set_new(statement, "from", json_string(from));
    json_object_set_new(statement, "reason", text);
    enum kz_err err = put_key(statement, "old", old_key, c, old_secret);
    if (err == KZ_OK)
        err = put_key(statement, "new", new_key, c, new_secret);
    if (err == KZ_OK && memcmp(old_key, new_key, XONLY_SIZE) == 0)
        err = KZ_RANGE;
    return err;
}

enum kz_err report_key_rotate(char **text, const struct sign_context *c,
                              const uint8_t old_secret[PRIVATE_KEY_SIZE],
                              const uint8_t new_secret[PRIVATE_KEY_SIZE],
                              int64_t from_ms, const char *reason)
{
    size_t len = 0;
    json_t *root = json_object(), *statement = json_object();
    json_object_set_new(root, "statement", statement);
    enum kz_err err =
        make_statement(statement, c, old_secret, new_secret, from_ms, reason);
    if (err == KZ_OK)
        err = put_signature(root, "signature_old", statement, c, old_secret);
    if (err == KZ_OK)
        err = put_signature(root, "signature_new", statement, c, new_secret);
    if (err == KZ_OK)
        err = canon_format(text, &len, root);
    json_decref(root);
    return err;
}

/* --- reading one ---------------------------------------------------------------------- */

static bool read_hex(uint8_t *out, size_t len, const char *text)
{
    return hex_decode(out, len, text, strlen(text)) == KZ_OK;
}

static bool is_signed(const struct sign_context *c, const json_t *statement,
                      const char *signature, const uint8_t key[XONLY_SIZE])
{
    struct hash256 digest;
    uint8_t raw[SCHNORR_SIZE];
    return read_hex(raw, sizeof(raw), signature) &&
           digest_of(&digest, statement) == KZ_OK &&
           sign_schnorr_verify(c, raw, &digest, key);
}

static enum kz_err read_statement(struct report_key_rotation *r,
                                  struct key_problem *problem, json_t *statement)
{
    const char *schema, *from, *old_key, *new_key, *reason;
    if (json_unpack_ex(statement, NULL, JSON_STRICT, "{s:s, s:s, s:s, s:s, s:s}",
                       "schema", &schema, "from", &from, "old", &old_key, "new",
                       &new_key, "reason", &reason) != 0)
        return fail(problem, KZ_PARSE, "not a statement about a key of reports");
    if (strcmp(schema, SCHEMA) != 0)
        return fail(problem, KZ_PARSE, "a statement of another version");
    if (!read_hex(r->old_key, XONLY_SIZE, old_key) ||
        !read_hex(r->new_key, XONLY_SIZE, new_key) ||
        clock_utc_parse(&r->from_ms, from, strlen(from)) != KZ_OK ||
        strlen(reason) >= sizeof(r->reason))
        return fail(problem, KZ_PARSE,
                    "\"old\", \"new\", \"from\" or \"reason\" is not what it must be");
    snprintf(r->reason, sizeof(r->reason), "%s", reason);
    return KZ_OK;
}

enum kz_err report_key_rotation_read(struct report_key_rotation *out,
                                     struct key_problem *problem,
                                     const struct sign_context *c, struct bytes text)
{
    json_t *root = NULL, *statement = NULL;
    const char *by_old = NULL, *by_new = NULL;
    struct report_key_rotation r = {0};
    if (canon_read(&root, text) != KZ_OK)
        return fail(problem, KZ_PARSE, "no canonical JSON");
    enum kz_err err = KZ_OK;
    if (json_unpack_ex(root, NULL, JSON_STRICT, "{s:o, s:s, s:s}", "statement",
                       &statement, "signature_old", &by_old, "signature_new",
                       &by_new) != 0)
        err = fail(problem, KZ_PARSE, "not a statement about a key of reports");
    if (err == KZ_OK)
        err = read_statement(&r, problem, statement);
    if (err == KZ_OK && !is_signed(c, statement, by_old, r.old_key))
        err = fail(problem, KZ_RANGE, "not signed by the old key");
    if (err == KZ_OK && !is_signed(c, statement, by_new, r.new_key))
        err = fail(problem, KZ_RANGE, "not signed by the new key");
    if (err == KZ_OK)
        *out = r;
    json_decref(root);
    return err;
}
