/* The reports about work and money, made from a real store, against numbers worked out by
 * hand: what happened on which day is in money_bed.h. */
#include "money_bed.h"

#include "pool/registry/profile.h"
#include "pool/report/crosscheck.h"
#include "pool/report/ledger_source.h"
#include "pool/report/make.h"

/* --- reading ---------------------------------------------------------------------- */

static enum kz_err make_one(struct report **out, char why[SOURCE_WHY_SIZE],
                            const struct ledger_source *source,
                            const struct report_source *s)
{
    struct ledger_reader r = {source, NULL};
    const struct ledger_readers all = {&r, 1, NULL, NULL};
    size_t failed;
    enum kz_err err = source->begin(&r.making, why, s);
    if (err != KZ_OK)
        return err;
    err = ledger_sources_read(why, &failed, s, &all);
    if (err == KZ_OK)
        err = source->make(out, r.making);
    source->end(r.making);
    return err;
}

static struct report *made(struct bed *b, const struct ledger_source *source)
{
    char why[SOURCE_WHY_SIZE] = "";
    struct report *r = NULL;
    read_history(b);
    if (make_one(&r, why, source, &b->source) != KZ_OK)
        fail_msg("%s", why);
    return r;
}

static const char *text(const struct report *r, const struct report_row *row,
                        const char *name)
{
    const struct cell *c = report_cell(r, row, name);
    return c->text != NULL ? c->text : "";
}

static int64_t number(const struct report *r, const struct report_row *row,
                      const char *name)
{
    return report_cell(r, row, name)->number;
}

static const struct report_row *row_of(const struct bed *b, const struct report *r,
                                       const char *miner, int day)
{
    char date[PERIOD_DATE_SIZE];
    date_of(date, b, day);
    for (size_t i = 0; i < report_row_count(r); i++)
        if (strcmp(text(r, report_row(r, i), "miner_id"), miner) == 0 &&
            strcmp(text(r, report_row(r, i), "day"), date) == 0)
            return report_row(r, i);
    return NULL;
}

static void has_no_failure(void *ctx, const struct crosscheck_failure *failure)
{
    (void)ctx;
    fail_msg("%s", failure->text);
}

/* --- R4 --------------------------------------------------------------------------- */

struct money {
    int64_t start, credited, fee, paid, reversed, adjusted, end;
};

static void has_money(const struct bed *b, const struct report *r, const char *miner,
                      int day, struct money want)
{
    const struct report_row *row = row_of(b, r, miner, day);
    if (row == NULL)
        fail_msg("%s has no row of day %d", miner, day);
    assert_int_equal(number(r, row, "balance_start"), want.start);
    assert_int_equal(number(r, row, "credited"), want.credited);
    assert_int_equal(number(r, row, "fee"), want.fee);
    assert_int_equal(number(r, row, "paid"), want.paid);
    assert_int_equal(number(r, row, "reversed"), want.reversed);
    assert_int_equal(number(r, row, "adjusted"), want.adjusted);
    assert_int_equal(number(r, row, "balance_end"), want.end);
}

static void each_days_money_is_what_the_ledger_moved_that_day(void **state)
{
    struct bed *b = *state;
    register_miners(b);
    write_ledger(b);
    struct report *r = made(b, &ledger_production);
    has_money(b, r, "alice", 1, (struct money){0, 594000, 6000, 0, 0, 0, 594000});
    has_money(b, r, "alice", 2, (struct money){594000, 495000, 5000, 0, 0, 0, 1089000});
    has_money(b, r, "alice", 3,
              (struct money){1089000, 0, -5000, 0, 495000, 0, 594000});
    has_money(b, r, "alice", 7, (struct money){594000, 0, 0, 594000, 0, 0, 0});
    has_money(b, r, "bob", 1, (struct money){1000, 396000, 4000, 0, 0, 0, 397000});
    has_money(b, r, "bob", 4, (struct money){397000, 1470, 30, 0, 0, 0, 398470});
    has_money(b, r, "bob", 8, (struct money){398470, 0, 0, 0, 0, 100, 398570});
    /* A maturity and a reserve move nothing; bob found a block on day 2. */
    assert_null(row_of(b, r, "alice", 5));
    assert_null(row_of(b, r, "alice", 6));
    assert_int_equal(number(r, row_of(b, r, "bob", 2), "blocks_found"), 1);
    assert_int_equal(report_row_count(r), 8);
    const struct report_row *all = report_totals(r, report_totals_count(r) - 1);
    assert_int_equal(number(r, all, "blocks_found"), 2);
    assert_int_equal(number(r, all, "balance_start"), 1000);
    assert_int_equal(number(r, all, "balance_end"), 398570);
    report_free(r);
}

