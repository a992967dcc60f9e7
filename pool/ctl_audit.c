/* The audit chain, as karizctl reads it out of a journal or out of what was exported: no
 * daemon is needed, and nothing but the chain is believed. */
#include "conf/clock.h"
#include "pool/audit/chain_file.h"
#include "pool/ctl_local.h"
#include "pool/ctl_table.h"
#include "share/bytes.h"
#include "share/event.h"
#include "share/journal_verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PROBLEMS_MAX 50 /* printed; all are counted */

struct reading {
    bool is_quiet; /* --json */
    struct chain_check check;
    bool is_broken;    /* the chain is followed no further */
    uint64_t unlinked; /* records of the registry that no event tells of */
    uint64_t problems;
    json_t *problem_lines; /* for --json */
    json_t *records;       /* miner -> hash of the record by the last event, in hex */
    /* show, export */
    void (*on_entry)(struct reading *reading, const json_t *entry);
    int64_t from_ms, until_ms;
    const char *miner; /* NULL: all */
    json_t *shown;
    char why[AUDIT_WHY_SIZE];
    enum kz_err err;
};

static void add_problem(struct reading *r, const char *what)
{
    if (r->problems++ >= PROBLEMS_MAX)
        return;
    if (r->is_quiet)
        json_array_append_new(r->problem_lines, json_string(what));
    else
        printf("FAULT      %s\n", what);
}

/* --- what the events say of records ------------------------------------------------- */

static const char *text_of(const json_t *o, const char *name)
{
    const char *text = json_string_value(json_object_get(o, name));
    return text != NULL ? text : "";
}

static void say_record(struct reading *r, const json_t *event, const char *what)
{
    char line[AUDIT_WHY_SIZE];
    snprintf(line, sizeof(line), "event %" PRIu64 " (%s, miner %.32s): %s",
             audit_event_seq(event), text_of(event, "time"), text_of(event, "miner"),
             what);
    add_problem(r, line);
}

/* The record that stands beside the event is the one that it names, and was made from the
 * one that the event before it named. */
static void check_record(struct reading *r, const json_t *event, const json_t *record)
{
    struct hash256 hash;
    char hex[HASH256_HEX_SIZE] = "";
    const char *miner = text_of(event, "miner"), *before = text_of(event, "before");
    const char *known = text_of(r->records, miner);
    if (audit_record_hash(&hash, record) == KZ_OK)
        hex_encode(hex, hash.b, sizeof(hash.b));
    if (strcmp(hex, text_of(event, "after")) != 0)
        say_record(r, event, "the record that was written with it is another");
    if (known[0] != '\0' && strcmp(known, before) != 0)
        say_record(r, event, "it changes another record than the event before it left");
    json_object_set_new(r->records, miner, json_string(text_of(event, "after")));
}

/* --- reading ------------------------------------------------------------------------ */

static void take_entry(struct reading *r, const json_t *body, uint64_t seq)
{
    char line[AUDIT_WHY_SIZE + 64];
    const json_t *entry = json_object_get(body, "audit");
    const json_t *record = json_object_get(body, "record");
    if (entry == NULL) {
        r->unlinked++;
        if (r->check.events > 0) {
            snprintf(line, sizeof(line),
                     "record %" PRIu64 " of the journal: no event tells of it", seq);
            add_problem(r, line);
        }
        return;
    }
    if (!r->is_broken && chain_check_feed(&r->check, r->why, entry) != KZ_OK) {
        r->is_broken = true;
        snprintf(line, sizeof(line), "%s (record %" PRIu64 " of the journal)", r->why,
                 seq);
        add_problem(r, line);
    }
    if (r->is_broken)
        return;
    if (record != NULL)
        check_record(r, json_object_get(entry, "event"), record);
    if (r->on_entry != NULL)
        r->on_entry(r, entry);
}

static void on_record(void *ctx, uint32_t stream, const struct journal_record *r,
                      const struct share_record *share)
{
    (void)share;
    if (stream != JOURNAL_EVENTS || (r->kind != EVENT_MINER && r->kind != EVENT_AUDIT))
        return;
    json_t *body = json_loadb((const char *)r->body.p, r->body.len, 0, NULL);
    take_entry(ctx, body, r->seq);
    json_decref(body);
}

static void on_damage(void *ctx, const struct journal_damage *d)
{
    char line[AUDIT_WHY_SIZE];
    snprintf(line, sizeof(line),
             "the event stream is damaged in segment %" PRIu32
             ", behind record %" PRIu64 ": %s; nothing behind it is read",
             d->segment, d->last_seq, d->why);
    add_problem(ctx, line);
}

