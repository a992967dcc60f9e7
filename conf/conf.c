#include "conf/conf.h"

#include "conf/locate.h"
#include "conf/mem.h"
#include "conf/options.h"
#include "conf/settle.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#define CONF_FILE_MAX (1 << 20)

struct loader {
    struct conf_problem *problem;
    const char *text; /* of the file; NULL while defaults are set */
};

static enum kz_err refuse(struct loader *l, enum kz_err err, const char *key,
                          const char *format, ...) KZ_PRINTF(4, 5);

static enum kz_err refuse(struct loader *l, enum kz_err err, const char *key,
                          const char *format, ...)
{
    va_list args;
    snprintf(l->problem->key, sizeof(l->problem->key), "%s", key);
    l->problem->line = l->text != NULL ? locate_line(l->text, key) : 0;
    va_start(args, format);
    vsnprintf(l->problem->expected, sizeof(l->problem->expected), format, args);
    va_end(args);
    return err;
}

static enum kz_err set_text(struct loader *l, char *to, size_t size, const char *key,
                            const json_t *value)
{
    if (!json_is_string(value))
        return refuse(l, KZ_PARSE, key, "expected a string");
    if (json_string_length(value) >= size)
        return refuse(l, KZ_RANGE, key, "expected at most %zu bytes", size - 1);
    if (strlen(json_string_value(value)) != json_string_length(value))
        return refuse(l, KZ_PARSE, key, "expected a string without \\u0000");
    memset(to, 0, size);
    memcpy(to, json_string_value(value), json_string_length(value));
    return KZ_OK;
}

static enum kz_err set_u32(struct loader *l, uint32_t *to, const struct option *o,
                           const char *key, const json_t *value)
{
    if (!json_is_integer(value))
        return refuse(l, KZ_PARSE, key, "expected a whole number");
    json_int_t v = json_integer_value(value);
    if ((double)v < o->min || (double)v > o->max)
        return refuse(l, KZ_RANGE, key, "expected %.0f to %.0f %s", o->min, o->max,
                      o->unit);
    *to = (uint32_t)v;
    return KZ_OK;
}

static enum kz_err set_i64(struct loader *l, int64_t *to, const struct option *o,
                           const char *key, const json_t *value)
{
    if (!json_is_integer(value))
        return refuse(l, KZ_PARSE, key, "expected a whole number");
    json_int_t v = json_integer_value(value);
    /* The bounds are whole numbers below 2^53, so the casts lose nothing. */
    if (v < (json_int_t)o->min || v > (json_int_t)o->max)
        return refuse(l, KZ_RANGE, key, "expected %.0f to %.0f %s", o->min, o->max,
                      o->unit);
    *to = v;
    return KZ_OK;
}

/* A number of so many decimals, as a whole number of its last one. Both operands of the
 * division are exact and it rounds to the nearest, as reading the text did: it gives the
 * number back exactly when the number has no further decimals. */
static enum kz_err set_scaled(struct loader *l, uint32_t *to, const struct option *o,
                              const char *key, const json_t *value)
{
    if (l->text == NULL && json_is_null(value)) {
        *to = 0;
        return KZ_OK;
    }
    if (!json_is_number(value))
        return refuse(l, KZ_PARSE, key, "expected a number");
    double v = json_number_value(value);
    if (!(v >= o->min && v <= o->max))
        return refuse(l, KZ_RANGE, key, "expected %g to %g %s", o->min, o->max,
                      o->unit);
    double units = round(v * o->scale);
    if (units / o->scale != v)
        return refuse(l, KZ_RANGE, key, "expected a multiple of %g", 1.0 / o->scale);
    *to = (uint32_t)units;
    return KZ_OK;
}

static enum kz_err set_real(struct loader *l, double *to, const struct option *o,
                            const char *key, const json_t *value)
{
    if (l->text == NULL && json_is_null(value)) {
        *to = 0; /* no default here: settle() fills it from another option */
        return KZ_OK;
    }
    if (!json_is_number(value))
        return refuse(l, KZ_PARSE, key, "expected a number");
    double v = json_number_value(value);
    if (!(v >= o->min && v <= o->max))
        return refuse(l, KZ_RANGE, key, "expected %g to %g %s", o->min, o->max,
                      o->unit);
    *to = v;
    return KZ_OK;
}

