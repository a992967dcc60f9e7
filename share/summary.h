/* share/summary.h - the running record of a worker, a miner or the pool.
 *
 * 128 bytes in Redis, written by SCRIPT_BATCH and read here, so that a hundred workers
 * are one listpack of Redis. Little-endian, without gaps:
 *
 *   at  bytes
 *    0   1    2: the form
 *    1   4    work, hi    } hi * 10^12 + lo, so that no total ever passes
 *    5   5    work, lo    } what Lua's doubles hold exactly
 *   10   6    accepted
 *   16   6    refused
 *   22   8    best: difficulty, a double, for people only
 *   30   6    time of the last accepted share, UTC milliseconds; 0: none
 *   36   4    minute: Unix minute of the newest share, accepted or not
 *   40  10 x 4  work of `minute` and of the nine before it, as floats
 *   80   6 x 4  of the 10 minutes in which `minute` is, and of the five before them
 *  104   6 x 4  of the 4 hours in which `minute` is, and of the five before them
 *
 * The last three give hash rates, for people: a float holds 7 digits. What counts is
 * exact: work, accepted, refused.
 *
 * Pure: no I/O, lock or clock; any thread. */
#ifndef SHARE_SUMMARY_H
#define SHARE_SUMMARY_H

#include "share/bytes.h"

#define SUMMARY_SIZE      128
#define SUMMARY_MINUTES   10
#define SUMMARY_TENS      6
#define SUMMARY_FOURS     6
#define SUMMARY_LO        UINT64_C(1000000000000)
#define SUMMARY_TEXT_SIZE 64

struct summary {
    uint64_t work_hi, work_lo;
    uint64_t accepted, refused;
    double best;
    int64_t last_ms; /* of the last accepted share, 0: none */
    int64_t minute;
    double minutes[SUMMARY_MINUTES];
    double tens[SUMMARY_TENS];   /* of minute / 10, and back */
    double fours[SUMMARY_FOURS]; /* of minute / 240, and back */
};

enum summary_span { SUMMARY_1M, SUMMARY_10M, SUMMARY_1H, SUMMARY_24H };

/* KZ_PARSE: not the bytes of a record. */
KZ_MUST_USE enum kz_err summary_read(struct summary *s, const void *bytes, size_t len);
/* The same of two instances together. */
void summary_add(struct summary *to, const struct summary *from);
/* Total work as decimal text. */
void summary_format_work(char out[SUMMARY_TEXT_SIZE], const struct summary *s);
/* Hashes a second: work of the span's slots times `unit` over the time they cover up to
 * now. The newest slot has only begun, so a span covers its length less the part of the
 * oldest slot that has gone out of it: 1M covers 60 to 120 seconds, 10M 9 to 10 minutes,
 * 1H 50 to 60 minutes, 24H 20 to 24 hours. */
double summary_rate(const struct summary *s, enum summary_span span, uint64_t unit,
                    int64_t now_ms);

#endif
