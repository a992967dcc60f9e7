#include "pool/report/source_miners.h"

#include "conf/mem.h"
#include "pool/registry/record_act.h"

#include <string.h>

struct source_miners {
    const struct history *history;
    json_t *names;       /* id -> official name, of those that were looked up */
    struct vault *vault; /* borrowed, may be NULL */
    int offset_minutes;
};

struct source_miners *source_miners_new(const struct report_source *s)
{
    struct source_miners *m = mem_new(sizeof(*m));
    *m = (struct source_miners){s->history, json_object(), s->vault,
                                s->header.period.offset_minutes};
    return m;
}

void source_miners_free(struct source_miners *m)
{
    if (m == NULL)
        return;
    json_decref(m->names);
    mem_free(m);
}

const json_t *source_miners_all(const struct source_miners *m)
{
    return m->history->miners;
}

/* --- what held on a day ----------------------------------------------------------- */

/* Dates of this form order as texts do. */
const json_t *source_certificate_at(const struct source_miners *m, const char *id,
                                    int64_t at_ms)
{
    const json_t *record = json_object_get(m->history->miners, id), *found = NULL;
    const json_t *list = json_object_get(record, "certificates_before");
    const char *earliest = NULL;
    char day[PERIOD_DATE_SIZE];
    period_date(day, at_ms, m->offset_minutes);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const char *until = record_text(one, "replaced_on");
        if (until == NULL || strcmp(until, day) <= 0 ||
            (found != NULL && strcmp(until, earliest) >= 0))
            continue;
        found = one;
        earliest = until;
    }
    return found != NULL ? found : json_object_get(record, "certificate");
}

/* The list is in the order of registration: the newest live one is paid. */
const char *source_address_at(const struct source_miners *m, const char *id,
                              int64_t at_ms)
{
    const json_t *list =
        json_object_get(json_object_get(m->history->miners, id), "payout_addresses");
    for (size_t i = json_array_size(list); i > 0; i--) {
        const json_t *one = json_array_get(list, i - 1);
        int64_t from, to;
        if (record_get_time(&from, one, "from") && from > at_ms)
            continue;
        if (!record_get_time(&to, one, "to") || to > at_ms)
            return record_text(one, "address");
    }
    return NULL;
}

struct source_equipment source_equipment_at(const struct source_miners *m,
                                            const char *id, int64_t at_ms)
{
    const json_t *list =
        json_object_get(json_object_get(m->history->miners, id), "equipment");
    char day[PERIOD_DATE_SIZE];
    struct source_equipment sum = {0};
    period_date(day, at_ms, m->offset_minutes);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        if (!fill_was_there(one, day, day))
            continue;
        sum.ghs += (uint64_t)json_integer_value(json_object_get(one, "nominal_ghs"));
        sum.watts += (uint64_t)json_integer_value(json_object_get(one, "power_w"));
    }
    return sum;
}

/* --- cells ------------------------------------------------------------------------ */

void source_fill_miner(struct fill *f, const struct source_miners *m, const char *id,
                       int64_t at_ms)
{
    fill_miner(f, json_object_get(m->history->miners, id));
    fill_text(f, "miner_id", id);
    fill_member(f, "certificate_no", source_certificate_at(m, id, at_ms), "number");
}

/* The vault is asked once a miner, not once a row. */
static void fill_name_once(struct fill *f, struct source_miners *m, const char *id,
                           const json_t *record)
{
    const json_t *known = json_object_get(m->names, id);
    if (known != NULL) {
        fill_text(f, "official_name", json_string_value(known));
        return;
    }
    fill_name(f, record, m->vault);
    if (f->err != KZ_OK)
        return;
    const struct report_row *row =
        report_row(f->report, report_row_count(f->report) - 1);
    const char *name = report_cell(f->report, row, "official_name")->text;
    json_object_set_new(m->names, id, name != NULL ? json_string(name) : json_null());
}

void source_fill_identity(struct fill *f, struct source_miners *m, const char *id)
{
    const json_t *record = json_object_get(m->history->miners, id);
    if (record == NULL || report_header(f->report)->disclosure < DISCLOSURE_FULL)
        return;
    fill_member(f, "tax_id", json_object_get(record, "tax_id"), "value");
    fill_name_once(f, m, id, record);
}
