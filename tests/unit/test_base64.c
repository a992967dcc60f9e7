#include "payout/base64.h"

#include "conf/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

static enum kz_err decode(const char *text)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    enum kz_err err = base64_decode(&bytes, &len, text, strlen(text), 100);
    mem_free(bytes);
    return err;
}

static void examples_of_rfc_4648_go_both_ways(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
        uint8_t *bytes = NULL;
        size_t len = 0;
        char *text = base64_encode(pairs[i][0], strlen(pairs[i][0]));
        assert_string_equal(text, pairs[i][1]);
        assert_int_equal(base64_decode(&bytes, &len, text, strlen(text), 6), KZ_OK);
        assert_int_equal(len, strlen(pairs[i][0]));
        assert_string_equal((const char *)bytes, pairs[i][0]);
        mem_free(bytes);
        mem_free(text);
    }
}

static void bytes_of_every_length_come_back(void **state)
{
    (void)state;
    uint8_t in[64];
    for (size_t i = 0; i < sizeof(in); i++)
        in[i] = (uint8_t)(i * 73 + 200);
    for (size_t n = 0; n <= sizeof(in); n++) {
        uint8_t *out = NULL;
        size_t len = 0;
        char *text = base64_encode(in, n);
        assert_int_equal(base64_decode(&out, &len, text, strlen(text), n), KZ_OK);
        assert_int_equal(len, n);
        assert_memory_equal(out, in, n);
        mem_free(out);
        mem_free(text);
    }
}

static void other_forms_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "Zg",        "Zg=",   "Z===",       "====",      "=",
        "Zg==Zg==",  "Zm9v ", " Zm9v",      "Zm9v\n",    "Zm 9v===",
        "Zm9v\nZm9", "Zm-v",  "Zm_v",       "Zm9v====",  "Z=g=",
        "Zh==",      "Zm9=",  "Zm\xc3\xa9", "   Zg==\n",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        if (decode(texts[i]) != KZ_PARSE)
            fail_msg("'%s' was taken", texts[i]);
    assert_int_equal(decode("Zm9v"), KZ_OK);
}

static void more_than_wanted_is_a_different_kind_of_no(void **state)
{
    (void)state;
    uint8_t *bytes = NULL;
    size_t len = 7;
    assert_int_equal(base64_decode(&bytes, &len, "Zm9vYg==", 8, 3), KZ_RANGE);
    assert_int_equal(base64_decode(&bytes, &len, "Zm9vYmFyZm9vYmFy", 16, 3), KZ_RANGE);
    assert_null(bytes);
    assert_int_equal(len, 7);
    assert_int_equal(base64_decode(&bytes, &len, "Zm9vYg==", 8, 4), KZ_OK);
    mem_free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_of_rfc_4648_go_both_ways),
        cmocka_unit_test(bytes_of_every_length_come_back),
        cmocka_unit_test(other_forms_are_refused),
        cmocka_unit_test(more_than_wanted_is_a_different_kind_of_no),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
