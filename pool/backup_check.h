/* pool/backup_check.h - is a backup what it says it is? Needs no daemon.
 *
 * Every file is read and compared with the manifest, nothing may be missing or too much,
 * and the audit chain in the copied journal is proved up to the head that the manifest
 * names. That the manifest itself is the one that was made, only its SHA-256 says where
 * that was noted elsewhere: the audit chain's event "backup_made" has it.
 *
 * Ownership  backup_report_clear() accepts a zeroed one.
 * Errors     KZ_OK: it was read through, `problems` lists what is wrong, each by its name.
 *            KZ_EMPTY: no backup there. KZ_RANGE: one whose manifest is none. KZ_BUSY:
 *            asked to stop. KZ_IO.
 * Thread     one at a time; reads files. */
#ifndef POOL_BACKUP_CHECK_H
#define POOL_BACKUP_CHECK_H

#include "pool/backup_manifest.h"

#include <jansson.h>

#define BACKUP_PROBLEMS_MAX 100 /* listed; all are counted */

struct backup_report {
    struct backup_manifest manifest;
    struct hash256 manifest_hash;
    json_t *problems; /* lines for people */
    uint64_t problem_count;
};

struct backup_check {
    const char *path;
    const struct hash256 *expect; /* the manifest's SHA-256 as noted; NULL: not known */
    bool (*is_stopping)(void *ctx); /* NULL: never */
    void *ctx;
};

KZ_MUST_USE enum kz_err backup_check_run(struct backup_report *out,
                                         char why[BACKUP_WHY_SIZE],
                                         const struct backup_check *check);
void backup_report_clear(struct backup_report *r);

#endif
