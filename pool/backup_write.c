#include "pool/backup_write.h"

#include "conf/fault.h"
#include "conf/mem.h"
#include "share/journal_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE     ((size_t)256 << 10)
#define AGAIN     20 /* times that a file may be replaced while it is read */
#define PATH_SIZE (BACKUP_FILE_NAME_MAX + 1)

enum kz_err backup_fail(struct backup_writer *w, enum kz_err err, const char *format,
                        ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(w->why, sizeof(w->why), format, args);
    va_end(args);
    return err;
}

static enum kz_err fail_errno(struct backup_writer *w, const char *name,
                              const char *what)
{
    return backup_fail(w, KZ_IO, "%s %s: %s", name, what, strerror(errno));
}

/* --- one file ---------------------------------------------------------------------- */

struct backup_sink {
    struct backup_writer *w;
    char name[PATH_SIZE];
    int fd;
    EVP_MD_CTX *md;
    uint64_t size;
};

static bool make_parents(int dir, const char *name)
{
    char path[PATH_SIZE];
    for (const char *p = strchr(name, '/'); p != NULL; p = strchr(p + 1, '/')) {
        snprintf(path, sizeof(path), "%.*s", (int)(p - name), name);
        if (mkdirat(dir, path, 0700) != 0 && errno != EEXIST)
            return false;
    }
    return true;
}

