/* Cells that no spreadsheet runs. */
#include "conf/mem.h"
#include "pool/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void is_cell(const char *text, const char *expected)
{
    char *cell = csv_cell(text);
    assert_string_equal(cell, expected);
    mem_free(cell);
}

static void plain_text_stays_and_special_text_is_quoted(void **state)
{
    (void)state;
    is_cell("", "");
    is_cell("block_accepted", "block_accepted");
    is_cell("a,b", "\"a,b\"");
    is_cell("say \"no\"", "\"say \"\"no\"\"\"");
    is_cell("two\r\nlines", "\"two\r\nlines\"");
    is_cell("1-2", "1-2");
    is_cell("käriz", "käriz");
}

static void what_is_quoted_depends_on_the_delimiter(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } rows[] = {{"a,b", "a,b"}, {"a;b", "\"a;b\""}, {"-1;2", "\"'-1;2\""}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *cell = csv_cell_between(rows[i].text, ';');
        assert_string_equal(cell, rows[i].expected);
        mem_free(cell);
    }
}

static void what_a_spreadsheet_would_run_is_text(void **state)
{
    (void)state;
    is_cell("=1+1", "'=1+1");
    is_cell("+1", "'+1");
    is_cell("-1", "'-1");
    is_cell("@SUM(A1)", "'@SUM(A1)");
    is_cell("\tx", "'\tx");
    is_cell("\rx", "\"'\rx\"");
    is_cell("=HYPERLINK(\"http://x\",\"y\")",
            "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\"");
}

static void a_row_ends_as_the_standard_has_it_and_numbers_stay_numbers(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);
    assert_non_null(f);
    csv_put_text(f, "=x");
    csv_put_number(f, -5);
    csv_put_empty(f);
    csv_end_number(f, 7);
    csv_end_text(f, "a\"");
    fclose(f);
    assert_string_equal(text, "'=x,-5,,7\r\n\"a\"\"\"\r\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_text_stays_and_special_text_is_quoted),
        cmocka_unit_test(what_is_quoted_depends_on_the_delimiter),
        cmocka_unit_test(what_a_spreadsheet_would_run_is_text),
        cmocka_unit_test(a_row_ends_as_the_standard_has_it_and_numbers_stay_numbers),
    };
    return cmocka_run_group_tests_name("csv", tests, NULL, NULL);
}
