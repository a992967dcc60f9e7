/* Payout addresses of a record. Signatures were made by tests/functional/lib/signing.py
 * with private_key("alice"). */
#include "pool/registry/registry_address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define HOUR_MS INT64_C(3600000)
#define NOW_MS  INT64_C(1767225600123) /* 2026-01-01T00:00:00.123Z */
#define NONCE   "00112233445566778899aabbccddeeff"

#define P2PKH  "mjfst3S2A4ZwbyaRCewCZg9tyWhUvK518u"
#define P2WPKH "bcrt1q9kggl6c996gn0d9sg90ftwlytzjfzdvkcxw5l3"
#define P2TR   "bcrt1pdr74fjxy65rfzcuc64l7ryh37rsslr5jjl3anrlqkmr79m733t3slghwwj"
#define POOLS  "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"

#define P2PKH_LEGACY                                                                   \
    "Hw9G28CIl1mRj51HT+cpqCFIwnbe7iFFxsgWg9Lku0B0SQ2ancqR48E9Oa+"                      \
    "KX/ddXTbyPX8ohFOHQt0+pSV6LUU="
#define P2WPKH_LEGACY                                                                  \
    "KJnQm59+gsKLt8IMfB9mukDMq1kXQNq2zPPtCTDQcvA+"                                     \
    "fMdO7SH6QX19ycXUR4tpX3DO6VeO+Uio0T3SmVx8yC0="
#define P2WPKH_SIMPLE                                                                  \
    "smpAkcwRAIgN+yuLU6vLjeEpOrawT1DOvms8zkgSggv6dAYsK+bs7ECIFu1dbl7/"                 \
    "jlxZsCPfwuiSU+vrrQo/paA62kxbh1ZGx3UASEC6kk2ySj/"                                  \
    "Nf6FT5Gqe355ErEePB0LcnlSpwm94NuuPTs="
#define P2TR_WITNESS                                                                   \
    "AUCltg9VA+B2GNfYyXUSgkn8VSHIYY5jWeMXTJA+aO43anTlDSvifbNymJi6HZfupOL1nbmOlxz4EE/G" \
    "7yCjEy6Q"

struct bed {
    struct conf conf;
    json_t *record;
    char why[RECORD_WHY_SIZE];
    int64_t now_ms;
};

static void bed_init(struct bed *b, const char *address)
{
    *b = (struct bed){.now_ms = NOW_MS};
    b->conf.network = CONF_REGTEST;
    b->conf.address_wait_hours = 24;
    snprintf(b->conf.jurisdiction, sizeof(b->conf.jurisdiction), "tm");
    snprintf(b->conf.coinbase_address, sizeof(b->conf.coinbase_address), POOLS);
    json_t *list = json_array();
    const struct record_address_change first = {
        .address = address, .conf = &b->conf, .now_ms = NOW_MS};
    if (record_add_address(list, b->why, &first, 0) != KZ_OK)
        fail_msg("%s", b->why);
    b->record = json_pack("{s:s, s:s, s:o}", "miner_id", "miner-a", "state", "active",
                          "payout_addresses", list);
}

static void bed_clear(struct bed *b)
{
    json_decref(b->record);
}

/* Changes the record of `b`, unless it is refused; then it must be as it was. */
static enum kz_err change(struct bed *b, record_address_fn *how, const char *address,
                          const char *signature)
{
    const struct record_address_change c = {.address = address,
                                            .actor = "uid 7",
                                            .signature = signature,
                                            .nonce = NONCE,
                                            .conf = &b->conf,
                                            .now_ms = b->now_ms};
    json_t *before = json_deep_copy(b->record), *after = NULL;
    enum kz_err err = how(&after, b->why, b->record, &c);
    assert_true(json_equal(before, b->record));
    json_decref(before);
    if (err == KZ_OK) {
        json_decref(b->record);
        b->record = after;
    } else {
        assert_int_equal(err, KZ_RANGE);
        assert_null(after);
    }
    return err;
}

