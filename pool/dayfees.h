/* pool/dayfees.h - the fees of a UTC day's blocks, for FPPS: nodes are asked, the accounts
 * are told.
 *
 * The accounts say which day they wait for. A block belongs to the day in which its
 * median-time-past lies, which never falls along a chain: so the first block behind the
 * day is found by halving, and the day's are walked from the last back to the first by
 * their headers' own links, so all are of one chain. Nothing begins before the last of
 * them is 6 deep. What a block's coinbase pays is read from the block itself, whose id is
 * checked; less the subsidy of its height it is the block's fees (payout/block_value.h).
 *
 * One question at a time. A node that does not answer is asked again; when the chain
 * turns out to be another one, all of the day is. Nothing is guessed, and nothing kept: a
 * daemon that starts again asks again.
 *
 * Units      days since 1970; heights; satoshis in struct amount.
 * Ownership  nodes and accounts are borrowed and outlive it.
 * Thread     control, all of it. */
#ifndef POOL_DAYFEES_H
#define POOL_DAYFEES_H

#include "pool/accounts.h"
#include "pool/node.h"

struct dayfees;

KZ_MUST_USE enum kz_err dayfees_start(struct dayfees **out, struct event_base *base,
                                      struct nodes *nodes, struct accounts *accounts,
                                      const struct network *network);
void dayfees_stop(struct dayfees *d); /* after nodes_stop(); NULL accepted */

/* accounts_hooks.on_want_day's; 0: none. The one under way is given up for another. */
void dayfees_want(struct dayfees *d, uint32_t day);
/* A new tip of `height`. */
void dayfees_on_tip(struct dayfees *d, uint32_t height);

/* {day (null: none), state (idle | waiting | asking), blocks, failures}; the caller owns. */
json_t *dayfees_status(const struct dayfees *d);

#endif
