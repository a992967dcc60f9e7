#include "payout/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "conf/mem.h"
#include "tests/unit/coins_fixture.h"

#define MOST_DUES  60
#define MOST_COINS 30
#define BITCOIN    INT64_C(100000000)

static struct plan_terms plain(int64_t sat_per_kvb, enum plan_payer payer)
{
    const struct amount none = sat(AMOUNT_MAX_SAT);
    return (struct plan_terms){.coins = plain_terms(sat_per_kvb),
                               .payer = payer,
                               .max_fee_share_ppm = 100000,
                               .minimum = sat(10000),
                               .outputs_max = 2000,
                               .caps = {none, none, none}};
}

/* P2WPKH for even numbers, P2TR for odd ones. */
static struct address address_number(unsigned n)
{
    struct address a = {.type = n % 2 == 0 ? ADDRESS_P2WPKH : ADDRESS_P2TR,
                        .script_len = n % 2 == 0 ? 22 : 34};
    a.script[0] = n % 2 == 0 ? 0x00 : 0x51;
    a.script[1] = (uint8_t)(a.script_len - 2);
    write_le32(a.script + 2, n);
    return a;
}

static struct plan_due due_number(unsigned n, int64_t amount)
{
    return (struct plan_due){
        .miner = miner_number(n), .amount = sat(amount), .to = address_number(n)};
}

static void make(struct plan *p, const struct plan_terms *terms,
                 const struct plan_due *dues, size_t due_count,
                 const struct coin *coins, size_t coin_count)
{
    struct plan_problem problem;
    const struct plan_input in = {dues, due_count, coins, coin_count};
    *p = (struct plan){0};
    assert_int_equal(plan_make(p, &problem, &in, terms), KZ_OK);
}

static enum plan_reason reason_of(const struct plan *p, unsigned number)
{
    struct miner_id id = miner_number(number);
    for (size_t i = 0; i < p->wait_count; i++)
        if (miner_id_equal(&p->waits[i].miner, &id))
            return p->waits[i].reason;
    return PLAN_FREE;
}

/* --- one case at a time ----------------------------------------------------------- */

static void the_pool_pays_the_fee_and_each_gets_all_that_is_due(void **state)
{
    (void)state;
    struct plan_terms terms = plain(2000, PLAN_POOL_PAYS);
    struct plan_due dues[2] = {due_number(4, 3000000), due_number(2, 2000000)};
    struct coin coins[1] = {coin_number(1, BITCOIN)};
    struct plan p;
    make(&p, &terms, dues, 2, coins, 1);
    assert_int_equal(p.chunk_count, 1);
    assert_int_equal(p.wait_count, 0);
    const struct plan_chunk *c = &p.chunks[0];
    assert_string_equal(c->recipients[0].miner.text, "m000002");
    assert_int_equal(c->recipients[0].paid.sat, 2000000);
    assert_int_equal(c->recipients[1].paid.sat, 3000000);
    /* 4 * (10 + 31 + 31 + 43) + 230 + 2 = 692 units, 173 vB. */
    assert_int_equal(c->vsize, 173);
    assert_int_equal(c->fee.sat, 346);
    assert_int_equal(c->payees_fee.sat, 0);
    assert_int_equal(c->change.sat, BITCOIN - 5000000 - 346);
    assert_int_equal(p.debit.sat, 5000000);
    assert_int_equal(p.caps_exceeded, 0);
    plan_clear(&p);
}

static void payees_share_the_fee_by_what_they_are_due(void **state)
{
    (void)state;
    struct plan_terms terms = plain(2000, PLAN_PAYEES_PAY);
    struct plan_due dues[2] = {due_number(2, 2000000), due_number(4, 3000000)};
    struct coin coins[1] = {coin_number(1, BITCOIN)};
    struct plan p;
    make(&p, &terms, dues, 2, coins, 1);
    const struct plan_chunk *c = &p.chunks[0];
    /* 346 by 2 : 3 is 138.4 and 207.6. */
    assert_int_equal(c->recipients[0].fee_part.sat, 138);
    assert_int_equal(c->recipients[1].fee_part.sat, 208);
    assert_int_equal(c->recipients[1].paid.sat, 3000000 - 208);
    assert_int_equal(c->debit.sat, 5000000);
    assert_int_equal(c->payees_fee.sat, 346);
    assert_int_equal(c->change.sat, BITCOIN - 5000000);
    plan_clear(&p);
}

