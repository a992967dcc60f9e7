#include "pool/registry/registry_parts.h"

#include "conf/log.h"
#include "conf/mem.h"
#include "share/bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLL_MS 250
#define DUE_MS  1000 /* how often the clock's own changes are looked for */

/* --- roster ----------------------------------------------------------------------- */

static void add_to_roster(struct roster *roster, const json_t *record,
                          const struct record_view *view)
{
    struct roster_miner m = {0};
    const char *id = record_text(record, "miner_id");
    size_t i;
    const json_t *a;
    struct record_may may = record_may(record, view);
    json_int_t number = json_integer_value(json_object_get(record, "number"));
    if (id == NULL || miner_id_parse(&m.id, id, strlen(id)) != KZ_OK || number <= 0 ||
        number > UINT32_MAX || may.state == MINER_STATES) {
        log_error("registry_record_damaged", kv_str("id", id));
        return;
    }
    m.number = (uint32_t)number;
    m.may_mine = may.may_mine;
    m.until_ms = may.mines_until_ms;
    m.warned = may.is_warned;
    m.unknown = may.refusal != NULL && strcmp(may.refusal, "unregistered") == 0;
    roster_add(roster, &m);
    json_array_foreach(json_object_get(record, "allowed_networks"), i, a)
        roster_add_network(roster, m.number, json_string_value(a));
    json_array_foreach(json_object_get(record, "payout_addresses"), i, a)
    {
        const json_t *to = json_object_get(a, "to");
        const char *address = record_text(a, "address");
        if (address != NULL && (to == NULL || json_is_null(to)))
            roster_add_address(roster, address, m.number);
    }
}

/* What holds for all: of the profile, and what officers ordered. */
struct record_view registry_view(const struct registry *r)
{
    return (struct record_view){.profile = r->profile,
                                .stop_orders = json_object_get(r->facts, "stop_orders"),
                                .now_ms = clock_utc_ms()};
}

const json_t *registry_fact(const struct registry *r, const char *name)
{
    return json_object_get(r->facts, name);
}

const json_t *registry_facts(const struct registry *r)
{
    return r->facts;
}

bool registry_is_stopped(const struct registry *r)
{
    const struct record_view view = registry_view(r);
    return profile_stop_at(view.profile, view.now_ms) != NULL ||
           record_stop_is_on(view.stop_orders, view.now_ms);
}

void registry_publish(struct registry *r)
{
    const char *id;
    json_t *record;
    struct roster *roster = roster_new(json_object_size(r->miners));
    const struct record_view view = registry_view(r);
    json_object_foreach(r->miners, id, record) add_to_roster(roster, record, &view);
    r->is_stopped = registry_is_stopped(r);
    roster_unref(r->roster);
    r->roster = roster;
    r->hooks.on_roster(r->hooks.ctx, roster);
}

/* --- answers ---------------------------------------------------------------------- */

static void take_record(struct registry *r, json_t *record)
{
    const char *id = record_text(record, "miner_id");
    if (id != NULL)
        json_object_set(r->miners, id, record);
    else
        log_error("registry_record_damaged");
}

/* A load that was asked later may have been answered sooner. */
static bool is_older(const struct registry *r, const json_t *record)
{
    const char *id = record_text(record, "miner_id");
    const json_t *known = json_object_get(r->miners, id != NULL ? id : "");
    return known != NULL && json_integer_value(json_object_get(record, "revision")) <
                                json_integer_value(json_object_get(known, "revision"));
}

static void say_back(struct registry *r, json_int_t version)
{
    if (!r->went_back)
        log_error(
            "registry_went_back", kv_i64("version", version),
            kv_i64("known", r->version),
            kv_str("means", "Redis lost registry data; the cache stays in force"));
    r->went_back = true;
}

/* The event is durable: what the record's commitments do not name may go, and all of it
 * where it was decided that it is erased. */
static void settle_vault(struct registry *r, const json_t *record)
{
    char why[VAULT_WHY_SIZE];
    struct miner_id id;
    const char *text = record_text(record, "miner_id");
    const json_t *personal = json_object_get(record, "personal");
    if (personal == NULL || text == NULL ||
        miner_id_parse(&id, text, strlen(text)) != KZ_OK)
        return;
    if (r->holds_vault) {
        json_object_set_new(r->unsettled, text, json_true());
        return;
    }
    if (json_object_get(record, "erased") != NULL) {
        if (vault_erase(r->vault, why, &id) != KZ_OK)
            log_error("vault_not_erased", kv_str("id", text), kv_str("why", why));
        return;
    }
    if (vault_settle(r->vault, why, &id, personal) != KZ_OK)
        log_warn("vault_not_settled", kv_str("id", text), kv_str("why", why));
}

/* At the start what no record names goes from the vault, of all miners: a daemon may have
 * died between a value and its record, and the vault may have come out of a backup. Later
 * what was decided elsewhere to be erased. */
