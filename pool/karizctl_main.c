/* pool/karizctl_main.c - the operators' command line, over the daemon's control socket.
 *
 * Exit status: 0 done, 1 refused or unreachable (the reason is on standard error), 2
 * the command line was wrong. */
#include "conf/conf.h"
#include "conf/mem.h"
#include "pool/ctl_client.h"
#include "pool/ctl_show.h"
#include "pool/settings.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_SOCKET "/run/kariz/control.sock"

struct invocation {
    const char *socket;
    bool json;
    int count; /* words that are no options of ours */
    char **words;
};

/* One row a command: the words that name it, then the name of its first argument (NULL:
 * none; in brackets: may be left out) and which --options it takes. */
struct command {
    const char *words;
    const char *argument;
    const char *options; /* "kind residency ..."; a star: may be repeated, an array */
    const char *request;
    ctl_show_fn *show;
    const char *help;
};

static const struct command commands[] = {
    {"status", NULL, "", "status", show_status, "hash rate, shares, blocks, miners"},
    {"nodes", NULL, "", "nodes", show_nodes, "the Bitcoin nodes and their health"},
    {"blocks", NULL, "", "blocks", show_blocks, "blocks found, newest first"},
    {"workers", "[miner]", "", "workers", show_workers, "rigs, with what they run"},
    {"miner list", NULL, "", "miner_list", show_miners, "all registered miners"},
    {"miner show", "id", "", "miner_show", show_miner,
     "one miner's record, refusals today"},
    {"miner register", "id", "kind residency country certificate name address*",
     "miner_register", show_miner,
     "--kind individual_entrepreneur|legal_entity|natural_person\n"
     "      --residency resident|non_resident --country CC --certificate NUMBER\n"
     "      --address ADDRESS (may be repeated)"},
    {"miner suspend", "id", "basis", "miner_suspend", show_miner,
     "--basis TEXT: ends its sessions within a second"},
    {"miner resume", "id", "basis", "miner_resume", show_miner, "--basis TEXT"},
    {"reload", NULL, "", "reload", show_note,
     "read the settings and certificates again"},
    {"nudge", NULL, "", "nudge", show_note, "ask for a template now (blocknotify)"},
    {"stop", NULL, "", "stop", show_note, "stop the daemon"},
    {.words = NULL},
};

static void print_usage(FILE *to)
{
    fputs("usage: karizctl [--socket PATH] [--json] COMMAND\n\n", to);
    for (const struct command *c = commands; c->words != NULL; c++)
        fprintf(to, "  %s%s%s\n      %s\n", c->words, c->argument ? " " : "",
                c->argument ? c->argument : "", c->help);
    fputs("  conf check FILE\n      check a settings file; needs no daemon\n"
          "\nThe socket is " DEFAULT_SOCKET " unless --socket or KARIZ_SOCKET says "
          "otherwise.\n",
          to);
}

/* How many of the invocation's words `words` ("miner show") takes; 0: another command. */
static int match_words(const struct invocation *in, const char *words)
{
    int used = 0;
    while (*words != '\0') {
        size_t len = strcspn(words, " ");
        if (used == in->count || strlen(in->words[used]) != len ||
            strncmp(in->words[used], words, len) != 0)
            return 0;
        used++;
        words += len + (words[len] == ' ');
    }
    return used;
}

/* 0: not among them; 1: takes one value; 2: may be repeated. */
static int option_kind(const char *options, const char *name)
{
    size_t len = strlen(name);
    for (const char *p = options; *p != '\0';) {
        size_t word = strcspn(p, " ");
        bool many = p[word - 1] == '*';
        if (word - many == len && strncmp(p, name, len) == 0)
            return many ? 2 : 1;
        p += word + (p[word] == ' ');
    }
    return 0;
}

