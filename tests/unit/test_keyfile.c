#include "pool/keyfile.h"

#include "payout/wif.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* One folder, and one file in it that each test makes anew. */
struct bed {
    char folder[64], path[128];
    struct keyfile_public about;
    uint8_t seed[32];
};

static const struct bytes right = {(const uint8_t *)"correct horse", 13};

static int make_bed(void **state)
{
    struct bed *b = calloc(1, sizeof(*b));
    struct bip32_key master;
    struct sign_context *c = sign_context_new();
    snprintf(b->folder, sizeof(b->folder), "/tmp/kariz-keyfile-XXXXXX");
    if (mkdtemp(b->folder) == NULL)
        return -1;
    snprintf(b->path, sizeof(b->path), "%s/wallet.key", b->folder);
    memset(b->seed, 0x5a, sizeof(b->seed));
    b->about.network = network_of(CONF_REGTEST);
    b->about.created_ms = 1767225600000;
    enum kz_err err =
        bip32_from_seed(&master, true, (struct bytes){b->seed, sizeof(b->seed)});
    if (err == KZ_OK)
        err =
            descriptor_of_account(b->about.receive, c, &master, DESCRIPTOR_WPKH, 0, 0);
    if (err == KZ_OK)
        err = descriptor_of_account(b->about.change, c, &master, DESCRIPTOR_WPKH, 0, 1);
    sign_context_free(c);
    *state = b;
    return err == KZ_OK ? 0 : -1;
}

static int free_bed(void **state)
{
    struct bed *b = *state;
    unlink(b->path);
    rmdir(b->folder);
    free(b);
    return 0;
}

static struct keyfile_plan plan_of(const struct bed *b)
{
    return (struct keyfile_plan){.about = &b->about,
                                 .kind = KEYFILE_SEED,
                                 .secret = {b->seed, sizeof(b->seed)},
                                 .passphrase = right,
                                 .scrypt_n = KEYFILE_N_MIN};
}

static void must_create(const struct bed *b)
{
    struct key_problem p = {""};
    struct keyfile_plan plan = plan_of(b);
    unlink(b->path);
    if (keyfile_create(b->path, &p, &plan) != KZ_OK)
        fail_msg("%s", p.text);
}

static size_t read_whole(const char *path, char *text, size_t max)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t len = fread(text, 1, max - 1, f);
    text[len] = '\0';
    fclose(f);
    return len;
}

static void write_whole(const char *path, const char *text, size_t len)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static void change_file(const char *path, const char *from, const char *to)
{
    static char text[32768], made[32768];
    read_whole(path, text, sizeof(text));
    char *at = strstr(text, from);
    assert_non_null(at);
    int len = snprintf(made, sizeof(made), "%.*s%s%s", (int)(at - text), text, to,
                       at + strlen(from));
    assert_true(len > 0 && (size_t)len < sizeof(made));
    write_whole(path, made, (size_t)len);
}

static void expect_refused(const struct bed *b, enum kz_err err, const char *says)
{
    struct keyfile_public about = {.created_ms = 99};
    struct keyfile_secret secret = {0};
    struct key_problem p = {""};
    enum kz_err found = keyfile_open(&about, &secret, &p, b->path, right);
    if (found != err || strstr(p.text, says) == NULL)
        fail_msg("%d, '%s' where '%s' was expected", (int)found, p.text, says);
    assert_null(secret.data);
    assert_int_equal(about.created_ms, 99);
}

