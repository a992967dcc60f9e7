/* Which function makes which report, and which of them are due when. */
#include "pool/report/make.h"

#include "pool/registry/profile.h"
#include "pool/report/ledger_source.h"

#include <string.h>

#define NAME_SIZE 16

struct row {
    enum profile_report in_profile;
    report_source_fn *source;
    const struct ledger_source *ledger;
};

static const struct row rows[REPORT_IDS] = {
    [REPORT_R1] = {PROFILE_R1_REGISTRY, source_registry, NULL},
    [REPORT_R2] = {PROFILE_R2_CHANGES, source_changes, NULL},
    [REPORT_R3] = {PROFILE_R3_EQUIPMENT, source_equipment, NULL},
    [REPORT_R4] = {PROFILE_R4_PRODUCTION, NULL, &ledger_production},
    [REPORT_R4_BLOCKS] = {PROFILE_R4_PRODUCTION, NULL, &ledger_production_blocks},
    [REPORT_R5] = {PROFILE_R5_DISTRIBUTIONS, NULL, &ledger_distributions},
    [REPORT_R6] = {PROFILE_R6_SUMMARY, source_summary, NULL},
    [REPORT_R7] = {PROFILE_R7_REFUSALS, source_refusals, NULL},
    [REPORT_R8] = {PROFILE_R8_ALERTS, source_alerts, NULL},
    [REPORT_R9] = {PROFILE_R9_PROOF, NULL, &ledger_proof},
    [REPORT_R9_BLOCKS] = {PROFILE_R9_PROOF, NULL, &ledger_proof_blocks},
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

const struct ledger_source *make_ledger_source_of(enum report_id id)
{
    return rows[id].ledger;
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
