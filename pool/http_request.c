#include "pool/http_request.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

size_t http_head_len(struct bytes in)
{
    const uint8_t *end = in.len > 0 ? memmem(in.p, in.len, "\r\n\r\n", 4) : NULL;
    return end != NULL ? (size_t)(end - in.p) + 4 : 0;
}

/* --- bytes ------------------------------------------------------------------------------ */

/* RFC 9110 section 5.6.2. */
static bool is_token_byte(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_token(struct bytes b)
{
    for (size_t i = 0; i < b.len; i++)
        if (!is_token_byte(b.p[i]))
            return false;
    return b.len > 0;
}

/* Bytes above 0x7f are allowed, and no header that we read has them. */
static bool is_value(struct bytes b)
{
    for (size_t i = 0; i < b.len; i++)
        if ((b.p[i] < ' ' && b.p[i] != '\t') || b.p[i] == 0x7f)
            return false;
    return true;
}

static bool is_target(struct bytes b)
{
    for (size_t i = 0; i < b.len; i++)
        if (b.p[i] <= ' ' || b.p[i] >= 0x7f)
            return false;
    return b.len > 0 && b.p[0] == '/';
}

static bool is_text(struct bytes b, const char *text)
{
    return b.len == strlen(text) && memcmp(b.p, text, b.len) == 0;
}

static bool is_name(struct bytes b, const char *name)
{
    return b.len == strlen(name) && strncasecmp((const char *)b.p, name, b.len) == 0;
}

/* What stands before the first `c`, which is taken off `in` too; false: there is none. */
static bool take_until(struct bytes *part, struct bytes *in, char c)
{
    const uint8_t *at = in->len > 0 ? memchr(in->p, c, in->len) : NULL;
    if (at == NULL)
        return false;
    *part = (struct bytes){in->p, (size_t)(at - in->p)};
    in->p = at + 1;
    in->len -= part->len + 1;
    return true;
}

static struct bytes trim(struct bytes b)
{
    while (b.len > 0 && (b.p[0] == ' ' || b.p[0] == '\t'))
        b = (struct bytes){b.p + 1, b.len - 1};
    while (b.len > 0 && (b.p[b.len - 1] == ' ' || b.p[b.len - 1] == '\t'))
        b.len--;
    return b;
}

static bool copy_text(char *out, size_t size, struct bytes b)
{
    if (b.len >= size)
        return false;
    memcpy(out, b.p, b.len);
    out[b.len] = '\0';
    return true;
}

/* --- lines ------------------------------------------------------------------------------ */

/* A line without its CR LF. A CR elsewhere is a control character, refused by who reads
 * the line. */
static bool take_line(struct bytes *line, struct bytes *in)
{
    if (!take_until(line, in, '\n') || line->len == 0 || line->p[line->len - 1] != '\r')
        return false;
    line->len--;
    return true;
}

static enum kz_err read_target(struct http_request *r, struct bytes target)
{
    struct bytes path = target;
    if (!is_target(target))
        return KZ_PARSE;
    if (!take_until(&path, &target, '?'))
        target.len = 0;
    if (!copy_text(r->path, sizeof(r->path), path) ||
        !copy_text(r->query, sizeof(r->query), target))
        return KZ_RANGE;
    return KZ_OK;
}

static enum kz_err read_first_line(struct http_request *r, struct bytes line)
{
    struct bytes method, target;
    if (!take_until(&method, &line, ' ') || !take_until(&target, &line, ' ') ||
        !is_token(method) || (!is_text(line, "HTTP/1.1") && !is_text(line, "HTTP/1.0")))
        return KZ_PARSE;
    r->method = is_text(method, "GET")    ? HTTP_GET
                : is_text(method, "HEAD") ? HTTP_HEAD
                                          : HTTP_OTHER;
    return read_target(r, target);
}

/* Proxies append: what stands last was written by the one that we know. */
static void read_forwarded(struct http_request *r, struct bytes value)
{
    struct bytes part;
    while (take_until(&part, &value, ','))
        ;
    if (!copy_text(r->forwarded, sizeof(r->forwarded), trim(value)))
        r->forwarded[0] = '\0';
}

static enum kz_err read_header(struct http_request *r, struct bytes line)
{
    struct bytes name, value = line;
    if (!take_until(&name, &value, ':') || !is_token(name) || !is_value(value))
        return KZ_PARSE;
    value = trim(value);
    if (is_name(name, "accept-language") &&
        !copy_text(r->languages, sizeof(r->languages), value))
        r->languages[0] = '\0';
    if (is_name(name, "x-forwarded-for"))
        read_forwarded(r, value);
    return KZ_OK;
}

enum kz_err http_request_parse(struct http_request *out, struct bytes head)
{
    struct http_request r = {.method = HTTP_OTHER};
    struct bytes line;
    if (!take_line(&line, &head))
        return KZ_PARSE;
    enum kz_err err = read_first_line(&r, line);
    while (err == KZ_OK) {
        if (!take_line(&line, &head))
            return KZ_PARSE;
        if (line.len == 0)
            break;
        err = read_header(&r, line);
    }
    if (err == KZ_OK)
        *out = r;
    return err;
}

/* --- query ------------------------------------------------------------------------------ */

bool http_query_get(char *out, size_t size, const char *query, const char *name)
{
    size_t name_len = strlen(name);
    for (const char *p = query; *p != '\0';) {
        size_t len = strcspn(p, "&");
        if (len > name_len && p[name_len] == '=' && strncmp(p, name, name_len) == 0) {
            snprintf(out, size, "%.*s", (int)(len - name_len - 1), p + name_len + 1);
            return true;
        }
        p += len + (p[len] == '&');
    }
    return false;
}
