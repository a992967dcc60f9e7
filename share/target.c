#include "share/target.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

typedef unsigned __int128 u128;

/* 0xffff * 2^208: the target of difficulty 1 as people count it. */
static const struct target pdiff_one = {{0, 0, 0, UINT64_C(0x00000000ffff0000)}};
/* 2^224 - 1: the target of difficulty 1 as rigs test it. */
static const struct target bdiff_one = {
    {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_C(0x00000000ffffffff)}};
static const struct target target_max = {
    {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}};

static bool is_zero(const struct target *t)
{
    return (t->limb[0] | t->limb[1] | t->limb[2] | t->limb[3]) == 0;
}

/* The byte of weight 256^i. */
static unsigned byte_at(const struct target *t, unsigned i)
{
    return (unsigned)(t->limb[i / 8] >> (i % 8 * 8)) & 0xff;
}

static void set_byte(struct target *t, unsigned i, unsigned value)
{
    t->limb[i / 8] |= (uint64_t)value << (i % 8 * 8);
}

enum kz_err target_from_nbits(struct target *t, uint32_t nbits)
{
    unsigned size = nbits >> 24;
    uint32_t mantissa = nbits & 0x007fffff;
    struct target r = {{0}};
    /* Bytes of the mantissa below the number's own end are cut off, not refused: that
     * is how nodes read it. A sign on a mantissa that is cut to zero means nothing. */
    for (unsigned k = 0; k < 3; k++) {
        unsigned value = mantissa >> (8 * (2 - k)) & 0xff;
        if (size < k + 1 || value == 0)
            continue;
        if (size - 1 - k > 31)
            return KZ_RANGE;
        set_byte(&r, size - 1 - k, value);
    }
    if (is_zero(&r) || (nbits & 0x00800000) != 0)
        return KZ_RANGE;
    *t = r;
    return KZ_OK;
}

uint32_t target_to_nbits(const struct target *t)
{
    unsigned size = 32;
    while (size > 0 && byte_at(t, size - 1) == 0)
        size--;
    uint32_t mantissa = 0;
    for (unsigned k = 0; k < 3; k++)
        mantissa = mantissa << 8 | (size > k ? byte_at(t, size - 1 - k) : 0);
    /* The mantissa's top bit is a sign; a number that would set it moves down a byte.
     */
    if ((mantissa & 0x00800000) != 0) {
        mantissa >>= 8;
        size++;
    }
    return (uint32_t)size << 24 | mantissa;
}

enum kz_err target_parse_hex(struct target *t, const char *text, size_t len)
{
    struct hash256 h;
    if (hash256_parse_display(&h, text, len) != KZ_OK)
        return KZ_PARSE;
    for (size_t i = 0; i < 4; i++)
        t->limb[i] = read_le64(h.b + 8 * i);
    return KZ_OK;
}

void target_format_hex(char out[TARGET_HEX_SIZE], const struct target *t)
{
    struct hash256 h;
    for (size_t i = 0; i < 4; i++)
        write_le64(h.b + 8 * i, t->limb[i]);
    hash256_format_display(out, &h);
}

int target_compare(const struct target *a, const struct target *b)
{
    for (size_t i = 4; i-- > 0;)
        if (a->limb[i] != b->limb[i])
            return a->limb[i] < b->limb[i] ? -1 : 1;
    return 0;
}

static struct target target_of_hash(const struct hash256 *h)
{
    struct target t;
    for (size_t i = 0; i < 4; i++)
        t.limb[i] = read_le64(h->b + 8 * i);
    return t;
}

bool target_is_met(const struct target *t, const struct hash256 *h)
{
    struct target value = target_of_hash(h);
    return target_compare(&value, t) <= 0;
}

/* floor(one * den / num), capped: multiply into five limbs, divide by one. */
static void target_scale(struct target *t, const struct target *one,
                         struct difficulty d)
{
    uint64_t product[5];
    u128 carry = 0;
    for (size_t i = 0; i < 4; i++) {
        carry += (u128)one->limb[i] * d.den;
        product[i] = (uint64_t)carry;
        carry >>= 64;
    }
    product[4] = (uint64_t)carry;

