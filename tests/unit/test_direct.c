#include "payout/direct.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/payout_fixture.h"

#define SEED   UINT64_C(0xbf58476d1ce4e5b9)
#define MOST   32
#define RELAY  3000 /* satoshi per 1000 bytes */
#define MANY   700
#define HEIGHT 900000

static const struct {
    enum address_type type;
    const char *name;
    size_t script_len;
    int64_t dust;
} types[] = {{ADDRESS_P2PKH, "p2pkh", 25, 546},
             {ADDRESS_P2SH, "p2sh", 23, 540},
             {ADDRESS_P2WPKH, "p2wpkh", 22, 294},
             {ADDRESS_P2WSH, "p2wsh", 34, 330},
             {ADDRESS_P2TR, "p2tr", 34, 330}};

/* An address of that type: bytes inside do not matter here. */
static struct address address_of(enum address_type type)
{
    struct address a = {.type = type};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (types[i].type == type)
            a.script_len = types[i].script_len;
    assert_true(a.script_len > 0);
    return a;
}

/* A template as large as nodes leave it: 8,000 weight units, the block's header in them,
 * and 400 operations. */
static struct template template_of(void)
{
    return (struct template){.height = HEIGHT,
                             .weight = 4000000 - 8000,
                             .weight_limit = 4000000,
                             .sigops = 79600,
                             .sigop_limit = 80000,
                             .tx_count = 4000,
                             .has_witness_commitment = true};
}

static struct direct_room wide_room(void)
{
    struct template t = template_of();
    struct direct_room room;
    t.weight = 0;
    direct_room_init(&room, &t, DIRECT_LARGEST, 8);
    return room;
}

static struct direct_terms terms_of(int64_t value, const struct address *pool)
{
    return (struct direct_terms){.value = sat(value),
                                 .minimum = sat(DIRECT_MINIMUM_SAT),
                                 .pool = pool,
                                 .dust_rate = RELAY,
                                 .mode = DIRECT_FULL,
                                 .room = wide_room()};
}

static struct direct_payee payee_of(unsigned n, const struct address *a,
                                    int64_t entitlement, int64_t carry)
{
    return (struct direct_payee){.miner = miner_number(n),
                                 .address = a,
                                 .entitlement = sat(entitlement),
                                 .carry = sat(carry)};
}

static void assert_paid(const struct direct_payee *p, int64_t paid, int64_t carry_after)
{
    assert_true(amount_to_sat(p->paid) == paid);
    assert_true(amount_to_sat(p->carry_after) == carry_after);
}

static void the_example_of_the_specification_comes_out(void **state)
{
    (void)state;
    struct address a = address_of(ADDRESS_P2WPKH);
    struct direct_terms terms = terms_of(50000000, &a);
    struct direct_payee payees[] = {
        payee_of(1, &a, 35000000, 0), payee_of(2, &a, 15000000, 0),
        payee_of(3, &a, 0, 40000000), payee_of(4, &a, 0, 30000000)};
    struct direct_plan plan;
    assert_int_equal(direct_plan(&plan, payees, 4, &terms), KZ_OK);
    assert_int_equal(plan.paid_count, 2);
    assert_true(plan.paid[0] == 2 && plan.paid[1] == 0);
    assert_paid(&payees[0], 10000000, 25000000);
    assert_paid(&payees[1], 0, 15000000);
    assert_paid(&payees[2], 40000000, 0);
    assert_paid(&payees[3], 0, 30000000);
    assert_int_equal(payees[3].outcome, DIRECT_VALUE_EXHAUSTED);
    assert_true(amount_is_zero(plan.pool));
    struct job_output outputs[3];
    size_t count = 0;
    assert_int_equal(direct_outputs(outputs, 3, &count, &plan, payees, &a), KZ_OK);
    assert_int_equal(count, 2); /* nothing is left for the pool's */
    assert_true(outputs[0].value_sat == 40000000);
    assert_int_equal(direct_outputs(outputs, 1, &count, &plan, payees, &a), KZ_RANGE);
    direct_plan_clear(&plan);
}

