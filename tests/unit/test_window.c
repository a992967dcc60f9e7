#include "payout/window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/payout_fixture.h"

#define SEED UINT64_C(0x2545f4914f6cdd1d)
#define MAIN (UINT64_C(1) << 22)

static struct slice slice_of(uint64_t id, enum slice_regime regime)
{
    return (struct slice){.id = id, .regime = regime};
}

/* One share a slice. */
static void take_share(struct window *w, uint64_t id, enum slice_regime regime,
                       const char *who, uint64_t work)
{
    struct slice s = slice_of(id, regime);
    works_add_one(&s.works, miner(who), work);
    assert_int_equal(window_take(w, &s), KZ_OK);
    slice_clear(&s);
}

static uint64_t counted(const struct window *w, const char *who)
{
    struct miner_id id = miner(who);
    return works_of(&w->counted, &id);
}

static void works_add_up_in_any_order(void **state)
{
    (void)state;
    const struct split_weight rows[] = {{miner("m000005"), 5},
                                        {miner("m000001"), 1},
                                        {miner("m000005"), 10},
                                        {miner("m000003"), 0}};
    struct works w = {0};
    assert_int_equal(works_add(&w, rows, 4), KZ_OK);
    assert_int_equal(works_add(&w, rows, 0), KZ_OK);
    works_add_one(&w, miner("m000003"), 3);
    assert_int_equal(w.count, 3);
    assert_true(w.total == 19);
    assert_string_equal(w.rows[1].miner.text, "m000003");
    assert_true(w.rows[2].weight == 15);
    struct miner_id nobody = miner("m000009");
    assert_true(works_of(&w, &nobody) == 0);
    works_clear(&w);
    assert_true(works_of(&w, &nobody) == 0);
}

static void works_refuse_what_passes_63_bits(void **state)
{
    (void)state;
    const struct split_weight rows[] = {{miner("m000001"), UINT64_MAX},
                                        {miner("m000002"), 2}};
    struct works w = {0};
    works_add_one(&w, miner("m000001"), INT64_MAX - 1);
    assert_int_equal(works_add(&w, rows, 2), KZ_RANGE);
    assert_int_equal(works_add(&w, rows + 1, 1), KZ_RANGE);
    assert_true(w.count == 1 && w.total == INT64_MAX - 1);
    works_add_one(&w, miner("m000002"), 1);
    works_clear(&w);
}

static void works_of_random_rows_equal_plain_sums(void **state)
{
    (void)state;
    uint64_t seed = SEED;
    for (int round = 0; round < 300; round++) {
        struct works w = {0};
        uint64_t sums[10] = {0}, total = 0;
        for (int batch = 0; batch < 5; batch++) {
            struct split_weight rows[12];
            size_t count = random_next(&seed) % 12;
            for (size_t i = 0; i < count; i++) {
                unsigned who = (unsigned)(random_next(&seed) % 10);
                rows[i].miner = miner_number(who);
                rows[i].weight = random_below(&seed, UINT64_C(1) << 50);
                sums[who] += rows[i].weight;
                total += rows[i].weight;
            }
            assert_int_equal(works_add(&w, rows, count), KZ_OK);
        }
        for (unsigned who = 0; who < 10; who++) {
            struct miner_id id = miner_number(who);
            assert_true(works_of(&w, &id) == sums[who]);
        }
        assert_true(w.total == total);
        works_clear(&w);
    }
}

