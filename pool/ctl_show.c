#include "pool/ctl_show.h"

#include "pool/ctl_sheet.h"
#include "pool/ctl_table.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static void fill_status_miner(char row[CTL_COLUMNS_MAX][CTL_CELL_SIZE], const json_t *m)
{
    ctl_set_cell(row[0], ctl_text(m, "id"));
    ctl_set_cell(row[1], ctl_text(m, "residency"));
    ctl_set_cell(row[2], ctl_text(m, "state"));
    ctl_set_cell(row[3], ctl_text(m, "work"));
    snprintf(row[4], CTL_CELL_SIZE, "%" PRId64, ctl_number(m, "accepted"));
    snprintf(row[5], CTL_CELL_SIZE, "%" PRId64, ctl_number(m, "refused"));
    ctl_format_rate(row[6], ctl_real(json_object_get(m, "hashrate"), "1m"));
    ctl_format_rate(row[7], ctl_real(json_object_get(m, "hashrate"), "10m"));
    ctl_format_ago(row[8], ctl_number(m, "last_share_ms"));
}

static void show_refused(const json_t *shares)
{
    const char *reason;
    json_t *count;
    int64_t all = 0;
    json_t *refused = json_object_get(shares, "refused");
    json_object_foreach(refused, reason, count) all += json_integer_value(count);
    printf("refused %" PRId64, all);
    const char *before = " (";
    json_object_foreach(refused, reason, count)
    {
        if (json_integer_value(count) == 0)
            continue;
        printf("%s%s %" PRId64, before, reason, (int64_t)json_integer_value(count));
        before = ", ";
    }
    puts(all > 0 ? ")" : "");
}

static void show_status_head(const json_t *s)
{
    int64_t up = ctl_number(s, "uptime_ms") / 1000;
    printf("Kariz %s  %s  %s  up %" PRId64 " d %02d:%02d:%02d\n",
           ctl_text(s, "version"), ctl_text(s, "instance"), ctl_text(s, "network"),
           up / 86400, (int)(up / 3600 % 24), (int)(up / 60 % 60), (int)(up % 60));
    size_t index;
    json_t *o;
    printf("listeners ");
    json_array_foreach(json_object_get(s, "listeners"), index, o)
        printf(" %s%s", ctl_text(o, "address"),
               json_is_true(json_object_get(o, "tls")) ? " (TLS)" : "");
    printf("\nnodes     ");
    json_array_foreach(json_object_get(s, "nodes"), index, o)
        printf(" %s%s %s", json_is_true(json_object_get(o, "in_use")) ? "*" : "",
               ctl_text(o, "url"), ctl_text(o, "state"));
    printf("\njob        %s at height %" PRId64 "\n", ctl_text(s, "job_id"),
           ctl_number(s, "height"));
}

static void show_alarm(const char *whose, const char *text)
{
    if (text[0] != '\0')
        printf("ALARM      %s%s%s\n", whose, whose[0] != '\0' ? ": " : "", text);
}

static void show_alarms(const json_t *s)
{
    static const char *const parts[] = {"redis",      "journal", "registry",
                                        "accounting", "report",  "backup"};
    show_alarm("", ctl_text(s, "alarm"));
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        show_alarm(parts[i], ctl_text(json_object_get(s, parts[i]), "alarm"));
    show_alarm("accounting", ctl_text(json_object_get(s, "accounting"), "warning"));
    show_alarm("registry", ctl_text(json_object_get(s, "registry"), "warning"));
}

