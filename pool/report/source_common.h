/* pool/report/source_common.h - small things that all sources of reports do alike.
 *
 * Errors, thread: pool/report/source.h. */
#ifndef POOL_REPORT_SOURCE_COMMON_H
#define POOL_REPORT_SOURCE_COMMON_H

#include "pool/ledger_read.h"
#include "pool/report/source.h"

/* Keeps a line in `why` and returns `err`. */
enum kz_err source_fail(char why[SOURCE_WHY_SIZE], enum kz_err err, const char *format,
                        ...) KZ_PRINTF(3, 4);

/* report_new(), report_set_text() and _number(), and why not. */
KZ_MUST_USE enum kz_err source_report(struct report **out, char why[SOURCE_WHY_SIZE],
                                      enum report_id id, const struct report_source *s);
KZ_MUST_USE enum kz_err source_set_text(struct report *r, char why[SOURCE_WHY_SIZE],
                                        const char *name, const char *text);
KZ_MUST_USE enum kz_err source_set_number(struct report *r, char why[SOURCE_WHY_SIZE],
                                          const char *name, int64_t number);
KZ_MUST_USE enum kz_err source_add_totals(struct report *r, char why[SOURCE_WHY_SIZE]);

/* ledger_read(), and why not where `take` has not said it. */
KZ_MUST_USE enum kz_err source_read_ledger(char why[SOURCE_WHY_SIZE],
                                           const struct report_source *s,
                                           ledger_take_fn *take, void *ctx);

#endif
