/* pool/ctl_local.h - commands that karizctl runs itself; each returns the exit status, and
 * says on standard error why it is not 0. Thread: the only one. */
#ifndef POOL_CTL_LOCAL_H
#define POOL_CTL_LOCAL_H

#include <jansson.h>
#include <stdbool.h>

struct ctl_place {
    const char *socket;
    bool json;
    const char *commit; /* of this program; NULL: not known */
};

#define CTL_PATH_SIZE 1024

/* The journal's directory: --dir, or as the daemon has it. `needs`: what the daemon's status
 * is asked for ("--dir"); NULL: it is not asked, and --dir is there. False: said why.
 * *status is the caller's. */
bool ctl_find_journal(char dir[CTL_PATH_SIZE], json_t **status,
                      const struct ctl_place *place, const json_t *arguments,
                      const char *needs);

typedef int ctl_local_fn(const struct ctl_place *place, const json_t *arguments);

/* Reads a journal (of a running daemon, too) and computes its shares and slices again:
 * --from, --to (ISO), --dir, --network. What is not given is asked of the daemon. */
int ctl_journal_verify(const struct ctl_place *place, const json_t *arguments);

/* The audit chain in a journal's events, of a running daemon too: proved, with --head
 * SEQ:HASH against a head that was noted; shown; written out as lines. --dir; show: --from,
 * --to (ISO), a miner. */
int ctl_audit_verify(const struct ctl_place *place, const json_t *arguments);
int ctl_audit_show(const struct ctl_place *place, const json_t *arguments);
int ctl_audit_export(const struct ctl_place *place, const json_t *arguments);

/* A backup made by the daemon, or here where --conf says of what (no daemon runs then);
 * checked; put on an empty machine. */
int ctl_backup_create(const struct ctl_place *place, const json_t *arguments);
int ctl_backup_verify(const struct ctl_place *place, const json_t *arguments);
int ctl_backup_restore(const struct ctl_place *place, const json_t *arguments);

/* status, once or --watch [SECONDS], --count TIMES: again and again, in place on a
 * terminal, until Ctrl-C. */
int ctl_status(const struct ctl_place *place, const json_t *arguments);

/* profile check FILE: whether it is one, and what in it is not set. profile show
 * [FILE|CODE], --dir DIR: all of it; without a word the profiles that are installed. */
ctl_local_fn ctl_profile_check, ctl_profile_show;
/* Is a package of reports whole, and signed? --key: by this one. No daemon, no network. */
int ctl_report_verify(const struct ctl_place *place, const json_t *arguments);

/* A package made for a period, one that takes another's place or calls it off, and the
 * packages in a directory.
 * --conf, --key, --passphrase-fd, --out; they read the store and the journal beside the
 * daemon, and tell it afterwards. */
ctl_local_fn ctl_report_make, ctl_report_correct, ctl_report_cancel, ctl_report_list;

/* A package made again from what store and journal have, and compared: --conf. No key. */
int ctl_report_reproduce(const struct ctl_place *place, const json_t *arguments);

/* The key that signs reports: a new one, whose passphrase comes from --passphrase-fd; what
 * may be seen of one; a statement by an old and a new one that the new one follows, which the
 * daemon writes into the audit chain; such a statement told again; and checked. */
ctl_local_fn ctl_report_key_create, ctl_report_key_show, ctl_report_key_rotate,
    ctl_report_key_announce, ctl_report_key_check;

#endif
