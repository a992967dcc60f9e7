/* stratum/jobs.h - the jobs a front thread can still judge shares of.
 *
 * A job is here in all its forms (job_set.h); a rig is sent the one of its firmware's
 * class, and what is said of a job below is said of all its forms at once: they come
 * together, grow stale together, count as one and share one set of judged shares, since
 * their coinbases, and so their hashes, differ.
 *
 * The newest is what rigs get. Jobs on the same previous block stay valid for
 * `job_seconds` after a newer one took their place. Jobs of an earlier block are stale,
 * but stay here for a while all the same: a late share may still be a block that is
 * first for the network. Bounded by limits.jobs, the oldest goes first; each has its
 * own set of judged shares, which goes with it.
 *
 * A form's notify line is rendered once for all sessions (and again when its ntime is to
 * move): a job id's generation and the one in coinb1 are two hex digits each at known
 * places, set in place before each write (offers.h).
 *
 * Ownership  holds references to each job's forms. Results are borrowed until the next add.
 * Thread     the front's. */
#ifndef STRATUM_JOBS_H
#define STRATUM_JOBS_H

#include "conf/clock.h"
#include "share/seen.h"
#include "stratum/job_set.h"
#include "stratum/out.h"

#define LIVE_JOB_BLOCKS 4

struct live_job {
    struct job_set forms;
    uint64_t serial; /* the set's: what offers.h calls the job */
    struct seen *seen;
    uint32_t tip; /* counts previous blocks */
    struct monotime added;
    struct monotime replaced; /* by a newer one of the same block; 0: is the newest */
    /* The last blocks that were found of it: a rig may send one again and again. */
    struct hash256 blocks[LIVE_JOB_BLOCKS];
    uint32_t block_count; /* ever */
};

struct jobs;

/* At most `capacity` (>= 2) jobs, each with up to `shares_per_job` judged shares. */
struct jobs *jobs_new(size_t capacity, size_t shares_per_job);
void jobs_free(struct jobs *j);

/* References the job, which is the newest from now on. `clean_jobs`: on a new block. */
void jobs_add(struct jobs *j, const struct job_set *forms, bool clean_jobs,
              struct monotime now);
/* NULL until the first. */
struct live_job *jobs_newest(struct jobs *j);
/* By the serial of one of its forms, which is *form then; NULL: unknown. */
struct live_job *jobs_find(struct jobs *j, const struct job **form, uint64_t serial);
/* Its previous block is the tip and it is not older than `job_seconds`. */
bool jobs_is_current(const struct jobs *j, const struct live_job *l,
                     uint32_t job_seconds, struct monotime now);
uint64_t jobs_oldest_serial(const struct jobs *j);

/* Drops jobs nobody can need: too old, or of an earlier block for long enough. */
void jobs_expire(struct jobs *j, uint32_t job_seconds, struct monotime now);

/* mining.notify of the newest job, in the form of `class`, for a session whose
 * generation is `generation`, with an ntime that moves with the clock. Valid until the
 * next call. */
struct bytes jobs_notify(struct jobs *j, enum direct_class class, uint8_t generation,
                         bool clean_jobs, struct monotime now);

/* "1a2b05": serial 1a2b, generation 05; either case. */
KZ_MUST_USE enum kz_err jobs_parse_id(uint64_t *serial, uint8_t *generation,
                                      const char *text, size_t len);

#endif