enum kz_err backup_sink_open(struct backup_sink **out, struct backup_writer *w,
                             const char *name)
{
    if (!backup_file_name_is_good(name))
        return backup_fail(w, KZ_RANGE, "%.200s: no name for a file of a backup", name);
    if (w->is_stopping != NULL && w->is_stopping(w->ctx))
        return backup_fail(w, KZ_BUSY, "stopping");
    struct backup_sink *s = mem_new(sizeof(*s));
    s->w = w;
    s->fd = -1;
    snprintf(s->name, sizeof(s->name), "%s", name);
    s->md = EVP_MD_CTX_new();
    enum kz_err err = KZ_OK;
    if (s->md == NULL || EVP_DigestInit_ex(s->md, EVP_sha256(), NULL) != 1)
        err = backup_fail(w, KZ_IO, "%s: no SHA-256", name);
    else if (!make_parents(w->dir, name))
        err = fail_errno(w, name, "cannot be made");
    else
        s->fd = openat(w->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (err == KZ_OK && s->fd < 0)
        err = fail_errno(w, name, "cannot be made");
    if (err != KZ_OK)
        return backup_sink_close(s, err);
    *out = s;
    return KZ_OK;
}

static enum kz_err hash_more(struct backup_sink *s, const void *p, size_t len)
{
    s->size += len;
    return EVP_DigestUpdate(s->md, p, len) == 1
               ? KZ_OK
               : backup_fail(s->w, KZ_IO, "%s cannot be hashed", s->name);
}

enum kz_err backup_sink_write(struct backup_sink *s, const void *p, size_t len)
{
    const uint8_t *from = p;
    size_t left = len;
    while (left > 0) {
        ssize_t n = write(s->fd, from, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail_errno(s->w, s->name, "cannot be written");
        from += n;
        left -= (size_t)n;
    }
    return hash_more(s, p, len);
}

enum kz_err backup_sink_skip(struct backup_sink *s, uint64_t len)
{
    static const uint8_t zeros[4096] = {0};
    enum kz_err err = KZ_OK;
    for (uint64_t left = len; err == KZ_OK && left > 0;) {
        size_t n = left < sizeof(zeros) ? (size_t)left : sizeof(zeros);
        err = hash_more(s, zeros, n);
        left -= n;
    }
    if (err == KZ_OK && (ftruncate(s->fd, (off_t)s->size) != 0 ||
                         lseek(s->fd, (off_t)s->size, SEEK_SET) < 0))
        err = fail_errno(s->w, s->name, "cannot be written");
    return err;
}

static enum kz_err finish(struct backup_sink *s)
{
    struct hash256 hash;
    unsigned len = 0;
    if (fsync(s->fd) != 0)
        return fail_errno(s->w, s->name, "cannot be synced");
    if (EVP_DigestFinal_ex(s->md, hash.b, &len) != 1 || len != sizeof(hash.b))
        return backup_fail(s->w, KZ_IO, "%s cannot be hashed", s->name);
    backup_manifest_add(s->w->manifest, s->name, s->size, &hash);
    FAULT_POINT("backup_file_written");
    return KZ_OK;
}

enum kz_err backup_sink_close(struct backup_sink *s, enum kz_err err)
{
    if (s == NULL)
        return err;
    if (err == KZ_OK)
        err = finish(s);
    if (err != KZ_OK && s->fd >= 0)
        unlinkat(s->w->dir, s->name, 0);
    if (s->fd >= 0)
        close(s->fd);
    EVP_MD_CTX_free(s->md);
    mem_free(s);
    return err;
}

enum kz_err backup_write_text(struct backup_writer *w, const char *name,
                              struct bytes text)
{
    struct backup_sink *s = NULL;
    enum kz_err err = backup_sink_open(&s, w, name);
    if (err == KZ_OK)
        err = backup_sink_write(s, text.p, text.len);
    return backup_sink_close(s, err);
}

/* --- copying one ------------------------------------------------------------------- */

/* `len` bytes from `at` on, or all there are behind it. */
static enum kz_err copy_bytes(struct backup_sink *s, int fd, uint64_t at, uint64_t len)
{
    enum kz_err err = KZ_OK;
    uint8_t *piece = mem_new(PIECE);
    while (err == KZ_OK && len > 0) {
        size_t want = len < PIECE ? (size_t)len : PIECE;
        ssize_t n = pread(fd, piece, want, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            err = fail_errno(s->w, s->name, "cannot be read");
        else if (n == 0)
            break;
        else
            err = backup_sink_write(s, piece, (size_t)n);
        at += n > 0 ? (uint64_t)n : 0;
        len -= n > 0 ? (uint64_t)n : 0;
    }
    mem_free(piece);
    return err;
}

/* KZ_EMPTY: no such file. */
static enum kz_err open_source(int *fd, struct stat *st, struct backup_writer *w,
                               int dir, const char *name)
{
    *fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (*fd < 0 && errno == ENOENT)
        return backup_fail(w, KZ_EMPTY, "%s is not there", name);
    if (*fd < 0)
        return fail_errno(w, name, "cannot be opened");
    if (fstat(*fd, st) == 0 && S_ISREG(st->st_mode))
        return KZ_OK;
    close(*fd);
    return backup_fail(w, KZ_RANGE, "%s is no regular file", name);
}

/* KZ_PARSE: it was replaced meanwhile, and what was read may be wiped bytes. */
static enum kz_err copy_once(struct backup_writer *w, const char *name, int from_dir,
                             const char *from)
{
    int fd;
    struct stat st, now;
    struct backup_sink *s = NULL;
    enum kz_err err = open_source(&fd, &st, w, from_dir, from);
    if (err != KZ_OK)
        return err;
    err = backup_sink_open(&s, w, name);
    if (err == KZ_OK)
        err = copy_bytes(s, fd, 0, UINT64_MAX);
    close(fd);
    if (err == KZ_OK && (fstatat(from_dir, from, &now, AT_SYMLINK_NOFOLLOW) != 0 ||
                         now.st_ino != st.st_ino || now.st_dev != st.st_dev))
        err = KZ_PARSE;
    return backup_sink_close(s, err);
}

enum kz_err backup_copy_file(struct backup_writer *w, const char *name, int from_dir,
                             const char *from)
{
    for (int i = 0; i < AGAIN; i++) {
        enum kz_err err = copy_once(w, name, from_dir, from);
        if (err != KZ_PARSE)
            return err;
    }
    return backup_fail(w, KZ_IO, "%s does not keep still", from);
}

/* --- folders ----------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_wanted(const char *name, const char *skip)
{
    size_t len = strlen(name), end = skip != NULL ? strlen(skip) : 0;
    bool is_skipped = end > 0 && len >= end && strcmp(name + len - end, skip) == 0;
    return name[0] != '.' && !is_skipped;
}

struct names {
    char **name;
    size_t count, room;
};

static void names_clear(struct names *n)
{
    for (size_t i = 0; i < n->count; i++)
        mem_free(n->name[i]);
    mem_free(n->name);
}

/* Names of what is wanted, in order. Takes `dir`. */
static enum kz_err read_names(struct names *out, struct backup_writer *w, DIR *dir,
                              const char *path, const char *skip)
{
    errno = 0;
    for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (!is_wanted(e->d_name, skip))
            continue;
        if (out->count == out->room) {
            out->room = 2 * out->room + 64;
            out->name = mem_resize(out->name, out->room * sizeof(*out->name));
        }
        out->name[out->count++] = mem_text(e->d_name);
    }
    enum kz_err err = errno == 0 ? KZ_OK : fail_errno(w, path, "cannot be read");
    closedir(dir);
    if (out->count > 0)
        qsort(out->name, out->count, sizeof(*out->name), compare_names);
    return err;
}

static enum kz_err list_folder(struct names *out, int *fd, struct backup_writer *w,
                               const char *path, const char *skip)
{
    *fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd < 0)
        return errno == ENOENT ? backup_fail(w, KZ_EMPTY, "%s is not there", path)
                               : fail_errno(w, path, "cannot be opened");
    int again = openat(*fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = again >= 0 ? fdopendir(again) : NULL;
    if (dir != NULL)
        return read_names(out, w, dir, path, skip);
    if (again >= 0)
        close(again);
    return fail_errno(w, path, "cannot be read");
}

static enum kz_err copy_names(struct backup_writer *w, const char *prefix, int fd,
                              const struct names *n)
{
    char name[BACKUP_FILE_NAME_MAX + 64];
    enum kz_err err = KZ_OK;
    for (size_t i = 0; err == KZ_OK && i < n->count; i++) {
        struct stat st;
        if (fstatat(fd, n->name[i], &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISDIR(st.st_mode))
            continue;
        snprintf(name, sizeof(name), "%s/%s", prefix, n->name[i]);
        err = backup_copy_file(w, name, fd, n->name[i]);
        if (err == KZ_EMPTY) /* gone since it was listed */
            err = KZ_OK;
    }
    return err;
}

enum kz_err backup_copy_folder(struct backup_writer *w, const char *prefix,
                               const char *from, const char *skip)
{
    int fd = -1;
    struct names n = {.count = 0};
    enum kz_err err = list_folder(&n, &fd, w, from, skip);
    if (err == KZ_OK)
        err = copy_names(w, prefix, fd, &n);
    names_clear(&n);
    if (fd >= 0)
        close(fd);
    return err;
}

/* --- journals ---------------------------------------------------------------------- */

/* The head as it was at one moment, and what it says is on the disk. */
static enum kz_err copy_synced(struct backup_sink *s, int fd, const struct stat *st,
                               const char *name, bool whole)
{
    uint8_t bytes[JOURNAL_HEAD_SIZE];
    struct journal_head head;
    if (pread(fd, bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes) ||
        journal_head_read(&head, (struct bytes){bytes, sizeof(bytes)}) != KZ_OK ||
        head.size != (uint64_t)st->st_size || head.synced > head.size)
        return backup_fail(s->w, KZ_RANGE, "%s is no segment of a journal", name);
    uint32_t end = whole ? head.size : head.synced;
    enum kz_err err = backup_sink_write(s, bytes, sizeof(bytes));
    if (err == KZ_OK && end > sizeof(bytes))
        err = copy_bytes(s, fd, sizeof(bytes), end - sizeof(bytes));
    return err == KZ_OK ? backup_sink_skip(s, head.size - s->size) : err;
}

static enum kz_err copy_segment(struct backup_writer *w, const char *prefix, int dir,
                                const char *from, bool whole)
{
    int fd;
    struct stat st;
    char name[PATH_SIZE];
    struct backup_sink *s = NULL;
    enum kz_err err = open_source(&fd, &st, w, dir, from);
    if (err != KZ_OK)
        return err;
    snprintf(name, sizeof(name), "%s/%s", prefix, from);
    err = backup_sink_open(&s, w, name);
    if (err == KZ_OK)
        err = copy_synced(s, fd, &st, from, whole);
    close(fd);
    return backup_sink_close(s, err);
}

/* Streams in their order: what the events (the first) refer to of shares was synced
 * before, and is copied behind them. Of a stream the newest segment first. */
static enum kz_err copy_segments(struct backup_writer *w, const char *prefix, int fd,
                                 const struct names *n, bool whole)
{
    enum kz_err err = KZ_OK;
    for (size_t i = 0; err == KZ_OK && i < n->count;) {
        uint32_t stream, number, other;
        size_t end = i + 1;
        if (journal_segment_parse_name(&stream, &number, n->name[i]) != KZ_OK) {
            i++;
            continue;
        }
        while (end < n->count &&
               journal_segment_parse_name(&other, &number, n->name[end]) == KZ_OK &&
               other == stream)
            end++;
        for (size_t k = end; err == KZ_OK && k > i; k--)
            err = copy_segment(w, prefix, fd, n->name[k - 1], whole);
        i = end;
    }
    return err == KZ_EMPTY ? KZ_IO : err; /* one that was listed has gone */
}

enum kz_err backup_copy_journal(struct backup_writer *w, const char *prefix,
                                const char *from, bool whole)
{
    int fd = -1;
    char name[PATH_SIZE];
    struct names n = {.count = 0};
    enum kz_err err = list_folder(&n, &fd, w, from, ".new");
    snprintf(name, sizeof(name), "%s/" JOURNAL_ID_FILE, prefix);
    if (err == KZ_OK)
        err = backup_copy_file(w, name, fd, JOURNAL_ID_FILE);
    if (err == KZ_OK)
        err = copy_segments(w, prefix, fd, &n, whole);
    names_clear(&n);
    if (fd >= 0)
        close(fd);
    return err;
}
