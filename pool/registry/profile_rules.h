/* pool/registry/profile_rules.h - the form of single texts in a profile.
 *
 * Thread: any. Pure. */
#ifndef POOL_REGISTRY_PROFILE_RULES_H
#define POOL_REGISTRY_PROFILE_RULES_H

#include "pool/registry/form.h"

extern const struct form_rule rule_country, rule_jurisdiction, rule_region,
    rule_currency, rule_language, rule_code, rule_version, rule_date, rule_url,
    rule_host, rule_zone, rule_stem;

#endif
