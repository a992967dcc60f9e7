/* Personal values out of a record and back, with real commitments. */
#include "pool/audit/commit.h"
#include "pool/registry/record_split.h"
#include "share/bytes.h"
#include "tests/unit/record_fixture.h"

/* As the vault answers: salts are made here. */
static void fake_vault(json_t **vault, json_t **commitments, const json_t *personal)
{
    const char *name;
    json_t *value;
    uint8_t salt[COMMIT_SALT_SIZE] = {7};
    *vault = json_object();
    *commitments = json_object();
    json_object_foreach((json_t *)personal, name, value)
    {
        char salt_hex[65], hash_hex[65];
        struct hash256 hash;
        salt[1]++;
        assert_int_equal(commit_make(&hash, salt, value), KZ_OK);
        hex_encode(salt_hex, salt, sizeof(salt));
        hex_encode(hash_hex, hash.b, sizeof(hash.b));
        json_object_set_new(*vault, name,
                            json_pack("{s:s, s:O}", "salt", salt_hex, "value", value));
        json_object_set_new(*commitments, name, json_string(hash_hex));
    }
}

struct bed {
    struct profile profile;
    struct conf conf;
    struct record_act act;
    json_t *full, *public_part, *personal, *vault, *commitments, *stored, *out, *basis;
    struct record_happened happened;
    char why[RECORD_WHY_SIZE];
};

static void bed_init(struct bed *b, enum record_column column)
{
    memset(b, 0, sizeof(*b));
    fixture_profile(&b->profile);
    b->conf.network = CONF_REGTEST;
    b->full = fixture_record(column, &b->profile);
    b->basis = fixture_json("{\"note\":\"letter of 1 May\"}");
    b->act = (struct record_act){.by = "operator-1",
                                 .role = AUDIT_OPERATOR,
                                 .reason = "information_changed",
                                 .basis = b->basis,
                                 .profile = &b->profile,
                                 .conf = &b->conf,
                                 .now_ms = NOW_MS};
    record_split(&b->public_part, &b->personal, b->full);
    fake_vault(&b->vault, &b->commitments, b->personal);
    if (record_commit(&b->stored, b->why, b->public_part, b->personal,
                      b->commitments) != KZ_OK)
        fail_msg("%s", b->why);
}

static void bed_clear(struct bed *b)
{
    json_t *all[] = {b->full,        b->public_part, b->personal, b->vault,
                     b->commitments, b->stored,      b->out,      b->basis};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        json_decref(all[i]);
    json_decref(b->happened.detail);
}

static void expect_refused(struct bed *b, enum kz_err err, const char *begins)
{
    if (err != KZ_RANGE || strncmp(b->why, begins, strlen(begins)) != 0)
        fail_msg("%s expected, but %s: %s", begins, kz_err_text(err), b->why);
    assert_null(b->out);
}

static void what_was_split_merges_to_the_same_record(void **state)
{
    (void)state;
    for (int c = RECORD_RE; c <= RECORD_NL; c++) {
        struct bed b;
        bed_init(&b, (enum record_column)c);
        if (record_merge(&b.out, b.why, b.stored, b.vault) != KZ_OK)
            fail_msg("%s", b.why);
        assert_true(json_equal(b.out, b.full));
        bed_clear(&b);
    }
}

/* Every value of the fixture's personal fields that nothing public has. */
static void the_public_part_has_nothing_personal_in_it(void **state)
{
    static const char *const of_all[] = {"Maral", "maral@", "+99312345678",
                                         "account 1"};
    static const char *const of_person[] = {"Ak Bulut", "1961-04-12", "A1234567"};
    static const char *const of_entity[] = {"Merdan", "1980-02-29", "60.5"};
    (void)state;
    for (int c = RECORD_RE; c <= RECORD_NL; c++) {
        struct bed b;
        bool is_entity = c == RECORD_RL || c == RECORD_NL;
        bed_init(&b, (enum record_column)c);
        char *text = json_dumps(b.stored, 0);
        for (size_t i = 0; i < 4; i++)
            assert_null(strstr(text, of_all[i]));
        for (size_t i = 0; i < 3; i++)
            assert_null(strstr(text, is_entity ? of_entity[i] : of_person[i]));
        assert_int_equal(strstr(text, "Ak Bulut") != NULL, is_entity);
        free(text);
        bed_clear(&b);
    }
}

