#include "payout/textmap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void values_stay_where_they_are_while_the_map_grows(void **state)
{
    (void)state;
    struct textmap *m = textmap_new(sizeof(int));
    int *first = textmap_put(m, "key-0");
    assert_int_equal(*first, 0);
    for (int i = 0; i < 5000; i++) {
        char text[16];
        snprintf(text, sizeof(text), "key-%d", i);
        int *value = textmap_put(m, text);
        *value = i + 1;
    }
    assert_int_equal(textmap_count(m), 5000);
    assert_ptr_equal(textmap_get(m, "key-0"), first);
    for (int i = 0; i < 5000; i++) {
        char text[16];
        snprintf(text, sizeof(text), "key-%d", i);
        const int *value = textmap_get(m, text);
        assert_non_null(value);
        assert_int_equal(*value, i + 1);
        assert_ptr_equal(textmap_put(m, text), value);
        assert_string_equal(textmap_text(m, (size_t)i), text); /* order of arrival */
        assert_ptr_equal(textmap_value(m, (size_t)i), value);
    }
    assert_int_equal(textmap_count(m), 5000);
    textmap_free(m);
}

static void what_was_not_put_is_not_there(void **state)
{
    (void)state;
    struct textmap *m = textmap_new(1);
    assert_null(textmap_get(m, ""));
    textmap_put(m, "a");
    assert_null(textmap_get(m, "A"));
    assert_null(textmap_get(m, ""));
    assert_non_null(textmap_put(m, ""));
    assert_int_equal(textmap_count(m), 2);
    textmap_free(m);
    textmap_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_stay_where_they_are_while_the_map_grows),
        cmocka_unit_test(what_was_not_put_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
