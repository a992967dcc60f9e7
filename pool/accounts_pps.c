/* Pay per share: each closed slice of such a scheme is credited once.
 *
 * A slice never spans a day, an nbits, a subsidy or a fee, so it lies in one rate period
 * (payout/pps.h), but for miners with a fee of their own, who have periods of their own.
 * What was credited in a period so far is kept beside the ledger and moves in the same
 * event as the entries; how far a slice has been credited, too. Each instance credits
 * its own slices, in periods of its own. FPPS's periods are noted by day: their fees
 * follow when it is over (accounts_fpps.c). */
#include "pool/accounts_parts.h"

#include "conf/clock.h"
#include "conf/mem.h"
#include "share/bytes.h"
#include "share/keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PAGE  64
#define CHUNK 200 /* miners in one event */
#define DAY_S 86400

/* How far we are: all slices before `id`, and that many rows of it. */
struct progress {
    uint64_t id;
    size_t rows;
};

static bool read_progress(struct progress *p, struct accounts *a)
{
    json_t *text;
    *p = (struct progress){0};
    enum kz_err err = store_read_field(&text, a->store, KEY_ACCRUED, a->conf.instance);
    if (err != KZ_OK)
        return err == KZ_EMPTY;
    uint64_t v[2] = {0, 0};
    const char *at = json_string_value(text);
    for (size_t i = 0; i < 2; i++) {
        v[i] = decimal_take(&at);
        at += *at == ':';
    }
    *p = (struct progress){v[0], (size_t)v[1]};
    json_decref(text);
    return true;
}

/* --- one chunk -------------------------------------------------------------------- */

/* What a chunk's event is gathered in, and the period last read. */
struct chunk {
    struct accounts *a;
    enum pps_part part;
    json_t *entries, *marks; /* owned */
    char period[ENTRY_OBJECT_SIZE];
    json_t *credited; /* owned; miner -> "<work> <satoshi>" */
};

bool pps_read_period(json_t **out, struct accounts *a, const char *period)
{
    char name[ENTRY_OBJECT_SIZE + 8], key[KEY_SIZE];
    snprintf(name, sizeof(name), "pps:%s", period);
    key_mark(key, name);
    return store_read_hash(out, a->store, key) == KZ_OK;
}

bool pps_read_account(struct pps_account *out, const json_t *credited,
                      const char *miner)
{
    const char *text = json_string_value(json_object_get(credited, miner));
    *out = (struct pps_account){0};
    if (text == NULL)
        return true;
    out->work = decimal_take(&text);
    text += *text == ' ';
    uint64_t sat = decimal_take(&text);
    return sat <= (uint64_t)AMOUNT_MAX_SAT &&
           amount_from_sat(&out->credited, (int64_t)sat);
}

void pps_mark_account(json_t *marks, const char *period, const char *miner,
                      const struct pps_account *account, bool keep)
{
    char name[ENTRY_OBJECT_SIZE + 8], text[64];
    snprintf(name, sizeof(name), "pps:%s", period);
    snprintf(text, sizeof(text), "%" PRIu64 " %" PRId64, account->work,
             amount_to_sat(account->credited));
    json_t *mark = json_pack("[s, s, s]", name, miner, text);
    if (keep)
        json_array_append_new(mark, json_string("keep"));
    json_array_append_new(marks, mark);
}

static bool enter_period(struct chunk *c, const char *period, uint32_t day)
{
    if (strcmp(c->period, period) == 0)
        return true;
    json_decref(c->credited);
    c->credited = NULL;
    snprintf(c->period, sizeof(c->period), "%s", period);
    if (c->part == PPS_FPPS_SUBSIDY) {
        char name[FPPS_FIELD_SIZE + 8], field[FPPS_FIELD_SIZE];
        fpps_field(field, c->a, day);
        snprintf(name, sizeof(name), "fpps:%s", field);
        json_array_append_new(c->marks,
                              json_pack("[s, s, s, s]", name, period, "", "keep"));
    }
    return pps_read_period(&c->credited, c->a, period);
}

static bool add_row(struct chunk *c, const struct slice_row *row,
                    const struct pps_terms *terms)
{
    char period[PPS_PERIOD_SIZE];
    struct pps_account account;
    struct amount credit;
    struct entry e;
    pps_period_format(period, terms, c->part, c->a->conf.instance_number);
    if (!enter_period(c, period, terms->day) ||
        !pps_read_account(&account, c->credited, row->miner.text))
        return false;
    if (pps_accrue(&credit, &account, terms, row->work, c->a->network->work_unit) !=
        KZ_OK) {
        accounts_raise(c->a, "pps_not_credited", "work or money out of range");
        return false;
    }
    const struct postings_pps p = {.period = period,
                                   .miner = row->miner,
                                   .work = account.work,
                                   .credit = credit,
                                   .is_held = accounts_is_held(c->a, &row->miner),
                                   .time_ms = clock_utc_ms()};
    enum kz_err err = postings_pps_accrual(&e, &p);
    if (err == KZ_OK)
        json_array_append_new(c->entries, accounts_entry(&e));
    else if (err != KZ_EMPTY) /* not a whole satoshi yet: only the work moves */
        return false;
    pps_mark_account(c->marks, period, row->miner.text, &account,
                     c->part == PPS_FPPS_SUBSIDY);
    return true;
}

