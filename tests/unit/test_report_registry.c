/* Reports of the registry: as it was, whatever came after. */
#include "pool/report/fill.h"
#include "pool/report/formats.h"
#include "pool/report/spans.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "pool/registry/record_act.h"
#include "pool/report/alert.h"
#include "stratum/server.h"
#include "tests/unit/report_scene.h"

/* --- a pool's October and November --------------------------------------------------- */

static void write_october(struct scene *s)
{
    struct history_bed *h = &s->h;
    history_put(h, ms("2026-10-01T08:00"), AUDIT_APPLIED,
                record_of(s, "bulut", RECORD_RL, "submitted"));
    history_put(h, ms("2026-10-02T08:00"), AUDIT_ACTIVATED,
                changed(s, "bulut", "active"));
    history_put(h, ms("2026-10-03T08:00"), AUDIT_ACTIVATED,
                record_of(s, "aral", RECORD_NL, "active"));
    history_refuse(h, ms("2026-10-03T09:10"), "unregistered", 3);
    history_refuse(h, ms("2026-10-03T09:40"), "unregistered", 4);
    history_refuse(h, ms("2026-10-03T09:41"), "network", 2);
    /* In Ashgabat this is November. */
    history_refuse(h, ms("2026-10-31T19:00"), "unregistered", 100);
    history_put(h, ms("2026-10-20T08:00"), AUDIT_SUSPENDED,
                changed(s, "bulut", "suspended"));
}

static void write_november(struct scene *s)
{
    struct history_bed *h = &s->h;
    json_t *r = changed(s, "bulut", "active");
    json_array_append_new(
        json_object_get(r, "equipment"),
        fixture_json("{\"id\":\"e3\",\"site\":\"s1\",\"maker\":\"X\",\"model\":\"Y\","
                     "\"serial\":\"SN-3\",\"nominal_ghs\":100000,\"power_w\":1000,"
                     "\"from\":\"2026-11-05\"}"));
    json_object_set_new(json_array_get(json_object_get(r, "equipment"), 0), "to",
                        json_string("2026-11-05"));
    history_put(h, ms("2026-10-31T19:00"), AUDIT_RESUMED, r);
    history_note(h, ms("2026-11-06T08:00"), AUDIT_STOP_ORDER_SET);
    history_put(h, ms("2026-11-10T08:00"), AUDIT_APPLIED,
                record_of(s, "zer", RECORD_RE, "draft"));
}

/* --- R1 -------------------------------------------------------------------------------- */

static void the_registry_is_as_it_was_at_the_periods_end(void **state)
{
    struct scene *s = *state;
    write_october(s);
    write_november(s);
    struct report *r = made(s, source_registry);
    assert_int_equal(report_row_count(r), 2);
    cell_is(r, 0, "miner_id", "aral");
    cell_is(r, 0, "residency", "non_resident");
    cell_is(r, 1, "miner_id", "bulut");
    cell_is(r, 1, "state", "suspended");
    cell_is(r, 1, "certificate_no", "bulut");
    cell_is(r, 1, "certificate_valid_until", NULL);
    cell_is(r, 1, "certificate_verified_how", "seen_document");
    cell_is(r, 1, "official_name", "Ak Bulut");
    cell_is(r, 1, "tax_id", "123456789");
    cell_is(r, 1, "addresses_live", ADDRESS_1);
    cell_is(r, 1, "site_count", "1");
    cell_is(r, 1, "declared_kw", "500");
    cell_is(r, 1, "nominal_ths", "400");
    cell_is(r, 1, "next_review", "2027-03-01");
    report_free(r);
    about(s, "2026-11");
    r = made(s, source_registry);
    assert_int_equal(report_row_count(r), 3);
    cell_is(r, 1, "state", "active");
    cell_is(r, 1, "nominal_ths", "300"); /* one rig went, a smaller one came */
    report_free(r);
}