static void what_was_put_in_comes_out(void **state)
{
    const struct bed *b = *state;
    struct keyfile_public about;
    struct keyfile_secret secret = {0};
    struct key_problem p = {""};
    struct stat st;
    must_create(b);
    assert_int_equal(stat(b->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(keyfile_read_public(&about, &p, b->path), KZ_OK);
    assert_ptr_equal(about.network, b->about.network);
    assert_string_equal(about.receive, b->about.receive);
    assert_string_equal(about.change, b->about.change);
    assert_int_equal(about.created_ms, b->about.created_ms);
    memset(&about, 0, sizeof(about));
    assert_int_equal(keyfile_open(&about, &secret, &p, b->path, right), KZ_OK);
    assert_string_equal(about.receive, b->about.receive);
    assert_int_equal(secret.kind, KEYFILE_SEED);
    assert_int_equal(locked_size(secret.data), sizeof(b->seed));
    assert_memory_equal(locked_bytes(secret.data), b->seed, sizeof(b->seed));
    locked_free(secret.data);
}

static void the_secret_is_not_in_the_file(void **state)
{
    const struct bed *b = *state;
    static char text[32768];
    char hex[2 * 32 + 1];
    must_create(b);
    size_t len = read_whole(b->path, text, sizeof(text));
    hex_encode(hex, b->seed, sizeof(b->seed));
    assert_null(strstr(text, hex));
    assert_null(memmem(text, len, b->seed, sizeof(b->seed)));
    assert_null(strstr(text, "correct horse"));
}

static void two_files_of_one_key_have_nothing_encrypted_in_common(void **state)
{
    const struct bed *b = *state;
    static char one[32768], other[32768];
    must_create(b);
    read_whole(b->path, one, sizeof(one));
    must_create(b);
    read_whole(b->path, other, sizeof(other));
    const char *const names[] = {"\"salt\": \"", "\"nonce\": \"", "\"ciphertext\": \"",
                                 "\"tag\": \""};
    for (size_t i = 0; i < 4; i++)
        assert_memory_not_equal(strstr(one, names[i]) + strlen(names[i]),
                                strstr(other, names[i]) + strlen(names[i]), 24);
}

static void check_text_secret(const struct bed *b, enum keyfile_kind kind,
                              const char *text)
{
    struct keyfile_plan plan = plan_of(b);
    struct keyfile_public about;
    struct keyfile_secret secret = {0};
    struct key_problem p = {""};
    plan.kind = kind;
    plan.secret = (struct bytes){(const uint8_t *)text, strlen(text)};
    unlink(b->path);
    assert_int_equal(keyfile_create(b->path, &p, &plan), KZ_OK);
    assert_int_equal(keyfile_open(&about, &secret, &p, b->path, right), KZ_OK);
    assert_int_equal(secret.kind, kind);
    assert_int_equal(locked_size(secret.data), strlen(text));
    assert_memory_equal(locked_bytes(secret.data), text, strlen(text));
    locked_free(secret.data);
}

static void secrets_that_are_text_are_kept_too(void **state)
{
    const struct bed *b = *state;
    struct bip32_key master;
    char xprv[BIP32_TEXT_SIZE], wif[WIF_TEXT_SIZE];
    assert_int_equal(
        bip32_from_seed(&master, true, (struct bytes){b->seed, sizeof(b->seed)}),
        KZ_OK);
    bip32_format(xprv, &master);
    wif_format(wif, b->about.network, master.key + 1, true);
    check_text_secret(b, KEYFILE_XPRV, xprv);
    check_text_secret(b, KEYFILE_WIF, wif);
}

static void a_wrong_passphrase_opens_nothing(void **state)
{
    const struct bed *b = *state;
    const char *const wrong[] = {"", "correct horsf", "correct hors", "correct horse "};
    must_create(b);
    for (size_t i = 0; i < 4; i++) {
        struct keyfile_public about;
        struct keyfile_secret secret = {0};
        struct key_problem p = {""};
        struct bytes passphrase = {(const uint8_t *)wrong[i], strlen(wrong[i])};
        assert_int_equal(keyfile_open(&about, &secret, &p, b->path, passphrase),
                         KZ_RANGE);
        assert_string_equal(p.text, "the passphrase is wrong, or the file was changed");
        assert_null(secret.data);
    }
}

static void a_changed_public_half_is_found_out_on_opening(void **state)
{
    const struct bed *b = *state;
    const char *const changes[][2] = {
        {"\"network\": \"regtest\"", "\"network\": \"signet\""},
        {"1767225600000", "1767225600001"},
        {"/0/*)", "/1/*)"},
        {"\"receive\": \"wpkh", "\"receive\": \"wpkx"},
        {"\"n\": 16384", "\"n\": 32768"},
        {"\"p\": 1", "\"p\": 2"},
    };
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        must_create(b);
        change_file(b->path, changes[i][0], changes[i][1]);
        expect_refused(b, KZ_RANGE, "the passphrase is wrong, or the file was changed");
    }
}

/* The first hex digit of a member's value. */
static void change_digit(const char *path, const char *member)
{
    static char text[32768];
    size_t len = read_whole(path, text, sizeof(text));
    char *at = strstr(text, member);
    assert_non_null(at);
    at += strlen(member) + strlen("\": \"");
    *at = *at == '0' ? '1' : '0';
    write_whole(path, text, len);
}

static void a_changed_encrypted_half_is_found_out_on_opening(void **state)
{
    const struct bed *b = *state;
    const char *const members[] = {"salt", "nonce", "ciphertext", "tag"};
    for (size_t i = 0; i < 4; i++) {
        must_create(b);
        change_digit(b->path, members[i]);
        expect_refused(b, KZ_RANGE, "the passphrase is wrong, or the file was changed");
    }
}

static void work_beyond_the_bounds_is_not_begun(void **state)
{
    const struct bed *b = *state;
    const char *const changes[][2] = {
        {"\"n\": 16384", "\"n\": 16385"}, /* no power of two */
        {"\"n\": 16384", "\"n\": 8192"},  {"\"n\": 16384", "\"n\": 2097152"},
        {"\"n\": 16384", "\"n\": 0"},     {"\"n\": 16384", "\"n\": -16384"},
        {"\"r\": 8", "\"r\": 0"},         {"\"r\": 8", "\"r\": -8"},
        {"\"r\": 8", "\"r\": 33"},        {"\"p\": 1", "\"p\": 0"},
        {"\"p\": 1", "\"p\": 17"},        {"\"p\": 1", "\"p\": 4294967297"},
    };
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        must_create(b);
        change_file(b->path, changes[i][0], changes[i][1]);
        expect_refused(b, KZ_RANGE, "outside the bounds");
    }
    must_create(b); /* each within its bound, together 4 GiB */
    change_file(b->path, "\"n\": 16384", "\"n\": 1048576");
    change_file(b->path, "\"r\": 8", "\"r\": 32");
    expect_refused(b, KZ_RANGE, "outside the bounds");
}