static void show_registry(const json_t *r)
{
    const json_t *profile = json_object_get(r, "profile"),
                 *audit = json_object_get(r, "audit");
    printf("registry   %" PRId64 " miners, %" PRId64 " active, %" PRId64
           " wait for a second person%s\n",
           ctl_number(r, "miners"), ctl_number(json_object_get(r, "states"), "active"),
           ctl_number(r, "waiting"),
           json_is_true(json_object_get(r, "stop_order")) ? "  STOP ORDER in force"
                                                          : "");
    printf("           profile %s %s%s  audit event %" PRId64 " %.16s\n",
           ctl_text(profile, "code"), ctl_text(profile, "version"),
           json_is_true(json_object_get(profile, "verified")) ? "" : ", not verified",
           ctl_number(audit, "seq"), ctl_text(audit, "hash"));
}

#define BAR_CELLS    30
#define REPLAY_SHOWN 1000 /* records; fewer are the usual backlog of a moment */

/* What the journal has and Redis has not yet. */
static void show_replay(const json_t *replay)
{
    int64_t pending = ctl_number(replay, "pending_records"),
            total = ctl_number(replay, "total"),
            applied = ctl_number(replay, "applied");
    char bar[BAR_CELLS + 1];
    if (pending < REPLAY_SHOWN)
        return;
    if (total < pending + applied) /* rigs go on while it is read */
        total = pending + applied;
    for (int64_t i = 0; i < BAR_CELLS; i++)
        bar[i] = i < applied * BAR_CELLS / total ? '#' : '.';
    bar[BAR_CELLS] = '\0';
    printf("replay     [%s] %" PRId64 " %%  %" PRId64 " of %" PRId64
           " records applied, %" PRId64 " to come\n",
           bar, applied * 100 / total, applied, total, pending);
}

static void format_bytes(char cell[CTL_CELL_SIZE], int64_t bytes)
{
    static const char units[] = " kMGT";
    double v = (double)bytes;
    size_t i = 0;
    for (; v >= 1024 && i + 2 < sizeof(units); i++)
        v /= 1024;
    if (i == 0)
        snprintf(cell, CTL_CELL_SIZE, "%" PRId64 " B", bytes);
    else
        snprintf(cell, CTL_CELL_SIZE, "%.3g %ciB", v, units[i]);
}

static void show_stores(const json_t *s)
{
    const json_t *redis = json_object_get(s, "redis"),
                 *j = json_object_get(s, "journal");
    char disk[CTL_CELL_SIZE], unsynced[CTL_CELL_SIZE], unread[CTL_CELL_SIZE],
        ago[CTL_CELL_SIZE];
    format_bytes(disk, ctl_number(j, "disk_bytes"));
    format_bytes(unsynced, ctl_number(j, "unsynced_bytes"));
    format_bytes(unread, ctl_number(j, "unread_bytes"));
    ctl_format_ago(ago, ctl_number(redis, "last_applied_ms"));
    printf("journal    %s  unsynced %s  to be applied %s  on disk %s in %" PRId64
           " segments\n",
           ctl_text(j, "state"), unsynced, unread, disk, ctl_number(j, "segments"));
    printf("redis      %s  %s  last applied %s\n", ctl_text(redis, "state"),
           ctl_text(redis, "address"), ago);
    if (ctl_text(redis, "error")[0] != '\0' &&
        strcmp(ctl_text(redis, "state"), "ready") != 0)
        printf("           %s\n", ctl_text(redis, "error"));
    show_replay(json_object_get(redis, "replay"));
}

/* The last period of each kind that the profile asks reports of. */
static void show_reports(const json_t *report)
{
    bool is_by_hand = ctl_text(report, "dir")[0] == '\0';
    size_t i;
    json_t *p;
    json_array_foreach(json_object_get(report, "periods"), i, p)
    {
        bool is_made = json_is_true(json_object_get(p, "made"));
        const char *due = ctl_text(p, "due_at");
        printf("%s %s: %s%s%.10s\n", i == 0 ? "reports   " : "          ",
               ctl_text(p, "period"),
               is_by_hand ? "made by hand"
               : is_made  ? "made"
                          : "not made yet",
               due[0] != '\0' ? ", due before " : "", due);
    }
}

