/* The table of a record's fields, and the rules between them: row by row. */
#include "tests/unit/record_fixture.h"

struct bed {
    struct profile profile;
    struct record_checks checks;
    struct record_findings found;
    json_t *record;
};

static void bed_init(struct bed *b, enum record_column column)
{
    memset(b, 0, sizeof(*b));
    fixture_profile(&b->profile);
    b->checks = (struct record_checks){
        .profile = &b->profile, .network = network_of(CONF_REGTEST), .now_ms = NOW_MS};
    b->record = fixture_record(column, &b->profile);
}

static void bed_clear(struct bed *b)
{
    record_findings_clear(&b->found);
    json_decref(b->record);
}

static void check(struct bed *b)
{
    record_findings_clear(&b->found);
    record_check(&b->found, b->record, &b->checks);
}

static void expect(struct bed *b, enum record_severity severity, const char *path,
                   const char *rule)
{
    check(b);
    const struct record_finding *f = fixture_finding(&b->found, severity, path);
    if (f == NULL || strstr(f->rule, rule) == NULL) {
        fixture_print(&b->found);
        fail_msg("%s %s: ... %s ... expected", record_severity_name(severity), path,
                 rule);
    }
}

static void a_right_record_of_each_column_has_no_finding(void **state)
{
    (void)state;
    for (int c = RECORD_RE; c <= RECORD_NL; c++) {
        struct bed b;
        bed_init(&b, (enum record_column)c);
        check(&b);
        fixture_print(&b.found);
        assert_int_equal(b.found.count, 0);
        bed_clear(&b);
    }
}

/* The columns of the spec's table, with the fixture's profile for P. */
static void the_table_asks_what_the_spec_asks(void **state)
{
    static const struct {
        const char *name, *need;
    } rows[] = {
        {"miner_id", "RRRR"},
        {"jurisdiction", "RRRR"},
        {"profile_version", "RRRR"},
        {"kind", "RRRR"},
        {"residency", "RRRR"},
        {"residence_country", "RRRR"},
        {"official_name", "RRRR"},
        {"name_latin", "oooo"},
        {"trade_names", "oooo"},
        {"tax_id", "RRoo"},
        {"registration_id", "RRRR"},
        {"lei", "-o-o"},
        {"identity_document", "R-R-"},
        {"birth_date", "R-R-"},
        {"citizenship", "o-o-"},
        {"legal_address", "RRRR"},
        {"branch", "---o"},
        {"representative", "RRRR"},
        {"beneficial_owners", "-R-R"},
        {"certificate", "RRRR"},
        {"sites", "RRoo"},
        {"equipment", "RRRR"},
        {"payout_addresses", "RRRR"},
        {"allowed_networks", "oooo"},
        {"bank_details", "oooo"},
        {"declarations", "RRRR"},
        {"risk", "RRRR"},
        {"screening", "RRRR"},
        {"state", "RRRR"},
        {"state_since", "RRRR"},
        {"basis", "RRRR"},
    };
    (void)state;
    for (int c = RECORD_RE; c <= RECORD_NL; c++) {
        struct bed b;
        bed_init(&b, (enum record_column)c);
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            const struct record_field *f =
                record_field_find(record_fields(), rows[i].name);
            assert_non_null(f);
            char need = record_need(f, b.record, (enum record_column)c, &b.profile);
            if (need != rows[i].need[c])
                fail_msg("%s, column %d: %c", rows[i].name, c, need);
        }
        bed_clear(&b);
    }
}

static void each_missing_field_is_named_where_it_is_required(void **state)
{
    (void)state;
    for (int c = RECORD_RE; c <= RECORD_NL; c++) {
        for (const struct record_field *f = record_fields(); f->name != NULL; f++) {
            struct bed b;
            bed_init(&b, (enum record_column)c);
            bool needed =
                record_need(f, b.record, (enum record_column)c, &b.profile) == 'R';
            json_object_del(b.record, f->name);
            check(&b);
            const struct record_finding *found =
                fixture_finding(&b.found, RECORD_ERROR, f->name);
            if ((found != NULL) != needed)
                fail_msg("%s, column %d", f->name, c);
            bed_clear(&b);
        }
    }
}

