#include "pool/json_fast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void plain_json_gives_what_jansson_gives(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}",
        "[]",
        " { \"a\" : [ 1 , -2 , 0 ] ,\n\t\"b\":{\"c\":\"\"} } \r\n",
        "[true,false,null,\"x~ \",123456789012345678,-123456789012345678]",
        "{\"a\":1,\"a\":2}",
        "{\"\":1}",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        json_t *fast = json_fast(texts[i], strlen(texts[i]));
        json_t *slow = json_loads(texts[i], 0, NULL);
        assert_non_null(fast);
        assert_true(json_equal(fast, slow));
        json_decref(fast);
        json_decref(slow);
    }
}

static void what_is_not_plain_is_left_to_jansson(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        " ",
        "1",
        "\"a\"",
        "null",
        "{",
        "[1",
        "[1,]",
        "{\"a\"}",
        "{\"a\":}",
        "{,}",
        "[01]",
        "[-]",
        "[1.0]",
        "[1e3]",
        "[1234567890123456789]",
        "[\"\\n\"]",
        "[\"\xc3\xa9\"]",
        "[\"\x7f\"]",
        "[\"\x01\"]",
        "[tru]",
        "[nul",
        "[] []",
        "{a:1}",
        "[\"a]",
        "{\"0123456789012345678901234567890123456789012345678901234567890123\":1}",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_null(json_fast(texts[i], strlen(texts[i])));
}

static void depth_is_bounded(void **state)
{
    (void)state;
    char text[66];
    memset(text, '[', 33);
    memset(text + 33, ']', 33);
    assert_null(json_fast(text, 66));
    json_t *value = json_fast(text + 1, 64);
    assert_non_null(value);
    json_decref(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_json_gives_what_jansson_gives),
        cmocka_unit_test(what_is_not_plain_is_left_to_jansson),
        cmocka_unit_test(depth_is_bounded),
    };
    return cmocka_run_group_tests_name("json_fast", tests, NULL, NULL);
}
