#include "payout/coins.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/coins_fixture.h"

#define VECTOR_COINS 32

/* The coins of the vectors; `ids` says what each is called there. */
struct vector_coins {
    struct coin coins[VECTOR_COINS];
    int64_t ids[VECTOR_COINS];
    size_t count;
};

static void read_coins(struct vector_coins *v, const json_t *list)
{
    v->count = json_array_size(list);
    assert_in_range(v->count, 1, VECTOR_COINS);
    for (size_t i = 0; i < v->count; i++) {
        const json_t *one = json_array_get(list, i);
        struct coin *c = &v->coins[i];
        const char *txid = text_at(one, "txid");
        *c = (struct coin){
            .value = sat(number_at(one, "value_sat")),
            .form = form_named(text_at(one, "type")),
            .confirmations = (uint32_t)number_at(one, "confirmations"),
            .is_coinbase = json_is_true(json_object_get(one, "coinbase")),
        };
        c->from.vout = (uint32_t)number_at(one, "vout");
        assert_int_equal(hash256_parse_display(&c->from.txid, txid, strlen(txid)),
                         KZ_OK);
        v->ids[i] = number_at(one, "id");
    }
}

static int64_t id_of(const struct vector_coins *v, const struct coin *coin)
{
    for (size_t i = 0; i < v->count; i++)
        if (tx_outpoint_equal(&v->coins[i].from, &coin->from))
            return v->ids[i];
    fail_msg("a coin that is not in the vectors");
    return 0;
}

static void add_target(struct coins_need *need, const json_t *output)
{
    assert_true(
        amount_add(&need->target, need->target, sat(number_at(output, "value_sat"))));
    txsize_add_output(&need->outputs, script_len_named(text_at(output, "type")));
}

static void read_need(struct coins_need *need, const json_t *outputs)
{
    *need = (struct coins_need){0};
    if (json_is_object(outputs))
        for (int64_t i = 0; i < number_at(outputs, "count"); i++)
            add_target(need, outputs);
    for (size_t i = 0; i < json_array_size(outputs); i++)
        add_target(need, json_array_get(outputs, i));
}

static bool holds(const json_t *ids, int64_t id)
{
    for (size_t i = 0; i < json_array_size(ids); i++)
        if (json_integer_value(json_array_get(ids, i)) == id)
            return true;
    return false;
}

static void assert_choice(const struct vector_coins *v, const struct coin *candidates,
                          const struct coins_choice *choice, const json_t *result)
{
    const json_t *selected = json_object_get(result, "selected");
    assert_int_equal(choice->count, json_array_size(selected));
    for (size_t i = 0; i < choice->count; i++)
        assert_int_equal(id_of(v, &candidates[i]),
                         json_integer_value(json_array_get(selected, i)));
    assert_int_equal(choice->change.sat, number_at(result, "change_sat"));
    assert_int_equal(choice->has_change, choice->change.sat > 0);
    assert_int_equal(choice->fee.sat, number_at(result, "fee_sat"));
    assert_int_equal(choice->weight, number_at(result, "weight"));
}

static void check_case(const struct vector_coins *v, const json_t *one)
{
    struct coins_terms terms = plain_terms(number_at(one, "feerate_sat_per_kvb"));
    struct coin candidates[VECTOR_COINS];
    struct coins_need need;
    struct coins_choice choice = {0};
    const json_t *eligible = json_object_get(one, "eligible");
    const json_t *result = json_object_get(one, "result");
    terms.maturity = (uint32_t)number_at(one, "maturity_confirmations");
    terms.change = form_named(text_at(one, "change_type"));
    read_need(&need, json_object_get(one, "outputs"));
    size_t n = coins_candidates(candidates, v->coins, v->count, &terms);
    assert_int_equal(n, json_array_size(eligible));
    for (size_t i = 0; i < n; i++)
        assert_true(holds(eligible, id_of(v, &candidates[i])));
    assert_int_equal(coins_min_change(&terms).sat, number_at(result, "min_change_sat"));
    enum kz_err err = coins_select(&choice, candidates, n, &need, &terms);
    if (json_is_true(json_object_get(result, "ok"))) {
        assert_int_equal(err, KZ_OK);
        assert_choice(v, candidates, &choice, result);
    } else {
        assert_string_equal(text_at(result, "reason"), "insufficient_funds");
        assert_int_equal(err, KZ_EMPTY);
        assert_int_equal(choice.count, 0);
    }
}

