#include "pool/report/columns.h"

#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define PUBLIC    DISCLOSURE_PUBLIC
#define REGULATOR DISCLOSURE_REGULATOR
#define FULL      DISCLOSURE_FULL

const char *const common_columns[COMMON_COLUMNS] = {
    "report",    "version",  "jurisdiction", "operator", "period_from",
    "period_to", "timezone", "generated_at", "row_no",
};

/* Whom a row is about. */
/* clang-format off */
#define MINER(total)                                                                   \
    {"miner_id", CELL_TEXT, (total) == TOTAL_NONE ? TOTAL_NONE : TOTAL_KEY, REGULATOR},\
    {"certificate_no", CELL_TEXT, (total), REGULATOR},                                 \
    {"kind", CELL_CODE, (total), REGULATOR},                                           \
    {"residency", CELL_CODE, (total), REGULATOR},                                      \
    {"residence_country", CELL_TEXT, (total), REGULATOR}

static const struct column registry[] = {
    MINER(TOTAL_NONE),
    {"official_name", CELL_TEXT, TOTAL_NONE, FULL},
    {"tax_id", CELL_TEXT, TOTAL_NONE, FULL},
    {"registration_id", CELL_TEXT, TOTAL_NONE, FULL},
    {"certificate_issued_on", CELL_DATE, TOTAL_NONE, REGULATOR},
    {"certificate_valid_until", CELL_DATE, TOTAL_NONE, REGULATOR}, /* empty: unlimited */
    {"certificate_authority", CELL_TEXT, TOTAL_NONE, REGULATOR},
    {"certificate_verified_how", CELL_CODE, TOTAL_NONE, REGULATOR},
    {"certificate_verified_on", CELL_DATE, TOTAL_NONE, REGULATOR},
    {"state", CELL_CODE, TOTAL_NONE, REGULATOR},
    {"state_since", CELL_TIME, TOTAL_NONE, REGULATOR},
    {"addresses_live", CELL_TEXT, TOTAL_NONE, REGULATOR}, /* a blank between */
    {"site_count", CELL_INTEGER, TOTAL_SUM, REGULATOR},
    {"declared_kw", CELL_DECIMAL, TOTAL_SUM, REGULATOR},
    {"nominal_ths", CELL_DECIMAL, TOTAL_SUM, REGULATOR},
    {"next_review", CELL_DATE, TOTAL_NONE, REGULATOR},
};

static const struct column changes[] = {
    {"instance", CELL_TEXT, TOTAL_NONE, REGULATOR}, /* whose chain event_no counts in */
    {"event_no", CELL_INTEGER, TOTAL_NONE, REGULATOR},
    {"time", CELL_TIME, TOTAL_NONE, REGULATOR},
    MINER(TOTAL_NONE),
    {"event", CELL_CODE, TOTAL_NONE, REGULATOR},
    {"reason", CELL_CODE, TOTAL_NONE, REGULATOR},
    {"basis_code", CELL_TEXT, TOTAL_NONE, REGULATOR},
    {"basis_document", CELL_TEXT, TOTAL_NONE, REGULATOR},
    {"actor_role", CELL_CODE, TOTAL_NONE, REGULATOR},
    {"prev_hash", CELL_HASH, TOTAL_NONE, REGULATOR},
    {"hash", CELL_HASH, TOTAL_NONE, REGULATOR},
};

static const struct column equipment[] = {
    MINER(TOTAL_LAST),
    {"site", CELL_TEXT, TOTAL_KEY, REGULATOR},
    {"region", CELL_TEXT, TOTAL_LAST, REGULATOR},
    {"equipment_id", CELL_TEXT, TOTAL_NONE, REGULATOR},
    {"maker", CELL_TEXT, TOTAL_NONE, REGULATOR},
    {"model", CELL_TEXT, TOTAL_NONE, REGULATOR},
    {"serial", CELL_TEXT, TOTAL_NONE, REGULATOR},
    {"algorithm", CELL_TEXT, TOTAL_NONE, REGULATOR},
    {"nominal_ths", CELL_DECIMAL, TOTAL_SUM, REGULATOR},
    {"power_w", CELL_INTEGER, TOTAL_SUM, REGULATOR},
    {"ownership", CELL_CODE, TOTAL_NONE, REGULATOR},
    {"used_from", CELL_DATE, TOTAL_NONE, REGULATOR},
    {"used_to", CELL_DATE, TOTAL_NONE, REGULATOR},
    {"authority_no", CELL_TEXT, TOTAL_NONE, REGULATOR},
};

