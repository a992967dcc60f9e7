#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "ledger_fixture.h"

/* A book in which miner 1 is owed `mature` and `held`. */
static struct book *book_owing(int64_t mature, int64_t held)
{
    struct book *b = book_new();
    struct account a = account_of("mature:m000001"), h = account_of("held:m000001");
    struct account coins = account_of("coins.mature");
    assert_int_equal(book_open_balance(b, &a, sat(-mature)), KZ_OK);
    assert_int_equal(book_open_balance(b, &h, sat(-held)), KZ_OK);
    assert_int_equal(book_open_balance(b, &coins, sat(mature + held)), KZ_OK);
    return b;
}

/* One miner gets `net`, the coinbase pays them `direct`, and the pool its fee of 10. */
static enum kz_err accept_direct(struct entry *e, const struct book *b, int64_t net,
                                 int64_t direct, int64_t pool)
{
    struct fixture_now now = {.book = b};
    struct postings_now hooks = fixture_hooks(&now);
    struct postings_part part = {miner_n(1), sat(net), sat(direct), 0};
    struct postings_block block = {.block = "B1",
                                   .pool_outputs = sat(pool),
                                   .fee = sat(10),
                                   .own = sat(0),
                                   .parts = &part,
                                   .part_count = 1};
    return postings_block_accept(e, &block, &hooks);
}

static void
carry_is_debited_where_it_lies_and_what_is_missing_becomes_receivable(void **state)
{
    (void)state;
    struct book *b = book_owing(30, 50);
    struct entry e;
    /* R = 110: the part of this block is 100, and 100 of carry is paid. */
    assert_int_equal(accept_direct(&e, b, 190, 290, -90), KZ_RANGE);
    assert_int_equal(accept_direct(&e, b, 100, 200, 0), KZ_RANGE);
    assert_int_equal(accept_direct(&e, b, 190, 200, 0), KZ_OK);
    assert_int_equal(posted(&e, "mature:m000001"), 10);
    assert_int_equal(posted(&e, "held:m000001"), 0);
    assert_int_equal(posted(&e, "immature:m000001"), -200);
    entry_clear(&e);
    book_free(b);

    b = book_owing(3, 5);
    assert_int_equal(accept_direct(&e, b, 190, 200, 0), KZ_OK);
    assert_int_equal(posted(&e, "mature:m000001"), 3);
    assert_int_equal(posted(&e, "held:m000001"), 5);
    assert_int_equal(posted(&e, "receivable:m000001"), 2);
    assert_int_equal(posted(&e, "immature:m000001"), -200);
    assert_int_equal(posted(&e, "coins.direct"), 200);
    entry_clear(&e);
    book_free(b);
}

static void a_revive_finds_the_carry_where_a_hold_has_moved_it(void **state)
{
    (void)state;
    struct book *b = book_owing(30, 0);
    struct fixture_now now = {.book = b};
    struct postings_now hooks = fixture_hooks(&now);
    struct postings_hold h = {.miner = miner_n(1),
                              .n = 1,
                              .amount = sat(30),
                              .document = "",
                              .basis = no_basis()};
    struct entry accept, e;
    assert_int_equal(accept_direct(&accept, b, 190, 200, 0), KZ_OK);
    applied(b, &accept);
    assert_int_equal(postings_block_orphan(&e, &accept, 1, 0), KZ_OK);
    applied(b, &e);
    entry_clear(&e);
    assert_int_equal(postings_hold(&e, &h), KZ_OK);
    applied(b, &e);
    entry_clear(&e);
    assert_int_equal(postings_block_revive(&e, &accept, 2, 0, &hooks), KZ_OK);
    assert_int_equal(posted(&e, "mature:m000001"), 0);
    assert_int_equal(posted(&e, "held:m000001"), 10);
    assert_int_equal(posted(&e, "immature:m000001"), -200);
    assert_int_equal(e.output_count, 1);
    applied(b, &e);
    holds(b);
    /* The next orphan reverses the revive, not the accept. */
    struct entry orphan;
    assert_int_equal(postings_block_orphan(&orphan, &e, 3, 0), KZ_OK);
    applied(b, &orphan);
    assert_int_equal(balance(b, "held:m000001"), -30);
    assert_int_equal(balance(b, "mature:m000001"), 0);
    holds(b);
    entry_clear(&orphan);
    entry_clear(&e);
    entry_clear(&accept);
    book_free(b);
}

