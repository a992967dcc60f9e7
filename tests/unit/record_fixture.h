/* tests/unit/record_fixture.h - a profile and records that are right, for tests to spoil.
 *
 * The profile asks like Turkmenistan's, and is written down here: what these tests say
 * must not change with the data of a country. */
#ifndef TESTS_RECORD_FIXTURE_H
#define TESTS_RECORD_FIXTURE_H

#include "pool/registry/record_fields.h"
#include "pool/registry/record_path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW_MS     INT64_C(1795694400000) /* 2026-11-26T12:00:00Z */
#define DAY_MS     INT64_C(86400000)
#define HOUR_MS    INT64_C(3600000)
#define SHA256_HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define ADDRESS_1  "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
#define ADDRESS_2  "bcrt1q9kggl6c996gn0d9sg90ftwlytzjfzdvkcxw5l3"

static inline void fixture_profile(struct profile *p)
{
    static const char *const declarations[] = {"no_hidden_mining", "data_consent"};
    static const char *const languages[] = {"tk", "ru", "en"};
    memset(p, 0, sizeof(*p));
    p->code = "TM";
    p->version = "2026-11";
    p->utc_offset_minutes = 300;
    p->minimum_age = 18;
    p->kinds_allowed[MINER_INDIVIDUAL_ENTREPRENEUR] = true;
    p->kinds_allowed[MINER_LEGAL_ENTITY] = true;
    p->languages.count = 3;
    memcpy(p->languages.items, languages, sizeof(languages));
    p->declarations.count = 2;
    memcpy(p->declarations.items, declarations, sizeof(declarations));
    p->certificate.verify_before_active = true;
    p->certificate.warn_days = 30;
    p->certificate.qr_hosts.count = 1;
    p->certificate.qr_hosts.items[0] = "check.example.tm";
    p->tax_id.required[MINER_RESIDENT] = true;
    p->fields[PROFILE_EQUIPMENT] = PROFILE_REQUIRED;
    p->fields[PROFILE_SITES] = PROFILE_REQUIRED_IF_LOCAL;
    p->fields[PROFILE_BENEFICIAL_OWNERS] = PROFILE_OF_LEGAL_ENTITY;
    p->fields[PROFILE_IDENTITY_DOCUMENT] = PROFILE_REQUIRED;
    p->fields[PROFILE_BIRTH_DATE] = PROFILE_REQUIRED;
    p->fields[PROFILE_CITIZENSHIP] = PROFILE_OPTIONAL;
    p->fields[PROFILE_BANK_DETAILS] = PROFILE_OPTIONAL;
    p->countries_refused.count = 1;
    p->countries_refused.items[0] = "VG";
    p->region_count = 2;
    p->regions[0].code = "TM-A";
    p->regions[1].code = "TM-M";
    p->stems_count = 1;
    p->stems[0].lang = "en";
    p->stems[0].stems.count = 2;
    p->stems[0].stems.items[0] = "turkmen";
    p->stems[0].stems.items[1] = "state";
    p->review_days_high = 90;
    p->review_days_normal = 365;
    p->verified = true;
}

static inline json_t *fixture_json(const char *text)
{
    json_error_t error;
    json_t *value = json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
    if (value == NULL)
        fail_msg("%s: %s", error.text, text);
    return value;
}

