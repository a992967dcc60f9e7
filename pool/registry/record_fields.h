/* pool/registry/record_fields.h - the fields of a miner's record, and whether one is right.
 *
 * Schema "kariz-miner/1" (registry spec section 3). THE TABLE has a row a field: name,
 * shape, who must give it, whether it is personal, its check and the rule as people read
 * it. Objects inside the record have tables of the same form. record_check() goes over
 * the table and then over the rules between fields, and says everything that is wrong at
 * once.
 *
 * A record is one JSON object. It is full (personal values in it) or stored (they are in
 * the vault; "personal" has a commitment for each, which stands for its value here). Dates
 * are "2026-01-31", in the profile's time zone; times are UTC. Hash rates are whole GH/s
 * and power whole W or kW: no fractions. Shares of owners are decimal text. `null` means
 * absent, except for certificate.valid_until, where it is said that there is no end.
 *
 * What a finding says has no value of the record in it, so it may be logged even where
 * the field is personal.
 *
 * Some fields are for a later hand: whoever applies cannot have been screened. Missing
 * ones of these are warnings until the record is active or is about to be.
 *
 * Ownership  record_findings_clear() frees what the findings own.
 * Thread     any. Pure: no I/O, lock or clock. */
#ifndef POOL_RECORD_FIELDS_H
#define POOL_RECORD_FIELDS_H

#include "pool/registry/profile.h"
#include "share/network.h"

#include <jansson.h>

#define RECORD_SCHEMA       "kariz-miner/1"
#define RECORD_PATH_SIZE    96
#define RECORD_RULE_SIZE    200
#define RECORD_FINDINGS_MAX 200

/* --- findings --------------------------------------------------------------------- */

enum record_severity {
    RECORD_ERROR,   /* the record cannot be taken like this */
    RECORD_WARNING, /* it can; somebody has something to do */
    RECORD_FLAG,    /* a person decides */
    RECORD_SEVERITIES
};

struct record_finding {
    enum record_severity severity;
    char path[RECORD_PATH_SIZE]; /* "equipment[2].serial", as in the JSON */
    char rule[RECORD_RULE_SIZE];
};

/* Zeroed: none. In the table's order, those between fields last. */
struct record_findings {
    struct record_finding *list;
    size_t count; /* at most RECORD_FINDINGS_MAX; further ones are counted only */
    size_t of[RECORD_SEVERITIES];
};

void record_findings_clear(struct record_findings *f);
const char *record_severity_name(enum record_severity s);
/* The first error below `path` ("" is the record), NULL: none. "certificate" is not above
 * "certificates_before". */
const struct record_finding *record_findings_error(const struct record_findings *f,
                                                   const char *path);
/* Appends an error that another module found. */
void record_findings_add(struct record_findings *f, const char *path, const char *rule);
/* [{path, severity, rule}], the caller's. */
json_t *record_findings_json(const struct record_findings *f);

struct record_checks {
    const struct profile *profile;
    const struct network *network; /* of the payout addresses */
    int64_t now_ms;
    bool is_stored;  /* else "personal" is refused */
    bool for_active; /* as if it were active */
};

/* Appends to `out`. `record` may be any JSON. */
void record_check(struct record_findings *out, const json_t *record,
                  const struct record_checks *with);

/* One field of the record's table alone, in any column; must be there. */
void record_check_field(struct record_findings *out, const char *name,
                        const json_t *value, const struct record_checks *with);

/* --- the table -------------------------------------------------------------------- */

enum record_column { RECORD_RE, RECORD_RL, RECORD_NE, RECORD_NL };

enum record_shape {
    RECORD_TEXT,
    RECORD_NUMBER, /* a whole one, in [min, max] */
    RECORD_OBJECT,
    RECORD_TEXTS,   /* a list of texts */
    RECORD_OBJECTS, /* a list of objects */
    RECORD_OURS,    /* kept by the registry, never given: any JSON */
};

enum record_personal { RECORD_PUBLIC, RECORD_PERSONAL, RECORD_PERSONAL_OF_PERSON };

struct record_scene; /* of a check under way */

/* `object` has the field in it. */
typedef bool record_text_check(const struct record_scene *s, const json_t *object,
                               const char *text);

struct record_field {
    const char *name; /* NULL ends a table */
    enum record_shape shape;
    /* A letter a column, in the order of enum record_column: R required, o optional,
     * - absent, P by the profile's `key`. */
    const char *need;
    enum profile_field key; /* PROFILE_FIELDS: tax_id.required decides */
    enum record_personal personal;
    bool is_late; /* not before it is about to be active */
    bool is_null_said;
    bool is_written;  /* by the registry, as what is RECORD_OURS: nobody gives it */
    int64_t min, max; /* numbers: the value; text: characters; lists: entries */
    const char *const *choices; /* of a text, ended by NULL; may be NULL */
    record_text_check *is_ok;   /* may be NULL */
    const char *rule;           /* what is_ok wants */
    const struct record_field *fields;
};

/* The record's own table. */
const struct record_field *record_fields(void);
/* NULL: no such name. */
const struct record_field *record_field_find(const struct record_field *table,
                                             const char *name);
/* RE for natural persons and entrepreneurs. KZ_PARSE: kind or residency are not known. */
KZ_MUST_USE enum kz_err record_column_of(enum record_column *out, const json_t *record);
/* 'R', 'o' or '-' for this record; P is looked up. */
char record_need(const struct record_field *field, const json_t *record,
                 enum record_column column, const struct profile *profile);
/* Whether applicants and files may have the field. */
bool record_field_is_given(const struct record_field *field);
/* Whether the field belongs to the vault. A record of unknown kind is a person's. */
bool record_field_is_personal(const struct record_field *field, const json_t *record);

#endif
