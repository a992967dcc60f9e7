/* Packages of reports: whole or not there; and no byte of one changes unseen. */
#include "pool/report/package_verify.h"

#include "conf/mem.h"

#include <dirent.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "package_fixture.h"

struct bed {
    struct package_bed p;
    char parent[64], dir[128];
    struct hash256 hash;
    char why[PACKAGE_WHY_SIZE];
};

static enum kz_err write_it(struct bed *b)
{
    return package_write(&b->hash, b->why, &b->p.plan);
}

static int make_empty(void **state)
{
    struct bed *b = calloc(1, sizeof(*b));
    package_bed_open(&b->p);
    snprintf(b->parent, sizeof(b->parent), "/tmp/kariz-package-XXXXXX");
    if (mkdtemp(b->parent) == NULL)
        return -1;
    snprintf(b->dir, sizeof(b->dir), "%s/2026-10", b->parent);
    b->p.plan.dir = b->dir;
    *state = b;
    return 0;
}

static int make_written(void **state)
{
    if (make_empty(state) != 0)
        return -1;
    struct bed *b = *state;
    if (write_it(b) != KZ_OK)
        fail_msg("%s", b->why);
    return 0;
}

static void remove_all(const char *path)
{
    DIR *dir = opendir(path);
    if (dir == NULL) {
        unlink(path);
        return;
    }
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        char inside[PATH_MAX];
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        snprintf(inside, sizeof(inside), "%s/%s", path, e->d_name);
        remove_all(inside);
    }
    closedir(dir);
    rmdir(path);
}

static int free_bed(void **state)
{
    struct bed *b = *state;
    package_bed_close(&b->p);
    remove_all(b->parent);
    free(b);
    return 0;
}

static enum kz_err verify(struct bed *b, const uint8_t *key)
{
    struct manifest *m = NULL;
    enum kz_err err = package_verify(&m, b->why, b->dir, b->p.context, key);
    manifest_free(m);
    return err;
}

static void must_verify(struct bed *b)
{
    if (verify(b, NULL) != KZ_OK)
        fail_msg("%s", b->why);
}

static void path_in(char path[PATH_MAX], const struct bed *b, const char *name)
{
    snprintf(path, PATH_MAX, "%s/%s", b->dir, name);
}

/* Refused, and the text begins with the file's name and has `what` in it. */
static void is_refused(struct bed *b, const char *name, const char *what)
{
    if (verify(b, NULL) == KZ_OK)
        fail_msg("%s: not found", name);
    if (strncmp(b->why, name, strlen(name)) != 0 || strstr(b->why, what) == NULL)
        fail_msg("%s, %s: said \"%s\"", name, what, b->why);
}

static size_t count_entries(const char *path)
{
    size_t count = 0;
    DIR *dir = opendir(path);
    assert_non_null(dir);
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count - 2;
}

/* --- writing -------------------------------------------------------------------------- */

static void a_package_verifies_and_has_every_form(void **state)
{
    struct bed *b = *state;
    struct manifest *m = NULL;
    if (package_verify(&m, b->why, b->dir, b->p.context, NULL) != KZ_OK)
        fail_msg("%s", b->why);
    /* json, csv, xml and three languages of four reports; the schema, how to verify. */
    assert_int_equal(m->file_count, FIXTURE_REPORTS * 6 + 2);
    assert_int_equal(count_entries(b->dir), m->file_count + 2);
    assert_int_equal(count_entries(b->parent), 1); /* nothing left over */
    assert_int_equal(m->facts.language_count, 3);
    assert_string_equal(m->facts.languages[0], "tk");
    assert_int_equal(m->reports[0].rows, 62);
    assert_int_equal(m->reports[3].rows, 0);
    manifest_free(m);
}

static void what_is_there_is_never_written_over(void **state)
{
    struct bed *b = *state;
    assert_int_equal(write_it(b), KZ_RANGE);
    assert_non_null(strstr(b->why, "is there already"));
    must_verify(b);
    assert_int_equal(count_entries(b->parent), 1);
}

static void not_even_an_empty_directory_is_taken(void **state)
{
    struct bed *b = *state;
    assert_int_equal(mkdir(b->dir, 0700), 0);
    assert_int_equal(write_it(b), KZ_RANGE);
    assert_int_equal(count_entries(b->dir), 0);
}

static void where_it_cannot_be_made_nothing_is_left(void **state)
{
    struct bed *b = *state;
    b->p.plan.dir = "/nowhere/at/all";
    assert_int_equal(write_it(b), KZ_IO);
    assert_non_null(strstr(b->why, "/nowhere/at/all"));
    b->p.plan.dir = "";
    assert_int_equal(write_it(b), KZ_RANGE);
    b->p.plan.dir = b->dir;
    static const uint8_t zero[PRIVATE_KEY_SIZE] = {0};
    b->p.plan.key = zero;
    assert_int_equal(write_it(b), KZ_RANGE);
    assert_int_equal(count_entries(b->parent), 0);
}

