#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "ledger_fixture.h"
#include "payout/entry.h"

static struct entry drafted(void)
{
    struct entry e;
    entry_init(&e, ENTRY_CORRECTION, 1767225600000);
    memcpy(e.key.object, "a1", 3);
    return e;
}

static void post(struct entry *e, const char *account, int64_t amount)
{
    struct account a = account_of(account);
    entry_post(e, &a, sat(amount));
}

static void an_entry_that_does_not_sum_to_zero_is_refused(void **state)
{
    (void)state;
    struct entry e = drafted();
    post(&e, "fee", 100);
    post(&e, "capital", -99);
    assert_int_equal(entry_seal(&e), KZ_RANGE);
    post(&e, "block", -1);
    assert_int_equal(entry_seal(&e), KZ_OK);
    entry_clear(&e);
}

static void a_sum_outside_all_money_is_refused_and_does_not_wrap(void **state)
{
    (void)state;
    struct entry e = drafted();
    for (int i = 0; i < 4; i++) {
        post(&e, "fee", AMOUNT_MAX_SAT);
        post(&e, "capital", -AMOUNT_MAX_SAT);
    }
    assert_int_equal(entry_seal(&e), KZ_RANGE);
    entry_clear(&e);
}

static void postings_of_one_account_become_one_and_zeros_go(void **state)
{
    (void)state;
    struct entry e = drafted();
    post(&e, "mature:m000001", 5);
    post(&e, "fee", -5);
    post(&e, "held:m000001", 3);
    post(&e, "mature:m000001", 7);
    post(&e, "held:m000001", -3);
    post(&e, "capital", 0);
    post(&e, "fee", -7);
    assert_int_equal(entry_seal(&e), KZ_OK);
    assert_int_equal(e.posting_count, 2);
    assert_int_equal(posted(&e, "mature:m000001"), 12);
    assert_int_equal(posted(&e, "fee"), -12);
    assert_int_equal(posted(&e, "held:m000001"), 0);
    entry_clear(&e);
}

static void the_text_is_canonical_and_reads_back_the_same(void **state)
{
    (void)state;
    struct entry e = drafted();
    struct entry_output output = {miner_n(1), 7, sat(11)};
    post(&e, "mature:m000001", 12);
    post(&e, "fee.immature", -12);
    entry_pay(&e, &output);
    memcpy(e.reference, "T1", 3);
    memcpy(e.basis.reason, "\"a\\b\" д/é", sizeof("\"a\\b\" д/é"));
    memcpy(e.basis.by[0], "op-2", 5);
    memcpy(e.basis.by[1], "op-1", 5);
    assert_int_equal(entry_seal(&e), KZ_OK);
    char *text = entry_format(&e);
    assert_string_equal(
        text, "{\"by\":[\"op-2\",\"op-1\"],\"key\":\"adj:a1\",\"kind\":\"correction\","
              "\"outputs\":[[\"m000001\",7,11]],\"postings\":{\"fee.immature\":-12,"
              "\"mature:m000001\":12},\"reason\":\"\\\"a\\\\b\\\" д/é\","
              "\"reference\":\"T1\",\"time_ms\":1767225600000}");
    struct entry again;
    assert_int_equal(entry_parse(&again, text, strlen(text)), KZ_OK);
    char *same = entry_format(&again);
    assert_string_equal(same, text);
    mem_free(text);
    mem_free(same);
    entry_clear(&e);
    entry_clear(&again);
}

static void an_entry_that_moves_nothing_is_an_entry(void **state)
{
    (void)state;
    const char *text =
        "{\"key\":\"mn:m000003:hold:1\",\"kind\":\"hold\",\"postings\":{},"
        "\"time_ms\":0}";
    struct entry e;
    assert_int_equal(entry_parse(&e, text, strlen(text)), KZ_OK);
    char *same = entry_format(&e);
    assert_string_equal(same, text);
    mem_free(same);
    entry_clear(&e);
}

#define REST ",\"kind\":\"correction\",\"postings\":{},\"time_ms\":0}"
#define MOST "{\"key\":\"adj:a\",\"kind\":\"correction\",\"time_ms\":0,"

