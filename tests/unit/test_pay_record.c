/* A payout as it is kept: what was written is read again, and what is damaged is said. */
#include "pool/pay/record.h"

#include "conf/mem.h"
#include "payout/postings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "payout_fixture.h"

#define ID    "20260101-120000-0-abcd"
#define TOKEN "3-0123456789abcdef0123456789abcdef"

/* --- random payouts --------------------------------------------------------------- */

static uint32_t below(uint64_t *seed, uint32_t n)
{
    return (uint32_t)(random_next(seed) % n);
}

static void random_script(struct script *s, uint64_t *seed)
{
    s->len = 22 + below(seed, 13);
    for (size_t i = 0; i < s->len; i++)
        s->b[i] = (uint8_t)below(seed, 256);
}

static struct payout_coin random_coin(uint64_t *seed)
{
    struct payout_coin c = {.from.vout = below(seed, 9),
                            .place = {below(seed, 2) ? WALLET_CHANGE : WALLET_RECEIVE,
                                      below(seed, BIP32_HARDENED)}};
    for (size_t i = 0; i < sizeof(c.from.txid.b); i++)
        c.from.txid.b[i] = (uint8_t)below(seed, 256);
    c.value = sat(1 + (int64_t)below(seed, 2000000000));
    random_script(&c.script, seed);
    return c;
}

static void random_recipients(struct payout *p, uint64_t *seed)
{
    p->recipient_count = below(seed, 20);
    p->recipients = mem_array(p->recipient_count + 1, sizeof(*p->recipients));
    p->has_change = p->recipient_count == 0 || below(seed, 2);
    p->change_at = p->has_change ? below(seed, (uint32_t)p->recipient_count + 1)
                                 : (uint32_t)p->recipient_count;
    for (size_t i = 0; i < p->recipient_count; i++) {
        struct payout_recipient *r = &p->recipients[i];
        r->miner = miner_number((unsigned)i);
        r->debit = sat(1000 + (int64_t)below(seed, 100000000));
        r->paid = sat(amount_to_sat(r->debit) - (int64_t)below(seed, 900));
        r->vout = (uint32_t)i + (p->has_change && i >= p->change_at);
        snprintf(r->address, sizeof(r->address), "address-%zu", i);
        random_script(&r->script, seed);
    }
}

static void random_version(struct payout_version *v, const struct payout *p,
                           uint64_t *seed)
{
    struct tx t;
    size_t len;
    tx_init(&t, 2, below(seed, 900000));
    for (size_t i = 0; i < p->coin_count; i++)
        tx_add_input(&t, &p->coins[i].from, TX_SEQUENCE_RBF);
    tx_add_output(&t, sat(1000), script_bytes(&p->coins[0].script));
    *v = (struct payout_version){.why = (enum payout_why)below(seed, 4),
                                 .fee = sat((int64_t)below(seed, 100000)),
                                 .vsize = tx_vsize(&t),
                                 .has_change = below(seed, 2),
                                 .time_ms = (int64_t)below(seed, 1u << 31)};
    tx_id(&v->txid, &t);
    uint8_t *bytes = tx_format(&len, &t, false);
    v->raw = mem_new(2 * len + 1);
    hex_encode(v->raw, bytes, len);
    mem_free(bytes);
    tx_clear(&t);
}

static void random_payout(struct payout *p, uint64_t *seed)
{
    *p = (struct payout){.state = (enum payout_state)below(seed, PAYOUT_STATES),
                         .journal = "0123456789abcdef0123456789abcdef",
                         .created_ms = 1767225600000 + (int64_t)below(seed, 1u << 30),
                         .height = below(seed, 900000),
                         .locktime = below(seed, 900000),
                         .change = sat((int64_t)below(seed, 1000000)),
                         .planned_fee = sat((int64_t)below(seed, 100000)),
                         .change_index = below(seed, BIP32_HARDENED),
                         .n = below(seed, 5)};
    assert_int_equal(payout_id_parse(&p->id, ID, strlen(ID)), KZ_OK);
    assert_true(feerate_from(&p->rate, 1 + below(seed, 1000000)));
    p->planned_count = 1 + below(seed, 4);
    p->coin_count = p->planned_count + below(seed, 3);
    p->coins = mem_array(p->coin_count, sizeof(*p->coins));
    for (size_t i = 0; i < p->coin_count; i++)
        p->coins[i] = random_coin(seed);
    random_recipients(p, seed);
    p->version_count = below(seed, 4);
    for (size_t i = 0; i < p->version_count; i++)
        random_version(&p->versions[i], p, seed);
    if (p->version_count > 0 && below(seed, 2))
        p->seen = (struct payout_seen){.height = 1 + below(seed, 900000),
                                       .block = p->coins[0].from.txid,
                                       .version = p->version_count - 1};
    if (p->recipient_count > 0) {
        struct postings_due *due = mem_array(p->recipient_count, sizeof(*due));
        for (size_t i = 0; i < p->recipient_count; i++)
            due[i] =
                (struct postings_due){p->recipients[i].miner, p->recipients[i].debit};
        p->has_reserve = postings_reserve(&p->reserve, &p->id, due, p->recipient_count,
                                          p->created_ms) == KZ_OK;
        assert_true(p->has_reserve);
        mem_free(due);
    }
    snprintf(p->note, sizeof(p->note), "note %u", below(seed, 100));
}

