/* pool/pay/pay_main.c - kariz-payout: turns the ledger into signed transactions.
 *
 * Exit status: 0 done, 1 it could not be done or a check failed (one line on standard
 * error says why), 2 the command line was wrong, 3 there was nothing to do, 4 it waits
 * for a person or for lower fees. */
#include "conf/conf.h"
#include "pool/ctl_options.h"
#include "pool/pay/daemon.h"
#include "pool/pay/key.h"
#include "pool/pay/recover.h"
#include "pool/pay/show.h"
#include "pool/settings.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define DEFAULT_CONF "/etc/kariz/kariz.json"
#define CREDENTIAL   "kariz-wallet"

enum { EXIT_USAGE = 2, EXIT_NOTHING = 3, EXIT_WAITS = 4 };

struct invocation {
    const char *conf_path;
    bool json;
    struct passphrase_source passphrase;
    const struct conf *conf;
    const json_t *arguments;
};

typedef int command_fn(struct payer *p, const struct invocation *in);

enum need { NEED_CONF, NEED_READER, NEED_WRITER };

struct command {
    struct ctl_row row;
    enum need need;
    command_fn *run;
    const char *help;
};

/* --- small things ----------------------------------------------------------------- */

static const char *argument(const struct invocation *in, const char *name)
{
    return json_string_value(json_object_get(in->arguments, name));
}

static bool has(const struct invocation *in, const char *name)
{
    return json_is_true(json_object_get(in->arguments, name));
}

static int usage(const char *why)
{
    fprintf(stderr, "kariz-payout: %s\n", why);
    return EXIT_USAGE;
}

static int end_with(const struct payer *p, enum kz_err err)
{
    if (err == KZ_OK)
        return EXIT_SUCCESS;
    fprintf(stderr, "kariz-payout: %s\n", p->why);
    return err == KZ_EMPTY ? EXIT_NOTHING : err == KZ_BUSY ? EXIT_WAITS : EXIT_FAILURE;
}

