/* Reserves, leases and readers against a real redis-server: what one payer takes no other
 * can, and the past is not judged twice. */
#include "share/store_lease.h"
#include "share/store_read.h"
#include "tests/unit/redis_fixture.h"

static void start(struct fixture *f)
{
    fixture_start(f);
    wait_until(status_is(f, "state", "ready"));
}

static json_t *entry_of(const char *key, const char *account, json_int_t sat)
{
    return json_pack("{s:s, s:s, s:i, s:{s:I, s:I}}", "key", key, "kind", "test",
                     "time_ms", 1, "postings", account, sat, "capital", -sat);
}

static void write_plain(struct fixture *f, const char *key, const char *account,
                        json_int_t sat)
{
    char text[256];
    json_t *event = json_pack("{s:[o]}", "entries", entry_of(key, account, sat));
    assert_int_equal(store_ledger_write(text, f->store, EVENT_LEDGER, event), KZ_OK);
}

/* Takes 60 of what is mature, if it is there and the coin is idle. */
static enum kz_err reserve(struct fixture *f, char text[256], const char *id,
                           const char *coin)
{
    char key[64], use[128], po[64];
    snprintf(key, sizeof(key), "po:%s:reserve", id);
    snprintf(use, sizeof(use), "use:%s", coin);
    snprintf(po, sizeof(po), "po:%s", id);
    json_t *event =
        json_pack("{s:s, s:[o], s:[[s,s,s,s],[s,s,s,s],[s,s,s,s]], s:[[s,s,s,s]]}",
                  "payout", id, "entries", entry_of(key, "mature:m000001", 60), "needs",
                  "bal:mature", "m000001", "least", "60", use, "", "idle", "", po, "",
                  "absent", "", "marks", use, id, "held", "keep");
    json_array_append_new(json_object_get(event, "marks"),
                          json_pack("[s,s,s,s]", po, "state", "reserved", "keep"));
    return store_ledger_write(text, f->store, EVENT_RESERVE, event);
}

static void decide(struct fixture *f, const char *id)
{
    char text[256], po[64];
    snprintf(po, sizeof(po), "po:%s", id);
    json_t *event = json_pack("{s:[[s,s,s,s]]}", "marks", po, "decided", "1", "keep");
    assert_int_equal(store_ledger_write(text, f->store, EVENT_DECIDED, event), KZ_OK);
}

static json_int_t mature_of(struct fixture *f)
{
    json_t *text = NULL;
    enum kz_err err = store_read_field(&text, f->store, KEY_MATURE, "m000001");
    json_int_t v =
        err == KZ_OK ? atoll(json_string_value(text)) : 0; /* allowed: test */
    json_decref(text);
    return v;
}

static void empty_redis(struct fixture *f)
{
    uint64_t before, now;
    assert_true(store_has_all_events(f->store, &before));
    redisContext *c = redis_of(f);
    freeReplyObject(redisCommand(c, "FLUSHALL"));
    redisFree(c);
    wait_until(store_has_all_events(f->store, &now) && now > before);
}

static void expect_undecided(struct fixture *f, const char *id)
{
    char have[33];
    wait_until(store_undecided(have, f->store) == KZ_OK);
    assert_string_equal(have, id);
}

static void a_reserve_takes_what_is_there_and_nothing_twice(void **state)
{
    (void)state;
    struct fixture f;
    char text[256];
    fixture_init(&f);
    start(&f);
    write_plain(&f, "cap:1", "mature:m000001", -100);
    assert_int_equal(reserve(&f, text, "po-1", "aa:0"), KZ_OK);
    expect_undecided(&f, "po-1");
    decide(&f, "po-1");
    expect_undecided(&f, "");
    assert_int_equal(mature_of(&f), 40);
    assert_int_equal(reserve(&f, text, "po-2", "bb:0"), KZ_RANGE); /* 40 < 60 */
    assert_non_null(strstr(text, "bal:{ledger}:mature m000001 40"));
    write_plain(&f, "cap:2", "mature:m000001", -100);
    assert_int_equal(reserve(&f, text, "po-3", "aa:0"), KZ_RANGE); /* held by po-1 */
    assert_non_null(strstr(text, "use:{ledger}:aa:0"));
    write_plain(&f, "cap:3", "mature:m000001", -1);
    assert_int_equal(reserve(&f, text, "po-1", "bb:0"), KZ_RANGE); /* id was used */
    assert_int_equal(mature_of(&f), 141);
    fixture_clear(&f);
}

