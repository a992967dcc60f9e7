#include "pool/registry/registry.h"

#include "conf/clock.h"
#include "conf/log.h"
#include "conf/mem.h"
#include "pool/registry/record_split.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLL_MS     250
#define CHANGES_MAX 64 /* under way at once */

#define DUE_MS 1000 /* how often the clock's own changes are looked for */

enum ask_kind { ASK_LOAD, ASK_VERSION, ASK_PUT, ASK_NOTE };

/* A question to the store, and on its way back the answer. */
struct ask {
    struct registry *registry;
    enum ask_kind kind;
    registry_done_fn *on_done; /* ASK_PUT, ASK_NOTE; NULL: nobody waits */
    void *ctx;
    enum kz_err err;
    json_t *value;
    char text[RECORD_WHY_SIZE];
    struct ask *next; /* of missed */
};

struct registry {
    const struct conf *conf;
    const struct profile *profile;
    struct mailbox *mailbox;
    struct store *store;
    struct vault *vault;
    struct registry_hooks hooks;
    struct event *timer;
    bool is_loaded;
    bool is_asking; /* a load or a version is under way */
    bool must_load; /* a change's fate is unknown */
    bool went_back; /* Redis' registry is older than ours */
    bool said_away;
    json_int_t version;
    json_t *miners; /* id -> record */
    json_t *facts;  /* what holds for all: stop_orders, ... */
    json_t *chains; /* instance -> the newest link of its audit chain */
    struct monotime due_at;
    bool is_stopped; /* a stop order was in force when the roster was made */
    struct roster *roster;
    unsigned changes;
    pthread_mutex_t lock; /* guards missed: answers that found the mailbox full */
    struct ask *missed;
};

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

static bool is_stopped(const struct registry *r)
{
    const struct record_view view = registry_view(r);
    return profile_stop_at(view.profile, view.now_ms) != NULL ||
           record_stop_is_on(view.stop_orders, view.now_ms);
}

static void publish(struct registry *r)
{
    const char *id;
    json_t *record;
    struct roster *roster = roster_new(json_object_size(r->miners));
    const struct record_view view = registry_view(r);
    json_object_foreach(r->miners, id, record) add_to_roster(roster, record, &view);
    r->is_stopped = is_stopped(r);
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
    if (json_object_get(record, "erased") != NULL) {
        if (vault_erase(r->vault, why, &id) != KZ_OK)
            log_error("vault_not_erased", kv_str("id", text), kv_str("why", why));
        return;
    }
    if (vault_settle(r->vault, why, &id, personal) != KZ_OK)
        log_warn("vault_not_settled", kv_str("id", text), kv_str("why", why));
}

