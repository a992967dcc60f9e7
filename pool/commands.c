#include "pool/commands.h"

#include "conf/mem.h"
#include "pool/commands_backup.h"
#include "pool/commands_inquiry.h"
#include "pool/desk.h"
#include "pool/pool_parts.h"
#include "pool/watcher_desk.h"
#include "share/bytes.h"

#include <string.h>

#define BLOCKS_SHOWN      100
#define SESSIONS_SHOWN    10000 /* of each front thread */
#define STATUS_MINERS_MAX 1000

/* A request that waits for the store or the fronts, and what is known so far. Their
 * answers come on their threads and are posted on to control. */
struct pending {
    struct pool *pool;
    struct control_request *request;
    void (*finish)(struct pending *w); /* on control, with `value` or `text` */
    enum kz_err err;
    json_t *value; /* owned */
    char text[256];
    json_t *other; /* owned; a first part of the answer */
};

static struct pending *pending_new(struct pool *p, struct control_request *r,
                                   void (*finish)(struct pending *w))
{
    struct pending *w = mem_new(sizeof(*w));
    w->pool = p;
    w->request = r;
    w->finish = finish;
    return w;
}

static void pending_free(void *arg)
{
    struct pending *w = arg;
    json_decref(w->value);
    json_decref(w->other);
    mem_free(w);
}

/* Never ran: the daemon stops. The request's client is gone already. */
static void pending_drop(void *arg)
{
    struct pending *w = arg;
    control_refuse(w->request, "stopping");
    pending_free(w);
}

static void run_finish(void *owner, void *arg)
{
    (void)owner;
    struct pending *w = arg;
    if (w->pool->stratum == NULL) /* stopping: its parts are going away */
        pending_drop(w);
    else
        w->finish(w);
}

static void post_on(struct pending *w)
{
    struct mailbox_call call = {run_finish, pending_drop, w};
    /* The mailbox holds tens of thousands: full means that control has hung. */
    if (mailbox_post(w->pool->mailbox, call) != KZ_OK)
        log_error("control_answer_lost");
}

/* A store_reply_fn: on the store thread. */
static void on_store_reply(void *ctx, enum kz_err err, json_t *value, const char *text)
{
    struct pending *w = ctx;
    json_decref(w->value);
    w->err = err;
    w->value = value;
    snprintf(w->text, sizeof(w->text), "%s", text != NULL ? text : "");
    post_on(w);
}

/* The same where `text` holds what was asked for. */
static void on_reasons(void *ctx, enum kz_err err, json_t *value, const char *text)
{
    struct pending *w = ctx;
    (void)text;
    w->err = err;
    w->value = value;
    post_on(w);
}

/* --- status -------------------------------------------------------------------------- */

static json_t *listeners_status(const struct pool *p)
{
    json_t *list = json_array();
    for (size_t i = 0; i < p->conf->stratum.listen_count; i++)
        json_array_append_new(list, json_pack("{s:s, s:b}", "address",
                                              stratum_listener_address(p->stratum, i),
                                              "tls", p->conf->stratum.listen[i].tls));
    return list;
}

static json_t *shares_status(const struct stratum_stats *s)
{
    json_t *refused = json_object();
    for (int v = SHARE_ACCEPTED + 1; v < SHARE_VERDICTS; v++)
        json_object_set_new(refused, share_verdict_name((enum share_verdict)v),
                            json_integer((json_int_t)s->shares[v]));
    return json_pack("{s:I, s:o}", "accepted", (json_int_t)s->shares[SHARE_ACCEPTED],
                     "refused", refused);
}

static json_t *logins_status(const struct stratum_stats *s)
{
    json_t *refused = json_object();
    for (int i = 0; i < REFUSALS; i++)
        json_object_set_new(refused, refusal_name((enum refusal)i),
                            json_integer((json_int_t)s->logins_refused[i]));
    return refused;
}

