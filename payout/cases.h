/* payout/cases.h - recorded cases of accounting, computed again.
 *
 * A file is one JSON object with "cases" or "steps": largest remainder, work of targets,
 * reward schemes and windows, coinbase outputs, or a trace of ledger events. Which it is
 * shows in its content. Each case is computed by this folder's code and compared with
 * what the file says must come out, to the satoshi. `kariz-bench schemes` and the unit
 * tests run such files.
 *
 * The steps of a ledger trace stand on each other, so after the first that fails the
 * rest fail too, unrun.
 *
 * Thread  any. Pure: the caller reads the file. */
#ifndef PAYOUT_CASES_H
#define PAYOUT_CASES_H

#include "conf/err.h"

#include <jansson.h>
#include <stddef.h>

#define PAYOUT_CASES_WHY_SIZE 400

struct payout_cases {
    /* A case that failed: its name in the file, what was expected and what came out. */
    void (*on_failed)(void *ctx, const char *name, const char *why);
    void *ctx;
    size_t passed, failed; /* counted on */
};

/* KZ_PARSE: not a file of cases that is known here; nothing was run. */
KZ_MUST_USE enum kz_err payout_cases_run(struct payout_cases *c, const json_t *file);

#endif
