#include "pool/bench/bench_work.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/vectors.h"

/* A recorded case's job as a pool would send it. A rig here does not move the time, so
 * the job gets the time that the share has. */
static char *notify_params(const json_t *job, uint32_t ntime)
{
    char time[9];
    snprintf(time, sizeof(time), "%08x", ntime);
    json_t *params = json_pack(
        "[s,O,O,O,O,O,O,s,b]", "job-1", json_object_get(job, "prevhash"),
        json_object_get(job, "coinb1"), json_object_get(job, "coinb2"),
        json_object_get(job, "merkle_branch"), json_object_get(job, "version"),
        json_object_get(job, "nbits"), time, 1);
    assert_non_null(params);
    char *text = json_dumps(params, 0);
    json_decref(params);
    return text;
}

static struct work work_of(const json_t *job, uint32_t ntime)
{
    struct work w;
    char *text = notify_params(job, ntime);
    struct bytes params = {(const uint8_t *)text, strlen(text)};
    assert_int_equal(work_from_notify(&w, params), KZ_OK);
    free(text);
    return w;
}

static size_t hex_bytes(uint8_t *out, size_t max, const char *text)
{
    size_t len;
    assert_int_equal(hex_decode_some(out, &len, max, text, strlen(text)), KZ_OK);
    return len;
}

static uint32_t number(const char *hex)
{
    uint32_t v;
    assert_int_equal(hex_u32(&v, hex, strlen(hex), true), KZ_OK);
    return v;
}

/* The hash that our header gives with the case's own extranonces, nonce and version,
 * against the one that other programs computed. False: the case is of another kind. */
static bool check_case(const json_t *c)
{
    const json_t *submit = json_object_get(c, "submit");
    const json_t *expect = json_object_get(c, "expect");
    const json_t *job = json_object_get(c, "job");
    const char *header = json_string_value(json_object_get(expect, "header"));
    if (header == NULL)
        return false;
    uint8_t extranonce[WORK_EXTRANONCE_MAX], bytes[80];
    size_t len = hex_bytes(extranonce, 32, text_at(c, "extranonce1"));
    len += hex_bytes(extranonce + len, 16, text_at(submit, "extranonce2"));
    assert_int_equal(hex_bytes(bytes, sizeof(bytes), header), 80);

    struct work w = work_of(job, read_le32(bytes + 68));
    struct work_header h;
    struct hash256 hash, expected;
    work_header_make(&h, w.job, extranonce, len, read_le32(bytes));
    work_header_hash(&hash, &h, number(text_at(submit, "nonce")));
    const char *text = text_at(expect, "hash");
    assert_int_equal(hash256_parse_display(&expected, text, strlen(text)), KZ_OK);
    assert_true(hash256_equal(&hash, &expected));
    assert_string_equal(w.job_id, "job-1");
    work_clear(&w);
    return true;
}

static void headers_hash_as_recorded_shares_do(void **state)
{
    (void)state;
    char path[4096], line[65536];
    vectors_path(path, sizeof(path), "share_cases.jsonl");
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t checked = 0;
    while (fgets(line, sizeof(line), f) != NULL) {
        json_t *c = json_loads(line, 0, NULL);
        assert_non_null(c);
        checked += check_case(c);
        json_decref(c);
    }
    fclose(f);
    assert_true(checked > 1500);
}

/* Bitcoin's first block, its coinbase cut around four bytes. */
static void the_genesis_block_comes_out(void **state)
{
    (void)state;
    const char *params =
        "[\"g\",\"0000000000000000000000000000000000000000000000000000000000000000\","
        "\"01000000010000000000000000000000000000000000000000000000000000000000000000"
        "ffffffff4d04ffff001d0104455468652054696d65732030332f4a616e2f3230303920436861"
        "6e63656c6c6f72206f6e206272696e6b206f66207365636f6e64206261696c6f757420666f72"
        "2062\","
        "\"ffffffff0100f2052a01000000434104678afdb0fe5548271967f1a67130b7105cd6a828e0"
        "3909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c70"
        "2b6bf11d5fac00000000\",[],\"00000001\",\"1d00ffff\",\"495fab29\",true]";
    struct work w;
    assert_int_equal(
        work_from_notify(&w, (struct bytes){(const uint8_t *)params, strlen(params)}),
        KZ_OK);
    struct work_header h;
    struct hash256 hash;
    char text[HASH256_HEX_SIZE];
    work_header_make(&h, w.job, (const uint8_t *)"anks", 4, 1);
    work_header_hash(&hash, &h, 2083236893);
    hash256_format_display(text, &hash);
    assert_string_equal(
        text, "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f");
    work_clear(&w);
}

static void version_bits_fill_the_mask_from_below(void **state)
{
    (void)state;
    assert_int_equal(work_version_bits(0x1fffe000, 0), 0);
    assert_int_equal(work_version_bits(0x1fffe000, 1), 0x2000);
    assert_int_equal(work_version_bits(0x1fffe000, 0xffff), 0x1fffe000);
    assert_int_equal(work_version_bits(0x00c00000, 2), 0x00800000);
    assert_int_equal(work_version_bits(0x00c00000, 4), 0); /* no third bit */
    assert_int_equal(work_version(0x20000004, 0x1fffe000, 0x6000), 0x20006004);
    assert_int_equal(work_version(0x3fffe004, 0x1fffe000, 0), 0x20000004);
}

static void extranonce2_counts_in_its_last_bytes(void **state)
{
    (void)state;
    uint8_t out[16];
    work_extranonce2(out, 4, 0x0102);
    assert_memory_equal(out, "\x00\x00\x01\x02", 4);
    work_extranonce2(out, 1, 0x0102);
    assert_memory_equal(out, "\x02", 1);
    work_extranonce2(out, 16, UINT64_MAX);
    assert_memory_equal(out, "\0\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", 16);
}

static void jobs_that_no_pool_should_send_are_refused(void **state)
{
    (void)state;
    const char *bad[] = {
        "[]",
        "[\"j\",\"00\",\"01\",\"02\",[],\"20000000\",\"1d00ffff\",\"495fab29\",true]",
        "[\"j\",\"zz\",\"01\",\"02\",[],\"20000000\",\"1d00ffff\",\"495fab29\",true]",
    };
    struct work w;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_not_equal(
            work_from_notify(&w,
                             (struct bytes){(const uint8_t *)bad[i], strlen(bad[i])}),
            KZ_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_hash_as_recorded_shares_do),
        cmocka_unit_test(the_genesis_block_comes_out),
        cmocka_unit_test(version_bits_fill_the_mask_from_below),
        cmocka_unit_test(extranonce2_counts_in_its_last_bytes),
        cmocka_unit_test(jobs_that_no_pool_should_send_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
