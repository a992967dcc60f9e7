#include "stratum/submit_fast.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A reader over the line; every step checks the end. */
struct cursor {
    const uint8_t *at, *end;
};

static void skip_space(struct cursor *c)
{
    while (c->at < c->end &&
           (*c->at == ' ' || *c->at == '\t' || *c->at == '\r' || *c->at == '\n'))
        c->at++;
}

static bool take(struct cursor *c, uint8_t wanted)
{
    skip_space(c);
    if (c->at >= c->end || *c->at != wanted)
        return false;
    c->at++;
    return true;
}

/* A string of printable ASCII without escapes: what stands between its quotes. */
static bool take_string(struct cursor *c, struct bytes *s)
{
    if (!take(c, '"'))
        return false;
    const uint8_t *start = c->at;
    while (c->at < c->end && *c->at != '"') {
        if (*c->at < 0x20 || *c->at > 0x7e || *c->at == '\\')
            return false;
        c->at++;
    }
    if (c->at >= c->end)
        return false;
    *s = (struct bytes){start, (size_t)(c->at - start)};
    c->at++;
    return true;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* A plain integer, a plain string or null, as it stands. */
static bool take_id(struct cursor *c, struct bytes *id)
{
    skip_space(c);
    const uint8_t *start = c->at;
    struct bytes text;
    if (c->at < c->end && *c->at == '"') {
        if (!take_string(c, &text))
            return false;
    } else if (c->end - c->at >= 4 && memcmp(c->at, "null", 4) == 0) {
        c->at += 4;
    } else {
        if (c->at < c->end && *c->at == '-')
            c->at++;
        const uint8_t *digits = c->at;
        while (c->at < c->end && is_digit(*c->at))
            c->at++;
        size_t n = (size_t)(c->at - digits);
        if (n == 0 || n > 18 || (n > 1 && digits[0] == '0'))
            return false;
    }
    *id = (struct bytes){start, (size_t)(c->at - start)};
    return true;
}

static bool take_params(struct cursor *c, struct submit_line *s)
{
    struct bytes *const fields[] = {
        &s->login,      &s->job,        &s->text.extranonce2,
        &s->text.ntime, &s->text.nonce, &s->text.version_bits};
    s->text.version_bits = (struct bytes){NULL, 0};
    if (!take(c, '['))
        return false;
    for (size_t i = 0; i < 6; i++) {
        if (i > 0 && !take(c, ','))
            return i == 5 && take(c, ']');
        if (!take_string(c, fields[i]))
            return false;
    }
    return take(c, ']');
}

static bool is_text(struct bytes b, const char *text)
{
    return b.len == strlen(text) && memcmp(b.p, text, b.len) == 0;
}

enum { HAS_ID = 1, HAS_METHOD = 2, HAS_PARAMS = 4, HAS_VERSION = 8 };

/* One member; its bit, or 0 when it is not of the ordinary form. */
static unsigned take_member(struct cursor *c, struct submit_line *s)
{
    struct bytes key, value;
    if (!take_string(c, &key) || !take(c, ':'))
        return 0;
    if (is_text(key, "params"))
        return take_params(c, s) ? HAS_PARAMS : 0;
    if (is_text(key, "id"))
        return take_id(c, &s->id) ? HAS_ID : 0;
    if (is_text(key, "method"))
        return take_string(c, &value) && is_text(value, "mining.submit") ? HAS_METHOD
                                                                         : 0;
    if (is_text(key, "jsonrpc"))
        return take_string(c, &value) ? HAS_VERSION : 0;
    return 0;
}

bool submit_fast_parse(struct submit_line *s, const uint8_t *p, size_t len)
{
    struct cursor c = {p, p + len};
    unsigned seen = 0;
    if (!take(&c, '{'))
        return false;
    do {
        unsigned member = take_member(&c, s);
        if (member == 0 || (seen & member) != 0)
            return false;
        seen |= member;
    } while (take(&c, ','));
    unsigned needed = HAS_ID | HAS_METHOD | HAS_PARAMS;
    if ((seen & needed) != needed || !take(&c, '}'))
        return false;
    skip_space(&c);
    return c.at == c.end;
}

/* A string, or a number written as `format` says; false for any other type. */
static bool field_of(struct bytes *field, char number[SUBMIT_NUMBER_SIZE],
                     const json_t *value, bool hex)
{
    if (json_is_string(value)) {
        *field = (struct bytes){(const uint8_t *)json_string_value(value),
                                json_string_length(value)};
        return true;
    }
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    uint64_t v = (uint64_t)json_integer_value(value);
    int n = hex ? snprintf(number, SUBMIT_NUMBER_SIZE, "%" PRIx64, v)
                : snprintf(number, SUBMIT_NUMBER_SIZE, "%" PRIu64, v);
    *field = (struct bytes){(const uint8_t *)number, (size_t)n};
    return true;
}

enum kz_err submit_from_request(struct submit_line *s, const struct request *r)
{
    const json_t *login = json_array_get(r->params, 0);
    const json_t *bits = json_array_get(r->params, 5);
    s->id = r->id;
    s->text.version_bits = (struct bytes){NULL, 0};
    if (!json_is_string(login))
        return KZ_PARSE;
    s->login = request_param_text(r, 0);
    /* A job id sent as a number is our digits read as decimal; the rest are values. */
    if (!field_of(&s->job, s->number[0], json_array_get(r->params, 1), false) ||
        !field_of(&s->text.extranonce2, s->number[1], json_array_get(r->params, 2),
                  true) ||
        !field_of(&s->text.ntime, s->number[2], json_array_get(r->params, 3), true) ||
        !field_of(&s->text.nonce, s->number[3], json_array_get(r->params, 4), true))
        return KZ_PARSE;
    if (bits != NULL && !json_is_null(bits) &&
        !field_of(&s->text.version_bits, s->number[4], bits, true))
        return KZ_PARSE;
    return KZ_OK;
}
