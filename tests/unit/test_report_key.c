/* The key of reports: kept, told on paper, handed on. */
#include "pool/report/report_key.h"

#include "conf/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW INT64_C(1793700000000)

struct bed {
    char folder[64], path[128];
    struct report_key_public about;
    struct sign_context *context;
};

static const struct bytes right = {(const uint8_t *)"correct horse", 13};
static const struct bytes wrong = {(const uint8_t *)"correct house", 13};
static const uint8_t old_secret[PRIVATE_KEY_SIZE] = {[31] = 7};
static const uint8_t new_secret[PRIVATE_KEY_SIZE] = {[31] = 8};

static int make_bed(void **state)
{
    struct bed *b = calloc(1, sizeof(*b));
    struct key_problem p = {""};
    snprintf(b->folder, sizeof(b->folder), "/tmp/kariz-reportkey-XXXXXX");
    if (mkdtemp(b->folder) == NULL)
        return -1;
    snprintf(b->path, sizeof(b->path), "%s/report.key", b->folder);
    b->context = sign_context_new();
    *state = b;
    if (report_key_create(&b->about, &p, b->path, NOW, right, SEALED_N_MIN) != KZ_OK)
        fail_msg("%s", p.text);
    return 0;
}

static int free_bed(void **state)
{
    struct bed *b = *state;
    sign_context_free(b->context);
    unlink(b->path);
    rmdir(b->folder);
    free(b);
    return 0;
}

static void a_key_that_is_opened_signs_as_the_public_one_says(void **state)
{
    struct bed *b = *state;
    struct report_key_public about = {0};
    struct key_problem p = {""};
    struct locked *secret = NULL;
    struct hash256 digest = {{1, 2, 3}};
    uint8_t aux[32] = {0}, signature[SCHNORR_SIZE];
    if (report_key_open(&secret, &about, &p, b->path, right) != KZ_OK)
        fail_msg("%s", p.text);
    assert_memory_equal(about.key, b->about.key, XONLY_SIZE);
    assert_int_equal(about.created_ms, NOW);
    assert_int_equal(
        sign_schnorr(signature, b->context, &digest, locked_bytes(secret), aux), KZ_OK);
    assert_true(sign_schnorr_verify(b->context, signature, &digest, b->about.key));
    locked_free(secret);
}

static void the_public_half_needs_no_passphrase(void **state)
{
    struct bed *b = *state;
    struct report_key_public about = {0};
    struct key_problem p = {""};
    assert_int_equal(report_key_read_public(&about, &p, b->path), KZ_OK);
    assert_memory_equal(about.key, b->about.key, XONLY_SIZE);
}

static void a_wrong_passphrase_opens_nothing(void **state)
{
    struct bed *b = *state;
    struct report_key_public about;
    struct key_problem p = {""};
    struct locked *secret = NULL;
    assert_int_equal(report_key_open(&secret, &about, &p, b->path, wrong), KZ_RANGE);
    assert_non_null(strstr(p.text, "passphrase is wrong"));
    assert_null(secret);
    struct bytes empty = {(const uint8_t *)"", 0};
    assert_int_equal(
        report_key_create(&about, &p, "/tmp/never", NOW, empty, SEALED_N_MIN),
        KZ_RANGE);
}

static void a_key_is_never_written_over(void **state)
{
    struct bed *b = *state;
    struct report_key_public about = {0};
    struct key_problem p = {""};
    assert_int_equal(report_key_create(&about, &p, b->path, NOW, right, SEALED_N_MIN),
                     KZ_RANGE);
    assert_int_equal(report_key_read_public(&about, &p, b->path), KZ_OK);
    assert_memory_equal(about.key, b->about.key, XONLY_SIZE);
}

static size_t read_text(char *text, size_t max, const char *path)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t len = fread(text, 1, max - 1, f);
    text[len] = '\0';
    fclose(f);
    return len;
}

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void a_changed_public_half_is_found_out_on_opening(void **state)
{
    struct bed *b = *state;
    struct report_key_public about;
    struct key_problem p = {""};
    struct locked *secret = NULL;
    char text[4096];
    read_text(text, sizeof(text), b->path);
    char *at = strstr(text, "\"public\": \"");
    assert_non_null(at);
    at[11] = at[11] == '0' ? '1' : '0';
    write_text(b->path, text);
    assert_int_equal(report_key_open(&secret, &about, &p, b->path, right), KZ_RANGE);
    assert_null(secret);
}

static void another_file_is_no_key_of_reports(void **state)
{
    struct bed *b = *state;
    static const char *const texts[] = {"", "{}", "{\"kariz_key\":1}", "[]", "null"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct report_key_public about;
        struct key_problem p = {""};
        write_text(b->path, texts[i]);
        assert_int_equal(report_key_read_public(&about, &p, b->path), KZ_PARSE);
    }
    struct report_key_public about;
    struct key_problem p = {""};
    unlink(b->path);
    assert_int_equal(report_key_read_public(&about, &p, b->path), KZ_EMPTY);
}

