#include "payout/scheme.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/payout_fixture.h"

#define SEED UINT64_C(0xda942042e4dd58b5)
#define MOST 24

static const enum scheme all_schemes[] = {
    SCHEME_PPLNS, SCHEME_TIDES,    SCHEME_PROP, SCHEME_PPS,
    SCHEME_FPPS,  SCHEME_PPS_PLUS, SCHEME_SOLO,
};
#define SCHEMES (sizeof(all_schemes) / sizeof(all_schemes[0]))

static const struct scheme_fees one_percent = {.pool_ppm = 10000};

static const struct scheme_part *part_of(const struct scheme_split *split,
                                         const char *who)
{
    for (size_t i = 0; i < split->count; i++)
        if (strcmp(split->parts[i].miner.text, who) == 0)
            return &split->parts[i];
    return NULL;
}

/* I3: whatever the scheme, the block is given out whole and nobody's part is negative. */
static void assert_whole(const struct scheme_split *split, struct amount reward)
{
    struct amount sum = amount_zero(), fees = amount_zero();
    for (size_t i = 0; i < split->count; i++) {
        const struct scheme_part *p = &split->parts[i];
        struct amount both;
        assert_false(amount_is_negative(p->fee) || amount_is_negative(p->net));
        assert_true(amount_add(&both, p->fee, p->net));
        assert_int_equal(amount_compare(both, p->gross), 0);
        assert_true(amount_add(&sum, sum, p->net));
        assert_true(amount_add(&fees, fees, p->fee));
    }
    assert_int_equal(amount_compare(fees, split->pool_fee), 0);
    assert_false(amount_is_negative(split->retained));
    assert_true(amount_add(&sum, sum, split->pool_fee));
    assert_true(amount_add(&sum, sum, split->retained));
    assert_int_equal(amount_compare(sum, reward), 0);
}

static void the_example_of_the_specification_comes_out(void **state)
{
    (void)state;
    const struct split_weight rows[] = {
        {miner("m01"), 60}, {miner("m02"), 60}, {miner("m03"), 8}};
    struct works counted = {0};
    assert_int_equal(works_add(&counted, rows, 3), KZ_OK);
    struct scheme_split split;
    struct scheme_block block = {.scheme = SCHEME_PPLNS,
                                 .reward = sat(312500000),
                                 .counted = &counted,
                                 .fees = &one_percent};
    assert_int_equal(scheme_split_block(&split, &block), KZ_OK);
    const struct scheme_part *third = part_of(&split, "m03");
    assert_true(amount_to_sat(third->gross) == 19531250);
    assert_true(amount_to_sat(third->fee) == 195312);
    assert_true(amount_to_sat(part_of(&split, "m01")->net) == 145019532);
    assert_true(amount_to_sat(split.pool_fee) == 3124998);
    assert_true(amount_is_zero(split.retained));
    assert_whole(&split, block.reward);
    scheme_split_clear(&split);
    works_clear(&counted);
}

static void each_miner_pays_its_own_fee(void **state)
{
    (void)state;
    const struct scheme_fee own[] = {{miner("m02"), 0}, {miner("m03"), 1000000}};
    const struct scheme_fees fees = {20000, own, 2};
    const struct split_weight rows[] = {
        {miner("m01"), 1}, {miner("m02"), 1}, {miner("m03"), 1}};
    struct works counted = {0};
    assert_int_equal(works_add(&counted, rows, 3), KZ_OK);
    struct scheme_split split;
    struct scheme_block block = {
        .scheme = SCHEME_PROP, .reward = sat(3000), .counted = &counted, .fees = &fees};
    assert_int_equal(scheme_split_block(&split, &block), KZ_OK);
    assert_true(amount_to_sat(part_of(&split, "m01")->fee) == 20);
    assert_true(amount_to_sat(part_of(&split, "m02")->fee) == 0);
    assert_true(amount_is_zero(part_of(&split, "m03")->net));
    assert_int_equal(part_of(&split, "m03")->fee_ppm, 1000000);
    scheme_split_clear(&split);
    works_clear(&counted);
}

static void rates_out_of_order_or_above_the_whole_are_refused(void **state)
{
    (void)state;
    const struct scheme_fee twice[] = {{miner("m02"), 1}, {miner("m02"), 2}};
    const struct scheme_fee high[] = {{miner("m02"), 1000001}};
    const struct scheme_fees bad[] = {
        {.pool_ppm = 1000001}, {0, twice, 2}, {0, high, 1}};
    struct scheme_split split = {.count = 77};
    for (size_t i = 0; i < 3; i++) {
        struct scheme_block block = {.scheme = SCHEME_SOLO,
                                     .reward = sat(100),
                                     .finder = miner("m01"),
                                     .fees = &bad[i]};
        assert_int_equal(scheme_split_block(&split, &block), KZ_RANGE);
    }
    struct scheme_block negative = {.scheme = SCHEME_SOLO,
                                    .reward = sat(-1),
                                    .finder = miner("m01"),
                                    .fees = &one_percent};
    assert_int_equal(scheme_split_block(&split, &negative), KZ_RANGE);
    assert_int_equal(split.count, 77);
}

