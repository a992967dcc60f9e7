#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "ledger_fixture.h"
#include "payout/book_parts.h" /* to break a book on purpose */
#include "payout/statement.h"

/* --- the shared trace (its file is test_cases.c's) --------------------------------- */

static struct book *traced(int steps, struct statement *s)
{
    struct book *book = book_new();
    for (int step = 1; step <= steps; step++) {
        struct entry e;
        struct book_problem why;
        assert_int_equal(trace_event(&e, book, step), KZ_OK);
        e.time_ms = step;
        enum kz_err err = book_apply(book, &why, &e);
        assert_int_equal(err, trace_is_repeat(step) ? KZ_EMPTY : KZ_OK);
        if (err == KZ_OK && s != NULL)
            assert_int_equal(statement_add(s, &e), KZ_OK);
        entry_clear(&e);
        holds(book);
    }
    return book;
}

static void the_trace_ends_with_known_balances(void **state)
{
    (void)state;
    struct book *b = traced(TRACE_STEPS, NULL);
    assert_int_equal(balance(b, "coins.mature"), 885539820);
    assert_int_equal(balance(b, "coins.direct"), 0);
    assert_int_equal(balance(b, "mature:m000003"), -59737409);
    assert_int_equal(balance(b, "mature:m000009"), -66926017);
    assert_int_equal(balance(b, "fee"), -6308036);
    assert_int_equal(balance(b, "network_fee"), 4625);
    size_t count;
    struct posting *list = book_balances(b, &count);
    assert_int_equal(count, 8);
    mem_free(list);
    book_free(b);
}

static void what_outputs_paid_a_miner_is_known(void **state)
{
    (void)state;
    struct book *b = traced(TRACE_STEPS, NULL);
    struct miner_id m1 = miner_n(1), m3 = miner_n(3), m9 = miner_n(9), m8 = miner_n(8);
    struct book_miner m;
    assert_int_equal(book_miner(b, &m, &m1), KZ_OK);
    assert_int_equal(amount_to_sat(m.outputs), 157175461 + 217101500);
    assert_int_equal(amount_to_sat(m.paid), 157175461 + 217101500);
    assert_int_equal(amount_to_sat(m.reversed), 2 * 31059723);
    assert_int_equal(amount_to_sat(m.end), 0);
    assert_int_equal(book_miner(b, &m, &m3), KZ_OK);
    assert_int_equal(amount_to_sat(m.outputs), 6234227);
    assert_int_equal(amount_to_sat(m.end), 59737409);
    assert_int_equal(book_miner(b, &m, &m9), KZ_OK);
    assert_int_equal(amount_to_sat(m.adjusted), -1000);
    assert_int_equal(amount_to_sat(m.end), 66926017);
    assert_int_equal(book_miner(b, &m, &m8), KZ_EMPTY);
    book_free(b);
}

static void blocks_and_payouts_tell_their_stage(void **state)
{
    (void)state;
    struct book *b = traced(TRACE_STEPS, NULL);
    struct book_block block;
    struct book_payout payout;
    struct payout_id po1 = payout_n(1), po2 = payout_n(2), po3 = payout_n(3);
    assert_int_equal(book_block(b, &block, "B2"), KZ_OK);
    assert_int_equal(block.stage, BOOK_BLOCK_ORPHANED);
    assert_int_equal(block.n, 3);
    assert_non_null(book_standing(b, "B2"));
    assert_int_equal(book_block(b, &block, "B3"), KZ_OK);
    assert_int_equal(block.stage, BOOK_BLOCK_MATURE);
    assert_int_equal(amount_to_sat(block.coins), 313277777);
    assert_int_equal(amount_to_sat(block.net), 310145001);
    assert_int_equal(amount_to_sat(block.fee), 3132776);
    assert_null(book_standing(b, "B3"));
    assert_int_equal(book_block(b, &block, "B5"), KZ_EMPTY);
    assert_int_equal(book_payout(b, &payout, &po1), KZ_OK);
    assert_int_equal(payout.stage, BOOK_PAYOUT_CLOSED);
    assert_null(book_reserve(b, &po1));
    assert_int_equal(book_payout(b, &payout, &po2), KZ_OK);
    assert_int_equal(payout.stage, BOOK_PAYOUT_CONFIRMED);
    assert_int_equal(amount_to_sat(payout.reserved), 251480738);
    assert_non_null(book_confirm(b, &po2));
    assert_int_equal(book_finish_payout(b, &po2), KZ_OK);
    assert_int_equal(book_finish_payout(b, &po2), KZ_RANGE);
    assert_null(book_confirm(b, &po2));
    assert_int_equal(book_payout(b, &payout, &po3), KZ_EMPTY);
    holds(b);
    book_free(b);
}

/* --- what is refused --------------------------------------------------------------- */

static struct hash256 fingerprint(const struct book *b)
{
    struct sha256_state s;
    struct hash256 h;
    size_t count;
    struct posting *list = book_balances(b, &count);
    sha256_begin(&s);
    for (size_t i = 0; i < count; i++) {
        char text[ACCOUNT_TEXT_SIZE + 32];
        account_format(text, &list[i].account);
        size_t len = strlen(text);
        snprintf(text + len, sizeof(text) - len, "=%lld;",
                 (long long)amount_to_sat(list[i].amount));
        sha256_add(&s, text, strlen(text));
    }
    sha256_end_double(&h, &s);
    mem_free(list);
    return h;
}

/* Refused under `rule`, its text has `part`, and nothing has changed. Clears `e`. */
static void refused(struct book *b, struct entry *e, enum book_rule rule,
                    const char *part)
{
    struct book_problem why = {0};
    struct hash256 before = fingerprint(b), after;
    enum kz_err err = book_apply(b, &why, e);
    after = fingerprint(b);
    if (err != KZ_RANGE || why.rule != rule || strstr(why.text, part) == NULL)
        fail_msg("%s, rule %d: %s", kz_err_text(err), (int)why.rule, why.text);
    assert_true(hash256_equal(&before, &after));
    holds(b);
    entry_clear(e);
}

static struct entry read_entry(const char *text)
{
    struct entry e;
    if (entry_parse(&e, text, strlen(text)) != KZ_OK)
        fail_msg("no entry: %s", text);
    return e;
}

