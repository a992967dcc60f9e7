#include "pool/registry/form.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_MAX 60 /* bytes of a value in a message */

/* --- messages and the path --------------------------------------------------------- */

static enum kz_err say(struct form *f, enum kz_err err, const char *shown,
                       const char *text)
{
    snprintf(f->why, f->why_size, "%s%s%s%s%s", f->path, f->path[0] != '\0' ? ": " : "",
             shown, shown[0] != '\0' ? ": " : "", text);
    return err;
}

enum kz_err form_refuse(struct form *f, enum kz_err err, const json_t *value,
                        const char *expected)
{
    char shown[SHOWN_MAX + 4], text[300];
    char *whole = json_dumps(value, JSON_ENCODE_ANY | JSON_ENSURE_ASCII | JSON_COMPACT);
    assert(whole != NULL);
    bool is_cut = strlen(whole) > SHOWN_MAX;
    snprintf(shown, sizeof(shown), "%.*s%s", SHOWN_MAX, whole, is_cut ? "..." : "");
    free(whole); /* allowed: jansson allocated it */
    for (char *p = strchr(shown, 0x7f); p != NULL; p = strchr(p, 0x7f))
        *p = '?'; /* ASCII to JSON, and a control character */
    snprintf(text, sizeof(text), "%s expected", expected);
    return say(f, err, shown, text);
}

enum kz_err form_refuse_key(struct form *f, enum kz_err err, const char *key,
                            const char *expected)
{
    json_t *name = json_string(key);
    form_refuse(f, err, name, expected);
    json_decref(name);
    return err;
}

size_t form_enter_key(struct form *f, const char *key)
{
    size_t was = strlen(f->path);
    snprintf(f->path + was, sizeof(f->path) - was, "%s%s", was > 0 ? "." : "", key);
    return was;
}

size_t form_enter_index(struct form *f, size_t index)
{
    size_t was = strlen(f->path);
    snprintf(f->path + was, sizeof(f->path) - was, "[%zu]", index);
    return was;
}

void form_leave(struct form *f, size_t entered)
{
    f->path[entered] = '\0';
}

static enum kz_err refuse_bounds(struct form *f, const json_t *value,
                                 const struct form_row *row, const char *of_what)
{
    char text[100];
    if (row->min == row->max)
        snprintf(text, sizeof(text), "%lld%s", (long long)row->min, of_what);
    else
        snprintf(text, sizeof(text), "%lld to %lld%s", (long long)row->min,
                 (long long)row->max, of_what);
    return form_refuse(f, KZ_RANGE, value, text);
}

static void *place(void *base, const struct form_row *row)
{
    return (char *)base + row->offset;
}

/* --- values ------------------------------------------------------------------------- */

/* U+0080 to U+009F are control characters, too, to some terminals. */
static bool is_control(const char *p)
{
    unsigned char c = (unsigned char)p[0], next = (unsigned char)p[1];
    return c < ' ' || c == 0x7f || (c == 0xc2 && next < 0xa0);
}

static bool is_clean(const char *text)
{
    size_t len = strlen(text);
    if (len > 0 && (text[0] == ' ' || text[len - 1] == ' '))
        return false;
    for (size_t i = 0; i < len; i++)
        if (is_control(text + i))
            return false;
    return true;
}

enum kz_err form_text(struct form *f, void *base, const json_t *value,
                      const struct form_row *row)
{
    const struct form_rule *rule = row->more;
    if (!json_is_string(value))
        return form_refuse(f, KZ_PARSE, value, "a text");
    const char *text = json_string_value(value);
    int64_t len = (int64_t)strlen(text);
    if (len < row->min || len > row->max)
        return refuse_bounds(f, value, row, " bytes");
    if (!is_clean(text))
        return form_refuse(f, KZ_RANGE, value,
                           "a text of one line, no blanks around it,");
    if (rule != NULL && !rule->fits(text))
        return form_refuse(f, KZ_RANGE, value, rule->expected);
    *(const char **)place(base, row) = text;
    return KZ_OK;
}

enum kz_err form_long(struct form *f, void *base, const json_t *value,
                      const struct form_row *row)
{
    if (!json_is_integer(value))
        return form_refuse(f, KZ_PARSE, value, "a whole number");
    int64_t n = json_integer_value(value);
    if (n < row->min || n > row->max)
        return refuse_bounds(f, value, row, "");
    *(int64_t *)place(base, row) = n;
    return KZ_OK;
}

enum kz_err form_int(struct form *f, void *base, const json_t *value,
                     const struct form_row *row)
{
    int64_t n;
    struct form_row as_long = *row;
    as_long.offset = 0;
    assert(row->min >= INT32_MIN && row->max <= INT32_MAX);
    enum kz_err err = form_long(f, &n, value, &as_long);
    if (err == KZ_OK)
        *(int32_t *)place(base, row) = (int32_t)n;
    return err;
}

