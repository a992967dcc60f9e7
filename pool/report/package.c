#include "pool/report/package.h"

#include "conf/mem.h"
#include "pool/report/digest.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/rand.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_SIZE (MANIFEST_NAME_MAX + 1)

struct making {
    const struct package_plan *plan;
    char *why; /* PACKAGE_WHY_SIZE */
    char dir[PATH_MAX];
    struct manifest_file *files; /* their names are owned */
    size_t count, room;
    struct manifest_report *reports;
};

static enum kz_err KZ_PRINTF(3, 4)
    refuse(char *why, enum kz_err err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, PACKAGE_WHY_SIZE, format, args);
    va_end(args);
    return err;
}

static enum kz_err refuse_errno(char *why, const char *path)
{
    return refuse(why, KZ_IO, "%s: %s", path, strerror(errno));
}

/* --- one file ------------------------------------------------------------------------- */

typedef enum kz_err put_fn(FILE *to, const void *what, const struct making *m);

static enum kz_err write_file(const struct making *m, const char *path, put_fn *put,
                              const void *what)
{
    FILE *to = fopen(path, "wxe");
    if (to == NULL)
        return refuse_errno(m->why, path);
    enum kz_err err = put(to, what, m);
    bool is_synced = fflush(to) == 0 && fsync(fileno(to)) == 0;
    if (err != KZ_OK || !is_synced)
        err = refuse_errno(m->why, path);
    if (fclose(to) != 0 && err == KZ_OK)
        err = refuse_errno(m->why, path);
    return err;
}

static enum kz_err path_of(const struct making *m, char path[PATH_MAX],
                           const char *name)
{
    int n = snprintf(path, PATH_MAX, "%s/%s", m->dir, name);
    return n < PATH_MAX ? KZ_OK : refuse(m->why, KZ_RANGE, "%s: too long a path", name);
}

/* Writes it and puts it on the manifest's list. */
static enum kz_err add_file(struct making *m, const char *name, const char *report,
                            put_fn *put, const void *what)
{
    char path[PATH_MAX];
    struct manifest_file file = {.report = report};
    enum kz_err err = path_of(m, path, name);
    if (err == KZ_OK)
        err = write_file(m, path, put, what);
    if (err == KZ_OK && digest_file(&file.sha256, &file.bytes, path) != KZ_OK)
        err = refuse_errno(m->why, path);
    if (err != KZ_OK)
        return err;
    if (m->count == m->room) {
        m->room = m->room > 0 ? 2 * m->room : 32;
        m->files = mem_resize(m->files, m->room * sizeof(*m->files));
    }
    file.name = mem_text(name);
    m->files[m->count++] = file;
    return KZ_OK;
}

/* --- what is in them ------------------------------------------------------------------ */

static enum kz_err put_json(FILE *to, const void *what, const struct making *m)
{
    (void)m;
    return report_write_json(to, what);
}

static enum kz_err put_csv(FILE *to, const void *what, const struct making *m)
{
    return report_write_csv(to, what, &m->plan->csv);
}

static enum kz_err put_xml(FILE *to, const void *what, const struct making *m)
{
    (void)m;
    return report_write_xml(to, what);
}

static enum kz_err put_xsd(FILE *to, const void *what, const struct making *m)
{
    (void)what;
    (void)m;
    return report_write_xsd(to);
}

struct page {
    const struct report *report;
    const struct catalogue *words;
};

static enum kz_err put_html(FILE *to, const void *what, const struct making *m)
{
    const struct page *page = what;
    (void)m;
    return report_write_html(to, page->report, page->words);
}

static enum kz_err put_text(FILE *to, const void *what, const struct making *m)
{
    (void)m;
    return fputs(what, to) >= 0 ? KZ_OK : KZ_IO;
}

/* The lines are numbered in the catalogue from 0, the first is the heading. */
static enum kz_err put_readme(FILE *to, const void *what, const struct making *m)
{
    (void)what;
    for (size_t i = 0; i < m->plan->catalogue_count; i++) {
        for (int line = 0; line < 100; line++) {
            char key[16];
            snprintf(key, sizeof(key), "%d", line);
            const char *text = catalogue_text(m->plan->catalogues[i], "verify", key);
            if (text == key)
                break;
            fprintf(to, "%s\n\n", text);
        }
    }
    return ferror(to) ? KZ_IO : KZ_OK;
}

