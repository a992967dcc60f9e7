#include "pool/ctl_ledger.h"

#include "conf/clock.h"
#include "payout/amount.h"
#include "pool/csv.h"
#include "pool/ctl_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Sums of a daemon's answer may pass the range of one amount; such are shown raw. */
static void format_money(char cell[CTL_CELL_SIZE], int64_t sat)
{
    struct amount a;
    if (amount_from_sat(&a, sat))
        amount_format(cell, a);
    else
        snprintf(cell, CTL_CELL_SIZE, "%" PRId64 " sat", sat);
}

static void set_money(char cell[CTL_CELL_SIZE], const json_t *o, const char *key)
{
    format_money(cell, ctl_number(o, key));
}

/* "2026-01-31 23:59:59" */
static void format_time(char cell[CTL_CELL_SIZE], int64_t utc_ms)
{
    char text[CLOCK_TEXT_SIZE];
    clock_utc_format(text, utc_ms);
    snprintf(cell, CTL_CELL_SIZE, "%.10s %.8s", text, text + 11);
}

/* --- balance ------------------------------------------------------------------------- */

static const char *const holdings[] = {"immature", "mature",     "held",
                                       "reserved", "receivable", "total"};
#define HOLDINGS (sizeof(holdings) / sizeof(holdings[0]))

static void fill_balance(char row[CTL_COLUMNS_MAX][CTL_CELL_SIZE], const json_t *b)
{
    ctl_set_cell(row[0], ctl_text(b, "miner"));
    for (size_t i = 0; i < HOLDINGS; i++)
        set_money(row[1 + i], b, holdings[i]);
}

static void print_pool_accounts(const json_t *pool)
{
    const char *name;
    json_t *value;
    char cell[CTL_CELL_SIZE];
    puts("\nThe pool's own accounts (debit +):");
    if (json_object_size(pool) == 0)
        puts("  none");
    json_object_foreach((json_t *)pool, name, value)
    {
        format_money(cell, json_integer_value(value));
        printf("  %-16s %20s\n", name, cell);
    }
}

void show_balance(const json_t *result)
{
    struct ctl_table t = {.head = {"MINER", ">IMMATURE", ">MATURE", ">HELD",
                                   ">RESERVED", ">RECEIVABLE", ">TOTAL"},
                          .columns = 7};
    const json_t *miners = json_object_get(result, "miners");
    const json_t *pool = json_object_get(result, "pool");
    json_t *rows = json_copy((json_t *)miners);
    json_t *totals = json_copy(json_object_get(result, "totals"));
    if (json_array_size(miners) != 1) {
        json_object_set_new(totals, "miner", json_string("(all)"));
        json_array_append(rows, totals);
    }
    ctl_print_array(&t, rows, fill_balance);
    json_decref(totals);
    json_decref(rows);
    if (pool != NULL)
        print_pool_accounts(pool);
    printf("after entry %" PRId64 " of the ledger\n", ctl_number(result, "entries"));
}

/* --- statement ------------------------------------------------------------------------- */

static void format_reference(char cell[CTL_CELL_SIZE], const json_t *l)
{
    char reference[CTL_CELL_SIZE];
    ctl_set_cell(reference, ctl_text(l, "reference"));
    if (json_object_get(l, "vout") != NULL)
        snprintf(cell, CTL_CELL_SIZE, "%s:%" PRId64, reference, ctl_number(l, "vout"));
    else
        memcpy(cell, reference, CTL_CELL_SIZE);
}

static void fill_line(char row[CTL_COLUMNS_MAX][CTL_CELL_SIZE], const json_t *l)
{
    format_time(row[0], ctl_number(l, "time_ms"));
    ctl_set_cell(row[1], ctl_text(l, "kind"));
    set_money(row[2], l, "change");
    for (size_t i = 0; i + 1 < HOLDINGS; i++)
        set_money(row[3 + i], l, holdings[i]);
    format_reference(row[8], l);
}

static void print_sum(const char *sign, const char *name, const json_t *s,
                      const char *key)
{
    char cell[CTL_CELL_SIZE];
    set_money(cell, s, key);
    printf("%s %-10s %20s\n", sign, name, cell);
}

