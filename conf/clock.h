/* conf/clock.h - the clocks, and the one place that reads them.
 *
 * struct monotime is for intervals and never jumps; UTC milliseconds are for records
 * and people. Pure files are handed `now` and do not include this to read it.
 * Thread: any. */
#ifndef CONF_CLOCK_H
#define CONF_CLOCK_H

#include "conf/err.h"

#include <stddef.h>
#include <stdint.h>

struct monotime {
    int64_t ns;
};

struct monotime clock_now(void);
int64_t clock_utc_ms(void);

/* later - earlier, in milliseconds, rounded down. */
int64_t monotime_ms_between(struct monotime earlier, struct monotime later);
struct monotime monotime_add_ms(struct monotime t, int64_t ms);

/* "2026-01-31T23:59:59.123Z"; `out` has room for CLOCK_TEXT_SIZE. */
#define CLOCK_TEXT_SIZE 32
void clock_utc_format(char out[CLOCK_TEXT_SIZE], int64_t utc_ms);

/* "2026-01-31", "2026-01-31T23:59", with ":59" and ".123" behind; a blank for the T, and a
 * Z at the end, are accepted. Always UTC. KZ_PARSE: another form. KZ_RANGE: no such day or
 * time, or a year outside 1970 to 9999. */
KZ_MUST_USE enum kz_err clock_utc_parse(int64_t *utc_ms, const char *text, size_t len);

#endif