/* Every field there is; record_fixture() takes out what is not asked of a column. */
static const char fixture_all[] =
    "{\"schema\":\"kariz-miner/1\",\"miner_id\":\"miner-a\",\"jurisdiction\":\"TM\","
    "\"profile_version\":\"2026-11\",\"kind\":\"\",\"residency\":\"\","
    "\"residence_country\":\"\",\"official_name\":\"Ak Bulut\",\"name_latin\":\"Ak "
    "Bulut\",\"trade_names\":[\"Bulut\"],"
    "\"tax_id\":{\"type\":\"TXID\",\"country\":\"TM\",\"value\":\"123456789\"},"
    "\"registration_id\":{\"type\":\"RAID\",\"country\":\"TM\",\"authority\":\"State "
    "register\",\"value\":\"R-1\"},"
    "\"lei\":\"529900T8BM49AURSDO55\","
    "\"identity_document\":{\"type\":\"CCPT\",\"country\":\"TM\",\"value\":"
    "\"A1234567\","
    "\"expires\":\"2030-01-01\"},"
    "\"birth_date\":\"1961-04-12\",\"citizenship\":\"TM\","
    "\"legal_address\":{\"country\":\"TM\",\"region\":\"TM-A\",\"city\":\"Anau\","
    "\"street\":\"Bitarap 1\",\"postal_code\":\"745000\"},"
    "\"branch\":{\"country\":\"TM\",\"region\":\"TM-M\",\"city\":\"Mary\",\"street\":"
    "\"Mollanepes 2\"},"
    "\"representative\":{\"name\":\"Maral Orazowa\",\"role\":\"director\",\"phone\":"
    "\"+99312345678\",\"email\":\"maral@example.tm\",\"language\":\"tk\"},"
    "\"beneficial_owners\":[{\"name\":\"Maral Orazowa\",\"country\":\"TM\","
    "\"birth_date\":\"1980-02-29\",\"share_percent\":\"60.5\",\"control\":\"shares\","
    "\"verified_on\":\"2026-10-01\"},"
    "{\"name\":\"Merdan Atayew\",\"country\":\"TM\",\"birth_date\":\"1975-07-01\","
    "\"share_percent\":\"39.5\",\"control\":\"shares\",\"verified_on\":\"2026-10-01\"}]"
    ","
    "\"no_owner_reason\":\"owned by the public\","
    "\"certificate\":{\"number\":\"TM-77\",\"authority\":\"Central "
    "Bank\",\"issued_on\":"
    "\"2026-02-01\",\"valid_until\":null,\"qr_payload\":\"https://check.example.tm/"
    "77\","
    "\"document_sha256\":\"" SHA256_HEX "\",\"verified\":{\"on\":\"2026-03-01\",\"by\":"
    "\"officer-1\",\"method\":\"seen_document\"}},"
    "\"sites\":[{\"id\":\"s1\",\"region\":\"TM-A\",\"address\":\"Anau, hall 3\","
    "\"supplier\":\"Ahalenergo\",\"contract\":\"E-5\",\"meter\":\"900\",\"declared_"
    "kw\":"
    "500,\"tariff\":\"industry\",\"fire_safety_ref\":\"F-1\",\"from\":\"2026-02-01\","
    "\"to\":null}],"
    "\"equipment\":[{\"id\":\"e1\",\"site\":\"s1\",\"maker\":\"Bitmain\",\"model\":"
    "\"S21\","
    "\"serial\":\"SN-1\",\"algorithm\":\"SHA256d\",\"nominal_ghs\":200000,\"power_w\":"
    "3500,\"ownership\":\"owned\",\"authority_no\":\"Q-1\",\"from\":\"2026-02-01\","
    "\"to\":null},"
    "{\"id\":\"e2\",\"site\":\"s1\",\"maker\":\"Bitmain\",\"model\":\"S21\",\"serial\":"
    "\"SN-2\",\"algorithm\":\"SHA256d\",\"nominal_ghs\":200000,\"power_w\":3500,"
    "\"ownership\":\"leased\",\"from\":\"2026-02-01\"}],"
    "\"payout_addresses\":[{\"address\":\"" ADDRESS_1 "\",\"type\":\"p2wpkh\",\"from\":"
    "\"2026-02-01T00:00:00.000Z\",\"to\":null}],"
    "\"allowed_networks\":[\"192.0.2.0/24\"],\"bank_details\":\"account 1\","
    "\"declarations\":[{\"code\":\"no_hidden_mining\",\"text_sha256\":\"" SHA256_HEX
    "\",\"lang\":\"tk\",\"at\":\"2026-02-01T00:00:00Z\",\"by\":\"miner-a\"},"
    "{\"code\":\"data_consent\",\"text_sha256\":\"" SHA256_HEX
    "\",\"lang\":\"tk\",\"at\":"
    "\"2026-02-01T00:00:00Z\",\"by\":\"miner-a\"}],"
    "\"risk\":{\"level\":\"normal\",\"reviewed_on\":\"2026-03-01\",\"next_review\":"
    "\"2027-03-01\"},"
    "\"screening\":{\"lists\":[\"un\"],\"on\":\"2026-03-01\",\"result\":\"clear\","
    "\"decided_by\":\"officer-1\"},"
    "\"previous\":\"miner-0\",\"state\":\"active\",\"state_since\":"
    "\"2026-03-02T08:00:00.000Z\",\"basis\":{\"code\":\"application\",\"authority\":"
    "\"CBT\","
    "\"document\":\"D-1\",\"date\":\"2026-02-01\",\"sha256\":\"" SHA256_HEX
    "\",\"note\":\"complete\"}}";

/* A right and active record of that column, with all it may have. */
static inline json_t *fixture_record(enum record_column column,
                                     const struct profile *profile)
{
    bool is_resident = column == RECORD_RE || column == RECORD_RL;
    bool is_entity = column == RECORD_RL || column == RECORD_NL;
    json_t *r = fixture_json(fixture_all);
    json_object_set_new(
        r, "kind", json_string(is_entity ? "legal_entity" : "individual_entrepreneur"));
    json_object_set_new(r, "residency",
                        json_string(is_resident ? "resident" : "non_resident"));
    json_object_set_new(r, "residence_country", json_string(is_resident ? "TM" : "KZ"));
    for (const struct record_field *f = record_fields(); f->name != NULL; f++)
        if (record_need(f, r, column, profile) == '-')
            json_object_del(r, f->name);
    return r;
}

/* The same as it is kept: with commitments in place of what is personal. */
static inline json_t *fixture_stored(enum record_column column,
                                     const struct profile *profile)
{
    json_t *r = fixture_record(column, profile), *personal = json_object();
    for (const struct record_field *f = record_fields(); f->name != NULL; f++) {
        if (!record_field_is_personal(f, r) || json_object_get(r, f->name) == NULL)
            continue;
        json_object_del(r, f->name);
        json_object_set_new(personal, f->name, json_string(SHA256_HEX));
    }
    json_object_set_new(r, "personal", personal);
    return r;
}

static inline void fixture_set(json_t *record, const char *path, json_t *value)
{
    struct record_path p;
    if (record_path_parse(&p, path) != KZ_OK ||
        record_path_set_take(record, &p, value) != KZ_OK)
        fail_msg("no such place: %s", path);
}

static inline const struct record_finding *
fixture_finding(const struct record_findings *f, enum record_severity severity,
                const char *path)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->list[i].severity == severity && strcmp(f->list[i].path, path) == 0)
            return &f->list[i];
    return NULL;
}

static inline void fixture_print(const struct record_findings *f)
{
    for (size_t i = 0; i < f->count; i++)
        print_message("%s %s: %s\n", record_severity_name(f->list[i].severity),
                      f->list[i].path, f->list[i].rule);
}

#endif
