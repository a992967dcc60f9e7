#include "pool/registry/record_change.h"

#include "pool/registry/day.h"
#include "pool/registry/record_qr.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* --- what all have in common -------------------------------------------------------------- */

static bool may_change(const json_t *record, const struct record_act *act)
{
    if (act->role == AUDIT_APPLICANT)
        return record_state(record) == MINER_DRAFT;
    return act->role != AUDIT_SYSTEM;
}

/* A copy to change; NULL: `why`. */
static json_t *begin(char why[RECORD_WHY_SIZE], const json_t *record,
                     const struct record_act *act)
{
    enum miner_state state = record_state(record);
    bool is_over = state == MINER_REJECTED || state == MINER_STATES;
    enum kz_err err = record_act_check(why, act, RECORD_FOR_CHANGE);
    if (err == KZ_OK && is_over)
        err = record_refuse(why, "state: a record that is %s is not changed",
                            miner_state_name(state));
    if (err == KZ_OK && !may_change(record, act))
        err = record_refuse(why, "role: %s may not change it now",
                            audit_role_name(act->role));
    return err == KZ_OK ? json_deep_copy(record) : NULL;
}

/* Takes `changed`. Whether `path` is right there, and then the act on it. */
static enum kz_err finish(json_t **out, struct record_happened *happened,
                          char why[RECORD_WHY_SIZE], json_t *changed, const char *path,
                          enum audit_word word, const struct record_act *act)
{
    struct record_findings found = {.count = 0};
    struct record_checks with = record_checks_of(act);
    record_check(&found, changed, &with);
    const struct record_finding *error = record_findings_error(&found, path);
    enum kz_err err = KZ_OK;
    if (error != NULL)
        err = record_refuse(why, "%s: %s", error->path, error->rule);
    record_findings_clear(&found);
    if (err != KZ_OK) {
        json_decref(changed);
        return err;
    }
    record_sign(changed, act->by, NULL, act->reason, act->basis);
    *happened = record_happened_of(act, word);
    *out = changed;
    return KZ_OK;
}

static struct day today_of(const struct record_act *act)
{
    return day_of_ms(act->now_ms, act->profile->utc_offset_minutes);
}

static void set_day(json_t *object, const char *key, struct day day)
{
    char text[DAY_TEXT_SIZE];
    day_format(text, day);
    json_object_set_new(object, key, json_string(text));
}

static void default_day(json_t *object, const char *key, struct day day)
{
    const json_t *given = json_object_get(object, key);
    if (given == NULL || json_is_null(given))
        set_day(object, key, day);
}

/* A copy of the object that was given; what is none stays as it is, for the check. */
static json_t *copy_of(const json_t *given)
{
    return given != NULL ? json_deep_copy(given) : json_null();
}

/* The list, made where there is none. */
static json_t *list_of(json_t *record, const char *key)
{
    json_t *list = json_object_get(record, key);
    if (!json_is_array(list)) {
        list = json_array();
        json_object_set_new(record, key, list);
    }
    return list;
}

/* --- equipment and sites ---------------------------------------------------------------------- */

struct entries {
    const char *list;
    enum audit_word added, ended;
};

static const struct entries equipment = {"equipment", AUDIT_EQUIPMENT_ADDED,
                                         AUDIT_EQUIPMENT_ENDED};
static const struct entries sites = {"sites", AUDIT_SITE_ADDED, AUDIT_SITE_ENDED};

static json_t *find_entry(const json_t *record, const char *list, const char *id)
{
    size_t i;
    json_t *entry;
    json_array_foreach(json_object_get(record, list), i, entry)
    {
        const char *known = record_text(entry, "id");
        if (known != NULL && strcmp(known, id) == 0)
            return entry;
    }
    return NULL;
}

static void entry_path(char path[RECORD_PATH_SIZE], const char *list, size_t i)
{
    snprintf(path, RECORD_PATH_SIZE, "%s[%zu]", list, i);
}

