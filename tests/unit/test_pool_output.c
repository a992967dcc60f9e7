#include "payout/pool_output.h"

#include "payout/descriptor.h"
#include "share/network.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/vectors.h"

#define ADDRESS "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
#define KEY     "02ff12471208c14bd580709cb2358d98975247d8765f92bc25eab3b2763ed605f8"
#define WIF     "cVpF924EspNh8KjYsfhgY96mmxvT6DgdWiTYMtMjuM74hJaU5psW"

static struct pool_output *made(const char *address, const char *descriptor)
{
    struct pool_output *p = NULL;
    char why[POOL_OUTPUT_WHY_SIZE] = "";
    if (pool_output_new(&p, why, network_of(CONF_REGTEST), address, descriptor) !=
        KZ_OK)
        fail_msg("%s%s: %s", address, descriptor, why);
    return p;
}

static void pays(struct pool_output *p, uint32_t height, const char *script)
{
    struct address a;
    char hex[2 * ADDRESS_SCRIPT_MAX + 1];
    assert_int_equal(pool_output_at(&a, p, height), KZ_OK);
    hex_encode(hex, a.script, a.script_len);
    assert_string_equal(hex, script);
}

static void each_height_is_paid_at_its_own_number_of_the_descriptor(void **state)
{
    (void)state;
    json_t *file = vectors_json("bips/descriptors.json");
    const json_t *list = json_object_get(file, "ranged");
    assert_int_equal(json_array_size(list), 4);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const json_t *derived = json_object_get(one, "derived");
        struct pool_output *p = made("", text_at(one, "descriptor"));
        assert_int_equal(json_array_size(derived), 5);
        /* Upwards, downwards, and each of them twice. */
        for (size_t k = 0; k < 20; k++) {
            size_t at = k < 10 ? k / 2 : (19 - k) / 2;
            pays(p, (uint32_t)at,
                 text_at(json_array_get(derived, at), "script_pubkey"));
        }
        pool_output_free(p);
    }
    json_decref(file);
}

/* The address of that type, as its text says: what is sized by type is sized right. */
static void the_kind_of_address_is_that_of_its_text(void **state)
{
    (void)state;
    json_t *file = vectors_json("bips/descriptors.json");
    const json_t *list = json_object_get(file, "ranged");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const json_t *third = json_array_get(json_object_get(one, "derived"), 3);
        const char *text = text_at(third, "regtest");
        struct address want, have;
        struct address_problem problem;
        struct pool_output *p = made("", text_at(one, "descriptor"));
        assert_int_equal(address_parse(&want, &problem, network_of(CONF_REGTEST), text,
                                       strlen(text)),
                         KZ_OK);
        assert_int_equal(pool_output_at(&have, p, 3), KZ_OK);
        assert_int_equal(have.type, want.type);
        assert_int_equal(have.script_len, want.script_len);
        pool_output_free(p);
    }
    json_decref(file);
}

static void a_multisig_descriptor_pays_as_it_expands(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum address_type type;
    } forms[] = {{"wsh(sortedmulti(1," KEY "))", ADDRESS_P2WSH},
                 {"sh(sortedmulti(1," KEY "))", ADDRESS_P2SH},
                 {"sh(wpkh(" KEY "))", ADDRESS_P2SH},
                 {"pkh(" KEY ")", ADDRESS_P2PKH}};
    struct sign_context *c = sign_context_new();
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct descriptor d;
        struct descriptor_problem problem;
        struct descriptor_output want;
        struct address a;
        struct pool_output *p = made("", forms[i].text);
        assert_int_equal(descriptor_parse(&d, &problem, network_of(CONF_REGTEST),
                                          forms[i].text, strlen(forms[i].text)),
                         KZ_OK);
        assert_int_equal(descriptor_expand(&want, &d, c, 0), KZ_OK);
        /* Without a range every height is the same. */
        for (uint32_t height = 0; height < 3000000; height += 999999) {
            assert_int_equal(pool_output_at(&a, p, height), KZ_OK);
            assert_int_equal(a.type, forms[i].type);
            assert_int_equal(a.script_len, want.script.len);
            assert_memory_equal(a.script, want.script.b, a.script_len);
        }
        pool_output_free(p);
    }
    sign_context_free(c);
}

