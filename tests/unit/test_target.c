#include "share/target.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/vectors.h"

static struct target target_of(const char *hex)
{
    struct target t;
    assert_int_equal(target_parse_hex(&t, hex, strlen(hex)), KZ_OK);
    return t;
}

static void assert_target(const struct target *t, const char *hex)
{
    char text[TARGET_HEX_SIZE];
    target_format_hex(text, t);
    assert_string_equal(text, hex);
}

static uint32_t nbits_of(const char *hex)
{
    uint32_t v = 0;
    assert_int_equal(hex_u32(&v, hex, strlen(hex), false), KZ_OK);
    return v;
}

static uint64_t whole(const char *digits)
{
    uint64_t v = 0;
    for (; *digits != '\0'; digits++)
        v = v * 10 + (uint64_t)(*digits - '0');
    return v;
}

static void the_genesis_difficulty_is_one(void **state)
{
    (void)state;
    struct target t;
    assert_int_equal(target_from_nbits(&t, 0x1d00ffff), KZ_OK);
    assert_target(&t,
                  "00000000ffff0000000000000000000000000000000000000000000000000000");
    assert_true(target_difficulty(&t) == 1.0);
    assert_int_equal(target_to_nbits(&t), 0x1d00ffff);
}

static void negative_zero_and_overlong_nbits_are_refused(void **state)
{
    (void)state;
    struct target t = {{7}};
    const uint32_t bad[] = {0,          0x01003456, 0x04923456, 0x01fedcba, 0x03800000,
                            0xff123456, 0x23000100, 0x22010000, 0x21010000};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(target_from_nbits(&t, bad[i]), KZ_RANGE);
    assert_true(t.limb[0] == 7);
    /* The largest of each length still fits. */
    assert_int_equal(target_from_nbits(&t, 0x2200007f), KZ_OK);
    assert_int_equal(target_from_nbits(&t, 0x2100ffff), KZ_OK);
}

static void nbits_of_the_vectors_decode_and_encode(void **state)
{
    (void)state;
    json_t *file = vectors_json("consensus/nbits.json");
    const json_t *list = json_object_get(file, "decode");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        struct target t;
        bool valid = json_is_true(json_object_get(one, "valid_pow_target"));
        enum kz_err err = target_from_nbits(&t, nbits_of(text_at(one, "nbits")));
        assert_int_equal(err, valid ? KZ_OK : KZ_RANGE);
        if (!valid)
            continue;
        assert_target(&t, text_at(one, "target"));
        assert_int_equal(target_to_nbits(&t), nbits_of(text_at(one, "recompacted")));
        /* The double is what nodes print, who look at the compact form alone. */
        if (strcmp(text_at(one, "recompacted"), text_at(one, "nbits")) != 0)
            continue;
        double want = json_number_value(json_object_get(one, "difficulty_double"));
        assert_true(fabs(target_difficulty(&t) - want) <= 1e-12 * want);
    }
    list = json_object_get(file, "encode");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        struct target t = target_of(text_at(one, "target"));
        assert_int_equal(target_to_nbits(&t), nbits_of(text_at(one, "nbits")));
    }
    json_decref(file);
}

static void real_difficulties_of_the_vectors_survive_the_compact_form(void **state)
{
    (void)state;
    json_t *file = vectors_json("consensus/mainnet_target_history.json");
    const json_t *list = json_object_get(file, "entries");
    assert_true(json_array_size(list) > 100);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        struct target t;
        uint32_t nbits = nbits_of(text_at(one, "nbits"));
        assert_int_equal(target_from_nbits(&t, nbits), KZ_OK);
        assert_target(&t, text_at(one, "target"));
        assert_int_equal(target_to_nbits(&t), nbits);
    }
    json_decref(file);
}

static void share_targets_of_the_vectors_are_exact(void **state)
{
    (void)state;
    json_t *file = vectors_json("consensus/nbits.json");
    const json_t *list = json_object_get(file, "share_difficulty_to_target");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        /* Also the one that is no decimal fraction (1/3): the arithmetic takes any. */
        struct difficulty d = {whole(text_at(one, "num")), whole(text_at(one, "den"))};
        struct target t;
        target_from_pdiff(&t, d);
        assert_target(&t, text_at(one, "target"));
        target_from_difficulty(&t, d);
        assert_target(&t, text_at(one, "target_bdiff"));
    }
    assert_true(json_array_size(list) > 50);
    json_decref(file);
}