static void work_is_counted_by_days_of_the_zone(void **state)
{
    struct bed *b = *state;
    register_miners(b);
    write_shares(b);
    struct report *r = made(b, &ledger_production);
    const struct report_row *first = row_of(b, r, "alice", 1),
                            *second = row_of(b, r, "alice", 2);
    assert_int_equal(report_row_count(r), 2);
    assert_int_equal(number(r, first, "accepted_shares"), 2);
    assert_int_equal(number(r, first, "rejected_shares"), 0);
    assert_string_equal(text(r, first, "work"), "2000000000000");
    assert_int_equal(number(r, second, "accepted_shares"), 2);
    assert_int_equal(number(r, second, "rejected_shares"), 1);
    assert_int_equal(number(r, second, "rejected_percent"), 33333333);
    /* 2 * 10^12 hashes in 86400 s, a unit of regtest's being one: 23.148148 MH/s. */
    assert_int_equal(number(r, first, "average_ths"), 23);
    /* One hour of day 1, two of day 2, at 1500 W; of 2 TH/s: 0.001157 %. */
    assert_int_equal(number(r, first, "kwh_estimate"), 1500000);
    assert_int_equal(number(r, second, "kwh_estimate"), 3000000);
    assert_int_equal(number(r, first, "measured_to_declared_percent"), 1157);
    const struct report_row *total = report_totals(r, 0);
    assert_string_equal(text(r, total, "work"), "4000000000000");
    /* Over ten days, on nine of which 2 TH/s were declared and on the first 7. */
    assert_int_equal(number(r, total, "average_ths"), 4);
    assert_int_equal(number(r, total, "measured_to_declared_percent"), 185);
    assert_int_equal(number(r, total, "rejected_percent"), 20000000);
    report_free(r);
}

static void a_row_names_the_certificate_of_its_day(void **state)
{
    struct bed *b = *state;
    register_miners(b);
    write_ledger(b);
    struct report *r = made(b, &ledger_production);
    const struct report_row *row = row_of(b, r, "alice", 3);
    assert_string_equal(text(r, row, "certificate_no"), "TM-1");
    assert_string_equal(text(r, row, "kind"), "legal_entity");
    assert_string_equal(text(r, row, "residence_country"), "TM");
    assert_string_equal(text(r, row_of(b, r, "alice", 7), "certificate_no"), "TM-2");
    assert_string_equal(text(r, row_of(b, r, "bob", 1), "certificate_no"), "");
    report_free(r);
}

static void a_record_changed_behind_the_period_is_the_old_one(void **state)
{
    struct bed *b = *state;
    register_miners(b);
    write_ledger(b);
    register_as(b,
                json_pack("{s:s, s:s, s:s, s:s, s:s}", "miner_id", "bob", "state",
                          "active", "kind", "legal_entity", "residency", "resident",
                          "residence_country", "UZ"),
                1, b->source.header.period.to_ms);
    struct report *r = made(b, &ledger_production);
    assert_string_equal(text(r, row_of(b, r, "bob", 1), "residence_country"), "KZ");
    report_free(r);
    b->source.header.period.to_ms += DAY_MS;
    r = made(b, &ledger_production);
    assert_string_equal(text(r, row_of(b, r, "bob", 1), "residence_country"), "UZ");
    report_free(r);
}

