#include "pool/canon.h"

#include "conf/mem.h"
#include "payout/sighash.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Counts where there is no memory yet, so that the second passing fits exactly. */
struct sink {
    char *to; /* NULL: only count */
    size_t len;
};

static void put(struct sink *s, const char *p, size_t len)
{
    if (s->to != NULL)
        memcpy(s->to + s->len, p, len);
    s->len += len;
}

static void put_text(struct sink *s, const char *text)
{
    put(s, text, strlen(text));
}

/* --- strings ---------------------------------------------------------------------- */

static void put_byte(struct sink *s, unsigned char c)
{
    static const char *const named[' '] = {
        ['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n", ['\f'] = "\\f", ['\r'] = "\\r",
    };
    char escaped[8];
    if (c == '"' || c == '\\') {
        put(s, (const char[]){'\\', (char)c}, 2);
    } else if (c >= ' ') {
        put(s, (const char *)&c, 1);
    } else if (named[c] != NULL) {
        put_text(s, named[c]);
    } else {
        snprintf(escaped, sizeof(escaped), "\\u%04x", c);
        put_text(s, escaped);
    }
}

static void put_string(struct sink *s, const char *text, size_t len)
{
    put_text(s, "\"");
    for (size_t i = 0; i < len; i++)
        put_byte(s, (unsigned char)text[i]);
    put_text(s, "\"");
}

/* --- objects ---------------------------------------------------------------------- */

struct member {
    const char *key; /* borrowed */
    const json_t *value;
};

/* UTF-8 sorts as code points do. In UTF-16 those above U+FFFF begin with D800 to DFFF, so
 * they come before U+E000 to U+FFFF, whose first byte is EE or EF: those two go last. */
static int weight(char c)
{
    unsigned char byte = (unsigned char)c;
    return byte == 0xee || byte == 0xef ? byte + 0x10 : byte;
}

static int compare(const void *a, const void *b)
{
    const char *x = ((const struct member *)a)->key;
    const char *y = ((const struct member *)b)->key;
    while (*x != '\0' && *x == *y) {
        x++;
        y++;
    }
    return weight(*x) - weight(*y);
}

static enum kz_err put_value(struct sink *s, const json_t *value, int depth);

static enum kz_err put_members(struct sink *s, const struct member *members,
                               size_t count, int depth)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            put_text(s, ",");
        put_string(s, members[i].key, strlen(members[i].key));
        put_text(s, ":");
        enum kz_err err = put_value(s, members[i].value, depth);
        if (err != KZ_OK)
            return err;
    }
    return KZ_OK;
}

static enum kz_err put_object(struct sink *s, const json_t *value, int depth)
{
    size_t count = json_object_size(value), i = 0;
    struct member *members = mem_array(count + 1, sizeof(*members));
    const char *key;
    json_t *member;
    json_object_foreach((json_t *)value, key, member)
    {
        members[i++] = (struct member){key, member};
    }
    qsort(members, count, sizeof(*members), compare);
    put_text(s, "{");
    enum kz_err err = put_members(s, members, count, depth + 1);
    put_text(s, "}");
    mem_free(members);
    return err;
}

/* --- values ----------------------------------------------------------------------- */

static enum kz_err put_array(struct sink *s, const json_t *value, int depth)
{
    enum kz_err err = KZ_OK;
    put_text(s, "[");
    for (size_t i = 0; i < json_array_size(value) && err == KZ_OK; i++) {
        if (i > 0)
            put_text(s, ",");
        err = put_value(s, json_array_get(value, i), depth + 1);
    }
    put_text(s, "]");
    return err;
}

static enum kz_err put_integer(struct sink *s, json_int_t v)
{
    char text[24];
    if (v < -CANON_INTEGER_MAX || v > CANON_INTEGER_MAX)
        return KZ_RANGE;
    snprintf(text, sizeof(text), "%" PRId64, (int64_t)v);
    put_text(s, text);
    return KZ_OK;
}

static enum kz_err put_value(struct sink *s, const json_t *value, int depth)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return depth < CANON_DEPTH_MAX ? put_object(s, value, depth) : KZ_RANGE;
    case JSON_ARRAY:
        return depth < CANON_DEPTH_MAX ? put_array(s, value, depth) : KZ_RANGE;
    case JSON_STRING:
        put_string(s, json_string_value(value), json_string_length(value));
        return KZ_OK;
    case JSON_INTEGER:
        return put_integer(s, json_integer_value(value));
    case JSON_REAL:
        return KZ_RANGE;
    case JSON_TRUE:
        put_text(s, "true");
        return KZ_OK;
    case JSON_FALSE:
        put_text(s, "false");
        return KZ_OK;
    case JSON_NULL:
        put_text(s, "null");
        return KZ_OK;
    }
    return KZ_RANGE;
}

enum kz_err canon_format(char **text, size_t *len, const json_t *value)
{
    struct sink count = {NULL, 0};
    enum kz_err err = put_value(&count, value, 0);
    if (err != KZ_OK)
        return err;
    struct sink made = {mem_new(count.len + 1), 0};
    err = put_value(&made, value, 0);
    *text = made.to;
    *len = made.len;
    return err;
}

enum kz_err canon_read(json_t **value, struct bytes text)
{
    char *form = NULL;
    size_t len = 0;
    json_t *read =
        json_loadb((const char *)text.p, text.len,
                   JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (read == NULL)
        return KZ_PARSE;
    enum kz_err err = canon_format(&form, &len, read);
    if (err == KZ_OK && (len != text.len || memcmp(form, text.p, len) != 0))
        err = KZ_PARSE;
    if (err == KZ_OK)
        *value = read;
    else
        json_decref(read);
    if (form != NULL)
        OPENSSL_cleanse(form, len);
    mem_free(form);
    return err;
}

enum kz_err canon_sha256_tagged(struct hash256 *out, const char *tag,
                                struct bytes prefix, const json_t *value)
{
    char *text = NULL;
    size_t len = 0;
    enum kz_err err = canon_format(&text, &len, value);
    if (err != KZ_OK)
        return err;
    hash_tagged(out, tag, prefix, (struct bytes){(const uint8_t *)text, len});
    OPENSSL_cleanse(text, len);
    mem_free(text);
    return KZ_OK;
}
