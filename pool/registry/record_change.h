/* pool/registry/record_change.h - changes of what a record holds: equipment, sites, the
 * certificate, checks, declarations, networks.
 *
 * What has a from and a to is never taken out: it ends, so that a report of an earlier day
 * still finds it. A certificate in whose place another comes moves to certificates_before
 * with the day on which it did (`replaced_on`). Declarations add up.
 *
 * What was changed must be right afterwards by record_check(); errors elsewhere in the
 * record do not keep anybody from mending a part of it. Any role but the system may change
 * a draft; behind it applicants may not.
 *
 * Ownership, errors, thread: pool/registry/record_act.h. Records are stored ones. Source:
 * registry spec section 3. */
#ifndef POOL_RECORD_CHANGE_H
#define POOL_RECORD_CHANGE_H

#include "pool/registry/record_act.h"

/* What a change says, as JSON; borrowed. */
typedef enum kz_err record_change_fn(json_t **out, struct record_happened *happened,
                                     char why[RECORD_WHY_SIZE], const json_t *record,
                                     const json_t *given, const struct record_act *act);

/* `given`: the entry of the table; `from` is today where it lacks. Its id and, among live
 * ones, its serial are new in the record. */
KZ_MUST_USE record_change_fn record_add_equipment, record_add_site;

/* `given`: {id, to}; `to` is today where it lacks, and not in the future. A site ends
 * after what stands there. */
KZ_MUST_USE record_change_fn record_end_equipment, record_end_site;

/* `given`: {on, method}; `on` is today where it lacks; `by` is who acts, an operator or an
 * officer. The method "qr" needs a payload that is a link to a host of the profile's
 * list. */
KZ_MUST_USE record_change_fn record_verify_certificate;
/* `given`: the certificate, its `verified` as above or left out; an active record's new
 * one is verified at once, or the miner could not stay active. */
KZ_MUST_USE record_change_fn record_set_certificate;

/* By an operator or an officer. `given`: {lists, on, result}; decided_by is who acts. */
KZ_MUST_USE record_change_fn record_screen;
/* By the same. `given`: {level, reviewed_on, next_review}; next_review is the latest that
 * the profile allows where it lacks, reviewed_on today. */
KZ_MUST_USE record_change_fn record_review;
/* `given`: {code, text_sha256, lang}; `at` is now and `by` who acts. */
KZ_MUST_USE record_change_fn record_declare;
/* `given`: the list; empty: sessions come from everywhere. */
KZ_MUST_USE record_change_fn record_set_networks;

#endif
