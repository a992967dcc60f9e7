/* The registry against a real Redis: records checked, kept, cached, published. */
#include "pool/desk_rows.h"
#include "pool/registry/countries.h"
#include "pool/registry/day.h"
#include "pool/registry/registry.h"
#include "tests/unit/record_fixture.h"
#include "tests/unit/redis_fixture.h"

#include "share/keys.h"

#include <event2/event.h>

struct daemon {
    struct fixture *f;
    struct event_base *base;
    struct mailbox *mailbox;
    struct profile profile;
    struct vault *vault;
    struct registry *registry;
    const struct roster *seen; /* a reference to the last published */
    unsigned published;
};

static void on_roster(void *ctx, const struct roster *roster)
{
    struct daemon *d = ctx;
    roster_unref((struct roster *)d->seen);
    d->seen = roster_ref(roster);
    d->published++;
}

static void open_vault(struct daemon *d)
{
    char folder[300], why[VAULT_WHY_SIZE];
    snprintf(folder, sizeof(folder), "%s/vault-%s", d->f->dir, d->f->conf.instance);
    const struct vault_place place = {.folder = folder};
    if (vault_open(&d->vault, why, &place) == KZ_OK)
        return;
    if (vault_create(why, &place) != KZ_OK ||
        vault_open(&d->vault, why, &place) != KZ_OK)
        fail_msg("%s", why);
}

static void daemon_start(struct daemon *d, struct fixture *f)
{
    const struct registry_hooks hooks = {.ctx = d, .on_roster = on_roster};
    memset(d, 0, sizeof(*d));
    d->f = f;
    fixture_profile(&d->profile);
    open_vault(d); /* first: a process that is being forked has its lock for a moment */
    fixture_start(f);
    d->base = event_base_new();
    d->mailbox = mailbox_new(d->base, 1024, d);
    const struct registry_place place = {.base = d->base,
                                         .mailbox = d->mailbox,
                                         .conf = &f->conf,
                                         .profile = &d->profile,
                                         .store = f->store,
                                         .vault = d->vault};
    assert_int_equal(registry_start(&d->registry, &place, &hooks), KZ_OK);
}

static void daemon_stop(struct daemon *d)
{
    fixture_stop(d->f);
    mailbox_free(d->mailbox);
    registry_stop(d->registry);
    vault_close(d->vault);
    event_base_free(d->base);
    roster_unref((struct roster *)d->seen);
}

static bool turn(struct daemon *d)
{
    event_base_loop(d->base, EVLOOP_NONBLOCK);
    return true;
}

#define turn_until(d, condition) wait_until(turn(d) && (condition))

struct result {
    bool done;
    enum kz_err err;
    json_t *record;
    char text[256];
};

static void on_done(void *ctx, enum kz_err err, json_t *record, const char *text)
{
    struct result *r = ctx;
    assert_false(r->done);
    r->done = true;
    r->err = err;
    r->record = record;
    snprintf(r->text, sizeof(r->text), "%s", text);
}

static void set_day(json_t *object, const char *key, int days_from_now)
{
    char text[DAY_TEXT_SIZE];
    struct day day = day_of_ms(clock_utc_ms(), 300);
    day.n += days_from_now;
    day_format(text, day);
    json_object_set_new(object, key, json_string(text));
}

static json_t *one_rig(const char *serial)
{
    return json_pack("[{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:s, s:s}]", "id", "e1",
                     "site", "s1", "maker", "Bitmain", "model", "S21", "serial", serial,
                     "algorithm", "SHA256d", "nominal_ghs", 200000, "power_w", 3500,
                     "ownership", "owned", "from", "2026-02-01");
}

/* As an applicant gives it, with no end that these tests could come to. */
static json_t *fields_of(const char *id, const char *certificate, const char *address)
{
    static const char *const ours[] = {"schema",   "jurisdiction", "profile_version",
                                       "previous", "state",        "state_since",
                                       "basis"};
    struct profile profile;
    char number[24];
    fixture_profile(&profile);
    json_t *r = fixture_record(RECORD_RL, &profile);
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
        json_object_del(r, ours[i]);
    json_object_set_new(r, "miner_id", json_string(id));
    fixture_set(r, "certificate.number", json_string(certificate));
    snprintf(number, sizeof(number), "%u",
             (unsigned)strlen(id) * 100000000u + (unsigned char)id[strlen(id) - 1]);
    fixture_set(r, "tax_id.value", json_string(number));
    fixture_set(r, "registration_id.value", json_string(number));
    json_object_del(r, "equipment");
    json_object_set_new(r, "equipment", one_rig(number));
    json_object_set_new(r, "payout_addresses",
                        json_pack("[{s:s}]", "address", address));
    set_day(json_object_get(r, "risk"), "reviewed_on", 0);
    set_day(json_object_get(r, "risk"), "next_review", 300);
    return r;
}

