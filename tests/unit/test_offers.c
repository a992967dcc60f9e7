#include "stratum/offers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct difficulty d(uint64_t n)
{
    return (struct difficulty){n, 1};
}

static uint64_t found(const struct offers *o, uint64_t serial, uint8_t generation)
{
    struct difficulty easiest = {0, 1};
    return offers_find(o, &easiest, serial, generation) == KZ_OK ? easiest.num : 0;
}

/* As a session does: announce, then send. */
static uint8_t send(struct offers *o, uint64_t serial, uint64_t difficulty)
{
    offers_retarget(o, d(difficulty));
    return offers_send(o, serial, d(difficulty), 0);
}

static void only_what_was_sent_is_found(void **state)
{
    (void)state;
    struct offers o = {0};
    assert_int_equal(found(&o, 1, 0), 0);
    assert_int_equal(send(&o, 1, 100), 0);
    assert_int_equal(found(&o, 1, 0), 100);
    assert_int_equal(found(&o, 1, 1), 0);
    assert_int_equal(found(&o, 2, 0), 0);
}

static void the_same_job_again_is_another_generation(void **state)
{
    (void)state;
    struct offers o = {0};
    assert_int_equal(send(&o, 1, 100), 0);
    assert_int_equal(send(&o, 1, 100), 1);
    assert_int_equal(send(&o, 1, 100), 2);
    assert_int_equal(send(&o, 2, 100), 2); /* new work anyway */
    assert_int_equal(o.count, 1);
    assert_int_equal(found(&o, 1, 1), 100);
    assert_int_equal(found(&o, 2, 2), 100);
}

static void a_raise_leaves_earlier_work_as_it_was(void **state)
{
    (void)state;
    struct offers o = {0};
    send(&o, 1, 100);
    uint8_t g = send(&o, 1, 400);
    assert_int_equal(g, 1);
    assert_int_equal(found(&o, 1, 0), 100);
    assert_int_equal(found(&o, 1, 1), 400);
}

static void a_lowering_eases_all_that_was_sent(void **state)
{
    (void)state;
    struct offers o = {0};
    send(&o, 1, 100);
    send(&o, 2, 400);
    send(&o, 3, 50);
    assert_int_equal(found(&o, 1, 0), 50);
    assert_int_equal(found(&o, 2, 0), 50);
    assert_int_equal(found(&o, 3, 0), 50);
    assert_int_equal(o.count, 1);
    send(&o, 4, 80);
    assert_int_equal(found(&o, 3, 0), 50);
    assert_int_equal(found(&o, 4, 0), 80);
}

/* Against a list of everything ever announced: never harder than the easiest since. */
static void no_retarget_ever_rejects(void **state)
{
    (void)state;
    enum { SENT = 150 };
    uint64_t easiest[SENT], serials[SENT];
    uint8_t generations[SENT];
    struct offers o = {0};
    uint64_t random = 88172645463325252u, serial = 1;
    for (size_t n = 0; n < SENT; n++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        uint64_t difficulty = 1 + random % 50;
        serial += random >> 60 > 7;
        for (size_t i = 0; i < n; i++)
            easiest[i] = difficulty < easiest[i] ? difficulty : easiest[i];
        serials[n] = serial;
        easiest[n] = difficulty;
        generations[n] = send(&o, serial, difficulty);
        for (size_t i = 0; i <= n; i++) {
            uint64_t target = found(&o, serials[i], generations[i]);
            assert_true(target > 0 && target <= easiest[i]);
        }
        assert_int_equal(found(&o, serials[n], generations[n]), easiest[n]);
    }
}

static void jobs_that_are_gone_are_forgotten(void **state)
{
    (void)state;
    struct offers o = {0};
    send(&o, 1, 100);
    send(&o, 2, 400);
    offers_retarget(&o, d(900));
    offers_send(&o, 9, d(900), 2);
    assert_int_equal(found(&o, 1, 0), 0);
    assert_int_equal(found(&o, 2, 0), 400);
}

static void generations_wrap_without_confusion(void **state)
{
    (void)state;
    struct offers o = {0};
    for (int i = 0; i < 2000; i++) {
        uint64_t difficulty = 100 + (uint64_t)(i % 7);
        uint8_t g = send(&o, 1, difficulty);
        assert_int_equal(g, (uint8_t)i);
        assert_true(found(&o, 1, g) <= difficulty && found(&o, 1, g) >= 100);
        assert_int_equal(found(&o, 1, (uint8_t)(g + 1)), 0);
    }
}

static void a_summary_stands_for_all(void **state)
{
    (void)state;
    struct offers o = {0}, back = {0};
    struct offer none = offers_summary(&o);
    offers_restore(&back, &none);
    assert_int_equal(back.count, 0);
    send(&o, 1, 100);
    send(&o, 1, 400);
    send(&o, 3, 900);
    struct offer all = offers_summary(&o);
    offers_restore(&back, &all);
    assert_int_equal(found(&back, 1, 0), 100);
    assert_int_equal(found(&back, 3, 1), 100);
    assert_int_equal(send(&back, 3, 900), 2); /* generations go on */
    assert_int_equal(found(&back, 3, 2), 900);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_was_sent_is_found),
        cmocka_unit_test(the_same_job_again_is_another_generation),
        cmocka_unit_test(a_raise_leaves_earlier_work_as_it_was),
        cmocka_unit_test(a_lowering_eases_all_that_was_sent),
        cmocka_unit_test(no_retarget_ever_rejects),
        cmocka_unit_test(jobs_that_are_gone_are_forgotten),
        cmocka_unit_test(generations_wrap_without_confusion),
        cmocka_unit_test(a_summary_stands_for_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
