#include "pool/backup_folder.h"

#include "conf/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A stream of its own. NULL: errno says why. */
static DIR *open_list(int dir)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (d == NULL && fd >= 0)
        close(fd);
    return d;
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static enum kz_err visit(int dir, const char *name, const struct folder_walk *w)
{
    struct stat st;
    enum kz_err err = KZ_OK;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return KZ_IO;
    if (S_ISDIR(st.st_mode)) {
        int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        err = fd >= 0 ? folder_walk(fd, w) : KZ_IO;
        if (fd >= 0)
            close(fd);
    }
    return err == KZ_OK ? w->on_entry(w->ctx, dir, name, S_ISDIR(st.st_mode)) : err;
}

enum kz_err folder_walk(int dir, const struct folder_walk *w)
{
    enum kz_err err = KZ_OK;
    DIR *d = open_list(dir);
    if (d == NULL)
        return KZ_IO;
    for (const struct dirent *e; err == KZ_OK && (e = readdir(d)) != NULL;)
        if (!is_dots(e->d_name))
            err = visit(dir, e->d_name, w);
    int error = errno;
    closedir(d);
    errno = error;
    return err;
}

static enum kz_err sync_entry(void *ctx, int dir, const char *name, bool is_folder)
{
    (void)ctx;
    if (!is_folder)
        return KZ_OK;
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return ok ? KZ_OK : KZ_IO;
}

enum kz_err folder_sync(int dir)
{
    const struct folder_walk w = {.on_entry = sync_entry};
    enum kz_err err = folder_walk(dir, &w);
    return err == KZ_OK && fsync(dir) != 0 ? KZ_IO : err;
}

static enum kz_err remove_entry(void *ctx, int dir, const char *name, bool is_folder)
{
    (void)ctx;
    return unlinkat(dir, name, is_folder ? AT_REMOVEDIR : 0) == 0 ? KZ_OK : KZ_IO;
}

enum kz_err folder_remove(int dir, const char *name)
{
    const struct folder_walk w = {.on_entry = remove_entry};
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? KZ_OK : KZ_IO;
    enum kz_err err = folder_walk(fd, &w);
    close(fd);
    return err == KZ_OK ? remove_entry(NULL, dir, name, true) : err;
}

struct owner {
    uid_t uid;
    gid_t gid;
};

static enum kz_err give_entry(void *ctx, int dir, const char *name, bool is_folder)
{
    const struct owner *o = ctx;
    (void)is_folder;
    return fchownat(dir, name, o->uid, o->gid, AT_SYMLINK_NOFOLLOW) == 0 ? KZ_OK
                                                                         : KZ_IO;
}

enum kz_err folder_give(int dir, uid_t uid, gid_t gid)
{
    struct owner o = {uid, gid};
    const struct folder_walk w = {.ctx = &o, .on_entry = give_entry};
    return folder_walk(dir, &w);
}

/* --- backups ----------------------------------------------------------------------- */

void backup_list_clear(struct backup_list *l)
{
    mem_free(l->name);
    *l = (struct backup_list){.count = 0};
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

enum kz_err backup_list_read(struct backup_list *out, int dir, const char *instance,
                             bool leftovers)
{
    int64_t time_ms;
    DIR *d = open_list(dir);
    if (d == NULL)
        return KZ_IO;
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        bool is_wanted =
            leftovers ? backup_name_is_leftover(instance, e->d_name)
                      : backup_name_parse(&time_ms, instance, e->d_name) == KZ_OK;
        if (!is_wanted || strlen(e->d_name) >= BACKUP_NAME_SIZE)
            continue;
        if (out->count == out->room) {
            out->room = 2 * out->room + 32;
            out->name = mem_resize(out->name, out->room * sizeof(*out->name));
        }
        snprintf(out->name[out->count++], BACKUP_NAME_SIZE, "%.79s", e->d_name);
    }
    closedir(d);
    if (out->count > 0)
        qsort(out->name, out->count, sizeof(*out->name), compare);
    return KZ_OK;
}
