#include "pool/registry/day.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define MINUTE_MS  INT64_C(60000)
#define DAY_MS     INT64_C(86400000)
#define YEAR_FIRST 1900
#define YEAR_LAST  9999

struct date {
    int year, month, day;
};

static bool is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year));
}

static int32_t days_before_year(int year)
{
    int before = year - 1; /* whole years since the year 1 */
    return before * 365 + before / 4 - before / 100 + before / 400 - 719162;
}

static struct day from_date(struct date d)
{
    int32_t n = days_before_year(d.year) + d.day - 1;
    for (int m = 1; m < d.month; m++)
        n += days_in(d.year, m);
    return (struct day){n};
}

static struct date to_date(struct day day)
{
    struct date d = {1970 + day.n / 366, 1, 1}; /* never after it, where n >= 0 */
    if (day.n < 0)
        d.year = 1970 + day.n / 365 - 1;
    while (days_before_year(d.year + 1) <= day.n)
        d.year++;
    int32_t left = day.n - days_before_year(d.year);
    for (; left >= days_in(d.year, d.month); d.month++)
        left -= days_in(d.year, d.month);
    d.day = left + 1;
    return d;
}

static bool take_digits(int *out, const char *text, size_t count)
{
    int v = 0;
    for (size_t i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        v = v * 10 + (text[i] - '0');
    }
    *out = v;
    return true;
}

enum kz_err day_parse(struct day *out, const char *text)
{
    struct date d;
    if (strlen(text) != DAY_TEXT_SIZE - 1 || text[4] != '-' || text[7] != '-' ||
        !take_digits(&d.year, text, 4) || !take_digits(&d.month, text + 5, 2) ||
        !take_digits(&d.day, text + 8, 2))
        return KZ_PARSE;
    if (d.year < YEAR_FIRST || d.month < 1 || d.month > 12 || d.day < 1 ||
        d.day > days_in(d.year, d.month))
        return KZ_RANGE;
    *out = from_date(d);
    return KZ_OK;
}

void day_format(char out[DAY_TEXT_SIZE], struct day day)
{
    struct date d = to_date(day);
    assert(d.year >= YEAR_FIRST && d.year <= YEAR_LAST);
    snprintf(out, DAY_TEXT_SIZE, "%04u-%02u-%02u", (unsigned)d.year % 10000,
             (unsigned)d.month % 100, (unsigned)d.day % 100);
}

struct day day_of_ms(int64_t utc_ms, int32_t utc_offset_minutes)
{
    int64_t ms = utc_ms + utc_offset_minutes * MINUTE_MS;
    int64_t n = ms / DAY_MS - (ms % DAY_MS < 0);
    return (struct day){(int32_t)n};
}

int64_t day_start_ms(struct day d, int32_t utc_offset_minutes)
{
    return d.n * DAY_MS - utc_offset_minutes * MINUTE_MS;
}

struct day day_add_months(struct day day, int32_t months)
{
    assert(months >= 0);
    struct date d = to_date(day);
    int month = d.month - 1 + months;
    d.year += month / 12;
    d.month = month % 12 + 1;
    if (d.year > YEAR_LAST)
        d = (struct date){YEAR_LAST, 12, 31};
    if (d.day > days_in(d.year, d.month))
        d.day = days_in(d.year, d.month);
    return from_date(d);
}

int32_t day_years_between(struct day earlier, struct day later)
{
    struct date a = to_date(earlier), b = to_date(later);
    bool is_before = b.month < a.month || (b.month == a.month && b.day < a.day);
    return b.year - a.year - is_before;
}