static void other_text_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"key\":\"adj:a\"" REST "x",
        "{\"key\":\"adj:\"" REST,
        "{\"key\":\"cap:1\"" REST,
        "{\"key\":7" REST,
        "{\"key\":\"adj:a\",\"key\":\"adj:a\"" REST,
        "{\"key\":\"adj:a\",\"more\":1" REST,
        "{\"key\":\"adj:a\",\"by\":[]" REST,
        "{\"key\":\"adj:a\",\"by\":[\"a\",\"b\",\"c\"]" REST,
        "{\"key\":\"adj:a\",\"by\":[\"\"]" REST,
        "{\"key\":\"adj:a\",\"reason\":\"\"" REST,
        "{\"key\":\"adj:a\",\"reason\":\"a\\nb\"" REST,
        "{\"key\":\"adj:a\",\"reason\":\"a\\u0000b\"" REST,
        "{\"key\":\"adj:a\",\"reference\":\"\xff\"" REST,
        "{\"key\":\"adj:a\",\"outputs\":[]" REST,
        "{\"key\":\"adj:a\",\"outputs\":[[\"m000001\",0]]" REST,
        "{\"key\":\"adj:a\",\"outputs\":[[\"m000001\",-1,5]]" REST,
        "{\"key\":\"adj:a\",\"outputs\":[[\"m000001\",4294967296,5]]" REST,
        "{\"key\":\"adj:a\",\"outputs\":[[\"m000001\",0,0]]" REST,
        "{\"key\":\"adj:a\",\"outputs\":[[\"m000001\",0,5],[\"m000002\",0,5]]" REST,
        MOST "\"postings\":[]}",
        MOST "\"postings\":{\"fee\":1}}",
        MOST "\"postings\":{\"fee\":0}}",
        MOST "\"postings\":{\"fee\":1.0,\"block\":-1.0}}",
        MOST "\"postings\":{\"fee\":\"1\",\"block\":\"-1\"}}",
        MOST "\"postings\":{\"fee\":1,\"fee\":1,\"block\":-2}}",
        MOST "\"postings\":{\"fees\":1,\"block\":-1}}",
        MOST "\"postings\":{\"fee\":2100000000000001,\"block\":-2100000000000001}}",
        MOST "\"postings\":{\"fee\":9223372036854775808,\"block\":-1}}",
        "{\"key\":\"adj:a\",\"kind\":\"correction\",\"time_ms\":-1,\"postings\":{}}",
        "{\"key\":\"adj:a\",\"kind\":\"correction\",\"time_ms\":1.5,\"postings\":{}}",
        "{\"key\":\"adj:a\",\"kind\":\"corrections\",\"time_ms\":0,\"postings\":{}}",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct entry e;
        enum kz_err err = entry_parse(&e, bad[i], strlen(bad[i]));
        if (err == KZ_OK)
            fail_msg("taken for an entry: %s", bad[i]);
    }
    struct entry e;
    const char *good = MOST "\"postings\":{\"fee\":1,\"block\":-1}}";
    assert_int_equal(entry_parse(&e, good, strlen(good)), KZ_OK);
    entry_clear(&e);
}

static void keys_have_the_forms_of_the_spec(void **state)
{
    (void)state;
    static const struct {
        enum entry_kind kind;
        const char *text;
        const char *object;
        uint64_t n;
    } keys[] = {
        {ENTRY_BLOCK_ACCEPTED, "blk:B1:accept", "B1", 0},
        {ENTRY_BLOCK_ORPHANED, "blk:B1:orphan:1", "B1", 1},
        {ENTRY_BLOCK_REVIVED, "blk:B1:revive:2", "B1", 2},
        {ENTRY_BLOCK_MATURED, "blk:B1:mature", "B1", 0},
        {ENTRY_BLOCK_MATURED,
         "blk:000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f:mature",
         "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f", 0},
        {ENTRY_PPS_ACCRUAL, "pps:17030ecd:312500000:m000009:to=20599365234375000",
         "17030ecd:312500000", 20599365234375000},
        {ENTRY_HOLD, "mn:m000003:hold:1", "", 1},
        {ENTRY_RELEASE, "mn:m000003:release:12", "", 12},
        {ENTRY_PAYOUT_RESERVED, "po:po-1:reserve", "po-1", 0},
        {ENTRY_PAYOUT_CONFIRMED, "po:po-1:confirm", "po-1", 0},
        {ENTRY_PAYOUT_CONFIRMED, "po:po-1:confirm:2", "po-1", 2},
        {ENTRY_PAYOUT_UNCONFIRMED, "po:po-1:unconfirm:1", "po-1", 1},
        {ENTRY_PAYOUT_ABANDONED, "po:po-1:abandon", "po-1", 0},
        {ENTRY_PAYOUT_FEE, "po:po-1:fee:1", "po-1", 1},
        {ENTRY_PAYOUT_FEE, "po:po-1:fee:13", "po-1", 13},
        {ENTRY_PAYOUT_FEE_BACK, "po:po-1:unfee:2", "po-1", 2},
        {ENTRY_CAPITAL_IN, "cap:9223372036854775807", "", INT64_MAX},
        {ENTRY_CAPITAL_OUT, "cap:2", "", 2},
        {ENTRY_CORRECTION, "adj:0b9e7f4c-0000-4000-8000-1234567890ab",
         "0b9e7f4c-0000-4000-8000-1234567890ab", 0},
    };
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct entry_key k;
        char again[ENTRY_KEY_SIZE];
        if (entry_key_parse(&k, keys[i].kind, keys[i].text, strlen(keys[i].text)) !=
            KZ_OK)
            fail_msg("%s was refused", keys[i].text);
        assert_string_equal(k.object, keys[i].object);
        assert_true(k.n == keys[i].n);
        assert_int_equal(entry_key_format(again, &k), KZ_OK);
        assert_string_equal(again, keys[i].text);
    }
}

