/* pool/registry/record_state.h - the states of a miner's record, and who may move it.
 *
 *   draft -> submitted -> active <-> restricted,  active|restricted -> suspended -> active
 *   submitted -> rejected;  active|restricted|suspended -> revoked, closed
 *
 * rejected, revoked and closed are final: who comes back has a new certificate and a new
 * record, whose `previous` names this one. The table says for each arrow who may do it
 * alone, and who needs a second person (pool/registry/record_proposal.h), and what must
 * hold before. To become active the record must be without errors, its certificate
 * verified and valid, an address live, the screening clear and the next review not
 * overdue.
 *
 * An urgent suspension is done by one officer at once; `urgent` {by, at, confirm_by} then
 * waits RECORD_CONFIRM_HOURS for another one. That nobody confirmed it is for a person to
 * look at: nothing resumes by itself.
 *
 * `frozen` {on, reason, basis, by, since} is apart from the states: nothing is paid, mining
 * goes on. It is set by one person and taken away by two.
 *
 * Ownership, errors, thread: pool/registry/record_act.h. Source: registry spec section 3. */
#ifndef POOL_RECORD_STATE_H
#define POOL_RECORD_STATE_H

#include "pool/registry/record_act.h"

#define RECORD_CONFIRM_HOURS 24

enum record_needs {
    RECORD_NEEDS_NOTHING,
    RECORD_NEEDS_FORM,    /* no error in what was given */
    RECORD_NEEDS_READY,   /* all that an active one must have */
    RECORD_NEEDS_REQUEST, /* a document in the basis: of the miner, the heirs, ... */
    RECORD_NEEDS_ORDER,   /* an authority and its document in the basis */
};

struct record_transition {
    enum miner_state from, to;
    unsigned alone;   /* 1 << enum audit_role: these may, by themselves */
    unsigned in_twos; /* these may, if another of these confirms */
    bool may_be_urgent;
    enum record_needs needs;
    enum audit_word word;
};

/* NULL: there is no such arrow. */
const struct record_transition *record_transition_find(enum miner_state from,
                                                       enum miner_state to);

/* A draft of what an applicant gave: the record's fields without those that the registry
 * writes (state, jurisdiction, profile_version, ...). Of payout_addresses the `address` of
 * each is enough. From an applicant there is nothing in it that the pool must find out
 * (screening, risk, certificate.verified). Whether it is right record_check() says; a
 * draft may have errors. It is full: pool/registry/record_split.h comes before it is kept. */
KZ_MUST_USE enum kz_err record_draft(json_t **out, struct record_happened *happened,
                                     char why[RECORD_WHY_SIZE], const json_t *fields,
                                     const struct record_act *act);

/* An arrow that the act's role may go alone; the record is a stored one, here and below. */
KZ_MUST_USE enum kz_err record_apply(json_t **out, struct record_happened *happened,
                                     char why[RECORD_WHY_SIZE], const json_t *record,
                                     enum miner_state to, const struct record_act *act);

/* The arrow to suspended, by one officer at once; and the second one's word on it, for the
 * first one's reason and basis. */
KZ_MUST_USE enum kz_err record_suspend_urgently(json_t **out,
                                                struct record_happened *happened,
                                                char why[RECORD_WHY_SIZE],
                                                const json_t *record,
                                                const struct record_act *act);
KZ_MUST_USE enum kz_err record_confirm_suspension(json_t **out,
                                                  struct record_happened *happened,
                                                  char why[RECORD_WHY_SIZE],
                                                  const json_t *record,
                                                  const struct record_act *act);

KZ_MUST_USE enum kz_err record_freeze(json_t **out, struct record_happened *happened,
                                      char why[RECORD_WHY_SIZE], const json_t *record,
                                      const struct record_act *act);
bool record_is_frozen(const json_t *record);

/* Everything that keeps it from being active, as findings. */
void record_find_unready(struct record_findings *out, const json_t *record,
                         const struct record_act *act);

/* For pool/registry/record_proposal.c: whether the arrow's needs are met, and its going. */
KZ_MUST_USE enum kz_err record_transition_check(char why[RECORD_WHY_SIZE],
                                                const struct record_transition *t,
                                                const json_t *record,
                                                const struct record_act *act);
/* The changed copy; `second` may be NULL. */
json_t *record_transition_go(const struct record_transition *t, const json_t *record,
                             const struct record_act *act, const char *second);

#endif
