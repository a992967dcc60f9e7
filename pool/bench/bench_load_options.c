#include "pool/bench/bench_load_options.h"

#include "pool/bench/bench_args.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

/* Witness version 0, 20 zero bytes, for regtest: nobody holds its key. */
#define NOBODYS_ADDRESS "bcrt1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqdku202"

static const char usage[] =
    "kariz-bench load --url URL --user LOGIN [options]\n"
    "Opens many connections to a Stratum V1 pool, of any make, and measures it.\n"
    "\n"
    "  --url URL              stratum+tcp://host:port, stratum+ssl:// or "
    "stratum+tls://\n"
    "  --user LOGIN           the first %d becomes the connection's number\n"
    "  --password X           default x\n"
    "  --connections N        default 100\n"
    "  --ramp N               connects a second, default 1000; 0: as fast as the pool\n"
    "                         answers, at most 512 handshakes under way\n"
    "  --seconds N            how long to measure, default 10, at most 86400\n"
    "  --rate N               N shares a second over all connections, by the clock\n"
    "  --saturate             each connection keeps one share under way\n"
    "                         (with neither, the connections only listen)\n"
    "  --mode reject|valid    shares above the target (default), or real ones\n"
    "  --blocks-ok            valid shares may be blocks of an easy network\n"
    "  --no-version-rolling   do not ask for version bits\n"
    "  --ca FILE, --insecure  as for the rig\n"
    "  --node URL             regtest node to ask for blocks, http://host:port\n"
    "  --node-cookie FILE     its cookie file\n"
    "  --generate full|empty  full: generatetoaddress; empty: a block without\n"
    "                         transactions, made ahead and then submitted, so that "
    "the\n"
    "                         mempool stays as it is. Default full\n"
    "  --generate-to ADDRESS  default: one that nobody holds the key of\n"
    "  --generate-every N     seconds between blocks, default 2\n"
    "  --reconnect            open lost connections again, also those whose login was\n"
    "                         refused: the pool is restarted while it is measured\n"
    "  --logins               the report counts shares by login and difficulty\n"
    "  --remote-ok            the pool may be on another computer\n"
    "  --json                 the report as one JSON object\n"
    "\n"
    "One event loop on one thread. Ends with 0 when it measured, 1 when it could "
    "not.\n"
    "SIGINT and SIGTERM end the measured time: last replies are awaited, a second one\n"
    "does not.\n";

enum {
    OPT_URL = 256,
    OPT_USER,
    OPT_PASSWORD,
    OPT_CONNECTIONS,
    OPT_RAMP,
    OPT_SECONDS,
    OPT_RATE,
    OPT_SATURATE,
    OPT_MODE,
    OPT_BLOCKS_OK,
    OPT_NO_ROLLING,
    OPT_CA,
    OPT_INSECURE,
    OPT_NODE,
    OPT_COOKIE,
    OPT_GENERATE,
    OPT_TO,
    OPT_EVERY,
    OPT_RECONNECT,
    OPT_LOGINS,
    OPT_REMOTE_OK,
    OPT_JSON,
    OPT_HELP,
};

