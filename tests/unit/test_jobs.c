#include "stratum/jobs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct monotime at(int seconds)
{
    return (struct monotime){(seconds + 1) * INT64_C(1000000000)};
}

static struct job *job_of(uint64_t serial, const char *coinb2)
{
    struct job_fields fields = {
        .prevhash = "1111111111111111111111111111111111111111111111111111111111111111",
        .coinb1 = "01000000aabb",
        .coinb2 = coinb2,
        .version = "20000000",
        .nbits = "170ed0eb",
        .ntime = "60000000",
        .mintime = 0x5ff00000,
        .id = {serial}};
    struct job *job;
    assert_int_equal(job_from_fields(&job, &fields), KZ_OK);
    return job;
}

static void add(struct jobs *j, uint64_t serial, bool clean_jobs, int when)
{
    struct job *job = job_of(serial, "ccdd00000000");
    struct job_set set = job_set_of(job);
    jobs_add(j, &set, clean_jobs, at(when));
    job_set_unref(&set);
    job_unref(job);
}

/* A job of three forms, serials from `serial` on: one for LARGE and LARGEST, one for S21,
 * and the small one for the rest. */
static void add_forms(struct jobs *j, uint64_t serial, bool clean_jobs, int when)
{
    struct job *small = job_of(serial, "ccdd00000000");
    struct job_set set = job_set_of(small);
    static const enum direct_class of[] = {DIRECT_S21, DIRECT_LARGE, DIRECT_LARGEST};
    for (size_t i = 0; i < 3; i++) {
        job_unref(set.of[of[i]]);
        set.of[of[i]] = i < 2 ? job_of(serial + 1 + i, i == 0 ? "c1" : "c2")
                              : job_ref(set.of[DIRECT_LARGE]);
    }
    jobs_add(j, &set, clean_jobs, at(when));
    job_set_unref(&set);
    job_unref(small);
}

static struct live_job *find(struct jobs *j, uint64_t serial)
{
    const struct job *form;
    struct live_job *l = jobs_find(j, &form, serial);
    assert_true(l == NULL ? form == NULL : form->id.serial == serial);
    return l;
}

static bool is_current(struct jobs *j, uint64_t serial, int when)
{
    return jobs_is_current(j, find(j, serial), 600, at(when));
}

static void a_job_is_current_until_the_block_changes(void **state)
{
    (void)state;
    struct jobs *j = jobs_new(8, 100);
    assert_null(jobs_newest(j));
    add(j, 1, true, 0);
    add(j, 2, false, 30);
    assert_true(is_current(j, 1, 40));
    assert_true(is_current(j, 2, 40));
    add(j, 3, true, 50);
    assert_false(is_current(j, 1, 51));
    assert_false(is_current(j, 2, 51));
    assert_true(is_current(j, 3, 51));
    assert_null(find(j, 4));
    jobs_free(j);
}

static void a_job_ages_from_when_it_was_replaced(void **state)
{
    (void)state;
    struct jobs *j = jobs_new(8, 100);
    add(j, 1, true, 0);
    assert_true(is_current(j, 1, 5000)); /* nothing newer was there to turn to */
    add(j, 2, false, 5000);
    assert_true(is_current(j, 1, 5599));
    assert_false(is_current(j, 1, 5600));
    jobs_expire(j, 600, at(5600));
    assert_null(find(j, 1));
    assert_non_null(find(j, 2));
    jobs_free(j);
}

static void stale_jobs_are_kept_for_late_blocks_a_while(void **state)
{
    (void)state;
    struct jobs *j = jobs_new(8, 100);
    add(j, 1, true, 0);
    add(j, 2, true, 10);
    jobs_expire(j, 600, at(70));
    assert_non_null(find(j, 1));
    jobs_expire(j, 600, at(131));
    assert_null(find(j, 1));
    jobs_free(j);
}

static void the_oldest_makes_room(void **state)
{
    (void)state;
    struct jobs *j = jobs_new(3, 100);
    for (uint64_t serial = 1; serial <= 10; serial++)
        add(j, serial, false, 0);
    assert_null(find(j, 7));
    assert_int_equal(jobs_oldest_serial(j), 8);
    assert_int_equal(jobs_newest(j)->serial, 10);
    jobs_free(j);
}

static void expect_line(struct jobs *j, uint8_t generation, bool clean, int when,
                        const char *expected)
{
    struct bytes line = jobs_notify(j, DIRECT_SMALL, generation, clean, at(when));
    assert_int_equal(line.len, strlen(expected));
    assert_memory_equal(line.p, expected, line.len);
}

