/* A block's split, made again from its slices. The numbers are those of the accounting
 * spec's example: 318,000,001 over works of 1,000,020, 333,333 and 4,077. */
#include "conf/mem.h"
#include "pool/explain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SPLIT                                                                          \
    "{\"scheme\":\"pplns\",\"window_milli\":4000,\"span\":\"1337430\","                \
    "\"reward\":318000001,\"subsidy\":312500000,\"pool_fee_ppm\":20000,"               \
    "\"slices\":[30,20],\"cut\":\"4097\",\"counted_total\":\"1337430\",\"parts\":["    \
    "[\"m01\",\"1000020\",20000,237774210,4755484,233018726],"                         \
    "[\"m02\",\"333333\",0,79256405,0,79256405],"                                      \
    "[\"m03\",\"4077\",20000,969386,19387,949999]],"                                   \
    "\"pool_fee\":4774871,\"retained\":0}"

static json_t *split_with(const char *member, const char *value)
{
    json_t *split = json_loads(SPLIT, 0, NULL);
    assert_non_null(split);
    if (member != NULL)
        json_object_set_new(split, member, json_loads(value, JSON_DECODE_ANY, NULL));
    return split;
}

static struct slice_row row(const char *miner, uint64_t work)
{
    struct slice_row r = {.work = work};
    assert_int_equal(miner_id_parse(&r.miner, miner, strlen(miner)), KZ_OK);
    return r;
}

/* Slice 30 is taken whole; of 20 what is missing is 4,097 of its 8,194 units. */
static void take_slices(struct window *w, const struct explain *e, bool with_25)
{
    struct slice_row newest[] = {row("m01", 1000000), row("m02", 333333)};
    struct slice_row between[] = {row("m02", 5)};
    struct slice_row oldest[] = {row("m01", 40), row("m03", 8154)};
    struct slice_record s30 = {.id = 30, .rows = newest, .count = 2, .total = 1333333};
    struct slice_record s25 = {.id = 25, .rows = between, .count = 1, .total = 5};
    struct slice_record s20 = {.id = 20, .rows = oldest, .count = 2, .total = 8194};
    struct slice_record s40 = {.id = 40, .rows = between, .count = 1, .total = 5};
    assert_true(explain_take(w, e, &s40)); /* newer than the window: passed over */
    assert_true(explain_take(w, e, &s30));
    if (with_25)
        assert_true(explain_take(w, e, &s25));
    assert_false(explain_take(w, e, &s20));
}

static json_t *differences(json_t *split, bool from_slices, bool with_25)
{
    struct explain e;
    struct window w;
    json_t *list = json_array();
    assert_int_equal(explain_read(&e, split), KZ_OK);
    assert_true(explain_has_window(&e));
    explain_begin(&w, &e);
    if (from_slices) {
        assert_false(explain_is_whole(&w, &e));
        take_slices(&w, &e, with_25);
        assert_true(explain_is_whole(&w, &e));
    }
    explain_compare(&e, from_slices ? &w : NULL, list);
    window_clear(&w);
    explain_clear(&e);
    json_decref(split);
    return list;
}

static void has_line(json_t *list, const char *part)
{
    size_t i;
    json_t *line;
    bool has = false;
    json_array_foreach(list, i, line) has |=
        strstr(json_string_value(line), part) != NULL;
    if (!has)
        fail_msg("no line with \"%s\"", part);
    json_decref(list);
}

static void the_split_of_the_specification_comes_out_the_same(void **state)
{
    (void)state;
    json_t *list = differences(split_with(NULL, NULL), true, false);
    assert_int_equal(json_array_size(list), 0);
    json_decref(list);
    list = differences(split_with(NULL, NULL), false, false);
    assert_int_equal(json_array_size(list), 0);
    json_decref(list);
}

static void a_slice_that_was_left_out_is_seen(void **state)
{
    (void)state;
    has_line(differences(split_with(NULL, NULL), true, true),
             "slice 25 counts where 20 is recorded");
    has_line(differences(split_with(NULL, NULL), true, true), "m02: work 333333");
}

