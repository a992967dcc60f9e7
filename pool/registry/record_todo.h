/* pool/registry/record_todo.h - what waits for a person, of all miners.
 *
 * Each is {"miner_id", "what", "state", "by", "at", "until", "note"}, members that have
 * nothing to say left out. `until` is a time or a day; what is behind it already has
 * "late": true. In this order of `what`:
 *
 *   urgent      an urgent suspension that a second officer has to confirm
 *   proposal    something another person has to confirm, or withdraw; `note`: what
 *   application submitted: an officer decides
 *   name        a word in an applicant's name that a person has to judge. Of a person's
 *               name nothing is known here: it is in the vault
 *   screening   a list has somebody like that: a person decides
 *   grace       restricted for longer than the grace days
 *   certificate ends within `days`
 *   review      due within `days`
 *
 * Ownership  the caller's. Thread any. Pure. Source: registry spec section 3. */
#ifndef POOL_RECORD_TODO_H
#define POOL_RECORD_TODO_H

#include "pool/registry/record_may.h"

#define RECORD_TODO_DAYS 30 /* where nobody says how far to look */

/* `records`: a list of stored ones. `act`: of it profile, conf and now_ms. */
json_t *record_todo(const json_t *records, const struct record_act *act, int days);

#endif