static void forget_hours(struct bed *b, int64_t time_ms)
{
    char key[KEY_SIZE];
    struct miner_id alice = named("alice");
    redisContext *c = redis_of(&b->f);
    key_tally(key, "front-1", KEY_HOURS, &alice, time_ms / 1000);
    redisReply *r = redisCommand(c, "DEL %s", key);
    assert_int_equal(r->integer, 1);
    freeReplyObject(r);
    redisFree(c);
}

static void hours_that_are_gone_refuse_a_zone_but_not_utc(void **state)
{
    struct bed *b = *state;
    char why[SOURCE_WHY_SIZE];
    struct report *r = NULL;
    write_shares(b);
    forget_hours(b, at(b, 2, 60));
    read_history(b);
    assert_int_equal(make_one(&r, why, &ledger_production, &b->source), KZ_RANGE);
    assert_non_null(strstr(why, "tally.hours_days"));
    assert_null(r);
    b->source.header.period.offset_minutes = 0;
    b->source.header.period.from_ms += OFFSET * INT64_C(60000);
    r = made(b, &ledger_production);
    uint64_t shares = 0;
    for (size_t i = 0; i < report_row_count(r); i++) {
        shares += (uint64_t)number(r, report_row(r, i), "accepted_shares");
        assert_false(report_cell(r, report_row(r, i), "kwh_estimate")->is_set);
    }
    assert_int_equal(shares, 4);
    report_free(r);
}

static void what_cannot_be_made_from_hours_or_days_says_so(void **state)
{
    struct bed *b = *state;
    char why[SOURCE_WHY_SIZE];
    struct report *r = NULL;
    struct report_source s = b->source;
    s.header.period.offset_minutes = 330;
    assert_int_equal(make_one(&r, why, &ledger_production, &s), KZ_RANGE);
    assert_non_null(strstr(why, "whole hours"));
    s = b->source;
    s.header.period.from_ms -= 700 * DAY_MS;
    assert_int_equal(make_one(&r, why, &ledger_production, &s), KZ_RANGE);
    assert_non_null(strstr(why, "tally.days_months"));
    assert_null(r);
}

static void a_balance_without_movement_has_a_row_for_the_first_day(void **state)
{
    struct bed *b = *state;
    write_ledger(b);
    b->source.header.period.from_ms = at(b, 9, 0);
    struct report *r = made(b, &ledger_production);
    assert_int_equal(report_row_count(r), 1);
    has_money(b, r, "bob", 9, (struct money){398570, 0, 0, 0, 0, 0, 398570});
    report_free(r);
}

/* Gives the second instance what the first one has of that UTC day, or month. */
static void copy_tally(redisContext *c, enum key_span span, int64_t time_ms)
{
    char from[KEY_SIZE], to[KEY_SIZE];
    struct miner_id alice = named("alice");
    key_tally(from, "front-1", span, &alice, time_ms / 1000);
    key_tally(to, "front-2", span, &alice, time_ms / 1000);
    freeReplyObject(redisCommand(c, "COPY %s %s", from, to));
}

/* What the two daemons that share a Redis took adds up; an hour both have is one hour. */
static void instances_add_up(void **state)
{
    struct bed *b = *state;
    register_miners(b);
    write_shares(b);
    redisContext *c = redis_of(&b->f);
    freeReplyObject(redisCommand(c, "SADD instances front-2"));
    copy_tally(c, KEY_HOURS, at(b, -1, 1439));
    copy_tally(c, KEY_HOURS, at(b, 2, 60));
    copy_tally(c, KEY_DAYS, at(b, 2, 60));
    redisFree(c);
    struct report *r = made(b, &ledger_production);
    const struct report_row *row = row_of(b, r, "alice", 2);
    assert_int_equal(number(r, row, "accepted_shares"), 4);
    assert_int_equal(number(r, row, "rejected_shares"), 2);
    assert_string_equal(text(r, row, "work"), "4000000000000");
    assert_int_equal(number(r, row, "kwh_estimate"), 3000000);
    report_free(r);
}

