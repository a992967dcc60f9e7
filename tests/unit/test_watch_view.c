/* What a watcher sees: of which places, and what never. */
#include "pool/watch_view.h"
#include "tests/unit/record_fixture.h"

struct bed {
    struct profile profile;
    json_t *record, *figures, *workers, *sessions, *statement, *view;
};

static void bed_init(struct bed *b)
{
    memset(b, 0, sizeof(*b));
    fixture_profile(&b->profile);
    b->profile.timezone = "Asia/Ashgabat";
    b->record = fixture_record(RECORD_RL, &b->profile);
    b->figures =
        fixture_json("{\"work\":\"18446744073709551616\",\"accepted\":7,"
                     "\"refused\":2,\"last_share_ms\":1795694400123,"
                     "\"hashrate\":{\"1m\":1.5,\"10m\":2,\"1h\":3,\"24h\":4}}");
    b->workers = json_array();
    b->sessions = json_array();
    b->statement = fixture_json(
        "{\"from_ms\":1795694400000,\"end\":60,\"credited\":100,\"paid\":40,"
        "\"reversed\":0,\"adjusted\":0,\"at_end\":{\"immature\":10,"
        "\"mature\":20,\"held\":25,\"reserved\":15,\"receivable\":10},"
        "\"lines\":[]}");
}

static void look(struct bed *b)
{
    const struct watch_sources s = {
        .pool = "Pool",
        .network = "main",
        .record = b->record,
        .view = {.profile = &b->profile, .now_ms = NOW_MS},
        .until_ms = NOW_MS + DAY_MS,
        .figures = b->figures,
        .workers = b->workers,
        .sessions = b->sessions,
        .statement = b->statement,
    };
    json_decref(b->view);
    b->view = watch_view(&s);
    assert_non_null(b->view);
}

static void bed_clear(struct bed *b)
{
    json_decref(b->record);
    json_decref(b->figures);
    json_decref(b->workers);
    json_decref(b->sessions);
    json_decref(b->statement);
    json_decref(b->view);
}

static const json_t *member(const struct bed *b, const char *name, const char *inner)
{
    const json_t *o = json_object_get(b->view, name);
    return inner != NULL ? json_object_get(o, inner) : o;
}

static void is(const json_t *value, const char *text)
{
    json_t *wanted = fixture_json(text);
    if (!json_equal((json_t *)value, wanted)) {
        char *got = json_dumps(value, JSON_ENCODE_ANY);
        fail_msg("%s, not %s", got != NULL ? got : "nothing", text);
    }
    json_decref(wanted);
}

static void figures_are_those_of_the_miner(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b);
    look(&b);
    is(member(&b, "miner", NULL), "\"miner-a\"");
    is(member(&b, "certificate", NULL), "\"TM-77\"");
    is(member(&b, "made_at", NULL), "\"2026-11-26T12:00:00.000Z\"");
    is(member(&b, "until", NULL), "\"2026-11-27T12:00:00.000Z\"");
    is(member(&b, "zone", NULL),
       "{\"name\":\"Asia/Ashgabat\",\"utc_offset_minutes\":300}");
    is(member(&b, "shares", NULL),
       "{\"work\":\"18446744073709551616\",\"accepted\":7,\"refused\":2,"
       "\"last\":\"2026-11-26T12:00:00.123Z\"}");
    is(member(&b, "hashrate", "1m"), "1.5");
    is(member(&b, "balance", NULL),
       "{\"immature\":{\"sat\":10,\"btc\":\"0.00000010\"},"
       "\"mature\":{\"sat\":20,\"btc\":\"0.00000020\"},"
       "\"held\":{\"sat\":25,\"btc\":\"0.00000025\"},"
       "\"reserved\":{\"sat\":15,\"btc\":\"0.00000015\"},"
       "\"receivable\":{\"sat\":10,\"btc\":\"0.00000010\"},"
       "\"total\":{\"sat\":60,\"btc\":\"0.00000060\"}}");
    is(member(&b, "period", "paid"), "{\"sat\":40,\"btc\":\"0.00000040\"}");
    bed_clear(&b);
}

static void a_miner_without_a_share_has_zeros(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b);
    json_decref(b.figures);
    b.figures = NULL;
    json_object_del(b.record, "certificate");
    look(&b);
    is(member(&b, "shares", NULL),
       "{\"work\":\"0\",\"accepted\":0,\"refused\":0,\"last\":null}");
    is(member(&b, "workers", NULL), "[]");
    is(member(&b, "certificate", NULL), "null");
    bed_clear(&b);
}

