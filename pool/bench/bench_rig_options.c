#include "pool/bench/bench_rig_options.h"

#include "pool/bench/bench_args.h"
#include "pool/bench/bench_grind.h"

#include <getopt.h>
#include <stdio.h>

static const char usage[] =
    "kariz-bench rig --url URL --user LOGIN [options]\n"
    "Mines real shares on this computer's processor, at any Stratum V1 pool.\n"
    "\n"
    "  --url URL                stratum+tcp://host:port, stratum+ssl://host:port or\n"
    "                           stratum+tls://host:port\n"
    "  --user LOGIN             MINER.WORKER, or what else the pool asks for\n"
    "  --password X             default x\n"
    "  --threads N              default 1\n"
    "  --hash-rate LIMIT        hashes per second of all threads; default no limit\n"
    "  --no-version-rolling     do not ask for version bits (BIP310)\n"
    "  --ca FILE                certificates to trust; default the system's\n"
    "  --insecure               do not check the pool's certificate\n"
    "  --agent TEXT             how it calls itself; default kariz-rig/VERSION\n"
    "  --suggest-difficulty D   ask for this difficulty\n"
    "  --seconds N              end after this time\n"
    "  --shares N               end when this many shares were accepted\n"
    "  --keep-trying            go on when the login is refused\n"
    "  --quiet                  only warnings and the summary\n"
    "  --json                   log and summary as JSON\n"
    "\n"
    "Ends with 0 when it ended as asked (also by Ctrl-C), with 1 and the reason when\n"
    "the login was refused, --seconds passed without a session, or before --shares.\n";

enum {
    OPT_URL = 256,
    OPT_USER,
    OPT_PASSWORD,
    OPT_THREADS,
    OPT_HASH_RATE,
    OPT_NO_ROLLING,
    OPT_CA,
    OPT_INSECURE,
    OPT_AGENT,
    OPT_SUGGEST,
    OPT_SECONDS,
    OPT_SHARES,
    OPT_KEEP_TRYING,
    OPT_QUIET,
    OPT_JSON,
    OPT_HELP,
};

static const struct option options[] = {
    {"url", required_argument, NULL, OPT_URL},
    {"user", required_argument, NULL, OPT_USER},
    {"password", required_argument, NULL, OPT_PASSWORD},
    {"threads", required_argument, NULL, OPT_THREADS},
    {"hash-rate", required_argument, NULL, OPT_HASH_RATE},
    {"no-version-rolling", no_argument, NULL, OPT_NO_ROLLING},
    {"ca", required_argument, NULL, OPT_CA},
    {"insecure", no_argument, NULL, OPT_INSECURE},
    {"agent", required_argument, NULL, OPT_AGENT},
    {"suggest-difficulty", required_argument, NULL, OPT_SUGGEST},
    {"seconds", required_argument, NULL, OPT_SECONDS},
    {"shares", required_argument, NULL, OPT_SHARES},
    {"keep-trying", no_argument, NULL, OPT_KEEP_TRYING},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"json", no_argument, NULL, OPT_JSON},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

/* A switch over all options: one line each. */
static bool take_option(struct rig_options *o, int option)
{
    struct difficulty ignored;
    switch (option) {
    case OPT_URL:
        if (link_url_parse(&o->link.url, optarg) == KZ_OK)
            return true;
        fprintf(stderr, "--url: expected stratum+tcp://host:port, not '%s'\n", optarg);
        return false;
    case OPT_USER:
        o->client.user = optarg;
        return true;
    case OPT_PASSWORD:
        o->client.password = optarg;
        return true;
    case OPT_THREADS:
        return args_number(&o->threads, "--threads", optarg, 1, GRIND_THREADS_MAX);
    case OPT_HASH_RATE:
        return args_number(&o->hash_rate, "--hash-rate", optarg, 1, 1000000000000);
    case OPT_NO_ROLLING:
        o->client.version_rolling = false;
        return true;
    case OPT_CA:
        o->link.ca_file = optarg;
        return true;
    case OPT_INSECURE:
        o->link.insecure = true;
        return true;
    case OPT_AGENT:
        o->client.agent = optarg;
        return true;
    case OPT_SUGGEST:
        o->client.suggest_difficulty = optarg;
        return args_difficulty(&ignored, "--suggest-difficulty", optarg);
    case OPT_SECONDS:
        return args_number(&o->seconds, "--seconds", optarg, 1, 1000000000);
    case OPT_SHARES:
        return args_number(&o->shares, "--shares", optarg, 1, 1000000000000);
    case OPT_KEEP_TRYING:
        o->keep_trying = true;
        return true;
    case OPT_QUIET:
        o->quiet = true;
        return true;
    case OPT_JSON:
        o->json = true;
        return true;
    default:
        return false; /* getopt has said why */
    }
}

static bool is_complete(const struct rig_options *o)
{
    if (o->link.url.host[0] == '\0' || o->client.user == NULL) {
        fputs("rig: --url and --user are needed; see kariz-bench rig --help\n", stderr);
        return false;
    }
    if (o->link.insecure && o->link.ca_file != NULL) {
        fputs("rig: --ca and --insecure contradict each other\n", stderr);
        return false;
    }
    return true;
}

enum rig_asked rig_options_parse(struct rig_options *o, int argc, char **argv)
{
    *o = (struct rig_options){.threads = 1,
                              .client = {.agent = "kariz-rig/" KARIZ_VERSION,
                                         .password = "x",
                                         .version_rolling = true,
                                         .extranonce_subscribe = true,
                                         .resume = true}};
    int option;
    optind = 1;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == OPT_HELP) {
            fputs(usage, stdout);
            return RIG_HELP;
        }
        if (!take_option(o, option))
            return RIG_WRONG;
    }
    if (optind < argc) {
        fprintf(stderr, "rig: what is '%s'?\n", argv[optind]);
        return RIG_WRONG;
    }
    return is_complete(o) ? RIG_RUN : RIG_WRONG;
}
