/* Profiles: those that are shipped, and each rule broken once. */
#include "pool/registry/profile.h"
#include "pool/registry/zone.h"

#include "conf/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TM "conf/jurisdictions/tm.json"

static struct profile *load(const char *path)
{
    char why[PROFILE_WHY_SIZE];
    struct profile *p = NULL;
    if (profile_load(&p, why, path) != KZ_OK)
        fail_msg("%s: %s", path, why);
    return p;
}

static enum kz_err parse(struct profile **out, char why[PROFILE_WHY_SIZE],
                         const json_t *json)
{
    char *text = json_dumps(json, 0);
    enum kz_err err =
        profile_parse(out, why, (struct bytes){(const uint8_t *)text, strlen(text)});
    free(text);
    return err;
}

static json_t *base(void)
{
    json_t *json = json_load_file(TM, 0, NULL);
    assert_non_null(json);
    return json;
}

/* The value at "tax_id.checksum" or "sources.0.url" becomes `value`, JSON text; NULL: it
 * goes. */
static void set(json_t *json, const char *path, const char *value)
{
    char copy[100], *rest = copy, *key;
    json_t *parent = NULL, *at = json;
    snprintf(copy, sizeof(copy), "%s", path);
    while ((key = strsep(&rest, ".")) != NULL && rest != NULL) {
        parent = at;
        at = json_is_array(parent) ? json_array_get(parent, (size_t)(key[0] - '0'))
                                   : json_object_get(parent, key);
        assert_non_null(at);
    }
    if (value == NULL) {
        assert_int_equal(json_object_del(at, key), 0);
        return;
    }
    json_t *made = json_loads(value, JSON_DECODE_ANY, NULL);
    assert_non_null(made);
    if (json_is_array(at))
        assert_int_equal(json_array_set_new(at, (size_t)(key[0] - '0'), made), 0);
    else
        assert_int_equal(json_object_set_new(at, key, made), 0);
}

struct rule {
    const char *path, *value;
    enum kz_err err;
    const char *why; /* the whole of it */
};

static void expect_refused(const struct rule *r)
{
    char why[PROFILE_WHY_SIZE] = "";
    struct profile *p = NULL;
    json_t *json = base();
    set(json, r->path, r->value);
    enum kz_err err = parse(&p, why, json);
    if (err != r->err || p != NULL || strcmp(why, r->why) != 0)
        fail_msg("%s = %s: %d '%s', not '%s'", r->path,
                 r->value != NULL ? r->value : "-", (int)err, why, r->why);
    json_decref(json);
}

static struct profile *accept(const char *path, const char *value)
{
    char why[PROFILE_WHY_SIZE] = "";
    struct profile *p = NULL;
    json_t *json = base();
    set(json, path, value);
    if (parse(&p, why, json) != KZ_OK)
        fail_msg("%s = %s: %s", path, value != NULL ? value : "-", why);
    json_decref(json);
    return p;
}

static void turkmenistan_is_as_the_specification_says(void **state)
{
    (void)state;
    struct profile *p = load(TM);
    assert_string_equal(p->code, "TM");
    assert_false(p->verified);
    assert_string_equal(p->timezone, "Asia/Ashgabat");
    assert_int_equal(p->utc_offset_minutes, 300);
    assert_string_equal(profile_text(&p->authority, "tk"),
                        "Türkmenistanyň Merkezi banky");
    assert_string_equal(profile_text(&p->authority, "de"),
                        "Central Bank of Turkmenistan");
    assert_false(p->kinds_allowed[MINER_NATURAL_PERSON]);
    assert_true(p->kinds_allowed[MINER_INDIVIDUAL_ENTREPRENEUR]);
    assert_true(p->kinds_allowed[MINER_LEGAL_ENTITY]);
    assert_int_equal(p->minimum_age, 18);
    assert_int_equal(p->certificate.term_months, PROFILE_UNLIMITED);
    assert_true(p->certificate.verify_before_active);
    assert_null(p->certificate.pattern);
    assert_true(pattern_fits(p->tax_id.pattern, "123456"));
    assert_false(pattern_fits(p->tax_id.pattern, "12345"));
    assert_int_equal(p->tax_id.checksum, TAXID_NONE);
    assert_true(p->tax_id.required[MINER_RESIDENT]);
    assert_false(p->tax_id.required[MINER_NON_RESIDENT]);
    assert_int_equal(p->declarations.count, 6);
    assert_true(profile_list_has(&p->declarations, "no_hidden_mining"));
    assert_int_equal(p->region_count, 6);
    assert_string_equal(profile_text(&profile_region_find(p, "TM-D")->name, "tk"),
                        "Daşoguz");
    assert_null(profile_region_find(p, "TM-X"));
    assert_int_equal(p->reports[PROFILE_R3_EQUIPMENT], PROFILE_QUARTER);
    assert_int_equal(p->reports[PROFILE_R8_ALERTS], PROFILE_MONTH);
    assert_int_equal(p->due_day, 20);
    assert_int_equal(p->csv_delimiter, ';');
    assert_int_equal(p->review_days_high, 90);
    assert_int_equal(p->owner_change_days, 10);
    assert_int_equal(p->kwh_month, 0);
    assert_int_equal(p->declared_hashrate_tolerance_percent, 10);
    assert_int_equal(p->aml_obliged, PROFILE_UNKNOWN);
    profile_free(p);
}

