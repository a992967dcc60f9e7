/* Refused logins of an hour: told apart while there is room, and never lost. */
#include "share/denied.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "share/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR INT64_C(3600000)
#define T0   (INT64_C(496000) * HOUR)
#define MANY 1000

static struct denied_key key_of(unsigned login, unsigned network)
{
    struct denied_key k = {.listener = "0.0.0.0:3333",
                           .reason = "unregistered",
                           .login_is = DENIED_HASHED,
                           .network_len = DENIED_NETWORK_IPV4,
                           .network = {10, (uint8_t)(network >> 8), (uint8_t)network},
                           .software = "cgminer/4.11"};
    memcpy(k.login_hash, &login, sizeof(login));
    k.login_hash[31] = 1;
    return k;
}

static void add(struct denied *d, unsigned login, unsigned network, uint64_t source,
                int64_t at)
{
    struct denied_key k = key_of(login, network);
    denied_add(d, &k, source, at);
}

/* All of what is due, in order. */
static size_t take(struct denied_row *rows, struct denied *d, int64_t now, bool at_end)
{
    size_t count = 0, n;
    do {
        n = denied_take(d, rows + count, 100, now, at_end);
        count += n;
        assert_true(count + 100 <= MANY);
    } while (n == 100);
    return count;
}

static uint64_t attempts_in(const struct denied_row *rows, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += rows[i].attempts;
    return sum;
}

static struct denied_row *new_rows(void)
{
    struct denied_row *rows = calloc(MANY, sizeof(*rows));
    assert_non_null(rows);
    return rows;
}

/* --- rows --------------------------------------------------------------------------- */

static void what_is_alike_is_one_row_with_its_different_sources(void **state)
{
    (void)state;
    struct denied *d = denied_new(7);
    struct denied_row *rows = new_rows();
    for (uint64_t i = 0; i < 12; i++)
        add(d, 1, 1, 100 + i % 3, T0 + (int64_t)i);
    add(d, 2, 1, 100, T0);
    assert_int_equal(take(rows, d, T0 + 1000, false), 2);
    assert_int_equal(rows[0].hour, T0 / HOUR);
    assert_int_equal(rows[0].attempts, 12);
    assert_int_equal(rows[0].sources, 3);
    assert_string_equal(rows[0].key.software, "cgminer/4.11");
    assert_int_equal(rows[1].attempts, 1);
    assert_int_equal(rows[1].sources, 1);
    assert_int_equal(denied_folded(d) + denied_lost(d), 0);
    free(rows);
    denied_free(d);
}

static void each_part_of_the_key_makes_another_row(void **state)
{
    (void)state;
    struct denied *d = denied_new(7);
    struct denied_row *rows = new_rows();
    struct denied_key k[8];
    for (size_t i = 0; i < 8; i++)
        k[i] = key_of(1, 1);
    strcpy(k[1].listener, "0.0.0.0:3334"); /* allowed: a test's own text */
    strcpy(k[2].reason, "network");        /* allowed: a test's own text */
    k[3].login_hash[0]++;
    k[4].network[2]++;
    k[5].network_len = DENIED_NETWORK_IPV6;
    k[6].software[0] = '\0';
    k[7].login_is = DENIED_NO_LOGIN;
    for (size_t i = 0; i < 8; i++)
        denied_add(d, &k[i], 1, T0);
    assert_int_equal(take(rows, d, T0, false), 8);
    free(rows);
    denied_free(d);
}

static void
a_row_is_written_when_new_then_seldom_and_when_its_hour_is_over(void **state)
{
    (void)state;
    struct denied *d = denied_new(7);
    struct denied_row *rows = new_rows();
    add(d, 1, 1, 1, T0);
    assert_int_equal(take(rows, d, T0 + 1000, false), 1);
    assert_int_equal(take(rows, d, T0 + 2000, false), 0);
    add(d, 1, 1, 1, T0 + 3000);
    assert_int_equal(take(rows, d, T0 + 4000, false), 0);
    assert_int_equal(take(rows, d, T0 + 1000 + DENIED_REWRITE_MS, false), 1);
    assert_int_equal(rows[0].attempts, 2); /* all of the hour, not what was added */
    add(d, 1, 1, 2, T0 + HOUR - 1);
    add(d, 1, 1, 2, T0 + HOUR);
    assert_int_equal(take(rows, d, T0 + HOUR, false), 2); /* both hours' */
    assert_int_equal(rows[0].hour + rows[1].hour, 2 * (T0 / HOUR) + 1);
    add(d, 1, 1, 3, T0 + HOUR - 1); /* a front whose clock is a turn old */
    assert_int_equal(take(rows, d, T0 + HOUR + 60000, false), 1);
    assert_int_equal(rows[0].hour, T0 / HOUR);
    assert_int_equal(rows[0].attempts, 4);
    assert_int_equal(rows[0].sources, 3);
    assert_int_equal(take(rows, d, T0 + HOUR + 60001, true), 0);
    free(rows);
    denied_free(d);
}

