#include "pool/csv_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The rows as "[a|b]3[c]": a number behind the bracket is the line it begins at. */
static void expect(const char *text, const char *rows)
{
    struct csv_reader r;
    char all[512] = "";
    enum kz_err err;
    csv_reader_init(&r, text, strlen(text));
    while ((err = csv_reader_next(&r)) == KZ_OK) {
        for (size_t i = 0; i < r.count; i++)
            snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s",
                     i == 0 ? "[" : "|", r.cells[i]);
        snprintf(all + strlen(all), sizeof(all) - strlen(all), "]%zu", r.row_line);
    }
    if (err != KZ_EMPTY)
        snprintf(all + strlen(all), sizeof(all) - strlen(all), "!%s", r.why);
    csv_reader_clear(&r);
    assert_string_equal(all, rows);
}

static void rows_and_cells_are_read_as_they_were_written(void **state)
{
    (void)state;
    expect("", "");
    expect("\xef\xbb\xbf", "");
    expect("a", "[a]1");
    expect("a,b\r\nc,d\r\n", "[a|b]1[c|d]2");
    expect("a,b\nc,d", "[a|b]1[c|d]2");
    expect("\xef\xbb\xbf"
           "a;b\r\n1,5;2\r\n",
           "[a|b]1[1,5|2]2");
    expect("a,b;c", "[a|b;c]1");
    expect(",\n,", "[|]1[|]2");
    expect("a,\n", "[a|]1");
    expect("\n\r\n\na\n\n\nb\n\n", "[a]4[b]7");
    expect("\"a;b\",c", "[a;b|c]1");
    expect("\"a\"\"b\",\"\"\n\"\"\"\"", "[a\"b|]1[\"]2");
    expect("\"a\r\nb\",c\nd", "[a\r\nb|c]1[d]3");
    expect("a\rb", "[a\rb]1");
    expect(" a , b ", "[ a | b ]1");
}

static void the_apostrophe_before_a_formula_is_taken_off(void **state)
{
    (void)state;
    expect("'=1+1,'+7,'-7,'@x,\"'\tx\"", "[=1+1|+7|-7|@x|\tx]1");
    expect("'quoted',','a", "['quoted'|'|'a]1");
}

static void what_is_no_csv_is_refused_by_its_line(void **state)
{
    (void)state;
    expect("a\n\"b", "[a]1!line 2: nothing closes the quote of cell 1");
    expect("a\nb,\"c\nd\n", "[a]1!line 4: nothing closes the quote of cell 2");
    expect("\"a\"b", "!line 1: text behind the quotes of cell 1");
    expect("x,a\"b", "!line 1: a quote inside of cell 2");
}

static void a_zero_byte_is_refused(void **state)
{
    (void)state;
    struct csv_reader r;
    csv_reader_init(&r, "a\0b", 3);
    assert_int_equal(csv_reader_next(&r), KZ_PARSE);
    assert_int_equal(csv_reader_next(&r), KZ_PARSE);
    csv_reader_clear(&r);
}

static void cells_and_columns_are_bounded(void **state)
{
    char text[CSV_CELL_MAX + 2];
    struct csv_reader r;
    (void)state;
    memset(text, 'x', sizeof(text));
    csv_reader_init(&r, text, CSV_CELL_MAX);
    assert_int_equal(csv_reader_next(&r), KZ_OK);
    csv_reader_clear(&r);
    csv_reader_init(&r, text, CSV_CELL_MAX + 1);
    assert_int_equal(csv_reader_next(&r), KZ_RANGE);
    csv_reader_clear(&r);
    memset(text, ',', sizeof(text));
    csv_reader_init(&r, text, CSV_COLUMNS_MAX - 1);
    assert_int_equal(csv_reader_next(&r), KZ_OK);
    assert_int_equal(r.count, CSV_COLUMNS_MAX);
    csv_reader_clear(&r);
    csv_reader_init(&r, text, CSV_COLUMNS_MAX);
    assert_int_equal(csv_reader_next(&r), KZ_RANGE);
    csv_reader_clear(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_and_cells_are_read_as_they_were_written),
        cmocka_unit_test(the_apostrophe_before_a_formula_is_taken_off),
        cmocka_unit_test(what_is_no_csv_is_refused_by_its_line),
        cmocka_unit_test(a_zero_byte_is_refused),
        cmocka_unit_test(cells_and_columns_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