static void events_out_of_their_order_are_refused(void **state)
{
    (void)state;
    struct book *b = traced(9, NULL); /* B1 mature, B2 orphaned at 3 */
    struct entry accept, e;
    struct payout_id po1 = payout_n(1);
    assert_int_equal(trace_event(&accept, b, 2), KZ_OK); /* B1's, as it was */
    assert_int_equal(postings_block_orphan(&e, &accept, 1, 0), KZ_OK);
    refused(b, &e, BOOK_ORDER, "blk:B1:orphan:1 cannot follow: the block is mature");
    assert_int_equal(postings_block_revive(&e, &accept, 2, 0, NULL), KZ_OK);
    refused(b, &e, BOOK_ORDER, "mature");
    assert_int_equal(postings_block_revive(&e, book_standing(b, "B2"), 4, 0, NULL),
                     KZ_OK);
    e.key.n = 5;
    refused(b, &e, BOOK_ORDER, "not one above the last");
    assert_int_equal(trace_mature(&e, b, "B2", 0), KZ_OK);
    refused(b, &e, BOOK_ORDER, "orphaned");
    memcpy(accept.key.object, "B7", 3);
    assert_int_equal(postings_block_orphan(&e, &accept, 1, 0), KZ_OK);
    refused(b, &e, BOOK_ORDER, "not known");
    assert_int_equal(trace_reserve(&e, 1), KZ_OK);
    applied(b, &e);
    struct entry abandon;
    assert_int_equal(postings_abandon(&abandon, &e, 0), KZ_OK);
    applied(b, &abandon);
    abandon.key.object[3] = '4';
    refused(b, &abandon, BOOK_ORDER, "not known");
    e.key.kind = ENTRY_PAYOUT_ABANDONED;
    refused(b, &e, BOOK_KEY, "another content");
    assert_null(book_reserve(b, &po1));
    entry_clear(&accept);
    book_free(b);
}

static void an_accrual_to_work_that_is_credited_already_is_refused(void **state)
{
    (void)state;
    struct book *b = traced(TRACE_STEPS, NULL);
    struct postings_pps p = {.period = "17030ecd:312500000",
                             .miner = miner_n(9),
                             .work = 20599365234374999,
                             .credit = sat(1)};
    struct entry e;
    assert_int_equal(postings_pps_accrual(&e, &p), KZ_OK);
    refused(b, &e, BOOK_ORDER, "credited");
    p.work += 2;
    assert_int_equal(postings_pps_accrual(&e, &p), KZ_OK);
    applied(b, &e);
    entry_clear(&e);
    p.work -= 2;
    p.period = "17030ecd:312500000:fees"; /* the same work, another period */
    assert_int_equal(postings_pps_accrual(&e, &p), KZ_OK);
    applied(b, &e);
    entry_clear(&e);
    book_free(b);
}

static void a_known_key_with_other_postings_is_told_apart_from_a_repeat(void **state)
{
    (void)state;
    struct book *b = traced(2, NULL);
    struct book_problem why;
    struct entry e;
    assert_int_equal(trace_event(&e, b, 2), KZ_OK);
    e.time_ms = 99;
    assert_int_equal(book_apply(b, &why, &e), KZ_EMPTY);
    entry_clear(&e);
    int64_t net[3] = {157175460, 94305278, 62870185};
    assert_int_equal(trace_block(&e, "B1", 317526183, 3175260, net), KZ_OK);
    refused(b, &e, BOOK_KEY, "blk:B1:accept came again");
    book_free(b);
}

#define AT_0 ",\"time_ms\":0}"

static void postings_that_the_event_does_not_make_are_refused(void **state)
{
    (void)state;
    struct book *b = traced(9, NULL);
    struct entry e;
    /* One satoshi less to the first and more to the second. */
    e = read_entry(
        "{\"key\":\"blk:B2:revive:4\",\"kind\":\"block_revived\",\"postings\":{"
        "\"coins.immature\":313734567,\"fee.immature\":-3137344,"
        "\"immature:m000001\":-31059722,\"immature:m000002\":-186358334,"
        "\"immature:m000003\":-93179167}" AT_0);
    refused(b, &e, BOOK_FORM,
            "a block_revived posts -31059723 to immature:m000001, not -31059722");
    /* A hold that moves to somebody else, or to the pool. */
    e = read_entry("{\"key\":\"mn:m000001:hold:1\",\"kind\":\"hold\",\"postings\":{"
                   "\"held:m000002\":-5,\"mature:m000001\":5}" AT_0);
    refused(b, &e, BOOK_FORM, "hold");
    e = read_entry("{\"key\":\"mn:m000001:hold:1\",\"kind\":\"hold\",\"postings\":{"
                   "\"fee\":-5,\"mature:m000001\":5}" AT_0);
    refused(b, &e, BOOK_FORM, "a hold posts 0 to mature:m000001, not 5");
    /* A payout that reserves less than it takes. */
    e = read_entry("{\"key\":\"po:po-1:reserve\",\"kind\":\"payout_reserved\","
                   "\"postings\":{\"fee\":-1,\"mature:m000001\":5,"
                   "\"reserved:po-1:m000001\":-4}" AT_0);
    refused(b, &e, BOOK_FORM, "posts 4 to mature:m000001, not 5");
    /* For another payout than its own. */
    e = read_entry("{\"key\":\"po:po-1:reserve\",\"kind\":\"payout_reserved\","
                   "\"postings\":{\"mature:m000001\":5,"
                   "\"reserved:po-2:m000001\":-5}" AT_0);
    refused(b, &e, BOOK_FORM, "reserved:po-");
    /* Coins for a miner's direct part, but no output that pays it. */
    e = read_entry("{\"key\":\"blk:B9:accept\",\"kind\":\"block_accepted\","
                   "\"postings\":{\"coins.direct\":5,\"immature:m000001\":-5}" AT_0);
    refused(b, &e, BOOK_FORM, "");
    /* A block that pays what it does not hold: I3. */
    e = read_entry("{\"key\":\"blk:B9:accept\",\"kind\":\"block_accepted\","
                   "\"postings\":{\"coins.immature\":5,\"capital\":1,"
                   "\"immature:m000001\":-6}" AT_0);
    refused(b, &e, BOOK_FORM, "no block_accepted has such postings");
    /* Maturity that forgets the fee, and one that pays a stranger. */
    book_free(b);
    b = traced(2, NULL);
    e = read_entry(
        "{\"key\":\"blk:B1:mature\",\"kind\":\"block_matured\",\"postings\":{"
        "\"coins.immature\":-317526183,\"coins.mature\":317526183,"
        "\"mature:m000001\":-157175461,\"mature:m000002\":-94305277,"
        "\"mature:m000003\":-62870185,\"immature:m000001\":157175461,"
        "\"immature:m000002\":94305277,\"immature:m000003\":62870185}" AT_0);
    refused(b, &e, BOOK_FORM, "a block_matured posts 3175260 to fee.immature, not 0");
    e = read_entry(
        "{\"key\":\"blk:B1:mature\",\"kind\":\"block_matured\",\"postings\":{"
        "\"coins.immature\":-317526183,\"coins.mature\":317526183,"
        "\"fee\":-3175260,\"fee.immature\":3175260,"
        "\"mature:m000004\":-157175461,\"mature:m000002\":-94305277,"
        "\"mature:m000003\":-62870185,\"immature:m000001\":157175461,"
        "\"immature:m000002\":94305277,\"immature:m000003\":62870185}" AT_0);
    refused(b, &e, BOOK_FORM, "mature:m000001");
    book_free(b);
}

