#include "payout/psbt_roles.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "payout/wif.h"
#include "tests/unit/psbt_bed.h"

static void sign_wif(struct bed *b, const char *wif, size_t want)
{
    uint8_t key[PRIVATE_KEY_SIZE];
    bool compressed = false;
    const char *why = NULL;
    size_t count = 99;
    assert_int_equal(
        wif_parse(key, &compressed, &why, network_of(CONF_REGTEST), wif, strlen(wif)),
        KZ_OK);
    must(b, psbt_sign(&b->p, &count, &b->problem, b->c, key, aux));
    assert_int_equal(count, want);
}

/* BIP174's example, step by step. */

static const json_t *step(const struct bed *b, const char *name)
{
    const json_t *flow = json_object_get(b->file, "role_flow");
    return json_object_get(json_object_get(flow, "steps"), name);
}

static const json_t *material(const struct bed *b, const char *name)
{
    const json_t *flow = json_object_get(b->file, "role_flow");
    return json_object_get(json_object_get(flow, "keys_and_inputs"), name);
}

static struct bytes hex_at(const json_t *list, size_t i)
{
    const char *hex = json_string_value(json_array_get(list, i));
    size_t len = 0;
    uint8_t *p = mem_new(strlen(hex) / 2 + 1);
    assert_int_equal(hex_decode_some(p, &len, strlen(hex) / 2, hex, strlen(hex)),
                     KZ_OK);
    return (struct bytes){p, len};
}

static void create(struct bed *b)
{
    struct tx t;
    const json_t *inputs = material(b, "inputs"), *outputs = material(b, "outputs");
    tx_init(&t, 2, 0);
    for (size_t i = 0; i < json_array_size(inputs); i++) {
        const json_t *one = json_array_get(inputs, i);
        struct tx_outpoint from = {.vout = (uint32_t)number_at(one, "vout")};
        assert_int_equal(hash256_parse_display(&from.txid, text_at(one, "txid"), 64),
                         KZ_OK);
        tx_add_input(&t, &from, TX_SEQUENCE_FINAL);
    }
    for (size_t i = 0; i < json_array_size(outputs); i++) {
        const json_t *one = json_array_get(outputs, i);
        struct bytes script = payout_hex(one, "script_pubkey");
        struct amount value;
        assert_true(amount_from_sat(&value, number_at(one, "value_sat")));
        tx_add_output(&t, value, script);
        mem_free((uint8_t *)script.p);
    }
    psbt_init(&b->p, &t);
    tx_clear(&t);
}

#define KEYS 6
static void read_origins(const struct bed *b, struct psbt_origin origins[KEYS],
                         uint8_t keys[KEYS][PUBKEY_SIZE], uint32_t paths[KEYS][3])
{
    const json_t *list = material(b, "public_keys");
    assert_int_equal(json_array_size(list), KEYS);
    for (uint32_t i = 0; i < KEYS; i++) {
        const char *hex = text_at(json_array_get(list, i), "pubkey");
        assert_int_equal(hex_decode(keys[i], PUBKEY_SIZE, hex, strlen(hex)), KZ_OK);
        paths[i][0] = paths[i][1] = 0x80000000;
        paths[i][2] = 0x80000000 + i;
        origins[i] = (struct psbt_origin){
            {0xd9, 0x0c, 0x6a, 0x4f}, paths[i], 3, {keys[i], PUBKEY_SIZE}};
    }
}

/* Which of the two previous transactions the input spends: in the order of the vectors
 * they are of the second and the first. */
static void describe(struct bed *b, size_t input, struct bytes redeem,
                     struct bytes witness_script, const struct psbt_origin *origins)
{
    struct bytes previous = hex_at(material(b, "previous_txs"), 1 - input);
    struct tx t;
    assert_int_equal(tx_parse(&t, previous), KZ_OK);
    struct psbt_coin coin = {
        .spent = t.outputs[b->p.tx.inputs[input].from.vout],
        .previous_tx = previous,
        .scripts = {redeem, witness_script, none, origins, 2},
    };
    must(b, psbt_describe_input(&b->p, &b->problem, input, &coin));
    tx_clear(&t);
    mem_free((uint8_t *)previous.p);
}

