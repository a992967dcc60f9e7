#include "pool/report/package_verify.h"

#include "conf/mem.h"
#include "pool/report/count_rows.h"
#include "pool/report/digest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REPORT_FILE_MAX ((uint64_t)1 << 31)

struct verifying {
    const char *dir;
    char *why; /* PACKAGE_WHY_SIZE */
    const struct sign_context *context;
    const uint8_t *key; /* or NULL */
    struct manifest *manifest;
};

static enum kz_err KZ_PRINTF(3, 4)
    refuse(const struct verifying *v, enum kz_err err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(v->why, PACKAGE_WHY_SIZE, format, args);
    va_end(args);
    return err;
}

/* --- reading -------------------------------------------------------------------------- */

static bool path_of(char path[PATH_MAX], const struct verifying *v, const char *name)
{
    return snprintf(path, PATH_MAX, "%s/%s", v->dir, name) < PATH_MAX;
}

static enum kz_err read_all(int fd, uint8_t *to, size_t size)
{
    while (size > 0) {
        ssize_t n = read(fd, to, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return KZ_IO;
        to += n;
        size -= (size_t)n;
    }
    return KZ_OK;
}

/* The caller's to mem_free(); NUL-terminated. */
static enum kz_err read_file(uint8_t **out, size_t *len, const struct verifying *v,
                             const char *name, uint64_t max)
{
    char path[PATH_MAX];
    struct stat st;
    if (!path_of(path, v, name))
        return refuse(v, KZ_RANGE, "%s: too long a path", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return refuse(v, KZ_IO, "%s: %s", name, strerror(errno));
    enum kz_err err = KZ_OK;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        err = refuse(v, KZ_RANGE, "%s: no regular file", name);
    else if ((uint64_t)st.st_size > max)
        err = refuse(v, KZ_RANGE, "%s: %" PRId64 " bytes, more than it may have", name,
                     (int64_t)st.st_size);
    if (err == KZ_OK) {
        uint8_t *text = mem_new((size_t)st.st_size + 1);
        if (read_all(fd, text, (size_t)st.st_size) != KZ_OK) {
            err = refuse(v, KZ_IO, "%s: cannot be read whole", name);
            mem_free(text);
        } else {
            *out = text;
            *len = (size_t)st.st_size;
        }
    }
    close(fd);
    return err;
}

/* --- the manifest --------------------------------------------------------------------- */

static enum kz_err check_signature(const struct verifying *v, struct bytes text)
{
    uint8_t *signature = NULL;
    size_t len = 0;
    enum kz_err err =
        read_file(&signature, &len, v, MANIFEST_SIGNATURE_IN, MANIFEST_SIZE_MAX);
    if (err != KZ_OK)
        return err;
    if (!manifest_is_signed(v->context, text, (struct bytes){signature, len},
                            v->manifest->key))
        err = refuse(v, KZ_RANGE,
                     MANIFEST_SIGNATURE_IN ": no signature of " MANIFEST_FILE
                                           " by the key in it: one of the two was "
                                           "changed");
    mem_free(signature);
    return err;
}

static enum kz_err check_key(const struct verifying *v)
{
    if (v->key == NULL || memcmp(v->key, v->manifest->key, XONLY_SIZE) == 0)
        return KZ_OK;
    return refuse(v, KZ_RANGE, MANIFEST_FILE ": its key is not the one that was given");
}

static enum kz_err read_manifest(struct verifying *v)
{
    uint8_t *text = NULL;
    size_t len = 0;
    char why[MANIFEST_WHY_SIZE];
    enum kz_err err = read_file(&text, &len, v, MANIFEST_FILE, MANIFEST_SIZE_MAX);
    if (err != KZ_OK)
        return err;
    struct bytes bytes = {text, len};
    err = manifest_parse(&v->manifest, why, bytes);
    if (err != KZ_OK)
        err = refuse(v, err, MANIFEST_FILE ": %s", why);
    if (err == KZ_OK)
        err = check_key(v);
    if (err == KZ_OK)
        err = check_signature(v, bytes);
    mem_free(text);
    return err;
}

/* --- the files ------------------------------------------------------------------------ */

static bool is_listed(const struct manifest *m, const char *name)
{
    if (strcmp(name, MANIFEST_FILE) == 0 || strcmp(name, MANIFEST_SIGNATURE_IN) == 0)
        return true;
    for (size_t i = 0; i < m->file_count; i++)
        if (strcmp(m->files[i].name, name) == 0)
            return true;
    return false;
}

static enum kz_err check_names(const struct verifying *v)
{
    enum kz_err err = KZ_OK;
    DIR *dir = opendir(v->dir);
    if (dir == NULL)
        return refuse(v, KZ_IO, "%s: %s", v->dir, strerror(errno));
    for (struct dirent *e; err == KZ_OK && (e = readdir(dir)) != NULL;) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (!is_listed(v->manifest, e->d_name))
            err = refuse(v, KZ_RANGE, "%s: not in the manifest's list", e->d_name);
    }
    closedir(dir);
    return err;
}

static enum kz_err check_file(const struct verifying *v, const struct manifest_file *f)
{
    char path[PATH_MAX];
    struct hash256 sha256;
    uint64_t bytes = 0;
    if (!path_of(path, v, f->name))
        return refuse(v, KZ_RANGE, "%s: too long a path", f->name);
    enum kz_err err = digest_file(&sha256, &bytes, path);
    if (err == KZ_RANGE)
        return refuse(v, err, "%s: no regular file", f->name);
    if (err != KZ_OK)
        return refuse(v, err, "%s: %s", f->name, strerror(errno));
    if (bytes != f->bytes)
        return refuse(v, KZ_RANGE,
                      "%s: has %" PRIu64 " bytes, the manifest says %" PRIu64, f->name,
                      bytes, f->bytes);
    if (!hash256_equal(&sha256, &f->sha256))
        return refuse(v, KZ_RANGE,
                      "%s: its SHA-256 is not the manifest's: the file was changed",
                      f->name);
    return KZ_OK;
}

static const struct manifest_report *report_of(const struct manifest *m,
                                               const struct manifest_file *f)
{
    for (size_t i = 0; f->report != NULL && i < m->report_count; i++)
        if (strcmp(report_kind_of(m->reports[i].id)->name, f->report) == 0)
            return &m->reports[i];
    return NULL;
}

static enum kz_err check_rows(const struct verifying *v, const struct manifest_file *f)
{
    const struct manifest_report *r = report_of(v->manifest, f);
    uint8_t *text = NULL;
    size_t len = 0;
    uint64_t rows = 0;
    if (f->report == NULL)
        return KZ_OK;
    if (r == NULL)
        return refuse(v, KZ_RANGE, "%s: of a report that the manifest does not list",
                      f->name);
    enum kz_err err = read_file(&text, &len, v, f->name, REPORT_FILE_MAX);
    if (err != KZ_OK)
        return err;
    err = count_rows(&rows, f->name, (struct bytes){text, len});
    if (err != KZ_OK)
        err = refuse(v, err, "%s: not in the form of its name", f->name);
    else if (rows != r->rows)
        err =
            refuse(v, KZ_RANGE, "%s: has %" PRIu64 " rows, the manifest says %" PRIu64,
                   f->name, rows, r->rows);
    mem_free(text);
    return err;
}

/* The master and the three forms beside it. */
static enum kz_err check_forms(const struct verifying *v,
                               const struct manifest_report *r)
{
    static const char *const ends[] = {".json", ".csv", ".xml"};
    const char *id = report_kind_of(r->id)->name;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        char name[MANIFEST_NAME_MAX + 1];
        snprintf(name, sizeof(name), "%s%s", id, ends[i]);
        if (!is_listed(v->manifest, name))
            return refuse(v, KZ_RANGE,
                          "%s: not in the manifest's list, but its report is", name);
    }
    return KZ_OK;
}

static enum kz_err check_all(struct verifying *v)
{
    enum kz_err err = read_manifest(v);
    if (err == KZ_OK)
        err = check_names(v);
    if (err != KZ_OK)
        return err;
    const struct manifest *m = v->manifest;
    for (size_t i = 0; i < m->file_count && err == KZ_OK; i++)
        err = check_file(v, &m->files[i]);
    for (size_t i = 0; i < m->report_count && err == KZ_OK; i++)
        err = check_forms(v, &m->reports[i]);
    for (size_t i = 0; i < m->file_count && err == KZ_OK; i++)
        err = check_rows(v, &m->files[i]);
    return err;
}

enum kz_err package_verify(struct manifest **out, char why[PACKAGE_WHY_SIZE],
                           const char *dir, const struct sign_context *c,
                           const uint8_t *key)
{
    struct verifying v = {.dir = dir, .why = why, .context = c, .key = key};
    enum kz_err err = check_all(&v);
    if (err == KZ_OK)
        *out = v.manifest;
    else
        manifest_free(v.manifest);
    return err;
}