static bool is_full(const json_t *list, const char *name)
{
    const struct record_field *f = record_field_find(record_fields(), name);
    return (int64_t)json_array_size(list) >= f->max;
}

static enum kz_err add(json_t **out, struct record_happened *happened,
                       char why[RECORD_WHY_SIZE], const json_t *record,
                       const json_t *given, const struct record_act *act,
                       const struct entries *of)
{
    char path[RECORD_PATH_SIZE];
    const char *id = record_text(given, "id");
    json_t *changed = begin(why, record, act), *entry;
    if (changed == NULL)
        return KZ_RANGE;
    json_t *list = list_of(changed, of->list);
    if (is_full(list, of->list)) {
        json_decref(changed);
        return record_refuse(why, "%s: no more are kept", of->list);
    }
    entry_path(path, of->list, json_array_size(list));
    entry = copy_of(given);
    default_day(entry, "from", today_of(act));
    json_array_append_new(list, entry);
    enum kz_err err = finish(out, happened, why, changed, path, of->added, act);
    if (err == KZ_OK)
        happened->detail = json_pack("{s:s}", "id", id);
    return err;
}

enum kz_err record_add_equipment(json_t **out, struct record_happened *happened,
                                 char why[RECORD_WHY_SIZE], const json_t *record,
                                 const json_t *given, const struct record_act *act)
{
    return add(out, happened, why, record, given, act, &equipment);
}

enum kz_err record_add_site(json_t **out, struct record_happened *happened,
                            char why[RECORD_WHY_SIZE], const json_t *record,
                            const json_t *given, const struct record_act *act)
{
    return add(out, happened, why, record, given, act, &sites);
}

static bool is_ended(const json_t *entry)
{
    const json_t *to = json_object_get(entry, "to");
    return to != NULL && !json_is_null(to);
}

static enum kz_err end_entry(json_t *changed, char why[RECORD_WHY_SIZE],
                             const json_t *given, const struct record_act *act,
                             const struct entries *of)
{
    const char *id = record_text(given, "id"), *to = record_text(given, "to");
    struct day day = today_of(act), today = day;
    json_t *entry = id != NULL ? find_entry(changed, of->list, id) : NULL;
    if (entry == NULL)
        return record_refuse(why, "id: none of the record's %s has it", of->list);
    if (is_ended(entry))
        return record_refuse(why, "id: that one of the %s has ended already", of->list);
    if (json_object_get(given, "to") != NULL &&
        (to == NULL || day_parse(&day, to) != KZ_OK || day.n > today.n))
        return record_refuse(why,
                             "to: a day of the calendar, not after today, expected");
    set_day(entry, "to", day);
    return KZ_OK;
}

static enum kz_err end(json_t **out, struct record_happened *happened,
                       char why[RECORD_WHY_SIZE], const json_t *record,
                       const json_t *given, const struct record_act *act,
                       const struct entries *of, const char *checked)
{
    json_t *changed = begin(why, record, act);
    if (changed == NULL)
        return KZ_RANGE;
    if (end_entry(changed, why, given, act, of) != KZ_OK) {
        json_decref(changed);
        return KZ_RANGE;
    }
    enum kz_err err = finish(out, happened, why, changed, checked, of->ended, act);
    if (err == KZ_OK)
        happened->detail = json_pack("{s:s}", "id", record_text(given, "id"));
    return err;
}

enum kz_err record_end_equipment(json_t **out, struct record_happened *happened,
                                 char why[RECORD_WHY_SIZE], const json_t *record,
                                 const json_t *given, const struct record_act *act)
{
    return end(out, happened, why, record, given, act, &equipment, "equipment");
}

