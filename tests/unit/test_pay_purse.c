/* The pool's coins and who is due what, read from a real Redis. */
#include "pool/pay/chain_parts.h"
#include "pool/pay/dues.h"
#include "tests/unit/record_fixture.h"
#include "tests/unit/redis_fixture.h"

#include "payout/descriptor.h"

#define TIP       300
#define COINBASE  "00000000000000000000000000000000000000000000000000000000000000c1"
#define COINBASE2 "00000000000000000000000000000000000000000000000000000000000000c2"
#define BLOCK     "00000000000000000000000000000000000000000000000000000000000000b1"
#define BLOCK2    "00000000000000000000000000000000000000000000000000000000000000b2"
#define BLOCK3    "00000000000000000000000000000000000000000000000000000000000000b3"
#define FOREIGN   "0014751e76e8199196d454941c45d1b3a323f1433bd6"
#define PAYEE_1   "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
#define PAYEE_2   "bcrt1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qzf4jry"

struct bed {
    struct fixture f;
    struct payer p;
    struct profile profile;
    char ours[2 * SCRIPT_MULTISIG_MAX + 1]; /* the script of receive/0, in hex */
    char own_address[ADDRESS_TEXT_SIZE];
};

static void make_wallet(struct bed *b)
{
    struct bip32_key master;
    struct sign_context *c = sign_context_new();
    struct descriptor_output out;
    char why[WALLET_WHY_SIZE], text[DESCRIPTOR_TEXT_MAX + 1];
    const uint8_t seed[32] = {1};
    const struct wallet_place first = {WALLET_RECEIVE, 0};
    assert_int_equal(bip32_from_seed(&master, true, (struct bytes){seed, 32}), KZ_OK);
    assert_int_equal(descriptor_of_account(text, c, &master, DESCRIPTOR_WPKH, 0, 0),
                     KZ_OK);
    snprintf(b->f.conf.pay.receive, sizeof(b->f.conf.pay.receive), "%s", text);
    assert_int_equal(descriptor_of_account(text, c, &master, DESCRIPTOR_WPKH, 0, 1),
                     KZ_OK);
    snprintf(b->f.conf.pay.change, sizeof(b->f.conf.pay.change), "%s", text);
    sign_context_free(c);
    assert_int_equal(wallet_open(&b->p.wallet, why, &b->f.conf), KZ_OK);
    assert_int_equal(wallet_output(&out, b->p.wallet, &first), KZ_OK);
    hex_encode(b->ours, out.script.b, out.script.len);
    assert_int_equal(
        address_format(b->own_address, b->p.network, script_bytes(&out.script)), KZ_OK);
}

static void bed_init(struct bed *b)
{
    memset(b, 0, sizeof(*b));
    fixture_init(&b->f);
    b->f.conf.payout.minimum_sat = 5000;
    fixture_start(&b->f);
    wait_until(status_is(&b->f, "state", "ready"));
    fixture_profile(&b->profile);
    b->p = (struct payer){.conf = &b->f.conf,
                          .profile = &b->profile,
                          .network = network_of(CONF_REGTEST),
                          .journal = b->f.journal,
                          .store = b->f.store,
                          .lock_fd = -1,
                          .redis_dir_fd = -1};
    assert_int_equal(chain_open(&b->p.chain, &b->f.conf), KZ_OK); /* of no node */
    b->p.chain->tip.height = TIP;
    make_wallet(b);
}

static void bed_clear(struct bed *b)
{
    wallet_close(b->p.wallet);
    chain_close(b->p.chain);
    fixture_clear(&b->f);
}

static void write_event(struct bed *b, json_t *event)
{
    assert_non_null(event);
    if (pay_write(&b->p, EVENT_LEDGER, event) != KZ_OK)
        fail_msg("%s", b->p.why);
}

/* A block's record: the pool's output, one to a payee, a commitment, one of the pool's. */
static void put_block(struct bed *b, const char *hash, const char *coinbase, int height,
                      const char *state)
{
    json_t *set = json_pack(
        "{s:s, s:i, s:s, s:[[I, s], [I, s], [I, s], [I, s]], s:{s:[[s, i, I]]}}",
        "state", state, "height", height, "coinbase", coinbase, "outputs",
        (json_int_t)5000000000, b->ours, (json_int_t)70000, FOREIGN, (json_int_t)0,
        "6a24aa21a9ed", (json_int_t)1234, FOREIGN, "entry", "outputs", "m000001", 1,
        (json_int_t)70000);
    write_event(b, json_pack("{s:{s:s, s:i, s:o}}", "block", "hash", hash, "height",
                             height, "set", set));
}

