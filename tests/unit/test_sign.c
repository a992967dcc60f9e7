#include "payout/sign.h"

#include "payout/base58.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ripemd.h>
#include <secp256k1.h>
#include <secp256k1_extrakeys.h>
#include <secp256k1_schnorrsig.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/vectors.h"

static int make_context(void **state)
{
    *state = sign_context_new();
    return 0;
}

static int free_context(void **state)
{
    sign_context_free(*state);
    return 0;
}

static size_t unhex(uint8_t *out, size_t max, const char *hex)
{
    size_t len = 0;
    assert_int_equal(hex_decode_some(out, &len, max, hex, strlen(hex)), KZ_OK);
    return len;
}

static void unhex32(uint8_t out[32], const char *hex)
{
    assert_int_equal(unhex(out, 32, hex), 32);
}

static void assert_hex(const void *p, size_t len, const char *hex)
{
    char text[2 * 256 + 1];
    assert_true(len <= 256);
    hex_encode(text, p, len);
    assert_string_equal(text, hex);
}

static void private_keys_outside_the_order_are_refused(void **state)
{
    const struct sign_context *c = *state;
    const uint8_t zero[32] = {0};
    uint8_t order[32], out[ECDSA_DER_MAX] = {7}, all[SCHNORR_SIZE] = {7};
    size_t len = 99;
    const struct hash256 digest = {{1}};
    unhex32(order, "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
    assert_int_equal(sign_public_key(out, c, zero), KZ_RANGE);
    assert_int_equal(sign_public_key(out, c, order), KZ_RANGE);
    assert_int_equal(sign_ecdsa(out, &len, c, &digest, zero), KZ_RANGE);
    assert_int_equal(sign_ecdsa(out, &len, c, &digest, order), KZ_RANGE);
    assert_int_equal(sign_schnorr(all, c, &digest, zero, zero), KZ_RANGE);
    assert_int_equal(sign_taproot_private_key(all, c, order, NULL), KZ_RANGE);
    assert_int_equal(len, 99);
    assert_int_equal(out[0], 7);
    assert_int_equal(all[0], 7);
}

static void ecdsa_signatures_of_the_vectors_come_out_byte_for_byte(void **state)
{
    const struct sign_context *c = *state;
    json_t *file = vectors_json("signing/ecdsa_low_r.json");
    const json_t *cases = json_object_get(file, "cases");
    assert_int_equal(json_array_size(cases), 60);
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *one = json_array_get(cases, i);
        uint8_t key[32], pubkey[PUBKEY_SIZE], der[ECDSA_DER_MAX];
        uint8_t plain[ECDSA_DER_MAX];
        struct hash256 digest;
        size_t len = 0;
        unhex32(key, text_at(one, "private_key"));
        unhex32(digest.b, text_at(one, "message_hash"));
        assert_int_equal(sign_public_key(pubkey, c, key), KZ_OK);
        assert_hex(pubkey, sizeof(pubkey), text_at(one, "public_key"));
        assert_int_equal(sign_ecdsa(der, &len, c, &digest, key), KZ_OK);
        assert_int_equal(len, number_at(one, "low_r_len"));
        assert_hex(der, len, text_at(one, "low_r_der"));
        struct bytes point = {pubkey, sizeof(pubkey)};
        assert_true(sign_ecdsa_verify(c, (struct bytes){der, len}, &digest, point));
        /* A high R is not ours to make but is valid of others. */
        len = unhex(plain, sizeof(plain), text_at(one, "plain_rfc6979_der"));
        assert_true(sign_ecdsa_verify(c, (struct bytes){plain, len}, &digest, point));
        digest.b[31] ^= 1;
        assert_false(sign_ecdsa_verify(c, (struct bytes){plain, len}, &digest, point));
    }
    json_decref(file);
}

