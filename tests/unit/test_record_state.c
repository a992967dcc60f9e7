/* States, proposals and what a miner may: each pair, each role, each boundary in time. */
#include "conf/clock.h"
#include "pool/registry/record_may.h"
#include "pool/registry/record_proposal.h"
#include "tests/unit/record_fixture.h"

struct bed {
    struct profile profile;
    struct conf conf;
    struct record_act act;
    json_t *record, *basis, *out;
    struct record_happened happened;
    char why[RECORD_WHY_SIZE];
};

static void bed_init(struct bed *b, enum miner_state state)
{
    memset(b, 0, sizeof(*b));
    fixture_profile(&b->profile);
    b->conf.network = CONF_REGTEST;
    b->conf.address_wait_hours = 24;
    b->basis = fixture_json("{\"code\":\"letter\",\"authority\":\"CBT\",\"document\":"
                            "\"No. 5\",\"date\":\"2026-11-20\"}");
    b->act = (struct record_act){.by = "officer-1",
                                 .role = AUDIT_OFFICER,
                                 .basis = b->basis,
                                 .profile = &b->profile,
                                 .conf = &b->conf,
                                 .now_ms = NOW_MS};
    b->record = fixture_stored(RECORD_RL, &b->profile);
    json_object_set_new(b->record, "state", json_string(miner_state_name(state)));
    json_object_set_new(b->record, "state_since",
                        json_string("2026-11-20T00:00:00.000Z"));
}

static void bed_clear(struct bed *b)
{
    json_decref(b->record);
    json_decref(b->basis);
    json_decref(b->out);
    json_decref(b->happened.detail);
}

/* What came out is what the next step works on. */
static void keep(struct bed *b)
{
    json_decref(b->record);
    json_decref(b->happened.detail);
    b->happened.detail = NULL;
    b->record = b->out;
    b->out = NULL;
}

static void expect_ok(struct bed *b, enum kz_err err, enum audit_word word)
{
    if (err != KZ_OK)
        fail_msg("%s", b->why);
    assert_string_equal(audit_word_name(b->happened.word), audit_word_name(word));
}

static void expect_refused(struct bed *b, enum kz_err err, const char *begins)
{
    if (err != KZ_RANGE || strncmp(b->why, begins, strlen(begins)) != 0)
        fail_msg("%s expected, but %s: %s", begins, kz_err_text(err), b->why);
    assert_null(b->out);
}

static const char *reason_for(enum miner_state to)
{
    for (size_t i = 0; record_reason_at(i) != NULL; i++)
        if (record_reason_at(i)->uses & 1u << to)
            return record_reason_at(i)->code;
    return NULL;
}

/* The spec's transitions. alone: roles by letter (a applicant, o operator, f officer,
 * u authority, s system); twos: officers that need each other. */
struct arrow {
    enum miner_state from, to;
    const char *alone;
    bool twos;
    enum audit_word word;
};

static const struct arrow arrows[] = {
    {MINER_DRAFT, MINER_SUBMITTED, "ao", false, AUDIT_SUBMITTED},
    {MINER_SUBMITTED, MINER_REJECTED, "f", false, AUDIT_REJECTED},
    {MINER_SUBMITTED, MINER_ACTIVE, "", true, AUDIT_ACTIVATED},
    {MINER_ACTIVE, MINER_RESTRICTED, "fs", false, AUDIT_RESTRICTED},
    {MINER_RESTRICTED, MINER_ACTIVE, "", true, AUDIT_RESUMED},
    {MINER_ACTIVE, MINER_SUSPENDED, "us", true, AUDIT_SUSPENDED},
    {MINER_RESTRICTED, MINER_SUSPENDED, "us", true, AUDIT_SUSPENDED},
    {MINER_SUSPENDED, MINER_ACTIVE, "", true, AUDIT_RESUMED},
    {MINER_SUSPENDED, MINER_REVOKED, "", true, AUDIT_REVOKED},
    {MINER_SUSPENDED, MINER_CLOSED, "f", false, AUDIT_CLOSED},
    {MINER_ACTIVE, MINER_REVOKED, "", true, AUDIT_REVOKED},
    {MINER_ACTIVE, MINER_CLOSED, "f", false, AUDIT_CLOSED},
    {MINER_RESTRICTED, MINER_REVOKED, "", true, AUDIT_REVOKED},
    {MINER_RESTRICTED, MINER_CLOSED, "f", false, AUDIT_CLOSED},
};

static const struct arrow *find_arrow(int from, int to)
{
    for (size_t i = 0; i < sizeof(arrows) / sizeof(arrows[0]); i++)
        if ((int)arrows[i].from == from && (int)arrows[i].to == to)
            return &arrows[i];
    return NULL;
}

