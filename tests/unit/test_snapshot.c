#include "payout/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/direct_fixture.h"

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    struct works works = {0};
    const struct snapshot *s = NULL;
    struct scheme_fees fees = {.pool_ppm = 1000000};
    struct snapshot_payee payees[2] = {{.miner = miner("m-2")},
                                       {.miner = miner("m-2")}};
    struct snapshot_fields f = {.id = 1, .counted = &works, .fees = &fees};
    f.payees = payees;
    f.payee_count = 2;
    assert_int_equal(snapshot_new(&s, &f), KZ_RANGE); /* twice the same */
    payees[0].miner = miner("m-3");
    assert_int_equal(snapshot_new(&s, &f), KZ_RANGE);
    payees[0].miner = miner("m-1");
    payees[1].carry = sat(-1);
    assert_int_equal(snapshot_new(&s, &f), KZ_RANGE);
    payees[1].carry = sat(0);
    payees[0].minimum = sat(-1);
    assert_int_equal(snapshot_new(&s, &f), KZ_RANGE);
    payees[0].minimum = sat(0);
    f.id = 0;
    assert_int_equal(snapshot_new(&s, &f), KZ_RANGE);
    f.id = 1;
    fees.pool_ppm++;
    assert_int_equal(snapshot_new(&s, &f), KZ_RANGE);
    assert_null(s);
    fees.pool_ppm--;
    assert_int_equal(snapshot_new(&s, &f), KZ_OK);
    snapshot_unref(s);
}

static void it_is_a_copy(void **state)
{
    (void)state;
    struct works works = {0};
    struct scheme_fee own = {miner("m-1"), 5};
    struct scheme_fees fees = {.pool_ppm = 10, .own = &own, .own_count = 1};
    struct snapshot_payee payee = {.miner = miner("m-1"), .carry = sat(7)};
    struct snapshot_fields f = {.id = 9, .counted = &works, .fees = &fees};
    const struct snapshot *s = NULL;
    f.payees = &payee;
    f.payee_count = 1;
    works_add_one(&works, miner("m-1"), 3);
    assert_int_equal(snapshot_new(&s, &f), KZ_OK);
    payee.carry = sat(8);
    own.fee_ppm = 6;
    works_add_one(&works, miner("m-1"), 3);
    assert_true(amount_to_sat(s->payees[0].carry) == 7);
    assert_int_equal(s->fees.own[0].fee_ppm, 5);
    assert_int_equal(s->counted.total, 3);
    const struct snapshot *again = snapshot_ref(s);
    snapshot_unref(s);
    assert_int_equal(again->id, 9);
    snapshot_unref(again);
    snapshot_unref(NULL);
    works_clear(&works);
}

static void it_knows_which_blocks_were_accounted_for(void **state)
{
    (void)state;
    struct works works = {0};
    struct scheme_fees fees = {0};
    struct hash256 blocks[3] = {{{9}}, {{1}}, {{5}}}, other = {{5, 1}};
    struct snapshot_fields f = {.id = 1, .counted = &works, .fees = &fees};
    const struct snapshot *s = NULL;
    assert_int_equal(snapshot_new(&s, &f), KZ_OK);
    assert_false(snapshot_has_accounted(s, &blocks[0]));
    snapshot_unref(s);
    f.accounted = blocks;
    f.accounted_count = 3;
    assert_int_equal(snapshot_new(&s, &f), KZ_OK);
    for (size_t i = 0; i < 3; i++)
        assert_true(snapshot_has_accounted(s, &blocks[i]));
    assert_false(snapshot_has_accounted(s, &other));
    snapshot_unref(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(it_is_a_copy),
        cmocka_unit_test(it_knows_which_blocks_were_accounted_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
