/* Canonical JSON: RFC 8785's own examples, as far as integers go. */
#include "pool/canon.h"

#include "conf/mem.h"
#include "payout/sighash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static json_t *parse(const char *text)
{
    json_error_t why;
    json_t *value = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
    if (value == NULL)
        fail_msg("%s: %s", text, why.text);
    return value;
}

static void expect_form(const char *text, const char *form)
{
    char *made = NULL;
    size_t len = 0;
    json_t *value = parse(text);
    assert_int_equal(canon_format(&made, &len, value), KZ_OK);
    assert_string_equal(made, form);
    assert_int_equal(len, strlen(form));
    mem_free(made);
    json_decref(value);
}

static void expect_refused(const char *text)
{
    char *made = (char *)"untouched";
    size_t len = 7;
    json_t *value = parse(text);
    if (canon_format(&made, &len, value) != KZ_RANGE)
        fail_msg("%s has a canonical form: %s", text, made);
    assert_string_equal(made, "untouched");
    assert_int_equal(len, 7);
    json_decref(value);
}

/* RFC 8785 section 3.2.3: euro sign, CR, Hebrew dalet with dagesh (U+FB33), "1", a face
 * (U+1F600), a control character, o with diaeresis. By UTF-8 the face would be last. */
static void members_sort_by_utf16_code_units(void **state)
{
    (void)state;
    expect_form("{\"\\u20ac\":\"Euro Sign\",\"\\r\":\"Carriage Return\","
                "\"\\ufb33\":\"Hebrew Letter Dalet With Dagesh\",\"1\":\"One\","
                "\"\\ud83d\\ude00\":\"Emoji: Grinning Face\",\"\\u0080\":\"Control\","
                "\"\\u00f6\":\"Latin Small Letter O With Diaeresis\"}",
                "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xc2\x80\":\"Control\","
                "\"\xc3\xb6\":\"Latin Small Letter O With Diaeresis\","
                "\"\xe2\x82\xac\":\"Euro Sign\","
                "\"\xf0\x9f\x98\x80\":\"Emoji: Grinning Face\","
                "\"\xef\xac\xb3\":\"Hebrew Letter Dalet With Dagesh\"}");
}

/* Both sides of each border between planes: D7FF, E000, EE.., FFFF, 10000, 10FFFF. */
static void the_borders_between_planes_sort_right(void **state)
{
    (void)state;
    expect_form("{\"\\uffff\":1,\"\\ue000\":2,\"\\ud7ff\":3,\"\\udbff\\udfff\":4,"
                "\"\\ud800\\udc00\":5,\"z\":6,\"\":7,\"\\uf000\":8,\"zz\":9}",
                "{\"\":7,\"z\":6,\"zz\":9,\"\xed\x9f\xbf\":3,\"\xf0\x90\x80\x80\":5,"
                "\"\xf4\x8f\xbf\xbf\":4,\"\xee\x80\x80\":2,\"\xef\x80\x80\":8,"
                "\"\xef\xbf\xbf\":1}");
}

/* The string and literals of RFC 8785 section 3.2.2. */
static void strings_are_escaped_in_one_way(void **state)
{
    (void)state;
    expect_form(
        "{\"string\":\"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\""
        "\\/\",\"literals\":[null,true,false]}",
        "{\"literals\":[null,true,false],\"string\":\"\xe2\x82\xac$\\u000f\\nA'B"
        "\\\"\\\\\\\\\\\"/\"}");
    expect_form("\"\\b\\t\\n\\f\\r\\u0000\\u000b\\u001F \\u007f\\u0080\\u2028\"",
                "\"\\b\\t\\n\\f\\r\\u0000\\u000b\\u001f \x7f\xc2\x80\xe2\x80\xa8\"");
}

static void every_control_character_is_escaped(void **state)
{
    (void)state;
    for (int c = 0; c < ' '; c++) {
        char one = (char)c, *text = NULL;
        size_t len = 0;
        json_t *value = json_stringn(&one, 1);
        assert_int_equal(canon_format(&text, &len, value), KZ_OK);
        assert_int_equal(len, strchr("\b\t\n\f\r", c) != NULL && c != 0 ? 4 : 8);
        json_t *back = parse(text);
        assert_true(json_equal(value, back));
        json_decref(back);
        json_decref(value);
        mem_free(text);
    }
}

static void members_sort_at_every_level_and_arrays_keep_their_order(void **state)
{
    (void)state;
    expect_form(
        " { \"b\" : [ 3, {\"z\":{},\"y\":[]} , 1 ] ,\t\"a\" : {\"d\":1,\"c\":2} }",
        "{\"a\":{\"c\":2,\"d\":1},\"b\":[3,{\"y\":[],\"z\":{}},1]}");
    expect_form("[56,{\"d\":true,\"10\":null,\"1\":[]}]",
                "[56,{\"1\":[],\"10\":null,\"d\":true}]");
}

