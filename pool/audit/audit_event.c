#include "pool/audit/audit_event.h"

#include "conf/clock.h"
#include "conf/mem.h"
#include "pool/canon.h"
#include "share/ids.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define COUNT(a)     (sizeof(a) / sizeof((a)[0]))
#define INSTANCE_MAX 32
#define CODE_MAX     64
#define PERSON_MAX   100
#define TITLE_MAX    400
#define NOTE_MAX     2000

static const char *const words[AUDIT_WORDS] = {
    [AUDIT_APPLIED] = "applied",
    [AUDIT_SUBMITTED] = "submitted",
    [AUDIT_PROPOSED] = "proposed",
    [AUDIT_CONFIRMED] = "confirmed",
    [AUDIT_WITHDRAWN] = "withdrawn",
    [AUDIT_REJECTED] = "rejected",
    [AUDIT_ACTIVATED] = "activated",
    [AUDIT_RESTRICTED] = "restricted",
    [AUDIT_SUSPENDED] = "suspended",
    [AUDIT_RESUMED] = "resumed",
    [AUDIT_REVOKED] = "revoked",
    [AUDIT_CLOSED] = "closed",
    [AUDIT_FROZEN] = "frozen",
    [AUDIT_UNFROZEN] = "unfrozen",
    [AUDIT_RELEASED] = "released",
    [AUDIT_RECORD_CHANGED] = "record_changed",
    [AUDIT_ADDRESS_ADDED] = "address_added",
    [AUDIT_ADDRESS_ENDED] = "address_ended",
    [AUDIT_ADDRESS_PROVED] = "address_proved",
    [AUDIT_EQUIPMENT_ADDED] = "equipment_added",
    [AUDIT_EQUIPMENT_ENDED] = "equipment_ended",
    [AUDIT_SITE_ADDED] = "site_added",
    [AUDIT_SITE_ENDED] = "site_ended",
    [AUDIT_NETWORKS_SET] = "networks_set",
    [AUDIT_CERTIFICATE_SET] = "certificate_set",
    [AUDIT_CERTIFICATE_VERIFIED] = "certificate_verified",
    [AUDIT_SCREENED] = "screened",
    [AUDIT_REVIEWED] = "reviewed",
    [AUDIT_DECLARED] = "declared",
    [AUDIT_TERMS_SET] = "terms_set",
    [AUDIT_ERASED] = "erased",
    [AUDIT_ALERT_DECIDED] = "alert_decided",
    [AUDIT_PROFILE_CHANGED] = "profile_changed",
    [AUDIT_STOP_ORDER_SET] = "stop_order_set",
    [AUDIT_STOP_ORDER_ENDED] = "stop_order_ended",
    [AUDIT_REPORT_MADE] = "report_made",
    [AUDIT_REPORT_CORRECTED] = "report_corrected",
    [AUDIT_REPORT_KEY_ROTATED] = "report_key_rotated",
    [AUDIT_VAULT_KEY_ROTATED] = "vault_key_rotated",
    [AUDIT_DISCLOSURE] = "disclosure",
    [AUDIT_WATCHER_CREATED] = "watcher_created",
    [AUDIT_WATCHER_REVOKED] = "watcher_revoked",
    [AUDIT_BACKUP_MADE] = "backup_made",
    [AUDIT_RESTORED] = "restored",
    [AUDIT_OPERATOR_CHANGED] = "operator_changed",
};

static const char *const roles[AUDIT_ROLES] = {
    [AUDIT_APPLICANT] = "applicant", [AUDIT_OPERATOR] = "operator",
    [AUDIT_OFFICER] = "officer",     [AUDIT_AUTHORITY] = "authority",
    [AUDIT_SYSTEM] = "system",
};

const char *audit_word_name(enum audit_word word)
{
    assert(word < AUDIT_WORDS);
    return words[word];
}

const char *audit_role_name(enum audit_role role)
{
    assert(role < AUDIT_ROLES);
    return roles[role];
}

static size_t find(const char *const *names, size_t count, const char *name)
{
    size_t i = 0;
    while (i < count && strcmp(names[i], name) != 0)
        i++;
    return i;
}

