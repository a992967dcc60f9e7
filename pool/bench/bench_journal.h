/* pool/bench/bench_journal.h - `kariz-bench journal DIRECTORY [SECONDS]`: what keeping a
 * share costs its front thread.
 *
 * Appends shares of 1,000 workers to a stream in DIRECTORY while another thread keeps it
 * as the store does (next segments, a sync every 200 ms, reading behind, deleting), and
 * prints the mean and the slowest, bytes a share, and what the syncs took. */
#ifndef POOL_BENCH_BENCH_JOURNAL_H
#define POOL_BENCH_BENCH_JOURNAL_H

/* argv[0] is `journal`. Returns an exit status. */
int bench_journal(int argc, char **argv);

#endif
