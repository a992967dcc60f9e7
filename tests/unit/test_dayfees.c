/* A day's fees, asked of a node that is a chain in memory: its headers are real ones, and
 * hash to the ids it gives. */
#include "pool/accounts_parts.h"
#include "pool/dayfees.h"

#include "conf/log.h"
#include "fake_rpc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define WAIT_MS 15000
#define MOST    1200
#define DAY     20000
#define DAY_S   INT64_C(86400)
#define SUBSIDY INT64_C(5000000000) /* up to height 149 */

struct chain_block {
    char id[65], hex[400];
    int64_t median_time;
};

struct bed {
    struct event_base *base;
    struct conf conf;
    struct fake_rpc fake;
    struct nodes *nodes;
    struct dayfees *dayfees;
    struct accounts accounts;
    struct chain_block chain[MOST];
    uint32_t tip;
    size_t templates, hashes, headers, blocks;
    size_t fails;       /* so many getblock fail first */
    uint32_t lies_at;   /* another block's bytes are given there; 0: nowhere */
    uint32_t change_at; /* the chain becomes another when this block is asked for */
};

/* --- the chain -------------------------------------------------------------------- */

static void add_hex(char *out, const void *p, size_t len)
{
    hex_encode(out + strlen(out), p, len);
}

static void make_block(struct bed *b, uint32_t height, int64_t median_time, int64_t fee,
                       uint32_t nonce)
{
    struct chain_block *k = &b->chain[height];
    uint8_t header[80] = {4}, number[8];
    struct hash256 id;
    if (height > 0) {
        struct chain_block *before = &b->chain[height - 1];
        assert_int_equal(hash256_parse_display(&id, before->id, 64), KZ_OK);
        memcpy(header + 4, id.b, 32);
    }
    write_le32(header + 68, (uint32_t)median_time);
    write_le32(header + 72, 0x207fffff);
    write_le32(header + 76, nonce);
    hash256_double(&id, header, sizeof(header));
    hash256_format_display(k->id, &id);
    k->median_time = median_time;
    k->hex[0] = '\0';
    add_hex(k->hex, header, sizeof(header));
    strcat(k->hex, "01"
                   "02000000"
                   "01"
                   "0000000000000000000000000000000000000000000000000000000000000000"
                   "ffffffff"
                   "020000"
                   "ffffffff"
                   "01");
    write_le64(number, (uint64_t)((SUBSIDY >> (height / 150)) + fee));
    add_hex(k->hex, number, 8);
    strcat(k->hex, "0151"
                   "00000000");
}

/* Blocks `from` to `to`, the first at `at`, each `step` seconds after the one before. */
static void make_blocks(struct bed *b, uint32_t from, uint32_t to, int64_t at,
                        int64_t step, int64_t fee, uint32_t nonce)
{
    for (uint32_t h = from; h <= to; h++, at += step)
        make_block(b, h, at, fee + h, nonce);
    b->tip = to;
}

static uint32_t find_block(struct bed *b, const struct fake_request *r)
{
    const char *id = json_string_value(json_array_get(r->params, 0));
    for (uint32_t h = 0; h <= b->tip; h++)
        if (strcmp(b->chain[h].id, id) == 0)
            return h;
    return UINT32_MAX;
}

static void answer_header(struct bed *b, const struct fake_request *r)
{
    uint32_t h = find_block(b, r);
    b->headers++;
    if (h == UINT32_MAX) {
        fake_error(r, -5, "Block not found");
        return;
    }
    json_t *o =
        json_pack("{s:i, s:i, s:I}", "confirmations", (int)(b->tip - h + 1), "height",
                  (int)h, "mediantime", (json_int_t)b->chain[h].median_time);
    if (h > 0)
        json_object_set_new(o, "previousblockhash", json_string(b->chain[h - 1].id));
    fake_result(r, o);
}

