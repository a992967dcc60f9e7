/* pool/backup_name.h - what backups are called, and when the next one is due.
 *
 * A backup is a folder "kariz-backup-<instance>-20261126T192530Z": names of one instance
 * sort by time. One that is being made, or taken away, has another name
 * (BACKUP_UNFINISHED before it), so whatever bears the plain name is whole.
 *
 * Units   UTC milliseconds; whole seconds are kept.
 * Thread  any. Pure: no I/O, lock or clock. */
#ifndef POOL_BACKUP_NAME_H
#define POOL_BACKUP_NAME_H

#include "conf/err.h"

#include <stdbool.h>
#include <stdint.h>

#define BACKUP_NAME_SIZE  80
#define BACKUP_PREFIX     "kariz-backup-"
#define BACKUP_UNFINISHED ".unfinished-"

void backup_name_format(char out[BACKUP_NAME_SIZE], const char *instance,
                        int64_t time_ms);
/* KZ_PARSE: no backup of that instance. */
KZ_MUST_USE enum kz_err backup_name_parse(int64_t *time_ms, const char *instance,
                                          const char *name);
/* Left behind by a backup of that instance that was not finished, or not all removed. */
bool backup_name_is_leftover(const char *instance, const char *name);

/* The latest moment up to `now_ms` at which one was to be made daily at `at` ("HH:MM", UTC):
 * whoever has none since then makes one. */
int64_t backup_due_ms(int64_t now_ms, const char *at);

#endif
