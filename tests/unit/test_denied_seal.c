/* Details of refused logins under their day's key: opened with it, and by nothing else. */
#include "share/denied_seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "share/refusal_keys.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY INT64_C(20783) /* 2026-11-26 */

static const uint8_t nonce[GCM_NONCE_SIZE] = {7, 7, 7};

static struct denied_seal_key sample_key(int64_t day, uint8_t byte)
{
    struct denied_seal_key k = {.day = day};
    memset(k.key, byte, sizeof(k.key));
    denied_seal_set_id(&k);
    return k;
}

static struct denied_row row_at(int64_t hour)
{
    struct denied_row r = {.hour = hour, .attempts = 3, .sources = 2};
    struct denied_key *k = &r.key;
    snprintf(k->listener, sizeof(k->listener), "0.0.0.0:3333");
    snprintf(k->reason, sizeof(k->reason), "network");
    snprintf(k->login, sizeof(k->login), "bulut");
    snprintf(k->software, sizeof(k->software), "cgminer/4.11");
    k->login_is = DENIED_MINER;
    k->network_len = DENIED_NETWORK_IPV4;
    return r;
}

static size_t seal(uint8_t *out, const struct denied_seal_key *k,
                   const struct denied_row *rows, size_t count)
{
    static uint8_t body[DENIED_EVENT_MAX];
    size_t len = denied_event_write(body, 99, rows, count);
    assert_int_equal(denied_seal_write(out, &len, k, nonce, (struct bytes){body, len}),
                     KZ_OK);
    return len;
}

static enum kz_err open_with(const struct denied_seal_key *k, const uint8_t *event,
                             size_t len)
{
    static struct denied_row rows[DENIED_EVENT_ROWS];
    struct denied_seal s;
    size_t count;
    uint64_t run;
    enum kz_err err = denied_seal_read(&s, (struct bytes){event, len});
    return err == KZ_OK ? denied_seal_open(rows, &count, &run, &s, k) : err;
}

static bool has_text(const uint8_t *p, size_t len, const char *text)
{
    return memmem(p, len, text, strlen(text)) != NULL;
}

static void what_was_sealed_opens_under_its_key_and_shows_nothing_without(void **state)
{
    (void)state;
    uint8_t event[DENIED_SEAL_MAX];
    struct denied_seal_key k = sample_key(DAY, 1);
    struct denied_row in[2] = {row_at(DAY * 24), row_at(DAY * 24 + 23)};
    struct denied_row out[DENIED_EVENT_ROWS];
    struct denied_seal s;
    size_t count = 0, len = seal(event, &k, in, 2);
    uint64_t run = 0;
    assert_false(has_text(event, len, "bulut") || has_text(event, len, "cgminer") ||
                 has_text(event, len, "network") || has_text(event, len, "3333"));
    assert_int_equal(denied_seal_read(&s, (struct bytes){event, len}), KZ_OK);
    assert_int_equal(s.day, DAY);
    assert_true(denied_seal_is_under(&s, &k));
    assert_int_equal(denied_seal_open(out, &count, &run, &s, &k), KZ_OK);
    assert_int_equal(count, 2);
    assert_int_equal(run, 99);
    for (size_t i = 0; i < 2; i++)
        assert_true(denied_compare(&in[i], &out[i]) == 0 && out[i].attempts == 3);
}

static void another_key_or_day_is_told_apart(void **state)
{
    (void)state;
    uint8_t event[DENIED_SEAL_MAX];
    struct denied_seal_key k = sample_key(DAY, 1), other = sample_key(DAY, 2),
                           tomorrow = sample_key(DAY + 1, 1);
    struct denied_row r = row_at(DAY * 24);
    struct denied_seal s;
    size_t len = seal(event, &k, &r, 1);
    assert_int_equal(denied_seal_read(&s, (struct bytes){event, len}), KZ_OK);
    assert_false(denied_seal_is_under(&s, &other));
    assert_false(denied_seal_is_under(&s, &tomorrow));
    assert_int_equal(open_with(&other, event, len), KZ_RANGE);
}

static void each_byte_counts(void **state)
{
    (void)state;
    uint8_t event[DENIED_SEAL_MAX];
    struct denied_seal_key k = sample_key(DAY, 1);
    struct denied_row r = row_at(DAY * 24);
    size_t len = seal(event, &k, &r, 1);
    for (size_t i = 0; i < len; i++) {
        event[i] ^= 0x10;
        if (open_with(&k, event, len) != KZ_RANGE)
            fail_msg("byte %zu", i);
        event[i] ^= 0x10;
    }
    for (size_t cut = 0; cut < len; cut++)
        if (open_with(&k, event, cut) == KZ_OK)
            fail_msg("cut to %zu", cut);
    assert_int_equal(open_with(&k, event, 39), KZ_PARSE);
    assert_int_equal(open_with(&k, event, len), KZ_OK);
}