static void nobody_to_pay_leaves_all_to_the_pool(void **state)
{
    (void)state;
    struct address a = address_of(ADDRESS_P2TR);
    struct direct_terms terms = terms_of(0, &a);
    struct job_output outputs[1];
    struct direct_plan plan;
    size_t count = 0;
    assert_int_equal(direct_plan(&plan, NULL, 0, &terms), KZ_OK);
    assert_int_equal(direct_outputs(outputs, 1, &count, &plan, NULL, &a), KZ_OK);
    assert_int_equal(count, 1); /* also when it is worth nothing */
    assert_true(outputs[0].value_sat == 0 && outputs[0].script.p == a.script);
    direct_plan_clear(&plan);
    terms.value = sat(5000);
    assert_int_equal(direct_plan(&plan, NULL, 0, &terms), KZ_OK);
    assert_true(amount_to_sat(plan.pool) == 5000);
    direct_plan_clear(&plan);
}

static void held_frozen_and_addressless_miners_keep_what_is_theirs(void **state)
{
    (void)state;
    struct address a = address_of(ADDRESS_P2WPKH);
    struct direct_terms terms = terms_of(90000000, &a);
    struct direct_payee payees[] = {payee_of(1, &a, 30000000, 5),
                                    payee_of(2, &a, 30000000, 5),
                                    payee_of(3, NULL, 30000000, 5)};
    struct direct_plan plan;
    payees[0].hold = DIRECT_HELD;
    payees[1].hold = DIRECT_FROZEN;
    assert_int_equal(direct_plan(&plan, payees, 3, &terms), KZ_OK);
    assert_int_equal(plan.paid_count, 0);
    assert_paid(&payees[0], 0, 0);
    assert_true(amount_to_sat(payees[0].held_after) == 30000005);
    assert_paid(&payees[1], 0, 30000005);
    assert_true(amount_is_zero(payees[1].held_after));
    assert_paid(&payees[2], 0, 30000005);
    assert_int_equal(payees[0].outcome, DIRECT_IS_HELD);
    assert_int_equal(payees[1].outcome, DIRECT_IS_FROZEN);
    assert_int_equal(payees[2].outcome, DIRECT_NO_ADDRESS);
    direct_plan_clear(&plan);
}

static void carry_is_not_paid_before_our_own_blocks_are_accounted_for(void **state)
{
    (void)state;
    struct address a = address_of(ADDRESS_P2WPKH);
    struct direct_terms terms = terms_of(50000000, &a);
    struct direct_payee payees[] = {payee_of(1, &a, 20000000, 40000000),
                                    payee_of(2, &a, 30000000, 0),
                                    payee_of(3, &a, 0, 40000000)};
    struct direct_plan plan;
    terms.mode = DIRECT_NO_CARRY;
    assert_int_equal(direct_plan(&plan, payees, 3, &terms), KZ_OK);
    assert_int_equal(plan.paid_count, 2);
    assert_true(plan.paid[0] == 1); /* carry lifts nobody up the list */
    assert_paid(&payees[0], 20000000, 40000000);
    assert_paid(&payees[1], 30000000, 0);
    assert_paid(&payees[2], 0, 40000000);
    direct_plan_clear(&plan);
    terms.mode = DIRECT_NOTHING;
    assert_int_equal(direct_plan(&plan, payees, 3, &terms), KZ_OK);
    assert_int_equal(plan.paid_count, 0);
    assert_int_equal(amount_compare(plan.pool, terms.value), 0);
    assert_paid(&payees[0], 0, 60000000);
    assert_int_equal(payees[1].outcome, DIRECT_NOT_NOW);
    direct_plan_clear(&plan);
}

static void the_mode_follows_what_is_known_of_our_own_blocks(void **state)
{
    (void)state;
    assert_int_equal(direct_mode_of(SCHEME_PPLNS, true, false), DIRECT_FULL);
    assert_int_equal(direct_mode_of(SCHEME_TIDES, false, false), DIRECT_NO_CARRY);
    assert_int_equal(direct_mode_of(SCHEME_PROP, true, false), DIRECT_FULL);
    assert_int_equal(direct_mode_of(SCHEME_PROP, false, false), DIRECT_NOTHING);
    assert_int_equal(direct_mode_of(SCHEME_SOLO, false, false), DIRECT_NO_CARRY);
    assert_int_equal(direct_mode_of(SCHEME_FPPS, true, false), DIRECT_NOTHING);
    for (int s = SCHEME_PPLNS; s <= SCHEME_SOLO; s++)
        assert_int_equal(direct_mode_of((enum scheme)s, true, true), DIRECT_NOTHING);
}