static const char role_letters[AUDIT_ROLES] = {'a', 'o', 'f', 'u', 's'};

static void try_alone(int from, int to, int role)
{
    const struct arrow *arrow = find_arrow(from, to);
    struct bed b;
    bed_init(&b, (enum miner_state)from);
    b.act.role = (enum audit_role)role;
    b.act.reason = reason_for((enum miner_state)to);
    enum kz_err err = record_apply(&b.out, &b.happened, b.why, b.record,
                                   (enum miner_state)to, &b.act);
    if (arrow == NULL)
        expect_refused(&b, err, "state: ");
    else if (strchr(arrow->alone, role_letters[role]) != NULL)
        expect_ok(&b, err, arrow->word);
    else if (arrow->twos && role == AUDIT_OFFICER)
        expect_refused(&b, err, "state: to become");
    else
        expect_refused(&b, err, "role: ");
    if (err == KZ_OK) {
        assert_int_equal(record_state(b.out), to);
        assert_string_equal(record_text(b.out, "state_since"),
                            "2026-11-26T12:00:00.000Z");
        assert_string_equal(record_text(b.out, "actor"), "officer-1");
        assert_string_equal(record_text(b.out, "reason"), b.act.reason);
        assert_true(json_equal(json_object_get(b.out, "basis"), b.basis));
        assert_int_equal(record_state(b.record), from);
    }
    bed_clear(&b);
}

static void every_pair_of_states_goes_as_the_spec_says_for_every_role(void **state)
{
    (void)state;
    for (int from = 0; from < MINER_STATES; from++)
        for (int to = 0; to < MINER_STATES; to++)
            for (int role = 0; role < AUDIT_ROLES; role++)
                try_alone(from, to, role);
}

static enum kz_err propose(struct bed *b, enum record_proposed what,
                           enum miner_state to, const char *address)
{
    const struct record_proposal p = {.what = what, .to = to, .address = address};
    return record_propose(&b->out, &b->happened, b->why, b->record, &p, &b->act);
}

static enum kz_err confirm(struct bed *b, const char *by, enum audit_role role)
{
    struct record_act second = b->act;
    second.by = by;
    second.role = role;
    second.reason = NULL;
    second.basis = NULL;
    return record_confirm(&b->out, &b->happened, b->why, b->record, &second);
}

static void try_in_twos(int from, int to)
{
    const struct arrow *arrow = find_arrow(from, to);
    struct bed b;
    bed_init(&b, (enum miner_state)from);
    b.act.reason = reason_for((enum miner_state)to);
    enum kz_err err = propose(&b, RECORD_PROPOSE_STATE, (enum miner_state)to, NULL);
    if (arrow == NULL || !arrow->twos) {
        expect_refused(&b, err, "state: ");
        bed_clear(&b);
        return;
    }
    expect_ok(&b, err, AUDIT_PROPOSED);
    assert_int_equal(record_state(b.out), from);
    keep(&b);
    expect_refused(&b, confirm(&b, "officer-1", AUDIT_OFFICER), "by: another person");
    expect_refused(&b, confirm(&b, "", AUDIT_OFFICER), "by: ");
    for (int role = 0; role < AUDIT_ROLES; role++)
        if (role != AUDIT_OFFICER)
            expect_refused(&b, confirm(&b, "x", (enum audit_role)role), "role: ");
    expect_ok(&b, confirm(&b, "officer-2", AUDIT_OFFICER), arrow->word);
    assert_string_equal(b.happened.actor, "officer-1");
    assert_string_equal(b.happened.second, "officer-2");
    assert_string_equal(b.happened.reason, b.act.reason);
    assert_int_equal(record_state(b.out), to);
    assert_null(json_object_get(b.out, "proposal"));
    assert_string_equal(record_text(b.out, "actor"), "officer-1");
    assert_string_equal(record_text(b.out, "second"), "officer-2");
    bed_clear(&b);
}

static void where_two_are_needed_another_officer_confirms(void **state)
{
    (void)state;
    for (int from = 0; from < MINER_STATES; from++)
        for (int to = 0; to < MINER_STATES; to++)
            try_in_twos(from, to);
}

static void nobody_but_an_officer_proposes_a_state(void **state)
{
    (void)state;
    for (int role = 0; role < AUDIT_ROLES; role++) {
        struct bed b;
        bed_init(&b, MINER_SUBMITTED);
        b.act.role = (enum audit_role)role;
        b.act.reason = "checks_passed";
        enum kz_err err = propose(&b, RECORD_PROPOSE_STATE, MINER_ACTIVE, NULL);
        if (role == AUDIT_OFFICER)
            expect_ok(&b, err, AUDIT_PROPOSED);
        else
            expect_refused(&b, err, "role: ");
        bed_clear(&b);
    }
}

