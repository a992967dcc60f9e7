#include "conf/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Runs `write_line` with standard error in a pipe; what it wrote, without the time. */
static const char *logged(char *buffer, size_t size, void (*write_line)(void))
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    int saved = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    write_line();
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(ends[1]);
    ssize_t n = read(ends[0], buffer, size - 1);
    close(ends[0]);
    buffer[n > 0 ? n : 0] = '\0';
    const char *space = strchr(buffer, ' ');
    return space != NULL && buffer[0] != '{' ? space + 1 : buffer;
}

static void write_hostile(void)
{
    log_info("share_refused", kv_u64("conn", 81),
             kv_str("worker", "a\"b\\c\n\x1b[31m\xff info forged=1"), kv_i64("n", -5),
             kv_bool("late", true), kv_hex("id", "\x01\xfe", 2));
}

static void write_long(void)
{
    char text[6000];
    memset(text, '\n', sizeof(text));
    log_info("long", kv_text("a", text, sizeof(text)), kv_text("b", text, sizeof(text)));
}

static void write_debug(void)
{
    log_debug("hidden");
}

static void what_a_miner_chose_cannot_end_or_forge_a_line(void **state)
{
    (void)state;
    char buffer[8192];
    log_setup(LOG_INFO, false);
    assert_string_equal(logged(buffer, sizeof(buffer), write_hostile),
                        "info share_refused conn=81 worker=\"a\\\"b\\\\c\\u000a\\u001b[31m"
                        "\\u00ff info forged=1\" n=-5 late=true id=01fe\n");
}

static void json_lines_have_the_same_fields(void **state)
{
    (void)state;
    char buffer[8192];
    log_setup(LOG_INFO, true);
    const char *line = logged(buffer, sizeof(buffer), write_hostile);
    assert_non_null(strstr(line, ",\"level\":\"info\",\"event\":\"share_refused\",\"conn\":81,"
                                 "\"worker\":\"a\\\"b"));
    assert_non_null(strstr(line, ",\"n\":-5,\"late\":true,\"id\":\"01fe\"}\n"));
}

static void a_line_that_is_too_long_is_cut_and_still_one_line(void **state)
{
    (void)state;
    char buffer[8192];
    log_setup(LOG_INFO, false);
    const char *line = logged(buffer, sizeof(buffer), write_long);
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    assert_true(strlen(buffer) <= 4096);
}

static void a_level_below_the_set_one_is_silent(void **state)
{
    (void)state;
    char buffer[8192];
    log_setup(LOG_INFO, false);
    assert_string_equal(logged(buffer, sizeof(buffer), write_debug), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_miner_chose_cannot_end_or_forge_a_line),
        cmocka_unit_test(json_lines_have_the_same_fields),
        cmocka_unit_test(a_line_that_is_too_long_is_cut_and_still_one_line),
        cmocka_unit_test(a_level_below_the_set_one_is_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