static void another_form_is_no_key_file(void **state)
{
    const struct bed *b = *state;
    const char *const changes[][3] = {
        {"\"tag\"", "\"tug\"", "not a key file"},
        {"\"kariz_key\": 1", "\"kariz_key\": 2", "another version"},
        {"scrypt", "argon2", "another version"},
        {"aes-256-gcm", "aes-128-gcm", "another version"},
        {"regtest", "regtext", "network"},
        {"{", "[", "not a key file"},
        {"\"created_ms\": 1", "\"created_ms\": x", "not a key file"},
        {"\"r\": 8", "\"n\": 8", "not a key file"},
    };
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        struct keyfile_public about;
        struct key_problem p = {""};
        must_create(b);
        change_file(b->path, changes[i][0], changes[i][1]);
        assert_int_not_equal(keyfile_read_public(&about, &p, b->path), KZ_OK);
        if (strstr(p.text, changes[i][2]) == NULL)
            fail_msg("%s: %s", changes[i][1], p.text);
    }
}

static void a_key_is_never_written_over(void **state)
{
    const struct bed *b = *state;
    static char before[32768], after[32768];
    struct keyfile_plan plan = plan_of(b);
    struct key_problem p = {""};
    must_create(b);
    read_whole(b->path, before, sizeof(before));
    assert_int_equal(keyfile_create(b->path, &p, &plan), KZ_RANGE);
    assert_non_null(strstr(p.text, "exists"));
    read_whole(b->path, after, sizeof(after));
    assert_string_equal(before, after);
    unlink(b->path);
    assert_int_equal(symlink("/dev/null", b->path), 0);
    assert_int_equal(keyfile_create(b->path, &p, &plan), KZ_RANGE);
}