static void a_fingerprint_is_read_as_it_was_written(void **state)
{
    struct bed *b = *state;
    char text[REPORT_KEY_FINGERPRINT_SIZE];
    uint8_t key[XONLY_SIZE];
    report_key_fingerprint(text, b->about.key);
    assert_int_equal(strlen(text), 64 + 15);
    assert_int_equal(text[4], ' ');
    assert_int_equal(report_key_parse(key, text), KZ_OK);
    assert_memory_equal(key, b->about.key, XONLY_SIZE);
    text[REPORT_KEY_FINGERPRINT_SIZE - 2] = '\0'; /* a digit short */
    assert_int_equal(report_key_parse(key, text), KZ_PARSE);
    assert_int_equal(report_key_parse(key, ""), KZ_PARSE);
    char long_text[80];
    memset(long_text, 'a', 65);
    long_text[65] = '\0';
    assert_int_equal(report_key_parse(key, long_text), KZ_PARSE);
    long_text[64] = '\0';
    assert_int_equal(report_key_parse(key, long_text), KZ_OK);
    long_text[3] = 'x';
    assert_int_equal(report_key_parse(key, long_text), KZ_PARSE);
}

/* --- handing on ----------------------------------------------------------------------- */

static char *statement_of(const struct bed *b)
{
    char *text = NULL;
    assert_int_equal(report_key_rotate(&text, b->context, old_secret, new_secret, NOW,
                                       "yearly, açar çalşyldy"),
                     KZ_OK);
    return text;
}

static enum kz_err read_statement(const struct bed *b, const char *text, size_t len)
{
    struct report_key_rotation r;
    struct key_problem p = {""};
    return report_key_rotation_read(&r, &p, b->context,
                                    (struct bytes){(const uint8_t *)text, len});
}

static void a_statement_of_both_keys_is_read(void **state)
{
    struct bed *b = *state;
    struct report_key_rotation r = {0};
    struct key_problem p = {""};
    uint8_t point[PUBKEY_SIZE];
    char *text = statement_of(b);
    struct bytes bytes = {(const uint8_t *)text, strlen(text)};
    if (report_key_rotation_read(&r, &p, b->context, bytes) != KZ_OK)
        fail_msg("%s", p.text);
    assert_int_equal(sign_public_key(point, b->context, old_secret), KZ_OK);
    assert_memory_equal(r.old_key, point + 1, XONLY_SIZE);
    assert_int_equal(sign_public_key(point, b->context, new_secret), KZ_OK);
    assert_memory_equal(r.new_key, point + 1, XONLY_SIZE);
    assert_int_equal(r.from_ms, NOW);
    assert_string_equal(r.reason, "yearly, açar çalşyldy");
    mem_free(text);
}

static void no_byte_of_a_statement_can_change(void **state)
{
    struct bed *b = *state;
    char *text = statement_of(b);
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        text[i] ^= 1;
        if (read_statement(b, text, len) == KZ_OK)
            fail_msg("byte %zu", i);
        text[i] ^= 1;
    }
    assert_int_equal(read_statement(b, text, len), KZ_OK);
    mem_free(text);
}

static void one_key_alone_hands_nothing_on(void **state)
{
    struct bed *b = *state;
    char *made = statement_of(b), text[1024], copy[1024];
    assert_true(strlen(made) < sizeof(text));
    snprintf(text, sizeof(text), "%s", made);
    mem_free(made);
    char *by_new = strstr(text, "\"signature_new\":\""),
         *by_old = strstr(text, "\"signature_old\":\"");
    assert_true(by_new != NULL && by_old != NULL);
    memcpy(copy, text, sizeof(copy));
    memcpy(copy + (by_old - text) + 17, by_new + 17, 128); /* the new key's, twice */
    assert_int_equal(read_statement(b, copy, strlen(copy)), KZ_RANGE);
    memcpy(copy, text, sizeof(copy));
    memcpy(copy + (by_new - text) + 17, by_old + 17, 128);
    assert_int_equal(read_statement(b, copy, strlen(copy)), KZ_RANGE);
}

static void what_cannot_be_said_is_refused(void **state)
{
    struct bed *b = *state;
    char *text = NULL, reason[REPORT_KEY_REASON_SIZE + 1];
    memset(reason, 'x', sizeof(reason));
    reason[REPORT_KEY_REASON_SIZE] = '\0';
    assert_int_equal(
        report_key_rotate(&text, b->context, old_secret, new_secret, NOW, reason),
        KZ_RANGE);
    assert_int_equal(
        report_key_rotate(&text, b->context, old_secret, new_secret, NOW, "\377"),
        KZ_RANGE);
    assert_int_equal(
        report_key_rotate(&text, b->context, old_secret, old_secret, NOW, "same"),
        KZ_RANGE);
    assert_null(text);
}

int main(void)
{
#define WITH_BED(test) cmocka_unit_test_setup_teardown(test, make_bed, free_bed)
    const struct CMUnitTest tests[] = {
        WITH_BED(a_key_that_is_opened_signs_as_the_public_one_says),
        WITH_BED(the_public_half_needs_no_passphrase),
        WITH_BED(a_wrong_passphrase_opens_nothing),
        WITH_BED(a_key_is_never_written_over),
        WITH_BED(a_changed_public_half_is_found_out_on_opening),
        WITH_BED(another_file_is_no_key_of_reports),
        WITH_BED(a_fingerprint_is_read_as_it_was_written),
        WITH_BED(a_statement_of_both_keys_is_read),
        WITH_BED(no_byte_of_a_statement_can_change),
        WITH_BED(one_key_alone_hands_nothing_on),
        WITH_BED(what_cannot_be_said_is_refused),
    };
    return cmocka_run_group_tests_name("report_key", tests, NULL, NULL);
}
