#include "pool/registry/record_parts.h"

#include <string.h>

/* --- words -------------------------------------------------------------------------- */

static const char *const kinds[] = {"natural_person", "individual_entrepreneur",
                                    "legal_entity", NULL};
static const char *const residencies[] = {"resident", "non_resident", NULL};
static const char *const tax_id_types[] = {"TXID", NULL};
static const char *const registration_types[] = {"RAID", NULL};
static const char *const document_types[] = {"CCPT", "IDCD", NULL};
static const char *const methods[] = {"seen_document", "authority_register",
                                      "authority_letter", "qr", NULL};
static const char *const algorithms[] = {"SHA256d", NULL};
static const char *const ownerships[] = {"owned", "leased", "hosted", NULL};
static const char *const levels[] = {"high", "normal", NULL};
static const char *const results[] = {"clear", "flag", "match", NULL};
static const char *const states[] = {"draft",   "submitted",  "rejected",
                                     "active",  "restricted", "suspended",
                                     "revoked", "closed",     NULL};

/* --- rules as people read them -------------------------------------------------------- */

#define COUNTRY_RULE "an assigned ISO 3166-1 code of two upper-case letters expected"
#define DATE_RULE    "a day of the calendar like 2026-01-31 expected"
#define PAST_RULE    "a day of the calendar like 2026-01-31, not after today, expected"
#define TIME_RULE    "a time in UTC like 2026-01-31T10:00:00Z expected"
#define SHA256_RULE  "64 lower-case hex digits expected"
#define ID_RULE      "1 to 32 of a-z, 0-9 and - expected"
#define CODE_RULE    "a word of a-z, 0-9 and _ expected"
#define REGION_RULE  "an ISO 3166-2 code of the country expected, one the profile lists"

#define ALL   "RRRR"
#define MAYBE "oooo"

/* --- inside of objects ---------------------------------------------------------------- */

static const struct record_field tax_id[] = {
    {"type", RECORD_TEXT, ALL, .max = 4, .choices = tax_id_types},
    {"country", RECORD_TEXT, ALL, .max = 2, .is_ok = record_is_country,
     .rule = COUNTRY_RULE},
    {"value", RECORD_TEXT, ALL, .max = 40},
    {NULL}};

static const struct record_field registration_id[] = {
    {"type", RECORD_TEXT, ALL, .max = 4, .choices = registration_types},
    {"country", RECORD_TEXT, ALL, .max = 2, .is_ok = record_is_country,
     .rule = COUNTRY_RULE},
    {"authority", RECORD_TEXT, ALL, .max = 200},
    {"value", RECORD_TEXT, ALL, .max = 64},
    {NULL}};

static const struct record_field identity_document[] = {
    {"type", RECORD_TEXT, ALL, .max = 4, .choices = document_types},
    {"country", RECORD_TEXT, ALL, .max = 2, .is_ok = record_is_country,
     .rule = COUNTRY_RULE},
    {"value", RECORD_TEXT, ALL, .max = 40},
    {"expires", RECORD_TEXT, MAYBE, .max = 10, .is_ok = record_is_date,
     .rule = DATE_RULE},
    {NULL}};

static const struct record_field address[] = {
    {"country", RECORD_TEXT, ALL, .max = 2, .is_ok = record_is_country,
     .rule = COUNTRY_RULE},
    {"region", RECORD_TEXT, MAYBE, .max = 6, .is_ok = record_is_region,
     .rule = REGION_RULE},
    {"city", RECORD_TEXT, ALL, .max = 100},
    {"street", RECORD_TEXT, ALL, .max = 200},
    {"postal_code", RECORD_TEXT, MAYBE, .max = 16},
    {NULL}};

static const struct record_field representative[] = {
    {"name", RECORD_TEXT, ALL, .max = 200},
    {"role", RECORD_TEXT, ALL, .max = 100},
    {"phone", RECORD_TEXT, ALL, .max = 16, .is_ok = record_is_phone,
     .rule = "a number of E.164 like +99312345678 expected"},
    {"email", RECORD_TEXT, ALL, .max = 254, .is_ok = record_is_email,
     .rule = "an address with one @ expected"},
    {"language", RECORD_TEXT, ALL, .max = 8, .is_ok = record_is_language,
     .rule = "one of the profile's languages expected"},
    {NULL}};