/* A chain that was exported, alone: nothing is known of the records that it tells of. */
static enum kz_err read_file(struct reading *r, const char *path)
{
    FILE *from = fopen(path, "re");
    if (from == NULL) {
        fprintf(stderr, "karizctl: %s: %s\n", path, strerror(errno));
        return KZ_IO;
    }
    enum kz_err err = chain_file_verify(&r->check, r->why, from);
    fclose(from);
    r->is_broken = err != KZ_OK;
    if (err == KZ_EMPTY)
        snprintf(r->why, sizeof(r->why), "there is no event in it");
    if (err == KZ_IO)
        fprintf(stderr, "karizctl: %s: %s\n", path, r->why);
    else if (err != KZ_OK)
        add_problem(r, r->why);
    return err == KZ_IO ? KZ_IO : KZ_OK;
}

/* KZ_EMPTY: no journal. Both errors were said. */
static enum kz_err read_journal(struct reading *r, const struct ctl_place *place,
                                const json_t *arguments)
{
    char dir[CTL_PATH_SIZE];
    json_t *status = NULL;
    struct journal_verify_report report;
    bool has_dir = json_object_get(arguments, "dir") != NULL;
    if (!ctl_find_journal(dir, &status, place, arguments, has_dir ? NULL : "--dir"))
        return KZ_IO;
    json_decref(status);
    const struct journal_verify_options o = {
        .dir = dir, .on_record = on_record, .on_damage = on_damage, .ctx = r};
    enum kz_err err = journal_verify(&report, &o);
    if (err != KZ_OK)
        fprintf(stderr, "karizctl: %s: %s\n", dir,
                err == KZ_EMPTY ? "there is no journal" : "cannot be read");
    return err;
}

static enum kz_err read_chain(struct reading *r, const struct ctl_place *place,
                              const json_t *arguments)
{
    const char *file = json_string_value(json_object_get(arguments, "file"));
    return file != NULL ? read_file(r, file) : read_journal(r, place, arguments);
}

static void reading_init(struct reading *r, const struct ctl_place *place,
                         const struct chain_head *expect)
{
    *r = (struct reading){.is_quiet = place->json,
                          .from_ms = INT64_MIN,
                          .until_ms = INT64_MAX,
                          .problem_lines = json_array(),
                          .records = json_object(),
                          .shown = json_array()};
    chain_check_init(&r->check, NULL, expect);
}

static void reading_clear(struct reading *r)
{
    json_decref(r->problem_lines);
    json_decref(r->records);
    json_decref(r->shown);
}

/* --- verify ------------------------------------------------------------------------- */

/* "SEQ:HASH". */
static bool read_head(struct chain_head *head, const json_t *arguments)
{
    const char *text = json_string_value(json_object_get(arguments, "head"));
    if (text == NULL)
        return true;
    head->seq = decimal_take(&text);
    return head->seq > 0 && *text == ':' &&
           hex_decode(head->hash.b, sizeof(head->hash.b), text + 1, strlen(text + 1)) ==
               KZ_OK;
}