/* Nothing of a record but what the header names, whatever it holds. */
static void nothing_personal_is_in_it(void **state)
{
    (void)state;
    static const char *const never[] = {"Maral",   "Orazowa", "maral@",    "+993",
                                        "1980",    "Bitarap", "Bulut",     "A1234",
                                        "account", "R-1",     "123456789", "192.0.2",
                                        "SN-1",    ADDRESS_1, "Anau",      "officer-1"};
    struct bed b;
    bed_init(&b);
    json_object_set_new(b.record, "urgent", fixture_json("{\"by\":\"officer-1\"}"));
    look(&b);
    char *text = json_dumps(b.view, 0);
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
        if (strstr(text, never[i]) != NULL)
            fail_msg("\"%s\" is in %s", never[i], text);
    free(text);
    bed_clear(&b);
}

static void a_state_is_one_of_five_words(void **state)
{
    (void)state;
    static const char *const words[MINER_STATES] = {
        [MINER_DRAFT] = "\"registering\"",    [MINER_SUBMITTED] = "\"registering\"",
        [MINER_REJECTED] = "\"ended\"",       [MINER_ACTIVE] = "\"active\"",
        [MINER_RESTRICTED] = "\"attention\"", [MINER_SUSPENDED] = "\"paused\"",
        [MINER_REVOKED] = "\"ended\"",        [MINER_CLOSED] = "\"ended\"",
    };
    for (int s = 0; s < MINER_STATES; s++) {
        struct bed b;
        bed_init(&b);
        json_object_set_new(b.record, "state",
                            json_string(miner_state_name((enum miner_state)s)));
        look(&b);
        is(member(&b, "state", NULL), words[s]);
        bed_clear(&b);
    }
}

/* Nobody who looks learns of an order or a suspicion. */
static void a_frozen_miner_looks_like_any_other(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b);
    look(&b);
    json_t *before = json_incref(b.view);
    json_object_set_new(b.record, "frozen",
                        fixture_json("{\"reason\":\"court_order\",\"by\":\"o\"}"));
    look(&b);
    assert_true(json_equal(before, b.view));
    json_decref(before);
    bed_clear(&b);
}

static void workers_are_joined_with_their_sessions_by_name(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b);
    json_decref(b.workers);
    json_decref(b.sessions);
    b.workers = fixture_json(
        "[{\"miner\":\"miner-a\",\"worker\":\"b\",\"work\":\"5\",\"accepted\":5,"
        "\"refused\":1,\"last_share_ms\":0,\"hashrate\":{\"10m\":9}},"
        "{\"miner\":\"miner-a\",\"worker\":\"a\",\"work\":\"3\",\"accepted\":3,"
        "\"refused\":0}]");
    b.sessions = fixture_json(
        "[{\"miner\":\"miner-a\",\"worker\":\"b\",\"agent\":\"x/1\",\"address\":"
        "\"192.0.2.9:1\"},{\"miner\":\"miner-a\",\"worker\":\"b\",\"agent\":\"x/2\"},"
        "{\"miner\":\"miner-a\",\"worker\":\"c\",\"agent\":\"y\"}]");
    look(&b);
    const json_t *workers = member(&b, "workers", NULL);
    assert_int_equal(json_array_size(workers), 3);
    is(json_object_get(json_array_get(workers, 0), "name"), "\"a\"");
    is(json_object_get(json_array_get(workers, 0), "live"), "0");
    is(json_object_get(json_array_get(workers, 1), "live"), "2");
    is(json_object_get(json_array_get(workers, 1), "software"), "\"x/2\"");
    is(json_object_get(json_array_get(workers, 1), "accepted"), "5");
    is(json_object_get(json_array_get(workers, 2), "name"), "\"c\"");
    is(json_object_get(json_array_get(workers, 2), "accepted"), "0");
    char *text = json_dumps(b.view, 0);
    assert_null(strstr(text, "192.0.2.9"));
    free(text);
    bed_clear(&b);
}

