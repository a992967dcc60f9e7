#include "conf/clock.h"
#include "conf/conf.h"
#include "pool/borders.h"
#include "pool/ctl_client.h"
#include "pool/ctl_local.h"
#include "pool/ctl_table.h"
#include "share/journal_verify.h"
#include "share/network.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LINES_MAX 200 /* faults printed; all are counted */

struct reading {
    struct borders *borders;
    uint64_t printed, bad_borders;
    bool is_quiet;   /* --json: counts only */
    json_t *results; /* lines, for --json */
};

static void KZ_PRINTF(2, 3) report(struct reading *r, const char *format, ...)
{
    char line[400];
    va_list args;
    if (r->printed++ >= LINES_MAX)
        return;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (r->is_quiet)
        json_array_append_new(r->results, json_string(line));
    else
        puts(line);
}

static void on_fault(void *ctx, uint32_t stream, uint64_t seq, enum journal_fault fault,
                     const struct share_record *share,
                     const struct journal_check *check)
{
    char hash[HASH256_HEX_SIZE], time[CLOCK_TEXT_SIZE], worker[CTL_CELL_SIZE];
    hash256_format_display(hash, &check->hash);
    clock_utc_format(time, share->time_ms);
    ctl_set_cell(worker, share->worker.text);
    report(ctx,
           "FAULT      stream %" PRIu32 " record %" PRIu64
           " %s %s.%s: %s, credited %" PRIu64 ", hash %s",
           stream, seq, time, share->miner.text, worker, journal_fault_name(fault),
           share->work, hash);
}

static void on_damage(void *ctx, const struct journal_damage *d)
{
    report(ctx,
           "DAMAGE     stream %" PRIu32 " segment %" PRIu32
           " at byte %zu, behind record "
           "%" PRIu64 ": %s; nothing behind it is read",
           d->stream, d->segment, (size_t)d->offset, d->last_seq, d->why);
}

static void on_record(void *ctx, uint32_t stream, const struct journal_record *r,
                      const struct share_record *share)
{
    struct reading *reading = ctx;
    if (stream >= JOURNAL_SHARES)
        borders_add_record(reading->borders, stream, r->seq, share);
    else if (borders_add_event(reading->borders, r) != KZ_OK) {
        reading->bad_borders++;
        report(reading, "DAMAGE     event %" PRIu64 ": a border that is not understood",
               r->seq);
    }
}

static void on_wrong(void *ctx, uint64_t slice, const char *miner, uint64_t recorded,
                     uint64_t counted)
{
    report(ctx,
           "SLICE      %" PRIu64 " credits %s with %" PRIu64
           ", its shares sum to %" PRIu64,
           slice, miner, recorded, counted);
}

/* --- what to read -------------------------------------------------------------------- */

static int complain(const char *what, const char *why)
{
    fprintf(stderr, "karizctl: %s: %s\n", what, why);
    return 2;
}

static bool read_date(int64_t *ms, const json_t *arguments, const char *name)
{
    const char *date = json_string_value(json_object_get(arguments, name));
    return date == NULL || clock_utc_parse(ms, date, strlen(date)) == KZ_OK;
}

static const struct network *find_network(const char *name)
{
    for (int n = CONF_MAIN; n <= CONF_REGTEST; n++)
        if (strcmp(name, conf_network_name((enum conf_network)n)) == 0)
            return network_of((enum conf_network)n);
    return NULL;
}

bool ctl_find_journal(char dir[CTL_PATH_SIZE], json_t **status,
                      const struct ctl_place *place, const json_t *arguments,
                      const char *needs)
{
    const char *given = json_string_value(json_object_get(arguments, "dir"));
    char why[CTL_WHY_SIZE] = "";
    if (needs != NULL &&
        ctl_call(status, why, place->socket, "status", NULL, CTL_PATIENCE_S) != KZ_OK) {
        fprintf(stderr, "karizctl: needs %s where no daemon says it: %s\n", needs, why);
        return false;
    }
    if (given != NULL)
        snprintf(dir, CTL_PATH_SIZE, "%s", given);
    else
        snprintf(dir, CTL_PATH_SIZE, "%s/journal", ctl_text(*status, "data_dir"));
    return true;
}

