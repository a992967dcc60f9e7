#include "payout/bump.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "conf/mem.h"
#include "tests/unit/coins_fixture.h"

#define BITCOIN INT64_C(100000000)

/* 1 p2tr in, 3 out, 185 vB at 10 sat/vB: case 2 of the vectors. */
static struct bump_rules plain_rules(int64_t sat_per_kvb)
{
    return (struct bump_rules){.coins = plain_terms(sat_per_kvb),
                               .incremental = {1000},
                               .ceiling = {1000000},
                               .old_fee = sat(1850),
                               .old_vsize = 185,
                               .evicted_fee = sat(1850),
                               .evicted_count = 1};
}

static struct bump_old plain_old(int64_t change)
{
    struct bump_old old = {.has_change = true, .change = sat(change)};
    txsize_add_input(&old.size, form_named("p2tr"), false);
    txsize_add_output(&old.size, 22);
    txsize_add_output(&old.size, 34);
    txsize_add_output(&old.size, 34);
    return old;
}

static json_t *case_named(const json_t *cases, const char *name)
{
    for (size_t i = 0; i < json_array_size(cases); i++)
        if (strcmp(text_at(json_array_get(cases, i), "name"), name) == 0)
            return json_array_get(cases, i);
    fail_msg("no case '%s'", name);
    return NULL;
}

static void parse_tx(struct tx *t, const json_t *one, const char *member)
{
    const char *hex = text_at(one, member);
    size_t len = strlen(hex) / 2;
    uint8_t *raw = mem_new(len);
    assert_int_equal(hex_decode(raw, len, hex, strlen(hex)), KZ_OK);
    assert_int_equal(tx_parse(t, (struct bytes){raw, len}), KZ_OK);
    mem_free(raw);
}

static void assert_tx(const struct tx *t, const json_t *one)
{
    size_t len = 0;
    uint8_t *raw = tx_format(&len, t, true);
    char *hex = mem_new(2 * len + 1);
    hex_encode(hex, raw, len);
    assert_string_equal(hex, text_at(one, "unsigned_tx"));
    mem_free(hex);
    mem_free(raw);
}

static void the_pair_of_the_vectors_comes_out(void **state)
{
    (void)state;
    json_t *file = vectors_json("payout/payout_tx.json");
    const json_t *cases = json_object_get(file, "cases");
    const json_t *first = case_named(cases, "1 p2tr in, 3 out");
    const json_t *second = case_named(cases, "RBF replacement of \"1 p2tr in, 3 out\"");
    const json_t *change = json_array_get(json_object_get(first, "outputs"), 2);
    struct bump_rules rules = plain_rules(number_at(second, "feerate_sat_per_kvb"));
    struct bump_old old = plain_old(number_at(change, "value_sat"));
    struct bump b;
    struct tx signed_tx, t;
    assert_int_equal(txsize_weight(&old.size), number_at(first, "weight"));
    assert_int_equal(bump_replace(&b, &old, &rules, NULL, 0), BUMP_GO);
    assert_int_equal(b.fee.sat, number_at(second, "fee_sat"));
    assert_int_equal(b.vsize, number_at(second, "vsize"));
    assert_int_equal(b.rate.sat_per_kvb, 25000);
    assert_int_equal(b.added, 0);
    parse_tx(&signed_tx, first, "signed_tx");
    bump_build_tx(&t, &signed_tx, &b, NULL, 2, NULL);
    assert_tx(&t, second);
    tx_clear(&t);
    tx_clear(&signed_tx);
    json_decref(file);
}

