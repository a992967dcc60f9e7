#include "share/ids.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static enum kz_err parse(struct miner_id *id, const char *text)
{
    return miner_id_parse(id, text, strlen(text));
}

static void ids_of_three_to_thirty_two_characters_are_taken(void **state)
{
    (void)state;
    struct miner_id id;
    assert_int_equal(parse(&id, "abc"), KZ_OK);
    assert_int_equal(parse(&id, "m-000001"), KZ_OK);
    assert_string_equal(id.text, "m-000001");
    assert_int_equal(parse(&id, "abcdefghijklmnopqrstuvwxyz012345"), KZ_OK);
    assert_int_equal(parse(&id, "abcdefghijklmnopqrstuvwxyz0123456"), KZ_PARSE);
    assert_int_equal(parse(&id, "ab"), KZ_PARSE);
    assert_int_equal(parse(&id, ""), KZ_PARSE);
}

static void other_characters_make_no_id(void **state)
{
    (void)state;
    struct miner_id id = {"same"};
    const char *const bad[] = {"Abc",         "a.b", "a b", "a_b", "ab\n",
                               "\xc3\xa4 bc", "a:b", "a{b", "a/b"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(parse(&id, bad[i]), KZ_PARSE);
    assert_int_equal(miner_id_parse(&id, "ab\0c", 4), KZ_PARSE);
    assert_string_equal(id.text, "same");
}

static void ids_are_equal_when_all_characters_are(void **state)
{
    (void)state;
    struct miner_id a, b;
    assert_int_equal(parse(&a, "miner-1"), KZ_OK);
    memset(&b, 0xff, sizeof(b));
    assert_int_equal(parse(&b, "miner-1"), KZ_OK);
    assert_true(miner_id_equal(&a, &b));
    assert_memory_equal(&a, &b, sizeof(a));
    assert_int_equal(parse(&b, "miner-10"), KZ_OK);
    assert_false(miner_id_equal(&a, &b));
}

static void a_worker_name_is_never_a_reason_to_refuse(void **state)
{
    (void)state;
    struct worker_name name;
    worker_name_set(&name, "rig 1", 5);
    assert_string_equal(name.text, "rig 1");
    worker_name_set(&name, NULL, 0);
    assert_string_equal(name.text, "default");
    worker_name_set(&name, "a\0b\n\x7f\xc3\xa4", 7);
    assert_string_equal(name.text, "a?b????");
}

static void a_long_worker_name_is_cut(void **state)
{
    (void)state;
    char text[100];
    struct worker_name name;
    memset(text, 'w', sizeof(text));
    worker_name_set(&name, text, sizeof(text));
    assert_int_equal(strlen(name.text), WORKER_NAME_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_of_three_to_thirty_two_characters_are_taken),
        cmocka_unit_test(other_characters_make_no_id),
        cmocka_unit_test(ids_are_equal_when_all_characters_are),
        cmocka_unit_test(a_worker_name_is_never_a_reason_to_refuse),
        cmocka_unit_test(a_long_worker_name_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
