/* pool/refresh.h - job refresh: a template in, a job out to every rig.
 *
 * A template on a new tip becomes a job at once, with clean_jobs; one with other content
 * on the same tip becomes a job without it; one that says nothing new is left, until the
 * job has lived half its time (a rig must never be left with one that expires). A job
 * that cannot be made (weight, sigops) is refused with a log line and the last one stays.
 *
 * With payout.direct and a snapshot of the accounts (payout/snapshot.h) the coinbase pays
 * miners, in the form that each rig's firmware takes (forms.h). Whether carry may be paid
 * depends on our own blocks below the job, which is asked of a hook for each job; without
 * a hook, or when the setting is off, the pool's own output takes all. A new snapshot, or
 * another answer of the hook, makes a new job with the next template, or at once.
 *
 * The pool's own output goes to the script of the job's height (payout/pool_output.h).
 *
 * The block of a new tip's first job, nonce and extranonce zero, is proposed to the node
 * in the background (BIP23 "proposal"): whatever a node would refuse of our coinbase is
 * known before a rig finds it. Of several forms the one with the most outputs is proposed;
 * if the node refuses it, the pool alone is paid until the tip changes.
 *
 * Ownership  the parts are borrowed.   Thread  control. */
#ifndef POOL_REFRESH_H
#define POOL_REFRESH_H

#include "conf/conf.h"
#include "payout/snapshot.h"
#include "pool/node.h"
#include "stratum/server.h"

struct refresh;

/* KZ_RANGE: the settings' coinbase address or descriptor is not one of the network's. */
KZ_MUST_USE enum kz_err refresh_new(struct refresh **out, struct event_base *base,
                                    const struct conf *conf);
void refresh_free(struct refresh *r); /* NULL accepted */

/* Both start later than this object. Until then templates make no jobs. */
void refresh_set_parts(struct refresh *r, struct stratum_server *stratum,
                       struct nodes *nodes);

/* Options of a reload: how long jobs live, payout.direct*, listeners' coinbases. The next
 * template makes a job by them. */
void refresh_set_options(struct refresh *r, const struct conf *conf);

/* Who is paid from the next job on: a reference is taken; NULL: nobody. `now`: new jobs
 * at once, without clean_jobs; for a hold, release or address change, which the jobs out
 * there would get wrong. */
void refresh_set_snapshot(struct refresh *r, const struct snapshot *s, bool now);

/* What is known of our own blocks, for a job on `prev` under `s`. */
struct refresh_standing {
    bool accounted; /* `s` has each own block of the chain up to `prev` */
    bool doubt;     /* anything that is not known for certain */
};
struct refresh_hooks {
    void *ctx;
    struct refresh_standing (*on_standing)(void *ctx, const struct snapshot *s,
                                           const struct hash256 *prev);
};
/* Until it is set there is doubt. */
void refresh_set_hooks(struct refresh *r, const struct refresh_hooks *hooks);

/* Node hooks. */
void refresh_on_template(struct refresh *r, struct template *t, bool new_tip);
void refresh_on_proposal(struct refresh *r, size_t node, const char *answer);

/* {"job_id", "height", "jobs", "refused", "job_age_ms", "proposal", "forms", "snapshot",
 * "payees"}: of the job in force, how many coinbases it has, the id of its snapshot (0:
 * none) and how many miners its fullest coinbase pays. The caller owns it. */
json_t *refresh_status(const struct refresh *r);

#endif