/* What was decided elsewhere, or decided and not done: the power went in between. */
static void finish_erasing(struct registry *r, const json_t *before)
{
    const char *id;
    json_t *record;
    json_object_foreach(r->miners, id, record)
    {
        const json_t *known = json_object_get(before, id);
        if (json_object_get(record, "erased") != NULL &&
            json_object_get(known, "erased") == NULL)
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
    json_decref(r->chains);
    r->facts = json_incref(json_object_get(value, "facts"));
    r->chains = json_incref(json_object_get(value, "audit"));
    if (!r->is_loaded || r->went_back)
        log_info("registry_loaded", kv_u64("miners", json_object_size(r->miners)),
                 kv_i64("version", version));
    finish_erasing(r, before);
    json_decref(before);
    r->version = version;
    r->is_loaded = true;
    r->must_load = r->went_back = false;
    publish(r);
}

static void tell(const struct ask *a, enum kz_err err, json_t *value, const char *text)
{
    if (a->on_done != NULL)
        a->on_done(a->ctx, err, value, text);
    else
        json_decref(value);
}

static void put_done(struct registry *r, struct ask *a)
{
    r->changes--;
    if (a->err == KZ_IO)
        r->must_load = true; /* it may be written all the same */
    if (a->err == KZ_RANGE && strncmp(a->text, "the record", 10) == 0)
        r->must_load = true; /* changed by another daemon */
    if (a->err != KZ_OK) {
        tell(a, a->err, NULL, a->text);
        return;
    }
    if (!is_older(r, a->value))
        take_record(r, a->value);
    settle_vault(r, a->value);
    publish(r);
    log_info("registry_changed", kv_str("id", record_text(a->value, "miner_id")),
             kv_str("state", record_text(a->value, "state")),
             kv_str("actor", record_text(a->value, "actor")));
    tell(a, KZ_OK, registry_show(r, record_text(a->value, "miner_id")), "");
}

static void note_done(struct registry *r, struct ask *a)
{
    r->changes--;
    r->must_load = true; /* facts are told by a load */
    tell(a, a->err, a->err == KZ_OK ? json_object() : NULL, a->text);
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
        tell(a, KZ_IO, NULL, "the daemon is stopping");
    json_decref(a->value);
    mem_free(a);
}

/* A store_reply_fn, mostly on the store thread. */
static void on_store_reply(void *ctx, enum kz_err err, json_t *value, const char *text)
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

static struct ask *ask_new(struct registry *r, enum ask_kind kind)
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
    store_registry_load(r->store, on_store_reply, ask_new(r, ASK_LOAD));
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

static void look_what_is_due(struct registry *r);

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct registry *r = arg;
    for (struct ask *a = take_missed(r); a != NULL; a = take_missed(r))
        answered(a);
    if (r->is_loaded && monotime_ms_between(r->due_at, clock_now()) >= DUE_MS)
        look_what_is_due(r);
    if (r->is_asking)
        return;
    if (!r->is_loaded || r->must_load) {
        ask_load(r);
        return;
    }
    r->is_asking = true;
    store_registry_version(r->store, on_store_reply, ask_new(r, ASK_VERSION));
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
    json_decref(r->facts);
    json_decref(r->chains);
    roster_unref(r->roster);
    pthread_mutex_destroy(&r->lock);
    mem_free(r);
}

/* --- changes ---------------------------------------------------------------------- */

/* Whether changes can be taken at all; says why not. */
static bool is_open(const struct registry *r, registry_done_fn *on_done, void *ctx)
{
    if (!r->is_loaded)
        on_done(ctx, KZ_IO, NULL, "the registry is not loaded yet: Redis is away");
    else if (r->went_back)
        on_done(ctx, KZ_IO, NULL,
                "Redis lost registry data: restore it, or start karizd again to go on "
                "with what Redis has");
    else if (r->changes >= CHANGES_MAX)
        on_done(ctx, KZ_BUSY, NULL, "too many changes at once; try again");
    else
        return true;
    return false;
}

static bool hash_of(struct hash256 *out, const json_t *record)
{
    json_t *bare = json_copy((json_t *)record);
    json_object_del(bare, "number");
    json_object_del(bare, "revision");
    bool ok = audit_record_hash(out, bare) == KZ_OK;
    json_decref(bare);
    return ok;
}

/* What the chain is told of a change; NULL: with `why`. */
static json_t *event_of(const struct registry *r, const struct record_happened *h,
                        const json_t *before, const json_t *after,
                        char why[RECORD_WHY_SIZE])
{
    char text[AUDIT_WHY_SIZE];
    struct hash256 hashes[2];
    json_t *event = NULL;
    struct audit_event e = {.time_ms = clock_utc_ms(),
                            .instance = r->conf->instance,
                            .word = h->word,
                            .miner = record_text(after, "miner_id"),
                            .actor = h->actor,
                            .role = h->role,
                            .second = h->second,
                            .reason = h->reason,
                            .basis = h->basis,
                            .detail = h->detail};
    if (before != NULL && hash_of(&hashes[0], before))
        e.before = &hashes[0];
    if (!hash_of(&hashes[1], after)) {
        record_refuse(why, "the record has no canonical form");
        return NULL;
    }
    e.after = &hashes[1];
    if (audit_event_build(&event, text, &e, 1) != KZ_OK)
        record_refuse(why, "audit: %.200s", text);
    return event;
}

