/* pool/report/source_miners.h - the miners of a report's instant, for rows about a day.
 *
 * Records are those of the source's history: at the period's end, or now before that.
 * What has a from and a to is never taken out of a record, so it also says what held on
 * each day before: which certificate, address and equipment. [from, to) for equipment and
 * addresses; a certificate holds up to the day on which another took its place.
 *
 * Units      hash rates GH/s, power W, as in records; times in UTC milliseconds; days are
 *            those of the period's zone.
 * Ownership  borrows the history; texts are borrowed. source_miners_free() accepts NULL.
 * Errors     as pool/report/source.h; of cells as pool/report/fill.h.
 * Thread     as pool/report/source.h. */
#ifndef POOL_REPORT_SOURCE_MINERS_H
#define POOL_REPORT_SOURCE_MINERS_H

#include "pool/report/source_common.h"

#include <jansson.h>

struct source_miners;

struct source_miners *source_miners_new(const struct report_source *s);
void source_miners_free(struct source_miners *m);

/* id -> record, borrowed. */
const json_t *source_miners_all(const struct source_miners *m);

/* The columns that say whom a row is about, as of that instant. Of a miner without a record
 * the id alone. */
void source_fill_miner(struct fill *f, const struct source_miners *m, const char *id,
                       int64_t at_ms);
/* tax_id and official_name, where the report shows them: fill_name(), once a miner. */
void source_fill_identity(struct fill *f, struct source_miners *m, const char *id);

/* The certificate in force; NULL: none is known. */
const json_t *source_certificate_at(const struct source_miners *m, const char *id,
                                    int64_t at_ms);
/* The address that was to be paid then; NULL: none. */
const char *source_address_at(const struct source_miners *m, const char *id,
                              int64_t at_ms);

/* Of the equipment in use that day, together. */
struct source_equipment {
    uint64_t ghs, watts;
};
struct source_equipment source_equipment_at(const struct source_miners *m,
                                            const char *id, int64_t at_ms);

#endif
