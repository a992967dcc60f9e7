/* pool/bench/bench_node.h - a thread that asks a regtest node for blocks.
 *
 * For the time from a new tip to the rigs' jobs the generator has to know when the tip
 * came. It makes the tip itself, and takes the clock right before the call that makes
 * it and right behind the answer. A thread of its own, because the calls wait and the
 * loop must go on reading.
 *
 * Units      nanoseconds of the monotonic clock.
 * Ownership  the plan is borrowed until node_caller_stop().
 * Errors     node_caller_stop() tells the first that occurred; no block is asked for
 *            after it.
 * Thread     start, stop: one; the calls run on the thread of its own. */
#ifndef POOL_BENCH_NODE_H
#define POOL_BENCH_NODE_H

#include "pool/bench/bench_link.h"
#include "share/hash256.h"

#define NODE_BLOCKS_MAX 128
#define NODE_WHY_SIZE   LINK_WHY_SIZE

struct node_plan {
    struct link_url url;
    const char *cookie_file;
    const char *address; /* who gets the coinbase */
    uint64_t every_seconds;
    uint64_t seconds; /* no block in the last second of these */
    bool empty;       /* without transactions, made ahead and then submitted */
};

struct node_block {
    char prevhash[HASH256_HEX_SIZE]; /* its hash as a job upon it spells it */
    int64_t called_ns, returned_ns;
};

struct node_blocks {
    size_t count;
    struct node_block block[NODE_BLOCKS_MAX];
    char why[NODE_WHY_SIZE]; /* "": no error */
};

struct node_caller;

/* KZ_IO: the node's name does not resolve, the cookie cannot be read, or no thread. */
KZ_MUST_USE enum kz_err node_caller_start(struct node_caller **out,
                                          char why[NODE_WHY_SIZE],
                                          const struct node_plan *plan);
/* Waits for a call under way. `blocks` may be NULL; `n` too, and nothing is told. */
void node_caller_stop(struct node_caller *n, struct node_blocks *blocks);

#endif