static void a_stored_record_is_as_right_as_the_full_one(void **state)
{
    (void)state;
    for (int c = RECORD_RE; c <= RECORD_NL; c++) {
        struct bed b;
        struct record_findings found = {.count = 0};
        bed_init(&b, (enum record_column)c);
        const struct record_checks with = record_checks_of(&b.act);
        record_check(&found, b.stored, &with);
        fixture_print(&found);
        assert_int_equal(found.count, 0);
        record_findings_clear(&found);
        bed_clear(&b);
    }
}

static void of_unknown_kind_everything_personal_is_taken_out(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, RECORD_RL);
    json_t *rest = NULL, *taken = NULL;
    json_object_set_new(b.full, "kind", json_string("company"));
    record_split(&rest, &taken, b.full);
    assert_null(json_object_get(rest, "official_name"));
    assert_non_null(json_object_get(taken, "official_name"));
    json_decref(rest);
    json_decref(taken);
    bed_clear(&b);
}

static void each_value_needs_its_commitment_and_no_other(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, RECORD_RL);
    json_t *one = json_deep_copy(b.commitments);
    json_object_set_new(one, "birth_date", json_string(SHA256_HEX));
    expect_refused(&b, record_commit(&b.out, b.why, b.public_part, b.personal, one),
                   "personal: a commitment");
    json_object_del(one, "birth_date");
    json_object_set_new(one, "representative", json_string("00"));
    expect_refused(&b, record_commit(&b.out, b.why, b.public_part, b.personal, one),
                   "personal.representative: ");
    json_decref(one);
    bed_clear(&b);
}

static void a_changed_value_is_refused_by_its_field(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, RECORD_RE);
    json_object_set_new(json_object_get(b.vault, "birth_date"), "value",
                        json_string("1961-04-13"));
    expect_refused(&b, record_merge(&b.out, b.why, b.stored, b.vault),
                   "personal.birth_date: the vault's");
    assert_null(strstr(b.why, "1961"));
    json_object_set_new(b.vault, "birth_date", json_string("x"));
    expect_refused(&b, record_merge(&b.out, b.why, b.stored, b.vault),
                   "personal.birth_date: the vault's");
    json_object_del(json_object_get(b.stored, "personal"), "birth_date");
    expect_refused(&b, record_merge(&b.out, b.why, b.stored, b.vault),
                   "personal.birth_date: the record");
    json_object_del(b.vault, "birth_date");
    json_object_set_new(b.vault, "sites", json_object());
    expect_refused(&b, record_merge(&b.out, b.why, b.stored, b.vault),
                   "personal: the vault");
    bed_clear(&b);
}

static void what_was_erased_is_left_out(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, RECORD_RE);
    json_object_clear(b.vault);
    assert_int_equal(record_merge(&b.out, b.why, b.stored, b.vault), KZ_OK);
    assert_null(json_object_get(b.out, "birth_date"));
    assert_null(json_object_get(b.out, "personal"));
    assert_non_null(json_object_get(b.out, "tax_id"));
    bed_clear(&b);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_split_merges_to_the_same_record),
        TEST(the_public_part_has_nothing_personal_in_it),
        TEST(a_stored_record_is_as_right_as_the_full_one),
        TEST(of_unknown_kind_everything_personal_is_taken_out),
        TEST(each_value_needs_its_commitment_and_no_other),
        TEST(a_changed_value_is_refused_by_its_field),
        TEST(what_was_erased_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
