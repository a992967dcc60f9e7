/* tests/bench/year_money.h - the money of a year: what is held, what is paid, each day's turn.
 *
 * Each week all that is due is paid; of ten payouts one leaves the chain and comes back, one
 * is abandoned. What must not be paid is held, and released when it may be again. */
#ifndef TESTS_BENCH_YEAR_MONEY_H
#define TESTS_BENCH_YEAR_MONEY_H

#include "year_ledger.h"

#define NETWORK_FEE 200 /* of each payment */
#define LEAST_DUE   100000
#define CAPITAL     INT64_C(10000000000)

/* --- holds ------------------------------------------------------------------------ */

static inline struct amount owed(const struct year *y, enum account_name name,
                                 const struct miner *m)
{
    struct account a = account_miner(name, &m->id);
    return entry_turned(book_balance(y->book, &a));
}

static inline void move_balance(struct year *y, struct miner *m, struct amount amount,
                                bool is_hold, int64_t at_ms)
{
    struct entry e;
    char text[48];
    const struct entry_basis basis = {.reason = "the registration's state",
                                      .by = {"maral", "oraz"}};
    const struct postings_hold h = {.miner = m->id,
                                    .n = is_hold ? ++m->holds : ++m->releases,
                                    .amount = amount,
                                    .document = "",
                                    .basis = &basis,
                                    .time_ms = at_ms};
    must(is_hold ? postings_hold(&e, &h) : postings_release(&e, &h), "a hold");
    snprintf(text, sizeof(text), "%" PRIu64 " %" PRIu64, m->holds, m->releases);
    book(y, &e, NULL, json_pack("[[s, s, s]]", "holds", m->id.text, text));
}

static inline void settle_holds(struct year *y, int day)
{
    int64_t at_ms = at_time(y, day, 15, 0);
    for (size_t n = 0; n < y->count; n++) {
        struct miner *m = &y->miners[n];
        if (m->record == NULL)
            continue;
        bool is_hold = is_held(y, m, at_ms);
        struct amount amount = owed(y, is_hold ? ACCOUNT_MATURE : ACCOUNT_HELD, m);
        if (!amount_is_zero(amount))
            move_balance(y, m, amount, is_hold, at_ms);
    }
}

/* --- payouts ---------------------------------------------------------------------- */

/* Zero: not now. */
static inline struct amount due_to(const struct year *y, const struct miner *m,
                                   int64_t at_ms)
{
    if (m->record == NULL)
        return sat(0);
    const json_t *address = record_newest_address(m->record);
    const struct record_may may = may_at(y, m, at_ms);
    struct amount due = owed(y, ACCOUNT_MATURE, m);
    int64_t least = may.is_paid_in_full ? NETWORK_FEE + 1 : LEAST_DUE;
    bool is_due = may.is_paid && address != NULL &&
                  !record_address_waits(address, at_ms) && amount_to_sat(due) >= least;
    return is_due ? due : sat(0);
}

/* Into the payout's record. */
static inline struct amount choose_recipients(struct year *y, int64_t at_ms)
{
    struct payout *o = &y->payout;
    struct amount sum = amount_zero();
    for (size_t n = 0; n < y->count; n++) {
        struct amount due = due_to(y, &y->miners[n], at_ms);
        if (amount_is_zero(due))
            continue;
        struct payout_recipient *r = &o->recipients[o->recipient_count];
        r->miner = y->miners[n].id;
        r->debit = r->paid = due;
        must(amount_sub(&r->paid, due, sat(NETWORK_FEE)) ? KZ_OK : KZ_RANGE,
             "a payment");
        address_text(r->address, &r->script, n, y->miners[n].addresses - 1);
        r->vout = (uint32_t)o->recipient_count++;
        must(amount_add(&sum, sum, due) ? KZ_OK : KZ_RANGE, "a sum");
    }
    return sum;
}

static inline json_t *payout_marks(const struct year *y, const char *state)
{
    const struct payout *o = &y->payout;
    char *plan = payout_plan_text(o, "1");
    json_t *marks = json_array();
    json_array_append_new(marks, payout_mark(&o->id, "plan", plan));
    json_array_append_new(marks, payout_mark(&o->id, "state", state));
    json_array_append_new(marks, payout_mark(&o->id, "n", "1"));
    free(plan); /* allowed: jansson's */
    return marks;
}

static inline void reserve(struct year *y, int64_t at_ms, const char *state)
{
    const struct payout *o = &y->payout;
    struct entry e;
    struct postings_due *due = mem_array(o->recipient_count, sizeof(*due));
    for (size_t i = 0; i < o->recipient_count; i++)
        due[i] = (struct postings_due){o->recipients[i].miner, o->recipients[i].debit};
    must(postings_reserve(&e, &o->id, due, o->recipient_count, at_ms), "a reserve");
    book(y, &e, NULL, payout_marks(y, state));
    mem_free(due);
}

