/* share/journal.h - the journal's directory: its id, its streams, and who does what.
 *
 * The journal is the queue between those who accept work and Redis. One stream an
 * instance for events (JOURNAL_EVENTS), one a front thread for shares
 * (JOURNAL_SHARES + its index); share/journal_stream.h says how a stream is written and
 * read. The directory has a random 128-bit id, part of every cursor in Redis, so that a
 * restored or emptied directory is recognised and never applied as if it were this one.
 * Streams found there are taken up even when fewer are asked for: a daemon that has
 * fewer threads than before still ships what the others had written.
 *
 * What the keeper does on each turn: journal_sync() and journal_prepare(), read what came,
 * and now and then journal_stream_release(). Redis should be given only records that
 * are synced: else after a power cut its cursor may be ahead of the journal.
 *
 * Errors  KZ_PARSE: damage, or segments of another journal: an operator looks before
 *         anything is written. KZ_IO: logged.
 * Thread  the keeper; open and close while nobody writes. */
#ifndef SHARE_JOURNAL_H
#define SHARE_JOURNAL_H

#include "share/journal_stream.h"

#define JOURNAL_ID_TEXT     33
#define JOURNAL_EVENTS      0
#define JOURNAL_SHARES      1
#define JOURNAL_STREAMS_MAX 1025
#define JOURNAL_SEGMENT     (UINT32_C(16) << 20) /* what a stream takes by default */

struct journal;

struct journal_options {
    const char *dir;      /* made if missing; its parent is there */
    size_t shares;        /* share streams asked for: front threads */
    size_t segment_bytes; /* 0: JOURNAL_SEGMENT; see journal_stream_open() */
    size_t
        events_bytes; /* of the event stream, whose records may be large; 0: as above */
};

KZ_MUST_USE enum kz_err journal_open(struct journal **out,
                                     struct journal_damage *damage,
                                     const struct journal_options *options);
/* Syncs what it can. NULL accepted. */
void journal_close(struct journal *j);

/* 32 hex digits. */
const char *journal_id(const struct journal *j);
size_t journal_stream_count(const struct journal *j); /* with the events' */
struct journal_stream *journal_stream(struct journal *j, size_t i);

/* One sync a stream that has anything new. KZ_IO: of one at least it failed. */
KZ_MUST_USE enum kz_err journal_sync(struct journal *j);
/* Next segments where they are missing. KZ_IO: no space for one at least. */
KZ_MUST_USE enum kz_err journal_prepare(struct journal *j);

/* Of all streams together; read_seq is 0. */
void journal_stats(struct journal_stream_stats *out, const struct journal *j);

#endif
