#include "pool/registry/pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct pattern *must(const char *text)
{
    struct pattern *p = NULL;
    const char *why = "";
    if (pattern_new(&p, &why, text) != KZ_OK)
        fail_msg("%s: %s", text, why);
    return p;
}

static void expect_fits(const char *pattern, const char *text, bool expected)
{
    struct pattern *p = must(pattern);
    if (pattern_fits(p, text) != expected)
        fail_msg("%s and '%s'", pattern, text);
    pattern_free(p);
}

static void a_pattern_is_met_by_the_whole_text(void **state)
{
    (void)state;
    expect_fits("^[0-9]{6,14}$", "123456", true);
    expect_fits("^[0-9]{6,14}$", "12345", false);
    expect_fits("^[0-9]{6,14}$", "123456\n", false);
    expect_fits("^[0-9]{6,14}$", "123456 ", false);
    expect_fits("^([0-9]{10}|[0-9]{12})$", "12345678901", false);
    expect_fits("^([0-9]{10}|[0-9]{12})$", "123456789012", true);
    expect_fits("^TM-[A-Z]{2}(/[0-9]+)?$", "TM-AB", true);
    expect_fits("^TM-[A-Z]{2}(/[0-9]+)?$", "TM-AB/77", true);
    expect_fits("^$", "", true);
    expect_fits("^a\\.b\\$$", "a.b$", true);
    expect_fits("^[]^$|(-]+$", "(]$^|-", true);
    expect_fits("^[[:digit:][:space:]]*$", "1 2", true);
    assert_true(pattern_fits(NULL, "anything"));
}

static void what_could_run_away_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *why;
    } cases[] = {
        {"", "^ first"},
        {"abc", "^ first"},
        {"^abc", "^ first"},
        {"abc$", "^ first"},
        {"^abc\\$", "^ first"},
        {"^", "^ first"},
        {"^a$b$", "nowhere else"},
        {"^a|b$", "| within"},
        {"^(a)\\1$", "no back-references"},
        {"^\\w+$", "no back-references"},
        {"^a\\", "no back-references"},
        {"^(a+)+$", "no repeated group"},
        {"^(a|b)*$", "no repeated group"},
        {"^(a|b){2}$", "no repeated group"},
        {"^(a)?{3}$", "nothing repeated twice"},
        {"^a**$", "nothing repeated twice"},
        {"^a{9}{9}$", "nothing repeated twice"},
        {"^\\.{9}{9}$", "nothing repeated twice"},
        {"^[a]{9}{9}$", "nothing repeated twice"},
        {"^a{65}$", "at most 64"},
        {"^a{1,65}$", "at most 64"},
        {"^a{99999999999999999999}$", "at most 64"},
        {"^a{1$", "at most 64"},
        {"^a{x}$", "at most 64"},
        {"^*$", "something to repeat"},
        {"^(*a)$", "something to repeat"},
        {"^(a|*)$", "something to repeat"},
        {"^(a$", ") behind ("},
        {"^(a\\$", "^ first"},
        {"^a)$", ") behind ("},
        {"^[a$", "[ closed"},
        {"^[[:digit:$", "[: closed"},
        {"^[[.a.]]$", "no [."},
        {"^[[=a=]]$", "no [."},
        {"^\t$", "printable"},
        {"^\xd0\xb0$", "printable"},
        {"^[[:nothing:]]$", "POSIX"},
        {"^[z-a]$", "POSIX"},
        {"^a{3,2}$", "POSIX"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct pattern *p = NULL;
        const char *why = "";
        enum kz_err err = pattern_new(&p, &why, cases[i].pattern);
        if (err != KZ_RANGE || p != NULL || strstr(why, cases[i].why) == NULL)
            fail_msg("%s: %d '%s', not '%s'", cases[i].pattern, (int)err, why,
                     cases[i].why);
    }
}

static void the_longest_has_two_hundred_bytes(void **state)
{
    (void)state;
    char text[PATTERN_MAX + 2];
    struct pattern *p = NULL;
    const char *why = "";
    memset(text, 'a', sizeof(text));
    text[0] = '^';
    text[PATTERN_MAX - 1] = '$';
    text[PATTERN_MAX] = '\0';
    pattern_free(must(text));
    text[PATTERN_MAX - 1] = 'a';
    text[PATTERN_MAX] = '$';
    text[PATTERN_MAX + 1] = '\0';
    assert_int_equal(pattern_new(&p, &why, text), KZ_RANGE);
    assert_string_equal(why, "at most 200 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pattern_is_met_by_the_whole_text),
        cmocka_unit_test(what_could_run_away_is_refused),
        cmocka_unit_test(the_longest_has_two_hundred_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