static void a_period_that_is_over_stays_the_same_byte_for_byte(void **state)
{
    static report_source_fn *const sources[] = {source_registry, source_changes,
                                                source_equipment, source_refusals,
                                                source_alerts};
    enum { SOURCES = sizeof(sources) / sizeof(sources[0]) };
    struct scene *s = *state;
    char *before[SOURCES];
    write_october(s);
    for (size_t i = 0; i < SOURCES; i++) {
        struct report *r = made(s, sources[i]);
        before[i] = bytes_of(r);
        report_free(r);
    }
    write_november(s);
    for (size_t i = 0; i < SOURCES; i++) {
        struct report *r = made(s, sources[i]);
        char *after = bytes_of(r);
        assert_string_equal(before[i], after);
        free(before[i]);
        free(after);
        report_free(r);
    }
}

static void names_and_numbers_are_for_full_disclosure_alone(void **state)
{
    struct scene *s = *state;
    write_october(s);
    s->source.header.disclosure = DISCLOSURE_REGULATOR;
    struct report *r = made(s, source_registry);
    char *text = bytes_of(r);
    assert_null(strstr(text, "Ak Bulut"));
    assert_null(strstr(text, "123456789"));
    assert_non_null(strstr(text, "bulut"));
    free(text);
    report_free(r);
}

/* Without a vault, too: what is personal is not in the record. */
static void a_persons_name_is_not_in_the_journal(void **state)
{
    struct scene *s = *state;
    history_put(&s->h, ms("2026-10-03T08:00"), AUDIT_ACTIVATED,
                record_of(s, "merdan", RECORD_RE, "active"));
    struct report *r = made(s, source_registry);
    cell_is(r, 0, "kind", "individual_entrepreneur");
    cell_is(r, 0, "official_name", NULL);
    report_free(r);
}

/* --- R2 -------------------------------------------------------------------------------- */

static void changes_are_the_periods_and_each_names_the_link_before(void **state)
{
    struct scene *s = *state;
    write_october(s);
    write_november(s);
    struct report *r = made(s, source_changes);
    assert_int_equal(report_row_count(r), 4);
    cell_is(r, 0, "event_no", "1");
    cell_is(r, 0, "event", "applied");
    cell_is(r, 0, "prev_hash",
            "0000000000000000000000000000000000000000000000000000000000000000");
    cell_is(r, 0, "reason", "check_made");
    cell_is(r, 0, "basis_code", "application");
    cell_is(r, 0, "basis_document", "D-1");
    cell_is(r, 0, "actor_role", "officer");
    cell_is(r, 3, "event", "suspended");
    for (size_t i = 1; i < 4; i++)
        assert_true(cell_equal(report_cell(r, report_row(r, i), "prev_hash"),
                               report_cell(r, report_row(r, i - 1), "hash")));
    report_free(r);
    about(s, "2026-11");
    r = made(s, source_changes);
    assert_int_equal(report_row_count(r), 3);
    cell_is(r, 0, "event", "resumed"); /* at midnight in Ashgabat */
    cell_is(r, 1, "event", "stop_order_set");
    cell_is(r, 1, "miner_id", NULL);
    cell_is(r, 2, "event_no", "7");
    report_free(r);
}

/* --- R3 -------------------------------------------------------------------------------- */

static void equipment_that_went_or_came_in_the_period_is_listed(void **state)
{
    struct scene *s = *state;
    write_october(s);
    write_november(s);
    about(s, "2026-Q4");
    struct report *r = made(s, source_equipment);
    /* aral's two rigs are not at a site it has; then bulut's three. */
    assert_int_equal(report_row_count(r), 5);
    cell_is(r, 2, "equipment_id", "e1");
    cell_is(r, 2, "used_to", "2026-11-05");
    cell_is(r, 2, "region", "TM-A");
    cell_is(r, 2, "nominal_ths", "200");
    cell_is(r, 4, "equipment_id", "e3");
    cell_is(r, 4, "used_from", "2026-11-05");
    report_free(r);
    about(s, "2026-12");
    s->source.header.generated_ms = ms("2027-01-02");
    r = made(s, source_equipment);
    assert_int_equal(report_row_count(r), 4);
    cell_is(r, 2, "equipment_id", "e2");
    report_free(r);
}