static void update(struct bed *b)
{
    struct psbt_origin origins[KEYS];
    uint8_t keys[KEYS][PUBKEY_SIZE];
    uint32_t paths[KEYS][3];
    read_origins(b, origins, keys, paths);
    struct bytes redeem0 = hex_at(material(b, "redeem_scripts"), 0);
    struct bytes redeem1 = hex_at(material(b, "redeem_scripts"), 1);
    struct bytes inner = hex_at(material(b, "witness_scripts"), 0);
    describe(b, 0, redeem0, none, origins);
    /* The vectors have these two the other way round. */
    const struct psbt_origin turned[] = {origins[3], origins[2]};
    describe(b, 1, redeem1, inner, turned);
    for (size_t i = 0; i < 2; i++) {
        struct psbt_scripts scripts = {.origins = &origins[4 + i], .origin_count = 1};
        psbt_describe_output(&b->p, i, &scripts);
    }
    mem_free((uint8_t *)redeem0.p);
    mem_free((uint8_t *)redeem1.p);
    mem_free((uint8_t *)inner.p);
}

/* As some signers write it. */
static void put_sighash_all(struct bed *b)
{
    static const uint8_t all[4] = {SIGHASH_ALL};
    for (size_t i = 0; i < 2; i++)
        psbt_put(&b->p.inputs[i], PSBT_IN_SIGHASH_TYPE, none, (struct bytes){all, 4});
}

static void the_example_of_bip174_is_created_and_updated(void **state)
{
    (void)state;
    struct bed b;
    struct psbt other;
    bed_open(&b, "psbt/bip174.json");
    create(&b);
    psbt_assert_text(&b.p, text_at(step(&b, "creator"), "base64"));
    update(&b);
    /* We give the whole previous transaction of the second input, too; the BIP is from
     * before that was found to be needed. */
    assert_true(psbt_has(&b.p.inputs[1], PSBT_IN_NON_WITNESS_UTXO));
    struct psbt_map *map = &b.p.inputs[1];
    mem_free(map->records[0].p);
    map->count--;
    memmove(map->records, map->records + 1, map->count * sizeof(*map->records));
    psbt_assert_text(&b.p, text_at(step(&b, "updater"), "base64"));
    put_sighash_all(&b);
    psbt_must_parse(&other, text_at(step(&b, "updater_with_sighash_all"), "base64"));
    char *text = psbt_format_base64(&other); /* there these come last */
    psbt_assert_text(&b.p, text);
    mem_free(text);
    psbt_clear(&other);
    bed_close(&b);
}

/* The BIP is from before low R: one of its signatures is a byte longer than ours, which
 * the reference node's cases have. Both hold. */
static void take_high_r(struct bed *b, const char *text)
{
    struct psbt theirs;
    psbt_must_parse(&theirs, text);
    struct psbt_record *r = record_of(&theirs.inputs[0], PSBT_IN_PARTIAL_SIG);
    assert_int_equal(r->value_len, 72);
    must(b, psbt_check_signatures(&b->p, &b->problem, b->c));
    must(b, psbt_check_signatures(&theirs, &b->problem, b->c));
    psbt_put(&b->p.inputs[0], PSBT_IN_PARTIAL_SIG, psbt_key_data(r), psbt_value(r));
    psbt_clear(&theirs);
}

