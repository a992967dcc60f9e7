#include "stratum/vardiff.h"

#include <math.h>
#include <string.h>

#define HASHES_PER_DIFFICULTY 4294967296.0

/* A sum passes by chance about once in e^threshold shares. More is asked before an
 * estimate that many shares stand behind is thrown away; while learning, looking again
 * corrects small errors, so only the tests for a factor of 8 count. */
#define THRESHOLD_LEARNING 10.0F
#define THRESHOLD_KNOWN    13.0F

#define LEARN_COUNT   64.0 /* below: the aim is multiplied */
#define LEARN_FACTOR  4.0
#define FIRST_LOOK    8.0
#define LOOK_GROWTH   1.5
#define MIN_EVIDENCE  0.25 /* seconds: shares of one packet tell no rate */
#define MIN_INTERVAL  1000 /* ms between changes */
#define DEAD_BAND     0.10 /* of a change by estimate, as a logarithm */
#define SURE_SIGMAS   3.0  /* once much is known, only what is improbable moves it */
#define CHOSEN_KEPT   4.0  /* shares: the weight of a run in the era it begins */
#define COUNT_KEPT    400.0
#define GAIN_MAX      1048576.0 /* one step up, at most */
#define FIRST_SILENCE 16.0

/* Log-likelihood ratio of "k times the aim": ln k a share, -(k - 1) an expected one. */
struct hypothesis {
    float per_share, per_expected;
    bool up, is_gross;
};
static const struct hypothesis hypotheses[VARDIFF_RUNS] = {
    {0.69314718F, -1.0F, true, false},
    {2.07944154F, -7.0F, true, true},
    {-0.69314718F, 0.5F, false, false},
    {-2.07944154F, 0.875F, false, true},
};

void vardiff_init(struct vardiff *v, double difficulty, struct monotime now)
{
    *v = (struct vardiff){.difficulty = difficulty,
                          .next_look = FIRST_LOOK,
                          .seen = now,
                          .changed = {now.ns - MIN_INTERVAL * INT64_C(1000000)}};
}

/* Shares a second that are wanted now. */
static double aim(const struct vardiff *v, const struct vardiff_rules *rules)
{
    double per_second = rules->per_minute / 60.0;
    return v->count < LEARN_COUNT ? per_second * LEARN_FACTOR : per_second;
}

static void run_add(struct vardiff_run *r, const struct hypothesis *h, float shares,
                    float seconds, float expected)
{
    r->sum += shares * h->per_share + expected * h->per_expected;
    r->count += shares;
    r->exposure += seconds;
    if (r->sum <= 0.0F)
        *r = (struct vardiff_run){0};
}

static void vardiff_add(struct vardiff *v, const struct vardiff_rules *rules,
                        double shares, struct monotime now)
{
    double seconds = (double)(now.ns - v->seen.ns) / 1e9;
    double expected = seconds * aim(v, rules);
    v->seen = now;
    for (size_t i = 0; i < VARDIFF_RUNS; i++)
        run_add(&v->run[i], &hypotheses[i], (float)shares, (float)seconds,
                (float)expected);
    bool was_learning = v->count < LEARN_COUNT;
    v->count += shares;
    v->exposure += seconds;
    if (was_learning && v->count >= LEARN_COUNT) {
        /* The aim falls: a look at once, or that would be taken for a change. */
        v->next_look = v->count;
        memset(v->run, 0, sizeof(v->run));
    }
    if (v->count > COUNT_KEPT) { /* forget slowly, to follow drift */
        v->count /= 2;
        v->exposure /= 2;
        v->next_look = v->count * LOOK_GROWTH;
    }
}

void vardiff_share(struct vardiff *v, const struct vardiff_rules *rules,
                   double difficulty, struct monotime now)
{
    v->has_shares = true;
    v->silences = 0;
    vardiff_add(v, rules, difficulty / v->difficulty, now);
}