static const struct column production[] = {
    MINER(TOTAL_LAST),
    {"day", CELL_DATE, TOTAL_NONE, REGULATOR},
    {"accepted_shares", CELL_INTEGER, TOTAL_SUM, REGULATOR},
    {"rejected_shares", CELL_INTEGER, TOTAL_SUM, REGULATOR},
    {"rejected_percent", CELL_DECIMAL, TOTAL_NONE, REGULATOR},
    {"work", CELL_WORK, TOTAL_SUM, REGULATOR},
    {"average_ths", CELL_DECIMAL, TOTAL_NONE, REGULATOR},
    {"blocks_found", CELL_INTEGER, TOTAL_SUM, REGULATOR}, /* named in R4-blocks */
    {"credited", CELL_SAT, TOTAL_SUM, REGULATOR},
    {"fee", CELL_SAT, TOTAL_SUM, REGULATOR},
    {"paid", CELL_SAT, TOTAL_SUM, REGULATOR},
    {"reversed", CELL_SAT, TOTAL_SUM, REGULATOR},
    {"adjusted", CELL_SAT, TOTAL_SUM, REGULATOR},
    {"balance_start", CELL_SAT, TOTAL_FIRST, REGULATOR},
    {"balance_end", CELL_SAT, TOTAL_LAST, REGULATOR},
    {"kwh_estimate", CELL_DECIMAL, TOTAL_SUM, REGULATOR},
    {"measured_to_declared_percent", CELL_DECIMAL, TOTAL_NONE, REGULATOR},
};

static const struct column production_blocks[] = {
    MINER(TOTAL_LAST),
    {"block_height", CELL_INTEGER, TOTAL_NONE, REGULATOR},
    {"block_hash", CELL_HASH, TOTAL_NONE, REGULATOR},
    {"found_at", CELL_TIME, TOTAL_NONE, REGULATOR},
    {"block_state", CELL_CODE, TOTAL_NONE, REGULATOR},
    {"miner_share_percent", CELL_DECIMAL, TOTAL_NONE, REGULATOR},
    {"credited", CELL_SAT, TOTAL_SUM, REGULATOR},
};

static const struct column distributions[] = {
    MINER(TOTAL_NONE),
    {"tax_id", CELL_TEXT, TOTAL_NONE, FULL},
    {"official_name", CELL_TEXT, TOTAL_NONE, FULL},
    {"certificate_issued_on", CELL_DATE, TOTAL_NONE, REGULATOR},
    {"wallet_address", CELL_TEXT, TOTAL_NONE, REGULATOR},
    {"time", CELL_TIME, TOTAL_NONE, REGULATOR},
    {"entry_kind", CELL_CODE, TOTAL_NONE, REGULATOR},
    {"amount", CELL_SAT, TOTAL_NONE, REGULATOR},
    {"block_height", CELL_INTEGER, TOTAL_NONE, REGULATOR},
    {"block_hash", CELL_HASH, TOTAL_NONE, REGULATOR},
    {"txid", CELL_HASH, TOTAL_NONE, REGULATOR},
    {"vout", CELL_INTEGER, TOTAL_NONE, REGULATOR},
    {"value", CELL_DECIMAL, TOTAL_NONE, REGULATOR},
    {"currency", CELL_TEXT, TOTAL_NONE, REGULATOR},
    {"rate_source", CELL_TEXT, TOTAL_NONE, REGULATOR},
    {"rate_time", CELL_TIME, TOTAL_NONE, REGULATOR},
};

