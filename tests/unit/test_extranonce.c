#include "stratum/extranonce.h"
#include "stratum/resume.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void values_of_all_fronts_are_different(void **state)
{
    (void)state;
    enum { FRONTS = 3, EACH = 1000 };
    static uint8_t seen[1 << EXTRANONCE_BITS];
    memset(seen, 0, sizeof(seen));
    for (unsigned front = 0; front < FRONTS; front++) {
        struct extranonces *e = extranonces_new(front, FRONTS);
        for (int i = 0; i < EACH; i++) {
            uint32_t v;
            assert_int_equal(extranonces_take(e, &v), KZ_OK);
            assert_true(v < 1u << EXTRANONCE_BITS);
            assert_int_equal(extranonce_front(v, FRONTS), front);
            assert_int_equal(seen[v]++, 0);
        }
        extranonces_free(e);
    }
}

static void a_value_is_given_again_only_after_it_came_back(void **state)
{
    (void)state;
    enum { FRONTS = 1 << 20 }; /* leaves 16 values a front */
    struct extranonces *e = extranonces_new(5, FRONTS);
    uint32_t v[16], w;
    for (int i = 0; i < 16; i++)
        assert_int_equal(extranonces_take(e, &v[i]), KZ_OK);
    assert_int_equal(extranonces_take(e, &w), KZ_BUSY);
    extranonces_give_back(e, v[9]);
    assert_int_equal(extranonces_take(e, &w), KZ_OK);
    assert_int_equal(w, v[9]);
    extranonces_free(e);
}

static void the_bytes_name_instance_and_value(void **state)
{
    (void)state;
    uint8_t b[8];
    uint32_t v = 0;
    extranonce1_write(b, 8, 7, 0x123456);
    assert_memory_equal(b, "\x07\x12\x34\x56\0\0\0\0", 8);
    assert_int_equal(extranonce1_read(&v, b, 7), KZ_OK);
    assert_int_equal(v, 0x123456);
    assert_int_equal(extranonce1_read(&v, b, 8), KZ_RANGE);
}

static struct monotime at(int seconds)
{
    return (struct monotime){seconds * INT64_C(1000000000)};
}

static void put(struct resume_table *t, struct extranonces *e, uint32_t *value,
                int when)
{
    assert_int_equal(extranonces_take(e, value), KZ_OK);
    struct resume_entry entry = {
        .extranonce = *value, .secret = *value + 1, .ended = at(when)};
    resume_put(t, &entry);
}

static void an_ended_session_is_found_once_and_with_its_secret(void **state)
{
    (void)state;
    struct extranonces *e = extranonces_new(0, 1);
    struct resume_table *t = resume_new(e, 8);
    struct resume_entry out;
    uint32_t v;
    put(t, e, &v, 1);
    uint64_t wrong = v + 2, right = v + 1;
    assert_int_equal(resume_take(t, &out, v, &wrong), KZ_EMPTY);
    assert_int_equal(resume_take(t, &out, v + 1, NULL), KZ_EMPTY);
    assert_int_equal(resume_take(t, &out, v, &right), KZ_OK);
    assert_int_equal(out.extranonce, v);
    assert_int_equal(resume_take(t, &out, v, NULL), KZ_EMPTY);
    resume_free(t);
    extranonces_free(e);
}

static void the_table_is_bounded_in_number_and_time(void **state)
{
    (void)state;
    enum { FRONTS = 1 << 20 }; /* 16 values: a leak of one would show */
    struct extranonces *e = extranonces_new(0, FRONTS);
    struct resume_table *t = resume_new(e, 4);
    struct resume_entry out;
    uint32_t v[200];
    for (int i = 0; i < 200; i++) {
        put(t, e, &v[i], i);
        assert_true(resume_count(t) <= 4);
        if (i % 3 == 0) { /* from the middle, too */
            assert_int_equal(resume_take(t, &out, v[i], NULL), KZ_OK);
            extranonces_give_back(e, v[i]);
        }
    }
    resume_expire(t, at(198));
    assert_int_equal(resume_take(t, &out, v[197], NULL), KZ_EMPTY);
    assert_int_equal(resume_count(t), 1); /* 199; 198 was taken */
    assert_true(resume_drop_oldest(t));
    assert_false(resume_drop_oldest(t));
    resume_free(t);
    extranonces_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_all_fronts_are_different),
        cmocka_unit_test(a_value_is_given_again_only_after_it_came_back),
        cmocka_unit_test(the_bytes_name_instance_and_value),
        cmocka_unit_test(an_ended_session_is_found_once_and_with_its_secret),
        cmocka_unit_test(the_table_is_bounded_in_number_and_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
