#include "pool/registry/profile.h"

#include "conf/clock.h"
#include "conf/mem.h"
#include "pool/registry/form.h"
#include "pool/registry/profile_rules.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array)       (sizeof(array) / sizeof(*(array)))
#define AT(member)         offsetof(struct profile, member)
#define SCHEMA             "kariz-jurisdiction/1"
#define TERM_MONTHS_MAX    1200
#define WARN_DAYS_DEFAULT  60
#define REFUSALS_DEFAULT   90
#define OFFSET_MINUTES_MIN (-12 * 60)
#define OFFSET_MINUTES_MAX (14 * 60)

/* --- readers of our own -------------------------------------------------------------- */

/* `max` is of the bytes of a member. */
static enum kz_err read_list(struct form *f, void *base, const json_t *value,
                             const struct form_row *row)
{
    struct profile_list *list = (void *)((char *)base + row->offset);
    if (!json_is_array(value))
        return form_refuse(f, KZ_PARSE, value, "a list");
    size_t count = json_array_size(value);
    if (count < (size_t)row->min || count > PROFILE_LIST_MAX)
        return form_refuse(f, KZ_RANGE, value,
                           row->min > 0 ? "1 to 64 members" : "at most 64 members");
    for (size_t i = 0; i < count; i++) {
        const struct form_row member = {.min = 1, .max = row->max, .more = row->more};
        const json_t *text = json_array_get(value, i);
        size_t was = form_enter_index(f, i);
        enum kz_err err = form_text(f, &list->items[i], text, &member);
        if (err == KZ_OK && profile_list_has(list, list->items[i]))
            err = form_refuse(f, KZ_RANGE, text, "each only once");
        if (err != KZ_OK)
            return err;
        list->count++;
        form_leave(f, was);
    }
    return KZ_OK;
}

static enum kz_err read_texts(struct form *f, void *base, const json_t *value,
                              const struct form_row *row)
{
    struct profile_texts *texts = (void *)((char *)base + row->offset);
    const struct form_row member = {.min = 1, .max = row->max};
    const char *lang;
    json_t *text;
    if (!json_is_object(value))
        return form_refuse(f, KZ_PARSE, value, "an object of texts by language");
    if (json_object_size(value) < 1 || json_object_size(value) > PROFILE_TEXTS_MAX)
        return form_refuse(f, KZ_RANGE, value, "1 to 8 languages");
    json_object_foreach((json_t *)value, lang, text)
    {
        if (!rule_language.fits(lang))
            return form_refuse_key(f, KZ_RANGE, lang, rule_language.expected);
        size_t was = form_enter_key(f, lang);
        enum kz_err err = form_text(f, &texts->items[texts->count].text, text, &member);
        if (err != KZ_OK)
            return err;
        texts->items[texts->count++].lang = lang;
        form_leave(f, was);
    }
    return KZ_OK;
}

/* Into a struct pattern *. */
static enum kz_err read_pattern(struct form *f, void *base, const json_t *value,
                                const struct form_row *row)
{
    struct pattern **out = (void *)((char *)base + row->offset);
    const char *why = "a text", *text = json_string_value(value);
    if (text == NULL)
        return form_refuse(f, KZ_PARSE, value, why);
    if (pattern_new(out, &why, text) != KZ_OK)
        return form_refuse(f, KZ_RANGE, value, why);
    return KZ_OK;
}

static enum kz_err read_term(struct form *f, void *base, const json_t *value,
                             const struct form_row *row)
{
    const char *text = json_string_value(value);
    const char *p = text;
    uint64_t n = 0;
    if (text != NULL && *p == 'P' && p[1] >= '1' && p[1] <= '9') {
        p++;
        n = decimal_take(&p);
    }
    uint64_t months = n > TERM_MONTHS_MAX ? 0 : n;
    if (n > 0 && strcmp(p, "Y") == 0)
        months *= 12;
    else if (n == 0 || strcmp(p, "M") != 0)
        months = 0;
    if (months == 0 || months > TERM_MONTHS_MAX)
        return form_refuse(f, text == NULL ? KZ_PARSE : KZ_RANGE, value,
                           "null, or years or months like P3Y or P36M,");
    *(int32_t *)((char *)base + row->offset) = (int32_t)months;
    return KZ_OK;
}

static enum kz_err read_moment(struct form *f, void *base, const json_t *value,
                               const struct form_row *row)
{
    int64_t *out = (void *)((char *)base + row->offset);
    const char *text = json_string_value(value);
    size_t len = text == NULL ? 0 : strlen(text);
    if (len < 12 || text[10] != 'T' || text[len - 1] != 'Z' ||
        clock_utc_parse(out, text, len) != KZ_OK)
        return form_refuse(f, text == NULL ? KZ_PARSE : KZ_RANGE, value,
                           "a time in UTC like 2026-01-31T19:00Z");
    return KZ_OK;
}

