/* share/event.h - what the event stream of the journal holds beside shares.
 *
 *   kind             target    body
 *   EVENT_SLICE      tally     a slice's border and work (share/slice.h)
 *   EVENT_REFUSALS   tally     refused logins since the last: count, then (hour varint,
 *                              count varint, length u8, reason) each
 *   EVENT_LEDGER     ledger    JSON, below
 *   EVENT_MINER      registry  JSON: {"number", "revision", "record", "audit"}, a whole
 *                              record
 *   EVENT_AUDIT      registry  JSON: {"audit", "facts"}; facts: name -> value, null: gone
 *   EVENT_DENIED     none      refused logins with details, for reports, sealed under a key
 *                              of their day (share/denied_seal.h)
 *   EVENT_RIGS       none      rig software that miners' logins show (share/rigs.h)
 *   EVENT_RESERVE    ledger    JSON as of EVENT_LEDGER, with "needs" and "payout"
 *   EVENT_DECIDED    ledger    JSON as of EVENT_LEDGER
 *
 * A ledger event carries final values, never a formula, so that applying it again depends
 * on nothing:
 *
 *   {"entries": [entry, ...]           payout/entry.h; each applied once by its key
 *    "block": {"hash", "height", "set": {member: value, ...}, "fresh": bool,
 *              "open": bool}           members of the block's record; `fresh`: only those
 *                                      that are not there; `open`: still to be watched
 *    "marks": [[key, field, value, "keep"], ...]}   key as key_mark() has it; "keep" may
 *                                      lack: then a key that expires is given its time
 *
 * "audit" is a link of this instance's audit chain (struct store_hooks), written with what
 * it tells of, so that neither is ever without the other.
 *
 * A reserve is the one event that Redis may refuse: it takes money and coins that another
 * program may have taken meanwhile (accounting section 9).
 *
 *    "payout": id
 *    "needs": [[key, field, how, value], ...]   key as in marks; all must hold
 *        is      the field's text is `value`
 *        least   the field's number is `value` or more
 *        absent  there is no such key
 *        idle    no field's text is another than "freed"
 *
 * It is judged once. The writer's next ledger record says how that ended: EVENT_DECIDED,
 * and the reserve is in force; any other, and it never was. So a replay does not judge
 * the past again; only a reserve that is the stream's last ledger record is judged, and
 * store_undecided() (share/store_read.h) names it until the next is written.
 *
 * Pure: no I/O, lock or clock; any thread. */
#ifndef SHARE_EVENT_H
#define SHARE_EVENT_H

#include "share/journal_record.h"
#include "share/tally.h"

enum event_kind {
    EVENT_SLICE = JOURNAL_EVENT,
    EVENT_REFUSALS,
    EVENT_LEDGER,
    EVENT_MINER,
    EVENT_RESERVE,
    EVENT_DECIDED,
    EVENT_AUDIT,
    EVENT_DENIED,
    EVENT_RIGS,
};

/* KZ_RANGE: no such kind. */
KZ_MUST_USE enum kz_err event_target(enum journal_target *target, uint8_t kind);

#define EVENT_REFUSALS_MAX (10 + TALLY_REFUSALS_MAX * (10 + 10 + 1 + TALLY_REASON_MAX))
/* Returns how many bytes it wrote; `count` <= TALLY_REFUSALS_MAX. */
size_t event_refusals_write(uint8_t out[EVENT_REFUSALS_MAX],
                            const struct tally_refusal *refusals, size_t count);
KZ_MUST_USE enum kz_err
event_refusals_read(struct tally_refusal refusals[TALLY_REFUSALS_MAX], size_t *count,
                    struct bytes body);

#endif
