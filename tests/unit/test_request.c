#include "stratum/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct parsed {
    struct request r;
    char text[1024];
    size_t used;
    enum request_kind kind;
};

static void parse(struct parsed *p, const char *text)
{
    size_t len = strlen(text);
    memcpy(p->text, text, len + 1);
    p->kind = request_parse(&p->r, &p->used, p->text, len);
}

static void expect_id(const char *text, const char *id)
{
    struct parsed p;
    parse(&p, text);
    assert_int_equal(p.kind, REQUEST_CALL);
    assert_int_equal(p.r.id.len, strlen(id));
    assert_memory_equal(p.r.id.p, id, p.r.id.len);
    request_clear(&p.r);
}

static void the_id_is_kept_as_it_was_written(void **state)
{
    (void)state;
    expect_id("{\"id\":1,\"method\":\"m\"}", "1");
    expect_id("{\"id\" : 1.0e3 ,\"method\":\"m\"}", "1.0e3");
    expect_id("{\"method\":\"m\",\"id\":\"a\\\"}b\"}", "\"a\\\"}b\"");
    expect_id("{\"params\":[{\"id\":5}],\"id\":[1,{\"id\":2}],\"method\":\"m\"}",
              "[1,{\"id\":2}]");
    expect_id("{\"id\":99999999999999999999999,\"method\":\"m\"}",
              "99999999999999999999999");
    expect_id("{\"method\":\"m\"}", "null");
    expect_id("{\"id\":1,\"id\":2,\"method\":\"m\"}", "2");
    expect_id("{\"\\u0069d\":\"x\",\"method\":\"m\"}", "\"x\"");
    expect_id("{\"method\":\"m\",\"id\":true}", "true");
}

static void expect_params(const char *text, enum request_method method,
                          const char *params)
{
    struct parsed p;
    parse(&p, text);
    assert_int_equal(p.kind, REQUEST_CALL);
    assert_int_equal(p.r.method, method);
    char *got = json_dumps(p.r.params, JSON_COMPACT);
    assert_string_equal(got, params);
    free(got);
    request_clear(&p.r);
}

static void params_become_an_array_whatever_they_were(void **state)
{
    (void)state;
    expect_params("{\"method\":\"mining.ping\"}", METHOD_PING, "[]");
    expect_params("{\"method\":\"mining.ping\",\"params\":null}", METHOD_PING, "[]");
    expect_params("{\"method\":\"mining.suggest_difficulty\",\"params\":7}",
                  METHOD_SUGGEST_DIFFICULTY, "[7]");
    expect_params("{\"method\":\"mining.subscribe\",\"params\":{\"a\":\"x\",\"b\":1}}",
                  METHOD_SUBSCRIBE, "[\"x\",1]");
    expect_params("{\"method\":\"mining.suggest_difficulty(1024)\"}",
                  METHOD_SUGGEST_DIFFICULTY, "[1024]");
    expect_params("{\"method\":\"mining.get_transactions(ab1)\"}",
                  METHOD_GET_TRANSACTIONS, "[\"ab1\"]");
    expect_params("{\"method\":\"mining.ping()\"}", METHOD_PING, "[]");
    expect_params("{\"method\":\"mining.ping(\"}", METHOD_PING, "[]");
    expect_params("{\"method\":\"mining.pin\"}", METHOD_UNKNOWN, "[]");
    expect_params("{\"method\":\"kariz.x\"}", METHOD_OURS, "[]");
    expect_params("{\"jsonrpc\":\"2.0\",\"method\":\"mining.submit\",\"params\":[1]}",
                  METHOD_SUBMIT, "[1]");
}

static void replies_and_junk_are_told_apart(void **state)
{
    (void)state;
    struct parsed p;
    parse(&p, "{\"id\":1,\"result\":true,\"error\":null}");
    assert_int_equal(p.kind, REQUEST_RESPONSE);
    static const char *const junk[] = {
        "",     "x",   "[]",      "{\"id\":1}", "{", "5", "{\"method\":5}",
        "null", "{}}", "\"text\""};
    for (size_t i = 0; i < sizeof(junk) / sizeof(junk[0]); i++) {
        parse(&p, junk[i]);
        assert_int_equal(p.kind, REQUEST_MALFORMED);
    }
}

static void objects_without_a_newline_between_follow_each_other(void **state)
{
    (void)state;
    struct parsed p;
    parse(&p, "{\"id\":1,\"method\":\"mining.ping\"} {\"id\":2,\"method\":\"m\"}");
    assert_int_equal(p.kind, REQUEST_CALL);
    assert_int_equal(p.used, 32);
    assert_int_equal(p.text[p.used], '{');
    request_clear(&p.r);
}

static void bytes_that_are_no_utf8_do_not_lose_the_line(void **state)
{
    (void)state;
    struct parsed p;
    parse(&p, "{\"id\":1,\"method\":\"mining.authorize\",\"params\":[\"al\xe9.rig\"]}");
    assert_int_equal(p.kind, REQUEST_CALL);
    struct bytes login = request_param_text(&p.r, 0);
    assert_int_equal(login.len, 7);
    assert_memory_equal(login.p, "al?.rig", 7);
    assert_int_equal(request_param_text(&p.r, 1).len, 0);
    request_clear(&p.r);
}

static void replies_always_have_id_result_and_error(void **state)
{
    (void)state;
    struct out o = {0};
    struct bytes id = {(const uint8_t *)"\"x\"", 3};
    reply_result(&o, id, "true");
    reply_error(&o, id, "null", -3, "Method not found");
    static const char expected[] =
        "{\"id\":\"x\",\"result\":true,\"error\":null}\n"
        "{\"id\":\"x\",\"result\":null,\"error\":[-3,\"Method not found\",null]}\n";
    assert_int_equal(o.len, sizeof(expected) - 1);
    assert_memory_equal(o.p, expected, o.len);
    out_clear(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_id_is_kept_as_it_was_written),
        cmocka_unit_test(params_become_an_array_whatever_they_were),
        cmocka_unit_test(replies_and_junk_are_told_apart),
        cmocka_unit_test(objects_without_a_newline_between_follow_each_other),
        cmocka_unit_test(bytes_that_are_no_utf8_do_not_lose_the_line),
        cmocka_unit_test(replies_always_have_id_result_and_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
