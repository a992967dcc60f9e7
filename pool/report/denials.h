/* pool/report/denials.h - a period's refused logins as its journal tells of them.
 *
 * The journal has two things: how many were refused, by hour and reason, which is exact
 * whatever happens; and rows with details (share/denied.h), of which the newest of each run of
 * the daemon counts. Settled, both together make one list: a row of several runs is added
 * up, and how many were refused that no row tells of is a row of its own without details:
 * those before this was kept, and what a kill took.
 *
 * Different sources of several runs cannot be told apart, so their number is not known then.
 *
 * Details are kept for the profile's refusals_keep_days after the end of the period: of a
 * report that is made later only hour, listener, reason and attempts are left. By the
 * period's end and not the hour, so that reports of a period say the same whenever they are
 * made, until all of them say less; a profile with long periods has the oldest hours
 * longer by that. A package that is made again as of its own time (pool/report/reproduce.h)
 * shows what the one that was handed over shows, while the journal has it.
 *
 * And the journal has it only that long: each UTC day's details lie there under a key
 * (share/refusal_keys.h), which the daemon destroys at its start, or within the hour, once the
 * day is over by denials_day_is_over(): the profile's refusals_keep_days have passed since
 * the end of the period that the day's last moment lies in, a month, quarter or year as the
 * profile asks for R7 or for R8, whichever ends later (both show such details; "on demand"
 * counts as a month). So each period that the profile asks for is whole until it is aged. A
 * longer one, made on demand, has what is left of it. A clock that was wrongly far ahead
 * destroys keys for good: then there are counts alone.
 *
 * Ownership  denials_clear() frees the rows; a settled list is the caller's.
 * Thread     one at a time. Pure. Source: registry spec section 4, R7 and retention. */
#ifndef POOL_REPORT_DENIALS_H
#define POOL_REPORT_DENIALS_H

#include "pool/report/table.h"
#include "share/denied.h"

struct profile;

struct denials_row {
    struct denied_row row;
    uint64_t run;
    uint64_t order; /* in the journal */
};

struct denials {
    struct denials_row *rows;
    size_t count, room;
    uint64_t next; /* order */
};

/* Older figures of the row are let go of when there is no room for more. */
void denials_add(struct denials *d, uint64_t run, const struct denied_row *row);
void denials_clear(struct denials *d);

/* Is it too late to show details? */
bool denials_are_aged(const struct report_header *header, int keep_days);
/* Is there no report any more that the profile asks for and that may show details of that
 * UTC day (since 1970)? */
bool denials_day_is_over(const struct profile *profile, int64_t day, int64_t now_ms);

/* What a report shows, in denied_compare()'s order; to be mem_free()d. `totals` are the
 * counts, of one hour and reason perhaps several. A row of which nothing but hour and reason
 * is known has no listener. */
struct denied_row *denials_settle(size_t *count, const struct denials *d,
                                  const struct tally_refusal *totals,
                                  size_t total_count, bool is_aged);

#endif