static const struct record_field beneficial_owner[] = {
    {"name", RECORD_TEXT, ALL, .max = 200},
    {"country", RECORD_TEXT, ALL, .max = 2, .is_ok = record_is_country,
     .rule = COUNTRY_RULE},
    {"birth_date", RECORD_TEXT, ALL, .max = 10, .is_ok = record_is_past_date,
     .rule = PAST_RULE},
    {"share_percent", RECORD_TEXT, ALL, .max = 6, .is_ok = record_is_share,
     .rule = "0 to 100 with at most two decimals, as text, expected"},
    {"control", RECORD_TEXT, ALL, .max = 100},
    {"verified_on", RECORD_TEXT, ALL, .max = 10, .is_ok = record_is_past_date,
     .rule = PAST_RULE},
    {NULL}};

static const struct record_field verified[] = {
    {"on", RECORD_TEXT, ALL, .max = 10, .is_ok = record_is_past_date,
     .rule = PAST_RULE},
    {"by", RECORD_TEXT, ALL, .max = 64},
    {"method", RECORD_TEXT, ALL, .max = 20, .choices = methods},
    {NULL}};

static const struct record_field certificate[] = {
    {"number", RECORD_TEXT, ALL, .max = 64, .is_ok = record_is_certificate_number,
     .rule = "the form that the profile's certificate.pattern has expected"},
    {"authority", RECORD_TEXT, ALL, .max = 200},
    {"issued_on", RECORD_TEXT, ALL, .max = 10, .is_ok = record_is_past_date,
     .rule = PAST_RULE},
    {"valid_until", RECORD_TEXT, ALL, .is_null_said = true, .max = 10,
     .is_ok = record_is_date, .rule = DATE_RULE ", or null: unlimited"},
    {"qr_payload", RECORD_TEXT, MAYBE, .max = 1000},
    {"document_sha256", RECORD_TEXT, MAYBE, .max = 64, .is_ok = record_is_sha256,
     .rule = SHA256_RULE},
    {"verified", RECORD_OBJECT, MAYBE, .fields = verified}, /* needed by a rule */
    {NULL}};

static const struct record_field site[] = {
    {"id", RECORD_TEXT, ALL, .max = 32, .is_ok = record_is_local_id, .rule = ID_RULE},
    {"region", RECORD_TEXT, ALL, .max = 6, .is_ok = record_is_site_region,
     .rule = "a region of the jurisdiction expected, one the profile lists"},
    {"address", RECORD_TEXT, ALL, .max = 200},
    {"supplier", RECORD_TEXT, ALL, .max = 200},
    {"contract", RECORD_TEXT, MAYBE, .max = 100},
    {"meter", RECORD_TEXT, MAYBE, .max = 64},
    {"declared_kw", RECORD_NUMBER, ALL, .min = 1, .max = 10000000},
    {"tariff", RECORD_TEXT, MAYBE, .max = 64},
    {"fire_safety_ref", RECORD_TEXT, MAYBE, .max = 100},
    {"from", RECORD_TEXT, MAYBE, .max = 10, .is_ok = record_is_date, .rule = DATE_RULE},
    {"to", RECORD_TEXT, MAYBE, .max = 10, .is_ok = record_is_date, .rule = DATE_RULE},
    {NULL}};

static const struct record_field equipment[] = {
    {"id", RECORD_TEXT, ALL, .max = 32, .is_ok = record_is_local_id, .rule = ID_RULE},
    {"site", RECORD_TEXT, MAYBE, .max = 32, .is_ok = record_is_local_id,
     .rule = ID_RULE},
    {"maker", RECORD_TEXT, ALL, .max = 64},
    {"model", RECORD_TEXT, ALL, .max = 64},
    {"serial", RECORD_TEXT, ALL, .max = 64},
    {"algorithm", RECORD_TEXT, ALL, .max = 16, .choices = algorithms},
    {"nominal_ghs", RECORD_NUMBER, ALL, .min = 1, .max = 1000000000000},
    {"power_w", RECORD_NUMBER, ALL, .min = 1, .max = 10000000},
    {"ownership", RECORD_TEXT, ALL, .max = 8, .choices = ownerships},
    {"authority_no", RECORD_TEXT, MAYBE, .max = 64},
    {"from", RECORD_TEXT, ALL, .max = 10, .is_ok = record_is_date, .rule = DATE_RULE},
    {"to", RECORD_TEXT, MAYBE, .max = 10, .is_ok = record_is_date, .rule = DATE_RULE},
    {NULL}};