static enum kz_err go(const void *what, json_t **out, struct record_happened *happened,
                      char why[RECORD_WHY_SIZE], const json_t *record,
                      const struct record_act *act)
{
    enum miner_state to = *(const enum miner_state *)what;
    const struct record_proposal p = {.what = RECORD_PROPOSE_STATE, .to = to};
    if (to == MINER_SUBMITTED)
        return record_apply(out, happened, why, record, to, act);
    return desk_in_twos(out, happened, why, record, &p, act);
}

/* Not waited for. */
static void begin_state(struct daemon *d, const char *id, enum miner_state state,
                        const char *note, struct result *r)
{
    static const char *const reasons[MINER_STATES] = {
        [MINER_SUBMITTED] = "application_complete",
        [MINER_ACTIVE] = "matter_settled",
        [MINER_SUSPENDED] = "suspicion",
        [MINER_REVOKED] = "authority_order",
    };
    json_t *basis = json_pack("{s:s}", "note", note);
    const struct registry_order order = {
        .by = "uid 0",
        .role = state == MINER_SUBMITTED ? AUDIT_OPERATOR : AUDIT_OFFICER,
        .reason = reasons[state],
        .basis = basis};
    registry_change(d->registry, id, go, &state, &order, on_done, r);
    json_decref(basis);
}

static struct result set_state(struct daemon *d, const char *id, enum miner_state state,
                               const char *note)
{
    struct result r = {.done = false};
    begin_state(d, id, state, note, &r);
    turn_until(d, r.done);
    json_decref(r.record);
    return r;
}

static void begin_apply(struct daemon *d, const json_t *fields, struct result *r)
{
    json_t *basis = json_pack("{s:s}", "code", "application");
    const struct registry_order order = {
        .by = "uid 0", .role = AUDIT_OPERATOR, .reason = "applied", .basis = basis};
    char why[RECORD_WHY_SIZE];
    json_t *draft = NULL;
    struct record_happened happened;
    const struct record_act act = registry_act(d->registry, &order);
    if (record_draft(&draft, &happened, why, fields, &act) == KZ_OK)
        registry_apply_take(d->registry, draft, &happened, on_done, r);
    else
        on_done(r, KZ_RANGE, NULL, why);
    json_decref(basis);
}

/* Takes `fields`. Three changes: a draft, submitted, active. */
static struct result register_miner(struct daemon *d, json_t *fields)
{
    struct result r = {.done = false};
    begin_apply(d, fields, &r);
    turn_until(d, r.done);
    json_decref(r.record);
    const char *id = record_text(fields, "miner_id");
    if (r.err == KZ_OK)
        r = set_state(d, id, MINER_SUBMITTED, "all there");
    if (r.err == KZ_OK)
        r = set_state(d, id, MINER_ACTIVE, "checked");
    json_decref(fields);
    return r;
}

struct address_change {
    record_address_fn *how;
    const char *address;
};

static enum kz_err change_it(const void *what, json_t **out,
                             struct record_happened *happened,
                             char why[RECORD_WHY_SIZE], const json_t *record,
                             const struct record_act *act)
{
    static atomic_uint count;
    const struct address_change *a = what;
    char nonce[RECORD_NONCE_SIZE];
    snprintf(nonce, sizeof(nonce), "%032x", atomic_fetch_add(&count, 1));
    const struct record_address_change c = {.address = a->address,
                                            .actor = act->by,
                                            .nonce = nonce,
                                            .conf = act->conf,
                                            .now_ms = act->now_ms};
    *happened = record_happened_of(act, AUDIT_RECORD_CHANGED);
    return a->how(out, why, record, &c);
}

static struct result change_address(struct daemon *d, const char *id,
                                    record_address_fn *how, const char *address)
{
    struct result r = {.done = false};
    const struct address_change a = {how, address};
    const struct registry_order order = {.by = "uid 0", .role = AUDIT_OPERATOR};
    registry_change(d->registry, id, change_it, &a, &order, on_done, &r);
    turn_until(d, r.done);
    json_decref(r.record);
    return r;
}

