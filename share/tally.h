/* share/tally.h - judged shares added up per (miner, worker, minute), in memory.
 *
 * What the store gathers between two batches. Entries come out in the order in which
 * their keys first appeared. Bounded by the number of distinct keys: a full tally
 * answers KZ_BUSY and is unchanged, so the caller keeps the record and tries again
 * after it has taken something out.
 *
 * Units      work in the network's work units; no entry's work passes TALLY_WORK_MAX,
 *            so that it fits the script's 18 digits.
 * Ownership  records are copied.
 * Thread     one at a time, whichever. Pure: no I/O, lock or clock. */
#ifndef SHARE_TALLY_H
#define SHARE_TALLY_H

#include "share/record.h"

#define TALLY_WORK_MAX     UINT64_C(900000000000000000)
#define TALLY_REASON_MAX   31
#define TALLY_REFUSALS_MAX 256 /* distinct (reason, hour) */

struct tally_entry {
    struct miner_id miner;
    struct worker_name worker;
    int64_t minute; /* Unix minutes */
    uint64_t work;
    uint64_t accepted;
    uint64_t refused;
    uint32_t by_verdict[SHARE_VERDICTS]; /* of refused: how many of each */
    double best;                         /* difficulty of the best accepted hash */
    int64_t last_ms;                     /* of the last accepted share, 0: none */
};

struct tally_refusal {
    char reason[TALLY_REASON_MAX + 1];
    int64_t hour; /* Unix hours */
    uint64_t count;
};

struct tally;

/* `seed` makes the table's order unknown to who chooses worker names. */
struct tally *tally_new(size_t max_entries, uint64_t seed);
void tally_free(struct tally *t);

/* An accepted share's work is credited; any other is counted as refused, by its verdict.
 * KZ_BUSY: full, or the entry's work would pass TALLY_WORK_MAX. */
KZ_MUST_USE enum kz_err tally_add(struct tally *t, const struct share_record *r);
/* A refusal without a miner. KZ_BUSY: too many distinct reasons. */
KZ_MUST_USE enum kz_err tally_refuse(struct tally *t, const char *reason,
                                     int64_t time_ms, uint64_t count);

bool tally_is_empty(const struct tally *t);
const struct tally_entry *tally_entries(const struct tally *t, size_t *count);
const struct tally_refusal *tally_refusals(const struct tally *t, size_t *count);
/* Empties it; keeps at most a modest amount of memory. */
void tally_clear(struct tally *t);

#endif