static void each_number_that_is_off_by_one_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *member, *value, *said;
    } cases[] = {
        {"cut", "\"4096\"", "cut to 4096, and is to 4097"},
        {"counted_total", "\"1337431\"", "work 1337431 is recorded, 1337430 counts"},
        {"pool_fee", "4774870", "its fee is recorded as 4774870, and comes to 4774871"},
        {"retained", "1", "what it retains is recorded as 1, and comes to 0"},
        {"reward", "318000002", "gross is recorded as"},
        {"parts", "[[\"m01\",\"1000020\",20000,237774210,4755484,233018726]]",
         "m02: not recorded"},
        {"parts",
         "[[\"m01\",\"1000020\",20000,237774210,4755484,233018726],"
         "[\"m02\",\"333333\",0,79256405,0,79256405],"
         "[\"m03\",\"4077\",20000,969386,19387,949998]]",
         "m03: net is recorded as 949998, and comes to 949999"},
        {"parts",
         "[[\"m01\",\"1000021\",20000,237774210,4755484,233018726],"
         "[\"m02\",\"333333\",0,79256405,0,79256405],"
         "[\"m03\",\"4077\",20000,969386,19387,949999]]",
         "m01: work 1000021 is recorded, 1000020 counts"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        has_line(differences(split_with(cases[i].member, cases[i].value), true, false),
                 cases[i].said);
}

static void what_is_no_split_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *member, *value;
    } cases[] = {
        {"scheme", "\"score\""},
        {"scheme", "1"},
        {"span", "12"},
        {"span", "\"-1\""},
        {"span", "\"99999999999999999999\""},
        {"reward", "\"5\""},
        {"reward", "2100000000000001"},
        {"pool_fee_ppm", "1000001"},
        {"slices", "[20,30]"},
        {"slices", "[30,30]"},
        {"slices", "[-1]"},
        {"slices", "{}"},
        {"parts", "[[\"m01\",\"1\",0,1,0]]"},
        {"parts", "[[\"M\",\"1\",0,1,0,1]]"},
        {"parts", "[[\"m01\",\"1\",0,1,0,1],[\"m01\",\"1\",0,1,0,1]]"},
        {"window_milli", "-1"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct explain e;
        json_t *split = split_with(cases[i].member, cases[i].value);
        assert_int_equal(explain_read(&e, split), KZ_PARSE);
        json_decref(split);
    }
    assert_int_equal(explain_read(&(struct explain){0}, NULL), KZ_PARSE);
}

static void solo_and_pay_per_share_need_no_slices(void **state)
{
    (void)state;
    struct explain e;
    json_t *list = json_array();
    json_t *split = json_loads("{\"scheme\":\"solo\",\"window_milli\":0,\"span\":\"0\","
                               "\"reward\":1000,\"subsidy\":900,\"pool_fee_ppm\":10000,"
                               "\"slices\":[],\"cut\":\"0\",\"counted_total\":\"0\","
                               "\"parts\":[[\"m01\",\"1\",10000,1000,10,990]],"
                               "\"pool_fee\":10,\"retained\":0}",
                               0, NULL);
    assert_int_equal(explain_read(&e, split), KZ_OK);
    assert_false(explain_has_window(&e));
    explain_compare(&e, NULL, list);
    assert_int_equal(json_array_size(list), 0);
    explain_clear(&e);
    json_object_set_new(split, "scheme", json_string("fpps"));
    json_object_set_new(split, "parts", json_array());
    json_object_set_new(split, "pool_fee", json_integer(0));
    json_object_set_new(split, "retained", json_integer(1000));
    assert_int_equal(explain_read(&e, split), KZ_OK);
    explain_compare(&e, NULL, list);
    assert_int_equal(json_array_size(list), 0);
    explain_clear(&e);
    json_decref(split);
    json_decref(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_split_of_the_specification_comes_out_the_same),
        cmocka_unit_test(a_slice_that_was_left_out_is_seen),
        cmocka_unit_test(each_number_that_is_off_by_one_is_named),
        cmocka_unit_test(what_is_no_split_is_refused),
        cmocka_unit_test(solo_and_pay_per_share_need_no_slices),
    };
    return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
