#include "pool/bench/bench_scan.h"

#include <string.h>

struct cursor {
    const uint8_t *p, *end;
};

static void skip_space(struct cursor *c)
{
    while (c->p < c->end &&
           (*c->p == ' ' || *c->p == '\t' || *c->p == '\r' || *c->p == '\n'))
        c->p++;
}

static bool take(struct cursor *c, uint8_t byte)
{
    skip_space(c);
    if (c->p >= c->end || *c->p != byte)
        return false;
    c->p++;
    return true;
}

/* From behind the opening quote to behind the closing one. A quote is escaped when an
 * odd number of backslashes stands before it. */
static bool skip_string(struct cursor *c)
{
    const uint8_t *begin = c->p;
    for (;;) {
        const uint8_t *quote = memchr(c->p, '"', (size_t)(c->end - c->p));
        if (quote == NULL)
            return false;
        size_t slashes = 0;
        while (quote - slashes > begin && quote[-1 - (ptrdiff_t)slashes] == '\\')
            slashes++;
        c->p = quote + 1;
        if (slashes % 2 == 0)
            return true;
    }
}

/* From behind an opening bracket to behind its closing one. */
static bool skip_nested(struct cursor *c)
{
    size_t depth = 1;
    while (c->p < c->end) {
        uint8_t byte = *c->p++;
        if (byte == '"' && !skip_string(c))
            return false;
        if (byte == '[' || byte == '{')
            depth++;
        else if ((byte == ']' || byte == '}') && --depth == 0)
            return true;
    }
    return false;
}

