/* stratum/job_set.h - one job in the forms that rigs' firmware takes.
 *
 * The same template, time and entitlements with a coinbase for each firmware class: a
 * struct job each, with an id of its own. Classes whose coinbase is the same share one
 * struct job; while no miner is paid by the coinbase that is all of them. The class of
 * DIRECT_SMALL is made first, so its id is the lowest of the set and names the set.
 *
 * Ownership  a plain value that holds a reference for each class: give it back with
 *            job_set_unref(), which leaves zeros and accepts them.
 * Thread     any. Pure. */
#ifndef STRATUM_JOB_SET_H
#define STRATUM_JOB_SET_H

#include "payout/direct.h"
#include "share/job.h"

struct job_set {
    struct job *of[DIRECT_CLASSES]; /* NULL all, or none */
};

/* The same job for every class; references it. */
struct job_set job_set_of(const struct job *job);
struct job_set job_set_ref(const struct job_set *set);
void job_set_unref(struct job_set *set);

/* Of what is the same in all of them: its previous block, its target. */
const struct job *job_set_any(const struct job_set *set);

uint64_t job_set_serial(const struct job_set *set);      /* the lowest */
uint64_t job_set_last_serial(const struct job_set *set); /* the highest */
/* The first class that has the same job as `class`. */
enum direct_class job_set_first_class(const struct job_set *set,
                                      enum direct_class class);
/* NULL: none of this set has that serial. */
const struct job *job_set_find(const struct job_set *set, uint64_t serial);
/* Is it the form of one of `classes`, a bit each? */
bool job_set_is_form(const struct job_set *set, const struct job *job,
                     uint32_t classes);
/* Different jobs in it. */
size_t job_set_count(const struct job_set *set);

#endif