static void use_coin(struct bed *b, const char *coin, const char *who, const char *how)
{
    char key[120];
    snprintf(key, sizeof(key), "use:%s", coin);
    write_event(b, json_pack("{s:[[s, s, s, s]]}", "marks", key, who, how, "keep"));
}

static const struct purse_coin *coin_at(const struct purse *u, const char *text)
{
    struct tx_outpoint at;
    assert_int_equal(tx_outpoint_parse(&at, text, strlen(text)), KZ_OK);
    for (size_t i = 0; i < u->count; i++)
        if (tx_outpoint_equal(&u->coins[i].coin.from, &at))
            return &u->coins[i];
    return NULL;
}

static size_t free_count(const struct purse *u)
{
    size_t *places, count;
    struct coin *coins = purse_free(&places, &count, u);
    mem_free(coins);
    mem_free(places);
    return count;
}

static void must_read(struct purse *u, struct bed *b)
{
    purse_clear(u);
    if (purse_read(u, &b->p) != KZ_OK)
        fail_msg("%s", b->p.why);
}

/* --- the purse -------------------------------------------------------------------- */

static void mature_blocks_bring_what_they_paid_the_pool(void **state)
{
    (void)state;
    struct bed b;
    struct purse u = {.count = 0};
    bed_init(&b);
    put_block(&b, BLOCK, COINBASE, 100, "mature");
    put_block(&b, BLOCK2, COINBASE2, 250, "accepted");
    must_read(&u, &b);
    assert_int_equal(u.count, 2); /* not the payee's, not the commitment */
    const struct purse_coin *c = coin_at(&u, COINBASE ":0");
    assert_non_null(c);
    assert_true(c->is_ours && c->coin.is_coinbase);
    assert_int_equal(amount_to_sat(c->coin.value), 5000000000);
    assert_int_equal(c->coin.confirmations, TIP - 100 + 1);
    assert_int_equal(c->place.index, 0);
    c = coin_at(&u, COINBASE ":3");
    assert_non_null(c);
    assert_false(c->is_ours); /* the pool's by the ledger, of another wallet */
    assert_int_equal(free_count(&u), 1);
    /* Once in the table a block is not asked again, and the second waits its turn. */
    put_block(&b, BLOCK2, COINBASE2, 250, "mature");
    must_read(&u, &b);
    assert_int_equal(u.count, 4);
    must_read(&u, &b);
    assert_int_equal(u.count, 4);
    assert_int_equal(free_count(&u), 2);
    purse_clear(&u);
    bed_clear(&b);
}

static void only_a_coin_that_nobody_uses_is_free(void **state)
{
    (void)state;
    struct bed b;
    struct purse u = {.count = 0};
    bed_init(&b);
    put_block(&b, BLOCK, COINBASE, 100, "mature");
    static const struct {
        const char *who, *how;
        bool is_free;
    } steps[] = {{"po-1", "held", false},  {"po-1", "freed", true},
                 {"po-2", "held", false},  {"po-2", "spent", false},
                 {"po-2", "freed", true},  {"void", "void", false},
                 {"void", "freed", true},  {"po-1", "held", false},
                 {"po-2", "freed", false}, {"po-1", "freed", true}};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        use_coin(&b, COINBASE ":0", steps[i].who, steps[i].how);
        must_read(&u, &b);
        if (free_count(&u) != steps[i].is_free)
            fail_msg("step %zu: %s %s", i, steps[i].who, steps[i].how);
        const struct purse_coin *c = coin_at(&u, COINBASE ":0");
        bool is_held = strcmp(steps[i].how, "held") == 0;
        assert_true(!is_held || strcmp(c->payout, steps[i].who) == 0);
    }
    purse_clear(&u);
    bed_clear(&b);
}

static void a_record_without_its_coinbase_stops_a_run(void **state)
{
    (void)state;
    struct bed b;
    struct purse u = {.count = 0};
    bed_init(&b);
    put_block(&b, BLOCK3, "no txid", 100, "mature");
    assert_int_equal(purse_read(&u, &b.p), KZ_PARSE);
    assert_non_null(strstr(b.p.why, BLOCK3 ": its record does not name its coinbase"));
    assert_int_equal(u.count, 0);
    bed_clear(&b);
}

