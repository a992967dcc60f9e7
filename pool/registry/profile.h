/* pool/registry/profile.h - what a country asks of miners and reports: data, not code.
 *
 * A profile is one JSON file, conf/jurisdictions/xx.json, checked whole against the rules
 * below and immutable afterwards. conf/jurisdictions/profile.schema.json says the same for
 * other tools. What nobody has published yet is null there, and `verified` is false until
 * an operator writes down, in `verified_note`, who checked it and how; reports say so.
 *
 * Never in a profile: scripts, templates with logic, patterns that can run away
 * (pool/registry/pattern.h).
 *
 * Time zone  `timezone` is for people. Period edges lie at `utc_offset_minutes`, all year:
 *            a zone with daylight saving is refused (no country we serve has it).
 * Ownership  a profile owns all that hangs from it; texts in it are borrowed from it.
 * Errors     KZ_IO: the file cannot be read. KZ_PARSE: not JSON, unknown key, wrong type.
 *            KZ_RANGE: a value out of bounds. `why` then reads
 *            `tax_id.checksum: "foo": one of none, kz_iin_bin, ru_inn expected`;
 *            the file's name is the caller's to say.
 * Thread     any; profile_load() reads files.
 * Source     registry spec section 5. */
#ifndef POOL_REGISTRY_PROFILE_H
#define POOL_REGISTRY_PROFILE_H

#include "pool/registry/pattern.h"
#include "pool/registry/taxid.h"
#include "share/bytes.h"
#include "share/hash256.h"

#include <jansson.h>

#define PROFILE_WHY_SIZE     512
#define PROFILE_FILE_MAX     (256 * 1024)
#define PROFILE_LIST_MAX     64 /* members of a list of texts */
#define PROFILE_TEXTS_MAX    8  /* languages of one text */
#define PROFILE_SOURCES_MAX  16
#define PROFILE_REGIONS_MAX  128
#define PROFILE_STEMS_MAX    16 /* languages with forbidden stems */
#define PROFILE_STOPS_MAX    16
#define PROFILE_UNLIMITED    0 /* term_months */
#define PROFILE_CODE_GENERIC "generic"

enum miner_kind {
    MINER_NATURAL_PERSON,
    MINER_INDIVIDUAL_ENTREPRENEUR,
    MINER_LEGAL_ENTITY,
    MINER_KINDS,
};

enum miner_residency { MINER_RESIDENT, MINER_NON_RESIDENT, MINER_RESIDENCIES };

/* As in records: "legal_entity", "non_resident". */
extern const char *const miner_kind_names[MINER_KINDS];
extern const char *const miner_residency_names[MINER_RESIDENCIES];

/* Fields of a record of which the profile says whether they are needed. */
enum profile_field {
    PROFILE_EQUIPMENT,
    PROFILE_SITES,
    PROFILE_BENEFICIAL_OWNERS,
    PROFILE_IDENTITY_DOCUMENT,
    PROFILE_BIRTH_DATE,
    PROFILE_CITIZENSHIP,
    PROFILE_BANK_DETAILS,
    PROFILE_FIELDS,
};

enum profile_need {
    PROFILE_NO, /* and not taken either: what is not asked for is not kept */
    PROFILE_OPTIONAL,
    PROFILE_REQUIRED,
    PROFILE_REQUIRED_IF_LOCAL, /* of residents; optional for others */
    PROFILE_OF_LEGAL_ENTITY,   /* required of those, not taken of others */
    PROFILE_NEEDS,
};
extern const char *const profile_need_names[PROFILE_NEEDS];

/* R1 to R10 of the registry spec, section 4. */
enum profile_report {
    PROFILE_R1_REGISTRY,
    PROFILE_R2_CHANGES,
    PROFILE_R3_EQUIPMENT,
    PROFILE_R4_PRODUCTION,
    PROFILE_R5_DISTRIBUTIONS,
    PROFILE_R6_SUMMARY,
    PROFILE_R7_REFUSALS,
    PROFILE_R8_ALERTS,
    PROFILE_R9_PROOF,
    PROFILE_R10_WATCHER,
    PROFILE_REPORTS,
};

enum profile_period {
    PROFILE_ON_DEMAND,
    PROFILE_DAY,
    PROFILE_MONTH,
    PROFILE_QUARTER,
    PROFILE_YEAR,
    PROFILE_PERIODS,
};
extern const char *const profile_period_names[PROFILE_PERIODS];

enum profile_answer { PROFILE_UNKNOWN, PROFILE_NOT_OBLIGED, PROFILE_OBLIGED };
enum profile_non_residents { PROFILE_REGISTERED_ONLY, PROFILE_REFUSED };

struct profile_list {
    size_t count;
    const char *items[PROFILE_LIST_MAX];
};

