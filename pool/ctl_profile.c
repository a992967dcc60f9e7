#include "conf/conf.h"
#include "pool/ctl_local.h"
#include "pool/ctl_table.h"
#include "pool/registry/profile.h"
#include "pool/registry/zone.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_SIZE 1024
#define KEY_SIZE  160

static void print_json(json_t *taken)
{
    json_dumpf(taken, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    puts("");
    json_decref(taken);
}

static json_t *describe(const char *file, const struct profile *p)
{
    char hex[HASH256_HEX_SIZE];
    hex_encode(hex, p->sha256.b, sizeof(p->sha256.b));
    return json_pack("{s:s, s:s, s:s, s:b, s:s}", "file", file, "code", p->code,
                     "version", p->version, "verified", p->verified, "sha256", hex);
}

/* --- what a person should know ---------------------------------------------------------- */

static void KZ_PRINTF(2, 3) add_note(json_t *notes, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    json_array_append_new(notes, json_string(text));
}

static void note_zone(json_t *notes, const struct profile *p)
{
    struct zone zone;
    enum kz_err err = zone_read(&zone, p->timezone);
    if (err == KZ_EMPTY)
        add_note(notes, "timezone %s is not in this machine's zone table", p->timezone);
    else if (err == KZ_OK && zone.offset_minutes != p->utc_offset_minutes)
        add_note(notes,
                 "timezone %s: this machine's zone table has %" PRId32
                 " minutes, the profile %" PRId32 ": one of them is out of date",
                 p->timezone, zone.offset_minutes, p->utc_offset_minutes);
}

static void find_unset(json_t *keys, const char *path, const json_t *value)
{
    const char *key;
    json_t *member;
    size_t i;
    char below[KEY_SIZE];
    if (json_is_null(value))
        json_array_append_new(keys, json_string(path));
    json_object_foreach((json_t *)value, key, member)
    {
        snprintf(below, sizeof(below), "%s%s%s", path, path[0] != '\0' ? "." : "", key);
        find_unset(keys, below, member);
    }
    json_array_foreach(value, i, member)
    {
        snprintf(below, sizeof(below), "%s[%zu]", path, i);
        find_unset(keys, below, member);
    }
}

static json_t *notes_of(const struct profile *p)
{
    json_t *notes = json_array();
    if (!p->verified)
        add_note(notes, "not verified: every report says so, until somebody sets "
                        "\"verified\" with a \"verified_note\"");
    if (p->source_count == 0)
        add_note(notes, "no source is named");
    note_zone(notes, p);
    return notes;
}

/* --- profile check ------------------------------------------------------------------------ */

static int report_refused(const struct ctl_place *place, const char *file,
                          const char *why)
{
    if (place->json)
        print_json(json_pack("{s:b, s:s, s:s}", "ok", 0, "file", file, "problem", why));
    else
        fprintf(stderr, "%s: %s\n", file, why);
    return 1;
}

static void print_checked(const char *file, const json_t *notes, const json_t *unset)
{
    size_t i;
    json_t *one;
    printf("%s: fine\n", file);
    json_array_foreach(notes, i, one) printf("note: %s\n", json_string_value(one));
    json_array_foreach(unset, i, one) printf("not set: %s\n", json_string_value(one));
}

int ctl_profile_check(const struct ctl_place *place, const json_t *arguments)
{
    const char *file = ctl_text(arguments, "file");
    char why[PROFILE_WHY_SIZE];
    struct profile *p = NULL;
    if (profile_load(&p, why, file) != KZ_OK)
        return report_refused(place, file, why);
    json_t *notes = notes_of(p), *unset = json_array();
    find_unset(unset, "", p->json);
    if (place->json) {
        json_t *o = describe(file, p);
        json_object_set_new(o, "ok", json_true());
        json_object_set(o, "notes", notes);
        json_object_set(o, "not_set", unset);
        print_json(o);
    } else {
        print_checked(file, notes, unset);
    }
    json_decref(notes);
    json_decref(unset);
    profile_free(p);
    return 0;
}

/* --- profile show --------------------------------------------------------------------------- */

static bool is_scalar(const json_t *value)
{
    return !json_is_object(value) && !json_is_array(value);
}

/* Texts as they are: a profile's have no control characters. */
static void print_value(const json_t *value)
{
    if (json_is_string(value))
        fputs(json_string_value(value), stdout);
    else if (json_is_null(value))
        fputs("(not set)", stdout);
    else
        json_dumpf(value, stdout, JSON_ENCODE_ANY);
}

/* One line of values with a comma between; false: they are no plain values. */
static bool print_plain_list(const char *path, const json_t *list)
{
    size_t i;
    json_t *one;
    json_array_foreach(list, i, one) if (!is_scalar(one)) return false;
    printf("  %-44s ", path);
    json_array_foreach(list, i, one)
    {
        fputs(i > 0 ? ", " : "", stdout);
        print_value(one);
    }
    puts(json_array_size(list) == 0 ? "(none)" : "");
    return true;
}

static void print_tree(const char *path, const json_t *value)
{
    const char *key;
    json_t *member;
    size_t i;
    char below[KEY_SIZE];
    if (is_scalar(value)) {
        printf("  %-44s ", path);
        print_value(value);
        puts("");
        return;
    }
    if (json_is_array(value) && print_plain_list(path, value))
        return;
    json_object_foreach((json_t *)value, key, member)
    {
        snprintf(below, sizeof(below), "%s%s%s", path, path[0] != '\0' ? "." : "", key);
        print_tree(below, member);
    }
    json_array_foreach(value, i, member)
    {
        snprintf(below, sizeof(below), "%s[%zu]", path, i);
        print_tree(below, member);
    }
}

static int show_one(const struct ctl_place *place, const char *file)
{
    char why[PROFILE_WHY_SIZE];
    struct profile *p = NULL;
    if (profile_load(&p, why, file) != KZ_OK)
        return report_refused(place, file, why);
    json_t *o = describe(file, p);
    if (place->json) {
        json_object_set(o, "profile", p->json);
        print_json(o);
    } else {
        printf("%s %s, %s\n  %-44s %s\n  %-44s %s\n", p->code, p->version,
               p->verified ? "verified" : "NOT VERIFIED", "file", file, "sha256",
               ctl_text(o, "sha256"));
        print_tree("", p->json);
        json_decref(o);
    }
    profile_free(p);
    return 0;
}

static void fill_row(char row[CTL_COLUMNS_MAX][CTL_CELL_SIZE], const json_t *one)
{
    ctl_set_cell(row[0], ctl_text(one, "code"));
    ctl_set_cell(row[1], ctl_text(one, "version"));
    ctl_set_cell(row[2], json_is_true(json_object_get(one, "verified")) ? "yes" : "no");
    ctl_set_cell(row[3], ctl_text(one, "problem"));
    if (row[3][0] == '\0')
        ctl_set_cell(row[3], ctl_text(one, "file"));
}

static json_t *read_one(const char *dir, const char *name)
{
    char path[PATH_SIZE], why[PROFILE_WHY_SIZE];
    struct profile *p = NULL;
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    if (profile_load(&p, why, path) != KZ_OK)
        return json_pack("{s:s, s:s, s:s}", "code", name, "file", path, "problem", why);
    json_t *o = describe(path, p);
    profile_free(p);
    return o;
}

/* xx.json and generic.json; not the schema beside them. */
static int is_profile_name(const struct dirent *entry)
{
    const char *dot = strchr(entry->d_name, '.');
    return dot != NULL && dot != entry->d_name && strcmp(dot, ".json") == 0;
}

static int show_all(const struct ctl_place *place, const char *dir)
{
    struct ctl_table t = {.head = {"code", "version", "verified", "file"},
                          .columns = 4};
    struct dirent **names = NULL;
    int count = scandir(dir, &names, is_profile_name, alphasort);
    if (count < 0) {
        fprintf(stderr, "karizctl: %s cannot be read; --dir says where profiles lie\n",
                dir);
        return 1;
    }
    json_t *list = json_array();
    for (int i = 0; i < count; i++) {
        json_array_append_new(list, read_one(dir, names[i]->d_name));
        free(names[i]); /* allowed: scandir() allocated it */
    }
    free(names); /* allowed: and this */
    if (place->json) {
        print_json(list);
        return 0;
    }
    ctl_print_array(&t, list, fill_row);
    json_decref(list);
    return 0;
}

int ctl_profile_show(const struct ctl_place *place, const json_t *arguments)
{
    const char *which = ctl_text(arguments, "profile");
    const char *dir = json_string_value(json_object_get(arguments, "dir"));
    char path[PATH_SIZE];
    char installed[PATH_SIZE];
    conf_data_folder(installed, sizeof(installed), "jurisdictions");
    if (dir == NULL)
        dir = installed;
    if (which[0] == '\0')
        return show_all(place, dir);
    if (strpbrk(which, "./") != NULL)
        return show_one(place, which);
    if (profile_path(path, sizeof(path), dir, which) != KZ_OK) {
        fprintf(stderr, "karizctl: %s: a file, or a code like tm\n", which);
        return 2;
    }
    return show_one(place, path);
}