static void a_row_that_cannot_be_read_stops_a_run(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "x",
        "{}",
        "{\"sat\":-1,\"script\":\"51\",\"height\":1}",
        "{\"sat\":2100000000000001,\"script\":\"51\",\"height\":1}",
        "{\"sat\":1,\"script\":\"5\",\"height\":1}",
        "{\"sat\":1,\"script\":\"51\",\"height\":-1}"};
    struct bed b;
    struct purse u = {.count = 0};
    bed_init(&b);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        write_event(&b, json_pack("{s:[[s, s, s, s]]}", "marks", "coin", COINBASE ":0",
                                  rows[i], "keep"));
        assert_int_equal(purse_read(&u, &b.p), KZ_PARSE);
        assert_non_null(strstr(b.p.why, COINBASE ":0"));
    }
    bed_clear(&b);
}

/* Nobody could say whether they are unspent: that is not "they are". */
static void without_a_node_no_coin_is_checked(void **state)
{
    (void)state;
    struct bed b;
    struct purse u = {.count = 0};
    bed_init(&b);
    put_block(&b, BLOCK, COINBASE, 100, "mature");
    must_read(&u, &b);
    assert_int_equal(purse_check(&u, &b.p), KZ_IO);
    assert_non_null(strstr(b.p.why, "could not say whether coin " COINBASE));
    purse_clear(&u);
    bed_clear(&b);
}

/* --- a reserve that is undecided ---------------------------------------------------- */

static void nothing_is_written_behind_an_undecided_reserve(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b);
    json_t *reserve =
        json_pack("{s:s, s:[], s:[[s, s, s, s]]}", "payout", "po-1", "needs", "marks",
                  "po:po-1", "state", "reserved", "keep");
    assert_int_equal(pay_write(&b.p, EVENT_RESERVE, reserve), KZ_OK);
    assert_int_equal(
        pay_write(&b.p, EVENT_LEDGER,
                  json_pack("{s:[[s, s, s, s]]}", "marks", "fence", "x", "1", "keep")),
        KZ_IO);
    assert_non_null(strstr(b.p.why, "po-1 is not decided"));
    assert_int_equal(pay_write(&b.p, EVENT_DECIDED, json_pack("{s:[]}", "marks")),
                     KZ_OK);
    use_coin(&b, COINBASE ":0", "po-1", "held");
    bed_clear(&b);
}

/* --- dues ------------------------------------------------------------------------- */

struct person {
    const char *id, *state, *address;
    json_int_t sat, minimum;
    const char *more; /* JSON members of the record, or of the address */
    enum plan_reason blocked;
    json_int_t least;
    const char *says;
};

static void put_miner(struct bed *b, int number, const struct person *m)
{
    redisContext *c = redis_of(&b->f);
    json_t *record = json_pack("{s:s, s:s, s:I, s:[]}", "miner_id", m->id, "state",
                               m->state, "minimum_sat", m->minimum, "payout_addresses");
    if (m->address != NULL) {
        json_t *address = json_pack("{s:s}", "address", m->address);
        if (m->more != NULL && strstr(m->more, "payable_from") != NULL) {
            json_t *more = json_loads(m->more, 0, NULL);
            json_object_update(address, more);
            json_decref(more);
        }
        json_array_append_new(json_object_get(record, "payout_addresses"), address);
    }
    if (m->more != NULL && strstr(m->more, "frozen") != NULL)
        json_object_set_new(record, "frozen", json_true());
    if (m->minimum < 0)
        json_object_del(record, "minimum_sat");
    char *text = json_dumps(record, JSON_COMPACT);
    char value[1200];
    snprintf(value, sizeof(value), "%d 1 %s", number, text);
    freeReplyObject(redisCommand(c, "HSET %s %s %s", KEY_REG_MINERS, m->id, value));
    free(text); /* allowed: jansson's */
    json_decref(record);
    redisFree(c);
}

static void put_balance(struct bed *b, const char *id, const char *text)
{
    redisContext *c = redis_of(&b->f);
    freeReplyObject(redisCommand(c, "HSET %s %s %s", KEY_MATURE, id, text));
    redisFree(c);
}

