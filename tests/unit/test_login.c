#include "stratum/login.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect(const char *text, const char *name, const char *worker)
{
    struct login l;
    assert_int_equal(login_parse(&l, text, strlen(text)), KZ_OK);
    assert_int_equal(l.name.len, strlen(name));
    assert_memory_equal(l.name.p, name, l.name.len);
    assert_int_equal(l.worker.len, strlen(worker));
    assert_memory_equal(l.worker.p, worker, l.worker.len);
}

static void the_worker_is_what_follows_the_first_dot(void **state)
{
    (void)state;
    expect("alice.rig", "alice", "rig");
    expect("alice", "alice", "");
    expect("alice.", "alice", "");
    expect("user.worker.sub", "user", "worker.sub");
    expect(" \talice.rig 1 \r\n", "alice", "rig 1");
    expect("alice.\xc3\xa4", "alice", "\xc3\xa4");
}

static void separators_of_other_pools_end_the_name_too(void **state)
{
    (void)state;
    expect("bc1qxyz_rig.1", "bc1qxyz", "rig.1");
    expect("bc1qxyz/rig", "bc1qxyz", "rig");
    expect("bc1qxyz+1024", "bc1qxyz", "1024");
}

static void a_login_needs_a_name(void **state)
{
    (void)state;
    struct login l;
    char longest[LOGIN_MAX + 2];
    memset(longest, 'a', sizeof(longest));
    assert_int_equal(login_parse(&l, "", 0), KZ_PARSE);
    assert_int_equal(login_parse(&l, " \n ", 3), KZ_PARSE);
    assert_int_equal(login_parse(&l, ".rig", 4), KZ_PARSE);
    assert_int_equal(login_parse(&l, longest, LOGIN_MAX + 1), KZ_PARSE);
    assert_int_equal(login_parse(&l, longest, LOGIN_MAX), KZ_OK);
}

static void options_stand_in_the_password(void **state)
{
    (void)state;
    struct login_options o;
    login_options_parse(&o, "x, d=1024;MD=0.5 fd=8192", 24);
    assert_true(o.has_start && o.has_minimum && o.has_fixed);
    assert_true(difficulty_to_double(o.start) == 1024);
    assert_true(difficulty_to_double(o.minimum) == 0.5);
    assert_true(difficulty_to_double(o.fixed) == 8192);
}

static void other_passwords_mean_nothing(void **state)
{
    (void)state;
    static const char *const others[] = {"",     "x",   "123",  "d=",    "d=x", "d=0",
                                         "ad=5", "d:5", "d=-1", "fd =1", ",;,", "="};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct login_options o;
        login_options_parse(&o, others[i], strlen(others[i]));
        assert_false(o.has_start || o.has_minimum || o.has_fixed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_worker_is_what_follows_the_first_dot),
        cmocka_unit_test(separators_of_other_pools_end_the_name_too),
        cmocka_unit_test(a_login_needs_a_name),
        cmocka_unit_test(options_stand_in_the_password),
        cmocka_unit_test(other_passwords_mean_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