static void a_rest_too_small_for_change_pays_before_the_payees_do(void **state)
{
    (void)state;
    struct plan_terms terms = plain(2000, PLAN_PAYEES_PAY);
    struct plan_due due = due_number(2, 1000000);
    struct coin coin = coin_number(1, 1000100);
    struct plan p;
    make(&p, &terms, &due, 1, &coin, 1);
    assert_false(p.chunks[0].has_change);
    assert_int_equal(p.chunks[0].fee.sat, 198); /* 99 vB */
    assert_int_equal(p.chunks[0].recipients[0].fee_part.sat, 98);
    assert_int_equal(p.chunks[0].recipients[0].debit.sat, 1000000);
    plan_clear(&p);
}

static void who_may_not_be_paid_waits_for_a_named_reason(void **state)
{
    (void)state;
    struct plan_terms terms = plain(2000, PLAN_POOL_PAYS);
    struct plan_due dues[10];
    struct coin coin = coin_number(1, BITCOIN);
    struct plan p;
    for (unsigned i = 0; i < 10; i++)
        dues[i] = due_number(2 * i, 20000);
    dues[1].blocked = PLAN_HELD;
    dues[1].note = "dispute 7";
    dues[2].blocked = PLAN_NO_ADDRESS;
    dues[2].to = (struct address){0};
    dues[3].blocked = PLAN_ADDRESS_WAITING;
    dues[4].blocked = PLAN_SCREENED;
    dues[5].amount = sat(9999);
    dues[6].minimum = sat(20001);
    dues[7].minimum = sat(20000);
    dues[8].amount = sat(0);
    dues[9].amount = sat(-5);
    make(&p, &terms, dues, 10, &coin, 1);
    assert_int_equal(p.wait_count, 6);
    assert_int_equal(reason_of(&p, 2), PLAN_HELD);
    assert_string_equal(p.waits[0].note, "dispute 7");
    assert_int_equal(reason_of(&p, 4), PLAN_NO_ADDRESS);
    assert_int_equal(reason_of(&p, 6), PLAN_ADDRESS_WAITING);
    assert_int_equal(reason_of(&p, 8), PLAN_SCREENED);
    assert_int_equal(reason_of(&p, 10), PLAN_BELOW_MINIMUM);
    assert_int_equal(reason_of(&p, 12), PLAN_BELOW_MINIMUM);
    assert_int_equal(p.chunks[0].recipient_count, 2);
    assert_int_equal(p.waiting.sat, 5 * 20000 + 9999);
    plan_clear(&p);
}

static void dust_is_not_paid_even_where_no_minimum_is_set(void **state)
{
    (void)state;
    struct plan_terms terms = plain(1000, PLAN_POOL_PAYS);
    struct coin coin = coin_number(1, BITCOIN);
    struct plan_due dues[3] = {due_number(2, 293), due_number(4, 294),
                               due_number(6, 10000)};
    struct plan p;
    terms.minimum = sat(0);
    make(&p, &terms, dues, 3, &coin, 1);
    assert_int_equal(reason_of(&p, 2), PLAN_DUST);
    assert_int_equal(reason_of(&p, 4), PLAN_FREE);
    plan_clear(&p);
    /* The fee makes dust of what was none; then there is nobody to share with. */
    terms.payer = PLAN_PAYEES_PAY;
    terms.max_fee_share_ppm = PLAN_PPM;
    make(&p, &terms, dues, 3, &coin, 1);
    assert_int_equal(reason_of(&p, 4), PLAN_DUST);
    assert_int_equal(p.chunks[0].recipient_count, 1);
    assert_int_equal(p.chunks[0].recipients[0].fee_part.sat, 142);
    plan_clear(&p);
}