static void money_that_is_not_there_is_not_moved(void **state)
{
    (void)state;
    struct book *b = traced(9, NULL);
    struct postings_hold h = {.miner = miner_n(1),
                              .n = 1,
                              .amount = sat(157175462),
                              .document = "",
                              .basis = two_persons()};
    struct postings_manual m = {.n = 9, .basis = two_persons()};
    struct payout_id id = payout_n(9);
    struct postings_due due = {miner_n(3), sat(1)}; /* all of it is held */
    struct entry e;
    assert_int_equal(postings_hold(&e, &h), KZ_OK);
    refused(b, &e, BOOK_I2, "I2: mature:m000001 comes to 1");
    assert_int_equal(postings_release(&e, &h), KZ_OK);
    refused(b, &e, BOOK_I2, "held:m000001");
    assert_int_equal(postings_reserve(&e, &id, &due, 1, 0), KZ_OK);
    refused(b, &e, BOOK_I2, "mature:m000003");
    assert_int_equal(postings_capital_out(&e, sat(322526184), &m), KZ_OK);
    refused(b, &e, BOOK_I2, "coins.mature comes to -1");
    assert_int_equal(postings_capital_in(&e, sat(AMOUNT_MAX_SAT), &m), KZ_OK);
    refused(b, &e, BOOK_RANGE, "coins.mature");
    book_free(b);
}

static void corrections_leave_blocks_and_payouts_alone(void **state)
{
    (void)state;
    struct book *b = traced(10, NULL);
    struct postings_manual m = {.id = "a1", .basis = two_persons()};
    static const char *const closed[] = {"immature:m000001", "coins.immature",
                                         "coins.direct", "fee.immature",
                                         "reserved:po-1:m000001"};
    struct entry e;
    for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++) {
        struct posting moved[2] = {{account_of(closed[i]), sat(5)},
                                   {account_of("fee"), sat(-5)}};
        assert_int_equal(postings_correction(&e, moved, 2, &m), KZ_OK);
        refused(b, &e, BOOK_FORM, "correction");
    }
    struct posting moved[2] = {{account_of("fee"), sat(5)},
                               {account_of("mature:m000001"), sat(-5)}};
    assert_int_equal(postings_correction(&e, moved, 2, &m), KZ_OK);
    applied(b, &e);
    holds(b);
    entry_clear(&e);
    book_free(b);
}

static void a_payout_that_comes_back_is_confirmed_again_with_another_fee(void **state)
{
    (void)state;
    struct book *b = traced(14, NULL);
    struct payout_id id = payout_n(2);
    struct entry_output outputs[2] = {{miner_n(2), 0, sat(94305277)},
                                      {miner_n(1), 1, sat(157175461)}};
    struct postings_settled s = {
        .txid = "T3", .outputs = outputs, .output_count = 2, .fee = sat(9000), .n = 2};
    struct entry e;
    assert_int_equal(postings_confirm(&e, book_reserve(b, &id), &s), KZ_OK);
    refused(b, &e, BOOK_ORDER, "the payout is confirmed");
    assert_int_equal(postings_unconfirm(&e, book_confirm(b, &id), 1, 0), KZ_OK);
    applied(b, &e);
    entry_clear(&e);
    holds(b);
    assert_int_equal(balance(b, "reserved:po-2:m000001"), -157175461);
    assert_int_equal(balance(b, "network_fee"), 0);
    s.n = 4;
    assert_int_equal(postings_confirm(&e, book_reserve(b, &id), &s), KZ_OK);
    refused(b, &e, BOOK_ORDER, "not the next");
    s.n = 2;
    assert_int_equal(postings_confirm(&e, book_reserve(b, &id), &s), KZ_OK);
    applied(b, &e);
    entry_clear(&e);
    holds(b);
    assert_int_equal(balance(b, "network_fee"), 9000);
    book_free(b);
}

static void a_payout_out_of_the_chain_for_good_is_abandoned(void **state)
{
    (void)state;
    struct book *b = traced(14, NULL);
    struct payout_id id = payout_n(2);
    struct entry e;
    assert_int_equal(postings_unconfirm(&e, book_confirm(b, &id), 1, 0), KZ_OK);
    applied(b, &e);
    entry_clear(&e);
    assert_int_equal(postings_abandon(&e, book_reserve(b, &id), 0), KZ_OK);
    applied(b, &e);
    entry_clear(&e);
    holds(b);
    assert_int_equal(balance(b, "mature:m000001"), -157175461);
    assert_int_equal(balance(b, "reserved:po-2:m000001"), 0);
    book_free(b);
}

static struct entry fee_of(const struct payout_id *id, int64_t fee, uint64_t n)
{
    struct entry e;
    assert_int_equal(postings_payout_fee(&e, id, sat(fee), "T9", n, 0), KZ_OK);
    return e;
}

static void apply_and_clear(struct book *b, struct entry *e)
{
    applied(b, e);
    entry_clear(e);
    holds(b);
}

static void a_joining_of_coins_books_its_fee_without_a_reserve(void **state)
{
    (void)state;
    struct book *b = traced(14, NULL);
    struct payout_id id = payout_n(7), other = payout_n(8);
    struct postings_due due = {miner_n(3), sat(1)};
    struct book_payout payout;
    int64_t coins = balance(b, "coins.mature"), fees = balance(b, "network_fee");
    struct entry e = fee_of(&id, 450, 1), again = fee_of(&id, 450, 3);
    assert_null(book_fee(b, &id));
    assert_int_equal(book_fee_number(b, &id), 0);
    apply_and_clear(b, &e);
    assert_int_equal(balance(b, "coins.mature"), coins - 450);
    assert_int_equal(balance(b, "network_fee"), fees + 450);
    assert_int_equal(book_payout(b, &payout, &id), KZ_EMPTY);
    assert_int_equal(book_fee_number(b, &id), 1);
    assert_null(book_fee(b, &other));
    /* A reorganisation takes it, another version comes with another fee. */
    assert_int_equal(postings_payout_fee_back(&e, book_fee(b, &id), 2, 0), KZ_OK);
    apply_and_clear(b, &e);
    assert_int_equal(balance(b, "coins.mature"), coins);
    assert_null(book_fee(b, &id));
    assert_int_equal(book_fee_number(b, &id), 2);
    apply_and_clear(b, &again);
    assert_string_equal(book_fee(b, &id)->reference, "T9");
    assert_int_equal(balance(b, "network_fee"), fees + 450);
    /* Its id is not for money of miners any more. */
    assert_int_equal(postings_reserve(&e, &id, &due, 1, 0), KZ_OK);
    refused(b, &e, BOOK_ORDER, "coins were joined");
    book_free(b);
}

