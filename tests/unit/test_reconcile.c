/* Our records against an authority's list. */
#include "pool/registry/reconcile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *record(const char *id, const char *state, const char *certificate,
                      const char *tax_id)
{
    return json_pack("{s:s, s:s, s:s, s:{s:s?, s:n}, s:{s:s?}}", "miner_id", id,
                     "state", state, "official_name", "Ak Bulut", "certificate",
                     "number", certificate, "valid_until", "tax_id", "value", tax_id);
}

/* "what id certificate line field ours theirs; ..." with - for null. */
static void expect(json_t *records, const char *csv, const char *expected)
{
    static const char *const keys[] = {"what",  "miner_id", "certificate_no", "line",
                                       "field", "ours",     "theirs"};
    char all[2048] = "", why[CSV_WHY_SIZE];
    json_t *rows = NULL, *one;
    size_t i;
    if (reconcile_read(&rows, why, csv, strlen(csv)) != KZ_OK)
        fail_msg("%s", why);
    json_t *found = reconcile(records, rows);
    json_array_foreach(found, i, one)
    {
        for (size_t k = 0; k < 7; k++) {
            const json_t *v = json_object_get(one, keys[k]);
            char number[32];
            assert_non_null(v);
            snprintf(number, sizeof(number), "%d", (int)json_integer_value(v));
            snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s",
                     json_is_string(v)    ? json_string_value(v)
                     : json_is_integer(v) ? number
                                          : "-",
                     k < 6 ? " " : "; ");
        }
    }
    assert_string_equal(all, expected);
    json_decref(found);
    json_decref(rows);
    json_decref(records);
}

#define HEAD "certificate_no,tax_id,name,state,valid_until\n"

static void the_same_on_both_sides_is_no_difference(void **state)
{
    (void)state;
    expect(json_pack("[o,o]", record("b", "active", "C2", "T2"),
                     record("a", "restricted", "C1", "T1")),
           HEAD "C1,T1,Ak Bulut,active,\nC2,T2,,,\n", "");
    expect(json_array(), HEAD, "");
}

static void what_lacks_on_either_side_is_told(void **state)
{
    (void)state;
    expect(json_pack("[o,o,o]", record("b", "active", "C2", "T2"),
                     record("a", "suspended", "C1", "T1"),
                     record("c", "restricted", NULL, NULL)),
           HEAD "C9,T9,Secret Person,active,\nC2,T2,,,\nC8,,,,\n",
           "missing_there a C1 - - - -; missing_there c - - - - -; "
           "missing_here - C9 2 - - -; missing_here - C8 4 - - -; ");
}

static void only_live_records_must_be_there_but_others_may_be(void **state)
{
    (void)state;
    expect(json_pack("[o,o,o,o,o]", record("a", "draft", "C1", "T1"),
                     record("b", "submitted", "C2", "T2"),
                     record("c", "rejected", "C3", "T3"),
                     record("d", "revoked", "C4", "T4"),
                     record("e", "closed", "C5", "T5")),
           HEAD, "");
    expect(json_pack("[o,o,o,o]", record("a", "draft", "C1", "T1"),
                     record("c", "rejected", "C3", "T3"),
                     record("d", "revoked", "C4", "T4"),
                     record("e", "closed", "C5", "T5")),
           HEAD "C1,T1,,active,\nC3,T3,,active,\nC4,T4,,active,\nC5,T5,,closed,\n",
           "differs d C4 4 state revoked active; missing_here - C3 3 - - -; ");
}

static void each_field_that_differs_is_told(void **state)
{
    (void)state;
    expect(json_pack("[o]", record("a", "active", "C1", "T1")),
           HEAD "C1,T9,Gara Bulut,suspended,2027-01-01\n",
           "differs a C1 2 tax_id T1 T9; differs a C1 2 name Ak Bulut Gara Bulut; "
           "differs a C1 2 state active suspended; "
           "differs a C1 2 valid_until - 2027-01-01; ");
}

static void the_certificate_goes_before_the_tax_id(void **state)
{
    (void)state;
    expect(json_pack("[o,o]", record("a", "active", "C1", "T1"),
                     record("b", "active", "C2", "T2")),
           "tax_id;certificate_no\nT2;C1\nT2;C7\n",
           "differs a C1 2 tax_id T1 T2; differs b C2 3 certificate_no C2 C7; ");
}

static void a_number_that_comes_twice_is_told(void **state)
{
    (void)state;
    expect(json_pack("[o]", record("a", "active", "C1", "T1")),
           HEAD "C1,T1,,,\nC1,T2,,,\n", "twice - C1 3 - - -; ");
}

static void of_two_records_with_a_number_the_live_one_is_meant(void **state)
{
    (void)state;
    expect(json_pack("[o,o]", record("a", "closed", "C1", "T1"),
                     record("b", "active", "C1", "T1")),
           HEAD "C1,T1,,active,\n", "");
}

static void a_list_without_tax_ids_or_without_numbers_will_do(void **state)
{
    (void)state;
    expect(json_pack("[o]", record("a", "active", "C1", "T1")),
           "no,certificate_no\n1,C1\n", "");
    expect(json_pack("[o]", record("a", "active", "C1", "T1")), "tax_id\nT1\n\n", "");
}

static void what_is_no_list_is_refused_with_its_line(void **state)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"", "line 1: there are no rows"},
        {"number,name\n1,x\n", "line 1: a column certificate_no"},
        {"certificate_no\nC1\n\"x\n", "line 4: nothing closes"},
        {"certificate_no\nC1\n\xff\n", "line 3: must be UTF-8"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char why[CSV_WHY_SIZE];
        json_t *out = NULL;
        assert_int_not_equal(
            reconcile_read(&out, why, rows[i].text, strlen(rows[i].text)), KZ_OK);
        assert_null(out);
        if (strncmp(why, rows[i].why, strlen(rows[i].why)) != 0)
            fail_msg("%s", why);
    }
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_same_on_both_sides_is_no_difference),
        TEST(what_lacks_on_either_side_is_told),
        TEST(only_live_records_must_be_there_but_others_may_be),
        TEST(each_field_that_differs_is_told),
        TEST(the_certificate_goes_before_the_tax_id),
        TEST(a_number_that_comes_twice_is_told),
        TEST(of_two_records_with_a_number_the_live_one_is_meant),
        TEST(a_list_without_tax_ids_or_without_numbers_will_do),
        TEST(what_is_no_list_is_refused_with_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
