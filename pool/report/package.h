/* pool/report/package.h - a directory of signed reports: made whole, or not at all.
 *
 *   manifest.json, manifest.sig     pool/report/manifest.h
 *   R4.json R4.csv R4.xml           each report (pool/report/formats.h)
 *   R4.en.html R4.ru.html ...       in each language
 *   report.xsd                      the schema of all .xml
 *   README.txt                      how to verify, in each language
 *
 * It is made in a directory beside its place, synced, and then renamed: whoever sees the
 * name sees a whole package. What is there already is never written over.
 *
 * Errors  KZ_IO: the disk said no. KZ_RANGE: the reports do not agree with each other or
 *         with the manifest, full disclosure without a request, or there is such a
 *         directory. `why` names file and reason.
 * Thread  any; does file I/O. Source: registry spec section 4. */
#ifndef POOL_REPORT_PACKAGE_H
#define POOL_REPORT_PACKAGE_H

#include "pool/report/crosscheck.h"
#include "pool/report/formats.h"
#include "pool/report/manifest.h"

#define PACKAGE_PART     ".part-" /* in the name of a directory that is not whole yet */
#define PACKAGE_WHY_SIZE 512

struct package_plan {
    const char *dir;                    /* to be made; its parent is there */
    const struct manifest_facts *facts; /* but its languages: those of `catalogues` */
    const struct report *const *reports;
    size_t report_count;
    const struct catalogue *const *catalogues;
    size_t catalogue_count;
    struct csv_style csv;
    const struct crosscheck_spans *spans; /* or NULL: pool/report/crosscheck.h */
    const struct sign_context *context;
    const uint8_t *key; /* PRIVATE_KEY_SIZE, borrowed; NULL: nothing signs it */
    const uint8_t
        *public_key; /* XONLY_SIZE: that the manifest names where `key` is NULL */
};

/* `hash`: the manifest's, which the next one's `previous` holds. */
KZ_MUST_USE enum kz_err package_write(struct hash256 *hash, char why[PACKAGE_WHY_SIZE],
                                      const struct package_plan *plan);

#endif
