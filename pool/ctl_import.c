#include "conf/mem.h"
#include "pool/ctl_apply.h"
#include "pool/ctl_client.h"
#include "pool/ctl_table.h"
#include "pool/ctl_terms.h"
#include "pool/registry/reconcile.h"
#include "pool/registry/record_bare.h"
#include "pool/registry/record_csv.h"
#include "pool/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FILE_MAX_BYTES (64u << 20)

/* --- what is wrong ---------------------------------------------------------------- */

static bool is_error(const json_t *problem)
{
    return strcmp(ctl_text(problem, "severity"), "error") == 0;
}

static size_t count_errors(const json_t *problems)
{
    size_t i, count = 0;
    json_t *one;
    json_array_foreach((json_t *)problems, i, one) count += is_error(one);
    return count;
}

static void print_problems(const json_t *problems)
{
    size_t i;
    json_t *one;
    json_array_foreach((json_t *)problems, i, one)
    {
        printf("line %-6" PRId64 " %-8s ", ctl_number(one, "line"),
               ctl_text(one, "severity"));
        words_print(stdout, ctl_text(one, "column"));
        printf("%s", ctl_text(one, "column")[0] != '\0' ? ": " : "");
        words_print(stdout, ctl_text(one, "rule"));
        puts("");
    }
}

/* --- reading ---------------------------------------------------------------------- */

struct batch {
    const struct ctl_terms *terms;
    json_t *records;  /* to be sent, as an applicant would give them */
    json_t *problems; /* [{line, column, severity, rule}] */
};

static void add_problem(struct batch *b, size_t line, const char *column,
                        const char *severity, const char *rule)
{
    json_array_append_new(b->problems, json_pack("{s:I, s:s?, s:s, s:s}", "line",
                                                 (json_int_t)line, "column", column,
                                                 "severity", severity, "rule", rule));
}

/* Of a list of records: `line` is which one it is. */
static void check_record(struct batch *b, size_t line, const json_t *given)
{
    char why[RECORD_WHY_SIZE];
    struct record_happened happened;
    struct record_findings found = {.count = 0};
    struct record_checks with = record_checks_of(&b->terms->act);
    json_t *draft = NULL, *bare = record_bare(given);
    with.is_stored = false;
    if (record_draft(&draft, &happened, why, bare, &b->terms->act) != KZ_OK) {
        add_problem(b, line, NULL, "error", why);
        json_decref(bare);
        return;
    }
    record_check(&found, draft, &with);
    for (size_t i = 0; i < found.count; i++)
        add_problem(b, line, found.list[i].path,
                    record_severity_name(found.list[i].severity), found.list[i].rule);
    if (found.of[RECORD_ERROR] == 0)
        json_array_append(b->records, bare);
    record_findings_clear(&found);
    json_decref(draft);
    json_decref(bare);
}

static bool read_json(struct batch *b, const char *path)
{
    json_error_t error;
    size_t i;
    json_t *one, *list = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_array(list)) {
        fprintf(stderr, "karizctl: %s:%d: %s\n", path, error.line,
                list == NULL ? error.text : "a list of records expected");
        json_decref(list);
        return false;
    }
    b->records = json_array();
    b->problems = json_array();
    json_array_foreach(list, i, one) check_record(b, i + 1, one);
    json_decref(list);
    return true;
}

static bool read_csv(struct batch *b, const char *path)
{
    size_t len, i;
    json_t *drafts, *one;
    char *text = ctl_read_file(&len, path, FILE_MAX_BYTES);
    if (text == NULL)
        return false;
    record_csv_read(&drafts, &b->problems, text, len, &b->terms->act);
    b->records = json_array();
    json_array_foreach(drafts, i, one)
        json_array_append_new(b->records, record_bare(one));
    json_decref(drafts);
    mem_free(text);
    return true;
}

/* --- sending ---------------------------------------------------------------------- */

/* How many were taken; what the daemon refused is added to the problems. */
static size_t send_all(struct batch *b, const struct ctl_place *place)
{
    char why[CTL_WHY_SIZE];
    size_t i, taken = 0;
    json_t *record, *answer;
    json_array_foreach(b->records, i, record)
    {
        json_t *request = json_pack("{s:O, s:s}", "record", record, "code", "import");
        enum kz_err err = ctl_call(&answer, why, place->socket, "miner_apply", request,
                                   CTL_PATIENCE_S);
        if (err == KZ_OK) {
            json_decref(answer);
            taken++;
            continue;
        }
        char rule[CTL_WHY_SIZE + 64];
        snprintf(rule, sizeof(rule), "%s: %s", ctl_text(record, "miner_id"), why);
        add_problem(b, 0, NULL, "error", rule);
        if (err == KZ_IO) /* none of the others would come through */
            break;
    }
    return taken;
}