/* The run that has passed its threshold with enough time behind it, or NULL. */
static const struct vardiff_run *detected(const struct vardiff *v, bool *up)
{
    bool learning = v->count < LEARN_COUNT;
    float threshold = learning ? THRESHOLD_LEARNING : THRESHOLD_KNOWN;
    for (size_t i = VARDIFF_RUNS; i-- > 0;) {
        const struct vardiff_run *r = &v->run[i];
        if ((!learning || hypotheses[i].is_gross) && r->sum > threshold &&
            r->exposure >= (float)MIN_EVIDENCE) {
            *up = hypotheses[i].up;
            return r;
        }
    }
    return NULL;
}

/* A new era begins with the evidence of the run that ended the old one. */
static double new_era(struct vardiff *v, const struct vardiff_rules *rules,
                      const struct vardiff_run *r, bool up)
{
    double count = (double)r->count, exposure = (double)r->exposure;
    bool silent = !up && count < 0.5;
    /* A run is chosen for being extreme, so its own rate exaggerates: one share at the
     * wanted rate is added as what was believed before. A flood still jumps far, and is
     * measured better a second later. */
    count += up ? 0.0 : 0.5;
    exposure += up ? 1.0 / aim(v, rules) : 0.0;
    double rate = count / exposure;
    double kept = fmin(1.0, CHOSEN_KEPT / count);
    v->count = count * kept;
    v->exposure = exposure * kept;
    v->next_look = fmax(v->count * LOOK_GROWTH, FIRST_LOOK);
    memset(v->run, 0, sizeof(v->run));
    double wanted = v->difficulty * fmin(rate / aim(v, rules), GAIN_MAX);
    if (silent && !v->has_shares) {
        /* Never a share: the start may be out by any factor, so steps grow. */
        if (v->silences < 6)
            v->silences++;
        double step = pow(FIRST_SILENCE, 0.5 + 0.5 * v->silences);
        wanted = fmin(wanted, v->difficulty / step);
    }
    return wanted;
}

/* The era's estimate, when it is time to look at it and it is far enough off. */
static bool refine(struct vardiff *v, const struct vardiff_rules *rules, double *wanted)
{
    if (v->count < v->next_look || v->exposure < MIN_EVIDENCE)
        return false;
    v->next_look = v->count * LOOK_GROWTH;
    double ratio = v->count / v->exposure / aim(v, rules);
    double off = fabs(log(ratio));
    /* The end of learning (the aim falls) counts as known, not as noise. */
    bool sure =
        v->count < LEARN_COUNT * LOOK_GROWTH || off * sqrt(v->count) > SURE_SIGMAS;
    *wanted = v->difficulty * ratio;
    return off > DEAD_BAND && sure;
}

static double clamp(double d, const struct vardiff_rules *rules)
{
    return fmax(rules->minimum, fmin(rules->maximum, d));
}

bool vardiff_wants(struct vardiff *v, const struct vardiff_rules *rules,
                   struct monotime now, double *wanted)
{
    vardiff_add(v, rules, 0.0, now);
    if (monotime_ms_between(v->changed, now) < MIN_INTERVAL)
        return false;
    bool up;
    const struct vardiff_run *r = detected(v, &up);
    double d;
    if (r != NULL)
        d = new_era(v, rules, r, up);
    else if (!refine(v, rules, &d))
        return false;
    d = clamp(d, rules);
    if (fabs(log(d / v->difficulty)) < DEAD_BAND / 2)
        return false;
    *wanted = d;
    return true;
}

void vardiff_changed(struct vardiff *v, double difficulty, struct monotime now)
{
    /* Expressed in the new difficulty, n shares at the old are n * old / new, and so is
     * the time it would have taken: the estimate's precision is in its count, so that
     * stays, and the exposure is scaled. */
    v->exposure *= difficulty / v->difficulty;
    v->difficulty = difficulty;
    v->changed = now;
    memset(v->run, 0, sizeof(v->run));
}

double vardiff_hashrate(const struct vardiff *v)
{
    if (v->count < 1.0 || v->exposure <= 0.0)
        return 0.0;
    return v->count / v->exposure * v->difficulty * HASHES_PER_DIFFICULTY;
}