static void expect_ok(struct result r)
{
    if (r.err != KZ_OK)
        fail_msg("%s", r.text);
}

static void expect_refused(struct result r, const char *begins)
{
    if (r.err != KZ_RANGE || strncmp(r.text, begins, strlen(begins)) != 0)
        fail_msg("%s expected, but %s: %s", begins, kz_err_text(r.err), r.text);
}

static const struct roster_miner *find(const struct daemon *d, const char *name)
{
    return d->seen != NULL ? roster_find(d->seen, name, strlen(name)) : NULL;
}

static void a_registered_miner_is_published_kept_and_found_again(void **state)
{
    (void)state;
    struct fixture f;
    struct daemon d;
    fixture_init(&f);
    daemon_start(&d, &f);
    turn_until(&d, d.published > 0); /* the empty one: now logins can be answered */
    assert_null(find(&d, "miner-a"));
    expect_ok(register_miner(&d, fields_of("miner-a", "TM-1", ADDRESS_1)));
    assert_non_null(find(&d, "miner-a"));
    assert_true(find(&d, "miner-a")->may_mine);
    assert_int_equal(find(&d, "miner-a")->number, 1);
    assert_ptr_equal(find(&d, ADDRESS_1), find(&d, "miner-a"));
    expect_ok(register_miner(&d, fields_of("miner-b", "TM-2", ADDRESS_2)));
    assert_int_equal(find(&d, "miner-b")->number, 2);
    daemon_stop(&d);
    daemon_start(&d, &f);
    turn_until(&d, find(&d, "miner-b") != NULL);
    json_t *list = registry_list(d.registry);
    assert_int_equal(json_array_size(list), 2);
    const json_t *a = json_array_get(list, 0);
    assert_string_equal(record_text(a, "id"), "miner-a");
    assert_string_equal(record_text(a, "state"), "active");
    assert_string_equal(record_text(a, "residence_country"), "TM");
    assert_string_equal(record_text(json_object_get(a, "certificate"), "number"),
                        "TM-1");
    assert_int_equal(json_integer_value(json_object_get(a, "revision")), 3);
    json_decref(list);
    daemon_stop(&d);
    fixture_clear(&f);
}

static void an_acknowledged_change_survives_a_killed_redis(void **state)
{
    (void)state;
    struct fixture f;
    struct daemon d;
    char id[16];
    fixture_init(&f);
    daemon_start(&d, &f);
    turn_until(&d, d.published > 0);
    for (int i = 0; i < 4; i++) {
        char certificate[16];
        snprintf(id, sizeof(id), "miner-%d", i);
        snprintf(certificate, sizeof(certificate), "TM-%d", i);
        json_t *fields = fields_of(id, certificate, ADDRESS_1);
        if (i > 0)
            expect_ok(set_state(&d, "miner-0", i % 2 ? MINER_SUSPENDED : MINER_ACTIVE,
                                "order 7"));
        else
            expect_ok(register_miner(&d, json_incref(fields)));
        json_decref(fields);
        assert_int_equal(kill((pid_t)status_number(&f, "pid"), SIGKILL), 0);
        wait_until(turn(&d) && status_number(&f, "restarts") == i + 1);
        turn_until(&d, status_is(&f, "state", "ready"));
    }
    redisContext *c = redis_of(&f);
    redisReply *r = redisCommand(c, "HGET %s miner-0", KEY_REG_MINERS);
    assert_int_equal(strncmp(r->str, "1 6 {", 5), 0); /* number 1, revision 6 */
    assert_non_null(strstr(r->str, "\"suspended\""));
    freeReplyObject(r);
    /* and the rule is the old one again: shares are not synced one by one */
    r = redisCommand(c, "CONFIG GET appendfsync");
    assert_string_equal(r->element[1]->str, "everysec");
    freeReplyObject(r);
    redisFree(c);
    daemon_stop(&d);
    fixture_clear(&f);
}

