/* pool/ctl_apply.h - karizctl's commands that bring whole records in and out.
 *
 * Thread: the only one. */
#ifndef POOL_CTL_APPLY_H
#define POOL_CTL_APPLY_H

#include "pool/ctl_local.h"

/* miner apply: --file, a record in JSON; without it, asked for at the terminal or read
 * from a pipe (pool/guide.h) in --lang, by the profile of --conf or of the daemon. With
 * --draft FILE, what is in FILE is not asked again, and what was given and not sent may be
 * kept there, but for what is personal. */
ctl_local_fn ctl_miner_apply;

/* miner import: --csv or --json FILE, --dry-run, --skip-bad, --conf. Nothing is sent where
 * a line has an error, unless the bad ones are to be skipped. */
ctl_local_fn ctl_miner_import;

/* miner export: the public record, or all of them; --full --request NO: the personal
 * values too, from the vault, which is an event of the audit chain. */
ctl_local_fn ctl_miner_export;

/* reconcile: --csv FILE, an authority's list. 1: something differs. */
ctl_local_fn ctl_reconcile;

#endif
