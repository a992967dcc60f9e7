/* Changes of what a record holds: what is kept, what is refused, what happened. */
#include "pool/registry/record_change.h"
#include "pool/registry/record_qr.h"
#include "tests/unit/record_fixture.h"

struct bed {
    struct profile profile;
    struct conf conf;
    struct record_act act;
    json_t *record, *basis, *out;
    struct record_happened happened;
    char why[RECORD_WHY_SIZE];
};

static void bed_init(struct bed *b)
{
    memset(b, 0, sizeof(*b));
    fixture_profile(&b->profile);
    b->conf.network = CONF_REGTEST;
    b->basis = fixture_json("{\"document\":\"letter 7\"}");
    b->act = (struct record_act){.by = "operator-1",
                                 .role = AUDIT_OPERATOR,
                                 .reason = "information_changed",
                                 .basis = b->basis,
                                 .profile = &b->profile,
                                 .conf = &b->conf,
                                 .now_ms = NOW_MS};
    b->record = fixture_stored(RECORD_RL, &b->profile);
}

static void bed_clear(struct bed *b)
{
    json_decref(b->record);
    json_decref(b->basis);
    json_decref(b->out);
    json_decref(b->happened.detail);
}

static enum kz_err change(struct bed *b, record_change_fn *how, const char *given)
{
    json_t *value = fixture_json(given);
    json_t *before = json_deep_copy(b->record);
    enum kz_err err = how(&b->out, &b->happened, b->why, b->record, value, &b->act);
    assert_true(json_equal(before, b->record));
    json_decref(before);
    json_decref(value);
    return err;
}

/* And what came out is what the next change works on. */
static void expect_ok(struct bed *b, record_change_fn *how, const char *given,
                      enum audit_word word)
{
    if (change(b, how, given) != KZ_OK)
        fail_msg("%s", b->why);
    assert_string_equal(audit_word_name(b->happened.word), audit_word_name(word));
    assert_string_equal(record_text(b->out, "actor"), b->act.by);
    assert_true(json_equal(json_object_get(b->out, "basis"), b->basis));
    json_decref(b->record);
    json_decref(b->happened.detail);
    b->happened.detail = NULL;
    b->record = b->out;
    b->out = NULL;
}

static void expect_refused(struct bed *b, record_change_fn *how, const char *given,
                           const char *begins)
{
    enum kz_err err = change(b, how, given);
    if (err != KZ_RANGE || strncmp(b->why, begins, strlen(begins)) != 0)
        fail_msg("%s expected, but %s: %s", begins, kz_err_text(err), b->why);
    assert_null(b->out);
}

#define RIG(id, site, serial)                                                          \
    "{\"id\":\"" id "\",\"site\":\"" site                                              \
    "\",\"maker\":\"Bitmain\",\"model\":\"S21\","                                      \
    "\"serial\":\"" serial "\",\"algorithm\":\"SHA256d\",\"nominal_ghs\":200000,"      \
    "\"power_w\":3500,\"ownership\":\"owned\"}"
#define SITE(id)                                                                       \
    "{\"id\":\"" id "\",\"region\":\"TM-M\",\"address\":\"Mary, hall 1\","             \
    "\"supplier\":\"Maryenergo\",\"declared_kw\":100}"

static const char *at(const json_t *record, const char *path)
{
    struct record_path p;
    assert_int_equal(record_path_parse(&p, path), KZ_OK);
    return json_string_value(record_path_get(record, &p));
}

static void equipment_is_added_and_ends_but_stays_in_the_list(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b);
    expect_ok(&b, record_add_equipment, RIG("e3", "s1", "SN-3"), AUDIT_EQUIPMENT_ADDED);
    assert_string_equal(at(b.record, "equipment[2].from"), "2026-11-26");
    expect_ok(&b, record_end_equipment, "{\"id\":\"e3\"}", AUDIT_EQUIPMENT_ENDED);
    assert_string_equal(at(b.record, "equipment[2].to"), "2026-11-26");
    assert_int_equal(json_array_size(json_object_get(b.record, "equipment")), 3);
    expect_refused(&b, record_end_equipment, "{\"id\":\"e3\"}", "id: that one");
    expect_ok(&b, record_end_equipment, "{\"id\":\"e1\",\"to\":\"2026-10-31\"}",
              AUDIT_EQUIPMENT_ENDED);
    assert_string_equal(at(b.record, "equipment[0].to"), "2026-10-31");
    bed_clear(&b);
}