static void the_example_with_a_partial_oldest_slice_comes_out(void **state)
{
    (void)state;
    struct window w;
    window_init(&w, 250, WINDOW_BLOCK);
    const struct split_weight rows[3][3] = {
        {{miner("m04"), 10}, {miner("m01"), 45}, {miner("m02"), 45}},
        {{miner("m01"), 10}, {miner("m03"), 90}},
        {{miner("m03"), 30}, {miner("m02"), 70}},
    };
    const size_t counts[3] = {3, 2, 2};
    for (size_t i = 0; i < 3; i++) {
        struct slice s = slice_of(30 - i, SLICE_SPLIT);
        assert_int_equal(works_add(&s.works, rows[i], counts[i]), KZ_OK);
        assert_false(window_is_full(&w));
        assert_int_equal(window_take(&w, &s), KZ_OK);
        slice_clear(&s);
    }
    assert_true(window_is_full(&w));
    assert_true(counted(&w, "m01") == 55 && counted(&w, "m02") == 80);
    assert_true(counted(&w, "m03") == 105 && counted(&w, "m04") == 10);
    /* What explains the split later: which slices, and how much of the last. */
    assert_int_equal(w.id_count, 3);
    assert_true(w.ids[0] == 30 && w.ids[2] == 28 && w.cut == 50);
    take_share(&w, 27, SLICE_SPLIT, "m09", 1000);
    assert_true(w.counted.total == 250 && w.id_count == 3);
    window_clear(&w);
}

static void a_slice_that_just_fits_is_taken_whole(void **state)
{
    (void)state;
    struct window w;
    window_init(&w, 30, WINDOW_BLOCK);
    take_share(&w, 9, SLICE_SPLIT, "m01", 10);
    assert_true(w.cut == 0);
    take_share(&w, 8, SLICE_SPLIT, "m02", 20);
    assert_true(window_is_full(&w) && w.cut == 0);
    take_share(&w, 7, SLICE_SPLIT, "m03", 5);
    assert_true(w.counted.count == 2 && w.id_count == 2);
    window_clear(&w);
}

static void work_paid_for_at_once_is_passed_over(void **state)
{
    (void)state;
    struct window block, fees;
    window_init(&block, 100, WINDOW_BLOCK);
    window_init(&fees, 100, WINDOW_FEES);
    for (int k = 0; k < 2; k++) {
        struct window *w = k == 0 ? &block : &fees;
        take_share(w, 9, SLICE_SPLIT, "m01", 10);
        take_share(w, 8, SLICE_PPS, "m02", 20);
        take_share(w, 7, SLICE_PPS_PLUS, "m03", 40);
        take_share(w, 6, SLICE_SPLIT, "m04", 80);
    }
    assert_true(counted(&block, "m01") == 10 && counted(&block, "m04") == 80);
    assert_true(counted(&block, "m02") == 0 && counted(&block, "m03") == 0);
    assert_false(window_is_full(&block));
    assert_true(counted(&fees, "m03") == 40 && counted(&fees, "m02") == 0);
    assert_true(counted(&fees, "m04") == 50 && fees.cut == 50);
    window_clear(&block);
    window_clear(&fees);
}

static void a_slice_never_counts_twice(void **state)
{
    (void)state;
    struct window w;
    struct slice s = slice_of(5, SLICE_SPLIT);
    works_add_one(&s.works, miner("m01"), 10);
    window_init(&w, 1000, WINDOW_BLOCK);
    assert_int_equal(window_take(&w, &s), KZ_OK);
    assert_int_equal(window_take(&w, &s), KZ_RANGE);
    s.id = 6;
    assert_int_equal(window_take(&w, &s), KZ_RANGE);
    s.id = 0;
    assert_int_equal(window_take(&w, &s), KZ_OK);
    assert_int_equal(window_take(&w, &s), KZ_RANGE);
    assert_true(w.counted.total == 20);
    slice_clear(&s);
    window_clear(&w);
}

static void a_round_counts_all_it_is_given(void **state)
{
    (void)state;
    struct window w;
    window_init(&w, WINDOW_ROUND, WINDOW_BLOCK);
    for (uint64_t id = 500; id > 0; id--)
        take_share(&w, id, SLICE_SPLIT, id % 2 == 0 ? "m01" : "m02", INT64_MAX / 1000);
    assert_true(counted(&w, "m01") == counted(&w, "m02"));
    assert_true(w.counted.total == 500 * (uint64_t)(INT64_MAX / 1000));
    assert_int_equal(w.id_count, 500);
    window_clear(&w);
}

