/* Simulated rigs: shares arrive at random, with the rate that hash rate and difficulty
 * make; the generator's seed is fixed, so every run is the same run. */
#include "share/target.h"
#include "stratum/vardiff.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define PER_MINUTE 18.0
#define SETTLED_S  180
#define WATCHED_S  1800
#define SEEDS      24

static const struct vardiff_rules rules = {PER_MINUTE, 1e-9, 1e15};

/* xorshift64*: small, and the same everywhere. */
struct random {
    uint64_t state;
};

static double random_unit(struct random *r)
{
    r->state ^= r->state >> 12;
    r->state ^= r->state << 25;
    r->state ^= r->state >> 27;
    return ((double)(r->state * 0x2545f4914f6cdd1du >> 11) + 0.5) / 9007199254740992.0;
}

struct rig {
    struct vardiff v;
    struct random random;
    double hashrate;
    double now_s;
    double next_share_s;
    int changes;
    double off_s; /* seconds spent off the aim by more than 40 %, since cleared */
    uint64_t shares;
};

static struct monotime at(double seconds)
{
    return (struct monotime){(int64_t)(seconds * 1e9)};
}

static double share_rate(const struct rig *r)
{
    return r->hashrate / (r->v.difficulty * 4294967296.0);
}

/* Shares a minute as they are on average, against the aim. */
static double ratio(const struct rig *r)
{
    return share_rate(r) * 60.0 / PER_MINUTE;
}

/* Without memory, so it may be drawn again whenever the rate changes. */
static void draw(struct rig *r)
{
    r->next_share_s = r->now_s - log(random_unit(&r->random)) / share_rate(r);
}

static void rig_init(struct rig *r, double hashrate, double difficulty, uint64_t seed)
{
    /* Rigs of other sizes have other luck: shares of scaled runs would be the same. */
    uint64_t mixed =
        seed * 0x9e3779b97f4a7c15u ^ (uint64_t)hashrate * 0xd6e8feb86659fd93u;
    *r = (struct rig){.random = {mixed | 1}, .hashrate = hashrate};
    for (int i = 0; i < 8; i++)
        random_unit(&r->random);
    vardiff_init(&r->v, difficulty, at(0));
    draw(r);
}

static void ask(struct rig *r)
{
    double wanted;
    if (!vardiff_wants(&r->v, &rules, at(r->now_s), &wanted))
        return;
    double d = difficulty_to_double(difficulty_from_double(wanted));
    if (d == r->v.difficulty)
        return;
    vardiff_changed(&r->v, d, at(r->now_s));
    r->changes++;
    draw(r);
}

/* Shares when they come, a tick every second, until `end_s`. */
static void run(struct rig *r, double end_s)
{
    double tick_s = floor(r->now_s) + 1.0;
    while (r->now_s < end_s) {
        if (r->next_share_s < tick_s) {
            r->now_s = r->next_share_s;
            vardiff_share(&r->v, &rules, r->v.difficulty, at(r->now_s));
            r->shares++;
            draw(r);
        } else {
            r->now_s = tick_s;
            tick_s += 1.0;
            r->off_s += ratio(r) < 0.6 || ratio(r) > 1.4 ? 1.0 : 0.0;
        }
        ask(r);
    }
}

struct outcome {
    int runs, within_30, within_60;
    int changes_after, quiet;
    double off_s;
    uint64_t max_shares;
};

static void judge(struct outcome *o, struct rig *r, double from_s)
{
    run(r, from_s + SETTLED_S);
    double off = ratio(r);
    o->runs++;
    o->within_30 += off > 0.7 && off < 1.3;
    o->within_60 += off > 0.4 && off < 1.6;
    if (r->shares > o->max_shares)
        o->max_shares = r->shares;
    r->changes = 0;
    r->off_s = 0;
    run(r, from_s + SETTLED_S + WATCHED_S);
    o->changes_after += r->changes;
    o->quiet += r->changes <= 2;
    o->off_s += r->off_s;
}

static void print_outcome(const char *name, const struct outcome *o)
{
    print_message(
        "%s: %d runs; after 3 minutes %.1f%% within 30%%, %.1f%% within 60%%; "
        "in the half hour after that %.2f changes, %.1f%% had at most 2, "
        "%.2f%% of the time off by more than 40%%; most shares so far %llu\n",
        name, o->runs, 100.0 * o->within_30 / o->runs, 100.0 * o->within_60 / o->runs,
        (double)o->changes_after / o->runs, 100.0 * o->quiet / o->runs,
        100.0 * o->off_s / o->runs / WATCHED_S, (unsigned long long)o->max_shares);
}

/* Three minutes at the aim are 54 shares, whose own deviation is 14 %: no rule can hold
 * every single run within 30 % of what cannot be known better. So: 96 % of the runs
 * within 30 %, 99 % within 60 %. No oscillation means, in the half hour that follows:
 * one change on average at most, at most two in 95 % of the runs (the rest learnt anew
 * after a rare false alarm), and 99 % of the time within 40 % of the aim. */