static void expect_ok(struct bed *b, enum kz_err err)
{
    if (err != KZ_OK)
        fail_msg("%s", b->why);
}

static void expect_refused(struct bed *b, enum kz_err err, const char *says)
{
    if (err != KZ_RANGE || strstr(b->why, says) == NULL)
        fail_msg("'%s' expected, but %d: %s", says, (int)err, b->why);
}

static json_t *address_at(const struct bed *b, size_t i)
{
    return json_array_get(json_object_get(b->record, "payout_addresses"), i);
}

static const char *newest(const struct bed *b)
{
    return record_text(record_newest_address(b->record), "address");
}

static void an_added_address_is_the_newest_and_waits(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, P2WPKH);
    assert_null(json_object_get(address_at(&b, 0), "payable_from"));
    assert_false(record_address_waits(address_at(&b, 0), NOW_MS));
    expect_ok(&b, change(&b, record_with_address, P2TR, NULL));
    assert_string_equal(newest(&b), P2TR);
    const json_t *one = address_at(&b, 1);
    assert_string_equal(record_text(one, "type"), "p2tr");
    assert_string_equal(record_text(one, "from"), "2026-01-01T00:00:00.123Z");
    assert_string_equal(record_text(one, "payable_from"), "2026-01-02T00:00:00.123Z");
    assert_true(record_address_waits(one, NOW_MS));
    assert_true(record_address_waits(one, NOW_MS + 24 * HOUR_MS - 1));
    assert_false(record_address_waits(one, NOW_MS + 24 * HOUR_MS));
    assert_true(json_is_null(json_object_get(address_at(&b, 0), "to")));
    bed_clear(&b);
}

static void the_wait_is_the_settings(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, P2WPKH);
    b.conf.address_wait_hours = 0;
    expect_ok(&b, change(&b, record_with_address, P2TR, NULL));
    assert_null(json_object_get(address_at(&b, 1), "payable_from"));
    b.conf.address_wait_hours = 8760;
    expect_ok(&b, change(&b, record_with_address, P2PKH, NULL));
    assert_string_equal(record_text(address_at(&b, 2), "payable_from"),
                        "2027-01-01T00:00:00.123Z");
    bed_clear(&b);
}

static void a_damaged_wait_lasts(void **state)
{
    (void)state;
    json_t *one = json_pack("{s:s}", "payable_from", "soon");
    assert_true(record_address_waits(one, INT64_MAX));
    json_decref(one);
}

static void what_cannot_be_paid_is_not_added(void **state)
{
    (void)state;
    static const struct {
        const char *address, *says;
    } cases[] = {
        {"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "address: \"bc1q"},
        {P2TR "x", "address: \""},
        {"", "address: \"\": "},
        {POOLS, "is the pool's own"},
        {"BCRT1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KYGT080", "is the pool's own"},
        {P2WPKH, "is there twice"},
    };
    struct bed b;
    bed_init(&b, P2WPKH);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect_refused(&b, change(&b, record_with_address, cases[i].address, NULL),
                       cases[i].says);
    bed_clear(&b);
}

static void an_ended_address_is_kept_and_may_come_back(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, P2WPKH);
    expect_ok(&b, change(&b, record_with_address, P2TR, NULL));
    expect_refused(&b, change(&b, record_without_address, P2PKH, NULL),
                   "is no live address");
    expect_ok(&b, change(&b, record_without_address, P2TR, NULL));
    assert_string_equal(record_text(address_at(&b, 1), "to"),
                        "2026-01-01T00:00:00.123Z");
    assert_string_equal(newest(&b), P2WPKH);
    expect_refused(&b, change(&b, record_without_address, P2TR, NULL),
                   "is no live address");
    expect_ok(&b, change(&b, record_without_address, P2WPKH, NULL));
    assert_null(record_newest_address(b.record));
    expect_ok(&b, change(&b, record_with_address, P2TR, NULL));
    assert_string_equal(newest(&b), P2TR);
    assert_true(record_address_waits(address_at(&b, 2), NOW_MS));
    bed_clear(&b);
}

