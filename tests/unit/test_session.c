/* Handshakes and manners of rigs, against a real server (specs/stratum-v1.md part 3).
 */
#include "stratum_fixture.h"

static char *dump(json_t *j)
{
    return json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY);
}

/* Sends and compares the next reply with `expected`, as JSON text. */
static void expect(struct rig *r, const char *send_text, const char *expected)
{
    rig_send(r, send_text);
    json_t *reply = rig_reply(r);
    char *text = dump(reply);
    assert_string_equal(text, expected);
    free(text);
    json_decref(reply);
}

static void subscribe_is_answered_then_difficulty_then_job(void **state)
{
    (void)state;
    struct fixture *f = fixture_ready();
    struct rig r;
    rig_connect(&r, f, 0);
    rig_send(&r, "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"a/1\"]}\n");
    json_t *reply = rig_line(&r);
    assert_int_equal(json_array_size(json_object_get(reply, "result")), 3);
    json_decref(reply);
    json_t *line = rig_line(&r);
    assert_true(rig_notified(&r, line) && r.difficulties == 1 && r.jobs == 0);
    json_decref(line);
    line = rig_line(&r);
    assert_true(rig_notified(&r, line) && r.jobs == 1 && r.job.clean);
    json_decref(line);
    assert_int_equal(rig_authorize(&r, "alice.rig", "x"), 0);
    rig_wait_jobs(&r, 2);
    assert_int_equal(r.difficulties, 2);
    assert_false(r.job.clean);
    rig_close(&r);
    fixture_stop(f);
}

static void requests_in_one_packet_and_byte_by_byte_are_the_same(void **state)
{
    (void)state;
    static const char all[] =
        "{\"id\":1,\"method\":\"mining.configure\",\"params\":[[\"version-rolling\"],{}"
        "]}\r\n"
        "\r\n  \n"
        "{\"id\":2,\"method\":\"mining.subscribe\",\"params\":[]} \t\n"
        "{\"id\":3,\"method\":\"mining.authorize\",\"params\":[\"alice.rig\"]}"
        "{\"id\":4,\"method\":\"mining.extranonce.subscribe\",\"params\":[]}\n";
    struct fixture *f = fixture_ready();
    for (int slow = 0; slow < 2; slow++) {
        struct rig r;
        rig_connect(&r, f, 0);
        if (!slow)
            rig_send(&r, all);
        for (size_t i = 0; slow && all[i] != '\0'; i++)
            rig_bytes(&r, all + i, 1);
        for (int id = 1; id <= 4; id++) {
            json_t *reply = rig_reply(&r);
            assert_int_equal(json_integer_value(json_object_get(reply, "id")), id);
            assert_int_equal(error_code(reply), 0);
            json_decref(reply);
        }
        rig_wait_jobs(&r, 1);
        rig_close(&r);
    }
    fixture_stop(f);
}

static void authorize_may_come_before_subscribe(void **state)
{
    (void)state;
    struct fixture *f = fixture_ready();
    struct rig r;
    rig_connect(&r, f, 0);
    assert_int_equal(rig_authorize(&r, "alice.rig", "d=0.5"), 0);
    assert_int_equal(r.difficulties, 0);
    rig_subscribe(&r, "null");
    assert_true(r.difficulty == 0.5);
    rig_close(&r);
    fixture_stop(f);
}

static void ids_of_all_types_are_echoed(void **state)
{
    (void)state;
    static const char *const ids[] = {
        "7",         "\"auth\"",    "null",
        "1.50",      "-3",          "[1]",
        "{\"a\":1}", "\"\\u0041\"", "123456789012345678901234567890"};
    struct fixture *f = fixture_ready();
    struct rig r;
    rig_connect(&r, f, 0);
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        char text[200], expected[200];
        snprintf(text, sizeof(text), "{\"id\":%s,\"method\":\"mining.ping\"}\n",
                 ids[i]);
        int n = snprintf(expected, sizeof(expected),
                         "{\"id\":%s,\"result\":\"pong\",\"error\":null}\n", ids[i]);
        rig_send(&r, text);
        while (r.in_len < (size_t)n)
            assert_true(rig_fill(&r));
        assert_memory_equal(r.in, expected, (size_t)n);
        r.in_len = 0;
    }
    expect(&r, "{\"method\":\"mining.ping\"}\n",
           "{\"id\":null,\"result\":\"pong\",\"error\":null}");
    rig_close(&r);
    fixture_stop(f);
}

