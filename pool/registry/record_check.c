#include "conf/mem.h"
#include "pool/registry/record_parts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LIST_TEXT_MAX 200 /* characters of a text within a list */

/* --- findings ------------------------------------------------------------------------- */

void record_find(struct record_scene *s, enum record_severity severity,
                 const char *path, const char *format, ...)
{
    struct record_findings *out = s->out;
    va_list args;
    out->of[severity]++;
    if (out->count == RECORD_FINDINGS_MAX)
        return;
    if (out->list == NULL)
        out->list = mem_array(RECORD_FINDINGS_MAX, sizeof(*out->list));
    struct record_finding *f = &out->list[out->count++];
    f->severity = severity;
    snprintf(f->path, sizeof(f->path), "%s", path);
    va_start(args, format);
    vsnprintf(f->rule, sizeof(f->rule), format, args);
    va_end(args);
}

void record_findings_add(struct record_findings *f, const char *path, const char *rule)
{
    struct record_scene s = {.out = f};
    record_find(&s, RECORD_ERROR, path, "%s", rule);
}

void record_findings_clear(struct record_findings *f)
{
    mem_free(f->list);
    *f = (struct record_findings){.list = NULL};
}

const char *record_severity_name(enum record_severity s)
{
    static const char *const names[RECORD_SEVERITIES] = {"error", "warning", "flag"};
    return names[s];
}

static bool is_below(const char *path, const char *above)
{
    size_t len = strlen(above);
    return len == 0 ||
           (strncmp(path, above, len) == 0 && strchr(".[", path[len]) != NULL);
}

const struct record_finding *record_findings_error(const struct record_findings *f,
                                                   const char *path)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->list[i].severity == RECORD_ERROR && is_below(f->list[i].path, path))
            return &f->list[i];
    return NULL;
}

json_t *record_findings_json(const struct record_findings *f)
{
    json_t *list = json_array();
    for (size_t i = 0; i < f->count; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "path",
                                              f->list[i].path, "severity",
                                              record_severity_name(f->list[i].severity),
                                              "rule", f->list[i].rule));
    return list;
}

/* --- one value -------------------------------------------------------------------------- */

struct place {
    char path[RECORD_PATH_SIZE];
};

static struct place place_of(const char *above, const char *name)
{
    struct place p;
    snprintf(p.path, sizeof(p.path), "%s%s%s", above, above[0] != '\0' ? "." : "",
             name);
    return p;
}

static struct place place_in(const char *list, size_t i)
{
    struct place p;
    snprintf(p.path, sizeof(p.path), "%s[%zu]", list, i);
    return p;
}

static bool is_choice(const char *text, const char *const *choices)
{
    for (; *choices != NULL; choices++)
        if (strcmp(text, *choices) == 0)
            return true;
    return false;
}

static void find_choices(struct record_scene *s, const char *path,
                         const char *const *choices)
{
    char list[RECORD_RULE_SIZE] = "";
    for (size_t i = 0; choices[i] != NULL; i++) {
        size_t used = strlen(list);
        snprintf(list + used, sizeof(list) - used, "%s%s", i > 0 ? ", " : "",
                 choices[i]);
    }
    record_find(s, RECORD_ERROR, path, "one of %s expected", list);
}

static void check_text(struct record_scene *s, const struct record_field *field,
                       const json_t *object, const json_t *value, const char *path,
                       int64_t max)
{
    size_t count;
    if (!json_is_string(value)) {
        record_find(s, RECORD_ERROR, path, "must be a text");
        return;
    }
    const char *text = json_string_value(value);
    const char *fault = record_text_fault(&count, text, json_string_length(value));
    if (fault != NULL)
        record_find(s, RECORD_ERROR, path, "%s", fault);
    else if ((int64_t)count > max)
        record_find(s, RECORD_ERROR, path, "at most %" PRId64 " characters expected",
                    max);
    else if (field->choices != NULL && !is_choice(text, field->choices))
        find_choices(s, path, field->choices);
    else if (field->is_ok != NULL && !field->is_ok(s, object, text))
        record_find(s, RECORD_ERROR, path, "%s", field->rule);
}

static void check_number(struct record_scene *s, const struct record_field *field,
                         const json_t *value, const char *path)
{
    json_int_t v = json_integer_value(value);
    if (!json_is_integer(value) || v < field->min || v > field->max)
        record_find(s, RECORD_ERROR, path,
                    "a whole number from %" PRId64 " to %" PRId64 " expected",
                    field->min, field->max);
}

/* --- objects and lists ------------------------------------------------------------------- */

static void check_object(struct record_scene *s, const struct record_field *table,
                         const json_t *object, const char *path);

static void check_entry(struct record_scene *s, const struct record_field *field,
                        const json_t *object, const json_t *value, const char *path)
{
    if (field->shape == RECORD_OBJECTS)
        check_object(s, field->fields, value, path);
    else
        check_text(s, field, object, value, path, LIST_TEXT_MAX);
}