static void equipment_is_added_up_by_site(void **state)
{
    struct scene *s = *state;
    write_october(s);
    struct report *r = made(s, source_equipment);
    size_t totals = report_totals_count(r);
    assert_true(totals >= 2);
    assert_int_equal(report_cell(r, report_totals(r, totals - 1), "power_w")->number,
                     4 * 3500);
    report_free(r);
}

/* --- R6 -------------------------------------------------------------------------------- */

static void add_day(struct report *r, const char *miner, const char *day,
                    const char *work, int64_t sat)
{
    struct amount a;
    assert_true(amount_from_sat(&a, sat));
    report_row_begin(r);
    assert_int_equal(report_set_text(r, "miner_id", miner), KZ_OK);
    assert_int_equal(report_set_text(r, "day", day), KZ_OK);
    assert_int_equal(report_set_text(r, "work", work), KZ_OK);
    assert_int_equal(report_set_number(r, "accepted_shares", 10), KZ_OK);
    assert_int_equal(
        report_set_number(r, "measured_to_declared_percent", sat * CELL_MILLIONTHS),
        KZ_OK);
    report_set_amount(r, "credited", a);
}

static struct report *production(const struct scene *s)
{
    struct report *r = NULL;
    assert_int_equal(report_new(&r, REPORT_R4, &s->source.header), KZ_OK);
    add_day(r, "aral", "2026-10-03", "3000000000000000000000000", 50);
    add_day(r, "bulut", "2026-10-03", "1000000000000000000000000", 100);
    add_day(r, "bulut", "2026-10-04", "2000000000000000000000000", 120);
    add_day(r, "gone", "2026-10-04", "2000000000000000000000000", 1);
    return r;
}

static void group_is(const struct report *r, size_t row, const char *by,
                     const char *value, const char *miners, const char *credited)
{
    cell_is(r, row, "group_by", by);
    cell_is(r, row, "group_value", value);
    cell_is(r, row, "miners", miners);
    cell_is(r, row, "credited_sat", credited);
}

static void each_grouping_adds_up_to_all(void **state)
{
    struct scene *s = *state;
    write_october(s);
    struct report *r4 = production(s);
    s->source.production = r4;
    s->source.header.disclosure = DISCLOSURE_PUBLIC;
    struct report *r = made(s, source_summary);
    assert_int_equal(report_row_count(r), 11);
    group_is(r, 0, "all", "all", "2", "271");
    cell_is(r, 0, "work", "8000000000000000000000000");
    cell_is(r, 0, "share_of_pool_percent", "100");
    cell_is(r, 0, "accepted_shares", "40");
    cell_is(r, 0, "miners_active", "1");
    cell_is(r, 0, "miners_suspended", "1");
    group_is(r, 1, "residency", "non_resident", "1", "50");
    cell_is(r, 1, "share_of_pool_percent", "37.5");
    group_is(r, 2, "residency", "resident", "1", "220");
    group_is(r, 3, "residency", "unknown", "0", "1");
    group_is(r, 4, "kind", "legal_entity", "2", "270");
    group_is(r, 6, "country", "KZ", "1", "50");
    group_is(r, 9, "region", "TM-A", "2", "270");
    report_free(r);
    report_free(r4);
}

static void the_summary_needs_the_production(void **state)
{
    struct scene *s = *state;
    struct report *r = NULL;
    history_sync(&s->h);
    assert_int_equal(source_summary(&r, s->why, &s->source), KZ_RANGE);
    assert_non_null(strstr(s->why, "R4"));
}

/* --- R7 -------------------------------------------------------------------------------- */

