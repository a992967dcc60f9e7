#include "pool/registry/registry.h"

#include "conf/clock.h"
#include "conf/log.h"
#include "conf/mem.h"
#include "share/bytes.h"

#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLL_MS     250
#define CHANGES_MAX 64 /* under way at once */

enum ask_kind { ASK_LOAD, ASK_VERSION, ASK_PUT };

/* A question to the store, and on its way back the answer. */
struct ask {
    struct registry *registry;
    enum ask_kind kind;
    registry_done_fn *on_done; /* ASK_PUT */
    void *ctx;
    enum kz_err err;
    json_t *value;
    char text[RECORD_WHY_SIZE];
    struct ask *next; /* of missed */
};

struct registry {
    const struct conf *conf;
    struct mailbox *mailbox;
    struct store *store;
    struct registry_hooks hooks;
    struct event *timer;
    bool is_loaded;
    bool is_asking; /* a load or a version is under way */
    bool must_load; /* a change's fate is unknown */
    bool went_back; /* Redis' registry is older than ours */
    bool said_away;
    json_int_t version;
    json_t *miners; /* id -> record */
    struct roster *roster;
    unsigned changes;
    pthread_mutex_t lock; /* guards missed: answers that found the mailbox full */
    struct ask *missed;
};

/* --- roster ----------------------------------------------------------------------- */

static void add_to_roster(struct roster *roster, const json_t *record)
{
    struct roster_miner m = {0};
    const char *id = record_text(record, "miner_id");
    size_t i;
    const json_t *a;
    enum miner_state state = record_state(record);
    json_int_t number = json_integer_value(json_object_get(record, "number"));
    if (id == NULL || miner_id_parse(&m.id, id, strlen(id)) != KZ_OK || number <= 0 ||
        number > UINT32_MAX || state == MINER_STATES) {
        log_error("registry_record_damaged", kv_str("id", id));
        return;
    }
    m.number = (uint32_t)number;
    m.may_mine = miner_state_may_mine(state);
    m.warned = state == MINER_RESTRICTED;
    roster_add(roster, &m);
    json_array_foreach(json_object_get(record, "payout_addresses"), i, a)
    {
        const json_t *to = json_object_get(a, "to");
        const char *address = record_text(a, "address");
        if (address != NULL && (to == NULL || json_is_null(to)))
            roster_add_address(roster, address, m.number);
    }
}

