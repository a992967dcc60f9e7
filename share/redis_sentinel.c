#include "share/redis_sentinel.h"

#include "conf/log.h"
#include "conf/mem.h"
#include "conf/secret.h"
#include "share/bytes.h"
#include "share/redis_link.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define WHY_MAX 256

enum sentinel_state {
    SENTINEL_IDLE,
    SENTINEL_FINDING,  /* a round: the timer is the present sentinel's deadline */
    SENTINEL_WATCHING, /* between two polls: the timer begins the next */
    SENTINEL_POLLING,  /* as FINDING, while the master found is in use */
};

struct redis_sentinel {
    const struct conf *conf;
    struct redis_sentinel_hooks hooks;
    struct redis_link *link; /* to the sentinel `at` */
    struct event *timer;
    enum sentinel_state state;
    size_t at;
    size_t tried;    /* sentinels passed over in this round */
    bool is_up;      /* the link may be asked */
    bool is_leaving; /* the link is closed by us: no failure of that sentinel */

    struct conf_host master; /* port 0: none was found yet */
    struct conf_host named;  /* by the present sentinel, before its epoch is known */
    uint64_t epoch;          /* the highest that was believed */
    uint64_t round_epoch;    /* the highest of those refused as older in this round */
    size_t round_older;

    char logged[WHY_MAX]; /* the last reason that was logged */
};

static const struct conf_host *present(const struct redis_sentinel *s)
{
    return &s->conf->redis_sentinels[s->at];
}

static void set_timer(struct redis_sentinel *s, int ms)
{
    struct timeval after = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    evtimer_add(s->timer, &after);
}

static void leave(struct redis_sentinel *s, const char *why)
{
    s->is_leaving = true;
    redis_link_close(s->link, why);
    s->is_leaving = s->is_up = false;
}

/* --- a round ---------------------------------------------------------------------- */

/* The next sentinel is asked from the loop: this is called in the middle of callbacks of
 * the present one, and of redis_sentinel_find(). */
static void ask_soon(struct redis_sentinel *s)
{
    set_timer(s, 0);
}

/* All who were reached know an older configuration than we: where those are all there
 * are, they were set up anew, and what we know is what is old. */
static void judge_epochs(struct redis_sentinel *s)
{
    if (s->round_older == s->conf->redis_sentinel_count)
        s->epoch = s->round_epoch;
}

static void end_round(struct redis_sentinel *s, const char *why)
{
    bool was_finding = s->state == SENTINEL_FINDING;
    judge_epochs(s);
    if (was_finding) {
        s->state = SENTINEL_IDLE;
        evtimer_del(s->timer);
        s->hooks.on_none(s->hooks.ctx, why);
        return;
    }
    /* The master in use stays in use: that it answers is all that is known. */
    s->state = SENTINEL_WATCHING;
    set_timer(s, REDIS_SENTINEL_POLL_MS);
}

static void pass_over(struct redis_sentinel *s, const char *what)
{
    char why[WHY_MAX];
    if (s->state != SENTINEL_FINDING && s->state != SENTINEL_POLLING)
        return;
    snprintf(why, sizeof(why), "sentinel %.100s:%u: %.120s", present(s)->host,
             present(s)->port, what);
    if (strcmp(s->logged, why) != 0)
        log_warn("sentinel_passed_over", kv_str("why", why));
    memcpy(s->logged, why, sizeof(why));
    leave(s, what);
    s->at = (s->at + 1) % s->conf->redis_sentinel_count;
    if (++s->tried >= s->conf->redis_sentinel_count)
        end_round(s, why);
    else
        ask_soon(s);
}

static void believe(struct redis_sentinel *s)
{
    bool is_same =
        s->master.port == s->named.port && strcmp(s->master.host, s->named.host) == 0;
    bool was_finding = s->state == SENTINEL_FINDING;
    s->logged[0] = '\0';
    s->master = s->named;
    if (was_finding || is_same) {
        s->state = SENTINEL_WATCHING;
        set_timer(s, REDIS_SENTINEL_POLL_MS);
    } else {
        s->state = SENTINEL_IDLE;
        evtimer_del(s->timer);
    }
    if (was_finding)
        s->hooks.on_master(s->hooks.ctx, &s->master);
    else if (!is_same)
        s->hooks.on_moved(s->hooks.ctx, &s->master);
}

