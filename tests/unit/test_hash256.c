#include "share/hash256.h"

#include "share/merkle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/vectors.h"

#include <openssl/evp.h>

#define GENESIS_HEADER                                                                 \
    "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd" \
    "7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c"
#define GENESIS_DISPLAY                                                                \
    "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"

static struct hash256 genesis(void)
{
    uint8_t header[80];
    struct hash256 h;
    assert_int_equal(hex_decode(header, 80, GENESIS_HEADER, 160), KZ_OK);
    hash256_double(&h, header, 80);
    return h;
}

static void the_genesis_block_has_its_three_spellings(void **state)
{
    (void)state;
    struct hash256 h = genesis();
    char text[HASH256_HEX_SIZE];
    assert_int_equal(h.b[0], 0x6f);
    hash256_format_display(text, &h);
    assert_string_equal(text, GENESIS_DISPLAY);
    hash256_format_stratum(text, &h);
    assert_string_equal(
        text, "0a8ce26f72b3f1b646a2a6c14ff763ae65831e939c085ae10019d66800000000");
}

static void prevhash_swaps_bytes_within_each_word_both_ways(void **state)
{
    (void)state;
    struct hash256 h = genesis(), back;
    char text[HASH256_HEX_SIZE];
    hash256_format_stratum(text, &h);
    assert_int_equal(hash256_parse_stratum(&back, text, 64), KZ_OK);
    assert_true(hash256_equal(&h, &back));
    assert_int_equal(hash256_parse_display(&back, GENESIS_DISPLAY, 64), KZ_OK);
    assert_true(hash256_equal(&h, &back));
    assert_int_equal(hash256_parse_display(&back, GENESIS_DISPLAY, 63), KZ_PARSE);
    assert_int_equal(hash256_parse_stratum(&back, "0x", 2), KZ_PARSE);
}

static void hashing_agrees_with_the_library_at_every_length(void **state)
{
    (void)state;
    uint8_t data[300], once[32], twice[32];
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 7 + 1);
    for (size_t len = 0; len <= sizeof(data); len++) {
        struct hash256 single, doubled, streamed;
        struct sha256_state s;
        assert_int_equal(EVP_Digest(data, len, once, NULL, EVP_sha256(), NULL), 1);
        assert_int_equal(EVP_Digest(once, 32, twice, NULL, EVP_sha256(), NULL), 1);
        hash256_single(&single, data, len);
        hash256_double(&doubled, data, len);
        sha256_begin(&s);
        sha256_add(&s, data, len / 3);
        sha256_add(&s, data + len / 3, len - len / 3);
        sha256_end_double(&streamed, &s);
        assert_memory_equal(single.b, once, 32);
        assert_memory_equal(doubled.b, twice, 32);
        assert_memory_equal(streamed.b, twice, 32);
    }
}

static void a_copied_state_leaves_the_original_as_it_was(void **state)
{
    (void)state;
    struct sha256_state s, copy;
    struct hash256 a, b, want;
    sha256_begin(&s);
    sha256_add(&s, "midstate", 8);
    copy = s;
    sha256_add(&copy, "x", 1);
    sha256_end_double(&a, &copy);
    copy = s;
    sha256_add(&copy, "x", 1);
    sha256_end_double(&b, &copy);
    hash256_double(&want, "midstatex", 9);
    assert_true(hash256_equal(&a, &b) && hash256_equal(&a, &want));
}

static void a_pair_may_be_written_over_one_of_its_halves(void **state)
{
    (void)state;
    struct hash256 left = genesis(), right = {{1, 2, 3}}, want, h;
    uint8_t both[64];
    memcpy(both, left.b, 32);
    memcpy(both + 32, right.b, 32);
    hash256_double(&want, both, 64);
    h = left;
    hash256_pair(&h, &h, &right);
    assert_true(hash256_equal(&h, &want));
    h = right;
    hash256_pair(&h, &left, &h);
    assert_true(hash256_equal(&h, &want));
}

static void only_a_hash_of_zeros_is_zero(void **state)
{
    (void)state;
    struct hash256 h = {{0}};
    assert_true(hash256_is_zero(&h));
    h.b[31] = 1;
    assert_false(hash256_is_zero(&h));
}

static void read_hash(struct hash256 *h, const json_t *text)
{
    assert_int_equal(
        hex_decode(h->b, 32, json_string_value(text), json_string_length(text)), KZ_OK);
}

static void merkle_branches_of_the_vectors_come_out(void **state)
{
    (void)state;
    json_t *file = vectors_json("consensus/merkle.json");
    const json_t *cases = json_object_get(file, "cases");
    size_t ran = 0;
    for (size_t c = 0; c < json_array_size(cases); c++) {
        const json_t *one = json_array_get(cases, c);
        const json_t *txids = json_object_get(one, "txids");
        const json_t *want = json_object_get(one, "branch_index0");
        size_t count = json_array_size(txids);
        if (count == 0)
            continue; /* given by a rule only, not as a list */
        struct hash256 *hashes = calloc(count, sizeof(*hashes));
        struct hash256 branch[16], root, expect;
        for (size_t i = 0; i < count; i++)
            read_hash(&hashes[i], json_array_get(txids, i));
        struct hash256 coinbase = hashes[0];
        size_t steps = merkle_branch(branch, 16, hashes, count);
        assert_int_equal(steps, json_array_size(want));
        for (size_t i = 0; i < steps; i++) {
            read_hash(&expect, json_array_get(want, i));
            assert_true(hash256_equal(&branch[i], &expect));
        }
        merkle_fold(&root, &coinbase, branch, steps);
        read_hash(&expect, json_object_get(one, "merkle_root"));
        assert_true(hash256_equal(&root, &expect));
        free(hashes);
        ran++;
    }
    assert_true(ran > 10);
    json_decref(file);
}

static void a_branch_longer_than_its_room_is_told(void **state)
{
    (void)state;
    struct hash256 hashes[5] = {{{1}}}, branch[2];
    assert_int_equal(merkle_branch(branch, 2, hashes, 5), 3);
    assert_int_equal(merkle_branch(branch, 2, hashes, 4), 2);
    assert_int_equal(merkle_branch(branch, 2, hashes, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_genesis_block_has_its_three_spellings),
        cmocka_unit_test(prevhash_swaps_bytes_within_each_word_both_ways),
        cmocka_unit_test(hashing_agrees_with_the_library_at_every_length),
        cmocka_unit_test(a_copied_state_leaves_the_original_as_it_was),
        cmocka_unit_test(a_pair_may_be_written_over_one_of_its_halves),
        cmocka_unit_test(only_a_hash_of_zeros_is_zero),
        cmocka_unit_test(merkle_branches_of_the_vectors_come_out),
        cmocka_unit_test(a_branch_longer_than_its_room_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
