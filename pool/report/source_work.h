/* pool/report/source_work.h - a miner's work by days of the period's zone.
 *
 * The tallies are rows of UTC hours and days. A zone's day is made from its hours, so the
 * zone must be whole hours off UTC. Hours stay `tally.hours_days`, days
 * `tally.days_months`; where the hours of a day with shares are gone, only a zone that is
 * UTC's can still be reported, and without hours of work. All instances add up.
 *
 * Units   work in the network's units.
 * Errors  as pool/report/source.h; KZ_RANGE: such a zone or such a day, `why` names the
 *         setting.
 * Thread  as pool/report/source.h. */
#ifndef POOL_REPORT_SOURCE_WORK_H
#define POOL_REPORT_SOURCE_WORK_H

#include "pool/report/source.h"
#include "share/keys.h"

typedef unsigned __int128 source_wide;

struct work_day {
    uint64_t accepted, refused;
    source_wide work;
    uint32_t hours;    /* bit n: accepted shares in the day's hour n */
    bool has_no_hours; /* they are gone */
};

/* `*instances`: for source_work_read(), the caller's. KZ_RANGE: the whole period cannot be
 * reported. */
KZ_MUST_USE enum kz_err source_work_begin(json_t **instances, char why[SOURCE_WHY_SIZE],
                                          const struct report_source *s);

/* When the first figures of the period may go, by the settings. */
int64_t source_work_kept_ms(const struct conf *conf, const struct period *p,
                            enum key_span span);

/* `days`: one for each day of the period, zeroed. */
KZ_MUST_USE enum kz_err source_work_read(struct work_day *days,
                                         char why[SOURCE_WHY_SIZE],
                                         const struct report_source *s,
                                         const json_t *instances,
                                         const struct miner_id *miner);

size_t source_days(const struct period *p);           /* how many the period has */
unsigned source_work_hours(const struct work_day *d); /* how many bits */

/* In decimal. */
#define SOURCE_WIDE_SIZE 40
void source_wide_format(char out[SOURCE_WIDE_SIZE], source_wide v);

#endif