/* The classic rule written plainly: newest first, the oldest share in part. */
static void plain_window(uint64_t sums[10], const unsigned *who, const uint64_t *work,
                         size_t count, uint64_t span)
{
    for (size_t i = count; i-- > 0 && span > 0;) {
        uint64_t part = work[i] < span ? work[i] : span;
        sums[who[i]] += part;
        span -= part;
    }
}

static void a_window_of_single_share_slices_is_the_window_of_shares(void **state)
{
    (void)state;
    uint64_t seed = SEED;
    for (int round = 0; round < 500; round++) {
        unsigned who[60];
        uint64_t work[60], sums[10] = {0};
        size_t count = 1 + random_next(&seed) % 60;
        uint64_t below = UINT64_C(1) << (1 + random_next(&seed) % 56);
        for (size_t i = 0; i < count; i++) {
            who[i] = (unsigned)(random_next(&seed) % 10);
            work[i] = 1 + random_below(&seed, below);
        }
        uint64_t span = 1 + random_below(&seed, 40 * below);
        struct window w;
        window_init(&w, span, WINDOW_BLOCK);
        for (size_t i = count; i-- > 0;)
            take_share(&w, i, SLICE_SPLIT, miner_number(who[i]).text, work[i]);
        plain_window(sums, who, work, count, span);
        for (unsigned k = 0; k < 10; k++)
            assert_true(counted(&w, miner_number(k).text) == sums[k]);
        assert_true(w.counted.total <= span);
        window_clear(&w);
    }
}

static void random_slices(uint64_t *seed, struct slice *slices, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct split_weight rows[8];
        slices[i] = slice_of(i, SLICE_SPLIT);
        random_weights(seed, rows, 8, UINT64_C(1) << 40);
        assert_int_equal(works_add(&slices[i].works, rows, 8), KZ_OK);
    }
}

static void walk(struct window *w, const struct slice *slices, size_t count)
{
    for (size_t i = count; i-- > 0;)
        assert_int_equal(window_take(w, &slices[i]), KZ_OK);
}

static void more_work_never_lowers_ones_part_of_a_window(void **state)
{
    (void)state;
    uint64_t seed = SEED;
    for (int round = 0; round < 3000; round++) {
        struct slice slices[6];
        struct window before, after;
        random_slices(&seed, slices, 6);
        struct miner_id who = miner_number(2 * (unsigned)(random_next(&seed) % 8));
        uint64_t span = 1 + random_below(&seed, UINT64_C(1) << 42);
        window_init(&before, span, WINDOW_BLOCK);
        walk(&before, slices, 6);
        works_add_one(&slices[5].works, who, 1 + random_below(&seed, 1 << 20));
        window_init(&after, span, WINDOW_BLOCK);
        walk(&after, slices, 6);
        assert_true(works_of(&after.counted, &who) >= works_of(&before.counted, &who));
        window_clear(&before);
        window_clear(&after);
        for (size_t i = 0; i < 6; i++)
            slice_clear(&slices[i]);
    }
}

static void a_window_never_counts_more_than_span_or_slices_hold(void **state)
{
    (void)state;
    uint64_t seed = SEED;
    for (int round = 0; round < 300; round++) {
        struct slice slices[6];
        struct window w;
        struct works all = {0};
        random_slices(&seed, slices, 6);
        for (size_t i = 0; i < 6; i++)
            assert_int_equal(
                works_add(&all, slices[i].works.rows, slices[i].works.count), KZ_OK);
        uint64_t span = 1 + random_below(&seed, UINT64_C(1) << 43);
        window_init(&w, span, WINDOW_BLOCK);
        walk(&w, slices, 6);
        assert_true(w.counted.total == (all.total < span ? all.total : span));
        for (size_t i = 0; i < w.counted.count; i++)
            assert_true(w.counted.rows[i].weight <=
                        works_of(&all, &w.counted.rows[i].miner));
        window_clear(&w);
        works_clear(&all);
        for (size_t i = 0; i < 6; i++)
            slice_clear(&slices[i]);
    }
}

