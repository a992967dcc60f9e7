#include "payout/pps.h"

#include "conf/mem.h"
#include "payout/wide.h"

#include <assert.h>
#include <stdlib.h>

#define PPM 1000000

bool pps_terms_equal(const struct pps_terms *a, const struct pps_terms *b)
{
    return a->nbits == b->nbits && a->fee_ppm == b->fee_ppm && a->day == b->day &&
           amount_compare(a->subsidy, b->subsidy) == 0;
}

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
    return credit_up_to(credit, account, *account, terms, base, unit);
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
