/* pool/backup_folder.h - whole folders: synced, removed, listed.
 *
 * Errors  KZ_IO, errno says why; KZ_EMPTY where there is nothing.
 * Thread  one at a time, whichever. */
#ifndef POOL_BACKUP_FOLDER_H
#define POOL_BACKUP_FOLDER_H

#include "pool/backup_name.h"

#include <stddef.h>
#include <sys/types.h>

/* Calls `on_entry` for each name below `dir` but . and .., deepest first. */
struct folder_walk {
    void *ctx;
    enum kz_err (*on_entry)(void *ctx, int dir, const char *name, bool is_folder);
};
KZ_MUST_USE enum kz_err folder_walk(int dir, const struct folder_walk *walk);

/* Names in it are there after a power cut; those of folders below it, too. */
KZ_MUST_USE enum kz_err folder_sync(int dir);
/* With all that is in it. KZ_OK where there is none. */
KZ_MUST_USE enum kz_err folder_remove(int dir, const char *name);
/* Everything below it, and itself. */
KZ_MUST_USE enum kz_err folder_give(int dir, uid_t uid, gid_t gid);

/* Finished backups of an instance in a folder, by name: oldest first. */
struct backup_list {
    char (*name)[BACKUP_NAME_SIZE];
    size_t count, room;
};
void backup_list_clear(struct backup_list *l);
/* `leftovers`: the unfinished ones instead, by the names they have. */
KZ_MUST_USE enum kz_err backup_list_read(struct backup_list *out, int dir,
                                         const char *instance, bool leftovers);

#endif
