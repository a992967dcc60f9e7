#include "payout/unlock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <secp256k1.h>

#include "payout/sighash.h"
#include "tests/unit/raw_block.h"
#include "tests/unit/tx_fixture.h"

static int start(void **state)
{
    *state = sign_context_new();
    return 0;
}

static int stop(void **state)
{
    sign_context_free(*state);
    return 0;
}

static void assert_verdict(const struct sign_context *c, const struct tx *t,
                           size_t input, const struct tx_output *spent,
                           enum unlock_verdict expected)
{
    struct unlock_answer a = unlock_check(c, t, input, spent);
    if (a.verdict != expected)
        fail_msg("input %zu: %s", input, a.reason);
    assert_true(strlen(a.reason) > 0);
}

/* Flips the lowest bit of one byte after the other: never does it unlock. */
static void spoil(const struct sign_context *c, const struct tx *t, size_t input,
                  const struct tx_output *spent, const struct tx_bytes *part)
{
    for (size_t i = 0; i < part->len; i++) {
        part->p[i] ^= 1;
        if (unlock_check(c, t, input, spent).verdict == UNLOCK_GOOD)
            fail_msg("input %zu, byte %zu makes no difference", input, i);
        part->p[i] ^= 1;
    }
}

/* No signature covers an item more at the bottom; yet it does not unlock. */
static void add_item(const struct sign_context *c, struct tx *t, size_t input,
                     const struct tx_output *spent)
{
    uint8_t more[1024] = {0};
    struct tx_bytes script = t->inputs[input].script;
    struct bytes longer = {more, script.len + 1};
    if (script.len == 0)
        return;
    assert_true(longer.len <= sizeof(more));
    memcpy(more + 1, script.p, script.len);
    tx_set_script(t, input, longer);
    assert_verdict(c, t, input, spent, UNLOCK_BAD);
    longer = (struct bytes){more + 1, longer.len - 1};
    tx_set_script(t, input, longer);
    assert_verdict(c, t, input, spent, UNLOCK_GOOD);
}

static void check_input(const struct sign_context *c, struct tx *t, size_t i,
                        struct tx_output *spent)
{
    struct tx_input *in = &t->inputs[i];
    assert_verdict(c, t, i, spent, UNLOCK_GOOD);
    spoil(c, t, i, spent, &in->script);
    for (size_t k = 0; k < in->witness_count; k++)
        spoil(c, t, i, spent, &in->witness[k]);
    add_item(c, t, i, spent);
    t->locktime ^= 1;
    assert_verdict(c, t, i, spent, UNLOCK_BAD);
    t->locktime ^= 1;
    /* Only the oldest rule leaves the value out. */
    spent[i].value.sat ^= 1;
    assert_verdict(c, t, i, spent, in->witness_count > 0 ? UNLOCK_BAD : UNLOCK_GOOD);
    spent[i].value.sat ^= 1;
    tx_set_witness(t, i, NULL, 0);
    tx_set_script(t, i, (struct bytes){NULL, 0});
    assert_verdict(c, t, i, spent, UNLOCK_BAD);
}

static void payouts_of_the_vectors_unlock_what_they_spend(void **state)
{
    json_t *file = vectors_json("payout/payout_tx.json");
    const json_t *cases = json_object_get(file, "cases");
    size_t seen = 0;
    for (size_t n = 0; n < json_array_size(cases); n++) {
        const json_t *inputs = json_object_get(json_array_get(cases, n), "inputs");
        struct tx_output *spent = mem_array(json_array_size(inputs), sizeof(*spent));
        struct tx t;
        assert_int_equal(tx_of_hex(&t, text_at(json_array_get(cases, n), "signed_tx")),
                         KZ_OK);
        for (size_t i = 0; i < t.input_count; i++)
            spent[i] =
                output_of(json_array_get(inputs, i), "value_sat", "script_pubkey");
        for (size_t i = 0; i < t.input_count; i++)
            check_input(*state, &t, i, spent);
        for (size_t i = 0; i < t.input_count; i++)
            mem_free(spent[i].script.p);
        seen += t.input_count;
        mem_free(spent);
        tx_clear(&t);
    }
    assert_int_equal(seen, 15);
    json_decref(file);
}

