/* pool/registry/record_csv.h - applications from a table: a row a miner.
 *
 * The first row has the names of fields as record_check() names them: "miner_id",
 * "tax_id.value", "payout_addresses[0].address", "equipment[1].serial"; any text or number
 * of the record's table that is not written by the registry. An empty cell is an absent
 * field; "unlimited" in certificate.valid_until is its null. What has one possible word
 * only (tax_id.type) need not be there, nor owners where no_owner_reason is. The form of
 * the file is pool/csv_read.h's.
 *
 * Each row becomes a draft (pool/registry/record_state.h) and is checked as one; a row
 * with an error is left out, the others are taken. Nothing is told of a cell but its line,
 * its column and the rule: values may be personal.
 *
 * Ownership  what comes out is the caller's.
 * Thread     any. Pure: no I/O, lock or clock. Source: registry spec section 3, import. */
#ifndef POOL_RECORD_CSV_H
#define POOL_RECORD_CSV_H

#include "pool/registry/record_state.h"

#define RECORD_CSV_ROWS_MAX     10000
#define RECORD_CSV_PROBLEMS_MAX 1000 /* then it stops reading */

/* `drafts`: full drafts, in the order of the rows. `problems`: [{line, column, severity,
 * rule}], the column null where it is the row's or the file's. A file whose first row is
 * wrong gives no drafts. */
void record_csv_read(json_t **drafts, json_t **problems, const char *text, size_t len,
                     const struct record_act *act);

#endif
