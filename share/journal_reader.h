/* share/journal_reader.h - shares out of a stream, whole again: what a keeper calls.
 *
 * Puts the login back into each share, and keeps the jobs that shares were made from.
 * After journal_stream_seek() it goes on by itself: the segment is read from its start.
 *
 * Ownership  the stream is borrowed; jobs belong to the reader.
 * Thread     the stream's keeper. */
#ifndef SHARE_JOURNAL_READER_H
#define SHARE_JOURNAL_READER_H

#include "share/journal_body.h"
#include "share/journal_stream.h"

struct journal_reader;

/* `stream` may be NULL where only journal_reader_take() is used. */
struct journal_reader *journal_reader_new(struct journal_stream *stream);
void journal_reader_free(struct journal_reader *r);

/* The next share, with its number and its predecessor's: what the cursor must be at.
 * All of it is filled but the hash. KZ_EMPTY: no more now. KZ_PARSE: damage, or a
 * record that no version of ours wrote (logged); nothing behind it is given. */
KZ_MUST_USE enum kz_err journal_reader_next(struct journal_reader *r,
                                            struct share_record *share, uint64_t *seq,
                                            uint64_t *prev, bool synced_only);

/* The same for a record that somebody else read, in its order: KZ_EMPTY when it was no
 * share but what shares refer to. KZ_PARSE: not understood, not logged. */
KZ_MUST_USE enum kz_err journal_reader_take(struct journal_reader *r,
                                            struct share_record *share,
                                            const struct journal_record *from);

/* The job of the share given last; NULL when it was not written. Valid until the next
 * call of the two above. */
const struct journal_job *journal_reader_job(const struct journal_reader *r);

#endif
