/* The page of a watcher: languages, numbers, times, and that nothing in it is markup but
 * what is ours. */
#include "conf/mem.h"
#include "pool/watch_page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NBSP "\xc2\xa0"

static json_t *sample(void)
{
    json_t *view = json_loads(
        "{\"miner\": \"alice\", \"certificate\": \"TM-7\", \"state\": \"active\","
        " \"pool\": \"K\", \"network\": \"main\","
        " \"zone\": {\"name\": \"Asia/Ashgabat\", \"utc_offset_minutes\": 300},"
        " \"made_at\": \"2026-11-26T20:05:00.000Z\", \"until\": "
        "\"2026-12-31T19:00:00Z\","
        " \"hashrate\": {\"1m\": 0, \"10m\": 1234567890123456.0, \"1h\": 999.4,"
        "                \"24h\": 12345678.0},"
        " \"shares\": {\"accepted\": 1234567, \"refused\": 12, \"work\": "
        "\"98765432109876\","
        "              \"last\": null},"
        " \"balance\": {\"immature\": {\"sat\": 1, \"btc\": \"0.00000001\"},"
        "   \"mature\": {\"sat\": -5, \"btc\": \"-0.00000005\"},"
        "   \"held\": {\"sat\": 0, \"btc\": \"0.00000000\"},"
        "   \"reserved\": {\"sat\": 7, \"btc\": \"0.00000007\"},"
        "   \"total\": {\"sat\": 123456700000001, \"btc\": \"1234567.00000001\"}},"
        " \"period\": {}, \"worker_count\": 1, \"workers\": [{\"name\": \"rig\","
        "   \"software\": \"x\", \"live\": 1, \"accepted\": 1, \"refused\": 0,"
        "   \"hashrate\": {}, \"last\": \"2026-11-26T19:05:59.999Z\"}],"
        " \"credits\": [], \"payments\": []}",
        0, NULL);
    assert_non_null(view);
    return view;
}

static void has(enum watch_language language, const json_t *view, const char *part)
{
    char *page = watch_page(view, language);
    if (strstr(page, part) == NULL)
        fail_msg("\"%s\" is not in:\n%s", part, page);
    mem_free(page);
}

static void lacks(enum watch_language language, const json_t *view, const char *part)
{
    char *page = watch_page(view, language);
    if (strstr(page, part) != NULL)
        fail_msg("\"%s\" is in:\n%s", part, page);
    mem_free(page);
}

static void numbers_are_as_the_language_has_them(void **state)
{
    (void)state;
    json_t *view = sample();
    has(WATCH_EN, view, ">1,234,567.00000001<");
    has(WATCH_RU, view, ">1" NBSP "234" NBSP "567,00000001<");
    has(WATCH_TK, view, ">98" NBSP "765" NBSP "432" NBSP "109" NBSP "876<");
    has(WATCH_EN, view, ">1,234,567<");
    has(WATCH_EN, view,
        ">\xe2\x88\x92"
        "0.00000005<");
    has(WATCH_EN, view, ">1.23" NBSP "PH/s<");
    has(WATCH_RU, view, ">1,23" NBSP "PH/s<");
    has(WATCH_EN, view, ">999" NBSP "H/s<");
    has(WATCH_EN, view, ">12.3" NBSP "MH/s<");
    json_decref(view);
}

static void times_are_those_of_the_zone(void **state)
{
    (void)state;
    json_t *view = sample();
    has(WATCH_EN, view, "2026-11-27 01:05");
    has(WATCH_EN, view, "2027-01-01 00:00");
    has(WATCH_TK, view, "27.11.2026 01:05");
    has(WATCH_RU, view, "27.11.2026 00:05");
    has(WATCH_EN, view, "Asia/Ashgabat (UTC+05:00)");
    has(WATCH_EN, view, ">never<");
    json_object_set_new(json_object_get(view, "zone"), "utc_offset_minutes",
                        json_integer(-210));
    has(WATCH_EN, view, "(UTC-03:30)");
    has(WATCH_EN, view, "2026-11-26 16:35");
    json_decref(view);
}

static void what_is_nothing_is_left_out_where_hardly_anybody_has_it(void **state)
{
    (void)state;
    json_t *view = sample();
    lacks(WATCH_EN, view, "On hold");
    has(WATCH_EN, view, "Being paid");
    has(WATCH_EN, view, "Immature");
    has(WATCH_EN, view, "No credits in this period.");
    json_decref(view);
}

