/* karizctl reasons: pool/ctl_sheet.h. */
#include "pool/ctl_sheet.h"
#include "pool/ctl_terms.h"

#include <stdio.h>

/* What a bit of record_reason.uses is called. */
static const struct {
    unsigned use;
    const char *word;
} uses[] = {
    {1u << MINER_DRAFT, "apply"},
    {1u << MINER_SUBMITTED, "submit"},
    {1u << MINER_REJECTED, "reject"},
    {1u << MINER_ACTIVE, "approve or resume"},
    {1u << MINER_RESTRICTED, "restrict"},
    {1u << MINER_SUSPENDED, "suspend"},
    {1u << MINER_REVOKED, "revoke"},
    {1u << MINER_CLOSED, "close"},
    {RECORD_FOR_FREEZE, "freeze"},
    {RECORD_FOR_UNFREEZE, "unfreeze"},
    {RECORD_FOR_RELEASE, "release"},
    {RECORD_FOR_ADDRESS, "address add or end"},
    {RECORD_FOR_CHANGE, "change what the record holds"},
    {RECORD_FOR_ERASE, "erase personal values"},
};
#define USES (sizeof(uses) / sizeof(uses[0]))

static json_t *reason_json(const struct words *w, const struct record_reason *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < USES; i++)
        if ((r->uses & uses[i].use) != 0)
            json_array_append_new(list, json_string(uses[i].word));
    const char *name = words_code(w, "reasons", r->code);
    return json_pack("{s:s, s:s, s:o}", "code", r->code, "meaning",
                     name != r->code ? name : r->meaning, "for", list);
}

static void print_reason(const struct words *w, const json_t *reason)
{
    size_t i;
    json_t *use;
    words_print_wide(stdout, json_string_value(json_object_get(reason, "code")), 22);
    fputs(" ", stdout);
    words_print(stdout, json_string_value(json_object_get(reason, "meaning")));
    fputs(" [", stdout);
    json_array_foreach(json_object_get(reason, "for"), i, use)
        printf("%s%s", i > 0 ? ", " : "", words_say(w, json_string_value(use)));
    puts("]");
}

int ctl_reasons(const struct ctl_place *place, const json_t *arguments)
{
    struct words *w = words_load(json_string_value(json_object_get(arguments, "lang")));
    json_t *all = json_array(), *one;
    const struct record_reason *r;
    size_t i;
    if (w == NULL) {
        json_decref(all);
        return 2;
    }
    for (i = 0; (r = record_reason_at(i)) != NULL; i++)
        json_array_append_new(all, reason_json(w, r));
    if (place->json)
        ctl_print_json(all);
    else
        json_array_foreach(all, i, one) print_reason(w, one);
    json_decref(all);
    words_free(w);
    return fflush(stdout) == 0 ? 0 : 1;
}