static void the_choices_of_the_vectors_are_made(void **state)
{
    (void)state;
    json_t *file = vectors_json("payout/coin_selection.json");
    const json_t *cases = json_object_get(file, "cases");
    struct vector_coins v;
    read_coins(&v, json_object_get(file, "coins"));
    assert_true(json_array_size(cases) >= 7);
    for (size_t i = 0; i < json_array_size(cases); i++)
        check_case(&v, json_array_get(cases, i));
    json_decref(file);
}

static void a_coin_worth_no_more_than_it_costs_is_no_candidate(void **state)
{
    (void)state;
    struct coins_terms terms = plain_terms(10000);
    struct coin c = coin_number(1, 580); /* 58 vB to spend */
    assert_false(coins_is_candidate(&c, &terms));
    c.value = sat(581);
    assert_true(coins_is_candidate(&c, &terms));
}

static void change_waits_for_one_block_and_a_coinbase_for_its_maturity(void **state)
{
    (void)state;
    struct coins_terms terms = plain_terms(1000);
    struct coin c = coin_number(1, 100000);
    c.is_coinbase = false;
    c.confirmations = 0;
    assert_false(coins_is_candidate(&c, &terms));
    c.confirmations = 1;
    assert_true(coins_is_candidate(&c, &terms));
    c.is_coinbase = true;
    c.confirmations = terms.maturity - 1;
    assert_false(coins_is_candidate(&c, &terms));
    c.confirmations = terms.maturity;
    assert_true(coins_is_candidate(&c, &terms));
}

static void equal_coins_stand_by_txid_as_displayed_then_vout(void **state)
{
    (void)state;
    struct coins_terms terms = plain_terms(1000);
    struct coin in[3] = {coin_number(1, 50000), coin_number(1, 50000),
                         coin_number(1, 50000)};
    struct coin out[3];
    memset(&in[0].from.txid, 0, 32);
    in[0].from.txid.b[31] = 2; /* shown first */
    memset(&in[1].from.txid, 0, 32);
    in[1].from.txid.b[0] = 9; /* shown last, so it is smaller */
    in[2].from = in[1].from;
    in[1].from.vout = 7;
    in[2].from.vout = 3;
    assert_int_equal(coins_candidates(out, in, 3, &terms), 3);
    assert_int_equal(out[0].from.vout, 3);
    assert_int_equal(out[1].from.vout, 7);
    assert_int_equal(out[2].from.txid.b[31], 2);
    assert_int_equal(coins_candidates(out, in, 0, &terms), 0);
}

static struct coins_need need_of(int64_t target, size_t outputs)
{
    struct coins_need need = {.target = sat(target)};
    for (size_t i = 0; i < outputs; i++)
        txsize_add_output(&need.outputs, 22);
    return need;
}

static void change_is_made_from_its_minimum_on(void **state)
{
    (void)state;
    struct coins_terms terms = plain_terms(1000);
    struct coin coin = coin_number(1, 1000000);
    struct coins_choice with, without;
    /* 1 p2tr in, p2wpkh and p2tr out: 568 units, 142 vB; without change 99 vB. */
    struct coins_need need = need_of(1000000 - 142 - 580, 1);
    assert_int_equal(coins_select(&with, &coin, 1, &need, &terms), KZ_OK);
    assert_true(with.has_change);
    assert_int_equal(with.change.sat, 580);
    assert_int_equal(with.fee.sat, 142);
    need.target = sat(1000000 - 142 - 579);
    assert_int_equal(coins_select(&without, &coin, 1, &need, &terms), KZ_OK);
    assert_false(without.has_change);
    assert_int_equal(without.fee.sat, 142 + 579);
    need.target = sat(1000000 - 99);
    assert_int_equal(coins_select(&without, &coin, 1, &need, &terms), KZ_OK);
    assert_int_equal(without.fee.sat, 99);
    need.target = sat(1000000 - 98);
    assert_int_equal(coins_select(&without, &coin, 1, &need, &terms), KZ_EMPTY);
}

