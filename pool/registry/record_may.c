#include "pool/registry/record_may.h"

#include "pool/registry/day.h"
#include "pool/registry/record_state.h"

#include <string.h>

#define DAY_MS INT64_C(86400000)

/* --- time ------------------------------------------------------------------------------ */

/* The day is the last one on which it holds. One that is damaged has passed. */
static bool has_passed(const json_t *object, const char *key,
                       const struct record_view *view)
{
    struct day last, today = day_of_ms(view->now_ms, view->profile->utc_offset_minutes);
    const json_t *value = json_object_get(object, key);
    if (value == NULL || json_is_null(value))
        return false;
    return !json_is_string(value) ||
           day_parse(&last, json_string_value(value)) != KZ_OK || last.n < today.n;
}

static bool is_time_passed(const json_t *object, const char *key, int64_t add_ms,
                           const struct record_view *view)
{
    int64_t at;
    return record_get_time(&at, object, key) && at + add_ms <= view->now_ms;
}

static enum record_due find_due(const json_t *record, const struct record_view *view)
{
    enum miner_state state = record_state(record);
    bool may_mine = miner_state_may_mine(state);
    if (may_mine &&
        has_passed(json_object_get(record, "certificate"), "valid_until", view))
        return RECORD_DUE_SUSPENSION;
    if (state == MINER_ACTIVE &&
        has_passed(json_object_get(record, "risk"), "next_review", view))
        return RECORD_DUE_RESTRICTION;
    if (state == MINER_SUSPENDED &&
        is_time_passed(json_object_get(record, "urgent"), "confirm_by", 0, view))
        return RECORD_DUE_CONFIRMATION;
    if (state == MINER_RESTRICTED &&
        is_time_passed(record, "state_since", RECORD_GRACE_DAYS * DAY_MS, view))
        return RECORD_DUE_GRACE;
    return RECORD_DUE_NOTHING;
}

static const char *basis_note(enum record_due due)
{
    return due == RECORD_DUE_SUSPENSION ? "certificate.valid_until has passed"
                                        : "risk.next_review has passed";
}

enum record_due record_due(json_t **out, struct record_happened *happened,
                           const json_t *record, const struct record_view *view)
{
    enum record_due due = find_due(record, view);
    if (due != RECORD_DUE_SUSPENSION && due != RECORD_DUE_RESTRICTION)
        return due;
    bool is_expiry = due == RECORD_DUE_SUSPENSION;
    json_t *basis = json_pack("{s:s, s:s}", "code", "system", "note", basis_note(due));
    const struct record_act act = {.by = "system",
                                   .role = AUDIT_SYSTEM,
                                   .reason = is_expiry ? "certificate_expired"
                                                       : "review_overdue",
                                   .basis = basis,
                                   .now_ms = view->now_ms};
    const struct record_transition *t = record_transition_find(
        record_state(record), is_expiry ? MINER_SUSPENDED : MINER_RESTRICTED);
    *out = record_transition_go(t, record, &act, NULL);
    *happened = record_happened_of(&act, t->word);
    happened->basis = json_object_get(*out, "basis"); /* ours goes */
    json_decref(basis);
    return due;
}

bool record_stop_is_on(const json_t *stop_orders, int64_t now_ms)
{
    size_t i;
    json_t *order;
    json_array_foreach((json_t *)stop_orders, i, order)
    {
        int64_t from, to;
        bool has_end = record_get_time(&to, order, "to");
        bool is_open = has_end || json_is_null(json_object_get(order, "to"));
        if (is_open && record_get_time(&from, order, "from") && from <= now_ms &&
            (!has_end || now_ms < to))
            return true;
    }
    return false;
}

/* --- what it may ---------------------------------------------------------------------------- */

static enum miner_state state_now(const json_t *record, const struct record_view *view)
{
    switch (find_due(record, view)) {
    case RECORD_DUE_SUSPENSION:
        return MINER_SUSPENDED;
    case RECORD_DUE_RESTRICTION:
        return MINER_RESTRICTED;
    case RECORD_DUE_NOTHING:
    case RECORD_DUE_CONFIRMATION:
    case RECORD_DUE_GRACE:
        break;
    }
    return record_state(record);
}

static const char *revoked_hold(const json_t *record)
{
    const char *to = record_text(json_object_get(record, "release"), "to");
    if (to == NULL)
        return "revoked";
    return strcmp(to, "owner") == 0 ? NULL : "released_to_order";
}

static struct record_may by_state(enum miner_state state, const json_t *record)
{
    struct record_may may = {.state = state, .refusal = "not active"};
    switch (state) {
    case MINER_DRAFT:
    case MINER_SUBMITTED:
    case MINER_REJECTED:
        may.refusal = "unregistered";
        return may;
    case MINER_ACTIVE:
        may.may_mine = true;
        break;
    case MINER_RESTRICTED:
        may.may_mine = may.is_warned = true;
        may.hold_reason = "restricted";
        break;
    case MINER_SUSPENDED:
        may.hold_reason = "suspended";
        break;
    case MINER_REVOKED:
        may.hold_reason = revoked_hold(record);
        may.is_paid_in_full = may.hold_reason == NULL;
        break;
    case MINER_CLOSED:
        may.is_paid_in_full = true;
        break;
    case MINER_STATES:
        may.hold_reason = "damaged";
        return may;
    }
    may.is_credited = true;
    may.is_paid = may.hold_reason == NULL;
    return may;
}

static int64_t certificate_end_ms(const json_t *record, const struct record_view *view)
{
    struct day last;
    const char *text =
        record_text(json_object_get(record, "certificate"), "valid_until");
    if (text == NULL || day_parse(&last, text) != KZ_OK)
        return 0;
    return day_start_ms((struct day){last.n + 1}, view->profile->utc_offset_minutes);
}

struct record_may record_may(const json_t *record, const struct record_view *view)
{
    if (record == NULL)
        return by_state(MINER_DRAFT, NULL);
    struct record_may may = by_state(state_now(record, view), record);
    if (may.is_credited && record_is_frozen(record)) {
        may.is_paid = may.is_paid_in_full = false;
        may.hold_reason = "frozen";
    }
    if (profile_stop_at(view->profile, view->now_ms) != NULL ||
        record_stop_is_on(view->stop_orders, view->now_ms))
        may.may_mine = false;
    if (may.may_mine) {
        may.refusal = NULL;
        may.mines_until_ms = certificate_end_ms(record, view);
    }
    return may;
}
