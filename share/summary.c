#include "share/summary.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define FORM 2

static uint64_t read_le(const uint8_t *p, size_t len)
{
    uint64_t v = 0;
    while (len-- > 0)
        v = v << 8 | p[len];
    return v;
}

/* False: no number, or one below 0, which our own script never writes. */
static bool read_floats(double *out, const uint8_t *p, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = read_le32(p + 4 * i);
        float f;
        memcpy(&f, &bits, sizeof(f));
        if (!(f >= 0) || isinf(f))
            return false;
        out[i] = (double)f;
    }
    return true;
}

enum kz_err summary_read(struct summary *s, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    struct summary r = {0};
    if (len != SUMMARY_SIZE || p[0] != FORM)
        return KZ_PARSE;
    uint64_t best = read_le(p + 22, 8);
    r.work_hi = read_le(p + 1, 4);
    r.work_lo = read_le(p + 5, 5);
    r.accepted = read_le(p + 10, 6);
    r.refused = read_le(p + 16, 6);
    memcpy(&r.best, &best, sizeof(r.best));
    r.last_ms = (int64_t)read_le(p + 30, 6);
    r.minute = (int64_t)read_le(p + 36, 4);
    if (r.work_lo >= SUMMARY_LO || !(r.best >= 0) || isinf(r.best) ||
        !read_floats(r.minutes, p + 40, SUMMARY_MINUTES) ||
        !read_floats(r.tens, p + 80, SUMMARY_TENS) ||
        !read_floats(r.fours, p + 104, SUMMARY_FOURS))
        return KZ_PARSE;
    *s = r;
    return KZ_OK;
}

/* Slots of `length` minutes, aligned to the newer of the two records. */
static void add_slots(double *to, int64_t to_minute, const double *from,
                      int64_t from_minute, size_t size, int64_t length)
{
    int64_t to_at = to_minute / length, from_at = from_minute / length;
    int64_t newest = to_at > from_at ? to_at : from_at;
    double sum[SUMMARY_MINUTES] = {0};
    for (size_t i = 0; i < size; i++) {
        int64_t a = newest - to_at + (int64_t)i;
        int64_t b = newest - from_at + (int64_t)i;
        if (a < (int64_t)size)
            sum[a] += to[i];
        if (b < (int64_t)size)
            sum[b] += from[i];
    }
    memcpy(to, sum, size * sizeof(*to));
}

void summary_add(struct summary *to, const struct summary *from)
{
    uint64_t lo = to->work_lo + from->work_lo;
    to->work_hi += from->work_hi + lo / SUMMARY_LO;
    to->work_lo = lo % SUMMARY_LO;
    to->accepted += from->accepted;
    to->refused += from->refused;
    if (from->best > to->best)
        to->best = from->best;
    if (from->last_ms > to->last_ms)
        to->last_ms = from->last_ms;
    add_slots(to->minutes, to->minute, from->minutes, from->minute, SUMMARY_MINUTES, 1);
    add_slots(to->tens, to->minute, from->tens, from->minute, SUMMARY_TENS, 10);
    add_slots(to->fours, to->minute, from->fours, from->minute, SUMMARY_FOURS, 240);
    if (from->minute > to->minute)
        to->minute = from->minute;
}

void summary_format_work(char out[SUMMARY_TEXT_SIZE], const struct summary *s)
{
    if (s->work_hi == 0)
        snprintf(out, SUMMARY_TEXT_SIZE, "%" PRIu64, s->work_lo);
    else
        snprintf(out, SUMMARY_TEXT_SIZE, "%" PRIu64 "%012" PRIu64, s->work_hi,
                 s->work_lo);
}

/* Which slots a span is made of. */
struct slots {
    const double *work;
    int64_t count, minutes; /* how many, and how long each is */
};

static struct slots slots_of(const struct summary *s, enum summary_span span)
{
    switch (span) {
    case SUMMARY_1M:
        return (struct slots){s->minutes, 2, 1};
    case SUMMARY_10M:
        return (struct slots){s->minutes, SUMMARY_MINUTES, 1};
    case SUMMARY_1H:
        return (struct slots){s->tens, SUMMARY_TENS, 10};
    case SUMMARY_24H:
        break;
    }
    return (struct slots){s->fours, SUMMARY_FOURS, 240};
}

double summary_rate(const struct summary *s, enum summary_span span, uint64_t unit,
                    int64_t now_ms)
{
    struct slots slots = slots_of(s, span);
    int64_t slot_ms = slots.minutes * 60000;
    int64_t at = s->minute / slots.minutes, now = now_ms / slot_ms;
    double sum = 0;
    for (int64_t i = 0; i < slots.count; i++) {
        if (now - (at - i) >= 0 && now - (at - i) < slots.count)
            sum += slots.work[i];
    }
    double seconds = (double)((slots.count - 1) * slot_ms + now_ms % slot_ms) / 1000.0;
    return sum * (double)unit / seconds;
}