static void to_become_active_everything_must_hold(void **state)
{
    static const struct {
        const char *path, *value, *why;
    } rows[] = {
        {"certificate.verified", "null", "certificate.verified: is missing"},
        {"certificate.valid_until", "\"2026-11-25\"", "certificate.valid_until: has"},
        {"screening", "null", "screening: is missing"},
        {"screening.result", "\"flag\"", "screening.result: must be clear"},
        {"screening.result", "\"match\"", "screening.result: must be clear"},
        {"risk", "null", "risk: is missing"},
        {"risk.next_review", "\"2026-11-25\"", "risk.next_review: has passed"},
        {"payout_addresses", "[]", "payout_addresses: 1 to"},
        {"payout_addresses[0].to", "\"2026-10-01T00:00:00Z\"",
         "payout_addresses: none is live"},
        {"declarations", "null", "declarations: is missing"},
        {"legal_address.city", "null", "legal_address.city: is missing"},
        {"personal.representative", "null", "representative: is missing"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bed b;
        bed_init(&b, MINER_SUBMITTED);
        b.act.reason = "checks_passed";
        fixture_set(b.record, rows[i].path, fixture_json(rows[i].value));
        expect_refused(&b, propose(&b, RECORD_PROPOSE_STATE, MINER_ACTIVE, NULL),
                       rows[i].why);
        bed_clear(&b);
    }
}

/* An application that one officer proposes to make active. */
static void bed_init_proposed(struct bed *b)
{
    bed_init(b, MINER_SUBMITTED);
    b->act.reason = "checks_passed";
    expect_ok(b, propose(b, RECORD_PROPOSE_STATE, MINER_ACTIVE, NULL), AUDIT_PROPOSED);
    keep(b);
}

static void what_fails_between_proposal_and_confirmation_stops_it(void **state)
{
    (void)state;
    struct bed b;
    bed_init_proposed(&b);
    fixture_set(b.record, "screening.result", json_string("match"));
    expect_refused(&b, confirm(&b, "officer-2", AUDIT_OFFICER), "screening.result: ");
    bed_clear(&b);
}

/* Approving is for the record that the first officer saw; suspending for the miner. */
static void a_record_that_was_changed_since_is_not_made_active(void **state)
{
    (void)state;
    struct bed b;
    bed_init_proposed(&b);
    json_t *name = json_incref(json_object_get(b.record, "official_name"));
    fixture_set(b.record, "official_name", json_string("Another Name"));
    expect_refused(&b, confirm(&b, "officer-2", AUDIT_OFFICER),
                   "proposal: the record was changed since");
    json_object_set_new(b.record, "official_name", name);
    json_object_set_new(b.record, "revision", json_integer(77));
    expect_ok(&b, confirm(&b, "officer-2", AUDIT_OFFICER), AUDIT_ACTIVATED);
    bed_clear(&b);
    bed_init(&b, MINER_ACTIVE);
    b.act.reason = "suspicion";
    expect_ok(&b, propose(&b, RECORD_PROPOSE_STATE, MINER_SUSPENDED, NULL),
              AUDIT_PROPOSED);
    keep(&b);
    fixture_set(b.record, "official_name", json_string("Another Name"));
    expect_ok(&b, confirm(&b, "officer-2", AUDIT_OFFICER), AUDIT_SUSPENDED);
    bed_clear(&b);
}

static void an_unverified_certificate_will_do_where_the_profile_says_so(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, MINER_SUBMITTED);
    b.act.reason = "checks_passed";
    b.profile.certificate.verify_before_active = false;
    fixture_set(b.record, "certificate.verified", json_null());
    expect_ok(&b, propose(&b, RECORD_PROPOSE_STATE, MINER_ACTIVE, NULL),
              AUDIT_PROPOSED);
    bed_clear(&b);
}

static void a_proposal_expires_and_a_new_one_takes_its_place(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, MINER_ACTIVE);
    b.act.reason = "suspicion";
    expect_ok(&b, propose(&b, RECORD_PROPOSE_STATE, MINER_SUSPENDED, NULL),
              AUDIT_PROPOSED);
    keep(&b);
    expect_refused(&b, propose(&b, RECORD_PROPOSE_STATE, MINER_SUSPENDED, NULL),
                   "proposal: one is open");
    b.act.now_ms = NOW_MS + RECORD_PROPOSAL_DAYS * DAY_MS;
    expect_refused(&b, confirm(&b, "officer-2", AUDIT_OFFICER),
                   "proposal: has expired");
    expect_ok(&b, propose(&b, RECORD_PROPOSE_STATE, MINER_SUSPENDED, NULL),
              AUDIT_PROPOSED);
    keep(&b);
    b.act.now_ms += RECORD_PROPOSAL_DAYS * DAY_MS - 1;
    expect_ok(&b, confirm(&b, "officer-2", AUDIT_OFFICER), AUDIT_SUSPENDED);
    bed_clear(&b);
}

