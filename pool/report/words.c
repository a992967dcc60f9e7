#include "pool/report/words.h"

#include <limits.h>
#include <stdio.h>

/* A path's text may have a link's "..": the name is looked up, not cut. */
static bool path_of(char path[PATH_MAX], const char *dir, const char *profiles,
                    const char *language)
{
    int n = dir != NULL ? snprintf(path, PATH_MAX, "%s/%.16s.json", dir, language)
                        : snprintf(path, PATH_MAX, "%s/../catalogues/%.16s.json",
                                   profiles, language);
    return n > 0 && n < PATH_MAX;
}

enum kz_err words_load(struct words *out, char why[CATALOGUE_WHY_SIZE], const char *dir,
                       const char *profiles, const struct profile *profile)
{
    char path[PATH_MAX];
    struct words w = {.count = 0};
    for (size_t i = 0; i < profile->languages.count; i++) {
        enum kz_err err = KZ_RANGE;
        if (path_of(path, dir, profiles, profile->languages.items[i]))
            err = catalogue_load(&w.catalogues[w.count], why, path);
        else
            snprintf(why, CATALOGUE_WHY_SIZE, "the catalogues' path is too long");
        if (err != KZ_OK) {
            words_clear(&w);
            return err;
        }
        w.count++;
    }
    *out = w;
    return KZ_OK;
}

void words_clear(struct words *w)
{
    for (size_t i = 0; i < w->count; i++)
        catalogue_free(w->catalogues[i]);
    w->count = 0;
}
