#include "pool/registry/record_path.h"

#include <string.h>

static const char name_letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";

/* "[12]" at `*text`, which is moved behind it. */
static enum kz_err parse_entry(int *entry, const char **text)
{
    const char *p = *text + 1;
    size_t digits = strspn(p, "0123456789");
    if (digits == 0 || p[digits] != ']' || (digits > 1 && p[0] == '0'))
        return KZ_PARSE;
    if (digits > 2)
        return KZ_RANGE;
    *entry = digits == 1 ? p[0] - '0' : (p[0] - '0') * 10 + (p[1] - '0');
    *text = p + digits + 1;
    return KZ_OK;
}

static enum kz_err parse_step(struct record_step *step, const char **text)
{
    size_t len = strspn(*text, name_letters);
    if (len == 0 || len >= sizeof(step->name))
        return KZ_PARSE;
    *step = (struct record_step){.entry = -1};
    memcpy(step->name, *text, len);
    *text += len;
    return **text == '[' ? parse_entry(&step->entry, text) : KZ_OK;
}

enum kz_err record_path_parse(struct record_path *out, const char *text)
{
    struct record_path path = {.count = 0};
    for (;;) {
        if (path.count == RECORD_PATH_STEPS)
            return KZ_RANGE;
        enum kz_err err = parse_step(&path.steps[path.count++], &text);
        if (err != KZ_OK)
            return err;
        if (*text == '\0')
            break;
        if (*text++ != '.')
            return KZ_PARSE;
    }
    *out = path;
    return KZ_OK;
}

json_t *record_path_get(const json_t *record, const struct record_path *path)
{
    json_t *at = (json_t *)record;
    for (size_t i = 0; i < path->count; i++) {
        const struct record_step *step = &path->steps[i];
        at = json_object_get(at, step->name);
        if (step->entry >= 0)
            at = json_array_get(at, (size_t)step->entry);
    }
    return at;
}

/* The container below `at` that the step names, made where there is none; NULL: there is
 * something else. */
static json_t *descend(json_t *at, const struct record_step *step)
{
    json_t *next = json_object_get(at, step->name);
    if (next == NULL) {
        next = step->entry >= 0 ? json_array() : json_object();
        json_object_set_new(at, step->name, next);
    }
    if (step->entry < 0)
        return json_is_object(next) ? next : NULL;
    if ((size_t)step->entry == json_array_size(next))
        json_array_append_new(next, json_object());
    json_t *entry = json_array_get(next, (size_t)step->entry);
    return json_is_object(entry) ? entry : NULL;
}

static enum kz_err put(json_t *at, const struct record_step *step, json_t *value)
{
    if (step->entry < 0) {
        json_object_set(at, step->name, value);
        return KZ_OK;
    }
    json_t *list = json_object_get(at, step->name);
    if (list == NULL) {
        list = json_array();
        json_object_set_new(at, step->name, list);
    }
    size_t count = json_array_size(list), entry = (size_t)step->entry;
    if (!json_is_array(list) || entry > count)
        return KZ_RANGE;
    if (entry == count)
        json_array_append(list, value);
    else
        json_array_set(list, entry, value);
    return KZ_OK;
}

enum kz_err record_path_set_take(json_t *record, const struct record_path *path,
                                 json_t *value)
{
    json_t *at = record;
    for (size_t i = 0; i + 1 < path->count && at != NULL; i++)
        at = descend(at, &path->steps[i]);
    enum kz_err err =
        at != NULL ? put(at, &path->steps[path->count - 1], value) : KZ_RANGE;
    json_decref(value);
    return err;
}