/* Redis loses everything after the balance that a decided reserve needed has gone, and
 * after one that was refused could succeed: neither is judged again. */
static void a_replay_does_not_judge_the_past(void **state)
{
    (void)state;
    struct fixture f;
    char text[256];
    fixture_init(&f);
    start(&f);
    assert_int_equal(reserve(&f, text, "po-0", "aa:0"), KZ_RANGE); /* nothing there */
    write_plain(&f, "cap:1", "mature:m000001", -100);
    assert_int_equal(reserve(&f, text, "po-1", "aa:0"), KZ_OK);
    decide(&f, "po-1");
    assert_int_equal(reserve(&f, text, "po-2", "cc:0"), KZ_RANGE);
    write_plain(&f, "cap:2", "mature:m000001", -500);
    assert_int_equal(mature_of(&f), 540);
    empty_redis(&f);
    assert_int_equal(mature_of(&f), 540);
    /* Applied by Redis and not decided: the next record says that it never was. */
    assert_int_equal(reserve(&f, text, "po-3", "dd:0"), KZ_OK);
    write_plain(&f, "cap:3", "mature:m000001", -1);
    assert_int_equal(mature_of(&f), 481);
    empty_redis(&f);
    assert_int_equal(mature_of(&f), 541);
    fixture_clear(&f);
}

static void an_undecided_reserve_is_named_by_the_next_daemon(void **state)
{
    (void)state;
    struct fixture f;
    char text[256];
    fixture_init(&f);
    start(&f);
    write_plain(&f, "cap:1", "mature:m000001", -100);
    assert_int_equal(reserve(&f, text, "po-7", "aa:0"), KZ_OK);
    fixture_stop(&f);
    start(&f);
    expect_undecided(&f, "po-7");
    assert_int_equal(mature_of(&f), 40);
    empty_redis(&f); /* the last ledger record is judged as new */
    expect_undecided(&f, "po-7");
    assert_int_equal(mature_of(&f), 40);
    decide(&f, "po-7");
    expect_undecided(&f, "");
    fixture_clear(&f);
}

static void a_lease_is_one_journals_until_it_lapses(void **state)
{
    (void)state;
    struct fixture f;
    struct lease a, a2, b;
    struct lease_holder who = {.free_in_ms = 0};
    const struct lease_terms mine = {"journal-a", "host a", 200, 300};
    const struct lease_terms other = {"journal-b", "host b", 200, 300};
    fixture_init(&f);
    start(&f);
    assert_int_equal(store_lease_take(&a, &who, f.store, &mine), KZ_OK);
    assert_int_equal(store_lease_take(&b, &who, f.store, &other), KZ_BUSY);
    assert_string_equal(who.journal, "journal-a");
    assert_string_equal(who.name, "host a");
    assert_in_range(who.free_in_ms, 1, 500);
    assert_int_equal(store_lease_take(&a2, &who, f.store, &mine), KZ_OK);
    assert_string_not_equal(a.token, a2.token);
    assert_int_equal(store_lease_renew(f.store, &a, &mine), KZ_BUSY);
    assert_int_equal(store_lease_renew(f.store, &a2, &mine), KZ_OK);
    assert_string_equal(a2.over, "");
    wait_until(store_lease_take(&b, &who, f.store, &other) == KZ_OK);
    assert_string_equal(b.over, a2.token); /* it was not given back */
    assert_int_equal(store_lease_renew(f.store, &a2, &mine), KZ_BUSY);
    store_lease_give_back(f.store, &a2); /* not ours any more: nothing happens */
    assert_int_equal(store_lease_take(&a, &who, f.store, &mine), KZ_BUSY);
    store_lease_give_back(f.store, &b);
    assert_int_equal(store_lease_take(&a, &who, f.store, &mine), KZ_OK);
    assert_string_equal(a.over, ""); /* its own, and its journal is here */
    store_lease_give_back(f.store, &a);
    assert_int_equal(store_lease_take(&b, &who, f.store, &other), KZ_OK);
    assert_string_equal(b.over, a2.token); /* still to be looked at */
    fixture_clear(&f);
}