static void each_field_that_is_not_asked_is_refused_by_name(void **state)
{
    json_t *all = fixture_json(fixture_all);
    size_t refused = 0;
    (void)state;
    for (int c = RECORD_RE; c <= RECORD_NL; c++) {
        for (const struct record_field *f = record_fields(); f->name != NULL; f++) {
            struct bed b;
            bed_init(&b, (enum record_column)c);
            if (record_need(f, b.record, (enum record_column)c, &b.profile) == '-') {
                json_object_set(b.record, f->name, json_object_get(all, f->name));
                expect(&b, RECORD_ERROR, f->name, "leave it out");
                refused++;
            }
            bed_clear(&b);
        }
    }
    assert_true(refused >= 12);
    json_decref(all);
}

/* The object a table is of: the field's value, or its list's first entry. */
static json_t *object_of(json_t *record, const struct record_field *f, char path[64])
{
    json_t *value = json_object_get(record, f->name);
    snprintf(path, 64, "%s%s", f->name, f->shape == RECORD_OBJECTS ? "[0]" : "");
    return f->shape == RECORD_OBJECTS ? json_array_get(value, 0) : value;
}

static void inner_field(struct bed *b, const struct record_field *f,
                        const struct record_field *inner)
{
    char above[64], path[128];
    json_t *object = object_of(b->record, f, above);
    snprintf(path, sizeof(path), "%s.%s", above, inner->name);
    json_object_del(object, inner->name);
    check(b);
    bool is_found = fixture_finding(&b->found, RECORD_ERROR, path) != NULL;
    bool by_rule = strcmp(path, "equipment[0].site") == 0 ||
                   strcmp(path, "certificate.verified") == 0;
    if (is_found != (inner->need[0] == 'R' || by_rule))
        fail_msg("%s missing", path);
    json_object_set_new(object, inner->name,
                        inner->shape == RECORD_NUMBER ? json_string("7")
                                                      : json_integer(7));
    if (inner->shape != RECORD_OURS)
        expect(b, RECORD_ERROR, path,
               inner->shape == RECORD_NUMBER   ? "a whole number"
               : inner->shape == RECORD_OBJECT ? "must be an object"
               : inner->shape == RECORD_TEXT   ? "must be a text"
                                               : "must be a list");
}

static void inside_of_objects_missing_wrong_and_unknown_fields_are_named(void **state)
{
    (void)state;
    for (const struct record_field *f = record_fields(); f->name != NULL; f++) {
        for (const struct record_field *in = f->fields; in && in->name; in++) {
            for (int c = RECORD_RE; c <= RECORD_NL; c++) {
                struct bed b;
                bed_init(&b, (enum record_column)c);
                if (json_object_get(b.record, f->name) != NULL)
                    inner_field(&b, f, in);
                bed_clear(&b);
            }
        }
        struct bed b;
        char above[64], path[128];
        bed_init(&b, RECORD_NL);
        if (f->fields != NULL && json_object_get(b.record, f->name) != NULL) {
            json_object_set_new(object_of(b.record, f, above), "colour", json_true());
            snprintf(path, sizeof(path), "%s.colour", above);
            expect(&b, RECORD_ERROR, path, "no such field");
        }
        bed_clear(&b);
    }
}

struct spoilt {
    enum record_column column;
    const char *path, *value; /* JSON; NULL: taken out of the record */
    enum record_severity severity;
    const char *where, *rule;
};