/* Made at noon of day 2: what came later is not in it, and the day is half a day. */
static void a_period_that_is_not_over_is_as_of_now(void **state)
{
    struct bed *b = *state;
    register_miners(b);
    write_ledger(b);
    write_shares(b);
    b->source.header.generated_ms = at(b, 2, 720);
    struct report *r = made(b, &ledger_production);
    assert_int_equal(number(r, row_of(b, r, "alice", 2), "average_ths"), 2 * 23);
    assert_null(row_of(b, r, "alice", 3));
    const struct report_row *all = report_totals(r, report_totals_count(r) - 1);
    assert_int_equal(number(r, all, "balance_end"), 1000 + 594000 + 396000 + 495000);
    report_free(r);
    r = made(b, &ledger_proof);
    assert_int_equal(number(r, report_row(r, 0), "as_of"), at(b, 2, 720));
    assert_int_equal(number(r, report_row(r, 0), "liabilities"),
                     1000 + 594000 + 396000 + 495000);
    report_free(r);
}

/* What came later is not there either where it lies in the period. */
static void what_came_after_a_package_was_made_is_not_in_it(void **state)
{
    struct bed *b = *state;
    register_miners(b);
    write_ledger(b);
    write_shares(b);
    b->source.header.generated_ms = at(b, 2, 30);
    struct report *r = made(b, &ledger_production);
    const struct report_row *second = row_of(b, r, "alice", 2);
    assert_int_equal(number(r, second, "accepted_shares"), 1); /* not that of 1:00 */
    assert_int_equal(number(r, second, "rejected_shares"), 0);
    report_free(r);
    r = made(b, &ledger_proof_blocks);
    assert_int_equal(report_row_count(r), 1);
    assert_string_equal(text(r, report_row(r, 0), "block_hash"), block_a);
    assert_string_equal(text(r, report_row(r, 0), "block_state"), "immature");
    report_free(r);
}

/* No entry of the ledger says it, so the record does. */
static void a_rejected_block_was_submitted_before_it_was_rejected(void **state)
{
    struct bed *b = *state;
    char why[256];
    json_t *event =
        json_pack("{s:[], s:{s:s, s:i, s:{s:s, s:I, s:i, s:s, s:I, s:i}}}", "entries",
                  "block", "hash", block_b, "height", 151, "set", "state", "rejected",
                  "state_ms", (json_int_t)at(b, 3, 60), "height", 151, "miner", "bob",
                  "found_ms", (json_int_t)at(b, 2, 60), "value_sat", 500000);
    assert_int_equal(store_ledger_write(why, b->f.store, EVENT_LEDGER, event), KZ_OK);
    static const char *const states[] = {"submitted", "rejected"};
    for (int i = 0; i < 2; i++) {
        b->source.header.generated_ms = at(b, 3, 60 + i);
        struct report *r = made(b, &ledger_proof_blocks);
        assert_int_equal(report_row_count(r), 1);
        assert_string_equal(text(r, report_row(r, 0), "block_state"), states[i]);
        report_free(r);
    }
}

/* --- the others ------------------------------------------------------------------- */

static void each_credit_of_a_block_is_a_row_with_its_share(void **state)
{
    struct bed *b = *state;
    write_ledger(b);
    struct report *r = made(b, &ledger_production_blocks);
    assert_int_equal(report_row_count(r), 3);
    const struct report_row *a = report_row(r, 0), *second = report_row(r, 1),
                            *bobs = report_row(r, 2);
    assert_string_equal(text(r, a, "block_hash"), block_a);
    assert_string_equal(text(r, a, "block_state"), "matured");
    assert_int_equal(number(r, a, "found_at"), at(b, 1, 60));
    assert_int_equal(number(r, a, "miner_share_percent"), 60000000);
    assert_int_equal(number(r, a, "credited"), 594000);
    assert_string_equal(text(r, second, "block_hash"), block_b);
    assert_string_equal(text(r, second, "block_state"), "orphaned");
    assert_string_equal(text(r, bobs, "miner_id"), "bob");
    assert_int_equal(number(r, bobs, "block_height"), 150);
    assert_int_equal(number(r, bobs, "miner_share_percent"), 40000000);
    assert_int_equal(number(r, report_totals(r, 0), "credited"), 594000 + 495000);
    report_free(r);
}

