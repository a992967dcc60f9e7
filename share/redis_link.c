#include "share/redis_link.h"

#include "conf/clock.h"
#include "conf/log.h"
#include "conf/mem.h"

#include <hiredis/async.h>

#include <hiredis/adapters/libevent.h>

#include <assert.h>
#include <limits.h>
#include <string.h>

#define ASK_ARGS_MAX 16

struct redis_link {
    struct event_base *base;
    struct redis_link_hooks hooks;
    struct event *up;      /* on_up is due: see on_connect() */
    redisAsyncContext *ac; /* NULL: closed */
    struct call *first;    /* under way, oldest first: the order of their answers */
    struct call **end;     /* where the next is hung */
    size_t waiting;
    struct monotime heard; /* last answer, or when the first of the waiting was asked */
};

struct call {
    struct redis_link *link; /* NULL: the link went away while hiredis was closing */
    struct call *next;
    redis_link_fn *fn;
    void *ctx;
};

static void on_up_due(evutil_socket_t fd, short what, void *arg)
{
    struct redis_link *l = arg;
    (void)fd;
    (void)what;
    l->hooks.on_up(l->hooks.ctx);
}

struct redis_link *redis_link_new(struct event_base *base,
                                  const struct redis_link_hooks *hooks)
{
    struct redis_link *l = mem_new(sizeof(*l));
    l->base = base;
    l->hooks = *hooks;
    l->end = &l->first;
    l->up = event_new(base, -1, 0, on_up_due, l);
    assert(l->up != NULL);
    return l;
}

static struct call *take_first(struct redis_link *l)
{
    struct call *c = l->first;
    l->first = c->next;
    if (l->first == NULL)
        l->end = &l->first;
    l->waiting--;
    c->link = NULL;
    return c;
}

/* Takes every call out and answers it with NULL. hiredis will call again for each when
 * it frees its context, maybe later; it then finds a call without a link. */
static void fail_calls(struct redis_link *l)
{
    while (l->first != NULL) {
        struct call *c = take_first(l);
        c->fn(c->ctx, NULL);
    }
}

/* `ac` is hiredis' to free, now or behind the callback that we are in. */
static void detach(struct redis_link *l)
{
    redisAsyncContext *ac = l->ac;
    l->ac = NULL;
    ac->data = NULL;
    event_del(l->up);
    fail_calls(l);
}

void redis_link_free(struct redis_link *l)
{
    if (l == NULL)
        return;
    if (l->ac != NULL) {
        redisAsyncContext *ac = l->ac;
        detach(l);
        redisAsyncFree(ac);
    }
    event_free(l->up);
    mem_free(l);
}

void redis_link_close(struct redis_link *l, const char *why)
{
    if (l->ac == NULL)
        return;
    redisAsyncContext *ac = l->ac;
    detach(l);
    redisAsyncFree(ac);
    l->hooks.on_down(l->hooks.ctx, why);
}

/* on_up is called from the loop: hiredis goes on with its context behind this, so who is
 * told could not close the link (0.14 frees it at once, and uses it). */
static void on_connect(const redisAsyncContext *ac, int status)
{
    struct redis_link *l = ac->data;
    if (l == NULL)
        return;
    if (status == REDIS_OK) {
        event_active(l->up, EV_TIMEOUT, 0);
        return;
    }
    char why[160] = "";
    memcpy(why, ac->errstr, strnlen(ac->errstr, sizeof(why) - 1));
    detach(l); /* hiredis frees it when this returns */
    l->hooks.on_down(l->hooks.ctx, why);
}

static void on_disconnect(const redisAsyncContext *ac, int status)
{
    struct redis_link *l = ac->data;
    if (l == NULL)
        return;
    char why[160] = "closed by Redis";
    if (status != REDIS_OK && ac->errstr != NULL) {
        memset(why, 0, sizeof(why));
        memcpy(why, ac->errstr, strnlen(ac->errstr, sizeof(why) - 1));
    }
    detach(l);
    l->hooks.on_down(l->hooks.ctx, why);
}

static enum kz_err attach(struct redis_link *l, redisAsyncContext *ac)
{
    if (ac == NULL)
        return KZ_IO;
    if (ac->err != 0 || redisLibeventAttach(ac, l->base) != REDIS_OK) {
        log_debug("redis_connect_failed", kv_str("error", ac->errstr));
        redisAsyncFree(ac);
        return KZ_IO;
    }
    ac->data = l;
    l->ac = ac;
    l->heard = clock_now();
    redisAsyncSetConnectCallback(ac, on_connect);
    redisAsyncSetDisconnectCallback(ac, on_disconnect);
    return KZ_OK;
}

enum kz_err redis_link_open_unix(struct redis_link *l, const char *path)
{
    return attach(l, redisAsyncConnectUnix(path));
}

enum kz_err redis_link_open_tcp(struct redis_link *l, const char *host, uint16_t port)
{
    return attach(l, redisAsyncConnect(host, port));
}

static void on_reply(redisAsyncContext *ac, void *reply, void *arg)
{
    (void)ac;
    struct call *c = arg;
    struct redis_link *l = c->link;
    if (l != NULL) {
        assert(l->first == c);
        take_first(l);
        l->heard = clock_now();
        c->fn(c->ctx, reply);
    }
    mem_free(c);
}

enum kz_err redis_link_send(struct redis_link *l, redis_link_fn *fn, void *ctx,
                            size_t argc, const char **argv, const size_t *lens)
{
    if (l->ac == NULL || argc > INT_MAX)
        return KZ_IO;
    struct call *c = mem_new(sizeof(*c));
    *c = (struct call){.link = l, .fn = fn, .ctx = ctx};
    if (redisAsyncCommandArgv(l->ac, on_reply, c, (int)argc, argv, lens) != REDIS_OK) {
        mem_free(c);
        return KZ_IO;
    }
    if (l->waiting++ == 0)
        l->heard = clock_now();
    *l->end = c;
    l->end = &c->next;
    return KZ_OK;
}

enum kz_err redis_link_ask(struct redis_link *l, redis_link_fn *fn, void *ctx,
                           const char *const *argv)
{
    const char *texts[ASK_ARGS_MAX];
    size_t lens[ASK_ARGS_MAX], n = 0;
    for (; n < ASK_ARGS_MAX && argv[n] != NULL; n++) {
        texts[n] = argv[n];
        lens[n] = strlen(argv[n]);
    }
    return redis_link_send(l, fn, ctx, n, texts, lens);
}

bool redis_link_is_open(const struct redis_link *l)
{
    return l->ac != NULL;
}

size_t redis_link_waiting(const struct redis_link *l)
{
    return l->waiting;
}

int64_t redis_link_silent_ms(const struct redis_link *l)
{
    return l->waiting > 0 ? monotime_ms_between(l->heard, clock_now()) : 0;
}
