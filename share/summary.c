#include "share/summary.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS 25

/* Numbers of our own script's making: at most 15 digits of value, maybe an exponent. */
static bool parse_fields(double v[FIELDS], const char *text)
{
    const char *p = text;
    for (size_t i = 0; i < FIELDS; i++) {
        char *end = NULL;
        v[i] = strtod(p, &end); /* allowed: our own script wrote it */
        if (end == p || !(v[i] >= 0) || v[i] > 1e300)
            return false;
        if (*end != (i + 1 < FIELDS ? ' ' : '\0'))
            return false;
        p = end + 1;
    }
    return true;
}

enum kz_err summary_parse(struct summary *s, const char *text, size_t len)
{
    char copy[1024];
    double v[FIELDS];
    if (len >= sizeof(copy))
        return KZ_PARSE;
    memcpy(copy, text, len);
    copy[len] = '\0';
    if (!parse_fields(v, copy) || v[0] < 1 || v[0] > 1)
        return KZ_PARSE;
    for (size_t i = 1; i < 8; i++)
        if (i != 5 && v[i] > 9007199254740992.0)
            return KZ_PARSE;
    if (v[18] > 9007199254740992.0)
        return KZ_PARSE;
    *s = (struct summary){.work_hi = (uint64_t)v[1],
                          .work_lo = (uint64_t)v[2],
                          .accepted = (uint64_t)v[3],
                          .refused = (uint64_t)v[4],
                          .best = v[5],
                          .last_ms = (int64_t)v[6],
                          .minute = (int64_t)v[7],
                          .ten = (int64_t)v[18]};
    memcpy(s->minutes, v + 8, sizeof(s->minutes));
    memcpy(s->tens, v + 19, sizeof(s->tens));
    return KZ_OK;
}

/* Slots are aligned to the newer of the two. */
static void add_slots(double *to, int64_t *to_at, const double *from, int64_t from_at,
                      size_t size)
{
    int64_t newest = *to_at > from_at ? *to_at : from_at;
    double sum[SUMMARY_MINUTES] = {0};
    for (size_t i = 0; i < size; i++) {
        int64_t a = newest - *to_at + (int64_t)i;
        int64_t b = newest - from_at + (int64_t)i;
        if (a < (int64_t)size)
            sum[a] += to[i];
        if (b < (int64_t)size)
            sum[b] += from[i];
    }
    memcpy(to, sum, size * sizeof(*to));
    *to_at = newest;
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
    add_slots(to->minutes, &to->minute, from->minutes, from->minute, SUMMARY_MINUTES);
    add_slots(to->tens, &to->ten, from->tens, from->ten, SUMMARY_TENS);
}

void summary_format_work(char out[SUMMARY_TEXT_SIZE], const struct summary *s)
{
    if (s->work_hi == 0)
        snprintf(out, SUMMARY_TEXT_SIZE, "%" PRIu64, s->work_lo);
    else
        snprintf(out, SUMMARY_TEXT_SIZE, "%" PRIu64 "%012" PRIu64, s->work_hi,
                 s->work_lo);
}

double summary_rate(const struct summary *s, enum summary_span span, uint64_t unit,
                    int64_t now_ms)
{
    int64_t slot_ms = span == SUMMARY_1H ? 600000 : 60000;
    int64_t slots = span == SUMMARY_1M    ? 2
                    : span == SUMMARY_10M ? SUMMARY_MINUTES
                                          : SUMMARY_TENS;
    const double *work = span == SUMMARY_1H ? s->tens : s->minutes;
    int64_t at = span == SUMMARY_1H ? s->ten : s->minute;
    int64_t now = now_ms / slot_ms;
    double sum = 0;
    for (int64_t i = 0; i < slots; i++) {
        if (now - (at - i) >= 0 && now - (at - i) < slots)
            sum += work[i];
    }
    double seconds = (double)((slots - 1) * slot_ms + now_ms % slot_ms) / 1000.0;
    return sum * (double)unit / seconds;
}
