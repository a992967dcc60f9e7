#include "pool/bench/bench_node.h"

#include "conf/clock.h"
#include "conf/mem.h"
#include "conf/secret.h"

#include <errno.h>
#include <jansson.h>
#include <netdb.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define ANSWER_MAX   (16u << 20)
#define CALL_SECONDS 30

struct node_caller {
    const struct node_plan *plan;
    struct link_address address;
    char authorization[1024];
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock; /* blocks, stopping */
    pthread_cond_t changed;
    bool stopping;
    struct node_blocks blocks;
};

static void node_failed(struct node_caller *n, const char *what, const char *detail)
{
    pthread_mutex_lock(&n->lock);
    if (n->blocks.why[0] == '\0')
        snprintf(n->blocks.why, sizeof(n->blocks.why), "%.50s: %.100s", what, detail);
    pthread_mutex_unlock(&n->lock);
}

/* --- one call, waiting for its answer --------------------------------------------- */

static int node_connect(const struct node_caller *n)
{
    struct timeval limit = {.tv_sec = CALL_SECONDS};
    int fd = socket(n->address.addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (connect(fd, (const struct sockaddr *)&n->address.addr, n->address.len) == 0)
        return fd;
    int number = errno;
    close(fd);
    errno = number;
    return -1;
}

static bool send_all(int fd, const char *p, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, p, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        p += sent;
        len -= (size_t)sent;
    }
    return true;
}

/* Everything until the node closes, with a final NUL; NULL when that failed. */
static char *receive_all(int fd)
{
    char *text = NULL;
    size_t len = 0, room = 0;
    for (;;) {
        if (room - len < 4096) {
            room = room * 2 + 16384;
            text = mem_resize(text, room);
        }
        ssize_t got = recv(fd, text + len, room - len - 1, 0);
        if (got == 0)
            break;
        if (got < 0 || len > ANSWER_MAX) {
            mem_free(text);
            return NULL;
        }
        len += (size_t)got;
    }
    text[len] = '\0';
    return text;
}