/* False: said why. */
static bool find_journal(char dir[CTL_PATH_SIZE], const struct network **network,
                         const struct ctl_place *place, const json_t *arguments)
{
    bool has_dir = json_object_get(arguments, "dir") != NULL;
    const char *name = json_string_value(json_object_get(arguments, "network"));
    json_t *status = NULL;
    if (!ctl_find_journal(dir, &status, place, arguments,
                          has_dir && name != NULL ? NULL : "--dir and --network"))
        return false;
    if (name == NULL)
        name = ctl_text(status, "network");
    *network = find_network(name);
    if (*network == NULL)
        fprintf(stderr, "karizctl: --network %s: no such network\n", name);
    json_decref(status);
    return *network != NULL;
}

/* --- the verdict ------------------------------------------------------------------------ */

static uint64_t fault_count(const struct journal_verify_report *r)
{
    uint64_t all = 0;
    for (int f = JOURNAL_GOOD + 1; f < JOURNAL_FAULTS; f++)
        all += r->faults[f];
    return all;
}

static void print_verdict(const char *last, const struct reading *reading,
                          const struct journal_verify_report *r,
                          const struct borders_report *b, bool is_ok)
{
    if (reading->is_quiet) {
        json_t *o = json_pack(
            "{s:b, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:{s:I, s:I, s:I, s:I}, "
            "s:O}",
            "ok", is_ok, "id", r->id, "streams", (json_int_t)r->streams, "segments",
            (json_int_t)r->segments, "records", (json_int_t)r->records, "shares",
            (json_int_t)r->shares, "faults", (json_int_t)fault_count(r), "damages",
            (json_int_t)r->damages, "torn", (json_int_t)r->torn, "slices", "borders",
            (json_int_t)b->borders, "checked", (json_int_t)b->checked, "uncheckable",
            (json_int_t)b->uncheckable, "wrong", (json_int_t)b->wrong, "problems",
            reading->results);
        json_object_set_new(o, "last", json_string(last));
        json_dumpf(o, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
        puts("");
        json_decref(o);
        return;
    }
    if (reading->printed > LINES_MAX)
        printf("... and %" PRIu64 " more\n", reading->printed - LINES_MAX);
    if (r->torn > 0)
        printf("note: %" PRIu64 " streams end in a torn tail, or are being written\n",
               r->torn);
    printf("slices: %" PRIu64 " borders, %" PRIu64
           " hold the work of their shares, %" PRIu64 " do not, %" PRIu64
           " reach back behind the shares that are kept\n",
           b->borders, b->checked - b->wrong, b->wrong, b->uncheckable);
    puts(last);
}

static int judge(struct reading *reading, const struct journal_verify_report *r)
{
    struct borders_report b = {.on_wrong = on_wrong, .ctx = reading};
    char last[300];
    borders_finish(reading->borders, &b);
    uint64_t faults = fault_count(r);
    bool is_ok =
        faults == 0 && r->damages == 0 && b.wrong == 0 && reading->bad_borders == 0;
    if (is_ok)
        snprintf(last, sizeof(last),
                 "journal verify: ok, %" PRIu64 " shares of %" PRIu64
                 " records in %" PRIu64 " segments",
                 r->shares, r->records, r->segments);
    else
        snprintf(last, sizeof(last),
                 "journal verify: FAILED, %" PRIu64 " faults in %" PRIu64
                 " shares, %" PRIu64 " damages, %" PRIu64 " wrong slices",
                 faults, r->shares, r->damages + reading->bad_borders, b.wrong);
    print_verdict(last, reading, r, &b, is_ok);
    return is_ok ? 0 : 1;
}

int ctl_journal_verify(const struct ctl_place *place, const json_t *arguments)
{
    char dir[CTL_PATH_SIZE];
    const struct network *network;
    struct journal_verify_report r;
    struct reading reading = {.is_quiet = place->json};
    struct journal_verify_options o = {.dir = dir,
                                       .from_ms = INT64_MIN,
                                       .until_ms = INT64_MAX,
                                       .on_fault = on_fault,
                                       .on_damage = on_damage,
                                       .on_record = on_record,
                                       .ctx = &reading};
    if (!read_date(&o.from_ms, arguments, "from") ||
        !read_date(&o.until_ms, arguments, "to"))
        return complain("--from, --to", "no date like 2026-01-31 or 2026-01-31T23:59");
    if (!find_journal(dir, &network, place, arguments))
        return 1;
    o.unit = network->work_unit;
    reading.borders = borders_new();
    reading.results = json_array();
    enum kz_err err = journal_verify(&r, &o);
    int status = err == KZ_OK ? judge(&reading, &r) : 1;
    if (err != KZ_OK)
        complain(dir, err == KZ_EMPTY ? "there is no journal" : "cannot be read");
    json_decref(reading.results);
    borders_free(reading.borders);
    return status;
}
