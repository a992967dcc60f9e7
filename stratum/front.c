#include "stratum/front.h"

#include "conf/log.h"
#include "conf/mem.h"
#include "stratum/session.h"
#include "stratum/session_list.h"

#include <errno.h>
#include <openssl/rand.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAIL_CAPACITY 1024
#define ARRIVALS_MAX  256   /* of the mailbox: the rest stays free for jobs */
#define READ_BYTES    16384 /* a read event, behind a kept rest of a line */
#define TICK_MS       250
#define TICKS_A_SWEEP 4 /* all sessions are looked at once in so many ticks */
#define RESUME_MIN    1024
#define REVOKED_MS    400 /* a miner's sessions end within a second of the change */

/* --- turns ---------------------------------------------------------------------------
 */

void front_wake(struct front *f)
{
    f->now = clock_now();
    f->utc_ms = clock_utc_ms();
}

void front_keep_session(struct front *f, struct session *s)
{
    if (f->count == f->room) {
        f->room = f->room > 0 ? 2 * f->room : 64;
        f->sessions = mem_resize(f->sessions, f->room * sizeof(*f->sessions));
    }
    s->index = (uint32_t)f->count;
    f->sessions[f->count++] = s;
    stats_add(&f->stats, STAT(sessions), 1);
}

void front_drop_session(struct front *f, struct session *s)
{
    struct session *last = f->sessions[--f->count];
    f->sessions[s->index] = last;
    last->index = s->index;
    stats_add(&f->stats, STAT(sessions), -1);
}

void front_cancel_move(struct front *f, struct session *s)
{
    struct session **link = &f->moving;
    while (*link != s)
        link = &(*link)->next;
    *link = s->next;
    s->move_to = 0;
}

static void run_arrival(void *owner, void *arg)
{
    struct front *f = owner;
    atomic_fetch_sub_explicit(&f->arrivals, 1, memory_order_relaxed);
    front_wake(f);
    session_arrive(arg, f);
    front_rest(f);
}

/* A session that was under way when the fronts stopped. Its front is another's by now
 * or its old one; both still exist. */
static void drop_arrival(void *arg)
{
    session_free(arg, false);
}

/* Posts the session to the front that its extranonce1 belongs to, or gives it a fresh
 * one here when that front is busy. */
static void front_send_off(struct front *f, struct session *s)
{
    struct front *to = f->shared->fronts[s->move_to - 1];
    front_drop_session(f, s);
    conn_detach(&s->conn);
    if (s->conn.ssl != NULL)
        stats_add(&f->stats, STAT(tls_sessions), -1);
    if (s->active_count > 0)
        stats_add(&f->stats, STAT(authorized_sessions), -1);
    if (atomic_fetch_add_explicit(&to->arrivals, 1, memory_order_relaxed) <
            ARRIVALS_MAX &&
        mailbox_post(to->mail, (struct mailbox_call){run_arrival, drop_arrival, s}) ==
            KZ_OK)
        return;
    atomic_fetch_sub_explicit(&to->arrivals, 1, memory_order_relaxed);
    session_arrive(s, f);
}

void front_rest(struct front *f)
{
    while (f->moving != NULL) {
        struct session *s = f->moving;
        f->moving = s->next;
        s->next = NULL;
        front_send_off(f, s);
    }
    while (f->ended != NULL) {
        struct session *s = f->ended;
        f->ended = s->next;
        session_free(s, true);
    }
}

void front_accept(struct front *f, size_t i, int fd, const struct sockaddr *peer)
{
    struct netaddr address;
    netaddr_from_sockaddr(&address, peer);
    session_open(f, i, fd, &address);
}

/* --- what others tell ----------------------------------------------------------------
 */

/* Loops over sessions go from the last to the first: one that closes is replaced by the
 * last, which was visited already. */

static void on_job(struct front *f, const struct job_set *job, bool clean_jobs)
{
    jobs_add(f->jobs, job, clean_jobs, f->now);
    for (size_t i = f->count; i-- > 0;) {
        struct session *s = f->sessions[i];
        if (s->is_waiting) {
            session_wake(s);
        } else if (s->is_subscribed && s->conn.phase == CONN_OPEN) {
            s->due_job = true;
            session_settle(s);
            session_flush(s);
        }
    }
}

static void on_roster(struct front *f, struct roster *roster)
{
    roster_unref(f->roster);
    f->roster = roster;
    for (size_t i = f->count; i-- > 0;) {
        session_check_roster(f->sessions[i]);
        session_wake(f->sessions[i]);
    }
}