static const struct record_field screening[] = {
    {"lists", RECORD_TEXTS, ALL, .min = 1, .max = 32},
    {"on", RECORD_TEXT, ALL, .max = 10, .is_ok = record_is_past_date,
     .rule = PAST_RULE},
    {"result", RECORD_TEXT, ALL, .max = 8, .choices = results},
    {"decided_by", RECORD_TEXT, ALL, .max = 64},
    {"hits", RECORD_TEXTS, MAYBE, .min = 0, .max = 64},
    {NULL}};

static const struct record_field payout_address[] = {
    {"address", RECORD_TEXT, ALL, .max = 100, .is_ok = record_is_payable,
     .rule = "an address of this network that can be paid expected"},
    {"type", RECORD_TEXT, ALL, .max = 16},
    {"from", RECORD_TEXT, ALL, .max = 30, .is_ok = record_is_time, .rule = TIME_RULE},
    {"to", RECORD_TEXT, MAYBE, .max = 30, .is_ok = record_is_time, .rule = TIME_RULE},
    {"payable_from", RECORD_TEXT, MAYBE, .max = 30, .is_ok = record_is_time,
     .rule = TIME_RULE},
    {"challenge", RECORD_OURS, MAYBE},
    {"proof", RECORD_OURS, MAYBE},
    {"screened", RECORD_OBJECT, MAYBE, .fields = screening},
    {NULL}};

static const struct record_field declaration[] = {
    {"code", RECORD_TEXT, ALL, .max = 40, .is_ok = record_is_declaration,
     .rule = "one of the profile's declarations expected"},
    {"text_sha256", RECORD_TEXT, ALL, .max = 64, .is_ok = record_is_sha256,
     .rule = SHA256_RULE},
    {"lang", RECORD_TEXT, ALL, .max = 8, .is_ok = record_is_language,
     .rule = "one of the profile's languages expected"},
    {"at", RECORD_TEXT, ALL, .max = 30, .is_ok = record_is_time, .rule = TIME_RULE},
    {"by", RECORD_TEXT, ALL, .max = 64},
    {NULL}};

static const struct record_field risk[] = {
    {"level", RECORD_TEXT, ALL, .max = 8, .choices = levels},
    {"reviewed_on", RECORD_TEXT, ALL, .max = 10, .is_ok = record_is_past_date,
     .rule = PAST_RULE},
    {"next_review", RECORD_TEXT, ALL, .max = 10, .is_ok = record_is_date,
     .rule = DATE_RULE},
    {NULL}};

static const struct record_field basis[] = {
    {"code", RECORD_TEXT, MAYBE, .max = 40, .is_ok = record_is_code, .rule = CODE_RULE},
    {"authority", RECORD_TEXT, MAYBE, .max = 200},
    {"document", RECORD_TEXT, MAYBE, .max = 200},
    {"date", RECORD_TEXT, MAYBE, .max = 10, .is_ok = record_is_date, .rule = DATE_RULE},
    {"sha256", RECORD_TEXT, MAYBE, .max = 64, .is_ok = record_is_sha256,
     .rule = SHA256_RULE},
    {"note", RECORD_TEXT, MAYBE, .max = 1000},
    {NULL}};

/* --- the record ------------------------------------------------------------------------ */

