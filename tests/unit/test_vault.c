/* The vault: what it keeps, what it refuses, and that it is old or new after any end. */
#include "pool/audit/vault.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "pool/audit/commit.h"
#include "pool/canon.h"

static const struct miner_id alice = {"alice"}, bob = {"bob"};

struct bed {
    char base[64], folder[80];
    struct vault_place place;
    struct vault *v;
};

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *f)
{
    (void)st;
    (void)flag;
    (void)f;
    return remove(path);
}

static void must_open(struct bed *b)
{
    char why[VAULT_WHY_SIZE] = "";
    if (vault_open(&b->v, why, &b->place) != KZ_OK)
        fail_msg("%s", why);
}

static void reopen(struct bed *b)
{
    vault_close(b->v);
    b->v = NULL;
    must_open(b);
}

static int make_bed(void **state)
{
    struct bed *b = calloc(1, sizeof(*b));
    char why[VAULT_WHY_SIZE] = "";
    snprintf(b->base, sizeof(b->base), "/tmp/kariz-vault-XXXXXX");
    if (mkdtemp(b->base) == NULL)
        return -1;
    snprintf(b->folder, sizeof(b->folder), "%s/vault", b->base);
    b->place.folder = b->folder;
    *state = b;
    if (vault_create(why, &b->place) != KZ_OK)
        return -1;
    must_open(b);
    return 0;
}

static int free_bed(void **state)
{
    struct bed *b = *state;
    vault_close(b->v);
    nftw(b->base, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(b);
    return 0;
}

static const char *path_of(const struct bed *b, const char *name)
{
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s", b->folder, name);
    return path;
}

static json_t *values_of(const char *name, int year)
{
    char date[16];
    snprintf(date, sizeof(date), "%d-05-17", year);
    return json_pack("{s:{s:s, s:s}, s:s}", "representative", "name", name, "phone",
                     "+99365123456", "birth_date", date);
}

/* Takes `values`; the commitments are the caller's. */
static json_t *must_put(struct bed *b, const struct miner_id *miner, json_t *values)
{
    char why[VAULT_WHY_SIZE] = "";
    json_t *commitments = NULL;
    if (vault_put(&commitments, why, b->v, miner, values) != KZ_OK)
        fail_msg("%s", why);
    json_decref(values);
    return commitments;
}

static json_t *must_get(struct bed *b, const struct miner_id *miner)
{
    char why[VAULT_WHY_SIZE] = "";
    json_t *got = NULL;
    if (vault_get(&got, why, b->v, miner) != KZ_OK)
        fail_msg("%s", why);
    return got;
}

/* Values without their salts. */
static json_t *plain_of(const json_t *got)
{
    const char *field;
    json_t *member, *out = json_object();
    json_object_foreach((json_t *)got, field, member)
    {
        json_object_set(out, field, json_object_get(member, "value"));
    }
    return out;
}

static void expect_values(struct bed *b, const struct miner_id *miner, json_t *values)
{
    json_t *got = must_get(b, miner), *plain = plain_of(got);
    assert_true(json_equal(plain, values));
    json_decref(plain);
    json_decref(got);
    json_decref(values);
}

static void expect_opens(const json_t *got, const json_t *commitments)
{
    const char *field;
    json_t *member;
    assert_int_equal(json_object_size(got), json_object_size(commitments));
    json_object_foreach((json_t *)got, field, member)
    {
        struct hash256 h;
        uint8_t salt[COMMIT_SALT_SIZE];
        const char *salt_hex = json_string_value(json_object_get(member, "salt"));
        const char *hex = json_string_value(json_object_get(commitments, field));
        assert_non_null(hex);
        assert_int_equal(hex_decode(salt, sizeof(salt), salt_hex, strlen(salt_hex)),
                         KZ_OK);
        assert_int_equal(hex_decode(h.b, sizeof(h.b), hex, strlen(hex)), KZ_OK);
        assert_true(commit_opens(&h, salt, json_object_get(member, "value")));
    }
}

static size_t count_problems(struct bed *b, const char *says)
{
    char why[VAULT_WHY_SIZE] = "";
    json_t *problems = NULL;
    if (vault_check(&problems, why, b->v) != KZ_OK)
        fail_msg("%s", why);
    size_t count = json_array_size(problems), found = 0;
    for (size_t i = 0; i < count; i++) {
        const char *line = json_string_value(json_array_get(problems, i));
        if (says == NULL)
            print_message("problem: %s\n", line);
        found += says == NULL || strstr(line, says) != NULL;
    }
    json_decref(problems);
    return found;
}

/* --- keeping ---------------------------------------------------------------------- */

static void what_was_put_in_comes_out_and_opens_its_commitments(void **state)
{
    struct bed *b = *state;
    json_t *commitments = must_put(b, &alice, values_of("Oraz", 1990));
    for (int i = 0; i < 2; i++) {
        json_t *got = must_get(b, &alice);
        expect_opens(got, commitments);
        json_decref(got);
        expect_values(b, &alice, values_of("Oraz", 1990));
        reopen(b);
    }
    assert_int_equal(count_problems(b, NULL), 0);
    json_decref(commitments);
}

static void what_did_not_change_keeps_its_salt(void **state)
{
    struct bed *b = *state;
    json_t *first = must_put(b, &alice, values_of("Oraz", 1990));
    json_t *second = must_put(b, &alice, values_of("Oraz", 1991));
    assert_true(json_equal(json_object_get(first, "representative"),
                           json_object_get(second, "representative")));
    assert_false(json_equal(json_object_get(first, "birth_date"),
                            json_object_get(second, "birth_date")));
    json_t *again = must_put(b, &alice, values_of("Oraz", 1991));
    assert_true(json_equal(second, again));
    json_decref(first);
    json_decref(second);
    json_decref(again);
}

static void one_value_at_two_miners_has_two_commitments(void **state)
{
    struct bed *b = *state;
    json_t *one = must_put(b, &alice, values_of("Oraz", 1990));
    json_t *other = must_put(b, &bob, values_of("Oraz", 1990));
    assert_false(json_equal(json_object_get(one, "birth_date"),
                            json_object_get(other, "birth_date")));
    json_decref(one);
    json_decref(other);
}

static void a_field_not_given_any_more_is_dropped(void **state)
{
    struct bed *b = *state;
    json_decref(must_put(b, &alice, values_of("Oraz", 1990)));
    json_decref(must_put(b, &alice, json_pack("{s:s}", "birth_date", "1990-05-17")));
    expect_values(b, &alice, json_pack("{s:s}", "birth_date", "1990-05-17"));
    json_decref(must_put(b, &alice, json_object()));
    expect_values(b, &alice, json_object());
}

static void a_miner_without_values_has_none(void **state)
{
    struct bed *b = *state;
    char why[VAULT_WHY_SIZE] = "";
    json_t *got = NULL;
    assert_int_equal(vault_get(&got, why, b->v, &alice), KZ_EMPTY);
    assert_non_null(strstr(why, "data/alice is not there"));
    assert_null(got);
}

static void what_cannot_be_kept_is_refused_and_not_repeated(void **state)
{
    struct bed *b = *state;
    const char *const wrong[][2] = {
        {"[]", "values: must be an object"},
        {"{\"Birth date\":\"secret\"}", "a field's name"},
        {"{\"\":\"secret\"}", "a field's name"},
        {"{\"birth_date\":null}", "birth_date: null"},
        {"{\"share\":0.5,\"birth_date\":\"secret\"}", "share: has no canonical form"},
        {"{\"share\":9007199254740992}", "share: has no canonical form"},
    };
    json_decref(must_put(b, &alice, values_of("Oraz", 1990)));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char why[VAULT_WHY_SIZE] = "";
        json_t *values = json_loads(wrong[i][0], 0, NULL), *commitments = NULL;
        assert_int_equal(vault_put(&commitments, why, b->v, &alice, values), KZ_RANGE);
        if (strstr(why, wrong[i][1]) == NULL || strstr(why, "secret") != NULL)
            fail_msg("%s", why);
        assert_null(commitments);
        json_decref(values);
    }
    expect_values(b, &alice, values_of("Oraz", 1990));
}

