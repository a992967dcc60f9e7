#include "share/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void little_endian_numbers_come_back_as_written(void **state)
{
    (void)state;
    uint8_t b[8];
    write_le64(b, UINT64_C(0x0123456789abcdef));
    assert_memory_equal(b, "\xef\xcd\xab\x89\x67\x45\x23\x01", 8);
    assert_true(read_le64(b) == UINT64_C(0x0123456789abcdef));
    assert_int_equal(read_le32(b), 0x89abcdef);
    assert_int_equal(read_le16(b), 0xcdef);
    write_le32(b, 0xfffffffe);
    assert_int_equal(read_le32(b), 0xfffffffe);
    write_le16(b, 0x8001);
    assert_int_equal(read_le16(b), 0x8001);
}

static void compact_sizes_come_back_at_every_edge(void **state)
{
    (void)state;
    const struct {
        uint64_t v;
        size_t len;
    } cases[] = {{0, 1},       {0xfc, 1},       {0xfd, 3},        {0xffff, 3},
                 {0x10000, 5}, {0xffffffff, 5}, {0x100000000, 9}, {UINT64_MAX, 9}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t b[9];
        uint64_t v = 0;
        size_t used = 0;
        assert_int_equal(compact_size_write(b, cases[i].v), cases[i].len);
        assert_int_equal(compact_size_len(cases[i].v), cases[i].len);
        assert_int_equal(compact_size_read(&v, &used, (struct bytes){b, 9}), KZ_OK);
        assert_true(v == cases[i].v);
        assert_int_equal(used, cases[i].len);
        assert_int_equal(
            compact_size_read(&v, &used, (struct bytes){b, cases[i].len - 1}),
            KZ_PARSE);
    }
}

static void a_compact_size_longer_than_needed_is_refused(void **state)
{
    (void)state;
    uint64_t v = 7;
    size_t used = 7;
    const char *const cases[] = {"\xfd\xfc\0", "\xfe\xff\xff\0\0",
                                 "\xff\xff\xff\xff\xff\0\0\0\0"};
    for (size_t i = 0; i < 3; i++) {
        struct bytes in = {(const uint8_t *)cases[i], 9};
        in.len = i == 0 ? 3 : i == 1 ? 5 : 9;
        assert_int_equal(compact_size_read(&v, &used, in), KZ_PARSE);
    }
    assert_true(v == 7 && used == 7);
}

static void hex_is_lower_case_and_ends_with_a_zero(void **state)
{
    (void)state;
    char out[9];
    hex_encode(out, "\x00\x9a\xff\x10", 4);
    assert_string_equal(out, "009aff10");
    hex_encode(out, "", 0);
    assert_string_equal(out, "");
}

