#include "pool/registry/record_state.h"

#include "pool/registry/day.h"
#include "pool/registry/registry_address.h"

#include <string.h>

#define HOUR_MS INT64_C(3600000)

/* --- the table ------------------------------------------------------------------------ */

#define APPLICANT (1u << AUDIT_APPLICANT)
#define OPERATOR  (1u << AUDIT_OPERATOR)
#define OFFICER   (1u << AUDIT_OFFICER)
#define AUTHORITY (1u << AUDIT_AUTHORITY)
#define SYSTEM    (1u << AUDIT_SYSTEM)

/* from, to, alone, in twos, may be urgent, needs, word */
static const struct record_transition transitions[] = {
    {MINER_DRAFT, MINER_SUBMITTED, APPLICANT | OPERATOR, 0, false, RECORD_NEEDS_FORM,
     AUDIT_SUBMITTED},
    {MINER_SUBMITTED, MINER_REJECTED, OFFICER, 0, false, RECORD_NEEDS_NOTHING,
     AUDIT_REJECTED},
    {MINER_SUBMITTED, MINER_ACTIVE, 0, OFFICER, false, RECORD_NEEDS_READY,
     AUDIT_ACTIVATED},
    {MINER_ACTIVE, MINER_RESTRICTED, OFFICER | SYSTEM, 0, false, RECORD_NEEDS_NOTHING,
     AUDIT_RESTRICTED},
    {MINER_RESTRICTED, MINER_ACTIVE, 0, OFFICER, false, RECORD_NEEDS_READY,
     AUDIT_RESUMED},
    {MINER_ACTIVE, MINER_SUSPENDED, AUTHORITY | SYSTEM, OFFICER, true,
     RECORD_NEEDS_NOTHING, AUDIT_SUSPENDED},
    {MINER_RESTRICTED, MINER_SUSPENDED, AUTHORITY | SYSTEM, OFFICER, true,
     RECORD_NEEDS_NOTHING, AUDIT_SUSPENDED},
    {MINER_SUSPENDED, MINER_ACTIVE, 0, OFFICER, false, RECORD_NEEDS_READY,
     AUDIT_RESUMED},
    {MINER_ACTIVE, MINER_REVOKED, 0, OFFICER, false, RECORD_NEEDS_ORDER, AUDIT_REVOKED},
    {MINER_RESTRICTED, MINER_REVOKED, 0, OFFICER, false, RECORD_NEEDS_ORDER,
     AUDIT_REVOKED},
    {MINER_SUSPENDED, MINER_REVOKED, 0, OFFICER, false, RECORD_NEEDS_ORDER,
     AUDIT_REVOKED},
    {MINER_ACTIVE, MINER_CLOSED, OFFICER, 0, false, RECORD_NEEDS_REQUEST, AUDIT_CLOSED},
    {MINER_RESTRICTED, MINER_CLOSED, OFFICER, 0, false, RECORD_NEEDS_REQUEST,
     AUDIT_CLOSED},
    {MINER_SUSPENDED, MINER_CLOSED, OFFICER, 0, false, RECORD_NEEDS_REQUEST,
     AUDIT_CLOSED},
};

const struct record_transition *record_transition_find(enum miner_state from,
                                                       enum miner_state to)
{
    for (size_t i = 0; i < sizeof(transitions) / sizeof(transitions[0]); i++)
        if (transitions[i].from == from && transitions[i].to == to)
            return &transitions[i];
    return NULL;
}

/* --- what must hold ---------------------------------------------------------------------- */

static bool has_passed(const json_t *object, const char *key,
                       const struct record_act *act)
{
    struct day day;
    const char *text = record_text(object, key);
    return text != NULL && day_parse(&day, text) == KZ_OK &&
           day.n < day_of_ms(act->now_ms, act->profile->utc_offset_minutes).n;
}

