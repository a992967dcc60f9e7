#include "payout/amount.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#define SAT_PER_COIN 100000000
#define PLACES       8

struct amount amount_zero(void)
{
    return (struct amount){0};
}

bool amount_from_sat(struct amount *a, int64_t sat)
{
    if (sat < -AMOUNT_MAX_SAT || sat > AMOUNT_MAX_SAT)
        return false;
    a->sat = sat;
    return true;
}

int64_t amount_to_sat(struct amount a)
{
    return a.sat;
}

/* Two amounts in range are far from int64's ends, so neither sum can overflow. */
bool amount_add(struct amount *sum, struct amount a, struct amount b)
{
    return amount_from_sat(sum, a.sat + b.sat);
}

bool amount_sub(struct amount *difference, struct amount a, struct amount b)
{
    return amount_from_sat(difference, a.sat - b.sat);
}

struct amount amount_share(struct amount whole, uint64_t part, uint64_t of)
{
    assert(whole.sat >= 0 && of > 0 && part <= of);
    unsigned __int128 product = (unsigned __int128)whole.sat * part;
    return (struct amount){(int64_t)(product / of)};
}

int amount_compare(struct amount a, struct amount b)
{
    return a.sat < b.sat ? -1 : a.sat > b.sat ? 1 : 0;
}

bool amount_is_zero(struct amount a)
{
    return a.sat == 0;
}

bool amount_is_negative(struct amount a)
{
    return a.sat < 0;
}

void amount_format(char out[AMOUNT_TEXT_SIZE], struct amount a)
{
    int64_t sat = a.sat < 0 ? -a.sat : a.sat;
    snprintf(out, AMOUNT_TEXT_SIZE, "%s%" PRId64 ".%08" PRId64, a.sat < 0 ? "-" : "",
             sat / SAT_PER_COIN, sat % SAT_PER_COIN);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Digits of [*at, len) into `sat`, at most `max` of them; returns how many were there.
 */
static size_t read_digits(int64_t *sat, size_t *at, const char *text, size_t len,
                          size_t max)
{
    size_t count = 0;
    for (; *at < len && is_digit(text[*at]); (*at)++, count++)
        if (count < max)
            *sat = *sat * 10 + (text[*at] - '0');
    return count;
}

enum kz_err amount_parse(struct amount *a, const char *text, size_t len)
{
    int64_t sat = 0;
    bool negative = len > 0 && text[0] == '-';
    size_t at = negative ? 1 : 0;
    /* 21 million is 8 digits; more, left zeros among them, is nothing people write. */
    size_t whole = read_digits(&sat, &at, text, len, 8);
    size_t places = 0;
    if (at < len && text[at] == '.') {
        at++;
        places = read_digits(&sat, &at, text, len, PLACES);
        if (places == 0)
            return KZ_PARSE;
    }
    if (whole == 0 || at != len)
        return KZ_PARSE;
    if (whole > 8 || places > PLACES)
        return KZ_RANGE;
    for (; places < PLACES; places++)
        sat *= 10;
    return amount_from_sat(a, negative ? -sat : sat) ? KZ_OK : KZ_RANGE;
}