static void payees_who_pay_the_fee_need_no_coins_for_it(void **state)
{
    (void)state;
    struct coins_terms terms = plain_terms(1000);
    struct coin coin = coin_number(1, 1000000);
    struct coins_choice choice;
    struct coins_need need = need_of(1000000, 1);
    need.fee_inside_target = true;
    assert_int_equal(coins_select(&choice, &coin, 1, &need, &terms), KZ_OK);
    assert_false(choice.has_change);
    assert_int_equal(choice.fee.sat, 99);
    need.target = sat(1000000 - 300); /* the pool's rest pays all of it */
    assert_int_equal(coins_select(&choice, &coin, 1, &need, &terms), KZ_OK);
    assert_int_equal(choice.fee.sat, 300);
    need.target = sat(1000000 - 580);
    assert_int_equal(coins_select(&choice, &coin, 1, &need, &terms), KZ_OK);
    assert_int_equal(choice.change.sat, 580);
    assert_int_equal(choice.fee.sat, 142);
    need.target = sat(1000001);
    assert_int_equal(coins_select(&choice, &coin, 1, &need, &terms), KZ_EMPTY);
}

static void a_transaction_is_not_made_larger_than_it_may_be(void **state)
{
    (void)state;
    struct coins_terms terms = plain_terms(1000);
    struct coin coins[400];
    struct coins_choice choice = {0};
    for (unsigned i = 0; i < 400; i++)
        coins[i] = coin_number(i, 10000);
    struct coins_need need = need_of(3000000, 1);
    terms.vsize_max = 10000;
    assert_int_equal(coins_select(&choice, coins, 400, &need, &terms), KZ_RANGE);
    assert_int_equal(choice.count, 0);
    terms.vsize_max = 20000;
    assert_int_equal(coins_select(&choice, coins, 400, &need, &terms), KZ_OK);
    assert_true(txsize_vsize_of(choice.weight) <= 20000);
}

/* With change 142 vB, without 99: between them the rest must not become fee. */
static void change_without_room_is_not_given_away_as_fee(void **state)
{
    (void)state;
    struct coins_terms terms = plain_terms(1000);
    struct coin coin = coin_number(1, 1000000);
    struct coins_choice choice = {0};
    struct coins_need need = need_of(500000, 1);
    terms.vsize_max = 141;
    assert_int_equal(coins_select(&choice, &coin, 1, &need, &terms), KZ_RANGE);
    terms.vsize_max = 142;
    assert_int_equal(coins_select(&choice, &coin, 1, &need, &terms), KZ_OK);
    assert_int_equal(choice.fee.sat, 142);
}

static void coins_that_sum_to_more_than_there_is_are_refused(void **state)
{
    (void)state;
    struct coins_terms terms = plain_terms(1000);
    struct coins_choice choice;
    struct coin coins[2] = {coin_number(1, AMOUNT_MAX_SAT / 2 + 1),
                            coin_number(2, AMOUNT_MAX_SAT / 2 + 1)};
    struct coins_need need = need_of(AMOUNT_MAX_SAT, 1);
    assert_int_equal(coins_select(&choice, coins, 2, &need, &terms), KZ_RANGE);
    /* What is asked for may not sum up either: then it is too little. */
    assert_int_equal(coins_select(&choice, coins, 1, &need, &terms), KZ_EMPTY);
    assert_int_equal(coins_consolidate(&choice, coins, 2, 1, &terms), KZ_RANGE);
}

