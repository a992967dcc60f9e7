#include "pool/registry/record_update.h"

#include "pool/registry/record_split.h"

#include <string.h>

/* What changes it instead. */
static const struct {
    const char *field, *command;
} elsewhere[] = {
    {"miner_id", "never: it is who it is"},
    {"kind", "never: another kind is another record"},
    {"previous", "never: it is said when one applies"},
    {"certificate", "karizctl certificate set"},
    {"sites", "karizctl site add and site end"},
    {"equipment", "karizctl equipment add and equipment end"},
    {"payout_addresses", "karizctl address add and address end"},
    {"allowed_networks", "karizctl networks set"},
    {"declarations", "karizctl declaration add"},
    {"risk", "karizctl review set"},
    {"screening", "karizctl screening set"},
};

/* What is none may be anything, a value in the wrong place too. */
static bool is_word(const char *name)
{
    size_t len = strlen(name);
    return len <= 40 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

static enum kz_err check_name(char why[RECORD_WHY_SIZE], const char *name)
{
    const struct record_field *f = record_field_find(record_fields(), name);
    if (f == NULL)
        return record_refuse(why, "%s: no such field", is_word(name) ? name : "?");
    if (!record_field_is_given(f))
        return record_refuse(why, "%s: is written by the registry", name);
    for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++)
        if (strcmp(name, elsewhere[i].field) == 0)
            return record_refuse(why, "%s: is changed by another command: %s", name,
                                 elsewhere[i].command);
    return KZ_OK;
}

static void find(struct record_findings *found, const json_t *full,
                 const struct record_act *act)
{
    struct record_checks with = record_checks_of(act);
    with.is_stored = false;
    record_check(found, full, &with);
}

static bool was_there(const struct record_findings *before,
                      const struct record_finding *f)
{
    for (size_t i = 0; i < before->count; i++)
        if (before->list[i].severity == RECORD_ERROR &&
            strcmp(before->list[i].path, f->path) == 0 &&
            strcmp(before->list[i].rule, f->rule) == 0)
            return true;
    return false;
}

static enum kz_err check_no_new_error(char why[RECORD_WHY_SIZE], const json_t *before,
                                      const json_t *after, const struct record_act *act)
{
    struct record_findings old = {.count = 0}, found = {.count = 0};
    enum kz_err err = KZ_OK;
    find(&old, before, act);
    find(&found, after, act);
    for (size_t i = 0; i < found.count && err == KZ_OK; i++)
        if (found.list[i].severity == RECORD_ERROR && !was_there(&old, &found.list[i]))
            err = record_refuse(why, "%s: %s", found.list[i].path, found.list[i].rule);
    record_findings_clear(&old);
    record_findings_clear(&found);
    return err;
}

enum kz_err record_update(json_t **out, char why[RECORD_WHY_SIZE], const json_t *full,
                          const json_t *given, const struct record_act *act)
{
    const char *name;
    json_t *value;
    enum miner_state state = record_state(full);
    if (!json_is_object(given) || json_object_size(given) == 0)
        return record_refuse(why, "record: an object with the fields that change "
                                  "expected");
    if (state == MINER_REJECTED || state == MINER_STATES)
        return record_refuse(why, "state: a record that is %s is not changed",
                             miner_state_name(state));
    json_t *changed = json_deep_copy(full);
    enum kz_err err = KZ_OK;
    json_object_foreach((json_t *)given, name, value)
    {
        if (err == KZ_OK)
            err = check_name(why, name);
        if (json_is_null(value))
            json_object_del(changed, name);
        else
            json_object_set_new(changed, name, json_deep_copy(value));
    }
    if (err == KZ_OK)
        err = check_no_new_error(why, full, changed, act);
    if (err == KZ_OK)
        *out = changed;
    else
        json_decref(changed);
    return err;
}

enum kz_err record_update_stored(json_t **out, struct record_happened *happened,
                                 char why[RECORD_WHY_SIZE], const json_t *updated,
                                 const json_t *given, const json_t *commitments,
                                 const struct record_act *act)
{
    const char *name;
    json_t *value, *rest = NULL, *personal = NULL, *changed = NULL;
    json_t *fields = json_array();
    enum kz_err err = record_act_check(why, act, RECORD_FOR_CHANGE);
    record_split(&rest, &personal, updated);
    if (err == KZ_OK)
        err = record_commit(&changed, why, rest, personal, commitments);
    json_decref(rest);
    json_decref(personal);
    if (err != KZ_OK) {
        json_decref(fields);
        return err;
    }
    json_object_foreach((json_t *)given, name, value)
        json_array_append_new(fields, json_string(name));
    record_sign(changed, act->by, NULL, act->reason, act->basis);
    *happened = record_happened_of(act, AUDIT_RECORD_CHANGED);
    happened->detail = json_pack("{s:o}", "fields", fields);
    *out = changed;
    return KZ_OK;
}