static void a_proposal_for_another_state_is_not_confirmed(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, MINER_ACTIVE);
    b.act.reason = "suspicion";
    expect_ok(&b, propose(&b, RECORD_PROPOSE_STATE, MINER_SUSPENDED, NULL),
              AUDIT_PROPOSED);
    keep(&b);
    json_object_set_new(b.record, "state", json_string("restricted"));
    expect_refused(&b, confirm(&b, "officer-2", AUDIT_OFFICER), "proposal: it was for");
    bed_clear(&b);
}

static void a_change_of_state_drops_the_proposal_to_change_it(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, MINER_ACTIVE);
    b.act.reason = "suspicion";
    expect_ok(&b, propose(&b, RECORD_PROPOSE_STATE, MINER_SUSPENDED, NULL),
              AUDIT_PROPOSED);
    keep(&b);
    expect_ok(&b, record_suspend_urgently(&b.out, &b.happened, b.why, b.record, &b.act),
              AUDIT_SUSPENDED);
    assert_null(json_object_get(b.out, "proposal"));
    bed_clear(&b);
}

static void who_proposed_or_an_officer_withdraws(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, MINER_ACTIVE);
    expect_refused(&b, record_withdraw(&b.out, &b.happened, b.why, b.record, &b.act),
                   "proposal: none");
    b.act.role = AUDIT_OPERATOR;
    b.act.by = "operator-1";
    b.act.reason = "miner_request";
    expect_ok(&b, propose(&b, RECORD_PROPOSE_ADDRESS_ADD, 0, ADDRESS_2),
              AUDIT_PROPOSED);
    keep(&b);
    b.act.by = "operator-2";
    expect_refused(&b, record_withdraw(&b.out, &b.happened, b.why, b.record, &b.act),
                   "by: who proposed");
    b.act.by = "operator-1";
    expect_ok(&b, record_withdraw(&b.out, &b.happened, b.why, b.record, &b.act),
              AUDIT_WITHDRAWN);
    assert_null(json_object_get(b.out, "proposal"));
    keep(&b);
    json_object_set_new(b.record, "proposal", json_true()); /* damaged */
    expect_refused(&b, confirm(&b, "officer-2", AUDIT_OFFICER), "proposal: is damaged");
    b.act.role = AUDIT_OFFICER;
    expect_ok(&b, record_withdraw(&b.out, &b.happened, b.why, b.record, &b.act),
              AUDIT_WITHDRAWN);
    bed_clear(&b);
}

static void an_address_is_added_by_two_and_waits(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, MINER_ACTIVE);
    b.act.role = AUDIT_APPLICANT;
    b.act.by = "miner-a";
    b.act.reason = "miner_request";
    expect_refused(&b, propose(&b, RECORD_PROPOSE_ADDRESS_ADD, 0, "bc1qxyz"),
                   "address: ");
    expect_refused(&b, propose(&b, RECORD_PROPOSE_ADDRESS_ADD, 0, NULL), "address: ");
    expect_ok(&b, propose(&b, RECORD_PROPOSE_ADDRESS_ADD, 0, ADDRESS_2),
              AUDIT_PROPOSED);
    assert_int_equal(json_array_size(json_object_get(b.out, "payout_addresses")), 1);
    keep(&b);
    expect_refused(&b, confirm(&b, "other", AUDIT_APPLICANT), "role: ");
    b.act.now_ms += HOUR_MS;
    expect_ok(&b, confirm(&b, "operator-1", AUDIT_OPERATOR), AUDIT_ADDRESS_ADDED);
    assert_string_equal(record_text(b.happened.detail, "address"), ADDRESS_2);
    const json_t *added = json_array_get(json_object_get(b.out, "payout_addresses"), 1);
    assert_string_equal(record_text(added, "from"), "2026-11-26T13:00:00.000Z");
    assert_string_equal(record_text(added, "payable_from"), "2026-11-27T13:00:00.000Z");
    keep(&b);
    b.act.role = AUDIT_OPERATOR;
    expect_ok(&b, propose(&b, RECORD_PROPOSE_ADDRESS_END, 0, ADDRESS_1),
              AUDIT_PROPOSED);
    keep(&b);
    expect_ok(&b, confirm(&b, "officer-1", AUDIT_OFFICER), AUDIT_ADDRESS_ENDED);
    bed_clear(&b);
}

