/* tests/unit/ledger_fixture.h - the events of ledger_trace.json, made by the builders,
 * and small things the tests of the ledger share. Include after cmocka.h. */
#ifndef TESTS_UNIT_LEDGER_FIXTURE_H
#define TESTS_UNIT_LEDGER_FIXTURE_H

#include "conf/mem.h"
#include "payout/book.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRACE_STEPS 23

static inline struct amount sat(int64_t n)
{
    struct amount a;
    assert_true(amount_from_sat(&a, n));
    return a;
}

static inline struct miner_id miner_n(int n)
{
    char text[16];
    struct miner_id id;
    snprintf(text, sizeof(text), "m%06d", n);
    assert_int_equal(miner_id_parse(&id, text, strlen(text)), KZ_OK);
    return id;
}

static inline struct payout_id payout_n(int n)
{
    char text[16];
    struct payout_id id;
    snprintf(text, sizeof(text), "po-%d", n);
    assert_int_equal(payout_id_parse(&id, text, strlen(text)), KZ_OK);
    return id;
}

static inline struct account account_of(const char *text)
{
    struct account a;
    if (account_parse(&a, text, strlen(text)) != KZ_OK)
        fail_msg("'%s' is no account", text);
    return a;
}

/* What `e` posts to the account named `text`. */
static inline int64_t posted(const struct entry *e, const char *text)
{
    struct account a = account_of(text);
    return amount_to_sat(entry_amount(e, &a));
}

static inline int64_t balance(const struct book *b, const char *text)
{
    struct account a = account_of(text);
    return amount_to_sat(book_balance(b, &a));
}

static inline const struct entry_basis *two_persons(void)
{
    static const struct entry_basis basis = {"decided at the meeting",
                                             {"op-1", "op-2"}};
    return &basis;
}

static inline const struct entry_basis *no_basis(void)
{
    static const struct entry_basis basis;
    return &basis;
}

/* Where money lies now: a book's balances, and a flag a miner. */
struct fixture_now {
    const struct book *book;
    bool held[10]; /* by miner number */
};

static inline struct amount fixture_balance(const void *ctx, const struct account *a)
{
    const struct fixture_now *now = ctx;
    return book_balance(now->book, a);
}

static inline bool fixture_is_held(const void *ctx, const struct miner_id *miner)
{
    const struct fixture_now *now = ctx;
    for (int n = 0; n < 10; n++) {
        struct miner_id id = miner_n(n);
        if (miner_id_equal(&id, miner))
            return now->held[n];
    }
    return false;
}

static inline struct postings_now fixture_hooks(const struct fixture_now *now)
{
    return (struct postings_now){fixture_balance, fixture_is_held, now};
}

static inline void applied(struct book *b, const struct entry *e)
{
    struct book_problem why = {0};
    enum kz_err err = book_apply(b, &why, e);
    if (err != KZ_OK)
        fail_msg("%s: %s", kz_err_text(err), why.text);
}

static inline void holds(const struct book *b)
{
    struct book_problem why = {0};
    if (book_check(b, &why) != KZ_OK)
        fail_msg("%s", why.text);
}

static inline enum kz_err trace_capital(struct entry *e, uint64_t n, int64_t amount)
{
    struct postings_manual m = {.n = n, .basis = two_persons()};
    return postings_capital_in(e, sat(amount), &m);
}

static inline enum kz_err trace_block(struct entry *e, const char *block, int64_t value,
                                      int64_t fee, const int64_t net[3])
{
    struct postings_part parts[3];
    struct postings_block b = {.block = block,
                               .pool_outputs = sat(value),
                               .fee = sat(fee),
                               .own = sat(0),
                               .parts = parts,
                               .part_count = 3};
    for (int i = 0; i < 3; i++)
        parts[i] = (struct postings_part){miner_n(i + 1), sat(net[i]), sat(0), 0};
    return postings_block_accept(e, &b, NULL);
}

/* The coinbase pays all three, the third its carry too. */
static inline enum kz_err trace_direct(struct entry *e, const struct book *book)
{
    struct fixture_now now = {.book = book};
    struct postings_now hooks = fixture_hooks(&now);
    struct postings_part parts[3] = {
        {miner_n(1), sat(217101500), sat(217101500), 0},
        {miner_n(2), sat(89942050), sat(89942050), 1},
        {miner_n(3), sat(3101451), sat(6234227), 2},
    };
    struct postings_block b = {.block = "B3",
                               .pool_outputs = sat(0),
                               .fee = sat(3132776),
                               .own = sat(0),
                               .parts = parts,
                               .part_count = 3};
    return postings_block_accept(e, &b, &hooks);
}