static void
a_coinbase_that_pays_less_than_the_part_leaves_the_rest_to_the_ledger(void **state)
{
    (void)state;
    struct book *b = book_owing(30, 0);
    struct fixture_now now = {.book = b, .held = {false, true}};
    struct postings_now hooks = fixture_hooks(&now);
    struct entry accept, e;
    assert_int_equal(accept_direct(&accept, b, 190, 150, 50), KZ_OK);
    assert_int_equal(posted(&accept, "mature:m000001"),
                     0); /* no carry while e is short */
    assert_int_equal(postings_block_mature(&e, &accept, 0, &hooks), KZ_OK);
    assert_int_equal(posted(&e, "immature:m000001"), 190);
    assert_int_equal(posted(&e, "held:m000001"), -40);
    assert_int_equal(posted(&e, "coins.direct"), -150);
    assert_int_equal(posted(&e, "coins.mature"), 50);
    assert_int_equal(posted(&e, "fee"), -10);
    entry_clear(&e);
    now.held[1] = false;
    assert_int_equal(postings_block_mature(&e, &accept, 0, &hooks), KZ_OK);
    assert_int_equal(posted(&e, "mature:m000001"), -40);
    entry_clear(&e);
    entry_clear(&accept);
    book_free(b);
}

static void the_worked_example_of_section_5_is_booked_to_the_satoshi(void **state)
{
    (void)state;
    struct book *b = book_new();
    struct account m3 = account_of("mature:m000003"), m4 = account_of("mature:m000004");
    struct account coins = account_of("coins.mature");
    assert_int_equal(book_open_balance(b, &m3, sat(-40000000)), KZ_OK);
    assert_int_equal(book_open_balance(b, &m4, sat(-30000000)), KZ_OK);
    assert_int_equal(book_open_balance(b, &coins, sat(70000000)), KZ_OK);
    struct fixture_now now = {.book = b};
    struct postings_now hooks = fixture_hooks(&now);
    struct postings_part parts[] = {
        {miner_n(3), sat(0), sat(40000000), 0},
        {miner_n(1), sat(35000000), sat(10000000), 1},
        {miner_n(2), sat(15000000), sat(0), 0},
    };
    struct postings_block block = {.block = "B1",
                                   .pool_outputs = sat(0),
                                   .fee = sat(0),
                                   .own = sat(0),
                                   .parts = parts,
                                   .part_count = 3};
    struct entry accept, mature;
    assert_int_equal(postings_block_accept(&accept, &block, &hooks), KZ_OK);
    applied(b, &accept);
    assert_int_equal(postings_block_mature(&mature, &accept, 0, &hooks), KZ_OK);
    applied(b, &mature);
    holds(b);
    assert_int_equal(balance(b, "mature:m000001"), -25000000);
    assert_int_equal(balance(b, "mature:m000002"), -15000000);
    assert_int_equal(balance(b, "mature:m000003"), 0);
    assert_int_equal(balance(b, "mature:m000004"), -30000000);
    assert_int_equal(balance(b, "coins.direct"), 0);
    entry_clear(&accept);
    entry_clear(&mature);
    book_free(b);
}

static void a_split_that_does_not_sum_to_the_reward_is_refused(void **state)
{
    (void)state;
    struct postings_part parts[2] = {{miner_n(1), sat(60), sat(0), 0},
                                     {miner_n(2), sat(30), sat(0), 0}};
    struct postings_block block = {.block = "B1",
                                   .pool_outputs = sat(100),
                                   .fee = sat(10),
                                   .own = sat(0),
                                   .parts = parts,
                                   .part_count = 2};
    struct entry e;
    assert_int_equal(postings_block_accept(&e, &block, NULL), KZ_OK);
    entry_clear(&e);
    block.fee = sat(9);
    assert_int_equal(postings_block_accept(&e, &block, NULL), KZ_RANGE);
    block.fee = sat(-10);
    block.pool_outputs = sat(80);
    assert_int_equal(postings_block_accept(&e, &block, NULL), KZ_RANGE);
    block.fee = sat(10);
    block.pool_outputs = sat(100);
    parts[0].miner = parts[1].miner;
    assert_int_equal(postings_block_accept(&e, &block, NULL), KZ_RANGE);
    parts[0].miner = miner_n(1);
    block.block = "not a hash";
    assert_int_equal(postings_block_accept(&e, &block, NULL), KZ_PARSE);
}

