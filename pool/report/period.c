#include "pool/report/period.h"

#include "conf/clock.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define MINUTE_MS   INT64_C(60000)
#define DAY_MS      (24 * 60 * MINUTE_MS)
#define YEAR_MAX    9998 /* so that what comes behind has four digits, too */
#define DATE_LENGTH 10   /* "2026-10-31" */

/* --- the calendar --------------------------------------------------------------------- */

struct day {
    int year, month, day; /* as people count them */
};

static bool offset_is_sane(int minutes)
{
    return minutes >= -PERIOD_OFFSET_MAX && minutes <= PERIOD_OFFSET_MAX;
}

/* Months below 1 and above 12 count into the years around. */
static struct day normal(struct day d)
{
    int months = d.year * 12 + d.month - 1;
    return (struct day){months / 12, months % 12 + 1, d.day};
}

static enum kz_err midnight(int64_t *ms, struct day d, int offset_minutes)
{
    char text[48];
    int64_t utc = 0;
    d = normal(d);
    if (d.year < 1970 || d.year > YEAR_MAX + 1)
        return KZ_RANGE;
    snprintf(text, sizeof(text), "%04d-%02d-%02d", d.year, d.month, d.day);
    enum kz_err err = clock_utc_parse(&utc, text, strlen(text));
    if (err == KZ_OK)
        *ms = utc - offset_minutes * MINUTE_MS;
    return err;
}

static int two_digits(const char *p)
{
    return (p[0] - '0') * 10 + (p[1] - '0');
}

static struct day day_at(int64_t ms, int offset_minutes)
{
    char text[CLOCK_TEXT_SIZE];
    clock_utc_format(text, ms + offset_minutes * MINUTE_MS);
    return (struct day){two_digits(text) * 100 + two_digits(text + 2),
                        two_digits(text + 5), two_digits(text + 8)};
}

int64_t period_day_start(int64_t at_ms, int offset_minutes)
{
    int64_t local = at_ms + offset_minutes * MINUTE_MS;
    int64_t into = local % DAY_MS;
    return at_ms - (into < 0 ? into + DAY_MS : into);
}

void period_date(char out[PERIOD_DATE_SIZE], int64_t at_ms, int offset_minutes)
{
    char text[CLOCK_TEXT_SIZE];
    clock_utc_format(text, at_ms + offset_minutes * MINUTE_MS);
    snprintf(out, PERIOD_DATE_SIZE, "%.10s", text);
}

/* --- periods -------------------------------------------------------------------------- */

static int months_of(enum period_kind kind)
{
    switch (kind) {
    case PERIOD_DAY:
    case PERIOD_ON_DEMAND:
        return 0;
    case PERIOD_MONTH:
        return 1;
    case PERIOD_QUARTER:
        return 3;
    case PERIOD_YEAR:
        return 12;
    }
    return 0;
}

/* Of the kinds whose length the calendar says; `first` is the first day. */
static enum kz_err from_first(struct period *out, enum period_kind kind,
                              struct day first, int offset_minutes)
{
    struct period p = {.kind = kind, .offset_minutes = offset_minutes};
    if (!offset_is_sane(offset_minutes) || first.year > YEAR_MAX)
        return KZ_RANGE;
    enum kz_err err = midnight(&p.from_ms, first, offset_minutes);
    if (err == KZ_OK && kind == PERIOD_DAY)
        p.to_ms = p.from_ms + DAY_MS;
    else if (err == KZ_OK)
        err = midnight(&p.to_ms,
                       (struct day){first.year, first.month + months_of(kind), 1},
                       offset_minutes);
    if (err == KZ_OK && p.from_ms < 0) /* east of Greenwich 1970 begins in 1969 */
        err = KZ_RANGE;
    if (err == KZ_OK)
        *out = p;
    return err;
}

enum kz_err period_of(struct period *p, enum period_kind kind, int64_t at_ms,
                      int offset_minutes)
{
    assert(kind != PERIOD_ON_DEMAND);
    if (!offset_is_sane(offset_minutes) || at_ms < DAY_MS)
        return KZ_RANGE;
    struct day d = day_at(at_ms, offset_minutes);
    int months = months_of(kind);
    if (months > 0) {
        d.month = (d.month - 1) / months * months + 1;
        d.day = 1;
    }
    return from_first(p, kind, d, offset_minutes);
}

static enum kz_err days_around(struct period *out, const struct period *p, int sign)
{
    struct period moved = *p;
    int64_t by = sign * (p->to_ms - p->from_ms);
    moved.from_ms += by;
    moved.to_ms += by;
    if (moved.from_ms < 0 || day_at(moved.to_ms, p->offset_minutes).year > YEAR_MAX)
        return KZ_RANGE;
    *out = moved;
    return KZ_OK;
}

static enum kz_err neighbour(struct period *out, const struct period *p, int sign)
{
    int months = months_of(p->kind);
    if (months == 0)
        return days_around(out, p, sign);
    struct day first = day_at(p->from_ms, p->offset_minutes);
    first.month += sign * months;
    return from_first(out, p->kind, normal(first), p->offset_minutes);
}

