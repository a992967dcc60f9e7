#include "stratum/login.h"

#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\v' || c == '\f';
}

static struct bytes trim(const char *text, size_t len)
{
    while (len > 0 && is_space(text[0])) {
        text++;
        len--;
    }
    while (len > 0 && is_space(text[len - 1]))
        len--;
    return (struct bytes){(const uint8_t *)text, len};
}

static bool ends_name(uint8_t c)
{
    return c == '.' || c == '_' || c == '/' || c == '+';
}

enum kz_err login_parse(struct login *l, const char *text, size_t len)
{
    struct bytes all = trim(text, len);
    if (all.len == 0 || all.len > LOGIN_MAX)
        return KZ_PARSE;
    size_t n = 0;
    while (n < all.len && !ends_name(all.p[n]))
        n++;
    struct bytes name = trim((const char *)all.p, n);
    if (name.len == 0)
        return KZ_PARSE;
    l->text = all;
    l->name = name;
    l->worker = (struct bytes){all.p + n, 0};
    if (n < all.len)
        l->worker = trim((const char *)all.p + n + 1, all.len - n - 1);
    return KZ_OK;
}

/* "md=512" against "md=": the value behind it, or nothing. */
static bool option_value(struct difficulty *d, struct bytes part, const char *key)
{
    size_t n = strlen(key);
    if (part.len <= n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if ((part.p[i] | 0x20) != ((uint8_t)key[i] | 0x20))
            return false;
    }
    struct bytes value = trim((const char *)part.p + n, part.len - n);
    return difficulty_parse(d, (const char *)value.p, value.len) == KZ_OK;
}

static bool is_separator(char c)
{
    return c == ',' || c == ';' || is_space(c);
}

void login_options_parse(struct login_options *o, const char *password, size_t len)
{
    *o = (struct login_options){0};
    for (size_t at = 0; at < len;) {
        size_t end = at;
        while (end < len && !is_separator(password[end]))
            end++;
        struct bytes part = {(const uint8_t *)password + at, end - at};
        if (option_value(&o->start, part, "d="))
            o->has_start = true;
        else if (option_value(&o->minimum, part, "md="))
            o->has_minimum = true;
        else if (option_value(&o->fixed, part, "fd="))
            o->has_fixed = true;
        at = end + 1;
    }
}