/* As the period's end saw it: B was not an orphan yet, A not mature. */
static void a_blocks_state_is_that_of_the_periods_end(void **state)
{
    struct bed *b = *state;
    write_ledger(b);
    b->source.header.period.to_ms = at(b, 3, 0);
    struct report *r = made(b, &ledger_proof_blocks);
    assert_int_equal(report_row_count(r), 2);
    assert_string_equal(text(r, report_row(r, 0), "block_state"), "immature");
    assert_string_equal(text(r, report_row(r, 1), "block_state"), "immature");
    report_free(r);
}

struct line {
    const char *miner, *kind;
    int64_t amount;
    const char *block, *tx;
};

static void each_credit_and_payment_is_a_row(void **state)
{
    static const struct line lines[] = {
        {"alice", "credit", 594000, block_a, ""},
        {"alice", "fee", 6000, block_a, ""},
        {"bob", "credit", 396000, block_a, ""},
        {"bob", "fee", 4000, block_a, ""},
        {"alice", "credit", 495000, block_b, ""},
        {"alice", "fee", 5000, block_b, ""},
        {"alice", "reversal", 495000, block_b, ""},
        {"alice", "fee", -5000, block_b, ""},
        {"alice", "payment", 590000, "", txid},
        {"alice", "network_fee", 4000, "", txid},
        {"bob", "adjustment", 100, "", ""},
        {"bob", "credit", 1470, "", ""},
        {"bob", "fee", 30, "", ""},
    };
    struct bed *b = *state;
    register_miners(b);
    write_ledger(b);
    struct report *r = made(b, &ledger_distributions);
    assert_int_equal(report_row_count(r), sizeof(lines) / sizeof(lines[0]));
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        const struct report_row *row = report_row(r, i);
        assert_string_equal(text(r, row, "miner_id"), lines[i].miner);
        assert_string_equal(text(r, row, "entry_kind"), lines[i].kind);
        assert_int_equal(number(r, row, "amount"), lines[i].amount);
        assert_string_equal(text(r, row, "block_hash"), lines[i].block);
        assert_string_equal(text(r, row, "txid"), lines[i].tx);
    }
    const struct report_row *credit = report_row(r, 0), *payment = report_row(r, 8);
    assert_string_equal(text(r, credit, "wallet_address"), ALICES);
    assert_string_equal(text(r, credit, "certificate_issued_on"), "2026-01-02");
    assert_string_equal(text(r, credit, "official_name"), "Altyn HJ");
    assert_string_equal(text(r, credit, "tax_id"), "1234567");
    assert_string_equal(text(r, payment, "wallet_address"), PAID_TO);
    assert_int_equal(number(r, payment, "vout"), 3);
    assert_false(report_cell(r, report_row(r, 9), "vout")->is_set);
    report_free(r);
}

static void a_payment_that_left_the_chain_is_less_than_none(void **state)
{
    struct bed *b = *state;
    struct payout_id id = payout_n(1);
    struct entry e;
    write_ledger(b);
    assert_int_equal(
        postings_unconfirm(&e, book_confirm(b->book, &id), 1, at(b, 9, 60)), KZ_OK);
    write_event(b, &e, NULL);
    struct report *r4 = made(b, &ledger_production),
                  *r5 = made(b, &ledger_distributions);
    has_money(b, r4, "alice", 9, (struct money){0, 0, 0, -594000, 0, 0, 594000});
    int64_t paid = 0, fees = 0;
    for (size_t i = 0; i < report_row_count(r5); i++) {
        const struct report_row *row = report_row(r5, i);
        int64_t amount = number(r5, row, "amount");
        paid += strcmp(text(r5, row, "entry_kind"), "payment") == 0 ? amount : 0;
        fees += strcmp(text(r5, row, "entry_kind"), "network_fee") == 0 ? amount : 0;
    }
    assert_int_equal(paid, 0);
    assert_int_equal(fees, 0);
    assert_int_equal(report_row_count(r5), 13 + 2);
    const struct report *all[] = {r4, r5};
    crosscheck(all, 2, NULL, has_no_failure, NULL);
    report_free(r4);
    report_free(r5);
}

