#include "pool/report/languages.h"

#include "conf/conf.h"

#include <limits.h>
#include <stdio.h>

enum kz_err languages_load(struct languages *out, char why[CATALOGUE_WHY_SIZE],
                           const char *dir, const struct profile *profile)
{
    char installed[PATH_MAX / 2], path[PATH_MAX];
    struct languages w = {.count = 0};
    conf_data_folder(installed, sizeof(installed), "catalogues");
    for (size_t i = 0; i < profile->languages.count; i++) {
        snprintf(path, sizeof(path), "%s/%.16s.json", dir != NULL ? dir : installed,
                 profile->languages.items[i]);
        enum kz_err err = catalogue_load(&w.catalogues[w.count], why, path);
        if (err != KZ_OK) {
            languages_clear(&w);
            return err;
        }
        w.count++;
    }
    *out = w;
    return KZ_OK;
}

void languages_clear(struct languages *w)
{
    for (size_t i = 0; i < w->count; i++)
        catalogue_free(w->catalogues[i]);
    w->count = 0;
}