static void a_rest_below_the_threshold_is_left_to_the_pool(void **state)
{
    (void)state;
    struct address a = address_of(ADDRESS_P2WPKH);
    struct direct_terms terms = terms_of(50000000, &a);
    struct direct_payee payees[] = {payee_of(1, &a, 0, 49000000),
                                    payee_of(2, &a, 48000000, 0),
                                    payee_of(3, &a, 1500000, 0)};
    struct direct_plan plan;
    payees[2].minimum = sat(1000000);
    terms.minimum = sat(900000);
    assert_int_equal(direct_plan(&plan, payees, 3, &terms), KZ_OK);
    /* The second gets the million left, which then lacks for the third. */
    assert_paid(&payees[1], 1000000, 47000000);
    assert_int_equal(payees[2].outcome, DIRECT_VALUE_EXHAUSTED);
    direct_plan_clear(&plan);
    payees[1].minimum = sat(1000001);
    assert_int_equal(direct_plan(&plan, payees, 3, &terms), KZ_OK);
    assert_int_equal(payees[1].outcome, DIRECT_VALUE_EXHAUSTED);
    assert_paid(&payees[2], 1000000, 500000);
    direct_plan_clear(&plan);
}

static void nobody_gets_an_output_worth_nothing(void **state)
{
    (void)state;
    struct address a = address_of(ADDRESS_P2WPKH);
    struct direct_terms terms = terms_of(10, &a);
    struct direct_payee payees[] = {payee_of(1, &a, 10, 0), payee_of(2, &a, 0, 5),
                                    payee_of(3, &a, 0, 0)};
    struct direct_plan plan;
    terms.minimum = amount_zero();
    terms.dust_rate = 0;
    assert_int_equal(direct_plan(&plan, payees, 3, &terms), KZ_OK);
    assert_int_equal(plan.paid_count, 1);
    assert_int_equal(payees[1].outcome, DIRECT_VALUE_EXHAUSTED);
    assert_int_equal(payees[2].outcome, DIRECT_BELOW_THRESHOLD);
    direct_plan_clear(&plan);
}

static void amounts_that_cannot_be_are_refused(void **state)
{
    (void)state;
    struct address a = address_of(ADDRESS_P2WPKH);
    struct direct_terms terms = terms_of(100, &a);
    struct direct_payee p = payee_of(1, &a, 101, 0);
    struct direct_plan plan = {.paid_count = 7};
    p.outcome = DIRECT_SIGOP_LIMIT;
    assert_int_equal(direct_plan(&plan, &p, 1, &terms), KZ_RANGE);
    p.entitlement = sat(-1);
    assert_int_equal(direct_plan(&plan, &p, 1, &terms), KZ_RANGE);
    p = payee_of(1, &a, 0, -1);
    assert_int_equal(direct_plan(&plan, &p, 1, &terms), KZ_RANGE);
    p = payee_of(1, &a, 100, AMOUNT_MAX_SAT);
    p.outcome = DIRECT_SIGOP_LIMIT;
    assert_int_equal(direct_plan(&plan, &p, 1, &terms), KZ_RANGE);
    terms.value = sat(-1);
    assert_int_equal(direct_plan(&plan, &p, 0, &terms), KZ_RANGE);
    assert_int_equal(plan.paid_count, 7);
    assert_int_equal(p.outcome, DIRECT_SIGOP_LIMIT);
}

/* How many payees of one type fit, the pool's output of the same type, and why not
 * more. */
static size_t payees_in_room(enum direct_outcome *why, const struct direct_room *room,
                             enum address_type type)
{
    struct address a = address_of(type);
    struct direct_terms terms = terms_of(MANY * INT64_C(1000), &a);
    struct direct_payee *payees = calloc(MANY, sizeof(*payees));
    struct direct_plan plan;
    terms.minimum = amount_zero();
    terms.room = *room;
    for (unsigned i = 0; i < MANY; i++)
        payees[i] = payee_of(i, &a, 999, 0);
    assert_int_equal(direct_plan(&plan, payees, MANY, &terms), KZ_OK);
    size_t fit = plan.paid_count;
    *why = payees[fit].outcome;
    direct_plan_clear(&plan);
    free(payees);
    return fit;
}

static size_t payees_that_fit(enum direct_outcome *why, const struct template *t,
                              enum direct_class class, enum address_type type,
                              size_t tag_len)
{
    struct direct_room room;
    direct_room_init(&room, t, class, tag_len);
    return payees_in_room(why, &room, type);
}