/* --- as Redis has it -------------------------------------------------------------- */

static void put(json_t *hash, const char *member, char *text)
{
    json_object_set_new(hash, member, json_string(text));
    free(text); /* allowed: jansson's */
}

static json_t *hash_of_payout(const struct payout *p)
{
    char number[24];
    json_t *hash = json_object();
    put(hash, "plan", payout_plan_text(p, TOKEN));
    json_object_set_new(hash, "state", json_string(payout_state_name(p->state)));
    json_object_set_new(hash, "note", json_string(p->note));
    snprintf(number, sizeof(number), "%u", (unsigned)p->n);
    json_object_set_new(hash, "n", json_string(number));
    json_object_set_new(hash, "decided", json_string("1"));
    for (size_t i = 0; i < p->version_count; i++) {
        snprintf(number, sizeof(number), "v%zu", i);
        put(hash, number, payout_version_text(&p->versions[i]));
    }
    if (p->coin_count > p->planned_count) {
        json_t *more = json_array();
        for (size_t i = p->planned_count; i < p->coin_count; i++)
            json_array_append_new(more, payout_coin_json(&p->coins[i]));
        put(hash, "more", json_dumps(more, JSON_COMPACT));
        json_decref(more);
    }
    if (p->seen.height > 0)
        put(hash, "seen", payout_seen_text(&p->seen));
    if (p->has_reserve) {
        char *text = entry_format(&p->reserve);
        json_object_set_new(hash, "reserve", json_string(text));
        mem_free(text);
    }
    json_object_set_new(hash, "confirm", json_string(""));
    return hash;
}

static void expect_same(const struct payout *a, const struct payout *b)
{
    json_t *x = hash_of_payout(a), *y = hash_of_payout(b);
    char *t = json_dumps(x, JSON_SORT_KEYS), *u = json_dumps(y, JSON_SORT_KEYS);
    assert_string_equal(t, u);
    assert_int_equal(a->state, b->state);
    assert_int_equal(a->change_at, b->change_at);
    assert_int_equal(a->planned_count, b->planned_count);
    assert_int_equal(a->coin_count, b->coin_count);
    assert_int_equal(amount_compare(payout_debit(a), payout_debit(b)), 0);
    assert_int_equal(amount_compare(payout_paid(a), payout_paid(b)), 0);
    for (size_t i = 0; i < a->version_count; i++)
        assert_string_equal(a->versions[i].raw, b->versions[i].raw);
    free(t); /* allowed: jansson's */
    free(u); /* allowed: jansson's */
    json_decref(x);
    json_decref(y);
}

/* --- tests ------------------------------------------------------------------------ */

static void random_payouts_come_back_as_they_were(void **state)
{
    (void)state;
    uint64_t seed = 20260101;
    for (int i = 0; i < 300; i++) {
        struct payout p, again = {.version_count = 0};
        char why[PAYOUT_NOTE_SIZE] = "";
        random_payout(&p, &seed);
        json_t *hash = hash_of_payout(&p);
        if (payout_read(&again, why, ID, hash) != KZ_OK)
            fail_msg("%s", why);
        expect_same(&p, &again);
        json_decref(hash);
        payout_clear(&again);
        payout_clear(&p);
    }
}

/* A payout with every member there is, for tests that damage one. */
static json_t *whole(void)
{
    uint64_t seed = 7;
    for (;;) {
        struct payout p;
        random_payout(&p, &seed);
        bool has_all = p.coin_count > p.planned_count && p.version_count > 1 &&
                       p.seen.height > 0 && p.recipient_count > 2 && p.has_change;
        json_t *hash = has_all ? hash_of_payout(&p) : NULL;
        payout_clear(&p);
        if (hash != NULL)
            return hash;
    }
}

static void expect_damage(const json_t *hash, const char *id, const char *says)
{
    struct payout p = {.n = 99};
    char why[PAYOUT_NOTE_SIZE] = "";
    assert_int_equal(payout_read(&p, why, id, hash), KZ_PARSE);
    if (strstr(why, says) == NULL)
        fail_msg("'%s' where '%s' was expected", why, says);
    assert_int_equal(p.n, 99); /* untouched */
}

static void a_damaged_member_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *member, *text, *says; /* text NULL: it lacks */
    } cases[] = {
        {"plan", NULL, "as its plan"},      {"plan", "", "as its plan"},
        {"plan", "[]", "as its plan"},      {"plan", "{", "as its plan"},
        {"state", NULL, "as its state"},    {"state", "planned", "as its state"},
        {"n", NULL, "as its n "},           {"n", "-1", "as its n "},
        {"n", "1x", "as its n "},           {"more", "{}", "as its more"},
        {"more", "[[1]]", "as its more"},   {"reserve", "{}", "as its reserve"},
        {"confirm", "x", "as its confirm"}, {"v0", "{}", "as its version"},
        {"v1", "", "as its version"},     {"seen", "{}", "as its seen"},
        {"seen", "no JSON", "as its seen"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json_t *hash = whole();
        json_object_del(hash, cases[i].member);
        if (cases[i].text != NULL)
            json_object_set_new(hash, cases[i].member, json_string(cases[i].text));
        expect_damage(hash, ID, cases[i].says);
        json_decref(hash);
    }
    json_t *hash = whole();
    expect_damage(hash, "NOT AN ID", "as its id");
    json_decref(hash);
}