static void a_span_follows_the_blocks_target(void **state)
{
    (void)state;
    struct target t;
    uint64_t span = 7;
    assert_int_equal(target_from_nbits(&t, 0x17030ecd), KZ_OK);
    assert_int_equal(window_span(&span, &t, 4000, MAIN), KZ_OK);
    assert_true(span == 377040892458042402);
    assert_int_equal(target_from_nbits(&t, 0x2003ffff), KZ_OK);
    assert_int_equal(window_span(&span, &t, 1875, 1), KZ_OK);
    assert_true(span == 120);
    /* The easiest target there is: every hash is a block. */
    t = (struct target){{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}};
    assert_int_equal(window_span(&span, &t, 4000, 1), KZ_OK);
    assert_true(span == 4);
    assert_int_equal(window_span(&span, &t, 4000, MAIN), KZ_EMPTY);
    t = (struct target){{0}};
    assert_int_equal(window_span(&span, &t, UINT32_MAX, 1), KZ_RANGE);
    assert_true(span == 4);
}

static void a_span_above_62_bits_is_refused(void **state)
{
    (void)state;
    uint64_t span = 7;
    /* T + 1 = 2^194: a block is 2^62 hashes. */
    struct target t = {{UINT64_MAX, UINT64_MAX, UINT64_MAX, 3}};
    assert_int_equal(window_span(&span, &t, 1000, 1), KZ_OK);
    assert_true(span == WINDOW_SPAN_MAX);
    assert_int_equal(window_span(&span, &t, 1001, 1), KZ_RANGE);
    assert_true(span == WINDOW_SPAN_MAX);
}

static void a_window_of_one_block_is_the_work_of_its_target(void **state)
{
    (void)state;
    uint64_t seed = SEED;
    for (int round = 0; round < 2000; round++) {
        struct target t;
        for (size_t i = 0; i < 4; i++)
            t.limb[i] = random_next(&seed);
        /* From 2^255 down to 2^196. */
        t.limb[3] = (t.limb[3] | UINT64_C(1) << 63) >> random_next(&seed) % 60;
        uint64_t work = 0, span = 0, unit = round % 2 == 0 ? 1 : MAIN;
        assert_true(target_work(&work, &t, unit));
        if (work == 0) {
            assert_int_equal(window_span(&span, &t, 1000, unit), KZ_EMPTY);
            continue;
        }
        assert_int_equal(window_span(&span, &t, 1000, unit), KZ_OK);
        assert_true(span == work);
        assert_int_equal(window_span(&span, &t, 3000, unit), KZ_OK);
        assert_true(span >= 3 * work && span < 3 * work + 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(works_add_up_in_any_order),
        cmocka_unit_test(works_refuse_what_passes_63_bits),
        cmocka_unit_test(works_of_random_rows_equal_plain_sums),
        cmocka_unit_test(the_example_with_a_partial_oldest_slice_comes_out),
        cmocka_unit_test(a_slice_that_just_fits_is_taken_whole),
        cmocka_unit_test(work_paid_for_at_once_is_passed_over),
        cmocka_unit_test(a_slice_never_counts_twice),
        cmocka_unit_test(a_round_counts_all_it_is_given),
        cmocka_unit_test(a_window_of_single_share_slices_is_the_window_of_shares),
        cmocka_unit_test(more_work_never_lowers_ones_part_of_a_window),
        cmocka_unit_test(a_window_never_counts_more_than_span_or_slices_hold),
        cmocka_unit_test(a_span_follows_the_blocks_target),
        cmocka_unit_test(a_span_above_62_bits_is_refused),
        cmocka_unit_test(a_window_of_one_block_is_the_work_of_its_target),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
