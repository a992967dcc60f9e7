/* What people are shown of the registry. */
#include "pool/registry/registry_parts.h"

#include "conf/mem.h"

#include <stdio.h>
#include <stdlib.h>

json_t *registry_show(const struct registry *r, const char *id)
{
    const json_t *record = json_object_get(r->miners, id);
    if (record == NULL)
        return NULL;
    json_t *copy = json_deep_copy(record);
    json_object_set_new(copy, "id", json_string(id));
    return copy;
}

static json_int_t number_of(const void *record)
{
    const json_t *const *r = record;
    return json_integer_value(json_object_get(*r, "number"));
}

static int by_number(const void *a, const void *b)
{
    json_int_t x = number_of(a), y = number_of(b);
    return x < y ? -1 : x > y;
}

static json_t *sorted_list(const struct registry *r, bool is_shown)
{
    const char *id;
    json_t *record, *list = json_array();
    size_t count = 0;
    json_t **sorted = mem_array(json_object_size(r->miners), sizeof(*sorted));
    json_object_foreach(r->miners, id, record) sorted[count++] =
        is_shown ? registry_show(r, id) : json_incref(record);
    if (count > 0)
        qsort(sorted, count, sizeof(*sorted), by_number);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, sorted[i]);
    mem_free(sorted);
    return list;
}

json_t *registry_list(const struct registry *r)
{
    return sorted_list(r, true);
}

json_t *registry_records(const struct registry *r)
{
    return sorted_list(r, false);
}

/* Of a member of the record, a copy of one of its own. */
static void pick(json_t *to, const json_t *record, const char *name, const char *part)
{
    const json_t *value = json_object_get(json_object_get(record, name), part);
    if (value != NULL)
        json_object_set_new(to, name, json_pack("{s:o}", part, json_deep_copy(value)));
}

json_t *registry_digests(const struct registry *r)
{
    static const char *const whole[] = {
        "miner_id", "state",       "state_since", "frozen", "release",         "urgent",
        "fee_ppm",  "minimum_sat", "actor",       "basis",  "payout_addresses"};
    const char *id;
    json_t *record, *list = json_array();
    json_object_foreach(r->miners, id, record)
    {
        json_t *one = json_object();
        for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
            const json_t *value = json_object_get(record, whole[i]);
            if (value != NULL)
                json_object_set_new(one, whole[i], json_deep_copy(value));
        }
        pick(one, record, "certificate", "valid_until");
        pick(one, record, "risk", "next_review");
        json_array_append_new(list, one);
    }
    return list;
}

/* {state: how many}, and what waits for a person. */
static void count_miners(const struct registry *r, json_t *states, json_int_t *waiting,
                         json_int_t *overdue)
{
    const char *id;
    json_t *record;
    const struct record_view view = registry_view(r);
    json_object_foreach(r->miners, id, record)
    {
        struct record_happened happened = {.detail = NULL};
        json_t *changed = NULL;
        const char *state = miner_state_name(record_state(record));
        json_int_t n = json_integer_value(json_object_get(states, state));
        json_object_set_new(states, state, json_integer(n + 1));
        *waiting += json_object_get(record, "proposal") != NULL ||
                    json_object_get(record, "urgent") != NULL;
        enum record_due due = record_due(&changed, &happened, record, &view);
        *overdue += due == RECORD_DUE_CONFIRMATION || due == RECORD_DUE_GRACE;
        json_decref(happened.detail);
        json_decref(changed);
    }
}

static json_t *audit_status(const struct registry *r)
{
    json_t *link = store_newest_link(r->store);
    const json_t *event = json_object_get(link, "event");
    json_t *o = json_object();
    json_object_set(o, "seq", json_object_get(event, "seq"));
    json_object_set(o, "time", json_object_get(event, "time"));
    json_object_set(o, "hash", json_object_get(link, "hash"));
    json_decref(link);
    return o;
}

json_t *registry_status(const struct registry *r)
{
    json_int_t waiting = 0, overdue = 0;
    json_t *states = json_object();
    char warning[128] = "";
    count_miners(r, states, &waiting, &overdue);
    if (overdue > 0)
        snprintf(warning, sizeof(warning),
                 "%lld registrations wait for a person longer than they may",
                 (long long)overdue);
    return json_pack(
        "{s:b, s:I, s:I, s:o, s:I, s:s, s:s, s:{s:s, s:s, s:b}, s:b, s:o}", "loaded",
        r->is_loaded, "version", r->version, "miners",
        (json_int_t)json_object_size(r->miners), "states", states, "waiting", waiting,
        "warning", warning, "alarm",
        r->went_back ? "Redis lost registry data; the cache stays in force" : "",
        "profile", "code", r->profile->code, "version", r->profile->version, "verified",
        r->profile->verified, "stop_order", r->is_stopped, "audit", audit_status(r));
}
