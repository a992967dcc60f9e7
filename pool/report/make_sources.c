/* Which function makes which report, and which of them are due when. */
#include "pool/report/make.h"

#include "pool/registry/profile.h"

#include <string.h>

#define NAME_SIZE 16

struct row {
    report_source_fn *source;
    enum profile_report in_profile;
};

static const struct row rows[REPORT_IDS] = {
    [REPORT_R1] = {source_registry, PROFILE_R1_REGISTRY},
    [REPORT_R2] = {source_changes, PROFILE_R2_CHANGES},
    [REPORT_R3] = {source_equipment, PROFILE_R3_EQUIPMENT},
    [REPORT_R4] = {source_production, PROFILE_R4_PRODUCTION},
    [REPORT_R4_BLOCKS] = {source_production_blocks, PROFILE_R4_PRODUCTION},
    [REPORT_R5] = {source_distributions, PROFILE_R5_DISTRIBUTIONS},
    [REPORT_R6] = {source_summary, PROFILE_R6_SUMMARY},
    [REPORT_R7] = {source_refusals, PROFILE_R7_REFUSALS},
    [REPORT_R8] = {source_alerts, PROFILE_R8_ALERTS},
    [REPORT_R9] = {source_proof, PROFILE_R9_PROOF},
    [REPORT_R9_BLOCKS] = {source_proof_blocks, PROFILE_R9_PROOF},
};

static const enum profile_period periods[] = {
    [PERIOD_DAY] = PROFILE_DAY,
    [PERIOD_MONTH] = PROFILE_MONTH,
    [PERIOD_QUARTER] = PROFILE_QUARTER,
    [PERIOD_YEAR] = PROFILE_YEAR,
    [PERIOD_ON_DEMAND] = PROFILE_ON_DEMAND,
};

report_source_fn *make_source_of(enum report_id id)
{
    return rows[id].source;
}

size_t make_due(enum report_id ids[REPORT_IDS], const struct profile *profile,
                enum period_kind kind, enum disclosure level)
{
    size_t count = 0;
    for (int i = 0; i < REPORT_IDS; i++) {
        enum report_id id = (enum report_id)i;
        bool is_due = kind == PERIOD_ON_DEMAND ||
                      profile->reports[rows[id].in_profile] == periods[kind];
        if (is_due && report_is_disclosed(id, level))
            ids[count++] = id;
    }
    return count;
}

/* One name up to a comma; moved behind it. KZ_EMPTY: there is no more. */
static enum kz_err take_name(enum report_id *id, const char **text)
{
    char name[NAME_SIZE];
    size_t len = strcspn(*text, ",");
    if (**text == '\0')
        return KZ_EMPTY;
    if (len >= sizeof(name))
        return KZ_PARSE;
    memcpy(name, *text, len);
    name[len] = '\0';
    *text += len + ((*text)[len] == ',');
    return report_id_parse(id, name);
}

enum kz_err make_ids_parse(enum report_id ids[REPORT_IDS], size_t *count,
                           const char *text)
{
    bool is_wanted[REPORT_IDS] = {false};
    enum report_id id;
    enum kz_err err;
    size_t n = 0;
    while ((err = take_name(&id, &text)) == KZ_OK)
        is_wanted[id] = true;
    if (err != KZ_EMPTY)
        return KZ_PARSE;
    for (int i = 0; i < REPORT_IDS; i++)
        if (is_wanted[i])
            ids[n++] = (enum report_id)i;
    if (n == 0)
        return KZ_PARSE;
    *count = n;
    return KZ_OK;
}
