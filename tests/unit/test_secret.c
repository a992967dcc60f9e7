#include "conf/secret.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char path[64];

static void write_file(const char *text, size_t len, mode_t mode)
{
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), (ssize_t)len);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void expect(enum kz_err err)
{
    struct secret *s = NULL;
    assert_int_equal(secret_read(&s, path), err);
    assert_null(s);
}

static void the_first_line_is_the_secret(void **state)
{
    (void)state;
    static const char *const texts[] = {"pass word", "pass word\n", "pass word\r\n",
                                        "pass word\nsecond"};
    for (size_t i = 0; i < 4; i++) {
        struct secret *s = NULL;
        write_file(texts[i], strlen(texts[i]), 0640);
        assert_int_equal(secret_read(&s, path), KZ_OK);
        assert_string_equal(secret_reveal(s), "pass word");
        assert_int_equal(secret_len(s), 9);
        secret_free(s);
    }
}

static void a_file_that_everybody_may_read_or_write_is_refused(void **state)
{
    (void)state;
    write_file("x\n", 2, 0604);
    expect(KZ_RANGE);
    write_file("x\n", 2, 0602);
    expect(KZ_RANGE);
}

static void empty_and_too_large_files_are_refused(void **state)
{
    (void)state;
    static char large[4097];
    memset(large, 'x', sizeof(large));
    write_file("", 0, 0600);
    expect(KZ_RANGE);
    write_file("\nsecond", 7, 0600);
    expect(KZ_RANGE);
    write_file(large, 4097, 0600);
    expect(KZ_RANGE);
    write_file(large, 4096, 0600);
    struct secret *s = NULL;
    assert_int_equal(secret_read(&s, path), KZ_OK);
    assert_int_equal(secret_len(s), 4096);
    secret_free(s);
}

static void what_is_no_file_is_refused_without_waiting(void **state)
{
    (void)state;
    unlink(path);
    expect(KZ_IO);
    assert_int_equal(mkfifo(path, 0600), 0);
    expect(KZ_RANGE);
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    expect(KZ_RANGE);
    rmdir(path);
    secret_free(NULL);
}

int main(void)
{
    snprintf(path, sizeof(path), "/tmp/kariz-test-secret-%ld", (long)getpid());
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_line_is_the_secret),
        cmocka_unit_test(a_file_that_everybody_may_read_or_write_is_refused),
        cmocka_unit_test(empty_and_too_large_files_are_refused),
        cmocka_unit_test(what_is_no_file_is_refused_without_waiting),
    };
    int failed = cmocka_run_group_tests_name("secret", tests, NULL, NULL);
    unlink(path);
    return failed;
}