static void key_of_wif(uint8_t key[32], const char *wif)
{
    uint8_t bytes[BASE58_BYTES_MAX];
    size_t len = 0, bad_at = 0;
    assert_int_equal(
        base58_decode_check(bytes, &len, &bad_at, sizeof(bytes), wif, strlen(wif)),
        KZ_OK);
    memcpy(key, bytes + 1, 32);
}

static void check_recovery(const struct sign_context *c, const json_t *one,
                           const char *form, size_t size)
{
    uint8_t compact[RECOVERABLE_SIZE], found[65], want[PUBKEY_SIZE], key[32];
    struct hash256 digest;
    size_t len = 0;
    bool compressed = size == PUBKEY_SIZE;
    unhex32(digest.b, text_at(one, "message_hash_sha256d"));
    key_of_wif(key, text_at(one, "wif_compressed"));
    assert_int_equal(sign_public_key(want, c, key), KZ_OK);
    assert_int_equal(unhex(compact, sizeof(compact), text_at(one, form)), 65);
    int recid = (compact[0] - 27) & 3;
    assert_int_equal(
        sign_recover(found, &len, c, compact + 1, recid, compressed, &digest), KZ_OK);
    assert_int_equal(len, size);
    assert_memory_equal(found + 1, want + 1, 32);
    assert_int_equal(found[0], compressed ? want[0] : 4);
}

static void constants_of_the_reference_node_come_out(void **state)
{
    const struct sign_context *c = *state;
    json_t *file = vectors_json("signing/ecdsa_low_r.json");
    const json_t *list = json_object_get(file, "core_key_tests");
    assert_true(json_array_size(list) >= 2);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const char *message = text_at(one, "message_ascii");
        uint8_t key[32], again[32], der[ECDSA_DER_MAX];
        struct hash256 digest;
        size_t len = 0;
        hash256_double(&digest, message, strlen(message));
        assert_hex(digest.b, 32, text_at(one, "message_hash_sha256d"));
        key_of_wif(key, text_at(one, "wif_uncompressed"));
        key_of_wif(again, text_at(one, "wif_compressed"));
        assert_memory_equal(key, again, sizeof(key));
        assert_int_equal(sign_ecdsa(der, &len, c, &digest, key), KZ_OK);
        assert_hex(der, len, text_at(one, "low_r_der"));
        check_recovery(c, one, "compact_recoverable_uncompressed", 65);
        check_recovery(c, one, "compact_recoverable_compressed", PUBKEY_SIZE);
    }
    json_decref(file);
}

static void a_high_s_is_refused(void **state)
{
    const struct sign_context *c = *state;
    json_t *file = vectors_json("signing/ecdsa_low_r.json");
    const json_t *list = json_object_get(file, "high_s");
    assert_true(json_array_size(list) >= 6);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        uint8_t pubkey[PUBKEY_SIZE], high[80], low[80];
        struct hash256 digest;
        struct bytes point = {pubkey, unhex(pubkey, 33, text_at(one, "public_key"))};
        unhex32(digest.b, text_at(one, "message_hash"));
        size_t high_len = unhex(high, sizeof(high), text_at(one, "high_s_der"));
        size_t low_len = unhex(low, sizeof(low), text_at(one, "normalized_der"));
        assert_false(
            sign_ecdsa_verify(c, (struct bytes){high, high_len}, &digest, point));
        assert_true(sign_ecdsa_verify(c, (struct bytes){low, low_len}, &digest, point));
    }
    json_decref(file);
}