static void the_smallest_dues_carry_until_the_fee_is_a_small_part(void **state)
{
    (void)state;
    struct plan_terms terms = plain(100000, PLAN_PAYEES_PAY);
    struct coin coin = coin_number(1, 10 * BITCOIN);
    struct plan_due dues[11];
    struct plan p;
    for (unsigned i = 0; i < 10; i++)
        dues[i] = due_number(2 * i, 10000 + 10 * (int64_t)i);
    dues[10] = due_number(20, 200000);
    /* All eleven: 452 vB, 45,200 of 300,450. Without three: 359 vB, 35,900 of
     * 270,420; each one less costs 3,100 and brings some 10,000 of due, so the part
     * falls down to 14,200 of 200,000, which is below 10%. */
    make(&p, &terms, dues, 11, &coin, 1);
    assert_int_equal(p.chunk_count, 1);
    const struct plan_chunk *c = &p.chunks[0];
    assert_true(c->payees_fee.sat * 10 <= c->debit.sat);
    assert_int_equal(reason_of(&p, 20), PLAN_FREE);
    assert_int_equal(reason_of(&p, 0), PLAN_FEE_SHARE);
    /* One more payee, the largest of those who wait, would be one too many. */
    int64_t more = c->debit.sat + dues[10 - c->recipient_count].amount.sat;
    int64_t fee = fee_of(terms.coins.rate, c->vsize + 31).sat;
    assert_true(fee * 10 > more);
    /* And it is the smallest that wait. */
    for (size_t i = 0; i < 11; i++)
        assert_int_equal(reason_of(&p, (unsigned)(2 * i)) != PLAN_FREE,
                         i < p.wait_count);
    plan_clear(&p);
}

static void nobody_is_paid_when_all_of_it_would_be_fee(void **state)
{
    (void)state;
    struct plan_terms terms = plain(1000000, PLAN_PAYEES_PAY);
    struct coin coin = coin_number(1, 10 * BITCOIN);
    struct plan_due dues[5];
    struct plan p;
    for (unsigned i = 0; i < 5; i++)
        dues[i] = due_number(i, 20000);
    make(&p, &terms, dues, 5, &coin, 1);
    assert_int_equal(p.chunk_count, 0);
    assert_int_equal(p.wait_count, 5);
    assert_int_equal(p.waits[4].reason, PLAN_FEE_SHARE);
    plan_clear(&p);
}

static void too_few_coins_pay_those_they_suffice_for(void **state)
{
    (void)state;
    struct plan_terms terms = plain(1000, PLAN_POOL_PAYS);
    struct plan_due dues[4] = {due_number(0, 60000), due_number(2, 90000),
                               due_number(4, 30000), due_number(6, 20000)};
    struct coin coin = coin_number(1, 100000);
    struct plan p;
    make(&p, &terms, dues, 4, &coin, 1);
    assert_int_equal(p.chunk_count, 1);
    assert_int_equal(p.debit.sat, 90000);
    assert_int_equal(reason_of(&p, 2), PLAN_NO_COINS);
    assert_int_equal(reason_of(&p, 6), PLAN_NO_COINS);
    plan_clear(&p);
    make(&p, &terms, dues, 4, NULL, 0);
    assert_int_equal(p.chunk_count, 0);
    assert_int_equal(p.wait_count, 4);
    plan_clear(&p);
    make(&p, &terms, NULL, 0, &coin, 1);
    assert_int_equal(p.chunk_count + p.wait_count, 0);
    plan_clear(&p);
}

