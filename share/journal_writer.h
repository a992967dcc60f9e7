/* share/journal_writer.h - judged shares into a stream: what a front thread calls.
 *
 * A share names its login by a slot and its job by its id; the first share of a segment
 * that needs them writes them before itself, so each segment can be read alone. Slots
 * are places of a table of JOURNAL_LOGINS; where two logins share one, it is written
 * again each time they take turns, and the reader (share/journal_reader.h) has the same
 * table. Jobs likewise.
 *
 * Ownership  the stream is borrowed; everything given is copied.
 * Thread     the stream's writer. */
#ifndef SHARE_JOURNAL_WRITER_H
#define SHARE_JOURNAL_WRITER_H

#include "share/journal_body.h"
#include "share/journal_stream.h"

#define JOURNAL_LOGINS 8192
#define JOURNAL_JOBS   64

struct journal_writer;

struct journal_writer *journal_writer_new(struct journal_stream *stream);
void journal_writer_free(struct journal_writer *w);

/* When it returns KZ_OK the share survives the end of this process. `job` is what the
 * share's header was made from; NULL: it can then not be verified later. KZ_BUSY: no
 * space, nothing of the share is written: refuse it. KZ_RANGE: a job that no segment
 * can hold. `*seq` is the record's number. */
KZ_MUST_USE enum kz_err journal_writer_put(struct journal_writer *w, uint64_t *seq,
                                           const struct share_record *r,
                                           const struct job *job);

#endif
