/* pool/bench/bench_scan.h - one line of a Stratum V1 pool, taken apart without copying.
 *
 * A load generator reads a hundred thousand replies a second, and ten thousand notify
 * lines at once when a block comes in; what it spends on them shows in its figures. So
 * the outer object is walked once and its values are left where they stand in the line.
 * The scanner finds where values begin and end and does not prove that what lies
 * between is JSON: a pool's nonsense becomes a KZ_PARSE here or in the one who reads
 * the value.
 *
 * Ownership  every struct bytes borrows from the line.
 * Errors     KZ_PARSE: not an object, cut short, a value of another kind than asked.
 * Thread     any. Pure: no I/O, lock, clock or allocation. */
#ifndef POOL_BENCH_SCAN_H
#define POOL_BENCH_SCAN_H

#include "share/bytes.h"

/* A value that is absent has p == NULL. */
struct scan {
    struct bytes method; /* without its quotes; absent in a reply */
    struct bytes params, result, error;
    uint64_t id; /* meaningful when has_id: a decimal integer */
    bool has_id;
};

KZ_MUST_USE enum kz_err scan_line(struct scan *s, struct bytes line);

/* Walks an array: `*at` starts as the array value; each call takes the next element
 * off. KZ_EMPTY behind the last. Elements stand as in the line, strings with their
 * quotes. */
struct scan_array {
    struct bytes rest;
    bool started;
};
KZ_MUST_USE enum kz_err scan_next(struct bytes *element, struct scan_array *a);
struct scan_array scan_array(struct bytes value);

/* The value of `key` in an object. KZ_EMPTY: it has no such member. */
KZ_MUST_USE enum kz_err scan_member(struct bytes *value, struct bytes object,
                                    const char *key);

/* Inside of the quotes, escapes untouched. */
KZ_MUST_USE enum kz_err scan_string(struct bytes *inside, struct bytes value);
KZ_MUST_USE enum kz_err scan_number(int64_t *out, struct bytes value); /* integers */
bool scan_is(struct bytes value, const char *text); /* scan_is(v, "true") */

/* The code of [code, "text", ...] or {"code": .., "message": ".."}; `text` gets the
 * words or an empty range. An error of any other shape has code 0. */
int scan_error(struct bytes *text, struct bytes error);

/* mining.notify's nine parameters. Strings inside their quotes, `branch` the array. */
struct scan_notify {
    struct bytes job_id, prevhash, coinb1, coinb2, branch, version, nbits, ntime;
    bool clean_jobs;
    bool has_branch; /* the template holds transactions */
};
KZ_MUST_USE enum kz_err scan_notify(struct scan_notify *n, struct bytes params);

#endif
