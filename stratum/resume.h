/* stratum/resume.h - ended sessions that may come back, on one front thread.
 *
 * Keeps for each what a rig expects to find again: its extranonce1, its difficulty, and
 * which jobs it was sent, so that work under way is still good. Bounded in number and
 * time; the oldest goes first, and its extranonce value is free again.
 *
 * Why a rig must come back to the same front: the sets of judged shares are per front
 * and job. A session that took its extranonce1 along to another front could hand in the
 * same shares again there. So the session moves to the front whose table holds it
 * (front.h), or gets a fresh extranonce1.
 *
 * Ownership  entries are copied; the table owns the extranonce value of each.
 * Thread     the front's. Pure. */
#ifndef STRATUM_RESUME_H
#define STRATUM_RESUME_H

#include "conf/clock.h"
#include "stratum/extranonce.h"
#include "stratum/offers.h"

struct resume_entry {
    uint32_t extranonce; /* 24 bits */
    uint64_t secret;     /* random part of the sid */
    struct monotime ended;
    struct difficulty difficulty;
    struct offer offered;
    uint8_t classes; /* bits: which forms of those jobs (job_set.h) it was sent */
};

struct resume_table;

/* `pool` is borrowed; values come back to it. At most `capacity` (> 0) entries. */
struct resume_table *resume_new(struct extranonces *pool, size_t capacity);
void resume_free(struct resume_table *t);

void resume_put(struct resume_table *t, const struct resume_entry *e);
/* Takes the entry out; its extranonce value is the caller's then. A sid names the
 * `secret` too; NULL: any. KZ_EMPTY: none. */
KZ_MUST_USE enum kz_err resume_take(struct resume_table *t, struct resume_entry *out,
                                    uint32_t extranonce, const uint64_t *secret);
/* Drops what ended before `limit`. */
void resume_expire(struct resume_table *t, struct monotime limit);
/* Drops the oldest; false when there is none. */
bool resume_drop_oldest(struct resume_table *t);
size_t resume_count(const struct resume_table *t);

#endif
