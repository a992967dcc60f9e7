/* pool/report/source_miners.h - the miners as a period's end found them, for reports' rows.
 *
 * Records are those that the instance's journal has of before the period's end; of a miner
 * whom that journal does not know, since another instance registered it, today's from the
 * registry. What has a from and a to is never taken out of a record, so a record of the
 * period's end also says what held on each of its days: which certificate, address and
 * equipment. [from, to) for equipment and addresses; a certificate also holds on its last
 * day, and up to the day on which another took its place.
 *
 * Units      hash rates GH/s, power W, as in records; times in UTC milliseconds; days are
 *            those of the period's zone.
 * Ownership  owns the records; texts are borrowed. source_miners_free() accepts NULL.
 * Errors     as pool/report/source.h. KZ_RANGE of a setter: a record's text is none that a
 *            cell may hold.
 * Thread     as pool/report/source.h. */
#ifndef POOL_REPORT_SOURCE_MINERS_H
#define POOL_REPORT_SOURCE_MINERS_H

#include "pool/report/source_common.h"

#include <jansson.h>

struct source_miners;

KZ_MUST_USE enum kz_err source_miners_read(struct source_miners **out,
                                           char why[SOURCE_WHY_SIZE],
                                           const struct report_source *s);
void source_miners_free(struct source_miners *m);

/* id -> record, borrowed. */
const json_t *source_miners_all(const struct source_miners *m);

/* The columns that say whom a row is about, as of that instant. Of a miner without a record
 * the id alone. */
KZ_MUST_USE enum kz_err source_set_miner(struct report *r, char why[SOURCE_WHY_SIZE],
                                         const struct source_miners *m, const char *id,
                                         int64_t at_ms);
/* tax_id and official_name, where the report shows them; the latter of a person comes from
 * the vault, and stays empty where it was erased. */
KZ_MUST_USE enum kz_err source_set_identity(struct report *r, char why[SOURCE_WHY_SIZE],
                                            struct source_miners *m, const char *id);

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