static void settle_loaded(struct registry *r, const json_t *before, bool is_first)
{
    const char *id;
    json_t *record;
    json_object_foreach(r->miners, id, record)
    {
        const json_t *known = json_object_get(before, id);
        bool is_erased = json_object_get(record, "erased") != NULL &&
                         json_object_get(known, "erased") == NULL;
        if (is_first || is_erased)
            settle_vault(r, record);
    }
}

static void loaded(struct registry *r, const json_t *value)
{
    size_t i;
    json_t *record;
    json_int_t version = json_integer_value(json_object_get(value, "version"));
    if (r->is_loaded && version < r->version) {
        say_back(r, version);
        return;
    }
    json_t *before = r->miners;
    r->miners = json_object();
    json_array_foreach(json_object_get(value, "miners"), i, record)
        take_record(r, record);
    json_decref(r->facts);
    r->facts = json_incref(json_object_get(value, "facts"));
    const json_t *link =
        json_object_get(json_object_get(value, "audit"), r->conf->instance);
    if (!r->is_loaded && link != NULL) /* a copy: it goes to another thread */
        store_audit_known(r->store, json_deep_copy(link));
    if (!r->is_loaded || r->went_back)
        log_info("registry_loaded", kv_u64("miners", json_object_size(r->miners)),
                 kv_i64("version", version));
    bool is_first = !r->is_loaded;
    r->version = version;
    r->is_loaded = true;
    r->must_load = r->went_back = false;
    registry_publish(r);
    settle_loaded(r, before, is_first);
    json_decref(before);
}

void registry_hold_vault(struct registry *r, bool is_on)
{
    const char *id;
    json_t *unused;
    r->holds_vault = is_on;
    if (is_on)
        return;
    json_object_foreach(r->unsettled, id, unused)
        settle_vault(r, json_object_get(r->miners, id));
    json_object_clear(r->unsettled);
}

bool registry_holds_vault(const struct registry *r)
{
    return r->holds_vault;
}

/* Where nobody else's change is between, nothing has to be loaded. */
static void take_version(struct registry *r, const char *text)
{
    if (decimal_of(text) == (uint64_t)r->version + 1)
        r->version++;
}

/* Values that came into no record go from the vault, where that is certain and nothing else
 * is under way that may have put others. */
static void settle_refused(struct registry *r, const struct ask *a)
{
    char why[VAULT_WHY_SIZE];
    struct miner_id id;
    json_t *nothing = json_object();
    const json_t *known = json_object_get(r->miners, a->miner);
    const json_t *personal = json_object_get(known, "personal");
    if (a->settles_vault && a->err == KZ_RANGE && r->changes == 0 && !r->must_load &&
        !r->holds_vault && json_object_get(known, "erased") == NULL &&
        miner_id_parse(&id, a->miner, strlen(a->miner)) == KZ_OK &&
        vault_settle(r->vault, why, &id, personal != NULL ? personal : nothing) !=
            KZ_OK)
        log_warn("vault_not_settled", kv_str("id", a->miner), kv_str("why", why));
    json_decref(nothing);
}

static void put_done(struct registry *r, struct ask *a)
{
    r->changes--;
    if (a->err == KZ_IO)
        r->must_load = true; /* it may be written all the same */
    if (a->err == KZ_RANGE && strncmp(a->text, "the record", 10) == 0)
        r->must_load = true; /* changed by another daemon */
    if (a->err != KZ_OK) {
        settle_refused(r, a);
        a->on_done(a->ctx, a->err, NULL, a->text);
        return;
    }
    if (!is_older(r, a->value))
        take_record(r, a->value);
    take_version(r, a->text);
    if (a->settles_vault)
        settle_vault(r, a->value);
    registry_publish(r);
    log_info("registry_changed", kv_str("id", record_text(a->value, "miner_id")),
             kv_str("state", record_text(a->value, "state")),
             kv_str("actor", record_text(a->value, "actor")));
    a->on_done(a->ctx, KZ_OK, registry_show(r, record_text(a->value, "miner_id")), "");
}

/* At once, so that what was taken away is gone when its taker is told so. */
static void take_facts(struct registry *r, json_t *facts)
{
    const char *name;
    json_t *value;
    json_object_foreach(facts, name, value)
    {
        if (json_is_null(value))
            json_object_del(r->facts, name);
        else
            json_object_set(r->facts, name, value);
    }
}

static void note_done(struct registry *r, struct ask *a)
{
    r->changes--;
    if (a->facts != NULL) {
        r->facts_are_changing = false;
        r->must_load |= a->err == KZ_IO; /* they may be written all the same */
    }
    if (a->err == KZ_OK && a->facts != NULL) {
        take_facts(r, a->facts);
        take_version(r, a->text);
    }
    if (r->is_loaded && registry_is_stopped(r) != r->is_stopped)
        registry_publish(r);
    a->on_done(a->ctx, a->err, a->err == KZ_OK ? json_object() : NULL, a->text);
}