static void integers_that_every_reader_keeps_are_taken(void **state)
{
    (void)state;
    expect_form("[0,-1,10,9007199254740991,-9007199254740991]",
                "[0,-1,10,9007199254740991,-9007199254740991]");
}

static void other_numbers_are_refused_not_rounded(void **state)
{
    (void)state;
    const char *const numbers[] = {"9007199254740992",
                                   "-9007199254740992",
                                   "9223372036854775807",
                                   "-9223372036854775808",
                                   "1.0",
                                   "1e3",
                                   "0.5",
                                   "-0.0",
                                   "[1,[2,3.5]]",
                                   "{\"a\":{\"b\":1e0}}"};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        expect_refused(numbers[i]);
}

static json_t *nested(int levels, bool in_objects)
{
    json_t *value = in_objects ? json_object() : json_array();
    for (int i = 1; i < levels; i++)
        value = in_objects ? json_pack("{s:o}", "a", value) : json_pack("[o]", value);
    return value;
}

static void depth_has_a_limit(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        char *text = NULL;
        size_t len = 0;
        json_t *fits = nested(CANON_DEPTH_MAX, i == 1);
        json_t *deep = nested(CANON_DEPTH_MAX + 1, i == 1);
        assert_int_equal(canon_format(&text, &len, fits), KZ_OK);
        mem_free(text);
        text = NULL;
        assert_int_equal(canon_format(&text, &len, deep), KZ_RANGE);
        assert_null(text);
        json_decref(fits);
        json_decref(deep);
    }
}

static enum kz_err read_text(json_t **value, const char *text)
{
    return canon_read(value, (struct bytes){(const uint8_t *)text, strlen(text)});
}

static void only_the_canonical_form_is_read(void **state)
{
    (void)state;
    const char *const other[] = {"",
                                 "{",
                                 "{\"a\":1} ",
                                 " {\"a\":1}",
                                 "{\"a\": 1}",
                                 "{\"b\":1,\"a\":2}",
                                 "\"\\u0041\"",
                                 "\"\\/\"",
                                 "\"\\u000A\"",
                                 "{\"a\":1,\"a\":1}",
                                 "[-0]",
                                 "[1]x"};
    json_t *value = NULL;
    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
        if (read_text(&value, other[i]) != KZ_PARSE)
            fail_msg("'%s' is read", other[i]);
    assert_int_equal(read_text(&value, "1.5"), KZ_RANGE);
    assert_null(value);
    assert_int_equal(read_text(&value, "{\"a\":[\"\\n\",1]}"), KZ_OK);
    assert_true(json_is_object(value));
    json_decref(value);
}

static void a_hash_is_over_tag_prefix_and_canonical_bytes(void **state)
{
    (void)state;
    const uint8_t prefix[] = {1, 2, 3};
    struct hash256 one, other, by_hand, tag;
    json_t *value = parse("{\"b\":2,\"a\":1}"), *same = parse("{ \"a\":1, \"b\":2 }");
    json_t *real = parse("0.5");
    struct bytes p = {prefix, sizeof(prefix)};
    assert_int_equal(canon_sha256_tagged(&one, "Kariz/test/1", p, value), KZ_OK);
    assert_int_equal(canon_sha256_tagged(&other, "Kariz/test/1", p, same), KZ_OK);
    assert_true(hash256_equal(&one, &other));

    uint8_t all[2 * 32 + sizeof(prefix) + 13];
    hash256_single(&tag, "Kariz/test/1", 12);
    memcpy(all, tag.b, 32);
    memcpy(all + 32, tag.b, 32);
    memcpy(all + 64, prefix, sizeof(prefix));
    memcpy(all + 67, "{\"a\":1,\"b\":2}", 13);
    hash256_single(&by_hand, all, sizeof(all));
    assert_true(hash256_equal(&one, &by_hand));

    assert_int_equal(canon_sha256_tagged(&other, "Kariz/test/2", p, value), KZ_OK);
    assert_false(hash256_equal(&one, &other));
    p.len = 2;
    assert_int_equal(canon_sha256_tagged(&other, "Kariz/test/1", p, value), KZ_OK);
    assert_false(hash256_equal(&one, &other));
    assert_int_equal(canon_sha256_tagged(&one, "Kariz/test/1", p, real), KZ_RANGE);
    assert_false(hash256_equal(&one, &other));
    json_decref(value);
    json_decref(same);
    json_decref(real);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_sort_by_utf16_code_units),
        cmocka_unit_test(the_borders_between_planes_sort_right),
        cmocka_unit_test(strings_are_escaped_in_one_way),
        cmocka_unit_test(every_control_character_is_escaped),
        cmocka_unit_test(members_sort_at_every_level_and_arrays_keep_their_order),
        cmocka_unit_test(integers_that_every_reader_keeps_are_taken),
        cmocka_unit_test(other_numbers_are_refused_not_rounded),
        cmocka_unit_test(depth_has_a_limit),
        cmocka_unit_test(only_the_canonical_form_is_read),
        cmocka_unit_test(a_hash_is_over_tag_prefix_and_canonical_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
