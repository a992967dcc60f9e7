/* share/summary.h - the running record of a worker, a miner or the pool.
 *
 * One text value in Redis, written by SCRIPT_BATCH and read here:
 *
 *   1 hi lo accepted refused best last_ms minute m0..m9 ten t0..t5
 *
 * 1 is the form. Work is hi * 10^12 + lo, so that no total ever passes what Lua's
 * doubles hold exactly. m0 is the work of Unix minute `minute`, m1 of the one before;
 * t0 that of Unix time `ten` x 10 minutes. From them come the hash rates.
 * `best` is a difficulty, for people only.
 *
 * Pure: no I/O, lock or clock; any thread. */
#ifndef SHARE_SUMMARY_H
#define SHARE_SUMMARY_H

#include "share/bytes.h"

#define SUMMARY_MINUTES   10
#define SUMMARY_TENS      6
#define SUMMARY_LO        UINT64_C(1000000000000)
#define SUMMARY_TEXT_SIZE 64

struct summary {
    uint64_t work_hi, work_lo;
    uint64_t accepted, refused;
    double best;
    int64_t last_ms; /* of the last accepted share, 0: none */
    int64_t minute;
    double minutes[SUMMARY_MINUTES];
    int64_t ten;
    double tens[SUMMARY_TENS];
};

enum summary_span { SUMMARY_1M, SUMMARY_10M, SUMMARY_1H };

KZ_MUST_USE enum kz_err summary_parse(struct summary *s, const char *text, size_t len);
/* The same of two instances together. */
void summary_add(struct summary *to, const struct summary *from);
/* Total work as decimal text. */
void summary_format_work(char out[SUMMARY_TEXT_SIZE], const struct summary *s);
/* Hashes a second: work of the span's slots times `unit` over the time they cover up to
 * now. The newest slot has only begun, so a span covers its length less the part of the
 * oldest slot that has gone out of it; 1M covers 60 to 120 seconds. */
double summary_rate(const struct summary *s, enum summary_span span, uint64_t unit,
                    int64_t now_ms);

#endif
