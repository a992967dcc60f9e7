/* pool/http.h - a web server that could hardly do less, for pages that people look at.
 *
 * One GET or HEAD a connection, answered and closed; no bodies, no files, no TLS. It
 * stands behind a proxy that has those, or on the loopback address. libevent's own server
 * is not used: it cannot bound its connections, nor how long a request may take to come.
 *
 * Bounds     HTTP_CONNS_MAX connections, HTTP_CONNS_PER_ADDRESS of one address (proxies
 *            excepted), HTTP_HEAD_MAX bytes a request, HTTP_HEAD_S to send it,
 *            HTTP_ANSWER_S to be answered and read. pool/http_limit.h how many requests.
 *            What happens at each is counted in http_status().
 * Answers    say that nothing may store, index, frame or refer to them, and that a page
 *            may load nothing and run nothing. 405 to other methods; 400, 414, 429, 431 as
 *            RFC 9110 and 6585 have them, and 503 with Retry-After where the pool is busy.
 * Ownership  a call is the handler's until http_reply(), once, at once or later; a client
 *            that went away meanwhile is no matter.
 * Thread     control. */
#ifndef POOL_HTTP_H
#define POOL_HTTP_H

#include "conf/conf.h"
#include "pool/http_request.h"

#include <event2/event.h>
#include <jansson.h>

#define HTTP_CONNS_MAX         128
#define HTTP_CONNS_PER_ADDRESS 16
#define HTTP_HEAD_S            10
#define HTTP_ANSWER_S          30
#define HTTP_LINGER_S          2 /* for the peer to read the end */
#define HTTP_RETRY_S           10

struct http;
struct http_call;

typedef void http_handler(void *ctx, struct http_call *call,
                          const struct http_request *r);

/* All borrowed. `style_hash` (base64 of its SHA-256): the page's one style sheet, or NULL. */
struct http_answer {
    unsigned status;  /* 200, 404, 503 */
    const char *type; /* "text/html; charset=utf-8" */
    const char *language;
    const char *style_hash;
    struct bytes body;
};

/* Where `conf` has no http.listen, *out is NULL and nothing listens. KZ_IO: logged. */
KZ_MUST_USE enum kz_err http_start(struct http **out, struct event_base *base,
                                   const struct conf *conf, http_handler *on_request,
                                   void *ctx);
/* NULL accepted. Calls under way keep until they are replied to; nobody hears. */
void http_stop(struct http *h);

/* Ends the call. */
void http_reply(struct http_call *call, const struct http_answer *answer);
/* It asked for what is not there: counted, and its address may not do so often. Before the
 * reply. */
void http_guessed(struct http_call *call);

/* {listen, connections, counters}; of NULL: {listen: ""}. The caller's. */
json_t *http_status(const struct http *h);

#endif
