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
#include "pool/report/ledger_source.h"
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
    struct fill fill;
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

/* What is too large for a cell is refused there; `of` > 0. */
static void set_ratio(struct making *m, const char *name, source_wide part,
                      source_wide of)
{
    source_wide v = part / of;
    fill_number(&m->fill, name, v <= INT64_MAX ? (int64_t)v : INT64_MIN);
}

static source_wide hashes_of(const struct making *m, source_wide work)
{
    return work * network_of(m->s->conf->network)->work_unit;
}

static void set_percent(struct making *m, const char *name, source_wide part,
                        source_wide of)
{
    if (of > 0)
        set_ratio(m, name, part * 100 * CELL_MILLIONTHS, of);
}

/* TH/s are hashes over seconds over 10^12; here in millionths. */
static void set_rates(struct making *m, const struct together *t, int64_t seconds)
{
    set_percent(m, "rejected_percent", t->refused,
                (source_wide)t->accepted + t->refused);
    set_ratio(m, "average_ths", hashes_of(m, t->work), (source_wide)seconds * 1000000);
    set_percent(m, "measured_to_declared_percent", hashes_of(m, t->work),
                t->declared_ghs_s * 1000000000);
}

static void set_work(struct making *m, const struct work_day *w, uint64_t watts)
{
    char text[SOURCE_WIDE_SIZE];
    source_wide_format(text, w->work);
    fill_number(&m->fill, "accepted_shares", (int64_t)w->accepted);
    fill_number(&m->fill, "rejected_shares", (int64_t)w->refused);
    fill_text(&m->fill, "work", text);
    /* Thousandths of a kWh are watt-hours. */
    if (watts > 0 && !w->has_no_hours)
        set_ratio(m, "kwh_estimate", (source_wide)watts * source_work_hours(w) * 1000,
                  1);
}

static void set_money(struct making *m, const struct day_row *d)
{
    const struct money_day *y = d->money;
    struct report *r = m->fill.report;
    report_set_amount(r, "credited", y->credited);
    report_set_amount(r, "fee", y->fee);
    report_set_amount(r, "paid", y->paid);
    report_set_amount(r, "reversed", y->reversed);
    report_set_amount(r, "adjusted", y->adjusted);
    report_set_amount(r, "balance_start", d->start);
    report_set_amount(r, "balance_end", d->end);
}

/* What the day's averages are made of. */
static struct together together_of(const struct making *m, const struct day_row *d,
                                   const struct source_equipment *declared)
{
    int64_t seconds = seconds_of(m, d->from_ms, d->from_ms + DAY_MS);
    bool has_begun = d->from_ms < m->s->header.generated_ms;
    return (struct together){
        d->work->work, has_begun ? (source_wide)declared->ghs * (uint64_t)seconds : 0,
        d->work->accepted, d->work->refused};
}

static void add_together(struct together *to, const struct together *t)
{
    to->accepted += t->accepted;
    to->refused += t->refused;
    to->work += t->work;
    to->declared_ghs_s += t->declared_ghs_s;
}

static void add_row(struct making *m, const struct day_row *d, const struct together *t,
                    uint64_t watts)
{
    char date[PERIOD_DATE_SIZE];
    period_date(date, d->from_ms, m->s->header.period.offset_minutes);
    fill_row(&m->fill);
    source_fill_miner(&m->fill, m->miners, d->id, d->from_ms);
    fill_text(&m->fill, "day", date);
    fill_number(&m->fill, "blocks_found", d->money->blocks);
    set_work(m, d->work, watts);
    set_rates(m, t, seconds_of(m, d->from_ms, d->from_ms + DAY_MS));
    if (m->fill.err == KZ_OK)
        set_money(m, d);
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
    d->end = p->start;
    for (size_t i = 0; i < m->days; i++) {
        d->from_ms = m->s->header.period.from_ms + (int64_t)i * DAY_MS;
        d->work = &work[i];
        d->money = &money[i];
        d->start = d->end;
        if (!amount_add(&d->end, d->end, money[i].end))
            return source_fail(m->why, KZ_RANGE, "a sum outside the range of money");
        struct source_equipment declared =
            source_equipment_at(m->miners, d->id, d->from_ms);
        const struct together today = together_of(m, d, &declared);
        add_together(t, &today);
        if (!is_worth_a_row(d) && !(i == 0 && is_idle_one && !amount_is_zero(p->start)))
            continue;
        has_row = true;
        add_row(m, d, &today, declared.watts);
    }
    m->group_count += has_row;
    if (!has_row)
        *t = (struct together){0};
    return m->fill.err;
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
        if (source_is_asked(m->s, ids[i]))
            err = add_miner(m, ids[i]);
    mem_free(ids);
    return err;
}

/* --- totals ----------------------------------------------------------------------- */

/* Sums are there; averages are none. */
static enum kz_err set_averages(struct making *m, struct report *r)
{
    const struct period *p = &m->s->header.period;
    int64_t seconds = seconds_of(m, p->from_ms, p->to_ms);
    struct together all = {0};
    for (size_t i = 0; i < m->group_count; i++) {
        report_totals_edit(r, i);
        set_rates(m, &m->groups[i], seconds);
        add_together(&all, &m->groups[i]);
    }
    report_totals_edit(r, m->group_count);
    set_rates(m, &all, seconds);
    return m->fill.err;
}

/* --- all of it -------------------------------------------------------------------- */

static void end(void *making)
{
    struct making *m = making;
    for (size_t i = 0; i < textmap_count(m->all); i++)
        mem_free(((struct production *)textmap_value(m->all, i))->days);
    textmap_free(m->all);
    source_blocks_free(m->blocks);
    source_miners_free(m->miners);
    json_decref(m->instances);
    mem_free(m->groups);
    mem_free(m);
}

static enum kz_err begin(void **making, char why[SOURCE_WHY_SIZE],
                         const struct report_source *s)
{
    struct making *m = mem_new(sizeof(*m));
    *m = (struct making){.s = s,
                         .why = why,
                         .miners = source_miners_new(s),
                         .blocks = source_blocks_new(s),
                         .all = textmap_new(sizeof(struct production)),
                         .days = source_days(&s->header.period)};
    enum kz_err err = source_work_begin(&m->instances, why, s);
    if (err == KZ_OK)
        err = add_miners(m);
    if (err == KZ_OK)
        *making = m;
    else
        end(m);
    return err;
}

static enum kz_err fill_report(struct report **out, struct making *m)
{
    enum kz_err err = add_rows(m);
    if (err != KZ_OK && m->fill.err == KZ_OK)
        m->fill.err = err; /* said; the report is freed */
    return fill_end(out, &m->fill);
}

static enum kz_err make(struct report **out, void *making)
{
    struct making *m = making;
    struct report *made = NULL;
    enum kz_err err = count_blocks(m);
    if (err == KZ_OK)
        err = fill_begin(&m->fill, m->why, REPORT_R4, m->s);
    if (err == KZ_OK)
        err = fill_report(&made, m);
    if (err == KZ_OK)
        err = set_averages(m, made);
    if (err == KZ_OK)
        *out = made;
    else
        report_free(made);
    return err;
}

const struct ledger_source ledger_production = {begin, take_entry, make, end};