static void refusals_of_an_hour_are_added_up_by_reason(void **state)
{
    struct scene *s = *state;
    write_october(s);
    struct report *r = made(s, source_refusals);
    assert_int_equal(report_row_count(r), 2);
    cell_is(r, 0, "hour", "2026-10-03T09:00:00.000Z");
    cell_is(r, 0, "reason", "network");
    cell_is(r, 0, "attempts", "2");
    cell_is(r, 1, "reason", "unregistered");
    cell_is(r, 1, "attempts", "7");
    report_free(r);
    about(s, "2026-11");
    r = made(s, source_refusals);
    assert_int_equal(report_row_count(r), 1);
    cell_is(r, 0, "attempts", "100");
    report_free(r);
}

/* --- R8 -------------------------------------------------------------------------------- */

static struct report *a_payment(const struct scene *s, const char *at)
{
    struct report *r = NULL;
    struct amount a;
    assert_true(amount_from_sat(&a, 700000));
    assert_int_equal(report_new(&r, REPORT_R5, &s->source.header), KZ_OK);
    report_row_begin(r);
    assert_int_equal(report_set_text(r, "miner_id", "bulut"), KZ_OK);
    assert_int_equal(report_set_text(r, "entry_kind", "payment"), KZ_OK);
    assert_int_equal(report_set_text(r, "wallet_address", ADDRESS_2), KZ_OK);
    assert_int_equal(report_set_number(r, "time", ms(at)), KZ_OK);
    report_set_amount(r, "amount", a);
    return r;
}

static void each_rule_finds_what_it_is_for(void **state)
{
    struct scene *s = *state;
    s->profile.declared_hashrate_tolerance_percent = 10;
    write_october(s);
    json_t *r = changed(s, "bulut", "suspended");
    fixture_set(r, "screening.result", json_string("match"));
    fixture_set(r, "certificate.valid_until", json_string("2026-11-20"));
    fixture_set(r, "risk.next_review", json_string("2026-10-30"));
    json_object_set_new(r, "urgent",
                        json_pack("{s:s}", "confirm_by", "2026-10-22T00:00:00.000Z"));
    json_array_append_new(json_object_get(r, "payout_addresses"),
                          json_pack("{s:s, s:s, s:n}", "address", ADDRESS_2, "from",
                                    "2026-10-21T00:00:00.000Z", "to"));
    history_put(&s->h, ms("2026-10-21T08:00"), AUDIT_RECORD_CHANGED, r);
    struct report *r4 = production(s), *r5 = a_payment(s, "2026-10-25T00:00");
    s->source.production = r4;
    s->source.distributions = r5;
    struct report *found = made(s, source_alerts);
    static const char *const rows[][3] = {
        {"screening_hit", "bulut", "match"},
        {"certificate_expiring", "bulut", "2026-11-20"},
        {"review_overdue", "bulut", "2026-10-30"},
        {"suspension_unconfirmed", "bulut", ""},
        {"over_declared", "bulut", "120 %"},
        {"new_address_payout", "bulut", "700000 sat, "},
        {"network_not_allowed", "", "2"},
        /* Both fixtures have one address. */
        {"shared_address", "bulut", "aral"},
    };
    for (size_t i = 0; i < 8; i++)
        if (!has_alert(found, rows[i][0], rows[i][1], rows[i][2]))
            fail_msg("%s was not found", rows[i][0]);
    assert_int_equal(report_row_count(found), 8);
    report_free(found);
    report_free(r4);
    report_free(r5);
}