static void other_keys_are_refused(void **state)
{
    (void)state;
    static const struct {
        enum entry_kind kind;
        const char *text;
    } bad[] = {
        {ENTRY_BLOCK_ACCEPTED, ""},
        {ENTRY_BLOCK_ACCEPTED, "blk:"},
        {ENTRY_BLOCK_ACCEPTED, "blk::accept"},
        {ENTRY_BLOCK_ACCEPTED, "blk:B1:accept:"},
        {ENTRY_BLOCK_ACCEPTED, "blk:B1:accept:0"},
        {ENTRY_BLOCK_ACCEPTED, "blk:B1:accept:1"},
        {ENTRY_BLOCK_ACCEPTED, "blk:B1:orphan:1"},
        {ENTRY_BLOCK_ACCEPTED, "blk:B 1:accept"},
        {ENTRY_BLOCK_ACCEPTED, "po:B1:accept"},
        {ENTRY_BLOCK_ORPHANED, "blk:B1:orphan"},
        {ENTRY_BLOCK_ORPHANED, "blk:B1:orphan:0"},
        {ENTRY_BLOCK_ORPHANED, "blk:B1:orphan:01"},
        {ENTRY_BLOCK_ORPHANED, "blk:B1:orphan:-1"},
        {ENTRY_BLOCK_ORPHANED, "blk:B1:orphan:1x"},
        {ENTRY_BLOCK_ORPHANED, "blk:B1:orphan:9223372036854775808"},
        {ENTRY_BLOCK_ORPHANED, "blk:B1:orphan:18446744073709551617"},
        {ENTRY_PAYOUT_RESERVED, "po:PO:reserve"},
        {ENTRY_PAYOUT_CONFIRMED, "po:po-1:confirm:0"},
        {ENTRY_PAYOUT_FEE, "po:po-1:fee"},
        {ENTRY_PAYOUT_FEE, "po:po-1:fee:0"},
        {ENTRY_PAYOUT_FEE, "po:po-1:unfee:1"},
        {ENTRY_PAYOUT_FEE, "po:PO:fee:1"},
        {ENTRY_PAYOUT_FEE_BACK, "po:po-1:unfee"},
        {ENTRY_PAYOUT_FEE_BACK, "po:po-1:fee:2"},
        {ENTRY_HOLD, "mn:m1:hold:1"},
        {ENTRY_HOLD, "mn:m000003:hold"},
        {ENTRY_PPS_ACCRUAL, "pps:m000009:to=1"},
        {ENTRY_PPS_ACCRUAL, "pps::m000009:to=1"},
        {ENTRY_PPS_ACCRUAL, "pps:p:m000009:to="},
        {ENTRY_PPS_ACCRUAL, "pps:p:m000009:to=0"},
        {ENTRY_PPS_ACCRUAL, "pps:p:m000009:on=1"},
        {ENTRY_CAPITAL_IN, "cap:"},
        {ENTRY_CAPITAL_IN, "cap:0"},
        {ENTRY_CORRECTION, "adj:a:b"},
        {ENTRY_BLOCK_MATURED,
         "blk:000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f0:"
         "mature"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct entry_key k;
        if (entry_key_parse(&k, bad[i].kind, bad[i].text, strlen(bad[i].text)) == KZ_OK)
            fail_msg("'%s' was taken for a key", bad[i].text);
    }
}

static void the_content_is_what_moves_and_not_when_or_why(void **state)
{
    (void)state;
    struct entry a = drafted(), b = drafted(), c = drafted();
    struct hash256 ha, hb, hc;
    post(&a, "fee", 5);
    post(&a, "block", -5);
    post(&b, "block", -5);
    post(&b, "fee", 5);
    post(&c, "fee", 5);
    post(&c, "capital", -5);
    b.time_ms++;
    memcpy(b.basis.reason, "again", 6);
    assert_int_equal(entry_seal(&a), KZ_OK);
    assert_int_equal(entry_seal(&b), KZ_OK);
    assert_int_equal(entry_seal(&c), KZ_OK);
    entry_content_hash(&ha, &a);
    entry_content_hash(&hb, &b);
    entry_content_hash(&hc, &c);
    assert_true(hash256_equal(&ha, &hb));
    assert_false(hash256_equal(&ha, &hc));
    entry_clear(&a);
    entry_clear(&b);
    entry_clear(&c);
}

static void a_copy_stands_on_its_own(void **state)
{
    (void)state;
    struct entry e = drafted(), copy;
    post(&e, "fee", 5);
    post(&e, "block", -5);
    assert_int_equal(entry_seal(&e), KZ_OK);
    entry_copy(&copy, &e);
    entry_clear(&e);
    assert_int_equal(posted(&copy, "fee"), 5);
    post(&copy, "fee", 1);
    post(&copy, "block", -1);
    assert_int_equal(entry_seal(&copy), KZ_OK);
    assert_int_equal(posted(&copy, "fee"), 6);
    entry_clear(&copy);
    entry_clear(&copy);
}

static void a_second_person_is_another_person(void **state)
{
    (void)state;
    struct entry_basis basis = *two_persons();
    assert_true(entry_basis_is_double(&basis));
    memcpy(basis.by[1], basis.by[0], sizeof(basis.by[1]));
    assert_false(entry_basis_is_double(&basis));
    basis.by[1][0] = '\0';
    assert_false(entry_basis_is_double(&basis));
    assert_false(entry_basis_is_double(no_basis()));
}

static void a_miners_part_need_not_sum_to_zero(void **state)
{
    (void)state;
    static const char part[] =
        "{\"key\":\"blk:B1:accept\",\"kind\":\"block_accepted\",\"outputs\":[["
        "\"m000001\",3,40]],\"postings\":{\"immature:m000001\":-40},\"reference\":"
        "\"B1\",\"time_ms\":5}";
    static const char hold[] = "{\"key\":\"mn:m000001:hold:1\",\"kind\":\"hold\","
                               "\"postings\":{},\"time_ms\":5}";
    static const char *const others[] = {
        "", "{}",
        "{\"key\":\"blk:B1:accept\",\"kind\":\"block_accepted\","
        "\"postings\":{\"nobody:m000001\":-40},\"time_ms\":5}",
        "{\"key\":\"blk:B1:accept\",\"kind\":\"hold\",\"postings\":{},\"time_ms\":5}",
        "{\"key\":\"blk:B1:accept\",\"kind\":\"block_accepted\",\"more\":1,"
        "\"postings\":{},\"time_ms\":5}"};
    struct entry e;
    assert_int_equal(entry_parse(&e, part, strlen(part)), KZ_RANGE);
    assert_int_equal(entry_parse_part(&e, part, strlen(part)), KZ_OK);
    assert_int_equal(posted(&e, "immature:m000001"), -40);
    assert_int_equal(e.output_count, 1);
    entry_clear(&e);
    assert_int_equal(entry_parse_part(&e, hold, strlen(hold)), KZ_OK);
    entry_clear(&e);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_int_equal(entry_parse_part(&e, others[i], strlen(others[i])), KZ_PARSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_that_does_not_sum_to_zero_is_refused),
        cmocka_unit_test(a_sum_outside_all_money_is_refused_and_does_not_wrap),
        cmocka_unit_test(postings_of_one_account_become_one_and_zeros_go),
        cmocka_unit_test(the_text_is_canonical_and_reads_back_the_same),
        cmocka_unit_test(an_entry_that_moves_nothing_is_an_entry),
        cmocka_unit_test(other_text_is_refused),
        cmocka_unit_test(keys_have_the_forms_of_the_spec),
        cmocka_unit_test(other_keys_are_refused),
        cmocka_unit_test(the_content_is_what_moves_and_not_when_or_why),
        cmocka_unit_test(a_copy_stands_on_its_own),
        cmocka_unit_test(a_second_person_is_another_person),
        cmocka_unit_test(a_miners_part_need_not_sum_to_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
