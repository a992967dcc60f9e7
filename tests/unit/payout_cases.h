/* tests/unit/payout_cases.h - the payouts of the shared vectors (payout/payout_tx.json):
 * their transactions, the outputs they spend, and the keys. Include after cmocka.h. */
#ifndef TESTS_UNIT_PAYOUT_CASES_H
#define TESTS_UNIT_PAYOUT_CASES_H

#include "conf/mem.h"
#include "payout/txsign.h"
#include "tests/unit/vectors.h"

#define PAYOUT_CASES      9
#define PAYOUT_INPUTS_MAX 8

/* The caller's to mem_free(). JSON null is no bytes. */
static inline struct bytes payout_hex(const json_t *of, const char *name)
{
    const char *hex = json_string_value(json_object_get(of, name));
    size_t len = 0;
    if (hex == NULL)
        return (struct bytes){NULL, 0};
    uint8_t *p = mem_new(strlen(hex) / 2 + 1);
    assert_int_equal(hex_decode_some(p, &len, strlen(hex) / 2, hex, strlen(hex)),
                     KZ_OK);
    return (struct bytes){p, len};
}

struct payout_case {
    const json_t *json;
    struct tx tx; /* unsigned */
    size_t count; /* of inputs */
    struct txsign_coin coins[PAYOUT_INPUTS_MAX];
    struct tx_output spent[PAYOUT_INPUTS_MAX];
    struct bytes previous[PAYOUT_INPUTS_MAX];
    struct script redeem[PAYOUT_INPUTS_MAX];
    struct bytes inner[PAYOUT_INPUTS_MAX];
    uint8_t keys[PAYOUT_INPUTS_MAX][3][PRIVATE_KEY_SIZE];
};

static inline void payout_case_keys(struct payout_case *k, size_t i)
{
    const json_t *signing = json_array_get(json_object_get(k->json, "signing"), i);
    const json_t *list = json_object_get(signing, "signing_keys");
    const json_t *input = json_array_get(json_object_get(k->json, "inputs"), i);
    const char *hex = json_string_value(json_object_get(input, "private_key"));
    assert_int_equal(number_at(signing, "input_index"), i);
    for (size_t n = 0; n < (hex != NULL ? 1 : json_array_size(list)); n++) {
        const char *one =
            hex != NULL ? hex : json_string_value(json_array_get(list, n));
        assert_int_equal(hex_decode(k->keys[i][n], 32, one, strlen(one)), KZ_OK);
        k->coins[i].key_count = n + 1;
    }
    k->coins[i].keys = (const uint8_t(*)[PRIVATE_KEY_SIZE])k->keys[i];
}

static inline void payout_case_input(struct payout_case *k,
                                     const struct sign_context *c, size_t i)
{
    const json_t *input = json_array_get(json_object_get(k->json, "inputs"), i);
    const char *type = text_at(input, "type");
    struct txsign_coin *coin = &k->coins[i];
    struct bytes script = payout_hex(input, "script_pubkey");
    uint8_t pubkey[PUBKEY_SIZE], hash[20];
    k->previous[i] = payout_hex(input, "previous_tx");
    k->inner[i] = payout_hex(input, "witness_or_redeem_script");
    coin->spent.script = (struct tx_bytes){(uint8_t *)script.p, script.len};
    assert_true(amount_from_sat(&coin->spent.value, number_at(input, "value_sat")));
    k->spent[i] = coin->spent;
    payout_case_keys(k, i);
    if (strcmp(type, "p2sh_p2wpkh") == 0) {
        assert_int_equal(sign_public_key(pubkey, c, k->keys[i][0]), KZ_OK);
        hash160(hash, (struct bytes){pubkey, sizeof(pubkey)});
        script_p2wpkh(&k->redeem[i], hash);
        coin->redeem = script_bytes(&k->redeem[i]);
    } else if (strcmp(type, "p2sh_2of3") == 0) {
        coin->redeem = k->inner[i];
    } else if (strcmp(type, "p2wsh_2of3") == 0) {
        coin->witness_script = k->inner[i];
    }
}

static inline void payout_case_open(struct payout_case *k, const json_t *file,
                                    const struct sign_context *c, size_t at)
{
    memset(k, 0, sizeof(*k));
    k->json = json_array_get(json_object_get(file, "cases"), at);
    assert_non_null(k->json);
    struct bytes raw = payout_hex(k->json, "unsigned_tx");
    assert_int_equal(tx_parse(&k->tx, raw), KZ_OK);
    mem_free((uint8_t *)raw.p);
    k->count = k->tx.input_count;
    assert_true(k->count <= PAYOUT_INPUTS_MAX);
    for (size_t i = 0; i < k->count; i++)
        payout_case_input(k, c, i);
}

static inline void payout_case_close(struct payout_case *k)
{
    for (size_t i = 0; i < k->count; i++) {
        mem_free(k->spent[i].script.p);
        mem_free((uint8_t *)k->previous[i].p);
        mem_free((uint8_t *)k->inner[i].p);
    }
    tx_clear(&k->tx);
}

static inline void payout_assert_tx(const struct tx *t, const char *hex)
{
    size_t len = 0;
    uint8_t *bytes = tx_format(&len, t, false);
    char *text = mem_new(2 * len + 1);
    hex_encode(text, bytes, len);
    assert_string_equal(text, hex);
    mem_free(text);
    mem_free(bytes);
}

#endif