static void suspension_is_published_and_resumed(void **state)
{
    (void)state;
    struct fixture f;
    struct daemon d;
    fixture_init(&f);
    daemon_start(&d, &f);
    turn_until(&d, d.published > 0);
    expect_ok(register_miner(&d, fields_of("miner-a", "TM-1", ADDRESS_1)));
    expect_refused(set_state(&d, "miner-a", MINER_SUSPENDED, ""), "basis.note:");
    expect_refused(set_state(&d, "miner-a", MINER_ACTIVE, "x"), "state:");
    expect_refused(set_state(&d, "miner-a", MINER_REVOKED, "x"), "basis:");
    assert_int_equal(set_state(&d, "miner-x", MINER_SUSPENDED, "x").err, KZ_EMPTY);
    expect_ok(set_state(&d, "miner-a", MINER_SUSPENDED, "order 12 of 1 March"));
    assert_false(find(&d, "miner-a")->may_mine);
    json_t *a = registry_show(d.registry, "miner-a");
    assert_string_equal(record_text(json_object_get(a, "basis"), "note"),
                        "order 12 of 1 March");
    assert_string_equal(record_text(a, "actor"), "uid 0");
    json_decref(a);
    expect_ok(set_state(&d, "miner-a", MINER_ACTIVE, "order 13"));
    assert_true(find(&d, "miner-a")->may_mine);
    daemon_stop(&d);
    fixture_clear(&f);
}

static void ids_addresses_and_certificates_belong_to_one_miner(void **state)
{
    (void)state;
    struct fixture f;
    struct daemon d;
    fixture_init(&f);
    daemon_start(&d, &f);
    turn_until(&d, d.published > 0);
    expect_ok(register_miner(&d, fields_of("miner-a", "TM-1", ADDRESS_1)));
    expect_refused(register_miner(&d, fields_of("miner-a", "TM-9", ADDRESS_2)),
                   "miner_id:");
    expect_refused(register_miner(&d, fields_of("miner-b", "TM-1", ADDRESS_2)),
                   "certificate: \"TM-1\" is held by miner-a");
    /* the same address in capitals is the same address */
    expect_refused(
        register_miner(&d, fields_of("miner-b", "TM-2",
                                     "BCRT1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KY"
                                     "GT080")),
        "address: \"" ADDRESS_1 "\" is held by miner-a");
    /* what was refused left nothing behind: its number is given to the next */
    expect_ok(register_miner(&d, fields_of("miner-b", "TM-2", ADDRESS_2)));
    assert_int_equal(find(&d, "miner-b")->number, 2);
    daemon_stop(&d);
    fixture_clear(&f);
}

static void a_waiting_address_logs_in_and_an_ended_one_is_free(void **state)
{
    (void)state;
    struct fixture f;
    struct daemon d;
    fixture_init(&f);
    f.conf.address_wait_hours = 24;
    daemon_start(&d, &f);
    turn_until(&d, d.published > 0);
    expect_ok(register_miner(&d, fields_of("miner-a", "TM-1", ADDRESS_1)));
    expect_ok(register_miner(&d, fields_of("miner-b", "TM-2", ADDRESS_2)));
    expect_refused(change_address(&d, "miner-a", record_with_address, ADDRESS_2),
                   "address: \"" ADDRESS_2 "\" is held by miner-b");
    assert_ptr_equal(find(&d, ADDRESS_2), find(&d, "miner-b"));
    assert_int_equal(change_address(&d, "miner-x", record_with_address, ADDRESS_2).err,
                     KZ_EMPTY);
    expect_ok(change_address(&d, "miner-b", record_without_address, ADDRESS_2));
    assert_null(find(&d, ADDRESS_2));
    expect_ok(change_address(&d, "miner-a", record_with_address, ADDRESS_2));
    assert_ptr_equal(find(&d, ADDRESS_2), find(&d, "miner-a"));
    assert_ptr_equal(find(&d, ADDRESS_1), find(&d, "miner-a"));
    daemon_stop(&d);
    fixture_clear(&f);
}

static void a_challenge_has_a_nonce_of_its_own_and_survives_a_restart(void **state)
{
    (void)state;
    char first[PROOF_MESSAGE_SIZE], second[PROOF_MESSAGE_SIZE],
        kept[PROOF_MESSAGE_SIZE];
    struct fixture f;
    struct daemon d;
    fixture_init(&f);
    daemon_start(&d, &f);
    turn_until(&d, d.published > 0);
    expect_ok(register_miner(&d, fields_of("miner-a", "TM-1", ADDRESS_1)));
    char *const messages[] = {first, second, kept};
    for (size_t i = 0; i < 3; i++) {
        if (i < 2) {
            expect_ok(change_address(&d, "miner-a", record_with_challenge, ADDRESS_1));
        } else {
            daemon_stop(&d);
            daemon_start(&d, &f);
            turn_until(&d, find(&d, "miner-a") != NULL);
        }
        json_t *a = registry_show(d.registry, "miner-a");
        assert_int_equal(record_challenge_message(messages[i], a, ADDRESS_1, &f.conf),
                         KZ_OK);
        json_decref(a);
    }
    assert_string_not_equal(first, second);
    assert_string_equal(second, kept);
    daemon_stop(&d);
    fixture_clear(&f);
}

