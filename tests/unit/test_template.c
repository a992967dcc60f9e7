#include "share/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/raw_block.h"
#include "tests/unit/vectors.h"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define ONES  "1111111111111111111111111111111111111111111111111111111111111111"
#define TWOS  "2222222222222222222222222222222222222222222222222222222222222222"

/* 61 bytes: no transaction that means anything, but one by its length. */
#define TX_HEX                                                                         \
    "01000000010000000000000000000000000000000000000000000000000000000000000000000000" \
    "0000ffffffff01000000000000000001510000000000"

static const struct template_rules plain = {.signet = false};

static json_t *tx_json(const char *txid, const char *hash)
{
    json_int_t bytes = (json_int_t)strlen(TX_HEX) / 2;
    bool witness = strcmp(txid, hash) != 0;
    return json_pack("{s:s, s:s, s:s, s:I, s:i}", "data", TX_HEX, "txid", txid, "hash",
                     hash, "weight", witness ? bytes * 2 : bytes * 4, "sigops", 4);
}

static json_t *basic(void)
{
    json_t *t = json_pack(
        "{s:i, s:s, s:s, s:s, s:i, s:i, s:i, s:I, s:[s, s], s:[s], s:s, s:i, s:i, s:i, "
        "s:[o, o]}",
        "height", 840000, "previousblockhash", ONES, "bits", "1d00ffff", "target",
        "00000000ffff0000000000000000000000000000000000000000000000000000", "curtime",
        1700000000, "mintime", 1699990000, "version", 0x20000000, "coinbasevalue",
        (json_int_t)312500000, "rules", "csv", "!segwit", "capabilities", "proposal",
        "longpollid", "abc1", "sizelimit", 4000000, "weightlimit", 4000000,
        "sigoplimit", 80000, "transactions", tx_json(ONES, ONES), tx_json(TWOS, TWOS));
    assert_non_null(t);
    return t;
}

static struct template *parse_fine(const json_t *json)
{
    struct template *t = NULL;
    char why[TEMPLATE_WHY_SIZE] = "";
    if (template_parse(&t, why, json, &plain) != KZ_OK)
        fail_msg("%s", why);
    return t;
}

/* Refused with a text that names `field`. Takes `json`. */
static void assert_refused(json_t *json, enum kz_err expected, const char *field)
{
    struct template *t = NULL;
    char why[TEMPLATE_WHY_SIZE] = "";
    enum kz_err err = template_parse(&t, why, json, &plain);
    if (err != expected || strstr(why, field) == NULL)
        fail_msg("%s: error %d, '%s'", field, (int)err, why);
    assert_null(t);
    json_decref(json);
}

static json_t *basic_with(const char *field, json_t *value)
{
    json_t *json = basic();
    if (value == NULL)
        json_object_del(json, field);
    else
        json_object_set_new(json, field, value);
    return json;
}

static json_t *first_tx(json_t *json)
{
    return json_array_get(json_object_get(json, "transactions"), 0);
}

static json_t *basic_with_tx(const char *field, json_t *value)
{
    json_t *json = basic();
    if (value == NULL)
        json_object_del(first_tx(json), field);
    else
        json_object_set_new(first_tx(json), field, value);
    return json;
}

static void every_field_is_taken_over(void **state)
{
    (void)state;
    json_t *json = basic();
    struct template *t = parse_fine(json);
    json_decref(json); /* nothing of it is borrowed */
    assert_int_equal(t->height, 840000);
    assert_int_equal(t->version, 0x20000000);
    assert_int_equal(t->nbits, 0x1d00ffff);
    assert_int_equal(t->curtime, 1700000000);
    assert_int_equal(t->mintime, 1699990000);
    assert_int_equal(t->prev_hash.b[0], 0x11);
    assert_true(t->coinbase_value_sat == 312500000);
    assert_int_equal(t->tx_count, 2);
    assert_int_equal(t->weight, 2 * 4 * strlen(TX_HEX) / 2);
    assert_int_equal(t->sigops, 8);
    assert_int_equal(t->weight_limit, 4000000);
    assert_int_equal(t->sigop_limit, 80000);
    assert_int_equal(t->branch_count, 2);
    assert_true(t->has_witness_commitment);
    assert_true(t->has_proposal);
    assert_string_equal(t->longpoll_id, "abc1");
    assert_int_equal(t->txs[1].hex_len, strlen(TX_HEX));
    assert_memory_equal(t->txs[1].hex, TX_HEX, strlen(TX_HEX));
    struct template *again = template_ref(t);
    assert_ptr_equal(again, t);
    template_unref(t);
    template_unref(again);
    template_unref(NULL);
    assert_null(template_ref(NULL));
}