static void a_block_without_counted_work_is_not_guessed_at(void **state)
{
    (void)state;
    struct works none = {0};
    struct scheme_split split = {.count = 77};
    struct scheme_block block = {.scheme = SCHEME_PPLNS,
                                 .reward = sat(100),
                                 .counted = &none,
                                 .fees = &one_percent};
    assert_int_equal(scheme_split_block(&split, &block), KZ_EMPTY);
    assert_int_equal(split.count, 77);
    block.reward = amount_zero();
    assert_int_equal(scheme_split_block(&split, &block), KZ_OK);
    assert_int_equal(split.count, 0);
}

static void a_block_of_pay_per_share_is_the_pools(void **state)
{
    (void)state;
    struct works counted = {0};
    works_add_one(&counted, miner("m01"), 5);
    for (int k = 0; k < 2; k++) {
        struct scheme_split split;
        struct scheme_block block = {.scheme = k == 0 ? SCHEME_PPS : SCHEME_FPPS,
                                     .reward = sat(312500000),
                                     .counted = &counted,
                                     .fees = &one_percent};
        assert_int_equal(scheme_split_block(&split, &block), KZ_OK);
        assert_int_equal(split.count, 0);
        assert_int_equal(amount_compare(split.retained, block.reward), 0);
        scheme_split_clear(&split);
    }
    works_clear(&counted);
}

static void pps_plus_shares_out_what_is_above_the_subsidy(void **state)
{
    (void)state;
    struct works counted = {0};
    works_add_one(&counted, miner("m01"), 5);
    struct scheme_split split;
    struct scheme_block block = {.scheme = SCHEME_PPS_PLUS,
                                 .reward = sat(312500100),
                                 .subsidy = sat(312500000),
                                 .counted = &counted,
                                 .fees = &one_percent};
    assert_int_equal(scheme_split_block(&split, &block), KZ_OK);
    assert_true(amount_to_sat(split.parts[0].gross) == 100);
    assert_true(amount_to_sat(split.parts[0].net) == 99);
    assert_true(amount_to_sat(split.retained) == 312500000);
    scheme_split_clear(&split);
    block.reward = sat(300); /* a coinbase that claimed less than the subsidy */
    assert_int_equal(scheme_split_block(&split, &block), KZ_OK);
    assert_true(amount_is_zero(split.parts[0].gross));
    assert_true(amount_to_sat(split.retained) == 300);
    scheme_split_clear(&split);
    works_clear(&counted);
}

static void solo_gives_all_but_the_fee_to_the_finder(void **state)
{
    (void)state;
    struct scheme_split split;
    struct scheme_block block = {.scheme = SCHEME_SOLO,
                                 .reward = sat(317526183),
                                 .finder = miner("m000005"),
                                 .fees = &one_percent};
    assert_int_equal(scheme_split_block(&split, &block), KZ_OK);
    assert_int_equal(split.count, 1);
    assert_true(amount_to_sat(split.parts[0].net) == 317526183 - 3175261);
    scheme_split_clear(&split);
}

static void names_of_schemes_are_read_back(void **state)
{
    (void)state;
    enum scheme s = SCHEME_TIDES;
    for (size_t i = 0; i < SCHEMES; i++) {
        const char *name = scheme_name(all_schemes[i]);
        assert_int_equal(scheme_parse(&s, name, strlen(name)), KZ_OK);
        assert_int_equal(s, all_schemes[i]);
    }
    assert_int_equal(scheme_parse(&s, "pps+", 4), KZ_PARSE);
    assert_int_equal(scheme_parse(&s, "", 0), KZ_PARSE);
    assert_int_equal(scheme_parse(&s, "pplnsx", 6), KZ_PARSE);
    assert_int_equal(s, SCHEME_SOLO);
}

/* No unit of work may earn the subsidy twice, whatever the scheme was changed to. */
static void work_paid_by_the_share_is_in_no_window_of_whole_blocks(void **state)
{
    (void)state;
    for (size_t i = 0; i < SCHEMES; i++)
        for (size_t k = 0; k < SCHEMES; k++) {
            struct slice s = {.id = 1, .regime = scheme_regime(all_schemes[i])};
            struct window w;
            works_add_one(&s.works, miner("m01"), 10);
            window_init(&w, 100, scheme_window_kind(all_schemes[k]));
            assert_int_equal(window_take(&w, &s), KZ_OK);
            if (scheme_pays_shares(all_schemes[i]) &&
                !scheme_pays_shares(all_schemes[k]))
                assert_true(w.counted.total == 0);
            if (i == k && scheme_regime(all_schemes[i]) != SLICE_PPS)
                assert_true(w.counted.total == 10);
            window_clear(&w);
            slice_clear(&s);
        }
    assert_int_equal(scheme_window_milli(SCHEME_TIDES), 8000);
    assert_int_equal(scheme_window_milli(SCHEME_PPLNS), 4000);
}

