/* pool/registry/record_parts.h - between the files that check a record, and nobody else.
 *
 * record_fields.c has the table, record_check.c goes over it, record_texts.c has what a
 * single text must be, record_rules.c the rules between fields.
 * Thread: any. Pure. */
#ifndef POOL_RECORD_PARTS_H
#define POOL_RECORD_PARTS_H

#include "pool/registry/day.h"
#include "pool/registry/record_fields.h"

struct record_scene {
    const json_t *record;
    const struct record_checks *with;
    struct record_findings *out;
    struct day today; /* in the profile's zone */
    bool has_column;
    enum record_column column;
    bool is_active; /* or about to be, or was */
};

/* The rule's text must not hold what a personal field has in it. */
void record_find(struct record_scene *s, enum record_severity severity,
                 const char *path, const char *format, ...) KZ_PRINTF(4, 5);

/* Printable, no blanks around it, no separate accents and no invisible characters;
 * `count` is of characters. NULL: it is. Else the rule. */
const char *record_text_fault(size_t *count, const char *text, size_t len);

/* What single fields need: see the table. */
record_text_check record_is_schema, record_is_miner_id, record_is_jurisdiction,
    record_is_kind_allowed, record_is_country, record_is_latin, record_is_lei,
    record_is_date, record_is_past_date, record_is_time, record_is_phone,
    record_is_email, record_is_language, record_is_sha256, record_is_local_id,
    record_is_region, record_is_site_region, record_is_certificate_number,
    record_is_network, record_is_share, record_is_payable, record_is_declaration,
    record_is_code;

/* Hundredths of a percent; -1: not 0 to 100 with at most two decimals. */
int64_t record_share(const char *text);

/* The rules between fields. */
void record_check_rules(struct record_scene *s);

#endif
