/* The ledger of ledger_trace.json written through the store, and asked about: balances,
 * statements and the proof, end to end over a real Redis. */
#include "redis_fixture.h"

#include "ledger_fixture.h"
#include "pool/inquiry.h"
#include "share/keys.h"
#include "share/store_read.h"
#include "vectors.h"

#include <event2/event.h>

#define DAY_MS INT64_C(86400000)

struct bed {
    struct fixture f;
    struct event_base *base;
    struct mailbox *mailbox;
    struct inquiry *inquiry;
    struct book *book;
};

struct answer {
    int done;
    enum kz_err err;
    json_t *value;
    char text[INQUIRY_TEXT_SIZE];
};

static int set_up(void **state)
{
    struct bed *b = mem_new(sizeof(*b));
    fixture_init(&b->f);
    fixture_start(&b->f);
    b->base = event_base_new();
    b->mailbox = mailbox_new(b->base, 1000, NULL);
    b->book = book_new();
    struct inquiry_parts parts = {
        .mailbox = b->mailbox, .store = b->f.store, .conf = &b->f.conf};
    assert_int_equal(inquiry_start(&b->inquiry, &parts), KZ_OK);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bed *b = *state;
    inquiry_stop(b->inquiry);
    mailbox_free(b->mailbox);
    inquiry_free(b->inquiry);
    event_base_free(b->base);
    book_free(b->book);
    fixture_clear(&b->f);
    mem_free(b);
    return 0;
}

/* --- writing --------------------------------------------------------------------- */

/* What the record of the entry's block says from then on; NULL: the entry is of none. */
static const char *state_after(const struct entry *e)
{
    switch ((int)e->key.kind) {
    case ENTRY_BLOCK_ACCEPTED:
    case ENTRY_BLOCK_REVIVED:
        return "accepted";
    case ENTRY_BLOCK_ORPHANED:
        return "orphaned";
    case ENTRY_BLOCK_MATURED:
        return "mature";
    default:
        return NULL;
    }
}

static json_t *event_of(const struct entry *e)
{
    char *text = entry_format(e);
    json_t *event = json_pack("{s:[o]}", "entries", json_loads(text, 0, NULL));
    const char *state = state_after(e);
    mem_free(text);
    if (state != NULL)
        json_object_set_new(event, "block",
                            json_pack("{s:s, s:i, s:{s:s, s:i}}", "hash", e->key.object,
                                      "height", 100 + e->key.object[1], "set", "state",
                                      state, "height", 100 + e->key.object[1]));
    return event;
}

static void write_entry(struct bed *b, const struct entry *e)
{
    char text[256];
    enum kz_err err = store_ledger_write(text, b->f.store, EVENT_LEDGER, event_of(e));
    if (err != KZ_OK)
        fail_msg("%s: %s", kz_err_text(err), text);
}

/* Step n at noon of day n. A delivery that is repeated is written again, too. */
static void write_trace(struct bed *b)
{
    wait_until(status_is(&b->f, "state", "ready"));
    for (int step = 1; step <= TRACE_STEPS; step++) {
        struct entry e;
        assert_int_equal(trace_event(&e, b->book, step), KZ_OK);
        e.time_ms = step * DAY_MS + DAY_MS / 2;
        if (!trace_is_repeat(step))
            applied(b->book, &e);
        write_entry(b, &e);
        entry_clear(&e);
    }
}

/* --- asking ---------------------------------------------------------------------- */

static void on_done(void *ctx, enum kz_err err, json_t *value, const char *text)
{
    struct answer *a = ctx;
    a->done++;
    a->err = err;
    a->value = value;
    snprintf(a->text, sizeof(a->text), "%s", text);
}

static bool turn(struct bed *b, const struct answer *a)
{
    event_base_loop(b->base, EVLOOP_NONBLOCK);
    return a->done > 0;
}

static struct answer ask(struct bed *b, enum inquiry_kind kind, json_t *arguments)
{
    struct answer a = {0};
    inquiry_ask(b->inquiry, kind, arguments, on_done, &a);
    json_decref(arguments);
    wait_until(turn(b, &a));
    assert_int_equal(a.done, 1);
    return a;
}

