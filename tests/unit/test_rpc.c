#include "pool/rpc.h"

#include "conf/log.h"
#include "fake_rpc.h"

#include <event2/thread.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT_MS 10000

/* What the last answer was. */
struct seen {
    size_t count;
    enum rpc_outcome outcome;
    int64_t code;
    char message[RPC_MESSAGE_SIZE];
    char result[128];
};

struct bed {
    struct event_base *base;
    struct fake_rpc fake;
    struct rpc *rpc;
    struct rpc_auth *auth;
    struct seen seen;
    const char *body; /* what reply_text() answers with */
    int status;
    char path[64]; /* of the secret */
};

static void on_answer(void *ctx, const struct rpc_answer *a)
{
    struct seen *s = ctx;
    s->count++;
    s->outcome = a->outcome;
    s->code = a->code;
    snprintf(s->message, sizeof(s->message), "%s", a->message);
    s->result[0] = '\0';
    if (a->outcome == RPC_RESULT) {
        char *text = json_dumps(a->result, JSON_COMPACT | JSON_ENCODE_ANY);
        snprintf(s->result, sizeof(s->result), "%s", text);
        free(text);
    }
}

static void reply_text(void *ctx, const struct fake_request *r)
{
    struct bed *b = ctx;
    fake_text(r, b->status, b->body);
}

