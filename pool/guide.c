#include "pool/guide_parts.h"
#include "share/bytes.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#define OPTIONS_MAX 128

/* A place in the record: its path, and the path without numbers by which it is labelled. */
struct spot {
    char path[RECORD_PATH_SIZE], label[RECORD_PATH_SIZE];
};

struct asking {
    const struct guide *g;
    json_t *record;
    const char *top; /* the field of the record's own table under way */
};

static const char *say(const struct guide *g, const char *english)
{
    return words_say(g->words, english);
}

/* --- judging a value -------------------------------------------------------------- */

/* The first error at just this place; false: none. */
static bool find_at(char rule[RECORD_RULE_SIZE], struct record_findings *found,
                    const char *path)
{
    bool is_there = false;
    for (size_t i = 0; i < found->count && !is_there; i++) {
        const struct record_finding *f = &found->list[i];
        is_there = f->severity == RECORD_ERROR && strcmp(f->path, path) == 0;
        if (is_there)
            snprintf(rule, RECORD_RULE_SIZE, "%s", f->rule);
    }
    record_findings_clear(found);
    return is_there;
}

/* Whether the value itself has a fault. */
static bool has_form_fault(char rule[RECORD_RULE_SIZE], const struct asking *a,
                           const char *path)
{
    struct record_findings found = {.count = 0};
    const struct record_checks with = guide_checks(a->g);
    record_check_field(&found, a->top, json_object_get(a->record, a->top), &with);
    return find_at(rule, &found, path);
}

/* Whether it does not go with what was given before. */
static bool has_rule_fault(char rule[RECORD_RULE_SIZE], const struct asking *a,
                           const char *path)
{
    struct record_findings found = {.count = 0};
    const struct record_checks with = guide_checks(a->g);
    record_check(&found, a->record, &with);
    return find_at(rule, &found, path);
}

static void print_fault(const struct guide *g, const char *rule)
{
    char text[WORDS_RULE_SIZE];
    words_rule(g->words, text, rule);
    fputs("  ! ", g->out);
    words_print(g->out, text);
    fputs("\n", g->out);
}

/* --- choices ---------------------------------------------------------------------- */

struct options {
    const char *codes[OPTIONS_MAX];
    const char *names[OPTIONS_MAX]; /* in the language */
    size_t count;
};

static void add_option(struct options *o, const char *code, const char *name)
{
    if (o->count == OPTIONS_MAX)
        return;
    o->codes[o->count] = code;
    o->names[o->count++] = name;
}

static json_t *set_value(json_t *holder, const char *name, json_t *value)
{
    if (json_is_array(holder))
        json_array_append_new(holder, value);
    else
        json_object_set_new(holder, name, value);
    return value;
}

static void unset_value(json_t *holder, const char *name)
{
    if (json_is_array(holder))
        json_array_remove(holder, json_array_size(holder) - 1);
    else
        json_object_del(holder, name);
}

/* Those of the table that pass the field's check: the profile's kinds only. */
static void list_choices(struct options *o, const struct asking *a,
                         const struct record_field *field, json_t *holder,
                         const struct spot *at)
{
    char rule[RECORD_RULE_SIZE];
    for (const char *const *c = field->choices; *c != NULL; c++) {
        set_value(holder, field->name, json_string(*c));
        if (!has_form_fault(rule, a, at->path))
            add_option(o, *c, words_code(a->g->words, "codes", *c));
        unset_value(holder, field->name);
    }
}

/* Regions and languages of the profile, where the field has one of these. */
static void list_of_profile(struct options *o, const struct asking *a,
                            const char *country, const char *name)
{
    const struct profile *p = a->g->act->profile;
    bool is_home = country == NULL || strcmp(country, p->code) == 0;
    if (strcmp(name, "region") == 0 && is_home)
        for (size_t i = 0; i < p->region_count; i++)
            add_option(o, p->regions[i].code,
                       profile_text(&p->regions[i].name, words_language(a->g->words)));
    if (strcmp(name, "language") == 0)
        for (size_t i = 0; i < p->languages.count; i++)
            add_option(o, p->languages.items[i], "");
}

