/* Two packages, and what differs between them. */
#include "pool/report/compare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define FILES 3

static const char *const names[FILES] = {"R4.csv", "R4.json", "README.txt"};
static const char report[] = "{\"generated_at\":\"x\",\"rows\":[{\"a\":1,\"b\":2},"
                             "{\"a\":3,\"b\":4}],\"totals\":[{\"b\":6}]}";
static const char manifest[] =
    "{\"audit\":[{\"seq\":7}],\"files\":[1],\"reports\":[1]}";

struct bed {
    char dir[2][64];
    struct manifest_file files[FILES];
    struct manifest lists[2];
    char why[PACKAGE_WHY_SIZE];
};

static void path_of(char path[128], const struct bed *b, int which, const char *name)
{
    snprintf(path, 128, "%s/%s", b->dir[which], name);
}

static void put(const struct bed *b, int which, const char *name, const char *text)
{
    char path[128];
    path_of(path, b, which, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    fclose(f);
}

static void drop(const struct bed *b, int which, const char *name)
{
    char path[128];
    path_of(path, b, which, name);
    unlink(path);
}

static int set_up(void **state)
{
    struct bed *b = calloc(1, sizeof(*b));
    for (size_t i = 0; i < FILES; i++)
        b->files[i].name = names[i];
    for (int which = 0; which < 2; which++) {
        snprintf(b->dir[which], sizeof(b->dir[which]), "/tmp/kariz-compare-XXXXXX");
        assert_non_null(mkdtemp(b->dir[which]));
        b->lists[which] = (struct manifest){.files = b->files, .file_count = FILES};
        put(b, which, "R4.csv", "a;b\r\n1;2\r\n");
        put(b, which, "R4.json", report);
        put(b, which, "README.txt", "");
        put(b, which, MANIFEST_FILE, manifest);
    }
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bed *b = *state;
    for (int which = 0; which < 2; which++) {
        for (size_t i = 0; i < FILES; i++)
            drop(b, which, names[i]);
        drop(b, which, MANIFEST_FILE);
        rmdir(b->dir[which]);
    }
    free(b);
    return 0;
}

static json_t *compared(struct bed *b)
{
    json_t *found = json_array();
    enum kz_err err = compare_packages(found, b->why, b->dir[0], &b->lists[0],
                                       b->dir[1], &b->lists[1]);
    if (err != KZ_OK)
        fail_msg("%s", b->why);
    return found;
}

static const char *text_of(const json_t *difference, const char *member)
{
    const char *text = json_string_value(json_object_get(difference, member));
    return text != NULL ? text : "-";
}

/* The only one. */
static void expect_one(struct bed *b, const char *file, const char *place,
                       const char *package, const char *again)
{
    json_t *found = compared(b), *one = json_array_get(found, 0);
    assert_int_equal(json_array_size(found), 1);
    assert_string_equal(text_of(one, "file"), file);
    assert_string_equal(text_of(one, "place"), place);
    assert_string_equal(text_of(one, "package"), package);
    assert_string_equal(text_of(one, "again"), again);
    json_decref(found);
}

static void the_same_bytes_differ_nowhere(void **state)
{
    json_t *found = compared(*state);
    assert_int_equal(json_array_size(found), 0);
    json_decref(found);
}

static void a_cell_that_differs_is_named_by_row_and_column(void **state)
{
    static const struct {
        const char *text, *place, *package, *again;
    } rows[] = {
        {"{\"generated_at\":\"x\",\"rows\":[{\"a\":1,\"b\":2},{\"a\":3,\"b\":5}],"
         "\"totals\":[{\"b\":7}]}",
         "rows 2, b", "4", "5"},
        {"{\"generated_at\":\"y\",\"rows\":[{\"a\":1,\"b\":2},{\"a\":3,\"b\":4}],"
         "\"totals\":[{\"b\":6}]}",
         "generated_at", "\"x\"", "\"y\""},
        {"{\"generated_at\":\"x\",\"rows\":[{\"a\":1,\"b\":2}],\"totals\":[{\"b\":6}]}",
         "rows 2", "{\"a\":3,\"b\":4}", "-"},
        {"{\"generated_at\":\"x\",\"rows\":[{\"a\":1,\"b\":2},{\"a\":3,\"b\":4},"
         "{\"a\":5}],\"totals\":[{\"b\":6}]}",
         "rows 3", "-", "{\"a\":5}"},
        {"{\"generated_at\":\"x\",\"rows\":[{\"a\":1,\"b\":2},{\"a\":3,\"b\":4}]}",
         "totals", "[{\"b\":6}]", "-"},
        {"{\"generated_at\":\"x\",\"more\":1,\"rows\":[{\"a\":1,\"b\":2},{\"a\":3,"
         "\"b\":4}],\"totals\":[{\"b\":6}]}",
         "more", "-", "1"},
        {"{\"generated_at\":\"x\",\"rows\":[{\"a\":1,\"b\":2},{\"a\":3,\"b\":null}],"
         "\"totals\":[{\"b\":6}]}",
         "rows 2, b", "4", "null"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        put(*state, 1, "R4.json", rows[i].text);
        expect_one(*state, "R4.json", rows[i].place, rows[i].package, rows[i].again);
    }
    /* The same facts in other bytes. */
    char spaced[sizeof(report) + 2];
    snprintf(spaced, sizeof(spaced), "%s\n", report);
    put(*state, 1, "R4.json", spaced);
    snprintf(spaced, sizeof(spaced), "line 1, byte %zu", sizeof(report));
    expect_one(*state, "R4.json", spaced, "-", "-");
}

static void other_files_differ_at_a_line_and_a_byte(void **state)
{
    struct bed *b = *state;
    put(b, 1, "R4.csv", "a;b\r\n1;3\r\n");
    expect_one(b, "R4.csv", "line 2, byte 3", "-", "-");
    put(b, 1, "R4.csv", "a;b\r\n");
    expect_one(b, "R4.csv", "line 2, byte 1", "-", "-");
    put(b, 1, "R4.csv", "");
    expect_one(b, "R4.csv", "line 1, byte 1", "-", "-");
}

static void a_file_of_one_of_them_alone_is_named(void **state)
{
    struct bed *b = *state;
    b->lists[1].file_count = 2;
    expect_one(b, "README.txt", "", "there", "-");
    b->lists[1].file_count = 3;
    b->lists[0].file_count = 2;
    expect_one(b, "README.txt", "", "-", "there");
}

/* What its list of files says, the files said themselves. */
static void of_a_manifest_counts_what_no_file_shows(void **state)
{
    struct bed *b = *state;
    put(b, 1, MANIFEST_FILE, "{\"audit\":[{\"seq\":7}],\"files\":[2],\"reports\":[2]}");
    the_same_bytes_differ_nowhere(state);
    put(b, 1, MANIFEST_FILE, "{\"audit\":[{\"seq\":8}],\"files\":[2],\"reports\":[2]}");
    expect_one(b, MANIFEST_FILE, "audit 1, seq", "7", "8");
}

static void a_file_that_cannot_be_read_is_an_error(void **state)
{
    struct bed *b = *state;
    json_t *found = json_array();
    for (int which = 0; which < 2; which++) {
        drop(b, which, "R4.csv");
        assert_int_equal(compare_packages(found, b->why, b->dir[0], &b->lists[0],
                                          b->dir[1], &b->lists[1]),
                         KZ_IO);
        assert_string_equal(b->why, "R4.csv: No such file or directory");
        put(b, which, "R4.csv", "a;b\r\n1;2\r\n");
    }
    json_decref(found);
}

#define IN_BED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_BED(the_same_bytes_differ_nowhere),
        IN_BED(a_cell_that_differs_is_named_by_row_and_column),
        IN_BED(other_files_differ_at_a_line_and_a_byte),
        IN_BED(a_file_of_one_of_them_alone_is_named),
        IN_BED(of_a_manifest_counts_what_no_file_shows),
        IN_BED(a_file_that_cannot_be_read_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
