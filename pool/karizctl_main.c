/* pool/karizctl_main.c - the operators' command line, over the daemon's control socket.
 *
 * Exit status: 0 done, 1 refused or unreachable (the reason is on standard error) or a
 * check that failed (it is on standard output), 2 the command line was wrong. */
#include "conf/build.h"
#include "conf/conf.h"
#include "pool/ctl_apply.h"
#include "pool/ctl_client.h"
#include "pool/ctl_desk.h"
#include "pool/ctl_ledger.h"
#include "pool/ctl_local.h"
#include "pool/ctl_options.h"
#include "pool/ctl_sheet.h"
#include "pool/ctl_show.h"
#include "pool/ctl_watcher.h"
#include "pool/pay/show.h"
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

/* One row a command: what it is called and takes (pool/ctl_options.h), and who runs it:
 * the daemon, by a request whose answer is shown, or `local`. */
struct command {
    struct ctl_row row;
    const char *request;
    ctl_show_fn *show;
    const char *help;
    ctl_show_fn *show_csv; /* where it takes --format */
    int patience_s;        /* 0: the usual */
    ctl_local_fn *local;
    ctl_prepare_fn *prepare; /* of the arguments, before the daemon is asked */
};

static const struct command commands[] = {
    {.row = {"status", NULL, "watch? count"},
     .local = ctl_status,
     .help = "hash rate, shares, blocks, miners, journal, Redis\n"
             "      --watch [SECONDS]: again and again, until Ctrl-C or --count TIMES"},
    {{"nodes", NULL, ""}, "nodes", show_nodes, "the Bitcoin nodes and their health"},
    {{"blocks", NULL, ""}, "blocks", show_blocks, "blocks found, newest first"},
    {{"block explain", "block", ""},
     "block_explain",
     show_block_explain,
     "who got what of a block and why, computed again; BLOCK is its hash, 8\n"
     "      or more of its first digits, or a height",
     .patience_s = CTL_LONG_PATIENCE_S},
    {{"workers", "[miner]", ""}, "workers", show_workers, "rigs, with what they run"},
    {{"balance", "[miner]", ""},
     "balance",
     show_balance,
     "what is owed to each miner, and where it lies",
     .patience_s = CTL_LONG_PATIENCE_S},
    {{"statement", "miner", "from to format"},
     "statement",
     show_statement,
     "--from DATE --to DATE --format text|json|csv\n"
     "      what was credited and paid from (that day) to (before that one), UTC",
     csv_statement,
     CTL_LONG_PATIENCE_S},
    {{"payout list", NULL, "open!"},
     "payout_list",
     show_list,
     "the newest hundred payments by kariz-payout; --open: those not at an end",
     .patience_s = CTL_LONG_PATIENCE_S},
    {{"payout show", "payout", ""},
     "payout_show",
     show_payout,
     "one payment: transactions, recipients, outputs; PAYOUT is its name or a txid",
     .patience_s = CTL_LONG_PATIENCE_S},
    {{"ledger verify", NULL, "no-node!"},
     "ledger_verify",
     show_ledger_verify,
     "the ledger proved from its entries; --no-node: without the chain",
     .patience_s = CTL_LONG_PATIENCE_S},
    {{"ledger capital", "way", "amount reason by*"},
     "ledger_capital",
     show_note,
     "--amount SATOSHI --reason TEXT --by PERSON --by PERSON\n"
     "      WAY is in or out: money that the operator puts in, or takes out"},
    {.row = {"journal verify", NULL, "from to dir network"},
     .local = ctl_journal_verify,
     .help =
         "--from DATE --to DATE --dir DIR --network NAME\n"
         "      every share of the journal computed again; needs no daemon where the\n"
         "      last two are given"},
    {.row = {"audit verify", NULL, "dir file head"},
     .local = ctl_audit_verify,
     .help =
         "--dir DIR | --file CHAIN --head SEQ:HASH\n"
         "      the chain of events about the registry proved; with a head that was\n"
         "      noted before, also that it was not made anew; --dir, and --file (what "
         "audit\n"
         "      export wrote): no daemon needed"},
    {.row = {"audit show", "[miner]", "from to dir"},
     .local = ctl_audit_show,
     .help = "--from DATE --to DATE --dir DIR\n"
             "      who did what, when and on which basis"},
    {.row = {"audit export", NULL, "dir"},
     .local = ctl_audit_export,
     .help =
         "--dir DIR\n"
         "      the chain on standard output, an event a line, for others to verify"},
    {.row = {"backup create", "[dir]", "with-master-key! conf"},
     .local = ctl_backup_create,
     .help =
         "[--with-master-key] [--conf FILE]\n"
         "      a backup in DIR (without it: in backup.dir), by the daemon while it "
         "works;\n"
         "      --conf: of these settings' data, where no daemon runs"},
    {.row = {"backup verify", "dir", "manifest"},
     .local = ctl_backup_verify,
     .help = "--manifest SHA256\n"
             "      every file of a backup, its audit chain, and with the hash that "
             "was noted\n"
             "      also that it is that one; needs no daemon"},
    {.row = {"backup restore", "dir", "to master-key without-master-key! manifest"},
     .local = ctl_backup_restore,
     .help = "--to DATA_DIR [--master-key FILE | --without-master-key] [--manifest "
             "SHA256]\n"
             "      onto an empty machine; says what to do next"},
    {{"journal adopt", NULL, "yes!"},
     "journal_adopt",
     show_note,
     "--yes: take over a Redis that another journal wrote to, which is gone"},
    {.row = {"report verify", "dir", "key"},
     .local = ctl_report_verify,
     .help =
         "--key DIGITS\n"
         "      a package of reports: its files, their hashes, the signature, and "
         "that\n"
         "      all forms say the same; --key: signed by this key; needs no daemon"},
    {.row = {"report make", "period",
             "conf key passphrase-fd out reports level miner request previous "
             "catalogues"},
     .local = ctl_report_make,
     .help =
         "--conf FILE --key FILE --passphrase-fd N --out DIR\n"
         "      [--reports R1,R2,...] [--level public|regulator|full] [--request "
         "NUMBER]\n"
         "      [--level subject --miner ID] [--previous DIR] [--catalogues DIR]\n"
         "      a signed package of reports of a day, month, quarter or year, or of\n"
         "      2026-10-01..2026-10-16; by default those that the profile asks for"},
    {.row = {"report correct", "dir",
             "conf key passphrase-fd out reports request previous catalogues"},
     .local = ctl_report_correct,
     .help = "--conf FILE --key FILE --passphrase-fd N --out DIR\n"
             "      [--reports R1,R2,...] [--request NUMBER] [--previous DIR] "
             "[--catalogues DIR]\n"
             "      a signed package in place of the one in this directory: of its "
             "period and\n"
             "      level, with its reports unless others are named"},
    {.row = {"report cancel", "dir", "conf key passphrase-fd out previous catalogues"},
     .local = ctl_report_cancel,
     .help = "--conf FILE --key FILE --passphrase-fd N --out DIR\n"
             "      a signed package that says: the one in this directory is void"},
    {.row = {"report reproduce", "dir", "conf catalogues"},
     .local = ctl_report_reproduce,
     .help = "--conf FILE [--catalogues DIR]\n"
             "      makes this package again from what the pool has, as of the moment "
             "it was\n"
             "      made, and says which file differs, and where; signs and writes "
             "nothing"},
    {.row = {"report list", "dir", ""},
     .local = ctl_report_list,
     .help = "the packages in a directory: period, status, hash, key; needs no daemon"},
    {.row = {"alert decide", "rule",
             "miner decision reason basis authority document date code file"},
     .request = "alert_decide",
     .show = show_note,
     .prepare = ctl_desk_basis,
     .help =
         "--miner ID --decision TEXT: what an officer decided of an alert of R8, which "
         "then shows it"},
    {.row = {"report key create", "file", "passphrase-fd"},
     .local = ctl_report_key_create,
     .help =
         "--passphrase-fd N\n"
         "      a new key that signs reports, never one that spends; needs no daemon"},
    {.row = {"report key show", "file", ""},
     .local = ctl_report_key_show,
     .help = "its public half, for the authority; needs no daemon"},
    {.row = {"report key rotate", "file",
             "to out reason from passphrase-fd new-passphrase-fd"},
     .local = ctl_report_key_rotate,
     .help = "--to NEW_FILE --out STATEMENT --reason TEXT --passphrase-fd N\n"
             "      --new-passphrase-fd N [--from TIME]\n"
             "      a statement, signed by both, that NEW_FILE's key follows this one"},
    {.row = {"report key announce", "statement", ""},
     .local = ctl_report_key_announce,
     .help = "such a statement into the audit chain, where rotate could not"},
    {.row = {"report key check", "statement", "key"},
     .local = ctl_report_key_check,
     .help = "--key DIGITS\n"
             "      is it signed by both; --key: by this old one; needs no daemon"},
    {.row = {"desk todo", NULL, "days lang"},
     .local = ctl_desk_todo,
     .help = "--days N: everything that waits for a person; ends and reviews within N "
             "days"},
    {.row = {"miner list", NULL, "lang"},
     .local = ctl_miner_list,
     .help = "all registered miners, and what waits for a person"},
    {.row = {"miner show", "id", "lang"},
     .local = ctl_miner_show,
     .help = "one miner's record, what waits for a person, refusals today"},
    {.row = {"miner apply", NULL, "file lang conf draft"},
     .local = ctl_miner_apply,
     .help =
         "--file RECORD.json: a new registration, as a draft; says all that is wrong\n"
         "      without --file it is asked for, field by field: --lang tk|ru|en, "
         "--draft FILE,\n"
         "      --conf FILE: by the profile of these settings, not the daemon's"},
    {.row = {"miner import", NULL, "csv json dry-run! skip-bad! conf"},
     .local = ctl_miner_import,
     .help = "--csv FILE | --json FILE [--dry-run] [--skip-bad]\n"
             "      new registrations, as drafts; nothing is sent where a line has an "
             "error"},
    {.row = {"miner export", "[id]", "full! request"},
     .local = ctl_miner_export,
     .help = "the public record in JSON; without an id all of them\n"
             "      --full --request NUMBER: personal values too; an officer, and an "
             "event"},
    {.row = {"miner update", "id",
             "reason basis authority document date code sha256 file"},
     .request = "miner_update",
     .show = show_miner,
     .prepare = ctl_desk_record,
     .help = "--file CHANGES.json --basis TEXT\n"
             "      the fields in it instead of those before; null takes one out"},
    {.row = {"reconcile", NULL, "csv"},
     .local = ctl_reconcile,
     .help = "--csv FILE: what an authority's list says otherwise; status 1 where it "
             "does"},
    {.row = {"reasons", NULL, "lang"},
     .local = ctl_reasons,
     .help = "the codes of --reason, their meaning and use; needs no daemon"},
    {.row = {"equipment list", "[miner]", "lang"},
     .local = ctl_equipment_list,
     .help = "machines, of all miners or of one"},
    {.row = {"site list", "[miner]", "lang"},
     .local = ctl_site_list,
     .help = "sites, of all miners or of one"},
    {.row = {"certificate show", "miner", "lang"},
     .local = ctl_certificate_show,
     .help = "the certificate, and those before it"},
    {.row = {"vault check", NULL, ""},
     .request = "vault_check",
     .show = show_vault,
     .help = "whether everything in it opens, and is what the records say"},
    {.row = {"vault erase", "miner",
             "request reason basis authority document date code file"},
     .request = "vault_erase",
     .show = show_miner,
     .prepare = ctl_desk_request,
     .help = "[--request NUMBER]: a miner's personal values; two officers; without a\n"
             "      request when the time has passed for which they must be kept"},
    {.row = {"vault rotate", NULL, "reason basis authority document date code file"},
     .request = "vault_rotate",
     .show = show_note,
     .prepare = ctl_desk_basis,
     .help = "--basis TEXT: a new master key"},
    {.row = {"miner submit", "id", "reason basis authority document date code file"},
     .request = "miner_submit",
     .show = show_miner,
     .prepare = ctl_desk_basis,
     .help = "the application is complete: an officer may look at it"},
    {.row = {"miner approve", "id", "reason basis authority document date code file"},
     .request = "miner_approve",
     .show = show_miner,
     .prepare = ctl_desk_basis,
     .help =
         "--basis TEXT: all checks were made; takes two officers, one after the other"},
    {.row = {"miner reject", "id", "reason basis authority document date code file"},
     .request = "miner_reject",
     .show = show_miner,
     .prepare = ctl_desk_basis,
     .help = "--reason CODE --basis TEXT: final"},
    {.row = {"miner suspend", "id",
             "urgent! reason basis authority document date code file"},
     .request = "miner_suspend",
     .show = show_miner,
     .prepare = ctl_desk_basis,
     .help = "--reason CODE --basis TEXT [--urgent]\n"
             "      two officers; --urgent: one, at once, and another one confirms "
             "within 24 hours;\n"
             "      ends its sessions within a second"},
    {.row = {"miner resume", "id", "reason basis authority document date code file"},
     .request = "miner_resume",
     .show = show_miner,
     .prepare = ctl_desk_basis,
     .help = "--basis TEXT: two officers"},
    {.row = {"miner restrict", "id", "reason basis authority document date code file"},
     .request = "miner_restrict",
     .show = show_miner,
     .prepare = ctl_desk_basis,
     .help = "--reason CODE --basis TEXT: it mines, and is paid when it is resumed"},
    {.row = {"miner revoke", "id", "reason basis authority document date code file"},
     .request = "miner_revoke",
     .show = show_miner,
     .prepare = ctl_desk_basis,
     .help = "--authority NAME --document NUMBER: two officers; final"},
    {.row = {"miner close", "id", "reason basis authority document date code file"},
     .request = "miner_close",
     .show = show_miner,
     .prepare = ctl_desk_basis,
     .help = "--document NUMBER: by its own wish; paid out once, below the least "
             "payment too"},
    {.row = {"miner freeze", "id", "reason basis authority document date code file"},
     .request = "miner_freeze",
     .show = show_miner,
     .prepare = ctl_desk_basis,
     .help = "--reason CODE --basis TEXT: nothing is paid, whatever the state"},
    {.row = {"miner unfreeze", "id", "reason basis authority document date code file"},
     .request = "miner_unfreeze",
     .show = show_miner,
     .prepare = ctl_desk_basis,
     .help = "--reason CODE --basis TEXT: two officers"},
    {.row = {"miner release", "id", "reason basis authority document date code file"},
     .request = "miner_release",
     .show = show_miner,
     .prepare = ctl_desk_basis,
     .help = "--reason release_to_owner|release_to_order --basis TEXT\n"
             "      what a revoked one had earned: two officers"},
    {.row = {"miner confirm", "id", "what"},
     .request = "miner_confirm",
     .show = show_miner,
     .prepare = ctl_desk_basis,
     .help = "what another person proposed, or did urgently; with both, --what says\n"
             "      which: suspension, or the proposal's name"},
    {.row = {"miner withdraw", "id", ""},
     .request = "miner_withdraw",
     .show = show_miner,
     .prepare = ctl_desk_basis,
     .help = "what was proposed and is not confirmed"},
    {.row = {"miner terms", "id",
             "fee-percent minimum reason basis authority document date code file"},
     .request = "miner_terms",
     .show = show_miner,
     .prepare = ctl_desk_basis,
     .help =
         "--fee-percent N --minimum SATOSHI --basis TEXT\n"
         "      what the miner has agreed with the pool; \"pool\": the pool's again"},
    {.row = {"address add", "miner address",
             "reason basis authority document date code file"},
     .request = "address_add",
     .show = show_miner,
     .prepare = ctl_desk_basis,
     .help = "--basis TEXT: one more address; two people. It is paid after the "
             "settings' waiting\n"
             "      time, and until then none is; it may be used to log in at once"},
    {.row = {"address end", "miner address",
             "reason basis authority document date code file"},
     .request = "address_end",
     .show = show_miner,
     .prepare = ctl_desk_basis,
     .help = "--basis TEXT: neither paid nor used to log in any more; two people"},
    {.row = {"address challenge", "miner address", ""},
     .request = "address_challenge",
     .show = show_challenge,
     .prepare = NULL,
     .help =
         "the text whose signature proves that the miner has the address's key; for\n"
         "      one proof within 24 hours"},
    {.row = {"address prove", "miner address",
             "signature reason basis authority document date code file"},
     .request = "address_prove",
     .show = show_miner,
     .prepare = ctl_desk_basis,
     .help = "--signature TEXT: a BIP322 or older signature of that text"},
    {.row = {"equipment add", "miner",
             "its-id site maker model serial algorithm nominal-ghs power-w ownership "
             "authority-no from reason basis authority document date code file"},
     .request = "equipment_add",
     .show = show_miner,
     .prepare = ctl_desk_given,
     .help = "--its-id ID --site SITE --maker M --model M --serial S --nominal-ghs N "
             "--power-w N\n"
             "      --ownership owned|leased|hosted --basis TEXT"},
    {.row = {"equipment end", "miner",
             "its-id to reason basis authority document date code file"},
     .request = "equipment_end",
     .show = show_miner,
     .prepare = ctl_desk_given,
     .help = "--its-id ID --basis TEXT"},
    {.row = {"site add", "miner",
             "its-id region address supplier contract meter declared-kw tariff "
             "fire-safety-ref from reason basis authority document date code file"},
     .request = "site_add",
     .show = show_miner,
     .prepare = ctl_desk_given,
     .help = "--its-id ID --region TM-A --address TEXT --declared-kw N --basis TEXT"},
    {.row = {"site end", "miner",
             "its-id to reason basis authority document date code file"},
     .request = "site_end",
     .show = show_miner,
     .prepare = ctl_desk_given,
     .help = "--its-id ID --basis TEXT"},
    {.row = {"certificate set", "miner",
             "number its-authority issued-on valid-until qr-payload document-sha256 "
             "reason basis authority document date code file"},
     .request = "certificate_set",
     .show = show_miner,
     .prepare = ctl_desk_given,
     .help = "--number N --its-authority NAME --issued-on DATE --basis TEXT"},
    {.row = {"certificate verify", "miner",
             "on method reason basis authority document date code file"},
     .request = "certificate_verify",
     .show = show_miner,
     .prepare = ctl_desk_given,
     .help =
         "--method seen_document|authority_register|authority_letter|qr --basis TEXT"},
    {.row = {"screening set", "miner",
             "lists* on result reason basis authority document date code file"},
     .request = "screening_set",
     .show = show_miner,
     .prepare = ctl_desk_given,
     .help = "--result clear|flag|match --lists NAME --basis TEXT"},
    {.row = {"screening run", "[miner]",
             "lang reason basis authority document date code"},
     .local = ctl_screening_run,
     .help = "names of one miner, or of all, against the watch lists of the settings;\n"
             "      what is found a person decides; status 1 where something is"},
    {.row = {"review set", "miner",
             "level reviewed-on next-review reason basis authority document date code "
             "file"},
     .request = "review_set",
     .show = show_miner,
     .prepare = ctl_desk_given,
     .help = "--level normal|high --basis TEXT"},
    {.row =
         {"declaration add", "miner",
          "its-code text-sha256 lang reason basis authority document date code file"},
     .request = "declaration_add",
     .show = show_miner,
     .prepare = ctl_desk_given,
     .help = "--its-code CODE --text-sha256 HEX --lang tk --basis TEXT"},
    {.row = {"networks set", "miner",
             "network* reason basis authority document date code file"},
     .request = "networks_set",
     .show = show_miner,
     .prepare = ctl_desk_networks,
     .help = "--network CIDR (repeated; none: from everywhere) --basis TEXT"},
    {.row = {"stop-order set", NULL,
             "from to reason basis authority document date code file"},
     .request = "stop_order_set",
     .show = show_note,
     .prepare = ctl_desk_basis,
     .help = "--from TIME [--to TIME] --authority NAME --document NUMBER\n"
             "      nobody mines meanwhile; balances stay payable"},
    {.row = {"stop-order end", NULL, "reason basis authority document date code file"},
     .request = "stop_order_end",
     .show = show_note,
     .prepare = ctl_desk_basis,
     .help = "--basis TEXT: the newest one ends now"},
    {.row = {"profile check", "file", ""},
     .local = ctl_profile_check,
     .help = "whether FILE is a jurisdiction's profile, and what in it is not set;\n"
             "      needs no daemon"},
    {.row = {"profile show", "[profile]", "dir"},
     .local = ctl_profile_show,
     .help =
         "a profile, by its file or code; --dir DIR: where profiles lie; without one,\n"
         "      which there are; needs no daemon"},
    {.row = {"watcher create", "miner",
             "days reason basis authority document date code file"},
     .request = "watcher_create",
     .show = show_watcher_made,
     .prepare = ctl_desk_basis,
     .help = "--days N: a secret web address that shows this miner's figures, for 1 to "
             "366 days;\n"
             "      it is shown once (R10)"},
    {{"watcher list", "[miner]", ""},
     "watcher_list",
     show_watchers,
     "who may look, and until when"},
    {.row = {"watcher revoke", "watcher",
             "reason basis authority document date code file"},
     .request = "watcher_revoke",
     .show = show_note,
     .prepare = ctl_desk_basis,
     .help = "WATCHER is its id, as the list has it: it ends now"},
    {{"reload", NULL, ""},
     "reload",
     show_note,
     "read the settings and certificates again"},
    {{"nudge", NULL, ""}, "nudge", show_note, "ask for a template now (blocknotify)"},
    {{"stop", NULL, ""}, "stop", show_note, "stop the daemon"},
    {.help = NULL},
};

