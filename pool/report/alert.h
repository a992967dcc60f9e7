/* pool/report/alert.h - the rules by which R8 asks for a person.
 *
 * Each has a word in the catalogues; a decision of a person names one (pool/report_desk.h).
 *
 *   over_declared          a day's work was above the declared hash rate and the profile's
 *                          tolerance (R4): the worst day of each miner
 *   shared_address         an address is live at two miners
 *   new_address_payout     a payment to an address that is not ALERT_NEW_DAYS old, of a miner
 *                          that had another one before (R5)
 *   network_not_allowed    logins from networks that the registration does not name: the
 *                          journal counts them without whose they were
 *   screening_hit          the screening's result is not clear
 *   certificate_expiring   within the profile's warn_days, or over
 *   review_overdue         the day of the next review has passed
 *   suspension_unconfirmed an urgent suspension that nobody confirmed in time
 *
 * Rig kinds against declared ones are not judged: no journal keeps the rigs' software.
 *
 * Thread  any: constants. Source: registry spec section 4, R8. */
#ifndef POOL_REPORT_ALERT_H
#define POOL_REPORT_ALERT_H

#include <stdbool.h>

#define ALERT_NEW_DAYS 30

enum alert_rule {
    ALERT_OVER_DECLARED,
    ALERT_SHARED_ADDRESS,
    ALERT_NEW_ADDRESS_PAYOUT,
    ALERT_NETWORK_NOT_ALLOWED,
    ALERT_SCREENING_HIT,
    ALERT_CERTIFICATE_EXPIRING,
    ALERT_REVIEW_OVERDUE,
    ALERT_SUSPENSION_UNCONFIRMED,
    ALERT_RULES
};

const char *alert_rule_name(enum alert_rule rule);
bool alert_is_rule(const char *name);

#endif