static void print_options(const struct guide *g, const struct options *o)
{
    for (size_t i = 0; i < o->count; i++) {
        fprintf(g->out, "  %2zu  %s", i + 1, o->codes[i]);
        if (o->names[i][0] != '\0' && strcmp(o->names[i], o->codes[i]) != 0) {
            fputs("  ", g->out);
            words_print(g->out, o->names[i]);
        }
        fputs("\n", g->out);
    }
}

/* What a number in front of an option stands for. */
static const char *option_of(const struct options *o, const char *line)
{
    uint64_t n;
    if (o->count > 0 && decimal_read(&n, line, o->count) && n > 0)
        return o->codes[n - 1];
    return line;
}

/* What is most probably meant: the country that was given before. NULL: nothing. */
static const char *default_of(const struct asking *a, const struct record_field *field)
{
    const char *residency = record_text(a->record, "residency"),
               *code = a->g->act->profile->code;
    if (strcmp(field->name, "country") == 0)
        return record_text(a->record, "residence_country");
    if (strcmp(field->name, "residence_country") == 0 && residency != NULL &&
        strcmp(residency, "resident") == 0 && strlen(code) == 2)
        return code;
    return NULL;
}

/* --- one value -------------------------------------------------------------------- */

static void print_prompt(const struct asking *a, const struct record_field *field,
                         const struct spot *at, bool is_needed, const char *usual)
{
    FILE *out = a->g->out;
    words_print(out, words_field(a->g->words, at->label));
    if (field->is_null_said)
        fprintf(out, " (%s)", say(a->g, "Enter: no end"));
    else if (usual != NULL)
        fprintf(out, " [%s]", usual);
    else if (!is_needed)
        fprintf(out, " (%s)", say(a->g, "Enter: leave it out"));
    fputs(": ", out);
}

/* NULL: no such value. */
static json_t *value_of(const struct record_field *field, const char *text)
{
    uint64_t number;
    if (field->shape != RECORD_NUMBER)
        return json_string(text);
    return decimal_read(&number, text, INT64_MAX) ? json_integer((json_int_t)number)
                                                  : NULL;
}

/* Whether it can stay; says why not. `before` is what was said last, and is changed. */
static bool is_taken(const struct asking *a, const struct spot *at, const char *text,
                     char before[GUIDE_LINE_SIZE])
{
    char rule[RECORD_RULE_SIZE];
    bool is_again = strcmp(text, before) == 0;
    snprintf(before, GUIDE_LINE_SIZE, "%s", text);
    if (has_form_fault(rule, a, at->path)) {
        print_fault(a->g, rule);
        return false;
    }
    if (is_again || !has_rule_fault(rule, a, at->path))
        return true;
    print_fault(a->g, rule);
    fprintf(a->g->out, "    %s\n",
            say(a->g, "Give it again to keep it: an earlier answer may be wrong."));
    return false;
}

static bool take_value(const struct asking *a, const struct record_field *field,
                       json_t *holder, const struct spot *at, const char *text,
                       char before[GUIDE_LINE_SIZE])
{
    json_t *value = value_of(field, text);
    if (value == NULL) {
        print_fault(a->g, field->shape == RECORD_NUMBER ? "a whole number expected"
                                                        : "must be UTF-8");
        return false;
    }
    set_value(holder, field->name, value);
    if (is_taken(a, at, text, before))
        return true;
    unset_value(holder, field->name);
    return false;
}

/* Until it is right, or left out where it may be. */
static enum kz_err ask_until(const struct asking *a, const struct record_field *field,
                             json_t *holder, const struct spot *at, bool is_needed,
                             const struct options *o)
{
    char line[GUIDE_LINE_SIZE], before[GUIDE_LINE_SIZE] = "";
    const char *usual = default_of(a, field);
    enum kz_err err;
    for (;;) {
        print_prompt(a, field, at, is_needed, usual);
        err = guide_read_line(line, a->g);
        if (err != KZ_OK)
            break;
        const char *text =
            line[0] == '\0' && usual != NULL ? usual : option_of(o, line);
        if (text[0] == '\0' && field->is_null_said)
            json_object_set_new(holder, field->name, json_null());
        else if (text[0] == '\0' && is_needed)
            print_fault(a->g, "is missing");
        else if (text[0] != '\0' && !take_value(a, field, holder, at, text, before))
            continue;
        if (text[0] != '\0' || field->is_null_said || !is_needed)
            break;
    }
    OPENSSL_cleanse(line, sizeof(line));
    OPENSSL_cleanse(before, sizeof(before));
    return err;
}