static void print_usage(FILE *to)
{
    fputs("usage: karizctl [--socket PATH] [--json] COMMAND\n\n", to);
    for (const struct command *c = commands; c->help != NULL; c++)
        fprintf(to, "  %s%s%s\n      %s\n", c->row.words, c->row.argument ? " " : "",
                c->row.argument ? c->row.argument : "", c->help);
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

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_CSV };

/* Taken out of the arguments: it is ours, not the daemon's. False: no such format. */
static bool take_format(enum format *f, const struct command *c, json_t *arguments)
{
    const char *name = json_string_value(json_object_get(arguments, "format"));
    if (name == NULL)
        return true;
    if (strcmp(name, "json") == 0)
        *f = FORMAT_JSON;
    else if (strcmp(name, "csv") == 0 && c->show_csv != NULL)
        *f = FORMAT_CSV;
    else if (strcmp(name, "text") == 0)
        *f = FORMAT_TEXT;
    else
        return false;
    json_object_del(arguments, "format");
    return true;
}

/* A check that failed says so in its answer. */
static int show_result(const struct command *c, enum format format,
                       const json_t *result)
{
    if (format == FORMAT_JSON) {
        json_dumpf(result, stdout,
                   JSON_INDENT(2) | JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
        puts("");
    } else if (format == FORMAT_CSV) {
        c->show_csv(result);
    } else {
        c->show(result);
    }
    bool has_failed = json_is_false(json_object_get(result, "ok"));
    return fflush(stdout) == 0 && !has_failed ? 0 : 1;
}

static int ask_daemon(const struct command *c, const struct invocation *in,
                      json_t *arguments)
{
    char why[CTL_WHY_SIZE];
    json_t *result;
    enum format format = in->json ? FORMAT_JSON : FORMAT_TEXT;
    if (!take_format(&format, c, arguments)) {
        fputs("karizctl: --format text, json or csv\n", stderr);
        return 2;
    }
    if (ctl_call(&result, why, in->socket, c->request, json_incref(arguments),
                 c->patience_s > 0 ? c->patience_s : CTL_PATIENCE_S) != KZ_OK) {
        fprintf(stderr, "karizctl: %s\n", why);
        return 1;
    }
    int status = show_result(c, format, result);
    json_decref(result);
    return status;
}

static int run_command(const struct command *c, const struct invocation *in, int at)
{
    const struct ctl_place place = {in->socket, in->json, build_commit()};
    json_t *arguments = ctl_options_read(&c->row, in->words + at, in->count - at);
    if (arguments == NULL)
        return 2;
    if (c->prepare != NULL && !c->prepare(arguments)) {
        json_decref(arguments);
        return 2;
    }
    int status =
        c->local != NULL ? c->local(&place, arguments) : ask_daemon(c, in, arguments);
    json_decref(arguments);
    return status;
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
        build_print("karizctl");
        return 0;
    }
    if (!read_options(&in, argc, argv)) {
        print_usage(stderr);
        return 2;
    }
    if (in.count == 3 && match_words(&in, "conf check") == 2)
        return check_conf(in.words[2]);
    for (const struct command *c = commands; c->help != NULL; c++) {
        int used = match_words(&in, c->row.words);
        if (used > 0)
            return run_command(c, &in, used);
    }
    fprintf(stderr, "karizctl: unknown command; see karizctl --help\n");
    return 2;
}
