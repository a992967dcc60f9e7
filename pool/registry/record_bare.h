/* pool/registry/record_bare.h - of a record, what an applicant would have given: so that
 * what was exported can be applied for again.
 *
 * Left out is what the registry writes (state, basis, commitments, ...), members that are
 * no fields, and of payout_addresses all but the address of those that are live.
 *
 * Thread: any. Pure. */
#ifndef POOL_RECORD_BARE_H
#define POOL_RECORD_BARE_H

#include <jansson.h>

/* The caller's; `record` is not changed. */
json_t *record_bare(const json_t *record);

#endif
