/* Pay per share, and what a coinbase pays to the pool, by the accountant's own thread on
 * a real journal and a real Redis. What a node would say of blocks is told by the test. */
#include "payout/postings.h"
#include "payout/pps.h"
#include "payout/scheme.h"
#include "pool/accounts.h"
#include "share/store_read.h"
#include "tests/unit/record_fixture.h"
#include "tests/unit/redis_fixture.h"

#define NBITS   0x207fffff
#define SUBSIDY INT64_C(1250000000)

#define POOL_ADDRESS "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
#define POOL_SCRIPT  "0014751e76e8199196d454941c45d1b3a323f1433bd6"
/* Of bips/descriptors.json, with two of its scripts. */
#define POOL_DESCRIPTOR                                                                \
    "wpkh([5453efb5/84h/1h/0h]tpubDCkREm8bPE3h88mskdm78JQGLQCFC8zA8bVrCgbDmivRjiooRmf" \
    "Prh5Cq79vVpgjMq3uZ65cudjhUaCTgiVUZF4K24eTqPLC5SKJG5NcmCe/0/*)#glr9ma8m"
#define SCRIPT_3 "00148a6ba31348caf7066394f5938e758840d4915193"
#define SCRIPT_4 "0014307cfa3651f0537a566ed8c4d0b98b599bce7064"

struct bed {
    struct profile profile;
    struct fixture f;
    struct accounts *accounts;
    atomic_uint wanted;
    uint32_t yesterday;
};

static void on_want_day(void *ctx, uint32_t day)
{
    struct bed *b = ctx;
    atomic_store(&b->wanted, day);
}

static json_t *miners(void)
{
    json_t *list =
        json_pack("[{s:s, s:s}, {s:s, s:s}, {s:s, s:s, s:i}]", "miner_id", "alice",
                  "state", "active", "miner_id", "bob", "state", "suspended",
                  "miner_id", "donor", "state", "active", "fee_ppm", 500000);
    assert_non_null(list);
    for (int i = 0; i < 450; i++) {
        char id[16];
        snprintf(id, sizeof(id), "m%06d", i);
        json_array_append_new(
            list, json_pack("{s:s, s:s}", "miner_id", id, "state", "active"));
    }
    return list;
}

static void bed_up(struct bed *b)
{
    const struct accounts_hooks hooks = {.ctx = b, .on_want_day = on_want_day};
    struct slice_terms terms = accounts_terms(&b->f.conf);
    terms.subsidy_sat = SUBSIDY;
    fixture_start(&b->f);
    store_set_slices(b->f.store, &terms, 0, NBITS);
    fixture_profile(&b->profile);
    assert_int_equal(
        accounts_start(&b->accounts, &b->f.conf, &b->profile, b->f.store, &hooks),
        KZ_OK);
    accounts_set_miners(b->accounts, miners());
    wait_until(status_is(&b->f, "state", "ready"));
}

static void bed_down(struct bed *b)
{
    accounts_stop(b->accounts);
    accounts_free(b->accounts);
    fixture_stop(&b->f);
    atomic_store(&b->wanted, 0);
}

static void bed_start(struct bed *b, enum conf_scheme scheme)
{
    memset(b, 0, sizeof(*b));
    fixture_init(&b->f);
    b->f.conf.payout.scheme = scheme;
    b->f.conf.payout.fee_ppm = 20000;
    snprintf(b->f.conf.coinbase_address, sizeof(b->f.conf.coinbase_address), "%s",
             POOL_ADDRESS);
    b->yesterday = (uint32_t)(clock_utc_ms() / DAY_MS) - 1;
    bed_up(b);
}

static void bed_clear(struct bed *b)
{
    accounts_stop(b->accounts);
    accounts_free(b->accounts);
    fixture_clear(&b->f);
}

/* A share of yesterday noon: its slice is closed at once, since the day is over. */
static void send_late(struct bed *b, const char *miner, uint64_t work)
{
    struct share_record r = make_share(miner, "rig", work);
    uint64_t seq;
    r.time_ms = (int64_t)b->yesterday * DAY_MS + DAY_MS / 2;
    assert_int_equal(journal_writer_put(b->f.writer, &seq, &r, NULL), KZ_OK);
}