static void ask_load(struct registry *r);

static void answered(struct ask *a)
{
    struct registry *r = a->registry;
    if (a->kind == ASK_LOAD || a->kind == ASK_VERSION) {
        r->is_asking = false;
        if (a->err != KZ_OK && !r->said_away && !r->is_loaded)
            log_warn("registry_not_loaded", kv_str("why", a->text));
        r->said_away = a->err != KZ_OK;
    }
    if (a->kind == ASK_PUT)
        put_done(r, a);
    else if (a->kind == ASK_NOTE)
        note_done(r, a);
    else if (a->err == KZ_OK && a->kind == ASK_LOAD)
        loaded(r, a->value);
    else if (a->err == KZ_OK && json_integer_value(a->value) > r->version)
        ask_load(r);
    else if (a->err == KZ_OK && json_integer_value(a->value) < r->version)
        say_back(r, json_integer_value(a->value));
    else if (a->err == KZ_OK)
        r->went_back = false; /* restored as it was */
    json_decref(a->value);
    json_decref(a->facts);
    mem_free(a);
}

static void run_answer(void *owner, void *arg)
{
    (void)owner;
    answered(arg);
}

/* The loop has ended; whoever waits is told. */
static void drop_answer(void *arg)
{
    struct ask *a = arg;
    if (a->kind == ASK_PUT || a->kind == ASK_NOTE)
        a->on_done(a->ctx, KZ_IO, NULL, "the daemon is stopping");
    json_decref(a->value);
    json_decref(a->facts);
    mem_free(a);
}

/* A store_reply_fn, mostly on the store thread. */
void registry_on_reply(void *ctx, enum kz_err err, json_t *value, const char *text)
{
    struct ask *a = ctx;
    struct registry *r = a->registry;
    a->err = err;
    a->value = value;
    snprintf(a->text, sizeof(a->text), "%s",
             text != NULL && text[0] != '\0' ? text : kz_err_text(err));
    struct mailbox_call call = {.run = run_answer, .drop = drop_answer, .arg = a};
    if (mailbox_post(r->mailbox, call) == KZ_OK)
        return;
    pthread_mutex_lock(&r->lock);
    a->next = r->missed;
    r->missed = a;
    pthread_mutex_unlock(&r->lock);
}

struct ask *registry_ask(struct registry *r, enum ask_kind kind)
{
    struct ask *a = mem_new(sizeof(*a));
    a->registry = r;
    a->kind = kind;
    return a;
}

/* --- the timer -------------------------------------------------------------------- */

static void ask_load(struct registry *r)
{
    r->is_asking = true;
    store_registry_load(r->store, registry_on_reply, registry_ask(r, ASK_LOAD));
}

static struct ask *take_missed(struct registry *r)
{
    pthread_mutex_lock(&r->lock);
    struct ask *a = r->missed;
    if (a != NULL)
        r->missed = a->next;
    pthread_mutex_unlock(&r->lock);
    return a;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct registry *r = arg;
    for (struct ask *a = take_missed(r); a != NULL; a = take_missed(r))
        answered(a);
    if (r->is_loaded && monotime_ms_between(r->due_at, clock_now()) >= DUE_MS)
        registry_look_what_is_due(r);
    if (r->is_asking)
        return;
    if (!r->is_loaded || r->must_load) {
        ask_load(r);
        return;
    }
    r->is_asking = true;
    store_registry_version(r->store, registry_on_reply, registry_ask(r, ASK_VERSION));
}

enum kz_err registry_start(struct registry **out, const struct registry_place *place,
                           const struct registry_hooks *hooks)
{
    struct registry *r = mem_new(sizeof(*r));
    struct timeval every = {.tv_usec = POLL_MS * 1000};
    pthread_mutex_init(&r->lock, NULL);
    r->conf = place->conf;
    r->profile = place->profile;
    r->mailbox = place->mailbox;
    r->store = place->store;
    r->vault = place->vault;
    r->hooks = *hooks;
    r->miners = json_object();
    r->unsettled = json_object();
    r->due_at = clock_now();
    r->timer = event_new(place->base, -1, EV_PERSIST, on_timer, r);
    if (r->timer == NULL || event_add(r->timer, &every) != 0) {
        log_error("registry_timer_failed");
        registry_stop(r);
        return KZ_IO;
    }
    ask_load(r);
    *out = r;
    return KZ_OK;
}

void registry_stop(struct registry *r)
{
    if (r == NULL)
        return;
    for (struct ask *a = take_missed(r); a != NULL; a = take_missed(r))
        drop_answer(a);
    if (r->timer != NULL)
        event_free(r->timer);
    json_decref(r->miners);
    json_decref(r->unsettled);
    json_decref(r->facts);
    roster_unref(r->roster);
    pthread_mutex_destroy(&r->lock);
    mem_free(r);
}