static enum kz_err read_delimiter(struct form *f, void *base, const json_t *value,
                                  const struct form_row *row)
{
    const char *text = json_string_value(value);
    if (text == NULL || (strcmp(text, ",") != 0 && strcmp(text, ";") != 0))
        return form_refuse(f, text == NULL ? KZ_PARSE : KZ_RANGE, value,
                           "\",\" or \";\"");
    *((char *)base + row->offset) = text[0];
    return KZ_OK;
}

/* --- the table ------------------------------------------------------------------------ */

#define ROWS(array)                                                                    \
    {                                                                                  \
        .rows = (array), .count = COUNT(array)                                         \
    }
#define WORDS(array)                                                                   \
    {                                                                                  \
        .names = (array), .count = COUNT(array)                                        \
    }

static const char *const answers[] = {[PROFILE_UNKNOWN] = "unknown",
                                      [PROFILE_NOT_OBLIGED] = "no",
                                      [PROFILE_OBLIGED] = "yes"};
static const char *const non_residents[] = {
    [PROFILE_REGISTERED_ONLY] = "registered_only", [PROFILE_REFUSED] = "refused"};
static const struct form_words answer_words = WORDS(answers);
static const struct form_words non_resident_words = WORDS(non_residents);
static const struct form_words kind_words = {miner_kind_names, MINER_KINDS};
static const struct form_words residency_words = {miner_residency_names,
                                                  MINER_RESIDENCIES};
static const struct form_words checksum_words = {taxid_checksum_names, TAXID_CHECKSUMS};
static const struct form_words need_words = {profile_need_names, PROFILE_NEEDS};
static const struct form_words period_words = {profile_period_names, PROFILE_PERIODS};

#define SOURCE(member) offsetof(struct profile_source, member)
static const struct form_row source_rows[] = {
    {"title", form_text, SOURCE(title), 1, 200},
    {"url", form_text, SOURCE(url), 1, 500, &rule_url, .is_null_allowed = true},
    {"read_on", form_text, SOURCE(read_on), 1, 10, &rule_date, .is_null_allowed = true},
};
static const struct form_rows sources = {
    source_rows, COUNT(source_rows), sizeof(struct profile_source), AT(source_count)};

static const struct form_row authority_rows[] = {
    {"name", read_texts, AT(authority), 1, 200},
};
static const struct form_rows authority = ROWS(authority_rows);

static const struct form_row certificate_rows[] = {
    {"label", form_text, AT(certificate.label), 1, 100},
    {"pattern", read_pattern, AT(certificate.pattern), .is_null_allowed = true},
    {"term", read_term, AT(certificate.term_months), .is_null_allowed = true},
    {"warn_days", form_int, AT(certificate.warn_days), 0, 366, .is_optional = true},
    {"qr_hosts", read_list, AT(certificate.qr_hosts), 0, 253, &rule_host},
    {"verify_before_active", form_bool, AT(certificate.verify_before_active)},
};
static const struct form_rows certificate = ROWS(certificate_rows);

static const struct form_row tax_id_rows[] = {
    {"pattern", read_pattern, AT(tax_id.pattern), .is_null_allowed = true},
    {"checksum", form_word, AT(tax_id.checksum), .more = &checksum_words,
     .is_null_allowed = true},
    {"required", form_flags, AT(tax_id.required), 0, MINER_RESIDENCIES,
     &residency_words},
};
static const struct form_rows tax_id = ROWS(tax_id_rows);

#define FIELD(name, which)                                                             \
    {                                                                                  \
        name, form_word, AT(fields) + sizeof(enum profile_need) * (which),             \
            .more = &need_words                                                        \
    }
static const struct form_row field_rows[] = {
    FIELD("equipment", PROFILE_EQUIPMENT),
    FIELD("sites", PROFILE_SITES),
    FIELD("beneficial_owners", PROFILE_BENEFICIAL_OWNERS),
    {"identity_document", form_word,
     AT(fields) + sizeof(enum profile_need) * PROFILE_IDENTITY_DOCUMENT,
     .more = &need_words, .is_optional = true},
    FIELD("birth_date", PROFILE_BIRTH_DATE),
    FIELD("citizenship", PROFILE_CITIZENSHIP),
    FIELD("bank_details", PROFILE_BANK_DETAILS),
};
static const struct form_rows fields = ROWS(field_rows);

#define STEMS(member) offsetof(struct profile_stems, member)
static const struct form_row stem_rows[] = {
    {"lang", form_text, STEMS(lang), 2, 12, &rule_language},
    {"stems", read_list, STEMS(stems), 0, 60, &rule_stem},
    {"abbreviations", read_list, STEMS(abbreviations), 0, 60, &rule_stem,
     .is_optional = true},
};
static const struct form_rows stems = {stem_rows, COUNT(stem_rows),
                                       sizeof(struct profile_stems), AT(stems_count)};

