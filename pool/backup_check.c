#include "pool/backup_check.h"

#include "conf/mem.h"
#include "pool/audit/chain_stream.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE     ((size_t)256 << 10)
#define DEPTH_MAX 4
#define NAME_SIZE (2 * BACKUP_FILE_NAME_MAX)

struct checking {
    struct backup_report *report;
    const struct backup_check *check;
    int dir;
    bool *is_there; /* a manifest's file, by its index */
    char *why;
    uint8_t *piece;
};

static enum kz_err KZ_PRINTF(3, 4)
    fail(char why[BACKUP_WHY_SIZE], enum kz_err err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, BACKUP_WHY_SIZE, format, args);
    va_end(args);
    return err;
}

static void KZ_PRINTF(2, 3) problem(struct checking *c, const char *format, ...)
{
    char line[BACKUP_WHY_SIZE];
    va_list args;
    if (c->report->problem_count++ >= BACKUP_PROBLEMS_MAX)
        return;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    json_t *text = json_string(line);
    json_array_append_new(c->report->problems,
                          text != NULL ? text : json_string("a name that is no UTF-8"));
}

/* --- the manifest ------------------------------------------------------------------ */

/* The whole file; the caller's to mem_free(). KZ_EMPTY: there is none. */
static enum kz_err read_whole(uint8_t **out, size_t *len, char why[BACKUP_WHY_SIZE],
                              int dir, const char *name)
{
    struct stat st;
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT
                   ? fail(why, KZ_EMPTY, "no backup: there is no %s", name)
                   : fail(why, KZ_IO, "%s cannot be opened: %s", name, strerror(errno));
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size <= 0 ||
        (uint64_t)st.st_size > BACKUP_MANIFEST_MAX) {
        close(fd);
        return fail(why, KZ_RANGE, "%s is empty, too large or no file", name);
    }
    uint8_t *bytes = mem_new((size_t)st.st_size);
    ssize_t n = read(fd, bytes, (size_t)st.st_size);
    close(fd);
    if (n != st.st_size) {
        mem_free(bytes);
        return fail(why, KZ_IO, "%s cannot be read", name);
    }
    *out = bytes;
    *len = (size_t)st.st_size;
    return KZ_OK;
}

/* As sha256sum writes it. */
static enum kz_err check_hash_file(char why[BACKUP_WHY_SIZE], int dir,
                                   const struct hash256 *hash)
{
    char hex[HASH256_HEX_SIZE], line[128];
    uint8_t *text = NULL;
    size_t len = 0;
    enum kz_err err = read_whole(&text, &len, why, dir, BACKUP_MANIFEST_HASH);
    if (err != KZ_OK)
        return err;
    hex_encode(hex, hash->b, sizeof(hash->b));
    int expected = snprintf(line, sizeof(line), "%s  " BACKUP_MANIFEST "\n", hex);
    bool is_it = len == (size_t)expected && memcmp(text, line, len) == 0;
    mem_free(text);
    return is_it ? KZ_OK
                 : fail(why, KZ_RANGE,
                        BACKUP_MANIFEST " is not the one that " BACKUP_MANIFEST_HASH
                                        " names");
}

static enum kz_err read_manifest(struct backup_manifest *out, struct hash256 *hash,
                                 char why[BACKUP_WHY_SIZE], int dir)
{
    uint8_t *text = NULL;
    size_t len = 0;
    char inner[BACKUP_WHY_SIZE];
    enum kz_err err = read_whole(&text, &len, why, dir, BACKUP_MANIFEST);
    if (err != KZ_OK)
        return err;
    hash256_single(hash, text, len);
    err = check_hash_file(why, dir, hash);
    if (err == KZ_OK &&
        backup_manifest_parse(out, inner, (struct bytes){text, len}) != KZ_OK)
        err = fail(why, KZ_RANGE, BACKUP_MANIFEST ": %.400s", inner);
    mem_free(text);
    return err;
}

static int open_backup(char why[BACKUP_WHY_SIZE], const char *path)
{
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        fail(why, KZ_IO, "%.300s cannot be opened: %s", path, strerror(errno));
    return dir;
}

/* --- files ------------------------------------------------------------------------- */

static bool is_stopping(const struct checking *c)
{
    return c->check->is_stopping != NULL && c->check->is_stopping(c->check->ctx);
}

/* False: it cannot be read to its end. */
static bool hash_file(struct hash256 *out, uint64_t *size, struct checking *c, int fd)
{
    unsigned len = 0;
    ssize_t n = 0;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool ok = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;
    *size = 0;
    while (ok && (n = read(fd, c->piece, PIECE)) > 0) {
        ok = EVP_DigestUpdate(md, c->piece, (size_t)n) == 1;
        *size += (uint64_t)n;
    }
    ok = ok && n == 0 && EVP_DigestFinal_ex(md, out->b, &len) == 1;
    EVP_MD_CTX_free(md);
    return ok;
}

static void check_file(struct checking *c, const struct backup_file *f)
{
    struct hash256 hash;
    uint64_t size;
    int fd = openat(c->dir, f->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        problem(c, "%s cannot be opened: %s", f->name, strerror(errno));
        return;
    }
    bool ok = hash_file(&hash, &size, c, fd);
    close(fd);
    if (!ok)
        problem(c, "%s cannot be read", f->name);
    else if (size != f->size)
        problem(c, "%s has %" PRIu64 " bytes, and had %" PRIu64, f->name, size,
                f->size);
    else if (!hash256_equal(&hash, &f->sha256))
        problem(c, "%s was changed: its SHA-256 is another", f->name);
}