/* One row for all, and one for each residency, kind, country and region. */
static const struct column summary[] = {
    {"group_by", CELL_CODE, TOTAL_NONE, PUBLIC},
    {"group_value", CELL_CODE, TOTAL_NONE, PUBLIC},
    {"miners", CELL_INTEGER, TOTAL_NONE, PUBLIC},
    {"miners_draft", CELL_INTEGER, TOTAL_NONE, PUBLIC},
    {"miners_submitted", CELL_INTEGER, TOTAL_NONE, PUBLIC},
    {"miners_rejected", CELL_INTEGER, TOTAL_NONE, PUBLIC},
    {"miners_active", CELL_INTEGER, TOTAL_NONE, PUBLIC},
    {"miners_restricted", CELL_INTEGER, TOTAL_NONE, PUBLIC},
    {"miners_suspended", CELL_INTEGER, TOTAL_NONE, PUBLIC},
    {"miners_revoked", CELL_INTEGER, TOTAL_NONE, PUBLIC},
    {"miners_closed", CELL_INTEGER, TOTAL_NONE, PUBLIC},
    {"accepted_shares", CELL_INTEGER, TOTAL_NONE, PUBLIC},
    {"work", CELL_WORK, TOTAL_NONE, PUBLIC},
    {"average_ths", CELL_DECIMAL, TOTAL_NONE, PUBLIC},
    {"credited", CELL_SAT, TOTAL_NONE, PUBLIC},
    {"paid", CELL_SAT, TOTAL_NONE, PUBLIC},
    {"fee", CELL_SAT, TOTAL_NONE, PUBLIC},
    {"share_of_pool_percent", CELL_DECIMAL, TOTAL_NONE, PUBLIC},
};

static const struct column refusals[] = {
    {"hour", CELL_TIME, TOTAL_NONE, REGULATOR},
    {"listener", CELL_TEXT, TOTAL_NONE, REGULATOR}, /* empty: without details */
    {"reason", CELL_CODE, TOTAL_NONE, REGULATOR},
    {"attempts", CELL_INTEGER, TOTAL_SUM, REGULATOR},
    {"distinct_sources", CELL_INTEGER, TOTAL_NONE, REGULATOR}, /* exact; empty: unknown */
    {"login_hash", CELL_HASH, TOTAL_NONE, REGULATOR},
    {"login", CELL_TEXT, TOTAL_NONE, REGULATOR}, /* an address or a known id, else empty */
    {"network", CELL_TEXT, TOTAL_NONE, REGULATOR},
    {"rig_software", CELL_TEXT, TOTAL_NONE, REGULATOR},
};

static const struct column alerts[] = {
    {"rule", CELL_CODE, TOTAL_NONE, REGULATOR},
    {"time", CELL_TIME, TOTAL_NONE, REGULATOR},
    MINER(TOTAL_NONE),
    {"measure", CELL_TEXT, TOTAL_NONE, REGULATOR},
    {"threshold", CELL_TEXT, TOTAL_NONE, REGULATOR},
    {"decision", CELL_TEXT, TOTAL_NONE, REGULATOR},
    {"decided_by", CELL_TEXT, TOTAL_NONE, REGULATOR},
    {"decided_at", CELL_TIME, TOTAL_NONE, REGULATOR},
};

static const struct column proof[] = {
    {"as_of", CELL_TIME, TOTAL_NONE, REGULATOR},
    {"liabilities", CELL_SAT, TOTAL_NONE, REGULATOR},
    {"hot_wallet", CELL_SAT, TOTAL_NONE, REGULATOR},
    {"coins_immature", CELL_SAT, TOTAL_NONE, REGULATOR},
    {"owed_immature", CELL_SAT, TOTAL_NONE, REGULATOR},
    {"owed_in_payouts", CELL_SAT, TOTAL_NONE, REGULATOR},
    {"unpaid_to_30_days", CELL_SAT, TOTAL_NONE, REGULATOR},
    {"unpaid_31_to_90_days", CELL_SAT, TOTAL_NONE, REGULATOR},
    {"unpaid_91_to_365_days", CELL_SAT, TOTAL_NONE, REGULATOR},
    {"unpaid_over_365_days", CELL_SAT, TOTAL_NONE, REGULATOR},
};

