/* pool/report/crosscheck.h - do the reports of one package agree with each other?
 *
 * Run before anything is signed. Each failure names the rule, the miner and by how many
 * satoshi it is off:
 *
 *   balance       each row of R4: end = start + credited - paid - reversed + adjusted
 *   continuity    each day of R4 starts with what the miner's day before ended with
 *   credits       R4's credits of a miner are R5's credits of it; payments likewise
 *   payments      with the network's fees that are a payment's part
 *   summary       R6's row "all", and the rows of each other group, sum to R4
 *   shares        R6's accepted shares and R4's
 *   liabilities   R9's are the sum of the balances that R4's miners end with
 *   work          a day with work has a moment at which the miner was active or restricted
 *   certificate   ... and a certificate that was valid on it
 *
 * Reports that are not there are not compared; the last two need `spans`.
 *
 * Units   satoshi.
 * Thread  one at a time. Pure. Source: registry spec section 4, invariants; the term
 *         "adjusted" is the ledger's (payout/statement.h). */
#ifndef POOL_REPORT_CROSSCHECK_H
#define POOL_REPORT_CROSSCHECK_H

#include "pool/report/table.h"

/* [from, to) in which a miner could mine, or in which its certificate was valid. */
struct crosscheck_span {
    const char *miner;
    int64_t from_ms, to_ms; /* INT64_MAX: still */
};

struct crosscheck_spans {
    const struct crosscheck_span *mining, *certified;
    size_t mining_count, certified_count;
};

#define CROSSCHECK_MINER_SIZE 64
#define CROSSCHECK_TEXT_SIZE  256

struct crosscheck_failure {
    const char *rule;
    char miner[CROSSCHECK_MINER_SIZE]; /* "" where it is about all */
    int64_t difference_sat;            /* what is too much on the first side named */
    char text[CROSSCHECK_TEXT_SIZE];   /* all of it, for people */
};

typedef void crosscheck_fn(void *ctx, const struct crosscheck_failure *failure);

/* How many failures; `on_failure` hears each. `spans` may be NULL. */
size_t crosscheck(const struct report *const *reports, size_t count,
                  const struct crosscheck_spans *spans, crosscheck_fn *on_failure,
                  void *ctx);

#endif
