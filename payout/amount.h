/* payout/amount.h - money: satoshis that cannot be mixed up with other numbers.
 *
 * A struct, so that `a + b` does not compile and every sum is checked. Range: +-21e14,
 * all the money there will be. The field is for amount.c and tests alone; what must
 * leave (a script's value, a record) goes through amount_to_sat().
 *
 * Errors  must-use bools: false outside the range, and the output is untouched.
 * Thread  any. Pure. */
#ifndef PAYOUT_AMOUNT_H
#define PAYOUT_AMOUNT_H

#include "conf/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct amount {
    int64_t sat;
};

#define AMOUNT_MAX_SAT   INT64_C(2100000000000000)
#define AMOUNT_TEXT_SIZE 24

struct amount amount_zero(void);
KZ_MUST_USE bool amount_from_sat(struct amount *a, int64_t sat);
int64_t amount_to_sat(struct amount a);

/* `sum` and `difference` may be the storage of an argument. */
KZ_MUST_USE bool amount_add(struct amount *sum, struct amount a, struct amount b);
KZ_MUST_USE bool amount_sub(struct amount *difference, struct amount a,
                            struct amount b);

/* floor(whole * part / of) through 128 bits. whole >= 0, part <= of, of > 0. */
struct amount amount_share(struct amount whole, uint64_t part, uint64_t of);

int amount_compare(struct amount a, struct amount b); /* -1, 0, 1 */
bool amount_is_zero(struct amount a);
bool amount_is_negative(struct amount a);

/* In bitcoin, always 8 places: "0.00001000", "-1.50000000". */
void amount_format(char out[AMOUNT_TEXT_SIZE], struct amount a);
/* "1.5", "0.00001", "-3": at most 8 places. KZ_PARSE: another form. KZ_RANGE: finer
 * than a satoshi, or outside the range. */
KZ_MUST_USE enum kz_err amount_parse(struct amount *a, const char *text, size_t len);

#endif