static void what_cannot_be_made_leaves_nothing(void **state)
{
    struct bed *b = *state;
    struct keyfile_plan plan = plan_of(b);
    struct key_problem p = {""};
    char path[160];
    snprintf(path, sizeof(path), "%s/none/wallet.key", b->folder);
    assert_int_equal(keyfile_create(path, &p, &plan), KZ_IO);
    assert_non_null(strstr(p.text, "cannot be made"));

    unlink(b->path);
    plan.passphrase.len = 0;
    assert_int_equal(keyfile_create(b->path, &p, &plan), KZ_RANGE);
    plan = plan_of(b);
    plan.secret.len = 15;
    assert_int_equal(keyfile_create(b->path, &p, &plan), KZ_RANGE);
    plan = plan_of(b);
    plan.kind = KEYFILE_WIF;
    assert_int_equal(keyfile_create(b->path, &p, &plan), KZ_RANGE);
    plan.kind = KEYFILE_XPRV;
    assert_int_equal(keyfile_create(b->path, &p, &plan), KZ_RANGE);
    assert_int_equal(access(b->path, F_OK), -1);
}

static void a_private_key_among_the_public_members_is_refused(void **state)
{
    const struct bed *b = *state;
    struct keyfile_public about = b->about;
    struct keyfile_plan plan = plan_of(b);
    struct bip32_key master;
    char xprv[BIP32_TEXT_SIZE];
    struct key_problem p = {""};
    plan.about = &about;
    assert_int_equal(
        bip32_from_seed(&master, true, (struct bytes){b->seed, sizeof(b->seed)}),
        KZ_OK);
    bip32_format(xprv, &master);
    snprintf(about.change, sizeof(about.change), "wpkh(%s/1/*)", xprv);
    unlink(b->path);
    assert_int_equal(keyfile_create(b->path, &p, &plan), KZ_RANGE);
    assert_non_null(strstr(p.text, "no private key"));
    snprintf(about.change, sizeof(about.change), "wpkh(nonsense)");
    assert_int_equal(keyfile_create(b->path, &p, &plan), KZ_RANGE);
    about = b->about;
    about.network = network_of(CONF_MAIN);
    assert_int_equal(keyfile_create(b->path, &p, &plan), KZ_RANGE);
    assert_int_equal(access(b->path, F_OK), -1);
}

static void a_file_that_others_may_read_or_write_is_refused(void **state)
{
    const struct bed *b = *state;
    const mode_t modes[] = {0640, 0620, 0604, 0602, 0644};
    must_create(b);
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        assert_int_equal(chmod(b->path, modes[i]), 0);
        expect_refused(b, KZ_RANGE, "chmod 600");
    }
    struct keyfile_public about;
    struct key_problem p = {""};
    assert_int_equal(chmod(b->path, 0400), 0);
    assert_int_equal(keyfile_read_public(&about, &p, b->path), KZ_OK);
}

static void what_is_no_file_of_ours_is_refused(void **state)
{
    const struct bed *b = *state;
    static char large[32769];
    unlink(b->path);
    expect_refused(b, KZ_EMPTY, "no key file");
    assert_int_equal(mkfifo(b->path, 0600), 0);
    expect_refused(b, KZ_RANGE, "regular");
    unlink(b->path);
    memset(large, ' ', sizeof(large));
    write_whole(b->path, large, sizeof(large));
    assert_int_equal(chmod(b->path, 0600), 0);
    expect_refused(b, KZ_RANGE, "too large");
    write_whole(b->path, "", 0);
    expect_refused(b, KZ_PARSE, "not a key file");
    if (geteuid() == 0 && chown(b->path, 65534, 65534) == 0)
        expect_refused(b, KZ_RANGE, "another user's");
}

/* A passphrase through a pipe, as a script would give it. */
static enum kz_err through_pipe(struct locked **out, struct key_problem *p,
                                const char *text, size_t len, char *rest)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], text, len), (ssize_t)len);
    close(ends[1]);
    enum kz_err err =
        passphrase_read(out, p, &(struct passphrase_source){ends[0], NULL});
    ssize_t n = read(ends[0], rest, 15);
    rest[n > 0 ? n : 0] = '\0';
    close(ends[0]);
    return err;
}

