/* Applications from a table. */
#include "pool/registry/record_csv.h"
#include "tests/unit/record_fixture.h"

struct bed {
    struct profile profile;
    struct conf conf;
    struct record_act act;
    json_t *basis, *drafts, *problems;
};

static void bed_init(struct bed *b)
{
    memset(b, 0, sizeof(*b));
    fixture_profile(&b->profile);
    b->profile.declarations.count = 1;
    b->profile.declarations.items[0] = "data_consent";
    b->conf.network = CONF_REGTEST;
    b->basis = fixture_json("{\"note\":\"list of 1 May\"}");
    b->act = (struct record_act){.by = "operator-1",
                                 .role = AUDIT_OPERATOR,
                                 .reason = "applied",
                                 .basis = b->basis,
                                 .profile = &b->profile,
                                 .conf = &b->conf,
                                 .now_ms = NOW_MS};
}

static void import(struct bed *b, const char *text)
{
    json_decref(b->drafts);
    json_decref(b->problems);
    record_csv_read(&b->drafts, &b->problems, text, strlen(text), &b->act);
}

static void bed_clear(struct bed *b)
{
    json_decref(b->drafts);
    json_decref(b->problems);
    json_decref(b->basis);
}

static void expect_problem(const struct bed *b, int line, const char *column,
                           const char *rule)
{
    size_t i;
    json_t *one;
    json_array_foreach(b->problems, i, one)
    {
        const char *where = record_text(one, "column");
        bool is_there = column == NULL ? where == NULL
                                       : where != NULL && strcmp(where, column) == 0;
        if (json_integer_value(json_object_get(one, "line")) == line && is_there &&
            strstr(record_text(one, "rule"), rule) != NULL)
            return;
    }
    char *all = json_dumps(b->problems, JSON_INDENT(1));
    print_message("%s\n", all);
    free(all);
    fail_msg("line %d, %s: %s", line, column ? column : "-", rule);
}

#define COLUMNS                                                                        \
    "miner_id;kind;residency;residence_country;official_name;tax_id.country;"          \
    "tax_id.value;registration_id.country;registration_id.authority;"                  \
    "registration_id.value;legal_address.country;legal_address.city;"                  \
    "legal_address.street;representative.name;representative.role;"                    \
    "representative.phone;representative.email;representative.language;"               \
    "no_owner_reason;beneficial_owners[0].name;beneficial_owners[0].country;"          \
    "beneficial_owners[0].birth_date;beneficial_owners[0].share_percent;"              \
    "beneficial_owners[0].control;beneficial_owners[0].verified_on;"                   \
    "certificate.number;certificate.authority;certificate.issued_on;"                  \
    "certificate.valid_until;sites[0].id;sites[0].region;sites[0].address;"            \
    "sites[0].supplier;sites[0].declared_kw;equipment[0].id;equipment[0].site;"        \
    "equipment[0].maker;equipment[0].model;equipment[0].serial;"                       \
    "equipment[0].nominal_ghs;equipment[0].power_w;equipment[0].ownership;"            \
    "equipment[0].from;payout_addresses[0].address;"                                   \
    "declarations[0].code;declarations[0].text_sha256;declarations[0].lang;"           \
    "declarations[0].at;declarations[0].by\r\n"
#define ROW(id, certificate, phone, kw)                                                \
    id ";legal_entity;resident;TM;\"Ak \"\"Bulut\"\"; HJ\";TM;123456789;TM;Register;"  \
       "R-1;TM;Anau;Bitarap 1;Maral Orazowa;director;" phone                           \
       ";maral@example.tm;tk;;Maral Orazowa;TM;1980-01-01;100;shares;2026-10-01;"      \
       "" certificate ";Central Bank;2026-02-01;unlimited;s1;TM-A;Hall 3;Ahalenergo;"  \
       "" kw ";e1;s1;Bitmain;S21;SN-1;200000;3500;owned;2026-02-01;" ADDRESS_1 ";"     \
       "data_consent;" SHA256_HEX ";tk;2026-02-01T00:00:00Z;miner-a\r\n"
#define GOOD ROW("miner-a", "TM-1", "'+99312345678", "500")

static void a_right_row_becomes_a_draft(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b);
    import(&b, COLUMNS GOOD ROW("miner-b", "TM-2", "+99312345678", "20"));
    assert_int_equal(json_array_size(b.drafts), 2);
    assert_int_equal(json_array_size(b.problems), 6); /* what is for a later hand */
    expect_problem(&b, 2, "screening", "needed to become active");
    const json_t *one = json_array_get(b.drafts, 0);
    assert_string_equal(record_text(one, "official_name"), "Ak \"Bulut\"; HJ");
    assert_string_equal(record_text(one, "state"), "draft");
    assert_string_equal(record_text(json_object_get(one, "tax_id"), "type"), "TXID");
    assert_true(json_is_null(
        json_object_get(json_object_get(one, "certificate"), "valid_until")));
    assert_string_equal(record_text(json_object_get(one, "representative"), "phone"),
                        "+99312345678");
    bed_clear(&b);
}

