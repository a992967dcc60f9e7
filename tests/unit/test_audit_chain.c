/* The audit chain: whatever is done to it is found out, and said where. */
#include "pool/audit/chain_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pool/canon.h"
#include "tests/unit/audit_fixture.h"

struct whole {
    json_t *entries;
    struct chain_head head;
};

static int make_chain(void **state)
{
    struct whole *w = calloc(1, sizeof(*w));
    w->entries = fixture_chain(&w->head);
    *state = w;
    return w->entries == NULL ? -1 : 0;
}

static int free_chain(void **state)
{
    struct whole *w = *state;
    json_decref(w->entries);
    free(w);
    return 0;
}

static enum kz_err check_all(struct chain_check *c, char why[AUDIT_WHY_SIZE],
                             const json_t *entries)
{
    for (size_t i = 0; i < json_array_size(entries); i++) {
        enum kz_err err = chain_check_feed(c, why, json_array_get(entries, i));
        if (err != KZ_OK)
            return err;
    }
    return chain_check_finish(c, why);
}

/* From the first event on, against `expect` or none. */
static enum kz_err check(char why[AUDIT_WHY_SIZE], const json_t *entries,
                         const struct chain_head *expect)
{
    struct chain_check c;
    chain_check_init(&c, NULL, expect);
    return check_all(&c, why, entries);
}

static void expect_found(const json_t *entries, const struct chain_head *expect,
                         const char *says)
{
    char why[AUDIT_WHY_SIZE] = "";
    if (check(why, entries, expect) != KZ_RANGE)
        fail_msg("nothing found where '%s' was expected", says);
    if (strstr(why, says) == NULL)
        fail_msg("'%s' where '%s' was expected", why, says);
}

static json_t *event_at(json_t *entries, size_t i)
{
    return json_object_get(json_array_get(entries, i), "event");
}

/* Hashes of all entries made anew, as somebody would who can. */
static void rehash(json_t *entries)
{
    struct hash256 h = {{0}};
    for (size_t i = 0; i < json_array_size(entries); i++) {
        char hex[HASH256_HEX_SIZE];
        json_t *entry = json_array_get(entries, i);
        assert_int_equal(canon_sha256_tagged(&h, CHAIN_TAG, (struct bytes){h.b, 32},
                                             json_object_get(entry, "event")),
                         KZ_OK);
        hex_encode(hex, h.b, sizeof(h.b));
        json_object_set_new(entry, "hash", json_string(hex));
    }
}

static void a_chain_is_right_as_it_was_made(void **state)
{
    const struct whole *w = *state;
    struct chain_check c;
    char why[AUDIT_WHY_SIZE] = "";
    chain_check_init(&c, NULL, &w->head);
    if (check_all(&c, why, w->entries) != KZ_OK)
        fail_msg("%s", why);
    assert_int_equal(c.events, FIXTURE_EVENTS);
    assert_int_equal(c.head.seq, w->head.seq);
    assert_int_equal(c.head.time_ms, w->head.time_ms);
    assert_true(hash256_equal(&c.head.hash, &w->head.hash));
    assert_string_equal(c.instance, "front-1");
    assert_int_equal(c.steps_back, 0);
}

static void the_hash_is_that_of_the_one_before_and_the_event(void **state)
{
    const struct whole *w = *state;
    json_t *copy = json_deep_copy(w->entries);
    rehash(copy);
    assert_true(json_equal(copy, w->entries));
    json_decref(copy);
}

static void a_head_is_read_from_the_last_entry(void **state)
{
    const struct whole *w = *state;
    struct chain_head head = {0}, again;
    char why[AUDIT_WHY_SIZE] = "";
    const json_t *last = json_array_get(w->entries, FIXTURE_EVENTS - 1);
    assert_int_equal(chain_head_of(&head, why, last), KZ_OK);
    assert_memory_equal(&head, &w->head, sizeof(head));
    again = head;
    json_t *wrong = json_pack("{s:{}, s:s}", "event", "hash", "00");
    assert_int_equal(chain_head_of(&head, why, wrong), KZ_RANGE);
    assert_memory_equal(&head, &again, sizeof(head));
    json_decref(wrong);
}

