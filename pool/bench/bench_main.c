/* kariz-bench: a CPU rig, a load generator, and checks of the share path. */
#include "pool/bench/bench_args.h"
#include "pool/bench/bench_hash.h"
#include "pool/bench/bench_journal.h"
#include "pool/bench/bench_load.h"
#include "pool/bench/bench_rig.h"
#include "pool/bench/bench_schemes.h"
#include "pool/bench/bench_shares.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *text;
} commands[] = {
    {"rig", bench_rig, "mine real shares on the processor, at any Stratum V1 pool"},
    {"load", bench_load,
     "many connections against any Stratum V1 pool, and what it took"},
    {"shares", bench_shares, "judge a file of recorded shares"},
    {"schemes", bench_schemes, "compute a file of accounting cases again"},
    {"hash", bench_hash, "how long the share path's hashing takes"},
    {"journal", bench_journal, "how long keeping a share takes"},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_help(FILE *to)
{
    fputs("kariz-bench COMMAND [options]\n\n", to);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].text);
    fputs("\nkariz-bench COMMAND --help tells its options; --version the version.\n",
          to);
}

int main(int argc, char **argv)
{
    /* A pool that closes while TLS writes is an event to count, not the end. */
    signal(SIGPIPE, SIG_IGN);
    const char *asked = argc > 1 ? argv[1] : "";
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(asked, commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    if (strcmp(asked, "--version") == 0) {
        puts("kariz-bench " KARIZ_VERSION);
        return BENCH_OK;
    }
    bool help = strcmp(asked, "--help") == 0;
    print_help(help ? stdout : stderr);
    return help ? BENCH_OK : BENCH_USAGE;
}