static int tell(const struct ctl_place *place, const struct batch *b, bool is_sent,
                size_t taken)
{
    size_t errors = count_errors(b->problems);
    if (place->json) {
        json_t *answer = json_pack("{s:I, s:I, s:I, s:O}", "good",
                                   (json_int_t)json_array_size(b->records), "sent",
                                   (json_int_t)taken, "errors", (json_int_t)errors,
                                   "problems", b->problems);
        ctl_print_json(answer);
        json_decref(answer);
    } else {
        print_problems(b->problems);
        printf("%zu good, %zu errors, %zu kept as drafts%s\n",
               json_array_size(b->records), errors, taken,
               is_sent ? "" : "; nothing was sent");
    }
    return fflush(stdout) == 0 && errors == 0 ? 0 : 1;
}

static int import(const struct ctl_place *place, struct batch *b,
                  const json_t *arguments)
{
    bool is_dry = json_is_true(json_object_get(arguments, "dry-run"));
    bool may_skip = json_is_true(json_object_get(arguments, "skip-bad"));
    bool must_stop = count_errors(b->problems) > 0 && !may_skip;
    size_t taken = 0;
    if (!is_dry && !must_stop)
        taken = send_all(b, place);
    return tell(place, b, !is_dry && !must_stop, taken);
}

int ctl_miner_import(const struct ctl_place *place, const json_t *arguments)
{
    const char *csv = json_string_value(json_object_get(arguments, "csv")),
               *json = json_string_value(json_object_get(arguments, "json"));
    struct ctl_terms terms;
    struct batch b = {.terms = &terms};
    if ((csv == NULL) == (json == NULL)) {
        fputs("karizctl: miner import needs --csv FILE or --json FILE\n", stderr);
        return 2;
    }
    if (!ctl_terms_load(&terms, place, arguments))
        return 1;
    int status = 1;
    if (csv != NULL ? read_csv(&b, csv) : read_json(&b, json))
        status = import(place, &b, arguments);
    json_decref(b.records);
    json_decref(b.problems);
    ctl_terms_clear(&terms);
    return status;
}

/* --- out again -------------------------------------------------------------------- */

int ctl_miner_export(const struct ctl_place *place, const json_t *arguments)
{
    const char *id = json_string_value(json_object_get(arguments, "id")),
               *number = json_string_value(json_object_get(arguments, "request"));
    bool is_full = json_is_true(json_object_get(arguments, "full"));
    json_t *answer, *request = json_pack("{s:s*, s:s*}", "id", id, "document", number);
    if (is_full && (id == NULL || number == NULL)) {
        fputs("karizctl: --full needs a miner's id and --request NUMBER, the letter "
              "that asks for it\n",
              stderr);
        json_decref(request);
        return 2;
    }
    const char *command = is_full        ? "miner_disclose"
                          : (id != NULL) ? "miner_show"
                                         : "miner_list";
    if (!ctl_ask(&answer, place, command, request))
        return 1;
    json_object_del(answer, "refused_today"); /* is of the day, not of the record */
    ctl_print_json(answer);
    json_decref(answer);
    return fflush(stdout) == 0 ? 0 : 1;
}

/* --- an authority's list ---------------------------------------------------------- */

static void print_difference(const json_t *d)
{
    const char *what = ctl_text(d, "what"), *field = ctl_text(d, "field");
    printf("%-14s ", what);
    words_print_wide(stdout, ctl_text(d, "miner_id"), 20);
    fputs(" ", stdout);
    words_print_wide(stdout, ctl_text(d, "certificate_no"), 20);
    if (ctl_number(d, "line") > 0)
        printf(" line %" PRId64, ctl_number(d, "line"));
    if (field[0] != '\0') {
        printf(" %s: ours \"", field);
        words_print(stdout, ctl_text(d, "ours"));
        fputs("\", theirs \"", stdout);
        words_print(stdout, ctl_text(d, "theirs"));
        fputs("\"", stdout);
    }
    puts("");
}

static int show_differences(const struct ctl_place *place, const json_t *found)
{
    size_t i, count = json_array_size(found);
    json_t *one;
    if (place->json) {
        ctl_print_json(found);
    } else {
        json_array_foreach((json_t *)found, i, one) print_difference(one);
        printf("%zu difference%s\n", count, count == 1 ? "" : "s");
    }
    return fflush(stdout) == 0 && count == 0 ? 0 : 1;
}

int ctl_reconcile(const struct ctl_place *place, const json_t *arguments)
{
    char why[CSV_WHY_SIZE];
    const char *path = ctl_text(arguments, "csv");
    size_t len;
    json_t *rows, *records;
    if (path[0] == '\0') {
        fputs("karizctl: reconcile needs --csv FILE\n", stderr);
        return 2;
    }
    char *text = ctl_read_file(&len, path, FILE_MAX_BYTES);
    if (text == NULL)
        return 1;
    enum kz_err err = reconcile_read(&rows, why, text, len);
    mem_free(text);
    if (err != KZ_OK) {
        fprintf(stderr, "karizctl: %s: %s\n", path, why);
        return 1;
    }
    int status = 1;
    if (ctl_ask(&records, place, "miner_list", NULL)) {
        json_t *found = reconcile(records, rows);
        status = show_differences(place, found);
        json_decref(found);
        json_decref(records);
    }
    json_decref(rows);
    return status;
}