    u128 rest = 0;
    for (size_t i = 5; i-- > 0;) {
        rest = rest << 64 | product[i];
        product[i] = (uint64_t)(rest / d.num);
        rest %= d.num;
    }
    for (size_t i = 0; i < 4; i++)
        t->limb[i] = product[4] != 0 ? target_max.limb[i] : product[i];
}

void target_from_difficulty(struct target *t, struct difficulty d)
{
    target_scale(t, &bdiff_one, d);
}

void target_from_pdiff(struct target *t, struct difficulty d)
{
    target_scale(t, &pdiff_one, d);
}

double target_difficulty(const struct target *t)
{
    double value = 0;
    for (size_t i = 4; i-- > 0;)
        value = ldexp(value, 64) + (double)t->limb[i];
    /* A target of 0 has no difficulty; 1 is the nearest that has. */
    return ldexp(65535.0, 208) / (value > 0 ? value : 1);
}

double hash256_difficulty(const struct hash256 *h)
{
    struct target value = target_of_hash(h);
    return target_difficulty(&value);
}

/* Shifts left by one bit, `in` coming in; returns what fell out. */
static unsigned shift_in(struct target *t, unsigned in)
{
    for (size_t i = 0; i < 4; i++) {
        unsigned out = (unsigned)(t->limb[i] >> 63);
        t->limb[i] = t->limb[i] << 1 | in;
        in = out;
    }
    return in;
}

static void subtract(struct target *t, const struct target *by)
{
    u128 borrow = 0;
    for (size_t i = 0; i < 4; i++) {
        u128 d = (u128)t->limb[i] - by->limb[i] - borrow;
        t->limb[i] = (uint64_t)d;
        borrow = d >> 64 & 1;
    }
}

/* quotient = floor(2^256 / divisor), divisor > 1, by long division bit by bit: it is
 * done once a target, never once a share. */
static void divide_2_256(struct target *quotient, const struct target *divisor)
{
    struct target rest = {{1}}; /* the leading bit of 2^256; the other 256 are 0 */
    *quotient = (struct target){{0}};
    for (int bit = 0; bit < 256; bit++) {
        unsigned over = shift_in(&rest, 0);
        unsigned fits = over != 0 || target_compare(&rest, divisor) >= 0;
        if (fits)
            subtract(&rest, divisor);
        shift_in(quotient, fits);
    }
}

bool target_work(uint64_t *work, const struct target *t, uint64_t unit)
{
    struct target divisor = *t;
    for (size_t i = 0; i < 4 && ++divisor.limb[i] == 0; i++)
        continue;
    struct target q = {{1}}; /* 2^256 / 2^256, when t + 1 has wrapped round to 0 */
    if (is_zero(t))
        return false; /* 2^256: no unit we have brings that into 63 bits */
    if (!is_zero(&divisor))
        divide_2_256(&q, &divisor);

    /* floor(floor(a / b) / c) = floor(a / (b * c)) */
    u128 rest = 0;
    for (size_t i = 4; i-- > 0;) {
        rest = rest << 64 | q.limb[i];
        q.limb[i] = (uint64_t)(rest / unit);
        rest %= unit;
    }
    if ((q.limb[3] | q.limb[2] | q.limb[1]) != 0 || q.limb[0] > INT64_MAX)
        return false;
    *work = q.limb[0];
    return true;
}

#define DIFFICULTY_LEAST 1e-13
#define DIFFICULTY_MOST  9.2e18
#define PLACES_MAX       15

static struct difficulty without_zeros(struct difficulty d)
{
    while (d.den > 1 && d.num % 10 == 0) {
        d.num /= 10;
        d.den /= 10;
    }
    return d;
}

struct difficulty difficulty_from_double(double d)
{
    if (!(d >= DIFFICULTY_LEAST)) /* also what is not a number */
        d = DIFFICULTY_LEAST;
    if (d > DIFFICULTY_MOST)
        d = DIFFICULTY_MOST;
    struct difficulty r = {.num = 1, .den = 1};
    if (d >= 1) {
        while (d / (double)r.num >= 100)
            r.num *= 10;
        r.num *= (uint64_t)llround(d / (double)r.num);
    } else {
        r.den = 100;
        while (d * (double)r.den < 10)
            r.den *= 10;
        r.num = (uint64_t)llround(d * (double)r.den);
    }
    return without_zeros(r);
}