static void a_replacement_pays_for_its_own_relay(void **state)
{
    (void)state;
    struct bump_rules rules = plain_rules(10500); /* 1,943 sat: 93 more */
    struct bump_old old = plain_old(BITCOIN);
    struct bump b;
    assert_int_equal(bump_replace(&b, &old, &rules, NULL, 0), BUMP_GO);
    assert_int_equal(b.fee.sat, 1850 + 185);
    assert_int_equal(b.change.sat, BITCOIN - 185);
    rules.incremental.sat_per_kvb = 101; /* 18.7 sat */
    assert_int_equal(bump_replace(&b, &old, &rules, NULL, 0), BUMP_GO);
    assert_int_equal(b.fee.sat, 1943);
    rules.coins.rate.sat_per_kvb = 1;
    assert_int_equal(bump_replace(&b, &old, &rules, NULL, 0), BUMP_GO);
    assert_int_equal(b.fee.sat, 1850 + 19);
}

static void the_rate_rises_even_where_relay_costs_nothing(void **state)
{
    (void)state;
    struct bump_rules rules = plain_rules(1000);
    struct bump_old old = plain_old(BITCOIN);
    struct bump b;
    rules.incremental.sat_per_kvb = 0;
    assert_int_equal(bump_replace(&b, &old, &rules, NULL, 0), BUMP_GO);
    assert_int_equal(b.fee.sat, 1851); /* 10,001 sat/kvB */
    assert_true(b.rate.sat_per_kvb > 10000);
    rules.old_vsize = 150; /* as signed it was smaller: 12,333 sat/kvB */
    assert_int_equal(bump_replace(&b, &old, &rules, NULL, 0), BUMP_GO);
    assert_int_equal(b.fee.sat, 2282);
}

static void all_that_is_evicted_is_paid_for(void **state)
{
    (void)state;
    struct bump_rules rules = plain_rules(11000);
    struct bump_old old = plain_old(BITCOIN);
    struct bump b = {.added = 7};
    rules.evicted_fee = sat(9000);
    rules.evicted_count = 2;
    assert_int_equal(bump_replace(&b, &old, &rules, NULL, 0), BUMP_GO);
    assert_int_equal(b.fee.sat, 9000 + 185);
    assert_int_equal(b.change.sat, BITCOIN - (9185 - 1850));
    rules.evicted_count = BUMP_CONFLICTS_MAX;
    assert_int_equal(bump_replace(&b, &old, &rules, NULL, 0), BUMP_GO);
    b.added = 7;
    rules.evicted_count++;
    assert_int_equal(bump_replace(&b, &old, &rules, NULL, 0), BUMP_STOP_CONFLICTS);
    assert_int_equal(b.added, 7);
}

static void above_the_ceiling_nothing_is_replaced(void **state)
{
    (void)state;
    struct bump_rules rules = plain_rules(20000);
    struct bump_old old = plain_old(BITCOIN);
    struct bump b;
    rules.ceiling.sat_per_kvb = 20000;
    assert_int_equal(bump_replace(&b, &old, &rules, NULL, 0), BUMP_GO);
    rules.ceiling.sat_per_kvb = 19999;
    assert_int_equal(bump_replace(&b, &old, &rules, NULL, 0), BUMP_STOP_CEILING);
    rules.coins.rate.sat_per_kvb = 5000;
    rules.ceiling.sat_per_kvb = 10990; /* 2,034 sat; the rules ask 2,035 */
    assert_int_equal(bump_replace(&b, &old, &rules, NULL, 0), BUMP_STOP_CEILING);
    rules.ceiling.sat_per_kvb = 10000;
    assert_int_equal(bump_replace(&b, &old, &rules, NULL, 0), BUMP_STOP_CEILING);
}

static void change_that_is_used_up_takes_a_free_coin(void **state)
{
    (void)state;
    struct bump_rules rules = plain_rules(25000);
    struct bump_old old = plain_old(2775 + 580);
    struct coin coins[2] = {coin_number(1, 50000), coin_number(2, 40000)};
    struct bump b;
    assert_int_equal(bump_replace(&b, &old, &rules, coins, 2), BUMP_GO);
    assert_int_equal(b.added, 0);
    assert_int_equal(b.change.sat, 580);
    old = plain_old(2775 + 579);
    assert_int_equal(bump_replace(&b, &old, &rules, coins, 2), BUMP_GO);
    assert_int_equal(b.added, 1);
    assert_int_equal(b.vsize, 243); /* 740 + 230 units */
    assert_int_equal(b.fee.sat, 6075);
    assert_int_equal(b.change.sat, 2775 + 579 + 50000 - (6075 - 1850));
    assert_int_equal(bump_replace(&b, &old, &rules, NULL, 0), BUMP_STOP_COINS);
    rules.coins.vsize_max = 242;
    assert_int_equal(bump_replace(&b, &old, &rules, coins, 2), BUMP_STOP_SIZE);
}