static void pps_plus_books_the_subsidy_for_the_pool_and_splits_the_fees(void **state)
{
    (void)state;
    struct postings_part part = {miner_n(1), sat(90), sat(0), 0};
    struct postings_block block = {.block = "B1",
                                   .pool_outputs = sat(1100),
                                   .fee = sat(10),
                                   .own = sat(1000),
                                   .parts = &part,
                                   .part_count = 1};
    struct fixture_now now = {0};
    struct postings_now hooks = fixture_hooks(&now);
    struct entry accept, e;
    assert_int_equal(postings_block_accept(&accept, &block, NULL), KZ_OK);
    assert_int_equal(posted(&accept, "block.immature"), -1000);
    assert_int_equal(postings_block_mature(&e, &accept, 0, &hooks), KZ_OK);
    assert_int_equal(posted(&e, "block"), -1000);
    assert_int_equal(posted(&e, "block.immature"), 1000);
    assert_int_equal(posted(&e, "mature:m000001"), -90);
    entry_clear(&accept);
    entry_clear(&e);
}

static void a_block_of_no_value_is_booked_without_postings(void **state)
{
    (void)state;
    struct entry e;
    assert_int_equal(postings_block_pps(&e, "B1", sat(0), 0), KZ_OK);
    assert_int_equal(e.posting_count, 0);
    entry_clear(&e);
}

static void numbers_of_orphans_and_revives_follow_each_other(void **state)
{
    (void)state;
    struct entry accept, e;
    assert_int_equal(postings_block_pps(&accept, "B1", sat(5), 0), KZ_OK);
    assert_int_equal(postings_block_orphan(&e, &accept, 0, 0), KZ_RANGE);
    assert_int_equal(postings_block_orphan(&e, &accept, 2, 0), KZ_RANGE);
    assert_int_equal(postings_block_revive(&e, &accept, 1, 0, NULL), KZ_RANGE);
    assert_int_equal(postings_block_orphan(&e, &accept, 1, 0), KZ_OK);
    struct entry again;
    assert_int_equal(postings_block_orphan(&again, &e, 2, 0), KZ_RANGE);
    assert_int_equal(postings_block_mature(&again, &e, 0, NULL), KZ_RANGE);
    entry_clear(&e);
    entry_clear(&accept);
}

static void an_accrual_of_a_held_miner_is_held_and_one_of_nothing_is_none(void **state)
{
    (void)state;
    struct postings_pps p = {.period = "p",
                             .miner = miner_n(1),
                             .work = 10,
                             .credit = sat(7),
                             .is_held = true};
    struct entry e;
    assert_int_equal(postings_pps_accrual(&e, &p), KZ_OK);
    assert_int_equal(posted(&e, "held:m000001"), -7);
    assert_int_equal(posted(&e, "pps_cost"), 7);
    entry_clear(&e);
    p.credit = sat(0);
    assert_int_equal(postings_pps_accrual(&e, &p), KZ_EMPTY);
    p.credit = sat(-1);
    assert_int_equal(postings_pps_accrual(&e, &p), KZ_RANGE);
}

static void a_release_says_its_basis_and_a_hold_need_not(void **state)
{
    (void)state;
    struct postings_hold h = {.miner = miner_n(1),
                              .n = 2,
                              .amount = sat(7),
                              .document = "letter 12",
                              .basis = no_basis()};
    struct entry e;
    assert_int_equal(postings_hold(&e, &h), KZ_OK);
    assert_string_equal(e.reference, "letter 12");
    assert_int_equal(posted(&e, "mature:m000001"), 7);
    entry_clear(&e);
    assert_int_equal(postings_release(&e, &h), KZ_RANGE);
    h.basis = two_persons();
    assert_int_equal(postings_release(&e, &h), KZ_OK);
    assert_int_equal(posted(&e, "mature:m000001"), -7);
    assert_int_equal(posted(&e, "held:m000001"), 7);
    entry_clear(&e);
}

