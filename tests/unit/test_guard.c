#include "stratum/ban.h"
#include "stratum/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct netaddr addr(const char *text)
{
    struct netaddr a;
    assert_int_equal(netaddr_parse(&a, text, strlen(text)), KZ_OK);
    return a;
}

static void addresses_are_read_and_written(void **state)
{
    (void)state;
    static const char *const texts[] = {"192.0.2.1", "2001:db8::1", "::1",
                                        "255.255.255.255"};
    char out[NETADDR_TEXT_SIZE];
    struct netaddr a;
    for (size_t i = 0; i < 4; i++) {
        a = addr(texts[i]);
        netaddr_format(out, &a, false);
        assert_string_equal(out, texts[i]);
    }
    assert_int_equal(netaddr_parse(&a, "1.2.3", 5), KZ_PARSE);
    assert_int_equal(netaddr_parse(&a, "", 0), KZ_PARSE);
    assert_int_equal(netaddr_parse(&a, "1.2.3.4 ", 8), KZ_PARSE);
}

static void blocks_hold_their_addresses_and_no_others(void **state)
{
    (void)state;
    struct netaddr a = addr("10.1.2.3"), b = addr("2001:db8:ffff::1");
    assert_true(netaddr_in_block(&a, "10.0.0.0/8"));
    assert_true(netaddr_in_block(&a, "10.1.2.3"));
    assert_true(netaddr_in_block(&a, "10.1.2.2/31"));
    assert_true(netaddr_in_block(&a, "0.0.0.0/0"));
    assert_false(netaddr_in_block(&a, "10.1.2.4/31"));
    assert_false(netaddr_in_block(&a, "11.0.0.0/8"));
    assert_true(netaddr_in_block(&b, "2001:db8::/32"));
    assert_false(netaddr_in_block(&b, "2001:db9::/32"));
    assert_false(netaddr_in_block(&b, "0.0.0.0/0"));
    static const char *const bad[] = {"",
                                      "/8",
                                      "10.0.0.0/",
                                      "10.0.0.0/33",
                                      "10.0.0.0/8x",
                                      "10.0.0.0/-1",
                                      "2001:db8::/129"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(netaddr_in_block(&a, bad[i]));
}

static void connections_are_counted_by_address(void **state)
{
    (void)state;
    struct guard *g = guard_new();
    struct conf_limits limits = {.sessions = 100, .sessions_per_address = 2};
    struct netaddr a = addr("192.0.2.1"), b = addr("192.0.2.2");
    assert_int_equal(guard_enter(g, &limits, &a, 1), KZ_OK);
    assert_int_equal(guard_enter(g, &limits, &a, 1), KZ_OK);
    assert_int_equal(guard_enter(g, &limits, &a, 1), KZ_BUSY);
    assert_int_equal(guard_enter(g, &limits, &b, 1), KZ_OK);
    guard_leave(g, &a);
    assert_int_equal(guard_enter(g, &limits, &a, 1), KZ_OK);
    assert_int_equal(guard_rename(g, &limits, &b, &a, 1), KZ_BUSY);
    guard_leave(g, &a);
    assert_int_equal(guard_rename(g, &limits, &b, &a, 1), KZ_OK);
    guard_free(g);
}

static void connections_a_second_are_bounded_and_forgotten(void **state)
{
    (void)state;
    struct guard *g = guard_new();
    struct conf_limits limits = {.sessions = 100, .connects_per_second = 3};
    struct netaddr a = addr("2001:db8::5");
    for (uint32_t second = 7; second < 9; second++) {
        for (int i = 0; i < 3; i++)
            assert_int_equal(guard_enter(g, &limits, &a, second), KZ_OK);
        assert_int_equal(guard_enter(g, &limits, &a, second), KZ_BUSY);
    }
    guard_free(g);
}

static void all_sessions_and_those_of_a_miner_are_bounded(void **state)
{
    (void)state;
    struct guard *g = guard_new();
    struct conf_limits limits = {.sessions = 2, .sessions_per_miner = 1};
    struct netaddr a = addr("192.0.2.1");
    assert_int_equal(guard_enter(g, &limits, &a, 1), KZ_OK);
    assert_int_equal(guard_enter(g, &limits, &a, 1), KZ_OK);
    assert_int_equal(guard_enter(g, &limits, &a, 1), KZ_BUSY);
    assert_int_equal(guard_enter_miner(g, &limits, 5), KZ_OK);
    assert_int_equal(guard_enter_miner(g, &limits, 5), KZ_BUSY);
    assert_int_equal(guard_enter_miner(g, &limits, 6), KZ_OK);
    guard_leave_miner(g, 5);
    assert_int_equal(guard_enter_miner(g, &limits, 5), KZ_OK);
    guard_free(g);
}

static struct monotime at(int seconds)
{
    return (struct monotime){seconds * INT64_C(1000000000)};
}

static void a_ban_is_of_address_and_login_together_and_ends(void **state)
{
    (void)state;
    struct ban_table t = {.seed = 42};
    struct netaddr a = addr("192.0.2.1"), b = addr("192.0.2.2");
    ban_add(&t, &a, "alice.rig", 9, at(0), 60);
    assert_true(ban_has(&t, &a, "alice.rig", 9, at(59)));
    assert_false(ban_has(&t, &a, "alice.two", 9, at(59)));
    assert_false(ban_has(&t, &b, "alice.rig", 9, at(59)));
    assert_false(ban_has(&t, &a, "alice.rig", 9, at(60)));
    assert_int_equal(t.count, 0);
}

static void a_full_table_drops_the_ban_that_ends_first(void **state)
{
    (void)state;
    struct ban_table t = {.seed = 42};
    struct netaddr a = addr("192.0.2.1");
    char login[16];
    for (int i = 0; i < BAN_MAX + 1; i++) {
        int n = snprintf(login, sizeof(login), "rig%d", i);
        ban_add(&t, &a, login, (size_t)n, at(i), 100000);
        ban_add(&t, &a, login, (size_t)n, at(i), 100000); /* twice is once */
    }
    assert_int_equal(t.count, BAN_MAX);
    assert_false(ban_has(&t, &a, "rig0", 4, at(BAN_MAX)));
    assert_true(ban_has(&t, &a, "rig1", 4, at(BAN_MAX)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_and_written),
        cmocka_unit_test(blocks_hold_their_addresses_and_no_others),
        cmocka_unit_test(connections_are_counted_by_address),
        cmocka_unit_test(connections_a_second_are_bounded_and_forgotten),
        cmocka_unit_test(all_sessions_and_those_of_a_miner_are_bounded),
        cmocka_unit_test(a_ban_is_of_address_and_login_together_and_ends),
        cmocka_unit_test(a_full_table_drops_the_ban_that_ends_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