/* What stands there is checked: it says that its site has ended. */
enum kz_err record_end_site(json_t **out, struct record_happened *happened,
                            char why[RECORD_WHY_SIZE], const json_t *record,
                            const json_t *given, const struct record_act *act)
{
    const char *id = record_text(given, "id");
    size_t i;
    json_t *entry;
    json_array_foreach(json_object_get(record, "equipment"), i, entry)
    {
        const char *site = record_text(entry, "site");
        if (id != NULL && site != NULL && strcmp(site, id) == 0 && !is_ended(entry))
            return record_refuse(why,
                                 "equipment[%zu]: stands there still: end it first", i);
    }
    return end(out, happened, why, record, given, act, &sites, "sites");
}

/* --- checks ------------------------------------------------------------------------- */

static enum kz_err check_reviewer(char why[RECORD_WHY_SIZE],
                                  const struct record_act *act)
{
    if (act->role == AUDIT_OPERATOR || act->role == AUDIT_OFFICER)
        return KZ_OK;
    return record_refuse(why, "role: an operator or an officer expected");
}

/* --- the certificate ---------------------------------------------------------------- */

static enum kz_err check_qr(char why[RECORD_WHY_SIZE], const json_t *certificate,
                            const struct record_act *act)
{
    const char *method =
        record_text(json_object_get(certificate, "verified"), "method");
    const char *payload = record_text(certificate, "qr_payload");
    if (method == NULL || strcmp(method, "qr") != 0)
        return KZ_OK;
    if (payload == NULL)
        return record_refuse(why, "certificate.qr_payload: is missing");
    if (record_qr_kind(payload, act->profile) != RECORD_QR_KNOWN_HOST)
        return record_refuse(why, "certificate.qr_payload: no link to a host of the "
                                  "profile's qr_hosts: it proves nothing");
    return KZ_OK;
}

/* Takes `verified`, and puts it into the certificate. */
static enum kz_err verify(json_t *certificate, char why[RECORD_WHY_SIZE],
                          json_t *verified, const struct record_act *act)
{
    default_day(verified, "on", today_of(act));
    json_object_set_new(verified, "by", json_string(act->by));
    json_object_set_new(certificate, "verified", verified);
    enum kz_err err = check_reviewer(why, act);
    return err == KZ_OK ? check_qr(why, certificate, act) : err;
}

static void move_certificate(json_t *changed, const struct record_act *act)
{
    json_t *before = json_object_get(changed, "certificate");
    if (!json_is_object(before))
        return;
    set_day(before, "replaced_on", today_of(act));
    json_array_append(list_of(changed, "certificates_before"), before);
}

enum kz_err record_set_certificate(json_t **out, struct record_happened *happened,
                                   char why[RECORD_WHY_SIZE], const json_t *record,
                                   const json_t *given, const struct record_act *act)
{
    json_t *changed = begin(why, record, act);
    if (changed == NULL)
        return KZ_RANGE;
    json_t *certificate = copy_of(given);
    json_t *verified = json_object_get(certificate, "verified");
    enum kz_err err = KZ_OK;
    move_certificate(changed, act);
    json_object_set_new(changed, "certificate", certificate);
    if (verified != NULL)
        err = verify(certificate, why, json_deep_copy(verified), act);
    if (err != KZ_OK) {
        json_decref(changed);
        return err;
    }
    return finish(out, happened, why, changed, "certificate", AUDIT_CERTIFICATE_SET,
                  act);
}

enum kz_err record_verify_certificate(json_t **out, struct record_happened *happened,
                                      char why[RECORD_WHY_SIZE], const json_t *record,
                                      const json_t *given, const struct record_act *act)
{
    if (!json_is_object(json_object_get(record, "certificate")))
        return record_refuse(why, "certificate: is missing");
    json_t *changed = begin(why, record, act);
    if (changed == NULL)
        return KZ_RANGE;
    if (verify(json_object_get(changed, "certificate"), why, copy_of(given), act) !=
        KZ_OK) {
        json_decref(changed);
        return KZ_RANGE;
    }
    enum kz_err err = finish(out, happened, why, changed, "certificate.verified",
                             AUDIT_CERTIFICATE_VERIFIED, act);
    if (err == KZ_OK)
        happened->detail = json_pack("{s:s}", "method", record_text(given, "method"));
    return err;
}

