#include "pool/report/compare.h"

#include "share/bytes.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLACE_SIZE 160
#define VALUE_SIZE 120

struct comparing {
    json_t *differences;
    char *why; /* PACKAGE_WHY_SIZE */
    const char *dirs[2];
};

static json_t *text_or_null(const char *text)
{
    return text != NULL ? json_string(text) : json_null();
}

static void add(const struct comparing *c, const char *file, const char *place,
                const char *package, const char *again)
{
    json_array_append_new(c->differences,
                          json_pack("{s:s, s:s, s:o, s:o}", "file", file, "place",
                                    place, "package", text_or_null(package), "again",
                                    text_or_null(again)));
}

/* --- where JSON differs ----------------------------------------------------------------- */

struct place {
    char text[PLACE_SIZE];
    const json_t *values[2]; /* NULL: not there */
};

/* False: they are the same. */
static bool find_place(struct place *p, const json_t *a, const json_t *b);

/* False: they are the same, and the place is as it was. */
static bool find_in_member(struct place *p, const char *name, const json_t *a,
                           const json_t *b)
{
    size_t len = strlen(p->text);
    if (json_equal(a, b))
        return false;
    snprintf(p->text + len, PLACE_SIZE - len, "%s%.60s", len > 0 ? ", " : "", name);
    return find_place(p, a, b);
}

static bool find_in_object(struct place *p, const json_t *a, const json_t *b)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)a, name, value)
    {
        if (find_in_member(p, name, value, json_object_get(b, name)))
            return true;
    }
    json_object_foreach((json_t *)b, name, value)
    {
        if (find_in_member(p, name, json_object_get(a, name), value))
            return true;
    }
    return false;
}

/* One that is longer differs where the other ends. */
static bool find_in_array(struct place *p, const json_t *a, const json_t *b)
{
    size_t of_a = json_array_size(a), of_b = json_array_size(b);
    for (size_t i = 0; i < of_a || i < of_b; i++) {
        const json_t *x = json_array_get(a, i), *y = json_array_get(b, i);
        if (json_equal(x, y))
            continue;
        size_t len = strlen(p->text);
        snprintf(p->text + len, PLACE_SIZE - len, " %zu", i + 1);
        return find_place(p, x, y);
    }
    return false;
}

static bool find_place(struct place *p, const json_t *a, const json_t *b)
{
    if (json_is_object(a) && json_is_object(b))
        return find_in_object(p, a, b);
    if (json_is_array(a) && json_is_array(b))
        return find_in_array(p, a, b);
    p->values[0] = a;
    p->values[1] = b;
    return !json_equal(a, b);
}

/* NULL: not there. */
static const char *show(char to[VALUE_SIZE], const json_t *value)
{
    if (value == NULL)
        return NULL;
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
    snprintf(to, VALUE_SIZE, "%s", text != NULL ? text : "?");
    free(text); /* allowed: jansson's */
    return to;
}

static json_t *load(const struct comparing *c, size_t which, const char *file)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", c->dirs[which], file);
    return json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
}

/* Members that say what the other files are. */
static void forget_files(json_t *manifest)
{
    json_object_del(manifest, "files");
    json_object_del(manifest, "reports");
}

/* False: they are the same but for what was forgotten. */
static bool tell_json(const struct comparing *c, const char *file)
{
    char values[2][VALUE_SIZE];
    struct place p = {.text = ""};
    json_t *a = load(c, 0, file), *b = load(c, 1, file);
    if (strcmp(file, MANIFEST_FILE) == 0) {
        forget_files(a);
        forget_files(b);
    }
    bool is_found = find_place(&p, a, b);
    if (is_found)
        add(c, file, p.text, show(values[0], p.values[0]),
            show(values[1], p.values[1]));
    json_decref(a);
    json_decref(b);
    return is_found;
}

/* --- files ------------------------------------------------------------------------------ */

struct spot {
    uint64_t line, byte; /* from 1; 0: they are the same */
};

static struct spot find_spot(FILE *a, FILE *b)
{
    struct spot s = {1, 0};
    for (;;) {
        int x = getc(a), y = getc(b);
        s.byte++;
        if (x != y)
            return s;
        if (x == EOF)
            return (struct spot){0, 0};
        if (x == '\n')
            s = (struct spot){s.line + 1, 0};
    }
}

static enum kz_err refuse(const struct comparing *c, const char *file)
{
    snprintf(c->why, PACKAGE_WHY_SIZE, "%.100s: %s", file, strerror(errno));
    return KZ_IO;
}

static enum kz_err open_both(FILE *files[2], const struct comparing *c,
                             const char *file)
{
    char path[PATH_MAX];
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s/%s", c->dirs[i], file);
        files[i] = fopen(path, "rbe");
        if (files[i] == NULL) {
            enum kz_err err = refuse(c, file);
            if (i > 0)
                fclose(files[0]);
            return err;
        }
    }
    return KZ_OK;
}

static bool is_json(const char *file)
{
    size_t len = strlen(file);
    return len > 5 && strcmp(file + len - 5, ".json") == 0;
}

static void tell(const struct comparing *c, const char *file, struct spot s)
{
    char place[PLACE_SIZE];
    if ((is_json(file) && tell_json(c, file)) || strcmp(file, MANIFEST_FILE) == 0)
        return;
    snprintf(place, sizeof(place), "line %" PRIu64 ", byte %" PRIu64, s.line, s.byte);
    add(c, file, place, NULL, NULL);
}

static enum kz_err compare_file(const struct comparing *c, const char *file)
{
    FILE *files[2];
    enum kz_err err = open_both(files, c, file);
    if (err != KZ_OK)
        return err;
    struct spot s = find_spot(files[0], files[1]);
    if (ferror(files[0]) || ferror(files[1]))
        err = refuse(c, file);
    fclose(files[0]);
    fclose(files[1]);
    if (err == KZ_OK && s.byte > 0)
        tell(c, file, s);
    return err;
}

static bool has(const struct manifest *m, const char *file)
{
    for (size_t i = 0; i < m->file_count; i++)
        if (strcmp(m->files[i].name, file) == 0)
            return true;
    return false;
}

enum kz_err compare_packages(json_t *differences, char why[PACKAGE_WHY_SIZE],
                             const char *dir, const struct manifest *list,
                             const char *again, const struct manifest *list_again)
{
    const struct comparing c = {differences, why, {dir, again}};
    enum kz_err err = KZ_OK;
    for (size_t i = 0; i < list->file_count && err == KZ_OK; i++) {
        const char *file = list->files[i].name;
        if (has(list_again, file))
            err = compare_file(&c, file);
        else
            add(&c, file, "", "there", NULL);
    }
    for (size_t i = 0; i < list_again->file_count && err == KZ_OK; i++)
        if (!has(list, list_again->files[i].name))
            add(&c, list_again->files[i].name, "", NULL, "there");
    return err == KZ_OK ? compare_file(&c, MANIFEST_FILE) : err;
}