static void values_have_a_limit(void **state)
{
    struct bed *b = *state;
    char why[VAULT_WHY_SIZE] = "", *text = calloc(1, VAULT_VALUES_MAX + 1);
    json_t *commitments = NULL;
    memset(text, 'x', VAULT_VALUES_MAX);
    json_t *values = json_pack("{s:s}", "note", text);
    assert_int_equal(vault_put(&commitments, why, b->v, &alice, values), KZ_RANGE);
    assert_non_null(strstr(why, "above 131072 bytes"));
    json_decref(values);
    text[VAULT_VALUES_MAX - 200] = '\0';
    json_decref(must_put(b, &alice, json_pack("{s:s}", "note", text)));
    reopen(b);
    expect_values(b, &alice, json_pack("{s:s}", "note", text));
    free(text);
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

static void files_are_their_owners_alone_and_say_nothing(void **state)
{
    struct bed *b = *state;
    static char text[8192];
    struct stat st;
    const char *const files[] = {"master.key", "keys/alice", "data/alice"};
    const char *const folders[] = {"", "keys", "data", "erased"};
    json_decref(must_put(b, &alice, values_of("Oraz", 1990)));
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(stat(path_of(b, files[i]), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        read_whole(path_of(b, files[i]), text, sizeof(text));
        assert_null(strstr(text, "Oraz"));
        assert_null(strstr(text, "birth_date"));
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(stat(path_of(b, folders[i]), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
    }
}

static void ids_are_listed_in_order(void **state)
{
    struct bed *b = *state;
    char why[VAULT_WHY_SIZE] = "";
    const struct miner_id carol = {"carol"};
    json_t *ids = NULL, *expected = json_pack("[s, s]", "alice", "carol");
    json_decref(must_put(b, &carol, values_of("Oraz", 1990)));
    json_decref(must_put(b, &bob, values_of("Oraz", 1990)));
    json_decref(must_put(b, &alice, values_of("Oraz", 1990)));
    assert_int_equal(vault_erase(b->v, why, &bob), KZ_OK);
    assert_int_equal(vault_list(&ids, why, b->v), KZ_OK);
    assert_true(json_equal(ids, expected));
    json_decref(ids);
    json_decref(expected);
}

/* --- settling --------------------------------------------------------------------- */

static void must_settle(struct bed *b, const json_t *commitments)
{
    char why[VAULT_WHY_SIZE] = "";
    if (vault_agrees(b->v, why, &alice, commitments) != KZ_OK ||
        vault_settle(b->v, why, &alice, commitments) != KZ_OK)
        fail_msg("%s", why);
}

static void expect_disagrees(struct bed *b, const json_t *commitments, enum kz_err err,
                             const char *says)
{
    char why[VAULT_WHY_SIZE] = "";
    assert_int_equal(vault_agrees(b->v, why, &alice, commitments), err);
    assert_int_equal(vault_settle(b->v, why, &alice, commitments), err);
    if (strstr(why, says) == NULL)
        fail_msg("'%s' where '%s' was expected", why, says);
}

/* The power went after the vault had the change and before the record had it. */
static void a_change_that_never_reached_the_record_is_taken_back(void **state)
{
    struct bed *b = *state;
    json_t *old = must_put(b, &alice, values_of("Oraz", 1990));
    must_settle(b, old);
    json_t *new = must_put(b, &alice, json_pack("{s:s}", "bank_details", "TM01"));
    reopen(b);
    must_settle(b, old);
    expect_values(b, &alice, values_of("Oraz", 1990));
    expect_disagrees(b, new, KZ_RANGE, "alice: bank_details: nothing kept opens");
    json_decref(old);
    json_decref(new);
}

static void a_change_that_reached_the_record_drops_what_was(void **state)
{
    struct bed *b = *state;
    json_t *old = must_put(b, &alice, values_of("Oraz", 1990));
    json_t *new = must_put(b, &alice, values_of("Oraz", 1991));
    assert_int_equal(count_problems(b, NULL), 0);
    must_settle(b, new);
    must_settle(b, new);
    expect_values(b, &alice, values_of("Oraz", 1991));
    expect_disagrees(b, old, KZ_RANGE, "birth_date: nothing kept opens");
    expect_values(b, &alice, values_of("Oraz", 1991));
    json_decref(old);
    json_decref(new);
}

static void a_change_tried_again_has_the_same_commitments(void **state)
{
    struct bed *b = *state;
    json_t *old = must_put(b, &alice, values_of("Oraz", 1990));
    json_t *new = must_put(b, &alice, values_of("Berdi", 1991));
    json_t *back = must_put(b, &alice, values_of("Oraz", 1990));
    json_t *again = must_put(b, &alice, values_of("Berdi", 1991));
    assert_true(json_equal(old, back));
    assert_true(json_equal(new, again));
    json_decref(old);
    json_decref(new);
    json_decref(back);
    json_decref(again);
}

static void changes_never_settled_have_a_limit(void **state)
{
    struct bed *b = *state;
    char why[VAULT_WHY_SIZE] = "";
    json_t *last = NULL, *more = NULL;
    for (int i = 0; i < VAULT_VERSIONS_MAX; i++) {
        json_decref(last);
        last = must_put(b, &alice, values_of("Oraz", 1990 + i));
    }
    json_t *values = values_of("Oraz", 2020);
    assert_int_equal(vault_put(&more, why, b->v, &alice, values), KZ_BUSY);
    assert_null(more);
    must_settle(b, last);
    json_decref(must_put(b, &alice, values));
    json_decref(last);
}

static void commitments_of_another_form_settle_nothing(void **state)
{
    struct bed *b = *state;
    const char *const wrong[] = {"{\"birth_date\":null}", "{\"birth_date\":\"00\"}",
                                 "{\"birth_date\":7}"};
    json_decref(must_put(b, &alice, values_of("Oraz", 1990)));
    for (size_t i = 0; i < 3; i++) {
        json_t *commitments = json_loads(wrong[i], 0, NULL);
        expect_disagrees(b, commitments, KZ_RANGE, "no commitment of 64 hex digits");
        json_decref(commitments);
    }
    expect_values(b, &alice, values_of("Oraz", 1990));
}

static void nothing_kept_agrees_with_nothing_committed(void **state)
{
    struct bed *b = *state;
    json_t *none = json_object();
    must_settle(b, none);
    json_t *some = json_pack("{s:s}", "birth_date", "00");
    expect_disagrees(b, some, KZ_EMPTY, "not there");
    json_decref(none);
    json_decref(some);
}

/* --- forgetting ------------------------------------------------------------------- */

static void an_erased_miner_is_forgotten_for_good(void **state)
{
    struct bed *b = *state;
    char why[VAULT_WHY_SIZE] = "";
    json_t *got = NULL, *values = values_of("Oraz", 1990);
    json_decref(must_put(b, &alice, values_of("Oraz", 1990)));
    json_decref(must_put(b, &bob, values_of("Berdi", 1985)));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(vault_erase(b->v, why, &alice), KZ_OK);
        assert_int_equal(vault_get(&got, why, b->v, &alice), KZ_EMPTY);
        assert_string_equal(why, "alice: erased");
        assert_int_equal(vault_put(&got, why, b->v, &alice, values), KZ_RANGE);
        assert_non_null(strstr(why, "erased"));
        assert_int_equal(access(path_of(b, "keys/alice"), F_OK), -1);
        assert_int_equal(access(path_of(b, "data/alice"), F_OK), -1);
        assert_int_equal(count_problems(b, NULL), 0);
        reopen(b);
    }
    expect_values(b, &bob, values_of("Berdi", 1985));
    json_decref(values);
}

static void an_erased_keys_bytes_are_written_over(void **state)
{
    struct bed *b = *state;
    char why[VAULT_WHY_SIZE] = "", bytes[512];
    json_decref(must_put(b, &alice, values_of("Oraz", 1990)));
    int fd = open(path_of(b, "keys/alice"), O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(vault_erase(b->v, why, &alice), KZ_OK);
    ssize_t n = read(fd, bytes, sizeof(bytes));
    assert_true(n > 64);
    for (ssize_t i = 0; i < n; i++)
        assert_int_equal(bytes[i], 0);
    close(fd);
}

static void what_is_replaced_is_written_over(void **state)
{
    struct bed *b = *state;
    char bytes[4096];
    json_decref(must_put(b, &alice, values_of("Oraz", 1990)));
    int fd = open(path_of(b, "data/alice"), O_RDONLY);
    assert_true(fd >= 0);
    json_decref(must_put(b, &alice, values_of("Oraz", 1991)));
    ssize_t n = read(fd, bytes, sizeof(bytes));
    assert_true(n > 64);
    for (ssize_t i = 0; i < n; i++)
        assert_int_equal(bytes[i], 0);
    close(fd);
}

static void a_miner_that_never_was_is_erased_too(void **state)
{
    struct bed *b = *state;
    char why[VAULT_WHY_SIZE] = "";
    json_t *got = NULL;
    assert_int_equal(vault_erase(b->v, why, &alice), KZ_OK);
    assert_int_equal(vault_get(&got, why, b->v, &alice), KZ_EMPTY);
    assert_string_equal(why, "alice: erased");
}

/* A copy of the old files comes back from somewhere. */
static void what_comes_back_after_erasing_is_not_given_out(void **state)
{
    struct bed *b = *state;
    static char key[4096], data[8192];
    char why[VAULT_WHY_SIZE] = "";
    json_t *got = NULL;
    json_decref(must_put(b, &alice, values_of("Oraz", 1990)));
    size_t key_len = read_whole(path_of(b, "keys/alice"), key, sizeof(key));
    size_t data_len = read_whole(path_of(b, "data/alice"), data, sizeof(data));
    assert_int_equal(vault_erase(b->v, why, &alice), KZ_OK);
    write_whole(path_of(b, "keys/alice"), key, key_len);
    write_whole(path_of(b, "data/alice"), data, data_len);
    assert_int_equal(vault_get(&got, why, b->v, &alice), KZ_EMPTY);
    assert_int_equal(count_problems(b, "though erased"), 2);
    reopen(b);
    assert_int_equal(access(path_of(b, "keys/alice"), F_OK), -1);
    assert_int_equal(count_problems(b, NULL), 0);
}

/* --- the master key --------------------------------------------------------------- */

static void all_is_there_under_a_new_master_key(void **state)
{
    struct bed *b = *state;
    char why[VAULT_WHY_SIZE] = "", before[128], after[128];
    json_t *commitments = must_put(b, &alice, values_of("Oraz", 1990));
    json_decref(must_put(b, &bob, values_of("Berdi", 1985)));
    read_whole(path_of(b, "master.key"), before, sizeof(before));
    int fd = open(path_of(b, "master.key"), O_RDONLY);
    if (vault_rotate_master(b->v, why) != KZ_OK)
        fail_msg("%s", why);
    read_whole(path_of(b, "master.key"), after, sizeof(after));
    assert_string_not_equal(before, after);
    for (int i = 0; i < 2; i++) {
        json_t *got = must_get(b, &alice);
        expect_opens(got, commitments);
        json_decref(got);
        expect_values(b, &bob, values_of("Berdi", 1985));
        assert_int_equal(count_problems(b, NULL), 0);
        reopen(b);
    }
    char zeros[65] = {0};
    assert_int_equal(read(fd, after, 65), 65);
    assert_memory_equal(after, zeros, 65);
    close(fd);
    vault_close(b->v);
    b->v = NULL;
    write_whole(path_of(b, "master.key"), before, strlen(before));
    must_open(b);
    assert_int_equal(count_problems(b, "sealed with another master key"), 2);
    json_decref(commitments);
}

static void put_hex(const char *folder, const char *name, char digit)
{
    char path[160], text[66];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    memset(text, digit, 64);
    text[64] = '\n';
    write_whole(path, text, 65);
}

static void a_credential_is_the_master_key_and_another_the_next(void **state)
{
    struct bed *b = *state;
    char folder[96], why[VAULT_WHY_SIZE] = "";
    struct bed other = {.place = {folder, "kariz-vault"}};
    snprintf(folder, sizeof(folder), "%s/second", b->base);
    snprintf(other.folder, sizeof(other.folder), "%s", folder);
    setenv("CREDENTIALS_DIRECTORY", b->base, 1);
    assert_int_equal(vault_create(why, &other.place), KZ_OK);
    assert_int_equal(access(path_of(&other, "master.key"), F_OK), -1);
    assert_int_equal(vault_open(&other.v, why, &other.place), KZ_RANGE);
    assert_non_null(strstr(why, "kariz-vault: there is no such credential"));
    put_hex(b->base, "kariz-vault", 'a');
    must_open(&other);
    json_decref(must_put(&other, &alice, values_of("Oraz", 1990)));
    assert_int_equal(vault_rotate_master(other.v, why), KZ_EMPTY);
    assert_non_null(strstr(why, "kariz-vault-next"));
    put_hex(b->base, "kariz-vault-next", 'b');
    reopen(&other);
    assert_int_equal(vault_rotate_master(other.v, why), KZ_OK);
    assert_int_equal(count_problems(&other, "rotation was not finished"), 1);
    put_hex(b->base, "kariz-vault", 'b'); /* as the operator does then */
    snprintf(folder, sizeof(folder), "%s/kariz-vault-next", b->base);
    assert_int_equal(unlink(folder), 0);
    snprintf(folder, sizeof(folder), "%s/second", b->base);
    reopen(&other);
    expect_values(&other, &alice, values_of("Oraz", 1990));
    assert_int_equal(count_problems(&other, NULL), 0);
    vault_close(other.v);
    unsetenv("CREDENTIALS_DIRECTORY");
}

/* --- refusing --------------------------------------------------------------------- */

static void expect_not_opened(struct bed *b, enum kz_err err, const char *says)
{
    char why[VAULT_WHY_SIZE] = "";
    struct vault *v = NULL;
    vault_close(b->v);
    b->v = NULL;
    enum kz_err found = vault_open(&v, why, &b->place);
    if (found != err || strstr(why, says) == NULL)
        fail_msg("%d '%s' where '%s' was expected", (int)found, why, says);
    assert_null(v);
}

static void a_vault_is_open_once(void **state)
{
    struct bed *b = *state;
    struct vault *v = NULL;
    char why[VAULT_WHY_SIZE] = "";
    assert_int_equal(vault_open(&v, why, &b->place), KZ_BUSY);
    assert_int_equal(vault_create(why, &b->place), KZ_BUSY);
    assert_null(v);
    reopen(b);
}

static void a_vault_is_made_once(void **state)
{
    struct bed *b = *state;
    char why[VAULT_WHY_SIZE] = "", before[128], after[128];
    read_whole(path_of(b, "master.key"), before, sizeof(before));
    vault_close(b->v);
    b->v = NULL;
    assert_int_equal(vault_create(why, &b->place), KZ_RANGE);
    assert_non_null(strstr(why, "already"));
    read_whole(path_of(b, "master.key"), after, sizeof(after));
    assert_string_equal(before, after);
}

static void a_place_without_a_vault_has_none(void **state)
{
    struct bed *b = *state;
    struct bed other = {.place = {b->base, NULL}};
    expect_not_opened(&other, KZ_EMPTY, "no vault");
    other.place.folder = "/tmp/kariz-vault-none/at/all";
    expect_not_opened(&other, KZ_EMPTY, "there is no vault");
}

static void folders_open_to_others_are_refused(void **state)
{
    struct bed *b = *state;
    const char *const folders[] = {"", "keys", "data", "erased"};
    const mode_t modes[] = {0701, 0710, 0720, 0750, 0755, 0777};
    for (size_t i = 0; i < 4; i++) {
        for (size_t m = 0; m < 6; m++) {
            assert_int_equal(chmod(path_of(b, folders[i]), modes[m]), 0);
            expect_not_opened(b, KZ_RANGE, "chmod 700");
        }
        assert_int_equal(chmod(path_of(b, folders[i]), 0700), 0);
    }
    must_open(b);
}

static void a_master_key_open_to_others_is_refused(void **state)
{
    struct bed *b = *state;
    const mode_t modes[] = {0640, 0620, 0604, 0602, 0644};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(chmod(path_of(b, "master.key"), modes[i]), 0);
        expect_not_opened(b, KZ_RANGE, "master.key may be read or written by others");
    }
    assert_int_equal(chmod(path_of(b, "master.key"), 0400), 0);
    must_open(b);
    if (geteuid() != 0)
        return;
    assert_int_equal(chown(path_of(b, "master.key"), 65534, 65534), 0);
    expect_not_opened(b, KZ_RANGE, "master.key is another user's");
    assert_int_equal(chown(path_of(b, "master.key"), 0, 0), 0);
    assert_int_equal(chown(path_of(b, "data"), 65534, 65534), 0);
    expect_not_opened(b, KZ_RANGE, "data is another user's");
}

static void a_master_key_of_another_form_is_refused(void **state)
{
    struct bed *b = *state;
    const char *const wrong[] = {
        "", "\n", "00",
        "zz00000000000000000000000000000000000000000000000000000"
        "000000000",
        "00000000000000000000000000000000000000000000000000000000"
        "0000000\n"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        vault_close(b->v);
        b->v = NULL;
        write_whole(path_of(b, "master.key"), wrong[i], strlen(wrong[i]));
        expect_not_opened(b, KZ_RANGE, "no key of 64 hex digits");
    }
    assert_int_equal(unlink(path_of(b, "master.key")), 0);
    expect_not_opened(b, KZ_RANGE, "master.key is not there");
    char why[VAULT_WHY_SIZE] = "";
    assert_int_equal(vault_create(why, &b->place), KZ_RANGE);
    assert_int_equal(rmdir(path_of(b, "data")), 0); /* nor as if it was only begun */
    assert_int_equal(vault_create(why, &b->place), KZ_RANGE);
    assert_non_null(strstr(why, "lost its master key"));
    assert_int_equal(access(path_of(b, "master.key"), F_OK), -1);
}

static void a_missing_folder_is_named(void **state)
{
    struct bed *b = *state;
    assert_int_equal(rmdir(path_of(b, "erased")), 0);
    expect_not_opened(b, KZ_RANGE, "no folder erased");
}

static void every_changed_byte_of_a_file_is_found(void **state)
{
    struct bed *b = *state;
    static char text[8192];
    const char *const files[] = {"keys/alice", "data/alice"};
    json_decref(must_put(b, &alice, json_pack("{s:s}", "birth_date", "1990-05-17")));
    for (size_t f = 0; f < 2; f++) {
        size_t len = read_whole(path_of(b, files[f]), text, sizeof(text));
        for (size_t i = 0; i < len; i++) {
            char why[VAULT_WHY_SIZE] = "";
            json_t *got = NULL;
            text[i] = (char)(text[i] ^ 1);
            write_whole(path_of(b, files[f]), text, len);
            if (vault_get(&got, why, b->v, &alice) != KZ_RANGE)
                fail_msg("%s byte %zu: %s", files[f], i, why);
            assert_null(got);
            assert_non_null(strstr(why, files[f]));
            text[i] = (char)(text[i] ^ 1);
        }
        for (size_t n = 0; n < len; n += 7) {
            write_whole(path_of(b, files[f]), text, n);
            assert_int_equal(count_problems(b, files[f]), 1);
        }
        write_whole(path_of(b, files[f]), text, len);
    }
    assert_int_equal(count_problems(b, NULL), 0);
}

static void copy_file(const struct bed *b, const char *from, const char *to)
{
    static char text[8192];
    size_t len = read_whole(path_of(b, from), text, sizeof(text));
    write_whole(path_of(b, to), text, len);
    assert_int_equal(chmod(path_of(b, to), 0600), 0);
}

static void one_miners_files_cannot_stand_for_anothers(void **state)
{
    struct bed *b = *state;
    json_decref(must_put(b, &alice, values_of("Oraz", 1990)));
    json_decref(must_put(b, &bob, values_of("Berdi", 1985)));
    copy_file(b, "data/alice", "data/bob");
    assert_int_equal(count_problems(b, "data/bob is another file's"), 1);
    copy_file(b, "keys/alice", "keys/bob");
    copy_file(b, "keys/alice", "data/alice");
    assert_int_equal(count_problems(b, "data/alice is another file's"), 1);
}

/* Renamed inside as well: what is sealed knows better. */
static void a_files_open_members_cannot_be_changed(void **state)
{
    struct bed *b = *state;
    static char text[8192];
    const char *const changes[][2] = {{"\"miner\":\"alice\"", "\"miner\":\"adele\""},
                                      {"\"version\":1", "\"version\":2"}};
    const struct miner_id adele = {"adele"};
    json_decref(must_put(b, &alice, values_of("Oraz", 1990)));
    json_decref(must_put(b, &adele, values_of("Berdi", 1985)));
    for (size_t i = 0; i < 2; i++) {
        const char *to = i == 0 ? "data/adele" : "data/alice";
        copy_file(b, "keys/alice", "keys/adele");
        size_t len = read_whole(path_of(b, "data/alice"), text, sizeof(text));
        char *at = strstr(text, changes[i][0]);
        assert_non_null(at);
        memcpy(at, changes[i][1], strlen(changes[i][1]));
        write_whole(path_of(b, to), text, len);
        assert_true(count_problems(b, i == 0 ? "keys/adele is another"
                                             : "data/alice does "
                                               "not open") == 1);
    }
}

static void problems_are_named_one_by_one(void **state)
{
    struct bed *b = *state;
    const struct miner_id carol = {"carol"}, dave = {"dave"};
    json_decref(must_put(b, &alice, values_of("Oraz", 1990)));
    json_decref(must_put(b, &bob, values_of("Oraz", 1990)));
    json_decref(must_put(b, &carol, values_of("Oraz", 1990)));
    json_decref(must_put(b, &dave, values_of("Oraz", 1990)));
    assert_int_equal(chmod(path_of(b, "data/alice"), 0644), 0);
    assert_int_equal(unlink(path_of(b, "keys/bob")), 0);
    assert_int_equal(unlink(path_of(b, "data/carol")), 0);
    write_whole(path_of(b, "data/Stranger"), "", 0);
    write_whole(path_of(b, "keys/\xff\x1b"), "", 0);
    assert_int_equal(unlink(path_of(b, "data/dave")), 0);
    assert_int_equal(mkfifo(path_of(b, "data/dave"), 0600), 0);
    assert_int_equal(count_problems(b, "data/alice may be read"), 1);
    assert_int_equal(count_problems(b, "data/bob has lost its key"), 1);
    assert_int_equal(count_problems(b, "keys/carol has no values"), 1);
    assert_int_equal(count_problems(b, "data/Stranger is no file"), 1);
    assert_int_equal(count_problems(b, "data/dave is not a regular file"), 1);
    assert_int_equal(count_problems(b, NULL), 6);
}

/* --- ended anywhere --------------------------------------------------------------- */

/* What the child does, with the vault opened by itself: keys are zeros after a fork. */
typedef enum kz_err deed_fn(struct vault *v, char why[VAULT_WHY_SIZE]);

static enum kz_err put_first(struct vault *v, char why[VAULT_WHY_SIZE])
{
    json_t *commitments = NULL, *values = values_of("Oraz", 1990);
    return vault_put(&commitments, why, v, &alice, values);
}

static enum kz_err put_second(struct vault *v, char why[VAULT_WHY_SIZE])
{
    json_t *commitments = NULL, *values = values_of("Berdi", 1991);
    return vault_put(&commitments, why, v, &alice, values);
}

/* Exit status 0 KZ_OK, 1 KZ_IO; else another. */
static int do_in_child(struct bed *b, deed_fn *deed, const char *fault, rlim_t file_max)
{
    int status = 0;
    vault_close(b->v);
    b->v = NULL;
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char why[VAULT_WHY_SIZE] = "";
        if (fault != NULL)
            setenv("KARIZ_FAULT", fault, 1);
        if (vault_open(&b->v, why, &b->place) != KZ_OK)
            _exit(3);
        if (file_max != RLIM_INFINITY) {
            signal(SIGXFSZ, SIG_IGN);
            setrlimit(RLIMIT_FSIZE, &(struct rlimit){file_max, file_max});
        }
        enum kz_err err = deed(b->v, why);
        _exit(err == KZ_OK ? 0 : err == KZ_IO ? 1 : 2);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void a_full_disk_leaves_what_was(void **state)
{
    struct bed *b = *state;
    const rlim_t sizes[] = {0, 1, 100, 500};
    for (size_t i = 0; i < 4; i++) {
        int status = do_in_child(b, put_first, NULL, sizes[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
        must_open(b);
        char why[VAULT_WHY_SIZE] = "";
        json_t *got = NULL;
        assert_int_equal(vault_get(&got, why, b->v, &alice), KZ_EMPTY);
    }
    json_decref(must_put(b, &alice, values_of("Oraz", 1990)));
    for (size_t i = 0; i < 4; i++) {
        int status = do_in_child(b, put_second, NULL, sizes[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
        must_open(b);
        expect_values(b, &alice, values_of("Oraz", 1990));
        assert_int_equal(count_problems(b, NULL), 0);
        status = do_in_child(b, vault_rotate_master, NULL, sizes[i] / 8);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
        must_open(b);
        expect_values(b, &alice, values_of("Oraz", 1990));
    }
    char why[VAULT_WHY_SIZE] = "";
    assert_int_equal(vault_rotate_master(b->v, why), KZ_OK);
    assert_int_equal(count_problems(b, NULL), 0);
}

#ifdef KARIZ_FAULTS

static enum kz_err erase(struct vault *v, char why[VAULT_WHY_SIZE])
{
    return vault_erase(v, why, &alice);
}

static const char *const points[] = {
    "vault_replace_begins", "vault_replace_written", "vault_renamed",
    "vault_folder_synced",  "vault_key_made",        "vault_erase_marked",
    "vault_key_destroyed",  "vault_next_made",       "vault_rewrapped",
    "vault_all_rewrapped",  "vault_create_folder",
};

/* Kills `deed` at each passing of each point, with `prepare` before and `judge` after.
 * Returns how often. */
static size_t kill_everywhere(struct bed *b, deed_fn *deed,
                              void (*prepare)(struct bed *b),
                              void (*judge)(struct bed *b))
{
    size_t kills = 0;
    for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
        for (int n = 1;; n++) {
            char fault[64];
            snprintf(fault, sizeof(fault), "%s:%d", points[i], n);
            prepare(b);
            int status = do_in_child(b, deed, fault, RLIM_INFINITY);
            must_open(b);
            judge(b);
            if (WIFEXITED(status)) {
                assert_int_equal(WEXITSTATUS(status), 0);
                break;
            }
            assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
            kills++;
        }
    }
    return kills;
}

static void make_anew(struct bed *b)
{
    char why[VAULT_WHY_SIZE] = "";
    vault_close(b->v);
    b->v = NULL;
    nftw(b->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    assert_int_equal(vault_create(why, &b->place), KZ_OK);
    must_open(b);
}

static void make_with_values(struct bed *b)
{
    make_anew(b);
    json_decref(must_put(b, &alice, values_of("Oraz", 1990)));
    json_decref(must_put(b, &bob, values_of("Bob", 1985)));
}

static void judge_first(struct bed *b)
{
    char why[VAULT_WHY_SIZE] = "";
    json_t *got = NULL;
    enum kz_err err = vault_get(&got, why, b->v, &alice);
    if (err == KZ_OK)
        expect_values(b, &alice, values_of("Oraz", 1990));
    else
        assert_int_equal(err, KZ_EMPTY);
    json_decref(got);
    json_decref(must_put(b, &alice, values_of("Oraz", 1990)));
    assert_int_equal(count_problems(b, NULL), 0);
}

static void a_killed_first_change_is_there_or_not(void **state)
{
    assert_true(kill_everywhere(*state, put_first, make_anew, judge_first) >= 9);
}

static void judge_second(struct bed *b)
{
    json_t *got = must_get(b, &alice), *plain = plain_of(got);
    json_t *old = values_of("Oraz", 1990), *new = values_of("Berdi", 1991);
    assert_true(json_equal(plain, old) || json_equal(plain, new));
    assert_int_equal(count_problems(b, NULL), 0);
    expect_values(b, &bob, values_of("Bob", 1985));
    json_decref(must_put(b, &alice, new));
    json_decref(old);
    json_decref(plain);
    json_decref(got);
}

static void a_killed_change_leaves_the_old_or_the_new(void **state)
{
    assert_true(kill_everywhere(*state, put_second, make_with_values, judge_second) >=
                4);
}

static void judge_erase(struct bed *b)
{
    char why[VAULT_WHY_SIZE] = "";
    json_t *got = NULL;
    /* Its first step is its last to fail: all points are behind the mark. */
    assert_int_equal(vault_get(&got, why, b->v, &alice), KZ_EMPTY);
    assert_int_equal(access(path_of(b, "keys/alice"), F_OK), -1);
    assert_int_equal(access(path_of(b, "data/alice"), F_OK), -1);
    assert_int_equal(count_problems(b, NULL), 0);
    assert_int_equal(vault_erase(b->v, why, &alice), KZ_OK);
    expect_values(b, &bob, values_of("Bob", 1985));
}

static void a_killed_erasing_is_finished(void **state)
{
    assert_true(kill_everywhere(*state, erase, make_with_values, judge_erase) >= 2);
}

static void judge_rotation(struct bed *b)
{
    char why[VAULT_WHY_SIZE] = "";
    for (int i = 0; i < 2; i++) {
        expect_values(b, &alice, values_of("Oraz", 1990));
        expect_values(b, &bob, values_of("Bob", 1985));
        assert_int_equal(vault_rotate_master(b->v, why), KZ_OK);
    }
    assert_int_equal(count_problems(b, NULL), 0);
}

static void a_killed_rotation_loses_nothing_and_goes_on(void **state)
{
    assert_true(kill_everywhere(*state, vault_rotate_master, make_with_values,
                                judge_rotation) >= 15);
}

static void a_killed_making_is_made_again(void **state)
{
    struct bed *b = *state;
    size_t kills = 0;
    for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
        for (int n = 1, status = -1; status != 0; n++) {
            char fault[64], why[VAULT_WHY_SIZE] = "";
            snprintf(fault, sizeof(fault), "%s:%d", points[i], n);
            vault_close(b->v);
            b->v = NULL;
            nftw(b->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
            pid_t pid = fork();
            if (pid == 0) {
                setenv("KARIZ_FAULT", fault, 1);
                _exit(vault_create(why, &b->place) == KZ_OK ? 0 : 1);
            }
            assert_int_equal(waitpid(pid, &status, 0), pid);
            if (status != 0) {
                assert_true(WIFSIGNALED(status));
                kills++;
                enum kz_err err = vault_open(&b->v, why, &b->place);
                assert_true(err == KZ_EMPTY || err == KZ_OK);
                if (err == KZ_EMPTY && vault_create(why, &b->place) != KZ_OK)
                    fail_msg("%s: %s", fault, why);
            }
            reopen(b);
            json_decref(must_put(b, &alice, values_of("Oraz", 1990)));
        }
    }
    assert_true(kills >= 7);
}

#endif

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_bed, free_bed)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_put_in_comes_out_and_opens_its_commitments),
        TEST(what_did_not_change_keeps_its_salt),
        TEST(one_value_at_two_miners_has_two_commitments),
        TEST(a_field_not_given_any_more_is_dropped),
        TEST(a_miner_without_values_has_none),
        TEST(what_cannot_be_kept_is_refused_and_not_repeated),
        TEST(values_have_a_limit),
        TEST(files_are_their_owners_alone_and_say_nothing),
        TEST(ids_are_listed_in_order),
        TEST(a_change_that_never_reached_the_record_is_taken_back),
        TEST(a_change_that_reached_the_record_drops_what_was),
        TEST(a_change_tried_again_has_the_same_commitments),
        TEST(changes_never_settled_have_a_limit),
        TEST(commitments_of_another_form_settle_nothing),
        TEST(nothing_kept_agrees_with_nothing_committed),
        TEST(an_erased_miner_is_forgotten_for_good),
        TEST(an_erased_keys_bytes_are_written_over),
        TEST(what_is_replaced_is_written_over),
        TEST(a_miner_that_never_was_is_erased_too),
        TEST(what_comes_back_after_erasing_is_not_given_out),
        TEST(all_is_there_under_a_new_master_key),
        TEST(a_credential_is_the_master_key_and_another_the_next),
        TEST(a_vault_is_open_once),
        TEST(a_vault_is_made_once),
        TEST(a_place_without_a_vault_has_none),
        TEST(folders_open_to_others_are_refused),
        TEST(a_master_key_open_to_others_is_refused),
        TEST(a_master_key_of_another_form_is_refused),
        TEST(a_missing_folder_is_named),
        TEST(every_changed_byte_of_a_file_is_found),
        TEST(one_miners_files_cannot_stand_for_anothers),
        TEST(a_files_open_members_cannot_be_changed),
        TEST(problems_are_named_one_by_one),
        TEST(a_full_disk_leaves_what_was),
#ifdef KARIZ_FAULTS
        TEST(a_killed_first_change_is_there_or_not),
        TEST(a_killed_change_leaves_the_old_or_the_new),
        TEST(a_killed_erasing_is_finished),
        TEST(a_killed_rotation_loses_nothing_and_goes_on),
        TEST(a_killed_making_is_made_again),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