static char *text_at(struct bed *b, const char *command, const char *key,
                     const char *field)
{
    redisContext *c = redis_of(&b->f);
    if (c == NULL)
        return mem_text("");
    redisReply *r = field[0] != '\0' ? redisCommand(c, "%s %s %s", command, key, field)
                                     : redisCommand(c, "%s %s", command, key);
    char number[24] = "";
    if (r != NULL && r->type == REDIS_REPLY_INTEGER)
        snprintf(number, sizeof(number), "%lld", r->integer);
    char *text = mem_text(r != NULL && r->type == REDIS_REPLY_STRING ? r->str : number);
    freeReplyObject(r);
    redisFree(c);
    return text;
}

static int64_t number_at(struct bed *b, const char *command, const char *key,
                         const char *field)
{
    char *text = text_at(b, command, key, field);
    int64_t v = text[0] != '\0' ? strtoll(text, NULL, 10) : 0; /* allowed: a test */
    mem_free(text);
    return v;
}

static int64_t owed_to(struct bed *b, const char *key, const char *miner)
{
    return number_at(b, "HGET", key, miner);
}

static bool day_is(struct bed *b, const char *state)
{
    char field[64], date[PPS_DATE_SIZE];
    pps_date_format(date, b->yesterday);
    snprintf(field, sizeof(field), "%s:front-1", date);
    char *text = text_at(b, "HGET", KEY_FPPS, field);
    bool is = strcmp(text, state) == 0;
    mem_free(text);
    return is;
}

static struct pps_terms terms_of(struct bed *b, uint32_t fee_ppm)
{
    struct pps_terms t = {.nbits = NBITS, .fee_ppm = fee_ppm, .day = b->yesterday};
    assert_true(amount_from_sat(&t.subsidy, SUBSIDY));
    return t;
}

/* E of the subsidy and `fee` on `work`. */
static int64_t due(struct bed *b, uint32_t fee_ppm, uint64_t work, int64_t fee)
{
    struct pps_terms t = terms_of(b, fee_ppm);
    struct amount base, a;
    assert_true(amount_from_sat(&base, SUBSIDY + fee));
    assert_int_equal(pps_entitlement(&a, &t, base, work, 1), KZ_OK);
    return amount_to_sat(a);
}

static void tell_fees(struct bed *b, uint32_t day, const int64_t *fees, size_t count)
{
    struct amount *list = mem_array(count + 1, sizeof(*list));
    for (size_t i = 0; i < count; i++)
        assert_true(amount_from_sat(&list[i], fees[i]));
    accounts_day_fees_take(b->accounts, day, list, count);
}

static void period_key(char out[KEY_SIZE], struct bed *b, const char *prefix,
                       enum pps_part part)
{
    char period[PPS_PERIOD_SIZE];
    struct pps_terms t = terms_of(b, 20000);
    pps_period_format(period, &t, part, 0);
    snprintf(out, KEY_SIZE, "%s:{ledger}:%s", prefix, period);
}

/* All that is owed, and all other accounts: 0 together. */
static void expect_sum_zero(struct bed *b)
{
    redisContext *c = redis_of(&b->f);
    int64_t sum = (int64_t)sum_of_hash(c, KEY_ACCOUNTS, 0) -
                  (int64_t)sum_of_hash(c, KEY_MATURE, 0) -
                  (int64_t)sum_of_hash(c, KEY_HELD, 0);
    redisFree(c);
    assert_true(sum == 0);
}

static const int64_t some_fees[] = {100, 300, 502, 299, 300};
#define AVERAGE 300