static enum kz_err ask_value(const struct asking *a, const struct record_field *field,
                             json_t *holder, const struct spot *at, bool is_needed)
{
    struct options o = {.count = 0};
    if (field->choices != NULL)
        list_choices(&o, a, field, holder, at);
    else
        list_of_profile(&o, a, record_text(holder, "country"), field->name);
    if (field->choices != NULL && o.count == 1 && is_needed) {
        set_value(holder, field->name, json_string(o.codes[0]));
        return KZ_OK;
    }
    print_options(a->g, &o);
    return ask_until(a, field, holder, at, is_needed, &o);
}

/* --- objects and lists ------------------------------------------------------------ */

/* Parts that are the pool's to say, or that the registry writes. */
static bool is_asked(const char *label, const struct record_field *field)
{
    if (field->shape == RECORD_OURS || strcmp(label, "certificate.verified") == 0)
        return false;
    return strncmp(label, "payout_addresses.", 17) != 0 ||
           strcmp(label, "payout_addresses.address") == 0;
}

static struct spot spot_below(const struct spot *above, const char *name)
{
    struct spot s;
    snprintf(s.path, sizeof(s.path), "%s.%s", above->path, name);
    snprintf(s.label, sizeof(s.label), "%s.%s", above->label, name);
    return s;
}

static struct spot spot_in(const struct spot *list, size_t i)
{
    struct spot s = *list;
    snprintf(s.path, sizeof(s.path), "%s[%zu]", list->path, i);
    return s;
}

static enum kz_err ask_members(const struct asking *a, const struct record_field *table,
                               json_t *object, const struct spot *at)
{
    enum kz_err err = KZ_OK;
    for (const struct record_field *f = table; f->name != NULL && err == KZ_OK; f++) {
        const struct spot below = spot_below(at, f->name);
        /* Objects within objects are not asked: certificate.verified is the only one. */
        if (is_asked(below.label, f) &&
            (f->shape == RECORD_TEXT || f->shape == RECORD_NUMBER))
            err = ask_value(a, f, object, &below, f->need[0] == 'R');
    }
    return err;
}

static enum kz_err ask_whether(bool *yes, const struct guide *g, const struct spot *at,
                               const char *question)
{
    words_print(g->out, words_field(g->words, at->label));
    fputs(": ", g->out);
    return guide_yes(yes, g, question);
}

static enum kz_err ask_object(const struct asking *a, const struct record_field *field,
                              const struct spot *at, bool is_needed)
{
    bool is_wanted = true;
    enum kz_err err = KZ_OK;
    if (!is_needed)
        err = ask_whether(&is_wanted, a->g, at, "give it?");
    if (err != KZ_OK || !is_wanted)
        return err;
    guide_print_head(a->g, at->label, 0);
    json_t *object = json_object();
    json_object_set_new(a->record, field->name, object);
    return ask_members(a, field->fields, object, at);
}

static enum kz_err ask_entry(const struct asking *a, const struct record_field *field,
                             json_t *list, const struct spot *at)
{
    const struct spot in = spot_in(at, json_array_size(list));
    if (field->shape == RECORD_TEXTS)
        return ask_value(a, field, list, &in, true);
    guide_print_head(a->g, at->label, json_array_size(list) + 1);
    json_t *entry = json_object();
    json_array_append_new(list, entry);
    return ask_members(a, field->fields, entry, &in);
}

