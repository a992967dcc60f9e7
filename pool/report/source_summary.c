/* R6: how many miners in which state, and what R4 says of them, added up over all and by
 * residency, kind, country and region.
 *
 * A miner's region is that of its first site that was there at the period's end, else that
 * of its address; what is not known is "unknown", so that each grouping adds up to all. */
#include "pool/report/fill.h"

#include "conf/mem.h"
#include "pool/registry/registry_record.h"
#include "share/network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned __int128 u128;

#define GROUPINGS        5
#define VALUE_SIZE       72
#define UNKNOWN          "unknown"
#define HUNDRED_PERCENT  (100 * CELL_MILLIONTHS)
#define WORK_TEXT_SIZE   40
#define WORK_EXACT_BELOW ((u128)1 << 90) /* times 2^32 or 10^8 it still fits */

static const char *const groupings[GROUPINGS] = {"all", "residency", "kind", "country",
                                                 "region"};

struct group {
    size_t by; /* of groupings */
    char value[VALUE_SIZE];
    int64_t miners, in_state[MINER_STATES];
    int64_t shares, credited, paid, fee;
    u128 work;
};

struct summing {
    struct group *groups;
    size_t count, room;
    const struct history *history;
    char day[PERIOD_DATE_SIZE];
    size_t of_miner[GROUPINGS]; /* the groups of the miner at hand */
    const char *miner;
};

/* --- groups ----------------------------------------------------------------------------- */

static size_t group_of(struct summing *s, size_t by, const char *value)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->groups[i].by == by && strcmp(s->groups[i].value, value) == 0)
            return i;
    if (s->count == s->room) {
        s->room = s->room > 0 ? 2 * s->room : 64;
        s->groups = mem_resize(s->groups, s->room * sizeof(*s->groups));
    }
    s->groups[s->count] = (struct group){.by = by};
    snprintf(s->groups[s->count].value, VALUE_SIZE, "%.64s", value);
    return s->count++;
}

/* Codes of the record; in a draft may stand any text. */
static const char *or_unknown(const char *text)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    size_t len = text != NULL ? strlen(text) : 0;
    bool is_code = len > 0 && len < VALUE_SIZE && strspn(text, allowed) == len;
    return is_code ? text : UNKNOWN;
}

static const char *region_of(const json_t *record, const char *day)
{
    size_t i;
    json_t *site;
    json_array_foreach(json_object_get(record, "sites"), i, site)
    {
        const char *region = record_text(site, "region");
        if (region != NULL && fill_was_there(site, day, day))
            return or_unknown(region);
    }
    return or_unknown(record_text(json_object_get(record, "legal_address"), "region"));
}

static void find_groups(struct summing *s, const char *miner)
{
    const json_t *record = json_object_get(s->history->miners, miner);
    const char *values[GROUPINGS] = {
        "all", or_unknown(record_text(record, "residency")),
        or_unknown(record_text(record, "kind")),
        or_unknown(record_text(record, "residence_country")),
        region_of(record, s->day)};
    for (size_t by = 0; by < GROUPINGS; by++)
        s->of_miner[by] = group_of(s, by, values[by]);
    s->miner = miner;
}

static void count_miners(struct summing *s)
{
    size_t count;
    const char **ids = history_ids(&count, s->history);
    group_of(s, 0, "all");
    for (size_t i = 0; i < count; i++) {
        enum miner_state state =
            record_state(json_object_get(s->history->miners, ids[i]));
        find_groups(s, ids[i]);
        for (size_t by = 0; by < GROUPINGS; by++) {
            struct group *g = &s->groups[s->of_miner[by]];
            g->miners++;
            if (state < MINER_STATES)
                g->in_state[state]++;
        }
    }
    mem_free(ids);
}

/* --- work and money ---------------------------------------------------------------------- */

/* Its cell was checked: digits, at most 38. */
static u128 work_of(const struct cell *c)
{
    u128 work = 0;
    for (const char *p = c->text; p != NULL && *p != '\0'; p++)
        work = work * 10 + (unsigned)(*p - '0');
    return work;
}

static void add_row(struct group *g, const struct report *r4,
                    const struct report_row *row)
{
    g->shares += report_cell(r4, row, "accepted_shares")->number;
    g->credited += report_cell(r4, row, "credited")->number;
    g->paid += report_cell(r4, row, "paid")->number;
    g->fee += report_cell(r4, row, "fee")->number;
    g->work += work_of(report_cell(r4, row, "work"));
}

