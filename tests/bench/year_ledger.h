/* tests/bench/year_ledger.h - entries of a year's ledger: blocks, and shares paid for.
 *
 * Each day has a block, of 25 one is lost, of 50 one of these comes back. It is split over
 * the day's work (PPLNS with a window of a day), but in each fourth month, when every hour's
 * work is paid per share and the fees follow by the day (FPPS). */
#ifndef TESTS_BENCH_YEAR_LEDGER_H
#define TESTS_BENCH_YEAR_LEDGER_H

#include "payout/coinbase.h"
#include "payout/scheme.h"
#include "year_work.h"

#define FIRST_HEIGHT 950000
#define BLOCK_FEES   INT64_C(5000000)
#define FEE_PPM      10000
#define NBITS        0x1800ee00u /* some 300 such rigs find a block a day */
#define CHUNK        200         /* entries in one event */

/* --- booking ---------------------------------------------------------------------- */

struct booking {
    json_t *entries;
    json_t *block, *marks; /* NULL: none */
};

static inline struct booking booking_new(void)
{
    return (struct booking){.entries = json_array()};
}

/* Clears the entry. */
static inline void booking_add(struct booking *b, struct year *y, struct entry *e)
{
    struct book_problem why = {0};
    char *text = entry_format(e);
    json_array_append_new(b->entries, json_loads(text, 0, NULL));
    mem_free(text);
    must(book_apply(y->book, &why, e), why.text);
    entry_clear(e);
}

static inline void booking_write(struct booking *b, struct year *y)
{
    bool is_empty = json_array_size(b->entries) == 0;
    json_t *event = json_pack("{s:o}", "entries", b->entries);
    if (is_empty) {
        json_decref(event);
        return;
    }
    if (b->block != NULL)
        json_object_set_new(event, "block", b->block);
    if (b->marks != NULL)
        json_object_set_new(event, "marks", b->marks);
    begin_write(y);
    store_ledger_put(y->store, EVENT_LEDGER, event, on_written, y);
    *b = (struct booking){.entries = NULL};
}

static inline void book(struct year *y, struct entry *e, json_t *block, json_t *marks)
{
    struct booking b = booking_new();
    b.block = block;
    b.marks = marks;
    booking_add(&b, y, e);
    booking_write(&b, y);
}

struct money_now {
    const struct year *y;
    int64_t at_ms;
};

static inline bool is_held(const struct year *y, const struct miner *m, int64_t at_ms)
{
    return !may_at(y, m, at_ms).is_paid;
}

static inline struct amount balance_of_now(const void *ctx, const struct account *a)
{
    const struct money_now *now = ctx;
    return book_balance(now->y->book, a);
}

static inline bool is_held_now(const void *ctx, const struct miner_id *id)
{
    const struct money_now *now = ctx;
    size_t n = (size_t)decimal_of(id->text + 1);
    return is_held(now->y, &now->y->miners[n], now->at_ms);
}

static inline struct postings_now postings_of(const struct money_now *now)
{
    return (struct postings_now){balance_of_now, is_held_now, now};
}

static inline uint32_t fee_ppm_of(size_t n)
{
    return n % 50 == 4 ? 15000 : n % 50 == 9 ? 0 : FEE_PPM;
}

/* --- blocks ----------------------------------------------------------------------- */

static inline bool pays_shares(const struct year *y, int day)
{
    char date[PERIOD_DATE_SIZE];
    date_of(date, ms_of(y, day));
    return ((date[5] - '0') * 10 + date[6] - '0') % 4 == 2;
}

static inline int height_of(int day)
{
    return FIRST_HEIGHT + 144 * day;
}

static inline struct amount value_of(int day)
{
    struct amount subsidy =
        coinbase_subsidy((uint32_t)height_of(day), network_of(CONF_MAIN));
    return sat(amount_to_sat(subsidy) + BLOCK_FEES + day);
}

static inline json_t *block_of(const char *hash, int day, const char *state)
{
    return json_pack("{s:s, s:i, s:{s:s, s:i}}", "hash", hash, "height", height_of(day),
                     "set", "state", state, "height", height_of(day));
}