static void wrong_equipment_is_refused_by_its_place(void **state)
{
    static const struct {
        const char *given, *why;
    } rows[] = {
        {RIG("e3", "s9", "SN-3"), "equipment[2].site: no site"},
        {RIG("e1", "s1", "SN-3"), "equipment[2].id: is there twice"},
        {RIG("e3", "s1", "SN-1"), "equipment[2].serial: is there twice"},
        {"{}", "equipment[2].id: is missing"},
        {"null", "equipment[2]: must be an object"},
        {"7", "equipment[2]: must be an object"},
    };
    (void)state;
    struct bed b;
    bed_init(&b);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect_refused(&b, record_add_equipment, rows[i].given, rows[i].why);
    expect_refused(&b, record_end_equipment, "{\"id\":\"e9\"}", "id: none");
    expect_refused(&b, record_end_equipment, "{}", "id: none");
    expect_refused(&b, record_end_equipment, "{\"id\":\"e1\",\"to\":\"2026-11-27\"}",
                   "to: a day");
    expect_refused(&b, record_end_equipment, "{\"id\":\"e1\",\"to\":7}", "to: a day");
    expect_refused(&b, record_end_equipment, "{\"id\":\"e1\",\"to\":\"2026-01-01\"}",
                   "equipment[0].to: is before from");
    bed_clear(&b);
}

static void a_part_can_be_mended_while_another_is_wrong(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b);
    json_object_del(b.record, "registration_id");
    expect_ok(&b, record_add_equipment, RIG("e3", "s1", "SN-3"), AUDIT_EQUIPMENT_ADDED);
    bed_clear(&b);
}

static void a_site_ends_after_what_stands_there(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b);
    expect_ok(&b, record_add_site, SITE("s2"), AUDIT_SITE_ADDED);
    expect_refused(&b, record_add_site, SITE("s2"), "sites[2].id: is there twice");
    expect_refused(&b, record_end_site, "{\"id\":\"s1\"}",
                   "equipment[0]: stands there");
    expect_ok(&b, record_end_equipment, "{\"id\":\"e1\"}", AUDIT_EQUIPMENT_ENDED);
    expect_refused(&b, record_end_site, "{\"id\":\"s1\"}",
                   "equipment[1]: stands there");
    expect_ok(&b, record_end_equipment, "{\"id\":\"e2\"}", AUDIT_EQUIPMENT_ENDED);
    expect_ok(&b, record_end_site, "{\"id\":\"s1\"}", AUDIT_SITE_ENDED);
    expect_refused(&b, record_add_equipment, RIG("e3", "s1", "SN-3"),
                   "equipment[2].site: that site has ended");
    bed_clear(&b);
}

#define CERTIFICATE(more)                                                              \
    "{\"number\":\"TM-78\",\"authority\":\"CBT\",\"issued_on\":\"2026-11-01\","        \
    "\"valid_until\":\"2027-11-01\"" more "}"

static void a_new_certificate_of_an_active_miner_is_verified_at_once(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b);
    expect_refused(&b, record_set_certificate, CERTIFICATE(""),
                   "certificate.verified: is missing");
    expect_refused(&b, record_set_certificate,
                   CERTIFICATE(",\"verified\":{\"method\":\"phone\"}"),
                   "certificate.verified.method: ");
    expect_refused(&b, record_set_certificate, "null", "certificate: is missing");
    expect_ok(&b, record_set_certificate,
              CERTIFICATE(",\"verified\":{\"method\":\"authority_letter\"}"),
              AUDIT_CERTIFICATE_SET);
    assert_string_equal(at(b.record, "certificate.verified.by"), "operator-1");
    assert_string_equal(at(b.record, "certificate.verified.on"), "2026-11-26");
    assert_string_equal(at(b.record, "certificates_before[0].number"), "TM-77");
    assert_string_equal(at(b.record, "certificates_before[0].replaced_on"),
                        "2026-11-26");
    bed_clear(&b);
}