static void what_is_left_at_the_end_is_written(void **state)
{
    (void)state;
    struct denied *d = denied_new(7);
    struct denied_row *rows = new_rows();
    add(d, 1, 1, 1, T0);
    assert_int_equal(take(rows, d, T0, false), 1);
    add(d, 1, 1, 1, T0 + 1);
    assert_int_equal(take(rows, d, T0 + 1, false), 0);
    assert_int_equal(take(rows, d, T0 + 2, true), 1);
    assert_int_equal(rows[0].attempts, 2);
    free(rows);
    denied_free(d);
}

/* --- bounds ------------------------------------------------------------------------- */

static void a_flood_of_names_from_one_network_leaves_room_for_others(void **state)
{
    (void)state;
    struct denied *d = denied_new(7);
    struct denied_row *rows = new_rows();
    for (unsigned i = 0; i < 100000; i++)
        add(d, i, 1, i % 200, T0);
    add(d, 1, 2, 1, T0);
    size_t count = take(rows, d, T0, false);
    assert_int_equal(count, DENIED_NETWORK_ROWS_MAX + 2);
    assert_int_equal(attempts_in(rows, count), 100001);
    const struct denied_row *folded = &rows[DENIED_NETWORK_ROWS_MAX];
    assert_int_equal(folded->key.login_is, DENIED_NO_LOGIN);
    assert_int_equal(folded->key.software[0], '\0');
    assert_int_equal(folded->key.network_len, DENIED_NETWORK_IPV4);
    assert_int_equal(folded->attempts, 100000 - DENIED_NETWORK_ROWS_MAX);
    assert_int_equal(folded->sources, 200);
    assert_int_equal(rows[count - 1].key.login_is, DENIED_HASHED);
    assert_int_equal(denied_folded(d), 100000 - DENIED_NETWORK_ROWS_MAX);
    assert_int_equal(denied_lost(d), 0);
    free(rows);
    denied_free(d);
}

static void a_flood_from_everywhere_is_bounded_and_its_attempts_exact(void **state)
{
    (void)state;
    struct denied *d = denied_new(7);
    struct denied_row *rows = new_rows();
    for (unsigned i = 0; i < 60000; i++)
        add(d, i, i, i, T0);
    size_t count = take(rows, d, T0, false);
    assert_int_equal(count, DENIED_ROWS_MAX + 1);
    assert_int_equal(attempts_in(rows, count), 60000);
    const struct denied_row *rest = &rows[count - 1];
    assert_int_equal(rest->key.network_len, 0);
    assert_string_equal(rest->key.listener, "0.0.0.0:3333");
    assert_int_equal(rest->attempts, 60000 - DENIED_ROWS_MAX);
    assert_int_equal(rest->sources, 0); /* more than are counted: not known */
    assert_int_equal(denied_folded(d), 60000 - DENIED_ROWS_MAX);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(rows[i].sources, 1);
    free(rows);
    denied_free(d);
}

static void an_hour_writes_no_more_than_is_promised(void **state)
{
    (void)state;
    struct denied *d = denied_new(7);
    struct denied_row *rows = new_rows();
    uint8_t *body = malloc(DENIED_EVENT_MAX);
    size_t bytes = 0;
    for (int64_t at = T0; at < T0 + HOUR + 20000; at += 1000) {
        for (unsigned i = 0; at < T0 + HOUR && i < 1000; i++)
            add(d, i, i, i, at);
        size_t count = take(rows, d, at, false);
        for (size_t i = 0; i < count; i += DENIED_EVENT_ROWS)
            bytes += denied_event_write(
                body, 1, rows + i,
                count - i < DENIED_EVENT_ROWS ? count - i : DENIED_EVENT_ROWS);
    }
    assert_true(bytes > 100000 && bytes < 1 << 20);
    free(body);
    free(rows);
    denied_free(d);
}