static void a_signature_that_is_not_strict_der_is_refused(void **state)
{
    const struct sign_context *c = *state;
    const uint8_t key[32] = {[31] = 1};
    const struct hash256 digest = {{0xab}};
    uint8_t der[ECDSA_DER_MAX + 8] = {0}, bad[ECDSA_DER_MAX + 8], pubkey[PUBKEY_SIZE];
    size_t len = 0;
    assert_int_equal(sign_public_key(pubkey, c, key), KZ_OK);
    assert_int_equal(sign_ecdsa(der, &len, c, &digest, key), KZ_OK);
    const struct bytes point = {pubkey, sizeof(pubkey)};
    for (size_t cut = 0; cut < len; cut++)
        assert_false(sign_ecdsa_verify(c, (struct bytes){der, cut}, &digest, point));
    assert_false(sign_ecdsa_verify(c, (struct bytes){der, len + 1}, &digest, point));
    /* The length of the whole in two bytes, where one does. */
    bad[0] = 0x30;
    bad[1] = 0x81;
    memcpy(bad + 2, der + 1, len - 1);
    assert_false(sign_ecdsa_verify(c, (struct bytes){bad, len + 1}, &digest, point));
    /* R with a zero byte that it does not need. */
    memcpy(bad, der, 4);
    bad[1]++;
    bad[3]++;
    bad[4] = 0;
    memcpy(bad + 5, der + 4, len - 4);
    assert_false(sign_ecdsa_verify(c, (struct bytes){bad, len + 1}, &digest, point));
    /* R negative. */
    memcpy(bad, der, len);
    bad[4] |= 0x80;
    assert_false(sign_ecdsa_verify(c, (struct bytes){bad, len}, &digest, point));
    for (size_t bit = 0; bit < 8 * len; bit++) {
        memcpy(bad, der, len);
        bad[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(sign_ecdsa_verify(c, (struct bytes){bad, len}, &digest, point));
    }
}

static void a_public_key_of_the_hybrid_form_is_refused(void **state)
{
    const struct sign_context *c = *state;
    const uint8_t key[32] = {[31] = 1};
    const struct hash256 digest = {{0xab}};
    uint8_t der[ECDSA_DER_MAX], point[65];
    size_t len = 0;
    assert_int_equal(sign_ecdsa(der, &len, c, &digest, key), KZ_OK);
    unhex(point, sizeof(point),
          "0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
          "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8");
    const struct bytes signature = {der, len};
    assert_true(sign_ecdsa_verify(c, signature, &digest, (struct bytes){point, 65}));
    point[0] = 6;
    assert_false(sign_ecdsa_verify(c, signature, &digest, (struct bytes){point, 65}));
    point[0] = 2;
    assert_true(sign_ecdsa_verify(c, signature, &digest, (struct bytes){point, 33}));
    assert_false(sign_ecdsa_verify(c, signature, &digest, (struct bytes){point, 32}));
    assert_false(sign_ecdsa_verify(c, signature, &digest, (struct bytes){point, 0}));
}

/* The next field of a line of comma-separated values, cut out of it. */
static char *next_field(char **line)
{
    char *field = *line, *end = strpbrk(field, ",\r\n");
    if (end == NULL)
        *line = field + strlen(field);
    else {
        *line = end + (*end == ',' ? 1 : 0);
        *end = '\0';
    }
    return field;
}

/* Ours verifies digests only; the library takes a message of any length. */
static bool verify_message(const uint8_t signature[64], const uint8_t *message,
                           size_t len, const uint8_t xonly[32])
{
    secp256k1_context *all = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    secp256k1_xonly_pubkey key;
    bool ok = secp256k1_xonly_pubkey_parse(all, &key, xonly) == 1 &&
              secp256k1_schnorrsig_verify(all, signature, message, len, &key) == 1;
    secp256k1_context_destroy(all);
    return ok;
}

/* True where the row had a private key, and so was signed too. */
static bool check_schnorr_row(const struct sign_context *c, char *line)
{
    uint8_t key[32], xonly[32], aux[32], message[128], signature[64], ours[64];
    struct hash256 digest;
    next_field(&line);
    const char *key_hex = next_field(&line);
    unhex32(xonly, next_field(&line));
    const char *aux_hex = next_field(&line);
    size_t len = unhex(message, sizeof(message), next_field(&line));
    assert_int_equal(unhex(signature, sizeof(signature), next_field(&line)), 64);
    bool valid = strcmp(next_field(&line), "TRUE") == 0;
    assert_int_equal(verify_message(signature, message, len, xonly), valid);
    if (len != sizeof(digest))
        return false;
    memcpy(digest.b, message, sizeof(digest));
    assert_int_equal(sign_schnorr_verify(c, signature, &digest, xonly), valid);
    if (key_hex[0] == '\0')
        return false;
    unhex32(key, key_hex);
    unhex32(aux, aux_hex);
    assert_int_equal(sign_schnorr(ours, c, &digest, key, aux), KZ_OK);
    assert_memory_equal(ours, signature, sizeof(ours));
    return true;
}

static void schnorr_signatures_of_the_vectors_are_made_and_judged(void **state)
{
    char path[4096], *rest = NULL;
    size_t len = 0, rows = 0, made = 0;
    vectors_path(path, sizeof(path), "bips/bip340.csv");
    char *text = (char *)vectors_bytes(path, &len);
    char *line = strtok_r(text, "\n", &rest); /* the names of the columns */
    while ((line = strtok_r(NULL, "\n", &rest)) != NULL) {
        made += check_schnorr_row(*state, line);
        rows++;
    }
    assert_int_equal(rows, 19);
    assert_int_equal(made, 4);
    free(text);
}

/* NULL where the vectors have null. */
static const struct hash256 *root_of(struct hash256 *root, const json_t *of)
{
    const char *hex = json_string_value(json_object_get(of, "merkleRoot"));
    if (hex == NULL)
        return NULL;
    unhex32(root->b, hex);
    return root;
}

static void taproot_output_keys_of_the_vectors_come_out(void **state)
{
    json_t *file = vectors_json("bips/bip341_wallet_vectors.json");
    const json_t *list = json_object_get(file, "scriptPubKey");
    assert_int_equal(json_array_size(list), 7);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const json_t *middle = json_object_get(one, "intermediary");
        uint8_t internal[32], out[32];
        struct hash256 root;
        unhex32(internal, text_at(json_object_get(one, "given"), "internalPubkey"));
        assert_int_equal(
            sign_taproot_output_key(out, *state, internal, root_of(&root, middle)),
            KZ_OK);
        assert_hex(out, sizeof(out), text_at(middle, "tweakedPubkey"));
    }
    json_decref(file);
}

