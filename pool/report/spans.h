/* pool/report/spans.h - when each miner could mine, and when its certificate was valid.
 *
 * For pool/report/crosscheck.h, out of the registry's history: from a change to active or
 * restricted until the next one to another state; a certificate from the day it was issued
 * to the end of its last day, each that the record ever had.
 *
 * Ownership  spans_clear() frees; accepts zeros.
 * Thread     one at a time. Pure: no I/O, lock or clock. */
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
    json_t *open; /* miner -> index of its open span in `mining` */
    int offset_minutes;
};

void spans_init(struct spans *s, int offset_minutes);
/* Each event in order: `on_event` of a history's reading, with the spans as its `ctx`. */
void spans_take(void *spans, const struct history_event *e);
void spans_clear(struct spans *s);
struct crosscheck_spans spans_for_check(const struct spans *s);

#endif
