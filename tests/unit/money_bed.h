/* tests/unit/money_bed.h - a store whose ledger, tallies and registry hold ten days of two
 * miners, for reports of money and work. Include first, as tests/unit/redis_fixture.h.
 *
 * Days count from 0, ten of them up to now, in a zone five hours east of UTC:
 *
 *   before  block Z matures: bob is owed 1000
 *   day 1   block A, 1000000: alice 600000 less 6000, bob 400000 less 4000
 *   day 2   block B, 500000: alice less 5000; an orphan on day 3
 *   day 4   shares: bob 980 and 490, each after a fee of 2 %
 *   day 5   A matures
 *   day 6   alice's 594000 are reserved, day 7 paid: 590000 and 4000 of the fee
 *   day 8   bob's balance is corrected by 100 */
#ifndef TESTS_MONEY_BED_H
#define TESTS_MONEY_BED_H

#include "redis_fixture.h"

#include "ledger_fixture.h"
#include "payout/pps.h"
#include "pool/audit/audit_event.h"
#include "pool/report/fill.h"
#include "share/store_read.h"

#define HOUR_MS INT64_C(3600000)
#define DAY_MS  (24 * HOUR_MS)
#define DAYS    10
#define OFFSET  300
#define ALICES  "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
#define PAID_TO "bcrt1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qzf4jry"

static const char block_a[] =
    "00000000000000000000000000000000000000000000000000000000000000aa";
static const char block_b[] =
    "00000000000000000000000000000000000000000000000000000000000000bb";
static const char block_z[] =
    "00000000000000000000000000000000000000000000000000000000000000cc";
static const char txid[] =
    "1111111111111111111111111111111111111111111111111111111111111111";

struct bed {
    struct fixture f;
    struct book *book;
    int64_t start_ms; /* of day 0 */
    struct report_source source;
    struct history history; /* `source` has it */
};

static inline int64_t at(const struct bed *b, int day, int64_t minute)
{
    return b->start_ms + day * DAY_MS + minute * 60000;
}

static inline int set_up(void **state)
{
    struct bed *b = mem_new(sizeof(*b));
    int64_t now = clock_utc_ms();
    fixture_init(&b->f);
    fixture_start(&b->f);
    b->book = book_new();
    b->start_ms = period_day_start(now, OFFSET) - DAYS * DAY_MS;
    b->source = (struct report_source){
        .store = b->f.store,
        .conf = &b->f.conf,
        .history = &b->history,
        .header = {.jurisdiction = "TM",
                   .operator_name = "Kariz",
                   .timezone = "Asia/Ashgabat",
                   .period = {PERIOD_ON_DEMAND, OFFSET, b->start_ms,
                              b->start_ms + DAYS * DAY_MS},
                   .generated_ms = now,
                   .disclosure = DISCLOSURE_FULL}};
    wait_until(status_is(&b->f, "state", "ready"));
    *state = b;
    return 0;
}

static inline int tear_down(void **state)
{
    struct bed *b = *state;
    book_free(b->book);
    history_clear(&b->history);
    fixture_clear(&b->f);
    mem_free(b);
    return 0;
}

/* What was journaled up to now, for sources. */
static inline void read_history(struct bed *b)
{
    char why[HISTORY_WHY_SIZE];
    const struct history_ask ask = {.dir = b->f.journal_dir,
                                    .from_ms = b->source.header.period.from_ms,
                                    .until_ms = fill_instant(&b->source),
                                    .written_before_ms = INT64_MAX};
    history_clear(&b->history);
    if (history_read(&b->history, why, &ask) != KZ_OK)
        fail_msg("%s", why);
}

/* --- writing ---------------------------------------------------------------------- */

static inline struct miner_id named(const char *text)
{
    struct miner_id id;
    assert_int_equal(miner_id_parse(&id, text, strlen(text)), KZ_OK);
    return id;
}

/* `block` (or NULL) is what the event says of the block's record; taken. */
static inline void write_event(struct bed *b, struct entry *e, json_t *block)
{
    char why[256];
    char *text = entry_format(e);
    json_t *event = json_pack("{s:[o]}", "entries", json_loads(text, 0, NULL));
    mem_free(text);
    applied(b->book, e);
    entry_clear(e);
    if (block != NULL)
        json_object_set_new(event, "block", block);
    enum kz_err err = store_ledger_write(why, b->f.store, EVENT_LEDGER, event);
    if (err != KZ_OK)
        fail_msg("%s: %s", kz_err_text(err), why);
}

static inline json_t *state_of(const char *hash, int height, const char *state)
{
    return json_pack("{s:s, s:i, s:{s:s}}", "hash", hash, "height", height, "set",
                     "state", state);
}

struct block {
    const char *hash;
    int height;
    int64_t found_ms, time_ms, value, fee;
    const char *parts; /* [[miner, work, ppm, gross, fee, net], ...] */
    const char *miners[2];
    int64_t net[2];
    size_t count;
};

