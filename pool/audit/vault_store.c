#include "conf/fault.h"
#include "conf/mem.h"
#include "conf/private_file.h"
#include "pool/audit/vault_parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_FILE_MAX  2048
#define DATA_FILE_MAX (2 * (size_t)VAULT_VALUES_MAX + KEY_FILE_MAX)

enum kz_err vault_fail(char why[VAULT_WHY_SIZE], enum kz_err err, const char *format,
                       ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, VAULT_WHY_SIZE, format, args);
    va_end(args);
    return err;
}

enum kz_err vault_fail_errno(char why[VAULT_WHY_SIZE], const char *name,
                             const char *what)
{
    return vault_fail(why, KZ_IO, "%s %s: %s", name, what, strerror(errno));
}

void vault_name(char out[VAULT_NAME_SIZE], const char *folder,
                const struct miner_id *miner)
{
    snprintf(out, VAULT_NAME_SIZE, "%s/%s", folder, miner->text);
}

enum kz_err vault_read(void *out, size_t *len, char why[VAULT_WHY_SIZE],
                       const struct vault *v, const char *name, size_t max)
{
    char inner[PRIVATE_FILE_WHY_SIZE];
    struct private_file f = {v->dir, name};
    enum kz_err err = private_file_read(out, len, inner, &f, max);
    return err == KZ_OK ? KZ_OK : vault_fail(why, err, "%s %s", name, inner);
}

enum kz_err vault_destroy(const struct vault *v, char why[VAULT_WHY_SIZE],
                          const char *name)
{
    char inner[PRIVATE_FILE_WHY_SIZE];
    struct private_file f = {v->dir, name};
    enum kz_err err = private_file_destroy(&f, inner);
    return err == KZ_OK ? KZ_OK : vault_fail(why, err, "%s %s", name, inner);
}

enum kz_err vault_put_over(const struct vault *v, char why[VAULT_WHY_SIZE],
                           const char *name, const char *by)
{
    char inner[PRIVATE_FILE_WHY_SIZE];
    struct private_file f = {v->dir, name};
    int old = openat(v->dir, name, O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    enum kz_err err = KZ_OK;
    if (renameat(v->dir, by, v->dir, name) != 0)
        err = vault_fail_errno(why, name, "cannot be replaced");
    FAULT_POINT("vault_renamed");
    if (err == KZ_OK && private_file_sync_folder(&f, inner) != KZ_OK)
        err = vault_fail(why, KZ_IO, "%s %s", name, inner);
    FAULT_POINT("vault_folder_synced");
    /* Only now nobody needs it any more. What cannot be wiped is no failure: the new one
     * is in place, and wiping promises little (conf/private_file.h). */
    if (err == KZ_OK && old >= 0 && private_file_wipe(old, inner) != KZ_OK)
        inner[0] = '\0';
    if (old >= 0)
        close(old);
    return err;
}

enum kz_err vault_replace(const struct vault *v, char why[VAULT_WHY_SIZE],
                          const char *name, struct bytes content)
{
    char temp[VAULT_NAME_SIZE], inner[PRIVATE_FILE_WHY_SIZE];
    snprintf(temp, sizeof(temp), "%s" VAULT_TEMP_SUFFIX, name);
    struct private_file made = {v->dir, temp};
    FAULT_POINT("vault_replace_begins");
    enum kz_err err = private_file_create(&made, inner, content.p, content.len);
    if (err != KZ_OK)
        return vault_fail(why, err, "%s %s", temp, inner);
    FAULT_POINT("vault_replace_written");
    err = vault_put_over(v, why, name, temp);
    if (err != KZ_OK)
        unlinkat(v->dir, temp, 0); /* where it still has that name */
    return err;
}

bool vault_has(const struct vault *v, const char *name)
{
    struct stat st;
    return fstatat(v->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* --- boxes ------------------------------------------------------------------------ */

static const char *folder_of(enum box_kind kind)
{
    return kind == BOX_KEY ? "keys" : "data";
}

enum kz_err vault_read_box(struct box *b, char why[VAULT_WHY_SIZE],
                           const struct vault *v, enum box_kind kind,
                           const struct miner_id *miner)
{
    char name[VAULT_NAME_SIZE];
    size_t max = kind == BOX_KEY ? KEY_FILE_MAX : DATA_FILE_MAX, len = 0;
    struct box read = {0};
    uint8_t *text = mem_new(max);
    vault_name(name, folder_of(kind), miner);
    enum kz_err err = vault_read(text, &len, why, v, name, max);
    if (err == KZ_OK && box_parse(&read, (struct bytes){text, len}) != KZ_OK)
        err =
            vault_fail(why, KZ_RANGE, "%s is no file of the vault's, or damaged", name);
    mem_free(text);
    if (err == KZ_OK && (read.kind != kind || !miner_id_equal(&read.miner, miner)))
        err = vault_fail(why, KZ_RANGE, "%s is another file's content", name);
    if (err == KZ_OK)
        *b = read;
    else
        box_clear(&read);
    return err;
}

enum kz_err vault_write_box(const struct vault *v, char why[VAULT_WHY_SIZE],
                            const struct box *b)
{
    char name[VAULT_NAME_SIZE];
    size_t len = 0;
    vault_name(name, folder_of(b->kind), &b->miner);
    char *text = box_format(b, &len);
    enum kz_err err =
        vault_replace(v, why, name, (struct bytes){(const uint8_t *)text, len});
    mem_free(text);
    return err;
}

/* --- folders ---------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorts and takes `names`. One that is no UTF-8, and so none of ours, becomes null. */
static json_t *in_order(char **names, size_t count)
{
    json_t *out = json_array();
    if (count > 0)
        qsort(names, count, sizeof(*names), compare);
    for (size_t i = 0; i < count; i++) {
        json_t *name = json_string(names[i]);
        json_array_append_new(out, name != NULL ? name : json_null());
        mem_free(names[i]);
    }
    mem_free(names);
    return out;
}

static DIR *open_folder(const struct vault *v, const char *folder)
{
    int fd = openat(v->dir, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL && fd >= 0)
        close(fd);
    return dir;
}

enum kz_err vault_names(json_t **out, char why[VAULT_WHY_SIZE], const struct vault *v,
                        const char *folder)
{
    char **names = NULL;
    size_t count = 0, room = 0;
    DIR *dir = open_folder(v, folder);
    if (dir == NULL)
        return vault_fail_errno(why, folder, "cannot be opened");
    errno = 0;
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (count == room) {
            room = 2 * room + 64;
            names = mem_resize(names, room * sizeof(*names));
        }
        names[count++] = mem_text(e->d_name);
    }
    int error = errno;
    closedir(dir);
    json_t *list = in_order(names, count);
    errno = error;
    if (error != 0) {
        json_decref(list);
        return vault_fail_errno(why, folder, "cannot be read");
    }
    *out = list;
    return KZ_OK;
}