static const struct spoilt spoilt[] = {
    {RECORD_RL, "schema", "\"kariz-miner/2\"", RECORD_ERROR, "schema", "kariz-miner/1"},
    {RECORD_RL, "miner_id", "\"ab\"", RECORD_ERROR, "miner_id", "3 to 32"},
    {RECORD_RL, "miner_id", "\"Miner\"", RECORD_ERROR, "miner_id", "3 to 32"},
    {RECORD_RL, "jurisdiction", "\"KZ\"", RECORD_ERROR, "jurisdiction", "profile"},
    {RECORD_RL, "profile_version", "\"2025-1\"", RECORD_WARNING, "profile_version",
     "is 2026-11 now"},
    {RECORD_RL, "kind", "\"natural_person\"", RECORD_ERROR, "kind", "kinds_allowed"},
    {RECORD_RL, "kind", "\"company\"", RECORD_ERROR, "kind", "one of natural_person"},
    {RECORD_RL, "residency", "\"guest\"", RECORD_ERROR, "residency", "one of resident"},
    {RECORD_RL, "residence_country", "\"KZ\"", RECORD_ERROR, "residence_country",
     "a resident's is TM"},
    {RECORD_NL, "residence_country", "\"TM\"", RECORD_ERROR, "residence_country",
     "cannot be TM"},
    {RECORD_NL, "residence_country", "\"VG\"", RECORD_ERROR, "residence_country",
     "refuses"},
    {RECORD_NL, "residence_country", "\"XX\"", RECORD_ERROR, "residence_country",
     "ISO 3166-1"},
    {RECORD_NL, "residence_country", "\"kz\"", RECORD_ERROR, "residence_country",
     "upper-case"},
    {RECORD_RL, "official_name", "\"\"", RECORD_ERROR, "official_name", "empty"},
    {RECORD_RL, "official_name", "\" Ak\"", RECORD_ERROR, "official_name", "blanks"},
    {RECORD_RL, "official_name", "\"A\\nk\"", RECORD_ERROR, "official_name", "control"},
    {RECORD_RL, "official_name", "\"A\\u0000k\"", RECORD_ERROR, "official_name", ""},
    {RECORD_RL, "official_name", "\"s\\u0327aha\"", RECORD_ERROR, "official_name",
     "NFC"},
    {RECORD_RL, "official_name", "\"A\\u200bk\"", RECORD_ERROR, "official_name",
     "invisible"},
    {RECORD_RL, "name_latin", "\"\\u0410\\u043a\"", RECORD_ERROR, "name_latin",
     "Latin"},
    {RECORD_RL, "official_name", "\"Turkmen Mining\"", RECORD_FLAG, "official_name",
     "\"turkmen\" (en)"},
    {RECORD_RL, "name_latin", "\"Statesman\"", RECORD_FLAG, "name_latin", "state"},
    {RECORD_RE, "official_name", "\"Turkmen Orazow\"", RECORD_FLAG, "official_name",
     "names may not have (en)"},
    {RECORD_RL, "trade_names[0]", "\"State Power\"", RECORD_FLAG, "trade_names[0]",
     "a person decides"},
    {RECORD_RL, "trade_names[0]", "\"\"", RECORD_ERROR, "trade_names[0]", "empty"},
    {RECORD_RL, "trade_names", "\"Bulut\"", RECORD_ERROR, "trade_names", "a list"},
    {RECORD_RL, "tax_id.type", "\"LEIX\"", RECORD_ERROR, "tax_id.type", "TXID"},
    {RECORD_RL, "tax_id.country", "\"KZ\"", RECORD_ERROR, "tax_id.country",
     "resident's is TM"},
    {RECORD_RL, "lei", "\"529900T8BM49AURSDO56\"", RECORD_ERROR, "lei", "ISO 17442"},
    {RECORD_RE, "lei", "\"529900T8BM49AURSDO55\"", RECORD_ERROR, "lei", "leave it out"},
    {RECORD_RE, "identity_document.type", "\"DRLC\"", RECORD_ERROR,
     "identity_document.type", "CCPT"},
    {RECORD_RE, "identity_document.expires", "\"2026-11-25\"", RECORD_WARNING,
     "identity_document.expires", "has passed"},
    {RECORD_RE, "birth_date", "\"2026-02-30\"", RECORD_ERROR, "birth_date", "calendar"},
    {RECORD_RE, "birth_date", "\"2008-11-27\"", RECORD_ERROR, "birth_date", "18 years"},
    {RECORD_RE, "birth_date", "\"2030-01-01\"", RECORD_ERROR, "birth_date",
     "not after today"},
    {RECORD_RL, "legal_address.region", "\"TM-X\"", RECORD_ERROR,
     "legal_address.region", "ISO 3166-2"},
    {RECORD_RL, "legal_address.region", "\"KZ-10\"", RECORD_ERROR,
     "legal_address.region", "of the country"},
    {RECORD_RL, "representative.phone", "\"12345\"", RECORD_ERROR,
     "representative.phone", "E.164"},
    {RECORD_RL, "representative.email", "\"a@b@c.tm\"", RECORD_ERROR,
     "representative.email", "one @"},
    {RECORD_RL, "representative.language", "\"fr\"", RECORD_ERROR,
     "representative.language", "languages"},
    {RECORD_RL, "beneficial_owners[0].share_percent", "\"60.51\"", RECORD_ERROR,
     "beneficial_owners", "more than 100"},
    {RECORD_RL, "beneficial_owners[0].share_percent", "\"60.501\"", RECORD_ERROR,
     "beneficial_owners[0].share_percent", "two decimals"},
    {RECORD_RL, "beneficial_owners[0].share_percent", "\"100.01\"", RECORD_ERROR,
     "beneficial_owners[0].share_percent", "0 to 100"},
    {RECORD_RL, "beneficial_owners[0].share_percent", "60.5", RECORD_ERROR,
     "beneficial_owners[0].share_percent", "must be a text"},
    {RECORD_RL, "beneficial_owners[0].verified_on", "\"2025-11-25\"", RECORD_WARNING,
     "beneficial_owners[0].verified_on", "365 days"},
    {RECORD_RL, "certificate.number", "\"\"", RECORD_ERROR, "certificate.number",
     "empty"},
    {RECORD_RL, "certificate.issued_on", "\"2026-11-27\"", RECORD_ERROR,
     "certificate.issued_on", "not after today"},
    {RECORD_RL, "certificate.valid_until", "\"2026-01-31\"", RECORD_ERROR,
     "certificate.valid_until", "before issued_on"},
    {RECORD_RL, "certificate.valid_until", "\"2026-11-25\"", RECORD_WARNING,
     "certificate.valid_until", "has passed"},
    {RECORD_RL, "certificate.valid_until", "\"2026-11-26\"", RECORD_WARNING,
     "certificate.valid_until", "30 days"},
    {RECORD_RL, "certificate.qr_payload", "\"https://evil.example/77\"", RECORD_FLAG,
     "certificate.qr_payload", "do not open"},
    {RECORD_RL, "certificate.document_sha256", "\"00\"", RECORD_ERROR,
     "certificate.document_sha256", "64"},
    {RECORD_RL, "certificate.verified.method", "\"phone\"", RECORD_ERROR,
     "certificate.verified.method", "seen_document"},
    {RECORD_RL, "certificate.verified.on", "\"2026-01-31\"", RECORD_ERROR,
     "certificate.verified.on", "before issued_on"},
    {RECORD_RL, "sites[0].declared_kw", "0", RECORD_ERROR, "sites[0].declared_kw",
     "from 1"},
    {RECORD_RL, "sites[0].declared_kw", "1.5", RECORD_ERROR, "sites[0].declared_kw",
     "whole"},
    {RECORD_RL, "sites[0].region", "\"TM-X\"", RECORD_ERROR, "sites[0].region",
     "profile lists"},
    {RECORD_RL, "sites[0].id", "\"S 1\"", RECORD_ERROR, "sites[0].id", "a-z"},
    {RECORD_RL, "sites[0].to", "\"2026-01-01\"", RECORD_ERROR, "sites[0].to",
     "before from"},
    {RECORD_RL, "sites[0].to", "\"2026-06-01\"", RECORD_ERROR, "equipment[0].site",
     "has ended"},
    {RECORD_RL, "equipment[0].algorithm", "\"Scrypt\"", RECORD_ERROR,
     "equipment[0].algorithm", "SHA256d"},
    {RECORD_RL, "equipment[0].site", "\"s9\"", RECORD_ERROR, "equipment[0].site",
     "no site"},
    {RECORD_RL, "equipment[1].serial", "\"SN-1\"", RECORD_ERROR, "equipment[1].serial",
     "twice"},
    {RECORD_RL, "equipment[1].id", "\"e1\"", RECORD_ERROR, "equipment[1].id", "twice"},
    {RECORD_RL, "equipment[0].nominal_ghs", "0", RECORD_ERROR,
     "equipment[0].nominal_ghs", "from 1"},
    {RECORD_RL, "equipment[0].ownership", "\"stolen\"", RECORD_ERROR,
     "equipment[0].ownership", "owned, leased, hosted"},
    {RECORD_RL, "equipment[0].to", "\"2026-01-31\"", RECORD_ERROR, "equipment[0].to",
     "before from"},
    {RECORD_RL, "equipment", "[]", RECORD_ERROR, "equipment", "1 to"},
    {RECORD_RL, "payout_addresses[0].address", "\"bc1qxyz\"", RECORD_ERROR,
     "payout_addresses[0].address", "network"},
    {RECORD_RL, "payout_addresses[0].to", "\"2026-03-01T00:00:00Z\"", RECORD_ERROR,
     "payout_addresses", "none is live"},
    {RECORD_RL, "payout_addresses[0].from", "\"2026-02-01\"", RECORD_ERROR,
     "payout_addresses[0].from", "UTC"},
    {RECORD_RL, "allowed_networks[0]", "\"192.0.2.1/24\"", RECORD_ERROR,
     "allowed_networks[0]", "network"},
    {RECORD_RL, "declarations[0].code", "\"data_consent\"", RECORD_ERROR,
     "declarations", "no_hidden_mining is not declared"},
    {RECORD_RL, "declarations[0].code", "\"other\"", RECORD_ERROR,
     "declarations[0].code", "profile's declarations"},
    {RECORD_RL, "risk.level", "\"low\"", RECORD_ERROR, "risk.level", "high, normal"},
    {RECORD_RL, "risk.next_review", "\"2027-03-02\"", RECORD_ERROR, "risk.next_review",
     "1 to 365"},
    {RECORD_RL, "risk.level", "\"high\"", RECORD_ERROR, "risk.next_review", "1 to 90"},
    {RECORD_RL, "risk.next_review", "\"2026-11-25\"", RECORD_WARNING,
     "risk.next_review", "has passed"},
    {RECORD_RL, "screening.result", "\"match\"", RECORD_FLAG, "screening.result",
     "not clear"},
    {RECORD_RL, "screening.lists", "[]", RECORD_ERROR, "screening.lists", "1 to"},
    {RECORD_RL, "state", "\"gone\"", RECORD_ERROR, "state", "one of draft"},
    {RECORD_RL, "colour", "1", RECORD_ERROR, "colour", "no such field"},
    {RECORD_RL, "personal", "{}", RECORD_ERROR, "personal", "no such field"},
};

