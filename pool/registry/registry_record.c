#include "pool/registry/registry_record.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum kz_err record_refuse(char why[RECORD_WHY_SIZE], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, RECORD_WHY_SIZE, format, args);
    va_end(args);
    return KZ_RANGE;
}

/* --- states ----------------------------------------------------------------------- */

static const char *const state_names[MINER_STATES] = {
    [MINER_DRAFT] = "draft",           [MINER_SUBMITTED] = "submitted",
    [MINER_REJECTED] = "rejected",     [MINER_ACTIVE] = "active",
    [MINER_RESTRICTED] = "restricted", [MINER_SUSPENDED] = "suspended",
    [MINER_REVOKED] = "revoked",       [MINER_CLOSED] = "closed",
};

const char *miner_state_name(enum miner_state state)
{
    return state < MINER_STATES ? state_names[state] : "unknown";
}

enum kz_err miner_state_parse(enum miner_state *state, const char *name)
{
    for (int i = 0; i < MINER_STATES; i++) {
        if (strcmp(state_names[i], name) == 0) {
            *state = (enum miner_state)i;
            return KZ_OK;
        }
    }
    return KZ_PARSE;
}

bool miner_state_may_mine(enum miner_state state)
{
    return state == MINER_ACTIVE || state == MINER_RESTRICTED;
}

const char *record_text(const json_t *record, const char *key)
{
    return json_string_value(json_object_get(record, key));
}

enum miner_state record_state(const json_t *record)
{
    enum miner_state state;
    const char *name = record_text(record, "state");
    if (name == NULL || miner_state_parse(&state, name) != KZ_OK)
        return MINER_STATES;
    return state;
}

/* --- terms ------------------------------------------------------------------------- */

/* A decimal number as a whole one of its `decimals`-th place; -1: not such a number, or
 * above `max`. */
static int64_t parse_scaled(const char *text, int decimals, int64_t max)
{
    int64_t v = 0;
    int left = decimals;
    bool has_point = false;
    if (text[0] < '0' || text[0] > '9')
        return -1;
    for (; *text != '\0'; text++) {
        if (*text == '.' && !has_point && text[1] != '\0') {
            has_point = true;
            continue;
        }
        if (*text < '0' || *text > '9' || (has_point && left-- == 0))
            return -1;
        v = v * 10 + (*text - '0');
        if (v > max)
            return -1;
    }
    for (; left > 0; left--)
        v *= 10;
    return v <= max ? v : -1;
}

/* False: `text` is none. */
static bool set_term(json_t *record, const char *key, const char *text, int decimals,
                     int64_t max)
{
    if (text == NULL)
        return true;
    if (strcmp(text, "pool") == 0) {
        json_object_del(record, key);
        return true;
    }
    int64_t v = parse_scaled(text, decimals, max);
    return v >= 0 && json_object_set_new(record, key, json_integer(v)) == 0;
}

enum kz_err record_with_terms(json_t **out, char why[RECORD_WHY_SIZE],
                              const json_t *record, const struct record_terms *terms)
{
    if (terms->fee_percent == NULL && terms->minimum_sat == NULL)
        return record_refuse(why, "fee-percent: or minimum expected");
    json_t *changed = json_deep_copy(record);
    bool has_fee = set_term(changed, "fee_ppm", terms->fee_percent, 4, 1000000);
    bool has_minimum =
        set_term(changed, "minimum_sat", terms->minimum_sat, 0, 2100000000000000);
    if (has_fee && has_minimum) {
        *out = changed;
        return KZ_OK;
    }
    json_decref(changed);
    return !has_fee
               ? record_refuse(why, "fee-percent: 0 to 100 with at most 4 decimals, or "
                                    "\"pool\", expected")
               : record_refuse(why, "minimum: whole satoshi, or \"pool\", expected");
}
