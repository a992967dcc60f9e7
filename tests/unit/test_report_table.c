/* Reports in memory: what cells take, what a level shows, what totals are. */
#include "conf/mem.h"
#include "pool/report/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "report_fixture.h"

static void every_report_has_a_name_and_columns_with_names_of_their_own(void **state)
{
    (void)state;
    for (int i = 0; i < REPORT_IDS; i++) {
        enum report_id id;
        const struct report_kind *k = report_kind_of((enum report_id)i);
        assert_int_equal(report_id_parse(&id, k->name), KZ_OK);
        assert_int_equal(id, i);
        assert_true(k->count > 0 && 2 * k->count <= FIELDS_MAX);
        for (size_t a = 0; a < k->count; a++)
            for (size_t b = 0; b < a; b++)
                assert_string_not_equal(k->columns[a].name, k->columns[b].name);
    }
    enum report_id id;
    assert_int_equal(report_id_parse(&id, "R10"), KZ_PARSE);
}

/* --- disclosure ----------------------------------------------------------------------- */

static void each_level_gets_its_reports(void **state)
{
    (void)state;
    static const bool expected[REPORT_IDS][4] = {
        /* public, regulator, full, subject */
        [REPORT_R1] = {0, 1, 1, 1},        [REPORT_R2] = {0, 1, 1, 1},
        [REPORT_R3] = {0, 1, 1, 1},        [REPORT_R4] = {0, 1, 1, 1},
        [REPORT_R5] = {0, 1, 1, 1},        [REPORT_R6] = {1, 1, 1, 0},
        [REPORT_R7] = {0, 1, 1, 0},        [REPORT_R8] = {0, 1, 1, 0},
        [REPORT_R9] = {0, 1, 1, 0},        [REPORT_R4_BLOCKS] = {0, 1, 1, 1},
        [REPORT_R9_BLOCKS] = {0, 1, 1, 0},
    };
    for (int id = 0; id < REPORT_IDS; id++) {
        for (int level = 0; level < 4; level++) {
            struct report *r = NULL;
            enum kz_err err =
                fixture_new(&r, (enum report_id)id, (enum disclosure)level);
            assert_int_equal(err, expected[id][level] ? KZ_OK : KZ_RANGE);
            report_free(r);
        }
    }
}

static void a_cell_above_the_level_is_dropped(void **state)
{
    (void)state;
    static const char *const personal[] = {"official_name", "tax_id",
                                           "registration_id"};
    for (int level = DISCLOSURE_REGULATOR; level <= DISCLOSURE_SUBJECT; level++) {
        struct report *r = fixture_report(REPORT_R1, (enum disclosure)level);
        struct report_field fields[FIELDS_MAX];
        report_row_begin(r);
        put_miner(r, 0);
        for (size_t i = 0; i < 3; i++)
            put_text(r, personal[i], "secret");
        for (size_t i = 0; i < 3; i++)
            assert_int_equal(report_cell(r, report_row(r, 0), personal[i])->is_set,
                             level != DISCLOSURE_REGULATOR);
        size_t count = report_fields(fields, r);
        bool is_shown = false;
        for (size_t i = 0; i < count; i++)
            is_shown = is_shown || strcmp(fields[i].name, "tax_id") == 0;
        assert_int_equal(is_shown, level != DISCLOSURE_REGULATOR);
        report_free(r);
    }
}

static void what_is_public_names_no_miner(void **state)
{
    (void)state;
    static const char *const kept[] = {"miner_id", "certificate_no", "login"};
    for (int id = 0; id < REPORT_IDS; id++) {
        const struct report_kind *k = report_kind_of((enum report_id)id);
        for (size_t c = 0; c < k->count; c++)
            for (size_t i = 0; i < 3; i++)
                if (strcmp(k->columns[c].name, kept[i]) == 0)
                    assert_false(
                        column_is_disclosed(&k->columns[c], DISCLOSURE_PUBLIC));
    }
}