static void each_wrong_value_is_found_with_its_rule(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(spoilt) / sizeof(spoilt[0]); i++) {
        const struct spoilt *row = &spoilt[i];
        struct bed b;
        bed_init(&b, row->column);
        if (strstr(row->value, "\\u0000") != NULL)
            fixture_set(b.record, row->path, json_stringn("A\0k", 3));
        else
            fixture_set(b.record, row->path, fixture_json(row->value));
        expect(&b, row->severity, row->where, row->rule);
        bed_clear(&b);
    }
}

static void a_text_is_measured_in_characters(void **state)
{
    (void)state;
    struct bed b;
    char name[3 * 201 + 1] = "";
    bed_init(&b, RECORD_RL);
    for (size_t i = 0; i < 200; i++)
        memcpy(name + 2 * i, "\xd0\x96", 2);
    json_object_set_new(b.record, "official_name", json_string(name));
    check(&b);
    assert_int_equal(b.found.of[RECORD_ERROR], 0);
    memcpy(name + 400, "x", 2);
    json_object_set_new(b.record, "official_name", json_string(name));
    expect(&b, RECORD_ERROR, "official_name", "at most 200");
    bed_clear(&b);
}

static void all_that_is_wrong_is_said_at_once(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, RECORD_RL);
    for (size_t i = 0; i < sizeof(spoilt) / sizeof(spoilt[0]); i += 7)
        if (spoilt[i].column == RECORD_RL && strchr(spoilt[i].value, '[') == NULL)
            fixture_set(b.record, spoilt[i].path, fixture_json(spoilt[i].value));
    check(&b);
    assert_true(b.found.count >= 6);
    bed_clear(&b);
    b.record = json_object();
    check(&b);
    for (const struct record_field *f = record_fields(); f->name != NULL; f++)
        if (strcmp(f->need, "RRRR") == 0)
            assert_non_null(fixture_finding(
                &b.found, f->is_late ? RECORD_WARNING : RECORD_ERROR, f->name));
    bed_clear(&b);
}