static void a_refused_event_moves_nothing(void **state)
{
    const struct whole *w = *state;
    struct hash256 states[2];
    struct chain_head head = w->head;
    char why[AUDIT_WHY_SIZE] = "";
    json_t *entry = NULL;
    struct audit_event e = fixture_event(0, states);
    e.actor = "";
    assert_int_equal(chain_append(&entry, &head, why, &e), KZ_RANGE);
    assert_non_null(strstr(why, "actor"));
    assert_null(entry);
    assert_memory_equal(&head, &w->head, sizeof(head));
    json_decref((json_t *)e.detail);
}

/* Each member of each event, given another value that is as well formed. */
static void an_altered_event_is_found_whatever_was_altered(void **state)
{
    const struct whole *w = *state;
    const char *const members[][2] = {
        {"time", "\"2026-11-26T12:00:00.124Z\""},
        {"event", "\"resumed\""},
        {"miner", "\"bob\""},
        {"actor", "\"another\""},
        {"role", "\"system\""},
        {"second", "\"somebody\""},
        {"reason", "\"other\""},
        {"basis", "{\"note\":\"x\"}"},
        {"before",
         "\"ff00000000000000000000000000000000000000000000000000000000000000\""},
        {"after",
         "\"ff00000000000000000000000000000000000000000000000000000000000000\""},
        {"detail", "{}"},
    };
    for (size_t i = 0; i < FIXTURE_EVENTS; i++) {
        for (size_t m = 0; m < sizeof(members) / sizeof(members[0]); m++) {
            char says[32];
            json_t *copy = json_deep_copy(w->entries);
            json_object_set_new(event_at(copy, i), members[m][0],
                                json_loads(members[m][1], JSON_DECODE_ANY, NULL));
            snprintf(says, sizeof(says), "event %zu (", i + 1);
            expect_found(copy, NULL, says);
            expect_found(copy, NULL, "was altered");
            json_decref(copy);
        }
    }
}

static void the_text_names_seq_time_and_miner(void **state)
{
    const struct whole *w = *state;
    json_t *copy = json_deep_copy(w->entries);
    json_object_set_new(event_at(copy, 3), "actor", json_string("another"));
    expect_found(copy, NULL,
                 "event 4 (2026-11-26T12:03:00.123Z, miner alice): its hash is ");
    json_decref(copy);
    copy = json_deep_copy(w->entries);
    json_object_set_new(event_at(copy, 6), "actor", json_string("another"));
    expect_found(copy, NULL, "event 7 (2026-11-26T12:06:00.123Z, no miner): ");
    json_decref(copy);
}

static void an_altered_hash_is_found(void **state)
{
    const struct whole *w = *state;
    for (size_t i = 0; i < FIXTURE_EVENTS; i++) {
        char hex[HASH256_HEX_SIZE], says[32];
        json_t *copy = json_deep_copy(w->entries), *entry = json_array_get(copy, i);
        snprintf(hex, sizeof(hex), "%s",
                 json_string_value(json_object_get(entry, "hash")));
        hex[i] = hex[i] == '0' ? '1' : '0';
        json_object_set_new(entry, "hash", json_string(hex));
        snprintf(says, sizeof(says), "event %zu (", i + 1);
        expect_found(copy, NULL, says);
        json_decref(copy);
    }
}

static void a_removed_event_is_missed(void **state)
{
    const struct whole *w = *state;
    for (size_t i = 0; i + 1 < FIXTURE_EVENTS; i++) {
        char says[64];
        json_t *copy = json_deep_copy(w->entries);
        json_array_remove(copy, i);
        snprintf(says, sizeof(says), "event %zu before it is missing", i + 1);
        expect_found(copy, NULL, says);
        json_decref(copy);
    }
    json_t *copy = json_deep_copy(w->entries);
    for (int i = 0; i < 3; i++)
        json_array_remove(copy, 2);
    expect_found(copy, NULL, "events 3 to 5 before it are missing");
    json_decref(copy);
}