/* Takes `after`, and what `h` owns. `before` NULL: a new record. */
static void put(struct registry *r, const json_t *before, json_t *after,
                struct record_happened *h, registry_done_fn *on_done, void *ctx)
{
    char why[RECORD_WHY_SIZE];
    json_int_t revision = json_integer_value(json_object_get(before, "revision"));
    json_t *event = event_of(r, h, before, after, why);
    json_decref(h->detail);
    if (event == NULL) {
        json_decref(after);
        if (on_done != NULL)
            on_done(ctx, KZ_RANGE, NULL, why);
        return;
    }
    struct ask *a = ask_new(r, ASK_PUT);
    a->on_done = on_done;
    a->ctx = ctx;
    r->changes++;
    store_registry_put(r->store, after, (uint64_t)revision, event, on_store_reply, a);
}

static struct record_act act_of(const struct registry *r,
                                const struct registry_order *order)
{
    return (struct record_act){.by = order->by,
                               .role = order->role,
                               .reason = order->reason,
                               .basis = order->basis,
                               .profile = r->profile,
                               .conf = r->conf,
                               .now_ms = clock_utc_ms()};
}

/* Personal values into the vault, their commitments into the record. */
static enum kz_err keep_apart(struct registry *r, char why[RECORD_WHY_SIZE],
                              json_t **record)
{
    char text[VAULT_WHY_SIZE];
    struct miner_id id;
    json_t *stored = NULL, *personal = NULL, *commitments = NULL, *committed = NULL;
    const char *name = record_text(*record, "miner_id");
    if (name == NULL || miner_id_parse(&id, name, strlen(name)) != KZ_OK)
        return record_refuse(why, "miner_id: 3 to 32 of a-z, 0-9 and - expected");
    record_split(&stored, &personal, *record);
    enum kz_err err = vault_put(&commitments, text, r->vault, &id, personal);
    if (err != KZ_OK)
        record_refuse(why, "vault: %.200s", text);
    else
        err = record_commit(&committed, why, stored, personal, commitments);
    json_decref(stored);
    json_decref(personal);
    json_decref(commitments);
    if (err != KZ_OK)
        return err;
    json_decref(*record);
    *record = committed;
    return KZ_OK;
}

void registry_apply(struct registry *r, const json_t *fields,
                    const struct registry_order *order, registry_done_fn *on_done,
                    void *ctx)
{
    char why[RECORD_WHY_SIZE];
    json_t *record = NULL;
    struct record_happened happened = {.actor = NULL};
    const struct record_act act = act_of(r, order);
    const char *id = record_text(fields, "miner_id");
    if (!is_open(r, on_done, ctx))
        return;
    if (id != NULL && json_object_get(r->miners, id) != NULL) {
        snprintf(why, sizeof(why), "miner_id: \"%.40s\" is registered already", id);
        on_done(ctx, KZ_RANGE, NULL, why);
        return;
    }
    enum kz_err err = record_draft(&record, &happened, why, fields, &act);
    if (err == KZ_OK)
        err = keep_apart(r, why, &record);
    if (err == KZ_OK) {
        put(r, NULL, record, &happened, on_done, ctx);
        return;
    }
    json_decref(record);
    json_decref(happened.detail);
    on_done(ctx, KZ_RANGE, NULL, why);
}

/* NULL: there is no such miner, and it was said. */
static const json_t *find_to_change(struct registry *r, const char *id,
                                    registry_done_fn *on_done, void *ctx)
{
    char why[RECORD_WHY_SIZE];
    if (!is_open(r, on_done, ctx))
        return NULL;
    const json_t *record = json_object_get(r->miners, id);
    if (record == NULL) {
        snprintf(why, sizeof(why), "no miner \"%.64s\"", id);
        on_done(ctx, KZ_EMPTY, NULL, why);
    }
    return record;
}