static void what_is_no_object_is_refused(void **state)
{
    static const char *const texts[] = {"[]", "1", "\"a\"", "null", "true"};
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        struct bed b;
        bed_init(&b, RECORD_RL);
        json_decref(b.record);
        b.record = fixture_json(texts[i]);
        expect(&b, RECORD_ERROR, "", "must be an object");
        bed_clear(&b);
    }
}

static void late_fields_may_lack_until_the_record_is_to_be_active(void **state)
{
    static const char *const late[] = {"risk", "screening", "certificate.verified"};
    (void)state;
    struct bed b;
    bed_init(&b, RECORD_RL);
    json_object_set_new(b.record, "state", json_string("submitted"));
    json_object_del(b.record, "risk");
    json_object_del(b.record, "screening");
    json_object_del(json_object_get(b.record, "certificate"), "verified");
    check(&b);
    assert_int_equal(b.found.of[RECORD_ERROR], 0);
    for (size_t i = 0; i < 3; i++)
        expect(&b, RECORD_WARNING, late[i], "needed to become active");
    b.checks.for_active = true;
    for (size_t i = 0; i < 3; i++)
        expect(&b, RECORD_ERROR, late[i], "is missing");
    bed_clear(&b);
}

static void no_finding_has_a_value_of_the_record_in_it(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, RECORD_RE);
    json_t *person = json_object_get(b.record, "representative");
    json_object_set_new(person, "phone", json_string("SECRETVALUE"));
    json_object_set_new(person, "email", json_string("SECRETVALUE"));
    json_object_set_new(person, "language", json_string("SECRETVALUE"));
    json_object_set_new(person, "Maral SECRETVALUE", json_true());
    json_object_set_new(b.record, "birth_date", json_string("SECRETVALUE"));
    json_object_set_new(b.record, "official_name", json_string("SECRETVALUE\t"));
    check(&b);
    assert_int_equal(b.found.of[RECORD_ERROR], 6);
    json_t *list = record_findings_json(&b.found);
    char *text = json_dumps(list, 0);
    assert_null(strstr(text, "SECRETVALUE"));
    free(text);
    json_decref(list);
    bed_clear(&b);
}