static void of_an_applicant_it_is_set_first_and_verified_later(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b);
    json_object_set_new(b.record, "state", json_string("draft"));
    b.act.role = AUDIT_APPLICANT;
    b.act.by = "miner-a";
    expect_ok(&b, record_set_certificate, CERTIFICATE(""), AUDIT_CERTIFICATE_SET);
    expect_refused(&b, record_verify_certificate, "{\"method\":\"seen_document\"}",
                   "role: ");
    expect_refused(&b, record_set_certificate,
                   CERTIFICATE(",\"verified\":{\"method\":\"seen_document\"}"),
                   "role: ");
    b.act.role = AUDIT_OPERATOR;
    b.act.by = "operator-1";
    expect_ok(&b, record_verify_certificate, "{\"method\":\"seen_document\"}",
              AUDIT_CERTIFICATE_VERIFIED);
    expect_refused(&b, record_verify_certificate,
                   "{\"method\":\"seen_document\",\"on\":\"2026-11-27\"}",
                   "certificate.verified.on: ");
    expect_refused(&b, record_verify_certificate, "{}",
                   "certificate.verified.method: is missing");
    bed_clear(&b);
}

static void a_qr_code_proves_something_only_for_a_host_of_the_list(void **state)
{
    static const struct {
        const char *payload;
        enum record_qr kind;
    } rows[] = {
        {"https://check.example.tm/77", RECORD_QR_KNOWN_HOST},
        {"https://check.example.tm", RECORD_QR_KNOWN_HOST},
        {"HTTPS://CHECK.example.TM?n=7", RECORD_QR_KNOWN_HOST},
        {"https://check.example.tm#7", RECORD_QR_KNOWN_HOST},
        {"http://check.example.tm/77", RECORD_QR_UNKNOWN_HOST},
        {"https://check.example.tm.evil.example/77", RECORD_QR_UNKNOWN_HOST},
        {"https://evil.example/check.example.tm", RECORD_QR_UNKNOWN_HOST},
        {"https://check.example.tm@evil.example/", RECORD_QR_UNKNOWN_HOST},
        {"https://evil.example\\@check.example.tm/", RECORD_QR_UNKNOWN_HOST},
        {"https://check.example.tm\\@evil.example/", RECORD_QR_UNKNOWN_HOST},
        {"https://check.example.tm/\\evil.example", RECORD_QR_UNKNOWN_HOST},
        {"https://check.example.tm:444/", RECORD_QR_UNKNOWN_HOST},
        {"https:///check.example.tm/", RECORD_QR_UNKNOWN_HOST},
        {"https://", RECORD_QR_UNKNOWN_HOST},
        {"//check.example.tm/", RECORD_QR_UNKNOWN_HOST},
        {"www.evil.example", RECORD_QR_UNKNOWN_HOST},
        {"javascript:alert(1)", RECORD_QR_UNKNOWN_HOST},
        {"https://check.example.t\xc4\xb1/", RECORD_QR_UNKNOWN_HOST},
        {"TM-77", RECORD_QR_TEXT},
        {"No: 77", RECORD_QR_TEXT},
        {"77", RECORD_QR_TEXT},
    };
    (void)state;
    struct bed b;
    bed_init(&b);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (record_qr_kind(rows[i].payload, &b.profile) != rows[i].kind)
            fail_msg("%s", rows[i].payload);
        fixture_set(b.record, "certificate.qr_payload", json_string(rows[i].payload));
        if (rows[i].kind == RECORD_QR_KNOWN_HOST)
            expect_ok(&b, record_verify_certificate, "{\"method\":\"qr\"}",
                      AUDIT_CERTIFICATE_VERIFIED);
        else
            expect_refused(&b, record_verify_certificate, "{\"method\":\"qr\"}",
                           "certificate.qr_payload: no link");
    }
    json_object_del(json_object_get(b.record, "certificate"), "qr_payload");
    expect_refused(&b, record_verify_certificate, "{\"method\":\"qr\"}",
                   "certificate.qr_payload: is missing");
    bed_clear(&b);
}

static void screening_and_review_name_who_did_them(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b);
    b.act.reason = "check_made";
    expect_ok(&b, record_screen, "{\"lists\":[\"un\",\"tm\"],\"result\":\"match\"}",
              AUDIT_SCREENED);
    assert_string_equal(at(b.record, "screening.decided_by"), "operator-1");
    assert_string_equal(at(b.record, "screening.on"), "2026-11-26");
    expect_refused(&b, record_screen, "{\"lists\":[],\"result\":\"clear\"}",
                   "screening.lists: ");
    expect_refused(&b, record_screen, "7", "screening: must be");
    expect_ok(&b, record_review, "{\"level\":\"high\"}", AUDIT_REVIEWED);
    assert_string_equal(at(b.record, "risk.reviewed_on"), "2026-11-26");
    assert_string_equal(at(b.record, "risk.next_review"), "2027-02-24"); /* + 90 days */
    expect_ok(&b, record_review, "{\"level\":\"normal\"}", AUDIT_REVIEWED);
    assert_string_equal(at(b.record, "risk.next_review"), "2027-11-26");
    expect_refused(&b, record_review,
                   "{\"level\":\"high\",\"next_review\":\"2027-02-25\"}",
                   "risk.next_review: 1 to 90");
    b.act.role = AUDIT_APPLICANT;
    expect_refused(&b, record_review, "{\"level\":\"normal\"}", "role: ");
    expect_refused(&b, record_screen, "{\"lists\":[\"un\"],\"result\":\"clear\"}",
                   "role: ");
    bed_clear(&b);
}