static void the_example_of_bip174_is_signed_combined_and_extracted(void **state)
{
    (void)state;
    struct bed b;
    struct psbt other;
    struct tx t;
    struct hash256 id;
    char text[HASH256_HEX_SIZE];
    bed_open(&b, "psbt/bip174.json");
    const json_t *wifs = material(&b, "signer_wifs");
    psbt_must_parse(&other, text_at(step(&b, "updater_with_sighash_all"), "base64"));
    psbt_copy(&b.p, &other);
    sign_wif(&b, text_at(json_array_get(wifs, 0), "wif"), 1);
    sign_wif(&b, text_at(json_array_get(wifs, 1), "wif"), 1);
    psbt_assert_text(&b.p, text_at(step(&b, "signer_keys_0_2"), "base64"));
    psbt_clear(&b.p);
    psbt_copy(&b.p, &other);
    sign_wif(&b, text_at(json_array_get(wifs, 2), "wif"), 1);
    sign_wif(&b, text_at(json_array_get(wifs, 3), "wif"), 1);
    take_high_r(&b, text_at(step(&b, "signer_keys_1_3"), "base64"));
    psbt_assert_text(&b.p, text_at(step(&b, "signer_keys_1_3"), "base64"));
    psbt_clear(&b.p);
    psbt_clear(&other);

    psbt_must_parse(&b.p, text_at(step(&b, "signer_keys_0_2"), "base64"));
    psbt_must_parse(&other, text_at(step(&b, "signer_keys_1_3"), "base64"));
    must(&b, psbt_combine(&b.p, &b.problem, &other));
    psbt_clear(&other);
    psbt_assert_text(&b.p, text_at(step(&b, "combiner"), "base64"));
    must(&b, psbt_finalise(&b.p, &b.problem, b.c));
    psbt_assert_text(&b.p, text_at(step(&b, "input_finalizer"), "base64"));
    must(&b, psbt_extract(&t, &b.problem, &b.p, b.c));
    payout_assert_tx(&t, text_at(step(&b, "extractor"), "tx_hex"));
    tx_id(&id, &t);
    hash256_format_display(text, &id);
    assert_string_equal(text, text_at(step(&b, "extractor"), "txid"));
    tx_clear(&t);
    bed_close(&b);
}

static void unknown_fields_are_combined(void **state)
{
    (void)state;
    struct bed b;
    struct psbt other;
    bed_open(&b, "psbt/bip174.json");
    const json_t *one = step(&b, "unknown_kv_combine");
    psbt_must_parse(&b.p, text_at(one, "input1"));
    psbt_must_parse(&other, text_at(one, "input2"));
    must(&b, psbt_combine(&b.p, &b.problem, &other));
    psbt_assert_text(&b.p, text_at(one, "combined_lexicographic"));
    must(&b, psbt_combine(&b.p, &b.problem, &other)); /* nothing new */
    psbt_assert_text(&b.p, text_at(one, "combined_lexicographic"));
    psbt_clear(&other);
    bed_close(&b);
}

static void what_fails_a_signers_checks_is_neither_signed_nor_finalised(void **state)
{
    (void)state;
    static const char *const why[] = {
        "input 0, non_witness_utxo: is missing, which an input without witness needs",
        "input 0: its redeem script is not the one that is committed to",
        "input 1: its redeem script is not the one that is committed to",
        "input 1: its witness script is not the one that is committed to",
    };
    struct bed b;
    size_t ran = 0;
    bed_open(&b, "psbt/bip174.json");
    const json_t *cases = json_object_get(b.file, "cases");
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *one = json_array_get(cases, i);
        const char *text = text_at(one, "base64");
        size_t count = 0;
        if (strcmp(text_at(one, "kind"), "fails_signer_checks") != 0)
            continue;
        psbt_must_parse(&b.p, text);
        uint8_t key[PRIVATE_KEY_SIZE] = {1};
        struct tx t;
        assert_refused(&b, psbt_check_signatures(&b.p, &b.problem, b.c), KZ_RANGE,
                       why[ran], text);
        assert_refused(&b, psbt_sign(&b.p, &count, &b.problem, b.c, key, aux), KZ_RANGE,
                       why[ran], text);
        assert_refused(&b, psbt_finalise(&b.p, &b.problem, b.c), KZ_RANGE, why[ran],
                       text);
        assert_refused(&b, psbt_extract(&t, &b.problem, &b.p, b.c), KZ_RANGE, why[ran],
                       text);
        psbt_clear(&b.p);
        ran++;
    }
    assert_int_equal(ran, 4);
    bed_close(&b);
}

/* The reference node's cases by role. */

