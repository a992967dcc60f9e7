/* What an audit event may be, member by member. */
#include "pool/audit/audit_event.h"
#include "pool/audit/commit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/audit_fixture.h"

static json_t *whole_event(void)
{
    struct hash256 states[2];
    char why[AUDIT_WHY_SIZE] = "";
    json_t *out = NULL;
    struct audit_event event = fixture_event(FIXTURE_EVENTS - 1, states);
    if (audit_event_build(&out, why, &event, 8) != KZ_OK)
        fail_msg("%s", why);
    json_decref((json_t *)event.basis);
    json_decref((json_t *)event.detail);
    return out;
}

static void an_event_says_all_that_was_given(void **state)
{
    (void)state;
    json_t *event = whole_event();
    json_t *expected = json_loads(
        "{\"schema\":\"kariz-audit/1\",\"seq\":8,\"time\":\"2026-11-26T12:07:00.123Z\","
        "\"instance\":\"front-1\",\"event\":\"suspended\",\"miner\":\"alice\","
        "\"actor\":\"g\\u00f6zel\",\"role\":\"officer\",\"second\":null,"
        "\"reason\":\"authority_order\",\"basis\":{\"code\":\"order\",\"authority\":"
        "\"T\\u00fcrkmenistany\\u0148 Merkezi banky\",\"document\":\"12/345\","
        "\"date\":\"2026-11-20\",\"sha256\":null,\"note\":\"as \\\"written\\\" "
        "there\"},"
        "\"before\":\"0707070707070707070707070707070707070707070707070707070707070707"
        "\","
        "\"after\":"
        "\"0808080808080808080808080808080808080808080808080808080808080808\","
        "\"detail\":{\"list\":[7,\"\\ud83d\\ude00 \\ue000\",true],"
        "\"\\ue000\":{\"\\ud83d\\ude00\":\"key order\"}}}",
        0, NULL);
    assert_non_null(expected);
    assert_true(json_equal(event, expected));
    assert_int_equal(audit_event_seq(event), 8);
    assert_int_equal(audit_event_time_ms(event), FIXTURE_TIME + 420000);
    json_decref(event);
    json_decref(expected);
}

static void every_word_and_role_has_a_name_of_its_own(void **state)
{
    (void)state;
    enum audit_word found;
    for (int w = 0; w < AUDIT_WORDS; w++) {
        const char *name = audit_word_name((enum audit_word)w);
        assert_non_null(name);
        assert_int_equal(audit_word_parse(&found, name), KZ_OK);
        assert_int_equal(found, w); /* the first of that name */
    }
    for (int r = 0; r < AUDIT_ROLES; r++)
        assert_non_null(audit_role_name((enum audit_role)r));
    assert_int_equal(audit_word_parse(&found, "forgiven"), KZ_PARSE);
    assert_int_equal(audit_word_parse(&found, ""), KZ_PARSE);
}

