/* pool/backup.h - the daemon's backups: daily, and whenever somebody asks.
 *
 * A thread of its own makes them (pool/backup_make.h) while everything else goes on. Daily
 * at `backup.at` into `backup.dir`; a time that was slept through is made up for at once,
 * one that failed is tried again after BACKUP_RETRY_MS. Those above `backup.keep` are let
 * go when a newer one was made and proved, never before. Each that was made is an event
 * of the audit chain, with the SHA-256 of its manifest.
 *
 * The first start after a restore (pool/backup_restore.h) is an event too: told once, and
 * then the mark beside the data is removed.
 *
 * Ownership  parts are borrowed until backup_free(); arguments are copied.
 * Thread     control, all of it; on_done too. */
#ifndef POOL_BACKUP_H
#define POOL_BACKUP_H

#include "conf/conf.h"
#include "conf/mailbox.h"
#include "pool/registry/registry.h"
#include "share/store.h"

#define BACKUP_RETRY_MS    600000
#define BACKUP_OVERDUE_MS  93600000 /* 26 hours: two more than a day */
#define BACKUP_PATH_SIZE   1024
#define BACKUP_TEXT_SIZE   600
#define BACKUP_PERSON_SIZE 101

struct backup;

struct backup_parts {
    struct mailbox *mailbox; /* control's */
    struct store *store;
    struct registry *registry;
    const struct conf *conf;
};

struct backup_wish {
    char dir[BACKUP_PATH_SIZE]; /* "": backup.dir */
    bool with_master_key;
    char by[BACKUP_PERSON_SIZE]; /* who asks */
};

/* KZ_OK with a value it owns: {name, path, files, bytes, manifest, audit: {seq, hash},
 * note}. Else `text` says to a person why not. */
typedef void backup_done_fn(void *ctx, enum kz_err err, json_t *value,
                            const char *text);

KZ_MUST_USE enum kz_err backup_start(struct backup **out,
                                     const struct backup_parts *parts);
/* Ends the thread; one that is being made is broken off. Who waits is told "stopping". NULL
 * accepted. */
void backup_stop(struct backup *b);
/* When the mailbox and the registry cannot call any more. NULL accepted. */
void backup_free(struct backup *b);

/* `on_done` is called exactly once; at once where one is asked for already. */
void backup_ask(struct backup *b, const struct backup_wish *wish,
                backup_done_fn *on_done, void *ctx);

/* {dir, at, running, last: {name, time_ms, files, bytes} or null, age_s, error, alarm}; the
 * caller owns. */
json_t *backup_status(struct backup *b);

#endif