static void show_backup(const json_t *backup)
{
    const json_t *last = json_object_get(backup, "last");
    char ago[CTL_CELL_SIZE];
    if (ctl_text(backup, "dir")[0] == '\0' && !json_is_object(last))
        return;
    if (json_is_object(last)) {
        ctl_format_ago(ago, ctl_number(last, "time_ms"));
        printf("backup     %s  %s\n", ctl_text(last, "name"), ago);
    } else {
        puts("backup     none yet");
    }
    if (ctl_text(backup, "error")[0] != '\0')
        printf("           the last one failed: %s\n", ctl_text(backup, "error"));
}

void show_status(const json_t *s)
{
    struct ctl_table t = {.head = {"MINER", "RESIDENCY", "STATE", ">WORK", ">ACCEPTED",
                                   ">REFUSED", ">1 MIN", ">10 MIN", "LAST SHARE"},
                          .columns = 9};
    char m1[CTL_CELL_SIZE], m10[CTL_CELL_SIZE], h1[CTL_CELL_SIZE], h24[CTL_CELL_SIZE];
    const json_t *rate = json_object_get(s, "hashrate");
    const json_t *blocks = json_object_get(s, "blocks");
    const json_t *shares = json_object_get(s, "shares");
    ctl_format_rate(m1, ctl_real(rate, "1m"));
    ctl_format_rate(m10, ctl_real(rate, "10m"));
    ctl_format_rate(h1, ctl_real(rate, "1h"));
    ctl_format_rate(h24, ctl_real(rate, "24h"));
    show_status_head(s);
    show_registry(json_object_get(s, "registry"));
    show_stores(s);
    show_reports(json_object_get(s, "report"));
    show_backup(json_object_get(s, "backup"));
    printf("sessions   %" PRId64 "\n", ctl_number(s, "sessions"));
    printf("hash rate  1 min %s   10 min %s   1 h %s   24 h %s\n", m1, m10, h1, h24);
    printf("since start:\n  shares   accepted %" PRId64 "  ",
           ctl_number(shares, "accepted"));
    show_refused(shares);
    printf("  blocks   found %" PRId64 "  accepted %" PRId64 "  rejected %" PRId64
           "  pending %" PRId64 "\n",
           ctl_number(blocks, "found"), ctl_number(blocks, "accepted"),
           ctl_number(blocks, "rejected"), ctl_number(blocks, "pending"));
    if (ctl_text(s, "proposal")[0] != '\0')
        printf("PROPOSAL REJECTED BY THE NODE: %s\n", ctl_text(s, "proposal"));
    show_alarms(s);
    puts("");
    ctl_print_array(&t, json_object_get(s, "miners"), fill_status_miner);
}

void show_miner(const json_t *result)
{
    struct words *w = words_load(NULL);
    ctl_sheet_print(w, result, NULL);
    words_free(w);
}

/* A rule is a text of ours, a path a name of the table's. */
void show_application(const json_t *result)
{
    size_t i;
    json_t *f;
    size_t errors = 0;
    json_array_foreach(json_object_get(result, "findings"), i, f)
    {
        printf("%-8s %s: %s\n", ctl_text(f, "severity"), ctl_text(f, "path"),
               ctl_text(f, "rule"));
        errors += strcmp(ctl_text(f, "severity"), "error") == 0;
    }
    printf("%s is a draft", ctl_text(result, "miner_id"));
    if (errors > 0)
        printf(", and %zu errors keep it from being submitted", errors);
    puts("");
}

/* Nothing else: it is copied into a wallet as it stands. */
void show_challenge(const json_t *result)
{
    puts(ctl_text(result, "message"));
}

