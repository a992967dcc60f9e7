/* Reports as files: what careless writers break, stays whole. */
#include "pool/report/formats.h"

#include "pool/canon.h"
#include "pool/report/count_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "report_fixture.h"

struct text {
    char *p; /* open_memstream's */
    size_t len;
};

typedef enum kz_err write_fn(FILE *to, const struct report *r);

static struct text written(write_fn *write, const struct report *r)
{
    struct text t = {NULL, 0};
    FILE *to = open_memstream(&t.p, &t.len);
    assert_non_null(to);
    assert_int_equal(write(to, r), KZ_OK);
    fclose(to);
    return t;
}

static enum kz_err write_csv(FILE *to, const struct report *r)
{
    return report_write_csv(to, r, &(struct csv_style){','});
}

static enum kz_err write_csv_bom(FILE *to, const struct report *r)
{
    return report_write_csv(to, r, &(struct csv_style){';', true});
}

static struct catalogue *words_of(const char *language)
{
    struct catalogue *c = NULL;
    char path[64], why[CATALOGUE_WHY_SIZE] = "";
    snprintf(path, sizeof(path), "conf/catalogues/%s.json", language);
    if (catalogue_load(&c, why, path) != KZ_OK)
        fail_msg("%s", why);
    return c;
}

static struct text html_in(const char *language, const struct report *r)
{
    struct catalogue *words = words_of(language);
    struct text t = {NULL, 0};
    FILE *to = open_memstream(&t.p, &t.len);
    assert_non_null(to);
    assert_int_equal(report_write_html(to, r, words), KZ_OK);
    fclose(to);
    catalogue_free(words);
    return t;
}

static void has(const struct text *t, const char *part)
{
    if (strstr(t->p, part) == NULL)
        fail_msg("without %s", part);
}

static void has_not(const struct text *t, const char *part)
{
    if (strstr(t->p, part) != NULL)
        fail_msg("with %s", part);
}

/* --- JSON ----------------------------------------------------------------------------- */

static json_t *parsed(const struct report *r)
{
    json_t *root = NULL;
    struct text t = written(report_write_json, r);
    assert_int_equal(canon_read(&root, (struct bytes){(const uint8_t *)t.p, t.len}),
                     KZ_OK);
    free(t.p);
    return root;
}

static void the_master_of_every_report_is_canonical(void **state)
{
    (void)state;
    for (int id = 0; id < REPORT_IDS; id++) {
        struct report *r = fixture_report((enum report_id)id, DISCLOSURE_REGULATOR);
        report_row_begin(r); /* all cells empty */
        json_t *root = parsed(r);
        assert_string_equal(json_string_value(json_object_get(root, "report")),
                            report_kind_of((enum report_id)id)->name);
        json_decref(root);
        report_free(r);
    }
}

static void json_holds_each_value_in_its_type(void **state)
{
    (void)state;
    struct report *r = fixture_r4(DISCLOSURE_REGULATOR, 1);
    json_t *root = parsed(r);
    json_t *row = json_array_get(json_object_get(root, "rows"), 1);
    assert_int_equal(json_integer_value(json_object_get(row, "row_no")), 2);
    assert_int_equal(json_integer_value(json_object_get(row, "credited_sat")), 1000000);
    assert_string_equal(json_string_value(json_object_get(row, "credited_btc")),
                        "0.01000000");
    assert_string_equal(json_string_value(json_object_get(row, "work")),
                        "12345678901234567890123");
    assert_string_equal(json_string_value(json_object_get(row, "kwh_estimate")),
                        "84120.5");
    assert_string_equal(json_string_value(json_object_get(root, "period")), "2026-10");
    assert_true(json_is_false(json_object_get(root, "profile_verified")));
    assert_int_equal(json_array_size(json_object_get(root, "totals")), 3);
    json_decref(root);
    report_free(r);
}