static void what_was_sealed_wrongly_is_refused(void **state)
{
    (void)state;
    uint8_t event[DENIED_SEAL_MAX];
    struct denied_seal_key k = sample_key(DAY, 1);
    struct denied_row days[2] = {row_at(DAY * 24 + 23), row_at(DAY * 24 + 24)};
    size_t len = seal(event, &k, days, 2);
    assert_int_equal(open_with(&k, event, len), KZ_RANGE);
    len = 0;
    assert_int_equal(denied_seal_write(event, &len, &k, nonce,
                                       (struct bytes){(const uint8_t *)"none", 4}),
                     KZ_OK);
    assert_int_equal(open_with(&k, event, len), KZ_PARSE);
}

/* --- files -------------------------------------------------------------------------- */

struct place {
    char dir[64], journal[80], keys[96];
    char why[REFUSAL_KEYS_WHY_SIZE];
};

static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return -1;
    snprintf(p->dir, sizeof(p->dir), "/tmp/kariz-test-keys-XXXXXX");
    if (mkdtemp(p->dir) == NULL)
        return -1;
    snprintf(p->journal, sizeof(p->journal), "%s/journal/", p->dir);
    snprintf(p->keys, sizeof(p->keys), "%s/" REFUSAL_KEYS_FOLDER, p->dir);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;
    DIR *d = opendir(p->keys);
    const struct dirent *e;
    while (d != NULL && (e = readdir(d)) != NULL)
        unlinkat(dirfd(d), e->d_name, 0);
    if (d != NULL)
        closedir(d);
    rmdir(p->keys);
    unlink(p->keys);
    rmdir(p->dir);
    free(p);
    return 0;
}

static mode_t mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 0777;
}

static bool is_there(const struct place *p, const char *name)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", p->keys, name);
    return access(path, F_OK) == 0;
}

static struct denied_seal_key need(struct place *p, int64_t day)
{
    const struct denied_seal_key *k;
    struct refusal_keys *r = refusal_keys_new(p->journal);
    if (refusal_keys_need(&k, r, p->why, day) != KZ_OK)
        fail_msg("%s", p->why);
    struct denied_seal_key copy = *k;
    refusal_keys_free(r);
    return copy;
}

static enum kz_err find(struct denied_seal_key *out, struct place *p, int64_t day)
{
    const struct denied_seal_key *k;
    struct refusal_keys *r = refusal_keys_new(p->journal);
    enum kz_err err = refusal_keys_find(&k, r, p->why, day);
    if (err == KZ_OK)
        *out = *k;
    refusal_keys_free(r);
    return err;
}

static void a_key_is_made_once_a_day_and_found_again(void **state)
{
    struct place *p = *state;
    struct denied_seal_key found = {.day = -1};
    char path[128];
    assert_int_equal(find(&found, p, DAY), KZ_EMPTY); /* not even a folder */
    struct denied_seal_key a = need(p, DAY), again = need(p, DAY), b = need(p, DAY + 1);
    assert_memory_equal(a.key, again.key, sizeof(a.key));
    assert_memory_not_equal(a.key, b.key, sizeof(a.key));
    assert_int_equal(find(&found, p, DAY), KZ_OK);
    assert_memory_equal(&a, &found, sizeof(a));
    assert_int_equal(find(&found, p, DAY + 2), KZ_EMPTY);
    snprintf(path, sizeof(path), "%s/2026-11-26", p->keys);
    assert_int_equal(mode_of(path), 0600);
    assert_int_equal(mode_of(p->keys), 0700);
    assert_true(is_there(p, "2026-11-27"));
    assert_false(is_there(p, "unmade.new"));
}

static void one_holder_follows_from_day_to_day(void **state)
{
    struct place *p = *state;
    struct denied_seal_key a = need(p, DAY), b = need(p, DAY + 1);
    const struct denied_seal_key *k;
    struct refusal_keys *r = refusal_keys_new(p->journal);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(refusal_keys_find(&k, r, p->why, DAY + i % 2), KZ_OK);
        assert_memory_equal(k, i % 2 == 0 ? &a : &b, sizeof(a));
    }
    assert_int_equal(refusal_keys_find(&k, r, p->why, DAY + 2), KZ_EMPTY);
    assert_int_equal(refusal_keys_find(&k, r, p->why, DAY), KZ_OK);
    assert_memory_equal(k, &a, sizeof(a));
    refusal_keys_free(r);
}

/* What a kill left does no harm; what was wiped is made anew, and is another. */
static void what_was_not_whole_is_made_anew(void **state)
{
    struct place *p = *state;
    char path[128];
    static const uint8_t zeros[40];
    struct denied_seal_key a = need(p, DAY);
    snprintf(path, sizeof(path), "%s/unmade.new", p->keys);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_int_equal(write(fd, "half", 4), 4);
    close(fd);
    snprintf(path, sizeof(path), "%s/2026-11-26", p->keys);
    fd = open(path, O_WRONLY);
    assert_int_equal(write(fd, zeros, 40), 40);
    close(fd);
    assert_int_equal(find(&a, p, DAY), KZ_EMPTY);
    struct denied_seal_key b = need(p, DAY);
    assert_memory_not_equal(a.id, b.id, sizeof(a.id));
    assert_false(is_there(p, "unmade.new"));
}

