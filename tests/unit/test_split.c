#include "payout/split.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/payout_fixture.h"

#define SEED   UINT64_C(0x9e3779b97f4a7c15)
#define ROUNDS 3000
#define MOST   40

static uint64_t sum_of(const uint64_t *parts, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += parts[i];
    return sum;
}

static void the_examples_of_the_specification_come_out(void **state)
{
    (void)state;
    const struct split_weight three[] = {
        {miner("m000001"), 1}, {miner("m000003"), 1}, {miner("m000005"), 1}};
    uint64_t parts[4];
    assert_int_equal(split_units(parts, 100, three, 3), KZ_OK);
    assert_true(parts[0] == 34 && parts[1] == 33 && parts[2] == 33);
    const struct split_weight four[] = {{miner("m000004"), 1},
                                        {miner("m000001"), 1},
                                        {miner("m000003"), 1},
                                        {miner("m000002"), 1}};
    assert_int_equal(split_units(parts, 3, four, 4), KZ_OK);
    assert_true(parts[0] == 0 && parts[1] == 1 && parts[2] == 1 && parts[3] == 1);
}

static void the_largest_numbers_do_not_overflow(void **state)
{
    (void)state;
    const struct split_weight three[] = {{miner("m000001"), UINT64_MAX},
                                         {miner("m000002"), UINT64_MAX},
                                         {miner("m000003"), UINT64_MAX}};
    uint64_t parts[3];
    assert_int_equal(split_units(parts, UINT64_MAX, three, 3), KZ_OK);
    /* 2^64 - 1 is divisible by 3. */
    assert_true(parts[0] == UINT64_MAX / 3 && parts[0] == parts[1] &&
                parts[0] == parts[2]);
    assert_int_equal(split_units(parts, UINT64_MAX - 1, three, 3), KZ_OK);
    assert_true(parts[0] == UINT64_MAX / 3 && parts[2] == UINT64_MAX / 3 - 1);
}

static void nothing_is_shared_out_when_nobody_has_weight(void **state)
{
    (void)state;
    const struct split_weight none[] = {{miner("m000001"), 0}, {miner("m000002"), 0}};
    uint64_t parts[2] = {7, 7};
    struct amount amounts[2] = {sat(7), sat(7)};
    assert_int_equal(split_units(parts, 100, none, 2), KZ_EMPTY);
    assert_int_equal(split_units(parts, 100, none, 0), KZ_EMPTY);
    assert_int_equal(split_amount(amounts, sat(100), none, 2), KZ_EMPTY);
    assert_int_equal(split_amount(amounts, sat(100), none, 0), KZ_EMPTY);
    assert_true(parts[0] == 7 && amount_to_sat(amounts[1]) == 7);
}

static void an_amount_below_zero_is_refused(void **state)
{
    (void)state;
    const struct split_weight one = {miner("m000001"), 1};
    struct amount part = sat(7);
    assert_int_equal(split_amount(&part, sat(-1), &one, 1), KZ_RANGE);
    assert_true(amount_to_sat(part) == 7);
    assert_int_equal(split_amount(&part, sat(AMOUNT_MAX_SAT), &one, 1), KZ_OK);
    assert_true(amount_to_sat(part) == AMOUNT_MAX_SAT);
}

/* A satoshi more or less than the exact share, never two: each part is its floor or
 * the number above. */
static void assert_near_exact(const uint64_t *parts, uint64_t total,
                              const struct split_weight *rows, size_t count)
{
    unsigned __int128 all = 0;
    for (size_t i = 0; i < count; i++)
        all += rows[i].weight;
    for (size_t i = 0; i < count; i++) {
        unsigned __int128 product = (unsigned __int128)total * rows[i].weight;
        uint64_t floor = (uint64_t)(product / all);
        assert_true(parts[i] == floor || parts[i] == floor + 1);
        assert_true(rows[i].weight > 0 || parts[i] == 0);
    }
}

static void parts_of_random_weights_sum_to_the_whole(void **state)
{
    (void)state;
    uint64_t seed = SEED;
    for (int round = 0; round < ROUNDS; round++) {
        struct split_weight rows[MOST];
        uint64_t parts[MOST];
        size_t count = 1 + random_next(&seed) % MOST;
        random_weights(&seed, rows, count, UINT64_MAX);
        rows[0].weight++;
        uint64_t total = random_below(&seed, UINT64_MAX);
        assert_int_equal(split_units(parts, total, rows, count), KZ_OK);
        assert_true(sum_of(parts, count) == total);
        assert_near_exact(parts, total, rows, count);
    }
}

static void the_order_of_input_changes_nothing(void **state)
{
    (void)state;
    uint64_t seed = SEED;
    for (int round = 0; round < ROUNDS; round++) {
        struct split_weight rows[MOST], mixed[MOST];
        uint64_t parts[MOST], mixed_parts[MOST];
        size_t count = 1 + random_next(&seed) % MOST;
        /* Few different weights make ties, which the order could decide. */
        random_weights(&seed, rows, count, round % 2 == 0 ? 4 : INT64_MAX);
        rows[count - 1].weight++;
        uint64_t total = random_below(&seed, INT64_MAX);
        assert_int_equal(split_units(parts, total, rows, count), KZ_OK);
        memcpy(mixed, rows, sizeof(rows));
        random_shuffle(&seed, mixed, count);
        assert_int_equal(split_units(mixed_parts, total, mixed, count), KZ_OK);
        for (size_t i = 0; i < count; i++)
            for (size_t k = 0; k < count; k++)
                if (miner_id_equal(&rows[i].miner, &mixed[k].miner))
                    assert_true(parts[i] == mixed_parts[k]);
    }
}

static void more_weight_never_lowers_ones_part(void **state)
{
    (void)state;
    uint64_t seed = SEED;
    for (int round = 0; round < ROUNDS; round++) {
        struct split_weight rows[MOST];
        uint64_t parts[MOST], more[MOST];
        size_t count = 1 + random_next(&seed) % MOST;
        random_weights(&seed, rows, count, round % 2 == 0 ? 100 : INT64_MAX);
        rows[0].weight++;
        uint64_t total = random_below(&seed, round % 2 == 0 ? 1000 : INT64_MAX);
        size_t who = random_next(&seed) % count;
        assert_int_equal(split_units(parts, total, rows, count), KZ_OK);
        rows[who].weight += 1 + random_below(&seed, round % 2 == 0 ? 10 : INT64_MAX);
        assert_int_equal(split_units(more, total, rows, count), KZ_OK);
        assert_true(more[who] >= parts[who]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_specification_come_out),
        cmocka_unit_test(the_largest_numbers_do_not_overflow),
        cmocka_unit_test(nothing_is_shared_out_when_nobody_has_weight),
        cmocka_unit_test(an_amount_below_zero_is_refused),
        cmocka_unit_test(parts_of_random_weights_sum_to_the_whole),
        cmocka_unit_test(the_order_of_input_changes_nothing),
        cmocka_unit_test(more_weight_never_lowers_ones_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