/* Listeners, and what buffers and tables were made from, need a restart. */
static void keep_fixed(struct conf_stratum *conf, const struct conf_stratum *old)
{
    for (size_t i = 0; i < old->listen_count; i++) {
        struct conf_listener *l = &conf->listen[i];
        if (i >= conf->listen_count || strcmp(l->address, old->listen[i].address) != 0)
            *l = old->listen[i];
        l->tls = old->listen[i].tls;
        l->extranonce2_size = old->listen[i].extranonce2_size;
    }
    conf->listen_count = old->listen_count;
    conf->limits.line_bytes = old->limits.line_bytes;
}

static void on_conf(struct front *f, struct conf_stratum *conf, SSL_CTX *tls)
{
    bool new_mask = f->conf.version_mask != conf->version_mask;
    keep_fixed(conf, &f->conf);
    f->conf = *conf;
    f->host.output_bytes = conf->limits.output_bytes;
    mem_free(conf);
    if (tls != NULL) {
        SSL_CTX_free(f->tls);
        f->tls = tls;
    }
    for (size_t i = f->count; i-- > 0;) {
        if (new_mask)
            session_check_mask(f->sessions[i]);
    }
}

static void drop_message(void *arg)
{
    struct front_message *m = arg;
    job_set_unref(&m->job);
    roster_unref(m->roster);
    mem_free(m->conf);
    SSL_CTX_free(m->tls);
    if (m->gather != NULL)
        gather_part(m->gather, m->front->index, NULL);
    mem_free(m);
}

static void run_message(void *owner, void *arg)
{
    struct front *f = owner;
    struct front_message *m = arg;
    front_wake(f);
    switch (m->news) {
    case FRONT_JOB:
        on_job(f, &m->job, m->clean_jobs);
        break;
    case FRONT_ROSTER:
        on_roster(f, m->roster);
        m->roster = NULL;
        break;
    case FRONT_CONF:
        on_conf(f, m->conf, m->tls);
        m->conf = NULL;
        m->tls = NULL;
        break;
    case FRONT_LIST:
        gather_part(m->gather, f->index, f);
        m->gather = NULL;
        break;
    }
    front_rest(f);
    drop_message(m);
}

bool front_tell(struct front *f, const struct front_message *m)
{
    struct front_message *copy = mem_copy(m, sizeof(*m));
    copy->front = f;
    if (mailbox_post(f->mail, (struct mailbox_call){run_message, drop_message, copy}) ==
        KZ_OK)
        return true;
    log_error("front_mailbox_full", kv_u64("front", f->index), kv_u64("news", m->news));
    drop_message(copy);
    return false;
}

/* --- the thread ----------------------------------------------------------------------
 */

/* Sessions whose last login was revoked: told then, closed now. */
static void close_revoked(struct front *f)
{
    if (!f->has_revoked || monotime_ms_between(f->revoked, f->now) < REVOKED_MS)
        return;
    f->has_revoked = false;
    for (size_t i = f->count; i-- > 0;) {
        struct session *s = f->sessions[i];
        if (s->login_count > 0 && s->active_count == 0)
            session_close(s, CLOSE_NOT_ACTIVE);
    }
}

/* A part of the sessions each time, so that no tick holds up the shares for long. */
static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct front *f = arg;
    if (atomic_load(&f->stopping))
        event_base_loopbreak(f->base);
    front_wake(f);
    for (size_t n = f->count / TICKS_A_SWEEP + 1; n > 0 && f->count > 0; n--) {
        if (f->sweep_at >= f->count)
            f->sweep_at = 0;
        session_tick(f->sessions[f->sweep_at++]);
    }
    close_revoked(f);
    jobs_expire(f->jobs, f->conf.job_seconds, f->now);
    resume_expire(f->resume,
                  monotime_add_ms(f->now, -(int64_t)f->conf.resume_seconds * 1000));
    for (size_t i = 0; i < f->listener_count; i++)
        listener_unpause(&f->listeners[i]);
    front_rest(f);
}

static void host_wake(void *owner)
{
    front_wake(owner);
}

static void host_rest(void *owner)
{
    front_rest(owner);
}

static void front_host(struct front *f)
{
    size_t in_size = f->conf.limits.line_bytes + READ_BYTES;
    f->host = (struct conn_host){.base = f->base,
                                 .in = mem_new(in_size),
                                 .in_size = in_size,
                                 .output_bytes = f->conf.limits.output_bytes,
                                 .owner = f,
                                 .on_wake = host_wake,
                                 .on_rest = host_rest,
                                 .on_input = session_input,
                                 .on_peer = session_peer,
                                 .is_proxy = session_is_proxy,
                                 .on_close = session_on_close};
}

