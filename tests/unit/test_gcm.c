/* AES-256-GCM: known answers, and that nothing changed opens. */
#include "share/gcm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct bytes hex(uint8_t *out, const char *text)
{
    size_t len = 0;
    assert_int_equal(hex_decode_some(out, &len, 64, text, strlen(text)), KZ_OK);
    return (struct bytes){out, len};
}

/* Test case 16 of the GCM specification (McGrew, Viega). */
static void the_specifications_case_comes_out(void **state)
{
    (void)state;
    uint8_t key[64], nonce[64], open_text[64], plain[64], expected[64], tag[64];
    uint8_t made[64], made_tag[GCM_TAG_SIZE], back[64];
    hex(key, "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
    hex(nonce, "cafebabefacedbaddecaf888");
    struct gcm g = {key, nonce,
                    hex(open_text, "feedfacedeadbeeffeedfacedeadbeefabaddad2")};
    struct bytes in =
        hex(plain, "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d"
                   "8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de65"
                   "7ba637b39");
    hex(expected,
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48"
        "590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662");
    hex(tag, "76fc6ece0f4e1768cddf8853bb2d551b");
    assert_int_equal(in.len, 60);
    assert_int_equal(gcm_seal(made, made_tag, &g, in), KZ_OK);
    assert_memory_equal(made, expected, in.len);
    assert_memory_equal(made_tag, tag, GCM_TAG_SIZE);
    assert_int_equal(gcm_open(back, &g, (struct bytes){made, in.len}, made_tag), KZ_OK);
    assert_memory_equal(back, plain, in.len);
}

static void nothing_that_was_changed_opens(void **state)
{
    (void)state;
    uint8_t key[GCM_KEY_SIZE] = {1}, nonce[GCM_NONCE_SIZE] = {2}, open_text[5] = {3};
    uint8_t plain[7] = {4}, sealed[7], tag[GCM_TAG_SIZE], out[7];
    struct gcm g = {key, nonce, {open_text, sizeof(open_text)}};
    struct {
        uint8_t *p;
        size_t len;
    } parts[] = {{key, sizeof(key)},
                 {nonce, sizeof(nonce)},
                 {open_text, sizeof(open_text)},
                 {sealed, sizeof(sealed)},
                 {tag, sizeof(tag)}};
    assert_int_equal(gcm_seal(sealed, tag, &g, (struct bytes){plain, sizeof(plain)}),
                     KZ_OK);
    struct bytes in = {sealed, sizeof(sealed)};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        for (size_t at = 0; at < parts[i].len; at++) {
            parts[i].p[at] ^= 0x10;
            assert_int_equal(gcm_open(out, &g, in, tag), KZ_RANGE);
            parts[i].p[at] ^= 0x10;
        }
    }
    assert_int_equal(gcm_open(out, &g, in, tag), KZ_OK);
    in.len--;
    assert_int_equal(gcm_open(out, &g, in, tag), KZ_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_specifications_case_comes_out),
        cmocka_unit_test(nothing_that_was_changed_opens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
