/* pool/reporter.h - reports that make themselves when their period is over.
 *
 * With report.dir and report.key_file set, a thread looks each minute whether the last day,
 * month, quarter or year has the package that the profile asks for, at the regulator's level:
 * <report.dir>/<profile's code>-<period>. One that is missing is made a few minutes after
 * the period's end, is tied to the newest package there by its `previous`, and is told to
 * the audit chain. What fails is said in the log and in status, and tried again. Older
 * periods, corrections and other levels are made by hand (karizctl report make).
 *
 * The passphrase of the key is the credential kariz-report of systemd's; it and the key are
 * in memory only while a package is made.
 *
 * Ownership  parts are borrowed until reporter_free().
 * Errors     KZ_IO: no thread.
 * Thread     control, all of it; the work is done by a thread of its own. */
#ifndef POOL_REPORTER_H
#define POOL_REPORTER_H

#include "conf/mailbox.h"
#include "pool/registry/registry.h"

#define REPORTER_CREDENTIAL "kariz-report"

struct reporter;

struct reporter_parts {
    struct mailbox *mailbox; /* control's */
    struct store *store;
    struct registry *registry;
    const struct conf *conf;
    const struct profile *profile;
    const char *commit; /* conf/build.h */
};

KZ_MUST_USE enum kz_err reporter_start(struct reporter **out,
                                       const struct reporter_parts *parts);
/* Waits for a report under way; before the store stops. Accepts NULL, as free does. */
void reporter_stop(struct reporter *r);
/* After the mailbox was freed. */
void reporter_free(struct reporter *r);

/* {dir, alarm, periods: [{period, reports, due_at, made, package}]}: what is due and whether
 * it is there. `dir` "": nothing makes itself. */
json_t *reporter_status(struct reporter *r);

#endif
