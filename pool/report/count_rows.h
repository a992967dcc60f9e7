/* pool/report/count_rows.h - how many rows a report's file has, by its form alone.
 *
 * For whoever compares the forms of one report (pool/report/package_verify.h).
 *
 * Errors  KZ_PARSE: not such a file.
 * Thread  any. Pure: bytes in, a number out. */
#ifndef POOL_REPORT_COUNT_ROWS_H
#define POOL_REPORT_COUNT_ROWS_H

#include "share/bytes.h"

/* By the end of a file's name; KZ_RANGE: of another form, which has no rows. */
KZ_MUST_USE enum kz_err count_rows(uint64_t *rows, const char *name, struct bytes text);

#endif
