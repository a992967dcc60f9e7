/* share/batch.h - one batch: entries of a tally as the arguments of SCRIPT_BATCH.
 *
 * Made of the records of one journal stream between two of its numbers; lives until Redis
 * answered or the connection went, since the journal can make it again. What is added to
 * one field by several entries is one operation; at most BATCH_OPS_MAX operations.
 *
 * Ownership  batch_build() copies; release with batch_free(), which accepts NULL.
 * Thread     one at a time, whichever. Pure: no I/O, lock or clock. */
#ifndef SHARE_BATCH_H
#define SHARE_BATCH_H

#include "share/cursor.h"
#include "share/keys.h"
#include "share/tally.h"

#define BATCH_OPS_MAX 2200

struct feed;

struct batch {
    struct feed *feed; /* whose shares it holds; the store's */
    uint64_t last;     /* number of the last record in it */
    uint64_t records;
    char expected[CURSOR_SIZE]; /* predecessor's cursor */
    char cursor[CURSOR_SIZE];
    uint64_t shares; /* accepted */
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

/* So many entries fit a batch whatever they are, with all the refusals of a tally. */
#define BATCH_ENTRIES_MAX 100

struct batch_source {
    const char *instance;
    struct key_retention keep;
    uint32_t stream;
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