static void fill_pays(char row[CTL_COLUMNS_MAX][CTL_CELL_SIZE], const json_t *p)
{
    set_money(row[0], p, "sat");
    ctl_set_cell(row[1], ctl_text(p, "block"));
    snprintf(row[2], CTL_CELL_SIZE, "%.64s:%" PRId64, ctl_text(p, "transaction"),
             ctl_number(p, "vout"));
}

void show_statement(const json_t *s)
{
    struct ctl_table pays = {
        .head = {">PAID", "FOR BLOCK (OR SHARES OF)", "BY TRANSACTION:OUTPUT"},
        .columns = 3};
    struct ctl_table t = {.head = {"TIME (UTC)", "WHAT", ">CHANGE", ">IMMATURE",
                                   ">MATURE", ">HELD", ">RESERVED", ">RECEIVABLE",
                                   "BLOCK OR TRANSACTION"},
                          .columns = 9};
    char from[CTL_CELL_SIZE], to[CTL_CELL_SIZE] = "now";
    const json_t *end = json_object_get(s, "to_ms");
    format_time(from, ctl_number(s, "from_ms"));
    if (json_is_integer(end))
        format_time(to, json_integer_value(end));
    printf("Statement of %s\nfrom %s to before %s, UTC\n\n", ctl_text(s, "miner"),
           ctl_number(s, "from_ms") == 0 ? "the beginning" : from, to);
    ctl_print_array(&t, json_object_get(s, "lines"), fill_line);
    puts("");
    print_sum(" ", "start", s, "start");
    print_sum("+", "credited", s, "credited");
    print_sum("-", "paid", s, "paid");
    print_sum("-", "reversed", s, "reversed");
    print_sum("+", "adjusted", s, "adjusted");
    print_sum("=", "end", s, "end");
    if (json_array_size(json_object_get(s, "pays")) > 0) {
        puts("");
        ctl_print_array(&pays, json_object_get(s, "pays"), fill_pays);
    }
    if (!json_is_true(json_object_get(s, "sound")))
        puts("\nTHIS DOES NOT ADD UP: the ledger has a defect; see karizctl ledger "
             "verify");
}

static void csv_border(const char *kind, int64_t time_ms, int64_t balance)
{
    char time[CLOCK_TEXT_SIZE];
    clock_utc_format(time, time_ms);
    csv_put_text(stdout, time);
    csv_put_text(stdout, kind);
    for (int i = 0; i < 10; i++)
        csv_put_empty(stdout);
    csv_end_number(stdout, balance);
}

static void csv_line(const json_t *l, int64_t balance)
{
    char time[CLOCK_TEXT_SIZE];
    clock_utc_format(time, ctl_number(l, "time_ms"));
    csv_put_text(stdout, time);
    csv_put_text(stdout, ctl_text(l, "kind"));
    csv_put_text(stdout, ctl_text(l, "term"));
    csv_put_text(stdout, ctl_text(l, "reference"));
    if (json_object_get(l, "vout") != NULL) {
        csv_put_number(stdout, ctl_number(l, "vout"));
        csv_put_number(stdout, ctl_number(l, "output"));
    } else {
        csv_put_empty(stdout);
        csv_put_empty(stdout);
    }
    csv_put_number(stdout, ctl_number(l, "change"));
    for (size_t i = 0; i + 1 < HOLDINGS; i++)
        csv_put_number(stdout, ctl_number(l, holdings[i]));
    csv_end_number(stdout, balance);
}

void csv_statement(const json_t *s)
{
    static const char *const head[] = {"time",       "kind",         "term",
                                       "reference",  "vout",         "output_sat",
                                       "change_sat", "immature_sat", "mature_sat",
                                       "held_sat",   "reserved_sat", "receivable_sat"};
    size_t i;
    json_t *line;
    int64_t balance = ctl_number(s, "start"), last = ctl_number(s, "from_ms");
    for (i = 0; i < sizeof(head) / sizeof(head[0]); i++)
        csv_put_text(stdout, head[i]);
    csv_end_text(stdout, "balance_sat");
    csv_border("start", last, balance);
    json_array_foreach(json_object_get(s, "lines"), i, line)
    {
        balance += ctl_number(line, "change");
        last = ctl_number(line, "time_ms");
        csv_line(line, balance);
    }
    const json_t *end = json_object_get(s, "to_ms");
    csv_border("end", json_is_integer(end) ? json_integer_value(end) : last,
               ctl_number(s, "end"));
}

