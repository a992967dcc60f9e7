/* What of a refused login may be kept. */
#include "pool/mask.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "conf/log.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ADDRESS "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
#define OTHERS  "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4" /* mainnet's */

struct scene {
    char dir[32], path[64];
    struct mask *mask;
};

static const struct network *regtest(void)
{
    return network_of(CONF_REGTEST);
}

static int set_up(void **state)
{
    struct scene *s = calloc(1, sizeof(*s));
    snprintf(s->dir, sizeof(s->dir), "/tmp/kariz-mask-XXXXXX");
    assert_non_null(mkdtemp(s->dir));
    snprintf(s->path, sizeof(s->path), "%s/" MASK_SALT_FILE, s->dir);
    assert_int_equal(mask_open(&s->mask, s->dir, regtest()), KZ_OK);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *s = *state;
    mask_close(s->mask);
    unlink(s->path);
    rmdir(s->dir);
    free(s);
    return 0;
}

static struct denied_key masked(const struct mask *m, const char *login,
                                const struct roster_miner *miner, const char *address)
{
    struct denied_key key;
    struct netaddr peer;
    assert_int_equal(netaddr_parse(&peer, address, strlen(address)), KZ_OK);
    const struct login_refusal r = {.why = REFUSED_UNREGISTERED,
                                    .login = login,
                                    .login_len = strlen(login),
                                    .miner = miner,
                                    .peer = &peer,
                                    .agent = "cgminer/4\x7f\xc3\xa4",
                                    .listener = "127.0.0.1:3333"};
    mask_refusal(&key, m, &r);
    return key;
}

static void a_login_is_clear_only_where_it_tells_nobody_anything_new(void **state)
{
    struct scene *s = *state;
    const struct roster_miner bulut = {.id = {"bulut"}};
    const struct {
        const char *login;
        const struct roster_miner *miner;
        enum denied_login is;
        const char *shown;
    } rows[] = {
        {ADDRESS, NULL, DENIED_ADDRESS, ADDRESS},
        {ADDRESS ".rig 1", NULL, DENIED_ADDRESS, ADDRESS},
        {" BCRT1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KYGT080.x", NULL, DENIED_ADDRESS,
         ADDRESS},
        {"bulut.rig", &bulut, DENIED_MINER, "bulut"},
        {ADDRESS ".rig", &bulut, DENIED_MINER, "bulut"},
        {"bulut.rig", NULL, DENIED_HASHED, ""},
        {OTHERS, NULL, DENIED_HASHED, ""},
        {"correct horse battery staple", NULL, DENIED_HASHED, ""},
        {".only-a-worker", NULL, DENIED_HASHED, ""},
        {"", NULL, DENIED_NO_LOGIN, ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct denied_key k =
            masked(s->mask, rows[i].login, rows[i].miner, "192.0.2.77");
        if (k.login_is != rows[i].is)
            fail_msg("%s: %d, not %d", rows[i].login, k.login_is, rows[i].is);
        assert_string_equal(k.login, rows[i].shown);
    }
}

static void a_hash_is_of_the_name_and_the_salt(void **state)
{
    struct scene *s = *state;
    struct denied_key a = masked(s->mask, "nobody.1", NULL, "192.0.2.1");
    struct denied_key b = masked(s->mask, "nobody.2", NULL, "198.51.100.1");
    struct denied_key c = masked(s->mask, "nobodi.1", NULL, "192.0.2.1");
    assert_memory_equal(a.login_hash, b.login_hash, DENIED_HASH_SIZE);
    assert_memory_not_equal(a.login_hash, c.login_hash, DENIED_HASH_SIZE);
    mask_close(s->mask); /* and again, with the salt that is there */
    assert_int_equal(mask_open(&s->mask, s->dir, regtest()), KZ_OK);
    b = masked(s->mask, "nobody", NULL, "192.0.2.1");
    assert_memory_equal(a.login_hash, b.login_hash, DENIED_HASH_SIZE);
    mask_close(s->mask); /* and with another */
    assert_int_equal(unlink(s->path), 0);
    assert_int_equal(mask_open(&s->mask, s->dir, regtest()), KZ_OK);
    b = masked(s->mask, "nobody", NULL, "192.0.2.1");
    assert_memory_not_equal(a.login_hash, b.login_hash, DENIED_HASH_SIZE);
}

static void of_an_address_the_network_stays(void **state)
{
    struct scene *s = *state;
    static const char *const rows[][2] = {
        {"192.0.2.77", "192.0.2.0/24"},
        {"::ffff:192.0.2.77", "192.0.2.0/24"},
        {"2001:db8:1:2:3::4", "2001:db8:1::/48"},
        {"::1", "::/48"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[NETADDR_TEXT_SIZE];
        struct denied_key k = masked(s->mask, "x", NULL, rows[i][0]);
        netaddr_format_network(text, k.network, k.network_len);
        assert_string_equal(text, rows[i][1]);
    }
}

static void texts_are_made_printable(void **state)
{
    struct scene *s = *state;
    struct denied_key k = masked(s->mask, "x", NULL, "::1");
    assert_string_equal(k.software, "cgminer/4???");
    assert_string_equal(k.listener, "127.0.0.1:3333");
    assert_string_equal(k.reason, "unregistered");
}

static void sources_are_told_apart_and_differ_with_each_start(void **state)
{
    struct scene *s = *state;
    struct netaddr a, b;
    assert_int_equal(netaddr_parse(&a, "192.0.2.1", 9), KZ_OK);
    assert_int_equal(netaddr_parse(&b, "192.0.2.2", 9), KZ_OK);
    uint64_t before = mask_source(s->mask, &a);
    assert_true(before == mask_source(s->mask, &a));
    assert_true(before != mask_source(s->mask, &b));
    a.port = 99;
    assert_true(before == mask_source(s->mask, &a));
    mask_close(s->mask);
    assert_int_equal(mask_open(&s->mask, s->dir, regtest()), KZ_OK);
    assert_true(before != mask_source(s->mask, &a));
}

static void a_salt_that_others_may_read_or_that_is_cut_is_refused(void **state)
{
    struct scene *s = *state;
    struct mask *m = NULL;
    struct stat st;
    assert_int_equal(stat(s->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_size, 32);
    assert_int_equal(chmod(s->path, 0640), 0);
    assert_int_equal(mask_open(&m, s->dir, regtest()), KZ_RANGE);
    assert_int_equal(chmod(s->path, 0600), 0);
    assert_int_equal(truncate(s->path, 31), 0);
    assert_int_equal(mask_open(&m, s->dir, regtest()), KZ_RANGE);
    assert_int_equal(truncate(s->path, 33), 0);
    assert_int_equal(mask_open(&m, s->dir, regtest()), KZ_RANGE);
    assert_null(m);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_login_is_clear_only_where_it_tells_nobody_anything_new),
        TEST(a_hash_is_of_the_name_and_the_salt),
        TEST(of_an_address_the_network_stays),
        TEST(texts_are_made_printable),
        TEST(sources_are_told_apart_and_differ_with_each_start),
        TEST(a_salt_that_others_may_read_or_that_is_cut_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