static void an_urgent_suspension_is_at_once_and_confirmed_by_another(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, MINER_ACTIVE);
    b.act.reason = "hidden_mining";
    b.act.role = AUDIT_OPERATOR;
    expect_refused(
        &b, record_suspend_urgently(&b.out, &b.happened, b.why, b.record, &b.act),
        "role: ");
    b.act.role = AUDIT_OFFICER;
    expect_ok(&b, record_suspend_urgently(&b.out, &b.happened, b.why, b.record, &b.act),
              AUDIT_SUSPENDED);
    assert_int_equal(record_state(b.out), MINER_SUSPENDED);
    assert_string_equal(record_text(json_object_get(b.out, "urgent"), "confirm_by"),
                        "2026-11-27T12:00:00.000Z");
    keep(&b);
    expect_refused(
        &b, record_confirm_suspension(&b.out, &b.happened, b.why, b.record, &b.act),
        "by: another person");
    struct record_view view = {.profile = &b.profile, .now_ms = NOW_MS + DAY_MS - 1};
    assert_int_equal(record_due(&b.out, &b.happened, b.record, &view),
                     RECORD_DUE_NOTHING);
    view.now_ms++;
    assert_int_equal(record_due(&b.out, &b.happened, b.record, &view),
                     RECORD_DUE_CONFIRMATION);
    assert_null(b.out); /* it stays suspended, whoever forgot */
    assert_false(record_may(b.record, &view).may_mine);
    b.act.by = "officer-2";
    expect_ok(&b,
              record_confirm_suspension(&b.out, &b.happened, b.why, b.record, &b.act),
              AUDIT_CONFIRMED);
    keep(&b);
    assert_int_equal(record_due(&b.out, &b.happened, b.record, &view),
                     RECORD_DUE_NOTHING);
    expect_refused(
        &b, record_confirm_suspension(&b.out, &b.happened, b.why, b.record, &b.act),
        "urgent: ");
    bed_clear(&b);
}

static void an_act_needs_a_name_a_fitting_reason_and_a_basis(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, MINER_SUBMITTED);
    struct record_act act = b.act;
    act.reason = "incomplete";
#define REJECT()                                                                       \
    record_apply(&b.out, &b.happened, b.why, b.record, MINER_REJECTED, &act)
    act.by = NULL;
    expect_refused(&b, REJECT(), "by: is missing");
    act.by = " x";
    expect_refused(&b, REJECT(), "by: ");
    act.by = "officer-1";
    act.reason = NULL;
    expect_refused(&b, REJECT(), "reason: is missing");
    act.reason = "because";
    expect_refused(&b, REJECT(), "reason: \"because\" is no code");
    act.reason = "death";
    expect_refused(&b, REJECT(), "reason: \"death\"");
    act.reason = "incomplete";
    act.basis = NULL;
    expect_refused(&b, REJECT(), "basis: is missing");
    static const char *const bad[] = {
        "{}",
        "{\"authority\":\"CBT\"}",
        "{\"note\":\"\"}",
        "{\"note\":1}",
        "[]",
        "{\"colour\":\"x\"}",
        "{\"code\":\"A b\"}",
        "1",
        "{\"note\":\"x\",\"date\":\"2026-02-30\"}",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        json_t *basis = fixture_json(bad[i]);
        act.basis = basis;
        expect_refused(&b, REJECT(), "basis");
        json_decref(basis);
    }
    act.basis = b.basis;
    expect_ok(&b, REJECT(), AUDIT_REJECTED);
#undef REJECT
    bed_clear(&b);
}

static void orders_and_requests_are_documents(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, MINER_ACTIVE);
    json_object_del(b.basis, "authority");
    b.act.reason = "authority_order";
    expect_refused(&b, propose(&b, RECORD_PROPOSE_STATE, MINER_REVOKED, NULL),
                   "basis: an authority");
    b.act.role = AUDIT_AUTHORITY;
    expect_refused(
        &b, record_apply(&b.out, &b.happened, b.why, b.record, MINER_SUSPENDED, &b.act),
        "basis: an authority");
    b.act.role = AUDIT_OFFICER;
    json_object_del(b.basis, "document");
    b.act.reason = "miner_request";
    expect_refused(
        &b, record_apply(&b.out, &b.happened, b.why, b.record, MINER_CLOSED, &b.act),
        "basis.document: ");
    bed_clear(&b);
}