static void too_many_small_coins_are_a_reason_of_their_own(void **state)
{
    (void)state;
    struct plan_terms terms = plain(1000, PLAN_POOL_PAYS);
    struct plan_due dues[2] = {due_number(0, 3000000), due_number(2, 50000)};
    static struct coin coins[2000];
    struct plan p;
    for (unsigned i = 0; i < 2000; i++)
        coins[i] = coin_number(i, 1800);
    make(&p, &terms, dues, 2, coins, 2000);
    assert_int_equal(reason_of(&p, 0), PLAN_SMALL_COINS);
    assert_int_equal(reason_of(&p, 2), PLAN_FREE);
    plan_clear(&p);
}

static void many_payees_are_cut_into_chunks_with_coins_of_their_own(void **state)
{
    (void)state;
    struct plan_terms terms = plain(1000, PLAN_PAYEES_PAY);
    struct plan_due *dues = mem_array(4500, sizeof(*dues));
    struct coin coins[4];
    struct plan p;
    for (unsigned i = 0; i < 4500; i++)
        dues[i] = due_number(2 * i, 20000);
    for (unsigned i = 0; i < 4; i++)
        coins[i] = coin_number(i, BITCOIN - i);
    make(&p, &terms, dues, 4500, coins, 4);
    assert_int_equal(p.chunk_count, 3);
    assert_int_equal(p.wait_count, 0);
    assert_int_equal(p.chunks[0].recipient_count, 1999); /* and change */
    assert_int_equal(p.chunks[1].recipient_count, 1999);
    assert_int_equal(p.chunks[2].recipient_count, 502);
    assert_string_equal(p.chunks[1].recipients[0].miner.text, "m003998");
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(p.chunks[i].coins[0].value.sat, BITCOIN - (int64_t)i);
    plan_clear(&p);
    /* Two coins only: the change of the second chunk is not money yet. */
    make(&p, &terms, dues, 4500, coins, 2);
    assert_int_equal(p.chunk_count, 2);
    assert_int_equal(p.wait_count, 502);
    assert_int_equal(p.waits[0].reason, PLAN_NO_COINS);
    plan_clear(&p);
    mem_free(dues);
}