static void the_first_line_is_the_passphrase(void **state)
{
    (void)state;
    const char *const texts[] = {"pass word", "pass word\n", "pass word\r\n",
                                 "pass word\nnext"};
    for (size_t i = 0; i < 4; i++) {
        struct locked *l = NULL;
        struct key_problem p = {""};
        char rest[16];
        assert_int_equal(through_pipe(&l, &p, texts[i], strlen(texts[i]), rest), KZ_OK);
        assert_int_equal(locked_size(l), 9);
        assert_memory_equal(locked_bytes(l), "pass word", 9);
        assert_string_equal(rest, i == 3 ? "next" : "");
        locked_free(l);
    }
}

static void a_passphrase_has_1_to_1024_bytes(void **state)
{
    (void)state;
    char text[1026], rest[16];
    struct locked *l = NULL;
    struct key_problem p = {""};
    memset(text, 'x', sizeof(text));
    assert_int_equal(through_pipe(&l, &p, text, 1025, rest), KZ_RANGE);
    assert_int_equal(through_pipe(&l, &p, text, 0, rest), KZ_RANGE);
    assert_int_equal(through_pipe(&l, &p, "\nx", 2, rest), KZ_RANGE);
    assert_int_equal(through_pipe(&l, &p, "\r\n", 2, rest), KZ_RANGE);
    assert_null(l);
    text[1024] = '\n';
    assert_int_equal(through_pipe(&l, &p, text, 1025, rest), KZ_OK);
    assert_int_equal(locked_size(l), 1024);
    locked_free(l);
    assert_int_equal(
        passphrase_read(&l, &p, &(struct passphrase_source){1 << 20, NULL}), KZ_IO);
}

static enum kz_err credential(struct locked **out, const char *name)
{
    struct key_problem p = {""};
    enum kz_err err = passphrase_read(out, &p, &(struct passphrase_source){-1, name});
    assert_int_equal(err != KZ_OK, p.text[0] != '\0');
    return err;
}

static void a_credential_of_systemd_is_read(void **state)
{
    const struct bed *b = *state;
    struct locked *l = NULL;
    unlink(b->path);
    write_whole(b->path, "pass word\n", 10);
    unsetenv("CREDENTIALS_DIRECTORY");
    assert_int_equal(credential(&l, "wallet.key"), KZ_EMPTY);
    setenv("CREDENTIALS_DIRECTORY", b->folder, 1);
    assert_int_equal(credential(&l, "none"), KZ_EMPTY);
    assert_int_equal(credential(&l, "../wallet.key"), KZ_RANGE);
    assert_int_equal(credential(&l, ".."), KZ_RANGE);
    assert_int_equal(credential(&l, ""), KZ_RANGE);
    assert_null(l);
    assert_int_equal(credential(&l, "wallet.key"), KZ_OK);
    assert_memory_equal(locked_bytes(l), "pass word", 9);
    locked_free(l);
    unsetenv("CREDENTIALS_DIRECTORY");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_in_comes_out),
        cmocka_unit_test(the_secret_is_not_in_the_file),
        cmocka_unit_test(two_files_of_one_key_have_nothing_encrypted_in_common),
        cmocka_unit_test(secrets_that_are_text_are_kept_too),
        cmocka_unit_test(a_wrong_passphrase_opens_nothing),
        cmocka_unit_test(a_changed_public_half_is_found_out_on_opening),
        cmocka_unit_test(a_changed_encrypted_half_is_found_out_on_opening),
        cmocka_unit_test(work_beyond_the_bounds_is_not_begun),
        cmocka_unit_test(another_form_is_no_key_file),
        cmocka_unit_test(a_key_is_never_written_over),
        cmocka_unit_test(what_cannot_be_made_leaves_nothing),
        cmocka_unit_test(a_private_key_among_the_public_members_is_refused),
        cmocka_unit_test(a_file_that_others_may_read_or_write_is_refused),
        cmocka_unit_test(what_is_no_file_of_ours_is_refused),
        cmocka_unit_test(the_first_line_is_the_passphrase),
        cmocka_unit_test(a_passphrase_has_1_to_1024_bytes),
        cmocka_unit_test(a_credential_of_systemd_is_read),
    };
    return cmocka_run_group_tests(tests, make_bed, free_bed);
}