static enum kz_err add_report(struct making *m, const struct report *r)
{
    static const struct {
        const char *end;
        put_fn *put;
    } forms[] = {{"json", put_json}, {"csv", put_csv}, {"xml", put_xml}};
    const char *id = report_kind_of(report_id(r))->name;
    char name[NAME_SIZE];
    enum kz_err err = KZ_OK;
    for (size_t i = 0; i < 3 && err == KZ_OK; i++) {
        snprintf(name, sizeof(name), "%s.%s", id, forms[i].end);
        err = add_file(m, name, id, forms[i].put, r);
    }
    for (size_t i = 0; i < m->plan->catalogue_count && err == KZ_OK; i++) {
        struct page page = {r, m->plan->catalogues[i]};
        snprintf(name, sizeof(name), "%s.%.8s.html", id,
                 catalogue_language(page.words));
        err = add_file(m, name, id, put_html, &page);
    }
    return err;
}

static int by_name(const void *a, const void *b)
{
    const struct manifest_file *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* The key that the manifest names. */
static enum kz_err name_key(struct manifest *manifest, const struct making *m)
{
    const struct package_plan *plan = m->plan;
    uint8_t point[PUBKEY_SIZE];
    if (plan->key == NULL) {
        memcpy(manifest->key, plan->public_key, sizeof(manifest->key));
        return KZ_OK;
    }
    if (sign_public_key(point, plan->context, plan->key) != KZ_OK)
        return refuse(m->why, KZ_RANGE, "the reporting key is none");
    memcpy(manifest->key, point + 1, sizeof(manifest->key));
    return KZ_OK;
}

static enum kz_err add_signature(const struct making *m, struct bytes text)
{
    char signature[MANIFEST_SIGNATURE + 1], path[PATH_MAX];
    uint8_t aux[32];
    if (RAND_bytes(aux, sizeof(aux)) != 1)
        return refuse(m->why, KZ_IO, "no random bytes");
    enum kz_err err =
        manifest_sign(signature, m->plan->context, text, m->plan->key, aux);
    if (err == KZ_OK)
        err = path_of(m, path, MANIFEST_SIGNATURE_IN);
    return err == KZ_OK ? write_file(m, path, put_text, signature) : err;
}

static enum kz_err add_manifest(struct making *m, struct hash256 *hash)
{
    const struct package_plan *plan = m->plan;
    struct manifest manifest = {.facts = *plan->facts,
                                .reports = m->reports,
                                .report_count = plan->report_count,
                                .files = m->files,
                                .file_count = m->count};
    char path[PATH_MAX], *text = NULL;
    const char *languages[MANIFEST_LIST_MAX];
    size_t len = 0;
    for (size_t i = 0; i < plan->catalogue_count; i++)
        languages[i] = catalogue_language(plan->catalogues[i]);
    manifest.facts.languages = languages;
    manifest.facts.language_count = plan->catalogue_count;
    qsort(m->files, m->count, sizeof(*m->files), by_name);
    if (name_key(&manifest, m) != KZ_OK)
        return KZ_RANGE;
    if (manifest_format(&text, &len, &manifest) != KZ_OK)
        return refuse(m->why, KZ_RANGE,
                      MANIFEST_FILE ": a text or number in it cannot "
                                    "be written");
    struct bytes bytes = {(const uint8_t *)text, len};
    enum kz_err err = manifest_hash(hash, bytes);
    if (err == KZ_OK)
        err = path_of(m, path, MANIFEST_FILE);
    if (err == KZ_OK)
        err = write_file(m, path, put_text, text);
    if (err == KZ_OK && plan->key != NULL)
        err = add_signature(m, bytes);
    mem_free(text);
    return err;
}

/* --- before anything is written ------------------------------------------------------- */

static void keep_first(void *ctx, const struct crosscheck_failure *failure)
{
    char *why = ctx;
    if (why[0] == '\0')
        snprintf(why, PACKAGE_WHY_SIZE, "%s", failure->text);
}

static bool report_fits(const struct report_header *h, const struct manifest_facts *f)
{
    return strcmp(h->jurisdiction, f->jurisdiction) == 0 &&
           strcmp(h->operator_name, f->operator_name) == 0 &&
           strcmp(h->timezone, f->timezone) == 0 &&
           h->period.from_ms == f->period.from_ms &&
           h->period.to_ms == f->period.to_ms && h->disclosure == f->disclosure &&
           h->profile_verified == f->profile.verified;
}

static enum kz_err check_plan(const struct making *m)
{
    const struct package_plan *p = m->plan;
    assert(p->catalogue_count <= MANIFEST_LIST_MAX);
    if (p->facts->disclosure == DISCLOSURE_FULL && p->facts->request == NULL)
        return refuse(m->why, KZ_RANGE,
                      "request: full disclosure needs the number of a written request");
    for (size_t i = 0; i < p->report_count; i++)
        if (!report_fits(report_header(p->reports[i]), p->facts))
            return refuse(m->why, KZ_RANGE, "%s: another header than the manifest's",
                          report_kind_of(report_id(p->reports[i]))->name);
    m->why[0] = '\0';
    size_t failures =
        crosscheck(p->reports, p->report_count, p->spans, keep_first, m->why);
    return failures == 0 ? KZ_OK : KZ_RANGE;
}

/* --- the directory -------------------------------------------------------------------- */

static enum kz_err sync_dir(char *why, const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return refuse_errno(why, path);
    enum kz_err err = fsync(fd) == 0 ? KZ_OK : refuse_errno(why, path);
    close(fd);
    return err;
}

/* Ours alone, and not whole. */
static void remove_dir(const char *path)
{
    char file[PATH_MAX];
    DIR *dir = opendir(path);
    if (dir == NULL)
        return;
    for (struct dirent *e; (e = readdir(dir)) != NULL;)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
            snprintf(file, sizeof(file), "%s/%s", path, e->d_name) < PATH_MAX)
            unlink(file);
    closedir(dir);
    rmdir(path);
}