static void methods_nobody_knows_get_an_error_and_no_disconnect(void **state)
{
    (void)state;
    struct fixture *f = fixture_ready();
    struct rig r;
    rig_connect(&r, f, 0);
    assert_int_equal(rig_ask(&r, "{\"id\":1,\"method\":\"eth_login\",\"params\":[]}\n"),
                     -3);
    assert_int_equal(rig_ask(&r, "{\"id\":1,\"method\":\"kariz.later\"}\n"), 20);
    assert_int_equal(
        rig_ask(&r, "{\"id\":1,\"method\":\"mining.get_transactions(1)\"}\n"), 20);
    assert_int_equal(rig_ask(&r, "{\"id\":1,\"method\":\"mining.multi_version\","
                                 "\"params\":[1]}\n"),
                     0);
    assert_int_equal(rig_ask(&r, "not json\n"), 20);
    assert_int_equal(rig_ask(&r, "[]\n"), 20);
    rig_send(&r, "{\"id\":null,\"result\":\"pong\",\"error\":null}\n"); /* ignored */
    assert_int_equal(rig_ask(&r, "{\"id\":1,\"method\":\"mining.ping\"}\n"), 0);
    assert_int_equal(
        rig_ask(&r, "{\"id\":1,\"method\":\"mining.submit\",\"params\":[]}\n"), 25);
    rig_close(&r);
    fixture_stop(f);
}

static void configure_answers_what_was_asked_and_nothing_else(void **state)
{
    (void)state;
    struct fixture *f = fixture_ready();
    struct rig r;
    rig_connect(&r, f, 0);
    expect(
        &r,
        "{\"id\":1,\"method\":\"mining.configure\",\"params\":[[\"version-rolling\"],"
        "{\"version-rolling.mask\":\"00c00000\"}]}\n",
        "{\"id\":1,\"result\":{\"version-rolling\":true,\"version-rolling.mask\":"
        "\"00c00000\"},\"error\":null}");
    expect(
        &r,
        "{\"id\":1,\"method\":\"mining.configure\",\"params\":[[\"version-rolling\","
        "\"version-rolling\",\"new-thing\",\"minimum-difficulty\"],"
        "{\"version-rolling.mask\":\"0xFFFFFFFF\",\"minimum-difficulty.value\":2}]}\n",
        "{\"id\":1,\"result\":{\"version-rolling\":true,\"version-rolling.mask\":"
        "\"1fffe000\",\"minimum-difficulty\":true},\"error\":null}");
    rig_subscribe(&r, "\"a\"");
    assert_true(r.difficulty == 2);
    rig_close(&r);
    fixture_stop(f);
}

static void a_suggested_difficulty_is_taken_in_all_its_forms(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "\"mining.suggest_difficulty\",\"params\":[1024]",
        "\"mining.suggest_difficulty\",\"params\":1024",
        "\"mining.suggest_difficulty\",\"params\":[\"1024\"]",
        "\"mining.suggest_difficulty(1024)\"",
        "\"mining.suggest_difficulty\",\"params\":{\"difficulty\":1024}"};
    struct fixture *f = fixture_ready();
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct rig r;
        char text[200];
        rig_connect(&r, f, 0);
        snprintf(text, sizeof(text), "{\"id\":1,\"method\":%s}\n", forms[i]);
        assert_int_equal(rig_ask(&r, text), 0);
        rig_subscribe(&r, "");
        assert_true(r.difficulty == 1024);
        rig_close(&r);
    }
    fixture_stop(f);
}

static void a_second_subscribe_is_answered_the_same(void **state)
{
    (void)state;
    struct fixture *f = fixture_ready();
    struct rig r;
    rig_connect(&r, f, 0);
    rig_subscribe(&r, "\"a\", \"0123456789abcdef0123456789abcdef\"");
    char first[32];
    memcpy(first, r.extranonce1, sizeof(first));
    rig_subscribe(&r, "");
    assert_string_equal(first, r.extranonce1);
    rig_close(&r);
    fixture_stop(f);
}

