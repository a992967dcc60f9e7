/* pool/bench/bench_load_options.h - the command line of `kariz-bench load`.
 *
 * Ownership  texts borrow from argv. Thread: any. */
#ifndef POOL_BENCH_LOAD_OPTIONS_H
#define POOL_BENCH_LOAD_OPTIONS_H

#include "pool/bench/bench_client.h"
#include "pool/bench/bench_node.h"

enum load_mode {
    LOAD_REJECT, /* well-formed shares above their target: the pool must hash each */
    LOAD_VALID,  /* shares under it */
};

struct load_options {
    struct link_settings link;
    struct client_options client;
    struct node_plan node; /* .url.host "": no blocks are asked for */
    uint64_t connections;
    uint64_t rate; /* shares a second of all connections; 0: none by the clock */
    bool saturate;
    uint64_t seconds;
    uint64_t ramp; /* connects a second; 0: as fast as the pool answers */
    enum load_mode mode;
    bool blocks_ok, remote_ok, json;
    bool reconnect; /* lost connections and refused logins are tried again */
    bool logins;    /* the report counts by login and difficulty */
};

enum load_asked { LOAD_RUN, LOAD_HELP, LOAD_WRONG };

/* LOAD_HELP: it was printed. LOAD_WRONG: why was said on standard error. */
enum load_asked load_options_parse(struct load_options *o, int argc, char **argv);

#endif