static void answer_block(struct bed *b, const struct fake_request *r)
{
    uint32_t h = find_block(b, r);
    b->blocks++;
    assert_true(h != UINT32_MAX);
    if (b->change_at == h) {
        uint32_t tip = b->tip;
        make_blocks(b, h - 1, 49, b->chain[h - 1].median_time, 600, 7000, 1);
        make_blocks(b, 50, tip, (DAY + 1) * DAY_S, 600, 5, 1);
        b->change_at = 0;
        fake_error(r, -5, "Block not found");
    } else if (b->fails > 0) {
        b->fails--;
        fake_error(r, -1, "Block not available (pruned data)");
    } else {
        fake_result(r, json_string(b->chain[b->lies_at == h ? h - 1 : h].hex));
    }
}

static void answer_template(struct bed *b, const struct fake_request *r)
{
    const json_t *ask = json_array_get(r->params, 0);
    b->templates++;
    if (json_object_get(ask, "longpollid") != NULL)
        return; /* held for ever */
    json_t *t = json_pack(
        "{s:i, s:[s,s], s:s, s:[], s:I, s:s, s:i, s:i, s:s, s:i, s:[s], s:i, s:i, s:i}",
        "version", 0x20000000, "rules", "csv", "!segwit", "previousblockhash",
        b->chain[b->tip].id, "transactions", "coinbasevalue", (json_int_t)5000000000,
        "longpollid", "x7", "curtime", 1700000000, "mintime", 1600000000, "bits",
        "207fffff", "height", (int)b->tip + 1, "capabilities", "proposal", "sigoplimit",
        80000, "sizelimit", 4000000, "weightlimit", 4000000);
    assert_non_null(t);
    fake_result(r, t);
}

static void on_request(void *ctx, const struct fake_request *r)
{
    struct bed *b = ctx;
    if (strcmp(r->method, "getblocktemplate") == 0) {
        answer_template(b, r);
    } else if (strcmp(r->method, "getblockchaininfo") == 0) {
        fake_result(r,
                    json_pack("{s:s, s:i, s:i, s:s, s:b}", "chain", "regtest", "blocks",
                              (int)b->tip, "headers", (int)b->tip, "bestblockhash",
                              b->chain[b->tip].id, "initialblockdownload", 0));
    } else if (strcmp(r->method, "getblockhash") == 0) {
        json_int_t h = json_integer_value(json_array_get(r->params, 0));
        b->hashes++;
        if (h > b->tip)
            fake_error(r, -8, "Block height out of range");
        else
            fake_result(r, json_string(b->chain[h].id));
    } else if (strcmp(r->method, "getblockheader") == 0) {
        answer_header(b, r);
    } else if (strcmp(r->method, "getblock") == 0) {
        answer_block(b, r);
    } else {
        fake_result(r, json_pack("{s:s}", "subversion", "/Fake:1/"));
    }
}

/* --- the bed ---------------------------------------------------------------------- */

static void on_template(void *ctx, struct template *t, bool new_tip, size_t node)
{
    struct bed *b = ctx;
    (void)new_tip;
    (void)node;
    if (b->dayfees != NULL)
        dayfees_on_tip(b->dayfees, t->height - 1);
}

static void on_block_answer(void *ctx, const struct hash256 *hash, size_t node,
                            bool accepted, const char *answer)
{
    (void)ctx;
    (void)hash;
    (void)node;
    (void)accepted;
    (void)answer;
}

static void on_block_final(void *ctx, const struct hash256 *hash, bool accepted)
{
    (void)ctx;
    (void)hash;
    (void)accepted;
}

static void on_proposal(void *ctx, size_t node, const char *answer)
{
    (void)ctx;
    (void)node;
    (void)answer;
}

static int set_up(void **state)
{
    struct bed *b = mem_new(sizeof(*b));
    log_setup(getenv("KARIZ_TEST_LOG") != NULL ? LOG_DEBUG : LOG_ERROR, false);
    b->base = event_base_new();
    b->conf.network = CONF_REGTEST;
    b->conf.template_refresh_seconds = 1;
    b->conf.node_timeout_seconds = 1;
    b->conf.node_behind_blocks = 1;
    b->conf.node_count = 1;
    pthread_mutex_init(&b->accounts.lock, NULL);
    pthread_cond_init(&b->accounts.is_awake, NULL);
    assert_true(fake_start(&b->fake, b->base, 0, on_request, b));
    snprintf(b->conf.nodes[0].url, sizeof(b->conf.nodes[0].url), "http://127.0.0.1:%u",
             (unsigned)b->fake.port);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bed *b = *state;
    nodes_stop(b->nodes);
    dayfees_stop(b->dayfees);
    fake_stop(&b->fake);
    event_base_free(b->base);
    mem_free(b->accounts.day_fees);
    pthread_mutex_destroy(&b->accounts.lock);
    pthread_cond_destroy(&b->accounts.is_awake);
    mem_free(b);
    return 0;
}

