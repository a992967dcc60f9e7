#include "share/seen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct hash256 hash_of(uint64_t n)
{
    struct hash256 h;
    uint8_t b[8];
    write_le64(b, n);
    hash256_double(&h, b, sizeof(b));
    return h;
}

static void a_hash_is_new_once(void **state)
{
    (void)state;
    struct seen *s = seen_new(100);
    struct hash256 a = hash_of(1), b = hash_of(2);
    assert_int_equal(seen_add(s, &a), KZ_OK);
    assert_int_equal(seen_add(s, &a), KZ_RANGE);
    assert_int_equal(seen_add(s, &b), KZ_OK);
    assert_int_equal(seen_add(s, &a), KZ_RANGE);
    assert_int_equal(seen_count(s), 2);
    seen_free(s);
}

static void many_hashes_are_all_remembered_while_it_grows(void **state)
{
    (void)state;
    struct seen *s = seen_new(50000);
    for (uint64_t i = 0; i < 50000; i++) {
        struct hash256 h = hash_of(i);
        assert_int_equal(seen_add(s, &h), KZ_OK);
    }
    for (uint64_t i = 0; i < 50000; i++) {
        struct hash256 h = hash_of(i);
        assert_int_equal(seen_add(s, &h), KZ_RANGE);
    }
    seen_free(s);
}

static void a_full_set_takes_no_more_but_still_knows_the_old(void **state)
{
    (void)state;
    struct seen *s = seen_new(3);
    struct hash256 h;
    for (uint64_t i = 0; i < 3; i++) {
        h = hash_of(i);
        assert_int_equal(seen_add(s, &h), KZ_OK);
    }
    struct hash256 more = hash_of(3);
    assert_int_equal(seen_add(s, &more), KZ_BUSY);
    assert_int_equal(seen_add(s, &h), KZ_RANGE);
    assert_int_equal(seen_count(s), 3);
    seen_free(s);
}

static void hashes_that_fall_on_one_slot_are_kept_apart(void **state)
{
    (void)state;
    struct seen *s = seen_new(100);
    for (unsigned i = 0; i < 50; i++) {
        struct hash256 h = {{0}};
        h.b[7] = (uint8_t)i; /* the key's high byte: the low ones pick the slot */
        assert_int_equal(seen_add(s, &h), KZ_OK);
        assert_int_equal(seen_add(s, &h), KZ_RANGE);
    }
    seen_free(s);
}

static void a_hash_with_an_empty_key_is_remembered_too(void **state)
{
    (void)state;
    struct seen *s = seen_new(10);
    struct hash256 h = {{0}};
    h.b[31] = 9;
    assert_int_equal(seen_add(s, &h), KZ_OK);
    assert_int_equal(seen_add(s, &h), KZ_RANGE);
    seen_free(s);
    seen_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hash_is_new_once),
        cmocka_unit_test(many_hashes_are_all_remembered_while_it_grows),
        cmocka_unit_test(a_full_set_takes_no_more_but_still_knows_the_old),
        cmocka_unit_test(hashes_that_fall_on_one_slot_are_kept_apart),
        cmocka_unit_test(a_hash_with_an_empty_key_is_remembered_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
