/* pool/report/reproduce.h - a package made again, as of the moment it was made, and compared
 * with the one that was handed over.
 *
 * The reports are made from what store, journal and vault have today by the facts of the
 * package's manifest: period, level, subject, request, reports, what it corrects and
 * follows, and the time it was made, after which nothing counts. Operator, software and key
 * stand in it as in the manifest; it is not signed, so that no key is needed. The same
 * bytes come out where the pool, or one that was restored from its backup, still has the
 * same facts.
 *
 *   notes        what is not as it was when the package was made, and may be why a file
 *                differs: another build, profile, operator, instance; figures that are not
 *                kept any more; a period that was not over
 *   differences  as pool/report/compare.h has them; none: all is equal
 *
 * Ownership  reproduction_clear() frees what reproduce() filled.
 * Errors     as pool/report/make.h: it cannot be made again at all. KZ_RANGE: a
 *            cancellation, or a package of another jurisdiction.
 * Thread     any that may wait. */
#ifndef POOL_REPORT_REPRODUCE_H
#define POOL_REPORT_REPRODUCE_H

#include "pool/report/compare.h"
#include "pool/report/make.h"

struct reproduction {
    json_t *notes;       /* texts for people */
    json_t *differences; /* of pool/report/compare.h */
    size_t files;        /* that were compared */
};

/* `m` is the manifest of the package in `dir`, verified. Of `with` count store, conf,
 * profile, commit, journal_dir, vault, catalogues and context; `dir`, where the other one is
 * made and stays; and `made_ms`, which is now. */
KZ_MUST_USE enum kz_err reproduce(struct reproduction *out, char why[PACKAGE_WHY_SIZE],
                                  const struct manifest *m, const char *dir,
                                  const struct make_plan *with);
void reproduction_clear(struct reproduction *r);

#endif