static void a_decision_stands_beside_its_alert_from_then_on(void **state)
{
    struct scene *s = *state;
    json_t *r = record_of(s, "bulut", RECORD_RL, "active");
    fixture_set(r, "risk.next_review", json_string("2026-10-02"));
    history_put(&s->h, ms("2026-10-02T08:00"), AUDIT_ACTIVATED, r);
    history_decide(&s->h, ms("2026-10-05T08:00"), "review_overdue", "aral", "not this");
    history_decide(&s->h, ms("2026-10-06T08:00"), "screening_hit", "bulut", "nor this");
    struct report *found = made(s, source_alerts);
    assert_int_equal(report_row_count(found), 1);
    cell_is(found, 0, "decision", NULL);
    report_free(found);
    history_decide(&s->h, ms("2026-10-07T08:00"), "review_overdue", "bulut", "wait");
    history_decide(&s->h, ms("2026-10-08T08:00"), "review_overdue", "bulut", "visit");
    history_decide(&s->h, ms("2026-11-08T08:00"), "review_overdue", "bulut",
                   "too late");
    found = made(s, source_alerts);
    cell_is(found, 0, "decision", "visit");
    cell_is(found, 0, "decided_by", "maral");
    cell_is(found, 0, "decided_at", "2026-10-08T08:00:00.000Z");
    report_free(found);
}

static void nothing_is_found_where_all_is_well(void **state)
{
    struct scene *s = *state;
    json_t *r = record_of(s, "bulut", RECORD_RL, "active");
    history_put(&s->h, ms("2026-10-02T08:00"), AUDIT_ACTIVATED, r);
    struct report *found = made(s, source_alerts);
    assert_int_equal(report_row_count(found), 0);
    report_free(found);
}

/* --- history and spans ------------------------------------------------------------------ */

static void a_broken_chain_is_not_reported_from(void **state)
{
    struct scene *s = *state;
    struct history h;
    write_october(s);
    s->h.head.hash.b[0] ^= 1;
    history_put(&s->h, ms("2026-10-21T08:00"), AUDIT_RESUMED,
                changed(s, "bulut", "active"));
    assert_int_equal(read_history(s, &h), KZ_RANGE);
    assert_non_null(strstr(s->why, "chain"));
}

static void without_a_journal_nothing_is_reported(void **state)
{
    struct scene *s = *state;
    struct history h;
    const struct history_ask ask = {.dir = "/nowhere/at/all",
                                    .until_ms = INT64_MAX,
                                    .written_before_ms = INT64_MAX};
    bed_hush(s->bed);
    enum kz_err err = history_read(&h, s->why, &ask);
    bed_speak(s->bed);
    assert_int_equal(err, KZ_IO);
    assert_non_null(strstr(s->why, "/nowhere"));
}

static void a_history_knows_its_journals_range_and_the_chains_head(void **state)
{
    struct scene *s = *state;
    struct history h;
    write_october(s);
    struct chain_head october = s->h.head;
    write_november(s);
    history_sync(&s->h);
    const struct history_ask ask = {.dir = s->bed->journal,
                                    .from_ms = ms("2026-10-03"),
                                    .until_ms = ms("2026-10-31T19:00"),
                                    .written_before_ms = INT64_MAX};
    assert_int_equal(history_read(&h, s->why, &ask), KZ_OK);
    assert_int_equal(h.journals[0].head.seq, october.seq);
    assert_memory_equal(h.journals[0].head.hash.b, october.hash.b, 32);
    assert_string_equal(h.journals[0].instance, "front-1");
    assert_true(h.journals[0].first > 0 && h.journals[0].first < h.journals[0].last);
    history_clear(&h);
}

/* A package's reports are made of one reading: it has the period's events, and its refusals
 * once an hour and reason. */
static void a_history_keeps_what_happened_in_its_time(void **state)
{
    struct scene *s = *state;
    struct history h;
    write_october(s);
    write_november(s);
    assert_int_equal(read_history(s, &h), KZ_OK);
    assert_int_equal(h.event_count, 4);
    assert_string_equal(h.events[3].miner, "bulut");
    assert_int_equal(h.events[3].time_ms, ms("2026-10-20T08:00"));
    assert_int_equal(record_state(h.events[0].record), MINER_SUBMITTED);
    assert_int_equal(record_state(h.events[3].before), MINER_ACTIVE);
    assert_int_equal(record_state(h.events[3].record), MINER_SUSPENDED);
    assert_int_equal(h.refusal_count, 2);
    assert_int_equal(h.refusals[0].count, 7);
    assert_int_equal(h.refusals[1].count, 2);
    history_clear(&h);
}