enum kz_err form_bool(struct form *f, void *base, const json_t *value,
                      const struct form_row *row)
{
    if (!json_is_boolean(value))
        return form_refuse(f, KZ_PARSE, value, "true or false");
    *(bool *)place(base, row) = json_is_true(value);
    return KZ_OK;
}

static enum kz_err find_word(struct form *f, size_t *found, const json_t *value,
                             const struct form_words *words)
{
    char list[240] = "one of ";
    const char *text = json_string_value(value);
    for (size_t i = 0; i < words->count; i++) {
        if (text != NULL && strcmp(text, words->names[i]) == 0) {
            *found = i;
            return KZ_OK;
        }
        size_t used = strlen(list);
        snprintf(list + used, sizeof(list) - used, "%s%s", i > 0 ? ", " : "",
                 words->names[i]);
    }
    return form_refuse(f, text == NULL ? KZ_PARSE : KZ_RANGE, value, list);
}

enum kz_err form_word(struct form *f, void *base, const json_t *value,
                      const struct form_row *row)
{
    size_t found = 0;
    enum kz_err err = find_word(f, &found, value, row->more);
    if (err == KZ_OK)
        *(unsigned *)place(base, row) = (unsigned)found; /* as compilers keep enums */
    return err;
}

enum kz_err form_constant(struct form *f, void *base, const json_t *value,
                          const struct form_row *row)
{
    const char *one[] = {row->more};
    const struct form_words words = {one, 1};
    size_t found;
    (void)base;
    return find_word(f, &found, value, &words);
}

/* --- lists and objects -------------------------------------------------------------- */

static enum kz_err check_list(struct form *f, const json_t *value,
                              const struct form_row *row)
{
    if (!json_is_array(value))
        return form_refuse(f, KZ_PARSE, value, "a list");
    int64_t count = (int64_t)json_array_size(value);
    if (count < row->min || count > row->max)
        return refuse_bounds(f, value, row, " members");
    return KZ_OK;
}

enum kz_err form_flags(struct form *f, void *base, const json_t *value,
                       const struct form_row *row)
{
    bool *flags = place(base, row);
    enum kz_err err = check_list(f, value, row);
    for (size_t i = 0; err == KZ_OK && i < json_array_size(value); i++) {
        size_t found = 0, was = form_enter_index(f, i);
        const json_t *member = json_array_get(value, i);
        err = find_word(f, &found, member, row->more);
        if (err == KZ_OK && flags[found])
            err = form_refuse(f, KZ_RANGE, member, "each only once");
        if (err == KZ_OK)
            flags[found] = true;
        form_leave(f, was);
    }
    return err;
}

enum kz_err form_object(struct form *f, void *base, const json_t *value,
                        const struct form_row *row)
{
    return form_read(f, place(base, row), value, row->more);
}

enum kz_err form_array(struct form *f, void *base, const json_t *value,
                       const struct form_row *row)
{
    const struct form_rows *rows = row->more;
    size_t count = json_array_size(value);
    enum kz_err err = check_list(f, value, row);
    for (size_t i = 0; err == KZ_OK && i < count; i++) {
        size_t was = form_enter_index(f, i);
        err = form_read(f, (char *)place(base, row) + i * rows->size,
                        json_array_get(value, i), rows);
        form_leave(f, was);
    }
    if (err == KZ_OK)
        *(size_t *)((char *)base + rows->count_offset) = count;
    return err;
}

static const struct form_row *find_row(const struct form_rows *rows, const char *key)
{
    for (size_t i = 0; i < rows->count; i++)
        if (strcmp(rows->rows[i].key, key) == 0)
            return &rows->rows[i];
    return NULL;
}

static enum kz_err check_keys(struct form *f, const json_t *object,
                              const struct form_rows *rows)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        if (find_row(rows, key) == NULL)
            return form_refuse_key(f, KZ_PARSE, key, "a known key");
    }
    return KZ_OK;
}

static enum kz_err read_row(struct form *f, void *out, const json_t *value,
                            const struct form_row *row)
{
    if (value == NULL)
        return row->is_optional ? KZ_OK : say(f, KZ_PARSE, "", "is missing");
    if (json_is_null(value) && row->is_null_allowed)
        return KZ_OK;
    return row->read(f, out, value, row);
}

enum kz_err form_read(struct form *f, void *out, const json_t *object,
                      const struct form_rows *rows)
{
    if (!json_is_object(object))
        return form_refuse(f, KZ_PARSE, object, "an object");
    enum kz_err err = check_keys(f, object, rows);
    for (size_t i = 0; err == KZ_OK && i < rows->count; i++) {
        size_t was = form_enter_key(f, rows->rows[i].key);
        err = read_row(f, out, json_object_get(object, rows->rows[i].key),
                       &rows->rows[i]);
        form_leave(f, was);
    }
    return err;
}