static void the_253rd_output_makes_their_count_two_bytes_longer(void **state)
{
    (void)state;
    enum direct_outcome why;
    struct template t = template_of();
    struct direct_room room;
    t.weight = 0;
    direct_room_init(&room, &t, DIRECT_LARGEST, 13);
    /* 250 payees, the pool and the commitment are 252. */
    room.coinbase_bytes = 130 + 251 * 31;
    assert_int_equal(payees_in_room(&why, &room, ADDRESS_P2WPKH), 250);
    room.coinbase_bytes += 31 + 1;
    assert_int_equal(payees_in_room(&why, &room, ADDRESS_P2WPKH), 250);
    room.coinbase_bytes += 1;
    assert_int_equal(payees_in_room(&why, &room, ADDRESS_P2WPKH), 251);
    assert_int_equal(why, DIRECT_BYTE_LIMIT);
}

static void firmware_classes_take_what_the_specifications_table_says(void **state)
{
    (void)state;
    const enum address_type kinds[] = {ADDRESS_P2WPKH, ADDRESS_P2TR, ADDRESS_P2PKH};
    const size_t table[DIRECT_CLASSES][3] = {[DIRECT_SMALL] = {9, 6, 8},
                                             [DIRECT_ANTMINER] = {19, 13, 17},
                                             [DIRECT_S21] = {67, 48, 61},
                                             [DIRECT_LARGE] = {204, 147, 186},
                                             [DIRECT_LARGEST] = {510, 368, 465}};
    struct template t = template_of();
    t.weight = 0;
    t.sigops = 0;
    for (size_t class = 0; class < DIRECT_CLASSES; class ++)
        for (size_t k = 0; k < 3; k++) {
            enum direct_outcome why;
            /* A script of 32 bytes: 4 for the height, 14 for extranonces, 14 of tag. */
            assert_int_equal(
                payees_that_fit(&why, &t, (enum direct_class) class, kinds[k], 13),
                table[class][k]);
            assert_int_equal(why, DIRECT_BYTE_LIMIT);
        }
}

static void a_nodes_usual_reservation_has_room_for_57_outputs(void **state)
{
    (void)state;
    enum direct_outcome why;
    struct template t = template_of();
    t.sigops = 0;
    /* Of 57 P2WPKH or 41 P2TR outputs one is the pool's. */
    assert_int_equal(payees_that_fit(&why, &t, DIRECT_LARGE, ADDRESS_P2WPKH, 13), 56);
    assert_int_equal(why, DIRECT_WEIGHT_LIMIT);
    assert_int_equal(payees_that_fit(&why, &t, DIRECT_LARGE, ADDRESS_P2TR, 13), 40);
    t.weight = t.weight_limit; /* no room at all: the pool's output alone */
    assert_int_equal(payees_that_fit(&why, &t, DIRECT_LARGE, ADDRESS_P2TR, 13), 0);
}

static void signature_operations_of_old_outputs_are_counted(void **state)
{
    (void)state;
    enum direct_outcome why;
    struct template t = template_of();
    t.weight = 0;
    /* 400 left: a hundred old outputs, of which the pool's is one. */
    assert_int_equal(payees_that_fit(&why, &t, DIRECT_LARGE, ADDRESS_P2PKH, 0), 99);
    assert_int_equal(why, DIRECT_SIGOP_LIMIT);
    assert_int_equal(payees_that_fit(&why, &t, DIRECT_LARGE, ADDRESS_P2WPKH, 0), 204);
    t.has_witness_commitment = false; /* before segwit one operation counts as one */
    assert_int_equal(payees_that_fit(&why, &t, DIRECT_LARGE, ADDRESS_P2PKH, 0), 188);
    assert_int_equal(why, DIRECT_BYTE_LIMIT);
}

/* A node's template of that value without transactions; template_unref() it. */
static struct template *empty_template(int64_t value)
{
    struct template *t = NULL;
    char why[TEMPLATE_WHY_SIZE], ones[65] = {0};
    memset(ones, '1', 64);
    json_t *json =
        json_pack("{s:i, s:s, s:s, s:i, s:i, s:i, s:I, s:[], s:[s]}", "height", HEIGHT,
                  "previousblockhash", ones, "bits", "207fffff", "curtime", 1700000000,
                  "mintime", 1699990000, "version", 0x20000000, "coinbasevalue",
                  (json_int_t)value, "transactions", "rules", "!segwit");
    assert_int_equal(template_parse(&t, why, json, &(struct template_rules){0}), KZ_OK);
    json_decref(json);
    return t;
}

