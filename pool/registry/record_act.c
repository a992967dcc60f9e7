#include "pool/registry/record_act.h"

#include "conf/clock.h"
#include "pool/registry/record_parts.h"

#include <string.h>

#define NAME_MAX_CHARACTERS 64

/* --- reasons ------------------------------------------------------------------------- */

#define TO(state) (1u << MINER_##state)

static const struct record_reason reasons[] = {
    {"applied", "an application was made", TO(DRAFT)},
    {"application_complete", "all that is asked for was given", TO(SUBMITTED)},
    {"incomplete", "what was asked for is missing", TO(REJECTED)},
    {"not_eligible", "the law does not let this applicant mine", TO(REJECTED)},
    {"certificate_invalid", "the authority does not know the certificate",
     TO(REJECTED) | TO(SUSPENDED)},
    {"name_refused", "a person found the name not to be allowed", TO(REJECTED)},
    {"duplicate", "the applicant is registered already", TO(REJECTED)},
    {"checks_passed", "all checks were made and passed", TO(ACTIVE)},
    {"review_done", "what was overdue has been done", TO(ACTIVE)},
    {"matter_settled", "what led to the measure is settled",
     TO(ACTIVE) | RECORD_FOR_UNFREEZE},
    {"order_lifted", "the order was lifted", TO(ACTIVE) | RECORD_FOR_UNFREEZE},
    {"information_overdue", "the miner owes information", TO(RESTRICTED)},
    {"recheck_due", "a check must be made again", TO(RESTRICTED)},
    {"review_overdue", "the day of the next review has passed", TO(RESTRICTED)},
    {"certificate_expired", "the certificate's last day has passed", TO(SUSPENDED)},
    {"authority_order", "an authority ordered it",
     TO(SUSPENDED) | TO(REVOKED) | RECORD_FOR_FREEZE},
    {"court_order", "a court ordered it",
     TO(SUSPENDED) | TO(REVOKED) | RECORD_FOR_FREEZE},
    {"screening_match", "a list has the miner or an owner",
     TO(REJECTED) | TO(SUSPENDED) | RECORD_FOR_FREEZE},
    {"suspicion", "a suspicion is looked into", TO(SUSPENDED) | RECORD_FOR_FREEZE},
    {"hidden_mining", "work came from other people's machines", TO(SUSPENDED)},
    {"declaration_false", "what was declared is not so", TO(SUSPENDED)},
    {"equipment_mismatch", "what mines is not what was declared",
     TO(RESTRICTED) | TO(SUSPENDED)},
    {"account_at_risk", "somebody else may have the miner's keys or logins",
     TO(SUSPENDED) | RECORD_FOR_FREEZE | RECORD_FOR_ADDRESS},
    {"miner_request", "the miner asked for it", TO(CLOSED) | RECORD_FOR_ADDRESS},
    {"death", "the entrepreneur died", TO(CLOSED)},
    {"liquidation", "the entity is being wound up", TO(CLOSED)},
    {"release_to_owner", "what was held may go to the miner", RECORD_FOR_RELEASE},
    {"release_to_order", "what was held goes where an order says", RECORD_FOR_RELEASE},
    {"information_changed", "the miner or an authority gave other information",
     RECORD_FOR_CHANGE | RECORD_FOR_ADDRESS},
    {"correction", "what was written down was wrong", RECORD_FOR_CHANGE},
    {"check_made", "a check was made", RECORD_FOR_CHANGE},
    {"retention_over", "the time for which it must be kept has passed",
     RECORD_FOR_ERASE},
    {"erasure_requested", "somebody asked in writing to have it erased",
     RECORD_FOR_ERASE},
    {NULL, NULL, 0}};

const struct record_reason *record_reason_at(size_t i)
{
    size_t count = sizeof(reasons) / sizeof(reasons[0]) - 1;
    return i < count ? &reasons[i] : NULL;
}

