/* pool/bench/bench_schemes.h - `kariz-bench schemes FILE`: accounting cases, computed
 * again.
 *
 * FILE is one of the accounting vectors (payout/cases.h); which kind shows in its
 * content. Prints each case that fails, with what was expected and what came out, and at
 * the end `N passed, N failed`. Thread: main. */
#ifndef POOL_BENCH_BENCH_SCHEMES_H
#define POOL_BENCH_BENCH_SCHEMES_H

/* argv[0] is `schemes`, argv[1] the file. Returns an exit status: 0 when all passed, 1
 * when one failed, 2 when there was nothing to run. */
int bench_schemes(int argc, char **argv);

#endif
