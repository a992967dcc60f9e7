#include "stratum/proxy_header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t v2_tcp4[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"
                                 "\x0a\0\0\x09\x7f\0\0\x01\x12\x34\x0d\x05";

static enum kz_err parse(struct proxy_header *h, const void *p, size_t len)
{
    size_t need = 0;
    enum kz_err err = proxy_header_parse(h, &need, p, len);
    assert_true(err != KZ_EMPTY || need > 0);
    return err;
}

static void expect_source(const void *p, size_t len, const char *text)
{
    struct proxy_header h;
    char source[NETADDR_TEXT_SIZE];
    assert_int_equal(parse(&h, p, len), KZ_OK);
    assert_int_equal(h.len, len);
    assert_true(h.has_address);
    netaddr_format(source, &h.source, true);
    assert_string_equal(source, text);
}

static void both_versions_name_the_source(void **state)
{
    (void)state;
    static const char v1[] = "PROXY TCP4 192.0.2.7 198.51.100.1 51000 3333\r\n";
    static const char v1_6[] = "PROXY TCP6 2001:db8::7 2001:db8::1 51000 3333\r\n";
    static const uint8_t v2_tcp6[] = "\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24"
                                     "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"
                                     "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
                                     "\x12\x34\x0d\x05";
    expect_source(v1, sizeof(v1) - 1, "192.0.2.7:51000");
    expect_source(v1_6, sizeof(v1_6) - 1, "[2001:db8::7]:51000");
    expect_source(v2_tcp4, sizeof(v2_tcp4) - 1, "10.0.0.9:4660");
    expect_source(v2_tcp6, sizeof(v2_tcp6) - 1, "[2001:db8::7]:4660");
}

static void what_needs_more_says_how_much_and_never_too_much(void **state)
{
    (void)state;
    static const char v1[] = "PROXY TCP4 192.0.2.7 198.51.100.1 51000 3333\r\n";
    const void *const all[] = {v1, v2_tcp4};
    const size_t lens[] = {sizeof(v1) - 1, sizeof(v2_tcp4) - 1};
    for (size_t i = 0; i < 2; i++) {
        for (size_t n = 1; n < lens[i]; n++) {
            struct proxy_header h;
            size_t need = 0;
            assert_int_equal(proxy_header_parse(&h, &need, all[i], n), KZ_EMPTY);
            assert_true(need >= 1 && n + need <= lens[i]);
        }
    }
}

static void headers_may_say_nothing_of_the_source(void **state)
{
    (void)state;
    struct proxy_header h;
    static const uint8_t local[] = "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
    static const uint8_t unix_socket[] = "\r\n\r\n\0\r\nQUIT\n\x21\x31\0\x02xx";
    assert_int_equal(parse(&h, "PROXY UNKNOWN\r\n", 15), KZ_OK);
    assert_false(h.has_address);
    assert_int_equal(parse(&h, local, 16), KZ_OK);
    assert_false(h.has_address);
    assert_int_equal(parse(&h, unix_socket, 18), KZ_OK);
    assert_false(h.has_address);
    assert_int_equal(h.len, 18);
}

static void other_bytes_are_no_header(void **state)
{
    (void)state;
    struct proxy_header h;
    assert_int_equal(parse(&h, "{\"id\":1}", 8), KZ_RANGE);
    assert_int_equal(parse(&h, "POST / HTTP/1.1\r\n", 17), KZ_RANGE);
    assert_int_equal(parse(&h, "\r\n\r\n{", 5), KZ_RANGE);
    assert_int_equal(parse(&h, "\x16\x03\x01", 3), KZ_RANGE);
}

static void malformed_headers_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "PROXY TCP4 192.0.2.7 198.51.100.1 51000\r\n",
        "PROXY TCP4 192.0.2.777 198.51.100.1 51000 3333\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 91000 3333\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 51000 3333 x\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 51000 3333\n",
        "PROXY UDP4 192.0.2.7 198.51.100.1 51000 3333\r\n",
        "PROXY \r\n",
    };
    struct proxy_header h;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(parse(&h, bad[i], strlen(bad[i])), KZ_PARSE);
    char longest[200];
    memset(longest, 'a', sizeof(longest));
    memcpy(longest, "PROXY ", 6);
    assert_int_equal(parse(&h, longest, sizeof(longest)), KZ_PARSE);
    assert_int_equal(parse(&h, "\r\n\r\n\0\r\nQUIT\n\x11\x11\0\0", 16), KZ_PARSE);
    assert_int_equal(parse(&h, "\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff", 16), KZ_PARSE);
    assert_int_equal(parse(&h, "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x02xx", 18), KZ_PARSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_versions_name_the_source),
        cmocka_unit_test(what_needs_more_says_how_much_and_never_too_much),
        cmocka_unit_test(headers_may_say_nothing_of_the_source),
        cmocka_unit_test(other_bytes_are_no_header),
        cmocka_unit_test(malformed_headers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
