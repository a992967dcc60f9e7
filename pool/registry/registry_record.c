#include "pool/registry/registry_record.h"

#include "conf/clock.h"
#include "conf/mem.h"
#include "pool/registry/countries.h"
#include "pool/registry/registry_address.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CERTIFICATE_MAX 64
#define NAME_MAX_BYTES  400
#define BASIS_MAX       1000

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

/* Of the machine in the spec, those changes that need neither checks of an application
 * nor a second person, which come with the full record. */
bool miner_state_can_become(enum miner_state from, enum miner_state to)
{
    return (from == MINER_ACTIVE && to == MINER_SUSPENDED) ||
           (from == MINER_SUSPENDED && to == MINER_ACTIVE);
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

/* --- fields ----------------------------------------------------------------------- */

/* Text without control characters or blanks at its ends, at most `max` bytes. Valid
 * UTF-8 it is already: JSON text always is. */
static bool is_clean(const char *text, size_t max)
{
    size_t len = strlen(text);
    if (len == 0 || len > max || text[0] == ' ' || text[len - 1] == ' ')
        return false;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            return false;
    return true;
}

static enum kz_err need(const char **out, char why[RECORD_WHY_SIZE],
                        const json_t *fields, const char *key)
{
    const json_t *value = json_object_get(fields, key);
    if (value == NULL)
        return record_refuse(why, "%s: is missing", key);
    if (!json_is_string(value) ||
        strlen(json_string_value(value)) != json_string_length(value))
        return record_refuse(why, "%s: must be a text", key);
    *out = json_string_value(value);
    return KZ_OK;
}

static enum kz_err check_keys(char why[RECORD_WHY_SIZE], const json_t *fields)
{
    static const char known[] =
        " id kind residency country certificate address addresses name ";
    const char *key;
    json_t *value;
    if (!json_is_object(fields))
        return record_refuse(why, "fields: an object expected");
    json_object_foreach((json_t *)fields, key, value)
    {
        char word[64];
        if (snprintf(word, sizeof(word), " %s ", key) >= (int)sizeof(word) ||
            strchr(key, ' ') != NULL || strstr(known, word) == NULL)
            return record_refuse(why, "%.60s: unknown field", key);
    }
    return KZ_OK;
}

static enum kz_err add_id(json_t *record, char why[RECORD_WHY_SIZE],
                          const struct record_request *from)
{
    const char *text = NULL;
    struct miner_id id;
    if (need(&text, why, from->fields, "id") != KZ_OK)
        return KZ_RANGE;
    if (miner_id_parse(&id, text, strlen(text)) != KZ_OK)
        return record_refuse(why, "id: 3 to 32 of a-z, 0-9 and - expected");
    json_object_set_new(record, "miner_id", json_string(id.text));
    return KZ_OK;
}

static enum kz_err add_choice(json_t *record, char why[RECORD_WHY_SIZE],
                              const json_t *fields, const char *key,
                              const char *const *choices)
{
    const char *text = NULL;
    if (need(&text, why, fields, key) != KZ_OK)
        return KZ_RANGE;
    char list[RECORD_WHY_SIZE] = "";
    for (size_t i = 0; choices[i] != NULL; i++) {
        if (strcmp(choices[i], text) == 0) {
            json_object_set_new(record, key, json_string(text));
            return KZ_OK;
        }
        size_t used = strlen(list);
        snprintf(list + used, sizeof(list) - used, "%s%s", i > 0 ? ", " : "",
                 choices[i]);
    }
    return record_refuse(why, "%s: one of %s expected", key, list);
}

/* "TM" of jurisdiction "tm"; "" when it is not a country's (the generic profile). */
static void jurisdiction_country(char out[3], const struct conf *conf)
{
    const char *j = conf->jurisdiction;
    out[0] = '\0';
    if (strlen(j) != 2)
        return;
    for (size_t i = 0; i < 2; i++)
        out[i] = (char)(j[i] >= 'a' && j[i] <= 'z' ? j[i] - 'a' + 'A' : j[i]);
    out[2] = '\0';
}

static enum kz_err add_country(json_t *record, char why[RECORD_WHY_SIZE],
                               const struct record_request *from)
{
    const char *text = NULL;
    char home[3];
    if (need(&text, why, from->fields, "country") != KZ_OK)
        return KZ_RANGE;
    if (!country_is_assigned(text))
        return record_refuse(why,
                             "country: an ISO 3166-1 code of two upper-case letters "
                             "expected");
    jurisdiction_country(home, from->conf);
    bool resident = strcmp(record_text(record, "residency"), "resident") == 0;
    if (home[0] != '\0' && resident != (strcmp(home, text) == 0))
        return record_refuse(why,
                             resident ? "country: a resident's must be %s"
                                      : "country: a non-resident's cannot be %s",
                             home);
    json_object_set_new(record, "residence_country", json_string(text));
    return KZ_OK;
}

static enum kz_err add_certificate(json_t *record, char why[RECORD_WHY_SIZE],
                                   const struct record_request *from)
{
    const char *text = NULL;
    if (need(&text, why, from->fields, "certificate") != KZ_OK)
        return KZ_RANGE;
    if (!is_clean(text, CERTIFICATE_MAX))
        return record_refuse(why,
                             "certificate: its number in 1 to %d bytes, without blanks "
                             "around it, expected",
                             CERTIFICATE_MAX);
    json_object_set_new(record, "certificate", json_pack("{s:s}", "number", text));
    return KZ_OK;
}

static enum kz_err add_name(json_t *record, char why[RECORD_WHY_SIZE],
                            const struct record_request *from)
{
    const char *text = NULL;
    if (json_object_get(from->fields, "name") == NULL)
        return KZ_OK;
    if (need(&text, why, from->fields, "name") != KZ_OK)
        return KZ_RANGE;
    if (strcmp(record_text(record, "kind"), "legal_entity") != 0)
        return record_refuse(why,
                             "name: a person's name is not kept here; leave it out");
    if (!is_clean(text, NAME_MAX_BYTES))
        return record_refuse(why,
                             "name: 1 to %d bytes without blanks around it expected",
                             NAME_MAX_BYTES);
    json_object_set_new(record, "official_name", json_string(text));
    return KZ_OK;
}

static enum kz_err add_addresses(json_t *record, char why[RECORD_WHY_SIZE],
                                 const struct record_request *from)
{
    const json_t *given = json_object_get(from->fields, "address");
    if (given == NULL)
        given = json_object_get(from->fields, "addresses");
    size_t count =
        json_is_array(given) ? json_array_size(given) : json_is_string(given);
    if (count == 0 || count > RECORD_ADDRESSES_MAX)
        return record_refuse(why, "address: 1 to %d expected", RECORD_ADDRESSES_MAX);
    json_t *list = json_array();
    json_object_set_new(record, "payout_addresses", list);
    for (size_t i = 0; i < count; i++) {
        const json_t *one = json_is_array(given) ? json_array_get(given, i) : given;
        if (!json_is_string(one))
            return record_refuse(why, "address: must be a text");
        const struct record_address_change first = {.address = json_string_value(one),
                                                    .conf = from->conf,
                                                    .now_ms = from->now_ms};
        if (record_add_address(list, why, &first, 0) != KZ_OK)
            return KZ_RANGE;
    }
    return KZ_OK;
}

enum kz_err record_set_basis(json_t *record, char why[RECORD_WHY_SIZE],
                             const char *basis, const char *actor)
{
    if (basis == NULL || !is_clean(basis, BASIS_MAX))
        return record_refuse(why, "basis: the reason in 1 to %d bytes expected",
                             BASIS_MAX);
    json_t *note = json_pack("{s:s}", "note", basis);
    if (note == NULL)
        return record_refuse(why, "basis: must be UTF-8");
    json_object_set_new(record, "basis", note);
    json_object_set_new(record, "actor", json_string(actor));
    return KZ_OK;
}

static void set_state(json_t *record, enum miner_state state, const char *actor,
                      int64_t now_ms)
{
    char now[CLOCK_TEXT_SIZE];
    clock_utc_format(now, now_ms);
    json_object_set_new(record, "state", json_string(miner_state_name(state)));
    json_object_set_new(record, "state_since", json_string(now));
    json_object_set_new(record, "actor", json_string(actor));
}

static enum kz_err fill(json_t *record, char why[RECORD_WHY_SIZE],
                        const struct record_request *from)
{
    static const char *const kinds[] = {"individual_entrepreneur", "legal_entity",
                                        "natural_person", NULL};
    static const char *const residencies[] = {"resident", "non_resident", NULL};
    enum kz_err err = check_keys(why, from->fields);
    if (err == KZ_OK)
        err = add_id(record, why, from);
    if (err == KZ_OK)
        err = add_choice(record, why, from->fields, "kind", kinds);
    if (err == KZ_OK)
        err = add_choice(record, why, from->fields, "residency", residencies);
    if (err == KZ_OK)
        err = add_country(record, why, from);
    if (err == KZ_OK)
        err = add_name(record, why, from);
    if (err == KZ_OK)
        err = add_certificate(record, why, from);
    if (err == KZ_OK)
        err = add_addresses(record, why, from);
    return err;
}

enum kz_err record_new(json_t **out, char why[RECORD_WHY_SIZE],
                       const struct record_request *from)
{
    char now[CLOCK_TEXT_SIZE];
    json_t *record = json_object();
    enum kz_err err = fill(record, why, from);
    if (err != KZ_OK) {
        json_decref(record);
        return err;
    }
    clock_utc_format(now, from->now_ms);
    json_object_set_new(record, "schema", json_string("kariz-miner/1"));
    json_object_set_new(record, "registered_at", json_string(now));
    json_object_set_new(record, "basis", json_pack("{s:s}", "note", "registered"));
    set_state(record, MINER_ACTIVE, from->actor, from->now_ms);
    *out = record;
    return KZ_OK;
}

enum kz_err record_with_state(json_t **out, char why[RECORD_WHY_SIZE],
                              const json_t *record, const struct record_change *change)
{
    enum miner_state was = record_state(record);
    if (was == change->state)
        return record_refuse(why, "state: is %s already", miner_state_name(was));
    if (!miner_state_can_become(was, change->state))
        return record_refuse(why, "state: %s cannot become %s", miner_state_name(was),
                             miner_state_name(change->state));
    json_t *changed = json_deep_copy(record);
    if (record_set_basis(changed, why, change->basis, change->actor) != KZ_OK) {
        json_decref(changed);
        return KZ_RANGE;
    }
    set_state(changed, change->state, change->actor, change->now_ms);
    *out = changed;
    return KZ_OK;
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
    if (record_set_basis(changed, why, terms->basis, terms->actor) != KZ_OK) {
        json_decref(changed);
        return KZ_RANGE;
    }
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
