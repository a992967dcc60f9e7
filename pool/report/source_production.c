/* R4: what each miner did and was owed, a row a day of the zone on which there is something
 * to say: shares, a block of theirs, money that moved. Whoever is owed something and had
 * no such day has a row for the first. So the rows' last balances are all that is owed.
 *
 * The money is the ledger's, by the time of each entry and the rule of
 * payout/statement.h. The estimate of energy is the declared power of the equipment in
 * use that day, for each hour with accepted shares. */
#include "conf/mem.h"
#include "payout/statement.h"
#include "payout/textmap.h"
#include "pool/report/source_blocks.h"
#include "pool/report/source_miners.h"
#include "pool/report/source_work.h"
#include "share/network.h"
#include "share/store_tallies.h"

#include <stdlib.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)

struct money_day {
    struct amount credited, fee, paid, reversed, adjusted, end;
    uint32_t blocks;
    bool has_moved;
};

/* One miner's period. */
struct production {
    struct amount start;
    struct money_day *days; /* owned; NULL: nothing happened */
};

/* A miner's, or all miners', together: what averages are made of. */
struct together {
    source_wide work, declared_ghs_s; /* GH/s times seconds */
    uint64_t accepted, refused;
};

struct making {
    const struct report_source *s;
    char *why;
    struct source_miners *miners;
    struct source_blocks *blocks;
    struct textmap *all; /* miner -> struct production */
    json_t *instances;
    size_t days;
    struct report *report;
    struct together *groups; /* of each miner with rows, in their order */
    size_t group_count;
};

/* --- money ------------------------------------------------------------------------ */

static struct money_day *day_of(struct making *m, struct production *p, int64_t at_ms)
{
    if (p->days == NULL)
        p->days = mem_array(m->days, sizeof(*p->days));
    return &p->days[(at_ms - m->s->header.period.from_ms) / DAY_MS];
}

static bool count_term(struct money_day *d, enum entry_kind kind, struct amount owed)
{
    switch (statement_term_of(kind)) {
    case STATEMENT_CREDITED:
        return amount_add(&d->credited, d->credited, owed);
    case STATEMENT_ADJUSTED:
        return amount_add(&d->adjusted, d->adjusted, owed);
    case STATEMENT_PAID:
        return amount_sub(&d->paid, d->paid, owed);
    case STATEMENT_REVERSED:
        return amount_sub(&d->reversed, d->reversed, owed);
    case STATEMENT_NONE:
        break;
    }
    return true;
}

static enum kz_err take_change(struct making *m, const struct entry *e,
                               const struct ledger_change *c)
{
    struct production *p = textmap_put(m->all, c->miner.text);
    struct amount fee;
    if (e->time_ms < m->s->header.period.from_ms)
        return amount_add(&p->start, p->start, c->owed) ? KZ_OK : KZ_RANGE;
    enum kz_err err = source_fee(&fee, m->why, m->blocks, e, c->miner.text, c->owed);
    if (err != KZ_OK)
        return err;
    struct money_day *d = day_of(m, p, e->time_ms);
    d->has_moved |= !amount_is_zero(c->owed);
    return count_term(d, e->key.kind, c->owed) && amount_add(&d->fee, d->fee, fee) &&
                   amount_add(&d->end, d->end, c->owed)
               ? KZ_OK
               : KZ_RANGE;
}

static enum kz_err take_entry(void *ctx, const struct entry *e,
                              const struct ledger_changes *changes)
{
    struct making *m = ctx;
    enum kz_err err = KZ_OK;
    if (e->time_ms >= m->s->header.period.to_ms)
        return KZ_OK;
    source_blocks_take(m->blocks, e);
    for (size_t i = 0; i < changes->count && err == KZ_OK; i++)
        err = take_change(m, e, &changes->rows[i]);
    return err;
}

