#include "pool/spool.h"

#include "conf/log.h"
#include "conf/mem.h"
#include "conf/write_all.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_SIZE   128
#define HEADER_SIZE 80
/* HEIGHT-HASH with a height of ten digits: names sort by height. */
#define STEM_LEN (10 + 1 + 64)

struct item {
    struct item *next;
    struct hash256 hash;
    bool is_mark;
    enum spool_fate fate; /* of a mark */
    uint32_t height;      /* of a block */
    char *hex;
    size_t len;
};

struct spool {
    int dir; /* data_dir/blocks */
    char *path;
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock; /* guards first, last, bytes, stopping */
    pthread_cond_t wake;
    struct item *first;
    struct item **last;
    size_t bytes;
    bool stopping;
};

static void complain(const struct spool *s, const char *event, const char *name)
{
    int error = errno;
    log_error(event, kv_str("dir", s->path), kv_str("file", name), kv_errno(error));
}

/* --- names -------------------------------------------------------------------- */

static const char *fate_suffix(enum spool_fate fate)
{
    switch (fate) {
    case SPOOL_ACCEPTED:
        return ".accepted";
    case SPOOL_REJECTED:
        return ".rejected";
    case SPOOL_STALE:
        return ".stale";
    }
    return ".stale";
}

static void name_format(char out[NAME_SIZE], uint32_t height,
                        const struct hash256 *hash, const char *suffix)
{
    char text[HASH256_HEX_SIZE];
    hash256_format_display(text, hash);
    snprintf(out, NAME_SIZE, "%010" PRIu32 "-%s%s", height, text, suffix);
}

static bool height_parse(uint32_t *height, const char *name)
{
    uint64_t v = 0;
    for (size_t i = 0; i < 10; i++) {
        if (name[i] < '0' || name[i] > '9')
            return false;
        v = v * 10 + (uint64_t)(name[i] - '0');
    }
    *height = (uint32_t)v;
    return v <= UINT32_MAX;
}

static bool name_parse(const char *name, uint32_t *height, struct hash256 *hash)
{
    return strlen(name) > STEM_LEN && height_parse(height, name) && name[10] == '-' &&
           hash256_parse_display(hash, name + 11, 64) == KZ_OK;
}

static bool has_suffix(const char *name, const char *suffix)
{
    return strlen(name) > STEM_LEN && strcmp(name + STEM_LEN, suffix) == 0;
}

/* --- the thread's work -------------------------------------------------------- */

static bool write_file(int dir, const char *name, const char *hex, size_t len,
                       bool sync)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd < 0)
        return false;
    bool ok = write_all(fd, hex, len) && write_all(fd, "\n", 1) &&
              (!sync || fdatasync(fd) == 0);
    int error = errno;
    close(fd);
    if (!ok)
        unlinkat(dir, name, 0); /* its space may be what the next one needs */
    errno = error;
    return ok;
}

static void write_block(struct spool *s, const struct item *it)
{
    char name[NAME_SIZE], tmp[NAME_SIZE];
    name_format(name, it->height, &it->hash, ".hex");
    name_format(tmp, it->height, &it->hash, ".tmp");
    unlinkat(s->dir, tmp, 0); /* of a run that was killed in the middle */
    if (!write_file(s->dir, tmp, it->hex, it->len, true))
        complain(s, "block_file_not_written", name);
    else if (renameat(s->dir, tmp, s->dir, name) != 0 || fsync(s->dir) != 0)
        complain(s, "block_file_not_renamed", name);
    else
        log_info("block_file_written", kv_str("dir", s->path), kv_str("file", name));
}

/* A directory stream on a descriptor of its own. */
static DIR *open_list(const struct spool *s)
{
    int fd = openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (d == NULL) {
        complain(s, "block_files_not_listed", ".");
        if (fd >= 0)
            close(fd);
    }
    return d;
}

struct names {
    char (*name)[NAME_SIZE];
    size_t count, room;
};

