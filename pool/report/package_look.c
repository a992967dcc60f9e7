#include "pool/report/package_look.h"

#include "conf/mem.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* The caller's to mem_free(). */
static enum kz_err read_file(uint8_t **bytes, size_t *len, char why[PACKAGE_WHY_SIZE],
                             const char *dir, const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *f = fopen(path, "rbe");
    if (f == NULL) {
        snprintf(why, PACKAGE_WHY_SIZE, "%.400s: %s", path, strerror(errno));
        return KZ_IO;
    }
    uint8_t *to = mem_new(MANIFEST_SIZE_MAX + 1);
    size_t n = fread(to, 1, MANIFEST_SIZE_MAX + 1, f);
    enum kz_err err = ferror(f) ? KZ_IO : n > MANIFEST_SIZE_MAX ? KZ_PARSE : KZ_OK;
    fclose(f);
    if (err != KZ_OK) {
        snprintf(why, PACKAGE_WHY_SIZE, "%.400s: %s", path,
                 err == KZ_IO ? "cannot be read" : "too large");
        mem_free(to);
        return err;
    }
    *bytes = to;
    *len = n;
    return KZ_OK;
}

static bool has_signature(const char *dir, struct bytes text, const struct manifest *m,
                          const struct sign_context *c)
{
    char why[PACKAGE_WHY_SIZE];
    uint8_t *signature = NULL;
    size_t len = 0;
    if (read_file(&signature, &len, why, dir, MANIFEST_SIGNATURE_IN) != KZ_OK)
        return false;
    bool is_signed =
        manifest_is_signed(c, text, (struct bytes){signature, len}, m->key);
    mem_free(signature);
    return is_signed;
}

enum kz_err package_look(struct package_look *out, char why[PACKAGE_WHY_SIZE],
                         const char *dir, const struct sign_context *c)
{
    char inner[MANIFEST_WHY_SIZE] = "not canonical";
    uint8_t *text = NULL;
    size_t len = 0;
    struct package_look l = {.manifest = NULL};
    enum kz_err err = read_file(&text, &len, why, dir, MANIFEST_FILE);
    if (err != KZ_OK)
        return err;
    struct bytes bytes = {text, len};
    err = manifest_parse(&l.manifest, inner, bytes);
    if (err == KZ_OK)
        err = manifest_hash(&l.hash, bytes);
    if (err == KZ_OK) {
        l.is_signed = has_signature(dir, bytes, l.manifest, c);
        *out = l;
    } else {
        snprintf(why, PACKAGE_WHY_SIZE, "%.200s: " MANIFEST_FILE ": %.200s", dir,
                 inner);
        manifest_free(l.manifest);
    }
    mem_free(text);
    return err;
}

void package_look_clear(struct package_look *l)
{
    manifest_free(l->manifest);
    l->manifest = NULL;
}

bool package_look_newest(struct hash256 *hash, const char *dir,
                         const struct sign_context *c)
{
    int64_t newest = INT64_MIN;
    DIR *d = opendir(dir);
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        char sub[PATH_MAX], why[PACKAGE_WHY_SIZE];
        struct package_look l;
        if (e->d_name[0] == '.' || strstr(e->d_name, PACKAGE_PART) != NULL ||
            snprintf(sub, sizeof(sub), "%s/%s", dir, e->d_name) >= PATH_MAX ||
            package_look(&l, why, sub, c) != KZ_OK)
            continue;
        if (l.is_signed && l.manifest->facts.made_ms > newest) {
            newest = l.manifest->facts.made_ms;
            *hash = l.hash;
        }
        package_look_clear(&l);
    }
    if (d != NULL)
        closedir(d);
    return newest != INT64_MIN;
}