static void check_key_path(const struct sign_context *c, const json_t *one)
{
    const json_t *given = json_object_get(one, "given");
    const json_t *middle = json_object_get(one, "intermediary");
    const char *witness = json_string_value(json_array_get(
        json_object_get(json_object_get(one, "expected"), "witness"), 0));
    uint8_t key[32], tweaked[32], internal[32], output[32], pubkey[PUBKEY_SIZE];
    uint8_t want[65], made[64];
    const uint8_t aux[32] = {0};
    struct hash256 root, digest;
    unhex32(key, text_at(given, "internalPrivkey"));
    const struct hash256 *tree = root_of(&root, given);
    assert_int_equal(sign_taproot_private_key(tweaked, c, key, tree), KZ_OK);
    assert_hex(tweaked, sizeof(tweaked), text_at(middle, "tweakedPrivkey"));

    unhex32(internal, text_at(middle, "internalPubkey"));
    assert_int_equal(sign_taproot_output_key(output, c, internal, tree), KZ_OK);
    assert_int_equal(sign_public_key(pubkey, c, tweaked), KZ_OK);
    assert_memory_equal(pubkey + 1, output, sizeof(output));

    unhex32(digest.b, text_at(middle, "sigHash"));
    assert_int_equal(sign_schnorr(made, c, &digest, tweaked, aux), KZ_OK);
    assert_true(unhex(want, sizeof(want), witness) >= 64);
    assert_memory_equal(made, want, sizeof(made));
    assert_true(sign_schnorr_verify(c, made, &digest, output));
}