static void two_daemons_see_each_others_changes(void **state)
{
    (void)state;
    struct fixture f, g;
    struct daemon d, e;
    fixture_init(&f);
    daemon_start(&d, &f);
    turn_until(&d, d.published > 0);
    g = f;
    snprintf(g.conf.instance, sizeof(g.conf.instance), "front-2");
    g.conf.redis_mode = CONF_REDIS_UNIX;
    snprintf(g.conf.redis_path, sizeof(g.conf.redis_path), "%s/data/redis/redis.sock",
             f.dir);
    snprintf(g.journal_dir, sizeof(g.journal_dir), "%s/journal-2", f.dir);
    daemon_start(&e, &g);
    expect_ok(register_miner(&d, fields_of("miner-a", "TM-1", ADDRESS_1)));
    turn_until(&e, find(&e, "miner-a") != NULL);
    struct result r = set_state(&e, "miner-a", MINER_SUSPENDED, "order 1");
    expect_ok(r);
    struct monotime began = clock_now();
    turn_until(&d, !find(&d, "miner-a")->may_mine);
    assert_true(monotime_ms_between(began, clock_now()) < 1000);
    daemon_stop(&e);
    daemon_stop(&d);
    fixture_clear(&f);
}

/* Not waited for. `name` NULL: no fact. */
static void begin_note(struct daemon *d, const char *name, struct result *r)
{
    json_t *basis = json_pack("{s:s}", "code", "check");
    json_t *facts = name != NULL ? json_pack("{s:b}", name, true) : NULL;
    const struct registry_order order = {
        .by = "uid 0", .role = AUDIT_OFFICER, .reason = "check_made", .basis = basis};
    *r = (struct result){.done = false};
    registry_note(d->registry, AUDIT_STOP_ORDER_SET, NULL, &order, NULL, facts, on_done,
                  r);
    json_decref(facts);
    json_decref(basis);
}

static struct result note(struct daemon *d, const char *name)
{
    struct result r;
    begin_note(d, name, &r);
    turn_until(d, r.done);
    json_decref(r.record);
    return r;
}

static json_int_t version_of(const struct daemon *d)
{
    json_t *status = registry_status(d->registry);
    json_int_t version = json_integer_value(json_object_get(status, "version"));
    json_decref(status);
    return version;
}

static void facts_change_one_at_a_time_and_no_note_loads_all_again(void **state)
{
    (void)state;
    struct fixture f;
    struct daemon d;
    struct result first, second;
    fixture_init(&f);
    daemon_start(&d, &f);
    turn_until(&d, d.published > 0);
    expect_ok(register_miner(&d, fields_of("miner-a", "TM-1", ADDRESS_1)));
    unsigned published = d.published;
    json_int_t version = version_of(&d);
    begin_note(&d, "one", &first);
    begin_note(&d, "two", &second);
    assert_true(second.done);
    assert_int_equal(second.err, KZ_BUSY);
    turn_until(&d, first.done);
    json_decref(first.record);
    assert_int_equal(first.err, KZ_OK);
    expect_ok(note(&d, "two"));
    expect_ok(note(&d, NULL));
    assert_int_equal(version_of(&d), version + 2);
    assert_true(json_is_true(registry_fact(d.registry, "one")));
    assert_true(json_is_true(registry_fact(d.registry, "two")));
    struct monotime began = clock_now();
    turn_until(&d, monotime_ms_between(began, clock_now()) > 700); /* two polls */
    assert_int_equal(d.published, published);
    daemon_stop(&d);
    /* Redis has them as well. */
    daemon_start(&d, &f);
    turn_until(&d, d.published > 0);
    assert_int_equal(version_of(&d), version + 2);
    assert_true(json_is_true(registry_fact(d.registry, "two")));
    daemon_stop(&d);
    fixture_clear(&f);
}