static void declarations_add_up(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b);
    expect_ok(&b, record_declare,
              "{\"code\":\"data_consent\",\"text_sha256\":\"" SHA256_HEX
              "\",\"lang\":\"ru\"}",
              AUDIT_DECLARED);
    assert_int_equal(json_array_size(json_object_get(b.record, "declarations")), 3);
    assert_string_equal(at(b.record, "declarations[2].at"), "2026-11-26T12:00:00.000Z");
    expect_refused(&b, record_declare, "{\"code\":\"other\"}",
                   "declarations[3].code: ");
    bed_clear(&b);
}

static void networks_are_set_as_a_whole(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b);
    expect_ok(&b, record_set_networks, "[\"2001:db8::/32\",\"198.51.100.7\"]",
              AUDIT_NETWORKS_SET);
    assert_string_equal(at(b.record, "allowed_networks[1]"), "198.51.100.7");
    expect_refused(&b, record_set_networks, "[\"198.51.100.7/8\"]",
                   "allowed_networks[0]: ");
    expect_refused(&b, record_set_networks, "[7]", "allowed_networks[0]: ");
    expect_refused(&b, record_set_networks, "\"198.51.100.7\"", "allowed_networks: ");
    expect_ok(&b, record_set_networks, "[]", AUDIT_NETWORKS_SET);
    assert_null(json_object_get(b.record, "allowed_networks"));
    bed_clear(&b);
}

static void each_change_needs_a_basis_and_who_may(void **state)
{
    static const struct {
        record_change_fn *how;
        const char *given;
    } rows[] = {
        {record_add_equipment, RIG("e3", "s1", "SN-3")},
        {record_end_equipment, "{\"id\":\"e1\"}"},
        {record_add_site, SITE("s2")},
        {record_set_certificate,
         CERTIFICATE(",\"verified\":{\"method\":\"authority_letter\"}")},
        {record_verify_certificate, "{\"method\":\"seen_document\"}"},
        {record_screen, "{\"lists\":[\"un\"],\"result\":\"clear\"}"},
        {record_review, "{\"level\":\"high\"}"},
        {record_declare, "{\"code\":\"data_consent\",\"text_sha256\":\"" SHA256_HEX
                         "\",\"lang\":\"ru\"}"},
        {record_set_networks, "[]"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bed b;
        bed_init(&b);
        b.act.basis = NULL;
        expect_refused(&b, rows[i].how, rows[i].given, "basis: is missing");
        b.act.basis = b.basis;
        b.act.reason = "miner_request";
        expect_refused(&b, rows[i].how, rows[i].given, "reason: ");
        b.act.reason = "correction";
        b.act.role = AUDIT_APPLICANT;
        expect_refused(&b, rows[i].how, rows[i].given, "role: ");
        b.act.role = AUDIT_SYSTEM;
        expect_refused(&b, rows[i].how, rows[i].given, "role: ");
        b.act.role = AUDIT_OFFICER;
        json_object_set_new(b.record, "state", json_string("rejected"));
        expect_refused(&b, rows[i].how, rows[i].given, "state: ");
        bed_clear(&b);
    }
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(equipment_is_added_and_ends_but_stays_in_the_list),
        TEST(wrong_equipment_is_refused_by_its_place),
        TEST(a_part_can_be_mended_while_another_is_wrong),
        TEST(a_site_ends_after_what_stands_there),
        TEST(a_new_certificate_of_an_active_miner_is_verified_at_once),
        TEST(of_an_applicant_it_is_set_first_and_verified_later),
        TEST(a_qr_code_proves_something_only_for_a_host_of_the_list),
        TEST(screening_and_review_name_who_did_them),
        TEST(declarations_add_up),
        TEST(networks_are_set_as_a_whole),
        TEST(each_change_needs_a_basis_and_who_may),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