static void nobody_is_in_a_payout_twice_or_for_nothing(void **state)
{
    (void)state;
    struct payout_id id = payout_n(1);
    struct postings_due due[2] = {{miner_n(1), sat(5)}, {miner_n(1), sat(6)}};
    struct entry e;
    assert_int_equal(postings_reserve(&e, &id, due, 0, 0), KZ_EMPTY);
    assert_int_equal(postings_reserve(&e, &id, due, 2, 0), KZ_RANGE);
    due[1] = (struct postings_due){miner_n(2), sat(0)};
    assert_int_equal(postings_reserve(&e, &id, due, 2, 0), KZ_RANGE);
    due[1].amount = sat(-6);
    assert_int_equal(postings_reserve(&e, &id, due, 2, 0), KZ_RANGE);
    due[1].amount = sat(6);
    assert_int_equal(postings_reserve(&e, &id, due, 2, 0), KZ_OK);
    assert_int_equal(e.posting_count, 4);
    entry_clear(&e);
}

static void payees_who_bear_the_fee_get_less_and_their_debt_is_closed(void **state)
{
    (void)state;
    struct payout_id id = payout_n(1);
    struct postings_due due[2] = {{miner_n(1), sat(1000)}, {miner_n(2), sat(500)}};
    struct entry_output outputs[2] = {{miner_n(1), 0, sat(980)},
                                      {miner_n(2), 1, sat(490)}};
    struct postings_settled s = {
        .txid = "T", .outputs = outputs, .output_count = 2, .fee = sat(45)};
    struct entry reserve, e;
    assert_int_equal(postings_reserve(&reserve, &id, due, 2, 0), KZ_OK);
    assert_int_equal(postings_confirm(&e, &reserve, &s), KZ_OK);
    assert_int_equal(posted(&e, "coins.mature"), -(980 + 490 + 45));
    assert_int_equal(posted(&e, "network_fee"), 45 - 30);
    assert_int_equal(posted(&e, "reserved:po-1:m000001"), 1000);
    assert_int_equal(posted(&e, "reserved:po-1:m000002"), 500);
    entry_clear(&e);
    s.output_count = 1; /* one recipient is not paid */
    assert_int_equal(postings_confirm(&e, &reserve, &s), KZ_RANGE);
    s.output_count = 2;
    outputs[1].miner = miner_n(3); /* a stranger is */
    assert_int_equal(postings_confirm(&e, &reserve, &s), KZ_RANGE);
    outputs[1] = (struct entry_output){miner_n(2), 1, sat(501)}; /* too much */
    assert_int_equal(postings_confirm(&e, &reserve, &s), KZ_RANGE);
    outputs[1] = (struct entry_output){miner_n(2), 0, sat(490)}; /* one output twice */
    assert_int_equal(postings_confirm(&e, &reserve, &s), KZ_RANGE);
    entry_clear(&reserve);
}

static void a_fee_that_pays_nobody_is_booked_and_taken_back_exactly(void **state)
{
    (void)state;
    struct payout_id id = payout_n(1);
    struct entry fee, back, e;
    assert_int_equal(postings_payout_fee(&fee, &id, sat(450), "T", 1, 7), KZ_OK);
    assert_int_equal(fee.key.kind, ENTRY_PAYOUT_FEE);
    assert_string_equal(fee.reference, "T");
    assert_int_equal(fee.time_ms, 7);
    assert_int_equal(fee.posting_count, 2);
    assert_int_equal(posted(&fee, "network_fee"), 450);
    assert_int_equal(posted(&fee, "coins.mature"), -450);
    assert_int_equal(postings_payout_fee_back(&back, &fee, 2, 8), KZ_OK);
    assert_string_equal(back.reference, "T");
    assert_int_equal(back.posting_count, 2);
    assert_int_equal(posted(&back, "network_fee"), -450);
    assert_int_equal(posted(&back, "coins.mature"), 450);
    /* The numbers follow each other, and only a fee is taken back. */
    assert_int_equal(postings_payout_fee_back(&e, &fee, 1, 0), KZ_RANGE);
    assert_int_equal(postings_payout_fee_back(&e, &fee, 3, 0), KZ_RANGE);
    assert_int_equal(postings_payout_fee_back(&e, &back, 3, 0), KZ_RANGE);
    entry_clear(&fee);
    entry_clear(&back);
}

