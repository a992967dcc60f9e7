#include "stratum/submit_fast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SUBMIT "{\"id\":4,\"method\":\"mining.submit\",\"params\":"
#define FIVE   "\"alice.rig\",\"1a00\",\"00000000000000aa\",\"6b02c665\",\"ab6a1a00\""

static bool fast(struct submit_line *s, const char *text)
{
    return submit_fast_parse(s, (const uint8_t *)text, strlen(text));
}

static void assert_text(struct bytes b, const char *text)
{
    assert_int_equal(b.len, strlen(text));
    assert_memory_equal(b.p, text, b.len);
}

static void ordinary_lines_are_taken(void **state)
{
    (void)state;
    struct submit_line s;
    assert_true(fast(&s, SUBMIT "[" FIVE "]}"));
    assert_text(s.id, "4");
    assert_text(s.login, "alice.rig");
    assert_text(s.job, "1a00");
    assert_text(s.text.extranonce2, "00000000000000aa");
    assert_text(s.text.ntime, "6b02c665");
    assert_text(s.text.nonce, "ab6a1a00");
    assert_null(s.text.version_bits.p);
    assert_true(fast(&s, SUBMIT "[" FIVE ",\"00400000\"]}"));
    assert_text(s.text.version_bits, "00400000");
    assert_true(fast(&s,
                     " { \"params\" : [ " FIVE " ] , \"id\" : \"a b\" ,\t\"jsonrpc\":"
                     "\"2.0\", \"method\": \"mining.submit\" } "));
    assert_text(s.id, "\"a b\"");
    assert_true(
        fast(&s, "{\"id\":null,\"method\":\"mining.submit\",\"params\":[" FIVE "]}"));
    assert_text(s.id, "null");
}

static void unusual_lines_are_left_to_the_long_way(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "",
        "{}",
        "{\"method\":\"mining.submit\",\"params\":[" FIVE "]}", /* no id */
        "{\"id\":1.5,\"method\":\"mining.submit\",\"params\":[" FIVE "]}",
        "{\"id\":01,\"method\":\"mining.submit\",\"params\":[" FIVE "]}",
        "{\"id\":nul,\"method\":\"mining.submit\",\"params\":[" FIVE "]}",
        "{\"id\":1234567890123456789,\"method\":\"mining.submit\",\"params\":[" FIVE
        "]}",
        SUBMIT "[" FIVE "],\"x\":1}",
        SUBMIT "[" FIVE "],\"id\":1}",
        SUBMIT "[" FIVE "]}x",
        SUBMIT "[" FIVE "]",
        SUBMIT "[" FIVE ",null]}",
        SUBMIT "[" FIVE ",\"1\",\"2\"]}",
        SUBMIT "[\"a\",\"b\",\"c\",\"d\"]}",
        SUBMIT "[\"a\\u0041\",\"b\",\"c\",\"d\",\"e\"]}",
        SUBMIT "[\"a\xc3\xa4\",\"b\",\"c\",\"d\",\"e\"]}",
        SUBMIT "[\"a\",7,\"c\",\"d\",\"e\"]}",
        "{\"id\":1,\"method\":\"mining.authorize\",\"params\":[" FIVE "]}",
    };
    struct submit_line s;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        assert_false(fast(&s, lines[i]));
}

static void no_cut_of_a_line_is_taken_or_read_past(void **state)
{
    (void)state;
    static const char line[] = SUBMIT "[" FIVE ",\"00400000\"]}";
    for (size_t n = 0; n < sizeof(line) - 1; n++) {
        struct submit_line s;
        uint8_t *exact = malloc(n > 0 ? n : 1);
        memcpy(exact, line, n);
        assert_false(submit_fast_parse(&s, exact, n));
        free(exact);
    }
}

static enum kz_err slow(struct submit_line *s, struct request *r, char *text)
{
    size_t used;
    assert_int_equal(request_parse(r, &used, text, strlen(text)), REQUEST_CALL);
    return submit_from_request(s, r);
}

static void numbers_stand_for_their_values(void **state)
{
    (void)state;
    char text[] = SUBMIT "[\"a\",1200,\"aa\",1795343973,2875857408,4194304]}";
    struct submit_line s;
    struct request r;
    assert_int_equal(slow(&s, &r, text), KZ_OK);
    assert_text(s.job, "1200");
    assert_text(s.text.ntime, "6b02c665");
    assert_text(s.text.nonce, "ab6a1a00");
    assert_text(s.text.version_bits, "400000");
    request_clear(&r);
}

static void what_cannot_be_meant_is_malformed(void **state)
{
    (void)state;
    const char *const lines[] = {SUBMIT "[]}",
                                 SUBMIT "[\"a\",\"b\",\"c\",\"d\"]}",
                                 SUBMIT "[1,\"b\",\"c\",\"d\",\"e\"]}",
                                 SUBMIT "[\"a\",\"b\",\"c\",\"d\",-1]}",
                                 SUBMIT "[\"a\",\"b\",\"c\",\"d\",1.5]}",
                                 SUBMIT "[\"a\",\"b\",\"c\",\"d\",\"e\",true]}",
                                 SUBMIT "null}"};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        char text[200];
        struct submit_line s;
        struct request r;
        memcpy(text, lines[i], strlen(lines[i]) + 1);
        assert_int_equal(slow(&s, &r, text), KZ_PARSE);
        request_clear(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordinary_lines_are_taken),
        cmocka_unit_test(unusual_lines_are_left_to_the_long_way),
        cmocka_unit_test(no_cut_of_a_line_is_taken_or_read_past),
        cmocka_unit_test(numbers_stand_for_their_values),
        cmocka_unit_test(what_cannot_be_meant_is_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
