#include "pool/screen_shelf.h"

#include "conf/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct book {
    struct stat known; /* of the file, when it was read */
    struct screen_list *list;
};

struct screen_shelf {
    const struct conf *conf;
    struct book books[CONF_LISTS_MAX];
};

struct screen_shelf *screen_shelf_new(const struct conf *conf)
{
    struct screen_shelf *s = mem_new(sizeof(*s));
    s->conf = conf;
    return s;
}

void screen_shelf_free(struct screen_shelf *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < CONF_LISTS_MAX; i++)
        screen_list_free(s->books[i].list);
    mem_free(s);
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
           a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static enum kz_err refuse(char why[SCREEN_SHELF_WHY_SIZE], const char *path,
                          const char *text, enum kz_err err)
{
    snprintf(why, SCREEN_SHELF_WHY_SIZE, "%s: %s", path, text);
    return err;
}

static enum kz_err read_book(struct book *b, char why[SCREEN_SHELF_WHY_SIZE],
                             const char *path, int fd, const struct stat *st)
{
    char text_why[CSV_WHY_SIZE];
    struct screen_list *list = NULL;
    if (!S_ISREG(st->st_mode) || st->st_size > SCREEN_LIST_BYTES_MAX)
        return refuse(why, path, "no file, or too large a one", KZ_RANGE);
    size_t size = (size_t)st->st_size, len = 0;
    char *text = mem_new(size + 1);
    for (ssize_t n; len < size && (n = read(fd, text + len, size - len)) > 0;)
        len += (size_t)n;
    enum kz_err err = screen_list_parse(&list, text_why, text, len);
    mem_free(text);
    if (err != KZ_OK)
        return refuse(why, path, text_why, err);
    screen_list_free(b->list);
    *b = (struct book){*st, list};
    return KZ_OK;
}

static enum kz_err look_at(struct book *b, char why[SCREEN_SHELF_WHY_SIZE],
                           const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) != 0) {
        enum kz_err failed = refuse(why, path, strerror(errno), KZ_IO);
        if (fd >= 0)
            close(fd);
        return failed;
    }
    bool is_known = b->list != NULL && is_same(&st, &b->known);
    enum kz_err err = is_known ? KZ_OK : read_book(b, why, path, fd, &st);
    close(fd);
    return err;
}

enum kz_err screen_shelf_look(struct record_screen_list *lists, size_t *count,
                              char why[SCREEN_SHELF_WHY_SIZE], struct screen_shelf *s)
{
    if (s->conf->watch_list_count == 0) {
        snprintf(why, SCREEN_SHELF_WHY_SIZE, "registry.watch_lists: none is set");
        return KZ_EMPTY;
    }
    for (size_t i = 0; i < s->conf->watch_list_count; i++) {
        const char *path = s->conf->watch_lists[i], *slash = strrchr(path, '/');
        enum kz_err err = look_at(&s->books[i], why, path);
        if (err != KZ_OK)
            return err;
        lists[i] = (struct record_screen_list){slash != NULL ? slash + 1 : path,
                                               s->books[i].list};
    }
    *count = s->conf->watch_list_count;
    return KZ_OK;
}
