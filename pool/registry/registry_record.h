/* pool/registry/registry_record.h - a miner's record: its checks and its states.
 *
 * Schema "kariz-miner/1" (registry spec section 3), of which this first form has:
 * schema, miner_id, kind, residency, residence_country, official_name (legal entities
 * only: a person's name is personal data and belongs in the vault that is yet to be),
 * certificate {number}, payout_addresses (pool/registry/registry_address.h), state,
 * state_since, basis {note}, actor, registered_at. Redis adds number and revision.
 * Times are ISO 8601 in UTC.
 *
 * Errors  KZ_RANGE with `why`, which begins with the field's name as it was given.
 * Thread  any. Pure: no I/O, lock or clock. */
#ifndef POOL_REGISTRY_RECORD_H
#define POOL_REGISTRY_RECORD_H

#include "conf/conf.h"
#include "share/ids.h"

#include <jansson.h>

#define RECORD_WHY_SIZE      256
#define RECORD_ADDRESSES_MAX 16

enum miner_state {
    MINER_DRAFT,
    MINER_SUBMITTED,
    MINER_REJECTED, /* final */
    MINER_ACTIVE,
    MINER_RESTRICTED, /* may mine, warned */
    MINER_SUSPENDED,
    MINER_REVOKED, /* final */
    MINER_CLOSED,  /* final */
    MINER_STATES
};

const char *miner_state_name(enum miner_state state);
/* KZ_PARSE: no such state. */
KZ_MUST_USE enum kz_err miner_state_parse(enum miner_state *state, const char *name);
/* Whether this form of the registry offers the change. */
bool miner_state_can_become(enum miner_state from, enum miner_state to);
bool miner_state_may_mine(enum miner_state state);

/* What an operator gives: id, kind, residency, country, certificate, address (a text or
 * an array of texts; "addresses" is the same), name. Nothing else. */
struct record_request {
    const json_t *fields;
    const struct conf *conf; /* network, jurisdiction */
    const char *actor;
    int64_t now_ms;
};

/* The caller owns the record. */
KZ_MUST_USE enum kz_err record_new(json_t **out, char why[RECORD_WHY_SIZE],
                                   const struct record_request *from);

struct record_change {
    enum miner_state state;
    const char *basis; /* why, and on which document; needed */
    const char *actor;
    int64_t now_ms;
};

/* A changed copy of `record`. */
KZ_MUST_USE enum kz_err record_with_state(json_t **out, char why[RECORD_WHY_SIZE],
                                          const json_t *record,
                                          const struct record_change *change);

/* What a miner has agreed with the pool: "fee_ppm" and "minimum_sat" of the record; where
 * it has none, the pool's hold. NULL: stays as it is; "pool": the pool's from now on. */
struct record_terms {
    const char *fee_percent; /* "1.25": at most 4 decimals, at most 100 */
    const char *minimum_sat; /* least payment */
    const char *basis, *actor;
};

/* A changed copy of `record`. */
KZ_MUST_USE enum kz_err record_with_terms(json_t **out, char why[RECORD_WHY_SIZE],
                                          const json_t *record,
                                          const struct record_terms *terms);

/* Of a record; NULL or the last state when it is damaged. */
const char *record_text(const json_t *record, const char *key);
enum miner_state record_state(const json_t *record);

/* For whoever changes a record. `why`, and KZ_RANGE. */
enum kz_err record_refuse(char why[RECORD_WHY_SIZE], const char *format, ...)
    KZ_PRINTF(2, 3);
/* Of a copy: why it is changed, and who does. KZ_RANGE: no basis, or one that is not
 * clean text. */
KZ_MUST_USE enum kz_err record_set_basis(json_t *record, char why[RECORD_WHY_SIZE],
                                         const char *basis, const char *actor);

#endif