static void fees_are_credited_when_the_day_is_over_once_each(void **state)
{
    (void)state;
    struct bed b;
    char key[KEY_SIZE], fees[KEY_SIZE];
    bed_start(&b, CONF_FPPS);
    send_late(&b, "alice", 1000);
    send_late(&b, "bob", 501);
    send_late(&b, "donor", 333);
    wait_until(owed_to(&b, KEY_MATURE, "donor") == due(&b, 500000, 333, 0));
    wait_until(owed_to(&b, KEY_MATURE, "alice") == due(&b, 20000, 1000, 0));
    wait_until(owed_to(&b, KEY_HELD, "bob") == due(&b, 20000, 501, 0));
    wait_until(atomic_load(&b.wanted) == b.yesterday);
    assert_true(day_is(&b, "open"));
    period_key(key, &b, "pps", PPS_FPPS_SUBSIDY);
    period_key(fees, &b, "pps", PPS_FPPS_FEES);
    assert_int_equal(number_at(&b, "TTL", key, ""), -1); /* as long as it takes */
    tell_fees(&b, b.yesterday - 1, some_fees, 1);        /* of another day: not ours */
    tell_fees(&b, b.yesterday, some_fees, 5);
    wait_until(day_is(&b, "closed 300 5 0"));
    assert_true(owed_to(&b, KEY_MATURE, "alice") == due(&b, 20000, 1000, AVERAGE));
    assert_true(owed_to(&b, KEY_MATURE, "donor") == due(&b, 500000, 333, AVERAGE));
    assert_true(owed_to(&b, KEY_HELD, "bob") == due(&b, 20000, 501, AVERAGE));
    assert_true(number_at(&b, "TTL", key, "") > 29 * 86400);
    assert_true(number_at(&b, "TTL", fees, "") > 29 * 86400);
    wait_until(atomic_load(&b.wanted) == 0);
    expect_sum_zero(&b);
    int64_t entries = number_at(&b, "GET", KEY_ENTRY_SEQ, "");
    assert_int_equal(entries, 6);

    /* A new start, other fees, an emptied Redis: nothing more. */
    bed_down(&b);
    bed_up(&b);
    tell_fees(&b, b.yesterday, (const int64_t[]){900}, 1);
    wait_until(owed_to(&b, KEY_MATURE, "alice") == due(&b, 20000, 1000, AVERAGE));
    redisContext *c = redis_of(&b.f);
    freeReplyObject(redisCommand(c, "FLUSHALL"));
    redisFree(c);
    wait_until(day_is(&b, "closed 300 5 0"));
    wait_until(owed_to(&b, KEY_HELD, "bob") == due(&b, 20000, 501, AVERAGE));

    /* Work of a slice that was still open gets both parts, under the same average. */
    send_late(&b, "alice", 778);
    wait_until(owed_to(&b, KEY_MATURE, "alice") == due(&b, 20000, 1778, AVERAGE));
    wait_until(day_is(&b, "closed 300 5 0"));
    assert_true(owed_to(&b, KEY_MATURE, "donor") == due(&b, 500000, 333, AVERAGE));
    assert_int_equal(number_at(&b, "GET", KEY_ENTRY_SEQ, ""), entries + 2);
    expect_sum_zero(&b);
    bed_clear(&b);
}

static void a_daemon_that_stops_while_it_closes_goes_on_where_it_was(void **state)
{
    (void)state;
    struct bed b;
    char fees[KEY_SIZE], id[16];
    bed_start(&b, CONF_FPPS);
    for (int i = 0; i < 450; i++) {
        snprintf(id, sizeof(id), "m%06d", i);
        send_late(&b, id, 1000 + (uint64_t)i);
    }
    wait_until(atomic_load(&b.wanted) == b.yesterday &&
               owed_to(&b, KEY_MATURE, "m000449") == due(&b, 20000, 1449, 0));
    period_key(fees, &b, "pps", PPS_FPPS_FEES);
    tell_fees(&b, b.yesterday, some_fees, 5);
    size_t starts = 0;
    while (!day_is(&b, "closed 300 5 0")) {
        int64_t before = number_at(&b, "HLEN", fees, "");
        wait_until(number_at(&b, "HLEN", fees, "") > before ||
                   day_is(&b, "closed 300 5 0"));
        bed_down(&b);
        bed_up(&b);
        assert_true(++starts < 20);
        wait_until(number_at(&b, "GET", KEY_ENTRY_SEQ, "") >= 450);
    }
    for (int i = 0; i < 450; i++) {
        snprintf(id, sizeof(id), "m%06d", i);
        assert_true(owed_to(&b, KEY_MATURE, id) ==
                    due(&b, 20000, 1000 + (uint64_t)i, AVERAGE));
    }
    expect_sum_zero(&b);
    bed_clear(&b);
}

static void a_day_without_blocks_earns_no_fees(void **state)
{
    (void)state;
    struct bed b;
    bed_start(&b, CONF_FPPS);
    send_late(&b, "alice", 1000);
    wait_until(atomic_load(&b.wanted) == b.yesterday);
    tell_fees(&b, b.yesterday, NULL, 0);
    wait_until(day_is(&b, "closed 0 0 0"));
    assert_true(owed_to(&b, KEY_MATURE, "alice") == due(&b, 20000, 1000, 0));
    bed_clear(&b);
}

