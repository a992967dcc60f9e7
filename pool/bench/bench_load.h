/* pool/bench/bench_load.h - `kariz-bench load`: many connections against one pool. */
#ifndef POOL_BENCH_LOAD_H
#define POOL_BENCH_LOAD_H

/* `argv` begins with the subcommand's name. Returns an enum bench_exit. */
int bench_load(int argc, char **argv);

#endif