static void a_place_that_cannot_be_used_is_said(void **state)
{
    struct place *p = *state;
    const struct denied_seal_key *k = NULL;
    struct refusal_keys *r = refusal_keys_new(p->journal);
    int fd = open(p->keys, O_CREAT | O_WRONLY, 0600); /* a file where the folder goes */
    close(fd);
    assert_int_equal(refusal_keys_need(&k, r, p->why, DAY), KZ_IO);
    assert_non_null(strstr(p->why, REFUSAL_KEYS_FOLDER));
    assert_int_equal(unlink(p->keys), 0);
    assert_int_equal(mkdir(p->keys, 0750), 0);
    assert_int_equal(chmod(p->keys, 0750), 0);
    assert_int_equal(refusal_keys_need(&k, r, p->why, DAY), KZ_RANGE);
    assert_non_null(strstr(p->why, "chmod 700"));
    assert_null(k);
    assert_int_equal(chmod(p->keys, 0700), 0);
    assert_int_equal(refusal_keys_need(&k, r, p->why, DAY), KZ_OK);
    refusal_keys_free(r);
}

static bool is_before(void *ctx, int64_t day)
{
    const int64_t *first = ctx;
    return day < *first;
}

static void keys_of_days_that_are_over_are_destroyed_and_no_others(void **state)
{
    struct place *p = *state;
    const struct denied_seal_key *k;
    struct denied_seal_key found;
    struct refusal_keys *r = refusal_keys_new(p->journal);
    int64_t first = DAY, day = -1, sum = 0;
    assert_int_equal(refusal_keys_destroy_one(r, &day, p->why, is_before, &first),
                     KZ_EMPTY);
    for (int64_t d = DAY - 3; d <= DAY + 1; d++)
        assert_int_equal(refusal_keys_need(&k, r, p->why, d), KZ_OK);
    char path[128];
    snprintf(path, sizeof(path), "%s/1999-12-31.txt", p->keys);
    close(open(path, O_CREAT | O_WRONLY, 0600)); /* nobody's key */
    for (int i = 0; i < 3; i++) {
        assert_int_equal(refusal_keys_destroy_one(r, &day, p->why, is_before, &first),
                         KZ_OK);
        sum += DAY - day;
    }
    assert_int_equal(sum, 1 + 2 + 3);
    assert_int_equal(refusal_keys_destroy_one(r, &day, p->why, is_before, &first),
                     KZ_EMPTY);
    for (int64_t d = DAY - 3; d <= DAY + 1; d++)
        assert_int_equal(find(&found, p, d), d < DAY ? KZ_EMPTY : KZ_OK);
    assert_true(is_there(p, "1999-12-31.txt"));
    first = DAY + 2; /* the one it has in memory, too */
    assert_int_equal(refusal_keys_find(&k, r, p->why, DAY), KZ_OK);
    for (int i = 0; i < 2; i++)
        assert_int_equal(refusal_keys_destroy_one(r, &day, p->why, is_before, &first),
                         KZ_OK);
    assert_int_equal(refusal_keys_find(&k, r, p->why, DAY), KZ_EMPTY);
    refusal_keys_free(r);
}

/* Ten of each, so that some of one kind are listed before some of the other. */
static void one_that_cannot_be_destroyed_hinders_no_other(void **state)
{
    struct place *p = *state;
    int64_t first = DAY + 10, day = -1;
    char path[128];
    for (int i = 0; i < 10; i++) {
        need(p, DAY + i);
        snprintf(path, sizeof(path), "%s/2026-11-1%d", p->keys, i);
        assert_int_equal(mkdir(path, 0700), 0); /* a folder is no key */
    }
    struct refusal_keys *r = refusal_keys_new(p->journal);
    for (int i = 0; i < 10; i++)
        assert_int_equal(refusal_keys_destroy_one(r, &day, p->why, is_before, &first),
                         KZ_OK);
    assert_true(day >= DAY);
    assert_int_equal(refusal_keys_destroy_one(r, &day, p->why, is_before, &first),
                     KZ_IO);
    assert_non_null(strstr(p->why, "2026-11-1"));
    refusal_keys_free(r);
    for (int i = 0; i < 10; i++) {
        snprintf(path, sizeof(path), "%s/2026-11-1%d", p->keys, i);
        rmdir(path);
    }
}

#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_sealed_opens_under_its_key_and_shows_nothing_without),
        cmocka_unit_test(another_key_or_day_is_told_apart),
        cmocka_unit_test(each_byte_counts),
        cmocka_unit_test(what_was_sealed_wrongly_is_refused),
        FILE_TEST(a_key_is_made_once_a_day_and_found_again),
        FILE_TEST(one_holder_follows_from_day_to_day),
        FILE_TEST(what_was_not_whole_is_made_anew),
        FILE_TEST(a_place_that_cannot_be_used_is_said),
        FILE_TEST(keys_of_days_that_are_over_are_destroyed_and_no_others),
        FILE_TEST(one_that_cannot_be_destroyed_hinders_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
