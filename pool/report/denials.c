#include "pool/report/denials.h"

#include "conf/mem.h"
#include "pool/registry/profile.h"

#include <stdlib.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)

bool denials_are_aged(const struct report_header *header, int keep_days)
{
    return header->generated_ms - header->period.to_ms >= keep_days * DAY_MS;
}

/* INT64_MAX: in no year that reports have. */
static int64_t end_of_period(enum profile_period asked, int64_t at_ms, int offset)
{
    static const enum period_kind kinds[PROFILE_PERIODS] = {
        [PROFILE_ON_DEMAND] = PERIOD_MONTH, [PROFILE_DAY] = PERIOD_DAY,
        [PROFILE_MONTH] = PERIOD_MONTH,     [PROFILE_QUARTER] = PERIOD_QUARTER,
        [PROFILE_YEAR] = PERIOD_YEAR,
    };
    struct period p;
    return period_of(&p, kinds[asked], at_ms, offset) == KZ_OK ? p.to_ms : INT64_MAX;
}

bool denials_day_is_over(const struct profile *profile, int64_t day, int64_t now_ms)
{
    int64_t last_ms = (day + 1) * DAY_MS - 1;
    int offset = profile->utc_offset_minutes;
    int64_t a = end_of_period(profile->reports[PROFILE_R7_REFUSALS], last_ms, offset);
    int64_t b = end_of_period(profile->reports[PROFILE_R8_ALERTS], last_ms, offset);
    int64_t end_ms = a > b ? a : b;
    return now_ms > end_ms && now_ms - end_ms >= profile->refusals_keep_days * DAY_MS;
}

void denials_clear(struct denials *d)
{
    mem_free(d->rows);
    *d = (struct denials){.count = 0};
}

/* --- rows of runs ----------------------------------------------------------------- */

static int by_row_run_and_order(const void *a, const void *b)
{
    const struct denials_row *x = a, *y = b;
    int c = denied_compare(&x->row, &y->row);
    if (c != 0)
        return c;
    if (x->run != y->run)
        return x->run < y->run ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static void sort_rows(struct denials *d)
{
    if (d->count > 0)
        qsort(d->rows, d->count, sizeof(*d->rows), by_row_run_and_order);
}

static bool is_same_run(const struct denials_row *a, const struct denials_row *b)
{
    return a->run == b->run && denied_compare(&a->row, &b->row) == 0;
}

/* Of each run its last word. */
static void keep_newest(struct denials *d)
{
    size_t kept = 0;
    sort_rows(d);
    for (size_t i = 0; i < d->count; i++)
        if (i + 1 == d->count || !is_same_run(&d->rows[i], &d->rows[i + 1]))
            d->rows[kept++] = d->rows[i];
    d->count = kept;
}

static void make_room(struct denials *d)
{
    if (d->count == d->room)
        keep_newest(d);
    if (d->room > 0 && d->count < d->room - d->room / 4)
        return;
    d->room = d->room > 0 ? 2 * d->room : 256;
    d->rows = mem_resize(d->rows, d->room * sizeof(*d->rows));
}

void denials_add(struct denials *d, uint64_t run, const struct denied_row *row)
{
    if (d->count == d->room)
        make_room(d);
    d->rows[d->count++] = (struct denials_row){*row, run, d->next++};
}

/* --- settling --------------------------------------------------------------------- */

/* Rows that say the same are one. */
static void merge(struct denials *d)
{
    size_t kept = 0;
    sort_rows(d);
    for (size_t i = 0; i < d->count; i++) {
        struct denied_row *last = kept > 0 ? &d->rows[kept - 1].row : NULL;
        if (last != NULL && denied_compare(last, &d->rows[i].row) == 0) {
            last->attempts += d->rows[i].row.attempts;
            last->sources = 0;
        } else
            d->rows[kept++] = d->rows[i];
    }
    d->count = kept;
}

static void forget_details(struct denials *d)
{
    for (size_t i = 0; i < d->count; i++) {
        struct denied_row *r = &d->rows[i].row;
        struct denied_row less = {.hour = r->hour, .attempts = r->attempts};
        memcpy(less.key.listener, r->key.listener, sizeof(less.key.listener));
        memcpy(less.key.reason, r->key.reason, sizeof(less.key.reason));
        *r = less;
    }
}

static int by_hour_and_reason(const void *a, const void *b)
{
    const struct tally_refusal *x = a, *y = b;
    if (x->hour != y->hour)
        return x->hour < y->hour ? -1 : 1;
    return strcmp(x->reason, y->reason);
}

/* Several of one hour and reason into one. Returns how many are left. */
static size_t add_up(struct tally_refusal *totals, size_t count)
{
    size_t kept = 0;
    if (count > 0)
        qsort(totals, count, sizeof(*totals), by_hour_and_reason);
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && by_hour_and_reason(&totals[kept - 1], &totals[i]) == 0)
            totals[kept - 1].count += totals[i].count;
        else
            totals[kept++] = totals[i];
    }
    return kept;
}

/* Both are sorted by hour and reason first: `*at` moves on behind the total's rows. */
static uint64_t told_of(const struct denials *d, size_t rows, size_t *at,
                        const struct tally_refusal *total)
{
    uint64_t sum = 0;
    for (; *at < rows; (*at)++) {
        const struct denied_row *r = &d->rows[*at].row;
        struct tally_refusal its = {.hour = r->hour};
        memcpy(its.reason, r->key.reason, sizeof(its.reason));
        int c = by_hour_and_reason(&its, total);
        if (c > 0)
            break;
        if (c == 0)
            sum += r->attempts;
    }
    return sum;
}

static void add_untold(struct denials *d, const struct tally_refusal *totals,
                       size_t total_count)
{
    size_t rows = d->count, at = 0;
    for (size_t i = 0; i < total_count; i++) {
        uint64_t told = told_of(d, rows, &at, &totals[i]);
        struct denied_row rest = {.hour = totals[i].hour};
        if (totals[i].count <= told)
            continue;
        rest.attempts = totals[i].count - told;
        memcpy(rest.key.reason, totals[i].reason, sizeof(rest.key.reason));
        denials_add(d, 0, &rest);
    }
}

static struct denied_row *rows_of(const struct denials *d)
{
    struct denied_row *rows = mem_array(d->count + 1, sizeof(*rows));
    for (size_t i = 0; i < d->count; i++)
        rows[i] = d->rows[i].row;
    return rows;
}

struct denied_row *denials_settle(size_t *count, const struct denials *d,
                                  const struct tally_refusal *totals,
                                  size_t total_count, bool is_aged)
{
    /* Room for what is added below: it must not be sorted in between. */
    struct denials own = {.count = d->count, .room = d->count + total_count + 1};
    own.rows = mem_array(own.room, sizeof(*own.rows));
    struct tally_refusal *sums = mem_array(total_count + 1, sizeof(*sums));
    if (d->count > 0)
        memcpy(own.rows, d->rows, d->count * sizeof(*d->rows));
    if (total_count > 0)
        memcpy(sums, totals, total_count * sizeof(*totals));
    keep_newest(&own);
    if (is_aged)
        forget_details(&own);
    merge(&own);
    add_untold(&own, sums, add_up(sums, total_count));
    sort_rows(&own);
    struct denied_row *rows = rows_of(&own);
    *count = own.count;
    denials_clear(&own);
    mem_free(sums);
    return rows;
}