static enum kz_err count_blocks(struct making *m)
{
    const struct source_block **found = NULL;
    size_t count = 0;
    enum kz_err err = source_blocks_found(&found, &count, m->why, m->blocks);
    for (size_t i = 0; i < count; i++) {
        if (found[i]->finder[0] == '\0' || strcmp(found[i]->state, "rejected") == 0)
            continue;
        struct production *p = textmap_put(m->all, found[i]->finder);
        day_of(m, p, found[i]->found_ms)->blocks++;
    }
    mem_free(found);
    return err;
}

/* --- who -------------------------------------------------------------------------- */

static enum kz_err add_miners(struct making *m)
{
    const char *id;
    json_t *record, *ids = NULL;
    json_object_foreach((json_t *)source_miners_all(m->miners), id, record)
        textmap_put(m->all, id);
    for (size_t i = 0; i < json_array_size(m->instances); i++) {
        const char *instance = json_string_value(json_array_get(m->instances, i));
        if (store_read_tallied(&ids, m->s->store, instance) != KZ_OK)
            return source_fail(m->why, KZ_IO, "Redis is away");
        for (size_t k = 0; k < json_array_size(ids); k++)
            textmap_put(m->all, json_string_value(json_array_get(ids, k)));
        json_decref(ids);
    }
    return KZ_OK;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* --- rows ------------------------------------------------------------------------- */

/* A day of a miner at work. */
struct day_row {
    const char *id;
    int64_t from_ms;
    const struct money_day *money;
    const struct work_day *work;
    struct amount start, end;
};

/* Of what has begun, so that today's average is right. */
static int64_t seconds_of(const struct making *m, int64_t from_ms, int64_t to_ms)
{
    int64_t until = m->s->header.generated_ms;
    until = until < to_ms ? until : to_ms;
    return until - from_ms >= 1000 ? (until - from_ms) / 1000 : 1;
}

/* KZ_RANGE: it does not fit; `of` > 0. */
static enum kz_err set_ratio(struct making *m, const char *name, source_wide part,
                             source_wide of)
{
    source_wide v = part / of;
    return v <= INT64_MAX
               ? source_set_number(m->report, m->why, name, (int64_t)v)
               : source_fail(m->why, KZ_RANGE, "%s: out of the range of reports", name);
}

/* In TH/s: hashes over seconds over 10^12, in millionths. */
static enum kz_err set_average(struct making *m, source_wide work, int64_t seconds)
{
    uint64_t unit = network_of(m->s->conf->network)->work_unit;
    return set_ratio(m, "average_ths", work * unit, (source_wide)seconds * 1000000);
}

static enum kz_err set_percent(struct making *m, const char *name, source_wide part,
                               source_wide of)
{
    return of == 0 ? KZ_OK : set_ratio(m, name, part * 100 * CELL_MILLIONTHS, of);
}

/* Work in hashes against GH/s times seconds. */
static enum kz_err set_measured(struct making *m, source_wide work,
                                source_wide declared_ghs_s)
{
    uint64_t unit = network_of(m->s->conf->network)->work_unit;
    return set_percent(m, "measured_to_declared_percent", work * unit,
                       declared_ghs_s * 1000000000);
}

static enum kz_err set_work(struct making *m, const struct day_row *d,
                            const struct source_equipment *declared)
{
    char text[SOURCE_WIDE_SIZE];
    const struct work_day *w = d->work;
    int64_t seconds = seconds_of(m, d->from_ms, d->from_ms + DAY_MS);
    source_wide all = (source_wide)w->accepted + w->refused;
    source_wide_format(text, w->work);
    enum kz_err err =
        source_set_number(m->report, m->why, "accepted_shares", (int64_t)w->accepted);
    if (err == KZ_OK)
        err = source_set_number(m->report, m->why, "rejected_shares",
                                (int64_t)w->refused);
    if (err == KZ_OK)
        err = set_percent(m, "rejected_percent", w->refused, all);
    if (err == KZ_OK)
        err = source_set_text(m->report, m->why, "work", text);
    if (err == KZ_OK)
        err = set_average(m, w->work, seconds);
    if (err == KZ_OK)
        err = set_measured(m, w->work, (source_wide)declared->ghs * (uint64_t)seconds);
    /* Thousandths of a kWh are watt-hours. */
    if (err == KZ_OK && declared->watts > 0 && !w->has_no_hours)
        err = set_ratio(m, "kwh_estimate",
                        (source_wide)declared->watts * source_work_hours(w) * 1000, 1);
    return err;
}

static void set_money(struct making *m, const struct day_row *d)
{
    const struct money_day *y = d->money;
    report_set_amount(m->report, "credited", y->credited);
    report_set_amount(m->report, "fee", y->fee);
    report_set_amount(m->report, "paid", y->paid);
    report_set_amount(m->report, "reversed", y->reversed);
    report_set_amount(m->report, "adjusted", y->adjusted);
    report_set_amount(m->report, "balance_start", d->start);
    report_set_amount(m->report, "balance_end", d->end);
}

static enum kz_err add_row(struct making *m, const struct day_row *d,
                           const struct source_equipment *declared)
{
    char date[PERIOD_DATE_SIZE];
    period_date(date, d->from_ms, m->s->header.period.offset_minutes);
    report_row_begin(m->report);
    enum kz_err err = source_set_miner(m->report, m->why, m->miners, d->id, d->from_ms);
    if (err == KZ_OK)
        err = source_set_text(m->report, m->why, "day", date);
    if (err == KZ_OK)
        err = source_set_number(m->report, m->why, "blocks_found", d->money->blocks);
    if (err == KZ_OK)
        err = set_work(m, d, declared);
    set_money(m, d);
    return err;
}

static void add_together(struct together *t, const struct making *m,
                         const struct day_row *d,
                         const struct source_equipment *declared)
{
    int64_t seconds = seconds_of(m, d->from_ms, d->from_ms + DAY_MS);
    t->accepted += d->work->accepted;
    t->refused += d->work->refused;
    t->work += d->work->work;
    if (d->from_ms < m->s->header.generated_ms)
        t->declared_ghs_s += (source_wide)declared->ghs * (uint64_t)seconds;
}

static bool is_worth_a_row(const struct day_row *d)
{
    return d->work->accepted > 0 || d->work->refused > 0 || d->money->has_moved ||
           d->money->blocks > 0;
}

/* Without a day that is worth a row, a balance is; then of the first day. */
static bool is_idle(const struct day_row *first, const struct work_day *work,
                    const struct money_day *money, size_t days)
{
    struct day_row d = *first;
    for (size_t i = 0; i < days; i++) {
        d.work = &work[i];
        d.money = &money[i];
        if (is_worth_a_row(&d))
            return false;
    }
    return true;
}

static enum kz_err add_days(struct making *m, const struct production *p,
                            struct day_row *d, const struct work_day *work,
                            const struct money_day *money)
{
    struct together *t = &m->groups[m->group_count];
    bool is_idle_one = is_idle(d, work, money, m->days), has_row = false;
    enum kz_err err = KZ_OK;
    d->end = p->start;
    for (size_t i = 0; i < m->days && err == KZ_OK; i++) {
        d->from_ms = m->s->header.period.from_ms + (int64_t)i * DAY_MS;
        d->work = &work[i];
        d->money = &money[i];
        d->start = d->end;
        if (!amount_add(&d->end, d->end, money[i].end))
            return KZ_RANGE;
        struct source_equipment declared =
            source_equipment_at(m->miners, d->id, d->from_ms);
        add_together(t, m, d, &declared);
        if (!is_worth_a_row(d) && !(i == 0 && is_idle_one && !amount_is_zero(p->start)))
            continue;
        has_row = true;
        err = add_row(m, d, &declared);
    }
    m->group_count += has_row;
    if (!has_row)
        *t = (struct together){0};
    return err;
}

static enum kz_err add_miner(struct making *m, const char *id)
{
    const struct production *p = textmap_get(m->all, id);
    struct miner_id miner;
    struct day_row d = {.id = id};
    if (miner_id_parse(&miner, id, strlen(id)) != KZ_OK)
        return KZ_OK; /* no share was ever taken of such a one */
    struct work_day *work = mem_array(m->days, sizeof(*work));
    struct money_day *nothing =
        p->days == NULL ? mem_array(m->days, sizeof(*nothing)) : NULL;
    enum kz_err err = source_work_read(work, m->why, m->s, m->instances, &miner);
    if (err == KZ_OK)
        err = add_days(m, p, &d, work, nothing != NULL ? nothing : p->days);
    mem_free(work);
    mem_free(nothing);
    return err;
}

static enum kz_err add_rows(struct making *m)
{
    size_t count = textmap_count(m->all);
    const char **ids = mem_array(count + 1, sizeof(*ids));
    enum kz_err err = KZ_OK;
    m->groups = mem_array(count + 1, sizeof(*m->groups));
    for (size_t i = 0; i < count; i++)
        ids[i] = textmap_text(m->all, i);
    qsort(ids, count, sizeof(*ids), by_text);
    for (size_t i = 0; i < count && err == KZ_OK; i++)
        err = add_miner(m, ids[i]);
    mem_free(ids);
    return err;
}

/* --- totals ----------------------------------------------------------------------- */

static enum kz_err set_averages(struct making *m, size_t at, const struct together *t)
{
    const struct period *p = &m->s->header.period;
    source_wide all = (source_wide)t->accepted + t->refused;
    report_totals_edit(m->report, at);
    enum kz_err err = set_percent(m, "rejected_percent", t->refused, all);
    if (err == KZ_OK)
        err = set_average(m, t->work, seconds_of(m, p->from_ms, p->to_ms));
    if (err == KZ_OK)
        err = set_measured(m, t->work, t->declared_ghs_s);
    return err;
}

static enum kz_err add_totals(struct making *m)
{
    struct together all = {0};
    enum kz_err err = source_add_totals(m->report, m->why);
    for (size_t i = 0; i < m->group_count && err == KZ_OK; i++) {
        const struct together *t = &m->groups[i];
        err = set_averages(m, i, t);
        all.accepted += t->accepted;
        all.refused += t->refused;
        all.work += t->work;
        all.declared_ghs_s += t->declared_ghs_s;
    }
    return err == KZ_OK ? set_averages(m, m->group_count, &all) : err;
}

/* --- all of it -------------------------------------------------------------------- */

static enum kz_err make(struct making *m)
{
    enum kz_err err = source_work_begin(&m->instances, m->why, m->s);
    if (err == KZ_OK)
        err = source_miners_read(&m->miners, m->why, m->s);
    if (err == KZ_OK)
        err = add_miners(m);
    if (err == KZ_OK)
        err = source_read_ledger(m->why, m->s, take_entry, m);
    if (err == KZ_OK)
        err = count_blocks(m);
    if (err == KZ_OK)
        err = source_report(&m->report, m->why, REPORT_R4, m->s);
    if (err == KZ_OK)
        err = add_rows(m);
    if (err == KZ_OK)
        err = add_totals(m);
    if (err == KZ_RANGE && m->why[0] == '\0')
        source_fail(m->why, err, "a sum outside the range of money");
    return err;
}

static void making_clear(struct making *m)
{
    for (size_t i = 0; i < textmap_count(m->all); i++)
        mem_free(((struct production *)textmap_value(m->all, i))->days);
    textmap_free(m->all);
    source_blocks_free(m->blocks);
    source_miners_free(m->miners);
    json_decref(m->instances);
    mem_free(m->groups);
}

enum kz_err source_production(struct report **out, char why[SOURCE_WHY_SIZE],
                              const struct report_source *s)
{
    struct making m = {.s = s,
                       .why = why,
                       .blocks = source_blocks_new(s),
                       .all = textmap_new(sizeof(struct production)),
                       .days = source_days(&s->header.period)};
    why[0] = '\0';
    enum kz_err err = make(&m);
    if (err == KZ_OK)
        *out = m.report;
    else
        report_free(m.report);
    making_clear(&m);
    return err;
}