static void settled_is_on_the_servers_disk(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    start(&f);
    write_plain(&f, "cap:1", "mature:m000001", -100);
    assert_int_equal(store_settle(f.store), KZ_OK);
    fixture_clear(&f);
}

static void a_reader_reads_and_writes_nothing(void **state)
{
    (void)state;
    struct fixture f;
    struct store *reader;
    char text[256];
    uint64_t generation;
    json_t *value = NULL;
    fixture_init(&f);
    start(&f);
    write_plain(&f, "cap:1", "mature:m000001", -100);
    struct conf conf = f.conf;
    conf.redis_mode = CONF_REDIS_UNIX;
    snprintf(conf.redis_path, sizeof(conf.redis_path), "%s/redis/redis.sock",
             f.conf.data_dir);
    snprintf(conf.instance, sizeof(conf.instance), "reader");
    assert_int_equal(store_start_reader(&reader, &conf), KZ_OK);
    wait_until(store_has_all_events(reader, &generation));
    assert_int_equal(store_read_field(&value, reader, KEY_MATURE, "m000001"), KZ_OK);
    assert_string_equal(json_string_value(value), "100");
    json_decref(value);
    json_t *event = json_pack("{s:[o]}", "entries", entry_of("cap:2", "fee", 1));
    assert_int_equal(store_ledger_write(text, reader, EVENT_LEDGER, event), KZ_RANGE);
    store_stop(reader, 1000);
    redisContext *c = redis_of(&f);
    redisReply *r = redisCommand(c, "SISMEMBER instances reader");
    assert_int_equal(r->integer, 0);
    freeReplyObject(r);
    redisFree(c);
    fixture_clear(&f);
}

static void redis(struct fixture *f, const char *command)
{
    redisContext *c = redis_of(f);
    freeReplyObject(redisCommand(c, command));
    redisFree(c);
}

/* What is said of one server is not said of the next, nor of a Redis that lost it. */
static void who_pays_waits_for_every_instance(void **state)
{
    (void)state;
    struct fixture f;
    char instance[33];
    fixture_init(&f);
    start(&f);
    write_plain(&f, "cap:1", "mature:m000001", -100);
    wait_until(store_all_are_ready(instance, f.store) == KZ_OK);
    redis(&f, "SADD instances front-9 front-9.payout");
    assert_int_equal(store_all_are_ready(instance, f.store), KZ_BUSY);
    assert_string_equal(instance,
                        "front-9"); /* a payer's own journal is not asked for */
    redis(&f, "HSET ready:{ledger} front-9 of-another-server");
    assert_int_equal(store_all_are_ready(instance, f.store), KZ_BUSY);
    redis(&f, "SREM instances front-9");
    assert_int_equal(store_all_are_ready(instance, f.store), KZ_OK);
    empty_redis(&f); /* said again once everything is applied */
    wait_until(store_all_are_ready(instance, f.store) == KZ_OK);
    redis(&f, "DEL instances");
    assert_int_equal(store_all_are_ready(instance, f.store), KZ_BUSY);
    assert_string_equal(instance, "");
    fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reserve_takes_what_is_there_and_nothing_twice),
        cmocka_unit_test(a_replay_does_not_judge_the_past),
        cmocka_unit_test(an_undecided_reserve_is_named_by_the_next_daemon),
        cmocka_unit_test(a_lease_is_one_journals_until_it_lapses),
        cmocka_unit_test(settled_is_on_the_servers_disk),
        cmocka_unit_test(a_reader_reads_and_writes_nothing),
        cmocka_unit_test(who_pays_waits_for_every_instance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
