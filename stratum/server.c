#include "stratum/server.h"

#include "conf/log.h"
#include "conf/mem.h"
#include "stratum/front.h"
#include "stratum/session_list.h"
#include "stratum/tls.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#define FRONTS_MAX 64

struct stratum_server {
    struct front_shared shared;
    struct front *fronts[FRONTS_MAX]; /* shared.count of them; NULL: not made */
    SSL_CTX *tls;
};

const char *refusal_name(enum refusal r)
{
    static const char *const names[REFUSALS] = {
        [REFUSED_UNREGISTERED] = "unregistered",
        [REFUSED_NOT_ACTIVE] = "not_active",
        [REFUSED_NETWORK] = "network",
        [REFUSED_MALFORMED_LOGIN] = "malformed_login",
        [REFUSED_MINER_LIMIT] = "miner_limit",
        [REFUSED_NOT_READY] = "not_ready",
    };
    return names[r];
}

unsigned stratum_fronts_for(uint32_t threads)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    long n = threads > 0 ? (long)threads : cores;
    if (n < 1)
        n = 1;
    return n > FRONTS_MAX ? FRONTS_MAX : (unsigned)n;
}

static bool wants_tls(const struct conf_stratum *conf)
{
    for (size_t i = 0; i < conf->listen_count; i++) {
        if (conf->listen[i].tls)
            return true;
    }
    return false;
}

/* What the bounds sum to, so that nobody has to find out. */
static void log_bounds(const struct stratum_server *s, const struct conf_stratum *conf)
{
    const struct conf_limits *l = &conf->limits;
    uint64_t each = (uint64_t)l->line_bytes + l->output_bytes;
    uint64_t seen = (uint64_t)s->shared.count * l->jobs * l->shares_per_job * 16;
    log_info("stratum_started", kv_u64("fronts", s->shared.count),
             kv_u64("listeners", conf->listen_count), kv_u64("sessions", l->sessions),
             kv_u64("line_bytes", l->line_bytes),
             kv_u64("output_bytes", l->output_bytes), kv_u64("jobs", l->jobs),
             kv_u64("shares_per_job", l->shares_per_job),
             kv_u64("worst_buffer_bytes", each * l->sessions),
             kv_u64("worst_duplicate_bytes", seen));
}

static enum kz_err start(struct stratum_server *s, const struct conf_stratum *conf)
{
    enum kz_err err = KZ_OK;
    if (wants_tls(conf))
        err = tls_load(&s->tls, conf->tls_certificate, conf->tls_key, NULL);
    /* All sockets before any thread: two fronts must agree on a port that was free. */
    for (unsigned i = 0; err == KZ_OK && i < s->shared.count; i++)
        err = front_new(&s->fronts[i], &s->shared, i, conf, s->tls);
    for (unsigned i = 0; err == KZ_OK && i < s->shared.count; i++)
        err = front_start(s->fronts[i]);
    return err;
}

enum kz_err stratum_start(struct stratum_server **out, const struct conf *conf,
                          const struct stratum_hooks *hooks)
{
    struct stratum_server *s = mem_new(sizeof(*s));
    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes without MSG_NOSIGNAL */
    s->shared.hooks = *hooks;
    s->shared.guard = guard_new();
    s->shared.instance = conf->instance_number;
    s->shared.work_unit = network_of(conf->network)->work_unit;
    s->shared.count = stratum_fronts_for(conf->stratum.threads);
    s->shared.fronts = s->fronts;
    enum kz_err err = start(s, &conf->stratum);
    if (err != KZ_OK) {
        stratum_stop(s);
        return err;
    }
    log_bounds(s, &conf->stratum);
    *out = s;
    return KZ_OK;
}

void stratum_stop(struct stratum_server *s)
{
    if (s == NULL)
        return;
    for (unsigned i = 0; i < s->shared.count; i++) {
        if (s->fronts[i] != NULL)
            front_stop(s->fronts[i]);
    }
    /* Sessions on their way between fronts lie in a mailbox and still count in the
     * tables of the front they left: mail goes first, of all fronts. */
    for (unsigned i = 0; i < s->shared.count; i++) {
        if (s->fronts[i] != NULL)
            front_drop_mail(s->fronts[i]);
    }
    for (unsigned i = 0; i < s->shared.count; i++)
        front_free(s->fronts[i]);
    SSL_CTX_free(s->tls);
    guard_free(s->shared.guard);
    mem_free(s);
}

unsigned stratum_front_count(const struct stratum_server *s)
{
    return s->shared.count;
}

void stratum_publish_job(struct stratum_server *s, const struct job_set *job,
                         bool clean_jobs)
{
    for (unsigned i = 0; i < s->shared.count; i++) {
        struct front_message m = {
            .news = FRONT_JOB, .job = job_set_ref(job), .clean_jobs = clean_jobs};
        front_tell(s->fronts[i], &m);
    }
}

void stratum_publish_roster(struct stratum_server *s, const struct roster *roster)
{
    for (unsigned i = 0; i < s->shared.count; i++) {
        struct front_message m = {.news = FRONT_ROSTER, .roster = roster_ref(roster)};
        front_tell(s->fronts[i], &m);
    }
}

enum kz_err stratum_reload(struct stratum_server *s, const struct conf *conf)
{
    const struct conf_stratum *c = &conf->stratum;
    SSL_CTX *tls = NULL;
    enum kz_err err = KZ_OK;
    if (s->tls != NULL)
        err = tls_load(&tls, c->tls_certificate, c->tls_key, s->tls);
    for (unsigned i = 0; i < s->shared.count; i++) {
        if (tls != NULL)
            SSL_CTX_up_ref(tls);
        struct front_message m = {
            .news = FRONT_CONF, .conf = mem_copy(c, sizeof(*c)), .tls = tls};
        front_tell(s->fronts[i], &m);
    }
    if (tls != NULL) {
        SSL_CTX_free(s->tls);
        s->tls = tls;
    }
    return err;
}

void stratum_stats(const struct stratum_server *s, struct stratum_stats *out)
{
    *out = (struct stratum_stats){0};
    for (unsigned i = 0; i < s->shared.count; i++)
        stats_sum(out, &s->fronts[i]->stats);
}

const char *stratum_listener_address(const struct stratum_server *s, size_t i)
{
    return s->shared.listener_text[i];
}

void stratum_list_sessions(struct stratum_server *s, const char *miner, size_t max,
                           void (*on_done)(void *ctx, json_t *sessions), void *ctx)
{
    struct gather *g = gather_new(s->shared.count, miner, max, on_done, ctx);
    for (unsigned i = 0; i < s->shared.count; i++) {
        struct front_message m = {.news = FRONT_LIST, .gather = g};
        front_tell(s->fronts[i], &m);
    }
}