void registry_change(struct registry *r, const char *id, registry_how_fn *how,
                     const void *what, const struct registry_order *order,
                     registry_done_fn *on_done, void *ctx)
{
    char why[RECORD_WHY_SIZE];
    json_t *changed = NULL;
    struct record_happened happened = {.actor = NULL};
    const struct record_act act = act_of(r, order);
    const json_t *record = find_to_change(r, id, on_done, ctx);
    if (record == NULL)
        return;
    if (how(what, &changed, &happened, why, record, &act) != KZ_OK)
        on_done(ctx, KZ_RANGE, NULL, why);
    else
        put(r, record, changed, &happened, on_done, ctx);
}

void registry_note(struct registry *r, enum audit_word word, const char *miner,
                   const struct registry_order *order, const json_t *detail,
                   const json_t *facts, registry_done_fn *on_done, void *ctx)
{
    char why[AUDIT_WHY_SIZE];
    json_t *event = NULL;
    const struct audit_event e = {.time_ms = clock_utc_ms(),
                                  .instance = r->conf->instance,
                                  .word = word,
                                  .miner = miner,
                                  .actor = order->by,
                                  .role = order->role,
                                  .reason = order->reason,
                                  .basis = order->basis,
                                  .detail = detail};
    if (!is_open(r, on_done, ctx))
        return;
    if (audit_event_build(&event, why, &e, 1) != KZ_OK) {
        on_done(ctx, KZ_RANGE, NULL, why);
        return;
    }
    struct ask *a = ask_new(r, ASK_NOTE);
    a->on_done = on_done;
    a->ctx = ctx;
    r->changes++;
    store_audit_put(r->store, event, facts != NULL ? json_deep_copy(facts) : NULL,
                    on_store_reply, a);
}

/* --- what time alone changes --------------------------------------------------------- */

/* Suspends and restricts what is due; a stop order that begins or ends changes nobody's
 * record, but the roster. */
static void look_what_is_due(struct registry *r)
{
    const char *id;
    json_t *record;
    const struct record_view view = registry_view(r);
    r->due_at = clock_now();
    if (is_stopped(r) != r->is_stopped)
        publish(r);
    json_object_foreach(r->miners, id, record)
    {
        json_t *changed = NULL;
        struct record_happened happened = {.actor = NULL};
        if (r->went_back || r->must_load || r->changes > 0)
            return; /* what is under way may be just that */
        enum record_due due = record_due(&changed, &happened, record, &view);
        if (due == RECORD_DUE_SUSPENSION || due == RECORD_DUE_RESTRICTION) {
            put(r, record, changed, &happened, NULL, NULL);
            return;
        }
    }
}

/* --- looking ---------------------------------------------------------------------- */

json_t *registry_show(const struct registry *r, const char *id)
{
    const json_t *record = json_object_get(r->miners, id);
    if (record == NULL)
        return NULL;
    json_t *copy = json_deep_copy(record);
    json_object_set_new(copy, "id", json_string(id));
    return copy;
}

static json_int_t number_of(const void *record)
{
    const json_t *const *r = record;
    return json_integer_value(json_object_get(*r, "number"));
}

static int by_number(const void *a, const void *b)
{
    json_int_t x = number_of(a), y = number_of(b);
    return x < y ? -1 : x > y;
}

json_t *registry_list(const struct registry *r)
{
    const char *id;
    json_t *record, *list = json_array();
    size_t count = 0;
    json_t **sorted = mem_array(json_object_size(r->miners), sizeof(*sorted));
    json_object_foreach(r->miners, id, record) sorted[count++] = registry_show(r, id);
    if (count > 0)
        qsort(sorted, count, sizeof(*sorted), by_number);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, sorted[i]);
    mem_free(sorted);
    return list;
}

json_t *registry_status(const struct registry *r)
{
    return json_pack(
        "{s:b, s:I, s:I, s:s}", "loaded", r->is_loaded, "version", r->version, "miners",
        (json_int_t)json_object_size(r->miners), "alarm",
        r->went_back ? "Redis lost registry data; the cache stays in force" : "");
}
