/* pool/report/compare.h - two packages of the same reports, file by file.
 *
 * A difference is {file, place, package, again}: the first place at which the file differs
 * and what the two have there (texts, cut), the last two null where that is not said. The
 * place is
 *
 *   of JSON         the member that differs: "rows 3, credited_sat"; rows count from 1
 *   of other files  "line 4, byte 17"; "" where a file is missing
 *
 * Of a manifest that differs in its files alone there is none: they are told themselves.
 *
 * Errors  KZ_IO: a file cannot be read; `why` names it.
 * Thread  any; reads files. */
#ifndef POOL_REPORT_COMPARE_H
#define POOL_REPORT_COMPARE_H

#include "pool/report/package.h"

#include <jansson.h>

/* Appends to `differences`. `list`: the manifest of the package in `dir`, `list_again` that
 * of the other; signatures are not compared. */
KZ_MUST_USE enum kz_err compare_packages(json_t *differences,
                                         char why[PACKAGE_WHY_SIZE], const char *dir,
                                         const struct manifest *list, const char *again,
                                         const struct manifest *list_again);

#endif