static inline enum kz_err trace_mature(struct entry *e, const struct book *book,
                                       const char *block, int held)
{
    struct fixture_now now = {.book = book};
    struct postings_now hooks = fixture_hooks(&now);
    now.held[held] = true;
    return postings_block_mature(e, book_standing(book, block), 0, &hooks);
}

static inline enum kz_err trace_hold(struct entry *e, bool is_hold, int64_t amount)
{
    struct postings_hold h = {.miner = miner_n(3),
                              .n = 1,
                              .amount = sat(amount),
                              .document = "",
                              .basis = two_persons()};
    return is_hold ? postings_hold(e, &h) : postings_release(e, &h);
}

static inline enum kz_err trace_reserve(struct entry *e, int payout)
{
    struct payout_id id = payout_n(payout);
    struct postings_due due[2] = {{miner_n(1), sat(157175461)},
                                  {miner_n(2), sat(94305277)}};
    return postings_reserve(e, &id, due, 2, 0);
}

static inline enum kz_err trace_confirm(struct entry *e, const struct book *book)
{
    struct payout_id id = payout_n(2);
    struct entry_output outputs[2] = {{miner_n(1), 0, sat(157175461)},
                                      {miner_n(2), 2, sat(94305277)}};
    struct postings_settled s = {
        .txid = "T2", .outputs = outputs, .output_count = 2, .fee = sat(4625)};
    return postings_confirm(e, book_reserve(book, &id), &s);
}

static inline enum kz_err trace_pps(struct entry *e)
{
    struct postings_pps p = {.period = "17030ecd:312500000",
                             .miner = miner_n(9),
                             .work = 20599365234375000,
                             .credit = sat(66927017)};
    return postings_pps_accrual(e, &p);
}

static inline enum kz_err trace_overpaid(struct entry *e, bool is_found)
{
    struct miner_id miner = miner_n(9);
    struct postings_manual m = {.id = is_found ? "op-1" : "op-2",
                                .basis = two_persons()};
    return is_found ? postings_overpayment(e, &miner, sat(1000), &m)
                    : postings_set_off(e, &miner, sat(1000), &m);
}

/* The event of step 1 to 23, given what the steps before it made of the book. A retry
 * is the builder called again on the state it was called on first. */
static inline enum kz_err trace_event(struct entry *e, const struct book *b, int step)
{
    static const int64_t b1[3] = {157175461, 94305277, 62870185};
    static const int64_t b2[3] = {31059723, 186358333, 93179167};
    struct payout_id po1 = payout_n(1);
    switch (step) {
    case 1:
        return trace_capital(e, 1, 5000000);
    case 2:
    case 3:
        return trace_block(e, "B1", 317526183, 3175260, b1);
    case 4:
        return trace_block(e, "B2", 313734567, 3137344, b2);
    case 5:
        return postings_block_orphan(e, book_standing(b, "B2"), 1, 0);
    case 6:
        return postings_block_revive(e, book_standing(b, "B2"), 2, 0, NULL);
    case 7:
        return postings_block_orphan(e, book_standing(b, "B2"), 3, 0);
    case 8:
        return trace_hold(e, true, 0);
    case 9:
        return trace_mature(e, b, "B1", 3);
    case 10:
    case 11:
        return trace_reserve(e, 1);
    case 12:
        return postings_abandon(e, book_reserve(b, &po1), 0);
    case 13:
        return trace_reserve(e, 2);
    case 14:
        return trace_confirm(e, b);
    case 15:
        return trace_hold(e, false, 62870185);
    case 16:
        return trace_direct(e, b);
    case 17:
        return trace_mature(e, b, "B3", 0);
    case 18:
        return trace_capital(e, 2, 500000000);
    case 19:
        return trace_pps(e);
    case 20:
        return postings_block_pps(e, "B4", sat(314500000), 0);
    case 21:
        return trace_mature(e, b, "B4", 0);
    case 22:
        return trace_overpaid(e, true);
    default:
        return trace_overpaid(e, false);
    }
}

static inline bool trace_is_repeat(int step)
{
    return step == 3 || step == 11;
}

#endif
