#include "pool/registry/lei.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *const published[] = {"5493001KJTIIGC8Y1R12", "HWUPKR0MPOU8FGXBT394",
                                        "529900T8BM49AURSDO55", "213800WSGIIZCXF1P572"};

static void published_identifiers_are_valid(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++)
        assert_true(lei_is_valid(published[i]));
}

/* What MOD 97-10 is for: a digit for a digit, a letter for a letter. */
static void every_single_wrong_character_is_found(void **state)
{
    (void)state;
    static const char digits[] = "0123456789", letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    char text[21];
    for (size_t n = 0; n < 4; n++)
        for (size_t i = 0; i < 20; i++) {
            const char *from = published[n];
            const char *others = strchr(digits, from[i]) != NULL ? digits : letters;
            for (const char *c = others; *c != '\0'; c++) {
                memcpy(text, from, sizeof(text));
                text[i] = *c;
                assert_int_equal(lei_is_valid(text), *c == from[i]);
            }
        }
}

static void two_neighbours_that_changed_places_are_found(void **state)
{
    (void)state;
    char text[21];
    for (size_t n = 0; n < 4; n++)
        for (size_t i = 0; i + 1 < 20; i++) {
            memcpy(text, published[n], sizeof(text));
            text[i] = published[n][i + 1];
            text[i + 1] = published[n][i];
            assert_int_equal(lei_is_valid(text), text[i] == text[i + 1]);
        }
}

static void another_length_case_or_sign_is_refused(void **state)
{
    (void)state;
    assert_false(lei_is_valid(""));
    assert_false(lei_is_valid("5493001KJTIIGC8Y1R1"));
    assert_false(lei_is_valid("5493001KJTIIGC8Y1R120"));
    assert_false(lei_is_valid("5493001kjtiigc8y1r12"));
    assert_false(lei_is_valid("5493001KJTIIGC8Y1R1 "));
    assert_false(lei_is_valid("5493001KJTIIGC8Y1-12"));
}

static void check_digits_are_digits(void **state)
{
    (void)state;
    char text[21] = "5493001KJTIIGC8Y1R12";
    for (char c = 'A'; c <= 'Z'; c++) {
        text[18] = c;
        assert_false(lei_is_valid(text));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_identifiers_are_valid),
        cmocka_unit_test(every_single_wrong_character_is_found),
        cmocka_unit_test(two_neighbours_that_changed_places_are_found),
        cmocka_unit_test(another_length_case_or_sign_is_refused),
        cmocka_unit_test(check_digits_are_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
