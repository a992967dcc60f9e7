/* The oldest debts are paid first, and a payment knows which they were. */
#include "payout/lots.h"
#include "payout/postings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct miner_id alice = {.text = "alice"}, bob = {.text = "bob"};

static struct amount sat(int64_t v)
{
    struct amount a;
    assert_true(amount_from_sat(&a, v));
    return a;
}

static void follow(struct lots *l, struct entry *e)
{
    assert_int_equal(entry_seal(e), KZ_OK);
    assert_int_equal(lots_follow(l, &alice, e), KZ_OK);
    entry_clear(e);
}

/* A block's maturity; `held` of it goes to held. */
static void credit(struct lots *l, const char *block, int64_t time_ms, int64_t v,
                   bool held)
{
    struct entry e;
    struct account to = account_miner(held ? ACCOUNT_HELD : ACCOUNT_MATURE, &alice),
                   from = account_miner(ACCOUNT_IMMATURE, &alice);
    entry_init(&e, ENTRY_BLOCK_MATURED, time_ms);
    snprintf(e.key.object, sizeof(e.key.object), "%s", block);
    snprintf(e.reference, sizeof(e.reference), "%s", block);
    entry_post(&e, &to, sat(-v));
    entry_post(&e, &from, sat(v));
    follow(l, &e);
}

static struct entry reserve(struct lots *l, const char *payout, int64_t v)
{
    struct entry e;
    struct payout_id id;
    const struct postings_due due[] = {{alice, sat(v)}, {bob, sat(77)}};
    assert_int_equal(payout_id_parse(&id, payout, strlen(payout)), KZ_OK);
    assert_int_equal(postings_reserve(&e, &id, due, 2, 50), KZ_OK);
    assert_int_equal(lots_follow(l, &alice, &e), KZ_OK);
    return e;
}

static void expect(const struct lot *rows, size_t count, size_t wanted, ...)
{
    va_list args;
    assert_int_equal(count, wanted);
    va_start(args, wanted);
    for (size_t i = 0; i < wanted; i++) {
        assert_string_equal(rows[i].reference, va_arg(args, const char *));
        assert_int_equal(amount_to_sat(rows[i].sat), va_arg(args, int));
    }
    va_end(args);
}

static void a_payout_takes_the_oldest_lots_and_names_them(void **state)
{
    (void)state;
    struct lots l = {.first = 0};
    size_t n;
    credit(&l, "b1", 1, 100, false);
    credit(&l, "b2", 2, 50, true);
    credit(&l, "b3", 3, 30, false);
    struct entry e = reserve(&l, "po-1", 120);
    const struct lot *rows = lots_of_payout(&l, "po-1", &n);
    expect(rows, n, 2, "b1", 100, "b2", 20);
    rows = lots_left(&l, &n);
    expect(rows, n, 2, "b2", 30, "b3", 30);
    assert_null(lots_of_payout(&l, "po-2", &n));
    assert_int_equal(n, 0);
    entry_clear(&e);
    lots_clear(&l);
}

static void what_was_given_up_is_the_oldest_again(void **state)
{
    (void)state;
    struct lots l = {.first = 0};
    struct entry back;
    size_t n;
    credit(&l, "b1", 1, 100, false);
    struct entry e = reserve(&l, "po-1", 100);
    credit(&l, "b2", 2, 50, false);
    assert_int_equal(postings_abandon(&back, &e, 60), KZ_OK);
    assert_int_equal(lots_follow(&l, &alice, &back), KZ_OK);
    const struct lot *rows = lots_left(&l, &n);
    expect(rows, n, 2, "b1", 100, "b2", 50);
    assert_null(lots_of_payout(&l, "po-1", &n));
    entry_clear(&back);
    entry_clear(&e);
    lots_clear(&l);
}

static void a_hold_moves_nothing(void **state)
{
    (void)state;
    struct lots l = {.first = 0};
    struct entry e;
    size_t n;
    credit(&l, "b1", 1, 100, false);
    entry_init(&e, ENTRY_HOLD, 5);
    e.key.miner = alice;
    e.key.n = 1;
    struct account mature = account_miner(ACCOUNT_MATURE, &alice),
                   held = account_miner(ACCOUNT_HELD, &alice);
    entry_post(&e, &mature, sat(100));
    entry_post(&e, &held, sat(-100));
    follow(&l, &e);
    const struct lot *rows = lots_left(&l, &n);
    expect(rows, n, 1, "b1", 100);
    lots_clear(&l);
}

/* Random credits and payouts: what is left and what was claimed sum to what came. */
static void lots_and_claims_sum_to_the_credits(void **state)
{
    (void)state;
    unsigned seed = 7;
    for (int round = 0; round < 200; round++) {
        struct lots l = {.first = 0};
        int64_t came = 0, gone = 0, sum = 0;
        char name[32];
        size_t n;
        for (int i = 0; i < 30; i++) {
            int64_t v = 1 + rand_r(&seed) % 1000;
            snprintf(name, sizeof(name), "x%d", i);
            if (rand_r(&seed) % 3 != 0 || v > came - gone) {
                credit(&l, name, i, v, rand_r(&seed) % 2 == 0);
                came += v;
                continue;
            }
            struct entry e = reserve(&l, name, v);
            entry_clear(&e);
            gone += v;
            int64_t claimed = 0;
            const struct lot *rows = lots_of_payout(&l, name, &n);
            for (size_t k = 0; k < n; k++)
                claimed += amount_to_sat(rows[k].sat);
            assert_int_equal(claimed, v);
        }
        const struct lot *rows = lots_left(&l, &n);
        for (size_t k = 0; k < n; k++) {
            sum += amount_to_sat(rows[k].sat);
            assert_true(k == 0 || rows[k].time_ms > rows[k - 1].time_ms);
        }
        assert_int_equal(sum, came - gone);
        lots_clear(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_payout_takes_the_oldest_lots_and_names_them),
        cmocka_unit_test(what_was_given_up_is_the_oldest_again),
        cmocka_unit_test(a_hold_moves_nothing),
        cmocka_unit_test(lots_and_claims_sum_to_the_credits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
