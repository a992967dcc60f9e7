/* The desk's commands that open the vault: rows of pool/desk_rows.c. */
#include "conf/mem.h"
#include "pool/desk_rows.h"
#include "pool/registry/record_change.h"
#include "pool/registry/record_split.h"
#include "pool/registry/record_update.h"
#include "pool/screen_shelf.h"

#include <string.h>

/* The stored record with what the vault has of it. */
static enum kz_err open_record(json_t **full, char why[RECORD_WHY_SIZE],
                               const json_t *stored, struct vault *vault)
{
    char text[VAULT_WHY_SIZE];
    struct miner_id id;
    const char *name = record_text(stored, "miner_id");
    json_t *values = NULL;
    if (name == NULL || miner_id_parse(&id, name, strlen(name)) != KZ_OK)
        return record_refuse(why, "miner_id: is damaged");
    if (json_object_get(stored, "erased") != NULL)
        return record_refuse(why, "personal: was erased");
    enum kz_err err = vault_get_committed(&values, text, vault, &id,
                                          json_object_get(stored, "personal"));
    if (err != KZ_OK)
        return record_refuse(why, "vault: %.200s", text);
    err = record_merge(full, why, stored, values);
    json_decref(values);
    return err;
}

/* --- changing --------------------------------------------------------------------- */

/* The changed values into the vault, which keeps those before until the event is durable. */
static enum kz_err store_values(json_t **commitments, char why[RECORD_WHY_SIZE],
                                struct vault *vault, const json_t *updated)
{
    char text[VAULT_WHY_SIZE];
    struct miner_id id;
    const char *name = record_text(updated, "miner_id");
    json_t *rest = NULL, *personal = NULL;
    if (name == NULL || miner_id_parse(&id, name, strlen(name)) != KZ_OK)
        return record_refuse(why, "miner_id: is damaged");
    record_split(&rest, &personal, updated);
    enum kz_err err = vault_put(commitments, text, vault, &id, personal);
    json_decref(rest);
    json_decref(personal);
    return err == KZ_OK ? KZ_OK : record_refuse(why, "vault: %.200s", text);
}

enum kz_err desk_update(const void *what, json_t **out,
                        struct record_happened *happened, char why[RECORD_WHY_SIZE],
                        const json_t *record, const struct record_act *act)
{
    const struct desk_what *w = what;
    const json_t *given = json_object_get(w->arguments, "record");
    json_t *full = NULL, *updated = NULL, *commitments = NULL;
    enum kz_err err = record_act_check(why, act, RECORD_FOR_CHANGE);
    if (err == KZ_OK)
        err = open_record(&full, why, record, w->vault);
    if (err == KZ_OK)
        err = record_update(&updated, why, full, given, act);
    if (err == KZ_OK)
        err = store_values(&commitments, why, w->vault, updated);
    if (err == KZ_OK)
        err =
            record_update_stored(out, happened, why, updated, given, commitments, act);
    json_decref(full);
    json_decref(updated);
    json_decref(commitments);
    return err;
}

/* --- screening --------------------------------------------------------------------------- */

/* What a person found, or wants to be looked at, no list takes away. */
static bool is_of_person(const json_t *screening)
{
    const char *result = record_text(screening, "result");
    bool is_flag = result != NULL && strcmp(result, "flag") == 0;
    bool is_match = result != NULL && strcmp(result, "match") == 0;
    return is_match || (is_flag && json_object_get(screening, "hits") == NULL);
}

enum kz_err desk_screen(const void *what, json_t **out,
                        struct record_happened *happened, char why[RECORD_WHY_SIZE],
                        const json_t *record, const struct record_act *act)
{
    const struct desk_what *w = what;
    struct record_screen_list lists[CONF_LISTS_MAX];
    char text[SCREEN_SHELF_WHY_SIZE];
    size_t count = 0;
    json_t *full = NULL;
    if (is_of_person(json_object_get(record, "screening")))
        return record_refuse(why, "screening: a person said so; it is changed by "
                                  "screening set");
    if (screen_shelf_look(lists, &count, text, w->screens) != KZ_OK)
        return record_refuse(why, "%.200s", text);
    if (open_record(&full, why, record, w->vault) != KZ_OK)
        return KZ_RANGE;
    json_t *given = record_names_screen(full, lists, count);
    enum kz_err err = record_screen(out, happened, why, record, given, act);
    json_decref(given);
    json_decref(full);
    return err;
}

