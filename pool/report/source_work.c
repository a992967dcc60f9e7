#include "pool/report/source_work.h"

#include "pool/report/source_common.h"
#include "share/keys.h"
#include "share/store_tallies.h"

#include <string.h>

#define DAY_MS INT64_C(86400000)
#define HOUR_S 3600
#define DAY_S  86400
#define ADVICE "tally.hours_days must be longer than it takes to make a report"

size_t source_days(const struct period *p)
{
    return (size_t)((p->to_ms - p->from_ms) / DAY_MS);
}

unsigned source_work_hours(const struct work_day *d)
{
    return (unsigned)__builtin_popcount(d->hours);
}

void source_wide_format(char out[SOURCE_WIDE_SIZE], source_wide v)
{
    char digits[SOURCE_WIDE_SIZE];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + (int)(v % 10));
        v /= 10;
    } while (v > 0);
    for (size_t i = 0; i < count; i++)
        out[i] = digits[count - 1 - i];
    out[count] = '\0';
}

int64_t source_work_kept_ms(const struct conf *conf, const struct period *p,
                            enum key_span span)
{
    const struct key_retention keep = {conf->tally.minutes_hours,
                                       conf->tally.hours_days, conf->tally.days_months,
                                       conf->tally.workers_days};
    return key_tally_expires(&keep, span, p->from_ms / 1000) * 1000;
}

enum kz_err source_work_begin(json_t **instances, char why[SOURCE_WHY_SIZE],
                              const struct report_source *s)
{
    const struct period *p = &s->header.period;
    if (p->offset_minutes % 60 != 0)
        return source_fail(why, KZ_RANGE,
                           "timezone %s: work is kept by hours of UTC, and the zone is "
                           "not whole hours off it",
                           s->header.timezone);
    if (source_work_kept_ms(s->conf, p, KEY_DAYS) <= s->header.generated_ms)
        return source_fail(why, KZ_RANGE,
                           "the period is older than figures are kept: "
                           "tally.days_months is %u",
                           s->conf->tally.days_months);
    return store_read_instances(instances, s->store) == KZ_OK
               ? KZ_OK
               : source_fail(why, KZ_IO, "Redis is away");
}

/* --- one miner -------------------------------------------------------------------- */

/* One miner of one instance at work. */
struct reading {
    struct work_day *days;
    char *why;
    const struct report_source *s;
    const char *instance;
    const struct miner_id *miner;
};

static void add_row(struct work_day *d, const struct tally_row *row)
{
    d->accepted += row->accepted;
    d->refused += row->refused;
    d->work += row->work;
}

static bool is_empty(const struct tally_row *row)
{
    return row->accepted == 0 && row->refused == 0 && row->work == 0;
}

/* Those of the UTC day's hours that lie in the period and had begun, to their days of the
 * zone. */
static void add_hours(struct reading *r, const struct tally_row rows[TALLY_HOURS],
                      int64_t day_s)
{
    const struct period *p = &r->s->header.period;
    for (int64_t h = 0; h < TALLY_HOURS; h++) {
        int64_t at_s = day_s + h * HOUR_S;
        if (!period_has(p, at_s * 1000) || at_s * 1000 >= r->s->header.generated_ms ||
            is_empty(&rows[h]))
            continue;
        int64_t since_s = at_s - p->from_ms / 1000;
        struct work_day *d = &r->days[since_s / DAY_S];
        add_row(d, &rows[h]);
        if (rows[h].accepted > 0)
            d->hours |= 1u << (since_s % DAY_S / HOUR_S);
    }
}

static bool has_any(const struct tally_row rows[TALLY_HOURS])
{
    for (size_t h = 0; h < TALLY_HOURS; h++)
        if (!is_empty(&rows[h]))
            return true;
    return false;
}

/* A UTC day with shares. Its hours are one key, so they are there or gone together. */
static enum kz_err take_day(struct reading *r, const struct tally_row *whole,
                            int64_t day_s)
{
    struct tally_row rows[TALLY_HOURS];
    const struct period *p = &r->s->header.period;
    char date[PERIOD_DATE_SIZE];
    enum kz_err err = store_read_hours(rows, r->s->store, r->instance, r->miner, day_s);
    if (err != KZ_OK)
        return source_fail(r->why, err, "the tallies of miner %s cannot be read",
                           r->miner->text);
    if (has_any(rows)) {
        add_hours(r, rows, day_s);
        return KZ_OK;
    }
    if (p->offset_minutes != 0) {
        period_date(date, day_s * 1000, 0);
        return source_fail(r->why, KZ_RANGE,
                           "the figures of the hours of %s are gone, and a day of %s "
                           "cannot be made without them: " ADVICE,
                           date, r->s->header.timezone);
    }
    struct work_day *d = &r->days[(day_s - p->from_ms / 1000) / DAY_S];
    add_row(d, whole);
    d->has_no_hours = true;
    return KZ_OK;
}

/* Days of UTC that the period touches; a month of them is one key. */
static enum kz_err take_instance(struct reading *r)
{
    const struct period *p = &r->s->header.period;
    struct tally_row month[TALLY_DAYS];
    char date[PERIOD_DATE_SIZE], before[PERIOD_DATE_SIZE] = "";
    enum kz_err err = KZ_OK;
    int64_t day_s = period_day_start(p->from_ms, 0) / 1000;
    for (; day_s * 1000 < p->to_ms && err == KZ_OK; day_s += DAY_S) {
        period_date(date, day_s * 1000, 0);
        if (strncmp(date, before, strlen("2026-10")) != 0)
            err = store_read_days(month, r->s->store, r->instance, r->miner, day_s);
        if (err != KZ_OK)
            return source_fail(r->why, err, "the tallies of miner %s cannot be read",
                               r->miner->text);
        memcpy(before, date, sizeof(before));
        int day = (date[8] - '0') * 10 + (date[9] - '0');
        if (!is_empty(&month[day]))
            err = take_day(r, &month[day], day_s);
    }
    return err;
}

enum kz_err source_work_read(struct work_day *days, char why[SOURCE_WHY_SIZE],
                             const struct report_source *s, const json_t *instances,
                             const struct miner_id *miner)
{
    struct reading r = {days, why, s, NULL, miner};
    enum kz_err err = KZ_OK;
    for (size_t i = 0; i < json_array_size(instances) && err == KZ_OK; i++) {
        r.instance = json_string_value(json_array_get(instances, i));
        err = take_instance(&r);
    }
    return err;
}
