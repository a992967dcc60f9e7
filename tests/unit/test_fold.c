#include "conf/mem.h"
#include "pool/registry/fold.h"
#include "pool/registry/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void expect(const char *text, enum fold_way way, const char *expected)
{
    char *found = fold_text(text, way);
    if (strcmp(found, expected) != 0)
        fail_msg("'%s' is read as '%s', not '%s'", text, found, expected);
    mem_free(found);
}

static void expect_same(enum fold_way way, const char *a, const char *b)
{
    char *one = fold_text(a, way), *other = fold_text(b, way);
    if (strcmp(one, other) != 0)
        fail_msg("'%s' is '%s' and '%s' is '%s'", a, one, b, other);
    mem_free(one);
    mem_free(other);
}

static void case_and_diacritics_are_gone(void **state)
{
    (void)state;
    expect("Çäžňöşüý ÇÄŽŇÖŞÜÝ", FOLD_SOUND, "caznosui caznosui");
    expect("İIıiğĞ", FOLD_SOUND, "iiiigg");
    expect("Ūlttyq Bañk", FOLD_SOUND, "ulttiq bank");
    expect("Öström Æther Œuvre Straße", FOLD_SOUND, "ostrom aether oeuvre strasse");
    expect("Ёлка ЁЛКА", FOLD_SOUND, "elka elka");
}

static void composed_and_decomposed_are_one(void **state)
{
    (void)state;
    for (int way = 0; way < FOLD_WAYS; way++) {
        expect_same((enum fold_way)way, "Türkmen", "Tu\u0308rkmen");
        expect_same((enum fold_way)way, "Йод Ёж", "И\u0306од Е\u0308ж");
        expect_same((enum fold_way)way, "state", "s\u0336t\u0336a\u0336t\u0336e");
    }
}

static void letters_that_look_alike_are_one(void **state)
{
    (void)state;
    expect_same(FOLD_LOOK, "аеорсухкмтвнівАЕОРСУХКМТВНІ",
                "aeopcyxkmtbhibAEOPCYXKMTBHI");
    expect_same(FOLD_LOOK, "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX");
    expect_same(FOLD_LOOK, "IlI1", "llll");
    expect_same(FOLD_LOOK, "ＳＴＡＴＥ ｓｔａｔｅ", "state state");
    expect_same(FOLD_LOOK, "𝐒𝑡𝒂𝓽𝔢 𝕊𝖙𝖺𝘁𝙚 𝚂ⓉⒶ🅃🄴", "state state state");
}

static void letters_that_sound_alike_are_one(void **state)
{
    (void)state;
    expect("Государственный", FOLD_SOUND, "gosudarstvennii");
    expect("щедрый объём Чья", FOLD_SOUND, "shchedrii obem chia");
    expect_same(FOLD_SOUND, "дөвлет", "döwlet");
    expect_same(FOLD_SOUND, "түркмен туркмен", "türkmen turkmen");
    expect_same(FOLD_SOUND, "миллы", "milli");
    expect_same(FOLD_SOUND, "Қазақстан", "Kazakstan");
}

static void digits_stand_for_letters(void **state)
{
    (void)state;
    expect("5t4te 0nl1ne", FOLD_LOOK, "state onllne");
    expect("Nat1onal", FOLD_SOUND, "national");
    expect("Unit 29", FOLD_SOUND, "unit 29");
    expect("１０", FOLD_SOUND, "io");
}

static void what_cannot_be_seen_separates_nothing(void **state)
{
    (void)state;
    static const char *const invisible[] = {
        "\u00ad", "\u200b", "\u200c", "\u200d", "\u2060", "\ufeff",    "\u202e",
        "\u180e", "\u115f", "\u3164", "\ufe0f", "\u034f", "\U000e0041"};
    for (size_t i = 0; i < sizeof(invisible) / sizeof(*invisible); i++) {
        char text[32];
        snprintf(text, sizeof(text), "Sta%ste", invisible[i]);
        expect(text, FOLD_SOUND, "state");
    }
}