static void names_add(struct names *n, const char *name)
{
    if (n->count == n->room) {
        n->room = n->room > 0 ? 2 * n->room : 64;
        n->name = mem_resize(n->name, n->room * NAME_SIZE);
    }
    snprintf(n->name[n->count++], NAME_SIZE, "%.*s", NAME_SIZE - 1, name);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Our files with (`pending`) or without an open fate, by height. */
static struct names list_names(const struct spool *s, bool pending)
{
    struct names n = {0};
    DIR *d = open_list(s);
    const struct dirent *e;
    while (d != NULL && (e = readdir(d)) != NULL) {
        uint32_t height;
        struct hash256 hash;
        if (strlen(e->d_name) < NAME_SIZE && name_parse(e->d_name, &height, &hash) &&
            has_suffix(e->d_name, ".hex") == pending &&
            !has_suffix(e->d_name, ".tmp") && !has_suffix(e->d_name, ".now"))
            names_add(&n, e->d_name);
    }
    if (d != NULL)
        closedir(d);
    if (n.count > 0)
        qsort(n.name, n.count, NAME_SIZE, compare_names);
    return n;
}

static void remove_oldest(struct spool *s)
{
    struct names n = list_names(s, false);
    for (size_t i = 0; i + SPOOL_KEEP < n.count; i++) {
        if (unlinkat(s->dir, n.name[i], 0) != 0)
            complain(s, "block_file_not_removed", n.name[i]);
    }
    mem_free(n.name);
}

static void rename_marked(struct spool *s, const char *name, const struct item *it)
{
    uint32_t height;
    struct hash256 hash;
    char to[NAME_SIZE];
    if (!name_parse(name, &height, &hash) || !hash256_equal(&hash, &it->hash))
        return;
    name_format(to, height, &hash, fate_suffix(it->fate));
    if (renameat(s->dir, name, s->dir, to) != 0 || fsync(s->dir) != 0)
        complain(s, "block_file_not_renamed", name);
}

static void mark_block(struct spool *s, const struct item *it)
{
    struct names n = list_names(s, true);
    for (size_t i = 0; i < n.count; i++)
        rename_marked(s, n.name[i], it);
    mem_free(n.name);
    remove_oldest(s);
}

static void item_free(struct item *it)
{
    mem_free(it->hex);
    mem_free(it);
}

/* Waits; NULL: stopping, and nothing is left. */
static struct item *take(struct spool *s)
{
    pthread_mutex_lock(&s->lock);
    while (s->first == NULL && !s->stopping)
        pthread_cond_wait(&s->wake, &s->lock);
    struct item *it = s->first;
    if (it != NULL) {
        s->first = it->next;
        s->bytes -= it->len;
        if (s->first == NULL)
            s->last = &s->first;
    }
    pthread_mutex_unlock(&s->lock);
    return it;
}

static void *run(void *arg)
{
    struct spool *s = arg;
    struct item *it;
    while ((it = take(s)) != NULL) {
        if (it->is_mark)
            mark_block(s, it);
        else
            write_block(s, it);
        item_free(it);
    }
    return NULL;
}

/* --- the interface ------------------------------------------------------------ */

static bool put(struct spool *s, struct item *it)
{
    pthread_mutex_lock(&s->lock);
    bool fits = s->bytes + it->len <= SPOOL_QUEUE_BYTES;
    if (fits) {
        *s->last = it;
        s->last = &it->next;
        s->bytes += it->len;
        pthread_cond_signal(&s->wake);
    }
    pthread_mutex_unlock(&s->lock);
    if (!fits)
        item_free(it);
    return fits;
}

void spool_write(struct spool *s, const struct hash256 *hash, uint32_t height,
                 const char *hex, size_t hex_len)
{
    struct item *it = mem_new(sizeof(*it));
    it->hash = *hash;
    it->height = height;
    it->hex = mem_copy(hex, hex_len);
    it->len = hex_len;
    char name[NAME_SIZE];
    name_format(name, height, hash, ".hex");
    if (!put(s, it)) {
        errno = ENOBUFS;
        complain(s, "block_file_not_written", name);
    }
}

enum kz_err spool_write_now(struct spool *s, const struct hash256 *hash,
                            uint32_t height, const char *hex, size_t hex_len)
{
    char name[NAME_SIZE], now[NAME_SIZE];
    name_format(name, height, hash, ".hex");
    name_format(now, height, hash, ".now");
    unlinkat(s->dir, now, 0);
    if (write_file(s->dir, now, hex, hex_len, false) &&
        renameat(s->dir, now, s->dir, name) == 0)
        return KZ_OK;
    complain(s, "block_file_not_written", name);
    return KZ_IO;
}

void spool_mark(struct spool *s, const struct hash256 *hash, enum spool_fate fate)
{
    struct item *it = mem_new(sizeof(*it));
    it->hash = *hash;
    it->is_mark = true;
    it->fate = fate;
    if (!put(s, it)) /* then the block is sent once more at the next start: no harm */
        log_warn("block_file_not_marked", kv_str("dir", s->path));
}

static enum kz_err open_dir(struct spool *s, const char *data_dir)
{
    size_t size = strlen(data_dir) + sizeof("/blocks");
    s->path = mem_new(size);
    snprintf(s->path, size, "%s/blocks", data_dir);
    if (mkdir(s->path, 0750) != 0 && errno != EEXIST) {
        complain(s, "block_dir_not_made", ".");
        return KZ_IO;
    }
    s->dir = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->dir < 0) {
        complain(s, "block_dir_not_opened", ".");
        return KZ_IO;
    }
    return KZ_OK;
}