static void add_production(struct summing *s, const struct report *r4)
{
    s->miner = NULL;
    for (size_t i = 0; i < report_row_count(r4); i++) {
        const struct report_row *row = report_row(r4, i);
        const char *miner = or_unknown(report_cell(r4, row, "miner_id")->text);
        if (s->miner == NULL || strcmp(s->miner, miner) != 0)
            find_groups(s, miner);
        for (size_t by = 0; by < GROUPINGS; by++)
            add_row(&s->groups[s->of_miner[by]], r4, row);
    }
}

/* --- rows -------------------------------------------------------------------------------- */

static void fill_work(struct fill *f, u128 work)
{
    char text[WORK_TEXT_SIZE], *p = text + sizeof(text) - 1;
    *p = '\0';
    do
        *--p = (char)('0' + (int)(work % 10));
    while ((work /= 10) > 0);
    fill_text(f, "work", p);
}

/* Hashes over seconds; millionths of a TH/s are 10^6 hashes a second. */
static void fill_rate(struct fill *f, u128 work, const struct report_source *s)
{
    uint64_t unit = network_of(s->conf->network)->work_unit;
    int64_t seconds = (fill_instant(s) - s->header.period.from_ms) / 1000;
    if (seconds > 0 && work < WORK_EXACT_BELOW)
        fill_number(f, "average_ths",
                    (int64_t)(work * unit / ((u128)seconds * CELL_MILLIONTHS)));
}

static void fill_part(struct fill *f, u128 work, u128 whole)
{
    while (whole >= WORK_EXACT_BELOW) {
        whole /= 10;
        work /= 10;
    }
    if (whole > 0)
        fill_number(f, "share_of_pool_percent",
                    (int64_t)(work * HUNDRED_PERCENT / whole));
}

static void fill_money(struct fill *f, const char *column, int64_t sat)
{
    struct amount amount;
    if (f->err == KZ_OK && amount_from_sat(&amount, sat))
        report_set_amount(f->report, column, amount);
}

static void fill_group(struct fill *f, const struct group *g, const struct group *all,
                       const struct report_source *s)
{
    fill_row(f);
    fill_text(f, "group_by", groupings[g->by]);
    fill_text(f, "group_value", g->value);
    fill_number(f, "miners", g->miners);
    for (int i = 0; i < MINER_STATES; i++) {
        char column[32];
        snprintf(column, sizeof(column), "miners_%s",
                 miner_state_name((enum miner_state)i));
        fill_number(f, column, g->in_state[i]);
    }
    fill_number(f, "accepted_shares", g->shares);
    fill_work(f, g->work);
    fill_rate(f, g->work, s);
    fill_money(f, "credited", g->credited);
    fill_money(f, "paid", g->paid);
    fill_money(f, "fee", g->fee);
    fill_part(f, g->work, all->work);
}

static int by_grouping(const void *a, const void *b)
{
    const struct group *x = a, *y = b;
    if (x->by != y->by)
        return x->by < y->by ? -1 : 1;
    return strcmp(x->value, y->value);
}

static void fill_groups(struct fill *f, struct summing *sum,
                        const struct report_source *s)
{
    qsort(sum->groups, sum->count, sizeof(*sum->groups), by_grouping);
    for (size_t i = 0; i < sum->count; i++)
        fill_group(f, &sum->groups[i], &sum->groups[0], s);
}

enum kz_err source_summary(struct report **out, char why[SOURCE_WHY_SIZE],
                           const struct report_source *s)
{
    struct fill f;
    struct summing sum = {.history = s->history};
    char first[PERIOD_DATE_SIZE];
    if (s->production == NULL) {
        snprintf(why, SOURCE_WHY_SIZE, "R6: needs R4, which could not be made");
        return KZ_RANGE;
    }
    enum kz_err err = fill_begin(&f, why, REPORT_R6, s);
    if (err != KZ_OK)
        return err;
    fill_days(first, sum.day, s);
    count_miners(&sum);
    add_production(&sum, s->production);
    fill_groups(&f, &sum, s);
    mem_free(sum.groups);
    return fill_end(out, &f);
}
