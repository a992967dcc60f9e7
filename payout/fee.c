#include "payout/fee.h"

#include "payout/txsize.h"

#include <assert.h>

#define PLACES           8 /* of a satoshi in a bitcoin */
#define SPEND_BYTES      148
#define SPEND_WITNESS    67
#define SCRIPT_BYTES_MAX 10000
#define OP_RETURN        0x6a
#define EXPONENT_MOST    1000 /* more digits than any text here has: all are alike */

/* A number as it is read: digits * 10^exponent, and whether digits were left out. */
struct decimal {
    uint64_t digits;
    int exponent;
    bool has_more; /* what was left out is not all zeros */
};

bool feerate_from(struct feerate *r, int64_t sat_per_kvb)
{
    if (sat_per_kvb < 0 || sat_per_kvb > FEERATE_MAX)
        return false;
    r->sat_per_kvb = sat_per_kvb;
    return true;
}

int feerate_compare(struct feerate a, struct feerate b)
{
    return (a.sat_per_kvb > b.sat_per_kvb) - (a.sat_per_kvb < b.sat_per_kvb);
}

static bool is_digit_at(const char *text, size_t len, size_t at)
{
    return at < len && text[at] >= '0' && text[at] <= '9';
}

/* 18 digits are more than the largest rate has, so behind them only whether something
 * follows matters. */
static void add_digit(struct decimal *d, char c, bool is_fraction)
{
    const uint64_t full = UINT64_C(100000000000000000);
    if (d->digits < full) {
        d->digits = d->digits * 10 + (uint64_t)(c - '0');
        d->exponent -= is_fraction ? 1 : 0;
    } else {
        d->has_more = d->has_more || c != '0';
        d->exponent += is_fraction ? 0 : 1;
    }
}

static size_t add_digits(struct decimal *d, size_t at, const char *text, size_t len,
                         bool is_fraction)
{
    for (; is_digit_at(text, len, at); at++)
        add_digit(d, text[at], is_fraction);
    return at;
}

/* Behind the 'e'. Returns where it ends; 0 for a wrong form. */
static size_t add_exponent(struct decimal *d, size_t at, const char *text, size_t len)
{
    bool negative = at < len && text[at] == '-';
    if (at < len && (text[at] == '-' || text[at] == '+'))
        at++;
    if (!is_digit_at(text, len, at))
        return 0;
    int value = 0;
    for (; is_digit_at(text, len, at); at++)
        value = value < EXPONENT_MOST ? value * 10 + (text[at] - '0') : EXPONENT_MOST;
    d->exponent += negative ? -value : value;
    return at;
}

/* RFC 8259's number, without its sign: no left zeros, a digit on both sides of the
 * point. */
static bool read_number(struct decimal *d, const char *text, size_t len)
{
    size_t at = add_digits(d, 0, text, len, false);
    if (at == 0 || (at > 1 && text[0] == '0'))
        return false;
    if (at < len && text[at] == '.') {
        size_t from = ++at;
        at = add_digits(d, at, text, len, true);
        if (at == from)
            return false;
    }
    if (at < len && (text[at] == 'e' || text[at] == 'E'))
        at = add_exponent(d, at + 1, text, len);
    return at == len && at > 0;
}

/* digits * 10^exponent as a whole number, rounded up. False: above FEERATE_MAX. */
static bool to_whole(int64_t *out, struct decimal d)
{
    if (d.digits == 0) {
        *out = 0;
        return true;
    }
    for (; d.exponent > 0 && d.digits <= (uint64_t)FEERATE_MAX; d.exponent--)
        d.digits *= 10;
    for (; d.exponent < 0 && d.digits > 0; d.exponent++) {
        d.has_more = d.has_more || d.digits % 10 != 0;
        d.digits /= 10;
    }
    if (d.has_more)
        d.digits++;
    if (d.digits > (uint64_t)FEERATE_MAX)
        return false;
    *out = (int64_t)d.digits;
    return true;
}

enum kz_err feerate_parse(struct feerate *r, const char *text, size_t len)
{
    struct decimal d = {0};
    int64_t whole = 0;
    if (len > FEERATE_TEXT_LONGEST)
        return KZ_PARSE;
    bool negative = len > 0 && text[0] == '-';
    if (!read_number(&d, negative ? text + 1 : text, negative ? len - 1 : len))
        return KZ_PARSE;
    d.exponent += PLACES;
    if (!to_whole(&whole, d) || (negative && whole != 0))
        return KZ_RANGE;
    r->sat_per_kvb = whole;
    return KZ_OK;
}

static struct feerate higher(struct feerate a, struct feerate b)
{
    return feerate_compare(a, b) > 0 ? a : b;
}

enum kz_err feerate_choose(struct feerate *r, const struct feerate_terms *terms)
{
    struct feerate rate = terms->has_estimate ? terms->estimate : terms->fallback;
    rate = higher(rate, terms->mempool_min);
    rate = higher(rate, terms->relay_min);
    rate = higher(rate, terms->floor);
    if (feerate_compare(rate, terms->ceiling) > 0)
        return KZ_BUSY;
    *r = rate;
    return KZ_OK;
}

struct amount fee_of(struct feerate rate, size_t vsize)
{
    struct amount fee = amount_zero();
    assert(rate.sat_per_kvb >= 0 && rate.sat_per_kvb <= FEERATE_MAX);
    assert(vsize <= FEE_VSIZE_MAX);
    bool fits = amount_from_sat(&fee, (rate.sat_per_kvb * (int64_t)vsize + 999) / 1000);
    assert(fits);
    (void)fits;
    return fee;
}

struct feerate fee_rate_of(struct amount fee, size_t vsize)
{
    assert(vsize > 0 && !amount_is_negative(fee));
    int64_t rate = amount_to_sat(fee) * 1000 / (int64_t)vsize;
    return (struct feerate){rate < FEERATE_MAX ? rate : FEERATE_MAX};
}

/* BIP141: a version opcode, then one push of 2 to 40 bytes. */
static bool is_witness_program(struct bytes s)
{
    return s.len >= 4 && s.len <= 42 && s.p[1] == s.len - 2 &&
           (s.p[0] == 0 || (s.p[0] >= 0x51 && s.p[0] <= 0x60));
}

struct amount fee_dust(struct bytes script, struct feerate dust_rate)
{
    if (script.len > SCRIPT_BYTES_MAX || (script.len > 0 && script.p[0] == OP_RETURN))
        return amount_zero();
    return fee_dust_sized(script.len, is_witness_program(script), dust_rate);
}

struct amount fee_dust_sized(size_t script_len, bool is_program,
                             struct feerate dust_rate)
{
    size_t spend = is_program ? SPEND_WITNESS : SPEND_BYTES;
    return fee_of(dust_rate, txsize_output_bytes(script_len) + spend);
}