static void no_chunk_is_larger_than_it_may_be(void **state)
{
    (void)state;
    struct plan_terms terms = plain(1000, PLAN_POOL_PAYS);
    struct plan_due dues[100];
    struct coin coins[5];
    struct plan p;
    for (unsigned i = 0; i < 100; i++)
        dues[i] = due_number(i, 20000);
    for (unsigned i = 0; i < 5; i++)
        coins[i] = coin_number(i, BITCOIN);
    terms.coins.vsize_max = 1200;
    make(&p, &terms, dues, 100, coins, 5);
    assert_int_equal(p.chunk_count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_in_range(p.chunks[i].vsize, i < 3 ? 1200 - 43 : 1, 1200);
    plan_clear(&p);
}

static void above_a_cap_a_person_is_asked_and_the_plan_is_whole(void **state)
{
    (void)state;
    struct plan_terms terms = plain(1000, PLAN_POOL_PAYS);
    struct plan_due dues[4];
    struct coin coins[2] = {coin_number(1, BITCOIN), coin_number(2, BITCOIN)};
    struct plan p;
    for (unsigned i = 0; i < 4; i++)
        dues[i] = due_number(i, 100000);
    terms.outputs_max = 3;
    terms.caps = (struct plan_caps){sat(200000), sat(400000), sat(400000)};
    make(&p, &terms, dues, 4, coins, 2);
    assert_int_equal(p.chunk_count, 2);
    assert_int_equal(p.caps_exceeded, 0);
    plan_clear(&p);
    terms.caps = (struct plan_caps){sat(199999), sat(400000), sat(399999)};
    make(&p, &terms, dues, 4, coins, 2);
    assert_int_equal(p.caps_exceeded, PLAN_CAP_PAYOUT | PLAN_CAP_DAY);
    assert_true(p.chunks[0].is_over_cap && p.chunks[1].is_over_cap);
    assert_int_equal(p.debit.sat, 400000);
    plan_clear(&p);
    terms.caps = (struct plan_caps){sat(200000), sat(399999), sat(400000)};
    make(&p, &terms, dues, 4, coins, 2);
    assert_int_equal(p.caps_exceeded, PLAN_CAP_RUN);
    plan_clear(&p);
}

static void sums_beyond_all_money_are_refused_by_name(void **state)
{
    (void)state;
    struct plan_terms terms = plain(1000, PLAN_POOL_PAYS);
    struct plan_due dues[3] = {due_number(3, AMOUNT_MAX_SAT / 2 + 1),
                               due_number(1, AMOUNT_MAX_SAT / 2 + 1), due_number(2, 5)};
    struct coin coins[2] = {coin_number(1, AMOUNT_MAX_SAT),
                            coin_number(2, AMOUNT_MAX_SAT)};
    struct plan_problem problem;
    struct plan p = {.wait_count = 77};
    struct plan_input in = {dues, 3, coins, 1};
    assert_int_equal(plan_make(&p, &problem, &in, &terms), KZ_RANGE);
    assert_string_equal(problem.miner.text, "m000003");
    assert_string_equal(problem.text, "amount overflow");
    in = (struct plan_input){dues, 1, coins, 2};
    assert_int_equal(plan_make(&p, &problem, &in, &terms), KZ_RANGE);
    assert_string_equal(problem.miner.text, "");
    assert_int_equal(p.wait_count, 77);
}

/* --- properties ------------------------------------------------------------------- */

struct world {
    struct plan_due dues[MOST_DUES];
    struct coin coins[MOST_COINS];
    struct plan_terms terms;
    size_t due_count, coin_count;
};

static void random_world(struct world *w, uint64_t *seed)
{
    w->terms = plain((int64_t)random_below(seed, 100000),
                     random_next(seed) % 2 == 0 ? PLAN_POOL_PAYS : PLAN_PAYEES_PAY);
    w->terms.coins.change = random_form(seed);
    w->terms.coins.vsize_max = 500 + random_next(seed) % 2000;
    w->terms.outputs_max = 2 + random_next(seed) % 30;
    w->terms.max_fee_share_ppm = random_next(seed) % 200000;
    w->terms.minimum = sat((int64_t)random_below(seed, 20000));
    w->due_count = random_next(seed) % MOST_DUES;
    w->coin_count = random_coins(seed, w->coins, MOST_COINS);
    for (unsigned i = 0; i < w->due_count; i++) {
        w->dues[i] = due_number(i, (int64_t)random_below(seed, 3 * BITCOIN) - 10);
        if (random_next(seed) % 8 == 0)
            w->dues[i].blocked = PLAN_HELD;
        if (random_next(seed) % 4 == 0)
            w->dues[i].minimum = sat((int64_t)random_below(seed, BITCOIN));
    }
}

static int64_t check_coins(const struct world *w, const struct plan_chunk *c)
{
    int64_t value = 0;
    for (size_t i = 0; i < c->coin_count; i++) {
        assert_true(coins_is_candidate(&c->coins[i], &w->terms.coins));
        value += c->coins[i].value.sat;
        if (i > 0)
            assert_true(tx_outpoint_compare(&c->coins[i - 1].from, &c->coins[i].from) <
                        0);
    }
    return value;
}

static void check_recipient(const struct world *w, const struct plan_recipient *r)
{
    struct bytes script = {r->to.script, r->to.script_len};
    assert_int_equal(r->debit.sat, r->fee_part.sat + r->paid.sat);
    assert_true(r->paid.sat >= fee_dust(script, w->terms.coins.dust_rate).sat);
    assert_true(r->fee_part.sat >= 0);
    assert_true((unsigned __int128)r->fee_part.sat * PLAN_PPM <=
                (unsigned __int128)r->debit.sat * w->terms.max_fee_share_ppm);
    assert_true(r->debit.sat >= w->terms.minimum.sat);
}

static void check_chunk(const struct world *w, const struct plan_chunk *c)
{
    int64_t debit = 0, paid = 0, parts = 0;
    for (size_t i = 0; i < c->recipient_count; i++) {
        check_recipient(w, &c->recipients[i]);
        debit += c->recipients[i].debit.sat;
        paid += c->recipients[i].paid.sat;
        parts += c->recipients[i].fee_part.sat;
    }
    assert_true(c->recipient_count > 0 && c->coin_count > 0);
    assert_true(c->recipient_count + c->has_change <= w->terms.outputs_max);
    assert_true(c->vsize <= w->terms.coins.vsize_max);
    assert_int_equal(debit, c->debit.sat);
    assert_int_equal(paid, c->paid.sat);
    assert_int_equal(parts, c->payees_fee.sat);
    assert_int_equal(debit, paid + parts);
    assert_int_equal(check_coins(w, c), paid + c->change.sat + c->fee.sat);
    assert_true(parts <= c->fee.sat);
    int64_t least = fee_of(w->terms.coins.rate, c->vsize).sat;
    int64_t spare =
        coins_min_change(&w->terms.coins).sat + fee_of(w->terms.coins.rate, 43).sat + 1;
    assert_in_range(c->fee.sat, least, c->has_change ? least : least + spare);
    if (w->terms.payer == PLAN_POOL_PAYS)
        assert_int_equal(parts, 0);
    if (c->has_change)
        assert_true(c->change.sat >= coins_min_change(&w->terms.coins).sat);
}

static bool coin_in(const struct plan_chunk *c, const struct tx_outpoint *from)
{
    for (size_t i = 0; i < c->coin_count; i++)
        if (tx_outpoint_equal(&c->coins[i].from, from))
            return true;
    return false;
}

static void check_plan(const struct world *w, const struct plan *p)
{
    int64_t debit = 0, waiting = 0, due = 0;
    size_t people = p->wait_count, owed = 0;
    for (size_t i = 0; i < p->chunk_count; i++) {
        check_chunk(w, &p->chunks[i]);
        debit += p->chunks[i].debit.sat;
        people += p->chunks[i].recipient_count;
        for (size_t k = 0; k < i; k++)
            for (size_t n = 0; n < p->chunks[k].coin_count; n++)
                assert_false(coin_in(&p->chunks[i], &p->chunks[k].coins[n].from));
    }
    for (size_t i = 0; i < p->wait_count; i++)
        waiting += p->waits[i].amount.sat;
    for (size_t i = 0; i < w->due_count; i++)
        if (w->dues[i].amount.sat > 0) {
            due += w->dues[i].amount.sat;
            owed++;
        }
    assert_int_equal(debit, p->debit.sat);
    assert_int_equal(waiting, p->waiting.sat);
    assert_int_equal(due, debit + waiting); /* nobody is lost, nobody is twice */
    assert_int_equal(people, owed);
}

static void plans_balance_for_random_dues_and_coins(void **state)
{
    (void)state;
    uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);
    size_t chunks = 0, reasons[PLAN_REASONS] = {0};
    for (int round = 0; round < 3000; round++) {
        struct world w;
        struct plan p;
        random_world(&w, &seed);
        make(&p, &w.terms, w.dues, w.due_count, w.coins, w.coin_count);
        check_plan(&w, &p);
        chunks += p.chunk_count;
        for (size_t i = 0; i < p.wait_count; i++)
            reasons[p.waits[i].reason]++;
        plan_clear(&p);
    }
    /* The random worlds are rich enough for all of it to have happened. */
    assert_true(chunks > 3000);
    assert_int_equal(reasons[PLAN_FREE], 0);
    for (int r = PLAN_BELOW_MINIMUM; r < PLAN_REASONS; r++)
        if (reasons[r] == 0)
            fail_msg("nobody waited for %s", plan_reason_name((enum plan_reason)r));
}

