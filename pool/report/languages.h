/* pool/report/languages.h - the catalogues of all languages of a profile.
 *
 * Ownership  languages_clear() frees, also what was not loaded whole.
 * Errors     as catalogue_load(): each language of the profile must have its file.
 * Thread     loading does I/O. */
#ifndef POOL_REPORT_LANGUAGES_H
#define POOL_REPORT_LANGUAGES_H

#include "pool/registry/profile.h"
#include "pool/report/catalogue.h"

struct languages {
    struct catalogue *catalogues[PROFILE_LIST_MAX];
    size_t count;
};

/* From DIR/tk.json and so on. `dir` NULL: where catalogues are installed. */
KZ_MUST_USE enum kz_err languages_load(struct languages *out,
                                       char why[CATALOGUE_WHY_SIZE], const char *dir,
                                       const struct profile *profile);
void languages_clear(struct languages *w);

#endif
