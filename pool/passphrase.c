#include "pool/passphrase.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* Byte by byte: what is behind the line may be for somebody else. */
static enum kz_err read_line(char *line, size_t *len, struct key_problem *problem,
                             int fd)
{
    size_t got = 0;
    for (;;) {
        char c = '\n';
        ssize_t n = read(fd, &c, 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(problem, "the passphrase cannot be read");
        if (c == '\n') /* or the end, which leaves it */
            break;
        if (got == PASSPHRASE_MAX)
            return fail(problem, KZ_RANGE, "the passphrase is above 1024 bytes");
        line[got++] = c;
    }
    if (got > 0 && line[got - 1] == '\r')
        got--;
    if (got == 0)
        return fail(problem, KZ_RANGE, "the passphrase is empty");
    *len = got;
    return KZ_OK;
}

static enum kz_err read_fd(struct locked **out, struct key_problem *problem, int fd)
{
    struct locked *line = NULL, *exact = NULL;
    size_t len = 0;
    if (locked_new(&line, PASSPHRASE_MAX) != KZ_OK)
        return fail(problem, KZ_IO, "no memory can be locked for the passphrase");
    enum kz_err err = read_line(locked_data(line), &len, problem, fd);
    if (err == KZ_OK && locked_new(&exact, len) != KZ_OK)
        err = fail(problem, KZ_IO, "no memory can be locked for the passphrase");
    if (err == KZ_OK) {
        memcpy(locked_data(exact), locked_bytes(line), len);
        *out = exact;
    }
    locked_free(line);
    return err;
}

static enum kz_err open_credential(int *fd, struct key_problem *problem,
                                   const char *name)
{
    char path[PATH_MAX];
    const char *dir = getenv("CREDENTIALS_DIRECTORY");
    if (name[0] == '\0' || name[0] == '.' || strchr(name, '/') != NULL)
        return fail(problem, KZ_RANGE, "a credential's name is no path");
    if (dir == NULL || dir[0] == '\0')
        return fail(problem, KZ_EMPTY,
                    "no credentials: CREDENTIALS_DIRECTORY is not set "
                    "(LoadCredential= of the service)");
    if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path))
        return fail(problem, KZ_RANGE, "the credential's path is too long");
    int opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (opened < 0 && errno == ENOENT)
        return fail(problem, KZ_EMPTY, "there is no such credential");
    if (opened < 0)
        return fail_errno(problem, "the credential cannot be opened");
    *fd = opened;
    return KZ_OK;
}

enum kz_err passphrase_read(struct locked **out, struct key_problem *problem,
                            const struct passphrase_source *source)
{
    int fd = -1;
    if (source->fd >= 0)
        return read_fd(out, problem, source->fd);
    assert(source->credential != NULL);
    enum kz_err err = open_credential(&fd, problem, source->credential);
    if (err != KZ_OK)
        return err;
    err = read_fd(out, problem, fd);
    close(fd);
    return err;
}