static size_t random_fees(uint64_t *seed, struct scheme_fee *own)
{
    size_t count = 0;
    for (unsigned i = 0; i < MOST; i++)
        if (random_next(seed) % 3 == 0)
            own[count++] = (struct scheme_fee){miner_number(2 * i),
                                               (uint32_t)(random_next(seed) % 1000001)};
    return count;
}

static void every_scheme_gives_out_the_whole_of_random_blocks(void **state)
{
    (void)state;
    uint64_t seed = SEED;
    for (int round = 0; round < 2000; round++) {
        struct split_weight rows[MOST];
        struct scheme_fee own[MOST];
        struct works counted = {0}, mixed = {0};
        struct scheme_split split, again;
        struct scheme_fees fees = {.pool_ppm = (uint32_t)(random_next(&seed) % 1000001),
                                   .own = own};
        fees.own_count = random_fees(&seed, own);
        random_weights(&seed, rows, MOST, UINT64_C(1) << 57);
        rows[3].weight++;
        assert_int_equal(works_add(&counted, rows, MOST), KZ_OK);
        random_shuffle(&seed, rows, MOST);
        assert_int_equal(works_add(&mixed, rows, MOST), KZ_OK);
        struct scheme_block block = {
            .scheme = all_schemes[(size_t)round % SCHEMES],
            .reward = sat((int64_t)random_below(&seed, AMOUNT_MAX_SAT)),
            .subsidy = sat((int64_t)random_below(&seed, AMOUNT_MAX_SAT)),
            .counted = &counted,
            .finder = miner("m000006"),
            .fees = &fees};
        assert_int_equal(scheme_split_block(&split, &block), KZ_OK);
        assert_whole(&split, block.reward);
        block.counted = &mixed;
        assert_int_equal(scheme_split_block(&again, &block), KZ_OK);
        assert_int_equal(split.count, again.count);
        for (size_t i = 0; i < split.count; i++) {
            assert_true(miner_id_equal(&split.parts[i].miner, &again.parts[i].miner));
            assert_int_equal(amount_compare(split.parts[i].net, again.parts[i].net), 0);
        }
        scheme_split_clear(&split);
        scheme_split_clear(&again);
        works_clear(&counted);
        works_clear(&mixed);
    }
}

/* --- each scheme over random histories of shares ------------------------------------ */

#define SHARES 60

struct history {
    struct miner_id who[SHARES];
    uint64_t work[SHARES];
    uint64_t span; /* of the window, where the scheme has one */
    struct scheme_fee own[MOST];
    struct scheme_fees fees;
    struct scheme_block block; /* without what counts */
};

static void random_history(struct history *h, uint64_t *seed, enum scheme scheme)
{
    uint64_t below = UINT64_C(1) << (1 + random_next(seed) % 50);
    for (size_t i = 0; i < SHARES; i++) {
        h->who[i] = miner_number(2 * (unsigned)(random_next(seed) % MOST));
        h->work[i] = 1 + random_below(seed, below);
    }
    h->span = scheme == SCHEME_PROP ? WINDOW_ROUND : 1 + random_below(seed, 40 * below);
    h->fees = (struct scheme_fees){.pool_ppm = (uint32_t)(random_next(seed) % 1000001),
                                   .own = h->own};
    h->fees.own_count = random_fees(seed, h->own);
    h->block = (struct scheme_block){
        .scheme = scheme,
        .reward = sat((int64_t)random_below(seed, AMOUNT_MAX_SAT)),
        .subsidy = sat((int64_t)random_below(seed, AMOUNT_MAX_SAT)),
        .finder = h->who[SHARES - 1],
        .fees = &h->fees};
}

/* The block over slices of one share each; the caller's to clear. */
static void split_history(struct scheme_split *split, const struct history *h)
{
    struct window w;
    struct scheme_block block = h->block;
    window_init(&w, h->span, scheme_window_kind(block.scheme));
    for (size_t i = SHARES; i-- > 0;) {
        struct slice s = {.id = i, .regime = scheme_regime(block.scheme)};
        works_add_one(&s.works, h->who[i], h->work[i]);
        assert_int_equal(window_take(&w, &s), KZ_OK);
        slice_clear(&s);
    }
    block.counted = &w.counted;
    if (w.counted.count == 0) /* PPS and FPPS: their slices are in no window */
        block.counted = NULL;
    assert_int_equal(scheme_split_block(split, &block), KZ_OK);
    assert_whole(split, block.reward);
    window_clear(&w);
}

