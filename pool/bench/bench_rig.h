/* pool/bench/bench_rig.h - `kariz-bench rig`: a CPU rig that mines real shares. */
#ifndef POOL_BENCH_RIG_H
#define POOL_BENCH_RIG_H

/* `argv` begins with the subcommand's name. Returns an enum bench_exit. */
int bench_rig(int argc, char **argv);

#endif
