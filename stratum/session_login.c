#include "stratum/session.h"

#include "conf/mem.h"

#include <string.h>
#include <strings.h>

#define DAY_MS INT64_C(86400000)

/* `m`: whose login it is, NULL: nobody's. */
static void report_refusal(struct session *s, enum refusal why, struct bytes login,
                           const struct roster_miner *m)
{
    struct front *f = s->front;
    struct login_refusal r = {.time_ms = f->utc_ms,
                              .why = why,
                              .login = (const char *)login.p,
                              .login_len = login.len < 128 ? login.len : 128,
                              .miner = m,
                              .peer = &s->conn.peer,
                              .agent = s->agent != NULL ? s->agent : "",
                              .listener = f->shared->listener_text[s->listener]};
    stats_add(&f->stats, STAT(logins_refused) + why, 1);
    f->shared->hooks.login_refused(f->shared->hooks.ctx, f->index, &r);
}

static void report_accepted(struct session *s, const struct miner_id *miner)
{
    struct front *f = s->front;
    struct login_accepted a = {.time_ms = f->utc_ms,
                               .miner = miner,
                               .agent = s->agent != NULL ? s->agent : ""};
    if (f->shared->hooks.login_accepted != NULL)
        f->shared->hooks.login_accepted(f->shared->hooks.ctx, f->index, &a);
}

void session_tell_logins(struct session *s)
{
    uint32_t today = (uint32_t)(s->front->utc_ms / DAY_MS);
    if (s->told_day == today)
        return;
    s->told_day = today;
    for (size_t i = 0; i < s->login_count; i++)
        if (s->logins[i]->is_active)
            report_accepted(s, &s->logins[i]->miner);
}

static void refuse_login(struct session *s, const struct request *r, enum refusal why,
                         const struct roster_miner *m)
{
    static const char *const texts[REFUSALS] = {
        [REFUSED_UNREGISTERED] = "Unauthorized worker: unregistered",
        [REFUSED_NOT_ACTIVE] = "Unauthorized worker: not active",
        [REFUSED_NETWORK] = "Unauthorized worker: not active",
        [REFUSED_MALFORMED_LOGIN] = "Unauthorized worker: malformed login",
        [REFUSED_MINER_LIMIT] = "Unauthorized worker: too many connections or logins",
        [REFUSED_NOT_READY] = "Other: not ready, try again",
    };
    int code = why == REFUSED_NOT_READY ? REPLY_CODE_OTHER : REPLY_CODE_UNAUTHORIZED;
    report_refusal(s, why, request_param_text(r, 0), m);
    reply_error(&s->front->out, r->id, "false", code, texts[why]);
}

static struct session_login *find_text(struct session *s, struct bytes text)
{
    for (size_t i = 0; i < s->login_count; i++) {
        struct session_login *l = s->logins[i];
        if (l->text_len == text.len && memcmp(l->text, text.p, text.len) == 0)
            return l;
    }
    return NULL;
}

struct session_login *session_find_login(struct session *s, struct bytes text)
{
    struct session_login *l = find_text(s, text);
    if (l != NULL || s->login_count == 0)
        return l;
    /* Blanks around it, or the miner's id in another case: the same worker. */
    struct login parsed;
    if (s->front->roster == NULL ||
        login_parse(&parsed, (const char *)text.p, text.len) != KZ_OK)
        return NULL;
    if (parsed.text.len != text.len && (l = find_text(s, parsed.text)) != NULL)
        return l;
    const struct roster_miner *m =
        roster_find(s->front->roster, (const char *)parsed.name.p, parsed.name.len);
    if (m == NULL)
        return NULL;
    struct worker_name worker;
    worker_name_set(&worker, (const char *)parsed.worker.p, parsed.worker.len);
    for (size_t i = 0; i < s->login_count; i++) {
        l = s->logins[i];
        if (l->miner_number == m->number && strcmp(l->worker.text, worker.text) == 0)
            return l;
    }
    return NULL;
}

static bool has_login_of(const struct session *s, uint32_t miner_number)
{
    for (size_t i = 0; i < s->login_count; i++) {
        if (s->logins[i]->miner_number == miner_number)
            return true;
    }
    return false;
}

static void count_active(struct session *s, int change)
{
    uint32_t before = s->active_count;
    s->active_count = (uint32_t)((int)before + change);
    if ((before == 0) != (s->active_count == 0))
        stats_add(&s->front->stats, STAT(authorized_sessions), change > 0 ? 1 : -1);
}

/* The login of this text, new or authorised before; NULL over a limit. */
static struct session_login *add_login(struct session *s, const struct login *login,
                                       const struct roster_miner *m)
{
    const struct conf_limits *limits = &s->front->conf.limits;
    struct session_login *l = find_text(s, login->text);
    if (l == NULL) {
        struct guard *guard = s->front->shared->guard;
        if (s->login_count >= limits->logins_per_session ||
            (!has_login_of(s, m->number) &&
             guard_enter_miner(guard, limits, m->number) != KZ_OK))
            return NULL;
        l = mem_new(sizeof(*l) + login->text.len);
        l->text_len = (uint16_t)login->text.len;
        memcpy(l->text, login->text.p, login->text.len);
        s->logins = mem_resize(s->logins, (s->login_count + 1) * sizeof(*s->logins));
        s->logins[s->login_count++] = l;
        l->miner_number = m->number;
    } else if (l->miner_number != m->number) {
        return NULL; /* the name changed hands meanwhile: a new connection, please */
    }
    l->miner = m->id;
    l->until_ms = m->until_ms;
    worker_name_set(&l->worker, (const char *)login->worker.p, login->worker.len);
    if (!l->is_active)
        count_active(s, 1);
    l->is_active = true;
    return l;
}

