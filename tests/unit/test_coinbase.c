#include "payout/coinbase.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/vectors.h"

static void the_pools_address_takes_the_whole_value(void **state)
{
    (void)state;
    struct amount value;
    struct address pool;
    struct address_problem problem;
    struct job_output output;
    const char *text = "bc1q7kpyn5kf2han546yrycq0525vy0dp23ydn355n";
    assert_true(amount_from_sat(&value, 317526183));
    assert_int_equal(address_parse(&pool, &problem, network_of(CONF_MAIN),
                                   text, strlen(text)),
                     KZ_OK);
    assert_int_equal(coinbase_to_pool(&output, value, &pool), KZ_OK);
    assert_int_equal(output.value_sat, 317526183);
    assert_int_equal(output.script.len, 22);
    assert_memory_equal(output.script.p, "\x00\x14\xf5\x82", 4);
    assert_true(amount_sub(&value, amount_zero(), value));
    assert_int_equal(coinbase_to_pool(&output, value, &pool), KZ_RANGE);
}

static void a_block_worth_nothing_still_has_an_output(void **state)
{
    (void)state;
    struct address pool = {.script_len = 22};
    struct job_output output = {.value_sat = 1};
    assert_int_equal(coinbase_to_pool(&output, amount_zero(), &pool), KZ_OK);
    assert_int_equal(output.value_sat, 0);
    assert_int_equal(output.script.len, 22);
}

static int64_t subsidy(uint32_t height, enum conf_network n)
{
    return amount_to_sat(coinbase_subsidy(height, network_of(n)));
}

static void the_subsidy_halves_at_the_networks_interval(void **state)
{
    (void)state;
    assert_true(subsidy(0, CONF_MAIN) == 5000000000);
    assert_true(subsidy(209999, CONF_MAIN) == 5000000000);
    assert_true(subsidy(210000, CONF_MAIN) == 2500000000);
    assert_true(subsidy(840000, CONF_MAIN) == 312500000);
    assert_true(subsidy(150, CONF_REGTEST) == 2500000000);
    assert_true(subsidy(UINT32_MAX, CONF_REGTEST) == 0);
}

static void all_subsidies_of_mainnet_sum_to_the_known_supply(void **state)
{
    (void)state;
    struct amount sum = amount_zero();
    for (uint32_t era = 0; era < 40; era++)
        for (uint32_t i = 0; i < 210000; i += 2100) {
            struct amount part;
            /* 2100 blocks at once; each step stays far inside the range. */
            assert_true(
                amount_from_sat(&part, 2100 * subsidy(era * 210000 + i, CONF_MAIN)));
            assert_true(amount_add(&sum, sum, part));
        }
    assert_true(amount_to_sat(sum) == INT64_C(2099999997690000));
}

static void subsidies_of_the_vectors_come_out(void **state)
{
    (void)state;
    json_t *file = vectors_json("consensus/subsidy.json");
    const struct {
        const char *name;
        enum conf_network n;
    } lists[] = {{"mainnet", CONF_MAIN}, {"regtest", CONF_REGTEST}};
    for (size_t k = 0; k < 2; k++) {
        const json_t *list = json_object_get(file, lists[k].name);
        assert_true(json_array_size(list) > 5);
        for (size_t i = 0; i < json_array_size(list); i++) {
            const json_t *one = json_array_get(list, i);
            assert_true(subsidy((uint32_t)number_at(one, "height"), lists[k].n) ==
                        number_at(one, "subsidy_sat"));
        }
    }
    json_decref(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_pools_address_takes_the_whole_value),
        cmocka_unit_test(a_block_worth_nothing_still_has_an_output),
        cmocka_unit_test(the_subsidy_halves_at_the_networks_interval),
        cmocka_unit_test(all_subsidies_of_mainnet_sum_to_the_known_supply),
        cmocka_unit_test(subsidies_of_the_vectors_come_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
