/* share/slice.h - slices: closed stretches of the pool's share order, and the open one.
 *
 * A slice says who did how much work between two borders, and never changes once it is
 * closed (accounting section 2). Its border is a record of the event stream: it names the
 * last share of every stream that belongs to the slice, so that whoever reads the journal
 * again cuts at the same places, and it carries the work itself, so that the event stream
 * alone gives all slices, also when the shares' own segments are gone.
 *
 * Ids grow with the time of closing and are unique over instances: closing time in
 * milliseconds * 256 + the instance's number. They stay below 2^53, so that Redis can
 * sort by them exactly.
 *
 * In bytes (a record's body; in Redis with its CRC-32C behind): form u8, id u64, opened
 * u64, closed u64, reason u8, nbits u32, block hash [32], terms and next terms (regime
 * u8, scheme u8, window u32, fee u32, subsidy u64 each), count of positions and (stream,
 * seq) each, count of rows and (length u8, miner, work) each; counts, seq and work are
 * varints.
 *
 * Units      work in the network's units, below 2^63 in a slice; UTC milliseconds.
 * Ownership  slice_record_clear() frees what a record owns; a zeroed one is empty.
 * Errors     KZ_PARSE: not such bytes; outputs untouched.
 * Thread     one at a time each. Pure: no I/O, lock or clock. */
#ifndef SHARE_SLICE_H
#define SHARE_SLICE_H

#include "share/bytes.h"
#include "share/hash256.h"
#include "share/ids.h"

enum slice_reason {
    SLICE_BLOCK, /* right after a share that met the network target */
    SLICE_FULL,  /* its work reached 1/512 of the window's span */
    SLICE_NBITS, /* the network's difficulty changed */
    SLICE_DAY,   /* 00:00 UTC */
    SLICE_HOUR,  /* an hour old and not empty */
    SLICE_TERMS, /* the scheme or a fee changed */
    SLICE_REASONS
};
const char *slice_reason_name(enum slice_reason r);

/* What the slice's work has been promised, so that no unit is paid for twice. */
enum slice_regime {
    SLICE_SPLIT,    /* parts of whole blocks */
    SLICE_PPS,      /* paid for at once, and nothing more: windows pass over it */
    SLICE_PPS_PLUS, /* the subsidy paid for at once; parts of blocks' fees */
    SLICE_REGIMES
};

/* By what its work is paid. A change of any of these closes the open slice, so a block is
 * split by the terms of the slice that it closed, whatever the settings say later. */
struct slice_terms {
    enum slice_regime regime;
    uint8_t scheme;        /* of the reward schemes above this folder */
    uint32_t window_milli; /* thousandths of a block's work */
    uint32_t fee_ppm;      /* the pool's */
    uint64_t subsidy_sat;  /* of the height being mined */
};
bool slice_terms_equal(const struct slice_terms *a, const struct slice_terms *b);

struct slice_row {
    struct miner_id miner;
    uint64_t work; /* > 0 */
};

/* Shares of `stream` up to `seq` belong to the slice or to one before it. */
struct slice_position {
    uint32_t stream;
    uint64_t seq;
};

struct slice_record {
    uint64_t id;
    uint64_t opened_ms, closed_ms;
    enum slice_reason reason;
    struct slice_terms terms, next; /* its own; of the slice that opens behind it */
    uint32_t nbits;
    struct hash256 block;   /* of the share that closed it; zeros: none did */
    struct slice_row *rows; /* owned; by miner id ascending, one each */
    size_t count;
    uint64_t total;
    struct slice_position *positions; /* owned */
    size_t position_count;
};

void slice_record_clear(struct slice_record *s);
bool slice_has_block(const struct slice_record *s);

/* The caller frees with mem_free(). */
uint8_t *slice_record_write(size_t *len, const struct slice_record *s);
KZ_MUST_USE enum kz_err slice_record_read(struct slice_record *out, struct bytes body);

/* --- the open slice --------------------------------------------------------------- */

struct slice_open;

struct slice_open *slice_open_new(void);
void slice_open_free(struct slice_open *o); /* NULL accepted */

/* The first share of an empty one opens it: at its time, under its job's nbits. KZ_RANGE:
 * the slice's work would reach 2^63: close it first. */
struct slice_share {
    struct miner_id miner;
    uint64_t work; /* 0: nothing is added */
    uint64_t time_ms;
    uint32_t nbits;
};
KZ_MUST_USE enum kz_err slice_open_add(struct slice_open *o,
                                       const struct slice_share *share);
uint64_t slice_open_total(const struct slice_open *o);

/* Must it be closed now? `span` of the window in units, `nbits` of the network; 0: not
 * known yet. BLOCK and TERMS are the caller's to know. */
bool slice_open_is_due(enum slice_reason *why, const struct slice_open *o,
                       uint64_t span, uint32_t nbits, uint64_t now_ms);

/* Fills `out` but its id, closing, reason, terms, block and positions. */
void slice_open_describe(const struct slice_open *o, struct slice_record *out);
/* The next one, empty. */
void slice_open_reset(struct slice_open *o);

#endif