static void reasons_without_end_do_not_fill_memory(void **state)
{
    (void)state;
    struct denied *d = denied_new(7);
    struct denied_row *rows = new_rows();
    for (unsigned i = 0; i < 1000; i++) {
        struct denied_key k = key_of(1, i);
        snprintf(k.listener, sizeof(k.listener), "listener %u", i);
        denied_add(d, &k, 1, T0);
    }
    size_t count = take(rows, d, T0, false);
    assert_int_equal(count, DENIED_ROWS_MAX + DENIED_REST_ROWS_MAX);
    assert_int_equal(attempts_in(rows, count) + denied_lost(d), 1000);
    free(rows);
    denied_free(d);
}

static void a_clock_that_was_set_back_loses_details_and_counts_that(void **state)
{
    (void)state;
    struct denied *d = denied_new(7);
    struct denied_row *rows = new_rows();
    add(d, 1, 1, 1, T0);
    assert_int_equal(take(rows, d, T0 + 2 * HOUR, false), 1);
    add(d, 1, 1, 1, T0);
    add(d, 1, 1, 1, T0 - 4 * HOUR);
    assert_int_equal(denied_lost(d), 2);
    assert_int_equal(take(rows, d, T0 + 2 * HOUR, true), 0);
    free(rows);
    denied_free(d);
}

static void texts_are_printable_and_cut(void **state)
{
    (void)state;
    char text[5];
    denied_set_text(text, 4, "a\n\xc3\xa4zz", 6);
    assert_string_equal(text, "a???");
    denied_set_text(text, 4, "ab", 2);
    assert_string_equal(text, "ab");
    denied_set_text(text, 4, NULL, 0);
    assert_string_equal(text, "");
}

/* --- the event ---------------------------------------------------------------------- */

static struct denied_row sample(enum denied_login is)
{
    struct denied_row r = {
        .hour = 496001, .key = key_of(5, 9), .attempts = 1u << 30, .sources = 77};
    r.key.login_is = is;
    if (is != DENIED_HASHED)
        memset(r.key.login_hash, 0, sizeof(r.key.login_hash));
    if (is == DENIED_MINER || is == DENIED_ADDRESS)
        snprintf(r.key.login, sizeof(r.key.login), "bulut");
    return r;
}

static void an_event_says_what_was_written(void **state)
{
    (void)state;
    uint8_t body[DENIED_EVENT_MAX];
    struct denied_row rows[DENIED_LOGINS], back[DENIED_EVENT_ROWS];
    size_t count;
    uint64_t run;
    for (int i = 0; i < DENIED_LOGINS; i++)
        rows[i] = sample((enum denied_login)i);
    rows[DENIED_NO_LOGIN].key.network_len = 0;
    memset(rows[DENIED_NO_LOGIN].key.network, 0, DENIED_NETWORK_IPV6);
    size_t len = denied_event_write(body, UINT64_MAX, rows, DENIED_LOGINS);
    assert_int_equal(denied_event_read(back, &count, &run, (struct bytes){body, len}),
                     KZ_OK);
    assert_int_equal(count, DENIED_LOGINS);
    assert_true(run == UINT64_MAX);
    for (int i = 0; i < DENIED_LOGINS; i++) {
        assert_int_equal(denied_compare(&rows[i], &back[i]), 0);
        assert_int_equal(back[i].attempts, 1u << 30);
        assert_int_equal(back[i].sources, 77);
    }
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(
            denied_event_read(back, &count, &run, (struct bytes){body, cut}), KZ_PARSE);
}

