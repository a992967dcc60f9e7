/* share/journal_scan.h - walking the records of a segment, one behind the other.
 *
 * Each record is whole by itself (journal_record_read()); that it stands at its place
 * is seen here: numbers without a gap, each `prev` the record before of the same
 * target, JOURNAL_START first and nowhere else. A scan may go on from one segment to
 * the next, so that a missing tail of the one is seen at the start of the other.
 *
 * Ownership  the bytes are borrowed.
 * Pure: no I/O, lock, clock or allocation; one thread at a time. */
#ifndef SHARE_JOURNAL_SCAN_H
#define SHARE_JOURNAL_SCAN_H

#include "share/journal_record.h"

#define JOURNAL_START_BODY (8 * (JOURNAL_TARGETS - 1))
/* What the first record of a segment takes. */
#define JOURNAL_START_SIZE 64

struct journal_scan {
    struct bytes in; /* the segment, head included, up to what may be read */
    size_t at;       /* of the next record */
    bool is_known;   /* whether the two below are; else the segment's start says them */
    uint64_t last_seq;
    uint64_t last_of[JOURNAL_TARGETS];
};

/* Of a segment's bytes; what the scan knows of numbers stays. Begin with a zeroed one.
 */
void journal_scan_enter(struct journal_scan *s, struct bytes segment);

/* KZ_EMPTY: the end. KZ_PARSE: `*why` says what; the scan stays before it. */
KZ_MUST_USE enum kz_err journal_scan_next(struct journal_scan *s,
                                          struct journal_record *r, const char **why);

void journal_start_write(uint8_t body[JOURNAL_START_BODY],
                         const uint64_t last_of[JOURNAL_TARGETS]);

#endif