static void levels_have_names(void **state)
{
    (void)state;
    enum disclosure level;
    for (int i = DISCLOSURE_PUBLIC; i <= DISCLOSURE_SUBJECT; i++) {
        assert_int_equal(disclosure_parse(&level, disclosure_name((enum disclosure)i)),
                         KZ_OK);
        assert_int_equal(level, i);
    }
    assert_int_equal(disclosure_parse(&level, "secret"), KZ_PARSE);
}

/* --- cells ---------------------------------------------------------------------------- */

static void text_is_utf8_without_control_characters(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_fine;
    } rows[] = {
        {"", true},
        {"Ýyldyz Şöhle ň ž ü", true},
        {"Щукин", true},
        {"two\nlines\tand a tab", true},
        {"\360\237\230\200", true},
        {"a\rb", false},
        {"\001", false},
        {"\033[31m", false},
        {"\177", false},
        {"\302\205", false},         /* U+0085 */
        {"\300\257", false},         /* not the shortest form */
        {"\340\200\257", false},     /* neither */
        {"\355\240\200", false},     /* a surrogate */
        {"\357\277\276", false},     /* U+FFFE */
        {"\357\277\277", false},     /* U+FFFF */
        {"\364\220\200\200", false}, /* above U+10FFFF */
        {"\303", false},             /* cut short */
        {"\377", false},
        {"\200", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct cell c = {0};
        enum kz_err err = cell_set_text(&c, CELL_TEXT, rows[i].text);
        if (err != (rows[i].is_fine ? KZ_OK : KZ_RANGE))
            fail_msg("row %zu", i);
        assert_int_equal(c.is_set, rows[i].is_fine);
        cell_clear(&c);
    }
}

static void a_text_has_at_most_4000_bytes(void **state)
{
    (void)state;
    char text[CELL_TEXT_MAX + 2];
    struct cell c = {0};
    memset(text, 'x', sizeof(text));
    text[CELL_TEXT_MAX + 1] = '\0';
    assert_int_equal(cell_set_text(&c, CELL_TEXT, text), KZ_RANGE);
    text[CELL_TEXT_MAX] = '\0';
    assert_int_equal(cell_set_text(&c, CELL_TEXT, text), KZ_OK);
    cell_clear(&c);
}

static void a_text_is_made_clean_and_then_fits(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"ok \xc3\xbc", "ok \xc3\xbc"},
        {"12 \xc2\x96 3", "12 \xef\xbf\xbd\xef\xbf\xbd 3"}, /* a dash of cp1252 */
        {"a\rb\x1b[", "a\xef\xbf\xbd"
                      "b\xef\xbf\xbd["},
        {"cut \xe2\x82", "cut \xef\xbf\xbd\xef\xbf\xbd"},
    };
    char text[2 * CELL_TEXT_MAX];
    struct cell c = {.is_set = false};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *clean = cell_text_clean(rows[i][0]);
        assert_string_equal(clean, rows[i][1]);
        assert_int_equal(cell_set_text(&c, CELL_TEXT, clean), KZ_OK);
        mem_free(clean);
    }
    memset(text, '\r', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    char *clean = cell_text_clean(text);
    assert_int_equal(strlen(clean), CELL_TEXT_MAX / 3 * 3);
    mem_free(clean);
    cell_clear(&c);
}