/* And the numbers behind it made to fit. */
static void a_removed_event_is_found_behind_new_numbers(void **state)
{
    const struct whole *w = *state;
    json_t *copy = json_deep_copy(w->entries);
    json_array_remove(copy, 2);
    for (size_t i = 2; i < json_array_size(copy); i++)
        json_object_set_new(event_at(copy, i), "seq", json_integer((json_int_t)i + 1));
    expect_found(copy, NULL, "event 3 (");
    expect_found(copy, NULL, "was altered");
    json_decref(copy);
}

static void an_inserted_event_is_found(void **state)
{
    const struct whole *w = *state;
    for (size_t i = 1; i <= FIXTURE_EVENTS; i++) {
        json_t *copy = json_deep_copy(w->entries);
        json_array_insert_new(copy, i, json_deep_copy(json_array_get(copy, i - 1)));
        expect_found(copy, NULL, "put in, repeated or moved");
        json_decref(copy);
    }
    json_t *copy = json_deep_copy(w->entries); /* with a number that fits */
    json_array_append_new(copy, json_deep_copy(json_array_get(copy, 0)));
    json_object_set_new(event_at(copy, FIXTURE_EVENTS), "seq",
                        json_integer(FIXTURE_EVENTS + 1));
    expect_found(copy, NULL, "event 9 (");
    json_decref(copy);
}

static void swapped_events_are_found(void **state)
{
    const struct whole *w = *state;
    for (size_t i = 0; i + 1 < FIXTURE_EVENTS; i++) {
        char says[64];
        json_t *copy = json_deep_copy(w->entries);
        json_t *moved = json_incref(json_array_get(copy, i));
        json_array_remove(copy, i);
        json_array_insert_new(copy, i + 1, moved);
        snprintf(says, sizeof(says), "event %zu before it is missing", i + 1);
        expect_found(copy, NULL, says);
        json_decref(copy);
    }
}

static void a_cut_end_is_found_against_a_noted_head_only(void **state)
{
    const struct whole *w = *state;
    char why[AUDIT_WHY_SIZE] = "";
    json_t *copy = json_deep_copy(w->entries);
    for (size_t left = FIXTURE_EVENTS - 1; left > 0; left--) {
        char says[80];
        json_array_remove(copy, left);
        assert_int_equal(check(why, copy, NULL), KZ_OK);
        snprintf(says, sizeof(says), "ends with event %zu, but a hash of event 8",
                 left);
        expect_found(copy, &w->head, says);
    }
    json_array_clear(copy);
    assert_int_equal(check(why, copy, NULL), KZ_EMPTY);
    expect_found(copy, &w->head, "its end was cut off");
    json_decref(copy);
}

static void a_chain_made_anew_is_found_against_a_noted_head_only(void **state)
{
    const struct whole *w = *state;
    char why[AUDIT_WHY_SIZE] = "";
    for (size_t i = 0; i < FIXTURE_EVENTS; i++) {
        json_t *copy = json_deep_copy(w->entries);
        json_object_set_new(event_at(copy, i), "actor", json_string("another"));
        rehash(copy);
        assert_int_equal(check(why, copy, NULL), KZ_OK);
        expect_found(copy, &w->head, "was made anew");
        json_decref(copy);
    }
}

static void a_chain_may_have_grown_since_its_head_was_noted(void **state)
{
    const struct whole *w = *state;
    char why[AUDIT_WHY_SIZE] = "";
    for (size_t i = 0; i < FIXTURE_EVENTS; i++) {
        struct chain_head noted = {0};
        assert_int_equal(chain_head_of(&noted, why, json_array_get(w->entries, i)),
                         KZ_OK);
        assert_int_equal(check(why, w->entries, &noted), KZ_OK);
        noted.hash.b[31] ^= 1;
        expect_found(w->entries, &noted, "was made anew");
    }
}