static void blanks_of_all_kinds_are_one_blank(void **state)
{
    (void)state;
    expect(" \t Kanun \u00a0\u2003\u3000\n Ltd  ", FOLD_SOUND, "kanun ltd");
    expect("", FOLD_SOUND, "");
    expect(" .- ", FOLD_SOUND, "");
}

static void signs_join_and_single_letters_are_a_word(void **state)
{
    (void)state;
    expect("Turk-men \"T.u.r.k\"", FOLD_SOUND, "turkmen turk");
    expect("S T A T E Mining", FOLD_SOUND, "state mining");
    expect("S. T. A. T. E.", FOLD_SOUND, "state");
    expect("A Big Mine", FOLD_SOUND, "a big mine");
}

static bool begins(const struct fold *f, size_t at)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->cells[i].at == at)
            return f->cells[i].begins_word;
    fail_msg("no cell at %zu", at);
    return false;
}

static void words_begin_behind_signs_digits_and_at_capitals(void **state)
{
    (void)state;
    struct fold f;
    fold_init(&f, "one-two 7three myFour FIVE");
    static const size_t starts[] = {0, 4, 8, 9, 15, 17, 22},
                        inside[] = {1, 5, 16, 18, 23};
    for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
        assert_true(begins(&f, starts[i]));
    for (size_t i = 0; i < sizeof(inside) / sizeof(*inside); i++)
        assert_false(begins(&f, inside[i]));
    fold_clear(&f);
}

static void other_scripts_stay_as_they_are(void **state)
{
    (void)state;
    expect("دولت 国家 ქართული", FOLD_SOUND, "دولت 国家 ქართული");
}

static void what_is_no_utf8_is_no_letter(void **state)
{
    (void)state;
    expect("a\xff"
           "b",
           FOLD_SOUND, "ab");
    expect("a\xc3", FOLD_SOUND, "a");
    expect("\xc0\xafz", FOLD_SOUND, "z");
    expect("a\xed\xa0\x80z", FOLD_SOUND, "az");
    expect("a\xf4\x90\x80\x80z", FOLD_SOUND, "az");
}

static void every_code_point_is_written_as_it_is_read(void **state)
{
    (void)state;
    for (uint32_t c = 1; c <= 0x10ffff; c++) {
        char text[UTF8_SIZE];
        uint32_t found;
        utf8_write(text, c);
        size_t used = utf8_read(&found, text);
        bool is_surrogate = c >= 0xd800 && c <= 0xdfff;
        assert_int_equal(used, is_surrogate ? 1 : strlen(text));
        assert_int_equal(found, is_surrogate ? UTF8_BAD : c);
    }
}

static void text_is_cut_between_code_points(void **state)
{
    (void)state;
    assert_int_equal(utf8_cut("дом", 6), 6);
    assert_int_equal(utf8_cut("дом", 5), 4);
    assert_int_equal(utf8_cut("дом", 1), 0);
    assert_int_equal(utf8_cut("ab", 9), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_and_diacritics_are_gone),
        cmocka_unit_test(composed_and_decomposed_are_one),
        cmocka_unit_test(letters_that_look_alike_are_one),
        cmocka_unit_test(letters_that_sound_alike_are_one),
        cmocka_unit_test(digits_stand_for_letters),
        cmocka_unit_test(what_cannot_be_seen_separates_nothing),
        cmocka_unit_test(blanks_of_all_kinds_are_one_blank),
        cmocka_unit_test(signs_join_and_single_letters_are_a_word),
        cmocka_unit_test(words_begin_behind_signs_digits_and_at_capitals),
        cmocka_unit_test(other_scripts_stay_as_they_are),
        cmocka_unit_test(what_is_no_utf8_is_no_letter),
        cmocka_unit_test(every_code_point_is_written_as_it_is_read),
        cmocka_unit_test(text_is_cut_between_code_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
