/* stratum/vardiff.h - how hard a rig's shares should be, learnt from the shares it
 * sends.
 *
 * Shares of a rig at a fixed difficulty arrive as a Poisson process. Two questions are
 * kept apart:
 *
 *   Has the rate changed? Four cumulative sums of log-likelihood ratios (CUSUM) test
 * "the rate is k times the wanted one" for k = 2, 8, 1/2, 1/8. Each remembers the run
 * of shares it is about, so when one passes its threshold the run is the evidence for
 * the new estimate. Noise passes a threshold once in days; a factor of 8 up passes
 * within seconds, and one down within a minute. This also is the fast start, and
 * silence is evidence like any other.
 *
 *   How large is it? Within an era (since the last change) count / exposure is the
 *   best estimate that exists; it is looked at each time the count has grown by half,
 * so corrections shrink and become rare. While an era has few shares (64: about a
 * minute) four times the wanted rate is aimed at: shares are the only way to learn.
 *
 * Units      difficulty as the wire has it; times in struct monotime.
 * Ownership  a plain struct in the session.
 * Thread     the session's. Pure: `now` is handed in. */
#ifndef STRATUM_VARDIFF_H
#define STRATUM_VARDIFF_H

#include "conf/clock.h"

#include <stdbool.h>
#include <stdint.h>

struct vardiff_rules {
    double per_minute; /* the aim, > 0 */
    double minimum, maximum;
};

/* Evidence for one hypothesis, from where its sum last was 0. */
struct vardiff_run {
    float sum;
    float count;    /* shares, in shares of the present difficulty */
    float exposure; /* seconds at the present difficulty */
};

#define VARDIFF_RUNS 4

struct vardiff {
    double difficulty;    /* in force */
    double count;         /* shares of this era, in shares of the present difficulty */
    double exposure;      /* seconds of this era, weighted to the present difficulty */
    double next_look;     /* at this count the estimate is looked at */
    struct monotime seen; /* exposure is counted up to here */
    struct monotime changed; /* last change */
    struct vardiff_run run[VARDIFF_RUNS];
    bool has_shares;  /* ever */
    uint8_t silences; /* lowered for silence, in a row, before any share */
};

/* Starts (again), knowing nothing, with `difficulty` in force. */
void vardiff_init(struct vardiff *v, double difficulty, struct monotime now);

/* An accepted share that was credited `difficulty` (an older job's may differ). */
void vardiff_share(struct vardiff *v, const struct vardiff_rules *rules,
                   double difficulty, struct monotime now);

/* Asked after shares and every second or so: true when `*wanted` (within the bounds,
 * not rounded) should come into force. The caller rounds, announces, and tells the
 * outcome through vardiff_changed(). */
bool vardiff_wants(struct vardiff *v, const struct vardiff_rules *rules,
                   struct monotime now, double *wanted);

/* `difficulty` is in force from now on; what was learnt is kept. */
void vardiff_changed(struct vardiff *v, double difficulty, struct monotime now);

/* Hashes a second; 0 while unknown. */
double vardiff_hashrate(const struct vardiff *v);

#endif
