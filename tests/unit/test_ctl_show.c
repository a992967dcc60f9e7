/* What karizctl prints of the daemon's answers. */
#include "conf/mem.h"
#include "pool/ctl_ledger.h"
#include "pool/ctl_show.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* What `show` prints of `text`, a JSON value; the caller's to mem_free(). */
static char *printed(ctl_show_fn *show, const char *text)
{
    json_t *value = json_loads(text, 0, NULL);
    FILE *file = tmpfile();
    assert_non_null(value);
    assert_non_null(file);
    fflush(stdout);
    int old = dup(STDOUT_FILENO);
    assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);
    show(value);
    fflush(stdout);
    assert_true(dup2(old, STDOUT_FILENO) >= 0);
    close(old);
    long len = lseek(fileno(file), 0, SEEK_END);
    char *out = mem_new((size_t)len + 1);
    rewind(file);
    assert_int_equal(fread(out, 1, (size_t)len, file), len);
    fclose(file);
    json_decref(value);
    return out;
}

static void has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void a_long_replay_has_a_bar(void **state)
{
    (void)state;
    char *text = printed(
        show_status, "{\"redis\":{\"state\":\"ready\",\"replay\":{\"pending_records\":"
                     "600000,\"total\":1000000,\"applied\":400000}},\"miners\":[]}");
    has(text, "replay     [############..................] 40 %  400000 of 1000000 "
              "records applied, 600000 to come\n");
    mem_free(text);
    /* Rigs went on while it was read: more is to come than there was at the start. */
    text = printed(show_status,
                   "{\"redis\":{\"replay\":{\"pending_records\":5000,\"total\":"
                   "1000,\"applied\":0}},\"miners\":[]}");
    has(text, "[..............................] 0 %  0 of 5000 records");
    mem_free(text);
    text = printed(show_status,
                   "{\"redis\":{\"replay\":{\"pending_records\":999,\"total\":"
                   "1000,\"applied\":1}},\"miners\":[]}");
    assert_null(strstr(text, "replay"));
    mem_free(text);
}

static void each_parts_alarm_is_shown_with_its_name(void **state)
{
    (void)state;
    char *text = printed(
        show_status,
        "{\"alarm\":\"all\",\"redis\":{\"alarm\":\"r\"},\"journal\":{\"alarm\":\"j\","
        "\"unsynced_bytes\":2048,\"disk_bytes\":67108864},\"registry\":{\"alarm\":"
        "\"g\"},"
        "\"accounting\":{\"alarm\":\"a\"},\"miners\":[]}");
    has(text, "ALARM      all\n");
    has(text, "ALARM      redis: r\n");
    has(text, "ALARM      journal: j\n");
    has(text, "ALARM      registry: g\n");
    has(text, "ALARM      accounting: a\n");
    has(text, "unsynced 2 kiB");
    has(text, "on disk 64 MiB");
    mem_free(text);
}

#define STATEMENT                                                                      \
    "{\"miner\":\"m000001\",\"from_ms\":0,\"to_ms\":null,\"start\":5,\"credited\":"    \
    "157175461,\"paid\":0,\"reversed\":0,\"adjusted\":0,\"end\":157175466,\"sound\":"  \
    "%s,\"lines\":[{\"time_ms\":1767225600000,\"kind\":\"block_accepted\",\"term\":"   \
    "\"credited\",\"reference\":\"=cmd|'x'!A1\\u001b[2J\",\"change\":157175461,"       \
    "\"immature\":157175461,\"mature\":-3,\"held\":0,\"reserved\":0,\"receivable\":0," \
    "\"vout\":2,\"output\":7}]}"

static void a_statement_is_in_bitcoin_and_says_when_it_does_not_add_up(void **state)
{
    (void)state;
    char json[1000];
    snprintf(json, sizeof(json), STATEMENT, "true");
    char *text = printed(show_statement, json);
    has(text, "2026-01-01 00:00:00");
    has(text, "= end                  1.57175466");
    has(text, "=cmd|'x'!A1?[2J:2"); /* nothing that a terminal obeys */
    assert_null(strstr(text, "DOES NOT ADD UP"));
    mem_free(text);
    snprintf(json, sizeof(json), STATEMENT, "false");
    text = printed(show_statement, json);
    has(text, "DOES NOT ADD UP");
    mem_free(text);
}