static enum kz_err ask_list(const struct asking *a, const struct record_field *field,
                            const struct spot *at, bool is_needed)
{
    bool is_wanted = is_needed && field->min > 0;
    json_t *list = json_array();
    enum kz_err err = KZ_OK;
    json_object_set_new(a->record, field->name, list);
    if (!is_wanted)
        err = ask_whether(&is_wanted, a->g, at, "add one?");
    while (err == KZ_OK && is_wanted && (int64_t)json_array_size(list) < field->max) {
        err = ask_entry(a, field, list, at);
        if (err == KZ_OK)
            err = ask_whether(&is_wanted, a->g, at, "another one?");
    }
    if (err == KZ_OK && json_array_size(list) == 0 && !is_needed)
        json_object_del(a->record, field->name);
    return err;
}

/* --- declarations ----------------------------------------------------------------- */

static void add_declaration(const struct asking *a, const char *code, const char *text)
{
    uint8_t hash[32];
    char hex[65];
    unsigned len = 0;
    if (EVP_Digest(text, strlen(text), hash, &len, EVP_sha256(), NULL) != 1)
        return; /* the check at the end misses it */
    hex_encode(hex, hash, sizeof(hash));
    json_t *list = json_object_get(a->record, "declarations");
    json_t *one = json_pack("{s:s, s:s, s:s, s:O}", "code", code, "text_sha256", hex,
                            "lang", words_language(a->g->words), "by",
                            json_object_get(a->record, "miner_id"));
    record_set_time(one, "at", a->g->act->now_ms);
    json_array_append_new(list, one);
}

/* Each that the profile asks for, as it reads in the language. */
static enum kz_err ask_declarations(const struct asking *a, const struct spot *at)
{
    const struct profile_list *codes = &a->g->act->profile->declarations;
    enum kz_err err = KZ_OK;
    json_object_set_new(a->record, "declarations", json_array());
    if (codes->count > 0)
        guide_print_head(a->g, at->label, 0);
    for (size_t i = 0; i < codes->count && err == KZ_OK; i++) {
        bool yes = false;
        const char *text = words_code(a->g->words, "declarations", codes->items[i]);
        words_print(a->g->out, text);
        fputs("\n", a->g->out);
        err = guide_yes(&yes, a->g, "Does the applicant declare this?");
        if (err == KZ_OK && yes)
            add_declaration(a, codes->items[i], text);
    }
    return err;
}

/* --- all of it -------------------------------------------------------------------- */

static char need_of(const struct asking *a, const struct record_field *f)
{
    enum record_column column;
    if (record_column_of(&column, a->record) != KZ_OK)
        return strcmp(f->need, "RRRR") == 0 ? 'R' : 'o';
    return record_need(f, a->record, column, a->g->act->profile);
}

static enum kz_err ask_field(const struct asking *a, const struct record_field *f,
                             bool is_needed)
{
    struct spot at;
    snprintf(at.path, sizeof(at.path), "%s", f->name);
    snprintf(at.label, sizeof(at.label), "%s", f->name);
    if (strcmp(f->name, "declarations") == 0)
        return ask_declarations(a, &at);
    switch (f->shape) {
    case RECORD_TEXT:
    case RECORD_NUMBER:
        return ask_value(a, f, a->record, &at, is_needed);
    case RECORD_OBJECT:
        return ask_object(a, f, &at, is_needed);
    case RECORD_TEXTS:
    case RECORD_OBJECTS:
        return ask_list(a, f, &at, is_needed);
    case RECORD_OURS:
        break;
    }
    return KZ_OK;
}

enum kz_err guide_run(json_t **record, const struct guide *g, const json_t *begun)
{
    struct asking a = {.g = g,
                       .record = begun != NULL ? json_deep_copy(begun) : json_object()};
    enum kz_err err = KZ_OK;
    for (const struct record_field *f = record_fields(); f->name != NULL; f++) {
        char need = need_of(&a, f);
        if (err != KZ_OK || need == '-' || f->is_late || !record_field_is_given(f) ||
            json_object_get(a.record, f->name) != NULL)
            continue;
        a.top = f->name;
        err = ask_field(&a, f, need == 'R');
    }
    if (err == KZ_OK)
        *record = a.record;
    else
        json_decref(a.record);
    return err;
}