static void assert_same_chunk(const struct plan_chunk *a, const struct plan_chunk *b)
{
    assert_int_equal(a->recipient_count, b->recipient_count);
    assert_memory_equal(a->recipients, b->recipients,
                        a->recipient_count * sizeof(*a->recipients));
    assert_int_equal(a->coin_count, b->coin_count);
    for (size_t i = 0; i < a->coin_count; i++)
        assert_true(tx_outpoint_equal(&a->coins[i].from, &b->coins[i].from));
    assert_int_equal(a->fee.sat, b->fee.sat);
    assert_int_equal(a->change.sat, b->change.sat);
    assert_int_equal(a->vsize, b->vsize);
}

static void assert_same(const struct plan *a, const struct plan *b)
{
    assert_int_equal(a->chunk_count, b->chunk_count);
    assert_int_equal(a->wait_count, b->wait_count);
    for (size_t i = 0; i < a->chunk_count; i++)
        assert_same_chunk(&a->chunks[i], &b->chunks[i]);
    for (size_t i = 0; i < a->wait_count; i++) {
        assert_string_equal(a->waits[i].miner.text, b->waits[i].miner.text);
        assert_int_equal(a->waits[i].reason, b->waits[i].reason);
    }
}

static void shuffle(struct world *w, uint64_t *seed)
{
    for (size_t i = w->due_count; i > 1; i--) {
        size_t k = random_next(seed) % i;
        struct plan_due due = w->dues[i - 1];
        w->dues[i - 1] = w->dues[k];
        w->dues[k] = due;
    }
    for (size_t i = w->coin_count; i > 1; i--) {
        size_t k = random_next(seed) % i;
        struct coin coin = w->coins[i - 1];
        w->coins[i - 1] = w->coins[k];
        w->coins[k] = coin;
    }
}

