/* Slices against the shares between their borders. */
#include "conf/mem.h"
#include "pool/borders.h"
#include "share/event.h"
#include "share/slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct bed {
    struct borders *b;
    struct borders_report r;
    char wrong[200];
};

static void on_wrong(void *ctx, uint64_t slice, const char *miner, uint64_t recorded,
                     uint64_t counted)
{
    struct bed *bed = ctx;
    size_t used = strlen(bed->wrong);
    snprintf(bed->wrong + used, sizeof(bed->wrong) - used, "%d %s %d/%d;", (int)slice,
             miner, (int)recorded, (int)counted);
}

static struct bed bed_new(void)
{
    return (struct bed){.b = borders_new()};
}

static void finish(struct bed *bed)
{
    bed->r.on_wrong = on_wrong;
    bed->r.ctx = bed;
    borders_finish(bed->b, &bed->r);
    borders_free(bed->b);
}

/* A border of two miners' work behind record `s1` of stream 1 and `s2` of stream 2. */
static void border(struct bed *bed, uint64_t event, uint64_t id, uint64_t s1,
                   uint64_t s2, uint64_t alice, uint64_t bob)
{
    struct slice_position positions[] = {{1, s1}, {2, s2}};
    struct slice_row rows[] = {{{"alice"}, alice}, {{"bob"}, bob}};
    struct slice_record s = {.id = id,
                             .positions = positions,
                             .position_count = 2,
                             .rows = rows,
                             .count = 2};
    size_t len;
    uint8_t *body = slice_record_write(&len, &s);
    struct journal_record r = {.seq = event, .kind = EVENT_SLICE, .body = {body, len}};
    assert_int_equal(borders_add_event(bed->b, &r), KZ_OK);
    mem_free(body);
}

static void share(struct bed *bed, uint32_t stream, uint64_t seq, const char *miner,
                  uint64_t work)
{
    struct share_record s = {.work = work};
    assert_int_equal(miner_id_parse(&s.miner, miner, strlen(miner)), KZ_OK);
    borders_add_record(bed->b, stream, seq, &s);
}

static void shares_of_two_slices(struct bed *bed)
{
    borders_add_record(bed->b, 1, 1, NULL);
    share(bed, 1, 2, "alice", 5);
    share(bed, 1, 3, "alice", 0);
    share(bed, 1, 4, "bob", 1); /* behind slice 1's border */
    borders_add_record(bed->b, 2, 1, NULL);
    share(bed, 2, 2, "bob", 7);
    share(bed, 2, 3, "alice", 2);
    share(bed, 2, 4, "alice", 100); /* in the open slice */
}

static void work_between_two_borders_is_that_of_the_slice(void **state)
{
    (void)state;
    struct bed bed = bed_new();
    border(&bed, 1, 11, 3, 2, 5, 7);
    border(&bed, 2, 12, 4, 3, 2, 1);
    shares_of_two_slices(&bed);
    finish(&bed);
    assert_int_equal(bed.r.borders, 2);
    assert_int_equal(bed.r.checked, 2);
    assert_int_equal(bed.r.wrong, 0);
    assert_int_equal(bed.r.uncheckable, 0);
}

static void work_that_no_share_did_is_named(void **state)
{
    (void)state;
    struct bed bed = bed_new();
    border(&bed, 1, 11, 3, 2, 6, 7);
    border(&bed, 2, 12, 4, 3, 2, 1);
    shares_of_two_slices(&bed);
    finish(&bed);
    assert_int_equal(bed.r.wrong, 1);
    assert_int_equal(bed.r.checked, 2);
    assert_string_equal(bed.wrong, "11 alice 6/5;");
}

static void a_miner_who_is_not_in_the_slice_is_named(void **state)
{
    (void)state;
    struct bed bed = bed_new();
    border(&bed, 1, 11, 3, 2, 5, 7);
    border(&bed, 2, 12, 4, 3, 2, 1);
    share(&bed, 1, 1, "mallory", 3);
    share(&bed, 1, 2, "alice", 5);
    share(&bed, 1, 3, "alice", 0);
    share(&bed, 1, 4, "bob", 1);
    share(&bed, 2, 1, "bob", 7);
    share(&bed, 2, 2, "bob", 0);
    share(&bed, 2, 3, "alice", 2);
    finish(&bed);
    assert_string_equal(bed.wrong, "11 mallory 0/3;");
}

static void slices_whose_shares_are_deleted_are_not_judged(void **state)
{
    (void)state;
    struct bed bed = bed_new();
    border(&bed, 40, 11, 3, 2, 1000, 1000); /* events before it are gone */
    border(&bed, 41, 12, 5, 2, 7, 1);
    border(&bed, 42, 13, 9, 2, 4, 1000); /* reaches behind what is there */
    share(&bed, 1, 4, "alice", 7);       /* the first that is kept */
    share(&bed, 1, 5, "bob", 1);
    share(&bed, 1, 6, "alice", 4);
    finish(&bed);
    assert_int_equal(bed.r.checked, 1);
    assert_int_equal(bed.r.wrong, 0);
    assert_int_equal(bed.r.uncheckable, 2);
}

static void a_segment_deleted_while_it_is_read_makes_no_alarm(void **state)
{
    (void)state;
    struct bed bed = bed_new();
    border(&bed, 1, 11, 4, 0, 4, 1000);
    border(&bed, 2, 12, 6, 0, 5, 6);
    share(&bed, 1, 1, "alice", 1);
    share(&bed, 1, 5, "alice", 5); /* 2 to 4 were deleted meanwhile */
    share(&bed, 1, 6, "bob", 6);
    finish(&bed);
    assert_int_equal(bed.r.uncheckable, 1);
    assert_int_equal(bed.r.checked, 1);
    assert_int_equal(bed.r.wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_between_two_borders_is_that_of_the_slice),
        cmocka_unit_test(work_that_no_share_did_is_named),
        cmocka_unit_test(a_miner_who_is_not_in_the_slice_is_named),
        cmocka_unit_test(slices_whose_shares_are_deleted_are_not_judged),
        cmocka_unit_test(a_segment_deleted_while_it_is_read_makes_no_alarm),
    };
    return cmocka_run_group_tests_name("borders", tests, NULL, NULL);
}