/* --- answers ---------------------------------------------------------------------- */

static bool is_text(const redisReply *r)
{
    return r->type == REDIS_REPLY_STRING && strlen(r->str) == (size_t)r->len;
}

static bool parse_address(struct conf_host *out, const redisReply *r)
{
    uint64_t port;
    if (r->type != REDIS_REPLY_ARRAY || r->elements != 2 || !is_text(r->element[0]) ||
        !is_text(r->element[1]) || r->element[0]->str[0] == '\0' ||
        strlen(r->element[0]->str) >= sizeof(out->host) ||
        !decimal_read(&port, r->element[1]->str, 65535) || port == 0)
        return false;
    snprintf(out->host, sizeof(out->host), "%s", r->element[0]->str);
    out->port = (uint16_t)port;
    return true;
}

/* Out of names and values in turn. */
static bool parse_epoch(uint64_t *out, const redisReply *r)
{
    if (r->type != REDIS_REPLY_ARRAY)
        return false;
    for (size_t i = 0; i + 1 < r->elements; i += 2)
        if (is_text(r->element[i]) && is_text(r->element[i + 1]) &&
            strcmp(r->element[i]->str, "config-epoch") == 0)
            return decimal_read(out, r->element[i + 1]->str, UINT64_MAX);
    return false;
}

/* Whether the answer is one of a round that goes on. */
static bool is_awaited(const struct redis_sentinel *s, const redisReply *r)
{
    return r != NULL && (s->state == SENTINEL_FINDING || s->state == SENTINEL_POLLING);
}

static void on_epoch(void *ctx, const redisReply *r)
{
    struct redis_sentinel *s = ctx;
    uint64_t epoch;
    if (!is_awaited(s, r))
        return;
    if (!parse_epoch(&epoch, r)) {
        pass_over(s, "its answer has no config-epoch");
    } else if (epoch < s->epoch) {
        s->round_older++;
        if (epoch > s->round_epoch)
            s->round_epoch = epoch;
        pass_over(s, "it has slept through a fail-over");
    } else {
        s->epoch = epoch;
        believe(s);
    }
}

static void on_address(void *ctx, const redisReply *r)
{
    struct redis_sentinel *s = ctx;
    char why[WHY_MAX];
    if (!is_awaited(s, r))
        return;
    if (r->type == REDIS_REPLY_NIL) {
        snprintf(why, sizeof(why), "it watches no master named \"%s\"",
                 s->conf->redis_master);
        pass_over(s, why);
    } else if (r->type == REDIS_REPLY_ERROR) {
        snprintf(why, sizeof(why), "%.120s", r->str);
        pass_over(s, why);
    } else if (!parse_address(&s->named, r)) {
        pass_over(s, "its answer is no address");
    }
}

static void on_auth(void *ctx, const redisReply *r)
{
    struct redis_sentinel *s = ctx;
    char why[WHY_MAX];
    if (!is_awaited(s, r) || r->type != REDIS_REPLY_ERROR)
        return;
    snprintf(why, sizeof(why), "AUTH: %.120s", r->str);
    pass_over(s, why);
}

/* --- asking ----------------------------------------------------------------------- */

static bool send_words(struct redis_sentinel *s, redis_link_fn *fn,
                       const char *const *words)
{
    return redis_link_ask(s->link, fn, s, words) == KZ_OK;
}
#define SEND(s, fn, ...) send_words(s, fn, (const char *const[]){__VA_ARGS__, NULL})

/* The answers come in this order; the first that is wrong closes the link, and the
 * others are not awaited any more. */
static void send_question(struct redis_sentinel *s)
{
    const char *master = s->conf->redis_master;
    if (!SEND(s, on_address, "SENTINEL", "get-master-addr-by-name", master) ||
        !SEND(s, on_epoch, "SENTINEL", "MASTER", master))
        pass_over(s, "a question could not be sent");
}

