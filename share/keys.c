#include "share/keys.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define HOUR_S INT64_C(3600)
#define DAY_S  (24 * HOUR_S)

static struct tm parts_of(int64_t utc_s)
{
    time_t t = (time_t)utc_s;
    struct tm tm = {0};
    gmtime_r(&t, &tm);
    return tm;
}

static void format_period(char out[24], enum key_span span, int64_t utc_s)
{
    struct tm tm = parts_of(utc_s);
    const char *format = span == KEY_MINUTES ? "%Y%m%d%H"
                         : span == KEY_HOURS ? "%Y%m%d"
                                             : "%Y%m";
    size_t len = strftime(out, 24, format, &tm);
    assert(len > 0);
}

void key_cursor(char out[KEY_SIZE], const char *instance, uint32_t stream)
{
    snprintf(out, KEY_SIZE, "applied:{%s}:%" PRIu32, instance, stream);
}

void key_cursor_ledger(char out[KEY_SIZE], const char *instance)
{
    snprintf(out, KEY_SIZE, "applied:{ledger}:%s", instance);
}

void key_cursor_registry(char out[KEY_SIZE], const char *instance)
{
    snprintf(out, KEY_SIZE, "applied:{registry}:%s", instance);
}

void key_slices(char out[KEY_SIZE], const char *instance)
{
    snprintf(out, KEY_SIZE, "slices:{%s}", instance);
}

void key_slice(char out[KEY_SIZE], const char *instance, uint64_t id)
{
    snprintf(out, KEY_SIZE, "slicez:{%s}:%" PRIu64, instance, id);
}

void key_block_slices(char out[KEY_SIZE], const char *instance)
{
    snprintf(out, KEY_SIZE, "blkslice:{%s}", instance);
}

void key_statement(char out[KEY_SIZE], const char *miner)
{
    snprintf(out, KEY_SIZE, "stmt:{ledger}:%s", miner);
}

void key_done(char out[KEY_SIZE], const char *period)
{
    snprintf(out, KEY_SIZE, "done:{ledger}%s%s", period[0] != '\0' ? ":" : "", period);
}

bool key_mark(char out[KEY_SIZE], const char *name)
{
    const char *rest = strchr(name, ':');
    if (rest == NULL)
        snprintf(out, KEY_SIZE, "%s:{ledger}", name);
    else
        snprintf(out, KEY_SIZE, "%.*s:{ledger}%s", (int)(rest - name), name, rest);
    return rest != NULL;
}

void key_healed(char out[KEY_SIZE], const char *instance)
{
    snprintf(out, KEY_SIZE, "healed:{%s}", instance);
}

void key_miners(char out[KEY_SIZE], const char *instance)
{
    snprintf(out, KEY_SIZE, "miners:{%s}", instance);
}

void key_pool(char out[KEY_SIZE], const char *instance)
{
    snprintf(out, KEY_SIZE, "pool:{%s}", instance);
}

void key_tally(char out[KEY_SIZE], const char *instance, enum key_span span,
               const struct miner_id *miner, int64_t utc_s)
{
    static const char letters[] = "mhd";
    char period[24];
    format_period(period, span, utc_s);
    if (miner == NULL)
        snprintf(out, KEY_SIZE, "pool:{%s}:%c:%s", instance, letters[span], period);
    else
        snprintf(out, KEY_SIZE, "tally:{%s}:%c:%s:%s", instance, letters[span],
                 miner->text, period);
}

void key_tally_field(char out[KEY_FIELD_SIZE], enum key_span span, int64_t utc_s)
{
    struct tm tm = parts_of(utc_s);
    int n = span == KEY_MINUTES ? tm.tm_min
            : span == KEY_HOURS ? tm.tm_hour
                                : tm.tm_mday;
    snprintf(out, KEY_FIELD_SIZE, "%u", (unsigned)n % 100);
}

void key_reason_field(char out[KEY_REASON_SIZE], const char *verdict)
{
    snprintf(out, KEY_REASON_SIZE, "%s#", verdict);
}

bool key_reason_parse(char verdict[KEY_REASON_SIZE], const char *field)
{
    size_t len = strlen(field);
    if (len == 0 || len > KEY_REASON_SIZE || field[len - 1] != '#')
        return false;
    memcpy(verdict, field, len);
    verdict[len - 1] = '\0';
    return true;
}

int64_t key_tally_expires(const struct key_retention *keep, enum key_span span,
                          int64_t utc_s)
{
    switch (span) {
    case KEY_MINUTES:
        return (utc_s / HOUR_S + 1) * HOUR_S + keep->minutes_hours * HOUR_S;
    case KEY_HOURS:
        return (utc_s / DAY_S + 1) * DAY_S + keep->hours_days * DAY_S;
    case KEY_DAYS:
        break;
    }
    int64_t month_began = utc_s / DAY_S * DAY_S - (parts_of(utc_s).tm_mday - 1) * DAY_S;
    return month_began + (31 + keep->days_months * INT64_C(31)) * DAY_S;
}

unsigned key_worker_bucket(const struct worker_name *worker)
{
    uint32_t h = 2166136261u; /* FNV-1a: part of the stored form, never to change */
    for (const char *p = worker->text; *p != '\0'; p++)
        h = (h ^ (uint8_t)*p) * 16777619u;
    return (h ^ (h >> 16)) % KEY_WORKER_BUCKETS;
}

void key_workers(char out[KEY_SIZE], const char *instance, const struct miner_id *miner,
                 unsigned bucket)
{
    snprintf(out, KEY_SIZE, "worker:{%s}:%s:%u", instance, miner->text, bucket);
}

int64_t key_workers_expire(const struct key_retention *keep, int64_t utc_s)
{
    return (utc_s / HOUR_S + 1) * HOUR_S + keep->workers_days * DAY_S;
}

void key_refused(char out[KEY_SIZE], const char *instance, int64_t utc_s)
{
    char period[24];
    format_period(period, KEY_MINUTES, utc_s);
    snprintf(out, KEY_SIZE, "refused:{%s}:%s", instance, period);
}

int64_t key_refused_expires(int64_t utc_s)
{
    return (utc_s / HOUR_S + 1) * HOUR_S + 90 * DAY_S;
}

void key_block(char out[KEY_SIZE], const char *hash)
{
    snprintf(out, KEY_SIZE, "blk:{ledger}:%.64s", hash);
}