void session_drop_logins(struct session *s)
{
    if (s->active_count > 0)
        count_active(s, -(int)s->active_count);
    for (size_t i = 0; i < s->login_count; i++) {
        uint32_t number = s->logins[i]->miner_number;
        bool again = false;
        for (size_t k = 0; k < i && !again; k++)
            again = s->logins[k]->miner_number == number;
        if (!again)
            guard_leave_miner(s->front->shared->guard, number);
    }
    for (size_t i = 0; i < s->login_count; i++)
        mem_free(s->logins[i]);
    mem_free(s->logins);
    s->logins = NULL;
    s->login_count = 0;
}

static void apply_options(struct session *s, struct bytes password)
{
    struct login_options o;
    login_options_parse(&o, (const char *)password.p, password.len);
    if (o.has_minimum)
        s->minimum = difficulty_to_double(o.minimum);
    if (o.has_start)
        session_set_difficulty(s, o.start);
    if (o.has_fixed) {
        s->is_fixed = true;
        session_set_difficulty(s, o.fixed);
    } else if (o.has_start || o.has_minimum) {
        s->is_fixed = false;
        session_set_difficulty(s, s->difficulty);
    }
}

static bool is_banned(struct session *s, const struct login *login)
{
    return ban_has(&s->front->bans, &s->conn.peer, login->text.p, login->text.len,
                   s->front->now);
}

static void login_accepted(struct session *s, const struct request *r,
                           const struct roster_miner *m)
{
    bool is_first = s->login_count == 1;
    stats_add(&s->front->stats, STAT(logins), 1);
    reply_result(&s->front->out, r->id, "true");
    report_accepted(s, &m->id);
    apply_options(s, request_param_text(r, 1));
    /* Marketplaces look for a difficulty behind this reply; the work itself is sent
     * again only to a rig that may have been waiting for it, not for each worker of a
     * proxy. */
    s->due_difficulty = true;
    if (is_first) {
        s->due_job = true;
        if (!s->vardiff.has_shares) /* silence counts from here */
            vardiff_init(&s->vardiff, difficulty_to_double(s->difficulty),
                         s->front->now);
    }
    if (m->warned)
        session_show_message(s, "Your registration is restricted: ask the pool");
}

bool session_authorize(struct session *s, const struct request *r)
{
    const struct roster *roster = s->front->roster;
    struct bytes text = request_param_text(r, 0);
    struct login login;
    if (!session_is_ready(s, roster != NULL))
        return false;
    if (roster == NULL) {
        refuse_login(s, r, REFUSED_NOT_READY, NULL);
        return true;
    }
    if (login_parse(&login, (const char *)text.p, text.len) != KZ_OK) {
        refuse_login(s, r, REFUSED_MALFORMED_LOGIN, NULL);
        return true;
    }
    if (is_banned(s, &login)) {
        reply_error(&s->front->out, r->id, "false", REPLY_CODE_UNAUTHORIZED,
                    "Unauthorized worker: banned for a while");
        session_close(s, CLOSE_BANNED);
        return true;
    }
    const struct roster_miner *m =
        roster_find(roster, (const char *)login.name.p, login.name.len);
    if (m == NULL || m->unknown)
        refuse_login(s, r, REFUSED_UNREGISTERED, m);
    else if (!roster_may_mine(m, s->front->utc_ms))
        refuse_login(s, r, REFUSED_NOT_ACTIVE, m);
    else if (!roster_allows(m, &s->conn.peer))
        refuse_login(s, r, REFUSED_NETWORK, m);
    else if (add_login(s, &login, m) == NULL)
        refuse_login(s, r, REFUSED_MINER_LIMIT, m);
    else
        login_accepted(s, r, m);
    return true;
}

void session_show_message(struct session *s, const char *text)
{
    /* ASIC firmware treats an unknown method as an error; these read it. */
    static const char *const readers[] = {"cgminer", "bfgminer", "cpuminer", "gminer"};
    struct out *o = &s->front->out;
    for (size_t i = 0; s->agent != NULL && i < sizeof(readers) / sizeof(*readers);
         i++) {
        if (strncasecmp(s->agent, readers[i], strlen(readers[i])) != 0)
            continue;
        out_text(o, "{\"id\":null,\"method\":\"client.show_message\",\"params\":[\"");
        out_text(o, text);
        out_text(o, "\"]}\n");
        return;
    }
}

bool session_is_allowed(const struct session *s, const struct session_login *l)
{
    return l->is_active && (l->until_ms == 0 || s->front->utc_ms < l->until_ms);
}

void session_check_time(struct session *s)
{
    for (size_t i = 0; i < s->login_count; i++)
        if (s->logins[i]->is_active && !session_is_allowed(s, s->logins[i])) {
            session_check_roster(s);
            return;
        }
}

void session_check_roster(struct session *s)
{
    bool lost = false;
    for (size_t i = 0; i < s->login_count; i++) {
        struct session_login *l = s->logins[i];
        const struct roster_miner *m = roster_get(s->front->roster, l->miner_number);
        bool may_stay = m != NULL && roster_may_mine(m, s->front->utc_ms) &&
                        roster_allows(m, &s->conn.peer);
        if (may_stay)
            l->until_ms = m->until_ms;
        if (!l->is_active || may_stay)
            continue;
        l->is_active = false;
        lost = true;
        count_active(s, -1);
    }
    if (!lost)
        return;
    /* Answered 24 from now on; the tick closes it when no login is left. A proxy's
     * other miners are not thrown out with this one. */
    session_show_message(s, "Your registration does not allow mining now");
    if (s->active_count == 0 && !s->front->has_revoked) {
        s->front->has_revoked = true;
        s->front->revoked = s->front->now;
    }
    session_flush(s);
}