static void a_template_without_transactions_has_no_branch(void **state)
{
    (void)state;
    json_t *json = basic_with("transactions", json_array());
    struct template *t = parse_fine(json);
    assert_int_equal(t->branch_count, 0);
    assert_int_equal(t->tx_count, 0);
    assert_true(t->has_witness_commitment);
    template_unref(t);
    json_decref(json);
}

static void optional_fields_may_lack(void **state)
{
    (void)state;
    static const char *const optional[] = {"target",    "capabilities", "longpollid",
                                           "sizelimit", "weightlimit",  "sigoplimit",
                                           "mintime"};
    for (size_t i = 0; i < sizeof(optional) / sizeof(optional[0]); i++) {
        json_t *json = basic_with(optional[i], NULL);
        template_unref(parse_fine(json));
        json_decref(json);
    }
    json_t *json = basic_with("mintime", NULL);
    struct template *t = parse_fine(json);
    assert_int_equal(t->mintime, t->curtime);
    template_unref(t);
    json_decref(json);
    json = basic_with_tx("hash", NULL);
    template_unref(parse_fine(json));
    json_decref(json);
}

static void a_missing_or_mistyped_field_is_named(void **state)
{
    (void)state;
    static const char *const needed[] = {
        "height",  "previousblockhash", "bits",        "curtime",
        "version", "coinbasevalue",     "transactions"};
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        assert_refused(basic_with(needed[i], NULL), KZ_PARSE, needed[i]);
        assert_refused(basic_with(needed[i], json_true()), KZ_PARSE, needed[i]);
    }
    assert_refused(json_array(), KZ_PARSE, "template");
    assert_refused(basic_with("height", json_real(1.5)), KZ_PARSE, "height");
    assert_refused(basic_with("bits", json_string("1d00fff")), KZ_PARSE, "bits");
    assert_refused(basic_with("target", json_string("12")), KZ_PARSE, "target");
    assert_refused(basic_with("longpollid", json_integer(1)), KZ_PARSE, "longpollid");
    assert_refused(basic_with("capabilities", json_pack("[i]", 1)), KZ_PARSE,
                   "capabilities");
    assert_refused(basic_with("rules", json_pack("[i]", 1)), KZ_PARSE, "rules");
    assert_refused(basic_with("previousblockhash", json_string("00")), KZ_PARSE,
                   "previousblockhash");
}

static void values_out_of_bounds_are_named(void **state)
{
    (void)state;
    assert_refused(basic_with("height", json_integer(0)), KZ_RANGE, "height");
    assert_refused(basic_with("height", json_integer(INT64_C(1) << 31)), KZ_RANGE,
                   "height");
    assert_refused(basic_with("curtime", json_integer(INT64_C(1) << 32)), KZ_RANGE,
                   "curtime");
    assert_refused(basic_with("mintime", json_integer(1700000001)), KZ_RANGE,
                   "mintime");
    assert_refused(basic_with("coinbasevalue", json_integer(-1)), KZ_RANGE,
                   "coinbasevalue");
    assert_refused(basic_with("coinbasevalue", json_integer(2100000000000001)),
                   KZ_RANGE, "coinbasevalue");
    assert_refused(basic_with("weightlimit", json_integer(4000001)), KZ_RANGE,
                   "weightlimit");
    assert_refused(basic_with("sigoplimit", json_integer(0)), KZ_RANGE, "sigoplimit");
    assert_refused(basic_with("bits", json_string("1d80ffff")), KZ_RANGE, "bits");
    assert_refused(basic_with("bits", json_string("1c00ffff")), KZ_RANGE, "target");
}

static void a_version_may_be_negative(void **state)
{
    (void)state;
    json_t *json = basic_with("version", json_integer(-1));
    struct template *t = parse_fine(json);
    assert_true(t->version == 0xffffffff);
    template_unref(t);
    json_decref(json);
}

static void a_rule_that_must_be_understood_is_refused_when_unknown(void **state)
{
    (void)state;
    assert_refused(basic_with("rules", json_pack("[s, s]", "!segwit", "!newrule")),
                   KZ_RANGE, "!newrule");
    json_t *json = basic_with("rules", json_pack("[s, s]", "!segwit", "newrule"));
    template_unref(parse_fine(json));
    json_decref(json);
}

