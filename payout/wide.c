#include "payout/wide.h"

#include <assert.h>

typedef unsigned __int128 u128;

#define HALF (WIDE_LIMBS / 2) /* limbs of 2^256 */

struct wide wide_from_u64(uint64_t value)
{
    return (struct wide){{value}};
}

struct wide wide_from_target(const struct target *t)
{
    struct wide w = {{0}};
    u128 carry = 1;
    for (size_t i = 0; i < HALF; i++) {
        carry += t->limb[i];
        w.limb[i] = (uint64_t)carry;
        carry >>= 64;
    }
    w.limb[HALF] = (uint64_t)carry;
    return w;
}

struct wide wide_multiply(struct wide a, uint64_t by)
{
    u128 carry = 0;
    for (size_t i = 0; i < WIDE_LIMBS; i++) {
        carry += (u128)a.limb[i] * by;
        a.limb[i] = (uint64_t)carry;
        carry >>= 64;
    }
    assert(carry == 0);
    return a;
}

struct wide wide_divide(struct wide a, uint64_t by)
{
    assert(by > 0);
    u128 rest = 0;
    for (size_t i = WIDE_LIMBS; i-- > 0;) {
        rest = rest << 64 | a.limb[i];
        a.limb[i] = (uint64_t)(rest / by);
        rest %= by;
    }
    return a;
}

static int compare(const struct wide *a, const struct wide *b)
{
    for (size_t i = WIDE_LIMBS; i-- > 0;)
        if (a->limb[i] != b->limb[i])
            return a->limb[i] < b->limb[i] ? -1 : 1;
    return 0;
}

static void subtract(struct wide *a, const struct wide *b)
{
    u128 borrow = 0;
    for (size_t i = 0; i < WIDE_LIMBS; i++) {
        u128 d = (u128)a->limb[i] - b->limb[i] - borrow;
        a->limb[i] = (uint64_t)d;
        borrow = d >> 64 & 1;
    }
}

static void shift_in(struct wide *a, uint64_t bit)
{
    for (size_t i = 0; i < WIDE_LIMBS; i++) {
        uint64_t out = a->limb[i] >> 63;
        a->limb[i] = a->limb[i] << 1 | bit;
        bit = out;
    }
}

struct wide wide_divide_wide(struct wide a, const struct wide *by)
{
    /* The rest is below 2 * by before each subtraction, and that must fit. */
    assert(by->limb[WIDE_LIMBS - 1] >> 63 == 0);
    struct wide quotient = {{0}}, rest = {{0}};
    assert(compare(by, &rest) > 0);
    for (size_t bit = WIDE_LIMBS * 64; bit-- > 0;) {
        shift_in(&rest, a.limb[bit / 64] >> bit % 64 & 1);
        bool fits = compare(&rest, by) >= 0;
        if (fits)
            subtract(&rest, by);
        shift_in(&quotient, fits);
    }
    return quotient;
}

struct wide wide_times_2_256(struct wide a)
{
    struct wide up = {{0}};
    for (size_t i = 0; i < HALF; i++) {
        assert(a.limb[HALF + i] == 0);
        up.limb[HALF + i] = a.limb[i];
    }
    return up;
}

struct wide wide_over_2_256(struct wide a)
{
    struct wide down = {{0}};
    for (size_t i = 0; i < HALF; i++)
        down.limb[i] = a.limb[HALF + i];
    return down;
}

bool wide_to_u63(uint64_t *value, const struct wide *a)
{
    for (size_t i = 1; i < WIDE_LIMBS; i++)
        if (a->limb[i] != 0)
            return false;
    if (a->limb[0] > INT64_MAX)
        return false;
    *value = a->limb[0];
    return true;
}
