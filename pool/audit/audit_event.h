/* pool/audit/audit_event.h - one thing that happened to the registry, as it is kept.
 *
 * An event is a JSON object of schema "kariz-audit/1" with exactly these members, null
 * where there is nothing to say:
 *
 *   schema, seq        the text above; 1, 2, 3, ... within the instance
 *   time               "2026-11-26T12:00:00.123Z": what the instance's clock said
 *   instance, miner    who kept it; whom it is about, or null
 *   event              a word of the closed list below
 *   actor, role        who did it, and as what: applicant, operator, officer, authority,
 *                      system
 *   second             the other person where two are needed, never the actor; or null
 *   reason             a code of a-z, 0-9 and _, or null
 *   basis              null, or an object of code, authority, document, date
 *                      (YYYY-MM-DD), sha256 (of the document's file), note; some may lack
 *   before, after      audit_record_hash() of the public record, in hex; or null
 *   detail             an object of whatever the event needs, at most 16 KiB
 *
 * An event is kept for ever, so no personal data may be in one: such values are there as
 * commitments (pool/audit/commit.h). Members of `detail` that bear the name of a personal
 * field (registry spec section 3) are refused unless they are commitments; free text is
 * the writer's to keep clean.
 *
 * Errors  KZ_RANGE with `why`: the member, what it is (unless people wrote it) and what it
 *         must be. Outputs are untouched unless KZ_OK.
 * Thread  any. Pure: no I/O, lock or clock. Source: registry spec sections 3 and 4. */
#ifndef POOL_AUDIT_EVENT_H
#define POOL_AUDIT_EVENT_H

#include "share/hash256.h"

#include <jansson.h>

#define AUDIT_WHY_SIZE   512
#define AUDIT_DETAIL_MAX 16384
#define AUDIT_SCHEMA     "kariz-audit/1"
#define AUDIT_RECORD_TAG "Kariz/record/1"

/* A word that is once in a chain stays here for ever; new ones go to the end. */
enum audit_word {
    AUDIT_APPLIED,
    AUDIT_SUBMITTED,
    AUDIT_PROPOSED,  /* by the first of two people */
    AUDIT_CONFIRMED, /* by the second */
    AUDIT_WITHDRAWN, /* a proposal, by a person or because nobody confirmed it in time */
    AUDIT_REJECTED,
    AUDIT_ACTIVATED,
    AUDIT_RESTRICTED,
    AUDIT_SUSPENDED,
    AUDIT_RESUMED,
    AUDIT_REVOKED,
    AUDIT_CLOSED,
    AUDIT_FROZEN,
    AUDIT_UNFROZEN,
    AUDIT_RELEASED, /* a balance that was held */
    AUDIT_RECORD_CHANGED,
    AUDIT_ADDRESS_ADDED,
    AUDIT_ADDRESS_ENDED,
    AUDIT_ADDRESS_PROVED,
    AUDIT_EQUIPMENT_ADDED,
    AUDIT_EQUIPMENT_ENDED,
    AUDIT_SITE_ADDED,
    AUDIT_SITE_ENDED,
    AUDIT_NETWORKS_SET,
    AUDIT_CERTIFICATE_SET,
    AUDIT_CERTIFICATE_VERIFIED,
    AUDIT_SCREENED,
    AUDIT_REVIEWED,
    AUDIT_DECLARED,
    AUDIT_TERMS_SET,
    AUDIT_ERASED,
    AUDIT_ALERT_DECIDED,
    AUDIT_PROFILE_CHANGED,
    AUDIT_STOP_ORDER_SET,
    AUDIT_STOP_ORDER_ENDED,
    AUDIT_REPORT_MADE,
    AUDIT_REPORT_CORRECTED,
    AUDIT_REPORT_KEY_ROTATED,
    AUDIT_VAULT_KEY_ROTATED,
    AUDIT_DISCLOSURE,
    AUDIT_WATCHER_CREATED,
    AUDIT_WATCHER_REVOKED,
    AUDIT_BACKUP_MADE,
    AUDIT_RESTORED,
    AUDIT_OPERATOR_CHANGED,
    AUDIT_WORDS
};

enum audit_role {
    AUDIT_APPLICANT,
    AUDIT_OPERATOR,
    AUDIT_OFFICER,
    AUDIT_AUTHORITY,
    AUDIT_SYSTEM,
    AUDIT_ROLES
};

const char *audit_word_name(enum audit_word word);
/* KZ_PARSE: no such word. */
KZ_MUST_USE enum kz_err audit_word_parse(enum audit_word *word, const char *name);
const char *audit_role_name(enum audit_role role);

/* What whoever makes one says; the rest (schema, seq) is the chain's. All is borrowed. */
struct audit_event {
    int64_t time_ms;
    const char *instance;
    enum audit_word word;
    const char *miner; /* NULL: none, as with the next ones that say "or null" above */
    const char *actor;
    enum audit_role role;
    const char *second, *reason;
    const json_t *basis;
    const struct hash256 *before, *after;
    const json_t *detail; /* NULL: {} */
};

/* The caller owns it; whatever comes out passes audit_event_check(). */
KZ_MUST_USE enum kz_err audit_event_build(json_t **out, char why[AUDIT_WHY_SIZE],
                                          const struct audit_event *event,
                                          uint64_t seq);

/* A stored one: form only, whether its place is right the chain says. */
KZ_MUST_USE enum kz_err audit_event_check(char why[AUDIT_WHY_SIZE],
                                          const json_t *event);

/* Of an event that was checked. */
uint64_t audit_event_seq(const json_t *event);
int64_t audit_event_time_ms(const json_t *event);

/* The public record as `before` and `after` name it. KZ_RANGE: it has no canonical form. */
KZ_MUST_USE enum kz_err audit_record_hash(struct hash256 *out, const json_t *record);

/* For whoever judges events. `why`, and KZ_RANGE. */
enum kz_err audit_refuse(char why[AUDIT_WHY_SIZE], const char *format, ...)
    KZ_PRINTF(2, 3);

#endif