static void no_more_are_kept_than_the_record_has_room_for(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, P2WPKH);
    for (size_t i = 1; i < RECORD_ADDRESSES_KEPT; i++) {
        expect_ok(&b, change(&b, record_with_address, P2TR, NULL));
        expect_ok(&b, change(&b, record_without_address, P2TR, NULL));
    }
    expect_refused(&b, change(&b, record_with_address, P2TR, NULL), "64 were");
    bed_clear(&b);
    bed_init(&b, P2WPKH);
    json_t *list = json_object_get(b.record, "payout_addresses");
    while (json_array_size(list) < RECORD_ADDRESSES_MAX)
        json_array_append(list, address_at(&b, 0));
    expect_refused(&b, change(&b, record_with_address, P2TR, NULL), "16 are live");
    bed_clear(&b);
}

/* --- proofs ----------------------------------------------------------------------- */

static void the_challenge_is_a_message_for_this_address_alone(void **state)
{
    (void)state;
    char message[PROOF_MESSAGE_SIZE];
    struct bed b;
    bed_init(&b, P2WPKH);
    assert_int_equal(record_challenge_message(message, b.record, P2WPKH, &b.conf),
                     KZ_EMPTY);
    expect_refused(&b, change(&b, record_with_challenge, P2TR, NULL),
                   "is no live address");
    expect_ok(&b, change(&b, record_with_challenge, P2WPKH, NULL));
    const json_t *c = json_object_get(address_at(&b, 0), "challenge");
    assert_string_equal(record_text(c, "nonce"), NONCE);
    assert_string_equal(record_text(c, "expires"), "2026-01-02T00:00:00.000Z");
    assert_int_equal(record_challenge_message(message, b.record, P2WPKH, &b.conf),
                     KZ_OK);
    assert_string_equal(message, "kariz regtest miner-a " P2WPKH " " NONCE
                                 " 2026-01-02T00:00:00Z");
    bed_clear(&b);
}

static void each_form_of_proof_is_kept_with_its_method(void **state)
{
    (void)state;
    static const struct {
        const char *address, *signature, *method;
    } cases[] = {
        {P2PKH, P2PKH_LEGACY, "legacy"},   {P2WPKH, P2WPKH_LEGACY, "legacy"},
        {P2WPKH, P2WPKH_SIMPLE, "bip322"}, {P2TR, "smp" P2TR_WITNESS, "bip322"},
        {P2TR, P2TR_WITNESS, "bip322"}, /* as long a text as an older form's */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bed b;
        bed_init(&b, cases[i].address);
        expect_ok(&b, change(&b, record_with_challenge, cases[i].address, NULL));
        b.now_ms += HOUR_MS;
        expect_ok(&b,
                  change(&b, record_with_proof, cases[i].address, cases[i].signature));
        const json_t *proof = json_object_get(address_at(&b, 0), "proof");
        assert_string_equal(record_text(proof, "method"), cases[i].method);
        assert_string_equal(record_text(proof, "signature"), cases[i].signature);
        assert_string_equal(record_text(proof, "at"), "2026-01-01T01:00:00.123Z");
        assert_string_equal(record_text(proof, "actor"), "uid 7");
        assert_non_null(strstr(record_text(proof, "message"), NONCE));
        assert_null(json_object_get(address_at(&b, 0), "challenge"));
        bed_clear(&b);
    }
}

static void a_challenge_is_good_for_one_proof(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, P2WPKH);
    expect_refused(&b, change(&b, record_with_proof, P2WPKH, P2WPKH_SIMPLE),
                   "no challenge is open");
    expect_ok(&b, change(&b, record_with_challenge, P2WPKH, NULL));
    expect_ok(&b, change(&b, record_with_proof, P2WPKH, P2WPKH_SIMPLE));
    expect_refused(&b, change(&b, record_with_proof, P2WPKH, P2WPKH_SIMPLE),
                   "no challenge is open");
    bed_clear(&b);
}