static const struct form_row name_rows[] = {
    {"forbidden", form_array, AT(stems), 0, PROFILE_STEMS_MAX, &stems},
    {"match", form_constant, .more = "word_prefix_folded"},
    {"action", form_constant, .more = "flag"},
};
static const struct form_rows names = ROWS(name_rows);

static const struct form_row review_rows[] = {
    {"high", form_int, AT(review_days_high), 1, 3660},
    {"normal", form_int, AT(review_days_normal), 1, 3660},
};
static const struct form_rows review = ROWS(review_rows);

static const struct form_row limit_rows[] = {
    {"kwh_month", form_long, AT(kwh_month), 1, 1000000000, .is_null_allowed = true},
    {"declared_hashrate_tolerance_percent", form_int,
     AT(declared_hashrate_tolerance_percent), 0, 1000},
};
static const struct form_rows limits = ROWS(limit_rows);

#define STOP(member) offsetof(struct profile_stop, member)
static const struct form_row stop_rows[] = {
    {"from", read_moment, STOP(from_ms)},
    {"to", read_moment, STOP(to_ms), .is_null_allowed = true},
    {"basis", form_text, STOP(basis), 1, 500},
};
static const struct form_rows stops = {stop_rows, COUNT(stop_rows),
                                       sizeof(struct profile_stop), AT(stop_count)};

#define REGION(member) offsetof(struct profile_region, member)
static const struct form_row region_rows[] = {
    {"code", form_text, REGION(code), 4, 6, &rule_region},
    {"name", read_texts, REGION(name), 1, 200},
};
static const struct form_rows regions = {
    region_rows, COUNT(region_rows), sizeof(struct profile_region), AT(region_count)};

#define REPORT(name, which, may_lack)                                                  \
    {                                                                                  \
        name, form_word, AT(reports) + sizeof(enum profile_period) * (which),          \
            .more = &period_words, .is_optional = (may_lack)                           \
    }
static const struct form_row report_rows[] = {
    REPORT("R1", PROFILE_R1_REGISTRY, false),
    REPORT("R2", PROFILE_R2_CHANGES, false),
    REPORT("R3", PROFILE_R3_EQUIPMENT, false),
    REPORT("R4", PROFILE_R4_PRODUCTION, false),
    REPORT("R5", PROFILE_R5_DISTRIBUTIONS, false),
    REPORT("R6", PROFILE_R6_SUMMARY, false),
    REPORT("R7", PROFILE_R7_REFUSALS, false),
    REPORT("R8", PROFILE_R8_ALERTS, false),
    REPORT("R9", PROFILE_R9_PROOF, true),
    REPORT("R10", PROFILE_R10_WATCHER, true),
    {"due_day", form_int, AT(due_day), 1, 28, .is_null_allowed = true},
    {"csv_delimiter", read_delimiter, AT(csv_delimiter)},
    {"csv_bom", form_bool, AT(csv_bom), .is_optional = true},
};
static const struct form_rows reports = ROWS(report_rows);

static const struct form_row profile_rows[] = {
    {"schema", form_constant, .more = SCHEMA},
    {"code", form_text, AT(code), 2, 7, &rule_jurisdiction},
    {"version", form_text, AT(version), 1, 32, &rule_version},
    {"verified", form_bool, AT(verified)},
    {"verified_note", form_text, AT(verified_note), 1, 500, .is_optional = true,
     .is_null_allowed = true},
    {"sources", form_array, AT(sources), 0, PROFILE_SOURCES_MAX, &sources},
    {"authority", form_object, .more = &authority, .is_null_allowed = true},
    {"timezone", form_text, AT(timezone), 1, 64, &rule_zone},
    {"utc_offset_minutes", form_int, AT(utc_offset_minutes), OFFSET_MINUTES_MIN,
     OFFSET_MINUTES_MAX},
    {"currency", form_text, AT(currency), 3, 3, &rule_currency,
     .is_null_allowed = true},
    {"languages", read_list, AT(languages), 1, 12, &rule_language},
    {"kinds_allowed", form_flags, AT(kinds_allowed), 1, MINER_KINDS, &kind_words},
    {"non_residents", form_word, AT(non_residents), .more = &non_resident_words},
    {"minimum_age", form_int, AT(minimum_age), 0, 99, .is_null_allowed = true},
    {"certificate", form_object, .more = &certificate},
    {"tax_id", form_object, .more = &tax_id},
    {"fields", form_object, .more = &fields},
    {"names", form_object, .more = &names},
    {"countries_refused", read_list, AT(countries_refused), 0, 2, &rule_country},
    {"declarations", read_list, AT(declarations), 0, 40, &rule_code},
    {"regions", form_array, AT(regions), 0, PROFILE_REGIONS_MAX, &regions,
     .is_optional = true},
    {"review_days", form_object, .more = &review},
    {"owner_change_days", form_int, AT(owner_change_days), 1, 366,
     .is_null_allowed = true},
    {"suspend_closes_sessions_seconds", form_int, AT(suspend_closes_sessions_seconds),
     1, 60},
    {"limits", form_object, .more = &limits},
    {"stop_orders", form_array, AT(stops), 0, PROFILE_STOPS_MAX, &stops},
    {"reports", form_object, .more = &reports},
    {"retention_years", form_int, AT(retention_years), 1, 100},
    {"refusals_keep_days", form_int, AT(refusals_keep_days), 1, 3660,
     .is_optional = true},
    {"personal_data_country", form_text, AT(personal_data_country), 2, 2, &rule_country,
     .is_null_allowed = true},
    {"aml_obliged", form_word, AT(aml_obliged), .more = &answer_words},
};
static const struct form_rows whole = ROWS(profile_rows);

