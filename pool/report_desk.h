/* pool/report_desk.h - what the audit chain is told of reports: rows of pool/desk_rows.h.
 *
 *   report_note             manifest (its hash), period, level, status; request, miner: may
 *   report_note_correction  be left out: a package was made (karizctl report
 *                           make), or one that corrects or calls off another
 *   report_note_key         statement (its text, pool/report/report_key.h): the key that
 *                           signs reports is followed by another; both have signed it, and
 *                           the event keeps it whole
 *   alert_decide            rule (pool/report/alert.h), decision (a text without personal
 *                           data), miner (left out: of an alert about none): what a person
 *                           decided of an alert; R8 shows it
 *
 * Thread  control. */
#ifndef POOL_REPORT_DESK_H
#define POOL_REPORT_DESK_H

#include "pool/desk_rows.h"

/* KZ_RANGE with `why`. */
enum kz_err report_desk_note(struct desk_noted *out, char why[RECORD_WHY_SIZE],
                             const struct desk_notice *n);
enum kz_err report_desk_key(struct desk_noted *out, char why[RECORD_WHY_SIZE],
                            const struct desk_notice *n);
enum kz_err report_desk_decide(struct desk_noted *out, char why[RECORD_WHY_SIZE],
                               const struct desk_notice *n);

#endif