static void the_reference_nodes_signer_signs_the_same(void **state)
{
    (void)state;
    struct bed b;
    bed_open(&b, "psbt/core_rpc_psbt.json");
    const json_t *list = json_object_get(b.file, "signer");
    assert_int_equal(json_array_size(list), 6);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const json_t *wifs = json_object_get(one, "privkeys");
        psbt_must_parse(&b.p, text_at(one, "psbt"));
        for (size_t k = 0; k < json_array_size(wifs); k++) {
            const char *wif = json_string_value(json_array_get(wifs, k));
            uint8_t key[PRIVATE_KEY_SIZE];
            bool compressed = false;
            const char *why = NULL;
            size_t count = 0;
            assert_int_equal(wif_parse(key, &compressed, &why, network_of(CONF_REGTEST),
                                       wif, strlen(wif)),
                             KZ_OK);
            enum kz_err err = psbt_sign(&b.p, &count, &b.problem, b.c, key, aux);
            /* From the third on, something is wrong, and nothing is to be signed. */
            if (i < 2) {
                must(&b, err);
                assert_int_equal(count, 1);
            } else {
                assert_int_not_equal(err, KZ_OK);
            }
        }
        psbt_assert_text(&b.p, text_at(one, "result"));
        psbt_clear(&b.p);
    }
    bed_close(&b);
}

static void the_reference_nodes_other_roles_give_the_same(void **state)
{
    (void)state;
    struct bed b;
    struct psbt other;
    struct tx t;
    bed_open(&b, "psbt/core_rpc_psbt.json");
    const json_t *one = json_array_get(json_object_get(b.file, "combiner"), 0);
    const json_t *parts = json_object_get(one, "combine");
    psbt_must_parse(&b.p, json_string_value(json_array_get(parts, 0)));
    psbt_must_parse(&other, json_string_value(json_array_get(parts, 1)));
    must(&b, psbt_combine(&b.p, &b.problem, &other));
    psbt_assert_text(&b.p, text_at(one, "result"));
    psbt_clear(&b.p);
    psbt_clear(&other);

    one = json_array_get(json_object_get(b.file, "finalizer"), 0);
    psbt_must_parse(&b.p, text_at(one, "finalize"));
    must(&b, psbt_finalise(&b.p, &b.problem, b.c));
    psbt_assert_text(&b.p, text_at(one, "result"));
    psbt_clear(&b.p);

    one = json_array_get(json_object_get(b.file, "extractor"), 0);
    psbt_must_parse(&b.p, text_at(one, "extract"));
    must(&b, psbt_extract(&t, &b.problem, &b.p, b.c));
    payout_assert_tx(&t, text_at(one, "result"));
    tx_clear(&t);
    bed_close(&b);
}

/* The payouts. */

static void describe_coin(struct bed *b, const struct payout_case *k, size_t i)
{
    struct psbt_coin coin = {
        .spent = k->spent[i],
        .previous_tx = k->previous[i],
        .scripts = {k->coins[i].redeem, k->coins[i].witness_script, none, NULL, 0},
    };
    uint8_t pubkey[PUBKEY_SIZE];
    if (script_type_of(tx_view(&k->spent[i].script)) == SCRIPT_P2TR) {
        assert_int_equal(sign_public_key(pubkey, b->c, k->keys[i][0]), KZ_OK);
        coin.scripts.internal_key = (struct bytes){pubkey + 1, XONLY_SIZE};
        coin.previous_tx = none;
    }
    must(b, psbt_describe_input(&b->p, &b->problem, i, &coin));
}

static void sign_case(struct bed *b, const struct payout_case *k)
{
    for (size_t i = 0; i < k->count; i++) {
        for (size_t n = k->coins[i].key_count; n-- > 0;) {
            size_t count = 0;
            must(b, psbt_sign(&b->p, &count, &b->problem, b->c, k->keys[i][n], aux));
        }
    }
}

static void payouts_go_out_and_come_back(void **state)
{
    (void)state;
    for (size_t n = 0; n < PAYOUT_CASES; n++) {
        struct bed b;
        struct payout_case k;
        struct tx t;
        bed_open(&b, "payout/payout_tx.json");
        payout_case_open(&k, b.file, b.c, n);
        psbt_init(&b.p, &k.tx);
        for (size_t i = 0; i < k.count; i++)
            describe_coin(&b, &k, i);
        psbt_assert_text(&b.p, text_at(k.json, "psbt_updated"));
        sign_case(&b, &k);
        psbt_assert_text(&b.p, text_at(k.json, "psbt_signed"));
        must(&b, psbt_check_against(&b.p, &b.problem, &k.tx, k.spent));
        must(&b, psbt_finalise(&b.p, &b.problem, b.c));
        psbt_assert_text(&b.p, text_at(k.json, "psbt_finalized"));
        must(&b, psbt_check_against(&b.p, &b.problem, &k.tx, k.spent));
        must(&b, psbt_extract(&t, &b.problem, &b.p, b.c));
        payout_assert_tx(&t, text_at(k.json, "signed_tx"));
        tx_clear(&t);
        payout_case_close(&k);
        bed_close(&b);
    }
}