static void a_refused_proof_leaves_the_challenge_open_until_it_expires(void **state)
{
    (void)state;
    static const struct {
        const char *signature, *says;
    } cases[] = {
        {P2PKH_LEGACY, "signature: "}, /* its key is this one's, its message is not */
        {"not a signature", "signature: not base64"},
        {"", "signature: "},
        {NULL, "signature: is missing"},
        {"pofAAAA", ": a person decides"},
    };
    struct bed b;
    bed_init(&b, P2WPKH);
    expect_ok(&b, change(&b, record_with_challenge, P2WPKH, NULL));
    b.now_ms += 23 * HOUR_MS;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect_refused(&b, change(&b, record_with_proof, P2WPKH, cases[i].signature),
                       cases[i].says);
    assert_null(json_object_get(address_at(&b, 0), "proof"));
    int64_t expires_ms = NOW_MS / 1000 * 1000 + 24 * HOUR_MS;
    b.now_ms = expires_ms;
    expect_refused(&b, change(&b, record_with_proof, P2WPKH, P2WPKH_SIMPLE),
                   "has expired");
    b.now_ms = expires_ms - 1;
    expect_ok(&b, change(&b, record_with_proof, P2WPKH, P2WPKH_SIMPLE));
    bed_clear(&b);
}

static void another_miner_cannot_use_the_proof(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, P2WPKH);
    json_object_set_new(b.record, "miner_id", json_string("miner-b"));
    expect_ok(&b, change(&b, record_with_challenge, P2WPKH, NULL));
    expect_refused(&b, change(&b, record_with_proof, P2WPKH, P2WPKH_SIMPLE),
                   "signature: ");
    bed_clear(&b);
}

static void the_end_of_an_address_ends_its_challenge(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, P2WPKH);
    expect_ok(&b, change(&b, record_with_challenge, P2WPKH, NULL));
    expect_ok(&b, change(&b, record_without_address, P2WPKH, NULL));
    assert_null(json_object_get(address_at(&b, 0), "challenge"));
    expect_refused(&b, change(&b, record_with_proof, P2WPKH, P2WPKH_SIMPLE),
                   "is no live address");
    bed_clear(&b);
}

static void a_damaged_challenge_is_none(void **state)
{
    (void)state;
    static const char *const damaged[] = {
        "{}",
        "7",
        "{\"nonce\":\"a\"}",
        "{\"nonce\":\"a\",\"expires\":\"never\"}",
        "{\"nonce\":1,\"expires\":\"2026-01-02\"}",
        "{\"nonce\":"
        "\"11111111111111111111111111111111111111111111111111111111111111111\","
        "\"expires\":\"2026-01-02\"}",
    };
    char message[PROOF_MESSAGE_SIZE];
    struct bed b;
    bed_init(&b, P2WPKH);
    for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
        json_object_set_new(address_at(&b, 0), "challenge",
                            json_loads(damaged[i], JSON_DECODE_ANY, NULL));
        assert_int_equal(record_challenge_message(message, b.record, P2WPKH, &b.conf),
                         KZ_EMPTY);
        expect_refused(&b, change(&b, record_with_proof, P2WPKH, P2WPKH_SIMPLE),
                       "no challenge is open");
    }
    bed_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_added_address_is_the_newest_and_waits),
        cmocka_unit_test(the_wait_is_the_settings),
        cmocka_unit_test(a_damaged_wait_lasts),
        cmocka_unit_test(what_cannot_be_paid_is_not_added),
        cmocka_unit_test(an_ended_address_is_kept_and_may_come_back),
        cmocka_unit_test(no_more_are_kept_than_the_record_has_room_for),
        cmocka_unit_test(the_challenge_is_a_message_for_this_address_alone),
        cmocka_unit_test(each_form_of_proof_is_kept_with_its_method),
        cmocka_unit_test(a_challenge_is_good_for_one_proof),
        cmocka_unit_test(a_refused_proof_leaves_the_challenge_open_until_it_expires),
        cmocka_unit_test(another_miner_cannot_use_the_proof),
        cmocka_unit_test(the_end_of_an_address_ends_its_challenge),
        cmocka_unit_test(a_damaged_challenge_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