static void under_pps_no_day_is_wanted(void **state)
{
    (void)state;
    struct bed b;
    bed_start(&b, CONF_PPS);
    send_late(&b, "alice", 1000);
    wait_until(owed_to(&b, KEY_MATURE, "alice") == due(&b, 20000, 1000, 0));
    send_late(&b, "alice", 1);
    wait_until(owed_to(&b, KEY_MATURE, "alice") == due(&b, 20000, 1001, 0));
    assert_int_equal(atomic_load(&b.wanted), 0);
    assert_true(day_is(&b, ""));
    bed_clear(&b);
}

/* --- the reserve ------------------------------------------------------------------ */

static bool is_suspended(struct bed *b)
{
    return accounts_terms_in_force(b->accounts).regime == SLICE_SPLIT;
}

static bool warns(struct bed *b, const char *of)
{
    json_t *s = accounts_status(b->accounts);
    const char *text = json_string_value(json_object_get(s, "warning"));
    bool is = of[0] == '\0' ? text[0] == '\0' : strstr(text, of) != NULL;
    json_decref(s);
    return is;
}

static void put_capital(struct bed *b, int64_t sat, uint64_t n)
{
    const struct entry_basis basis = {.reason = "c", .by = {"a", "b"}};
    const struct postings_manual m = {
        .n = n, .basis = &basis, .time_ms = clock_utc_ms()};
    struct entry e;
    struct amount amount;
    char said[256];
    assert_true(amount_from_sat(&amount, sat));
    assert_int_equal(postings_capital_in(&e, amount, &m), KZ_OK);
    char *text = entry_format(&e);
    json_t *event = json_pack("{s:[o]}", "entries", json_loads(text, 0, NULL));
    mem_free(text);
    entry_clear(&e);
    assert_int_equal(store_ledger_write(said, b->f.store, EVENT_LEDGER, event), KZ_OK);
}

static void
without_means_pay_per_share_is_suspended_until_an_operator_asks(void **state)
{
    (void)state;
    struct bed b;
    const int64_t reserve = 1000000;
    bed_start(&b, CONF_PPS);
    bed_down(&b);
    b.f.conf.payout.pps_reserve_sat = reserve;
    bed_up(&b);
    wait_until(warns(&b, "below payout.pps_reserve"));
    assert_false(is_suspended(&b));
    send_late(&b, "alice", 1000);
    wait_until(owed_to(&b, KEY_MATURE, "alice") == due(&b, 20000, 1000, 0));
    assert_false(is_suspended(&b)); /* there was nothing owed before it */

    /* The next finds less than nothing; it was promised, and is credited. */
    send_late(&b, "alice", 500);
    wait_until(is_suspended(&b));
    wait_until(owed_to(&b, KEY_MATURE, "alice") == due(&b, 20000, 1500, 0));
    assert_true(warns(&b, "pps is suspended"));
    assert_int_equal(accounts_terms_in_force(b.accounts).scheme, SCHEME_PPLNS);

    /* Asking does not help, nor a new start, nor money alone, nor too little of it. */
    accounts_look_again(b.accounts);
    int64_t owed = due(&b, 20000, 1500, 0);
    put_capital(&b, owed + reserve - 1, 1);
    accounts_look_again(b.accounts);
    wait_until(warns(&b, "own is 999999 satoshi"));
    assert_true(is_suspended(&b));
    bed_down(&b);
    bed_up(&b);
    wait_until(is_suspended(&b));
    put_capital(&b, 1, 2);
    assert_true(is_suspended(&b));
    accounts_look_again(b.accounts);
    wait_until(!is_suspended(&b));
    wait_until(warns(&b, ""));
    bed_down(&b);
    bed_up(&b);
    wait_until(warns(&b, "") && !is_suspended(&b));
    expect_sum_zero(&b);
    bed_clear(&b);
}

/* --- holds ------------------------------------------------------------------------ */

static void book(struct bed *b, const char *key, json_t *postings)
{
    char said[256];
    json_t *event = json_pack("{s:[{s:s, s:s, s:i, s:o}]}", "entries", "key", key,
                              "kind", "correction", "time_ms", 1, "postings", postings);
    assert_int_equal(store_ledger_write(said, b->f.store, EVENT_LEDGER, event), KZ_OK);
}

/* The accountant read a suspended miner's balance, a payout reserved it, the hold was booked:
 * the miner is paid, and what is held beside that is too much. */
