/* payout/pps.h - pay per share: what work is worth before any block is found.
 *
 * Owed within one rate period (same nbits, subsidy, fee and UTC day) on the miner's
 * CUMULATIVE work of that period, T from nbits, U hashes a unit:
 *
 *     E = floor(work * B * (1000000 - fee_ppm) * U * (T + 1) / (1000000 * 2^256))
 *
 * and credited is E(now) minus what was credited before: a share alone is often worth
 * less than a satoshi, and flooring each would pay nothing. At the end of a period less
 * than one satoshi is dropped. B is the subsidy at the height being mined; FPPS adds the
 * day's average transaction fee when the day closes. Accounting section 3.
 *
 * Units   work in the network's units, money in struct amount.
 * Errors  KZ_RANGE: work beyond 63 bits, money outside the range, a rate above 1000000;
 *         outputs untouched.
 * Thread  any. Pure. */
#ifndef PAYOUT_PPS_H
#define PAYOUT_PPS_H

#include "payout/amount.h"
#include "share/target.h"

/* What makes a period; another one of these, and the next begins. */
struct pps_terms {
    uint32_t nbits;
    uint32_t fee_ppm;
    uint32_t day; /* UTC, since 1970-01-01 */
    struct amount subsidy;
};

bool pps_terms_equal(const struct pps_terms *a, const struct pps_terms *b);

/* What a period's work has been promised: the subsidy, or under FPPS the fees as well,
 * which then are a period of their own (entry_key.h). */
enum pps_part { PPS_SUBSIDY, PPS_FPPS_SUBSIDY, PPS_FPPS_FEES };

/* A period's name: "<nbits>:<subsidy>:<fee_ppm>:<date>", with ":fpps" or ":fees" behind
 * where it is one of FPPS, and ".<instance>" of what credits it, unless that is 0: periods
 * of two instances that share a ledger are apart, so each has one writer. */
#define PPS_PERIOD_SIZE 65
void pps_period_format(char out[PPS_PERIOD_SIZE], const struct pps_terms *terms,
                       enum pps_part part, uint32_t instance);
/* Only what pps_period_format() writes is read; KZ_PARSE otherwise. */
KZ_MUST_USE enum kz_err pps_period_parse(struct pps_terms *terms, enum pps_part *part,
                                         uint32_t *instance, const char *text);
/* "2026-01-31" of days since 1970, fewer than PPS_DAYS: up to the year 9999. */
#define PPS_DAYS      2932897
#define PPS_DATE_SIZE 16
void pps_date_format(char out[PPS_DATE_SIZE], uint32_t day);
KZ_MUST_USE enum kz_err pps_date_parse(uint32_t *day, const char *text, size_t len);

/* E of `base`, the subsidy or the subsidy and the average fee. KZ_RANGE also: nbits are
 * no target. */
KZ_MUST_USE enum kz_err pps_entitlement(struct amount *owed,
                                        const struct pps_terms *terms,
                                        struct amount base, uint64_t work,
                                        uint64_t unit);

/* One miner in one period, from zeros. */
struct pps_account {
    uint64_t work;
    struct amount credited;
};

/* Counts `work` and says what to credit now; *account is untouched unless KZ_OK. */
KZ_MUST_USE enum kz_err pps_accrue(struct amount *credit, struct pps_account *account,
                                   const struct pps_terms *terms, uint64_t work,
                                   uint64_t unit);

/* FPPS, once the day's average is known: the difference of the two E, credited. Doing
 * it again credits nothing. Work that came after an earlier close may leave that one
 * satoshi above what is owed now, as two floors moved: then nothing is credited, and
 * nothing taken back. */
KZ_MUST_USE enum kz_err pps_close_day(struct amount *credit,
                                      struct pps_account *account,
                                      const struct pps_terms *terms,
                                      struct amount average_fee, uint64_t unit);

/* floor(sum / n) of the fees of a day's blocks, in any order. `trim_ppm` drops
 * floor(n * trim_ppm / 1000000) blocks at either end; 0 is the default. KZ_EMPTY: no
 * blocks. KZ_RANGE: a fee below 0, trim_ppm of a half or more. */
KZ_MUST_USE enum kz_err pps_average_fee(struct amount *average,
                                        const struct amount *fees, size_t count,
                                        uint32_t trim_ppm);

#endif
