/* payout/cases_trace.h - the events of the shared ledger trace, made by the builders.
 *
 * ledger_trace.json says what each step posts and leaves, not what it was made from:
 * three miners, blocks B1 to B4 (B2 goes, comes back and goes; B3 pays in its coinbase),
 * two payouts, a hold, pay per share, an overpayment. That is here, in the numbers of
 * the people who wrote the trace, so that postings computed from it can be compared.
 *
 * Ownership  each fills an entry that the caller clears.
 * Errors     those of payout/postings.h.
 * Thread     any. Pure. */
#ifndef PAYOUT_CASES_TRACE_H
#define PAYOUT_CASES_TRACE_H

#include "payout/book.h"

#define TRACE_STEPS 23

/* The event of step 1 to 23, given what the steps before it made of the book. A retry
 * is the builder called again on the state it was called on first. */
KZ_MUST_USE enum kz_err trace_event(struct entry *e, const struct book *b, int step);
/* Is the step a retry of the one before? */
bool trace_is_repeat(int step);

/* Its parts, for other orders of the same events. */
KZ_MUST_USE enum kz_err trace_capital(struct entry *e, uint64_t n, int64_t amount);
KZ_MUST_USE enum kz_err trace_block(struct entry *e, const char *block, int64_t value,
                                    int64_t fee, const int64_t net[3]);
/* `held`: number of a miner that is held by then, or 0. */
KZ_MUST_USE enum kz_err trace_mature(struct entry *e, const struct book *book,
                                     const char *block, int held);
KZ_MUST_USE enum kz_err trace_reserve(struct entry *e, int payout);

#endif