/* One member set to `json`, or taken out (NULL): refused, and `says` is in the text. */
static void expect_refused(const char *name, const char *json, const char *says)
{
    char why[AUDIT_WHY_SIZE] = "";
    json_t *event = whole_event();
    if (json == NULL) {
        json_object_del(event, name);
    } else {
        json_t *value = json_loads(json, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        assert_non_null(value);
        json_object_set_new(event, name, value);
    }
    if (audit_event_check(why, event) != KZ_RANGE)
        fail_msg("%s: %s is taken", name, json == NULL ? "nothing" : json);
    if (strstr(why, says) == NULL)
        fail_msg("'%s' where '%s' was expected", why, says);
    json_decref(event);
}

static void expect_taken(const char *name, const char *json)
{
    char why[AUDIT_WHY_SIZE] = "";
    json_t *event = whole_event();
    json_object_set_new(event, name, json_loads(json, JSON_DECODE_ANY, NULL));
    if (audit_event_check(why, event) != KZ_OK)
        fail_msg("%s: %s", json, why);
    json_decref(event);
}

static void no_member_may_lack(void **state)
{
    (void)state;
    json_t *event = whole_event();
    const char *name;
    json_t *value;
    assert_int_equal(json_object_size(event), 14);
    json_object_foreach(event, name, value)
    {
        char says[64];
        snprintf(says, sizeof(says), "%s: is missing", name);
        expect_refused(name, NULL, says);
    }
    json_decref(event);
}

static void a_member_of_the_wrong_form_is_named(void **state)
{
    (void)state;
    const char *const rows[][3] = {
        {"schema", "\"kariz-audit/2\"", "schema: 'kariz-audit/2' is not"},
        {"schema", "null", "schema"},
        {"seq", "0", "seq: 0 is not"},
        {"seq", "-1", "seq"},
        {"seq", "9007199254740992", "seq"},
        {"seq", "1.0", "seq: no text or number"},
        {"seq", "\"1\"", "seq"},
        {"time", "\"2026-11-26T12:00:00Z\"", "time"},
        {"time", "\"2026-11-26 12:00:00.123Z\"", "time"},
        {"time", "\"2026-02-29T12:00:00.123Z\"", "time"},
        {"time", "\"2026-11-26T12:00:00.123\"", "time"},
        {"time", "1795694400123", "time"},
        {"instance", "\"\"", "instance"},
        {"instance", "\"Front\"", "instance: 'Front'"},
        {"instance", "\"a23456789-123456789-123456789-123\"", "instance"},
        {"event", "\"forgiven\"", "event: 'forgiven' is not a word"},
        {"event", "null", "event"},
        {"miner", "\"al\"", "miner"},
        {"miner", "\"Alice\"", "miner"},
        {"miner", "\"alice\\u0000\"", "miner"},
        {"miner", "7", "miner"},
        {"actor", "null", "actor"},
        {"actor", "\"\"", "actor"},
        {"actor", "\" oraz\"", "actor"},
        {"actor", "\"oraz \"", "actor"},
        {"actor", "\"or\\naz\"", "actor"},
        {"actor", "\"or\\u007faz\"", "actor"},
        {"role", "\"king\"", "role: 'king'"},
        {"second", "\"\"", "second"},
        {"second", "\"g\\u00f6zel\"", "another person"},
        {"reason", "\"\"", "reason"},
        {"reason", "\"Because of it\"", "reason"},
        {"before", "\"07\"", "before"},
        {"after", "\"\"", "after"},
        {"after", "7", "after"},
        {"detail", "null", "detail"},
        {"detail", "[]", "detail"},
        {"detail", "{\"rate\":0.5}", "detail"},
        {"detail", "{\"sat\":9007199254740992}", "detail"},
        {"extra", "1", "'extra': unknown member"},
        {"e\x1b[2J", "1", "'e?[2J': unknown"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect_refused(rows[i][0], rows[i][1], rows[i][2]);
    /* Hashes have one form. */
    expect_refused("before",
                   "\"ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB"
                   "\"",
                   "lower case");
}

static void what_may_lack_may_be_null(void **state)
{
    (void)state;
    const char *const names[] = {"miner",  "second", "reason",
                                 "before", "after",  "basis"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        expect_taken(names[i], "null");
}

static void a_basis_has_known_members_of_their_form(void **state)
{
    (void)state;
    const char *const wrong[] = {"{}",
                                 "[]",
                                 "\"order\"",
                                 "{\"code\":null}",
                                 "{\"codes\":\"order\"}",
                                 "{\"code\":\"An order\"}",
                                 "{\"code\":\"order\",\"date\":\"20.11.2026\"}",
                                 "{\"code\":\"order\",\"date\":\"2026-11-31\"}",
                                 "{\"code\":\"order\",\"date\":\"2026-11-20T00:00\"}",
                                 "{\"code\":\"order\",\"sha256\":\"00\"}",
                                 "{\"code\":\"order\",\"note\":7}",
                                 "{\"code\":\"order\",\"note\":\"two\\nlines\"}",
                                 "{\"code\":\"order\",\"document\":\"\"}"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        expect_refused("basis", wrong[i], "basis: what is there is not");
    expect_taken("basis", "{\"note\":\"by telephone\"}");
    expect_taken("basis",
                 "{\"code\":\"order\",\"date\":\"2026-11-20\",\"sha256\":null}");
}

static void what_people_wrote_is_not_repeated_in_errors(void **state)
{
    (void)state;
    const char *const rows[][2] = {
        {"actor", "\"Oraz \\n\""},
        {"second", "\"Oraz \\n\""},
        {"basis", "{\"note\":\"Oraz \\n\"}"},
        {"detail", "{\"representative\":\"Oraz\"}"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char why[AUDIT_WHY_SIZE] = "";
        json_t *event = whole_event();
        json_object_set_new(event, rows[i][0],
                            json_loads(rows[i][1], JSON_DECODE_ANY, NULL));
        assert_int_equal(audit_event_check(why, event), KZ_RANGE);
        assert_null(strstr(why, "Oraz"));
        json_decref(event);
    }
}

static void personal_fields_are_commitments_or_refused(void **state)
{
    (void)state;
    const char *const names[] = {"identity_document", "birth_date", "representative",
                                 "beneficial_owners", "bank_details"};
    const char hash[] =
        "0011223344556677889900112233445566778899001122334455667788990011";
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char json[256];
        snprintf(json, sizeof(json), "{\"%s\":\"1990-01-01\"}", names[i]);
        expect_refused("detail", json, "commitments");
        snprintf(json, sizeof(json), "{\"a\":[1,{\"b\":{\"%s\":{\"x\":1}}}]}",
                 names[i]);
        expect_refused("detail", json, "commitments");
        snprintf(json, sizeof(json), "{\"personal\":{\"%s\":\"%s\"}}", names[i], hash);
        expect_taken("detail", json);
        snprintf(json, sizeof(json), "{\"changed\":[\"%s\"],\"%s\":null}", names[i],
                 names[i]);
        expect_taken("detail", json);
    }
}

static void detail_has_a_limit(void **state)
{
    (void)state;
    char *json = calloc(1, AUDIT_DETAIL_MAX + 16);
    size_t fits = AUDIT_DETAIL_MAX - strlen("{\"t\":\"\"}");
    for (size_t more = 0; more < 2; more++) {
        strcpy(json, "{\"t\":\"");
        memset(json + 6, 'x', fits + more);
        strcpy(json + 6 + fits + more, "\"}");
        if (more == 0)
            expect_taken("detail", json);
        else
            expect_refused("detail", json, "16 KiB");
    }
    free(json);
}

static void what_cannot_be_an_event_is_not_made(void **state)
{
    (void)state;
    struct hash256 states[2];
    char why[AUDIT_WHY_SIZE] = "";
    json_t *out = NULL;
    struct audit_event good = fixture_event(0, states), e = good;
    e.actor = NULL;
    assert_int_equal(audit_event_build(&out, why, &e, 1), KZ_RANGE);
    e = good;
    e.actor = "\xff\xfe"; /* no UTF-8 */
    assert_int_equal(audit_event_build(&out, why, &e, 1), KZ_RANGE);
    e = good;
    e.second = good.actor;
    assert_int_equal(audit_event_build(&out, why, &e, 1), KZ_RANGE);
    e = good;
    e.time_ms = -1;
    assert_int_equal(audit_event_build(&out, why, &e, 1), KZ_RANGE);
    e.time_ms = INT64_MAX;
    assert_int_equal(audit_event_build(&out, why, &e, 1), KZ_RANGE);
    assert_int_equal(audit_event_build(&out, why, &good, 0), KZ_RANGE);
    assert_int_equal(audit_event_build(&out, why, &good, UINT64_C(1) << 53), KZ_RANGE);
    assert_null(out);
    json_decref((json_t *)good.detail);
}

static void an_event_keeps_a_copy(void **state)
{
    (void)state;
    struct hash256 states[2];
    char why[AUDIT_WHY_SIZE] = "";
    json_t *out = NULL;
    struct audit_event e = fixture_event(7, states);
    assert_int_equal(audit_event_build(&out, why, &e, 8), KZ_OK);
    json_t *before = json_deep_copy(out);
    json_object_set_new((json_t *)e.basis, "note", json_string("other"));
    json_object_set_new((json_t *)e.detail, "more", json_true());
    assert_true(json_equal(out, before));
    json_decref((json_t *)e.basis);
    json_decref((json_t *)e.detail);
    json_decref(before);
    json_decref(out);
}

/* --- commitments ------------------------------------------------------------------ */

static void a_commitment_opens_with_its_salt_and_value_only(void **state)
{
    (void)state;
    struct hash256 h, other;
    uint8_t salt[COMMIT_SALT_SIZE] = {1, 2, 3};
    json_t *value = json_pack("{s:s, s:s}", "name", "Oraz", "phone", "+99365000000");
    json_t *same = json_pack("{s:s, s:s}", "phone", "+99365000000", "name", "Oraz");
    json_t *else_value = json_pack("{s:s}", "name", "Oraz"), *real = json_real(0.5);
    assert_int_equal(commit_make(&h, salt, value), KZ_OK);
    assert_true(commit_opens(&h, salt, same));
    assert_false(commit_opens(&h, salt, else_value));
    assert_false(commit_opens(&h, salt, real));
    assert_int_equal(commit_make(&other, salt, real), KZ_RANGE);
    for (size_t i = 0; i < sizeof(salt); i++) {
        salt[i] ^= 0x80;
        assert_false(commit_opens(&h, salt, value));
        salt[i] ^= 0x80;
    }
    for (size_t i = 0; i < sizeof(h.b); i++) {
        other = h;
        other.b[i] ^= 1;
        assert_false(commit_opens(&other, salt, value));
    }
    json_decref(value);
    json_decref(same);
    json_decref(else_value);
    json_decref(real);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_says_all_that_was_given),
        cmocka_unit_test(every_word_and_role_has_a_name_of_its_own),
        cmocka_unit_test(no_member_may_lack),
        cmocka_unit_test(a_member_of_the_wrong_form_is_named),
        cmocka_unit_test(what_may_lack_may_be_null),
        cmocka_unit_test(a_basis_has_known_members_of_their_form),
        cmocka_unit_test(what_people_wrote_is_not_repeated_in_errors),
        cmocka_unit_test(personal_fields_are_commitments_or_refused),
        cmocka_unit_test(detail_has_a_limit),
        cmocka_unit_test(what_cannot_be_an_event_is_not_made),
        cmocka_unit_test(an_event_keeps_a_copy),
        cmocka_unit_test(a_commitment_opens_with_its_salt_and_value_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
