#include "stratum/roster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct roster *small(void)
{
    struct roster *r = roster_new(1);
    roster_add(r, &(struct roster_miner){{"alice"}, 7, true, false});
    roster_add(r, &(struct roster_miner){{"bob-2"}, 9, false, true});
    roster_add_address(r, "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", 7);
    roster_add_address(r, "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", 9);
    return r;
}

static const struct roster_miner *find(const struct roster *r, const char *name)
{
    return roster_find(r, name, strlen(name));
}

static void miners_are_found_by_id_address_and_number(void **state)
{
    (void)state;
    struct roster *r = small();
    assert_int_equal(find(r, "alice")->number, 7);
    assert_int_equal(find(r, "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4")->number, 7);
    assert_int_equal(find(r, "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2")->number, 9);
    assert_true(roster_get(r, 9)->warned);
    assert_null(roster_get(r, 8));
    assert_null(find(r, "alic"));
    assert_null(find(r, "alice2"));
    assert_null(find(r, ""));
    roster_unref(r);
}

static void ids_and_bech32_match_in_either_case_but_base58_does_not(void **state)
{
    (void)state;
    struct roster *r = small();
    assert_int_equal(find(r, "ALICE")->number, 7);
    assert_int_equal(find(r, "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4")->number, 7);
    assert_null(find(r, "1bvbmseystwetqtfn5au4m4gfg7xjanvn2"));
    roster_unref(r);
}

static void hostile_names_find_nobody(void **state)
{
    (void)state;
    struct roster *r = small();
    char longest[4096];
    memset(longest, 'a', sizeof(longest));
    assert_null(roster_find(r, longest, sizeof(longest)));
    assert_null(roster_find(r, "alice\0x", 7));
    assert_null(roster_find(r, "\xff\xfe", 2));
    roster_unref(r);
}

static void the_first_of_two_with_one_name_stays(void **state)
{
    (void)state;
    struct roster *r = small();
    roster_add(r, &(struct roster_miner){{"alice"}, 70, true, false});
    roster_add(r, &(struct roster_miner){{"carol"}, 7, true, false});
    roster_add_address(r, "alice", 9);
    assert_int_equal(find(r, "alice")->number, 7);
    assert_null(roster_get(r, 70));
    assert_null(find(r, "carol"));
    roster_unref(r);
}

static void it_grows_beyond_what_was_expected(void **state)
{
    (void)state;
    struct roster *r = roster_new(0);
    char text[40];
    for (uint32_t i = 0; i < 5000; i++) {
        struct roster_miner m = {.number = i * 3, .may_mine = i % 2 == 0};
        snprintf(m.id.text, sizeof(m.id.text), "miner-%u", i);
        roster_add(r, &m);
        snprintf(text, sizeof(text), "address%u", i);
        roster_add_address(r, text, i * 3);
    }
    for (uint32_t i = 0; i < 5000; i++) {
        snprintf(text, sizeof(text), "miner-%u", i);
        assert_int_equal(find(r, text)->number, i * 3);
        snprintf(text, sizeof(text), "address%u", i);
        assert_int_equal(find(r, text)->number, i * 3);
        assert_int_equal(roster_get(r, i * 3)->may_mine, i % 2 == 0);
    }
    roster_unref(r);
}

static void it_lives_until_its_last_reference(void **state)
{
    (void)state;
    struct roster *r = small(), *again = roster_ref(r);
    roster_unref(r);
    assert_int_equal(find(again, "alice")->number, 7);
    roster_unref(again);
    roster_unref(NULL);
    assert_null(roster_ref(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(miners_are_found_by_id_address_and_number),
        cmocka_unit_test(ids_and_bech32_match_in_either_case_but_base58_does_not),
        cmocka_unit_test(hostile_names_find_nobody),
        cmocka_unit_test(the_first_of_two_with_one_name_stays),
        cmocka_unit_test(it_grows_beyond_what_was_expected),
        cmocka_unit_test(it_lives_until_its_last_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