/* Section 5 of the specification, to the letter, and the zone's offset, which it lacks. */
static void the_specifications_own_example_is_a_profile(void **state)
{
    (void)state;
    static const char *const ours[] = {"verified_note", "regions",
                                       "refusals_keep_days"};
    char why[PROFILE_WHY_SIZE] = "";
    struct profile *p = NULL;
    json_t *json = base();
    for (size_t i = 0; i < 3; i++)
        json_object_del(json, ours[i]);
    json_object_del(json_object_get(json, "certificate"), "warn_days");
    json_object_del(json_object_get(json, "fields"), "identity_document");
    json_t *reports = json_object_get(json, "reports");
    json_object_del(reports, "R9");
    json_object_del(reports, "R10");
    json_object_del(reports, "csv_bom");
    if (parse(&p, why, json) != KZ_OK)
        fail_msg("%s", why);
    assert_int_equal(p->certificate.warn_days, 60);
    assert_int_equal(p->refusals_keep_days, 90);
    assert_int_equal(p->reports[PROFILE_R9_PROOF], PROFILE_MONTH);
    assert_int_equal(p->reports[PROFILE_R10_WATCHER], PROFILE_ON_DEMAND);
    assert_int_equal(p->fields[PROFILE_IDENTITY_DOCUMENT], PROFILE_NO);
    profile_free(p);
    json_decref(json);
}

static void other_countries_differ_by_data_alone(void **state)
{
    (void)state;
    struct profile *kz = load("conf/jurisdictions/kz.json");
    struct profile *uz = load("conf/jurisdictions/uz.json");
    struct profile *ru = load("conf/jurisdictions/ru.json");
    struct profile *generic = load("conf/jurisdictions/generic.json");
    assert_int_equal(kz->tax_id.checksum, TAXID_KZ_IIN_BIN);
    assert_int_equal(kz->certificate.term_months, 36);
    assert_int_equal(uz->certificate.term_months, 60);
    assert_false(pattern_fits(uz->tax_id.pattern, "12345678"));
    assert_int_equal(ru->tax_id.checksum, TAXID_RU_INN);
    assert_int_equal(ru->utc_offset_minutes, 180);
    assert_string_equal(generic->code, PROFILE_CODE_GENERIC);
    assert_true(generic->kinds_allowed[MINER_NATURAL_PERSON]);
    assert_string_equal(profile_text(&generic->authority, "en"), "");
    assert_null(generic->currency);
    assert_false(kz->verified || uz->verified || ru->verified || generic->verified);
    profile_free(kz);
    profile_free(uz);
    profile_free(ru);
    profile_free(generic);
}

static void the_hash_is_of_the_files_bytes(void **state)
{
    (void)state;
    char why[PROFILE_WHY_SIZE], hex[65];
    struct profile *p = NULL;
    json_t *json = base();
    assert_int_equal(parse(&p, why, json), KZ_OK);
    char *text = json_dumps(json, 0);
    struct hash256 expected;
    hash256_single(&expected, text, strlen(text));
    assert_memory_equal(p->sha256.b, expected.b, 32);
    hex_encode(hex, p->sha256.b, 32);
    struct profile *file = load(TM);
    assert_false(hash256_equal(&file->sha256, &p->sha256)); /* other blanks */
    profile_free(file);
    profile_free(p);
    free(text);
    json_decref(json);
}