static void json_keeps_names_byte_for_byte(void **state)
{
    (void)state;
    struct report *r = fixture_r5(DISCLOSURE_FULL, 1);
    json_t *root = parsed(r), *rows = json_object_get(root, "rows");
    for (size_t m = 0; m < 2; m++)
        assert_string_equal(json_string_value(json_object_get(json_array_get(rows, m),
                                                              "official_name")),
                            fixture_miners[m].name);
    assert_true(
        json_is_null(json_object_get(json_array_get(rows, 0), "txid"))); /* empty */
    json_decref(root);
    report_free(r);
}

/* --- CSV ------------------------------------------------------------------------------ */

static void csv_begins_with_names_and_quotes_what_it_must(void **state)
{
    (void)state;
    struct report *r = fixture_r5(DISCLOSURE_FULL, 1);
    struct text t = written(write_csv, r);
    assert_memory_equal(t.p, "report,version,jurisdiction,operator,period_from,", 49);
    has(&t, ",row_no,miner_id,certificate_no,");
    has(&t, ",amount_sat,amount_btc,");
    has(&t, ",\"\"\"Altyn Däne & Ýyldyz <Şöhle>\"\" HJ ]]>\",");
    has(&t, ",\"'=Иванов; Щукин,\nсын \"\"Ёж\"\"\","); /* no formula */
    has(&t, ",1000000,0.01000000,");
    free(t.p);
    report_free(r);
}

static void csv_can_have_semicolons_and_a_mark_of_utf8(void **state)
{
    (void)state;
    struct report *r = fixture_r5(DISCLOSURE_FULL, 1);
    struct text t = written(write_csv_bom, r);
    assert_memory_equal(t.p, "\xef\xbb\xbfreport;version;", 18);
    has(&t, ";\"'=Иванов; Щукин,\nсын \"\"Ёж\"\"\";");
    free(t.p);
    report_free(r);
}

static void a_negative_amount_is_a_number_and_no_formula(void **state)
{
    (void)state;
    struct report *r = fixture_report(REPORT_R4, DISCLOSURE_REGULATOR);
    report_row_begin(r);
    put_text(r, "miner_id", "-1");
    put_sat(r, "adjusted", -INT64_C(2100000000000000));
    put_number(r, "average_ths", -500000);
    struct text t = written(write_csv, r);
    has(&t, ",'-1,");
    has(&t, ",-2100000000000000,-21000000.00000000,");
    has(&t, ",-0.5,");
    free(t.p);
    report_free(r);
}

static void csv_has_no_rows_of_totals(void **state)
{
    (void)state;
    struct report *r = fixture_r4(DISCLOSURE_REGULATOR, 3);
    struct text t = written(write_csv, r);
    size_t lines = 0;
    for (size_t i = 0; i < t.len; i++)
        lines += t.p[i] == '\n';
    assert_int_equal(lines, 1 + 6);
    free(t.p);
    report_free(r);
}

/* --- XML ------------------------------------------------------------------------------ */

static void xml_escapes_what_would_be_markup(void **state)
{
    (void)state;
    struct report *r = fixture_r5(DISCLOSURE_FULL, 1);
    struct text t = written(report_write_xml, r);
    has(&t, "<R5 xmlns=\"urn:kariz:report:1\">");
    has(&t, "<official_name>&quot;Altyn Däne &amp; Ýyldyz &lt;Şöhle&gt;&quot; HJ ]]&gt;"
            "</official_name>");
    has_not(&t, "<!");
    has_not(&t, "<txid></txid>"); /* empty cells are left out */
    free(t.p);
    report_free(r);
}

static bool has_xmllint(void)
{
    return access("/usr/bin/xmllint", X_OK) == 0;
}