static void note_name(struct checking *c, const char *name, bool is_file)
{
    const struct backup_manifest *m = &c->report->manifest;
    const struct backup_file *f = backup_manifest_find(m, name);
    if (strcmp(name, BACKUP_MANIFEST) == 0 || strcmp(name, BACKUP_MANIFEST_HASH) == 0)
        return;
    if (f == NULL)
        problem(c, "%s is too much: the manifest does not have it", name);
    else if (!is_file)
        problem(c, "%s is no regular file", name);
    else
        c->is_there[f - m->files] = true;
}

static enum kz_err walk(struct checking *c, int dir, const char *prefix, int depth);

static enum kz_err note_entry(struct checking *c, int dir, const char *prefix,
                              const char *entry, int depth)
{
    char name[NAME_SIZE];
    struct stat st = {0};
    bool fits = snprintf(name, sizeof(name), "%s%s", prefix, entry) < NAME_SIZE - 1;
    bool is_known = fstatat(dir, entry, &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (!fits || !is_known || !S_ISDIR(st.st_mode) || depth == DEPTH_MAX) {
        note_name(c, name, is_known && S_ISREG(st.st_mode));
        return KZ_OK;
    }
    int fd = openat(dir, entry, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return fail(c->why, KZ_IO, "%s cannot be opened: %s", name, strerror(errno));
    snprintf(name + strlen(name), 2, "/");
    return walk(c, fd, name, depth + 1);
}

/* Takes `dir`. */
static enum kz_err walk(struct checking *c, int dir, const char *prefix, int depth)
{
    enum kz_err err = KZ_OK;
    DIR *d = fdopendir(dir);
    if (d == NULL) {
        close(dir);
        return fail(c->why, KZ_IO, "%s cannot be listed", prefix);
    }
    for (const struct dirent *e; err == KZ_OK && (e = readdir(d)) != NULL;)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            err = note_entry(c, dir, prefix, e->d_name, depth);
    closedir(d);
    return err;
}

static enum kz_err check_names(struct checking *c)
{
    const struct backup_manifest *m = &c->report->manifest;
    int again = openat(c->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (again < 0)
        return fail(c->why, KZ_IO, "cannot be listed: %s", strerror(errno));
    enum kz_err err = walk(c, again, "", 1);
    for (size_t i = 0; err == KZ_OK && i < m->file_count; i++) {
        if (is_stopping(c))
            return fail(c->why, KZ_BUSY, "stopping");
        if (c->is_there[i])
            check_file(c, &m->files[i]);
        else
            problem(c, "%s is missing", m->files[i].name);
    }
    return err;
}

/* --- what the journals in it say ----------------------------------------------------- */

static void check_journal(struct checking *c, const char *folder,
                          const struct backup_journal *expect,
                          const struct chain_head *head)
{
    char dir[NAME_SIZE + 4096], why[AUDIT_WHY_SIZE];
    struct chain_stream found;
    if (expect->id[0] == '\0')
        return;
    snprintf(dir, sizeof(dir), "%.4000s/%s", c->check->path, folder);
    if (chain_stream_read(&found, why, dir, head) != KZ_OK)
        problem(c, "%s: %.400s", folder, why);
    else if (strcmp(found.id, expect->id) != 0 || found.last != expect->last)
        problem(c, "%s is %s up to event %" PRIu64 ", and was %s up to %" PRIu64,
                folder, found.id, found.last, expect->id, expect->last);
    else if (head != NULL && (found.head.seq != head->seq ||
                              !hash256_equal(&found.head.hash, &head->hash)))
        problem(c,
                "%s: its audit chain ends at event %" PRIu64
                ", the manifest's at %" PRIu64,
                folder, found.head.seq, head->seq);
}

static enum kz_err check_all(struct checking *c)
{
    const struct backup_manifest *m = &c->report->manifest;
    const struct chain_head head = {.seq = m->audit_seq, .hash = m->audit_hash};
    const struct hash256 *expect = c->check->expect;
    if (expect != NULL && !hash256_equal(expect, &c->report->manifest_hash))
        problem(c, BACKUP_MANIFEST " is not the one whose SHA-256 was noted");
    enum kz_err err = check_names(c);
    if (err != KZ_OK || c->report->problem_count > 0)
        return err; /* what lies in changed files is not worth a word */
    check_journal(c, "journal", &m->journal, &head);
    check_journal(c, "payout", &m->payout, NULL);
    return KZ_OK;
}

enum kz_err backup_check_run(struct backup_report *out, char why[BACKUP_WHY_SIZE],
                             const struct backup_check *check)
{
    struct backup_report r = {.problem_count = 0};
    int dir = open_backup(why, check->path);
    if (dir < 0)
        return KZ_IO;
    enum kz_err err = read_manifest(&r.manifest, &r.manifest_hash, why, dir);
    if (err == KZ_OK) {
        struct checking c = {.report = &r, .check = check, .dir = dir, .why = why};
        r.problems = json_array();
        c.is_there = mem_array(r.manifest.file_count + 1, sizeof(*c.is_there));
        c.piece = mem_new(PIECE);
        err = check_all(&c);
        mem_free(c.piece);
        mem_free(c.is_there);
    }
    close(dir);
    if (err == KZ_OK)
        *out = r;
    else
        backup_report_clear(&r);
    return err;
}

void backup_report_clear(struct backup_report *r)
{
    backup_manifest_clear(&r->manifest);
    json_decref(r->problems);
    r->problems = NULL;
}