static void changes_are_refused_while_redis_is_away_and_the_cache_serves(void **state)
{
    (void)state;
    struct fixture f;
    struct daemon d;
    fixture_init(&f);
    daemon_start(&d, &f);
    struct result early = {.done = false};
    json_t *fields = fields_of("miner-a", "TM-1", ADDRESS_1);
    begin_apply(&d, fields, &early);
    assert_true(early.done); /* at once: nothing is loaded yet */
    assert_int_equal(early.err, KZ_IO);
    json_decref(fields);
    turn_until(&d, d.published > 0);
    expect_ok(register_miner(&d, fields_of("miner-a", "TM-1", ADDRESS_1)));
    pid_t pid = (pid_t)status_number(&f, "pid");
    assert_int_equal(kill(pid, SIGSTOP), 0);
    struct result r = {.done = false};
    begin_state(&d, "miner-a", MINER_SUSPENDED, "order 1", &r);
    turn_until(&d, r.done);
    assert_int_equal(r.err, KZ_IO);
    assert_true(find(&d, "miner-a")->may_mine); /* not acknowledged, not in force */
    assert_int_equal(set_state(&d, "miner-a", MINER_SUSPENDED, "order 2").err, KZ_IO);
    /* The first one lies in the frozen server's socket; when it thaws, it is either
     * done or not, and the cache follows Redis. */
    assert_int_equal(kill(pid, SIGCONT), 0);
    turn_until(&d, status_is(&f, "state", "ready"));
    redisContext *c = redis_of(&f);
    redisReply *text = redisCommand(c, "HGET %s miner-a", KEY_REG_MINERS);
    bool suspended = strstr(text->str, "\"suspended\"") != NULL;
    freeReplyObject(text);
    redisFree(c);
    turn_until(&d, find(&d, "miner-a")->may_mine == !suspended);
    daemon_stop(&d);
    fixture_clear(&f);
}

static void a_registry_that_vanished_from_redis_does_not_stop_the_miners(void **state)
{
    (void)state;
    struct fixture f;
    struct daemon d;
    fixture_init(&f);
    log_setup(LOG_ERROR, false);
    daemon_start(&d, &f);
    turn_until(&d, d.published > 0);
    expect_ok(register_miner(&d, fields_of("miner-a", "TM-1", ADDRESS_1)));
    json_t *status = NULL;
    turn_until(&d, (json_decref(status), status = registry_status(d.registry),
                    json_integer_value(json_object_get(status, "version")) == 3));
    json_decref(status);
    redisContext *c = redis_of(&f);
    freeReplyObject(redisCommand(c, "FLUSHALL"));
    redisFree(c);
    status = NULL;
    turn_until(&d, (json_decref(status), status = registry_status(d.registry),
                    strstr(record_text(status, "alarm"), "lost") != NULL));
    json_decref(status);
    assert_true(find(&d, "miner-a")->may_mine);
    assert_int_equal(set_state(&d, "miner-a", MINER_SUSPENDED, "x").err, KZ_IO);
    daemon_stop(&d);
    fixture_clear(&f);
}

static void country_codes_are_the_assigned_ones(void **state)
{
    (void)state;
    assert_true(country_is_assigned("TM"));
    assert_true(country_is_assigned("AD"));
    assert_true(country_is_assigned("ZW"));
    static const char *const bad[] = {"",   "T",  "TMX", "tm", "XK",
                                      "AA", "ZZ", "EU",  "D ", " D"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(country_is_assigned(bad[i]));
    unsigned count = 0;
    char code[3] = "";
    for (code[0] = 'A'; code[0] <= 'Z'; code[0]++)
        for (code[1] = 'A'; code[1] <= 'Z'; code[1]++)
            count += country_is_assigned(code);
    assert_int_equal(count, 249);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_registered_miner_is_published_kept_and_found_again),
        cmocka_unit_test(an_acknowledged_change_survives_a_killed_redis),
        cmocka_unit_test(suspension_is_published_and_resumed),
        cmocka_unit_test(ids_addresses_and_certificates_belong_to_one_miner),
        cmocka_unit_test(a_waiting_address_logs_in_and_an_ended_one_is_free),
        cmocka_unit_test(a_challenge_has_a_nonce_of_its_own_and_survives_a_restart),
        cmocka_unit_test(two_daemons_see_each_others_changes),
        cmocka_unit_test(facts_change_one_at_a_time_and_no_note_loads_all_again),
        cmocka_unit_test(changes_are_refused_while_redis_is_away_and_the_cache_serves),
        cmocka_unit_test(a_registry_that_vanished_from_redis_does_not_stop_the_miners),
        cmocka_unit_test(country_codes_are_the_assigned_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
