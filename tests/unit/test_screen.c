#include "pool/pay/screen_program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "conf/clock.h"
#include "share/bytes.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ADDRESS  "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
#define SCRIPT   "0014751e76e8199196d454941c45d1b3a323f1433bd6"
#define OTHER    "bcrt1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qzf4jry"
#define LIMIT_MS 5000

struct bed {
    char dir[64];
    struct conf conf;
    struct payer payer;
    struct address to;
    struct screen_case payee;
};

static void bed_init(struct bed *b)
{
    struct address_problem problem;
    *b = (struct bed){.dir = "/tmp/kariz-screen-XXXXXX"};
    assert_non_null(mkdtemp(b->dir));
    b->conf.network = CONF_REGTEST;
    b->payer.conf = &b->conf;
    b->payer.network = network_of(CONF_REGTEST);
    assert_int_equal(
        address_parse(&b->to, &problem, b->payer.network, ADDRESS, strlen(ADDRESS)),
        KZ_OK);
    b->payee = (struct screen_case){.miner = "miner-a",
                                    .address = ADDRESS,
                                    .to = &b->to,
                                    .amount = {123456},
                                    .purpose = "plan"};
}

static void path_of(char out[128], const struct bed *b, const char *name)
{
    snprintf(out, 128, "%s/%s", b->dir, name);
}

static void put(const struct bed *b, const char *name, const char *text, mode_t mode)
{
    char path[128];
    path_of(path, b, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fputs(text, f) >= 0, true);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void get(char out[1024], const struct bed *b, const char *name)
{
    char path[128];
    path_of(path, b, name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    out[fread(out, 1, 1023, f)] = '\0';
    fclose(f);
}

static void bed_clear(struct bed *b)
{
    static const char *const names[] = {"program", "seen", "list-1", "list-2"};
    char path[128];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        path_of(path, b, names[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(b->dir), 0);
}

/* Runs a shell script as the program. */
static enum screen_verdict ask(char *note, struct bed *b, const char *script,
                               int64_t limit_ms)
{
    char path[128], text[1024];
    snprintf(text, sizeof(text), "#!/bin/sh\n%s\n", script);
    put(b, "program", text, 0700);
    path_of(path, b, "program");
    return screen_program_ask(note, path, &b->payee, limit_ms);
}

static void each_answer_is_understood_with_its_reference(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        enum screen_verdict verdict;
        const char *ends;
    } cases[] = {
        {"echo clear", SCREEN_CLEAR, " clear"},
        {"printf clear", SCREEN_CLEAR, " clear"},
        {"printf 'clear\\r\\n'", SCREEN_CLEAR, " clear"},
        {"echo 'clear 17-a'", SCREEN_CLEAR, " clear: 17-a"},
        {"echo match", SCREEN_MATCH, " match"},
        {"echo 'match   case 4 of 9'", SCREEN_MATCH, " match: case 4 of 9"},
        {"echo unknown later", SCREEN_UNKNOWN, " unknown: later"},
        {"echo '{\"answer\":\"match\",\"reference\":\"r1\"}'", SCREEN_MATCH,
         " match: r1"},
        {"echo '{\"answer\": \"clear\"}'", SCREEN_CLEAR, " clear"},
        {"printf '{\\n\"reference\": null,\\n\"answer\": \"clear\"}\\n'", SCREEN_CLEAR,
         " clear"},
        {"printf 'match a\\033b\\303\\251'", SCREEN_MATCH, " match: a?b??"},
    };
    struct bed b;
    bed_init(&b);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char note[DUES_NOTE_SIZE] = "";
        enum screen_verdict v = ask(note, &b, cases[i].script, LIMIT_MS);
        const char *tail = strstr(note, "says");
        if (v != cases[i].verdict || tail == NULL ||
            strcmp(tail + 4, cases[i].ends) != 0)
            fail_msg("%s: %d, %s", cases[i].script, (int)v, note);
    }
    bed_clear(&b);
}

static void anything_else_is_unknown(void **state)
{
    (void)state;
    static const struct {
        const char *script, *says;
    } cases[] = {
        {"true", "none of"},
        {"echo", "none of"},
        {"echo CLEAR", "none of"},
        {"echo clearly", "none of"},
        {"echo ' clear'", "none of"},
        {"echo clear; echo match", "more than a line"},
        {"printf 'clear\\000'", "more than a line"},
        {"echo '{\"answer\":\"fine\"}'", "none of"},
        {"echo '{\"answer\":\"clear\"} x'", "JSON"},
        {"echo '{\"answer\":\"match\",\"answer\":\"clear\"}'", "JSON"},
        {"echo '{\"answer\":true}'", "JSON"},
        {"echo '{\"answer\":\"clear\",\"reference\":4}'", "JSON"},
        {"echo '{'", "JSON"},
        {"echo clear; exit 1", "exit 1"},
        {"echo clear; kill -9 $$", "signal 9"},
        {"head -c 5000 /dev/zero | tr '\\000' a", "too much"},
    };
    struct bed b;
    bed_init(&b);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char note[DUES_NOTE_SIZE] = "";
        enum screen_verdict v = ask(note, &b, cases[i].script, LIMIT_MS);
        if (v != SCREEN_UNKNOWN || strstr(note, cases[i].says) == NULL)
            fail_msg("%s: %d, %s", cases[i].script, (int)v, note);
    }
    bed_clear(&b);
}