static const struct option options[] = {
    {"url", required_argument, NULL, OPT_URL},
    {"user", required_argument, NULL, OPT_USER},
    {"password", required_argument, NULL, OPT_PASSWORD},
    {"connections", required_argument, NULL, OPT_CONNECTIONS},
    {"ramp", required_argument, NULL, OPT_RAMP},
    {"seconds", required_argument, NULL, OPT_SECONDS},
    {"rate", required_argument, NULL, OPT_RATE},
    {"saturate", no_argument, NULL, OPT_SATURATE},
    {"mode", required_argument, NULL, OPT_MODE},
    {"blocks-ok", no_argument, NULL, OPT_BLOCKS_OK},
    {"no-version-rolling", no_argument, NULL, OPT_NO_ROLLING},
    {"ca", required_argument, NULL, OPT_CA},
    {"insecure", no_argument, NULL, OPT_INSECURE},
    {"node", required_argument, NULL, OPT_NODE},
    {"node-cookie", required_argument, NULL, OPT_COOKIE},
    {"generate", required_argument, NULL, OPT_GENERATE},
    {"generate-to", required_argument, NULL, OPT_TO},
    {"generate-every", required_argument, NULL, OPT_EVERY},
    {"reconnect", no_argument, NULL, OPT_RECONNECT},
    {"logins", no_argument, NULL, OPT_LOGINS},
    {"remote-ok", no_argument, NULL, OPT_REMOTE_OK},
    {"json", no_argument, NULL, OPT_JSON},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

/* One of two words. */
static bool take_word(bool *second, const char *option, const char *one,
                      const char *two)
{
    *second = strcmp(optarg, two) == 0;
    if (*second || strcmp(optarg, one) == 0)
        return true;
    fprintf(stderr, "%s: expected %s or %s, not '%s'\n", option, one, two, optarg);
    return false;
}

static bool take_url(struct link_url *u, const char *option, const char *scheme)
{
    const char *text = optarg;
    if (strncmp(text, "http://", 7) == 0 && strcmp(scheme, "http://") == 0)
        text += 7;
    if (link_url_parse(u, text) == KZ_OK)
        return true;
    fprintf(stderr, "%s: expected %shost:port, not '%s'\n", option, scheme, optarg);
    return false;
}

static bool take_node_option(struct load_options *o, int option)
{
    switch (option) {
    case OPT_NODE:
        return take_url(&o->node.url, "--node", "http://");
    case OPT_COOKIE:
        o->node.cookie_file = optarg;
        return true;
    case OPT_GENERATE:
        return take_word(&o->node.empty, "--generate", "full", "empty");
    case OPT_TO:
        o->node.address = optarg;
        return true;
    case OPT_EVERY:
        return args_number(&o->node.every_seconds, "--generate-every", optarg, 1, 3600);
    default:
        return false; /* getopt has said why */
    }
}

/* A switch over all options: one line each. */
static bool take_option(struct load_options *o, int option)
{
    bool second;
    switch (option) {
    case OPT_URL:
        return take_url(&o->link.url, "--url", "stratum+tcp://");
    case OPT_USER:
        o->client.user = optarg;
        return true;
    case OPT_PASSWORD:
        o->client.password = optarg;
        return true;
    case OPT_CONNECTIONS:
        return args_number(&o->connections, "--connections", optarg, 1, 1000000);
    case OPT_RAMP:
        return args_number(&o->ramp, "--ramp", optarg, 0, 1000000);
    case OPT_SECONDS:
        return args_number(&o->seconds, "--seconds", optarg, 1, 86400);
    case OPT_RATE:
        return args_number(&o->rate, "--rate", optarg, 1, 10000000);
    case OPT_SATURATE:
        o->saturate = true;
        return true;
    case OPT_MODE:
        if (!take_word(&second, "--mode", "reject", "valid"))
            return false;
        o->mode = second ? LOAD_VALID : LOAD_REJECT;
        return true;
    case OPT_BLOCKS_OK:
        o->blocks_ok = true;
        return true;
    case OPT_NO_ROLLING:
        o->client.version_rolling = false;
        return true;
    case OPT_CA:
        o->link.ca_file = optarg;
        return true;
    case OPT_INSECURE:
        o->link.insecure = true;
        return true;
    case OPT_RECONNECT:
        o->reconnect = true;
        return true;
    case OPT_LOGINS:
        o->logins = true;
        return true;
    case OPT_REMOTE_OK:
        o->remote_ok = true;
        return true;
    case OPT_JSON:
        o->json = true;
        return true;
    default:
        return take_node_option(o, option);
    }
}

static const char *missing(const struct load_options *o)
{
    if (o->link.url.host[0] == '\0' || o->client.user == NULL)
        return "--url and --user are needed";
    if (o->rate > 0 && o->saturate)
        return "--rate and --saturate contradict each other";
    if (o->link.insecure && o->link.ca_file != NULL)
        return "--ca and --insecure contradict each other";
    if ((o->node.url.host[0] != '\0') != (o->node.cookie_file != NULL))
        return "--node and --node-cookie belong together";
    return NULL;
}

enum load_asked load_options_parse(struct load_options *o, int argc, char **argv)
{
    *o = (struct load_options){.connections = 100,
                               .seconds = 10,
                               .ramp = 1000,
                               .link = {.spread_sources = true},
                               .node = {.every_seconds = 2, .address = NOBODYS_ADDRESS},
                               .client = {.agent = "kariz-load/" KARIZ_VERSION,
                                          .password = "x",
                                          .version_rolling = true}};
    int option;
    optind = 1;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == OPT_HELP) {
            fputs(usage, stdout);
            return LOAD_HELP;
        }
        if (!take_option(o, option))
            return LOAD_WRONG;
    }
    const char *why = missing(o);
    if (why == NULL && optind < argc)
        why = argv[optind];
    if (why == NULL)
        return LOAD_RUN;
    fprintf(stderr, "load: %s; see kariz-bench load --help\n", why);
    return LOAD_WRONG;
}
