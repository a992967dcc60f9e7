/* pool/backup_write.h - files into a backup's folder, each hashed on its way.
 *
 * A writer has a folder of its own, mode 0700, and a manifest to which every file is added
 * with its size and SHA-256. Files have mode 0600 and are synced before they count.
 *
 * What is copied is in use meanwhile:
 *
 *   a file that is only ever replaced by renaming another over it (vault, found blocks) is
 *   read, and read again where its name meant another file by then;
 *   a journal's segments are copied from the newest to the oldest and up to their synced
 *   offset, so what is there is what a power cut would have left, and no older segment
 *   has less than a newer one needs. `whole` takes what was not synced, too: for a
 *   journal that nobody writes to.
 *
 * Ownership  the writer's folder and manifest are borrowed.
 * Errors     `why` of the writer names the file. KZ_EMPTY: it is not there. KZ_RANGE: not
 *            what it must be. KZ_BUSY: asked to stop. KZ_IO: the system said no.
 * Thread     one at a time; reads and writes files. */
#ifndef POOL_BACKUP_WRITE_H
#define POOL_BACKUP_WRITE_H

#include "pool/backup_manifest.h"

struct backup_writer {
    int dir;
    struct backup_manifest *manifest;
    bool (*is_stopping)(void *ctx); /* NULL: never */
    void *ctx;
    char why[BACKUP_WHY_SIZE];
};

enum kz_err backup_fail(struct backup_writer *w, enum kz_err err, const char *format,
                        ...) KZ_PRINTF(3, 4);

/* --- one file ---------------------------------------------------------------------- */

struct backup_sink;

KZ_MUST_USE enum kz_err backup_sink_open(struct backup_sink **out,
                                         struct backup_writer *w, const char *name);
KZ_MUST_USE enum kz_err backup_sink_write(struct backup_sink *s, const void *p,
                                          size_t len);
/* As many zeros, which take no space. */
KZ_MUST_USE enum kz_err backup_sink_skip(struct backup_sink *s, uint64_t len);
/* Synced and in the manifest, unless `err` (what came before) is not KZ_OK: then it is
 * removed. Returns `err` or what went wrong here. Frees `s`, which may be NULL. */
KZ_MUST_USE enum kz_err backup_sink_close(struct backup_sink *s, enum kz_err err);

KZ_MUST_USE enum kz_err backup_write_text(struct backup_writer *w, const char *name,
                                          struct bytes text);
KZ_MUST_USE enum kz_err backup_copy_file(struct backup_writer *w, const char *name,
                                         int from_dir, const char *from);

/* --- many -------------------------------------------------------------------------- */

/* Every regular file in the folder, as PREFIX/name, but those that begin with a dot or end
 * in `skip` (NULL: none). KZ_EMPTY: no such folder. */
KZ_MUST_USE enum kz_err backup_copy_folder(struct backup_writer *w, const char *prefix,
                                           const char *from, const char *skip);
/* KZ_EMPTY: no journal there. */
KZ_MUST_USE enum kz_err backup_copy_journal(struct backup_writer *w, const char *prefix,
                                            const char *from, bool whole);

#endif
