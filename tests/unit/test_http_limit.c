/* How much one address, and all together, may ask. */
#include "pool/http_limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define START 1000000

static struct netaddr address(const char *text)
{
    struct netaddr a;
    assert_int_equal(netaddr_parse(&a, text, strlen(text)), KZ_OK);
    return a;
}

static unsigned taken(struct http_limit *l, const struct netaddr *a, unsigned tries,
                      int64_t now_ms)
{
    unsigned count = 0;
    for (unsigned i = 0; i < tries; i++)
        count += http_limit_take(l, a, now_ms);
    return count;
}

static void a_purse_has_its_size_and_fills_with_time(void **state)
{
    (void)state;
    struct http_limit *l = http_limit_new(1);
    struct netaddr a = address("192.0.2.1");
    assert_int_equal(taken(l, &a, 100, START), HTTP_LIMIT_PURSE);
    assert_int_equal(taken(l, &a, 100, START + 333), 0);
    assert_int_equal(taken(l, &a, 100, START + 334), 1);
    assert_int_equal(taken(l, &a, 100, START + 10334), 10 * HTTP_LIMIT_PER_SECOND);
    assert_int_equal(taken(l, &a, 100, START + 86400000), HTTP_LIMIT_PURSE);
    http_limit_free(l);
}

static void one_address_is_not_in_the_way_of_another(void **state)
{
    (void)state;
    struct http_limit *l = http_limit_new(1);
    struct netaddr a = address("192.0.2.1"), b = address("192.0.2.2");
    taken(l, &a, 100, START);
    assert_int_equal(taken(l, &b, 100, START), HTTP_LIMIT_PURSE);
    http_limit_free(l);
}

static void an_ipv6_network_has_one_purse(void **state)
{
    (void)state;
    struct http_limit *l = http_limit_new(1);
    struct netaddr a = address("2001:db8:1:2::1"), b = address("2001:db8:1:2:ffff::9");
    struct netaddr other = address("2001:db8:1:3::1");
    assert_int_equal(taken(l, &a, 100, START), HTTP_LIMIT_PURSE);
    assert_int_equal(taken(l, &b, 100, START), 0);
    assert_int_equal(taken(l, &other, 100, START), HTTP_LIMIT_PURSE);
    http_limit_free(l);
}

/* However long it goes on: a guess in the time that its price takes. */
static void who_guesses_has_a_few_tries_a_minute(void **state)
{
    (void)state;
    struct http_limit *l = http_limit_new(1);
    struct netaddr a = address("192.0.2.1");
    unsigned guesses = 0, minutes = 60;
    for (int64_t ms = 0; ms < minutes * 60000; ms += 100) {
        if (!http_limit_take(l, &a, START + ms))
            continue;
        http_limit_guessed(l, &a, START + ms);
        guesses++;
    }
    unsigned price = HTTP_LIMIT_GUESS + 1;
    assert_in_range(guesses, minutes * 60 * HTTP_LIMIT_PER_SECOND / price,
                    minutes * 60 * HTTP_LIMIT_PER_SECOND / price +
                        HTTP_LIMIT_PURSE / price + 2);
    http_limit_free(l);
}

static void all_together_are_limited_too(void **state)
{
    (void)state;
    struct http_limit *l = http_limit_new(1);
    unsigned count = 0;
    struct netaddr a = address("10.0.0.0");
    for (int i = 0; i < 1000; i++) {
        a.ip[14] = (uint8_t)(i >> 8);
        a.ip[15] = (uint8_t)i;
        count += taken(l, &a, 1, START);
    }
    assert_int_equal(count, HTTP_LIMIT_ALL);
    assert_int_equal(taken(l, &a, 1, START + 10), 1);
    http_limit_free(l);
}

/* With more addresses than places: those that ask little are forgotten, not it. */
static void who_asked_too_much_is_remembered_in_a_crowd(void **state)
{
    (void)state;
    struct http_limit *l = http_limit_new(1);
    struct netaddr bad = address("192.0.2.1"), a = address("10.0.0.0");
    int64_t now = START;
    while (http_limit_take(l, &bad, now))
        http_limit_guessed(l, &bad, now);
    for (int i = 0; i < 60000; i++) {
        a.ip[13] = (uint8_t)(i >> 16);
        a.ip[14] = (uint8_t)(i >> 8);
        a.ip[15] = (uint8_t)i;
        taken(l, &a, 1, now);
    }
    assert_int_equal(taken(l, &bad, 1, now), 0);
    http_limit_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_purse_has_its_size_and_fills_with_time),
        cmocka_unit_test(one_address_is_not_in_the_way_of_another),
        cmocka_unit_test(an_ipv6_network_has_one_purse),
        cmocka_unit_test(who_guesses_has_a_few_tries_a_minute),
        cmocka_unit_test(all_together_are_limited_too),
        cmocka_unit_test(who_asked_too_much_is_remembered_in_a_crowd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
