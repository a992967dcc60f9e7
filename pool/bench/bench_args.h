/* pool/bench/bench_args.h - command-line values, and the text people get about them.
 *
 * Ownership  everything is borrowed for the call.
 * Errors     a bad value is said on standard error, with the option's name, and false
 *            comes back; the caller ends with BENCH_USAGE.
 * Thread     any. */
#ifndef POOL_BENCH_ARGS_H
#define POOL_BENCH_ARGS_H

#include "share/target.h"

#include <stdbool.h>
#include <stdint.h>

/* What the programs end with. */
enum bench_exit {
    BENCH_OK = 0,     /* ended as asked */
    BENCH_FAILED = 1, /* ran, and the reason is on standard error */
    BENCH_USAGE = 2,  /* never ran */
};

/* A decimal number in [min, max]. */
KZ_MUST_USE bool args_number(uint64_t *out, const char *option, const char *text,
                             uint64_t min, uint64_t max);
/* As mining.suggest_difficulty carries it. */
KZ_MUST_USE bool args_difficulty(struct difficulty *out, const char *option,
                                 const char *text);

#endif