static void of_a_stored_record_the_commitment_stands_for_the_value(void **state)
{
    static const char *const personal[] = {
        "official_name", "name_latin",     "citizenship", "identity_document",
        "birth_date",    "representative", "bank_details"};
    (void)state;
    struct bed b;
    bed_init(&b, RECORD_RE);
    b.checks.is_stored = true;
    json_t *commitments = json_pack("{s:s}", "sites", SHA256_HEX);
    for (size_t i = 0; i < 7; i++) {
        expect(&b, RECORD_ERROR, personal[i], "its place is the vault");
        json_object_del(b.record, personal[i]);
        json_object_set_new(commitments, personal[i], json_string(SHA256_HEX));
    }
    expect(&b, RECORD_ERROR, "representative", "is missing");
    json_object_set_new(b.record, "personal", commitments);
    check(&b);
    fixture_print(&b.found);
    assert_int_equal(b.found.count, 0);
    json_object_del(b.record, "sites"); /* public: no commitment stands for it */
    expect(&b, RECORD_ERROR, "sites", "is missing");
    bed_clear(&b);
}

static void without_owners_a_reason_is_needed(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, RECORD_RL);
    json_object_set_new(b.record, "beneficial_owners", json_array());
    check(&b);
    assert_int_equal(b.found.count, 0);
    json_object_del(b.record, "no_owner_reason");
    expect(&b, RECORD_ERROR, "beneficial_owners", "no_owner_reason");
    bed_clear(&b);
}

