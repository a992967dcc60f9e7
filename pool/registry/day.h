/* pool/registry/day.h - days of the calendar: births, certificates, ends of terms.
 *
 * A day has no hour: it is read as it is printed on paper, from 1900 to 9999. Where a
 * moment must become a day, the offset of the profile's zone is given. Unlike
 * conf/clock.h, which has moments, and none before 1970.
 *
 * Thread: any. Pure. */
#ifndef POOL_REGISTRY_DAY_H
#define POOL_REGISTRY_DAY_H

#include "conf/err.h"

#include <stdbool.h>
#include <stdint.h>

#define DAY_TEXT_SIZE 11 /* "2026-01-31" */

struct day {
    int32_t n; /* days since 1970-01-01; compare these */
};

/* KZ_PARSE: not YYYY-MM-DD. KZ_RANGE: no such day, or a year outside 1900 to 9999. */
KZ_MUST_USE enum kz_err day_parse(struct day *out, const char *text);
void day_format(char out[DAY_TEXT_SIZE], struct day d);

/* The day at `utc_ms` in a zone so many minutes east of Greenwich; and the moment at
 * which it begins there. */
struct day day_of_ms(int64_t utc_ms, int32_t utc_offset_minutes);
int64_t day_start_ms(struct day d, int32_t utc_offset_minutes);

/* The same day so many months later (>= 0); the month's last where it has none such, and
 * the last day of 9999 at most. */
struct day day_add_months(struct day d, int32_t months);

/* Whole years between; a birth on 29 February counts from 1 March in other years. */
int32_t day_years_between(struct day earlier, struct day later);

#endif
