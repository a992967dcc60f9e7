/* pool/bench/bench_rig_options.h - the command line of `kariz-bench rig`.
 *
 * Ownership  texts borrow from argv. Thread: any. */
#ifndef POOL_BENCH_RIG_OPTIONS_H
#define POOL_BENCH_RIG_OPTIONS_H

#include "pool/bench/bench_client.h"

struct rig_options {
    struct link_settings link;
    struct client_options client;
    uint64_t threads;
    uint64_t hash_rate; /* 0: no limit */
    uint64_t seconds;   /* 0: until told to end */
    uint64_t shares;    /* 0: any number */
    bool keep_trying, quiet, json;
};

enum rig_asked { RIG_RUN, RIG_HELP, RIG_WRONG };

/* RIG_HELP: it was printed. RIG_WRONG: why was said on standard error. */
enum rig_asked rig_options_parse(struct rig_options *o, int argc, char **argv);

#endif