static int64_t net_of(const struct scheme_split *split, const struct miner_id *who)
{
    const struct scheme_part *p = part_of(split, who->text);
    return p != NULL ? amount_to_sat(p->net) : 0;
}

static void assert_same_split(const struct scheme_split *a,
                              const struct scheme_split *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        assert_true(miner_id_equal(&a->parts[i].miner, &b->parts[i].miner));
        assert_int_equal(amount_compare(a->parts[i].gross, b->parts[i].gross), 0);
        assert_int_equal(amount_compare(a->parts[i].net, b->parts[i].net), 0);
    }
    assert_int_equal(amount_compare(a->pool_fee, b->pool_fee), 0);
    assert_int_equal(amount_compare(a->retained, b->retained), 0);
}

/* Any one share is worth more, be it the newest or one that the window had cut. */
static void in_each_scheme_more_work_never_lowers_what_its_miner_gets(void **state)
{
    (void)state;
    uint64_t seed = SEED;
    for (int round = 0; round < 400 * (int)SCHEMES; round++) {
        struct history h;
        struct scheme_split before, after;
        random_history(&h, &seed, all_schemes[(size_t)round % SCHEMES]);
        split_history(&before, &h);
        size_t at = random_next(&seed) % SHARES;
        h.work[at] += 1 + random_below(&seed, UINT64_C(1) << 40);
        split_history(&after, &h);
        assert_true(net_of(&after, &h.who[at]) >= net_of(&before, &h.who[at]));
        scheme_split_clear(&before);
        scheme_split_clear(&after);
    }
}

/* The classic rule written plainly: newest first, the oldest share in part. */
static void plain_works(struct works *counted, const struct history *h)
{
    uint64_t left = h->span;
    for (size_t i = SHARES; i-- > 0 && left > 0;) {
        uint64_t part = h->work[i] < left ? h->work[i] : left;
        works_add_one(counted, h->who[i], part);
        left -= part;
    }
}

static void in_each_scheme_slices_of_one_share_are_the_window_of_shares(void **state)
{
    (void)state;
    uint64_t seed = SEED ^ 1;
    for (int round = 0; round < 400 * (int)SCHEMES; round++) {
        struct history h;
        struct works counted = {0};
        struct scheme_split slices, shares;
        random_history(&h, &seed, all_schemes[(size_t)round % SCHEMES]);
        split_history(&slices, &h);
        plain_works(&counted, &h);
        h.block.counted = &counted;
        assert_int_equal(scheme_split_block(&shares, &h.block), KZ_OK);
        assert_same_split(&slices, &shares);
        scheme_split_clear(&slices);
        scheme_split_clear(&shares);
        works_clear(&counted);
    }
}

/* Within the window order does not matter: all of it counts in any case. */
static void in_each_scheme_the_order_of_shares_that_all_count_is_nothing(void **state)
{
    (void)state;
    uint64_t seed = SEED ^ 2;
    for (int round = 0; round < 200 * (int)SCHEMES; round++) {
        struct history h;
        struct scheme_split one, other;
        random_history(&h, &seed, all_schemes[(size_t)round % SCHEMES]);
        h.span = WINDOW_ROUND;
        split_history(&one, &h);
        for (size_t i = SHARES; i > 1; i--) {
            size_t k = random_next(&seed) % i;
            struct miner_id who = h.who[k];
            uint64_t work = h.work[k];
            h.who[k] = h.who[i - 1];
            h.work[k] = h.work[i - 1];
            h.who[i - 1] = who;
            h.work[i - 1] = work;
        }
        split_history(&other, &h);
        assert_same_split(&one, &other);
        scheme_split_clear(&one);
        scheme_split_clear(&other);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_specification_comes_out),
        cmocka_unit_test(each_miner_pays_its_own_fee),
        cmocka_unit_test(rates_out_of_order_or_above_the_whole_are_refused),
        cmocka_unit_test(a_block_without_counted_work_is_not_guessed_at),
        cmocka_unit_test(a_block_of_pay_per_share_is_the_pools),
        cmocka_unit_test(pps_plus_shares_out_what_is_above_the_subsidy),
        cmocka_unit_test(solo_gives_all_but_the_fee_to_the_finder),
        cmocka_unit_test(names_of_schemes_are_read_back),
        cmocka_unit_test(work_paid_by_the_share_is_in_no_window_of_whole_blocks),
        cmocka_unit_test(every_scheme_gives_out_the_whole_of_random_blocks),
        cmocka_unit_test(in_each_scheme_more_work_never_lowers_what_its_miner_gets),
        cmocka_unit_test(in_each_scheme_slices_of_one_share_are_the_window_of_shares),
        cmocka_unit_test(in_each_scheme_the_order_of_shares_that_all_count_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