static void every_key_is_known_typed_and_bounded(void **state)
{
    (void)state;
    static const struct rule rules[] = {
        {"tax_id.checksum", "\"foo\"", KZ_RANGE,
         "tax_id.checksum: \"foo\": one of none, kz_iin_bin, ru_inn expected"},
        {"tax_id.checksum", "7", KZ_PARSE,
         "tax_id.checksum: 7: one of none, kz_iin_bin, ru_inn expected"},
        {"tax_id.digits", "6", KZ_PARSE, "tax_id: \"digits\": a known key expected"},
        {"secret", "1", KZ_PARSE, "\"secret\": a known key expected"},
        {"tax_id", "[]", KZ_PARSE, "tax_id: []: an object expected"},
        {"tax_id.pattern", NULL, KZ_PARSE, "tax_id.pattern: is missing"},
        {"tax_id.pattern", "\"[0-9]+\"", KZ_RANGE,
         "tax_id.pattern: \"[0-9]+\": ^ first and $ last, and nowhere else expected"},
        {"tax_id.pattern", "5", KZ_PARSE, "tax_id.pattern: 5: a text expected"},
        {"tax_id.required", "[\"everybody\"]", KZ_RANGE,
         "tax_id.required[0]: \"everybody\": one of resident, non_resident expected"},
        {"tax_id.required", "[\"resident\",\"resident\"]", KZ_RANGE,
         "tax_id.required[1]: \"resident\": each only once expected"},
        {"schema", "\"kariz-jurisdiction/2\"", KZ_RANGE,
         "schema: \"kariz-jurisdiction/2\": one of kariz-jurisdiction/1 expected"},
        {"code", "\"ZZ\"", KZ_RANGE,
         "code: \"ZZ\": a country's code of ISO 3166-1, or generic, expected"},
        {"code", "\"tm\"", KZ_RANGE,
         "code: \"tm\": a country's code of ISO 3166-1, or generic, expected"},
        {"code", "\"KZ\"", KZ_RANGE,
         "regions[0]: \"TM-A\": a region of this country expected"},
        {"version", "\"1 2\"", KZ_RANGE,
         "version: \"1 2\": letters, digits, ., _ and - expected"},
        {"version", "\"\"", KZ_RANGE, "version: \"\": 1 to 32 bytes expected"},
        {"verified", "\"yes\"", KZ_PARSE, "verified: \"yes\": true or false expected"},
        {"verified", "true", KZ_RANGE,
         "verified: true: a verified_note that says by whom and how expected"},
        {"verified_note", "\"two\\nlines\"", KZ_RANGE,
         "verified_note: \"two\\nlines\": a text of one line, no blanks around it, "
         "expected"},
        {"verified_note", "\"by \\u009b2J\"", KZ_RANGE,
         "verified_note: \"by \\u009B2J\": a text of one line, no blanks around it, "
         "expected"},
        {"version", "\"1\x7f\x7f\"", KZ_RANGE,
         "version: \"1??\": a text of one line, no blanks around it, expected"},
        {"sources.0.url", "\"ftp://x\"", KZ_RANGE,
         "sources[0].url: \"ftp://x\": https://... or http://... expected"},
        {"sources.0.read_on", "\"2026-02-30\"", KZ_RANGE,
         "sources[0].read_on: \"2026-02-30\": a date like 2026-01-31 expected"},
        {"authority.name", "{}", KZ_RANGE,
         "authority.name: {}: 1 to 8 languages expected"},
        {"authority.name.EN", "\"x\"", KZ_RANGE,
         "authority.name: \"EN\": a language like tk or uz-Cyrl expected"},
        {"authority.name.en", "\" x\"", KZ_RANGE,
         "authority.name.en: \" x\": a text of one line, no blanks around it, "
         "expected"},
        {"timezone", "\"/etc/passwd\"", KZ_RANGE,
         "timezone: \"/etc/passwd\": a zone like Asia/Ashgabat expected"},
        {"timezone", "\"../../x\"", KZ_RANGE,
         "timezone: \"../../x\": a zone like Asia/Ashgabat expected"},
        {"utc_offset_minutes", "841", KZ_RANGE,
         "utc_offset_minutes: 841: -720 to 840 expected"},
        {"utc_offset_minutes", "5.5", KZ_PARSE,
         "utc_offset_minutes: 5.5: a whole number expected"},
        {"utc_offset_minutes", NULL, KZ_PARSE, "utc_offset_minutes: is missing"},
        {"currency", "\"tmt\"", KZ_RANGE,
         "currency: \"tmt\": a currency's code of ISO 4217 expected"},
        {"languages", "[]", KZ_RANGE, "languages: []: 1 to 64 members expected"},
        {"languages", "[\"tk\",\"tk\"]", KZ_RANGE,
         "languages[1]: \"tk\": each only once expected"},
        {"kinds_allowed", "[]", KZ_RANGE, "kinds_allowed: []: 1 to 3 members expected"},
        {"kinds_allowed", "\"legal_entity\"", KZ_PARSE,
         "kinds_allowed: \"legal_entity\": a list expected"},
        {"non_residents", "\"maybe\"", KZ_RANGE,
         "non_residents: \"maybe\": one of registered_only, refused expected"},
        {"minimum_age", "-1", KZ_RANGE, "minimum_age: -1: 0 to 99 expected"},
        {"certificate.term", "\"3Y\"", KZ_RANGE,
         "certificate.term: \"3Y\": null, or years or months like P3Y or P36M, "
         "expected"},
        {"certificate.term", "\"P0Y\"", KZ_RANGE,
         "certificate.term: \"P0Y\": null, or years or months like P3Y or P36M, "
         "expected"},
        {"certificate.term", "\"P3YM\"", KZ_RANGE,
         "certificate.term: \"P3YM\": null, or years or months like P3Y or P36M, "
         "expected"},
        {"certificate.term", "\"P101Y\"", KZ_RANGE,
         "certificate.term: \"P101Y\": null, or years or months like P3Y or P36M, "
         "expected"},
        {"certificate.term", "\"P99999999999999999999Y\"", KZ_RANGE,
         "certificate.term: \"P99999999999999999999Y\": null, or years or months like "
         "P3Y "
         "or P36M, expected"},
        {"certificate.term", "3", KZ_PARSE,
         "certificate.term: 3: null, or years or months like P3Y or P36M, expected"},
        {"certificate.qr_hosts", "[\"https://x.tm\"]", KZ_RANGE,
         "certificate.qr_hosts[0]: \"https://x.tm\": a host's name in small letters "
         "expected"},
        {"fields.sites", "\"always\"", KZ_RANGE,
         "fields.sites: \"always\": one of no, optional, required, required_if_local, "
         "legal_entity expected"},
        {"fields.birth_date", NULL, KZ_PARSE, "fields.birth_date: is missing"},
        {"names.match", "\"exact\"", KZ_RANGE,
         "names.match: \"exact\": one of word_prefix_folded expected"},
        {"names.action", "\"refuse\"", KZ_RANGE,
         "names.action: \"refuse\": one of flag expected"},
        {"names.forbidden.0.stems", "[\"-\"]", KZ_RANGE,
         "names.forbidden[0].stems[0]: \"-\": a word of 2 letters or more, no blank "
         "within, expected"},
        {"names.forbidden.1.lang", "null", KZ_PARSE,
         "names.forbidden[1].lang: null: a text expected"},
        {"countries_refused", "[\"XX\"]", KZ_RANGE,
         "countries_refused[0]: \"XX\": a country's code of ISO 3166-1 expected"},
        {"declarations", "[\"Not so\"]", KZ_RANGE,
         "declarations[0]: \"Not so\": a word of a-z, 0-9 and _ expected"},
        {"regions.1.code", "\"TM-A\"", KZ_RANGE,
         "regions[1]: \"TM-A\": each only once expected"},
        {"regions.1.code", "\"TMA\"", KZ_RANGE,
         "regions[1].code: \"TMA\": 4 to 6 bytes "
         "expected"},
        {"review_days.high", "0", KZ_RANGE, "review_days.high: 0: 1 to 3660 expected"},
        {"suspend_closes_sessions_seconds", "61", KZ_RANGE,
         "suspend_closes_sessions_seconds: 61: 1 to 60 expected"},
        {"limits.kwh_month", "0", KZ_RANGE,
         "limits.kwh_month: 0: 1 to 1000000000 expected"},
        {"limits.kwh_month", "1e20", KZ_PARSE,
         "limits.kwh_month: 1e20: a whole number expected"},
        {"stop_orders",
         "[{\"from\":\"2026-11-01T00:00Z\",\"to\":\"2026-11-01T00:00Z\","
         "\"basis\":\"x\"}]",
         KZ_RANGE,
         "stop_orders[0]: \"2026-11-01T00:00Z\": an end behind the beginning expected"},
        {"stop_orders", "[{\"from\":\"2026-11-01T00:00\",\"to\":null,\"basis\":\"x\"}]",
         KZ_RANGE,
         "stop_orders[0].from: \"2026-11-01T00:00\": a time in UTC like "
         "2026-01-31T19:00Z "
         "expected"},
        {"reports.R1", "\"week\"", KZ_RANGE,
         "reports.R1: \"week\": one of on_demand, day, month, quarter, year expected"},
        {"reports.R5", NULL, KZ_PARSE, "reports.R5: is missing"},
        {"reports.R11", "\"month\"", KZ_PARSE,
         "reports: \"R11\": a known key expected"},
        {"reports.due_day", "29", KZ_RANGE, "reports.due_day: 29: 1 to 28 expected"},
        {"reports.csv_delimiter", "\"|\"", KZ_RANGE,
         "reports.csv_delimiter: \"|\": \",\" or \";\" expected"},
        {"retention_years", "null", KZ_PARSE,
         "retention_years: null: a whole number expected"},
        {"personal_data_country", "\"EU\"", KZ_RANGE,
         "personal_data_country: \"EU\": a country's code of ISO 3166-1 expected"},
        {"aml_obliged", "true", KZ_PARSE,
         "aml_obliged: true: one of unknown, no, yes expected"},
    };
    for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
        expect_refused(&rules[i]);
}