static void an_address_is_paid_at_every_height(void **state)
{
    (void)state;
    struct pool_output *p = made(ADDRESS, "");
    pays(p, 0, "0014751e76e8199196d454941c45d1b3a323f1433bd6");
    pays(p, 900000, "0014751e76e8199196d454941c45d1b3a323f1433bd6");
    pays(p, UINT32_MAX, "0014751e76e8199196d454941c45d1b3a323f1433bd6");
    pool_output_free(p);
    pool_output_free(NULL);
}

static void a_height_that_no_chain_reaches_has_no_script(void **state)
{
    (void)state;
    json_t *file = vectors_json("bips/descriptors.json");
    const json_t *one = json_array_get(json_object_get(file, "ranged"), 0);
    const json_t *derived = json_object_get(one, "derived");
    struct pool_output *p = made("", text_at(one, "descriptor"));
    struct address a = {.script_len = 7};
    assert_int_equal(pool_output_at(&a, p, UINT32_C(1) << 31), KZ_RANGE);
    assert_int_equal(a.script_len, 7);
    pays(p, 0, text_at(json_array_get(derived, 0), "script_pubkey"));
    pays(p, 2, text_at(json_array_get(derived, 2), "script_pubkey"));
    pool_output_free(p);
    json_decref(file);
}

static void refused(const char *address, const char *descriptor, enum kz_err want,
                    const char *part)
{
    struct pool_output *p = NULL;
    char why[POOL_OUTPUT_WHY_SIZE] = "";
    enum kz_err err =
        pool_output_new(&p, why, network_of(CONF_REGTEST), address, descriptor);
    if (err != want || strstr(why, part) == NULL)
        fail_msg("%s%s: %s, %s", address, descriptor, kz_err_text(err), why);
    assert_null(p);
}

static void what_is_wrong_is_said_with_its_place(void **state)
{
    (void)state;
    refused("", "wpkh(" KEY ")#xxxxxxxx", KZ_PARSE, "at its character");
    refused("", "wpkh(" KEY, KZ_PARSE, "expected a descriptor of network \"regtest\"");
    refused("", "zpkh(" KEY ")", KZ_PARSE, "at its character 1");
    refused("bcrt1qnonsense", "", KZ_PARSE,
            "expected an address of network \"regtest\": ");
    refused("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "", KZ_RANGE,
            "expected an address of network \"regtest\": ");
    refused("bcrt1pfeesnyr2tx", "", KZ_RANGE, "expected an address");
}

static void private_keys_are_refused_wherever_they_stand(void **state)
{
    (void)state;
    json_t *file = vectors_json("bips/descriptors.json");
    const json_t *one = json_array_get(json_object_get(file, "ranged"), 0);
    char text[300];
    snprintf(text, sizeof(text), "wpkh(%s/0/*)", text_at(one, "account_xprv"));
    refused("", text, KZ_RANGE, "karizd never holds a key that can spend");
    refused("", "wpkh(" WIF ")", KZ_RANGE, "never holds");
    refused("", "wsh(sortedmulti(1," KEY "," WIF "))", KZ_RANGE, "never holds");
    json_decref(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_height_is_paid_at_its_own_number_of_the_descriptor),
        cmocka_unit_test(the_kind_of_address_is_that_of_its_text),
        cmocka_unit_test(a_multisig_descriptor_pays_as_it_expands),
        cmocka_unit_test(an_address_is_paid_at_every_height),
        cmocka_unit_test(a_height_that_no_chain_reaches_has_no_script),
        cmocka_unit_test(what_is_wrong_is_said_with_its_place),
        cmocka_unit_test(private_keys_are_refused_wherever_they_stand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