/* --- disclosing ------------------------------------------------------------------- */

static json_t *names_of(const json_t *object)
{
    const char *name;
    json_t *value, *names = json_array();
    json_object_foreach((json_t *)object, name, value)
        json_array_append_new(names, json_string(name));
    return names;
}

enum kz_err desk_disclose(struct desk_noted *out, char why[RECORD_WHY_SIZE],
                          const struct desk_notice *n)
{
    const char *id = json_string_value(json_object_get(n->arguments, "id"));
    if (id == NULL || !record_basis_has_document(n->order->basis))
        return record_refuse(why, "needs a miner's id and the number of the request");
    json_t *record = registry_show(n->registry, id);
    if (record == NULL)
        return record_refuse(why, "no miner \"%.64s\"", id);
    enum kz_err err = open_record(&out->answer, why, record, n->vault);
    if (err == KZ_OK)
        out->detail = json_pack("{s:O, s:o}", "request",
                                json_object_get(n->order->basis, "document"), "fields",
                                names_of(json_object_get(record, "personal")));
    snprintf(out->miner, sizeof(out->miner), "%s", id);
    json_decref(record);
    return err;
}

/* --- the vault itself ------------------------------------------------------------- */

/* What the record names and the vault does not open. */
static void check_record(json_t *problems, const json_t *record, struct vault *vault)
{
    char text[VAULT_WHY_SIZE], line[VAULT_WHY_SIZE + 64];
    struct miner_id id;
    const char *name = record_text(record, "miner_id");
    const json_t *personal = json_object_get(record, "personal");
    if (personal == NULL || json_object_get(record, "erased") != NULL || name == NULL ||
        miner_id_parse(&id, name, strlen(name)) != KZ_OK)
        return;
    if (vault_agrees(vault, text, &id, personal) == KZ_OK)
        return;
    snprintf(line, sizeof(line), "%s: the record and the vault do not agree: %s", name,
             text);
    json_array_append_new(problems, json_string(line));
}

enum kz_err desk_vault_check(json_t **answer, char why[RECORD_WHY_SIZE],
                             const struct desk_notice *n)
{
    char text[VAULT_WHY_SIZE];
    size_t i;
    json_t *problems = NULL, *records, *record;
    if (vault_check(&problems, text, n->vault) != KZ_OK)
        return record_refuse(why, "vault: %.200s", text);
    records = registry_records(n->registry);
    json_array_foreach(records, i, record) check_record(problems, record, n->vault);
    *answer =
        json_pack("{s:b, s:I, s:o}", "ok", json_array_size(problems) == 0, "miners",
                  (json_int_t)json_array_size(records), "problems", problems);
    json_decref(records);
    return KZ_OK;
}

/* What fails behind it is only that it is written down: asked again, both are done. */
enum kz_err desk_vault_rotate(struct desk_noted *out, char why[RECORD_WHY_SIZE],
                              const struct desk_notice *n)
{
    char text[VAULT_WHY_SIZE];
    if (record_text(n->order->basis, "note") == NULL &&
        !record_basis_has_document(n->order->basis))
        return record_refuse(why, "basis: a note or a document expected");
    if (registry_holds_vault(n->registry)) /* or the copy has keys of both */
        return record_refuse(why, "a backup is being made; try again behind it");
    if (vault_rotate_master(n->vault, text) != KZ_OK)
        return record_refuse(why, "vault: %.200s", text);
    out->answer =
        json_pack("{s:s}", "note",
                  "all keys are sealed under a new master key; destroy the old "
                  "one's copies");
    return KZ_OK;
}