static void start(struct bed *b)
{
    const struct node_hooks hooks = {b, on_template, on_block_answer, on_block_final,
                                     on_proposal};
    assert_int_equal(nodes_start(&b->nodes, b->base, &b->conf, &hooks), KZ_OK);
    assert_int_equal(dayfees_start(&b->dayfees, b->base, b->nodes, &b->accounts,
                                   network_of(CONF_REGTEST)),
                     KZ_OK);
    RUN_UNTIL(b->base, b->templates > 0, WAIT_MS);
}

/* Heights 0 to 19 before the day, 20 to 49 in it, the rest behind it up to `tip`. */
static void make_days(struct bed *b, uint32_t tip)
{
    make_blocks(b, 0, 19, DAY * DAY_S - 20 * 600, 600, 0, 0);
    make_blocks(b, 20, 49, DAY * DAY_S, 600, 1000, 0);
    make_blocks(b, 50, tip, (DAY + 1) * DAY_S, 600, 5, 0);
}

static bool is_told(const struct bed *b)
{
    return b->accounts.day_of_fees != 0;
}

static void expect_fees(const struct bed *b, uint32_t from, uint32_t to, int64_t fee)
{
    const struct accounts *a = &b->accounts;
    assert_int_equal(a->day_of_fees, DAY);
    assert_int_equal(a->day_fee_count, to - from + 1);
    for (uint32_t h = to; h >= from; h--) /* newest first */
        assert_true(amount_to_sat(a->day_fees[to - h]) == fee + h);
}

static void look_on(struct bed *b, int64_t ms)
{
    struct monotime end = monotime_add_ms(clock_now(), ms);
    while (clock_now().ns < end.ns)
        run_once(b->base);
}

/* --- tests ------------------------------------------------------------------------ */

static void a_days_fees_are_read_when_its_last_block_is_six_deep(void **state)
{
    struct bed *b = *state;
    make_days(b, 53); /* 49 is five deep */
    start(b);
    dayfees_want(b->dayfees, DAY);
    look_on(b, 4500);
    assert_false(is_told(b));
    assert_true(b->headers > 0 && b->blocks == 0);
    make_block(b, 54, (DAY + 1) * DAY_S + 5, 3, 0);
    b->tip = 54;
    RUN_UNTIL(b->base, is_told(b), WAIT_MS);
    expect_fees(b, 20, 49, 1000);
    assert_int_equal(b->blocks, 30);
}

static void a_far_day_is_found_by_halving(void **state)
{
    struct bed *b = *state;
    make_days(b, MOST - 1);
    start(b);
    dayfees_want(b->dayfees, DAY);
    RUN_UNTIL(b->base, is_told(b), WAIT_MS);
    expect_fees(b, 20, 49, 1000);
    assert_true(b->hashes <= 14 && b->headers <= 14 + 31);
}

static void a_day_whose_beginning_is_the_chains_is_read_to_its_end(void **state)
{
    struct bed *b = *state;
    make_blocks(b, 0, 10, DAY * DAY_S + 5, 600, 1000, 0);
    make_blocks(b, 11, 30, (DAY + 1) * DAY_S, 600, 0, 0);
    start(b);
    dayfees_want(b->dayfees, DAY);
    RUN_UNTIL(b->base, is_told(b), WAIT_MS);
    expect_fees(b, 1, 10, 1000); /* nobody could ever spend the first block's */
}

