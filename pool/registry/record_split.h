/* pool/registry/record_split.h - personal values out of a record, and back into it.
 *
 * What is kept in Redis, journaled and audited is the public record: each personal field
 * of the table is taken out, and "personal" {field: commitment, 64 hex digits} stands for
 * it. The values go to the vault, which keeps {field: {"salt": 64 hex digits, "value"}}
 * and makes the commitments (pool/audit/vault.h, pool/audit/commit.h). A field's value is
 * committed to as a whole, so nobody can try birth dates one by one.
 *
 * Ownership  JSON that comes out is the caller's; nothing is shared with what went in.
 * Errors     KZ_RANGE with `why`: the field, no value. Outputs are untouched then.
 * Thread     any. Pure: no I/O, lock or clock. Source: registry spec sections 3 and 4. */
#ifndef POOL_RECORD_SPLIT_H
#define POOL_RECORD_SPLIT_H

#include "pool/registry/record_act.h"

/* `public_part` has no "personal" yet; `personal` is {field: value}, maybe empty. `full`
 * is an object. */
void record_split(json_t **public_part, json_t **personal, const json_t *full);

/* The public part with its commitments: exactly the fields that `personal` has, or its
 * values were lost on the way. */
KZ_MUST_USE enum kz_err record_commit(json_t **out, char why[RECORD_WHY_SIZE],
                                      const json_t *public_part, const json_t *personal,
                                      const json_t *commitments);

/* The full record, from the stored one and what the vault has. A field that the vault has
 * no more (erased) is left out. A value that does not open its commitment is refused, and
 * so is one without: somebody changed one of both. */
KZ_MUST_USE enum kz_err record_merge(json_t **out, char why[RECORD_WHY_SIZE],
                                     const json_t *stored, const json_t *vault);

#endif
