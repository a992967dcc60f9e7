/* share/batch.h - one batch: entries of a tally as the arguments of SCRIPT_BATCH.
 *
 * Immutable once built and kept until Redis has it and a while longer, so that the very
 * same batch is applied again to a Redis that lost its tail. What is added to one field
 * by several entries is one operation; at most BATCH_OPS_MAX operations.
 *
 * Ownership  batch_build() copies; release with batch_free(), which accepts NULL.
 * Thread     one at a time, whichever. Pure: no I/O, lock or clock. */
#ifndef SHARE_BATCH_H
#define SHARE_BATCH_H

#include "share/cursor.h"
#include "share/tally.h"

#define BATCH_OPS_MAX 2400
/* A tally of so many entries is one batch, whatever they and its refusals are. */
#define BATCH_ENTRIES_MAX 112

struct store;

struct batch {
    struct batch *next;  /* the store's list */
    struct store *store; /* for its answer */
    uint64_t seq;
    char expected[CURSOR_SIZE]; /* predecessor's cursor */
    char cursor[CURSOR_SIZE];
    bool is_sent;     /* under way on the present connection */
    bool is_acked;    /* was applied, as far as we were told */
    int64_t acked_ns; /* when, on the monotonic clock */
    uint64_t shares;  /* accepted, for the log when something is lost */
    uint64_t work;
    int64_t from_minute, to_minute; /* of its entries; 0 when only refusals */
    size_t ops;
    /* Arguments behind the script's name: number of keys, keys, ARGV from [3] on; the
     * two cursors of ARGV[1] and [2] are put between them when it is sent. */
    size_t key_count; /* with the cursor's */
    size_t text_count;
    const char **texts; /* keys, then ARGV[3..]; owned, with one block of bytes */
    size_t *lens;
    char *bytes;
};

struct batch_source {
    const char *instance;
    const struct tally_entry *entries;
    size_t entry_count;
    const struct tally_refusal *refusals;
    size_t refusal_count;
};

/* Takes as many of the refusals, then of the entries, as fit; says how many. */
struct batch *batch_build(const struct batch_source *from, size_t *entries_used,
                          size_t *refusals_used);
void batch_free(struct batch *b);

#endif