/* Signals are the control thread's. */
static enum kz_err start_thread(struct spool *s)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&s->thread, NULL, run, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    s->has_thread = error == 0;
    if (error != 0)
        log_error("thread_not_started", kv_str("thread", "spool"), kv_errno(error));
    return error == 0 ? KZ_OK : KZ_IO;
}

enum kz_err spool_start(struct spool **out, const char *data_dir)
{
    struct spool *s = mem_new(sizeof(*s));
    s->dir = -1;
    s->last = &s->first;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->wake, NULL);
    enum kz_err err = open_dir(s, data_dir);
    if (err == KZ_OK)
        err = start_thread(s);
    if (err == KZ_OK)
        *out = s;
    else
        spool_stop(s);
    return err;
}

void spool_stop(struct spool *s)
{
    if (s == NULL)
        return;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
    if (s->has_thread)
        pthread_join(s->thread, NULL);
    assert(s->first == NULL);
    if (s->dir >= 0)
        close(s->dir);
    pthread_cond_destroy(&s->wake);
    pthread_mutex_destroy(&s->lock);
    mem_free(s->path);
    mem_free(s);
}

/* --- loading ------------------------------------------------------------------ */

/* The text of a file, its line end off; NULL with errno. The caller frees. */
static char *read_file(const struct spool *s, const char *name, size_t *len)
{
    int fd = openat(s->dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (fd < 0)
        return NULL;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size <= 0 ||
        (size_t)st.st_size > SPOOL_FILE_MAX) {
        close(fd);
        errno = EINVAL;
        return NULL;
    }
    char *text = mem_new((size_t)st.st_size + 1);
    size_t got = 0;
    ssize_t n;
    while (got < (size_t)st.st_size &&
           (n = read(fd, text + got, (size_t)st.st_size - got)) > 0)
        got += (size_t)n;
    close(fd);
    *len = got > 0 && text[got - 1] == '\n' ? got - 1 : got;
    return text;
}

static bool is_sound(const struct hash256 *hash, const char *hex, size_t len)
{
    uint8_t header[HEADER_SIZE];
    struct hash256 given;
    if (len < 2 * HEADER_SIZE || len % 2 != 0 ||
        strspn(hex, "0123456789abcdefABCDEF") < len ||
        hex_decode(header, sizeof(header), hex, 2 * sizeof(header)) != KZ_OK)
        return false;
    hash256_double(&given, header, sizeof(header));
    return hash256_equal(&given, hash);
}

size_t spool_pending(const struct spool *s,
                     void (*on_block)(void *ctx, const struct hash256 *hash,
                                      uint32_t height, const char *hex, size_t hex_len),
                     void *ctx)
{
    struct names n = list_names(s, true);
    size_t given = 0;
    for (size_t i = 0; i < n.count; i++) {
        uint32_t height;
        struct hash256 hash;
        size_t len = 0;
        char *hex = read_file(s, n.name[i], &len);
        if (hex == NULL) {
            complain(s, "block_file_not_read", n.name[i]);
        } else if (name_parse(n.name[i], &height, &hash) && is_sound(&hash, hex, len)) {
            on_block(ctx, &hash, height, hex, len);
            given++;
        } else {
            log_error("block_file_damaged", kv_str("dir", s->path),
                      kv_str("file", n.name[i]));
        }
        mem_free(hex);
    }
    mem_free(n.name);
    return given;
}