static void the_proof_sums_what_is_owed_and_what_is_there(void **state)
{
    struct bed *b = *state;
    write_ledger(b);
    struct report *r = made(b, &ledger_proof);
    const struct report_row *row = report_row(r, 0);
    assert_int_equal(report_row_count(r), 1);
    assert_int_equal(number(r, row, "as_of"), at(b, DAYS, 0));
    assert_int_equal(number(r, row, "liabilities"), 398570);
    assert_int_equal(number(r, row, "hot_wallet"), 1001000 - 594100);
    assert_int_equal(number(r, row, "coins_immature"), 0);
    assert_int_equal(number(r, row, "unpaid_to_30_days"), 398570);
    assert_int_equal(number(r, row, "unpaid_over_365_days"), 0);
    report_free(r);

    b->source.header.period.to_ms = at(b, 2, 1440);
    r = made(b, &ledger_proof);
    row = report_row(r, 0);
    assert_int_equal(number(r, row, "liabilities"), 1000 + 594000 + 396000 + 495000);
    assert_int_equal(number(r, row, "hot_wallet"), 1000);
    assert_int_equal(number(r, row, "coins_immature"), 1500000);
    assert_int_equal(number(r, row, "owed_immature"), 594000 + 396000 + 495000);
    assert_int_equal(number(r, row, "unpaid_to_30_days"), 1000);
    report_free(r);

    b->source.header.period.to_ms = at(b, 7, 0);
    r = made(b, &ledger_proof);
    assert_int_equal(number(r, report_row(r, 0), "owed_in_payouts"), 594000);
    report_free(r);
}

static void blocks_of_the_proof_have_subsidy_and_fees(void **state)
{
    struct bed *b = *state;
    write_ledger(b);
    struct report *r = made(b, &ledger_proof_blocks);
    assert_int_equal(report_row_count(r), 2);
    const struct report_row *row = report_row(r, 0);
    assert_int_equal(number(r, row, "block_height"), 150);
    assert_string_equal(text(r, row, "block_state"), "matured");
    /* Less than the subsidy of that height: then there is that much less of it. */
    assert_int_equal(number(r, row, "subsidy"), 1000000);
    assert_int_equal(number(r, row, "fees"), 0);
    assert_string_equal(text(r, report_row(r, 1), "block_state"), "orphaned");
    report_free(r);
}

/* However the days are cut into periods. */
static void the_reports_agree_with_each_other(void **state)
{
    struct bed *b = *state;
    const int64_t from = b->source.header.period.from_ms;
    register_miners(b);
    write_ledger(b);
    write_shares(b);
    for (int first = 0; first < DAYS; first++) {
        for (int last = first; last < DAYS; last += 3) {
            b->source.header.period.from_ms = from + first * DAY_MS;
            b->source.header.period.to_ms = from + (last + 1) * DAY_MS;
            struct report *r4 = made(b, &ledger_production),
                          *r5 = made(b, &ledger_distributions),
                          *r9 = made(b, &ledger_proof);
            const struct report *all[] = {r4, r5, r9};
            crosscheck(all, 3, NULL, has_no_failure, NULL);
            report_free(r4);
            report_free(r5);
            report_free(r9);
        }
    }
}

