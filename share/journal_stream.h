/* share/journal_stream.h - one stream: a writer that never waits, and its keeper.
 *
 * The writer appends records into the current segment's mapping: a copy, a checksum
 * and two stores, no lock and no system call. When journal_stream_append() returns, the
 * record is in the kernel's page cache and survives the end of the process. The keeper
 * (the store thread) has the next segment ready before it is needed, syncs, reads
 * behind the writer, and deletes what nobody needs. The two meet only in atomics.
 *
 * Each segment can be read without those before it: it begins with a start record, and
 * what its records refer to (logins, jobs) is written again in each segment. The writer
 * sees by journal_stream_room() that a new one has begun.
 *
 * The disk failed: what a sync could not write, the kernel may have dropped, and the next
 * sync may say that all is well. So nothing is taken any more until the journal is opened
 * again: append answers KZ_BUSY.
 *
 * No space: preparing fails while the current segment still has room, which is when the
 * alarm is raised (`no_space`); when that room is used up append answers KZ_BUSY, and
 * the share is refused before any reply. Both end by themselves once there is space.
 *
 * Thread     writer: room, append, wait, and nothing else. Keeper: all others. The two may be
 *            the same (the event stream). open/close: while neither runs.
 * Errors     KZ_IO is logged where it happens; KZ_PARSE is damage, see
 *            journal_stream_damage(). */
#ifndef SHARE_JOURNAL_STREAM_H
#define SHARE_JOURNAL_STREAM_H

#include "share/journal_recover.h"

struct journal_stream;

struct journal_stream_stats {
    uint64_t read_seq;       /* the last record read */
    uint64_t unread_bytes;   /* committed behind it */
    uint64_t synced_bytes;   /* since the start */
    uint64_t unsynced_bytes; /* committed, what a power cut may take */
    uint64_t refused;        /* appends answered KZ_BUSY */
    size_t segments;         /* on the disk, with the prepared one */
    uint64_t disk_bytes;
    bool no_space; /* the next segment could not be prepared */
    bool sync_failed;
};

/* Takes up the segments of these `numbers` (`count`, in any order; they are sorted), or
 * begins. KZ_PARSE: damage, `damage` is filled. `segment_bytes`, for new segments, is a
 * multiple of 4096 from JOURNAL_SEGMENT_LEAST to _MOST. */
KZ_MUST_USE enum kz_err journal_stream_open(struct journal_stream **out,
                                            struct journal_damage *damage,
                                            const struct journal_place *place,
                                            size_t segment_bytes, uint32_t *numbers,
                                            size_t count);
/* Does not sync. NULL accepted. */
void journal_stream_close(struct journal_stream *s);

/* --- the writer --------------------------------------------------------------------- */

/* Makes room for records of `bytes` (journal_record_size() summed) in one segment.
 * `*segment` is its number: while that is the same, what was written before in it may
 * be referred to. KZ_BUSY: no next segment. KZ_RANGE: more than a segment holds. */
KZ_MUST_USE enum kz_err journal_stream_room(struct journal_stream *s, uint32_t *segment,
                                            size_t bytes);

/* `r`: target, kind, time and body; seq and prev are set here. Errors as above. */
KZ_MUST_USE enum kz_err journal_stream_append(struct journal_stream *s,
                                              struct journal_record *r);

/* For a writer that waits for the disk: to the disk, all that it appended. Say first that
 * it will be called, before there are records. KZ_IO: logged; what was appended may be
 * lost in a power cut. */
void journal_stream_set_waits(struct journal_stream *s);
KZ_MUST_USE enum kz_err journal_stream_wait(struct journal_stream *s);

/* --- the keeper --------------------------------------------------------------------- */

/* The next segment, when it is missing. KZ_IO: no space; logged once until it ends. */
KZ_MUST_USE enum kz_err journal_stream_prepare(struct journal_stream *s);

/* To the disk, all that is committed now. */
KZ_MUST_USE enum kz_err journal_stream_sync(struct journal_stream *s);

/* The next record; `synced_only`: none that a power cut could still take. The body is
 * valid until the next call. KZ_EMPTY: no more now. KZ_PARSE: damage; stays there. */
KZ_MUST_USE enum kz_err journal_stream_read(struct journal_stream *s,
                                            struct journal_record *r, bool synced_only);

/* Reading goes on behind `seq`. What its segment says before that for nobody's cursor
 * (start, logins, jobs) is read again first. KZ_EMPTY: never written. KZ_RANGE: what
 * follows `seq` is no longer kept. */
KZ_MUST_USE enum kz_err journal_stream_seek(struct journal_stream *s, uint64_t seq);
/* The least that journal_stream_seek() takes. */
uint64_t journal_stream_first(const struct journal_stream *s);

/* Deletes sealed segments whose records are all up to `seq` and older than
 * `before_ms`; returns how many. The caller knows that Redis has them for good. */
size_t journal_stream_release(struct journal_stream *s, uint64_t seq,
                              int64_t before_ms);

/* The newest record of a target, 0: none; of JOURNAL_NONE: the newest of all. Only while
 * nobody else writes. */
uint64_t journal_stream_last(const struct journal_stream *s,
                             enum journal_target target);

/* Would that delete any? */
bool journal_stream_can_release(struct journal_stream *s, uint64_t seq,
                                int64_t before_ms);

void journal_stream_stats(struct journal_stream_stats *out,
                          const struct journal_stream *s);
/* NULL: none found so far. */
const struct journal_damage *journal_stream_damage(const struct journal_stream *s);
uint32_t journal_stream_number(const struct journal_stream *s);

#endif
