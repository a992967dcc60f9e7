#include "payout/pps.h"

#include "conf/mem.h"
#include "payout/wide.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PPM 1000000

bool pps_terms_equal(const struct pps_terms *a, const struct pps_terms *b)
{
    return a->nbits == b->nbits && a->fee_ppm == b->fee_ppm && a->day == b->day &&
           amount_compare(a->subsidy, b->subsidy) == 0;
}

/* --- names of periods ------------------------------------------------------------- */

static bool is_leap(uint64_t y)
{
    return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

static uint32_t days_in_year(uint64_t y)
{
    return is_leap(y) ? 366 : 365;
}

static uint32_t days_in_month(uint64_t y, uint64_t m)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return m == 2 && is_leap(y) ? 29 : days[m - 1];
}

void pps_date_format(char out[PPS_DATE_SIZE], uint32_t day)
{
    uint64_t y = 1970, m = 1;
    assert(day < PPS_DAYS);
    for (; day >= days_in_year(y); y++)
        day -= days_in_year(y);
    for (; day >= days_in_month(y, m); m++)
        day -= days_in_month(y, m);
    snprintf(out, PPS_DATE_SIZE, "%04" PRIu64 "-%02" PRIu64 "-%02" PRIu32, y, m,
             day + 1);
}

/* Digits up to the first other byte, at most `max`. */
static bool read_number(uint64_t *out, const char **at, uint64_t max)
{
    const char *p = *at;
    uint64_t v = 0;
    for (; *p >= '0' && *p <= '9' && p - *at < 18; p++)
        v = v * 10 + (uint64_t)(*p - '0');
    if (p == *at || v > max)
        return false;
    *at = p;
    *out = v;
    return true;
}

