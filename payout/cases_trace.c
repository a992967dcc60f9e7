#include "payout/cases_trace.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static struct amount sat(int64_t n)
{
    struct amount a;
    bool is_money = amount_from_sat(&a, n);
    assert(is_money);
    return a;
}

static struct miner_id miner_n(int n)
{
    char text[16];
    struct miner_id id;
    snprintf(text, sizeof(text), "m%06d", n);
    enum kz_err err = miner_id_parse(&id, text, strlen(text));
    assert(err == KZ_OK);
    return id;
}

static struct payout_id payout_n(int n)
{
    char text[16];
    struct payout_id id;
    snprintf(text, sizeof(text), "po-%d", n);
    enum kz_err err = payout_id_parse(&id, text, strlen(text));
    assert(err == KZ_OK);
    return id;
}

static const struct entry_basis *two_persons(void)
{
    static const struct entry_basis basis = {"decided at the meeting",
                                             {"op-1", "op-2"}};
    return &basis;
}

/* Where money lies now, and at most one miner that is held. */
struct trace_now {
    const struct book *book;
    int held;
};

static struct amount balance_now(const void *ctx, const struct account *a)
{
    const struct trace_now *now = ctx;
    return book_balance(now->book, a);
}

static bool is_held_now(const void *ctx, const struct miner_id *miner)
{
    const struct trace_now *now = ctx;
    struct miner_id held = miner_n(now->held);
    return now->held != 0 && miner_id_equal(&held, miner);
}

static struct postings_now hooks_of(const struct trace_now *now)
{
    return (struct postings_now){balance_now, is_held_now, now};
}

enum kz_err trace_capital(struct entry *e, uint64_t n, int64_t amount)
{
    struct postings_manual m = {.n = n, .basis = two_persons()};
    return postings_capital_in(e, sat(amount), &m);
}

enum kz_err trace_block(struct entry *e, const char *block, int64_t value, int64_t fee,
                        const int64_t net[3])
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
static enum kz_err trace_direct(struct entry *e, const struct book *book)
{
    struct trace_now now = {.book = book};
    struct postings_now hooks = hooks_of(&now);
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

enum kz_err trace_mature(struct entry *e, const struct book *book, const char *block,
                         int held)
{
    struct trace_now now = {.book = book, .held = held};
    struct postings_now hooks = hooks_of(&now);
    return postings_block_mature(e, book_standing(book, block), 0, &hooks);
}

static enum kz_err trace_hold(struct entry *e, bool is_hold, int64_t amount)
{
    struct postings_hold h = {.miner = miner_n(3),
                              .n = 1,
                              .amount = sat(amount),
                              .document = "",
                              .basis = two_persons()};
    return is_hold ? postings_hold(e, &h) : postings_release(e, &h);
}

enum kz_err trace_reserve(struct entry *e, int payout)
{
    struct payout_id id = payout_n(payout);
    struct postings_due due[2] = {{miner_n(1), sat(157175461)},
                                  {miner_n(2), sat(94305277)}};
    return postings_reserve(e, &id, due, 2, 0);
}

static enum kz_err trace_confirm(struct entry *e, const struct book *book)
{
    struct payout_id id = payout_n(2);
    struct entry_output outputs[2] = {{miner_n(1), 0, sat(157175461)},
                                      {miner_n(2), 2, sat(94305277)}};
    struct postings_settled s = {
        .txid = "T2", .outputs = outputs, .output_count = 2, .fee = sat(4625)};
    return postings_confirm(e, book_reserve(book, &id), &s);
}

static enum kz_err trace_pps(struct entry *e)
{
    struct postings_pps p = {.period = "17030ecd:312500000",
                             .miner = miner_n(9),
                             .work = 20599365234375000,
                             .credit = sat(66927017)};
    return postings_pps_accrual(e, &p);
}

static enum kz_err trace_overpaid(struct entry *e, bool is_found)
{
    struct miner_id miner = miner_n(9);
    struct postings_manual m = {.id = is_found ? "op-1" : "op-2",
                                .basis = two_persons()};
    return is_found ? postings_overpayment(e, &miner, sat(1000), &m)
                    : postings_set_off(e, &miner, sat(1000), &m);
}

enum kz_err trace_event(struct entry *e, const struct book *b, int step)
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

bool trace_is_repeat(int step)
{
    return step == 3 || step == 11;
}
