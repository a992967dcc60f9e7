/* pool/registry/record_update.h - other information about a miner: its name, address,
 * representative, owners, ids.
 *
 * What has a command of its own (certificate, sites, equipment, addresses, networks,
 * declarations, screening, risk) is not changed here, nor is who it is (miner_id, kind,
 * previous): another kind would move values between the record and the vault.
 *
 * The whole record is checked, personal values in it, before and afterwards: a change must
 * bring no error that was not there.
 *
 * Ownership, errors, thread: pool/registry/record_act.h. Source: registry spec section 3. */
#ifndef POOL_RECORD_UPDATE_H
#define POOL_RECORD_UPDATE_H

#include "pool/registry/record_act.h"

/* `full` with the members of `given` in it; null takes one out. The caller's. No basis is
 * asked for yet. */
KZ_MUST_USE enum kz_err record_update(json_t **out, char why[RECORD_WHY_SIZE],
                                      const json_t *full, const json_t *given,
                                      const struct record_act *act);

/* The stored record after it: `updated` is the full one, `commitments` are those of its
 * personal values in the vault. One event, record_changed, with `fields`. */
KZ_MUST_USE enum kz_err record_update_stored(json_t **out,
                                             struct record_happened *happened,
                                             char why[RECORD_WHY_SIZE],
                                             const json_t *updated, const json_t *given,
                                             const json_t *commitments,
                                             const struct record_act *act);

#endif