void record_find_unready(struct record_findings *out, const json_t *record,
                         const struct record_act *act)
{
    struct record_checks with = record_checks_of(act);
    const json_t *screening = json_object_get(record, "screening");
    const char *result = record_text(screening, "result");
    with.for_active = true;
    record_check(out, record, &with);
    if (has_passed(json_object_get(record, "certificate"), "valid_until", act))
        record_findings_add(out, "certificate.valid_until", "has passed");
    if (has_passed(json_object_get(record, "risk"), "next_review", act))
        record_findings_add(out, "risk.next_review", "has passed");
    if (result != NULL && strcmp(result, "clear") != 0)
        record_findings_add(out, "screening.result", "must be clear");
}

static enum kz_err refuse_first(struct record_findings *found,
                                char why[RECORD_WHY_SIZE])
{
    const struct record_finding *first = record_findings_error(found, "");
    enum kz_err err =
        first != NULL ? record_refuse(why, "%s: %s", first->path, first->rule) : KZ_OK;
    record_findings_clear(found);
    return err;
}

static enum kz_err check_form(char why[RECORD_WHY_SIZE], const json_t *record,
                              const struct record_act *act)
{
    struct record_findings found = {.count = 0};
    const struct record_checks with = record_checks_of(act);
    record_check(&found, record, &with);
    return refuse_first(&found, why);
}

static enum kz_err check_ready(char why[RECORD_WHY_SIZE], const json_t *record,
                               const struct record_act *act)
{
    struct record_findings found = {.count = 0};
    record_find_unready(&found, record, act);
    return refuse_first(&found, why);
}

enum kz_err record_transition_check(char why[RECORD_WHY_SIZE],
                                    const struct record_transition *t,
                                    const json_t *record, const struct record_act *act)
{
    enum kz_err err = record_act_check(why, act, 1u << t->to);
    if (err != KZ_OK)
        return err;
    switch (t->needs) {
    case RECORD_NEEDS_NOTHING:
        return KZ_OK;
    case RECORD_NEEDS_FORM:
        return check_form(why, record, act);
    case RECORD_NEEDS_READY:
        return check_ready(why, record, act);
    case RECORD_NEEDS_REQUEST:
        if (record_basis_has_document(act->basis))
            return KZ_OK;
        return record_refuse(why, "basis.document: the request expected");
    case RECORD_NEEDS_ORDER:
        if (record_basis_is_order(act->basis))
            return KZ_OK;
        return record_refuse(why, "basis: an authority and its document expected");
    }
    return KZ_RANGE;
}

/* --- moving ------------------------------------------------------------------------------- */

/* A proposal to leave the old state has nothing to act on any more. */
static void drop_proposed_state(json_t *changed)
{
    const char *what = record_text(json_object_get(changed, "proposal"), "what");
    if (what != NULL && strcmp(what, "state") == 0)
        json_object_del(changed, "proposal");
}

json_t *record_transition_go(const struct record_transition *t, const json_t *record,
                             const struct record_act *act, const char *second)
{
    json_t *changed = json_deep_copy(record);
    json_object_set_new(changed, "state", json_string(miner_state_name(t->to)));
    record_set_time(changed, "state_since", act->now_ms);
    record_sign(changed, act->by, second, act->reason, act->basis);
    json_object_del(changed, "urgent");
    drop_proposed_state(changed);
    return changed;
}

static enum kz_err find_arrow(const struct record_transition **t,
                              char why[RECORD_WHY_SIZE], const json_t *record,
                              enum miner_state to)
{
    enum miner_state from = record_state(record);
    if (from == to)
        return record_refuse(why, "state: is %s already", miner_state_name(to));
    *t = record_transition_find(from, to);
    if (*t == NULL)
        return record_refuse(why, "state: %s cannot become %s", miner_state_name(from),
                             miner_state_name(to));
    return KZ_OK;
}

/* An authority's own word is its order. */
static enum kz_err check_role(char why[RECORD_WHY_SIZE],
                              const struct record_transition *t,
                              const struct record_act *act)
{
    unsigned role = 1u << act->role;
    if ((t->alone & role) == 0 && (t->in_twos & role) != 0)
        return record_refuse(why,
                             "state: to become %s needs a second person: propose it",
                             miner_state_name(t->to));
    if ((t->alone & role) == 0)
        return record_refuse(why, "role: %s may not make it %s",
                             audit_role_name(act->role), miner_state_name(t->to));
    if (role == AUTHORITY && !record_basis_is_order(act->basis))
        return record_refuse(why, "basis: an authority and its document expected");
    return KZ_OK;
}

