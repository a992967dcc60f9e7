/* R1: every miner's record as it was at the period's end. */
#include "pool/report/fill.h"

#include "conf/mem.h"
#include "pool/registry/record_act.h"

#include <stdio.h>
#include <string.h>

static void fill_certificate(struct fill *f, const json_t *record)
{
    const json_t *certificate = json_object_get(record, "certificate");
    const json_t *verified = json_object_get(certificate, "verified");
    fill_member(f, "certificate_issued_on", certificate, "issued_on");
    fill_member(f, "certificate_valid_until", certificate, "valid_until");
    fill_member(f, "certificate_authority", certificate, "authority");
    fill_member(f, "certificate_verified_how", verified, "method");
    fill_member(f, "certificate_verified_on", verified, "on");
}

static void fill_addresses(struct fill *f, const json_t *record, int64_t at)
{
    char text[RECORD_ADDRESSES_MAX * 100] = "";
    size_t i, len = 0;
    json_t *entry;
    json_array_foreach(json_object_get(record, "payout_addresses"), i, entry)
    {
        int64_t to;
        const char *address = record_text(entry, "address");
        if (address == NULL || (record_get_time(&to, entry, "to") && to <= at))
            continue;
        int n = snprintf(text + len, sizeof(text) - len, "%s%s", len > 0 ? " " : "",
                         address);
        len += (size_t)n < sizeof(text) - len ? (size_t)n : 0;
    }
    fill_text(f, "addresses_live", len > 0 ? text : NULL);
}

struct sum {
    int64_t count, of;
};

/* Of the entries that are there on that day. */
static struct sum sum_up(const json_t *list, const char *member, const char *day)
{
    size_t i;
    json_t *entry;
    struct sum sum = {0};
    json_array_foreach(list, i, entry)
    {
        if (!fill_was_there(entry, day, day))
            continue;
        sum.count++;
        sum.of += json_integer_value(json_object_get(entry, member));
    }
    return sum;
}

static void fill_capacity(struct fill *f, const json_t *record, const char *day)
{
    struct sum sites = sum_up(json_object_get(record, "sites"), "declared_kw", day);
    struct sum rigs = sum_up(json_object_get(record, "equipment"), "nominal_ghs", day);
    fill_number(f, "site_count", sites.count);
    fill_number(f, "declared_kw", sites.of * CELL_MILLIONTHS);
    fill_number(f, "nominal_ths", rigs.of * FILL_GHS_MILLIONTHS);
}

static void fill_record(struct fill *f, const json_t *record,
                        const struct report_source *s, const char *day)
{
    bool is_draft = record_state(record) == MINER_DRAFT;
    fill_row(f);
    f->is_draft = is_draft;
    fill_miner(f, record);
    fill_name(f, record, s->vault);
    fill_member(f, "tax_id", json_object_get(record, "tax_id"), "value");
    fill_member(f, "registration_id", json_object_get(record, "registration_id"),
                "value");
    fill_certificate(f, record);
    fill_member(f, "state", record, "state");
    fill_time(f, "state_since", record, "state_since");
    fill_addresses(f, record, fill_instant(s));
    if (!is_draft) /* its numbers may be any */
        fill_capacity(f, record, day);
    fill_member(f, "next_review", json_object_get(record, "risk"), "next_review");
}

enum kz_err source_registry(struct report **out, char why[SOURCE_WHY_SIZE],
                            const struct report_source *s)
{
    struct fill f;
    char first[PERIOD_DATE_SIZE], last[PERIOD_DATE_SIZE];
    enum kz_err err = fill_begin(&f, why, REPORT_R1, s);
    if (err != KZ_OK)
        return err;
    size_t count;
    const char **ids = history_ids(&count, s->history);
    fill_days(first, last, s);
    for (size_t i = 0; i < count; i++)
        if (source_is_asked(s, ids[i]))
            fill_record(&f, json_object_get(s->history->miners, ids[i]), s, last);
    mem_free(ids);
    return fill_end(out, &f);
}