static inline json_t *new_block(struct year *y, const char *hash, int day,
                                json_t *parts, int64_t found_ms)
{
    json_t *block = block_of(hash, day, "accepted"),
           *set = json_object_get(block, "set");
    size_t finder = y->at_work[next_random(y) % y->at_work_count];
    json_object_update_new(
        set, json_pack("{s:s, s:I, s:I, s:s}", "miner", y->miners[finder].id.text,
                       "found_ms", (json_int_t)found_ms, "value_sat",
                       (json_int_t)amount_to_sat(value_of(day)), "coinbase", hash));
    if (parts != NULL)
        json_object_set_new(set, "split", json_pack("{s:o}", "parts", parts));
    return block;
}

static inline json_t *parts_json(const struct scheme_split *split)
{
    json_t *parts = json_array();
    for (size_t i = 0; i < split->count; i++) {
        const struct scheme_part *p = &split->parts[i];
        char work[24];
        snprintf(work, sizeof(work), "%" PRIu64, p->work);
        json_array_append_new(parts, json_pack("[s, s, I, I, I, I]", p->miner.text,
                                               work, (json_int_t)p->fee_ppm,
                                               (json_int_t)amount_to_sat(p->gross),
                                               (json_int_t)amount_to_sat(p->fee),
                                               (json_int_t)amount_to_sat(p->net)));
    }
    return parts;
}

static inline int by_number(const void *a, const void *b)
{
    const size_t *x = a, *z = b;
    return *x < *z ? -1 : *x > *z;
}

/* Minutes at work stand for the work. */
static inline void split_day(struct scheme_split *split, struct year *y, int day)
{
    struct works counted = {0};
    size_t count = y->at_work_count;
    struct split_weight *rows = mem_array(count, sizeof(*rows));
    struct scheme_fee *own = mem_array(count, sizeof(*own));
    qsort(y->at_work, count, sizeof(*y->at_work), by_number);
    for (size_t i = 0; i < count; i++) {
        const struct miner *m = &y->miners[y->at_work[i]];
        rows[i] = (struct split_weight){m->id, (uint64_t)(m->to_ms - m->from_ms)};
        own[i] = (struct scheme_fee){m->id, fee_ppm_of(y->at_work[i])};
    }
    const struct scheme_fees fees = {FEE_PPM, own, count};
    must(works_add(&counted, rows, count), "the works");
    const struct scheme_block block = {
        .reward = value_of(day), .counted = &counted, .fees = &fees};
    must(scheme_split_block(split, &block), "a split");
    works_clear(&counted);
    mem_free(rows);
    mem_free(own);
}

static inline void accept_split(struct year *y, int day, const char *hash,
                                int64_t at_ms)
{
    struct scheme_split split;
    struct entry e;
    const struct money_now money = {y, at_ms};
    const struct postings_now now = postings_of(&money);
    split_day(&split, y, day);
    struct postings_part *parts = mem_array(split.count, sizeof(*parts));
    for (size_t i = 0; i < split.count; i++)
        parts[i] =
            (struct postings_part){split.parts[i].miner, split.parts[i].net, sat(0), 0};
    const struct postings_block b = {.block = hash,
                                     .time_ms = at_ms + 1000,
                                     .pool_outputs = value_of(day),
                                     .fee = split.pool_fee,
                                     .own = sat(0),
                                     .parts = parts,
                                     .part_count = split.count};
    must(postings_block_accept(&e, &b, &now), "a block's entry");
    book(y, &e, new_block(y, hash, day, parts_json(&split), at_ms), NULL);
    mem_free(parts);
    scheme_split_clear(&split);
}

static inline void find_block(struct year *y, int day)
{
    char *hash = y->standing[day % 2];
    int64_t at_ms = at_time(y, day, 20, 0);
    struct entry e;
    hash[0] = '\0';
    if (y->at_work_count == 0)
        return;
    snprintf(hash, HASH256_HEX_SIZE, "%064x", (unsigned)day + 1);
    if (!pays_shares(y, day)) {
        accept_split(y, day, hash, at_ms);
        return;
    }
    must(postings_block_pps(&e, hash, value_of(day), at_ms + 1000), "a block's entry");
    book(y, &e, new_block(y, hash, day, NULL, at_ms), NULL);
}

static inline void lose_block(struct year *y, int day, const char *hash,
                              bool comes_back)
{
    struct entry e;
    int64_t at_ms = at_time(y, day, 17, 0);
    const struct money_now money = {y, at_ms + HOUR_MS / 2};
    const struct postings_now now = postings_of(&money);
    must(postings_block_orphan(&e, book_standing(y->book, hash), 1, at_ms),
         "an orphan's entry");
    book(y, &e, block_of(hash, day - 1, "orphaned"), NULL);
    if (!comes_back)
        return;
    must(postings_block_revive(&e, book_standing(y->book, hash), 2, at_ms + HOUR_MS / 2,
                               &now),
         "a revived block's entry");
    book(y, &e, block_of(hash, day - 1, "accepted"), NULL);
}

