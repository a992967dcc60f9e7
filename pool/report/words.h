/* pool/report/words.h - the catalogues of all languages of a profile.
 *
 * Ownership  words_clear() frees, also what was not loaded whole.
 * Errors     as catalogue_load(): each language of the profile must have its file.
 * Thread     loading does I/O. */
#ifndef POOL_REPORT_WORDS_H
#define POOL_REPORT_WORDS_H

#include "pool/registry/profile.h"
#include "pool/report/catalogue.h"

struct words {
    struct catalogue *catalogues[PROFILE_LIST_MAX];
    size_t count;
};

/* From DIR/tk.json and so on. `dir` NULL: where catalogues are installed. */
KZ_MUST_USE enum kz_err words_load(struct words *out, char why[CATALOGUE_WHY_SIZE],
                                   const char *dir, const struct profile *profile);
void words_clear(struct words *w);

#endif
