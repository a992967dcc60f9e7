/* pool/registry/registry_record.h - what everybody needs of a miner's record: its state's
 * name, a member's text, the terms it has with the pool.
 *
 * What a record holds is in pool/registry/record_fields.h, how it moves in record_state.h.
 * Redis adds number and revision. Times are ISO 8601 in UTC.
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
bool miner_state_may_mine(enum miner_state state);

/* What a miner has agreed with the pool: "fee_ppm" and "minimum_sat" of the record; where
 * it has none, the pool's hold. NULL: stays as it is; "pool": the pool's from now on. */
struct record_terms {
    const char *fee_percent; /* "1.25": at most 4 decimals, at most 100 */
    const char *minimum_sat; /* least payment */
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

#endif