static void reports_that_do_not_agree_are_not_signed(void **state)
{
    struct bed *b = *state;
    put_entry(b->p.reports[1], 0, 5, "credit", 7);
    assert_int_equal(write_it(b), KZ_RANGE);
    assert_non_null(strstr(b->why, "alty-derya"));
    assert_non_null(strstr(b->why, "-7 satoshi"));
    assert_int_equal(count_entries(b->parent), 0);
}

static void a_report_of_another_period_or_level_is_not_taken(void **state)
{
    struct bed *b = *state;
    assert_int_equal(period_parse(&b->p.facts.period, "2026-09", 300), KZ_OK);
    assert_int_equal(write_it(b), KZ_RANGE);
    assert_non_null(strstr(b->why, "R4"));
    b->p.facts = fixture_facts();
    b->p.facts.profile.verified = true;
    assert_int_equal(write_it(b), KZ_RANGE);
    b->p.facts = fixture_facts();
    b->p.facts.disclosure = DISCLOSURE_REGULATOR;
    assert_int_equal(write_it(b), KZ_RANGE);
    assert_int_equal(count_entries(b->parent), 0);
}

static void full_disclosure_needs_a_written_request(void **state)
{
    struct bed *b = *state;
    b->p.facts.request = NULL;
    assert_int_equal(write_it(b), KZ_RANGE);
    assert_non_null(strstr(b->why, "written request"));
    assert_int_equal(count_entries(b->parent), 0);
}

/* Nothing is said any more; what was is named by its hash. */
static void a_cancellation_may_have_no_reports(void **state)
{
    struct bed *b = *state;
    struct manifest *m = NULL;
    struct hash256 earlier = b->hash;
    snprintf(b->dir, sizeof(b->dir), "%s/cancelled", b->parent);
    b->p.facts.status = MANIFEST_CANCELLATION;
    b->p.facts.corrects = &earlier;
    b->p.facts.previous = &earlier;
    b->p.plan.report_count = 0;
    if (write_it(b) != KZ_OK)
        fail_msg("%s", b->why);
    assert_int_equal(package_verify(&m, b->why, b->dir, b->p.context, NULL), KZ_OK);
    assert_true(hash256_equal(m->facts.corrects, &earlier));
    assert_int_equal(m->report_count, 0);
    manifest_free(m);
}

static void the_same_reports_make_the_same_manifest(void **state)
{
    struct bed *b = *state;
    struct hash256 first = b->hash;
    snprintf(b->dir, sizeof(b->dir), "%s/again", b->parent);
    assert_int_equal(write_it(b), KZ_OK);
    assert_true(hash256_equal(&first, &b->hash));
}

/* For a comparison: the same manifest, by the public half alone. */
static void without_a_key_nothing_signs_it(void **state)
{
    struct bed *b = *state;
    struct hash256 first = b->hash;
    uint8_t point[PUBKEY_SIZE];
    assert_int_equal(sign_public_key(point, b->p.context, fixture_key), KZ_OK);
    snprintf(b->dir, sizeof(b->dir), "%s/again", b->parent);
    b->p.plan.key = NULL;
    b->p.plan.public_key = point + 1;
    assert_int_equal(write_it(b), KZ_OK);
    assert_true(hash256_equal(&first, &b->hash));
    is_refused(b, "manifest.sig", "No such file");
}

static void it_tells_in_each_language_how_to_verify(void **state)
{
    struct bed *b = *state;
    char path[PATH_MAX], text[8192];
    path_in(path, b, "README.txt");
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
    fclose(f);
    assert_non_null(strstr(text, "How to verify"));
    assert_non_null(strstr(text, "Как проверить"));
    assert_non_null(strstr(text, "nähili barlamaly"));
}

/* --- verifying ------------------------------------------------------------------------ */

static void flip(const char *path, long at)
{
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    fseek(f, at, SEEK_SET);
    int c = fgetc(f);
    fseek(f, at, SEEK_SET);
    fputc(c ^ 1, f);
    fclose(f);
}

static long size_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return (long)st.st_size;
}