static void hashes_of_the_vectors_have_their_difficulty(void **state)
{
    (void)state;
    json_t *file = vectors_json("consensus/nbits.json");
    const json_t *list = json_object_get(file, "hash_to_difficulty");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        struct hash256 h;
        const char *text = text_at(one, "hash");
        assert_int_equal(hash256_parse_display(&h, text, strlen(text)), KZ_OK);
        double want = json_number_value(json_object_get(one, "difficulty_double"));
        assert_true(fabs(hash256_difficulty(&h) - want) <= 1e-12 * want);
        if (json_object_get(one, "target") == NULL)
            continue;
        struct target t = target_of(text_at(one, "target"));
        assert_int_equal(target_is_met(&t, &h),
                         json_is_true(json_object_get(one, "meets_target")));
    }
    json_decref(file);
}

static void a_hash_equal_to_the_target_meets_it(void **state)
{
    (void)state;
    struct hash256 h = {{0}};
    struct target t = {{0}};
    h.b[31] = 0x80; /* the highest byte */
    t.limb[3] = UINT64_C(0x8000000000000000);
    assert_true(target_is_met(&t, &h));
    h.b[0] = 1; /* the lowest */
    assert_false(target_is_met(&t, &h));
    t.limb[0] = 1;
    assert_true(target_is_met(&t, &h));
}

static void work_of_the_vectors_is_exact(void **state)
{
    (void)state;
    json_t *file = vectors_json("accounting/work_units.json");
    const json_t *list = json_object_get(file, "cases");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        struct target t = target_of(text_at(one, "target"));
        uint64_t work = 0;
        assert_true(target_work(&work, &t, UINT64_C(1) << 22));
        assert_true(work == (uint64_t)number_at(one, "work_u4194304"));
        const char *hashes = text_at(one, "expected_hashes");
        if (strlen(hashes) > 18) {
            assert_false(target_work(&work, &t, 1));
            continue;
        }
        assert_true(target_work(&work, &t, 1));
        assert_true(work == whole(hashes));
    }
    json_decref(file);
}

static void work_at_the_ends_of_the_range(void **state)
{
    (void)state;
    uint64_t work = 7;
    struct target t = {{0}};
    assert_false(target_work(&work, &t, UINT64_C(1) << 22));
    assert_true(work == 7);
    memset(&t, 0xff, sizeof(t));
    assert_true(target_work(&work, &t, 1));
    assert_true(work == 1); /* every hash meets it */
    t.limb[0]--;
    assert_true(target_work(&work, &t, 1) && work == 1);
    t = (struct target){{0, 0, 0, UINT64_C(0x7fffffffffffffff)}};
    assert_true(target_work(&work, &t, 1) && work == 2);
    /* 2^63 does not fit 63 bits, one less does. */
    t = (struct target){{UINT64_MAX, UINT64_MAX, UINT64_MAX, 1}};
    assert_false(target_work(&work, &t, 1));
    assert_true(target_work(&work, &t, 2) && work == UINT64_C(1) << 62);
}

static void difficulty_text_is_read_exactly(void **state)
{
    (void)state;
    const struct {
        const char *text;
        uint64_t num, den;
    } cases[] = {
        {"1024", 1024, 1},
        {"0.00077", 77, 100000},
        {"1e3", 1000, 1},
        {"1.5", 15, 10},
        {"1234.567", 1234567, 1000},
        {"1.000000000000000000000", 1, 1},
        {"000000000000000000000042", 42, 1},
        {"9223372036854775807", UINT64_C(9223372036854775807), 1},
        {"1e-15", 1, UINT64_C(1000000000000000)},
        {"0.000000000000001", 1, UINT64_C(1000000000000000)},
        {"100000000000000000000e-5", UINT64_C(1000000000000000), 1},
        {"25E+1", 250, 1},
        {".5", 5, 10},
        {"7.", 7, 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct difficulty d = {0};
        assert_int_equal(difficulty_parse(&d, cases[i].text, strlen(cases[i].text)),
                         KZ_OK);
        assert_true(d.num == cases[i].num);
        assert_true(d.den == cases[i].den);
    }
}

static void difficulty_text_that_is_no_number_or_too_fine_is_refused(void **state)
{
    (void)state;
    struct difficulty d = {7, 1};
    const char *const not [] = {"",      ".",   "e3",  "1e",  "1e+",  "x",
                                "1x",    "1 ",  " 1",  "+1",  "--1",  "0x10",
                                "1.2.3", "nan", "inf", "1,5", "1e3.0"};
    for (size_t i = 0; i < sizeof(not ) / sizeof(not [0]); i++)
        assert_int_equal(difficulty_parse(&d, not [i], strlen(not [i])), KZ_PARSE);
    const char *const out[] = {"0",
                               "0.0",
                               "-1",
                               "1e-16",
                               "0.0000000000000001",
                               "1e19",
                               "9223372036854775808",
                               "1e999999999",
                               "1e-999999999",
                               "1.0000000000000001"};
    for (size_t i = 0; i < sizeof(out) / sizeof(out[0]); i++)
        assert_int_equal(difficulty_parse(&d, out[i], strlen(out[i])), KZ_RANGE);
    assert_true(d.num == 7);
}

static void difficulty_is_rounded_to_what_rigs_take(void **state)
{
    (void)state;
    const struct {
        double in;
        const char *out;
    } cases[] = {
        {1, "1"},
        {1.4, "1"},
        {9.6, "10"},
        {8192, "8200"},
        {99.6, "100"},
        {999, "1000"},
        {0.999, "1"},
        {0.994, "0.99"},
        {0.5, "0.5"},
        {0.00077, "0.00077"},
        {0.001234, "0.0012"},
        {1e-20, "0.0000000000001"},
        {0, "0.0000000000001"},
        {-5, "0.0000000000001"},
        {1e300, "9200000000000000000"},
        {123456789, "120000000"},
    };
    char text[DIFFICULTY_TEXT_SIZE];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        difficulty_format(text, difficulty_from_double(cases[i].in));
        assert_string_equal(text, cases[i].out);
    }
    difficulty_format(text, difficulty_from_double(NAN));
    assert_string_equal(text, "0.0000000000001");
    difficulty_format(text, difficulty_from_double(INFINITY));
    assert_string_equal(text, "9200000000000000000");
}