static enum kz_err fill(struct making *m, struct hash256 *hash)
{
    const struct package_plan *plan = m->plan;
    enum kz_err err = KZ_OK;
    for (size_t i = 0; i < plan->report_count && err == KZ_OK; i++) {
        const struct report *r = plan->reports[i];
        m->reports[i] = (struct manifest_report){report_id(r), report_row_count(r),
                                                 report_totals_count(r)};
        err = add_report(m, r);
    }
    if (err == KZ_OK)
        err = add_file(m, "report.xsd", NULL, put_xsd, NULL);
    if (err == KZ_OK)
        err = add_file(m, "README.txt", NULL, put_readme, NULL);
    if (err == KZ_OK)
        err = add_manifest(m, hash);
    return err;
}

/* rename() takes the place of an empty directory, which RENAME_NOREPLACE does not; file
 * systems without it say EINVAL, and then lstat() has looked before. */
static enum kz_err move_dir(const struct making *m)
{
    const char *to = m->plan->dir;
    if (renameat2(AT_FDCWD, m->dir, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return KZ_OK;
    if (errno == EINVAL && rename(m->dir, to) == 0)
        return KZ_OK;
    if (errno == EEXIST || errno == ENOTEMPTY)
        return refuse(m->why, KZ_RANGE, "%s: is there already", to);
    return refuse_errno(m->why, to);
}

static enum kz_err sync_parent(const struct making *m)
{
    char parent[PATH_MAX];
    const char *slash = strrchr(m->plan->dir, '/');
    if (slash == NULL)
        return sync_dir(m->why, ".");
    snprintf(parent, sizeof(parent), "%.*s", (int)(slash - m->plan->dir) + 1,
             m->plan->dir);
    return sync_dir(m->why, parent);
}

static enum kz_err make_dir(struct making *m)
{
    struct stat st;
    const char *to = m->plan->dir;
    size_t len = strlen(to);
    if (len == 0 || to[len - 1] == '/' || len > sizeof(m->dir) - 16)
        return refuse(m->why, KZ_RANGE, "%s: no name for a directory", to);
    if (lstat(to, &st) == 0)
        return refuse(m->why, KZ_RANGE, "%s: is there already", to);
    snprintf(m->dir, sizeof(m->dir), "%s" PACKAGE_PART "XXXXXX", to);
    return mkdtemp(m->dir) != NULL ? KZ_OK : refuse_errno(m->why, m->dir);
}

enum kz_err package_write(struct hash256 *hash, char why[PACKAGE_WHY_SIZE],
                          const struct package_plan *plan)
{
    struct making m = {.plan = plan, .why = why};
    struct hash256 made;
    enum kz_err err = check_plan(&m);
    if (err == KZ_OK)
        err = make_dir(&m);
    if (err != KZ_OK)
        return err;
    m.reports = mem_array(plan->report_count, sizeof(*m.reports));
    err = fill(&m, &made);
    if (err == KZ_OK)
        err = sync_dir(why, m.dir);
    if (err == KZ_OK)
        err = move_dir(&m);
    if (err != KZ_OK)
        remove_dir(m.dir);
    else
        err = sync_parent(&m);
    if (err == KZ_OK)
        *hash = made;
    for (size_t i = 0; i < m.count; i++)
        mem_free((char *)m.files[i].name);
    mem_free(m.files);
    mem_free(m.reports);
    return err;
}
