#include "payout/watchlist.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/vectors.h"

#define P2WPKH "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
#define P2PKH  "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"

static enum kz_err parse(struct watchlist **list, struct watchlist_problem *problem,
                         const char *text)
{
    return watchlist_parse(list, problem, network_of(CONF_MAIN), text, strlen(text));
}

static bool has(const struct watchlist *list, const char *hex)
{
    uint8_t script[64];
    size_t len = 0;
    assert_int_equal(hex_decode_some(script, &len, sizeof(script), hex, strlen(hex)),
                     KZ_OK);
    return watchlist_has(list, (struct bytes){script, len});
}

static void addresses_and_scripts_are_found_by_script(void **state)
{
    (void)state;
    struct watchlist *list = NULL;
    struct watchlist_problem problem;
    assert_int_equal(parse(&list, &problem,
                           "# from somewhere\n"
                           "\n"
                           "  " P2WPKH "\t# one\r\n"
                           "   # blanks\n" P2PKH "\n"
                           "6A0401020304\n"
                           "51024e73"),
                     KZ_OK);
    assert_int_equal(watchlist_count(list), 4);
    assert_true(has(list, "0014751e76e8199196d454941c45d1b3a323f1433bd6"));
    assert_true(has(list, "76a9147680adec8eabcabac676be9e83854ade0bd22cdb88ac"));
    assert_true(has(list, "6a0401020304"));
    assert_true(has(list, "51024e73"));
    assert_false(has(list, "51024e74"));
    assert_false(has(list, "6a04010203")); /* the beginning of one */
    assert_false(has(list, "51024e7300")); /* one and more */
    assert_false(has(list, ""));
    watchlist_free(list);
}

static void one_thing_in_two_forms_is_one_script(void **state)
{
    (void)state;
    struct watchlist *list = NULL;
    struct watchlist_problem problem;
    assert_int_equal(parse(&list, &problem,
                           P2WPKH "\nBC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4\n"
                                  "0014751e76e8199196d454941c45d1b3a323f1433bd6\n"
                                  "0014751E76E8199196D454941C45D1B3A323F1433BD6\n"),
                     KZ_OK);
    assert_int_equal(watchlist_count(list), 1);
    watchlist_free(list);
}

static void a_list_of_nothing_holds_nothing(void **state)
{
    (void)state;
    const char *const texts[] = {"", "\n\n", "# only this", "\r\n \t\n"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct watchlist *list = NULL;
        struct watchlist_problem problem;
        assert_int_equal(parse(&list, &problem, texts[i]), KZ_OK);
        assert_int_equal(watchlist_count(list), 0);
        assert_false(has(list, "51024e73"));
        watchlist_free(list);
    }
    watchlist_free(NULL);
}

static void a_bad_line_is_named_and_there_is_no_list(void **state)
{
    (void)state;
    const struct {
        const char *text;
        size_t line;
        enum kz_err err;
    } bad[] = {
        {"nonsense", 1, KZ_PARSE},
        {P2WPKH "\n\n# x\n" P2WPKH "x\n", 4, KZ_PARSE},
        {P2PKH "\n51024e7\n", 2, KZ_PARSE},
        {P2PKH " " P2PKH, 1, KZ_PARSE},
        {P2PKH ", 2019", 1, KZ_PARSE},
        {"\n\ntb1q7kpyn5kf2han546yrycq0525vy0dp23y84280q\n", 3, KZ_RANGE},
        {"0x51024e73", 1, KZ_PARSE},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct watchlist *list = NULL;
        struct watchlist_problem problem = {77, NULL};
        assert_int_equal(parse(&list, &problem, bad[i].text), bad[i].err);
        assert_int_equal(problem.line, bad[i].line);
        assert_non_null(problem.text);
        assert_null(list);
    }
}

static void a_mistyped_address_is_said_to_be_one(void **state)
{
    (void)state;
    struct watchlist *list = NULL;
    struct watchlist_problem problem;
    assert_int_equal(parse(&list, &problem, "1BoatSLRHtKNngkdXEeobR76b53LETtpyU"),
                     KZ_PARSE);
    assert_string_equal(problem.text, address_fault_text(ADDRESS_BAD_CHECKSUM));
    assert_int_equal(parse(&list, &problem, "hello"), KZ_PARSE);
    assert_string_equal(problem.text, "neither an address nor a script in hex");
}