static void assert_outcome(const char *name, const struct outcome *o)
{
    print_outcome(name, o);
    assert_true(o->within_30 >= 0.96 * o->runs);
    assert_true(o->within_60 >= 0.99 * o->runs);
    assert_true(o->changes_after <= 1.0 * o->runs);
    assert_true(o->quiet >= 0.95 * o->runs);
    assert_true(o->off_s <= 0.01 * o->runs * WATCHED_S);
}

static void rigs_of_all_sizes_settle_within_three_minutes(void **state)
{
    (void)state;
    struct outcome o = {0};
    for (double hashrate = 50e3; hashrate < 600e12; hashrate *= sqrt(10.0)) {
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            struct rig r;
            rig_init(&r, hashrate, 8192, seed);
            judge(&o, &r, 0);
        }
    }
    assert_outcome("start at 8192", &o);
}

static void a_start_near_the_truth_stays_there(void **state)
{
    (void)state;
    struct outcome o = {0};
    for (double factor = 0.25; factor < 4.5; factor *= 1.26) {
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            struct rig r;
            double right = 100e12 / 4294967296.0 * 60.0 / PER_MINUTE;
            rig_init(&r, 100e12, right * factor, seed + 100);
            judge(&o, &r, 0);
        }
    }
    assert_outcome("start within a factor of 4", &o);
}

static void steps_of_ten_settle_within_three_minutes(double step, const char *name)
{
    struct outcome o = {0};
    for (double hashrate = 500e3; hashrate < 60e12; hashrate *= 10) {
        for (uint64_t seed = 1; seed <= 2 * SEEDS; seed++) {
            struct rig r;
            rig_init(&r, hashrate, 8192, seed + 1000);
            run(&r, 1200);
            r.hashrate *= step;
            r.shares = 0;
            draw(&r);
            judge(&o, &r, 1200);
        }
    }
    assert_outcome(name, &o);
}

static void ten_times_the_hashrate_settles_within_three_minutes(void **state)
{
    (void)state;
    steps_of_ten_settle_within_three_minutes(10.0, "step x10");
}

static void a_tenth_of_the_hashrate_settles_within_three_minutes(void **state)
{
    (void)state;
    steps_of_ten_settle_within_three_minutes(0.1, "step /10");
}

static void a_huge_rig_at_a_tiny_difficulty_floods_for_a_moment_only(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, 10e15, 8192, 7);
    run(&r, 5);
    assert_true(ratio(&r) < 8.0);
    assert_true(r.shares < 1000);
}

static void silence_lowers_the_difficulty(void **state)
{
    (void)state;
    struct vardiff v;
    double wanted = 0;
    vardiff_init(&v, 8192, at(0));
    double s = 0;
    while (s < 60 && !vardiff_wants(&v, &rules, at(s), &wanted))
        s += 1;
    assert_true(s >= 5 && s < 30);
    assert_true(wanted <= 8192 / 4.0);
}

static void the_bounds_hold_and_are_no_reason_to_change(void **state)
{
    (void)state;
    struct vardiff_rules narrow = {PER_MINUTE, 512, 1024};
    struct vardiff v;
    double wanted = 0;
    vardiff_init(&v, 1024, at(0));
    for (double s = 0; s < 100; s += 1) {
        if (vardiff_wants(&v, &narrow, at(s), &wanted)) {
            assert_true(wanted >= 512);
            vardiff_changed(&v, wanted, at(s));
        }
    }
    assert_true(v.difficulty == 512);
    assert_false(vardiff_wants(&v, &narrow, at(200), &wanted));
}

static void shares_of_an_easier_job_count_for_less(void **state)
{
    (void)state;
    struct vardiff a, b;
    vardiff_init(&a, 1000, at(0));
    vardiff_init(&b, 1000, at(0));
    for (int i = 1; i <= 40; i++) {
        vardiff_share(&a, &rules, 1000, at(i));
        for (int k = 0; k < 4; k++)
            vardiff_share(&b, &rules, 250, at(i));
    }
    assert_true(fabs(vardiff_hashrate(&a) / vardiff_hashrate(&b) - 1.0) < 0.01);
}

static void the_hashrate_is_estimated(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, 100e12, 8192, 3);
    assert_true(vardiff_hashrate(&r.v) == 0.0);
    run(&r, 1800);
    assert_true(fabs(vardiff_hashrate(&r.v) / 100e12 - 1.0) < 0.25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rigs_of_all_sizes_settle_within_three_minutes),
        cmocka_unit_test(a_start_near_the_truth_stays_there),
        cmocka_unit_test(ten_times_the_hashrate_settles_within_three_minutes),
        cmocka_unit_test(a_tenth_of_the_hashrate_settles_within_three_minutes),
        cmocka_unit_test(a_huge_rig_at_a_tiny_difficulty_floods_for_a_moment_only),
        cmocka_unit_test(silence_lowers_the_difficulty),
        cmocka_unit_test(the_bounds_hold_and_are_no_reason_to_change),
        cmocka_unit_test(shares_of_an_easier_job_count_for_less),
        cmocka_unit_test(the_hashrate_is_estimated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