/* Replaces a member of the plan, or takes it away; `value` is taken. */
static json_t *with_plan(const char *member, json_t *value)
{
    json_t *hash = whole();
    json_t *plan =
        json_loads(json_string_value(json_object_get(hash, "plan")), 0, NULL);
    if (value != NULL)
        json_object_set_new(plan, member, value);
    else
        json_object_del(plan, member);
    put(hash, "plan", json_dumps(plan, JSON_COMPACT));
    json_decref(plan);
    return hash;
}

static void every_part_of_a_plan_counts(void **state)
{
    (void)state;
    static const char *const members[] = {"journal", "height", "locktime",    "rate",
                                          "fee",     "coins",  "change_index"};
    static const struct {
        const char *member, *json;
    } cases[] = {
        {"journal", "\"0123456789abcdef0123456789abcdef0\""},
        {"height", "-1"},
        {"height", "4294967296"},
        {"rate", "-5"},
        {"fee", "-1"},
        {"fee", "2100000000000001"},
        {"change", "[1]"},
        {"change", "[-1, 0]"},
        {"change", "[1, 5000]"},
        {"change_index", "2147483648"},
        {"coins", "[]"},
        {"coins", "[[\"zz:0\", 1, \"51\", \"receive\", 0]]"},
        {"recipients", "[[\"m1\", 1, 1, \"a\", \"51\", 0]]"}, /* change has place 0 */
        {"recipients", "[[\"m1\", 2100000000000000, 1, \"a\", \"51\", 0],"
                       "[\"m2\", 1, 1, \"a\", \"51\", 1]]"},
    };
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        json_t *hash = with_plan(members[i], NULL);
        expect_damage(hash, ID, "as its plan");
        json_decref(hash);
    }
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json_t *hash = with_plan(cases[i].member,
                                 json_loads(cases[i].json, JSON_DECODE_ANY, NULL));
        if (strcmp(cases[i].member, "recipients") == 0)
            json_object_set_new(hash, "reserve", json_string(""));
        expect_damage(hash, ID, "as its plan");
        json_decref(hash);
    }
}

/* A version's bytes are sent as they are kept, and its id decides what confirmed. */
static void a_versions_bytes_must_be_its_transactions(void **state)
{
    (void)state;
    json_t *hash = whole();
    json_t *v = json_loads(json_string_value(json_object_get(hash, "v0")), 0, NULL);
    json_t *other = json_loads(json_string_value(json_object_get(hash, "v1")), 0, NULL);
    json_object_set(v, "raw", json_object_get(other, "raw"));
    put(hash, "v0", json_dumps(v, JSON_COMPACT));
    expect_damage(hash, ID, "as its version");
    json_object_set_new(v, "raw", json_string("00"));
    put(hash, "v0", json_dumps(v, JSON_COMPACT));
    expect_damage(hash, ID, "as its version");
    json_decref(v);
    json_decref(other);
    json_decref(hash);
}

static void seen_names_a_version_that_there_is(void **state)
{
    (void)state;
    json_t *hash = whole();
    const struct payout_seen beyond = {.height = 5, .version = 60};
    put(hash, "seen", payout_seen_text(&beyond));
    expect_damage(hash, ID, "as its seen");
    json_decref(hash);
}

static void states_and_their_names_agree(void **state)
{
    (void)state;
    size_t ends = 0;
    for (int i = 0; i < PAYOUT_STATES; i++) {
        enum payout_state s;
        assert_int_equal(
            payout_state_parse(&s, payout_state_name((enum payout_state)i)), KZ_OK);
        assert_int_equal(s, i);
        ends += payout_state_is_end(s);
    }
    assert_int_equal(ends, 3); /* a conflicted one waits for a person: no end */
    enum payout_state s;
    assert_int_equal(payout_state_parse(&s, "paid"), KZ_PARSE);
    assert_int_equal(payout_state_parse(&s, NULL), KZ_PARSE);
}

static void a_zeroed_one_may_be_cleared(void **state)
{
    (void)state;
    struct payout p = {.version_count = 0};
    payout_clear(&p);
    payout_clear(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_payouts_come_back_as_they_were),
        cmocka_unit_test(a_damaged_member_is_named),
        cmocka_unit_test(every_part_of_a_plan_counts),
        cmocka_unit_test(a_versions_bytes_must_be_its_transactions),
        cmocka_unit_test(seen_names_a_version_that_there_is),
        cmocka_unit_test(states_and_their_names_agree),
        cmocka_unit_test(a_zeroed_one_may_be_cleared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