/* 0: valid. */
static int xmllint(const char *schema, const char *file)
{
    pid_t child = fork();
    if (child == 0) {
        freopen("/dev/null", "w", stderr);
        execl("/usr/bin/xmllint", "xmllint", "--nonet", "--noout", "--schema", schema,
              file, (char *)NULL);
        _exit(127);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void save(const char *path, const char *text, size_t len)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    fclose(f);
}

/* A row in which every column has a value. */
static void put_everything(struct report *r)
{
    const struct report_kind *k = report_kind_of(report_id(r));
    report_row_begin(r);
    for (size_t i = 0; i < k->count; i++) {
        const char *name = k->columns[i].name;
        switch (k->columns[i].type) {
        case CELL_TEXT:
            put_text(r, name, "<Ýü & Жж> ]]> \"'\n\t.");
            break;
        case CELL_CODE:
            put_text(r, name, "legal_entity");
            break;
        case CELL_WORK:
            put_text(r, name, "99999999999999999999999999999999999999");
            break;
        case CELL_DATE:
            put_text(r, name, "2026-10-31");
            break;
        case CELL_HASH:
            put_text(r, name, FIXTURE_HASH);
            break;
        case CELL_SAT:
            put_sat(r, name, -INT64_C(2100000000000000));
            break;
        case CELL_INTEGER:
            put_number(r, name, -INT64_C(9007199254740991));
            break;
        case CELL_DECIMAL:
            put_number(r, name, INT64_MAX);
            break;
        case CELL_TIME:
            put_number(r, name, FIXTURE_MADE_MS);
            break;
        case CELL_BOOL:
            put_number(r, name, 1);
            break;
        }
    }
}

static void every_report_fits_the_schema(void **state)
{
    (void)state;
    char dir[] = "/tmp/kariz-formats-XXXXXX", xsd[64], xml[64];
    if (!has_xmllint())
        skip();
    assert_non_null(mkdtemp(dir));
    snprintf(xsd, sizeof(xsd), "%s/report.xsd", dir);
    snprintf(xml, sizeof(xml), "%s/report.xml", dir);
    FILE *f = fopen(xsd, "w");
    assert_non_null(f);
    assert_int_equal(report_write_xsd(f), KZ_OK);
    fclose(f);
    for (int id = 0; id < REPORT_IDS; id++) {
        struct report *r = fixture_report((enum report_id)id, DISCLOSURE_FULL);
        put_everything(r);
        report_row_begin(r);
        struct text t = written(report_write_xml, r);
        save(xml, t.p, t.len);
        if (xmllint(xsd, xml) != 0)
            fail_msg("%s does not fit", report_kind_of((enum report_id)id)->name);
        /* And the schema can say no: a column of another report, a day that is none. */
        char *at = strstr(t.p, "<row no=\"1\">");
        assert_non_null(at);
        at[4] = 'N';
        save(xml, t.p, t.len);
        assert_int_not_equal(xmllint(xsd, xml), 0);
        free(t.p);
        report_free(r);
    }
    unlink(xsd);
    unlink(xml);
    rmdir(dir);
}

/* --- HTML ----------------------------------------------------------------------------- */

static void html_runs_and_loads_nothing(void **state)
{
    (void)state;
    struct report *r = fixture_r5(DISCLOSURE_FULL, 2);
    struct text t = html_in("en", r);
    has(&t, "default-src 'none'; style-src 'sha256-");
    has(&t, "&lt;Şöhle&gt;");
    static const char *const banned[] = {"<script", "src=",    "href=",    "url(",
                                         "@import", "http://", "https://", "<Şöhle>"};
    for (size_t i = 0; i < sizeof(banned) / sizeof(banned[0]); i++)
        has_not(&t, banned[i]);
    free(t.p);
    report_free(r);
}

static void the_operators_name_cannot_leave_the_style(void **state)
{
    (void)state;
    struct report *r = NULL;
    struct report_header h = {.jurisdiction = "TM",
                              .operator_name =
                                  "x\"}</style><script>alert(1)</script>\\",
                              .timezone = "UTC",
                              .disclosure = DISCLOSURE_PUBLIC};
    assert_int_equal(period_parse(&h.period, "2026", 0), KZ_OK);
    assert_int_equal(report_new(&r, REPORT_R6, &h), KZ_OK);
    struct text t = html_in("en", r);
    has_not(&t, "<script");
    has(&t, "content:\"R6\"");
    free(t.p);
    report_free(r);
}

static void html_is_localised(void **state)
{
    (void)state;
    struct report *r = fixture_r4(DISCLOSURE_REGULATOR, 31);
    struct text en = html_in("en", r), ru = html_in("ru", r), tk = html_in("tk", r);
    has(&en, "<html lang=\"en\">");
    has(&en, "<td>2026-10-31</td>");
    has(&en, "<td>legal entity</td>");
    has(&en, "84,120.5");
    has(&en, "0.62000000");
    has(&ru, "<html lang=\"ru\">");
    has(&ru, "<td>31.10.2026</td>");
    has(&ru, "<td>юридическое лицо</td>");
    has(&ru, "84\302\240120,5");
    has(&ru, "Начислено, BTC");
    has(&tk, "<html lang=\"tk\">");
    has(&tk, "<td>ýuridik şahs</td>");
    has(&tk, "01.10.2026 \342\200\223 31.10.2026");
    has(&tk, "03.11.2026 15:00:00"); /* 10:00 UTC, by the clocks of the zone */
    free(en.p);
    free(ru.p);
    free(tk.p);
    report_free(r);
}

static void an_unverified_profile_is_said_on_every_page(void **state)
{
    (void)state;
    for (int verified = 0; verified <= 1; verified++) {
        struct report *r = NULL;
        struct report_header h = {.jurisdiction = "TM",
                                  .operator_name = "Käriz",
                                  .timezone = "UTC",
                                  .disclosure = DISCLOSURE_PUBLIC,
                                  .profile_verified = verified != 0};
        assert_int_equal(period_parse(&h.period, "2026-10", 0), KZ_OK);
        assert_int_equal(report_new(&r, REPORT_R6, &h), KZ_OK);
        struct text t = html_in("en", r);
        assert_int_equal(strstr(t.p, "PROFILE NOT VERIFIED") != NULL, !verified);
        assert_int_equal(strstr(t.p, "@top-center") != NULL, !verified);
        free(t.p);
        report_free(r);
    }
}

static void few_columns_stand_upright_and_many_break_into_lines(void **state)
{
    (void)state;
    struct report *r7 = fixture_report(REPORT_R7, DISCLOSURE_REGULATOR);
    struct report *r4 = fixture_r4(DISCLOSURE_REGULATOR, 1);
    struct report *r9 = fixture_report(REPORT_R9_BLOCKS, DISCLOSURE_REGULATOR);
    struct text wide = html_in("en", r7), lines = html_in("en", r4),
                upright = html_in("en", r9);
    has(&wide, "A4 landscape");
    has(&upright, "A4 portrait");
    has(&lines, "rowspan=\"2\"");
    has(&wide, "There is nothing to report");
    free(wide.p);
    free(lines.p);
    free(upright.p);
    report_free(r7);
    report_free(r4);
    report_free(r9);
}

/* --- all forms ------------------------------------------------------------------------ */

static void all_forms_have_as_many_rows(void **state)
{
    (void)state;
    struct report *r = fixture_r5(DISCLOSURE_FULL, 25);
    struct text forms[] = {written(report_write_json, r), written(write_csv, r),
                           written(write_csv_bom, r), written(report_write_xml, r),
                           html_in("tk", r)};
    static const char *const names[] = {"a.json", "a.csv", "b.csv", "a.xml",
                                        "a.tk.html"};
    for (size_t i = 0; i < 5; i++) {
        uint64_t rows = 0;
        struct bytes bytes = {(const uint8_t *)forms[i].p, forms[i].len};
        assert_int_equal(count_rows(&rows, names[i], bytes), KZ_OK);
        assert_int_equal(rows, report_row_count(r));
        free(forms[i].p);
    }
    report_free(r);
}

static void what_has_no_rows_is_not_counted(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
        enum kz_err err;
    } rows[] = {
        {"README.txt", "", KZ_RANGE},
        {".json", "{}", KZ_RANGE},
        {"a.json", "{\"rows\":[] }", KZ_PARSE},
        {"a.json", "{\"rows\":1}", KZ_PARSE},
        {"a.json", "[", KZ_PARSE},
        {"a.csv", "", KZ_PARSE},
        {"a.csv", "a,\"b\r\n", KZ_PARSE},
        {"a.csv", "a\r\nb", KZ_PARSE},
        {"a.csv", "a\r\n", KZ_OK},
        {"a.json", "{\"rows\":[]}", KZ_OK},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t count = 0;
        struct bytes text = {(const uint8_t *)rows[i].text, strlen(rows[i].text)};
        if (count_rows(&count, rows[i].name, text) != rows[i].err)
            fail_msg("row %zu", i);
    }
}

