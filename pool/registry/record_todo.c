#include "pool/registry/record_todo.h"

#include "pool/registry/day.h"

#include <string.h>

#define DAY_MS INT64_C(86400000)

struct look {
    const struct record_act *act;
    struct day today;
    int days;
    json_t *found;
};

static bool is_text(const json_t *object, const char *key, const char *expected)
{
    const char *text = record_text(object, key);
    return text != NULL && strcmp(text, expected) == 0;
}

/* Open: the entry, borrowed, for further members. */
static json_t *add(const struct look *l, const json_t *record, const char *what)
{
    json_t *entry = json_pack("{s:s, s:O*, s:O*}", "what", what, "miner_id",
                              json_object_get(record, "miner_id"), "state",
                              json_object_get(record, "state"));
    json_array_append_new(l->found, entry);
    return entry;
}

static void copy_member(json_t *entry, const char *name, const json_t *from,
                        const char *key)
{
    json_t *value = json_object_get(from, key);
    if (json_is_string(value))
        json_object_set(entry, name, value);
}

static void mark_late(const struct look *l, json_t *entry, const json_t *from,
                      const char *key)
{
    int64_t ms;
    copy_member(entry, "until", from, key);
    if (record_get_time(&ms, from, key) && ms <= l->act->now_ms)
        json_object_set_new(entry, "late", json_true());
}

/* --- each kind -------------------------------------------------------------------- */

static void look_urgent(const struct look *l, const json_t *record)
{
    const json_t *urgent = json_object_get(record, "urgent");
    if (!json_is_object(urgent))
        return;
    json_t *entry = add(l, record, "urgent");
    copy_member(entry, "by", urgent, "by");
    copy_member(entry, "at", urgent, "at");
    mark_late(l, entry, urgent, "confirm_by");
}

static void look_proposal(const struct look *l, const json_t *record)
{
    const json_t *proposal = json_object_get(record, "proposal");
    if (!json_is_object(proposal))
        return;
    json_t *entry = add(l, record, "proposal");
    bool is_state = is_text(proposal, "what", "state");
    copy_member(entry, "by", proposal, "by");
    copy_member(entry, "at", proposal, "at");
    copy_member(entry, "note", proposal, is_state ? "to" : "what");
    copy_member(entry, "address", proposal, "address");
    mark_late(l, entry, proposal, "expires");
}

static void look_application(const struct look *l, const json_t *record)
{
    if (record_state(record) == MINER_SUBMITTED)
        copy_member(add(l, record, "application"), "at", record, "state_since");
}

static void look_name(const struct look *l, const json_t *record)
{
    struct record_findings found = {.count = 0};
    const struct record_checks with = record_checks_of(l->act);
    enum miner_state state = record_state(record);
    if (state != MINER_DRAFT && state != MINER_SUBMITTED)
        return;
    record_check(&found, record, &with);
    for (size_t i = 0; i < found.count; i++) {
        if (found.list[i].severity != RECORD_FLAG)
            continue;
        json_t *entry = add(l, record, "name");
        json_t *note = json_string(found.list[i].rule);
        json_object_set_new(entry, "field", json_string(found.list[i].path));
        if (note != NULL) /* a stem that was cut is no UTF-8 any more */
            json_object_set_new(entry, "note", note);
    }
    record_findings_clear(&found);
}

static void look_screening(const struct look *l, const json_t *record)
{
    const json_t *screening = json_object_get(record, "screening");
    enum miner_state state = record_state(record);
    bool is_over = state == MINER_REJECTED || state == MINER_CLOSED;
    if (is_over || !is_text(screening, "result", "flag"))
        return;
    json_t *entry = add(l, record, "screening");
    copy_member(entry, "by", screening, "decided_by");
    copy_member(entry, "at", screening, "on");
}

static void look_grace(const struct look *l, const json_t *record)
{
    int64_t since;
    if (record_state(record) != MINER_RESTRICTED ||
        !record_get_time(&since, record, "state_since") ||
        l->act->now_ms < since + RECORD_GRACE_DAYS * DAY_MS)
        return;
    json_t *entry = add(l, record, "grace");
    copy_member(entry, "at", record, "state_since");
    record_set_time(entry, "until", since + RECORD_GRACE_DAYS * DAY_MS);
    json_object_set_new(entry, "late", json_true());
}

/* A day of a live record that is near, or past. */
static void look_day(const struct look *l, const json_t *record, const char *what,
                     const char *object, const char *key)
{
    struct day day;
    enum miner_state state = record_state(record);
    const json_t *holder = json_object_get(record, object);
    const char *text = record_text(holder, key);
    bool is_live =
        state == MINER_ACTIVE || state == MINER_RESTRICTED || state == MINER_SUSPENDED;
    if (!is_live || text == NULL || day_parse(&day, text) != KZ_OK ||
        day.n > l->today.n + l->days)
        return;
    json_t *entry = add(l, record, what);
    copy_member(entry, "until", holder, key);
    if (day.n < l->today.n)
        json_object_set_new(entry, "late", json_true());
}

static void look_certificate(const struct look *l, const json_t *record)
{
    look_day(l, record, "certificate", "certificate", "valid_until");
}

static void look_review(const struct look *l, const json_t *record)
{
    look_day(l, record, "review", "risk", "next_review");
}

json_t *record_todo(const json_t *records, const struct record_act *act, int days)
{
    static void (*const looks[])(const struct look *l, const json_t *record) = {
        look_urgent,    look_proposal, look_application, look_name,
        look_screening, look_grace,    look_certificate, look_review};
    const struct look l = {.act = act,
                           .today =
                               day_of_ms(act->now_ms, act->profile->utc_offset_minutes),
                           .days = days,
                           .found = json_array()};
    for (size_t k = 0; k < sizeof(looks) / sizeof(looks[0]); k++) {
        size_t i;
        json_t *record;
        json_array_foreach((json_t *)records, i, record) looks[k](&l, record);
    }
    return l.found;
}