static void freezing_takes_one_and_unfreezing_two(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, MINER_ACTIVE);
    b.act.reason = "suspicion";
    b.act.role = AUDIT_OPERATOR;
    expect_refused(&b, record_freeze(&b.out, &b.happened, b.why, b.record, &b.act),
                   "role: ");
    b.act.role = AUDIT_OFFICER;
    expect_refused(&b, propose(&b, RECORD_PROPOSE_UNFREEZE, 0, NULL),
                   "frozen: it is not");
    expect_ok(&b, record_freeze(&b.out, &b.happened, b.why, b.record, &b.act),
              AUDIT_FROZEN);
    keep(&b);
    assert_true(record_is_frozen(b.record));
    assert_int_equal(record_state(b.record), MINER_ACTIVE);
    expect_refused(&b, record_freeze(&b.out, &b.happened, b.why, b.record, &b.act),
                   "frozen: it is already");
    b.act.reason = "matter_settled";
    expect_ok(&b, propose(&b, RECORD_PROPOSE_UNFREEZE, 0, NULL), AUDIT_PROPOSED);
    keep(&b);
    assert_true(record_is_frozen(b.record));
    expect_ok(&b, confirm(&b, "officer-2", AUDIT_OFFICER), AUDIT_UNFROZEN);
    assert_false(record_is_frozen(b.out));
    bed_clear(&b);
}

static void what_a_revoked_miner_had_is_released_by_two(void **state)
{
    static const struct {
        const char *reason, *hold;
    } rows[] = {{"release_to_owner", NULL}, {"release_to_order", "released_to_order"}};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct bed b;
        bed_init(&b, MINER_SUSPENDED);
        struct record_view view = {.profile = &b.profile, .now_ms = NOW_MS};
        b.act.reason = rows[i].reason;
        expect_refused(&b, propose(&b, RECORD_PROPOSE_RELEASE, 0, NULL), "state: ");
        json_object_set_new(b.record, "state", json_string("revoked"));
        assert_string_equal(record_may(b.record, &view).hold_reason, "revoked");
        expect_ok(&b, propose(&b, RECORD_PROPOSE_RELEASE, 0, NULL), AUDIT_PROPOSED);
        keep(&b);
        assert_string_equal(record_may(b.record, &view).hold_reason, "revoked");
        expect_ok(&b, confirm(&b, "officer-2", AUDIT_OFFICER), AUDIT_RELEASED);
        keep(&b);
        struct record_may may = record_may(b.record, &view);
        assert_int_equal(may.is_paid, rows[i].hold == NULL);
        if (rows[i].hold != NULL)
            assert_string_equal(may.hold_reason, rows[i].hold);
        expect_refused(&b, propose(&b, RECORD_PROPOSE_RELEASE, 0, NULL), "release: ");
        bed_clear(&b);
    }
}

/* The spec's table of states. */
static void each_state_may_what_the_spec_says(void **state)
{
    static const struct {
        bool mines, credited, paid, in_full, warned;
        const char *refusal, *hold;
    } rows[MINER_STATES] = {
        [MINER_DRAFT] = {false, false, false, false, false, "unregistered", NULL},
        [MINER_SUBMITTED] = {false, false, false, false, false, "unregistered", NULL},
        [MINER_REJECTED] = {false, false, false, false, false, "unregistered", NULL},
        [MINER_ACTIVE] = {true, true, true, false, false, NULL, NULL},
        [MINER_RESTRICTED] = {true, true, false, false, true, NULL, "restricted"},
        [MINER_SUSPENDED] = {false, true, false, false, false, "not active",
                             "suspended"},
        [MINER_REVOKED] = {false, true, false, false, false, "not active", "revoked"},
        [MINER_CLOSED] = {false, true, true, true, false, "not active", NULL},
    };
    (void)state;
    for (int i = 0; i < MINER_STATES; i++) {
        for (int frozen = 0; frozen < 2; frozen++) {
            struct bed b;
            bed_init(&b, (enum miner_state)i);
            struct record_view view = {.profile = &b.profile, .now_ms = NOW_MS};
            if (frozen)
                json_object_set_new(b.record, "frozen", json_pack("{s:b}", "on", 1));
            struct record_may may = record_may(b.record, &view);
            bool held = frozen && rows[i].credited;
            assert_int_equal(may.state, i);
            assert_int_equal(may.may_mine, rows[i].mines);
            assert_int_equal(may.is_credited, rows[i].credited);
            assert_int_equal(may.is_paid, rows[i].paid && !held);
            assert_int_equal(may.is_paid_in_full, rows[i].in_full && !held);
            assert_int_equal(may.is_warned, rows[i].warned);
            const char *hold = held ? "frozen" : rows[i].hold;
            assert_string_equal(may.hold_reason ? may.hold_reason : "-",
                                hold ? hold : "-");
            assert_string_equal(may.refusal ? may.refusal : "-",
                                rows[i].refusal ? rows[i].refusal : "-");
            bed_clear(&b);
        }
    }
}