static bool add_option(json_t *arguments, const char *options, const char *name,
                       const char *value)
{
    int kind = option_kind(options, name);
    json_t *text = json_string(value); /* NULL: not UTF-8 */
    if (kind == 0 || text == NULL) {
        fprintf(stderr, "karizctl: --%s: %s\n", name,
                kind == 0 ? "unknown option" : "not UTF-8");
        json_decref(text);
        return false;
    }
    if (kind == 1)
        return json_object_set_new(arguments, name, text) == 0;
    json_t *list = json_object_get(arguments, name);
    if (list == NULL) {
        list = json_array();
        json_object_set_new(arguments, name, list);
    }
    return json_array_append_new(list, text) == 0;
}

/* NULL: the command line was wrong, and it was said. */
static json_t *read_arguments(const struct command *c, const struct invocation *in,
                              int at)
{
    json_t *arguments = json_object();
    bool fine = true, has_argument = false;
    for (; fine && at < in->count; at++) {
        const char *word = in->words[at];
        if (strncmp(word, "--", 2) == 0 && at + 1 < in->count) {
            fine = add_option(arguments, c->options, word + 2, in->words[++at]);
        } else if (c->argument != NULL && !has_argument && word[0] != '-') {
            has_argument = true;
            json_object_set_new(arguments,
                                c->argument[0] == '[' ? "miner" : c->argument,
                                json_string(word));
        } else {
            fprintf(stderr, "karizctl: %s: not understood\n", word);
            fine = false;
        }
    }
    if (fine && c->argument != NULL && c->argument[0] != '[' && !has_argument) {
        fprintf(stderr, "karizctl: %s needs %s\n", c->words, c->argument);
        fine = false;
    }
    if (fine)
        return arguments;
    json_decref(arguments);
    return NULL;
}

static int run_command(const struct command *c, const struct invocation *in, int at)
{
    char why[CTL_WHY_SIZE];
    json_t *result;
    json_t *arguments = read_arguments(c, in, at);
    if (arguments == NULL)
        return 2;
    if (ctl_call(&result, why, in->socket, c->request, arguments) != KZ_OK) {
        fprintf(stderr, "karizctl: %s\n", why);
        return 1;
    }
    if (in->json) {
        json_dumpf(result, stdout,
                   JSON_INDENT(2) | JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
        puts("");
    } else {
        c->show(result);
    }
    json_decref(result);
    return fflush(stdout) == 0 ? 0 : 1;
}

static int check_conf(const char *path)
{
    struct conf *conf;
    struct conf_problem problem;
    if (settings_load(&conf, &problem, path) != KZ_OK) {
        conf_problem_print(stderr, &problem);
        return 1;
    }
    printf("%s: fine\n", path);
    conf_free(conf);
    return 0;
}

static bool read_options(struct invocation *in, int argc, char **argv)
{
    int i = 1;
    for (; i < argc && argv[i][0] == '-'; i++) {
        if (strcmp(argv[i], "--json") == 0)
            in->json = true;
        else if (strcmp(argv[i], "--socket") == 0 && i + 1 < argc)
            in->socket = argv[++i];
        else
            return false;
    }
    in->words = argv + i;
    in->count = argc - i;
    /* --json is also taken at the end, where hands put it. */
    if (in->count > 0 && strcmp(in->words[in->count - 1], "--json") == 0) {
        in->json = true;
        in->count--;
    }
    return in->count > 0;
}

int main(int argc, char **argv)
{
    const char *from_environment = getenv("KARIZ_SOCKET");
    struct invocation in = {.socket = from_environment != NULL ? from_environment
                                                               : DEFAULT_SOCKET};
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        print_usage(stdout);
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("karizctl " KARIZ_VERSION);
        return 0;
    }
    if (!read_options(&in, argc, argv)) {
        print_usage(stderr);
        return 2;
    }
    if (in.count == 3 && match_words(&in, "conf check") == 2)
        return check_conf(in.words[2]);
    for (const struct command *c = commands; c->words != NULL; c++) {
        int used = match_words(&in, c->words);
        if (used > 0)
            return run_command(c, &in, used);
    }
    fprintf(stderr, "karizctl: unknown command; see karizctl --help\n");
    return 2;
}
