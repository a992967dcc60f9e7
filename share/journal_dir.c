#include "share/journal_dir.h"

#include "conf/log.h"
#include "conf/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum kz_err failed(const char *step, const char *path)
{
    log_error("journal_failed", kv_str("step", step), kv_str("path", path),
              kv_errno(errno));
    return KZ_IO;
}

static void note_file(struct journal_dir *d, const char *name)
{
    uint32_t stream, number;
    if (journal_segment_parse_name(&stream, &number, name) != KZ_OK ||
        stream >= JOURNAL_STREAMS_MAX)
        return;
    size_t n = d->count[stream];
    if ((n & (n - 1)) == 0) /* full at each power of two */
        d->numbers[stream] = mem_resize(d->numbers[stream],
                                        (n > 0 ? 2 * n : 1) * sizeof(*d->numbers[0]));
    d->numbers[stream][d->count[stream]++] = number;
    if (stream + 1 > d->streams)
        d->streams = stream + 1;
}

static bool is_half_made(const char *name)
{
    size_t len = strlen(name);
    return len > 4 && strcmp(name + len - 4, ".new") == 0;
}

enum kz_err journal_dir_list(struct journal_dir **out, int dir_fd, bool tidy)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (dir == NULL) {
        enum kz_err err = failed("list", ".");
        if (fd >= 0)
            close(fd);
        return err;
    }
    struct journal_dir *d = mem_new(sizeof(*d));
    for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
        note_file(d, e->d_name);
        if (tidy && is_half_made(e->d_name))
            unlinkat(dir_fd, e->d_name, 0);
    }
    closedir(dir);
    *out = d;
    return KZ_OK;
}

void journal_dir_free(struct journal_dir *d)
{
    if (d == NULL)
        return;
    for (size_t i = 0; i < JOURNAL_STREAMS_MAX; i++)
        mem_free(d->numbers[i]);
    mem_free(d);
}

enum kz_err journal_dir_id(uint8_t id[JOURNAL_ID_SIZE], char why[JOURNAL_WHY_SIZE],
                           int dir_fd)
{
    char text[40];
    uint8_t bytes[JOURNAL_ID_SIZE];
    int fd = openat(dir_fd, JOURNAL_ID_FILE, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? KZ_EMPTY : failed("open", JOURNAL_ID_FILE);
    ssize_t n = read(fd, text, sizeof(text));
    enum kz_err err = n < 0 ? failed("read", JOURNAL_ID_FILE) : KZ_OK;
    close(fd);
    if (err != KZ_OK)
        return err;
    if (n != 33 || text[32] != '\n' ||
        hex_decode(bytes, sizeof(bytes), text, 32) != KZ_OK) {
        snprintf(why, JOURNAL_WHY_SIZE, "the file \"id\" does not hold 32 hex digits");
        return KZ_PARSE;
    }
    memcpy(id, bytes, sizeof(bytes));
    return KZ_OK;
}
