/* share/target.h - target, difficulty, work: what to compare, show and credit.
 *
 * target      256-bit bound; a hash meets it when hash <= target as a little-endian
 *             number. Compared.
 * difficulty  the number shown to rigs, an exact decimal fraction. Shown.
 * work        integer units of U expected hashes. Credited.
 *
 * A share's target is made from the difficulty as sent: floor((2^224 - 1) / d), the
 * easier of the two usages ("bdiff"; "pdiff" uses 0xffff * 2^208), and its work is
 * that target's: floor(2^256 / ((T + 1) * U)), U = 2^22 on main and test networks, 1
 * on regtest. Source: specs stratum-v1 part 2, accounting section 1.
 *
 * No floating point but in target_difficulty() and difficulty_from_double(), neither
 * of which is paid by. Pure; any thread. */
#ifndef SHARE_TARGET_H
#define SHARE_TARGET_H

#include "share/hash256.h"

struct target {
    uint64_t limb[4]; /* limb[0] is the least significant */
};

/* num / den: num from 1 to 2^63 - 1, den a power of ten up to 10^15. What
 * difficulty_from_double() gives has den 1 at 1 and above; difficulty_parse() is exact
 * and keeps 1234.567, so what goes to rigs passes difficulty_from_double() first. */
struct difficulty {
    uint64_t num;
    uint64_t den;
};

#define DIFFICULTY_TEXT_SIZE 32
#define TARGET_HEX_SIZE      65

/* Compact form (nBits). KZ_RANGE: negative, zero or above 2^256. */
KZ_MUST_USE enum kz_err target_from_nbits(struct target *t, uint32_t nbits);
uint32_t target_to_nbits(const struct target *t);

/* Big-endian hex of 64 digits, as getblocktemplate and mining.suggest_target have it.
 */
KZ_MUST_USE enum kz_err target_parse_hex(struct target *t, const char *text,
                                         size_t len);
void target_format_hex(char out[TARGET_HEX_SIZE], const struct target *t);

bool target_is_met(const struct target *t, const struct hash256 *h);
/* -1, 0, 1. The larger target is the easier. */
int target_compare(const struct target *a, const struct target *b);

/* Capped at 2^256 - 1. */
void target_from_difficulty(struct target *t, struct difficulty d); /* bdiff: used */
void target_from_pdiff(struct target *t, struct difficulty d);      /* for proofs  */

/* 0xffff * 2^208 / target, for people and for vardiff. */
double target_difficulty(const struct target *t);
double hash256_difficulty(const struct hash256 *h);

/* floor(2^256 / ((T + 1) * unit)); `unit` is 1 or 2^22. False (and *work untouched)
 * when the result does not fit 63 bits. */
KZ_MUST_USE bool target_work(uint64_t *work, const struct target *t, uint64_t unit);

/* Rounds to 2 significant digits and to a value that rigs take: integers at 1 and
 * above, decimals below. Clamped to [1e-13, 9.2e18]; not a number becomes the least. */
struct difficulty difficulty_from_double(double d);
/* Exact parse of a decimal number as sent ("1024", "0.00077", "1e3"). KZ_RANGE: 0,
 * negative, above 2^63 - 1, or finer than 15 places. Not rounded to 2 digits. */
KZ_MUST_USE enum kz_err difficulty_parse(struct difficulty *d, const char *text,
                                         size_t len);
double difficulty_to_double(struct difficulty d);
int difficulty_compare(struct difficulty a, struct difficulty b); /* exact */
/* "8192" or "0.00077": what mining.set_difficulty carries. */
void difficulty_format(char out[DIFFICULTY_TEXT_SIZE], struct difficulty d);

#endif