enum kz_err audit_word_parse(enum audit_word *word, const char *name)
{
    size_t i = find(words, AUDIT_WORDS, name);
    if (i == AUDIT_WORDS)
        return KZ_PARSE;
    *word = (enum audit_word)i;
    return KZ_OK;
}

enum kz_err audit_refuse(char why[AUDIT_WHY_SIZE], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, AUDIT_WHY_SIZE, format, args);
    va_end(args);
    return KZ_RANGE;
}

/* --- kinds of values -------------------------------------------------------------- */

/* A text without a NUL within, or NULL. */
static const char *text_of(const json_t *value)
{
    const char *text = json_string_value(value);
    return text != NULL && strlen(text) == json_string_length(value) ? text : NULL;
}

static bool is_made_of(const json_t *value, const char *characters, size_t max)
{
    const char *text = text_of(value);
    return text != NULL && text[0] != '\0' && strlen(text) <= max &&
           strspn(text, characters) == strlen(text);
}

/* As people write: no control characters, no blanks at the ends. */
static bool is_line(const json_t *value, size_t max)
{
    const char *text = text_of(value);
    size_t len = text == NULL ? 0 : strlen(text);
    if (len == 0 || len > max || text[0] == ' ' || text[len - 1] == ' ')
        return false;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            return false;
    return true;
}

static bool is_schema(const json_t *value)
{
    const char *text = text_of(value);
    return text != NULL && strcmp(text, AUDIT_SCHEMA) == 0;
}

static bool is_seq(const json_t *value)
{
    return json_is_integer(value) && json_integer_value(value) >= 1 &&
           json_integer_value(value) <= CANON_INTEGER_MAX;
}

/* In the one form that clock_utc_format() writes. */
static bool is_time(const json_t *value)
{
    char form[CLOCK_TEXT_SIZE];
    int64_t ms = 0;
    const char *text = text_of(value);
    if (text == NULL || clock_utc_parse(&ms, text, strlen(text)) != KZ_OK)
        return false;
    clock_utc_format(form, ms);
    return strcmp(form, text) == 0;
}

static bool is_instance(const json_t *value)
{
    return is_made_of(value, "abcdefghijklmnopqrstuvwxyz0123456789-", INSTANCE_MAX);
}

static bool is_word(const json_t *value)
{
    const char *text = text_of(value);
    return text != NULL && find(words, AUDIT_WORDS, text) < AUDIT_WORDS;
}

static bool is_role(const json_t *value)
{
    const char *text = text_of(value);
    return text != NULL && find(roles, AUDIT_ROLES, text) < AUDIT_ROLES;
}

static bool is_miner(const json_t *value)
{
    struct miner_id id;
    const char *text = text_of(value);
    return text != NULL && miner_id_parse(&id, text, strlen(text)) == KZ_OK;
}

static bool is_person(const json_t *value)
{
    return is_line(value, PERSON_MAX);
}

static bool is_code(const json_t *value)
{
    return is_made_of(value, "abcdefghijklmnopqrstuvwxyz0123456789_", CODE_MAX);
}

