/* pool/refresh.h - job refresh: a template in, a job out to every rig.
 *
 * A template on a new tip becomes a job at once, with clean_jobs; one with other content
 * on the same tip becomes a job without it; one that says nothing new is left, until the
 * job has lived half its time (a rig must never be left with one that expires). A job
 * that cannot be made (weight, sigops) is refused with a log line and the last one stays.
 *
 * The block of a new tip's first job, nonce and extranonce zero, is proposed to the node
 * in the background (BIP23 "proposal"): whatever a node would refuse of our coinbase is
 * known before a rig finds it.
 *
 * Ownership  the parts are borrowed.   Thread  control. */
#ifndef POOL_REFRESH_H
#define POOL_REFRESH_H

#include "conf/conf.h"
#include "pool/node.h"
#include "stratum/server.h"

struct refresh;

/* KZ_RANGE: the settings' coinbase address is not one of the network's. */
KZ_MUST_USE enum kz_err refresh_new(struct refresh **out, struct event_base *base,
                                    const struct conf *conf);
void refresh_free(struct refresh *r); /* NULL accepted */

/* Both start later than this object. Until then templates make no jobs. */
void refresh_set_parts(struct refresh *r, struct stratum_server *stratum,
                       struct nodes *nodes);

/* Options of a reload: how long jobs live. */
void refresh_set_job_seconds(struct refresh *r, uint32_t job_seconds);

/* Node hooks. */
void refresh_on_template(struct refresh *r, struct template *t, bool new_tip);
void refresh_on_proposal(struct refresh *r, size_t node, const char *answer);

/* {"job_id", "height", "jobs", "refused", "job_age_ms", "proposal"}; the caller owns. */
json_t *refresh_status(const struct refresh *r);

#endif