static void a_payout_has_such_fees_at_any_stage(void **state)
{
    (void)state;
    struct book *b = traced(13, NULL);
    struct payout_id po1 = payout_n(1), po2 = payout_n(2);
    struct book_payout payout;
    struct entry e;
    assert_int_equal(book_payout(b, &payout, &po1), KZ_OK);
    assert_int_equal(payout.stage, BOOK_PAYOUT_CLOSED); /* abandoned */
    e = fee_of(&po1, 100, 1);
    apply_and_clear(b, &e);
    assert_int_equal(book_payout(b, &payout, &po2), KZ_OK);
    assert_int_equal(payout.stage, BOOK_PAYOUT_OPEN);
    e = fee_of(&po2, 100, 1);
    apply_and_clear(b, &e);
    assert_int_equal(trace_event(&e, b, 14), KZ_OK); /* its confirm, which is 0 still */
    apply_and_clear(b, &e);
    assert_int_equal(postings_payout_fee_back(&e, book_fee(b, &po2), 2, 0), KZ_OK);
    apply_and_clear(b, &e);
    assert_int_equal(postings_unconfirm(&e, book_confirm(b, &po2), 1, 0), KZ_OK);
    apply_and_clear(b, &e);
    assert_int_equal(postings_abandon(&e, book_reserve(b, &po2), 0), KZ_OK);
    apply_and_clear(b, &e);
    e = fee_of(&po2, 100, 3); /* the cancellation, found deep enough after it */
    apply_and_clear(b, &e);
    assert_int_equal(balance(b, "network_fee"), 200);
    book_free(b);
}

static void a_fee_and_its_back_take_turns(void **state)
{
    (void)state;
    struct book *b = traced(14, NULL);
    struct payout_id id = payout_n(7);
    struct entry fee = fee_of(&id, 450, 1), back, e;
    struct book_problem why;
    assert_int_equal(postings_payout_fee_back(&back, &fee, 2, 0), KZ_OK);
    entry_copy(&e, &back);
    refused(b, &e, BOOK_ORDER, "po:po-7:unfee:2 cannot follow: no fee is booked");
    e = fee_of(&id, 450, 3);
    refused(b, &e, BOOK_ORDER, "not the next");
    applied(b, &fee);
    e = fee_of(&id, 450, 3);
    refused(b, &e, BOOK_ORDER, "a fee is booked");
    entry_copy(&e, &back);
    e.key.n = 4;
    refused(b, &e, BOOK_ORDER, "not the next");
    assert_int_equal(book_apply(b, &why, &fee), KZ_EMPTY);
    e = fee_of(&id, 451, 1);
    refused(b, &e, BOOK_KEY, "another content");
    apply_and_clear(b, &back);
    assert_int_equal(book_apply(b, &why, &fee), KZ_EMPTY);
    e = fee_of(&id, balance(b, "coins.mature") + 1, 3);
    refused(b, &e, BOOK_I2, "coins.mature comes to -1");
    entry_clear(&fee);
    book_free(b);
}