static bool is_hash(const json_t *value)
{
    const char *text = text_of(value);
    return text != NULL && strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

static bool is_title(const json_t *value)
{
    return is_line(value, TITLE_MAX);
}

static bool is_note(const json_t *value)
{
    return is_line(value, NOTE_MAX);
}

static bool is_date(const json_t *value)
{
    int64_t ms = 0;
    const char *text = text_of(value);
    return text != NULL && strlen(text) == 10 &&
           clock_utc_parse(&ms, text, 10) == KZ_OK;
}

static bool is_basis(const json_t *value);
static bool is_detail(const json_t *value);

/* --- members by row --------------------------------------------------------------- */

struct rule {
    const char *name;
    bool (*is_right)(const json_t *value);
    bool may_be_null;
    bool is_shown; /* nobody's words: the value may stand in an error's text */
    const char *expected;
};

static const struct rule event_rules[] = {
    {"schema", is_schema, false, true, "\"" AUDIT_SCHEMA "\""},
    {"seq", is_seq, false, true, "a whole number from 1"},
    {"time", is_time, false, true, "a time as 2026-01-31T23:59:59.123Z"},
    {"instance", is_instance, false, true, "1 to 32 of a-z, 0-9 and -"},
    {"event", is_word, false, true, "a word of the list"},
    {"miner", is_miner, true, true, "3 to 32 of a-z, 0-9 and -, or null"},
    {"actor", is_person, false, false, "one line of at most 100 bytes"},
    {"role", is_role, false, true, "applicant, operator, officer, authority or system"},
    {"second", is_person, true, false, "one line of at most 100 bytes, or null"},
    {"reason", is_code, true, true, "1 to 64 of a-z, 0-9 and _, or null"},
    {"basis", is_basis, true, false,
     "null or an object of code, authority, document, date, sha256 and note, at least "
     "one of them given, each of its form"},
    {"before", is_hash, true, true, "64 hex digits in lower case, or null"},
    {"after", is_hash, true, true, "64 hex digits in lower case, or null"},
    {"detail", is_detail, false, false,
     "an object of at most 16 KiB in canonical form, personal fields as commitments "
     "only"},
};

static const struct rule basis_rules[] = {
    {"code", is_code, true},      {"authority", is_title, true},
    {"document", is_title, true}, {"date", is_date, true},
    {"sha256", is_hash, true},    {"note", is_note, true},
};

static const struct rule *find_rule(const struct rule *rules, size_t count,
                                    const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(rules[i].name, name) == 0)
            return &rules[i];
    return NULL;
}

static bool obeys(const json_t *value, const struct rule *rule)
{
    return (rule->may_be_null && json_is_null(value)) || rule->is_right(value);
}

static bool is_basis(const json_t *value)
{
    const char *key;
    json_t *member;
    bool says_something = false;
    if (!json_is_object(value))
        return false;
    json_object_foreach((json_t *)value, key, member)
    {
        const struct rule *rule = find_rule(basis_rules, COUNT(basis_rules), key);
        if (rule == NULL || !obeys(member, rule))
            return false;
        says_something = says_something || json_is_string(member);
    }
    return says_something;
}

/* --- detail: nothing personal ----------------------------------------------------- */

/* Personal whoever the miner is. An official_name is so of a person only, which the event
 * does not know: the record's keeper sees to that one. */
static const char *const personal[] = {"identity_document", "birth_date",
                                       "representative", "beneficial_owners",
                                       "bank_details"};

static bool is_clean(const json_t *value);

static bool is_clean_member(const char *key, const json_t *value)
{
    if (find(personal, COUNT(personal), key) < COUNT(personal))
        return json_is_null(value) || is_hash(value);
    return is_clean(value);
}

/* As deep as the canonical form goes, which is asked first. */
static bool is_clean(const json_t *value)
{
    const char *key;
    json_t *member;
    for (size_t i = 0; i < json_array_size(value); i++)
        if (!is_clean(json_array_get(value, i)))
            return false;
    if (!json_is_object(value))
        return true;
    json_object_foreach((json_t *)value, key, member)
    {
        if (!is_clean_member(key, member))
            return false;
    }
    return true;
}

static bool is_detail(const json_t *value)
{
    char *text = NULL;
    size_t len = 0;
    if (!json_is_object(value) || canon_format(&text, &len, value) != KZ_OK)
        return false;
    mem_free(text);
    return len <= AUDIT_DETAIL_MAX && is_clean(value);
}

/* --- the whole -------------------------------------------------------------------- */

/* At most 40 bytes of a text, and none that a terminal would obey. */
static void show(char out[48], const json_t *value)
{
    const char *text = json_string_value(value);
    if (json_is_integer(value)) {
        snprintf(out, 48, "%lld", (long long)json_integer_value(value));
        return;
    }
    snprintf(out, 48, text != NULL ? "'%.40s'" : "no text or number",
             text != NULL ? text : "");
    for (char *p = out; *p != '\0'; p++)
        if (*p < ' ' || *p > '~')
            *p = '?';
}

