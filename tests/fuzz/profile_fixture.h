/* tests/fuzz/profile_fixture.h - a profile that asks for much, for fuzz targets of records. */
#ifndef TESTS_FUZZ_PROFILE_FIXTURE_H
#define TESTS_FUZZ_PROFILE_FIXTURE_H

#include "pool/registry/profile.h"

#define NOW_MS INT64_C(1795694400000) /* 2026-11-26T12:00:00Z */

static inline void fill_profile(struct profile *p)
{
    *p = (struct profile){.code = "TM",
                          .version = "2026-11",
                          .utc_offset_minutes = 300,
                          .minimum_age = 18,
                          .review_days_high = 90,
                          .review_days_normal = 365};
    p->kinds_allowed[MINER_INDIVIDUAL_ENTREPRENEUR] = true;
    p->kinds_allowed[MINER_LEGAL_ENTITY] = true;
    p->languages = (struct profile_list){1, {"tk"}};
    p->declarations = (struct profile_list){1, {"data_consent"}};
    p->certificate.verify_before_active = true;
    p->certificate.qr_hosts = (struct profile_list){1, {"check.example.tm"}};
    p->fields[PROFILE_EQUIPMENT] = PROFILE_REQUIRED;
    p->fields[PROFILE_SITES] = PROFILE_REQUIRED_IF_LOCAL;
    p->fields[PROFILE_BENEFICIAL_OWNERS] = PROFILE_OF_LEGAL_ENTITY;
    p->fields[PROFILE_BIRTH_DATE] = PROFILE_OPTIONAL;
    p->fields[PROFILE_IDENTITY_DOCUMENT] = PROFILE_OPTIONAL;
    p->stems_count = 1;
    p->stems[0].lang = "en";
    p->stems[0].stems = (struct profile_list){1, {"state"}};
}

#endif
