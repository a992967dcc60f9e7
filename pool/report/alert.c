#include "pool/report/alert.h"

#include <string.h>

const char *alert_rule_name(enum alert_rule rule)
{
    static const char *const names[ALERT_RULES] = {
        [ALERT_OVER_DECLARED] = "over_declared",
        [ALERT_SHARED_ADDRESS] = "shared_address",
        [ALERT_NEW_ADDRESS_PAYOUT] = "new_address_payout",
        [ALERT_NETWORK_NOT_ALLOWED] = "network_not_allowed",
        [ALERT_RIG_KINDS] = "rig_kinds",
        [ALERT_SCREENING_HIT] = "screening_hit",
        [ALERT_CERTIFICATE_EXPIRING] = "certificate_expiring",
        [ALERT_REVIEW_OVERDUE] = "review_overdue",
        [ALERT_SUSPENSION_UNCONFIRMED] = "suspension_unconfirmed",
    };
    return names[rule];
}

bool alert_is_rule(const char *name)
{
    for (int i = 0; i < ALERT_RULES; i++)
        if (strcmp(alert_rule_name((enum alert_rule)i), name) == 0)
            return true;
    return false;
}