/* --- screening, review, declarations, networks -------------------------------------- */

enum kz_err record_screen(json_t **out, struct record_happened *happened,
                          char why[RECORD_WHY_SIZE], const json_t *record,
                          const json_t *given, const struct record_act *act)
{
    if (check_reviewer(why, act) != KZ_OK)
        return KZ_RANGE;
    json_t *changed = begin(why, record, act);
    if (changed == NULL)
        return KZ_RANGE;
    json_t *screening = copy_of(given);
    default_day(screening, "on", today_of(act));
    json_object_set_new(screening, "decided_by", json_string(act->by));
    json_object_set_new(changed, "screening", screening);
    return finish(out, happened, why, changed, "screening", AUDIT_SCREENED, act);
}

static void complete_review(json_t *risk, const struct record_act *act)
{
    struct day reviewed;
    const char *level = record_text(risk, "level");
    bool is_high = level != NULL && strcmp(level, "high") == 0;
    int32_t days =
        is_high ? act->profile->review_days_high : act->profile->review_days_normal;
    default_day(risk, "reviewed_on", today_of(act));
    const char *text = record_text(risk, "reviewed_on");
    if (text != NULL && day_parse(&reviewed, text) == KZ_OK)
        default_day(risk, "next_review", (struct day){reviewed.n + days});
}

enum kz_err record_review(json_t **out, struct record_happened *happened,
                          char why[RECORD_WHY_SIZE], const json_t *record,
                          const json_t *given, const struct record_act *act)
{
    if (check_reviewer(why, act) != KZ_OK)
        return KZ_RANGE;
    json_t *changed = begin(why, record, act);
    if (changed == NULL)
        return KZ_RANGE;
    json_t *risk = copy_of(given);
    complete_review(risk, act);
    json_object_set_new(changed, "risk", risk);
    return finish(out, happened, why, changed, "risk", AUDIT_REVIEWED, act);
}

enum kz_err record_declare(json_t **out, struct record_happened *happened,
                           char why[RECORD_WHY_SIZE], const json_t *record,
                           const json_t *given, const struct record_act *act)
{
    char path[RECORD_PATH_SIZE];
    json_t *changed = begin(why, record, act);
    if (changed == NULL)
        return KZ_RANGE;
    json_t *list = list_of(changed, "declarations"), *entry = copy_of(given);
    if (is_full(list, "declarations")) {
        json_decref(changed);
        json_decref(entry);
        return record_refuse(why, "declarations: no more are kept");
    }
    entry_path(path, "declarations", json_array_size(list));
    record_set_time(entry, "at", act->now_ms);
    json_object_set_new(entry, "by", json_string(act->by));
    json_array_append_new(list, entry);
    enum kz_err err = finish(out, happened, why, changed, path, AUDIT_DECLARED, act);
    if (err == KZ_OK)
        happened->detail = json_pack("{s:s}", "code", record_text(given, "code"));
    return err;
}

enum kz_err record_set_networks(json_t **out, struct record_happened *happened,
                                char why[RECORD_WHY_SIZE], const json_t *record,
                                const json_t *given, const struct record_act *act)
{
    if (!json_is_array(given))
        return record_refuse(why, "allowed_networks: a list expected");
    json_t *changed = begin(why, record, act);
    if (changed == NULL)
        return KZ_RANGE;
    if (json_array_size(given) > 0)
        json_object_set_new(changed, "allowed_networks", json_deep_copy(given));
    else
        json_object_del(changed, "allowed_networks");
    return finish(out, happened, why, changed, "allowed_networks", AUDIT_NETWORKS_SET,
                  act);
}
