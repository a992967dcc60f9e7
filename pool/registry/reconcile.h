/* pool/registry/reconcile.h - our records against an authority's list of registrations.
 *
 * The list is a table (pool/csv_read.h) with the columns certificate_no, tax_id, name,
 * state, valid_until in any order; certificate_no or tax_id must be among them, the others
 * may lack, and so may cells. Further columns are passed over.
 *
 * A row belongs to the record with its certificate number; where none has it, to the one
 * with its tax id. A record or a row that found its like takes no other. What comes out is
 * a list of differences, records first in the order of their ids, then rows in that of the
 * file, so two runs over the same give the same:
 *
 *   {"what", "miner_id", "certificate_no", "line", "field", "ours", "theirs"}
 *   missing_there  a record that is active, restricted or suspended, and no row
 *   missing_here   a row, and no record (rejected ones do not count)
 *   differs        `field` is certificate_no, tax_id, name, state or valid_until
 *   twice          a row whose certificate number an earlier row has
 *
 * null where there is nothing to say. The name of a person is not in stored records, so it
 * is not compared and not told. A restricted miner is an active one for the authority;
 * states of drafts and submitted ones are not compared.
 *
 * Ownership  what comes out is the caller's.
 * Errors     KZ_PARSE and KZ_RANGE with `why`: the line, and what is wrong.
 * Thread     any. Pure: no I/O, lock or clock. Source: registry spec section 3. */
#ifndef POOL_RECONCILE_H
#define POOL_RECONCILE_H

#include "pool/csv_read.h"

#include <jansson.h>

#define RECONCILE_ROWS_MAX 200000

/* [{line, certificate_no, tax_id, name, state, valid_until}], what is empty absent. */
KZ_MUST_USE enum kz_err reconcile_read(json_t **rows, char why[CSV_WHY_SIZE],
                                       const char *text, size_t len);

/* `records`: a list of stored ones. */
json_t *reconcile(const json_t *records, const json_t *rows);

#endif
