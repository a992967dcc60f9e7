/* share/journal_recover.h - what a stream's segments hold after whatever happened.
 *
 * Every record that was committed before a kill is there: its bytes are in the page
 * cache. After a power cut the pages behind the synced offset may be there, half there
 * or missing, in any order. So: what lies before the last synced offset of the stream
 * must be whole, else it is damage and the stream is not used. Behind it the first
 * record that is not whole ends the stream; that and all behind it is wiped with
 * zeros, so that no whole record behind a hole ever comes to life again.
 *
 * Segments that were sealed long ago are only looked at here; their records are checked
 * when they are read.
 *
 * Thread  the keeper, before there is a writer. */
#ifndef SHARE_JOURNAL_RECOVER_H
#define SHARE_JOURNAL_RECOVER_H

#include "share/journal_segment.h"

#define JOURNAL_WHY_SIZE 120

struct journal_damage {
    uint32_t stream, segment;
    size_t offset;
    uint64_t last_seq; /* the last whole record before it, as far as known */
    char why[JOURNAL_WHY_SIZE];
};

/* Where the writer goes on. */
struct journal_tail {
    size_t current; /* index of the segment; `count` when a new one is needed */
    size_t offset;
    uint64_t last_seq;
    uint64_t last_of[JOURNAL_TARGETS];
    size_t cut; /* bytes wiped; 0: nothing was torn */
};

/* Segments are mapped, in the order of their numbers. KZ_PARSE: damage. KZ_IO. */
KZ_MUST_USE enum kz_err journal_recover(struct journal_tail *tail,
                                        struct journal_damage *damage,
                                        struct journal_segment *const *segments,
                                        size_t count);

/* Fills `damage` but its stream; returns KZ_PARSE. */
enum kz_err journal_damage_set(struct journal_damage *damage,
                               const struct journal_segment *segment,
                               const struct journal_scan *scan, const char *why);

#endif
