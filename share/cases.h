/* share/cases.h - recorded shares, judged again.
 *
 * A case is one JSON object: a job as mining.notify carries it, the session's terms, a
 * submit, and what must come out (verdict, code, header, hash, work; the form is in
 * tests/vectors/README.md). `kariz-bench shares` and the unit tests run files of them.
 * Cases know nothing of each other but through "repeat_of".
 *
 * Ownership  every case seen is kept until share_cases_free(), which accepts NULL.
 * Thread     one at a time. Pure: the caller reads the file. */
#ifndef SHARE_CASES_H
#define SHARE_CASES_H

#include "conf/err.h"

#include <stddef.h>

struct share_cases;

#define SHARE_CASES_WHY_SIZE 400
#define SHARE_CASES_ID_SIZE  40

struct share_cases *share_cases_new(void);
void share_cases_free(struct share_cases *c);

/* Judges one line. `id` is the case's name as far as it could be read, else "".
 *   KZ_OK     all that was expected came out
 *   KZ_RANGE  something differs; `why` says what, expected and found
 *   KZ_PARSE  not a case; `why` says what is wrong with it */
KZ_MUST_USE enum kz_err share_cases_run(struct share_cases *c,
                                        char id[SHARE_CASES_ID_SIZE],
                                        char why[SHARE_CASES_WHY_SIZE],
                                        const char *line, size_t len);

#endif