static void types_of_text_have_their_forms(void **state)
{
    (void)state;
    static const struct {
        enum cell_type type;
        const char *text;
        bool is_fine;
    } rows[] = {
        {CELL_CODE, "legal_entity", true},
        {CELL_CODE, "TM-A", true},
        {CELL_CODE, "", false},
        {CELL_CODE, "two words", false},
        {CELL_CODE, "=1", false},
        {CELL_WORK, "0", true},
        {CELL_WORK, "99999999999999999999999999999999999999", true},
        {CELL_WORK, "100000000000000000000000000000000000000", false},
        {CELL_WORK, "007", false},
        {CELL_WORK, "-1", false},
        {CELL_WORK, "1.5", false},
        {CELL_WORK, "", false},
        {CELL_DATE, "2026-10-31", true},
        {CELL_DATE, "2026-02-30", false},
        {CELL_DATE, "2026-10-31T00:00", false},
        {CELL_DATE, "31.10.2026", false},
        {CELL_HASH, FIXTURE_HASH, true},
        {CELL_HASH, "00", false},
        {CELL_HASH, "00000000000000000001A5E5C8B1B6D4A0C2E5FF4A7AC0C1D2E3F405162738A9",
         false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct cell c = {0};
        enum kz_err err = cell_set_text(&c, rows[i].type, rows[i].text);
        if (err != (rows[i].is_fine ? KZ_OK : KZ_RANGE))
            fail_msg("row %zu: \"%s\"", i, rows[i].text);
        cell_clear(&c);
    }
}

static void numbers_have_their_ranges(void **state)
{
    (void)state;
    static const struct {
        enum cell_type type;
        int64_t number;
        bool is_fine;
    } rows[] = {
        {CELL_INTEGER, INT64_C(9007199254740991), true},
        {CELL_INTEGER, INT64_C(9007199254740992), false},
        {CELL_INTEGER, INT64_C(-9007199254740992), false},
        {CELL_SAT, INT64_C(2100000000000000), true},
        {CELL_SAT, INT64_C(2100000000000001), false},
        {CELL_SAT, INT64_C(-2100000000000001), false},
        {CELL_DECIMAL, INT64_MAX, true},
        {CELL_DECIMAL, INT64_MIN, false},
        {CELL_TIME, 0, true},
        {CELL_TIME, -1, false},
        {CELL_TIME, INT64_C(253402300800000), false},
        {CELL_BOOL, 1, true},
        {CELL_BOOL, 2, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct cell c = {0};
        if (cell_set_number(&c, rows[i].type, rows[i].number) !=
            (rows[i].is_fine ? KZ_OK : KZ_RANGE))
            fail_msg("row %zu", i);
    }
}

static void is_decimal(int64_t millionths, const char *expected)
{
    char buffer[CELL_FORMAT_SIZE];
    struct cell c = {.is_set = true, .number = millionths};
    int64_t again = 0;
    assert_string_equal(cell_format(buffer, &c, CELL_DECIMAL), expected);
    assert_int_equal(decimal_parse(&again, expected), KZ_OK);
    assert_int_equal(again, millionths);
}

static void decimals_are_written_without_zeros_at_their_end(void **state)
{
    (void)state;
    is_decimal(0, "0");
    is_decimal(1, "0.000001");
    is_decimal(-1, "-0.000001");
    is_decimal(1000000, "1");
    is_decimal(1500000, "1.5");
    is_decimal(100000000, "100");
    is_decimal(-12340000, "-12.34");
    is_decimal(INT64_C(999999999999999999), "999999999999.999999");
}

static void what_is_no_decimal_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum kz_err err;
    } rows[] = {
        {"", KZ_PARSE},    {"-", KZ_PARSE},         {".5", KZ_PARSE},
        {"1.", KZ_PARSE},  {"1,5", KZ_PARSE},       {"1e3", KZ_PARSE},
        {"+1", KZ_PARSE},  {" 1", KZ_PARSE},        {"1.2.3", KZ_PARSE},
        {"--1", KZ_PARSE}, {"1.0000001", KZ_RANGE}, {"1234567890123", KZ_RANGE}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t value = 7;
        assert_int_equal(decimal_parse(&value, rows[i].text), rows[i].err);
        assert_int_equal(value, 7);
    }
}

static void a_refused_cell_stays_what_it_was(void **state)
{
    (void)state;
    struct report *r = fixture_report(REPORT_R4, DISCLOSURE_REGULATOR);
    report_row_begin(r);
    put_text(r, "day", "2026-10-01");
    assert_int_equal(report_set_text(r, "day", "2026-10-32"), KZ_RANGE);
    assert_string_equal(report_cell(r, report_row(r, 0), "day")->text, "2026-10-01");
    assert_int_equal(report_set_text(r, "day", NULL), KZ_OK);
    assert_string_equal(report_cell(r, report_row(r, 0), "day")->text, "2026-10-01");
    report_free(r);
}