static void the_bytes_are_those_of_the_job_made_from_the_plan(void **state)
{
    (void)state;
    struct address a = address_of(ADDRESS_P2WPKH);
    struct template *t = empty_template(100000000);
    for (size_t class = 0; class < DIRECT_CLASSES; class ++) {
        struct direct_terms terms = terms_of(t->coinbase_value_sat, &a);
        struct direct_payee payees[MANY];
        struct job_output outputs[MANY + 1];
        struct direct_plan plan;
        struct job *job = NULL;
        char why[JOB_WHY_SIZE];
        const char *tag = class % 2 == 0 ? "/Kariz/" : "";
        struct job_spec spec = {.template = t, .tag = tag, .outputs = outputs};
        direct_room_init(&terms.room, t, (enum direct_class) class, strlen(tag));
        terms.minimum = amount_zero();
        for (unsigned i = 0; i < MANY; i++)
            payees[i] = payee_of(i, &a, 100000, 0);
        assert_int_equal(direct_plan(&plan, payees, MANY, &terms), KZ_OK);
        assert_int_equal(
            direct_outputs(outputs, MANY + 1, &spec.output_count, &plan, payees, &a),
            KZ_OK);
        assert_int_equal(job_new(&job, why, &spec), KZ_OK);
        size_t bytes = job->coinb1.len + JOB_EXTRANONCE_SIZE + job->coinb2.len;
        size_t most = terms.room.coinbase_bytes, part = terms.room.part_bytes;
        assert_true(bytes <= most && job->coinb2.len <= part);
        /* And one more would not have fitted (31 bytes, or 33 with a longer count). */
        assert_true(bytes + 33 > most || job->coinb2.len + 33 > part);
        job_unref(job);
        direct_plan_clear(&plan);
    }
    template_unref(t);
}

static void agents_are_classed_by_how_they_begin(void **state)
{
    (void)state;
    assert_int_equal(direct_class_of_agent("Antminer S21/1.0"), DIRECT_S21);
    assert_int_equal(direct_class_of_agent("Antminer S19j Pro"), DIRECT_ANTMINER);
    assert_int_equal(direct_class_of_agent("bosminer-plus 22.08"), DIRECT_S21);
    assert_int_equal(direct_class_of_agent("whatsminer/v1.0"), DIRECT_LARGE);
    assert_int_equal(direct_class_of_agent("bitaxe/BM1368"), DIRECT_SMALL);
    assert_int_equal(direct_class_of_agent("NiceHash/1.0.0"), DIRECT_SMALL);
    assert_int_equal(direct_class_of_agent(""), DIRECT_SMALL);
    assert_int_equal(direct_class_of_agent("not a whatsminer"), DIRECT_SMALL);
}

static void assert_plan_whole(const struct direct_plan *plan,
                              const struct direct_payee *payees, size_t count,
                              const struct direct_terms *terms)
{
    struct amount outputs = plan->pool;
    size_t paid = 0;
    assert_false(amount_is_negative(plan->pool));
    for (size_t i = 0; i < count; i++) {
        const struct direct_payee *p = &payees[i];
        struct amount before, after;
        assert_true(amount_add(&before, p->entitlement, p->carry));
        assert_true(amount_add(&after, p->paid, p->carry_after));
        assert_true(amount_add(&after, after, p->held_after));
        assert_int_equal(amount_compare(before, after), 0);
        assert_false(amount_is_negative(p->paid) || amount_is_negative(p->carry_after));
        assert_int_equal(p->outcome == DIRECT_PAID, !amount_is_zero(p->paid));
        assert_true(amount_add(&outputs, outputs, p->paid));
        paid += p->outcome == DIRECT_PAID ? 1 : 0;
    }
    assert_int_equal(amount_compare(outputs, terms->value), 0);
    assert_int_equal(paid, plan->paid_count);
}

