/* Names with and without words that the law forbids: tests/vectors/names.json, against
 * the profile that is shipped. */
#include "pool/registry/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HITS_MAX 32

static int load_profile(void **state)
{
    char why[PROFILE_WHY_SIZE];
    struct profile *p = NULL;
    if (profile_load(&p, why, "conf/jurisdictions/tm.json") != KZ_OK) {
        puts(why);
        return -1;
    }
    *state = p;
    return 0;
}

static int free_profile(void **state)
{
    profile_free(*state);
    return 0;
}

static bool is_expected(const json_t *hits, const struct names_hit *hit)
{
    char both[200];
    snprintf(both, sizeof(both), "%s %s", hit->lang, hit->stem);
    for (size_t i = 0; i < json_array_size(hits); i++)
        if (strcmp(json_string_value(json_array_get(hits, i)), both) == 0)
            return true;
    return false;
}

/* Prints what is wrong; false where something is. */
static bool check_case(const struct profile *p, const json_t *one)
{
    const char *name = json_string_value(json_object_get(one, "name"));
    const json_t *expected = json_object_get(one, "hits");
    struct names_hit hits[HITS_MAX];
    size_t count = names_check(hits, HITS_MAX, p, name);
    bool ok = count == json_array_size(expected);
    for (size_t i = 0; i < count; i++)
        ok = is_expected(expected, &hits[i]) && ok;
    if (ok)
        return true;
    printf("%s (%s):", name, json_string_value(json_object_get(one, "why")));
    for (size_t i = 0; i < count; i++)
        printf(" [%s %s in '%s']", hits[i].lang, hits[i].stem, hits[i].word);
    puts("");
    return false;
}

static void each_name_is_found_by_what_it_says_and_no_other(void **state)
{
    json_error_t error;
    json_t *cases = json_load_file("tests/vectors/names.json", 0, &error);
    size_t wrong = 0, i;
    json_t *one;
    assert_non_null(cases);
    assert_true(json_array_size(cases) >= 160);
    json_array_foreach(cases, i, one) wrong += !check_case(*state, one);
    json_decref(cases);
    assert_int_equal(wrong, 0);
}

static void a_hit_has_the_word_as_it_was_written(void **state)
{
    struct names_hit hits[HITS_MAX];
    assert_int_equal(names_check(hits, HITS_MAX, *state, "Ahal  «Döwlet»-pul HJ"), 1);
    assert_string_equal(hits[0].word, "Döwlet»-pul");
    assert_string_equal(hits[0].lang, "tk");
    assert_int_equal(hits[0].at, strlen("Ahal  «"));
    assert_int_equal(names_check(hits, HITS_MAX, *state, "my state"), 1);
    assert_string_equal(hits[0].word, "state");
}

static void a_language_hits_once_in_one_place(void **state)
{
    struct names_hit hits[HITS_MAX];
    assert_int_equal(names_check(hits, HITS_MAX, *state, "Национальный"), 1);
    assert_string_equal(hits[0].stem, "национальн");
    assert_int_equal(names_check(hits, HITS_MAX, *state, "Nat'l, and Nat."), 2);
    assert_string_equal(hits[0].stem, "natl");
    assert_string_equal(hits[1].stem, "nat");
    assert_string_equal(hits[1].word, "Nat.");
}

static void a_long_word_is_cut_between_letters(void **state)
{
    struct names_hit hits[HITS_MAX];
    char name[400] = "döwlet";
    for (size_t i = 0; i < 90; i++)
        strcat(name, "ö");
    assert_int_equal(names_check(hits, HITS_MAX, *state, name), 1);
    assert_int_equal(strlen(hits[0].word), NAMES_WORD_SIZE - 1);
    strcat(name, "x");
    memmove(name + 1, name, strlen(name) + 1);
    name[0] = '-';
    assert_int_equal(names_check(hits, HITS_MAX, *state, name), 1);
    assert_true(strncmp(hits[0].word, name + 1, strlen(hits[0].word)) == 0);
}

static void no_more_hits_than_there_is_room_for(void **state)
{
    struct names_hit hits[2];
    assert_int_equal(names_check(hits, 2, *state, "State National Turkmen"), 2);
    assert_int_equal(names_check(hits, 0, *state, "State"), 0);
}

static void a_stem_is_two_letters_or_more_and_one_word(void **state)
{
    (void)state;
    assert_true(names_is_stem("tm"));
    assert_true(names_is_stem("nat'l"));
    assert_true(names_is_stem("государственн"));
    assert_false(names_is_stem(""));
    assert_false(names_is_stem("-"));
    assert_false(names_is_stem("a"));
    assert_false(names_is_stem("ьъ"));
    assert_false(names_is_stem("two words"));
    assert_false(names_is_stem("щщщщщщщщщщщщщщщщ"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_name_is_found_by_what_it_says_and_no_other),
        cmocka_unit_test(a_hit_has_the_word_as_it_was_written),
        cmocka_unit_test(a_language_hits_once_in_one_place),
        cmocka_unit_test(a_long_word_is_cut_between_letters),
        cmocka_unit_test(no_more_hits_than_there_is_room_for),
        cmocka_unit_test(a_stem_is_two_letters_or_more_and_one_word),
    };
    return cmocka_run_group_tests(tests, load_profile, free_profile);
}