static size_t resume_capacity(const struct front *f)
{
    size_t capacity = f->conf.limits.sessions / f->shared->count;
    size_t space = (1u << EXTRANONCE_BITS) / f->shared->count / 2;
    if (capacity < RESUME_MIN)
        capacity = RESUME_MIN;
    return capacity < space ? capacity : space;
}

static enum kz_err front_loop(struct front *f)
{
    struct event_config *config = event_config_new();
    if (config != NULL) { /* one thread uses it; the mailbox is how others do */
        event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
        f->base = event_base_new_with_config(config);
        event_config_free(config);
    }
    if (f->base != NULL)
        f->mail = mailbox_new(f->base, MAIL_CAPACITY, f);
    struct timeval each = {TICK_MS / 1000, TICK_MS % 1000 * 1000};
    if (f->mail != NULL)
        f->tick = event_new(f->base, -1, EV_PERSIST, on_tick, f);
    if (f->tick == NULL || event_add(f->tick, &each) != 0) {
        log_error("front_loop_failed", kv_u64("front", f->index), kv_errno(errno));
        return KZ_IO;
    }
    return KZ_OK;
}

static enum kz_err front_listen(struct front *f)
{
    for (size_t i = 0; i < f->conf.listen_count; i++) {
        enum kz_err err =
            listener_open(&f->listeners[i], f, i, f->conf.listen[i].address,
                          f->shared->listener_text[i]);
        if (err != KZ_OK)
            return err;
        f->listener_count++;
    }
    return KZ_OK;
}

enum kz_err front_new(struct front **out, struct front_shared *shared, unsigned index,
                      const struct conf_stratum *conf, SSL_CTX *tls)
{
    struct front *f = mem_new(sizeof(*f));
    f->shared = shared;
    f->index = index;
    f->conf = *conf;
    if (tls != NULL && SSL_CTX_up_ref(tls) == 1)
        f->tls = tls;
    f->jobs = jobs_new(conf->limits.jobs, conf->limits.shares_per_job);
    f->extranonces = extranonces_new(index, shared->count);
    f->resume = resume_new(f->extranonces, resume_capacity(f));
    f->targets = target_cache_new(shared->work_unit);
    if (RAND_bytes((unsigned char *)&f->bans.seed, sizeof(f->bans.seed)) != 1)
        abort(); /* see guard_new() */
    front_wake(f);
    enum kz_err err = front_loop(f);
    if (err == KZ_OK) {
        front_host(f);
        err = front_listen(f);
    }
    if (err != KZ_OK) {
        front_free(f);
        return err;
    }
    *out = f;
    return KZ_OK;
}

static void *front_main(void *arg)
{
    struct front *f = arg;
    event_base_dispatch(f->base);
    return NULL;
}

enum kz_err front_start(struct front *f)
{
    /* Signals are the control thread's; a new thread inherits the mask. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int why = pthread_create(&f->thread, NULL, front_main, f);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (why != 0) {
        log_error("front_thread_failed", kv_u64("front", f->index), kv_errno(why));
        return KZ_IO;
    }
    f->is_started = true;
    return KZ_OK;
}

static void run_stop(void *owner, void *arg)
{
    (void)arg;
    struct front *f = owner;
    event_base_loopbreak(f->base);
}

void front_stop(struct front *f)
{
    if (!f->is_started)
        return;
    atomic_store(&f->stopping, true); /* seen by the tick if the mailbox is full */
    if (mailbox_post(f->mail, (struct mailbox_call){run_stop, NULL, NULL}) != KZ_OK)
        log_warn("front_mailbox_full", kv_u64("front", f->index));
    pthread_join(f->thread, NULL);
    f->is_started = false;
}

static void front_end_sessions(struct front *f)
{
    while (f->count > 0)
        conn_close(&f->sessions[f->count - 1]->conn, CLOSE_STOPPED);
    while (f->ended != NULL) {
        struct session *s = f->ended;
        f->ended = s->next;
        session_free(s, false);
    }
}

void front_drop_mail(struct front *f)
{
    mailbox_free(f->mail);
    f->mail = NULL;
}

void front_free(struct front *f)
{
    if (f == NULL)
        return;
    front_end_sessions(f);
    mailbox_free(f->mail);
    for (size_t i = 0; i < f->listener_count; i++)
        listener_close(&f->listeners[i]);
    if (f->tick != NULL)
        event_free(f->tick);
    if (f->base != NULL)
        event_base_free(f->base);
    jobs_free(f->jobs);
    resume_free(f->resume);
    extranonces_free(f->extranonces);
    target_cache_free(f->targets);
    roster_unref(f->roster);
    SSL_CTX_free(f->tls);
    out_clear(&f->out);
    mem_free(f->host.in);
    mem_free(f->sessions);
    mem_free(f);
}