/* --- what no single value shows ------------------------------------------------------- */

static enum kz_err check_regions(struct form *f, const struct profile *p)
{
    for (size_t i = 0; i < p->region_count; i++) {
        const json_t *region = json_array_get(json_object_get(p->json, "regions"), i);
        const json_t *code = json_object_get(region, "code");
        form_leave(f, 0);
        form_enter_key(f, "regions");
        form_enter_index(f, i);
        if (strncmp(p->regions[i].code, p->code, 2) != 0)
            return form_refuse(f, KZ_RANGE, code, "a region of this country");
        if (profile_region_find(p, p->regions[i].code) != &p->regions[i])
            return form_refuse(f, KZ_RANGE, code, "each only once");
    }
    return KZ_OK;
}

static enum kz_err check_stops(struct form *f, struct profile *p)
{
    for (size_t i = 0; i < p->stop_count; i++) {
        const json_t *stop = json_array_get(json_object_get(p->json, "stop_orders"), i);
        form_leave(f, 0);
        form_enter_key(f, "stop_orders");
        form_enter_index(f, i);
        if (json_is_null(json_object_get(stop, "to")))
            p->stops[i].to_ms = INT64_MAX;
        if (p->stops[i].from_ms >= p->stops[i].to_ms)
            return form_refuse(f, KZ_RANGE, json_object_get(stop, "to"),
                               "an end behind the beginning");
    }
    return KZ_OK;
}

/* Whoever says "verified" says who did. */
static enum kz_err check_note(struct form *f, const struct profile *p)
{
    form_leave(f, 0);
    form_enter_key(f, "verified");
    if (p->verified && p->verified_note == NULL)
        return form_refuse(f, KZ_RANGE, json_object_get(p->json, "verified"),
                           "a verified_note that says by whom and how");
    return KZ_OK;
}

static enum kz_err fill(struct form *f, struct profile *p)
{
    p->certificate.warn_days = WARN_DAYS_DEFAULT;
    p->refusals_keep_days = REFUSALS_DEFAULT;
    p->reports[PROFILE_R9_PROOF] = PROFILE_MONTH;
    p->reports[PROFILE_R10_WATCHER] = PROFILE_ON_DEMAND;
    enum kz_err err = form_read(f, p, p->json, &whole);
    if (err == KZ_OK)
        err = check_regions(f, p);
    if (err == KZ_OK)
        err = check_stops(f, p);
    if (err == KZ_OK)
        err = check_note(f, p);
    return err;
}

enum kz_err profile_parse(struct profile **out, char why[PROFILE_WHY_SIZE],
                          struct bytes file)
{
    struct form f = {.why = why, .why_size = PROFILE_WHY_SIZE};
    json_error_t error;
    if (file.len > PROFILE_FILE_MAX) {
        snprintf(why, PROFILE_WHY_SIZE, "a file of at most %d bytes expected",
                 PROFILE_FILE_MAX);
        return KZ_RANGE;
    }
    json_t *json =
        json_loadb((const char *)file.p, file.len, JSON_REJECT_DUPLICATES, &error);
    if (json == NULL) {
        snprintf(why, PROFILE_WHY_SIZE, "line %d: no JSON (or a key twice)",
                 error.line);
        return KZ_PARSE;
    }
    struct profile *p = mem_new(sizeof(*p));
    p->json = json;
    hash256_single(&p->sha256, file.p, file.len);
    enum kz_err err = fill(&f, p);
    if (err != KZ_OK) {
        profile_free(p);
        return err;
    }
    *out = p;
    return KZ_OK;
}