static void the_order_of_the_input_changes_nothing(void **state)
{
    (void)state;
    uint64_t seed = UINT64_C(0x2545f4914f6cdd1d);
    for (int round = 0; round < 500; round++) {
        struct world w;
        struct plan p, again;
        random_world(&w, &seed);
        make(&p, &w.terms, w.dues, w.due_count, w.coins, w.coin_count);
        shuffle(&w, &seed);
        make(&again, &w.terms, w.dues, w.due_count, w.coins, w.coin_count);
        assert_same(&p, &again);
        plan_clear(&p);
        plan_clear(&again);
    }
}

/* --- the transaction -------------------------------------------------------------- */

static struct address address_of_hex(const char *hex)
{
    struct address a = {0};
    assert_int_equal(
        hex_decode_some(a.script, &a.script_len, sizeof(a.script), hex, strlen(hex)),
        KZ_OK);
    return a;
}

/* The vectors put change last. */
static void chunk_of_case(struct plan_chunk *c, struct address *change,
                          const json_t *one)
{
    const json_t *outputs = json_object_get(one, "outputs");
    const json_t *inputs = json_object_get(one, "inputs");
    *c = (struct plan_chunk){.recipient_count = json_array_size(outputs) - 1,
                             .coin_count = json_array_size(inputs),
                             .has_change = true};
    c->recipients = mem_array(c->recipient_count + 1, sizeof(*c->recipients));
    c->coins = mem_array(c->coin_count, sizeof(*c->coins));
    for (size_t i = 0; i < c->recipient_count; i++) {
        const json_t *o = json_array_get(outputs, i);
        c->recipients[i].paid = sat(number_at(o, "value_sat"));
        c->recipients[i].to = address_of_hex(text_at(o, "script_pubkey"));
    }
    const json_t *last = json_array_get(outputs, c->recipient_count);
    c->change = sat(number_at(last, "value_sat"));
    *change = address_of_hex(text_at(last, "script_pubkey"));
    for (size_t i = 0; i < c->coin_count; i++) {
        const json_t *in = json_array_get(inputs, i);
        const char *txid = text_at(in, "txid");
        c->coins[i].from.vout = (uint32_t)number_at(in, "vout");
        assert_int_equal(
            hash256_parse_display(&c->coins[i].from.txid, txid, strlen(txid)), KZ_OK);
    }
}