struct block {
    struct tx *txs;
    struct hash256 *ids;
    size_t count;
};

static void block_read(struct block *b, const char *file)
{
    char name[256], path[4096];
    size_t len = 0;
    snprintf(name, sizeof(name), "blocks/%s", file);
    vectors_path(path, sizeof(path), name);
    uint8_t *bytes = vectors_bytes(path, &len);
    struct raw_tx *raw = raw_block_read(&b->count, bytes, len);
    b->txs = mem_array(b->count, sizeof(*b->txs));
    b->ids = mem_array(b->count, sizeof(*b->ids));
    for (size_t i = 0; i < b->count; i++) {
        assert_int_equal(tx_parse(&b->txs[i], (struct bytes){raw[i].p, raw[i].len}),
                         KZ_OK);
        b->ids[i] = raw[i].txid;
    }
    free(raw);
    free(bytes);
}

static void block_clear(struct block *b)
{
    for (size_t i = 0; i < b->count; i++)
        tx_clear(&b->txs[i]);
    mem_free(b->txs);
    mem_free(b->ids);
}

/* NULL: made by another block. */
static const struct tx_output *output_in(const struct block *b,
                                         const struct tx_outpoint *o)
{
    for (size_t i = 0; i < b->count; i++)
        if (hash256_equal(&b->ids[i], &o->txid))
            return &b->txs[i].outputs[o->vout];
    return NULL;
}

struct tally {
    size_t by_verdict[3], by_type[SCRIPT_OTHER + 1];
};

static void judge_tx(struct tally *tally, const struct sign_context *c,
                     const struct block *b, const struct tx *t)
{
    struct tx_output *spent = mem_array(t->input_count, sizeof(*spent));
    for (size_t i = 0; i < t->input_count; i++) {
        const struct tx_output *out = output_in(b, &t->inputs[i].from);
        if (out == NULL)
            continue;
        spent[i] = *out;
        enum script_type type = script_type_of(tx_view(&out->script));
        struct unlock_answer a = unlock_check(c, t, i, spent);
        tally->by_verdict[a.verdict]++;
        if (a.verdict == UNLOCK_GOOD)
            tally->by_type[type]++;
        spent[i] = (struct tx_output){0};
    }
    mem_free(spent);
}

/* What miners accepted unlocks wherever it is evaluated. Older blocks than these have
 * signatures with a high S, too. */
static void what_real_blocks_spend_of_themselves_unlocks(void **state)
{
    const char *const files[] = {"mainnet-0413567.raw", "mainnet-0481829.raw",
                                 "mainnet-0514485.raw", "mainnet-0574200.raw",
                                 "mainnet-0702861.raw"};
    struct tally tally = {{0}, {0}};
    for (size_t n = 0; n < sizeof(files) / sizeof(files[0]); n++) {
        struct block b;
        block_read(&b, files[n]);
        for (size_t i = 1; i < b.count; i++)
            judge_tx(&tally, *state, &b, &b.txs[i]);
        block_clear(&b);
    }
    assert_int_equal(tally.by_verdict[UNLOCK_BAD], 0);
    assert_true(tally.by_verdict[UNLOCK_GOOD] > 1900);
    assert_true(tally.by_verdict[UNLOCK_UNKNOWN] < 10);
    assert_true(tally.by_type[SCRIPT_P2PKH] > 1000);
    assert_true(tally.by_type[SCRIPT_P2SH] > 200);
    assert_true(tally.by_type[SCRIPT_P2WPKH] > 200);
    assert_true(tally.by_type[SCRIPT_P2WSH] > 20);
}

/* One input that spends `script`, made of hex parts. */
static enum unlock_verdict verdict_of(const struct sign_context *c, const char *script,
                                      const char *input_script, const char *item)
{
    struct tx t;
    struct tx_outpoint from = {.vout = 0};
    struct tx_output spent = {.script = unhex(script)};
    struct tx_bytes in = unhex(input_script), witness = unhex(item);
    struct bytes items[2] = {tx_view(&witness), tx_view(&witness)};
    tx_init(&t, 2, 0);
    tx_add_input(&t, &from, 0);
    tx_add_output(&t, (struct amount){0}, (struct bytes){NULL, 0});
    tx_set_script(&t, 0, tx_view(&in));
    tx_set_witness(&t, 0, items, witness.len > 0 ? 2 : 0);
    enum unlock_verdict v = unlock_check(c, &t, 0, &spent).verdict;
    tx_clear(&t);
    mem_free(spent.script.p);
    mem_free(in.p);
    mem_free(witness.p);
    return v;
}