static void hex_of_another_length_or_digit_is_refused_and_nothing_written(void **state)
{
    (void)state;
    uint8_t out[2] = {7, 7};
    const char *const bad[] = {"",     "a",    "abc",  "abcde", "abcdef",
                               "ab g", "0x12", "-123", "12\n3", "ab\xc3\xa4"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(hex_decode(out, 2, bad[i], strlen(bad[i])), KZ_PARSE);
    assert_int_equal(hex_decode(out, 2, "ab\0d", 4), KZ_PARSE);
    assert_int_equal(out[0], 7);
    assert_int_equal(out[1], 7);
    assert_int_equal(hex_decode(out, 2, "aBCd", 4), KZ_OK);
    assert_int_equal(out[0], 0xab);
    assert_int_equal(out[1], 0xcd);
}

static void every_byte_value_survives_hex(void **state)
{
    (void)state;
    uint8_t in[256], out[256];
    char text[513];
    for (size_t i = 0; i < 256; i++)
        in[i] = (uint8_t)i;
    hex_encode(text, in, 256);
    assert_int_equal(hex_decode(out, 256, text, 512), KZ_OK);
    assert_memory_equal(in, out, 256);
}

static void hex_of_some_bytes_is_bounded(void **state)
{
    (void)state;
    uint8_t out[4];
    size_t len = 9;
    assert_int_equal(hex_decode_some(out, &len, 4, "0011223344", 10), KZ_RANGE);
    assert_int_equal(hex_decode_some(out, &len, 4, "001", 3), KZ_PARSE);
    assert_int_equal(hex_decode_some(out, &len, 4, "0x", 2), KZ_PARSE);
    assert_int_equal(len, 9);
    assert_int_equal(hex_decode_some(out, &len, 4, "00ff", 4), KZ_OK);
    assert_int_equal(len, 2);
    assert_int_equal(hex_decode_some(out, &len, 4, "", 0), KZ_OK);
    assert_int_equal(len, 0);
}

static void a_number_in_hex_may_lack_left_zeros_but_nothing_else(void **state)
{
    (void)state;
    uint32_t v = 1;
    assert_int_equal(hex_u32(&v, "dC0", 3, false), KZ_OK);
    assert_int_equal(v, 0xdc0);
    assert_int_equal(hex_u32(&v, "ffffffff", 8, false), KZ_OK);
    assert_int_equal(v, 0xffffffff);
    const char *const bad[] = {"", "123456789", "-1", "+1", " 1", "1 ", "0x1", "g"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(hex_u32(&v, bad[i], strlen(bad[i]), false), KZ_PARSE);
    assert_int_equal(v, 0xffffffff);
}

static void a_prefix_is_taken_only_where_it_is_asked_for(void **state)
{
    (void)state;
    uint32_t v = 1;
    assert_int_equal(hex_u32(&v, "0x1fffe000", 10, true), KZ_OK);
    assert_int_equal(v, 0x1fffe000);
    assert_int_equal(hex_u32(&v, "0XA", 3, true), KZ_OK);
    assert_int_equal(v, 10);
    assert_int_equal(hex_u32(&v, "0x", 2, true), KZ_PARSE);
    assert_int_equal(hex_u32(&v, "0x0x1", 5, true), KZ_PARSE);
}

static void leading_digits_are_taken_and_never_wrap(void **state)
{
    (void)state;
    const char *text = "17 18446744073709551615:18446744073709551616x";
    assert_true(decimal_take(&text) == 17);
    assert_int_equal(*text, ' ');
    assert_true(decimal_take(&text) == 0); /* none: it stays where it is */
    assert_int_equal(*text, ' ');
    text++;
    assert_true(decimal_take(&text) == UINT64_MAX);
    assert_int_equal(*text, ':');
    text++;
    assert_true(decimal_take(&text) == UINT64_MAX);
    assert_int_equal(*text, 'x');
    assert_true(decimal_of("12 13") == 12 && decimal_of("") == 0 &&
                decimal_of(NULL) == 0);
}

static void a_decimal_number_is_all_digits_and_within_its_bound(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",   "-1",  "+1",  " 1",
                                        "1 ", "1.0", "0x1", "101"};
    uint64_t v = 7;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(decimal_read(&v, wrong[i], 100));
    assert_false(decimal_read(&v, "18446744073709551616", UINT64_MAX - 1));
    assert_true(v == 7);
    assert_true(decimal_read(&v, "100", 100) && v == 100);
    assert_true(decimal_read(&v, "007", 100) && v == 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(little_endian_numbers_come_back_as_written),
        cmocka_unit_test(compact_sizes_come_back_at_every_edge),
        cmocka_unit_test(a_compact_size_longer_than_needed_is_refused),
        cmocka_unit_test(hex_is_lower_case_and_ends_with_a_zero),
        cmocka_unit_test(hex_of_another_length_or_digit_is_refused_and_nothing_written),
        cmocka_unit_test(every_byte_value_survives_hex),
        cmocka_unit_test(hex_of_some_bytes_is_bounded),
        cmocka_unit_test(a_number_in_hex_may_lack_left_zeros_but_nothing_else),
        cmocka_unit_test(a_prefix_is_taken_only_where_it_is_asked_for),
        cmocka_unit_test(leading_digits_are_taken_and_never_wrap),
        cmocka_unit_test(a_decimal_number_is_all_digits_and_within_its_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