static void a_full_disk_is_told(void **state)
{
    (void)state;
    FILE *full = fopen("/dev/full", "w");
    if (full == NULL)
        skip();
    struct report *r = fixture_r4(DISCLOSURE_REGULATOR, 31);
    setvbuf(full, NULL, _IONBF, 0);
    assert_int_equal(report_write_json(full, r), KZ_IO);
    assert_int_equal(write_csv(full, r), KZ_IO);
    assert_int_equal(report_write_xml(full, r), KZ_IO);
    assert_int_equal(report_write_xsd(full), KZ_IO);
    struct catalogue *words = words_of("en");
    assert_int_equal(report_write_html(full, r, words), KZ_IO);
    catalogue_free(words);
    report_free(r);
    fclose(full);
}

/* --- catalogues ----------------------------------------------------------------------- */

static json_t *catalogue_json(const char *language)
{
    char path[64];
    json_error_t why;
    snprintf(path, sizeof(path), "conf/catalogues/%s.json", language);
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
    if (root == NULL)
        fail_msg("%s: %s", path, why.text);
    return root;
}

/* Members of `a` that are not in `b`, or are empty. */
static void is_within(const json_t *a, const json_t *b, const char *where)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)a, key, value)
    {
        json_t *other = json_object_get(b, key);
        if (key[0] == '_')
            continue;
        if (other == NULL)
            fail_msg("%s.%s is in one language only", where, key);
        if (json_is_object(value))
            is_within(value, other, key);
        else if (json_string_length(value) == 0)
            fail_msg("%s.%s is empty", where, key);
    }
}