/* So that a key that is added to the table cannot be forgotten in the files. */
static void every_key_but_a_few_must_be_there(void **state)
{
    (void)state;
    static const char optional[] = " verified_note regions refusals_keep_days ";
    json_t *json = base(), *value;
    const char *key;
    json_object_foreach(json, key, value)
    {
        char why[PROFILE_WHY_SIZE] = "", word[64];
        struct profile *p = NULL;
        json_t *copy = json_deep_copy(json);
        json_object_del(copy, key);
        snprintf(word, sizeof(word), " %s ", key);
        bool may_lack = strstr(optional, word) != NULL;
        assert_int_equal(parse(&p, why, copy) == KZ_OK, may_lack);
        profile_free(p);
        json_decref(copy);
    }
    json_decref(json);
}

static void what_is_unknown_may_be_null(void **state)
{
    (void)state;
    static const char *const keys[] = {
        "verified_note",
        "sources.0.url",
        "sources.0.read_on",
        "authority",
        "currency",
        "minimum_age",
        "certificate.pattern",
        "certificate.term",
        "tax_id.pattern",
        "tax_id.checksum",
        "owner_change_days",
        "limits.kwh_month",
        "reports.due_day",
        "personal_data_country",
    };
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
        profile_free(accept(keys[i], "null"));
}