static void what_a_payout_reserved_before_a_hold_is_not_held_as_well(void **state)
{
    (void)state;
    struct bed b;
    bed_start(&b, CONF_PPLNS);
    book(&b, "adj:1",
         json_pack("{s:i, s:i, s:i}", "mature:bob", 40, "held:bob", -100, "capital",
                   60));
    accounts_set_miners(b.accounts, miners());
    wait_until(owed_to(&b, KEY_HELD, "bob") == 60);
    wait_until(owed_to(&b, KEY_MATURE, "bob") == 0);
    book(&b, "adj:2", json_pack("{s:i, s:i}", "mature:bob", 500, "capital", -500));
    accounts_set_miners(b.accounts, miners()); /* no more than is held */
    wait_until(owed_to(&b, KEY_HELD, "bob") == 0);
    assert_int_equal(owed_to(&b, KEY_MATURE, "bob"), -440);
    bed_clear(&b);
}

static bool alarms(struct bed *b, const char *part)
{
    json_t *status = accounts_status(b->accounts);
    const char *alarm = json_string_value(json_object_get(status, "alarm"));
    bool is = strstr(alarm, part) != NULL;
    json_decref(status);
    return is;
}

/* A block whose coinbase pays `script` all, seen on the best chain. */
static void see_block(struct bed *b, char digit, int height, const char *script)
{
    char hash[HASH256_HEX_SIZE] = {0}, said[256];
    struct sighting seen = {.confirmations = 1, .tip = (uint32_t)height};
    memset(hash, digit, sizeof(hash) - 1);
    json_t *set = json_pack(
        "{s:s, s:i, s:s, s:s, s:I, s:I, s:I, s:I, s:[[I, s]]}", "state", "submitted",
        "height", height, "instance", "front-1", "miner", "", "found_ms", (json_int_t)0,
        "snapshot", (json_int_t)0, "nbits", (json_int_t)NBITS, "value_sat",
        (json_int_t)SUBSIDY, "outputs", (json_int_t)SUBSIDY, script);
    json_t *event = json_pack("{s:[], s:{s:s, s:i, s:b, s:o}}", "entries", "block",
                              "hash", hash, "height", height, "open", 1, "set", set);
    assert_int_equal(store_ledger_write(said, b->f.store, EVENT_LEDGER, event), KZ_OK);
    assert_int_equal(hash256_parse_display(&seen.hash, hash, HASH256_HEX_SIZE - 1),
                     KZ_OK);
    accounts_block_seen(b->accounts, &seen);
}

#define STRANGERS "pays others than the pool"
#define NO_WORK   "booked to the pool"

static void a_coinbase_pays_the_pool_at_the_script_of_its_height(void **state)
{
    (void)state;
    static const struct {
        bool has_descriptor;
        int height;
        const char *script;
        const char *alarm;
    } blocks[] = {
        {false, 3, POOL_SCRIPT, NO_WORK}, {false, 3, SCRIPT_3, STRANGERS},
        {true, 3, SCRIPT_3, NO_WORK},     {true, 4, SCRIPT_3, STRANGERS},
        {true, 4, SCRIPT_4, NO_WORK},     {true, 4, POOL_SCRIPT, STRANGERS},
    };
    struct bed b;
    struct conf *c = &b.f.conf;
    bed_start(&b, CONF_PPLNS);
    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        bed_down(&b); /* an alarm stays until a start */
        snprintf(c->coinbase_address, sizeof(c->coinbase_address), "%s",
                 blocks[i].has_descriptor ? "" : POOL_ADDRESS);
        snprintf(c->coinbase_descriptor, sizeof(c->coinbase_descriptor), "%s",
                 blocks[i].has_descriptor ? POOL_DESCRIPTOR : "");
        bed_up(&b);
        see_block(&b, (char)('1' + i), blocks[i].height, blocks[i].script);
        wait_until(alarms(&b, "block"));
        if (!alarms(&b, blocks[i].alarm))
            fail_msg("block %zu: not %s", i, blocks[i].alarm);
    }
    expect_sum_zero(&b);
    bed_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_coinbase_pays_the_pool_at_the_script_of_its_height),
        cmocka_unit_test(fees_are_credited_when_the_day_is_over_once_each),
        cmocka_unit_test(a_daemon_that_stops_while_it_closes_goes_on_where_it_was),
        cmocka_unit_test(a_day_without_blocks_earns_no_fees),
        cmocka_unit_test(under_pps_no_day_is_wanted),
        cmocka_unit_test(what_a_payout_reserved_before_a_hold_is_not_held_as_well),
        cmocka_unit_test(
            without_means_pay_per_share_is_suspended_until_an_operator_asks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
