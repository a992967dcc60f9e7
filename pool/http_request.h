/* pool/http_request.h - the head of an HTTP/1 request, as far as the pool's pages need it.
 *
 *   GET /watch/TOKEN.json?lang=ru HTTP/1.1
 *
 * Strict: lines end with CR LF, names and values have no control characters, nothing is
 * folded, and a target is a path with an optional query. Nothing is decoded: no page of
 * ours has a percent sign in its address. A body is nobody's business here; who sends one
 * is answered, and the connection ends.
 *
 * Thread  any. Pure: no I/O, lock, clock or allocation. Source: RFC 9110, RFC 9112. */
#ifndef POOL_HTTP_REQUEST_H
#define POOL_HTTP_REQUEST_H

#include "share/bytes.h"

#define HTTP_HEAD_MAX     8192 /* bytes, the empty line included */
#define HTTP_PATH_SIZE    256
#define HTTP_QUERY_SIZE   128
#define HTTP_LANGS_SIZE   256
#define HTTP_ADDRESS_SIZE 64

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_OTHER };

struct http_request {
    enum http_method method;
    char path[HTTP_PATH_SIZE];         /* begins with a slash */
    char query[HTTP_QUERY_SIZE];       /* behind the question mark; "" */
    char languages[HTTP_LANGS_SIZE];   /* Accept-Language; "": none, or too long */
    char forwarded[HTTP_ADDRESS_SIZE]; /* the last of X-Forwarded-For; "": none, or no
                                        * address */
};

/* How long the head is that `in` begins with; 0: it has no end yet. */
size_t http_head_len(struct bytes in);

/* KZ_PARSE: no such head. KZ_RANGE: a path or query longer than any of ours. */
KZ_MUST_USE enum kz_err http_request_parse(struct http_request *out, struct bytes head);

/* The value of `name` in a query "a=1&b=2", cut to `size`; false: it is not there. */
bool http_query_get(char *out, size_t size, const char *query, const char *name);

#endif
