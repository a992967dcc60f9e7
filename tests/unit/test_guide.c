/* An application asked for field by field, from a pipe as from a terminal. */
#include "conf/mem.h"
#include "pool/guide.h"
#include "tests/unit/record_fixture.h"

struct bed {
    struct profile profile;
    struct conf conf;
    struct record_act act;
    json_t *basis, *record;
    struct words *words;
    enum kz_err err;
    char *said; /* what was shown */
};

static void bed_init(struct bed *b, const char *lang)
{
    char path[64], why[CATALOGUE_WHY_SIZE];
    struct catalogue *c = NULL;
    memset(b, 0, sizeof(*b));
    fixture_profile(&b->profile);
    b->conf.network = CONF_REGTEST;
    b->basis = fixture_json("{\"code\":\"application\"}");
    b->act = (struct record_act){.by = "karizctl",
                                 .role = AUDIT_OPERATOR,
                                 .reason = "applied",
                                 .basis = b->basis,
                                 .profile = &b->profile,
                                 .conf = &b->conf,
                                 .now_ms = NOW_MS};
    if (lang != NULL) {
        snprintf(path, sizeof(path), "conf/catalogues/%s.json", lang);
        assert_int_equal(catalogue_load(&c, why, path), KZ_OK);
    }
    b->words = words_of_take(c);
}

static void answer(struct bed *b, const char *lines, const json_t *begun)
{
    FILE *in = tmpfile(), *out = tmpfile();
    const struct guide g = {in, out, b->words, &b->act};
    fputs(lines, in);
    rewind(in);
    json_decref(b->record);
    b->record = NULL;
    b->err = guide_run(&b->record, &g, begun);
    long len = ftell(out);
    mem_free(b->said);
    b->said = mem_new((size_t)len + 1);
    rewind(out);
    assert_int_equal(fread(b->said, 1, (size_t)len, out), len);
    fclose(in);
    fclose(out);
}

static void bed_clear(struct bed *b)
{
    json_decref(b->basis);
    json_decref(b->record);
    words_free(b->words);
    mem_free(b->said);
}

static void has(const struct bed *b, const char *part)
{
    if (strstr(b->said, part) == NULL)
        fail_msg("\"%s\" is not in:\n%s", part, b->said);
}

static void has_not(const struct bed *b, const char *part)
{
    if (strstr(b->said, part) != NULL)
        fail_msg("\"%s\" is in:\n%s", part, b->said);
}

static const json_t *at(const json_t *record, const char *path)
{
    struct record_path p;
    assert_int_equal(record_path_parse(&p, path), KZ_OK);
    return record_path_get(record, &p);
}

static void expect(const struct bed *b, const char *path, const char *value)
{
    const char *text = json_string_value(at(b->record, path));
    if (text == NULL || strcmp(text, value) != 0)
        fail_msg("%s is %s, not %s; said:\n%s", path, text ? text : "(none)", value,
                 b->said);
}

/* In the order of the table, for a resident legal entity of the fixture's profile. */
#define WHO "ak-bulut\n2\n1\n\nAk Bulut\nAk Bulut\nn\n"
#define IDS                                                                            \
    "\n123456789\n\nState register\nR-1\n\n" /* tax_id, registration_id, no lei */
#define PLACE "\n1\nAnau\nBitarap 1\n\n"
#define PEOPLE                                                                         \
    "Maral Orazowa\ndirector\n+99312345678\nmaral@example.tm\n1\n"                     \
    "y\nMaral Orazowa\n\n1980-02-29\n100\nshares\n2026-10-01\nn\n\n"
#define PAPER     "TM-77\nCentral Bank\n2026-02-01\n\n\n\n"
#define SITE      "s1\nTM-A\nAnau, hall 3\nAhalenergo\n\n\n500\n\n\n2026-02-01\n\nn\n"
#define MACHINE   "e1\ns1\nBitmain\nS21\nSN-1\n200000\n3500\nowned\n\n2026-02-01\n\nn\n"
#define REST      ADDRESS_1 "\nn\nn\n\ny\ny\n\n"
#define ALL_OF_IT WHO IDS PLACE PEOPLE PAPER SITE MACHINE REST