static void a_day_without_blocks_has_none(void **state)
{
    struct bed *b = *state;
    make_blocks(b, 0, 19, (DAY - 1) * DAY_S, 600, 0, 0);
    make_blocks(b, 20, 60, (DAY + 1) * DAY_S, 600, 0, 0);
    start(b);
    dayfees_want(b->dayfees, DAY);
    RUN_UNTIL(b->base, is_told(b), WAIT_MS);
    assert_int_equal(b->accounts.day_of_fees, DAY);
    assert_int_equal(b->accounts.day_fee_count, 0);
}

static void what_a_node_cannot_give_is_asked_again_and_not_guessed(void **state)
{
    struct bed *b = *state;
    make_days(b, 60);
    b->fails = 2;
    start(b);
    dayfees_want(b->dayfees, DAY);
    RUN_UNTIL(b->base, b->fails == 1, WAIT_MS);
    look_on(b, 500);
    assert_false(is_told(b));
    RUN_UNTIL(b->base, is_told(b), WAIT_MS);
    expect_fees(b, 20, 49, 1000);
    assert_int_equal(b->blocks, 32); /* what it had was kept */
    json_t *s = dayfees_status(b->dayfees);
    assert_int_equal(json_integer_value(json_object_get(s, "failures")), 2);
    json_decref(s);
}

static void another_chain_in_between_is_read_from_its_beginning(void **state)
{
    struct bed *b = *state;
    make_days(b, 60);
    b->change_at = 40;
    start(b);
    dayfees_want(b->dayfees, DAY);
    RUN_UNTIL(b->base, is_told(b), WAIT_MS);
    assert_int_equal(b->accounts.day_of_fees, DAY);
    assert_int_equal(b->accounts.day_fee_count, 30);
    for (uint32_t h = 20; h <= 49; h++)
        assert_true(amount_to_sat(b->accounts.day_fees[49 - h]) ==
                    (h < 39 ? 1000 : 7000) + h);
}

static void a_block_that_is_not_the_one_asked_for_is_not_believed(void **state)
{
    struct bed *b = *state;
    make_days(b, 60);
    b->lies_at = 30;
    log_setup(LOG_ERROR, false);
    start(b);
    dayfees_want(b->dayfees, DAY);
    RUN_UNTIL(b->base, b->blocks >= 20, WAIT_MS);
    look_on(b, 500);
    assert_false(is_told(b));
    b->lies_at = 0;
    RUN_UNTIL(b->base, is_told(b), WAIT_MS);
    expect_fees(b, 20, 49, 1000);
}

static void another_days_wish_takes_the_place_of_the_one_under_way(void **state)
{
    struct bed *b = *state;
    make_days(b, 60);
    start(b);
    dayfees_want(b->dayfees, DAY - 1);
    RUN_UNTIL(b->base, b->blocks >= 3, WAIT_MS);
    dayfees_want(b->dayfees, 0);
    size_t before = b->blocks;
    look_on(b, 2500);
    assert_false(is_told(b));
    assert_true(b->blocks <= before + 1);
    dayfees_want(b->dayfees, DAY);
    RUN_UNTIL(b->base, is_told(b), WAIT_MS);
    expect_fees(b, 20, 49, 1000);
}

static void a_stop_in_the_middle_leaves_nothing(void **state)
{
    struct bed *b = *state;
    make_days(b, 60);
    start(b);
    dayfees_want(b->dayfees, DAY);
    RUN_UNTIL(b->base, b->blocks >= 3, WAIT_MS);
    assert_false(is_told(b)); /* tear_down() stops; a checker sees what is left */
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_days_fees_are_read_when_its_last_block_is_six_deep),
        CASE(a_far_day_is_found_by_halving),
        CASE(a_day_whose_beginning_is_the_chains_is_read_to_its_end),
        CASE(a_day_without_blocks_has_none),
        CASE(what_a_node_cannot_give_is_asked_again_and_not_guessed),
        CASE(another_chain_in_between_is_read_from_its_beginning),
        CASE(a_block_that_is_not_the_one_asked_for_is_not_believed),
        CASE(another_days_wish_takes_the_place_of_the_one_under_way),
        CASE(a_stop_in_the_middle_leaves_nothing),
    };
    return cmocka_run_group_tests_name("dayfees", tests, NULL, NULL);
}