#define H20 "000102030405060708090a0b0c0d0e0f10111213"
#define H32 H20 "1415161718191a1b1c1d1e1f"

static void scripts_that_are_not_known_are_for_a_person(void **state)
{
    const char *const unknown[] = {"", "51", "51024e73", "5220" H32,
                                   "5121"
                                   "02" H32 "51ae"};
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
        assert_int_equal(verdict_of(*state, unknown[i], "51", "50"), UNLOCK_UNKNOWN);
    /* an annex, and a script path */
    assert_int_equal(verdict_of(*state, "5120" H32, "", "50"), UNLOCK_UNKNOWN);
    assert_int_equal(verdict_of(*state, "5120" H32, "", "c0"), UNLOCK_UNKNOWN);
    /* P2SH and P2WSH of the script 51, which anybody can satisfy */
    assert_int_equal(verdict_of(*state,
                                "a914da1745e9b549bd0bfa1a569971c77eba30cd5a4b87",
                                "0151", ""),
                     UNLOCK_UNKNOWN);
    assert_int_equal(
        verdict_of(
            *state,
            "00204ae81572f06e1b88fd5ced7a1a000945432e83e1551e6f721ee9c00b8cc33260", "",
            "51"),
        UNLOCK_UNKNOWN);
}

static void inputs_of_another_form_do_not_unlock(void **state)
{
    const struct {
        const char *script, *input, *item;
    } cases[] = {
        {"0014" H20, "51", ""},
        {"0014" H20, "51", "aa"},
        {"0014" H20, "", "aa"},
        {"0020" H32, "", ""},
        {"0020" H32, "", "aa"},
        {"5120" H32, "", ""},
        {"5120" H32, "51", "aa"},
        {"a914" H20 "87", "", ""},
        {"a914" H20 "87", "76", ""},
        {"a914" H20 "87", "0101", ""},
        {"a914" H20 "87", "02aa", ""},
        {"a914" H20 "87", "4c01aa", ""},
        {"a914" H20 "87", "4d0100aa", ""},
        {"a914" H20 "87", "4e01000000aa", ""},
        {"a914" H20 "87", "4c", ""},
        {"a914" H20 "87", "4d00", ""},
        {"a914" H20 "87", "01aa", "aa"},
        {"76a914" H20 "88ac", "51", ""},
        {"76a914" H20 "88ac", "5151", ""},
        {"76a914" H20 "88ac", "5151", "aa"},
        {"76a914" H20 "88ac", "", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (verdict_of(*state, cases[i].script, cases[i].input, cases[i].item) !=
            UNLOCK_BAD)
            fail_msg("case %zu", i);
}

/* A 2-of-3 whose signatures a test may choose: "ab" is of keys a and b, "+ab" has bytes in
 * the item before them. They sign one hash type and may say another. */
static enum unlock_verdict multisig_verdict(const struct sign_context *c,
                                            const char *signers, uint8_t signed_as,
                                            uint8_t behind)
{
    struct tx t;
    struct tx_outpoint from = {.vout = 0};
    uint8_t secrets[3][PRIVATE_KEY_SIZE] = {{1}, {2}, {3}}, keys[3][PUBKEY_SIZE];
    uint8_t signatures[4][ECDSA_DER_MAX + 1];
    struct script code, lock;
    struct hash256 digest;
    struct bytes items[6] = {{NULL, 0}};
    size_t count = 1;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(sign_public_key(keys[i], c, secrets[i]), KZ_OK);
    script_multisig(&code, 2, (const uint8_t(*)[PUBKEY_SIZE])keys, 3);
    script_p2wsh(&lock, script_bytes(&code));
    tx_init(&t, 2, 0);
    tx_add_input(&t, &from, 0);
    tx_add_output(&t, (struct amount){0}, (struct bytes){NULL, 0});
    sighash_witness_v0(&digest, &t, 0, script_bytes(&code), (struct amount){5},
                       signed_as);
    if (*signers == '+') {
        items[0] = (struct bytes){secrets[0], 1};
        signers++;
    }
    for (const char *s = signers; *s != '\0'; s++) {
        size_t len = 0;
        uint8_t *der = signatures[count - 1];
        assert_int_equal(sign_ecdsa(der, &len, c, &digest, secrets[*s - 'a']), KZ_OK);
        der[len] = behind;
        items[count++] = (struct bytes){der, len + 1};
    }
    items[count++] = script_bytes(&code);
    tx_set_witness(&t, 0, items, count);
    const struct tx_output spent = {{5}, {lock.b, lock.len}};
    enum unlock_verdict v = unlock_check(c, &t, 0, &spent).verdict;
    tx_clear(&t);
    return v;
}

static void multisig_takes_m_signatures_in_the_order_of_the_keys(void **state)
{
    const char *const good[] = {"ab", "ac", "bc"};
    const char *const bad[] = {"",   "a",  "ba",  "ca",  "cb", "aa",
                               "bb", "cc", "abc", "aab", "+ab"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_int_equal(multisig_verdict(*state, good[i], SIGHASH_ALL, SIGHASH_ALL),
                         UNLOCK_GOOD);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (multisig_verdict(*state, bad[i], SIGHASH_ALL, SIGHASH_ALL) != UNLOCK_BAD)
            fail_msg("signed by '%s'", bad[i]);
}

static void signatures_that_leave_something_open_do_not_unlock(void **state)
{
    const uint8_t types[] = {0, SIGHASH_NONE, SIGHASH_SINGLE, 0x81, 0x83, 0x41};
    for (size_t i = 0; i < sizeof(types); i++) {
        assert_int_equal(multisig_verdict(*state, "ab", types[i], types[i]),
                         UNLOCK_BAD);
        assert_int_equal(multisig_verdict(*state, "ab", SIGHASH_ALL, types[i]),
                         UNLOCK_BAD);
        assert_int_equal(multisig_verdict(*state, "ab", types[i], SIGHASH_ALL),
                         UNLOCK_BAD);
    }
}

/* An address of the hash of `key`, signed by `secret`. */
static enum unlock_verdict key_verdict(const struct sign_context *c, struct bytes key,
                                       const uint8_t secret[PRIVATE_KEY_SIZE],
                                       bool witness)
{
    struct tx t;
    struct tx_outpoint from = {.vout = 0};
    uint8_t hash[20], der[ECDSA_DER_MAX + 1], push[160];
    struct script lock, code;
    struct hash256 digest;
    size_t len = 0, push_len = 0;
    hash160(hash, key);
    script_p2pkh(&code, hash);
    lock = code;
    if (witness)
        script_p2wpkh(&lock, hash);
    tx_init(&t, 2, 0);
    tx_add_input(&t, &from, 0);
    sighash_legacy(&digest, &t, 0, script_bytes(&code), SIGHASH_ALL);
    if (witness)
        sighash_witness_v0(&digest, &t, 0, script_bytes(&code), (struct amount){5},
                           SIGHASH_ALL);
    assert_int_equal(sign_ecdsa(der, &len, c, &digest, secret), KZ_OK);
    der[len] = SIGHASH_ALL;
    const struct bytes items[] = {{der, len + 1}, key};
    script_push(push, &push_len, items[0]);
    script_push(push, &push_len, key);
    if (witness)
        tx_set_witness(&t, 0, items, 2);
    else
        tx_set_script(&t, 0, (struct bytes){push, push_len});
    const struct tx_output spent = {{5}, {lock.b, lock.len}};
    enum unlock_verdict v = unlock_check(c, &t, 0, &spent).verdict;
    tx_clear(&t);
    return v;
}

static void long_keys_are_for_the_oldest_addresses_only(void **state)
{
    const uint8_t secret[PRIVATE_KEY_SIZE] = {7};
    uint8_t key[PUBKEY_SIZE], full[65];
    size_t len = sizeof(full);
    secp256k1_pubkey point;
    assert_int_equal(sign_public_key(key, *state, secret), KZ_OK);
    assert_int_equal(
        secp256k1_ec_pubkey_parse(secp256k1_context_static, &point, key, PUBKEY_SIZE),
        1);
    secp256k1_ec_pubkey_serialize(secp256k1_context_static, full, &len, &point,
                                  SECP256K1_EC_UNCOMPRESSED);
    const struct bytes short_key = {key, PUBKEY_SIZE}, long_key = {full, len};
    assert_int_equal(key_verdict(*state, short_key, secret, false), UNLOCK_GOOD);
    assert_int_equal(key_verdict(*state, short_key, secret, true), UNLOCK_GOOD);
    assert_int_equal(key_verdict(*state, long_key, secret, false), UNLOCK_GOOD);
    assert_int_equal(key_verdict(*state, long_key, secret, true), UNLOCK_BAD);
    full[0] = (uint8_t)(6 + full[64] % 2); /* the hybrid form */
    assert_int_equal(key_verdict(*state, long_key, secret, false), UNLOCK_BAD);
}

/* Taproot, whose signature has its hash type in its length or behind it. */
static enum unlock_verdict taproot_verdict(const struct sign_context *c,
                                           uint8_t signed_as, size_t len,
                                           uint8_t behind)
{
    struct tx t;
    struct tx_outpoint from = {.vout = 0};
    const uint8_t secret[PRIVATE_KEY_SIZE] = {7}, aux[32] = {0};
    uint8_t key[PUBKEY_SIZE], signature[SCHNORR_SIZE + 2] = {0};
    struct script lock;
    struct hash256 digest;
    assert_int_equal(sign_public_key(key, c, secret), KZ_OK);
    script_p2tr(&lock, key + 1);
    const struct tx_output spent = {{5}, {lock.b, lock.len}};
    tx_init(&t, 2, 0);
    tx_add_input(&t, &from, 0);
    tx_add_output(&t, (struct amount){0}, (struct bytes){NULL, 0});
    assert_int_equal(sighash_taproot(&digest, &t, 0, &spent, signed_as), KZ_OK);
    assert_int_equal(sign_schnorr(signature, c, &digest, secret, aux), KZ_OK);
    signature[SCHNORR_SIZE] = behind;
    struct bytes item = {signature, len};
    tx_set_witness(&t, 0, &item, 1);
    enum unlock_verdict v = unlock_check(c, &t, 0, &spent).verdict;
    tx_clear(&t);
    return v;
}

static void taproot_signatures_sign_all(void **state)
{
    assert_int_equal(taproot_verdict(*state, SIGHASH_DEFAULT, 64, 0), UNLOCK_GOOD);
    assert_int_equal(taproot_verdict(*state, SIGHASH_ALL, 65, SIGHASH_ALL),
                     UNLOCK_GOOD);
    assert_int_equal(taproot_verdict(*state, SIGHASH_ALL, 64, 0), UNLOCK_BAD);
    assert_int_equal(taproot_verdict(*state, SIGHASH_DEFAULT, 65, 0), UNLOCK_BAD);
    assert_int_equal(taproot_verdict(*state, SIGHASH_DEFAULT, 65, SIGHASH_ALL),
                     UNLOCK_BAD);
    assert_int_equal(taproot_verdict(*state, SIGHASH_NONE, 65, SIGHASH_NONE),
                     UNLOCK_BAD);
    assert_int_equal(taproot_verdict(*state, 0x81, 65, 0x81), UNLOCK_BAD);
    assert_int_equal(taproot_verdict(*state, SIGHASH_DEFAULT, 63, 0), UNLOCK_BAD);
    assert_int_equal(taproot_verdict(*state, SIGHASH_ALL, 66, SIGHASH_ALL), UNLOCK_BAD);
    assert_int_equal(taproot_verdict(*state, SIGHASH_DEFAULT, 0, 0), UNLOCK_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(payouts_of_the_vectors_unlock_what_they_spend),
        cmocka_unit_test(what_real_blocks_spend_of_themselves_unlocks),
        cmocka_unit_test(scripts_that_are_not_known_are_for_a_person),
        cmocka_unit_test(inputs_of_another_form_do_not_unlock),
        cmocka_unit_test(multisig_takes_m_signatures_in_the_order_of_the_keys),
        cmocka_unit_test(signatures_that_leave_something_open_do_not_unlock),
        cmocka_unit_test(long_keys_are_for_the_oldest_addresses_only),
        cmocka_unit_test(taproot_signatures_sign_all),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