static inline void accept(struct bed *b, const struct block *k)
{
    struct postings_part parts[2];
    struct entry e;
    for (size_t i = 0; i < k->count; i++)
        parts[i] =
            (struct postings_part){named(k->miners[i]), sat(k->net[i]), sat(0), 0};
    const struct postings_block p = {.block = k->hash,
                                     .time_ms = k->time_ms,
                                     .pool_outputs = sat(k->value),
                                     .fee = sat(k->fee),
                                     .own = sat(0),
                                     .parts = parts,
                                     .part_count = k->count};
    assert_int_equal(postings_block_accept(&e, &p, NULL), KZ_OK);
    json_t *record = state_of(k->hash, k->height, "accepted");
    json_object_update_new(json_object_get(record, "set"),
                           json_pack("{s:i, s:s, s:I, s:I, s:s, s:{s:o}}", "height",
                                     k->height, "miner", "bob", "found_ms",
                                     (json_int_t)k->found_ms, "value_sat",
                                     (json_int_t)k->value, "coinbase", txid, "split",
                                     "parts", json_loads(k->parts, 0, NULL)));
    write_event(b, &e, record);
}

static inline struct postings_now nobody_is_held(struct fixture_now *now, struct bed *b)
{
    *now = (struct fixture_now){.book = b->book};
    return fixture_hooks(now);
}

static inline void mature(struct bed *b, const char *hash, int height, int64_t time_ms)
{
    struct fixture_now now;
    struct postings_now hooks = nobody_is_held(&now, b);
    struct entry e;
    assert_int_equal(
        postings_block_mature(&e, book_standing(b->book, hash), time_ms, &hooks),
        KZ_OK);
    write_event(b, &e, state_of(hash, height, "mature"));
}

static inline void orphan(struct bed *b, const char *hash, int height, int64_t time_ms)
{
    struct entry e;
    assert_int_equal(
        postings_block_orphan(&e, book_standing(b->book, hash), 1, time_ms), KZ_OK);
    write_event(b, &e, state_of(hash, height, "orphaned"));
}

static inline void accrue(struct bed *b, uint64_t work, int64_t credit, int64_t time_ms)
{
    char period[PPS_PERIOD_SIZE];
    const struct pps_terms terms = {0x17030ecd, 20000, 20000, sat(312500000)};
    struct entry e;
    pps_period_format(period, &terms, PPS_SUBSIDY, 0);
    const struct postings_pps p = {.period = period,
                                   .miner = named("bob"),
                                   .work = work,
                                   .credit = sat(credit),
                                   .time_ms = time_ms};
    assert_int_equal(postings_pps_accrual(&e, &p), KZ_OK);
    write_event(b, &e, NULL);
}

static inline void pay(struct bed *b)
{
    struct payout_id id = payout_n(1);
    struct entry e;
    const struct postings_due due = {named("alice"), sat(594000)};
    assert_int_equal(postings_reserve(&e, &id, &due, 1, at(b, 6, 60)), KZ_OK);
    write_event(b, &e, NULL);
    const struct entry_output output = {named("alice"), 3, sat(590000)};
    const struct postings_settled s = {.txid = txid,
                                       .outputs = &output,
                                       .output_count = 1,
                                       .fee = sat(4100),
                                       .time_ms = at(b, 7, 60)};
    assert_int_equal(postings_confirm(&e, book_reserve(b->book, &id), &s), KZ_OK);
    write_event(b, &e, NULL);
}

static inline void correct(struct bed *b)
{
    struct miner_id bob = named("bob");
    const struct posting postings[2] = {
        {account_miner(ACCOUNT_MATURE, &bob), sat(-100)},
        {account_pool(ACCOUNT_CAPITAL), sat(100)}};
    const struct postings_manual m = {
        .id = "op-1", .basis = two_persons(), .time_ms = at(b, 8, 60)};
    struct entry e;
    assert_int_equal(postings_correction(&e, postings, 2, &m), KZ_OK);
    write_event(b, &e, NULL);
}

static inline void write_ledger(struct bed *b)
{
    const struct block z = {block_z, 99,   at(b, -3, 60), at(b, -3, 70), 1000,
                            0,       "[]", {"bob"},       {1000},        1};
    const struct block a = {block_a,
                            150,
                            at(b, 1, 60),
                            at(b, 1, 70),
                            1000000,
                            10000,
                            "[[\"alice\",\"6\",10000,600000,6000,594000],"
                            "[\"bob\",\"4\",10000,400000,4000,396000]]",
                            {"alice", "bob"},
                            {594000, 396000},
                            2};
    const struct block second = {block_b,
                                 151,
                                 at(b, 2, 60),
                                 at(b, 2, 70),
                                 500000,
                                 5000,
                                 "[[\"alice\",\"6\",10000,500000,5000,495000]]",
                                 {"alice"},
                                 {495000},
                                 1};
    accept(b, &z);
    mature(b, block_z, 99, at(b, -1, 60));
    accept(b, &a);
    accept(b, &second);
    orphan(b, block_b, 151, at(b, 3, 60));
    accrue(b, 1000, 980, at(b, 4, 60));
    accrue(b, 1500, 490, at(b, 4, 1439));
    mature(b, block_a, 150, at(b, 5, 60));
    pay(b);
    correct(b);
}