static enum kz_err set_choice(struct loader *l, void *to, const struct option *o,
                              const char *key, const json_t *value)
{
    char names[256] = "";
    for (int i = 0; o->names[i] != NULL; i++) {
        size_t used = strlen(names);
        if (json_is_string(value) &&
            strcmp(json_string_value(value), o->names[i]) == 0) {
            memcpy(to, &i, sizeof(i)); /* the enums of the table are ints */
            return KZ_OK;
        }
        snprintf(names + used, sizeof(names) - used, "%s\"%s\"", i > 0 ? ", " : "",
                 o->names[i]);
    }
    return refuse(l, json_is_string(value) ? KZ_RANGE : KZ_PARSE, key,
                  "expected one of %s", names);
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

static enum kz_err set_hex32(struct loader *l, uint32_t *to, const struct option *o,
                             const char *key, const json_t *value)
{
    const char *text = json_string_value(value);
    if (text == NULL || strlen(text) != 8 || strspn(text, "0123456789abcdef") != 8)
        return refuse(l, KZ_PARSE, key, "expected 8 lower-case hex digits");
    uint32_t v = 0;
    for (int i = 0; i < 8; i++)
        v = v << 4 | (uint32_t)hex_digit(text[i]);
    if ((v & ~(uint32_t)o->max) != 0)
        return refuse(l, KZ_RANGE, key, "expected bits within %08x only",
                      (unsigned)o->max);
    *to = v;
    return KZ_OK;
}

static enum kz_err set_text_list(struct loader *l, char *base, const struct option *o,
                                 const char *key, const json_t *value)
{
    size_t width = o->size / CONF_PEERS_MAX;
    size_t *count = (size_t *)(void *)(base + o->count_offset);
    if (!json_is_array(value))
        return refuse(l, KZ_PARSE, key, "expected an array of strings");
    if (json_array_size(value) > CONF_PEERS_MAX)
        return refuse(l, KZ_RANGE, key, "expected at most %d strings", CONF_PEERS_MAX);
    for (size_t i = 0; i < json_array_size(value); i++) {
        enum kz_err err = set_text(l, base + o->offset + i * width, width, key,
                                   json_array_get(value, i));
        if (err != KZ_OK)
            return err;
    }
    *count = json_array_size(value);
    return KZ_OK;
}

static enum kz_err set_sentinels(struct loader *l, struct conf *c, const char *key,
                                 const json_t *value)
{
    if (!json_is_array(value))
        return refuse(l, KZ_PARSE, key, "expected an array of \"host:port\"");
    size_t n = json_array_size(value);
    if (n == 0 || n > CONF_SENTINELS_MAX)
        return refuse(l, KZ_RANGE, key,
                      "expected 1 to %d sentinels, \"host:port\" each",
                      CONF_SENTINELS_MAX);
    for (size_t i = 0; i < n; i++) {
        char element[128], text[CONF_TEXT_MAX + 1];
        snprintf(element, sizeof(element), "%s[%zu]", key, i);
        enum kz_err err =
            set_text(l, text, sizeof(text), element, json_array_get(value, i));
        if (err != KZ_OK)
            return err;
        if (!settle_host(&c->redis_sentinels[i], text))
            return refuse(l, KZ_RANGE, element,
                          "expected \"host:port\" or \"[IPv6]:port\" of a sentinel "
                          "(usually port 26379)");
    }
    c->redis_sentinel_count = n;
    return KZ_OK;
}

static enum kz_err set_redis_member(struct loader *l, struct conf *c, char *url,
                                    size_t url_size, const char *name,
                                    const json_t *value)
{
    const struct {
        const char *name;
        char *to;
        size_t size;
    } texts[] = {
        {"url", url, url_size},
        {"password_file", c->redis_password_file, sizeof(c->redis_password_file)},
        {"server", c->redis_server, sizeof(c->redis_server)},
        {"master", c->redis_master, sizeof(c->redis_master)},
        {"sentinel_password_file", c->redis_sentinel_password_file,
         sizeof(c->redis_sentinel_password_file)},
    };
    char path[128];
    snprintf(path, sizeof(path), "redis.%s", name);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (strcmp(name, texts[i].name) == 0)
            return set_text(l, texts[i].to, texts[i].size, path, value);
    if (strcmp(name, "sentinels") == 0)
        return set_sentinels(l, c, path, value);
    return refuse(l, KZ_PARSE, path,
                  "unknown key; expected url, password_file, server, "
                  "sentinels, master or sentinel_password_file");
}

/* "redis" is a string or an object, so it has a function of its own. */
static enum kz_err set_redis(struct loader *l, struct conf *c, const char *key,
                             const json_t *value)
{
    char url[CONF_TEXT_MAX + 1] = "";
    if (json_is_string(value)) {
        enum kz_err err = set_text(l, url, sizeof(url), key, value);
        return err != KZ_OK ? err : settle_redis_url(c, url, l->problem);
    }
    if (!json_is_object(value))
        return refuse(l, KZ_PARSE, key, "expected a string or an object");
    const char *name;
    json_t *member;
    json_object_foreach((json_t *)value, name, member)
    {
        enum kz_err err = set_redis_member(l, c, url, sizeof(url), name, member);
        if (err != KZ_OK)
            return err;
    }
    return settle_redis_url(c, url, l->problem);
}

static enum kz_err load_object(struct loader *l, char *base, const struct option *rows,
                               const char *prefix, const char *shown,
                               const json_t *object);
static enum kz_err load_defaults(struct loader *l, char *base,
                                 const struct option *rows);

static enum kz_err set_array(struct loader *l, char *base, const struct option *o,
                             const char *key, const json_t *value)
{
    size_t *count = (size_t *)(void *)(base + o->count_offset);
    if (l->text == NULL && json_is_null(value)) {
        *count = 0;
        return KZ_OK;
    }
    if (!json_is_array(value))
        return refuse(l, KZ_PARSE, key, "expected an array of objects");
    size_t n = json_array_size(value);
    if ((double)n < o->min || (double)n > o->max)
        return refuse(l, KZ_RANGE, key, "expected %.0f to %.0f elements", o->min,
                      o->max);
    for (size_t i = 0; i < n; i++) {
        char shown[128];
        snprintf(shown, sizeof(shown), "%s[%zu]", key, i);
        char *element = base + o->offset + i * o->size;
        memset(element, 0, o->size);
        enum kz_err err = load_defaults(l, element, o->rows);
        if (err == KZ_OK)
            err = load_object(l, element, o->rows, "", shown, json_array_get(value, i));
        if (err != KZ_OK)
            return err;
    }
    *count = n;
    return KZ_OK;
}

static enum kz_err set_option(struct loader *l, char *base, const struct option *o,
                              const char *key, const json_t *value)
{
    void *to = base + o->offset;
    switch (o->type) {
    case OPTION_TEXT:
        return set_text(l, to, o->size, key, value);
    case OPTION_BOOL:
        if (!json_is_boolean(value))
            return refuse(l, KZ_PARSE, key, "expected true or false");
        *(bool *)to = json_is_true(value);
        return KZ_OK;
    case OPTION_U32:
        return set_u32(l, to, o, key, value);
    case OPTION_I64:
        return set_i64(l, to, o, key, value);
    case OPTION_REAL:
        return set_real(l, to, o, key, value);
    case OPTION_SCALED:
        return set_scaled(l, to, o, key, value);
    case OPTION_CHOICE:
        return set_choice(l, to, o, key, value);
    case OPTION_HEX32:
        return set_hex32(l, to, o, key, value);
    case OPTION_TEXT_LIST:
        return set_text_list(l, base, o, key, value);
    case OPTION_REDIS:
        return set_redis(l, (struct conf *)(void *)base, key, value);
    case OPTION_ARRAY:
        return set_array(l, base, o, key, value);
    }
    return KZ_PARSE;
}

/* The fallbacks are ours: a row whose own default is refused is a bug. */
static enum kz_err load_defaults(struct loader *l, char *base,
                                 const struct option *rows)
{
    const char *text = l->text;
    l->text = NULL;
    for (const struct option *o = rows; o->name != NULL; o++) {
        if (o->fallback == NULL)
            continue;
        json_t *value = json_loads(o->fallback, JSON_DECODE_ANY, NULL);
        enum kz_err err = set_option(l, base, o, o->name, value);
        json_decref(value);
        if (err != KZ_OK)
            return err;
    }
    l->text = text;
    return KZ_OK;
}

static const struct option *find_row(const struct option *rows, const char *name)
{
    for (; rows->name != NULL; rows++) {
        if (strcmp(rows->name, name) == 0)
            return rows;
    }
    return NULL;
}

static bool is_section(const struct option *rows, const char *name)
{
    size_t len = strlen(name);
    for (; rows->name != NULL; rows++) {
        if (strncmp(rows->name, name, len) == 0 && rows->name[len] == '.')
            return true;
    }
    return false;
}

/* `prefix` is the path inside the rows, `shown` the one inside the file. */
static enum kz_err load_object(struct loader *l, char *base, const struct option *rows,
                               const char *prefix, const char *shown,
                               const json_t *object)
{
    if (!json_is_object(object))
        return refuse(l, KZ_PARSE, shown, "expected an object");
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        char path[128], key[128];
        snprintf(path, sizeof(path), "%s%s%s", prefix, *prefix ? "." : "", name);
        snprintf(key, sizeof(key), "%s%s%s", shown, *shown ? "." : "", name);
        const struct option *o = find_row(rows, path);
        enum kz_err err;
        if (o != NULL)
            err = set_option(l, base, o, key, value);
        else if (is_section(rows, path))
            err = load_object(l, base, rows, path, key, value);
        else
            err = refuse(l, KZ_PARSE, key, "unknown key; see conf/README.md");
        if (err != KZ_OK)
            return err;
    }
    return KZ_OK;
}