enum kz_err record_apply(json_t **out, struct record_happened *happened,
                         char why[RECORD_WHY_SIZE], const json_t *record,
                         enum miner_state to, const struct record_act *act)
{
    const struct record_transition *t = NULL;
    enum kz_err err = find_arrow(&t, why, record, to);
    if (err == KZ_OK)
        err = check_role(why, t, act);
    if (err == KZ_OK)
        err = record_transition_check(why, t, record, act);
    if (err != KZ_OK)
        return err;
    *out = record_transition_go(t, record, act, NULL);
    *happened = record_happened_of(act, t->word);
    return KZ_OK;
}

/* --- urgent -------------------------------------------------------------------------------- */

enum kz_err record_suspend_urgently(json_t **out, struct record_happened *happened,
                                    char why[RECORD_WHY_SIZE], const json_t *record,
                                    const struct record_act *act)
{
    const struct record_transition *t = NULL;
    enum kz_err err = find_arrow(&t, why, record, MINER_SUSPENDED);
    if (err == KZ_OK && act->role != AUDIT_OFFICER)
        err = record_refuse(why, "role: an officer expected");
    if (err == KZ_OK)
        err = record_transition_check(why, t, record, act);
    if (err != KZ_OK)
        return err;
    json_t *changed = record_transition_go(t, record, act, NULL);
    json_t *urgent = json_pack("{s:s}", "by", act->by);
    record_set_time(urgent, "at", act->now_ms);
    record_set_time(urgent, "confirm_by", act->now_ms + RECORD_CONFIRM_HOURS * HOUR_MS);
    *happened = record_happened_of(act, t->word);
    happened->detail = json_pack("{s:O}", "urgent", urgent);
    json_object_set_new(changed, "urgent", urgent);
    *out = changed;
    return KZ_OK;
}

enum kz_err record_confirm_suspension(json_t **out, struct record_happened *happened,
                                      char why[RECORD_WHY_SIZE], const json_t *record,
                                      const struct record_act *act)
{
    const char *by = record_text(json_object_get(record, "urgent"), "by");
    if (by == NULL)
        return record_refuse(why, "urgent: no suspension waits to be confirmed");
    if (act->role != AUDIT_OFFICER)
        return record_refuse(why, "role: an officer expected");
    if (strcmp(by, act->by) == 0)
        return record_refuse(why, "by: another person than %s expected", by);
    *out = json_deep_copy(record);
    json_object_set_new(*out, "second", json_string(act->by));
    json_object_del(*out, "urgent");
    *happened = record_happened_of(act, AUDIT_CONFIRMED);
    happened->reason = record_text(record, "reason");
    happened->basis = json_object_get(record, "basis");
    return KZ_OK;
}

/* --- frozen --------------------------------------------------------------------------------- */

/* What is damaged is frozen. */
bool record_is_frozen(const json_t *record)
{
    const json_t *frozen = json_object_get(record, "frozen");
    return frozen != NULL && !json_is_null(frozen) &&
           !json_is_false(json_object_get(frozen, "on"));
}

enum kz_err record_freeze(json_t **out, struct record_happened *happened,
                          char why[RECORD_WHY_SIZE], const json_t *record,
                          const struct record_act *act)
{
    if (act->role != AUDIT_OFFICER && act->role != AUDIT_AUTHORITY)
        return record_refuse(why, "role: an officer or an authority expected");
    if (record_is_frozen(record))
        return record_refuse(why, "frozen: it is already");
    enum kz_err err = record_act_check(why, act, RECORD_FOR_FREEZE);
    if (err != KZ_OK)
        return err;
    if (act->role == AUDIT_AUTHORITY && !record_basis_is_order(act->basis))
        return record_refuse(why, "basis: an authority and its document expected");
    json_t *frozen = json_pack("{s:b, s:s, s:s, s:O}", "on", 1, "by", act->by, "reason",
                               act->reason, "basis", act->basis);
    record_set_time(frozen, "since", act->now_ms);
    *out = json_deep_copy(record);
    json_object_set_new(*out, "frozen", frozen);
    record_sign(*out, act->by, NULL, act->reason, act->basis);
    *happened = record_happened_of(act, AUDIT_FROZEN);
    return KZ_OK;
}

