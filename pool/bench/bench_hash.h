/* pool/bench/bench_hash.h - `kariz-bench hash [SECONDS]`: what judging a share costs.
 *
 * Times share_check() on a job like mainnet's (12 branch steps) and the same number of
 * bare SHA-256 compressions: their quotient is what the share path adds to the hashing
 * that nobody can avoid. Thread: main. */
#ifndef POOL_BENCH_BENCH_HASH_H
#define POOL_BENCH_BENCH_HASH_H

/* argv[0] is `hash`, argv[1] how many seconds (default 2). Returns an exit status. */
int bench_hash(int argc, char **argv);

#endif