static bool is_scalar_byte(uint8_t b)
{
    return (b >= '0' && b <= '9') || (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') ||
           b == '-' || b == '+' || b == '.';
}

static bool take_value(struct bytes *value, struct cursor *c)
{
    skip_space(c);
    const uint8_t *begin = c->p;
    if (c->p >= c->end)
        return false;
    uint8_t first = *c->p;
    bool whole = true;
    if (first == '"' || first == '[' || first == '{') {
        c->p++;
        whole = first == '"' ? skip_string(c) : skip_nested(c);
    } else {
        while (c->p < c->end && is_scalar_byte(*c->p))
            c->p++;
    }
    *value = (struct bytes){begin, (size_t)(c->p - begin)};
    return whole && value->len > 0;
}

bool scan_is(struct bytes value, const char *text)
{
    size_t len = strlen(text);
    return value.p != NULL && value.len == len && memcmp(value.p, text, len) == 0;
}

enum kz_err scan_string(struct bytes *inside, struct bytes value)
{
    if (value.p == NULL || value.len < 2 || value.p[0] != '"' ||
        value.p[value.len - 1] != '"')
        return KZ_PARSE;
    *inside = (struct bytes){value.p + 1, value.len - 2};
    return KZ_OK;
}

/* Up to 18 digits: no overflow to think about, and no id or code is longer. */
enum kz_err scan_number(int64_t *out, struct bytes value)
{
    if (value.p == NULL)
        return KZ_PARSE;
    bool negative = value.len > 0 && value.p[0] == '-';
    size_t i = negative ? 1 : 0;
    if (value.len <= i || value.len - i > 18)
        return KZ_PARSE;
    int64_t v = 0;
    for (; i < value.len; i++) {
        if (value.p[i] < '0' || value.p[i] > '9')
            return KZ_PARSE;
        v = v * 10 + (value.p[i] - '0');
    }
    *out = negative ? -v : v;
    return KZ_OK;
}

static void keep_member(struct scan *s, struct bytes key, struct bytes value)
{
    int64_t number;
    if (scan_is(key, "id") && scan_number(&number, value) == KZ_OK && number >= 0) {
        s->id = (uint64_t)number;
        s->has_id = true;
    } else if (scan_is(key, "result")) {
        s->result = value;
    } else if (scan_is(key, "error")) {
        s->error = value;
    } else if (scan_is(key, "params")) {
        s->params = value;
    } else if (scan_is(key, "method") && scan_string(&value, value) == KZ_OK) {
        s->method = value;
    }
}

static bool take_member(struct scan *s, struct cursor *c)
{
    struct bytes key, value;
    if (!take_value(&key, c) || scan_string(&key, key) != KZ_OK || !take(c, ':') ||
        !take_value(&value, c))
        return false;
    keep_member(s, key, value);
    return true;
}

enum kz_err scan_line(struct scan *s, struct bytes line)
{
    struct cursor c = {line.p, line.p + line.len};
    struct scan found = {.has_id = false};
    if (!take(&c, '{'))
        return KZ_PARSE;
    if (!take(&c, '}')) {
        do {
            if (!take_member(&found, &c))
                return KZ_PARSE;
        } while (take(&c, ','));
        if (!take(&c, '}'))
            return KZ_PARSE;
    }
    skip_space(&c);
    if (c.p != c.end)
        return KZ_PARSE;
    *s = found;
    return KZ_OK;
}

struct scan_array scan_array(struct bytes value)
{
    return (struct scan_array){.rest = value};
}

enum kz_err scan_next(struct bytes *element, struct scan_array *a)
{
    if (a->rest.p == NULL)
        return KZ_PARSE;
    struct cursor c = {a->rest.p, a->rest.p + a->rest.len};
    if (!a->started && !take(&c, '['))
        return KZ_PARSE;
    if (take(&c, ']'))
        return KZ_EMPTY;
    if (a->started && !take(&c, ','))
        return KZ_PARSE;
    struct bytes value;
    if (!take_value(&value, &c))
        return KZ_PARSE;
    a->started = true;
    a->rest = (struct bytes){c.p, (size_t)(c.end - c.p)};
    *element = value;
    return KZ_OK;
}

enum kz_err scan_member(struct bytes *value, struct bytes object, const char *key)
{
    struct cursor c = {object.p, object.p + object.len};
    if (object.p == NULL || !take(&c, '{'))
        return KZ_PARSE;
    if (take(&c, '}'))
        return KZ_EMPTY;
    do {
        struct bytes name, found;
        if (!take_value(&name, &c) || scan_string(&name, name) != KZ_OK ||
            !take(&c, ':') || !take_value(&found, &c))
            return KZ_PARSE;
        if (scan_is(name, key)) {
            *value = found;
            return KZ_OK;
        }
    } while (take(&c, ','));
    return take(&c, '}') ? KZ_EMPTY : KZ_PARSE;
}

/* The two elements of an error, in either of the shapes that servers give it. */
static void error_parts(struct bytes *code, struct bytes *text, struct bytes error)
{
    enum kz_err err;
    if (error.p[0] == '{') {
        err = scan_member(code, error, "code");
        if (err == KZ_OK)
            err = scan_member(text, error, "message");
    } else {
        struct scan_array a = scan_array(error);
        err = scan_next(code, &a);
        if (err == KZ_OK)
            err = scan_next(text, &a);
    }
    (void)err; /* what was not found stays absent */
}

int scan_error(struct bytes *text, struct bytes error)
{
    struct bytes code = {NULL, 0}, words = {NULL, 0};
    int64_t number = 0;
    *text = (struct bytes){NULL, 0};
    if (error.p == NULL || error.len == 0)
        return 0;
    error_parts(&code, &words, error);
    if (words.p != NULL && scan_string(text, words) != KZ_OK)
        *text = (struct bytes){NULL, 0};
    if (code.p == NULL || scan_number(&number, code) != KZ_OK)
        return 0;
    return number >= -99999 && number <= 99999 ? (int)number : 0;
}

enum kz_err scan_notify(struct scan_notify *n, struct bytes params)
{
    struct scan_notify found = {.clean_jobs = false};
    struct bytes *strings[] = {
        &found.job_id, &found.prevhash, &found.coinb1, &found.coinb2,
        NULL,          &found.version,  &found.nbits,  &found.ntime};
    struct scan_array a = scan_array(params);
    struct bytes value;
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        if (scan_next(&value, &a) != KZ_OK)
            return KZ_PARSE;
        if (strings[i] == NULL)
            found.branch = value;
        else if (scan_string(strings[i], value) != KZ_OK)
            return KZ_PARSE;
    }
    if (scan_next(&value, &a) != KZ_OK)
        return KZ_PARSE;
    found.clean_jobs = scan_is(value, "true");

    struct scan_array branch = scan_array(found.branch);
    enum kz_err err = scan_next(&value, &branch);
    if (err != KZ_OK && err != KZ_EMPTY)
        return KZ_PARSE;
    found.has_branch = err == KZ_OK;
    *n = found;
    return KZ_OK;
}