static void a_byte_of_zero_ends_nothing(void **state)
{
    (void)state;
    const char text[] = "51024e73\0\n" P2PKH;
    struct watchlist *list = NULL;
    struct watchlist_problem problem;
    assert_int_equal(
        watchlist_parse(&list, &problem, network_of(CONF_MAIN), text, sizeof(text) - 1),
        KZ_PARSE);
    assert_int_equal(problem.line, 1);
}

static void scripts_and_lists_have_a_longest(void **state)
{
    (void)state;
    struct watchlist *list = NULL;
    struct watchlist_problem problem;
    size_t len = 2 * WATCHLIST_SCRIPT_MAX;
    char *text = malloc(len + 3);
    assert_non_null(text);
    memset(text, 'a', len + 2);
    text[len + 2] = '\0';
    assert_int_equal(parse(&list, &problem, text), KZ_PARSE);
    text[len] = '\0';
    assert_int_equal(parse(&list, &problem, text), KZ_OK);
    assert_int_equal(watchlist_count(list), 1);
    watchlist_free(list);
    list = NULL;
    /* The length is judged before anything is read. */
    assert_int_equal(watchlist_parse(&list, &problem, network_of(CONF_MAIN), text,
                                     (size_t)WATCHLIST_BYTES_MAX + 1),
                     KZ_RANGE);
    assert_int_equal(problem.line, 0);
    assert_null(list);
    free(text);
}

static void the_hash_is_of_the_very_bytes(void **state)
{
    (void)state;
    struct watchlist *list = NULL;
    struct watchlist_problem problem;
    char hex[65];
    assert_int_equal(parse(&list, &problem, ""), KZ_OK);
    hex_encode(hex, watchlist_sha256(list)->b, 32);
    assert_string_equal(
        hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    watchlist_free(list);
    assert_int_equal(parse(&list, &problem, "51024e73\n"), KZ_OK);
    hex_encode(hex, watchlist_sha256(list)->b, 32);
    assert_string_equal(
        hex, "4c7227cd6e013520f61312ad1a2912216326ecc87b7ddb14012c2a5c6e19ddef");
    watchlist_free(list);
}

static void every_address_of_a_long_list_is_found(void **state)
{
    (void)state;
    json_t *file = vectors_json("addresses/generated.json");
    const json_t *keys = json_object_get(file, "keys");
    char text[20000] = "";
    size_t at = 0, count = 0;
    for (size_t k = 0; k < json_array_size(keys); k++) {
        const json_t *outputs = json_object_get(json_array_get(keys, k), "outputs");
        for (size_t i = 0; i < json_array_size(outputs); i++, count++)
            at += (size_t)snprintf(text + at, sizeof(text) - at, "%s # %zu\n",
                                   text_at(json_array_get(outputs, i), "main"), count);
    }
    struct watchlist *list = NULL;
    struct watchlist_problem problem;
    assert_int_equal(parse(&list, &problem, text), KZ_OK);
    assert_in_range(watchlist_count(list), 40, count);
    for (size_t k = 0; k < json_array_size(keys); k++) {
        const json_t *outputs = json_object_get(json_array_get(keys, k), "outputs");
        for (size_t i = 0; i < json_array_size(outputs); i++)
            assert_true(
                has(list, text_at(json_array_get(outputs, i), "script_pubkey")));
    }
    watchlist_free(list);
    json_decref(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_and_scripts_are_found_by_script),
        cmocka_unit_test(one_thing_in_two_forms_is_one_script),
        cmocka_unit_test(a_list_of_nothing_holds_nothing),
        cmocka_unit_test(a_bad_line_is_named_and_there_is_no_list),
        cmocka_unit_test(a_mistyped_address_is_said_to_be_one),
        cmocka_unit_test(a_byte_of_zero_ends_nothing),
        cmocka_unit_test(scripts_and_lists_have_a_longest),
        cmocka_unit_test(the_hash_is_of_the_very_bytes),
        cmocka_unit_test(every_address_of_a_long_list_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