static char *node_exchange(struct node_caller *n, const char *body)
{
    char head[2048];
    int head_len =
        snprintf(head, sizeof(head),
                 "POST / HTTP/1.0\r\nHost: %s\r\nAuthorization: Basic %s\r\n"
                 "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                 n->plan->url.host, n->authorization, strlen(body));
    int fd = node_connect(n);
    if (fd < 0)
        return NULL;
    char *answer = NULL;
    if (send_all(fd, head, (size_t)head_len) && send_all(fd, body, strlen(body)))
        answer = receive_all(fd);
    int number = errno;
    close(fd);
    errno = number;
    return answer;
}

/* The answer's "result", the caller's; NULL with the failure noted. `params` is taken.
 */
static json_t *node_call(struct node_caller *n, const char *method, json_t *params)
{
    json_t *request = json_pack("{s:s,s:i,s:s,s:o}", "jsonrpc", "1.0", "id", 1,
                                "method", method, "params", params);
    char *body = json_dumps(request, JSON_COMPACT);
    json_decref(request);
    char *answer = node_exchange(n, body);
    free(body); /* allowed: jansson's own allocation */
    if (answer == NULL) {
        node_failed(n, method, strerrordesc_np(errno));
        return NULL;
    }
    const char *json = strstr(answer, "\r\n\r\n");
    json_t *reply = json != NULL ? json_loads(json + 4, 0, NULL) : NULL;
    json_t *error = json_object_get(reply, "error");
    json_t *result = NULL;
    if (reply == NULL)
        node_failed(n, method, "the node's answer is no JSON (is the cookie right?)");
    else if (error != NULL && !json_is_null(error))
        node_failed(n, method,
                    json_string_value(json_object_get(error, "message"))
                        ?: "error without a message");
    else
        result = json_incref(json_object_get(reply, "result"));
    json_decref(reply);
    mem_free(answer);
    return result;
}

/* --- blocks ----------------------------------------------------------------------- */

static void node_note(struct node_caller *n, const char *hash, int64_t called_ns,
                      int64_t returned_ns)
{
    struct hash256 h;
    if (hash == NULL || hash256_parse_display(&h, hash, strlen(hash)) != KZ_OK) {
        node_failed(n, "block", "the node gave no block hash");
        return;
    }
    pthread_mutex_lock(&n->lock);
    struct node_block *b = &n->blocks.block[n->blocks.count++];
    hash256_format_stratum(b->prevhash, &h);
    b->called_ns = called_ns;
    b->returned_ns = returned_ns;
    pthread_mutex_unlock(&n->lock);
}

static void node_make_full(struct node_caller *n)
{
    int64_t called = clock_now().ns;
    json_t *hashes =
        node_call(n, "generatetoaddress", json_pack("[i,s]", 1, n->plan->address));
    int64_t returned = clock_now().ns;
    if (hashes != NULL)
        node_note(n, json_string_value(json_array_get(hashes, 0)), called, returned);
    json_decref(hashes);
}

static void node_make_empty(struct node_caller *n)
{
    json_t *block =
        node_call(n, "generateblock", json_pack("[s,[],b]", n->plan->address, 0));
    if (block == NULL)
        return;
    json_t *hex = json_object_get(block, "hex");
    int64_t called = clock_now().ns;
    json_t *answer =
        json_is_string(hex) ? node_call(n, "submitblock", json_pack("[O]", hex)) : NULL;
    int64_t returned = clock_now().ns;
    if (answer != NULL && json_is_null(answer))
        node_note(n, json_string_value(json_object_get(block, "hash")), called,
                  returned);
    else
        node_failed(n, "submitblock", json_string_value(answer) ?: "no answer");
    json_decref(answer);
    json_decref(block);
}

/* False when it is time to end. */
static bool node_wait(struct node_caller *n, int64_t until_ns)
{
    struct timespec ts = {.tv_sec = until_ns / 1000000000,
                          .tv_nsec = until_ns % 1000000000};
    pthread_mutex_lock(&n->lock);
    while (!n->stopping && clock_now().ns < until_ns)
        pthread_cond_timedwait(&n->changed, &n->lock, &ts);
    bool going =
        !n->stopping && n->blocks.why[0] == '\0' && n->blocks.count < NODE_BLOCKS_MAX;
    pthread_mutex_unlock(&n->lock);
    return going;
}

static void *node_run(void *arg)
{
    struct node_caller *n = arg;
    int64_t every_ns = (int64_t)n->plan->every_seconds * 1000000000;
    int64_t begin = clock_now().ns;
    int64_t last = begin + ((int64_t)n->plan->seconds - 1) * 1000000000;
    for (int64_t at = begin + 500000000; at <= last; at += every_ns) {
        if (!node_wait(n, at))
            break;
        if (n->plan->empty)
            node_make_empty(n);
        else
            node_make_full(n);
    }
    return NULL;
}

/* --- start and stop --------------------------------------------------------------- */

static enum kz_err node_read_cookie(struct node_caller *n, char why[NODE_WHY_SIZE])
{
    struct secret *cookie;
    if (secret_read(&cookie, n->plan->cookie_file) != KZ_OK ||
        secret_len(cookie) > 700) {
        snprintf(why, NODE_WHY_SIZE, "the cookie file %.100s cannot be used",
                 n->plan->cookie_file);
        return KZ_IO;
    }
    EVP_EncodeBlock((unsigned char *)n->authorization,
                    (const unsigned char *)secret_reveal(cookie),
                    (int)secret_len(cookie));
    secret_free(cookie);
    return KZ_OK;
}

static enum kz_err node_resolve(struct node_caller *n, char why[NODE_WHY_SIZE])
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    int failed = getaddrinfo(n->plan->url.host, n->plan->url.port, &hints, &list);
    if (failed != 0) {
        snprintf(why, NODE_WHY_SIZE, "%.80s: %.60s", n->plan->url.host,
                 gai_strerror(failed));
        return KZ_IO;
    }
    memcpy(&n->address.addr, list->ai_addr, list->ai_addrlen);
    n->address.len = list->ai_addrlen;
    freeaddrinfo(list);
    return KZ_OK;
}

enum kz_err node_caller_start(struct node_caller **out, char why[NODE_WHY_SIZE],
                              const struct node_plan *plan)
{
    struct node_caller *n = mem_new(sizeof(*n));
    n->plan = plan;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&n->changed, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&n->lock, NULL);
    enum kz_err err = node_read_cookie(n, why);
    if (err == KZ_OK)
        err = node_resolve(n, why);
    if (err == KZ_OK) {
        n->has_thread = pthread_create(&n->thread, NULL, node_run, n) == 0;
        err = n->has_thread ? KZ_OK : KZ_IO;
        snprintf(why, NODE_WHY_SIZE, "no thread can be made");
    }
    if (err == KZ_OK)
        *out = n;
    else
        node_caller_stop(n, NULL);
    return err;
}

void node_caller_stop(struct node_caller *n, struct node_blocks *blocks)
{
    if (n == NULL)
        return;
    pthread_mutex_lock(&n->lock);
    n->stopping = true;
    pthread_cond_broadcast(&n->changed);
    pthread_mutex_unlock(&n->lock);
    if (n->has_thread)
        pthread_join(n->thread, NULL);
    if (blocks != NULL)
        *blocks = n->blocks;
    pthread_cond_destroy(&n->changed);
    pthread_mutex_destroy(&n->lock);
    OPENSSL_cleanse(n->authorization, sizeof(n->authorization));
    mem_free(n);
}