static void taproot_key_path_signatures_of_the_vectors_come_out(void **state)
{
    json_t *file = vectors_json("bips/bip341_wallet_vectors.json");
    const json_t *list = json_object_get(
        json_array_get(json_object_get(file, "keyPathSpending"), 0), "inputSpending");
    assert_int_equal(json_array_size(list), 7);
    for (size_t i = 0; i < json_array_size(list); i++)
        check_key_path(*state, json_array_get(list, i));
    json_decref(file);
}

static void a_taproot_key_off_the_curve_has_no_output_key(void **state)
{
    uint8_t out[32] = {7};
    const uint8_t internal[32] = {[31] = 5};
    assert_int_equal(sign_taproot_output_key(out, *state, internal, NULL), KZ_RANGE);
    assert_int_equal(out[0], 7);
}

static void message_digest(struct hash256 *out, const char *message)
{
    static const char magic[] = "\x18"
                                "Bitcoin Signed Message:\n";
    struct sha256_state s;
    uint8_t size[9];
    sha256_begin(&s);
    sha256_add(&s, magic, sizeof(magic) - 1);
    sha256_add(&s, size, compact_size_write(size, strlen(message)));
    sha256_add(&s, message, strlen(message));
    sha256_end_double(out, &s);
}

/* The base64 of 65 bytes is 88 characters. */
static bool read_base64(uint8_t out[RECOVERABLE_SIZE], const char *text)
{
    uint8_t bytes[66];
    if (strlen(text) != 88 ||
        EVP_DecodeBlock(bytes, (const unsigned char *)text, 88) != 66)
        return false;
    memcpy(out, bytes, RECOVERABLE_SIZE);
    return true;
}

static enum kz_err recover_text(uint8_t *out, size_t *len, const struct sign_context *c,
                                const char *text, const char *message)
{
    uint8_t bytes[RECOVERABLE_SIZE];
    struct hash256 digest;
    message_digest(&digest, message);
    if (!read_base64(bytes, text))
        return KZ_PARSE;
    unsigned header = (bytes[0] - 27U) & 15;
    return sign_recover(out, len, c, bytes + 1, (int)(header & 3), header >= 4,
                        &digest);
}

static bool is_address_of(const char *address, const uint8_t *pubkey, size_t len)
{
    uint8_t bytes[BASE58_BYTES_MAX], hash[20];
    struct hash256 inner;
    size_t count = 0, bad_at = 0;
    assert_int_equal(base58_decode_check(bytes, &count, &bad_at, sizeof(bytes), address,
                                         strlen(address)),
                     KZ_OK);
    hash256_single(&inner, pubkey, len);
    RIPEMD160(inner.b, sizeof(inner.b), hash);
    return count == 21 && memcmp(bytes + 1, hash, sizeof(hash)) == 0;
}

static void signed_messages_of_the_reference_node_give_the_key(void **state)
{
    json_t *file = vectors_json("messages/legacy_signed_message.json");
    const json_t *list = json_object_get(file, "core");
    size_t good = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const char *expect = text_at(one, "expect");
        uint8_t key[65];
        size_t len = 0;
        enum kz_err err = recover_text(key, &len, *state, text_at(one, "signature"),
                                       text_at(one, "message"));
        if (strcmp(expect, "ok") == 0) {
            assert_int_equal(err, KZ_OK);
            assert_true(is_address_of(text_at(one, "address"), key, len));
            good++;
        } else if (strcmp(expect, "pubkey_not_recovered") == 0) {
            assert_int_equal(err, KZ_RANGE);
        } else if (strcmp(expect, "not_signed") == 0) {
            assert_int_equal(err, KZ_OK); /* some key, but not the address's */
            assert_false(is_address_of(text_at(one, "address"), key, len));
        } else {
            assert_int_equal(err, KZ_PARSE);
        }
    }
    assert_int_equal(good, 3);
    json_decref(file);
}