static void several_coins_are_added_where_one_does_not_do(void **state)
{
    (void)state;
    struct bump_rules rules = plain_rules(25000);
    struct bump_old old = plain_old(1000);
    struct coin coins[3] = {coin_number(1, 2500), coin_number(2, 2400),
                            coin_number(3, 2300)};
    struct bump b;
    /* Each brings about a thousand above the 1,450 it costs. */
    assert_int_equal(bump_replace(&b, &old, &rules, coins, 3), BUMP_GO);
    assert_int_equal(b.added, 3);
    assert_int_equal(bump_replace(&b, &old, &rules, coins, 2), BUMP_STOP_COINS);
}

static void add_coin(struct tx *t, unsigned number)
{
    struct coin coin = coin_number(number, 1);
    tx_add_input(t, &coin.from, TX_SEQUENCE_RBF);
}

static void a_version_without_change_gets_one_from_an_added_coin(void **state)
{
    (void)state;
    struct bump_rules rules = plain_rules(25000);
    struct bump_old old = plain_old(0);
    struct coin coin = coin_number(1, BITCOIN);
    const uint8_t script[34] = {0x51, 0x20, 7};
    const struct bytes change = {script, 34};
    struct bump b;
    struct tx before, after;
    txsize_drop_output(&old.size, 34);
    old.has_change = false;
    assert_int_equal(bump_replace(&b, &old, &rules, NULL, 0), BUMP_STOP_COINS);
    assert_int_equal(bump_replace(&b, &old, &rules, &coin, 1), BUMP_GO);
    assert_int_equal(b.added, 1);
    assert_int_equal(b.vsize, 243);
    assert_int_equal(b.change.sat, BITCOIN + 1850 - 6075);
    tx_init(&before, 2, 9);
    add_coin(&before, 2);
    tx_add_output(&before, sat(100000), (struct bytes){script, 22});
    bump_build_tx(&after, &before, &b, &coin, 1, &change);
    assert_int_equal(after.input_count, 2);
    assert_true(tx_outpoint_compare(&after.inputs[0].from, &after.inputs[1].from) < 0);
    assert_int_equal(after.output_count, 2);
    assert_int_equal(after.outputs[0].value.sat, 100000);
    assert_int_equal(after.outputs[1].value.sat, b.change.sat);
    assert_int_equal(after.locktime, 9);
    tx_clear(&before);
    tx_clear(&after);
}

static bool spends(const struct tx *t, struct tx_outpoint from)
{
    for (size_t i = 0; i < t->input_count; i++)
        if (tx_outpoint_equal(&t->inputs[i].from, &from))
            return true;
    return false;
}