/* --- a draft ---------------------------------------------------------------------------------- */

/* What only somebody of the pool can say: it must not come with an application. */
static enum kz_err check_not_judged(char why[RECORD_WHY_SIZE], const json_t *fields)
{
    for (const struct record_field *f = record_fields(); f->name != NULL; f++)
        if (f->is_late && json_object_get(fields, f->name) != NULL)
            return record_refuse(why, "%s: is the pool's to say: leave it out",
                                 f->name);
    if (json_object_get(json_object_get(fields, "certificate"), "verified") != NULL)
        return record_refuse(
            why, "certificate.verified: is the pool's to say: leave it out");
    return KZ_OK;
}

static enum kz_err check_given(char why[RECORD_WHY_SIZE], const json_t *fields,
                               const struct record_act *act)
{
    if (!json_is_object(fields))
        return record_refuse(why, "fields: an object expected");
    for (const struct record_field *f = record_fields(); f->name != NULL; f++)
        if (!record_field_is_given(f) && json_object_get(fields, f->name) != NULL)
            return record_refuse(why, "%s: is written by the registry: leave it out",
                                 f->name);
    if (act->role == AUDIT_SYSTEM || act->role == AUDIT_AUTHORITY)
        return record_refuse(why, "role: %s makes no application",
                             audit_role_name(act->role));
    return act->role == AUDIT_APPLICANT ? check_not_judged(why, fields) : KZ_OK;
}

/* The list as it is kept, from each one's `address`. */
static enum kz_err complete_addresses(json_t *draft, char why[RECORD_WHY_SIZE],
                                      const struct record_act *act)
{
    json_t *given = json_object_get(draft, "payout_addresses"), *list, *one;
    enum kz_err err = KZ_OK;
    size_t i;
    if (given == NULL)
        return KZ_OK;
    list = json_array();
    json_array_foreach(given, i, one)
    {
        const char *text = record_text(one, "address");
        const struct record_address_change change = {
            .address = text, .conf = act->conf, .now_ms = act->now_ms};
        if (err == KZ_OK && (text == NULL || json_object_size(one) != 1))
            err = record_refuse(why,
                                "payout_addresses[%zu]: its address alone expected", i);
        if (err == KZ_OK)
            err = record_add_address(list, why, &change, 0);
    }
    if (err == KZ_OK)
        json_object_set(draft, "payout_addresses", list);
    json_decref(list);
    return err;
}

enum kz_err record_draft(json_t **out, struct record_happened *happened,
                         char why[RECORD_WHY_SIZE], const json_t *fields,
                         const struct record_act *act)
{
    enum kz_err err = check_given(why, fields, act);
    if (err == KZ_OK)
        err = record_act_check(why, act, 1u << MINER_DRAFT);
    if (err != KZ_OK)
        return err;
    json_t *draft = json_deep_copy(fields);
    err = complete_addresses(draft, why, act);
    if (err != KZ_OK) {
        json_decref(draft);
        return err;
    }
    json_object_set_new(draft, "schema", json_string(RECORD_SCHEMA));
    json_object_set_new(draft, "jurisdiction", json_string(act->profile->code));
    json_object_set_new(draft, "profile_version", json_string(act->profile->version));
    json_object_set_new(draft, "state", json_string(miner_state_name(MINER_DRAFT)));
    record_set_time(draft, "state_since", act->now_ms);
    record_set_time(draft, "registered_at", act->now_ms);
    record_sign(draft, act->by, NULL, act->reason, act->basis);
    *out = draft;
    *happened = record_happened_of(act, AUDIT_APPLIED);
    return KZ_OK;
}