/* Each bound's counter, so that what happens at it is seen. */
static json_t *stratum_status(const struct stratum_stats *s)
{
    const struct {
        const char *name;
        uint64_t value;
    } counters[] = {
        {"sessions", s->sessions},
        {"authorized_sessions", s->authorized_sessions},
        {"tls_sessions", s->tls_sessions},
        {"connects", s->connects},
        {"logins", s->logins},
        {"lines", s->lines},
        {"jobs_sent", s->jobs_sent},
        {"blocks_found", s->blocks_found},
        {"closed_by_peer", s->closed_by_peer},
        {"closed_slow_reader", s->closed_slow_reader},
        {"closed_line_too_long", s->closed_line_too_long},
        {"closed_no_request", s->closed_no_request},
        {"closed_idle", s->closed_idle},
        {"closed_banned", s->closed_banned},
        {"closed_not_active", s->closed_not_active},
        {"closed_limit", s->closed_limit},
        {"closed_http", s->closed_http},
        {"closed_tls_on_plain", s->closed_tls_on_plain},
        {"closed_proxy_header", s->closed_proxy_header},
        {"closed_tls_failed", s->closed_tls_failed},
        {"closed_not_kept", s->closed_not_kept},
    };
    json_t *object = json_object();
    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
        json_object_set_new(object, counters[i].name,
                            json_integer((json_int_t)counters[i].value));
    json_object_set_new(object, "logins_refused", logins_status(s));
    return object;
}

/* What the daemon knows without asking Redis. */
static json_t *status_now(const struct pool *p)
{
    struct stratum_stats stats;
    stratum_stats(p->stratum, &stats);
    int64_t up = monotime_ms_between(p->started, clock_now());
    json_t *status = json_pack(
        "{s:s, s:s, s:s, s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
        "version", KARIZ_VERSION, "instance", p->conf->instance, "network",
        conf_network_name(p->conf->network), "operator", p->conf->operator_name,
        "uptime_ms", (json_int_t)up, "sessions", (json_int_t)stats.sessions,
        "listeners", listeners_status(p), "nodes", nodes_status(p->nodes), "shares",
        shares_status(&stats), "stratum", stratum_status(&stats), "blocks",
        blocks_status(p->blocks), "redis", store_status(p->store), "journal",
        store_journal_status(p->store), "accounting", accounts_status(p->accounts));
    json_t *job = refresh_status(p->refresh);
    json_object_set_new(status, "day_fees", dayfees_status(p->dayfees));
    json_object_set_new(status, "http", http_status(p->http));
    json_object_update(status, job); /* height, job_id, proposal, ... */
    json_decref(job);
    if (p->backup != NULL)
        json_object_set_new(status, "backup", backup_status(p->backup));
    json_object_set_new(status, "data_dir", json_string(p->conf->data_dir));
    return status;
}

static void set_node_in_use(json_t *status)
{
    size_t index;
    json_t *node;
    json_object_set_new(status, "node_in_use", json_integer(-1));
    json_array_foreach(json_object_get(status, "nodes"), index, node)
    {
        if (json_is_true(json_object_get(node, "in_use")))
            json_object_set_new(status, "node_in_use", json_integer((json_int_t)index));
    }
}

static json_t *hashrate_of(const json_t *figures)
{
    json_t *rates = json_object_get(figures, "hashrate");
    return rates != NULL ? json_incref(rates) : json_pack("{}");
}

/* A miner's record of the registry and its sums of the tally, in one row. */
static json_t *miner_row(const json_t *miner, const json_t *tally)
{
    const char *id = json_string_value(json_object_get(miner, "miner_id"));
    const json_t *sums = json_object_get(json_object_get(tally, "miners"), id);
    json_t *row = json_pack("{s:s}", "id", id);
    static const char *const from_record[] = {"residency", "residence_country",
                                              "state"};
    static const char *const from_tally[] = {"work", "accepted", "refused",
                                             "last_share_ms"};
    for (size_t i = 0; i < 3; i++)
        json_object_set(row, from_record[i], json_object_get(miner, from_record[i]));
    for (size_t i = 0; i < 4; i++) {
        json_t *value = json_object_get(sums, from_tally[i]);
        json_object_set_new(row, from_tally[i],
                            value != NULL ? json_incref(value)
                            : i == 0      ? json_string("0")
                                          : json_integer(0));
    }
    json_object_set_new(row, "hashrate", hashrate_of(sums));
    return row;
}

/* The miners that a status shows, as the registry had them when it was asked for. */
static json_t *shown_miners(const struct pool *p)
{
    json_t *miners = registry_list(p->registry);
    while (json_array_size(miners) > STATUS_MINERS_MAX)
        json_array_remove(miners, json_array_size(miners) - 1);
    return miners;
}