static void a_fee_moves_coins_and_nothing_else(void **state)
{
    (void)state;
    struct book *b = traced(14, NULL);
    static const struct {
        const char *text;
        const char *part;
    } bad[] = {
        /* From a miner, below 0, of no transaction, with an output, of nothing. */
        {"{\"key\":\"po:po-7:fee:1\",\"kind\":\"payout_fee\",\"postings\":{"
         "\"mature:m000002\":-5,\"network_fee\":5},\"reference\":\"T\"" AT_0,
         "posts -5 to coins.mature, not 0"},
        {"{\"key\":\"po:po-7:fee:1\",\"kind\":\"payout_fee\",\"postings\":{"
         "\"coins.mature\":5,\"network_fee\":-5},\"reference\":\"T\"" AT_0,
         "no payout_fee has such postings"},
        {"{\"key\":\"po:po-7:fee:1\",\"kind\":\"payout_fee\",\"postings\":{"
         "\"coins.mature\":-5,\"network_fee\":5}" AT_0,
         "no payout_fee has such postings"},
        {"{\"key\":\"po:po-7:fee:1\",\"kind\":\"payout_fee\",\"outputs\":[["
         "\"m000001\",0,5]],\"postings\":{\"coins.mature\":-5,\"network_fee\":5},"
         "\"reference\":\"T\"" AT_0,
         "a payout_fee of po-7 has other outputs"},
        {"{\"key\":\"po:po-7:fee:1\",\"kind\":\"payout_fee\",\"postings\":{},"
         "\"reference\":\"T\"" AT_0,
         "no payout_fee has such postings"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct entry e = read_entry(bad[i].text);
        refused(b, &e, BOOK_FORM, bad[i].part);
    }
    struct payout_id id = payout_n(7);
    struct entry e = fee_of(&id, 450, 1);
    applied(b, &e);
    entry_clear(&e);
    /* A back of another amount. */
    e = read_entry("{\"key\":\"po:po-7:unfee:2\",\"kind\":\"payout_fee_back\","
                   "\"postings\":{\"coins.mature\":449,\"network_fee\":-449},"
                   "\"reference\":\"T9\"" AT_0);
    refused(b, &e, BOOK_FORM, "a payout_fee_back posts 450 to coins.mature, not 449");
    book_free(b);
}

static void outputs_are_those_of_the_entry_before(void **state)
{
    (void)state;
    struct book *b = traced(16, NULL);
    struct entry e;
    assert_int_equal(trace_mature(&e, b, "B3", 0), KZ_OK);
    e.outputs[2].vout = 3;
    refused(b, &e, BOOK_FORM, "a block_matured of B3 has other outputs");
    assert_int_equal(trace_mature(&e, b, "B3", 0), KZ_OK);
    e.output_count = 0;
    refused(b, &e, BOOK_FORM, "other outputs");
    assert_int_equal(trace_mature(&e, b, "B3", 0), KZ_OK);
    applied(b, &e);
    entry_clear(&e);
    book_free(b);
}

/* --- proofs over balances from elsewhere -------------------------------------------- */

static void found_wrong(const char *const accounts[], const int64_t sats[],
                        size_t count, enum book_rule rule, const char *part)
{
    struct book *b = book_new();
    struct book_problem why = {0};
    for (size_t i = 0; i < count; i++) {
        struct account a = account_of(accounts[i]);
        assert_int_equal(book_open_balance(b, &a, sat(sats[i])), KZ_OK);
    }
    enum kz_err err = book_check(b, &why);
    if (err != KZ_RANGE || why.rule != rule || strstr(why.text, part) == NULL)
        fail_msg("%s, rule %d: %s", kz_err_text(err), (int)why.rule, why.text);
    book_free(b);
}

static void balances_from_elsewhere_that_cannot_be_are_named(void **state)
{
    (void)state;
    static const char *const unbalanced[] = {"coins.mature", "fee"};
    static const char *const in_debit[] = {"mature:m000001", "fee"};
    static const char *const minus[] = {"coins.mature", "fee"};
    static const char *const pending[] = {"coins.immature", "fee.immature"};
    static const char *const reserved[] = {"coins.mature", "reserved:po-9:m000001"};
    static const int64_t five[] = {5, -5}, four[] = {5, -4}, turned[] = {-5, 5};
    found_wrong(unbalanced, four, 2, BOOK_I1, "I1: all accounts sum to 1, not 0");
    found_wrong(in_debit, five, 2, BOOK_I2, "I2: mature:m000001 comes to 5");
    found_wrong(minus, turned, 2, BOOK_I2, "I2: coins.mature comes to -5");
    found_wrong(pending, five, 2, BOOK_I3, "I3: coins.immature is 5, but");
    found_wrong(reserved, five, 2, BOOK_I6, "I6: reserved:po-9:m000001 is -5, but");
}

/* The sum in `at`, a satoshi off, is found; then it is put right again. */
static void found_when_off(const struct book *b, struct amount *at, const char *part)
{
    struct book_problem why = {0};
    struct amount right = *at;
    *at = sat(amount_to_sat(right) + 1);
    if (book_check(b, &why) != KZ_RANGE || strstr(why.text, part) == NULL)
        fail_msg("found: %s", why.text);
    *at = right;
    holds(b);
}

static void a_total_that_is_a_satoshi_off_is_named(void **state)
{
    (void)state;
    struct book *b = traced(10, NULL);
    struct book_miner *m1 = textmap_get(b->miners, "m000001");
    struct block_state *block = textmap_get(b->blocks, "B1");
    struct payout_state *payout = textmap_get(b->payouts, "po-1");
    found_when_off(b, &m1->paid, "I7: m000001 was debited 1, outputs paid 0");
    found_when_off(b, &m1->outputs, "I7: m000001");
    found_when_off(b, &m1->credited, "I8: the accounts of m000001 sum to 157175461");
    found_when_off(b, &m1->adjusted, "I8: the accounts of m000001");
    found_when_off(b, &block->seen.fee, "I3: block B1 pays 317526183");
    found_when_off(
        b, &payout->reserve.postings[2].amount,
        "I6: reserved:po-1:m000001 is -157175461, but open payouts reserved");
    book_free(b);
}

static void an_opening_balance_is_the_start_of_the_statement(void **state)
{
    (void)state;
    struct book *b = book_new();
    struct account mature = account_of("mature:m000001");
    struct account held = account_of("held:m000001"),
                   coins = account_of("coins.mature");
    struct miner_id miner = miner_n(1);
    struct book_miner m;
    struct entry e;
    assert_int_equal(book_open_balance(b, &mature, sat(-5)), KZ_OK);
    assert_int_equal(book_open_balance(b, &held, sat(-2)), KZ_OK);
    assert_int_equal(book_open_balance(b, &coins, sat(7)), KZ_OK);
    assert_int_equal(book_open_balance(b, &coins, sat(7)), KZ_RANGE);
    holds(b);
    assert_int_equal(book_miner(b, &m, &miner), KZ_OK);
    assert_int_equal(amount_to_sat(m.start), 7);
    assert_int_equal(amount_to_sat(m.end), 7);
    assert_int_equal(trace_capital(&e, 1, 5), KZ_OK);
    applied(b, &e);
    entry_clear(&e);
    struct account fee = account_of("fee");
    assert_int_equal(book_open_balance(b, &fee, sat(7)), KZ_RANGE);
    book_free(b);
}

static void a_balance_kept_elsewhere_that_differs_is_named(void **state)
{
    (void)state;
    struct book *b = traced(TRACE_STEPS, NULL);
    struct book_problem why = {0};
    size_t count;
    struct posting *list = book_balances(b, &count);
    assert_int_equal(book_compare(b, &why, list, count), KZ_OK);
    assert_int_equal(book_compare(b, &why, list, count - 1), KZ_RANGE);
    assert_non_null(
        strstr(why.text, "capital is kept as 0, but its entries sum to -5050"));
    list[0].amount = sat(amount_to_sat(list[0].amount) + 1);
    assert_int_equal(book_compare(b, &why, list, count), KZ_RANGE);
    assert_int_equal(why.rule, BOOK_BALANCE);
    assert_non_null(
        strstr(why.text,
               "coins.mature is kept as 885539821, but its entries sum to 885539820"));
    list[0] = (struct posting){account_of("held:m000007"), sat(-1)};
    assert_int_equal(book_compare(b, &why, list, count), KZ_RANGE);
    assert_non_null(strstr(why.text, "held:m000007 is kept as -1"));
    mem_free(list);
    book_free(b);
}

/* --- statements --------------------------------------------------------------------- */

static void a_statement_tells_what_was_credited_paid_and_reversed(void **state)
{
    (void)state;
    struct miner_id m1 = miner_n(1);
    struct statement s;
    statement_init(&s, &m1, 4, 15); /* from B2's accept to the confirm */
    struct book *b = traced(TRACE_STEPS, &s);
    assert_true(statement_is_sound(&s));
    assert_int_equal(amount_to_sat(s.start), 157175461);
    assert_int_equal(amount_to_sat(s.at_start.immature), 157175461);
    assert_int_equal(amount_to_sat(s.credited), 2 * 31059723);
    assert_int_equal(amount_to_sat(s.reversed), 2 * 31059723);
    assert_int_equal(amount_to_sat(s.paid), 157175461);
    assert_int_equal(amount_to_sat(s.adjusted), 0);
    assert_int_equal(amount_to_sat(s.end), 0);
    /* accept, orphan, revive, orphan, mature, reserve, abandon, reserve, confirm */
    assert_int_equal(s.line_count, 9);
    const struct statement_line *last = &s.lines[8];
    assert_int_equal(last->kind, ENTRY_PAYOUT_CONFIRMED);
    assert_string_equal(last->reference, "T2");
    assert_true(last->has_output);
    assert_int_equal(last->vout, 0);
    assert_int_equal(amount_to_sat(last->output), 157175461);
    assert_int_equal(amount_to_sat(last->change), -157175461);
    assert_int_equal(amount_to_sat(s.lines[4].change),
                     0); /* maturing changes nothing */
    assert_int_equal(amount_to_sat(s.lines[4].moved.mature), 157175461);
    statement_clear(&s);
    book_free(b);
}

static void a_coinbase_output_is_a_payment_when_it_can_be_spent(void **state)
{
    (void)state;
    struct miner_id m3 = miner_n(3);
    struct statement s;
    statement_init(&s, &m3, 16, 18);
    struct book *b = traced(TRACE_STEPS, &s);
    assert_true(statement_is_sound(&s));
    assert_int_equal(s.line_count, 2);
    assert_int_equal(amount_to_sat(s.credited), 3101451); /* the carry is not new */
    assert_int_equal(amount_to_sat(s.paid), 6234227);
    assert_string_equal(s.lines[1].reference, "B3");
    assert_int_equal(s.lines[1].vout, 2);
    statement_clear(&s);
    book_free(b);
}

static void a_hold_of_nothing_and_an_overpayment_are_lines(void **state)
{
    (void)state;
    struct miner_id m3 = miner_n(3), m9 = miner_n(9);
    struct statement s, t;
    statement_init(&s, &m3, 8, 9);
    statement_init(&t, &m9, 22, 24);
    book_free(traced(TRACE_STEPS, &s));
    book_free(traced(TRACE_STEPS, &t));
    assert_int_equal(s.line_count, 1);
    assert_int_equal(s.lines[0].kind, ENTRY_HOLD);
    assert_int_equal(amount_to_sat(t.adjusted), -1000);
    assert_int_equal(amount_to_sat(t.lines[0].moved.receivable), 1000);
    assert_int_equal(amount_to_sat(t.lines[1].change), 0);
    assert_true(statement_is_sound(&t));
    t.paid = sat(1);
    assert_false(statement_is_sound(&t));
    statement_clear(&s);
    statement_clear(&t);
}

/* --- properties: any interleaving ---------------------------------------------------- */

#define MINERS  5
#define BLOCKS  40
#define PAYOUTS 40
#define STEPS   400
#define ROUNDS  30

struct world {
    struct book *book;
    struct fixture_now now;
    uint64_t seed;
    struct entry log[STEPS];
    size_t log_count;
    size_t refused;
    uint64_t holds[MINERS + 1], releases[MINERS + 1], manual, work;
    size_t seen[ENTRY_KINDS];
};

static uint64_t pick(struct world *w, uint64_t below)
{
    w->seed ^= w->seed << 13;
    w->seed ^= w->seed >> 7;
    w->seed ^= w->seed << 17;
    return (w->seed >> 11) % below;
}

static int64_t owed(const struct world *w, enum account_name name, int miner)
{
    struct miner_id id = miner_n(miner);
    struct account a = account_miner(name, &id);
    return -amount_to_sat(book_balance(w->book, &a));
}

/* A split of a random reward; every other block pays some of its miners itself: their
 * part, less, or carry too, and now and then carry that is no longer there. */
static enum kz_err random_accept(struct world *w, struct entry *e, const char *block)
{
    struct postings_part parts[MINERS];
    struct postings_now hooks = fixture_hooks(&w->now);
    int64_t net = 0, direct = 0, fee = (int64_t)pick(w, 50);
    bool is_direct = pick(w, 2) == 0;
    size_t count = 1 + (size_t)pick(w, MINERS);
    for (size_t i = 0; i < count; i++) {
        int64_t part = (int64_t)pick(w, 1000), pay = 0;
        int64_t carry = owed(w, ACCOUNT_MATURE, (int)i + 1);
        if (is_direct && pick(w, 3) == 0)
            pay = part + (int64_t)pick(w, 1 + (uint64_t)carry) +
                  (pick(w, 8) == 0 ? (int64_t)pick(w, 100) : 0);
        else if (is_direct && pick(w, 3) == 0)
            pay = (int64_t)pick(w, 1 + (uint64_t)part);
        parts[i] = (struct postings_part){miner_n((int)i + 1), sat(part), sat(pay),
                                          (uint32_t)i};
        net += part;
        direct += pay;
    }
    /* What carry takes above the parts, the fee must cover. */
    if (direct > net + fee)
        fee = direct - net;
    struct postings_block b = {.block = block,
                               .time_ms = (int64_t)w->log_count,
                               .pool_outputs = sat(net + fee - direct),
                               .fee = sat(fee),
                               .own = sat(0),
                               .parts = parts,
                               .part_count = count};
    return postings_block_accept(e, &b, &hooks);
}

static enum kz_err random_block(struct world *w, struct entry *e)
{
    char name[8];
    struct book_block block;
    struct postings_now hooks = fixture_hooks(&w->now);
    int64_t time = (int64_t)w->log_count;
    snprintf(name, sizeof(name), "B%d", (int)pick(w, BLOCKS));
    if (book_block(w->book, &block, name) != KZ_OK)
        return random_accept(w, e, name);
    const struct entry *standing = book_standing(w->book, name);
    if (block.stage == BOOK_BLOCK_MATURE)
        return KZ_EMPTY;
    if (block.stage == BOOK_BLOCK_ORPHANED)
        return postings_block_revive(e, standing, block.n + 1, time, &hooks);
    if (pick(w, 2) == 0)
        return postings_block_orphan(e, standing, block.n + 1, time);
    return postings_block_mature(e, standing, time, &hooks);
}

static enum kz_err random_reserve(struct world *w, struct entry *e,
                                  const struct payout_id *id)
{
    struct postings_due due[MINERS];
    size_t count = 0;
    for (int m = 1; m <= MINERS; m++) {
        int64_t all = owed(w, ACCOUNT_MATURE, m);
        /* Sometimes a satoshi too many: it must be refused. */
        int64_t want = pick(w, 20) == 0 ? all + 1 : (int64_t)pick(w, (uint64_t)all + 1);
        if (want > 0 && pick(w, 2) == 0)
            due[count++] = (struct postings_due){miner_n(m), sat(want)};
    }
    return postings_reserve(e, id, due, count, (int64_t)w->log_count);
}

static enum kz_err random_confirm(struct world *w, struct entry *e,
                                  const struct entry *reserve, uint64_t n)
{
    struct entry_output outputs[MINERS];
    struct postings_settled s = {.txid = "T",
                                 .outputs = outputs,
                                 .fee = sat((int64_t)pick(w, 100)),
                                 .n = n,
                                 .time_ms = (int64_t)w->log_count};
    for (size_t i = 0; i < reserve->posting_count; i++) {
        const struct posting *p = &reserve->postings[i];
        if (p->account.name != ACCOUNT_RESERVED)
            continue;
        int64_t value = -amount_to_sat(p->amount);
        int64_t part = value > 9 ? (int64_t)pick(w, 10) : 0; /* of the fee */
        outputs[s.output_count] = (struct entry_output){
            p->account.miner, (uint32_t)s.output_count, sat(value - part)};
        s.output_count++;
    }
    return postings_confirm(e, reserve, &s);
}

/* Of a payout at whatever stage; the ids behind theirs are of joinings. */
static enum kz_err random_fee(struct world *w, struct entry *e)
{
    int which = (int)pick(w, PAYOUTS + 5);
    struct payout_id id = payout_n(which);
    uint64_t n = book_fee_number(w->book, &id) + 1;
    const struct entry *fee = book_fee(w->book, &id);
    struct book_payout payout;
    int64_t time = (int64_t)w->log_count;
    if (which < PAYOUTS && book_payout(w->book, &payout, &id) != KZ_OK)
        return KZ_EMPTY;
    if (fee != NULL)
        return postings_payout_fee_back(e, fee, n, time);
    return postings_payout_fee(e, &id, sat((int64_t)pick(w, 50)), "T", n, time);
}

static enum kz_err random_payout(struct world *w, struct entry *e)
{
    struct payout_id id = payout_n((int)pick(w, PAYOUTS));
    struct book_payout payout;
    int64_t time = (int64_t)w->log_count;
    if (book_payout(w->book, &payout, &id) != KZ_OK)
        return random_reserve(w, e, &id);
    if (payout.stage == BOOK_PAYOUT_CLOSED)
        return KZ_EMPTY;
    if (payout.stage == BOOK_PAYOUT_CONFIRMED)
        return postings_unconfirm(e, book_confirm(w->book, &id), payout.n + 1, time);
    const struct entry *reserve = book_reserve(w->book, &id);
    if (pick(w, 4) == 0)
        return postings_abandon(e, reserve, time);
    bool is_first = book_confirm(w->book, &id) == NULL;
    return random_confirm(w, e, reserve, is_first ? 0 : payout.n + 1);
}

static enum kz_err random_hold(struct world *w, struct entry *e)
{
    int m = 1 + (int)pick(w, MINERS);
    bool is_hold = !w->now.held[m] || pick(w, 3) == 0;
    struct postings_hold h = {
        .miner = miner_n(m),
        .n = is_hold ? ++w->holds[m] : ++w->releases[m],
        .amount = sat(owed(w, is_hold ? ACCOUNT_MATURE : ACCOUNT_HELD, m)),
        .document = "",
        .basis = two_persons(),
        .time_ms = (int64_t)w->log_count};
    w->now.held[m] = is_hold;
    return is_hold ? postings_hold(e, &h) : postings_release(e, &h);
}

static enum kz_err random_accrual(struct world *w, struct entry *e)
{
    int m = 1 + (int)pick(w, MINERS);
    struct postings_pps p = {.period = pick(w, 2) == 0 ? "a:1" : "b:2",
                             .miner = miner_n(m),
                             .work = w->work += 1 + pick(w, 1000),
                             .credit = sat((int64_t)pick(w, 200)),
                             .is_held = w->now.held[m],
                             .time_ms = (int64_t)w->log_count};
    return postings_pps_accrual(e, &p);
}

static enum kz_err random_manual(struct world *w, struct entry *e)
{
    char id[24];
    int m = 1 + (int)pick(w, MINERS);
    struct miner_id miner = miner_n(m);
    snprintf(id, sizeof(id), "a%d", (int)++w->manual);
    struct postings_manual by = {.id = id,
                                 .n = w->manual,
                                 .basis = two_persons(),
                                 .time_ms = (int64_t)w->log_count};
    int64_t receivable = -owed(w, ACCOUNT_RECEIVABLE, m);
    int64_t mature = owed(w, ACCOUNT_MATURE, m);
    int64_t both = receivable < mature ? receivable : mature;
    if (both > 0)
        return postings_set_off(e, &miner, sat(both), &by);
    return pick(w, 4) == 0 ? postings_overpayment(e, &miner, sat(5), &by)
                           : postings_capital_in(e, sat((int64_t)pick(w, 500)), &by);
}

static enum kz_err random_event(struct world *w, struct entry *e)
{
    switch (pick(w, 10)) {
    case 0:
    case 1:
    case 2:
    case 3:
        return random_block(w, e);
    case 4:
    case 5:
    case 6:
        return random_payout(w, e);
    case 7:
        return random_hold(w, e);
    case 8:
        return pick(w, 2) == 0 ? random_accrual(w, e) : random_fee(w, e);
    default:
        return random_manual(w, e);
    }
}

/* Only what spends may find that there is too little; what the chain or a registrar
 * decided is booked always. */
static bool may_be_refused(enum entry_kind kind)
{
    return kind == ENTRY_PAYOUT_RESERVED || kind == ENTRY_PAYOUT_CONFIRMED ||
           kind == ENTRY_PAYOUT_FEE || kind == ENTRY_OVERPAYMENT_FOUND;
}

static void step_world(struct world *w)
{
    struct entry e;
    struct book_problem why = {0};
    struct hash256 before = fingerprint(w->book), after;
    enum kz_err err = random_event(w, &e);
    if (err == KZ_EMPTY)
        return;
    assert_int_equal(err, KZ_OK);
    err = book_apply(w->book, &why, &e);
    holds(w->book);
    if (err == KZ_OK) {
        w->seen[e.key.kind]++;
        w->log[w->log_count++] = e;
        return;
    }
    after = fingerprint(w->book);
    assert_true(hash256_equal(&before, &after));
    if (err != KZ_RANGE || why.rule != BOOK_I2 || !may_be_refused(e.key.kind))
        fail_msg("a %s was refused: %s", entry_kind_name(e.key.kind), why.text);
    w->refused++;
    entry_clear(&e);
}

/* What was applied comes again, and comes again changed. */
static void disturb_world(struct world *w)
{
    struct book_problem why = {0};
    struct entry e;
    if (w->log_count == 0)
        return;
    struct hash256 before = fingerprint(w->book), after;
    entry_copy(&e, &w->log[pick(w, w->log_count)]);
    assert_int_equal(book_apply(w->book, &why, &e), KZ_EMPTY);
    if (e.posting_count >= 2) {
        e.postings[0].amount = sat(amount_to_sat(e.postings[0].amount) + 1);
        e.postings[1].amount = sat(amount_to_sat(e.postings[1].amount) - 1);
        assert_int_equal(book_apply(w->book, &why, &e), KZ_RANGE);
        assert_int_equal(why.rule, BOOK_KEY);
    }
    if (e.key.kind == ENTRY_BLOCK_ORPHANED || e.key.kind == ENTRY_BLOCK_REVIVED) {
        e.key.n += 50;
        assert_int_equal(book_apply(w->book, &why, &e), KZ_RANGE);
        assert_int_equal(why.rule, BOOK_ORDER);
    }
    after = fingerprint(w->book);
    assert_true(hash256_equal(&before, &after));
    entry_clear(&e);
}

static void never_paid_more_than_credited(const struct world *w)
{
    for (int m = 1; m <= MINERS; m++) {
        struct miner_id id = miner_n(m);
        struct book_miner t;
        if (book_miner(w->book, &t, &id) != KZ_OK)
            continue;
        int64_t due = amount_to_sat(t.credited) - amount_to_sat(t.reversed) +
                      amount_to_sat(t.adjusted) - owed(w, ACCOUNT_RECEIVABLE, m);
        assert_true(amount_to_sat(t.outputs) + amount_to_sat(t.fee_part) <= due);
        assert_true(amount_to_sat(t.fee_part) >= 0);
    }
}

static struct world *random_world(uint64_t seed)
{
    struct world *w = mem_new(sizeof(*w));
    w->book = book_new();
    w->now.book = w->book;
    w->seed = seed;
    while (w->log_count < STEPS - 20 && w->refused < STEPS) {
        step_world(w);
        if (pick(w, 4) == 0)
            disturb_world(w);
        never_paid_more_than_credited(w);
    }
    return w;
}

static void free_world(struct world *w)
{
    for (size_t i = 0; i < w->log_count; i++)
        entry_clear(&w->log[i]);
    book_free(w->book);
    mem_free(w);
}

#define SEED(round) (UINT64_C(0x9e3779b97f4a7c15) * ((uint64_t)(round) + 1))

static void any_interleaving_of_events_keeps_the_invariants(void **state)
{
    (void)state;
    size_t seen[ENTRY_KINDS] = {0}, refusals = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct world *w = random_world(SEED(round));
        for (size_t k = 0; k < ENTRY_KINDS; k++)
            seen[k] += w->seen[k];
        refusals += w->refused;
        free_world(w);
    }
    /* A generator that never makes an event proves nothing about it. */
    for (enum entry_kind k = ENTRY_BLOCK_ACCEPTED; k < ENTRY_KINDS; k++)
        if (k != ENTRY_CAPITAL_OUT && k != ENTRY_CORRECTION && seen[k] < 10)
            fail_msg("only %zu times: %s", seen[k], entry_kind_name(k));
    assert_true(refusals > 10);
}