/* --- fields --------------------------------------------------------------------------- */

static void money_is_two_fields_that_say_the_same(void **state)
{
    (void)state;
    struct report *r = fixture_r4(DISCLOSURE_REGULATOR, 1);
    struct report_field fields[FIELDS_MAX];
    size_t count = report_fields(fields, r), found = 0;
    for (size_t i = 0; i < count; i++) {
        char buffer[CELL_FORMAT_SIZE];
        const char *text = report_field_text(buffer, report_row(r, 0), &fields[i]);
        if (strcmp(fields[i].name, "credited_sat") == 0) {
            assert_string_equal(text, "1000000");
            assert_string_equal(fields[i + 1].name, "credited_btc");
            found++;
        }
        if (strcmp(fields[i].name, "credited_btc") == 0) {
            assert_string_equal(text, "0.01000000");
            found++;
        }
    }
    assert_int_equal(found, 2);
    report_free(r);
}

static void common_columns_come_from_the_header(void **state)
{
    (void)state;
    struct report *r = fixture_report(REPORT_R4_BLOCKS, DISCLOSURE_REGULATOR);
    const char *texts[COMMON_COLUMNS - 1];
    char buffers[COMMON_COLUMNS - 1][COMMON_TEXT_SIZE];
    static const char *const expected[] = {"R4-blocks",
                                           "1",
                                           "TM",
                                           "Käriz Howuz",
                                           "2026-09-30T19:00:00.000Z",
                                           "2026-10-31T19:00:00.000Z",
                                           "Asia/Ashgabat",
                                           "2026-11-03T10:00:00.000Z"};
    report_common(texts, buffers, r);
    for (size_t i = 0; i < COMMON_COLUMNS - 1; i++)
        assert_string_equal(texts[i], expected[i]);
    report_free(r);
}

static void a_header_that_is_not_clean_is_refused(void **state)
{
    (void)state;
    struct report *r = NULL;
    struct report_header h = {.jurisdiction = "TM",
                              .operator_name = "evil\033[2J",
                              .timezone = "UTC",
                              .disclosure = DISCLOSURE_FULL};
    assert_int_equal(report_new(&r, REPORT_R1, &h), KZ_RANGE);
    assert_null(r);
}

/* --- totals --------------------------------------------------------------------------- */

static int64_t total_of(const struct report *r, size_t i, const char *name)
{
    return report_cell(r, report_totals(r, i), name)->number;
}

static void production_has_totals_a_miner_and_over_all(void **state)
{
    (void)state;
    struct report *r = fixture_r4(DISCLOSURE_REGULATOR, 31);
    assert_int_equal(report_totals_count(r), 3);
    for (size_t m = 0; m < 2; m++) {
        const struct report_row *t = report_totals(r, m);
        assert_string_equal(report_cell(r, t, "miner_id")->text, fixture_miners[m].id);
        assert_string_equal(report_cell(r, t, "kind")->text, fixture_miners[m].kind);
        assert_int_equal(total_of(r, m, "credited"), 31000000);
        assert_int_equal(total_of(r, m, "paid"), 1500000);
        assert_int_equal(total_of(r, m, "balance_start"), 5000);
        assert_int_equal(total_of(r, m, "balance_end"), 29505000);
        assert_false(report_cell(r, t, "average_ths")->is_set);
        assert_false(report_cell(r, t, "day")->is_set);
    }
    const struct report_row *all = report_totals(r, 2);
    assert_false(report_cell(r, all, "miner_id")->is_set);
    assert_false(report_cell(r, all, "kind")->is_set);
    assert_int_equal(total_of(r, 2, "credited"), 62000000);
    assert_int_equal(total_of(r, 2, "balance_start"), 10000);
    assert_int_equal(total_of(r, 2, "balance_end"), 59010000);
    assert_string_equal(report_cell(r, all, "work")->text, "765432091876543209187626");
    report_free(r);
}

