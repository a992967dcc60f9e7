#include "conf/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
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

/* --- parsing ------------------------------------------------------------------------ */

struct cursor {
    const char *p;
    size_t left;
};

static bool take_digits(struct cursor *c, int *out, size_t count)
{
    int v = 0;
    if (c->left < count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (c->p[i] < '0' || c->p[i] > '9')
            return false;
        v = v * 10 + (c->p[i] - '0');
    }
    c->p += count;
    c->left -= count;
    *out = v;
    return true;
}

static bool take_char(struct cursor *c, const char *any)
{
    if (c->left == 0 || strchr(any, *c->p) == NULL)
        return false;
    c->p++;
    c->left--;
    return true;
}

static bool is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year));
}

static int64_t days_before(int year, int month, int day)
{
    int64_t before = year - 1; /* whole years since the year 1 */
    int64_t days = before * 365 + before / 4 - before / 100 + before / 400 - 719162;
    for (int m = 1; m < month; m++)
        days += days_in(year, m);
    return days + day - 1;
}

struct time_of_day {
    int hour, minute, second, ms;
};

static bool take_time(struct cursor *c, struct time_of_day *t)
{
    if (!take_digits(c, &t->hour, 2) || !take_char(c, ":") ||
        !take_digits(c, &t->minute, 2))
        return false;
    if (take_char(c, ":")) {
        if (!take_digits(c, &t->second, 2))
            return false;
        if (take_char(c, ".") && !take_digits(c, &t->ms, 3))
            return false;
    }
    return true;
}

enum kz_err clock_utc_parse(int64_t *utc_ms, const char *text, size_t len)
{
    struct cursor c = {text, len};
    struct time_of_day t = {0};
    int year, month, day;
    if (!take_digits(&c, &year, 4) || !take_char(&c, "-") ||
        !take_digits(&c, &month, 2) || !take_char(&c, "-") || !take_digits(&c, &day, 2))
        return KZ_PARSE;
    if (take_char(&c, "T ") && !take_time(&c, &t))
        return KZ_PARSE;
    take_char(&c, "Z");
    if (c.left > 0)
        return KZ_PARSE;
    if (year < 1970 || month < 1 || month > 12 || day < 1 ||
        day > days_in(year, month) || t.hour > 23 || t.minute > 59 || t.second > 59)
        return KZ_RANGE;
    int64_t seconds = days_before(year, month, day) * 86400 + t.hour * 3600 +
                      t.minute * 60 + t.second;
    *utc_ms = seconds * 1000 + t.ms;
    return KZ_OK;
}