static void the_line_carries_generation_and_a_moving_time(void **state)
{
    (void)state;
#define HEAD "{\"id\":null,\"method\":\"mining.notify\",\"params\":[\"1a"
#define PREV                                                                           \
    "\",\"1111111111111111111111111111111111111111111111111111111111111111\",\""
#define REST "\",\"ccdd00000000\",[],\"20000000\",\"170ed0eb\",\""
    struct jobs *j = jobs_new(8, 100);
    add(j, 0x1a, true, 0);
    expect_line(j, 0, true, 0,
                HEAD "00" PREV "01000000aabb00" REST "60000000\",true]}\n");
    expect_line(j, 255, true, 0,
                HEAD "ff" PREV "01000000aabbff" REST "60000000\",true]}\n");
    expect_line(j, 7, false, 35,
                HEAD "07" PREV "01000000aabb07" REST "60000023\",false]}\n");
    jobs_free(j);
}

static void ids_are_serial_and_generation(void **state)
{
    (void)state;
    uint64_t serial = 0;
    uint8_t generation = 0;
    assert_int_equal(jobs_parse_id(&serial, &generation, "1A2b0F", 6), KZ_OK);
    assert_int_equal(serial, 0x1a2b);
    assert_int_equal(generation, 15);
    assert_int_equal(jobs_parse_id(&serial, &generation, "ffffffffffffffff00", 18),
                     KZ_OK);
    static const char *const bad[] = {"",    "1",   "12",     "xyz",
                                      "1x2", "12g", "0x1200", "1ffffffffffffffff00"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(jobs_parse_id(&serial, &generation, bad[i], strlen(bad[i])),
                         KZ_PARSE);
}

static void forms_are_found_by_their_own_serials(void **state)
{
    (void)state;
    struct jobs *j = jobs_new(8, 100);
    const struct job *form;
    add_forms(j, 10, true, 0);
    add_forms(j, 20, false, 1);
    struct live_job *old = find(j, 10), *new = find(j, 20);
    assert_true(old != NULL && new != NULL &&old != new);
    for (uint64_t serial = 10; serial < 13; serial++) {
        assert_ptr_equal(find(j, serial), old);
        assert_ptr_equal(find(j, serial + 10), new);
    }
    assert_null(find(j, 9));
    assert_null(find(j, 13));
    assert_null(find(j, 23));
    assert_int_equal(job_set_count(&old->forms), 3);
    assert_non_null(jobs_find(j, &form, 11));
    assert_true(job_set_is_form(&old->forms, form, 1u << DIRECT_S21));
    assert_false(
        job_set_is_form(&old->forms, form, 1u << DIRECT_SMALL | 1u << DIRECT_LARGE));
    assert_false(job_set_is_form(&new->forms, form, UINT32_MAX));
    jobs_free(j);
}

static void forms_come_and_go_together(void **state)
{
    (void)state;
    struct jobs *j = jobs_new(3, 100);
    for (uint64_t serial = 10; serial <= 50; serial += 10)
        add_forms(j, serial, false, (int)serial);
    assert_null(find(j, 22)); /* three jobs are kept, whatever their forms */
    assert_int_equal(jobs_oldest_serial(j), 30);
    for (uint64_t serial = 30; serial < 33; serial++) {
        assert_true(is_current(j, serial, 50)); /* no form replaces another */
        assert_true(is_current(j, serial, 639));
        assert_false(is_current(j, serial, 640)); /* replaced at 40 */
    }
    assert_true(is_current(j, 52, 5000));
    jobs_expire(j, 600, at(640));
    assert_null(find(j, 31));
    assert_non_null(find(j, 42));
    add_forms(j, 60, true, 641);
    assert_false(is_current(j, 52, 641));
    jobs_free(j);
}

static void each_class_gets_the_line_of_its_form(void **state)
{
    (void)state;
    struct jobs *j = jobs_new(8, 100);
    static const struct {
        enum direct_class class;
        const char *id, *coinb2;
    } want[] = {{DIRECT_SMALL, "[\"1003\"", "\"ccdd00000000\""},
                {DIRECT_ANTMINER, "[\"1003\"", "\"ccdd00000000\""},
                {DIRECT_S21, "[\"1103\"", "\"c1\""},
                {DIRECT_LARGE, "[\"1203\"", "\"c2\""},
                {DIRECT_LARGEST, "[\"1203\"", "\"c2\""}};
    add_forms(j, 0x10, true, 0);
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
            struct bytes line = jobs_notify(j, want[i].class, 3, true, at(round));
            assert_non_null(memmem(line.p, line.len, want[i].id, strlen(want[i].id)));
            assert_non_null(
                memmem(line.p, line.len, want[i].coinb2, strlen(want[i].coinb2)));
        }
    jobs_free(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_is_current_until_the_block_changes),
        cmocka_unit_test(a_job_ages_from_when_it_was_replaced),
        cmocka_unit_test(stale_jobs_are_kept_for_late_blocks_a_while),
        cmocka_unit_test(the_oldest_makes_room),
        cmocka_unit_test(the_line_carries_generation_and_a_moving_time),
        cmocka_unit_test(forms_are_found_by_their_own_serials),
        cmocka_unit_test(forms_come_and_go_together),
        cmocka_unit_test(each_class_gets_the_line_of_its_form),
        cmocka_unit_test(ids_are_serial_and_generation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