static void logins_are_refused_with_the_reason(void **state)
{
    (void)state;
    struct fixture *f = fixture_ready();
    struct rig r;
    rig_connect(&r, f, 0);
    rig_subscribe(&r, "");
    expect(
        &r,
        "{\"id\":1,\"method\":\"mining.authorize\",\"params\":[\"eve.rig\",\"x\"]}\n",
        "{\"id\":1,\"result\":false,\"error\":[24,\"Unauthorized worker: "
        "unregistered\","
        "null]}");
    assert_int_equal(last_refusal(f), REFUSED_UNREGISTERED);
    assert_string_equal(f->refused_login, "eve.rig");
    expect(
        &r,
        "{\"id\":1,\"method\":\"mining.authorize\",\"params\":[\"mallory\",\"x\"]}\n",
        "{\"id\":1,\"result\":false,\"error\":[24,\"Unauthorized worker: not active\","
        "null]}");
    assert_int_equal(rig_ask(&r, "{\"id\":1,\"method\":\"mining.authorize\"}\n"), 24);
    assert_int_equal(last_refusal(f), REFUSED_MALFORMED_LOGIN);
    assert_int_equal(stats_now(f).authorized_sessions, 0);
    assert_int_equal(rig_authorize(&r, "  Alice.rig 1\\t", ""), 0);
    assert_int_equal(
        rig_authorize(&r, "BCRT1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KYGT080_2", ""), 0);
    assert_int_equal(stats_now(f).authorized_sessions, 1);
    rig_close(&r);
    fixture_stop(f);
}

static void requests_wait_for_the_first_job_and_roster(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    fixture_start(f);
    struct rig r;
    rig_connect(&r, f, 0);
    rig_send(&r, "{\"id\":1,\"method\":\"mining.ping\"}\n"
                 "{\"id\":2,\"method\":\"mining.subscribe\",\"params\":[]}\n"
                 "{\"id\":3,\"method\":\"mining.authorize\",\"params\":[\"alice\"]}\n");
    json_t *reply = rig_line(&r);
    assert_int_equal(json_integer_value(json_object_get(reply, "id")), 1);
    json_decref(reply);
    publish_job(f, '1', HARD_NBITS, true);
    publish_roster(f, true, true);
    for (int id = 2; id <= 3; id++) {
        reply = rig_reply(&r);
        assert_int_equal(json_integer_value(json_object_get(reply, "id")), id);
        assert_int_equal(error_code(reply), 0);
        json_decref(reply);
    }
    rig_wait_jobs(&r, 1);
    rig_close(&r);
    fixture_stop(f);
}

static void what_never_comes_is_an_error_after_a_while(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    fixture_start(f);
    struct rig r;
    rig_connect(&r, f, 0);
    assert_int_equal(rig_ask(&r, "{\"id\":1,\"method\":\"mining.subscribe\"}\n"), 20);
    assert_int_equal(rig_authorize(&r, "alice", ""), 20);
    rig_close(&r);
    fixture_stop(f);
}

static void a_suspended_miner_is_told_answered_24_and_closed(void **state)
{
    (void)state;
    struct fixture *f = fixture_ready();
    struct rig alice, bob, proxy;
    rig_connect(&alice, f, 0);
    rig_subscribe(&alice, "\"cgminer/4.11\"");
    assert_int_equal(rig_authorize(&alice, "alice.rig", ""), 0);
    rig_connect(&bob, f, 0);
    rig_subscribe(&bob, "");
    assert_int_equal(rig_authorize(&bob, "bob.rig", ""), 0);
    rig_connect(&proxy, f, 0);
    rig_subscribe(&proxy, "");
    assert_int_equal(rig_authorize(&proxy, "alice.rig", ""), 0);
    assert_int_equal(rig_authorize(&proxy, "bob.rig", ""), 0);
    struct monotime before = clock_now();
    publish_roster(f, false, true);
    json_t *line;
    do {
        line = rig_line(&alice);
        assert_non_null(line);
        const char *method = json_string_value(json_object_get(line, "method"));
        bool told = strcmp(method, "client.show_message") == 0;
        json_decref(line);
        if (told)
            break;
    } while (true);
    assert_true(rig_is_closed(&alice));
    assert_true(monotime_ms_between(before, clock_now()) < 1000);
    assert_int_equal(stats_now(f).closed_not_active, 1);
    rig_mine(&proxy, EXTRANONCE2, proxy.difficulty, 0);
    assert_int_equal(rig_submit_as(&proxy, "alice.rig", ""), 24);
    assert_int_equal(rig_submit_as(&proxy, "bob.rig", ""), 0);
    assert_int_equal(rig_ask(&bob, "{\"id\":1,\"method\":\"mining.ping\"}\n"), 0);
    rig_close(&alice);
    rig_close(&bob);
    rig_close(&proxy);
    fixture_stop(f);
}

static void http_is_pointed_to_stratum(void **state)
{
    (void)state;
    struct fixture *f = fixture_ready();
    struct rig r;
    rig_connect(&r, f, 0);
    rig_send(&r, "GET / HTTP/1.1\r\nHost: pool.example:80\r\n\r\n");
    while (rig_fill(&r))
        ;
    r.in[r.in_len] = '\0';
    assert_non_null(strstr(r.in, "HTTP/1.1 426 "));
    assert_non_null(strstr(r.in, "X-Stratum: stratum+tcp://pool.example:"));
    rig_close(&r);
    WAIT_FOR(f, st.closed_http == 1);
    fixture_stop(f);
}

