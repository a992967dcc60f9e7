/* pool/report/alert.h - the rules by which R8 asks for a person.
 *
 * Each has a word in the catalogues; a decision of a person names one (pool/report_desk.h).
 *
 *   over_declared          a day's work was above the declared hash rate and the profile's
 *                          tolerance (R4): the worst day of each miner
 *   shared_address         an address is live at two miners
 *   new_address_payout     a payment to an address that is not ALERT_NEW_DAYS old, of a miner
 *                          that had another one before (R5)
 *   network_not_allowed    logins from networks that the registration does not name, a row
 *                          each miner; those that were folded or aged, one of nobody's
 *   rig_kinds              logins showed more kinds of rig software (share/rigs.h) than the
 *                          equipment in use has makers and models, and ALERT_RIG_KINDS_OVER
 *   screening_hit          the screening's result is not clear
 *   certificate_expiring   within the profile's warn_days, or over
 *   review_overdue         the day of the next review has passed
 *   suspension_unconfirmed an urgent suspension that nobody confirmed in time
 *
 * Rig kinds are of logins in the period: a rig that stayed connected through all of it is
 * not seen, nor are those behind a proxy, and one model may run firmware of two makers. So
 * it takes some more before a person is asked. Who has declared no equipment is not judged.
 *
 * Thread  any: constants. Source: registry spec section 4, R8. */
#ifndef POOL_REPORT_ALERT_H
#define POOL_REPORT_ALERT_H

#include <stdbool.h>

#define ALERT_NEW_DAYS       30
#define ALERT_RIG_KINDS_OVER 2

enum alert_rule {
    ALERT_OVER_DECLARED,
    ALERT_SHARED_ADDRESS,
    ALERT_NEW_ADDRESS_PAYOUT,
    ALERT_NETWORK_NOT_ALLOWED,
    ALERT_RIG_KINDS,
    ALERT_SCREENING_HIT,
    ALERT_CERTIFICATE_EXPIRING,
    ALERT_REVIEW_OVERDUE,
    ALERT_SUSPENSION_UNCONFIRMED,
    ALERT_RULES
};

const char *alert_rule_name(enum alert_rule rule);
bool alert_is_rule(const char *name);

#endif