static const struct column proof_blocks[] = {
    {"block_height", CELL_INTEGER, TOTAL_NONE, REGULATOR},
    {"block_hash", CELL_HASH, TOTAL_NONE, REGULATOR},
    {"found_at", CELL_TIME, TOTAL_NONE, REGULATOR},
    {"block_state", CELL_CODE, TOTAL_NONE, REGULATOR},
    {"subsidy", CELL_SAT, TOTAL_SUM, REGULATOR},
    {"fees", CELL_SAT, TOTAL_SUM, REGULATOR},
};

#define KIND(name, period, columns, is_public, is_for_subject)                         \
    {name, period, columns, COUNT(columns), is_public, is_for_subject, 1}

static const struct report_kind kinds[REPORT_IDS] = {
    [REPORT_R1] = KIND("R1", PERIOD_MONTH, registry, false, true),
    [REPORT_R2] = KIND("R2", PERIOD_MONTH, changes, false, true),
    [REPORT_R3] = KIND("R3", PERIOD_QUARTER, equipment, false, true),
    [REPORT_R4] = KIND("R4", PERIOD_MONTH, production, false, true),
    [REPORT_R4_BLOCKS] = KIND("R4-blocks", PERIOD_MONTH, production_blocks, false, true),
    [REPORT_R5] = KIND("R5", PERIOD_MONTH, distributions, false, true),
    [REPORT_R6] = KIND("R6", PERIOD_MONTH, summary, true, false),
    [REPORT_R7] = KIND("R7", PERIOD_MONTH, refusals, false, false),
    /* Never given to the miner. */
    [REPORT_R8] = KIND("R8", PERIOD_MONTH, alerts, false, false),
    [REPORT_R9] = KIND("R9", PERIOD_MONTH, proof, false, false),
    [REPORT_R9_BLOCKS] = KIND("R9-blocks", PERIOD_MONTH, proof_blocks, false, false),
};
/* clang-format on */

const struct report_kind *report_kind_of(enum report_id id)
{
    return &kinds[id];
}

enum kz_err report_id_parse(enum report_id *id, const char *name)
{
    for (int i = 0; i < REPORT_IDS; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            *id = (enum report_id)i;
            return KZ_OK;
        }
    }
    return KZ_PARSE;
}

bool report_is_disclosed(enum report_id id, enum disclosure level)
{
    switch (level) {
    case DISCLOSURE_PUBLIC:
        return kinds[id].is_public;
    case DISCLOSURE_SUBJECT:
        return kinds[id].is_for_subject;
    case DISCLOSURE_REGULATOR:
    case DISCLOSURE_FULL:
        return true;
    }
    return false;
}

bool column_is_disclosed(const struct column *c, enum disclosure level)
{
    return level >= c->shown_from;
}

static const char *const level_names[] = {
    [DISCLOSURE_PUBLIC] = "public",
    [DISCLOSURE_REGULATOR] = "regulator",
    [DISCLOSURE_FULL] = "full",
    [DISCLOSURE_SUBJECT] = "subject",
};

const char *disclosure_name(enum disclosure level)
{
    return level_names[level];
}

enum kz_err disclosure_parse(enum disclosure *level, const char *name)
{
    for (size_t i = 0; i < COUNT(level_names); i++) {
        if (strcmp(level_names[i], name) == 0) {
            *level = (enum disclosure)i;
            return KZ_OK;
        }
    }
    return KZ_PARSE;
}

const char *cell_type_name(enum cell_type type)
{
    static const char *const names[] = {
        [CELL_TEXT] = "text", [CELL_CODE] = "code",       [CELL_INTEGER] = "integer",
        [CELL_SAT] = "sat",   [CELL_DECIMAL] = "decimal", [CELL_WORK] = "work",
        [CELL_TIME] = "time", [CELL_DATE] = "date",       [CELL_HASH] = "hash",
        [CELL_BOOL] = "bool",
    };
    return names[type];
}