static void tls_on_a_plain_port_is_recognised(void **state)
{
    (void)state;
    struct fixture *f = fixture_ready();
    struct rig r;
    rig_connect(&r, f, 0);
    rig_bytes(&r, "\x16", 1);
    rig_bytes(&r, "\x03\x01\x02\x00\x01", 5);
    assert_true(rig_is_closed(&r));
    WAIT_FOR(f, st.closed_tls_on_plain == 1);
    rig_close(&r);
    fixture_stop(f);
}

static void a_line_without_end_is_cut_off(void **state)
{
    (void)state;
    struct fixture *f = fixture_ready();
    struct rig r;
    char junk[1024];
    memset(junk, 'x', sizeof(junk));
    rig_connect(&r, f, 0);
    for (int i = 0; i < 20; i++)
        send(r.fd, junk, sizeof(junk), MSG_NOSIGNAL);
    assert_true(rig_is_closed(&r));
    WAIT_FOR(f, st.closed_line_too_long == 1);
    rig_close(&r);
    fixture_stop(f);
}

static void garbage_bans_the_address_and_login_together(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    f->conf->stratum.threads = 1; /* bans are per front */
    fixture_start(f);
    publish_roster(f, true, true);
    publish_job(f, '1', HARD_NBITS, true);
    struct rig r;
    rig_begin(&r, f);
    for (int i = 0; i < 10; i++)
        rig_send(&r, "}garbage{\n");
    assert_true(rig_is_closed(&r));
    rig_close(&r);
    rig_connect(&r, f, 0);
    assert_int_equal(rig_authorize(&r, "alice.rig", ""), 24);
    assert_true(rig_is_closed(&r));
    rig_close(&r);
    rig_connect(&r, f, 0); /* the same address, another login */
    assert_int_equal(rig_authorize(&r, "alice.other", ""), 0);
    assert_int_equal(stats_now(f).closed_banned, 2);
    rig_close(&r);
    fixture_stop(f);
}

static void a_reader_that_stops_is_closed(void **state)
{
    (void)state;
    struct fixture *f = fixture_ready();
    struct rig r;
    static char pings[65536];
    size_t n = 0;
    while (n + 64 < sizeof(pings))
        n += (size_t)snprintf(pings + n, 64,
                              "{\"id\":1,\"method\":\"mining.subscribe\"}\n");
    rig_connect(&r, f, 0);
    fcntl(r.fd, F_SETFL, O_NONBLOCK);
    WAIT_FOR(f, (send(r.fd, pings, n, MSG_NOSIGNAL), st.closed_slow_reader == 1));
    rig_close(&r);
    fixture_stop(f);
}

static void sessions_over_a_limit_are_not_served(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    f->conf->stratum.limits.sessions_per_address = 2;
    f->conf->stratum.limits.sessions_per_miner = 1;
    fixture_start(f);
    publish_roster(f, true, true);
    publish_job(f, '1', HARD_NBITS, true);
    struct rig a, b, c;
    rig_connect(&a, f, 0);
    assert_int_equal(rig_authorize(&a, "alice.1", ""), 0);
    rig_connect(&b, f, 0);
    assert_int_equal(rig_authorize(&b, "alice.2", ""), 24);
    assert_int_equal(last_refusal(f), REFUSED_MINER_LIMIT);
    rig_connect(&c, f, 0);
    assert_true(rig_is_closed(&c));
    rig_close(&a);
    WAIT_FOR(f, st.sessions == 1);
    assert_int_equal(rig_authorize(&b, "alice.2", ""), 0);
    assert_int_equal(stats_now(f).closed_limit, 1);
    rig_close(&b);
    rig_close(&c);
    fixture_stop(f);
}

static void a_login_in_time_is_asked_for(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    f->conf->stratum.limits.first_request_seconds = 0;
    f->conf->stratum.limits.authorize_seconds = 1;
    fixture_start(f);
    publish_roster(f, true, true);
    publish_job(f, '1', HARD_NBITS, true);
    struct rig silent, lazy, good;
    rig_connect(&good, f, 0);
    assert_int_equal(rig_authorize(&good, "alice.rig", ""), 0);
    rig_connect(&lazy, f, 0);
    rig_subscribe(&lazy, "");
    rig_connect(&silent, f, 0);
    assert_true(rig_is_closed(&silent));
    assert_true(rig_is_closed(&lazy));
    assert_int_equal(stats_now(f).closed_no_request, 2);
    assert_int_equal(rig_ask(&good, "{\"id\":1,\"method\":\"mining.ping\"}\n"), 0);
    rig_close(&silent);
    rig_close(&lazy);
    rig_close(&good);
    fixture_stop(f);
}

