/* pool/report/source.h - what reports are made of: the store, and the journal as read before.
 *
 * One source a report, each a file of its own. A source reads one instant of the registry
 * and everything of the ledger, the tallies and the audit chain that lies in the period, and
 * fills a table; it writes nothing. The registry's facts of an earlier instant come from the
 * audit chain's journal, not from today's records: whoever asks has read it, once for all
 * (pool/report/history.h).
 *
 * Errors  KZ_IO: Redis cannot be read. KZ_RANGE: what is there contradicts
 *         itself. `why` says it for people, without personal values.
 * Thread  any that may wait: never control or a front. Source: registry spec section 4. */
#ifndef POOL_REPORT_SOURCE_H
#define POOL_REPORT_SOURCE_H

#include "pool/report/table.h"
#include "share/store_read.h"

#define SOURCE_WHY_SIZE 512

struct history;
struct profile;
struct vault;

struct report_source {
    struct store *store;
    const struct conf *conf;
    const struct profile *profile;
    const struct history *history; /* of the period, up to fill_instant() */
    struct vault *vault;           /* NULL: no personal values, so no full disclosure */
    const char *subject;           /* a miner's id: rows of nobody else; NULL: of all */
    /* Finished tables of the same period, at the regulator's level, for those that add
     * them up (R6, R8); NULL: there are none. */
    const struct report *production, *distributions;
    struct report_header header;
};

/* Of `miner` NULL: what is about nobody. */
bool source_is_asked(const struct report_source *s, const char *miner);

typedef enum kz_err report_source_fn(struct report **out, char why[SOURCE_WHY_SIZE],
                                     const struct report_source *s);

/* The others are made of the ledger: pool/report/ledger_source.h. */
KZ_MUST_USE report_source_fn source_registry, source_changes, source_equipment,
    source_summary, source_refusals, source_alerts;

#endif
