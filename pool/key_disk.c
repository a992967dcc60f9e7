#include "pool/key_disk.h"

#include "conf/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum kz_err fail(struct key_problem *problem, enum kz_err err, const char *text)
{
    snprintf(problem->text, sizeof(problem->text), "%s", text);
    return err;
}

static enum kz_err fail_errno(struct key_problem *problem, const char *what)
{
    snprintf(problem->text, sizeof(problem->text), "%s: %s", what, strerror(errno));
    return KZ_IO;
}

/* --- making one ------------------------------------------------------------------- */

static enum kz_err write_all(int fd, struct key_problem *problem, const char *text)
{
    size_t len = strlen(text);
    while (len > 0) {
        ssize_t n = write(fd, text, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(problem, "the key file cannot be written");
        text += n;
        len -= (size_t)n;
    }
    if (fsync(fd) != 0)
        return fail_errno(problem, "the key file cannot be synced");
    return KZ_OK;
}

/* So that the name, too, is there after a power cut. */
static enum kz_err sync_folder(struct key_problem *problem, const char *path)
{
    char folder[PATH_MAX] = ".";
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    if (len >= sizeof(folder))
        return fail(problem, KZ_RANGE, "the path is too long");
    if (len > 0) {
        memcpy(folder, path, len);
        folder[len] = '\0';
    }
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(problem, "the key file's folder cannot be opened");
    enum kz_err err = KZ_OK;
    if (fsync(fd) != 0)
        err = fail_errno(problem, "the key file's folder cannot be synced");
    close(fd);
    return err;
}

enum kz_err key_disk_create(const char *path, struct key_problem *problem,
                            const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno == EEXIST)
        return fail(problem, KZ_RANGE, "the file exists: keys are never written over");
    if (fd < 0)
        return fail_errno(problem, "the key file cannot be made");
    enum kz_err err = write_all(fd, problem, text);
    if (close(fd) != 0 && err == KZ_OK)
        err = fail_errno(problem, "the key file cannot be closed");
    if (err == KZ_OK)
        err = sync_folder(problem, path);
    if (err != KZ_OK)
        unlink(path); /* ours, and not whole */
    return err;
}

/* --- reading one ------------------------------------------------------------------ */

static enum kz_err check_file(int fd, struct key_problem *problem)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return fail_errno(problem, "the key file cannot be looked at");
    if (!S_ISREG(st.st_mode))
        return fail(problem, KZ_RANGE, "not a regular file");
    if (st.st_uid != geteuid() && st.st_uid != 0)
        return fail(problem, KZ_RANGE,
                    "another user's file: it must be this user's or root's");
    if ((st.st_mode & (S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH)) != 0)
        return fail(problem, KZ_RANGE,
                    "others than its owner may read or write it: chmod 600");
    if (st.st_size > KEY_DISK_MAX)
        return fail(problem, KZ_RANGE, "too large for a key file");
    return KZ_OK;
}

static enum kz_err read_text(char *text, size_t *len, struct key_problem *problem,
                             int fd)
{
    size_t got = 0;
    while (got < KEY_DISK_MAX) {
        ssize_t n = read(fd, text + got, KEY_DISK_MAX - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(problem, "the key file cannot be read");
        if (n == 0)
            break;
        got += (size_t)n;
    }
    *len = got;
    return KZ_OK;
}

enum kz_err key_disk_read(char **text, size_t *len, struct key_problem *problem,
                          const char *path)
{
    /* O_NONBLOCK: a named pipe there must not stop the program. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return fail(problem, KZ_EMPTY, "there is no key file");
    if (fd < 0)
        return fail_errno(problem, "the key file cannot be opened");
    char *all = mem_new(KEY_DISK_MAX);
    enum kz_err err = check_file(fd, problem);
    if (err == KZ_OK)
        err = read_text(all, len, problem, fd);
    close(fd);
    if (err == KZ_OK)
        *text = all;
    else
        mem_free(all);
    return err;
}