static void sources_say_that_redis_is_away(void **state)
{
    static const struct ledger_source *const all[] = {
        &ledger_production, &ledger_production_blocks, &ledger_distributions,
        &ledger_proof, &ledger_proof_blocks};
    struct bed *b = *state;
    struct store *reader = NULL;
    struct conf conf = b->f.conf;
    conf.redis_mode = CONF_REDIS_UNIX;
    snprintf(conf.redis_path, sizeof(conf.redis_path), "%s/nothing.sock", b->f.dir);
    assert_int_equal(store_start_reader(&reader, &conf), KZ_OK);
    struct report_source s = b->source;
    s.store = reader;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        char why[SOURCE_WHY_SIZE] = "";
        struct report *r = NULL;
        assert_int_equal(make_one(&r, why, all[i], &s), KZ_IO);
        assert_string_equal(why, "Redis is away");
        assert_null(r);
    }
    store_stop(reader, 0);
}

struct steps {
    size_t left, ledgers;
    char last[32];
};

static bool goes_on(void *ctx, const char *doing)
{
    struct steps *s = ctx;
    s->ledgers += strcmp(doing, MAKE_LEDGER) == 0;
    snprintf(s->last, sizeof(s->last), "%s", doing);
    return s->left-- > 0;
}

static void the_ledger_is_read_once_and_a_package_may_end_before_each_step(void **state)
{
    struct bed *b = *state;
    char why[PACKAGE_WHY_SIZE], dir[300];
    enum report_id ids[REPORT_IDS];
    struct steps steps = {.last = ""};
    struct hash256 hash;
    struct profile profile = {.code = "TM", .timezone = "Asia/Ashgabat"};
    write_ledger(b);
    write_shares(b);
    snprintf(b->f.conf.operator_name, sizeof(b->f.conf.operator_name), "Kariz");
    snprintf(dir, sizeof(dir), "%s/package", b->f.dir);
    const struct make_plan plan = {
        .store = b->f.store,
        .conf = &b->f.conf,
        .profile = &profile,
        .journal_dir = b->f.journal_dir,
        .period = b->source.header.period,
        .disclosure = DISCLOSURE_REGULATOR,
        .ids = ids,
        .count = make_due(ids, &profile, PERIOD_ON_DEMAND, DISCLOSURE_REGULATOR),
        .dir = dir,
        .made_ms = b->source.header.generated_ms,
        .goes_on = goes_on,
        .ctx = &steps};
    for (size_t n = 0; strcmp(steps.last, MAKE_PACKAGE) != 0; n++) {
        steps = (struct steps){.left = n};
        if (make_package(&hash, why, &plan) != KZ_BUSY)
            fail_msg("step %zu, %s: %s", n, steps.last, why);
        assert_string_equal(why, "stopping");
        assert_int_equal(steps.ledgers, 1);
        assert_int_equal(access(dir, F_OK), -1);
        assert_true(n <= REPORT_IDS + 1);
    }
}

#define IN_BED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_BED(each_days_money_is_what_the_ledger_moved_that_day),
        IN_BED(work_is_counted_by_days_of_the_zone),
        IN_BED(a_row_names_the_certificate_of_its_day),
        IN_BED(a_record_changed_behind_the_period_is_the_old_one),
        IN_BED(hours_that_are_gone_refuse_a_zone_but_not_utc),
        IN_BED(what_cannot_be_made_from_hours_or_days_says_so),
        IN_BED(a_balance_without_movement_has_a_row_for_the_first_day),
        IN_BED(instances_add_up),
        IN_BED(a_period_that_is_not_over_is_as_of_now),
        IN_BED(what_came_after_a_package_was_made_is_not_in_it),
        IN_BED(a_rejected_block_was_submitted_before_it_was_rejected),
        IN_BED(each_credit_of_a_block_is_a_row_with_its_share),
        IN_BED(a_blocks_state_is_that_of_the_periods_end),
        IN_BED(each_credit_and_payment_is_a_row),
        IN_BED(a_payment_that_left_the_chain_is_less_than_none),
        IN_BED(the_proof_sums_what_is_owed_and_what_is_there),
        IN_BED(blocks_of_the_proof_have_subsidy_and_fees),
        IN_BED(the_reports_agree_with_each_other),
        IN_BED(sources_say_that_redis_is_away),
        IN_BED(the_ledger_is_read_once_and_a_package_may_end_before_each_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
