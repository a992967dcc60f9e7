/* One history out of the journals of two daemons at one registry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/report_scene.h"

struct two {
    struct bed *beds[2];
    struct history_bed h[2];
    struct scene scene; /* of the profile alone, for its records */
    struct conf conf;
    char why[HISTORY_WHY_SIZE];
};

static int set_up(void **state)
{
    struct two *t = calloc(1, sizeof(*t));
    for (int i = 0; i < 2; i++) {
        if (bed_set_up((void **)&t->beds[i]) != 0)
            return -1;
        history_begin(&t->h[i], t->beds[i]);
    }
    t->h[1].instance = "front-2";
    json_decref(t->h[1].records); /* one registry */
    json_decref(t->h[1].revisions);
    t->h[1].records = json_incref(t->h[0].records);
    t->h[1].revisions = json_incref(t->h[0].revisions);
    fixture_profile(&t->scene.profile);
    snprintf(t->conf.report_journals[0], sizeof(t->conf.report_journals[0]), "%s",
             t->beds[1]->journal);
    *state = t;
    return 0;
}

static int tear_down(void **state)
{
    struct two *t = *state;
    for (int i = 0; i < 2; i++) {
        history_end(&t->h[i]);
        bed_tear_down((void **)&t->beds[i]);
    }
    free(t);
    return 0;
}

static json_t *with_state(struct two *t, const char *state)
{
    json_t *r = json_object_get(t->h[0].records, "aral");
    r = r != NULL ? json_deep_copy(r) : record_of(&t->scene, "aral", RECORD_RE, state);
    json_object_set_new(r, "state", json_string(state));
    return r;
}

static void put(struct two *t, int daemon, const char *at, const char *state)
{
    history_put(&t->h[daemon], ms(at), AUDIT_RECORD_CHANGED, with_state(t, state));
}

/* Both saw the same registry; what it is behind that is `winner`'s. */
static void put_at_once(struct two *t, const char *at, const char *first,
                        const char *second, int winner)
{
    json_t *records = json_copy(t->h[0].records);
    json_int_t revision =
        json_integer_value(json_object_get(t->h[0].revisions, "aral"));
    put(t, 0, at, first);
    json_t *of_first = json_incref(json_object_get(t->h[0].records, "aral"));
    json_object_set(t->h[0].records, "aral", json_object_get(records, "aral"));
    json_object_set_new(t->h[0].revisions, "aral", json_integer(revision));
    put(t, 1, at, second);
    if (winner == 0)
        json_object_set(t->h[0].records, "aral", of_first);
    json_decref(of_first);
    json_decref(records);
}

static enum kz_err read_until(struct two *t, struct history *h, const char *until,
                              size_t others)
{
    const struct history_ask ask = {.dir = t->beds[0]->journal,
                                    .others = t->conf.report_journals,
                                    .other_count = others,
                                    .from_ms = ms("2026-10-01"),
                                    .until_ms = ms(until),
                                    .written_before_ms = INT64_MAX};
    history_sync(&t->h[0]);
    history_sync(&t->h[1]);
    return history_read(h, t->why, &ask);
}

static void expect_state(struct two *t, const char *until, enum miner_state expected)
{
    struct history h;
    if (read_until(t, &h, until, 1) != KZ_OK)
        fail_msg("%s", t->why);
    assert_int_equal(record_state(json_object_get(h.miners, "aral")), expected);
    history_clear(&h);
}

/* The registry as Redis has it now: the record, its number and its revision. */
static json_t *registry_now(const struct two *t)
{
    json_t *record = json_copy(json_object_get(t->h[0].records, "aral"));
    json_object_set(record, "revision", json_object_get(t->h[0].revisions, "aral"));
    json_object_set_new(record, "number", json_integer(1));
    return json_pack("{s:[o]}", "miners", record);
}

static void expect_fit(struct two *t, enum miner_state expected)
{
    struct history h;
    json_t *registry = registry_now(t);
    if (read_until(t, &h, "2027-01-01", 1) != KZ_OK)
        fail_msg("%s", t->why);
    assert_int_equal(history_fits(t->why, &h, registry), KZ_OK);
    assert_int_equal(record_state(json_object_get(h.miners, "aral")), expected);
    json_decref(registry);
    history_clear(&h);
}

static void changes_of_two_daemons_are_one_history(void **state)
{
    struct two *t = *state;
    struct history h;
    put(t, 0, "2026-10-02T08:00", "submitted");
    put(t, 1, "2026-10-03T08:00", "active");
    put(t, 0, "2026-10-04T08:00", "restricted");
    put(t, 1, "2026-11-05T08:00", "suspended");
    assert_int_equal(read_until(t, &h, "2026-11-01", 1), KZ_OK);
    assert_int_equal(record_state(json_object_get(h.miners, "aral")), MINER_RESTRICTED);
    assert_int_equal(h.event_count, 3);
    for (size_t i = 1; i < h.event_count; i++)
        assert_true(h.events[i - 1].time_ms < h.events[i].time_ms);
    assert_int_equal(record_state(h.events[2].before), MINER_ACTIVE);
    assert_int_equal(h.journal_count, 2);
    assert_string_equal(h.journals[0].instance, "front-1");
    assert_string_equal(h.journals[1].instance, "front-2");
    assert_int_equal(h.journals[0].head.seq, 2);
    assert_int_equal(h.journals[1].head.seq, 1); /* the one in November is later */
    history_clear(&h);
    expect_fit(t, MINER_SUSPENDED);
}