static void check_list(struct record_scene *s, const struct record_field *field,
                       const json_t *object, const json_t *list, const char *path)
{
    size_t i, count = json_array_size(list);
    json_t *value;
    if (!json_is_array(list)) {
        record_find(s, RECORD_ERROR, path, "must be a list");
        return;
    }
    if ((int64_t)count < field->min || (int64_t)count > field->max) {
        record_find(s, RECORD_ERROR, path,
                    "%" PRId64 " to %" PRId64 " entries expected", field->min,
                    field->max);
        return;
    }
    json_array_foreach((json_t *)list, i, value)
        check_entry(s, field, object, value, place_in(path, i).path);
}

static void check_value(struct record_scene *s, const struct record_field *field,
                        const json_t *object, const json_t *value, const char *path)
{
    switch (field->shape) {
    case RECORD_TEXT:
        check_text(s, field, object, value, path, field->max);
        break;
    case RECORD_NUMBER:
        check_number(s, field, value, path);
        break;
    case RECORD_OBJECT:
        check_object(s, field->fields, value, path);
        break;
    case RECORD_TEXTS:
    case RECORD_OBJECTS:
        check_list(s, field, object, value, path);
        break;
    case RECORD_OURS:
        break;
    }
}

/* The vault has it. */
static bool is_committed(const struct record_scene *s, const struct record_field *field)
{
    return s->with->is_stored && field->personal != RECORD_PUBLIC &&
           json_is_string(
               json_object_get(json_object_get(s->record, "personal"), field->name));
}

static void find_missing(struct record_scene *s, const struct record_field *field,
                         const char *path)
{
    if (is_committed(s, field))
        return;
    if (field->is_late && !s->is_active)
        record_find(s, RECORD_WARNING, path, "is missing: needed to become active");
    else
        record_find(s, RECORD_ERROR, path, "is missing");
}

/* Before it is known whose record it is, what everybody must give. */
static char need_of(const struct record_scene *s, const struct record_field *field)
{
    if (s->has_column)
        return record_need(field, s->record, s->column, s->with->profile);
    return strcmp(field->need, "RRRR") == 0 ? 'R' : 'o';
}

static void check_field(struct record_scene *s, const struct record_field *field,
                        const json_t *object, const char *above)
{
    struct place at = place_of(above, field->name);
    const json_t *value = json_object_get(object, field->name);
    bool is_there = value != NULL && !json_is_null(value);
    char need = need_of(s, field);
    if (!is_there && need == 'R' && !(field->is_null_said && value != NULL))
        find_missing(s, field, at.path);
    if (is_there && need == '-')
        record_find(s, RECORD_ERROR, at.path,
                    "is not asked of such a miner: leave it out");
    else if (is_there && s->with->is_stored &&
             record_field_is_personal(field, s->record))
        record_find(s, RECORD_ERROR, at.path, "is personal: its place is the vault");
    else if (is_there)
        check_value(s, field, object, value, at.path);
}

/* A name that is not a word of ours may be anything, a value in the wrong place too. */
static void find_unknown(struct record_scene *s, const char *name, const char *above)
{
    bool is_word = record_is_code(s, NULL, name);
    record_find(s, RECORD_ERROR, place_of(above, is_word ? name : "?").path,
                "no such field");
}

static void check_object(struct record_scene *s, const struct record_field *table,
                         const json_t *object, const char *path)
{
    const char *name;
    json_t *value;
    if (!json_is_object(object)) {
        record_find(s, RECORD_ERROR, path, "must be an object");
        return;
    }
    for (const struct record_field *f = table; f->name != NULL; f++)
        check_field(s, f, object, path);
    json_object_foreach((json_t *)object, name, value)
    {
        if (record_field_find(table, name) == NULL)
            find_unknown(s, name, path);
    }
}

/* --- the record ---------------------------------------------------------------------------- */

static bool is_active_already(const json_t *record)
{
    const char *state = json_string_value(json_object_get(record, "state"));
    return state != NULL && strcmp(state, "draft") != 0 &&
           strcmp(state, "submitted") != 0 && strcmp(state, "rejected") != 0;
}

static struct record_scene scene_of(struct record_findings *out, const json_t *record,
                                    const struct record_checks *with)
{
    struct record_scene s = {.record = record, .with = with, .out = out};
    s.today = day_of_ms(with->now_ms, with->profile->utc_offset_minutes);
    s.has_column = record_column_of(&s.column, record) == KZ_OK;
    s.is_active = with->for_active || is_active_already(record);
    return s;
}

void record_check(struct record_findings *out, const json_t *record,
                  const struct record_checks *with)
{
    struct record_scene s = scene_of(out, record, with);
    check_object(&s, record_fields(), record, "");
    if (!with->is_stored && json_object_get(record, "personal") != NULL)
        record_find(&s, RECORD_ERROR, "personal", "no such field");
    if (json_is_object(record))
        record_check_rules(&s);
}

void record_check_field(struct record_findings *out, const char *name,
                        const json_t *value, const struct record_checks *with)
{
    struct record_scene s = scene_of(out, NULL, with);
    const struct record_field *field = record_field_find(record_fields(), name);
    if (value == NULL || json_is_null(value))
        record_find(&s, RECORD_ERROR, name, "is missing");
    else
        check_value(&s, field, NULL, value, name);
}