enum kz_err period_previous(struct period *out, const struct period *p)
{
    return neighbour(out, p, -1);
}

enum kz_err period_next(struct period *out, const struct period *p)
{
    return neighbour(out, p, 1);
}

bool period_has(const struct period *p, int64_t at_ms)
{
    return at_ms >= p->from_ms && at_ms < p->to_ms;
}

enum kz_err period_due(int64_t *late_ms, const struct period *p, int due_day)
{
    assert(due_day >= 1 && due_day <= 31);
    struct day last = day_at(p->to_ms - 1, p->offset_minutes);
    int64_t start = 0, end = 0;
    enum kz_err err =
        midnight(&start, (struct day){last.year, last.month + 1, 1}, p->offset_minutes);
    if (err == KZ_OK)
        err = midnight(&end, (struct day){last.year, last.month + 2, 1},
                       p->offset_minutes);
    if (err != KZ_OK)
        return err;
    int64_t late = start + due_day * DAY_MS;
    *late_ms = late < end ? late : end;
    return KZ_OK;
}

/* --- names ---------------------------------------------------------------------------- */

/* "dddd-dd-dd" and the like: digits where `form` has a d, else the same character. */
static bool has_form(const char *text, const char *form)
{
    for (; *form != '\0'; text++, form++) {
        if (*form == 'd' ? *text < '0' || *text > '9' : *text != *form)
            return false;
    }
    return *text == '\0';
}

static struct day first_day(const char *text, bool has_month, bool has_day)
{
    return (struct day){two_digits(text) * 100 + two_digits(text + 2),
                        has_month ? two_digits(text + 5) : 1,
                        has_day ? two_digits(text + 8) : 1};
}

/* normal() would turn month 13 into the next year's first. */
static enum kz_err date_parse(struct day *d, const char *text, bool has_day)
{
    *d = first_day(text, true, has_day);
    return d->month >= 1 && d->month <= 12 ? KZ_OK : KZ_RANGE;
}

static enum kz_err on_demand_parse(struct period *out, const char *text,
                                   int offset_minutes)
{
    struct period p = {.kind = PERIOD_ON_DEMAND, .offset_minutes = offset_minutes};
    struct day from, to;
    enum kz_err err = date_parse(&from, text, true);
    if (err == KZ_OK)
        err = date_parse(&to, text + DATE_LENGTH + 2, true);
    if (err == KZ_OK && (!offset_is_sane(offset_minutes) || to.year > YEAR_MAX))
        err = KZ_RANGE;
    if (err == KZ_OK)
        err = midnight(&p.from_ms, from, offset_minutes);
    if (err == KZ_OK)
        err = midnight(&p.to_ms, to, offset_minutes);
    if (err == KZ_OK && (p.from_ms < 0 || p.to_ms <= p.from_ms))
        err = KZ_RANGE;
    if (err == KZ_OK)
        *out = p;
    return err;
}

enum kz_err period_parse(struct period *p, const char *text, int offset_minutes)
{
    struct day d = {0};
    enum period_kind kind;
    enum kz_err err = KZ_OK;
    if (has_form(text, "dddd-dd-dd..dddd-dd-dd"))
        return on_demand_parse(p, text, offset_minutes);
    if (has_form(text, "dddd-Qd")) {
        kind = PERIOD_QUARTER;
        int quarter = text[6] - '0';
        d = (struct day){first_day(text, false, false).year, (quarter - 1) * 3 + 1, 1};
        err = quarter >= 1 && quarter <= 4 ? KZ_OK : KZ_RANGE;
    } else if (has_form(text, "dddd-dd-dd")) {
        kind = PERIOD_DAY;
        err = date_parse(&d, text, true);
    } else if (has_form(text, "dddd-dd")) {
        kind = PERIOD_MONTH;
        err = date_parse(&d, text, false);
    } else if (has_form(text, "dddd")) {
        kind = PERIOD_YEAR;
        d = first_day(text, false, false);
    } else {
        return KZ_PARSE;
    }
    return err == KZ_OK ? from_first(p, kind, d, offset_minutes) : err;
}

void period_format(char out[PERIOD_TEXT_SIZE], const struct period *p)
{
    struct day d = day_at(p->from_ms, p->offset_minutes);
    char from[PERIOD_DATE_SIZE], to[PERIOD_DATE_SIZE];
    period_date(from, p->from_ms, p->offset_minutes);
    period_date(to, p->to_ms, p->offset_minutes);
    switch (p->kind) {
    case PERIOD_DAY:
        snprintf(out, PERIOD_TEXT_SIZE, "%s", from);
        break;
    case PERIOD_MONTH:
        snprintf(out, PERIOD_TEXT_SIZE, "%.7s", from);
        break;
    case PERIOD_QUARTER:
        snprintf(out, PERIOD_TEXT_SIZE, "%.4s-Q%d", from, (d.month - 1) / 3 + 1);
        break;
    case PERIOD_YEAR:
        snprintf(out, PERIOD_TEXT_SIZE, "%.4s", from);
        break;
    case PERIOD_ON_DEMAND:
        snprintf(out, PERIOD_TEXT_SIZE, "%s..%s", from, to);
        break;
    }
}