/* Also by a history of the past: it knows the revisions of what came after. */
static void another_daemons_change_is_noticed(void **state)
{
    struct scene *s = *state;
    struct history h;
    write_october(s);
    history_sync(&s->h);
    const struct history_ask ask = {.dir = s->bed->journal,
                                    .until_ms = ms("2026-10-03"),
                                    .written_before_ms = INT64_MAX};
    assert_int_equal(history_read(&h, s->why, &ask), KZ_OK);
    json_t *now = fixture_json("{\"miners\":[{\"miner_id\":\"aral\",\"revision\":1},"
                               "{\"miner_id\":\"bulut\",\"revision\":3}]}");
    assert_int_equal(history_fits(s->why, &h, now), KZ_OK);
    fixture_set(now, "miners[0].revision", json_integer(2));
    assert_int_equal(history_fits(s->why, &h, now), KZ_RANGE);
    assert_non_null(strstr(s->why, "aral"));
    json_decref(now);
    history_clear(&h);
}

/* An application may say anything; what else is registered is reported all the same. */
static void a_draft_with_errors_ends_no_report(void **state)
{
    static report_source_fn *const sources[] = {source_registry, source_changes,
                                                source_equipment, source_alerts,
                                                source_summary};
    struct scene *s = *state;
    write_october(s);
    json_t *draft = record_of(s, "zer", RECORD_RE, "draft");
    fixture_set(draft, "kind", json_string("any kind\n"));
    fixture_set(draft, "residence_country", json_string("Türkmenistan"));
    fixture_set(draft, "official_name", json_string("a\tb"));
    fixture_set(draft, "certificate.number", json_string("\r=2+2"));
    fixture_set(draft, "certificate.issued_on", json_string("yesterday"));
    fixture_set(draft, "sites[0].region", json_string("\x7f"));
    fixture_set(draft, "sites[0].declared_kw", json_integer(9007199254740991));
    fixture_set(draft, "equipment[0].nominal_ghs", json_integer(9007199254740991));
    history_put(&s->h, ms("2026-10-21T08:00"), AUDIT_APPLIED, draft);
    struct report *r4 = production(s);
    s->source.production = r4;
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
        report_free(made(s, sources[i]));
    report_free(r4);
    struct report *r = made(s, source_registry);
    const struct report_row *row = report_row(r, report_row_count(r) - 1);
    assert_string_equal(report_cell(r, row, "miner_id")->text, "zer");
    assert_false(report_cell(r, row, "kind")->is_set);
    assert_false(report_cell(r, row, "certificate_no")->is_set);
    assert_false(report_cell(r, row, "declared_kw")->is_set);
    assert_string_equal(report_cell(r, row, "residency")->text, "resident");
    report_free(r);
}

/* Refusals of an hour are written down when it is over, and changes a moment late. */
static void what_was_journaled_later_counts_for_nothing(void **state)
{
    struct scene *s = *state;
    struct history h;
    write_october(s);
    history_sync(&s->h);
    const struct history_ask ask = {.dir = s->bed->journal,
                                    .until_ms = INT64_MAX,
                                    .written_before_ms = ms("2026-10-03T09:40")};
    assert_int_equal(history_read(&h, s->why, &ask), KZ_OK);
    assert_int_equal(h.event_count, 3);
    assert_int_equal(h.journals[0].head.seq, 3);
    assert_string_equal(record_text(json_object_get(h.miners, "bulut"), "state"),
                        "active");
    assert_int_equal(json_integer_value(json_object_get(h.revisions, "bulut")), 3);
    assert_int_equal(h.refusal_count, 1);
    assert_int_equal(h.refusals[0].count, 3);
    history_clear(&h);
}

