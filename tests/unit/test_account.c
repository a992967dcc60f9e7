#include "payout/account.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct account parsed(const char *text)
{
    struct account a;
    assert_int_equal(account_parse(&a, text, strlen(text)), KZ_OK);
    return a;
}

static void every_name_of_the_table_is_read_and_written_back(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum account_name name;
        enum account_kind kind;
    } rows[] = {
        {"coins.immature", ACCOUNT_COINS_IMMATURE, ACCOUNT_IS_ASSET},
        {"coins.mature", ACCOUNT_COINS_MATURE, ACCOUNT_IS_ASSET},
        {"coins.direct", ACCOUNT_COINS_DIRECT, ACCOUNT_IS_ASSET},
        {"receivable:m000001", ACCOUNT_RECEIVABLE, ACCOUNT_IS_ASSET},
        {"immature:m000001", ACCOUNT_IMMATURE, ACCOUNT_IS_LIABILITY},
        {"mature:m000001", ACCOUNT_MATURE, ACCOUNT_IS_LIABILITY},
        {"held:m000001", ACCOUNT_HELD, ACCOUNT_IS_LIABILITY},
        {"reserved:po-1:m000001", ACCOUNT_RESERVED, ACCOUNT_IS_LIABILITY},
        {"fee.immature", ACCOUNT_FEE_IMMATURE, ACCOUNT_IS_INCOME},
        {"fee", ACCOUNT_FEE, ACCOUNT_IS_INCOME},
        {"block.immature", ACCOUNT_BLOCK_IMMATURE, ACCOUNT_IS_INCOME},
        {"block", ACCOUNT_BLOCK, ACCOUNT_IS_INCOME},
        {"network_fee", ACCOUNT_NETWORK_FEE, ACCOUNT_IS_EXPENSE},
        {"pps_cost", ACCOUNT_PPS_COST, ACCOUNT_IS_EXPENSE},
        {"capital", ACCOUNT_CAPITAL, ACCOUNT_IS_EQUITY},
    };
    assert_int_equal(sizeof(rows) / sizeof(rows[0]), ACCOUNT_NAMES);
    for (size_t i = 0; i < ACCOUNT_NAMES; i++) {
        char text[ACCOUNT_TEXT_SIZE];
        struct account a = parsed(rows[i].text);
        assert_int_equal(a.name, rows[i].name);
        assert_int_equal(account_kind(&a), rows[i].kind);
        account_format(text, &a);
        assert_string_equal(text, rows[i].text);
    }
}

static void the_longest_name_fits_its_text(void **state)
{
    (void)state;
    const char *longest = "reserved:pppppppppppppppppppppppppppppppp:"
                          "mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm";
    char text[ACCOUNT_TEXT_SIZE];
    struct account a = parsed(longest);
    account_format(text, &a);
    assert_string_equal(text, longest);
}

static void what_is_no_account_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        ":",
        "coins",
        "coins.mature:m000001",
        "coins.mature:",
        "fee.",
        "Fee",
        "fee ",
        "mature",
        "mature:",
        "mature:m1",
        "mature:M000001",
        "mature:m000001:m000002",
        "mature:m000001 ",
        "reserved",
        "reserved:m000001",
        "reserved:po-1",
        "reserved:po-1:",
        "reserved::m000001",
        "reserved:PO:m000001",
        "reserved:po-1:m000001:x",
        "reserved:ppppppppppppppppppppppppppppppppp:m000001",
        "mature:mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct account a = parsed("block");
        if (account_parse(&a, bad[i], strlen(bad[i])) != KZ_PARSE)
            fail_msg("'%s' was taken for an account", bad[i]);
        assert_int_equal(a.name, ACCOUNT_BLOCK);
    }
}

static void a_name_is_read_by_its_length_and_not_to_a_zero_byte(void **state)
{
    (void)state;
    struct account a;
    assert_int_equal(account_parse(&a, "feexxx", 3), KZ_OK);
    assert_int_equal(a.name, ACCOUNT_FEE);
    assert_int_equal(account_parse(&a, "fee\0xx", 6), KZ_PARSE);
    assert_int_equal(account_parse(&a, "held:m00\0001", 10), KZ_PARSE);
}

static void accounts_are_equal_only_when_all_parts_are(void **state)
{
    (void)state;
    static const char *const names[] = {"mature:m000001",
                                        "mature:m000002",
                                        "held:m000001",
                                        "reserved:po-1:m000001",
                                        "reserved:po-1:m000002",
                                        "reserved:po-2:m000001",
                                        "fee",
                                        "fee.immature"};
    size_t count = sizeof(names) / sizeof(names[0]);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++) {
            struct account a = parsed(names[i]), b = parsed(names[j]);
            int forth = account_compare(&a, &b), back = account_compare(&b, &a);
            assert_int_equal(forth == 0, i == j);
            assert_int_equal(forth<0, back> 0);
        }
}

static void accounts_made_from_parts_are_those_read_from_text(void **state)
{
    (void)state;
    struct miner_id miner;
    struct payout_id payout;
    assert_int_equal(miner_id_parse(&miner, "m000001", 7), KZ_OK);
    assert_int_equal(payout_id_parse(&payout, "po-1", 4), KZ_OK);
    struct account made[] = {account_pool(ACCOUNT_FEE),
                             account_miner(ACCOUNT_HELD, &miner),
                             account_reserved(&payout, &miner)};
    struct account read[] = {parsed("fee"), parsed("held:m000001"),
                             parsed("reserved:po-1:m000001")};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(account_compare(&made[i], &read[i]), 0);
}

static void what_can_be_orphaned_is_pending_and_nothing_else(void **state)
{
    (void)state;
    static const char *const pending[] = {"coins.immature", "coins.direct",
                                          "immature:m000001", "fee.immature",
                                          "block.immature"};
    int count = 0;
    for (size_t i = 0; i < sizeof(pending) / sizeof(pending[0]); i++)
        assert_true(account_is_pending(parsed(pending[i]).name));
    for (enum account_name n = ACCOUNT_COINS_IMMATURE; n < ACCOUNT_NAMES; n++)
        count += account_is_pending(n) ? 1 : 0;
    assert_int_equal(count, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_of_the_table_is_read_and_written_back),
        cmocka_unit_test(the_longest_name_fits_its_text),
        cmocka_unit_test(what_is_no_account_is_refused),
        cmocka_unit_test(a_name_is_read_by_its_length_and_not_to_a_zero_byte),
        cmocka_unit_test(accounts_are_equal_only_when_all_parts_are),
        cmocka_unit_test(accounts_made_from_parts_are_those_read_from_text),
        cmocka_unit_test(what_can_be_orphaned_is_pending_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
