#include "pool/ctl_show.h"

#include "conf/mem.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define COLUMNS_MAX 12
#define CELL_SIZE   72

struct table {
    const char *head[COLUMNS_MAX]; /* one that begins with '>' is right-aligned */
    size_t columns;
    size_t width[COLUMNS_MAX];
};

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static int64_t number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static double real_of(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static void set_cell(char cell[CELL_SIZE], const char *text)
{
    size_t n = 0;
    for (; text[n] != '\0' && n < CELL_SIZE - 1; n++)
        cell[n] = text[n] < ' ' || text[n] > '~' ? '?' : text[n];
    cell[n] = '\0';
}

/* 1234567 -> "1.23 MH/s" */
static void format_rate(char cell[CELL_SIZE], double hashes)
{
    static const char units[] = " kMGTPEZ";
    size_t i = 0;
    for (; hashes >= 1000 && i + 2 < sizeof(units); i++)
        hashes /= 1000;
    if (i == 0)
        snprintf(cell, CELL_SIZE, "%.0f H/s", hashes);
    else
        snprintf(cell, CELL_SIZE, "%.3g %cH/s", hashes, units[i]);
}

static void format_ago(char cell[CELL_SIZE], int64_t utc_ms)
{
    int64_t s = (int64_t)time(NULL) - utc_ms / 1000;
    if (utc_ms == 0)
        snprintf(cell, CELL_SIZE, "never");
    else if (s < 120)
        snprintf(cell, CELL_SIZE, "%" PRId64 " s ago", s > 0 ? s : 0);
    else if (s < 7200)
        snprintf(cell, CELL_SIZE, "%" PRId64 " min ago", s / 60);
    else
        snprintf(cell, CELL_SIZE, "%" PRId64 " h ago", s / 3600);
}

static void measure(struct table *t, char rows[][COLUMNS_MAX][CELL_SIZE], size_t count)
{
    for (size_t c = 0; c < t->columns; c++) {
        t->width[c] = strlen(t->head[c]) - (t->head[c][0] == '>');
        for (size_t r = 0; r < count; r++) {
            size_t len = strlen(rows[r][c]);
            if (len > t->width[c])
                t->width[c] = len;
        }
    }
}

static void print_cell(const struct table *t, size_t c, const char *text)
{
    bool is_right = t->head[c][0] == '>';
    bool is_last = c + 1 == t->columns;
    int width = is_last && !is_right ? 0 : (int)t->width[c];
    printf("%*s%s", is_right ? width : -width, text, is_last ? "\n" : "  ");
}

static void print_table(struct table *t, char rows[][COLUMNS_MAX][CELL_SIZE],
                        size_t count)
{
    measure(t, rows, count);
    for (size_t c = 0; c < t->columns; c++)
        print_cell(t, c, t->head[c] + (t->head[c][0] == '>'));
    for (size_t r = 0; r < count; r++) {
        for (size_t c = 0; c < t->columns; c++)
            print_cell(t, c, rows[r][c]);
    }
}

/* Fills a table from an array of objects by one function a row. */
typedef void fill_fn(char row[COLUMNS_MAX][CELL_SIZE], const json_t *object);

#define BATCH 64

static void print_array(struct table *t, const json_t *array, fill_fn *fill)
{
    char(*rows)[COLUMNS_MAX][CELL_SIZE] = mem_array(BATCH, sizeof(*rows));
    size_t index, used = 0;
    json_t *object;
    bool is_first = true;
    json_array_foreach(array, index, object)
    {
        memset(rows[used], 0, sizeof(rows[used]));
        fill(rows[used++], object);
        if (used == BATCH) {
            print_table(t, rows, used);
            used = 0;
            is_first = false;
        }
    }
    if (used > 0 || is_first)
        print_table(t, rows, used);
    mem_free(rows);
}

static void fill_status_miner(char row[COLUMNS_MAX][CELL_SIZE], const json_t *m)
{
    set_cell(row[0], text_of(m, "id"));
    set_cell(row[1], text_of(m, "residency"));
    set_cell(row[2], text_of(m, "state"));
    set_cell(row[3], text_of(m, "work"));
    snprintf(row[4], CELL_SIZE, "%" PRId64, number_of(m, "accepted"));
    snprintf(row[5], CELL_SIZE, "%" PRId64, number_of(m, "refused"));
    format_rate(row[6], real_of(json_object_get(m, "hashrate"), "1m"));
    format_rate(row[7], real_of(json_object_get(m, "hashrate"), "10m"));
    format_ago(row[8], number_of(m, "last_share_ms"));
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
    int64_t up = number_of(s, "uptime_ms") / 1000;
    printf("Kariz %s  %s  %s  up %" PRId64 " d %02d:%02d:%02d\n", text_of(s, "version"),
           text_of(s, "instance"), text_of(s, "network"), up / 86400,
           (int)(up / 3600 % 24), (int)(up / 60 % 60), (int)(up % 60));
    size_t index;
    json_t *o;
    printf("listeners ");
    json_array_foreach(json_object_get(s, "listeners"), index, o)
        printf(" %s%s", text_of(o, "address"),
               json_is_true(json_object_get(o, "tls")) ? " (TLS)" : "");
    printf("\nnodes     ");
    json_array_foreach(json_object_get(s, "nodes"), index, o)
        printf(" %s%s %s", json_is_true(json_object_get(o, "in_use")) ? "*" : "",
               text_of(o, "url"), text_of(o, "state"));
    printf("\njob        %s at height %" PRId64 "\n", text_of(s, "job_id"),
           number_of(s, "height"));
}

static void show_alarm(const char *text)
{
    if (text[0] != '\0')
        printf("ALARM      %s\n", text);
}

void show_status(const json_t *s)
{
    struct table t = {.head = {"MINER", "RESIDENCY", "STATE", ">WORK", ">ACCEPTED",
                               ">REFUSED", ">1 MIN", ">10 MIN", "LAST SHARE"},
                      .columns = 9};
    char m1[CELL_SIZE], m10[CELL_SIZE], h1[CELL_SIZE], h24[CELL_SIZE];
    const json_t *rate = json_object_get(s, "hashrate");
    const json_t *blocks = json_object_get(s, "blocks");
    const json_t *shares = json_object_get(s, "shares");
    const json_t *redis = json_object_get(s, "redis");
    format_rate(m1, real_of(rate, "1m"));
    format_rate(m10, real_of(rate, "10m"));
    format_rate(h1, real_of(rate, "1h"));
    format_rate(h24, real_of(rate, "24h"));
    show_status_head(s);
    printf("redis      %s  %s\n", text_of(redis, "state"), text_of(redis, "address"));
    printf("sessions   %" PRId64 "\n", number_of(s, "sessions"));
    printf("hash rate  1 min %s   10 min %s   1 h %s   24 h %s\n", m1, m10, h1, h24);
    printf("since start:\n  shares   accepted %" PRId64 "  ",
           number_of(shares, "accepted"));
    show_refused(shares);
    printf("  blocks   found %" PRId64 "  accepted %" PRId64 "  rejected %" PRId64
           "  pending %" PRId64 "\n",
           number_of(blocks, "found"), number_of(blocks, "accepted"),
           number_of(blocks, "rejected"), number_of(blocks, "pending"));
    if (text_of(s, "proposal")[0] != '\0')
        printf("PROPOSAL REJECTED BY THE NODE: %s\n", text_of(s, "proposal"));
    show_alarm(text_of(s, "alarm"));
    show_alarm(text_of(redis, "alarm"));
    show_alarm(text_of(json_object_get(s, "registry"), "alarm"));
    puts("");
    print_array(&t, json_object_get(s, "miners"), fill_status_miner);
}

static void fill_miner(char row[COLUMNS_MAX][CELL_SIZE], const json_t *m)
{
    snprintf(row[0], CELL_SIZE, "%" PRId64, number_of(m, "number"));
    set_cell(row[1], text_of(m, "id"));
    set_cell(row[2], text_of(m, "kind"));
    set_cell(row[3], text_of(m, "residency"));
    set_cell(row[4], text_of(m, "residence_country"));
    const json_t *c = json_object_get(m, "certificate");
    set_cell(row[5],
             json_is_object(c) ? text_of(c, "number") : text_of(m, "certificate"));
    set_cell(row[6], text_of(m, "state"));
}

void show_miners(const json_t *result)
{
    struct table t = {.head = {">NO", "MINER", "KIND", "RESIDENCY", "COUNTRY",
                               "CERTIFICATE", "STATE"},
                      .columns = 7};
    print_array(&t, result, fill_miner);
}

void show_miner(const json_t *result)
{
    json_dumpf(result, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    puts("");
}

static void fill_worker(char row[COLUMNS_MAX][CELL_SIZE], const json_t *w)
{
    set_cell(row[0], text_of(w, "miner"));
    set_cell(row[1], text_of(w, "worker"));
    set_cell(row[2], text_of(w, "work"));
    snprintf(row[3], CELL_SIZE, "%" PRId64, number_of(w, "accepted"));
    snprintf(row[4], CELL_SIZE, "%" PRId64, number_of(w, "refused"));
    snprintf(row[5], CELL_SIZE, "%.6g", real_of(w, "best_difficulty"));
    format_rate(row[6], real_of(json_object_get(w, "hashrate"), "10m"));
    format_ago(row[7], number_of(w, "last_share_ms"));
    snprintf(row[8], CELL_SIZE, "%zu", json_array_size(json_object_get(w, "sessions")));
    const json_t *session = json_array_get(json_object_get(w, "sessions"), 0);
    set_cell(row[9], text_of(session, "agent"));
}

void show_workers(const json_t *result)
{
    struct table t = {.head = {"MINER", "WORKER", ">WORK", ">ACCEPTED", ">REFUSED",
                               ">BEST", ">HASH RATE", "LAST SHARE", ">LIVE",
                               "SOFTWARE"},
                      .columns = 10};
    print_array(&t, result, fill_worker);
}

static void fill_block(char row[COLUMNS_MAX][CELL_SIZE], const json_t *b)
{
    snprintf(row[0], CELL_SIZE, "%" PRId64, number_of(b, "height"));
    set_cell(row[1], text_of(b, "hash"));
    set_cell(row[2], text_of(b, "state"));
    set_cell(row[3], text_of(b, "miner"));
    set_cell(row[4], text_of(b, "worker"));
    format_ago(row[5], number_of(b, "found_ms"));
}

void show_blocks(const json_t *result)
{
    struct table t = {.head = {">HEIGHT", "HASH", "STATE", "MINER", "WORKER", "FOUND"},
                      .columns = 6};
    print_array(&t, result, fill_block);
}

static void fill_node(char row[COLUMNS_MAX][CELL_SIZE], const json_t *n)
{
    snprintf(row[0], CELL_SIZE, "%s",
             json_is_true(json_object_get(n, "in_use")) ? "*" : "");
    set_cell(row[1], text_of(n, "url"));
    set_cell(row[2], text_of(n, "state"));
    snprintf(row[3], CELL_SIZE, "%" PRId64, number_of(n, "blocks"));
    snprintf(row[4], CELL_SIZE, "%" PRId64 " ms", number_of(n, "latency_ms"));
    snprintf(row[5], CELL_SIZE, "%" PRId64 " ms", number_of(n, "template_age_ms"));
    set_cell(row[6], text_of(n, "why"));
}

void show_nodes(const json_t *result)
{
    struct table t = {
        .head = {"", "NODE", "STATE", ">BLOCKS", ">LATENCY", ">TEMPLATE", "WHY"},
        .columns = 7};
    print_array(&t, result, fill_node);
}

void show_note(const json_t *result)
{
    const char *note = json_string_value(json_object_get(result, "note"));
    puts(note != NULL ? note : "done");
}