static void what_others_chose_is_never_markup(void **state)
{
    (void)state;
    static const char evil[] = "<script>alert('1')</script>&\"\x01\xc3\xa9";
    static const char harmless[] =
        "&#60;script&#62;alert(&#39;1&#39;)&#60;/script&#62;&#38;&#34;?\xc3\xa9";
    static const char *const of_worker[] = {"name", "software"};
    static const char *const of_view[] = {"miner", "certificate", "pool", "network"};
    for (size_t i = 0; i < 6; i++) {
        json_t *view = sample();
        json_t *worker = json_array_get(json_object_get(view, "workers"), 0);
        if (i < 2)
            json_object_set_new(worker, of_worker[i], json_string(evil));
        else
            json_object_set_new(view, of_view[i - 2], json_string(evil));
        for (int l = 0; l < WATCH_LANGUAGES; l++) {
            lacks((enum watch_language)l, view, "<script");
            has((enum watch_language)l, view, harmless);
        }
        json_decref(view);
    }
}

static void a_page_of_nothing_is_a_page(void **state)
{
    (void)state;
    json_t *view = json_object();
    for (int l = 0; l < WATCH_LANGUAGES; l++)
        has((enum watch_language)l, view, "</html>");
    json_decref(view);
}

static void workers_that_are_not_shown_are_counted(void **state)
{
    (void)state;
    json_t *view = sample();
    json_object_set_new(view, "worker_count", json_integer(501));
    has(WATCH_EN, view, "+500 more rigs are not shown");
    json_decref(view);
}

static void the_hash_is_of_the_style_that_is_sent(void **state)
{
    (void)state;
    char hash[WATCH_STYLE_HASH_SIZE];
    watch_page_style_hash(hash);
    assert_int_equal(strlen(hash), 44);
    assert_int_equal(hash[43], '=');
    json_t *view = sample();
    lacks(WATCH_EN, view, " style=");
    json_decref(view);
}

static void every_word_is_there_in_every_language(void **state)
{
    (void)state;
    for (int w = 0; w < WATCH_WORDS; w++)
        for (int l = 0; l < WATCH_LANGUAGES; l++) {
            const char *word = watch_word((enum watch_language)l, (enum watch_word)w);
            if (word == NULL || word[0] == '\0')
                fail_msg("word %d in language %d", w, l);
        }
}

static void the_language_is_what_is_preferred_most(void **state)
{
    (void)state;
    static const struct {
        const char *accept;
        enum watch_language best;
    } rows[] = {
        {"", WATCH_TK},
        {"*", WATCH_TK},
        {"de, fr;q=0.5", WATCH_TK},
        {"en", WATCH_EN},
        {"EN-gb", WATCH_EN},
        {"ru-RU, en;q=0.9", WATCH_RU},
        {"en;q=0.8, ru;q=0.9", WATCH_RU},
        {"en;q=0.801,ru;q=0.8", WATCH_EN},
        {"de,en;q=0.1", WATCH_EN},
        {"en;q=0, de", WATCH_TK},
        {"en;q=0.000", WATCH_TK},
        {"en;q=1.0, ru", WATCH_EN},
        {"english, russian", WATCH_TK},
        {"en;q=x, ru;q=0.1", WATCH_RU},
        {",,  ,ru", WATCH_RU},
        {"en;q=", WATCH_TK},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (watch_language_prefer(rows[i].accept, WATCH_TK) != rows[i].best)
            fail_msg("%s", rows[i].accept);
}

static void a_plain_page_says_why(void **state)
{
    (void)state;
    char *page = watch_page_plain(WATCH_EN, WATCH_NOT_FOUND, WATCH_NOT_FOUND_WHY);
    assert_non_null(strstr(page, "<h1>This link does not work</h1>"));
    assert_non_null(strstr(page, "The pool&#39;s operator can give you a new one."));
    assert_null(strstr(page, "refresh"));
    mem_free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_as_the_language_has_them),
        cmocka_unit_test(times_are_those_of_the_zone),
        cmocka_unit_test(what_is_nothing_is_left_out_where_hardly_anybody_has_it),
        cmocka_unit_test(what_others_chose_is_never_markup),
        cmocka_unit_test(a_page_of_nothing_is_a_page),
        cmocka_unit_test(workers_that_are_not_shown_are_counted),
        cmocka_unit_test(the_hash_is_of_the_style_that_is_sent),
        cmocka_unit_test(every_word_is_there_in_every_language),
        cmocka_unit_test(the_language_is_what_is_preferred_most),
        cmocka_unit_test(a_plain_page_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
