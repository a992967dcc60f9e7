/* tests/vectors/audit_chain.jsonl and audit_forms.json: made by this program once, with
 * KARIZ_MAKE_VECTORS set in the environment, and checked by it and by
 * tests/functional/test_audit_vectors.py, which has no code in common with it. */
#include "pool/audit/chain_file.h"
#include "pool/audit/commit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf/mem.h"
#include "pool/canon.h"
#include "tests/unit/audit_fixture.h"

#define CHAIN_FILE "tests/vectors/audit_chain.jsonl"
#define FORMS_FILE "tests/vectors/audit_forms.json"

static void put(const char *path, const char *text, size_t len)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static void expect_file(const char *path, const char *text, size_t len)
{
    static char found[1 << 16];
    if (getenv("KARIZ_MAKE_VECTORS") != NULL)
        put(path, text, len);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fread(found, 1, sizeof(found), f), len);
    assert_memory_equal(found, text, len);
    fclose(f);
}

static void the_chain_is_made_byte_for_byte_as_noted(void **state)
{
    (void)state;
    struct chain_head head;
    char why[AUDIT_WHY_SIZE] = "", *text = NULL;
    size_t len = 0;
    json_t *chain = fixture_chain(&head);
    FILE *to = open_memstream(&text, &len);
    for (size_t i = 0; i < json_array_size(chain); i++)
        assert_int_equal(chain_file_write(to, why, json_array_get(chain, i)), KZ_OK);
    assert_int_equal(fclose(to), 0);
    expect_file(CHAIN_FILE, text, len);
    free(text);
    json_decref(chain);
}

static void the_noted_chain_is_right(void **state)
{
    (void)state;
    struct chain_head head;
    struct chain_check check;
    char why[AUDIT_WHY_SIZE] = "";
    json_decref(fixture_chain(&head));
    FILE *f = fopen(CHAIN_FILE, "rb");
    assert_non_null(f);
    chain_check_init(&check, NULL, &head);
    if (chain_file_verify(&check, why, f) != KZ_OK)
        fail_msg("%s", why);
    fclose(f);
}

static const char *const values[] = {
    "{}",
    "[]",
    "\"\"",
    "null",
    "[0,-1,9007199254740991,-9007199254740991,true,false]",
    ("{\"\\u20ac\":1,\"\\r\":2,\"\\ufb33\":3,\"1\":4,\"\\ud83d\\ude00\":5,\"\\u0080\":"
     "6,"
     "\"\\u00f6\":7,\"\\uffff\":8,\"\\ud7ff\":9}"),
    "\"\\u0000\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f\\\"\\\\/\\u007f\\u2028\"",
    "{\"b\":[{\"d\":{},\"c\":[[]]}],\"a\":\"1990-05-17\"}",
    "{\"name\":\"G\\u00f6zel \\u00c4mirowa\",\"phone\":\"+99365123456\"}",
};

static json_t *form_of(const json_t *value, uint8_t salt_byte)
{
    char *text = NULL, salt_hex[65], commitment[65], record[65];
    uint8_t salt[COMMIT_SALT_SIZE];
    size_t len = 0;
    struct hash256 h, r;
    for (size_t i = 0; i < sizeof(salt); i++)
        salt[i] = (uint8_t)(salt_byte + i);
    assert_int_equal(canon_format(&text, &len, value), KZ_OK);
    assert_int_equal(commit_make(&h, salt, value), KZ_OK);
    assert_int_equal(audit_record_hash(&r, value), KZ_OK);
    char *hex = mem_new(2 * len + 1);
    hex_encode(hex, text, len);
    hex_encode(salt_hex, salt, sizeof(salt));
    hex_encode(commitment, h.b, sizeof(h.b));
    hex_encode(record, r.b, sizeof(r.b));
    json_t *row =
        json_pack("{s:O, s:s, s:s, s:s, s:s}", "value", value, "canonical_hex", hex,
                  "salt", salt_hex, "commitment", commitment, "record_hash", record);
    mem_free(hex);
    mem_free(text);
    return row;
}

static void forms_and_commitments_are_as_noted(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    fputs("[\n", to);
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        json_t *value = json_loads(values[i], JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        assert_non_null(value);
        json_t *row = form_of(value, (uint8_t)(16 * i));
        fputs(i > 0 ? ",\n" : "", to);
        /* In ASCII, escaped by jansson: the reader has to undo that first. */
        json_dumpf(row, to, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII);
        json_decref(row);
        json_decref(value);
    }
    fputs("\n]\n", to);
    assert_int_equal(fclose(to), 0);
    expect_file(FORMS_FILE, text, len);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_chain_is_made_byte_for_byte_as_noted),
        cmocka_unit_test(the_noted_chain_is_right),
        cmocka_unit_test(forms_and_commitments_are_as_noted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