static inline void send_at(struct bed *b, const char *miner, enum share_verdict verdict,
                           int64_t time_ms)
{
    struct share_record r = make_share(miner, "rig", UINT64_C(1000000000000));
    uint64_t seq;
    r.verdict = verdict;
    r.time_ms = time_ms;
    assert_int_equal(journal_writer_put(b->f.writer, &seq, &r, NULL), KZ_OK);
}

/* Alice on day 1, at 23:30 and 23:59 of it, and on day 2 at 0:00 and 1:00: three UTC hours,
 * of which two are of the UTC day before. One of 5 is stale. */
static inline void write_shares(struct bed *b)
{
    send_at(b, "alice", SHARE_ACCEPTED, at(b, 1, 1410));
    send_at(b, "alice", SHARE_ACCEPTED, at(b, 1, 1439));
    send_at(b, "alice", SHARE_ACCEPTED, at(b, 2, 0));
    send_at(b, "alice", SHARE_ACCEPTED, at(b, 2, 60));
    send_at(b, "alice", SHARE_STALE, at(b, 2, 61));
    send_at(b, "alice", SHARE_ACCEPTED,
            at(b, -1, 1439)); /* before the period: the last */
    wait_until(pool_work(&b->f) == UINT64_C(5000000000000));
}

/* `time_ms`: what the chain says of the moment. */
static inline void register_as(struct bed *b, json_t *record, uint64_t revision,
                               int64_t time_ms)
{
    char why[AUDIT_WHY_SIZE];
    struct hash256 after;
    struct reply r = {.err = KZ_OK};
    json_t *event = NULL;
    assert_int_equal(audit_record_hash(&after, record), KZ_OK);
    const struct audit_event e = {
        .time_ms = time_ms,
        .instance = "front-1",
        .word = AUDIT_ACTIVATED,
        .miner = json_string_value(json_object_get(record, "miner_id")),
        .actor = "oraz",
        .role = AUDIT_OFFICER,
        .after = &after};
    if (audit_event_build(&event, why, &e, 1) != KZ_OK)
        fail_msg("%s", why);
    store_registry_put(b->f.store, record, revision, event, on_reply, &r);
    wait_until(atomic_load(&r.done) > 0);
    if (r.err != KZ_OK)
        fail_msg("%s", r.text);
    json_decref(r.value);
}

static inline void date_of(char out[PERIOD_DATE_SIZE], const struct bed *b, int day)
{
    period_date(out, at(b, day, 0), OFFSET);
}

/* Alice's certificate is replaced on day 5; one rig of 2 TH/s and 1500 W works from day 1,
 * another to day 1. */
static inline json_t *alice_record(const struct bed *b)
{
    char d1[PERIOD_DATE_SIZE], d5[PERIOD_DATE_SIZE], since[CLOCK_TEXT_SIZE],
        moved[CLOCK_TEXT_SIZE];
    date_of(d1, b, 1);
    date_of(d5, b, 5);
    clock_utc_format(since, at(b, -9, 0));
    clock_utc_format(moved, at(b, 6, 0));
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:{s:s}, s:{s:s, s:s}, s:[{s:s, s:s, s:s}],"
        " s:[{s:i, s:i, s:s}, {s:i, s:i, s:s, s:s}],"
        " s:[{s:s, s:s, s:s}, {s:s, s:s}]}",
        "miner_id", "alice", "state", "active", "kind", "legal_entity", "residency",
        "resident", "residence_country", "TM", "official_name", "Altyn HJ", "tax_id",
        "value", "1234567", "certificate", "number", "TM-2", "issued_on", d5,
        "certificates_before", "number", "TM-1", "issued_on", "2026-01-02",
        "replaced_on", d5, "equipment", "nominal_ghs", 2000, "power_w", 1500, "from",
        d1, "nominal_ghs", 7000, "power_w", 9000, "from", "2026-01-01", "to", d1,
        "payout_addresses", "address", ALICES, "from", since, "to", moved, "address",
        PAID_TO, "from", moved);
}

static inline void register_miners(struct bed *b)
{
    register_as(b, alice_record(b), 0, at(b, -9, 0));
    register_as(b,
                json_pack("{s:s, s:s, s:s, s:s, s:s}", "miner_id", "bob", "state",
                          "active", "kind", "individual_entrepreneur", "residency",
                          "non_resident", "residence_country", "KZ"),
                0, at(b, -9, 0));
}

#endif
