/* What is due, and what is taken for it; packages that others name. */
#include "pool/report/make.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "pool/registry/profile.h"
#include "pool/report/languages.h"
#include "pool/report/package_look.h"
#include "tests/unit/package_fixture.h"

static void ids_are(const enum report_id *ids, size_t count, const char *expected)
{
    char text[128] = "";
    for (size_t i = 0; i < count; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
                 i > 0 ? "," : "", report_kind_of(ids[i])->name);
    assert_string_equal(text, expected);
}

static struct profile monthly(void)
{
    struct profile p = {.code = "TM"};
    for (int i = 0; i < PROFILE_REPORTS; i++)
        p.reports[i] = PROFILE_MONTH;
    p.reports[PROFILE_R3_EQUIPMENT] = PROFILE_QUARTER;
    p.reports[PROFILE_R5_DISTRIBUTIONS] = PROFILE_DAY;
    p.reports[PROFILE_R1_REGISTRY] = PROFILE_ON_DEMAND;
    return p;
}

static void due_is_what_the_profile_asks_for_such_a_period(void **state)
{
    (void)state;
    static const struct {
        enum period_kind kind;
        enum disclosure level;
        const char *ids;
    } rows[] = {
        {PERIOD_MONTH, DISCLOSURE_REGULATOR, "R2,R4,R4-blocks,R6,R7,R8,R9,R9-blocks"},
        {PERIOD_QUARTER, DISCLOSURE_REGULATOR, "R3"},
        {PERIOD_DAY, DISCLOSURE_FULL, "R5"},
        {PERIOD_YEAR, DISCLOSURE_REGULATOR, ""},
        {PERIOD_MONTH, DISCLOSURE_PUBLIC, "R6"},
        {PERIOD_ON_DEMAND, DISCLOSURE_REGULATOR,
         "R1,R2,R3,R4,R4-blocks,R5,R6,R7,R8,R9,R9-blocks"},
        {PERIOD_ON_DEMAND, DISCLOSURE_PUBLIC, "R6"},
    };
    const struct profile p = monthly();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum report_id ids[REPORT_IDS];
        size_t count = make_due(ids, &p, rows[i].kind, rows[i].level);
        ids_are(ids, count, rows[i].ids);
    }
}

static void names_are_taken_once_and_in_order(void **state)
{
    (void)state;
    enum report_id ids[REPORT_IDS];
    size_t count = 0;
    assert_int_equal(make_ids_parse(ids, &count, "R9-blocks,R1,R4,R1"), KZ_OK);
    ids_are(ids, count, "R1,R4,R9-blocks");
}

static void names_of_no_report_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",       ",",      "R11",
        "R1,,R2", "R1 ,R2", "r1",
        "R1;R2",  "R10",    "R4-blocks-and-much-more-than-fits"};
    enum report_id ids[REPORT_IDS];
    size_t count = 77;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        if (make_ids_parse(ids, &count, wrong[i]) != KZ_PARSE)
            fail_msg("\"%s\" is taken", wrong[i]);
    assert_int_equal(count, 77);
}

/* --- packages that others name --------------------------------------------------------- */

struct scene {
    struct package_bed bed;
    char folder[64], package[96];
    struct hash256 hash;
};

/* A folder of files, with folders of files in it. */
static void empty(const char *path)
{
    DIR *d = opendir(path);
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        char sub[512];
        if (e->d_name[0] == '.')
            continue;
        snprintf(sub, sizeof(sub), "%s/%s", path, e->d_name);
        if (unlink(sub) != 0)
            empty(sub);
    }
    if (d != NULL)
        closedir(d);
    rmdir(path);
}

static int set_up(void **state)
{
    struct scene *s = calloc(1, sizeof(*s));
    char why[PACKAGE_WHY_SIZE];
    snprintf(s->folder, sizeof(s->folder), "/tmp/kariz-test-look-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    snprintf(s->package, sizeof(s->package), "%s/one", s->folder);
    package_bed_open(&s->bed);
    s->bed.plan.dir = s->package;
    assert_int_equal(package_write(&s->hash, why, &s->bed.plan), KZ_OK);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *s = *state;
    empty(s->folder);
    package_bed_close(&s->bed);
    free(s);
    return 0;
}

static void a_look_gives_the_hash_that_was_signed(void **state)
{
    struct scene *s = *state;
    struct package_look l;
    char why[PACKAGE_WHY_SIZE];
    assert_int_equal(package_look(&l, why, s->package, s->bed.context), KZ_OK);
    assert_memory_equal(l.hash.b, s->hash.b, 32);
    assert_true(l.is_signed);
    assert_string_equal(l.manifest->facts.request, "01-17/204");
    package_look_clear(&l);
}

static void another_signature_is_seen(void **state)
{
    struct scene *s = *state;
    struct package_look l;
    char why[PACKAGE_WHY_SIZE], path[128];
    snprintf(path, sizeof(path), "%s/" MANIFEST_SIGNATURE_IN, s->package);
    FILE *f = fopen(path, "r+");
    assert_non_null(f);
    int first = fgetc(f);
    rewind(f);
    fputc(first == '0' ? '1' : '0', f);
    fclose(f);
    assert_int_equal(package_look(&l, why, s->package, s->bed.context), KZ_OK);
    assert_false(l.is_signed);
    package_look_clear(&l);
}

static void what_is_no_package_is_refused_with_its_name(void **state)
{
    struct scene *s = *state;
    struct package_look l;
    char why[PACKAGE_WHY_SIZE], path[128];
    assert_int_equal(package_look(&l, why, s->folder, s->bed.context), KZ_IO);
    assert_non_null(strstr(why, s->folder));
    snprintf(path, sizeof(path), "%s/" MANIFEST_FILE, s->package);
    FILE *f = fopen(path, "a");
    assert_non_null(f);
    fputs(" ", f);
    fclose(f);
    assert_int_equal(package_look(&l, why, s->package, s->bed.context), KZ_PARSE);
    assert_non_null(strstr(why, MANIFEST_FILE));
}

static void a_profiles_languages_all_need_their_catalogue(void **state)
{
    (void)state;
    struct languages w;
    char why[CATALOGUE_WHY_SIZE];
    struct profile p = {.languages = {3, {"tk", "ru", "en"}}};
    assert_int_equal(languages_load(&w, why, "conf/catalogues", &p), KZ_OK);
    assert_int_equal(w.count, 3);
    assert_string_equal(catalogue_language(w.catalogues[1]), "ru");
    languages_clear(&w);
    p.languages.items[1] = "fr";
    assert_int_equal(languages_load(&w, why, "conf/catalogues", &p), KZ_IO);
    assert_non_null(strstr(why, "fr.json"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(due_is_what_the_profile_asks_for_such_a_period),
        cmocka_unit_test(names_are_taken_once_and_in_order),
        cmocka_unit_test(names_of_no_report_are_refused),
        TEST(a_look_gives_the_hash_that_was_signed),
        TEST(another_signature_is_seen),
        TEST(what_is_no_package_is_refused_with_its_name),
        cmocka_unit_test(a_profiles_languages_all_need_their_catalogue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