/* Whether the rows without a default were given. */
static enum kz_err check_required(struct loader *l, const char *base,
                                  const struct option *rows, const char *shown)
{
    for (const struct option *o = rows; o->name != NULL; o++) {
        char key[128];
        snprintf(key, sizeof(key), "%s%s%s", shown, *shown ? "." : "", o->name);
        if (o->fallback == NULL && o->type == OPTION_TEXT && base[o->offset] == '\0')
            return refuse(l, KZ_RANGE, key, "must be given: %s", o->text);
        if (o->type != OPTION_ARRAY)
            continue;
        size_t n = *(const size_t *)(const void *)(base + o->count_offset);
        for (size_t i = 0; i < n; i++) {
            char element[160];
            snprintf(element, sizeof(element), "%s[%zu]", key, i);
            enum kz_err err =
                check_required(l, base + o->offset + i * o->size, o->rows, element);
            if (err != KZ_OK)
                return err;
        }
    }
    return KZ_OK;
}

static enum kz_err read_file(char **text, struct loader *l, const char *path)
{
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return refuse(l, KZ_IO, "", "cannot be opened: %s", strerror(errno));
    char *buffer = mem_new(CONF_FILE_MAX + 1);
    size_t n = fread(buffer, 1, CONF_FILE_MAX + 1, f);
    bool failed = ferror(f) != 0;
    fclose(f);
    if (!failed && n <= CONF_FILE_MAX) {
        buffer[n] = '\0';
        *text = buffer;
        return KZ_OK;
    }
    mem_free(buffer);
    return failed ? refuse(l, KZ_IO, "", "cannot be read")
                  : refuse(l, KZ_RANGE, "", "larger than %d bytes", CONF_FILE_MAX);
}