static void that_there_is_no_owner_is_said_by_its_reason(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b);
    char text[4096], *at;
    snprintf(text, sizeof(text), "%s", COLUMNS GOOD);
    static const char owner[] = ";;Maral Orazowa;TM;1980-01-01;100;shares;2026-10-01;";
    at = strstr(text, owner);
    assert_non_null(at);
    char *rest = strdup(at + strlen(owner));
    sprintf(at, ";of the public;;;;;;;%s", rest);
    free(rest);
    import(&b, text);
    assert_int_equal(json_array_size(b.drafts), 1);
    const json_t *owners =
        json_object_get(json_array_get(b.drafts, 0), "beneficial_owners");
    assert_true(json_is_array(owners) && json_array_size(owners) == 0);
    bed_clear(&b);
}

static void a_wrong_row_is_left_out_and_the_others_are_taken(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b);
    import(&b, COLUMNS ROW("miner-a", "TM-1", "12345", "500") "\r\n;;;\r\n" ROW(
                   "miner-b", "TM-2", "+99312345678", "many")
                   ROW("miner-c", "TM-3", "+99312345678", "0") "miner-d;x\r\n" ROW(
                       "miner-e", "TM-5", "+99312345678", "1"));
    assert_int_equal(json_array_size(b.drafts), 1);
    assert_string_equal(record_text(json_array_get(b.drafts, 0), "miner_id"),
                        "miner-e");
    expect_problem(&b, 2, "representative.phone", "E.164");
    expect_problem(&b, 5, "sites[0].declared_kw", "whole number");
    expect_problem(&b, 6, "sites[0].declared_kw", "from 1");
    expect_problem(&b, 7, NULL, "as many cells");
    char *all = json_dumps(b.problems, 0);
    assert_null(strstr(all, "12345\""));
    assert_null(strstr(all, "Maral"));
    free(all);
    bed_clear(&b);
}

static void an_id_or_a_certificate_comes_once(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b);
    import(&b, COLUMNS GOOD ROW("miner-a", "TM-2", "+99312345678", "1")
                   ROW("miner-b", "TM-1", "+99312345678", "1"));
    assert_int_equal(json_array_size(b.drafts), 1);
    expect_problem(&b, 3, "miner_id", "earlier row");
    expect_problem(&b, 4, "certificate.number", "earlier row");
    bed_clear(&b);
}

static void a_wrong_first_row_gives_nothing(void **state)
{
    static const struct {
        const char *text, *column, *rule;
    } rows[] = {
        {"", NULL, "no rows"},
        {"miner_id,colour\nminer-a,x\n", "colour", "no field"},
        {"miner_id,miner_id\n", "miner_id", "twice"},
        {"miner_id,state\n", "state", "no field"},
        {"miner_id,proposal\n", "proposal", "no field"},
        {"tax_id\n", "tax_id", "no field"},
        {"tax_id.colour\n", "tax_id.colour", "no field"},
        {"tax_id[0].value\n", "tax_id[0].value", "no field"},
        {"sites.id\n", "sites.id", "no field"},
        {"miner_id[0]\n", "miner_id[0]", "no field"},
        {"trade_names\n", "trade_names", "no field"},
        {"Maral Orazowa,x\n", NULL, "no field"},
        {"a\"b\n", NULL, "quote"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bed b;
        bed_init(&b);
        import(&b, rows[i].text);
        assert_int_equal(json_array_size(b.drafts), 0);
        expect_problem(&b, 1, rows[i].column, rows[i].rule);
        bed_clear(&b);
    }
}

static void what_is_wrong_with_the_file_is_said_with_its_line(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b);
    import(&b, "miner_id,official_name\nminer-a,\"x\n");
    expect_problem(&b, 3, NULL, "nothing closes");
    import(&b, "miner_id,official_name\nminer-a,\xff\n");
    expect_problem(&b, 2, "official_name", "UTF-8");
    import(&b, "trade_names[1],trade_names[0]\nx,y\n");
    expect_problem(&b, 2, "trade_names[1]", "before it");
    bed_clear(&b);
}

static void an_address_cut_within_a_letter_is_still_refused(void **state)
{
    char text[512] = "payout_addresses[0].address\nx";
    (void)state;
    struct bed b;
    bed_init(&b);
    for (int i = 0; i < 80; i++)
        strcat(text, "\xd0\x96");
    import(&b, text);
    assert_int_equal(json_array_size(b.drafts), 0);
    expect_problem(&b, 2, NULL, "");
    bed_clear(&b);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_right_row_becomes_a_draft),
        TEST(that_there_is_no_owner_is_said_by_its_reason),
        TEST(a_wrong_row_is_left_out_and_the_others_are_taken),
        TEST(an_id_or_a_certificate_comes_once),
        TEST(a_wrong_first_row_gives_nothing),
        TEST(what_is_wrong_with_the_file_is_said_with_its_line),
        TEST(an_address_cut_within_a_letter_is_still_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
