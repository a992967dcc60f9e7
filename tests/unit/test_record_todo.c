/* What waits for a person, other information about a miner, and records as applicants
 * give them. */
#include "conf/clock.h"
#include "pool/registry/record_bare.h"
#include "pool/registry/record_proposal.h"
#include "pool/registry/record_split.h"
#include "pool/registry/record_todo.h"
#include "pool/registry/record_update.h"
#include "tests/unit/record_fixture.h"

struct bed {
    struct profile profile;
    struct conf conf;
    struct record_act act;
    json_t *basis, *full, *stored;
};

static void bed_init(struct bed *b)
{
    memset(b, 0, sizeof(*b));
    fixture_profile(&b->profile);
    b->profile.retention_years = 5;
    b->conf.network = CONF_REGTEST;
    b->basis = fixture_json("{\"note\":\"seen\",\"document\":\"D-9\"}");
    b->act = (struct record_act){.by = "officer-1",
                                 .role = AUDIT_OFFICER,
                                 .reason = "information_changed",
                                 .basis = b->basis,
                                 .profile = &b->profile,
                                 .conf = &b->conf,
                                 .now_ms = NOW_MS};
    b->full = fixture_record(RECORD_RL, &b->profile);
    b->stored = fixture_stored(RECORD_RL, &b->profile);
}

static void bed_clear(struct bed *b)
{
    json_decref(b->basis);
    json_decref(b->full);
    json_decref(b->stored);
}

/* --- what waits -------------------------------------------------------------------------- */

/* The only thing that waits of that kind; NULL: nothing does. */
static json_t *waits(const struct bed *b, const char *what, int days)
{
    size_t i;
    json_t *one, *found = NULL, *records = json_pack("[O]", b->stored);
    json_t *todo = record_todo(records, &b->act, days);
    json_array_foreach(todo, i, one)
    {
        if (strcmp(record_text(one, "what"), what) != 0)
            continue;
        assert_null(found);
        found = json_incref(one);
    }
    json_decref(todo);
    json_decref(records);
    return found;
}

static void expect_wait(const struct bed *b, const char *what, const char *until,
                        bool is_late)
{
    json_t *one = waits(b, what, 30);
    if (one == NULL)
        fail_msg("no %s waits", what);
    assert_string_equal(record_text(one, "miner_id"), "miner-a");
    if (until != NULL)
        assert_string_equal(record_text(one, "until"), until);
    assert_int_equal(json_is_true(json_object_get(one, "late")), is_late);
    json_decref(one);
}

static void a_record_in_order_waits_for_nobody(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b);
    json_t *records = json_pack("[O]", b.stored);
    json_t *todo = record_todo(records, &b.act, 30);
    assert_int_equal(json_array_size(todo), 0);
    json_decref(todo);
    json_decref(records);
    bed_clear(&b);
}

static void what_two_people_do_waits_for_the_second(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b);
    json_object_set_new(
        b.stored, "urgent",
        fixture_json("{\"by\":\"A\",\"at\":\"2026-11-26T00:00:00.000Z\","
                     "\"confirm_by\":\"2026-11-27T00:00:00.000Z\"}"));
    expect_wait(&b, "urgent", "2026-11-27T00:00:00.000Z", false);
    fixture_set(b.stored, "urgent.confirm_by", json_string("2026-11-26T12:00:00.000Z"));
    expect_wait(&b, "urgent", NULL, true);
    json_object_set_new(
        b.stored, "proposal",
        fixture_json("{\"what\":\"state\",\"to\":\"suspended\",\"by\":\"A\",\"at\":"
                     "\"2026-11-26T00:00:00.000Z\",\"expires\":"
                     "\"2026-12-03T00:00:00.000Z\"}"));
    json_t *one = waits(&b, "proposal", 30);
    assert_string_equal(record_text(one, "note"), "suspended");
    json_decref(one);
    bed_clear(&b);
}

static void days_that_come_near_are_told_by_live_records_only(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b);
    fixture_set(b.stored, "risk.next_review", json_string("2026-12-26"));
    expect_wait(&b, "review", "2026-12-26", false); /* 30 days away */
    assert_null(waits(&b, "review", 29));
    fixture_set(b.stored, "risk.next_review", json_string("2026-11-26"));
    expect_wait(&b, "review", "2026-11-26", false); /* today is not late */
    fixture_set(b.stored, "risk.next_review", json_string("2026-11-25"));
    expect_wait(&b, "review", "2026-11-25", true);
    fixture_set(b.stored, "certificate.valid_until", json_string("2026-12-01"));
    expect_wait(&b, "certificate", "2026-12-01", false);
    json_object_set_new(b.stored, "state", json_string("closed"));
    assert_null(waits(&b, "review", 30));
    assert_null(waits(&b, "certificate", 30));
    bed_clear(&b);
}