static void all_languages_have_the_same_keys_and_no_empty_text(void **state)
{
    (void)state;
    static const char *const languages[] = {"en", "ru", "tk"};
    json_t *root[3];
    for (size_t i = 0; i < 3; i++)
        root[i] = catalogue_json(languages[i]);
    for (size_t a = 0; a < 3; a++)
        for (size_t b = 0; b < 3; b++)
            is_within(root[a], root[b], languages[a]);
    for (size_t i = 0; i < 3; i++)
        json_decref(root[i]);
}

static void every_column_and_report_has_a_label(void **state)
{
    (void)state;
    json_t *root = catalogue_json("en");
    json_t *columns = json_object_get(root, "columns");
    for (size_t i = 0; i < COMMON_COLUMNS; i++)
        assert_non_null(json_object_get(columns, common_columns[i]));
    for (int id = 0; id < REPORT_IDS; id++) {
        const struct report_kind *k = report_kind_of((enum report_id)id);
        assert_non_null(json_object_get(json_object_get(root, "reports"), k->name));
        for (size_t i = 0; i < k->count; i++)
            if (json_object_get(columns, k->columns[i].name) == NULL)
                fail_msg("%s has no label", k->columns[i].name);
    }
    json_decref(root);
}

static void what_is_unverified_names_keys_that_are_there(void **state)
{
    (void)state;
    json_t *root = catalogue_json("tk"), *list = json_object_get(root, "_unverified");
    assert_true(json_array_size(list) > 0);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        char section[32];
        const char *dot = strchr(name, '.');
        assert_non_null(dot);
        snprintf(section, sizeof(section), "%.*s", (int)(dot - name), name);
        if (json_object_get(json_object_get(root, section), dot + 1) == NULL)
            fail_msg("%s", name);
    }
    json_decref(root);
}

