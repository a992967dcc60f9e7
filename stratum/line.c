#include "stratum/line.h"

#include <string.h>

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

size_t line_take(struct bytes *line, const uint8_t *p, size_t len)
{
    const uint8_t *end = len > 0 ? memchr(p, '\n', len) : NULL;
    if (end == NULL)
        return 0;
    size_t first = 0, last = (size_t)(end - p);
    while (first < last && is_blank(p[first]))
        first++;
    while (last > first && is_blank(p[last - 1]))
        last--;
    *line = (struct bytes){p + first, last - first};
    return (size_t)(end - p) + 1;
}

static bool is_http_method(const uint8_t *p, size_t len)
{
    static const char *const methods[] = {"GET ",   "POST ",   "HEAD ",    "PUT ",
                                          "PRI ",   "DELETE ", "OPTIONS ", "TRACE ",
                                          "PATCH ", "CONNECT "};
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        size_t n = strlen(methods[i]);
        if (len >= n && memcmp(p, methods[i], n) == 0)
            return true;
    }
    return false;
}

enum line_guess line_guess(const uint8_t *p, size_t len)
{
    if (len >= 1 && p[0] == 0x16 && (len == 1 || p[1] == 0x03))
        return LINE_TLS;
    struct bytes line;
    if (line_take(&line, p, len) > 0 && is_http_method(line.p, line.len) &&
        memmem(line.p, line.len, " HTTP/", 6) != NULL)
        return LINE_HTTP;
    return LINE_STRATUM;
}
