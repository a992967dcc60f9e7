/* pool/report/source_common.h - small things that the sources of money and work do alike.
 *
 * Errors, thread: pool/report/source.h. */
#ifndef POOL_REPORT_SOURCE_COMMON_H
#define POOL_REPORT_SOURCE_COMMON_H

#include "pool/ledger_read.h"
#include "pool/report/fill.h"

/* Keeps a line in `why` and returns `err`. */
enum kz_err source_fail(char why[SOURCE_WHY_SIZE], enum kz_err err, const char *format,
                        ...) KZ_PRINTF(3, 4);

/* The entries of before the report's instant (fill_instant()), in order. Where `take` has
 * not said why not, this does. */
KZ_MUST_USE enum kz_err source_read_ledger(char why[SOURCE_WHY_SIZE],
                                           const struct report_source *s,
                                           ledger_take_fn *take, void *ctx);

#endif
