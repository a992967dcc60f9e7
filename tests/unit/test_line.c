#include "stratum/line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static size_t take(struct bytes *line, const char *text)
{
    return line_take(line, (const uint8_t *)text, strlen(text));
}

static void a_line_ends_at_its_newline_and_is_trimmed(void **state)
{
    (void)state;
    struct bytes line;
    assert_int_equal(take(&line, " \t{} \r\nnext"), 7);
    assert_int_equal(line.len, 2);
    assert_memory_equal(line.p, "{}", 2);
}

static void without_a_newline_there_is_no_line(void **state)
{
    (void)state;
    struct bytes line;
    assert_int_equal(take(&line, "{\"id\":1}"), 0);
    assert_int_equal(line_take(&line, NULL, 0), 0);
}

static void blank_lines_are_empty(void **state)
{
    (void)state;
    struct bytes line;
    assert_int_equal(take(&line, "\r\n"), 2);
    assert_int_equal(line.len, 0);
    assert_int_equal(take(&line, "  \t \n"), 5);
    assert_int_equal(line.len, 0);
}

static enum line_guess guess(const char *text)
{
    return line_guess((const uint8_t *)text, strlen(text));
}

static void strangers_are_told_by_their_first_bytes(void **state)
{
    (void)state;
    assert_int_equal(guess("\x16\x03\x01"), LINE_TLS);
    assert_int_equal(guess("\x16"), LINE_TLS);
    assert_int_equal(guess("\x16{"), LINE_STRATUM);
    assert_int_equal(guess("GET / HTTP/1.1\r\n"), LINE_HTTP);
    assert_int_equal(guess("POST /a HTTP/1.0\n"), LINE_HTTP);
    assert_int_equal(guess("GET / HT"), LINE_STRATUM); /* not all there yet */
    assert_int_equal(guess("GET me a job\n"), LINE_STRATUM);
    assert_int_equal(guess("{\"a\":\" HTTP/\"}\n"), LINE_STRATUM);
    assert_int_equal(guess(""), LINE_STRATUM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_ends_at_its_newline_and_is_trimmed),
        cmocka_unit_test(without_a_newline_there_is_no_line),
        cmocka_unit_test(blank_lines_are_empty),
        cmocka_unit_test(strangers_are_told_by_their_first_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
