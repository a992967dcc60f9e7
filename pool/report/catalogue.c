#include "pool/report/catalogue.h"

#include "conf/mem.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define DATE_LENGTH 10

struct catalogue {
    json_t *root;
    const char *language, *decimal, *group; /* borrowed from it */
    bool is_day_first;
};

static const char *const sections[] = {"columns", "reports", "codes", "headings",
                                       "units",   "format",  "verify"};

static const char *text_of(const json_t *root, const char *section, const char *key)
{
    return json_string_value(json_object_get(json_object_get(root, section), key));
}

/* Every section there, every member a text. What is wrong, or NULL. */
static const char *fault_of(const json_t *root)
{
    const char *key;
    json_t *value;
    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        json_t *section = json_object_get(root, sections[i]);
        if (!json_is_object(section))
            return sections[i];
        json_object_foreach(section, key, value)
        {
            if (!json_is_string(value))
                return key;
        }
    }
    if (json_string_value(json_object_get(root, "language")) == NULL)
        return "language";
    const char *needed[] = {"decimal", "group", "date"};
    for (size_t i = 0; i < 3; i++)
        if (text_of(root, "format", needed[i]) == NULL)
            return needed[i];
    return NULL;
}

enum kz_err catalogue_load(struct catalogue **out, char why[CATALOGUE_WHY_SIZE],
                           const char *path)
{
    json_error_t error;
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        snprintf(why, CATALOGUE_WHY_SIZE, "%s: line %d: %s", path, error.line,
                 error.text);
        return json_error_code(&error) == json_error_cannot_open_file ? KZ_IO
                                                                      : KZ_PARSE;
    }
    const char *fault = fault_of(root);
    if (fault != NULL) {
        snprintf(why, CATALOGUE_WHY_SIZE, "%s: \"%s\" is missing, or no text", path,
                 fault);
        json_decref(root);
        return KZ_PARSE;
    }
    struct catalogue *c = mem_new(sizeof(*c));
    c->root = root;
    c->language = json_string_value(json_object_get(root, "language"));
    c->decimal = text_of(root, "format", "decimal");
    c->group = text_of(root, "format", "group");
    c->is_day_first = strcmp(text_of(root, "format", "date"), "day.month.year") == 0;
    *out = c;
    return KZ_OK;
}

void catalogue_free(struct catalogue *c)
{
    if (c == NULL)
        return;
    json_decref(c->root);
    mem_free(c);
}

const char *catalogue_language(const struct catalogue *c)
{
    return c->language;
}

const char *catalogue_text(const struct catalogue *c, const char *section,
                           const char *key)
{
    const char *text = text_of(c->root, section, key);
    return text != NULL ? text : key;
}

static void append(char *out, size_t size, size_t *len, const char *text, size_t n)
{
    for (size_t i = 0; i < n && *len + 1 < size; i++)
        out[(*len)++] = text[i];
    out[*len] = '\0';
}

void catalogue_number(const struct catalogue *c, char *out, size_t size,
                      const char *number)
{
    size_t whole = strcspn(number, "."), len = 0;
    for (size_t i = 0; i < whole; i++) {
        bool is_behind_digit = i > 0 && number[i - 1] != '-';
        if (is_behind_digit && (whole - i) % 3 == 0)
            append(out, size, &len, c->group, strlen(c->group));
        append(out, size, &len, &number[i], 1);
    }
    if (number[whole] == '.') {
        append(out, size, &len, c->decimal, strlen(c->decimal));
        append(out, size, &len, number + whole + 1, strlen(number + whole + 1));
    }
}

void catalogue_date(const struct catalogue *c, char *out, size_t size, const char *date)
{
    if (c->is_day_first && strlen(date) >= DATE_LENGTH)
        snprintf(out, size, "%.2s.%.2s.%.4s%s", date + 8, date + 5, date,
                 date + DATE_LENGTH);
    else
        snprintf(out, size, "%s", date);
}