static void a_bad_transaction_is_named_by_its_place(void **state)
{
    (void)state;
    assert_refused(basic_with_tx("txid", NULL), KZ_PARSE, "transactions[0].txid");
    assert_refused(basic_with_tx("txid", json_string("11")), KZ_PARSE,
                   "transactions[0].txid");
    assert_refused(basic_with_tx("hash", json_string("zz")), KZ_PARSE,
                   "transactions[0].hash");
    assert_refused(basic_with_tx("data", NULL), KZ_PARSE, "transactions[0].data");
    assert_refused(basic_with_tx("data", json_string("0g")), KZ_PARSE,
                   "transactions[0].data");
    assert_refused(basic_with_tx("data", json_string("abc")), KZ_PARSE,
                   "transactions[0].data");
    assert_refused(basic_with_tx("data", json_string("")), KZ_RANGE,
                   "transactions[0].data");
    assert_refused(basic_with_tx("weight", json_integer(7)), KZ_RANGE,
                   "transactions[0].weight");
    assert_refused(basic_with_tx("sigops", json_integer(-1)), KZ_RANGE, "sigops");
    assert_refused(basic_with_tx("sigops", json_string("4")), KZ_PARSE, "sigops");
    assert_refused(basic_with("transactions", json_pack("[s]", "x")), KZ_PARSE,
                   "transactions[0].data");
}

static void a_commitment_that_is_not_ours_is_refused(void **state)
{
    (void)state;
    assert_refused(
        basic_with("default_witness_commitment", json_string("6a24aa21a9ed" ZEROS)),
        KZ_RANGE, "default_witness_commitment");
    assert_refused(basic_with("default_witness_commitment", json_string("6a24" ZEROS)),
                   KZ_PARSE, "default_witness_commitment");
    assert_refused(basic_with("default_witness_commitment", json_integer(1)), KZ_PARSE,
                   "default_witness_commitment");
}

static void without_segwit_there_is_no_commitment_and_other_limits_hold(void **state)
{
    (void)state;
    json_t *json = basic_with("rules", json_pack("[s]", "csv"));
    json_object_del(json, "weightlimit");
    json_object_del(json, "sizelimit");
    json_object_del(json, "sigoplimit");
    struct template *t = parse_fine(json);
    assert_false(t->has_witness_commitment);
    assert_int_equal(t->weight_limit, 4000000);
    assert_int_equal(t->sigop_limit, 20000);
    template_unref(t);
    json_object_set_new(json, "sizelimit", json_integer(750000));
    t = parse_fine(json);
    assert_int_equal(t->weight_limit, 3000000);
    template_unref(t);
    json_decref(json);
}

static void a_transaction_with_a_witness_shows_that_segwit_is_active(void **state)
{
    (void)state;
    json_t *json = basic_with("rules", json_pack("[s]", "csv"));
    json_array_append_new(json_object_get(json, "transactions"), tx_json(ONES, TWOS));
    struct template *t = parse_fine(json);
    assert_true(t->has_witness_commitment);
    template_unref(t);
    json_decref(json);
}

static enum kz_err parse_signet(json_t *json, const char *challenge, char *why)
{
    const struct template_rules signet = {.signet = true};
    struct template *t = NULL;
    json_object_set_new(json, "rules", json_pack("[s, s]", "!segwit", "!signet"));
    if (challenge != NULL)
        json_object_set_new(json, "signet_challenge", json_string(challenge));
    enum kz_err err = template_parse(&t, why, json, &signet);
    if (err == KZ_OK)
        assert_int_equal(t->signet_challenge.len, 1);
    template_unref(t);
    json_decref(json);
    return err;
}

static void a_signet_that_needs_a_signature_is_refused_clearly(void **state)
{
    (void)state;
    char why[TEMPLATE_WHY_SIZE] = "";
    assert_int_equal(parse_signet(basic(), "51", why), KZ_OK);
    assert_int_equal(parse_signet(basic(), NULL, why), KZ_PARSE);
    assert_int_equal(parse_signet(basic(), "5121", why), KZ_RANGE);
    assert_non_null(strstr(why, "signature"));
    assert_refused(basic_with("rules", json_pack("[s]", "!signet")), KZ_RANGE,
                   "signet");
}