static void bytes_that_are_no_profile_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "line 1: no JSON"},
        {"[1]", "[1]: an object expected"},
        {"{\n\"code\":1,\n\"code\":2}", "line 3: no JSON (or a key twice)"},
        {"{\"code\":\"\xff\"}", "line 1: no JSON"},
        {"{}", "schema: is missing"},
        {"{} x", "line 1: no JSON"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char why[PROFILE_WHY_SIZE] = "";
        struct profile *p = NULL;
        struct bytes file = {(const uint8_t *)cases[i].text, strlen(cases[i].text)};
        assert_int_equal(profile_parse(&p, why, file), KZ_PARSE);
        if (strncmp(why, cases[i].why, strlen(cases[i].why)) != 0)
            fail_msg("%s: '%s'", cases[i].text, why);
        assert_null(p);
    }
}

static void a_value_is_shown_cut_and_escaped(void **state)
{
    (void)state;
    const struct rule rule = {
        "currency", "\"\\u001b[2Jааааааааааааааааааааааааааа\"", KZ_RANGE,
        "currency: "
        "\"\\u001B[2J\\u0430\\u0430\\u0430\\u0430\\u0430\\u0430\\u0430\\u0430\\u...: "
        "3 bytes expected"};
    expect_refused(&rule);
}

