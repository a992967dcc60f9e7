/* share/journal_verify.h - a journal read from end to end, and every share in it
 * computed again; also while its daemon writes.
 *
 * Nothing is written, cut or deleted. Behind the synced offset of the newest segment
 * that has any, bytes that are not whole are what is being written just now, or a torn
 * tail; anywhere else they are damage. A damaged stream is read no further.
 *
 * Thread  one at a time, whichever. */
#ifndef SHARE_JOURNAL_VERIFY_H
#define SHARE_JOURNAL_VERIFY_H

#include "share/journal.h"
#include "share/journal_check.h"

struct journal_verify_options {
    const char *dir;
    uint64_t unit; /* the network's work unit; 0: the event stream is read alone */
    int64_t from_ms,
        until_ms; /* shares of these times are computed: from <= t < until */
    /* Each share that does not earn its credit, and each damage; may be NULL. */
    void (*on_fault)(void *ctx, uint32_t stream, uint64_t seq, enum journal_fault fault,
                     const struct share_record *share,
                     const struct journal_check *check);
    void (*on_damage)(void *ctx, const struct journal_damage *damage);
    /* Every record of every stream, of whatever time, streams by number, each in its
     * order: so all events come before all shares. `share` is NULL where it is none. */
    void (*on_record)(void *ctx, uint32_t stream, const struct journal_record *r,
                      const struct share_record *share);
    void *ctx;
};

struct journal_verify_report {
    char id[JOURNAL_ID_TEXT];
    uint64_t streams, segments, records, shares;
    uint64_t faults[JOURNAL_FAULTS]; /* [JOURNAL_GOOD]: shares that earn their credit */
    uint64_t damages, torn;          /* streams */
};

/* KZ_IO, logged: it cannot be read. KZ_EMPTY: no journal there. KZ_OK: it was read
 * through; what was found is in the report. */
KZ_MUST_USE enum kz_err journal_verify(struct journal_verify_report *out,
                                       const struct journal_verify_options *options);

#endif