/* One settings file for all of them names each journal, also to whose it is. */
static void a_journal_that_is_named_twice_is_refused(void **state)
{
    struct two *t = *state;
    struct history h;
    char other[CONF_TEXT_MAX + 1];
    put(t, 0, "2026-10-02T08:00", "submitted");
    put(t, 1, "2026-10-03T08:00", "active");
    snprintf(other, sizeof(other), "%s", t->conf.report_journals[0]);
    snprintf(t->conf.report_journals[1], sizeof(other), "%.200s/.", other);
    assert_int_equal(read_until(t, &h, "2026-11-01", 2), KZ_RANGE);
    assert_non_null(strstr(t->why, "named twice"));
    snprintf(t->conf.report_journals[0], sizeof(other), "%s", t->beds[0]->journal);
    assert_int_equal(read_until(t, &h, "2026-11-01", 1), KZ_RANGE);
    snprintf(t->conf.report_journals[0], sizeof(other), "%s", other);
    assert_int_equal(read_until(t, &h, "2026-11-01", 1), KZ_OK);
    history_clear(&h);
}

static void revisions_order_what_clocks_do_not(void **state)
{
    struct two *t = *state;
    put(t, 0, "2026-10-02T08:00:10", "active");
    put(t, 1, "2026-10-02T08:00:05",
        "suspended"); /* later, by a clock that is behind */
    expect_state(t, "2026-11-01", MINER_SUSPENDED);
    expect_fit(t, MINER_SUSPENDED);
}

static void of_two_changes_at_once_the_next_one_says_which_was_taken(void **state)
{
    for (int winner = 0; winner < 2; winner++) {
        struct two *t = *state;
        put(t, 0, "2026-10-02T08:00", "active");
        put_at_once(t, "2026-10-03T08:00", "restricted", "suspended", winner);
        put(t, 0, "2026-11-05T08:00", "closed");
        expect_state(t, "2026-11-01", winner == 0 ? MINER_RESTRICTED : MINER_SUSPENDED);
        expect_fit(t, MINER_CLOSED);
        assert_int_equal(tear_down(state), 0);
        assert_int_equal(set_up(state), 0);
    }
}

static void without_a_next_one_the_registry_says_it(void **state)
{
    for (int winner = 0; winner < 2; winner++) {
        struct two *t = *state;
        put(t, 0, "2026-10-02T08:00", "active");
        put_at_once(t, "2026-10-03T08:00", "restricted", "suspended", winner);
        expect_fit(t, winner == 0 ? MINER_RESTRICTED : MINER_SUSPENDED);
        assert_int_equal(tear_down(state), 0);
        assert_int_equal(set_up(state), 0);
    }
}

static void a_journal_that_is_missing_is_noticed(void **state)
{
    struct two *t = *state;
    struct history h;
    put(t, 0, "2026-10-02T08:00", "active");
    put(t, 1, "2026-10-03T08:00", "suspended");
    json_t *registry = registry_now(t);
    assert_int_equal(read_until(t, &h, "2026-11-01", 0), KZ_OK);
    assert_int_equal(history_fits(t->why, &h, registry), KZ_RANGE);
    assert_non_null(strstr(t->why, "report.journals"));
    history_clear(&h);
    json_decref(registry);
}

static void a_broken_chain_in_any_of_them_stops_it(void **state)
{
    struct two *t = *state;
    struct history h;
    put(t, 0, "2026-10-02T08:00", "active");
    put(t, 1, "2026-10-03T08:00", "suspended");
    t->h[1].head.hash.b[0] ^= 1;
    put(t, 1, "2026-10-04T08:00", "active");
    assert_int_equal(read_until(t, &h, "2026-11-01", 1), KZ_RANGE);
    assert_non_null(strstr(t->why, "chain"));
}

static void refusals_of_both_are_counted(void **state)
{
    struct two *t = *state;
    struct history h;
    history_refuse(&t->h[0], ms("2026-10-02T08:10"), "unregistered", 3);
    history_refuse(&t->h[1], ms("2026-10-02T08:20"), "unregistered", 4);
    assert_int_equal(read_until(t, &h, "2026-11-01", 1), KZ_OK);
    uint64_t all = 0;
    for (size_t i = 0; i < h.refusal_count; i++)
        all += h.refusals[i].count;
    assert_int_equal(all, 7);
    history_clear(&h);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(changes_of_two_daemons_are_one_history),
        TEST(a_journal_that_is_named_twice_is_refused),
        TEST(revisions_order_what_clocks_do_not),
        TEST(of_two_changes_at_once_the_next_one_says_which_was_taken),
        TEST(without_a_next_one_the_registry_says_it),
        TEST(a_journal_that_is_missing_is_noticed),
        TEST(a_broken_chain_in_any_of_them_stops_it),
        TEST(refusals_of_both_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