static void write_secret(struct bed *b, const char *text)
{
    int fd = open(b->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void make_rpc(struct bed *b, const char *url)
{
    const char *why = "";
    rpc_free(b->rpc);
    b->rpc = NULL;
    assert_int_equal(rpc_new(&b->rpc, &why, b->base, NULL, url, b->auth), KZ_OK);
}

static void point_at(struct bed *b, uint16_t port)
{
    char url[64];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u", (unsigned)port);
    make_rpc(b, url);
}

static int set_up(void **state)
{
    struct bed *b = mem_new(sizeof(*b));
    log_setup(LOG_ERROR, false);
    b->base = event_base_new();
    snprintf(b->path, sizeof(b->path), "/tmp/kariz-test-rpc-%ld", (long)getpid());
    write_secret(b, "__cookie__:first\n");
    b->auth = rpc_auth_new(b->path, "", "");
    if (!fake_start(&b->fake, b->base, 0, reply_text, b))
        return -1;
    point_at(b, b->fake.port);
    b->status = 200;
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bed *b = *state;
    rpc_free(b->rpc);
    fake_stop(&b->fake);
    rpc_auth_free(b->auth);
    unlink(b->path);
    event_base_free(b->base);
    mem_free(b);
    return 0;
}

static void ask(struct bed *b, uint32_t timeout_ms, bool once)
{
    struct rpc_request q = {.method = "m",
                            .head = "[]",
                            .timeout_ms = timeout_ms,
                            .once = once,
                            .on_answer = on_answer,
                            .ctx = &b->seen};
    assert_int_equal(rpc_call(b->rpc, &q), KZ_OK);
}

static void ask_and_wait(struct bed *b)
{
    size_t before = b->seen.count;
    ask(b, WAIT_MS, false);
    RUN_UNTIL(b->base, b->seen.count == before + 1, WAIT_MS);
}

static void expect(struct bed *b, int status, const char *body,
                   enum rpc_outcome outcome)
{
    b->status = status;
    b->body = body;
    ask_and_wait(b);
    assert_string_equal(rpc_outcome_name(b->seen.outcome), rpc_outcome_name(outcome));
}

static void a_result_arrives(void **state)
{
    struct bed *b = *state;
    expect(b, 200, "{\"result\":{\"a\":1},\"error\":null}", RPC_RESULT);
    assert_string_equal(b->seen.result, "{\"a\":1}");
    expect(b, 200, "{\"jsonrpc\":\"2.0\",\"result\":null}", RPC_RESULT);
    assert_string_equal(b->seen.result, "null");
}

static void errors_are_read_whatever_the_status(void **state)
{
    struct bed *b = *state;
    const char *body =
        "{\"result\":null,\"error\":{\"code\":-28,\"message\":\"Loading\"}}";
    const int statuses[] = {200, 404, 500, 503};
    for (size_t i = 0; i < 4; i++) {
        expect(b, statuses[i], body, RPC_ERROR);
        assert_int_equal(b->seen.code, -28);
        assert_string_equal(b->seen.message, "Loading");
    }
}

static void a_full_work_queue_is_busy(void **state)
{
    struct bed *b = *state;
    expect(b, 503, "Work queue depth exceeded", RPC_BUSY);
    assert_string_equal(b->seen.message, "HTTP 503: Work queue depth exceeded");
}

static void what_is_no_reply_is_malformed(void **state)
{
    struct bed *b = *state;
    static const char *const bodies[] = {
        "",
        "no json",
        "{\"result\":",
        "{\"result\":1}trailing",
        "[]",
        "{}",
        "{\"error\":null}",
        "{\"error\":{\"message\":\"no code\"}}",
        "{\"error\":\"text\"}",
        "{\"result\":1,\"id\":424242}",
        "{\"result\":99999999999999999999999999}",
        "{\"result\":\"\\ud800\"}",
    };
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        expect(b, 200, bodies[i], RPC_MALFORMED);
    expect(b, 500, "{\"result\":1,\"error\":null}", RPC_MALFORMED);
    expect(b, 502, "<html>", RPC_MALFORMED);
    assert_string_equal(b->seen.message, "HTTP 502");
}

static void unprintable_bytes_of_a_node_do_not_reach_the_log(void **state)
{
    struct bed *b = *state;
    expect(b, 500, "{\"error\":{\"code\":1,\"message\":\"a\\n\\u00e9\\u001b[1mb\"}}",
           RPC_ERROR);
    assert_string_equal(b->seen.message, "a????[1mb");
}

static void calls_share_one_connection_and_keep_their_order(void **state)
{
    struct bed *b = *state;
    b->body = "{\"result\":1}";
    for (size_t i = 0; i < 5; i++)
        ask(b, WAIT_MS, false);
    RUN_UNTIL(b->base, b->seen.count == 5, WAIT_MS);
    assert_int_equal(b->fake.accepted, 1);
    assert_int_equal(b->fake.requests, 5);
}

static void the_queue_is_bounded(void **state)
{
    struct bed *b = *state;
    b->body = "{\"result\":1}";
    for (size_t i = 0; i < RPC_QUEUE_MAX; i++)
        ask(b, WAIT_MS, false);
    struct rpc_request q = {.method = "m", .head = "[]", .timeout_ms = 1};
    assert_int_equal(rpc_call(b->rpc, &q), KZ_BUSY);
    RUN_UNTIL(b->base, b->seen.count == RPC_QUEUE_MAX, WAIT_MS);
}

static void a_refused_connection_is_lost_and_the_next_call_connects(void **state)
{
    struct bed *b = *state;
    uint16_t port = b->fake.port;
    fake_stop(&b->fake);
    ask_and_wait(b);
    assert_int_equal(b->seen.outcome, RPC_LOST);
    assert_true(fake_start(&b->fake, b->base, port, reply_text, b));
    expect(b, 200, "{\"result\":1}", RPC_RESULT);
}

static void hang_up_on_second(void *ctx, const struct fake_request *r)
{
    struct bed *b = ctx;
    if (r->serial == 1)
        fake_hang_up(r->fake, r->bev);
    else
        fake_text(r, 200, b->body);
}

static void a_kept_connection_that_breaks_is_tried_again_once(void **state)
{
    struct bed *b = *state;
    b->fake.on_request = hang_up_on_second;
    b->body = "{\"result\":1}";
    ask_and_wait(b);
    ask_and_wait(b);
    assert_int_equal(b->seen.outcome, RPC_RESULT);
    assert_int_equal(b->fake.requests, 3);
    assert_int_equal(b->fake.accepted, 2);
}

static void a_call_marked_once_is_not_repeated(void **state)
{
    struct bed *b = *state;
    b->fake.on_request = hang_up_on_second;
    b->body = "{\"result\":1}";
    ask_and_wait(b);
    ask(b, WAIT_MS, true);
    RUN_UNTIL(b->base, b->seen.count == 2, WAIT_MS);
    assert_int_equal(b->seen.outcome, RPC_LOST);
    assert_int_equal(b->fake.requests, 2);
}

static void hang_up(void *ctx, const struct fake_request *r)
{
    (void)ctx;
    fake_hang_up(r->fake, r->bev);
}

static void a_fresh_connection_that_breaks_is_lost_at_once(void **state)
{
    struct bed *b = *state;
    b->fake.on_request = hang_up;
    ask_and_wait(b);
    assert_int_equal(b->seen.outcome, RPC_LOST);
    assert_int_equal(b->fake.requests, 1);
}

static void cut_short(void *ctx, const struct fake_request *r)
{
    (void)ctx;
    static const char text[] =
        "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{\"result\":";
    /* Straight to the socket: a bufferevent that is freed forgets what it holds. */
    assert_true(write(bufferevent_getfd(r->bev), text, sizeof(text) - 1) > 0);
    fake_hang_up(r->fake, r->bev);
}

static void a_body_cut_short_is_lost(void **state)
{
    struct bed *b = *state;
    b->fake.on_request = cut_short;
    ask_and_wait(b);
    assert_int_equal(b->seen.outcome, RPC_LOST);
}

static void send_no_http(void *ctx, const struct fake_request *r)
{
    (void)ctx;
    bufferevent_write(r->bev, "220 smtp ready\r\n\r\n", 18);
}

static void a_server_of_another_kind_fails_the_call(void **state)
{
    struct bed *b = *state;
    b->fake.on_request = send_no_http;
    ask_and_wait(b);
    assert_true(b->seen.outcome == RPC_MALFORMED || b->seen.outcome == RPC_LOST);
}

static void announce_giant(void *ctx, const struct fake_request *r)
{
    (void)ctx;
    evbuffer_add_printf(bufferevent_get_output(r->bev),
                        "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
                        (size_t)RPC_ANSWER_MAX + 1);
}

static void an_answer_above_the_bound_is_refused_by_its_announcement(void **state)
{
    struct bed *b = *state;
    b->fake.on_request = announce_giant;
    ask_and_wait(b);
    assert_int_equal(b->seen.outcome, RPC_MALFORMED);
    assert_string_equal(b->seen.message, "the answer is too large");
}

static void send_giant_chunk(void *ctx, const struct fake_request *r)
{
    (void)ctx;
    evbuffer_add_printf(bufferevent_get_output(r->bev),
                        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "ffffffff\r\nxxxx");
}

static void a_giant_chunk_is_refused(void **state)
{
    struct bed *b = *state;
    b->fake.on_request = send_giant_chunk;
    ask_and_wait(b);
    assert_int_equal(b->seen.outcome, RPC_MALFORMED);
}

static void stay_silent(void *ctx, const struct fake_request *r)
{
    (void)ctx;
    (void)r;
}

static void silence_ends_in_a_timeout_and_the_next_call_is_not_harmed(void **state)
{
    struct bed *b = *state;
    b->fake.on_request = stay_silent;
    ask(b, 50, false);
    RUN_UNTIL(b->base, b->seen.count == 1, WAIT_MS);
    assert_int_equal(b->seen.outcome, RPC_TIMEOUT);
    b->fake.on_request = reply_text;
    expect(b, 200, "{\"result\":1}", RPC_RESULT);
    assert_int_equal(b->fake.accepted, 2);
}

static void queued_calls_go_on_after_a_timeout(void **state)
{
    struct bed *b = *state;
    b->fake.on_request = stay_silent;
    ask(b, 50, false);
    ask(b, WAIT_MS, false);
    RUN_UNTIL(b->base, b->seen.count == 1, WAIT_MS);
    b->fake.on_request = reply_text;
    b->body = "{\"result\":1}";
    RUN_UNTIL(b->base, b->fake.requests == 2, WAIT_MS);
    fake_stop(&b->fake); /* the second went to the silent one: it is lost with it */
    RUN_UNTIL(b->base, b->seen.count == 2, WAIT_MS);
}

static void want_second_cookie(void *ctx, const struct fake_request *r)
{
    struct bed *b = ctx;
    /* base64 of "__cookie__:second" */
    bool right = strcmp(r->auth, "Basic X19jb29raWVfXzpzZWNvbmQ=") == 0;
    fake_text(r, right ? 200 : 401, right ? b->body : "");
}

static void a_new_cookie_is_read_after_a_401(void **state)
{
    struct bed *b = *state;
    b->fake.on_request = want_second_cookie;
    b->body = "{\"result\":1}";
    ask_and_wait(b);
    assert_int_equal(b->seen.outcome, RPC_REFUSED);
    assert_int_equal(b->fake.requests, 1); /* nothing new in the file: not again */
    write_secret(b, "__cookie__:second\r\nsecond line");
    ask_and_wait(b);
    assert_int_equal(b->seen.outcome, RPC_RESULT);
    assert_int_equal(b->fake.requests, 3);
}

static void want_user(void *ctx, const struct fake_request *r)
{
    struct bed *b = ctx;
    /* base64 of "kariz:first" */
    fake_text(r, strcmp(r->auth, "Basic a2FyaXo6Zmlyc3Q=") == 0 ? 200 : 403, b->body);
}

static void a_user_and_a_password_file_make_the_header(void **state)
{
    struct bed *b = *state;
    write_secret(b, "first\n");
    rpc_free(b->rpc);
    b->rpc = NULL;
    rpc_auth_free(b->auth);
    b->auth = rpc_auth_new("", "kariz", b->path);
    point_at(b, b->fake.port);
    b->fake.on_request = want_user;
    b->body = "{\"result\":1}";
    ask_and_wait(b);
    assert_int_equal(b->seen.outcome, RPC_RESULT);
}

static void a_missing_cookie_is_no_obstacle_to_asking(void **state)
{
    struct bed *b = *state;
    unlink(b->path);
    expect(b, 200, "{\"result\":1}", RPC_RESULT);
}

static void echo_params(void *ctx, const struct fake_request *r)
{
    (void)ctx;
    fake_result(r, json_incref(r->params));
}

static void a_blob_stands_between_head_and_tail_and_is_shared(void **state)
{
    struct bed *b = *state;
    b->fake.on_request = echo_params;
    struct rpc_blob *blob = rpc_blob_new("abcdef", 6);
    struct rpc_request q = {.method = "m",
                            .head = "[\"<",
                            .blob = blob,
                            .tail = ">\"]",
                            .timeout_ms = WAIT_MS,
                            .on_answer = on_answer,
                            .ctx = &b->seen};
    assert_int_equal(rpc_call(b->rpc, &q), KZ_OK);
    assert_int_equal(rpc_call(b->rpc, &q), KZ_OK);
    rpc_blob_unref(blob);
    RUN_UNTIL(b->base, b->seen.count == 2, WAIT_MS);
    assert_string_equal(b->seen.result, "[\"<abcdef>\"]");
}

static void freeing_it_answers_every_call(void **state)
{
    struct bed *b = *state;
    b->fake.on_request = stay_silent;
    for (size_t i = 0; i < 3; i++)
        ask(b, WAIT_MS, false);
    RUN_UNTIL(b->base, b->fake.requests == 1, WAIT_MS);
    rpc_free(b->rpc);
    b->rpc = NULL;
    assert_int_equal(b->seen.count, 3);
    assert_int_equal(b->seen.outcome, RPC_DROPPED);
}

static void names_are_resolved_through_the_hosts_file(void **state)
{
    struct bed *b = *state;
    char url[64], hosts[] = "/tmp/kariz-hosts-XXXXXX";
    const char *why = "";
    /* Our own: a bare system has none. */
    int fd = mkstemp(hosts);
    assert_true(fd >= 0);
    assert_true(dprintf(fd, "127.0.0.1 node.example\n") > 0);
    close(fd);
    snprintf(url, sizeof(url), "http://node.example:%u", (unsigned)b->fake.port);
    assert_true(rpc_url_has_name(url));
    struct evdns_base *dns = evdns_base_new(b->base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    int loaded = evdns_base_load_hosts(dns, hosts);
    unlink(hosts);
    assert_int_equal(loaded, 0);
    struct rpc *named = NULL;
    assert_int_equal(rpc_new(&named, &why, b->base, dns, url, b->auth), KZ_OK);
    rpc_free(b->rpc);
    b->rpc = named;
    b->body = "{\"result\":1}";
    ask_and_wait(b);
    bool ok = b->seen.outcome == RPC_RESULT;
    rpc_free(b->rpc);
    b->rpc = NULL;
    evdns_base_free(dns, 1);
    assert_true(ok);
}

static void urls_that_cannot_be_used_are_refused_with_a_reason(void **state)
{
    struct bed *b = *state;
    static const char *const bad[] = {
        "",  "127.0.0.1:8332", "https://127.0.0.1:8332",   "http://",
        ":", "http://host",    "http://user:pw@host:8332", "http://h:70000",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct rpc *r = NULL;
        const char *why = "";
        enum kz_err err = rpc_new(&r, &why, b->base, NULL, bad[i], b->auth);
        assert_true(err == KZ_PARSE || err == KZ_RANGE);
        assert_true(why[0] != '\0');
    }
    make_rpc(b, "http://[::1]:8332");
    assert_false(rpc_url_has_name("http://[::1]:8332"));
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_result_arrives),
        CASE(errors_are_read_whatever_the_status),
        CASE(a_full_work_queue_is_busy),
        CASE(what_is_no_reply_is_malformed),
        CASE(unprintable_bytes_of_a_node_do_not_reach_the_log),
        CASE(calls_share_one_connection_and_keep_their_order),
        CASE(the_queue_is_bounded),
        CASE(a_refused_connection_is_lost_and_the_next_call_connects),
        CASE(a_kept_connection_that_breaks_is_tried_again_once),
        CASE(a_call_marked_once_is_not_repeated),
        CASE(a_fresh_connection_that_breaks_is_lost_at_once),
        CASE(a_body_cut_short_is_lost),
        CASE(a_server_of_another_kind_fails_the_call),
        CASE(an_answer_above_the_bound_is_refused_by_its_announcement),
        CASE(a_giant_chunk_is_refused),
        CASE(silence_ends_in_a_timeout_and_the_next_call_is_not_harmed),
        CASE(queued_calls_go_on_after_a_timeout),
        CASE(a_new_cookie_is_read_after_a_401),
        CASE(a_user_and_a_password_file_make_the_header),
        CASE(a_missing_cookie_is_no_obstacle_to_asking),
        CASE(a_blob_stands_between_head_and_tail_and_is_shared),
        CASE(freeing_it_answers_every_call),
        CASE(names_are_resolved_through_the_hosts_file),
        CASE(urls_that_cannot_be_used_are_refused_with_a_reason),
    };
    return cmocka_run_group_tests_name("rpc", tests, NULL, NULL);
}
