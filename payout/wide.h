/* payout/wide.h - whole numbers of 512 bits, for the few formulas that need them.
 *
 * Window spans and pay-per-share multiply work, money and a 256-bit target before they
 * divide. Done once a block or once an accrual, never once a share, so division is bit
 * by bit and plain.
 *
 * Errors  none: what would overflow is our bug and asserted; callers keep their factors
 *         below 2^512 together.
 * Thread  any. Pure. */
#ifndef PAYOUT_WIDE_H
#define PAYOUT_WIDE_H

#include "share/target.h"

#define WIDE_LIMBS 8

struct wide {
    uint64_t limb[WIDE_LIMBS]; /* limb[0] is the least significant */
};

struct wide wide_from_u64(uint64_t value);
struct wide wide_from_target(const struct target *t); /* T + 1, up to 2^256 */

struct wide wide_multiply(struct wide a, uint64_t by);
struct wide wide_divide(struct wide a, uint64_t by);                /* floor; by > 0 */
struct wide wide_divide_wide(struct wide a, const struct wide *by); /* floor; by > 0 */
struct wide wide_times_2_256(struct wide a);
struct wide wide_over_2_256(struct wide a); /* floor */

/* False, *value untouched: it does not fit 63 bits. */
KZ_MUST_USE bool wide_to_u63(uint64_t *value, const struct wide *a);

#endif