/* Rows of the slice from progress->rows on. False: not now. */
static bool credit_chunk(struct accounts *a, const struct slice_record *s,
                         struct progress *p)
{
    struct chunk c = {.a = a, .entries = json_array(), .marks = json_array()};
    struct scheme_fee *own;
    struct scheme_fees fees = accounts_fees(a, s->terms.fee_ppm, &own);
    struct pps_terms terms = {.nbits = s->nbits,
                              .day = (uint32_t)(s->opened_ms / 1000 / DAY_S)};
    size_t end = p->rows + CHUNK < s->count ? p->rows + CHUNK : s->count;
    char text[48];
    if (s->terms.scheme == SCHEME_FPPS)
        c.part = PPS_FPPS_SUBSIDY;
    bool ok = c.part == PPS_SUBSIDY || fpps_note_day(c.marks, a, terms.day);
    ok = ok && amount_from_sat(&terms.subsidy, (int64_t)s->terms.subsidy_sat);
    for (size_t i = p->rows; ok && i < end; i++) {
        terms.fee_ppm = scheme_fee_ppm(&fees, &s->rows[i].miner);
        ok = add_row(&c, &s->rows[i], &terms);
    }
    snprintf(text, sizeof(text), "%" PRIu64 ":%zu", s->id, end);
    json_array_append_new(c.marks,
                          json_pack("[s, s, s]", "accrued", a->conf.instance, text));
    ok = ok && accounts_write(
                   a, json_pack("{s:O, s:O}", "entries", c.entries, "marks", c.marks));
    json_decref(c.entries);
    json_decref(c.marks);
    json_decref(c.credited);
    mem_free(own);
    if (c.part != PPS_SUBSIDY)
        fpps_forget(a);
    if (ok)
        *p = (struct progress){s->id, end};
    return ok;
}

static bool credit_slice(struct accounts *a, const struct slice_record *s,
                         struct progress *p)
{
    if (p->id != s->id)
        *p = (struct progress){s->id, 0};
    if (p->rows < s->count && !reserve_judge(a))
        return false;
    while (p->rows < s->count)
        if (!credit_chunk(a, s, p))
            return false;
    return true;
}

/* --- which slices ----------------------------------------------------------------- */

static bool is_ours(const struct accounts *a, const struct slice_record *s)
{
    return s->id % 256 == a->conf.instance_number && s->terms.regime != SLICE_SPLIT;
}

/* The page that holds the oldest slices not yet credited, oldest last. KZ_EMPTY: none. */
static enum kz_err find_oldest(struct slice_list *out, struct accounts *a,
                               const struct progress *p)
{
    uint64_t at = UINT64_MAX, oldest = 1;
    bool found = false;
    while (oldest > 0) {
        struct slice_list page = {0};
        enum kz_err err = store_read_slices(&page, &oldest, a->store, at, PAGE);
        bool has = false, is_behind = page.count == 0;
        if (err != KZ_OK)
            return err;
        for (size_t i = 0; i < page.count; i++) {
            is_behind |= page.slices[i].id < p->id;
            has |= page.slices[i].id >= p->id && is_ours(a, &page.slices[i]);
        }
        if (has) {
            slice_list_clear(out);
            *out = page;
            found = true;
        } else {
            slice_list_clear(&page);
        }
        if (is_behind)
            break;
        at = oldest - 1;
    }
    return found ? KZ_OK : KZ_EMPTY;
}

void pps_step(struct accounts *a)
{
    struct progress p;
    struct slice_list page = {0};
    bool pays = scheme_pays_shares((enum scheme)a->conf.payout.scheme);
    if ((!pays && a->pps_is_done) || !read_progress(&p, a))
        return;
    if (pays && (!a->is_judged || atomic_load(&a->look_again)) && !reserve_judge(a))
        return;
    enum kz_err err = find_oldest(&page, a, &p);
    bool ok = err == KZ_OK || err == KZ_EMPTY;
    for (size_t i = page.count; err == KZ_OK && ok && i > 0; i--) {
        const struct slice_record *s = &page.slices[i - 1];
        if (is_ours(a, s) && s->id >= p.id)
            ok = credit_slice(a, s, &p);
    }
    /* Under another scheme nothing new comes: what an earlier run left was looked for. */
    a->pps_is_done = ok && (err == KZ_EMPTY || page.count < PAGE);
    slice_list_clear(&page);
}
