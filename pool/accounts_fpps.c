/* FPPS's fee part: when a day is over on the chain, what its work earned of fees.
 *
 * A day of this instance has a field in KEY_FPPS, "<date>:<instance>", written in the
 * events that do what it says:
 *
 *   open                          work was credited; its fees are not known
 *   closing <F> <blocks> <trim>   the average is known, and is never asked for again
 *   closed <F> <blocks> <trim>    everybody has their part
 *
 * and a list of the periods that its work lies in. Closing goes over all of them and
 * credits each miner the difference of the two E (payout/pps.h) in a period of its own,
 * where what was credited, and for how much work, is marked by the same event: so it may
 * be begun again at any time, and work that comes late, from a slice that was still open
 * when a daemon died, makes the day closing again, under the same average. What is needed
 * for that is kept until it is closed, and as long as other marks from then on.
 *
 * Nothing here is shared by two instances: they have days and periods of their own. */
#include "pool/accounts_parts.h"

#include "conf/clock.h"
#include "conf/mem.h"
#include "share/bytes.h"
#include "share/keys.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CHUNK  200 /* miners in one event */
#define DAY_MS (INT64_C(86400) * 1000)

/* --- a day's state ---------------------------------------------------------------- */

enum day_state { DAY_NONE, DAY_OPEN, DAY_CLOSING, DAY_CLOSED };

struct day {
    uint32_t day;
    enum day_state state;
    struct amount average;
    uint64_t blocks, trim_ppm;
};

static const char *const state_names[] = {[DAY_NONE] = "",
                                          [DAY_OPEN] = "open",
                                          [DAY_CLOSING] = "closing",
                                          [DAY_CLOSED] = "closed"};

void fpps_field(char out[FPPS_FIELD_SIZE], const struct accounts *a, uint32_t day)
{
    char date[PPS_DATE_SIZE];
    pps_date_format(date, day);
    snprintf(out, FPPS_FIELD_SIZE, "%s:%s", date, a->conf.instance);
}

static bool read_day(struct day *d, const char *text)
{
    uint64_t v[3] = {0, 0, 0};
    size_t len = strcspn(text, " ");
    for (enum day_state s = DAY_OPEN; s <= DAY_CLOSED; s++)
        if (strlen(state_names[s]) == len && strncmp(text, state_names[s], len) == 0)
            d->state = s;
    if (d->state == DAY_NONE)
        return false;
    text += len;
    for (size_t i = 0; i < 3 && *text == ' '; i++) {
        text++;
        v[i] = decimal_take(&text);
    }
    d->blocks = v[1];
    d->trim_ppm = v[2];
    return v[0] <= (uint64_t)AMOUNT_MAX_SAT &&
           amount_from_sat(&d->average, (int64_t)v[0]);
}

static void mark_day(json_t *marks, const struct accounts *a, const struct day *d)
{
    char field[FPPS_FIELD_SIZE], text[96];
    fpps_field(field, a, d->day);
    if (d->state == DAY_OPEN)
        snprintf(text, sizeof(text), "%s", state_names[d->state]);
    else
        snprintf(text, sizeof(text), "%s %" PRId64 " %" PRIu64 " %" PRIu64,
                 state_names[d->state], amount_to_sat(d->average), d->blocks,
                 d->trim_ppm);
    json_array_append_new(marks, json_pack("[s, s, s]", "fpps", field, text));
}

void fpps_forget(struct accounts *a)
{
    json_decref(a->days);
    a->days = NULL;
    a->fpps_is_done = false;
}

static bool know_days(struct accounts *a)
{
    return a->days != NULL || store_read_hash(&a->days, a->store, KEY_FPPS) == KZ_OK;
}

bool fpps_note_day(json_t *marks, struct accounts *a, uint32_t day)
{
    char field[FPPS_FIELD_SIZE];
    struct day d = {.day = day};
    if (!know_days(a))
        return false;
    fpps_field(field, a, day);
    const char *text = json_string_value(json_object_get(a->days, field));
    if (text != NULL && !read_day(&d, text)) {
        accounts_raise(a, "fpps_day_damaged", "a day's mark is not understood");
        return false;
    }
    if (d.state == DAY_NONE)
        d.state = DAY_OPEN;
    else if (d.state == DAY_CLOSED)
        d.state = DAY_CLOSING;
    else
        return true;
    mark_day(marks, a, &d);
    return true;
}

/* --- closing ---------------------------------------------------------------------- */

struct closing {
    struct accounts *a;
    const struct day *day;
    json_t *entries, *marks; /* owned */
    uint64_t credited;       /* satoshi, for the log */
};

static bool flush(struct closing *c)
{
    bool ok = true;
    if (json_array_size(c->marks) > 0)
        ok = accounts_write(
            c->a, json_pack("{s:O, s:O}", "entries", c->entries, "marks", c->marks));
    json_decref(c->entries);
    json_decref(c->marks);
    c->entries = json_array();
    c->marks = json_array();
    return ok && !atomic_load(&c->a->stop);
}

