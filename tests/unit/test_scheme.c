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

static void more_work_never_lowers_what_a_miner_gets(void **state)
{
    (void)state;
    uint64_t seed = SEED;
    for (int round = 0; round < 1000; round++) {
        struct split_weight rows[MOST];
        struct works counted = {0};
        struct scheme_split before, after;
        random_weights(&seed, rows, MOST, UINT64_C(1) << 50);
        rows[3].weight++;
        assert_int_equal(works_add(&counted, rows, MOST), KZ_OK);
        struct scheme_block block = {
            .scheme = SCHEME_PPLNS,
            .reward = sat((int64_t)random_below(&seed, AMOUNT_MAX_SAT)),
            .counted = &counted,
            .fees = &one_percent};
        struct miner_id who = rows[random_next(&seed) % MOST].miner;
        works_add_one(&counted, who, 1); /* so that it has a part in both */
        assert_int_equal(scheme_split_block(&before, &block), KZ_OK);
        works_add_one(&counted, who, random_below(&seed, UINT64_C(1) << 50));
        assert_int_equal(scheme_split_block(&after, &block), KZ_OK);
        assert_true(amount_compare(part_of(&after, who.text)->net,
                                   part_of(&before, who.text)->net) >= 0);
        scheme_split_clear(&before);
        scheme_split_clear(&after);
        works_clear(&counted);
    }
}

/* A case's "fee_ppm": one number, or {"*": pool's, "m000002": own}. */
static void fees_of_case(struct scheme_fees *fees, struct scheme_fee own[MOST],
                         const json_t *one)
{
    const json_t *ppm = json_object_get(one, "fee_ppm");
    *fees = (struct scheme_fees){.own = own};
    if (json_is_integer(ppm)) {
        fees->pool_ppm = (uint32_t)json_integer_value(ppm);
        return;
    }
    fees->pool_ppm = (uint32_t)number_at(ppm, "*");
    for (unsigned i = 1; i < MOST; i++) {
        struct miner_id id = miner_number(i);
        if (json_object_get(ppm, id.text) != NULL)
            own[fees->own_count++] =
                (struct scheme_fee){id, (uint32_t)number_at(ppm, id.text)};
    }
    assert_int_equal(fees->own_count + 1, json_object_size(ppm));
}

static void block_of_case(struct scheme_block *block, struct works *counted,
                          const json_t *one)
{
    const char *scheme = text_at(one, "scheme");
    if (strcmp(scheme, "pplns_slices") == 0)
        scheme = "pplns";
    assert_int_equal(scheme_parse(&block->scheme, scheme, strlen(scheme)), KZ_OK);
    if (block->scheme == SCHEME_PPS_PLUS) {
        block->subsidy = sat(312500000);
        block->reward = sat(312500000 + number_at(one, "block_fee_part_sat"));
        works_add_object(counted, json_object_get(one, "counted"));
        return;
    }
    block->reward = sat(number_at(one, "reward_sat"));
    if (block->scheme == SCHEME_SOLO) {
        block->finder = miner(text_at(one, "finder"));
    } else if (block->scheme == SCHEME_PROP) {
        works_add_object(counted, json_object_get(one, "round_work"));
    } else {
        struct window w;
        window_of_case(&w, one);
        *counted = w.counted;
        w.counted = (struct works){0};
        window_clear(&w);
    }
}

static void assert_amounts(const json_t *one, const struct scheme_split *split)
{
    const json_t *gross = json_object_get(one, "gross");
    if (split->count != json_object_size(gross) ||
        amount_to_sat(split->pool_fee) != number_at(one, "pool_fee_sat"))
        fail_msg("%s: count or pool fee", text_at(one, "name"));
    for (size_t i = 0; i < split->count; i++) {
        const struct scheme_part *p = &split->parts[i];
        if (json_object_get(gross, p->miner.text) == NULL ||
            amount_to_sat(p->gross) != number_at(gross, p->miner.text) ||
            amount_to_sat(p->fee) !=
                number_at(json_object_get(one, "fee"), p->miner.text) ||
            amount_to_sat(p->net) !=
                number_at(json_object_get(one, "net"), p->miner.text))
            fail_msg("%s: %s", text_at(one, "name"), p->miner.text);
    }
}

/* Whose cases test_pps.c runs. */
static bool pays_shares(const json_t *one)
{
    const char *const names[] = {"pps", "fpps", "fpps_average", "pps_cumulative"};
    for (size_t i = 0; i < 4; i++)
        if (strcmp(text_at(one, "scheme"), names[i]) == 0)
            return true;
    return false;
}

static void every_block_of_the_vectors_is_split_to_the_satoshi(void **state)
{
    (void)state;
    json_t *file = vectors_json("accounting/schemes.json");
    const json_t *cases = json_object_get(file, "cases");
    size_t ran = 0;
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *one = json_array_get(cases, i);
        if (pays_shares(one))
            continue;
        struct scheme_fee own[MOST];
        struct scheme_fees fees;
        struct works counted = {0};
        struct scheme_split split;
        struct scheme_block block = {.counted = &counted, .fees = &fees};
        fees_of_case(&fees, own, one);
        block_of_case(&block, &counted, one);
        assert_int_equal(scheme_split_block(&split, &block), KZ_OK);
        assert_amounts(one, &split);
        assert_whole(&split, block.reward);
        scheme_split_clear(&split);
        works_clear(&counted);
        ran++;
    }
    assert_int_equal(ran, 17);
    json_decref(file);
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
        cmocka_unit_test(more_work_never_lowers_what_a_miner_gets),
        cmocka_unit_test(every_block_of_the_vectors_is_split_to_the_satoshi),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
