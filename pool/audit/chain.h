/* pool/audit/chain.h - audit events tied to each other, so that none can be changed,
 * taken out, put in or moved without all later ones being made anew.
 *
 * h_0 is 32 zero bytes; h_n = tagged hash "Kariz/audit/1" of h_(n-1) || canonical event n.
 * An entry, as it is stored, is {"event":{...},"hash":"<64 hex>"}. Each instance has a
 * chain of its own.
 *
 * A head is where a chain ends: {seq, hash}. Whoever noted one (a regulator, a signed
 * report, a coinbase) can have the chain checked against it later, and then it cannot even
 * have been made anew or cut short. Without one, the end may have been cut off unseen, and
 * whoever rewrote all of it is not found out.
 *
 * Time is the instance's clock and orders nothing: `seq` does. A clock may be set back, and
 * an event that happened has to be kept all the same, so a step back is no fault of the
 * chain: those above CHAIN_STEP_MS are counted and the largest is named, for a person.
 *
 * Ownership  entries are the caller's (json_decref).
 * Errors     KZ_RANGE with `why`, which names seq, time and miner of the event and what is
 *            wrong. Outputs are untouched unless KZ_OK.
 * Thread     any. Pure: no I/O, lock or clock. Source: registry spec section 4. */
#ifndef POOL_AUDIT_CHAIN_H
#define POOL_AUDIT_CHAIN_H

#include "pool/audit/audit_event.h"

#define CHAIN_TAG     "Kariz/audit/1"
#define CHAIN_STEP_MS 5000 /* what keeping a clock right may take back */

/* All zero: of a chain without events. */
struct chain_head {
    uint64_t seq;
    int64_t time_ms; /* of event `seq` */
    struct hash256 hash;
};

/* One more event; `head` moves on to it. */
KZ_MUST_USE enum kz_err chain_append(json_t **entry, struct chain_head *head,
                                     char why[AUDIT_WHY_SIZE],
                                     const struct audit_event *event);

/* Where a chain stands whose last entry this is. Says nothing of whether it is right. */
KZ_MUST_USE enum kz_err chain_head_of(struct chain_head *head, char why[AUDIT_WHY_SIZE],
                                      const json_t *entry);

/* A check in steps: init, feed each entry in order, finish. After a refusal it is over. */
struct chain_check {
    struct chain_head head;   /* of what was fed */
    struct chain_head expect; /* seq 0: none */
    uint64_t events;
    char instance[33];
    uint64_t steps_back; /* events whose clock was behind the one before */
    int64_t worst_step_ms;
    uint64_t worst_step_seq;
};

/* `from`: the head before the first entry, NULL for a chain from its first event on.
 * `expect`: a head that must be in it (only seq and hash count), or NULL. */
void chain_check_init(struct chain_check *c, const struct chain_head *from,
                      const struct chain_head *expect);
KZ_MUST_USE enum kz_err chain_check_feed(struct chain_check *c,
                                         char why[AUDIT_WHY_SIZE], const json_t *entry);
/* KZ_EMPTY: nothing was fed, and nothing had to be. */
KZ_MUST_USE enum kz_err chain_check_finish(const struct chain_check *c,
                                           char why[AUDIT_WHY_SIZE]);

#endif