/* Whatever the coins: in = out + fee, the rate is met, and one coin less would not do. */
static void choices_balance_for_random_coins(void **state)
{
    (void)state;
    uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);
    for (int round = 0; round < 2000; round++) {
        struct coin coins[20], sorted[20];
        struct coins_terms terms = random_terms(&seed);
        size_t count = random_coins(&seed, coins, 20);
        size_t n = coins_candidates(sorted, coins, count, &terms);
        struct coins_need need = need_of(1 + (int64_t)random_below(&seed, 2000000000),
                                         1 + random_below(&seed, 300));
        struct coins_choice c, fewer;
        need.fee_inside_target = random_next(&seed) % 2 == 0;
        if (coins_select(&c, sorted, n, &need, &terms) != KZ_OK)
            continue;
        int64_t value = 0;
        for (size_t i = 0; i < c.count; i++)
            value += sorted[i].value.sat;
        assert_int_equal(value, c.value.sat);
        int64_t above = value - need.target.sat - c.change.sat;
        if (need.fee_inside_target)
            assert_true(above >= 0 && above <= c.fee.sat);
        else
            assert_int_equal(above, c.fee.sat);
        size_t vsize = txsize_vsize_of(c.weight);
        assert_true(c.fee.sat >= fee_of(terms.rate, vsize).sat);
        if (c.has_change) {
            assert_int_equal(c.fee.sat, fee_of(terms.rate, vsize).sat);
            assert_true(c.change.sat >= coins_min_change(&terms).sat);
        }
        assert_int_equal(coins_select(&fewer, sorted, c.count - 1, &need, &terms),
                         KZ_EMPTY);
    }
}

static void consolidation_takes_the_smallest_until_few_are_left(void **state)
{
    (void)state;
    struct coins_terms terms = plain_terms(1000);
    struct coin coins[10], sorted[10];
    struct coins_choice choice = {0};
    for (unsigned i = 0; i < 10; i++)
        coins[i] = coin_number(i, 10000 + 1000 * (int64_t)i);
    assert_int_equal(coins_candidates(sorted, coins, 10, &terms), 10);
    assert_int_equal(coins_consolidate(&choice, sorted, 10, 8, &terms), KZ_OK);
    assert_int_equal(choice.count, 3); /* 10 - 3 + 1 */
    assert_int_equal(choice.value.sat, 10000 + 11000 + 12000);
    assert_int_equal(choice.change.sat + choice.fee.sat, choice.value.sat);
    /* 3 p2tr in, 1 p2tr out: 4 * (10 + 43) + 3 * 230 + 2 units. */
    assert_int_equal(choice.weight, 904);
    assert_int_equal(choice.fee.sat, 226);
    assert_int_equal(coins_consolidate(&choice, sorted, 10, 10, &terms), KZ_EMPTY);
    assert_int_equal(coins_consolidate(&choice, sorted, 10, 11, &terms), KZ_EMPTY);
    assert_int_equal(coins_consolidate(&choice, sorted, 0, 1, &terms), KZ_EMPTY);
    terms.vsize_max = 200; /* two inputs */
    assert_int_equal(coins_consolidate(&choice, sorted, 10, 1, &terms), KZ_OK);
    assert_int_equal(choice.count, 2);
    terms.vsize_max = 150;
    assert_int_equal(coins_consolidate(&choice, sorted, 10, 1, &terms), KZ_EMPTY);
}

static void coins_that_make_no_change_worth_having_stay(void **state)
{
    (void)state;
    struct coins_terms terms = plain_terms(1000);
    struct coin sorted[2] = {coin_number(1, 374), coin_number(2, 374)};
    struct coins_choice choice;
    /* 168.5 vB: 748 - 169 is 579. */
    assert_int_equal(coins_consolidate(&choice, sorted, 2, 1, &terms), KZ_EMPTY);
    sorted[0].value = sat(375);
    assert_int_equal(coins_consolidate(&choice, sorted, 2, 1, &terms), KZ_OK);
    assert_int_equal(choice.change.sat, 580);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_choices_of_the_vectors_are_made),
        cmocka_unit_test(a_coin_worth_no_more_than_it_costs_is_no_candidate),
        cmocka_unit_test(change_waits_for_one_block_and_a_coinbase_for_its_maturity),
        cmocka_unit_test(equal_coins_stand_by_txid_as_displayed_then_vout),
        cmocka_unit_test(change_is_made_from_its_minimum_on),
        cmocka_unit_test(payees_who_pay_the_fee_need_no_coins_for_it),
        cmocka_unit_test(a_transaction_is_not_made_larger_than_it_may_be),
        cmocka_unit_test(change_without_room_is_not_given_away_as_fee),
        cmocka_unit_test(coins_that_sum_to_more_than_there_is_are_refused),
        cmocka_unit_test(choices_balance_for_random_coins),
        cmocka_unit_test(consolidation_takes_the_smallest_until_few_are_left),
        cmocka_unit_test(coins_that_make_no_change_worth_having_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