static void transactions_of_the_vectors_are_built(void **state)
{
    (void)state;
    json_t *file = vectors_json("payout/payout_tx.json");
    const json_t *cases = json_object_get(file, "cases");
    assert_int_equal(json_array_size(cases), 9);
    for (size_t i = 0; i < 9; i++) {
        const json_t *one = json_array_get(cases, i);
        struct plan plan = {.chunk_count = 1};
        struct address change;
        struct tx t;
        size_t len = 0;
        plan.chunks = mem_new(sizeof(*plan.chunks));
        chunk_of_case(plan.chunks, &change, one);
        plan_build_tx(&t, plan.chunks, (struct bytes){change.script, change.script_len},
                      plan.chunks->recipient_count,
                      (uint32_t)number_at(one, "locktime"));
        uint8_t *raw = tx_format(&len, &t, true);
        char *hex = mem_new(2 * len + 1);
        hex_encode(hex, raw, len);
        assert_string_equal(hex, text_at(one, "unsigned_tx"));
        mem_free(hex);
        mem_free(raw);
        tx_clear(&t);
        plan_clear(&plan);
    }
    json_decref(file);
}

static void change_may_stand_anywhere(void **state)
{
    (void)state;
    struct plan_terms terms = plain(2000, PLAN_POOL_PAYS);
    struct plan_due dues[3] = {due_number(2, 20000), due_number(4, 40000),
                               due_number(6, 60000)};
    struct coin coin = coin_number(1, BITCOIN);
    const uint8_t script[22] = {0x00, 0x14, 0xaa};
    struct plan p;
    make(&p, &terms, dues, 3, &coin, 1);
    for (size_t at = 0; at < 4; at++) {
        struct tx t;
        assert_int_equal(plan_change_position(&p.chunks[0], 4 * 77 + at), at);
        plan_build_tx(&t, &p.chunks[0], (struct bytes){script, 22}, at, 5);
        assert_int_equal(t.output_count, 4);
        for (size_t i = 0, k = 0; i < 4; i++)
            assert_int_equal(t.outputs[i].value.sat,
                             i == at ? p.chunks[0].change.sat : dues[k++].amount.sat);
        assert_memory_equal(t.outputs[at].script.p, script, 22);
        tx_clear(&t);
    }
    plan_clear(&p);
}

static void every_reason_has_a_name_and_a_text(void **state)
{
    (void)state;
    for (int r = 0; r < PLAN_REASONS; r++) {
        assert_non_null(plan_reason_name((enum plan_reason)r));
        assert_non_null(plan_reason_text((enum plan_reason)r));
    }
    assert_string_equal(plan_reason_name(PLAN_FEE_SHARE), "fee_share");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_pool_pays_the_fee_and_each_gets_all_that_is_due),
        cmocka_unit_test(payees_share_the_fee_by_what_they_are_due),
        cmocka_unit_test(a_rest_too_small_for_change_pays_before_the_payees_do),
        cmocka_unit_test(who_may_not_be_paid_waits_for_a_named_reason),
        cmocka_unit_test(dust_is_not_paid_even_where_no_minimum_is_set),
        cmocka_unit_test(the_smallest_dues_carry_until_the_fee_is_a_small_part),
        cmocka_unit_test(nobody_is_paid_when_all_of_it_would_be_fee),
        cmocka_unit_test(too_few_coins_pay_those_they_suffice_for),
        cmocka_unit_test(too_many_small_coins_are_a_reason_of_their_own),
        cmocka_unit_test(many_payees_are_cut_into_chunks_with_coins_of_their_own),
        cmocka_unit_test(no_chunk_is_larger_than_it_may_be),
        cmocka_unit_test(above_a_cap_a_person_is_asked_and_the_plan_is_whole),
        cmocka_unit_test(sums_beyond_all_money_are_refused_by_name),
        cmocka_unit_test(plans_balance_for_random_dues_and_coins),
        cmocka_unit_test(the_order_of_the_input_changes_nothing),
        cmocka_unit_test(transactions_of_the_vectors_are_built),
        cmocka_unit_test(change_may_stand_anywhere),
        cmocka_unit_test(every_reason_has_a_name_and_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