static const struct record_field record[] = {
    {"schema", RECORD_TEXT, ALL, .is_written = true, .max = 32,
     .is_ok = record_is_schema, .rule = "\"" RECORD_SCHEMA "\" expected"},
    {"miner_id", RECORD_TEXT, ALL, .max = 32, .is_ok = record_is_miner_id,
     .rule = "3 to 32 of a-z, 0-9 and - expected"},
    {"jurisdiction", RECORD_TEXT, ALL, .is_written = true, .max = 8,
     .is_ok = record_is_jurisdiction, .rule = "the profile's code expected"},
    {"profile_version", RECORD_TEXT, ALL, .is_written = true, .max = 32},
    {"kind", RECORD_TEXT, ALL, .max = 32, .choices = kinds,
     .is_ok = record_is_kind_allowed,
     .rule = "one of the profile's kinds_allowed expected"},
    {"residency", RECORD_TEXT, ALL, .max = 16, .choices = residencies},
    {"residence_country", RECORD_TEXT, ALL, .max = 2, .is_ok = record_is_country,
     .rule = COUNTRY_RULE},
    {"official_name", RECORD_TEXT, ALL, .personal = RECORD_PERSONAL_OF_PERSON,
     .max = 200},
    {"name_latin", RECORD_TEXT, MAYBE, .personal = RECORD_PERSONAL_OF_PERSON,
     .max = 200, .is_ok = record_is_latin, .rule = "Latin letters alone expected"},
    {"trade_names", RECORD_TEXTS, MAYBE, .max = 16},
    {"tax_id", RECORD_OBJECT, "RRPP", PROFILE_FIELDS, .fields = tax_id},
    {"registration_id", RECORD_OBJECT, ALL, .fields = registration_id},
    {"lei", RECORD_TEXT, "-o-o", .max = 20, .is_ok = record_is_lei,
     .rule = "20 characters of ISO 17442 with the right check digits expected"},
    {"identity_document", RECORD_OBJECT, "P-P-", PROFILE_IDENTITY_DOCUMENT,
     RECORD_PERSONAL, .fields = identity_document},
    {"birth_date", RECORD_TEXT, "P-P-", PROFILE_BIRTH_DATE, RECORD_PERSONAL, .max = 10,
     .is_ok = record_is_past_date, .rule = PAST_RULE},
    {"citizenship", RECORD_TEXT, "P-P-", PROFILE_CITIZENSHIP, RECORD_PERSONAL, .max = 2,
     .is_ok = record_is_country, .rule = COUNTRY_RULE},
    {"legal_address", RECORD_OBJECT, ALL, .fields = address},
    {"branch", RECORD_OBJECT, "---o", .fields = address},
    {"representative", RECORD_OBJECT, ALL, .personal = RECORD_PERSONAL,
     .fields = representative},
    {"beneficial_owners", RECORD_OBJECTS, "-P-P", PROFILE_BENEFICIAL_OWNERS,
     RECORD_PERSONAL, .min = 0, .max = 64, .fields = beneficial_owner},
    {"no_owner_reason", RECORD_TEXT, "-o-o", .max = 200},
    {"certificate", RECORD_OBJECT, ALL, .fields = certificate},
    {"sites", RECORD_OBJECTS, "PPPP", PROFILE_SITES, .min = 1, .max = 256,
     .fields = site},
    {"equipment", RECORD_OBJECTS, "PPPP", PROFILE_EQUIPMENT, .min = 1, .max = 20000,
     .fields = equipment},
    {"payout_addresses", RECORD_OBJECTS, ALL, .min = 1, .max = 64,
     .fields = payout_address},
    {"allowed_networks", RECORD_TEXTS, MAYBE, .max = 64, .is_ok = record_is_network,
     .rule = "a network like 192.0.2.0/24, with no bits behind its prefix, expected"},
    {"bank_details", RECORD_TEXT, "PPPP", PROFILE_BANK_DETAILS, RECORD_PERSONAL,
     .max = 500},
    {"declarations", RECORD_OBJECTS, ALL, .min = 1, .max = 256, .fields = declaration},
    {"risk", RECORD_OBJECT, ALL, .is_late = true, .fields = risk},
    {"screening", RECORD_OBJECT, ALL, .is_late = true, .fields = screening},
    {"previous", RECORD_TEXT, MAYBE, .max = 32, .is_ok = record_is_miner_id,
     .rule = "the id of an earlier record expected"},
    {"state", RECORD_TEXT, ALL, .is_written = true, .max = 16, .choices = states},
    {"state_since", RECORD_TEXT, ALL, .is_written = true, .max = 30,
     .is_ok = record_is_time, .rule = TIME_RULE},
    {"basis", RECORD_OBJECT, ALL, .is_written = true, .fields = basis},
    /* What the registry writes about the record, and nobody gives. */
    {"personal", RECORD_OURS, MAYBE},
    {"reason", RECORD_OURS, MAYBE},
    {"actor", RECORD_OURS, MAYBE},
    {"second", RECORD_OURS, MAYBE},
    {"registered_at", RECORD_OURS, MAYBE},
    {"proposal", RECORD_OURS, MAYBE},
    {"urgent", RECORD_OURS, MAYBE},
    {"frozen", RECORD_OURS, MAYBE},
    {"release", RECORD_OURS, MAYBE},
    {"erased", RECORD_OURS, MAYBE},
    {"certificates_before", RECORD_OURS, MAYBE},
    {"fee_ppm", RECORD_OURS, MAYBE},
    {"minimum_sat", RECORD_OURS, MAYBE},
    {"id", RECORD_OURS, MAYBE},
    {"number", RECORD_OURS, MAYBE},
    {"revision", RECORD_OURS, MAYBE},
    {NULL}};

