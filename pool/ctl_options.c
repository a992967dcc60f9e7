#include "pool/ctl_options.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define NAME_SIZE 32

/* What stands behind the name in `options`; 0: no such option. ' ': nothing does. */
static char option_kind(const char *options, const char *name)
{
    size_t len = strlen(name);
    for (const char *p = options; *p != '\0';) {
        size_t word = strcspn(p, " ");
        char last = p[word - 1];
        bool is_marked = strchr("*!?", last) != NULL;
        if (word - is_marked == len && strncmp(p, name, len) == 0)
            return is_marked ? last : ' ';
        p += word + (p[word] == ' ');
    }
    return '\0';
}

static bool is_number(const char *text)
{
    return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static bool complain(const char *what, const char *why)
{
    fprintf(stderr, "karizctl: %s: %s\n", what, why);
    return false;
}

static bool add_value(json_t *to, const char *name, const char *value, bool is_many)
{
    json_t *text = json_string(value); /* NULL: not UTF-8 */
    if (text == NULL)
        return complain(name, "not UTF-8");
    if (!is_many)
        return json_object_set_new(to, name, text) == 0;
    json_t *list = json_object_get(to, name);
    if (list == NULL) {
        list = json_array();
        json_object_set_new(to, name, list);
    }
    return json_array_append_new(list, text) == 0;
}

/* `*used` of the words behind it belong to the option. */
static bool add_option(json_t *to, int *used, const char *options, char **words,
                       int count)
{
    const char *name = words[0] + 2;
    char kind = option_kind(options, name);
    *used = 0;
    if (kind == '\0')
        return complain(words[0], "unknown option");
    bool has_value = count > 1 && (kind != '?' || is_number(words[1]));
    if (kind == '!' || (kind == '?' && !has_value))
        return json_object_set_new(to, name, json_true()) == 0;
    if (!has_value)
        return complain(words[0], "needs a value");
    *used = 1;
    return add_value(to, name, words[1], kind == '*');
}

/* Takes the first name off `*arguments`, without its brackets. False: none is left. */
static bool take_argument(char name[NAME_SIZE], bool *is_needed, const char **arguments)
{
    const char *p = *arguments;
    size_t len = strcspn(p, " ");
    if (len == 0)
        return false;
    *is_needed = p[0] != '[';
    *arguments = p + len + (p[len] == ' ');
    if (*is_needed)
        snprintf(name, NAME_SIZE, "%.*s", (int)len, p);
    else
        snprintf(name, NAME_SIZE, "%.*s", (int)len - 2, p + 1);
    return true;
}

static bool read_words(json_t *to, const struct ctl_row *row, char **words, int count)
{
    char name[NAME_SIZE];
    bool is_needed;
    const char *left = row->argument != NULL ? row->argument : "";
    for (int i = 0, used; i < count; i += 1 + used) {
        used = 0;
        if (strncmp(words[i], "--", 2) == 0) {
            if (!add_option(to, &used, row->options, words + i, count - i))
                return false;
        } else if (words[i][0] == '-' || !take_argument(name, &is_needed, &left)) {
            return complain(words[i], "not understood");
        } else if (!add_value(to, name, words[i], false)) {
            return false;
        }
    }
    if (take_argument(name, &is_needed, &left) && is_needed) {
        fprintf(stderr, "karizctl: %s needs %s\n", row->words, name);
        return false;
    }
    return true;
}

json_t *ctl_options_read(const struct ctl_row *row, char **words, int count)
{
    json_t *arguments = json_object();
    if (read_words(arguments, row, words, count))
        return arguments;
    json_decref(arguments);
    return NULL;
}
