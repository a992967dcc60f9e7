#include "conf/private_file.h"

#include "conf/write_all.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum kz_err fail(char why[PRIVATE_FILE_WHY_SIZE], enum kz_err err,
                        const char *text)
{
    snprintf(why, PRIVATE_FILE_WHY_SIZE, "%s", text);
    return err;
}

static enum kz_err fail_errno(char why[PRIVATE_FILE_WHY_SIZE], const char *text)
{
    snprintf(why, PRIVATE_FILE_WHY_SIZE, "%s: %s", text, strerror(errno));
    return KZ_IO;
}

/* --- reading ---------------------------------------------------------------------- */

static enum kz_err check_owner(char why[PRIVATE_FILE_WHY_SIZE], const struct stat *st)
{
    if (st->st_uid != geteuid() && st->st_uid != 0)
        return fail(why, KZ_RANGE,
                    "is another user's: it must be this user's or root's");
    return KZ_OK;
}

static enum kz_err check_file(int fd, char why[PRIVATE_FILE_WHY_SIZE], size_t max)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return fail_errno(why, "cannot be looked at");
    if (!S_ISREG(st.st_mode))
        return fail(why, KZ_RANGE, "is not a regular file");
    enum kz_err err = check_owner(why, &st);
    if (err != KZ_OK)
        return err;
    if ((st.st_mode & (S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH)) != 0)
        return fail(why, KZ_RANGE,
                    "may be read or written by others than its owner: chmod 600");
    if (st.st_size > (off_t)max)
        return fail(why, KZ_RANGE, "is too large");
    return KZ_OK;
}

enum kz_err private_folder_check(int fd, char why[PRIVATE_FILE_WHY_SIZE])
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return fail_errno(why, "cannot be looked at");
    if (!S_ISDIR(st.st_mode))
        return fail(why, KZ_RANGE, "is not a folder");
    enum kz_err err = check_owner(why, &st);
    if (err != KZ_OK)
        return err;
    if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return fail(why, KZ_RANGE, "is open to others than its owner: chmod 700");
    return KZ_OK;
}

static enum kz_err read_all(char *out, size_t *len, char why[PRIVATE_FILE_WHY_SIZE],
                            int fd, size_t max)
{
    size_t got = 0;
    while (got < max) {
        ssize_t n = read(fd, out + got, max - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(why, "cannot be read");
        if (n == 0)
            break;
        got += (size_t)n;
    }
    *len = got;
    return KZ_OK;
}

enum kz_err private_file_read(void *out, size_t *len, char why[PRIVATE_FILE_WHY_SIZE],
                              const struct private_file *f, size_t max)
{
    /* O_NONBLOCK: a named pipe there must not stop the program. */
    int fd = openat(f->dir, f->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return fail(why, KZ_EMPTY, "is not there");
    if (fd < 0)
        return fail_errno(why, "cannot be opened");
    enum kz_err err = check_file(fd, why, max);
    if (err == KZ_OK)
        err = read_all(out, len, why, fd, max);
    close(fd);
    return err;
}

/* --- writing ---------------------------------------------------------------------- */

static enum kz_err write_and_sync(int fd, char why[PRIVATE_FILE_WHY_SIZE],
                                  const void *p, size_t len)
{
    if (!write_all(fd, p, len))
        return fail_errno(why, "cannot be written");
    if (fsync(fd) != 0)
        return fail_errno(why, "cannot be synced");
    return KZ_OK;
}

enum kz_err private_file_sync_folder(const struct private_file *f,
                                     char why[PRIVATE_FILE_WHY_SIZE])
{
    char folder[PATH_MAX] = ".";
    const char *slash = strrchr(f->name, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - f->name) + 1;
    if (len >= sizeof(folder))
        return fail(why, KZ_RANGE, "has too long a path");
    if (len > 0) {
        memcpy(folder, f->name, len);
        folder[len] = '\0';
    }
    int fd = openat(f->dir, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(why, "is in a folder that cannot be opened");
    enum kz_err err = KZ_OK;
    if (fsync(fd) != 0)
        err = fail_errno(why, "is in a folder that cannot be synced");
    close(fd);
    return err;
}

enum kz_err private_file_create(const struct private_file *f,
                                char why[PRIVATE_FILE_WHY_SIZE], const void *p,
                                size_t len)
{
    int fd = openat(f->dir, f->name,
                    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno == EEXIST)
        return fail(why, KZ_RANGE, "exists already and is not written over");
    if (fd < 0)
        return fail_errno(why, "cannot be made");
    enum kz_err err = write_and_sync(fd, why, p, len);
    if (close(fd) != 0 && err == KZ_OK)
        err = fail_errno(why, "cannot be closed");
    if (err == KZ_OK)
        err = private_file_sync_folder(f, why);
    if (err != KZ_OK)
        unlinkat(f->dir, f->name, 0); /* ours, and not whole */
    return err;
}

enum kz_err private_file_wipe(int fd, char why[PRIVATE_FILE_WHY_SIZE])
{
    static const char zeros[4096] = {0};
    struct stat st;
    if (fstat(fd, &st) != 0)
        return fail_errno(why, "cannot be looked at");
    for (off_t left = S_ISREG(st.st_mode) ? st.st_size : 0; left > 0;
         left -= (off_t)sizeof(zeros)) {
        size_t part = left < (off_t)sizeof(zeros) ? (size_t)left : sizeof(zeros);
        enum kz_err err = write_and_sync(fd, why, zeros, part);
        if (err != KZ_OK)
            return err;
    }
    return KZ_OK;
}

enum kz_err private_file_destroy(const struct private_file *f,
                                 char why[PRIVATE_FILE_WHY_SIZE])
{
    int fd = openat(f->dir, f->name, O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT)
        return private_file_sync_folder(f, why); /* its removal may not be synced yet */
    if (fd < 0)
        return fail_errno(why, "cannot be opened");
    enum kz_err err = private_file_wipe(fd, why);
    close(fd);
    if (err == KZ_OK && unlinkat(f->dir, f->name, 0) != 0)
        err = fail_errno(why, "cannot be removed");
    if (err == KZ_OK)
        err = private_file_sync_folder(f, why);
    return err;
}