static void random_payees(uint64_t *seed, struct direct_payee *payees, size_t count,
                          const struct address *addresses, struct amount value)
{
    int64_t left = amount_to_sat(value);
    for (size_t i = 0; i < count; i++) {
        int64_t e = (int64_t)random_below(seed, (uint64_t)left + 1);
        int64_t c = random_next(seed) % 2 == 0
                        ? 0
                        : (int64_t)random_below(seed, UINT64_C(400000000));
        left -= e;
        payees[i] = payee_of((unsigned)i, &addresses[random_next(seed) % 5], e, c);
        payees[i].minimum = sat((int64_t)random_below(seed, UINT64_C(1) << 24));
        if (random_next(seed) % 8 == 0)
            payees[i].hold = random_next(seed) % 2 == 0 ? DIRECT_HELD : DIRECT_FROZEN;
    }
}

static void random_plans_lose_no_satoshi_and_ignore_the_order(void **state)
{
    (void)state;
    uint64_t seed = SEED;
    struct address addresses[5];
    for (size_t i = 0; i < 5; i++)
        addresses[i] = address_of(types[i].type);
    for (int round = 0; round < 1500; round++) {
        struct direct_payee payees[MOST], mixed[MOST];
        struct direct_plan plan, again;
        size_t count = 1 + random_next(&seed) % MOST;
        struct direct_terms terms = terms_of(
            (int64_t)random_below(&seed, UINT64_C(5000000000)), &addresses[round % 5]);
        terms.mode = round % 4 == 0 ? DIRECT_NO_CARRY : DIRECT_FULL;
        terms.room.outputs = 1 + random_next(&seed) % MOST;
        terms.room.payee_bytes = random_next(&seed) % 1200;
        random_payees(&seed, payees, count, addresses, terms.value);
        for (size_t i = 0; i < count; i++) /* 37 shares no factor with 1 to 32 */
            mixed[(i * 37 + 3) % count] = payees[i];
        assert_int_equal(direct_plan(&plan, payees, count, &terms), KZ_OK);
        assert_plan_whole(&plan, payees, count, &terms);
        assert_true(plan.paid_count <= terms.room.outputs);
        assert_int_equal(direct_plan(&again, mixed, count, &terms), KZ_OK);
        assert_int_equal(plan.paid_count, again.paid_count);
        for (size_t i = 0; i < plan.paid_count; i++) {
            const struct direct_payee *a = &payees[plan.paid[i]];
            const struct direct_payee *b = &mixed[again.paid[i]];
            assert_true(miner_id_equal(&a->miner, &b->miner));
            assert_int_equal(amount_compare(a->paid, b->paid), 0);
        }
        direct_plan_clear(&plan);
        direct_plan_clear(&again);
    }
}

static void dust_is_what_the_network_calls_dust(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct address a = address_of(types[i].type);
        assert_true(amount_to_sat(direct_dust(&a, RELAY)) == types[i].dust);
        assert_true(amount_is_zero(direct_dust(&a, 0)));
    }
    json_t *file = vectors_json("accounting/coinbase_direct.json");
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        assert_true(number_at(json_object_get(file, "dust"), types[i].name) ==
                    types[i].dust);
        assert_int_equal(
            number_at(json_object_get(file, "output_bytes"), types[i].name),
            8 + 1 + types[i].script_len);
    }
    json_decref(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_specification_comes_out),
        cmocka_unit_test(nobody_to_pay_leaves_all_to_the_pool),
        cmocka_unit_test(held_frozen_and_addressless_miners_keep_what_is_theirs),
        cmocka_unit_test(carry_is_not_paid_before_our_own_blocks_are_accounted_for),
        cmocka_unit_test(the_mode_follows_what_is_known_of_our_own_blocks),
        cmocka_unit_test(a_rest_below_the_threshold_is_left_to_the_pool),
        cmocka_unit_test(nobody_gets_an_output_worth_nothing),
        cmocka_unit_test(amounts_that_cannot_be_are_refused),
        cmocka_unit_test(firmware_classes_take_what_the_specifications_table_says),
        cmocka_unit_test(the_253rd_output_makes_their_count_two_bytes_longer),
        cmocka_unit_test(a_nodes_usual_reservation_has_room_for_57_outputs),
        cmocka_unit_test(signature_operations_of_old_outputs_are_counted),
        cmocka_unit_test(the_bytes_are_those_of_the_job_made_from_the_plan),
        cmocka_unit_test(agents_are_classed_by_how_they_begin),
        cmocka_unit_test(random_plans_lose_no_satoshi_and_ignore_the_order),
        cmocka_unit_test(dust_is_what_the_network_calls_dust),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
