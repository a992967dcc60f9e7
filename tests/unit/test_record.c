#include "share/record.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define PASSED_ON 200000

static struct share_record record_of(uint64_t n)
{
    struct share_record r;
    memset(&r, 0, sizeof(r));
    r.session = n;
    r.work = ~n;
    snprintf(r.worker.text, sizeof(r.worker.text), "rig-%llu", (unsigned long long)n);
    return r;
}

static void records_come_out_in_the_order_they_went_in(void **state)
{
    (void)state;
    struct record_queue *q = record_queue_new(8);
    struct share_record out[8];
    for (uint64_t i = 0; i < 5; i++) {
        struct share_record r = record_of(i);
        assert_int_equal(record_queue_put(q, &r), KZ_OK);
    }
    assert_int_equal(record_queue_count(q), 5);
    assert_int_equal(record_queue_take(q, out, 3), 3);
    assert_int_equal(record_queue_take(q, out + 3, 5), 2);
    for (uint64_t i = 0; i < 5; i++) {
        struct share_record r = record_of(i);
        assert_memory_equal(&out[i], &r, sizeof(r));
    }
    assert_int_equal(record_queue_take(q, out, 8), 0);
    record_queue_free(q);
}

static void a_full_queue_refuses_and_takes_again_when_read(void **state)
{
    (void)state;
    struct record_queue *q = record_queue_new(3); /* becomes 4 */
    struct share_record r = record_of(1), out;
    for (int i = 0; i < 4; i++)
        assert_int_equal(record_queue_put(q, &r), KZ_OK);
    assert_int_equal(record_queue_put(q, &r), KZ_BUSY);
    assert_int_equal(record_queue_count(q), 4);
    assert_int_equal(record_queue_take(q, &out, 1), 1);
    assert_int_equal(record_queue_put(q, &r), KZ_OK);
    assert_int_equal(record_queue_put(q, &r), KZ_BUSY);
    record_queue_free(q);
    record_queue_free(NULL);
}

static void *write_all(void *arg)
{
    struct record_queue *q = arg;
    for (uint64_t i = 0; i < PASSED_ON; i++) {
        struct share_record r = record_of(i);
        while (record_queue_put(q, &r) != KZ_OK)
            sched_yield();
    }
    return NULL;
}

static void two_threads_pass_every_record_once_and_whole(void **state)
{
    (void)state;
    struct record_queue *q = record_queue_new(64);
    struct share_record out[16];
    pthread_t writer;
    uint64_t next = 0;
    assert_int_equal(pthread_create(&writer, NULL, write_all, q), 0);
    while (next < PASSED_ON) {
        size_t count = record_queue_take(q, out, 16);
        for (size_t i = 0; i < count; i++, next++) {
            assert_true(out[i].session == next);
            assert_true(out[i].work == ~next);
        }
        assert_true(record_queue_count(q) <= 64);
        if (count == 0)
            sched_yield();
    }
    assert_int_equal(pthread_join(writer, NULL), 0);
    assert_int_equal(record_queue_count(q), 0);
    record_queue_free(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_out_in_the_order_they_went_in),
        cmocka_unit_test(a_full_queue_refuses_and_takes_again_when_read),
        cmocka_unit_test(two_threads_pass_every_record_once_and_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
