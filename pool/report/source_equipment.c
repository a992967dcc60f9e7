/* R3: sites and the rigs on them that were there on any day of the period, by miner and
 * site; a site without rigs is a row of its own. */
#include "pool/report/fill.h"

#include "conf/mem.h"
#include "pool/registry/registry_record.h"

#include <string.h>

struct extent {
    char first[PERIOD_DATE_SIZE], last[PERIOD_DATE_SIZE];
};

static bool is_there(const json_t *entry, const struct extent *days)
{
    return fill_was_there(entry, days->first, days->last);
}

static bool is_on(const json_t *rig, const char *site)
{
    const char *on = record_text(rig, "site");
    return strcmp(on != NULL ? on : "", site) == 0;
}

/* NULL: of no site that the record has. */
static const json_t *find_site(const json_t *record, const char *id)
{
    size_t i;
    json_t *site;
    json_array_foreach(json_object_get(record, "sites"), i, site)
    {
        const char *its = record_text(site, "id");
        if (its != NULL && strcmp(its, id) == 0)
            return site;
    }
    return NULL;
}

static void begin_row(struct fill *f, const json_t *record, const char *site)
{
    fill_row(f);
    fill_miner(f, record);
    fill_text(f, "site", site[0] != '\0' ? site : NULL);
    fill_member(f, "region", find_site(record, site), "region");
}

static void fill_rig(struct fill *f, const json_t *record, const json_t *rig,
                     const char *site)
{
    begin_row(f, record, site);
    fill_member(f, "equipment_id", rig, "id");
    fill_member(f, "maker", rig, "maker");
    fill_member(f, "model", rig, "model");
    fill_member(f, "serial", rig, "serial");
    fill_member(f, "algorithm", rig, "algorithm");
    fill_whole(f, "nominal_ths", rig, "nominal_ghs", FILL_GHS_MILLIONTHS);
    fill_whole(f, "power_w", rig, "power_w", 1);
    fill_member(f, "ownership", rig, "ownership");
    fill_member(f, "used_from", rig, "from");
    fill_member(f, "used_to", rig, "to");
    fill_member(f, "authority_no", rig, "authority_no");
}

/* How many of its rigs there were. */
static size_t fill_rigs(struct fill *f, const json_t *record, const char *site,
                        const struct extent *days)
{
    size_t i, count = 0;
    json_t *rig;
    json_array_foreach(json_object_get(record, "equipment"), i, rig)
    {
        if (!is_on(rig, site) || !is_there(rig, days))
            continue;
        fill_rig(f, record, rig, site);
        count++;
    }
    return count;
}

/* Rigs of non-residents need no site: they come first, under none. */
static void fill_record(struct fill *f, const json_t *record, const struct extent *days)
{
    size_t i;
    json_t *site;
    fill_rigs(f, record, "", days);
    json_array_foreach(json_object_get(record, "sites"), i, site)
    {
        const char *id = record_text(site, "id");
        if (id != NULL && fill_rigs(f, record, id, days) == 0 && is_there(site, days))
            begin_row(f, record, id);
    }
}

/* Who has only applied has no equipment to report. */
static bool was_registered(const json_t *record)
{
    enum miner_state state = record_state(record);
    return state != MINER_DRAFT && state != MINER_SUBMITTED && state != MINER_REJECTED;
}

enum kz_err source_equipment(struct report **out, char why[SOURCE_WHY_SIZE],
                             const struct report_source *s)
{
    struct fill f;
    struct extent days;
    enum kz_err err = fill_begin(&f, why, REPORT_R3, s);
    if (err != KZ_OK)
        return err;
    size_t count;
    const char **ids = history_ids(&count, s->history);
    fill_days(days.first, days.last, s);
    for (size_t i = 0; i < count; i++) {
        const json_t *record = json_object_get(s->history->miners, ids[i]);
        if (source_is_asked(s, ids[i]) && was_registered(record))
            fill_record(&f, record, &days);
    }
    mem_free(ids);
    return fill_end(out, &f);
}
