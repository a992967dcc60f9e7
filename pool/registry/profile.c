#include "pool/registry/profile.h"

#include "conf/mem.h"

#include <string.h>

const char *const miner_kind_names[MINER_KINDS] = {
    [MINER_NATURAL_PERSON] = "natural_person",
    [MINER_INDIVIDUAL_ENTREPRENEUR] = "individual_entrepreneur",
    [MINER_LEGAL_ENTITY] = "legal_entity",
};

const char *const miner_residency_names[MINER_RESIDENCIES] = {
    [MINER_RESIDENT] = "resident",
    [MINER_NON_RESIDENT] = "non_resident",
};

const char *const profile_need_names[PROFILE_NEEDS] = {
    [PROFILE_NO] = "no",
    [PROFILE_OPTIONAL] = "optional",
    [PROFILE_REQUIRED] = "required",
    [PROFILE_REQUIRED_IF_LOCAL] = "required_if_local",
    [PROFILE_OF_LEGAL_ENTITY] = "legal_entity",
};

const char *const profile_period_names[PROFILE_PERIODS] = {
    [PROFILE_ON_DEMAND] = "on_demand", [PROFILE_DAY] = "day",
    [PROFILE_MONTH] = "month",         [PROFILE_QUARTER] = "quarter",
    [PROFILE_YEAR] = "year",
};

void profile_free(struct profile *p)
{
    if (p == NULL)
        return;
    pattern_free(p->certificate.pattern);
    pattern_free(p->tax_id.pattern);
    json_decref(p->json);
    mem_free(p);
}

bool profile_requires(const struct profile *p, enum profile_field field,
                      enum miner_kind kind, enum miner_residency residency)
{
    switch (p->fields[field]) {
    case PROFILE_REQUIRED:
        return true;
    case PROFILE_REQUIRED_IF_LOCAL:
        return residency == MINER_RESIDENT;
    case PROFILE_OF_LEGAL_ENTITY:
        return kind == MINER_LEGAL_ENTITY;
    case PROFILE_NO:
    case PROFILE_OPTIONAL:
    case PROFILE_NEEDS:
        break;
    }
    return false;
}

bool profile_takes(const struct profile *p, enum profile_field field,
                   enum miner_kind kind)
{
    enum profile_need need = p->fields[field];
    return need != PROFILE_NO &&
           (need != PROFILE_OF_LEGAL_ENTITY || kind == MINER_LEGAL_ENTITY);
}

bool profile_list_has(const struct profile_list *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], text) == 0)
            return true;
    return false;
}

const struct profile_region *profile_region_find(const struct profile *p,
                                                 const char *code)
{
    for (size_t i = 0; i < p->region_count; i++)
        if (strcmp(p->regions[i].code, code) == 0)
            return &p->regions[i];
    return NULL;
}

const char *profile_text(const struct profile_texts *texts, const char *lang)
{
    for (size_t i = 0; i < texts->count; i++)
        if (strcmp(texts->items[i].lang, lang) == 0)
            return texts->items[i].text;
    return texts->count > 0 ? texts->items[0].text : "";
}

const struct profile_stop *profile_stop_at(const struct profile *p, int64_t utc_ms)
{
    for (size_t i = 0; i < p->stop_count; i++)
        if (utc_ms >= p->stops[i].from_ms && utc_ms < p->stops[i].to_ms)
            return &p->stops[i];
    return NULL;
}