static bool read_byte(const char **at, char c)
{
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

static bool read_date(uint32_t *day, const char **at)
{
    uint64_t y, m, d;
    if (!read_number(&y, at, 9999) || !read_byte(at, '-') || !read_number(&m, at, 12) ||
        !read_byte(at, '-') || !read_number(&d, at, 31) || y < 1970 || m == 0 ||
        d == 0 || d > days_in_month(y, m))
        return false;
    *day = (uint32_t)d - 1;
    for (uint64_t year = 1970; year < y; year++)
        *day += days_in_year(year);
    for (uint64_t month = 1; month < m; month++)
        *day += days_in_month(y, month);
    return true;
}

/* Written again and compared: no other spelling passes, as "2026-1-31". */
enum kz_err pps_date_parse(uint32_t *day, const char *text, size_t len)
{
    char copy[PPS_DATE_SIZE], again[PPS_DATE_SIZE];
    const char *at = copy;
    uint32_t v;
    if (len != 10)
        return KZ_PARSE;
    memcpy(copy, text, len);
    copy[len] = '\0';
    if (!read_date(&v, &at) || *at != '\0')
        return KZ_PARSE;
    pps_date_format(again, v);
    if (strcmp(again, copy) != 0)
        return KZ_PARSE;
    *day = v;
    return KZ_OK;
}

static const char *const parts[] = {
    [PPS_SUBSIDY] = "", [PPS_FPPS_SUBSIDY] = ":fpps", [PPS_FPPS_FEES] = ":fees"};

void pps_period_format(char out[PPS_PERIOD_SIZE], const struct pps_terms *terms,
                       enum pps_part part, uint32_t instance)
{
    char date[PPS_DATE_SIZE], by[16] = "";
    pps_date_format(date, terms->day);
    if (instance != 0)
        snprintf(by, sizeof(by), ".%" PRIu32, instance);
    int len =
        snprintf(out, PPS_PERIOD_SIZE, "%08" PRIx32 ":%" PRId64 ":%" PRIu32 ":%s%s%s",
                 terms->nbits, amount_to_sat(terms->subsidy), terms->fee_ppm, date,
                 parts[part], by);
    assert(len > 0 && len < PPS_PERIOD_SIZE);
    (void)len;
}

static bool read_part(enum pps_part *part, const char **at)
{
    for (enum pps_part p = PPS_FPPS_FEES; p > PPS_SUBSIDY; p--) {
        size_t len = strlen(parts[p]);
        if (strncmp(*at, parts[p], len) == 0) {
            *at += len;
            *part = p;
            return true;
        }
    }
    *part = PPS_SUBSIDY;
    return true;
}

static bool read_period(struct pps_terms *t, enum pps_part *part, uint32_t *instance,
                        const char *text)
{
    uint64_t subsidy, fee, by = 0;
    const char *at = text + 9;
    if (strlen(text) < 9 || text[8] != ':' ||
        hex_u32(&t->nbits, text, 8, false) != KZ_OK ||
        !read_number(&subsidy, &at, (uint64_t)AMOUNT_MAX_SAT) || !read_byte(&at, ':') ||
        !read_number(&fee, &at, PPM) || !read_byte(&at, ':') ||
        !read_date(&t->day, &at) || !read_part(part, &at))
        return false;
    if (*at == '.' && (!read_byte(&at, '.') || !read_number(&by, &at, UINT32_MAX)))
        return false;
    t->fee_ppm = (uint32_t)fee;
    *instance = (uint32_t)by;
    return *at == '\0' && amount_from_sat(&t->subsidy, (int64_t)subsidy);
}

enum kz_err pps_period_parse(struct pps_terms *terms, enum pps_part *part,
                             uint32_t *instance, const char *text)
{
    char again[PPS_PERIOD_SIZE];
    struct pps_terms t = {0};
    enum pps_part p;
    uint32_t by;
    if (!read_period(&t, &p, &by, text))
        return KZ_PARSE;
    pps_period_format(again, &t, p, by);
    if (strcmp(again, text) != 0)
        return KZ_PARSE;
    *terms = t;
    *part = p;
    *instance = by;
    return KZ_OK;
}

/* --- what is owed ----------------------------------------------------------------- */

enum kz_err pps_entitlement(struct amount *owed, const struct pps_terms *terms,
                            struct amount base, uint64_t work, uint64_t unit)
{
    assert(unit > 0 && unit <= UINT32_MAX);
    struct target target;
    if (terms->fee_ppm > PPM || work > INT64_MAX || amount_is_negative(base) ||
        target_from_nbits(&target, terms->nbits) != KZ_OK)
        return KZ_RANGE;
    /* 257 + 63 + 51 + 20 + 32 bits: inside 512. */
    struct wide product = wide_from_target(&target);
    product = wide_multiply(product, work);
    product = wide_multiply(product, (uint64_t)amount_to_sat(base));
    product = wide_multiply(product, PPM - terms->fee_ppm);
    product = wide_multiply(product, unit);
    product = wide_divide(wide_over_2_256(product), PPM);
    uint64_t sat;
    if (!wide_to_u63(&sat, &product) || !amount_from_sat(owed, (int64_t)sat))
        return KZ_RANGE;
    return KZ_OK;
}

/* Up to E of `base` on the work of `next`. */
static enum kz_err credit_up_to(struct amount *credit, struct pps_account *account,
                                struct pps_account next, const struct pps_terms *terms,
                                struct amount base, uint64_t unit)
{
    struct amount more;
    enum kz_err err = pps_entitlement(&next.credited, terms, base, next.work, unit);
    if (err != KZ_OK)
        return err;
    /* Less than was credited: the account is not of this period. */
    if (!amount_sub(&more, next.credited, account->credited) ||
        amount_is_negative(more))
        return KZ_RANGE;
    *account = next;
    *credit = more;
    return KZ_OK;
}

enum kz_err pps_accrue(struct amount *credit, struct pps_account *account,
                       const struct pps_terms *terms, uint64_t work, uint64_t unit)
{
    struct pps_account next = *account;
    if (__builtin_add_overflow(next.work, work, &next.work))
        return KZ_RANGE;
    return credit_up_to(credit, account, next, terms, terms->subsidy, unit);
}

enum kz_err pps_close_day(struct amount *credit, struct pps_account *account,
                          const struct pps_terms *terms, struct amount average_fee,
                          uint64_t unit)
{
    struct amount base;
    if (amount_is_negative(average_fee) ||
        !amount_add(&base, terms->subsidy, average_fee))
        return KZ_RANGE;
    struct amount owed, over;
    enum kz_err err = pps_entitlement(&owed, terms, base, account->work, unit);
    if (err == KZ_OK && amount_sub(&over, account->credited, owed) &&
        amount_to_sat(over) == 1) {
        *credit = amount_zero();
        return KZ_OK;
    }
    return err == KZ_OK ? credit_up_to(credit, account, *account, terms, base, unit)
                        : err;
}

static int by_amount(const void *left, const void *right)
{
    const struct amount *a = left, *b = right;
    return amount_compare(*a, *b);
}

enum kz_err pps_average_fee(struct amount *average, const struct amount *fees,
                            size_t count, uint32_t trim_ppm)
{
    if (count == 0)
        return KZ_EMPTY;
    if (trim_ppm >= PPM / 2)
        return KZ_RANGE;
    for (size_t i = 0; i < count; i++)
        if (amount_is_negative(fees[i]))
            return KZ_RANGE;
    struct amount *sorted = mem_copy(fees, count * sizeof(*fees));
    qsort(sorted, count, sizeof(*sorted), by_amount);
    /* Twice a part below one half is never all of them. */
    size_t drop = (size_t)((unsigned __int128)count * trim_ppm / PPM);
    unsigned __int128 sum = 0;
    for (size_t i = drop; i < count - drop; i++)
        sum += (uint64_t)amount_to_sat(sorted[i]);
    mem_free(sorted);
    bool fits = amount_from_sat(average, (int64_t)(sum / (count - 2 * drop)));
    assert(fits); /* an average is at most the largest */
    (void)fits;
    return KZ_OK;
}