static enum kz_err load_text(struct loader *l, struct conf *c)
{
    json_error_t error;
    json_t *root = json_loads(l->text, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        enum kz_err err = refuse(l, KZ_PARSE, "", "not JSON: %s", error.text);
        l->problem->line = error.line;
        return err;
    }
    enum kz_err err = load_object(l, (char *)c, option_table, "", "", root);
    json_decref(root);
    if (err == KZ_OK)
        err = check_required(l, (const char *)c, option_table, "");
    if (err == KZ_OK)
        err = settle(c, l->problem);
    if (err != KZ_OK && l->problem->line == 0)
        l->problem->line = locate_line(l->text, l->problem->key);
    return err;
}

enum kz_err conf_load(struct conf **out, struct conf_problem *problem, const char *path)
{
    struct loader l = {.problem = problem};
    struct conf *c = mem_new(sizeof(*c));
    char *text = NULL;
    *problem = (struct conf_problem){.line = 0};
    snprintf(problem->file, sizeof(problem->file), "%s", path);
    snprintf(c->path, sizeof(c->path), "%s", path);
    enum kz_err err = load_defaults(&l, (char *)c, option_table);
    if (err == KZ_OK)
        err = read_file(&text, &l, path);
    if (err == KZ_OK) {
        l.text = text;
        err = load_text(&l, c);
    }
    mem_free(text);
    if (err != KZ_OK) {
        conf_free(c);
        return err;
    }
    *out = c;
    return KZ_OK;
}

int conf_line_of(const char *path, const char *key)
{
    struct conf_problem ignored;
    struct loader l = {.problem = &ignored};
    char *text;
    if (read_file(&text, &l, path) != KZ_OK)
        return 0;
    int line = locate_line(text, key);
    mem_free(text);
    return line;
}

void conf_free(struct conf *c)
{
    mem_free(c);
}

void conf_problem_print(FILE *to, const struct conf_problem *p)
{
    fprintf(to, "%s:", p->file);
    if (p->line > 0)
        fprintf(to, "%d:", p->line);
    if (p->key[0] != '\0')
        fprintf(to, " %s:", p->key);
    fprintf(to, " %s\n", p->expected);
}