static void the_end_of_a_certificate_must_be_said_null_or_not(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, RECORD_RL);
    json_object_del(json_object_get(b.record, "certificate"), "valid_until");
    expect(&b, RECORD_ERROR, "certificate.valid_until", "is missing");
    bed_clear(&b);
}

static void today_is_the_day_of_the_profiles_zone(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, RECORD_RL);
    b.checks.now_ms = INT64_C(1795719600000); /* 19:00 UTC: tomorrow in Asgabat */
    fixture_set(b.record, "certificate.issued_on", json_string("2026-11-27"));
    fixture_set(b.record, "certificate.verified.on", json_string("2026-11-27"));
    check(&b);
    assert_int_equal(b.found.of[RECORD_ERROR], 0);
    b.checks.now_ms--;
    expect(&b, RECORD_ERROR, "certificate.issued_on", "not after today");
    bed_clear(&b);
}

static void an_ended_rigs_serial_may_come_again(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, RECORD_RL);
    fixture_set(b.record, "equipment[0].to", json_string("2026-06-01"));
    fixture_set(b.record, "equipment[1].serial", json_string("SN-1"));
    check(&b);
    assert_int_equal(b.found.count, 0);
    bed_clear(&b);
}

static void a_profile_may_refuse_non_residents(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, RECORD_NL);
    b.profile.non_residents = PROFILE_REFUSED;
    expect(&b, RECORD_ERROR, "residency", "refuses non-residents");
    bed_clear(&b);
}

static void tax_numbers_follow_the_profile(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, RECORD_RL);
    b.profile.tax_id.checksum = TAXID_RU_INN;
    expect(&b, RECORD_ERROR, "tax_id.value", "check digits");
    b.profile.tax_id.checksum = TAXID_NONE;
    b.profile.verified = false;
    expect(&b, RECORD_WARNING, "tax_id.value", "not verified");
    bed_clear(&b);
}

static void far_more_findings_than_are_kept_are_counted(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, RECORD_RL);
    json_t *list = json_object_get(b.record, "equipment");
    for (int i = 0; i < 500; i++)
        json_array_append_new(list, json_object());
    check(&b);
    assert_int_equal(b.found.count, RECORD_FINDINGS_MAX);
    assert_true(b.found.of[RECORD_ERROR] > 4500);
    bed_clear(&b);
}

static void an_error_below_a_path_is_found(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, RECORD_RL);
    fixture_set(b.record, "certificate.number", json_string(""));
    check(&b);
    assert_non_null(record_findings_error(&b.found, ""));
    assert_non_null(record_findings_error(&b.found, "certificate"));
    assert_non_null(record_findings_error(&b.found, "certificate.number"));
    assert_null(record_findings_error(&b.found, "cert"));
    assert_null(record_findings_error(&b.found, "sites"));
    bed_clear(&b);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_right_record_of_each_column_has_no_finding),
        TEST(the_table_asks_what_the_spec_asks),
        TEST(each_missing_field_is_named_where_it_is_required),
        TEST(each_field_that_is_not_asked_is_refused_by_name),
        TEST(inside_of_objects_missing_wrong_and_unknown_fields_are_named),
        TEST(each_wrong_value_is_found_with_its_rule),
        TEST(a_text_is_measured_in_characters),
        TEST(all_that_is_wrong_is_said_at_once),
        TEST(what_is_no_object_is_refused),
        TEST(late_fields_may_lack_until_the_record_is_to_be_active),
        TEST(no_finding_has_a_value_of_the_record_in_it),
        TEST(of_a_stored_record_the_commitment_stands_for_the_value),
        TEST(without_owners_a_reason_is_needed),
        TEST(the_end_of_a_certificate_must_be_said_null_or_not),
        TEST(today_is_the_day_of_the_profiles_zone),
        TEST(an_ended_rigs_serial_may_come_again),
        TEST(a_profile_may_refuse_non_residents),
        TEST(tax_numbers_follow_the_profile),
        TEST(far_more_findings_than_are_kept_are_counted),
        TEST(an_error_below_a_path_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