const struct record_reason *record_reason_find(const char *code)
{
    for (const struct record_reason *r = reasons; r->code != NULL; r++)
        if (strcmp(r->code, code) == 0)
            return r;
    return NULL;
}

/* --- acts ------------------------------------------------------------------------------ */

static bool has_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL && text[0] != '\0';
}

bool record_basis_has_document(const json_t *basis)
{
    return has_text(basis, "document");
}

bool record_basis_is_order(const json_t *basis)
{
    return has_text(basis, "document") && has_text(basis, "authority");
}

static enum kz_err check_basis(char why[RECORD_WHY_SIZE], const struct record_act *act)
{
    struct record_findings found = {.count = 0};
    struct record_checks with = record_checks_of(act);
    record_check_field(&found, "basis", act->basis, &with);
    const struct record_finding *first = record_findings_error(&found, "");
    enum kz_err err = KZ_OK;
    if (first != NULL)
        err = record_refuse(why, "%s: %s", first->path, first->rule);
    else if (!has_text(act->basis, "code") && !has_text(act->basis, "document") &&
             !has_text(act->basis, "note"))
        err = record_refuse(why, "basis: a code, a document or a note expected");
    record_findings_clear(&found);
    return err;
}

enum kz_err record_act_check(char why[RECORD_WHY_SIZE], const struct record_act *act,
                             unsigned use)
{
    size_t count;
    const char *fault = act->by != NULL
                            ? record_text_fault(&count, act->by, strlen(act->by))
                            : "is missing";
    if (fault != NULL)
        return record_refuse(why, "by: %s", fault);
    if (count > NAME_MAX_CHARACTERS)
        return record_refuse(why, "by: at most %d characters expected",
                             NAME_MAX_CHARACTERS);
    if (act->reason == NULL)
        return record_refuse(why, "reason: is missing");
    const struct record_reason *reason = record_reason_find(act->reason);
    if (reason == NULL)
        return record_refuse(why, "reason: \"%.40s\" is no code of the list",
                             act->reason);
    if ((reason->uses & use) == 0)
        return record_refuse(why, "reason: \"%s\" (%s) is none for this", reason->code,
                             reason->meaning);
    return check_basis(why, act);
}

struct record_happened record_happened_of(const struct record_act *act,
                                          enum audit_word word)
{
    return (struct record_happened){.word = word,
                                    .role = act->role,
                                    .actor = act->by,
                                    .reason = act->reason,
                                    .basis = act->basis};
}

struct record_checks record_checks_of(const struct record_act *act)
{
    return (struct record_checks){.profile = act->profile,
                                  .network = network_of(act->conf->network),
                                  .now_ms = act->now_ms,
                                  .is_stored = true};
}

/* --- copies ----------------------------------------------------------------------------- */

void record_sign(json_t *changed, const char *by, const char *second,
                 const char *reason, const json_t *basis)
{
    json_object_set_new(changed, "actor", json_string(by));
    if (second != NULL)
        json_object_set_new(changed, "second", json_string(second));
    else
        json_object_del(changed, "second");
    json_object_set_new(changed, "reason", json_string(reason));
    json_object_set_new(changed, "basis", json_deep_copy(basis));
}

void record_set_time(json_t *object, const char *key, int64_t utc_ms)
{
    char text[CLOCK_TEXT_SIZE];
    clock_utc_format(text, utc_ms);
    json_object_set_new(object, key, json_string(text));
}

bool record_get_time(int64_t *utc_ms, const json_t *object, const char *key)
{
    const char *text = record_text(object, key);
    return text != NULL && clock_utc_parse(utc_ms, text, strlen(text)) == KZ_OK;
}

bool record_hash(struct hash256 *out, const json_t *record)
{
    json_t *bare = json_copy((json_t *)record);
    json_object_del(bare, "number");
    json_object_del(bare, "revision");
    bool ok = audit_record_hash(out, bare) == KZ_OK;
    json_decref(bare);
    return ok;
}