static void an_average_of_totals_can_be_set(void **state)
{
    (void)state;
    struct report *r = fixture_r4(DISCLOSURE_REGULATOR, 2);
    report_totals_edit(r, 1);
    put_number(r, "average_ths", 5);
    assert_int_equal(total_of(r, 1, "average_ths"), 5);
    report_free(r);
}

static void put_rig(struct report *r, size_t miner, const char *site, int64_t watts)
{
    report_row_begin(r);
    put_miner(r, miner);
    put_text(r, "site", site);
    put_text(r, "region", "TM-A");
    put_number(r, "power_w", watts);
}

/* Two miners may call their sites alike. */
static void equipment_has_totals_a_site(void **state)
{
    (void)state;
    struct report *r = fixture_report(REPORT_R3, DISCLOSURE_REGULATOR);
    put_rig(r, 0, "a", 1);
    put_rig(r, 0, "a", 2);
    put_rig(r, 0, "b", 4);
    put_rig(r, 1, "b", 8);
    assert_int_equal(report_add_totals(r), KZ_OK);
    static const int64_t expected[] = {3, 4, 8, 15};
    assert_int_equal(report_totals_count(r), 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(total_of(r, i, "power_w"), expected[i]);
    assert_string_equal(report_cell(r, report_totals(r, 0), "region")->text, "TM-A");
    report_free(r);
}

static void a_sum_out_of_range_leaves_no_totals(void **state)
{
    (void)state;
    struct report *r = fixture_report(REPORT_R3, DISCLOSURE_REGULATOR);
    put_rig(r, 0, "a", INT64_C(9007199254740991));
    put_rig(r, 0, "a", 1);
    assert_int_equal(report_add_totals(r), KZ_RANGE);
    assert_int_equal(report_totals_count(r), 0);
    assert_int_equal(report_row_count(r), 2);
    report_free(r);
}

static void reports_of_single_events_have_no_totals(void **state)
{
    (void)state;
    struct report *r = fixture_r5(DISCLOSURE_FULL, 1);
    assert_int_equal(report_add_totals(r), KZ_OK);
    assert_int_equal(report_totals_count(r), 0);
    report_free(r);
}

static void an_empty_report_has_totals_of_nothing(void **state)
{
    (void)state;
    struct report *r = fixture_report(REPORT_R4, DISCLOSURE_REGULATOR);
    assert_int_equal(report_add_totals(r), KZ_OK);
    assert_int_equal(report_totals_count(r), 1);
    assert_false(report_cell(r, report_totals(r, 0), "credited")->is_set);
    report_free(r);
    report_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_report_has_a_name_and_columns_with_names_of_their_own),
        cmocka_unit_test(each_level_gets_its_reports),
        cmocka_unit_test(a_cell_above_the_level_is_dropped),
        cmocka_unit_test(what_is_public_names_no_miner),
        cmocka_unit_test(levels_have_names),
        cmocka_unit_test(text_is_utf8_without_control_characters),
        cmocka_unit_test(a_text_has_at_most_4000_bytes),
        cmocka_unit_test(types_of_text_have_their_forms),
        cmocka_unit_test(numbers_have_their_ranges),
        cmocka_unit_test(decimals_are_written_without_zeros_at_their_end),
        cmocka_unit_test(what_is_no_decimal_is_refused),
        cmocka_unit_test(a_refused_cell_stays_what_it_was),
        cmocka_unit_test(money_is_two_fields_that_say_the_same),
        cmocka_unit_test(common_columns_come_from_the_header),
        cmocka_unit_test(a_header_that_is_not_clean_is_refused),
        cmocka_unit_test(production_has_totals_a_miner_and_over_all),
        cmocka_unit_test(an_average_of_totals_can_be_set),
        cmocka_unit_test(equipment_has_totals_a_site),
        cmocka_unit_test(a_sum_out_of_range_leaves_no_totals),
        cmocka_unit_test(reports_of_single_events_have_no_totals),
        cmocka_unit_test(an_empty_report_has_totals_of_nothing),
        cmocka_unit_test(a_text_is_made_clean_and_then_fits),
    };
    return cmocka_run_group_tests_name("report_table", tests, NULL, NULL);
}