static void print_verdict(const struct reading *r, bool is_ok)
{
    char hex[HASH256_HEX_SIZE], last[300];
    const struct chain_check *c = &r->check;
    hex_encode(hex, c->head.hash.b, sizeof(c->head.hash.b));
    if (is_ok)
        snprintf(last, sizeof(last),
                 "audit verify: ok, %" PRIu64 " events of %s, head %" PRIu64 ":%s",
                 c->events, c->events > 0 ? c->instance : "nobody", c->head.seq, hex);
    else
        snprintf(last, sizeof(last), "audit verify: FAILED, %" PRIu64 " faults",
                 r->problems);
    if (r->is_quiet) {
        json_t *o = json_pack(
            "{s:b, s:I, s:s, s:I, s:s, s:I, s:I, s:I, s:O, s:s}", "ok", is_ok, "events",
            (json_int_t)c->events, "instance", c->instance, "seq",
            (json_int_t)c->head.seq, "hash", hex, "unlinked", (json_int_t)r->unlinked,
            "steps_back", (json_int_t)c->steps_back, "faults", (json_int_t)r->problems,
            "problems", r->problem_lines, "last", last);
        json_dumpf(o, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
        puts("");
        json_decref(o);
        return;
    }
    if (r->problems > PROBLEMS_MAX)
        printf("... and %" PRIu64 " more\n", r->problems - PROBLEMS_MAX);
    if (r->unlinked > 0)
        printf("note: %" PRIu64 " changes are older than the chain\n", r->unlinked);
    if (c->steps_back > 0)
        printf("note: the clock was set back %" PRIu64 " times, most at event %" PRIu64
               ", by %" PRId64 " s\n",
               c->steps_back, c->worst_step_seq, c->worst_step_ms / 1000);
    puts(last);
}

int ctl_audit_verify(const struct ctl_place *place, const json_t *arguments)
{
    struct reading r;
    struct chain_head expect = {0};
    if (!read_head(&expect, arguments)) {
        fputs("karizctl: --head: SEQ:HASH expected, as audit verify prints it\n",
              stderr);
        return 2;
    }
    reading_init(&r, place, expect.seq > 0 ? &expect : NULL);
    enum kz_err err = read_chain(&r, place, arguments);
    if (err == KZ_OK && !r.is_broken && chain_check_finish(&r.check, r.why) == KZ_RANGE)
        add_problem(&r, r.why);
    bool is_ok = err == KZ_OK && r.problems == 0;
    if (err == KZ_OK)
        print_verdict(&r, is_ok);
    reading_clear(&r);
    return is_ok ? 0 : 1;
}

/* --- show --------------------------------------------------------------------------- */

static void keep_entry(struct reading *r, const json_t *entry)
{
    const json_t *event = json_object_get(entry, "event");
    int64_t at = audit_event_time_ms(event);
    if (at >= r->from_ms && at < r->until_ms &&
        (r->miner == NULL || strcmp(r->miner, text_of(event, "miner")) == 0))
        json_array_append(r->shown, (json_t *)entry);
}

static void fill_row(char row[CTL_COLUMNS_MAX][CTL_CELL_SIZE], const json_t *entry)
{
    const json_t *event = json_object_get(entry, "event");
    const json_t *basis = json_object_get(event, "basis");
    char who[CTL_CELL_SIZE * 2];
    const char *second = text_of(event, "second");
    snprintf(row[0], CTL_CELL_SIZE, "%" PRIu64, audit_event_seq(event));
    snprintf(row[1], CTL_CELL_SIZE, "%.19sZ", text_of(event, "time"));
    ctl_set_cell(row[2], text_of(event, "event"));
    ctl_set_cell(row[3], text_of(event, "miner"));
    snprintf(who, sizeof(who), "%s%s%s", text_of(event, "actor"),
             second[0] != '\0' ? " + " : "", second);
    ctl_set_cell(row[4], who);
    ctl_set_cell(row[5], text_of(event, "reason"));
    ctl_set_cell(row[6], text_of(basis, "note")[0] != '\0'
                             ? text_of(basis, "note")
                             : text_of(basis, "document"));
}

static int finish_show(struct reading *r)
{
    struct ctl_table table = {
        {">NO", "TIME", "EVENT", "MINER", "WHO", "REASON", "BASIS"}, 7, {0}};
    if (r->is_quiet) {
        json_dumpf(r->shown, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
        puts("");
    } else {
        ctl_print_array(&table, r->shown, fill_row);
    }
    if (r->problems > 0)
        fputs("karizctl: the chain has faults: see audit verify\n", stderr);
    return r->problems == 0 && fflush(stdout) == 0 ? 0 : 1;
}

static bool read_date(int64_t *ms, const json_t *arguments, const char *name)
{
    const char *date = json_string_value(json_object_get(arguments, name));
    return date == NULL || clock_utc_parse(ms, date, strlen(date)) == KZ_OK;
}

int ctl_audit_show(const struct ctl_place *place, const json_t *arguments)
{
    struct reading r;
    reading_init(&r, place, NULL);
    r.on_entry = keep_entry;
    r.miner = json_string_value(json_object_get(arguments, "miner"));
    int status = 2;
    if (!read_date(&r.from_ms, arguments, "from") ||
        !read_date(&r.until_ms, arguments, "to"))
        fputs("karizctl: --from, --to: no date like 2026-01-31 or 2026-01-31T23:59\n",
              stderr);
    else if (read_chain(&r, place, arguments) == KZ_OK)
        status = finish_show(&r);
    else
        status = 1;
    reading_clear(&r);
    return status;
}

/* --- export ------------------------------------------------------------------------- */

static void write_entry(struct reading *r, const json_t *entry)
{
    if (r->err == KZ_OK)
        r->err = chain_file_write(stdout, r->why, entry);
}

int ctl_audit_export(const struct ctl_place *place, const json_t *arguments)
{
    struct reading r;
    reading_init(&r, place, NULL);
    r.is_quiet = true; /* nothing else goes to standard output */
    r.on_entry = write_entry;
    r.err = KZ_OK;
    enum kz_err err = read_chain(&r, place, arguments);
    if (err == KZ_OK && r.err == KZ_OK && fflush(stdout) != 0)
        r.err = KZ_IO;
    if (r.err != KZ_OK)
        fprintf(stderr, "karizctl: %s\n", r.why);
    if (r.problems > 0)
        fputs("karizctl: the chain has faults: see audit verify\n", stderr);
    bool is_ok = err == KZ_OK && r.err == KZ_OK && r.problems == 0;
    reading_clear(&r);
    return is_ok ? 0 : 1;
}
