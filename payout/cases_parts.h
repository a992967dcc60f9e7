/* payout/cases_parts.h - what the kinds of recorded cases share. Included by
 * payout/cases*.c only.
 *
 * The first failure of a case stays; what is read or compared after it is harmless. So
 * a case reads like the computation it is, and is asked once at its end.
 *
 * Thread  any. Pure. */
#ifndef PAYOUT_CASES_PARTS_H
#define PAYOUT_CASES_PARTS_H

#include "payout/cases.h"
#include "payout/works.h"
#include "share/bytes.h"

struct case_run {
    char why[PAYOUT_CASES_WHY_SIZE]; /* "": all well so far */
};

KZ_PRINTF(2, 3) void case_fail(struct case_run *r, const char *format, ...);
bool case_is_well(const struct case_run *r);
/* Anything but KZ_OK fails the case. True when well. */
bool case_done(struct case_run *r, const char *what, enum kz_err err);

/* Members; one that is missing or has another type fails the case. */
const char *case_text(struct case_run *r, const json_t *of, const char *name);
int64_t case_number(struct case_run *r, const json_t *of, const char *name);
uint64_t case_digits(struct case_run *r, const json_t *of, const char *name);
uint32_t case_hex(struct case_run *r, const json_t *of, const char *name);
struct amount case_amount(struct case_run *r, const json_t *of, const char *name);
struct miner_id case_miner(struct case_run *r, const char *text);
/* {"m000001": 5, ...} in the file's order; the caller's to mem_free(). */
struct split_weight *case_rows(struct case_run *r, size_t *count, const json_t *object);
void case_works(struct case_run *r, struct works *w, const json_t *object);

/* "<of>: expected 5, got 7". */
void case_same(struct case_run *r, const char *of, int64_t want, int64_t got);
void case_same_text(struct case_run *r, const char *of, const char *want,
                    const char *got);

/* One case of each kind. */
void case_split(struct case_run *r, const json_t *one);
void case_work_unit(struct case_run *r, const json_t *one);
void case_scheme(struct case_run *r, const json_t *one);
void case_direct(struct case_run *r, const json_t *one);

/* A trace is run as a whole: step by step on one book. */
struct book;
void case_ledger_step(struct case_run *r, struct book *book, const json_t *step);

#endif
