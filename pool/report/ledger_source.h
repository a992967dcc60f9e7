/* pool/report/ledger_source.h - reports that are made of the ledger, by one reading of it.
 *
 * The ledger grows for as long as the pool lives, and each of its entries costs the same to
 * read for one report as for all. So these are not functions that read (source.h), but take
 * what is read: ledger_sources_read() tells each entry to all of them, then each makes its
 * table.
 *
 * Ownership  `making` is what begin() made and end() frees; it borrows `why` and the source
 *            up to then.
 * Errors     as pool/report/source.h.
 * Thread     as pool/report/source.h. */
#ifndef POOL_REPORT_LEDGER_SOURCE_H
#define POOL_REPORT_LEDGER_SOURCE_H

#include "pool/ledger_read.h"
#include "pool/report/source.h"

struct ledger_source {
    /* Refuses also what could not be made whatever the ledger has. */
    enum kz_err (*begin)(void **making, char why[SOURCE_WHY_SIZE],
                         const struct report_source *s);
    /* The entries of before the report's instant (fill_instant()), in order. */
    ledger_take_fn *take;
    /* Once, behind the last entry. */
    enum kz_err (*make)(struct report **out, void *making);
    void (*end)(void *making);
};

extern const struct ledger_source ledger_production, ledger_production_blocks,
    ledger_distributions, ledger_proof, ledger_proof_blocks;

/* One that has begun. */
struct ledger_reader {
    const struct ledger_source *source;
    void *making;
};

struct ledger_readers {
    const struct ledger_reader *list;
    size_t count;
    /* Asked every so often; false: it ends with KZ_BUSY. NULL: it never does. */
    bool (*goes_on)(void *ctx);
    void *ctx;
};

/* On an error, `failed` is the reader that refused an entry, or their count: it was none. */
KZ_MUST_USE enum kz_err ledger_sources_read(char why[SOURCE_WHY_SIZE], size_t *failed,
                                            const struct report_source *s,
                                            const struct ledger_readers *readers);

#endif