static void a_statement_as_csv_has_numbers_and_nothing_that_runs(void **state)
{
    (void)state;
    char json[1000];
    snprintf(json, sizeof(json), STATEMENT, "true");
    char *text = printed(csv_statement, json);
    has(text, "time,kind,term,reference,vout,output_sat,change_sat,immature_sat,"
              "mature_sat,held_sat,reserved_sat,receivable_sat,balance_sat\r\n");
    has(text, "1970-01-01T00:00:00.000Z,start,,,,,,,,,,,5\r\n");
    has(text,
        "block_accepted,credited,'=cmd|'x'!A1\033[2J,2,7,157175461,157175461,-3,0,0,"
        "0,157175466\r\n");
    has(text, "2026-01-01T00:00:00.000Z,end,,,,,,,,,,,157175466\r\n");
    mem_free(text);
}

static void balances_have_a_row_of_sums(void **state)
{
    (void)state;
    char *text = printed(
        show_balance,
        "{\"entries\":9,\"miners\":[{\"miner\":\"m01\",\"immature\":1,\"mature\":2,"
        "\"held\":3,\"reserved\":4,\"receivable\":5,\"total\":5},{\"miner\":\"m02\","
        "\"total\":100000000}],\"totals\":{\"total\":100000005},\"pool\":{\"fee\":-7}"
        "}");
    has(text, "m01    0.00000001  0.00000002  0.00000003  0.00000004  0.00000005  "
              "0.00000005\n");
    has(text, "(all)");
    has(text, "1.00000005\n");
    has(text, "-0.00000007\n");
    has(text, "after entry 9 of the ledger\n");
    mem_free(text);
}

static void a_proof_ends_with_its_verdict(void **state)
{
    (void)state;
    char *text = printed(show_ledger_verify,
                         "{\"ok\":false,\"lines\":[\"entries    5\"],"
                         "\"problems\":[\"a\",\"b\"],\"last\":\"ledger verify: "
                         "FAILED: a (and 1 more)\"}");
    assert_string_equal(text,
                        "entries    5\nPROBLEM    a\nPROBLEM    b\nledger verify: "
                        "FAILED: a (and 1 more)\n");
    mem_free(text);
}

static void a_sheet_has_what_a_record_has_and_obeys_nothing_in_it(void **state)
{
    (void)state;
    setenv("LC_ALL", "en", 1);
    setenv("KARIZ_CATALOGUES", "conf/catalogues", 1);
    char *text = printed(
        show_miner,
        "{\"miner_id\":\"ak-bulut\",\"number\":7,\"kind\":\"legal_entity\","
        "\"residency\":\"resident\",\"official_name\":\"Täze\\u001b[2J\\u202eat\","
        "\"state\":\"suspended\",\"reason\":\"suspicion\",\"actor\":\"Anna\","
        "\"second\":\"Boris\",\"basis\":{\"document\":\"17-4\"},"
        "\"frozen\":{\"on\":true,\"reason\":\"court_order\",\"by\":\"Anna\"},"
        "\"certificate\":{\"number\":\"C-1\",\"valid_until\":null},"
        "\"screening\":{\"result\":\"flag\",\"hits\":[\"un.csv line 4: lei\"]},"
        "\"equipment\":[{\"id\":\"e1\",\"serial\":\"SN-1\"},"
        "{\"id\":\"e2\",\"serial\":\"SN-2\",\"to\":\"2026-01-01\"}],"
        "\"personal\":{\"representative\":\"00ff\"},"
        "\"refused_today\":{\"duplicate\":3}}");
    static const char *const parts[] = {"ak-bulut  No. 7",
                                        "Täze?[2J?at",
                                        "suspended",
                                        "a suspicion is looked",
                                        "by Anna and Boris",
                                        "document 17-4",
                                        "FROZEN",
                                        "a court ordered it",
                                        "C-1",
                                        "no end",
                                        "NOT VERIFIED",
                                        "un.csv line 4: lei",
                                        "SN-1",
                                        "representative\n",
                                        "duplicate 3"};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        has(text, parts[i]);
    assert_null(strchr(text, '\033'));
    assert_null(strstr(text, "SN-2")); /* has ended */
    mem_free(text);
    text = printed(show_miner, "{}"); /* damaged: shown as far as it goes */
    has(text, "State");
    mem_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_replay_has_a_bar),
        cmocka_unit_test(each_parts_alarm_is_shown_with_its_name),
        cmocka_unit_test(a_statement_is_in_bitcoin_and_says_when_it_does_not_add_up),
        cmocka_unit_test(a_statement_as_csv_has_numbers_and_nothing_that_runs),
        cmocka_unit_test(balances_have_a_row_of_sums),
        cmocka_unit_test(a_proof_ends_with_its_verdict),
        cmocka_unit_test(a_sheet_has_what_a_record_has_and_obeys_nothing_in_it),
    };
    return cmocka_run_group_tests_name("ctl_show", tests, NULL, NULL);
}