/* Copies: they go to another thread. */
static json_t *ids_of(const json_t *miners)
{
    json_t *ids = json_array(), *miner;
    size_t index;
    json_array_foreach(miners, index, miner)
        json_array_append_new(ids, json_copy(json_object_get(miner, "miner_id")));
    return ids;
}

static void finish_status(struct pending *w)
{
    struct pool *p = w->pool;
    json_t *status = status_now(p);
    json_t *rows = json_array();
    size_t index;
    json_t *miner;
    set_node_in_use(status);
    json_array_foreach(w->other, index, miner)
        json_array_append_new(rows, miner_row(miner, w->value));
    json_object_set_new(status, "miners", rows);
    json_object_set_new(status, "registry", registry_status(p->registry));
    json_object_set_new(status, "report", reporter_status(p->reporter));
    json_object_set_new(status, "hashrate",
                        hashrate_of(json_object_get(w->value, "pool")));
    if (w->err != KZ_OK)
        json_object_set_new(status, "alarm",
                            json_string("Redis is away: no sums shown"));
    control_reply(w->request, status);
    pending_free(w);
}

static void on_status(void *ctx, struct control_request *r, const json_t *arguments)
{
    (void)arguments;
    struct pool *p = ctx;
    struct pending *w = pending_new(p, r, finish_status);
    w->other = shown_miners(p);
    store_tally_of(p->store, ids_of(w->other), on_store_reply, w);
}

/* --- nodes, blocks, workers ---------------------------------------------------------- */

static void on_nodes(void *ctx, struct control_request *r, const json_t *arguments)
{
    (void)arguments;
    struct pool *p = ctx;
    control_reply(r, nodes_status(p->nodes));
}

static void finish_plain(struct pending *w)
{
    if (w->err == KZ_OK) {
        control_reply(w->request, w->value);
        w->value = NULL;
    } else {
        control_refuse(w->request, "%s",
                       w->text[0] != '\0' ? w->text : kz_err_text(w->err));
    }
    pending_free(w);
}

static void on_blocks(void *ctx, struct control_request *r, const json_t *arguments)
{
    (void)arguments;
    struct pool *p = ctx;
    store_blocks(p->store, BLOCKS_SHOWN, on_store_reply,
                 pending_new(p, r, finish_plain));
}

static void rig_key(char *out, size_t size, const json_t *row)
{
    const char *miner = json_string_value(json_object_get(row, "miner"));
    const char *worker = json_string_value(json_object_get(row, "worker"));
    snprintf(out, size, "%s.%s", miner != NULL ? miner : "",
             worker != NULL ? worker : "");
}

/* Puts each live session under its worker's row; one without a share yet gets a row. */
static void join_sessions(json_t *workers, const json_t *sessions)
{
    char key[MINER_ID_MAX + WORKER_NAME_MAX + 8];
    size_t i;
    json_t *session, *row;
    json_t *rows =
        json_object(); /* by rig, so that a farm is not compared pair by pair */
    json_array_foreach(workers, i, row)
    {
        rig_key(key, sizeof(key), row);
        json_object_set(rows, key, row);
    }
    json_array_foreach(sessions, i, session)
    {
        rig_key(key, sizeof(key), session);
        row = json_object_get(rows, key);
        if (row == NULL) {
            row = json_pack("{s:O, s:O, s:s, s:i, s:i}", "miner",
                            json_object_get(session, "miner"), "worker",
                            json_object_get(session, "worker"), "work", "0", "accepted",
                            0, "refused", 0);
            json_object_set(rows, key, row);
            json_array_append_new(workers, row);
        }
        if (json_object_get(row, "sessions") == NULL)
            json_object_set_new(row, "sessions", json_array());
        json_array_append(json_object_get(row, "sessions"), session);
    }
    json_decref(rows);
}

static void finish_workers(struct pending *w)
{
    if (w->err == KZ_OK)
        join_sessions(w->value, w->other);
    finish_plain(w);
}

/* On a front thread. */
static void on_sessions(void *ctx, json_t *sessions)
{
    struct pending *w = ctx;
    w->other = sessions;
    post_on(w);
}

static void finish_sessions(struct pending *w)
{
    const char *miner = w->text; /* kept there until the store's text replaces it */
    w->finish = finish_workers;
    store_workers(w->pool->store, miner, on_store_reply, w);
}