static enum kz_err check_member(char why[AUDIT_WHY_SIZE], const json_t *event,
                                const struct rule *rule)
{
    char shown[48] = "what is there";
    const json_t *value = json_object_get(event, rule->name);
    if (value == NULL)
        return audit_refuse(why, "%s: is missing", rule->name);
    if (obeys(value, rule))
        return KZ_OK;
    if (rule->is_shown)
        show(shown, value);
    return audit_refuse(why, "%s: %s is not %s", rule->name, shown, rule->expected);
}

static enum kz_err check_names(char why[AUDIT_WHY_SIZE], const json_t *event)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)event, key, value)
    {
        char shown[48];
        if (find_rule(event_rules, COUNT(event_rules), key) != NULL)
            continue;
        json_t *name = json_string(key);
        show(shown, name);
        json_decref(name);
        return audit_refuse(why, "%s: unknown member", shown);
    }
    return KZ_OK;
}

enum kz_err audit_event_check(char why[AUDIT_WHY_SIZE], const json_t *event)
{
    if (!json_is_object(event))
        return audit_refuse(why, "event: must be an object");
    for (size_t i = 0; i < COUNT(event_rules); i++)
        if (check_member(why, event, &event_rules[i]) != KZ_OK)
            return KZ_RANGE;
    if (check_names(why, event) != KZ_OK)
        return KZ_RANGE;
    if (json_equal(json_object_get(event, "second"), json_object_get(event, "actor")))
        return audit_refuse(why, "second: must be another person than the actor");
    return KZ_OK;
}

static json_t *text_or_null(const char *text)
{
    return text == NULL ? json_null() : json_string(text);
}

static json_t *hash_or_null(const struct hash256 *hash)
{
    char text[HASH256_HEX_SIZE];
    if (hash == NULL)
        return json_null();
    hex_encode(text, hash->b, sizeof(hash->b));
    return json_string(text);
}

/* Copies, so that what is hashed cannot change under the event. */
static json_t *copy_or(const json_t *value, json_t *otherwise)
{
    if (value == NULL)
        return otherwise;
    json_decref(otherwise);
    return json_deep_copy(value);
}

enum kz_err audit_event_build(json_t **out, char why[AUDIT_WHY_SIZE],
                              const struct audit_event *e, uint64_t seq)
{
    char time[CLOCK_TEXT_SIZE];
    clock_utc_format(time, e->time_ms);
    json_t *event = json_object();
    /* A text that is no UTF-8 does not become a member, and is missed below. */
    json_object_set_new(event, "schema", json_string(AUDIT_SCHEMA));
    json_object_set_new(event, "seq", json_integer((json_int_t)seq));
    json_object_set_new(event, "time", json_string(time));
    json_object_set_new(event, "instance", text_or_null(e->instance));
    json_object_set_new(event, "event", json_string(audit_word_name(e->word)));
    json_object_set_new(event, "miner", text_or_null(e->miner));
    json_object_set_new(event, "actor", text_or_null(e->actor));
    json_object_set_new(event, "role", json_string(audit_role_name(e->role)));
    json_object_set_new(event, "second", text_or_null(e->second));
    json_object_set_new(event, "reason", text_or_null(e->reason));
    json_object_set_new(event, "basis", copy_or(e->basis, json_null()));
    json_object_set_new(event, "before", hash_or_null(e->before));
    json_object_set_new(event, "after", hash_or_null(e->after));
    json_object_set_new(event, "detail", copy_or(e->detail, json_object()));
    enum kz_err err = audit_event_check(why, event);
    if (err == KZ_OK)
        *out = event;
    else
        json_decref(event);
    return err;
}

uint64_t audit_event_seq(const json_t *event)
{
    return (uint64_t)json_integer_value(json_object_get(event, "seq"));
}

int64_t audit_event_time_ms(const json_t *event)
{
    int64_t ms = 0;
    const char *text = json_string_value(json_object_get(event, "time"));
    bool is_parsed = clock_utc_parse(&ms, text, strlen(text)) == KZ_OK;
    assert(is_parsed);
    return ms;
}

enum kz_err audit_record_hash(struct hash256 *out, const json_t *record)
{
    return canon_sha256_tagged(out, AUDIT_RECORD_TAG, (struct bytes){NULL, 0}, record);
}
