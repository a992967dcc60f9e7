/* share/journal_segment.h - one preallocated, memory-mapped file of a stream.
 *
 * Created whole: space reserved, filled with zeros, on the disk under its final name
 * before anybody writes to it. So a record never needs space that may be missing, a
 * sync has no metadata to write, and a file with its final name has a good head.
 * (On a file system that copies on write, space may still run out under us; the
 * journal's directory belongs on one that overwrites in place, as ext4 and xfs do.)
 *
 * Ownership  the directory's descriptor is borrowed; journal_segment_free() accepts
 *            NULL and unmaps.
 * Errors     KZ_IO, logged with errno; KZ_PARSE: not a segment of this journal.
 * Thread     `committed`, `is_closed` and `next` carry what the writer did to the
 *            keeper and back; all functions are the keeper's (share/journal_stream.h).
 */
#ifndef SHARE_JOURNAL_SEGMENT_H
#define SHARE_JOURNAL_SEGMENT_H

#include "share/journal_scan.h"

#include <stdatomic.h>

#define JOURNAL_NAME_SIZE     40
#define JOURNAL_SEGMENT_LEAST 4096
#define JOURNAL_SEGMENT_MOST  (UINT32_C(1) << 30)

/* Which stream of which journal. */
struct journal_place {
    int dir_fd;
    uint32_t stream;
    uint8_t id[JOURNAL_ID_SIZE];
};

struct journal_segment {
    char name[JOURNAL_NAME_SIZE];
    int dir_fd;
    int fd; /* -1 while not mapped */
    uint8_t *map;
    uint32_t number;
    size_t size;

    atomic_size_t committed; /* writer: records before this are whole */
    atomic_bool is_closed;   /* writer: no more will come; stored after `committed` */
    _Atomic(struct journal_segment *) next; /* keeper: prepared; NULL: not yet */

    size_t synced;
    bool is_sealed;
    bool sync_failed;   /* once: what the disk has is unknown from then on */
    uint64_t first_seq; /* of its start record, 0: none seen yet */
    int64_t first_time_ms;
};

/* "0001-0000000042.kzj"; parse: KZ_PARSE for any other name. */
void journal_segment_name(char out[JOURNAL_NAME_SIZE], uint32_t stream,
                          uint32_t number);
KZ_MUST_USE enum kz_err journal_segment_parse_name(uint32_t *stream, uint32_t *number,
                                                   const char *name);

/* `may_log` false: a failure was logged before, do not say it again. */
KZ_MUST_USE enum kz_err journal_segment_create(struct journal_segment **out,
                                               const struct journal_place *place,
                                               uint32_t number, size_t size,
                                               bool may_log);
KZ_MUST_USE enum kz_err journal_segment_open(struct journal_segment **out,
                                             const struct journal_place *place,
                                             uint32_t number);
void journal_segment_free(struct journal_segment *s);

KZ_MUST_USE enum kz_err journal_segment_map(struct journal_segment *s);
void journal_segment_unmap(struct journal_segment *s);

/* To the disk, what is committed by now; then says so in the head. */
KZ_MUST_USE enum kz_err journal_segment_sync(struct journal_segment *s);
/* Zeros from `offset` on, on the disk before it returns; `*cut` is how many bytes there
 * were up to the last that was not zero. */
KZ_MUST_USE enum kz_err journal_segment_wipe(struct journal_segment *s, size_t *cut,
                                             size_t offset);
/* Deletes the file. */
KZ_MUST_USE enum kz_err journal_segment_remove(struct journal_segment *s);

#endif