static void a_later_part_is_checked_from_the_head_before_it(void **state)
{
    const struct whole *w = *state;
    char why[AUDIT_WHY_SIZE] = "";
    struct chain_head from = {0};
    struct chain_check c;
    json_t *part = json_deep_copy(w->entries);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(chain_head_of(&from, why, json_array_get(part, 0)), KZ_OK);
        json_array_remove(part, 0);
    }
    expect_found(part, NULL, "events 1 to 3 before it are missing");
    chain_check_init(&c, &from, &w->head);
    assert_int_equal(check_all(&c, why, part), KZ_OK);
    assert_int_equal(c.events, FIXTURE_EVENTS - 3);
    chain_check_init(&c, &from, &from); /* noted where the part begins */
    assert_int_equal(check_all(&c, why, part), KZ_OK);
    struct chain_head other = from;
    other.seq = 2;
    chain_check_init(&c, &from, &other);
    assert_int_equal(check_all(&c, why, part), KZ_RANGE);
    assert_non_null(strstr(why, "before the first one given"));
    other.seq = 3;
    other.hash.b[0] ^= 1;
    chain_check_init(&c, &from, &other);
    assert_int_equal(check_all(&c, why, part), KZ_RANGE);
    chain_check_init(&c, &other, NULL); /* from a hash that is none of it */
    assert_int_equal(check_all(&c, why, part), KZ_RANGE);
    assert_non_null(strstr(why, "event 4 ("));
    json_decref(part);
}

static void another_instance_does_not_belong_to_it(void **state)
{
    const struct whole *w = *state;
    json_t *copy = json_deep_copy(w->entries);
    json_object_set_new(event_at(copy, 4), "instance", json_string("front-2"));
    rehash(copy);
    expect_found(copy, NULL, "of instance front-2, the chain is that of front-1");
    json_decref(copy);
}

static void a_clock_set_back_is_told_and_no_fault(void **state)
{
    (void)state;
    const int64_t times[] = {100000, 200000, 195000, 194999, 100000, 300000};
    struct chain_head head = {0};
    char why[AUDIT_WHY_SIZE] = "";
    json_t *entries = json_array();
    for (size_t i = 0; i < 6; i++) {
        struct hash256 states[2];
        json_t *entry = NULL;
        struct audit_event e = fixture_event(0, states);
        e.time_ms = times[i];
        assert_int_equal(chain_append(&entry, &head, why, &e), KZ_OK);
        json_array_append_new(entries, entry);
        json_decref((json_t *)e.detail);
    }
    struct chain_check c;
    chain_check_init(&c, NULL, &head);
    assert_int_equal(check_all(&c, why, entries), KZ_OK);
    assert_int_equal(c.steps_back, 1); /* 5 s and less is a clock kept right */
    assert_int_equal(c.worst_step_ms, 94999);
    assert_int_equal(c.worst_step_seq, 5);
    json_decref(entries);
}

static void what_is_no_entry_is_refused(void **state)
{
    const struct whole *w = *state;
    const char *const wrong[] = {"null",
                                 "[]",
                                 "{}",
                                 "{\"event\":{}}",
                                 "7",
                                 "{\"event\":{},\"hash\":\"\",\"more\":1}",
                                 "{\"event\":[],\"hash\":\"\"}"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        json_t *copy = json_deep_copy(w->entries);
        json_array_set_new(copy, 2, json_loads(wrong[i], JSON_DECODE_ANY, NULL));
        expect_found(copy, NULL, "behind event 2: ");
        json_decref(copy);
    }
    const char *const hashes[] = {"null", "\"\"", "\"00\"", "7"};
    for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
        json_t *copy = json_deep_copy(w->entries);
        json_object_set_new(json_array_get(copy, 2), "hash",
                            json_loads(hashes[i], JSON_DECODE_ANY, NULL));
        expect_found(copy, NULL, "behind event 2: hash: must be");
        json_decref(copy);
    }
}

/* --- as a file -------------------------------------------------------------------- */

static char *as_text(const json_t *entries, size_t *len)
{
    char *text = NULL, why[AUDIT_WHY_SIZE];
    FILE *to = open_memstream(&text, len);
    for (size_t i = 0; i < json_array_size(entries); i++)
        assert_int_equal(chain_file_write(to, why, json_array_get(entries, i)), KZ_OK);
    assert_int_equal(fclose(to), 0);
    return text;
}

static enum kz_err verify(struct chain_check *c, char why[AUDIT_WHY_SIZE],
                          const char *text, size_t len)
{
    FILE *from = tmpfile();
    assert_int_equal(fwrite(text, 1, len, from), len);
    rewind(from);
    enum kz_err err = chain_file_verify(c, why, from);
    fclose(from);
    return err;
}

