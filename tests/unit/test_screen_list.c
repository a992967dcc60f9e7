/* Names against lists of names. */
#include "pool/registry/record_names.h"
#include "tests/unit/record_fixture.h"

static struct screen_list *parse(const char *text)
{
    char why[CSV_WHY_SIZE];
    struct screen_list *list = NULL;
    if (screen_list_parse(&list, why, text, strlen(text)) != KZ_OK)
        fail_msg("%s: %s", why, text);
    return list;
}

/* The line of the first hit; 0: none. */
static size_t line_of(const struct screen_list *list, const char *name)
{
    struct screen_hit hit = {.line = 0};
    const struct screen_person person = {.name = name};
    size_t found = screen_list_find(list, &hit, 1, &person);
    assert_true(found == 0 || hit.line > 0);
    return found > 0 ? hit.line : 0;
}

static void a_name_is_found_as_eyes_and_ears_take_it(void **state)
{
    (void)state;
    struct screen_list *list = parse("# a list\n"
                                     "Maral Orazowa\r\n"
                                     "\n"
                                     "ATAYEW, Merdan Serdarowiç # of Mary\n"
                                     "Gizlin Jemgyýeti\n"
                                     "Kobra\n"
                                     "Nur-Muhammet Atayew\n"
                                     "Al Gara Serdar\n"
                                     "B.Gylyjow\n");
    assert_int_equal(screen_list_count(list), 7);
    static const struct {
        const char *name;
        size_t line;
    } cases[] = {
        {"Maral Orazowa", 2},
        {"ORAZOWA Maral", 2},
        {"orazowa,maral", 2},
        {"Марал Оразова", 2},
        {"Maral Orazova", 2},
        {"Maral Annayewna Orazowa", 2}, /* more words than are listed */
        {"Merdan Atayew", 4},           /* and fewer */
        {"Gizlin Jemgyyeti", 5},
        {"Gi\xcc\x87zlin Jemgy\xc3\xbd"
         "eti",
         5},
        {"KOBRA", 6},
        {"Kobra Mining", 0}, /* one word alone says too little */
        {"Maral", 0},
        {"Maral Orazowaýewa", 0},
        {"Merdan Orazow", 0},
        {"Nur Muhammet Atayew", 7}, /* what joins two words, or does not */
        {"Nurmuhammet Atayew", 7},
        {"Atayew Muhammet Nur", 7},
        {"Nur\xe2\x80\x91Muhammet Atayew", 7},
        {"Al-Gara Serdar", 8},
        {"Serdar Al\xe2\x80\x93Gara", 8},
        {"B Gylyjow", 9},
        {"B. Gylyjow", 9},
        {"Nur Atamuhammet", 0},
        {"", 0},
        {"- , -", 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (line_of(list, cases[i].name) != cases[i].line)
            fail_msg("\"%s\": line %zu, not %zu", cases[i].name,
                     line_of(list, cases[i].name), cases[i].line);
    screen_list_free(list);
}

static void a_table_says_country_and_birth_date(void **state)
{
    (void)state;
    struct screen_list *list = parse("no;name;birth_date;country\r\n"
                                     "1;Maral Orazowa;1980-02-29;TM\r\n"
                                     "2;\"Maral\nOrazowa\";;\r\n");
    struct screen_hit hits[4];
    struct screen_person who = {"Maral Orazowa", "TM", "1980-02-29"};
    assert_int_equal(screen_list_find(list, hits, 4, &who), 2);
    assert_int_equal(hits[0].line, 2);
    assert_int_equal(hits[0].country, SCREEN_SAME);
    assert_int_equal(hits[0].birth_date, SCREEN_SAME);
    assert_int_equal(hits[1].line, 3);
    assert_int_equal(hits[1].birth_date, SCREEN_UNKNOWN);
    who = (struct screen_person){"Maral Orazowa", "KZ", "1981-01-01"};
    assert_int_equal(screen_list_find(list, hits, 1, &who),
                     2); /* told, though no room */
    assert_int_equal(hits[0].country, SCREEN_OTHER);
    assert_int_equal(hits[0].birth_date, SCREEN_OTHER);
    screen_list_free(list);
}

static void half_a_list_is_none(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "no name"},
        {"# nothing\n\n", "no name"},
        {"name,country\n", "no name"},
        {"Maral Orazowa\n\xff\xfe\n", "line 2: must be UTF-8"},
        {"name\nMaral\n\"open\n", "nothing closes"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char why[CSV_WHY_SIZE];
        struct screen_list *list = NULL;
        enum kz_err err =
            screen_list_parse(&list, why, cases[i].text, strlen(cases[i].text));
        assert_int_not_equal(err, KZ_OK);
        assert_null(list);
        if (strstr(why, cases[i].why) == NULL)
            fail_msg("%s, not %s", why, cases[i].why);
    }
    char why[CSV_WHY_SIZE];
    struct screen_list *list = NULL;
    assert_int_equal(screen_list_parse(&list, why, "a b\0c d", 7), KZ_RANGE);
    screen_list_free(NULL);
}

static void every_name_of_a_record_is_looked_for_and_none_is_told(void **state)
{
    (void)state;
    struct profile profile;
    fixture_profile(&profile);
    json_t *full = fixture_record(RECORD_RL, &profile);
    struct screen_list *first = parse("Maral Orazowa\nBulut Ak\n"),
                       *second = parse("name,birth_date\nMerdan Atayew,1975-07-02\n");
    const struct record_screen_list lists[] = {{"un.txt", first}, {"own.csv", second}};
    json_t *told = record_names_screen(full, lists, 2);
    char *text = json_dumps(told, JSON_INDENT(1));
    static const char *const parts[] = {
        "\"flag\"",
        "un.txt line 2: official_name",
        "un.txt line 2: name_latin",
        "un.txt line 1: representative.name",
        "un.txt line 1: beneficial_owners[0].name",
        "own.csv line 2: beneficial_owners[1].name, another birth date",
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (strstr(text, parts[i]) == NULL)
            fail_msg("%s is not in %s", parts[i], text);
    assert_null(strstr(text, "Orazowa"));
    assert_null(strstr(text, "Atayew"));
    assert_null(strstr(text, "1975"));
    assert_int_equal(json_array_size(json_object_get(told, "lists")), 2);
    free(text);
    json_decref(told);
    screen_list_free(first);
    first = parse("Somebody Else\n");
    told = record_names_screen(full, &(struct record_screen_list){"x", first}, 1);
    assert_string_equal(json_string_value(json_object_get(told, "result")), "clear");
    assert_int_equal(json_array_size(json_object_get(told, "hits")), 0);
    json_decref(told);
    screen_list_free(first);
    screen_list_free(second);
    json_decref(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_found_as_eyes_and_ears_take_it),
        cmocka_unit_test(a_table_says_country_and_birth_date),
        cmocka_unit_test(half_a_list_is_none),
        cmocka_unit_test(every_name_of_a_record_is_looked_for_and_none_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