static void a_file_too_large_is_not_read(void **state)
{
    (void)state;
    char why[PROFILE_WHY_SIZE] = "";
    struct profile *p = NULL;
    uint8_t *blanks = mem_new(PROFILE_FILE_MAX + 1);
    memset(blanks, ' ', PROFILE_FILE_MAX + 1);
    struct bytes file = {blanks, PROFILE_FILE_MAX + 1};
    assert_int_equal(profile_parse(&p, why, file), KZ_RANGE);
    assert_string_equal(why, "a file of at most 262144 bytes expected");
    mem_free(blanks);
}

static void a_file_that_is_not_there_says_so(void **state)
{
    (void)state;
    char why[PROFILE_WHY_SIZE] = "";
    struct profile *p = NULL;
    assert_int_equal(profile_load(&p, why, "conf/jurisdictions/zz.json"), KZ_IO);
    assert_string_equal(why, "cannot be opened: No such file or directory");
    assert_int_equal(profile_load(&p, why, "conf/jurisdictions"), KZ_IO);
    assert_null(p);
}

static void a_code_names_a_file_and_nothing_else(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "t", "../tm", "t m", "tm.json", "t1"};
    char path[64] = "";
    assert_int_equal(profile_path(path, sizeof(path), "d", "TM"), KZ_OK);
    assert_string_equal(path, "d/tm.json");
    assert_int_equal(profile_path(path, sizeof(path), "/a/b", "generic"), KZ_OK);
    assert_string_equal(path, "/a/b/generic.json");
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_int_equal(profile_path(path, sizeof(path), "d", bad[i]), KZ_RANGE);
    assert_int_equal(profile_path(path, 9, "d", "tm"), KZ_RANGE);
}

static void a_field_is_asked_of_whom_it_concerns(void **state)
{
    (void)state;
    struct profile *p = load(TM);
    assert_true(
        profile_requires(p, PROFILE_EQUIPMENT, MINER_LEGAL_ENTITY, MINER_NON_RESIDENT));
    assert_true(profile_requires(p, PROFILE_SITES, MINER_LEGAL_ENTITY, MINER_RESIDENT));
    assert_false(
        profile_requires(p, PROFILE_SITES, MINER_LEGAL_ENTITY, MINER_NON_RESIDENT));
    assert_true(profile_takes(p, PROFILE_SITES, MINER_LEGAL_ENTITY));
    assert_true(profile_requires(p, PROFILE_BENEFICIAL_OWNERS, MINER_LEGAL_ENTITY,
                                 MINER_NON_RESIDENT));
    assert_false(profile_requires(p, PROFILE_BENEFICIAL_OWNERS,
                                  MINER_INDIVIDUAL_ENTREPRENEUR, MINER_RESIDENT));
    assert_false(
        profile_takes(p, PROFILE_BENEFICIAL_OWNERS, MINER_INDIVIDUAL_ENTREPRENEUR));
    assert_false(profile_takes(p, PROFILE_BIRTH_DATE, MINER_INDIVIDUAL_ENTREPRENEUR));
    profile_free(p);
    p = accept("fields.birth_date", "\"optional\"");
    assert_true(profile_takes(p, PROFILE_BIRTH_DATE, MINER_INDIVIDUAL_ENTREPRENEUR));
    assert_false(profile_requires(p, PROFILE_BIRTH_DATE, MINER_INDIVIDUAL_ENTREPRENEUR,
                                  MINER_RESIDENT));
    profile_free(p);
}