static bool times_ten(uint64_t *v, unsigned plus)
{
    if (*v > ((uint64_t)INT64_MAX - plus) / 10)
        return false;
    *v = *v * 10 + plus;
    return true;
}

/* A number being read: value * 10^(zeros - places) so far. Zeros wait until a digit
 * follows, so that "1.000000" and "100000" both stay small. */
struct decimal {
    uint64_t value;
    int zeros;
    int places;
    bool too_large;
};

static void decimal_add(struct decimal *n, unsigned digit, bool is_fraction)
{
    if (is_fraction)
        n->places++;
    n->zeros++;
    if (digit == 0)
        return;
    for (; n->zeros > 1; n->zeros--)
        if (n->value > 0 && !times_ten(&n->value, 0))
            n->too_large = true;
    n->zeros = 0;
    if (!times_ten(&n->value, digit))
        n->too_large = true;
}

static size_t read_digits(struct decimal *n, const char *text, size_t len,
                          bool is_fraction)
{
    size_t i = 0;
    for (; i < len && text[i] >= '0' && text[i] <= '9'; i++)
        decimal_add(n, (unsigned)(text[i] - '0'), is_fraction);
    return i;
}

/* What follows 'e'. Far more than any number we take stays just that. */
static enum kz_err read_exponent(int *exponent, const char *text, size_t len)
{
    bool negative = len > 0 && text[0] == '-';
    size_t i = len > 0 && (text[0] == '-' || text[0] == '+') ? 1 : 0;
    if (i == len)
        return KZ_PARSE;
    int value = 0;
    for (; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return KZ_PARSE;
        if (value < 100000)
            value = value * 10 + (text[i] - '0');
    }
    *exponent = negative ? -value : value;
    return KZ_OK;
}

static enum kz_err decimal_to_difficulty(struct difficulty *d, const struct decimal *n,
                                         int exponent)
{
    if (n->value == 0 || n->too_large)
        return KZ_RANGE;
    struct difficulty r = {.num = n->value, .den = 1};
    int scale = exponent + n->zeros - n->places;
    if (scale < -PLACES_MAX)
        return KZ_RANGE;
    for (; scale < 0; scale++)
        r.den *= 10;
    for (; scale > 0; scale--)
        if (!times_ten(&r.num, 0))
            return KZ_RANGE;
    *d = r;
    return KZ_OK;
}

#define DIFFICULTY_TEXT_MAX 64

enum kz_err difficulty_parse(struct difficulty *d, const char *text, size_t len)
{
    if (len > DIFFICULTY_TEXT_MAX)
        return KZ_PARSE;
    bool negative = len > 0 && text[0] == '-';
    size_t i = negative ? 1 : 0;
    struct decimal n = {0};
    size_t digits = read_digits(&n, text + i, len - i, false);
    i += digits;
    if (i < len && text[i] == '.') {
        i++;
        size_t more = read_digits(&n, text + i, len - i, true);
        i += more;
        digits += more;
    }
    if (digits == 0)
        return KZ_PARSE;
    int exponent = 0;
    if (i < len && (text[i] == 'e' || text[i] == 'E')) {
        if (read_exponent(&exponent, text + i + 1, len - i - 1) != KZ_OK)
            return KZ_PARSE;
        i = len;
    }
    if (i != len)
        return KZ_PARSE;
    return negative ? KZ_RANGE : decimal_to_difficulty(d, &n, exponent);
}

double difficulty_to_double(struct difficulty d)
{
    return (double)d.num / (double)d.den;
}

int difficulty_compare(struct difficulty a, struct difficulty b)
{
    u128 left = (u128)a.num * b.den;
    u128 right = (u128)b.num * a.den;
    return left < right ? -1 : left > right ? 1 : 0;
}

void difficulty_format(char out[DIFFICULTY_TEXT_SIZE], struct difficulty d)
{
    d = without_zeros(d);
    uint64_t fraction = d.num % d.den;
    size_t at = (size_t)snprintf(out, DIFFICULTY_TEXT_SIZE, "%" PRIu64, d.num / d.den);
    if (d.den > 1)
        out[at++] = '.';
    for (uint64_t place = d.den / 10; place > 0; place /= 10)
        out[at++] = (char)('0' + fraction / place % 10);
    out[at] = '\0';
}