static void fill_worker(char row[CTL_COLUMNS_MAX][CTL_CELL_SIZE], const json_t *w)
{
    ctl_set_cell(row[0], ctl_text(w, "miner"));
    ctl_set_cell(row[1], ctl_text(w, "worker"));
    ctl_set_cell(row[2], ctl_text(w, "work"));
    snprintf(row[3], CTL_CELL_SIZE, "%" PRId64, ctl_number(w, "accepted"));
    snprintf(row[4], CTL_CELL_SIZE, "%" PRId64, ctl_number(w, "refused"));
    snprintf(row[5], CTL_CELL_SIZE, "%.6g", ctl_real(w, "best_difficulty"));
    ctl_format_rate(row[6], ctl_real(json_object_get(w, "hashrate"), "10m"));
    ctl_format_ago(row[7], ctl_number(w, "last_share_ms"));
    snprintf(row[8], CTL_CELL_SIZE, "%zu",
             json_array_size(json_object_get(w, "sessions")));
    const json_t *session = json_array_get(json_object_get(w, "sessions"), 0);
    ctl_set_cell(row[9], ctl_text(session, "agent"));
}

void show_workers(const json_t *result)
{
    struct ctl_table t = {.head = {"MINER", "WORKER", ">WORK", ">ACCEPTED", ">REFUSED",
                                   ">BEST", ">HASH RATE", "LAST SHARE", ">LIVE",
                                   "SOFTWARE"},
                          .columns = 10};
    ctl_print_array(&t, result, fill_worker);
}

static void fill_block(char row[CTL_COLUMNS_MAX][CTL_CELL_SIZE], const json_t *b)
{
    snprintf(row[0], CTL_CELL_SIZE, "%" PRId64, ctl_number(b, "height"));
    ctl_set_cell(row[1], ctl_text(b, "hash"));
    ctl_set_cell(row[2], ctl_text(b, "state"));
    ctl_set_cell(row[3], ctl_text(b, "miner"));
    ctl_set_cell(row[4], ctl_text(b, "worker"));
    ctl_format_ago(row[5], ctl_number(b, "found_ms"));
}

void show_blocks(const json_t *result)
{
    struct ctl_table t = {
        .head = {">HEIGHT", "HASH", "STATE", "MINER", "WORKER", "FOUND"}, .columns = 6};
    ctl_print_array(&t, result, fill_block);
}

static void fill_node(char row[CTL_COLUMNS_MAX][CTL_CELL_SIZE], const json_t *n)
{
    snprintf(row[0], CTL_CELL_SIZE, "%s",
             json_is_true(json_object_get(n, "in_use")) ? "*" : "");
    ctl_set_cell(row[1], ctl_text(n, "url"));
    ctl_set_cell(row[2], ctl_text(n, "state"));
    snprintf(row[3], CTL_CELL_SIZE, "%" PRId64, ctl_number(n, "blocks"));
    snprintf(row[4], CTL_CELL_SIZE, "%" PRId64 " ms", ctl_number(n, "latency_ms"));
    snprintf(row[5], CTL_CELL_SIZE, "%" PRId64 " ms", ctl_number(n, "template_age_ms"));
    ctl_set_cell(row[6], ctl_text(n, "why"));
}

void show_nodes(const json_t *result)
{
    struct ctl_table t = {
        .head = {"", "NODE", "STATE", ">BLOCKS", ">LATENCY", ">TEMPLATE", "WHY"},
        .columns = 7};
    ctl_print_array(&t, result, fill_node);
}

void show_note(const json_t *result)
{
    const char *note = json_string_value(json_object_get(result, "note"));
    puts(note != NULL ? note : "done");
}

void show_vault(const json_t *result)
{
    size_t i;
    json_t *line;
    json_array_foreach(json_object_get(result, "problems"), i, line)
    {
        words_print(stdout, json_string_value(line));
        puts("");
    }
    printf("vault: %s, %" PRId64 " miners, %zu problems\n",
           json_is_true(json_object_get(result, "ok")) ? "ok" : "NOT WELL",
           ctl_number(result, "miners"),
           json_array_size(json_object_get(result, "problems")));
}
