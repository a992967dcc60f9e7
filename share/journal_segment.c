#include "share/journal_segment.h"

#include "conf/log.h"
#include "conf/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_FORMAT "%04" PRIu32 "-%010" PRIu32 ".kzj"
#define ZEROS       65536

static enum kz_err failed(const struct journal_segment *s, const char *what)
{
    log_error("journal_failed", kv_str("step", what), kv_str("segment", s->name),
              kv_errno(errno));
    return KZ_IO;
}

/* --- names -------------------------------------------------------------------------- */

void journal_segment_name(char out[JOURNAL_NAME_SIZE], uint32_t stream, uint32_t number)
{
    snprintf(out, JOURNAL_NAME_SIZE, NAME_FORMAT, stream, number);
}

static bool parse_digits(uint32_t *v, const char *text, size_t len)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        sum = sum * 10 + (uint64_t)(text[i] - '0');
    }
    *v = (uint32_t)sum;
    return sum <= UINT32_MAX;
}

enum kz_err journal_segment_parse_name(uint32_t *stream, uint32_t *number,
                                       const char *name)
{
    uint32_t a, b;
    if (strlen(name) != 19 || name[4] != '-' || strcmp(name + 15, ".kzj") != 0 ||
        !parse_digits(&a, name, 4) || !parse_digits(&b, name + 5, 10))
        return KZ_PARSE;
    *stream = a;
    *number = b;
    return KZ_OK;
}

/* --- making and opening ------------------------------------------------------------- */

static struct journal_segment *segment_new(const struct journal_place *place,
                                           uint32_t number)
{
    struct journal_segment *s = mem_new(sizeof(*s));
    journal_segment_name(s->name, place->stream, number);
    s->dir_fd = place->dir_fd;
    s->fd = -1;
    s->number = number;
    s->synced = JOURNAL_HEAD_SIZE;
    atomic_init(&s->committed, JOURNAL_HEAD_SIZE);
    atomic_init(&s->is_closed, false);
    atomic_init(&s->next, NULL);
    return s;
}

void journal_segment_free(struct journal_segment *s)
{
    if (s == NULL)
        return;
    journal_segment_unmap(s);
    mem_free(s);
}

static enum kz_err map_whole(struct journal_segment *s)
{
    /* Populated: the writer shall not wait for the disk at the first touch of a page. */
    void *p = mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
                   s->fd, 0);
    if (p == MAP_FAILED)
        return failed(s, "mmap");
    s->map = p;
    return KZ_OK;
}

/* Written, not only reserved: the first write into reserved space would have to change
 * metadata, and a writer could wait for the file system's own log. */
static bool fill(struct journal_segment *s, const uint8_t head[JOURNAL_HEAD_SIZE])
{
    uint8_t *zeros = mem_new(ZEROS);
    int err = posix_fallocate(s->fd, 0, (off_t)s->size);
    bool ok = err == 0;
    memcpy(zeros, head, JOURNAL_HEAD_SIZE);
    for (size_t at = 0; ok && at < s->size; at += ZEROS) {
        size_t len = s->size - at < ZEROS ? s->size - at : ZEROS;
        ssize_t n = pwrite(s->fd, zeros, len, (off_t)at);
        ok = n == (ssize_t)len;
        if (n >= 0)
            err = ENOSPC;
        else
            err = errno;
        memset(zeros, 0, JOURNAL_HEAD_SIZE);
    }
    mem_free(zeros);
    if (!ok)
        errno = err;
    return ok;
}

static bool make_file(struct journal_segment *s, const char *fresh,
                      const uint8_t head[JOURNAL_HEAD_SIZE])
{
    s->fd = openat(s->dir_fd, fresh, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0640);
    return s->fd >= 0 && fill(s, head) && fsync(s->fd) == 0 &&
           renameat(s->dir_fd, fresh, s->dir_fd, s->name) == 0 && fsync(s->dir_fd) == 0;
}