static void the_program_is_told_whom_and_nothing_else(void **state)
{
    (void)state;
    char note[DUES_NOTE_SIZE], script[256], seen[1024];
    struct bed b;
    bed_init(&b);
    assert_int_equal(setenv("KARIZ_SECRET", "hunter2", 1), 0);
    snprintf(script, sizeof(script),
             "cat >%s/seen; echo \"$# $KARIZ_SECRET\" >>%s/seen; echo clear", b.dir,
             b.dir);
    assert_int_equal(ask(note, &b, script, LIMIT_MS), SCREEN_CLEAR);
    get(seen, &b, "seen");
    assert_string_equal(seen, "{\"miner_id\":\"miner-a\",\"address\":\"" ADDRESS
                              "\",\"script\":\"" SCRIPT
                              "\",\"amount\":123456,\"purpose\":\"plan\"}\n0 \n");
    assert_int_equal(unsetenv("KARIZ_SECRET"), 0);
    bed_clear(&b);
}

/* Nor does a program that takes nothing from its input end us with a SIGPIPE. */
static void a_program_may_leave_its_input_unread(void **state)
{
    (void)state;
    char note[DUES_NOTE_SIZE];
    struct bed b;
    bed_init(&b);
    signal(SIGPIPE, SIG_DFL);
    assert_int_equal(ask(note, &b, "exec <&-; echo clear", LIMIT_MS), SCREEN_CLEAR);
    bed_clear(&b);
}

/* Ended, and be it that nobody has asked how, as in a container without an init. */
static void expect_gone(const char *pid)
{
    char stat[64], name[64];
    snprintf(name, sizeof(name), "/proc/%llu/stat",
             (unsigned long long)decimal_of(pid));
    for (int turn = 0; turn < 200; turn++) {
        FILE *f = fopen(name, "r");
        if (f == NULL)
            return;
        stat[fread(stat, 1, sizeof(stat) - 1, f)] = '\0';
        fclose(f);
        if (strstr(stat, ") Z") != NULL)
            return;
        usleep(5000);
    }
    fail_msg("process %s goes on", pid);
}

static void a_program_that_does_not_end_is_killed_with_all_it_started(void **state)
{
    (void)state;
    static const char *const scripts[] = {
        "sleep 60 & echo $! >%s/seen; wait",             /* says nothing */
        "sleep 60 & echo $! >%s/seen; echo clear; wait", /* says it, and stays */
        "sleep 60 >/dev/null & echo $! >%s/seen; echo clear; exec >&-; wait",
        "sleep 60 & echo $! >%s/seen; echo clear", /* its child has its output */
    };
    struct bed b;
    bed_init(&b);
    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        char note[DUES_NOTE_SIZE], script[256], seen[1024];
        struct monotime began = clock_now();
        snprintf(script, sizeof(script), scripts[i], b.dir);
        assert_int_equal(ask(note, &b, script, 300), SCREEN_UNKNOWN);
        assert_non_null(strstr(note, "too long"));
        int64_t took = monotime_ms_between(began, clock_now());
        assert_true(took >= 299 && took < 3000);
        get(seen, &b, "seen");
        expect_gone(seen);
    }
    bed_clear(&b);
}

static void what_a_program_leaves_running_ends_with_its_answer(void **state)
{
    (void)state;
    char note[DUES_NOTE_SIZE], script[256], seen[1024];
    struct bed b;
    bed_init(&b);
    snprintf(script, sizeof(script),
             "sleep 60 >/dev/null & echo $! >%s/seen; echo clear", b.dir);
    assert_int_equal(ask(note, &b, script, LIMIT_MS), SCREEN_CLEAR);
    get(seen, &b, "seen");
    expect_gone(seen);
    bed_clear(&b);
}

static void a_program_that_is_not_there_or_cannot_run_is_unknown(void **state)
{
    (void)state;
    char note[DUES_NOTE_SIZE] = "", path[128];
    struct bed b;
    bed_init(&b);
    path_of(path, &b, "program");
    assert_int_equal(screen_program_ask(note, path, &b.payee, LIMIT_MS),
                     SCREEN_UNKNOWN);
    assert_non_null(strstr(note, "No such file"));
    put(&b, "program", "#!/nowhere/sh\necho clear\n", 0700);
    assert_int_equal(screen_program_ask(note, path, &b.payee, LIMIT_MS),
                     SCREEN_UNKNOWN);
    assert_non_null(strstr(note, "exit 127"));
    bed_clear(&b);
}

/* --- lists ------------------------------------------------------------------------ */

static void use_list(struct bed *b, const char *name, const char *text)
{
    char path[128];
    put(b, name, text, 0600);
    path_of(path, b, name);
    memcpy(b->conf.pay.lists[b->conf.pay.list_count++], path, sizeof(path));
}