static void applications_names_screening_and_grace_wait(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b);
    json_object_set_new(b.stored, "state", json_string("submitted"));
    json_object_set_new(b.stored, "official_name", json_string("State Mining"));
    expect_wait(&b, "application", NULL, false);
    json_t *one = waits(&b, "name", 30);
    assert_string_equal(record_text(one, "field"), "official_name");
    json_decref(one);
    fixture_set(b.stored, "screening.result", json_string("flag"));
    expect_wait(&b, "screening", NULL, false);
    json_object_set_new(b.stored, "state", json_string("restricted"));
    assert_null(waits(&b, "name", 30)); /* judged when it was approved */
    json_object_set_new(b.stored, "state_since",
                        json_string("2026-10-27T12:00:00.001Z"));
    assert_null(waits(&b, "grace", 30));
    json_object_set_new(b.stored, "state_since",
                        json_string("2026-10-27T12:00:00.000Z"));
    expect_wait(&b, "grace", "2026-11-26T12:00:00.000Z", true);
    bed_clear(&b);
}

/* --- other information ------------------------------------------------------------------- */

static void expect_refused(const struct bed *b, const char *given, const char *part)
{
    char why[RECORD_WHY_SIZE];
    json_t *out = NULL, *change = fixture_json(given);
    enum kz_err err = record_update(&out, why, b->full, change, &b->act);
    assert_int_equal(err, KZ_RANGE);
    assert_null(out);
    if (strstr(why, part) == NULL)
        fail_msg("%s, not %s", why, part);
    assert_null(strstr(why, "Secret"));
    json_decref(change);
}

