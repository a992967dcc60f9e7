#include "share/journal.h"

#include "conf/log.h"
#include "conf/mem.h"
#include "share/journal_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

struct journal {
    int dir_fd;
    uint8_t id[JOURNAL_ID_SIZE];
    char id_text[JOURNAL_ID_TEXT];
    struct journal_stream **streams;
    size_t count;
};

static enum kz_err failed(const char *step, const char *path)
{
    log_error("journal_failed", kv_str("step", step), kv_str("path", path),
              kv_errno(errno));
    return KZ_IO;
}

static enum kz_err refuse(struct journal_damage *damage, const char *why)
{
    snprintf(damage->why, sizeof(damage->why), "%s", why);
    return KZ_PARSE;
}

/* --- its id ------------------------------------------------------------------------- */

static enum kz_err make_id(struct journal *j)
{
    char text[JOURNAL_ID_TEXT + 1];
    if (getrandom(j->id, sizeof(j->id), 0) != (ssize_t)sizeof(j->id))
        return failed("random", JOURNAL_ID_FILE);
    hex_encode(text, j->id, sizeof(j->id));
    memcpy(text + 32, "\n", 2);
    int fd = openat(j->dir_fd, JOURNAL_ID_FILE ".new",
                    O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0640);
    bool ok =
        fd >= 0 && write(fd, text, 33) == 33 && fsync(fd) == 0 &&
        renameat(j->dir_fd, JOURNAL_ID_FILE ".new", j->dir_fd, JOURNAL_ID_FILE) == 0 &&
        fsync(j->dir_fd) == 0;
    enum kz_err err = ok ? KZ_OK : failed("write", JOURNAL_ID_FILE);
    if (fd >= 0)
        close(fd);
    return err;
}

/* --- opening ------------------------------------------------------------------------ */

/* The name of a directory just made is on the disk only when its parent is. */
static bool sync_parent(int dir_fd)
{
    int fd = openat(dir_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

static enum kz_err open_dir(struct journal *j, const char *path)
{
    bool is_new = mkdir(path, 0750) == 0;
    if (!is_new && errno != EEXIST)
        return failed("mkdir", path);
    j->dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (j->dir_fd < 0)
        return failed("open", path);
    return !is_new || sync_parent(j->dir_fd) ? KZ_OK : failed("sync", path);
}

static enum kz_err open_streams(struct journal *j, struct journal_damage *damage,
                                const struct journal_dir *d,
                                const struct journal_options *options)
{
    size_t bytes =
        options->segment_bytes > 0 ? options->segment_bytes : JOURNAL_SEGMENT;
    size_t count = JOURNAL_SHARES + options->shares;
    if (d->streams > count)
        count = d->streams;
    j->streams = mem_array(count, sizeof(*j->streams));
    for (; j->count < count; j->count++) {
        struct journal_place place = {.dir_fd = j->dir_fd,
                                      .stream = (uint32_t)j->count};
        memcpy(place.id, j->id, sizeof(place.id));
        size_t size = j->count == JOURNAL_EVENTS && options->events_bytes > 0
                          ? options->events_bytes
                          : bytes;
        enum kz_err err =
            journal_stream_open(&j->streams[j->count], damage, &place, size,
                                d->numbers[j->count], d->count[j->count]);
        if (err != KZ_OK)
            return err;
    }
    return KZ_OK;
}

static enum kz_err open_all(struct journal *j, struct journal_damage *damage,
                            const struct journal_options *options)
{
    struct journal_dir *d = NULL;
    enum kz_err err = open_dir(j, options->dir);
    if (err == KZ_OK)
        err = journal_dir_list(&d, j->dir_fd, true);
    if (err == KZ_OK)
        err = journal_dir_id(j->id, damage->why, j->dir_fd);
    if (err == KZ_EMPTY)
        err = d->streams > 0 ? refuse(damage, "segments, but no file \"id\"")
                             : make_id(j);
    hex_encode(j->id_text, j->id, sizeof(j->id));
    if (err == KZ_OK)
        err = open_streams(j, damage, d, options);
    journal_dir_free(d);
    return err;
}

static bool is_size(size_t bytes)
{
    return bytes % JOURNAL_SEGMENT_LEAST == 0 && bytes <= JOURNAL_SEGMENT_MOST;
}

enum kz_err journal_open(struct journal **out, struct journal_damage *damage,
                         const struct journal_options *options)
{
    if (options->shares >= JOURNAL_STREAMS_MAX || !is_size(options->segment_bytes) ||
        !is_size(options->events_bytes))
        return KZ_RANGE;
    struct journal *j = mem_new(sizeof(*j));
    memset(damage, 0, sizeof(*damage));
    j->dir_fd = -1;
    enum kz_err err = open_all(j, damage, options);
    if (err == KZ_PARSE)
        log_error("journal_damaged", kv_str("dir", options->dir),
                  kv_u64("stream", damage->stream), kv_u64("segment", damage->segment),
                  kv_u64("offset", damage->offset),
                  kv_u64("last_seq", damage->last_seq), kv_str("why", damage->why));
    if (err != KZ_OK) {
        journal_close(j);
        return err;
    }
    *out = j;
    return KZ_OK;
}

void journal_close(struct journal *j)
{
    if (j == NULL)
        return;
    for (size_t i = 0; i < j->count; i++) {
        enum kz_err logged = journal_stream_sync(j->streams[i]);
        (void)logged;
        journal_stream_close(j->streams[i]);
    }
    mem_free(j->streams);
    if (j->dir_fd >= 0)
        close(j->dir_fd);
    mem_free(j);
}

/* --- the rest ----------------------------------------------------------------------- */

const char *journal_id(const struct journal *j)
{
    return j->id_text;
}

size_t journal_stream_count(const struct journal *j)
{
    return j->count;
}

struct journal_stream *journal_stream(struct journal *j, size_t i)
{
    return j->streams[i];
}

enum kz_err journal_sync(struct journal *j)
{
    enum kz_err result = KZ_OK;
    for (size_t i = 0; i < j->count; i++) {
        enum kz_err err = journal_stream_sync(j->streams[i]);
        result = err != KZ_OK ? err : result;
    }
    return result;
}

enum kz_err journal_prepare(struct journal *j)
{
    enum kz_err result = KZ_OK;
    for (size_t i = 0; i < j->count; i++) {
        enum kz_err err = journal_stream_prepare(j->streams[i]);
        result = err != KZ_OK ? err : result;
    }
    return result;
}

void journal_stats(struct journal_stream_stats *out, const struct journal *j)
{
    struct journal_stream_stats one;
    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < j->count; i++) {
        journal_stream_stats(&one, j->streams[i]);
        out->unread_bytes += one.unread_bytes;
        out->synced_bytes += one.synced_bytes;
        out->unsynced_bytes += one.unsynced_bytes;
        out->refused += one.refused;
        out->segments += one.segments;
        out->disk_bytes += one.disk_bytes;
        out->no_space |= one.no_space;
        out->sync_failed |= one.sync_failed;
    }
}
