/* What people read of the option table: help, the README's tables, reload answers. */
#include "conf/conf.h"
#include "conf/options.h"

#include <string.h>

static const char *type_name(const struct option *o)
{
    switch (o->type) {
    case OPTION_TEXT:
        return "text";
    case OPTION_BOOL:
        return "true or false";
    case OPTION_U32:
    case OPTION_I64:
        return "whole number";
    case OPTION_REAL:
    case OPTION_SCALED:
        return "number";
    case OPTION_CHOICE:
        return "choice";
    case OPTION_HEX32:
        return "8 hex digits";
    case OPTION_TEXT_LIST:
        return "list of text";
    case OPTION_REDIS:
        return "text or object";
    case OPTION_ARRAY:
        return "list of objects";
    }
    return "";
}

/* "1 to 300 s", "\"text\", \"json\"", or "". */
static void format_bounds(char *out, size_t size, const struct option *o)
{
    out[0] = '\0';
    if (o->type == OPTION_U32 || o->type == OPTION_REAL || o->type == OPTION_SCALED)
        snprintf(out, size, "%.13g to %.13g%s%s", o->min, o->max, *o->unit ? " " : "",
                 o->unit);
    if (o->type == OPTION_I64)
        snprintf(out, size, "%.0f to %.0f %s", o->min, o->max, o->unit);
    if (o->type == OPTION_ARRAY)
        snprintf(out, size, "%g to %g", o->min, o->max);
    for (int i = 0; o->type == OPTION_CHOICE && o->names[i] != NULL; i++) {
        size_t used = strlen(out);
        snprintf(out + used, size - used, "%s%s", i > 0 ? ", " : "", o->names[i]);
    }
}

static const char *default_text(const struct option *o)
{
    if (o->fallback == NULL)
        return "must be given";
    return strcmp(o->fallback, "null") == 0 ? "see text" : o->fallback;
}

static void print_help_rows(FILE *to, const struct option *rows, const char *prefix)
{
    for (const struct option *o = rows; o->name != NULL; o++) {
        char bounds[256];
        format_bounds(bounds, sizeof(bounds), o);
        fprintf(to, "  %s%s  (%s%s%s; default %s%s)\n      %s\n", prefix, o->name,
                type_name(o), *bounds ? ", " : "", bounds, default_text(o),
                o->is_live ? "; live" : "", o->text);
        if (o->type == OPTION_ARRAY) {
            char inner[128];
            snprintf(inner, sizeof(inner), "%s%s[].", prefix, o->name);
            print_help_rows(to, o->rows, inner);
        }
    }
}

void conf_print_help(FILE *to)
{
    fputs("Settings (JSON; \"a.b\" is key b of the object a; live: a reload takes it "
          "over):\n",
          to);
    print_help_rows(to, option_table, "");
}

static void print_markdown_rows(FILE *to, const struct option *rows)
{
    fputs("| key | type | default | live | what it is |\n|---|---|---|---|---|\n", to);
    for (const struct option *o = rows; o->name != NULL; o++) {
        char bounds[256];
        format_bounds(bounds, sizeof(bounds), o);
        fprintf(to, "| `%s` | %s%s%s | `%s` | %s | %s |\n", o->name, type_name(o),
                *bounds ? ": " : "", bounds, default_text(o), o->is_live ? "yes" : "",
                o->text);
    }
    for (const struct option *o = rows; o->name != NULL; o++) {
        if (o->type != OPTION_ARRAY)
            continue;
        fprintf(to, "\nEach object of `%s`:\n\n", o->name);
        print_markdown_rows(to, o->rows);
    }
}

void conf_print_markdown(FILE *to)
{
    print_markdown_rows(to, option_table);
}

static void add_name(char *out, size_t size, const char *prefix, const char *name)
{
    size_t used = strlen(out);
    snprintf(out + used, size - used, "%s%s%s", used > 0 ? ", " : "", prefix, name);
}

static void add_changed(char *out, size_t size, const char *prefix,
                        const struct option *rows, const char *a, const char *b)
{
    for (const struct option *o = rows; o->name != NULL; o++) {
        if (o->type == OPTION_ARRAY) {
            size_t n = *(const size_t *)(const void *)(a + o->count_offset);
            if (n != *(const size_t *)(const void *)(b + o->count_offset)) {
                add_name(out, size, prefix, o->name);
                continue;
            }
            for (size_t i = 0; i < n; i++) {
                char inner[128];
                size_t at = o->offset + i * o->size;
                snprintf(inner, sizeof(inner), "%s%s[%zu].", prefix, o->name, i);
                add_changed(out, size, inner, o->rows, a + at, b + at);
            }
        } else if (!o->is_live && o->type != OPTION_REDIS &&
                   memcmp(a + o->offset, b + o->offset, o->size) != 0) {
            add_name(out, size, prefix, o->name);
        }
    }
}

static bool is_same_redis(const struct conf *a, const struct conf *b)
{
    return a->redis_mode == b->redis_mode && a->redis_port == b->redis_port &&
           a->redis_db == b->redis_db && strcmp(a->redis_path, b->redis_path) == 0 &&
           strcmp(a->redis_host, b->redis_host) == 0 &&
           strcmp(a->redis_password_file, b->redis_password_file) == 0 &&
           strcmp(a->redis_server, b->redis_server) == 0;
}

static bool are_same_sentinels(const struct conf *a, const struct conf *b)
{
    if (a->redis_sentinel_count != b->redis_sentinel_count ||
        strcmp(a->redis_master, b->redis_master) != 0 ||
        strcmp(a->redis_sentinel_password_file, b->redis_sentinel_password_file) != 0)
        return false;
    for (size_t i = 0; i < a->redis_sentinel_count; i++)
        if (a->redis_sentinels[i].port != b->redis_sentinels[i].port ||
            strcmp(a->redis_sentinels[i].host, b->redis_sentinels[i].host) != 0)
            return false;
    return true;
}

void conf_needs_restart(char *out, size_t size, const struct conf *old,
                        const struct conf *new_conf)
{
    out[0] = '\0';
    add_changed(out, size, "", option_table, (const char *)old, (const char *)new_conf);
    if (!is_same_redis(old, new_conf) || !are_same_sentinels(old, new_conf))
        add_name(out, size, "", "redis");
}
