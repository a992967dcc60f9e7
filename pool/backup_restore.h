/* pool/backup_restore.h - a backup becomes a data_dir again, on an empty machine.
 *
 * The backup is checked as a whole before anything is written. The data_dir must be there
 * or its parent, and hold nothing; its lock is held meanwhile, so no daemon starts on
 * half of it. Beside the data lies a mark, first named "restoring" and last, when all is
 * on the disk, "restored": a daemon refuses to start on the first, and tells the audit
 * chain of the second at its first start. Done as root, everything is given to whom the
 * data_dir belongs.
 *
 * The copy is the same journal as the old one, with the same id: the old machine must not
 * run any more, and whatever it did after the backup is not there. Coins it spent since then
 * are on the chain: kariz-payout refuses to pay before `kariz-payout recover`.
 *
 * Redis: of an embedded one its append-only folder is put in place; one of the operator's own
 * is loaded from it by the operator, and the journal gives it what it lacks either way.
 * The settings stay in the backup: other machines have other paths.
 *
 * Errors  KZ_RANGE refused, KZ_EMPTY no backup, KZ_BUSY in use, KZ_IO; with `why`.
 * Thread  one; takes as long as copying does. */
#ifndef POOL_BACKUP_RESTORE_H
#define POOL_BACKUP_RESTORE_H

#include "pool/backup_check.h"

#define RESTORE_BEGUN "restoring"
#define RESTORE_DONE  "restored"

struct backup_restore {
    const char *from, *to;
    const struct hash256 *expect; /* as of struct backup_check */
    const char *master_key;       /* the file that has it; NULL: the backup's, if any */
    bool without_master_key;      /* it is a credential, or is put there later */
};

struct backup_restored {
    struct hash256 manifest;
    char redis_mode[16];
    uint64_t files;
    uint64_t audit_seq;
    struct hash256 audit_hash;
    bool has_vault_key; /* and it fits */
};

/* `problems` (the caller's, or NULL) are lines for people: what is wrong with the backup
 * where it is refused; else what of the vault does not open, which was so before. */
KZ_MUST_USE enum kz_err backup_restore_run(struct backup_restored *out,
                                           json_t **problems, char why[BACKUP_WHY_SIZE],
                                           const struct backup_restore *order);

#endif