static void what_is_answered_is_a_record_without_errors(void **state)
{
    (void)state;
    struct bed b;
    char why[RECORD_WHY_SIZE];
    json_t *findings = NULL;
    bed_init(&b, NULL);
    answer(&b, ALL_OF_IT, NULL);
    if (b.err != KZ_OK)
        fail_msg("the answers did not suffice; said:\n%s", b.said);
    const struct guide g = {stdin, stdout, b.words, &b.act};
    assert_int_equal(guide_find(&findings, why, &g, b.record), KZ_OK);
    size_t i;
    json_t *f;
    json_array_foreach(findings, i, f)
    {
        if (strcmp(record_text(f, "severity"), "error") == 0)
            fail_msg("%s: %s; said:\n%s", record_text(f, "path"),
                     record_text(f, "rule"), b.said);
    }
    expect(&b, "kind", "legal_entity");
    expect(&b, "residence_country", "TM");
    expect(&b, "tax_id.type", "TXID"); /* the only word: not asked */
    expect(&b, "tax_id.country", "TM");
    expect(&b, "legal_address.region", "TM-A"); /* by its number */
    expect(&b, "beneficial_owners[0].share_percent", "100");
    expect(&b, "payout_addresses[0].address", ADDRESS_1);
    expect(&b, "declarations[1].code", "data_consent");
    assert_int_equal(json_integer_value(at(b.record, "sites[0].declared_kw")), 500);
    assert_true(json_is_null(at(b.record, "certificate.valid_until")));
    assert_null(json_object_get(b.record, "lei"));
    json_decref(findings);
    bed_clear(&b);
}

static void only_what_this_kind_and_residency_gives_is_asked(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, NULL);
    answer(&b, ALL_OF_IT, NULL);
    assert_int_equal(b.err, KZ_OK);
    has(&b, "beneficial_owners");
    has_not(&b, "birth_date [");
    has_not(&b, "identity_document");
    has_not(&b, "citizenship");
    has_not(&b, "screening"); /* the pool's to say */
    has_not(&b, "certificate.verified");
    has_not(&b, "payable_from");
    has_not(&b, "natural_person"); /* not of the profile */
    answer(&b, "jeren\n1\n1\n\nJeren Saparowa\n", NULL);
    assert_int_equal(b.err, KZ_EMPTY);
    answer(&b,
           "jeren\n1\n1\n\nJeren Saparowa\n\nn\n" IDS
           "CCPT\n\nA1234567\n\n1961-04-12\n",
           NULL);
    has(&b, "identity_document");
    has(&b, "birth_date");
    bed_clear(&b);
}

static void the_end_of_the_input_gives_nothing(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, NULL);
    for (size_t len = 0; len < strlen(ALL_OF_IT); len += 7) {
        char *part = mem_copy(ALL_OF_IT, len);
        answer(&b, part, NULL);
        assert_int_equal(b.err, KZ_EMPTY);
        assert_null(b.record);
        mem_free(part);
    }
    bed_clear(&b);
}

static void a_bad_value_is_said_with_its_rule_and_asked_again(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, NULL);
    answer(&b, "A B\n\nak-bulut\ncompany\n9\n2\nresident\nXX\n\nAk Bulut\n", NULL);
    has(&b, "! 3 to 32 of a-z, 0-9 and - expected");
    has(&b, "! is missing");
    has(&b, "! one of natural_person, individual_entrepreneur, legal_entity expected");
    has(&b, "! an assigned ISO 3166-1 code of two upper-case letters expected");
    answer(&b,
           WHO IDS PLACE PEOPLE "TM-77\nCentral Bank\n2026-02-30\n2027-01-01\n"
                                "2026-02-01\n2026-01-01\n",
           NULL);
    has(&b, "! a day of the calendar like 2026-01-31, not after today, expected");
    has(&b, "! is before issued_on");
    answer(&b, WHO IDS PLACE PEOPLE PAPER "s1\nTM-A\nA\nB\n\n\nmuch\n0\n", NULL);
    has(&b, "! a whole number expected");
    has(&b, "! a whole number from 1 to 10000000 expected");
    bed_clear(&b);
}

static void
what_does_not_go_with_an_earlier_answer_is_kept_when_said_again(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, NULL);
    answer(&b, "ak-bulut\n2\n1\nKZ\nKZ\nAk Bulut\n", NULL);
    has(&b, "! a resident's is TM");
    has(&b, "Give it again to keep it");
    has(&b, "official_name");
    bed_clear(&b);
}

static void what_was_begun_is_not_asked_again(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, NULL);
    answer(&b, ALL_OF_IT, NULL);
    json_t *begun = json_deep_copy(b.record);
    json_object_del(begun, "representative");
    json_object_del(begun, "previous");
    answer(&b,
           "\n" /* lei */
           "Merdan Atayew\ndirector\n+99312345679\nmerdan@example.tm\n2\n\n"
           "n\nn\n\n\n\n\n\n",
           begun);
    has(&b, "representative");
    has_not(&b, "miner_id");
    has_not(&b, "equipment");
    json_decref(begun);
    bed_clear(&b);
}

