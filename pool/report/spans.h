/* pool/report/spans.h - when each miner could mine, and when its certificate was valid.
 *
 * For pool/report/crosscheck.h, out of the registry's history: from a change to active or
 * restricted until the next one to another state; a certificate from the day it was issued
 * to the end of its last day, each that the record ever had.
 *
 * Ownership  spans_clear() frees; accepts what was never read.
 * Errors     as history_read().
 * Thread     any that may wait; reads files. */
#ifndef POOL_REPORT_SPANS_H
#define POOL_REPORT_SPANS_H

#include "pool/report/crosscheck.h"
#include "pool/report/history.h"

struct span_set {
    struct crosscheck_span *list; /* their miners' ids are owned */
    size_t count, room;
};

struct spans {
    struct span_set mining, certified;
};

KZ_MUST_USE enum kz_err spans_read(struct spans *out, char why[HISTORY_WHY_SIZE],
                                   const char *journal_dir, int64_t until_ms,
                                   int offset_minutes);
void spans_clear(struct spans *s);
struct crosscheck_spans spans_for_check(const struct spans *s);

#endif
