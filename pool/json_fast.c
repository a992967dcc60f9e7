#include "pool/json_fast.h"

#include <stdbool.h>
#include <string.h>

#define DEPTH_MAX  32
#define DIGITS_MAX 18 /* fits 64 bits whatever they are */
#define KEY_MAX    63

/* The rest of the text. All functions leave `at` behind what they took. */
struct reader {
    const char *at;
    const char *end;
    unsigned depth;
};

static json_t *read_value(struct reader *r);

static void skip_space(struct reader *r)
{
    while (r->at < r->end &&
           (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t'))
        r->at++;
}

/* Skips spaces, then takes `c` if it is next. */
static bool take(struct reader *r, char c)
{
    skip_space(r);
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

static bool is_plain(const char *p, size_t len)
{
    unsigned odd = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)p[i];
        odd |= (unsigned)(c < 0x20) | (unsigned)(c > 0x7e) | (unsigned)(c == '\\');
    }
    return odd == 0;
}

/* What stands between two quotes; the first is taken. */
static bool take_text(struct reader *r, const char **text, size_t *len)
{
    const char *quote = memchr(r->at, '"', (size_t)(r->end - r->at));
    if (quote == NULL || !is_plain(r->at, (size_t)(quote - r->at)))
        return false;
    *text = r->at;
    *len = (size_t)(quote - r->at);
    r->at = quote + 1;
    return true;
}

static json_t *read_string(struct reader *r)
{
    const char *text;
    size_t len;
    return take_text(r, &text, &len) ? json_stringn_nocheck(text, len) : NULL;
}

static bool is_digit(const struct reader *r)
{
    return r->at < r->end && *r->at >= '0' && *r->at <= '9';
}

static json_t *read_integer(struct reader *r)
{
    bool negative = *r->at == '-';
    r->at += negative;
    const char *first = r->at;
    json_int_t v = 0;
    for (; is_digit(r) && r->at - first < DIGITS_MAX; r->at++)
        v = v * 10 + (*r->at - '0');
    size_t digits = (size_t)(r->at - first);
    bool goes_on = is_digit(r) || (r->at < r->end &&
                                   (*r->at == '.' || *r->at == 'e' || *r->at == 'E'));
    if (digits == 0 || goes_on || (digits > 1 && *first == '0'))
        return NULL;
    return json_integer(negative ? -v : v);
}

static bool take_word(struct reader *r, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(r->end - r->at) < len || memcmp(r->at, word, len) != 0)
        return false;
    r->at += len;
    return true;
}

static bool read_items(struct reader *r, json_t *array)
{
    if (take(r, ']'))
        return true;
    do {
        json_t *item = read_value(r);
        if (item == NULL || json_array_append_new(array, item) != 0)
            return false;
    } while (take(r, ','));
    return take(r, ']');
}

static bool read_member(struct reader *r, json_t *object)
{
    const char *text;
    size_t len;
    char key[KEY_MAX + 1];
    if (!take(r, '"') || !take_text(r, &text, &len) || len > KEY_MAX || !take(r, ':'))
        return false;
    memcpy(key, text, len);
    key[len] = '\0';
    json_t *value = read_value(r);
    return value != NULL && json_object_set_new_nocheck(object, key, value) == 0;
}

static bool read_members(struct reader *r, json_t *object)
{
    if (take(r, '}'))
        return true;
    do {
        if (!read_member(r, object))
            return false;
    } while (take(r, ','));
    return take(r, '}');
}

static json_t *read_inside(struct reader *r, json_t *value,
                           bool (*read)(struct reader *r, json_t *value))
{
    r->at++;
    if (r->depth == DEPTH_MAX || value == NULL) {
        json_decref(value);
        return NULL;
    }
    r->depth++;
    bool ok = read(r, value);
    r->depth--;
    if (ok)
        return value;
    json_decref(value);
    return NULL;
}

static json_t *read_value(struct reader *r)
{
    skip_space(r);
    if (r->at == r->end)
        return NULL;
    if (*r->at == '{')
        return read_inside(r, json_object(), read_members);
    if (*r->at == '[')
        return read_inside(r, json_array(), read_items);
    if (take(r, '"'))
        return read_string(r);
    if (*r->at == '-' || is_digit(r))
        return read_integer(r);
    if (take_word(r, "true"))
        return json_true();
    if (take_word(r, "false"))
        return json_false();
    return take_word(r, "null") ? json_null() : NULL;
}

json_t *json_fast(const char *text, size_t len)
{
    struct reader r = {.at = text, .end = text + len};
    json_t *value = read_value(&r);
    skip_space(&r);
    /* jansson wants an object or an array outside. */
    if (r.at == r.end && (json_is_object(value) || json_is_array(value)))
        return value;
    json_decref(value);
    return NULL;
}