static json_t *answered(struct bed *b, enum inquiry_kind kind, json_t *arguments)
{
    struct answer a = ask(b, kind, arguments);
    if (a.err != KZ_OK)
        fail_msg("%s: %s", kz_err_text(a.err), a.text);
    return a.value;
}

static json_t *prove(struct bed *b)
{
    return answered(b, INQUIRY_VERIFY, json_pack("{s:b}", "no-node", 1));
}

static void is_proved(struct bed *b, int entries)
{
    json_t *proof = prove(b);
    if (!json_is_true(json_object_get(proof, "ok")))
        fail_msg("%s", json_string_value(json_object_get(proof, "last")));
    assert_int_equal(json_integer_value(json_object_get(proof, "entries")), entries);
    json_decref(proof);
}

static void is_refuted(struct bed *b, const char *part)
{
    json_t *proof = prove(b);
    const char *last = json_string_value(json_object_get(proof, "last"));
    assert_true(json_is_false(json_object_get(proof, "ok")));
    if (strncmp(last, "ledger verify: FAILED: ", 23) != 0 || strstr(last, part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, last);
    json_decref(proof);
}

static void redis(struct bed *b, const char *command)
{
    redisContext *c = redis_of(&b->f);
    redisReply *r = redisCommand(c, command);
    assert_non_null(r);
    if (r->type == REDIS_REPLY_ERROR)
        fail_msg("%s: %s", command, r->str);
    freeReplyObject(r);
    redisFree(c);
}

/* --- balances -------------------------------------------------------------------- */

static int64_t number(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    if (!json_is_integer(v))
        fail_msg("no number %s", key);
    return json_integer_value(v);
}

static void balances_are_those_of_the_vectors(void **state)
{
    struct bed *b = *state;
    write_trace(b);
    json_t *vectors = vectors_json("accounting/ledger_trace.json");
    const json_t *steps = json_object_get(vectors, "steps");
    json_t *wanted = json_object_get(json_array_get(steps, json_array_size(steps) - 1),
                                     "balances_after");
    json_t *got = answered(b, INQUIRY_BALANCE, json_object());
    json_t *pool = json_object_get(got, "pool"), *row, *value;
    const char *account;
    size_t i, seen = json_object_size(pool);
    json_object_foreach(pool, account, value)
        assert_int_equal(json_integer_value(value), number(wanted, account));
    json_array_foreach(json_object_get(got, "miners"), i, row)
    {
        char name[ACCOUNT_TEXT_SIZE];
        snprintf(name, sizeof(name), "mature:%s",
                 json_string_value(json_object_get(row, "miner")));
        assert_int_equal(number(row, "mature"), -number(wanted, name));
        assert_int_equal(number(row, "total"), number(row, "mature"));
        seen++;
    }
    assert_int_equal(seen, json_object_size(wanted));
    assert_int_equal(number(json_object_get(got, "totals"), "total"), 126663426);
    assert_int_equal(number(got, "entries"), 21);
    json_decref(got);
    json_decref(vectors);
}

static void each_place_of_a_miners_money_is_shown(void **state)
{
    struct bed *b = *state;
    struct entry e;
    wait_until(status_is(&b->f, "state", "ready"));
    for (int step = 1; step <= 10; step++) { /* up to the first payout's reserve */
        assert_int_equal(trace_event(&e, b->book, step), KZ_OK);
        if (!trace_is_repeat(step))
            applied(b->book, &e);
        write_entry(b, &e);
        entry_clear(&e);
    }
    json_t *got = answered(b, INQUIRY_BALANCE, json_pack("{s:s}", "miner", "m000003"));
    const json_t *row = json_array_get(json_object_get(got, "miners"), 0);
    assert_int_equal(json_array_size(json_object_get(got, "miners")), 1);
    assert_null(json_object_get(got, "pool"));
    assert_int_equal(number(row, "held"), 62870185);
    assert_int_equal(number(row, "total"), 62870185);
    json_decref(got);
    got = answered(b, INQUIRY_BALANCE, json_pack("{s:s}", "miner", "m000001"));
    row = json_array_get(json_object_get(got, "miners"), 0);
    assert_int_equal(number(row, "reserved"), 157175461);
    assert_int_equal(number(row, "mature"), 0);
    json_decref(got);
    struct answer a = ask(b, INQUIRY_BALANCE, json_pack("{s:s}", "miner", "m000077"));
    assert_int_equal(a.err, KZ_EMPTY);
    assert_non_null(strstr(a.text, "m000077"));
}

/* --- statements ------------------------------------------------------------------ */

static json_t *statement(struct bed *b, const char *miner, const char *from,
                         const char *to)
{
    json_t *s = answered(
        b, INQUIRY_STATEMENT,
        json_pack("{s:s, s:s*, s:s*}", "miner", miner, "from", from, "to", to));
    assert_true(json_is_true(json_object_get(s, "sound")));
    assert_int_equal(number(s, "start") + number(s, "credited") - number(s, "paid") -
                         number(s, "reversed") + number(s, "adjusted"),
                     number(s, "end"));
    return s;
}

static void a_statement_has_what_lies_in_its_period(void **state)
{
    struct bed *b = *state;
    write_trace(b);
    /* Day 8 to day 16: held, released, and a block that pays them in its coinbase. */
    json_t *s = statement(b, "m000003", "1970-01-09", "1970-01-18");
    assert_int_equal(number(s, "start"), 62870185);
    assert_int_equal(number(s, "credited"), 3101451);
    assert_int_equal(number(s, "paid"), 0);
    assert_int_equal(number(s, "end"), 65971636);
    assert_int_equal(json_array_size(json_object_get(s, "lines")), 4);
    json_decref(s);
    s = statement(b, "m000003", "1970-01-18", NULL);
    assert_int_equal(number(s, "paid"), 6234227);
    assert_int_equal(number(s, "end"), 59737409);
    const json_t *line = json_array_get(json_object_get(s, "lines"), 0);
    assert_int_equal(number(line, "output"), 6234227);
    assert_int_equal(number(line, "vout"), 2);
    json_decref(s);
}

static void statements_of_neighbouring_periods_meet(void **state)
{
    struct bed *b = *state;
    write_trace(b);
    for (int n = 1; n <= 9; n += n == 3 ? 6 : 1) {
        struct miner_id miner = miner_n(n);
        json_t *all = statement(b, miner.text, NULL, NULL);
        int64_t end = 0, lines = 0;
        char days[TRACE_STEPS + 2][CLOCK_TEXT_SIZE];
        for (int day = 0; day <= TRACE_STEPS + 1; day++)
            clock_utc_format(days[day], day * DAY_MS);
        for (int day = 0; day <= TRACE_STEPS; day++) {
            json_t *s = statement(b, miner.text, days[day], days[day + 1]);
            assert_int_equal(number(s, "start"), end);
            end = number(s, "end");
            lines += (int64_t)json_array_size(json_object_get(s, "lines"));
            json_decref(s);
        }
        assert_int_equal(end, number(all, "end"));
        assert_int_equal(lines, json_array_size(json_object_get(all, "lines")));
        json_decref(all);
    }
}

static void a_statement_of_nobody_or_of_no_date_is_refused(void **state)
{
    struct bed *b = *state;
    wait_until(status_is(&b->f, "state", "ready"));
    struct answer a = ask(b, INQUIRY_STATEMENT, json_pack("{s:s}", "miner", "m000077"));
    assert_int_equal(a.err, KZ_EMPTY);
    a = ask(b, INQUIRY_STATEMENT, json_pack("{s:s}", "miner", "No Miner"));
    assert_int_equal(a.err, KZ_PARSE);
    a = ask(b, INQUIRY_STATEMENT,
            json_pack("{s:s, s:s}", "miner", "m000001", "from", "monday"));
    assert_int_equal(a.err, KZ_PARSE);
    json_t *s = answered(b, INQUIRY_STATEMENT,
                         json_pack("{s:s, s:b}", "miner", "m000077", "registered", 1));
    assert_int_equal(number(s, "end"), 0);
    json_decref(s);
}

/* --- the proof ------------------------------------------------------------------- */

static void the_trace_is_proved(void **state)
{
    struct bed *b = *state;
    write_trace(b);
    is_proved(b, 21);
}

static void what_was_changed_behind_the_ledgers_back_is_named(void **state)
{
    struct bed *b = *state;
    write_trace(b);
    redis(b, "HINCRBY bal:{ledger}:mature m000003 1");
    is_refuted(b,
               "mature:m000003 is kept as -59737410, but its entries sum to -59737409");
    redis(b, "HINCRBY bal:{ledger}:mature m000003 -1");
    redis(b, "HINCRBY acc:{ledger} fee -7");
    is_refuted(b, "fee is kept as -6308043");
    redis(b, "HINCRBY acc:{ledger} fee 7");
    redis(b, "HSET blk:{ledger}:B3 state orphaned"); /* no JSON */
    is_refuted(b, "block B3: its record has no state");
    redis(b, "HSET blk:{ledger}:B3 state \"orphaned\"");
    is_refuted(b, "block B3: its record and its entries disagree");
    redis(b, "DEL blk:{ledger}:B3");
    is_refuted(b, "block B3: its record has no state (record: none, entries: mature)");
    redis(b, "HSET blk:{ledger}:B3 state \"mature\" height 151");
    is_proved(b, 21);
    redis(b, "HSET blk:{ledger}:B9 state \"mature\" height 157");
    redis(b, "ZADD blks:{ledger} 157 B9");
    is_refuted(b, "block B9: it has no entry");
    redis(b, "ZREM blks:{ledger} B9");
    is_proved(b, 21);
    redis(b, "XDEL led:{ledger} 5-0");
    is_refuted(b, "some are missing");
}

static void an_entry_that_cannot_follow_is_named(void **state)
{
    struct bed *b = *state;
    struct entry e;
    write_trace(b);
    /* A block that is mature, orphaned: balanced, and impossible. */
    assert_int_equal(trace_block(&e, "B1", 317526183, 3175260,
                                 (int64_t[3]){157175461, 94305277, 62870185}),
                     KZ_OK);
    e.key.kind = ENTRY_BLOCK_ORPHANED;
    e.key.n = 9;
    write_entry(b, &e);
    entry_clear(&e);
    is_refuted(b, "entry 22: ");
}

static void a_repeated_entry_behind_the_ledgers_back_is_named(void **state)
{
    struct bed *b = *state;
    write_trace(b);
    redisContext *c = redis_of(&b->f);
    redisReply *r = redisCommand(c, "XRANGE led:{ledger} 1-0 1-0");
    assert_int_equal(r->elements, 1);
    redisReply *added = redisCommand(c, "XADD led:{ledger} 22-0 e %s",
                                     r->element[0]->element[1]->element[1]->str);
    assert_int_equal(added->type, REDIS_REPLY_STRING);
    freeReplyObject(added);
    freeReplyObject(r);
    redisFree(c);
    is_refuted(b, "led:{ledger} has entry 22, but ledseq:{ledger} is 21");
    redis(b, "SET ledseq:{ledger} 22");
    is_refuted(b, "entry 22: cap:1 is there twice");
}

static void is_asked_for(struct bed *b, struct reply *replies, uint64_t count)
{
    for (uint64_t n = 0; n < count; n++) {
        struct entry e;
        assert_int_equal(trace_capital(&e, n + 3, 1000), KZ_OK);
        store_ledger_put(b->f.store, EVENT_LEDGER, event_of(&e), on_reply, &replies[n]);
        entry_clear(&e);
    }
}

static void a_proof_made_while_entries_are_written_is_of_one_instant(void **state)
{
    struct bed *b = *state;
    static struct reply replies[300];
    int proofs = 0;
    write_trace(b);
    memset(replies, 0, sizeof(replies));
    is_asked_for(b, replies, 300);
    while (atomic_load(&replies[299].done) == 0 || proofs == 0) {
        struct answer a = ask(b, INQUIRY_VERIFY, json_pack("{s:b}", "no-node", 1));
        if (a.err == KZ_BUSY) /* never quiet: says so */
            assert_non_null(strstr(a.text, "no quiet moment"));
        else if (!json_is_true(json_object_get(a.value, "ok")))
            fail_msg("%s", json_string_value(json_object_get(a.value, "last")));
        json_decref(a.value);
        proofs++;
    }
    for (size_t n = 0; n < 300; n++)
        json_decref(replies[n].value);
    is_proved(b, 321);
}

/* --- the queue ------------------------------------------------------------------- */

static void questions_beyond_the_bound_are_refused_at_once(void **state)
{
    struct bed *b = *state;
    struct answer a[INQUIRY_WAITING_MAX + 40] = {0};
    const size_t count = sizeof(a) / sizeof(a[0]);
    size_t refused = 0;
    wait_until(status_is(&b->f, "state", "ready"));
    for (size_t i = 0; i < count; i++)
        inquiry_ask(b->inquiry, INQUIRY_BALANCE, NULL, on_done, &a[i]);
    for (size_t i = 0; i < count; i++) {
        wait_until(turn(b, &a[i]));
        assert_int_equal(a[i].done, 1);
        assert_true(a[i].err == KZ_OK || a[i].err == KZ_BUSY);
        refused += a[i].err == KZ_BUSY;
        json_decref(a[i].value);
    }
    assert_true(refused > 0 && refused < count);
}

static void who_waits_at_a_stop_is_told(void **state)
{
    struct bed *b = *state;
    struct answer a[INQUIRY_WAITING_MAX] = {0};
    size_t stopping = 0;
    write_trace(b);
    for (size_t i = 0; i < INQUIRY_WAITING_MAX; i++)
        inquiry_ask(b->inquiry, INQUIRY_VERIFY, NULL, on_done, &a[i]);
    inquiry_stop(b->inquiry);
    for (size_t i = 0; i < INQUIRY_WAITING_MAX; i++) {
        wait_until(turn(b, &a[i]));
        assert_int_equal(a[i].done, 1);
        stopping += strcmp(a[i].text, "stopping") == 0;
        json_decref(a[i].value);
    }
    assert_true(stopping > 0);
    struct answer late = {0};
    inquiry_ask(b->inquiry, INQUIRY_BALANCE, NULL, on_done, &late);
    assert_int_equal(late.err, KZ_BUSY);
    assert_string_equal(late.text, "stopping");
}

static void an_answer_that_nobody_fetched_is_dropped_with_the_mailbox(void **state)
{
    struct bed *b = *state;
    struct answer a = {0};
    wait_until(status_is(&b->f, "state", "ready"));
    inquiry_ask(b->inquiry, INQUIRY_BALANCE, NULL, on_done, &a);
    nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    inquiry_stop(b->inquiry);
    mailbox_free(b->mailbox);
    b->mailbox = NULL;
    assert_int_equal(a.done, 1);
    assert_string_equal(a.text, "stopping");
    assert_null(a.value);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(balances_are_those_of_the_vectors),
        CASE(each_place_of_a_miners_money_is_shown),
        CASE(a_statement_has_what_lies_in_its_period),
        CASE(statements_of_neighbouring_periods_meet),
        CASE(a_statement_of_nobody_or_of_no_date_is_refused),
        CASE(the_trace_is_proved),
        CASE(what_was_changed_behind_the_ledgers_back_is_named),
        CASE(an_entry_that_cannot_follow_is_named),
        CASE(a_repeated_entry_behind_the_ledgers_back_is_named),
        CASE(a_proof_made_while_entries_are_written_is_of_one_instant),
        CASE(questions_beyond_the_bound_are_refused_at_once),
        CASE(who_waits_at_a_stop_is_told),
        CASE(an_answer_that_nobody_fetched_is_dropped_with_the_mailbox),
    };
    return cmocka_run_group_tests_name("inquiry", tests, NULL, NULL);
}