/* --- verify ------------------------------------------------------------------------------ */

static void print_lines(const char *before, const json_t *lines)
{
    size_t i;
    json_t *line;
    json_array_foreach(lines, i, line)
        printf("%s%s\n", before, json_string_value(line));
}

void show_ledger_verify(const json_t *result)
{
    print_lines("", json_object_get(result, "lines"));
    print_lines("PROBLEM    ", json_object_get(result, "problems"));
    puts(ctl_text(result, "last"));
}

/* --- explain ----------------------------------------------------------------------------- */

static void fill_part(char row[CTL_COLUMNS_MAX][CTL_CELL_SIZE], const json_t *part)
{
    ctl_set_cell(row[0], json_string_value(json_array_get(part, 0)));
    ctl_set_cell(row[1], json_string_value(json_array_get(part, 1)));
    int64_t ppm = json_integer_value(json_array_get(part, 2));
    snprintf(row[2], CTL_CELL_SIZE, "%" PRId64 ".%04" PRId64 " %%", ppm / 10000,
             ppm % 10000);
    for (size_t i = 3; i < 6; i++)
        format_money(row[i], json_integer_value(json_array_get(part, i)));
}

static void print_record(const json_t *r)
{
    char found[CTL_CELL_SIZE], value[CTL_CELL_SIZE], worker[CTL_CELL_SIZE];
    format_time(found, ctl_number(r, "found_ms"));
    set_money(value, r, "value_sat");
    ctl_set_cell(worker, ctl_text(r, "worker"));
    printf("block      %s\nheight     %" PRId64 "\nstate      %s\n",
           ctl_text(r, "hash"), ctl_number(r, "height"), ctl_text(r, "state"));
    printf("found      %s UTC by %s.%s\nvalue      %s\n", found, ctl_text(r, "miner"),
           worker, value);
    if (json_object_get(r, "coinbase") != NULL)
        printf("coinbase   %s\n", ctl_text(r, "coinbase"));
}

static void print_window(const json_t *r, const json_t *s)
{
    const json_t *slices = json_object_get(s, "slices");
    size_t count = json_array_size(slices);
    int64_t newest = json_integer_value(json_array_get(slices, 0));
    printf("scheme     %s\n", ctl_text(s, "scheme"));
    if (count == 0)
        return;
    printf(
        "window     %zu slices, from %" PRId64 " back to %" PRId64 ": %s units of work",
        count, newest, (int64_t)json_integer_value(json_array_get(slices, count - 1)),
        ctl_text(s, "counted_total"));
    if (strcmp(ctl_text(s, "cut"), "0") != 0)
        printf(", the oldest cut to %s", ctl_text(s, "cut"));
    printf("\n           of a span of %s (%" PRId64 ".%03" PRId64 " block-works)\n",
           ctl_text(s, "span"), ctl_number(s, "window_milli") / 1000,
           ctl_number(s, "window_milli") % 1000);
    if (json_object_get(r, "slice") != NULL && ctl_number(r, "slice") != newest)
        printf("           (the block's own share closed slice %" PRId64 ")\n",
               ctl_number(r, "slice"));
}

static void print_split(const json_t *r, const json_t *s)
{
    struct ctl_table t = {
        .head = {"MINER", ">WORK", ">FEE RATE", ">GROSS", ">FEE", ">NET"},
        .columns = 6};
    char cell[CTL_CELL_SIZE];
    print_window(r, s);
    set_money(cell, s, "reward");
    printf("reward     %s, shared out by work; each one's fee is rounded down\n\n",
           cell);
    ctl_print_array(&t, json_object_get(s, "parts"), fill_part);
    set_money(cell, s, "pool_fee");
    printf("\nthe pool's fee  %s\n", cell);
    set_money(cell, s, "retained");
    printf("retained        %s\n\n", cell);
}

void show_block_explain(const json_t *result)
{
    const json_t *record = json_object_get(result, "record");
    const json_t *split = json_object_get(record, "split");
    print_record(record);
    if (split != NULL)
        print_split(record, split);
    print_lines("DIFFERS    ", json_object_get(result, "differences"));
    printf("recomputed: %s\n", ctl_text(result, "recomputed"));
}