static void questions_and_rules_are_in_the_language(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, "ru");
    answer(&b, "A B\nak-bulut\n2\n", NULL);
    has(&b, "Идентификатор майнера");
    has(&b, "! нужно от 3 до 32 знаков a-z, 0-9 и -");
    has(&b, "юридическое лицо");
    bed_clear(&b);
    bed_init(&b, "tk");
    answer(&b, WHO IDS PLACE PEOPLE PAPER "s1\nTM-A\nA\nB\n\n\n0\n", NULL);
    has(&b, "! 1 bilen 10000000 aralygynda bitin san gerek");
    bed_clear(&b);
    bed_init(&b, "tk"); /* its own yes; a declaration says in which language it was */
    answer(&b,
           WHO IDS PLACE PEOPLE PAPER SITE MACHINE ADDRESS_1 "\nn\nn\n\nhawa\nh\n\n",
           NULL);
    assert_int_equal(b.err, KZ_OK);
    expect(&b, "declarations[0].lang", "tk");
    assert_int_equal(json_array_size(json_object_get(b.record, "declarations")), 2);
    bed_clear(&b);
}

static void control_characters_are_refused_and_never_shown(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, NULL);
    answer(&b, "ak-bulut\n2\n1\n\nAk\033[2JBulut\n\xff\xfe\nAk Bulut\n\nn\n", NULL);
    has(&b, "! has a control character in it");
    has(&b, "! must be UTF-8");
    has_not(&b, "\033");
    char *line = mem_new(10002);
    memset(line, 'a', 10000);
    line[10000] = '\n';
    answer(&b, line, NULL);
    has(&b, "That line is too long.");
    assert_int_equal(b.err, KZ_EMPTY);
    mem_free(line);
    bed_clear(&b);
}

/* --- the catalogues --------------------------------------------------------------- */

static void expect_labels(const struct words *w, const char *above,
                          const struct record_field *table)
{
    for (const struct record_field *f = table; f->name != NULL; f++) {
        char path[RECORD_PATH_SIZE];
        snprintf(path, sizeof(path), "%s%s%s", above, above[0] != '\0' ? "." : "",
                 f->name);
        if (f->shape == RECORD_OURS || !record_field_is_given(f))
            continue;
        if (words_field(w, path) == path)
            fail_msg("%s has no label in %s", path, words_language(w));
        if (f->fields != NULL)
            expect_labels(w, path, f->fields);
    }
}

static void every_field_and_reason_has_words_in_each_language(void **state)
{
    (void)state;
    static const char *const languages[] = {"tk", "ru", "en"};
    for (size_t i = 0; i < 3; i++) {
        struct bed b;
        bed_init(&b, languages[i]);
        expect_labels(b.words, "", record_fields());
        for (size_t k = 0; record_reason_at(k) != NULL; k++) {
            const char *code = record_reason_at(k)->code;
            if (words_code(b.words, "reasons", code) == code)
                fail_msg("%s has no words in %s", code, languages[i]);
        }
        bed_clear(&b);
    }
}

static void what_a_catalogue_does_not_have_is_english(void **state)
{
    (void)state;
    char rule[WORDS_RULE_SIZE];
    struct bed b;
    bed_init(&b, "ru");
    words_rule(b.words, rule, "one of 12 words, and 7, expected");
    assert_string_equal(rule, "one of 12 words, and 7, expected");
    words_rule(b.words, rule, "at most 64 characters expected");
    assert_string_equal(rule, "не более 64 знаков");
    assert_string_equal(words_say(b.words, "never said"), "never said");
    assert_string_equal(words_field(b.words, "x.y"), "x.y");
    bed_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_answered_is_a_record_without_errors),
        cmocka_unit_test(only_what_this_kind_and_residency_gives_is_asked),
        cmocka_unit_test(the_end_of_the_input_gives_nothing),
        cmocka_unit_test(a_bad_value_is_said_with_its_rule_and_asked_again),
        cmocka_unit_test(
            what_does_not_go_with_an_earlier_answer_is_kept_when_said_again),
        cmocka_unit_test(what_was_begun_is_not_asked_again),
        cmocka_unit_test(questions_and_rules_are_in_the_language),
        cmocka_unit_test(control_characters_are_refused_and_never_shown),
        cmocka_unit_test(every_field_and_reason_has_words_in_each_language),
        cmocka_unit_test(what_a_catalogue_does_not_have_is_english),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