static void spans_are_when_a_miner_could_mine(void **state)
{
    struct scene *s = *state;
    struct history h;
    struct spans spans;
    const struct history_ask ask = {.dir = s->bed->journal,
                                    .until_ms = INT64_MAX,
                                    .written_before_ms = INT64_MAX,
                                    .on_event = spans_take,
                                    .ctx = &spans};
    write_october(s);
    write_november(s);
    history_sync(&s->h);
    spans_init(&spans, 300);
    assert_int_equal(history_read(&h, s->why, &ask), KZ_OK);
    history_clear(&h);
    assert_int_equal(spans.mining.count, 3);
    assert_string_equal(spans.mining.list[0].miner, "bulut");
    assert_int_equal(spans.mining.list[0].from_ms, ms("2026-10-02T08:00"));
    assert_int_equal(spans.mining.list[0].to_ms, ms("2026-10-20T08:00"));
    assert_string_equal(spans.mining.list[1].miner, "aral");
    assert_int_equal(spans.mining.list[1].to_ms, INT64_MAX);
    assert_int_equal(spans.mining.list[2].from_ms, ms("2026-10-31T19:00"));
    assert_int_equal(spans.certified.count, 3); /* a draft's, too */
    assert_int_equal(spans.certified.list[0].from_ms, ms("2026-01-31T19:00"));
    assert_int_equal(spans.certified.list[0].to_ms, INT64_MAX);
    spans_clear(&spans);
}

/* --- words ------------------------------------------------------------------------------ */

static void has_word(const struct catalogue *c, const char *code)
{
    if (catalogue_text(c, "codes", code) == code)
        fail_msg("%s has no word for %s", catalogue_language(c), code);
}

static void every_language_has_words_for_what_happens(void **state)
{
    static const char *const languages[] = {"tk", "ru", "en"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        char path[64], why[CATALOGUE_WHY_SIZE];
        struct catalogue *c = NULL;
        const struct record_reason *reason;
        snprintf(path, sizeof(path), "conf/catalogues/%s.json", languages[i]);
        assert_int_equal(catalogue_load(&c, why, path), KZ_OK);
        for (int w = 0; w < AUDIT_WORDS; w++)
            has_word(c, audit_word_name((enum audit_word)w));
        for (size_t r = 0; (reason = record_reason_at(r)) != NULL; r++)
            has_word(c, reason->code);
        for (int r = 0; r < ALERT_RULES; r++)
            has_word(c, alert_rule_name((enum alert_rule)r));
        for (int r = 0; r < REFUSALS; r++)
            has_word(c, refusal_name((enum refusal)r));
        catalogue_free(c);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_set_up, scene_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_registry_is_as_it_was_at_the_periods_end),
        TEST(a_period_that_is_over_stays_the_same_byte_for_byte),
        TEST(names_and_numbers_are_for_full_disclosure_alone),
        TEST(a_persons_name_is_not_in_the_journal),
        TEST(changes_are_the_periods_and_each_names_the_link_before),
        TEST(equipment_that_went_or_came_in_the_period_is_listed),
        TEST(equipment_is_added_up_by_site),
        TEST(each_grouping_adds_up_to_all),
        TEST(the_summary_needs_the_production),
        TEST(refusals_of_an_hour_are_added_up_by_reason),
        TEST(each_rule_finds_what_it_is_for),
        TEST(a_decision_stands_beside_its_alert_from_then_on),
        TEST(nothing_is_found_where_all_is_well),
        TEST(a_broken_chain_is_not_reported_from),
        TEST(without_a_journal_nothing_is_reported),
        TEST(a_history_knows_its_journals_range_and_the_chains_head),
        TEST(a_history_keeps_what_happened_in_its_time),
        TEST(another_daemons_change_is_noticed),
        TEST(a_draft_with_errors_ends_no_report),
        TEST(what_was_journaled_later_counts_for_nothing),
        TEST(spans_are_when_a_miner_could_mine),
        cmocka_unit_test(every_language_has_words_for_what_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