/* The entry goes through its text, as a replay from a journal does. */
static enum kz_err apply_text(struct book *b, const struct entry *e)
{
    struct book_problem why;
    struct entry again;
    char *text = entry_format(e);
    assert_int_equal(entry_parse(&again, text, strlen(text)), KZ_OK);
    enum kz_err err = book_apply(b, &why, &again);
    entry_clear(&again);
    mem_free(text);
    return err;
}

static void replaying_any_prefix_twice_changes_nothing(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct world *w = random_world(SEED(1000 + round));
        struct book *b = book_new();
        size_t cut = pick(w, w->log_count + 1);
        for (size_t i = 0; i < cut; i++)
            assert_int_equal(apply_text(b, &w->log[i]), KZ_OK);
        struct hash256 at_cut = fingerprint(b), again, end = fingerprint(w->book);
        for (size_t i = 0; i < cut; i++)
            assert_int_equal(apply_text(b, &w->log[i]), KZ_EMPTY);
        again = fingerprint(b);
        assert_true(hash256_equal(&at_cut, &again));
        holds(b);
        for (size_t i = cut; i < w->log_count; i++)
            assert_int_equal(apply_text(b, &w->log[i]), KZ_OK);
        again = fingerprint(b);
        assert_true(hash256_equal(&end, &again));
        holds(b);
        book_free(b);
        free_world(w);
    }
}