enum kz_err journal_segment_create(struct journal_segment **out,
                                   const struct journal_place *place, uint32_t number,
                                   size_t size, bool may_log)
{
    uint8_t head[JOURNAL_HEAD_SIZE];
    char fresh[JOURNAL_NAME_SIZE + 4];
    struct journal_segment *s = segment_new(place, number);
    struct journal_head h = {.stream = place->stream,
                             .number = number,
                             .size = (uint32_t)size,
                             .synced = JOURNAL_HEAD_SIZE};
    memcpy(h.id, place->id, sizeof(h.id));
    journal_head_write(head, &h);
    s->size = size;
    snprintf(fresh, sizeof(fresh), "%s.new", s->name);
    enum kz_err err = KZ_OK;
    if (!make_file(s, fresh, head))
        err = may_log ? failed(s, "create") : KZ_IO;
    if (err == KZ_OK)
        err = map_whole(s);
    if (err != KZ_OK) {
        unlinkat(s->dir_fd, fresh, 0);
        journal_segment_free(s);
        return err;
    }
    *out = s;
    return KZ_OK;
}

enum kz_err journal_segment_map(struct journal_segment *s)
{
    struct stat st;
    if (s->map != NULL)
        return KZ_OK;
    s->fd = openat(s->dir_fd, s->name, O_RDWR | O_CLOEXEC);
    if (s->fd < 0 || fstat(s->fd, &st) != 0) {
        enum kz_err err = failed(s, "open");
        journal_segment_unmap(s);
        return err;
    }
    if (st.st_size < JOURNAL_SEGMENT_LEAST || st.st_size > JOURNAL_SEGMENT_MOST ||
        (s->size != 0 && (size_t)st.st_size != s->size)) {
        journal_segment_unmap(s);
        return KZ_PARSE;
    }
    s->size = (size_t)st.st_size;
    enum kz_err err = map_whole(s);
    if (err != KZ_OK)
        journal_segment_unmap(s);
    return err;
}

void journal_segment_unmap(struct journal_segment *s)
{
    if (s->map != NULL)
        munmap(s->map, s->size);
    if (s->fd >= 0)
        close(s->fd);
    s->map = NULL;
    s->fd = -1;
}

enum kz_err journal_segment_open(struct journal_segment **out,
                                 const struct journal_place *place, uint32_t number)
{
    struct journal_head h;
    struct journal_segment *s = segment_new(place, number);
    enum kz_err err = journal_segment_map(s);
    if (err == KZ_OK)
        err = journal_head_read(&h, (struct bytes){s->map, s->size});
    if (err == KZ_OK && (h.size != s->size || h.stream != place->stream ||
                         h.number != number || memcmp(h.id, place->id, sizeof(h.id))))
        err = KZ_PARSE;
    if (err != KZ_OK) {
        journal_segment_free(s);
        return err;
    }
    s->synced = h.synced;
    s->is_sealed = h.is_sealed;
    *out = s;
    return KZ_OK;
}

/* --- the disk ----------------------------------------------------------------------- */

enum kz_err journal_segment_sync(struct journal_segment *s)
{
    /* Closed first: what is committed after that was seen is final. */
    bool closed = atomic_load_explicit(&s->is_closed, memory_order_acquire);
    size_t committed = atomic_load_explicit(&s->committed, memory_order_acquire);
    if (committed == s->synced && closed == s->is_sealed)
        return KZ_OK;
    if (s->sync_failed)
        return KZ_IO;
    if (fdatasync(s->fd) != 0) {
        /* The kernel may have dropped the pages it could not write and answer the next
         * sync with success. The synced offset stays, so that after a power cut what is
         * missing is a torn tail and not damage; until then nothing is lost. */
        s->sync_failed = true;
        return failed(s, "fdatasync");
    }
    journal_head_set_synced(s->map, (uint32_t)committed, closed);
    s->synced = committed;
    s->is_sealed = closed;
    return KZ_OK;
}

enum kz_err journal_segment_wipe(struct journal_segment *s, size_t *cut, size_t offset)
{
    size_t end = s->size;
    while (end > offset && s->map[end - 1] == 0)
        end--;
    *cut = end - offset;
    if (end == offset)
        return KZ_OK;
    memset(s->map + offset, 0, end - offset);
    return fdatasync(s->fd) == 0 ? KZ_OK : failed(s, "fdatasync");
}

enum kz_err journal_segment_remove(struct journal_segment *s)
{
    return unlinkat(s->dir_fd, s->name, 0) == 0 ? KZ_OK : failed(s, "unlink");
}
