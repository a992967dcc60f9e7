/* pool/registry/record_may.h - what a miner may do now, and what time alone changes.
 *
 * record_may() is the one place that answers whether a miner may connect, is credited and
 * is paid. It judges the moment, not the state's name alone: a certificate whose last day
 * has passed, or a review that is overdue, counts although nobody has written it down yet.
 *
 *   state       mines  earlier work  matured balance
 *   draft, submitted, rejected
 *               no     -             -
 *   active      yes    credited      paid
 *   restricted  yes    credited      held; the miner is warned
 *   suspended   no     credited      held
 *   revoked     no     credited      held, until it is released
 *   closed      no     credited      paid once, below the minimum too
 *
 * Frozen: held in each of them, mining as above. A stop order of the jurisdiction: nobody
 * mines, all else as above. A record that is damaged may nothing.
 *
 * Thread  any. Pure: no I/O, lock or clock. Source: registry spec section 3. */
#ifndef POOL_RECORD_MAY_H
#define POOL_RECORD_MAY_H

#include "pool/registry/record_act.h"

/* How long a restricted miner has to bring what is missing: after it a person decides. */
#define RECORD_GRACE_DAYS 30

struct record_view {
    const struct profile *profile;
    const json_t *stop_orders; /* [{from, to, basis}] besides the profile's, `to` null
                                * while no end is known; NULL: none */
    int64_t now_ms;
};

struct record_may {
    enum miner_state state; /* as of now; MINER_STATES: damaged */
    bool may_mine;
    int64_t mines_until_ms; /* its certificate's last day ends then; 0: none */
    bool is_warned;
    const char *refusal; /* for the rig: "unregistered", "not active"; NULL: may mine */
    bool is_credited;    /* work done while it might mine */
    bool is_paid;        /* as far as an address is payable */
    bool is_paid_in_full;    /* below the minimum too, for the last time */
    const char *hold_reason; /* a code: frozen, restricted, suspended, revoked, damaged,
                              * released_to_order; NULL: nothing is held */
};

/* `record` NULL: no such miner. */
struct record_may record_may(const json_t *record, const struct record_view *view);

/* The order in force: of the list, [from, to). What is malformed stops nobody. */
bool record_stop_is_on(const json_t *stop_orders, int64_t now_ms);

enum record_due {
    RECORD_DUE_NOTHING,
    RECORD_DUE_SUSPENSION,   /* certificate_expired */
    RECORD_DUE_RESTRICTION,  /* review_overdue */
    RECORD_DUE_CONFIRMATION, /* of an urgent suspension: for a person */
    RECORD_DUE_GRACE, /* restricted for longer than the grace days: for a person */
};

/* The most important thing that is due. The first two fill `out` (the caller's) and
 * `happened`, by the system; the others change nothing, and stay due until somebody acts. */
enum record_due record_due(json_t **out, struct record_happened *happened,
                           const json_t *record, const struct record_view *view);

#endif
