/* stratum/offers.h - which jobs a session was sent, and at which difficulty.
 *
 * The target of a share is the easiest that was in force since its job was sent, fixed
 * by session and job alone (stratum-v1 part 2). A raise therefore needs different work:
 * if one piece of work could be handed in under two difficulties, a rig would choose
 * after seeing the hash, and be paid more than it worked. Waiting for the next template
 * would leave a fast rig flooding us for minutes where the mempool is empty. So each
 * time a job goes to a session AGAIN, its generation, a byte that stands before
 * extranonce1 in the coinbase (share/job.h), is one higher: new work from the same job
 * object, with nothing shared to compute again. Rigs see a new job id (the serial and
 * two hex digits of generation) and a coinb1 that ends differently. A rig whose
 * extranonce2 starts from 0 at each notify makes no duplicates either.
 *
 * A job's serial here is that of the set of its forms (job_set.h): a session is sent one
 * form of each job, by its firmware's class, and which one is not kept here.
 *
 * The history is bounded: neighbours with the same target are one entry, and when it is
 * full the two oldest become one at the easier of their difficulties, so no retarget
 * ever rejects a share.
 *
 * Ownership  a plain struct in the session. Thread: the session's. Pure. */
#ifndef STRATUM_OFFERS_H
#define STRATUM_OFFERS_H

#include "share/target.h"

#define OFFERS_MAX 6

/* Jobs first_serial..last_serial sent under generations first_generation.. + span. */
struct offer {
    uint64_t first_serial, last_serial;
    struct difficulty easiest; /* in force at any moment since */
    uint8_t first_generation;
    uint8_t span;
};

struct offers {
    struct offer at[OFFERS_MAX]; /* oldest first */
    uint8_t count;
    uint8_t generation; /* of the last job sent */
};

/* A job goes out with difficulty `d` in force: its generation. Serials never fall;
 * those below `oldest_serial` are gone from the front's table and are forgotten. */
uint8_t offers_send(struct offers *o, uint64_t serial, struct difficulty d,
                    uint64_t oldest_serial);

/* `d` was announced: jobs sent earlier are judged by it where it is easier. */
void offers_retarget(struct offers *o, struct difficulty d);

/* KZ_EMPTY: this job was not sent to this session under that generation. */
KZ_MUST_USE enum kz_err offers_find(const struct offers *o, struct difficulty *easiest,
                                    uint64_t serial, uint8_t generation);

/* All in one entry at the easiest of all: what is kept of an ended session. */
struct offer offers_summary(const struct offers *o);
void offers_restore(struct offers *o, const struct offer *summary);

#endif