static void stages_of_the_vectors_are_read_and_finalised(void **state)
{
    (void)state;
    struct bed b;
    bed_open(&b, "payout/payout_tx.json");
    const json_t *cases = json_object_get(b.file, "cases");
    for (size_t n = 0; n < PAYOUT_CASES; n++) {
        const json_t *one = json_array_get(cases, n);
        struct psbt ours;
        struct tx t;
        psbt_must_parse(&ours, text_at(one, "psbt_updated"));
        psbt_must_parse(&b.p, text_at(one, "psbt_finalized"));
        /* A device may have finalised, and ours may know more: both are one. */
        must(&b, psbt_combine(&ours, &b.problem, &b.p));
        must(&b, psbt_finalise(&ours, &b.problem, b.c));
        psbt_assert_text(&ours, text_at(one, "psbt_finalized"));
        must(&b, psbt_extract(&t, &b.problem, &ours, b.c));
        payout_assert_tx(&t, text_at(one, "signed_tx"));
        tx_clear(&t);
        psbt_clear(&ours);
        psbt_clear(&b.p);
    }
    bed_close(&b);
}

static void missing_signatures_are_waited_for(void **state)
{
    (void)state;
    struct bed b;
    bed_open(&b, "payout/payout_tx.json");
    for (size_t n = 0; n < PAYOUT_CASES; n++) {
        struct payout_case k;
        struct tx t;
        payout_case_open(&k, b.file, b.c, n);
        const char *text = text_at(k.json, "psbt_updated");
        psbt_must_parse(&b.p, text);
        assert_refused(&b, psbt_finalise(&b.p, &b.problem, b.c), KZ_EMPTY,
                       "input 0: signatures are missing", text);
        assert_refused(&b, psbt_extract(&t, &b.problem, &b.p, b.c), KZ_EMPTY,
                       "input 0: it is not finalised", text);
        if (k.coins[0].key_count == 2) {
            size_t count = 0;
            must(&b, psbt_sign(&b.p, &count, &b.problem, b.c, k.keys[0][1], aux));
            assert_int_equal(count, 1);
            must(&b, psbt_sign(&b.p, &count, &b.problem, b.c, k.keys[0][1], aux));
            assert_int_equal(count, 0);
            assert_int_equal(psbt_finalise(&b.p, &b.problem, b.c), KZ_EMPTY);
        }
        psbt_clear(&b.p);
        payout_case_close(&k);
    }
    bed_close(&b);
}

static void more_signatures_than_needed_are_good(void **state)
{
    (void)state;
    struct bed b;
    struct tx t;
    struct psbt other;
    bed_open(&b, "psbt/bip174.json");
    psbt_must_parse(&b.p, text_at(step(&b, "combiner"), "base64"));
    psbt_copy(&other, &b.p);
    must(&b, psbt_combine(&b.p, &b.problem, &other));
    must(&b, psbt_finalise(&b.p, &b.problem, b.c));
    must(&b, psbt_finalise(&b.p, &b.problem, b.c)); /* once more changes nothing */
    psbt_assert_text(&b.p, text_at(step(&b, "input_finalizer"), "base64"));
    must(&b, psbt_extract(&t, &b.problem, &b.p, b.c));
    tx_clear(&t);
    psbt_clear(&other);
    bed_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_bip174_is_created_and_updated),
        cmocka_unit_test(the_example_of_bip174_is_signed_combined_and_extracted),
        cmocka_unit_test(unknown_fields_are_combined),
        cmocka_unit_test(what_fails_a_signers_checks_is_neither_signed_nor_finalised),
        cmocka_unit_test(the_reference_nodes_signer_signs_the_same),
        cmocka_unit_test(the_reference_nodes_other_roles_give_the_same),
        cmocka_unit_test(payouts_go_out_and_come_back),
        cmocka_unit_test(stages_of_the_vectors_are_read_and_finalised),
        cmocka_unit_test(missing_signatures_are_waited_for),
        cmocka_unit_test(more_signatures_than_needed_are_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