static void on_workers(void *ctx, struct control_request *r, const json_t *arguments)
{
    struct pool *p = ctx;
    const char *miner = control_text(arguments, "miner");
    struct pending *w = pending_new(p, r, finish_sessions);
    snprintf(w->text, sizeof(w->text), "%s", miner != NULL ? miner : "");
    stratum_list_sessions(p->stratum, w->text, SESSIONS_SHOWN, on_sessions, w);
}

/* --- miners -------------------------------------------------------------------------- */

static void on_miner_list(void *ctx, struct control_request *r, const json_t *arguments)
{
    (void)arguments;
    struct pool *p = ctx;
    control_reply(r, registry_list(p->registry));
}

/* The record is told also while Redis is away, without the day's reasons. */
static void finish_miner(struct pending *w)
{
    json_t *record = registry_show(w->pool->registry, w->text);
    if (record == NULL) {
        control_refuse(w->request, "no miner \"%.64s\"", w->text);
    } else {
        if (w->value != NULL)
            json_object_set(record, "refused_today", w->value);
        control_reply(w->request, record);
    }
    pending_free(w);
}

static void on_miner_show(void *ctx, struct control_request *r, const json_t *arguments)
{
    struct pool *p = ctx;
    const char *id = control_text(arguments, "id");
    struct pending *w = pending_new(p, r, finish_miner);
    snprintf(w->text, sizeof(w->text), "%s", id != NULL ? id : "");
    store_reasons(p->store, w->text, on_reasons, w);
}

/* --- the ledger ------------------------------------------------------------------- */

static void finish_capital(struct pending *w)
{
    if (w->err == KZ_OK)
        control_reply(w->request, json_pack("{s:s}", "note", "booked"));
    else
        control_refuse(w->request, "%s", w->text);
    pending_free(w);
}

/* On the accountant's thread. */
static void on_capital_done(void *ctx, enum kz_err err, const char *text)
{
    struct pending *w = ctx;
    w->err = err;
    snprintf(w->text, sizeof(w->text), "%s", text);
    post_on(w);
}

/* "in" and "5000": satoshi; taken out is below 0. */
static bool parse_capital(int64_t *sat, const char *way, const char *text)
{
    uint64_t v = 0;
    bool is_out = way != NULL && strcmp(way, "out") == 0;
    if (way == NULL || text == NULL || (!is_out && strcmp(way, "in") != 0))
        return false;
    if (!decimal_read(&v, text, (uint64_t)AMOUNT_MAX_SAT) || v == 0)
        return false;
    *sat = is_out ? -(int64_t)v : (int64_t)v;
    return true;
}

static bool is_listed_officer(const struct conf *conf, const char *name)
{
    for (size_t i = 0; i < conf->operator_count; i++)
        if (strcmp(conf->operators[i].name, name) == 0)
            return conf->operators[i].role == CONF_ROLE_OFFICER;
    return false;
}

/* Where operators are listed: both are officers, and one of them is who asks. False: said. */
static bool are_two_officers(const struct pool *p, struct control_request *r,
                             const struct capital_request *c)
{
    struct desk_person person;
    if (p->conf->operator_count == 0)
        return true;
    if (!desk_find_person(&person, p->conf, r))
        return false;
    bool is_one = strcmp(c->basis.by[0], person.name) == 0 ||
                  strcmp(c->basis.by[1], person.name) == 0;
    if (is_one && is_listed_officer(p->conf, c->basis.by[0]) &&
        is_listed_officer(p->conf, c->basis.by[1]))
        return true;
    control_refuse(r, "by: two officers of the settings expected, one of them %s",
                   person.name);
    return false;
}

static void on_capital(void *ctx, struct control_request *r, const json_t *arguments)
{
    struct pool *p = ctx;
    const char *reason = control_text(arguments, "reason");
    const json_t *by = json_object_get(arguments, "by");
    struct capital_request c = {.on_done = on_capital_done};
    if (!parse_capital(&c.sat, control_text(arguments, "way"),
                       control_text(arguments, "amount"))) {
        control_refuse(r, "needs in or out, and --amount in whole satoshi");
        return;
    }
    snprintf(c.basis.reason, sizeof(c.basis.reason), "%s",
             reason != NULL ? reason : "");
    for (size_t i = 0; i < 2; i++) {
        const char *person = json_string_value(json_array_get(by, i));
        snprintf(c.basis.by[i], sizeof(c.basis.by[i]), "%s",
                 person != NULL ? person : "");
    }
    if (!are_two_officers(p, r, &c))
        return;
    struct pending *w = pending_new(p, r, finish_capital);
    c.ctx = w;
    if (accounts_capital(p->accounts, &c) != KZ_OK)
        on_capital_done(w, KZ_BUSY, "another booking is under way");
}