/* Of each file the first byte, the last and some between; most of the manifest. */
static void a_flipped_byte_is_found_and_its_file_named(void **state)
{
    struct bed *b = *state;
    DIR *dir = opendir(b->dir);
    size_t flips = 0;
    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        char path[PATH_MAX];
        if (e->d_name[0] == '.')
            continue;
        path_in(path, b, e->d_name);
        long size = size_of(path);
        bool is_manifest = strcmp(e->d_name, MANIFEST_FILE) == 0;
        long samples = is_manifest ? 200 : 8;
        for (long i = 0; i <= samples; i++) {
            long at = (size - 1) * i / samples;
            flip(path, at);
            /* What changes in the manifest shows in itself or in its signature. */
            if (verify(b, NULL) == KZ_OK)
                fail_msg("%s: byte %ld not found", e->d_name, at);
            if (strstr(b->why, e->d_name) == NULL)
                fail_msg("%s: byte %ld: said \"%s\"", e->d_name, at, b->why);
            flip(path, at);
            flips++;
        }
    }
    closedir(dir);
    assert_true(flips > 200);
    must_verify(b);
}

static void a_file_cut_short_or_longer_is_named_with_its_size(void **state)
{
    struct bed *b = *state;
    char path[PATH_MAX];
    path_in(path, b, "R5.csv");
    FILE *f = fopen(path, "ab");
    assert_non_null(f);
    fputc('\n', f);
    fclose(f);
    is_refused(b, "R5.csv", "bytes, the manifest says");
    assert_int_equal(truncate(path, size_of(path) - 1), 0);
    must_verify(b);
    assert_int_equal(truncate(path, 0), 0);
    is_refused(b, "R5.csv", "has 0 bytes");
}

static void a_file_that_is_missing_or_too_much_is_named(void **state)
{
    struct bed *b = *state;
    char path[PATH_MAX], away[PATH_MAX];
    static const char *const names[] = {"R4.json", "report.xsd", "R6.tk.html",
                                        MANIFEST_FILE, MANIFEST_SIGNATURE_IN};
    snprintf(away, sizeof(away), "%s/away", b->parent);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        path_in(path, b, names[i]);
        assert_int_equal(rename(path, away), 0);
        is_refused(b, names[i], "No such file");
        assert_int_equal(rename(away, path), 0);
    }
    path_in(path, b, "notes.txt");
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
    is_refused(b, "notes.txt", "not in the manifest's list");
    unlink(path);
    path_in(path, b, "folder");
    assert_int_equal(mkdir(path, 0700), 0);
    is_refused(b, "folder", "not in the manifest's list");
}

static void a_link_is_no_file_of_a_package(void **state)
{
    struct bed *b = *state;
    char path[PATH_MAX], away[PATH_MAX];
    path_in(path, b, "R4.xml");
    snprintf(away, sizeof(away), "%s/away.xml", b->parent);
    assert_int_equal(rename(path, away), 0);
    assert_int_equal(symlink(away, path), 0); /* the right bytes, elsewhere */
    is_refused(b, "R4.xml", "no regular file");
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    is_refused(b, "R4.xml", "no regular file");
}

static void the_key_on_paper_must_be_the_manifests(void **state)
{
    struct bed *b = *state;
    uint8_t point[PUBKEY_SIZE];
    assert_int_equal(sign_public_key(point, b->p.context, fixture_key), KZ_OK);
    assert_int_equal(verify(b, point + 1), KZ_OK);
    point[32] ^= 1;
    assert_int_equal(verify(b, point + 1), KZ_RANGE);
    assert_non_null(strstr(b->why, "not the one that was given"));
}

static void no_directory_is_no_package(void **state)
{
    struct bed *b = *state;
    assert_int_equal(verify(b, NULL), KZ_IO);
    assert_non_null(strstr(b->why, MANIFEST_FILE));
}

/* --- signed, but not of one piece ----------------------------------------------------- */

static void read_text(char **text, size_t *len, const char *path)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    *len = (size_t)size_of(path);
    *text = mem_new(*len + 1);
    assert_int_equal(fread(*text, 1, *len, f), *len);
    fclose(f);
}

static void write_text(const char *path, const char *text, size_t len)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    fclose(f);
}

/* Signs the package anew with one report's rows, or one file's report, told otherwise. */
static void sign_changed(struct bed *b, uint64_t rows, const char *drop)
{
    struct manifest *m = NULL;
    char path[PATH_MAX], *text = NULL, *made = NULL, signature[MANIFEST_SIGNATURE + 1];
    size_t len = 0, kept = 0;
    uint8_t aux[32] = {0};
    path_in(path, b, MANIFEST_FILE);
    read_text(&text, &len, path);
    struct bytes bytes = {(const uint8_t *)text, len};
    assert_int_equal(manifest_parse(&m, b->why, bytes), KZ_OK);
    struct manifest changed = *m;
    struct manifest_report reports[FIXTURE_REPORTS];
    struct manifest_file files[64];
    memcpy(reports, m->reports, sizeof(reports));
    reports[0].rows = rows;
    for (size_t i = 0; i < m->file_count; i++)
        if (drop == NULL || strcmp(m->files[i].name, drop) != 0)
            files[kept++] = m->files[i];
    changed.reports = reports;
    changed.files = files;
    changed.file_count = kept;
    mem_free(text);
    assert_int_equal(manifest_format(&made, &len, &changed), KZ_OK);
    bytes = (struct bytes){(const uint8_t *)made, len};
    assert_int_equal(manifest_sign(signature, b->p.context, bytes, fixture_key, aux),
                     KZ_OK);
    write_text(path, made, len);
    path_in(path, b, MANIFEST_SIGNATURE_IN);
    write_text(path, signature, MANIFEST_SIGNATURE);
    mem_free(made);
    manifest_free(m);
}

