/* A found block's event, made from a share and its job or from the block itself. */
#include "conf/mem.h"
#include "share/block_event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Mainnet's block 170: a coinbase without witness and one more transaction. */
static const char block_170[] = "0100000055bd840a78798ad0da853f68974f3d183e2bd1db6a842c"
                                "1feecf222a00000000ff104ccb05421a"
                                "b93e63f8c3ce5c2c2e9dbb37de2764b3a3175c8166562cac7d51b9"
                                "6a49ffff001d283e9e70020100000001"
                                "000000000000000000000000000000000000000000000000000000"
                                "0000000000ffffffff0704ffff001d01"
                                "02ffffffff0100f2052a01000000434104d46c4968bde02899d2aa"
                                "0963367c7a6ce34eec332b32e42e5f34"
                                "07e052d64ac625da6f0718e7b302140434bd725706957c092db538"
                                "05b821a85b23a7ac61725bac00000000"
                                "0100000001c997a5e56e104102fa209c6a852dd90660a20b2d9c35"
                                "2423edce25857fcd3704000000004847";

static const json_t *set_of(const json_t *event)
{
    return json_object_get(json_object_get(event, "block"), "set");
}

static void a_block_says_what_its_coinbase_pays(void **state)
{
    (void)state;
    json_t *e = block_event_of_hex(block_170, strlen(block_170), 170, 5, "one");
    assert_non_null(e);
    const json_t *set = set_of(e);
    assert_string_equal(
        json_string_value(json_object_get(set, "hash")),
        "00000000d1145790a8694403d4063f323d499e655c83426834d4ce2f8dd4a2ee");
    assert_string_equal(
        json_string_value(json_object_get(set, "coinbase")),
        "b1fea52486ce0c62bb442b530a3f0132b826c74e473d1f2c220bfa78111c5082");
    assert_string_equal(
        json_string_value(json_object_get(set, "prev")),
        "000000002a22cfee1f2c846adbd12b3e183d4f97683f85dad08a79780a84bd55");
    assert_int_equal(json_integer_value(json_object_get(set, "value_sat")), 5000000000);
    assert_int_equal(json_integer_value(json_object_get(set, "nbits")), 0x1d00ffff);
    assert_int_equal(json_array_size(json_object_get(set, "outputs")), 1);
    assert_string_equal(json_string_value(json_object_get(set, "miner")), "");
    json_decref(e);
}

static void what_is_cut_or_no_block_gives_no_event(void **state)
{
    (void)state;
    size_t whole = 2 * (80 + 1 + 134); /* header, count, coinbase */
    for (size_t len = 0; len < whole; len++)
        assert_null(block_event_of_hex(block_170, len, 170, 5, "one"));
    json_t *e = block_event_of_hex(block_170, whole, 170, 5, "one");
    assert_non_null(e);
    json_decref(e);
    char *other = mem_text(block_170);
    other[2 * 80 + 1] = '0'; /* no transaction */
    assert_null(block_event_of_hex(other, strlen(other), 170, 5, "one"));
    memcpy(other, "xx", 2);
    assert_null(block_event_of_hex(other, strlen(other), 170, 5, "one"));
    mem_free(other);
}

/* The same block with a witness in its coinbase has the same txid. */
static void a_witness_is_left_out(void **state)
{
    (void)state;
    const size_t at = 2 * (80 + 1 + 4), end = 2 * (80 + 1 + 134 - 4);
    char *hex = mem_array(sizeof(block_170) + 4 + 2 * 34, 1);
    snprintf(hex, sizeof(block_170) + 4 + 2 * 34, "%.*s0001%.*s0120%064d%.8s", (int)at,
             block_170, (int)(end - at), block_170 + at, 0, block_170 + end);
    json_t *e = block_event_of_hex(hex, strlen(hex), 170, 5, "one");
    assert_non_null(e);
    assert_string_equal(
        json_string_value(json_object_get(set_of(e), "coinbase")),
        "b1fea52486ce0c62bb442b530a3f0132b826c74e473d1f2c220bfa78111c5082");
    json_decref(e);
    mem_free(hex);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_says_what_its_coinbase_pays),
        cmocka_unit_test(what_is_cut_or_no_block_gives_no_event),
        cmocka_unit_test(a_witness_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
