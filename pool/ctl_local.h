/* pool/ctl_local.h - commands that karizctl runs itself; each returns the exit status, and
 * says on standard error why it is not 0. Thread: the only one. */
#ifndef POOL_CTL_LOCAL_H
#define POOL_CTL_LOCAL_H

#include <jansson.h>
#include <stdbool.h>

struct ctl_place {
    const char *socket;
    bool json;
};

typedef int ctl_local_fn(const struct ctl_place *place, const json_t *arguments);

/* Reads a journal (of a running daemon, too) and computes its shares and slices again:
 * --from, --to (ISO), --dir, --network. What is not given is asked of the daemon. */
int ctl_journal_verify(const struct ctl_place *place, const json_t *arguments);

/* status, once or --watch [SECONDS], --count TIMES: again and again, in place on a
 * terminal, until Ctrl-C. */
int ctl_status(const struct ctl_place *place, const json_t *arguments);

/* Is a package of reports whole, and signed? --key: by this one. No daemon, no network. */
int ctl_report_verify(const struct ctl_place *place, const json_t *arguments);

/* The key that signs reports: a new one, whose passphrase comes from --passphrase-fd; and
 * what may be seen of one. */
int ctl_report_key_create(const struct ctl_place *place, const json_t *arguments);
int ctl_report_key_show(const struct ctl_place *place, const json_t *arguments);

#endif
