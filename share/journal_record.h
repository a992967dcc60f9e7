/* share/journal_record.h - the bytes of the journal: segment heads and records.
 *
 * A segment is a head of JOURNAL_HEAD_SIZE bytes and records, each on a multiple of 8,
 * then zeros up to the segment's size. All numbers little-endian:
 *
 *   head    0 magic u32   4 version u32   8 journal id [16]   24 stream u32
 *          28 segment number u32   32 size u32   36 CRC-32C of the 36 bytes before
 *          40 synced: offset u32, bit 0 = sealed; CRC-32C of these four bytes
 *          48 zeros
 *   record  0 length u32 (head to CRC, without padding)   4 magic u16   6 target u8
 *           7 kind u8   8 seq u64   16 prev u64   24 time i64 (UTC milliseconds)
 *          32 body   then CRC-32C of all before it, zeros up to a multiple of 8
 *
 * A record's length word is stored last and in one piece, so a writer that is killed at
 * any instruction leaves either the whole record or none. `seq` counts every record of
 * its stream from 1. `prev` is the seq of the record before with the same target: what
 * a cursor in Redis must be at for this record to be applied; 0 for JOURNAL_NONE.
 *
 * `synced` is one aligned word too. What lies before it was on the disk when it was
 * written, so something bad there is damage; behind it a bad record is a torn tail.
 * Sealed: the segment ends there, and nothing is appended to it any more.
 *
 * Errors  KZ_EMPTY no record here (length word 0, or the end); KZ_PARSE bad bytes.
 * Pure: no I/O, lock, clock or allocation; any thread. */
#ifndef SHARE_JOURNAL_RECORD_H
#define SHARE_JOURNAL_RECORD_H

#include "share/bytes.h"

#define JOURNAL_HEAD_SIZE    64
#define JOURNAL_ID_SIZE      16
#define JOURNAL_RECORD_HEAD  32
#define JOURNAL_RECORD_LEAST (JOURNAL_RECORD_HEAD + 4)
#define JOURNAL_BODY_MAX     8388608 /* a split over some 70,000 miners */
#define JOURNAL_SYNCED_AT    40

/* Whose cursor a record moves. */
enum journal_target {
    JOURNAL_NONE, /* nobody's: what other records of the segment refer to */
    JOURNAL_TALLY,
    JOURNAL_LEDGER,
    JOURNAL_REGISTRY,
    JOURNAL_TARGETS /* how many there are */
};

/* Kinds of events begin at JOURNAL_EVENT; their bodies are their writers' own. */
enum journal_kind {
    JOURNAL_START =
        1,         /* first of each segment: the last seq of each target before it */
    JOURNAL_LOGIN, /* number, miner, worker; good for this segment */
    JOURNAL_JOB,   /* what a share's header is made from; good for this segment */
    JOURNAL_SHARE,
    JOURNAL_EVENT = 64
};

struct journal_record {
    uint64_t seq, prev;
    int64_t time_ms;
    enum journal_target target;
    uint8_t kind;
    struct bytes body; /* borrowed */
};

/* Bytes of a record in its segment, padding included. */
size_t journal_record_size(size_t body_len);

/* Writes all but the length word, which is returned: see journal_record_commit(). `to`
 * is on a multiple of 8 and has room for journal_record_size(). */
KZ_MUST_USE uint32_t journal_record_write(uint8_t *to, const struct journal_record *r);
/* Stores the length word in one piece behind everything written before it. */
void journal_record_commit(uint8_t *to, uint32_t length);

/* `in` begins at the record and reaches to the end of what may be read. */
KZ_MUST_USE enum kz_err journal_record_read(struct journal_record *r, struct bytes in);

struct journal_head {
    uint8_t id[JOURNAL_ID_SIZE];
    uint32_t stream, number, size;
    uint32_t synced; /* offset, a multiple of 8 */
    bool is_sealed;
};

void journal_head_write(uint8_t to[JOURNAL_HEAD_SIZE], const struct journal_head *h);
KZ_MUST_USE enum kz_err journal_head_read(struct journal_head *h, struct bytes in);
/* The synced word alone, in one piece; for a head that others may be reading. */
void journal_head_set_synced(uint8_t *head, uint32_t synced, bool is_sealed);

#endif
