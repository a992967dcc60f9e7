#include "conf/secret.h"

#include "conf/log.h"
#include "conf/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_FILE_MAX 4096

struct secret {
    size_t len;
    char text[SECRET_FILE_MAX + 1];
};

/* Fills `buf` from `fd` up to `size` bytes; -1 with errno when reading fails. */
static ssize_t read_all(int fd, char *buf, size_t size)
{
    size_t got = 0;
    while (got < size) {
        ssize_t n = read(fd, buf + got, size - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

static enum kz_err refuse(const char *path, const char *why)
{
    log_error("secret_file_refused", kv_str("path", path), kv_str("why", why));
    return KZ_RANGE;
}

static enum kz_err fail(const char *path)
{
    log_error("secret_file_unreadable", kv_str("path", path), kv_errno(errno));
    return KZ_IO;
}

static enum kz_err check_mode(int fd, const char *path)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return fail(path);
    if (!S_ISREG(st.st_mode))
        return refuse(path, "not a regular file");
    if ((st.st_mode & (S_IROTH | S_IWOTH)) != 0)
        return refuse(path, "everybody may read or write it: chmod o-rw");
    return KZ_OK;
}

/* The whole file, then cut at its first line end. */
static enum kz_err read_line(struct secret *s, int fd, const char *path)
{
    ssize_t n = read_all(fd, s->text, sizeof(s->text));
    if (n < 0)
        return fail(path);
    if (n > SECRET_FILE_MAX)
        return refuse(path, "larger than 4096 bytes");
    s->text[n] = '\0';
    s->len = strcspn(s->text, "\r\n");
    explicit_bzero(s->text + s->len, sizeof(s->text) - s->len);
    if (s->len == 0)
        return refuse(path, "its first line is empty");
    return KZ_OK;
}

enum kz_err secret_read(struct secret **out, const char *path)
{
    /* O_NONBLOCK: a named pipe put there by mistake must not stop the daemon. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return fail(path);
    struct secret *s = mem_new(sizeof(*s));
    enum kz_err err = check_mode(fd, path);
    if (err == KZ_OK)
        err = read_line(s, fd, path);
    close(fd);
    if (err == KZ_OK)
        *out = s;
    else
        secret_free(s);
    return err;
}

void secret_free(struct secret *s)
{
    if (s == NULL)
        return;
    explicit_bzero(s, sizeof(*s));
    mem_free(s);
}

const char *secret_reveal(const struct secret *s)
{
    return s->text;
}

size_t secret_len(const struct secret *s)
{
    return s->len;
}
