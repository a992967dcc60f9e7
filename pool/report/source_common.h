/* pool/report/source_common.h - small things that the sources of money and work do alike.
 *
 * Errors, thread: pool/report/source.h. */
#ifndef POOL_REPORT_SOURCE_COMMON_H
#define POOL_REPORT_SOURCE_COMMON_H

#include "pool/report/fill.h"

/* Keeps a line in `why` and returns `err`. */
enum kz_err source_fail(char why[SOURCE_WHY_SIZE], enum kz_err err, const char *format,
                        ...) KZ_PRINTF(3, 4);

#endif