/* The block of the day before. */
static inline void settle_block(struct year *y, int day)
{
    const char *hash = y->standing[(day + 1) % 2];
    int64_t at_ms = at_time(y, day, 18, 0);
    const struct money_now money = {y, at_ms};
    const struct postings_now now = postings_of(&money);
    struct entry e;
    bool is_lost = day % 25 == 24, comes_back = day % 50 == 49;
    if (hash[0] == '\0')
        return;
    if (is_lost)
        lose_block(y, day, hash, comes_back);
    if (is_lost && !comes_back)
        return;
    must(postings_block_mature(&e, book_standing(y->book, hash), at_ms, &now),
         "a maturity's entry");
    book(y, &e, block_of(hash, day - 1, "mature"), NULL);
}

/* --- shares ----------------------------------------------------------------------- */

static inline struct pps_terms terms_of(size_t n, uint32_t utc_day)
{
    return (struct pps_terms){NBITS, fee_ppm_of(n), utc_day,
                              coinbase_subsidy(FIRST_HEIGHT, network_of(CONF_MAIN))};
}

/* False: not a whole satoshi. */
static inline bool accrue(struct booking *b, struct year *y, const struct miner *m,
                          enum pps_part part, struct amount credit, int64_t at_ms)
{
    char period[PPS_PERIOD_SIZE];
    struct entry e;
    const struct pps_terms terms = terms_of(number_of(y, m), y->pps_day);
    pps_period_format(period, &terms, part, 0);
    const struct postings_pps p = {.period = period,
                                   .miner = m->id,
                                   .work = m->pps.work,
                                   .credit = credit,
                                   .is_held = is_held(y, m, at_ms),
                                   .time_ms = at_ms};
    enum kz_err err = postings_pps_accrual(&e, &p);
    if (err == KZ_EMPTY)
        return false;
    must(err, "a share's entry");
    booking_add(b, y, &e);
    if (json_array_size(b->entries) == CHUNK) {
        booking_write(b, y);
        *b = booking_new();
    }
    return true;
}

/* The fees of a UTC day that is over, to all that it owes them to. */
static inline void close_fees(struct year *y, int64_t at_ms)
{
    struct booking b = booking_new();
    for (size_t n = 0; n < y->count && y->pps_day != 0; n++) {
        struct miner *m = &y->miners[n];
        struct amount credit;
        const struct pps_terms terms = terms_of(n, y->pps_day);
        if (m->pps.work == 0)
            continue;
        must(pps_close_day(&credit, &m->pps, &terms, sat(BLOCK_FEES),
                           network_of(CONF_MAIN)->work_unit),
             "a day's fees");
        accrue(&b, y, m, PPS_FPPS_FEES, credit, at_ms);
        m->pps = (struct pps_account){0};
    }
    y->pps_day = 0;
    booking_write(&b, y);
}

static inline void credit_shares(struct year *y, int64_t at_ms)
{
    struct booking b = booking_new();
    for (size_t i = 0; i < y->at_work_count; i++) {
        struct miner *m = &y->miners[y->at_work[i]];
        struct amount credit;
        const struct pps_terms terms = terms_of(y->at_work[i], y->pps_day);
        if (m->hour_work == 0)
            continue;
        must(pps_accrue(&credit, &m->pps, &terms, m->hour_work,
                        network_of(CONF_MAIN)->work_unit),
             "an hour's shares");
        accrue(&b, y, m, PPS_FPPS_SUBSIDY, credit, at_ms);
    }
    booking_write(&b, y);
}

/* The slice of the hour that begins then. */
static inline void end_hour(struct year *y, int day, int64_t hour_ms)
{
    uint32_t utc_day = (uint32_t)(hour_ms / DAY_MS);
    if (y->pps_day != 0 && (y->pps_day != utc_day || !pays_shares(y, day)))
        close_fees(y, hour_ms);
    if (pays_shares(y, day)) {
        y->pps_day = utc_day;
        credit_shares(y, hour_ms + HOUR_MS - 1000);
    }
    for (size_t i = 0; i < y->at_work_count; i++)
        y->miners[y->at_work[i]].hour_work = 0;
}

#endif