static void nobody_and_the_damaged_may_nothing(void **state)
{
    static const char *const damaged[] = {"{}", "{\"state\":\"gone\"}", "[]",
                                          "{\"state\":1}"};
    (void)state;
    struct bed b;
    bed_init(&b, MINER_ACTIVE);
    struct record_view view = {.profile = &b.profile, .now_ms = NOW_MS};
    assert_string_equal(record_may(NULL, &view).refusal, "unregistered");
    for (size_t i = 0; i < 4; i++) {
        json_t *r = fixture_json(damaged[i]);
        struct record_may may = record_may(r, &view);
        assert_string_equal(may.refusal, "not active");
        assert_string_equal(may.hold_reason, "damaged");
        assert_false(may.may_mine || may.is_credited || may.is_paid);
        json_decref(r);
    }
    bed_clear(&b);
}

/* 2026-11-27T19:00:00Z is midnight in the profile's zone. */
static void a_certificate_holds_through_its_last_day_in_the_profiles_zone(void **state)
{
    static const int64_t midnight_ms = INT64_C(1795806000000);
    static const enum miner_state mining[] = {MINER_ACTIVE, MINER_RESTRICTED};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct bed b;
        bed_init(&b, mining[i]);
        fixture_set(b.record, "certificate.valid_until", json_string("2026-11-27"));
        struct record_view view = {.profile = &b.profile, .now_ms = midnight_ms - 1};
        assert_true(record_may(b.record, &view).may_mine);
        assert_true(record_may(b.record, &view).mines_until_ms == midnight_ms);
        assert_int_equal(record_due(&b.out, &b.happened, b.record, &view),
                         RECORD_DUE_NOTHING);
        view.now_ms++;
        assert_string_equal(record_may(b.record, &view).refusal, "not active");
        assert_string_equal(record_may(b.record, &view).hold_reason, "suspended");
        assert_int_equal(record_due(&b.out, &b.happened, b.record, &view),
                         RECORD_DUE_SUSPENSION);
        assert_int_equal(record_state(b.out), MINER_SUSPENDED);
        assert_string_equal(record_text(b.out, "reason"), "certificate_expired");
        assert_string_equal(record_text(b.out, "actor"), "system");
        assert_string_equal(record_text(b.happened.basis, "code"), "system");
        keep(&b);
        assert_int_equal(record_due(&b.out, &b.happened, b.record, &view),
                         RECORD_DUE_NOTHING);
        bed_clear(&b);
    }
}

static void an_overdue_review_restricts_and_is_written_down(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, MINER_ACTIVE);
    struct record_view view = {.profile = &b.profile, .now_ms = NOW_MS};
    fixture_set(b.record, "risk.next_review", json_string("2026-11-26"));
    assert_false(record_may(b.record, &view).is_warned);
    fixture_set(b.record, "risk.next_review", json_string("2026-11-25"));
    struct record_may may = record_may(b.record, &view);
    assert_true(may.may_mine && may.is_warned && may.is_credited && !may.is_paid);
    assert_int_equal(record_due(&b.out, &b.happened, b.record, &view),
                     RECORD_DUE_RESTRICTION);
    assert_int_equal(b.happened.word, AUDIT_RESTRICTED);
    assert_int_equal(b.happened.role, AUDIT_SYSTEM);
    keep(&b);
    view.now_ms = NOW_MS + RECORD_GRACE_DAYS * DAY_MS - 1;
    assert_int_equal(record_due(&b.out, &b.happened, b.record, &view),
                     RECORD_DUE_NOTHING);
    view.now_ms++;
    assert_int_equal(record_due(&b.out, &b.happened, b.record, &view),
                     RECORD_DUE_GRACE);
    bed_clear(&b);
}

static void a_stop_order_stops_mining_and_no_payment(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, MINER_ACTIVE);
    struct record_view view = {.profile = &b.profile, .now_ms = NOW_MS};
    b.profile.stop_count = 1;
    b.profile.stops[0] = (struct profile_stop){.from_ms = NOW_MS, .to_ms = NOW_MS + 1};
    struct record_may may = record_may(b.record, &view);
    assert_false(may.may_mine);
    assert_string_equal(may.refusal, "not active");
    assert_true(may.is_paid && may.is_credited);
    view.now_ms++;
    assert_true(record_may(b.record, &view).may_mine);
    json_t *orders = fixture_json("[{\"from\":\"2026-11-26T12:00:00Z\",\"to\":null},"
                                  "{\"from\":1,\"to\":2},7]");
    view.stop_orders = orders;
    assert_false(record_may(b.record, &view).may_mine);
    view.now_ms = NOW_MS - 1;
    assert_true(record_may(b.record, &view).may_mine);
    json_decref(orders);
    bed_clear(&b);
}