static void forms_with_other_rows_than_the_manifest_says_are_named(void **state)
{
    struct bed *b = *state;
    sign_changed(b, 61, NULL);
    is_refused(b, "R4.csv", "has 62 rows, the manifest says 61");
    sign_changed(b, 62, NULL);
    must_verify(b);
}

static void a_report_without_its_master_is_none(void **state)
{
    struct bed *b = *state;
    char path[PATH_MAX];
    sign_changed(b, 62, "R4.json");
    path_in(path, b, "R4.json");
    assert_int_equal(unlink(path), 0);
    is_refused(b, "R4.json", "but its report is");
}

/* --- by a program that is not ours ----------------------------------------------------- */

/* What tests/report_verify says; 0: fine. */
static int python_verify(const struct bed *b, const char *key)
{
    pid_t child = fork();
    if (child == 0) {
        if (freopen("/dev/null", "w", stdout) != NULL)
            execlp("python3", "python3", "tests/report_verify", b->dir, key,
                   (char *)NULL);
        _exit(127);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void an_independent_program_finds_the_same(void **state)
{
    struct bed *b = *state;
    uint8_t point[PUBKEY_SIZE];
    char key[2 * XONLY_SIZE + 1], path[PATH_MAX];
    static const char *const names[] = {"manifest.json", "manifest.sig", "R4.json",
                                        "R5.csv",        "R6.xml",       "R8.ru.html",
                                        "report.xsd",    "README.txt"};
    assert_int_equal(sign_public_key(point, b->p.context, fixture_key), KZ_OK);
    hex_encode(key, point + 1, XONLY_SIZE);
    int status = python_verify(b, key);
    if (status == 127)
        skip();
    assert_int_equal(status, 0);
    assert_int_equal(python_verify(b, NULL), 0);
    key[0] = key[0] == '0' ? '1' : '0';
    assert_int_equal(python_verify(b, key), 1);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        path_in(path, b, names[i]);
        flip(path, size_of(path) / 2);
        if (python_verify(b, NULL) != 1)
            fail_msg("%s", names[i]);
        flip(path, size_of(path) / 2);
    }
    path_in(path, b, "extra");
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(python_verify(b, NULL), 1);
    assert_int_equal(rmdir(path), 0);
    sign_changed(b, 61, NULL);
    assert_int_equal(python_verify(b, NULL), 1);
}

int main(void)
{
#define EMPTY(test)   cmocka_unit_test_setup_teardown(test, make_empty, free_bed)
#define WRITTEN(test) cmocka_unit_test_setup_teardown(test, make_written, free_bed)
    const struct CMUnitTest tests[] = {
        WRITTEN(a_package_verifies_and_has_every_form),
        WRITTEN(what_is_there_is_never_written_over),
        EMPTY(not_even_an_empty_directory_is_taken),
        EMPTY(where_it_cannot_be_made_nothing_is_left),
        EMPTY(reports_that_do_not_agree_are_not_signed),
        EMPTY(a_report_of_another_period_or_level_is_not_taken),
        EMPTY(full_disclosure_needs_a_written_request),
        WRITTEN(a_cancellation_may_have_no_reports),
        WRITTEN(the_same_reports_make_the_same_manifest),
        WRITTEN(without_a_key_nothing_signs_it),
        WRITTEN(it_tells_in_each_language_how_to_verify),
        WRITTEN(a_flipped_byte_is_found_and_its_file_named),
        WRITTEN(a_file_cut_short_or_longer_is_named_with_its_size),
        WRITTEN(a_file_that_is_missing_or_too_much_is_named),
        WRITTEN(a_link_is_no_file_of_a_package),
        WRITTEN(the_key_on_paper_must_be_the_manifests),
        EMPTY(no_directory_is_no_package),
        WRITTEN(forms_with_other_rows_than_the_manifest_says_are_named),
        WRITTEN(a_report_without_its_master_is_none),
        WRITTEN(an_independent_program_finds_the_same),
    };
    return cmocka_run_group_tests_name("package", tests, NULL, NULL);
}
