/* pool/ctl_sheet.h - records and what waits for a person, as people read them.
 *
 * --lang tk, ru or en, or as the environment says (pool/words.h). --json is the daemon's
 * answer as it came. Thread: the only one. */
#ifndef POOL_CTL_SHEET_H
#define POOL_CTL_SHEET_H

#include "pool/ctl_local.h"
#include "pool/words.h"

/* miner show ID, miner list: with what waits for a person. */
ctl_local_fn ctl_miner_show, ctl_miner_list;
/* desk todo [--days N]: everything that waits for a person. */
ctl_local_fn ctl_desk_todo;
/* equipment list [MINER], site list [MINER], certificate show MINER. */
ctl_local_fn ctl_equipment_list, ctl_site_list, ctl_certificate_show;
/* reasons: the codes of --reason, what they mean and what they are for; needs no daemon. */
ctl_local_fn ctl_reasons;

/* screening run [MINER]: with the watch lists of the settings. 1: not all are clear. */
ctl_local_fn ctl_screening_run;

/* A stored record on standard output; `todo`: what waits, of all miners, or NULL. */
void ctl_sheet_print(const struct words *w, const json_t *record, const json_t *todo);
/* Parts of it, a line each; the label's in the language. */
void ctl_sheet_label(const struct words *w, const char *english);
void ctl_sheet_certificate(const struct words *w, const json_t *record);
void ctl_sheet_site(const struct words *w, const json_t *site);
void ctl_sheet_equipment(const struct words *w, const json_t *machine);

#endif
