/* pool/report/period.h - the days, months, quarters and years that reports are about.
 *
 * A period is [from, to): its edges are midnights in the zone of the jurisdiction's
 * profile, which has one offset from UTC all year (zones with daylight saving are refused
 * with the profile).
 *
 *   day        2026-10-31     quarter    2026-Q4
 *   month      2026-10        on demand  2026-10-01..2026-10-16, the latter not included
 *   year       2026
 *
 * Units   UTC milliseconds; the offset in minutes east of UTC.
 * Errors  KZ_PARSE: another form; KZ_RANGE: no such day, or a year outside 1970 to 9998.
 * Thread  any. Pure. Source: registry spec section 2 (intervals), section 5 (due_day). */
#ifndef POOL_REPORT_PERIOD_H
#define POOL_REPORT_PERIOD_H

#include "conf/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PERIOD_OFFSET_MAX (14 * 60) /* either way */
#define PERIOD_TEXT_SIZE  32
#define PERIOD_DATE_SIZE  16

enum period_kind {
    PERIOD_DAY,
    PERIOD_MONTH,
    PERIOD_QUARTER,
    PERIOD_YEAR,
    PERIOD_ON_DEMAND,
};

struct period {
    enum period_kind kind;
    int offset_minutes;
    int64_t from_ms, to_ms;
};

/* As people type it: in one of the forms above. */
KZ_MUST_USE enum kz_err period_parse(struct period *p, const char *text,
                                     int offset_minutes);
void period_format(char out[PERIOD_TEXT_SIZE], const struct period *p);

/* The one that `at_ms` lies in; not of PERIOD_ON_DEMAND. */
KZ_MUST_USE enum kz_err period_of(struct period *p, enum period_kind kind,
                                  int64_t at_ms, int offset_minutes);

/* The one before and the one behind, of the same kind; on demand: as many days. */
KZ_MUST_USE enum kz_err period_previous(struct period *out, const struct period *p);
KZ_MUST_USE enum kz_err period_next(struct period *out, const struct period *p);

bool period_has(const struct period *p, int64_t at_ms);
/* The last midnight of the zone at or before. */
int64_t period_day_start(int64_t at_ms, int offset_minutes);
/* "2026-10-31": the zone's date at that instant. */
void period_date(char out[PERIOD_DATE_SIZE], int64_t at_ms, int offset_minutes);

/* When a report is late: the midnight that ends day `due_day` (1 to 31) of the month
 * behind the period's last day; in a shorter month the one that ends the month. */
KZ_MUST_USE enum kz_err period_due(int64_t *late_ms, const struct period *p,
                                   int due_day);

#endif