static void check_forms(const struct sign_context *c, const json_t *one)
{
    const char *name;
    json_t *form;
    uint8_t key[32], want[PUBKEY_SIZE];
    struct hash256 digest;
    message_digest(&digest, text_at(one, "message"));
    assert_hex(digest.b, 32, text_at(one, "message_hash"));
    unhex32(key, text_at(one, "private_key"));
    assert_int_equal(sign_public_key(want, c, key), KZ_OK);
    json_object_foreach(json_object_get(one, "forms"), name, form)
    {
        uint8_t found[65];
        size_t len = 0;
        assert_int_equal(recover_text(found, &len, c, text_at(form, "signature"),
                                      text_at(one, "message")),
                         KZ_OK);
        assert_int_equal(len, strcmp(name, "p2pkh_uncompressed") == 0 ? 65 : 33);
        assert_memory_equal(found + 1, want + 1, 32);
        if (strncmp(name, "p2pkh", 5) == 0)
            assert_true(is_address_of(text_at(form, "address"), found, len));
    }
}

static void signed_messages_of_all_header_forms_give_the_key(void **state)
{
    json_t *file = vectors_json("messages/legacy_signed_message.json");
    const json_t *list = json_object_get(file, "generated");
    assert_int_equal(json_array_size(list), 8);
    for (size_t i = 0; i < json_array_size(list); i++)
        check_forms(*state, json_array_get(list, i));
    json_decref(file);
}

static void what_is_signed_verifies_for_random_keys(void **state)
{
    const struct sign_context *c = *state;
    for (int i = 0; i < 100; i++) {
        uint8_t key[32], aux[32], pubkey[PUBKEY_SIZE], tweaked[32], output[32];
        uint8_t der[ECDSA_DER_MAX], schnorr[SCHNORR_SIZE];
        struct hash256 digest;
        size_t len = 0;
        assert_int_equal(RAND_bytes(key, 32) & RAND_bytes(aux, 32), 1);
        hash256_double(&digest, key, sizeof(key));
        assert_int_equal(sign_public_key(pubkey, c, key), KZ_OK);
        assert_int_equal(sign_ecdsa(der, &len, c, &digest, key), KZ_OK);
        assert_true(len <= 70);
        assert_true(sign_ecdsa_verify(c, (struct bytes){der, len}, &digest,
                                      (struct bytes){pubkey, sizeof(pubkey)}));
        assert_int_equal(sign_taproot_private_key(tweaked, c, key, &digest), KZ_OK);
        assert_int_equal(sign_taproot_output_key(output, c, pubkey + 1, &digest),
                         KZ_OK);
        assert_int_equal(sign_schnorr(schnorr, c, &digest, tweaked, aux), KZ_OK);
        assert_true(sign_schnorr_verify(c, schnorr, &digest, output));
        assert_false(sign_schnorr_verify(c, schnorr, &digest, pubkey + 1));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(private_keys_outside_the_order_are_refused),
        cmocka_unit_test(ecdsa_signatures_of_the_vectors_come_out_byte_for_byte),
        cmocka_unit_test(constants_of_the_reference_node_come_out),
        cmocka_unit_test(a_high_s_is_refused),
        cmocka_unit_test(a_signature_that_is_not_strict_der_is_refused),
        cmocka_unit_test(a_public_key_of_the_hybrid_form_is_refused),
        cmocka_unit_test(schnorr_signatures_of_the_vectors_are_made_and_judged),
        cmocka_unit_test(taproot_output_keys_of_the_vectors_come_out),
        cmocka_unit_test(taproot_key_path_signatures_of_the_vectors_come_out),
        cmocka_unit_test(a_taproot_key_off_the_curve_has_no_output_key),
        cmocka_unit_test(signed_messages_of_the_reference_node_give_the_key),
        cmocka_unit_test(signed_messages_of_all_header_forms_give_the_key),
        cmocka_unit_test(what_is_signed_verifies_for_random_keys),
    };
    return cmocka_run_group_tests(tests, make_context, free_context);
}