static void the_job_is_sent_again_after_a_silence(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    f->conf->stratum.resend_seconds = 1;
    fixture_start(f);
    publish_roster(f, true, true);
    publish_job(f, '1', HARD_NBITS, true);
    struct rig r;
    rig_begin(&r, f);
    char id[32];
    memcpy(id, r.job.id, sizeof(id));
    rig_wait_jobs(&r, 3);
    assert_false(r.job.clean);
    assert_string_not_equal(id, r.job.id);
    rig_mine(&r, EXTRANONCE2, r.difficulty, 0);
    assert_int_equal(rig_submit(&r), 0);
    rig_close(&r);
    fixture_stop(f);
}

static void live_sessions_are_listed_for_operators(void **state)
{
    (void)state;
    struct fixture *f = fixture_ready();
    struct rig r;
    rig_begin(&r, f);
    assert_int_equal(rig_ask(&r,
                             "{\"id\":1,\"method\":\"mining.configure\",\"params\":[["
                             "\"info\"],{\"info.hw-version\":\"S19\"}]}\n"),
                     0);
    const json_t *list = sessions_of(f, "alice");
    assert_int_equal(json_array_size(list), 1);
    const json_t *s = json_array_get(list, 0);
    assert_string_equal(json_string_value(json_object_get(s, "worker")), "rig");
    assert_string_equal(json_string_value(json_object_get(s, "agent")), "test/1.0");
    assert_string_equal(json_string_value(json_object_get(s, "info.hw-version")),
                        "S19");
    rig_close(&r);
    fixture_stop(f);
}

static void a_new_mask_is_told_to_those_that_negotiated(void **state)
{
    (void)state;
    struct fixture *f = fixture_ready();
    struct rig r;
    rig_begin(&r, f);
    assert_int_equal(rig_ask(&r,
                             "{\"id\":1,\"method\":\"mining.configure\",\"params\":[["
                             "\"version-rolling\"],{}]}\n"),
                     0);
    f->conf->stratum.version_mask = 0x00ffe000;
    assert_int_equal(stratum_reload(f->server, f->conf), KZ_OK);
    json_t *line = rig_line(&r);
    assert_string_equal(json_string_value(json_object_get(line, "method")),
                        "mining.set_version_mask");
    assert_string_equal(
        json_string_value(json_array_get(json_object_get(line, "params"), 0)),
        "00ffe000");
    json_decref(line);
    rig_close(&r);
    fixture_stop(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(subscribe_is_answered_then_difficulty_then_job),
        cmocka_unit_test(requests_in_one_packet_and_byte_by_byte_are_the_same),
        cmocka_unit_test(authorize_may_come_before_subscribe),
        cmocka_unit_test(ids_of_all_types_are_echoed),
        cmocka_unit_test(methods_nobody_knows_get_an_error_and_no_disconnect),
        cmocka_unit_test(configure_answers_what_was_asked_and_nothing_else),
        cmocka_unit_test(a_suggested_difficulty_is_taken_in_all_its_forms),
        cmocka_unit_test(a_second_subscribe_is_answered_the_same),
        cmocka_unit_test(logins_are_refused_with_the_reason),
        cmocka_unit_test(requests_wait_for_the_first_job_and_roster),
        cmocka_unit_test(what_never_comes_is_an_error_after_a_while),
        cmocka_unit_test(a_suspended_miner_is_told_answered_24_and_closed),
        cmocka_unit_test(http_is_pointed_to_stratum),
        cmocka_unit_test(tls_on_a_plain_port_is_recognised),
        cmocka_unit_test(a_line_without_end_is_cut_off),
        cmocka_unit_test(garbage_bans_the_address_and_login_together),
        cmocka_unit_test(a_reader_that_stops_is_closed),
        cmocka_unit_test(sessions_over_a_limit_are_not_served),
        cmocka_unit_test(a_login_in_time_is_asked_for),
        cmocka_unit_test(the_job_is_sent_again_after_a_silence),
        cmocka_unit_test(live_sessions_are_listed_for_operators),
        cmocka_unit_test(a_new_mask_is_told_to_those_that_negotiated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
