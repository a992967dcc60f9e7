/* pool/report/history_logins.h - what a journal has of logins, into a history.
 *
 * Refused ones by hour and reason, the same with details, and the rig software of those
 * that were accepted. Details lie there sealed (share/denied_seal.h): those whose key is
 * gone, or is another's, are left out without a word, since that is how they end; the counts
 * stay. Keys are asked for of days in the asked time alone.
 *
 * Errors  KZ_RANGE: a record that is not understood, a key that is damaged, details that do
 *         not open under their own key. KZ_IO: a key cannot be read. With `why`.
 * Thread  as pool/report/history.h, whose part it is. */
#ifndef POOL_REPORT_HISTORY_LOGINS_H
#define POOL_REPORT_HISTORY_LOGINS_H

#include "pool/report/history.h"
#include "share/journal_record.h"
#include "share/refusal_keys.h"

/* Any record of the event stream; those of another kind are left alone. */
KZ_MUST_USE enum kz_err history_take_login(struct history *h,
                                           char why[HISTORY_WHY_SIZE],
                                           const struct history_ask *ask,
                                           struct refusal_keys *keys,
                                           const struct journal_record *r);

#endif