static void a_listed_payee_matches_and_the_list_is_named(void **state)
{
    (void)state;
    char note[DUES_NOTE_SIZE], expected[DUES_NOTE_SIZE], path[128];
    struct screen *s = NULL;
    struct bed b;
    bed_init(&b);
    use_list(&b, "list-1", "# nobody here\n" OTHER "\n");
    use_list(&b, "list-2", SCRIPT " # by its script\n");
    put(&b, "program", "#!/bin/sh\necho clear\n", 0700);
    path_of(path, &b, "program"); /* which must not overrule a list */
    snprintf(b.conf.pay.screen, sizeof(b.conf.pay.screen), "%s", path);
    assert_int_equal(screen_open(&s, &b.payer), KZ_OK);
    assert_int_equal(screen_ask(note, s, &b.payee), SCREEN_MATCH);
    snprintf(expected, sizeof(expected), "on list %s", b.conf.pay.lists[1]);
    assert_string_equal(note, expected);
    screen_close(s);
    bed_clear(&b);
}

static void without_lists_and_program_everybody_is_clear(void **state)
{
    (void)state;
    char note[DUES_NOTE_SIZE] = "left over";
    struct screen *s = NULL;
    struct bed b;
    bed_init(&b);
    assert_int_equal(screen_open(&s, &b.payer), KZ_OK);
    assert_int_equal(screen_ask(note, s, &b.payee), SCREEN_CLEAR);
    assert_string_equal(note, "");
    screen_close(s);
    screen_close(NULL);
    bed_clear(&b);
}

static void who_is_on_no_list_is_asked_about(void **state)
{
    (void)state;
    char note[DUES_NOTE_SIZE], path[128];
    struct screen *s = NULL;
    struct bed b;
    bed_init(&b);
    use_list(&b, "list-1", OTHER "\n");
    assert_int_equal(screen_open(&s, &b.payer), KZ_OK);
    assert_int_equal(screen_ask(note, s, &b.payee), SCREEN_CLEAR);
    path_of(path, &b, "program");
    memcpy(b.conf.pay.screen, path, sizeof(path));
    put(&b, "program", "#!/bin/sh\necho match 12\n", 0700);
    assert_int_equal(screen_ask(note, s, &b.payee), SCREEN_MATCH);
    assert_string_equal(note, "the screening program says match: 12");
    screen_close(s);
    bed_clear(&b);
}

static void a_list_that_cannot_be_used_is_named_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {OTHER "\n\nwho? me!\n", ":3: neither an address"},
        {"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4\n", ":1: "},
    };
    struct screen *s = NULL;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bed b;
        bed_init(&b);
        use_list(&b, "list-1", OTHER "\n");
        use_list(&b, "list-2", cases[i].text);
        assert_int_equal(screen_open(&s, &b.payer), KZ_RANGE);
        size_t len = strlen(b.conf.pay.lists[1]);
        assert_memory_equal(b.payer.why, b.conf.pay.lists[1], len);
        if (strncmp(b.payer.why + len, cases[i].says, strlen(cases[i].says)) != 0)
            fail_msg("%s", b.payer.why);
        bed_clear(&b);
    }
    assert_null(s);
}

static void a_list_that_cannot_be_read_stops_everything(void **state)
{
    (void)state;
    char expected[PAY_TEXT_SIZE], path[128];
    struct screen *s = NULL;
    struct bed b;
    bed_init(&b);
    use_list(&b, "list-1", "");
    path_of(path, &b, "list-1");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(screen_open(&s, &b.payer), KZ_RANGE);
    snprintf(expected, sizeof(expected), "%s: No such file or directory", path);
    assert_string_equal(b.payer.why, expected);
    assert_int_equal(mkfifo(path, 0600), 0); /* nobody writes there: do not wait */
    assert_int_equal(screen_open(&s, &b.payer), KZ_RANGE);
    assert_non_null(strstr(b.payer.why, "not a file"));
    put(&b, "list-2", "", 0600);
    path_of(path, &b, "list-2");
    memcpy(b.conf.pay.lists[0], path, sizeof(path));
    assert_int_equal(truncate(path, (16 << 20) + 1), 0);
    assert_int_equal(screen_open(&s, &b.payer), KZ_RANGE);
    assert_non_null(strstr(b.payer.why, "too long"));
    assert_null(s);
    bed_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_answer_is_understood_with_its_reference),
        cmocka_unit_test(anything_else_is_unknown),
        cmocka_unit_test(the_program_is_told_whom_and_nothing_else),
        cmocka_unit_test(a_program_may_leave_its_input_unread),
        cmocka_unit_test(a_program_that_does_not_end_is_killed_with_all_it_started),
        cmocka_unit_test(what_a_program_leaves_running_ends_with_its_answer),
        cmocka_unit_test(a_program_that_is_not_there_or_cannot_run_is_unknown),
        cmocka_unit_test(a_listed_payee_matches_and_the_list_is_named),
        cmocka_unit_test(without_lists_and_program_everybody_is_clear),
        cmocka_unit_test(who_is_on_no_list_is_asked_about),
        cmocka_unit_test(a_list_that_cannot_be_used_is_named_with_its_line),
        cmocka_unit_test(a_list_that_cannot_be_read_stops_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