static void
a_stop_order_is_in_force_from_its_first_moment_to_before_its_last(void **state)
{
    (void)state;
    struct profile *p =
        accept("stop_orders",
               "[{\"from\":\"2026-01-01T00:00Z\",\"to\":\"2026-01-01T00:01Z\","
               "\"basis\":\"first\"},"
               "{\"from\":\"2026-02-01T00:00Z\",\"to\":null,\"basis\":\"second\"}]");
    int64_t start = INT64_C(1767225600000);
    assert_null(profile_stop_at(p, start - 1));
    assert_string_equal(profile_stop_at(p, start)->basis, "first");
    assert_string_equal(profile_stop_at(p, start + 59999)->basis, "first");
    assert_null(profile_stop_at(p, start + 60000));
    assert_string_equal(profile_stop_at(p, start + INT64_C(31536000000))->basis,
                        "second");
    profile_free(p);
}

static void verified_needs_somebodys_word(void **state)
{
    (void)state;
    char why[PROFILE_WHY_SIZE] = "";
    struct profile *p = NULL;
    json_t *json = base();
    set(json, "verified", "true");
    set(json, "verified_note", "\"A. Amanow, by letter 12 of the bank\"");
    assert_int_equal(parse(&p, why, json), KZ_OK);
    assert_true(p->verified);
    profile_free(p);
    json_decref(json);
}

static void the_zone_tables_rule_is_understood(void **state)
{
    (void)state;
    static const struct {
        const char *rule;
        int32_t minutes;
        bool has_daylight_saving;
    } rules[] = {{"<+05>-5", 300, false},
                 {"UTC0", 0, false},
                 {"MSK-3", 180, false},
                 {"<+0530>-5:30", 330, false},
                 {"<-03>3", -180, false},
                 {"CET-1CEST,M3.5.0,M10.5.0/3", 60, true},
                 {"EST5EDT,M3.2.0,M11.1.0", -300, true}};
    static const char *const bad[] = {"",    "<+05",  "+5",    "AB-1",
                                      "MSK", "MSK-x", "MSK-99"};
    struct zone z;
    for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
        assert_int_equal(zone_parse_rule(&z, rules[i].rule), KZ_OK);
        assert_int_equal(z.offset_minutes, rules[i].minutes);
        assert_int_equal(z.has_daylight_saving, rules[i].has_daylight_saving);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_int_equal(zone_parse_rule(&z, bad[i]), KZ_PARSE);
}

static void a_zone_with_daylight_saving_is_refused(void **state)
{
    (void)state;
    struct zone z;
    char why[PROFILE_WHY_SIZE] = "", path[] = "/tmp/kariz-profile-XXXXXX";
    struct profile *p = NULL;
    assert_int_equal(zone_read(&z, "No/Where"), KZ_EMPTY);
    assert_int_equal(zone_read(&z, "../../etc/passwd"), KZ_EMPTY);
    if (zone_read(&z, "Europe/Berlin") == KZ_EMPTY)
        skip(); /* a machine without a zone table */
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    json_t *json = base();
    set(json, "timezone", "\"Europe/Berlin\"");
    assert_int_equal(json_dumpfd(json, fd, 0), 0);
    close(fd);
    assert_int_equal(profile_load(&p, why, path), KZ_RANGE);
    assert_string_equal(why,
                        "timezone: \"Europe/Berlin\": a zone without daylight saving "
                        "expected");
    assert_null(p);
    unlink(path);
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(turkmenistan_is_as_the_specification_says),
        cmocka_unit_test(the_specifications_own_example_is_a_profile),
        cmocka_unit_test(other_countries_differ_by_data_alone),
        cmocka_unit_test(the_hash_is_of_the_files_bytes),
        cmocka_unit_test(every_key_is_known_typed_and_bounded),
        cmocka_unit_test(every_key_but_a_few_must_be_there),
        cmocka_unit_test(what_is_unknown_may_be_null),
        cmocka_unit_test(bytes_that_are_no_profile_are_refused),
        cmocka_unit_test(a_value_is_shown_cut_and_escaped),
        cmocka_unit_test(a_file_too_large_is_not_read),
        cmocka_unit_test(a_file_that_is_not_there_says_so),
        cmocka_unit_test(a_code_names_a_file_and_nothing_else),
        cmocka_unit_test(a_field_is_asked_of_whom_it_concerns),
        cmocka_unit_test(
            a_stop_order_is_in_force_from_its_first_moment_to_before_its_last),
        cmocka_unit_test(verified_needs_somebodys_word),
        cmocka_unit_test(the_zone_tables_rule_is_understood),
        cmocka_unit_test(a_zone_with_daylight_saving_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