static void statements_of_neighbouring_periods_meet(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct world *w = random_world(SEED(2000 + round));
        struct miner_id id = miner_n(1 + (int)pick(w, MINERS));
        int64_t edge = (int64_t)pick(w, STEPS);
        struct statement before, behind;
        struct book_miner m = {0};
        statement_init(&before, &id, 0, edge);
        statement_init(&behind, &id, edge, INT64_MAX);
        for (size_t i = 0; i < w->log_count; i++) {
            assert_int_equal(statement_add(&before, &w->log[i]), KZ_OK);
            assert_int_equal(statement_add(&behind, &w->log[i]), KZ_OK);
        }
        assert_true(statement_is_sound(&before) && statement_is_sound(&behind));
        assert_int_equal(amount_compare(before.end, behind.start), 0);
        if (book_miner(w->book, &m, &id) == KZ_OK) {
            struct amount paid;
            assert_int_equal(amount_compare(behind.end, m.end), 0);
            assert_true(amount_add(&paid, before.paid, behind.paid));
            assert_int_equal(amount_compare(paid, m.paid), 0);
        }
        statement_clear(&before);
        statement_clear(&behind);
        free_world(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_trace_ends_with_known_balances),
        cmocka_unit_test(what_outputs_paid_a_miner_is_known),
        cmocka_unit_test(blocks_and_payouts_tell_their_stage),
        cmocka_unit_test(events_out_of_their_order_are_refused),
        cmocka_unit_test(an_accrual_to_work_that_is_credited_already_is_refused),
        cmocka_unit_test(a_known_key_with_other_postings_is_told_apart_from_a_repeat),
        cmocka_unit_test(postings_that_the_event_does_not_make_are_refused),
        cmocka_unit_test(money_that_is_not_there_is_not_moved),
        cmocka_unit_test(corrections_leave_blocks_and_payouts_alone),
        cmocka_unit_test(a_payout_that_comes_back_is_confirmed_again_with_another_fee),
        cmocka_unit_test(a_payout_out_of_the_chain_for_good_is_abandoned),
        cmocka_unit_test(a_joining_of_coins_books_its_fee_without_a_reserve),
        cmocka_unit_test(a_payout_has_such_fees_at_any_stage),
        cmocka_unit_test(a_fee_and_its_back_take_turns),
        cmocka_unit_test(a_fee_moves_coins_and_nothing_else),
        cmocka_unit_test(outputs_are_those_of_the_entry_before),
        cmocka_unit_test(balances_from_elsewhere_that_cannot_be_are_named),
        cmocka_unit_test(a_total_that_is_a_satoshi_off_is_named),
        cmocka_unit_test(an_opening_balance_is_the_start_of_the_statement),
        cmocka_unit_test(a_balance_kept_elsewhere_that_differs_is_named),
        cmocka_unit_test(a_statement_tells_what_was_credited_paid_and_reversed),
        cmocka_unit_test(a_coinbase_output_is_a_payment_when_it_can_be_spent),
        cmocka_unit_test(a_hold_of_nothing_and_an_overpayment_are_lines),
        cmocka_unit_test(any_interleaving_of_events_keeps_the_invariants),
        cmocka_unit_test(replaying_any_prefix_twice_changes_nothing),
        cmocka_unit_test(statements_of_neighbouring_periods_meet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