static inline void confirm(struct year *y, int64_t at_ms, uint64_t n)
{
    const struct payout *o = &y->payout;
    struct entry e;
    char txid[HASH256_HEX_SIZE];
    struct entry_output *outputs = mem_array(o->recipient_count, sizeof(*outputs));
    for (size_t i = 0; i < o->recipient_count; i++) {
        const struct payout_recipient *r = &o->recipients[i];
        outputs[i] = (struct entry_output){r->miner, r->vout, r->paid};
    }
    snprintf(txid, sizeof(txid), "%064" PRIx64, (uint64_t)o->created_ms);
    const struct postings_settled s = {
        .txid = txid,
        .outputs = outputs,
        .output_count = o->recipient_count,
        .fee = sat(NETWORK_FEE * (int64_t)o->recipient_count),
        .n = n,
        .time_ms = at_ms};
    must(postings_confirm(&e, book_reserve(y->book, &o->id), &s), "a confirmation");
    book(y, &e, NULL, NULL);
    mem_free(outputs);
}

/* `week` from 0. */
static inline void pay_out(struct year *y, int64_t at_ms, int week)
{
    const struct payout_id *id = &y->payout.id;
    struct entry e;
    bool is_abandoned = week % 10 == 7, leaves = week % 10 == 2;
    reserve(y, at_ms, is_abandoned ? "abandoned" : "confirmed");
    if (is_abandoned) {
        must(postings_abandon(&e, book_reserve(y->book, id), at_ms + HOUR_MS / 4),
             "an abandoned payout");
        book(y, &e, NULL, NULL);
        return;
    }
    confirm(y, at_ms + HOUR_MS / 4, 0);
    if (leaves) {
        must(postings_unconfirm(&e, book_confirm(y->book, id), 1, at_ms + HOUR_MS / 3),
             "a payout that left the chain");
        book(y, &e, NULL, NULL);
        confirm(y, at_ms + HOUR_MS / 2, 2);
    }
    must(book_finish_payout(y->book, id), "a payout's end");
}

static inline void pay(struct year *y, int day)
{
    struct payout *o = &y->payout;
    char id[24];
    int64_t at_ms = at_time(y, day, 22, 0);
    snprintf(id, sizeof(id), "po-%d", day);
    must(payout_id_parse(&o->id, id, strlen(id)), "a payout's id");
    snprintf(o->journal, sizeof(o->journal), "%s", "0123456789abcdef");
    o->created_ms = at_ms;
    o->coins = mem_new(sizeof(*o->coins));
    o->coin_count = o->planned_count = 1;
    o->recipients = mem_array(y->count, sizeof(*o->recipients));
    o->coins[0].value = choose_recipients(y, at_ms);
    if (o->recipient_count > 0)
        pay_out(y, at_ms, day / 7);
    payout_clear(o);
}

/* An adjustment by two persons, in favour of somebody. */
static inline void correct(struct year *y, int day)
{
    struct entry e;
    char id[24];
    const struct miner *m = &y->miners[y->at_work[0]];
    const struct entry_basis basis = {.reason = "a rounding that was promised",
                                      .by = {"maral", "oraz"}};
    const struct posting postings[] = {
        {account_miner(ACCOUNT_MATURE, &m->id), sat(-777)},
        {account_pool(ACCOUNT_FEE), sat(777)}};
    snprintf(id, sizeof(id), "adj-%d", day);
    const struct postings_manual manual = {
        .id = id, .basis = &basis, .time_ms = at_time(y, day, 16, 0)};
    must(postings_correction(&e, postings, 2, &manual), "a correction");
    book(y, &e, NULL, NULL);
}

/* What the pool needs to pay for shares whose blocks are lost or not yet found. */
static inline void bring_capital(struct year *y)
{
    struct entry e;
    const struct entry_basis basis = {.reason = "the pool's own money",
                                      .by = {"maral", "oraz"}};
    const struct postings_manual manual = {
        .n = 1, .basis = &basis, .time_ms = ms_of(y, -1)};
    must(postings_capital_in(&e, sat(CAPITAL), &manual), "capital");
    book(y, &e, NULL, NULL);
}

/* --- a day ---------------------------------------------------------------------------- */

/* What is booked as the hour begins. */
static inline void book_hour(struct year *y, int day, int hour)
{
    if (hour == 15)
        settle_holds(y, day);
    if (hour == 16 && day % 25 == 24 && y->at_work_count > 0)
        correct(y, day);
    if (hour == 18 && day > 0)
        settle_block(y, day);
    if (hour == 20)
        find_block(y, day);
    if (hour == 22 && day % 7 == 6)
        pay(y, day);
}

static inline void year_day(struct year *y, int day)
{
    registry_day(y, day);
    refuse_logins(y, day);
    choose_workers(y, day);
    for (int hour = 0; hour < 24; hour++) {
        book_hour(y, day, hour);
        work_hour(y, day, at_time(y, day, hour, 0));
        end_hour(y, day, at_time(y, day, hour, 0));
    }
    flush(y);
    take_answers(y);
    year_expire(y, ms_of(y, day + 1));
}

#endif
