/* Heads of HTTP requests: which are taken, what is read of them, and what is refused. */
#include "pool/http_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct bytes bytes_of(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

static struct http_request parsed(const char *text)
{
    struct http_request r;
    if (http_request_parse(&r, bytes_of(text)) != KZ_OK)
        fail_msg("refused: %s", text);
    return r;
}

static void a_head_ends_with_an_empty_line(void **state)
{
    (void)state;
    static const char text[] = "GET / HTTP/1.1\r\nA: b\r\n\r\nbody";
    for (size_t n = 0; n < 24; n++)
        assert_int_equal(http_head_len((struct bytes){(const uint8_t *)text, n}), 0);
    assert_int_equal(http_head_len(bytes_of(text)), 24);
    assert_int_equal(http_head_len((struct bytes){NULL, 0}), 0);
    assert_int_equal(http_head_len(bytes_of("GET / HTTP/1.1\n\n")), 0);
}

static void a_request_is_method_path_and_query(void **state)
{
    (void)state;
    struct http_request r = parsed("GET /watch/a-b.json?lang=ru&x=1 HTTP/1.1\r\n\r\n");
    assert_int_equal(r.method, HTTP_GET);
    assert_string_equal(r.path, "/watch/a-b.json");
    assert_string_equal(r.query, "lang=ru&x=1");
    assert_string_equal(r.languages, "");
    assert_string_equal(r.forwarded, "");
    assert_int_equal(parsed("HEAD / HTTP/1.0\r\n\r\n").method, HTTP_HEAD);
    assert_int_equal(parsed("POST / HTTP/1.1\r\n\r\n").method, HTTP_OTHER);
    assert_int_equal(parsed("get / HTTP/1.1\r\n\r\n").method, HTTP_OTHER);
    assert_string_equal(parsed("GET /a?b?c HTTP/1.1\r\n\r\n").query, "b?c");
    assert_string_equal(parsed("GET /a? HTTP/1.1\r\n\r\n").query, "");
}

static void names_of_headers_have_no_case_and_values_no_blanks_around(void **state)
{
    (void)state;
    struct http_request r = parsed("GET / HTTP/1.1\r\nHost: x\r\n"
                                   "ACCEPT-language: \t ru, en;q=0.5 \r\n"
                                   "x-Forwarded-For:192.0.2.7\r\n\r\n");
    assert_string_equal(r.languages, "ru, en;q=0.5");
    assert_string_equal(r.forwarded, "192.0.2.7");
}

/* What a client wrote itself stands before what its proxy wrote. */
static void of_the_forwarded_the_last_counts(void **state)
{
    (void)state;
    static const struct {
        const char *headers, *last;
    } rows[] = {
        {"X-Forwarded-For: 1.1.1.1, 2.2.2.2 ,\t2001:db8::1\r\n", "2001:db8::1"},
        {"X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\n", "2.2.2.2"},
        {"X-Forwarded-For: 1.1.1.1,\r\n", ""},
        {"X-Forwarded-For:\r\n", ""},
        {"X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: "
         "0123456789012345678901234567890123456789012345678901234567890123\r\n",
         ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[512];
        snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n%s\r\n", rows[i].headers);
        assert_string_equal(parsed(text).forwarded, rows[i].last);
    }
}

static void what_is_no_request_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "\r\n\r\n",
        "GET\r\n\r\n",
        "GET /\r\n\r\n",
        "GET / HTTP/1.1\r\n", /* no end */
        "GET / HTTP/1.1\n\n",
        "GET / HTTP/2.0\r\n\r\n",
        "GET / http/1.1\r\n\r\n",
        "GET / HTTP/1.1 \r\n\r\n",
        "GET  / HTTP/1.1\r\n\r\n",
        " GET / HTTP/1.1\r\n\r\n",
        "G(T / HTTP/1.1\r\n\r\n",
        "GET x HTTP/1.1\r\n\r\n",
        "GET http://x/ HTTP/1.1\r\n\r\n",
        "GET * HTTP/1.1\r\n\r\n",
        "GET /\t HTTP/1.1\r\n\r\n",
        "GET /\x7f HTTP/1.1\r\n\r\n",
        "GET /\xc3\xa9 HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\n: no name\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\rc\r\n\r\n",
        "GET / HTTP/1.1\r\nA: \x01\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\n\r\n",
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct http_request r = {.method = HTTP_HEAD, .path = "kept"};
        if (http_request_parse(&r, bytes_of(rows[i])) != KZ_PARSE)
            fail_msg("taken: %s", rows[i]);
        assert_string_equal(r.path, "kept");
    }
    struct http_request r;
    assert_int_equal(
        http_request_parse(
            &r, (struct bytes){(const uint8_t *)"GET /\0 HTTP/1.1\r\n\r\n", 20}),
        KZ_PARSE);
}

static void a_path_or_query_that_is_none_of_ours_is_too_long(void **state)
{
    (void)state;
    char text[1024], many[512];
    struct http_request r;
    memset(many, 'a', sizeof(many));
    many[sizeof(many) - 1] = '\0';
    static const struct {
        const char *begin;
        int more;
        enum kz_err err;
    } rows[] = {{"/", HTTP_PATH_SIZE - 2, KZ_OK},
                {"/", HTTP_PATH_SIZE - 1, KZ_RANGE},
                {"/?", HTTP_QUERY_SIZE - 1, KZ_OK},
                {"/?", HTTP_QUERY_SIZE, KZ_RANGE}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(text, sizeof(text), "GET %s%.*s HTTP/1.1\r\n\r\n", rows[i].begin,
                 rows[i].more, many);
        assert_int_equal(http_request_parse(&r, bytes_of(text)), rows[i].err);
    }
}

static void a_header_that_is_too_long_for_us_is_as_if_it_were_not_there(void **state)
{
    (void)state;
    char text[1024], many[512];
    memset(many, 'a', sizeof(many));
    many[sizeof(many) - 1] = '\0';
    snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nAccept-Language: %s\r\n\r\n", many);
    assert_string_equal(parsed(text).languages, "");
}

static void a_query_is_looked_up_by_name(void **state)
{
    (void)state;
    char out[4] = "";
    assert_true(http_query_get(out, sizeof(out), "lang=ru", "lang"));
    assert_string_equal(out, "ru");
    assert_true(http_query_get(out, sizeof(out), "x=1&lang=en&lang=tk", "lang"));
    assert_string_equal(out, "en");
    assert_true(http_query_get(out, sizeof(out), "lang=longer", "lang"));
    assert_string_equal(out, "lon");
    assert_true(http_query_get(out, sizeof(out), "&&lang=", "lang"));
    assert_string_equal(out, "");
    assert_false(http_query_get(out, sizeof(out), "language=ru&xlang=ru&lang", "lang"));
    assert_false(http_query_get(out, sizeof(out), "", "lang"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_ends_with_an_empty_line),
        cmocka_unit_test(a_request_is_method_path_and_query),
        cmocka_unit_test(names_of_headers_have_no_case_and_values_no_blanks_around),
        cmocka_unit_test(of_the_forwarded_the_last_counts),
        cmocka_unit_test(what_is_no_request_is_refused),
        cmocka_unit_test(a_path_or_query_that_is_none_of_ours_is_too_long),
        cmocka_unit_test(a_header_that_is_too_long_for_us_is_as_if_it_were_not_there),
        cmocka_unit_test(a_query_is_looked_up_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
