#include "conf/locked.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* The sanitizers put an mlock() that does nothing in its place. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LOCKS_FOR_REAL false
#elif defined(__has_feature)
#define LOCKS_FOR_REAL                                                                 \
    (!__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer))
#else
#define LOCKS_FOR_REAL true
#endif

/* The line of /proc/self/smaps named `field`, of the mapping that begins at `p`. */
static void read_smaps(char *out, size_t size, const void *p, const char *field)
{
    char line[512], start[32];
    bool inside = false;
    snprintf(start, sizeof(start), "%lx-", (unsigned long)(uintptr_t)p);
    FILE *f = fopen("/proc/self/smaps", "r");
    assert_non_null(f);
    out[0] = '\0';
    while (fgets(line, sizeof(line), f) != NULL) {
        inside = inside || strncmp(line, start, strlen(start)) == 0;
        if (!inside || strncmp(line, field, strlen(field)) != 0)
            continue;
        snprintf(out, size, "%s", line);
        break;
    }
    fclose(f);
}

static void the_memory_is_zeroed_locked_and_not_dumped(void **state)
{
    (void)state;
    struct locked *l = NULL;
    const uint8_t zeros[100] = {0};
    char line[512];
    assert_int_equal(locked_new(&l, 100), KZ_OK);
    assert_int_equal(locked_size(l), 100);
    assert_memory_equal(locked_bytes(l), zeros, sizeof(zeros));
    assert_ptr_equal(locked_bytes(l), locked_data(l));
    memset(locked_data(l), 7, locked_size(l));
    read_smaps(line, sizeof(line), locked_data(l), "VmFlags:");
    if (LOCKS_FOR_REAL)
        assert_non_null(strstr(line, " lo")); /* locked */
    assert_non_null(strstr(line, " dd"));     /* not dumped */
    assert_non_null(strstr(line, " wf"));     /* wiped on fork */
    locked_free(l);
}

static void a_child_sees_zeros(void **state)
{
    (void)state;
    struct locked *l = NULL;
    assert_int_equal(locked_new(&l, 1), KZ_OK);
    *(uint8_t *)locked_data(l) = 7;
    pid_t child = fork();
    if (child == 0)
        _exit(*(const uint8_t *)locked_bytes(l));
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(*(const uint8_t *)locked_bytes(l), 7);
    locked_free(l);
}

/* In a child, since the limit cannot be raised again. With CAP_IPC_LOCK nothing is
 * refused, so the user is changed too where that is possible. */
static void memory_that_cannot_be_locked_is_an_error(void **state)
{
    (void)state;
    if (!LOCKS_FOR_REAL)
        return;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit none = {0, 0};
        struct locked *l = NULL;
        if (setrlimit(RLIMIT_MEMLOCK, &none) != 0 ||
            (geteuid() == 0 && setuid(65534) != 0))
            _exit(2);
        enum kz_err err = locked_new(&l, 1);
        _exit(err == KZ_IO && l == NULL ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void freed_memory_is_given_back(void **state)
{
    (void)state;
    locked_free(NULL);
    for (int i = 0; i < 1000; i++) { /* far above the limit, were it not given back */
        struct locked *l = NULL;
        assert_int_equal(locked_new(&l, 8192), KZ_OK);
        locked_free(l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_memory_is_zeroed_locked_and_not_dumped),
        cmocka_unit_test(a_child_sees_zeros),
        cmocka_unit_test(memory_that_cannot_be_locked_is_an_error),
        cmocka_unit_test(freed_memory_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