static void everyone_is_due_or_waits_for_a_reason(void **state)
{
    (void)state;
    struct bed b;
    struct dues d = {.count = 0};
    char text[24];
    bed_init(&b);
    const struct person people[] = {
        {"a-active", "active", PAYEE_1, 9000, -1, NULL, PLAN_FREE, 5000, NULL},
        {"b-own-minimum", "active", PAYEE_1, 9000, 8000, NULL, PLAN_FREE, 8000, NULL},
        {"c-lower-minimum", "active", PAYEE_2, 9000, 10, NULL, PLAN_FREE, 5000, NULL},
        {"d-closed", "closed", PAYEE_1, 700, 8000, NULL, PLAN_FREE, 0, NULL},
        {"e-suspended", "suspended", PAYEE_1, 9000, -1, NULL, PLAN_HELD, 5000,
         "suspended"},
        {"f-revoked", "revoked", PAYEE_1, 9000, -1, NULL, PLAN_HELD, 5000, "revoked"},
        {"g-frozen", "active", PAYEE_1, 9000, -1, "frozen", PLAN_HELD, 5000, "frozen"},
        {"h-nowhere", "active", NULL, 9000, -1, NULL, PLAN_NO_ADDRESS, 5000,
         "no address is registered"},
        {"i-waits", "active", PAYEE_1, 9000, -1,
         "{\"payable_from\":\"2999-01-01T00:00:00.000Z\"}", PLAN_ADDRESS_WAITING, 5000,
         "2999-01-01"},
        {"j-waited", "active", PAYEE_1, 9000, -1,
         "{\"payable_from\":\"2001-01-01T00:00:00.000Z\"}", PLAN_FREE, 5000, NULL},
        {"k-own", "active", b.own_address, 9000, -1, NULL, PLAN_NO_ADDRESS, 5000,
         "is the pool's own"},
        {"l-state", "unheard-of", PAYEE_1, 9000, -1, NULL, PLAN_HELD, 5000, "unknown"},
    };
    size_t n = sizeof(people) / sizeof(people[0]);
    for (size_t i = n; i > 0; i--) { /* they come by id all the same */
        put_miner(&b, (int)i, &people[i - 1]);
        snprintf(text, sizeof(text), "%lld", (long long)people[i - 1].sat);
        put_balance(&b, people[i - 1].id, text);
    }
    put_balance(&b, "m-nothing", "0");
    put_balance(&b, "n-in-debit", "-5");
    put_balance(&b, "z-stranger", "77");
    struct screen *screen = NULL;
    assert_int_equal(screen_open(&screen, &b.p), KZ_OK);
    if (dues_read(&d, &b.p, screen) != KZ_OK)
        fail_msg("%s", b.p.why);
    assert_int_equal(d.count, n + 1);
    for (size_t i = 0; i < n; i++) {
        const struct plan_due *due = &d.rows[i];
        assert_string_equal(due->miner.text, people[i].id);
        if (due->blocked != people[i].blocked)
            fail_msg("%s: %s", people[i].id, d.notes[i]);
        assert_int_equal(amount_to_sat(due->minimum), people[i].least);
        assert_int_equal(amount_to_sat(due->amount), people[i].sat);
        assert_true(people[i].says == NULL ||
                    strstr(due->note, people[i].says) != NULL);
        if (people[i].blocked == PLAN_FREE)
            assert_string_equal(dues_address(&d, &due->miner), people[i].address);
    }
    assert_int_equal(d.rows[n].blocked, PLAN_HELD);
    assert_string_equal(d.rows[n].note, "no such miner is registered");
    dues_clear(&d);
    screen_close(screen);
    bed_clear(&b);
}

static void a_balance_outside_the_range_of_money_stops_a_run(void **state)
{
    (void)state;
    static const char *const texts[] = {"2100000000000001", "9999999999999999999999",
                                        "12x", "1.5", ""};
    struct bed b;
    struct dues d = {.count = 0};
    struct screen *screen = NULL;
    bed_init(&b);
    assert_int_equal(screen_open(&screen, &b.p), KZ_OK);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        put_balance(&b, "m000001", texts[i]);
        assert_int_equal(dues_read(&d, &b.p, screen), KZ_RANGE);
        assert_non_null(strstr(b.p.why, "amount overflow: the mature balance of "
                                        "m000001"));
        assert_int_equal(d.count, 0);
    }
    screen_close(screen);
    bed_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mature_blocks_bring_what_they_paid_the_pool),
        cmocka_unit_test(only_a_coin_that_nobody_uses_is_free),
        cmocka_unit_test(a_record_without_its_coinbase_stops_a_run),
        cmocka_unit_test(a_row_that_cannot_be_read_stops_a_run),
        cmocka_unit_test(without_a_node_no_coin_is_checked),
        cmocka_unit_test(nothing_is_written_behind_an_undecided_reserve),
        cmocka_unit_test(everyone_is_due_or_waits_for_a_reason),
        cmocka_unit_test(a_balance_outside_the_range_of_money_stops_a_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