const struct record_field *record_fields(void)
{
    return record;
}

const struct record_field *record_field_find(const struct record_field *table,
                                             const char *name)
{
    for (; table->name != NULL; table++)
        if (strcmp(table->name, name) == 0)
            return table;
    return NULL;
}

/* --- who must give a field ---------------------------------------------------------------- */

static bool find_word(size_t *at, const char *const *words, size_t count,
                      const json_t *text)
{
    for (size_t i = 0; i < count; i++) {
        if (json_is_string(text) && strcmp(words[i], json_string_value(text)) == 0) {
            *at = i;
            return true;
        }
    }
    return false;
}

static bool read_kind(enum miner_kind *kind, enum miner_residency *residency,
                      const json_t *r)
{
    size_t k, at;
    if (!find_word(&k, miner_kind_names, MINER_KINDS, json_object_get(r, "kind")) ||
        !find_word(&at, miner_residency_names, MINER_RESIDENCIES,
                   json_object_get(r, "residency")))
        return false;
    *kind = (enum miner_kind)k;
    *residency = (enum miner_residency)at;
    return true;
}

enum kz_err record_column_of(enum record_column *out, const json_t *r)
{
    enum miner_kind kind;
    enum miner_residency residency;
    if (!read_kind(&kind, &residency, r))
        return KZ_PARSE;
    bool is_entity = kind == MINER_LEGAL_ENTITY;
    if (residency == MINER_RESIDENT)
        *out = is_entity ? RECORD_RL : RECORD_RE;
    else
        *out = is_entity ? RECORD_NL : RECORD_NE;
    return KZ_OK;
}

char record_need(const struct record_field *field, const json_t *r,
                 enum record_column column, const struct profile *profile)
{
    enum miner_kind kind;
    enum miner_residency residency;
    char need = field->need[column];
    if (need != 'P' || !read_kind(&kind, &residency, r))
        return need == 'P' ? 'o' : need;
    if (field->key == PROFILE_FIELDS)
        return profile->tax_id.required[residency] ? 'R' : 'o';
    if (profile_requires(profile, field->key, kind, residency))
        return 'R';
    return profile_takes(profile, field->key, kind) ? 'o' : '-';
}

bool record_field_is_given(const struct record_field *field)
{
    return !field->is_written && field->shape != RECORD_OURS;
}

bool record_field_is_personal(const struct record_field *field, const json_t *r)
{
    const char *kind = json_string_value(json_object_get(r, "kind"));
    bool is_entity = kind != NULL && strcmp(kind, "legal_entity") == 0;
    return field->personal == RECORD_PERSONAL ||
           (field->personal == RECORD_PERSONAL_OF_PERSON && !is_entity);
}
