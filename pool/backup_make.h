/* pool/backup_make.h - one backup of a pool's data: made, proved, older ones let go.
 *
 * Copied in this order, so that each part has all that those before it refer to:
 *
 *   redis/     a snapshot of Redis (share/redis_copy.h), in the form of an append-only
 *              folder that redis-server starts from; of a server that does not run, its folder
 *   payout/    kariz-payout's journal        journal/   ours: events, then shares
 *   refusal-keys/   what opens the details of refused logins in our journal
 *   vault/     sealed personal data; master.key only where that is asked for
 *   blocks/    found blocks                  settings.json, profile.json   as in force
 *
 * A Redis older than the journals is what a restart heals: it is given what it lacks. Keys,
 * passwords and certificates that the settings name are not copied: only their paths are
 * known here.
 *
 * It grows under a name that says it is unfinished. When all is on the disk it is read
 * again from there and compared, and only then given its own name: whatever happens in
 * between, no folder looks whole that is not. What an earlier attempt left is cleared away
 * first.
 *
 * Errors  KZ_IO, KZ_RANGE, KZ_BUSY (asked to stop, or in use) with `why`; nothing is left
 *         under the backup's name then.
 * Thread  one at a time for one instance, whichever; takes as long as copying does. */
#ifndef POOL_BACKUP_MAKE_H
#define POOL_BACKUP_MAKE_H

#include "conf/conf.h"
#include "pool/backup_manifest.h"
#include "pool/backup_name.h"

struct backup_order {
    const struct conf *conf;
    const char *dir; /* where backups lie; made if missing, its parent is there */
    bool with_master_key;
    bool is_offline; /* no daemon runs: nobody writes, the embedded server is down */
    /* What is being copied must not go: true before the first file, false after the last;
     * waits until it holds. False: it does not. NULL: nothing has to be held. */
    bool (*hold)(void *ctx, bool is_on);
    bool (*is_stopping)(void *ctx); /* NULL: never */
    void *ctx;
};

struct backup_made {
    char name[BACKUP_NAME_SIZE];
    int64_t time_ms; /* when it was begun */
    struct hash256 manifest;
    uint64_t files, bytes;
    uint64_t audit_seq;
    struct hash256 audit_hash;
};

KZ_MUST_USE enum kz_err backup_make(struct backup_made *out, char why[BACKUP_WHY_SIZE],
                                    const struct backup_order *order);

/* The newest finished one in the folder. KZ_EMPTY: none. */
KZ_MUST_USE enum kz_err backup_find_newest(char name[BACKUP_NAME_SIZE],
                                           int64_t *time_ms, const char *dir,
                                           const char *instance);
/* Removes the oldest while there are more than `keep`; `*gone` is how many. KZ_IO: one of
 * them cannot be removed. */
KZ_MUST_USE enum kz_err backup_let_go(size_t *gone, char why[BACKUP_WHY_SIZE],
                                      const char *dir, const char *instance,
                                      size_t keep);

#endif