static void publish(struct registry *r)
{
    const char *id;
    json_t *record;
    struct roster *roster = roster_new(json_object_size(r->miners));
    json_object_foreach(r->miners, id, record) add_to_roster(roster, record);
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

static void loaded(struct registry *r, const json_t *value)
{
    size_t i;
    json_t *record;
    json_int_t version = json_integer_value(json_object_get(value, "version"));
    if (r->is_loaded && version < r->version) {
        say_back(r, version);
        return;
    }
    json_object_clear(r->miners);
    json_array_foreach(json_object_get(value, "miners"), i, record)
        take_record(r, record);
    if (!r->is_loaded || r->went_back)
        log_info("registry_loaded", kv_u64("miners", json_object_size(r->miners)),
                 kv_i64("version", version));
    r->version = version;
    r->is_loaded = true;
    r->must_load = r->went_back = false;
    publish(r);
}

static void put_done(struct registry *r, struct ask *a)
{
    r->changes--;
    if (a->err == KZ_IO)
        r->must_load = true; /* it may be written all the same */
    if (a->err == KZ_RANGE && strncmp(a->text, "the record", 10) == 0)
        r->must_load = true; /* changed by another daemon */
    if (a->err != KZ_OK) {
        a->on_done(a->ctx, a->err, NULL, a->text);
        return;
    }
    if (!is_older(r, a->value))
        take_record(r, a->value);
    publish(r);
    log_info("registry_changed", kv_str("id", record_text(a->value, "miner_id")),
             kv_str("state", record_text(a->value, "state")),
             kv_str("actor", record_text(a->value, "actor")));
    a->on_done(a->ctx, KZ_OK, registry_show(r, record_text(a->value, "miner_id")), "");
}

static void ask_load(struct registry *r);

static void answered(struct ask *a)
{
    struct registry *r = a->registry;
    if (a->kind != ASK_PUT) {
        r->is_asking = false;
        if (a->err != KZ_OK && !r->said_away && !r->is_loaded)
            log_warn("registry_not_loaded", kv_str("why", a->text));
        r->said_away = a->err != KZ_OK;
    }
    if (a->kind == ASK_PUT)
        put_done(r, a);
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
    if (a->kind == ASK_PUT)
        a->on_done(a->ctx, KZ_IO, NULL, "the daemon is stopping");
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

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct registry *r = arg;
    for (struct ask *a = take_missed(r); a != NULL; a = take_missed(r))
        answered(a);
    if (r->is_asking)
        return;
    if (!r->is_loaded || r->must_load) {
        ask_load(r);
        return;
    }
    r->is_asking = true;
    store_registry_version(r->store, on_store_reply, ask_new(r, ASK_VERSION));
}

enum kz_err registry_start(struct registry **out, struct event_base *base,
                           struct mailbox *mailbox, const struct conf *conf,
                           struct store *store, const struct registry_hooks *hooks)
{
    struct registry *r = mem_new(sizeof(*r));
    struct timeval every = {.tv_usec = POLL_MS * 1000};
    pthread_mutex_init(&r->lock, NULL);
    r->conf = conf;
    r->mailbox = mailbox;
    r->store = store;
    r->hooks = *hooks;
    r->miners = json_object();
    r->timer = event_new(base, -1, EV_PERSIST, on_timer, r);
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

/* Takes `record`. */
static void put(struct registry *r, json_t *record, uint64_t revision,
                registry_done_fn *on_done, void *ctx)
{
    struct ask *a = ask_new(r, ASK_PUT);
    a->on_done = on_done;
    a->ctx = ctx;
    r->changes++;
    store_registry_put(r->store, record, revision, NULL, on_store_reply, a);
}

void registry_register(struct registry *r, const json_t *fields, const char *actor,
                       registry_done_fn *on_done, void *ctx)
{
    char why[RECORD_WHY_SIZE];
    json_t *record;
    const struct record_request from = {
        .fields = fields, .conf = r->conf, .actor = actor, .now_ms = clock_utc_ms()};
    if (!is_open(r, on_done, ctx))
        return;
    if (record_new(&record, why, &from) != KZ_OK) {
        on_done(ctx, KZ_RANGE, NULL, why);
        return;
    }
    if (json_object_get(r->miners, record_text(record, "miner_id")) != NULL) {
        snprintf(why, sizeof(why), "id: \"%s\" is registered already",
                 record_text(record, "miner_id"));
        json_decref(record);
        on_done(ctx, KZ_RANGE, NULL, why);
        return;
    }
    put(r, record, 0, on_done, ctx);
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

/* `changed` replaces `record`, unless `err` says that it cannot be. */
static void put_changed(struct registry *r, const json_t *record, json_t *changed,
                        enum kz_err err, const char *why, registry_done_fn *on_done,
                        void *ctx)
{
    json_int_t revision = json_integer_value(json_object_get(record, "revision"));
    if (err != KZ_OK)
        on_done(ctx, KZ_RANGE, NULL, why);
    else
        put(r, changed, (uint64_t)revision, on_done, ctx);
}

void registry_set_state(struct registry *r, const char *id, enum miner_state state,
                        const char *basis, const char *actor, registry_done_fn *on_done,
                        void *ctx)
{
    char why[RECORD_WHY_SIZE];
    json_t *changed = NULL;
    const struct record_change change = {
        .state = state, .basis = basis, .actor = actor, .now_ms = clock_utc_ms()};
    const json_t *record = find_to_change(r, id, on_done, ctx);
    if (record == NULL)
        return;
    enum kz_err err = record_with_state(&changed, why, record, &change);
    put_changed(r, record, changed, err, why, on_done, ctx);
}

void registry_set_terms(struct registry *r, const char *id,
                        const struct record_terms *terms, registry_done_fn *on_done,
                        void *ctx)
{
    char why[RECORD_WHY_SIZE];
    json_t *changed = NULL;
    const json_t *record = find_to_change(r, id, on_done, ctx);
    if (record == NULL)
        return;
    enum kz_err err = record_with_terms(&changed, why, record, terms);
    put_changed(r, record, changed, err, why, on_done, ctx);
}

static bool make_nonce(char out[RECORD_NONCE_SIZE])
{
    unsigned char random[(RECORD_NONCE_SIZE - 1) / 2];
    if (RAND_bytes(random, sizeof(random)) != 1)
        return false;
    hex_encode(out, random, sizeof(random));
    return true;
}

void registry_change_address(struct registry *r, const char *id, record_address_fn *how,
                             const struct record_address_change *change,
                             registry_done_fn *on_done, void *ctx)
{
    char why[RECORD_WHY_SIZE], nonce[RECORD_NONCE_SIZE];
    json_t *changed = NULL;
    struct record_address_change c = *change;
    const json_t *record = find_to_change(r, id, on_done, ctx);
    if (record == NULL)
        return;
    c.conf = r->conf;
    c.nonce = nonce;
    c.now_ms = clock_utc_ms();
    enum kz_err err = make_nonce(nonce)
                          ? how(&changed, why, record, &c)
                          : record_refuse(why, "there are no random numbers");
    put_changed(r, record, changed, err, why, on_done, ctx);
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
