#include "pool/guide_parts.h"
#include "pool/registry/record_state.h"

#include <string.h>

struct record_checks guide_checks(const struct guide *g)
{
    struct record_checks with = record_checks_of(g->act);
    with.is_stored = false;
    return with;
}

void guide_print_head(const struct guide *g, const char *label, size_t number)
{
    fputs("\n-- ", g->out);
    words_print(g->out, words_field(g->words, label));
    if (number > 0)
        fprintf(g->out, " %zu", number);
    fputs("\n", g->out);
}

enum kz_err guide_find(json_t **findings, char why[RECORD_WHY_SIZE],
                       const struct guide *g, const json_t *record)
{
    struct record_happened happened;
    struct record_findings found = {.count = 0};
    const struct record_checks with = guide_checks(g);
    json_t *draft = NULL;
    enum kz_err err = record_draft(&draft, &happened, why, record, g->act);
    if (err != KZ_OK)
        return err;
    record_check(&found, draft, &with);
    *findings = record_findings_json(&found);
    record_findings_clear(&found);
    json_decref(draft);
    return KZ_OK;
}

/* --- showing ---------------------------------------------------------------------- */

static void print_value(const struct guide *g, const char *label, const json_t *value)
{
    words_print(g->out, words_field(g->words, label));
    fputs(": ", g->out);
    if (json_is_string(value)) {
        const char *text = json_string_value(value);
        const char *name = words_code(g->words, "codes", text);
        words_print(g->out, text);
        if (strcmp(name, text) != 0) {
            fputs(" (", g->out);
            words_print(g->out, name);
            fputs(")", g->out);
        }
    } else if (json_is_integer(value)) {
        fprintf(g->out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    } else {
        fputs(words_say(g->words, "no end"), g->out);
    }
    fputs("\n", g->out);
}

static void print_members(const struct guide *g, const char *label,
                          const struct record_field *table, const json_t *object);

/* An object, or a list of objects or texts. */
static void print_nested(const struct guide *g, const char *label,
                         const struct record_field *f, const json_t *value)
{
    size_t i;
    json_t *entry;
    if (json_is_object(value)) {
        guide_print_head(g, label, 0);
        print_members(g, label, f->fields, value);
        return;
    }
    json_array_foreach((json_t *)value, i, entry)
    {
        if (!json_is_object(entry)) {
            print_value(g, label, entry);
            continue;
        }
        guide_print_head(g, label, i + 1);
        print_members(g, label, f->fields, entry);
    }
}

static void print_members(const struct guide *g, const char *label,
                          const struct record_field *table, const json_t *object)
{
    for (const struct record_field *f = table; f->name != NULL; f++) {
        char below[RECORD_PATH_SIZE];
        const json_t *value = json_object_get(object, f->name);
        snprintf(below, sizeof(below), "%s%s%s", label, label[0] != '\0' ? "." : "",
                 f->name);
        if (json_is_array(value) || (json_is_object(value) && f->fields != NULL))
            print_nested(g, below, f, value);
        else if (value != NULL)
            print_value(g, below, value);
    }
}

void guide_print_record(const struct guide *g, const json_t *record)
{
    print_members(g, "", record_fields(), record);
}

/* The path, and what the field is called. */
static void print_field(FILE *out, const struct words *w, const char *path)
{
    char label[RECORD_PATH_SIZE];
    size_t n = 0;
    for (const char *p = path; *p != '\0' && n + 1 < sizeof(label);) {
        size_t entry = *p == '[' ? strcspn(p, "]") : 0;
        if (entry > 0)
            p += entry + (p[entry] == ']');
        else
            label[n++] = *p++;
    }
    label[n] = '\0';
    words_print(out, path);
    const char *name = words_field(w, label);
    if (name == label)
        return;
    fputs(" (", out);
    words_print(out, name);
    fputs(")", out);
}

void guide_print_findings(FILE *out, const struct words *w, const json_t *findings)
{
    size_t i;
    json_t *f;
    json_array_foreach((json_t *)findings, i, f)
    {
        char rule[WORDS_RULE_SIZE];
        const char *severity = record_text(f, "severity"),
                   *path = record_text(f, "path"), *text = record_text(f, "rule");
        words_rule(w, rule, text != NULL ? text : "");
        words_print_wide(out, words_say(w, severity != NULL ? severity : ""), 10);
        print_field(out, w, path != NULL ? path : "");
        fputs(": ", out);
        words_print(out, rule);
        fputs("\n", out);
    }
}