/* Prints and releases. */
static int show(const struct invocation *in, json_t *value,
                void (*text)(const json_t *v))
{
    if (in->json) {
        json_dumpf(value, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
        puts("");
    } else {
        text(value);
    }
    bool failed = json_is_false(json_object_get(value, "ok"));
    json_decref(value);
    return fflush(stdout) == 0 && !failed ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void on_progress(void *ctx, size_t done, size_t all)
{
    (void)ctx;
    size_t width = 40, full = done * width / all;
    fprintf(stderr, "\r[%.*s%.*s] %zu of %zu sent%s", (int)full,
            "########################################", (int)(width - full),
            "........................................", done, all,
            done == all ? "\n" : "");
}

static struct run_order order_of(const struct invocation *in)
{
    struct run_order order = {.is_confirmed = has(in, "confirm"),
                              .passphrase = &in->passphrase};
    if (isatty(STDERR_FILENO))
        order.on_progress = on_progress;
    return order;
}

/* --- keys ------------------------------------------------------------------------- */

static bool type_of(enum descriptor_type *type, const char *name)
{
    static const struct {
        const char *name;
        enum descriptor_type type;
    } types[] = {{"wpkh", DESCRIPTOR_WPKH},
                 {"tr", DESCRIPTOR_TR},
                 {"pkh", DESCRIPTOR_PKH},
                 {"sh-wpkh", DESCRIPTOR_SH_WPKH}};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(types[i].name, name != NULL ? name : "wpkh") == 0) {
            *type = types[i].type;
            return true;
        }
    return false;
}

static bool number_of(uint64_t *out, const struct invocation *in, const char *name,
                      uint64_t otherwise, uint64_t most)
{
    const char *text = argument(in, name);
    *out = otherwise;
    return text == NULL || decimal_read(out, text, most);
}

static int run_key(const struct invocation *in, int (*run)(const struct key_order *))
{
    uint64_t account, key_fd, scrypt;
    struct key_order order = {.network = network_of(in->conf->network),
                              .path = argument(in, "file"),
                              .passphrase = in->passphrase,
                              .key_fd = -1};
    if (!type_of(&order.type, argument(in, "type")))
        return usage("--type wpkh, tr, pkh or sh-wpkh");
    if (!number_of(&account, in, "account", 0, BIP32_HARDENED - 1) ||
        !number_of(&key_fd, in, "key-fd", UINT64_MAX, 1024) ||
        !number_of(&scrypt, in, "scrypt-n", 0, KEYFILE_N_MAX))
        return usage("--account, --key-fd and --scrypt-n take a number");
    order.account = (uint32_t)account;
    order.scrypt_n = (uint32_t)scrypt;
    if (key_fd != UINT64_MAX)
        order.key_fd = (int)key_fd;
    return run(&order);
}

static int command_key_create(struct payer *p, const struct invocation *in)
{
    (void)p;
    return run_key(in, key_create);
}

static int command_key_show(struct payer *p, const struct invocation *in)
{
    (void)p;
    return run_key(in, key_show);
}

static int command_key_check(struct payer *p, const struct invocation *in)
{
    (void)p;
    return run_key(in, key_check);
}

/* --- looking ---------------------------------------------------------------------- */

static int plan_only(struct payer *p, const struct invocation *in)
{
    struct run r = {.free_count = 0};
    enum kz_err err = run_draft(&r, p);
    int status =
        err == KZ_OK ? show(in, show_plan_json(&r, p), show_plan) : end_with(p, err);
    run_clear(&r);
    return status;
}

static int command_list(struct payer *p, const struct invocation *in)
{
    struct payout_list l = {.count = 0};
    enum pay_which which = has(in, "open")  ? PAY_OPEN
                           : has(in, "all") ? PAY_ALL
                                            : PAY_NEWEST;
    enum kz_err err = pay_list(&l, p, which);
    int status =
        err == KZ_OK ? show(in, show_list_json(&l), show_list) : end_with(p, err);
    payout_list_clear(&l);
    return status;
}

static int command_show(struct payer *p, const struct invocation *in)
{
    struct payout o = {.version_count = 0};
    enum kz_err err = pay_find(&o, p, argument(in, "payout"));
    int status =
        err == KZ_OK ? show(in, show_payout_json(&o), show_payout) : end_with(p, err);
    payout_clear(&o);
    return status;
}

static int command_reserves(struct payer *p, const struct invocation *in)
{
    json_t *out = NULL;
    enum kz_err err = reserves_json(&out, p);
    return err == KZ_OK ? show(in, out, show_reserves) : end_with(p, err);
}

/* --- paying ----------------------------------------------------------------------- */

static int say_paid(const struct payer *p, const struct run_order *order,
                    enum kz_err err)
{
    if (order->paid > 0)
        printf("%zu payout%s signed and given to the node; kariz-payout list shows "
               "what becomes of them\n",
               order->paid, order->paid == 1 ? "" : "s");
    return end_with(p, err);
}

static int command_run(struct payer *p, const struct invocation *in)
{
    struct run_order order = order_of(in);
    const char *warning = run_warning(p);
    if (warning != NULL)
        fprintf(stderr, "kariz-payout: warning: %s\n", warning);
    enum kz_err err = run_finish(p, &order);
    if (err == KZ_OK)
        err = run_pay(p, &order);
    return say_paid(p, &order, err == KZ_EMPTY && order.paid > 0 ? KZ_OK : err);
}

static int command_join(struct payer *p, const struct invocation *in)
{
    struct run_order order = order_of(in);
    return say_paid(p, &order, run_join(p, &order));
}

static int command_follow(struct payer *p, const struct invocation *in)
{
    (void)in;
    return end_with(p, KZ_OK); /* following is what every writer begins with */
}

static int export_to(struct payer *p, const struct invocation *in, const char *dir)
{
    struct run_order order = order_of(in);
    size_t count;
    order.is_offline = true;
    enum kz_err err = run_pay(p, &order);
    if (err == KZ_OK || err == KZ_EMPTY) {
        enum kz_err exported = psbt_export_all(p, dir, &count);
        if (exported != KZ_OK || count > 0)
            err = exported;
    }
    if (err == KZ_OK)
        printf("%zu PSBT%s to be signed in %s\n", count, count == 1 ? "" : "s", dir);
    return end_with(p, err);
}

static int command_export(struct payer *p, const struct invocation *in)
{
    return export_to(p, in, argument(in, "dir"));
}

static int command_plan(struct payer *p, const struct invocation *in)
{
    const char *dir = argument(in, "psbt");
    return dir != NULL ? export_to(p, in, dir) : plan_only(p, in);
}

static int command_import(struct payer *p, const struct invocation *in)
{
    struct payout_id id;
    enum kz_err err = psbt_import(p, argument(in, "file"), &id);
    if (err == KZ_OK)
        printf("payout %s is signed and was given to the node\n", id.text);
    return end_with(p, err);
}

static int with_key(struct payer *p, const struct invocation *in,
                    enum kz_err (*act)(struct payout *o, struct payer *p,
                                       const struct invocation *in))
{
    char why[WALLET_WHY_SIZE];
    struct payout o = {.version_count = 0};
    enum kz_err err = pay_find(&o, p, argument(in, "payout"));
    bool is_given_up = err == KZ_OK && o.state == PAYOUT_RESERVED && pay_is_ours(&o, p);
    if (err == KZ_OK && !is_given_up && wallet_can_sign(p->wallet)) {
        err = wallet_unlock(p->wallet, why, &in->passphrase);
        if (err != KZ_OK)
            err = pay_fail(p, KZ_RANGE, "%s", why);
    }
    if (err == KZ_OK)
        err = act(&o, p, in);
    if (err == KZ_OK && !in->json)
        printf("payout %s is %s now\n", o.id.text, payout_state_name(o.state));
    wallet_lock(p->wallet);
    payout_clear(&o);
    return end_with(p, err);
}

static enum kz_err act_bump(struct payout *o, struct payer *p,
                            const struct invocation *in)
{
    uint64_t kvb;
    struct feerate rate = {0};
    struct run_order order = order_of(in);
    order.is_offline = !wallet_can_sign(p->wallet);
    if (has(in, "child"))
        return run_child(p, &order, o);
    if (order.is_offline)
        return pay_fail(p, KZ_RANGE,
                        "payout.wallet.key_file is not set: --child reserves a child "
                        "that can be exported and signed elsewhere");
    if (!number_of(&kvb, in, "rate", 0, FEERATE_MAX) ||
        !feerate_from(&rate, (int64_t)kvb))
        return pay_fail(p, KZ_RANGE, "--rate takes satoshi per kvB");
    return bump_payout(o, p, rate);
}

static int command_bump(struct payer *p, const struct invocation *in)
{
    return with_key(p, in, act_bump);
}

static enum kz_err act_cancel(struct payout *o, struct payer *p,
                              const struct invocation *in)
{
    const char *dir = argument(in, "psbt");
    if (dir == NULL && o->state != PAYOUT_RESERVED && !wallet_can_sign(p->wallet))
        return pay_fail(p, KZ_RANGE,
                        "payout.wallet.key_file is not set: --psbt DIR writes a "
                        "cancellation to be signed elsewhere and imported");
    return bump_cancel_payout(o, p, dir);
}

static int command_cancel(struct payer *p, const struct invocation *in)
{
    return with_key(p, in, act_cancel);
}

static int command_recover(struct payer *p, const struct invocation *in)
{
    size_t count = 0;
    if (!has(in, "yes"))
        return usage("recover takes what it finds on the chain for payouts of this "
                     "ledger: say --yes, after a backup was restored");
    enum kz_err err = recover_run(p, &count);
    if (count > 0)
        printf("%zu payout%s found on the chain; kariz-payout list shows them\n", count,
               count == 1 ? "" : "s");
    return end_with(p, err);
}

static enum kz_err act_adopt(struct payout *o, struct payer *p,
                             const struct invocation *in)
{
    (void)in;
    return adopt_payout(o, p);
}

static int command_adopt(struct payer *p, const struct invocation *in)
{
    return with_key(p, in, act_adopt);
}

static int command_daemon(struct payer *p, const struct invocation *in)
{
    return end_with(p, daemon_run(p, &in->passphrase));
}

/* --- the table -------------------------------------------------------------------- */

static const struct command commands[] = {
    {{"key create", "file", "type account key-fd scrypt-n"},
     NEED_CONF,
     command_key_create,
     "a new key, encrypted with the passphrase; --type wpkh|tr|pkh|sh-wpkh\n"
     "      --account N; --key-fd N: not a new one, but the hex seed, xprv or WIF "
     "there"},
    {{"key show", "file", ""},
     NEED_CONF,
     command_key_show,
     "what may be seen of a key file: descriptors and first addresses"},
    {{"key check", "file", ""},
     NEED_CONF,
     command_key_check,
     "opens it with the passphrase, and sees that its key gives its addresses"},
    {{"plan", NULL, "psbt confirm!"},
     NEED_READER,
     command_plan,
     "who would be paid now by what, who waits and why; changes nothing\n"
     "      --psbt DIR: reserve it, and write PSBTs to be signed elsewhere (as "
     "export)"},
    {{"run", NULL, "confirm!"},
     NEED_WRITER,
     command_run,
     "pay what is due; --confirm: also above the settings' caps"},
    {{"export", "dir", "confirm!"},
     NEED_WRITER,
     command_export,
     "reserve what is due, and write PSBTs to be signed elsewhere into DIR"},
    {{"import", "file", ""},
     NEED_WRITER,
     command_import,
     "a signed PSBT: checked against what was reserved, finished and sent"},
    {{"follow", NULL, ""},
     NEED_WRITER,
     command_follow,
     "look what became of payouts, and send again what got lost"},
    {{"bump", "payout", "rate child!"},
     NEED_WRITER,
     command_bump,
     "raise the fee of a payout; --rate SATOSHI-PER-KVB\n"
     "      --child: by a child that spends its change, where it cannot be signed "
     "again"},
    {{"cancel", "payout", "psbt"},
     NEED_WRITER,
     command_cancel,
     "give a payout up; one that was signed by paying its first coin back to the pool\n"
     "      --psbt DIR: the transaction for that, to be signed elsewhere and imported"},
    {{"adopt", "payout", ""},
     NEED_WRITER,
     command_adopt,
     "sign and send here what a journal reserved whose machine is gone for good"},
    {{"join", NULL, ""},
     NEED_WRITER,
     command_join,
     "many small coins into one, while fees are below payout.consolidate_below"},
    {{"recover", NULL, "yes!"},
     NEED_WRITER,
     command_recover,
     "after a restored backup: payouts that the ledger does not know, from the chain"},
    {{"list", NULL, "open! all!"},
     NEED_READER,
     command_list,
     "the newest hundred payouts; --open: those not at an end; --all"},
    {{"show", "payout", ""},
     NEED_READER,
     command_show,
     "one payout, by its name or a transaction's id"},
    {{"reserves", NULL, ""},
     NEED_READER,
     command_reserves,
     "what is owed by age against coins held; fails where they are short"},
    {{"daemon", NULL, ""},
     NEED_WRITER,
     command_daemon,
     "follow payouts and pay by payout.at and payout.every_blocks, until TERM"},
    {.help = NULL},
};

static void print_usage(FILE *to)
{
    fputs("usage: kariz-payout [--conf FILE] [--passphrase-fd N] [--json] COMMAND\n\n",
          to);
    for (const struct command *c = commands; c->help != NULL; c++)
        fprintf(to, "  %s%s%s\n      %s\n", c->row.words, c->row.argument ? " " : "",
                c->row.argument ? c->row.argument : "", c->help);
    fputs("\nThe settings are " DEFAULT_CONF " unless --conf or KARIZ_CONF says "
          "otherwise.\nThe passphrase is read from the file descriptor given, or from "
          "systemd's credential\n\"" CREDENTIAL "\".\n",
          to);
}

/* --- running one ------------------------------------------------------------------ */

/* What every command that writes begins with. Only another's lease is an error here. */
static enum kz_err begin_writing(struct payer *p)
{
    enum kz_err err = pay_hold_lease(p);
    if (err == KZ_OK)
        err = pay_resolve(p);
    if (err == KZ_OK)
        err = follow_all(p);
    return err;
}

static enum kz_err open_for(struct payer *p, const struct invocation *in,
                            const struct command *c)
{
    char why[WALLET_WHY_SIZE];
    bool is_daemon = c->run == command_daemon;
    bool writes = c->need == NEED_WRITER || argument(in, "psbt") != NULL;
    enum kz_err err = is_daemon ? daemon_block_signals(p) : KZ_OK;
    if (err == KZ_OK)
        err = pay_open(p, in->conf, !writes);
    p->passphrase = &in->passphrase;
    if (err == KZ_OK && chain_refresh(p->chain) != KZ_OK)
        err = pay_fail(p, KZ_IO, "%s", chain_why(p->chain));
    if (err == KZ_OK && wallet_open(&p->wallet, why, in->conf) != KZ_OK)
        err = pay_fail(p, KZ_RANGE, "%s", why);
    if (err == KZ_OK && writes && !is_daemon)
        err = begin_writing(p);
    return err;
}

static int run_command(struct invocation *in, const struct command *c)
{
    struct payer p = {.lock_fd = -1, .redis_dir_fd = -1};
    if (c->need == NEED_CONF)
        return c->run(NULL, in);
    enum kz_err err = open_for(&p, in, c);
    int status = err == KZ_OK ? c->run(&p, in) : end_with(&p, err);
    pay_close(&p);
    return status;
}

static int with_settings(struct invocation *in, const struct command *c)
{
    struct conf *conf;
    struct conf_problem problem;
    if (settings_load(&conf, &problem, in->conf_path) != KZ_OK) {
        conf_problem_print(stderr, &problem);
        return EXIT_FAILURE;
    }
    /* A command's own line says what was wrong; the daemon's log is all there is. */
    bool is_daemon = c->run == command_daemon;
    log_setup(is_daemon ? conf->log_level : LOG_ERROR,
              conf->log_format == CONF_LOG_JSON);
    in->conf = conf;
    int status = run_command(in, c);
    conf_free(conf);
    return status;
}

/* How many of the words `name` ("key show") takes; 0: another command. */
static int match(const char *name, char **words, int count)
{
    int used = 0;
    while (*name != '\0') {
        size_t len = strcspn(name, " ");
        if (used == count || strlen(words[used]) != len ||
            strncmp(words[used], name, len) != 0)
            return 0;
        used++;
        name += len + (name[len] == ' ');
    }
    return used;
}

static bool read_options(struct invocation *in, int *at, int argc, char **argv)
{
    uint64_t fd;
    int i = 1;
    for (; i < argc && argv[i][0] == '-'; i++) {
        if (strcmp(argv[i], "--json") == 0)
            in->json = true;
        else if (strcmp(argv[i], "--conf") == 0 && i + 1 < argc)
            in->conf_path = argv[++i];
        else if (strcmp(argv[i], "--passphrase-fd") == 0 && i + 1 < argc &&
                 decimal_read(&fd, argv[i + 1], 1024)) {
            in->passphrase.fd = (int)fd;
            i++;
        } else {
            return false;
        }
    }
    *at = i;
    return i < argc;
}

/* Keys pass through the stack while they sign: what aborts leaves no file with them. */
static void forbid_core_files(void)
{
    const struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0)
        perror("kariz-payout: core files cannot be forbidden");
}

int main(int argc, char **argv)
{
    const char *from_environment = getenv("KARIZ_CONF");
    struct invocation in = {.conf_path = from_environment != NULL ? from_environment
                                                                  : DEFAULT_CONF,
                            .passphrase = {.fd = -1, .credential = CREDENTIAL}};
    int at;
    forbid_core_files();
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        print_usage(stdout);
        return EXIT_SUCCESS;
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("kariz-payout " KARIZ_VERSION);
        return EXIT_SUCCESS;
    }
    if (!read_options(&in, &at, argc, argv)) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[argc - 1], "--json") == 0) { /* also at the end, as hands put it */
        in.json = true;
        argc--;
    }
    for (const struct command *c = commands; c->help != NULL; c++) {
        int used = match(c->row.words, argv + at, argc - at);
        if (used == 0)
            continue;
        json_t *arguments =
            ctl_options_read(&c->row, argv + at + used, argc - at - used);
        if (arguments == NULL)
            return EXIT_USAGE;
        in.arguments = arguments;
        int status = with_settings(&in, c);
        json_decref(arguments);
        return status;
    }
    return usage("unknown command; see kariz-payout --help");
}