static void a_long_poll_id_that_is_too_long_is_refused(void **state)
{
    (void)state;
    char text[TEMPLATE_LONGPOLL_MAX + 2];
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    assert_refused(basic_with("longpollid", json_string(text)), KZ_RANGE, "longpollid");
    text[TEMPLATE_LONGPOLL_MAX] = '\0';
    json_t *json = basic_with("longpollid", json_string(text));
    struct template *t = parse_fine(json);
    assert_string_equal(t->longpoll_id, text);
    template_unref(t);
    json_decref(json);
}

static void commitments_of_the_vectors_come_out(void **state)
{
    (void)state;
    json_t *file = vectors_json("consensus/witness_commitment.json");
    const json_t *cases = json_object_get(file, "cases");
    size_t ran = 0;
    for (size_t c = 0; c < json_array_size(cases); c++) {
        const json_t *one = json_array_get(cases, c);
        const json_t *wtxids = json_object_get(one, "wtxids");
        if (!json_is_array(wtxids))
            continue;
        json_t *list = json_array();
        for (size_t i = 1; i < json_array_size(wtxids); i++) {
            struct hash256 h;
            char display[HASH256_HEX_SIZE];
            const char *hex = json_string_value(json_array_get(wtxids, i));
            assert_int_equal(hex_decode(h.b, 32, hex, strlen(hex)), KZ_OK);
            hash256_format_display(display, &h);
            json_array_append_new(list, tx_json(ONES, display));
        }
        json_t *json = basic_with("transactions", list);
        json_object_set_new(json, "default_witness_commitment",
                            json_string(text_at(one, "script")));
        template_unref(parse_fine(json));
        json_decref(json);
        ran++;
    }
    assert_true(ran >= 6);
    json_decref(file);
}

static void check_real_block(const json_t *block)
{
    char name[256], path[4096], hex[2 * 32 + 1];
    size_t len, count;
    snprintf(name, sizeof(name), "blocks/%s", text_at(block, "file"));
    vectors_path(path, sizeof(path), name);
    uint8_t *raw = vectors_bytes(path, &len);
    struct raw_tx *txs = raw_block_read(&count, raw, len);
    const json_t *commitment = json_object_get(block, "witness_commitment");
    bool segwit = json_is_object(commitment);
    json_t *json =
        raw_block_template(raw, txs, count, number_at(block, "height"), segwit);
    if (segwit)
        json_object_set_new(json, "default_witness_commitment",
                            json_string(text_at(commitment, "script")));
    struct template *t = parse_fine(json);

    const json_t *branch = json_object_get(block, "merkle_branch_coinbase");
    assert_int_equal(t->tx_count + 1, (size_t)number_at(block, "tx_count"));
    assert_int_equal(t->branch_count, json_array_size(branch));
    for (size_t i = 0; i < t->branch_count; i++) {
        hex_encode(hex, t->branch[i].b, 32);
        assert_string_equal(hex, json_string_value(json_array_get(branch, i)));
    }
    assert_int_equal(t->has_witness_commitment, segwit);
    template_unref(t);
    json_decref(json);
    free(txs);
    free(raw);
}

static void branches_and_commitments_of_real_blocks_come_out(void **state)
{
    (void)state;
    json_t *file = vectors_json("blocks/manifest.json");
    const json_t *blocks = json_object_get(file, "blocks");
    size_t ran = 0;
    for (size_t i = 0; i < json_array_size(blocks); i++, ran++)
        check_real_block(json_array_get(blocks, i));
    assert_true(ran > 20);
    json_decref(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_is_taken_over),
        cmocka_unit_test(a_template_without_transactions_has_no_branch),
        cmocka_unit_test(optional_fields_may_lack),
        cmocka_unit_test(a_missing_or_mistyped_field_is_named),
        cmocka_unit_test(values_out_of_bounds_are_named),
        cmocka_unit_test(a_version_may_be_negative),
        cmocka_unit_test(a_rule_that_must_be_understood_is_refused_when_unknown),
        cmocka_unit_test(a_bad_transaction_is_named_by_its_place),
        cmocka_unit_test(a_commitment_that_is_not_ours_is_refused),
        cmocka_unit_test(without_segwit_there_is_no_commitment_and_other_limits_hold),
        cmocka_unit_test(a_transaction_with_a_witness_shows_that_segwit_is_active),
        cmocka_unit_test(a_signet_that_needs_a_signature_is_refused_clearly),
        cmocka_unit_test(a_long_poll_id_that_is_too_long_is_refused),
        cmocka_unit_test(commitments_of_the_vectors_come_out),
        cmocka_unit_test(branches_and_commitments_of_real_blocks_come_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
