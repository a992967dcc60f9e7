#include "payout/block_value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/payout_fixture.h"

/* The first block of all, as nodes give it. */
static const char genesis[] =
    "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a"
    "7b"
    "12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c010100"
    "00"
    "00010000000000000000000000000000000000000000000000000000000000000000ffffffff4d04ff"
    "ff"
    "001d0104455468652054696d65732030332f4a616e2f32303039204368616e63656c6c6f72206f6e20"
    "62"
    "72696e6b206f66207365636f6e64206261696c6f757420666f722062616e6b73ffffffff0100f2052a"
    "01"
    "000000434104678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc"
    "3f"
    "4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5fac00000000";

#define HEADER                                                                         \
    "00000020"                                                                         \
    "1111111111111111111111111111111111111111111111111111111111111111"                 \
    "2222222222222222222222222222222222222222222222222222222222222222"                 \
    "000000006f6d2e17ffff7f20"
#define NOTHING                                                                        \
    "0000000000000000000000000000000000000000000000000000000000000000ffffffff"
#define INPUT                                                                          \
    "01" NOTHING "0403010203"                                                          \
    "ffffffff"

static enum kz_err read_text(struct block_value *v, const char *hex)
{
    return block_value_read(v, hex, strlen(hex));
}

static void the_first_block_pays_fifty_coins(void **state)
{
    (void)state;
    struct block_value v;
    char id[HASH256_HEX_SIZE];
    assert_int_equal(read_text(&v, genesis), KZ_OK);
    hash256_format_display(id, &v.id);
    assert_string_equal(
        id, "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f");
    assert_true(hash256_is_zero(&v.prev));
    assert_true(amount_to_sat(v.outputs) == 5000000000);
}

static void all_outputs_count_with_a_witness_or_without(void **state)
{
    (void)state;
    struct block_value v;
    /* 3 outputs: 1000, 0 (OP_RETURN), 16909060; then another transaction, cut. */
#define OUTPUTS                                                                        \
    "03"                                                                               \
    "e803000000000000"                                                                 \
    "0151"                                                                             \
    "0000000000000000"                                                                 \
    "026a00"                                                                           \
    "0403020100000000"                                                                 \
    "00"
    assert_int_equal(read_text(&v, HEADER "fd2002"
                                          "02000000" INPUT OUTPUTS "00000000"),
                     KZ_OK);
    assert_true(amount_to_sat(v.outputs) == 1000 + 16909060);
    assert_int_equal(v.prev.b[0], 0x11);
    struct block_value w;
    assert_int_equal(read_text(&w, HEADER "02"
                                          "02000000"
                                          "0001" INPUT OUTPUTS),
                     KZ_OK);
    assert_true(amount_to_sat(w.outputs) == 1000 + 16909060);
    assert_true(hash256_equal(&v.id, &w.id)); /* the header's alone */
}

static void what_is_no_block_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        HEADER,
        HEADER "00",
        HEADER "01"
               "02000000"
               "00" OUTPUTS, /* no input */
        HEADER "01"
               "02000000"
               "0002" INPUT OUTPUTS,
        HEADER "01"
               "02000000"
               "02" NOTHING "00ffffffff" NOTHING "00ffffffff" OUTPUTS,
        HEADER
        "01"
        "02000000"
        "01"
        "3333333333333333333333333333333333333333333333333333333333333333ffffffff"
        "00ffffffff" OUTPUTS, /* spends something */
        HEADER "01"
               "02000000" INPUT "01"
               "ffffffffffffffff"
               "00", /* no amount */
        HEADER "01"
               "02000000" INPUT "02"
               "0040075af0750700"
               "00"
               "0100000000000000"
               "00", /* 21 million and one */
        HEADER "01"
               "02000000" INPUT "ffffffffffffffffff"
               "e803000000000000"
               "00",
        HEADER "01"
               "02000000" INPUT "01"
               "e803000000000000"
               "feffffffff",
        HEADER "01"
               "02000000" INPUT "01"
               "e80300000000000",
        HEADER "01"
               "02000000" INPUT "01"
               "e80300000000000g"
               "00",
    };
    struct block_value v = {.outputs = sat(7)};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(read_text(&v, bad[i]), KZ_PARSE);
    assert_true(amount_to_sat(v.outputs) == 7);
    for (size_t len = 0; len < sizeof(genesis) - 1 - 8;
         len++) /* all but the lock time */
        assert_int_equal(block_value_read(&v, genesis, len), KZ_PARSE);
}

static void fees_are_what_is_above_the_subsidy_and_never_below_zero(void **state)
{
    (void)state;
    assert_true(amount_to_sat(block_value_fees(sat(317526183), sat(312500000))) ==
                5026183);
    assert_true(amount_to_sat(block_value_fees(sat(5), sat(5))) == 0);
    assert_true(amount_to_sat(block_value_fees(sat(4), sat(5))) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_block_pays_fifty_coins),
        cmocka_unit_test(all_outputs_count_with_a_witness_or_without),
        cmocka_unit_test(what_is_no_block_is_refused),
        cmocka_unit_test(fees_are_what_is_above_the_subsidy_and_never_below_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