static void on_up(void *ctx)
{
    struct redis_sentinel *s = ctx;
    struct secret *password = NULL;
    const char *path = s->conf->redis_sentinel_password_file;
    s->is_up = true;
    /* Without it (logged) the sentinel says itself what it thinks of that. */
    if (path[0] != '\0' && secret_read(&password, path) == KZ_OK &&
        !SEND(s, on_auth, "AUTH", secret_reveal(password)))
        log_debug("sentinel_auth_not_sent");
    secret_free(password);
    if (s->state == SENTINEL_FINDING || s->state == SENTINEL_POLLING)
        send_question(s);
}

static void on_down(void *ctx, const char *why)
{
    struct redis_sentinel *s = ctx;
    s->is_up = false;
    if (!s->is_leaving)
        pass_over(s, why); /* while watching: it is connected anew at the next poll */
}

static void ask_present(struct redis_sentinel *s)
{
    set_timer(s, REDIS_SENTINEL_TIMEOUT_MS);
    if (s->is_up) {
        send_question(s);
        return;
    }
    leave(s, "asked anew");
    if (redis_link_open_tcp(s->link, present(s)->host, present(s)->port) != KZ_OK)
        pass_over(s, "cannot connect");
}

static void begin_round(struct redis_sentinel *s, enum sentinel_state state)
{
    s->state = state;
    s->tried = s->round_older = 0;
    s->round_epoch = 0;
}

/* Whether the present sentinel was asked and has not answered yet. */
static bool is_asking(const struct redis_sentinel *s)
{
    return redis_link_is_open(s->link) &&
           (!s->is_up || redis_link_waiting(s->link) > 0);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct redis_sentinel *s = arg;
    (void)fd;
    (void)what;
    if (s->state == SENTINEL_WATCHING)
        begin_round(s, SENTINEL_POLLING);
    else if (is_asking(s)) {
        pass_over(s, "it does not answer");
        return;
    }
    if (s->state != SENTINEL_IDLE)
        ask_present(s);
}

/* --- for the store ---------------------------------------------------------------- */

struct redis_sentinel *redis_sentinel_new(struct event_base *base,
                                          const struct conf *conf,
                                          const struct redis_sentinel_hooks *hooks)
{
    struct redis_sentinel *s = mem_new(sizeof(*s));
    const struct redis_link_hooks link_hooks = {
        .ctx = s, .on_up = on_up, .on_down = on_down};
    s->conf = conf;
    s->hooks = *hooks;
    s->link = redis_link_new(base, &link_hooks);
    s->timer = evtimer_new(base, on_timer, s);
    assert(s->timer != NULL); /* as the allocator, it does not fail */
    return s;
}

void redis_sentinel_free(struct redis_sentinel *s)
{
    if (s == NULL)
        return;
    s->state = SENTINEL_IDLE;
    redis_link_free(s->link);
    event_free(s->timer);
    mem_free(s);
}

void redis_sentinel_find(struct redis_sentinel *s)
{
    /* An answer to an older question must not be taken for one to this. */
    if (is_asking(s))
        leave(s, "asked anew");
    begin_round(s, SENTINEL_FINDING);
    ask_soon(s);
}

bool redis_sentinel_is_finding(const struct redis_sentinel *s)
{
    return s->state == SENTINEL_FINDING;
}

void redis_sentinel_doubt(struct redis_sentinel *s)
{
    leave(s, "not believed");
    s->state = SENTINEL_IDLE;
    evtimer_del(s->timer);
    s->at = (s->at + 1) % s->conf->redis_sentinel_count;
}

void redis_sentinel_format(const struct redis_sentinel *s, char *out, size_t size)
{
    if (s->master.port == 0)
        snprintf(out, size, "sentinel://%s", s->conf->redis_master);
    else
        snprintf(out, size, "sentinel://%s -> %s:%u", s->conf->redis_master,
                 s->master.host, s->master.port);
}