static void a_draft_is_what_was_given_and_what_the_registry_adds(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, MINER_ACTIVE);
    b.act.reason = "applied";
    b.act.role = AUDIT_APPLICANT;
    json_t *given = fixture_record(RECORD_RL, &b.profile);
    static const char *const written[] = {"schema", "jurisdiction", "profile_version",
                                          "state",  "state_since",  "basis"};
    for (size_t i = 0; i < 6; i++) {
        char begins[64];
        snprintf(begins, sizeof(begins), "%s: is written", written[i]);
        expect_refused(&b, record_draft(&b.out, &b.happened, b.why, given, &b.act),
                       begins);
        json_object_del(given, written[i]);
    }
    json_object_set_new(given, "proposal", json_object());
    expect_refused(&b, record_draft(&b.out, &b.happened, b.why, given, &b.act),
                   "proposal: is written");
    json_object_del(given, "proposal");
    b.act.role = AUDIT_OPERATOR; /* who may import what was found out before */
    expect_refused(&b, record_draft(&b.out, &b.happened, b.why, given, &b.act),
                   "payout_addresses[0]: ");
    b.act.role = AUDIT_APPLICANT;
    static const char *const judged[] = {"risk", "screening", "certificate.verified"};
    for (size_t i = 0; i < 3; i++) {
        char begins[64];
        snprintf(begins, sizeof(begins), "%s: is the pool's", judged[i]);
        expect_refused(&b, record_draft(&b.out, &b.happened, b.why, given, &b.act),
                       begins);
        if (i < 2)
            json_object_del(given, judged[i]);
    }
    json_object_del(json_object_get(given, "certificate"), "verified");
    json_object_set_new(given, "payout_addresses",
                        json_pack("[{s:s}]", "address", ADDRESS_1));
    expect_ok(&b, record_draft(&b.out, &b.happened, b.why, given, &b.act),
              AUDIT_APPLIED);
    assert_int_equal(record_state(b.out), MINER_DRAFT);
    struct record_findings found = {.count = 0};
    struct record_checks with = record_checks_of(&b.act);
    with.is_stored = false;
    record_check(&found, b.out, &with);
    assert_int_equal(found.of[RECORD_ERROR] + found.of[RECORD_FLAG], 0);
    assert_int_equal(found.of[RECORD_WARNING], 3); /* those three */
    record_findings_clear(&found);
    json_decref(given);
    bed_clear(&b);
}

static void a_draft_with_errors_is_not_submitted(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, MINER_DRAFT);
    b.act.role = AUDIT_APPLICANT;
    b.act.reason = "application_complete";
    json_object_del(b.record, "registration_id");
    expect_refused(
        &b, record_apply(&b.out, &b.happened, b.why, b.record, MINER_SUBMITTED, &b.act),
        "registration_id: is missing");
    bed_clear(&b);
}

static void reasons_are_a_closed_list_with_meanings(void **state)
{
    (void)state;
    unsigned all = 0;
    for (size_t i = 0; record_reason_at(i) != NULL; i++) {
        const struct record_reason *r = record_reason_at(i);
        assert_ptr_equal(record_reason_find(r->code), r);
        assert_true(strlen(r->meaning) > 10 && r->uses != 0);
        all |= r->uses;
    }
    assert_int_equal(all, (1u << (MINER_STATES + 6)) - 1);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_pair_of_states_goes_as_the_spec_says_for_every_role),
        TEST(where_two_are_needed_another_officer_confirms),
        TEST(nobody_but_an_officer_proposes_a_state),
        TEST(to_become_active_everything_must_hold),
        TEST(what_fails_between_proposal_and_confirmation_stops_it),
        TEST(a_record_that_was_changed_since_is_not_made_active),
        TEST(an_unverified_certificate_will_do_where_the_profile_says_so),
        TEST(a_proposal_expires_and_a_new_one_takes_its_place),
        TEST(a_proposal_for_another_state_is_not_confirmed),
        TEST(a_change_of_state_drops_the_proposal_to_change_it),
        TEST(who_proposed_or_an_officer_withdraws),
        TEST(an_address_is_added_by_two_and_waits),
        TEST(an_urgent_suspension_is_at_once_and_confirmed_by_another),
        TEST(an_act_needs_a_name_a_fitting_reason_and_a_basis),
        TEST(orders_and_requests_are_documents),
        TEST(freezing_takes_one_and_unfreezing_two),
        TEST(what_a_revoked_miner_had_is_released_by_two),
        TEST(each_state_may_what_the_spec_says),
        TEST(nobody_and_the_damaged_may_nothing),
        TEST(a_certificate_holds_through_its_last_day_in_the_profiles_zone),
        TEST(an_overdue_review_restricts_and_is_written_down),
        TEST(a_stop_order_stops_mining_and_no_payment),
        TEST(a_draft_is_what_was_given_and_what_the_registry_adds),
        TEST(a_draft_with_errors_is_not_submitted),
        TEST(reasons_are_a_closed_list_with_meanings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
