/* pool/borders.h - do the slices hold the work that was done between their borders?
 *
 * A border (share/slice.h) names the last share of every stream that belongs to its slice,
 * and carries the works. Fed with all borders of a journal's event stream, then with the
 * records of its share streams, this adds the shares up again, by slice and miner, and
 * compares. Old shares are deleted before the event stream is: a slice that reaches back
 * behind what is kept cannot be checked.
 *
 * Memory     16 bytes a slice and miner in it, and more for each border.
 * Ownership  borders_free() accepts NULL.
 * Thread     one at a time. No I/O, lock or clock. */
#ifndef POOL_BORDERS_H
#define POOL_BORDERS_H

#include "share/journal_record.h"
#include "share/record.h"

struct borders;

struct borders *borders_new(void);
void borders_free(struct borders *b);

/* Each record of the event stream, in order; only borders matter. KZ_PARSE: a border that
 * is not understood. */
KZ_MUST_USE enum kz_err borders_add_event(struct borders *b,
                                          const struct journal_record *r);
/* Each record of a share stream, in order; `share` NULL where it is none. */
void borders_add_record(struct borders *b, uint32_t stream, uint64_t seq,
                        const struct share_record *share);

struct borders_report {
    uint64_t borders, checked, uncheckable, wrong;
    void (*on_wrong)(void *ctx, uint64_t slice, const char *miner, uint64_t recorded,
                     uint64_t counted);
    void *ctx;
};
/* Fills the counts; tells each row that differs. */
void borders_finish(const struct borders *b, struct borders_report *report);

#endif
