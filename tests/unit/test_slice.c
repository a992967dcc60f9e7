/* Slices in memory and in bytes: when one is due, what a border says. */
#include "conf/mem.h"
#include "share/slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct slice_share share(const char *miner, uint64_t work, uint64_t time_ms)
{
    struct slice_share s = {.work = work, .time_ms = time_ms, .nbits = 0x17030ecd};
    assert_int_equal(miner_id_parse(&s.miner, miner, strlen(miner)), KZ_OK);
    return s;
}

static void add(struct slice_open *o, const char *miner, uint64_t work)
{
    struct slice_share s = share(miner, work, 1700000000000);
    assert_int_equal(slice_open_add(o, &s), KZ_OK);
}

static void a_slice_is_due_by_work_nbits_day_or_hour(void **state)
{
    (void)state;
    const uint64_t noon = 1700000000000 / 86400000 * 86400000 + 43200000;
    struct slice_open *o = slice_open_new();
    struct slice_share s = share("m01", 1, noon);
    enum slice_reason why;
    assert_false(slice_open_is_due(&why, o, 513, 1, noon + 3600000)); /* empty */
    assert_int_equal(slice_open_add(o, &s), KZ_OK);
    assert_true(slice_open_is_due(&why, o, 513, 0x17030ecd, noon + 3600000));
    assert_int_equal(why, SLICE_HOUR);
    assert_false(slice_open_is_due(&why, o, 513, 0x17030ecd, noon + 3599999));
    assert_int_equal(slice_open_add(o, &s), KZ_OK); /* 1024 of 513 */
    assert_true(slice_open_is_due(&why, o, 513, 0x17030ecd, noon + 1));
    assert_int_equal(why, SLICE_FULL);
    assert_true(slice_open_is_due(&why, o, 513, 0x17030ecd, noon + 43200000));
    assert_int_equal(why, SLICE_DAY);
    assert_true(slice_open_is_due(&why, o, 513, 0x17030ece, noon + 43200000));
    assert_int_equal(why, SLICE_NBITS);
    /* Nothing is known of the network yet, and a clock was set back. */
    assert_false(slice_open_is_due(&why, o, 0, 0, noon - 5));
    slice_open_free(o);
}

static void work_is_added_up_by_miner_whatever_the_order(void **state)
{
    (void)state;
    struct slice_open *o = slice_open_new();
    struct slice_record r = {0};
    char id[16];
    uint64_t total = 0;
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(id, sizeof(id), "m%04u", i * 7919 % 1000);
        add(o, id, i + 1);
        total += i + 1;
    }
    add(o, "m0001", 0);
    slice_open_describe(o, &r);
    assert_int_equal(r.count, 1000);
    assert_int_equal(r.total, total);
    assert_int_equal(slice_open_total(o), total);
    for (size_t i = 1; i < r.count; i++)
        assert_true(strcmp(r.rows[i - 1].miner.text, r.rows[i].miner.text) < 0);
    slice_record_clear(&r);
    slice_open_reset(o);
    assert_int_equal(slice_open_total(o), 0);
    slice_open_free(o);
    slice_open_free(NULL);
}

static void a_slice_holds_no_more_than_63_bits_of_work(void **state)
{
    (void)state;
    struct slice_open *o = slice_open_new();
    struct slice_share s = share("m01", INT64_MAX, 1);
    assert_int_equal(slice_open_add(o, &s), KZ_OK);
    s.work = 1;
    assert_int_equal(slice_open_add(o, &s), KZ_RANGE);
    assert_int_equal(slice_open_total(o), INT64_MAX);
    slice_open_free(o);
}

static struct slice_record example(void)
{
    struct slice_record r = {.id = 1700000000000 * 256 + 3,
                             .closed_ms = 1700000000000,
                             .reason = SLICE_BLOCK,
                             .terms = {SLICE_PPS, 3, 4000, 20000, 312500000},
                             .next = {SLICE_SPLIT, 0, 8000, 10000, 312500000},
                             .position_count = 2};
    struct slice_open *o = slice_open_new();
    add(o, "m02", 1);
    add(o, "m01", UINT64_C(1) << 60);
    slice_open_describe(o, &r);
    slice_open_free(o);
    r.block.b[0] = 7;
    r.positions = mem_array(2, sizeof(*r.positions));
    r.positions[0] = (struct slice_position){1, 99};
    r.positions[1] = (struct slice_position){2, UINT64_C(1) << 40};
    return r;
}

static void a_border_comes_back_as_it_was_written(void **state)
{
    (void)state;
    struct slice_record r = example(), back;
    size_t len;
    uint8_t *bytes = slice_record_write(&len, &r);
    assert_int_equal(slice_record_read(&back, (struct bytes){bytes, len}), KZ_OK);
    assert_int_equal(back.id, r.id);
    assert_int_equal(back.closed_ms, r.closed_ms);
    assert_int_equal(back.opened_ms, 1700000000000);
    assert_int_equal(back.nbits, 0x17030ecd);
    assert_int_equal(back.reason, SLICE_BLOCK);
    assert_true(slice_terms_equal(&back.terms, &r.terms));
    assert_true(slice_terms_equal(&back.next, &r.next));
    assert_true(slice_has_block(&back));
    assert_true(hash256_equal(&back.block, &r.block));
    assert_int_equal(back.position_count, 2);
    assert_int_equal(back.positions[1].seq, UINT64_C(1) << 40);
    assert_int_equal(back.count, 2);
    assert_int_equal(back.total, (UINT64_C(1) << 60) + 1);
    assert_string_equal(back.rows[0].miner.text, "m01");
    assert_int_equal(back.rows[0].work, UINT64_C(1) << 60);
    slice_record_clear(&back);
    slice_record_clear(&r);
    mem_free(bytes);
}

static void a_border_cut_or_changed_is_refused_or_another(void **state)
{
    (void)state;
    struct slice_record r = example(), back;
    size_t len;
    uint8_t *bytes = slice_record_write(&len, &r);
    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *part = mem_copy(bytes, cut);
        assert_int_equal(slice_record_read(&back, (struct bytes){part, cut}), KZ_PARSE);
        mem_free(part);
    }
    uint8_t *longer = mem_copy(bytes, len); /* a zero byte behind it */
    assert_int_equal(slice_record_read(&back, (struct bytes){longer, len + 1}),
                     KZ_PARSE);
    for (size_t i = 0; i < len; i++) { /* never a crash, never rows out of order */
        longer[i] ^= 0x81;
        if (slice_record_read(&back, (struct bytes){longer, len}) == KZ_OK) {
            for (size_t k = 1; k < back.count; k++)
                assert_true(
                    strcmp(back.rows[k - 1].miner.text, back.rows[k].miner.text) < 0);
            slice_record_clear(&back);
        }
        longer[i] ^= 0x81;
    }
    mem_free(longer);
    mem_free(bytes);
    slice_record_clear(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slice_is_due_by_work_nbits_day_or_hour),
        cmocka_unit_test(work_is_added_up_by_miner_whatever_the_order),
        cmocka_unit_test(a_slice_holds_no_more_than_63_bits_of_work),
        cmocka_unit_test(a_border_comes_back_as_it_was_written),
        cmocka_unit_test(a_border_cut_or_changed_is_refused_or_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