static bool flush_full(struct closing *c)
{
    return json_array_size(c->marks) < CHUNK || flush(c);
}

/* One period of the day: its subsidy part, and what is credited of its fees. */
struct period {
    char name[PPS_PERIOD_SIZE], fees_name[PPS_PERIOD_SIZE];
    struct pps_terms terms;
    json_t *subsidy, *fees; /* owned */
};

static bool read_period(struct period *p, struct closing *c, const char *name)
{
    enum pps_part part;
    uint32_t instance;
    *p = (struct period){.subsidy = NULL};
    snprintf(p->name, sizeof(p->name), "%s", name);
    if (pps_period_parse(&p->terms, &part, &instance, name) != KZ_OK ||
        part != PPS_FPPS_SUBSIDY || p->terms.day != c->day->day) {
        accounts_raise(c->a, "fpps_day_damaged", "a day's period is not understood");
        return false;
    }
    pps_period_format(p->fees_name, &p->terms, PPS_FPPS_FEES, instance);
    return pps_read_period(&p->subsidy, c->a, p->name) &&
           pps_read_period(&p->fees, c->a, p->fees_name);
}

static void period_clear(struct period *p)
{
    json_decref(p->subsidy);
    json_decref(p->fees);
}

/* What is owed to the miner for fees, above what was credited. */
static bool owed_fees(struct amount *credit, struct pps_account *fees,
                      const struct period *p, const struct closing *c,
                      const struct pps_account *subsidy)
{
    struct pps_account both = *subsidy;
    if (!amount_add(&both.credited, subsidy->credited, fees->credited) ||
        pps_close_day(credit, &both, &p->terms, c->day->average,
                      c->a->network->work_unit) != KZ_OK ||
        !amount_add(&fees->credited, fees->credited, *credit)) {
        accounts_raise(c->a, "fpps_not_credited", "work or money out of range");
        return false;
    }
    fees->work = subsidy->work;
    return true;
}

static bool close_miner(struct closing *c, const struct period *p, const char *miner)
{
    struct pps_account subsidy, fees;
    struct amount credit;
    struct entry e;
    struct postings_pps posting = {.period = p->fees_name, .time_ms = clock_utc_ms()};
    if (!pps_read_account(&subsidy, p->subsidy, miner) ||
        !pps_read_account(&fees, p->fees, miner) ||
        miner_id_parse(&posting.miner, miner, strlen(miner)) != KZ_OK)
        return false;
    if (fees.work == subsidy.work)
        return true;
    if (!owed_fees(&credit, &fees, p, c, &subsidy))
        return false;
    posting.work = fees.work;
    posting.credit = credit;
    posting.is_held = accounts_is_held(c->a, &posting.miner);
    enum kz_err err = postings_pps_accrual(&e, &posting);
    if (err == KZ_OK)
        json_array_append_new(c->entries, accounts_entry(&e));
    else if (err != KZ_EMPTY) /* not a whole satoshi: only the work moves */
        return false;
    c->credited += (uint64_t)amount_to_sat(credit);
    pps_mark_account(c->marks, p->fees_name, miner, &fees, true);
    return flush_full(c);
}

static bool close_period(struct closing *c, const char *name)
{
    struct period p;
    const char *miner;
    json_t *value;
    bool ok = read_period(&p, c, name);
    json_object_foreach(p.subsidy, miner, value)
    {
        ok = ok && close_miner(c, &p, miner);
    }
    period_clear(&p);
    return ok;
}

/* From now on they go in time: any mark without "keep" says so. */
static bool release_hash(struct closing *c, const char *period, const json_t *credited)
{
    struct pps_account account;
    void *first = json_object_iter((json_t *)credited);
    if (first == NULL)
        return true;
    const char *miner = json_object_iter_key(first);
    if (!pps_read_account(&account, credited, miner))
        return false;
    pps_mark_account(c->marks, period, miner, &account, false);
    return true;
}

static bool release_period(struct closing *c, const char *name, const char *list)
{
    struct period p;
    bool ok = read_period(&p, c, name) && release_hash(c, p.name, p.subsidy) &&
              release_hash(c, p.fees_name, p.fees);
    period_clear(&p);
    json_array_append_new(c->marks, json_pack("[s, s, s]", list, name, ""));
    return ok && flush_full(c);
}

static bool close_periods(struct closing *c)
{
    char field[FPPS_FIELD_SIZE], list[FPPS_FIELD_SIZE + 8], key[KEY_SIZE];
    json_t *periods, *value;
    const char *name;
    fpps_field(field, c->a, c->day->day);
    snprintf(list, sizeof(list), "fpps:%s", field);
    key_mark(key, list);
    if (store_read_hash(&periods, c->a->store, key) != KZ_OK)
        return false;
    bool ok = true;
    json_object_foreach(periods, name, value)
    {
        ok = ok && close_period(c, name);
    }
    ok = ok && flush(c);
    json_object_foreach(periods, name, value)
    {
        ok = ok && release_period(c, name, list);
    }
    json_decref(periods);
    return ok;
}