/* One text in several languages. */
struct profile_texts {
    size_t count;
    struct {
        const char *lang, *text;
    } items[PROFILE_TEXTS_MAX];
};

struct profile_source {
    const char *title;
    const char *url;     /* NULL: none is known */
    const char *read_on; /* date; NULL: nobody read it */
};

struct profile_region {
    const char *code; /* ISO 3166-2 */
    struct profile_texts name;
};

/* Words a name may not have: pool/registry/names.h. */
struct profile_stems {
    const char *lang;
    struct profile_list stems;         /* a word begins with it */
    struct profile_list abbreviations; /* a word is it */
};

/* Nobody of the jurisdiction mines from `from_ms` until before `to_ms` (UTC). */
struct profile_stop {
    int64_t from_ms, to_ms; /* to_ms INT64_MAX: no end known */
    const char *basis;
};

struct profile {
    struct hash256 sha256; /* of the file's bytes, as SHA-256 wrote it */
    const char *code;      /* ISO 3166-1, or "generic" */
    const char *version;
    bool verified;
    const char *verified_note; /* by whom and how; NULL: nobody wrote one */
    size_t source_count;
    struct profile_source sources[PROFILE_SOURCES_MAX];
    struct profile_texts authority; /* none in the generic one */
    const char *timezone;           /* IANA */
    int32_t utc_offset_minutes;
    const char *currency; /* ISO 4217; NULL: none */
    struct profile_list languages;
    bool kinds_allowed[MINER_KINDS];
    enum profile_non_residents non_residents;
    int32_t minimum_age; /* 0: none is known */

    struct {
        const char *label;
        struct pattern *pattern;      /* of its number; NULL: any text fits */
        int32_t term_months;          /* or PROFILE_UNLIMITED */
        int32_t warn_days;            /* before its end */
        struct profile_list qr_hosts; /* of URLs in QR codes that may be opened */
        bool verify_before_active;
    } certificate;

    struct {
        struct pattern *pattern; /* NULL: any text fits */
        enum taxid_checksum checksum;
        bool required[MINER_RESIDENCIES];
    } tax_id;

    enum profile_need fields[PROFILE_FIELDS];
    size_t stems_count;
    struct profile_stems stems[PROFILE_STEMS_MAX];
    struct profile_list countries_refused; /* ISO 3166-1 */
    struct profile_list declarations;      /* codes, in this order */
    size_t region_count;                   /* 0: none are listed, any code fits */
    struct profile_region regions[PROFILE_REGIONS_MAX];
    int32_t review_days_high, review_days_normal; /* until the next review, by risk */
    int32_t owner_change_days; /* to report a change of owners; 0: none is known */
    int32_t suspend_closes_sessions_seconds;
    int64_t kwh_month;                           /* limit; 0: none */
    int32_t declared_hashrate_tolerance_percent; /* above it is an alert */
    size_t stop_count;
    struct profile_stop stops[PROFILE_STOPS_MAX];
    enum profile_period reports[PROFILE_REPORTS];
    int32_t due_day; /* of the month behind the period; 0: none is set */
    char csv_delimiter;
    bool csv_bom;
    int32_t retention_years, refusals_keep_days;
    const char *personal_data_country; /* ISO 3166-1; NULL: no rule is known */
    enum profile_answer aml_obliged;

    json_t *json; /* the file's; owns the texts above, and is for showing it */
};

/* The bytes of a file; of JSON that is none, `why` has the line. profile_load() also asks
 * the machine's zone table about daylight saving, where it has one. */
KZ_MUST_USE enum kz_err profile_parse(struct profile **out, char why[PROFILE_WHY_SIZE],
                                      struct bytes file);
KZ_MUST_USE enum kz_err profile_load(struct profile **out, char why[PROFILE_WHY_SIZE],
                                     const char *path);
void profile_free(struct profile *p);

/* Where the profile of "tm" or "TM" lies: DIR/tm.json. KZ_RANGE: no code of 2 to 32
 * letters, or the path has no room. */
KZ_MUST_USE enum kz_err profile_path(char *out, size_t size, const char *dir,
                                     const char *code);

/* Whether a miner of this kind must or may have the field. */
bool profile_requires(const struct profile *p, enum profile_field field,
                      enum miner_kind kind, enum miner_residency residency);
bool profile_takes(const struct profile *p, enum profile_field field,
                   enum miner_kind kind);

bool profile_list_has(const struct profile_list *list, const char *text);
/* NULL: no such region, or none are listed. */
const struct profile_region *profile_region_find(const struct profile *p,
                                                 const char *code);
/* In `lang`, or in the first language there is; "" where there is none. */
const char *profile_text(const struct profile_texts *texts, const char *lang);
/* The order in force at that moment; NULL: none. */
const struct profile_stop *profile_stop_at(const struct profile *p, int64_t utc_ms);

#endif