static void a_fee_of_nothing_or_of_no_transaction_is_not_booked(void **state)
{
    (void)state;
    struct payout_id id = payout_n(1);
    struct entry e;
    assert_int_equal(postings_payout_fee(&e, &id, sat(0), "T", 1, 0), KZ_EMPTY);
    assert_int_equal(postings_payout_fee(&e, &id, sat(-1), "T", 1, 0), KZ_RANGE);
    assert_int_equal(postings_payout_fee(&e, &id, sat(1), "T", 0, 0), KZ_RANGE);
    assert_int_equal(postings_payout_fee(&e, &id, sat(1), "T", 2, 0), KZ_RANGE);
    assert_int_equal(postings_payout_fee(&e, &id, sat(1), "", 1, 0), KZ_PARSE);
    assert_int_equal(postings_payout_fee(&e, &id, sat(1), "T", 3, 0), KZ_OK);
    entry_clear(&e);
}

static void what_people_decide_needs_two_of_them_and_a_reason(void **state)
{
    (void)state;
    struct miner_id miner = miner_n(1);
    struct posting moved[2] = {{account_of("fee"), sat(5)},
                               {account_of("mature:m000001"), sat(-5)}};
    struct postings_manual m = {.id = "a1", .n = 1, .basis = no_basis()};
    struct entry e;
    assert_int_equal(postings_capital_in(&e, sat(5), &m), KZ_RANGE);
    assert_int_equal(postings_capital_out(&e, sat(5), &m), KZ_RANGE);
    assert_int_equal(postings_correction(&e, moved, 2, &m), KZ_RANGE);
    assert_int_equal(postings_overpayment(&e, &miner, sat(5), &m), KZ_RANGE);
    assert_int_equal(postings_set_off(&e, &miner, sat(5), &m), KZ_RANGE);
    struct entry_basis reason = {.reason = "rule"};
    m.basis = &reason;
    assert_int_equal(postings_set_off(&e, &miner, sat(5), &m), KZ_OK);
    entry_clear(&e);
    assert_int_equal(postings_correction(&e, moved, 2, &m), KZ_RANGE);
    m.basis = two_persons();
    assert_int_equal(postings_correction(&e, moved, 2, &m), KZ_OK);
    entry_clear(&e);
    assert_int_equal(postings_capital_out(&e, sat(5), &m), KZ_OK);
    assert_int_equal(posted(&e, "coins.mature"), -5);
    entry_clear(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            carry_is_debited_where_it_lies_and_what_is_missing_becomes_receivable),
        cmocka_unit_test(a_revive_finds_the_carry_where_a_hold_has_moved_it),
        cmocka_unit_test(
            a_coinbase_that_pays_less_than_the_part_leaves_the_rest_to_the_ledger),
        cmocka_unit_test(the_worked_example_of_section_5_is_booked_to_the_satoshi),
        cmocka_unit_test(a_split_that_does_not_sum_to_the_reward_is_refused),
        cmocka_unit_test(pps_plus_books_the_subsidy_for_the_pool_and_splits_the_fees),
        cmocka_unit_test(a_block_of_no_value_is_booked_without_postings),
        cmocka_unit_test(numbers_of_orphans_and_revives_follow_each_other),
        cmocka_unit_test(an_accrual_of_a_held_miner_is_held_and_one_of_nothing_is_none),
        cmocka_unit_test(a_release_says_its_basis_and_a_hold_need_not),
        cmocka_unit_test(nobody_is_in_a_payout_twice_or_for_nothing),
        cmocka_unit_test(payees_who_bear_the_fee_get_less_and_their_debt_is_closed),
        cmocka_unit_test(a_fee_that_pays_nobody_is_booked_and_taken_back_exactly),
        cmocka_unit_test(a_fee_of_nothing_or_of_no_transaction_is_not_booked),
        cmocka_unit_test(what_people_decide_needs_two_of_them_and_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
