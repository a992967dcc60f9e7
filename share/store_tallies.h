/* share/store_tallies.h - the tallies' rows (share/keys.h), for threads that may wait.
 *
 * Rows are of one instance: whoever wants all of a miner's work adds those of each. Where
 * nothing lies a row is zeros: there were no shares, or the key's time is over.
 *
 * Units      work in the network's units; times in Unix seconds, UTC.
 * Ownership  lists are the caller's (json_decref()).
 * Errors     KZ_IO Redis is away or the store stops; KZ_PARSE what lies there is no row.
 *            Outputs untouched then.
 * Thread     any but the store's, control's and a front's. */
#ifndef SHARE_STORE_TALLIES_H
#define SHARE_STORE_TALLIES_H

#include "share/store_read.h"

struct tally_row {
    uint64_t work, accepted, refused;
};

#define TALLY_HOURS 24
#define TALLY_DAYS  32 /* of a month, by the day's number: [0] is of none */

/* Names of all instances that ever wrote; ids of all miners that one has a record of. */
KZ_MUST_USE enum kz_err store_read_instances(json_t **out, struct store *s);
KZ_MUST_USE enum kz_err store_read_tallied(json_t **out, struct store *s,
                                           const char *instance);

/* The hours of the UTC day, and the days of the UTC month, in which `utc_s` lies. */
KZ_MUST_USE enum kz_err store_read_hours(struct tally_row rows[TALLY_HOURS],
                                         struct store *s, const char *instance,
                                         const struct miner_id *miner, int64_t utc_s);
KZ_MUST_USE enum kz_err store_read_days(struct tally_row rows[TALLY_DAYS],
                                        struct store *s, const char *instance,
                                        const struct miner_id *miner, int64_t utc_s);

#endif