static void
rounding_moves_no_difficulty_by_more_than_five_percent_above_ten(void **state)
{
    (void)state;
    for (double d = 1e-12; d < 9e18; d *= 1.0137) {
        double got = difficulty_to_double(difficulty_from_double(d));
        double slack = d >= 1 && d < 10 ? 0.5 : 0.051 * d;
        assert_true(fabs(got - d) <= slack);
        /* What is sent is rounded already: rounding again changes nothing. */
        struct difficulty once = difficulty_from_double(d);
        struct difficulty twice = difficulty_from_double(difficulty_to_double(once));
        assert_int_equal(difficulty_compare(once, twice), 0);
    }
}

static void difficulty_text_comes_back_as_written(void **state)
{
    (void)state;
    const char *const texts[] = {"1",
                                 "8192",
                                 "0.00077",
                                 "1234.567",
                                 "0.5",
                                 "9223372036854775807",
                                 "0.000000000000001"};
    char text[DIFFICULTY_TEXT_SIZE];
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct difficulty d;
        assert_int_equal(difficulty_parse(&d, texts[i], strlen(texts[i])), KZ_OK);
        difficulty_format(text, d);
        assert_string_equal(text, texts[i]);
    }
}

static void comparing_difficulties_is_exact(void **state)
{
    (void)state;
    struct difficulty half = {5, 10}, also_half = {50, 100};
    struct difficulty large = {UINT64_C(9007199254740993), 1};
    struct difficulty less = {UINT64_C(9007199254740992), 1};
    assert_int_equal(difficulty_compare(half, also_half), 0);
    assert_int_equal(difficulty_compare(large, less), 1);
    assert_int_equal(difficulty_compare(less, large), -1);
    assert_int_equal(difficulty_compare(half, less), -1);
}

static void the_used_target_is_the_easier_of_the_two(void **state)
{
    (void)state;
    for (uint64_t d = 1; d < UINT64_C(1) << 60; d = d * 3 + 1) {
        struct target used, proof;
        target_from_difficulty(&used, (struct difficulty){d, 1});
        target_from_pdiff(&proof, (struct difficulty){d, 1});
        assert_int_equal(target_compare(&used, &proof), 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_genesis_difficulty_is_one),
        cmocka_unit_test(negative_zero_and_overlong_nbits_are_refused),
        cmocka_unit_test(nbits_of_the_vectors_decode_and_encode),
        cmocka_unit_test(real_difficulties_of_the_vectors_survive_the_compact_form),
        cmocka_unit_test(share_targets_of_the_vectors_are_exact),
        cmocka_unit_test(hashes_of_the_vectors_have_their_difficulty),
        cmocka_unit_test(a_hash_equal_to_the_target_meets_it),
        cmocka_unit_test(work_of_the_vectors_is_exact),
        cmocka_unit_test(work_at_the_ends_of_the_range),
        cmocka_unit_test(difficulty_text_is_read_exactly),
        cmocka_unit_test(difficulty_text_that_is_no_number_or_too_fine_is_refused),
        cmocka_unit_test(difficulty_is_rounded_to_what_rigs_take),
        cmocka_unit_test(
            rounding_moves_no_difficulty_by_more_than_five_percent_above_ten),
        cmocka_unit_test(difficulty_text_comes_back_as_written),
        cmocka_unit_test(comparing_difficulties_is_exact),
        cmocka_unit_test(the_used_target_is_the_easier_of_the_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