static void expect_line(const char *text, size_t len, const char *says)
{
    struct chain_check c;
    char why[AUDIT_WHY_SIZE] = "";
    chain_check_init(&c, NULL, NULL);
    if (verify(&c, why, text, len) != KZ_RANGE || strstr(why, says) == NULL)
        fail_msg("'%s' where '%s' was expected", why, says);
}

static void a_written_file_is_right(void **state)
{
    const struct whole *w = *state;
    struct chain_check c;
    char why[AUDIT_WHY_SIZE] = "";
    size_t len = 0;
    char *text = as_text(w->entries, &len);
    chain_check_init(&c, NULL, &w->head);
    if (verify(&c, why, text, len) != KZ_OK)
        fail_msg("%s", why);
    assert_int_equal(c.events, FIXTURE_EVENTS);
    chain_check_init(&c, NULL, NULL);
    assert_int_equal(verify(&c, why, "", 0), KZ_EMPTY);
    free(text);
}

static void every_changed_byte_of_a_file_is_found(void **state)
{
    const struct whole *w = *state;
    char why[AUDIT_WHY_SIZE] = "";
    size_t len = 0;
    char *text = as_text(w->entries, &len);
    for (size_t i = 0; i < len; i++) {
        struct chain_check c;
        chain_check_init(&c, NULL, NULL);
        text[i] = (char)(text[i] ^ 1 << i % 7);
        if (verify(&c, why, text, len) == KZ_OK)
            fail_msg("byte %zu", i);
        assert_memory_equal(why, "line ", 5);
        text[i] = (char)(text[i] ^ 1 << i % 7);
    }
    free(text);
}

/* Cut at each place: found, but where it is cut between lines. */
static void a_file_cut_anywhere_is_found_against_its_head(void **state)
{
    const struct whole *w = *state;
    char why[AUDIT_WHY_SIZE] = "";
    size_t len = 0;
    char *text = as_text(w->entries, &len);
    for (size_t n = 0; n < len; n++) {
        struct chain_check c;
        chain_check_init(&c, NULL, NULL);
        bool is_whole = n > 0 && text[n - 1] == '\n';
        enum kz_err expected = n == 0 ? KZ_EMPTY : is_whole ? KZ_OK : KZ_RANGE;
        assert_int_equal(verify(&c, why, text, n), expected);
        chain_check_init(&c, NULL, &w->head);
        assert_int_equal(verify(&c, why, text, n), KZ_RANGE);
    }
    expect_line(text, len - 1, "line 8: is cut off");
    free(text);
}

static void a_line_is_canonical_and_nothing_else(void **state)
{
    const struct whole *w = *state;
    size_t len = 0;
    char *text = as_text(w->entries, &len), *made = calloc(1, len + 8);
    char *second = strchr(text, '\n') + 1;
    const char *const between[] = {" ", "\n", "\r\n", "#\n", "{}\n"};
    for (size_t i = 0; i < sizeof(between) / sizeof(between[0]); i++) {
        int n = snprintf(made, len + 8, "%.*s%s%s", (int)(second - text), text,
                         between[i], second);
        expect_line(made, (size_t)n, "line 2: ");
    }
    int n = snprintf(made, len + 8, " %s", text);
    expect_line(made, (size_t)n, "line 1: is no JSON in canonical form");
    free(made);
    free(text);
}

static void a_line_has_a_limit(void **state)
{
    (void)state;
    char *text = malloc(CHAIN_LINE_MAX + 2);
    memset(text, 'x', CHAIN_LINE_MAX + 1);
    text[CHAIN_LINE_MAX] = '\n';
    expect_line(text, CHAIN_LINE_MAX + 1, "line 1: is no JSON");
    text[CHAIN_LINE_MAX] = 'x';
    text[CHAIN_LINE_MAX + 1] = '\n';
    expect_line(text, CHAIN_LINE_MAX + 2, "line 1: is above 32768 bytes");
    free(text);
}

