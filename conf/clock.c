#include "conf/clock.h"

#include <stdio.h>
#include <time.h>

struct monotime clock_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (struct monotime){(int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec};
}

int64_t clock_utc_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t monotime_ms_between(struct monotime earlier, struct monotime later)
{
    return (later.ns - earlier.ns) / 1000000;
}

struct monotime monotime_add_ms(struct monotime t, int64_t ms)
{
    return (struct monotime){t.ns + ms * 1000000};
}

void clock_utc_format(char out[CLOCK_TEXT_SIZE], int64_t utc_ms)
{
    time_t seconds = (time_t)(utc_ms / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    size_t n = strftime(out, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + n, CLOCK_TEXT_SIZE - n, ".%03dZ", (int)(utc_ms % 1000));
}