static void a_replacement_keeps_every_input_and_every_recipient(void **state)
{
    (void)state;
    const uint8_t script[34] = {0x51, 0x20};
    struct bump b = {.added = 2, .change = sat(777)};
    struct coin coins[2] = {coin_number(50, 1), coin_number(51, 1)};
    struct tx before, after;
    tx_init(&before, 2, 850000);
    for (unsigned i = 0; i < 5; i++)
        add_coin(&before, i);
    for (int i = 0; i < 4; i++)
        tx_add_output(&before, sat(1000 + i), (struct bytes){script, 34});
    bump_build_tx(&after, &before, &b, coins, 1, NULL);
    assert_int_equal(after.input_count, 7);
    for (unsigned i = 0; i < 5; i++)
        assert_true(spends(&after, coin_number(i, 1).from));
    assert_true(spends(&after, coins[0].from) && spends(&after, coins[1].from));
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(after.inputs[i].sequence, TX_SEQUENCE_RBF);
    assert_int_equal(after.output_count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(after.outputs[i].value.sat, i == 1 ? 777 : 1000 + (int)i);
    tx_clear(&before);
    tx_clear(&after);
}

static void a_cancellation_brings_the_anchor_back(void **state)
{
    (void)state;
    struct bump_rules rules = plain_rules(20000);
    struct coin coins[2] = {coin_number(1, 50000), coin_number(2, 40000)};
    const uint8_t script[34] = {0x51, 0x20, 9};
    struct bump b;
    struct tx t;
    assert_int_equal(bump_cancel(&b, &rules, coins, 2), BUMP_GO);
    assert_int_equal(b.added, 1);
    assert_int_equal(b.vsize, 111); /* 444 units */
    assert_int_equal(b.fee.sat, 2220);
    assert_int_equal(b.change.sat, 50000 - 2220);
    bump_build_cancel(&t, &b, coins, (struct bytes){script, 34}, 4);
    assert_true(t.input_count == 1 && t.output_count == 1);
    assert_true(tx_outpoint_equal(&t.inputs[0].from, &coins[0].from));
    assert_int_equal(t.outputs[0].value.sat, b.change.sat);
    assert_true(t.version == 2 && t.locktime == 4);
    tx_clear(&t);
}

static void a_cancellation_outbids_a_large_payout_with_more_of_its_coins(void **state)
{
    (void)state;
    struct bump_rules rules = plain_rules(20000);
    struct coin coins[2] = {coin_number(1, 50000), coin_number(2, 1000000)};
    struct bump b;
    rules.old_fee = rules.evicted_fee = sat(900000);
    rules.old_vsize = 90000;
    rules.ceiling.sat_per_kvb = 100000;
    assert_int_equal(bump_cancel(&b, &rules, coins, 2), BUMP_GO);
    assert_int_equal(b.added, 2);
    assert_int_equal(b.vsize, 169); /* 674 units */
    assert_int_equal(b.fee.sat, 900000 + 169);
    assert_int_equal(b.change.sat, 1050000 - 900169);
    assert_int_equal(bump_cancel(&b, &rules, coins, 1), BUMP_STOP_COINS);
}

static void what_was_never_sent_is_called_off_at_the_wanted_rate(void **state)
{
    (void)state;
    struct bump_rules rules = plain_rules(2000);
    struct coin coin = coin_number(1, 50000);
    struct bump b;
    rules.old_fee = rules.evicted_fee = sat(0);
    rules.old_vsize = 1;
    rules.evicted_count = 0;
    assert_int_equal(bump_cancel(&b, &rules, &coin, 1), BUMP_GO);
    assert_int_equal(b.fee.sat, 222);
}

static void a_child_brings_both_to_the_rate(void **state)
{
    (void)state;
    struct coins_terms terms = plain_terms(20000);
    struct bump_parent parent = {sat(1850), 185, sat(BITCOIN)};
    struct bump_child c;
    assert_int_equal(bump_child(&c, &parent, (struct feerate){1000}, &terms), BUMP_GO);
    assert_int_equal(c.vsize, 111);
    assert_int_equal(c.fee.sat, 20 * (185 + 111) - 1850);
    assert_int_equal(c.value.sat, BITCOIN - c.fee.sat);
    /* A parent that pays enough already: the child still has to be relayed. */
    terms.rate.sat_per_kvb = 1000;
    assert_int_equal(bump_child(&c, &parent, (struct feerate){1000}, &terms), BUMP_GO);
    assert_int_equal(c.fee.sat, 111);
}

static void a_child_that_cannot_help_is_not_made(void **state)
{
    (void)state;
    struct coins_terms terms = plain_terms(20000);
    struct bump_parent parent = {sat(1850), 185, sat(4070 + 580)};
    const struct feerate relay = {1000};
    struct bump_child c = {.vsize = 7};
    assert_int_equal(bump_child(&c, &parent, relay, &terms), BUMP_GO);
    assert_int_equal(c.value.sat, 580);
    c.vsize = 7;
    parent.change = sat(4070 + 579);
    assert_int_equal(bump_child(&c, &parent, relay, &terms), BUMP_STOP_COINS);
    assert_int_equal(c.vsize, 7);
    parent = (struct bump_parent){sat(1850), BUMP_CLUSTER_MAX - 111, sat(BITCOIN)};
    assert_int_equal(bump_child(&c, &parent, relay, &terms), BUMP_GO);
    parent.vsize++;
    assert_int_equal(bump_child(&c, &parent, relay, &terms), BUMP_STOP_SIZE);
}

/* Whatever the numbers: nothing is lost, and every rule of the node is kept. */
static void replacements_balance_for_random_numbers(void **state)
{
    (void)state;
    uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);
    int went = 0;
    for (int round = 0; round < 5000; round++) {
        struct coin coins[6], sorted[6];
        struct bump_rules rules = plain_rules(1 + (int64_t)random_below(&seed, 300000));
        struct bump_old old = plain_old((int64_t)random_below(&seed, 200000));
        struct bump b;
        rules.coins.change = random_form(&seed);
        rules.incremental.sat_per_kvb = (int64_t)random_below(&seed, 5000);
        rules.evicted_fee = sat(1850 + (int64_t)random_below(&seed, 20000));
        old.has_change = random_next(&seed) % 4 > 0;
        if (!old.has_change)
            old.change = sat(0);
        size_t count = coins_candidates(sorted, coins, random_coins(&seed, coins, 6),
                                        &rules.coins);
        if (bump_replace(&b, &old, &rules, sorted, count) != BUMP_GO)
            continue;
        int64_t in = old.change.sat + 1850;
        for (size_t i = 0; i < b.added; i++)
            in += sorted[i].value.sat;
        assert_int_equal(in, b.change.sat + b.fee.sat);
        assert_true(b.fee.sat >=
                    rules.evicted_fee.sat + fee_of(rules.incremental, b.vsize).sat);
        assert_true(b.fee.sat >= fee_of(rules.coins.rate, b.vsize).sat);
        assert_true(b.fee.sat <= fee_of(rules.ceiling, b.vsize).sat);
        assert_true(b.rate.sat_per_kvb > 10000);
        assert_true(b.change.sat >= coins_min_change(&rules.coins).sat);
        assert_true(old.has_change || b.added > 0);
        went++;
    }
    assert_true(went > 1000);
}