/* False: not now; it is begun again, and finds what is done. */
static bool close_day(struct accounts *a, struct day *d)
{
    char date[PPS_DATE_SIZE];
    struct closing c = {
        .a = a, .day = d, .entries = json_array(), .marks = json_array()};
    bool ok = close_periods(&c);
    if (ok) {
        d->state = DAY_CLOSED;
        mark_day(c.marks, a, d);
        ok = flush(&c);
    }
    pps_date_format(date, d->day);
    if (ok)
        log_info("fpps_day_closed", kv_str("day", date),
                 kv_i64("average_fee", amount_to_sat(d->average)),
                 kv_u64("blocks", d->blocks), kv_u64("trim_ppm", d->trim_ppm),
                 kv_u64("credited", c.credited));
    json_decref(c.entries);
    json_decref(c.marks);
    return ok;
}

/* --- which day -------------------------------------------------------------------- */

void accounts_day_fees_take(struct accounts *a, uint32_t day, struct amount *fees,
                            size_t count)
{
    pthread_mutex_lock(&a->lock);
    mem_free(a->day_fees);
    a->day_fees = fees;
    a->day_fee_count = count;
    a->day_of_fees = day;
    a->wake = true;
    pthread_cond_signal(&a->is_awake);
    pthread_mutex_unlock(&a->lock);
}

/* The fees that came, if they are this day's; the caller frees. */
static bool take_fees(struct amount **fees, size_t *count, struct accounts *a,
                      uint32_t day)
{
    pthread_mutex_lock(&a->lock);
    bool is_it = a->day_of_fees == day;
    *fees = is_it ? a->day_fees : NULL;
    *count = is_it ? a->day_fee_count : 0;
    if (is_it) {
        a->day_fees = NULL;
        a->day_of_fees = 0;
    }
    pthread_mutex_unlock(&a->lock);
    return is_it;
}

/* A day without a block has no fees: then there is nothing to wait for either. */
static bool set_average(struct accounts *a, struct day *d, const struct amount *fees,
                        size_t count)
{
    json_t *marks = json_array();
    d->trim_ppm = a->conf.payout.fpps_trim_ppm;
    d->blocks = count;
    d->average = amount_zero();
    enum kz_err err = pps_average_fee(&d->average, fees, count, (uint32_t)d->trim_ppm);
    assert(err == KZ_OK || err == KZ_EMPTY); /* no fee is below 0, trim has a bound */
    (void)err;
    d->state = DAY_CLOSING;
    mark_day(marks, a, d);
    return accounts_write(a, json_pack("{s:[], s:o}", "entries", "marks", marks));
}

/* The oldest of ours that is not closed and is over. */
static bool find_day(struct day *out, bool *is_any_open, struct accounts *a)
{
    const char *field;
    json_t *value;
    int64_t now = clock_utc_ms();
    bool found = false;
    *is_any_open = false;
    json_object_foreach(a->days, field, value)
    {
        struct day d = {0};
        if (strlen(field) < 12 || strcmp(field + 11, a->conf.instance) != 0 ||
            pps_date_parse(&d.day, field, 10) != KZ_OK ||
            !read_day(&d, json_string_value(value)) || d.state == DAY_CLOSED)
            continue;
        *is_any_open = true;
        if (((int64_t)d.day + 1) * DAY_MS > now || (found && d.day > out->day))
            continue;
        *out = d;
        found = true;
    }
    return found;
}

static void want(struct accounts *a, uint32_t day)
{
    bool is_news = day != a->wanted_day || day != 0;
    a->wanted_day = day;
    if (is_news && a->hooks.on_want_day != NULL)
        a->hooks.on_want_day(a->hooks.ctx, day);
}

static void step_day(struct accounts *a, struct day *d)
{
    struct amount *fees;
    size_t count;
    bool ok = true;
    if (d->state == DAY_OPEN) {
        if (!take_fees(&fees, &count, a, d->day)) {
            want(a, d->day);
            return;
        }
        ok = set_average(a, d, fees, count);
        mem_free(fees);
    }
    want(a, 0);
    if (ok && close_day(a, d))
        a->balances_changed = true;
    fpps_forget(a);
}

void fpps_step(struct accounts *a)
{
    struct day d;
    bool is_any_open;
    bool is_scheme = a->conf.payout.scheme == CONF_FPPS;
    if ((!is_scheme && a->fpps_is_done) || !know_days(a))
        return;
    if (find_day(&d, &is_any_open, a))
        step_day(a, &d);
    else
        want(a, 0);
    /* Under another scheme nothing new comes: what an earlier run left was looked for. */
    a->fpps_is_done = !is_any_open;
}