static void the_largest_event_fits(void **state)
{
    (void)state;
    uint8_t *body = malloc(DENIED_EVENT_MAX);
    struct denied_row *rows = new_rows();
    for (size_t i = 0; i < DENIED_EVENT_ROWS; i++) {
        struct denied_row *r = &rows[i];
        *r = (struct denied_row){
            .hour = INT64_MAX / 3600000, .attempts = INT64_MAX, .sources = INT64_MAX};
        memset(r->key.listener, 'l', DENIED_LISTENER_MAX);
        memset(r->key.reason, 'r', TALLY_REASON_MAX);
        memset(r->key.login, 'a', DENIED_LOGIN_MAX);
        memset(r->key.software, 's', DENIED_SOFTWARE_MAX);
        r->key.login_is = DENIED_ADDRESS;
        r->key.network_len = DENIED_NETWORK_IPV6;
    }
    size_t count, len = denied_event_write(body, 1, rows, DENIED_EVENT_ROWS);
    uint64_t run;
    assert_true(len <= DENIED_EVENT_MAX);
    assert_int_equal(denied_event_read(rows, &count, &run, (struct bytes){body, len}),
                     KZ_OK);
    assert_int_equal(count, DENIED_EVENT_ROWS);
    free(rows);
    free(body);
}

static void bytes_that_are_no_event_are_refused(void **state)
{
    (void)state;
    struct denied_row good = sample(DENIED_MINER), rows[DENIED_EVENT_ROWS];
    uint8_t body[DENIED_EVENT_MAX];
    size_t count, len = denied_event_write(body, 1, &good, 1);
    uint64_t run;
    const struct {
        const char *what;
        size_t at;
        uint8_t byte;
    } bad[] = {
        {"more rows than an event has", 8, DENIED_EVENT_ROWS + 1},
        {"a listener that is longer", 8 + 1 + 3 + 5 + 1, 64},
        {"a control character", 8 + 1 + 3 + 5 + 1 + 1, 10},
        {"no such form of login", 8 + 1 + 3 + 5 + 1 + 13 + 13, DENIED_LOGINS},
        {"a hash that is none", 8 + 1 + 3 + 5 + 1 + 13 + 13, DENIED_HASHED},
        {"a login where there is none", 8 + 1 + 3 + 5 + 1 + 13 + 13, DENIED_NO_LOGIN},
        {"a network of 4 bytes", 8 + 1 + 3 + 5 + 1 + 13 + 13 + 1 + 6, 4},
    };
    assert_int_equal(denied_event_read(rows, &count, &run, (struct bytes){body, len}),
                     KZ_OK);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint8_t kept = body[bad[i].at];
        body[bad[i].at] = bad[i].byte;
        if (denied_event_read(rows, &count, &run, (struct bytes){body, len}) !=
            KZ_PARSE)
            fail_msg("%s was taken", bad[i].what);
        body[bad[i].at] = kept;
    }
    body[len] = 0;
    assert_int_equal(
        denied_event_read(rows, &count, &run, (struct bytes){body, len + 1}), KZ_PARSE);
}

static void such_events_move_no_cursor(void **state)
{
    (void)state;
    enum journal_target target = JOURNAL_TARGETS;
    assert_int_equal(event_target(&target, EVENT_DENIED), KZ_OK);
    assert_int_equal(target, JOURNAL_NONE);
    assert_int_equal(event_target(&target, EVENT_RIGS), KZ_OK);
    assert_int_equal(target, JOURNAL_NONE);
    assert_int_equal(event_target(&target, EVENT_RIGS + 1), KZ_RANGE);
    /* Kinds are numbers in journals that exist. */
    assert_int_equal(EVENT_DENIED, 71);
    assert_int_equal(EVENT_RIGS, 72);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_alike_is_one_row_with_its_different_sources),
        cmocka_unit_test(each_part_of_the_key_makes_another_row),
        cmocka_unit_test(
            a_row_is_written_when_new_then_seldom_and_when_its_hour_is_over),
        cmocka_unit_test(what_is_left_at_the_end_is_written),
        cmocka_unit_test(a_flood_of_names_from_one_network_leaves_room_for_others),
        cmocka_unit_test(a_flood_from_everywhere_is_bounded_and_its_attempts_exact),
        cmocka_unit_test(an_hour_writes_no_more_than_is_promised),
        cmocka_unit_test(reasons_without_end_do_not_fill_memory),
        cmocka_unit_test(a_clock_that_was_set_back_loses_details_and_counts_that),
        cmocka_unit_test(texts_are_printable_and_cut),
        cmocka_unit_test(an_event_says_what_was_written),
        cmocka_unit_test(the_largest_event_fits),
        cmocka_unit_test(bytes_that_are_no_event_are_refused),
        cmocka_unit_test(such_events_move_no_cursor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