static void every_verdict_has_a_text(void **state)
{
    (void)state;
    for (int v = 0; v < BUMP_VERDICTS; v++)
        assert_non_null(bump_verdict_text((enum bump_verdict)v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_pair_of_the_vectors_comes_out),
        cmocka_unit_test(a_replacement_pays_for_its_own_relay),
        cmocka_unit_test(the_rate_rises_even_where_relay_costs_nothing),
        cmocka_unit_test(all_that_is_evicted_is_paid_for),
        cmocka_unit_test(above_the_ceiling_nothing_is_replaced),
        cmocka_unit_test(change_that_is_used_up_takes_a_free_coin),
        cmocka_unit_test(several_coins_are_added_where_one_does_not_do),
        cmocka_unit_test(a_version_without_change_gets_one_from_an_added_coin),
        cmocka_unit_test(a_replacement_keeps_every_input_and_every_recipient),
        cmocka_unit_test(a_cancellation_brings_the_anchor_back),
        cmocka_unit_test(a_cancellation_outbids_a_large_payout_with_more_of_its_coins),
        cmocka_unit_test(what_was_never_sent_is_called_off_at_the_wanted_rate),
        cmocka_unit_test(a_child_brings_both_to_the_rate),
        cmocka_unit_test(a_child_that_cannot_help_is_not_made),
        cmocka_unit_test(replacements_balance_for_random_numbers),
        cmocka_unit_test(every_verdict_has_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