static void a_word_that_is_missing_is_its_key(void **state)
{
    (void)state;
    struct catalogue *c = words_of("tk");
    assert_string_equal(catalogue_language(c), "tk");
    assert_string_equal(catalogue_text(c, "codes", "brand_new"), "brand_new");
    assert_string_equal(catalogue_text(c, "nothing", "at_all"), "at_all");
    catalogue_free(c);
    catalogue_free(NULL);
}

static void numbers_and_dates_follow_the_language(void **state)
{
    (void)state;
    static const struct {
        const char *number, *en, *tk;
    } rows[] = {
        {"0", "0", "0"},
        {"999", "999", "999"},
        {"-999", "-999", "-999"},
        {"1000", "1,000", "1\302\240000"},
        {"-1234567.05", "-1,234,567.05", "-1\302\240234\302\240567,05"},
        {"0.00000001", "0.00000001", "0,00000001"},
    };
    struct catalogue *en = words_of("en"), *tk = words_of("tk");
    char out[64];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        catalogue_number(en, out, sizeof(out), rows[i].number);
        assert_string_equal(out, rows[i].en);
        catalogue_number(tk, out, sizeof(out), rows[i].number);
        assert_string_equal(out, rows[i].tk);
    }
    catalogue_date(tk, out, sizeof(out), "2026-10-31 12:00");
    assert_string_equal(out, "31.10.2026 12:00");
    catalogue_date(en, out, sizeof(out), "2026-10-31");
    assert_string_equal(out, "2026-10-31");
    catalogue_free(en);
    catalogue_free(tk);
}

static void a_file_that_is_no_catalogue_is_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *named;
    } rows[] = {
        {"{", "line"},
        {"{}", "columns"},
        {"{\"columns\":{\"a\":1}}", "\"a\""},
        {"{\"columns\":{},\"columns\":{}}", "duplicate"},
    };
    char path[] = "/tmp/kariz-catalogue-XXXXXX", why[CATALOGUE_WHY_SIZE];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct catalogue *c = NULL;
        save(path, rows[i].text, strlen(rows[i].text));
        assert_int_equal(catalogue_load(&c, why, path), KZ_PARSE);
        assert_null(c);
        if (strstr(why, rows[i].named) == NULL || strstr(why, path) == NULL)
            fail_msg("%s", why);
    }
    unlink(path);
    struct catalogue *c = NULL;
    assert_int_equal(catalogue_load(&c, why, path), KZ_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_master_of_every_report_is_canonical),
        cmocka_unit_test(json_holds_each_value_in_its_type),
        cmocka_unit_test(json_keeps_names_byte_for_byte),
        cmocka_unit_test(csv_begins_with_names_and_quotes_what_it_must),
        cmocka_unit_test(csv_can_have_semicolons_and_a_mark_of_utf8),
        cmocka_unit_test(a_negative_amount_is_a_number_and_no_formula),
        cmocka_unit_test(csv_has_no_rows_of_totals),
        cmocka_unit_test(xml_escapes_what_would_be_markup),
        cmocka_unit_test(every_report_fits_the_schema),
        cmocka_unit_test(html_runs_and_loads_nothing),
        cmocka_unit_test(the_operators_name_cannot_leave_the_style),
        cmocka_unit_test(html_is_localised),
        cmocka_unit_test(an_unverified_profile_is_said_on_every_page),
        cmocka_unit_test(few_columns_stand_upright_and_many_break_into_lines),
        cmocka_unit_test(all_forms_have_as_many_rows),
        cmocka_unit_test(what_has_no_rows_is_not_counted),
        cmocka_unit_test(a_full_disk_is_told),
        cmocka_unit_test(all_languages_have_the_same_keys_and_no_empty_text),
        cmocka_unit_test(every_column_and_report_has_a_label),
        cmocka_unit_test(what_is_unverified_names_keys_that_are_there),
        cmocka_unit_test(a_word_that_is_missing_is_its_key),
        cmocka_unit_test(numbers_and_dates_follow_the_language),
        cmocka_unit_test(a_file_that_is_no_catalogue_is_refused_by_name),
    };
    return cmocka_run_group_tests_name("report_formats", tests, NULL, NULL);
}
