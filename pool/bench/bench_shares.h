/* pool/bench/bench_shares.h - `kariz-bench shares FILE`: judges recorded share cases.
 *
 * FILE has one JSON object a line (share/cases.h). Prints each case that fails, with
 * what differed, and at the end `N passed, N failed`. Thread: main. */
#ifndef POOL_BENCH_BENCH_SHARES_H
#define POOL_BENCH_BENCH_SHARES_H

/* argv[0] is `shares`, argv[1] the file. Returns an exit status: 0 when all passed, 1
 * when one failed, 2 when there was nothing to run. */
int bench_shares(int argc, char **argv);

#endif
