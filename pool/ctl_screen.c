/* karizctl screening run: pool/ctl_sheet.h. */
#include "pool/ctl_client.h"
#include "pool/ctl_sheet.h"
#include "pool/ctl_table.h"
#include "pool/ctl_terms.h"
#include "pool/registry/registry_record.h"

#include <stdio.h>
#include <string.h>

/* Records at their end are not looked at any more, nor ones whose values are gone. */
static bool is_screened(const json_t *record)
{
    enum miner_state state = record_state(record);
    return state != MINER_REJECTED && state != MINER_REVOKED && state != MINER_CLOSED &&
           state != MINER_STATES && json_object_get(record, "erased") == NULL;
}

static json_t *ids_of(const struct ctl_place *place, const json_t *arguments)
{
    size_t i;
    json_t *records, *record, *ids = json_array();
    json_t *one = json_object_get(arguments, "miner");
    if (one != NULL) {
        json_array_append(ids, one);
        return ids;
    }
    if (!ctl_ask(&records, place, "miner_list", NULL)) {
        json_decref(ids);
        return NULL;
    }
    json_array_foreach(records, i, record)
    {
        if (is_screened(record))
            json_array_append(ids, json_object_get(record, "miner_id"));
    }
    json_decref(records);
    return ids;
}

/* {miner_id, result, hits} or {miner_id, result: "failed", why}. */
static json_t *screen_one(const struct ctl_place *place, const json_t *arguments,
                          json_t *id)
{
    char why[CTL_WHY_SIZE];
    json_t *answer, *request = json_deep_copy(arguments);
    json_object_set(request, "miner", id);
    if (ctl_call(&answer, why, place->socket, "screening_run", request,
                 CTL_PATIENCE_S) != KZ_OK)
        return json_pack("{s:O, s:s, s:s}", "miner_id", id, "result", "failed", "why",
                         why);
    const json_t *screening = json_object_get(answer, "screening");
    json_t *told = json_pack("{s:O, s:O*, s:O*}", "miner_id", id, "result",
                             json_object_get(screening, "result"), "hits",
                             json_object_get(screening, "hits"));
    json_decref(answer);
    return told;
}

static void print_one(const struct words *w, const json_t *told)
{
    size_t i;
    json_t *hit;
    words_print_wide(stdout, ctl_text(told, "miner_id"), 20);
    fputs(" ", stdout);
    words_print(stdout, words_code(w, "codes", ctl_text(told, "result")));
    fputs(ctl_text(told, "why")[0] != '\0' ? ": " : "", stdout);
    words_print(stdout, ctl_text(told, "why"));
    puts("");
    json_array_foreach(json_object_get(told, "hits"), i, hit)
    {
        fputs("    ", stdout);
        words_print(stdout, json_string_value(hit));
        puts("");
    }
}

static int screen_all(const struct ctl_place *place, const struct words *w,
                      const json_t *arguments)
{
    size_t i, bad = 0;
    json_t *id, *ids = ids_of(place, arguments), *all = json_array();
    int status = ids != NULL ? 0 : 1;
    json_array_foreach(ids, i, id)
    {
        json_t *told = screen_one(place, arguments, id);
        json_array_append_new(all, told);
        bad += strcmp(ctl_text(told, "result"), "clear") != 0;
        if (!place->json)
            print_one(w, told);
    }
    if (place->json && ids != NULL)
        ctl_print_json(all);
    json_decref(ids);
    json_decref(all);
    return status == 0 && bad == 0 && fflush(stdout) == 0 ? 0 : 1;
}

int ctl_screening_run(const struct ctl_place *place, const json_t *arguments)
{
    struct words *w = words_load(json_string_value(json_object_get(arguments, "lang")));
    if (w == NULL)
        return 2;
    int status = screen_all(place, w, arguments);
    words_free(w);
    return status;
}