static void a_change_brings_no_error_that_was_not_there(void **state)
{
    (void)state;
    struct bed b;
    char why[RECORD_WHY_SIZE];
    json_t *out = NULL, *change;
    bed_init(&b);
    static const struct {
        const char *given, *why;
    } cases[] = {
        {"[]", "an object"},
        {"{}", "an object"},
        {"{\"miner_id\":\"other\"}", "miner_id: is changed by another"},
        {"{\"kind\":\"natural_person\"}", "kind: is changed"},
        {"{\"equipment\":[]}", "karizctl equipment add"},
        {"{\"state\":\"active\"}", "written by the registry"},
        {"{\"personal\":{}}", "written by the registry"},
        {"{\"Secret\":1}", "no such field"},
        {"{\"residence_country\":\"KZ\"}", "residence_country: a resident's is TM"},
        {"{\"birth_date\":\"1970-01-01\"}", "is not asked"},
        {"{\"lei\":\"Secret\"}", "lei:"},
        {"{\"representative\":null}", "representative: is missing"},
        {"{\"representative\":{\"name\":\"Secret\"}}", "representative.role"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect_refused(&b, cases[i].given, cases[i].why);
    change = fixture_json("{\"official_name\":\"Other\",\"lei\":null}");
    assert_int_equal(record_update(&out, why, b.full, change, &b.act), KZ_OK);
    assert_string_equal(record_text(out, "official_name"), "Other");
    assert_null(json_object_get(out, "lei"));
    json_decref(out);
    json_decref(change);
    /* What is wrong elsewhere keeps nobody from mending a part. */
    fixture_set(b.full, "sites[0].region", json_string("XX-1"));
    change = fixture_json("{\"official_name\":\"Third\"}");
    assert_int_equal(record_update(&out, why, b.full, change, &b.act), KZ_OK);
    json_decref(out);
    json_decref(change);
    json_object_set_new(b.full, "state", json_string("rejected"));
    expect_refused(&b, "{\"official_name\":\"Fourth\"}", "state: a record that is");
    bed_clear(&b);
}

static void a_stored_change_names_its_fields_and_keeps_no_value_in_clear(void **state)
{
    (void)state;
    struct bed b;
    char why[RECORD_WHY_SIZE];
    json_t *out = NULL;
    struct record_happened happened = {.detail = NULL};
    bed_init(&b);
    json_t *given = fixture_json("{\"representative\":{},\"official_name\":\"Other\"}");
    json_t *commitments = json_deep_copy(json_object_get(b.stored, "personal"));
    assert_int_equal(
        record_update_stored(&out, &happened, why, b.full, given, commitments, &b.act),
        KZ_OK);
    assert_null(json_object_get(out, "representative"));
    assert_true(json_equal(json_object_get(out, "personal"), commitments));
    assert_int_equal(happened.word, AUDIT_RECORD_CHANGED);
    assert_int_equal(json_array_size(json_object_get(happened.detail, "fields")), 2);
    json_decref(out);
    json_decref(happened.detail);
    out = NULL;
    json_object_del(commitments, "representative");
    assert_int_equal(
        record_update_stored(&out, &happened, why, b.full, given, commitments, &b.act),
        KZ_RANGE);
    assert_null(out);
    b.act.basis = NULL;
    assert_int_equal(
        record_update_stored(&out, &happened, why, b.full, given, commitments, &b.act),
        KZ_RANGE);
    json_decref(given);
    json_decref(commitments);
    bed_clear(&b);
}

/* --- erasing ----------------------------------------------------------------------------- */

static enum kz_err propose(struct bed *b, char why[RECORD_WHY_SIZE])
{
    json_t *out = NULL;
    struct record_happened happened = {.detail = NULL};
    const struct record_proposal p = {.what = RECORD_PROPOSE_ERASE};
    enum kz_err err = record_propose(&out, &happened, why, b->stored, &p, &b->act);
    if (err == KZ_OK) {
        json_decref(b->stored);
        b->stored = out;
        json_decref(happened.detail);
    }
    return err;
}

static void personal_values_are_erased_at_the_end_and_by_two(void **state)
{
    (void)state;
    struct bed b;
    char why[RECORD_WHY_SIZE];
    json_t *out = NULL;
    struct record_happened happened = {.detail = NULL};
    static const char *const needed[] = {"submitted", "active", "restricted",
                                         "suspended"};
    bed_init(&b);
    b.act.reason = "retention_over";
    for (size_t i = 0; i < 4; i++) {
        json_object_set_new(b.stored, "state", json_string(needed[i]));
        assert_int_equal(propose(&b, why), KZ_RANGE);
    }
    json_object_set_new(b.stored, "state", json_string("closed"));
    json_object_set_new(b.stored, "state_since",
                        json_string("2021-11-27T12:00:00.000Z"));
    assert_int_equal(propose(&b, why), KZ_RANGE);
    assert_non_null(strstr(why, "2026-11-27"));
    json_object_set_new(b.stored, "state_since",
                        json_string("2021-11-26T12:00:00.000Z"));
    b.act.role = AUDIT_OPERATOR;
    assert_int_equal(propose(&b, why), KZ_RANGE);
    b.act.role = AUDIT_OFFICER;
    assert_int_equal(propose(&b, why), KZ_OK);
    assert_int_equal(record_confirm(&out, &happened, why, b.stored, &b.act), KZ_RANGE);
    b.act.by = "officer-2";
    assert_int_equal(record_confirm(&out, &happened, why, b.stored, &b.act), KZ_OK);
    assert_int_equal(happened.word, AUDIT_ERASED);
    assert_string_equal(happened.second, "officer-2");
    const json_t *erased = json_object_get(out, "erased");
    assert_string_equal(record_text(erased, "by"), "officer-1");
    assert_non_null(json_object_get(out, "personal"));
    json_decref(out);
    json_decref(happened.detail);
    bed_clear(&b);
}

static void a_request_to_erase_has_a_number(void **state)
{
    (void)state;
    struct bed b;
    char why[RECORD_WHY_SIZE];
    bed_init(&b);
    b.act.reason = "erasure_requested";
    json_object_set_new(b.stored, "state", json_string("closed"));
    json_object_del(b.basis, "document");
    assert_int_equal(propose(&b, why), KZ_RANGE);
    assert_non_null(strstr(why, "number of the request"));
    json_object_set_new(b.basis, "document", json_string("D-9"));
    assert_int_equal(propose(&b, why), KZ_OK);
    bed_clear(&b);
}

/* --- bare -------------------------------------------------------------------------------- */

static void what_the_registry_wrote_is_no_part_of_an_application(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b);
    json_object_set_new(b.full, "refused_today", json_object());
    json_object_set_new(b.full, "number", json_integer(3));
    json_array_append_new(json_object_get(b.full, "payout_addresses"),
                          json_pack("{s:s, s:s}", "address", ADDRESS_2, "to",
                                    "2026-03-01T00:00:00.000Z"));
    json_t *bare = record_bare(b.full);
    static const char *const gone[] = {"schema", "state",         "basis",
                                       "number", "refused_today", "jurisdiction"};
    for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
        assert_null(json_object_get(bare, gone[i]));
    json_t *addresses = fixture_json("[{\"address\":\"" ADDRESS_1 "\"}]");
    assert_true(json_equal(json_object_get(bare, "payout_addresses"), addresses));
    assert_true(json_equal(json_object_get(bare, "representative"),
                           json_object_get(b.full, "representative")));
    assert_non_null(json_object_get(b.full, "state")); /* itself unchanged */
    json_decref(addresses);
    json_decref(bare);
    bed_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_in_order_waits_for_nobody),
        cmocka_unit_test(what_two_people_do_waits_for_the_second),
        cmocka_unit_test(days_that_come_near_are_told_by_live_records_only),
        cmocka_unit_test(applications_names_screening_and_grace_wait),
        cmocka_unit_test(a_change_brings_no_error_that_was_not_there),
        cmocka_unit_test(a_stored_change_names_its_fields_and_keeps_no_value_in_clear),
        cmocka_unit_test(personal_values_are_erased_at_the_end_and_by_two),
        cmocka_unit_test(a_request_to_erase_has_a_number),
        cmocka_unit_test(what_the_registry_wrote_is_no_part_of_an_application),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
