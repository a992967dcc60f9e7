#include "payout/wif.h"

#include "payout/base58.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/vectors.h"

static const struct network *network_named(const char *name)
{
    for (int n = CONF_MAIN; n <= CONF_REGTEST; n++)
        if (strcmp(network_of((enum conf_network)n)->name, name) == 0)
            return network_of((enum conf_network)n);
    fail_msg("no network '%s'", name);
    return NULL;
}

static enum kz_err parse(uint8_t key[32], bool *compressed, const char *network,
                         const char *text)
{
    const char *why = NULL;
    enum kz_err err =
        wif_parse(key, compressed, &why, network_named(network), text, strlen(text));
    assert_int_equal(err != KZ_OK, why != NULL);
    return err;
}

static void private_keys_of_the_reference_node_come_out(void **state)
{
    (void)state;
    json_t *file = vectors_json("addresses/key_io_valid.json");
    size_t keys = 0;
    for (size_t i = 0; i < json_array_size(file); i++) {
        const json_t *one = json_array_get(file, i);
        const json_t *how = json_array_get(one, 2);
        const char *text = json_string_value(json_array_get(one, 0));
        const char *chain = text_at(how, "chain");
        const char *other = strcmp(chain, "main") == 0 ? "test" : "main";
        uint8_t key[32];
        bool compressed = false;
        char out[2 * 32 + 1];
        if (!json_is_true(json_object_get(how, "isPrivkey"))) {
            assert_int_equal(parse(key, &compressed, chain, text), KZ_PARSE);
            continue;
        }
        assert_int_equal(parse(key, &compressed, chain, text), KZ_OK);
        hex_encode(out, key, sizeof(key));
        assert_string_equal(out, json_string_value(json_array_get(one, 1)));
        assert_int_equal(compressed,
                         json_is_true(json_object_get(how, "isCompressed")));
        wif_format(out, network_named(chain), key, compressed);
        assert_string_equal(out, text);
        assert_int_equal(parse(key, &compressed, other, text), KZ_RANGE);
        keys++;
    }
    assert_true(keys >= 8);
    json_decref(file);
}

static void what_the_reference_node_refuses_is_no_private_key(void **state)
{
    (void)state;
    json_t *file = vectors_json("addresses/key_io_invalid.json");
    assert_int_equal(json_array_size(file), 70);
    for (size_t i = 0; i < json_array_size(file); i++) {
        const char *text =
            json_string_value(json_array_get(json_array_get(file, i), 0));
        uint8_t key[32];
        bool compressed = false;
        assert_int_not_equal(parse(key, &compressed, "main", text), KZ_OK);
        assert_int_not_equal(parse(key, &compressed, "regtest", text), KZ_OK);
    }
    json_decref(file);
}

static void a_number_that_is_no_key_is_refused(void **state)
{
    (void)state;
    char text[BASE58_TEXT_SIZE];
    uint8_t key[32] = {7}, bytes[34] = {0x80, [33] = 1};
    bool compressed = false;
    base58_encode_check(text, bytes, sizeof(bytes)); /* zero */
    assert_int_equal(parse(key, &compressed, "main", text), KZ_RANGE);
    memset(bytes + 1, 0xff, 32); /* above the order */
    base58_encode_check(text, bytes, sizeof(bytes));
    assert_int_equal(parse(key, &compressed, "main", text), KZ_RANGE);
    bytes[1] = 0;
    bytes[33] = 2; /* no such flag */
    base58_encode_check(text, bytes, sizeof(bytes));
    assert_int_equal(parse(key, &compressed, "main", text), KZ_PARSE);
    assert_int_equal(key[0], 7);
    bytes[33] = 1;
    base58_encode_check(text, bytes, sizeof(bytes));
    assert_int_equal(parse(key, &compressed, "main", text), KZ_OK);
    assert_memory_equal(key, bytes + 1, sizeof(key));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(private_keys_of_the_reference_node_come_out),
        cmocka_unit_test(what_the_reference_node_refuses_is_no_private_key),
        cmocka_unit_test(a_number_that_is_no_key_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
