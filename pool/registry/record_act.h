/* pool/registry/record_act.h - who changes a record, why, and on which document.
 *
 * Every change of a record is an act: somebody in a role, a reason out of a closed list,
 * and a basis {code, authority, document, date, sha256, note} that says on what grounds
 * (at least a code, a document or a note). A function that changes a record returns a
 * changed copy, the caller's, and what happened, from which the audit event is made
 * (pool/audit/audit_event.h): one event a change, so that the journal's record that makes
 * the change can carry it.
 *
 * Ownership  an act and what it names are borrowed for the call. In `happened`, `detail`
 *            is the caller's (NULL: none); the rest is borrowed from the act and from the
 *            record that was given.
 * Errors     KZ_RANGE with `why`: field first. The record and the outputs are untouched.
 * Thread     any. Pure: no I/O, lock or clock. Source: registry spec section 3. */
#ifndef POOL_RECORD_ACT_H
#define POOL_RECORD_ACT_H

#include "pool/audit/audit_event.h"
#include "pool/registry/record_fields.h"
#include "pool/registry/registry_record.h"

struct record_act {
    const char *by;
    enum audit_role role;
    const char *reason;  /* a code of the list below */
    const json_t *basis; /* an object as above */
    const struct profile *profile;
    const struct conf *conf; /* network, addresses' waiting time */
    int64_t now_ms;
};

struct record_happened {
    enum audit_word word;
    enum audit_role role;
    const char *actor, *second; /* second: NULL, or who confirmed */
    const char *reason;
    const json_t *basis;
    json_t *detail;
};

/* What a reason may be given for: 1 << enum miner_state for entering it, or one of: */
#define RECORD_FOR_FREEZE   (1u << MINER_STATES)
#define RECORD_FOR_UNFREEZE (1u << (MINER_STATES + 1))
#define RECORD_FOR_RELEASE  (1u << (MINER_STATES + 2))
#define RECORD_FOR_ADDRESS  (1u << (MINER_STATES + 3))
#define RECORD_FOR_CHANGE   (1u << (MINER_STATES + 4)) /* of what the record holds */
#define RECORD_FOR_ERASE    (1u << (MINER_STATES + 5)) /* of its personal values */

struct record_reason {
    const char *code, *meaning;
    unsigned uses;
};

/* In the order people are shown them; NULL behind the last. */
const struct record_reason *record_reason_at(size_t i);
/* NULL: no such code. */
const struct record_reason *record_reason_find(const char *code);

/* Whether it names who acts, a reason for `use` and a basis. */
KZ_MUST_USE enum kz_err record_act_check(char why[RECORD_WHY_SIZE],
                                         const struct record_act *act, unsigned use);
/* An authority and its document are named in it. */
bool record_basis_is_order(const json_t *basis);
bool record_basis_has_document(const json_t *basis);

/* For whoever changes a copy: the last act on the record. `second` may be NULL. */
void record_sign(json_t *changed, const char *by, const char *second,
                 const char *reason, const json_t *basis);
void record_set_time(json_t *object, const char *key, int64_t utc_ms);
/* False: absent or malformed. */
bool record_get_time(int64_t *utc_ms, const json_t *object, const char *key);
struct record_happened record_happened_of(const struct record_act *act,
                                          enum audit_word word);
struct record_checks record_checks_of(const struct record_act *act);

/* audit_record_hash() of what the record says, without the number and revision that Redis
 * gives it. False: it has no canonical form. */
bool record_hash(struct hash256 *out, const json_t *record);

#endif