/* --- the daemon ---------------------------------------------------------------------- */

static json_t *note(const char *text)
{
    json_t *shown = json_string(text);
    return json_pack("{s:o}", "note", shown != NULL ? shown : json_string("done"));
}

static void on_reload(void *ctx, struct control_request *r, const json_t *arguments)
{
    (void)arguments;
    char text[POOL_NOTE_SIZE];
    if (pool_reload(ctx, text))
        control_reply(r, note(text));
    else
        control_refuse(r, "%s", text);
}

static void on_nudge(void *ctx, struct control_request *r, const json_t *arguments)
{
    (void)arguments;
    struct pool *p = ctx;
    nodes_nudge(p->nodes);
    control_reply(r, note("asked for a template"));
}

static void on_stop(void *ctx, struct control_request *r, const json_t *arguments)
{
    (void)arguments;
    control_reply(r, note("stopping"));
    pool_ask_stop(ctx);
}

static void on_journal_adopt(void *ctx, struct control_request *r,
                             const json_t *arguments)
{
    struct pool *p = ctx;
    if (json_is_true(json_object_get(arguments, "yes")))
        store_adopt(p->store, on_store_reply, pending_new(p, r, finish_plain));
    else
        control_refuse(r, "needs --yes: what another journal had not applied is lost");
}

const struct control_command commands_table[] = {
    {"status", on_status, false},
    {"nodes", on_nodes, false},
    {"blocks", on_blocks, false},
    {"workers", on_workers, false},
    {"balance", commands_balance, false},
    {"statement", commands_statement, false},
    {"ledger_verify", commands_ledger_verify, false},
    {"payout_list", commands_payout_list, false},
    {"payout_show", commands_payout_show, false},
    {"block_explain", commands_block_explain, false},
    {"journal_adopt", on_journal_adopt, true},
    {"backup_make", commands_backup_make, true},
    {"miner_list", on_miner_list, false},
    {"miner_show", on_miner_show, false},
    {"profile", desk_profile, false},
    {"desk_todo", desk_todo, false},
    {"miner_update", desk_command, true},
    {"miner_disclose", desk_command, true},
    {"screening_run", desk_command, true},
    {"vault_check", desk_command, true},
    {"vault_erase", desk_command, true},
    {"vault_rotate", desk_command, true},
    {"miner_apply", desk_command, true},
    {"miner_submit", desk_command, true},
    {"miner_reject", desk_command, true},
    {"miner_approve", desk_command, true},
    {"miner_suspend", desk_command, true},
    {"miner_resume", desk_command, true},
    {"miner_restrict", desk_command, true},
    {"miner_revoke", desk_command, true},
    {"miner_close", desk_command, true},
    {"miner_freeze", desk_command, true},
    {"miner_unfreeze", desk_command, true},
    {"miner_release", desk_command, true},
    {"miner_confirm", desk_command, true},
    {"miner_withdraw", desk_command, true},
    {"miner_terms", desk_command, true},
    {"address_add", desk_command, true},
    {"address_end", desk_command, true},
    {"address_challenge", desk_command, true},
    {"address_prove", desk_command, true},
    {"equipment_add", desk_command, true},
    {"equipment_end", desk_command, true},
    {"site_add", desk_command, true},
    {"site_end", desk_command, true},
    {"certificate_set", desk_command, true},
    {"certificate_verify", desk_command, true},
    {"screening_set", desk_command, true},
    {"review_set", desk_command, true},
    {"declaration_add", desk_command, true},
    {"networks_set", desk_command, true},
    {"stop_order_set", desk_command, true},
    {"stop_order_end", desk_command, true},
    {"alert_decide", desk_command, true},
    {"report_note", desk_command, true},
    {"report_note_correction", desk_command, true},
    {"report_note_key", desk_command, true},
    {"watcher_create", desk_command, true},
    {"watcher_revoke", desk_command, true},
    {"watcher_list", watcher_list_command, false},
    {"ledger_capital", on_capital, true},
    {"reload", on_reload, true},
    {"nudge", on_nudge, false},
    {"stop", on_stop, true},
    {.name = NULL},
};