static void the_largest_event_fits_a_line(void **state)
{
    (void)state;
    char quotes[2001], actor[101], second[101], detail[AUDIT_DETAIL_MAX];
    char title[401], why[AUDIT_WHY_SIZE] = "", *text = NULL;
    size_t len = 0;
    memset(quotes, '"', 2000);
    quotes[2000] = '\0';
    snprintf(actor, sizeof(actor), "%s", quotes);
    snprintf(second, sizeof(second), "x%s", quotes);
    snprintf(title, sizeof(title), "%s", quotes);
    memset(detail, 'x', sizeof(detail));
    struct hash256 states[2];
    struct audit_event e = fixture_event(1, states);
    json_decref((json_t *)e.detail);
    e.actor = actor;
    e.second = second;
    e.basis = json_pack("{s:s, s:s, s:s}", "note", quotes, "authority", title,
                        "document", title);
    e.detail =
        json_pack("{s:s%}", "t", detail, sizeof(detail) - strlen("{\"t\":\"\"}"));
    struct chain_head head = {.seq = CANON_INTEGER_MAX - 1};
    json_t *entry = NULL;
    if (chain_append(&entry, &head, why, &e) != KZ_OK)
        fail_msg("%s", why);
    assert_int_equal(canon_format(&text, &len, entry), KZ_OK);
    assert_true(len < CHAIN_LINE_MAX);
    free(text);
    json_decref(entry);
    entry = NULL;
    assert_int_equal(chain_append(&entry, &head, why, &e), KZ_RANGE); /* seq 2^53 */
    assert_null(entry);
    json_decref((json_t *)e.basis);
    json_decref((json_t *)e.detail);
}

static void a_file_that_cannot_be_read_or_written_is_told(void **state)
{
    const struct whole *w = *state;
    struct chain_check c;
    char why[AUDIT_WHY_SIZE] = "";
    FILE *f = fopen("/", "r");
    assert_non_null(f);
    chain_check_init(&c, NULL, NULL);
    assert_int_equal(chain_file_verify(&c, why, f), KZ_IO);
    assert_non_null(strstr(why, "cannot be read: "));
    fclose(f);
    f = fopen("/dev/null", "r");
    assert_int_equal(chain_file_write(f, why, json_array_get(w->entries, 0)), KZ_IO);
    assert_non_null(strstr(why, "cannot be written"));
    fclose(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_is_right_as_it_was_made),
        cmocka_unit_test(the_hash_is_that_of_the_one_before_and_the_event),
        cmocka_unit_test(a_head_is_read_from_the_last_entry),
        cmocka_unit_test(a_refused_event_moves_nothing),
        cmocka_unit_test(an_altered_event_is_found_whatever_was_altered),
        cmocka_unit_test(the_text_names_seq_time_and_miner),
        cmocka_unit_test(an_altered_hash_is_found),
        cmocka_unit_test(a_removed_event_is_missed),
        cmocka_unit_test(a_removed_event_is_found_behind_new_numbers),
        cmocka_unit_test(an_inserted_event_is_found),
        cmocka_unit_test(swapped_events_are_found),
        cmocka_unit_test(a_cut_end_is_found_against_a_noted_head_only),
        cmocka_unit_test(a_chain_made_anew_is_found_against_a_noted_head_only),
        cmocka_unit_test(a_chain_may_have_grown_since_its_head_was_noted),
        cmocka_unit_test(a_later_part_is_checked_from_the_head_before_it),
        cmocka_unit_test(another_instance_does_not_belong_to_it),
        cmocka_unit_test(a_clock_set_back_is_told_and_no_fault),
        cmocka_unit_test(what_is_no_entry_is_refused),
        cmocka_unit_test(a_written_file_is_right),
        cmocka_unit_test(every_changed_byte_of_a_file_is_found),
        cmocka_unit_test(a_file_cut_anywhere_is_found_against_its_head),
        cmocka_unit_test(a_line_is_canonical_and_nothing_else),
        cmocka_unit_test(a_line_has_a_limit),
        cmocka_unit_test(the_largest_event_fits_a_line),
        cmocka_unit_test(a_file_that_cannot_be_read_or_written_is_told),
    };
    return cmocka_run_group_tests(tests, make_chain, free_chain);
}