static void another_miners_rows_are_left_out_wherever_they_came_from(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b);
    json_array_append_new(b.workers,
                          fixture_json("{\"miner\":\"bob\",\"worker\":\"hall\"}"));
    json_array_append_new(b.workers, fixture_json("{\"worker\":\"nobodys\"}"));
    json_array_append_new(
        b.sessions,
        fixture_json("{\"miner\":\"bob\",\"worker\":\"hall\",\"agent\":\"z\"}"));
    look(&b);
    is(member(&b, "workers", NULL), "[]");
    is(member(&b, "worker_count", NULL), "0");
    bed_clear(&b);
}

static void of_many_workers_the_first_are_shown_and_all_counted(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b);
    for (int i = 0; i < WATCH_WORKERS_MAX + 5; i++) {
        char name[16];
        snprintf(name, sizeof(name), "r%04d", i);
        json_array_append_new(
            b.workers, json_pack("{s:s, s:s}", "miner", "miner-a", "worker", name));
    }
    look(&b);
    assert_int_equal(json_array_size(member(&b, "workers", NULL)), WATCH_WORKERS_MAX);
    assert_int_equal(json_integer_value(member(&b, "worker_count", NULL)),
                     WATCH_WORKERS_MAX + 5);
    bed_clear(&b);
}

static void add_line(struct bed *b, const char *term, int change, const char *reference)
{
    json_array_append_new(json_object_get(b->statement, "lines"),
                          json_pack("{s:s, s:i, s:s, s:I}", "term", term, "change",
                                    change, "reference", reference, "time_ms",
                                    (json_int_t)NOW_MS));
}

static void credits_and_payments_are_newest_first_and_without_mere_moves(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b);
    add_line(&b, "credited", 70, "block-1");
    add_line(&b, "paid", 0, "block-1"); /* it matured */
    add_line(&b, "", 0, "");            /* a hold */
    add_line(&b, "reversed", -70, "block-1");
    add_line(&b, "adjusted", 5, "note");
    add_line(&b, "paid", -40, "tx-1");
    json_t *last = json_array_get(json_object_get(b.statement, "lines"), 5);
    json_object_set_new(last, "vout", json_integer(3));
    look(&b);
    is(member(&b, "credits", NULL),
       "[{\"kind\":\"adjustment\",\"time\":\"2026-11-26T12:00:00.000Z\",\"amount\":"
       "{\"sat\":5,\"btc\":\"0.00000005\"},\"block\":\"note\"},"
       "{\"kind\":\"reversal\",\"time\":\"2026-11-26T12:00:00.000Z\",\"amount\":"
       "{\"sat\":-70,\"btc\":\"-0.00000070\"},\"block\":\"block-1\"},"
       "{\"kind\":\"credit\",\"time\":\"2026-11-26T12:00:00.000Z\",\"amount\":"
       "{\"sat\":70,\"btc\":\"0.00000070\"},\"block\":\"block-1\"}]");
    is(member(&b, "payments", NULL),
       "[{\"time\":\"2026-11-26T12:00:00.000Z\",\"amount\":{\"sat\":40,\"btc\":"
       "\"0.00000040\"},\"reference\":\"tx-1\",\"vout\":3}]");
    bed_clear(&b);
}

static void so_many_lines_are_shown_of_each(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b);
    for (int i = 1; i <= WATCH_LINES_MAX + 5; i++) {
        add_line(&b, "credited", i, "b");
        add_line(&b, "paid", -i, "t");
    }
    look(&b);
    const json_t *credits = member(&b, "credits", NULL);
    assert_int_equal(json_array_size(credits), WATCH_LINES_MAX);
    assert_int_equal(json_array_size(member(&b, "payments", NULL)), WATCH_LINES_MAX);
    is(json_object_get(json_object_get(json_array_get(credits, 0), "amount"), "sat"),
       "35");
    bed_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_those_of_the_miner),
        cmocka_unit_test(a_miner_without_a_share_has_zeros),
        cmocka_unit_test(nothing_personal_is_in_it),
        cmocka_unit_test(a_state_is_one_of_five_words),
        cmocka_unit_test(a_frozen_miner_looks_like_any_other),
        cmocka_unit_test(workers_are_joined_with_their_sessions_by_name),
        cmocka_unit_test(another_miners_rows_are_left_out_wherever_they_came_from),
        cmocka_unit_test(of_many_workers_the_first_are_shown_and_all_counted),
        cmocka_unit_test(credits_and_payments_are_newest_first_and_without_mere_moves),
        cmocka_unit_test(so_many_lines_are_shown_of_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
